"""The mechanism of the checks; the exercises of a lesson have tests of their own below it."""

import numpy as np
import pandas as pd
import pytest

from course import exercises
from course.errors import CourseError
from course.exercises import Choice, Data, Exercise, Model, Number, Slip, judge

FRAME = pd.DataFrame({"score": [10.0, 12.0, 17.0]})
MEAN = Exercise(
    id="99.1",
    question="What is the mean score?",
    kind=Number(decimals=2),
    expected=lambda data: data["tiny"]["score"].mean(),
    because="It is the sum over the count.",
    hint="Add them up first.",
    slips=(Slip(lambda data: data["tiny"]["score"].median(), "that is the median."),),
)


@pytest.fixture
def data():
    data = Data()
    data.replace("tiny", FRAME)
    return data


@pytest.mark.parametrize(
    "answer",
    [
        13,
        13.0,
        "13",
        " 13.004 ",
        "13,0",
        12.996,
        np.float32(13),
        np.int64(13),
        np.array(13.0),
        np.array([[13.0]]),
        pd.Series([13.0], index=["x"]),
        pd.DataFrame({"a": [13.0]}),
        pd.Index([13]),
        {"mean": 13.0},
        {"mean": [13.0]},
        [13.0],
        (13,),
        {13},
    ],
    ids=repr,
)
def test_any_reasonable_form_of_a_number_is_read(answer, data):
    verdict = judge(MEAN, answer, data)
    assert verdict.right, verdict.message
    assert verdict.message == "99.1 is right. It is the sum over the count."


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (12, "that is the median."),
        (12.98, "Very near. Keep all decimals"),
        (14, "Add them up first."),
        ("about thirteen", "this asks for one number, and you gave the text 'about thirteen'"),
        (None, "one number, and you gave a NoneType"),
        (True, "asks for a number, and you gave True"),
        (float("nan"), "your answer is nan"),
        (pd.NA, "one number"),
        (FRAME["score"], "you gave a Series of 3; pick the one"),
        ([], "you gave a list of 0"),
        (FRAME, "you gave a DataFrame of 3"),
        (print, "one number"),
        (1 + 2j, "one number"),
    ],
)
def test_what_is_not_right_gets_a_hint(answer, says, data):
    verdict = judge(MEAN, answer, data)
    assert verdict.right is False
    assert verdict.message.startswith("99.1 not yet: ")
    assert says in verdict.message
    assert "13" not in verdict.message.replace("thirteen", "")


@pytest.mark.parametrize("answer", [..., [...], (..., ...), {"mean": ...}], ids=repr)
def test_no_answer_is_no_mistake(answer, data):
    verdict = judge(MEAN, answer, data)
    assert verdict.right is None
    assert verdict.message == (
        "99.1 is waiting: What is the mean score? Replace the ... and run again."
    )


def test_answers_follow_the_data(data):
    data.replace("tiny", FRAME + 100)
    assert judge(MEAN, 113, data).right
    assert not judge(MEAN, 13, data).right


def test_later_changes_to_a_frame_do_not_move_the_answer(data):
    own = FRAME.copy()
    data.replace("tiny", own)
    own["score"] = 0.0
    assert judge(MEAN, 13, data).right


def test_a_known_slip_that_happens_to_be_right_is_right():
    data = Data()
    data.replace("tiny", pd.DataFrame({"score": [1.0, 2.0, 3.0]}))
    assert judge(MEAN, 2, data).right


@pytest.mark.parametrize(
    ("answer", "expected"), [("31 %", 0.31), ("31%", 0.31), ("0,31", 0.31), ("-2.5", -2.5)]
)
def test_numbers_as_text(answer, expected):
    assert Number(2).read(answer) == pytest.approx(expected)


def test_rounding_is_what_was_asked_for_and_no_more():
    kind = Number(decimals=1)
    assert kind.same(2.3, 2.3499) and kind.same(2.35, 2.3)
    assert not kind.same(2.36, 2.3)


@pytest.mark.parametrize("answer", ["b", "B", " b) ", "(b)", "b.", ["B"], pd.Series(["b"])])
def test_any_reasonable_form_of_a_choice_is_read(answer):
    assert Choice("abc").read(answer) == "b"


@pytest.mark.parametrize("answer", ["d", "", "ab", 2, None, True])
def test_no_choice(answer):
    with pytest.raises(CourseError, match="one letter of a, b, c"):
        Choice("abc").read(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "y ~ age + sex + (1|school) + (1|province)",
        "y~sex+age+(1|province)+( 1 | school )",
        "y ~ 1 + age + sex + (1 || school) + (1|province)",
    ],
)
def test_a_formula_may_be_written_in_any_order(answer):
    kind = Model()
    target = "y ~ age + sex + (1|school) + (1|province)"
    assert kind.same(kind.read(answer), target)
    assert kind.same(kind.read(answer), ("y ~ 1 + (1|school)", target))


@pytest.mark.parametrize(
    "other",
    [
        "y ~ age + (1|school) + (1|province)",
        "y ~ age + sex + (1|school)",
        "y ~ age + sex + (age|school) + (1|province)",
        "z ~ age + sex + (1|school) + (1|province)",
        "y ~ age + sex + (1|school:province)",
    ],
)
def test_other_formulas_are_other_models(other):
    assert not Model().same(other, "y ~ age + sex + (1|school) + (1|province)")


def test_correlated_and_uncorrelated_slopes_differ():
    assert not Model().same("y ~ x + (x||g)", "y ~ x + (x|g)")


def test_a_formula_that_is_none_gets_the_reason():
    with pytest.raises(CourseError, match="bar outside parentheses"):
        Model().read("y ~ age + 1|school")
    with pytest.raises(CourseError, match="formula in quotes; you gave a int"):
        Model().read(3)


def test_an_unknown_id_names_the_nearest():
    with pytest.raises(CourseError, match=r"no exercise '2\.3'; did you mean '02\.3'"):
        exercises.check("2.3", 1)
    with pytest.raises(CourseError, match="did you mean"):
        exercises.check(3, 1)


def test_check_prints_and_returns_nothing(capsys):
    assert exercises.check("02.1", ...) is None
    assert capsys.readouterr().out.startswith("02.1 is waiting: ")


def test_use_wants_frames():
    with pytest.raises(CourseError, match=r"use\(pupils=...\) takes a DataFrame, not a dict"):
        exercises.use(pupils={})
