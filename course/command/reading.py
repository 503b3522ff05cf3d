"""The file that a command is about: read into a table, and the lines of Python that read it again."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from course.data.delimited import MISSING
from course.data.files import SUFFIXES, read_table
from course.errors import CourseError
from course.formula.plausible import needs_columns, read_formula


def read(options: argparse.Namespace) -> pd.DataFrame:
    """The table of a command that has a formula; its groups are read as text."""
    _check_order(options)
    reading = partial(_table, options)
    columns: Sequence = reading().columns if needs_columns(options.formula) else ()
    formula, _ = read_formula(options.formula, columns)
    options.labels = sorted({name for term in formula.random for name in term.group})
    return _noted(options, reading(labels=options.labels))


def read_alone(options: argparse.Namespace) -> pd.DataFrame:
    """The table of a command that has no formula; the columns named as groups are read as text."""
    return _noted(options, _table(options, labels=options.groups or ()))


def program(options: argparse.Namespace, data: pd.DataFrame, code: str) -> str:
    """A program of a translation with the line that reads the file, after its imports."""
    lines = code.splitlines()
    imports = next(i for i, line in enumerate(lines) if not line.startswith(("import ", "from ")))
    needed, reading = reading_code(options, data)
    head = list(dict.fromkeys([*lines[:imports], needed]))
    head.sort(key=lambda line: line.removeprefix("from ").removeprefix("import "))
    return "\n".join([*head, "", reading, *lines[imports:]]) + "\n"


def reading_code(options: argparse.Namespace, data: pd.DataFrame) -> tuple[str, str]:
    """An import and a statement that read this very table: by pandas alone where pandas can.

    Whether it can is tried: the call that would be printed has to give the same table.
    """
    path = Path(options.data)
    labels = [name for name in options.labels if name in data.columns]
    for function, arguments in _calls_of_pandas(path, data, labels, options):
        with suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("error")
            if getattr(pd, function)(path, **arguments).equals(data):
                return "import pandas as pd", f"data = pd.{function}({_said(path, arguments)})"
    given = {
        "labels": labels,
        "sheet": options.sheet,
        "na_values": na_values(options.na),
        "catalog": options.catalog,
    }
    arguments = {name: value for name, value in given.items() if value}
    return "from course import read_table", f"data = read_table({_said(path, arguments)})"


def _calls_of_pandas(
    path: Path, data: pd.DataFrame, labels: list[str], options: argparse.Namespace
) -> list[tuple[str, dict[str, Any]]]:
    name = path.name.lower()
    text = {"dtype": dict.fromkeys(labels, "str")} if labels else {}
    if name.endswith((".csv", ".csv.gz")):
        more = na_values(options.na)
        if isinstance(more, dict) and more:
            return []  # pandas has no values for one column beside those for all
        texts = [name for name in data.columns if pd.api.types.is_string_dtype(data[name].dtype)]
        codes = [value for value in more if isinstance(value, str)]
        as_in_r = {"keep_default_na": False, "na_values": [*MISSING, *codes]}
        apart = {"sep": ";"}
        every = {"dtype": dict.fromkeys(texts, "str")}
        return [
            ("read_csv", {**separated, **types, **missing})
            for separated in ({}, apart, {**apart, "decimal": ","})
            for types in (text, every)
            for missing in ({}, as_in_r)
        ]
    if name.endswith((".xlsx", ".ods")):
        sheet = {"sheet_name": options.sheet} if options.sheet else {}
        return [("read_excel", {**sheet, **text})]
    if name.endswith(".parquet"):
        return [("read_parquet", {})]
    return [("read_feather", {})] if name.endswith(".feather") else []


def _said(path: Path, arguments: dict[str, Any]) -> str:
    """``"exam.csv", dtype={"school": "str"}``: what stands between the parentheses of a call."""
    parts = [_literal(str(path))]
    parts += [f"{name}={_literal(value)}" for name, value in arguments.items()]
    return ", ".join(parts)


def _literal(value: Any) -> str:
    """A value as Python writes it, with double quotes where that is possible."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(k)}: {_literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    said = repr(value)
    plain = isinstance(value, str) and not set(value) & set("\"'\\")
    return f'"{value}"' if plain and value.isprintable() else said


def _check_order(options: argparse.Namespace) -> None:
    """Whoever gives the file first is told the order, not that its name is no formula."""
    first, second = options.formula, options.data
    if "~" in second and "~" not in first and first.lower().endswith(SUFFIXES):
        raise CourseError(
            f"the formula comes first, then the file: python -m course {options.command} "
            f"'{second}' {first}"
        )


def _table(options: argparse.Namespace, labels: Sequence[str] = ()) -> pd.DataFrame:
    return read_table(
        options.data,
        labels,
        sheet=options.sheet,
        na_values=na_values(options.na),
        catalog=options.catalog,
    )


def _noted(options: argparse.Namespace, data: pd.DataFrame) -> pd.DataFrame:
    options.notes = data.attrs.get("notes", [])
    return data


def weights(options: argparse.Namespace) -> Any:
    """Prior weights, ``--weights w``; or those of a sample, ``--weights student=w --weights school=v``."""
    given = options.weights or []
    pairs = dict(text.split("=", 1) for text in given if "=" in text)
    if len(pairs) == len(given):
        return pairs or None
    if len(given) > 1:
        raise CourseError(
            "--weights COLUMN has prior weights, and stands alone; sampling weights are UNIT=COLUMN in each "
            "place, as in --weights student=W_FSTUWT --weights SCHOOLID=W_SCHGRNRABWT"
        )
    return given[0]


def na_values(given: Sequence[str]) -> dict[str, list] | list:
    """``-9 99`` for all columns, ``age=99 sex=9`` for those named; each as text and as the number.

    Examples
    --------
    >>> na_values(["-9", "none"]), na_values(["age=99"])
    (['-9', -9.0, 'none'], {'age': ['99', 99.0]})
    """
    of: dict[str, list] = {}
    for text in given:
        name, _, value = text.rpartition("=")
        both = of.setdefault(name, [])
        both.append(value)
        with suppress(ValueError):
            both.append(float(value))
    if len(of) > 1 and "" in of:
        raise CourseError(
            "--na takes values for all columns, as in -9 99, or NAME=VALUE in each place"
        )
    return of.get("", of)
