"""``PV*MATH ~ escs + (1|school)``: one formula for each plausible value, ``PV1MATH`` to ``PV10MATH``.

A star left of the ~ is a wildcard where it joins no columns: ``*`` stands for a number, so that the pattern
names all columns that differ in that number alone. Between two columns (``score*weight ~ ...``), or a column
and a number, it multiplies, as anywhere in R. So only who knows the columns can tell, and nothing of it is in
the grammar: the pattern is replaced by each column's name before the formula is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from course.common.nearest import nearest
from course.common.wording import listing
from course.errors import CourseError
from course.formula.expressions import TEXT, column_code
from course.formula.grammar import LEFT_SIDE
from course.formula.parse import MAX_LENGTH, NEEDS_COLUMNS, parse_formula, variables_of
from course.formula.terms import Formula, as_written

STAR = re.compile(
    rf"{TEXT}|`[^`]*`|(?<![\w.*)`])(?P<star>[\w.]+\*[\w.]*|\*[\w.]+)(?![\w.*(`])",
)
NUMBER = re.compile(r"\d+")
MOST_SHOWN = 6  # families of columns in a message


@dataclass(frozen=True)
class PlausibleValues:
    """A pattern left of the ~, and the columns that it names.

    Attributes
    ----------
    pattern : str
        As it was written: ``"PV*MATH"``.
    columns : tuple of str
        In the order of their numbers, at least two.
    responses : tuple of str
        What stands left of the ~ with each of the columns in the place of the pattern, in patsy's language.
    """

    pattern: str
    columns: tuple[str, ...]
    responses: tuple[str, ...]

    @property
    def in_words(self) -> str:
        """``10 plausible values (PV1MATH to PV10MATH)``; a number that is left out is told."""
        before, after = self.pattern.split("*")
        by_number = {int(name[len(before) : len(name) - len(after)]): name for name in self.columns}
        first, last = by_number[min(by_number)], by_number[max(by_number)]
        joint = " to " if len(self.columns) > 2 else " and "
        left_out = sorted({*range(min(by_number), max(by_number))} - {*by_number})[:MOST_SHOWN]
        gaps = f", without the number {listing(list(map(str, left_out)))}" if left_out else ""
        return f"{len(self.columns)} plausible values ({first}{joint}{last}{gaps})"

    def in_formula(self, formula: Formula) -> Formula:
        """The formula that was read for the first of the columns, with the pattern in its place again.

        Examples
        --------
        >>> formula, found = read_formula("log(pv*) ~ 1 + (1|g)", ["pv1", "pv2"])
        >>> print(found.in_formula(formula))
        np.log(pv*) ~ 1 + (1 | g)
        """
        response = _with_pattern(formula.response, self.columns[0], self.pattern)
        return replace(formula, response=response)


def read_formula(
    text: str | Formula, columns: Collection[object], aside: Collection[object] = ()
) -> tuple[Formula, PlausibleValues | None]:
    """Read a formula for data with these columns; for the first plausible value where it names several.

    A lone dot does not stand for the columns in `aside`, such as weights.

    Raises
    ------
    CourseError
        As `parse_formula`; for a pattern that matches one column or none, several different patterns, and a
        pattern right of the ~.

    Examples
    --------
    >>> formula, found = read_formula("PV*MATH ~ escs", ["PV10MATH", "PV2MATH", "PV1MATH", "escs"])
    >>> found.columns, formula.response
    (('PV1MATH', 'PV2MATH', 'PV10MATH'), 'PV1MATH')
    >>> read_formula("score*weight ~ age", ["score", "weight", "age"])[0].response
    'I(score*weight)'
    """
    if isinstance(text, Formula):
        return text, None
    found = _find_pattern(text, columns) if isinstance(text, str) else None
    others = [column for column in columns if column not in aside]
    if found is None:
        return parse_formula(text, others), None
    pattern, matched = found
    formulas = [
        # a lone dot stands for the other columns, and not for other plausible values
        parse_formula(
            _replaced(text, pattern, as_written(name)),
            [column for column in others if column == name or column not in matched],
        )
        for name in matched
    ]
    responses = tuple(formula.response for formula in formulas)
    return formulas[0], PlausibleValues(pattern, tuple(matched), responses)


def plausible_values(responses: Sequence[str]) -> PlausibleValues | None:
    """What responses in patsy's language have in common that differ in one number; None for others.

    Examples
    --------
    >>> found = plausible_values(["np.log(PV1MATH)", "np.log(PV2MATH)", "np.log(PV10MATH)"])
    >>> found.pattern, found.columns
    ('PV*MATH', ('PV1MATH', 'PV2MATH', 'PV10MATH'))
    >>> plausible_values(["PV1MATH", "PV1READ"])
    """
    columns = [variables_of(response) for response in responses]
    differ = [names for names in zip(*columns, strict=False) if len(set(names)) == len(responses)]
    for names in differ:
        for pattern in _families(names):
            pairs = zip(responses, names, strict=True)
            same = {_with_pattern(response, name, pattern) for response, name in pairs}
            if len(_matched(pattern, names)) == len(names) and len(same) == 1:
                return PlausibleValues(pattern, names, tuple(responses))
    return None


def _with_pattern(response: str, column: str, pattern: str) -> str:
    """A response in patsy's language, with the pattern in the place of a column."""
    return re.sub(rf"(?<![\w.]){re.escape(column_code(column))}(?!\w)", pattern, response)


