"""Curves of power against the size of a study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from course.common.nearest import nearest
from course.common.wording import count, words
from course.errors import CourseError
from course.plots.page import BLUE, GREY, INK, ORANGE, axis_label, describe, effect_unit, panels
from course.simulate.schools import SIZES

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

UNITS = {
    "provinces": "provinces",
    "schools": "schools",
    "classrooms": "classrooms",
    "students": "pupils",
}
ONE = {"provinces": "province", "schools": "school", "classrooms": "classroom"}
# Lines are told apart by marker and dashes as well as by lightness.
STYLES: list[tuple[str, str, Any]] = [
    (BLUE, "o", "-"),
    (ORANGE, "s", "--"),
    (INK, "^", ":"),
    (GREY, "D", "-."),
    ("#56b4e9", "v", (0, (5, 1))),
    ("#cc78bc", "P", (0, (1, 1))),
]


@runtime_checkable
class Power(Protocol):
    """What is drawn of a `course.studies.Power`: pictures know no studies, which draw themselves."""

    @property
    def formula(self) -> str: ...

    @property
    def test(self) -> str: ...

    @property
    def alpha(self) -> float: ...

    @property
    def axes(self) -> list[str]: ...

    @property
    def table(self) -> pd.DataFrame: ...


def power_curves(
    power: Power,
    *,
    x: str | None = None,
    target: float | None = 0.8,
    ax: Axes | Sequence[Axes] | None = None,
) -> Axes | np.ndarray:
    """Power against the size of a study or of an effect, with bands of its 95 % intervals.

    Parameters
    ----------
    power : course.studies.Power
        What `course.power` returns.
    x : str, optional
        What runs along the axis: "schools" or another of the sizes, "effect", or "pupils" (in all). Where
        left out, the size with the most values. Of what else varies, the first is told apart by lines
        (effects, where there are several), the rest by panels.
    target : float or None
        A power to draw a line at.
    ax : Axes, optional
        One for each panel; a new figure if not given.

    Returns
    -------
    Axes, or ndarray of Axes where there are several panels
        The band holds the 95 % intervals of the simulation.

    Raises
    ------
    CourseError
        If this is no `Power`, x does not vary in it, or there would be too many lines to tell apart.

    See Also
    --------
    course.power : Makes the study.
    recovery : Bias and spread of the estimates.

    Examples
    --------
    >>> from course import plots
    >>> from course import power as power_of
    >>> found = power_of(
    ...     "test_score ~ school_resources + (1|school)", test="school_resources", effect=[0, 4],
    ...     provinces=1, schools=[10, 20], classrooms=1, students=5, n=5, seed=1, progress=False,
    ... )
    >>> plots.power_curves(found).get_xlabel()
    'schools'
    """
    if not isinstance(power, Power):
        raise CourseError(
            f"power_curves() draws what course.power() returns, not a {type(power).__name__}"
        )
    table = power.table
    varying = [name for name in power.axes if table[name].map(str).nunique() > 1]
    x = _along(table, varying, x)
    others = [name for name in varying if name != x]
    if x == "pupils":
        # the sizes make the pupils: which line a design lies on is said by what else varies
        others = [name for name in others if name != "students"]
    line = "effect" if "effect" in others else next(iter(others), None)
    rest = [name for name in others if name != line]
    lines = _distinct(table[line]) if line else [None]
    if len(lines) > len(STYLES):
        raise CourseError(
            f"{len(lines)} lines, one for each value of {line}, cannot be told apart: write "
            f"x={line!r}, or draw a study of fewer"
        )
    groups = [((), table)] if not rest else list(_groups(table, rest))
    with panels(ax, len(groups), 5.4, 3.9, 2, sharey=True, sharex=True) as axes:
        for one, (values, rows) in zip(axes, groups, strict=True):
            for value, style in zip(lines, STYLES, strict=False):
                chosen = rows if line is None else rows[rows[line].map(str) == str(value)]
                _draw(one, chosen, x, style)
            if target is not None:
                one.axhline(target, color=GREY, linewidth=1.0, dashes=(2, 2), zorder=1)
            one.set_ylim(-0.02, 1.02)
            one.set_xlabel(_axis_label(x, power))
            one.tick_params(labelbottom=True)  # which a shared axis would hide
            if rest:
                one.set_title(_label(rest, values, power), loc="left", fontsize=11)
            if x in SIZES:
                ticks = _distinct(table[x])
                one.set_xticks([_number(t) for t in ticks], [_said(t) for t in ticks])
        axes[0].set_ylabel(f"power (two-sided, alpha {power.alpha:g})")
        _legend(axes, ax is None, lines, line, power, target)
    describe(axes[0], _text(power, table, x, line, lines, groups, rest))
    return axes if len(groups) > 1 else axes[0]


def _along(table: pd.DataFrame, varying: list[str], x: str | None) -> str:
    """What runs along the axis."""
    sizes = [name for name in varying if name in SIZES]
    if x is None:
        if not varying:
            raise CourseError("the study has one design only: no curve can be drawn through it")
        return max(sizes, key=lambda name: table[name].map(str).nunique()) if sizes else "effect"
    known = [*varying, *(["pupils"] if table["pupils"].nunique() > 1 else [])]
    if x not in known:
        raise CourseError(
            f"x={x!r} does not vary in this study; what does: {', '.join(known) or 'nothing'}"
            f"{nearest(x, known)}"
        )
    return x


def _draw(ax: Axes, rows: pd.DataFrame, x: str, style: tuple) -> None:
    colour, marker, dashes = style
    at = rows[x].map(_number).to_numpy(dtype=float)
    order = np.argsort(at, kind="stable")
    power, lower, upper = (rows[k].to_numpy()[order] for k in ("power", "lower", "upper"))
    ax.fill_between(at[order], lower, upper, color=GREY, alpha=0.18, linewidth=0, zorder=2)
    ax.errorbar(
        at[order],
        power,
        [power - lower, upper - power],
        color=colour,
        marker=marker,
        markersize=6,
        linestyle=dashes,
        linewidth=1.8,
        capsize=3,
        elinewidth=0.9,
        zorder=3,
    )


def _legend(
    axes: np.ndarray,
    mine: bool,
    lines: list,
    line: str | None,
    power: Power,
    target: float | None,
) -> None:
    handles: list[Artist] = []
    if line is not None:
        handles = [
            Line2D(
                [],
                [],
                color=colour,
                marker=marker,
                linestyle=dashes,
                label=_label([line], [v], power),
            )
            for v, (colour, marker, dashes) in zip(lines, STYLES, strict=False)
        ]
    handles.append(Patch(color=GREY, alpha=0.3, label="95 % interval"))
    if target is not None:
        handles.append(
            Line2D([], [], color=GREY, linewidth=1.0, dashes=(2, 2), label=f"power {target:g}")
        )
    if mine:
        figure = axes[0].figure
        figure.set_layout_engine("constrained")
        figure.legend(
            handles=handles, loc="outside upper left", ncols=min(3, len(handles)), fontsize=9.5
        )
    else:
        axes[0].legend(handles=handles, fontsize=9)


def _distinct(values: pd.Series) -> list:
    """Each value once, small ones first; a range counts with its mean."""
    return sorted({str(v): v for v in values}.values(), key=_number)


def _groups(table: pd.DataFrame, names: list[str]) -> Iterator[tuple[list, pd.DataFrame]]:
    keys = table[names].map(str).agg("|".join, axis=1)
    order = table.assign(**{name: table[name].map(_number) for name in names}).sort_values(names)
    for key in keys.loc[order.index].drop_duplicates():
        rows = table[keys == key]
        yield rows[names].iloc[0].to_list(), rows


def _number(value: Any) -> float:
    return float(np.mean(value))


def _said(value: Any) -> str:
    """``5``, ``5 to 15``."""
    if isinstance(value, tuple | list):
        return f"{value[0]} to {value[1]}"
    return words(float(value))


def _label(names: Sequence[str], values: Sequence, power: Power) -> str:
    parts = []
    for name, value in zip(names, values, strict=True):
        what = _counted(name, power)
        parts.append(f"effect {_said(value)}" if name == "effect" else f"{_said(value)} {what}")
    return ", ".join(parts)


def _counted(name: str, power: Power) -> str:
    """``schools per province``; ``schools`` where the study has one province or none."""
    if name not in SIZES:
        return "pupils in all" if name == "pupils" else name
    for larger in reversed(SIZES[: SIZES.index(name)]):
        if larger in power.axes and (power.table[larger].map(str) != "1").any():
            return f"{UNITS[name]} per {ONE[larger]}"
    return UNITS[name]


def _axis_label(x: str, power: Power) -> str:
    if x != "effect":
        return _counted(x, power)
    response = power.formula.split("~")[0].strip()
    return axis_label(f"true effect of {power.test}", effect_unit(response, power.test))


def _text(
    power: Power,
    table: pd.DataFrame,
    x: str,
    line: str | None,
    lines: list,
    groups: list,
    rest: list[str],
) -> str:
    low, high = _said(table[x].iloc[table[x].map(_number).argmin()]), None
    high = _said(table[x].iloc[table[x].map(_number).argmax()])
    what = f"the true effect of {power.test}" if x == "effect" else _counted(x, power)
    n = table["n"].iloc[0]
    text = (
        f"Power of the test of {power.test} as {what} goes from {low} to {high}, from "
        f"{count(n, 'replicate')} of each design, with 95 % intervals."
    )
    ends = []
    for values, rows in groups:
        for value in lines:
            chosen = rows if line is None else rows[rows[line].map(str) == str(value)]
            if chosen.empty:
                continue
            at = chosen[x].map(_number)
            first, last = chosen.loc[at.idxmin(), "power"], chosen.loc[at.idxmax(), "power"]
            names = [*([line] if line else []), *rest]
            where = _label(names, [*([value] if line else []), *values], power)
            ends.append(f"{where + ': ' if where else ''}{first:.2f} to {last:.2f}")
    return f"{text} {'; '.join(ends[:6])}{' and so on' if len(ends) > 6 else ''}."
