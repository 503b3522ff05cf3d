"""What IPython, and so a notebook, shows of a `CourseError`: its sentence."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# In a process of its own: among the tests stands a stand-in for IPython, that of the course's pages.
SHELL = """
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell().run_cell({cell!r})
"""


def shown(cell: str) -> str:
    """What a notebook shows of a cell."""
    done = subprocess.run(
        [sys.executable, "-c", SHELL.format(cell=cell)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return (done.stdout + done.stderr).strip()


def test_a_course_error_is_its_sentence():
    text = shown(
        "from course import load, mixedlm\nmixedlm('normexam ~ sexx + (1|school)', load('exam'))"
    )
    assert text.startswith("CourseError: ") and "did you mean 'sex'" in text
    assert "\n" not in text and "Traceback" not in text


def test_other_errors_keep_their_lines():
    text = shown("1 / 0")
    assert "ZeroDivisionError" in text and "---" in text
