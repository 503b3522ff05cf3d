"""The solver against dense linear algebra, random structure by random structure."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from course import CourseError, crossing, mixedlm
from course.design import build_design
from course.formula import parse_formula
from course.pls import Problem, lower_factor
from course.satterthwaite import Satterthwaite
from course.search import _descend, has_rivals, is_crowded
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
    x = rng.normal(size=900)
    near = {f"x{i}": x + 1e-4 * rng.normal(size=900) for i in range(40)}
    data = pd.DataFrame(near | {"y": rng.normal(size=900), "g": np.arange(900) % 5})
    formula = parse_formula(f"y ~ 1 + ({' + '.join(near)}|g)")
    design = build_design(formula, data)
    found = standardise(design)  # in an instant; it once took 2**40 steps
    spread = np.linalg.svd(found.U[found.z[0]], compute_uv=False)
    assert spread[0] / spread[-1] < 1e3
    assert len({*found.z[0]}) == 41


# -- set-up: which groupings are eliminated one by one, and which together --------------------


def problem_of(formula: str, data: pd.DataFrame) -> Problem:
    return Problem(build_design(parse_formula(formula), data))


@pytest.mark.parametrize("order", list(itertools.permutations("abc")))
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
    crossing = [problem.crossing.head, *(grouping for grouping, _ in problem.crossing.tail)]
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


@pytest.mark.parametrize("formula", FORMULAS)
def test_factors_of_a_fit_are_lower_triangular_with_a_diagonal_that_is_not_negative(formula):
    estimates = mixedlm(formula, table(6)).fit().estimates
    for factor, covariance in zip(estimates.factors, estimates.covariances, strict=True):
        assert (np.triu(factor, 1) == 0).all() and (np.diagonal(factor) >= 0).all()
        np.testing.assert_allclose(estimates.sigma2 * factor @ factor.T, covariance)


# -- the search and what it says of itself -----------------------------------------------------


def test_a_fit_is_by_reml_where_nothing_else_is_asked():
    problem = problem_of("y ~ x + (1|a)", table(7))
    assert problem.fit().reml
    assert problem.fit().deviance == problem.fit(reml=True).deviance
    assert not problem.fit(reml=False).reml


def test_a_fit_shows_progress_only_where_asked(monkeypatch):
    def no_bar(*args, **options):
        raise AssertionError("a progress bar was made")

    monkeypatch.setattr("tqdm.auto.tqdm", no_bar)
    problem = problem_of("y ~ x + (1|a)", table(7))
    problem.fit()
    with pytest.raises(AssertionError, match="progress"):
        problem.fit(progress=True)


def test_a_fit_counts_its_evaluations_and_says_how_steep_its_end_is(monkeypatch):
    problem = problem_of("y ~ x + (1|a)", table(7))
    count, gradient = 0, Problem.gradient

    def counted(self, *args):
        nonlocal count
        count += 1
        return gradient(self, *args)

    monkeypatch.setattr(Problem, "gradient", counted)
    found = problem.fit()
    assert not found.singular and found.converged is True
    assert found.evaluations == count
    assert 0 <= found.gradient < 1e-3


@pytest.mark.parametrize("formula", ["y ~ x + (x|a)", "y ~ x + (1|p) + (1|t)"])
def test_a_search_for_another_response_begins_where_it_is_told(formula):
    """With the optimum as its start the search is short, and ends at the same optimum."""
    data, other = table(8, 400), table(9, 400)["y"].to_numpy()
    problem = problem_of(formula, data)
    anew = problem.with_response(other).fit()
    again = problem.with_response(other, start=anew.theta_standard).fit()
    assert again.evaluations < anew.evaluations
    assert again.deviance == pytest.approx(anew.deviance, abs=1e-7)
    np.testing.assert_array_equal(problem.with_response(other).start, problem.start)


@pytest.mark.parametrize("noise", [0, 1e-8])
@pytest.mark.parametrize("n", [30, 1000])
@pytest.mark.parametrize(
    "formula, response",
    [
        ("y ~ x + (1|g)", "x"),  # a predictor computed from the response
        ("y ~ 1 + (1|g)", "g"),  # the groups' values, repeated in every row
        ("y ~ x + (1|g)", "g x"),
        ("y ~ x + (x|g)", "g slope"),
        ("y ~ x + (1|g) + (1|top)", "g x"),
        ("y ~ x + (1|g) + (1|h)", "g h x"),
        ("y ~ x + (x|g) + (1|h)", "g h slope"),
    ],
)
def test_a_response_without_residual_is_refused(formula, response, n, noise):
    """Rounding is no residual: it would be a number of no meaning, or a breakdown of the algebra."""
    rng = np.random.default_rng(n)
    data = pd.DataFrame({"g": np.arange(n) % (n // 20 + 4), "x": rng.normal(size=n)})
    data["top"], data["h"] = data["g"] % 2, rng.integers(0, 5, n)
    g, h, slope = rng.normal(size=(3, 60))
    parts = {
        "x": 2 * data["x"],
        "g": g[data["g"]],
        "h": h[data["h"]],
        "slope": slope[data["g"]] * data["x"],
    }
    data["y"] = 3 + sum(parts[part] for part in response.split()) + noise * rng.normal(size=n)
    for reml in (True, False):
        with pytest.raises(CourseError, match="no residual is left") as refused:
            mixedlm(formula, data).fit(reml)
        assert "same in all rows of a group" in str(refused.value)


@pytest.mark.parametrize("formula", ["y ~ x + (1|g)", "y ~ x + (1|g) + (1|h)"])
def test_a_small_residual_is_a_residual(formula):
    """A thousandth of the response's spread is far above rounding."""
    rng = np.random.default_rng(11)
    data = pd.DataFrame({"g": np.arange(60) % 6, "x": rng.normal(size=60)})
    data["h"] = rng.integers(0, 5, 60)
    noise = rng.normal(size=60) + rng.normal(size=6)[data["g"]] + rng.normal(size=5)[data["h"]]
    small = mixedlm(formula, data.assign(y=data["x"] + 1e-3 * noise)).fit()
    usual = mixedlm(formula, data.assign(y=data["x"] + noise)).fit()
    assert small.converged
    assert small.sigma == pytest.approx(1e-3 * usual.sigma, rel=1e-3)


