"""Grouped data as they are: observations, means, the matrix Z."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap

from course.common.wording import count, listing, words
from course.design.columns import check_frame, find_columns
from course.design.design import Design
from course.errors import CourseError
from course.fit.model import MixedFit
from course.fit.require import require_fit
from course.plots.page import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    axis_label,
    canvas,
    describe,
    label,
    legend_above,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


MAX_NAMES = 70  # more rows or columns than this cannot be named
MAX_CELLS = 20_000_000


def scores(
    data: pd.DataFrame,
    response: str,
    group: str,
    *,
    within: str | None = None,
    unit: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Every observation as a ring, one row per group, with the mean of the group.

    Parameters
    ----------
    data : DataFrame
        One row per observation.
    response, group : str
        The column to draw, and the column of the groups.
    within : str, optional
        A column of larger groups that contain them. Groups of one of these are then drawn together,
        with the mean of the larger group as an upright line.
    unit : str, optional
        Unit of the response, for the axis; known for the columns of the simulated pupils.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        Groups are sorted by their mean, the highest on top.

    Raises
    ------
    CourseError
        If the data have no such column, or a group lies in several of the larger ones.

    See Also
    --------
    pooling : The means, separate and pooled.
    crosstab : How two columns of groups lie.

    Examples
    --------
    >>> two = pd.DataFrame({"score": [4, 6, 8, 9], "room": ["a", "a", "b", "b"]})
    >>> ax = scores(two, "score", "room")
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['a', 'b']
    """
    data = check_frame(data)
    find_columns(data, [response, group, *filter(None, [within])])
    means = data.groupby(group, observed=True)[response].mean().sort_values()
    if within:
        means = means.loc[_together(data, response, group, within, means)]
    rows = pd.Series(np.arange(len(means)), index=means.index)
    with canvas(ax, 7.0, 1.2 + 0.33 * len(means)) as ax:
        y = data[group].map(rows).astype(float)
        ax.scatter(
            data[response],
            y,
            s=22,
            facecolors="none",
            edgecolors=GREY,
            linewidths=0.9,
            label=f"one row of the data, {len(data)} in all",
        )
        ax.scatter(
            means,
            rows,
            marker="D",
            s=50,
            facecolors="none",  # a group of one row has its ring inside
            edgecolors=ORANGE,
            linewidths=2.0,
            zorder=3,
            label=f"mean of its {group}",
        )
        if within:
            larger = data.groupby(within, observed=True)
            first, last = (larger[group].agg(lambda own, f=f: f(rows[own])) for f in (min, max))
            ax.vlines(
                larger[response].mean(),
                first - 0.4,
                last + 0.4,
                color=BLUE,
                linewidth=2.2,
                label=f"mean of its {within}",
            )
        ax.set_yticks(rows, [str(label) for label in means.index])
        ax.set_ylim(-0.7, len(means) - 0.3)
        titles = data.attrs.get("labels", {})
        ax.set_xlabel(axis_label(titles.get(response, response), unit))
        ax.set_ylabel(titles.get(group, group))
        legend_above(ax)
    low, high = means.idxmin(), means.idxmax()
    text = (
        f"{count(len(data), 'value')} of {response} as rings, one row for each of "
        f"{len(means):,} {group} labels, with the mean of the {group} as a diamond. The means run "
        f"from {words(means[low])} ({group} {low}) to {words(means[high])} ({group} {high})."
    )
    if within:
        ends = data.groupby(within, observed=True)[response].mean().agg(["min", "max"])
        text += (
            f" Rows of one {within} lie together around an upright line at its mean; these lines run "
            f"from {words(ends['min'])} to {words(ends['max'])}."
        )
    describe(ax, text)
    return ax


def _together(
    data: pd.DataFrame, response: str, group: str, within: str, means: pd.Series
) -> pd.Index:
    """The groups by the mean of the larger group that each lies in, then by their own."""
    lies_in = data.groupby(group, observed=True)[within].agg(["first", "nunique"])
    several = lies_in.index[lies_in["nunique"] > 1]
    if len(several):
        raise CourseError(
            f"within={within!r} must contain each {group}, and {group} {several[0]} lies in several"
        )
    of_larger = data.groupby(within, observed=True)[response].mean()
    order = pd.DataFrame(
        {
            "larger": lies_in["first"].map(of_larger),
            "label": lies_in["first"].astype(str),
            "own": means,
        }
    )
    return order.sort_values(["larger", "label", "own"]).index


