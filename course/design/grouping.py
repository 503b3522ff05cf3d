"""One grouping factor on the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from course.design.checks import RESIDUAL, check_levels
from course.design.groups import group_codes
from course.design.matrices import Codings
from course.errors import CourseError
from course.formula.terms import RandomTerm


@dataclass(frozen=True, eq=False)
class Grouping:
    """One grouping factor on the data, with every effect that varies between its levels.

    Attributes
    ----------
    factors : tuple of str
        The columns whose combinations make the groups.
    codes : ndarray of int64, shape (n,)
        The level of each row.
    levels : Index or MultiIndex, length L
        The labels of the levels.
    Z : ndarray, shape (n, k)
        The values that the k effects multiply, row by row (a column of ones for the intercept).
    effects : tuple of str, length k
        patsy's names of these columns.
    blocks : tuple of tuple of int
        The columns whose effects are correlated with each other; different blocks are independent.
    formulas : tuple of str
        For each block what stands before the bar, in patsy's language.
    """

    factors: tuple[str, ...]
    codes: np.ndarray
    levels: pd.Index
    Z: np.ndarray
    effects: tuple[str, ...]
    blocks: tuple[tuple[int, ...], ...]
    formulas: tuple[str, ...]

    @property
    def name(self) -> str:
        return ":".join(self.factors)

    @property
    def n_levels(self) -> int:
        return len(self.levels)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What tables call the effects: a second intercept, of another term, is ``Intercept.1``."""
        labels: list[str] = []
        for effect in self.effects:
            label, number = effect, 0
            while label in labels or (number and label in self.effects):
                number += 1
                label = f"{effect}.{number}"
            labels.append(label)
        return tuple(labels)

    def term(self, block: int) -> RandomTerm:
        """The random term, or the effect of a term with ||, that makes a block."""
        return RandomTerm(self.formulas[block], self.factors)

    @cached_property
    def pattern(self) -> np.ndarray:
        """Where the relative covariance factor may differ from 0: a lower triangle per block."""
        pattern = np.zeros((len(self.effects),) * 2, dtype=bool)
        for block in self.blocks:
            for row in block:
                for column in block:
                    pattern[row, column] = column <= row
        return pattern


def build_groupings(
    codings: Codings,
    Zs: list[np.ndarray],
    labels: Mapping[str, pd.Series],
    n: int,
    alone: str = RESIDUAL,
) -> tuple[Grouping, ...]:
    """One grouping for each set of groups, in the order of the formula, with all that varies by it.

    Parameters
    ----------
    codings : Codings
    Zs : list of ndarray
        The columns of each block of correlated effects.
    labels : mapping of str to Series
        The columns that make the groups.
    n : int
        How many rows there are.
    alone : str
        What a row has of its own that an effect of each row could not be told from: the residual, or the
        chance of a single yes or no; "" where rows are counts or several trials.
    """
    groupings: dict[frozenset, Grouping] = {}
    for block, coding, Z in zip(codings.blocks, codings.Z, Zs, strict=True):
        key, factors = frozenset(block.term.group), block.term.group
        effects, formula = coding.names, block.formula
        if key not in groupings:
            codes, levels = group_codes([labels[name] for name in factors])
            check_levels(block.term, len(levels), n, alone)
            numbers = tuple(range(len(effects)))
            grouping = Grouping(factors, codes, levels, Z, effects, (numbers,), (formula,))
        else:
            before = groupings[key]
            k = len(before.effects)
            grouping = replace(
                before,
                Z=np.column_stack([before.Z, Z]),
                effects=before.effects + effects,
                blocks=(*before.blocks, tuple(range(k, k + len(effects)))),
                formulas=(*before.formulas, formula),
            )
        if len(effects) * grouping.n_levels >= n + (not alone):
            raise CourseError(
                f"{block.term}: {len(effects)} effects for each of {grouping.n_levels} levels of "
                f"{block.term.group_name}, but only {n} rows: leave out an effect or the term"
            )
        groupings[key] = grouping
    return tuple(groupings.values())
