"""Predicted random effects of a fit, how they shrink and turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course.common.wording import count, listing, words
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.require import require_fit, require_linear
from course.plots.covariances import ellipse
from course.plots.lookup import (
    column_label,
    containing,
    find_effect,
    find_group,
    find_slope,
    link_unit,
)
from course.plots.page import (
    BLUE,
    GREY,
    INK,
    NORMAL_95,
    ORANGE,
    PALE,
    canvas,
    describe,
    effect_name,
    effect_unit,
    label,
    legend_above,
    legend_of_panels,
    panels,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def caterpillar(
    fit: MixedFit | MixedGLMFit,
    group: str,
    effect: str = "Intercept",
    *,
    unit: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The predicted random effects of one group, sorted, each with its 95 % interval.

    The interval is BLUP ± 1.96 conditional standard deviations: it speaks of the effect of this
    one level, given the estimated variances.

    Parameters
    ----------
    fit : MixedFit
        A fitted model.
    group, effect : str
        Which random effects: a grouping factor of the model and a column of
        ``fit.random_effects[group]``.
    unit : str, optional
        Unit of the effect, for the axis; known for the columns of the simulated pupils.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        Levels are sorted, the highest on top; filled points are those whose interval excludes 0.

    Raises
    ------
    CourseError
        If the model has no such group or effect.

    See Also
    --------
    shrinkage : Intercepts and slopes, before and after pooling.
    qq : Whether the effects look normal.
    course.icc : How much lies between the levels.

    Examples
    --------
    >>> from course import load, mixedlm, plots
    >>> fit = mixedlm("test_score ~ age + (1|school)", load("pupils")).fit()
    >>> ax = plots.caterpillar(fit, "school")
    >>> ax.get_xlabel()
    'random intercept of the school (points), with 95 % interval'

    In R: ``lattice::dotplot(ranef(fit))``.
    """
    require_fit(fit)
    find_effect(fit, group, effect)
    value = fit.random_effects[group][effect].sort_values()
    half = NORMAL_95 * fit.random_effects_se[group][effect].loc[value.index]
    rows, clear = np.arange(1, len(value) + 1), (value.abs() > half).to_numpy()
    thin = float(np.clip(200 / len(value), 0.1, 1.0))
    with canvas(ax, 7.0, min(7.5, 1.4 + 0.2 * len(value))) as ax:
        ax.axvline(0, color=INK, linestyle="--", linewidth=1.0)
        ax.hlines(rows, value - half, value + half, color=GREY, linewidth=1.6 * thin)
        ax.scatter(
            value[clear],
            rows[clear],
            s=26 * thin,
            color=BLUE,
            zorder=3,
            label="interval excludes 0",
        )
        ax.scatter(
            value[~clear],
            rows[~clear],
            s=26 * thin,
            facecolors="white",
            edgecolors=BLUE,
            zorder=3,
            label="interval includes 0",
        )
        if len(value) <= 40:
            ax.set_yticks(rows, [label(level) for level in value.index], fontsize=9)
            ax.set_ylabel(column_label(fit, group))
        else:
            ax.set_ylabel(f"{column_label(fit, group)} (rank of {len(value)})")
        name = effect_name(effect)
        unit = unit or effect_unit(fit.design.formula.response, effect, link_unit(fit))
        ax.set_xlabel(f"random {name} of the {group} ({unit}), with 95 % interval")
        legend_above(ax)
    describe(
        ax,
        f"The random {name} of each of {len(value):,} {group} levels, sorted, with its 95 % interval, "
        f"around a dashed line at 0. They run from {words(value.iloc[0])} "
        f"({label(value.index[0])}) to {words(value.iloc[-1])} ({label(value.index[-1])}) {unit}; "
        f"{count(clear.sum(), 'interval excludes', 'intervals exclude')} 0.",
    )
    return ax


