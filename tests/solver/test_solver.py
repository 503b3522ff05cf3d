"""The solver against dense linear algebra, random structure by random structure."""

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
from budget import examples, thinned
from dense import dense_deviance
from hypothesis import given
from hypothesis import strategies as st
from made import FORMULAS, precise, problem_of, table
from scipy import optimize, stats

from course import CourseError, mixedlm
from course.design.design import build_design
from course.fit.satterthwaite import Satterthwaite
from course.formula.parse import parse_formula
from course.solver import crossing
from course.solver.factors import lower_factor
from course.solver.problem import Problem
from course.solver.standardise import standardise


@pytest.mark.slow
@pytest.mark.parametrize("formula", FORMULAS)
@examples(4)
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


@pytest.mark.slow
@pytest.mark.parametrize("formula", FORMULAS)
@examples(2)
@given(seed=st.integers(0, 10_000))
def test_effects_and_their_conditional_variances(formula, seed):
    """b = Sigma Z' V^-1 (y - X beta), var(b|y) = Sigma - Sigma Z' V^-1 Z Sigma."""
    fit = mixedlm(formula, table(seed, n=250)).fit()  # enough for one start
    design, estimates = fit.design, fit.estimates
    V = fit.scale * np.eye(design.n)
    for grouping, S in zip(design.groupings, estimates.covariances, strict=True):
        V += (grouping.codes[:, None] == grouping.codes) * (grouping.Z @ S @ grouping.Z.T)
    weights = np.linalg.inv(V)
    weighted = weights @ (design.y - design.X @ estimates.beta)
    for grouping, S in zip(design.groupings, estimates.covariances, strict=True):
        b, sd = [], []
        for level in range(grouping.n_levels):
            (own,) = np.nonzero(grouping.codes == level)
            Z = grouping.Z[own]
            b.append(S @ Z.T @ weighted[own])
            variance = np.diagonal(S - S @ Z.T @ weights[np.ix_(own, own)] @ Z @ S)
            sd.append(np.sqrt(variance.clip(min=0)))
        np.testing.assert_allclose(fit.random_effects[grouping.name], b, atol=1e-7)
        np.testing.assert_allclose(fit.random_effects_se[grouping.name], sd, atol=1e-5)


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
    x = rng.normal(size=900)
    near = {f"x{i}": x + 1e-4 * rng.normal(size=900) for i in range(40)}
    data = pd.DataFrame(near | {"y": rng.normal(size=900), "g": np.arange(900) % 5})
    formula = parse_formula(f"y ~ 1 + ({' + '.join(near)}|g)")
    design = build_design(formula, data)
    found = standardise(design)  # in an instant; it once took 2**40 steps
    spread = np.linalg.svd(found.U[found.z[0]], compute_uv=False)
    assert spread[0] / spread[-1] < 1e3
    assert len({*found.z[0]}) == 41


@pytest.mark.parametrize("order", list(permutations("abc")))
def test_nested_groups_need_no_matrix_of_what_crosses_however_they_are_ordered(order):
    """Groups in groups stay cheap however many there are; only crossed ones fill a matrix."""
    formula = "y ~ x + " + " + ".join(f"(1|{g})" for g in order)
    problem = problem_of(formula, table(2))
    assert problem.crossing is None
    assert [stage.grouping for stage in problem.stages] == [order.index(g) for g in "abc"]


@pytest.mark.parametrize(
    "formula, together, above",
    [
        ("y ~ x + (1|p) + (1|t)", ["p", "t"], []),
        ("y ~ x + (1|block) + (1|w) + (1|u)", ["u", "w"], ["block"]),
        ("y ~ x + (1|c) + (1|a) + (1|p)", ["p", "a", "c"], []),
    ],
)
def test_only_what_crosses_is_eliminated_together(formula, together, above):
    problem = problem_of(formula, table(2))
    names = [grouping.name for grouping in problem.design.groupings]
    crossing = [problem.crossing.largest, *(g for g, _ in problem.crossing.others)]
    assert [names[g] for g in crossing] == together  # the one with most levels first
    assert [names[stage.grouping] for stage in problem.stages] == above


def test_groups_that_cross_too_much_are_named_in_the_refusal(monkeypatch):
    """All but the one with most levels fill the matrix: these are to be thought of again."""
    monkeypatch.setattr(crossing, "MAX_CELLS", 20)
    with pytest.raises(CourseError, match="leave a term out") as refused:
        mixedlm("y ~ x + (1|p) + (1|t) + (1|block)", table(2)).fit()
    assert "of t, block cross" in str(refused.value)


