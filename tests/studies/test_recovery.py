"""Recovery of a known truth: right by closed forms, by hand, and by the package's own fits."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import small_studies
from scipy import stats
from scipy.special import gammaln
from small_studies import FORMULA, GROUPS, ROWS, SE, SIGMA, TAU, balanced, equal, sometimes_refused

from course import (
    CourseError,
    confint,
    fixed_effects_table,
    mixedlm,
    parameters,
    power,
    recovery,
    simulate_schools,
)
from course.inference.bootstrap import STREAM as STREAM_OF_BOOTSTRAP
from course.simulate.schools import Simulation
from course.studies.recovery import performance
from course.studies.simulated_fits import STREAM


@pytest.mark.slow
def test_estimates_are_unbiased_and_intervals_cover(many):
    table = many.table
    fixed = table.loc[["Intercept", "x"]]
    assert (fixed["bias"].abs() < 4 * fixed["bias_mcse"]).all()
    # sigma is the root of chi squared over its degrees of freedom, and so a little low
    df = GROUPS * (ROWS - 1)
    low = SIGMA * (np.sqrt(2 / df) * np.exp(gammaln((df + 1) / 2) - gammaln(df / 2)) - 1)
    assert abs(table.loc["sigma", "bias"] - low) < 4 * table.loc["sigma", "bias_mcse"]
    for name in fixed.index:
        nominal = np.sqrt(0.95 * 0.05 / many.n)
        assert abs(table.loc[name, "coverage"] - 0.95) < 4 * nominal
    assert (
        table.loc[["sd(Intercept | g)", "sigma"], ["coverage", "coverage_mcse"]]
        .isna()
        .all(axis=None)
    )
    assert list(table["true"]) == [10, 3, TAU, SIGMA]
    assert (table["n"] == many.n).all()


@pytest.mark.slow
def test_spread_and_its_monte_carlo_error_are_those_of_theory(many):
    """The slope is normal with SE known; the SD of n draws is off by SE / sqrt(2 n)."""
    row, n = many.table.loc["x"], many.n
    assert row["rmse"] == pytest.approx(SE, rel=4 / np.sqrt(2 * n))
    assert row["bias_mcse"] == pytest.approx(SE / np.sqrt(n), rel=4 / np.sqrt(2 * n))
    # the RMSE of normal draws has the error SE / sqrt(2 n), itself known to about sqrt(5 / n)
    assert row["rmse_mcse"] == pytest.approx(SE / np.sqrt(2 * n), rel=4 * np.sqrt(5 / n))


def test_monte_carlo_errors_of_four_replicates_by_hand():
    rows = pd.DataFrame(
        {"true": 2.0, "estimate": [1.0, 2.0, 4.0, 3.0], "lower": [0, 1, 3, 2.0], "upper": [1.5, 3, 5, 4]}
    )  # fmt: skip
    found = performance(rows)
    # errors -1, 0, 2, 1: mean 1/2, sum of squares about it 5; squares 1, 0, 4, 1: mean 3/2, 9 about it
    assert found["mean"] == 2.5 and found["bias"] == 0.5 and found["n"] == 4
    assert found["bias_mcse"] == pytest.approx(np.sqrt(5 / (4 * 3)))
    assert found["rmse"] == pytest.approx(np.sqrt(1.5))
    assert found["rmse_mcse"] == pytest.approx(np.sqrt(9 / (4 * 3)) / (2 * np.sqrt(1.5)))
    assert found["coverage"] == 0.5
    assert found["coverage_mcse"] == pytest.approx(0.25)


@pytest.mark.slow
def test_a_replicate_is_the_fit_of_its_seed(serial):
    rows = serial.replicates
    for replicate in (0, 17):
        mine = rows[rows["replicate"] == replicate].set_index("parameter")
        fit = mixedlm(FORMULA, balanced(int(mine["seed"].iloc[0])).data).fit()
        assert list(mine.index) == list(parameters(fit).index)
        assert np.array_equal(mine["estimate"], parameters(fit))
        table = fixed_effects_table(fit)
        same = ["estimate", "std_error", "df", "p_value", "lower", "upper"]
        assert np.array_equal(mine.loc[["Intercept", "x"], same], table[same])


@pytest.mark.slow
def test_the_seeds_are_those_numpy_spawns_and_differ(serial):
    seeds = serial.replicates.drop_duplicates("replicate")["seed"]
    children = np.random.SeedSequence(1, spawn_key=(STREAM,)).spawn(20)
    assert list(seeds) == [int(c.generate_state(1, np.uint64)[0]) // 2 for c in children]
    assert len(set(seeds)) == 20 and STREAM != STREAM_OF_BOOTSTRAP
    fewer = recovery(balanced, FORMULA, 3, seed=1, progress=False)
    assert fewer.replicates.equals(serial.replicates[: len(fewer.replicates)])


@pytest.mark.slow
def test_arguments_of_simulate_schools_as_a_dict_or_a_partial():
    made = {"provinces": 2, "schools": 4, "classrooms": 2, "students": 5, "labels": "restarting"}
    formula = "test_score ~ age + (1|province:school)"
    one = recovery(made, formula, 3, seed=2, progress=False)
    assert equal(
        one, recovery(partial(simulate_schools, **made), formula, 3, seed=2, progress=False)
    )
    table = one.table
    assert table.loc["sd(Intercept | province:school)", "true"] == 3  # known by its units
    assert table.loc[
        "sd(Intercept | province:school:classroom)", "true":"mean"
    ].isna().tolist() == [
        False,
        True,
    ]
    # in the truth and not in the model: told, with nothing to be said about it
    assert table.loc["school_resources", "n"] == 0 and table.loc["school_resources", "true"] == 1
    # a variance of 0 is rightly left out
    none = recovery(
        made | {"intercept_sd": {"school": 3}}, formula, 1, seed=2, progress=False
    ).table
    assert not [name for name in none.index if "classroom" in name]


@pytest.mark.slow
@pytest.mark.parametrize(
    "intervals", ["auto", "wald", "profile", "normal", "kenward-roger", "bootstrap"]
)
def test_intervals_are_those_of_the_package(intervals, monkeypatch):
    refits = 50  # as many in the study as beside it; the 500 of studies would take ten seconds
    monkeypatch.setattr("course.studies.simulated_fits.REFITS", refits)
    found = recovery(
        balanced, FORMULA, 2, seed=3, intervals=intervals, level=0.8, progress=False
    ).replicates
    for replicate, rows in found.groupby("replicate"):
        rows = rows.set_index("parameter")
        seed = int(rows["seed"].iloc[0])
        fit = mixedlm(FORMULA, balanced(seed).data).fit()
        if intervals in ("auto", "wald", "profile", "bootstrap"):
            table = confint(fit, intervals, 0.8, n=refits, seed=seed)
        else:
            table = fixed_effects_table(fit, intervals, 0.8)
        assert np.array_equal(rows.loc[table.index, ["lower", "upper"]], table[["lower", "upper"]])
        assert rows["upper"].notna().sum() == len(table), replicate


def test_fits_by_ml():
    rows = recovery(balanced, FORMULA, 1, seed=3, reml=False, progress=False).replicates
    fit = mixedlm(FORMULA, balanced(int(rows["seed"][0])).data).fit(reml=False)
    assert np.array_equal(rows["estimate"], parameters(fit))


@pytest.mark.slow
def test_failures_are_counted_and_reported():
    found = recovery(sometimes_refused, FORMULA, 30, seed=8, progress=False)
    seeds = found.replicates.drop_duplicates("replicate")["seed"]
    refused = int((seeds % 3 == 0).sum())
    assert 3 < refused < 20
    assert found.n == 30 and found.n_failed == refused and len(found.failures) == refused
    assert set(found.failures["error"]) == {"no pupils today"}
    rate = found.convergence
    assert rate.value == pytest.approx(1 - refused / 30)
    assert rate.mcse == pytest.approx(np.sqrt(rate.value * (1 - rate.value) / 30))
    assert (found.table["n"] == 30 - refused).all()
    assert f"{refused} failed" in repr(found) and "sd(Intercept | g)" in repr(found)


def perfect(seed: int, effect: float = 3.0) -> Simulation:
    """No residual is left: no fit."""
    made = balanced(seed, effect)
    return Simulation(made.data.assign(y=3 * made.data["x"]), made.truth)


def test_a_study_without_a_single_fit():
    found = recovery(perfect, FORMULA, 3, seed=8, progress=False)
    assert found.n_failed == 3 and found.convergence == (0, 0) and np.isnan(found.singular.value)
    assert found.table.empty and "3 failed" in repr(found)
    found = power(FORMULA, "x", 1, simulate=perfect, n=3, seed=8, progress=False)
    assert found.table["power"].to_list() == [0] and found.table["failed"].to_list() == [3]
    assert len(found.failures) == 3


def test_an_interval_that_cannot_be_had_is_told(monkeypatch):
    def refuses(*_, **__):
        raise CourseError("the profile has no end")

    monkeypatch.setattr("course.studies.simulated_fits.confint", refuses)
    found = recovery(balanced, FORMULA, 2, seed=8, intervals="profile", progress=False)
    assert set(found.failures["error"]) == {"no interval: the profile has no end"}
    assert found.n_failed == 0 and found.table["mean"].notna().all()


def fewer_columns(seed: int, effect: float) -> pd.DataFrame:
    """In most replicates nobody is in the third group."""
    data = balanced(seed, effect).data
    third = "c" if seed % 3 == 0 else "b"
    return data.assign(f=np.resize(["a", "b", third], len(data)))


@pytest.mark.slow
def test_a_replicate_without_the_coefficient_is_a_failed_one():
    formula, test = "y ~ f + (1|g)", "f[T.c]"
    for seed in range(50):  # until the first replicate has it: there it would be refused
        try:
            found = power(formula, test, 1, simulate=fewer_columns, n=12, seed=seed, progress=False)
            break
        except CourseError as error:
            assert "f[T.c]" in str(error)
    assert 2 < len(found.failures) == found.table["failed"].item() < 12
    assert found.failures["error"].str.contains("coefficients of the model are Intercept, f").all()


@pytest.mark.slow
def test_singular_fits_are_counted_among_the_fits(monkeypatch):
    monkeypatch.setattr(small_studies, "TAU", 0.0)
    found = recovery(balanced, FORMULA, 25, seed=8, progress=False)
    # a group variance of 0 is estimated as 0 where the groups' mean square is below the rows'
    exact = stats.f(GROUPS - 2, GROUPS * (ROWS - 1)).cdf(1)
    assert abs(found.singular.value - exact) < 4 * np.sqrt(exact * (1 - exact) / 25)
    zero = found.replicates["parameter"] == "sd(Intercept | g)"
    assert found.singular.value == (found.replicates.loc[zero, "estimate"] < 1e-4).mean()


@pytest.mark.slow
def test_the_picture_of_a_recovery(serial):
    from course import plots

    axes = serial.plot()
    assert [ax.get_title(loc="left") for ax in axes] == ["Intercept", "fixed effects", "SDs"]
    assert "20 estimates of each of 4 parameters" in plots.alt_text(axes)


# -- wrong input ------------------------------------------------------------------------------


def no_seed() -> None: ...


def no_truth(seed: int) -> pd.DataFrame:
    return balanced(seed).data


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"simulate": 3}, "function of seed, or a dictionary"),
        ({"simulate": no_seed}, "give the function the argument seed"),
        ({"simulate": {"seed": 1}}, "seed= beside it"),
        ({"simulate": partial(balanced, seed=1)}, "seed= beside it"),
        ({"simulate": no_truth}, "Simulation with data and truth"),
        ({"simulate": {"schools": 0}}, "schools must be a whole number"),
        ({"formula": "y ~ z + (1|g)"}, "z"),
        ({"formula": "y ~ x"}, "random"),
        ({"n": 0}, "n must be"),
        ({"seed": -1}, "seed must be"),
        ({"retries": -1}, "retries must be"),
        ({"reml": "yes"}, "True for REML"),
        ({"level": 95}, "did you mean 0.95"),
        ({"intervals": "t"}, "satterthwaite"),
        ({"intervals": "kenward-roger", "reml": False}, "REML"),
        ({"executor": 2}, "ProcessPoolExecutor"),
    ],
)
def test_wrong_arguments_of_recovery(changes, message):
    arguments = {"simulate": balanced, "formula": FORMULA, "n": 2, "seed": 1, "progress": False}
    with pytest.raises(CourseError, match=message):
        recovery(**arguments | changes)


def test_the_seed_that_was_drawn_repeats_the_study():
    one = recovery(balanced, FORMULA, 2, progress=False)
    assert equal(one, recovery(balanced, FORMULA, 2, seed=one.seed, progress=False))


def test_a_truth_that_was_extended():
    """As the lessons do it: a predictor of one's own, in the data and in the truth."""

    def reformed(seed):
        made = simulate_schools(1, 6, 1, 4, seed=seed)
        data = made.data.assign(reform=pd.factorize(made.data["school"])[0] % 2)
        data["test_score"] += 2 * data["reform"]
        fixed = pd.concat([made.truth.fixed_effects, pd.Series({"reform": 2.0})])
        return Simulation(data, replace(made.truth, fixed_effects=fixed))

    found = recovery(reformed, "test_score ~ reform + (1|school)", 2, seed=1, progress=False)
    assert found.table.loc["reform", "true"] == 2
