"""What ``--output`` makes of an answer: CSV, JSON or Markdown, as the name of the file asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from course.command.answers import Answer
from course.errors import CourseError


def write(answer: Answer, path: str) -> str:
    """Write an answer to a file; what was written, in words.

    Raises
    ------
    CourseError
        Where the name asks for none of these, for a table of what is text, or for a place where no file
        can be written.
    """
    suffix = Path(path).suffix.lower()
    if answer.table is not None and suffix in TABLES:
        content = TABLES[suffix](answer.table)
        what = f"{len(answer.table):,} rows"
    elif suffix == answer.suffix or (answer.table is None and suffix in (".txt", ".md")):
        content, what = f"{answer.text}\n", "the text"
    else:
        endings = [*TABLES] if answer.table is not None else [answer.suffix, ".txt"]
        raise CourseError(f"--output {path}: write a name that ends in {' or '.join(endings)}")
    try:
        Path(path).write_text(content, encoding="utf-8", newline="\n")
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror or error}") from error
    return f"{what} to {path}"


def _csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, lineterminator="\n")


def _json(table: pd.DataFrame) -> str:
    """A list with an object for each row; a missing value is null."""
    rows = [
        {name: _plain(value) for name, value in row.items()} for row in table.to_dict("records")
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    if value is None or pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value


def _markdown(table: pd.DataFrame) -> str:
    """A table with numbers to four digits, on the right."""
    numeric = {name: pd.api.types.is_numeric_dtype(table[name].infer_objects()) for name in table}
    lines = [list(map(str, table.columns)), ["---:" if numeric[n] else "---" for n in table]]
    lines += [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: Any) -> str:
    if value is None or pd.isna(value):
        return ""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


TABLES: dict[str, Callable[[pd.DataFrame], str]] = {
    ".csv": _csv,
    ".json": _json,
    ".md": _markdown,
}
