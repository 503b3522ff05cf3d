"""Studies by simulation: right by closed forms, the same on any executor, and whole after any accident."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import gammaln
from statsmodels.stats.proportion import proportion_confint

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
from course.bootstrap import STREAM as STREAM_OF_BOOTSTRAP
from course.power import Power, units
from course.replicates import _chunks, run_in_chunks
from course.simulate import Simulation
from course.simulated_fits import REFITS, STREAM
from course.store import STUDY
from course.study import Recovery, _performance
from course.truth import Truth, variance_table

posix = pytest.mark.skipif(os.name != "posix", reason="kills processes by signals")

# -- simulations small enough to be run by the hundred ---------------------------------------

GROUPS, ROWS, TAU, SIGMA = 14, 4, 2.0, 1.5
X = np.linspace(-1, 1, GROUPS)
SE = np.sqrt(
    (TAU**2 + SIGMA**2 / ROWS) / np.sum((X - X.mean()) ** 2)
)  # of the slope, known variances
FORMULA = "y ~ x + (1|g)"


def balanced(seed: int, effect: float = 3.0) -> Simulation:
    """ROWS rows in each of GROUPS groups; x belongs to the group and is the same in every replicate."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(GROUPS), ROWS)
    y = 10 + effect * X[g] + TAU * rng.normal(size=GROUPS)[g] + SIGMA * rng.normal(size=len(g))
    one = pd.DataFrame([[TAU**2]], ["Intercept"], ["Intercept"])
    truth = Truth(pd.Series({"Intercept": 10, "x": effect}), variance_table({"g": one}, SIGMA), {})
    return Simulation(pd.DataFrame({"y": y, "x": X[g], "g": g.astype(str)}), truth)


def slow(seed: int) -> Simulation:
    time.sleep(0.05)
    return balanced(seed)


def sometimes_refused(seed: int, effect: float = 3.0) -> Simulation:
    if seed % 3 == 0:
        raise CourseError("no pupils today")
    return balanced(seed, effect)


def deadly(seed: int, folder: str, fatal: tuple[int, ...], times: int) -> Simulation:
    """Kills its worker, `times` times, with the seeds that are fatal; never the study's own process."""
    if seed in fatal and multiprocessing.parent_process() is not None:
        for i in range(times):
            marker = Path(folder) / f"{seed}-{i}"
            if not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
    return balanced(seed)


def equal(one: Recovery | Power, other: Recovery | Power) -> bool:
    """The same replicates to the bit."""
    pd.testing.assert_frame_equal(one.replicates, other.replicates, check_exact=True)
    return one.table.equals(other.table)


@pytest.fixture(scope="module")
def serial():
    return recovery(balanced, FORMULA, 40, seed=1, progress=False)


@pytest.fixture(scope="module")
def many():
    return recovery(balanced, FORMULA, 200, seed=11, progress=False)


@pytest.fixture(scope="module")
def found():
    """The power of the slope, without an effect and with one."""
    return power(FORMULA, "x", [0, 3], simulate=balanced, n=150, seed=4, progress=False)


# -- recovery: right by closed forms ----------------------------------------------------------


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
    found = _performance(rows)
    # errors -1, 0, 2, 1: mean 1/2, sum of squares about it 5; squares 1, 0, 4, 1: mean 3/2, 9 about it
    assert found["mean"] == 2.5 and found["bias"] == 0.5 and found["n"] == 4
    assert found["bias_mcse"] == pytest.approx(np.sqrt(5 / (4 * 3)))
    assert found["rmse"] == pytest.approx(np.sqrt(1.5))
    assert found["rmse_mcse"] == pytest.approx(np.sqrt(9 / (4 * 3)) / (2 * np.sqrt(1.5)))
    assert found["coverage"] == 0.5
    assert found["coverage_mcse"] == pytest.approx(0.25)


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


