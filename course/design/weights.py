"""Prior weights: rows whose residual variance is sigma squared over a number that is known.

A mean of w pupils, or a score of w items, scatters with 1 / w of the variance that one of them has. In lme4,
in nlme (``varFixed(~ 1 / w)``) and here a row of weight w has the residual variance sigma^2 / w, and sigma
is the residual SD of a row of weight 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pandas as pd

from course.design.checks import check_size
from course.design.columns import as_column, find_columns, is_number, missing_rows
from course.errors import CourseError


def weights_column(weights: Any, data: pd.DataFrame) -> tuple[str | None, pd.DataFrame]:
    """The name of the column that holds the weights, and the data with that column.

    Parameters
    ----------
    weights : str, array-like of shape (n,), or None
    data : DataFrame
        It has a column more where the weights are an array.

    Raises
    ------
    CourseError
        For what is neither a column nor one number for each row. What the numbers are is looked at
        once it is known which rows are complete: by `check_weights`.

    Examples
    --------
    >>> name, data = weights_column([1, 2], pd.DataFrame({"score": [3.0, 4.0]}))
    >>> name, data["weights"].tolist()
    ('weights', [1, 2])
    """
    if isinstance(weights, Mapping):
        raise CourseError(
            "weights= takes one column, or one number for each row: a row of weight w has the residual "
            "variance sigma^2 / w. A dictionary has the sampling weights of a survey: mixedlm takes them, "
            "and statsmodels has no place for them"
        )
    if isinstance(weights, str) and weights not in data.columns and not weights.isidentifier():
        raise CourseError(
            f"weights={weights!r} is not a column of the data: pass computed weights as numbers, as in "
            f"weights=data.eval({weights!r})"
        )
    return as_column("weights", weights, data, "number")


def columns_of_weights(
    weights: Any, replicates: str | Sequence[str] | None, columns: Iterable[object]
) -> set[object]:
    """The columns that hold weights, for which a lone ``.`` in a formula does not stand.

    Parameters
    ----------
    weights : str, array-like, dict or None
        As `course.mixedlm` takes them.
    replicates : str or list of str, optional
        Replicate weights, by their names or a pattern.
    columns : iterable
        Those of the data.

    Examples
    --------
    >>> sorted(columns_of_weights({"student": "w"}, "r*", ["score", "w", "r1", "r2"]))
    ['r1', 'r2', 'w']
    """
    found = list(weights.values()) if isinstance(weights, Mapping) else [weights]
    if isinstance(replicates, str):
        found += [name for name in map(str, columns) if fnmatchcase(name, replicates)]
    else:
        found += list(replicates or ())
    return {name for name in found if isinstance(name, str)}


def check_weights(column: pd.Series) -> np.ndarray:
    """The weights of the complete rows as floats, (n,).

    Raises
    ------
    CourseError
        Unless all are finite numbers above 0.

    Examples
    --------
    >>> check_weights(pd.Series([1, 0], name="pupils"))
    Traceback (most recent call last):
    ...
    course.errors.CourseError: the weights 'pupils' are 0 in 1 row(s), first at index 1: such a row would \
say nothing; leave it out with data[data['pupils'] > 0]
    """
    name, inferred = column.name, column.infer_objects()
    if pd.api.types.is_bool_dtype(inferred.dtype):
        raise CourseError(
            f"the weights {name!r} are True and False: weights are numbers above 0; to use only the "
            f"rows that are True, write subset=data[{name!r}]"
        )
    missing = missing_rows(column)
    if not missing.all() and (
        not is_number(inferred) or pd.api.types.is_complex_dtype(inferred.dtype)
    ):
        raise CourseError(
            f"the weights {name!r} are not numbers ({inferred.dtype}): if they are numbers written as text, "
            f"convert them with pd.to_numeric(data[{name!r}])"
        )
    if missing.any():
        raise _refusal(
            column,
            missing,
            "are missing",
            f"fill them in, or leave these rows out with data.dropna(subset=[{name!r}])",
        )
    values = column.to_numpy(dtype=float)
    if np.isinf(values).any():
        mend = "the residual of such a row would be known to be 0; correct them"
        raise _refusal(column, np.isinf(values), "are infinite", mend)
    if (values < 0).any():
        mend = "a row of weight w has the residual variance sigma^2 / w, so w must be above 0"
        raise _refusal(column, values < 0, "are negative", mend)
    if (values == 0).any():
        mend = f"such a row would say nothing; leave it out with data[data[{name!r}] > 0]"
        raise _refusal(column, values == 0, "are 0", mend)
    check_size(values[:, None], [f"the weight {name!r}"])
    return values


def weights_range(weights: np.ndarray) -> str:
    """The least and the largest of the weights in words: ``"1 to 8"``."""
    return f"{weights.min():.4g} to {weights.max():.4g}"


def _refusal(column: pd.Series, bad: np.ndarray, what: str, mend: str) -> CourseError:
    return CourseError(
        f"the weights {column.name!r} {what} in {bad.sum()} row(s), first at index "
        f"{column.index[bad.argmax()]!r}: {mend}"
    )


def new_weights(name: str | None, new: pd.DataFrame) -> np.ndarray:
    """The weights of new rows, (m,): 1 where these have no such column, NaN where it has a gap."""
    if name is None or name not in new.columns:
        return np.ones(len(new))
    column = find_columns(new, [name])[name]
    known = ~missing_rows(column)
    weights = np.full(len(new), np.nan)
    if known.any():
        weights[known] = check_weights(column[known])
    return weights
