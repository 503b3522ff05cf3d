"""What a row says about its linear predictor: log-likelihoods of yes or no and of counts, by link.

For each family the log-likelihood of a row as a function of its linear predictor eta, and three
derivatives of it: the score r, the weight W = -dr/deta, and the weight's slope dW/deta. All log-likelihoods
here are concave in eta, so no weight is negative (McCullagh and Nelder 1989, doi 10.1007/978-1-4899-3242-6).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from scipy import special

LARGEST = 230.0  # the exponential of more than this is no number to calculate with
ROWS_AT_ONCE = 20_000
# of a standard normal variable; a logistic curve of a variable with an SD of 5 is averaged to 1e-6 by these
NODES, NODE_WEIGHTS = special.roots_hermitenorm(101)
NODE_WEIGHTS = NODE_WEIGHTS / NODE_WEIGHTS.sum()


@dataclass(frozen=True)
class Rows:
    """The log-likelihood of each row and its derivatives by the linear predictor, (n,) each."""

    loglik: np.ndarray
    score: np.ndarray
    weight: np.ndarray


class Family(ABC):
    """A distribution of the response and the link of its mean to the linear predictor.

    Everywhere y is what is observed (a proportion of ``trials``, or a count), `weights` are the trials of a
    proportion or prior weights, and eta the linear predictor, (n,) each.
    """

    name: str
    link: str

    @abstractmethod
    def rows(self, eta: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Rows:
        """Log-likelihoods without what does not depend on eta, and their derivatives."""

    @abstractmethod
    def slope(self, eta: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The derivative of the weight of each row by eta."""

    @abstractmethod
    def constant(self, y: np.ndarray, weights: np.ndarray) -> float:
        """The part of the log-likelihood that does not depend on eta, over all rows."""

    @abstractmethod
    def mean(self, eta: np.ndarray) -> np.ndarray:
        """The mean of the response, of any shape."""

    def average(self, eta: np.ndarray, variance: np.ndarray) -> np.ndarray:
        """The mean of `mean` where a normal variable of this variance is added to eta, (n,) each.

        By Gauss and Hermite's quadrature, a block of rows at a time.
        """
        if not variance.any():
            return self.mean(eta)
        averages = np.empty(len(eta))
        for start in range(0, len(eta), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            spread = np.sqrt(variance[rows])[:, None] * NODES
            averages[rows] = self.mean(eta[rows][:, None] + spread) @ NODE_WEIGHTS
        return averages

    @abstractmethod
    def predictor(self, mean: np.ndarray) -> np.ndarray:
        """The link: the linear predictor of a mean."""

    @abstractmethod
    def variance(self, mean: np.ndarray) -> np.ndarray:
        """The variance of the response of a row of weight 1, given its mean."""

    @abstractmethod
    def unit_deviance(self, y: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """Twice the log-likelihood that is lost against a mean of y, in a row of weight 1."""

    @abstractmethod
    def middling(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Means that lie between y and the middle, from which a linear predictor can be taken."""

    @abstractmethod
    def draw(self, mean: np.ndarray, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A response drawn from the model: a proportion of so many trials, or a count."""


class _Binomial(Family):
    name = "binomial"

    def constant(self, y: np.ndarray, weights: np.ndarray) -> float:
        counted = y * weights
        if (weights == 1).all():
            return 0.0
        log_choices = (
            special.gammaln(weights + 1)
            - special.gammaln(counted + 1)
            - special.gammaln(weights - counted + 1)
        )
        return float(log_choices.sum())

    def variance(self, mean: np.ndarray) -> np.ndarray:
        return mean * (1 - mean)

    def unit_deviance(self, y: np.ndarray, mean: np.ndarray) -> np.ndarray:
        gained = special.xlogy(y, y) + special.xlogy(1 - y, 1 - y)
        return 2 * (gained - special.xlogy(y, mean) - special.xlog1py(1 - y, -mean))

    def middling(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return (weights * y + 0.5) / (weights + 1)

    def draw(self, mean: np.ndarray, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        trials = np.rint(weights).astype(np.int64)
        return rng.binomial(trials, mean) / trials


class Logit(_Binomial):
    """log(mean / (1 - mean)): effects are log odds ratios."""

    link = "logit"

    def rows(self, eta: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Rows:
        # in place, since most of the time of a large fit is spent here
        small = np.abs(eta)
        np.exp(np.negative(small, out=small), out=small)  # never too large for a double
        share = small + 1
        np.reciprocal(share, out=share)
        other = small * share  # of the mean and 1 - mean the smaller one
        loglik = y * eta
        loglik -= np.maximum(eta, 0)
        loglik += np.log(share)
        score = y - np.where(eta < 0, other, share)
        other *= share
        if not (weights == 1).all():
            loglik, score, other = weights * loglik, weights * score, weights * other
        return Rows(loglik, score, other)

    def slope(self, eta: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        small = np.exp(-np.abs(eta))
        share = 1 / (1 + small)
        return weights * np.copysign(small * share**3 * (1 - small), -eta)

    def mean(self, eta: np.ndarray) -> np.ndarray:
        return special.expit(eta)

    def predictor(self, mean: np.ndarray) -> np.ndarray:
        return special.logit(mean)


class Probit(_Binomial):
    """The normal quantile of the mean: as if a normal variable were seen only as above 0 or not."""

    link = "probit"

    def rows(self, eta: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Rows:
        yes, no = _Tail(eta), _Tail(-eta)
        return Rows(
            weights * (y * yes.log + (1 - y) * no.log),
            weights * (y * yes.ratio - (1 - y) * no.ratio),
            weights * (y * yes.weight + (1 - y) * no.weight),
        )

    def slope(self, eta: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return weights * (y * _Tail(eta).slope - (1 - y) * _Tail(-eta).slope)

    def mean(self, eta: np.ndarray) -> np.ndarray:
        return special.ndtr(eta)

    def average(self, eta: np.ndarray, variance: np.ndarray) -> np.ndarray:
        return special.ndtr(eta / np.sqrt(1 + variance))

    def predictor(self, mean: np.ndarray) -> np.ndarray:
        return special.ndtri(mean)


class _Tail:
    """log Phi(x) and minus what its second and third derivatives are; `ratio` is the first."""

    def __init__(self, x: np.ndarray):
        self.log = special.log_ndtr(x)
        self.ratio = np.exp(-0.5 * x**2 - self.log) / np.sqrt(2 * np.pi)
        self.weight = self.ratio * (self.ratio + x)
        self.x = x

    @property
    def slope(self) -> np.ndarray:
        return self.ratio - self.weight * (2 * self.ratio + self.x)


class Cloglog(_Binomial):
    """log(-log(1 - mean)): as if events came at a rate exp(eta) and any of them counted."""

    link = "cloglog"

    def rows(self, eta: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Rows:
        rate, ratio = self._rate(eta)
        with np.errstate(divide="ignore"):
            log_mean = np.where(rate > 1e-10, np.log(-np.expm1(-rate)), eta - rate / 2)
        no = 1 - y
        return Rows(
            weights * (np.where(y > 0, y * log_mean, 0) - no * rate),
            weights * (y * ratio - no * rate),
            weights * (y * ratio * (rate + ratio - 1) + no * rate),
        )

    def slope(self, eta: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        rate, ratio = self._rate(eta)
        more = rate + ratio - 1
        of_ratio = -ratio * more
        return weights * (y * (of_ratio * more + ratio * (rate + of_ratio)) + (1 - y) * rate)

    @staticmethod
    def _rate(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rate exp(eta), and the derivative of log(mean) by eta."""
        rate = np.exp(np.minimum(eta, LARGEST))
        with np.errstate(over="ignore", invalid="ignore"):
            return rate, np.where(rate > 0, rate / np.expm1(rate), 1.0)

    def mean(self, eta: np.ndarray) -> np.ndarray:
        return -np.expm1(-np.exp(np.minimum(eta, LARGEST)))

    def predictor(self, mean: np.ndarray) -> np.ndarray:
        return np.log(-np.log1p(-mean))


class Poisson(Family):
    """Counts, by the log of their mean: effects are log rate ratios."""

    name = "poisson"
    link = "log"

    def rows(self, eta: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Rows:
        mean = weights * np.exp(np.minimum(eta, LARGEST))
        return Rows(weights * y * eta - mean, weights * y - mean, mean)

    def slope(self, eta: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return weights * np.exp(np.minimum(eta, LARGEST))

    def constant(self, y: np.ndarray, weights: np.ndarray) -> float:
        return -float((weights * special.gammaln(y + 1)).sum())

    def mean(self, eta: np.ndarray) -> np.ndarray:
        return np.exp(np.minimum(eta, LARGEST))

    def average(self, eta: np.ndarray, variance: np.ndarray) -> np.ndarray:
        return self.mean(eta + variance / 2)

    def predictor(self, mean: np.ndarray) -> np.ndarray:
        return np.log(mean)

    def variance(self, mean: np.ndarray) -> np.ndarray:
        return mean

    def unit_deviance(self, y: np.ndarray, mean: np.ndarray) -> np.ndarray:
        return 2 * (special.xlogy(y, y) - special.xlogy(y, mean) - (y - mean))

    def middling(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return y + 0.1

    def draw(self, mean: np.ndarray, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return rng.poisson(mean).astype(float)


FAMILIES: dict[str, dict[str, Family]] = {
    "binomial": {"logit": Logit(), "probit": Probit(), "cloglog": Cloglog()},
    "poisson": {"log": Poisson()},
}
