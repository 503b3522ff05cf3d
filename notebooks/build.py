"""Build the lessons: one script in, a learner notebook and a solutions notebook out.

    python notebooks/build.py                      every lesson
    python notebooks/build.py 02-random-intercepts only this one

A lesson is written once, as a percent script (jupytext) in ``notebooks/source/``. Both notebooks
that come out are executed by the Python that runs this file, and what they store is what they
printed. Building twice gives the same bytes: cell ids come from the text of the cell, and nothing
that depends on the clock or the machine is kept.

Tags of a cell
--------------
workshop      taken on both routes.
self-study    left out of the one-day workshop; a whole section, its heading ends "(self-study)".
exercise      a question (Markdown), or its answer (code).
set-up        what has to be installed and run first; built, and in no source.
solution      Markdown: reasoning that only the solutions notebook shows. Code: a worked answer,
              from which the learner's stub is made.
nbval-ignore-output   the output differs from machine to machine, so none is stored or compared; few,
              and named in the tests.

The stub of an answer
---------------------
A line of a solution that ends in ``#!`` is one statement for the learner to write. The learner sees
``share = ...`` for ``share = between / total  #!``, and ``...`` for a line that assigns nothing.
All other lines stay, so stub and solution match line by line.
"""

import argparse
import ast
import hashlib
import re
from pathlib import Path

import jupytext
import kernels
import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbformat import NotebookNode

from course.lessons import fingerprint

NOTEBOOKS = Path(__file__).resolve().parent
ROUTES = {"workshop", "self-study"}
TAGS = ROUTES | {"exercise", "solution", "set-up", "nbval-ignore-output"}
MARK = re.compile(r"\s*#!\s*$")
LONG = 18  # lines: more than one sees at once with the picture below them
DRAWS = re.compile(r"\b(plt|plots|fig|figure|ax|axes|left|right)\b")
RELATIVE_LINK = re.compile(r"(\]\()(?!\w+:|#)")
# Below the opening of every notebook: it may be read anywhere, on the first day or the second.
SET_UP = """\
> **To run this notebook** you need Python 3.11 or newer and the course, with all its data: \
`pip install "mixed-effects-course[lab]"`. The cells build on each other. When you come back on another \
day, Python has forgotten all of them: click where you left off, and choose *Run → Run All Above Selected \
Cell* first. Long cells that draw a picture are folded: a click on the bar left of one opens it."""
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def read(script: Path) -> NotebookNode:
    """The script as a notebook: tags checked, cell ids fixed, nothing executed."""
    notebook = jupytext.reads(script.read_text(encoding="utf-8"), fmt="py:percent")
    notebook.metadata = NotebookNode({**METADATA, "course": {"source": f"source/{script.name}"}})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.cells.insert(
        1, nbformat.v4.new_markdown_cell(SET_UP, metadata={"tags": ["workshop", "set-up"]})
    )
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        _check_tags(cell, script)
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:10]
        seen[digest] = seen.get(digest, 0) + 1
        if is_drawing(cell):
            cell.metadata["jupyter"] = {"source_hidden": True}
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
    return notebook


def is_drawing(cell: NotebookNode) -> bool:
    """Whether a long cell mostly draws: JupyterLab and the website then fold its code.

    Two thirds of its lines belong to statements that speak of figures, axes or `plots`.
    """
    lines = len(cell.source.splitlines())
    asked = "exercise" in cell.metadata.get("tags", [])
    if cell.cell_type != "code" or asked or lines < LONG or "plots.show(" not in cell.source:
        return False
    drawing = sum(
        statement.end_lineno - statement.lineno + 1
        for statement in ast.parse(cell.source).body
        if DRAWS.search(ast.unparse(statement))
    )
    return drawing >= 2 / 3 * lines


def _check_tags(cell: NotebookNode, script: Path) -> None:
    tags = cell.metadata.get("tags", [])
    where = f"{script.name}, the cell that starts {cell.source[:40]!r}"
    if unknown := set(tags) - TAGS:
        raise ValueError(f"{where}: unknown tag {', '.join(sorted(unknown))}")
    if len(ROUTES & set(tags)) != 1:
        raise ValueError(f"{where}: needs exactly one of the tags {', '.join(sorted(ROUTES))}")
    marked = any(MARK.search(line) for line in cell.source.splitlines())
    is_answer = cell.cell_type == "code" and "solution" in tags
    if marked != is_answer:
        raise ValueError(f"{where}: '#!' and the tag 'solution' on a code cell go together")


