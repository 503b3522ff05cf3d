"""The second pass: cross-products of all columns within each cell, the rows of the same groups.

The likelihood needs of the rows no more than U'U within the levels of the finest grouping (see
`course.solver.elimination`), and where groupings cross within the combinations of levels that occur. These
add up: over batches, files and machines, in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from course.design.aliasing import Aliased
from course.design.groups import MOST_CODES, pair_numbers
from course.design.matrices import Codings
from course.errors import CourseError
from course.formula.terms import Formula
from course.solver.standardise import Columns
from course.streaming.learning import complete, stack

MOST_BYTES = 8e9  # of cross-products: what the search needs beside them is about four times as much


@dataclass(frozen=True)
class Sums:
    """Cross-products of some rows, by cell.

    Attributes
    ----------
    labels : DataFrame, shape (C, number of grouping columns)
        For each cell the labels of its groups.
    products : ndarray, shape (u (u + 1) / 2, C)
        The lower triangle of U'U of its rows, row by row of the triangle.
    against : DataFrame
        Rows that show that the sample of the first pass has not shown all: a combination of labels
        that it did not have.
    """

    labels: pd.DataFrame
    products: np.ndarray
    against: pd.DataFrame


@dataclass(frozen=True)
class Recipe:
    """What makes `Sums` of a batch.

    Attributes
    ----------
    formula : Formula
    codings : Codings
        What is known of levels, knots and means.
    aliased : Aliased
        The columns of the fixed part that the sample leaves out.
    columns : Columns
        The coordinates, as the sample suggests them.
    factors : tuple of str
        The columns that make the groups.
    by_group : tuple of tuple of str
        For each grouping its own of these.
    """

    formula: Formula
    codings: Codings
    aliased: Aliased
    columns: Columns
    factors: tuple[str, ...]
    by_group: tuple[tuple[str, ...], ...]

    def __call__(self, frame: pd.DataFrame) -> Sums:
        """The sums of one batch."""
        rows, _ = complete(frame, self.formula)
        U, against = self._columns_of(rows)
        codes, first = _cells(rows[list(self.factors)])
        labels = rows[list(self.factors)].iloc[first].reset_index(drop=True)
        products = [
            np.bincount(codes, U[i] * U[j], len(first)) for i in range(len(U)) for j in range(i + 1)
        ]
        return Sums(labels, np.stack(products), rows[against].iloc[:1])

    def _columns_of(self, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """U, (u, m), and which rows are against what the sample has shown, (m,)."""
        codings, columns = self.codings, self.columns
        U = np.empty((columns.y_at + 1, len(rows)))
        whole = codings.new_matrix(codings.X, rows)
        against = np.asarray(self.aliased.needs(whole).any(axis=1))
        X = whole[:, self.aliased.kept]
        if columns.constant is not None:
            against |= np.abs(X @ columns.constant - 1) > 1e-8
        U[columns.x] = (X @ columns.T_x).T
        for factors, where, T in zip(self.by_group, columns.z, columns.T_z, strict=True):
            Z = [codings.new_matrix(coding, rows) for coding in codings.of_group(factors)]
            U[where] = (np.column_stack(Z) @ T).T
        y = codings.new_matrix(codings.y, rows)[:, 0]
        if codings.offset is not None:
            y = y - codings.new_matrix(codings.offset, rows)[:, 0]
        U[columns.y_at] = (y - columns.y_shift) / columns.y_scale
        return U, against


def add(parts: Sequence[Sums]) -> Sums:
    """The sums of several batches."""
    labels = stack([part.labels for part in parts])
    codes, first = _cells(labels)
    n_pairs, size = len(parts[0].products), len(first)
    check_memory(n_pairs, size)
    products = np.zeros((n_pairs, size))
    start = 0
    for part in parts:
        stop = start + part.products.shape[1]
        products[:, codes[start:stop]] += part.products  # no cell is twice in one part
        start = stop
    return Sums(
        labels.iloc[first].reset_index(drop=True), products, stack([p.against for p in parts])[:1]
    )


def check_memory(n_pairs: int, cells: int) -> None:
    """Refuse more cells than the memory of a usual machine holds."""
    if 8 * n_pairs * cells > MOST_BYTES:
        raise CourseError(
            f"the groups make {cells:,} combinations of levels so far, and the {n_pairs} sums of each would "
            f"need {8 * n_pairs * cells / 1e9:.0f} GB and more: leave out a grouping that crosses the "
            "others, or effects that vary"
        )


def _cells(labels: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """For each row the number of its combination of labels, and the first row of each."""
    key, size = np.zeros(len(labels), dtype=np.int64), 1
    for name in labels.columns:
        codes, found = pd.factorize(labels[name])
        if size * max(len(found), 1) > MOST_CODES:
            key, values = pd.factorize(key)
            size = len(values)
        key, size = pair_numbers(key, codes, len(found)), size * max(len(found), 1)
    codes, values = pd.factorize(key)
    first = np.empty(len(values), dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return codes, first


def in_order(sums: Sums) -> Sums:
    """The same with the cells in the order of their labels, whatever order the rows came in."""
    codes = [pd.factorize(sums.labels[name], sort=True)[0] for name in sums.labels.columns]
    order = np.lexsort(codes[::-1])
    if (order == np.arange(len(order))).all():
        return sums
    return Sums(
        sums.labels.iloc[order].reset_index(drop=True), sums.products[:, order], sums.against
    )


def full(products: np.ndarray) -> np.ndarray:
    """The whole symmetric U'U by cell, (u, u, C), from its lower triangle.

    Examples
    --------
    >>> full(np.array([[1.0], [2.0], [3.0]]))[:, :, 0]
    array([[1., 2.],
           [2., 3.]])
    """
    u = int(np.sqrt(2 * len(products)))
    M = np.empty((u, u, products.shape[1]))
    for i, j, sums in zip(*np.tril_indices(u), products, strict=True):
        M[i, j] = M[j, i] = sums
    return M


def rows_of(M: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Few rows with the same cross-products as many: U (u, r), and the cell of each row, (r,).

    M = V diag(w) V', so that the rows sqrt(w) v' have it. Where sums alone are wanted they serve as well as
    the rows themselves; a cell has as many as its M has eigenvalues that are not 0.

    Examples
    --------
    >>> U, cells = rows_of(np.array([[4.0, 2], [2, 5]])[:, :, None])
    >>> (U @ U.T).round(12), cells.tolist()
    (array([[4., 2.],
           [2., 5.]]), [0, 0])
    """
    w, V = np.linalg.eigh(M.transpose(2, 0, 1))
    keep = w > 1e-15 * w[:, -1:]
    rows = (np.sqrt(w.clip(min=0))[:, None, :] * V).transpose(0, 2, 1)  # (C, u, u): row by row
    return rows[keep].T, np.repeat(np.arange(len(w)), keep.sum(axis=1))
