"""The name that somebody may have meant who wrote another one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# Of difflib's ratio, from 0 (nothing in common) to 1: what lies below it is no suggestion.
ALIKE = 0.6  # in the data or a model, where a name may well mean something that is not there
ALIKE_CHOICE = 0.5  # among a few choices, all of which the message goes on to list


def closest(name: object, names: Iterable, least: float) -> str | None:
    """The name most like it, or None where none is as much alike as that.

    Examples
    --------
    >>> closest("shool", ["pupil", "school"], least=0.6)
    'school'
    >>> closest("income", ["age", "sex"], least=0.6)
    """
    alike = difflib.get_close_matches(str(name), [str(known) for known in names], n=1, cutoff=least)
    return alike[0] if alike else None


def nearest(name: object, names: Iterable) -> str:
    """``"; did you mean 'age'?"`` or nothing, to end a message with.

    The same name in another case comes first, then the name most like it.

    Examples
    --------
    >>> nearest("AGE", ["age", "sex"])
    "; did you mean 'age'?"
    >>> nearest("w", ["when", "where"])
    ''
    """
    names = [str(known) for known in names]
    same = (known for known in names if known.lower() == str(name).lower())
    meant = next(same, None) or closest(name, names, ALIKE)
    return f"; did you mean '{meant}'?" if meant else ""


def nearest_choice(name: object, names: Iterable) -> str | None:
    """The choice most like it, or the first that begins with it; None where there is neither.

    Examples
    --------
    >>> nearest_choice("pupil", ["exam", "pupils"]), nearest_choice("w", ["when", "where"])
    ('pupils', 'when')
    """
    names = [str(known) for known in names]
    begins = (known for known in names if known.startswith(str(name)))
    return closest(name, names, ALIKE_CHOICE) or next(begins, None)


def shortened(name: str) -> str:
    """The beginning of a name that would fill the screen."""
    return name if len(name) <= 60 else name[:57] + "..."
