"""Lines of groups: pooled, separate and partially pooled; predictions with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from course.common.arguments import proportion
from course.common.wording import count, listing, words
from course.design.responses import NUMBER
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.predict import predict
from course.fit.prediction_intervals import prediction_sd
from course.fit.require import require_fit
from course.inference.combinations import combinations
from course.plots.lookup import (
    column_label,
    containing,
    find_group,
    find_levels,
    find_predictor,
    frame,
    grid,
    is_whole,
    mean_label,
    on_scale_of_response,
    predictors,
    typical,
    working_design,
)
from course.plots.page import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    canvas,
    describe,
    label,
    legend_above,
    legend_of_panels,
    panels,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


GROUP_STYLES = [(BLUE, "-"), (ORANGE, (0, (6, 2))), (INK, ":"), (BLUE, (0, (1, 1)))]


def lines(
    fit: MixedFit | MixedGLMFit,
    predictor: str,
    group: str,
    levels: Sequence | None = None,
    *,
    unit: str | None = None,
    ax: Sequence[Axes] | None = None,
) -> np.ndarray:
    """The line of each group three times: pooled, separate and partially pooled.

    - pooled: least squares on all rows, the groups forgotten;
    - separate: least squares on the rows of this group alone;
    - partially pooled: the mixed model, fixed part plus the BLUPs of this group and of the groups
      that contain it.

    All three have the fixed part of the model's formula. Of a generalised fit, curves of probabilities or
    expected counts: that of all effects 0, and the partially pooled one. Predictors other than the one drawn
    are at the median of the group, or its most frequent label.

    Parameters
    ----------
    fit : MixedFit
        A fitted model.
    predictor : str
        The numeric predictor along the axis.
    group : str
        A grouping factor of the model.
    levels : list, optional
        Which groups; if not given six, from the smallest to the largest.
    unit : str, optional
        Unit of the response, for the axis; known for the columns of the simulated pupils.
    ax : Axes, optional
        As many as levels; a new figure if not given.

    Returns
    -------
    ndarray of Axes, one for each level
        A group without a separate line has rows too few for it.

    Raises
    ------
    CourseError
        If the model has no such predictor, group or level.

    See Also
    --------
    predictions : Predicted means with intervals.
    fan : All groups in one picture.
    shrinkage : Intercepts and slopes as points.

    Examples
    --------
    >>> from course import load, mixedlm, plots
    >>> fit = mixedlm("test_score ~ age + (age|school)", load("pupils")).fit()
    >>> axes = plots.lines(fit, "age", "school", ["P01-S1", "P02-S3"])
    >>> [ax.get_title() for ax in axes]
    ['P01-S1 (n = 44)', 'P02-S3 (n = 31)']
    """
    require_fit(fit)
    x, g = find_predictor(fit, predictor), find_group(fit, group)
    grouping, data, design = fit.design.groupings[g], frame(fit), fit.design
    sizes = np.bincount(grouping.codes)
    if levels is None:
        by_size = np.argsort(sizes, kind="stable")
        places = np.linspace(0, len(sizes) - 1, min(6, len(sizes))).round().astype(int)
        codes = list(by_size[places])
    else:
        codes = find_levels(fit, group, levels)
    names = [design.groupings[h].name for h in containing(fit, g)]
    linear = design.kind == NUMBER
    if linear:
        pooled = np.linalg.lstsq(design.scaled.X, design.scaled.y_less_offset, rcond=None)[0]
    whole, response = is_whole(x), design.formula.response
    alone, moves = 0, []
    with panels(ax, len(codes), 3.1, 2.8, 3, sharex=True, sharey=True) as axes:
        for one, code in zip(axes, codes, strict=True):
            own = grouping.codes == code
            row = typical(data[own])
            wide = grid(row, predictor, x.min(), x.max(), whole)
            near = grid(row, predictor, x[own].min(), x[own].max(), whole)
            partial = fit.predict(wide, random=names)
            one.scatter(
                x[own],
                design.y[own],
                s=18,
                facecolors="none",
                edgecolors=GREY,
                linewidths=0.9,
                label="one row of the data",
            )
            middle_line = fit.predict(wide, random="none")
            if linear:
                middle_line = design.offset_rows(wide) + design.fixed_rows(wide) @ pooled
            one.plot(
                wide[predictor],
                middle_line,
                color=INK,
                linestyle="--",
                linewidth=1.4,
                label="pooled" if linear else "all effects 0",
            )
            separate = _own_line(fit, own, near) if linear else None
            if separate is None:
                alone += linear
            else:
                one.plot(
                    near[predictor],
                    separate,
                    color=ORANGE,
                    linestyle="-.",
                    linewidth=2.0,
                    label="separate",
                )
            one.plot(wide[predictor], partial, color=BLUE, linewidth=2.4, label="partially pooled")
            one.set_title(f"{label(grouping.levels[code])} (n = {own.sum()})", fontsize=10.5)
            middle = len(wide) // 2
            moves.append(f"{words(partial.iloc[middle])} for {label(grouping.levels[code])}")
        for one in axes if ax is not None else axes[-3:]:
            one.set_xlabel(column_label(fit, predictor))
        for one in axes if ax is not None else axes[::3]:
            one.set_ylabel(mean_label(fit, unit))
        with_all = max(axes, key=lambda one: len(one.get_legend_handles_labels()[1]))
        legend_of_panels(np.array([with_all]), ax is None)
    drawn = "its pooled (dashed), separate (dash-dotted) and partially pooled (solid) line"
    if not linear:
        drawn = "its curve for effects of 0 (dashed) and its partially pooled one (solid)"
    text = (
        f"{response} against {predictor} in {count(len(codes), 'panel')}, one for each {group} shown, with "
        f"its rows as rings and {drawn}. At {predictor} {words(wide[predictor].iloc[middle])} the partially "
        f"pooled lines stand at {listing(moves)}."
    )
    if alone:
        text += f" {alone} of them {'has' if alone == 1 else 'have'} too few rows for a line alone."
    describe(axes[0], text)
    return axes


def _own_line(
    fit: MixedFit | MixedGLMFit, own: np.ndarray, rows: pd.DataFrame
) -> np.ndarray | None:
    """The least-squares line of some rows alone; None where they do not determine it."""
    scaled = fit.design.scaled  # rows of a larger weight count for more
    X, new = scaled.X[own], fit.design.fixed_rows(rows)
    scale = np.abs(X).max(axis=0)
    scale[scale == 0] = 1.0
    rank = np.linalg.matrix_rank(X / scale, tol=1e-8)
    if (new == new[0]).all() or np.linalg.matrix_rank(np.vstack([X, new]) / scale, tol=1e-8) > rank:
        return None
    line = np.linalg.lstsq(X / scale, scaled.y_less_offset[own], rcond=1e-10)[0]
    return fit.design.offset_rows(rows) + new / scale @ line


def predictions(
    fit: MixedFit | MixedGLMFit,
    predictor: str,
    group: str | None = None,
    levels: Sequence | None = None,
    *,
    at: Mapping[str, object] | None = None,
    level: float = 0.95,
    unit: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Predicted means along a predictor, for the population and for some groups, with intervals.

    The band of the population is the fixed part ± t × its standard error, with Satterthwaite's
    degrees of freedom: where the mean of *all* groups may lie. The band of a group is that of *its*
    mean: it holds the uncertainty of the fixed part, of its random effects and of those of the groups
    that contain it, and how they hang together (the prediction error variance of Henderson 1975,
    doi 10.2307/2529430), with normal quantiles. Both take the estimated variances as they are, and
    neither holds the scatter of single observations around their mean. Of a generalised fit all stands on
    the scale of the response: the dashed curve is that of a group whose effects are 0, and a thin one the
    average over all groups that there might be.

    Parameters
    ----------
    fit : MixedFit
        A fitted model.
    predictor : str
        The numeric predictor along the axis.
    group : str, optional
        A grouping factor of the model; the population alone if not given.
    levels : list, optional
        Up to four of its groups; if not given the one predicted lowest and the one predicted
        highest at the middle of the predictor.
    at : dict, optional
        Values of other predictors. Others are at their median or most frequent label.
    level : float
        Of the intervals, between 0 and 1.
    unit : str, optional
        Unit of the response, for the axis; known for the columns of the simulated pupils.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        Lines of groups end where their data do.

    Raises
    ------
    CourseError
        If the model has no such predictor, group or level.

    See Also
    --------
    lines : Pooled, separate and partially pooled lines with the data.
    course.MixedFit.predict : The numbers.

    Examples
    --------
    >>> from course import load, mixedlm, plots
    >>> fit = mixedlm("test_score ~ age + sex + (age|school)", load("pupils")).fit()
    >>> ax = plots.predictions(fit, "age", "school", ["P01-S1"], at={"sex": "male"})
    >>> ax.get_xlabel()
    'age (years); sex = male'
    """
    require_fit(fit)
    level = proportion("level", level)
    if at and predictor in at:
        raise CourseError(f"{predictor!r} runs along the axis: leave it out of at=")
    x, data = find_predictor(fit, predictor), frame(fit)
    response, percent = fit.design.formula.response, f"{100 * level:g} %"
    shared = typical(data[predictors(fit)], at)
    wide = grid(shared, predictor, x.min(), x.max(), is_whole(x))
    X = fit.design.fixed_rows(wide)
    found = combinations(fit, X, "satterthwaite")
    eta = fit.design.offset_rows(wide) + found.estimates
    # a row of zeros, as without fixed effects, has the mean 0 for certain
    half = found.std_errors * stats.t.ppf((1 + level) / 2, np.nan_to_num(found.df, nan=np.inf))
    mean, low, high = (on_scale_of_response(fit, end) for end in (eta, eta - half, eta + half))
    groups = _group_lines(fit, x, predictor, group, levels, shared, level) if group else []
    population = "population" if fit.design.kind == NUMBER else "group in the middle"
    middle = len(wide) // 2
    with canvas(ax, 6.6, 4.8) as ax:
        ax.fill_between(wide[predictor], low, high, color=GREY, alpha=0.2, linewidth=0)
        for edge in (low, high):
            ax.plot(wide[predictor], edge, color=INK, linestyle="--", linewidth=0.9)
        ax.plot(
            wide[predictor],
            mean,
            color=INK,
            linestyle="--",
            linewidth=2.2,
            label=f"{population}, {percent} interval of the mean",
        )
        if fit.design.kind != NUMBER:
            average = fit.predict(wide, random="average")
            ax.plot(
                wide[predictor], average, color=INK, linewidth=1.4, label="averaged over groups"
            )
        for (name, xs, ys, lows, highs), (colour, dash) in zip(groups, GROUP_STYLES, strict=False):
            ax.fill_between(xs, lows, highs, color=colour, alpha=0.16, linewidth=0)
            for edge in (lows, highs):
                ax.plot(xs, edge, color=colour, linestyle=dash, linewidth=0.9)
            ax.plot(xs, ys, color=colour, linestyle=dash, linewidth=2.4, label=f"{group} {name}")
        others = [name for name in predictors(fit) if name != predictor]
        held = "".join(f"; {n} = {_value(shared[n].iloc[0])}" for n in others)
        ax.set_xlabel(column_label(fit, predictor) + held)
        linear = fit.design.kind == NUMBER
        ax.set_ylabel(f"{'mean ' * linear}{mean_label(fit, unit)}")
        legend_above(ax)
    where = f"At {predictor} {words(wide[predictor].iloc[middle])}"
    what = f"The mean of {response}" if linear else f"The {mean_label(fit)}"
    text = (
        f"{what} for the {population} against {predictor}{held.replace(';', ',')}, with "
        f"its {percent} interval. {where} it is {words(mean[middle])} "
        f"({words(low[middle])} to {words(high[middle])})."
    )
    for name, xs, ys, lows, highs in groups:
        i = int(np.abs(xs - wide[predictor].iloc[middle]).argmin())
        text += (
            f" For {group} {name} at {words(xs[i])} it is {words(ys[i])} "
            f"({words(lows[i])} to {words(highs[i])})."
        )
    describe(ax, text)
    return ax


