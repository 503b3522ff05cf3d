"""The calls of a Bayesian mixed GLM and of GEE as programs that need pandas and statsmodels alone."""

from __future__ import annotations

import re

from course.design.design import Design
from course.translation.arguments import quote
from course.translation.code import comment, made_columns, rows_and_types, transforms
from course.translation.generalised_arguments import FEW_CLUSTERS, BayesCall, GeeCall
from course.translation.generalised_words import FE_P, VCP_P
from course.translation.outcome import FAMILIES, LINKS, Outcome

BAYES_WHY = (
    "fit_vb() looks for independent normal distributions that come nearest to the posterior, and the SDs "
    "that it gives are too small. fit_map(), which is fit(), is no way out: it often ends at random effects "
    "without any variance."
)
SCALED_WHY = (
    "With scale_fe the predictors are centred and in SDs while the search lasts, so "
    "that a prior means the same for all of them; fe_mean[0] is then the value at their means, and is "
    "brought back to where they are 0."
)
SEARCH = """\
mean = np.zeros(len(model.names))
{start}result = model.fit_vb(
    mean,
    sd=np.full(len(model.names), 0.1),
    fit_method="L-BFGS-B",
    minim_opts={{"maxiter": 10_000, "maxfun": 100_000}},
{scaled})
"""
BACK = """\
result.fe_mean[0] -= model.exog.mean(axis=0)[1:] @ result.fe_mean[1:]
"""
OFFSET_WHY = "{name} has no offset: it is added to the linear predictor here."
OFFSET = """\
statistics = model._lp_stats


def with_offset(*params):
    mean, variance = statistics(*params)
    return mean + offset, variance


model._lp_stats = with_offset
"""
GEE_FEW = (
    "With so few clusters the usual robust standard errors are too small; those without that bias "
    "(Mancl and DeRouen 2001)."
)


# a line for each name that a program may use
IMPORTS = {
    "np.": "import numpy as np",
    "pd.": "import pandas as pd",
    "patsy.": "import patsy",
    "sm.": "import statsmodels.api as sm",
    "smf.": "import statsmodels.formula.api as smf",
    "BSpline": "from scipy.interpolate import BSpline",
    **{
        words.bayes: f"from statsmodels.genmod.bayes_mixed_glm import {words.bayes}"
        for words in FAMILIES.values()
    },
}


def bayes_program(design: Design, outcome: Outcome, call: BayesCall) -> str:
    """A Bayesian mixed GLM, fitted by variational Bayes; the results are in ``result``."""
    name, lines = FAMILIES[outcome.family].bayes, []
    if call.gaps:
        lines += comment(
            f"{name} does not have this very model: {' '.join(call.gaps)} What follows is the nearest "
            "that it has."
        )
        lines.append("")
    lines += _prepared(design, outcome, call)
    lines += [f"model = {name}.from_formula(", f"    {quote(call.fixed_formula)},", "    {"]
    lines += [f"        {quote(c.name)}: {quote(c.formula)}," for c in call.components]
    lines += ["    },", "    data,", f"    vcp_p={VCP_P},", f"    fe_p={FE_P},", ")"]
    mean = "model.endog.mean()"
    if design.formula.offset:
        lines += ["", *comment(OFFSET_WHY.format(name=name)), _offset(design), *OFFSET.splitlines()]
        mean += " / np.exp(offset).mean()"
    intercept = "Intercept" in design.fixed_names
    several = intercept and len(design.fixed_names) > 1
    start = f"mean[0] = np.log({mean})\n" if intercept and outcome.family == "poisson" else ""
    scaled = "    scale_fe=True,\n" if several else ""
    lines += ["", *comment(f"{BAYES_WHY} {SCALED_WHY}" if several else BAYES_WHY)]
    lines += SEARCH.format(start=start, scaled=scaled).splitlines()
    return _program(design, [*lines, *(BACK.splitlines() if several else [])])


def gee_program(design: Design, outcome: Outcome, call: GeeCall) -> str:
    """GEE with clusters whose rows are all equally alike; the results are in ``result``."""
    link = LINKS[outcome.link].gee
    few = call.n_clusters < FEW_CLUSTERS
    lines = _prepared(design, outcome, call)
    lines += [_offset(design)] if design.formula.offset else []
    lines += comment(GEE_FEW) if few else []
    lines += [
        "result = smf.gee(",
        f"    {quote(call.fixed_formula)},",
        f"    {quote(call.groups)},",
        "    data,",
        f"    family=sm.families.{FAMILIES[outcome.family].gee}({link}),",
        "    cov_struct=sm.cov_struct.Exchangeable(),",
        *(["    offset=offset,"] if design.formula.offset else []),
        *([f"    weights=data[{quote(outcome.weights)}],"] if outcome.weights else []),
        ").fit(" + ('cov_type="bias_reduced"' if few else "") + ")",
    ]
    return _program(design, lines)


def _program(design: Design, lines: list[str]) -> str:
    """The lines, with what they need before them."""
    functions = transforms(design)
    body = "\n".join([*functions.splitlines(), *lines])
    imports = [line for name, line in IMPORTS.items() if re.search(rf"\b{re.escape(name)}", body)]
    return "\n".join([*imports, "", body]) + "\n"


def _prepared(design: Design, outcome: Outcome, call: BayesCall | GeeCall) -> list[str]:
    """What the data need before they are read right."""
    lines = []
    if design.aliased.names:
        lines += [*comment(" ".join(dict.fromkeys(design.aliased.reasons))), ""]
    prepare = [*rows_and_types(design), *outcome.lines, *made_columns(design, call.made)]
    return [*lines, *prepare, *([""] if prepare else [])]


def _offset(design: Design) -> str:
    formula = quote(f"0 + I(1 * {design.formula.offset})")
    return f"offset = np.asarray(patsy.dmatrix({formula}, data))[:, 0]"
