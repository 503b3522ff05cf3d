"""All parameters of a model in their order, with their names and values."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from course.common.parameter import Parameter
from course.common.variance_table import correlation
from course.design.design import Design
from course.design.identification import RESIDUAL
from course.design.responses import NUMBER
from course.solver.estimates import Optimum


def parameters_of(design: Design) -> list[Parameter]:
    """Fixed effects, then for each block of random effects the SDs and the correlations, then sigma.

    A response of yes or no, or a count, has no sigma.
    """
    fixed = [Parameter("fixed", effects=(name,)) for name in design.fixed_names]
    residual = [Parameter("sigma")] if design.kind == NUMBER else []
    return [*fixed, *random_parameters(design), *residual]


def random_parameters(design: Design) -> list[Parameter]:
    """The SDs and correlations alone, in the order of `parameters_of`."""
    found = []
    for grouping in design.groupings:
        effects, group = grouping.labels, grouping.name
        for block in grouping.blocks:
            found += [Parameter("sd", group, (effects[j],)) for j in block]
            found += [
                Parameter("cor", group, (effects[j], effects[i])) for j, i in combinations(block, 2)
            ]
    return found


def unknown_parameters(design: Design, reml: bool) -> set[Parameter]:
    """The SDs and correlations that the data cannot tell from others (`Design.shared`)."""
    parts = {one for shared in design.shared(reml) for one in shared.unknown}
    found = {Parameter("sigma")} if RESIDUAL in parts else set()
    for g, grouping in enumerate(design.groupings):
        labels, group = grouping.labels, grouping.name
        for block in grouping.blocks:
            found |= {Parameter("sd", group, (labels[j],)) for j in block if (g, j, j) in parts}
            found |= {
                Parameter("cor", group, (labels[i], labels[j]))
                for i, j in combinations(block, 2)
                if not parts.isdisjoint([(g, i, j), (g, i, i), (g, j, j)])
            }
    return found


def parameter_names(design: Design) -> list[str]:
    """The names of the parameters, in the order of `parameters_of`."""
    return [str(parameter) for parameter in parameters_of(design)]


def parameter_values(design: Design, estimates: Optimum) -> np.ndarray:
    """The values of the parameters, in the order of `parameters_of`."""
    random = random_values(design, estimates.covariances)
    residual = [np.sqrt(estimates.sigma2)] if design.kind == NUMBER else []
    return np.array([*estimates.beta, *random, *residual])


def random_values(design: Design, covariances: Sequence[np.ndarray]) -> list[float]:
    """The SDs and correlations of covariance matrices, one for each grouping, as `random_parameters`."""
    values = []
    for grouping, covariance in zip(design.groupings, covariances, strict=True):
        sd = np.sqrt(np.diagonal(covariance))
        for block in grouping.blocks:
            values += [float(sd[j]) for j in block]
            values += [correlation(covariance, j, i) for j, i in combinations(block, 2)]
    return values
