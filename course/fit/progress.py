"""A bar for a fit of more than a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def deviances_shown(wanted: bool) -> Iterator[Callable[[float], None] | None]:
    """What a search tells each deviance that is the lowest so far; None where nobody wants to see it."""
    if not wanted:
        yield None
        return
    from tqdm.auto import tqdm

    with tqdm(desc="mixedglm", unit=" steps", delay=1) as bar:

        def report(deviance: float) -> None:
            bar.set_postfix_str(f"deviance {deviance:,.3f}", refresh=False)
            bar.update()

        yield report
