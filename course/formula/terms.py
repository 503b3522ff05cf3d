"""The values that a formula becomes: `Formula` and `RandomTerm`. They compare, hash and print as formulas."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field


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
    """

    effects: str
    group: tuple[str, ...]
    correlated: bool = True

    @property
    def group_name(self) -> str:
        return ":".join(self.group)

    def __str__(self) -> str:
        bar = "|" if self.correlated else "||"
        return f"({self.effects} {bar} {':'.join(map(_as_written, self.group))})"


@dataclass(frozen=True)
class Formula:
    """What the formula says: response, fixed part, random terms.

    Attributes
    ----------
    response, fixed : str
        The two sides of the fixed part, in patsy's language.
    random : tuple of RandomTerm
        With ``a/b`` already written out as ``a`` and ``a:b``.
    variables : tuple of str
        The columns that the response, the fixed part and the effects are computed from.
    categorical : frozenset of str
        The columns that stand inside ``C(...)``.
    """

    response: str
    fixed: str
    random: tuple[RandomTerm, ...]
    variables: tuple[str, ...] = field(
        compare=False
    )  # in order of appearance: no part of the meaning
    categorical: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the data that the formula names, grouping factors last."""
        groups = [name for term in self.random for name in term.group]
        return tuple(dict.fromkeys([*self.variables, *groups]))

    def __str__(self) -> str:
        return " + ".join([f"{self.response} ~ {self.fixed}", *map(str, self.random)])


def _as_written(column: str) -> str:
    if "`" in column:
        return f"Q({json.dumps(column, ensure_ascii=False)})"
    return column if re.fullmatch(r"[^\W\d]\w*", column) else f"`{column}`"
