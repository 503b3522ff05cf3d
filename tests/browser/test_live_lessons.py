"""Every code cell of the lessons prints in the browser what is stored in its notebook.

Two lessons here; all of them by `make test-live`.
"""

from pathlib import Path

import pytest
from live.differences import DIFFERENT
from live_cells import IGNORED, NOTEBOOKS, cells, code_cells, shown, stored

ALWAYS = ("02-random-intercepts", "03-random-slopes")


def books() -> list[Path]:
    """Each lesson once: in its solutions, where there are any."""
    found = []
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        worked = NOTEBOOKS / "solutions" / path.name
        path = worked if worked.exists() else path
        if code_cells(path):
            found.append(path)
    return found


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[] if path.stem in ALWAYS else pytest.mark.long)
        for path in books()
    ],
)
def test_cells_show_what_is_stored(python, path):
    python.restart()
    expected = {begin for name, begin in DIFFERENT if name == path.stem}
    faults = []
    for cell in cells(path):
        source = "".join(cell["source"])
        result = python.run(source)
        if IGNORED in cell["metadata"]["tags"]:
            same = result["ok"]
        else:
            same = shown(result) == stored(cell)
        known = next((begin for begin in expected if source.startswith(begin)), None)
        if known and not same:
            expected.remove(known)
        elif not same:
            faults.append(f"{source}\n--- stored\n{stored(cell)}\n--- shown\n{shown(result)}")
    if faults:
        pytest.fail("\n\n".join(faults))
    assert not expected, "these are the same now: take them out of DIFFERENT"
