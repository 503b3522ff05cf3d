"""How many generated cases and replicates a test takes: few while editing, many before a release.

Three profiles of hypothesis say so, `pytest --hypothesis-profile=NAME`: `fast`, `default`, and `long`, which
draws other cases in every run. Tests of chance, whose tolerance follows the number of replicates, take theirs
from the same profile.

`make test-long` runs what is marked `long`, what hypothesis generates, and what takes `replicates`: these
carry the mark `replicated`, which leaves them in `make test`, too.
"""

from collections.abc import Iterable

import pytest
from hypothesis import settings

settings.register_profile("default", derandomize=True, deadline=None, max_examples=100)
settings.register_profile("fast", settings.get_profile("default"), max_examples=25)
settings.register_profile(
    "long", settings.get_profile("default"), derandomize=False, print_blob=True, max_examples=2000
)


def share() -> float:
    """Of what `make test` takes; known once the profile is loaded, which is before tests are read."""
    return settings.default.max_examples / 100


def examples(n: int) -> settings:
    """A decorator: n generated cases, or as many more or less as the profile asks for."""
    return settings(max_examples=max(1, round(n * share())))


def thinned(cases: Iterable, every: int, others: pytest.MarkDecorator = pytest.mark.long) -> list:
    """Parameters of a test: one case of so many as it is, the others marked `long`, or `slow`.

    Of a product, every level of each factor stays where `every` has no divisor in common with its number of
    levels: ``thinned(product(range(4), "abc"), 5)``.
    """
    cases = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [
        pytest.param(*case, marks=[others] if i % every else []) for i, case in enumerate(cases)
    ]


def replicates(n: object, many: object) -> list:
    """The one parameter of a test or of a fixture: n replicates of a simulation; `many` in the long profile.

    ``@pytest.mark.parametrize("n", replicates(80, many=600))``; ``@pytest.fixture(params=replicates(...))``.
    """
    return [pytest.param(many if share() > 1 else n, marks=pytest.mark.replicated)]
