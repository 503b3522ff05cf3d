"""What a response may be beside a number with a normal residual: yes or no, so many of so many, how many.

Of yes or no the second label in order is the one counted (True; 1; "yes" after "no").
``cbind(passed, failed)`` and proportions with ``weights=`` become proportions of a number of trials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from course.design.columns import is_number
from course.design.matrices import Coding
from course.errors import CourseError
from course.formula.expressions import quoted_column
from course.formula.terms import Formula

NUMBER, YES_OR_NO, COUNT = "number", "yes or no", "count"
ROUNDING = 1e-6  # of a number of trials that were counted as a proportion
MOST_SHOWN = 6


@dataclass(frozen=True, eq=False)
class Response:
    """A response as numbers.

    Attributes
    ----------
    y : ndarray, shape (n,)
        Proportions, or counts.
    weights : ndarray of shape (n,), or None
        The trials of each proportion, prior weights of counts; None where all are 1.
    counted : (str, str) or None
        Of two labels the one that is counted, and the other.
    """

    y: np.ndarray
    weights: np.ndarray | None
    counted: tuple[str, str] | None = None


def read_response(
    kind: str,
    formula: Formula,
    coding: Coding,
    matrix: np.ndarray,
    weights: np.ndarray | None,
    index: pd.Index,
) -> Response:
    """The response of a model of yes or no, or of counts.

    Parameters
    ----------
    kind : {"yes or no", "count"}
    formula : Formula
    coding : Coding
        How patsy coded the response: labels have a column of 0 and 1 for each.
    matrix : ndarray, shape (n, columns)
    weights : ndarray of shape (n,), or None
        What ``weights=`` holds.
    index : Index
        Of the rows, for messages.

    Raises
    ------
    CourseError
        Where the response is not of this kind.
    """
    name = formula.response
    (factor,) = coding.info.factor_infos.values()
    labels = factor.type == "categorical"
    if is_pair(name):
        if kind == COUNT:
            raise CourseError(
                f'the response {name} counts successes out of a total: family="binomial" is for that'
            )
        return _pair(name, matrix, weights, index)
    if kind == COUNT:
        if labels:
            raise CourseError(
                f'the response {name} holds labels, and family="poisson" counts: 0, 1, 2, ... For two '
                'labels write family="binomial"'
            )
        return Response(_counts(name, matrix[:, 0], index), weights)
    if labels:
        levels = [str(level) for level in factor.categories]
        if len(levels) != 2:
            shown = ", ".join(map(repr, levels[:MOST_SHOWN]))
            more = ", ..." * (len(levels) > MOST_SHOWN)
            raise CourseError(
                f"the response {name} has {len(levels)} labels ({shown}{more}), but yes or no needs two: say "
                f"which of them count, as in ({name} == {levels[-1]!r}) before the ~"
            )
        kept = None if levels == ["False", "True"] else (levels[1], levels[0])
        return Response(
            matrix[:, -1].copy(), None if weights is None else _trials(weights, index), kept
        )
    return _proportions(name, matrix[:, 0], weights, index)


def refuse_one_answer(formula: Formula, columns: Mapping[str, pd.Series]) -> None:
    """Refuse a response of labels that are all the same."""
    column = columns.get(quoted_column(formula.response) or formula.response)
    if column is not None and not is_number(column) and column.nunique() == 1:
        raise CourseError(
            f"the response {formula.response} is {column.iloc[0]!r} in every row: there is nothing to explain"
        )


def is_pair(response: str) -> bool:
    """Whether it is ``cbind(passed, failed)``."""
    return response.startswith("cbind(")


def _pair(name: str, matrix: np.ndarray, weights: np.ndarray | None, index: pd.Index) -> Response:
    if weights is not None:
        raise CourseError(
            f"weights= beside {name}: the trials of a row are the sum of its two columns already"
        )
    for column in matrix.T:
        _counts(name, column, index)
    trials = matrix.sum(axis=1)
    if (trials == 0).any():
        raise CourseError(
            f"{name} is 0 and 0 in {(trials == 0).sum()} row(s), first at index "
            f"{index[(trials == 0).argmax()]!r}: a row without trials says nothing; leave it out"
        )
    return Response(matrix[:, 0] / trials, trials)


def _counts(name: str, y: np.ndarray, index: pd.Index) -> np.ndarray:
    """Whole numbers from 0."""
    if (y < 0).any():
        raise CourseError(
            f"{name} is negative in {(y < 0).sum()} row(s), first at index {index[(y < 0).argmax()]!r} "
            f"({y[(y < 0).argmax()]:g}): it counts something, so it cannot be below 0"
        )
    broken = y != np.rint(y)
    if broken.any():
        raise CourseError(
            f"{name} is not a whole number in {broken.sum()} row(s), first at index "
            f"{index[broken.argmax()]!r} ({y[broken.argmax()]:g}): give counts as they were counted; a rate "
            "becomes its count, with offset(np.log(exposure)) in the formula"
        )
    return y


def _trials(weights: np.ndarray, index: pd.Index) -> np.ndarray:
    """Weights as numbers of trials: whole numbers."""
    broken = weights != np.rint(weights)
    if broken.any():
        raise CourseError(
            f"weights= is not a whole number in {broken.sum()} row(s), first at index "
            f"{index[broken.argmax()]!r} ({weights[broken.argmax()]:g}): of proportions it holds how many "
            "trials each row had"
        )
    return weights


def _proportions(name: str, y: np.ndarray, weights: np.ndarray | None, index: pd.Index) -> Response:
    """0 and 1, or proportions of trials."""
    outside = (y < 0) | (y > 1)
    if outside.any():
        values = np.unique(y)
        if len(values) == 2:
            mend = (
                f"say which of {values[0]:g} and {values[1]:g} counts, as in "
                f"({name} == {values[1]:g}) before the ~"
            )
        else:
            mend = (
                "for counts out of a total write cbind(passed, failed) before the ~; for a number above a "
                f'mark, as in ({name} > {np.median(y):g}); for counts family="poisson"'
            )
        raise CourseError(
            f"the response {name} is neither yes nor no: {y[outside.argmax()]:g} at index "
            f"{index[outside.argmax()]!r}. 0 and 1, True and False, or two labels are: {mend}"
        )
    if weights is None:
        between = (y > 0) & (y < 1)
        if between.any():
            raise CourseError(
                f"the response {name} is a proportion ({y[between.argmax()]:g} at index "
                f"{index[between.argmax()]!r}): of how many trials? Write weights= with the column of their "
                "numbers, or cbind(passed, failed) before the ~"
            )
        return Response(y, None)
    trials = _trials(weights, index)
    counted = y * trials
    broken = np.abs(counted - np.rint(counted)) > ROUNDING * np.maximum(1, trials)
    if broken.any():
        raise CourseError(
            f"{name} times the trials in weights= is not a whole number in {broken.sum()} row(s), first at "
            f"index {index[broken.argmax()]!r} ({y[broken.argmax()]:g} of {trials[broken.argmax()]:g}): a "
            "proportion is a whole number of successes out of the trials"
        )
    return Response(np.rint(counted) / trials, trials)


def check_varies(response: Response, name: str) -> None:
    """Refuse a response that is the same in every row."""
    y = response.y
    if np.ptp(y) > 0:
        return
    shown = f"{y[0]:g}"
    if response.counted is not None:
        shown = repr(response.counted[0] if y[0] == 1 else response.counted[1])
    raise CourseError(f"the response {name} is {shown} in every row: there is nothing to explain")


def check_new_response(kind: str, y: np.ndarray, trials: np.ndarray | None, name: str) -> None:
    """Refuse another response of the same rows that is not of this kind."""
    index = pd.RangeIndex(len(y))
    if kind == COUNT:
        response = Response(_counts(name, y, index), trials)
    else:
        response = _proportions(name, y, np.ones(len(y)) if trials is None else trials, index)
    check_varies(response, name)
