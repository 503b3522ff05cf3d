"""What holds for all tests: one thread, no window, and the same generated cases in every run."""

import os

# Tests run on all cores at once: threads of linear algebra would only get into each other's way.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import matplotlib  # noqa: E402
import pytest  # noqa: E402
from budget import settings  # noqa: E402

matplotlib.use("Agg")
settings.load_profile("default")

# The search for doctests would import the folders' own as modules, and all have one name.
collect_ignore_glob = ["conftest.py", "*/conftest.py"]


class Backwards(pytest.Dir):
    """A folder read from its end."""

    def collect(self):
        return reversed(list(super().collect()))


def pytest_collect_directory(path, parent):
    """Every other worker reads from the end, so that pytest's rewriting of assertions, which it
    stores with the compiled file, is done once for two workers that start together."""
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0")[-1] in "13579":
        return Backwards.from_parent(parent, path=path)


def pytest_collection_modifyitems(items):
    """What takes longest first: at the end no core waits long for another. The same in all workers."""
    folders = (
        "solutions",
        "notebooks",
        "exercises",
        "project",
        "translation",
        "streaming",
        "studies",
        "long",
        "diagnosis",
        "design",
        "fit",
        "solver",
        "interpretation",
        "inference",
    )

    def rank(item) -> tuple[int, str, bool]:
        folder = item.path.parent.name
        rank = folders.index(folder) if folder in folders else 99
        return rank, str(item.path), isinstance(item, pytest.DoctestItem)

    items.sort(key=rank)
