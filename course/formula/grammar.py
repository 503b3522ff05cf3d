"""The grammar of formulas, read by hand: recursive descent, one method per line.

Nothing is ever evaluated here::

    formula  =  response "~" sum
    sum      =  ["-"] product { ("+" | "-") product }
    product  =  power { ("*" | "/" | ":") power }
    power    =  atom [ ("**" | "^") integer ]
    atom     =  name | `quoted name` | 0 | 1 | call | "(" sum ")" | "(" sum ("|" | "||") group ")"
    group    =  inter { "/" inter }          a/b/c means a, a:b and a:b:c
    inter    =  name { ":" name }

A call such as ``np.log(income)`` holds a Python expression. `course.formula.expressions` reads it and
lets only columns, numbers and the listed functions pass, since a formula may come from a stranger.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from math import comb
from typing import NoReturn

from course.errors import CourseError
from course.formula.expressions import (
    QUOTED,
    check_call,
    column_code,
    quote_backticks,
    quoted_column,
)
from course.formula.terms import Formula, RandomTerm, refuse_own_response

MAX_DEPTH = 40  # parentheses within parentheses
MAX_TERMS = 500  # a*b*c*... grows without bound: count before patsy builds them
MAX_PRODUCTS = 20_000  # patsy multiplies out a power, and drops only then what comes twice
TOKEN = re.compile(
    r"""\s*(?:
      (?P<quoted>`[^`]*`)
    | (?P<name>[^\W\d]\w*(?:\.\w+)*)
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<op>\*\*|\|\||[-+*/:^()|~])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class _Node:
    """A stretch of the formula: its patsy text, bounds on its terms, the random terms in it."""

    text: str
    terms: int = 1  # that differ
    products: int = 1  # that patsy makes on the way to them
    random: tuple[RandomTerm, ...] = ()
    factor: str = ""  # where it is no more than one column or call: that, without parentheses
    is_number: bool = False


def _joined(op: str, left: int, right: int) -> int:
    """How many terms two sums make together."""
    both = left * right
    return {":": both, "*": left + right + both, "/": left + both}[op]


class Parser:
    """A position in a text, and the rules that read on from there."""

    def __init__(self, text: str):
        self.text = text
        self.pos = 0
        self.depth = 0
        self.variables: dict[str, None] = {}  # an ordered set
        self.categorical: set[str] = set()
        self.powers: dict[str, None] = {}  # single columns and calls raised to a power
        self.kind, self.token, self.start = "", "", 0
        self.advance()

    # -- tokens -----------------------------------------------------------------------------

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
            ".": "a lone '.' (all other columns) is not read: name the columns",
            "`": "a backtick without its partner: write `column name` between two of them",
            ",": "a comma outside a function call: join terms with +",
            "%": "%in% is not read: write a:b",
            "'": "quotes stand only inside calls: write Q('column name') or `column name`",
            '"': "quotes stand only inside calls: write Q('column name') or `column name`",
            "=": "a formula has no '=': the response and the rest are joined by ~",
        }
        mend = mends.get(rest[0], f"the character {rest[0]!r} has no meaning in a formula")
        self.fail(mend)

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

    # -- the grammar ------------------------------------------------------------------------

    def formula(self) -> Formula:
        if self.token == "~":
            self.fail("the response is missing", mend="write it before ~, as in test_score ~ age")
        response = self.sum()
        if not response.factor:  # patsy would take y**2 for y, where R squares
            self.fail(
                "the response must be one column or one function of a column",
                at=0,
                mend="arithmetic needs I(...), as in I(score**2)",
            )
        if not self.take("~"):
            self.bar_outside()
            self.fail("no ~ found", at=0, mend="write response ~ fixed effects + (1|group)")
        if self.kind == "end":
            self.fail("nothing stands after ~", at=0, mend="write at least 1 + (1|group)")
        of_response, self.variables = self.variables, {}
        rest = self.right_side()
        of_effects = [name for term in rest.random for name in term.variables]
        refuse_own_response(response.text, [*self.variables, *of_effects], self.text)
        return Formula(
            response.text,
            rest.text or "1",
            rest.random,
            tuple(of_response | self.variables),
            frozenset(self.categorical),
        )

    def right_side(self) -> _Node:
        """A sum, and nothing after it."""
        node = self.sum()
        self.bar_outside()
        if self.token == "~":
            self.fail("a second ~", mend="a formula has one")
        if self.token == ")":
            self.fail("a closing parenthesis without its opening one")
        if self.kind != "end":
            self.fail("an operator such as + is missing", mend="join terms with +")
        return node

    def bar_outside(self) -> None:
        if self.token in ("|", "||"):
            group = re.match(r"\|+\s*([\w:/.]+)", self.text[self.start :])
            self.fail(
                "a bar outside parentheses",
                mend="Python would read it as a bitwise OR. Put the random term in parentheses, "
                f"as in (1|{group[1] if group else 'group'})",
            )

    def sum(self) -> _Node:
        text, terms, products = "", 0, 0
        random: tuple[RandomTerm, ...] = ()
        sign = self.take("+", "-")
        while True:
            at = self.start
            node = self.product()
            if sign == "-" and node.random:
                self.fail(
                    "a random term cannot be subtracted", at=at, mend="leave it out of the formula"
                )
            if node.text:
                joint = f" {sign} " if text else sign.replace("+", "")
                text += joint + node.text
            terms, products = terms + node.terms, products + node.products
            random += node.random
            if terms > MAX_TERMS:
                self.fail(
                    f"more than {MAX_TERMS} terms", at=at, mend="this cannot be what was meant"
                )
            if products > MAX_PRODUCTS:
                self.fail(
                    "too high a power of too many terms",
                    at=at,
                    mend="write the products that are meant, as in age*sex*grade",
                )
            sign = self.take("+", "-")
            if not sign:
                alone = (text, random) == (node.text, node.random)
                return node if alone else _Node(text, terms, products, random)

    def product(self) -> _Node:
        at = self.start
        node = self.power()
        while op := self.take("*", "/", ":"):
            other = self.power()
            if node.random or other.random:
                self.fail(
                    f"a random term cannot be joined by {op}",
                    at=at,
                    mend="add it with +; for a slope that varies between groups write (x|group)",
                )
            if node.is_number or other.is_number:
                self.fail(
                    f"a number next to {op}",
                    at=at,
                    mend="arithmetic needs I(...), as in I(age / 12); an intercept is joined by +",
                )
            terms = _joined(op, node.terms, other.terms)
            products = _joined(op, node.products, other.products)
            # patsy's ":" binds tighter than "*" and "/", and so it does in R
            joint = op if op == ":" else f" {op} "
            node = _Node(f"{node.text}{joint}{other.text}", terms, products)
        return node

    def power(self) -> _Node:
        at = self.start
        node = self.atom()
        if not self.take("**", "^"):
            return node
        if node.random or node.is_number:
            self.fail("** takes a sum of columns, as in (age + sex)**2", at=at)
        if not re.fullmatch("[1-9]", self.token):
            self.fail("the exponent must be a whole number from 1 to 9")
        exponent = int(self.token)
        self.advance()
        if node.factor and exponent > 1:
            self.powers.setdefault(node.factor)
        terms = sum(comb(node.terms, together) for together in range(1, exponent + 1))
        factors = range(1, min(exponent, node.products) + 1)
        products = sum(node.products**together for together in factors)
        return _Node(f"{node.text}**{exponent}", terms, products)

    def atom(self) -> _Node:
        at, kind, token = self.start, self.kind, self.token
        if kind == "quoted":
            self.advance()
            return self.column(token[1:-1], at)
        if kind == "name" and self.text[self.pos :].lstrip().startswith("("):
            return self.call()
        if kind == "name":
            if "." in token:
                self.fail("a name with a dot", mend=f"write it in backticks: `{token}`")
            self.advance()
            return self.column(token, at)
        if kind == "number":
            if token not in ("0", "1"):
                self.fail("a number other than 0 or 1", mend="arithmetic needs I(...)")
            self.advance()
            return _Node(token, is_number=True)
        if self.take("("):
            return self.parenthesis(at)
        if kind == "end":
            self.fail("the formula stops too early")
        if token in ("|", "||"):
            self.fail("nothing stands before the bar", mend="write (1|group)")
        self.fail(f"'{token}' where a column was expected")

    def column(self, name: str, at: int) -> _Node:
        if not name.strip():
            self.fail("an empty column name", at=at)
        self.variables.setdefault(name)
        code = column_code(name)
        return _Node(code, factor=code)

    def call(self) -> _Node:
        """A function call, kept as one text up to its closing parenthesis."""
        at, depth, quote, escaped = self.start, 0, "", False
        for end in range(self.pos, len(self.text)):
            char = self.text[end]
            if quote:
                quote = "" if char == quote and not escaped else quote
                escaped = char == "\\" and quote != "`" and not escaped
            elif char in "'\"`":
                quote = char
            elif char in "()":
                depth += 1 if char == "(" else -1
                if depth == 0:
                    break
            if depth > MAX_DEPTH:
                self.fail("parentheses nested too deeply")
        else:
            self.fail("a parenthesis is not closed")
        text = quote_backticks(self.text[at : end + 1])
        columns, categorical = check_call(text)
        self.variables.update(dict.fromkeys(columns))
        self.categorical |= categorical
        self.pos = end + 1
        self.advance()
        quoted = quoted_column(text)
        return _Node(text, factor=text if quoted is None else column_code(quoted))

    def deeper(self, at: int) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail("parentheses nested too deeply", at=at)

    def parenthesis(self, at: int) -> _Node:
        self.deeper(at)
        variables, categorical = self.variables, self.categorical
        self.variables, self.categorical = {}, set()
        node = self.sum()
        bar = self.take("||", "|")
        if bar:
            if node.random:
                self.fail("a random term inside a random term", at=at)
            own = tuple(self.variables), frozenset(self.categorical)
            terms = [RandomTerm(node.text, group, bar == "|", *own) for group in self.groups(at)]
            node = _Node("", 0, 0, tuple(terms))
            self.variables, self.categorical = variables, categorical
        else:
            self.variables = variables | self.variables
            self.categorical = categorical | self.categorical
        if not self.take(")"):
            if self.kind == "end":
                self.fail("a parenthesis is not closed", at=at)
            self.fail("a closing parenthesis was expected")
        self.depth -= 1
        if node.random:
            return node
        return replace(node, text=f"({node.text})")

    def groups(self, at: int) -> list[tuple[str, ...]]:
        groups = [self.interaction(at)]
        while self.take("/"):
            groups.append(tuple(dict.fromkeys(groups[-1] + self.interaction(at))))
        if self.token in ("+", "*", "-", "^", "**"):
            self.fail(
                f"'{self.token}' in a grouping factor",
                at=at,
                mend="write one term for each, as in (1|school) + (1|classroom); "
                "a:b makes one group of every combination, a/b means a and a:b",
            )
        return groups

    def interaction(self, at: int) -> tuple[str, ...]:
        names = list(self.group_atom(at))
        while self.take(":"):
            names += self.group_atom(at)
        return tuple(dict.fromkeys(names))

    def group_atom(self, at: int) -> tuple[str, ...]:
        if self.take("("):
            self.deeper(at)
            inside = self.interaction(at)
            if not self.take(")"):
                self.fail("a grouping factor is a column, a:b or a/b", at=at)
            self.depth -= 1
            return inside
        if self.kind == "name" and self.text[self.pos :].lstrip().startswith("("):
            function = self.token
            quoted = QUOTED.match(self.text, self.start)
            if quoted:
                self.pos = quoted.end()
                self.advance()
                return (str(quoted_column(quoted[0])),)
            self.fail(
                f"{function}(...) as a grouping factor",
                at=at,
                mend="name the column itself; its values are always taken as labels",
            )
        if self.kind not in ("name", "quoted"):
            self.fail("a grouping factor must be a column", at=at, mend="as in (1|school)")
        token = self.token
        if self.kind == "name" and "." in token:
            self.fail("a name with a dot", mend=f"write it in backticks: `{token}`")
        self.advance()
        return (token.strip("`"),)