def _value(value: object) -> str:
    return words(float(value)) if isinstance(value, int | float | np.number) else str(value)


def _group_lines(
    fit: MixedFit | MixedGLMFit,
    x: pd.Series,
    predictor: str,
    group: str,
    levels: Sequence | None,
    shared: pd.DataFrame,
    level: float,
) -> list[tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """For each level its label, the predictor, the mean, and the edges of its band."""
    design = working_design(fit)
    g = find_group(fit, group)
    grouping, data = fit.design.groupings[g], frame(fit)
    within = [fit.design.groupings[h] for h in containing(fit, g)]
    columns = list(dict.fromkeys(name for one in within for name in one.factors))

    _, first = np.unique(grouping.codes, return_index=True)
    labels = data[columns].iloc[first].reset_index(drop=True)

    names = [one.name for one in within]
    if levels is None:
        middle = shared.assign(**{predictor: x.quantile(0.5, interpolation="lower")})
        every = middle.loc[np.zeros(len(labels), dtype=int)].reset_index(drop=True)
        every = every.assign(**labels)
        at = fit.predict(every, random=names).to_numpy()
        codes = list(dict.fromkeys([int(at.argmax()), int(at.argmin())]))
    else:
        codes = find_levels(fit, group, levels)
        if len(codes) > len(GROUP_STYLES):
            raise CourseError(
                f"{len(codes)} levels in one picture cannot be told apart: name at most "
                f"{len(GROUP_STYLES)}, or draw them with lines()"
            )
    found = []
    for code in codes:
        own = x[grouping.codes == code]
        rows = grid(shared, predictor, own.min(), own.max(), is_whole(x))
        rows = rows.assign(**labels.loc[code])
        half = stats.norm.ppf((1 + level) / 2) * prediction_sd(design, fit.estimates, rows, names)
        eta = predict(fit.design, fit.estimates, rows, names).to_numpy()
        mean, low, high = (on_scale_of_response(fit, end) for end in (eta, eta - half, eta + half))
        found.append((label(grouping.levels[code]), rows[predictor].to_numpy(), mean, low, high))
    return found
