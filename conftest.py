"""What holds for the examples in docstrings as for the tests."""

import gc
import sys

import pytest

# nbval reads notebooks with nbformat, which checks them with jsonschema, and that would first build a grammar
# of web addresses: two seconds in every process of pytest, for what no notebook holds. It does without where
# there is none. So pyproject.toml keeps nbval from being imported before this is said, and it is named here.
sys.modules["rfc3987_syntax"] = None
pytest_plugins = ["nbval.plugin"]


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Look for no garbage among thousands of tests that are being found, nor later among those found."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown():
    """Leave no figure to the next test; as a fixture this would take a third of a millisecond of each."""
    try:
        return (yield)
    finally:
        # Not imported here: tests/conftest.py first says how many threads there are, and that
        # there is no window.
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")
