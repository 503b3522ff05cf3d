"""How the levels of the largest crossed factor couple those of the others: sums over all one touches.

With E = Z' Z_t, Z of the largest factor and Z_t of the others, one row for each effect of each level of the
former, eliminating that factor needs E' W E and, on the way back, the k x k blocks of E K E'. A pupil
touches few classrooms: `Pairs` lists for each level of the largest factor the pairs of the others' columns
that it touches, and costs their number in time and memory. Where every level touches most of the
others (each item seen by each subject) `Dense` multiplies whole matrices instead.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from course.design.groups import pair_numbers
from course.solver.blocks import Blocks, Bordered

# pairs are worth listing below this share of the multiplications of a dense product (measured)
WORTH_LISTING = 5e-3


def incidence(codes: np.ndarray, vertices: list[np.ndarray], n_vertices: int) -> sparse.csr_array:
    """How many rows each level of the largest factor shares with each level of the others."""
    ones = np.ones(len(codes))
    shape = (int(codes.max()) + 1, n_vertices)
    return sum(sparse.csr_array((ones, (codes, vertex)), shape) for vertex in vertices)


def is_sparse(touches: sparse.csr_array, sizes: np.ndarray) -> bool:
    """Whether the pairs of columns that one level of the largest factor touches are worth listing.

    Parameters
    ----------
    touches : csr_array, shape (levels of the largest factor, levels of the others)
    sizes : ndarray of int
        Columns of each level of the others.
    """
    columns = (touches > 0).astype(float) @ sizes.astype(float)
    return (columns**2).sum() / 2 <= WORTH_LISTING * touches.shape[0] * float(sizes.sum()) ** 2


def couple(
    codes: np.ndarray,
    Z: np.ndarray,
    entries: list[tuple[np.ndarray, np.ndarray]],
    K: Blocks | Bordered,
    listed: bool,
) -> Pairs | Dense:
    """The coupling of the largest factor to the others.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        The level of the largest factor of each row.
    Z : ndarray, shape (k, n)
        Its columns.
    entries : list of (ndarray of int, ndarray), each of shape (n,)
        For each effect of each of the other factors its column and its value, row by row.
    K : Blocks or Bordered
        Says where the cells of the others' matrix are kept.
    listed : bool
        Whether to list the pairs.
    """
    keys = np.concatenate([pair_numbers(codes, column, K.q) for column, _ in entries])
    present, place = np.unique(keys, return_inverse=True)
    level, column = np.divmod(present, K.q)
    made = Entries(
        level,
        column,
        place.reshape(len(entries), -1),
        [np.stack([z * value for z in Z]) for _, value in entries],
        (int(codes.max()) + 1, K.q),
    )
    return (Pairs if listed else Dense)(made, K)


@dataclass(frozen=True)
class Entries:
    """Where E differs from 0, and the rows that make each of its entries."""

    level: np.ndarray  # of each entry, ascending
    column: np.ndarray  # of each entry, ascending within a level
    place: np.ndarray  # the entry of each effect of the others and each row, (effects, n)
    products: list[np.ndarray]  # for each effect of the others Z times its values, (k, n)
    shape: tuple[int, int]

    def values(self, weights: np.ndarray | None = None) -> np.ndarray:
        """Sums over rows of the products (times weights), (k, entries)."""
        total = np.zeros((len(self.products[0]), len(self.level)))
        for place, products in zip(self.place, self.products, strict=True):
            for i, product in enumerate(products):
                weighted = product if weights is None else weights * product
                total[i] += np.bincount(place, weighted, len(self.level))
        return total


class _Coupling:
    """The entries of E, and its products with narrow matrices."""

    def __init__(self, entries: Entries, K: Blocks | Bordered):
        self.entries, self.shape, self.n_cells = entries, entries.shape, K.n_cells
        self.row_starts = np.searchsorted(entries.level, np.arange(self.shape[0] + 1))
        self._lay_out(K)
        self._take(entries.values())

    def _lay_out(self, K: Blocks | Bordered) -> None:
        """What does not depend on the values."""

    def _take(self, values: np.ndarray) -> None:
        self.values = values
        self.E: Any = [
            sparse.csr_array((v, self.entries.column, self.row_starts), self.shape) for v in values
        ]

    def with_weights(self, weights: np.ndarray) -> Any:
        """The same coupling of rows with weights, (n,)."""
        other = copy.copy(self)
        other._take(self.entries.values(weights))
        return other

    def through(self, values: np.ndarray) -> np.ndarray:
        """E times a (q,) or (q, c) array: (k, L) or (k, L, c)."""
        return np.stack([E @ values for E in self.E])

    def transposed(self, values: np.ndarray) -> np.ndarray:
        """E' times (k, u, L): (q, u)."""
        return sum(E.T @ part.T for E, part in zip(self.E, values, strict=True))


