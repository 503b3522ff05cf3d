"""Values that mean "missing", and numbers that are whole: for files whose columns have types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from course.common.nearest import nearest
from course.errors import CourseError

NaValues = Iterable | Mapping[str, Iterable]
LARGEST_WHOLE = 2**53  # beyond it not every whole number is a float


def other_missing(na_values: NaValues, name: str) -> list:
    """The values that mean "missing" in this column, beside those that always do."""
    if isinstance(na_values, Mapping):
        na_values = na_values.get(name, ())
    return [na_values] if isinstance(na_values, str | int | float) else list(na_values)


def check_na_values(na_values: NaValues, names: Iterable) -> None:
    """Refuse a column that is not there."""
    if isinstance(na_values, Mapping):
        names = list(names)
        for name in na_values:
            if name not in names:
                raise CourseError(f"na_values= names '{name}', no column{nearest(name, names)}")


def without(data: pd.DataFrame, na_values: NaValues) -> pd.DataFrame:
    """The table with these values missing; text in which only numbers are left becomes numbers."""
    check_na_values(na_values, data.columns)
    changed = {}
    for name in data.columns:
        values = other_missing(na_values, name)
        column = data[name]
        if pd.api.types.is_string_dtype(column.dtype):
            values = list(map(str, values))
        gone = column.isin(values)
        if not gone.any():
            continue
        column = column.mask(gone)
        if isinstance(column.dtype, pd.CategoricalDtype):
            known = column.cat.categories
            column = column.cat.remove_categories([value for value in values if value in known])
        changed[name] = numbers_of(column)
    return data.assign(**changed) if changed else data


def numbers_of(column: pd.Series) -> pd.Series:
    """A column of text as numbers, where it holds nothing else; any other as it is."""
    if not pd.api.types.is_string_dtype(column.dtype):
        return column
    numbers = pd.to_numeric(column, errors="coerce")
    return column if (numbers.isna() & column.notna()).any() else numbers


def whole_numbers(column: pd.Series) -> pd.Series:
    """School 101, not 101.0: whole numbers as such, where none is missing."""
    if not pd.api.types.is_float_dtype(column) or not len(column):
        return column
    values = column.to_numpy()
    if np.isfinite(values).all() and (values % 1 == 0).all():
        if np.abs(values).max() < LARGEST_WHOLE:
            return column.astype(np.int64)
    return column
