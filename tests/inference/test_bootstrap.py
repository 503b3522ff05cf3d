"""Parameters by name, responses drawn from a fit, and the fit repeated on them."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import product

import numpy as np
import pandas as pd
import pytest
from budget import replicates, thinned
from scipy import stats

from course import CourseError, bootstrap, mixedlm, parameters, simulate_responses, simulate_schools
from course.common.parallel import run_in_chunks
from course.inference.bootstrap import STREAM
from course.solver.refits import Refitter

SMALL = "y ~ x + (x|g) + (1|h)"


@pytest.fixture(scope="module")
def data():
    """320 rows of 40 g in 8 h, a slope that varies and correlates with the intercept."""
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(40), 8)
    x = rng.normal(size=320)
    u = rng.normal(size=(40, 2)) @ np.array([[2, 0], [0.8, 1]]).T
    y = 10 + 3 * x + u[g, 0] + u[g, 1] * x + rng.normal(size=8)[g // 5] * 2 + rng.normal(size=320)
    return pd.DataFrame({"y": y, "x": x, "g": g.astype(str), "h": (g // 5).astype(str)})


@pytest.fixture(scope="module")
def fit(data):
    return mixedlm(SMALL, data).fit()


# -- parameters -------------------------------------------------------------------------------


def test_parameters_are_those_of_the_tables(fit):
    values = parameters(fit)
    table = fit.variance_components
    names = [
        "sd(Intercept | g)",
        "sd(x | g)",
        "cor(Intercept, x | g)",
        "sd(Intercept | h)",
        "sigma",
    ]
    assert list(values.index) == ["Intercept", "x", *names]
    np.testing.assert_allclose(values[["Intercept", "x"]], fit.fe_params)
    np.testing.assert_allclose(values[names], table["sdcor"])


def test_effects_of_a_double_bar_have_no_correlation(data):
    names = list(parameters(mixedlm("y ~ 1 + (x||g)", data).fit()).index)
    assert names == ["Intercept", "sd(Intercept | g)", "sd(x | g)", "sigma"]


# -- responses --------------------------------------------------------------------------------


@pytest.mark.slow
def test_responses_have_the_moments_of_the_model(fit, data):
    """Mean X beta, covariance Z G Z' + sigma^2 I; a mean of n draws is off by SD / sqrt(n)."""
    n = 4000
    y = simulate_responses(fit, n, seed=3)
    assert y.shape == (n, 320)
    table = fit.variance_components
    (s00, s11, s01), s_h, s2 = table["vcov"][:3], table["vcov"][3], table["vcov"][4]
    x = data["x"].to_numpy()
    assert np.abs(y.mean(0) - fit.design.X @ fit.fe_params).max() < 5 * np.sqrt(y.var(0).max() / n)
    variance = s00 + 2 * s01 * x + s11 * x**2 + s_h + s2
    # the SD of an estimated variance is variance * sqrt(2 / n)
    np.testing.assert_allclose(y.var(0) / variance, 1, atol=5 * np.sqrt(2 / n))
    same_g, same_h, apart = [np.corrcoef(y[:, 0], y[:, j])[0, 1] for j in (1, 8, 319)]
    scale = np.sqrt(variance[0] * variance)
    expected = s00 + s01 * (x[0] + x[1]) + s11 * x[0] * x[1] + s_h
    assert same_g == pytest.approx(expected / scale[1], abs=4 / np.sqrt(n))
    assert same_h == pytest.approx(s_h / scale[8], abs=4 / np.sqrt(n))
    assert apart == pytest.approx(0, abs=4 / np.sqrt(n))


