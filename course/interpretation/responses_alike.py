"""How alike the responses of two rows are that share groups: correlations on the scale of the data.

Let eta be the fixed part of two rows, s the effects that they share (of variance S) and r those that they do
not (R). Given s their responses are independent, so that (Goldstein, Browne and Rasbash 2002, doi
10.1207/S15328031US0104_02; de Villemereuil et al. 2016, doi 10.1534/genetics.115.186536)

    covariance = Var_s(m(s)),    m(s) = E_r(mean(eta + s + r)),
    variance = Var_{s, r}(mean(eta + s + r)) + E_{s, r}(variance of the law at that mean).

Both are averaged over the rows of the fit, each with its own fixed part, and divided. Integrals over the
normal effects are by Gauss and Hermite's quadrature. Intervals look at fewer rows, which stand for all of
them, since they need the correlation at many values of beta and of the covariances.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from course.fit.curvature import root_of_covariance
from course.fit.generalised import MixedGLMFit
from course.fit.shares import mean_products, shares_known

MOST_ROWS = 5_000  # that are averaged over, evenly spread over those of the fit
STAND_FOR_ALL = 200  # of them for intervals, evenly spread in the order of their fixed part
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(31)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
STEP = 1e-2  # of the differences for a slope, in standard errors
LEAST = 1e-6  # a share or correlation below this is that of a variance of 0


@dataclass(frozen=True)
class Pair:
    """Two rows with something in common: the groupings named, and all those that contain them."""

    name: str
    own: list[int]
    common: list[int]


@dataclass(frozen=True, eq=False)
class Replicates:
    """What n bootstrap fits found.

    Attributes
    ----------
    beta : ndarray, shape (n, p)
    covariances : list of ndarray, (n, k, k) each
    sigma2 : ndarray of shape (n,), or None
        None of a generalised fit.
    """

    beta: np.ndarray
    covariances: list[np.ndarray]
    sigma2: np.ndarray | None


def of_responses(
    fit: MixedGLMFit,
    pairs: Sequence[Pair],
    points: Sequence[Mapping[str, object]],
    level: float,
    replicates: Replicates | None = None,
) -> pd.DataFrame:
    """The correlation of the responses of two rows that have these groups in common, with an interval.

    Returns
    -------
    DataFrame
        icc, icc_lower, icc_upper, by the names of the pairs: by the delta method on the logit scale, or
        percentiles of replicates.
    """
    looked_at = []
    for point in points:
        some = _Rows.of(fit, point)
        M = mean_products(fit.design, point)
        looked_at.append((point, some, some.standing_for_all(), M))
    rows = []
    for pair in pairs:
        for point, some, fewer, M in looked_at:
            value = some.correlation(fit.estimates.beta, fit.estimates.covariances, pair.common)
            ends = np.nan, np.nan
            if shares_known(fit.design, False, M, pair.common):
                ends = _ends(fewer, pair.common, value, level, replicates)
            row = {"group": pair.name, **point, "icc": value}
            rows.append(row | dict(zip(("icc_lower", "icc_upper"), ends, strict=True)))
    return pd.DataFrame(rows).set_index("group")


def _ends(
    rows: _Rows,
    common: list[int],
    value: float,
    level: float,
    replicates: Replicates | None,
) -> tuple[float, float]:
    if replicates is not None:
        drawn = [
            rows.correlation(beta, list(covariances), common)
            for beta, *covariances in zip(replicates.beta, *replicates.covariances, strict=True)
        ]
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)
    if value < LEAST:  # the likelihood is flat here to first order: no curvature to read
        return np.nan, np.nan
    return logit_interval(value, _error_of_logit(rows, common), level)


def logit_interval(
    value: float, error: float, level: float, df: float = np.inf
) -> tuple[float, float]:
    """The interval of a share, from the standard error of its logit: its ends lie between 0 and 1.

    Examples
    --------
    >>> [round(end, 3) for end in logit_interval(0.5, 1.0, 0.95)]
    [0.123, 0.877]
    """
    at, half = special.logit(value), error * special.stdtrit(df, (1 + level) / 2)
    return float(special.expit(at - half)), float(special.expit(at + half))


def _error_of_logit(rows: _Rows, common: list[int]) -> float:
    """By the delta method: the slope along each of as many independent directions as there are."""
    fit = rows.fit
    model, optimum = fit.model.problem, fit.estimates.optimum
    point = np.append(optimum.at.beta, fit.estimates.theta_standard)

    def logit(at: np.ndarray) -> float:
        factors = model.linear.unpack(at[model.p :])
        covariances = [
            T @ factor @ factor.T @ T.T
            for T, factor in zip(model.columns.T_z, factors, strict=True)
        ]
        value = rows.correlation(model.columns.T_x @ at[: model.p], covariances, common)
        return float(special.logit(value))

    slopes = [
        (logit(point + STEP * way) - logit(point - STEP * way)) / (2 * STEP)
        for way in root_of_covariance(fit).T
    ]
    return float(np.linalg.norm(slopes))


@dataclass(frozen=True, eq=False)
class _Rows:
    """Some rows: the law of their response, what their fixed part and their effects are made of."""

    fit: MixedGLMFit
    offset: np.ndarray
    X: np.ndarray
    Z: list[np.ndarray]

    @classmethod
    def of(cls, fit: MixedGLMFit, point: Mapping[str, object]) -> _Rows:
        """Rows evenly spread over those of a fit, with the predictors in `point` at these values."""
        design = fit.design
        data = pd.DataFrame(design.columns).iloc[:: -(-fit.nobs // MOST_ROWS)].assign(**point)
        Z = [design.effect_rows(g, data) for g in range(len(design.groupings))]
        return cls(fit, design.offset_rows(data), design.fixed_rows(data), Z)

    def standing_for_all(self) -> _Rows:
        """Fewer rows, with nearly the same averages: from the middle of slices of equal size."""
        n = len(self.X)
        if n <= STAND_FOR_ALL:
            return self
        order = np.argsort(self.offset + self.X @ self.fit.estimates.beta, kind="stable")
        middles = (np.arange(STAND_FOR_ALL) + 0.5) * n / STAND_FOR_ALL
        kept = order[middles.astype(np.int64)]
        return _Rows(self.fit, self.offset[kept], self.X[kept], [Z[kept] for Z in self.Z])

    def correlation(
        self, beta: np.ndarray, covariances: Sequence[np.ndarray], common: list[int]
    ) -> float:
        """That of two responses which share the effects of the groupings in `common`."""
        eta = self.offset + self.X @ beta
        variances = [
            np.einsum("ni,ij,nj->n", Z, S, Z) for Z, S in zip(self.Z, covariances, strict=True)
        ]
        total, shared = np.sum(variances, axis=0), np.sum([variances[g] for g in common], axis=0)
        covariance, _ = self._moments(eta, shared, (total - shared).clip(min=0))
        spread, law = self._moments(eta, total, np.zeros_like(total))
        return float(covariance.mean() / (spread + law).mean())

    def _moments(
        self, eta: np.ndarray, inner: np.ndarray, outer: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Var_s(m), and the mean over s of the law's variance at m.

        m(s) = E_r(mean(eta + s + r)), with s of variance `inner` and r of variance `outer`.
        """
        family = self.fit.family
        means = [family.average(eta + np.sqrt(inner) * node, outer) for node in NODES]
        m = np.column_stack(means)
        first = m @ WEIGHTS
        return ((m - first[:, None]) ** 2) @ WEIGHTS, family.variance(m) @ WEIGHTS
