"""Small generalised models that hurt: a part of generalised_stress.py."""

import pytest
from budget import thinned
from generalised_stress import KINDS, SHORT, generate, judge

from course import mixedglm

# Rare events, where a variance of 0 is the bottom of a side valley: the log-likelihoods that L-BFGS-B reaches
# from the best of several starts.
BEST = {101: -31.42311, 206: -46.34354, 78: -16.90273, 260: -53.75448}


@pytest.mark.slow
@pytest.mark.parametrize("seed", thinned(range(2 * len(KINDS)), 9))
def test_no_fit_stops_short_of_the_best_of_several_starts(seed):
    verdict = judge(generate(seed))
    assert not verdict.fault, verdict.fault
    assert verdict.short < SHORT


@pytest.mark.slow
@pytest.mark.parametrize("seed", thinned(BEST, 4))
def test_a_variance_of_0_is_left_where_a_large_one_is_better(seed):
    case = generate(seed)
    fit = mixedglm(case.formula, case.data, case.family, case.link).fit()
    assert fit.llf == pytest.approx(BEST[seed], abs=1e-4)