def test_the_seeds_are_those_numpy_spawns_and_differ(serial):
    seeds = serial.replicates.drop_duplicates("replicate")["seed"]
    children = np.random.SeedSequence(1, spawn_key=(STREAM,)).spawn(40)
    assert list(seeds) == [int(c.generate_state(1, np.uint64)[0]) // 2 for c in children]
    assert len(set(seeds)) == 40 and STREAM != STREAM_OF_BOOTSTRAP
    fewer = recovery(balanced, FORMULA, 3, seed=1, progress=False)
    assert fewer.replicates.equals(serial.replicates[: len(fewer.replicates)])


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


@pytest.mark.parametrize("intervals", ["wald", "profile", "normal", "kenward-roger", "bootstrap"])
def test_intervals_are_those_of_the_package(intervals):
    found = recovery(
        balanced, FORMULA, 2, seed=3, intervals=intervals, level=0.8, progress=False
    ).replicates
    for replicate, rows in found.groupby("replicate"):
        rows = rows.set_index("parameter")
        seed = int(rows["seed"].iloc[0])
        fit = mixedlm(FORMULA, balanced(seed).data).fit()
        if intervals in ("wald", "profile", "bootstrap"):
            table = confint(fit, intervals, 0.8, n=REFITS, seed=seed)
        else:
            table = fixed_effects_table(fit, intervals, 0.8)
        assert np.array_equal(rows.loc[table.index, ["lower", "upper"]], table[["lower", "upper"]])
        assert rows["upper"].notna().sum() == len(table), replicate


def test_fits_by_ml():
    rows = recovery(balanced, FORMULA, 1, seed=3, reml=False, progress=False).replicates
    fit = mixedlm(FORMULA, balanced(int(rows["seed"][0])).data).fit(reml=False)
    assert np.array_equal(rows["estimate"], parameters(fit))


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

    monkeypatch.setattr("course.simulated_fits.confint", refuses)
    found = recovery(balanced, FORMULA, 2, seed=8, intervals="profile", progress=False)
    assert set(found.failures["error"]) == {"no interval: the profile has no end"}
    assert found.n_failed == 0 and found.table["mean"].notna().all()


def fewer_columns(seed: int, effect: float) -> pd.DataFrame:
    """In most replicates nobody is in the third group."""
    data = balanced(seed, effect).data
    third = "c" if seed % 3 == 0 else "b"
    return data.assign(f=np.resize(["a", "b", third], len(data)))


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


def test_singular_fits_are_counted_among_the_fits(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "TAU", 0.0)
    found = recovery(balanced, FORMULA, 40, seed=8, progress=False)
    # a group variance of 0 is estimated as 0 where the groups' mean square is below the rows'
    exact = stats.f(GROUPS - 2, GROUPS * (ROWS - 1)).cdf(1)
    assert abs(found.singular.value - exact) < 4 * np.sqrt(exact * (1 - exact) / 40)
    zero = found.replicates["parameter"] == "sd(Intercept | g)"
    assert found.singular.value == (found.replicates.loc[zero, "estimate"] < 1e-4).mean()


def test_the_picture_of_a_recovery(serial):
    from course import plots

    axes = serial.plot()
    assert [ax.get_title(loc="left") for ax in axes] == ["Intercept", "fixed effects", "SDs"]
    assert "40 estimates of each of 4 parameters" in plots.alt_text(axes)


# -- power: right by closed forms -------------------------------------------------------------


def test_p_values_are_those_of_a_t_test_of_group_means(found):
    """Balanced and off the boundary, the mixed model's test is the regression of the groups' means."""
    rows = found.replicates
    regular = rows[~rows["singular"]]
    assert len(regular) > 0.9 * len(rows)
    for row in regular.iloc[::10].itertuples():
        means = balanced(row.seed, row.effect).data.groupby("x")["y"].mean()
        line = stats.linregress(means.index, means)
        assert row.estimate == pytest.approx(line.slope, abs=1e-6)
        assert row.p_value == pytest.approx(line.pvalue, abs=1e-4)
        assert row.df == pytest.approx(GROUPS - 2, rel=1e-3)


def test_power_is_that_of_the_noncentral_t(found):
    df = GROUPS - 2
    critical = stats.t(df).ppf(0.975)
    for row in found.table.itertuples():
        beyond = stats.nct(df, row.effect / SE)
        exact = beyond.sf(critical) + beyond.cdf(-critical)
        assert abs(row.power - exact) < 4 * np.sqrt(exact * (1 - exact) / row.n)
    assert found.table["effect"].to_list() == [0, 3]


def test_intervals_are_wilsons(found):
    for row in found.table.itertuples():
        hits = round(row.power * row.n)
        limits = proportion_confint(hits, row.n, method="wilson")
        assert (row.lower, row.upper) == pytest.approx(limits)


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


def test_designs_share_their_seeds(found):
    by_effect = [rows["seed"].to_list() for _, rows in found.replicates.groupby("effect")]
    assert by_effect[0] == by_effect[1] and len(set(by_effect[0])) == 150


def own(seed: int, effect: float, schools: int, shift: float = 0.0) -> pd.DataFrame:
    """A reform in every second school: no simulation of this package knows it."""
    made = simulate_schools(1, schools, 1, 4, seed=seed, intercept_sd={"school": 1}, residual_sd=1)
    data = made.data
    data["reform"] = pd.factorize(data["school"])[0] % 2
    data["test_score"] += effect * data["reform"] + shift
    return data


def test_a_predictor_of_ones_own():
    options = {"simulate": own, "n": 4, "seed": 1, "progress": False}
    formula = "test_score ~ reform + (1|school)"
    found = power(formula, "reform", [0, 20], schools=[6, 10], **options)
    assert list(found.table.columns[:3]) == ["schools", "effect", "pupils"]
    assert found.table["power"].to_list()[1::2] == [1, 1]
    shifted = power(formula, "reform", 20, schools=6, shift=2.0, **options)
    there = found.replicates.query("schools == 6 and effect == 20")["estimate"]
    np.testing.assert_allclose(shifted.replicates["estimate"], there, atol=1e-6)


def test_a_failed_replicate_is_not_a_significant_one():
    found = power(FORMULA, "x", 30, simulate=sometimes_refused, n=30, seed=8, progress=False)
    (row,) = found.table.to_dict("records")
    assert 3 < row["failed"] == len(found.failures) < 20
    assert row["power"] == row["convergence"] == pytest.approx(1 - row["failed"] / 30)
    assert f"{row['failed']} failed" in repr(found)


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


def test_of_several_effects_one_is_to_be_named(found):
    assert found.cheapest(0.05, pupil=1)["effect"] == 3  # besides 0 there is only one
    with pytest.raises(CourseError, match="effects 0, 3"):
        found.cheapest(0.05, pupil=1, effect=2)


# -- wrong input ------------------------------------------------------------------------------


def no_seed() -> None: ...


def no_truth(seed: int) -> pd.DataFrame:
    return balanced(seed).data


def no_data(seed: int, effect: float) -> int:
    return 3


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


# -- the same on any executor -----------------------------------------------------------------


def test_the_same_to_the_bit_in_processes_and_threads(serial, capsys):
    with ProcessPoolExecutor(2) as processes, ThreadPoolExecutor(3) as threads:
        for executor in (processes, threads):
            assert equal(
                serial,
                recovery(balanced, FORMULA, 40, seed=1, executor=executor, progress=False),
            )
    assert capsys.readouterr().err == ""


def test_a_function_that_cannot_travel_is_refused():
    with ProcessPoolExecutor(1) as pool, pytest.raises(CourseError, match="top of a module"):
        recovery(lambda seed: balanced(seed), FORMULA, 9, seed=1, executor=pool, progress=False)


def test_an_executor_that_was_shut_down_is_refused():
    with ThreadPoolExecutor(1) as pool:
        pass
    with pytest.raises(CourseError, match="`with` block"):
        recovery(balanced, FORMULA, 9, seed=1, executor=pool, progress=False)


def fatal_seeds(study: Recovery, replicates: tuple[int, ...]) -> tuple[int, ...]:
    rows = study.replicates.drop_duplicates("replicate").set_index("replicate")
    return tuple(int(rows.loc[i, "seed"]) for i in replicates)


@posix
def test_what_a_dead_worker_was_at_is_run_again(serial, tmp_path):
    """Two workers kill themselves, one of them twice; the pool that breaks is the caller's."""
    fatal = fatal_seeds(serial, (7, 29))
    simulate = partial(deadly, folder=str(tmp_path), fatal=fatal, times=1)
    with ProcessPoolExecutor(2) as pool:
        again = recovery(simulate, FORMULA, 40, seed=1, executor=pool, progress=False)
    assert equal(serial, again) and len(list(tmp_path.iterdir())) == 2


@posix
def test_replicates_that_always_kill_are_given_up_and_the_rest_is_kept(serial, tmp_path):
    (tmp_path / "dead").mkdir()
    simulate = partial(
        deadly, folder=str(tmp_path / "dead"), fatal=fatal_seeds(serial, (7,)), times=99
    )
    with (
        ProcessPoolExecutor(1) as pool,
        pytest.raises(CourseError, match="died 2 times with replicates"),
    ):
        recovery(
            simulate, FORMULA, 40, seed=1, executor=pool, retries=1, path=tmp_path / "study",
            progress=False,
        )  # fmt: skip
    kept = pd.read_parquet(tmp_path / "study")
    assert 0 in set(kept["replicate"]) and 7 not in set(kept["replicate"])


@pytest.fixture(scope="module")
def client():
    """A Dask cluster of this machine, with two worker processes."""
    distributed = pytest.importorskip("distributed", reason="Dask is an extra")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):  # fmt: skip
        yield client


