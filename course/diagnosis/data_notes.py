"""Findings about the predictors' units and the groups' labels, for `course.diagnose`."""

from __future__ import annotations

from course.design import notes as findings
from course.design.design import Design
from course.diagnosis.finding import Finding

UNIT_SD = (1e-3, 1e3)
TOLD_TOGETHER = "Variances that cannot be told apart"


def data_findings(design: Design) -> list[Finding]:
    """What `course.design.notes` and the units of the predictors have to say, with what to do."""
    return [*_units(design), *_data_notes(design)]


def _units(design: Design) -> list[Finding]:
    sd = design.X.std(axis=0)
    far = [
        f"{name} (SD {s:.2g})"
        for name, s in zip(design.fixed_names, sd, strict=True)
        if s > 0 and not UNIT_SD[0] <= s <= UNIT_SD[1]
    ]
    if not far:
        return []
    return [
        Finding(
            "Predictors in unhandy units",
            f"These vary by very small or very large numbers: {', '.join(far)}.",
            "The fit does not suffer (predictors are standardised inside), but coefficients per unit "
            "are then too small or too large to read, and other software may not converge.",
            "Use thousands, millions or SDs as the unit.",
            "The unit, beside the coefficient.",
            "note",
        )
    ]


_NOTES = (
    (
        findings.columns_left_out,
        "A fixed effect cannot be estimated",
        "Combinations of labels that no row has, and columns that repeat others, have no effect of their "
        "own; the coefficients that stay take its place, and may mean something else.",
        "Where it is a repetition, leave it out of the formula. Where it is a combination without rows, "
        "read means of the combinations that there are, or leave out the interaction.",
        "Which combinations have no rows, or which column was left out.",
        "caution",
    ),
    (
        findings.far_zero,
        "The zero of a predictor lies outside the data",
        "Intercepts, their variances and their correlations with slopes are about a place where "
        "there are no rows.",
        "Centre the predictor at a value that one would speak about.",
        "At which value of the predictor intercepts and their variance are meant.",
        "note",
    ),
    (
        findings.flat_slopes,
        "A random slope of a predictor that does not vary inside the groups",
        "No group can show a slope of its own.",
        "Leave the slope out, or let it vary at a higher level.",
        "Nothing, once it is out.",
        "caution",
    ),
    (
        findings.reused_labels,
        "Labels are used again in every group",
        "Rows that have nothing to do with each other share a random effect.",
        "Write the combination of both columns as the group.",
        "How groups were identified.",
        "caution",
    ),
    (
        findings.same_groups,
        "Two terms are the same groups",
        "The two variances cannot be told apart; only their sum can.",
        "Keep one of the terms.",
        "Nothing, once one is out.",
        "problem",
    ),
    (
        findings.shared_variances,
        TOLD_TOGETHER,
        "Each of these SDs, and each group's effects, could be others and fit as well.",
        "Leave out what the others can say, or simplify a term.",
        "Nothing of them; the sums are known.",
        "problem",
    ),
    (
        findings.no_common_level,
        "A correlation that no group can show",
        "The number shown is where the search ended.",
        "Write the effects as terms of their own.",
        "Nothing of this correlation.",
        "note",
    ),
    (
        findings.almost_nested,
        "Some groups lie in more than one larger group",
        "Nested or crossed decides what the variances mean.",
        "Find out whether they moved or whether a label was used twice.",
        "How many moved.",
        "note",
    ),
    (
        findings.numbers_as_levels,
        "A factor of many levels whose labels are numbers",
        "Each level has a coefficient of its own; where a slope was meant, this is another model.",
        "Make it numbers, or keep it where each level is to differ as it likes.",
        "Whether it is a number or a factor in the model.",
        "caution",
    ),
    (
        findings.weights_far_from_one,
        "No row has a weight near 1",
        "The residual is that of a row of weight 1, and every share of the variance is set against it.",
        "Divide the weights by their mean, unless a row of weight 1 is what you mean.",
        "What a row of weight 1 is.",
        "note",
    ),
    (
        findings.rows_left_out,
        "Rows are left out",
        "The estimates are about the complete rows, which may differ from the others.",
        "Compare both kinds; think of multiple imputation where many are missing.",
        "How many rows are missing, in which columns, and what is known of why.",
        "note",
    ),
)


def _data_notes(design: Design) -> list[Finding]:
    return [
        Finding(title, seen, why, do, report, severity)
        for look, title, why, do, report, severity in _NOTES
        for seen in look(design)
    ]
