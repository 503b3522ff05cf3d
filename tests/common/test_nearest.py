"""What a message suggests to somebody who wrote a name that is not there."""

import pytest

from course.common.arguments import unknown
from course.common.nearest import nearest

CHOICES = ["exam", "pupils", "repeated", "scotssec"]


@pytest.mark.parametrize(
    ("name", "names", "meant"),
    [
        ("AGE", ["age", "sex"], "age"),  # nothing in common but for the case
        ("agee", ["sex", "age"], "age"),
        ("shool", ["school", "scholar"], "school"),
        (2019, [2018, 20190], "20190"),
    ],
)
def test_a_name_of_the_data_is_suggested_in_another_case_or_much_alike(name, names, meant):
    assert nearest(name, names) == f"; did you mean '{meant}'?"


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("w", ["when", "where"]),  # a letter in common says nothing
        ("sex", ["sex[T.male]"]),
        ("ages", ["sage class"]),
        ("abcde", ["abfgh"]),  # alike by 0.4
        ("abcd", ["abefgh", "abxy"]),  # by 0.5, which is enough among choices
        ("", ["age"]),
        ("age", []),
    ],
)
def test_no_name_of_the_data_is_suggested_for_less(name, names):
    assert nearest(name, names) == ""


@pytest.mark.parametrize(
    ("name", "choices", "meant"),
    [
        ("pupil", CHOICES, "pupils"),
        ("Exam", CHOICES, "exam"),
        ("abcd", ["abefgh", "abxy"], "abxy"),  # alike by 0.5
        ("w", ["when", "where"], "when"),  # by 0.4, and begins with it
        ("sco", CHOICES, "scotssec"),
        ("sex", ["age", "sex[T.male]"], "sex[T.male]"),
    ],
)
def test_a_choice_is_suggested_when_half_alike_or_begun(name, choices, meant):
    assert str(unknown(name, choices, "choice")).startswith(
        f"no choice {name!r}; did you mean {meant!r}? There are: "
    )


@pytest.mark.parametrize("name", ["income", "ec", "EXAM"])
def test_no_choice_is_suggested_for_less_but_all_are_told(name):
    told = "there are: 'exam', 'pupils', 'repeated', 'scotssec'"
    assert str(unknown(name, CHOICES, "choice")) == f"no choice {name!r}; {told}"
