"""A simulated assessment is a weighted sample with plausible values, and its truth can be found again."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from course import CourseError, mixedlm, read_table
from course.data import write_table
from course.simulate.assessment import simulate_assessment
from course.simulate.sampling import (
    inclusion_probabilities,
    replicate_factors,
    systematic_sample,
)

SMALL = {"countries": 1, "schools": 6, "students": 8}
FIXED = "ESCS + ST004D01T + GRADE + CNT"
INFORMATIVE = {"school": 0.5, "student": 0.5}


@pytest.fixture(scope="module")
def made():
    return simulate_assessment(seed=3, scores=True)


def weighted(values, weights):
    return float((values * weights).sum() / weights.sum())


# --- the sample ------------------------------------------------------------------------------


def test_the_columns_are_those_of_pisa(made):
    data = made.data
    names = ["CNT", "STRATUM", "SCHOOLID", "STUDID", "ST004D01T", "GRADE", "ESCS", "ST013Q01TA"]
    names += ["W_FSTUWT", "W_SCHGRNRABWT", *(f"W_FSTURWT{g}" for g in range(1, 81))]
    names += ["TRUE_SCORE", "TEST_SCORE", *(f"PV{i}MATH" for i in range(1, 11))]
    assert data.columns.to_list() == names
    assert list(data.attrs["labels"]) == names
    assert data["STUDID"].is_unique
    assert data.groupby("CNT")["SCHOOLID"].nunique().eq(40).all()
    assert data.groupby("SCHOOLID").size().eq(25).all()
    for inner, outer in (("SCHOOLID", "STRATUM"), ("STRATUM", "CNT")):
        assert data.groupby(inner)[outer].nunique().eq(1).all()
    assert data.groupby("SCHOOLID")["W_SCHGRNRABWT"].nunique().eq(1).all()
    assert (data["W_FSTUWT"] >= data["W_SCHGRNRABWT"]).all()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_table_to_the_bit(made):
    again = simulate_assessment(seed=3, scores=True)
    pd.testing.assert_frame_equal(made.data, again.data, check_exact=True)
    assert made.data.attrs == again.data.attrs
    assert not simulate_assessment(seed=4, scores=True).data["ESCS"].equals(made.data["ESCS"])


def test_the_effects_of_the_truth_are_those_of_the_scores():
    made = simulate_assessment(
        **SMALL, slope_sd=9, correlation=0.5, residual_sd=0, error_sd=0, missing={}, seed=1
    )
    data, effects = made.data, made.truth.random_effects["SCHOOLID"].loc[made.data["SCHOOLID"]]
    fixed = made.truth.fixed_effects
    score = fixed["Intercept"] + fixed["ST004D01T[T.Male]"] * (data["ST004D01T"] == "Male")
    score += (fixed["ESCS"] + effects["ESCS"].to_numpy()) * data["ESCS"]
    score += fixed["GRADE"] * data["GRADE"] + effects["Intercept"].to_numpy()
    for value in ("PV1MATH", "PV10MATH"):
        np.testing.assert_allclose(data[value], score, rtol=1e-12)


def test_probabilities_are_proportional_to_size_and_at_most_one():
    size = np.random.default_rng(1).lognormal(0, 2, 300)
    chances = inclusion_probabilities(size, 100)
    assert chances.sum() == pytest.approx(100, rel=1e-12)
    assert chances.max() == 1
    below = chances < 1
    np.testing.assert_allclose(chances[below] / size[below], chances[below][0] / size[below][0])
    assert size[~below].min() >= size[below].max()


def test_units_are_drawn_with_their_probabilities():
    rng, chances = np.random.default_rng(1), np.array([0.1, 0.3, 0.6, 1.0, 0.5, 0.5])
    drawn = np.zeros(6)
    for _ in range(4000):
        sample = systematic_sample(chances, rng)
        assert len(set(sample.tolist())) == 3
        drawn[sample] += 1
    # four standard errors of a share of 4,000
    np.testing.assert_allclose(drawn / 4000, chances, atol=4 * np.sqrt(0.25 / 4000))


@pytest.mark.slow
def test_weights_find_what_an_informative_sample_hides():
    """Sums over eight samples of the same design: exact in expectation (Horvitz and Thompson 1952)."""
    plain, by_weight = [], []
    for seed in range(8):
        data = simulate_assessment(
            countries=1, schools=60, informative=INFORMATIVE, scores=True, missing={}, seed=seed
        ).data
        rest = data["TRUE_SCORE"] - 20 * data["ESCS"] - 30 * data["GRADE"]
        rest -= 8 * (data["ST004D01T"] == "Male")
        plain.append(rest.mean())
        by_weight.append(weighted(rest, data["W_FSTUWT"]))
    error = np.std(by_weight, ddof=1) / np.sqrt(8)
    assert abs(np.mean(by_weight) - 480) < 3 * error + 2  # a ratio of sums has a bias of order 1/n
    # a normal variable tilted by exp(a z) has its mean at a: 0.5 * 40 and 0.5 * 70 points
    assert np.mean(plain) - 480 == pytest.approx(0.5 * 40 + 0.5 * 70, abs=5)


# --- replicate weights ---------------------------------------------------------------------


def test_replicates_give_the_variance_of_a_total_of_pairs_exactly():
    """For a sum over schools Fay's formula is the sum of squared differences within the pairs."""
    strata = np.repeat(np.arange(10), 4)
    values = np.random.default_rng(2).standard_normal(40)
    totals = values @ replicate_factors(strata)
    variance = ((totals - values.sum()) ** 2).sum() / (80 * 0.5**2)
    pairs = values.reshape(20, 2)
    assert variance == pytest.approx(((pairs[:, 0] - pairs[:, 1]) ** 2).sum(), rel=1e-12)


