"""What holds for all tests: one thread, no window, and the same generated cases in every run."""

import os

# Tests run on all cores at once: threads of linear algebra would only get into each other's way.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import matplotlib  # noqa: E402
from budget import settings  # noqa: E402

matplotlib.use("Agg")
settings.load_profile("default")

# The search for doctests would import the folders' own as modules, and all have one name.
collect_ignore_glob = ["conftest.py", "*/conftest.py"]


def pytest_collection_modifyitems(items):
    """What takes longest first: at the end no core waits long for another."""
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

    def rank(item) -> int:
        return folders.index(item.path.parent.name) if item.path.parent.name in folders else 99

    items.sort(key=rank)
