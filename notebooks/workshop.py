"""Write the set for a one-day workshop into a folder of its own.

    python notebooks/workshop.py            into _workshop/
    python notebooks/workshop.py my-folder

What learners get is in ``learners/`` and, to send it, in ``learners.zip``; the solutions, the guide and
the table of times are in ``instructors/``. The lessons of the workshop come without the sections for
self-study, executed as they then stand; what is for afterwards (the other lessons, phrasebook, glossary
and the like) comes whole.
"""

import argparse
import re
import shutil
from pathlib import Path

import build
import nbformat
from build import NOTEBOOKS, read
from nbformat import NotebookNode

MINUTES = re.compile(r"\*\*Time:\*\* (\d+) minutes in the workshop")


def workshop_minutes(notebook: NotebookNode) -> int | None:
    """What the opening of a lesson says; None for a lesson that is not part of the day."""
    found = MINUTES.search(notebook.cells[0].source)
    return int(found[1]) if found else None


def without_self_study(notebook: NotebookNode) -> NotebookNode:
    """The cells of the workshop's route."""
    kept = nbformat.from_dict(notebook)
    kept.cells = [cell for cell in kept.cells if "self-study" not in cell.metadata.tags]
    return kept


def write(folder: Path) -> dict[str, int]:
    """Write the set; return the minutes of each lesson of the day."""
    learners, instructors = folder / "learners", folder / "instructors"
    for place in (learners / "solutions", instructors / "solutions"):
        place.mkdir(parents=True, exist_ok=True)
    minutes = {}
    for script in sorted((NOTEBOOKS / "source").glob("*.py")):
        lesson = read(script)
        name = f"{script.stem}.ipynb"
        if (takes := workshop_minutes(lesson)) is None:
            for stored in (NOTEBOOKS / name, NOTEBOOKS / "solutions" / name):
                if stored.exists():
                    shutil.copy(stored, learners / stored.relative_to(NOTEBOOKS))
            continue
        minutes[script.stem] = takes
        build.write(without_self_study(lesson), script.stem, learners)
    for solution in (learners / "solutions").iterdir():
        shutil.move(solution, instructors / "solutions" / solution.name)
    (learners / "solutions").rmdir()
    for name in ("INSTRUCTORS.md", "TIMES.md"):
        shutil.copy(NOTEBOOKS / name, instructors / name)
    shutil.make_archive(str(learners), "zip", learners)
    return minutes


def main() -> None:
    """Write the set and say how long each lesson takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=NOTEBOOKS.parent / "_workshop", type=Path)
    folder = parser.parse_args().folder
    minutes = write(folder)
    for lesson, takes in minutes.items():
        print(f"{takes:4} minutes  {lesson}")
    print(f"{sum(minutes.values()):4} minutes in all, in {folder}; INSTRUCTORS.md has the breaks")


if __name__ == "__main__":
    main()