def pooling(
    data: pd.DataFrame,
    response: str,
    group: str,
    *,
    partial: pd.Series,
    overall: float,
    unit: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The mean of each group, separate and partially pooled, around the overall mean.

    Parameters
    ----------
    data : DataFrame
        One row per observation.
    response, group : str
        The column to draw, and the column of the groups.
    partial : Series
        The partially pooled mean of each group (fixed intercept + BLUP), by label.
    overall : float
        The overall mean that the groups are pulled towards (the fixed intercept).
    unit : str, optional
        Unit of the response, for the axis; known for the columns of the simulated pupils.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        An arrow runs from each separate mean to the partially pooled one.

    Raises
    ------
    CourseError
        If the data have no such column, or a group has no partially pooled mean.

    See Also
    --------
    scores : The observations behind the means.
    shrinkage : The same for intercepts and slopes of a fit.

    Examples
    --------
    >>> two = pd.DataFrame({"score": [4, 6, 8, 9], "room": ["a", "a", "b", "b"]})
    >>> ax = pooling(two, "score", "room", partial=pd.Series({"a": 5.5, "b": 8.0}), overall=6.75)
    """
    data = check_frame(data)
    find_columns(data, [response, group])
    separate = data.groupby(group, observed=True)[response].mean().sort_values()
    if missing := set(separate.index) - set(partial.index):
        raise CourseError(f"partial= has no value for {group} {sorted(map(str, missing))[0]}")
    ax = scores(data, response, group, unit=unit, ax=ax)
    rows = np.arange(len(separate))
    target = partial.loc[separate.index]
    with canvas(ax, 0, 0):
        for row, start, end in zip(rows, separate, target, strict=True):
            ax.annotate(
                "",
                (end, row),
                (start, row),
                zorder=2,
                arrowprops={"arrowstyle": "->", "color": INK, "lw": 1.4},
            )
        ax.scatter(
            target,
            rows,
            s=52,
            color=BLUE,
            edgecolors=INK,
            linewidths=0.7,
            zorder=4,
            label="partially pooled mean",
        )
        ax.axvline(
            overall, color=INK, linestyle="--", linewidth=1.2, zorder=1, label="overall mean"
        )
        legend_above(ax)
    move = (target - separate).abs()
    far = move.idxmax()
    describe(
        ax,
        f"{count(len(data), 'value')} of {response} as rings, one row per {group}, with an arrow from "
        f"the mean of each {group} to its partially pooled mean, around the overall mean of "
        f"{words(overall)}. The longest arrow is that of {group} {far}, from "
        f"{words(separate[far])} to {words(target[far])}.",
    )
    return ax


def design_matrix(
    blocks: Mapping[str, pd.DataFrame] | MixedFit | Design,
    *,
    row_name: str = "row of the data",
    ax: Axes | None = None,
) -> Axes:
    """A design matrix as a picture: one column per level, a dark cell for a 1.

    Parameters
    ----------
    blocks : mapping of str to DataFrame, or MixedFit, or Design
        The matrix of each grouping factor, side by side: rows of the data × levels, as
        ``pd.get_dummies(data["school"])`` gives it. All with the same rows. Or a fit (or its
        design): then Z is shown as it was fitted, with the predictor's values for a slope.
    row_name : str
        What a row is, for the axis.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        Values from 0 (white) to the largest (dark blue); those below 0 in orange, with a minus. Rows and
        levels are named where there is room for names.

    Raises
    ------
    CourseError
        If there is no block, the blocks have different rows, or Z is too large for a picture.

    See Also
    --------
    crosstab : How the labels of two columns meet.
    scores : The responses of each group.

    Examples
    --------
    >>> rooms = pd.Series(["a", "a", "b"], name="room")
    >>> ax = design_matrix({"room": pd.get_dummies(rooms)}, row_name="pupil")
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['a', 'b']
    """
    if not isinstance(blocks, Mapping | Design):
        require_fit(blocks)
        blocks = blocks.design
    if isinstance(blocks, Design):
        blocks = _blocks_of(blocks)
    if not blocks:
        raise CourseError("design_matrix() needs at least one block, such as {'school': Z}")
    first = next(iter(blocks.values()))
    if any(not block.index.equals(first.index) for block in blocks.values()):
        raise CourseError("the blocks of a design matrix need the same rows")
    Z = np.column_stack([block.to_numpy(dtype=float) for block in blocks.values()])
    n_rows, n_columns = Z.shape
    width = float(np.clip(1.6 + 0.42 * n_columns, 4.0, 15.0 if n_columns <= MAX_NAMES else 8.0))
    height = 1.6 + 0.22 * n_rows if n_rows <= MAX_NAMES else 7.0
    with canvas(ax, width, height) as ax:
        _draw_cells(ax, Z)
        edges = np.cumsum([0, *(block.shape[1] for block in blocks.values())])
        for edge in edges[1:-1]:
            ax.axvline(edge - 0.5, color=INK, linewidth=2.0 if n_columns <= MAX_NAMES else 1.0)
        above = -0.85 if n_rows <= MAX_NAMES else -0.5 - 0.015 * n_rows
        column = ax.bbox.width / ax.figure.dpi / n_columns  # inches
        sizes = [block.shape[1] for block in blocks.values()]
        fits = all(0.085 * len(b) < size * column for b, size in zip(blocks, sizes, strict=True))
        for name, left, right in zip(blocks, edges[:-1], edges[1:], strict=True):
            ax.text(
                (left + right - 1) / 2,
                above,
                name,
                ha="center",
                va="bottom",
                weight="bold",
                rotation=0 if fits else 90,
                fontsize=11 if fits else 9,
            )
        if n_columns <= MAX_NAMES:
            levels = [label(level) for block in blocks.values() for level in block.columns]
            turn = 90 if max(map(len, levels)) > 3 else 0
            ax.set_xticks(np.arange(n_columns), levels, rotation=turn, fontsize=9)
        if n_rows <= MAX_NAMES:
            ax.set_yticks(np.arange(n_rows), [str(row) for row in first.index], fontsize=9)
        ax.set(xlabel="level (one random effect each)", ylabel=row_name)
        for spine in ax.spines.values():
            spine.set_visible(True)
    describe(
        ax,
        f"A matrix of {count(n_rows, 'row')} and {count(n_columns, 'column')}: "
        + listing([f"{count(b.shape[1], 'column')} for {name}" for name, b in blocks.items()])
        + f". {100 * np.count_nonzero(Z) / Z.size:.1f} % of its cells are not 0; they run from "
        f"{words(Z[Z != 0].min())} to {words(Z.max())}.",
    )
    return ax


def _draw_cells(ax: Axes, Z: np.ndarray) -> None:
    n_rows, n_columns = Z.shape
    above = LinearSegmentedColormap.from_list("above", ["white", BLUE])
    below = LinearSegmentedColormap.from_list("below", [ORANGE, "white"])
    top, bottom = max(1.0, Z.max()), min(-1.0, Z.min())
    ax.tick_params(which="both", length=0)
    if max(n_rows, n_columns) <= MAX_NAMES:
        ax.imshow(Z, cmap=above, vmin=0.0, vmax=top, aspect="auto")
        if (Z < 0).any():
            negative = np.ma.masked_where(Z >= 0, Z)
            ax.imshow(negative, cmap=below, vmin=bottom, vmax=0.0, aspect="auto")
        for row, column in np.argwhere(Z < 0):
            ax.text(column, row, "−", ha="center", va="center", color=INK, fontsize=9)
        # Fine lines between the cells.
        ax.set_xticks(np.arange(n_columns + 1) - 0.5, minor=True)
        ax.set_yticks(np.arange(n_rows + 1) - 0.5, minor=True)
        ax.grid(which="minor", color=PALE, linewidth=0.8)
    else:  # cells smaller than a point of the screen: a mark for each that is not 0
        rows, columns = np.nonzero(Z)
        shades = LinearSegmentedColormap.from_list("both", [ORANGE, "white", BLUE])
        limit = np.abs(Z).max()
        ax.scatter(
            columns,
            rows,
            c=Z[rows, columns],
            cmap=shades,
            vmin=-limit,
            vmax=limit,
            s=3,
            marker="s",
            linewidths=0,
            rasterized=True,
        )
        ax.set(xlim=(-0.5, n_columns - 0.5), ylim=(n_rows - 0.5, -0.5))


def _blocks_of(design: Design) -> dict[str, pd.DataFrame]:
    """Z of each grouping, one block per effect."""
    cells = design.n * sum(one.n_levels * len(one.effects) for one in design.groupings)
    if cells > MAX_CELLS:
        raise CourseError(
            f"Z has {cells:,} cells, too many for a picture: draw a model of some of the groups, or "
            "blocks of some rows, such as {'school': pd.get_dummies(some['school'])}"
        )
    blocks = {}
    for grouping in design.groupings:
        for j, effect in enumerate(grouping.labels):
            Z = np.zeros((design.n, grouping.n_levels))
            Z[np.arange(design.n), grouping.codes] = grouping.Z[:, j]
            name = "1" if effect == "Intercept" else effect
            blocks[f"{name} | {grouping.name}"] = pd.DataFrame(
                Z, index=design.index, columns=list(grouping.levels)
            )
    return blocks
