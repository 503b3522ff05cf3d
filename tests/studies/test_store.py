"""Studies on disk: they go on where they were, and refuse what is another study or no study at all."""

import json
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
import small_studies
from small_studies import FORMULA, balanced, equal, slow, study

from course import CourseError, recovery, simulate_schools
from course.studies.store import STUDY, Store, plain, read_study


@pytest.mark.slow
def test_a_study_goes_on_where_it_was_and_to_a_larger_n(tmp_path):
    whole = recovery(balanced, FORMULA, 8, seed=3, progress=False)
    study(tmp_path / "s", n=3)
    there = sorted(p.name for p in (tmp_path / "s").iterdir())
    assert equal(whole, study(tmp_path / "s"))
    assert set(there) < {p.name for p in (tmp_path / "s").iterdir()}  # what was there is left alone
    assert equal(whole, study(tmp_path / "s", seed=None))  # the seed is that of the folder
    fewer = study(tmp_path / "s", n=3)
    assert equal(fewer, recovery(balanced, FORMULA, 3, seed=3, progress=False))


SMALL = {"provinces": 2, "schools": 2, "classrooms": 2, "students": 3}


@pytest.mark.parametrize("simulate", [simulate_schools, partial(simulate_schools, **SMALL)])
def test_a_study_is_known_by_the_name_that_its_function_had_before_it_moved(tmp_path, simulate):
    study = {"simulate": plain(simulate), "seed": 3}
    folder = tmp_path / "s"
    folder.mkdir()
    text = json.dumps({"study": study, "versions": {}})
    assert text.count("course.simulate.schools.simulate_schools") == 1
    old = text.replace(
        "course.simulate.schools.simulate_schools", "course.simulate.simulate_schools"
    )
    (folder / STUDY).write_text(old)
    assert read_study(folder) == study
    assert Store(folder, {"simulate": simulate, "seed": 3}).found is None  # not refused
    with pytest.raises(CourseError, match="another study, with seed = 3"):
        Store(folder, {"simulate": simulate, "seed": 4})
    with pytest.raises(CourseError, match="another study, with simulate"):
        Store(folder, {"simulate": balanced, "seed": 3})


def test_nothing_is_run_twice(tmp_path, monkeypatch):
    seeds = []
    monkeypatch.setattr(sys.modules[__name__], "balanced", _recorded(balanced, seeds))
    study(tmp_path / "s", n=6, simulate=balanced)
    assert len(seeds) == 6
    study(tmp_path / "s", n=9, simulate=balanced)
    assert (
        len(seeds) == 6 + 1 + 3 and len(set(seeds)) == 9
    )  # the first, to see that nothing changed


def _recorded(function, seeds):
    def balanced(seed):
        seeds.append(seed)
        return function(seed)

    return balanced


@pytest.mark.slow
def test_anybody_can_read_the_folder(tmp_path):
    found = study(tmp_path / "s")
    rows = pd.read_parquet(tmp_path / "s").sort_values("task", kind="stable", ignore_index=True)
    assert np.array_equal(rows["estimate"], found.replicates["estimate"])
    told = json.loads((tmp_path / "s" / STUDY).read_text())
    assert told["study"]["formula"] == FORMULA and told["study"]["seed"] == 3
    assert {"python", "course", "numpy"} <= set(told["versions"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"formula": "y ~ 1 + (1|g)"}, "another study, with formula"),
        ({"seed": 4}, "another study, with seed = 3, not 4"),
        ({"level": 0.9}, "another study, with level"),
        ({"simulate": slow}, "another study, with simulate"),
        ({"simulate": partial(balanced, effect=2)}, "another study, with simulate"),
    ],
)
def test_another_study_in_the_same_folder_is_refused(tmp_path, changes, message):
    study(tmp_path / "s", n=2)
    before = {p: p.read_bytes() for p in (tmp_path / "s").iterdir()}
    with pytest.raises(CourseError, match=message):
        study(tmp_path / "s", n=2, **changes)
    assert before == {p: p.read_bytes() for p in (tmp_path / "s").iterdir()}


def test_a_function_that_has_changed_under_the_same_name_is_refused(tmp_path, monkeypatch):
    study(tmp_path / "s", n=2)
    monkeypatch.setattr(small_studies, "SIGMA", 1.6)
    with pytest.raises(CourseError, match="simulate or a library has changed"):
        study(tmp_path / "s", n=4)


def test_a_study_that_is_refused_leaves_its_folder_to_the_next(tmp_path):
    with pytest.raises(CourseError, match="z"):
        study(tmp_path / "s", formula="y ~ z + (1|g)")
    assert not (tmp_path / "s").exists()
    study(tmp_path / "s", n=2)


@pytest.mark.slow
def test_folders_that_are_none_of_ours(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(CourseError, match="is a file"):
        study(tmp_path / "file")
    with pytest.raises(CourseError, match="holds files, but no study"):
        study(tmp_path)
    study(tmp_path / "s", n=2)
    part = next((tmp_path / "s").glob("part-*"))
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(CourseError, match="delete it"):
        study(tmp_path / "s", n=2)
    part.unlink()
    assert equal(study(tmp_path / "s", n=2), recovery(balanced, FORMULA, 2, seed=3, progress=False))
    (tmp_path / "s" / STUDY).write_text("{")
    with pytest.raises(CourseError, match="cannot be read"):
        study(tmp_path / "s", n=2)


@pytest.mark.slow
def test_progress_goes_to_stderr_or_nowhere(capsys, tmp_path):
    study(tmp_path / "s", n=4)
    assert capsys.readouterr() == ("", "")
    study(tmp_path / "s", n=6, progress=True)
    out, err = capsys.readouterr()
    assert out == "" and "6/6" in err
