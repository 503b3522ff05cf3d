"""Pictures of grouped data and of fitted mixed models.

Every function draws one idea and returns the matplotlib ``Axes``, so that a caller can go on with
it. In a lesson, :func:`show` puts the picture on the page together with a text that says what is
to be seen in it.

Colours are from seaborn's ``colorblind`` palette, of clearly different lightness, and never carry
a meaning alone: a shape or a line style says the same, so that the pictures survive a grey printer.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import LinearSegmentedColormap, to_hex

from course.errors import CourseError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from course.fit import MixedFit

BLUE, ORANGE = map(to_hex, (sns.color_palette("colorblind")[i] for i in (0, 1)))
INK, GREY, PALE = "#333333", "#8c8c8c", "#d9d9d9"
STYLE = {
    **sns.axes_style("ticks"),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.size": 11.0,
    "legend.frameon": False,
}
NORMAL_95 = 1.959964  # 97.5 % point of the standard normal distribution


def show(ax: Axes, *, alt: str) -> None:
    """Put a picture on the page, with its text below it, and close the figure.

    The text is stored as the alternative text of the image, is what a page without images shows,
    and is printed under the picture for everybody. Numbers in it should be computed where the
    picture is drawn: they are then what a test of the notebook compares, since it cannot compare
    images.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The picture; all axes of its figure are shown.
    alt : str
        What is to be seen, in one to three sentences.

    Raises
    ------
    CourseError
        If the text is missing or too short to say anything.
    """
    if len(alt.split()) < 5:
        raise CourseError("alt= must say in a sentence or two what there is to see")
    from IPython.display import display

    page = io.BytesIO()
    # No name of the software in the file: the same picture is the same bytes.
    ax.figure.savefig(page, format="png", dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(ax.figure)
    image = base64.b64encode(page.getvalue()).decode("ascii")
    display({"image/png": image, "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}})
    print(f"In the picture: {alt}")


def scores(
    data: pd.DataFrame, response: str, group: str, *, unit: str = "points", ax: Axes | None = None
) -> Axes:
    """Every observation as a ring, one row per group, with the mean of the group.

    Parameters
    ----------
    data : DataFrame
        One row per observation.
    response, group : str
        The column to draw, and the column of the groups.
    unit : str
        Unit of the response, for the axis.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        Groups are sorted by their mean, the highest on top.

    Examples
    --------
    >>> two = pd.DataFrame({"score": [4, 6, 8, 9], "room": ["a", "a", "b", "b"]})
    >>> ax = scores(two, "score", "room")
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['a', 'b']
    >>> plt.close(ax.figure)
    """
    means = data.groupby(group, observed=True)[response].mean().sort_values()
    rows = pd.Series(np.arange(len(means)), index=means.index)
    with plt.rc_context(STYLE):
        if ax is None:
            _, ax = plt.subplots(figsize=(7.0, 1.2 + 0.33 * len(means)))
        y = data[group].map(rows).astype(float)
        ax.scatter(data[response], y, s=22, facecolors="none", edgecolors=GREY, linewidths=0.9,
                   label=f"one row of the data, {len(data)} in all")  # fmt: skip
        ax.scatter(means, rows, marker="D", s=46, color=ORANGE, edgecolors=INK, linewidths=0.7,
                   zorder=3, label=f"mean of its {group}")  # fmt: skip
        ax.set_yticks(rows, [str(label) for label in means.index])
        ax.set(xlabel=f"{response} ({unit})", ylabel=group)
        _legend_above(ax)
    return ax


def pooling(
    data: pd.DataFrame,
    response: str,
    group: str,
    *,
    partial: pd.Series,
    overall: float,
    unit: str = "points",
) -> Axes:
    """The mean of each group, separate and partially pooled, around the overall mean.

    Parameters
    ----------
    data, response, group, unit
        As in :func:`scores`.
    partial : Series
        The partially pooled mean of each group (fixed intercept + BLUP), by label.
    overall : float
        The overall mean that the groups are pulled towards (the fixed intercept).

    Returns
    -------
    Axes
        An arrow runs from each separate mean to the partially pooled one.

    Examples
    --------
    >>> two = pd.DataFrame({"score": [4, 6, 8, 9], "room": ["a", "a", "b", "b"]})
    >>> ax = pooling(two, "score", "room", partial=pd.Series({"a": 5.5, "b": 8.0}), overall=6.75)
    >>> plt.close(ax.figure)
    """
    separate = data.groupby(group, observed=True)[response].mean().sort_values()
    if missing := set(separate.index) - set(partial.index):
        raise CourseError(f"partial= has no value for {group} {sorted(map(str, missing))[0]}")
    ax = scores(data, response, group, unit=unit)
    rows = np.arange(len(separate))
    target = partial.loc[separate.index]
    with plt.rc_context(STYLE):
        for row, start, end in zip(rows, separate, target, strict=True):
            ax.annotate("", (end, row), (start, row), zorder=2,
                        arrowprops={"arrowstyle": "->", "color": INK, "lw": 1.4})  # fmt: skip
        ax.scatter(target, rows, s=52, color=BLUE, edgecolors=INK, linewidths=0.7, zorder=4,
                   label="partially pooled mean")  # fmt: skip
        ax.axvline(
            overall, color=INK, linestyle="--", linewidth=1.2, zorder=1, label="overall mean"
        )
        _legend_above(ax)
    return ax


def caterpillar(
    fit: MixedFit, group: str, effect: str = "Intercept", *, unit: str = "points"
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
    unit : str
        Unit of the effect, for the axis.

    Returns
    -------
    Axes
        Levels are sorted, the highest on top; filled points are those whose interval excludes 0.

    Raises
    ------
    CourseError
        If the model has no such group or effect.
    """
    if group not in fit.random_effects:
        known = ", ".join(map(str, fit.random_effects))
        raise CourseError(f"the model has no random effects for {group!r}; it has: {known}")
    if effect not in fit.random_effects[group]:
        known = ", ".join(map(str, fit.random_effects[group].columns))
        raise CourseError(f"{group!r} has no random effect {effect!r}; it has: {known}")
    value = fit.random_effects[group][effect].sort_values()
    half = NORMAL_95 * fit.random_effects_se[group][effect].loc[value.index]
    rows, clear = np.arange(1, len(value) + 1), (value.abs() > half).to_numpy()
    with plt.rc_context(STYLE):
        _, ax = plt.subplots(figsize=(7.0, min(7.5, 1.4 + 0.2 * len(value))))
        ax.axvline(0, color=INK, linestyle="--", linewidth=1.0)
        ax.hlines(rows, value - half, value + half, color=GREY, linewidth=1.6)
        ax.scatter(value[clear], rows[clear], s=26, color=BLUE, zorder=3,
                   label="interval excludes 0")  # fmt: skip
        ax.scatter(value[~clear], rows[~clear], s=26, facecolors="white", edgecolors=BLUE,
                   zorder=3, label="interval includes 0")  # fmt: skip
        if len(value) <= 40:
            ax.set_yticks(rows, [_label(level) for level in value.index], fontsize=9)
            ax.set_ylabel(group)
        else:
            ax.set_ylabel(f"{group} (rank of {len(value)})")
        name = "intercept" if effect == "Intercept" else effect
        ax.set_xlabel(f"random {name} of the {group} ({unit}), with 95 % interval")
        _legend_above(ax)
    return ax


