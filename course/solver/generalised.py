"""`Generalised` to `GeneralisedEstimates`: the optimum in the units of the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from course.common.parameter import Parameter
from course.solver.estimates import NEAR_ZERO, Estimates, without_dust
from course.solver.factors import lower_factor
from course.solver.laplace import Optimum, search
from course.solver.penalised import Generalised

# On the scale of the linear predictor, whose middle half is between -1 and 1 where chances are from 0.27 to
# 0.73: no data tell of an effect as large as this.
ENDLESS = 20.0
FLATTEST = 1e-10  # curvature by a fixed effect that counts


@dataclass(frozen=True, eq=False)
class GeneralisedEstimates(Estimates):
    """The optimum of a generalised model: sigma2 is 1, and the deviance is -2 log-likelihood.

    Attributes
    ----------
    conditional_covariances : tuple of ndarray
        For each grouping those of its effects given beta and theta, (L, k, k).
    runaway : tuple of Parameter
        Fixed effects and SDs that would grow without end: the likelihood has no highest point but gets flat,
        as where a predictor separates yes from no. Their estimates are where the search stopped.
    optimum : Optimum
        In standardised units.
    """

    conditional_covariances: tuple[np.ndarray, ...]
    runaway: tuple[Parameter, ...]
    optimum: Optimum


def estimate_generalised(
    model: Generalised, report: Callable[[float], None] | None = None
) -> GeneralisedEstimates:
    """Minimise Laplace's deviance and end on a checked optimum.

    Parameters
    ----------
    model : Generalised
    report : callable, optional
        Told the deviance each time it got lower.
    """
    optimum = search(model, report)
    at, columns = optimum.at, model.columns
    blocks = [grouping.blocks for grouping in model.design.groupings]
    factors = model.linear.unpack(at.theta)
    lower = [lower_factor(factor, own) for factor, own in zip(factors, blocks, strict=True)]
    in_order = model.linear.in_level_order(
        {g: factor @ u for g, (factor, u) in enumerate(zip(factors, at.mode.u, strict=True))}
    )
    covariance = _covariance(optimum, model.p)
    runaway = _runaway(model, optimum, covariance, lower)
    pairs = zip(columns.T_z, at.problem.conditional_covariances(at.at, 1.0), strict=True)
    return GeneralisedEstimates(
        beta=columns.T_x @ at.beta,
        cov_beta=columns.T_x @ covariance @ columns.T_x.T,
        sigma2=1.0,
        factors=tuple(
            lower_factor(T @ without_dust(factor), own)
            for T, factor, own in zip(columns.T_z, lower, blocks, strict=True)
        ),
        effects=tuple((T @ b).T for T, b in zip(columns.T_z, in_order, strict=True)),
        deviance=at.deviance,
        reml=False,
        converged=optimum.converged and not runaway,
        singular=any((np.diagonal(factor) < NEAR_ZERO).any() for factor in lower),
        evaluations=optimum.evaluations,
        gradient=float(np.abs(at.gradient).max()),
        theta_standard=at.theta,
        conditional_covariances=tuple(np.einsum("ij,ljk,mk->lim", T, V, T) for T, V in pairs),
        runaway=runaway,
        optimum=optimum,
    )


def _runaway(
    model: Generalised, optimum: Optimum, covariance: np.ndarray, lower: list[np.ndarray]
) -> tuple[Parameter, ...]:
    """Effects by which the linear predictor of a row is known to no better than ENDLESS, and SDs as large."""
    T, X, names = model.columns.T_x, model.design.X, model.design.fixed_names
    found = []
    errors_of_rows = np.sqrt(np.einsum("ni,ij,nj->n", model.X, covariance, model.X))
    if errors_of_rows.max(initial=0) > ENDLESS:
        # of the predictors as the data have them, each per SD, and as they are centred
        errors = np.sqrt(np.diagonal(T @ covariance @ T.T)) * np.where(
            X.std(axis=0) > 0, X.std(axis=0), 1
        )
        least = np.minimum(errors, np.sqrt(np.diagonal(covariance)))
        found = [
            Parameter("fixed", effects=(name,))
            for name, error in zip(names, least, strict=True)
            if error > ENDLESS / 2
        ]
    for grouping, factor in zip(model.design.groupings, lower, strict=True):
        sds = np.linalg.norm(factor, axis=1)
        found += [
            Parameter("sd", grouping.name, (label,))
            for label, sd in zip(grouping.labels, sds, strict=True)
            if sd > ENDLESS
        ]
    return tuple(found)


def _covariance(optimum: Optimum, p: int) -> np.ndarray:
    """Of beta in standardised units, from the Hessian by beta and theta.

    Directions in which the deviance does not curve, such as the correlations of an effect that does not
    vary, say nothing of beta.
    """
    H = optimum.hessian / 2
    values, vectors = np.linalg.eigh(H[p:, p:])
    curved = values > 1e-8 * max(values.max(initial=0), 1e-300)
    towards = H[:p, p:] @ vectors[:, curved]
    values, vectors = np.linalg.eigh(H[:p, :p] - (towards / values[curved]) @ towards.T)
    # where the likelihood is flat, rounding may have any sign
    return (vectors / np.maximum(values, FLATTEST)) @ vectors.T
