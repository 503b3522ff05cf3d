"""Many fits of one design: their common first step, and levels left out one at a time."""

import numpy as np
import pytest
from made import problem_of, table

from course import influence, mixedlm, simulate_schools
from course.design.identification import _few_rows_tell, components_of
from course.solver.common_start import CommonStart
from course.solver.draws import Draws
from course.solver.estimates import estimate
from course.solver.left_out import EachLeftOut, optima_without_each
from course.solver.refits import Refitter

NESTED = "test_score ~ age + (age|classroom) + (1|school) + (1|province)"
SLOPES = {"slope_sd": {"classroom": 1.0}, "correlation": {"classroom": 0.3}}


@pytest.fixture(scope="module")
def fit():
    simulation = simulate_schools(12, 8, 3, 10, intercept_at=10, seed=1, **SLOPES)
    return mixedlm(NESTED, simulation.data).fit()


@pytest.mark.parametrize("formula", ["y ~ x + (x|a)", "y ~ x + (x||a)"])
@pytest.mark.parametrize("reml", [True, False])
def test_one_factorisation_gives_the_gradients_of_all_responses(formula, reml):
    problem = problem_of(formula, table(8, 400))
    begin = CommonStart(problem, problem.start, reml)
    others = [problem.with_response(table(seed, 400)["y"].to_numpy()) for seed in range(3)]
    at = [other.gradient(other.evaluate(problem.start), reml) for other in others]
    np.testing.assert_allclose(begin.slopes(others), at, rtol=1e-9, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("reml", [True, False])
def test_the_expected_curvature_is_the_mean_of_the_curvatures_of_drawn_responses(fit, reml):
    problem = fit.model.problem
    best = estimate(problem, reml)
    begin = CommonStart(problem, best.theta_standard, reml)
    draws, rng = Draws(problem, best), np.random.default_rng(1)
    step = 1e-4 * np.sqrt(np.diagonal(begin.inverse))
    drawn = [draws.draw(rng) for _ in range(150)]

    def slopes(theta):
        """The mean of their gradients, side by side, as the test above has each."""
        return np.mean(CommonStart(problem, theta, reml).slopes(drawn), axis=0)

    ends = [[slopes(begin.theta + s * e) for e in np.diag(step)] for s in (1, -1)]
    bent = (np.array(ends[0]) - ends[1]) / (2 * step[:, None])
    relative = begin.inverse @ bent
    np.testing.assert_allclose(relative, np.eye(len(step)), atol=0.15)


@pytest.mark.parametrize("grouping", range(3))
def test_each_level_left_out_at_one_theta_is_the_problem_without_its_rows(fit, grouping):
    problem, theta = fit.model.problem, fit.estimates.theta_standard
    each = EachLeftOut(problem, grouping)
    found = each.deviance(each.evaluate(theta), reml=True)[each.rank]
    codes = problem.design.groupings[grouping].codes
    for level in (0, 5, 11):
        without = problem.without(codes == level)
        value = without.deviance(without.evaluate(theta), reml=True)
        assert found[level] == pytest.approx(value, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("group", ["classroom", "school"])
def test_influence_is_that_of_searches_without_the_rows(fit, group):
    grouping = list(fit.n_groups).index(group)
    problem, codes = fit.model.problem, fit.design.groupings[grouping].codes
    refitter = Refitter.of(problem, fit.estimates)
    done: list[int] = []
    found = optima_without_each(problem, grouping, fit.estimates, refitter, done.append)
    assert sum(done) == fit.n_groups[group] and done[0] > fit.n_groups[group] / 4
    for level in range(0, fit.n_groups[group], fit.n_groups[group] // 12):
        anew = estimate(problem.without(codes == level))
        sd = np.sqrt(np.diagonal(anew.cov_beta))
        np.testing.assert_allclose(found[level].beta / sd, anew.beta / sd, atol=1e-5)
        for one, other in zip(found[level].covariances, anew.covariances, strict=True):
            np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-4)


def test_what_few_rows_tell_apart_all_do(fit):
    groupings = fit.design.groupings
    assert _few_rows_tell(groupings, components_of(groupings), fit.design.X, residual=True)
    twice = (*groupings, groupings[1])
    assert not _few_rows_tell(twice, components_of(twice), None, residual=True)
    dummies = np.eye(fit.n_groups["province"])[groupings[2].codes]
    assert not _few_rows_tell(groupings, components_of(groupings), dummies, residual=True)


def test_a_level_without_which_an_effect_does_not_exist_has_no_influence(fit):
    rng = np.random.default_rng(3)
    only = (fit.design.groupings[1].codes == 4) * rng.normal(size=fit.nobs)
    simulation = simulate_schools(12, 8, 3, 10, intercept_at=10, seed=1, **SLOPES)
    data = simulation.data.assign(only=only)
    table = influence(
        mixedlm(NESTED.replace("age +", "age + only +", 1), data).fit(), "school", False
    )
    assert table["cook"].isna().sum() == 1 and table["cook"].isna().to_numpy()[4]
