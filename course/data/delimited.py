"""CSV files as people have them: labels with zeros before them, semicolons, decimal commas."""

from __future__ import annotations

import csv
import gzip
import io
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from course.common.wording import listing
from course.data.typed import NaValues, numbers_of, without
from course.errors import CourseError

LONGEST_HEADER = 1_000_000  # characters
# Numbers are read to their last digit. From 3.1 on pandas does so of itself, and wants not to be asked.
EXACT: dict[str, Any] = (
    {"float_precision": "round_trip"} if pd.__version__.startswith("3.0.") else {}
)
MISSING = ["", "NA"]  # as R's read.csv: None, null and n/a are labels that a group may have
WITH_ZERO = re.compile(r"[+-]?0\d+")
WITH_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
WHOLE = re.compile(r"[+-]?\d+")


def read_delimited(path: Path, labels: Iterable[str], na_values: NaValues) -> pd.DataFrame:
    """A CSV file; what was not as in others stands in ``attrs["notes"]``."""
    names, separator = _header(path)
    text = dict.fromkeys(set(labels) & set(names), str)

    def read(dtype: dict | type) -> pd.DataFrame:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                path,
                sep=separator,
                dtype=dtype,
                keep_default_na=False,
                na_values=MISSING,
                index_col=False,  # else fields more than names would shift all columns by one
                **EXACT,
                low_memory=False,  # else a column's type would depend on its place in the file
            )

    zeros = _with_zeros(read(str)) if _may_have_zeros(path, separator) else []
    zeros = [name for name in zeros if name not in text]
    data = read({**text, **dict.fromkeys(zeros, str)})
    for name in data.columns.difference([*text, *zeros], sort=False):
        if pd.api.types.is_string_dtype(data[name]) and (data[name] == "NaN").any():
            data[name] = _not_a_number(data[name])
    data = without(data, na_values)
    commas = []
    for name in data.columns.difference([*text, *zeros], sort=False):
        if separator == ";" and pd.api.types.is_string_dtype(data[name]):
            numbers = _without_commas(data[name])
            if numbers is not None:
                commas.append(name)
                data[name] = numbers
    notes = []
    if separator == ";":
        said = f"; the commas in {listing(commas)} are decimal ones" if commas else ""
        notes.append(f"The columns of {path.name} are separated by semicolons{said}.")
    if zeros:
        notes.append(
            f"{listing(zeros)} {'is' if len(zeros) == 1 else 'are'} text, since 01 and 1 may be two labels; "
            f"for numbers: data['{zeros[0]}'].astype(float)."
        )
    if notes:
        data.attrs["notes"] = notes
    return data


def _header(path: Path) -> tuple[list[str], str]:
    """The column names, and what separates them; pandas would rename a repeated one in silence."""
    with _opened(path) as file:
        start = file.read(LONGEST_HEADER)
    if len(start) == LONGEST_HEADER and "\n" not in start:
        raise CourseError(f"the first line of {path} has no end: is this a table?")
    header, separator = _fields(start, ","), ","
    if len(header) == 1 and "\t" in header[0]:
        raise CourseError(
            f"the columns of {path} are separated by '\\t', not by commas: save it as "
            "comma-separated, or read it with pd.read_csv(path, sep='\\t')"
        )
    if len(header) == 1 and ";" in header[0]:
        header, separator = _fields(start, ";"), ";"
    repeated = [name for name in dict.fromkeys(header) if header.count(name) > 1]
    if repeated:
        raise CourseError(f"{path} has more than one column called '{repeated[0]}': rename one")
    return header, separator


def _fields(start: str, separator: str) -> list[str]:
    return next(csv.reader(io.StringIO(start, newline=""), delimiter=separator), [])


def _opened(path: Path) -> io.TextIOWrapper:
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    return opener(path, "rt", encoding="utf-8-sig", newline="")


def _pieces(path: Path) -> Iterator[str]:
    """The text of a file, a million characters at a time, each with the last few of the one before."""
    before = ""
    with _opened(path) as file:
        while piece := file.read(LONGEST_HEADER):
            yield before + piece
            before = piece[-3:]


def _may_have_zeros(path: Path, separator: str) -> bool:
    """Whether any field begins with 0 and a digit: seldom, and then all is read as text first."""
    field = re.compile(rf'[\n\r"{separator}][+-]?0\d')
    return any(field.search(piece) for piece in _pieces(path))


def _with_zeros(texts: pd.DataFrame) -> list[str]:
    return [name for name in texts if texts[name].str.fullmatch(WITH_ZERO).any()]


def _without_commas(column: pd.Series) -> pd.Series | None:
    """The numbers of a column whose decimals stand after commas, as in 2,5."""
    there = column.dropna()
    comma = there.str.fullmatch(WITH_COMMA)
    if not comma.any() or not (comma | there.str.fullmatch(WHOLE)).all():
        return None
    return column.str.replace(",", ".").astype(float)


def _not_a_number(column: pd.Series) -> pd.Series:
    """Numbers, where nothing but NaN stands among them: R takes that for one, too; nan is a text."""
    numbers = numbers_of(column.mask(column == "NaN"))
    return column if pd.api.types.is_string_dtype(numbers) else numbers