def test_three_schools_of_a_zone():
    """For a zone of three: the variance of a sum that the factors of PISA's manual imply."""
    values = np.array([1.0, 5.0, 2.0])
    totals = values @ replicate_factors(np.zeros(3, dtype=int))
    variance = ((totals - values.sum()) ** 2).sum() / (80 * 0.5**2)
    assert variance == pytest.approx((np.sqrt(2) * 1 - (5 + 2) / np.sqrt(2)) ** 2, rel=1e-12)


def test_replicates_keep_the_weights_on_average(made):
    replicates = made.data.filter(regex="^W_FSTURWT")
    np.testing.assert_allclose(replicates.mean(axis=1), made.data["W_FSTUWT"], rtol=1e-12)


# --- plausible values ------------------------------------------------------------------------


def test_plausible_values_vary_as_the_true_scores_do_and_the_tests_do_not(made):
    formula = f"{{}} ~ {FIXED} + (1|SCHOOLID)"
    data = made.data
    sd = {
        name: mixedlm(formula.format(name), data).fit().sigma
        for name in ("TRUE_SCORE", "TEST_SCORE", "PV1MATH", "PV10MATH")
    }
    assert sd["TRUE_SCORE"] == pytest.approx(70, rel=0.04)
    assert sd["TEST_SCORE"] == pytest.approx(np.hypot(70, 30), rel=0.04)
    for name in ("PV1MATH", "PV10MATH"):
        assert sd[name] == pytest.approx(70, rel=0.04)
    # the posterior's own variance: 1 / (1/70^2 + 1/30^2) = 760.3
    values = data.filter(regex="^PV")
    assert values.var(axis=1).mean() == pytest.approx(760.3, rel=0.03)
    assert np.corrcoef(data["PV1MATH"] - data["TEST_SCORE"], data["TEST_SCORE"])[0, 1] < -0.1


@pytest.mark.long
def test_rubins_rules_over_plausible_values_cover_the_truth():
    """300 samples: the shares covered lie within four standard errors of 95 %, the SDs are without bias."""
    covered, sds, formula = [], [], "{} ~ ESCS + ST004D01T + GRADE + (1|SCHOOLID)"
    for seed in range(300):
        made = simulate_assessment(
            1, 30, 15, error_sd=60, missing={}, informative=INFORMATIVE, seed=seed
        )
        fits = [mixedlm(formula.format(f"PV{i}MATH"), made.data).fit() for i in range(1, 11)]
        estimates = pd.DataFrame([fit.fe_params for fit in fits])
        within = pd.DataFrame([fit.bse_fe**2 for fit in fits]).mean()
        between = estimates.var() * 1.1
        total = within + between
        half = stats.t.ppf(0.975, 9 * (total / between) ** 2) * np.sqrt(total)
        true = made.truth.fixed_effects
        inside = (estimates.mean() - true[estimates.columns]).abs() < half
        covered.append(inside.drop("Intercept"))  # which the sample is informative of
        sds.append(np.mean([fit.variance_components["sdcor"] for fit in fits], axis=0))
    shares = pd.DataFrame(covered).mean()
    assert (shares - 0.95).abs().max() < 4 * np.sqrt(0.95 * 0.05 / 300)
    sds = np.array(sds)
    errors = sds.std(axis=0, ddof=1) / np.sqrt(300)
    assert (np.abs(sds.mean(axis=0) - [40, 70]) < 4 * errors + 0.5).all()


