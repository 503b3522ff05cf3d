"""Which variances and covariances the rows can tell apart, whatever the response is.

The covariance matrix of y is linear in psi, the (co)variances of the random effects and of the residual:

    V = sum of psi_m V_m,    V_m = z_i z_j' + z_j z_i' within each level of a grouping, and 0 elsewhere

(half of that where i = j). They are identified where the matrices V_m are linearly independent. Where these
are not, some combination of them is 0, and psi may move along it without any change of the likelihood.
REML sees only what the fixed effects leave, P V_m P with P the projection on the complement of X. All that is
needed are the products trace(V_m V_l), which are sums over the cells of two groupings of products of the
columns of Z: no matrix of n by n is ever made.

What some of the rows tell apart is told apart by all: a combination of the V_m that is 0 is 0 in every
part of it, and a contrast of some rows (a with X' a = 0) is one of all. So an ordinary model is known
from few rows, and the products above are formed only where these leave something open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
from scipy import linalg, sparse

from course.design.groups import pair_numbers

# Of the squared size of a combination of matrices of unit size: less is rounding. A single row of a million
# that tells two groupings apart leaves more.
NOTHING = 1e-10
ZERO = 1e-6  # a coefficient of such a combination, whose largest is about 1, that counts as 0
SURE = 1e-6  # of the same: more among some of the rows is not rounding, even among all of them
FEW = 4  # rows that are looked at first, and roughly how many of each of their groups
NEARLY_SINGULAR = 1e-8  # columns of a block that are as near to each other are left as they are


class Groups(Protocol):
    """What is asked of a `Grouping`."""

    @property
    def codes(self) -> np.ndarray: ...
    @property
    def Z(self) -> np.ndarray: ...
    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]: ...


class _Some(NamedTuple):
    """The groups of some of the rows."""

    codes: np.ndarray
    Z: np.ndarray
    blocks: tuple[tuple[int, ...], ...]


class Covariance(NamedTuple):
    """The variance (i = j) or the covariance of two effects of a grouping."""

    grouping: int
    i: int
    j: int


RESIDUAL = Covariance(-1, -1, -1)  # stands for the residual's variance


@dataclass(frozen=True)
class Shared:
    """Variances and covariances that the likelihood knows in combinations only.

    Attributes
    ----------
    unknown : tuple of Covariance
        Those that it does not know each for itself.
    known : tuple of dict of Covariance to float
        The combinations that it knows, each as coefficients. What is in none of them leaves no trace in the
        data.
    pivots : tuple of Covariance
        Once these are held, the others are known.
    spare : tuple of int
        The blocks, numbered through all groupings, that say nothing which the others do not.
    """

    unknown: tuple[Covariance, ...]
    known: tuple[dict[Covariance, float], ...]
    pivots: tuple[Covariance, ...]
    spare: tuple[int, ...]

    def knows(self, weights: Mapping[Covariance, float]) -> bool:
        """Whether a weighted sum of (co)variances stays the same along all directions of this set."""
        for pivot in self.pivots:
            # as the pivot goes up by 1, what it is known together with goes down
            moves = [weights.get(pivot, 0.0)]
            for known in self.known:
                own = next(one for one in known if one not in self.pivots)
                moves.append(-weights.get(own, 0.0) * known.get(pivot, 0.0))
            if abs(sum(moves)) > ZERO * max(map(abs, moves)):
                return False
        return True


def components_of(groupings: Sequence[Groups]) -> list[Covariance]:
    """All variances and covariances, block by block; that of the residual is the last."""
    found = [
        Covariance(g, i, j)
        for g, grouping in enumerate(groupings)
        for block in grouping.blocks
        for i, j in combinations_with_replacement(block, 2)
    ]
    return [*found, RESIDUAL]


def find_shared(
    groupings: Sequence[Groups], X: np.ndarray | None = None, residual: bool = True
) -> tuple[Shared, ...]:
    """The sets of (co)variances of which only combinations are known; none for an ordinary model.

    Parameters
    ----------
    groupings : sequence of Grouping
    X : ndarray of shape (n, p), optional
        Where given, what REML tells apart; else what ML does.
    residual : bool
        Whether the rows have a residual whose variance is to be told, too.

    Returns
    -------
    tuple of Shared

    Examples
    --------
    >>> import pandas as pd
    >>> from course.design.design import build_design
    >>> from course.formula.parse import parse_formula
    >>> data = pd.DataFrame({"y": [1.0, 2, 4, 5, 9, 8], "g": list("aabbcc"), "h": list("ppqqrr")})
    >>> (shared,) = find_shared(build_design(parse_formula("y ~ 1 + (1|g) + (1|h)"), data).groupings)
    >>> [list(known.values()) for known in shared.known], shared.spare
    ([[1.0, 1.0]], (1,))
    """
    components = components_of(groupings)
    if _few_rows_tell(groupings, components, X, residual):
        return ()
    null, sizes = _null_space(groupings, components, X, residual)
    if not len(null):
        return ()
    block = _block_numbers(groupings, components)
    return tuple(_shared(rows, block, components, sizes) for rows in _apart(null, block))


def _shared(
    rows: np.ndarray, block: np.ndarray, components: list[Covariance], sizes: np.ndarray
) -> Shared:
    """One set, from the directions along which it may move, measured by the sizes of the columns."""
    spare: list[int] = []
    left = rows
    for number in reversed(range(block.max() + 1)):
        own = block == number
        if len(left) and np.linalg.matrix_rank(left[:, own], tol=ZERO) == own.sum():
            spare.insert(0, number)
            left = linalg.null_space(left[:, own].T, rcond=ZERO).T @ left
    # held are those of spare blocks, and what stands against the others, so that the others come as sums
    against = (rows[:, :, None] * rows[:, None, :] < -ZERO).sum(axis=(0, 2))
    variance = [c.i == c.j for c in components]
    rows, pivots = _echelon(rows, np.lexsort([-against, variance, ~np.isin(block, spare)]))
    unknown = np.flatnonzero((np.abs(rows) > ZERO).any(axis=0)).tolist()
    known = []
    for m in unknown:
        if m not in pivots:
            weights = {m: 1.0}
            for row, pivot in zip(rows, pivots, strict=True):
                if abs(row[m]) > ZERO:
                    weights[pivot] = -row[m] * sizes[pivot] / sizes[m]
            # rounded, so that what is 1 is 1
            known.append({components[i]: float(f"{weights[i]:.9g}") for i in sorted(weights)})
    return Shared(
        unknown=tuple(components[m] for m in unknown),
        known=tuple(known),
        pivots=tuple(components[m] for m in sorted(pivots)),
        spare=tuple(spare),
    )


# -- directions in which nothing changes -----------------------------------------------------------


def _few_rows_tell(
    groupings: Sequence[Groups],
    components: list[Covariance],
    X: np.ndarray | None,
    residual: bool,
) -> bool:
    """Whether a few of the rows tell all (co)variances apart: for these the V_m themselves are made."""
    rows = _few_rows(groupings)
    if X is not None and len(rows) < 2 * X.shape[1]:
        return False
    Zs = [_orthogonal(_Some(one.codes[rows], one.Z[rows], one.blocks))[1] for one in groupings]
    same = [one.codes[rows, None] == one.codes[rows] for one in groupings]
    parts = []
    for g, i, j in components[:-1]:
        half = np.where(same[g], np.outer(Zs[g][:, i], Zs[g][:, j]), 0.0)
        parts.append(half + half.T)
    if residual:  # without one nothing can stand in for it
        parts.append(np.eye(len(rows)))
    V = np.array(parts)
    size = np.linalg.norm(V, axis=(1, 2), keepdims=True)
    if not size.all():
        return False
    if X is not None:
        Q = np.linalg.qr(X[rows])[0]
        P = np.eye(len(rows)) - Q @ Q.T
        V = P @ V @ P
    flat = (V / size).reshape(len(V), -1)
    return bool(np.linalg.eigvalsh(flat @ flat.T)[0] > SURE)


def _few_rows(groupings: Sequence[Groups]) -> np.ndarray:
    """Some rows spread over the data, each with some that share its level of each of the groupings."""
    rows = np.linspace(0, len(groupings[0].codes) - 1, FEW).astype(int)
    found = [rows]
    for one in groupings:
        for row in rows:
            level = np.flatnonzero(one.codes == one.codes[row])
            found.append(level[:: -(-len(level) // (FEW + one.Z.shape[1]))])
    return np.unique(np.concatenate(found))


def _null_space(
    groupings: Sequence[Groups],
    components: list[Covariance],
    X: np.ndarray | None,
    residual: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Directions (d, m) along which V does not change, and the sizes (m,) that they are measured by."""
    rotations, rotated = zip(*map(_orthogonal, groupings), strict=True)
    gram, scale = _products(groupings, rotated, components, X)
    empty = scale == 0  # of columns of zeros, whose slopes are told of elsewhere
    gram[empty, empty] = scale[empty] = 1.0
    if not residual:
        gram[-1, :-1] = gram[:-1, -1] = 0  # nothing can stand in for it
    values, vectors = np.linalg.eigh(gram / np.outer(scale, scale))
    turned = vectors[:, values < NOTHING].T / scale
    # from the orthogonal columns of each block back to the columns themselves
    null, sizes = turned.copy(), np.ones(len(components))
    for g, (grouping, T) in enumerate(zip(groupings, rotations, strict=True)):
        own = [m for m, c in enumerate(components) if c.grouping == g]
        i, j = np.array([components[m][1:] for m in own]).T
        size = _sizes(grouping.Z)
        sizes[own] = size[i] * size[j]
        for row, direction in zip(null, turned, strict=True):
            change = np.zeros_like(T)
            change[i, j] = change[j, i] = direction[own]
            row[own] = (T @ change @ T.T)[i, j] * sizes[own]
    return null / np.linalg.norm(null, axis=1, keepdims=True), sizes


