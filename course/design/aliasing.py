"""Columns of X that the others determine: found, left out as lme4 does, and told of.

Where no row has f = a and h = p, the columns of ``f*h`` are one more than the means that the data know, and
where temperature is temp in other numbers, its column says nothing new. Such a column is *aliased*. The
later one is left out, which changes nothing in the model: it has the same means, residuals and likelihood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import pandas as pd

from course.common.memory import in_batches
from course.design.checks import constant_weights, unexplained_squares
from course.design.matrices import Codings
from course.errors import CourseError
from course.formula.parse import effect_terms

LEFT = 1e-10  # of a column's variance, given the columns before it: with less it is determined
MISSED = 1e-4  # in SDs of an aliased column: as near as this, a new row is as the rows of the fit
FLAT = 1e-12  # SD of a column of unit size, from which it has the same value in every row
NO_WEIGHT = 1e-6  # in a combination of columns of unit size
MOST_NAMED = 8  # columns in a message
MOST_CELLS = 4  # empty cells in a message


@dataclass(frozen=True, eq=False)
class Aliased:
    """What is left out of the fixed part, because other columns determine it.

    Attributes
    ----------
    kept : ndarray of bool, shape (P,)
        For each column of the whole fixed part whether it is estimated.
    names : tuple of str
        The d columns that are left out.
    null : ndarray, shape (P, d)
        For each of these the combination of columns that is 0 in every row, in SDs of the column left
        out. A row x of the P columns has a mean that the data know where ``x @ null`` is 0.
    reasons : tuple of str
        For each of these why, in one or two sentences.
    """

    kept: np.ndarray
    names: tuple[str, ...]
    null: np.ndarray
    reasons: tuple[str, ...]

    @property
    def made_of_kept(self) -> np.ndarray:
        """M with (columns left out) = (columns kept) @ M in every row, (p, d)."""
        return -self.null[self.kept] @ np.linalg.inv(self.null[~self.kept])

    def reason(self, name: str) -> str:
        """Why a column is left out."""
        return self.reasons[self.names.index(name)]

    def needs(self, rows: np.ndarray) -> np.ndarray:
        """Whether rows of the whole fixed part, (m, P), need what was left out, (m, d)."""
        rounding = 1e-8 * np.abs(rows[:, ~self.kept] * self.null[~self.kept].diagonal())
        with np.errstate(invalid="ignore"):  # rows with a missing value are NaN
            return np.abs(rows @ self.null) > MISSED + rounding

    def estimable(self, rows: np.ndarray, index: pd.Index) -> np.ndarray:
        """The columns kept, (m, p), of rows of the whole fixed part, (m, P).

        Raises
        ------
        CourseError
            Where a row needs what was left out: its mean is not known.
        """
        needs = self.needs(rows)
        if needs.any():
            row, column = np.argwhere(needs)[0]
            others = int(needs.any(axis=1).sum()) - 1
            more = f" (and {others} more)" if others else ""
            raise CourseError(
                f"the new row at index {index.tolist()[row]!r}{more} "
                f"needs the effect {self.names[column]}, which the data of the fit do not tell. "
                f"{self.reasons[column]} Leave such rows out, or write the formula without that effect"
            )
        return rows[:, self.kept]


def find_aliased(X: np.ndarray, codings: Codings) -> Aliased:
    """The columns of X that the columns before them determine (R² above 1 - 1e-10).

    Before, in the order of R: main effects as they are written, then interactions of two, ...

    Examples
    --------
    >>> from course.formula.parse import parse_formula
    >>> data = {"y": pd.Series([3.0, 4, 6, 5]), "cm": pd.Series([8.0, 9, 10, 9])}
    >>> data["mm"] = 10 * data["cm"]
    >>> codings = Codings(parse_formula("y ~ cm + mm"), data)
    >>> found = find_aliased(codings.matrices(pd.RangeIndex(4))[2], codings)
    >>> found.reasons
    ('mm is determined by cm: their effects cannot be told apart, so mm is left out.',)
    """
    names = codings.X.names
    kept, null, makers = determined(X, names, range(len(names)))
    if kept.all():
        return Aliased(kept, (), null, ())
    kept, null, makers = determined(X, names, _as_written(codings))
    by_cells = dict(_by_empty_cells(codings, kept))
    left_out = np.flatnonzero(~kept).tolist()
    reasons = [
        by_cells.get(names[j]) or _determined(names[j], X[:, j], others)
        for j, others in zip(left_out, makers, strict=True)
    ]
    return Aliased(kept, tuple(names[j] for j in left_out), null, tuple(reasons))


def _as_written(codings: Codings) -> list[int]:
    """The columns of X in the order in which R has their terms; patsy puts those of numbers last."""
    written = sorted(effect_terms(codings.formula.fixed), key=lambda term: len(term.factors))
    slices = codings.X.info.term_slices
    return [j for term in written for j in range(*slices[term].indices(len(codings.X.names)))]


def determined(
    X: np.ndarray, names: tuple[str, ...], order: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, list[tuple[str, ...]]]:
    """Which columns of X stand for themselves, what is 0 in all rows, and which columns make the others.

    Parameters
    ----------
    X : ndarray, shape (n, P)
    names : tuple of str
    order : sequence of int
        The columns in the order in which each is held against those before it. Columns that make a constant
        together go first all the same: the others may be centred then.

    Returns
    -------
    kept : ndarray of bool, shape (P,)
    null : ndarray, shape (P, d)
        As in `Aliased`.
    makers : list of tuple of str
        For each of the d columns that are not kept the names of those that determine it; none for a
        column of zeros, or one that is constant beside an intercept.
    """
    P = X.shape[1]
    columns = np.asarray(order, dtype=int)
    size = np.sqrt([np.vdot(column, column) / len(X) for column in X.T])
    size[size == 0] = 1.0
    shift, T = np.zeros(P), np.diag(1 / size)
    weights = constant_weights(X, names)
    # what stands beside a constant is centred: years near 2000 are no constant
    if weights is not None:
        free = weights == 0
        shift[free] = [X[:, j].mean() for j in np.flatnonzero(free)]
        T -= np.outer(weights, shift / size)
        columns = np.concatenate([columns[~free[columns]], columns[free[columns]]])
    gram = _gram(X, shift, size)
    spread = np.sqrt(np.diagonal(gram))
    flat = spread < FLAT
    spread[flat] = 1.0
    T /= spread
    gram /= np.outer(spread, spread)
    gram[flat] = gram[:, flat] = 0.0
    left = np.empty(P)
    left[columns] = unexplained_squares(gram[np.ix_(columns, columns)], LEFT)
    kept = left > LEFT * np.diagonal(gram)
    if kept.all():
        return kept, np.empty((P, 0)), []
    scaled = (X - shift) / (size * spread)  # X @ T, with more digits
    scaled[:, flat] = 0.0
    made_of = np.linalg.lstsq(scaled[:, kept], scaled[:, ~kept], rcond=None)[0]
    made_of[np.abs(made_of) < NO_WEIGHT**2] = 0.0
    null = T[:, ~kept] - T[:, kept] @ made_of
    weighty = np.abs(null * size[:, None]) > NO_WEIGHT
    makers = [
        tuple(names[j] for j in np.flatnonzero(kept & enters) if names[j] != "Intercept")
        for enters in weighty.T
    ]
    return kept, null, makers


def _gram(X: np.ndarray, shift: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The mean squares and products of columns that are shifted and scaled, (P, P)."""
    total = np.zeros((X.shape[1], X.shape[1]))
    for rows in in_batches(*X.shape):
        some = (X[rows].T - shift[:, None]) / size[:, None]
        total += some @ some.T
    return total / len(X)


