"""How two grouping factors lie: nested or crossed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap

from course.common.wording import count
from course.design.columns import check_frame, find_columns
from course.errors import CourseError
from course.plots.groups import MAX_NAMES
from course.plots.page import BLUE, INK, PALE, canvas, describe

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_ROWS, MAX_COLUMNS = 400, 200  # more cannot be told apart in a picture
PALEST = 0.3  # shade of a cell with one row, so that it is not taken for an empty one


def crosstab(
    data: pd.DataFrame, rows: str, columns: str, *, unit: str = "row", ax: Axes | None = None
) -> Axes:
    """How often the labels of two columns meet: one row per label of one, a cell for each pair.

    One dark cell in every row: nested. Rows with several dark cells: crossed.

    Parameters
    ----------
    data : DataFrame
        One row per observation.
    rows, columns : str
        Two columns of labels; the finer one (the classrooms) as rows, the coarser (the schools) as
        columns.
    unit : str
        What a row of the data is, such as "pupil", for the scale and the text.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        Where there are more rows than columns, the rows are sorted by the column in which they are
        found most often, so that nested labels make stairs. A darker cell holds more rows of the
        data; their number is written in it where there is room.

    Raises
    ------
    CourseError
        If the data have no such column, a label is missing, both columns are the same, or there
        are too many labels for a picture.

    See Also
    --------
    course.structure : Says the same in words, for all columns.
    design_matrix : What the groups become in the model.

    Examples
    --------
    >>> rooms = pd.DataFrame({"room": ["a", "a", "b", "c"], "school": ["S1", "S1", "S1", "S2"]})
    >>> ax = crosstab(rooms, "room", "school")
    >>> ax.course_alt_text.split(". ")[1]
    'Each room has one dark cell: room is nested in school'
    """
    table = _counts(data, rows, columns)
    n_rows, n_columns = table.shape
    named = max(n_rows, n_columns) <= MAX_NAMES
    numbered = n_rows <= 40 and n_columns <= 20
    width = float(np.clip(2.0 + 0.5 * n_columns, 4.0, 14.0))
    height = 1.5 + 0.26 * n_rows if n_rows <= MAX_NAMES else 8.0
    with canvas(ax, width, height) as ax:
        shades = LinearSegmentedColormap.from_list("rows", ["white", BLUE])
        cells = table.to_numpy()
        shade = np.where(cells > 0, PALEST + (1 - PALEST) * cells / cells.max(), 0.0)
        ax.imshow(shade, cmap=shades, vmin=0.0, vmax=1.0, aspect="auto", interpolation="nearest")
        if numbered:
            for row, column in np.argwhere(cells > 0):
                ax.text(
                    column,
                    row,
                    cells[row, column],
                    ha="center",
                    va="center",
                    fontsize=8.5,
                    color="white" if shade[row, column] > 0.6 else INK,
                )
        ax.tick_params(which="both", length=0)
        if named:
            ax.set_xticks(np.arange(n_columns + 1) - 0.5, minor=True)
            ax.set_yticks(np.arange(n_rows + 1) - 0.5, minor=True)
            ax.grid(which="minor", color=PALE, linewidth=0.8)
        names = [str(label) for label in table.columns]
        if n_columns <= MAX_NAMES:
            turn = 90 if max(map(len, names)) > 3 else 0
            ax.set_xticks(np.arange(n_columns), names, rotation=turn, fontsize=9)
        else:
            ax.set_xticks([])
        if n_rows <= MAX_NAMES:
            ax.set_yticks(np.arange(n_rows), [str(label) for label in table.index], fontsize=9)
        else:
            ax.set_yticks([])
        ax.set(
            xlabel=f"{columns} ({count(n_columns, 'label')})",
            ylabel=f"{rows} ({count(n_rows, 'label')})",
        )
        for spine in ax.spines.values():
            spine.set_visible(True)
    describe(ax, _words(table, rows, columns, unit))
    return ax


def _counts(data: pd.DataFrame, rows: str, columns: str) -> pd.DataFrame:
    """Rows of the data for each pair of labels, the rows of the table sorted to make stairs."""
    if rows == columns:
        raise CourseError(f"crosstab() needs two columns; both are {rows!r}")
    data = check_frame(data)
    for name, labels in find_columns(data, [rows, columns]).items():
        if missing := int(labels.isna().sum()):
            raise CourseError(
                f"{count(missing, 'label')} of {name} missing: drop these rows first, with "
                f"data.dropna(subset=[{name!r}])"
            )
    table = pd.crosstab(data[rows], data[columns])
    if table.shape[0] > MAX_ROWS or table.shape[1] > MAX_COLUMNS:
        raise CourseError(
            f"{table.shape[0]:,} labels of {rows} and {table.shape[1]:,} of {columns} are too many "
            f"for a picture (at most {MAX_ROWS} and {MAX_COLUMNS}): draw some of the groups, such as "
            f"data[data[{columns!r}].isin([...])]"
        )
    table = table.iloc[_order(table.index), _order(table.columns)]
    if table.shape[0] <= table.shape[1]:
        return table
    return table.iloc[np.argsort(table.to_numpy().argmax(axis=1), kind="stable")]


def _order(labels: pd.Index) -> np.ndarray:
    """Positions of the labels in their order, where 2 comes before 10 although both are text."""
    numbers = pd.to_numeric(labels, errors="coerce")
    return np.argsort(labels if numbers.isna().any() else numbers, kind="stable")


def _words(table: pd.DataFrame, rows: str, columns: str, unit: str) -> str:
    met = (table > 0).sum(axis=1)
    several = int((met > 1).sum())
    if several == 0:
        how = f"Each {rows} has one dark cell: {rows} is nested in {columns}."
    elif (table > 0).sum(axis=0).max() == 1:
        how = f"Each {columns} has one dark cell in its column: {columns} is nested in {rows}."
    else:
        which = "All" if several == len(table) else f"{several:,}"
        how = f"{which} of the rows have several dark cells, up to {met.max()}: {rows} and {columns} cross."
    return (
        f"{count(len(table), 'label')} of {rows} as rows against {table.shape[1]:,} of {columns} "
        f"as columns, a dark cell where a {unit} has both. {how} A cell holds up to "
        f"{count(int(table.to_numpy().max()), unit)}."
    )
