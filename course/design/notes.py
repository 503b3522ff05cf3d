"""Notes: what the data say about the groups that the formula does not."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pandas as pd

from course.common.wording import count, listing
from course.design.checks import constant_weights
from course.design.columns import is_number
from course.design.design import Design
from course.design.groups import FEW_LEVELS, STRAY_SHARE, lies_in, occurring, relation
from course.design.identification import RESIDUAL, Shared
from course.design.matrices import REMEMBERING
from course.design.weights import weights_range
from course.formula.expressions import column_code, quoted_column
from course.formula.parse import effect_terms, powers_of, ratios_of
from course.formula.terms import as_written

MANY_LEVELS = 20  # of a factor whose labels are numbers
FEW_TEXTS = 5  # labels among them that are none, such as "refused"


def find_notes(design: Design, by_row: bool = True) -> tuple[str, ...]:
    """What is worth telling of these data under this formula, one sentence or two each.

    Parameters
    ----------
    design : Design
    by_row : bool
        Whether also what takes the single rows, which are not in memory where a file was streamed.

    Returns
    -------
    tuple of str
        Empty where nothing stands out.
    """
    looks = (
        rows_left_out,
        weights_far_from_one,
        learnt_from_complete_rows,
        columns_left_out,
        reused_labels,
        same_groups,
        shared_variances,
        no_common_level,
        almost_nested,
        few_levels,
        *((flat_slopes, far_zero) if by_row else ()),
        powers,
        ratios,
        number_labels,
        numbers_as_levels,
        ordered_factors,
    )
    return tuple(note for look in looks for note in look(design))


def rows_left_out(design: Design) -> list[str]:
    if not design.missing:
        return []
    columns = ", ".join(f"{name} ({count})" for name, count in design.missing.items())
    left_out = design.rows_given - design.n
    return [
        f"{left_out:,} of {design.rows_given:,} rows {'is' if left_out == 1 else 'are'} left out for "
        f"missing values in {columns}.{_why_missing(design)}"
    ]


def _why_missing(design: Design) -> str:
    """``12 rows: age is 'refused'.``, where the file of the data says so."""
    said, unknown = [], []
    for name, reasons in design.reasons.items():
        for reason, rows in reasons.items():
            if rows is None:
                unknown.append(f"'{reason}' for {name}")
            else:
                said.append(f"{count(rows, 'row')}: {name} is '{reason}'")
    counted = f" {'; '.join(said)}." if said else ""
    if unknown:
        counted += (
            f" Among the reasons in the file are {listing(unknown)}; the rows have been renumbered, so "
            "they cannot be counted."
        )
    return counted


def weights_far_from_one(design: Design) -> list[str]:
    """The residual's variance, its share and the ICC are those of a row that the data have not."""
    weights = design.weights
    if weights is None or weights.min() <= 1 <= weights.max():
        return []
    return [
        f"The weights {design.weights_name} are {weights_range(weights)}, and no row has one near 1. The "
        "residual's variance, shares, ICC and R² are those of a row of weight 1: a single pupil, where "
        "weights count pupils. With weights divided by their mean they are those of an average row, and all "
        "else stays."
    ]


def columns_left_out(design: Design) -> list[str]:
    """Empty cells, and columns that others determine: why a fixed effect has no estimate."""
    return list(dict.fromkeys(design.aliased.reasons))


def learnt_from_complete_rows(design: Design) -> list[str]:
    """R computes means, knots and limits before it leaves rows out."""
    if design.rows_given == design.n:
        return []
    calls = design.formula.names & REMEMBERING
    if not calls:
        return []
    return [
        f"The means, knots and limits of {listing(sorted(calls))} are those of the {design.n:,} complete "
        "rows. R takes them from every row that has the column, also from those left out for another one: "
        "its coefficients, and with knots its curve, differ a little."
    ]


