"""The model in LaTeX."""

from __future__ import annotations

from course.design.design import Design
from course.design.grouping import Grouping

# -- LaTeX ------------------------------------------------------------------------------------


def latex(design: Design) -> str:
    """The model as an aligned equation.

    Returns
    -------
    str
        For MathJax or a LaTeX document: an ``aligned`` block without dollar signs.
    """
    total, distributions = effects(design)
    weights = "" if design.weights_name is None else f" / {upright(design.weights_name)}_i"
    return aligned(
        rf"{upright(design.formula.response)}_i &= {total} + \varepsilon_i",
        *distributions,
        rf"\varepsilon_i &\sim \mathcal{{N}}(0,\ \sigma^2{weights})",
    )


def aligned(*lines: str) -> str:
    """Lines, each with an ``&``, as one equation."""
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def effects(design: Design) -> tuple[str, list[str]]:
    """What a row's effects add up to, and the distributions of the random ones, a line each."""
    offset = [upright(f"offset{design.formula.offset}") + "_i"] if design.formula.offset else []
    fixed = [_times(rf"\beta_{{{j}}}", name) for j, name in enumerate(design.fixed_names)]
    random, distributions = [], []
    for grouping in design.groupings:
        label = upright(grouping.name)
        for j, name in enumerate(grouping.effects):
            random.append(_times(rf"u^{{{label}}}_{{{j}[i]}}", name))
        for block in grouping.blocks:
            distributions.append(_distribution(block, label, grouping))
    return " + ".join([*offset, *fixed, *random]), distributions


def _distribution(block: tuple[int, ...], label: str, grouping: Grouping) -> str:
    if len(block) == 1:
        j = block[0]
        return rf"u^{{{label}}}_{{{j}}} &\sim \mathcal{{N}}(0,\ \tau^2_{{{label},{j}}})"
    vector = r" \\ ".join(rf"u^{{{label}}}_{{{j}}}" for j in block)
    rows = []
    for i in block:
        cells = []
        for j in block:
            low, high = min(i, j), max(i, j)
            power = rf"\tau^2_{{{label},{i}}}" if i == j else rf"\tau_{{{label},{low}{high}}}"
            cells.append(power)
        rows.append(" & ".join(cells))
    matrix = r" \\ ".join(rows)
    return (
        rf"\begin{{pmatrix}} {vector} \end{{pmatrix}} &\sim \mathcal{{N}}\left(0,\ "
        rf"\begin{{pmatrix}} {matrix} \end{{pmatrix}}\right)"
    )


def _times(coefficient: str, name: str) -> str:
    return coefficient if name == "Intercept" else rf"{coefficient}\,{upright(name)}_i"


def upright(name: str) -> str:
    """A name in upright letters (MathJax would show a backslash before _ inside a text)."""
    for char in "\\{}^~'":
        name = name.replace(char, " ")
    for char in "_%$#& ":
        name = name.replace(char, rf"\{char}")
    return rf"\mathrm{{{name}}}"
