"""Columns of codes with labels, as SPSS, Stata, SAS and R's haven have them, to numbers and factors.

pandas' own readers sort the labels by their text, or make a whole column of numbers a factor for the
one label of a missing code. Here a column is a factor where every value that occurs has a label, and a
number where only special codes have one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from course.common.packages import require_package
from course.common.reasons import NO_REASON, pack_reasons
from course.common.wording import listing
from course.data.typed import NaValues, check_na_values, other_missing, whole_numbers
from course.errors import CourseError

SHOWN = 4  # labelled codes in a note
Labels = Mapping[Any, str]  # of codes
Ranges = Sequence[tuple[Any, Any]]  # lowest and highest of some codes


@dataclass(frozen=True, eq=False)
class Coded:
    """A column as a file has it.

    Attributes
    ----------
    values : Series, length n
        Codes, numbers or text; NaN where the file has none.
    labels : dict
        From codes to labels.
    missing : list of (low, high)
        Ranges of codes that the file declares missing.
    tags : Series or None, length n
        Where Stata, SAS or haven have one of several kinds of "missing" (.a to .z): its letter.
    title : str
        What the column is, in words; empty where the file does not say.
    """

    values: pd.Series
    labels: Labels = field(default_factory=dict)
    missing: Ranges = ()
    tags: pd.Series | None = None
    title: str = ""


def assemble(columns: Mapping[str, Coded], codes: bool, na_values: NaValues) -> pd.DataFrame:
    """The table of these columns, with what the file says of them in its ``attrs``.

    Parameters
    ----------
    columns : dict of str to Coded
    codes : bool
        Whether codes are wanted where there are labels.
    na_values : list or dict of str to list
        More codes that mean "missing".

    Returns
    -------
    DataFrame
        With ``attrs["labels"]``, titles of columns; ``attrs["missing"]``, why values are missing;
        and ``attrs["notes"]``.
    """
    check_na_values(na_values, columns)
    made: dict[str, pd.Series] = {}
    titles, missing, notes = {}, {}, []
    for name, column in columns.items():
        gone = [*column.missing, *((code, code) for code in other_missing(na_values, name))]
        values, reasons, rows = _without_missing(column, gone)
        if len(reasons) > 1:
            missing[name] = pack_reasons(reasons, rows)
        if column.title:
            titles[name] = column.title
        factor = None if codes else _factor(values, column.labels, gone)
        if factor is None:
            made[name] = whole_numbers(values)
            if not codes:
                notes += _labelled_numbers(name, values, column.labels)
        else:
            made[name] = factor
    data = pd.DataFrame(made)
    for key, value in (("labels", titles), ("missing", missing), ("notes", notes)):
        if value:
            data.attrs[key] = value
    return data


def _without_missing(column: Coded, gaps: Ranges) -> tuple[pd.Series, list[str], np.ndarray]:
    """The values that are there; the reasons why others are not; which of them each row has, 0 for none."""
    values = column.values
    labels, rows = [NO_REASON], values.isna().to_numpy().astype(int)

    def tell(where: np.ndarray, codes: pd.Series, unlabelled: str) -> None:
        which, found = pd.factorize(codes[where])
        rows[where] = which + len(labels) + 1
        labels.extend(column.labels.get(code, unlabelled + _shown(code)) for code in found)

    if column.tags is not None:
        tell(column.tags.notna().to_numpy(), column.tags, ".")
    gone = np.zeros(len(values), dtype=bool)
    for low, high in gaps:
        if isinstance(low, str) == pd.api.types.is_numeric_dtype(values):
            continue  # a text among the codes that mean "missing", and a column of numbers
        here = values.isin([low]) if low == high else values.between(low, high)
        gone |= here.fillna(False).to_numpy(dtype=bool)
    if not gone.any():
        return values, labels, rows
    tell(gone, values, "")
    return values.mask(gone), labels, rows


def _factor(values: pd.Series, labels: Labels, gaps: Ranges) -> pd.Series | None:
    """A factor with its levels in the order of the codes, where all values that occur are labelled."""
    present = set(values.dropna().unique()) if labels else set()
    if not present or not present <= set(labels):
        return None
    texts_are_codes = not pd.api.types.is_numeric_dtype(values)
    codes = sorted(
        code
        for code in labels
        if isinstance(code, str) == texts_are_codes and not _within(code, gaps)
    )
    texts = [labels[code] for code in codes]
    levels = [
        f"{text} ({_shown(code)})" if texts.count(text) > 1 else text
        for code, text in zip(codes, texts, strict=True)
    ]
    where = pd.Index(codes).get_indexer(pd.Index(values))
    return pd.Series(pd.Categorical.from_codes(where, levels), index=values.index)


def _within(code: Any, gaps: Ranges) -> bool:
    """Whether a code is one of those that mean "missing"."""
    return any(
        low <= code <= high for low, high in gaps if isinstance(low, str) == isinstance(code, str)
    )


def _labelled_numbers(name: str, values: pd.Series, labels: Labels) -> list[str]:
    """Codes with a label that stand among numbers: a scale's ends, or "refused" not declared missing."""
    if not labels or not pd.api.types.is_numeric_dtype(values):
        return []
    present = sorted(values[values.isin([c for c in labels if not isinstance(c, str)])].unique())
    if not present:
        return []
    said = [f"{_shown(code)} ('{labels[code]}')" for code in present[:SHOWN]]
    more = [f"{len(present) - SHOWN} more"] if len(present) > SHOWN else []
    return [
        f"{name} is a number, since not all of its values have labels; {listing([*said, *more])} "
        f"{'counts' if len(present) == 1 else 'count'} as such. For a code that means missing: "
        f"read_table(..., na_values={{'{name}': [{_shown(present[-1])}]}})."
    ]


