"""What needs a package that a Python in a browser cannot have says so, before any work is done."""

import importlib.util
from concurrent.futures import Executor

import pandas as pd
import pytest

from course import CourseError, load, mixedlm, power, read_table
from course.common import packages
from course.data import write_table


@pytest.fixture
def bare(monkeypatch):
    """A Python without pyarrow and pyreadstat."""
    there = importlib.util.find_spec
    monkeypatch.setattr(
        packages,
        "find_spec",
        lambda name: None if name in ("pyarrow", "pyreadstat") else there(name),
    )


def test_a_package_that_is_not_there_is_named(bare, tmp_path):
    pupils = load("pupils")
    fit = mixedlm("test_score ~ age + (1|school)", pupils).fit()
    (tmp_path / "mine.sav").write_bytes(b"$FL2")
    (tmp_path / "rows").mkdir()
    asked = {
        "pyreadstat": [
            lambda: read_table(tmp_path / "mine.sav"),
            lambda: write_table(pd.DataFrame({"a": [1]}), tmp_path / "new.sav"),
        ],
        "pyarrow": [
            lambda: mixedlm("y ~ x + (1|g)", tmp_path / "rows"),
            lambda: fit.write_fitted(tmp_path / "fitted.parquet"),
            lambda: power(
                "test_score ~ age + (1|school)",
                test="age",
                effect=3,
                schools=4,
                n=2,
                path=tmp_path / "study",
            ),
        ],
    }
    for package, calls in asked.items():
        for call in calls:
            with pytest.raises(CourseError, match=f"needs the package {package}, .*In a browser"):
                call()
    assert not (tmp_path / "study").exists()


def test_a_path_that_pyarrow_would_not_read_either_needs_no_pyarrow(bare, tmp_path):
    for path, mend in {
        tmp_path / "a.csv": r"read_table\(",
        tmp_path / "none": "no file or folder",
    }.items():
        with pytest.raises(CourseError, match=mend):
            mixedlm("y ~ x + (1|g)", path)


class Threadless(Executor):
    """An executor where no thread can be started."""

    def submit(self, *_, **__):
        raise RuntimeError("can't start new thread")


def test_no_threads():
    with pytest.raises(CourseError, match="can start no threads"):
        power(
            "test_score ~ age + (1|school)",
            test="age",
            effect=3,
            schools=4,
            n=2,
            executor=Threadless(),
            progress=False,
        )
