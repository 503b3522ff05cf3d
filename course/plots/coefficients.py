"""The same coefficients from several fits, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from course.common.arguments import unknown
from course.common.wording import count, listing, words
from course.errors import CourseError
from course.plots.lookup import effect_label, link_unit
from course.plots.page import GREY, INK, canvas, describe, legend_above, unit_of
from course.plots.rows import STYLES, intervals_in_rows, name_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_WORDS = 4  # more coefficients than this are counted in the text, not listed


def coefficients(
    fits: Mapping[str, Any],
    names: Sequence[str] | None = None,
    *,
    truth: Mapping[str, float] | pd.Series | None = None,
    unit: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Coefficients with their 95 % intervals, one row each, from one to four fits.

    Parameters
    ----------
    fits : mapping of str to fit
        The fits by the name they have in the legend: ``MixedFit``, or results of statsmodels'
        ``ols`` or ``mixedlm``. Intervals are the fits' own.
    names : list of str, optional
        Which coefficients, by patsy name; if not given, all that every fit has but the intercept.
    truth : mapping or Series, optional
        True values by patsy name, for simulated data.
    unit : str, optional
        Unit of the response, for the axis; known for the columns of the simulated pupils.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        The first name on top, with the title that the file of the data gives its column; in each row
        the fits from the first, above, to the last, below.

    Raises
    ------
    CourseError
        If there are no or more than four fits, a fit has no such coefficient, or the fits have none
        in common.

    See Also
    --------
    course.side_by_side : The numbers.
    recovery : Estimates against the truth, variances too.

    Examples
    --------
    >>> import statsmodels.formula.api as smf
    >>> from course import load, mixedlm, plots
    >>> exam = load("exam")
    >>> ols = smf.ols("normexam ~ standLRT + schavg", exam).fit()
    >>> mixed = mixedlm("normexam ~ standLRT + schavg + (1|school)", exam).fit()
    >>> ax = plots.coefficients({"smf.ols": ols, "mixed model": mixed})
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['standLRT', 'schavg']
    """
    if not isinstance(fits, Mapping) or not 1 <= len(fits) <= len(STYLES):
        raise CourseError(
            f'coefficients() takes from one to {len(STYLES)} fits by name: {{"smf.ols": ols_fit}}'
        )
    tables = {name: _table(fit) for name, fit in fits.items()}
    names = _names(tables, names)
    true = pd.Series(dict(truth) if truth is not None else {}, dtype=float).reindex(names).dropna()
    rows = np.arange(len(names))[::-1]
    with canvas(ax, 7.0, 1.1 + (0.25 + 0.2 * len(fits)) * len(names)) as ax:
        ax.axvline(0, color=GREY, linestyle="--", linewidth=1.0, zorder=1)
        intervals_in_rows(ax, {name: table.loc[names] for name, table in tables.items()})
        if len(true):
            heights = pd.Series(rows, index=names)[true.index]
            ax.scatter(
                true,
                heights,
                marker="D",
                s=58,
                facecolors="none",
                edgecolors=INK,
                linewidths=1.5,
                zorder=4,
                label="truth",
            )
        titles = _titles(fits.values())
        name_rows(ax, [effect_label(titles, name) for name in names])
        unit = unit or _unit(next(iter(fits.values())))
        ax.set_xlabel(f"coefficient ({unit} per unit of the predictor)" if unit else "coefficient")
        legend_above(ax, columns=len(fits) + 1)
    describe(ax, _text(tables, names, true))
    return ax


def _table(fit: Any) -> pd.DataFrame:
    """Coefficients x estimate, lower, upper."""
    if hasattr(fit, "fixed_effects"):
        return fit.fixed_effects[["estimate", "lower", "upper"]].dropna()  # what is estimated
    try:
        estimate = getattr(fit, "fe_params", fit.params)  # not the variances of a MixedLM
        interval = fit.conf_int().loc[estimate.index]
    except AttributeError:
        raise CourseError(
            "coefficients() takes fits, as mixedlm(...).fit() and smf.ols(...).fit() return them; "
            f"it was given a {type(fit).__name__}"
        ) from None
    return pd.DataFrame(
        {"estimate": estimate, "lower": interval.iloc[:, 0], "upper": interval.iloc[:, 1]}
    )


def _names(tables: Mapping[str, pd.DataFrame], names: Sequence[str] | None) -> list[str]:
    first = next(iter(tables.values()))
    common = [name for name in first.index if all(name in t.index for t in tables.values())]
    if names is None:
        names = [name for name in common if name != "Intercept"]
        if not names:
            raise CourseError("the fits have no coefficient in common but the intercept")
    for name in names:
        if name not in common:
            raise unknown(name, common, "coefficient of all the fits")
    return list(names)


def _unit(fit: Any) -> str | None:
    """That of the response, or the link of a generalised fit of the course."""
    design = getattr(fit, "design", None)
    if design is None:
        return unit_of(fit.model.endog_names)
    return link_unit(fit) or unit_of(design.formula.response)


def _titles(fits: Iterable[Any]) -> dict[str, str]:
    """What the files of the data call their columns."""
    designs = [fit.design for fit in fits if hasattr(fit, "design")]
    return {name: title for design in designs for name, title in design.titles.items()}


def _text(tables: Mapping[str, pd.DataFrame], names: list[str], true: pd.Series) -> str:
    text = f"{count(len(names), 'coefficient')} with 95 % intervals, from {listing(list(tables))}."
    for name in names[:MAX_WORDS]:
        parts = [
            f"{fit} {words(row['estimate'])} ({words(row['lower'])} to {words(row['upper'])})"
            for fit, row in ((fit, table.loc[name]) for fit, table in tables.items())
        ]
        text += f" {name}: {', '.join(parts)}"
        text += f", truth {words(true[name])}." if name in true else "."
    if len(names) > MAX_WORDS:
        text += f" The other {len(names) - MAX_WORDS} are not listed here."
    return text
