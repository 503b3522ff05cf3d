"""One parameter of a generalised fit held at a value, all others free: the deviance and its gradient.

All is as in a linear fit (`course.inference.constrained`) but that there is no sigma, and that the fixed
effects are among what is free: x is (beta, theta) without what the parameter that is held determines.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from course.common.parameter import Parameter
from course.fit.generalised import MixedGLMFit
from course.inference.constrained import HeldAlone, head_of, to_head, with_columns
from course.solver.factors import lower_factor
from course.solver.penalised import Generalised

STEP = 1e-3  # of differences of gradients, in standardised units

# Takes the value at which the parameter is held, and x; returns (beta, theta), and its derivative by x.
Point = Callable[[float, np.ndarray], tuple[np.ndarray, np.ndarray]]


def hold_generalised(parameter: Parameter, fit: MixedGLMFit) -> HeldAlone:
    """Hold one parameter of a fit; a correlation is held by its angle."""
    model, best = fit.model.by_quadrature(fit.nagq), fit.estimates
    beta, theta = best.optimum.at.beta, best.theta_standard
    if parameter.kind == "fixed":
        j = list(fit.design.fixed_names).index(parameter.effects[0])
        return _hold_fixed(model, np.append(beta, theta), j, float(fit.bse_fe.iloc[j]))
    g = [grouping.name for grouping in fit.design.groupings].index(parameter.group)
    grouping = fit.design.groupings[g]
    first = [grouping.labels.index(effect) for effect in parameter.effects]
    block = next(block for block in grouping.blocks if first[0] in block)
    order, to_new, unit = to_head(model.columns, g, block, first)
    columns = with_columns(model.columns, g, block, np.linalg.inv(to_new)[:, order])
    factors, here = model.linear.unpack(theta), np.ix_(block, block)
    factors[g][here] = lower_factor((to_new @ factors[g][here])[order], (range(len(block)),))
    if len(block) > 1:  # no quadrature has several effects
        model = Generalised(fit.design, fit.family, columns)
    start = np.append(beta, model.linear.pack(factors))
    at = model.p + head_of(model.linear, g, block)
    if parameter.kind == "sd":
        return _hold_sd(model, start, at, unit)
    return _hold_correlation(model, start, at, len(block))


def _held(
    model: Generalised,
    point: Point,
    start: np.ndarray,
    estimate: float,
    kinds: tuple[np.ndarray, np.ndarray],
    scale: float,
    low: float = -np.inf,
    high: float = np.inf,
) -> HeldAlone:
    """The objective, and a rough curvature along each x; `kinds` are the x that are SDs, and positive."""
    modes: list[list[np.ndarray] | None] = [None]

    def deviance(value: float, x: np.ndarray) -> tuple[float, np.ndarray]:
        at, by_x = point(value, x)
        nowhere = np.inf, np.zeros_like(x)
        try:
            found = model.evaluate(at[: model.p], at[model.p :], modes[0])
        except np.linalg.LinAlgError:  # so far out that no digit is left
            return nowhere
        if not np.isfinite(found.deviance):
            return nowhere
        modes[0] = found.mode.u  # where the next search for a mode begins
        return found.deviance, by_x.T @ found.gradient

    curvature = np.array(
        [
            (deviance(estimate, start + step)[1] - deviance(estimate, start - step)[1])[i]
            / (2 * STEP)
            for i, step in enumerate(STEP * np.eye(len(start)))
        ]
    )
    curvature = np.maximum(np.abs(curvature), 1e-3 * np.abs(curvature).max(initial=1e-3))
    return HeldAlone(deviance, model.design.n, start, curvature, *kinds, scale, low, high)


def _hold_fixed(model: Generalised, start: np.ndarray, j: int, scale: float) -> HeldAlone:
    # c'beta is the coefficient: the entry that counts most in it follows from the others
    c = np.append(model.columns.T_x[j], np.zeros(model.n_theta))
    m = int(np.abs(c).argmax())
    others = np.delete(np.arange(len(start)), m)
    by_x = np.zeros((len(start), len(others)))
    by_x[others, np.arange(len(others))] = 1
    by_x[m] = -c[others] / c[m]

    def point(value: float, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        at = by_x @ x
        at[m] += value / c[m]
        return at, by_x

    diagonal = np.append(np.zeros(model.p, dtype=bool), model.linear.diagonal)[others]
    kinds = diagonal, np.zeros(len(others), dtype=bool)
    return _held(model, point, start[others], float(c @ start), kinds, scale)


def _hold_sd(model: Generalised, start: np.ndarray, at: int, unit: float) -> HeldAlone:
    others = np.delete(np.arange(len(start)), at)
    by_x = np.eye(len(start))[:, others]

    def point(value: float, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        whole = by_x @ x
        whole[at] = value / unit
        return whole, by_x

    diagonal = np.append(np.zeros(model.p, dtype=bool), model.linear.diagonal)[others]
    kinds = diagonal, np.zeros(len(others), dtype=bool)
    scale = unit * max(0.25 * abs(start[at]), 0.1)
    return _held(model, point, start[others], float(unit * start[at]), kinds, scale, low=0.0)


def _hold_correlation(model: Generalised, start: np.ndarray, at: int, size: int) -> HeldAlone:
    # theta holds the block column by column: a, b, ... of the first column, then c of the second
    b, c = at + 1, at + size
    kept = np.delete(np.arange(len(start)), c)  # x: m takes the place of b
    place = int(np.flatnonzero(kept == b)[0])

    def point(angle: float, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rho, root = np.sin(angle), np.cos(angle)
        by_x = np.eye(len(start))[:, kept]
        by_x[b, place], by_x[c, place] = rho, root
        return by_x @ x, by_x

    length = start.copy()
    length[b] = np.hypot(start[b], start[c])
    positive = np.isin(kept, [at, b])
    diagonal = np.append(np.zeros(model.p, dtype=bool), model.linear.diagonal)[kept]
    angle = float(np.arctan2(start[b], start[c]))
    kinds = diagonal | positive, positive
    return _held(model, point, length[kept], angle, kinds, 0.25, low=-np.pi / 2, high=np.pi / 2)
