"""Responses drawn as sums: what they are made of, and that they have the distribution of responses."""

import numpy as np
import pandas as pd
import pytest
from budget import replicates, thinned
from scipy import stats

from course import mixedlm, simulate_responses
from course.solver.draws import Draws

FORMULAS = [
    "y ~ x + (x|g) + (1|h)",  # nested
    "y ~ x + (x|g) + (1|t)",  # crossed
    "y ~ x + (1|g) + (z|t) + (1|h)",
    "y ~ x + offset(z) + (1|pair)",  # groups of two rows, with three columns
]


@pytest.fixture(scope="module")
def data():
    """240 rows: g of 6 rows in h, pairs in g, t across."""
    rng = np.random.default_rng(4)
    row = np.arange(240)
    made = pd.DataFrame({"g": row // 6, "h": row // 48, "pair": row // 2, "t": row * 7 % 11})
    made["x"], made["z"] = rng.normal(size=(2, 240)) + [[3], [0]]
    effects = sum(rng.normal(size=made[by].max() + 1)[made[by]] for by in ("g", "h", "pair", "t"))
    made["y"] = 5 + effects + rng.normal(size=40)[made["g"]] * made["x"] + rng.normal(size=240)
    return made


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_sums_of_a_response_are_all_that_the_likelihood_needs(data, formula):
    fit = mixedlm(formula, data).fit()
    problem = fit.model.problem
    draws = Draws(problem, fit.estimates)
    rows = problem.with_response(data["y"].to_numpy() ** 2)
    y = rows.U[problem.y_at]
    Uy = [np.bincount(draws.group, column * y) for column in problem.U[: problem.y_at]]
    sums = draws._with_sums(np.array(Uy), y @ y)
    theta = 1.3 * fit.estimates.theta_standard + 0.1
    for reml in (True, False):
        (a, one), (b, other) = ((p, p.evaluate(theta)) for p in (sums, rows))
        assert a.deviance(one, reml) == pytest.approx(b.deviance(other, reml), rel=1e-12)
        np.testing.assert_allclose(a.gradient(one, reml), b.gradient(other, reml), rtol=1e-8)
        np.testing.assert_allclose(one.beta, other.beta, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("n", replicates(1000, many=2000))
@pytest.mark.parametrize("formula", thinned(FORMULAS, 3))
def test_moments_are_those_of_the_model(data, formula, n):
    """E y = X b, Var y = V: so E U'y = U'X b, Var U'y = U'V U, and E y'y = tr V + b'X'X b."""
    fit = mixedlm(formula, data).fit()
    problem, rng = fit.model.problem, np.random.default_rng(5)
    draws = Draws(problem, fit.estimates)
    drawn = [draws.draw(rng) for _ in range(n)]
    c, y_at = problem.U[: problem.y_at], problem.y_at
    at = problem.evaluate(fit.estimates.theta_standard)
    sigma2 = fit.scale / problem.y_scale**2
    V = np.eye(problem.n)
    for grouping, z, factor in zip(fit.design.groupings, problem.z, at.factors, strict=True):
        same = grouping.codes[:, None] == grouping.codes
        V += same * (c[z].T @ factor @ factor.T @ c[z])
    mean = c[problem.x].T @ at.beta
    sums = np.array([one.M[:y_at, y_at].sum(axis=1) for one in drawn])
    variance = sigma2 * np.diagonal(c @ V @ c.T)
    assert (np.abs(sums.mean(0) - c @ mean) < 4 * np.sqrt(variance / n)).all()
    np.testing.assert_allclose(sums.var(0) / variance, 1, atol=4 * np.sqrt(2 / n))
    yy = np.array([one.M[y_at, y_at].sum() for one in drawn])
    spread = 2 * sigma2**2 * (V**2).sum() + 4 * sigma2 * mean @ V @ mean
    expected = sigma2 * np.trace(V) + mean @ mean
    assert abs(yy.mean() - expected) < 4 * np.sqrt(spread / n)
    assert yy.var() / spread == pytest.approx(1, abs=0.2)


@pytest.mark.long
@pytest.mark.parametrize("formula", FORMULAS)
def test_what_the_deviance_sees_has_one_distribution_with_rows_and_without(data, formula):
    """At a fixed theta: the residual sum of squares and the fixed effects, by Kolmogorov and Smirnov."""
    n = 3000
    fit = mixedlm(formula, data).fit()
    problem, rng = fit.model.problem, np.random.default_rng(6)
    draws = Draws(problem, fit.estimates)
    theta = problem.start
    sums = [draws.draw(rng).evaluate(theta) for _ in range(n)]
    rows = [problem.with_response(y).evaluate(theta) for y in simulate_responses(fit, n, seed=7)]
    scales = [problem.with_response(y).y_scale for y in simulate_responses(fit, n, seed=7)]
    with_rows = np.array([at.r2 for at in rows]) * np.array(scales) ** 2
    without = np.array([at.r2 for at in sums]) * problem.y_scale**2
    assert stats.ks_2samp(with_rows, without).pvalue > 1e-3
    slopes = np.array([at.beta[-1] for at in rows]) * np.array(scales)
    other = np.array([at.beta[-1] for at in sums]) * problem.y_scale
    assert stats.ks_2samp(slopes, other).pvalue > 1e-3
