"""Cells that show something else in the browser than what their notebook stores: their page says so."""

import html
import re

from nbformat import NotebookNode

# The lesson, and how the cell begins. The sentence is on the page once the lesson is run there.
DIFFERENT = {
    ("07-inference", "from course.data import load_truth"): (
        "Run on this page, the bootstrap draws other responses than those behind the stored table, so its "
        "limits differ a little."
    ),
    ("08-when-the-fit-complains", "# statsmodels, and what it says"): (
        "Run on this page, where numbers are rounded differently, statsmodels ends at the same estimates, "
        "but tries more on its way and says at the end that it did not converge."
    ),
    ("09-planning-a-study", "import tempfile"): (
        "This cell does not run on this page: the package that keeps replicates in files, pyarrow, cannot be "
        "installed in a browser. It runs in a notebook on your own machine."
    ),
    ("myths", 'both = ["school", "classroom"]'): (
        "Run on this page, in a newer Python, the first error has other words."
    ),
}


# Where to go on another day: a menu of JupyterLab, and a button of the page.
MENU = re.compile(
    r"(If you come back in the middle,\s)choose\s\*Run\s→\sRun\sAll\sAbove\sSelected\sCell\*\sfirst"
)
BUTTON = r"\1press *Run all above* under the cell where you want to go on"


def with_buttons(text: str) -> str:
    """The page of a lesson that can be run there, without what is only in JupyterLab's menu."""
    return MENU.sub(BUTTON, text)


def with_differences(lesson: str, notebook: NotebookNode, text: str) -> str:
    """The page of a lesson with the sentences at the head of their cells."""
    for (name, begin), sentence in DIFFERENT.items():
        if name != lesson:
            continue
        ids = [cell.id for cell in notebook.cells if cell.source.startswith(begin)]
        if len(ids) != 1:
            raise ValueError(f"{len(ids)} cells of {lesson} begin with {begin!r}")
        head = f'<div class="cell" data-cell="{ids[0]}">'
        text = text.replace(head, f'{head}<p class="differs" hidden>{html.escape(sentence)}</p>')
    return text
