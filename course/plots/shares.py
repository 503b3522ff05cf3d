"""The shares of the variance as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from course.common.wording import listing, words
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit
from course.fit.require import require_fit_or_pooled
from course.interpretation.variance import variance_shares as shares_of
from course.plots.page import (
    BLUE,
    INK,
    PALE,
    canvas,
    describe,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def variance_shares(fit: MixedFit | MixedGLMFit | PooledFit, *, ax: Axes | None = None) -> Axes:
    """How much of the variance lies at each level, in per cent.

    Parameters
    ----------
    fit : MixedFit or PooledFit
        A model with random intercepts only: with random slopes, the shares depend on where one
        looks, and no single bar is right.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        One bar per row of `course.variance_shares`, labelled with its share and its SD.

    Raises
    ------
    CourseError
        If the model has random slopes.

    See Also
    --------
    course.variance_shares : The numbers, also with random slopes.
    course.icc : The numbers with intervals.

    Examples
    --------
    >>> from course import load, mixedlm, plots
    >>> fit = mixedlm("test_score ~ age + (1|school)", load("pupils")).fit()
    >>> plots.alt_text(plots.variance_shares(fit))
    'One bar per level, with its share of the variance: school 35.5 % and residual 64.5 %.'
    """
    require_fit_or_pooled(fit)
    effects = fit.variance_components["effect"].dropna()
    if (effects != "Intercept").any():
        slope = effects[effects != "Intercept"].iloc[0]
        raise CourseError(
            f"the model has a random slope ({slope}), so the shares of the variance change with "
            "it; variance_shares() draws models with random intercepts only"
        )
    parts = shares_of(fit)
    share, sds = 100 * parts["share"].to_numpy(), np.sqrt(parts["variance"])
    names = parts.index.astype(str).str.replace("^Residual$", "residual", regex=True)
    rows = np.arange(len(parts))[::-1]
    with canvas(ax, 7.0, 0.9 + 0.5 * len(parts)) as ax:
        is_residual = np.arange(len(parts)) == len(parts) - 1
        ax.barh(rows[~is_residual], share[~is_residual], color=BLUE, edgecolor=INK, height=0.62)
        ax.barh(
            rows[is_residual],
            share[is_residual],
            color=PALE,
            edgecolor=INK,
            height=0.62,
            hatch="//",
        )
        for row, percent, sd in zip(rows, share, sds, strict=True):
            size = f"{sd:.1f}" if sd >= 1 else words(sd)
            ax.text(percent + 1.2, row, f"{percent:.1f} %  (SD {size})", va="center")
        ax.set_yticks(rows, list(names))
        ax.set(xlabel="share of the variance (%)", ylabel="level", xlim=(0, share.max() + 26))
        ax.set_xticks(range(0, int(share.max()) + 11, 10))
    shares = [f"{name} {percent:.1f} %" for name, percent in zip(names, share, strict=True)]
    describe(ax, f"One bar per level, with its share of the variance: {listing(shares)}.")
    return ax
