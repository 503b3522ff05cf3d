"""Tables of a fit, as tidy DataFrames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from course.design.design import Design
from course.solver.estimates import Estimates
from course.solver.parameters import correlation


def t_table(
    estimates: pd.Series, std_errors: pd.Series, df: np.ndarray, level: float = 0.95
) -> pd.DataFrame:
    """estimate, std_error, df, t, p_value, lower, upper: one row per coefficient."""
    t = estimates / std_errors
    half = stats.t.ppf((1 + level) / 2, df) * std_errors
    return pd.DataFrame(
        {
            "estimate": estimates,
            "std_error": std_errors,
            "df": df,
            "t": t,
            "p_value": 2 * stats.t.sf(np.abs(t), df),
            "lower": estimates - half,
            "upper": estimates + half,
        }
    )


def effects_tables(design: Design, values: Sequence[np.ndarray]) -> dict[str, pd.DataFrame]:
    """For each group a frame of levels by effects; `values` holds an array (L, k) for each grouping."""
    return {
        grouping.name: pd.DataFrame(b, index=grouping.levels, columns=list(grouping.effects))
        for grouping, b in zip(design.groupings, values, strict=True)
    }


def variance_table(design: Design, estimates: Estimates) -> pd.DataFrame:
    """group, effect, effect2, vcov, sdcor: variances, covariances, the residual last."""
    rows: list[tuple] = []
    pairs = zip(design.groupings, estimates.covariances, strict=True)
    for grouping, covariance in pairs:
        sd = np.sqrt(np.diagonal(covariance))
        for block in grouping.blocks:
            for j in block:
                rows.append((grouping.name, grouping.effects[j], None, sd[j] ** 2, sd[j]))
            for at, j in enumerate(block):
                for i in block[at + 1 :]:
                    names = (grouping.effects[j], grouping.effects[i])
                    rows.append(
                        (grouping.name, *names, covariance[i, j], correlation(covariance, i, j))
                    )
    rows.append(("Residual", None, None, estimates.sigma2, np.sqrt(estimates.sigma2)))
    table = pd.DataFrame(
        rows, columns=["group", "effect", "effect2", "vcov", "sdcor"], dtype=object
    )
    return table.astype({"vcov": float, "sdcor": float})