def _shown(code: Any) -> str:
    return f"{code:g}" if isinstance(code, float | np.floating) else str(code)


# -- files -----------------------------------------------------------------------------------


def read_labelled(
    path: Path, suffix: str, codes: bool, na_values: NaValues, catalog: Path | None
) -> pd.DataFrame:
    """A file of SPSS, Stata or SAS; SAS keeps the labels of values in a file of their own, a catalog."""
    require_package("pyreadstat", f"Reading {suffix} files")
    import pyreadstat

    readers: dict[str, Callable] = {
        ".sav": pyreadstat.read_sav,
        ".zsav": pyreadstat.read_sav,
        ".por": pyreadstat.read_por,
        ".dta": pyreadstat.read_dta,
        ".sas7bdat": pyreadstat.read_sas7bdat,
    }
    options: dict[str, bool] = {} if suffix == ".por" else {"user_missing": True}
    beside = _catalog_beside(path) if suffix == ".sas7bdat" and catalog is None else None
    catalog = catalog or beside
    data, about = readers[suffix](path, **options)
    titles = about.column_names_to_labels
    labels: Mapping[str, Labels] = about.variable_value_labels
    if catalog:
        formats = _formats(catalog)
        labels = {name: formats.get(key, {}) for name, key in about.variable_to_label.items()}
    columns = {}
    for name in data.columns:
        values, tags = _apart(data[name], about.missing_user_values.get(name, ()))
        columns[name] = Coded(
            values=values,
            labels=labels.get(name, {}),
            missing=[(part["lo"], part["hi"]) for part in about.missing_ranges.get(name, ())],
            tags=tags,
            title=titles.get(name) or "",
        )
    table = assemble(columns, codes, na_values)
    if beside:
        said = f"The labels of values are those of {beside.name}, which is in the same folder as {path.name}."
        table.attrs["notes"] = [said, *table.attrs.get("notes", ())]
    return table


def _formats(catalog: Path) -> Mapping[str, Labels]:
    """The labels of each format; pyreadstat could put them into the data itself, in place of the codes."""
    import pyreadstat

    try:
        formats = pyreadstat.read_sas7bcat(catalog)[1].value_labels
    except Exception as error:
        raise CourseError(f"{catalog} cannot be read as a catalog of SAS: {error}") from error
    if not formats:
        raise CourseError(f"{catalog} holds no labels of values: is it a catalog of SAS?")
    return formats


def _catalog_beside(path: Path) -> Path | None:
    """The catalog called like the file, or the one that SAS writes, formats.sas7bcat."""
    for name in (path.with_suffix(".sas7bcat").name, "formats.sas7bcat"):
        if (path.parent / name).is_file():
            return path.parent / name
    return None


def _apart(values: pd.Series, letters: Sequence[str]) -> tuple[pd.Series, pd.Series | None]:
    """Numbers and the letters among them; an empty text is missing, as an empty field of a CSV file is."""
    if letters:
        tagged = values.isin(letters)
        return pd.to_numeric(values.mask(tagged)), values.where(tagged)
    if pd.api.types.is_string_dtype(values):
        return values.mask(values == ""), None
    return values, None
