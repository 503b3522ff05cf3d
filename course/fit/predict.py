"""Predicted responses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from course.common.nearest import nearest
from course.common.wording import alternatives
from course.design.columns import check_frame
from course.design.design import Design
from course.errors import CourseError
from course.solver.estimates import Estimates

WORDS = ("all", "none")  # for all groups and for none of them


def predict(
    design: Design,
    estimates: Estimates,
    new_data: pd.DataFrame | None,
    random: str | Sequence[str],
    words: Sequence[str] = WORDS,
) -> pd.Series:
    """Predicted responses of new rows, or of those of the fit where `new_data` is None.

    Parameters
    ----------
    design : Design
    estimates : Estimates
    new_data : DataFrame or None
    random : "all", "none" or list of str
        The groups whose random effects are added to the fixed part.
    words : sequence of str
        What else `random` might have said, for a message.

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
    wanted = wanted_groups([grouping.name for grouping in design.groupings], random, words)
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


def variance_of_random_part(
    design: Design, estimates: Estimates, new_data: pd.DataFrame | None
) -> np.ndarray:
    """The variance that the effects of unknown groups give a row, (m,); NaN where a predictor is missing."""
    total: np.ndarray | float = 0.0
    for g, (grouping, covariance) in enumerate(
        zip(design.groupings, estimates.covariances, strict=True)
    ):
        Z = grouping.Z if new_data is None else design.effect_rows(g, check_frame(new_data))
        total = total + np.einsum("ni,ij,nj->n", Z, covariance, Z)
    return np.asarray(total)


def wanted_groups(
    names: list[str], random: str | Sequence[str], words: Sequence[str] = WORDS
) -> list[str]:
    """The groups that `random` asks for; `words` are those that it may be, beside names of groups."""
    quoted = [repr(word) for word in words]
    if isinstance(random, str) and random in ("all", "none"):
        return names if random == "all" else []
    if not isinstance(random, str | list | tuple):
        raise CourseError(f"random={random!r}: write {alternatives([*quoted, 'a list of groups'])}")
    wanted = [random] if isinstance(random, str) else list(random)
    for name in wanted:
        if name not in names:
            raise CourseError(
                f"random={name!r}: the groups of this fit are {', '.join(names)}; or write "
                f"{alternatives(quoted)}{nearest(name, [*names, *words])}"
            )
    return wanted
