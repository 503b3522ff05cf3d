"""What an exercise asks for, a number, a letter or a model: how an answer is read and compared."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from course.errors import CourseError
from course.formula.parse import parse_formula

WORDS_AFTER = r"(?P<unit>%|per ?cent|[^\W\d][^\d]*)?"  # "12 points", "31 %"
NUMBER = re.compile(rf"(?P<number>[+-]?(?:\d[\d,. ]*|[.,]\d+)(?:e[+-]?\d+)?)\s*{WORDS_AFTER}", re.I)
# 2,494 and 1,234.5, as the course prints them
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
DECIMALS = ("a whole number", "one decimal", "two decimals", "three decimals")
MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u00a0": " ", "\u2009": " ", "\u202f": " "})


@dataclass(frozen=True)
class Number:
    """An answer that is one number, right if it is so to ``decimals`` places.

    Where the right answer is a whole number, as a count is, nothing but that number is right.
    """

    decimals: int

    def read(self, answer: Any) -> float:
        """One float from anything that holds exactly one number."""
        value = _only(answer)
        if isinstance(value, str):
            value = _from_text(value)
        if isinstance(value, bool | np.bool_):
            raise CourseError(f"this asks for a number, and you gave {value}.")
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise CourseError(
                f"this asks for one number, and you gave {kind_in_words(answer)}."
            ) from None
        if not math.isfinite(number):
            raise CourseError(f"your answer is {number}; a step before it went wrong.")
        return number

    def same(self, answer: float, other: float, frame: pd.DataFrame | None = None) -> bool:
        """Whether one may be the other, rounded."""
        if isinstance(other, int | np.integer):
            return abs(answer - other) <= 1e-6 * max(abs(other), 1)
        # Half a unit of the last place is what rounding may do; the rest is floating point. Two numbers that
        # round to the same are the same, too.
        near = abs(answer - other) <= 0.5 * 10.0**-self.decimals + 1e-6 * abs(other)
        return near or round(answer, self.decimals) == round(float(other), self.decimals)

    def exactly(self, answer: float, other: float) -> bool:
        """Whether one is the other to more digits than were asked for."""
        return abs(answer - other) <= 1e-6 * abs(other)

    def is_percentage(self, answer: float, expected: float) -> bool:
        """Whether it is the right share, between 0 and 1, given in per cent."""
        return 0 < expected < 1 and self.same(answer / 100, expected)

    def remark(self, answer: float, expected: float, frame: pd.DataFrame | None) -> str | None:
        """What to say in front of the hint of an answer that is no known slip."""
        if isinstance(expected, int | np.integer):
            whole = abs(answer - round(answer)) < 1e-6
            return None if whole else "this is a count, and a count is a whole number."
        if abs(answer - expected) > 2.5 * 10.0**-self.decimals:
            return None
        places = f"to {DECIMALS[self.decimals]}"
        return (
            "that is near, but it is another number. If you rounded on the way, keep all digits until the "
            f"end, and round only the answer ({places}). If not, here is a hint:"
        )


@dataclass(frozen=True)
class Choice:
    """An answer that is one of some letters."""

    letters: str

    def read(self, answer: Any) -> str:
        """One lower-case letter from forms such as ``"B"``, ``" (b) "``, ``"b)"`` and ``"b) the words"``."""
        text = str(_only(answer)).strip()
        if match := re.match(r"\(?(\w)\)\s", text):
            text = match[1]
        letter = text.strip(" ().:").lower()
        if len(letter) != 1 or letter not in self.letters:
            raise CourseError(f"answer with one letter of {', '.join(self.letters)}, in quotes.")
        return letter

    def same(self, answer: str, other: str, frame: pd.DataFrame | None = None) -> bool:
        """Whether it is the same letter."""
        return answer == other

    def remark(self, answer: str, expected: str, frame: pd.DataFrame | None) -> None:
        """There is nothing to say of a letter but the hint."""


@dataclass(frozen=True)
class Model:
    """An answer that is a model formula, in any order, spacing and spelling.

    Attributes
    ----------
    table : str
        The data, of those that :class:`course.exercises.exercise.Data` has, that formulas are compared on.
    """

    table: str

    def read(self, answer: Any) -> str:
        """The formula as it was written, once it is one."""
        text = _only(answer)
        if not isinstance(text, str):
            raise CourseError(f"answer with a formula in quotes; you gave {kind_in_words(answer)}.")
        try:
            parse_formula(text)
        except CourseError as error:
            raise CourseError(f"{error}.") from None
        return text

    def same(
        self, answer: str, other: str | tuple[str, ...], frame: pd.DataFrame | None = None
    ) -> bool:
        """Whether it says the same as the other, or as one of the others."""
        # here, since it builds designs, and checks of numbers need none
        from course.exercises.same_model import same_model

        others = (other,) if isinstance(other, str) else other
        return any(same_model(answer, text, frame) for text in others)

    def remark(
        self, answer: str, expected: str | tuple[str, ...], frame: pd.DataFrame | None
    ) -> str | None:
        """Why the formula does not fit the data, where it does not."""
        from course.exercises.same_model import design_of

        if frame is None:
            return None
        try:
            design_of(answer, frame)
        except CourseError as error:
            text = str(error).rstrip(".")
            return text if text.endswith("?") else f"{text}."
        return None


def _only(answer: Any) -> Any:
    """The one value that a container holds, once or in all its places; anything else as it is."""
    if isinstance(answer, Mapping):
        answer = list(answer.values())
    several = pd.DataFrame | pd.Series | pd.Index | list | tuple | set | np.ndarray
    if isinstance(answer, several | pd.api.extensions.ExtensionArray):
        values = list(answer) if isinstance(answer, set) else np.asarray(answer, dtype=object)
        values = np.ravel(values)
        if len(values) > 1 and all(type(v) is type(values[0]) and v == values[0] for v in values):
            return values[0]
        if len(values) != 1:
            raise CourseError(
                f"this asks for one value, and you gave {kind_in_words(answer)} of {len(values)}; "
                "pick the one, for example with .loc[row, column]."
            )
        return values[0]
    return answer


def _from_text(text: str) -> float | str:
    """A number written as text, such as '31 %', '2,494', '0,5' and '12 points', with any minus."""
    match = NUMBER.fullmatch(text.translate(MINUS).strip())
    if match is None:
        return text
    bare, unit = match["number"].replace(" ", ""), (match["unit"] or "").lower()
    bare = bare.replace(",", "") if THOUSANDS.fullmatch(bare) else bare.replace(",", ".")
    try:
        number = float(bare)
    except ValueError:
        return text
    return number / 100 if unit.startswith(("%", "per cent", "percent")) else number


NAMES = (
    (type(None), "nothing (None)"),
    (bool, "True or False"),
    (str, "text"),
    (pd.DataFrame, "a DataFrame"),
    (pd.Series, "a Series"),
    (pd.Index, "an Index"),
    (Mapping, "a dictionary"),
    (list, "a list"),
    (tuple, "a tuple"),
    (set, "a set"),
    (np.ndarray | pd.api.extensions.ExtensionArray, "an array"),
    (type, "a class"),
    (ModuleType, "a module"),
)


def kind_in_words(answer: Any) -> str:
    """``a list``, or ``the text 'abc'``: what an answer is, for a message.

    Examples
    --------
    >>> kind_in_words(pd.array(["a", "b"])), kind_in_words(None), kind_in_words([1].count)
    ('an array', 'nothing (None)', 'a function that was not called (write parentheses after it)')
    """
    if isinstance(answer, str):
        return f"the text {answer!r}"
    for of_kind, words in NAMES:
        if isinstance(answer, of_kind):
            return words
    if callable(answer):
        return "a function that was not called (write parentheses after it)"
    name = type(answer).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
