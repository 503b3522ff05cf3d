"""Power by simulation: right by closed forms, every design of the grid, and the cheapest one."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from small_studies import FORMULA, GROUPS, SE, balanced, equal, own, sometimes_refused, study
from statsmodels.stats.proportion import proportion_confint

from course import CourseError, mixedlm, power, simulate_schools
from course.studies.power import Power, units


@pytest.mark.slow
def test_p_values_are_those_of_a_t_test_of_group_means(found):
    """Balanced and off the boundary, the mixed model's test is the regression of the groups' means."""
    rows = found.replicates
    regular = rows[~rows["singular"]]
    assert len(regular) > 0.9 * len(rows)
    for row in regular.iloc[::6].itertuples():
        means = balanced(row.seed, row.effect).data.groupby("x")["y"].mean()
        line = stats.linregress(means.index, means)
        assert row.estimate == pytest.approx(line.slope, abs=1e-6)
        assert row.p_value == pytest.approx(line.pvalue, abs=1e-4)
        assert row.df == pytest.approx(GROUPS - 2, rel=1e-3)


@pytest.mark.slow
def test_power_is_that_of_the_noncentral_t(found):
    df = GROUPS - 2
    critical = stats.t(df).ppf(0.975)
    for row in found.table.itertuples():
        beyond = stats.nct(df, row.effect / SE)
        exact = beyond.sf(critical) + beyond.cdf(-critical)
        assert abs(row.power - exact) < 4 * np.sqrt(exact * (1 - exact) / row.n)
    assert found.table["effect"].to_list() == [0, 3]


@pytest.mark.slow
def test_intervals_are_wilsons(found):
    for row in found.table.itertuples():
        hits = round(row.power * row.n)
        limits = proportion_confint(hits, row.n, method="wilson")
        assert (row.lower, row.upper) == pytest.approx(limits)


@pytest.mark.slow
def test_the_grid_holds_every_design():
    found = power(
        "test_score ~ school_resources + (1|school)",
        "school_resources",
        [0, 2.5],
        provinces=2,
        schools=[4, (3, 6)],
        students=[2, 3],
        classrooms=1,
        intercept_sd={"school": 1},
        fixed_effects={"Intercept": 5},
        residual_sd=2,
        n=2,
        seed=3,
        progress=False,
    )
    table = found.table
    assert len(table) == 8 and (table["n"] == 2).all()
    assert table.drop_duplicates(["effect", "students"])["schools"].map(str).to_list() == ["4"] * 4
    assert set(table["schools"].map(str)) == {"4", "(3, 6)"}
    assert table["pupils"].to_list() == [16, 16, 24, 24, 18, 18, 27, 27]
    row = found.replicates.iloc[-1]
    made = simulate_schools(
        2, (3, 6), 1, 3, seed=int(row["seed"]), residual_sd=2, intercept_sd={"school": 1},
        fixed_effects={"Intercept": 5, "school_resources": 2.5},
    )  # fmt: skip
    fit = mixedlm("test_score ~ school_resources + (1|school)", made.data).fit()
    assert row["p_value"] == fit.pvalues["school_resources"]
    assert units({"schools": (3, 6), "students": 2})["students"] == 9


@pytest.mark.slow
def test_designs_share_their_seeds(found):
    by_effect = [rows["seed"].to_list() for _, rows in found.replicates.groupby("effect")]
    assert by_effect[0] == by_effect[1] and len(set(by_effect[0])) == found.table["n"].iloc[0]


@pytest.mark.slow
def test_a_predictor_of_ones_own():
    options = {"simulate": own, "n": 4, "seed": 1, "progress": False}
    formula = "test_score ~ reform + (1|school)"
    found = power(formula, "reform", [0, 20], schools=[6, 10], **options)
    assert list(found.table.columns[:3]) == ["schools", "effect", "pupils"]
    assert found.table["power"].to_list()[1::2] == [1, 1]
    shifted = power(formula, "reform", 20, schools=6, shift=2.0, **options)
    there = found.replicates.query("schools == 6 and effect == 20")["estimate"]
    np.testing.assert_allclose(shifted.replicates["estimate"], there, atol=1e-6)


@pytest.mark.slow
def test_a_failed_replicate_is_not_a_significant_one():
    found = power(FORMULA, "x", 30, simulate=sometimes_refused, n=30, seed=8, progress=False)
    (row,) = found.table.to_dict("records")
    assert 3 < row["failed"] == len(found.failures) < 20
    assert row["power"] == row["convergence"] == pytest.approx(1 - row["failed"] / 30)
    assert f"{row['failed']} failed" in repr(found)


@pytest.mark.slow
def test_degrees_of_freedom_of_the_test():
    one, z = (
        power(FORMULA, "x", 0, simulate=balanced, n=3, seed=5, df=df, progress=False).replicates
        for df in ("satterthwaite", "normal")
    )
    np.testing.assert_allclose(z["p_value"], 2 * stats.norm.sf(abs(z["estimate"] / z["std_error"])))
    assert (z["p_value"] < one["p_value"]).all()


def made_up(powers: list[float], n: int = 400) -> Power:
    """A study whose powers are told: 5 or 20 pupils in each of 10, 20, 40 schools."""
    designs = [(schools, students) for schools in (10, 20, 40) for students in (5, 20)]
    rows = [
        {"design": i, "provinces": 1, "schools": design[0], "classrooms": 1, "students": design[1],
         "effect": 1.0, "replicate": r, "p_value": 0.01 if r < share * n else 0.5,
         "converged": True, "singular": False, "error": None}
        for i, (design, share) in enumerate(zip(designs, powers, strict=True))
        for r in range(n)
    ]  # fmt: skip
    return Power(pd.DataFrame(rows), "y ~ x + (1|school)", "x", 0.05, 1)


def test_the_cheapest_design_is_one_that_reaches_the_power_for_sure():
    found = made_up([0.3, 0.5, 0.79, 0.83, 0.95, 0.99])
    best = found.cheapest(0.8, school=100, pupil=1)
    # 0.83 of 400 has the interval 0.790 to 0.863: perhaps enough, not for sure; 0.79 perhaps, too
    assert (best["schools"], best["students"], best["cost"]) == (40, 5, 4200)
    assert best["undecided"] == 2 and isinstance(best["schools"], int)
    dear_pupils = found.cheapest(0.4, school=1, pupil=100)
    assert (dear_pupils["schools"], dear_pupils["students"]) == (20, 5)
    dear_schools = found.cheapest(0.4, school=1000, pupil=1)
    assert (dear_schools["schools"], dear_schools["students"]) == (10, 20)
    assert found.cheapest(0.4, province=5, classroom=7, pupil=0)["cost"] == 5 + 70


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"school": 1, "power": 0.99999}, r"no design reaches .* best \(provinces 1, schools 40"),
        ({}, "school=500"),
        ({"school": -1}, "cost of schools"),
        ({"school": 1, "power": 80}, "did you mean 0.8"),
        ({"school": 1, "effect": 3}, "effects 1; name"),
    ],
)
def test_no_cheapest_design(arguments, message):
    with pytest.raises(CourseError, match=message):
        made_up([0.3, 0.5, 0.79, 0.83, 0.95, 0.99]).cheapest(**arguments)


@pytest.mark.slow
def test_of_several_effects_one_is_to_be_named(found):
    assert found.cheapest(0.05, pupil=1)["effect"] == 3  # besides 0 there is only one
    with pytest.raises(CourseError, match="effects 0, 3"):
        found.cheapest(0.05, pupil=1, effect=2)


def no_data(seed: int, effect: float) -> int:
    return 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test": "xx"}, "coefficients of the model are Intercept, x; did you mean 'x'|'x'"),
        ({"effect": []}, "effect= is empty"),
        ({"effect": "big"}, "effect must be a number"),
        ({"effect": [1, 1]}, "twice"),
        ({"schools": [3]}, "give the function the argument schools"),
        ({"pupils": 3}, "give the function the argument pupils"),
        ({"alpha": 5}, "did you mean 0.05"),
        ({"df": "kr"}, "kenward-roger"),
        ({"simulate": no_data}, "DataFrame or a Simulation, not a int"),
        ({"simulate": None}, "no fixed effect 'x'"),
        ({"simulate": None, "test": "age", "pupils": 3}, "no argument 'pupils'"),
        ({"simulate": None, "test": "age", "schools": [2, 0]}, "design .*'schools': 0"),
    ],
)
def test_wrong_arguments_of_power(changes, message):
    arguments = {"formula": FORMULA, "test": "x", "effect": 1, "simulate": balanced}
    if "schools" in changes and changes.get("simulate", 0) is None:
        arguments["formula"] = "test_score ~ age + (1|classroom)"
    with pytest.raises(CourseError, match=message):
        power(**arguments | {"n": 2, "seed": 1, "progress": False} | changes)


@pytest.mark.slow
def test_a_power_study_goes_on(tmp_path):
    arguments = {"simulate": own, "schools": [4, 6], "seed": 2, "progress": False}
    arguments |= {"formula": "test_score ~ reform + (1|school)", "test": "reform", "effect": [0, 1]}
    whole = power(n=4, **arguments)
    power(n=2, path=tmp_path / "s", **arguments)
    assert equal(whole, power(n=4, path=tmp_path / "s", **arguments))
    with pytest.raises(CourseError, match="another study, with kind"):
        study(tmp_path / "s")
    with pytest.raises(CourseError, match="another study, with designs"):
        power(n=4, path=tmp_path / "s", **arguments | {"schools": [4, 7]})
