"""Intervals of a standard deviation that hold where groups are few: score tests, turned round.

A profile of the likelihood trusts in many groups. The score of the REML criterion, on the other hand, has a
distribution that is known. With V the covariance matrix of the response and
P = V^-1 - V^-1 X (X'V^-1 X)^-1 X'V^-1, the score for a direction D in which V changes is

    y'P D P y / 2 - tr(P D) / 2,

where the quadratic form is distributed as a sum of chi-squared variables of one degree of freedom, each
times an eigenvalue of P D. The interval holds every value of the SD for which the score there is not unusual,
all other parameters at their REML best for that value. D is the derivative of V by the SD, less what the
derivatives by the other parameters explain of it (the efficient score), so that it matters little that they
are estimated. With balanced groups and many rows in each this is the exact interval, from the chi-squared
distribution of the mean square between groups.

The idea is that of the score tests of Zhang and Lin (2003, doi 10.1093/biostatistics/4.1.57), who test for a
variance of 0 and take a scaled chi-squared distribution after Satterthwaite (1946, doi 10.2307/3002019). Here
it is that of the form itself, by the saddlepoint approximation of Kuonen (1999, doi 10.1093/biomet/86.4.929).

No matrix has a row per row of the data: with Z the columns of all random effects, V is proportional to
I + Z S Z', D is c V + Z E Z' with a number c and a matrix E of the size of S, and what counts of P is

    R = Z'P Z = W - C (X'V^-1 X)^-1 C',    W = Z'V^-1 Z = (I + Z'Z S)^-1 Z'Z,    C = (I + Z'Z S)^-1 Z'X.

Since P V P = P, the eigenvalues of P D are c and those of R E more than c.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import linalg, optimize, sparse, stats

from course.common.parameter import Parameter
from course.design.not_kept import NotKept
from course.fit.model import MixedFit
from course.inference.constrained import Held, hold
from course.inference.held_searches import Search, run_together
from course.inference.marginal import inverse_products
from course.solver.parameters import parameter_names, parameter_values
from course.solver.problem import Problem

MANY = 50  # levels of a grouping from which a profile is as good
# In all: the eigenvalues of matrices of this size are computed some fifteen times.
MOST_EFFECTS = 600
STEP = 1e-4  # for central differences of covariances, which are quadratic in the parameters
LEAST = 1e-3  # of the scale: a value that counts as 0
MOST = 1e6  # an upper end of so many times the scale is without limit


def has_score_interval(fit: MixedFit, parameter: Parameter) -> bool:
    """Whether a score interval of this parameter is worth while and can be had.

    That is an SD of a grouping with fewer levels than MANY, in a REML fit with its rows in memory and not too
    many random effects.
    """
    problem = fit.model.problem
    effects = sum(g.n_levels * len(g.effects) for g in problem.design.groupings)
    return (
        parameter.kind == "sd"
        and fit.estimates.reml
        and fit.n_groups[parameter.group] < MANY
        and not isinstance(problem.columns.source, NotKept)
        and effects <= MOST_EFFECTS
    )


def score_interval(fit: MixedFit, parameter: Parameter, level: float) -> tuple[float, float]:
    """The values of an SD whose score is not unusual.

    Parameters
    ----------
    fit : MixedFit
        By REML.
    parameter : Parameter
        An SD.
    level : float
        Confidence level.

    Returns
    -------
    lower, upper : float
        Both 0 where the groups differ less than chance lets groups without any difference differ.

    Examples
    --------
    Six schools of 400 pupils. The mean square between schools over its expectation is chi squared.

    >>> import pandas as pd
    >>> from course import mixedlm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"school": np.repeat(list("ABCDEF"), 400)})
    >>> data["score"] = np.repeat(rng.normal(50, 5, 6), 400) + rng.normal(0, 3, 2400)
    >>> fit = mixedlm("score ~ 1 + (1|school)", data).fit()
    >>> low, high = score_interval(fit, Parameter("sd", "school", ("Intercept",)), 0.95)
    >>> square = 400 * data.groupby("school")["score"].mean().var()
    >>> exact = np.sqrt((square * 5 / stats.chi2.ppf([0.975, 0.025], 5) - fit.scale) / 400)
    >>> np.allclose([low, high], exact, rtol=0.005)
    True
    """
    held = hold(parameter, fit.model.problem, fit.estimates)
    assert isinstance(held, Held)
    names = parameter_names(fit.design)
    estimate = parameter_values(fit.design, fit.estimates)[names.index(str(parameter))]
    search = Search(held, float(estimate))
    run_together([search.begin()])
    scores = Scores(held)
    near = max(float(estimate), held.scale)
    high = _where(search, scores, (1 - level) / 2, near)
    return (_where(search, scores, (1 + level) / 2, near) if high > 0 else 0.0), high


def _where(search: Search, scores: Scores, share: float, near: float) -> float:
    """The value whose score has this share of its distribution below it, looked for from near the estimate.

    The other parameters go on from one value to the next, so that they stay in the valley of the estimate.
    """
    x = search.start

    @cache
    def lower_tail(log_value: float) -> float:
        nonlocal x
        value = float(np.exp(log_value))
        ((_, x),) = run_together([search.minimise(value, x)])
        return scores.lower_tail(value, x)

    value = before = np.log(near)
    up = lower_tail(value) > share
    while (lower_tail(value) > share) == up:
        before, value = value, value + (1 if up else -1) * np.log(2)
        if value < np.log(LEAST * search.held.scale):
            return 0.0
        if value > np.log(MOST * near):
            return np.inf
    end = optimize.brentq(lambda at: lower_tail(at) - share, before, value, xtol=1e-5)
    return float(np.exp(end))


@dataclass(frozen=True)
class Direction:
    """How the covariance matrix of the response changes, over sigma^2: c V + Z E Z'."""

    c: float
    E: list[np.ndarray]  # for each grouping, (k, k)