def needs_columns(text: str) -> bool:
    """Whether a formula can be read only by who knows the columns of the data.

    Examples
    --------
    >>> needs_columns("PV*MATH ~ escs"), needs_columns("score ~ ."), needs_columns("score ~ a*b")
    (True, True, False)
    """
    return bool(NEEDS_COLUMNS.search(text) or _stars(_sides(text)[0]))


def _sides(text: str) -> tuple[str, str]:
    """What stands left of the ~, and the rest with it; nothing on the left of what is no formula."""
    left = LEFT_SIDE.match(text) if len(text) <= MAX_LENGTH else None
    return (left[0], text[left.end() :]) if left else ("", text)


def _find_pattern(text: str, columns: Collection[object]) -> tuple[str, list[str]] | None:
    """The pattern left of the ~, and the columns that it names; None where there is none."""
    left, right = _sides(text)
    if not left or "*" not in text:
        return None
    names = [name for name in columns if isinstance(name, str)]
    _refuse_on_the_right(right, names)
    patterns = list(dict.fromkeys(p for p in _stars(left) if not _multiplies(p, names)))
    if not patterns:
        return None
    if len(patterns) > 1:
        raise CourseError(
            f"{listing(patterns)} left of ~: one pattern at a time, since each has its own numbers"
        )
    (pattern,) = patterns
    matched = _matched(pattern, names)
    if not matched:
        raise CourseError(_no_column(pattern, names))
    if len(matched) == 1:
        raise CourseError(
            f"{pattern} matches one column only, {matched[0]}, and one plausible value has nothing to be "
            "pooled with: read the others, too; or write "
            f"{as_written(matched[0])} for a fit to it alone, whose standard errors are too small"
        )
    return pattern, matched


def _replaced(text: str, pattern: str, name: str) -> str:
    """The formula with the name in the place of the pattern."""
    left, right = _sides(text)
    return STAR.sub(lambda match: name if match["star"] == pattern else match[0], left) + right


def _stars(text: str) -> list[str]:
    return [match["star"] for match in STAR.finditer(text) if match["star"]]


def _multiplies(star: str, names: Collection[str]) -> bool:
    """Whether a star stands between columns and numbers; or between what may be columns misspelt."""
    before, after = star.split("*")
    known = [part in names or part.replace(".", "").isdigit() for part in (before, after)]
    if not (before and after):
        return False
    return all(known) or (any(known) and not _matched(star, names))


def _matched(star: str, names: Collection[str]) -> list[str]:
    """The columns that differ in the number alone that the star stands for, in the order of it."""
    before, after = map(re.escape, star.split("*"))
    found = [
        (int(m[1]), name) for name in names if (m := re.fullmatch(f"{before}(\\d+){after}", name))
    ]
    return [name for _, name in sorted(found)]


def _families(names: Collection[str]) -> Counter[str]:
    """Patterns that match several columns, and how many."""
    found: Counter[str] = Counter()
    for name in names:
        found.update({name[: m.start()] + "*" + name[m.end() :] for m in NUMBER.finditer(name)})
    return Counter({pattern: count for pattern, count in found.items() if count > 1})


def _no_column(pattern: str, names: Collection[str]) -> str:
    families = _families(names)
    text = f"no column matches {pattern}, in which * stands for a number, as in PV*MATH for PV1MATH"
    meant = nearest(pattern, families)
    if meant:
        return text + meant
    shown = [f"{family} ({count} columns)" for family, count in families.most_common(MOST_SHOWN)]
    return (
        f"{text}; numbered columns of the data are {listing(shown)}"
        if shown
        else text + ("; the data have no numbered columns")
    )


def _refuse_on_the_right(right: str, names: Collection[str]) -> None:
    for star in _stars(right):
        before, after = star.split("*")
        matched = _matched(star, names)
        if len(matched) > 1 and not _multiplies(star, names) and {before, after}.isdisjoint(names):
            raise CourseError(
                f"{star} right of ~ would be a predictor with {len(matched)} plausible values. Their mean is "
                "no substitute for them; give each fit its own and pool the fits: "
                f'pool([mixedlm("... ~ pv + ...", data.assign(pv=data[name])).fit() for name in '
                f"[{matched[0]!r}, {matched[1]!r}{', ...' if len(matched) > 2 else ''}]])"
            )