def _sizes(Z: np.ndarray) -> np.ndarray:
    """The root mean square of each column; 1 for a column of zeros."""
    size = np.sqrt(np.einsum("nk,nk->k", Z, Z) / len(Z))
    return np.where(size > 0, size, 1.0)


def _orthogonal(grouping: Groups) -> tuple[np.ndarray, np.ndarray]:
    """T (k, k) and Z T (n, k), whose columns are orthogonal within each block.

    Years near 2000 and an intercept make matrices V_m that differ by less than rounding; these do not.
    """
    Z, T = grouping.Z / _sizes(grouping.Z), np.diag(1 / _sizes(grouping.Z))
    for block in map(list, grouping.blocks):
        R = np.linalg.qr(Z[:, block], mode="r") / np.sqrt(len(Z))
        if np.abs(np.diagonal(R)).min() > NEARLY_SINGULAR:
            T[np.ix_(block, block)] = T[np.ix_(block, block)] @ np.linalg.inv(R)
    return T, grouping.Z @ T


def _products(
    groupings: Sequence[Groups],
    Zs: Sequence[np.ndarray],
    components: list[Covariance],
    X: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """trace(V_m V_n), or trace(P V_m P V_n) where X is given, (m, m); and the sizes of the V_m, (m,).

    With C the products of the columns of two groupings in a cell that they have in common, z_i z_j' of the
    one and w_k w_q' of the other have the product sum of C_ik C_jq over cells. For P = I - Q Q'

        trace(P V P W) = trace(V W) - 2 trace(Q' V W Q) + trace(Q' V Q Q' W Q).
    """
    n, m = len(Zs[0]), len(components)
    gram, size = np.zeros((m, m)), np.empty(m)
    own = [np.flatnonzero([c.grouping == g for c in components]) for g in range(len(groupings))]
    pairs = [np.array([components[at][1:] for at in mine]).T for mine in own]
    half = [np.where(i == j, 0.5, 1.0) for i, j in pairs]
    Q = None if X is None else np.linalg.qr(X)[0]
    sums: list[np.ndarray] = []  # Q' z_i by level, (L, k, p)
    inside: list[np.ndarray] = []  # Q' V Q, (m of the grouping, p, p)
    for g, (grouping, Z) in enumerate(zip(groupings, Zs, strict=True)):
        i, j = pairs[g]
        traces = 2 * half[g] * np.einsum("nk,nk->k", Z[:, i], Z[:, j])
        if Q is not None:
            by_level = _by_level(grouping.codes)
            sums.append(np.stack([by_level @ (z[:, None] * Q) for z in Z.T], axis=1))
            both = _outer(sums[g], sums[g]).swapaxes(1, 2)
            inside.append(half[g][:, None, None] * (both[i, j] + both[j, i]))
            traces -= np.trace(inside[g], axis1=1, axis2=2)
        gram[own[g], -1] = gram[-1, own[g]] = traces
        for h in range(g + 1):
            halves = np.outer(half[g], half[h])
            one, other, C = _cells(grouping.codes, groupings[h].codes, Z, Zs[h])
            products = 2 * halves * _crossed(C, C, pairs[g], pairs[h])
            if g == h:
                size[own[g]] = _sizes_of(products, i, j)
            if Q is not None:
                N = sums[g][one] @ sums[h][other].swapaxes(1, 2)
                twice = _crossed(C, N, pairs[g], pairs[h]) + _crossed(N, C, pairs[g], pairs[h])
                products -= 2 * halves * twice
                products += np.tensordot(inside[g], inside[h], axes=((1, 2), (1, 2)))
            gram[np.ix_(own[g], own[h])] = products
            gram[np.ix_(own[h], own[g])] = products.T
    gram[-1, -1] = n if Q is None else n - Q.shape[1]
    size[-1] = np.sqrt(n)
    return gram, size


def _crossed(C: np.ndarray, D: np.ndarray, ij: np.ndarray, kq: np.ndarray) -> np.ndarray:
    """The sum over cells of C_ik D_jq + C_iq D_jk, all (i, j) of one grouping by all (k, q) of another."""
    (i, j), (k, q) = ij[:, :, None], kq[:, None, :]
    products = _outer(C, D)
    return products[i, k, j, q] + products[i, q, j, k]


def _outer(C: np.ndarray, D: np.ndarray) -> np.ndarray:
    """All products of the entries of (c, i, k) by those of (c, j, q), summed over c: (i, k, j, q)."""
    return np.tensordot(C, D, axes=(0, 0))


def _sizes_of(products: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """The size of each V_m; that of a covariance, which may be 0 by itself, is taken from the variances."""
    variance = np.zeros(i.max() + 1)
    variance[i[i == j]] = np.sqrt(np.diagonal(products))[i == j]
    return np.sqrt(np.where(i == j, 1, 2) * variance[i] * variance[j])


def _by_level(codes: np.ndarray) -> sparse.csr_array:
    """The matrix that sums rows by level, (L, n)."""
    n = len(codes)
    return sparse.csr_array((np.ones(n), (codes, np.arange(n))))


def _cells(
    one: np.ndarray, other: np.ndarray, Z: np.ndarray, W: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The levels of two groupings that occur together, and the products of their columns, (cells, k, q)."""
    size = int(other.max()) + 1
    cell, found = pd.factorize(pair_numbers(one, other, size))
    products = [[np.bincount(cell, z * w) for w in W.T] for z in Z.T]
    return found // size, found % size, np.moveaxis(np.array(products), 2, 0)


# -- algebra of directions -------------------------------------------------------------------------


def _echelon(rows: np.ndarray, order: Iterable[int]) -> tuple[np.ndarray, list[int]]:
    """The same directions with a 1 and else 0 in one column each, the pivots: the first that will do."""
    pivots: list[int] = []
    rows = rows.copy()
    for column in order:
        at = len(pivots)
        if at == len(rows):
            break
        largest = at + int(np.abs(rows[at:, column]).argmax())
        if abs(rows[largest, column]) > ZERO:
            rows[[at, largest]] = rows[[largest, at]]
            rows[at] /= rows[at, column]
            others = np.arange(len(rows)) != at
            rows[others] -= np.outer(rows[others, column], rows[at])
            pivots.append(int(column))
    return rows, pivots


def _apart(null: np.ndarray, block: np.ndarray) -> list[np.ndarray]:
    """Directions that have nothing to do with each other, as one array for each set of them.

    Together are those that move a (co)variance in common, and those that concern the same blocks.
    """
    rows, _ = _echelon(null, range(null.shape[1]))
    moved = np.abs(rows) > ZERO
    blocks = [set(block[moves]) for moves in moved]
    together = np.array([[one == other for other in blocks] for one in blocks])
    links = together | ((moved.astype(int) @ moved.T.astype(int)) > 0)
    _, label = sparse.csgraph.connected_components(links, directed=False)
    return [rows[label == number] for number in range(label.max() + 1)]


def _block_numbers(groupings: Sequence[Groups], components: list[Covariance]) -> np.ndarray:
    """The block of each (co)variance, all blocks of all groupings numbered through; -1 for the residual."""
    blocks = [(g, block) for g, grouping in enumerate(groupings) for block in grouping.blocks]
    numbers = [
        next((b for b, (g, block) in enumerate(blocks) if c.grouping == g and c.i in block), -1)
        for c in components
    ]
    return np.array(numbers)
