"""Degrees of freedom for t-tests of fixed effects (Satterthwaite 1946, doi 10.2307/3002019).

The variance of a contrast, c' V c with V the covariance matrix of beta, is itself estimated. Its own
variance, from the curvature of the deviance in (theta, sigma), says how many degrees of freedom it is worth
(Kuznetsova, Brockhoff and Christensen 2017, doi 10.18637/jss.v082.i13):

    df = 2 (c' V c)^2 / (g' C g),    g = gradient of c' V c,    C = 2 * inverse Hessian of the deviance
"""

from __future__ import annotations

import numpy as np

from course.solver.estimates import Estimates
from course.solver.problem import Problem
from course.solver.together import at_thetas

STEP = 1e-4  # for central differences of an exact gradient, in standardised units


class Satterthwaite:
    """The curvature at an optimum, ready for any contrast.

    Parameters
    ----------
    problem : Problem
    estimates : Estimates
        Of that problem.
    """

    def __init__(self, problem: Problem, estimates: Estimates):
        reml, theta = estimates.reml, estimates.theta_standard
        df = problem.df(reml)
        at = problem.evaluate(theta)
        sigma = np.sqrt(at.r2 / df)
        k = len(theta)
        steps = STEP * np.eye(k)
        around = [
            (one.gradient(found, reml, sigma**2), found.r2, np.moveaxis(found.XX_inverse, 2, 0))
            for one, found in at_thetas(problem, theta + np.concatenate([steps, -steps]))
        ]
        slopes, r2, XX_inverse = (_derivative(*parts) for parts in zip(*around, strict=True))
        hessian = np.zeros((k + 1, k + 1))
        hessian[:k, :k] = (slopes + slopes.T) / 2
        hessian[:k, k] = hessian[k, :k] = -2 * r2 / sigma**3
        hessian[k, k] = 4 * df / sigma**2
        # of V by (theta, sigma), (k + 1, p, p)
        self.gradients = np.concatenate([sigma**2 * XX_inverse, 2 * sigma * at.XX_inverse[None]])
        # flat directions (a correlation of an effect that does not vary) carry no information
        values, vectors = np.linalg.eigh(hessian)
        kept = values > 1e-8 * values.max()
        self.covariance = 2 * (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
        self.V = sigma**2 * at.XX_inverse
        self.to_data = problem.T_x

    def df(self, contrast: np.ndarray) -> float:
        """Degrees of freedom of one linear combination of the fixed effects.

        Parameters
        ----------
        contrast : ndarray, shape (p,)
            In the units of the data.
        """
        c = self.to_data.T @ contrast
        c = c / np.sqrt(c @ self.V @ c)  # fourth powers of an effect of 1e-90 would be 0
        g = np.einsum("i,kij,j->k", c, self.gradients, c)
        return float(2 / (g @ self.covariance @ g))


def _derivative(*parts: np.ndarray) -> np.ndarray:
    """By each theta, on the first axis, of what is ahead of theta and then behind it on that axis."""
    ahead, behind = np.split(np.concatenate(parts), 2)
    return (ahead - behind) / (2 * STEP)
