"""A fit as plain statsmodels code that starts at its optimum.

What `translate` prints has to search, and leaves out correlations that MixedLM has no word for. Once there
is a fit, neither is needed: the program starts where the search ended; and correlated effects below the top
level, or such as are singular, become independent ones of shifted columns (`course.fit.second_solver` says
how), with the shift written as a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from course.design.design import Design
from course.fit.second_solver import (
    FLOOR,
    TOP,
    change_of_columns,
    shared_components,
    top_effects,
    variance_components,
    without_correlations,
)
from course.solver.estimates import Estimates
from course.translation.arguments import Writer, column_named, quote
from course.translation.call import Component
from course.translation.code import comment, program
from course.translation.layout import Effects, Layout, lay_out, unit

DIGITS = 8  # of a number: more than a search knows, and few enough to be the same on every machine
START = "Start at the optimum: fixed effects, and variances over that of the residual."
HELD = "What is 0, or known only together with others, is held there (0 in free)."
SHIFTED = (
    "MixedLM takes the effects of a vc_formula for unrelated. Correlated ones become so by a change of "
    "columns: a predictor is counted from where intercepts and slopes are unrelated."
)


def code_of_fit(design: Design, estimates: Estimates) -> str:
    """Python that needs pandas, NumPy and statsmodels alone and ends at this optimum.

    Parameters
    ----------
    design : Design
    estimates : Estimates
        Of that design.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("normexam ~ standLRT + (1|school)", load("exam")).fit()
    >>> print(code_of_fit(fit.design, fit.estimates))
    import numpy as np
    import statsmodels.formula.api as smf
    from statsmodels.regression.mixed_linear_model import MixedLMParams
    <BLANKLINE>
    model = smf.mixedlm(
        "normexam ~ standLRT",
        data,
        groups="school",
        re_formula="1",
    )
    <BLANKLINE>
    # Start at the optimum: fixed effects, and variances over that of the residual.
    start = MixedLMParams.from_components(
        fe_params=np.array([0.00232..., 0.56330...]),
        cov_re=np.array([[0.16...]]),
        vcomp=np.array([]),
    )
    result = model.fit(start, reml=True, method="lbfgs")
    """
    layout = lay_out(design)
    scaled = lay_out(design.scaled)
    top = top_effects(scaled, estimates)
    if top is not None and top.singular and len(top.covariance) > 1:
        layout, scaled, top = without_correlations(layout), without_correlations(scaled), None
    writer = Writer(layout)
    call = writer.call(lambda: _add_components(writer, layout, estimates))
    components = variance_components(layout, estimates)
    held = shared_components(scaled, components, top, estimates.reml)
    by_name = sorted(range(len(components)), key=lambda i: call.components[i].name)
    sizes = [*_sizes_in_the_data(layout, layout.vc), *np.ones(len(components))]
    variances = [max(components[i].variance, FLOOR) / sizes[i] ** 2 for i in by_name]
    free = [float(components[i].variance >= FLOOR and i not in held) for i in by_name]
    covariance, top_free = None, 1.0
    if top is not None and layout.re is not None:
        top_free = float(not (top.singular or TOP in held))
        size = np.array(list(_sizes_in_the_data(layout, [layout.re])))
        covariance = top.covariance / np.outer(size, size)
    all_free = all(free) and top_free
    lines = ["", *(comment(SHIFTED) if layout.correlated else [])]
    lines += comment(START if all_free else f"{START} {HELD}")
    lines += _parameters("start", estimates.beta, covariance, variances)
    if not all_free:
        ones = None if covariance is None else np.full(covariance.shape, top_free)
        lines += _parameters("free", np.ones(len(estimates.beta)), ones, free)
    options = f'reml={estimates.reml}, method="lbfgs"{"" if all_free else ", free=free"}'
    return program(design, call, ending=[*lines, f"result = model.fit(start, {options})"])


def _parameters(
    name: str, fixed: np.ndarray, covariance: np.ndarray | None, variances: Sequence[float]
) -> list[str]:
    """An assignment of MixedLM's parameters."""

    def written(values: np.ndarray) -> str:
        if values.ndim == 1:
            return f"[{', '.join(f'{value:.{DIGITS}g}' for value in values)}]"
        return f"[{', '.join(written(row) for row in values)}]"

    lines = [f"{name} = MixedLMParams.from_components("]
    lines.append(f"    fe_params=np.array({written(fixed)}),")
    if covariance is not None:
        lines.append(f"    cov_re=np.array({written(covariance)}),")
    return [*lines, f"    vcomp=np.array({written(np.array(variances))}),", ")"]


def _sizes_in_the_data(layout: Layout, several: Sequence[Effects]) -> Iterator[float]:
    """How many times smaller than in the data each effect's column is in the solver, but not in the program.

    The program measures columns in other units where their numbers are far from 1, and leaves what is
    computed from columns as it is.
    """
    for effects in several:
        grouping = layout.design.groupings[effects.grouping]
        names = [grouping.effects[j] for j in effects.block]
        plain = all(name == "Intercept" or column_named(name) for name in names)
        for j in effects.block:
            yield 1.0 if plain else unit(grouping.Z[:, j])


def _add_components(writer: Writer, layout: Layout, estimates: Estimates) -> None:
    """The variance components in the order of `variance_components`."""
    for effects in layout.vc:
        writer.add_component(effects)
    for effects in layout.correlated:
        grouping = layout.design.groupings[effects.grouping]
        order, L, _ = change_of_columns(layout.design, estimates, effects)
        for at, j in enumerate(order):
            label, effect = layout.name(Effects(effects.grouping, (j,))), grouping.effects[j]
            while label in writer.components:
                label += "_"
            column = "" if effect == "Intercept" else _shifted(writer, effects, order, L[:, at], at)
            formula = writer.varying(column, grouping)
            writer.components[label] = Component(label, formula, effect == "Intercept")


def _shifted(
    writer: Writer, effects: Effects, order: list[int], weights: np.ndarray, at: int
) -> str:
    """The name of a column made of those of correlated effects, times these weights."""
    grouping = writer.design.groupings[effects.grouping]
    b = grouping.blocks.index(effects.block)
    own = f"{writer.design.formula.response} ~ {grouping.formulas[b]}"
    text, by_patsy = "", False
    for weight, j in zip(weights, order, strict=True):
        effect = grouping.effects[j]
        if weight == 0:
            continue
        name = column_named(effect)
        if effect == "Intercept":
            term = f"{abs(weight):.{DIGITS}g}"
        else:
            by_patsy = by_patsy or name is None
            place = effects.block.index(j)
            values = (
                f"smf.ols({quote(writer.plain(own))}, data).exog[:, {place}]"
                if name is None
                else f"data[{quote(name)}]"
            )
            term = values if weight == 1 else f"{abs(weight):.{DIGITS}g} * {values}"
        sign = "-" if weight < 0 else "+"
        text = f"{text} {sign} {term}" if text else term if weight > 0 else f"-{term}"
    size = unit(grouping.Z[:, order] @ weights)
    effect = grouping.effects[order[at]]
    name = f"{column_named(effect) or effect}_shifted"
    others = [k for k in np.flatnonzero(weights) if k != at]
    if [grouping.effects[order[k]] for k in others] == ["Intercept"]:  # counted from another zero
        name = name.replace("shifted", f"from_{-weights[others[0]]:.3g}")
    expression = text if size == 1 else f"({text}) / {size:g}"
    return writer.make(name, "by patsy" if by_patsy else "factor", expression)
