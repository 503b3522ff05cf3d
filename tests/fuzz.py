"""Formulas from strangers: `python tests/fuzz.py` reads generated formulas and writes tests/fuzz.md.

Each formula ends as a fitted model or as a CourseError: in time, in little memory, and without
anything having been opened, imported, started or run beside what the formula may say. A formula is made by
a grammar that knows what formulas look like and errs on purpose, or from a good one by changing
characters, or from nothing but bytes. The same seed makes the same formulas.
"""

from __future__ import annotations

import argparse
import faulthandler
import platform
import random
import re
import resource
import sys
import time
import types
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from course import CourseError, mixedlm
from course.expressions import FUNCTIONS, NUMPY
from course.formula import parse_formula

SECONDS = 1.0  # of processor time for one formula, so that a busy machine fails nobody
MANY = 20  # variances and covariances
SECONDS_FOR_MANY = 5.0  # for a search over more of them
MEGABYTES = 300  # that all formulas together may add to the peak
MESSAGE = 700  # characters of a message; a learner reads it
HANG = 300  # seconds after which the process says where it is and ends

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
            groups += [self.random.choices(":/+*-", [8, 8, 1, 1, 1])[0], self.name(GROUPS)]
        return f"({effects}{bar}{''.join(groups)})"

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
                self.random.choices(["*", ":", "/", "**", "|", "%in%"], [6, 6, 2, 1, 1, 1])[0]
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
            ["1", "2", "3", "5", "0", "-1", "0.5", "1e6", "x", "None", "'a'", "True", "[10]"]
        )
        function = self.pick(sorted(FUNCTIONS) + [f"np.{f}" for f in sorted(NUMPY)])
        inner = name if self.chance(0.8) else self.call(name)
        keyword = self.pick(["df", "degree", "knots", "include_intercept", "lower_bound", "constraints",
                             "ddof", "center", "rescale", "levels", "decimals", "out", "where"])  # fmt: skip
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
                f"{self.pick(['bs', 'cr', 'cc'])}({inner}, df={self.random.randint(2, 8)})",
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


# -- what a formula may do ------------------------------------------------------------------------

WATCHED = ("open", "import", "exec", "compile", "subprocess.", "os.", "socket.", "ctypes.", "shutil.",
           "code.", "marshal.", "pickle.", "tempfile.", "urllib.", "webbrowser.", "signal.", "builtins.input",
           "fcntl.",
           "glob.", "pathlib.", "sqlite3.", "ftplib.", "cpython.", "mmap.")  # fmt: skip
_seen: list[str] | None = None  # a list while a formula is at work; an audit hook stays for good


def _hook(event: str, arguments: tuple) -> None:
    if _seen is None or not event.startswith(WATCHED):
        return
    if event == "compile":
        return  # a syntax tree, or code: it does nothing before an exec
    if event == "exec" and isinstance(arguments[0], types.CodeType) and _is_allowed(arguments[0]):
        return
    _seen.append(f"{event} {arguments!r:.120}")


ALLOWED = FUNCTIONS | NUMPY | {"np", "memorize_chunk", "transform"}
STATEFUL = re.compile(r"_patsy_stobj\d+__(bs|cr|cc|center|scale|standardize)__")  # patsy's bs(...)


def _is_allowed(code: types.CodeType) -> bool:
    """Whether it only names columns and listed functions, and holds no function of its own."""
    inner = any(isinstance(constant, types.CodeType) for constant in code.co_consts)
    foreign = set(code.co_names) - ALLOWED - _frame_names
    return not inner and all(STATEFUL.fullmatch(name) for name in foreign)


_frame_names: frozenset[str] = frozenset()
_installed = False


@contextmanager
def watched(names: frozenset[str]):
    """A list that fills with what is opened, imported, started or executed inside."""
    global _seen, _installed, _frame_names
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    _seen, _frame_names = [], names
    try:
        yield _seen
    finally:
        _seen = None


