"""Fits that are stored, copied, or made by several threads at once are the same fits."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import product

import numpy as np
import pandas as pd
import pytest
from budget import thinned
from made import FORMULAS, cut_whatever_the_size, movers, table

from course import mixedlm

LEFT = "y ~ x + (x|pupil) + (z|teacher) + (1|school)"


def assert_same(one, other):
    """To the bit, also in what is computed on demand."""
    assert one.llf == other.llf and one.scale == other.scale
    assert one.converged == other.converged and one.singular == other.singular
    assert one.formula == other.formula and one.notes == other.notes
    np.testing.assert_array_equal(one.estimates.theta_standard, other.estimates.theta_standard)
    np.testing.assert_array_equal(one.fittedvalues, other.fittedvalues)
    pd.testing.assert_frame_equal(one.fixed_effects, other.fixed_effects, check_exact=True)
    pd.testing.assert_frame_equal(one.variance_components, other.variance_components)
    for group, effects in one.random_effects.items():
        pd.testing.assert_frame_equal(effects, other.random_effects[group], check_exact=True)
        pd.testing.assert_frame_equal(
            one.random_effects_se[group], other.random_effects_se[group], check_exact=True
        )


def stored(fit):
    return pickle.loads(pickle.dumps(fit))


AGAIN = [stored, copy.copy, copy.deepcopy]
COPIED = [*FORMULAS[:5], "y ~ center(x) + C(f, Sum) + (1|b/a)"]
DATA = table(
    3, n=250
)  # fewer rows take longer: they may have several valleys, and each start is tried
OTHER_Y = DATA["y"].to_numpy() + DATA["x"].to_numpy() ** 2


@cache
def alone(formula):
    return mixedlm(formula, DATA).fit()


@cache
def original(formula):
    """A fit of which all has been computed that is computed on demand, and its refit."""
    fit = alone(formula)
    str(fit.summary()), fit.random_effects_se, fit.model.translation.code
    return fit, fit.refit(OTHER_Y)


@pytest.mark.slow
@pytest.mark.parametrize("formula, used, again", thinned(product(COPIED, [False, True], AGAIN), 7))
def test_a_copy_is_the_fit(formula, used, again):
    fit, refit = original(formula)
    # what has been computed on demand is kept; a fit without any of it has it computed in the copy
    other = again(fit if used else mixedlm(formula, DATA).fit())
    assert_same(fit, other)
    np.testing.assert_array_equal(other.predict(DATA.head(9)), fit.predict(DATA.head(9)))
    assert_same(refit, other.refit(OTHER_Y))
    assert other.model.translation.code == fit.model.translation.code
    assert str(other.summary()) == str(fit.summary())


@pytest.mark.slow
def test_a_copy_of_a_fit_with_a_border_is_the_fit(monkeypatch):
    with monkeypatch.context() as small:
        cut_whatever_the_size(small)
        fit = mixedlm(LEFT, movers()).fit()
    for other in (stored(fit), copy.deepcopy(fit)):
        assert_same(fit, other)


def test_statsmodels_results_of_a_copy_are_the_same():
    fit = mixedlm("y ~ x + (x|a) + (1|b)", table(3)).fit()
    assert stored(fit).statsmodels.llf == fit.statsmodels.llf
    assert str(copy.deepcopy(fit).check()) == str(fit.check())


def test_a_deep_copy_stands_alone():
    fit = mixedlm("y ~ x + (x|a)", table(3)).fit()
    before = fit.llf, fit.fe_params.copy()
    other = copy.deepcopy(fit)
    other.design.y[:] = 0
    other.fe_params.iloc[:] = 0
    other.model.problem.M[:] = 0
    assert fit.design.y.any() and fit.model.problem.M.any()
    assert fit.llf == before[0] and fit.fe_params.equals(before[1])


@pytest.mark.slow
def test_eight_threads_at_once_fit_as_one_does():
    """Fits of different models, and of one model by all threads, with all that is computed on demand."""
    shared = mixedlm(FORMULAS[1], DATA)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda formula: mixedlm(formula, DATA).fit(), FORMULAS))
        of_one = list(pool.map(shared.fit, [True, False] * 4))
        read = list(pool.map(lambda _: str(of_one[0].summary()), range(8)))
    for formula, fit in zip(FORMULAS, together, strict=True):
        assert_same(alone(formula), fit)
    for fit, one in zip(of_one, [alone(FORMULAS[1]), shared.fit(False)] * 4, strict=True):
        assert_same(one, fit)
    assert len(set(read)) == 1
