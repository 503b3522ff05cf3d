"""The ways to say which model: bars in the formula, statsmodels' arguments, and what tutorials show.

statsmodels' own sense (a formula without bars): ``groups`` is the top level, ``re_formula`` the effects
that vary by it, ``vc_formula`` the variance components inside it. Beside bars these arguments have no
meaning in statsmodels, yet tutorials write them; here they mean what was meant.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd

from course.common.nearest import nearest
from course.common.wording import count
from course.design.columns import as_column, check_frame, factorize, find_columns, missing_rows
from course.design.groups import group_codes, lies_in, relation
from course.design.weights import columns_of_weights, weights_column
from course.errors import CourseError
from course.formula.expressions import quoted_column
from course.formula.parse import effect_terms, parse_formula, random_term
from course.formula.terms import Formula, RandomTerm, as_written

KEYWORDS = (
    *("formula", "data", "groups", "re_formula", "vc_formula"),
    *("subset", "missing", "use_sparse", "weights"),
    *("scaling", "strata", "replicate_weights", "replicate_method", "fay"),
)
OF_FIT = dict.fromkeys(("reml", "progress"), "it is given to fit(): mixedlm(...).fit(reml=False)")
OF_MIXEDLM = "it is given to mixedlm(...), before .fit()"
MISSING = ("drop", "raise", "none")
SHOWN_ROWS = 5  # of the index, in a message
STRUCTURES = {"diag": False, "diagonal": False, "unstructured": True}


def read_call(
    formula: str | Formula,
    data: pd.DataFrame,
    groups: object = None,
    re_formula: str | dict | None = None,
    vc_formula: dict | None = None,
    subset: object = None,
    missing: str = "drop",
    weights: object = None,
) -> tuple[Formula, pd.DataFrame, str | None]:
    """One `Formula` for any of these forms, the data that it is for, and the column of the weights.

    The data have a column more where groups or weights are an array, and those rows alone that the subset
    names.

    Examples
    --------
    >>> data = pd.DataFrame({"y": [1, 2, 3, 4], "x": [0, 1, 0, 1], "school": list("aabb")})
    >>> print(read_call("y ~ x", data, groups="school", re_formula="~x")[0])
    y ~ x + (x | school)
    """
    data = check_frame(data)
    if not isinstance(formula, Formula):
        aside = columns_of_weights(weights, None, data.columns)
        formula = parse_formula(formula, [name for name in data.columns if name not in aside])
    _refuse_several(groups, data)
    group, data = as_column("groups", groups, data, "label")
    weighted, data = weights_column(weights, data)
    data = _rows_of(subset, data)
    if vc_formula is not None and not isinstance(vc_formula, dict):
        raise CourseError(
            'vc_formula is a dict from a name to a formula, as in {"classroom": "0 + C(classroom)"}'
        )
    if formula.random or isinstance(re_formula, dict):
        if re_formula is not None and not isinstance(re_formula, dict):
            text = str(re_formula).strip().lstrip("~")
            raise CourseError(
                f"re_formula={re_formula!r} beside a random term in the formula: write "
                f"({text}|group) in the formula, or give a dict from a "
                "group to its effects"
            )
        formula = _beside_bars(formula, data, group, re_formula or {}, vc_formula or {})
    elif group is not None:
        formula = _as_statsmodels(formula, data, group, re_formula, vc_formula or {})
    elif re_formula or vc_formula:
        raise CourseError(
            "re_formula and vc_formula need groups=, the column of the top-level units"
        )
    _check_missing(formula, data, missing)
    return formula, data, weighted


def refuse_beside_a_source(
    groups: object, re_formula: object, vc_formula: object, subset: object, weights: object
) -> None:
    """Files and Dask go with bars alone: what else there is would need the rows at once."""
    if groups is not None or re_formula is not None or vc_formula is not None:
        raise CourseError(
            "for data that are read from files or from Dask write bars: y ~ x + (x|group) and not groups=, "
            "re_formula= or vc_formula="
        )
    if subset is not None:
        raise CourseError(
            "subset= needs the rows in memory: filter the source, as in "
            'pyarrow.dataset.dataset(path).filter(pyarrow.dataset.field("grade") == 9), or in Dask'
        )
    if weights is not None:
        raise CourseError(
            "weights= needs the rows in memory: for data that are read from files or from Dask leave it out, "
            "or pass a DataFrame"
        )


def check_missing_word(missing: str) -> str:
    """The same, where it is one of `MISSING`."""
    if missing not in MISSING:
        raise CourseError(
            f"missing={missing!r}: 'drop', 'raise' or 'none'{nearest(missing, MISSING)}"
        )
    return missing


def _check_missing(formula: Formula, data: pd.DataFrame, missing: str) -> None:
    """Refuse rows with missing values where that was asked for."""
    if check_missing_word(missing) == "drop":
        return
    columns = find_columns(data, formula.columns)
    gaps = {name: missing_rows(column) for name, column in columns.items()}
    counts = [f"'{name}' ({rows.sum()})" for name, rows in gaps.items() if rows.any()]
    if counts:
        anywhere = np.logical_or.reduce(list(gaps.values()))
        shown = ", ".join(str(label) for label in data.index[anywhere][:SHOWN_ROWS])
        shown += ", ..." if anywhere.sum() > SHOWN_ROWS else ""
        raise CourseError(
            f"values are missing in {', '.join(counts)}, in {count(int(anywhere.sum()), 'row')} (index "
            f'{shown}), and missing="{missing}" refuses that: missing="drop" leaves these rows out'
        )


def _rows_of(subset: object, data: pd.DataFrame) -> pd.DataFrame:
    """The rows that a subset names, as ``data.loc[subset]`` does."""
    if subset is None:
        return data
    if isinstance(subset, str):
        raise CourseError(
            f"subset={subset!r} is a text: pass True or False for each row, as in "
            f"subset=data.eval({subset!r})"
        )
    try:
        rows = data.loc[subset]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise CourseError(
            f"subset is True or False for each of the {len(data):,} rows, or labels of the index: {error}"
        ) from error
    if not isinstance(rows, pd.DataFrame):
        raise CourseError("subset names a single row: a model needs many")
    return rows


def _refuse_several(groups: object, data: pd.DataFrame) -> None:
    """Refuse several columns of groups, with a term for each."""
    if isinstance(groups, pd.DataFrame):
        names = list(map(str, groups.columns))
    elif isinstance(groups, list | tuple) and len(groups) != len(data):
        names = [name for name in groups if isinstance(name, str)]
    else:
        return
    if len(names) < 2:
        return
    columns = find_columns(data, names)
    written = " + ".join(f"(1 | {as_written(name)})" for name in names)
    if len(names) == 2:
        codes = [factorize(columns[name])[0] for name in names]
        pair = relation(names[0], codes[0], names[1], codes[1], listed=True)
        within = f"(1 | {as_written(pair.outer)}/{as_written(pair.inner)})"
        if pair.how == "nested":
            written = within
        elif pair.how == "restarting":
            written += (
                f", or {within} if {pair.inner} stands for other groups in every {pair.outer}"
            )
    raise CourseError(
        f"groups= takes one column, not {len(names)}. In the formula, and without groups=, write {written}"
    )


def _as_statsmodels(
    formula: Formula, data: pd.DataFrame, group: str, re_formula: str | None, vc_formula: dict
) -> Formula:
    """groups, re_formula and vc_formula in statsmodels' own sense."""
    terms = []
    if re_formula is not None:
        terms.append(random_term(re_formula, (group,)))
    elif not vc_formula:
        terms.append(RandomTerm("1", (group,)))
    for name, text in vc_formula.items():
        terms.append(_component(str(name), text, group, data))
    return formula.with_random(terms)


