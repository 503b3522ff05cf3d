"""An exercise, how an answer to it is read and compared, and the verdict.

**How the right answer is known.** No answer is stored. Every exercise computes its own from the
data of the lesson, at the moment of the check. The data are those that the package ships, unless
the lesson says otherwise::

    pupils = simulate_schools(seed=2031).data
    use(pupils=pupils)        # from here on, the answers are those of these pupils

So an instructor who gives every learner a seed of their own changes these two lines, and all checks
of the lesson still hold.

**Where exercises live.** The exercises of lesson 02 are ``EXERCISES`` in
``course/exercises/lesson_02.py``, and so on. Each says how to read an answer (a :class:`Number`, a
:class:`Choice` or a :class:`Model`), how to compute the right one, and how to compute the wrong ones
that people arrive at, each with a hint. Learners call :func:`course.exercises.check.check`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from course.errors import CourseError
from course.formula.parse import effect_terms, parse_formula


class Data:
    """The data sets that answers are computed from, and the fits made on them.

    ``data["pupils"]`` is a data frame; ``data.fit(formula, "pupils")`` a fit, made once.
    """

    def __init__(self) -> None:
        self._frames: dict[str, pd.DataFrame] = {}
        self._fits: dict[tuple[str, str, str], Any] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            from course.data.sets import DATA_SETS, load

            if name not in DATA_SETS:
                raise CourseError(
                    f"this check needs your data {name!r}: run the cell that says use(...) first"
                )
            self._frames[name] = load(name)
        return self._frames[name]

    def replace(self, name: str, frame: pd.DataFrame) -> None:
        """Compute from this frame from now on; a copy, so later changes to it do not matter."""
        self._frames[name] = frame.copy()
        self._fits = {key: fit for key, fit in self._fits.items() if key[1] != name}

    def fit(self, formula: str, name: str, family: str = "gaussian") -> Any:
        """The fit of a formula to one of the data sets: REML, or Laplace's of another family."""
        key = (formula, name, family)
        if key not in self._fits:
            from course.fit.from_formula import mixedlm
            from course.fit.generalised_from_formula import mixedglm

            if family == "gaussian":
                self._fits[key] = mixedlm(formula, self[name]).fit()
            else:
                self._fits[key] = mixedglm(formula, self[name], family=family).fit()
        return self._fits[key]


@dataclass(frozen=True)
class Number:
    """An answer that is one number, right if it is so to ``decimals`` places."""

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

    def same(self, answer: float, other: float) -> bool:
        """Whether one may be the other, rounded."""
        # Half a unit of the last place is what rounding may do; the rest is floating point.
        return abs(answer - other) <= 0.5 * 10.0**-self.decimals + 1e-6 * abs(other)

    def nearly(self, answer: float, expected: float) -> str | None:
        """A remark for an answer that is off by the rounding of steps before the last."""
        if self.decimals == 0 or abs(answer - expected) > 2.5 * 10.0**-self.decimals:
            return None  # a count is right or wrong
        return (
            "Very near. Keep all decimals until the last step, "
            f"and round only the answer (to {self.decimals})."
        )


@dataclass(frozen=True)
class Choice:
    """An answer that is one of some letters."""

    letters: str

    def read(self, answer: Any) -> str:
        """One lower-case letter from forms such as ``"B"``, ``" (b) "`` and ``"b)"``."""
        letter = str(_only(answer)).strip(" ().:").lower()
        if len(letter) != 1 or letter not in self.letters:
            raise CourseError(f"answer with one letter of {', '.join(self.letters)}, in quotes.")
        return letter

    def same(self, answer: str, other: str) -> bool:
        """Whether it is the same letter."""
        return answer == other

    def nearly(self, answer: str, expected: str) -> None:
        """A letter is never nearly right."""