def precise(n: int, residual: float, slope: float = 0.0) -> pd.DataFrame:
    """Crossed g and h of variance 1, and a residual SD far below it."""
    rng = np.random.default_rng(1)
    data = pd.DataFrame(
        {"g": rng.integers(0, 20, n), "h": rng.integers(0, 15, n), "x": rng.normal(size=n)}
    )
    g, h, noise = rng.normal(size=(20, 2)), rng.normal(size=15), rng.normal(size=n)
    slopes = 1 + slope * g[data["g"], 1]
    data["y"] = g[data["g"], 0] + slopes * data["x"] + h[data["h"]] + residual * noise
    return data


@pytest.mark.parametrize("slope", [0, 0.5])
@pytest.mark.parametrize("formula", ["y ~ x + (1|g) + (1|h)", "y ~ x + (x|g) + (1|h)"])
@pytest.mark.parametrize("residual", [1e-2, 1e-3, 1e-4])
def test_large_crossed_effects_that_nearly_cancel_lose_no_digits(residual, formula, slope):
    data = precise(300, residual, slope)
    problem = problem_of(formula, data)
    theta = problem.pack([np.eye(len(pattern)) / residual for pattern in problem.patterns])
    value = problem.deviance(problem.evaluate(theta), True)
    assert value == pytest.approx(dense_deviance(problem, theta, True), abs=1e-3)


@pytest.mark.parametrize("formula", ["y ~ x + (1|g) + (1|h)", "y ~ x + (x|g) + (1|h)"])
@pytest.mark.parametrize("n, residual", [(300, 1e-2), (5000, 1e-2), (300, 1e-3)])
def test_a_search_far_from_its_start_ends_where_the_deviance_is_flat(n, residual, formula):
    """By the logarithm of each theta the derivative is small: with 35 levels, 0.1 is 1e-4 of deviance."""
    fit = mixedlm(formula, precise(n, residual)).fit()
    problem, theta = fit.model.problem, fit.estimates.theta_standard
    assert abs(theta * problem.gradient(problem.evaluate(theta), True)).max() < 0.1


# -- where the search begins -------------------------------------------------------------------


@pytest.mark.parametrize("m, k", [(6, 3), (10, 8)])
def test_curvature_of_a_balanced_layout_in_closed_form(m, k):
    """With lambda l, a level's effect keeps w = k l^2 / (1 + k l^2): 4 w^2 / l^2 for each level."""
    data = pd.DataFrame({"g": np.repeat(np.arange(m), k)})
    data["y"] = np.random.default_rng(12).normal(size=m * k)
    problem = problem_of("y ~ 1 + (1|g)", data)
    (start,) = problem.start
    w = k * start**2 / (1 + k * start**2)
    np.testing.assert_allclose(problem.curvature, [m * 4 * w**2 / start**2])