class Pairs(_Coupling):
    """Every pair of columns of the others that one level of the largest factor touches."""

    def _lay_out(self, K: Blocks | Bordered) -> None:
        level, column = self.entries.level, self.entries.column
        # entry a is paired with itself and with the later entries of its level
        touched = np.bincount(level, minlength=self.shape[0])
        end = np.cumsum(touched)[level]
        count = end - np.arange(len(level))
        a = np.repeat(np.arange(len(level)), count)
        b = a + np.arange(len(a)) - (np.cumsum(count) - count)[a]
        self.a, self.b = a, b
        self.upper = K.cell(column[a], column[b])
        lower = np.where(a == b, -1, K.cell(column[b], column[a]))
        # what lies below a border is kept above it only; one cell more takes what has no place
        self.lower = np.where(lower < 0, self.n_cells, lower)
        self.pairs_of_level = np.bincount(level[a], minlength=self.shape[0])
        self.levels_present, self.starts = np.unique(level[a], return_index=True)

    def _take(self, values: np.ndarray) -> None:
        super()._take(values)
        a, b, k = self.a, self.b, len(values)
        self.products = [[values[i][a] * values[j][b] for j in range(k)] for i in range(k)]
        self.both = [  # what K's cell of the pair and its mirror image are multiplied by
            [self.products[i][j] + np.where(a != b, self.products[j][i], 0) for j in range(i + 1)]
            for i in range(k)
        ]

    def product(self, W: np.ndarray) -> np.ndarray:
        """The cells of E' W E for W of shape (k, k, L)."""
        k = len(W)
        total = sum(
            self.products[i][j] * np.repeat(W[i, j], self.pairs_of_level)
            for i in range(k)
            for j in range(k)
        )
        cells = np.bincount(self.upper, total, self.n_cells)
        return cells + np.bincount(self.lower, total, self.n_cells + 1)[:-1]

    def middle(self, cells: np.ndarray) -> np.ndarray:
        """The blocks of E K E' by level, (k, k, L), for a symmetric K given by its cells."""
        k = len(self.both)
        blocks = np.zeros((k, k, self.shape[0]))
        K = cells[self.upper]
        for i in range(k):
            for j in range(i + 1):
                sums = np.add.reduceat(K * self.both[i][j], self.starts)
                blocks[i, j, self.levels_present] = blocks[j, i, self.levels_present] = sums
        return blocks

    def at_entries(self, cells: np.ndarray) -> np.ndarray:
        """E K where E differs from 0, (k, entries), for a symmetric K given by its cells."""
        K, size = cells[self.upper], len(self.entries.level)
        mirrored = np.where(self.a != self.b, K, 0)
        return np.stack(
            [
                np.bincount(self.a, K * v[self.b], size)
                + np.bincount(self.b, mirrored * v[self.a], size)
                for v in self.values
            ]
        )


class Dense(_Coupling):
    """The whole of E; the cells of K are one matrix."""

    def _lay_out(self, K: Blocks | Bordered) -> None:
        q = self.shape[1]
        self.cell = None  # one block: the cells are the whole matrix
        if K.n_cells < q * q:
            cell = K.cell(*np.divmod(np.arange(q * q), q))
            self.inside = cell >= 0  # columns of two blocks have no cell
            self.cell = cell[self.inside]

    def _take(self, values: np.ndarray) -> None:
        super()._take(values)
        self.E = np.stack([E.toarray() for E in self.E])  # (k, L, q)

    def product(self, W: np.ndarray) -> np.ndarray:
        rows = self.E.reshape(-1, self.shape[1])
        total = (rows.T @ np.einsum("ijl,jlq->ilq", W, self.E).reshape(rows.shape)).ravel()
        if self.cell is None:
            return total
        cells = np.zeros(self.n_cells)
        cells[self.cell] = total[self.inside]
        return cells

    def middle(self, cells: np.ndarray) -> np.ndarray:
        return np.einsum("ilq,jlq->ijl", self.E @ self._matrix(cells), self.E)

    def at_entries(self, cells: np.ndarray) -> np.ndarray:
        """As `Pairs.at_entries`."""
        return (self.E @ self._matrix(cells))[:, self.entries.level, self.entries.column]

    def _matrix(self, cells: np.ndarray) -> np.ndarray:
        """K from its cells, (q, q)."""
        K = cells
        if self.cell is not None:
            K = np.zeros(len(self.inside))
            K[self.inside] = cells[self.cell]
        return K.reshape(self.shape[1], -1)
