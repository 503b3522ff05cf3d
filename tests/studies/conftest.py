"""Studies that several tests look at, run once."""

import pytest
from budget import replicates
from small_studies import FORMULA, balanced

from course import power, recovery


@pytest.fixture(scope="session")
def serial():
    return recovery(balanced, FORMULA, 20, seed=1, progress=False)


@pytest.fixture(scope="session", params=replicates(60, many=200))
def many(request):
    return recovery(balanced, FORMULA, request.param, seed=11, progress=False)


@pytest.fixture(scope="session", params=replicates(30, many=150))
def found(request):
    """The power of the slope, without an effect and with one."""
    return power(FORMULA, "x", [0, 3], simulate=balanced, n=request.param, seed=4, progress=False)