def test_a_replicate_has_a_stream_of_its_own(fit):
    five = simulate_responses(fit, 5, seed=1)
    assert np.array_equal(five[:2], simulate_responses(fit, 2, seed=1))
    assert not np.array_equal(five, simulate_responses(fit, 5, seed=2))
    assert len(np.unique(five[:, 0])) == 5
    # the streams are those that numpy's SeedSequence spawns
    child = np.random.SeedSequence(1, spawn_key=(STREAM,)).spawn(5)[4]
    residuals = np.random.default_rng(child).normal(scale=fit.estimates.sigma2**0.5, size=320)
    effects = five[4] - fit.design.X @ fit.estimates.beta - residuals
    level_h = effects.reshape(40, 8)  # of one g: u0 + u1 x + h, a straight line in x
    x = fit.design.X[:, 1].reshape(40, 8)
    for line, at in zip(level_h, x, strict=True):
        np.testing.assert_allclose(np.polyval(np.polyfit(at, line, 1), at), line, atol=1e-8)


def test_the_seed_of_the_data_may_be_that_of_the_bootstrap():
    """With normals of their own: the residuals of a replicate are not those of the data again."""
    simulated = simulate_schools(seed=1)
    fit = mixedlm("test_score ~ age + (1|school)", simulated.data).fit()
    drawn = simulate_responses(fit, 8, seed=1) - fit.design.X @ fit.estimates.beta
    correlations = np.corrcoef(np.vstack([fit.resid, drawn]))[0, 1:]
    assert np.abs(correlations).max() < 4 / np.sqrt(fit.nobs)


# -- replicates -------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_same_to_the_bit_on_any_executor(fit):
    serial = bootstrap(fit, 60, seed=4, progress=False)
    with ProcessPoolExecutor(2) as processes, ThreadPoolExecutor(3) as threads:
        for executor in (processes, threads):
            shared = bootstrap(fit, 60, seed=4, executor=executor, progress=False)
            pd.testing.assert_frame_equal(serial.replicates, shared.replicates, check_exact=True)
    few = bootstrap(fit, 7, seed=4, progress=False)
    pd.testing.assert_frame_equal(few.replicates, serial.replicates[:7], check_exact=True)


@pytest.mark.slow
@pytest.mark.parametrize("n", replicates(25, many=600))
@pytest.mark.parametrize(
    "formula, reml", thinned(product([SMALL, "y ~ x + (x|g) + (1|t)"], [True, False]), 3)
)
def test_replicates_have_the_distribution_of_fits_to_responses(data, formula, reml, n):
    """Kolmogorov and Smirnov's test against responses with rows, each fitted from the usual start."""
    data = data.assign(t=(np.arange(320) * 7 % 11).astype(str))  # crosses g
    fit = mixedlm(formula, data).fit(reml=reml)
    # side by side these are cheap: with twice as many, the test sees as much as with a third more of each
    ours = bootstrap(fit, 2 * n, seed=5, progress=False).replicates
    refits = [fit.refit(y) for y in simulate_responses(fit, n, seed=6)]
    rows = pd.DataFrame([parameters(one) for one in refits]).assign(llf=[f.llf for f in refits])
    for name in rows:
        assert stats.ks_2samp(ours[name], rows[name]).pvalue > 1e-3, name


@pytest.mark.slow
@pytest.mark.parametrize("n", replicates(200, many=400))
def test_standard_errors_are_those_of_the_fit(fit, n):
    """Given the variances, cov_beta is exact; the SD of n replicates is off by 1 / sqrt(2 n)."""
    result = bootstrap(fit, n, seed=6, progress=False)
    table = result.summary()
    relative = table.loc[["Intercept", "x"], "std_error"] / fit.bse_fe
    np.testing.assert_allclose(relative, 1, atol=4 / np.sqrt(2 * n))
    fixed = table.loc[["Intercept", "x"]]
    assert (fixed["bias"].abs() < 4 * fixed["std_error"] / np.sqrt(n)).all()
    assert list(table.columns) == ["estimate", "bias", "std_error", "n"]


