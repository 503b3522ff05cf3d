"""The values that a formula becomes: `Formula` and `RandomTerm`. They compare, hash and print as formulas."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from course.errors import CourseError
from course.formula.expressions import names_outside_texts, quoted_column


@dataclass(frozen=True)
class RandomTerm:
    """One random term: which effects vary, between the levels of which groups.

    Attributes
    ----------
    effects : str
        What varies, as the right-hand side of a patsy formula (``"age"`` includes the intercept).
    group : tuple of str
        The columns whose combined labels make the groups: ``("school", "classroom")`` for
        ``school:classroom``.
    correlated : bool
        True for ``(age|g)``; False for ``(age||g)``, whose effects are independent of each other.
    variables : tuple of str
        The columns that the effects are computed from.
    categorical : frozenset of str
        Those of them that stand inside ``C(...)``.
    """

    effects: str
    group: tuple[str, ...]
    correlated: bool = True
    variables: tuple[str, ...] = field(default=(), compare=False, repr=False)
    categorical: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    @property
    def group_name(self) -> str:
        return ":".join(self.group)

    @property
    def written_group(self) -> str:
        """The grouping as a formula has it, with backticks where a name needs them."""
        return ":".join(map(as_written, self.group))

    def __str__(self) -> str:
        bar = "|" if self.correlated else "||"
        return f"({self.effects} {bar} {self.written_group})"


@dataclass(frozen=True)
class Formula:
    """What the formula says: response, fixed part, random terms.

    Attributes
    ----------
    response, fixed : str
        The two sides of the fixed part, in patsy's language.
    random : tuple of RandomTerm
        With ``a/b`` already written out as ``a`` and ``a:b``.
    fixed_variables : tuple of str
        The columns that the response and the fixed part are computed from, in order of appearance.
    fixed_categorical : frozenset of str
        Those of them that stand inside ``C(...)``.
    offset : str
        What is added to the fixed part as it is, in parentheses and in Python; empty where there is none.
    readings : tuple of (str, str)
        What was spelt as in R or Julia, and how it was read, as in ``("log", "np.log")``.
    """

    response: str
    fixed: str
    random: tuple[RandomTerm, ...]
    # both follow from the texts, and are no part of the meaning
    fixed_variables: tuple[str, ...] = field(compare=False)
    fixed_categorical: frozenset[str] = field(compare=False)
    offset: str = ""
    readings: tuple[tuple[str, str], ...] = field(default=(), compare=False, repr=False)

    @property
    def right_sides(self) -> tuple[str, ...]:
        """The fixed part, and what varies in each random term."""
        return (self.fixed, *(term.effects for term in self.random))

    @property
    def names(self) -> frozenset[str]:
        """The names of functions and columns in it, but for grouping factors and those in ``Q("...")``."""
        texts = (self.response, self.offset, *self.right_sides)
        return frozenset().union(*map(names_outside_texts, texts))

    @property
    def variables(self) -> tuple[str, ...]:
        """The columns that the response, the fixed part and the effects are computed from."""
        of_effects = [name for term in self.random for name in term.variables]
        return tuple(dict.fromkeys([*self.fixed_variables, *of_effects]))

    @property
    def categorical(self) -> frozenset[str]:
        """The columns that stand inside ``C(...)``."""
        return self.fixed_categorical.union(*(term.categorical for term in self.random))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the data that the formula names, grouping factors last."""
        groups = [name for term in self.random for name in term.group]
        return tuple(dict.fromkeys([*self.variables, *groups]))

    def with_random(self, random: Iterable[RandomTerm]) -> Formula:
        """The same response and fixed part with other random terms."""
        formula = replace(self, random=tuple(random))
        for term in formula.random:
            refuse_own_response(self.response, (*term.variables, *term.group), str(formula))
        return formula

    def __str__(self) -> str:
        offset = [f"offset{self.offset}"] if self.offset else []
        return " + ".join([f"{self.response} ~ {self.fixed}", *offset, *map(str, self.random)])


def as_written(column: str) -> str:
    """A column's name as it stands in a formula: in backticks where it would not be read otherwise.

    Examples
    --------
    >>> as_written("ward"), as_written("Ward No."), as_written("a`b")
    ('ward', '`Ward No.`', 'Q("a`b")')
    """
    if "`" in column:
        return f"Q({json.dumps(column, ensure_ascii=False)})"
    return column if re.fullmatch(r"[^\W\d]\w*", column) else f"`{column}`"


def refuse_own_response(response: str, variables: Collection[str], written: str) -> None:
    """Raise a `CourseError` where the response is among the columns that are to explain it."""
    for column in _whole_columns(response):
        if column in variables:
            raise CourseError(
                f"the response {column} is also to the right of ~, at `{written[:40].strip()}`: "
                "it would explain itself. Leave it out there"
            )


def _whole_columns(response: str) -> list[str]:
    """The column that a response is, or those that a pair of counts is made of.

    Examples
    --------
    >>> _whole_columns("(score)"), _whole_columns("cbind(passed, trials - passed)")
    (['score'], ['passed'])
    >>> _whole_columns("np.log(score)")
    []
    """
    while response.startswith("("):
        response = response[1:-1]
    codes = [response]
    if response.startswith("cbind("):
        call = ast.parse(response, mode="eval").body
        assert isinstance(call, ast.Call)
        codes = [ast.get_source_segment(response, one) or "" for one in call.args]
    columns = [code if code.isidentifier() else quoted_column(code) for code in codes]
    return [column for column in columns if column]