def variance_shares(fit: MixedFit) -> Axes:
    """How much of the variance lies at each level, in per cent.

    Parameters
    ----------
    fit : MixedFit
        A model with random intercepts only: with random slopes, the shares depend on where one
        looks, and no single bar is right.

    Returns
    -------
    Axes
        One bar per row of ``fit.variance_components``, labelled with its share and its SD.

    Raises
    ------
    CourseError
        If the model has random slopes.
    """
    parts = fit.variance_components
    effects = parts["effect"].dropna()
    if (effects != "Intercept").any():
        slope = effects[effects != "Intercept"].iloc[0]
        raise CourseError(
            f"the model has a random slope ({slope}), so the shares of the variance change with "
            "it; variance_shares() draws models with random intercepts only"
        )
    share = 100 * parts["vcov"] / parts["vcov"].sum()
    names = parts["group"].astype(str).replace("Residual", "residual")
    rows = np.arange(len(parts))[::-1]
    with plt.rc_context(STYLE):
        _, ax = plt.subplots(figsize=(7.0, 0.9 + 0.5 * len(parts)))
        is_residual = (parts["group"] == "Residual").to_numpy()
        ax.barh(rows[~is_residual], share[~is_residual], color=BLUE, edgecolor=INK, height=0.62)
        ax.barh(rows[is_residual], share[is_residual], color=PALE, edgecolor=INK, height=0.62,
                hatch="//")  # fmt: skip
        for row, percent, sd in zip(rows, share, parts["sdcor"], strict=True):
            ax.text(percent + 1.2, row, f"{percent:.1f} %  (SD {sd:.1f})", va="center")
        ax.set_yticks(rows, list(names))
        ax.set(xlabel="share of the variance (%)", ylabel="level", xlim=(0, share.max() + 26))
        ax.set_xticks(range(0, int(share.max()) + 11, 10))
    return ax


