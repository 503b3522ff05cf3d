"""What IPython, and so a notebook, shows of a `CourseError`: its sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# In a process of its own: among the tests stands a stand-in for IPython, that of the course's pages.
SHELL = """
from IPython.core.interactiveshell import InteractiveShell
for cell in {cells!r}:
    InteractiveShell().run_cell(cell)
    print("====")
"""


def shown(*cells: str) -> list[str]:
    """What a notebook shows of each of these cells."""
    done = subprocess.run(
        [sys.executable, "-c", SHELL.format(cells=cells)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return [text.strip() for text in done.stdout.split("====\n")[:-1]]


@pytest.mark.slow
def test_a_course_error_is_its_sentence_and_other_errors_keep_their_lines():
    ours, other = shown(
        "from course import load, mixedlm\nmixedlm('normexam ~ sexx + (1|school)', load('exam'))",
        "1 / 0",
    )
    assert ours.startswith("CourseError: ") and "did you mean 'sex'" in ours
    assert "\n" not in ours and "Traceback" not in ours
    assert "ZeroDivisionError" in other and "---" in other
