"""How alike the responses of two rows are that share groups: correlations on the scale of the data.

Let eta be the fixed part of two rows, s the effects that they share (of variance S) and r those that they do
not (R). Given s their responses are independent, so that (Goldstein, Browne and Rasbash 2002, doi
10.1207/S15328031US0104_02; de Villemereuil et al. 2016, doi 10.1534/genetics.115.186536)

    covariance = Var_s(m(s)),    m(s) = E_r(mean(eta + s + r)),
    variance = Var_{s, r}(mean(eta + s + r)) + E_{s, r}(variance of the law at that mean).

Both are averaged over the rows of the fit, each with its own fixed part, and divided. Integrals over the
normal effects are by Gauss and Hermite's quadrature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from course.fit.generalised import MixedGLMFit

MOST_ROWS = 5_000  # that are averaged over, evenly spread over those of the fit
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(31)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


@dataclass(frozen=True)
class Pair:
    """Two rows with something in common: the groupings named, and all those that contain them."""

    name: str
    own: list[int]
    common: list[int]


def of_responses(
    fit: MixedGLMFit, pairs: Sequence[Pair], points: Sequence[Mapping[str, object]]
) -> pd.DataFrame:
    """The correlation of the responses of two rows that have these groups in common: the column icc."""
    every = -(-fit.nobs // MOST_ROWS)
    rows = []
    for pair in pairs:
        for point in points:
            eta, variances = _rows(fit, point, every)
            total, shared = variances.sum(axis=1), variances[:, pair.common].sum(axis=1)
            covariance, _ = _moments(fit, eta, shared, total - shared)
            spread, law = _moments(fit, eta, total, np.zeros_like(total))
            rows.append(
                {"group": pair.name, **point, "icc": covariance.mean() / (spread + law).mean()}
            )
    return pd.DataFrame(rows).set_index("group")


def _rows(
    fit: MixedGLMFit, point: Mapping[str, object], every: int
) -> tuple[np.ndarray, np.ndarray]:
    """The fixed part of some rows, (m,), and the variance that each grouping's effects give them, (m, G)."""
    design = fit.design
    data = pd.DataFrame(design.columns).iloc[::every].assign(**point)
    eta = design.offset_rows(data) + design.fixed_rows(data) @ fit.estimates.beta
    variances = []
    for g, covariance in enumerate(fit.estimates.covariances):
        Z = design.effect_rows(g, data)
        variances.append(np.einsum("ni,ij,nj->n", Z, covariance, Z))
    return eta, np.column_stack(variances)


def _moments(
    fit: MixedGLMFit, eta: np.ndarray, inner: np.ndarray, outer: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Var_s(m), and the mean over s of the law's variance at m.

    m(s) = E_r(mean(eta + s + r)), with s of variance `inner` and r of variance `outer`.
    """
    means = [fit.family.average(eta + np.sqrt(inner) * node, outer) for node in NODES]
    m = np.column_stack(means)
    first = m @ WEIGHTS
    return ((m - first[:, None]) ** 2) @ WEIGHTS, fit.family.variance(m) @ WEIGHTS
