"""Estimates beside the truth that the data were simulated from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course.common.parameter import Parameter
from course.common.wording import count, words
from course.errors import CourseError
from course.plots.page import BLUE, GREY, INK, ORANGE, PALE, describe, legend_of_panels, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = {"kind", "group", "effect", "true", "estimate", "lower", "upper"}
TITLES = ("Intercept", "fixed effects", "SDs", "correlations")


def recovery(
    tables: pd.DataFrame | Sequence[pd.DataFrame], *, ax: Sequence[Axes] | None = None
) -> np.ndarray:
    """The truth of a simulation as diamonds, what a fit (or many) estimated as points.

    Parameters
    ----------
    tables : DataFrame or sequence of DataFrame
        What ``truth.compare(fit)`` returns; or one for each of several simulated data sets with the
        same truth. One table is drawn with its intervals, several as a cloud and their mean.
    ax : Axes, optional
        One for each panel; a new figure if not given.

    Returns
    -------
    ndarray of Axes
        Panels for the intercept, the other fixed effects, the SDs and the correlations, those of
        them that there are. Parameters that only the truth or only the fit has are left out and
        counted in the text.

    Raises
    ------
    CourseError
        If a table is not one of ``truth.compare``, or nothing can be compared.

    See Also
    --------
    course.recovery : Many simulations and fits.
    course.simulate_schools : Its truth compares itself with a fit.
    coefficients : Fixed effects alone, of several fits.

    Examples
    --------
    >>> from course import mixedlm, plots, simulate_schools
    >>> made = simulate_schools(seed=1)
    >>> fit = mixedlm("test_score ~ age + sex + (1|classroom) + (1|school)", made.data).fit()
    >>> axes = plots.recovery(made.truth.compare(fit))
    >>> [ax.get_title(loc="left") for ax in axes]
    ['Intercept', 'fixed effects', 'SDs']
    """
    tables = [tables] if isinstance(tables, pd.DataFrame) else list(tables)
    if not tables or not all(isinstance(t, pd.DataFrame) and set(t) >= COLUMNS for t in tables):
        raise CourseError("recovery() draws tables of truth.compare(fit), one or a list of them")
    every = pd.concat(tables, ignore_index=True)
    every = every.assign(parameter=_names(every), panel=_panels(every))
    table = every[every["true"].notna() & every["estimate"].notna()]
    if table.empty:
        raise CourseError("truth and fit have no parameter in common: fit the model simulated")
    if (table.groupby("parameter")["true"].nunique() > 1).any():
        raise CourseError("the tables have different truths: draw those of one truth together")
    names = {
        title: list(dict.fromkeys(table.loc[table["panel"] == title, "parameter"]))
        for title in TITLES
        if (table["panel"] == title).any()
    }
    sizes = [0.85 + 0.36 * len(rows) for rows in names.values()]
    height = sum(sizes) / len(sizes)
    with panels(ax, len(names), 7.0, height, 1, gridspec_kw={"height_ratios": sizes}) as axes:
        for one, (title, rows) in zip(axes, names.items(), strict=True):
            for row, name in enumerate(reversed(rows)):
                _draw(one, row, table[table["parameter"] == name], len(tables))
            one.set_yticks(range(len(rows)), rows[::-1], fontsize=9.5)
            one.set_ylim(-0.6, len(rows) - 0.4)
            one.set_title(title, loc="left", fontsize=11)
            if title == "SDs":
                one.set_xlim(left=0)
            elif title == "correlations":
                one.set_xlim(-1.05, 1.05)
        axes[-1].set_xlabel("value of the parameter")
        legend_of_panels(axes, ax is None)
    left_out = every["parameter"].nunique() - table["parameter"].nunique()
    describe(axes[0], _text(table, len(tables), left_out))
    return axes


def _draw(ax: Axes, row: int, rows: pd.DataFrame, replicates: int) -> None:
    """One parameter: interval and point, or a cloud and its mean, and the truth."""
    first = row == 0
    estimate = rows["estimate"].to_numpy()
    ax.axhline(row, color=PALE, linewidth=0.7, zorder=0)
    if replicates == 1:
        interval = rows[["lower", "upper"]].to_numpy()[0]
        if np.isfinite(interval).all():
            ax.hlines(row, *interval, color=BLUE, linewidth=2.2, zorder=2)
        ax.scatter(
            estimate,
            [row],
            s=46,
            color=BLUE,
            edgecolors=INK,
            linewidths=0.6,
            zorder=3,
            label="estimate (95 % interval)" if first else None,
        )
    else:
        # Spread over the row's height in a fixed pattern, the same at every drawing.
        height = row + 0.44 * ((np.arange(len(estimate)) * 0.618034) % 1 - 0.5)
        ax.scatter(
            estimate,
            height,
            s=14,
            facecolors="none",
            edgecolors=GREY,
            linewidths=0.7,
            zorder=2,
            label=f"each of {replicates} estimates" if first else None,
        )
        ax.scatter(
            estimate.mean(),
            row,
            s=50,
            color=BLUE,
            edgecolors=INK,
            linewidths=0.6,
            zorder=4,
            label="their mean" if first else None,
        )
    ax.scatter(
        rows["true"].iloc[0],
        row,
        marker="D",
        s=64,
        facecolors="none",
        edgecolors=ORANGE,
        linewidths=1.8,
        zorder=5,
        label="truth" if first else None,
    )


def _names(table: pd.DataFrame) -> list[str]:
    names = []
    for kind, group, effect in zip(table["kind"], table["group"], table["effect"], strict=True):
        if kind == "fixed effect":
            names.append(effect)
        elif group == "Residual":
            names.append("residual")
        elif kind == "SD":
            names.append(Parameter("sd", group, (effect,)).place)
        else:  # the column holds both effects of a correlation
            names.append(str(Parameter("cor", group, (effect,))))
    return names


def _panels(table: pd.DataFrame) -> list[str]:
    titles = {"fixed effect": "fixed effects", "SD": "SDs", "correlation": "correlations"}
    return [
        "Intercept" if kind == "fixed effect" and effect == "Intercept" else titles[kind]
        for kind, effect in zip(table["kind"], table["effect"], strict=True)
    ]


def _text(table: pd.DataFrame, replicates: int, left_out: int) -> str:
    parameters = table["parameter"].nunique()
    covered = table["true"].between(table["lower"], table["upper"])[table["lower"].notna()]
    if replicates == 1:
        text = f"The estimates of {count(parameters, 'parameter')} beside their true values."
        if len(covered):
            text += f" {covered.sum()} of {count(len(covered), 'interval')} hold the truth."
        gap = (table["estimate"] - table["true"]).abs() / table["true"].abs().replace(0, np.nan)
        if gap.notna().any():
            far = table.loc[gap.idxmax()]
            text += (
                f" Furthest off in proportion is {far['parameter']}: {words(far['estimate'])} for a "
                f"true {words(far['true'])}."
            )
    else:
        text = (
            f"{replicates:,} estimates of each of {count(parameters, 'parameter')}, and their mean, "
            "beside the true values."
        )
        if len(covered):
            text += (
                f" {100 * covered.mean():.1f} % of the {len(covered):,} intervals of fixed effects "
                "hold the truth."
            )
        means = table.groupby("parameter", sort=False)[["estimate", "true"]].mean()
        text += " Means for truths: " + ", ".join(
            f"{name} {words(row.estimate)} for {words(row.true)}" for name, row in means.iterrows()
        )
        text += "."
    if left_out:
        text += f" {count(left_out, 'parameter is', 'parameters are')} only in one of the two."
    return text
