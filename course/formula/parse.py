"""Text to `Formula`: what an lme4-style formula says, before any data are seen."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import TYPE_CHECKING

from course.errors import CourseError
from course.formula.grammar import Parser
from course.formula.r_calls import in_python
from course.formula.terms import Formula, RandomTerm

if TYPE_CHECKING:
    import patsy

__all__ = [
    "Formula",
    "RandomTerm",
    "effect_terms",
    "parse_formula",
    "powers_of",
    "ratios_of",
    "random_term",
    "terms_of",
    "variables_of",
]
NEEDS_COLUMNS = re.compile(r"(?<![\w.])(?:\.(?![\w.])|pi\b)")  # a lone dot; a column called pi
MAX_LENGTH = 5_000  # characters; a longer formula is a file read by mistake, or mischief


def parse_formula(text: str, columns: Collection[object] | None = None) -> Formula:
    """Read an lme4-style formula, in R's spelling or in Python's.

    Parameters
    ----------
    text : str
        For instance ``"test_score ~ age + sex + (age|classroom) + (1|school)"``.
    columns : collection, optional
        The columns of the data, in order: a lone ``.`` stands for all but those of the response.

    Returns
    -------
    Formula
        A value: equal formulas compare equal, and `str` writes one down again.

    Raises
    ------
    CourseError
        Where the text is not such a formula; the message points to the place and says what to write instead.

    Examples
    --------
    >>> f = parse_formula("score ~ age + (age || province/school)")
    >>> f.response, f.fixed
    ('score', 'age')
    >>> [str(term) for term in f.random]
    ['(age || province)', '(age || province:school)']
    >>> print(parse_formula("log(score) ~ poly(age, 2) + I(ses^2) + (1|school.id)"))
    np.log(score) ~ poly(age, 2) + I(ses**2) + (1 | `school.id`)
    >>> print(parse_formula("score ~ . - school + (1|school)", ["score", "age", "sex", "school"]))
    score ~ (age + sex + school) - school + (1 | school)
    >>> parse_formula("score ~ age + 1|school")
    Traceback (most recent call last):
    ...
    course.errors.CourseError: a bar outside parentheses, at `|school`: Python would read it as a \
bitwise OR. Put the random term in parentheses, as in (1|school)
    """
    _refuse_unreadable(text, "test_score ~ age + (1|school)")
    if columns is None or not NEEDS_COLUMNS.search(text):
        return _parse(text, None)
    return _parse(text, tuple(columns))


def random_term(effects: str, group: tuple[str, ...]) -> RandomTerm:
    """The random term of these effects by this group.

    Parameters
    ----------
    effects : str
        A right-hand side, with or without its ~, as in ``re_formula="~ 1 + age"``.
    group : tuple of str
        The columns whose combined labels make the groups.

    Raises
    ------
    CourseError
        Where the text is no right-hand side, or has random terms itself.

    Examples
    --------
    >>> print(random_term("~ 1+age", ("school",)))
    (1 + age | school)
    """
    _refuse_unreadable(effects, "~1 + age")
    text = effects.strip().removeprefix("~")
    if not text.strip():
        raise CourseError(f"{effects!r} names no effect: write at least 1, the intercept")
    parser = Parser(text)
    node = parser.right_side()
    if node.random:
        raise CourseError(
            f"re_formula={effects!r}: only what comes before the bar belongs here, not (1|g)"
        )
    effect_terms(node.text)  # patsy has rules of its own
    variables, categorical = tuple(parser.variables), frozenset(parser.categorical)
    return RandomTerm(node.text, group, True, variables, categorical)


def _refuse_unreadable(text: object, example: str) -> None:
    if not isinstance(text, str):
        raise CourseError(f"a formula is a text such as '{example}', not a {type(text).__name__}")
    if len(text) > MAX_LENGTH:
        raise CourseError(f"a formula of {len(text)} characters; at most {MAX_LENGTH} are read")
    call = in_python(text)
    if call:
        raise CourseError(call)
    half = next((char for char in text if 0xD800 <= ord(char) <= 0xDFFF), None)
    if half:
        raise CourseError(
            f"{half!r} in the formula is not a character but a byte that could not be read: was the text "
            "opened with another encoding than it was saved with?"
        )


@lru_cache(maxsize=256)  # studies fit one formula thousands of times
def _parse(written: str, columns: tuple | None) -> Formula:
    formula = Parser(written, columns).formula()
    # patsy has rules of its own
    for text in (f"{formula.response} ~ {formula.fixed}", *(t.effects for t in formula.random)):
        terms_of(text)
    return formula


def effect_terms(effects: str) -> list[patsy.desc.Term]:
    """The terms of a right-hand side, e.g. those of ``1 + age + sex`` (patsy objects)."""
    return terms_of(effects).rhs_termlist


@lru_cache(maxsize=256)  # patsy takes a millisecond, and is asked by whoever reads a formula
def terms_of(text: str) -> patsy.ModelDesc:
    """What patsy reads in a formula without bars; one object for all who ask, which nobody changes.

    Raises
    ------
    CourseError
        Where patsy refuses it, as it does ``(x + 1):z``.
    """
    import patsy  # here: who only loads data, or checks a number, need not wait for it

    try:
        return patsy.ModelDesc.from_formula(text)
    except patsy.PatsyError as error:
        raise CourseError(f"`{text[:60]}` cannot be read: {error.message}") from error
    except RecursionError as error:
        raise CourseError(f"`{text[:60]}` has too many terms") from error


def variables_of(effects: str) -> tuple[str, ...]:
    """The columns that a right-hand side is computed from."""
    parser = Parser(effects)
    parser.sum()
    return tuple(parser.variables)


def variables_of_response(response: str) -> tuple[str, ...]:
    """The columns that a left-hand side is computed from.

    Examples
    --------
    >>> variables_of_response("cbind(passed, failed)"), variables_of_response("np.log(score)")
    (('passed', 'failed'), ('score',))
    """
    parser = Parser(f"{response} ~ 1")
    parser.response()
    return tuple(parser.variables)


def powers_of(effects: str) -> tuple[str, ...]:
    """The single columns and calls that a right-hand side raises to a power, as patsy is told of them.

    Examples
    --------
    >>> powers_of("age + age**2 + np.log(income)^3 + (sex + grade)**2 + I(grade**2)")
    ('age', 'np.log(income)')
    """
    parser = Parser(effects)
    parser.sum()
    return tuple(parser.powers)


def ratios_of(effects: str) -> tuple[tuple[str, str], ...]:
    """The pairs of single columns and calls that a right-hand side has a / between.

    Examples
    --------
    >>> ratios_of("age/sex + I(income/rent)")
    (('age', 'sex'),)
    """
    parser = Parser(effects)
    parser.sum()
    return tuple(parser.ratios)
