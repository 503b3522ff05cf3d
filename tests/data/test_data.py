"""The files in data/ are what their catalogue says, and the simulated ones can be made again."""

import csv
import gzip
import hashlib
import re
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from course.common.paths import DATA
from course.data import sets as course_data
from course.data.sets import DATA_SETS, SIMULATED, load, load_truth
from course.errors import CourseError

CATALOGUE = (DATA / "README.md").read_text(encoding="utf-8")


def table_rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def overview() -> dict[str, list[str]]:
    return {
        re.match(r"\[(\w+)\]", row[0])[1]: row for row in table_rows(CATALOGUE.split("\n## ")[0])
    }


def section(name: str) -> str:
    return CATALOGUE.split(f"\n## {name}\n")[1].split("\n## ")[0]


def raw_rows(name: str) -> list[dict[str, str]]:
    path = DATA / DATA_SETS[name][0]
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else path.open()
    with opened as file:
        return list(csv.DictReader(file))


def test_the_catalogue_lists_every_data_set_and_every_file():
    assert set(overview()) == set(DATA_SETS)
    files = {path.name for path in DATA.iterdir() if ".csv" in path.name}
    assert files == {file for file, _ in DATA_SETS.values()}


@pytest.mark.parametrize("name", DATA_SETS)
def test_the_overview_agrees_with_the_file(name):
    _, file, _, rows, columns, licence, _, sha256 = overview()[name]
    raw = raw_rows(name)
    assert file.strip("`") == DATA_SETS[name][0]
    assert sha256.strip("`") == hashlib.sha256((DATA / file.strip("`")).read_bytes()).hexdigest()
    assert int(rows.replace(",", "")) == len(raw)
    assert int(columns) == len(raw[0])
    assert licence in section(name)


@pytest.mark.parametrize("name", DATA_SETS)
def test_the_columns_agree_with_the_file(name):
    raw, loaded, described = raw_rows(name), load(name), table_rows(section(name))
    assert [row[0] for row in described] == list(raw[0]) == list(loaded)
    kinds = {"str": "text", "int64": "whole number", "float64": "number"}
    for column, kind, meaning, levels in described:
        assert meaning
        assert kind == kinds[str(loaded[column].dtype)], column
        assert bool(levels) == (kind == "text"), column
        if levels:
            assert int(levels.replace(",", "")) == len({row[column] for row in raw}), column


@pytest.mark.parametrize("name", DATA_SETS)
def test_load_reads_every_value_as_it_stands_in_the_file(name):
    loaded = load(name)
    assert loaded.notna().all(axis=None)
    raw = pd.DataFrame(raw_rows(name))
    for column in loaded:
        if str(loaded[column].dtype) == "str":
            assert loaded[column].to_list() == raw[column].to_list()
        else:
            assert loaded[column].to_list() == raw[column].map(float).to_list()
    for label in DATA_SETS[name][1]:
        assert str(loaded[label].dtype) == "str"


def test_the_simulated_files_can_be_written_again_byte_for_byte(tmp_path):
    script = runpy.run_path(str(DATA / "make_data.py"))
    written = script["write_simulated"](tmp_path)
    assert {path.name for path in written} == {DATA_SETS[name][0] for name in SIMULATED}
    for path in written:
        assert path.read_bytes() == (DATA / path.name).read_bytes()


def test_used_in_agrees_with_the_lessons():
    sources = (DATA.parent / "notebooks" / "source").glob("[0-9][0-9]-*.py")
    lessons = {path.name[:2]: path.read_text(encoding="utf-8") for path in sources}
    for name, row in overview().items():
        use = rf"""load\(["']{name}["']\)|\b{re.escape(DATA_SETS[name][0])}"""
        using = {number for number, text in lessons.items() if re.search(use, text)}
        assert set(re.findall(r"\b\d\d\b", row[6])) & set(lessons) == using, name


def test_the_structure_that_the_catalogue_claims():
    pupils = load("pupils")
    assert pupils["student_id"].is_unique
    assert pupils.groupby("classroom")["school"].nunique().eq(1).all()
    assert pupils.groupby("school")["province"].nunique().eq(1).all()
    assert pupils.groupby("classroom").size().agg(["min", "max"]).to_list() == [9, 17]

    followed = load("pupils_three_years")
    assert (followed["year"].to_numpy().reshape(-1, 3) == [1, 2, 3]).all()
    assert followed.groupby("student_id").size().eq(3).all()
    assert followed.groupby("student_id")["school"].nunique().eq(1).all()
    assert 0.3 < followed.groupby("student_id")["classroom"].nunique().gt(1).mean() < 0.7

    exam = load("exam")
    assert exam.duplicated(["school", "student"]).sum() == 4
    assert exam.groupby("school")["vr"].nunique().eq(1).all()
    chem97 = load("chem97")
    assert chem97.groupby("school")["lea"].nunique().eq(1).all()
    assert chem97["student"].is_unique
    secondaries = load("scotssec").groupby("primary")["second"].nunique()
    assert (secondaries.eq(1).sum(), secondaries.gt(1).sum()) == (57, 91)
    assert load("egsingle").groupby("childid")["schoolid"].nunique().eq(1).all()


@pytest.mark.parametrize("name", SIMULATED)
def test_the_truth_of_a_simulated_file_is_the_truth_of_its_rows(name):
    """Scores minus fixed and random effects leave a residual of the stated SD, row by row."""
    data, truth = load(name), load_truth(name)
    beta = truth.fixed_effects
    rest = data["test_score"] - beta["Intercept"] - beta["sex[T.male]"] * data["sex"].eq("male")
    for column in ("age", "teacher_experience", "school_resources"):
        rest -= beta[column] * data[column]
    for group, effects in truth.random_effects.items():
        drawn = effects.loc[data[group]].reset_index(drop=True)
        rest -= drawn["Intercept"] + drawn.get("age", 0.0) * data["age"]
    sd = truth.variance_components["sdcor"].iloc[-1]
    standard_error = sd / np.sqrt(2 * len(rest))
    assert abs(rest.std() - sd) < 4 * standard_error
    assert abs(rest.mean()) < 4 * sd / np.sqrt(len(rest))


def test_wrong_names_and_missing_files_are_explained(monkeypatch, tmp_path):
    with pytest.raises(CourseError, match="no data set 'pupil'; did you mean 'pupils'"):
        load("pupil")
    with pytest.raises(CourseError, match="no data set 7"):
        load(7)
    with pytest.raises(CourseError, match="no data set .*'pupils'.*; did you mean 'pupils'"):
        load(["pupils"])
    with pytest.raises(CourseError, match="'exam' is real"):
        load_truth("exam")
    with pytest.raises(CourseError, match="did you mean 'pupils'"):
        load_truth("pupil")
    monkeypatch.setattr(course_data, "DATA", Path(tmp_path))
    with pytest.raises(CourseError, match="pupils.csv is missing.*course doctor"):
        load("pupils")


def test_the_notice_of_the_licence_names_the_real_files():
    notice = (DATA / "LICENSE-GPL").read_text(encoding="utf-8")
    for name, (file, _) in DATA_SETS.items():
        assert (file in notice) == (name not in SIMULATED)
