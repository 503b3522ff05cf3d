"""The distinct columns of a design, shifted and scaled so that one tolerance serves every unit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg

from course.checks import constant_weights
from course.design import Design


@dataclass(frozen=True)
class Columns:
    """Every distinct column of X, of the Z's, and y, and the way back to the data's own units.

    A column beside an intercept may be shifted, any column may be scaled: the model is the same with
    other coefficients. Coefficients in the data's units are T times the standardised ones.

    Attributes
    ----------
    U : ndarray, shape (u, n)
        One row per distinct column.
    x : list of int, length p
        The rows of U that make X.
    T_x : ndarray, shape (p, p)
    z : list of list of int
        For each grouping the rows of U that make its Z.
    T_z : list of ndarray, (k, k) each
    y_at : int
        The row of U that holds y.
    y_shift, y_scale : float
        Response = y_shift + y_scale * standardised response.
    constant : ndarray of shape (p,), or None
        Coefficients of X that make a constant, where there are any.
    """

    U: np.ndarray
    x: list[int]
    T_x: np.ndarray
    z: list[list[int]]
    T_z: list[np.ndarray]
    y_at: int
    y_shift: float
    y_scale: float
    constant: np.ndarray | None

    def with_response(self, design: Design) -> Columns:
        """The same columns with the response of another design."""
        U = self.U.copy()
        shift, scale, U[self.y_at] = _response(design, self.constant)
        return replace(self, U=U, y_shift=shift, y_scale=scale)


def standardise(design: Design) -> Columns:
    """Collect the columns of a design; those that occur several times are kept once."""
    pool: dict[tuple[str, bool], int] = {}
    columns: list[np.ndarray] = []

    def add(matrix: np.ndarray, names: tuple[str, ...]) -> tuple[list[int], np.ndarray]:
        where, T = [], np.eye(len(names))
        weights = constant_weights(matrix, names)
        for j, name in enumerate(names):
            shifted = weights is not None and weights[j] == 0
            key, column, centre, scale = (name, shifted), matrix[:, j], 0.0, 1.0
            if name != "Intercept":
                centre = column.mean() if shifted else 0.0
                scale = np.sqrt(np.mean((column - centre) ** 2)) or 1.0
                T[j, j] = 1 / scale
                if shifted:
                    T[:, j] -= centre / scale * weights
            if key not in pool:
                pool[key] = len(columns)
                columns.append((column - centre) / scale if name != "Intercept" else column)
            where.append(pool[key])
        return where, T

    x, T_x = add(design.X, design.fixed_names)
    all_z: list[list[int]] = []
    T_z: list[np.ndarray] = []
    for grouping in design.groupings:
        where, blocks = [], []
        for block in grouping.blocks:
            names = tuple(grouping.effects[j] for j in block)
            found, T = add(grouping.Z[:, block], names)
            where += found
            blocks.append(T)
        all_z.append(where)
        T_z.append(linalg.block_diag(*blocks))
    constant = constant_weights(design.X, design.fixed_names)
    y_shift, y_scale, y = _response(design, constant)
    return Columns(
        U=np.stack([*columns, y]),
        x=x,
        T_x=T_x,
        z=all_z,
        T_z=T_z,
        y_at=len(columns),
        y_shift=y_shift,
        y_scale=y_scale,
        constant=constant,
    )


def _response(design: Design, weights: np.ndarray | None) -> tuple[float, float, np.ndarray]:
    shift = 0.0 if weights is None else float(design.y.mean())
    scale = float(np.sqrt(np.mean((design.y - shift) ** 2)))
    return shift, scale, (design.y - shift) / scale
