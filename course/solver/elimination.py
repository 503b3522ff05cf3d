"""Elimination of random effects, group by group, and the way back.

Notation of Bates et al. (2015, doi 10.18637/jss.v067.i01): y = X beta + Z Lambda u + error, where the u
are independent with the residual's variance. Let U hold every distinct column of X, of the Z's and y. All
that the likelihood needs of the data is U'U within the levels of the finest grouping. Eliminating
that grouping's effects turns U'U into U' V^-1 U, where V = I + Z Lambda Lambda' Z':

    A = I + Lambda' M_zz Lambda        W = Lambda A^-1 Lambda'        M+ = M - M_.z W M_z.

with M = U'U and M_z. its rows that belong to Z. Sums of M+ over the levels inside one level of the
next grouping are the M of that grouping, and so on up to the root. Arrays carry the levels on their
last axis, so that one NumPy call serves them all.

The derivative walks back. With T = I - E_z P, P = W M_z. and a bar for the derivative of the deviance,

    Mbar = T Mbar+ T' + E_z W E_z'            Sbar = sum (M+_zz - M+_z. Mbar+ M+_.z)

(both include the term log|A|), where S = Lambda Lambda', so that Lambdabar = 2 Sbar Lambda. The recursion for
Mbar also gives conditional variances: started from 0 at the root, W + P Mbar+ P' is the conditional
covariance of the effects over sigma squared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from course.common.memory import in_batches, keep_freed_memory
from course.solver.small_matrices import at, invert, product, square, transpose

keep_freed_memory()  # an evaluation makes arrays as large as the one before freed

LARGE = 1e5  # variance over the residual's: from here products with an inverse lose digits
FEW_CHILDREN = 16  # for sums over so few, adding them up one by one is faster (measured)
MANY_CHILDREN = 64  # with so many of a parent, products over all of them are faster (measured)
LOST = 1e-3  # of a column's squares: where a difference of sums leaves less, digits are gone
ADJUGATE = np.array([[1.0, -1.0], [-1.0, 1.0]])[:, :, None]  # the signs of a 2 by 2 matrix's


def cross_products(U: np.ndarray | Sequence, codes: np.ndarray) -> np.ndarray:
    """U'U within each group: u rows (n,), of each of which slices can be had, and codes (n,) to (u, u, L).

    Examples
    --------
    >>> cross_products(np.array([[1.0, 1, 1], [2, 3, 4]]), np.array([0, 0, 1]))[:, :, 0]
    array([[ 2.,  5.],
           [ 5., 13.]])
    """
    u, upper = len(U), np.triu_indices(len(U))
    M = np.zeros((u, u, codes.max() + 1))
    for rows in _batches_of_levels(codes):
        first, columns = codes[rows].min(), [column[rows] for column in U]
        own = codes[rows] - first
        for i, j in zip(*upper, strict=True):
            sums = np.bincount(own, columns[i] * columns[j])
            M[i, j, first : first + len(sums)] += sums
    M[upper[::-1]] = M[upper]
    return M


def _batches_of_levels(codes: np.ndarray) -> list[slice]:
    """Rows in batches; all at once where each batch would have rows of most levels."""
    batches = list(in_batches(len(codes), 3))  # two columns at a time, and their product
    near = all(np.ptp(codes[rows]) < 4 * len(codes[rows]) for rows in batches)
    return batches if near else [slice(None)]


def products_with(
    XZ: np.ndarray, responses: Sequence[np.ndarray], codes: np.ndarray
) -> list[np.ndarray]:
    """For each response y the cross-products of all columns, y the last of them, with y: (u, L) each.

    Parameters
    ----------
    XZ : ndarray, shape (u - 1, n)
    responses : sequence of ndarray, (n,) each
    codes : ndarray, shape (n,)
        The group of each row; each group has rows.
    """
    if (np.diff(codes) < 0).any():
        # putting the rows of a group side by side would take longer than adding them up where they lie
        return [np.stack([np.bincount(codes, x * y) for x in (*XZ, y)]) for y in responses]
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    return [np.stack([np.add.reduceat(x * y, starts) for x in (*XZ, y)]) for y in responses]


@dataclass
class Eliminated:
    """What one elimination leaves for the way back; see the module's notation."""

    z: slice | np.ndarray  # where U has its k columns
    Lambda: np.ndarray  # (k, k), or one for each level, (k, k, L)
    M_z: np.ndarray  # (k, u, L)
    W: np.ndarray  # (k, k, L)
    P: np.ndarray  # (k, u, L)
    M_plus: np.ndarray  # M+_z., (k, u, L)
    known_H: np.ndarray | None

    @property
    def H(self) -> np.ndarray:
        """Lambda A^-1, (k, k, L), which few need."""
        if self.known_H is None:
            self.known_H = _from_factor(self.M_z, self.z, self.Lambda)[2]
        return self.known_H


