"""The first pass over the rows: how many there are, what is missing, and some that show all there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from course.design.columns import find_columns, is_number, missing_rows
from course.errors import CourseError
from course.formula.terms import Formula

FROM_A_BATCH = 2_000  # rows, evenly spaced, that stand for its others
IN_ALL = 20_000
MOST_LABELS = 5_000  # of a predictor


@dataclass(frozen=True)
class Seen:
    """What a pass over some rows has seen.

    Attributes
    ----------
    rows_given : int
    rows : int
        Those without a missing value.
    missing : dict of str to int
        Missing values of each column that has some.
    telling : DataFrame
        Rows that show every label of every predictor, and the extremes of all columns.
    spread : DataFrame
        Rows evenly spaced, which stand for the others where sizes are wanted roughly.
    """

    rows_given: int
    rows: int
    missing: dict[str, int]
    telling: pd.DataFrame
    spread: pd.DataFrame

    @property
    def sample(self) -> pd.DataFrame:
        """The rows that were kept, telling ones first."""
        return stack([self.telling, self.spread])


def complete(frame: pd.DataFrame, formula: Formula) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows in which nothing is missing that the formula names, and how much is missing of each."""
    columns = find_columns(frame, formula.columns)
    gaps = {name: missing_rows(column) for name, column in columns.items()}
    missing = {name: int(rows.sum()) for name, rows in gaps.items() if rows.any()}
    if not missing:
        return frame, missing
    return frame[~np.logical_or.reduce([gaps[name] for name in missing])], missing


def look(frame: pd.DataFrame, formula: Formula) -> Seen:
    """What one batch shows."""
    rows, missing = complete(frame, formula)
    return Seen(
        rows_given=len(frame),
        rows=len(rows),
        missing=missing,
        telling=_telling(rows, formula),
        spread=_evenly(rows, FROM_A_BATCH),
    )


def look_at_all(parts: Sequence[Seen], formula: Formula) -> Seen:
    """What several batches show together."""
    missing: dict[str, int] = {}
    for part in parts:
        for name, number in part.missing.items():
            missing[name] = missing.get(name, 0) + number
    return Seen(
        rows_given=sum(part.rows_given for part in parts),
        rows=sum(part.rows for part in parts),
        missing=missing,
        telling=_telling(stack([part.telling for part in parts]), formula),
        spread=_evenly(stack([part.spread for part in parts]), IN_ALL),
    )


def _evenly(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    return rows.iloc[:: -(-len(rows) // most)] if len(rows) > most else rows


def _telling(rows: pd.DataFrame, formula: Formula) -> pd.DataFrame:
    """A row for every label of a predictor, and for the least and the greatest value of a column."""
    if rows.empty:
        return rows
    keep = np.zeros(len(rows), dtype=bool)
    for name in formula.columns:
        column = rows[name]
        if name in formula.variables and (not is_number(column) or name in formula.categorical):
            first = ~column.duplicated().to_numpy()
            if first.sum() > MOST_LABELS:
                raise CourseError(
                    f"'{name}' has more than {MOST_LABELS:,} labels, too many for a predictor: "
                    f"write (1|{name}) for groups"
                )
            keep |= first
            continue
        values = column.to_numpy()
        if not is_number(column):
            values = pd.factorize(column)[0]
        keep[[values.argmin(), values.argmax()]] = True
    return rows[keep]


def stack(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames of the same columns on top of each other; categories that differ are united."""
    if any(len(frame) for frame in frames):
        frames = [frame for frame in frames if len(frame)]
    if len(frames) == 1:
        return frames[0].reset_index(drop=True)
    columns = {}
    for name in frames[0].columns:
        parts = [frame[name] for frame in frames]
        dtypes = {part.dtype for part in parts}
        if len(dtypes) > 1 and all(isinstance(dtype, pd.CategoricalDtype) for dtype in dtypes):
            united = union_categoricals(parts, ignore_order=True)
            if all(part.cat.ordered for part in parts):
                united = united.as_ordered()
            columns[name] = pd.Series(united)
        else:
            columns[name] = pd.concat(parts, ignore_index=True)
    return pd.DataFrame(columns)
