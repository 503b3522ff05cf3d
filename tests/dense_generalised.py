"""Likelihoods of generalised models by plain means: dense matrices, Newton's method, SciPy's distributions.

Nothing here uses the package's families, elimination or units: log-likelihoods are those of
scipy.stats, derivatives by eta are differences of them where no formula is as plain.
"""

import numpy as np
from scipy import special, stats

MEANS = {
    "logit": special.expit,
    "probit": stats.norm.cdf,
    "cloglog": lambda eta: -np.expm1(-np.exp(eta)),
    "log": np.exp,
}


def loglik(link: str, eta, y, weights):
    """The log-likelihood of each row; y is a proportion of `weights` trials, or a count."""
    mean = MEANS[link](eta)
    if link == "log":
        return weights * stats.poisson.logpmf(y, mean)
    return stats.binom.logpmf(np.rint(weights * y), weights, mean)


def derivatives(link: str, eta, y, weights):
    """First and minus second derivative of `loglik` by eta."""
    if link == "log":
        return weights * (y - np.exp(eta)), weights * np.exp(eta)
    if link == "logit":
        mean = special.expit(eta)
        return weights * (y - mean), weights * mean * (1 - mean)
    h = 1e-4
    low, here, high = (loglik(link, eta + step, y, weights) for step in (-h, 0, h))
    return (high - low) / (2 * h), (2 * here - low - high) / h**2


def columns(fit) -> np.ndarray:
    """Z Lambda of all groupings side by side, (n, q)."""
    parts = []
    for grouping, factor in zip(fit.design.groupings, fit.estimates.factors, strict=True):
        levels = np.eye(grouping.n_levels)[grouping.codes]
        parts.append(np.einsum("nl,nk->nlk", levels, grouping.Z @ factor).reshape(fit.nobs, -1))
    return np.concatenate(parts, axis=1)


def laplace(fit, beta=None, scale: float = 1.0) -> float:
    """Log-likelihood by Laplace at the estimates of a fit, at another beta, or with all SDs scaled."""
    link, design = fit.family.link, fit.design
    ZL = scale * columns(fit)
    weights = np.ones(fit.nobs) if design.weights is None else design.weights
    fixed = design.offset + design.X @ (fit.fe_params.to_numpy() if beta is None else beta)
    u = np.zeros(ZL.shape[1])
    for _ in range(100):
        score, weight = derivatives(link, fixed + ZL @ u, design.y, weights)
        A = ZL.T @ (weight[:, None] * ZL) + np.eye(len(u))
        step = np.linalg.solve(A, ZL.T @ score - u)
        u = u + step / max(1, np.abs(step).max() / 2)
        if np.abs(step).max() < 1e-9:
            break
    score, weight = derivatives(link, fixed + ZL @ u, design.y, weights)
    A = ZL.T @ (weight[:, None] * ZL) + np.eye(len(u))
    rows = loglik(link, fixed + ZL @ u, design.y, weights).sum()
    return rows - u @ u / 2 - np.linalg.slogdet(A)[1] / 2


def integral(fit) -> float:
    """Log-likelihood at the estimates of a fit with one effect of one grouping, by the trapezoidal rule.

    It converges faster than any power of the step where an integrand dies away at both ends: with
    ten steps to its SD, the error is far below rounding.
    """
    link, design = fit.family.link, fit.design
    (grouping,), (factor,) = design.groupings, fit.estimates.factors
    weights = np.ones(fit.nobs) if design.weights is None else design.weights
    fixed = design.offset + design.X @ fit.fe_params.to_numpy()
    z = grouping.Z[:, 0] * factor[0, 0]
    u = np.linspace(-12, 12, 961)
    rows = loglik(link, fixed + np.outer(u, z), design.y, weights)
    total = 0.0
    for level in range(grouping.n_levels):
        density = rows[:, grouping.codes == level].sum(axis=1) + stats.norm.logpdf(u)
        assert (density[[0, -1]] < density.max() - 40).all()
        total += special.logsumexp(density) + np.log(u[1] - u[0])
    return total