def eliminate_levels(
    M_z: np.ndarray, z: slice | np.ndarray, Lambda: np.ndarray
) -> tuple[Eliminated, np.ndarray]:
    """What the elimination of each level's own effects needs of M, and log|A| by level.

    Lambda is one for all levels, (k, k), or has one for each, (k, k, L).
    """
    M_zz = M_z[:, z]
    found = _from_covariance(M_zz, Lambda) if len(M_zz) == 2 else None
    if found:
        (W, logdet), H = found, None
        P = product(W, M_z)
    else:
        W, P, H, logdet = _from_factor(M_z, z, Lambda)
    return Eliminated(z, Lambda, M_z, W, P, M_z - product(M_zz, P), H), logdet


def _from_covariance(M_zz: np.ndarray, Lambda: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """W and log|A| of two effects in closed form; None where that would lose digits.

    With S = Lambda Lambda' and adj M the adjugate of M_zz, W = (S + |S| adj M) / |A| and
    |A| = 1 + tr(S M) + |S| |M|.
    """
    Lambda = Lambda if Lambda.ndim == 3 else Lambda[:, :, None]
    S = product(Lambda, transpose(Lambda))
    if max((S[i, i] * M_zz[i, i]).max() for i in range(2)) > LARGE:
        return None
    det_S = S[0, 0] * S[1, 1] - S[0, 1] ** 2
    adjugate = M_zz[::-1, ::-1] * ADJUGATE
    det_A = np.einsum("ul,ul->l", M_zz[0], adjugate[0])
    det_A *= det_S
    det_A += np.einsum("abl,abl->l", S, M_zz)
    det_A += 1
    W = np.multiply(det_S, adjugate, out=adjugate)
    W += S
    W /= det_A
    return W, np.log(det_A)


def _from_factor(
    M_z: np.ndarray, z: slice | np.ndarray, Lambda: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """W, P, H and log|A|, whatever Lambda may be."""
    k = len(M_z)
    A = product(transpose(Lambda), product(M_z[:, z], Lambda))
    diagonal = np.einsum("iil->il", A)
    diagonal += 1
    large = k > 1 and diagonal.max() > LARGE
    A_inverse, logdet = invert(A.copy() if large else A)
    if not large:
        H = product(Lambda, A_inverse)
        W = product(H, transpose(Lambda))
        return W, product(W, M_z), H, logdet
    # the same by solving; one step of refinement (Skeel 1980, doi 10.1090/S0025-5718-1980-0572859-4) gets
    # back the digits that products with the inverse lose
    wide = np.broadcast_to(Lambda if Lambda.ndim == 3 else Lambda[:, :, None], A.shape)
    right = np.concatenate([product(transpose(Lambda), M_z), transpose(wide)], 1)
    X = product(A_inverse, right)
    X += product(A_inverse, right - product(A, X))
    WM = product(Lambda, X)
    return WM[:, -k:], WM[:, :-k], transpose(X[:, -k:]), logdet


class Stage:
    """The elimination of one grouping whose levels each lie in one level of the next.

    Parameters
    ----------
    grouping : int
        Which grouping of the design.
    z : sequence of int
        The positions in U of its k columns.
    sums : Sums
        From its levels to those of the next stage (or to the root).
    """

    def __init__(self, grouping: int, z: Sequence[int], sums: Sums):
        self.grouping, self.z, self.zz, self.sums = grouping, at(z), square(z), sums
        self.of_U = tuple(z)

    def eliminate(
        self, M: np.ndarray, Lambda: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, Eliminated]:
        """M of this stage, shape (u, u, L), to M of the next; also log|A| by level and the tape."""
        if self.sums.many:
            found = self.eliminate_together(M[self.z], self.sums.total(M), Lambda)
            if found:
                return found
        tape, logdet = eliminate_levels(M[self.z], self.z, Lambda)
        M_next = np.empty((*M.shape[:2], len(self.sums.starts)))
        M_next[self.z] = total = self.sums.total(tape.M_plus)
        M_next[:, self.z] = transpose(total)
        # symmetric: of the other columns the rows of the upper triangle, one after another
        upper, rows = _upper_triangle(len(M), self.of_U)
        left = M[upper]
        for i, columns, place in rows:
            left[place] -= np.einsum("kl,kul->ul", tape.M_z[:, i], tape.P[:, columns])
        M_next[upper] = M_next[upper[::-1]] = self.sums.total(left)
        return M_next, logdet, tape

    def eliminate_together(
        self, M_z: np.ndarray, total: np.ndarray, Lambda: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, Eliminated] | None:
        """The same from M_z and the sums of M over the children of each parent, who are many.

        As a difference of sums; None where that would cost digits that a sum of differences has.
        """
        tape, logdet = eliminate_levels(M_z, self.z, Lambda)
        M_next = total - self.sums.products(tape.M_z, tape.P)
        kept = np.einsum("iil->il", M_next) >= LOST * np.einsum("iil->il", total)
        return (M_next, logdet, tape) if kept.all() else None

    def back(self, tape: Eliminated, M_bar: np.ndarray) -> np.ndarray:
        """The derivative by this stage's M, given that by the next stage's."""
        z = self.z
        Q = self.sums.times(tape.P, M_bar)
        M_bar = self.sums.spread(M_bar)
        M_bar[z] -= Q
        M_bar[:, z] -= transpose(Q)
        M_bar[self.zz] += product(Q, transpose(tape.P)) + tape.W
        return M_bar

    def by_covariance(self, tape: Eliminated, M_bar: np.ndarray) -> np.ndarray:
        """What each level adds to the derivative by Lambda Lambda', given that by the next M: (k, k, L)."""
        through = product(self.sums.times(tape.M_plus, M_bar), transpose(tape.M_plus))
        return tape.M_plus[:, self.z] - through

    def effects(self, tape: Eliminated, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Conditional means b, shape (k, L), and what is left of the coefficients v of U."""
        v = self.sums.spread(v[:, None])[:, 0]
        b = product(tape.P, v[:, None])[:, 0]
        v[self.z] -= b
        return b, v

    def spherical(self, tape: Eliminated, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """u with b = Lambda u, (k, L), and what `effects` returns beside b."""
        u = product(transpose(tape.H), product(tape.M_z, self.sums.spread(v)[:, None]))[:, 0]
        return u, self.effects(tape, v)[1]

    def conditional(self, tape: Eliminated, M_bar: np.ndarray) -> np.ndarray:
        """Conditional covariances of b over sigma squared, shape (k, k, L)."""
        P = tape.P
        return product(self.sums.times(P, M_bar), transpose(P)) + tape.W


@cache
def _upper_triangle(u: int, z: tuple[int, ...]) -> tuple[tuple, list[tuple]]:
    """The cells of the upper triangle of a (u, u) matrix without the rows and columns z.

    And for each of its rows: which it is, its columns, and their place among the cells.
    """
    others = np.setdiff1d(np.arange(u), z)
    rows, columns = np.triu_indices(len(others))
    of_each, start = [], 0
    for i in range(len(others)):
        stop = start + len(others) - i
        of_each.append((int(others[i]), others[i:], slice(start, stop)))
        start = stop
    return (others[rows], others[columns]), of_each


class Sums:
    """Sums over the children of each parent, and the way from a parent to its children.

    Parameters
    ----------
    parent : ndarray of int64, shape (L,)
        For each level, in the order of the arrays, the position of its parent; sorted.
    """

    def __init__(self, parent: np.ndarray):
        self.parent = parent
        self.starts = np.flatnonzero(np.diff(parent, prepend=-1))
        children, rest = divmod(len(parent), len(self.starts))
        balanced = not rest and (np.diff(self.starts) == children).all()
        self.children = children if balanced else None  # of every parent
        self.many = len(parent) >= MANY_CHILDREN * len(self.starts)
        ends = [*self.starts[1:], len(parent)]
        self.slices = list(map(slice, self.starts, ends)) if self.many else []

    def total(self, values: np.ndarray) -> np.ndarray:
        """(..., L) to (..., number of parents)."""
        if len(self.starts) == 1:
            return values.sum(axis=-1, keepdims=True)
        if self.children is None or self.children > FEW_CHILDREN:
            return np.add.reduceat(values, self.starts, axis=-1)
        total = values[..., :: self.children].copy()
        for child in range(1, self.children):
            total += values[..., child :: self.children]
        return total

    def spread(self, values: np.ndarray) -> np.ndarray:
        """(..., number of parents) to (..., L)."""
        return np.take(values, self.parent, axis=-1)

    def products(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """The sums of left' right over the children of each parent, who are `many`.

        (k, u, L) and (k, w, L) to (u, w, number of parents).
        """
        of_each = [left[..., own] @ right[..., own].swapaxes(1, 2) for own in self.slices]
        return np.stack([one.sum(axis=0) for one in of_each], axis=-1)

    def times(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """The product of each level's matrix with that of its parent.

        (k, u, L) and (u, w, number of parents) to (k, w, L).
        """
        if not self.many:
            return product(left, self.spread(right))
        made = np.empty((len(left), right.shape[1], left.shape[2]))
        for i, own in enumerate(self.slices):
            np.matmul(right[..., i].T, left[..., own], out=made[..., own])
        return made