def reused_labels(design: Design) -> list[str]:
    """Rooms 1-4 in every school: one label, many rooms."""
    notes = []
    alone = {grouping.name: grouping for grouping in design.groupings if len(grouping.factors) == 1}
    for one, other in combinations(alone, 2):
        pair = relation(one, alone[one].codes, other, alone[other].codes)
        if pair.how != "restarting":
            continue
        inner, outer = alone[pair.inner], pair.outer
        within, around = as_written(pair.inner), as_written(outer)
        n_pairs = len(occurring(alone[one].codes, alone[other].codes)[0])
        note = (
            f"The labels of {inner.name} are used again in every {outer}: {inner.n_levels} "
            f"labels, but {n_pairs:,} combinations. (1|{within}) ties together the rows "
            f"of every {outer} that share a label. If {inner.name} "
            f"'{inner.levels[0]}' of one {outer} has nothing to do with that of another, "
            f"write (1|{around}:{within}) instead."
        )
        if pair.both:
            note += (
                f" The data allow the other reading as well: if the labels of {outer} are the ones "
                f"that start again in every {inner.name}, write (1|{within}:{around}) instead of "
                f"(1|{around})."
            )
        notes.append(note)
    return notes


def same_groups(design: Design) -> list[str]:
    notes = []
    groupings = design.groupings
    for i in range(len(groupings)):
        for j in range(i):
            if design.nested[i, j] and design.nested[j, i]:
                shared = set(groupings[i].effects) & set(groupings[j].effects)
                if shared:
                    notes.append(
                        f"{groupings[j].name} and {groupings[i].name} are the same "
                        f"{groupings[i].n_levels} groups: only the sum of their variances is "
                        "identified. Keep one of the two terms."
                    )
    return notes


def shared_variances(design: Design) -> list[str]:
    """An intercept in two terms, or one beside a variance for each label."""
    notes = []
    for shared in design.shared_by_ml:
        used = {one.grouping for one in shared.unknown if one != RESIDUAL}
        if not shared.known or (len(used) > 1 and design.nested[np.ix_([*used], [*used])].all()):
            continue  # `no_common_level` and `same_groups` have words for these
        terms = overlapping_terms(design, shared)
        sums = (
            "sums of variances and covariances" if has_covariance(shared) else "sums of variances"
        )
        if len(terms) == 1:
            notes.append(
                f"{terms[0]} has more variances and covariances than its levels can tell apart: the data "
                f"determine {sums}, but not each of them. Leave out an effect."
            )
            continue
        mend = (
            f"Leave out {listing(spare_terms(design, shared))}."
            if shared.spare
            else "Simplify one of them."
        )
        if len(set(terms)) == 1:
            notes.append(
                f"{terms[0]} appears in the formula {len(terms)} times. The data determine {sums}, but not "
                "each of them. Keep one."
            )
            continue
        notes.append(
            f"{listing(terms)} overlap: what one gives up another can take over, and the likelihood stays "
            f"the same. The data determine {sums}, but not each of them. {mend}"
        )
    return notes


def no_common_level(design: Design) -> list[str]:
    """Women and men each with a variance between subjects, and a correlation that nobody can have."""
    notes = []
    for shared in design.shared_by_ml:
        for g, i, j in () if shared.known else shared.unknown:
            one, other = (design.groupings[g].labels[k] for k in (i, j))
            notes.append(
                f"No level of {design.groupings[g].name} shows how {one} and {other} go together, so their "
                "correlation is unknown, whatever number is shown. Make columns of 0 and 1 to write them as "
                "separate terms."
            )
    return notes


def overlapping_terms(design: Design, shared: Shared) -> list[str]:
    """The terms whose (co)variances these are, and the residual where it is among them."""
    terms = [
        str(grouping.term(b))
        for g, grouping in enumerate(design.groupings)
        for b, block in enumerate(grouping.blocks)
        if any(one.grouping == g and one.i in block for one in shared.unknown)
    ]
    return [*terms, "the residual"] if RESIDUAL in shared.unknown else terms


