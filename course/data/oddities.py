"""What in a table needs a look before a model: codes that mean "missing", repeated measures in one row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from course.common.wording import count, listing, words
from course.design.columns import is_number

POSITIVE = (9, 97, 98, 99, 997, 998, 999, 9997, 9998, 9999)
CODES = (*POSITIVE, -7, -8, *(-code for code in POSITIVE))
FAR = 0.5  # of the range of all other values: how far from them a code lies
NUMBERED = re.compile(r"(?P<stub>.*?[^\W\d_])(?P<separator>[_.]?)(?P<number>[1-9]\d{0,3})")
MOST_TIMES = 12  # more columns with one name are replicate weights, plausible values or items


def oddities(data: pd.DataFrame, groups: Sequence[str]) -> list[str]:
    """Sentences on codes that look like missing values, and on a table with several times in one row.

    Parameters
    ----------
    data : DataFrame
    groups : list of str
        Its columns of labels, which may be any numbers.
    """
    names = [
        name
        for name in data.columns
        if isinstance(name, str)
        and name not in groups
        and (data.columns == name).sum() == 1
        and is_number(data[name])
    ]
    return [*(note for name in names for note in _codes(data[name])), *_wide(data, names)]


class Codes(NamedTuple):
    """Codes among the values of a column: in how many rows they are, and between what all others lie."""

    codes: list[float]
    rows: int
    low: float
    high: float


def codes_like_missing(column: pd.Series) -> Codes | None:
    """-9, 99, 999 and the like, where they lie far from all other values of a column.

    Examples
    --------
    >>> codes_like_missing(pd.Series([3, 1, 5, 2, 999, 4, -99]))
    Codes(codes=[-99.0, 999.0], rows=2, low=1.0, high=5.0)
    """
    values = column.dropna()
    found = values[values.isin(CODES)].unique()
    rest = values[~values.isin(found)]
    if not len(found) or rest.nunique() < 2:
        return None
    low, high = rest.min(), rest.max()
    far = FAR * (high - low)
    codes = sorted(
        float(code) for code in found if code > high + far or code < low - far or code < 0 <= low
    )
    if not codes:
        return None
    others = values[~values.isin(codes)]
    rows = len(values) - len(others)
    return Codes(codes, rows, float(others.min()), float(others.max()))


def _codes(column: pd.Series) -> list[str]:
    """What is to be said of such codes."""
    found = codes_like_missing(column)
    if found is None:
        return []
    codes = [f"{code:g}" for code in found.codes]
    return [
        f"{column.name} holds {listing(codes)} in {count(found.rows, 'row')}, far from all others "
        f"({words(found.low)} to {words(found.high)}). If that means missing: read_table(..., "
        f"na_values={{'{column.name}': [{', '.join(codes)}]}})."
    ]


def _wide(data: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """math_1, math_2 and math_3 in one row: the call that makes three rows of it."""
    stems: dict[tuple[str, str], list[int]] = {}
    for name in names:
        if match := NUMBERED.fullmatch(name):
            key = match["stub"], match["separator"]
            stems.setdefault(key, []).append(int(match["number"]))
    times = {key: found for key, found in stems.items() if 2 <= len(found) <= MOST_TIMES}
    if not times:
        return []
    separator, numbers = next((key[1], sorted(found)) for key, found in times.items())
    stubs = [
        stub
        for (stub, own), found in times.items()
        if own == separator and sorted(found) == numbers
    ]
    shown = [f"{stubs[0]}{separator}{number}" for number in numbers]
    given = next(
        (name for name in data.columns if isinstance(name, str) and _identifies(data, name)), ""
    )
    table, unit = ("data", given) if given else ("data.rename_axis('row').reset_index()", "row")
    return [
        f"{listing(shown)} are side by side. If they are one measure at several times, a mixed model needs "
        f"one row for each time: pd.wide_to_long({table}, {stubs!r}, i={unit!r}, j='time', "
        f"sep={separator!r}).reset_index()"
    ]


def _identifies(data: pd.DataFrame, name: str) -> bool:
    """Whether a column of labels has another label in each row."""
    column = data[name]
    if isinstance(column, pd.DataFrame) or pd.api.types.is_float_dtype(column.dtype):
        return False
    return bool(column.notna().all() and column.is_unique and not NUMBERED.fullmatch(name))
