"""Columns of a DataFrame, made ready: numbers as floats, labels as categories, groups as codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, time
from numbers import Number

import numpy as np
import pandas as pd

from course.common.nearest import nearest, shortened
from course.errors import CourseError


def check_frame(data: object) -> pd.DataFrame:
    """The same pandas frame, or one made of a polars frame, a pyarrow table or what else narwhals reads.

    Raises
    ------
    CourseError
        For what is no table; it says how to make one.

    Examples
    --------
    >>> import pyarrow
    >>> check_frame(pyarrow.table({"age": [5, 6]}))
       age
    0    5
    1    6
    """
    if isinstance(data, pd.DataFrame) and isinstance(data.columns, pd.MultiIndex):
        raise CourseError(
            f"the columns of the data have {data.columns.nlevels} levels of names (a MultiIndex), and a "
            'formula needs one: data.columns = ["_".join(map(str, name)) for name in data.columns]'
        )
    if isinstance(data, pd.DataFrame):
        return data
    import narwhals

    try:
        table = narwhals.from_native(data)
        return (table.collect() if isinstance(table, narwhals.LazyFrame) else table).to_pandas()
    except TypeError:  # not a kind of table that narwhals knows
        kind = f"{type(data).__module__.split('.')[0]}.{type(data).__name__}"
        if hasattr(data, "to_pandas"):
            raise CourseError(f"data is a {kind}: pass data.to_pandas()") from None
        raise CourseError(
            f"data must be a pandas DataFrame, or a table such as polars', not a {type(data).__name__}: "
            "try pd.DataFrame(data), or read_table(path) or pd.read_csv(path) for a file"
        ) from None


def find_columns(data: pd.DataFrame, names: Iterable[str]) -> dict[str, pd.Series]:
    """The named columns; a `CourseError` with the nearest name for one that is not there."""
    columns = {}
    counts = Counter(data.columns)
    for name in names:
        times = counts[name]
        if times == 0:
            mend = nearest(name, data.columns)
            present = ", ".join(shortened(str(known)) for known in data.columns[:12])
            present += " ..." if len(data.columns) > 12 else ""
            raise CourseError(
                f"the data have no column '{shortened(name)}'{mend or f'; there are {present}'}"
            )
        if times > 1:
            raise CourseError(
                f"the data have {times} columns called '{name}': rename or drop all but one"
            )
        columns[name] = data[name]
    return columns


def as_column(
    argument: str, values: object, data: pd.DataFrame, what: str
) -> tuple[str | None, pd.DataFrame]:
    """The name of the column that an argument names or holds, and the data with that column.

    Parameters
    ----------
    argument : str
        How it is called, for messages, and for the new column where the values have no name.
    values : str, array-like of shape (n,), or None
        A Series with another index than the data is aligned by its labels.
    data : DataFrame
    what : str
        What each row needs one of: "label" or "number".

    Examples
    --------
    >>> name, data = as_column("groups", ["a", "b"], pd.DataFrame({"age": [5, 6]}), "label")
    >>> name, list(data)
    ('groups', ['age', 'groups'])
    """
    if values is None:
        return None, data
    if isinstance(values, str):
        find_columns(data, [values])
        return values, data
    values = values if isinstance(values, pd.Series) else np.asarray(values)
    if np.ndim(values) != 1 or len(values) != len(data):
        raise CourseError(
            f"{argument} must be a column name or have one {what} for each of the {len(data)} rows"
        )
    name = str(getattr(values, "name", None) or argument)
    if isinstance(values, pd.Series) and not values.index.equals(data.index):
        if not (values.index.is_unique and data.index.isin(values.index).all()):
            raise CourseError(
                f"{argument} has a different index from the data: pass a column of the data"
            )
        values = values.loc[data.index]
    if name in data.columns and pd.Series(data[name].array).equals(pd.Series(pd.array(values))):
        return name, data
    while name in data.columns:
        name += "_"
    return name, data.assign(**{name: np.asarray(values)})


def model_column(series: pd.Series, keep_whole: bool) -> np.ndarray | pd.Series | pd.Categorical:
    """A column for the model matrices: floats, booleans, or a Categorical of the labels present.

    Parameters
    ----------
    series : Series
        Without missing values.
    keep_whole : bool
        Leave whole numbers as they are, for ``C(grade)`` to name its levels 2 and not 2.0; and numbers
        and booleans in a Series, since patsy names those of an array np.int64(2).
    """
    name, dtype = series.name, series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        labelled = pd.Categorical(series).remove_unused_categories()
        _refuse_one_label(labelled, name)
        return labelled
    if dtype == "object":
        series = series.infer_objects()
        dtype = series.dtype
    if pd.api.types.is_bool_dtype(dtype):
        values = series.to_numpy(dtype=bool)
        return pd.Series(values) if keep_whole else values
    if pd.api.types.is_complex_dtype(dtype):
        raise CourseError(f"'{name}' holds complex numbers; a model takes real ones")
    if pd.api.types.is_datetime64_any_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
        raise CourseError(
            f"'{name}' holds dates or times: make numbers of them, as in "
            f"(data['{name}'] - data['{name}'].min()).dt.days"
        )
    if pd.api.types.is_numeric_dtype(dtype):
        # int64 overflows in silence in I(x**9): floats do not
        whole = keep_whole and pd.api.types.is_integer_dtype(dtype)
        values = series.to_numpy(dtype=np.int64 if whole else np.float64)
        _refuse_infinite(values, series, name)
        return pd.Series(values) if keep_whole else values
    codes, labels = factorize(series)
    if not all(isinstance(label, str) for label in labels):
        kinds = sorted({type(label).__name__ for label in labels})
        if all(isinstance(label, date | time | pd.Period) for label in labels):
            raise CourseError(
                f"'{name}' holds dates or times: make numbers of them, as in "
                f"(days - days.min()).dt.days with days = pd.to_datetime(data['{name}'].astype(str))"
            )
        if all(isinstance(label, Number) and not isinstance(label, bool) for label in labels):
            raise CourseError(
                f"'{name}' holds numbers of type {' and '.join(kinds)}: "
                f"convert them with data['{name}'].astype(float)"
            )
        raise CourseError(
            f"'{name}' mixes {' and '.join(kinds)}: make it numbers with pd.to_numeric, "
            "or text with .astype(str)"
        )
    order = np.argsort(np.asarray(labels, dtype=object))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    labelled = pd.Categorical.from_codes(rank[codes], np.asarray(labels, dtype=object)[order])
    _refuse_one_label(labelled, name)
    return labelled


def new_column(series: pd.Series, fitted: pd.Series, keep_whole: bool) -> np.ndarray:
    """A column of new rows, in the form that the fitted one had for patsy.

    Raises
    ------
    CourseError
        Where it holds text and the fitted one numbers, or a label that was not in the fit.
    """
    name = series.name
    numeric = pd.api.types.is_numeric_dtype(fitted.infer_objects().dtype)
    if numeric:
        new = series.infer_objects()
        if is_truth(fitted):
            if not new.isin([0, 1]).all():
                raise CourseError(f"'{name}' was True or False in the fit and is {new.dtype} here")
            return new.to_numpy(dtype=bool)
        if not pd.api.types.is_numeric_dtype(new.dtype):
            raise CourseError(f"'{name}' held numbers in the fit and {series.dtype} here")
        try:
            whole = keep_whole and pd.api.types.is_integer_dtype(series.dtype)
            return series.to_numpy(dtype=np.int64 if whole else np.float64)
        except (TypeError, ValueError) as error:
            raise CourseError(
                f"'{name}' held numbers in the fit and {series.dtype} here"
            ) from error
    known = set(fitted.cat.categories if hasattr(fitted, "cat") else fitted.unique())
    unknown = [value for value in series.unique() if value not in known]
    if unknown:
        raise CourseError(
            f"'{name}' is {unknown[0]!r} in a new row; the fit knows "
            f"{', '.join(map(repr, sorted(known, key=str)[:8]))}"
        )
    return series.to_numpy(dtype=object)


def _refuse_one_label(labelled: pd.Categorical, name: str) -> None:
    if len(labelled.categories) < 2:
        raise CourseError(
            f"'{name}' has only one value ({labelled.categories[0]}), so it cannot have an effect: "
            "leave it out"
        )


def _refuse_infinite(values: np.ndarray, series: pd.Series, name: str) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        raise CourseError(
            f"'{name}' is infinite in {bad.sum()} row(s), first at index "
            f"{series.index[bad.argmax()]!r}: replace with np.nan to leave the row out"
        )


def factorize(column: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """Codes (n,) and the labels that they stand for, in order of appearance."""
    try:
        return pd.factorize(column)
    except (TypeError, NotImplementedError) as error:  # lists, dictionaries
        raise CourseError(
            f"'{column.name}' holds {type(column.iloc[0]).__name__}s, which cannot be labels: make "
            "each cell one number or one text"
        ) from error


def missing_rows(column: pd.Series) -> np.ndarray:
    """Where a column has no value; a nullable float may hold NaN beside NA."""
    missing = np.asarray(pd.isna(column.array))
    if pd.api.types.is_extension_array_dtype(column.dtype) and pd.api.types.is_float_dtype(
        column.dtype
    ):
        missing = missing | np.isnan(column.to_numpy(dtype=float, na_value=np.nan))
    return missing


def label_kind(column: pd.Series) -> str:
    """``"number"`` or ``"text"``, whatever the labels are kept in."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    elif dtype == "object":
        dtype = column.infer_objects().dtype
    return "number" if pd.api.types.is_numeric_dtype(dtype) else "text"


def is_number(column: pd.Series) -> bool:
    """Whether a column holds numbers to calculate with, and not True and False."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def is_truth(column: pd.Series) -> bool:
    """Whether a column holds True and False, be it as objects."""
    return pd.api.types.is_bool_dtype(column.infer_objects().dtype)