def test_the_same_to_the_bit_on_dask(serial, client):
    executor = client.get_executor()
    assert equal(serial, recovery(balanced, FORMULA, 40, seed=1, executor=executor, progress=False))


@posix
def test_a_dask_worker_is_killed_in_mid_study(client, tmp_path):
    """As soon as the first replicates are on disk one of the workers gets a SIGKILL."""
    options = {"n": 40, "seed": 2, "progress": False}
    before = client.run(os.getpid)
    killed = []

    def kill():
        while len(list(tmp_path.glob("study/part-*"))) < 3 and not killed:
            time.sleep(0.005)
        victim = next(iter(before.values()))
        killed.append((victim, len(list(tmp_path.glob("study/part-*")))))
        os.kill(victim, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    found = recovery(
        slow, FORMULA, **options, executor=client.get_executor(), path=tmp_path / "study"
    )
    thread.join()
    parts = len(list(tmp_path.glob("study/part-*")))
    assert killed[0][1] < parts, "the study was over before"
    assert equal(found, recovery(balanced, FORMULA, **options))


# -- on disk ----------------------------------------------------------------------------------


def study(path, n=12, **changes):
    arguments = {"simulate": balanced, "formula": FORMULA, "seed": 3, "progress": False}
    return recovery(n=n, path=path, **arguments | changes)


def test_a_study_goes_on_where_it_was_and_to_a_larger_n(tmp_path):
    whole = recovery(balanced, FORMULA, 12, seed=3, progress=False)
    study(tmp_path / "s", n=5)
    there = sorted(p.name for p in (tmp_path / "s").iterdir())
    assert equal(whole, study(tmp_path / "s"))
    assert set(there) < {p.name for p in (tmp_path / "s").iterdir()}  # what was there is left alone
    assert equal(whole, study(tmp_path / "s", seed=None))  # the seed is that of the folder
    fewer = study(tmp_path / "s", n=5)
    assert equal(fewer, recovery(balanced, FORMULA, 5, seed=3, progress=False))


def test_nothing_is_run_twice(tmp_path, monkeypatch):
    seeds = []
    monkeypatch.setattr(sys.modules[__name__], "balanced", _recorded(balanced, seeds))
    study(tmp_path / "s", n=6, simulate=balanced)
    assert len(seeds) == 6
    study(tmp_path / "s", n=9, simulate=balanced)
    assert (
        len(seeds) == 6 + 1 + 3 and len(set(seeds)) == 9
    )  # the first, to see that nothing changed


def _recorded(function, seeds):
    def balanced(seed):
        seeds.append(seed)
        return function(seed)

    return balanced


def test_anybody_can_read_the_folder(tmp_path):
    found = study(tmp_path / "s")
    rows = pd.read_parquet(tmp_path / "s").sort_values("task", kind="stable", ignore_index=True)
    assert np.array_equal(rows["estimate"], found.replicates["estimate"])
    told = json.loads((tmp_path / "s" / STUDY).read_text())
    assert told["study"]["formula"] == FORMULA and told["study"]["seed"] == 3
    assert {"python", "course", "numpy"} <= set(told["versions"])


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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"formula": "y ~ 1 + (1|g)"}, "another study, with formula"),
        ({"seed": 4}, "another study, with seed = 3, not 4"),
        ({"level": 0.9}, "another study, with level"),
        ({"simulate": slow}, "another study, with simulate"),
        ({"simulate": partial(balanced, effect=2)}, "another study, with simulate"),
    ],
)
def test_another_study_in_the_same_folder_is_refused(tmp_path, changes, message):
    study(tmp_path / "s", n=2)
    before = {p: p.read_bytes() for p in (tmp_path / "s").iterdir()}
    with pytest.raises(CourseError, match=message):
        study(tmp_path / "s", n=2, **changes)
    assert before == {p: p.read_bytes() for p in (tmp_path / "s").iterdir()}