def design_matrix(blocks: Mapping[str, pd.DataFrame], *, row_name: str = "row of the data") -> Axes:
    """A design matrix as a picture: one column per level, a dark cell for a 1.

    Parameters
    ----------
    blocks : mapping of str to DataFrame
        The matrix of each grouping factor, side by side: rows of the data × levels, as
        ``pd.get_dummies(data["school"])`` gives it. All with the same rows.
    row_name : str
        What a row is, for the axis.

    Returns
    -------
    Axes
        Values from 0 (white) to the largest (dark).

    Raises
    ------
    CourseError
        If there is no block, or the blocks have different rows.

    Examples
    --------
    >>> rooms = pd.Series(["a", "a", "b"], name="room")
    >>> ax = design_matrix({"room": pd.get_dummies(rooms)}, row_name="pupil")
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['a', 'b']
    >>> plt.close(ax.figure)
    """
    if not blocks:
        raise CourseError("design_matrix() needs at least one block, such as {'school': Z}")
    first = next(iter(blocks.values()))
    if any(not block.index.equals(first.index) for block in blocks.values()):
        raise CourseError("the blocks of a design matrix need the same rows")
    Z = np.column_stack([block.to_numpy(dtype=float) for block in blocks.values()])
    n_rows, n_columns = Z.shape
    with plt.rc_context(STYLE):
        _, ax = plt.subplots(figsize=(max(4.0, 1.6 + 0.42 * n_columns), 1.6 + 0.22 * n_rows))
        shades = LinearSegmentedColormap.from_list("shades", ["white", BLUE])
        ax.imshow(Z, cmap=shades, vmin=0.0, vmax=max(1.0, Z.max()), aspect="auto")
        # Fine lines between the cells, and a strong one between the blocks.
        ax.set_xticks(np.arange(n_columns + 1) - 0.5, minor=True)
        ax.set_yticks(np.arange(n_rows + 1) - 0.5, minor=True)
        ax.grid(which="minor", color=PALE, linewidth=0.8)
        ax.tick_params(which="both", length=0)
        edges = np.cumsum([0, *(block.shape[1] for block in blocks.values())])
        for edge in edges[1:-1]:
            ax.axvline(edge - 0.5, color=INK, linewidth=2.0)
        for name, left, right in zip(blocks, edges[:-1], edges[1:], strict=True):
            ax.text((left + right - 1) / 2, -0.85, name, ha="center", va="bottom", weight="bold")
        levels = [_label(level) for block in blocks.values() for level in block.columns]
        turn = 90 if max(map(len, levels)) > 3 else 0
        ax.set_xticks(np.arange(n_columns), levels, rotation=turn, fontsize=9)
        ax.set_yticks(np.arange(n_rows), [str(row) for row in first.index], fontsize=9)
        ax.set(xlabel="level (one random effect each)", ylabel=row_name)
        for spine in ax.spines.values():
            spine.set_visible(True)
    return ax


def _label(level: object) -> str:
    return ":".join(map(str, level)) if isinstance(level, tuple) else str(level)


def _legend_above(ax: Axes) -> None:
    """A legend above the picture, where it covers nothing."""
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=9.5, borderaxespad=0.3)