# --- gaps ------------------------------------------------------------------------------------


def test_values_are_missing_as_often_as_asked_and_more_among_weak_boys():
    shares = {"questionnaire": 0.1, "ESCS": 0.1, "ST013Q01TA": 0.2}
    data = simulate_assessment(2, 60, missing=shares, scores=True, seed=5).data
    gone = data[["ESCS", "ST013Q01TA"]].isna()
    assert gone["ESCS"].mean() == pytest.approx(1 - 0.9 * 0.9, abs=0.03)
    assert gone["ST013Q01TA"].mean() == pytest.approx(1 - 0.9 * 0.8, abs=0.03)
    low = data["TEST_SCORE"] < data["TEST_SCORE"].median()
    assert gone["ESCS"][low].mean() > 1.5 * gone["ESCS"][~low].mean()
    boys = data["ST004D01T"] == "Male"
    assert gone["ESCS"][boys].mean() > 1.1 * gone["ESCS"][~boys].mean()
    assert not data.drop(columns=["ESCS", "ST013Q01TA"]).isna().any(axis=None)


def test_without_gaps_there_are_no_reasons():
    data = simulate_assessment(**SMALL, missing={}, seed=1).data
    assert not data.isna().any(axis=None)
    assert "missing" not in data.attrs


@pytest.mark.slow
def test_the_table_comes_back_from_a_file_of_spss(tmp_path):
    import pyreadstat

    data = simulate_assessment(1, 20, seed=1).data
    write_table(data, tmp_path / "assessment.sav")
    back = read_table(tmp_path / "assessment.sav")
    pd.testing.assert_frame_equal(back, data, check_exact=True)
    assert back.attrs["labels"] == data.attrs["labels"]
    formula = "PV1MATH ~ ESCS + ST013Q01TA + (1|SCHOOLID)"
    reasons = mixedlm(formula, data).design.reasons
    assert set(reasons["ST013Q01TA"]) == {"Not reached", "Refused", "No response"}
    assert mixedlm(formula, back).design.reasons == reasons
    about = pyreadstat.read_sav(tmp_path / "assessment.sav", user_missing=True)[1]
    for name in ("ESCS", "ST013Q01TA"):
        assert about.missing_ranges[name] == [{"lo": 95, "hi": 99}]
        assert about.variable_value_labels[name][96] == "Not reached"
    assert about.variable_value_labels["ST004D01T"] == {1: "Female", 2: "Male"}


# --- wrong use -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, says",
    [
        ({"countries": 27}, "26 at most"),
        ({"schools": 5}, "write schools=6 or fewer strata"),
        ({"students": 251}, "250 at most"),
        ({"correlation": 0.5}, "a slope_sd above 0"),
        ({"fixed_effects": {"ESC": 1}}, "did you mean 'ESCS'"),
        ({"fixed_effects": {"CNT[T.XAA]": 1}}, "no fixed effect"),
        ({"informative": {"schools": 0.1}}, "did you mean 'school'"),
        ({"informative": {"school": 3}}, "from -1.5 to 1.5"),
        ({"missing": {"ESCS": 1.0}}, "a share from 0 to below 1"),
        ({"missing": {"GRADE": 0.1}}, "no key of missing"),
        ({"error_sd": -1}, "at least 0"),
        ({"plausible_values": 0}, "at least 1"),
        ({"seed": 1.5}, "whole number"),
    ],
)
def test_impossible_arguments_are_told_with_their_mend(arguments, says):
    with pytest.raises(CourseError, match=says):
        simulate_assessment(**SMALL | arguments)
