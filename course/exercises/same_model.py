"""Whether two formulas are the same model: what they span on a table, however they are spelled.

`C(sex)` is `sex`, `I(x - mean)` beside `mean` is `x` beside `mean`, and where every ward has a label of its
own `(1|hospital/ward)` is `(1|hospital) + (1|ward)`. So the columns of the fixed part, and those of each
random term, are compared as the spaces that they span, and groups as the partitions of the rows that they
make.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from course.design.design import Design, build_design
from course.errors import CourseError
from course.formula.parse import effect_terms, parse_formula

TOLERANCE = 1e-8  # of a column's length: what is left of it outside of a space


def same_model(one: str, other: str, frame: pd.DataFrame | None) -> bool:
    """Whether two formulas say the same: word by word in any order, or on a table.

    Parameters
    ----------
    one, other : str
    frame : DataFrame, optional
        Where they are compared; without one only their words are.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": [1.0, 2, 4, 3, 5, 8], "x": list("ababab"), "g": list("ppqqrr")})
    >>> same_model("y ~ x + (1|g)", "y ~ C(x, Sum) + (1|g)", frame)
    True
    >>> same_model("y ~ x + (1|g)", "y ~ 1 + (1|g)", frame)
    False
    """
    if meaning(one) == meaning(other):
        return True
    if frame is None:
        return False
    try:
        designs = [design_of(text, frame) for text in (one, other)]
    except CourseError:
        return False
    first, second = designs
    return (
        meaning(one)[0] == meaning(other)[0]
        and first.formula.offset == second.formula.offset
        and _same_space(first.X, second.X)
        and _same_terms(_terms(first), _terms(second))
    )


def meaning(text: str) -> tuple:
    """What a formula says, whatever the order of its terms: response, fixed and random part, offset."""
    formula = parse_formula(text)
    random = {
        (frozenset(term.group), names, term.correlated or len(names) == 1)
        for term in formula.random
        for names in [frozenset(effect.name() for effect in effect_terms(term.effects))]
    }
    fixed = frozenset(effect.name() for effect in effect_terms(formula.fixed))
    return formula.response, fixed, frozenset(random), formula.offset.replace(" ", "")


def design_of(text: str, frame: pd.DataFrame) -> Design:
    """The design of a formula on a table, made once.

    Raises
    ------
    CourseError
        Where the formula does not fit the table: for a column that is not there, with the nearest.
    """
    return _designs(text, _Table(frame))


class _Table:
    """A frame that can be a key: it is itself and nothing else."""

    def __init__(self, frame: pd.DataFrame):
        self.frame = frame

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Table) and self.frame is other.frame

    def __hash__(self) -> int:
        return id(self.frame)


@functools.lru_cache(maxsize=100)
def _designs(text: str, table: _Table) -> Design:
    return build_design(parse_formula(text), table.frame)


def _same_space(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the columns of two matrices span the same space."""
    return _inside(one, other) and _inside(other, one)


def _inside(columns: np.ndarray, space: np.ndarray) -> bool:
    if not columns.size or not space.size:
        return not columns.size
    lengths = np.linalg.norm(columns, axis=0)
    fitted = space @ np.linalg.lstsq(space, columns, rcond=None)[0]
    return bool((np.linalg.norm(columns - fitted, axis=0) <= TOLERANCE * lengths + 1e-12).all())


# The group of each row, and the columns whose effects are correlated.
Term = tuple[np.ndarray, np.ndarray]


def _terms(design: Design) -> list[Term]:
    """One for each set of correlated effects."""
    return [
        (pd.factorize(grouping.codes)[0], grouping.Z[:, block])
        for grouping in design.groupings
        for block in grouping.blocks
    ]


def _same_terms(one: list[Term], other: list[Term]) -> bool:
    left = list(other)
    for codes, Z in one:
        match = next(
            (
                i
                for i, (theirs, columns) in enumerate(left)
                if np.array_equal(codes, theirs) and _same_space(Z, columns)
            ),
            None,
        )
        if match is None:
            return False
        left.pop(match)
    return not left
