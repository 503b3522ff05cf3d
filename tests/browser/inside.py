"""Runs tests of the package inside the Python of the browser: `test_live_package.py` puts this there."""

import contextlib
import inspect
import io
import json
import os
import sys
import unittest
from types import SimpleNamespace

import pytest

OPTIONS = [
    "-q",
    "--noconftest",
    "--capture=sys",
    "--tb=short",
    "--color=no",
    *("-o", "addopts=--doctest-modules"),
    *("-o", "filterwarnings="),
    *("-m", "not long and not slow"),
    *("-p", "no:logging", "-p", "no:faulthandler", "-p", "no:cacheprovider"),
]
HYPOTHESIS = ("", ".strategies", ".extra", ".extra.numpy", ".extra.pandas")


class Missing:
    """Stands for whatever is taken from hypothesis, which is partly compiled: its tests are skipped."""

    def __getattr__(self, name):
        return self

    def __call__(self, *given, **named):
        if len(given) == 1 and inspect.isfunction(given[0]):
            return pytest.mark.skip(reason="needs hypothesis")(given[0])
        return self


class Figures:
    """Closes what a test has drawn, as the folder's conftest does."""

    @pytest.fixture(autouse=True)
    def close_figures(self):
        yield
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")


def tested(paths: list[str], left_out: list[str]) -> None:
    """Run the tests of some files, and print pytest's exit code and the end of its report, as JSON."""
    missing = Missing()
    missing.composite = lambda function: missing
    missing.default = SimpleNamespace(max_examples=100)  # what tests of chance go by, see budget.py
    sys.modules |= {f"hypothesis{part}": missing for part in HYPOTHESIS}
    sys.modules["asyncio"] = missing  # for pdb, which pytest imports and nobody calls here
    unittest.__path__.append("/home/reader/live/unittest")  # the site leaves half of it out
    os.chdir("/home/reader")
    sys.path[:0] = ["/home/reader/tests"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        names = " and ".join(f"not {name}" for name in left_out)
        code = pytest.main([*OPTIONS, "-k", names, *paths], plugins=[Figures()])
    print(json.dumps([int(code), said.getvalue()[-6000:]]))
