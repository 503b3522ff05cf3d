"""The random part of a fit in standardised units, and how well it is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit


@dataclass(frozen=True, eq=False)
class Curvature:
    """Lambda at the optimum, and the covariance matrix of what it is made of.

    Attributes
    ----------
    factors : list of ndarray, (k, k) each
        Lambda of each grouping.
    directions : list of list of ndarray
        For each theta what it is of these.
    units : list of ndarray, (k, k) each
        With U of a grouping, its covariance matrix in the units of the data is U Lambda Lambda' U'.
    covariance : ndarray, shape (m, m)
        Of theta and, where there is one, sigma; from the curvature of the deviance.
    sigma : float or None
        The residual SD in the units of the data; None for a generalised fit.
    sigma_unit : float
        What 1 of sigma in standardised units is.
    """

    factors: list[np.ndarray]
    directions: list[list[np.ndarray]]
    units: list[np.ndarray]
    covariance: np.ndarray
    sigma: float | None = None
    sigma_unit: float = 0.0


@singledispatch
def curvature(fit: MixedFit | MixedGLMFit) -> Curvature:
    """That of a fit.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> found = curvature(mixedlm("normexam ~ standLRT + (1|school)", load("exam")).fit())
    >>> found.covariance.shape  # of theta and sigma
    (2, 2)
    """
    raise NotImplementedError(type(fit))


@curvature.register
def _(fit: MixedFit) -> Curvature:
    problem, theta, sigma = fit.model.problem, fit.estimates.theta_standard, fit.sigma
    return Curvature(
        problem.unpack(theta),
        [problem.unpack(row) for row in np.eye(len(theta))],
        [sigma * T for T in problem.T_z],
        fit.satterthwaite.covariance,
        sigma,
        problem.y_scale,
    )


@curvature.register
def _(fit: MixedGLMFit) -> Curvature:
    model, theta = fit.model.problem, fit.estimates.theta_standard
    root = root_of_covariance(fit)[model.p :]
    return Curvature(
        model.linear.unpack(theta),
        [model.linear.unpack(row) for row in np.eye(len(theta))],
        list(model.columns.T_z),
        root @ root.T,
    )


def root_of_covariance(fit: MixedGLMFit) -> np.ndarray:
    """R with R R' the covariance matrix of beta and theta in standardised units, (p + n_theta, m)."""
    values, vectors = np.linalg.eigh(fit.estimates.optimum.hessian)
    # a correlation of an effect that does not vary is not known
    kept = values > 1e-8 * values.max()
    return vectors[:, kept] * np.sqrt(2 / values[kept])
