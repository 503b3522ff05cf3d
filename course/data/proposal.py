"""A first formula for a table, from how its groups lie, with a reason for each decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from course.data.structure import (
    Structure,
    guessed_groups,
    named,
    other_reading,
    restarts_in,
    structure,
)
from course.errors import CourseError
from course.formula.terms import as_written


@dataclass(frozen=True, eq=False)
class Proposal:
    """A formula to begin with, and why.

    Attributes
    ----------
    formula : str
        To be handed to ``mixedlm``.
    reasons : list of str
        One for each decision.
    slopes : list of str
        Terms with random slopes that the data could support, largest groups last; choose by the question.
    structure : Structure
        What it goes by.

    See Also
    --------
    course.propose : Makes it.
    course.mixedlm : Takes its formula.

    Examples
    --------
    >>> from course import load, mixedlm, propose
    >>> exam = load("exam")
    >>> first = propose(exam, "normexam", ["standLRT"], groups=["school"])
    >>> first.slopes
    ['(standLRT | school)']
    >>> mixedlm(first.formula, exam)
    <MixedModel normexam ~ standLRT + (1 | school), 4,059 rows>
    """

    formula: str
    reasons: list[str]
    slopes: list[str]
    structure: Structure

    def __repr__(self) -> str:
        lines = [self.formula, "", *(f"- {reason}" for reason in self.reasons)]
        if self.slopes:
            lines += ["", f"Slopes that could vary: {', '.join(self.slopes)}"]
        return "\n".join(lines)


def propose(
    data: pd.DataFrame,
    response: str,
    predictors: Sequence[str] = (),
    groups: Sequence[str] | None = None,
) -> Proposal:
    """A first formula for these data: random intercepts for every level that can have one.

    Parameters
    ----------
    data : DataFrame
        One row per observation.
    response : str
        The column to be explained.
    predictors : list of str
        Columns of the fixed part.
    groups : list of str, optional
        As in `structure`.

    Returns
    -------
    Proposal
        Prints the formula and its reasons.

    Raises
    ------
    CourseError
        As `structure`, and for a response that is not numeric.

    See Also
    --------
    structure : The groups that it goes by.
    mixedlm : Takes the formula.
    translate : Says what a formula means.

    Examples
    --------
    >>> from course import load
    >>> propose(load("pupils"), "test_score", ["age", "sex"])
    test_score ~ age + sex + (1 | classroom) + (1 | school) + (1 | province)
    <BLANKLINE>
    - (1 | province): 12 levels.
    - (1 | school): 60 levels.
    - (1 | classroom): 190 levels.
    - student_id has one row per level: what is special to it is the residual. No term.
    <BLANKLINE>
    Slopes that could vary: (age | classroom), (age | school), (age | province)
    """
    from course.design.columns import check_frame, find_columns, is_number
    from course.design.groups import FEW_LEVELS

    data = check_frame(data)
    predictors = named(predictors)
    _check_response(find_columns(data, [response, *predictors])[response], response)
    if groups is None:
        taken = {response, *predictors}
        groups = [name for name in guessed_groups(data) if name not in taken]
    complete = data.dropna(subset=[response, *predictors])
    lies = structure(complete, groups)
    fixed, random, reasons = [as_written(name) for name in predictors], [], []
    for name, row in lies.groups.iterrows():
        above = restarts_in(name, lies.relations)
        if reason := _no_term(name, row, lies.relations):
            reasons.append(reason)
        elif row["levels"] < FEW_LEVELS and not above:
            fixed.append(f"C({as_written(name)})" if is_number(data[name]) else as_written(name))
            reasons.append(
                f"{name} has {row['levels']} levels, too few for a variance: put it into the fixed part."
            )
        else:
            term = _random_term(complete, [*above, name])
            random.append(term)
            reasons.append(f"(1 | {term.group}): {_why(term, lies.undecided)}.")
    if not random:
        raise CourseError(
            f"none of {', '.join(lies.groups.index)} can have a random intercept: each has one row per "
            f"level, or fewer than {FEW_LEVELS} levels. An ordinary regression is enough"
        )
    random.sort(key=lambda term: -term.n_groups)
    terms = [*(fixed or ["1"]), *(f"(1 | {term.group})" for term in random)]
    slopes = [
        f"({as_written(x)} | {term.group})"
        for x in predictors
        if is_number(data[x])
        for term in random
        if _varies_within(complete, x, term.columns)
    ]
    return Proposal(f"{as_written(response)} ~ {' + '.join(terms)}", reasons, slopes, lies)


# -- terms -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _RandomTerm:
    """A random intercept to propose: by the last of the columns, inside those before it."""

    columns: list[str]
    group: str  # as a formula has it
    n_groups: int


def _random_term(data: pd.DataFrame, columns: list[str]) -> _RandomTerm:
    n_groups = data.groupby(columns, observed=True).ngroups
    return _RandomTerm(columns, ":".join(as_written(column) for column in columns), n_groups)


def _check_response(column: pd.Series, name: str) -> None:
    if not pd.api.types.is_numeric_dtype(column):
        raise CourseError(
            f"the response '{name}' holds {column.dtype}, not numbers: "
            "convert it with pd.to_numeric, or choose another column"
        )


def _no_term(name: str, row: pd.Series, relations: pd.DataFrame) -> str:
    """Why a grouping column gets no term at all; empty where it may get one."""
    if row["most"] == 1:
        return f"{name} has one row per level: what is special to it is the residual. No term."
    same = relations[(relations["how"] == "the same") & (relations["group"] == name)]
    if len(same):
        return f"{name} and {same['in'].iloc[-1]} are the same groups: one term for both."
    return ""


def _why(term: _RandomTerm, undecided: list[tuple[str, str]]) -> str:
    """What speaks for a random intercept, and how else its labels may be read."""
    *above, name = term.columns
    reason = f"{term.n_groups:,} levels"
    if above:
        reason += f"; the labels of {name} are used again in every {above[-1]}"
    for outer in above:
        if (name, outer) in undecided:
            reason += f"; {other_reading(name, outer)}"
    return reason


def _varies_within(data: pd.DataFrame, x: str, columns: list[str]) -> bool:
    """Whether most groups have rows enough, at different values, to show a slope."""
    by_level = data.groupby(columns, observed=True)[x]
    return bool((by_level.nunique().median() > 1) and by_level.size().median() >= 3)
