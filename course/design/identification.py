"""Which variances and covariances the rows can tell apart, whatever the response is.

The covariance matrix of y is linear in the (co)variances psi of the random effects and the residual's variance:

    V = sum of psi_m V_m,    V_m = z_i z_j' + z_j z_i' within each level of a grouping, and 0 elsewhere

(half of that where i = j). They are identified where the matrices V_m are linearly independent. Where these
are not, some combination of them is 0, and psi may move along it without any change of the likelihood.
REML sees only what the fixed effects leave, P V_m P with P the projection on the complement of X. All that is
needed are the products trace(V_m V_l), which are sums over the cells of two groupings of products of the
columns of Z: no matrix of n by n is ever made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
from scipy import linalg, sparse

# Of the squared size of a combination of matrices of unit size: less is rounding. A single row of a million
# that tells two groupings apart leaves more.
NOTHING = 1e-10
ZERO = 1e-6  # a coefficient of such a combination, whose largest is about 1, that counts as 0
NEARLY_SINGULAR = 1e-8  # columns of a block that are as near to each other are left as they are


class Groups(Protocol):
    """What is asked of a `Grouping`."""

    @property
    def codes(self) -> np.ndarray: ...
    @property
    def Z(self) -> np.ndarray: ...
    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]: ...


class Component(NamedTuple):
    """The variance (i = j) or the covariance of two effects of a grouping."""

    grouping: int
    i: int
    j: int


RESIDUAL = Component(-1, -1, -1)  # stands for the residual's variance


@dataclass(frozen=True)
class Shared:
    """Variances and covariances that the likelihood knows in combinations only.

    Attributes
    ----------
    unknown : tuple of Component
        Those that it does not know each for itself.
    known : tuple of dict of Component to float
        The combinations that it knows, each as coefficients. What is in none of them leaves no trace in the
        data.
    pivots : tuple of Component
        Once these are held, the others are known.
    spare : tuple of int
        The blocks, numbered through all groupings, that say nothing which the others do not.
    """

    unknown: tuple[Component, ...]
    known: tuple[dict[Component, float], ...]
    pivots: tuple[Component, ...]
    spare: tuple[int, ...]


def components_of(groupings: Sequence[Groups]) -> list[Component]:
    """All variances and covariances, block by block; that of the residual is the last."""
    found = [
        Component(g, i, j)
        for g, grouping in enumerate(groupings)
        for block in grouping.blocks
        for i, j in combinations_with_replacement(block, 2)
    ]
    return [*found, RESIDUAL]


def find_shared(groupings: Sequence[Groups], X: np.ndarray | None = None) -> tuple[Shared, ...]:
    """The sets of (co)variances of which only combinations are known; none for an ordinary model.

    Parameters
    ----------
    groupings : sequence of Grouping
    X : ndarray of shape (n, p), optional
        Where given, what REML tells apart; else what ML does.

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
    null, sizes = _null_space(groupings, components, X)
    if not len(null):
        return ()
    block = _block_numbers(groupings, components)
    return tuple(_shared(rows, block, components, sizes) for rows in _apart(null, block))


