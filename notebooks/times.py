"""How long each notebook takes to run, and to work through: writes TIMES.md beside it.

    python notebooks/times.py

Every notebook is run as it is stored, learner's and solutions, two at a time.
"""

import os
import platform
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import nbformat
from build import NOTEBOOKS, execute
from nbformat import NotebookNode
from workshop import workshop_minutes

TABLE = NOTEBOOKS / "TIMES.md"
LIMIT = 240  # seconds that all of them together may take on two cores


def seconds(path: Path) -> float:
    """How long a notebook runs, the start of its kernel included."""
    notebook = nbformat.read(path, as_version=4)
    start = time.perf_counter()
    execute(notebook, path.parent)
    return time.perf_counter() - start


def minutes(notebook: NotebookNode) -> tuple[str, str]:
    """What the opening says: in the workshop, and alone."""
    said = re.search(r"\*\*Time:\*\* ([^\n]*(?:\n[^\n]+)*)", notebook.cells[0].source)
    alone = re.search(r"(\d+)(?: minutes)? on your own", said[1]) if said else None
    return str(workshop_minutes(notebook) or ""), alone[1] if alone else ""


def row(path: Path, spent: dict[Path, float]) -> str:
    """One line of the table."""
    notebook = nbformat.read(path, as_version=4)
    runs = [spent[one] for one in (path, worked(path)) if one in spent]
    text = "\n".join(cell.source for cell in notebook.cells)
    pictures = sum(
        "image/png" in output.get("data", {})
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
    exercises = len(re.findall(r"^\*\*Exercise ", text, flags=re.MULTILINE))
    cells = [
        f"[{path.stem}]({path.name})",
        *minutes(notebook),
        str(exercises or ""),
        str(pictures or ""),
        *(f"{run:.0f}" for run in runs),
        *[""] * (2 - len(runs)),
    ]
    return f"| {' | '.join(cells)} |"


def worked(path: Path) -> Path:
    """Where the solutions of a lesson are."""
    return NOTEBOOKS / "solutions" / path.name


def main() -> None:
    """Run them all and write the table."""
    lessons = sorted(NOTEBOOKS.glob("*.ipynb"))
    every = [one for path in lessons for one in (path, worked(path)) if one.exists()]
    start = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        spent = dict(zip(every, pool.map(seconds, every), strict=True))
    total = time.perf_counter() - start
    lines = [
        "# Times",
        "",
        f"Written by `make times` on {date.today().isoformat()} ({os.cpu_count()} cores, "
        f"{platform.system()} {platform.machine()}). Minutes are those of a learner, as each lesson states "
        "them; seconds those of the computer, two notebooks at a time, starting Python included.",
        "",
        "| notebook | workshop (min) | alone (min) | exercises | pictures | runs (s) | solutions (s) |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(row(path, spent) for path in lessons),
        "",
        f"Together {total:.0f} s; the limit is {LIMIT}.",
        "",
    ]
    TABLE.write_text("\n".join(lines), encoding="utf-8")
    print(TABLE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
