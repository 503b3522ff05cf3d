"""What runs lessons on their pages, as far as it can be tried without a browser."""

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest
import statsmodels.api
from live import assemble, left_out
from live.guest import pyreadstat as stand_in
from live.guest import statsmodels_api as api

from course import read_table, simulate_assessment
from course.data import write_table

ROOT = Path(__file__).resolve().parents[2]
SURVEY = ROOT / "data" / "survey.sav"
FILES = ROOT / "tests" / "reference" / "files"


def assert_same_file(path, other):
    """What pyreadstat and the stand-in say of a file."""
    (table, about), (found, told) = path, other
    assert list(found) == list(table)
    for name in table:
        if pd.api.types.is_numeric_dtype(table[name]):
            np.testing.assert_array_equal(found[name].to_numpy(float), table[name].to_numpy(float))
        else:
            assert list(found[name].fillna("")) == list(table[name].fillna(""))
    assert told.variable_value_labels == about.variable_value_labels
    assert told.missing_ranges == about.missing_ranges
    titles = {name: title or None for name, title in told.column_names_to_labels.items()}
    expected = {name: title or None for name, title in about.column_names_to_labels.items()}
    assert {n: titles.get(n) for n in expected} == expected


@pytest.fixture(scope="module")
def assessment():
    return simulate_assessment(seed=1).data


@pytest.mark.slow
def test_the_stand_in_reads_sav_files_as_pyreadstat_does(tmp_path, assessment):
    written = tmp_path / "assessment.sav"
    write_table(assessment, written)
    for path in (SURVEY, written):
        for user_missing in (True, False):
            assert_same_file(
                pyreadstat.read_sav(path, user_missing=user_missing),
                stand_in.read_sav(path, user_missing=user_missing),
            )


@pytest.mark.slow
def test_the_stand_in_writes_sav_files_that_pyreadstat_reads(tmp_path, assessment, monkeypatch):
    by_pyreadstat, by_stand_in = tmp_path / "one.sav", tmp_path / "two.sav"
    texts = pd.DataFrame(
        {"short": ["a", None, ""], "longer": ["Malmö", "x" * 30, "y"], "n": [1.5, None, -99]}
    )
    for table in (assessment, texts):
        write_table(table, by_pyreadstat)
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "pyreadstat", stand_in)
            write_table(table, by_stand_in)
        assert_same_file(
            pyreadstat.read_sav(by_pyreadstat, user_missing=True),
            pyreadstat.read_sav(by_stand_in, user_missing=True),
        )
        pd.testing.assert_frame_equal(read_table(by_pyreadstat), read_table(by_stand_in))


def test_the_stand_in_refuses_what_it_cannot_read():
    for reader, name in ((stand_in.read_sav, "survey.zsav"), (stand_in.read_dta, "survey.dta")):
        with pytest.raises(stand_in.PyreadstatError, match="only .sav files can be read"):
            reader(FILES / name)


def test_the_stand_in_for_the_api_of_statsmodels_has_what_is_in_the_download():
    for name in [*api.HOMES, *api.MODULES]:
        assert getattr(api, name) is getattr(statsmodels.api, name)
    for module in [*api.NAMES, *api.MODULES.values()]:
        path = f"statsmodels/{module.replace('.', '/')}"
        assert not f"{path}.pyc".startswith(left_out.PATHS)
    left = set(statsmodels.api.__all__) - set(api.HOMES) - set(api.MODULES)
    assert {"tsa", "MICE", "PCA", "datasets"} <= left
    with pytest.raises(AttributeError, match="only a part of statsmodels"):
        api.tsa  # noqa: B018


def test_notes_are_taken_out_of_a_module_and_nothing_else():
    header, types = b"\0asm\1\0\0\0", b"\x01\x04\x01\x60\0\0"
    long = b"\x04name" + b"x" * 200
    note = b"\0" + bytes([len(long) & 0x7F | 0x80, len(long) >> 7]) + long
    assert assemble.without_notes(header + note + types + note) == header + types


def test_a_bundle_holds_a_list_of_its_contents_and_then_the_files():
    data = assemble.bundle([("a/b", b"one"), ("c", b"")])
    length = int.from_bytes(data[:4], "little")
    assert json.loads(data[4 : 4 + length]) == [["a/b", 3], ["c", 0]]
    assert data[4 + length :] == b"one"
    assert gzip.decompress(assemble.compressed(data)) == data
    assert assemble.compressed(data) == assemble.compressed(data)


def test_the_readers_bundle_has_the_package_its_data_and_what_runs_cells():
    files = dict(assemble.course())
    assert {
        "course/__init__.py",
        "data/pupils.csv",
        "live/runner.py",
        "live/IPython/display.py",
    } <= set(files)
    assert not [name for name in files if name.endswith(".pyc")]


def test_a_wheel_that_is_not_the_one_that_was_tried_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(assemble, "CACHE", tmp_path)
    (tmp_path / assemble.WHEEL).write_bytes(b"something else")
    with pytest.raises(SystemExit, match="is not the file that was tried"):
        assemble.fetched()
    assert not (tmp_path / assemble.WHEEL).exists()