def spare_terms(design: Design, shared: Shared) -> list[str]:
    """The terms that may be left out."""
    terms = [
        str(grouping.term(b)) for grouping in design.groupings for b in range(len(grouping.blocks))
    ]
    return [terms[number] for number in shared.spare]


def has_covariance(shared: Shared) -> bool:
    """Whether these are not variances alone."""
    return any(one.i != one.j for one in shared.unknown)


def almost_nested(design: Design) -> list[str]:
    """A classroom that lies in two schools, where all others lie in one."""
    notes = []
    for inner, outer in permutations(design.groupings, 2):
        if inner.n_levels <= outer.n_levels or lies_in(inner.codes, outer.codes):
            continue
        outers = np.bincount(occurring(inner.codes, outer.codes)[0])
        several = np.flatnonzero(outers > 1)
        if 0 < len(several) <= STRAY_SHARE * inner.n_levels:
            shown = ", ".join(_label(inner.levels[i]) for i in several[:3])
            more = f" and {len(several) - 3} more" if len(several) > 3 else ""
            one = len(several) == 1
            both = ":".join(map(as_written, dict.fromkeys((*outer.factors, *inner.factors))))
            notes.append(
                f"{len(several)} of {inner.n_levels:,} {inner.name} levels "
                f"{'lies' if one else 'lie'} in more than one {outer.name} ({shown}{more}). If "
                f"{'it' if one else 'they'} really moved, the effects are crossed, and this is "
                f"right; if a label was used twice, write (1|{both})."
            )
    return notes


def few_levels(design: Design) -> list[str]:
    return [
        f"{grouping.name} has {grouping.n_levels} levels: a variance between so few is hardly known. "
        "Look at its interval before its estimate, or make it a fixed effect."
        for grouping in design.groupings
        if grouping.n_levels < FEW_LEVELS
    ]


def flat_slopes(design: Design) -> list[str]:
    """A predictor of the schools cannot have a slope within each school."""
    notes = []
    for grouping in design.groupings:
        for block in grouping.blocks:
            Z, names = grouping.Z[:, block], tuple(grouping.effects[j] for j in block)
            weights = constant_weights(Z, names)
            for at, name in enumerate(names):
                # an intercept, or that of one label's groups
                if weights is not None and weights[at]:
                    continue
                first = np.empty(grouping.n_levels)
                first[grouping.codes] = Z[:, at]
                if (first[grouping.codes] == Z[:, at]).all():
                    notes.append(
                        f"{name} does not vary within any level of {grouping.name}, so its slope there "
                        "rests on the differences between levels alone, which is rarely what is meant."
                    )
    return notes


def far_zero(design: Design) -> list[str]:
    """Intercept and slope correlate near -1 or 1 where zero is far from the data."""
    notes: dict[str | tuple[str, str], str] = {}
    for grouping in design.groupings:
        for block in grouping.blocks:
            beside = "Intercept" in [grouping.effects[j] for j in block]
            if "Intercept" not in grouping.effects:
                continue
            for j in block:
                name, column = grouping.effects[j], grouping.Z[:, j]
                mean, sd = column.mean(), column.std()
                if name == "Intercept" or sd == 0 or abs(mean) <= 4 * sd:
                    continue
                start = f"{name} is {mean:.4g} on average (SD {sd:.2g}), so its zero lies outside the data. "
                if beside:
                    notes[name] = start + (
                        f"The intercepts are predictions at {name} = 0, and they correlate with "
                        "the slopes near -1 or 1 for that reason alone; the fit is the same, but "
                        f"easier to read with {name} centred."
                    )
                else:
                    notes[name, grouping.name] = start + (
                        f"|| says that intercept and slope by {grouping.name} are unrelated at "
                        f"{name} = 0: another zero makes it another model. Centre {name} at a value "
                        "where that is plausible."
                    )
    return list(notes.values())


