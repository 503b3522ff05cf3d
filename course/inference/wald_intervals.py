"""Intervals by curvature (Wald): each parameter on the scale where its estimate is nearest to normal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats

from course.common.parameter import Parameter
from course.fit.curvature import curvature
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit
from course.fit.rubin import rubin
from course.inference.combinations import combinations
from course.inference.parameters import parameters as all_parameters

# So near to -1 or 1 the curvature at a correlation says nothing about its uncertainty.
AT_THE_END = 1e-4


def wald_intervals(
    fit: MixedFit | MixedGLMFit | PooledFit,
    chosen: list[Parameter],
    level: float,
    df_of_fixed: str,
    unknown: set[Parameter],
) -> tuple[pd.DataFrame, list[str]]:
    """By curvature, each parameter on its scale; of pooled fits by Rubin's rules there."""
    if isinstance(fit, PooledFit):
        found = rubin(
            *zip(*(_on_scales(one, chosen, df_of_fixed) for one in fit.fits), strict=True)
        )
        at, errors, df = found.estimates, found.std_errors, found.df
    else:
        at, errors, df = _on_scales(fit, chosen, df_of_fixed)
    half = stats.t.ppf((1 + level) / 2, df) * errors
    # Where the factor overflows the interval of an SD reaches from 0 to infinity.
    with np.errstate(over="ignore"):
        columns = {"lower": _back(at - half, chosen), "upper": _back(at + half, chosen)}
        value = _back(at, chosen)
    slopes = {"fixed": np.ones(len(at)), "cor": 1 - value**2}
    by_kind = [slopes.get(one.kind, value)[i] for i, one in enumerate(chosen)]
    columns["std_error"] = errors * by_kind
    names = [str(parameter) for parameter in chosen]
    table = pd.DataFrame(columns, index=names)
    table[~np.isfinite(errors)] = np.nan
    of = " in one of the fits" if isinstance(fit, PooledFit) else ""
    others = "" if of else " Use method='profile' or 'bootstrap'."
    notes = [
        f"{name} lies at the end of its range{of}: curvature says nothing there.{others}"
        for name, parameter, error in zip(names, chosen, errors, strict=True)
        if not np.isfinite(error) and parameter not in unknown
    ]
    return table, notes


def _on_scales(
    fit: MixedFit | MixedGLMFit, chosen: list[Parameter], df_of_fixed: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, standard errors and degrees of freedom: of log SDs, of Fisher's z of correlations."""
    estimates = all_parameters(fit)
    errors = pd.Series(wald_errors(fit), index=estimates.index)
    degrees = pd.Series(np.inf, index=estimates.index)
    if any(parameter.kind == "fixed" for parameter in chosen):
        fixed = combinations(fit, np.eye(len(fit.fe_params)), df_of_fixed)
        errors.iloc[: len(fixed.df)], degrees.iloc[: len(fixed.df)] = fixed.std_errors, fixed.df
    rows = []
    for parameter in chosen:
        name = str(parameter)
        value, error = estimates[name], errors[name]
        with np.errstate(all="ignore"):
            if parameter.kind == "cor":
                value, error = np.arctanh(value), error / (1 - value**2)
            elif parameter.kind != "fixed":
                value, error = np.log(value), error / value
        rows.append((value, error, degrees[name]))
    at, scaled, df = np.array(rows).T
    return at, scaled, df


def _back(values: np.ndarray, chosen: list[Parameter]) -> np.ndarray:
    """From the scales of `_on_scales` to the parameters."""
    ways: dict[str, Callable[[float], float]] = {"fixed": float, "cor": np.tanh}
    return np.array(
        [ways.get(one.kind, np.exp)(value) for one, value in zip(chosen, values, strict=True)]
    )


def wald_errors(fit: MixedFit | MixedGLMFit) -> np.ndarray:
    """Standard errors of the parameters, in the order of `course.inference.parameters.parameters`.

    Those of standard deviations and correlations come from the inverse Hessian of the deviance in (theta,
    sigma) by the delta method; that of a variance is 2 SD times that of the SD. NaN for a parameter at
    the end of its range, and where the data cannot tell two parameters apart.

    Parameters
    ----------
    fit : MixedFit
        A fitted model, as ``mixedlm(...).fit()`` returns it.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("normexam ~ standLRT + (1|school)", load("exam")).fit()
    >>> wald_errors(fit).round(4)
    array([0.0404, 0.0125, 0.031 , 0.0084])
    """
    known, rows = curvature(fit), []
    for g, grouping in enumerate(fit.design.groupings):
        T, L = known.units[g], known.factors[g]
        covariance = T @ L @ L.T @ T.T
        # derivatives of the covariance matrix by each theta, and by sigma in standardised units
        half = [T @ direction[g] @ L.T @ T.T for direction in known.directions]
        slopes = [a + a.T for a in half]
        if known.sigma is not None:
            slopes.append(2 * covariance * known.sigma_unit / known.sigma)
        D, sd = np.array(slopes), np.sqrt(np.diagonal(covariance))
        by_variance = np.array([D[:, j, j] for j in range(len(sd))])
        with np.errstate(all="ignore"):
            by_sd = by_variance / (2 * sd[:, None])
            for block in grouping.blocks:
                rows += [by_sd[j] for j in block]
                for at, j in enumerate(block):
                    for i in block[at + 1 :]:
                        r = covariance[i, j] / (sd[i] * sd[j])
                        relative = by_sd[i] / sd[i] + by_sd[j] / sd[j]
                        row = D[:, i, j] / (sd[i] * sd[j]) - r * relative
                        rows.append(row if abs(r) < 1 - AT_THE_END else np.full(len(row), np.nan))
    if known.sigma is not None:
        rows.append(np.append(np.zeros(len(known.directions)), known.sigma_unit))
    J, covariance = np.array(rows), known.covariance
    variances = np.einsum("ij,jk,ik->i", J, covariance, J)
    # The pseudo-inverse gives no variance to a direction in which the deviance is flat, where in truth
    # it has no limit.
    flat = J - J @ np.linalg.pinv(covariance, hermitian=True) @ covariance
    unknown = np.linalg.norm(flat, axis=1) > 1e-3 * np.linalg.norm(J, axis=1)
    variances[unknown] = np.nan
    return np.concatenate([fit.bse_fe, np.sqrt(variances)])
