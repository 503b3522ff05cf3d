"""The grammar of what stands behind the bar: the groups of a random term."""

from __future__ import annotations

from course.formula.expressions import QUOTED, quoted_column
from course.formula.tokens import Tokens

AS_LABELS = ("factor", "as.factor", "C")  # a grouping factor is one anyhow
MENDS = {
    "interaction": "write a:b, one group for every combination",
    "paste": "write a:b, one group for every combination",
    "mm": "rows that belong to several groups at once are not fitted here",
}


def read_groups(tokens: Tokens, at: int) -> list[tuple[str, ...]]:
    """The groups that a term stands for, each the columns whose combined labels make it.

    Parameters
    ----------
    tokens : Tokens
        The next one is the first behind the bar.
    at : int
        Where the term starts, for messages.

    Examples
    --------
    >>> read_groups(Tokens("school/classroom"), 0)
    [('school',), ('school', 'classroom')]
    >>> read_groups(Tokens("pupil * item"), 0)
    [('pupil',), ('item',), ('pupil', 'item')]
    """
    groups = _nested(tokens, at)
    while tokens.take("+"):
        tokens.readings["(x | a + b)"] = "(x | a) + (x | b)"
        groups += _nested(tokens, at)
    if tokens.token in ("-", "^", "**"):
        tokens.fail(
            f"'{tokens.token}' in a grouping factor",
            at=at,
            mend="write one term for each, as in (1|school) + (1|classroom); "
            "a:b makes one group of every combination, a/b means a and a:b",
        )
    return [group for i, group in enumerate(groups) if not _among(group, groups[:i])]


def _among(group: tuple[str, ...], groups: list[tuple[str, ...]]) -> bool:
    return any(set(group) == set(other) for other in groups)


def _nested(tokens: Tokens, at: int) -> list[tuple[str, ...]]:
    groups = [_interaction(tokens, at)]
    while op := tokens.take("/", "*"):
        other = _interaction(tokens, at)
        if op == "/":
            groups.append(_union(groups[-1], other))
        else:
            tokens.readings["(x | a * b)"] = "(x | a) + (x | b) + (x | a:b)"
            groups += [other, *(_union(group, other) for group in groups)]
    return groups


def _interaction(tokens: Tokens, at: int) -> tuple[str, ...]:
    names = _atom(tokens, at)
    while tokens.take_crossing():
        names = _union(names, _atom(tokens, at))
    return names


def _atom(tokens: Tokens, at: int) -> tuple[str, ...]:
    if tokens.take("("):
        tokens.deeper(at)
        inside = _interaction(tokens, at)
        if not tokens.take(")"):
            tokens.fail("a grouping factor is a column, a:b or a/b", at=at)
        tokens.depth -= 1
        return inside
    if tokens.is_call():
        function = tokens.token
        quoted = QUOTED.match(tokens.text, tokens.start)
        if quoted:
            tokens.jump(quoted.end())
            return (str(quoted_column(quoted[0])),)
        if function in AS_LABELS:
            tokens.readings[f"(x | {function}(group))"] = "(x | group)"
            tokens.advance()
            return _atom(tokens, at)
        tokens.fail(
            f"{function}(...) as a grouping factor",
            at=at,
            mend=MENDS.get(
                function, "name the column itself; its values are always taken as labels"
            ),
        )
    if tokens.kind not in ("name", "quoted"):
        tokens.fail("a grouping factor must be a column", at=at, mend="as in (1|school)")
    name = tokens.token.strip("`")
    tokens.advance()
    return (name,)


def _union(*groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))