class Scores:
    """Scores for an SD that is held, and their distributions.

    Parameters
    ----------
    held : Held
        An SD, under REML.
    """

    def __init__(self, held: Held):
        self.held, self.problem = held, held.problem
        Z = _random_columns(self.problem)
        self.ZZ = (Z.T @ Z).toarray()
        self.ZX = Z.T @ self.problem.columns.XZ[self.problem.x].T
        self.levels = [grouping.n_levels for grouping in self.problem.design.groupings]

    def lower_tail(self, value: float, x: np.ndarray) -> float:
        """The probability of a lower score, if the value is true; x is the best there."""
        problem, factors = self.problem, self.held.factors(value, x)
        at, sigma2 = self.held.hold(value, x, problem.with_factors(factors))
        slopes = problem.by_factor(at, problem.bar(at, True, sigma2))
        directions, by_value = self.directions(value, x)
        # the deviance falls by as much as the quadratic form lies above its mean
        above = -sum(np.vdot(a, b) for a, b in zip(slopes, by_value, strict=True))
        R = self.R(factors, at.XX_inverse)
        efficient = self.efficient(R, directions)
        eigenvalues, times = self.eigenvalues(R, efficient)
        return quadratic_form_cdf(float(eigenvalues @ times + above), eigenvalues, times)

    def directions(self, value: float, x: np.ndarray) -> tuple[list[Direction], list[np.ndarray]]:
        """The derivatives of V by the value and by each x; and those of the factors by the value."""
        point, found = np.append(value, x), []
        by_value: list[np.ndarray] = []
        for k in range(len(point)):
            step = np.zeros(len(point))
            step[k] = STEP * value if k == 0 else STEP
            up, down = point + step, point - step
            above, below = (self.held.factors(one[0], one[1:]) for one in (up, down))
            E = [(a @ a.T - b @ b.T) / (2 * step[k]) for a, b in zip(above, below, strict=True)]
            c = 2.0 if k == len(x) else 0.0  # the last x is log sigma
            found.append(Direction(c, E))
            if k == 0:
                by_value = [(a - b) / (2 * step[0]) for a, b in zip(above, below, strict=True)]
        return found, by_value

    def R(self, factors: list[np.ndarray], XX_inverse: np.ndarray) -> np.ndarray:
        """Z'P Z over sigma^-2, (q, q)."""
        W, C = inverse_products(self.ZZ, self.ZX, factors, self.levels)
        return W - C @ XX_inverse @ C.T

    def times_E(self, R: np.ndarray, E: list[np.ndarray]) -> np.ndarray:
        """R E, each level's effects combined by the E of their grouping."""
        parts, start = [], 0
        for one, count in zip(E, self.levels, strict=True):
            stop = start + len(one) * count
            part = R[:, start:stop].reshape(len(R), len(one), count)
            parts.append(np.einsum("qkl,kj->qjl", part, one).reshape(len(R), -1))
            start = stop
        return np.hstack(parts)

    def products(self, R: np.ndarray, directions: list[Direction]) -> np.ndarray:
        """tr(P D_i P D_j), (m, m)."""
        RE = [self.times_E(R, one.E) for one in directions]
        first = np.array([np.trace(one) for one in RE])
        second = np.array([[np.vdot(a, b.T) for a in RE] for b in RE])
        c = np.array([one.c for one in directions])
        df = self.problem.df(reml=True)  # tr(P V)
        return second + np.outer(c, first) + np.outer(first, c) + df * np.outer(c, c)

    def efficient(self, R: np.ndarray, directions: list[Direction]) -> Direction:
        """The first direction, less what the others explain of it."""
        information = self.products(R, directions)
        # a direction that changes nothing, as that of an effect whose SD is 0, explains nothing
        scale = np.sqrt(np.diagonal(information)[1:].clip(min=np.finfo(float).tiny))
        explained = linalg.lstsq(
            information[1:, 1:] / np.outer(scale, scale), information[1:, 0] / scale, cond=1e-10
        )[0]
        weights = np.append(1.0, -explained / scale)
        parts = list(zip(weights, directions, strict=True))
        E = [sum(w * one.E[g] for w, one in parts) for g in range(len(self.levels))]
        return Direction(float(sum(w * one.c for w, one in parts)), E)

    def eigenvalues(self, R: np.ndarray, direction: Direction) -> tuple[np.ndarray, np.ndarray]:
        """The eigenvalues of P D, and how often each occurs; those equal to c are counted together."""
        values, vectors = np.linalg.eigh(R)
        kept = values > 1e-10 * values[-1]
        root = vectors[:, kept] * np.sqrt(values[kept])
        others = np.linalg.eigvalsh(root.T @ self.times_E(root.T, direction.E).T)
        rest = self.problem.df(reml=True) - len(others)
        return np.append(others + direction.c, direction.c), np.append(np.ones(len(others)), rest)


