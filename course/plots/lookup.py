"""Where in a fit the things to draw are: groups, levels, effects, predictors, typical rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course.common.nearest import nearest
from course.design.columns import is_number
from course.design.design import Design
from course.design.responses import COUNT, NUMBER
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.formula.parse import variables_of_response
from course.plots.page import axis_label, label

if TYPE_CHECKING:
    from course.fit.model import MixedFit
    from course.fit.pooled import PooledFit

    Fit = MixedFit | MixedGLMFit

EFFECT_WIDTH = 32  # characters of a line that names a coefficient
TITLE_WIDTH = 60  # characters in a line of an axis: a questionnaire's question is long


def find_group(fit: Fit, group: str) -> int:
    """The position of a grouping factor in the design."""
    names = list(fit.n_groups)
    if group not in names:
        raise CourseError(
            f"the model has no random effects for {group!r}; it has: {', '.join(names)}"
            f"{nearest(group, names)}"
        )
    return names.index(group)


def find_effect(fit: Fit, group: str, effect: str) -> int:
    """The position of an effect among those that vary by a group."""
    effects = fit.design.groupings[find_group(fit, group)].labels
    if effect not in effects:
        raise CourseError(
            f"{group!r} has no random effect {effect!r}; it has: {', '.join(effects)}"
            f"{nearest(effect, effects)}"
        )
    return effects.index(effect)


def find_slope(fit: Fit, group: str, effect: str | None) -> tuple[int, int, str]:
    """The positions of the intercept and of a slope, and the name of the slope."""
    effects = fit.design.groupings[find_group(fit, group)].labels
    slopes = [name for name in effects if name != "Intercept"]
    if "Intercept" not in effects or not slopes:
        raise CourseError(
            f"{group!r} has the random effects {', '.join(effects)}: this picture needs an "
            "intercept and a slope, as in (age|school)"
        )
    if effect is None:
        if len(slopes) > 1:
            raise CourseError(f"{group!r} has several slopes: write effect={slopes[0]!r}, ...")
        effect = slopes[0]
    if effect == "Intercept":
        raise CourseError(f"effect= names the slope; write effect={slopes[0]!r}")
    return effects.index("Intercept"), find_effect(fit, group, effect), effect


def find_levels(fit: Fit, group: str, levels: Sequence) -> list[int]:
    """The codes of levels by their labels (``S1:C2`` or ``("S1", "C2")`` for two columns)."""
    known = [label(level) for level in fit.design.groupings[find_group(fit, group)].levels]
    if isinstance(levels, str | bytes) or not isinstance(levels, Sequence | np.ndarray | pd.Index):
        levels = [levels]
    if len(levels) == 0:
        raise CourseError(f"levels= is empty: name at least one {group}")
    codes = []
    for level in levels:
        if label(level) not in known:
            raise CourseError(f"no {group} {label(level)!r}{nearest(label(level), known)}")
        codes.append(known.index(label(level)))
    return codes


def predictors(fit: Fit) -> list[str]:
    """The columns that the fixed and random effects are made of."""
    formula = fit.design.formula
    response = variables_of_response(formula.response)
    return [name for name in formula.variables if name not in response]


def find_predictor(fit: Fit, predictor: str) -> pd.Series:
    """A numeric column of the model other than the response."""
    known = [name for name in predictors(fit) if is_number(fit.design.columns[name])]
    if predictor not in known:
        has = f"; it has: {', '.join(known)}" if known else ""
        raise CourseError(
            f"the model has no numeric predictor {predictor!r}{has}{nearest(predictor, known)}"
        )
    return fit.design.columns[predictor].reset_index(drop=True)


def column_label(fit: Fit | PooledFit, name: str, unit: str | None = None) -> str:
    """The title that the file of the data gives a column; else its name, with its unit where it is known."""
    titles = fit.design.titles
    if name not in titles:
        return axis_label(name, unit)
    return axis_label(fill(titles[name], TITLE_WIDTH), unit)


def on_scale_of_response(fit: Fit, predictor: np.ndarray) -> np.ndarray:
    """Linear predictors as means of the response: probabilities and expected counts of a generalised fit."""
    return fit.family.mean(predictor) if isinstance(fit, MixedGLMFit) else predictor


def mean_label(fit: Fit | PooledFit, unit: str | None = None) -> str:
    """What an axis of means shows: ``probability of passed``, or the response with its unit."""
    response = column_label(fit, fit.design.formula.response, unit)
    if fit.design.kind == NUMBER:
        return response
    if fit.design.kind == COUNT:
        return f"expected {response}"
    counted = f" = {fit.design.counted[0]}" if fit.design.counted else ""
    return f"probability of {response}{counted}"


def link_unit(fit: Fit | PooledFit, unit: str | None = None) -> str | None:
    """The unit of effects: the link of a generalised fit; None where it is that of the response."""
    return fit.family.link if isinstance(fit, MixedGLMFit) and not unit else unit


def working_design(fit: Fit) -> Design:
    """A linear design whose predictions have the errors of this fit: that of its last weighted step."""
    if not isinstance(fit, MixedGLMFit):
        return fit.design
    weights = fit.estimates.optimum.at.mode.rows.weight
    return replace(fit.design, weights=weights, kind=NUMBER)


def effect_label(titles: Mapping[str, str], name: str) -> str:
    """The title of a coefficient's column, ``Sex of the student: male``; its own name where there is none."""
    column, _, level = name.partition("[")
    if column not in titles or ":" in name:
        return name
    level = level.removeprefix("T.").removesuffix("]")
    return fill(f"{titles[column]}: {level}" if level else titles[column], EFFECT_WIDTH)


def containing(fit: Fit, g: int) -> list[int]:
    """The groupings that contain this one (its schools, its provinces), itself first."""
    others = [h for h in range(len(fit.design.groupings)) if h != g and fit.design.nested[g, h]]
    return [g, *others]


def frame(fit: Fit) -> pd.DataFrame:
    """The complete rows of every column that the model uses, numbered from 0."""
    return pd.DataFrame({k: v.reset_index(drop=True) for k, v in fit.design.columns.items()})


def typical(data: pd.DataFrame, at: Mapping[str, object] | None = None) -> pd.DataFrame:
    """One row: medians that occur in the data, most frequent labels, or what `at` says."""
    row = {}
    for name, column in data.items():
        middle = column.quantile(0.5, interpolation="lower") if is_number(column) else None
        row[name] = column.mode().iloc[0] if middle is None else middle
    for name, value in (at or {}).items():
        if name not in row:
            raise CourseError(f"at= names {name!r}, which the model has not{nearest(name, row)}")
        row[name] = value
    return pd.DataFrame({name: [value] for name, value in row.items()}).astype(
        {name: column.dtype for name, column in data.items() if name not in (at or {})}
    )


def grid(row: pd.DataFrame, predictor: str, low: float, high: float, whole: bool) -> pd.DataFrame:
    """The row again and again while one predictor goes from low to high."""
    values = np.linspace(low, high, 61)
    if whole:
        values = np.unique(np.round(values)).astype(np.int64)
    many = row.loc[np.zeros(len(values), dtype=int)].reset_index(drop=True)
    return many.assign(**{predictor: values})


def is_whole(column: pd.Series) -> bool:
    """Whether a predictor holds whole numbers, so that a grid of it must."""
    return pd.api.types.is_integer_dtype(column)
