"""Where zero is: the lines of all groups in one fan, and what moving zero does to the intercepts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course.common.wording import count, listing, words
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.require import require_fit
from course.plots.lookup import (
    column_label,
    containing,
    find_group,
    find_predictor,
    find_slope,
    frame,
    grid,
    is_whole,
    link_unit,
    mean_label,
    predictors,
    typical,
)
from course.plots.page import (
    BLUE,
    INK,
    ORANGE,
    PALE,
    axis_label,
    canvas,
    describe,
    effect_name,
    effect_unit,
    legend_above,
    panels,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def fan(
    fit: MixedFit | MixedGLMFit,
    predictor: str,
    group: str,
    *,
    zeros: Sequence[float] = (),
    unit: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The partially pooled lines of all levels of a group in one picture.

    A line is the fixed part plus the BLUPs of this level and of the groups that contain it. Other
    predictors are at their median or most frequent label, the same for all lines.

    Parameters
    ----------
    fit : MixedFit
        A fitted model.
    predictor : str
        The numeric predictor along the axis.
    group : str
        A grouping factor of the model.
    zeros : sequence of float, optional
        Values of the predictor that get an upright line, such as candidates for its zero. The axis
        goes as far as they do; beyond the data the lines are dotted.
    unit : str, optional
        Unit of the response, for the axis; known for the columns of the simulated pupils.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The dashed line is the fixed part alone.

    Raises
    ------
    CourseError
        If the model has no such predictor or group, or a zero is no number.

    See Also
    --------
    lines : Single groups, with their data.
    moving_zero : SD and correlation of what the fan shows.
    intercept_slope : The lines as points.

    Examples
    --------
    >>> from course import load, mixedlm, plots
    >>> fit = mixedlm("test_score ~ age + (age|school)", load("pupils")).fit()
    >>> ax = plots.fan(fit, "age", "school", zeros=[0, 10])
    >>> len(ax.lines) > 60
    True
    """
    require_fit(fit)
    x, g = find_predictor(fit, predictor), find_group(fit, group)
    zeros = _places(zeros)
    within = [fit.design.groupings[h] for h in containing(fit, g)]
    data, grouping = frame(fit), fit.design.groupings[g]
    columns = list(dict.fromkeys(name for one in within for name in one.factors))
    _, first = np.unique(grouping.codes, return_index=True)
    labels = data[columns].iloc[first].reset_index(drop=True)

    # In three stretches, so that what lies beyond the data can look different.
    inner = (float(x.min()), float(x.max()))
    edges = sorted({*inner, min([inner[0], *zeros]), max([inner[1], *zeros])})
    shared = typical(data[predictors(fit)])
    names, level_count = [one.name for one in within], grouping.n_levels
    thin = float(np.clip(60 / level_count, 0.12, 1.0))

    def heights(values: pd.DataFrame) -> np.ndarray:
        """Predictions, (levels, values)."""
        rows = values.loc[np.tile(np.arange(len(values)), level_count)].reset_index(drop=True)
        whose = labels.loc[np.repeat(np.arange(level_count), len(values))].reset_index(drop=True)
        rows = rows.assign(**whose)
        return fit.predict(rows, random=names).to_numpy().reshape(level_count, len(values))

    with canvas(ax, 6.8, 4.8) as ax:
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            inside = (low, high) == inner
            values = grid(shared, predictor, low, high, is_whole(x))
            ax.plot(
                values[predictor],
                heights(values).T,
                color=BLUE,
                alpha=0.75 if inside else 0.4,
                linewidth=1.1 * thin + 0.1,
                linestyle="-" if inside else ":",
            )
            ax.plot(
                values[predictor],
                fit.predict(values, random="none"),
                color=INK,
                linestyle="--",
                linewidth=2.2 if inside else 1.2,
            )
            if inside:
                ax.lines[-2].set_label(f"one {group}, partially pooled")
                ax.lines[-1].set_label("fixed effects")
        for at in zeros:
            ax.axvline(at, color=ORANGE, linewidth=1.6, zorder=1)
            name = f" {at:g}".replace("-", "−")
            ax.text(
                at,
                1.0,
                name,
                transform=ax.get_xaxis_transform(),
                ha="left",
                va="top",
                color=INK,
                fontsize=10,
            )
        ax.set_xlabel(column_label(fit, predictor))
        ax.set_ylabel(mean_label(fit, unit))
        legend_above(ax)
    places = zeros or [float(x.quantile(0.5, interpolation="lower"))]
    values = shared.loc[np.zeros(len(places), dtype=int)].reset_index(drop=True)
    kind = "int64" if is_whole(x) and all(at.is_integer() for at in places) else "float64"
    values = values.assign(**{predictor: np.asarray(places, dtype=kind)})
    spread = [
        f"from {words(column.min())} to {words(column.max())} at {words(at)}"
        for at, column in zip(places, heights(values).T, strict=True)
    ]
    describe(
        ax,
        f"{count(level_count, 'line')}, one for each {group}, of {fit.design.formula.response} "
        f"against {predictor}, around the dashed line of the fixed effects. They stand "
        f"{listing(spread)}.",
    )
    return ax