@pytest.mark.parametrize(
    "formula, shift, rivals",
    [
        ("y ~ x + (x|g)", 5, False),  # centred in its own term
        ("y ~ x + (1|g) + (0 + x|g)", 5, True),  # nearly another intercept
        ("y ~ x + (1|g) + (0 + x|g)", 0, False),
        ("y ~ 0 + x + (1|g)", 0, True),  # no intercept that would take the mean
    ],
)
def test_a_slope_far_from_zero_is_a_rival_of_the_intercept(formula, shift, rivals):
    rng = np.random.default_rng(13)
    data = pd.DataFrame({"g": np.arange(60) % 10, "x": shift + rng.normal(size=60)})
    data["y"] = rng.normal(size=60)
    assert has_rivals(problem_of(formula, data)) is rivals


@pytest.mark.parametrize(
    "formula, n, crowded",
    [
        ("y ~ x + (x|g)", 60, True),  # 40 effects
        ("y ~ x + (x|g)", 80, False),  # half as many effects as rows
        ("y ~ x + (1|g)", 60, False),
        ("y ~ x + (1|h) + (x|g)", 60, True),
        ("y ~ x + (x|h)", 200, True),
        ("y ~ x + (x|h)", 201, False),
    ],
)
def test_few_rows_for_many_effects_are_crowded(formula, n, crowded):
    rng = np.random.default_rng(14)
    data = pd.DataFrame({"g": np.arange(n) % 20, "h": np.arange(n) % (n // 2 - 4)})
    data["x"], data["y"] = rng.normal(size=n), rng.normal(size=n)
    assert is_crowded(problem_of(formula, data)) is crowded


@pytest.mark.parametrize("formula", ["y ~ x + (0 + x|a) + (1|p)", "y ~ x + (x|a) + (0 + z|a)"])
def test_a_second_search_goes_no_further_than_a_known_optimum(formula):
    problem = problem_of(formula, table(3))
    asked = []

    def value_and_gradient(theta):
        at = problem.evaluate(theta)
        asked.append(problem.deviance(at, True))
        return asked[-1], problem.gradient(at, True)

    first = _descend(problem, value_and_gradient, problem.start)
    alone = _descend(problem, value_and_gradient, 2 * problem.start)
    assert alone.value == pytest.approx(first.value, abs=1e-7)  # there is one valley
    asked.clear()
    again = _descend(problem, value_and_gradient, 2 * problem.start, first)
    assert len(asked) == again.evaluations < alone.evaluations
    assert first.value <= again.value < first.value + 0.01
    # nobody stops at an optimum that is not there
    higher = replace(first, value=first.value + 0.5)
    other = _descend(problem, value_and_gradient, 2 * problem.start, higher)
    assert other.value == alone.value
    elsewhere = replace(first, theta=3 * first.theta)
    other = _descend(problem, value_and_gradient, 2 * problem.start, elsewhere)
    assert other.value == alone.value


@pytest.mark.parametrize("scale, shift", [(1, 0), (1, 2000), (3, 7)])
def test_a_slope_that_does_not_vary_has_no_correlation(scale, shift):
    """Slopes in pairs of opposites, by less than chance gives: no variance, whatever x's zero."""
    rng = np.random.default_rng(15)
    g, x = np.repeat(np.arange(20), 4), np.tile([-1.5, -0.5, 0.5, 1.5], 20)
    effect = 2 * np.repeat(rng.normal(size=10), 2)
    slope, noise = np.tile([0.05, -0.05], 10), np.repeat(rng.choice([-1, 1], 10), 2)
    y = effect[g] + slope[g] * x + noise[g] * np.tile([1, -1, -1, 1], 20)
    data = pd.DataFrame({"g": g, "x": scale * x + shift, "y": y})
    fit = mixedlm("y ~ x + (x|g)", data).fit()
    _, slope_sd, correlation, _ = fit.variance_components.sdcor
    assert fit.singular and slope_sd == 0 and np.isnan(correlation)
    without = mixedlm("y ~ x + (1|g)", data).fit()
    assert fit.llf == pytest.approx(without.llf, abs=1e-8)


# -- the likelihood in the units of the data ---------------------------------------------------


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("reml", [True, False])
def test_log_likelihood_is_that_of_the_normal_distribution(formula, reml):
    """REML's is that of n - p contrasts free of X (Harville 1974): |X'V^-1 X| and p log 2 pi enter."""
    data = table(16).assign(x=lambda d: 7 * d["x"] + 40, y=lambda d: 3 * d["y"] - 20)
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
