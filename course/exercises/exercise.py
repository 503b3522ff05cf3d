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

import functools
import html
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

import pandas as pd

from course.errors import CourseError
from course.exercises.kinds import Choice, Model, Number
from course.exercises.made_up import STUDIES

P = ParamSpec("P")
T = TypeVar("T")


def once(compute: Callable[Concatenate[Data, P], T]) -> Callable[Concatenate[Data, P], T]:
    """Compute something from the data once, and again only where other data have taken their place.

    Nobody should wait for a hint because the answer and five slips each make the same fit.
    """
    signature = inspect.signature(compute)

    @functools.wraps(compute)
    def kept(data: Data, *args: P.args, **keywords: P.kwargs) -> T:
        asked = signature.bind(data, *args, **keywords)
        asked.apply_defaults()
        key = (compute, *list(asked.arguments.values())[1:])
        if key not in data.computed:
            data.computed[key] = compute(data, *args, **keywords)
        return data.computed[key]

    return kept


class Data:
    """The data sets that answers are computed from, and what has been computed from them.

    ``data["pupils"]`` is a data frame; ``data.fit(formula, "pupils")`` a fit, made once.
    """

    def __init__(self) -> None:
        self._frames: dict[str, pd.DataFrame] = {}
        self.computed: dict[tuple, Any] = {}  # kept by `once`

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            from course.data.sets import DATA_SETS, load

            if name in STUDIES:
                self._frames[name] = STUDIES[name]()
            elif name in DATA_SETS:
                self._frames[name] = load(name)
            else:
                raise CourseError(
                    f"this check needs your data {name!r}: run the cell that says use(...) first"
                )
        return self._frames[name]

    def replace(self, name: str, frame: pd.DataFrame) -> None:
        """Compute from this frame from now on; a copy, so later changes to it do not matter."""
        self._frames[name] = frame.copy()
        self.computed.clear()

    @once
    def fit(self, formula: str, name: str, family: str = "gaussian") -> Any:
        """The fit of a formula to one of the data sets: REML, or Laplace's of another family."""
        from course.fit.from_formula import mixedlm
        from course.fit.generalised_from_formula import mixedglm

        if family == "gaussian":
            return mixedlm(formula, self[name]).fit()
        return mixedglm(formula, self[name], family=family).fit()


Kind = Number | Choice | Model


@dataclass(frozen=True)
class Slip:
    """A wrong answer that people arrive at, computed as they do, and the hint for it."""

    wrong: Callable[[Data], Any]
    hint: str


@dataclass(frozen=True)
class Also:
    """Another answer that is right, a more exact one say, and what to say of it.

    Attributes
    ----------
    right : callable
        Takes the :class:`Data`, returns the answer.
    because : str
    within : float
        How far from it an answer may be, as where it comes from a simulation of one's own.
    """

    right: Callable[[Data], Any]
    because: str
    within: float = 0.0

    def holds(self, kind: Kind, answer: Any, data: Data) -> bool:
        """Whether an answer is this one."""
        right = self.right(data)
        return kind.same(answer, right) or bool(self.within and abs(answer - right) <= self.within)


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
    also : tuple of Also
        Other right answers.
    """

    id: str
    question: str
    kind: Kind
    expected: Callable[[Data], Any]
    because: str
    hint: str
    slips: tuple[Slip, ...] = ()
    also: tuple[Also, ...] = ()


NO_PERCENTAGE = "write it as a number between 0 and 1, not as a percentage."

# A sign and a colour for right and for not yet; the sign is what tells them apart in grey.
LOOKS = {True: ("\u2713", "#029e73"), False: ("\u2717", "#d55e00")}


@dataclass(frozen=True)
class Verdict:
    """What there is to say about an answer; ``right`` is None where there was none."""

    right: bool | None
    message: str

    def __repr__(self) -> str:
        return self.message

    def _repr_html_(self) -> str | None:
        if self.right is None:
            return None
        sign, colour = LOOKS[self.right]
        bar = f"border-left: 4px solid {colour}; padding: 0.2em 0.8em"
        mark = f'<span aria-hidden="true" style="color: {colour}; font-weight: bold">{sign}</span>'
        return f'<div style="{bar}">{mark} {html.escape(self.message)}</div>'


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
    kind, expected = exercise.kind, exercise.expected(data)
    frame = data[kind.table] if isinstance(kind, Model) else None
    right = kind.same(given, expected, frame)
    slips = exercise.slips
    if isinstance(kind, Number) and not kind.exactly(given, expected):
        exact = [slip for slip in slips if kind.exactly(given, slip.wrong(data))]
        if exact:
            # rounded it may be a right answer; with all its digits it is a slip that comes near
            right = right and given == round(given, kind.decimals)
            slips = tuple(exact)
    if right:
        return Verdict(True, f"{exercise.id} is right. {exercise.because}")
    for also in exercise.also if slips is exercise.slips else ():
        if also.holds(kind, given, data):
            return Verdict(True, f"{exercise.id} is right. {also.because}")
    for slip in slips:
        if kind.same(given, slip.wrong(data), frame):
            return Verdict(False, f"{exercise.id} not yet: {slip.hint}")
    if isinstance(kind, Number) and kind.is_percentage(given, expected):
        return Verdict(False, f"{exercise.id} not yet: {NO_PERCENTAGE}")
    remark = kind.remark(given, expected, frame)
    hint = exercise.hint
    if remark is not None:
        after_sentence = remark.endswith((".", "?"))
        hint = f"{remark} {hint[:1].upper() + hint[1:] if after_sentence else hint}"
    return Verdict(False, f"{exercise.id} not yet: {hint}")


def _is_unanswered(answer: Any) -> bool:
    if isinstance(answer, Mapping):
        answer = list(answer.values())
    return answer is ... or (isinstance(answer, list | tuple) and any(a is ... for a in answer))
