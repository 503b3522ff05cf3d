"""Do the residuals look as the model says: normal, and equally spread everywhere?

Residuals are those times the root of each row's weight, where there are weights: these all have one variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special, stats

from course.fit.model import MixedFit

FEWEST_ROWS = 5  # of a level or category whose own SD is looked at


@dataclass(frozen=True)
class Shape:
    """Skewness and excess kurtosis (both 0 for a normal distribution), and the share beyond 3 SD."""

    skewness: float
    kurtosis: float
    beyond: float
    n: int

    @classmethod
    def of(cls, fit: MixedFit) -> Shape:
        e = fit.wresid.to_numpy()
        beyond = float((np.abs(e - e.mean()) > 3 * e.std()).mean())
        return cls(float(stats.skew(e)), float(stats.kurtosis(e)), beyond, len(e))


@dataclass(frozen=True)
class Ratio:
    """Largest over smallest residual SD of two sets of rows, and how sure it is.

    Attributes
    ----------
    where : str
        What divides the rows.
    low, high : str
        The sets with the smallest and the largest SD.
    ratio : float
    z : float
        log(ratio) over its standard error, which allows for heavy tails as Levene's test does:
        the variance of log(SD) is about (excess kurtosis + 2) / (4 (n - 1)).
    """

    where: str
    low: str
    high: str
    ratio: float
    z: float


def ratio_by_fitted(fit: MixedFit) -> Ratio:
    """Residual SDs of the thirds of the rows with the lowest and the highest fitted values."""
    fitted = fit.fittedvalues.to_numpy()
    ends = np.quantile(fitted, [1 / 3, 2 / 3])
    third = np.searchsorted(ends, fitted)
    labels = pd.Series(np.array(["lowest third", "middle third", "highest third"])[third])
    keep = labels != "middle third"
    return _ratio(fit, "fitted values", labels, keep.to_numpy())


def ratios_by_category(fit: MixedFit) -> list[Ratio]:
    """Residual SDs by the values of each predictor that is a category.

    That is text, true or false, what stands in ``C(...)``, and a number with two values, as 0 and 1.
    """
    found = []
    for name in fit.design.formula.variables:
        column = fit.design.columns[name].reset_index(drop=True)
        numeric = pd.api.types.is_numeric_dtype(column.infer_objects().dtype)
        category = not numeric or pd.api.types.is_bool_dtype(column.dtype)
        two = name != fit.design.formula.response and column.nunique() == 2
        if not (category or two or name in fit.design.formula.categorical):
            continue
        labels = column.astype(str)
        keep = labels.map(labels.value_counts()) >= FEWEST_ROWS
        if labels[keep].nunique() > 1:
            found.append(_ratio(fit, name, labels, keep.to_numpy()))
    return found


def _ratio(fit: MixedFit, where: str, labels: pd.Series, keep: np.ndarray) -> Ratio:
    e = pd.Series(fit.wresid.to_numpy())[keep]
    sets = {label: values.to_numpy() for label, values in e.groupby(labels[keep])}
    sd = {label: float(values.std(ddof=1)) for label, values in sets.items()}
    low, high = min(sd, key=sd.__getitem__), max(sd, key=sd.__getitem__)
    noise = sum(_log_sd_noise(sets[label], len(sets[label])) for label in (low, high))
    ratio = sd[high] / sd[low]
    return Ratio(where, low, high, ratio, float(np.log(ratio) / np.sqrt(noise)))


@dataclass(frozen=True)
class Spread:
    """How much residual SDs differ between the levels of a grouping, chance taken out.

    Attributes
    ----------
    group : str
    sd_log : float
        SD of log(residual SD) between levels, beyond what chance makes (DerSimonian and Laird 1986,
        doi 10.1016/0197-2456(86)90046-2).
    low, high : float
        The middle 95 % of the levels have residual SDs between these.
    p_value : float
        Of the same SD in all levels.
    levels : int
        With enough rows to look at.
    """

    group: str
    sd_log: float
    low: float
    high: float
    p_value: float
    levels: int


def spreads_by_level(fit: MixedFit) -> list[Spread]:
    """Residual SDs by level, for each grouping with at least 5 levels of 5 or more rows."""
    e = fit.wresid.to_numpy()
    found = []
    for grouping in fit.design.groupings:
        by_level = pd.Series(e).groupby(grouping.codes).agg(["std", "size"])
        by_level = by_level[(by_level["size"] >= FEWEST_ROWS) & (by_level["std"] > 0)]
        if len(by_level) < 5:
            continue
        sizes = by_level["size"].to_numpy()
        half = (sizes - 1) / 2
        # the logarithm of an SD of few rows lies below that of the true SD by this much
        values = np.log(by_level["std"].to_numpy()) - (special.digamma(half) - np.log(half)) / 2
        weights = 1 / _log_sd_noise(e, sizes)
        mean = weights @ values / weights.sum()
        Q, df = float(weights @ (values - mean) ** 2), len(values) - 1
        tau2 = (Q - df) / (weights.sum() - weights @ weights / weights.sum())
        tau = float(np.sqrt(max(tau2, 0.0)))
        low, high = np.exp(mean + np.array([-1.96, 1.96]) * tau)
        p = float(stats.chi2.sf(Q, df))
        found.append(Spread(grouping.name, tau, float(low), float(high), p, len(values)))
    return found


def _log_sd_noise(e: np.ndarray, sizes: Any) -> Any:
    """Variance of the logarithm of an SD of so many rows, for residuals with the tails of e.

    trigamma((n - 1) / 2) / 4 is exact for normal residuals; excess kurtosis / (4 (n - 1)) comes to it.
    """
    excess = max(float(stats.kurtosis(e)), -1.0)
    return (special.polygamma(1, (sizes - 1) / 2) + excess / (sizes - 1)) / 4