def _determined(name: str, column: np.ndarray, makers: tuple[str, ...]) -> str:
    """Why a column is left out whose absence no empty cell explains."""
    if not column.any():
        return f"{name} is 0 in every row: its effect cannot be estimated, so it is left out."
    if not makers:
        return (
            f"{name} has the same value in every row: its effect cannot be separated from the intercept, "
            "so it is left out."
        )
    shown = ", ".join(makers[:MOST_NAMED])
    if len(makers) > MOST_NAMED:
        shown += f" and {len(makers) - MOST_NAMED} others"
    return f"{name} is determined by {shown}: their effects cannot be told apart, so {name} is left out."


def _by_empty_cells(codings: Codings, kept: np.ndarray) -> Iterator[tuple[str, str]]:
    """Columns of interactions that are left out where labels do not meet: name and reason."""
    info = codings.X.info
    for term, columns in info.term_slices.items():
        names = [info.column_names[j] for j in range(*columns.indices(len(kept))) if not kept[j]]
        codes = {
            factor: numbers
            for factor in term.factors
            if names and (numbers := codings.level_numbers(factor)) is not None
        }
        if len(codes) < 2:
            continue
        sizes = [len(info.factor_infos[factor].categories) for factor in codes]
        met = len(np.unique(np.ravel_multi_index(tuple(codes.values()), sizes)))
        others = [info.factor_infos[f].num_columns for f in term.factors if f not in codes]
        if len(names) > (np.prod(sizes) - met) * np.prod(others):
            continue  # the empty cells do not explain them all
        levels = {factor.name(): info.factor_infos[factor].categories for factor in codes}
        cells = _empty(list(codes.values()), list(levels.values()))
        shown = "; or ".join(
            " and ".join(f"{_plain(list(levels)[i])} = {label}" for i, label in cell)
            for cell in cells[:MOST_CELLS]
        )
        if len(cells) > MOST_CELLS:
            shown += f"; or {len(cells) - MOST_CELLS} other combinations"
        left_out = ", ".join(names[:MOST_NAMED])
        if len(names) > MOST_NAMED:
            left_out += f" and {len(names) - MOST_NAMED} others"
        reason = (
            f"No row has {shown}, so {term.name()} has no effect there: {left_out} "
            f"{'is' if len(names) == 1 else 'are'} left out."
        )
        yield from ((name, reason) for name in names)


def _empty(codes: list[np.ndarray], levels: list[tuple]) -> list[tuple[tuple[int, object], ...]]:
    """The fewest labels that do not meet in any row: pairs, and triples none of whose pairs is empty.

    Examples
    --------
    >>> _empty([np.array([0, 1, 1]), np.array([1, 0, 1])], [("a", "b"), ("p", "q")])
    [((0, 'a'), (1, 'p'))]
    """
    found: list[tuple[tuple[int, int], ...]] = []
    for size in range(2, len(codes) + 1):
        for which in combinations(range(len(codes)), size):
            present = set(zip(*(codes[i].tolist() for i in which), strict=True))
            for numbers in product(*(range(len(levels[i])) for i in which)):
                cell = tuple(zip(which, numbers, strict=True))
                if numbers not in present and not any(set(c) <= set(cell) for c in found):
                    found.append(cell)
    return [tuple((i, levels[i][number]) for i, number in cell) for cell in found]


def _plain(factor: str) -> str:
    """The column that a factor of labels is made of: f for C(f, Sum)."""
    inside = re.fullmatch(r"C\((\w+)(?:,.*)?\)", factor)
    return inside[1] if inside else factor
