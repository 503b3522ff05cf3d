"""Pupils who passed or not, and their days of absence, follow the laws and effects that were asked for."""

import numpy as np
import pytest
from made import ALL_SLOPES, LEVELS
from scipy import stats
from scipy.special import expit

from course.common.parameter import read_parameter
from course.errors import CourseError
from course.simulate.schools import simulate_schools

RESPONSES = {"gaussian": "test_score", "binomial": "passed", "poisson": "days_absent"}


def on_the_link(simulation):
    """The sum of effects of every row, from the truth alone."""
    data, truth = simulation.data, simulation.truth
    columns = {"Intercept": 1, "sex[T.male]": data["sex"] == "male"}
    total = sum(
        value * columns.get(name, data.get(name)) for name, value in truth.fixed_effects.items()
    )
    for group, effects in truth.random_effects.items():
        drawn = effects.loc[data[group]]
        total = total + drawn["Intercept"].to_numpy()
        if "age" in effects:
            total += drawn["age"].to_numpy() * data["age"]
    return total.to_numpy(dtype=float)


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_the_same_seed_has_the_same_pupils_whatever_is_measured(family):
    score = simulate_schools(2, 3, 2, 8, seed=3).data.drop(columns="test_score")
    other = simulate_schools(2, 3, 2, 8, family=family, seed=3).data
    assert other[score.columns].equals(score)
    assert other.columns[-1] == RESPONSES[family]


def test_pupils_pass_with_the_probability_of_their_effects():
    simulation = simulate_schools(
        20,
        10,
        5,
        20,
        family="binomial",
        intercept_sd={"school": 1, "classroom": 0.5},
        slope_sd={"school": 0.3},
        correlation={"school": -0.4},
        intercept_at=10,
        seed=4,
    )
    p, passed = expit(on_the_link(simulation)), simulation.data["passed"]
    assert set(passed) == {0, 1} and passed.dtype == "int64"
    # in tenths of the pupils by probability: counts against their binomial mean and variance
    tenth = np.argsort(np.argsort(p)) * 10 // len(p)
    z = [
        (passed - p)[tenth == t].sum() / np.sqrt((p * (1 - p))[tenth == t].sum()) for t in range(10)
    ]
    assert stats.chi2.sf(np.square(z).sum(), 10) > 0.001


def test_absences_are_counts_per_school_day():
    simulation = simulate_schools(20, 10, 5, 20, family="poisson", seed=5)
    data = simulation.data
    assert data["school_days"].between(120, 190).all()
    assert set(data["school_days"]) >= {120, 190}
    mean = data["school_days"] * np.exp(on_the_link(simulation))
    chi2 = ((data["days_absent"] - mean) ** 2 / mean).sum()
    n = len(data)
    assert abs(chi2 - n) < 5 * np.sqrt((2 + 1 / mean).sum())  # the variance of that sum
    assert abs((data["days_absent"] - mean).sum()) < 4 * np.sqrt(mean.sum())


def test_an_effect_of_each_observation_makes_counts_vary_more():
    sds = {"school": 0.2, "student_id": 0.6}
    simulation = simulate_schools(10, 10, 2, 20, family="poisson", intercept_sd=sds, seed=6)
    data, drawn = simulation.data, simulation.truth.random_effects["student_id"]["Intercept"]
    assert abs(drawn.std() / 0.6 - 1) < 0.06
    mean = data["school_days"] * np.exp(on_the_link(simulation))
    assert ((data["days_absent"] - mean) ** 2 / mean).mean() == pytest.approx(1, abs=0.15)
    without = data["school_days"] * np.exp(
        on_the_link(simulation) - drawn.loc[data["student_id"]].to_numpy()
    )
    assert ((data["days_absent"] - without) ** 2 / without).mean() > 2


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_the_truth_is_on_the_scale_of_the_link_and_has_no_residual(family):
    small = {} if family == "poisson" else ALL_SLOPES  # e to the power of such slopes is too much
    truth = simulate_schools(family=family, seed=1, **small).truth
    assert set(truth.variance_components["group"]) == set(LEVELS)
    names = truth.parameters(LEVELS).index
    assert not any(read_parameter(name).kind == "sigma" for name in names)
    centred = truth.centred("age_c", at=10)
    assert "Residual" not in set(centred.variance_components["group"])
    assert centred.fixed_effects["age_c"] == truth.fixed_effects["age"]


def test_several_years_have_effects_of_pupils():
    truth = simulate_schools(2, 2, 2, 3, family="binomial", years=3, seed=1).truth
    sds = truth.variance_components.set_index("group")["sdcor"]
    assert sds.to_dict() == {"student_id": 1, "classroom": 0.5, "school": 0.6, "province": 0.3}


def test_gaps_in_the_response_and_the_days():
    shares = {"days_absent": 0.2, "school_days": 0.1}
    complete = simulate_schools(family="poisson", seed=2).data
    data = simulate_schools(family="poisson", missing=shares, seed=2).data
    for column, share in shares.items():
        assert abs(data[column].isna().mean() - share) < 4 * np.sqrt(share / len(data))
        known = data[column].notna()
        assert (data.loc[known, column] == complete.loc[known, column]).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"family": "binomal"}, "no family 'binomal'; did you mean 'binomial'"),
        ({"family": "binomial", "residual_sd": 8}, "passed has no residual.*leave residual_sd out"),
        ({"family": "poisson", "residual_sd": 1}, '"student_id": 0.5'),
        ({"family": "binomial", "intercept_sd": {"student_id": 1}}, "years=2 or more"),
        ({"family": "poisson", "slope_sd": {"student_id": 1}}, "years=2 or more"),
        ({"family": "binomial", "missing": {"test_score": 0.1}}, "no column .* 'test_score'"),
        ({"family": "binomial", "missing": {"school_days": 0.1}}, "no column .* 'school_days'"),
        ({"family": "poisson", "fixed_effects": {"Intercept": 50}}, "0.7 doubles the mean"),
    ],
)
def test_what_a_family_has_not_is_refused_with_the_mend(wrong, message):
    with pytest.raises(CourseError, match=message):
        simulate_schools(**wrong)
