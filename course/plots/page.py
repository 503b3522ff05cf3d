"""What all pictures share: colours and style, a place to draw, names for axes, the text beside them."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from course.errors import CourseError

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
DPI = 110  # of pictures on the page, as seen
NORMAL_95 = 1.959964  # 97.5 % point of the standard normal distribution
# Units of the columns of the lessons' simulated pupils: of one, and of many.
UNITS = {
    "test_score": ("point", "points"),
    "age": ("year", "years"),
    "age10": ("year", "years"),
    "age_c": ("year", "years"),
    "teacher_experience": ("year", "years"),
}
# -- on the page ------------------------------------------------------------------------------


def show(ax: Axes | np.ndarray, *, alt: str | None = None) -> None:
    """Put a picture on the page, with its text below it, and close the figure.

    The text is stored as the alternative text of the image, is what a page without images shows,
    and is printed under the picture for everybody. Numbers in it should be computed where the
    picture is drawn: they are then what a test of the notebook compares, since it cannot compare
    images.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or array of Axes
        The picture; all axes of its figure are shown.
    alt : str, optional
        What is to be seen, in one to three sentences; the picture's own :func:`alt_text` if not
        given.

    Raises
    ------
    CourseError
        If the text is missing or too short to say anything.

    See Also
    --------
    alt_text : The text that a picture brings with it.

    Examples
    --------
    >>> import pandas as pd
    >>> from course import plots
    >>> two = pd.DataFrame({"score": [4, 6, 8, 9], "room": ["a", "a", "b", "b"]})
    >>> ax = plots.scores(two, "score", "room")

    In a notebook the picture appears; elsewhere only its data can be printed:

    >>> plots.show(ax, alt="The scores of room b are higher than those of room a.")
    {'image/png': ...
    In the picture: The scores of room b are higher than those of room a.
    """
    if alt is None:
        alt = alt_text(ax)
    if len(alt.split()) < 5:
        raise CourseError("alt= must say in a sentence or two what there is to see")
    try:
        from IPython.display import display
    except ModuleNotFoundError:
        raise CourseError(
            "plots.show puts pictures into notebooks, and there is no Jupyter here: write a file with "
            "ax.figure.savefig('picture.png'), or pip install \"mixed-effects-course[lab]\""
        ) from None
    figure = _figure(ax)
    image, width, height = _png(figure)
    plt.close(figure)
    about = {"alt": alt, "width": width, "height": height}
    display({"image/png": image, "text/plain": alt}, raw=True, metadata={"image/png": about})
    print(f"In the picture: {alt}")


def alt_text(ax: Axes | np.ndarray) -> str:
    """What is to be seen in a picture of this package, in words and with its main numbers.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or array of Axes
        As a function of this package returned it. Where several pictures were drawn into one
        figure (with ``ax=``), their texts follow each other.

    Returns
    -------
    str
        For ``show``, a web page, or a figure's caption.

    Raises
    ------
    CourseError
        If nothing in the figure was drawn by this package.

    See Also
    --------
    show : Puts picture and text on the page.
    scores : One of the functions that draw.

    Examples
    --------
    >>> import pandas as pd
    >>> from course import plots
    >>> two = pd.DataFrame({"score": [4, 6, 8, 9], "room": ["a", "a", "b", "b"]})
    >>> print(plots.alt_text(plots.scores(two, "score", "room")))
    4 values of score as rings, one row for each of 2 room labels, with the mean of the room as a
    diamond. The means run from 5 (room a) to 8.5 (room b).
    """
    texts = [getattr(one, "course_alt_text", "") for one in _figure(ax).axes]
    texts = list(dict.fromkeys(filter(None, texts)))
    if not texts:
        raise CourseError("this picture has no text of its own: write show(ax, alt='What ...')")
    return " ".join(texts)


def describe(ax: Axes, text: str) -> None:
    """Keep the text of a picture with its Axes, where `alt_text` finds it."""
    ax.course_alt_text = " ".join(text.split())  # type: ignore[attr-defined]


def _png(figure: Figure) -> tuple[str, int, int]:
    """A picture in base64, and the width and height at which it is to be seen, half of those that it has.

    So it is sharp on screens with twice the points, on projectors and in print. Colours are reduced to
    those of a palette, which is a third of the bytes. No name of the software is in the file: the same
    picture is the same bytes.
    """
    drawn = io.BytesIO()
    unpacked = {"compress_level": 0}  # it is read again at once
    figure.savefig(drawn, format="png", dpi=2 * DPI, bbox_inches="tight", pil_kwargs=unpacked)
    picture = (
        Image.open(drawn)
        .convert("RGB")
        .quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    )
    page = io.BytesIO()
    picture.save(page, format="png", optimize=True)
    width, height = (round(points / 2) for points in picture.size)
    return base64.b64encode(page.getvalue()).decode("ascii"), width, height


def _figure(ax: Axes | np.ndarray) -> Figure:
    return np.ravel(np.asarray(ax, dtype=object))[0].figure


# -- places to draw ---------------------------------------------------------------------------


@contextmanager
def canvas(ax: Axes | None, width: float, height: float) -> Iterator[Axes]:
    """The caller's Axes or a new one of this size in inches, in the course's style."""
    with plt.rc_context(STYLE):
        yield plt.subplots(figsize=(width, height))[1] if ax is None else ax


@contextmanager
def panels(
    ax: Axes | Sequence[Axes] | None,
    count: int,
    width: float,
    height: float,
    columns: int,
    **more: Any,
) -> Iterator[np.ndarray]:
    """`count` Axes, the caller's or new ones of this size in inches each, as a flat array."""
    with plt.rc_context(STYLE):
        if ax is None:
            columns = min(columns, count)
            rows = -(-count // columns)
            size = (width * columns, height * rows)
            _, grid = plt.subplots(rows, columns, figsize=size, layout="constrained", **more)
            grid = np.ravel(grid)
            for spare in grid[count:]:
                spare.set_axis_off()
                # The panel above keeps its numbers, which a shared axis would hide.
                grid[list(grid).index(spare) - columns].tick_params(labelbottom=True)
            yield grid[:count]
            return
        given = np.ravel(np.asarray(ax, dtype=object))
        if len(given) != count:
            raise CourseError(
                f"the picture has {count} panels and ax= {len(given)} Axes: make as many with "
                f"plt.subplots(1, {count}), or leave ax= out"
            )
        yield given


def legend_above(ax: Axes, columns: int = 2) -> None:
    """A legend above the picture, where it covers nothing."""
    ax.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, fontsize=9.5, borderaxespad=0.3
    )


def legend_of_panels(axes: np.ndarray, mine: bool) -> None:
    """One legend for all panels: above a figure of ours, inside the first panel of the caller's."""
    if mine:
        handles, names = axes[0].get_legend_handles_labels()
        axes[0].figure.legend(
            handles, names, loc="outside upper left", ncols=len(names), fontsize=9.5
        )
    else:
        axes[0].legend(fontsize=9)


# -- words ------------------------------------------------------------------------------------


def label(level: object) -> str:
    """The label of a level, ``S1:C2`` where two columns make it."""
    return ":".join(map(str, level)) if isinstance(level, tuple) else str(level)


def unit_of(name: str) -> str | None:
    """The unit of a column, where it is known."""
    return UNITS[name][1] if name in UNITS else None


def axis_label(name: str, unit: str | None = None) -> str:
    """``age (years)``; the name alone where no unit is known."""
    unit = unit or unit_of(name)
    return f"{name} ({unit})" if unit else name


def effect_unit(response: str, effect: str, unit: str | None = None) -> str:
    """The unit of an effect: that of the response, for a slope per unit of its predictor.

    Examples
    --------
    >>> effect_unit("test_score", "age"), effect_unit("test_score", "sex[T.male]")
    ('points per year', 'points')
    >>> effect_unit("income", "Intercept"), effect_unit("income", "hours")
    ('income', 'income per unit of hours')
    """
    unit = unit or unit_of(response) or response
    if effect == "Intercept" or effect.endswith("]"):
        return unit
    one = UNITS[effect][0] if effect in UNITS else f"unit of {effect}"
    return f"{unit} per {one}"


def effect_name(effect: str) -> str:
    """``intercept``, or ``age slope``, or the contrast of a factor as patsy writes it."""
    if effect == "Intercept":
        return "intercept"
    return effect if effect.endswith("]") else f"{effect} slope"