def _random_columns(problem: Problem) -> sparse.csr_array:
    """Z of all random effects, (n, q): by grouping, effect and level."""
    parts = [
        sparse.csr_array(
            (problem.columns.XZ[column], (np.arange(problem.n), grouping.codes)),
            shape=(problem.n, grouping.n_levels),
        )
        for grouping, columns in zip(problem.design.groupings, problem.z, strict=True)
        for column in columns
    ]
    return sparse.hstack(parts, format="csr")


def quadratic_form_cdf(value: float, eigenvalues: np.ndarray, times: np.ndarray) -> float:
    """P(a sum of eigenvalues times chi-squared variables < value), by saddlepoint approximation.

    Parameters
    ----------
    value : float
    eigenvalues : ndarray, shape (m,)
    times : ndarray, shape (m,)
        The degrees of freedom that each is multiplied with.

    Examples
    --------
    >>> found = quadratic_form_cdf(9.488, np.array([1.0]), np.array([4]))
    >>> round(found, 3), round(float(stats.chi2.cdf(9.488, 4)), 3)
    (0.95, 0.95)

    References
    ----------
    Kuonen, D. (1999). Saddlepoint approximations for distributions of quadratic forms in normal variables.
    Biometrika 86, 929-935. doi 10.1093/biomet/86.4.929. After Lugannani and Rice (1980).
    """
    sd = np.sqrt(2 * times @ eigenvalues**2)
    weights, z = eigenvalues / sd, value / sd

    def slope(s: float) -> float:  # of the cumulant generating function
        return float(times @ (weights / (1 - 2 * s * weights))) - z

    low, high = weights.min(), weights.max()
    # its ends, a little inside; where all weights have one sign there is none on one side
    ends = [1 / (2 * low) if low < 0 else -1e8, 1 / (2 * high) if high > 0 else 1e8]
    ends = [end * (1 - 1e-9) for end in ends]
    if slope(ends[0]) >= 0:
        return 0.0
    if slope(ends[1]) <= 0:
        return 1.0
    s = optimize.brentq(slope, *ends, xtol=1e-12)
    third = 8 * times @ weights**3
    if abs(z - times @ weights) < 1e-3:
        return float(0.5 + third / (6 * np.sqrt(2 * np.pi)))
    height = -0.5 * times @ np.log1p(-2 * s * weights)
    w = np.sign(s) * np.sqrt(2 * (s * z - height))
    u = s * np.sqrt(2 * times @ (weights / (1 - 2 * s * weights)) ** 2)
    return float(np.clip(stats.norm.cdf(w) + stats.norm.pdf(w) * (1 / w - 1 / u), 0, 1))
