"""The search: where it begins, where it ends, and what it says of itself."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from budget import examples, thinned
from hypothesis import given
from hypothesis import strategies as st
from made import FORMULAS, precise, problem_of, table
from scipy import optimize

from course import CourseError, mixedlm
from course.design.design import build_design
from course.formula.parse import parse_formula
from course.solver.estimates import estimate
from course.solver.problem import Problem
from course.solver.refits import Refitter
from course.solver.search import descend, has_rivals, is_crowded


@pytest.mark.slow
@examples(3)
@given(seed=st.integers(0, 10_000), formula=st.sampled_from(FORMULAS), reml=st.booleans())
def test_no_start_finds_a_lower_deviance(seed, formula, reml):
    problem = Problem(build_design(parse_formula(formula), table(seed, n=60)))
    found = estimate(problem, reml)
    best = problem.deviance(problem.evaluate(found.theta_standard), reml)
    assert found.converged
    rng = np.random.default_rng(seed)

    def value_and_gradient(theta):
        at = problem.evaluate(theta)
        return problem.deviance(at, reml), problem.gradient(at, reml)

    for _ in range(3):
        start = rng.normal(scale=0.7, size=problem.n_theta)
        other = optimize.minimize(value_and_gradient, start, jac=True, method="L-BFGS-B")
        assert other.fun > best - 0.005


# -- the search and what it says of itself -----------------------------------------------------


def test_a_fit_is_by_reml_where_nothing_else_is_asked():
    problem = problem_of("y ~ x + (1|a)", table(7))
    assert estimate(problem).reml
    assert estimate(problem).deviance == estimate(problem, reml=True).deviance
    assert not estimate(problem, reml=False).reml


def test_a_fit_shows_progress_only_where_asked(monkeypatch):
    def no_bar(*args, **options):
        raise AssertionError("a progress bar was made")

    monkeypatch.setattr("tqdm.auto.tqdm", no_bar)
    problem = problem_of("y ~ x + (1|a)", table(7))
    estimate(problem)
    with pytest.raises(AssertionError, match="progress"):
        estimate(problem, progress=True)


def test_a_fit_counts_its_evaluations_and_says_how_steep_its_end_is(monkeypatch):
    problem = problem_of("y ~ x + (1|a)", table(7))
    count, evaluate = 0, Problem.evaluate

    def counted(self, *args):
        nonlocal count
        count += 1
        return evaluate(self, *args)

    monkeypatch.setattr(Problem, "evaluate", counted)
    found = estimate(problem)
    assert not found.singular and found.converged is True
    assert found.evaluations == count - 1  # the last is for the estimates
    assert 0 <= found.gradient < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    "formula, reml", thinned(product(["y ~ x + (x|a)", "y ~ x + (1|p) + (1|t)"], [True, False]), 3)
)
def test_refits_side_by_side_end_where_a_search_from_the_usual_start_does(formula, reml):
    """From the optimum of other data searches are short, and end at the same optima."""
    problem = problem_of(formula, table(8, 400))
    refitter = Refitter.of(problem, estimate(problem, reml))
    others = [problem.with_response(table(seed, 400)["y"].to_numpy()) for seed in range(9, 14)]
    pairs = [
        (again, estimate(other, reml))
        for other, again in zip(others, refitter.fit(others), strict=True)
    ]
    assert sum(again.evaluations for again, _ in pairs) < sum(anew.evaluations for _, anew in pairs)
    for again, anew in pairs:
        assert again.deviance == pytest.approx(anew.deviance, abs=1e-6)
        np.testing.assert_allclose(again.beta, anew.beta, atol=1e-4)
        np.testing.assert_allclose(again.covariances[0], anew.covariances[0], atol=1e-3)


WITHOUT_RESIDUAL = [
    ("y ~ x + (1|g)", "x"),  # a predictor computed from the response
    ("y ~ 1 + (1|g)", "g"),  # the groups' values, repeated in every row
    ("y ~ x + (1|g)", "g x"),
    ("y ~ x + (x|g)", "g slope"),
    ("y ~ x + (1|g) + (1|top)", "g x"),
    ("y ~ x + (1|g) + (1|h)", "g h x"),
    ("y ~ x + (x|g) + (1|h)", "g h slope"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "case, n, noise", thinned(product(WITHOUT_RESIDUAL, [30, 1000], [0, 1e-8]), 3)
)
def test_a_response_without_residual_is_refused(case, n, noise):
    """Rounding is no residual: it would be a number of no meaning, or a breakdown of the algebra."""
    formula, response = case
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


@pytest.mark.slow
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

    first = descend(problem, value_and_gradient, problem.start)
    alone = descend(problem, value_and_gradient, 2 * problem.start)
    assert alone.value == pytest.approx(first.value, abs=1e-7)  # there is one valley
    asked.clear()
    again = descend(problem, value_and_gradient, 2 * problem.start, first)
    assert len(asked) == again.evaluations < alone.evaluations
    assert first.value <= again.value < first.value + 0.01
    # nobody stops at an optimum that is not there
    higher = replace(first, value=first.value + 0.5)
    other = descend(problem, value_and_gradient, 2 * problem.start, higher)
    assert other.value == alone.value
    elsewhere = replace(first, theta=3 * first.theta)
    other = descend(problem, value_and_gradient, 2 * problem.start, elsewhere)
    assert other.value == alone.value


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(
    "formula, sds",
    thinned(
        [
            ("y ~ x + (1|g) + (1|h)", (0.5, 0, 0)),  # of h nothing is left
            ("y ~ x + (1|g) + (1|h) + (1|k)", (0.3, 0.5, 0.1)),
            ("y ~ x + (x|g) + (x|h)", (0.3, 0.5, 0)),
        ],
        3,
        pytest.mark.slow,
    ),
)
def test_many_levels_that_cross_are_begun_with_each_grouping_alone(formula, sds, reml, monkeypatch):
    rng = np.random.default_rng(5)
    n, sizes = 3000, {"g": 150, "h": 60, "k": 9}
    data = pd.DataFrame({name: rng.integers(0, size, n) for name, size in sizes.items()})
    data["x"] = rng.normal(size=n)
    data["y"] = 1 + 0.2 * data["x"] + rng.normal(size=n)
    for (name, size), sd in zip(sizes.items(), sds, strict=True):
        intercepts, slopes = sd * rng.normal(size=(2, size))
        data["y"] += intercepts[data[name]] + slopes[data[name]] * data["x"] / 3
    problem = problem_of(formula, data)
    usual = estimate(problem, reml)
    monkeypatch.setattr("course.solver.search.MANY_CELLS", 0)
    found = estimate(problem, reml)
    assert found.converged
    assert found.deviance == pytest.approx(usual.deviance, rel=1e-10)
    assert found.evaluations <= usual.evaluations

    def value_and_gradient(theta):
        at = problem.evaluate(theta)
        return problem.deviance(at, reml), problem.gradient(at, reml)

    best = problem.deviance(problem.evaluate(found.theta_standard), reml)
    start = rng.normal(scale=0.7, size=problem.n_theta)
    other = optimize.minimize(value_and_gradient, start, jac=True, method="L-BFGS-B")
    assert other.fun > best - 1e-4


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
