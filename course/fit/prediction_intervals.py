"""How far from the true values predicted ones may be: standard deviations and intervals.

A prediction is w'(beta, u) with w = (x, Lambda' z) and u the random effects in the form that stands a Lambda
that is singular. With C the coefficients of Henderson's mixed model equations in that form (Henderson 1975,
doi 10.2307/2529430; Bates et al. 2015, doi 10.18637/jss.v067.i01),

    variance = sigma^2 (w' C^-1 w + sum of |Lambda_g' z|^2 over groups whose effects are unknown + 1),

the 1 for a single response around its mean: 1 over its weight, where rows have prior weights. The variances
are estimated, too, and so is this one: the degrees of freedom of its t quantile are Satterthwaite's (1946,
doi 10.2307/3002019).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import sparse, stats
from scipy.sparse import linalg as sparse_linalg

from course.common.arguments import choice, proportion
from course.design.design import Design
from course.fit.predict import predict, wanted_groups
from course.fit.satterthwaite import STEP, Satterthwaite
from course.solver.estimates import Estimates
from course.solver.problem import Problem

INTERVALS = ("confidence", "prediction")
CHUNK = 4_000_000  # cells of w worked on at once


def prediction_intervals(
    problem: Problem,
    estimates: Estimates,
    satterthwaite: Satterthwaite,
    new_data: pd.DataFrame | None,
    random: str | Sequence[str],
    interval: str,
    level: float,
) -> pd.DataFrame:
    """estimate, std_error, df, lower, upper of predicted responses; see `MixedFit.predict`.

    Raises
    ------
    CourseError
        As `predict`, and for an interval or level that is none.
    """
    choice("interval", interval, INTERVALS)
    level = proportion("level", level)
    design = problem.design
    estimate = predict(design, estimates, new_data, random)
    groups = wanted_groups([grouping.name for grouping in design.groupings], random)
    rows = pd.DataFrame(design.columns, index=design.index) if new_data is None else new_data
    whole = estimate.notna().to_numpy()
    residual = np.zeros(len(estimate))
    if interval == "prediction":
        residual = 1 / (design.weight_rows(rows) if new_data is not None else design.row_weights)
    variances = _Variances(design, rows[whole], groups, residual[whole])
    found, df = np.full((2, len(estimate)), np.nan)
    if whole.any():
        found[whole] = estimates.sigma2 * variances.at(estimates.factors)
        df[whole] = _satterthwaite_df(problem, estimates, satterthwaite, variances)
    std_error = np.sqrt(found)
    half = stats.t.ppf((1 + level) / 2, df) * std_error
    return pd.DataFrame(
        {
            "estimate": estimate,
            "std_error": std_error,
            "df": df,
            "lower": estimate - half,
            "upper": estimate + half,
        }
    )


def prediction_sd(
    design: Design, estimates: Estimates, rows: pd.DataFrame, groups: Sequence[str]
) -> np.ndarray:
    """Standard deviation of predicted means around the true ones, (m,).

    Parameters
    ----------
    design : Design
    estimates : Estimates
    rows : DataFrame
        The rows to predict, m of them.
    groups : list of str
        The groupings whose random effects the prediction holds, as in ``fit.predict(random=)``.
    """
    variances = _Variances(design, rows, groups, np.zeros(len(rows)))
    return np.sqrt(estimates.sigma2 * variances.at(estimates.factors))


class _Variances:
    """The variance over sigma^2 of the predictions of some rows, at any Lambda.

    Parameters
    ----------
    design : Design
    rows : DataFrame
        Without missing values.
    groups : list of str
        Those whose random effects are added.
    residual : ndarray, shape (m,)
        The residual's own variance over sigma^2 where single responses are predicted; 0 for their means. For
        single responses groups that are not in `groups` vary, too, as those of a new row do.
    """

    def __init__(
        self, design: Design, rows: pd.DataFrame, groups: Sequence[str], residual: np.ndarray
    ):
        self.design, self.residual = design, residual
        self.x = design.fixed_rows(rows)
        self.known: list[tuple[np.ndarray, np.ndarray] | None] = []
        self.unknown: list[np.ndarray | None] = []  # z of rows whose effects are not known, else 0
        for g, grouping in enumerate(design.groupings):
            if grouping.name in groups:
                codes, Z = design.random_rows(g, rows)
                seen = codes[:, None] >= 0
                self.known.append((np.where(seen, Z, 0.0), codes.clip(min=0)))
                self.unknown.append(np.where(seen, 0.0, Z))
            else:
                self.known.append(None)
                self.unknown.append(design.effect_rows(g, rows) if residual.any() else None)

    def at(self, factors: Sequence[np.ndarray]) -> np.ndarray:
        """The variances at these relative covariance factors, (m,)."""
        design, p, m = self.design.scaled, self.x.shape[1], len(self.x)
        fitted, new = [sparse.csc_array(np.asarray(design.X))], [sparse.csc_array(self.x)]
        total = self.residual.copy()
        for g, (grouping, factor) in enumerate(zip(design.groupings, factors, strict=True)):
            fitted.append(_spread(grouping.Z @ factor, grouping.codes, grouping.n_levels))
            known, unknown = self.known[g], self.unknown[g]
            if known is None:
                new.append(sparse.csc_array((m, fitted[-1].shape[1])))
            else:
                new.append(_spread(known[0] @ factor, known[1], grouping.n_levels))
            if unknown is not None:
                total += np.einsum("ij,ij->i", unknown @ factor, unknown @ factor)
        A, w = sparse.hstack(fitted, format="csc"), sparse.hstack(new, format="csr")
        scale = np.ones(A.shape[1])
        scale[:p] = np.abs(design.X).max(axis=0)  # incomes beside proportions
        A, w = A @ sparse.diags_array(1 / scale), w @ sparse.diags_array(1 / scale)
        prior = np.ones(A.shape[1])
        prior[:p] = 0.0
        C = sparse.csc_array(A.T @ A + sparse.diags_array(prior))
        solve = sparse_linalg.splu(
            C, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}
        ).solve
        for rows in _chunks(m, A.shape[1]):
            dense = w[rows].toarray()
            total[rows] += np.einsum("ij,ji->i", dense, solve(dense.T))
        return total


def _satterthwaite_df(
    problem: Problem, estimates: Estimates, satterthwaite: Satterthwaite, variances: _Variances
) -> np.ndarray:
    """2 v^2 over the variance of v, v = sigma^2 times what `variances` gives, (m,)."""
    theta = estimates.theta_standard

    def at(point: np.ndarray) -> np.ndarray:
        pairs = zip(problem.T_z, problem.unpack(point), strict=True)
        return variances.at([T @ factor for T, factor in pairs])

    v = at(theta)
    slopes = np.empty((len(theta) + 1, len(v)))  # of log v by theta and sigma
    for i, step in enumerate(STEP * np.eye(len(theta))):
        slopes[i] = (at(theta + step) - at(theta - step)) / (2 * STEP) / v
    slopes[-1] = 2 * problem.y_scale / np.sqrt(estimates.sigma2)
    return 2 / np.einsum("im,ij,jm->m", slopes, satterthwaite.covariance, slopes)


def _chunks(m: int, columns: int) -> Iterator[slice]:
    step = max(1, CHUNK // columns)
    return (slice(first, min(first + step, m)) for first in range(0, m, step))


def _spread(Z: np.ndarray, codes: np.ndarray, n_levels: int) -> sparse.csc_array:
    """Z of all levels, (n, L k): each row's k values under the columns of its level."""
    n, k = Z.shape
    rows = np.repeat(np.arange(n), k)
    columns = (codes[:, None] * k + np.arange(k)).ravel()
    return sparse.csc_array((Z.ravel(), (rows, columns)), shape=(n, n_levels * k))
