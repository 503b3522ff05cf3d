"""Confidence intervals of every parameter: by profile, by bootstrap, by curvature (Wald)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

import numpy as np
import pandas as pd
from scipy import stats

from course.common.arguments import proportion
from course.common.nearest import nearest
from course.common.parameter import Parameter
from course.common.wording import listing
from course.errors import CourseError
from course.fit.curvature import curvature
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit
from course.fit.require import require_fit, require_fit_or_pooled
from course.fit.rubin import rubin
from course.inference.combinations import df_of_one
from course.inference.parameters import choose
from course.inference.parameters import parameters as all_parameters
from course.inference.profile import profile
from course.solver.parameters import unknown_parameters

METHODS = ("profile", "bootstrap", "wald")
# So near to -1 or 1 the curvature at a correlation says nothing about its uncertainty.
AT_THE_END = 1e-4


def confint(
    fit: MixedFit | MixedGLMFit | PooledFit,
    method: str = "profile",
    level: float = 0.95,
    parameters: str | Sequence[str] | None = None,
    n: int = 1000,
    seed: int | None = None,
    executor: Executor | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Confidence intervals of fixed effects, standard deviations, correlations and sigma.

    Parameters
    ----------
    fit : MixedFit, MixedGLMFit or PooledFit
        A fitted model, as ``mixedlm(...).fit()`` or ``mixedglm(...).fit()`` returns it; or several that are
        pooled, for ``"wald"``. All parameters of a generalised fit are on the scale of its link, and it has
        no sigma.
    method : "profile", "bootstrap" or "wald"
        ``"profile"`` inverts the likelihood ratio test, as lme4's ``confint`` does, on the ML fit
        (`course.profile`): not symmetric, and with an end at 0, -1 or 1 where the data allow it.
        ``"bootstrap"`` takes percentiles of refits to simulated responses (`course.bootstrap`).
        ``"wald"`` takes the curvature at the estimates: for fixed effects t-intervals with Satterthwaite
        degrees of freedom (z-intervals after a generalised fit); for standard deviations on the log scale
        and for correlations on Fisher's z scale (Pinheiro and Bates 2000, doi 10.1007/b98882, section
        2.4.2), as nlme's ``intervals`` does. Quick, and poor for few groups. Of pooled fits Rubin's
        rules are applied on these scales.
    level : float
        Confidence level.
    parameters : str or list of str, optional
        Names as in `course.inference.parameters.parameters`; all where left out.
    n : int
        Replicates of the bootstrap.
    seed : int, optional
        Repeats them to the bit.
    executor : concurrent.futures.Executor, optional
        Where they are fitted, as in `course.bootstrap`.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    DataFrame
        By parameter: estimate (that of the fit), lower, upper, method; under ``"wald"`` and ``"bootstrap"``
        also std_error. What the data do not know for itself, such as each of two variances of which the
        likelihood knows the sum, has a profile interval of all values that fit, and NaN by other methods.
        ``attrs["notes"]`` holds what is to be said about them, such as the number of replicates that failed.

    Raises
    ------
    CourseError
        For an unknown method or parameter, and a level outside (0, 1).

    See Also
    --------
    profile : What the profile intervals are read from.
    bootstrap : What the percentile intervals are read from.
    fixed_effects_table : Tests and intervals of the fixed effects alone.
    parameters : The names.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("normexam ~ standLRT + (standLRT|school)", load("exam")).fit()
    >>> confint(fit).round(2)
                                     estimate  lower  upper   method
    Intercept                           -0.01  -0.09   0.07  profile
    standLRT                             0.56   0.52   0.60  profile
    sd(Intercept | school)               0.30   0.25   0.37  profile
    sd(standLRT | school)                0.12   0.09   0.16  profile
    cor(Intercept, standLRT | school)    0.49   0.17   0.74  profile
    sigma                                0.74   0.73   0.76  profile

    In R: ``confint(fit, method = "profile", oldNames = FALSE)``.
    """
    require_fit_or_pooled(fit)
    if method not in METHODS:
        raise CourseError(
            f"method={method!r}: write 'profile', 'bootstrap' or 'wald'{nearest(method, METHODS)}"
        )
    if method != "wald":
        require_fit(fit, pooled="write method='wald', which pools them")
    level = proportion("level", level)
    chosen = choose(fit.design, parameters)
    names = [str(parameter) for parameter in chosen]
    unknown = unknown_parameters(fit.design, fit.method == "REML")
    if isinstance(fit, PooledFit) or method == "wald":
        table, notes = _wald(fit, chosen, level, unknown)
    elif method == "profile":
        table, notes = _profile(fit, names, level, progress)
    else:
        table, notes = _bootstrap(fit, chosen, level, n, seed, executor, progress)
    shared = [str(parameter) for parameter in chosen if parameter in unknown]
    if shared and method != "profile":
        table.loc[shared] = np.nan
    if shared:
        own = "itself" if len(shared) == 1 else "themselves"
        notes.append(
            f"The data do not know {listing(shared)} for {own} (fit.notes says what is known): "
            + (
                "the interval holds all values that fit, and the estimate is one of many."
                if method == "profile"
                else "there is no interval of this kind. method='profile' gives all values that fit."
            )
        )
    table.insert(0, "estimate", all_parameters(fit)[names])
    table["method"] = method
    table.attrs["notes"] = notes
    return table


