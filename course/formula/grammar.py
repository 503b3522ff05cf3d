"""The grammar of formulas, read by hand: recursive descent, one method per line.

Nothing is ever evaluated here::

    formula  =  response "~" ( sum | "1" bar groups )
    response =  atom | arithmetic
    sum      =  ["-"] product { ("+" | "-") product }
    product  =  power { ("*" | "/" | ":" | "%in%" | "&") power }
    power    =  atom [ ("**" | "^") integer ]
    atom     =  name | `quoted name` | 0 | 1 | "." | call | "(" sum ")" | "(" sum bar groups ")"
    bar      =  "|" | "||"
    groups   =  nested { "+" nested }        one term for each
    nested   =  inter { ("/" | "*") inter }  a/b/c means a, a:b and a:b:c; a*b means a, b and a:b
    inter    =  name { (":" | "&" | "%in%") name }

A call such as ``log(income)`` holds an expression of R's or Python's. `course.formula.r_spelling` writes it in
Python; `course.formula.expressions` lets only columns, numbers and the listed functions pass, since a
formula may come from a stranger.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import comb
from typing import NoReturn

from course.errors import CourseError
from course.formula.expressions import (
    QUOTED,
    TEXT,
    check_call,
    column_code,
    quoted_column,
)
from course.formula.r_spelling import read_r
from course.formula.terms import Formula, RandomTerm, refuse_own_response

MAX_DEPTH = 40  # parentheses within parentheses
MAX_TERMS = 500  # a*b*c*... grows without bound: count before patsy builds them
MAX_PRODUCTS = 20_000  # patsy multiplies out a power, and drops only then what comes twice
TOKEN = re.compile(
    r"""\s*(?:
      (?P<quoted>`[^`]*`)
    | (?P<name>(?:\w+::)?[^\W\d][\w.]*)
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<op>\*\*|\|\||%in%|\.(?!\w)|[-+*/:&^()|~])
    )""",
    re.VERBOSE,
)
LEFT_SIDE = re.compile(rf"(?:{TEXT}|`[^`]*`|[^~'\"`])*(?=~)")
CROSSED = (":", "%in%", "&")  # lme4's, R's, and that of MixedModels.jl
AS_LABELS = ("factor", "as.factor", "C")  # a grouping factor is one anyhow
# what MixedModels.jl and lme4 2.0 write before the parenthesis of a random term, and the bar that says it
STRUCTURES = {"zerocorr": "||", "diag": "||", "us": "|"}


@dataclass(frozen=True)
class _Node:
    """A stretch of the formula: its patsy text, bounds on its terms, the random terms in it."""

    text: str
    terms: int = 1  # that differ
    products: int = 1  # that patsy makes on the way to them
    random: tuple[RandomTerm, ...] = ()
    factor: str = ""  # where it is no more than one column or call: that, without parentheses
    is_number: bool = False
    offset: tuple[str, ...] = ()  # added to the fixed part as they are, in Python

    @property
    def is_summand(self) -> bool:
        """Whether it can be added to a sum, and nothing else."""
        return bool(self.random or self.offset)

    @property
    def with_article(self) -> str:
        return "a random term" if self.random else "an offset"


def _joined(op: str, left: int, right: int) -> int:
    """How many terms two sums make together."""
    both = left * right
    return {":": both, "*": left + right + both, "/": left + both}[op]


def _union(*groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))


class Parser:
    """A position in a text, and the rules that read on from there."""

    def __init__(self, text: str, columns: Sequence[object] | None = None):
        self.text = text
        self.columns = columns  # of the data, where they are known
        self.of_response: dict[str, None] = {}
        self.readings: dict[str, str] = {}  # what was spelt otherwise, and how it was read
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
            "`": "a backtick without its partner: write `column name` between two of them",
            ",": "a comma outside a function call: join terms with +",
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
        response = self.response()
        if not self.take("~"):
            self.bar_outside()
            self.fail("no ~ found", at=0, mend="write response ~ fixed effects + (1|group)")
        if self.kind == "end":
            self.fail("nothing stands after ~", at=0, mend="write at least 1 + (1|group)")
        self.of_response, self.variables = self.variables, {}
        rest = self.right_side()
        offset = " + ".join(rest.offset)
        of_effects = [name for term in rest.random for name in term.variables]
        refuse_own_response(response.text, [*self.variables, *of_effects], self.text)
        return Formula(
            response.text,
            rest.text or "1",
            rest.random,
            tuple(self.of_response | self.variables),
            frozenset(self.categorical),
            offset=f"({offset})" if len(rest.offset) > 1 else offset,
            readings=tuple(self.readings.items()),
        )

    def response(self) -> _Node:
        """One column, one call, or arithmetic, which means on the left of ~ what it says, as in R."""
        left, node = LEFT_SIDE.match(self.text), None
        try:
            node = self.sum()
            if node.factor or not left:
                return node
            return self.arithmetic(left[0])
        except CourseError:
            if left and node is None:
                try:
                    return self.arithmetic(left[0])
                except CourseError:
                    pass  # what was wrong first is what to tell of
            elif left:
                self.fail(
                    "the response must be one column or one function of a column",
                    at=0,
                    mend="arithmetic needs I(...), as in I(score**2)",
                )
            raise

    def arithmetic(self, text: str) -> _Node:
        """``1000 / y`` before the ~, as ``I(1000 / y)``."""
        code, readings = read_r(f"I({text.strip()})", self.columns or ())
        columns, categorical = check_call(code)
        self.readings |= readings
        self.variables, self.categorical = dict.fromkeys(columns), categorical
        self.pos = len(text)
        self.advance()
        return _Node(code, factor=code)

    def right_side(self) -> _Node:
        """A sum, and nothing after it."""
        at = self.start
        node = self.sum()
        if node.text == "1" and not node.is_summand:  # 1|g is all: nothing else can be meant
            bar = self.take("||", "|")
            if bar:
                self.readings[f"1 {bar} g"] = f"(1 {bar} g)"
                terms = [RandomTerm("1", group, bar == "|") for group in self.groups(at)]
                node = replace(node, random=tuple(terms))
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
        offset: tuple[str, ...] = ()
        sign = self.take("+", "-")
        while True:
            at = self.start
            node = self.product()
            if sign == "-" and node.is_summand:
                self.fail(
                    f"{node.with_article} cannot be subtracted",
                    at=at,
                    mend="leave it out of the formula",
                )
            if node.text:
                joint = f" {sign} " if text else sign.replace("+", "")
                text += joint + node.text
            terms, products = terms + node.terms, products + node.products
            random, offset = random + node.random, offset + node.offset
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
                alone = (text, random, offset) == (node.text, node.random, node.offset)
                return node if alone else _Node(text, terms, products, random, offset=offset)

    def product(self) -> _Node:
        at = self.start
        node = self.power()
        while op := self.take("*", "/", *CROSSED):
            other = self.power()
            if node.is_summand or other.is_summand:
                self.fail(
                    f"{(node if node.is_summand else other).with_article} cannot be joined by {op}",
                    at=at,
                    mend="add it with +; for a slope that varies between groups write (x|group)",
                )
            if node.is_number or other.is_number:
                self.fail(
                    f"a number next to {op}",
                    at=at,
                    mend="arithmetic needs I(...), as in I(age / 12); an intercept is joined by +",
                )
            op = self.crossed(op)
            terms = _joined(op, node.terms, other.terms)
            products = _joined(op, node.products, other.products)
            # patsy's ":" binds tighter than "*" and "/", and so it does in R
            joint = op if op == ":" else f" {op} "
            node = _Node(f"{node.text}{joint}{other.text}", terms, products)
        return node

    def crossed(self, op: str) -> str:
        if op in CROSSED[1:]:
            self.readings[op] = ":"
            return ":"
        return op

    def power(self) -> _Node:
        at = self.start
        node = self.atom()
        if not self.take("**", "^"):
            return node
        if node.is_summand or node.is_number:
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
            self.advance()
            return self.column(token, at)
        if kind == "number":
            if token not in ("0", "1"):
                self.fail("a number other than 0 or 1", mend="arithmetic needs I(...)")
            self.advance()
            return _Node(token, is_number=True)
        if self.take("("):
            return self.parenthesis(at)
        if token == ".":
            return self.all_others()
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

    def all_others(self) -> _Node:
        """``.``: every column of the data but those of the response."""
        if self.columns is None:
            self.fail("a lone '.' (all other columns) is not read: name the columns")
        names = [name for name in self.columns if name not in self.of_response]
        if not names or not all(isinstance(name, str) for name in names):
            self.fail("a lone '.' stands for all other columns, and their names are no texts")
        self.advance()
        self.readings["."] = " + ".join(map(str, names))
        self.variables |= dict.fromkeys(map(str, names))
        text = " + ".join(column_code(str(name)) for name in names)
        return _Node(f"({text})", len(names), len(names))

    def call(self) -> _Node:
        """A function call, kept as one text up to its closing parenthesis."""
        function = self.token
        if function in STRUCTURES:
            return self.structured(STRUCTURES[function])
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
        text = self.text[at : end + 1]
        if function == "offset":
            text = f"I{text.removeprefix(function)}"
        text, readings = read_r(text, self.columns or ())
        columns, categorical = check_call(text)
        self.readings |= readings
        self.variables.update(dict.fromkeys(columns))
        self.categorical |= categorical
        self.pos = end + 1
        self.advance()
        if function == "offset":
            return _Node("", 0, 0, offset=(text.removeprefix("I"),))
        quoted = quoted_column(text)
        return _Node(text, factor=text if quoted is None else column_code(quoted))

    def structured(self, bar: str) -> _Node:
        """``zerocorr(1 + age | school)``."""
        at, function = self.start, self.token
        self.advance()
        self.take("(")
        node = self.parenthesis(at)
        if not node.random:
            self.fail(f"{function}(...) is of a random term", at=at, mend="write (x||group)")
        self.readings[f"{function}(x | group)"] = f"(x {bar} group)"
        return replace(node, random=tuple(replace(t, correlated=bar == "|") for t in node.random))

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
            if node.is_summand:
                self.fail(f"{node.with_article} inside a random term", at=at)
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
        return replace(node, text=f"({node.text})") if node.text else node

    def groups(self, at: int) -> list[tuple[str, ...]]:
        """The groups of one term for each."""
        groups = self.nested(at)
        while self.take("+"):
            self.readings["(x | a + b)"] = "(x | a) + (x | b)"
            groups += self.nested(at)
        if self.token in ("-", "^", "**"):
            self.fail(
                f"'{self.token}' in a grouping factor",
                at=at,
                mend="write one term for each, as in (1|school) + (1|classroom); "
                "a:b makes one group of every combination, a/b means a and a:b",
            )
        return list({frozenset(group): group for group in reversed(groups)}.values())[::-1]

    def nested(self, at: int) -> list[tuple[str, ...]]:
        groups = [self.interaction(at)]
        while op := self.take("/", "*"):
            other = self.interaction(at)
            if op == "/":
                groups.append(_union(groups[-1], other))
            else:
                groups += [other, *(_union(group, other) for group in groups)]
        return groups

    def interaction(self, at: int) -> tuple[str, ...]:
        names = self.group_atom(at)
        while op := self.take(*CROSSED):
            self.crossed(op)
            names = _union(names, self.group_atom(at))
        return names

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
            if function in AS_LABELS:
                self.advance()
                self.readings[f"(x | {function}(group))"] = "(x | group)"
                return self.group_atom(at)
            self.fail(
                f"{function}(...) as a grouping factor",
                at=at,
                mend="name the column itself; its values are always taken as labels",
            )
        if self.kind not in ("name", "quoted"):
            self.fail("a grouping factor must be a column", at=at, mend="as in (1|school)")
        token = self.token
        self.advance()
        return (token.strip("`"),)