def _component(name: str, text: str, group: str, data: pd.DataFrame) -> RandomTerm:
    """A variance component: ``0 + C(classroom)``, ``0 + C(classroom):age``, ``0 + age`` or ``1``."""
    effects = effect_terms(random_term(text, (group,)).effects)
    if len(effects) != 1:
        codes = [factor.code for effect in effects for factor in effect.factors]
        labels = [code for code in codes if _label_column(code, data)]
        slope = next((code for code in codes if code not in labels), "age")
        ways = (f"0 + {labels[0]}", f"0 + {labels[0]}:{slope}") if labels else ("1", f"0 + {slope}")
        raise CourseError(
            f"vc_formula[{name!r}] = {text!r} gives several columns one variance in a way that has no "
            f"lme4 form: write {ways[0]} for intercepts, {ways[1]} for slopes, each a component of its own"
        )
    labels, slopes = [], []
    for factor in effects[0].factors:  # the intercept has none
        column = _label_column(factor.code, data)
        if column is None:
            slopes.append(factor.code)
        else:
            labels.append(column)
    effect = f"0 + {':'.join(slopes)}" if slopes else "1"
    if not labels:
        return random_term(effect, (group,))
    columns = find_columns(data, [group, *labels])
    complete = ~np.logical_or.reduce([missing_rows(column) for column in columns.values()])
    inner, _ = group_codes([columns[label][complete] for label in labels])
    outer, _ = group_codes([columns[group][complete]])
    if not lies_in(inner, outer):  # a label that returns in each group stands for another room
        labels = [group, *labels]
    return random_term(effect, tuple(dict.fromkeys(labels)))


def _label_column(code: str, data: pd.DataFrame) -> str | None:
    """The column whose labels a factor of a formula stands for; None where it stands for numbers."""
    inside = re.fullmatch(r"C\((.*)\)", code)
    name = inside[1] if inside else code
    column = quoted_column(name) or (name if name.isidentifier() else None)
    if column is None or inside:
        return column
    dtype = find_columns(data, [column])[column].dtype
    return None if pd.api.types.is_numeric_dtype(dtype) else column


def _beside_bars(
    formula: Formula, data: pd.DataFrame, group: str | None, re_formula: dict, vc_formula: dict
) -> Formula:
    """The forms that tutorials show, as they were meant."""
    terms = list(formula.random)
    for key, effects in re_formula.items():
        factors = tuple(dict.fromkeys(str(key).split(":")))
        find_columns(data, factors)
        new = random_term(effects, factors)
        terms = [term for term in terms if set(term.group) != set(new.group)] + [new]
    named = dict.fromkeys(term.group_name for term in terms)
    for key, structure in vc_formula.items():
        if key not in named:
            raise CourseError(
                f"vc_formula names '{key}', which is not a group of the formula ({', '.join(named)})"
                f"{nearest(key, named)}"
            )
        if not isinstance(structure, str) or structure not in STRUCTURES:
            raise CourseError(
                f"vc_formula[{key!r}] = {structure!r} beside bars: 'diag' (independent effects) or "
                "'unstructured' (correlated ones); a formula of columns belongs to a call without "
                "bars"
            )
        terms = [
            replace(term, correlated=STRUCTURES[structure]) if term.group_name == key else term
            for term in terms
        ]
    if group is not None and group not in named:
        labels = data[group].dropna()
        if labels.is_unique:
            raise CourseError(
                f"groups names {group}, which has one row per level: the residual already is that "
                f"level, so leave groups= out. (statsmodels' groups are the units at the top, not "
                "the rows)"
            )
        terms.append(RandomTerm("1", (group,)))
    return formula.with_random(terms)
