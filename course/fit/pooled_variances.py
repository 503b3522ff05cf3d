"""The covariances of random effects, pooled over fits on scales on which they are nearly normal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from course.common.variance_table import correlation
from course.design.design import Design
from course.solver.edges import on_the_edge, relative_covariances, without_units
from course.solver.estimates import Estimates

LEAST = -1e-8  # of an eigenvalue of a correlation matrix: rounding


def pool_covariances(
    design: Design, fits: Sequence[Estimates]
) -> tuple[tuple[np.ndarray, ...], list[str]]:
    """For each grouping one covariance matrix, and the terms for which it is the plain mean.

    Standard deviations are averaged as logarithms, correlations as Fisher's z (Pinheiro and Bates 2000,
    doi 10.1007/b98882, section 2.4.2, have normal approximations on these scales). Where a fit has an
    SD of 0, or a correlation of -1 or 1, these have no finite value: then the covariance matrices of
    that term are averaged as they are. So they are where the pooled correlations of three effects or
    more do not go together.
    """
    at_the_edge = set()
    for estimates in fits:
        relative = relative_covariances(design, estimates)
        for parameter, value in without_units(design, relative):
            if on_the_edge(parameter, value):
                at_the_edge.add((parameter.group, parameter.effects[0]))
    pooled, plain = [], []
    for g, grouping in enumerate(design.groupings):
        matrices = [estimates.covariances[g] for estimates in fits]
        whole = np.zeros_like(matrices[0])
        for block in grouping.blocks:
            here = np.ix_(block, block)
            own = np.array([matrix[here] for matrix in matrices])
            found = None
            if at_the_edge.isdisjoint((grouping.name, grouping.labels[j]) for j in block):
                found = _on_their_scales(own)
            if found is None:
                effects = " + ".join(grouping.labels[j] for j in block)
                plain.append(f"({effects} | {grouping.name})")
                found = own.mean(axis=0)
            whole[here] = found
        pooled.append(whole)
    return tuple(pooled), plain


def _on_their_scales(matrices: np.ndarray) -> np.ndarray | None:
    """One of several covariance matrices, (m, k, k); None where the pooled correlations are impossible."""
    k = matrices.shape[1]
    sds = np.exp(np.log(np.einsum("mii->mi", matrices)).mean(axis=0) / 2)
    R = np.eye(k)
    for i, j in combinations(range(k), 2):
        z = np.arctanh([correlation(matrix, i, j) for matrix in matrices])
        R[i, j] = R[j, i] = np.tanh(z.mean())
    if np.linalg.eigvalsh(R)[0] < LEAST:
        return None
    return R * np.outer(sds, sds)
