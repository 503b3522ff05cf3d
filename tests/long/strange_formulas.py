"""Data and formulas from strangers: a list of hostile ones, and a generator that errs on purpose."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd

from course.formula.expressions import FUNCTIONS, NUMPY
from course.formula.r_spelling import R_CALLS

# -- the data ------------------------------------------------------------------------------------

ODD = [
    "net income",
    "class",
    'a"b',
    "a'b",
    "a~b",
    "a|b",
    "größe",
    "back\\slash",
    "x.y",
    "2nd",
    "(",
    " ",
]


def data() -> pd.DataFrame:
    """Rows in rooms in schools, with columns of most types and of awkward names."""
    rng = np.random.default_rng(7)
    n = 72
    school = np.arange(n) % 6
    frame = pd.DataFrame(
        {
            "y": rng.normal(size=n) + school,
            "x": rng.normal(10, 1, n),
            "z": rng.integers(1, 9, n),
            "t": rng.uniform(-1e6, 1e6, n),
            "f": rng.choice(["a", "b", "c"], n),
            "s": rng.choice(["it's", 'a "b"', "x\\y", "é~|"], n),
            "b": rng.random(n) < 0.5,
            "g": [f"S{i}" for i in school],
            "h": [f"R{i}" for i in np.arange(n) // 6 % 4],
            "i": np.arange(n) // 6 % 3,
            "k": pd.Categorical(rng.choice(["lo", "hi"], n), ["lo", "hi", "none"]),
            "zero": 0.0,
            "big": rng.normal(size=n) * 1e60,
            "gap": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(n), "D"),
            "id": np.arange(n),
        }
    )
    for name in ODD:
        frame[name] = rng.normal(size=n)
    return frame


COLUMNS = [
    "x",
    "x",
    "x",
    "z",
    "z",
    "t",
    "f",
    "f",
    "s",
    "b",
    "k",
    "y",
    "g",
    "zero",
    "big",
    "gap",
    "when",
]
THEIRS = [pattern.partition("(")[0] for pattern in R_CALLS]  # functions as R calls them
GROUPS = ["g", "g", "g", "h", "h", "i", "f", "b", "s", "id", "x", "gap", "when", "net income"]

# -- formulas ------------------------------------------------------------------------------------

MARKS = [
    "\0", "\u202e", "\u200b", "\ufeff", "\ud800", "\udcff", "\u2024", "\uff5e", "\u2223", "\uff48",
    "\u00b2",
    "\u0660", "\x1b[2J", "\r", "\n", "\x0b", "\u2028", "\U0001f600", "e\u0301", "\u2060", "\u037e",
    "\uff08",
]  # fmt: skip
HOSTILE_PARTS = [
    "__import__('os').system('true')", "x.__class__", "().__class__.__mro__", "np.load('x')",
    "open('x', 'w')",
    "I((lambda: x)())", "I([q for q in x])", "I({q: 1 for q in x})", "I(f'{x}')", "I(x := 3)", "I(x[0])",
    "I('{0.__class__}'.format(x))", "I(9**9**9)", "I(x**9**9**9)", "I((x**9)**9)", "I(x**1e9)",
    "I(1e999*x)",
    "I(0x7fffffffffffffffffff*x)", "I('a'*10**9)", "I(x % 0)", "I(x // 0)", "I(x / 0)", "I(await x)",
    "I((yield x))", "I(*x)", "I(**x)", "Q(x)", "Q('nope')", "Q('x', 'y')", "Q('__builtins__')",
    "__builtins__",
    "bs(x, df=3, knots=[1])", "bs(x, knots=[1e9])", "bs(x, knots=[])", "bs(x, degree=0)", "bs(x, df=50)",
    "bs(x, lower_bound=11)", "bs(f)", "bs(x, include_intercept=x)", "cr(x, df=2)", "cr(x, knots=[9, 9, 9])",
    "cr(zero, df=4)", "cc(x, df=1)", "cc(z, constraints='center')", "cr(x, constraints=[1, 2])", "scale(f)",
    "center(f)", "scale(zero)", "standardize(x, rescale=f)", "scale(x, ddof=-100)", "scale(x, center=x)",
    "C(x)", "C(f, Treatment('q'))", "C(f, Treatment(99))", "C(f, Poly([1, 2]))", "C(f, levels=['a'])",
    "C(f, Sum(omit=z))", "C(f, 3)", "C(f, [[1, 2]])", "C(f, [[1, 2], [3, 4], [5, 6]])", "C(f, f)",
    "C(C(f), Sum)",
    "C(f, Treatment)", "C(x, Poly)", "C(f, Sum, levels=['c', 'b', 'a'])", "C(I)", "I(C)",
    "np.log(np)", "I(np)",
    "np.maximum(x)", "np.log(f)", "np.log(-x)", "np.exp(t)", "np.round(x, 99)", "np.sqrt(s)",
    "np.log(when)",
    "I(f == 'a')", "I(f + 'a')", "I(x == 'a')", "I(f < x)", "I(x < 1 < z)", "I(x is z)", "I(x in z)",
    "I(not x)",
    "I(x and z)", "I(~x)", "I(-f)", "I(x @ z)", "I(None)", "I(True)", "I(...)", "I(x + None)", "I(b + b)",
    "I()", "C()", "Q()", "bs()", "np.log()", "I(x, x)", "I(x=x)", "I(b'x')", "I(1j*x)",
    "I(x + 1_000)", "np.ln(x)",
    "log(open('x'))", "log(x.__class__)", "factor(__import__('os'))", "ifelse(x > 1, open('x'), 1)",
    "eval(x)", "get('x')", "Reduce(x)", "base::log(x)", "os::system(x)", "I(x %o% z)", "I(x |> z)",
    "c(x, z)", "log(c(1))", "poly(x, 20)", "poly(x, 20, raw=TRUE)", "poly(zero, 2)", "poly(f, 2)",
    "poly(i, 3)", "poly(big, 5)", "poly(t, 9)", "ns(x, 50)", "ns(zero, 3)", "ns(f, 3)",
    "ns(x, knots=c(1e9))", "ns(i, df=5)", "cut(x, 50)", "cut(zero, 3)", "cut(x, c(1))", "cut(x, c())",
    "cut(x, c(3, 3))", "cut(f, 3)", "cut(x, c(-1e9, 10, 1e9))", "cut(x, 3, right=FALSE)",
    "C(cut(x, 3), Sum)", "poly(ns(x, 3), 2)", "scale(poly(x, 2))", "log(poly(x, 2))", "relevel(f, 'q')",
    "relevel(f, 'b')", "dummy(f, 'b')", "dummy(z, 'b')", "ifelse(f == 'a', 'u', 'v')",
    "ifelse(x > 10, x, f)", "ordered(z)", "factor(z, levels=c(1, 2))", "offset(x)", "offset(f)",
    "offset(t*1e60)", "offset(gap)", "offset(when)", "offset(1)", "offset()", ".", "(.)^2", ".:.", "`.`",
    "x..", "..", "pi", "I(pi)", "sin(2*pi*x)", "zerocorr(x|g)", "us(x|g)", "diag(f||g)", "zerocorr(x)",
    "TRUE", "I(TRUE)", "x %in% f", "scale(x, scale=FALSE, center=FALSE)", "C(f, contr.sum)",
    "C(f, contr.helmert(3))", "contr.sum",
    "Intercept", "C", "np", "Q('C')", "True", "None", "lambda: x", "x if x else z", "import os",
    "x; y", "#x", "x\\",
]  # fmt: skip
HOSTILE = [
    *(f"y ~ {part} + (1|g)" for part in HOSTILE_PARTS),
    *(f"y ~ x + ({part}|g)" for part in HOSTILE_PARTS),
    *(f"{part} ~ x + (1|g)" for part in HOSTILE_PARTS),
    *(f"y ~ {'x' + mark} + (1|g)" for mark in MARKS),
    *(f"y ~ I(x{mark}) + (1|g)" for mark in MARKS),
    *(f"y ~ np{mark}log(x) + (1|g)" for mark in MARKS),
    *(f"y ~ `x{mark}` + (1|g)" for mark in MARKS),
    *(f"y ~ I(`x{mark}`) + (1|g)" for mark in MARKS),
    *(f"y ~ C(f, Treatment('{mark}')) + (1|g)" for mark in MARKS),
    *(f"y ~ x + (1|`g{mark}`)" for mark in MARKS),
    *(f"y ~ `{name}` + I(`{name}` * 2) + (`{name}`|g)" for name in ODD),
    *(f"y ~ Q({name!r}) + (1|g)" for name in ODD),
    *(f"y ~ x + (1|`{name}`)" for name in ODD),
    "y ~ \uff49\uff4d\uff50ort(x) + (1|g)", "y ~ \uff29(x) + (1|g)", "y ~ I(\uff4e\uff50.log(x)) + (1|g)",
    "y ~ \U0001d431 + (1|g)", "y ~ I(\U0001d431) + (1|g)", "y ~ I(x.\uff3f\uff3fclass\uff3f\uff3f) + (1|g)",
    "y ~ I(" + "9" * 400 + " * x) + (1|g)", "y ~ I(" + "9" * 6000 + " * x) + (1|g)", "y ~ " + "9" * 4999,
    "y ~ " + "x" * 4900 + " + (1|g)", "y ~ `" + "x " * 2400 + "` + (1|g)",
    "y ~ I(" + "x" * 480 + ") + (1|g)",
    "y ~ " + "(" * 2000 + "x" + ")" * 2000 + " + (1|g)", "y ~ " + "(" * 39 + "x" + ")" * 39 + " + (1|g)",
    "y ~ " + "(x|" * 1000 + "g" + ")" * 1000, "y ~ x + (1|" + "(" * 1500 + "g" + ")" * 1500 + ")",
    "y ~ x + (1|" + "/".join(["g", "h"] * 800) + ")", "y ~ x + (1|" + ":".join(["g", "h"] * 800) + ")",
    "y ~ " + "-" * 4900 + "x", "y ~ " + "x-" * 2400 + "x + (1|g)",
    "y ~ " + "I(" * 150 + "x" + ")" * 150 + " + (1|g)",
    "y ~ I(" + "-" * 490 + "x) + (1|g)", "y ~ I(" + "+".join(["x"] * 240) + ") + (1|g)", "y ~ `" * 1000,
    "y ~ I(" + "((((" * 20 + "x" + "))))" * 20 + ") + (1|g)", "y ~ I('" + "(" * 400 + "' == f) + (1|g)",
    "y ~ (x + z + t + f + s + b + k)**9 + (1|g)", "y ~ (x*z*t*f*s*b*k|g)", "y ~ f*s*b*k*i + (1|g)",
    "y ~ (x + z + t + b)**4 + ((x + z + t + b)**4|g)", "y ~ (((x**9)**9)**9)**9 + (1|g)",
    "y ~ C(id) + (1|g)", "y ~ g*h*f*s + (1|g)", "y ~ x + (C(id)|g)", "y ~ x + (0 + C(id)|h)",
    "y ~ x + (x|" + "g:h:" * 500 + "i)",
    "y ~ C(id)*C(g) + (1|g)", "y ~ C(id):C(x):C(t) + (1|g)", "y ~ x + (C(id):C(x)|g)",
    "y ~ bs(x, df=50):bs(t, df=50) + (1|g)", "y ~ bs(x, df=50)*bs(t, df=50)*bs(z, df=50) + (1|g)",
    "y ~ x + (bs(x, df=50):bs(t, df=50)|g)", "~", "|", "(|)", "y ~ (|)", "y ~ (1|)", "y~~x", "", " ",
    "\n", "\0",
    "y ~ x + (1|g) # and no more", "y ~ x + (1|g)\n\nimport os", "y ~ x + (1|g)\x00; import os",
]  # fmt: skip


class Formulas:
    """An endless stream of formulas, good, nearly good and bad; the same for the same seed."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def one(self) -> tuple[str, str]:
        """How it was made ("grammar", "changed", "bytes"), and the formula."""
        how = self.random.choices(["grammar", "changed", "bytes"], [6, 3, 1])[0]
        return how, getattr(self, how)()

    def pick(self, things: list[str]) -> str:
        return self.random.choice(things)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    # -- the grammar, with errors ----------------------------------------------------------------

    def grammar(self) -> str:
        parts = []
        if self.chance(0.85):
            parts.append(self.sum(2))
        for _ in range(self.random.choices([0, 1, 2, 3], [1, 8, 4, 1])[0]):
            parts.append(self.term())
        self.random.shuffle(parts)
        response = (
            self.call("y") if self.chance(0.1) else "y" if self.chance(0.97) else self.atom(1)
        )
        return response + self.space("~") + self.space("+").join(parts or ["1"])

    def space(self, operator: str) -> str:
        return operator if self.chance(0.2) else f" {operator} "

    def term(self) -> str:
        effects = "1" if self.chance(0.5) else self.sum(1)
        bar = "||" if self.chance(0.2) else "|" if self.chance(0.99) else "|||"
        groups = [self.name(GROUPS)]
        while self.chance(0.2):
            groups += [self.random.choices(":/+*&-", [8, 8, 2, 2, 2, 1])[0], self.name(GROUPS)]
        structure = self.pick(["zerocorr", "us", "diag"]) if self.chance(0.03) else ""
        return f"{structure}({effects}{bar}{''.join(groups)})"

    def sum(self, depth: int) -> str:
        text = self.random.choices(["", "0 + ", "1 + ", "-1 + ", "-"], [24, 6, 6, 2, 1])[0]
        text += self.product(depth)
        while self.chance(0.4):
            text += self.space(self.pick(["+", "+", "+", "+", "-"])) + self.product(depth)
        return text

    def product(self, depth: int) -> str:
        text = self.atom(depth)
        while self.chance(0.15):
            text += self.space(
                self.random.choices(["*", ":", "/", "**", "|", "%in%", "&"], [6, 6, 2, 1, 1, 1, 1])[
                    0
                ]
            ) + self.atom(depth)
        return text

    def atom(self, depth: int) -> str:
        what = self.random.random()
        if what < 0.6 or depth <= 0:
            return self.name(COLUMNS)
        if what < 0.82:
            return self.call(self.name(COLUMNS))
        if what < 0.84:
            return self.pick(HOSTILE_PARTS)
        if what < 0.86:
            return self.pick(["0", "1", "2", "-1", "1.5", "1e5", "007", "10"])
        if what < 0.93:
            return f"({self.sum(depth - 1)})**{self.random.randint(1, 4)}"
        return f"({self.sum(depth - 1)})"

    def name(self, names: list[str]) -> str:
        what = self.random.random()
        if what < 0.9:
            name = self.pick(names) if self.chance(0.99) else "y"
            return name if name.isidentifier() else f"`{name}`"
        if what < 0.97:
            return f"`{self.pick(ODD)}`"
        return self.pick(
            ["w", "`no such`", "Y", "x_", "school", "x" * 300, f"`x{self.pick(MARKS)}`"]
        )

    def call(self, name: str) -> str:
        number = self.pick(
            [
                "1",
                "2",
                "3",
                "5",
                "0",
                "-1",
                "0.5",
                "1e6",
                "x",
                "None",
                "'a'",
                "True",
                "[10]",
                "TRUE",
                "c(9, 10)",
            ]
        )
        function = self.pick(
            [
                *sorted(FUNCTIONS),
                *(f"np.{f}" for f in sorted(NUMPY)),
                *THEIRS,
                "offset",
                "splines::ns",
            ]
        )
        inner = name if self.chance(0.8) else self.call(name)
        keyword = self.pick(["raw", "intercept", "breaks", "right", "ref", "level", "yes", "df", "degree",
                             "knots", "include_intercept", "lower_bound", "constraints", "ddof", "center",
                             "rescale", "levels", "decimals", "out", "where"])  # fmt: skip
        operator = self.pick(
            ["+", "-", "*", "/", "//", "%", "**", "==", "<", ">=", "!=", "^", "&", "@", "<<"]
        )
        contrast = self.pick(["Treatment", "Sum", "Poly", "Helmert", "Diff"])
        if self.chance(0.2):  # any function, any argument
            return self.pick(
                [
                    f"{function}({inner})",
                    f"{function}({inner}, {keyword}={number})",
                    f"{function}({inner}, {number})",
                    f"I({inner} {operator} {number})",
                    f"C({inner}, {contrast}({number}))",
                ]
            )
        operator = self.pick(["+", "-", "*", "/", "**", "==", "<", ">="])
        number = self.pick(["1", "2", "3", "0.5", "1e6"])
        return self.pick(
            [
                f"np.{self.pick(sorted(NUMPY))}({inner})",
                f"I({inner} {operator} {number})",
                f"I({inner} {operator} {self.name(COLUMNS)})",
                f"{self.pick(['center', 'scale', 'standardize'])}({inner})",
                f"C({inner})",
                f"C({inner}, {contrast})",
                f"{self.pick(['bs', 'cr', 'cc', 'ns'])}({inner}, df={self.random.randint(2, 8)})",
                f"{self.pick(['poly', 'cut'])}({inner}, {self.random.randint(1, 6)})",
                f"{self.pick(THEIRS)}({inner})",
                f"I({inner}^{self.random.randint(1, 4)})",
                f"ifelse({inner} {operator} {number}, 1, {number})",
                f"offset({inner})",
            ]
        )

    # -- characters and bytes --------------------------------------------------------------------

    def changed(self) -> str:
        """A formula of the grammar with a few characters changed."""
        text = self.grammar()
        for _ in range(self.random.randint(1, 5)):
            at = self.random.randrange(len(text) + 1)
            to = min(at + self.random.choice([0, 1, 1, 2, 8]), len(text))
            new = self.pick(
                [
                    "",
                    self.character(),
                    self.character(),
                    text[at:to] * 2,
                    self.pick(MARKS),
                    self.pick(HOSTILE_PARTS),
                ]
            )
            text = text[:at] + new + text[to:]
        return text

    def character(self) -> str:
        return self.pick(list("()|~+-*/:^.,`'\"\\=[]{}<>@#$%&!?;_ \t0123456789abcxyzgIQC"))

    def bytes(self) -> str:
        """Bytes, as a file or a terminal would hand them over."""
        raw = self.random.randbytes(self.random.choice([1, 4, 16, 64, 400]))
        text = raw.decode(
            self.pick(["utf-8", "latin-1", "ascii"]),
            "surrogateescape" if self.chance(0.5) else "replace",
        )
        return text if self.chance(0.3) else f"y ~ {text} + (1|g)"
