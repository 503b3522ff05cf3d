"""The solver against dense linear algebra, random structure by random structure."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from course import mixedlm
from course.design import build_design
from course.formula import parse_formula
from course.pls import Problem
from course.satterthwaite import Satterthwaite
from course.standardise import standardise

FORMULAS = [
    "y ~ x + (1|a)",
    "y ~ x + f + (x|a) + (x|b)",
    "y ~ x + f + (x + z||a) + (z|b) + (1|c)",
    "y ~ z + (1|p) + (1|t)",
    "y ~ x + (z|p) + (x|t) + (1|a)",
    "y ~ x + (z|u) + (x + z|w) + (1|block)",
    "y ~ x + (f|a) + (1|p)",
    "y ~ 0 + x + (0 + x|a) + (1|p)",
    "y ~ x + (0 + f|a) + (1|b/a)",
]


def table(seed: int, n: int = 90) -> pd.DataFrame:
    """Nested a in b in c; p crosses t; u crosses w inside each block."""
    rng = np.random.default_rng(seed)
    a, block = rng.integers(0, 12, n), rng.integers(0, 4, n)
    data = pd.DataFrame(
        {
            "a": a,
            "b": a % 4,
            "c": a % 2,
            "p": rng.integers(0, 15, n),
            "t": rng.integers(0, 6, n),
            "block": block,
            "u": block * 10 + rng.integers(0, 5, n),
            "w": block * 10 + rng.integers(0, 3, n),
            "x": rng.normal(5, 1, n),
            "z": rng.normal(size=n),
            "f": rng.choice(["k", "l", "m"], n),
        }
    )
    effects = sum(rng.normal(size=50)[data[g]] for g in ("a", "p", "u"))
    data["y"] = effects + rng.normal(size=50)[data["b"]] * data["x"] + rng.normal(size=n)
    return data


def dense(problem: Problem, theta: np.ndarray):
    """V of the standardised data at theta, X and y."""
    V = np.eye(problem.n)
    for g, factor in enumerate(problem.unpack(theta)):
        codes = problem.design.groupings[g].codes
        ZL = problem.U[problem.z[g]].T @ factor
        V += (codes[:, None] == codes) * (ZL @ ZL.T)
    return V, problem.U[problem.x].T, problem.U[problem.y_at]


def dense_deviance(problem: Problem, theta: np.ndarray, reml: bool) -> float:
    V, X, y = dense(problem, theta)
    n, p = X.shape
    XX = X.T @ np.linalg.solve(V, X)
    r = y - X @ np.linalg.solve(XX, X.T @ np.linalg.solve(V, y))
    df = n - p if reml else n
    r2 = r @ np.linalg.solve(V, r)
    value = np.linalg.slogdet(V)[1] + df * (1 + np.log(2 * np.pi * r2 / df))
    return value + np.linalg.slogdet(XX)[1] if reml else value


@pytest.mark.parametrize("formula", FORMULAS)
@settings(max_examples=8)
@given(seed=st.integers(0, 10_000), reml=st.booleans())
def test_deviance_and_gradient(formula, seed, reml):
    problem = Problem(build_design(parse_formula(formula), table(seed)))
    theta = np.random.default_rng(seed).normal(scale=0.7, size=problem.n_theta)
    at = problem.evaluate(theta)
    assert problem.deviance(at, reml) == pytest.approx(
        dense_deviance(problem, theta, reml), abs=1e-8
    )

    def value(t):
        return problem.deviance(problem.evaluate(t), reml)

    numeric = optimize.approx_fprime(theta, value, 1e-6)
    np.testing.assert_allclose(problem.gradient(at, reml), numeric, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("formula", FORMULAS)
@settings(max_examples=5)
@given(seed=st.integers(0, 10_000))
def test_effects_and_their_conditional_variances(formula, seed):
    """b = Sigma Z' V^-1 (y - X beta), var(b|y) = Sigma - Sigma Z' V^-1 Z Sigma."""
    fit = mixedlm(formula, table(seed)).fit()
    design, estimates = fit.design, fit.estimates
    V = fit.scale * np.eye(design.n)
    for grouping, S in zip(design.groupings, estimates.covariances, strict=True):
        V += (grouping.codes[:, None] == grouping.codes) * (grouping.Z @ S @ grouping.Z.T)
    weights = np.linalg.inv(V)
    resid = design.y - design.X @ estimates.beta
    for grouping, S in zip(design.groupings, estimates.covariances, strict=True):
        b, sd = fit.random_effects[grouping.name], fit.random_effects_se[grouping.name]
        for level in range(grouping.n_levels):
            Z = grouping.Z * (grouping.codes == level)[:, None]
            np.testing.assert_allclose(b.iloc[level], S @ Z.T @ weights @ resid, atol=1e-7)
            variance = np.diagonal(S - S @ Z.T @ weights @ Z @ S).clip(min=0)
            np.testing.assert_allclose(sd.iloc[level], np.sqrt(variance), atol=1e-5)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), formula=st.sampled_from(FORMULAS), reml=st.booleans())
def test_no_start_finds_a_lower_deviance(seed, formula, reml):
    problem = Problem(build_design(parse_formula(formula), table(seed, n=60)))
    found = problem.fit(reml)
    best = problem.deviance(problem.evaluate(found.theta_standard), reml)
    assert found.converged
    rng = np.random.default_rng(seed)
    for _ in range(3):
        start = rng.normal(scale=0.7, size=problem.n_theta)
        other = optimize.minimize(
            lambda t: problem.deviance(problem.evaluate(t), reml), start, method="L-BFGS-B"
        )
        assert other.fun > best - 0.005


def test_balanced_one_way_layout_in_closed_form():
    """REML of m groups of k: sigma^2 = MSW, tau^2 = (MSB - MSW) / k, se^2 = MSB / (m k), df = m - 1."""
    rng = np.random.default_rng(3)
    m, k = 12, 5
    effect = rng.normal(scale=2, size=m)
    data = pd.DataFrame({"g": np.repeat(np.arange(m), k)})
    data["y"] = 10 + effect[data["g"]] + rng.normal(size=m * k)
    means = data.groupby("g")["y"].mean()
    msw = ((data["y"] - data["g"].map(means)) ** 2).sum() / (m * (k - 1))
    msb = k * means.var(ddof=1)
    fit = mixedlm("y ~ 1 + (1|g)", data).fit()
    assert fit.scale == pytest.approx(msw, rel=1e-5)
    assert fit.variance_components.vcov[0] == pytest.approx((msb - msw) / k, rel=1e-5)
    assert fit.fe_params["Intercept"] == pytest.approx(data["y"].mean())
    assert fit.bse_fe["Intercept"] == pytest.approx(np.sqrt(msb / (m * k)), rel=1e-5)
    assert fit.fixed_effects.df["Intercept"] == pytest.approx(m - 1, rel=1e-4)
    shrinkage = 1 - msw / msb
    np.testing.assert_allclose(
        fit.random_effects["g"]["Intercept"], shrinkage * (means - data["y"].mean()), rtol=1e-4
    )


def test_satterthwaite_of_a_contrast_does_not_depend_on_the_coding():
    data = table(4, 200)
    by_treatment = mixedlm("y ~ f + x + (1|a)", data).fit()
    by_sum = mixedlm("y ~ C(f, Sum) + x + (1|a)", data).fit()
    difference = by_treatment.satterthwaite.df(np.array([0.0, 1, 0, 0]))
    # l - k = S[l] - S[k] in sum coding
    assert by_sum.satterthwaite.df(np.array([0.0, -1, 1, 0])) == pytest.approx(difference, rel=1e-3)
    assert isinstance(by_sum.satterthwaite, Satterthwaite)


def test_many_columns_that_nearly_determine_each_other_take_no_longer():
    rng = np.random.default_rng(5)
    x = rng.normal(size=240)
    near = {f"x{i}": x + 1e-4 * rng.normal(size=240) for i in range(40)}
    data = pd.DataFrame(near | {"y": rng.normal(size=240), "g": np.arange(240) % 5})
    formula = parse_formula(f"y ~ 1 + ({' + '.join(near)}|g)")
    design = build_design(formula, data)
    found = standardise(design)  # in an instant; it once took 2**40 steps
    spread = np.linalg.svd(found.U[found.z[0]], compute_uv=False)
    assert spread[0] / spread[-1] < 1e3
    assert len({*found.z[0]}) == 41