# -- the factors of the covariance matrices ----------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_lower_factor_keeps_the_covariances_of_each_block(seed):
    """The Cholesky factor of F F' within the blocks; effects of different blocks stay independent."""
    F = np.zeros((5, 5))
    blocks = [(0, 2), (1,), (3, 4)]
    for block in blocks:
        F[np.ix_(block, block)] = np.random.default_rng(seed).normal(size=(len(block),) * 2)
    expected = np.zeros_like(F)
    for block in blocks:
        here = np.ix_(block, block)
        expected[here] = np.linalg.cholesky(F[here] @ F[here].T)
    np.testing.assert_allclose(lower_factor(F, blocks), expected, atol=1e-12)


@pytest.mark.parametrize("F", [[[0.0, 0], [1, 1]], [[1.0, 0], [2, 0]], [[0.0, 0], [0, 0]]])
def test_lower_factor_of_covariances_that_are_singular(F):
    found = lower_factor(np.array(F), [(0, 1)])
    np.testing.assert_allclose(found @ found.T, np.array(F) @ np.array(F).T, atol=1e-12)
    assert (np.diagonal(found) >= 0).all() and found[0, 1] == 0


@pytest.mark.slow
@pytest.mark.parametrize("formula", FORMULAS)
def test_factors_of_a_fit_are_lower_triangular_with_a_diagonal_that_is_not_negative(formula):
    estimates = mixedlm(formula, table(6)).fit().estimates
    for factor, covariance in zip(estimates.factors, estimates.covariances, strict=True):
        assert (np.triu(factor, 1) == 0).all() and (np.diagonal(factor) >= 0).all()
        np.testing.assert_allclose(estimates.sigma2 * factor @ factor.T, covariance)


@pytest.mark.parametrize("slope", [0, 0.5])
@pytest.mark.parametrize("formula", ["y ~ x + (1|g) + (1|h)", "y ~ x + (x|g) + (1|h)"])
@pytest.mark.parametrize("residual", [1e-2, 1e-3, 1e-4])
def test_large_crossed_effects_that_nearly_cancel_lose_no_digits(residual, formula, slope):
    data = precise(300, residual, slope)
    problem = problem_of(formula, data)
    theta = problem.pack([np.eye(len(pattern)) / residual for pattern in problem.patterns])
    value = problem.deviance(problem.evaluate(theta), True)
    assert value == pytest.approx(dense_deviance(problem, theta, True), abs=1e-3)


# -- the likelihood in the units of the data ---------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("formula, reml", thinned(product(FORMULAS, [True, False]), 3))
def test_log_likelihood_is_that_of_the_normal_distribution(formula, reml):
    """REML's is that of n - p contrasts free of X (Harville 1974): |X'V^-1 X| and p log 2 pi enter."""
    data = table(16, n=250).assign(x=lambda d: 7 * d["x"] + 40, y=lambda d: 3 * d["y"] - 20)
    fit = mixedlm(formula, data).fit(reml)
    design, estimates = fit.design, fit.estimates
    V = fit.scale * np.eye(design.n)
    for grouping, S in zip(design.groupings, estimates.covariances, strict=True):
        V += (grouping.codes[:, None] == grouping.codes) * (grouping.Z @ S @ grouping.Z.T)
    expected = stats.multivariate_normal.logpdf(design.y, design.X @ estimates.beta, V)
    if reml:
        p = design.X.shape[1]
        XX = design.X.T @ np.linalg.solve(V, design.X)
        expected += p / 2 * np.log(2 * np.pi) - np.linalg.slogdet(XX)[1] / 2
    assert fit.llf == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_step_out_of_all_bounds_has_no_deviance_and_breaks_nothing_off(formula):
    """A line search that went too far is to come back by itself."""
    problem = problem_of(formula, table(17))
    with np.errstate(all="ignore"):
        at = problem.evaluate(np.full(problem.n_theta, np.inf))
        assert not np.isfinite(problem.deviance(at, reml=True))
        assert not np.isfinite(problem.gradient(at, reml=True)).any()


def test_a_fit_of_nested_groupings_makes_no_copy_of_the_columns():
    """Its cross-products are added up from batches of rows, which are the columns' own to the bit."""
    fit = mixedlm("y ~ x * z + (x|t)", table(5, 3000)).fit()
    columns = fit.model.problem.columns
    assert "array" not in vars(columns.source)
    batch = [column[1000:1100] for column in columns.rows]
    np.testing.assert_array_equal(batch, columns.U[:, 1000:1100])
    assert "array" in vars(columns.source)
    assert columns.with_response(fit.design).source is columns.source
