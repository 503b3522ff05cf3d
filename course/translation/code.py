"""`Call` to a program that needs pandas and statsmodels alone."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from course.design.columns import is_truth
from course.design.design import Design
from course.design.transforms import TRANSFORMS, source
from course.formula.expressions import NUMPY, column_code, names_outside_texts
from course.formula.plausible import PlausibleValues
from course.translation.arguments import quote
from course.translation.call import Call, MadeColumn

BLOCKS = """\
blocks = pd.Series(range(len(data)), index=data.index)
while True:  # rows that share a group share a block, and so do all that hang together
    before = blocks
    for group in {factors}:
        blocks = blocks.groupby([data[name] for name in group]).transform("min")
    if blocks.equals(before):
        break
"""
WEIGHTS_WHY = (
    "MixedLM takes no weights. With each row of the response, of the predictors and of the random effects "
    "times the root of its weight, all rows have the residual variance of one of weight 1, and the model is "
    "the same. Its log-likelihood is that of the data once half the sum of log(weights) is added."
)
WEIGHTS = """\
rows = [model.row_indices[group] for group in model.group_labels]
components = model.exog_vc
model = MixedLM(
    pd.Series(root * model.endog, name=model.endog_names),
    pd.DataFrame(root[:, None] * model.exog, columns=model.exog_names),
    groups=model.groups,
    exog_re={effects},
    exog_vc=VCSpec(
        components.names,
        components.colnames,
        [[root[own, None] * m for own, m in zip(rows, mats)] for mats in components.mats],
    ),
)
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
    return loglike(params, profile_fe)


model.loglike = guarded
for ftol in (1e-6, 1e-10):
    result = model.fit(start, method="powell", ftol=ftol, maxiter=1000)
    start = result.params_object
"""
CORRELATED_WHY = (
    "Search in units in which the effects are unrelated and each random part starts with about the "
    "residual's variance, and a hair away from variances of 0 and correlations of -1 and 1, where "
    "MixedLM's likelihood breaks down. BFGS finds the gradient by differences (MixedLM's own is wrong "
    "beyond 0); Powell's method, which needs none, ends the search."
)
CORRELATED = """\
lower = np.tril_indices({k})
model.cov_pen = model.fe_pen = None  # as fit() sets them before it searches
model._cov_sing = 0


def params(x):  # as MixedLM has them
    L = np.zeros(({k}, {k}))
    L[lower] = x{own}
    L = root @ np.linalg.cholesky(L @ L.T + 3e-9 * np.eye({k}))
    return {params}


def loss(x):
    return -model.loglike(params(x))


near = minimize(loss, {start}, method="L-BFGS-B", jac="3-point").x
best = minimize(loss, near, method="Powell").x
result = model.fit(params(best), method="bfgs", gtol=np.inf)  # no search: this is its end
"""
SHARED_WHY = (
    "The data know some of these variances or covariances only together. Single standard errors of "
    "such do not exist, and MixedLM would end in a singular matrix for want of them: with a hair added "
    "they come out huge."
)
SHARED = """\
hessian = model.hessian


def invertible(params):
    H, singular = hessian(params)
    return H - 1e-8 * np.diag(1 + np.abs(np.diag(H))), singular


