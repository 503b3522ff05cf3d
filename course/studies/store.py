"""A folder that holds the replicates of one study, whole at any moment.

Every part file is written under another name and then renamed, which a file system does at once or not at
all: whoever kills the study finds only whole files, and whoever starts it again goes on from them. With
``pandas.read_parquet(folder)`` anybody can look at what there is, also while it runs.
"""

from __future__ import annotations

import io
import json
import os
import platform
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import course
from course.common.packages import require_package
from course.errors import CourseError

STUDY = "_study.json"  # readers of Parquet folders skip names that begin with _ or .
# A study is stored with the names of its functions. One that was stored when a function of this package lay
# in another module is still the same study: the name that it had, and the one it has now.
MOVED = {"course.simulate.simulate_schools": "course.simulate.schools.simulate_schools"}


class Store:
    """Replicates on disk.

    Parameters
    ----------
    path : str or Path
        A folder, made with the first rows where there is none.
    study : mapping
        What makes two studies the same: formula, arguments, seed. How many replicates is no part of it.

    Attributes
    ----------
    found : DataFrame or None
        The rows that the folder held when it was opened; None where it held none.

    Raises
    ------
    CourseError
        Where the folder holds something else, another study, or a file that cannot be read.
    """

    def __init__(self, path: str | os.PathLike, study: Mapping[str, Any]):
        require_package("pyarrow", "path=, which keeps replicates in Parquet files,")
        self.folder = Path(path)
        self.study = study = json.loads(json.dumps(plain(study)))  # as it will be read again
        if self.folder.exists() and not self.folder.is_dir():
            raise CourseError(f"path={str(path)!r} is a file; a study needs a folder of its own")
        if (old := read_study(path)) is not None:
            _refuse_another(old, study, self.folder)
            self.found = _read(sorted(self.folder.glob("part-*.parquet")))
            return
        if self.folder.exists() and any(p for p in self.folder.iterdir() if p.name[0] != "."):
            raise CourseError(
                f"the folder {str(path)!r} holds files, but no study: give path= a new or empty folder"
            )
        self.found = None

    def write(self, tasks: range, frame: pd.DataFrame) -> None:
        """Put away the rows of these tasks, as one file."""
        # not before there is something to keep: a study that is refused leaves no folder behind
        if not (self.folder / STUDY).exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"study": self.study, "versions": _versions()}, indent=2)
            _write(self.folder / STUDY, text.encode())
        page = io.BytesIO()
        frame.to_parquet(page, index=False)
        _write(self.folder / f"part-{tasks[0]:09d}-{tasks[-1]:09d}.parquet", page.getvalue())


def read_study(path: str | os.PathLike) -> dict[str, Any] | None:
    """What study a folder holds; None where it holds none."""
    file = Path(path) / STUDY
    if not file.is_file():
        return None
    try:
        return _renamed(json.loads(file.read_text("utf-8"))["study"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(f"{str(file)!r} cannot be read: give path= another folder") from error


def plain(value: Any) -> Any:
    """A value as JSON has it, the same in every run; functions by their names.

    Examples
    --------
    >>> plain({"students": (5, 10), "simulate": partial(plain, value=np.int64(3))})
    {'students': [5, 10], 'simulate': {'function': 'course.studies.store.plain', 'arguments': {'value': 3}}}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, partial):
        named = {"function": _name(value.func), "arguments": plain(value.keywords)}
        return named | ({"positional": plain(value.args)} if value.args else {})
    return _name(value) if callable(value) else _without_address(value)


def _name(function: Any) -> str:
    if not hasattr(function, "__qualname__"):
        return _without_address(function)
    return f"{function.__module__}.{function.__qualname__}"


def _renamed(value: Any) -> Any:
    """What was stored, with the names that functions have now."""
    if isinstance(value, dict):
        return {key: _renamed(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_renamed(one) for one in value]
    return MOVED.get(value, value) if isinstance(value, str) else value


def _without_address(value: Any) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _refuse_another(old: Mapping, new: Mapping, folder: Path) -> None:
    for key in dict.fromkeys([*old, *new]):
        if old.get(key) != new.get(key):
            raise CourseError(
                f"the folder {str(folder)!r} holds another study, with {key} = {old.get(key)!r}, not "
                f"{new.get(key)!r}: give path= a new folder, or ask for the same study to go on with it"
            )


def _read(parts: list[Path]) -> pd.DataFrame | None:
    from pyarrow import dataset

    try:
        return dataset.dataset(parts).to_table().to_pandas() if parts else None
    except (OSError, ValueError) as error:  # pyarrow's errors are of these
        bad = next((part for part in parts if not _is_whole(part)), parts[0])
        raise CourseError(
            f"{str(bad)!r} cannot be read: delete it, and its replicates are run again"
        ) from error


def _is_whole(part: Path) -> bool:
    try:
        pd.read_parquet(part)
    except (OSError, ValueError):
        return False
    return True


def _write(file: Path, content: bytes) -> None:
    """The file with all of its content, or not at all."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with draft.open("wb") as page:
        page.write(content)
        page.flush()
        os.fsync(page.fileno())
    draft.replace(file)


def _versions() -> dict[str, str]:
    import scipy

    return {
        "python": platform.python_version(),
        "course": course.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "pandas": pd.__version__,
    }