def moving_zero(
    fit: MixedFit | MixedGLMFit,
    group: str,
    effect: str | None = None,
    *,
    zeros: Sequence[float],
    unit: str | None = None,
    ax: Sequence[Axes] | None = None,
) -> np.ndarray:
    """SD of the random intercepts, and their correlation with the slopes, wherever zero is.

    An intercept is the height of a line at zero. With zero at c the intercept of a group is
    u0 + c * u1, so that::

        variance of the intercepts      t00 + 2 c t01 + c^2 t11
        covariance with the slopes      t01 + c t11

    where t00, t01 and t11 are variance, covariance and variance of u0 and u1. The first line is also
    the variance between groups at c, a parabola with its lowest point at c = -t01 / t11, where the
    second is 0 (Snijders & Bosker 2012, Multilevel analysis, 2nd ed., section 5.1).

    Parameters
    ----------
    fit : MixedFit
        A fitted model.
    group : str
        A grouping factor with a correlated random intercept and slope.
    effect : str, optional
        The slope; needed where several vary by the group.
    zeros : sequence of float
        Values of the predictor to mark, and the stretch of the axis.
    unit : str, optional
        Unit of the response, for the axis; known for the columns of the simulated pupils.
    ax : two Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    ndarray of two Axes
        SD and correlation. The grey band is where the data are. No correlation is drawn where the
        slopes do not vary.

    Raises
    ------
    CourseError
        If the model has no such group, no intercept and slope by it, or no zero is given.

    See Also
    --------
    fan : The lines themselves.
    intercept_slope : The points at some zeros.

    Examples
    --------
    >>> from course import load, mixedlm, plots
    >>> fit = mixedlm("test_score ~ age + (age|school)", load("pupils")).fit()
    >>> axes = plots.moving_zero(fit, "school", zeros=[8, 10, 12])
    >>> axes[1].get_ylabel()
    'correlation of intercept and slope'
    """
    require_fit(fit)
    first, second, effect = find_slope(fit, group, effect)
    zeros = _places(zeros)
    if not zeros:
        raise CourseError("zeros= is empty: write for example zeros=[8, 10, 12]")
    g = find_group(fit, group)
    where = [first, second]
    t00, t01, t11 = fit.estimates.covariances[g][np.ix_(where, where)][[0, 0, 1], [0, 1, 1]]
    x = fit.design.groupings[g].Z[:, second]
    low, high = min(x.min(), *zeros), max(x.max(), *zeros)
    margin = 0.03 * (high - low)
    along = np.linspace(low - margin, high + margin, 401)

    def sd(at: np.ndarray) -> np.ndarray:
        return np.sqrt(np.maximum(t00 + 2 * at * t01 + at**2 * t11, 0.0))

    def correlation(at: np.ndarray) -> np.ndarray:
        both = sd(at) * np.sqrt(max(t11, 0.0))
        undefined = np.full(np.shape(at), np.nan)
        return np.divide(t01 + at * t11, both, out=undefined, where=both > 0)

    marks = np.array(zeros)
    with panels(ax, 2, 4.6, 3.9, 2) as axes:
        for one, height in zip(axes, (sd, correlation), strict=True):
            one.axvspan(x.min(), x.max(), color=PALE, alpha=0.5, linewidth=0)
            one.plot(along, height(along), color=BLUE, linewidth=2.4)
            one.scatter(marks, height(marks), s=44, color=ORANGE, edgecolors=INK, zorder=3)
            one.set_xlabel(f"zero of {axis_label(effect)}")
        axes[1].axhline(0, color=INK, linestyle="--", linewidth=1.0)
        intercept = effect_unit(fit.design.formula.response, "Intercept", link_unit(fit, unit))
        axes[0].set(ylabel=f"SD of the random intercept ({intercept})", ylim=(0, None))
        axes[1].set(ylabel="correlation of intercept and slope", ylim=(-1.06, 1.06))
        for one in axes:
            one.text(
                (x.min() + x.max()) / 2,
                0.02,
                "data",
                transform=one.get_xaxis_transform(),
                ha="center",
                va="bottom",
                color=INK,
                fontsize=9.5,
            )
    turns = [
        f"with zero at {words(at)} the SD is {words(float(sd(at)))}"
        + (f" and the correlation {correlation(at):.2f}" if t11 > 0 else "")
        for at in marks
    ]
    text = (
        f"SD of the random intercepts by {group}, and their correlation with the "
        f"{effect_name(effect)}s, as curves over the place of zero: {listing(turns)}."
    )
    if t11 > 0:
        lowest = -t01 / t11
        text += (
            f" The SD is smallest, {words(float(sd(lowest)))}, with zero at {words(lowest)}, and there the "
            "correlation passes 0."
        )
    describe(axes[0], text)
    return axes


def _places(zeros: Sequence[float]) -> list[float]:
    """The zeros as finite floats."""
    try:
        places = [float(at) for at in np.atleast_1d(zeros)]
    except (TypeError, ValueError):
        places = [np.nan]
    if not np.isfinite(places).all():
        raise CourseError(f"zeros={zeros!r}: write numbers, such as zeros=[8, 10, 12]")
    return places
