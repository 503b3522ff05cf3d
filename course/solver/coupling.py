"""How the levels of the largest crossed factor couple those of the others: sums over all one touches.

With E = Z' Z_t, Z of the largest factor and Z_t of the others, one row for each effect of each level of the
former, eliminating that factor needs E' W E and, on the way back, the k x k blocks of E K E'. A pupil
touches few classrooms: `Pairs` lists for each level of the largest factor the pairs of the others' columns
that it touches, and costs their number in time and memory. Where every level touches most of the
others (each item seen by each subject) `Dense` multiplies whole matrices instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

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
    keys = np.concatenate([codes * K.q + column for column, _ in entries])
    present, place = np.unique(keys, return_inverse=True)
    values = np.stack(
        [
            np.bincount(place, np.concatenate([z * value for _, value in entries]), len(present))
            for z in Z
        ]
    )
    level, column = np.divmod(present, K.q)
    kind = Pairs if listed else Dense
    return kind(level, column, values, (int(codes.max()) + 1, K.q), K)


class _Coupling:
    """The entries of E, and its products with narrow matrices."""

    def __init__(
        self,
        level: np.ndarray,
        column: np.ndarray,
        values: np.ndarray,
        shape: tuple[int, int],
        K: Blocks | Bordered,
    ):
        self.shape, self.n_cells = shape, K.n_cells
        self.E: Any = [sparse.csr_array((v, (level, column)), shape) for v in values]

    def through(self, values: np.ndarray) -> np.ndarray:
        """E times a (q,) or (q, c) array: (k, L) or (k, L, c)."""
        return np.stack([E @ values for E in self.E])

    def transposed(self, values: np.ndarray) -> np.ndarray:
        """E' times (k, u, L): (q, u)."""
        return sum(E.T @ part.T for E, part in zip(self.E, values, strict=True))


class Pairs(_Coupling):
    """Every pair of columns of the others that one level of the largest factor touches."""

    def __init__(
        self,
        level: np.ndarray,
        column: np.ndarray,
        values: np.ndarray,
        shape: tuple[int, int],
        K: Blocks | Bordered,
    ):
        super().__init__(level, column, values, shape, K)
        # entry a is paired with itself and with the later entries of its level
        touched = np.bincount(level, minlength=shape[0])
        end = np.cumsum(touched)[level]
        count = end - np.arange(len(level))
        a = np.repeat(np.arange(len(level)), count)
        b = a + np.arange(len(a)) - (np.cumsum(count) - count)[a]
        self.upper = K.cell(column[a], column[b])
        lower = np.where(a == b, -1, K.cell(column[b], column[a]))
        # what lies below a border is kept above it only; one cell more takes what has no place
        self.lower = np.where(lower < 0, self.n_cells, lower)
        self.pairs_of_level = np.bincount(level[a], minlength=shape[0])
        self.levels_present, self.starts = np.unique(level[a], return_index=True)
        k = len(values)
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


class Dense(_Coupling):
    """The whole of E; the cells of K are one matrix."""

    def __init__(
        self,
        level: np.ndarray,
        column: np.ndarray,
        values: np.ndarray,
        shape: tuple[int, int],
        K: Blocks | Bordered,
    ):
        super().__init__(level, column, values, shape, K)
        self.E = np.stack([E.toarray() for E in self.E])  # (k, L, q)
        q = shape[1]
        self.cell = None  # one block: the cells are the whole matrix
        if K.n_cells < q * q:
            cell = K.cell(*np.divmod(np.arange(q * q), q))
            self.inside = cell >= 0  # columns of two blocks have no cell
            self.cell = cell[self.inside]

    def product(self, W: np.ndarray) -> np.ndarray:
        rows = self.E.reshape(-1, self.shape[1])
        total = (rows.T @ np.einsum("ijl,jlq->ilq", W, self.E).reshape(rows.shape)).ravel()
        if self.cell is None:
            return total
        cells = np.zeros(self.n_cells)
        cells[self.cell] = total[self.inside]
        return cells

    def middle(self, cells: np.ndarray) -> np.ndarray:
        K = cells
        if self.cell is not None:
            K = np.zeros(len(self.inside))
            K[self.inside] = cells[self.cell]
        return np.einsum("ilq,jlq->ijl", self.E @ K.reshape(self.shape[1], -1), self.E)
