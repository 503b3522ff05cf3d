"""How the variance of the response is divided between groupings, with random slopes averaged over rows.

With random slopes the variance of a grouping depends on the predictors. For a row with values z it is
z' S z, S the covariance matrix of the grouping's effects; its mean over rows is tr(S M) with M the mean of
z z' (Johnson 2014, doi 10.1111/2041-210X.12225).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd

from course.design.design import Design
from course.design.identification import RESIDUAL, Covariance
from course.formula.parse import variables_of
from course.solver.estimates import Optimum


def mean_variances(design: Design, estimates: Optimum) -> np.ndarray:
    """For each grouping the variance that its effects give a row, averaged over the rows."""
    return row_variances(estimates.covariances, design.mean_products)


def mean_products(
    design: Design,
    point: Mapping[str, object] | None = None,
    weights: np.ndarray | None = None,
) -> list[np.ndarray]:
    """For each grouping the mean of z z' over the rows, (k, k), with the predictors in `point` fixed.

    Rows count by their weights, (n,), where these are given.
    """
    if not point and weights is None:
        return design.mean_products
    if point:
        rows = pd.DataFrame(design.columns)
        if set(point) >= set(slope_variables(design)):
            rows, weights = rows.head(1), None  # every row would be the same
        rows = rows.assign(**point)
        stacked = [design.effect_rows(g, rows) for g in range(len(design.groupings))]
    else:
        stacked = [grouping.Z for grouping in design.groupings]
    counts = np.ones(len(stacked[0])) if weights is None else weights
    share = counts / counts.sum()
    return [(share[:, None] * Z).T @ Z for Z in stacked]


def row_variances(covariances: Sequence[np.ndarray], M: list[np.ndarray]) -> np.ndarray:
    return np.array([float((m * S).sum()) for m, S in zip(M, covariances, strict=True)])


def shares_known(
    design: Design, reml: bool, M: list[np.ndarray], members: Sequence[int], residual: bool = False
) -> bool:
    """Whether the data know the variance that these groupings together give a row, and the total."""
    whole = {RESIDUAL: 1.0}
    for g, grouping in enumerate(design.groupings):
        for block in grouping.blocks:
            for i, j in combinations_with_replacement(block, 2):
                whole[Covariance(g, i, j)] = M[g][i, j] * (1 if i == j else 2)
    part = {
        one: weight
        for one, weight in whole.items()
        if one.grouping in members or (residual and one == RESIDUAL)
    }
    return all(shared.knows(part) and shared.knows(whole) for shared in design.shared(reml))


def slope_variables(design: Design) -> list[str]:
    """The columns that the random effects are computed from."""
    formulas = [formula for grouping in design.groupings for formula in grouping.formulas]
    return list(dict.fromkeys(name for formula in formulas for name in variables_of(formula)))
