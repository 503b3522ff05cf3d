"""From the scale of the link to that of the response: probabilities, expected counts, ratios, their errors.

Intervals are carried over by their ends, tests stay those of the link, and a standard error is multiplied by
the slope of the curve (the delta method), as R's emmeans does with ``type = "response"``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

import numpy as np
import pandas as pd
from scipy import special, stats

from course.common.arguments import choice
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.pooled import PooledFit
from course.fit.tables import exponentials
from course.inference.combinations import Single

SCALES = ("link", "response")
Curve = Callable[[Any], Any]


def _logit_slope(eta: np.ndarray) -> np.ndarray:
    p = special.expit(eta)
    return p * (1 - p)


# The first and the second derivative of the mean by the linear predictor, for each link.
SLOPES: dict[str, tuple[Curve, Curve]] = {
    "logit": (_logit_slope, lambda eta: _logit_slope(eta) * (1 - 2 * special.expit(eta))),
    "probit": (stats.norm.pdf, lambda eta: -eta * stats.norm.pdf(eta)),
    "cloglog": (
        lambda eta: np.exp(eta - np.exp(eta)),
        lambda eta: np.exp(eta - np.exp(eta)) * (1 - np.exp(eta)),
    ),
    "log": (np.exp, np.exp),
}


def on_response(fit: Single | PooledFit, scale: str) -> TypeGuard[MixedGLMFit]:
    """Whether there is something to carry over: numbers with a normal residual have one scale."""
    choice("scale", scale, SCALES)
    return scale == "response" and isinstance(fit, MixedGLMFit)


def carry_over(fit: MixedGLMFit, table: pd.DataFrame) -> pd.DataFrame:
    """A table of means with probabilities, or expected counts, in place of linear predictors."""
    slope, _ = SLOPES[fit.family.link]
    eta = table["estimate"].to_numpy()
    ends = {
        name: fit.family.mean(table[name].to_numpy()) for name in ("estimate", "lower", "upper")
    }
    return table.assign(std_error=table["std_error"] * slope(eta), **ends)


def as_ratios(fit: MixedGLMFit, table: pd.DataFrame) -> pd.DataFrame:
    """A table of differences with their exponentials: ratios of odds, of rates or of hazards.

    Raises
    ------
    CourseError
        For the probit.
    """
    if fit.family.link == "probit":
        raise CourseError(
            "differences on the scale of the probit are no logarithms of ratios: fit with "
            'link="logit" for odds ratios, or compare means(..., scale="response")'
        )
    ratio = exponentials(table[["estimate", "lower", "upper"]])
    table = table.assign(**ratio, std_error=table["std_error"] * ratio["estimate"])
    return table.rename(columns={"estimate": "ratio"})


def slopes_on_response(
    fit: MixedGLMFit, eta: np.ndarray, L: np.ndarray, slope: np.ndarray, L_slope: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes of the mean, (m,), and their standard errors.

    Parameters
    ----------
    fit : MixedGLMFit
    eta : ndarray, shape (m,)
        The linear predictors at the places in question.
    L : ndarray, shape (m, p)
        What they are of beta.
    slope, L_slope
        The same of the slopes of the linear predictors.
    """
    first, second = SLOPES[fit.family.link]
    by_beta = first(eta)[:, None] * L_slope + (second(eta) * slope)[:, None] * L
    variances = np.einsum("ij,jk,ik->i", by_beta, fit.estimates.cov_beta, by_beta)
    return first(eta) * slope, np.sqrt(variances.clip(min=0))
