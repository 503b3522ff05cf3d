"""The name that somebody may have meant who wrote another one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

ALIKE = 0.6  # of difflib's ratio, from 0 (nothing in common) to 1: names below it are not alike


def closest(name: object, names: Iterable, least: float = ALIKE) -> str | None:
    """The same name in another case; else the one most like it; else one that begins so.

    Examples
    --------
    >>> closest("Age", ["age", "sex"]), closest("shool", ["school"]), closest("sex", ["sex[T.male]"])
    ('age', 'school', 'sex[T.male]')
    >>> closest("income", ["age", "sex"])
    """
    name, names = str(name), [str(known) for known in names]
    candidates = [known for known in names if known.lower() == name.lower()]
    candidates = candidates or difflib.get_close_matches(name, names, n=1, cutoff=least)
    candidates = candidates or [known for known in names if name and known.startswith(name)]
    return candidates[0] if candidates else None


def nearest(name: object, names: Iterable) -> str:
    """``"; did you mean 'age'?"`` or nothing, to end a message with."""
    meant = closest(name, names)
    return f"; did you mean '{meant}'?" if meant else ""


def shortened(name: str) -> str:
    """The beginning of a name that would fill the screen."""
    return name if len(name) <= 60 else name[:57] + "..."