@dataclass(frozen=True)
class Model:
    """An answer that is a model formula, in any order and spacing."""

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

    def same(self, answer: str, other: str | tuple[str, ...]) -> bool:
        """Whether it says the same as the other, or as one of the others."""
        others = (other,) if isinstance(other, str) else other
        return _meaning(answer) in [_meaning(text) for text in others]

    def nearly(self, answer: str, expected: str) -> None:
        """A model is never nearly right."""


Kind = Number | Choice | Model


@dataclass(frozen=True)
class Slip:
    """A wrong answer that people arrive at, computed as they do, and the hint for it."""

    wrong: Callable[[Data], Any]
    hint: str


@dataclass(frozen=True)
class Exercise:
    """One question of a lesson.

    Attributes
    ----------
    id : str
        Lesson and number, such as ``"02.3"``.
    question : str
        The question in one sentence.
    kind : Number, Choice or Model
        How an answer is read and compared.
    expected : callable
        Takes the :class:`Data`, returns the right answer.
    because : str
        Why the right answer is right; shown with it.
    hint : str
        Where to look, for a wrong answer that is no known slip.
    slips : tuple of Slip
        Known slips; the first that matches is told.
    """

    id: str
    question: str
    kind: Kind
    expected: Callable[[Data], Any]
    because: str
    hint: str
    slips: tuple[Slip, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What there is to say about an answer; ``right`` is None where there was none."""

    right: bool | None
    message: str


def judge(exercise: Exercise, answer: Any, data: Data) -> Verdict:
    """The verdict that :func:`check` prints."""
    if _is_unanswered(answer):
        return Verdict(
            None, f"{exercise.id} is waiting: {exercise.question} Replace the ... and run again."
        )
    try:
        given: Any = exercise.kind.read(answer)
    except CourseError as error:
        return Verdict(False, f"{exercise.id} not yet: {error}")
    expected = exercise.expected(data)
    if exercise.kind.same(given, expected):
        return Verdict(True, f"{exercise.id} is right. {exercise.because}")
    for slip in exercise.slips:
        if exercise.kind.same(given, slip.wrong(data)):
            return Verdict(False, f"{exercise.id} not yet: {slip.hint}")
    hint = exercise.kind.nearly(given, expected) or exercise.hint
    return Verdict(False, f"{exercise.id} not yet: {hint}")


def _is_unanswered(answer: Any) -> bool:
    if isinstance(answer, Mapping):
        answer = list(answer.values())
    return answer is ... or (isinstance(answer, list | tuple) and any(a is ... for a in answer))


def _only(answer: Any) -> Any:
    """The one value that a container holds; anything else as it is."""
    if isinstance(answer, Mapping):
        answer = list(answer.values())
    if isinstance(answer, pd.DataFrame | pd.Series | pd.Index | list | tuple | set | np.ndarray):
        values = list(answer) if isinstance(answer, set) else np.asarray(answer, dtype=object)
        values = np.ravel(values)
        if len(values) != 1:
            raise CourseError(
                f"this asks for one value, and you gave {kind_in_words(answer)} of {len(values)}; "
                "pick the one, for example with .loc[row, column]."
            )
        return values[0]
    return answer


def _from_text(text: str) -> float | str:
    """A number written as text; '31 %' and a decimal comma are understood."""
    bare = text.strip().replace(",", ".")
    percent = bare.endswith("%")
    try:
        number = float(bare.rstrip("% "))
    except ValueError:
        return text
    return number / 100 if percent else number


def kind_in_words(answer: Any) -> str:
    """``a list``, or ``the text 'abc'``: what an answer is, for a message."""
    return f"a {type(answer).__name__}" if not isinstance(answer, str) else f"the text {answer!r}"


def _meaning(text: str) -> tuple:
    """What a formula says, whatever the order of its terms."""
    formula = parse_formula(text)
    random = {
        (frozenset(term.group), names, term.correlated or len(names) == 1)
        for term in formula.random
        for names in [frozenset(effect.name() for effect in effect_terms(term.effects))]
    }
    fixed = frozenset(effect.name() for effect in effect_terms(formula.fixed))
    return formula.response, fixed, frozenset(random), formula.offset.replace(" ", "")
