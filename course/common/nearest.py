"""Did you mean ...?."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, names: Iterable) -> str:
    """``"; did you mean 'age'?"`` or nothing, to end a message with."""
    close = _close(str(name), [str(n) for n in names])
    return f"; did you mean '{close[0]}'?" if close else ""


def shortened(name: str) -> str:
    """The beginning of a name that would fill the screen."""
    return name if len(name) <= 60 else name[:57] + "..."


def _close(name: str, names: list[str]) -> list[str]:
    same = [other for other in names if other.lower() == name.lower()]
    return same or difflib.get_close_matches(name, names, n=1)
