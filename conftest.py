"""What holds for the examples in docstrings as for the tests."""

import sys

import pytest


@pytest.fixture(autouse=True)
def close_figures():
    """Leave no figure to the next test."""
    yield
    # Not imported here: tests/conftest.py first says how many threads there are, and that there is no window.
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
