"""Covariance structures as pictures: matrices of effects or of rows, and the BLUPs in their ellipses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from scipy import stats

from course.common.wording import count, listing, words
from course.errors import CourseError
from course.fit.model import MixedFit
from course.fit.require import require_fit
from course.plots.lookup import find_effect, find_group, link_unit
from course.plots.page import (
    BLUE,
    INK,
    NORMAL_95,
    ORANGE,
    PALE,
    describe,
    effect_name,
    effect_unit,
    label,
    legend_of_panels,
    panels,
)

MAX_ROWS = 12  # more would leave no room for the numbers
# The radius within which 95 % of a bivariate standard normal distribution lie.
ELLIPSE_95 = np.sqrt(stats.chi2.ppf(0.95, 2))
SHADES = LinearSegmentedColormap.from_list("correlation", [ORANGE, "white", BLUE])


def covariances(
    matrices: Mapping[str, pd.DataFrame],
    *,
    name: str = "random effect",
    ax: Axes | Sequence[Axes] | None = None,
) -> Axes | np.ndarray:
    """Covariance matrices side by side: the numbers, and the correlations as shades.

    The number in a cell is a variance (on the diagonal, in bold) or a covariance. The shade of a
    covariance is its correlation, so that cells in different units can be compared: white for 0,
    dark blue for 1, orange for what is negative. Variances have no shade: every one of them has a
    correlation of 1 with itself. A cell that is 0 exactly, as a model may demand, says 0.

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
        In the order of `matrices`.

    Raises
    ------
    CourseError
        If there is no matrix, one is too large, or one is no covariance matrix.

    See Also
    --------
    ellipses : Covariance matrices as ellipses around the BLUPs.
    intercept_slope : One group and its ellipse.

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


def ellipses(
    fits: Mapping[str, MixedFit],
    group: str,
    effects: tuple[str, str],
    *,
    unit: str | None = None,
    ax: Axes | Sequence[Axes] | None = None,
) -> Axes | np.ndarray:
    """The BLUPs of one group under several covariance structures, each in its ellipse.

    Parameters
    ----------
    fits : mapping of str to MixedFit
        Fits of models that differ in the random effects of the group, by title.
    group : str
        The grouping factor.
    effects : (str, str)
        The random effect along each axis, such as ``("Intercept", "age")``. Where a model has only
        one of the two, the other is 0 for every level, and the ellipse is a line.
    unit : str, optional
        Unit of the response, for the axes; known for the columns of the simulated pupils.
    ax : Axes, or one for each fit, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes, or ndarray of Axes where there are several fits
        The ellipse, or the line where only one effect varies, holds 95 % of the groups that the
        estimated distribution would draw.

    Raises
    ------
    CourseError
        If there is no fit, or one has no such group or neither of the effects.

    See Also
    --------
    covariances : The matrices themselves.
    intercept_slope : One model alone.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> pupils = load("pupils")
    >>> fits = {f"({x}|school)": mixedlm(f"test_score ~ age + ({x}|school)", pupils).fit()
    ...         for x in ["1", "age"]}
    >>> len(ellipses(fits, "school", ("Intercept", "age")))
    2
    """
    if not fits:
        raise CourseError("ellipses() needs at least one fit, such as {'(age|school)': fit}")
    for fit in fits.values():
        require_fit(fit)
    drawn = {title: _two_effects(fit, group, effects) for title, fit in fits.items()}
    first = next(iter(fits.values()))
    response, unit = first.design.formula.response, link_unit(first, unit)
    labels = [f"{effect_name(e)} ({effect_unit(response, e, unit)})" for e in effects]
    size: dict[str, Any] = {
        "width": 3.3,
        "height": 3.6,
        "columns": 4,
        "sharex": True,
        "sharey": True,
    }
    with panels(ax, len(fits), **size) as axes:
        for one, (title, (blups, covariance)) in zip(axes, drawn.items(), strict=True):
            one.axhline(0, color=PALE, linewidth=1.0)
            one.axvline(0, color=PALE, linewidth=1.0)
            one.plot(*_outline(covariance), color=INK, linewidth=1.8, label="95 % of groups")
            one.scatter(
                *blups.T,
                s=20,
                facecolors="none",
                edgecolors=BLUE,
                linewidths=1.0,
                zorder=3,
                label=f"BLUP of one {group}",
            )
            one.set_title(title, fontsize=11)
            one.set_xlabel(labels[0])
        axes[0].set_ylabel(labels[1])
        legend_of_panels(axes, ax is None)
    text = [
        f"{title}: SDs {words(sds[0])} and {words(sds[1])}, {_leaning(covariance)}."
        for title, (_, covariance) in drawn.items()
        for sds in [np.sqrt(covariance.diagonal())]
    ]
    n = len(next(iter(drawn.values()))[0])
    describe(
        axes[0],
        f"The {effect_name(effects[0])} against the {effect_name(effects[1])} of "
        f"{count(n, group + ' level')}, with the ellipse of the estimated covariance. "
        + " ".join(text),
    )
    return axes if len(fits) > 1 else axes[0]