model.hessian = invertible
"""

ENGINE_WHY = "Read by patsy: statsmodels' other engine, formulaic, makes other columns of these."
READ_ALIKE = NUMPY | {"C", "I", "np"}  # functions that mean the same to both engines


POOL = """\
# Rubin's rules
m = len(fits)
estimates = pd.DataFrame([fit.fe_params for fit in fits])
within = pd.DataFrame([fit.bse_fe**2 for fit in fits]).mean()
extra = (1 + 1 / m) * estimates.var()
pooled = pd.DataFrame({"estimate": estimates.mean(), "std_error": np.sqrt(within + extra)})
"""


def program(
    design: Design,
    call: Call,
    plausible: PlausibleValues | None = None,
    ending: Sequence[str] | None = None,
) -> str:
    """What the data need, the columns that are made, the model, and its fit, in Python.

    With plausible values the model is fitted to each of them in a loop, and the fits are pooled. With an
    ``ending``, lines that need MixedLMParams, these stand in place of the search.
    """
    functions = transforms(design)
    lines = ["import numpy as np"]
    blocks = any(column.kind == "blocks" for column in call.made)
    if blocks or "pd." in functions or call.weights is not None or plausible:
        lines.append("import pandas as pd")
    lines += ["import patsy"] if functions else []
    engine_matters = not _read_alike(design, call)
    lines += ["import statsmodels.formula"] if engine_matters else []
    lines.append("import statsmodels.formula.api as smf")
    lines += ["from scipy.interpolate import BSpline"] if "BSpline" in functions else []
    searched = ending is None
    lines += ["from scipy.optimize import minimize"] if call.n_correlated > 1 and searched else []
    names = [] if searched else ["MixedLMParams"]
    names += ["MixedLM", "VCSpec"] if call.weights is not None else []
    if names:
        lines.append(
            f"from statsmodels.regression.mixed_linear_model import {', '.join(sorted(names))}"
        )
    lines.append("")
    if engine_matters:
        lines += [*comment(ENGINE_WHY), 'statsmodels.formula.options.formula_engine = "patsy"', ""]
    if call.gaps:
        reasons = " ".join(gap.reason for gap in call.gaps)
        lines += comment(
            f"MixedLM does not have this very model: {reasons} "
            "What follows fits these effects as if they were independent."
        )
        lines.append("")
    lines += functions.splitlines()
    if design.aliased.names:
        lines += comment(" ".join(dict.fromkeys(design.aliased.reasons)))
        lines.append("")
    prepare = rows_and_types(design)
    if call.weights is not None:
        prepare.append(f"root = np.sqrt(data[{quote(call.weights)}].to_numpy(float))")
    prepare += made_columns(design, call.made)
    lines += [*prepare, ""] if prepare else []
    fixed_formula = quote(call.fixed_formula)
    if plausible:
        fixed_formula = _with_response(call.fixed_formula, plausible)
    model = [
        "model = smf.mixedlm(",
        f"    {fixed_formula},",
        "    data,",
        f"    groups={quote(call.groups)},",
    ]
    if call.re_formula is not None:
        model.append(f"    re_formula={quote(call.re_formula)},")
    if call.components:
        model.append("    vc_formula={")
        model += [f"        {quote(c.name)}: {quote(c.formula)}," for c in call.components]
        model.append("    },")
    model.append(")")
    if call.weights is not None:
        effects = "None" if call.re_formula is None else _WEIGHTED_EFFECTS
        model += ["", *comment(WEIGHTS_WHY), *WEIGHTS.format(effects=effects).splitlines()]
    model += _fit_lines(design, call) if ending is None else ending
    if plausible:
        model = _pooled(model, plausible)
    return "\n".join([*lines, *model]) + "\n"


def _with_response(fixed_formula: str, plausible: PlausibleValues) -> str:
    """The formula as Python in which ``response`` stands for the column."""
    column = column_code(plausible.columns[0])
    before, _, after = fixed_formula.partition(column)  # nothing but the response comes first
    parts = [quote(before)] if before else []
    return " + ".join([*parts, "response", quote(after)])


def _pooled(model: list[str], plausible: PlausibleValues) -> list[str]:
    """The model in a loop over the plausible values, and Rubin's rules for its fixed effects."""
    names = ", ".join(quote(column_code(name)) for name in plausible.columns)
    loop = f"for response in [{names}]:"
    if len(loop) > 88:
        listed = textwrap.wrap(names, 84, break_long_words=False, break_on_hyphens=False)
        loop = "\n".join(["for response in [", *(f"    {line}" for line in listed), "]:"])
    body = [f"    {line}".rstrip() for line in model]
    return ["fits = []", loop, *body, "    fits.append(result)", "", *POOL.splitlines()]


_WEIGHTED_EFFECTS = "pd.DataFrame(root[:, None] * model.exog_re, columns=model.data.exog_re_names)"


def _read_alike(design: Design, call: Call) -> bool:
    """Whether patsy and formulaic make the same columns, under the same names, of all that the call says.

    They do of columns and their products, of C(x), and of arithmetic; not of scale(x), which divides by
    n in the one and by n - 1 in the other, of codings, of Q("a name"), or of what is true or false.
    """
    texts = [call.fixed_formula, call.re_formula or "", *(c.formula for c in call.components)]
    texts += [column.expression for column in call.made if column.kind == "by patsy"]
    text = " ".join(texts)
    columns = {name for name, column in design.columns.items() if not is_truth(column)}
    known = READ_ALIKE | columns | {column.name for column in call.made}
    return (
        text.isascii() and set("\"'<>=!%").isdisjoint(text) and names_outside_texts(text) <= known
    )


def transforms(design: Design) -> str:
    """The definitions of R's functions that the formula uses."""
    return "".join(f"\n{source(name)}\n" for name in TRANSFORMS if name in design.formula.names)


