"""What holds for all tests: no window opens, and generated cases are the same in every run."""

import matplotlib
import matplotlib.pyplot as plt
import pytest
from hypothesis import settings

matplotlib.use("Agg")

# No deadline: how long a case takes says more about the machine than about the code.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# The search for doctests would import the folders' own as modules, and all have one name.
collect_ignore_glob = ["*/conftest.py"]


@pytest.fixture(autouse=True)
def close_figures():
    """Leave no figure to the next test."""
    yield
    plt.close("all")
