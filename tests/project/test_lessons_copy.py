"""`python -m course lessons`: a copy of the learner's own, updated without losing work."""

import json

import pytest

import course.lessons
from course.__main__ import main
from course.common.paths import LESSONS
from course.errors import CourseError
from course.lessons import copy_lessons, fingerprint, shipped, written_in

CHECK = 'share = ...\ncheck("02.3", share)'


def notebook(path, *sources):
    """A notebook as `notebooks/build.py` stores it."""
    cells = [{"cell_type": "code", "source": text, "outputs": []} for text in sources]
    metadata = {"course": {"fingerprint": fingerprint(cells)}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": metadata}), encoding="utf-8")


def edit(path, source=None, outputs=()):
    """What JupyterLab makes of a notebook in which somebody ran, or also wrote, its first cell."""
    content = json.loads(path.read_text("utf-8"))
    content["cells"][0]["outputs"] = list(outputs)
    if source:
        content["cells"][0]["source"] = source
    content["metadata"]["language_info"] = {"name": "python", "version": "3.13"}
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def course_lessons(tmp_path, monkeypatch):
    """Two lessons that come with the course."""
    folder = tmp_path / "course"
    notebook(folder / "02-intercepts.ipynb", CHECK)
    notebook(folder / "03-slopes.ipynb", "slope = ...")
    notebook(folder / "solutions" / "02-intercepts.ipynb", "share = 0.4")
    (folder / "build.py").write_text("")
    monkeypatch.setattr(course.lessons, "LESSONS", folder)
    return folder


@pytest.fixture
def mine(tmp_path, course_lessons):
    """A learner's copy of them."""
    folder = tmp_path / "my-work"
    copy_lessons(folder)
    return folder


def test_a_learner_gets_the_lessons_and_nothing_else(mine):
    files = sorted(path.relative_to(mine).as_posix() for path in mine.rglob("*.*"))
    assert files == ["02-intercepts.ipynb", "03-slopes.ipynb", "solutions/02-intercepts.ipynb"]


def test_nothing_changes_where_nothing_is_new(mine):
    (said,) = copy_lessons(mine)
    assert said == f"Your lessons are up to date: 3 notebooks in {mine}."


def test_a_lesson_that_was_only_run_is_brought_up_to_date(mine, course_lessons):
    edit(mine / "02-intercepts.ipynb", outputs=["02.3 is waiting"])
    notebook(course_lessons / "02-intercepts.ipynb", CHECK, "a new cell")
    (said,) = copy_lessons(mine)
    assert "1 are brought up to date" in said
    assert "a new cell" in (mine / "02-intercepts.ipynb").read_text("utf-8")


def test_work_is_never_lost(mine, course_lessons):
    lesson = mine / "02-intercepts.ipynb"
    edit(lesson, source="share = 0.37")
    before = lesson.read_bytes()
    assert len(copy_lessons(mine)) == 1  # the lesson is the one that was given: nothing to say
    notebook(course_lessons / "02-intercepts.ipynb", CHECK, "a new cell")
    _, said = copy_lessons(mine)
    assert "it stays as it is" in said and "--fresh 02-intercepts" in said
    assert lesson.read_bytes() == before


def test_a_lesson_starts_afresh_and_what_was_written_is_kept(mine, course_lessons):
    lesson = mine / "02-intercepts.ipynb"
    for number in (1, 2):
        edit(lesson, source=f"share = 0.{number}")
        _, said = copy_lessons(mine, ["02"])
        assert f"earlier/02-intercepts-{number}.ipynb" in said.replace("\\", "/")
        assert lesson.read_bytes() == (course_lessons / lesson.name).read_bytes()
    kept = [path.read_text("utf-8") for path in sorted((mine / "earlier").iterdir())]
    assert "share = 0.1" in kept[0] and "share = 0.2" in kept[1]


def test_what_is_no_notebook_any_more_counts_as_work(mine):
    lesson = mine / "02-intercepts.ipynb"
    lesson.write_text("<<<<<<< a conflict", encoding="utf-8")
    assert written_in(lesson)
    copy_lessons(mine)
    assert lesson.read_text("utf-8") == "<<<<<<< a conflict"


def test_wrong_wishes_are_told(mine, course_lessons, tmp_path):
    with pytest.raises(CourseError, match="no lesson '04'; did you mean '0"):
        copy_lessons(mine, ["04"])
    with pytest.raises(CourseError, match="where the course keeps its lessons"):
        copy_lessons(course_lessons)
    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError, match="is a file: name a folder"):
        copy_lessons(tmp_path / "file")


@pytest.mark.slow
def test_the_lessons_that_come_with_the_course_are_as_they_were_built():
    """A stored notebook that is none of its source, or has answers in it, would go to every learner."""
    assert [path.relative_to(LESSONS).as_posix() for path in shipped() if written_in(path)] == []


def test_on_the_command_line(mine, capsys):
    edit(mine / "02-intercepts.ipynb", source="share = 0.37")
    assert main(["lessons", str(mine), "--fresh", "02"]) == 0
    assert "02-intercepts.ipynb starts afresh" in capsys.readouterr().out
    assert main(["lessons", str(mine), "--fresh", "twelve"]) == 2
    assert "no lesson 'twelve'" in capsys.readouterr().err
