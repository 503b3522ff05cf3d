"""Studies that several tests look at, run once."""

import pytest
from small_studies import FORMULA, balanced

from course import power, recovery


@pytest.fixture(scope="session")
def serial():
    return recovery(balanced, FORMULA, 20, seed=1, progress=False)


@pytest.fixture(scope="session")
def many():
    return recovery(balanced, FORMULA, 60, seed=11, progress=False)


@pytest.fixture(scope="session")
def found():
    """The power of the slope, without an effect and with one."""
    return power(FORMULA, "x", [0, 3], simulate=balanced, n=30, seed=4, progress=False)
