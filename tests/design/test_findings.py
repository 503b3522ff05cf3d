"""What the data say that the formula does not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import pupils

from course import translate
from course.design.groups import Relation, by_name, relation


def notes(formula, data):
    return " ".join(translate(formula, data).notes)


def test_nothing_to_say():
    assert notes("score ~ sex + (1|school)", pupils()) == ""


def test_reused_labels():
    data = pupils(120)
    said = notes("score ~ 1 + (1|room) + (1|school)", data)
    assert said.count("used again in every school") == 1 and "(1|school:room)" in said
    assert "used again in every room" not in said
    assert "used again" not in notes("score ~ 1 + (1|school:room) + (1|school)", data)


def test_subjects_and_items_that_cross_once_each_are_not_called_reused():
    data = pd.DataFrame({"subject": np.repeat(range(20), 8), "item": list(range(8)) * 20})
    data["y"] = np.random.default_rng(1).normal(size=160)
    assert "used again" not in notes("y ~ 1 + (1|subject) + (1|item)", data)


def test_the_same_groups_twice():
    data = pupils()
    data["room"] = data["school"] + "-" + data["room"]
    assert "only the sum" in notes("score ~ 1 + (1|room) + (1|school:room)", data)
    assert "only the sum" not in notes("score ~ age + (1|room) + (0 + age|school:room)", data)


def test_a_classroom_in_two_schools():
    data = pupils()
    data["room"] = data["school"] + "-" + data["room"]
    assert "more than one" not in notes("score ~ 1 + (1|room) + (1|school)", data)
    data.loc[0, "school"] = "S5"
    said = notes("score ~ 1 + (1|room) + (1|school)", data)
    assert "1 of 24 room levels lies in more than one school (S0-R0)" in said


def test_few_levels():
    data = pupils()
    assert "room has 4 levels" in notes("score ~ 1 + (1|room)", data)
    assert "hardly known" not in notes("score ~ 1 + (1|school)", data)


def test_a_slope_of_what_does_not_vary():
    data = pupils()
    data["size"] = data["school"].str[1:].astype(float) * 10
    assert "does not vary within" in notes("score ~ size + (size|school)", data)


def test_zero_far_outside_the_data():
    data = pupils()
    assert "easier to read with age centred" in notes("score ~ age + (age|school)", data)
    assert "another zero makes it another model" in notes("score ~ age + (age||school)", data)
    data["age"] -= 10
    assert "centre" not in notes("score ~ age + (age||school)", data)


def test_number_labels():
    data = pupils()
    data["school"] = data["school"].str[1:].astype(int)
    assert "C(school)" in notes("score ~ 1 + (1|school)", data)


def test_a_square_that_is_none():
    assert "I(age**2)" in notes("score ~ age**2 + (1|school)", pupils())
    assert "crosses" not in notes("score ~ I(age**2) + (1|school)", pupils())
    assert "crosses" not in notes("score ~ (age + sex)**2 + age**1 + (1|school)", pupils())
    data = pupils().rename(columns={"age": "my age"}).assign(page=pupils()["age"], age=1.0)
    assert 'I(Q("my age")**2)' in notes("score ~ `my age`**2 + (1|school)", data)
    said = notes("score ~ 0 + age + page**2 + (1|school)", data)
    assert "I(page**2)" in said and "I(age**2)" not in said
    assert "I(np.log(page)**2)" in notes("score ~ 1 + (np.log(page)^3|school)", data)


# -- which labels restart in which -------------------------------------------------------------


def rooms_in_schools(schools, rooms, school="school", room="room", missing=0):
    """Three pupils in each room, numbered from 1 in every school; some schools have fewer rooms."""
    pairs = [(s, r) for s in range(schools) for r in range(rooms - (s % 2) * missing)]
    table = pd.DataFrame(pairs * 3, columns=[school, room]) + 1
    table["score"] = np.random.default_rng(1).normal(size=len(table))
    return table


@pytest.mark.slow
@pytest.mark.parametrize("text", [False, True])
@given(schools=st.integers(2, 12), rooms=st.integers(3, 12), missing=st.integers(0, 1))
@settings(max_examples=25, deadline=None)
def test_rooms_restart_in_schools_however_many_there_are_of_each(text, schools, rooms, missing):
    data = rooms_in_schools(schools, rooms, missing=missing)
    if text:
        data["school"] = "S" + data["school"].astype(str)
        data["room"] = "R" + data["room"].astype(str)
    for formula in ("score ~ 1 + (1|school) + (1|room)", "score ~ 1 + (1|room) + (1|school)"):
        said = notes(formula, data)
        assert "labels of room are used again in every school" in said
        assert "write (1|school:room) instead." in said
        assert "room:school" not in said and "other reading" not in said


def test_names_that_tell_nothing_leave_both_readings():
    data = rooms_in_schools(5, 6, "cask", "batch")
    said = notes("score ~ 1 + (1|cask) + (1|batch)", data)
    assert "write (1|batch:cask) instead." in said
    assert "other reading" in said and "write (1|cask:batch) instead of (1|batch)" in said


def test_the_data_decide_where_they_can():
    # batch 0 has six of the eight labels of cask, but no cask has most of the nine batches
    pairs = [(0, c) for c in range(6)] + [(b, (b + c) % 8) for b in range(1, 9) for c in range(3)]
    batch, cask = np.array(pairs * 3).T
    decided = Relation("cask", "batch", "restarting", both=False)
    assert relation("batch", batch, "cask", cask) == decided
    assert relation("cask", cask, "batch", batch, listed=True) == decided
    # names do not call for what the data do not allow
    assert relation("room", batch, "school", cask).how == "crossed"


def test_two_by_two_is_no_restarting_unless_the_names_say_so():
    data = pd.DataFrame({"a": [0, 0, 1, 1] * 5, "b": [0, 1, 0, 1] * 5})
    one, other = data["a"].to_numpy(), data["b"].to_numpy()
    assert relation("sex", one, "cohort", other).how == "crossed"
    assert relation("room", one, "school", other).how == "restarting"


@pytest.mark.parametrize(
    ("one", "other", "larger"),
    [
        ("school", "classroom", "school"),
        ("classroom_id", "SchoolNr", "SchoolNr"),
        ("wards", "hospital", "hospital"),
        ("patient_id", "team", "team"),
        ("schoolid", "district_code", "district_code"),
        ("id", "class", "class"),
        ("school_class", "school", "school"),
        ("room", "teacher", None),
        ("cask", "school", None),
        ("batch", "cask", None),
    ],
)
def test_names_of_larger_groups(one, other, larger):
    assert by_name(one, other) == by_name(other, one) == larger


def test_missing_labels_do_not_count():
    data = rooms_in_schools(5, 6)
    school, room = data["school"].to_numpy() - 1, data["room"].to_numpy() - 1
    gaps = np.where(np.arange(len(room)) % 9 == 0, -1, room)
    assert relation("school", school, "room", gaps) == Relation("room", "school", "restarting")
    nothing = np.full(len(room), -1)
    assert relation("school", school, "room", nothing).how == "crossed"
