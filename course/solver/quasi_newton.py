"""Quasi-Newton steps from where the curvature is known, for several functions side by side.

BFGS with a line search that only goes back (Nocedal and Wright 2006, doi 10.1007/978-0-387-40065-5,
algorithms 3.1 and 6.1). Where the first curvature is about right nearly every step is taken whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

GTOL = 1e-6  # largest gradient, with every theta measured by its curvature
MOST_STEPS = 25  # what takes longer is searched for in another way
# Of a whole step: where even that leads upwards, the curvature is not what it seemed.
SHORTEST = 1e-3
# A step is long enough that lowers the value by this share of what its slope promises.
ENOUGH = 1e-4

# Takes numbers of functions, and a point for each; returns the values and the slopes there.
Functions = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Found:
    """Where a search ended: the gradient is the largest entry, measured by the curvature."""

    theta: np.ndarray
    value: float
    gradient: float
    converged: bool
    evaluations: int


def tolerance(n: float) -> float:
    """The gradient, every theta measured by its curvature, with which a search over n rows is content."""
    # the deviance is a sum over n rows: below its rounding a line search finds nothing but noise
    rounding = 100 * np.finfo(float).eps * n
    return max(GTOL, rounding**0.5)


def descend_together(
    functions: Functions, start: np.ndarray, inverse: np.ndarray, enough: np.ndarray
) -> list[Found]:
    """Follow each of several functions down.

    Parameters
    ----------
    functions : Functions
    start : ndarray, shape (functions, k)
    inverse : ndarray, shape (functions, k, k)
        Of the second derivatives there, roughly.
    enough : ndarray, shape (functions,)
        The slopes, measured by the curvature, from which the last step is taken on trust.

    Returns
    -------
    list of Found
        Not converged where a function cannot be followed in few steps.

    Examples
    --------
    >>> def parabola(which, x):
    ...     return (x[:, 0] - 3) ** 2, 2 * (x - 3)
    >>> one, = descend_together(parabola, np.zeros((1, 1)), np.ones((1, 1, 1)), np.full(1, 1e-6))
    >>> one.theta, one.converged
    (array([3.]), True)
    """
    x, H, everything = start.copy(), inverse.copy(), np.arange(len(start))
    unit = np.sqrt(inverse.diagonal(axis1=1, axis2=2))
    with np.errstate(all="ignore"):
        value, slope = functions(everything, x)
        steepest = np.abs(slope * unit).max(axis=1, initial=0)
        length, evaluations = np.ones(len(x)), np.ones(len(x), dtype=np.int64)
        for _ in range(MOST_STEPS):
            which = everything[(steepest > enough) & (length > SHORTEST)]
            if not len(which):
                break
            step = -np.einsum("rij,rj->ri", H[which], slope[which])
            there = x[which] + length[which, None] * step
            new_value, new_slope = functions(which, there)
            evaluations[which] += 1
            promised = length[which] * (step * slope[which]).sum(axis=1)
            rounding = 10 * np.finfo(float).eps * np.abs(value[which])
            lower = new_value < value[which] + ENOUGH * promised + rounding
            length[which] = np.where(lower, 1.0, 0.3 * length[which])
            which, there, new_slope = which[lower], there[lower], new_slope[lower]
            H[which] = _updated(H[which], there - x[which], new_slope - slope[which])
            x[which], value[which], slope[which] = there, new_value[lower], new_slope
            steepest[which] = np.abs(new_slope * unit[which]).max(axis=1, initial=0)
    there = steepest <= enough
    last = -np.einsum("rij,rj->ri", H[there], slope[there])
    x[there] += last
    value[there] += (last * slope[there]).sum(axis=1) / 2
    return [
        Found(x[i], float(value[i]), float(steepest[i]), bool(there[i]), int(evaluations[i]))
        for i in everything
    ]


def _updated(H: np.ndarray, step: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The BFGS update of inverse curvatures (m, k, k), where the slope changed as that of a valley does."""
    bend = (step * change).sum(axis=1)
    Hy = np.einsum("rij,rj->ri", H, change)
    ratio = (1 + (change * Hy).sum(axis=1) / bend) / bend
    both = Hy[:, :, None] * step[:, None]
    new = H + ratio[:, None, None] * step[:, :, None] * step[:, None]
    new -= (both + both.swapaxes(1, 2)) / bend[:, None, None]
    return np.where((bend > 0)[:, None, None], new, H)
