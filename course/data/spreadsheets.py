"""Workbooks of Excel and LibreOffice: one sheet, its first line the names of the columns."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from course.common.nearest import nearest
from course.data.delimited import MISSING, WITH_ZERO
from course.errors import CourseError

ENGINES = {".xlsx": "openpyxl", ".ods": "odf"}
LARGEST = 2_000_000_000  # bytes of a workbook's parts, unpacked
PARTS = {
    ".xlsx": "xl/workbook.xml",
    ".ods": "META-INF/manifest.xml",
}  # files that each kind consists of


def read_sheet(path: Path, suffix: str, sheet: str | None, texts: Iterable[str]) -> pd.DataFrame:
    """One sheet of a workbook, the first where none is named; `texts` are columns to keep as text."""
    texts = set(texts)
    _check_parts(path, suffix)
    with pd.ExcelFile(path, engine=ENGINES[suffix]) as book:
        sheets = list(map(str, book.sheet_names))
        if sheet is not None and sheet not in sheets:
            there = ", ".join(map(repr, sheets))
            raise CourseError(
                f"{path} has no sheet '{sheet}'{nearest(sheet, sheets)}; it has: {there}"
            )
        chosen = sheets[0] if sheet is None else sheet
        names = _names(book, chosen, path)
        data = book.parse(chosen, dtype=object, keep_default_na=False, na_values=MISSING)
    for name in names:
        data[name] = _typed(data[name], name in texts)
    if sheet is None and len(sheets) > 1:
        data.attrs["notes"] = [
            f"{path} has the sheets {', '.join(map(repr, sheets))}: the first was read; sheet= names another."
        ]
    return data


def _typed(cells: pd.Series, text: bool) -> pd.Series:
    """Numbers, dates or text; numbers that were typed as text are numbers, unless one begins with zeros."""
    column = cells.infer_objects()
    is_text = cells.map(lambda cell: isinstance(cell, str))
    if text or cells[is_text].astype("str").str.fullmatch(WITH_ZERO).any():
        return cells.map(str, na_action="ignore").astype("str")
    if not is_text.any():
        return column
    numbers = pd.to_numeric(cells, errors="coerce")
    return column if (numbers.isna() & cells.notna()).any() else numbers


def _names(book: pd.ExcelFile, sheet: str, path: Path) -> list[str]:
    """The first line; pandas would number repeated names and make up those that are not there."""
    first = book.parse(sheet, header=None, nrows=1)
    if first.empty:
        raise CourseError(f"sheet '{sheet}' of {path} is empty")
    names = first.iloc[0]
    if names.isna().any():
        raise CourseError(
            f"column {int(names.isna().argmax()) + 1} of sheet '{sheet}' of {path} has no name: the first "
            "line of a sheet must hold the names of its columns, and nothing may be above it"
        )
    texts = [str(name) for name in names]
    repeated = [name for name in texts if texts.count(name) > 1]
    if repeated:
        raise CourseError(f"{path} has more than one column called '{repeated[0]}': rename one")
    return texts


def _check_parts(path: Path, suffix: str) -> None:
    """Refuse an .xlsx called .ods or the other way round, a password of LibreOffice's, or a giant."""
    with zipfile.ZipFile(path) as parts:
        names = parts.namelist()
        kinds = [kind for kind, part in PARTS.items() if part in names]
        if suffix not in kinds:
            other = (
                f"; it holds a workbook of the kind {kinds[0]}: give it that name" if kinds else ""
            )
            raise CourseError(
                f"{path} cannot be read as {suffix}: it is not what its name says{other}"
            )
        if (size := sum(part.file_size for part in parts.infolist())) > LARGEST:
            raise CourseError(
                f"{path} would unpack to {size / 1e9:.0f} GB, which nobody can have filled in: save it as CSV"
            )
        if suffix == ".ods" and b"encryption-data" in parts.read(PARTS[".ods"]):
            raise CourseError(
                f"{path} is protected by a password: open it, save it without one, and read that file"
            )
