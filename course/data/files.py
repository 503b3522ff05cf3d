"""Tables on disk, read and written by their names: CSV, Parquet, SPSS, Stata, SAS, R and workbooks."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import pandas as pd

from course.common.nearest import shortened
from course.data.delimited import read_delimited
from course.data.labelled import read_labelled
from course.data.r_files import read_r
from course.data.spreadsheets import read_sheet
from course.data.spss import write_sav
from course.data.typed import NaValues, without
from course.errors import CourseError

# The first bytes of each kind of file; none where it may begin in many ways.
SIGNATURES: dict[str, tuple[bytes, ...]] = {
    ".csv": (),
    ".csv.gz": (b"\x1f\x8b",),
    ".parquet": (b"PAR1",),
    ".feather": (b"ARROW1", b"FEA1"),
    ".sav": (b"$FL2", b"$FL3"),
    ".zsav": (b"$FL3",),
    ".por": (),
    ".dta": (
        b"<stata_dta>",
        *(bytes([release, order]) for release in range(104, 116) for order in (1, 2)),
    ),
    ".sas7bdat": (bytes(12) + b"\xc2\xea\x81\x60",),
    ".xlsx": (b"PK\x03\x04",),
    ".ods": (b"PK\x03\x04",),
    ".rds": (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"X\n", b"A\n", b"B\n"),
    ".rda": (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"RDX", b"RDA", b"RDB"),
}
SIGNATURES[".rdata"] = SIGNATURES[".rda"]  # two endings of one kind
TELLING = (".parquet", ".feather", ".sav", ".xlsx", ".sas7bdat")  # no other kind begins like these
SUFFIXES = tuple(SIGNATURES)
SAVED = (".rda", ".rdata")
WRITTEN = (".csv", ".csv.gz", ".parquet", ".sav")
CATALOG = (".sas7bcat",)  # of SAS: labels of values
LABELLED = (".sav", ".zsav", ".por", ".dta", ".sas7bdat")
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read_table(
    path: str | Path,
    labels: Iterable[str] | Literal["codes"] = (),
    *,
    sheet: str | None = None,
    na_values: NaValues = (),
    catalog: str | Path | None = None,
) -> pd.DataFrame:
    """Read a table of any kind that the name of a file tells.

    - *CSV* (``.csv``, ``.csv.gz``): missing are the empty field and NA, as for R's ``read.csv``; None,
      null, n/a, NULL and nan are labels that a group may have. Labels with zeros before them (007) are
      text. Semicolons between the columns and commas in the numbers are read as what they are.
    - *SPSS, Stata, SAS* (``.sav``, ``.zsav``, ``.por``, ``.dta``, ``.sas7bdat``): a column is a factor
      where all values that occur have labels, its levels in the order of the codes; a number where only
      special codes have one. What the file declares missing is missing, and why is kept for the notes of
      a fit.
    - *R* (``.rds``, ``.rda``, ``.RData``): factors keep levels and order; haven's labelled columns are read
      as above.
    - *Workbooks* (``.xlsx``, ``.ods``), *Parquet*, *Feather*.

    Parameters
    ----------
    path : str or Path
        A file that ends in one of these.
    labels : iterable of str or "codes"
        Columns of a CSV file or workbook to read as text, so that the classrooms 2 and 2.0 stay two; or
        ``"codes"``, for the codes of columns whose values have labels.
    sheet : str, optional
        Which sheet of a workbook, or which table of an ``.rda``; the first sheet where left out.
    na_values : list, or dict from str to list
        More values that mean "missing", in all columns or in those named.
    catalog : str or Path, optional
        The ``.sas7bcat`` file with the labels of a ``.sas7bdat``; where left out, the one called like it
        or ``formats.sas7bcat`` that lies beside it.

    Returns
    -------
    DataFrame
        The rows and columns of the file. Its ``attrs`` hold what the file says beside: ``"labels"``, the
        titles of columns, which pictures and reports use; ``"missing"``, why values are missing, which
        the notes of a fit count; ``"notes"``, sentences on how the file was read, which `structure`
        repeats and the command line prints.

    Raises
    ------
    CourseError
        Where there is no such file, it is not a table or not what its name says, it is protected by a
        password, or it has no such sheet.

    See Also
    --------
    load : The data sets of the course.
    structure : How the groups of a table lie, and what to look at before a fit.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> rooms = pd.DataFrame({"classroom": ["01", "1"], "test_score": [62.5, 48.0]})
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "rooms.csv"
    ...     rooms.to_csv(path, index=False)
    ...     read_table(path)
      classroom  test_score
    0        01        62.5
    1         1        48.0
    """
    path = Path(path)
    suffix = _suffix(path, SUFFIXES)
    if isinstance(labels, str) and labels != "codes":
        raise CourseError(f"labels= takes a list of columns, as in labels=['{labels}'], or 'codes'")
    if sheet is not None and suffix not in (".xlsx", ".ods", *SAVED):
        raise CourseError(f"{path} has no sheets: leave sheet= out")
    if catalog is not None:
        catalog = Path(catalog)
        _suffix(catalog, CATALOG)
        if suffix != ".sas7bdat":
            raise CourseError(f"{path} contains its labels: catalog= goes with a .sas7bdat")
    for file in filter(None, (path, catalog)):
        if not _is_there(file):
            raise CourseError(f"there is no file {file}")
    try:
        _check_signature(path, suffix)
        data = _read(path, suffix, labels, sheet, na_values, catalog)
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
        raise CourseError(
            f"{path} is not UTF-8 text: save it with that encoding{_resemblance(path)}"
        ) from error
    except Exception as error:  # of a reader or the system, over a broken file
        raise CourseError(f"{path} cannot be read as {suffix}: {_first_line(error)}") from error
    return data


def _read(
    path: Path,
    suffix: str,
    labels: Iterable[str] | Literal["codes"],
    sheet: str | None,
    na_values: NaValues,
    catalog: Path | None,
) -> pd.DataFrame:
    codes = isinstance(labels, str)
    texts = () if codes else labels
    if suffix in (".csv", ".csv.gz"):
        return read_delimited(path, texts, na_values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of readers, over styles of cells and classes of R
        if suffix in LABELLED:
            return read_labelled(path, suffix, codes, na_values, catalog)
        if suffix in (".rds", *SAVED):
            return read_r(path, sheet, codes, na_values)
        if suffix in (".xlsx", ".ods"):
            return without(read_sheet(path, suffix, sheet, texts), na_values)
        read = pd.read_parquet if suffix == ".parquet" else pd.read_feather
        return without(read(path), na_values)


def write_table(data: pd.DataFrame, path: str | Path) -> None:
    """Write a table in the format that its name asks for: .csv, .csv.gz, .parquet or .sav.

    A ``.sav`` file has labels of factors, titles of columns, and the reasons of missing values;
    `read_table` gives them back.

    Raises
    ------
    CourseError
        Where the name asks for none, or no file can be written there.
    """
    path = Path(path)
    suffix = _suffix(path, WRITTEN)
    _is_there(path)
    try:
        if suffix == ".parquet":
            data.to_parquet(path, index=False)
        elif suffix == ".sav":
            write_sav(data, path)
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


def _suffix(path: Path, suffixes: tuple[str, ...]) -> str:
    for suffix in suffixes:
        if path.name.lower().endswith(suffix):
            return suffix
    if suffixes == CATALOG:
        raise CourseError(f"{path}: a catalog of SAS ends in {CATALOG[0]}")
    raise CourseError(f"{path}: a table ends in {', '.join(suffixes[:-1])} or {suffixes[-1]}")


def _check_signature(path: Path, suffix: str) -> None:
    """Refuse a file that is not what its name says before a reader stumbles over it."""
    start = _start(path)
    if suffix == ".xlsx" and start.startswith(OLD_OFFICE):
        raise CourseError(
            f"{path} is protected by a password, or is a workbook of Excel 2003 or older: open it, save it "
            "as .xlsx without a password, and read that file"
        )
    known = SIGNATURES[suffix]
    if known and not start.startswith(known):
        raise CourseError(
            f"{path} cannot be read as {suffix}: it is not what its name says{_resemblance(path)}"
        )


def _resemblance(path: Path) -> str:
    """``; it begins as a .sav file does, ...`` to end a message with, where that is so."""
    start = _start(path)
    for suffix in TELLING:
        if start.startswith(SIGNATURES[suffix]):
            return f"; it begins as a {suffix} file does: give it that name"
    return ""


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)
