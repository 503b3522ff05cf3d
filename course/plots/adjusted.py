"""Adjusted means, their differences, and slopes, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course import interpretation
from course.common.wording import count, listing, words
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.generalised_summary import RATIOS
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit, response_of
from course.interpretation.response_scale import on_response
from course.plots.lookup import effect_label, link_unit, mean_label
from course.plots.page import GREY, axis_label, canvas, describe, effect_unit, legend_above, unit_of
from course.plots.rows import STYLES, intervals_in_rows, name_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_TOLD = 4  # rows of one series in the text; of more it tells the lowest and the highest


def means(
    fit: MixedFit | MixedGLMFit | PooledFit,
    factor: str | Sequence[str],
    *,
    by: str | None = None,
    at: Mapping[str, object] | None = None,
    weights: str = "equal",
    df: str = "satterthwaite",
    level: float = 0.95,
    scale: str = "link",
    unit: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The adjusted means of a factor's levels with their intervals, one row each.

    Parameters
    ----------
    fit : MixedFit or PooledFit
        A fitted model.
    factor : str or list of str
        The factor, or several for their combinations, as in ``course.means``.
    by : str, optional
        A predictor with up to four levels (or values in `at`): one series of points for each.
    at, weights, df, level, scale
        As in ``course.means``.
    unit : str, optional
        Unit of the response, for the axis; known for the columns of the simulated pupils.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The first level on top.

    Raises
    ------
    CourseError
        As ``course.means``, and for a `by` of more than four levels.

    See Also
    --------
    course.means : The numbers.
    contrasts : Their differences: whether two means differ cannot be read from two intervals.
    predictions : Means along a predictor with numbers.

    Examples
    --------
    >>> from course import load, mixedlm, plots
    >>> fit = mixedlm("normexam ~ standLRT + schgend + (1|school)", load("exam")).fit()
    >>> ax = plots.means(fit, "schgend")
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['boys', 'girls', 'mixed']
    """
    table = interpretation.means(
        fit, factor, by=by, at=at, weights=weights, df=df, level=level, scale=scale
    )
    response = response_of(fit)
    names = factor if isinstance(factor, str) else ":".join(factor)
    label = f"adjusted mean of {axis_label(response, unit or unit_of(response))}"
    if isinstance(fit, MixedGLMFit):
        of = mean_label(fit) if scale == "response" else f"{fit.family.link} of {response}"
        label = f"adjusted {of}"
    title = f"The adjusted means of {response} by {names}"
    shown = effect_label(fit.design.titles, names)
    return _rows(table, by, title, label, shown, level, None, ax)