def shrinkage(
    fit: MixedFit,
    group: str,
    effect: str | None = None,
    *,
    unit: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Where partial pooling takes the intercept and slope of each group: an arrow for each.

    An arrow starts at the least-squares line of the group's own rows and ends at its line in the
    mixed model: fixed effects plus BLUPs, those of the groups that contain it included. What the
    fixed part says about other predictors is taken off the response first.

    Parameters
    ----------
    fit : MixedFit
        A fitted model.
    group : str
        A grouping factor with a random intercept and slope.
    effect : str, optional
        The slope; needed where several vary by the group.
    unit : str, optional
        Unit of the response, for the axes; known for the columns of the simulated pupils.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        Groups whose rows determine no line of their own start nowhere and are not drawn. The axes
        show all arrowheads; a few separate lines that lie far out start beyond the edge.

    Raises
    ------
    CourseError
        If the model has no such group, or no intercept and slope by it.

    See Also
    --------
    intercept_slope : Random intercepts against random slopes alone.
    lines : Single groups, with their data.
    pooling : The same for group means.

    Examples
    --------
    >>> from course import load, mixedlm, plots
    >>> fit = mixedlm("normexam ~ standLRT + (standLRT|school)", load("exam")).fit()
    >>> plots.shrinkage(fit, "school").get_xlabel()
    'intercept (normexam)'
    """
    require_fit(fit)
    require_linear(
        fit,
        "shrinkage",
        "a group all of whose answers are the same has no line of its own. Draw lines(fit, ...) or "
        "intercept_slope(fit, ...)",
    )
    _, _, effect = find_slope(fit, group, effect)
    separate = _separate_lines(fit, group, effect)
    pooled = _mixed_lines(fit, group, effect)
    centre = [fit.fe_params.get(name, 0.0) for name in ("Intercept", effect)]
    drawn = np.isfinite(separate).all(axis=1)
    if not drawn.any():
        raise CourseError(f"no {group} has rows enough for a line of its own: nothing to shrink")
    start, end = separate[drawn], pooled[drawn]
    # A group with two pupils of nearly one age may have any line: it must not squeeze the others.
    quarter, three = np.quantile(start, [0.25, 0.75], axis=0)
    fence = 3 * (three - quarter)
    near = ((start >= quarter - fence) & (start <= three + fence)).all(axis=1)
    shown = np.vstack([start[near], end, [centre]])
    low, high = shown.min(axis=0), shown.max(axis=0)
    margin = 0.06 * (high - low)
    low, high = low - margin, high + margin
    beyond = ((start < low) | (start > high)).any(axis=1)
    response = fit.design.formula.response
    thin = float(np.clip(250 / len(start), 0.15, 1.0))
    with canvas(ax, 6.6, 5.4) as ax:
        for (x0, y0), (x1, y1) in zip(start, end, strict=True):
            arrow: Any = ax.annotate(
                "",
                (x1, y1),
                (x0, y0),
                annotation_clip=False,
                zorder=2,
                arrowprops={
                    "arrowstyle": "->",
                    "color": INK,
                    "lw": 0.7 * thin,
                    "shrinkA": 0,
                    "shrinkB": 0,
                },
            )
            arrow.arrow_patch.set_clip_on(True)
            arrow.arrow_patch.set_clip_box(ax.bbox)
        ax.scatter(
            start[:, 0],
            start[:, 1],
            marker="D",
            s=20 * thin,
            facecolors="white",
            edgecolors=ORANGE,
            linewidths=1.1 * thin**0.5,
            zorder=3,
            label="separate line",
        )
        ax.scatter(
            end[:, 0],
            end[:, 1],
            s=26 * thin,
            color=BLUE,
            edgecolors=INK,
            linewidths=0.5,
            zorder=4,
            label="partially pooled line",
        )
        ax.scatter(
            centre[0],
            centre[1],
            marker="+",
            s=240,
            color=INK,
            linewidths=2.4,
            zorder=5,
            label="fixed effects",
        )
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        ax.set_xlabel(f"intercept ({effect_unit(response, 'Intercept', unit)})")
        ax.set_ylabel(f"{effect_name(effect)} ({effect_unit(response, effect, unit)})")
        legend_above(ax, 3)
    spreads = [start.std(axis=0, ddof=1), end.std(axis=0, ddof=1)] if len(start) > 1 else []
    text = (
        f"Intercept and {effect_name(effect)} of {count(len(start), 'line')}, one for each {group}, "
        f"with an arrow from the separate to the partially pooled line, towards the fixed effects "
        f"({words(centre[0])}, {words(centre[1])})."
    )
    if spreads:
        text += (
            f" The SD of the intercepts shrinks from {words(spreads[0][0])} to "
            f"{words(spreads[1][0])}, that of the slopes from {words(spreads[0][1])} to "
            f"{words(spreads[1][1])}."
        )
    if beyond.any():
        text += f" {count(beyond.sum(), 'arrow starts', 'arrows start')} beyond the edge."
    if not drawn.all():
        text += f" {(~drawn).sum():,} have rows too few for a line of their own."
    describe(ax, text)
    return ax


def _mixed_lines(fit: MixedFit, group: str, effect: str) -> np.ndarray:
    """Intercept and slope of each level, (L, 2): fixed effects plus all random effects above it."""
    g = find_group(fit, group)
    design = fit.design
    lines = np.zeros((design.groupings[g].n_levels, 2))
    for column, name in enumerate(("Intercept", effect)):
        lines[:, column] = fit.fe_params.get(name, 0.0)
        for h in containing(fit, g):
            grouping = design.groupings[h]
            if name in grouping.effects:
                above = np.arange(len(lines)) if h == g else design.parents(g, h)
                lines[:, column] += fit.estimates.effects[h][above, grouping.effects.index(name)]
    return lines


def _separate_lines(fit: MixedFit, group: str, effect: str) -> np.ndarray:
    """Least-squares intercept and slope of each level's own rows, (L, 2); NaN without a line."""
    grouping = fit.design.groupings[find_group(fit, group)]
    others = [
        j for j, name in enumerate(fit.design.fixed_names) if name not in ("Intercept", effect)
    ]
    y = fit.design.y_less_offset - fit.design.X[:, others] @ fit.estimates.beta[others]
    x = grouping.Z[:, grouping.effects.index(effect)]
    n = np.bincount(grouping.codes)
    x_mean, y_mean = (np.bincount(grouping.codes, v) / n for v in (x, y))
    x, y = x - x_mean[grouping.codes], y - y_mean[grouping.codes]
    xx, xy = np.bincount(grouping.codes, x * x), np.bincount(grouping.codes, x * y)
    slope = np.full(len(n), np.nan)
    np.divide(xy, xx, out=slope, where=xx > 1e-10 * n * max(x.var(), 1e-300))
    return np.column_stack([y_mean - slope * x_mean, slope])


def intercept_slope(
    fit: MixedFit | MixedGLMFit,
    group: str,
    effect: str | None = None,
    *,
    zero: float | Sequence[float] = 0.0,
    unit: str | None = None,
    ax: Axes | Sequence[Axes] | None = None,
) -> Axes | np.ndarray:
    """Random intercepts against random slopes, in the ellipse of their estimated covariance.

    An intercept is where a line stands at zero. Move zero to c, and each intercept u0 becomes
    u0 + c * u1: lines that fan out exchange their order, and covariance and correlation change,
    though nothing about the groups did. They are 0 where c = -cov(u0, u1) / var(u1).

    Parameters
    ----------
    fit : MixedFit
        A fitted model.
    group : str
        A grouping factor with a correlated random intercept and slope.
    effect : str, optional
        The slope; needed where several vary by the group.
    zero : float or sequence of float
        The value of the predictor that becomes zero; several make a panel each, side by side.
    unit : str, optional
        Unit of the response, for the axes; known for the columns of the simulated pupils.
    ax : Axes, or one for each zero, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes, or ndarray of Axes where `zero` is a sequence
        The ellipse holds 95 % of the effects of groups drawn from the estimated distribution. BLUPs
        are shrunk, so more than 95 % of them lie in it.

    Raises
    ------
    CourseError
        If the model has no such group, or no intercept and slope by it.

    See Also
    --------
    moving_zero : The correlation as a curve.
    ellipses : Several covariance structures side by side.
    shrinkage : Where the points come from.

    Examples
    --------
    >>> from course import load, mixedlm, plots
    >>> fit = mixedlm("test_score ~ age + (age|classroom)", load("pupils")).fit()
    >>> axes = plots.intercept_slope(fit, "classroom", zero=[0, 10, 20])
    >>> len(axes)
    3
    """
    require_fit(fit)
    unit = link_unit(fit, unit)
    first, second, effect = find_slope(fit, group, effect)
    g = find_group(fit, group)
    several = np.ndim(zero) > 0
    zeros = [float(at) for at in np.atleast_1d(zero)]
    where = [first, second]
    blups = fit.estimates.effects[g][:, where]
    covariance = fit.estimates.covariances[g][np.ix_(where, where)]
    moves = [np.array([[1.0, at], [0.0, 1.0]]) for at in zeros]
    response = fit.design.formula.response
    correlations = []
    with panels(ax, len(zeros), 4.0 if several else 5.8, 4.4, 3, sharex=True, sharey=True) as axes:
        for one, at, move in zip(axes, zeros, moves, strict=True):
            moved, sigma = blups @ move.T, move @ covariance @ move.T
            one.axhline(0, color=PALE, linewidth=1.0)
            one.axvline(0, color=PALE, linewidth=1.0)
            one.plot(*ellipse(sigma), color=INK, linewidth=1.8, label="95 % of groups")
            one.scatter(
                *moved.T,
                s=22,
                facecolors="none",
                edgecolors=BLUE,
                linewidths=1.0,
                zorder=3,
                label=f"BLUP of one {group}",
            )
            correlations.append(_correlation(sigma))
            if several:
                one.set_title(
                    f"zero at {effect} = {at:g}\ncorrelation {_signed(correlations[-1])}",
                    fontsize=11,
                )
            one.set_xlabel(f"random intercept ({effect_unit(response, 'Intercept', unit)})")
        axes[0].set_ylabel(f"random {effect_name(effect)} ({effect_unit(response, effect, unit)})")
        if several:
            legend_of_panels(axes, ax is None)
        else:
            legend_above(axes[0])
    sds = [np.sqrt((move @ covariance @ move.T)[0, 0]) for move in moves]
    turns = [
        f"with zero at {at:g} the SD {words(sd)} and the correlation {r:.2f} with the slopes"
        for at, sd, r in zip(zeros, sds, correlations, strict=True)
    ]
    text = (
        f"Random intercepts and {effect_name(effect)}s of {count(len(blups), group + ' level')} in "
        f"the ellipse of their estimated covariance. The intercepts have {listing(turns)}."
    )
    if covariance[1, 1] > 0:
        balance = -covariance[0, 1] / covariance[1, 1]
        text += f" Intercepts and slopes are unrelated with zero at {words(balance)}."
    describe(axes[0], text)
    return axes if several else axes[0]


def _correlation(covariance: np.ndarray) -> float:
    both = np.sqrt(covariance[0, 0] * covariance[1, 1])
    return float(covariance[0, 1] / both) if both > 0 else float("nan")


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