def _shared(
    rows: np.ndarray, block: np.ndarray, components: list[Component], sizes: np.ndarray
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
    known, unknown = [], np.flatnonzero((np.abs(rows) > ZERO).any(axis=0))
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


def _null_space(
    groupings: Sequence[Groups], components: list[Component], X: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Directions (d, m) along which V does not change, and the sizes (m,) that they are measured by."""
    rotations, rotated = zip(*map(_orthogonal, groupings), strict=True)
    gram, scale = _products(groupings, rotated, components, X)
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
    components: list[Component],
    X: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """trace(V_m V_l), or trace(P V_m P V_l) where X is given, (m, m); and the sizes of the V_m, (m,)."""
    n, m = len(Zs[0]), len(components)
    gram, size = np.zeros((m, m)), np.empty(m)
    own = [np.flatnonzero([c.grouping == g for c in components]) for g in range(len(groupings))]
    pairs = [np.array([components[i][1:] for i in at]).T for at in own]
    half = [np.where(i == j, 0.5, 1.0) for i, j in pairs]
    Q = None if X is None else np.linalg.qr(X)[0]
    sums: list[np.ndarray] = []  # Q' z_i by level, (L, k, p)
    through: list[np.ndarray] = []  # Q' V_m Q, (m, p, p)
    for g, (grouping, Z) in enumerate(zip(groupings, Zs, strict=True)):
        (i, j), c = pairs[g], half[g]
        gram[own[g], -1] = 2 * c * np.einsum("nk,nk->k", Z[:, i], Z[:, j])
        if Q is not None:
            by_level = _by_level(grouping.codes)
            sums.append(np.stack([by_level @ (z[:, None] * Q) for z in Z.T], axis=1))
            both = np.einsum("lkp,lmq->kmpq", sums[g], sums[g])
            through.append(c[:, None, None] * (both[i, j] + both[j, i]))
            gram[own[g], -1] -= np.trace(through[g], axis1=1, axis2=2)
        for h in range(g + 1):
            (k, l), d = pairs[h], half[h]
            one, other, C = _cells(grouping.codes, groupings[h].codes, Z, Zs[h])
            K = np.einsum("cik,cjl->ikjl", C, C, optimize=True)
            products = 2 * (_at(K, i, k, j, l) + _at(K, i, l, j, k))
            if g == h:
                size[own[g]] = np.sqrt(c * c * np.diagonal(products))
            if Q is not None:
                N = np.einsum("cip,ckp->cik", sums[g][one], sums[h][other], optimize=True)
                K = np.einsum("cik,cjl->ikjl", C, N, optimize=True)
                products -= 2 * (_at(K, i, k, j, l) + _at(K, i, l, j, k))
                products -= 2 * (_at(K, j, k, i, l) + _at(K, j, l, i, k))
            products *= np.outer(c, d)
            if Q is not None:
                products += np.einsum("apq,bpq->ab", through[g], through[h])
            gram[np.ix_(own[g], own[h])] = products
            gram[np.ix_(own[h], own[g])] = products.T
        # a covariance of effects that no level has together is measured by their variances
        variance = dict(zip(i[i == j], size[own[g]][i == j], strict=True))
        size[own[g]] = [np.sqrt(variance[a] * variance[b] / (half[g][at] * 2 if a == b else 0.5)) for at, (a, b) in enumerate(zip(i, j, strict=True))]
    gram[-1, :-1] = gram[:-1, -1]
    gram[-1, -1] = n if Q is None else n - Q.shape[1]
    size[-1] = np.sqrt(n)
    return gram, size


def _at(K: np.ndarray, i: np.ndarray, k: np.ndarray, j: np.ndarray, l: np.ndarray) -> np.ndarray:
    """K[i, k, j, l] for all i, j of one grouping (rows) and all k, l of another (columns)."""
    return K[i[:, None], k[None, :], j[:, None], l[None, :]]


def _by_level(codes: np.ndarray) -> sparse.csr_array:
    """The matrix that sums rows by level, (L, n)."""
    n = len(codes)
    return sparse.csr_array((np.ones(n), (codes, np.arange(n))))


def _cells(
    one: np.ndarray, other: np.ndarray, Z: np.ndarray, W: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The levels of two groupings that occur together, and the products of their columns there, (cells, k, l)."""
    size = other.max() + 1
    cell, found = pd.factorize(one * size + other)
    products = [[np.bincount(cell, z * w) for w in W.T] for z in Z.T]
    return found // size, found % size, np.moveaxis(np.array(products), 2, 0)


# -- algebra of directions -------------------------------------------------------------------------


def _echelon(rows: np.ndarray, order: Sequence[int]) -> tuple[np.ndarray, list[int]]:
    """The same directions with a 1 and else 0 in one column each, the pivots: the first that will do."""
    rows, pivots = rows.copy(), []
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


def _block_numbers(groupings: Sequence[Groups], components: list[Component]) -> np.ndarray:
    """The block of each (co)variance, all blocks of all groupings numbered through; -1 for the residual."""
    blocks = [(g, block) for g, grouping in enumerate(groupings) for block in grouping.blocks]
    numbers = [
        next((b for b, (g, block) in enumerate(blocks) if c.grouping == g and c.i in block), -1)
        for c in components
    ]
    return np.array(numbers)
