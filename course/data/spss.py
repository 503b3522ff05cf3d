"""A table to a file of SPSS, with labels of values and columns, and with the reasons of missing values.

It is written so that `read_table` gives the same table back.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from course.common.packages import require_package
from course.common.reasons import NO_REASON, reason_of_rows
from course.errors import CourseError

LAST_CODES = (9, 99, 999, 9_999, 99_999, 999_999, 9_999_999)  # of the values that mean "missing"


def write_sav(data: pd.DataFrame, path: Path) -> None:
    """Write a ``.sav`` file.

    Parameters
    ----------
    data : DataFrame
        Factors become the codes 1, 2, ... with labels. Of the ``attrs``, ``"labels"`` become titles of
        columns; where ``"missing"`` knows why values are missing, these get the last codes of so many digits
        as the column needs (95 to 99, say), with the reasons as their labels.
    path : Path
        Where to.
    """
    require_package("pyreadstat", "Writing .sav files")
    import pyreadstat

    columns: dict[str, pd.Series] = {}
    labels: dict[str, dict[int | float, str]] = {}
    missing: dict[str, list] = {}
    if not (data.columns.is_unique and all(isinstance(name, str) for name in data.columns)):
        raise CourseError(
            "the columns of a .sav file have names that are texts, and different ones: rename them, as in "
            "data.columns = [...]"
        )
    for name in data.columns:
        values, of_values = _codes(name, data[name])
        reasons, gone = _reasons(data, name)
        if reasons and not isinstance(values.dtype, pd.StringDtype):
            numbers = values.to_numpy(dtype=float, na_value=np.nan, copy=True)
            first = _first_code(numbers, of_values, len(reasons))
            there = gone > 0
            numbers[there] = first + gone[there] - 1
            values = pd.Series(numbers)
            of_values |= {first + i: reason for i, reason in enumerate(reasons)}
            missing[name] = [{"lo": first, "hi": first + len(reasons) - 1}]
        columns[name] = values
        if of_values:
            labels[name] = of_values
    try:
        pyreadstat.write_sav(
            pd.DataFrame(columns),
            path,
            column_labels=data.attrs.get("labels", {}),
            variable_value_labels=labels,
            missing_ranges=missing,
            row_compress=True,
        )
    except (pyreadstat.PyreadstatError, pyreadstat.ReadstatError) as error:  # over a name, mostly
        path.unlink(missing_ok=True)
        raise CourseError(f"{path} cannot be written as .sav: {error}") from error


def _codes(name: str, column: pd.Series) -> tuple[pd.Series, dict[Any, str]]:
    """The values of a column as a file of SPSS has them, and what codes stand for."""
    column = column.reset_index(drop=True)
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = pd.Series(column.cat.codes.to_numpy(dtype=float) + 1)
        levels = enumerate(column.cat.categories, start=1)
        return codes.where(codes > 0), {code: str(level) for code, level in levels}
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.astype(float), {0: "False", 1: "True"}
    from course.design.columns import is_number  # in here: reading a data set needs no patsy

    if is_number(column) and not pd.api.types.is_complex_dtype(column.dtype):
        return column, {}
    if pd.api.types.infer_dtype(column, skipna=True) in ("string", "empty"):
        return column.astype("str"), {}
    raise CourseError(
        f"'{name}' holds neither numbers nor text, and a .sav file has no other columns: "
        f"convert it, as in data['{name}'].astype(str)"
    )


def _reasons(data: pd.DataFrame, name: str) -> tuple[list[str], np.ndarray]:
    """The reasons that the table keeps for a column, and which of them each row has, from 1, or 0."""
    none = np.zeros(len(data), dtype=int)
    kept = data.attrs.get("missing", {}).get(name)
    if kept is None:
        return [], none
    which = reason_of_rows(kept, data.index, data[name].isna().to_numpy())
    if which is None:
        return [], none
    reasons = [label for label in kept["labels"] if label != NO_REASON]
    number = np.array([0] + [reasons.index(r) + 1 if r in reasons else 0 for r in kept["labels"]])
    return list(dict.fromkeys(reasons)), number[which]


def _first_code(numbers: np.ndarray, labels: dict[Any, str], n: int) -> int:
    """The first of n codes of 9s that are larger than all that the column holds."""
    there = numbers[np.isfinite(numbers)]
    largest = max([0.0, *np.abs(there), *labels])
    if (there % 1 != 0).any():
        # an index may be 5 in another file: its codes are 95 and the like
        largest = max(largest, 9)
    first = [last - n + 1 for last in LAST_CODES if last - n + 1 > largest]
    if not first:
        raise CourseError("a column with reasons of missing values holds numbers above 9,999,990")
    return first[0]