def made_columns(design: Design, made: Iterable[MadeColumn]) -> list[str]:
    """The columns that a call needs beside the data's own."""
    lines: list[str] = []
    by_patsy: list[str] = []
    for column in made:
        if column.kind == "blocks":
            factors = [list(grouping.factors) for grouping in design.groupings]
            lines += BLOCKS.format(factors=json.dumps(factors, ensure_ascii=False)).splitlines()
        line = f"data = data.assign({column.name}={column.expression})"
        (by_patsy if column.kind == "by patsy" else lines).append(line)
    # groups may be made from columns that are called like a function; no formula can be read beside them
    if design.named_like_functions:
        lines.append(
            f"data = data.drop(columns=[{', '.join(map(quote, design.named_like_functions))}])"
        )
    return lines + by_patsy


def _fit_lines(design: Design, call: Call) -> list[str]:
    """From the model to its optimum, with statsmodels alone."""
    shared = [*comment(SHARED_WHY), *SHARED.splitlines()] if design.shared(reml=True) else []
    search = _correlated_search(call) if call.n_correlated > 1 else _search(call)
    return ["", *shared, *search]


def _search(call: Call) -> list[str]:
    """By Powell's method, inside MixedLM."""
    lines = comment(FIT_WHY)
    intercept = call.re_formula == "1"
    unit = call.weights is None and all(c.is_intercept for c in call.components)
    if (call.re_formula is None or intercept) and unit:
        lines.append(f"start = np.ones({len(call.components) + intercept})")
        return lines + FIT.splitlines()
    parts = []
    if call.re_formula is not None:
        parts.append("[1 / np.sqrt((model.exog_re**2).mean())]")
    if call.components:
        lines += _sizes_of_components()
        parts.append("sizes")
    lines.append("start = " + ("np.append({}, {})".format(*parts) if len(parts) > 1 else parts[0]))
    return lines + FIT.splitlines()


def _correlated_search(call: Call) -> list[str]:
    """Where correlations make the valley narrow: in other units, outside MixedLM."""
    k, more = call.n_correlated, len(call.components)
    m = k * (k + 1) // 2
    lines = [
        *comment(CORRELATED_WHY),
        "Z = model.exog_re",
        "root = np.linalg.cholesky(np.linalg.inv(Z.T @ Z / model.nobs))",
        *(_sizes_of_components() if more else []),
    ]
    spread = f"sizes * np.sqrt(x[{m}:] ** 2 + 3e-9)"
    fit = CORRELATED.format(
        k=k,
        own=f"[:{m}]" if more else "",
        params=f"np.append(L[lower], {spread})" if more else "L[lower]",
        start=f"np.append(np.eye({k})[lower], np.ones({more}))" if more else f"np.eye({k})[lower]",
    )
    return lines + fit.splitlines()


def _sizes_of_components() -> list[str]:
    return [
        "squares = [sum((m**2).sum() for m in mats) for mats in model.exog_vc.mats]",
        "sizes = np.sqrt(model.nobs / np.array(squares))",
    ]


def comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, 88)]


def rows_and_types(design: Design) -> list[str]:
    """What the data need before MixedLM reads them right."""
    lines = []
    if design.missing:
        columns = ", ".join(map(quote, design.missing))
        lines.append(f"data = data.dropna(subset=[{columns}]).reset_index(drop=True)")
    elif not design.index.is_unique:
        lines.append("data = data.reset_index(drop=True)")
    groups = {name for grouping in design.groupings for name in grouping.factors}
    for name, column in design.columns.items():
        new = _readable(column, name in groups, name in design.formula.categorical)
        if new is not None:
            lines.append(f"data = data.assign(**{{{quote(name)}: {new}}})")
    return lines


def _readable(column: pd.Series, is_group: bool, in_C: bool) -> str | None:
    """The column in a type that patsy and MixedLM read right; None where it is of such a type."""
    dtype, name = column.dtype, quote(column.name)
    if isinstance(dtype, pd.CategoricalDtype):
        if is_group:  # a categorical would give every group a column for every label
            return f"data[{name}].astype(str)"
        if len(column.cat.categories) > column.nunique():
            return f"data[{name}].cat.remove_unused_categories()"
        return None
    if isinstance(dtype, pd.StringDtype) or isinstance(dtype, np.dtype) and dtype != "object":
        return None
    same = np.array_equal(*(pd.factorize(c)[0] for c in (column, column.astype(str))))
    if is_group and not same:  # 1 and "1" are two labels, 1 and True one
        return f"data.groupby({name}, sort=False).ngroup()"
    return f"data[{name}].astype({_plain_type(column, is_group, in_C)})"


def _plain_type(column: pd.Series, is_group: bool, in_C: bool) -> str:
    """A type that patsy knows, for a nullable, pyarrow or object column; C(grade) has labels 2, not 2.0."""
    kind = column.infer_objects().dtype
    if is_group or not pd.api.types.is_numeric_dtype(kind):
        return "str"
    if in_C and pd.api.types.is_integer_dtype(kind):
        return "int"
    return "bool" if is_truth(column) else "float"
