"""The call as a program."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course.design.design import Design
from course.translation.call import quote

if TYPE_CHECKING:
    from course.translation.translate import Translation

# -- code -------------------------------------------------------------------------------------

BLOCKS = """\
blocks = pd.Series(range(len(data)), index=data.index)
while True:  # rows that share a group share a block, and so do all that hang together
    before = blocks
    for group in {factors}:
        blocks = blocks.groupby([data[name] for name in group]).transform("min")
    if blocks.equals(before):
        break
"""
FIT_WHY = (
    "Start where each random part has about the residual's variance. Powell's method needs no gradient "
    "(MixedLM's has the wrong sign once the search has crossed a variance of 0) and is kept a "
    "hair away from 0 itself, where MixedLM's likelihood breaks down. It runs twice, the second "
    "time from where the first ended."
)
FIT = """\
smallest = 1e-4 * np.abs(start)
loglike = model.loglike


def guarded(params, profile_fe=True):
    if profile_fe and not np.all(np.isfinite(params) & (np.abs(params) >= smallest)):
        return -1e10
{singular}    return loglike(params, profile_fe)


model.loglike = guarded
for ftol in (1e-6, 1e-10):
    result = model.fit(start, method="powell", ftol=ftol, maxiter=1000)
    start = result.params_object
"""
SINGULAR = """\
    if profile_fe:
        L = np.zeros(({k}, {k}))
        L[np.tril_indices({k})] = params[:{m}]
        spread = np.linalg.svd(L, compute_uv=False)
        if spread[-1] < 1e-4 * min(spread[0], 1):  # correlations of exactly -1 or 1
            return -1e10
"""


def _code(t: Translation) -> str:
    design = t.design
    lines = ["import numpy as np"]
    if any("blocks" == expression for expression in t.prepare.values()):
        lines.append("import pandas as pd")
    lines += ["import statsmodels.formula.api as smf", ""]
    if t.gaps:
        reasons = " ".join(gap.split(" The way out")[0] for gap in t.gaps)
        lines += _comment(
            f"MixedLM does not have this very model: {reasons} "
            "What follows fits these effects as if they were independent."
        )
        lines.append("")
    prepare, by_formula = _rows_and_types(design), []
    for name, expression in t.prepare.items():
        if expression == "blocks":
            factors = [list(grouping.factors) for grouping in design.groupings]
            prepare += BLOCKS.format(factors=json.dumps(factors, ensure_ascii=False)).splitlines()
        made = f"data = data.assign({name}={expression})"
        (by_formula if expression.startswith("smf.") else prepare).append(made)
    if design.hiding:  # groups are made from these columns, formulas cannot be read beside them
        prepare.append(f"data = data.drop(columns=[{', '.join(map(quote, design.hiding))}])")
    prepare += by_formula
    lines += [*prepare, ""] if prepare else []
    lines += [
        "model = smf.mixedlm(",
        f"    {quote(t.fixed_formula)},",
        "    data,",
        f"    groups={quote(t.groups)},",
    ]
    if t.re_formula is not None:
        lines.append(f"    re_formula={quote(t.re_formula)},")
    if t.vc_formula:
        lines.append("    vc_formula={")
        lines += [f"        {quote(key)}: {quote(value)}," for key, value in t.vc_formula.items()]
        lines.append("    },")
    lines.append(")")
    return "\n".join([*lines, *_fit_lines(t)]) + "\n"


def _fit_lines(t: Translation) -> list[str]:
    """From the model to its optimum, with statsmodels alone."""
    lines = ["", *_comment(FIT_WHY)]
    components = list((t.vc_formula or {}).values())
    if t.re_formula in (None, "1") and all(map(_is_intercept, components)):
        lines.append(f"start = np.ones({len(components) + (t.re_formula == '1')})")
        return lines + FIT.format(singular="").splitlines()
    parts = []
    if t.re_formula is not None:
        lines.append("Z = model.exog_re")
        lines.append("root = np.linalg.cholesky(np.linalg.inv(Z.T @ Z / model.nobs))")
        parts.append("root[np.tril_indices(Z.shape[1])]")
    if components:
        lines.append("squares = [sum((m**2).sum() for m in mats) for mats in model.exog_vc.mats]")
        parts.append("np.sqrt(model.nobs / np.array(squares))")
    lines.append("start = " + (parts[0] if len(parts) == 1 else f"np.append({', '.join(parts)})"))
    k = t.n_correlated
    singular = SINGULAR.format(k=k, m=k * (k + 1) // 2) if k > 1 else ""
    return lines + FIT.format(singular=singular).splitlines()


def _is_intercept(component: str) -> bool:
    return component.startswith("0 + C(") and "):" not in component


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, 88)]


def _rows_and_types(design: Design) -> list[str]:
    """What the data need before MixedLM reads them right."""
    lines = []
    if design.missing:
        columns = ", ".join(map(quote, design.missing))
        lines.append(f"data = data.dropna(subset=[{columns}]).reset_index(drop=True)")
    elif not design.index.is_unique:
        lines.append("data = data.reset_index(drop=True)")
    groups = dict.fromkeys(name for grouping in design.groupings for name in grouping.factors)
    for name, column in design.columns.items():
        dtype = column.dtype
        if not isinstance(dtype, pd.CategoricalDtype):
            if (
                isinstance(dtype, np.dtype)
                and dtype != "object"
                or isinstance(dtype, pd.StringDtype)
            ):
                continue
            plain = _plain_type(column, name in groups, name in design.formula.categorical)
            new = f"data[{quote(name)}].astype({plain})"
            same = np.array_equal(*(pd.factorize(c)[0] for c in (column, column.astype(str))))
            if name in groups and not same:  # 1 and "1" are two labels, 1 and True one
                new = f"data.groupby({quote(name)}, sort=False).ngroup()"
            lines.append(f"data = data.assign(**{{{quote(name)}: {new}}})")
            continue
        if name in groups:  # a categorical would give every group a column for every label
            new = f"data[{quote(name)}].astype(str)"
        elif len(column.cat.categories) > column.nunique():
            new = f"data[{quote(name)}].cat.remove_unused_categories()"
        else:
            continue
        lines.append(f"data = data.assign(**{{{quote(name)}: {new}}})")
    return lines


def _plain_type(column: pd.Series, is_group: bool, in_C: bool) -> str:
    """A type that patsy knows, for a nullable, pyarrow or object column; C(grade) has labels 2, not 2.0."""
    kind = column.infer_objects().dtype
    if is_group or not pd.api.types.is_numeric_dtype(kind):
        return "str"
    if in_C and pd.api.types.is_integer_dtype(kind):
        return "int"
    return "bool" if pd.api.types.is_bool_dtype(kind) else "float"
