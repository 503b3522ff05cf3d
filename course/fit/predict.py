"""Predicted responses, and how far from the true ones their means may be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse import linalg as sparse_linalg

from course.common.nearest import nearest
from course.design.columns import check_frame
from course.design.design import Design
from course.errors import CourseError
from course.solver.estimates import Estimates


def predict(
    design: Design,
    estimates: Estimates,
    new_data: pd.DataFrame | None,
    random: str | Sequence[str],
) -> pd.Series:
    """Predicted responses of new rows, or of those of the fit where `new_data` is None.

    Parameters
    ----------
    design : Design
    estimates : Estimates
    new_data : DataFrame or None
    random : "all", "none" or list of str
        The groups whose random effects are added to the fixed part.

    Returns
    -------
    Series
        By the index of the rows; NaN where a predictor or label is missing.

    Raises
    ------
    CourseError
        For a missing column, an unknown label of a predictor, an unknown group, and a row that needs a
        fixed effect which was left out.
    """
    if new_data is not None:
        new_data = check_frame(new_data)
    wanted = _wanted([grouping.name for grouping in design.groupings], random)
    if new_data is None:
        predicted, index = design.offset + design.X @ estimates.beta, design.index
    else:
        fixed = design.fixed_rows(new_data) @ estimates.beta
        predicted, index = design.offset_rows(new_data) + fixed, new_data.index
    for g, grouping in enumerate(design.groupings):
        if grouping.name not in wanted:
            continue
        if new_data is None:
            codes, Z = grouping.codes, grouping.Z
        else:
            codes, Z = design.random_rows(g, new_data)
        known = codes[:, None] >= 0
        b = np.where(known, estimates.effects[g][codes], 0.0)
        predicted = predicted + np.einsum("nk,nk->n", Z, b)
    return pd.Series(predicted, index=index)


def _wanted(names: list[str], random: str | Sequence[str]) -> list[str]:
    """The groups that `random` asks for."""
    if isinstance(random, str) and random in ("all", "none"):
        return names if random == "all" else []
    if not isinstance(random, str | list | tuple):
        raise CourseError(f"random={random!r}: write 'all', 'none' or a list of groups")
    wanted = [random] if isinstance(random, str) else list(random)
    for name in wanted:
        if name not in names:
            raise CourseError(
                f"random={name!r}: the groups of this fit are {', '.join(names)}; or write "
                f"'all' or 'none'{nearest(name, names)}"
            )
    return wanted


def prediction_sd(
    design: Design, estimates: Estimates, rows: pd.DataFrame, groups: Sequence[str]
) -> np.ndarray:
    """Standard deviation of predicted means, x'beta + z'b, around the true ones.

    The root of sigma^2 w' C^-1 w with w = (x, Lambda' z) and C the coefficients of Henderson's mixed
    model equations in the form that stands a Lambda that is singular (Henderson 1975, doi
    10.2307/2529430; Bates et al. 2015, doi 10.18637/jss.v067.i01). The variances are taken as known.

    Parameters
    ----------
    design : Design
    estimates : Estimates
    rows : DataFrame
        The rows to predict, m of them, with levels that were in the fit.
    groups : list of str
        The groupings whose random effects the prediction holds, as in ``fit.predict(random=)``.

    Returns
    -------
    ndarray, shape (m,)
    """
    fitted, new = [sparse.csc_array(design.X)], [sparse.csc_array(design.fixed_rows(rows))]
    for g, (grouping, factor) in enumerate(zip(design.groupings, estimates.factors, strict=True)):
        fitted.append(_spread(grouping.Z @ factor, grouping.codes, grouping.n_levels))
        if grouping.name in groups:
            codes, Z = design.random_rows(g, rows)
            new.append(_spread(Z @ factor, codes, grouping.n_levels))
        else:
            new.append(sparse.csc_array((len(rows), fitted[-1].shape[1])))
    A, w = sparse.hstack(fitted, format="csc"), sparse.hstack(new, format="csc")
    scale = np.ones(A.shape[1])
    scale[: design.X.shape[1]] = np.abs(design.X).max(axis=0)  # incomes beside proportions
    A, w = A @ sparse.diags_array(1 / scale), w @ sparse.diags_array(1 / scale)
    prior = np.ones(A.shape[1])
    prior[: design.X.shape[1]] = 0.0
    C = sparse.csc_array(A.T @ A + sparse.diags_array(prior))
    solve = sparse_linalg.splu(C, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve
    dense = w.toarray()
    return np.sqrt(estimates.sigma2 * np.einsum("ij,ji->i", dense, solve(dense.T)))


def _spread(Z: np.ndarray, codes: np.ndarray, n_levels: int) -> sparse.csc_array:
    """Z of all levels, (n, L k): each row's k values under the columns of its level."""
    n, k = Z.shape
    rows = np.repeat(np.arange(n), k)
    columns = (codes[:, None] * k + np.arange(k)).ravel()
    return sparse.csc_array((Z.ravel(), (rows, columns)), shape=(n, n_levels * k))
