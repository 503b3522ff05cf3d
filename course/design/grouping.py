"""One grouping factor on the data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from course.design.checks import check_levels
from course.design.groups import group_codes
from course.errors import CourseError


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
    def pattern(self) -> np.ndarray:
        """Where the relative covariance factor may differ from 0: a lower triangle per block."""
        pattern = np.zeros((len(self.effects),) * 2, dtype=bool)
        for block in self.blocks:
            for row in block:
                for column in block:
                    pattern[row, column] = column <= row
        return pattern


def _groupings(parts: list, Zs: list, infos: tuple, columns: dict, n: int) -> tuple[Grouping, ...]:
    found: dict[frozenset, Grouping] = {}
    for part, Z, info in zip(parts, Zs, infos, strict=True):
        key = frozenset(part.term.group)
        effects = tuple(info.column_names)
        if key not in found:
            codes, levels = group_codes([columns[name] for name in part.term.group])
            check_levels(part.term, len(levels), n)
            block = tuple(range(len(effects)))
            found[key] = Grouping(
                part.term.group, codes, levels, Z, effects, (block,), (part.formula,)
            )
        else:
            before = found[key]
            k = len(before.effects)
            found[key] = replace(
                before,
                Z=np.column_stack([before.Z, Z]),
                effects=before.effects + effects,
                blocks=(*before.blocks, tuple(range(k, k + len(effects)))),
                formulas=(*before.formulas, part.formula),
            )
        if len(effects) * found[key].n_levels >= n:
            raise CourseError(
                f"{part.term}: {len(effects)} effects for each of {found[key].n_levels} levels of "
                f"{part.term.group_name}, but only {n} rows: leave out an effect or the term"
            )
    return tuple(found.values())
