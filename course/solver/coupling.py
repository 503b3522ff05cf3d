"""How the levels of the largest crossed factor couple those of the others: sums over all one touches.

With E = Z' Z_t, Z of the largest factor and Z_t of the others, one row for each effect of each level of the
former, eliminating that factor needs E' W E and, on the way back, the k x k blocks of E K E'. A pupil
touches few classrooms: `Pairs` lists for each level of the largest factor the pairs of the others' levels
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
from course.solver.pattern import Levels, Pattern

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
    codes: np.ndarray, Z: np.ndarray, levels: Levels, values: list[np.ndarray], K: Any, listed: bool
) -> Pairs | Dense:
    """The coupling of the largest factor to the others.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        The level of the largest factor of each row.
    Z : ndarray, shape (k, n)
        Its columns.
    levels : Levels
        Those of the other factors.
    values : list of ndarray, (k, n) each
        The columns of each of the other factors.
    K : Blocks or Bordered
        Where the cells of the others' matrix are kept.
    listed : bool
        Whether to list the pairs.
    """
    size = len(levels.part)
    keys = np.concatenate([pair_numbers(codes, one, size) for one in levels.of_row])
    present, place = np.unique(keys, return_inverse=True)
    touching, touched = np.divmod(present, size)
    width = levels.n_effects[touched]
    first = np.cumsum(width) - width
    effect = np.arange(width.sum()) - np.repeat(first, width)
    entries = Entries(
        np.repeat(touching, width),
        np.repeat(levels.first[touched], width) + effect,
        [
            first[at] + np.arange(len(value))[:, None]
            for at, value in zip(place.reshape(len(values), -1), values, strict=True)
        ],
        [Z[:, None] * value for value in values],
        (int(codes.max()) + 1, levels.n_columns),
    )
    if listed:
        return Pairs(entries, levels, K, touching, touched, first)
    return Dense(entries, levels, K)


@dataclass(frozen=True)
class Entries:
    """Where E differs from 0, and the rows that make each of its entries."""

    level: np.ndarray  # of each entry, ascending
    column: np.ndarray  # of each entry
    place: list[np.ndarray]  # for each of the others the entry of each effect and row, (k, n)
    products: list[np.ndarray]  # for each of the others Z times its columns, (k of Z, k, n)
    shape: tuple[int, int]

    def values(self, weights: np.ndarray | None = None) -> np.ndarray:
        """Sums over rows of the products (times weights), (k of Z, entries)."""
        total = np.zeros((len(self.products[0]), len(self.level)))
        for place, products in zip(self.place, self.products, strict=True):
            for i, effects in enumerate(products):
                for at, product in zip(place, effects, strict=True):
                    weighted = product if weights is None else weights * product
                    total[i] += np.bincount(at, weighted, len(self.level))
        return total


class _Coupling:
    """The entries of E, and its products with narrow matrices."""

    pattern: Pattern

    def __init__(self, entries: Entries):
        self.entries, self.shape = entries, entries.shape
        self.row_starts = np.searchsorted(entries.level, np.arange(self.shape[0] + 1))
        self._take(entries.values())

    def _take(self, values: np.ndarray) -> None:
        self.values = values
        self.E: Any = [
            sparse.csr_array((v, self.entries.column, self.row_starts), self.shape) for v in values
        ]
        self.E_transposed = [E.T for E in self.E]

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
        return sum(E @ part.T for E, part in zip(self.E_transposed, values, strict=True))


class Pairs(_Coupling):
    """Every pair of levels of the others that one level of the largest factor touches.

    E' W E and the blocks of E K E' are linear in W and in K. So they are products with one sparse matrix G,
    of one row for each two effects of each level of the largest factor, and one column for each cell:

        cells of E' W E = G' (W_ij)              (E K E')_ij = G (cells of K), either pair once
    """

    def __init__(
        self,
        entries: Entries,
        levels: Levels,
        K: Any,
        touching: np.ndarray,
        touched: np.ndarray,
        first: np.ndarray,
    ):
        # what is touched is paired with itself and with all that its level touches later
        end = np.cumsum(np.bincount(touching, minlength=entries.shape[0]))[touching]
        count = end - np.arange(len(touching))
        one = np.repeat(np.arange(len(touching)), count)
        other = one + np.arange(len(one)) - (np.cumsum(count) - count)[one]
        self.pattern = Pattern(levels, K, touched[one], touched[other])
        # and every effect of the one with every effect of the other
        width = levels.n_effects[touched]
        k, depth = len(entries.products[0]), int(width.max())
        self.two = [(i, j) for i in range(k) for j in range(i + 1)]
        alike = width.min() == depth  # then no places need to be counted
        left, right = (depth, depth) if alike else (width[one], width[other])
        size = left * right
        total = size * len(one) if alike else int(np.sum(size))
        index = sparse.get_index_dtype(maxval=max(len(self.two) * total, self.pattern.n_cells))
        self.a, self.b = np.empty((2, total), dtype=np.intp)
        cells = np.empty((len(self.two), total), dtype=index)
        self.cell = cells[0]
        for i, j in np.ndindex(depth, depth):
            there: Any = slice(None)
            at: Any = slice(i * depth + j, None, depth**2)
            if not alike:
                there = (i < left) & (j < right)
                at = (np.cumsum(size) - size + i * right + j)[there]
            self.a[at], self.b[at] = first[one[there]] + i, first[other[there]] + j
            self.cell[at] = self.pattern.cells(i, j).astype(index)[self.pattern.number[there]]
        cells[1:] = self.cell
        of_level = np.bincount(entries.level[self.a], minlength=entries.shape[0])
        starts = np.cumsum([0, *np.tile(of_level, len(self.two))])
        self.at = cells.ravel(), starts.astype(index)
        super().__init__(entries)

    def _take(self, values: np.ndarray) -> None:
        super()._take(values)
        data = np.empty((len(self.two), len(self.a)))
        left, right = np.empty((2, len(self.a)))  # to be filled again costs less than new memory
        for products, (i, j) in zip(data, self.two, strict=True):
            _pick(values[i], self.a, left)
            np.multiply(left, _pick(values[j], self.b, right), out=products)
            if i != j:
                _pick(values[j], self.a, left)
                left *= _pick(values[i], self.b, right)
                products += left
        shape = (len(self.two) * self.shape[0], self.pattern.n_cells)
        self.G = sparse.csr_array((data.ravel(), *self.at), shape)
        self.G_transposed = self.G.T

    def product(self, W: np.ndarray) -> np.ndarray:
        """The cells of E' W E for W of shape (k, k, L)."""
        return self.G_transposed @ np.concatenate([W[i, j] for i, j in self.two])

    def middle(self, cells: np.ndarray) -> np.ndarray:
        """The blocks of E K E' by level, (k, k, L), for a symmetric K given by its cells."""
        k, L = len(self.values), self.shape[0]
        sums = (self.G @ (self.pattern.half * cells)).reshape(-1, L)
        blocks = np.empty((k, k, L))
        for (i, j), values in zip(self.two, sums, strict=True):
            blocks[i, j] = blocks[j, i] = values if i != j else 2 * values
        return blocks

    def at_entries(self, cells: np.ndarray) -> np.ndarray:
        """E K where E differs from 0, (k, entries), for a symmetric K given by its cells."""
        K, size = cells[self.cell], len(self.entries.level)
        mirrored = np.where(self.pattern.half[self.cell] == 1, K, 0)
        return np.stack(
            [
                np.bincount(self.b, K * v[self.a], size)
                + np.bincount(self.a, mirrored * v[self.b], size)
                for v in self.values
            ]
        )


def _pick(values: np.ndarray, at: np.ndarray, found: np.ndarray) -> np.ndarray:
    # "clip" writes into `found` without a copy between
    return np.take(values, at, out=found, mode="clip")


class Dense(_Coupling):
    """The whole of E, and all pairs of levels of one block."""

    def __init__(self, entries: Entries, levels: Levels, K: Any):
        order = np.argsort(levels.block, kind="stable")
        members = np.split(order, np.cumsum(np.bincount(levels.block))[:-1])
        pairs = [
            (block[i], block[j]) for block in members for i, j in [np.triu_indices(len(block))]
        ]
        a, b = (np.concatenate(part) for part in zip(*pairs, strict=True))
        self.pattern = Pattern(levels, K, a, b)
        super().__init__(entries)

    def _take(self, values: np.ndarray) -> None:
        super()._take(values)
        self.E = np.stack([E.toarray() for E in self.E])  # (k, L, q)

    def product(self, W: np.ndarray) -> np.ndarray:
        """As `Pairs.product`."""
        rows = self.E.reshape(-1, self.shape[1])
        total = rows.T @ np.einsum("ijl,jlq->ilq", W, self.E).reshape(rows.shape)
        return total[self.pattern.row, self.pattern.column]

    def middle(self, cells: np.ndarray) -> np.ndarray:
        """As `Pairs.middle`."""
        return np.einsum("ilq,jlq->ijl", self.E @ self._matrix(cells), self.E)

    def at_entries(self, cells: np.ndarray) -> np.ndarray:
        """As `Pairs.at_entries`."""
        return (self.E @ self._matrix(cells))[:, self.entries.level, self.entries.column]

    def _matrix(self, cells: np.ndarray) -> np.ndarray:
        """K from its cells, (q, q)."""
        once = self.pattern.matrix(cells).toarray()
        return once + once.T