def has_solutions(notebook: NotebookNode) -> bool:
    """Whether there is anything in it for a learner to answer."""
    return any("solution" in cell.metadata.tags for cell in notebook.cells)


def learner(notebook: NotebookNode) -> NotebookNode:
    """The lesson as the learner gets it: stubs for answers, no reasoning."""
    notebook = nbformat.from_dict(notebook)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" or "solution" not in cell.metadata.tags
    ]
    for cell in notebook.cells:
        if "solution" in cell.metadata.tags:
            cell.source = stub(cell.source)
            cell.metadata.tags.remove("solution")
    return _marked(notebook)


def solutions(notebook: NotebookNode) -> NotebookNode:
    """The lesson with its answers and reasoning; links lead out of ``solutions/``."""
    notebook = nbformat.from_dict(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = RELATIVE_LINK.sub(r"\1../", cell.source)
        else:
            cell.source = "\n".join(MARK.sub("", line) for line in cell.source.splitlines())
    lesson = Path(notebook.metadata.course.source).stem
    note = nbformat.v4.new_markdown_cell(
        f"*Solutions of [{lesson}](../{lesson}.ipynb), with the reasoning. Try first, then look.*",
        id="solutions-of",
        metadata={"tags": ["workshop", "solution"]},
    )
    notebook.cells.insert(0, note)
    return _marked(notebook)


def _marked(notebook: NotebookNode) -> NotebookNode:
    """Say in the notebook what it was built of, so that one can tell whether somebody wrote in it."""
    notebook.metadata.course.fingerprint = fingerprint(notebook.cells)
    return notebook


def stub(solution: str) -> str:
    """What the learner sees of a worked answer: ``x = 1  #!`` becomes ``x = ...``."""
    return "\n".join(_blank(line) if MARK.search(line) else line for line in solution.splitlines())


def _blank(line: str) -> str:
    statement = MARK.sub("", line).lstrip()
    indent = line[: len(line) - len(line.lstrip())]
    (node,) = ast.parse(statement).body
    if not isinstance(node, ast.Assign):
        return f"{indent}..."
    several = isinstance(node.targets[0], ast.Tuple)
    dots = ", ".join(["..."] * (len(node.targets[0].elts) if several else 1))
    return f"{indent}{statement[: node.value.col_offset]}{dots}"


def execute(notebook: NotebookNode, folder: Path) -> None:
    """Run every cell in ``folder``, with the Python that runs this file, and keep the outputs."""
    # Without folders to search, "python3" can only mean the running interpreter.
    kernel = kernels.Concurrent(
        kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[])
    )
    NotebookClient(
        notebook,
        km=kernel,
        timeout=300,
        record_timing=False,
        extra_arguments=["--log-level=CRITICAL"],  # what goes wrong in a cell is raised here
        resources={"metadata": {"path": str(folder)}},
    ).execute(cleanup_kc=True)
    notebook.metadata.language_info = NotebookNode(METADATA["language_info"])
    for cell in notebook.cells:
        if cell.cell_type == "code":
            ignored = "nbval-ignore-output" in cell.metadata.tags
            cell.outputs = [] if ignored else _merged(cell.outputs)


def _merged(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join text that was printed in one go but arrived in pieces."""
    merged: list[NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def build(script: Path, folder: Path = NOTEBOOKS) -> list[Path]:
    """Write the learner notebook and, where there are answers, the solutions; return the paths."""
    return write(read(script), script.stem, folder)


def write(lesson: NotebookNode, name: str, folder: Path) -> list[Path]:
    """The same for a lesson that was read, under this name."""
    targets = {folder / f"{name}.ipynb": learner(lesson)}
    if has_solutions(lesson):
        targets[folder / "solutions" / f"{name}.ipynb"] = solutions(lesson)
    for path, notebook in targets.items():
        path.parent.mkdir(exist_ok=True)
        execute(notebook, path.parent)
        nbformat.validate(notebook)
        path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    return list(targets)


def main() -> None:
    """Build the lessons named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", nargs="*", help="a lesson, such as 02-random-intercepts")
    names = parser.parse_args().lesson
    scripts = sorted((NOTEBOOKS / "source").glob("*.py"))
    for script in scripts:
        if not names or script.stem in names:
            for path in build(script):
                print(f"wrote {path.relative_to(NOTEBOOKS.parent)}")
    if missing := set(names) - {script.stem for script in scripts}:
        raise SystemExit(f"no such lesson: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main()
