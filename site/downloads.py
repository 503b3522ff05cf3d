"""What can be downloaded: a ZIP file for each lesson, one of the workshop's set, one of the data."""

import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course.common.paths import DATA
from course.data.sets import DATA_SETS

FOLDER = "downloads"
README = """\
{title}

To run the notebooks you need Python 3.11 or newer. In a terminal, in this folder:

    python -m pip install {pip}
    python -m jupyterlab

The course brings its data with it; the files in the folder data are the same, to look at or to use elsewhere.
"""
WRITTEN = (2026, 1, 1, 0, 0, 0)  # the same files make the same ZIP file, whenever it is made
LICENCES = ("LICENSE-GPL", "README.md")


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """A ZIP file of these contents, by the names that they have in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, WRITTEN), content, zipfile.ZIP_DEFLATED)


def data_used(notebook: NotebookNode) -> list[str]:
    """The files of the data sets that a notebook loads."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    loaded = re.findall(r"load\(\s*[\"'](\w+)[\"']", code)
    named = re.findall(r"data_file\([\"']([\w.]+)[\"']\)", code)
    return sorted({DATA_SETS[name][0] for name in loaded if name in DATA_SETS} | set(named))


def data_files(names: Iterable[str]) -> dict[str, bytes]:
    """Files of data with their licence and the page that describes them, in the folder ``data``."""
    wanted = [*names, *LICENCES]
    return {f"data/{name}": (DATA / name).read_bytes() for name in wanted if (DATA / name).exists()}


def text_of(notebook: NotebookNode) -> bytes:
    """A notebook as the content of a file."""
    return (nbformat.writes(notebook) + "\n").encode()


def without_self_study(notebook: NotebookNode) -> NotebookNode:
    """The cells of the workshop's route, numbered as they follow each other."""
    kept = nbformat.from_dict(notebook)
    kept.cells = [c for c in kept.cells if "self-study" not in c.metadata.get("tags", [])]
    for number, cell in enumerate((c for c in kept.cells if c.cell_type == "code"), start=1):
        cell.execution_count = number
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
    return kept


def write_downloads(folder: Path, notebooks: Mapping[str, NotebookNode], pip: str) -> None:
    """Write all ZIP files and the data.

    Parameters
    ----------
    folder : Path
        What goes onto the site as it is.
    notebooks : dict of str to NotebookNode
        By file name; those of ``solutions/`` with that before it.
    pip : str
        What pip installs the course from.
    """

    def write(name: str, title: str, files: dict[str, bytes]) -> None:
        readme = README.format(title=title, pip=pip).encode()
        write_zip(folder / FOLDER / name, {**files, "README.txt": readme})

    lessons = {name: book for name, book in notebooks.items() if "/" not in name}
    for name, notebook in lessons.items():
        title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
        files = {name: text_of(notebook), **data_files(data_used(notebook))}
        if solution := notebooks.get(f"solutions/{name}"):
            files[f"solutions/{name}"] = text_of(solution)
        write(name.replace(".ipynb", ".zip"), title, files)
    day = {
        name: without_self_study(notebook) if "minutes in the workshop" in text else notebook
        for name, notebook in lessons.items()
        for text in [notebook.cells[0].source]
    }
    write(
        "workshop.zip",
        "The lessons of the one-day workshop",
        {n: text_of(b) for n, b in day.items()},
    )
    sets = [file for file, _ in DATA_SETS.values()]
    write("data.zip", "The data sets of the course", data_files(sets))
    for name in [*sets, "survey.sav"]:
        target = folder / "data" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((DATA / name).read_bytes())
