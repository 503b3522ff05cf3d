"""Small problems that hurt: a part of stress.py, and those that once stopped short."""

import itertools

import numpy as np
import pytest
from dense import dense_deviance
from stress import generate, judge

from course import mixedlm
from course.inference.constrained import hold
from course.inference.parameters import parameters
from course.solver.parameters import parameters_of

# predictors that nearly determine each other; few rows with several valleys
ONCE_SHORT = [78, 84, 263, 285, 642]


@pytest.mark.slow
@pytest.mark.parametrize("seed", ONCE_SHORT)
def test_the_optimum_is_found_where_it_once_was_not(seed):
    verdict = judge(generate(seed))
    assert verdict.theta is not None, verdict.refused
    assert not verdict.faults, verdict.faults


@pytest.mark.slow
def test_what_lme4_finds_higher_by_rounding_is_not_there():
    """lme4 says -3735.481, by dense algebra at its theta -3735.498: x is at 1e6, and it does not centre."""
    case = generate(186)
    fit = mixedlm(case.formula, case.data).fit(reml=case.reml)
    assert fit.llf == pytest.approx(-3735.49776, abs=1e-4)  # lme4's with I(x - 1e6) as fixed effect
    problem, theta = fit.model.problem, fit.estimates.theta_standard
    lowest = dense_deviance(problem, theta, case.reml)
    around = itertools.product([0, 0.02, 0.1, 0.5], [0, 0.02, 0.1, 0.5], np.linspace(1.5, 4, 11))
    for other in around:
        assert dense_deviance(problem, np.array(other), case.reml) > lowest - 1e-9


@pytest.mark.slow
@pytest.mark.parametrize(
    "first",
    [
        5000,
        *(pytest.param(first, marks=pytest.mark.long) for first in range(5002, 5100, 2)),
    ],
)
def test_no_other_search_finds_a_lower_deviance(first):
    for seed in range(first, first + 2):
        verdict = judge(generate(seed), thorough=False)
        assert not verdict.faults, (seed, verdict.case.formula, verdict.case.hurts, verdict.faults)


def test_parameters_are_held_where_predictors_nearly_determine_each_other():
    """Held at its estimate, each parameter leaves the deviance where the fit has it."""
    case = generate(84)
    fit = mixedlm(case.formula, case.data).fit(reml=False)
    problem, best = fit.model.problem, fit.estimates
    lowest = problem.deviance(problem.evaluate(best.theta_standard), reml=False)
    values = parameters(fit)
    assert "cor(x, w | school)" in values
    for parameter, (name, value) in zip(parameters_of(fit.design), values.items(), strict=True):
        held = hold(parameter, problem, best)
        at = (
            np.arcsin(value) if name.startswith("cor") else value
        )  # correlations are held as angles
        assert held.deviance(at, held.start)[0] == pytest.approx(lowest, abs=1e-6), name