@dataclass
class Outcome:
    """What became of one formula."""

    kind: str  # "model", "refused at once", "refused with the data", or a fault
    message: str = ""
    seconds: float = 0.0


def attempt(text: str, frame: pd.DataFrame, names: frozenset[str]) -> Outcome:
    """Read, translate and fit one formula, and hold what happens against what may."""
    start, limit = time.thread_time(), SECONDS
    kind, message, fit = "refused at once", "", None
    try:
        with watched(names) as seen:
            formula = parse_formula(text)
            if parse_formula(str(formula)) != formula:
                return Outcome("fault", f"read again it is another formula: {formula}")
            kind = "refused with the data"
            model = mixedlm(text, frame)
            translation = model.translation
            if time.thread_time() - start < SECONDS and model.problem.n_theta > MANY:
                limit = SECONDS_FOR_MANY
            fit = model.fit()
        kind = "model"
        compile(translation.code, "<code>", "exec")
        if not (np.isfinite(fit.llf) and np.isfinite(fit.fe_params).all()):
            kind, message = "fault", f"log-likelihood {fit.llf}, effects {fit.fe_params}"
        said = [translation.explain(), translation.latex, str(fit)]
        if len(text) % 10 == 0:  # a summary takes longer than the fit: one in ten is enough
            said.append(str(fit.summary()))
        if not all(said):
            kind, message = "fault", "says nothing"
    except CourseError as error:
        if kind == "model":
            kind = "fault"
        message = str(error)
    except Exception as error:  # anything else is what this looks for
        kind, message = "fault", f"{type(error).__name__}: {error}"
    seconds = time.thread_time() - start
    if kind.startswith("refused") and ("\n" in message or len(message) > MESSAGE or not message):
        kind, message = "fault", f"a message of {len(message)} characters or lines: {message}"
    if seen:
        kind, message = "fault", f"did {seen[:3]}"
    if seconds > limit:
        kind, message = "fault", f"took {seconds:.2f} s of processor time ({kind}: {message})"
    return Outcome(kind, message, seconds)


@dataclass
class Report:
    """What became of many formulas."""

    counts: Counter = field(default_factory=Counter)
    worst: tuple[float, str] = (0.0, "")
    slow: int = 0  # that took more than SECONDS: a search over many parameters
    faults: list[str] = field(default_factory=list)
    passed_on: Counter = field(default_factory=Counter)  # words of patsy or NumPy in our messages
    seconds: float = 0.0
    megabytes: float = 0.0

    def add(self, how: str, text: str, outcome: Outcome) -> None:
        self.counts[how, outcome.kind] += 1
        self.worst = max(self.worst, (outcome.seconds, text))
        self.slow += outcome.seconds > SECONDS
        if outcome.kind == "fault":
            self.faults.append(f"{text!r}: {outcome.message}")
        if "cannot be computed" in outcome.message:
            self.passed_on[outcome.message.partition("cannot be computed")[2][:110]] += 1

    @property
    def n(self) -> int:
        return self.counts.total()

    def join(self, other: Report) -> None:
        """Take in what another process has done at the same time."""
        self.counts += other.counts
        self.worst = max(self.worst, other.worst)
        self.slow += other.slow
        self.faults += other.faults
        self.passed_on += other.passed_on
        self.seconds = max(self.seconds, other.seconds)
        self.megabytes = max(self.megabytes, other.megabytes)


