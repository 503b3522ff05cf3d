"""Checks of what a learner passes to a function, each with the mend in its message."""

from __future__ import annotations

import math
import numbers
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from course.common.nearest import nearest_choice
from course.errors import CourseError

LONGEST = 200  # characters of a value in a message
ADDRESS = " at 0x"  # where an object lies in memory, which says nothing to a learner


def unknown(name: object, names: Iterable[str], what: str) -> CourseError:
    """Return the error for a name that is not among ``names``, with the nearest one.

    Examples
    --------
    >>> unknown("pupil", ["exam", "pupils"], "data set")
    CourseError("no data set 'pupil'; did you mean 'pupils'? There are: 'exam', 'pupils'")
    """
    names = list(names)
    of_class = isinstance(name, type) or ADDRESS in repr(name)
    meant = nearest_choice(kind_of(name) if of_class else name, names)
    hint = f"did you mean {meant!r}? There are: " if meant else "there are: "
    return CourseError(f"no {what} {shown(name)}; {hint}{', '.join(map(repr, names))}")


def shown(value: object) -> str:
    """A value as it was written; of what is long, or has no such form, the type.

    Examples
    --------
    >>> shown("pupil"), shown(object())
    ("'pupil'", '<object>')
    """
    text = repr(value)
    return text if len(text) <= LONGEST and ADDRESS not in text else f"<{kind_of(value)}>"


def kind_of(value: object) -> str:
    """The name of a class, or that of the class of an object."""
    return value.__name__ if isinstance(value, type) else type(value).__name__


def number(name: str, value: Any, low: float | None = None, high: float | None = None) -> float:
    """Return ``value`` as a float, or raise unless it is a finite number from low to high."""
    if (
        isinstance(value, bool)
        or not isinstance(value, numbers.Real)
        or not math.isfinite(value)
        or (low is not None and float(value) < low)
        or (high is not None and float(value) > high)
    ):
        span = "" if low is None else f" of at least {low:g}"
        if high is not None:
            span = f" from {low:g} to {high:g}"
        raise CourseError(f"{name} must be a number{span}; got {shown(value)}")
    return float(value)


def proportion(name: str, value: Any) -> float:
    """Return ``value`` as a float, or raise unless it is a number between 0 and 1, without the ends.

    Examples
    --------
    >>> proportion("level", 95)
    Traceback (most recent call last):
    course.errors.CourseError: level must be a number between 0 and 1; got 95, did you mean 0.95?
    """
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not (real and 0 < value < 1):
        mend = f", did you mean {value / 100:g}?" if real and 1 < value < 100 else ""
        raise CourseError(f"{name} must be a number between 0 and 1; got {shown(value)}{mend}")
    return float(value)


def whole(name: str, value: Any, low: int = 1) -> int:
    """Return ``value`` as an int, or raise unless it is a whole number of at least ``low``."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < low:
        raise CourseError(f"{name} must be a whole number of at least {low}; got {shown(value)}")
    return int(value)


def whole_or_range(name: str, value: Any) -> tuple[int, int]:
    """Return (low, high) from a whole number or a pair of them, or raise."""
    if not isinstance(value, tuple | list):
        return (whole(name, value),) * 2
    if len(value) != 2:
        raise CourseError(f"{name} must be one number or a pair (low, high); got {shown(value)}")
    low, high = (whole(name, v) for v in value)
    if low > high:
        raise CourseError(f"{name} must be (low, high) with low first; write ({high}, {low})")
    return low, high


def choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Raise unless ``value`` is one of ``choices``."""
    if value not in (choices := list(choices)):
        raise unknown(value, choices, name)


def dictionary(name: str, value: Any, example: str) -> dict:
    """Return ``value`` as a dict (empty for None), or raise with an example of one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise CourseError(f"{name} must be a dictionary such as {example}; got {shown(value)}")
    return dict(value)


def usable_seed(seed: int | None) -> int:
    """The seed as a whole number, or a new one from the operating system."""
    return secrets.randbits(128) if seed is None else whole("seed", seed, low=0)