@pytest.mark.slow
def test_a_start_at_zero_does_not_hold_the_search(data):
    """theta is 0 in the fit drawn from; other responses have variances that are not."""
    rng = np.random.default_rng(1)
    fit = mixedlm("y ~ x + (1|g)", data.assign(y=rng.normal(size=320))).fit()
    refitter = Refitter.of(fit.model.problem, fit.estimates)
    assert fit.singular and (refitter.begin.theta != 0).all()
    found = bootstrap(fit, 40, seed=1, progress=False)
    assert 10 < found.n_singular < 35
    assert f"{found.n_singular} singular" in repr(found)


def test_failures_are_counted_and_left_out(fit, monkeypatch):
    whole = Refitter.fit

    def sometimes(self, problems):
        return [None if i % 5 == 0 else one for i, one in enumerate(whole(self, problems))]

    monkeypatch.setattr(Refitter, "fit", sometimes)
    result = bootstrap(fit, 10, seed=4, progress=False)
    assert result.n_failed == 2 and "2 failed" in repr(result)
    assert result.replicates.loc[[0, 5], "x"].isna().all() and len(result.replicates) == 10
    assert result.summary()["n"]["x"] == 8


def test_a_fit_that_breaks_off_is_a_failure(fit):
    perfect = fit.design.X @ fit.estimates.beta  # no residual is left
    problem = fit.model.problem
    refitter = Refitter.of(problem, fit.estimates)
    assert refitter.fit([problem.with_response(perfect)]) == [None]


def test_the_seed_that_was_drawn_repeats_the_replicates(fit):
    first = bootstrap(fit, 3, progress=False)
    again = bootstrap(fit, 3, seed=first.seed, progress=False)
    pd.testing.assert_frame_equal(first.replicates, again.replicates, check_exact=True)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": 2.5}, {"seed": -1}, {"executor": 2}])
def test_wrong_arguments(fit, wrong):
    with pytest.raises(CourseError, match=next(iter(wrong))):
        bootstrap(fit, **{"n": 3, "seed": 1, "progress": False} | wrong)


def test_a_predictor_may_not_be_called_like_a_result(data):
    fit = mixedlm("y ~ llf + (1|g)", data.rename(columns={"x": "llf"})).fit()
    with pytest.raises(CourseError, match="rename"):
        bootstrap(fit, 3, seed=1, progress=False)


# -- how the work is shared out ---------------------------------------------------------------


def test_progress_goes_to_stderr_or_nowhere(fit, capsys):
    bootstrap(fit, 3, seed=1, progress=False)
    assert capsys.readouterr() == ("", "")
    bootstrap(fit, 3, seed=1)
    out, err = capsys.readouterr()
    assert out == "" and "3/3" in err


def test_what_waits_is_cancelled_when_a_worker_fails():
    done = []

    def work(replicates: range) -> list:
        if replicates.start:
            time.sleep(0.01)
            done.append(replicates)
            return [0] * len(replicates)
        raise ZeroDivisionError

    with ThreadPoolExecutor(1) as executor, pytest.raises(ZeroDivisionError):
        run_in_chunks(work, 5000, executor, False, "test")
    assert len(done) < 100  # of 200


INTERRUPTED = """
import signal
from concurrent.futures import ProcessPoolExecutor
import numpy as np, pandas as pd
from course import bootstrap, mixedlm
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
if __name__ == "__main__":
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"y": rng.normal(size=400), "g": np.repeat(np.arange(40), 10)})
    data["y"] += rng.normal(size=40)[data["g"]]
    fit = mixedlm("y ~ 1 + (1|g)", data).fit()
    with ProcessPoolExecutor(2) as pool:
        bootstrap(fit, 5, seed=1, executor=pool, progress=False)
        print("running", flush=True)
        bootstrap(fit, 1_000_000, seed=1, executor=pool, progress=False)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends a signal to a process group")
def test_control_c_leaves_nothing_running():
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "running\n"
            time.sleep(0.2)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            _, err = process.communicate(timeout=20)
            assert "KeyboardInterrupt" in err
            with pytest.raises(ProcessLookupError):
                os.killpg(process.pid, 0)  # no process of the group is left
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
