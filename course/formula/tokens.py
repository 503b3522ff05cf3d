"""A formula as a row of tokens, with a place in it: what both parts of the grammar read from."""

from __future__ import annotations

import re
from typing import NoReturn

from course.errors import CourseError

MAX_DEPTH = 40  # parentheses within parentheses
TOKEN = re.compile(
    r"""\s*(?:
      (?P<quoted>`[^`]*`)
    | (?P<name>(?:\w+::)?[^\W\d][\w.]*)
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<op>\*\*|\|\||%in%|\.(?!\w)|[-+*/:&^()|~])
    )""",
    re.VERBOSE,
)
ARGUMENT = re.compile(r",\s*[\w.]+\s*=(?!=)")  # lmer's data=, REML= and so on
CROSSED = (":", "%in%", "&")  # lme4's, R's, and that of MixedModels.jl


def apart(arguments: str) -> list[str]:
    """The arguments of a call, cut at the commas that stand outside of all brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for char in arguments:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"`":
            quote = char
        depth += 0 if quote else (char in "([") - (char in ")]")
        if char == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += char
    return parts


class Tokens:
    """A position in a text.

    Attributes
    ----------
    text : str
    kind : {"quoted", "name", "number", "op", "end"}
        Of the token that is next.
    token : str
    start, pos : int
        Where it starts, and where the one after it may start.
    readings : dict of str to str
        What was spelt in another way than patsy's, and how it was read.
    """

    def __init__(self, text: str):
        self.text = text
        self.pos = 0
        self.depth = 0
        self.readings: dict[str, str] = {}
        self.kind, self.token, self.start = "", "", 0
        self.advance()

    def advance(self) -> None:
        match = TOKEN.match(self.text, self.pos)
        if match and match.lastgroup:
            self.kind, self.token = match.lastgroup, match[match.lastgroup]
            self.start, self.pos = match.start(match.lastgroup), match.end()
            return
        rest = self.text[self.pos :].lstrip()
        self.start = len(self.text) - len(rest)
        if not rest:
            self.kind, self.token = "end", ""
            return
        mends = {
            "`": "a backtick without its partner: write `column name` between two of them",
            ",": "a comma outside a function call: join terms with +",
            "'": "quotes belong only inside calls: write Q('column name') or `column name`",
            '"': "quotes belong only inside calls: write Q('column name') or `column name`",
            "=": "a formula has no '=': the response and the rest are joined by ~",
            "$": "a column is named alone: age, not pupils$age",
            ">": "a comparison needs I(...), as in I(age > 10)",
            "<": "a comparison needs I(...), as in I(age < 10)",
        }
        mend = mends.get(rest[0], f"the character {rest[0]!r} has no meaning in a formula")
        if ARGUMENT.match(rest):
            mend = "the formula ends before the comma; what follows in R are arguments of the call"
        self.fail(mend)

    def jump(self, pos: int) -> None:
        """Go on with the token that starts there."""
        self.pos = pos
        self.advance()

    def fail(self, message: str, at: int | None = None, mend: str = "") -> NoReturn:
        snippet = self.text[self.start if at is None else at :][:40].strip()
        where = f", at `{snippet}`" if snippet else ", at the end"
        raise CourseError(f"{message}{where}" + (f": {mend}" if mend else ""))

    def take(self, *ops: str) -> str:
        """Consume one of these operators if it is next; '' otherwise."""
        if self.token in ops:
            op = self.token
            self.advance()
            return op
        return ""

    def take_crossing(self) -> bool:
        """Consume one of the signs between factors that are crossed."""
        op = self.take(*CROSSED)
        if op in CROSSED[1:]:
            self.readings[op] = ":"
        return bool(op)

    def is_call(self) -> bool:
        """Whether the next token is a name with a parenthesis behind it."""
        return self.kind == "name" and self.text[self.pos :].lstrip().startswith("(")

    def deeper(self, at: int) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail("parentheses nested too deeply", at=at)
