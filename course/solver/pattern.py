"""Which levels of the crossed factors couple once the largest of these is eliminated.

Two levels couple where one level of the largest factor touches both: two lecturers whom one student has
rated. Of K, the matrix of what couples, only the blocks of such pairs are kept, those of one kind (levels
of the same two factors) as one array with the pairs on its last axis. So one product with Lambda
serves all pairs of a kind, and only the factorisation sees the whole of K.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from course.solver.blocks import Blocks, Bordered
from course.solver.small_matrices import product


@dataclass(frozen=True)
class Levels:
    """The levels of the other factors, v of them in all, one factor after another."""

    part: np.ndarray  # which of the other factors, (v,)
    level: np.ndarray  # (v,)
    block: np.ndarray  # the independent block, (v,)
    n_effects: np.ndarray  # (v,)
    of_row: list[np.ndarray]  # for each of the other factors the level of each row, (n,)
    first: np.ndarray  # the first column of each, its other columns follow, (v,)

    @property
    def n_columns(self) -> int:
        return int(self.n_effects.sum())

    @cached_property
    def columns(self) -> list[np.ndarray]:
        """For each of the other factors the column of each effect of each level, (k, L)."""
        return [
            self.first[self.part == part] + np.arange(self.n_effects[self.part == part][0])[:, None]
            for part in range(len(self.of_row))
        ]


@dataclass(frozen=True)
class Kind:
    """The pairs of a level of factor g with one of factor h that couple, n of them."""

    g: int
    h: int
    a: np.ndarray  # the first level of each pair, (n,)
    b: np.ndarray  # the second one, (n,); where g is h as well each level with itself
    cells: slice  # where the blocks are kept, (k_g, k_h, n)
    shape: tuple[int, int, int]


class Pattern:
    """The pairs of levels that couple, and arithmetic with the cells of K that they fill.

    Parameters
    ----------
    levels : Levels
    K : Blocks or Bordered
        Where the cells of the whole matrix are kept.
    a, b : ndarray of int
        The pairs, each as often as one likes; the number of a is not above that of b. Each level is paired
        with itself, and so are all those of one row.
    """

    def __init__(self, levels: Levels, K: Blocks | Bordered, a: np.ndarray, b: np.ndarray):
        self.levels, n_parts = levels, len(levels.of_row)
        # a pair is known by the cell of its first columns
        where = _upper(K, levels.first[a], levels.first[b])
        some = np.zeros(K.n_cells, dtype=np.intp)
        some[where] = np.arange(1, len(a) + 1)
        found = np.flatnonzero(some)
        one = some[found] - 1  # of the pairs given one of each
        kind = levels.part[a[one]] * n_parts + levels.part[b[one]]
        order = np.argsort(kind, kind="stable")
        self.a, self.b, kind = a[one][order], b[one][order], kind[order]
        some[found[order]] = np.arange(len(order))
        self.number = some[where]  # of each pair given
        self.of_rows = [  # [h][g]: of each row's levels of factors g and h, g not above h
            [some[_upper(K, levels.first[i], levels.first[j])] for i in levels.of_row[: h + 1]]
            for h, j in enumerate(levels.of_row)
        ]
        self.n_cells, self.kinds = 0, []
        self.first_cell, self.stride = np.empty_like(order), np.empty_like(order)
        starts = np.flatnonzero(np.diff(kind, prepend=-1))
        for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
            g, h = np.divmod(kind[start], n_parts)
            a, b, n = self.a[start:stop], self.b[start:stop], int(stop - start)
            shape = (int(levels.n_effects[a[0]]), int(levels.n_effects[b[0]]), n)
            cells = slice(self.n_cells, self.n_cells + int(np.prod(shape)))
            self.kinds.append(Kind(int(g), int(h), a, b, cells, shape))
            self.first_cell[start:stop] = cells.start + np.arange(n)
            self.stride[start:stop] = n
            self.n_cells = cells.stop
        self._place(K)

    def _place(self, K: Blocks | Bordered) -> None:
        """Where the cells are in the whole matrix."""
        row, column, half = [], [], []
        first = self.levels.first
        for kind in self.kinds:
            i, j, _ = np.ogrid[: kind.shape[0], : kind.shape[1], :1]
            row.append(np.broadcast_to(first[kind.a] + i, kind.shape).ravel())
            column.append(np.broadcast_to(first[kind.b] + j, kind.shape).ravel())
            half.append(np.broadcast_to(np.where(kind.a == kind.b, 0.5, 1.0), kind.shape).ravel())
        self.row, self.column = np.concatenate(row), np.concatenate(column)
        self.half = np.concatenate(half)  # 1/2 where the mirror image is a cell, too
        self.upper = _upper(K, self.row, self.column)
        everything = np.arange(self.levels.n_columns)
        self.diagonal, self.size = K.cell(everything, everything), K.n_cells

    def cells(self, i: int, j: int) -> np.ndarray:
        """Where the block of each pair has its entry (i, j); of no meaning where it has none."""
        width = self.levels.n_effects[self.b]
        return self.first_cell + (i * width + j) * self.stride

    def blocks(self, values: np.ndarray) -> Iterator[tuple[Kind, np.ndarray]]:
        """The blocks of each kind, (k_g, k_h, n)."""
        for kind in self.kinds:
            yield kind, values[kind.cells].reshape(kind.shape)

    def own(self, values: np.ndarray) -> list[np.ndarray]:
        """For each of the other factors the block of each level with itself, (k, k, L)."""
        found = []
        for kind, blocks in self.blocks(values):
            if kind.g == kind.h:
                same = kind.a == kind.b
                own = np.empty((*kind.shape[:2], same.sum()))
                own[:, :, self.levels.level[kind.a[same]]] = blocks[:, :, same]
                found.append(own)
        return found

    # -- arithmetic with Lambda, which is the same for all levels of a factor ----------------------

    def between(self, values: np.ndarray, factors: Sequence[np.ndarray]) -> np.ndarray:
        """F' K F, with F block-diagonal: factors has one block for each of the other factors, (k, k)."""
        found = np.empty_like(values)
        for kind, blocks in self.blocks(values):
            left = product(factors[kind.g].T, blocks)
            found[kind.cells] = product(left, factors[kind.h]).ravel()
        return found

    def slopes(
        self, K: np.ndarray, other: np.ndarray, factors: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """For each of the other factors the blocks of K F R on the diagonal, summed over its levels.

        R is symmetric, too, and given by the same cells.
        """
        found = [np.zeros_like(factor) for factor in factors]
        of_other = self.blocks(other)
        for (kind, left), (_, right) in zip(self.blocks(K * self.half), of_other, strict=True):
            if kind.shape[:2] == (1, 1):  # two intercepts: one sum serves both
                both = left.ravel() @ right.ravel()
                found[kind.g] += both * factors[kind.h]
                found[kind.h] += both * factors[kind.g]
                continue
            by_h = np.einsum("ijn,jk->ikn", left, factors[kind.h])
            found[kind.g] += np.einsum("ikn,jkn->ij", by_h, right)
            by_g = np.einsum("jin,jk->ikn", left, factors[kind.g])
            found[kind.h] += np.einsum("ikn,kjn->ij", by_g, right)
        return found

    def matrix(self, values: np.ndarray) -> sparse.coo_array:
        """K as a sparse matrix that has every pair's block once: K is its sum with its transpose."""
        size = self.levels.n_columns
        return sparse.coo_array((self.half * values, (self.row, self.column)), (size, size))

    # -- the whole matrix --------------------------------------------------------------------------

    def spread(self, values: np.ndarray) -> np.ndarray:
        """All cells of the whole matrix on and above the diagonal; below it they are 0."""
        whole = np.zeros(self.size)
        whole[self.upper] = values
        return whole

    def gather(self, whole: np.ndarray) -> np.ndarray:
        """Of all cells of a symmetric matrix those of the pattern; none below the diagonal is read."""
        return whole[self.upper]


def _upper(K: Blocks | Bordered, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The cell of two columns that is not below the diagonal."""
    return K.cell(np.minimum(one, other), np.maximum(one, other))
