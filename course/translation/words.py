"""The model in words and as an equation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

from course.common.wording import count, listing
from course.design.design import Design
from course.design.grouping import Grouping
from course.design.weights import weights_range
from course.formula.plausible import PlausibleValues
from course.translation.call import Call, Gap
from course.translation.layout import Effects, Layout


def readings_in_words(readings: Sequence[tuple[str, str]]) -> list[str]:
    """What the formula spelt as R or Julia do, and what that is here."""
    return [f"{theirs} is {ours}" for theirs, ours in readings]


def sentences(design: Design) -> list[str]:
    """One sentence for the fixed part, one for each term, one for the residual."""
    variance = "with one variance"
    if design.weights is not None:
        variance = (
            f"and each row's residual variance is σ²/w, w its {design.weights_name} "
            f"({weights_range(design.weights)})"
        )
    residual = (
        f"Residual: what is left differs from row to row, {variance}. Effects of different "
        "groupings, and the residual, are independent of each other."
    )
    return [*sentences_of_effects(design, design.formula.response), residual]


def sentences_of_effects(design: Design, total: str) -> list[str]:
    """One sentence for the fixed part, one for each term; `total` is what all effects add up to."""
    names = [name for name in design.fixed_names if name != "Intercept"]
    start = "an overall intercept" if "Intercept" in design.fixed_names else "no intercept"
    effects = f" and the same effect of {listing(names)} for everyone" if names else ""
    fixed = f"{total} has {start}{effects}"
    if not design.fixed_names:
        fixed = f"none; the mean of {total} is 0"
    lines = [f"Fixed part: {fixed}."]
    if design.formula.offset:
        lines.append(f"Offset: {design.formula.offset} is added as it is, with no coefficient.")
    for grouping in design.groupings:
        for block in grouping.blocks:
            lines.append(_random_sentence(total, grouping, block))
    return lines


def _random_sentence(total: str, grouping: Grouping, block: tuple[int, ...]) -> str:
    names = [grouping.effects[j] for j in block]
    slopes = [name for name in names if name != "Intercept"]
    levels = f"each of the {grouping.n_levels:,} levels of {grouping.name}"
    effects = " | ".join(
        [" + ".join(["1" if n == "Intercept" else n for n in names]), grouping.name]
    )
    if not slopes:
        return (
            f"({effects}): {levels} lies above or below the average {total.removeprefix('the ')} by "
            "its own amount; one variance says how much these amounts differ."
        )
    what = f"its own effect of {listing(slopes)}"
    if "Intercept" in names:
        what = f"its own intercept and {what}"
    if len(names) == 1:
        return f"({effects}): {levels} has {what}, with one variance."
    covariances = len(names) * (len(names) - 1) // 2
    return (
        f"({effects}): {levels} has {what}; {len(names)} variances, and "
        f"{count(covariances, 'covariance')} that say how these go together within a level."
    )


def plausible_in_words(plausible: PlausibleValues) -> str:
    """What is done with several values for each row that might be the true one."""
    return (
        f"{plausible.pattern} stands for {plausible.in_words}: draws of what the value of each row may be. "
        f"The model is fitted to each of the {len(plausible.columns)} plausible values, and the fits are "
        "pooled by Rubin's rules: estimates are averaged, and standard errors grow by how much the estimates "
        "differ."
    )


def groups_in_words(design: Design) -> list[str]:
    """Which grouping lies in which, and which cross."""
    lines = []
    for i, j in permutations(range(len(design.groupings)), 2):
        inner, outer = design.groupings[i], design.groupings[j]
        if inner.n_levels < outer.n_levels:
            continue
        lies_inside, contains = design.nested[i, j], design.nested[j, i]
        first = inner.n_levels > outer.n_levels or i < j  # so that each pair is told of once
        if lies_inside and contains and first:
            lines.append(f"{inner.name} and {outer.name} are the same groups.")
        elif lies_inside and not contains:
            lines.append(
                f"{inner.name} is nested in {outer.name}: each of the {inner.n_levels:,} lies in "
                f"one of the {outer.n_levels:,}."
            )
        elif not lies_inside and not contains and first:
            lines.append(f"{inner.name} and {outer.name} are crossed.")
    return lines


def gap(layout: Layout, effects: Effects) -> Gap:
    """Why MixedLM has no place for these correlated effects, and the way out."""
    grouping = layout.design.groupings[effects.grouping]
    names = [grouping.effects[j] for j in effects.block]
    effect_list = listing(["intercept" if name == "Intercept" else name for name in names])
    if layout.top is None:
        where = "MixedLM has correlated effects only for groups that contain all others"
    else:
        top = layout.design.groupings[layout.top].name
        where = f"MixedLM has correlated effects only at the top level ({top}), one set of them"
    reason = f"{effect_list} of {grouping.name} are correlated, and {where}."
    if len(names) == 2 and "Intercept" in names:
        slope = next(name for name in names if name != "Intercept")
        way_out = (
            f"The way out: with {slope} centred at c = -covariance / variance of the slope, "
            "intercept and slope are unrelated and two variance components are enough; mixedlm estimates "
            "the covariance, and its fit.statsmodels uses that c."
        )
    else:
        way_out = (
            "The way out: mixedlm estimates their covariances, and its fit.statsmodels gives "
            "MixedLM combinations of these columns whose effects are unrelated."
        )
    return Gap(reason, way_out)


def call_in_words(call: Call) -> list[str]:
    """What each argument of the call means, and where it falls short."""
    lines = []
    if call.made:
        made = "; ".join(
            f"{column.name}: "
            + (
                "the independent blocks of the data"
                if column.kind == "blocks"
                else column.expression
            )
            for column in call.made
        )
        lines.append(f"a column made first: {made}")
    groups = call.groups
    lines.append(
        f"groups={groups!r}: rows of different levels of {groups} are independent of each other"
    )
    if call.re_formula is not None:
        how = " (the intercept)" if call.re_formula == "1" else ", correlated"
        lines.append(f"re_formula={call.re_formula!r}: what varies by {groups}{how}")
    for component in call.components:
        lines.append(
            f"vc_formula[{component.name!r}] = {component.formula!r}: one variance, independent of all "
            "others"
        )
    if call.weights is not None:
        lines.append(
            f"{call.weights}: MixedLM takes no weights; each row of the response, of the predictors (the "
            f"intercept is one) and of the random effects is multiplied by the root of its {call.weights}, "
            "which is the same model"
        )
    return [*lines, *map(str, call.gaps)]
