"""The grammar of formulas, read by hand: recursive descent, one method per line.

Nothing is ever evaluated here::

    formula  =  response "~" ( sum | "1" bar groups )
    response =  atom | arithmetic | "cbind(" arithmetic "," arithmetic ")"
    sum      =  ["-"] product { ("+" | "-") product }
    product  =  power { ("*" | "/" | ":" | "%in%" | "&") power }
    power    =  atom [ ("**" | "^") integer ]
    atom     =  name | `quoted name` | 0 | 1 | "." | call | "(" sum ")" | "(" sum bar groups ")"
    bar      =  "|" | "||"
    groups   =  nested { "+" nested }        one term for each
    nested   =  inter { ("/" | "*") inter }  a/b/c means a, a:b and a:b:c; a*b means a, b and a:b
    inter    =  name { (":" | "&" | "%in%") name }

A call such as ``log(income)`` holds an expression of R or Python. `course.formula.r_spelling` writes it in
Python; `course.formula.expressions` lets only columns, numbers and the listed functions pass, since a
formula may come from a stranger.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from math import comb
from typing import NoReturn

from course.errors import CourseError
from course.formula.expressions import (
    TEXT,
    check_call,
    column_code,
    quoted_column,
)
from course.formula.group_grammar import read_groups
from course.formula.r_spelling import read_r
from course.formula.terms import Formula, RandomTerm, refuse_own_response
from course.formula.tokens import MAX_DEPTH, Tokens, apart

MAX_FACTORS = 100  # of one product
MAX_TERMS = 500  # a*b*c*... grows without bound: count before patsy builds them
MAX_PRODUCTS = 20_000  # patsy multiplies out a power, and drops only then what comes twice
PAIR = re.compile(r"cbind\s*\((.*)\)", re.DOTALL)
LEFT_SIDE = re.compile(rf"(?:{TEXT}|`[^`]*`|[^~'\"`])*(?=~)")
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


class Parser:
    """A position in a text, and the rules that read on from there."""

    def __init__(self, text: str, columns: Collection[object] | None = None):
        self.tokens = Tokens(text)
        self.columns = columns  # of the data, where they are known
        self.of_response: dict[str, None] = {}
        self.variables: dict[str, None] = {}  # an ordered set
        self.categorical: set[str] = set()
        self.powers: dict[str, None] = {}  # single columns and calls raised to a power
        self.ratios: dict[tuple[str, str], None] = {}  # and pairs of them with a / between

    def formula(self) -> Formula:
        if self.tokens.token == "~":
            self.tokens.fail(
                "the response is missing", mend="write it before ~, as in test_score ~ age"
            )
        response = self.response()
        if not self.tokens.take("~"):
            self.bar_outside()
            self.without_tilde()
        if self.tokens.kind == "end":
            self.tokens.fail("there is nothing after ~", at=0, mend="write at least 1 + (1|group)")
        self.of_response, self.variables = self.variables, {}
        rest = self.right_side()
        offset = " + ".join(rest.offset)
        of_terms = [name for term in rest.random for name in (*term.variables, *term.group)]
        refuse_own_response(response.text, [*self.variables, *of_terms], self.tokens.text)
        return Formula(
            response.text,
            rest.text or "1",
            rest.random,
            tuple(self.of_response | self.variables),
            frozenset(self.categorical),
            offset=f"({offset})" if len(rest.offset) > 1 else offset,
            readings=tuple(self.tokens.readings.items()),
        )

    def without_tilde(self) -> NoReturn:
        self.tokens.fail("no ~ found", at=0, mend="write response ~ fixed effects + (1|group)")

    def response(self) -> _Node:
        """One column, one call, or arithmetic, which means on the left of ~ what it says, as in R."""
        left, first = LEFT_SIDE.match(self.tokens.text), None
        if left and PAIR.match(left[0].strip()):
            return self.pair(left[0])
        try:
            node = self.sum()
            if node.factor:
                return node
        except CourseError as error:
            first = error
        try:
            if left:
                return self.arithmetic(left[0])
        except CourseError:
            pass  # what was wrong first is what to tell of
        if first:
            raise first
        if "~" not in self.tokens.text:
            self.without_tilde()
        self.tokens.fail(
            "the response must be one column or one function of a column",
            at=0,
            mend="arithmetic needs I(...), as in I(score**2)",
        )

    def arithmetic(self, text: str) -> _Node:
        """``1000 / y`` before the ~, as ``I(1000 / y)``."""
        code, readings = read_r(f"I({text.strip()})", self.columns or ())
        columns, categorical = check_call(code)
        self.tokens.readings |= readings
        self.variables, self.categorical = dict.fromkeys(columns), categorical
        self.tokens.jump(len(text))
        return _Node(code, factor=code)

    def pair(self, text: str) -> _Node:
        """``cbind(passed, failed)`` before the ~: two columns, or arithmetic of columns."""
        match = PAIR.fullmatch(text.strip())
        parts = apart(match[1]) if match else []
        if len(parts) != 2:
            self.tokens.fail(
                "cbind takes two columns",
                at=0,
                mend="write cbind(passed, failed), with the number of each",
            )
        codes = []
        for part in parts:
            code, readings = read_r(f"I({part.strip()})", self.columns or ())
            columns, categorical = check_call(code)
            self.tokens.readings |= readings
            self.variables |= dict.fromkeys(columns)
            self.categorical |= categorical
            inner = code[2:-1]  # a column or a call needs no I(...) around it
            alone = isinstance(ast.parse(inner, mode="eval").body, ast.Name | ast.Call)
            codes.append(inner if alone else code)
        self.tokens.jump(len(text))
        code = f"cbind({', '.join(codes)})"
        return _Node(code, factor=code)

    def right_side(self) -> _Node:
        """A sum, and nothing after it."""
        at = self.tokens.start
        node = self.sum()
        if node.text == "1" and not node.is_summand:  # 1|g is all: nothing else can be meant
            bar = self.tokens.take("||", "|")
            if bar:
                self.tokens.readings[f"1 {bar} g"] = f"(1 {bar} g)"
                terms = [
                    RandomTerm("1", group, bar == "|") for group in read_groups(self.tokens, at)
                ]
                node = replace(node, random=tuple(terms))
        self.bar_outside()
        if self.tokens.token == "~":
            self.tokens.fail("a second ~", mend="a formula has one")
        if self.tokens.token == ")":
            self.tokens.fail("a closing parenthesis without its opening one")
        if self.tokens.kind != "end":
            self.tokens.fail("an operator such as + is missing", mend="join terms with +")
        return node

    def bar_outside(self) -> None:
        if self.tokens.token in ("|", "||"):
            group = re.match(r"\|+\s*([\w:/.]+)", self.tokens.text[self.tokens.start :])
            self.tokens.fail(
                "a bar outside parentheses",
                mend="Python would read it as a bitwise OR. Put the random term in parentheses, "
                f"as in (1|{group[1] if group else 'group'})",
            )

    def sum(self) -> _Node:
        text, terms, products = "", 0, 0
        random: tuple[RandomTerm, ...] = ()
        offset: tuple[str, ...] = ()
        sign = self.tokens.take("+", "-")
        while True:
            at = self.tokens.start
            node = self.product()
            if sign == "-" and node.is_summand:
                self.tokens.fail(
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
                self.tokens.fail(
                    f"more than {MAX_TERMS} terms", at=at, mend="this cannot be what was meant"
                )
            if products > MAX_PRODUCTS:
                self.tokens.fail(
                    "too high a power of too many terms",
                    at=at,
                    mend="write the products that are meant, as in age*sex*grade",
                )
            sign = self.tokens.take("+", "-")
            if not sign:
                alone = (text, random, offset) == (node.text, node.random, node.offset)
                return node if alone else _Node(text, terms, products, random, offset=offset)

    def product(self) -> _Node:
        at, factors = self.tokens.start, 1
        node = self.power()
        while op := ":" if self.tokens.take_crossing() else self.tokens.take("*", "/"):
            other = self.power()
            factors += 1
            if factors > MAX_FACTORS:
                # patsy would go as deep, and how deep Python may go is no measure
                self.tokens.fail(f"too many terms: more than {MAX_FACTORS} are multiplied", at=at)
            if node.is_summand or other.is_summand:
                self.tokens.fail(
                    f"{(node if node.is_summand else other).with_article} cannot be joined by {op}",
                    at=at,
                    mend="add it with +; for a slope that varies between groups write (x|group)",
                )
            if node.is_number or other.is_number:
                self.tokens.fail(
                    f"a number next to {op}",
                    at=at,
                    mend="arithmetic needs I(...), as in I(age / 12); an intercept is joined by +",
                )
            if op == "/" and node.factor and other.factor:
                self.ratios.setdefault((node.factor, other.factor))
            terms = _joined(op, node.terms, other.terms)
            products = _joined(op, node.products, other.products)
            # patsy's ":" binds tighter than "*" and "/", and so it does in R
            joint = op if op == ":" else f" {op} "
            node = _Node(f"{node.text}{joint}{other.text}", terms, products)
        return node

    def power(self) -> _Node:
        at = self.tokens.start
        node = self.atom()
        if not self.tokens.take("**", "^"):
            return node
        if node.is_summand or node.is_number:
            self.tokens.fail("** takes a sum of columns, as in (age + sex)**2", at=at)
        if not re.fullmatch("[1-9]", self.tokens.token):
            self.tokens.fail("the exponent must be a whole number from 1 to 9")
        exponent = int(self.tokens.token)
        self.tokens.advance()
        if node.factor and exponent > 1:
            self.powers.setdefault(node.factor)
        terms = sum(comb(node.terms, together) for together in range(1, exponent + 1))
        factors = range(1, min(exponent, node.products) + 1)
        products = sum(node.products**together for together in factors)
        return _Node(f"{node.text}**{exponent}", terms, products)

    def atom(self) -> _Node:
        at, kind, token = self.tokens.start, self.tokens.kind, self.tokens.token
        if kind == "quoted":
            self.tokens.advance()
            return self.column(token[1:-1], at)
        if self.tokens.is_call():
            return self.call()
        if kind == "name":
            if token.startswith("np."):
                self.tokens.fail(
                    f"{token} is not a column", mend="write what it is taken of, as in np.log(age)"
                )
            self.tokens.advance()
            return self.column(token, at)
        if kind == "number":
            if token not in ("0", "1"):
                self.tokens.fail("a number other than 0 or 1", mend="arithmetic needs I(...)")
            self.tokens.advance()
            return _Node(token, is_number=True)
        if self.tokens.take("("):
            return self.parenthesis(at)
        if token == ".":
            return self.all_others()
        if kind == "end":
            self.tokens.fail("the formula stops too early")
        if token in ("|", "||"):
            self.tokens.fail("there is nothing before the bar", mend="write (1|group)")
        self.tokens.fail(f"'{token}' where a column was expected")

    def column(self, name: str, at: int) -> _Node:
        if not name.strip():
            self.tokens.fail("an empty column name", at=at)
        self.variables.setdefault(name)
        code = column_code(name)
        return _Node(code, factor=code)

    def all_others(self) -> _Node:
        """``.``: every column of the data but those of the response."""
        if self.columns is None:
            self.tokens.fail("a lone '.' (all other columns) is not read: name the columns")
        names = [name for name in self.columns if name not in self.of_response]
        if not names or not all(isinstance(name, str) for name in names):
            self.tokens.fail("a lone '.' means all other columns, but their names are not text")
        self.tokens.advance()
        self.tokens.readings["."] = " + ".join(map(str, names))
        self.variables |= dict.fromkeys(map(str, names))
        text = " + ".join(column_code(str(name)) for name in names)
        return _Node(f"({text})", len(names), len(names))

    def call(self) -> _Node:
        """A function call, kept as one text up to its closing parenthesis."""
        function = self.tokens.token
        if function in STRUCTURES:
            return self.structured(STRUCTURES[function])
        at, depth, quote, escaped = self.tokens.start, 0, "", False
        for end in range(self.tokens.pos, len(self.tokens.text)):
            char = self.tokens.text[end]
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
                self.tokens.fail("parentheses nested too deeply")
        else:
            self.tokens.fail("a parenthesis is not closed")
        text = self.tokens.text[at : end + 1]
        if function == "offset":
            text = f"I{text.removeprefix(function)}"
        text, readings = read_r(text, self.columns or ())
        columns, categorical = check_call(text)
        self.tokens.readings |= readings
        self.variables.update(dict.fromkeys(columns))
        self.categorical |= categorical
        self.tokens.jump(end + 1)
        if function == "offset":
            return _Node("", 0, 0, offset=(text.removeprefix("I"),))
        quoted = quoted_column(text)
        return _Node(text, factor=text if quoted is None else column_code(quoted))

    def structured(self, bar: str) -> _Node:
        """``zerocorr(1 + age | school)``."""
        at, function = self.tokens.start, self.tokens.token
        self.tokens.advance()
        self.tokens.take("(")
        node = self.parenthesis(at)
        if not node.random:
            self.tokens.fail(
                f"{function}(...) belongs to a random term", at=at, mend="write (x||group)"
            )
        self.tokens.readings[f"{function}(x | group)"] = f"(x {bar} group)"
        return replace(node, random=tuple(replace(t, correlated=bar == "|") for t in node.random))

    def parenthesis(self, at: int) -> _Node:
        self.tokens.deeper(at)
        variables, categorical = self.variables, self.categorical
        self.variables, self.categorical = {}, set()
        node = self.sum()
        bar = self.tokens.take("||", "|")
        if bar:
            if node.is_summand:
                self.tokens.fail(f"{node.with_article} inside a random term", at=at)
            own = tuple(self.variables), frozenset(self.categorical)
            terms = [
                RandomTerm(node.text, group, bar == "|", *own)
                for group in read_groups(self.tokens, at)
            ]
            node = _Node("", 0, 0, tuple(terms))
            self.variables, self.categorical = variables, categorical
        else:
            self.variables = variables | self.variables
            self.categorical = categorical | self.categorical
        if not self.tokens.take(")"):
            if self.tokens.kind == "end":
                self.tokens.fail("a parenthesis is not closed", at=at)
            self.tokens.fail("a closing parenthesis was expected")
        self.tokens.depth -= 1
        return node if node.is_summand else replace(node, text=f"({node.text})")
