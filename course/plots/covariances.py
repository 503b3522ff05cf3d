"""Covariance matrices as pictures: of the random effects of one group, or of some rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from course.errors import CourseError
from course.plots.page import (
    BLUE,
    INK,
    ORANGE,
    PALE,
    count,
    describe,
    label,
    listing,
    panels,
    words,
)

MAX_ROWS = 12  # more would leave no room for the numbers
SHADES = LinearSegmentedColormap.from_list("correlation", [ORANGE, "white", BLUE])


def covariances(
    matrices: Mapping[str, pd.DataFrame],
    *,
    name: str = "random effect",
    ax: Axes | Sequence[Axes] | None = None,
) -> Axes | np.ndarray:
    """Covariance matrices side by side: the numbers, and the correlations as shades.

    The number in a cell is a variance (on the diagonal) or a covariance. The shade is the
    correlation, so that cells in different units can be compared: white for 0, dark blue for 1,
    orange for what is negative. A cell that is 0 exactly, as a model may demand, says 0.

    Parameters
    ----------
    matrices : mapping of str to DataFrame
        Symmetric matrices with variances on the diagonal, k × k with k up to 12, by title. Rows and
        columns are named by the index and the columns.
    name : str
        What a row is, for the axes.
    ax : Axes, or one for each matrix, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes, or ndarray of Axes where there are several matrices

    Raises
    ------
    CourseError
        If there is no matrix, one is too large, or one is no covariance matrix.

    Examples
    --------
    >>> effects = ["Intercept", "age"]
    >>> G = pd.DataFrame([[9.0, 1.5], [1.5, 4.0]], effects, effects)
    >>> ax = covariances({"(age|school)": G})
    >>> [text.get_text() for text in ax.texts]
    ['9', '1.5', '1.5', '4']
    """
    if not matrices:
        raise CourseError("covariances() needs at least one matrix, such as {'(age|school)': G}")
    for title, matrix in matrices.items():
        _check(title, matrix)
    largest = max(len(matrix) for matrix in matrices.values())
    size = max(2.9, 1.2 + 0.55 * largest)
    with panels(ax, len(matrices), size, size + 0.3, 4) as axes:
        for one, (title, matrix) in zip(axes, matrices.items(), strict=True):
            _draw(one, matrix.to_numpy(dtype=float), [label(row) for row in matrix.index])
            one.set_title(title, fontsize=11)
            one.set_xlabel(name)
        axes[0].set_ylabel(name)
    text = " ".join(_words(title, matrix) for title, matrix in matrices.items())
    describe(axes[0], text)
    return axes if len(matrices) > 1 else axes[0]


def _check(title: str, matrix: pd.DataFrame) -> None:
    values = matrix.to_numpy(dtype=float)
    if values.shape[0] != values.shape[1] or not matrix.index.equals(matrix.columns):
        raise CourseError(f"{title!r} must have the same rows and columns, in the same order")
    if not 1 <= len(values) <= MAX_ROWS:
        raise CourseError(
            f"{title!r} has {count(len(values), 'row')}; draw 1 to {MAX_ROWS}, for example some pupils"
        )
    if (
        not np.allclose(values, values.T)
        or np.linalg.eigvalsh(values)[0] < -1e-6 * abs(values).max()
    ):
        raise CourseError(
            f"{title!r} is no covariance matrix: it must be symmetric, and no covariance may be "
            "larger than its two variances allow"
        )


def _correlations(values: np.ndarray) -> np.ndarray:
    """Correlations; 0 where a variance is 0."""
    sds = np.sqrt(values.diagonal().clip(min=0))
    both = np.outer(sds, sds)
    return np.divide(values, both, out=np.zeros_like(values), where=both > 0)


def _draw(ax: Axes, values: np.ndarray, names: list[str]) -> None:
    correlations, places = _correlations(values), np.arange(len(values))
    ax.imshow(correlations, cmap=SHADES, vmin=-1, vmax=1)
    for (row, column), value in np.ndenumerate(values):
        dark = abs(correlations[row, column]) > 0.6
        ax.text(column, row, words(value).replace("-", "−"), ha="center", va="center",
                fontsize=11 if len(values) < 5 else 9.5, color="white" if dark else INK)  # fmt: skip
    turn = 90 if max(map(len, names)) * len(names) > 24 else 0
    ax.set_xticks(places, names, rotation=turn, fontsize=9.5)
    ax.set_yticks(places, names, fontsize=9.5)
    ax.set_xticks(np.arange(len(values) + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(len(values) + 1) - 0.5, minor=True)
    ax.grid(which="minor", color=PALE, linewidth=0.8)
    ax.tick_params(which="both", length=0)
    for spine in ax.spines.values():
        spine.set_visible(True)


def _words(title: str, matrix: pd.DataFrame) -> str:
    values = matrix.to_numpy(dtype=float)
    diagonal, pairs = values.diagonal(), values[np.triu_indices(len(values), 1)]
    if len(diagonal) <= 3:
        named = [f"{label(n)} {words(v)}" for n, v in zip(matrix.index, diagonal, strict=True)]
        text = f"{title}: variance{'s' if len(named) > 1 else ''} {listing(named)}"
    else:
        text = f"{title}: variances from {words(diagonal.min())} to {words(diagonal.max())}"
    if len(pairs) == 1:
        text += f", covariance {words(pairs[0])}"
    elif len(pairs) and not pairs.any():
        text += ", all covariances 0"
    elif len(pairs):
        other = pairs[pairs != 0]
        text += f", covariances from {words(other.min())} to {words(other.max())}"
        if len(other) < len(pairs):
            text += f" and {len(pairs) - len(other)} of {len(pairs)} of them 0"
    return text + "."
