"""What a learner calls, `check` and `use`, and where the exercises of all lessons are found."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from course.common.nearest import closest
from course.errors import CourseError
from course.exercises.exercise import Data, Exercise, Verdict, judge
from course.exercises.kinds import kind_in_words

_data = Data()


def use(**frames: pd.DataFrame) -> None:
    """Compute the right answers from these data, by name, instead of those shipped.

    Examples
    --------
    >>> from course import load, simulate_schools
    >>> use(pupils=simulate_schools(seed=2031).data)
    >>> use(pupils=load("pupils"))  # back to those of the course
    """
    from course.design.columns import check_frame  # in here: `check` needs no patsy

    for name, frame in frames.items():
        try:
            _data.replace(name, check_frame(frame))
        except CourseError as error:
            raise CourseError(
                f"use({name}=...) takes a DataFrame, not {kind_in_words(frame)}."
            ) from error


def check(id: str, answer: Any) -> None:
    """Say whether an answer is right; if not, give a hint.

    Parameters
    ----------
    id : str
        The number of the exercise, such as ``"02.3"``.
    answer : object
        Any reasonable form: a number, text, a pandas or NumPy scalar; a Series, array, list, dict
        or DataFrame that holds exactly one value. ``...`` means: not answered yet.

    Raises
    ------
    CourseError
        If there is no exercise of that number.

    See Also
    --------
    load : The data that the exercises are about.
    simulate_schools : Pupils for exercises of your own.

    Examples
    --------
    >>> check("02.1", ...)
    02.1 is waiting: How many columns ...
    >>> check("02.1", 189)
    02.1 not yet: one too few. Dummy variables in OLS leave out a reference level. ...
    """
    _show(judge(find(id), answer, _data))


def _show(verdict: Verdict) -> None:
    """Print it; in a notebook, right and wrong have colours and signs."""
    ipython = sys.modules.get("IPython")
    if verdict.right is None or ipython is None or ipython.get_ipython() is None:
        print(verdict.message)
    else:
        from IPython.display import display

        display(verdict)


def find(id: str) -> Exercise:
    """The exercise of that number.

    Raises
    ------
    CourseError
        If there is none; the message names the nearest.
    """
    exercises = all_exercises()
    if id in exercises:
        return exercises[id]
    padded = f"0{id}"  # "2.3" is more like "12.3", and "02.3" is meant
    meant = padded if padded in exercises else closest(id, exercises, least=0.0)
    raise CourseError(f"there is no exercise {id!r}; did you mean {meant!r}?")


@functools.cache
def all_exercises() -> dict[str, Exercise]:
    """All exercises of all lessons, by id, in order."""
    folder = [str(Path(__file__).parent)]
    names = sorted(module.name for module in pkgutil.iter_modules(folder))
    return {
        exercise.id: exercise
        for name in names
        if name.startswith("lesson_")
        for exercise in importlib.import_module(f"course.exercises.{name}").EXERCISES
    }
