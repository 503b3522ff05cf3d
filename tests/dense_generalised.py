"""Likelihoods of generalised models by plain means: dense matrices, Newton's method, SciPy's distributions.

Nothing here uses the package's families, elimination or units: log-likelihoods are those of
scipy.stats, derivatives by eta are differences of them where no formula is as plain.
"""

import numpy as np
from scipy import integrate, special, stats

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
    """Log-likelihood at the estimates of a fit with one effect of one grouping, by SciPy's quadrature."""
    link, design = fit.family.link, fit.design
    (grouping,), (factor,) = design.groupings, fit.estimates.factors
    weights = np.ones(fit.nobs) if design.weights is None else design.weights
    fixed = design.offset + design.X @ fit.fe_params.to_numpy()
    z = grouping.Z[:, 0] * factor[0, 0]
    total = 0.0
    for level in range(grouping.n_levels):
        own = grouping.codes == level

        def log_density(u, own=own):
            rows = loglik(link, fixed[own] + z[own] * u, design.y[own], weights[own])
            return rows.sum() + stats.norm.logpdf(u)

        grid = np.linspace(-12, 12, 241)
        values = np.array([log_density(u) for u in grid])
        top, at = values.max(), grid[values.argmax()]
        area, _ = integrate.quad(
            lambda u, top=top, f=log_density: np.exp(f(u) - top),
            at - 8,
            at + 8,
            epsabs=0,
            epsrel=1e-11,
            limit=200,
            points=[at],
        )
        total += top + np.log(area)
    return total
