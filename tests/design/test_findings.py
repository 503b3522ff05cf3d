"""What the data say that the formula does not."""

import numpy as np
import pandas as pd
from made import pupils

from course import translate


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
    assert "another zero is another model" in notes("score ~ age + (age||school)", data)
    data["age"] -= 10
    assert "centre" not in notes("score ~ age + (age||school)", data)


def test_number_labels():
    data = pupils()
    data["school"] = data["school"].str[1:].astype(int)
    assert "C(school)" in notes("score ~ 1 + (1|school)", data)


def test_a_square_that_is_none():
    assert "I(age**2)" in notes("score ~ age**2 + (1|school)", pupils())
    assert "crosses" not in notes("score ~ I(age**2) + (1|school)", pupils())
