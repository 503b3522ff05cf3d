"""Tables on disk: CSV, compressed CSV and Parquet, read and written by their names."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from course.common.nearest import shortened
from course.errors import CourseError

SUFFIXES = (".csv", ".csv.gz", ".parquet")
LONGEST_HEADER = 1_000_000  # characters


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
        The rows and columns of the file; labels asked for are text.

    Raises
    ------
    CourseError
        Where there is no such file, or it is not a table.

    See Also
    --------
    load : The data sets of the course.
    structure : How the groups of a table lie.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> rooms = pd.DataFrame({"classroom": ["01", "1"], "test_score": [62.5, 48.0]})
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "rooms.csv"
    ...     rooms.to_csv(path, index=False)
    ...     read_table(path, labels=["classroom"])
      classroom  test_score
    0        01        62.5
    1         1        48.0
    """
    path = Path(path)
    suffix = _suffix(path)
    if not _is_there(path):
        raise CourseError(f"there is no file {path}")
    try:
        if suffix == ".parquet":
            return pd.read_parquet(path)
        header = _header(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                path,
                dtype=dict.fromkeys(set(labels) & set(header), str),
                index_col=False,  # else fields more than names would shift all columns by one
                low_memory=False,  # else a column's type would depend on its place in the file
            )
    except CourseError:
        raise
    except pd.errors.EmptyDataError as error:
        raise CourseError(f"{path} is empty") from error
    except pd.errors.ParserWarning as error:
        raise CourseError(
            f"the rows of {path} have more fields than its first line has names: is there a comma at the "
            "end of each row, or inside a number?"
        ) from error
    except UnicodeDecodeError as error:
        raise CourseError(f"{path} is not UTF-8 text: save it with that encoding") from error
    except Exception as error:  # of pandas, pyarrow, gzip or the system, over a broken file
        raise CourseError(f"{path} cannot be read as {suffix}: {_first_line(error)}") from error


def write_table(data: pd.DataFrame, path: str | Path) -> None:
    """Write a table in the format that its name asks for.

    Raises
    ------
    CourseError
        Where the name asks for none, or no file can be written there.
    """
    path = Path(path)
    suffix = _suffix(path)
    _is_there(path)
    try:
        if suffix == ".parquet":
            data.to_parquet(path, index=False)
        else:
            # a gzip header without time stamp, so that the same table is the same file
            compression = {"method": "gzip", "mtime": 0} if suffix == ".csv.gz" else None
            data.to_csv(path, index=False, lineterminator="\n", compression=compression)
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror or error}") from error


def _is_there(path: Path) -> bool:
    """Whether there is a file; a folder, device or pipe, which might never end, is refused."""
    try:
        found = path.exists()
        if found and not path.is_file():
            raise CourseError(f"{path} is not a file")
    except OSError as error:  # a name too long, a folder that one may not look into
        raise CourseError(f"{shortened(str(path))} cannot be opened: {error.strerror}") from error
    return found


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _suffix(path: Path) -> str:
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return suffix
    raise CourseError(f"{path}: a table ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")


def _header(path: Path) -> list[str]:
    """The column names; pandas would rename a repeated one in silence."""
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        start = file.read(LONGEST_HEADER)
    if len(start) == LONGEST_HEADER and "\n" not in start:
        raise CourseError(f"the first line of {path} has no end: is this a table?")
    header = next(csv.reader(io.StringIO(start, newline="")), [])
    repeated = [name for name in dict.fromkeys(header) if header.count(name) > 1]
    if repeated:
        raise CourseError(f"{path} has more than one column called '{repeated[0]}': rename one")
    for separator in (";", "\t"):
        if len(header) == 1 and separator in header[0]:
            raise CourseError(
                f"the columns of {path} are separated by {separator!r}, not by commas: save it as "
                f"comma-separated, or read it with pd.read_csv(path, sep={separator!r})"
            )
    return header