def contrasts(
    fit: MixedFit | MixedGLMFit | PooledFit,
    factor: str | Sequence[str],
    kind: str = "pairwise",
    *,
    adjust: str = "holm",
    by: str | None = None,
    at: Mapping[str, object] | None = None,
    weights: str = "equal",
    df: str = "satterthwaite",
    level: float = 0.95,
    scale: str = "link",
    unit: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The differences between adjusted means with their intervals, around a line at 0.

    Parameters
    ----------
    fit : MixedFit or PooledFit
        A fitted model.
    factor : str or list of str
        The factor whose levels are compared.
    kind, adjust
        As in ``course.contrasts``; the intervals are the adjusted ones.
    by : str, optional
        A predictor with up to four levels (or values in `at`): one series of points for each.
    at, weights, df, level, scale
        As in ``course.means``.
    unit : str, optional
        Unit of the response, for the axis; known for the columns of the simulated pupils.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The first contrast on top.

    Raises
    ------
    CourseError
        As ``course.contrasts``, and for a `by` of more than four levels.

    See Also
    --------
    course.contrasts : The numbers, with tests.
    means : The means that are compared.

    Examples
    --------
    >>> from course import load, mixedlm, plots
    >>> fit = mixedlm("normexam ~ standLRT + schgend + (1|school)", load("exam")).fit()
    >>> ax = plots.contrasts(fit, "schgend", adjust="tukey")
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['boys - girls', 'boys - mixed', 'girls - mixed']
    """
    table = interpretation.contrasts(
        fit,
        factor,
        kind,
        adjust=adjust,
        by=by,
        at=at,
        weights=weights,
        df=df,
        level=level,
        scale=scale,
    )
    response = response_of(fit)
    names = factor if isinstance(factor, str) else ":".join(factor)
    unit = link_unit(fit, unit) or unit_of(response)
    label = f"difference between adjusted means ({unit or response})"
    title = f"Differences between the adjusted means of {response} by {names} ({kind})"
    none = 0.0
    if on_response(fit, scale):
        what, none = RATIOS[fit.family.link].lower(), 1.0
        label, title = what, f"The {what}s of {response} by {names} ({kind})"
        table = table.rename(columns={"ratio": "estimate"})
    return _rows(table, by, title, label, "contrast", level, none, ax)


def slopes(
    fit: MixedFit | MixedGLMFit | PooledFit,
    predictor: str,
    *,
    by: str | None = None,
    at: Mapping[str, object] | None = None,
    weights: str = "equal",
    df: str = "satterthwaite",
    level: float = 0.95,
    scale: str = "link",
    unit: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The slopes of the mean along a predictor with their intervals, around a line at 0.

    Parameters
    ----------
    fit : MixedFit or PooledFit
        A fitted model.
    predictor : str
        A predictor with numbers.
    by : str, optional
        A predictor at each of whose levels (or values in `at`) a slope is drawn, a row each.
    at, weights, df, level, scale
        As in ``course.slopes``.
    unit : str, optional
        Unit of the response, for the axis; known for the columns of the simulated pupils.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The first level on top; with several values of the predictor in `at` a series for each level.

    Raises
    ------
    CourseError
        As ``course.slopes``, and for a `by` of more than four levels beside several values in `at`.

    See Also
    --------
    course.slopes : The numbers, with tests.
    predictions : The line itself.
    coefficients : Coefficients as they are in the formula.

    Examples
    --------
    >>> from course import load, mixedlm, plots
    >>> fit = mixedlm("test_score ~ age * sex + (1|school)", load("pupils")).fit()
    >>> plots.slopes(fit, "age", by="sex").get_xlabel()
    'slope of age (points per year), with 95 % interval'
    """
    table = interpretation.slopes(
        fit, predictor, by=by, at=at, weights=weights, df=df, level=level, scale=scale
    )
    response = response_of(fit)
    unit = mean_label(fit) if on_response(fit, scale) else link_unit(fit, unit)
    label = f"slope of {predictor} ({effect_unit(response, predictor, unit)})"
    title = f"The slopes of {response} along {predictor}"
    several = table.index.nlevels > 1
    shown = by if several else None
    return _rows(table, shown, title, label, str(table.index.names[-1]), level, 0.0, ax)


def _rows(
    table: pd.DataFrame,
    by: str | None,
    title: str,
    x_label: str,
    y_label: str,
    level: float,
    line: float | None,
    ax: Axes | None,
) -> Axes:
    """A table as rows of points with intervals, one series for each level of `by`."""
    if by is None:
        series = {"": table}
    elif by not in table.index.names:
        raise CourseError(f"by={by!r}: a picture has one predictor in by; put others into the rows")
    else:
        levels = table.index.get_level_values(by).unique()
        if len(levels) > len(STYLES):
            raise CourseError(
                f"{by} has {len(levels)} levels, and more than {len(STYLES)} in one picture cannot be told "
                f"apart: name some in at={{{by!r}: [...]}}"
            )
        series = {f"{by} {_text(one)}": table.xs(one, level=by) for one in levels}
    names = [_text(one) for one in next(iter(series.values())).index]
    height = 1.2 + (0.28 + 0.2 * len(series)) * len(names)
    with canvas(ax, 7.0, height) as ax:
        if line is not None:
            ax.axvline(line, color=GREY, linestyle="--", linewidth=1.0, zorder=1)
        intervals_in_rows(ax, series)
        name_rows(ax, names)
        ax.set(xlabel=f"{x_label}, with {100 * level:g} % interval", ylabel=y_label)
        if by is not None:
            legend_above(ax, columns=len(series))
    told = [_told(name, one, names) for name, one in series.items()]
    text = f"{title}, {count(len(names), 'row')}, each with its {100 * level:g} % interval. {' '.join(told)}"
    if line is not None:
        outside = int(((table["lower"] > line) | (table["upper"] < line)).sum())
        text += f" {count(outside, 'interval excludes', 'intervals exclude')} {line:g}."
    describe(ax, " ".join([text, *table.attrs["notes"]]))
    return ax


def _told(name: str, table: pd.DataFrame, names: list[str]) -> str:
    """A sentence with the estimates of one series: all of a few, else the lowest and the highest."""
    many = len(names) > MOST_TOLD
    order: Sequence[int] = range(len(names))
    if many:
        values = table["estimate"].to_numpy()
        order = [int(np.argmin(values)), int(np.argmax(values))]
    told = [
        f"{names[i]} {words(row['estimate'])} ({words(row['lower'])} to {words(row['upper'])})"
        for i, row in ((i, table.iloc[i]) for i in order)
    ]
    text = f"from {told[0]} to {told[1]}" if many else listing(told)
    if name:
        return f"{name}: {text}."
    return f"They run {text}." if many else f"{text}."


def _text(value: object) -> str:
    """A level as it is written beside its row; ``a:b`` where several predictors make it."""
    if isinstance(value, tuple):
        return ":".join(map(_text, value))
    return words(value) if isinstance(value, float) else str(value)