def powers(design: Design) -> list[str]:
    """In a formula x**2 is x, as in R: patsy crosses x with itself."""
    raised = {}
    for text in design.formula.right_sides:
        factors = {factor.name() for term in effect_terms(text) for factor in term.factors}
        for column in powers_of(text):
            if f"I({column} ** 2)" not in factors:  # who writes the square as well knows of it
                raised[column] = (
                    f"{column}**2 in a formula crosses {column} with itself, which is {column} (so it "
                    f"is in R): for its square write I({column}**2)."
                )
    return list(raised.values())


def ratios(design: Design) -> list[str]:
    """In a formula a/b is a + a:b, as in R; between two numbers that is seldom what is meant."""
    notes = {}
    for text in design.formula.right_sides:
        for one, other in ratios_of(text):
            if _is_numbers(one, design) and _is_numbers(other, design):
                notes[one, other] = (
                    f"{one}/{other} in a formula is {one} and its product with {other} (so it is in R): "
                    f"for the ratio write I({one}/{other})."
                )
    return list(notes.values())


def _is_numbers(code: str, design: Design) -> bool:
    """Whether a column or call of a formula has numbers, and no labels."""
    column = design.codings.columns.get(quoted_column(code) or code)
    if column is None:
        return not code.startswith(("C(", "cut("))
    return is_number(column)


def number_labels(design: Design) -> list[str]:
    names = [
        name
        for name in dict.fromkeys(f for g in design.groupings for f in g.factors)
        if pd.api.types.is_numeric_dtype(design.codings.columns[name].dtype)
        and not pd.api.types.is_bool_dtype(design.codings.columns[name].dtype)
    ]
    if not names:
        return []
    return [
        f"The labels of {', '.join(names)} are numbers. Here they are treated as labels; in "
        f"statsmodels' own formulas write C({column_code(names[0])}), or it will fit a slope to them."
    ]


def numbers_as_levels(design: Design) -> list[str]:
    """A factor of 446 levels, since one code among its numbers had a label."""
    notes = []
    for name in _bare_factors(design):
        column = design.codings.columns[name]
        if is_number(column) or pd.api.types.is_bool_dtype(column.dtype):
            continue
        levels = column.unique()
        others = [level for level in levels if not _is_number_text(level)]
        if len(levels) < MANY_LEVELS or len(others) > FEW_TEXTS:
            continue
        but = f", but for {listing([repr(str(level)) for level in others])}" if others else ""
        how = f"pd.to_numeric(data['{name}'].astype(str), errors='coerce')"
        if not others:
            how = f"data['{name}'].astype(float)"
        notes.append(
            f"{name} is a factor of {len(levels):,} levels whose labels are numbers{but}; for a slope write "
            f"data['{name}'] = {how}."
        )
    return notes


def ordered_factors(design: Design) -> list[str]:
    """R takes polynomials for an ordered factor; patsy, which statsmodels uses, compares with the first."""
    names = [
        name
        for name in _bare_factors(design)
        if isinstance(dtype := design.codings.columns[name].dtype, pd.CategoricalDtype)
        and dtype.ordered
    ]
    return [
        f"{name} is ordered: its levels are compared with the first of them, where R takes polynomials. "
        f"For R's coefficients write C({name}, Poly)."
        for name in names
    ]


def _bare_factors(design: Design) -> list[str]:
    """Columns that stand in the formula as they are, and not in C(...)."""
    formula, found = design.formula, {}
    for text in formula.right_sides:
        for term in effect_terms(text):
            for factor in term.factors:
                name = quoted_column(factor.name()) or factor.name()
                if name in design.codings.columns:
                    found[name] = True
    return list(found)


def _is_number_text(level: object) -> bool:
    try:
        float(str(level).replace(",", "."))
    except ValueError:
        return False
    return True


def _label(level: object) -> str:
    return ":".join(map(str, level)) if isinstance(level, tuple) else str(level)
