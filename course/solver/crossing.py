"""Elimination where groupings cross: pupils who change classrooms, primary and secondary schools.

Of the grouping factors that cross, the one with most levels (`largest` below) is eliminated level by
level as in `course.solver.elimination`. What it leaves couples the levels of the other crossed factors
(`others`; the index t is for their columns, as u is for U): a level of the largest factor that touches d
levels of the others fills d x d cells. So the matrix K of the others is factored densely, but by itself in
each independent block (no pupil of one block sits in a classroom of another), where the same
formulas hold with M the block's matrix and z all of its columns.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from course.errors import CourseError
from course.solver.blocks import Back, Blocks, Bordered
from course.solver.coupling import couple, incidence, is_sparse
from course.solver.dissection import dissect
from course.solver.elimination import Eliminated, eliminate_levels, product, transpose

MAX_CELLS = 250_000_000  # of the matrix K: 2 GB


@dataclass
class CrossedTape:
    largest: Eliminated
    others: Any  # what the factorisation of K left


@dataclass(frozen=True)
class _Vertices:
    """The levels of the other factors, v of them in all, as the vertices of a graph."""

    part: np.ndarray  # which of the other factors, (v,)
    level: np.ndarray  # (v,)
    block: np.ndarray  # the independent block, (v,)
    n_columns: np.ndarray  # how many effects a level has, (v,)
    of_row: list[np.ndarray]  # for each of the other factors the vertex of each row, (n,)


class Crossing:
    """Groupings that cross, as one elimination; its output is one M per independent block.

    Parameters
    ----------
    U : ndarray, shape (n, u)
        All distinct columns.
    groupings : list of (int, list of int, ndarray)
        For each crossing grouping its number in the design, the positions of its columns in U, and
        its codes row by row; the one with most levels comes first.
    blocks : ndarray of int64, shape (n,)
        The independent block of each row.
    apart : bool
        Whether each block's M is wanted by itself, for groupings above; else their sum.
    names : list of str
        Of the groupings but the first, for messages.

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
        (self.largest, self.z, codes), *others = groupings
        self.others = [(grouping, len(z)) for grouping, z, _ in others]
        self.n_places = int(blocks.max()) + 1 if apart else 1
        place = blocks if apart else np.zeros_like(blocks)
        self.place_of_level = _by_code(codes, place, codes.max() + 1)

        vertices = _vertices(others, blocks)
        touches = incidence(codes, vertices.of_row, len(vertices.level))
        listed = is_sparse(touches, vertices.n_columns)
        cut = _cut(vertices, touches) if self.n_places == 1 and listed else None
        if cut is not None:
            vertices = replace(vertices, block=cut)
        self.K, rank = _lay_out(vertices, bordered=cut is not None, apart=apart)
        if self.K.n_cells > MAX_CELLS:
            raise CourseError(
                f"the levels of {', '.join(names)} cross so much that a matrix of "
                f"{self.K.n_cells * 8 / 1e9:.1f} GB would be needed, several times over: leave a "
                "term out, or nest the groups if their labels restart in each parent"
            )

        column_of = self._number_columns(vertices, rank)
        # for each effect of each of the other factors: its column and its value, row by row
        self.codes = codes
        self.entries = [
            (column_of[vertex] + i, U[:, z[i]])
            for vertex, (_, z, _) in zip(vertices.of_row, others, strict=True)
            for i in range(len(z))
        ]
        self._multiply(U, self.entries)
        self.coupling = couple(codes, U[:, self.z].T, self.entries, self.K, listed)

    def _number_columns(self, vertices: _Vertices, rank: np.ndarray) -> np.ndarray:
        """Number the columns by block, factor, level and effect; return the first of each vertex."""
        order = np.lexsort((vertices.level, vertices.part, rank[vertices.block]))
        sizes = vertices.n_columns[order]
        starts = np.cumsum(sizes) - sizes
        self.level = np.repeat(vertices.level[order], sizes)
        self.part = np.repeat(vertices.part[order], sizes)
        self.q = len(self.level)
        self.effect = np.arange(self.q) - np.repeat(starts, sizes)
        return _by_code(order, starts, len(order))

    def _multiply(self, U: np.ndarray, entries: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Z of the other factors, and its products with U and with itself, the latter in K's cells."""
        rows = np.arange(len(U))
        self.Z_t = sum(
            sparse.csr_array((value, (rows, column)), (len(U), self.q)) for column, value in entries
        )
        self.C_tu = self.Z_t.T @ U
        C = sparse.coo_array(self.Z_t.T @ self.Z_t)
        cells = self.K.cell(*C.coords)
        kept = cells >= 0
        self.C = np.bincount(cells[kept], C.data[kept], self.K.n_cells)

    def with_columns(self, U: np.ndarray) -> Crossing:
        """The same groups with other columns U, those of the Z's unchanged."""
        other = copy.copy(self)
        other.C_tu = self.Z_t.T @ U
        return other

    def with_sums(self, column: int, sums: list[np.ndarray]) -> Crossing:
        """The same with one column of U replaced, of which the products with the Z's are known.

        ``sums`` has for each grouping of the design its products with the grouping's Z, (k, L).
        """
        other = copy.copy(self)
        other.C_tu = self.C_tu.copy()
        for part, (grouping, _) in enumerate(self.others):
            here = self.part == part
            other.C_tu[here, column] = sums[grouping][self.effect[here], self.level[here]]
        return other

    def with_weights(
        self, weights: np.ndarray, U: np.ndarray, responses: Sequence[np.ndarray]
    ) -> Crossing:
        """The same groups with weights of the rows, (n,).

        Parameters
        ----------
        weights : ndarray, shape (n,)
        U : ndarray, shape (u, n)
            The first of the columns.
        responses : sequence of ndarray
            The others, times the weights already; columns of 0 follow.
        """
        other = copy.copy(self)
        other.coupling = self.coupling.with_weights(weights)
        other.C_tu = np.zeros_like(self.C_tu)
        weighted = np.concatenate([weights * U, np.reshape(responses, (-1, U.shape[1]))])
        other.C_tu[:, : len(weighted)] = self.Z_t.T @ weighted.T
        other.C = np.zeros_like(self.C)
        for cells, products in self._products:
            other.C += np.bincount(cells, weights * products, len(self.C))
        return other

    def with_column(self, at: int, column: np.ndarray) -> Crossing:
        """The same with one column of U in place of another, (n,), times the weights already."""
        other = copy.copy(self)
        other.C_tu = self.C_tu.copy()
        other.C_tu[:, at] = self.Z_t.T @ column
        return other

    @cached_property
    def _products(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each pair of effects the cell of each row in K, and the product that it adds there."""
        found = []
        for column, value in self.entries:
            for other_column, other_value in self.entries:
                cells = self.K.cell(column, other_column)
                kept = cells >= 0  # below a border nothing is kept
                found.append((np.where(kept, cells, 0), np.where(kept, value * other_value, 0.0)))
        return found

    @property
    def depth(self) -> int:
        """The most effects that a level of the other factors has."""
        return max(k for _, k in self.others)

    def _diagonals(self, factors: list[np.ndarray]) -> np.ndarray:
        """[d, column]: Lambda[effect + d, effect] (0 where there is none)."""
        diagonals = np.zeros((self.depth, self.q))
        for part, (grouping, k) in enumerate(self.others):
            for d in range(k):
                columns = (self.part == part) & (self.effect + d < k)
                diagonals[d, columns] = np.diagonal(factors[grouping], -d)[self.effect[columns]]
        return diagonals

    # -- forward ------------------------------------------------------------------------------

    def eliminate(
        self, M: np.ndarray, factors: list[np.ndarray]
    ) -> tuple[np.ndarray, float, CrossedTape]:
        """M of the largest factor's levels, (u, u, L), to that of the blocks; also log|A| and the tape."""
        largest, logdet = eliminate_levels(M[self.z], self.z, factors[self.largest])
        K_uu = self._sum_places(M - product(transpose(largest.M_z), largest.P))
        K_tu = self.C_tu - self.coupling.transposed(largest.P)
        cells = self.C - self.coupling.product(largest.W)
        M, more, others = self.K.eliminate(cells, K_tu, K_uu, self._diagonals(factors))
        return M, logdet.sum() + more, CrossedTape(largest, others)

    def _sum_places(self, values: np.ndarray) -> np.ndarray:
        """(u, u, levels of the largest factor) to (u, u, places)."""
        u, n_places = len(values), self.n_places
        if n_places == 1:
            return values.sum(axis=2, keepdims=True)
        flat = values.reshape(u * u, -1)
        cells = self.place_of_level + n_places * np.arange(u * u)[:, None]
        return np.bincount(cells.ravel(), flat.ravel(), u * u * n_places).reshape(u, u, n_places)

    # -- back ---------------------------------------------------------------------------------

    def _middle(self, tape: CrossedTape, M_bar: np.ndarray, back: Back) -> np.ndarray:
        """M_z. Mbar M_.z over K and U together, for each level of the largest factor: (k, k, L)."""
        M_z = tape.largest.M_z
        middle = product(product(M_z, M_bar[:, :, self.place_of_level]), transpose(M_z))
        through_u = np.einsum("ilu,jul->ijl", self.coupling.through(back.K_tu), M_z)
        return middle + through_u + transpose(through_u) + self.coupling.middle(back.cells)

    def gradient(self, tape: CrossedTape, M_bar: np.ndarray) -> dict[int, np.ndarray]:
        """The derivative by each grouping's Lambda, given that by the blocks' M."""
        largest, back = tape.largest, self.K.back(tape.others, M_bar, self.depth)
        M_zz = largest.M_z[:, self.z]
        G = -product(M_zz, largest.W)
        G[np.diag_indices(len(self.z))] += 1
        middle = product(G, self._middle(tape, M_bar, back))
        gradients = {self.largest: 2 * product(M_zz - middle, largest.H).sum(axis=2)}
        for part, (grouping, k) in enumerate(self.others):
            gradients[grouping] = np.zeros((k, k))
            for d in range(k):
                for j in range(k - d):
                    columns = (self.part == part) & (self.effect == j)
                    gradients[grouping][j + d, j] = 2 * back.slopes[d, columns].sum()
        return gradients

    # -- effects ------------------------------------------------------------------------------

    def effects(self, tape: CrossedTape, v: np.ndarray) -> dict[int, np.ndarray]:
        """Conditional means by grouping, (k, L), given the coefficients v of U by block (u, blocks)."""
        b_t = self.K.effects(tape.others, v)
        means = {
            grouping: self._by_level(b_t, part) for part, (grouping, _) in enumerate(self.others)
        }
        left = (tape.largest.M_z * v[:, self.place_of_level]).sum(axis=1)
        left -= self.coupling.through(b_t)
        means[self.largest] = product(tape.largest.W, left[:, None])[:, 0]
        return means

    def spherical(self, tape: CrossedTape, v: np.ndarray) -> dict[int, np.ndarray]:
        """u with b = Lambda u, in the form of `effects`."""
        u_t = self.K.spherical(tape.others, v)
        found = {
            grouping: self._by_level(u_t, part) for part, (grouping, _) in enumerate(self.others)
        }
        left = (tape.largest.M_z * v[:, self.place_of_level]).sum(axis=1)
        left -= self.coupling.through(self.K.effects(tape.others, v))
        found[self.largest] = product(transpose(tape.largest.H), left[:, None])[:, 0]
        return found

    def leverages(self, tape: CrossedTape, M_bar: np.ndarray, U: np.ndarray) -> np.ndarray:
        """The derivative of log|A| by the weight of each row, (n,), given that by the blocks' M.

        A row has z of the largest factor and y = (U, z_t) of all else. With B the derivative by the
        products of the y's once the largest factor is eliminated, and P that factor's for all of
        them, it is (y - P'z)' B (y - P'z) + z'W z.
        """
        largest, codes = tape.largest, self.codes
        back = self.K.back(tape.others, M_bar, self.depth)
        W, z = largest.W, U[self.z]
        own = W + product(product(W, self._middle(tape, M_bar, back)), W)
        total = np.einsum("ijn,in,jn->n", own[:, :, codes], z, z)
        by_entry = self.coupling.entries
        PB_t = self.coupling.at_entries(back.cells)
        beside = M_bar.any()  # groupings above have columns in U
        if beside:
            PB_t = PB_t + np.einsum(
                "kue,eu->ke", largest.M_z[:, :, by_entry.level], back.K_tu[by_entry.column]
            )
        PB_t = product(W[:, :, by_entry.level], PB_t[:, None])[:, 0]
        for at, (column, value) in enumerate(self.entries):
            total -= 2 * value * (z * PB_t[:, by_entry.place[at]]).sum(axis=0)
            if beside:
                total += 2 * value * np.einsum("nu,un->n", back.K_tu[column], U)
            for other, (other_column, other_value) in enumerate(self.entries[: at + 1]):
                cells = self.K.cell(column, other_column)
                cells = np.where(cells < 0, self.K.cell(other_column, column), cells)
                total += (1 + (other < at)) * value * other_value * back.cells[cells]
        if beside:
            M_bar = M_bar[:, :, self.place_of_level]
            through = self.coupling.through(back.K_tu).transpose(0, 2, 1)
            PB_u = product(W, product(largest.M_z, M_bar) + through)
            total -= 2 * np.einsum("kun,kn,un->n", PB_u[:, :, codes], z, U)
            total += np.einsum("uvn,un,vn->n", M_bar[:, :, codes], U, U)
        return total

    def _by_level(self, values: np.ndarray, part: int) -> np.ndarray:
        """Values by column as an array by effect and level of one of the other factors, (k, L)."""
        k = self.others[part][1]
        columns = self.part == part
        by_level = np.empty((k, columns.sum() // k))
        by_level[self.effect[columns], self.level[columns]] = values[columns]
        return by_level

    def conditional(self, tape: CrossedTape, M_bar: np.ndarray) -> dict[int, np.ndarray]:
        """Conditional covariances over sigma squared by grouping, (k, k, L)."""
        W, back = tape.largest.W, self.K.back(tape.others, M_bar, self.depth)
        middle = self._middle(tape, M_bar, back)
        covariances = {self.largest: W + product(product(W, middle), W)}
        diagonals = np.zeros((self.depth, self.q))
        column = np.arange(self.q)
        for d in range(self.depth):
            cells = self.K.cell(column[d:], column[: self.q - d])
            inside = cells >= 0
            diagonals[d, : self.q - d][inside] = back.cells[cells[inside]]
        for part, (grouping, k) in enumerate(self.others):
            by_level = [self._by_level(values, part) for values in diagonals]
            covariance = np.empty((k, k, by_level[0].shape[1]))
            for i in range(k):
                for j in range(i + 1):
                    covariance[i, j] = covariance[j, i] = by_level[i - j][j]
            covariances[grouping] = covariance
        return covariances


def _vertices(others: list, blocks: np.ndarray) -> _Vertices:
    """One vertex for each level of the other factors, given as `Crossing` takes groupings."""
    n_levels = [int(codes.max()) + 1 for _, _, codes in others]
    first_vertex = np.cumsum([0, *n_levels])
    part = np.repeat(np.arange(len(others)), n_levels)
    block = [
        _by_code(codes, blocks, size) for (_, _, codes), size in zip(others, n_levels, strict=True)
    ]
    return _Vertices(
        part=part,
        level=np.concatenate([np.arange(size) for size in n_levels]),
        block=np.concatenate(block),
        n_columns=np.array([len(z) for _, z, _ in others])[part],
        of_row=[codes + first for (_, _, codes), first in zip(others, first_vertex, strict=False)],
    )


def _cut(vertices: _Vertices, touches: sparse.csr_array) -> np.ndarray | None:
    """The block of each vertex once a few of them, the last block, are set aside; None if none pays."""
    cut = dissect(sparse.csr_array(touches.T @ touches), vertices.n_columns)
    if cut is None:
        return None
    separating, block = cut
    return np.where(separating, block.max() + 1, block)


def _lay_out(
    vertices: _Vertices, bordered: bool, apart: bool
) -> tuple[Blocks | Bordered, np.ndarray]:
    """Where the cells of K are kept, and the rank of each block there."""
    sizes = np.bincount(vertices.block, vertices.n_columns).astype(np.int64)
    # blocks of one size side by side
    by_size = np.lexsort((np.arange(len(sizes)), sizes))
    K: Blocks | Bordered
    if bordered:
        # the border is last, whatever its size
        border = len(sizes) - 1
        by_size = np.append(by_size[by_size != border], border)
        K = Bordered(sizes[by_size[:-1]], int(sizes[border]))
    else:
        K = Blocks(sizes[by_size], by_size if apart else np.zeros_like(by_size))
    return K, _by_code(by_size, np.arange(len(by_size)), len(by_size))


def _by_code(codes: np.ndarray, values: np.ndarray, n_codes: int) -> np.ndarray:
    """The value of each code, which is the same wherever the code occurs."""
    by_code = np.empty(n_codes, dtype=np.int64)
    by_code[codes] = values
    return by_code
