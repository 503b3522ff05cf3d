"""Tables on disk: CSV, compressed CSV and Parquet, read and written by their names."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from course.errors import CourseError

SUFFIXES = (".csv", ".csv.gz", ".parquet")


def read_table(path: str | Path, labels: Iterable[str] = ()) -> pd.DataFrame:
    """Read a table.

    Parameters
    ----------
    path : str or Path
        A file that ends in .csv, .csv.gz or .parquet.
    labels : iterable of str
        Columns to read as text, so that the classrooms 01 and 1 of a CSV file stay two.

    Returns
    -------
    DataFrame

    Raises
    ------
    CourseError
        Where there is no such file, or it is not a table.
    """
    path = Path(path)
    suffix = _suffix(path)
    if not path.exists():
        raise CourseError(f"there is no file {path}")
    if not path.is_file():
        raise CourseError(f"{path} is not a file")
    try:
        if suffix == ".parquet":
            return pd.read_parquet(path)
        header = _header(path)
        return pd.read_csv(path, dtype=dict.fromkeys(set(labels) & set(header), str))
    except CourseError:
        raise
    except pd.errors.EmptyDataError as error:
        raise CourseError(f"{path} is empty") from error
    except UnicodeDecodeError as error:
        raise CourseError(f"{path} is not UTF-8 text: save it with that encoding") from error
    except (OSError, EOFError, zlib.error, ValueError, csv.Error) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CourseError(f"{path} cannot be read as {suffix}: {first}") from error


def write_table(data: pd.DataFrame, path: str | Path) -> None:
    """Write a table in the format that its name asks for."""
    path = Path(path)
    suffix = _suffix(path)
    try:
        if suffix == ".parquet":
            data.to_parquet(path, index=False)
        else:
            # a gzip header without time stamp, so that the same table is the same file
            compression = {"method": "gzip", "mtime": 0} if suffix == ".csv.gz" else None
            data.to_csv(path, index=False, lineterminator="\n", compression=compression)
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror or error}") from error


def _suffix(path: Path) -> str:
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return suffix
    raise CourseError(f"{path}: a table ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")


def _header(path: Path) -> list[str]:
    """The column names; pandas would rename a repeated one in silence."""
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    repeated = [name for name in dict.fromkeys(header) if header.count(name) > 1]
    if repeated:
        raise CourseError(f"{path} has more than one column called '{repeated[0]}': rename one")
    return header