def _profile(
    fit: MixedFit | MixedGLMFit, names: list[str], level: float, progress: bool
) -> tuple[pd.DataFrame, list[str]]:
    table = profile(fit, names, level=level, progress=progress).interval(level)
    notes = []
    if fit.estimates.reml:
        notes.append("The fit is by REML, its profile that of the ML fit, as in lme4.")
    return table, notes


def _bootstrap(
    fit: MixedFit | MixedGLMFit,
    chosen: list[Parameter],
    level: float,
    n: int,
    seed: int | None,
    executor: Executor | None,
    progress: bool,
) -> tuple[pd.DataFrame, list[str]]:
    from course.inference.bootstrap import bootstrap

    names = [str(parameter) for parameter in chosen]
    found = bootstrap(fit, n, seed=seed, executor=executor, progress=progress)
    values = found.replicates.loc[found.replicates["converged"], names]
    if values.empty:
        raise CourseError(f"none of the {n} fits to simulated responses converged: no interval")
    correlations = [str(parameter) for parameter in chosen if parameter.kind == "cor"]
    # Rounding may carry a correlation past the ends of its range.
    values[correlations] = values[correlations].clip(-1, 1)
    table = pd.DataFrame(
        {
            "lower": values.quantile((1 - level) / 2),
            "upper": values.quantile((1 + level) / 2),
            "std_error": values.std(),
        }
    )
    notes = [
        f"Percentiles of {len(values):,} refits to simulated responses, seed {found.seed}; "
        f"{found.n_failed:,} failed and were left out, {found.n_singular:,} were singular."
    ]
    for name, lacking in values.isna().sum().items():
        if lacking:
            notes.append(
                f"{name} does not exist in {lacking:,} of them, where an SD came out as 0."
            )
    return table, notes


def _wald(
    fit: MixedFit | MixedGLMFit | PooledFit,
    chosen: list[Parameter],
    level: float,
    unknown: set[Parameter],
) -> tuple[pd.DataFrame, list[str]]:
    """By curvature, each parameter on its scale; of pooled fits by Rubin's rules there."""
    if isinstance(fit, PooledFit):
        found = rubin(*zip(*(_on_scales(one, chosen) for one in fit.fits), strict=True))
        at, errors, df = found.estimates, found.std_errors, found.df
    else:
        at, errors, df = _on_scales(fit, chosen)
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
    fit: MixedFit | MixedGLMFit, chosen: list[Parameter]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, standard errors and degrees of freedom: of log SDs, of Fisher's z of correlations."""
    estimates = all_parameters(fit)
    errors = pd.Series(wald_errors(fit), index=estimates.index)
    rows = []
    for parameter in chosen:
        name = str(parameter)
        value, error, df = estimates[name], errors[name], np.inf
        with np.errstate(all="ignore"):
            if parameter.kind == "fixed":
                place = fit.fe_params.index.get_loc(name)
                df = df_of_one(fit)(np.eye(len(fit.fe_params))[place])
            elif parameter.kind == "cor":
                value, error = np.arctanh(value), error / (1 - value**2)
            else:
                value, error = np.log(value), error / value
        rows.append((value, error, df))
    at, scaled, degrees = np.array(rows).T
    return at, scaled, degrees


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
