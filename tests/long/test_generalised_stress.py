"""Small generalised models that hurt: a part of generalised_stress.py."""

import pytest
from generalised_stress import KINDS, SHORT, generate, judge


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2 * len(KINDS)))
def test_no_fit_stops_short_of_the_best_of_several_starts(seed):
    verdict = judge(generate(seed))
    assert not verdict.fault, verdict.fault
    assert verdict.short < SHORT
