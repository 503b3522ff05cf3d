"""The model in words and as an equation."""

from __future__ import annotations

import html
import textwrap
from typing import TYPE_CHECKING

from course.design import Design, Grouping
from course.layout import Effects, Layout

if TYPE_CHECKING:
    from course.translate import Translation

WIDTH = 96


# -- words ------------------------------------------------------------------------------------


def explain(t: Translation) -> str:
    """The model in words, term by term; what MixedLM is told; what the data say."""
    sections = [
        ("Model", [f"{t.design.formula}"]),
        ("In words", sentences(t.design)),
        ("How the groups lie", groups_in_words(t.design)),
        ("For statsmodels", call_in_words(t)),
        ("Notes", list(t.notes)),
    ]
    return "\n".join(_section(title, lines) for title, lines in sections if lines).rstrip()


def explain_html(t: Translation) -> str:
    """The same for a notebook, with the equation."""
    parts = [
        f"<p><code>{html.escape(str(t.design.formula))}</code></p>",
        f"$${html.escape(t.latex)}$$",
    ]
    for title, lines in (
        ("In words", sentences(t.design)),
        ("How the groups lie", groups_in_words(t.design)),
        ("For statsmodels", call_in_words(t)),
        ("Notes", list(t.notes)),
    ):
        if lines:
            items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
            parts.append(f"<p><b>{title}</b></p><ul>{items}</ul>")
    return "".join(parts)


def _section(title: str, lines: list[str]) -> str:
    wrapped = [
        textwrap.fill(line, WIDTH, initial_indent="  - ", subsequent_indent="    ",
                      break_on_hyphens=False)
        for line in lines
    ]  # fmt: skip
    return "\n".join([title, *wrapped]) + "\n"


def sentences(design: Design) -> list[str]:
    """One sentence for the fixed part, one for each term, one for the residual."""
    response = design.formula.response
    names = [name for name in design.fixed_names if name != "Intercept"]
    start = "an overall intercept" if "Intercept" in design.fixed_names else "no intercept"
    effects = f" and the same effect of {_listed(names)} for everyone" if names else ""
    found = [f"Fixed part: {response} has {start}{effects}."]
    for grouping in design.groupings:
        for block in grouping.blocks:
            found.append(_random_sentence(response, grouping, block))
    found.append(
        "Residual: what is left differs from row to row, with one variance. Effects of different "
        "groupings, and the residual, are independent of each other."
    )
    return found


def _random_sentence(response: str, grouping: Grouping, block: tuple[int, ...]) -> str:
    names = [grouping.effects[j] for j in block]
    slopes = [name for name in names if name != "Intercept"]
    levels = f"each of the {grouping.n_levels:,} levels of {grouping.name}"
    effects = " | ".join(
        [" + ".join(["1" if n == "Intercept" else n for n in names]), grouping.name]
    )
    if not slopes:
        return (
            f"({effects}): {levels} lies above or below the average {response} by an amount of its "
            "own; one variance says how much these amounts differ."
        )
    what = f"its own effect of {_listed(slopes)}"
    if "Intercept" in names:
        what = f"its own intercept and {what}"
    if len(names) == 1:
        return f"({effects}): {levels} has {what}, with one variance."
    covariances = len(names) * (len(names) - 1) // 2
    return (
        f"({effects}): {levels} has {what}; {len(names)} variances, and {covariances} "
        f"covariance{'s' if covariances > 1 else ''} that say how these go together within a level."
    )


def groups_in_words(design: Design) -> list[str]:
    """Which grouping lies in which, and which cross."""
    found = []
    groupings = design.groupings
    for i, inner in enumerate(groupings):
        for j, outer in enumerate(groupings):
            if i == j or inner.n_levels < outer.n_levels:
                continue
            both = design.nested[i, j] and design.nested[j, i]
            if both and i < j:
                found.append(f"{inner.name} and {outer.name} are the same groups.")
            elif not both and design.nested[i, j]:
                found.append(
                    f"{inner.name} is nested in {outer.name}: each of the {inner.n_levels:,} lies in "
                    f"one of the {outer.n_levels:,}."
                )
            elif (
                not both and not design.nested[j, i] and (inner.n_levels > outer.n_levels or i < j)
            ):
                found.append(f"{inner.name} and {outer.name} cross.")
    return found


def call_in_words(t: Translation) -> list[str]:
    lines = []
    if t.prepare:
        made = "; ".join(
            f"{name}: " + ("the independent blocks of the data" if e == "blocks" else e)
            for name, e in t.prepare.items()
        )
        lines.append(f"a column made first: {made}")
    lines.append(f"groups={t.groups!r}: rows of different {t.groups} are independent of each other")
    if t.re_formula is not None:
        several = ", correlated" if t.re_formula != "1" else " (the intercept)"
        lines.append(f"re_formula={t.re_formula!r}: what varies by {t.groups}{several}")
    for key, value in (t.vc_formula or {}).items():
        lines.append(f"vc_formula[{key!r}] = {value!r}: one variance, independent of all others")
    return [*lines, *t.gaps]


def gap(layout: Layout, effects: Effects) -> str:
    """Why MixedLM has no place for these correlated effects, and the way out."""
    grouping = layout.design.groupings[effects.grouping]
    names = [grouping.effects[j] for j in effects.block]
    effect_list = _listed(["intercept" if name == "Intercept" else name for name in names])
    if layout.top is None:
        where = "MixedLM has correlated effects only for groups that contain all others"
    else:
        top = layout.design.groupings[layout.top].name
        where = f"MixedLM has correlated effects only at the top level ({top}), one set of them"
    sentence = f"{effect_list} of {grouping.name} are correlated, and {where}."
    if len(names) == 2 and "Intercept" in names:
        slope = next(name for name in names if name != "Intercept")
        sentence += (
            f" The way out: with {slope} centred at c = -covariance / variance of the slope, "
            "intercept and slope are unrelated and two variance components do; mixedlm estimates "
            "the covariance, and its fit.statsmodels uses that c."
        )
    else:
        sentence += (
            " The way out: mixedlm estimates their covariances, and its fit.statsmodels gives "
            "MixedLM combinations of these columns whose effects are unrelated."
        )
    return sentence


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


# -- LaTeX ------------------------------------------------------------------------------------


def latex(design: Design) -> str:
    """The model as an aligned equation.

    Returns
    -------
    str
        For MathJax or a LaTeX document: an ``aligned`` block without dollar signs.
    """
    fixed = [_times(rf"\beta_{{{j}}}", name) for j, name in enumerate(design.fixed_names)]
    random, distributions = [], []
    for grouping in design.groupings:
        label = _text(grouping.name)
        for j, name in enumerate(grouping.effects):
            random.append(_times(rf"u^{{{label}}}_{{{j}[i]}}", name))
        for block in grouping.blocks:
            distributions.append(_distribution(block, label, grouping))
    response = rf"{_text(design.formula.response)}_i"
    lines = [rf"{response} &= {' + '.join([*fixed, *random])} + \varepsilon_i"]
    lines += [*distributions, r"\varepsilon_i &\sim \mathcal{N}(0,\ \sigma^2)"]
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


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
    return coefficient if name == "Intercept" else rf"{coefficient}\,{_text(name)}_i"


def _text(name: str) -> str:
    """A name in upright letters (MathJax would show a backslash before _ inside a text)."""
    for char in "\\{}^~'":
        name = name.replace(char, " ")
    for char in "_%$#& ":
        name = name.replace(char, rf"\{char}")
    return rf"\mathrm{{{name}}}"
