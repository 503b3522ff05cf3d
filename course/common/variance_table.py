"""Covariance matrices of random effects as rows of lme4's ``as.data.frame(VarCorr(model))``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

COLUMNS = ["group", "effect", "effect2", "vcov", "sdcor"]


def components_table(
    parts: Iterable[tuple[str, Sequence[str], Sequence[Sequence[int]], np.ndarray]],
    sigma2: float | None,
) -> pd.DataFrame:
    """One row for each variance and each covariance, block by block, the residual last.

    The order is that of lme4: the variances of a block, then its covariances, the first effect's before
    those of the second.

    Parameters
    ----------
    parts : iterable of (group, effects, blocks, covariance)
        For each grouping factor its name, the names of its k effects, which of them are correlated with
        each other (positions, one sequence for each block), and their covariance matrix, (k, k).
    sigma2 : float or None
        Variance of the residual; None for a model that has none.

    Returns
    -------
    DataFrame
        Columns group, effect, effect2, vcov, sdcor. For a variance effect2 is None and sdcor the standard
        deviation; for a covariance sdcor is the correlation, NaN where one of the two does not vary.

    Examples
    --------
    >>> S = np.array([[9.0, 3.0], [3.0, 4.0]])
    >>> components_table([("school", ["Intercept", "age"], [(0, 1)], S)], 25.0)
          group     effect effect2  vcov  sdcor
    0    school  Intercept    None   9.0    3.0
    1    school        age    None   4.0    2.0
    2    school  Intercept     age   3.0    0.5
    3  Residual       None    None  25.0    5.0
    """
    rows: list[tuple] = []
    for group, effects, blocks, covariance in parts:
        sd = np.sqrt(np.diagonal(covariance))
        for block in blocks:
            rows += [(group, effects[j], None, sd[j] ** 2, sd[j]) for j in block]
            rows += [
                (group, effects[j], effects[i], covariance[j, i], correlation(covariance, j, i))
                for j, i in combinations(block, 2)
            ]
    if sigma2 is not None:
        rows.append(("Residual", None, None, sigma2, np.sqrt(sigma2)))
    *names, variances, sds = zip(*rows, strict=True)
    # As objects, so that an absent effect stays None instead of becoming NaN.
    columns = [pd.Series(column, dtype=object) for column in names]
    columns += [pd.Series(column, dtype=float) for column in (variances, sds)]
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), copy=False)


def correlation(covariance: np.ndarray, i: int, j: int) -> float:
    """The correlation of two effects; NaN where one of them does not vary."""
    both = np.sqrt(covariance[i, i] * covariance[j, j])
    return float(np.clip(covariance[i, j] / both, -1, 1)) if both > 0 else np.nan
