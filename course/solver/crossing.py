"""Elimination where groupings cross: pupils who change classrooms, primary and secondary schools.

Of the grouping factors that cross, the one with most levels (`largest` below) is eliminated level by
level as in `course.solver.elimination`. What it leaves couples the levels of the other crossed factors
(`others`; the index t is for their columns, as u is for U): a level of the largest factor that touches d
levels of the others fills d x d blocks. So the matrix of the others,

    S = Lambda' K Lambda + I,      K = Z_t' Z_t - E' W E,      E = Z' Z_t with Z of the largest factor,

is factored densely, but by itself in each independent block (no pupil of one block sits in a classroom of
another). With X = S^-1 Lambda' K_tu, where K_tu is what is left of Z_t' U, it takes K_tu' Lambda X from U'U.

On the way back, with a bar for the derivative of the deviance and Mbar that by what is left of U'U,

    Kbar = Lambda (S^-1 + X Mbar X') Lambda'          K_tubar = -Lambda X Mbar
    Lambdabar = 2 (K Lambda S^-1 - (K_tu - K Lambda X) Mbar X'),

the latter summed over the levels of a factor.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from course.errors import CourseError
from course.solver.blocks import Blocks, Bordered
from course.solver.coupling import couple, incidence, is_sparse
from course.solver.dissection import dissect
from course.solver.elimination import Eliminated, eliminate_levels
from course.solver.pattern import Levels
from course.solver.small_matrices import product, transpose

MAX_CELLS = 250_000_000  # of the matrix K: 2 GB


@dataclass
class CrossedTape:
    """What the elimination leaves for the way back, in the module's notation."""

    largest: Eliminated
    factors: list[np.ndarray]  # Lambda of each of the others
    K: np.ndarray  # its cells
    K_tu: np.ndarray  # (q, u)
    S: Any  # factored
    X: np.ndarray  # (q, u)
    LX: np.ndarray  # Lambda X, (q, u)
    known: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None  # `Crossing._of_inverse`


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

        levels = _levels(others, blocks)
        touches = incidence(codes, levels.of_row, len(levels.level))
        listed = is_sparse(touches, levels.n_effects)
        cut = _cut(levels, touches) if self.n_places == 1 and listed else None
        if cut is not None:
            levels = replace(levels, block=cut)
        self.K, rank = _lay_out(levels, bordered=cut is not None)
        if self.K.n_cells > MAX_CELLS:
            raise CourseError(
                f"the levels of {', '.join(names)} cross so much that a matrix of "
                f"{self.K.n_cells * 8 / 1e9:.1f} GB would be needed, several times over: leave a "
                "term out, or nest the groups if their labels restart in each parent"
            )
        self.levels = levels = _number_columns(levels, rank)
        self.q = levels.n_columns
        self.place_of_column = np.zeros(self.q, dtype=np.int64)
        if apart:
            for part, columns in enumerate(levels.columns):
                self.place_of_column[columns] = levels.block[levels.part == part]

        self.codes = codes
        self.values = [U[:, z].T for _, z, _ in others]  # the columns of each of the other factors
        self.Z_t = _all_columns(levels, self.values)
        self.C_tu = self.Z_t.T @ U
        self.coupling = couple(codes, U[:, self.z].T, levels, self.values, self.K, listed)
        self.pattern = self.coupling.pattern
        self.C = self._sum_cells(self._row_products())

    def _row_products(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """What each row adds to Z_t' Z_t, and to which cell; one effect with one other at a time."""
        for pairs, right in zip(self.pattern.of_rows, self.values, strict=True):
            for pair, left in zip(pairs, self.values, strict=False):
                for i, one in enumerate(left):
                    for j, other in enumerate(right):
                        yield self.pattern.cells(i, j)[pair], one * other

    def _sum_cells(self, products: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        total = np.zeros(self.pattern.n_cells)
        for cells, values in products:
            total += np.bincount(cells, values, len(total))
        return total

    @cached_property
    def _products(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return list(self._row_products())

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
        for (grouping, _), here in zip(self.others, self.levels.columns, strict=True):
            other.C_tu[here, column] = sums[grouping]
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
        other.C = self._sum_cells((at, weights * values) for at, values in self._products)
        return other

    def with_column(self, at: int, column: np.ndarray) -> Crossing:
        """The same with one column of U in place of another, (n,), times the weights already."""
        other = copy.copy(self)
        other.C_tu = self.C_tu.copy()
        other.C_tu[:, at] = self.Z_t.T @ column
        return other

    # -- forward ------------------------------------------------------------------------------

    def eliminate(
        self, M: np.ndarray, factors: list[np.ndarray]
    ) -> tuple[np.ndarray, float, CrossedTape]:
        """M of the largest factor's levels, (u, u, L), to that of the blocks; also log|A| and the tape."""
        largest, logdet = eliminate_levels(M[self.z], self.z, factors[self.largest])
        K_uu = self._sum_places(M - product(transpose(largest.M_z), largest.P))
        K_tu = self.C_tu - self.coupling.transposed(largest.P)
        K = self.C - self.coupling.product(largest.W)
        own = [factors[grouping] for grouping, _ in self.others]
        cells = self.pattern.spread(self.pattern.between(K, own))
        cells[self.pattern.diagonal] += 1
        S = self.K.factor(cells)
        S_tu = self._times([factor.T for factor in own], K_tu)
        X = S.solve(S_tu)
        M = K_uu - self._sum_columns(S_tu, X)
        tape = CrossedTape(largest, own, K, K_tu, S, X, self._times(own, X))
        return M, logdet.sum() + S.logdet, tape

    def _sum_places(self, values: np.ndarray) -> np.ndarray:
        """(u, u, levels of the largest factor) to (u, u, places)."""
        u, n_places = len(values), self.n_places
        if n_places == 1:
            return values.sum(axis=2, keepdims=True)
        flat = values.reshape(u * u, -1)
        cells = self.place_of_level + n_places * np.arange(u * u)[:, None]
        return np.bincount(cells.ravel(), flat.ravel(), u * u * n_places).reshape(u, u, n_places)

    def _sum_columns(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """left' right of the columns of each place: twice (q, u) to (u, u, places)."""
        if self.n_places == 1:
            return (left.T @ right)[:, :, None]
        u = left.shape[1]
        products = (left[:, :, None] * right[:, None]).reshape(-1, u * u)
        here = (np.ones(self.q), (self.place_of_column, np.arange(self.q)))
        sums = sparse.csr_array(here, (self.n_places, self.q)) @ products
        return sums.T.reshape(u, u, self.n_places)

    def _times(self, factors: list[np.ndarray], values: np.ndarray) -> np.ndarray:
        """Values by column, (q, c), from the left times one matrix for each level of a factor."""
        found = np.empty_like(values)
        for factor, columns in zip(factors, self.levels.columns, strict=True):
            found[columns] = np.einsum("ij,jlu->ilu", factor, values[columns])
        return found

    # -- back ---------------------------------------------------------------------------------

    def _by_place(self, X: np.ndarray, right: np.ndarray) -> np.ndarray:
        """X (q, u) times what each column's place has, (u, c, places): (q, c)."""
        if self.n_places == 1:
            return X @ right[:, :, 0]
        return np.einsum("qu,ucq->qc", X, right[:, :, self.place_of_column])

    def _of_inverse(self, tape: CrossedTape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The cells of S^-1 and of W = Lambda S^-1 Lambda', and the blocks of E W E' by level, (k, k, L)."""
        if tape.known is None:
            inverse = self.pattern.gather(tape.S.inverse)
            W = self.pattern.between(inverse, [factor.T for factor in tape.factors])
            tape.known = inverse, W, self.coupling.middle(W)
        return tape.known

    def _middle(self, tape: CrossedTape, M_bar: np.ndarray) -> np.ndarray:
        """M_z. Mbar M_.z over K and U together, for each level of the largest factor: (k, k, L)."""
        some = M_bar.any(axis=(0, 2))
        through = self.coupling.through(tape.LX[:, some])
        left = tape.largest.M_z[:, some] - through.transpose(0, 2, 1)
        middle = product(left, M_bar[np.ix_(some, some)][:, :, self.place_of_level])
        return self._of_inverse(tape)[2] + product(middle, transpose(left))

    def gradient(self, tape: CrossedTape, M_bar: np.ndarray) -> dict[int, np.ndarray]:
        """The derivative by each grouping's Lambda, given that by the blocks' M."""
        largest = tape.largest
        M_zz = largest.M_z[:, self.z]
        G = -product(M_zz, largest.W)
        G[np.diag_indices(len(self.z))] += 1
        middle = product(G, self._middle(tape, M_bar))
        gradients = {self.largest: 2 * product(M_zz - middle, largest.H).sum(axis=2)}
        some = M_bar.any(axis=(0, 2))
        LX, K = tape.LX[:, some], self.pattern.matrix(tape.K)
        left = tape.K_tu[:, some] - K @ LX - K.T @ LX
        # X Mbar, but solved for: where effects are large, what X is multiplied with nearly cancels
        products = self._by_place(tape.K_tu, M_bar[:, some])
        right = tape.S.solve(self._times([factor.T for factor in tape.factors], products))
        slopes = self.pattern.slopes(tape.K, self._of_inverse(tape)[0], tape.factors)
        for (grouping, _), slope, here in zip(
            self.others, slopes, self.levels.columns, strict=True
        ):
            by_u = np.einsum("ilu,jlu->ij", left[here], right[here])
            gradients[grouping] = 2 * (slope - by_u)
        return gradients

    # -- effects ------------------------------------------------------------------------------

    def effects(self, tape: CrossedTape, v: np.ndarray) -> dict[int, np.ndarray]:
        """Conditional means by grouping, (k, L), given the coefficients v of U by block (u, blocks)."""
        b_t, left = self._others_and_left(tape, v)
        means = self._by_level(b_t)
        means[self.largest] = product(tape.largest.W, left[:, None])[:, 0]
        return means

    def spherical(self, tape: CrossedTape, v: np.ndarray) -> dict[int, np.ndarray]:
        """u with b = Lambda u, in the form of `effects`."""
        _, left = self._others_and_left(tape, v)
        found = self._by_level(self._by_place(tape.X, v[:, None])[:, 0])
        found[self.largest] = product(transpose(tape.largest.H), left[:, None])[:, 0]
        return found

    def _others_and_left(self, tape: CrossedTape, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The others' conditional means by column, and Z' of what they leave of the coefficients v of U."""
        b_t = self._by_place(tape.LX, v[:, None])[:, 0]
        left = (tape.largest.M_z * v[:, self.place_of_level]).sum(axis=1)
        return b_t, left - self.coupling.through(b_t)

    def _by_level(self, values: np.ndarray) -> dict[int, np.ndarray]:
        """Values by column as one array by effect and level for each of the other groupings, (k, L)."""
        pairs = zip(self.others, self.levels.columns, strict=True)
        return {grouping: values[columns] for (grouping, _), columns in pairs}

    def leverages(self, tape: CrossedTape, M_bar: np.ndarray, U: np.ndarray) -> np.ndarray:
        """The derivative of log|A| by the weight of each row, (n,), given that by the blocks' M.

        A row has z of the largest factor and y = (U, z_t) of all else. With B the derivative by the
        products of the y's once the largest factor is eliminated, and P that factor's for all of
        them, it is (y - P'z)' B (y - P'z) + z'W z.
        """
        largest, codes = tape.largest, self.codes
        K_tu = -self._by_place(tape.LX, M_bar)  # the derivatives by K_tu and by K
        outer = np.einsum("cu,cu->c", K_tu[self.pattern.row], tape.LX[self.pattern.column])
        K = self._of_inverse(tape)[1] - outer
        W, z = largest.W, U[self.z]
        own = W + product(product(W, self._middle(tape, M_bar)), W)
        total = np.einsum("ijn,in,jn->n", own[:, :, codes], z, z)
        by_entry = self.coupling.entries
        PB_t = self.coupling.at_entries(K)
        beside = M_bar.any()  # groupings above have columns in U
        if beside:
            PB_t = PB_t + np.einsum(
                "kue,eu->ke", largest.M_z[:, :, by_entry.level], K_tu[by_entry.column]
            )
        PB_t = product(W[:, :, by_entry.level], PB_t[:, None])[:, 0]
        for part, values in enumerate(self.values):
            for i, value in enumerate(values):
                total -= 2 * value * (z * PB_t[:, by_entry.place[part][i]]).sum(axis=0)
                if beside:
                    column = self.levels.first[self.levels.of_row[part]] + i
                    total += 2 * value * np.einsum("nu,un->n", K_tu[column], U)
        # a row's block of two factors has a mirror image, and that of one factor is its own
        twice = 2 * self.pattern.half
        for cells, values in self._products:
            total += twice[cells] * values * K[cells]
        if beside:
            M_bar = M_bar[:, :, self.place_of_level]
            through = self.coupling.through(K_tu).transpose(0, 2, 1)
            PB_u = product(W, product(largest.M_z, M_bar) + through)
            total -= 2 * np.einsum("kun,kn,un->n", PB_u[:, :, codes], z, U)
            total += np.einsum("uvn,un,vn->n", M_bar[:, :, codes], U, U)
        return total

    def conditional(self, tape: CrossedTape, M_bar: np.ndarray) -> dict[int, np.ndarray]:
        """Conditional covariances over sigma squared by grouping, (k, k, L)."""
        W = tape.largest.W
        covariances = {self.largest: W + product(product(W, self._middle(tape, M_bar)), W)}
        LXM = self._by_place(tape.LX, M_bar)
        blocks = self.pattern.own(self._of_inverse(tape)[1])
        for (grouping, _), own, here in zip(self.others, blocks, self.levels.columns, strict=True):
            covariances[grouping] = own + np.einsum("ilu,jlu->ijl", LXM[here], tape.LX[here])
        return covariances


def _levels(others: list, blocks: np.ndarray) -> Levels:
    """The levels of the other factors, given as `Crossing` takes groupings; columns have no numbers yet."""
    n_levels = [int(codes.max()) + 1 for _, _, codes in others]
    first_level = np.cumsum([0, *n_levels])
    part = np.repeat(np.arange(len(others)), n_levels)
    block = [
        _by_code(codes, blocks, size) for (_, _, codes), size in zip(others, n_levels, strict=True)
    ]
    return Levels(
        part=part,
        level=np.concatenate([np.arange(size) for size in n_levels]),
        block=np.concatenate(block),
        n_effects=np.array([len(z) for _, z, _ in others])[part],
        of_row=[codes + first for (_, _, codes), first in zip(others, first_level, strict=False)],
        first=np.zeros_like(part),
    )


def _number_columns(levels: Levels, rank: np.ndarray) -> Levels:
    """Number the columns by the rank of the block, factor, level and effect."""
    order = np.lexsort((levels.level, levels.part, rank[levels.block]))
    sizes = levels.n_effects[order]
    return replace(levels, first=_by_code(order, np.cumsum(sizes) - sizes, len(order)))


def _all_columns(levels: Levels, values: list[np.ndarray]) -> sparse.csr_array:
    """Z of the other factors, (n, q)."""
    column = [
        levels.first[of_row] + np.arange(len(value))[:, None]
        for of_row, value in zip(levels.of_row, values, strict=True)
    ]
    columns, entries = np.concatenate(column), np.concatenate(values)
    rows = np.broadcast_to(np.arange(columns.shape[1]), columns.shape)
    shape = (columns.shape[1], levels.n_columns)
    return sparse.csr_array((entries.ravel(), (rows.ravel(), columns.ravel())), shape)


def _cut(levels: Levels, touches: sparse.csr_array) -> np.ndarray | None:
    """The block of each level once a few of them, the last block, are set aside; None if none pays."""
    cut = dissect(sparse.csr_array(touches.T @ touches), levels.n_effects)
    if cut is None:
        return None
    separating, block = cut
    return np.where(separating, block.max() + 1, block)


def _lay_out(levels: Levels, bordered: bool) -> tuple[Blocks | Bordered, np.ndarray]:
    """Where the cells of S are kept, and the rank of each block there."""
    sizes = np.bincount(levels.block, levels.n_effects).astype(np.int64)
    # blocks of one size side by side
    by_size = np.lexsort((np.arange(len(sizes)), sizes))
    K: Blocks | Bordered
    if bordered:
        # the border is last, whatever its size
        border = len(sizes) - 1
        by_size = np.append(by_size[by_size != border], border)
        K = Bordered(sizes[by_size[:-1]], int(sizes[border]))
    else:
        K = Blocks(sizes[by_size])
    return K, _by_code(by_size, np.arange(len(by_size)), len(by_size))


def _by_code(codes: np.ndarray, values: np.ndarray, n_codes: int) -> np.ndarray:
    """The value of each code, which is the same wherever the code occurs."""
    by_code = np.empty(n_codes, dtype=np.int64)
    by_code[codes] = values
    return by_code
