"""Tables of a fit, as tidy DataFrames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
from scipy import stats

from course.common.variance_table import components_table
from course.design.design import Design
from course.solver.estimates import Estimates

T_COLUMNS = {
    statistic: pd.Index(["estimate", "std_error", "df", statistic, "p_value", "lower", "upper"])
    for statistic in ("t", "z")
}
Numbers = TypeVar("Numbers", pd.Series, pd.DataFrame, np.ndarray)


def t_table(
    estimates: pd.Series,
    std_errors: pd.Series,
    df: np.ndarray,
    level: float = 0.95,
    statistic: str = "t",
) -> pd.DataFrame:
    """estimate, std_error, df, t (or "z", where df is infinite by nature), p_value, lower, upper."""
    # without the arithmetic of Series, which takes twice as long: a study makes thousands of tables
    values, errors = estimates.to_numpy(), std_errors.to_numpy()
    with np.errstate(all="ignore"):  # as pandas does: an error may be 0, or infinite
        ratio = values / errors
        half = stats.t.ppf((1 + level) / 2, df) * errors
        lower, upper = values - half, values + half
    p_values = 2 * stats.t.sf(np.abs(ratio), df)
    columns = np.column_stack([values, errors, df, ratio, p_values, lower, upper])
    return pd.DataFrame(columns, index=estimates.index.copy(), columns=T_COLUMNS[statistic].copy())


def z_table(estimates: pd.Series, std_errors: pd.Series, level: float = 0.95) -> pd.DataFrame:
    """estimate, std_error, z, p_value, lower, upper: one row per coefficient, by the normal distribution."""
    infinite = np.full(len(estimates), np.inf)
    return t_table(estimates, std_errors, infinite, level, "z").drop(columns="df")


def ratio_table(table: pd.DataFrame) -> pd.DataFrame:
    """ratio, lower, upper: the exponentials of the effects in a table, without the intercept."""
    found = exponentials(
        table.drop(index="Intercept", errors="ignore")[["estimate", "lower", "upper"]]
    )
    return found.rename(columns={"estimate": "ratio"})


def exponentials(values: Numbers) -> Numbers:
    """Of effects on a logarithmic scale; infinite where an effect grows without end, as by separation."""
    with np.errstate(over="ignore"):
        return np.exp(values)


def with_left_out(table: pd.DataFrame, design: Design) -> pd.DataFrame:
    """The same with a row of NaN for each fixed effect that is left out, because others determine it."""
    return table.reindex(list(design.codings.X.names)) if design.aliased.names else table


def effects_tables(design: Design, values: Sequence[np.ndarray]) -> dict[str, pd.DataFrame]:
    """For each group a frame of levels by effects; `values` holds an array (L, k) for each grouping."""
    return {
        grouping.name: pd.DataFrame(b, index=grouping.levels, columns=list(grouping.labels))
        for grouping, b in zip(design.groupings, values, strict=True)
    }


def variance_table(design: Design, estimates: Estimates, residual: bool = True) -> pd.DataFrame:
    """group, effect, effect2, vcov, sdcor: variances, covariances, the residual (where there is one) last."""
    parts = [
        (grouping.name, grouping.labels, grouping.blocks, covariance)
        for grouping, covariance in zip(design.groupings, estimates.covariances, strict=True)
    ]
    return components_table(parts, estimates.sigma2 if residual else None)
