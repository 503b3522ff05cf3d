"""Tables that R has saved, .rds and .rda: factors with their order, dates, and haven's labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from course.common.nearest import nearest
from course.data.labelled import Coded, assemble
from course.data.typed import NaValues
from course.errors import CourseError

if TYPE_CHECKING:
    from rdata.parser import RObject

NOT_AVAILABLE = 1954  # the lower word of R's NA, a NaN


def read_r(path: Path, name: str | None, codes: bool, na_values: NaValues) -> pd.DataFrame:
    """The data frame of a file, by its name where an .rda holds several."""
    import rdata

    top = rdata.parser.parse_file(path).object
    frames = {found: one for found, one in _objects(top) if "data.frame" in _classes(one)}
    if not frames:
        raise CourseError(
            f'{path} holds no data frame: in R, saveRDS(as.data.frame(x), "x.rds") writes one'
        )
    if name is not None and name not in frames:
        there = ", ".join(map(repr, frames))
        raise CourseError(f"{path} has no table '{name}'{nearest(name, frames)}; it has: {there}")
    if name is None and len(frames) > 1:
        there = ", ".join(map(repr, frames))
        raise CourseError(f"{path} holds several tables: say which, sheet= one of {there}")
    return assemble(_columns(frames[name or next(iter(frames))]), codes, na_values)


def _objects(top: RObject) -> Iterator[tuple[str, RObject]]:
    """The objects of a file; an .rds has one without a name, an .rda a linked list of named ones."""
    from rdata.parser import RObjectType

    if top.info.type is not RObjectType.LIST:
        yield "", top
        return
    while top.info.type is RObjectType.LIST:
        value, rest = top.value
        yield _converted(top.tag), value
        top = rest


def _columns(frame: RObject) -> dict[str, Coded]:
    about = _attributes(frame)
    columns = {}
    rows = about["row.names"]
    if isinstance(rows[0], str) and not all(row.isdecimal() for row in rows):
        columns["row_names"] = Coded(pd.Series(rows, dtype="str"))
    for name, column in zip(about["names"], frame.value, strict=True):
        columns[str(name)] = _column(column, str(name))
    return columns


def _column(column: RObject, name: str) -> Coded:
    about = _attributes(column)
    classes = list(about.get("class", ()))
    if "dim" in about or isinstance(column.value, list) and column.info.type.name == "VEC":
        raise CourseError(f"'{name}' holds a table or list in each row: make columns of it in R")
    title = str(next(iter(np.atleast_1d(about.get("label", ""))), ""))
    values = _converted(column, bare=True)
    if "factor" in classes:
        levels = [str(level) for level in about["levels"]]
        where = np.ma.filled(np.ma.asarray(values), 0) - 1
        factor = pd.Categorical.from_codes(where, levels, ordered="ordered" in classes)
        return Coded(pd.Series(factor), title=title)
    if "Date" in classes:
        days = pd.Series(np.ma.filled(np.ma.asarray(values, dtype=float), np.nan))
        return Coded(pd.to_datetime(days, unit="D", origin="unix"), title=title)
    if "POSIXct" in classes:
        seconds = pd.Series(np.asarray(values, dtype=float))
        return Coded(pd.to_datetime(seconds, unit="s", origin="unix"), title=title)
    tags = _tags(values)
    return Coded(
        values=_plain(values),
        labels=_labels(about),
        missing=_missing(about),
        tags=tags if tags is None or tags.notna().any() else None,
        title=title,
    )


def _plain(values: np.ndarray) -> pd.Series:
    """Numbers, booleans or text, as a CSV file would give them."""
    gone = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    if gone is None or not gone.any():
        kinds = {"O": "str", "U": "str", "i": "int64"}
        return pd.Series(np.ma.getdata(values), dtype=kinds.get(values.dtype.kind))
    kind = object if values.dtype.kind == "b" else float
    return pd.Series(np.ma.getdata(values).astype(kind)).mask(gone)


def _labels(about: dict) -> dict:
    """haven's labels: a vector of codes with names; NaN codes are the tagged kinds of missing."""
    if "labels" not in about:
        return {}
    labels = about["labels"]
    codes, names = np.asarray(labels), [str(name) for name in labels.coords["dim_0"].values]
    letters = _tags(codes)
    keys = codes.tolist()
    if letters is not None:
        keys = [key if key == key else letter for key, letter in zip(keys, letters, strict=True)]
    return dict(zip(keys, names, strict=True))


def _missing(about: dict) -> list[tuple]:
    """What haven's labelled_spss declares missing: single codes, and a range."""
    ranges = [(code, code) for code in np.asarray(about.get("na_values", ())).tolist()]
    if "na_range" in about:
        low, high = np.asarray(about["na_range"]).tolist()
        ranges.append((low, high))
    return ranges


def _tags(values: np.ndarray) -> pd.Series | None:
    """haven keeps the letter of a tagged missing value in the fifth byte of a NaN that is R's NA."""
    if values.dtype != np.float64:
        return None
    bits = np.ascontiguousarray(values).view(np.uint64)
    tag = ((bits >> np.uint64(32)) & np.uint64(0xFF)).astype(int)
    is_na = np.isnan(values) & ((bits & np.uint64(0xFFFFFFFF)) == NOT_AVAILABLE) & (tag > 0)
    return pd.Series(
        [chr(t) if na else None for t, na in zip(tag, is_na, strict=True)], dtype="str"
    )


# -- what rdata parsed -----------------------------------------------------------------------


def _converted(part: Any, bare: bool = False) -> Any:
    """Python's form of a parsed object; `bare` without its attributes, which say its class."""
    from dataclasses import replace

    from rdata.conversion import SimpleConverter

    converter = SimpleConverter({}, default_encoding="utf-8")
    return converter.convert(replace(part, attributes=None) if bare else part)


def _attributes(part: RObject) -> dict:
    return dict(_converted(part.attributes)) if part.attributes else {}


def _classes(part: RObject) -> list[str]:
    return list(map(str, _attributes(part).get("class", ())))