def test_a_function_that_has_changed_under_the_same_name_is_refused(tmp_path, monkeypatch):
    study(tmp_path / "s", n=2)
    monkeypatch.setattr(sys.modules[__name__], "SIGMA", 1.6)
    with pytest.raises(CourseError, match="simulate or a library has changed"):
        study(tmp_path / "s", n=4)


def test_a_study_that_is_refused_leaves_its_folder_to_the_next(tmp_path):
    with pytest.raises(CourseError, match="z"):
        study(tmp_path / "s", formula="y ~ z + (1|g)")
    assert not (tmp_path / "s").exists()
    study(tmp_path / "s", n=2)


def test_folders_that_are_none_of_ours(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(CourseError, match="is a file"):
        study(tmp_path / "file")
    with pytest.raises(CourseError, match="holds files, but no study"):
        study(tmp_path)
    study(tmp_path / "s", n=2)
    part = next((tmp_path / "s").glob("part-*"))
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(CourseError, match="delete it"):
        study(tmp_path / "s", n=2)
    part.unlink()
    assert equal(study(tmp_path / "s", n=2), recovery(balanced, FORMULA, 2, seed=3, progress=False))
    (tmp_path / "s" / STUDY).write_text("{")
    with pytest.raises(CourseError, match="cannot be read"):
        study(tmp_path / "s", n=2)


# -- accidents --------------------------------------------------------------------------------


def test_what_was_finished_before_control_c_is_kept():
    kept = []

    def work(replicates):
        if 7 in replicates:
            raise KeyboardInterrupt
        return [i * i for i in replicates]

    with pytest.raises(KeyboardInterrupt):
        run_in_chunks(work, 40, None, False, "test", keep=lambda c, r: kept.extend(zip(c, r)))  # noqa: B905
    assert kept == [(i, i * i) for i in range(7)]


class KilledWorker(Exception):
    """What Dask raises where the same work has cost it several workers."""


@pytest.mark.parametrize(("retries", "enough"), [(2, True), (1, False)])
def test_how_often_lost_replicates_are_run_again(retries, enough):
    calls = Counter()

    def work(replicates):
        calls[replicates.start] += 1
        if 5 in replicates and calls[replicates.start] <= 2:
            raise KilledWorker
        return list(replicates)

    with ThreadPoolExecutor(2) as pool:
        if enough:
            assert run_in_chunks(work, 20, pool, False, "t", retries=retries) == list(range(20))
            assert sorted(calls.values())[-2:] == [1, 3]
        else:
            with pytest.raises(CourseError, match="died 2 times with replicates 3 to 5"):
                run_in_chunks(work, 20, pool, False, "t", retries=retries)


def test_chunks_hold_what_is_not_done_once():
    done = {0, 3, 4, 9, 17}
    chunks = list(_chunks(20, done, 4))
    assert sorted(i for chunk in chunks for i in chunk) == sorted(set(range(20)) - done)
    assert max(map(len, chunks)) == 4
    results = run_in_chunks(list, 20, None, False, "test", done=done)
    assert results == sorted(set(range(20)) - done)


ACCIDENTS = """
import json, os, random, signal, sys, time
from concurrent.futures import ProcessPoolExecutor
import pyarrow.dataset, pyarrow.parquet, tqdm  # once, not in every child
import course.simulated_fits
from course import recovery
from test_study import FORMULA, balanced

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
course.simulated_fits.CHUNK_SECONDS = 0  # each replicate is a part
folder, n, kills = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(5)


def parts():
    return len([name for name in os.listdir(folder) if name.startswith("part")])


def child(workers):
    # a process of its own, in a group with its workers
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        if workers:
            with ProcessPoolExecutor(workers) as pool:
                recovery(balanced, FORMULA, n, seed=6, path=folder, executor=pool, progress=False)
        else:
            recovery(balanced, FORMULA, n, seed=6, path=folder, progress=False)
        os._exit(0)
    try:
        os.setpgid(pid, pid)  # whoever comes first
    except PermissionError:
        pass
    return pid


def end(pid, how):
    os.killpg(pid, how)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


os.mkdir(folder)
counts, codes = [], []
for i in range(kills):
    workers = 2 if i % 5 == 4 else 0
    before, pid = parts(), child(workers)
    # somewhere after this many more parts: while replicates are run, written, renamed
    more, late = chance.choice([0, 1, 1, 2]), time.monotonic() + 20
    while parts() < before + more and time.monotonic() < late:
        time.sleep(0.0005)
    time.sleep(chance.uniform(0, 0.03))
    codes.append(end(pid, signal.SIGKILL))
    counts.append(parts())

pid = child(2)
before = parts()
while parts() < before + 2:
    time.sleep(0.001)
interrupted = end(pid, signal.SIGINT)
time.sleep(0.2)
try:
    os.killpg(pid, 0)
    orphans = True
except ProcessLookupError:
    orphans = False
print(json.dumps({"counts": counts, "codes": codes, "interrupted": interrupted, "orphans": orphans}))
"""


@posix
def test_a_study_killed_twenty_times_and_interrupted_ends_as_if_nothing_had_happened(tmp_path):
    folder, n = tmp_path / "s", 80
    run = subprocess.run(
        [sys.executable, "-c", ACCIDENTS, str(folder), str(n), "20"],
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
    assert run.stdout, run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["codes"].count(-signal.SIGKILL) == 20, "the study was over before it was killed"
    assert len(set(told["counts"])) > 8 and told["interrupted"] != 0 and not told["orphans"]
    # what was written is readable, each replicate once and as it should be
    there = pd.read_parquet(folder)
    assert 0 < there["task"].nunique() < n
    resumed = recovery(balanced, FORMULA, n, seed=6, path=folder, progress=False)
    assert equal(resumed, recovery(balanced, FORMULA, n, seed=6, progress=False))


def test_progress_goes_to_stderr_or_nowhere(capsys, tmp_path):
    study(tmp_path / "s", n=4)
    assert capsys.readouterr() == ("", "")
    study(tmp_path / "s", n=6, progress=True)
    out, err = capsys.readouterr()
    assert out == "" and "6/6" in err


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
