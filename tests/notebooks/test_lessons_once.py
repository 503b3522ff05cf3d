"""A lesson and its solutions in one kernel: every output of both is compared (notebooks/conftest.py)."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import build
import nbformat
import pytest

LESSON = """# %% [markdown] tags=["workshop"]
# # A lesson

# %% tags=["workshop"]
numbers = [1, 2, 3]
len(numbers)

# %% tags=["workshop", "exercise", "solution"]
mean = sum(numbers) / 3  #!
print("waiting" if mean is ... else mean)

# %% tags=["workshop"]
print("goes on")

# %% tags=["workshop", "exercise", "solution"]
low = min(numbers)  #!
print("waiting" if low is ... else low)

# %% tags=["workshop", "exercise", "solution"]
high = max(numbers)  #!
print("waiting" if high is ... else high)
"""


def change(path: Path, cell: int, text: str) -> None:
    """Store another output of this code cell."""
    notebook = nbformat.read(path, as_version=4)
    code = [one for one in notebook.cells if one.cell_type == "code"][cell]
    code.outputs[0].text = text
    nbformat.write(notebook, path)


@pytest.mark.slow
def test_an_output_of_either_that_is_not_what_the_cell_gives_is_found(tmp_path):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (tmp_path / "tiny.py").write_text(LESSON, encoding="utf-8")
    build.build(tmp_path / "tiny.py", folder)
    change(folder / "tiny.ipynb", 2, "for learners only\n")
    change(folder / "tiny.ipynb", 3, "no longer\n")
    change(folder / "solutions" / "tiny.ipynb", 4, "4\n")
    shutil.copy(build.NOTEBOOKS.parent / "conftest.py", tmp_path)
    shutil.copy(build.NOTEBOOKS / "conftest.py", folder)
    kernels = (build.NOTEBOOKS / "kernels.py").read_text(encoding="utf-8")
    nothing = kernels.replace("    import_what_lessons_import()\n", "", 1)  # as this one does
    (folder / "kernels.py").write_text(nothing, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:nbval -p no:cacheprovider\n")
    options = ["-rA", "--nbval", "--nbval-current-env", "--lessons-once"]
    paths = ["notebooks/tiny.ipynb", "notebooks/solutions/tiny.ipynb"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *paths],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    said = re.findall(
        r"^(PASSED|FAILED) notebooks/solutions/tiny.ipynb::(.+?)(?: - .*)?$",
        run.stdout,
        re.MULTILINE,
    )
    assert sorted(said) == [
        ("FAILED", "Cell 2, the learner's"),  # the same cell with two outputs is held against both
        ("FAILED", "Cell 3, the learner's"),
        ("FAILED", "Cell 4"),
        ("PASSED", "Cell 0"),  # once for both
        ("PASSED", "Cell 1"),
        ("PASSED", "Cell 1, the learner's"),
        ("PASSED", "Cell 2"),
        ("PASSED", "Cell 3"),
        ("PASSED", "Cell 4, the learner's"),
    ], run.stdout
