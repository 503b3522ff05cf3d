"""The notebooks that the site is made of: as they were built, never with what a reader wrote in them."""

import subprocess
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course.lessons import fingerprint

ANSWERED = (" is right. ", " not yet: ")  # what `check` says of an answer, and of no stub


def stored(path: Path) -> NotebookNode:
    """A notebook as it was built: the file, or, where somebody worked in that, what git has of it.

    Raises
    ------
    ValueError
        Where there is neither.
    """
    notebook = nbformat.read(path, as_version=4)
    if is_as_built(notebook):
        return notebook
    text = committed(path)
    notebook = nbformat.reads(text, as_version=4) if text else notebook
    if not is_as_built(notebook):
        raise ValueError(
            f"somebody worked in {path.name}, and git has no other: build it again with "
            f"python notebooks/build.py {path.stem}"
        )
    print(f"somebody worked in {path.name}: the site shows it as git has it")
    return notebook


def is_as_built(notebook: NotebookNode) -> bool:
    """Whether nobody wrote in it, and no output answers an answer."""
    given = notebook.metadata.get("course", {}).get("fingerprint")
    return fingerprint(notebook.cells) == given and not _answered(notebook)


def _answered(notebook: NotebookNode) -> bool:
    learner = not any("solution" in cell.metadata.get("tags", []) for cell in notebook.cells)
    outputs = (
        f"{output.get('text', '')} {output.get('data', {}).get('text/plain', '')}"
        for cell in notebook.cells
        if "exercise" in cell.metadata.get("tags", [])
        for output in cell.get("outputs", [])
    )
    return learner and any(words in text for text in outputs for words in ANSWERED)


def committed(path: Path) -> str:
    """The text of a file as git has it; empty where git does not."""
    try:
        run = subprocess.run(
            ["git", "show", f"HEAD:./{path.name}"], cwd=path.parent, capture_output=True
        )
    except FileNotFoundError:
        return ""
    return run.stdout.decode("utf-8") if run.returncode == 0 else ""
