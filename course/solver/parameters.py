"""Names and values of all parameters."""

from __future__ import annotations

import numpy as np

from course.design.design import Design
from course.solver.estimates import Estimates


def parameter_names(design: Design) -> list[str]:
    """The names of the parameters, in the order of `parameters`."""
    names = list(design.fixed_names)
    for grouping in design.groupings:
        effects, group = grouping.effects, grouping.name
        for block in grouping.blocks:
            names += [f"sd({effects[j]} | {group})" for j in block]
            names += [f"cor({effects[j]}, {effects[i]} | {group})" for j, i in _pairs(block)]
    return [*names, "sigma"]


def parameter_values(design: Design, estimates: Estimates) -> np.ndarray:
    """The values of the parameters, in the order of `parameter_names`."""
    values = list(estimates.beta)
    for grouping, covariance in zip(design.groupings, estimates.covariances, strict=True):
        sd = np.sqrt(np.diagonal(covariance))
        for block in grouping.blocks:
            values += [sd[j] for j in block]
            values += [correlation(covariance, i, j) for j, i in _pairs(block)]
    return np.array([*values, np.sqrt(estimates.sigma2)])


def _pairs(block: tuple[int, ...]) -> list[tuple[int, int]]:
    return [(j, i) for at, j in enumerate(block) for i in block[at + 1 :]]


def correlation(covariance: np.ndarray, i: int, j: int) -> float:
    """The correlation of two effects; NaN where one of them does not vary."""
    both = np.sqrt(covariance[i, i] * covariance[j, j])
    return float(np.clip(covariance[i, j] / both, -1, 1)) if both > 0 else np.nan