def _two_effects(
    fit: MixedFit, group: str, effects: tuple[str, str]
) -> tuple[np.ndarray, np.ndarray]:
    """BLUPs (levels × 2) and covariance (2 × 2) of two effects; 0 where the model has not one of them."""
    g = find_group(fit, group)
    known = fit.design.groupings[g].labels
    if not set(effects) & set(known):
        find_effect(fit, group, effects[0])  # raises, and names those that there are
    blups = np.zeros((fit.design.groupings[g].n_levels, 2))
    covariance = np.zeros((2, 2))
    have = [(at, known.index(e)) for at, e in enumerate(effects) if e in known]
    for at, j in have:
        blups[:, at] = fit.estimates.effects[g][:, j]
        for other, k in have:
            covariance[at, other] = fit.estimates.covariances[g][j, k]
    return blups, covariance


def _outline(covariance: np.ndarray) -> np.ndarray:
    """Outline that holds 95 % of the groups, (2, points); a line where only one effect varies."""
    line = not covariance.diagonal().all()
    return ellipse(covariance) * (NORMAL_95 / ELLIPSE_95 if line else 1.0)


def _leaning(covariance: np.ndarray) -> str:
    """In words, how the ellipse of a covariance matrix lies."""
    if not covariance.diagonal().all():
        return "a line along one axis"
    if covariance[0, 1] == 0:
        return "an ellipse along the axes"
    return f"an ellipse that leans with a correlation of {_correlations(covariance)[0, 1]:.2f}"


def _check(title: str, matrix: pd.DataFrame) -> None:
    if not isinstance(matrix, pd.DataFrame):
        raise CourseError(
            f"{title}: covariances() draws covariance matrices as DataFrames, not a {type(matrix).__name__}; "
            "those of a fit are in fit.variance_components"
        )
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
    shades, places = _correlations(values), np.arange(len(values))
    np.fill_diagonal(shades, 0.0)
    ax.imshow(shades, cmap=SHADES, vmin=-1, vmax=1)
    for (row, column), value in np.ndenumerate(values):
        dark = abs(shades[row, column]) > 0.6
        ax.text(
            column,
            row,
            words(value).replace("-", "−"),
            ha="center",
            va="center",
            fontsize=11 if len(values) < 5 else 9.5,
            fontweight="bold" if row == column else "normal",
            color="white" if dark else INK,
        )
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
    if not isinstance(matrix, pd.DataFrame):
        raise CourseError(
            f"{title}: covariances() draws covariance matrices as DataFrames, not a {type(matrix).__name__}; "
            "those of a fit are in fit.variance_components"
        )
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


def ellipse(covariance: np.ndarray) -> np.ndarray:
    """Outline that holds 95 % of a bivariate normal distribution, (2, points)."""
    turn = np.linspace(0, 2 * np.pi, 181)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(values.clip(min=0))
    return ELLIPSE_95 * root @ np.array([np.cos(turn), np.sin(turn)])
