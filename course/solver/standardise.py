"""The distinct columns of a design, shifted and scaled so that one tolerance serves every unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from course.common.memory import in_batches
from course.design.checks import NOTHING_LEFT, constant_weights, unexplained_squares
from course.design.design import Design

ALIKE = 0.1  # 1 - R² on the columns before: below this a column is replaced by what it adds


@dataclass(frozen=True, eq=False)
class Made:
    """A column of the data, shifted, weighted and scaled, of which rows are made when they are asked for."""

    column: np.ndarray
    shift: float
    root: np.ndarray | None
    scale: float = 1.0

    def __getitem__(self, rows: slice) -> np.ndarray:
        own = self.column[rows] - self.shift
        if self.root is not None:
            own *= self.root[rows]
        own /= self.scale
        return own


class Source:
    """The distinct columns of a design; those that are only shifted and scaled are made when asked for.

    All that a fit of nested groupings needs of them are their cross-products, a batch of rows after another.
    """

    def __init__(self, columns: list[Made | np.ndarray]):
        self.columns = columns

    def __iter__(self) -> Iterator[Made | np.ndarray]:
        return iter(self.columns)

    @cached_property
    def array(self) -> np.ndarray:
        """All rows of all columns, (columns, n)."""
        return np.stack([column[:] for column in self])


@dataclass(frozen=True)
class Columns:
    """Every distinct column of X, of the Z's, and y, and the way back to the data's own units.

    Where the design has weights, rows are multiplied by their roots, so that all have one residual variance.
    A column beside an intercept may be shifted, any column may be scaled, and of two columns that say
    nearly the same, one may be replaced by what it says beyond the other: the model is the same
    with other coefficients. Coefficients in the data's units are T times the standardised ones.

    Attributes
    ----------
    source : ndarray, shape (y_at, n), or Source
        One row per distinct column of X and of the Z's; all responses of one design share them.
    y : ndarray, shape (n,) or (m, n)
        The response; several where a step of a generalised model has them.
    x : list of int, length p
        The rows of U that make X.
    T_x : ndarray, shape (p, p)
    z : list of list of int
        For each grouping the rows of U that make its Z.
    T_z : list of ndarray, (k, k) each
    B_z : list of ndarray, (k, k) each
        Coefficients of the shifted and scaled columns are B times those of U: the identity but where a
        column was replaced.
    y_at : int
        The row of U that holds y.
    y_shift, y_scale : float
        Response = y_shift + y_scale * standardised response.
    constant : ndarray of shape (p,), or None
        Coefficients of X that make a constant, where there are any.
    """

    source: np.ndarray | Source
    y: np.ndarray
    x: list[int]
    T_x: np.ndarray
    z: list[list[int]]
    T_z: list[np.ndarray]
    B_z: list[np.ndarray]
    y_at: int
    y_shift: float
    y_scale: float
    constant: np.ndarray | None

    @property
    def XZ(self) -> np.ndarray:
        """The columns as an array, (y_at, n)."""
        return self.source.array if isinstance(self.source, Source) else self.source

    @property
    def U(self) -> np.ndarray:
        """All of them, one row per column, put together anew: (u, n)."""
        return np.vstack([self.XZ, self.y])

    @property
    def rows(self) -> list[Made | np.ndarray]:
        """The same as a list whose members give any slice of the rows of the data."""
        return [*self.source, *np.atleast_2d(self.y)]

    def at(self, rows: np.ndarray) -> Columns:
        """The columns at some of the rows of the data, (n,) of bool."""
        return replace(self, source=self.XZ[:, rows], y=self.y[..., rows])

    def with_response(self, design: Design) -> Columns:
        """The same columns with the response of another design."""
        shift, scale, y = _response(design, self.constant)
        return replace(self, y=y, y_shift=shift, y_scale=scale)


def standardise(design: Design) -> Columns:
    """Collect the columns of a design; those that occur several times are kept once."""
    pool: dict[int, int] = {}
    numbers: dict[tuple, int] = {}  # of what a column is made of: keys that hold keys would double
    made: dict[int, Made] = {}
    columns: list[Made | np.ndarray] = []
    root = _root_weights(design)

    def shifted_and_scaled(column: np.ndarray, shifted: bool) -> Made:
        centre = np.average(column, weights=design.weights) if shifted else 0.0
        own = Made(column, float(centre), root)
        return replace(own, scale=_root_mean_square(own, len(column)) or 1.0)

    def add(matrix: np.ndarray, names: tuple[str, ...], labels: tuple[str, ...]) -> tuple:
        # by label, since one grouping may have one effect twice, and each needs a row of its own
        T, B, keys = np.eye(len(names)), np.eye(len(names)), []
        found: list[Made | np.ndarray] = []
        weights = constant_weights(matrix, names)
        for j in range(len(names)):
            shifted = weights is not None and weights[j] == 0
            key = numbers.setdefault((labels[j], shifted), len(numbers))
            if key not in made:
                made[key] = shifted_and_scaled(matrix[:, j], shifted)
            own = made[key]
            T[j, j] = 1 / own.scale
            if weights is not None and shifted:
                T[:, j] -= own.shift / own.scale * weights
            keys.append(key)
            found.append(own)
        free = [j for j in range(len(names)) if weights is None or weights[j] == 0]
        for j, others in _alike(found, free, len(matrix)):
            before = np.stack([found[i][:] for i in others], axis=1)
            b = np.linalg.lstsq(before, found[j][:])[0]
            # an array: made when asked for, it would make those before it again, and these theirs
            rest = found[j][:] - before @ b
            scale = _root_mean_square(rest, len(rest))
            found[j], B[:, j] = rest / scale, (B[:, j] - B[:, others] @ b) / scale
            made_of = (keys[j], *(keys[i] for i in others))
            keys[j] = numbers.setdefault(made_of, len(numbers))
        for key, column in zip(keys, found, strict=True):
            if key not in pool:
                pool[key] = len(columns)
                columns.append(column)
        return [pool[key] for key in keys], T @ B, B

    x, T_x, _ = add(design.X, design.fixed_names, design.fixed_names)
    all_z: list[list[int]] = []
    T_z: list[np.ndarray] = []
    B_z: list[np.ndarray] = []
    for grouping in design.groupings:
        where: list[int] = []
        T, B = np.zeros((2, len(grouping.effects), len(grouping.effects)))
        for block in grouping.blocks:
            names = tuple(grouping.effects[j] for j in block)
            labels = tuple(grouping.labels[j] for j in block)
            here = slice(len(where), len(where) + len(block))
            found, T[here, here], B[here, here] = add(grouping.Z[:, block], names, labels)
            where += found
        all_z.append(where)
        T_z.append(T)
        B_z.append(B)
    constant = constant_weights(design.X, design.fixed_names)
    y_shift, y_scale, y = _response(design, constant)
    return Columns(
        source=Source(columns),
        y=y,
        x=x,
        T_x=T_x,
        z=all_z,
        T_z=T_z,
        B_z=B_z,
        y_at=len(columns),
        y_shift=y_shift,
        y_scale=y_scale,
        constant=constant,
    )


def _alike(
    columns: list[Made | np.ndarray], free: list[int], n: int
) -> list[tuple[int, list[int]]]:
    """Columns that those before them nearly determine, each with these; exact copies are left alone."""
    if len(free) < 2:
        return []
    gram = np.zeros((len(free), len(free)))
    for rows in in_batches(n, len(free)):
        some = np.stack([columns[j][rows] for j in free])
        gram += some @ some.T
    gram /= n
    left = unexplained_squares(gram)
    nearly = np.flatnonzero((NOTHING_LEFT < left) & (left < ALIKE * np.diagonal(gram)))
    return [(free[j], free[:j]) for j in nearly]


def _response(design: Design, constant: np.ndarray | None) -> tuple[float, float, np.ndarray]:
    y = design.y_less_offset
    shift = 0.0 if constant is None else float(np.average(y, weights=design.weights))
    y, root = y - shift, _root_weights(design)
    if root is not None:
        y *= root
    scale = _root_mean_square(y, len(y))
    y /= scale
    return shift, scale, y


def _root_weights(design: Design) -> np.ndarray | None:
    """What rows are multiplied by, so that all have one residual variance; None for 1."""
    return None if design.weights is None else np.sqrt(design.weights)


def _root_mean_square(column: np.ndarray | Made, n: int) -> float:
    batches = (column[rows] for rows in in_batches(n, 1))
    return float(np.sqrt(sum(np.vdot(own, own) for own in batches) / n))
