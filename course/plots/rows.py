"""Estimates with their intervals, one row each, of one series or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course.plots.page import BLUE, GREY, INK, ORANGE, PALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLES = [(ORANGE, "s"), (BLUE, "o"), (GREY, "^"), (INK, "v")]


def intervals_in_rows(ax: Axes, series: Mapping[str, pd.DataFrame]) -> None:
    """Draw estimate, lower and upper of each table, its first row on top; one series above the other.

    Parameters
    ----------
    ax : Axes
    series : mapping of str to DataFrame
        Up to four tables with the same rows, by the name they have in the legend.
    """
    shifts = 0.2 * (np.arange(len(series))[::-1] - (len(series) - 1) / 2)
    for (name, table), shift, (colour, marker) in zip(series.items(), shifts, STYLES, strict=False):
        rows = np.arange(len(table))[::-1] + shift
        ax.hlines(rows, table["lower"], table["upper"], color=colour, linewidth=2.2)
        ax.scatter(
            table["estimate"],
            rows,
            s=44,
            marker=marker,
            color=colour,
            edgecolors=INK,
            linewidths=0.7,
            zorder=3,
            label=name,
        )


def name_rows(ax: Axes, names: Sequence[str]) -> None:
    """Write the names of the rows, the first on top, with thin lines between them."""
    rows = np.arange(len(names))[::-1]
    for edge in rows[:-1] - 0.5:
        ax.axhline(edge, color=PALE, linewidth=0.7, zorder=0)
    ax.set_yticks(rows, list(names))
    ax.set_ylim(-0.6, len(names) - 0.4)
