"""A learner's own copy of the lessons: given, brought up to date without losing work, started afresh."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from course.common.nearest import closest
from course.common.paths import LESSONS
from course.errors import CourseError

EARLIER = "earlier"  # where the work on a lesson lies that was started afresh


def copy_lessons(folder: Path, fresh: Sequence[str] = ()) -> list[str]:
    """Copy the lessons into a folder, or bring the copy that is there up to date.

    A lesson in which nothing was written yet is replaced by the newest one, run or not. One with work in
    it stays as it is.

    Parameters
    ----------
    folder : Path
        Of the learner; it is made where it is not there.
    fresh : sequence of str
        Lessons to start afresh, by number or name, such as ``"02"``. What was written in them goes into
        the folder ``earlier``.

    Returns
    -------
    list of str
        What was done, in sentences.

    Raises
    ------
    CourseError
        Where there is no such lesson, or the folder is that of the lessons themselves.

    See Also
    --------
    written_in : Whether a notebook has work in it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as name:
    ...     first = copy_lessons(Path(name) / "my-work")
    ...     print(copy_lessons(Path(name) / "my-work")[0])
    Your lessons are up to date: ...
    """
    _check_folder(folder)
    names = [path.relative_to(LESSONS) for path in shipped()]
    afresh = {name for wish in fresh for name in _meant(wish, names)}
    counts = dict.fromkeys(["new", "updated", "same"], 0)
    said = []
    for name in names:
        ours, theirs = LESSONS / name, folder / name
        if not theirs.exists():
            change = "new"
        elif theirs.read_bytes() == ours.read_bytes():
            change = "same"
        elif not written_in(theirs):
            change = "updated"
        elif name in afresh:
            change = "new"
            said.append(f"{name} starts afresh; what you wrote is in {_put_away(theirs, folder)}.")
        else:
            change = "same"
            if _given(theirs) != _given(ours):
                said.append(
                    f"{name} has changed in the course, and you have work in it: it stays as it is. "
                    f"--fresh {name.stem} gives you the new one and keeps yours."
                )
        counts[change] += 1
        if change != "same":
            theirs.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ours, theirs)
    return [_in_short(folder, counts), *said]


def shipped() -> list[Path]:
    """The notebooks that come with the course: lessons, what lies beside them, and solutions.

    Raises
    ------
    CourseError
        Where they are not there.
    """
    found = sorted([*LESSONS.glob("*.ipynb"), *(LESSONS / "solutions").glob("*.ipynb")])
    if not found:
        raise CourseError(
            f"the lessons are not there: {LESSONS} has none. Install the course again"
        )
    return found


def fingerprint(cells: Sequence[dict]) -> str:
    """What tells whether somebody wrote in a notebook: a checksum of its cells, without their outputs.

    It is stored in the notebook's metadata when a lesson is built, and JupyterLab leaves it there.

    Examples
    --------
    >>> cell = {"cell_type": "code", "source": "share = ..."}
    >>> fingerprint([cell]) == fingerprint([{**cell, "outputs": ["..."]}])
    True
    >>> fingerprint([cell]) == fingerprint([{**cell, "source": "share = 0.3"}])
    False
    """
    texts = [[cell["cell_type"], "".join(cell["source"])] for cell in cells]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]


def written_in(path: Path) -> bool:
    """Whether a notebook has work in it: cells that are not those with which it was built.

    A file that cannot be read as a notebook counts as work, too.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return fingerprint(cells) != _given(path)
    except (ValueError, KeyError, TypeError):
        return True


def _given(path: Path) -> str | None:
    """The fingerprint with which a notebook was built."""
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
        return metadata["course"]["fingerprint"]
    except (ValueError, KeyError, TypeError):
        return None


def _check_folder(folder: Path) -> None:
    if folder.is_file():
        raise CourseError(f"{folder} is a file: name a folder, such as my-work")
    if folder.resolve() == LESSONS.resolve():
        raise CourseError(
            f"{folder} is where the course keeps its lessons: name another folder, such as my-work"
        )


def _meant(wish: str, names: Sequence[Path]) -> list[Path]:
    """The lesson that a learner names; solutions are copied, and nobody works in them."""
    lessons = [name for name in names if name.parent == Path()]
    stem = wish.removesuffix(".ipynb")
    found = [name for name in lessons if stem in (name.stem, name.stem.split("-")[0])]
    if not found:
        known = closest(stem, [name.stem for name in lessons], least=0.0)
        raise CourseError(f"there is no lesson {wish!r}; did you mean {known!r}?")
    return found


def _put_away(path: Path, folder: Path) -> Path:
    """Move a notebook to where nothing is overwritten; the new place, as seen from the folder."""
    earlier = folder / EARLIER
    earlier.mkdir(exist_ok=True)
    free = (earlier / f"{path.stem}-{number}.ipynb" for number in count(1))
    place = next(place for place in free if not place.exists())
    path.rename(place)
    return place.relative_to(folder)


def _in_short(folder: Path, counts: dict[str, int]) -> str:
    total = sum(counts.values())
    if counts["same"] == total:
        return f"Your lessons are up to date: {total} notebooks in {folder}."
    if counts["new"] == total:
        return f"{total} notebooks are in {folder} for you to work in."
    return (
        f"{counts['new']} notebooks are new and {counts['updated']} are brought up to date "
        f"in {folder}; {counts['same']} stay as they were."
    )
