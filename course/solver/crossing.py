"""Elimination where groupings cross: pupils who change classrooms, primary and secondary schools.

The grouping with most effects (the head) is eliminated level by level as in `course.solver.elimination`.
What it leaves couples the levels of the others (the tail): a level of the head that touches d levels
of the tail fills d x d cells. So the tail is factored densely, but by itself in each independent
block (no pupil of one block sits in a classroom of another), where the same formulas hold with
M the block's matrix and z all of its tail columns.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from course.errors import CourseError
from course.solver.blocks import Back, Blocks, Bordered
from course.solver.coupling import couple, incidence, is_sparse
from course.solver.dissection import dissect
from course.solver.elimination import Eliminated, eliminate_levels, product, transpose

MAX_CELLS = 250_000_000  # of the tail's matrix: 2 GB


@dataclass
class CrossedTape:
    head: Eliminated
    tail: Any  # what the factorisation of the tail left


class Crossing:
    """Groupings that cross, as one elimination; its output is one M per independent block.

    Parameters
    ----------
    U : ndarray, shape (n, u)
        All distinct columns.
    groupings : list of (int, list of int, ndarray)
        For each crossing grouping its number in the design, the positions of its columns in U, and
        its codes row by row; the head comes first.
    blocks : ndarray of int64, shape (n,)
        The independent block of each row.
    apart : bool
        Whether each block's M is wanted by itself, for groupings above; else their sum.
    names : list of str
        Of the groupings but the head, for messages.

    Raises
    ------
    CourseError
        If so much crosses that the matrix of what is left would not fit into memory.
    """

    def __init__(
        self,
        U: np.ndarray,
        groupings: list,
        blocks: np.ndarray,
        apart: bool,
        names: list[str],
    ):
        (self.head, self.z, head_codes), *tail = groupings
        self.tail = [(grouping, len(z)) for grouping, z, _ in tail]
        self.n_places = int(blocks.max()) + 1 if apart else 1
        place = blocks if apart else np.zeros_like(blocks)
        self.place_of_head = _first(head_codes, place, head_codes.max() + 1)

        # one vertex for each level of the tail, one column for each of its effects
        levels = [int(codes.max()) + 1 for _, _, codes in tail]
        vertex_part = np.repeat(np.arange(len(tail)), levels)
        vertex_level = np.concatenate([np.arange(size) for size in levels])
        vertex_block = np.concatenate(
            [_first(codes, blocks, size) for (_, _, codes), size in zip(tail, levels, strict=True)]
        )
        sizes = np.array([k for _, k in self.tail])[vertex_part]
        first_vertex = np.cumsum([0, *levels])
        # the vertex of each row, tail grouping by tail grouping
        vertices = [codes + first for (_, _, codes), first in zip(tail, first_vertex, strict=False)]
        touches = incidence(head_codes, vertices, len(sizes))
        listed = is_sparse(touches, sizes)
        cut = None
        if self.n_places == 1 and listed:
            cut = dissect(sparse.csr_array(touches.T @ touches), sizes)
        if cut is not None:
            separating, vertex_block = cut
            vertex_block = np.where(separating, vertex_block.max() + 1, vertex_block)

        in_block = np.bincount(vertex_block, sizes).astype(np.int64)
        by_size = np.lexsort((np.arange(len(in_block)), in_block))  # those of one size side by side
        if cut is not None:  # the border is last, whatever its size
            by_size = np.append(by_size[by_size != len(in_block) - 1], len(in_block) - 1)
            self.K: Blocks | Bordered = Bordered(in_block[by_size[:-1]], int(in_block[-1]))
        else:
            self.K = Blocks(in_block[by_size], by_size if apart else np.zeros_like(by_size))
        if self.K.n_cells > MAX_CELLS:
            raise CourseError(
                f"the levels of {', '.join(names)} cross so much that a matrix of "
                f"{self.K.n_cells * 8 / 1e9:.1f} GB would be needed, several times over: leave a "
                "term out, or nest the groups if their labels restart in each parent"
            )
        rank = _first(by_size, np.arange(len(by_size)), len(by_size))
        order = np.lexsort((vertex_level, vertex_part, rank[vertex_block]))
        self.level = np.repeat(vertex_level[order], sizes[order])
        self.part = np.repeat(vertex_part[order], sizes[order])
        starts = np.cumsum(sizes[order]) - sizes[order]
        self.q = len(self.level)
        self.effect = np.arange(self.q) - np.repeat(starts, sizes[order])
        column_of = _first(order, starts, len(order))  # the first column of each vertex

        # for each effect of each tail grouping: the tail column and its value, row by row
        entries = [
            (column_of[vertex] + i, U[:, z[i]])
            for vertex, (_, z, _) in zip(vertices, tail, strict=True)
            for i in range(len(z))
        ]
        rows = np.arange(len(U))
        self.Z_tail = sum(
            sparse.csr_array((value, (rows, column)), (len(U), self.q)) for column, value in entries
        )
        self.C_tu = self.Z_tail.T @ U
        C = sparse.coo_array(self.Z_tail.T @ self.Z_tail)
        cells = self.K.cell(*C.coords)
        kept = cells >= 0
        self.C = np.bincount(cells[kept], C.data[kept], self.K.n_cells)
        self.coupling = couple(head_codes, U[:, self.z].T, entries, self.K, listed)

    def with_columns(self, U: np.ndarray) -> Crossing:
        """The same groups with other columns U, those of the Z's unchanged."""
        other = copy.copy(self)
        other.C_tu = self.Z_tail.T @ U
        return other

    @property
    def depth(self) -> int:
        """The most effects of one level of the tail."""
        return max(k for _, k in self.tail)

    def _diagonals(self, factors: list[np.ndarray]) -> np.ndarray:
        """[d, column]: Lambda[effect + d, effect] (0 where there is none)."""
        found = np.zeros((self.depth, self.q))
        for part, (grouping, k) in enumerate(self.tail):
            for d in range(k):
                here = (self.part == part) & (self.effect + d < k)
                found[d, here] = np.diagonal(factors[grouping], -d)[self.effect[here]]
        return found

    # -- forward ------------------------------------------------------------------------------

    def eliminate(
        self, M: np.ndarray, factors: list[np.ndarray]
    ) -> tuple[np.ndarray, float, CrossedTape]:
        """M of the head's levels, (u, u, L), to that of the blocks; also log|A| and the tape."""
        head, logdet = eliminate_levels(M, self.z, factors[self.head])
        K_uu = self._sum_places(M - product(transpose(head.M_z), head.P))
        K_tu = self.C_tu - self.coupling.back_to_tail(head.P)
        cells = self.C - self.coupling.product(head.W)
        M, more, tail = self.K.eliminate(cells, K_tu, K_uu, self._diagonals(factors))
        return M, logdet + more, CrossedTape(head, tail)

    def _sum_places(self, values: np.ndarray) -> np.ndarray:
        """(u, u, levels of the head) to (u, u, places)."""
        u, n_places = len(values), self.n_places
        if n_places == 1:
            return values.sum(axis=2, keepdims=True)
        flat = values.reshape(u * u, -1)
        cells = self.place_of_head + n_places * np.arange(u * u)[:, None]
        return np.bincount(cells.ravel(), flat.ravel(), u * u * n_places).reshape(u, u, n_places)

    # -- back ---------------------------------------------------------------------------------

    def _head_middle(self, tape: CrossedTape, M_bar: np.ndarray, tail: Back) -> np.ndarray:
        """M_z. Mbar M_.z over tail and U together, for each level of the head: (k, k, L)."""
        M_z = tape.head.M_z
        middle = product(product(M_z, M_bar[:, :, self.place_of_head]), transpose(M_z))
        through_u = np.einsum("ilu,jul->ijl", self.coupling.through(tail.K_tu), M_z)
        return middle + through_u + transpose(through_u) + self.coupling.middle(tail.cells)

    def gradient(self, tape: CrossedTape, M_bar: np.ndarray) -> dict[int, np.ndarray]:
        """The derivative by each grouping's Lambda, given that by the blocks' M."""
        head, tail = tape.head, self.K.back(tape.tail, M_bar, self.depth)
        M_zz = head.M_z[:, self.z]
        G = -product(M_zz, head.W)
        G[np.diag_indices(len(self.z))] += 1
        middle = product(G, self._head_middle(tape, M_bar, tail))
        found = {self.head: 2 * product(M_zz - middle, head.H).sum(axis=2)}
        for part, (grouping, k) in enumerate(self.tail):
            found[grouping] = np.zeros((k, k))
            for d in range(k):
                for j in range(k - d):
                    here = (self.part == part) & (self.effect == j)
                    found[grouping][j + d, j] = 2 * tail.slopes[d, here].sum()
        return found

    # -- effects ------------------------------------------------------------------------------

    def effects(self, tape: CrossedTape, v: np.ndarray) -> dict[int, np.ndarray]:
        """Conditional means by grouping, (k, L), given the coefficients v of U by block (u, blocks)."""
        b_tail = self.K.effects(tape.tail, v)
        found = {
            grouping: self._by_level(b_tail, part) for part, (grouping, _) in enumerate(self.tail)
        }
        left = (tape.head.M_z * v[:, self.place_of_head]).sum(axis=1)
        left -= self.coupling.through(b_tail)
        found[self.head] = product(tape.head.W, left[:, None])[:, 0]
        return found

    def _by_level(self, values: np.ndarray, part: int) -> np.ndarray:
        k = self.tail[part][1]
        here = self.part == part
        found = np.empty((k, here.sum() // k))
        found[self.effect[here], self.level[here]] = values[here]
        return found

    def conditional(self, tape: CrossedTape, M_bar: np.ndarray) -> dict[int, np.ndarray]:
        """Conditional covariances over sigma squared by grouping, (k, k, L)."""
        head, tail = tape.head, self.K.back(tape.tail, M_bar, self.depth)
        middle = self._head_middle(tape, M_bar, tail)
        found = {self.head: head.W + product(product(head.W, middle), head.W)}
        diagonals = np.zeros((self.depth, self.q))
        column = np.arange(self.q)
        for d in range(self.depth):
            cells = self.K.cell(column[d:], column[: self.q - d])
            inside = cells >= 0
            diagonals[d, : self.q - d][inside] = tail.cells[cells[inside]]
        for part, (grouping, k) in enumerate(self.tail):
            by_level = [self._by_level(values, part) for values in diagonals]
            covariance = np.empty((k, k, by_level[0].shape[1]))
            for i in range(k):
                for j in range(i + 1):
                    covariance[i, j] = covariance[j, i] = by_level[i - j][j]
            found[grouping] = covariance
        return found


def _first(codes: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    found = np.empty(size, dtype=np.int64)
    found[codes] = values
    return found