def peak() -> float:
    """The most memory the process has held so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


WARM_UP = [
    "y ~ x*f + bs(x, df=4) + cr(x, df=3) + (x|g) + (1|h)",
    "y ~ C(f, Poly) + (x||g/h)",
    "y ~ w + (1|g)",
    "y ~ x + (1|x)",
    "y ~ C(f, Treatment('q')) + (1|g)",
    "y ~ I(x @) + (1|g)",
    "y ~ x + gap + (1|i)",
]


def warm_up(frame: pd.DataFrame, names: frozenset[str]) -> None:
    """Import, before the watch begins, what the package imports when first needed."""
    for text in WARM_UP:
        attempt(text, frame, names)


def run(n: int, seed: int, seconds: float = np.inf, progress: bool = False) -> Report:
    """The hostile list, then generated formulas up to n in all, or until the time is over."""
    frame = data()
    names = frozenset(frame.columns)
    before = frame.copy(deep=True)
    warm_up(frame, names)
    report, formulas = Report(), Formulas(seed)
    memory, start = peak(), time.monotonic()
    for count in range(n):
        if time.monotonic() - start > seconds:
            break
        how, text = ("hostile", HOSTILE[count]) if count < len(HOSTILE) else formulas.one()
        faulthandler.dump_traceback_later(HANG, exit=True)
        report.add(how, text, attempt(text, frame, names))
        if progress and report.faults and report.faults[-1].startswith(repr(text)):
            print("FAULT", ascii(report.faults[-1])[:400], file=sys.stderr)
        if progress and count % 1000 == 999:
            print(f"{count + 1:,} formulas, {len(report.faults)} faults", file=sys.stderr)
    faulthandler.cancel_dump_traceback_later()
    report.seconds = time.monotonic() - start
    report.megabytes = peak() - memory
    if report.megabytes > MEGABYTES:
        report.faults.append(f"{report.megabytes:.0f} MB more than before")
    if not frame.equals(before):
        report.faults.append("the data were changed")
    return report


def written(report: Report, seed: int, processes: int) -> str:
    """tests/fuzz.md."""
    kinds = ["model", "refused at once", "refused with the data", "fault"]
    lines = [
        "# Formulas from strangers",
        "",
        f"`python tests/fuzz.py --formulas {report.n} --seed {seed} --processes {processes}` on "
        f"{date.today():%d %B %Y}, Python {platform.python_version()}, NumPy {np.__version__}, pandas "
        f"{pd.__version__}.",
        "",
        "Each formula was read; if it could be read, written down and read again, translated and fitted to "
        "72 rows. An audit hook saw to it that nothing was opened, imported or started meanwhile, and that "
        "nothing was executed but columns and the listed functions.",
        "",
        f"- {report.n:,} formulas in {report.seconds:.0f} s: {report.n / report.seconds:,.0f} a second",
        f"- the slowest took {report.worst[0]:.2f} s of processor time: `{report.worst[1][:80]}`",
        f"- {report.slow} took more than {SECONDS:g} s; fits of more than {MANY} variances and covariances "
        f"may take {SECONDS_FOR_MANY:g} s",
        f"- memory of a process: {report.megabytes:.0f} MB more at the peak than before the first",
        f"- faults: {len(report.faults)}",
        "",
        f"| made by | formulas | {' | '.join(kinds)} |",
        "|---" * (len(kinds) + 2) + "|",
    ]
    for how in ("hostile", "grammar", "changed", "bytes"):
        found = [report.counts[how, kind] for kind in kinds]
        lines.append(f"| {how} | {sum(found):,} | {' | '.join(f'{one:,}' for one in found)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--formulas", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1800, help="stop after this time")
    parser.add_argument("--keep", action="store_true", help="leave tests/fuzz.md as it is")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    each = options.formulas // options.processes
    with ProcessPoolExecutor(options.processes) as pool:
        first, *others = [
            pool.submit(run, each, options.seed + i, options.seconds, True)
            for i in range(options.processes)
        ]
        report = first.result()
        for one in others:
            report.join(one.result())
    text = written(report, options.seed, options.processes)
    print(text)
    for message, count in report.passed_on.most_common(40):
        print(f"{count:6} passed on: {message}")
    if not options.keep:
        Path(__file__).with_suffix(".md").write_text(text, "utf-8")
    return bool(report.faults)


if __name__ == "__main__":
    sys.exit(main())
