"""Formulas from strangers: reads generated formulas and writes tests/long/fuzz.md.

    python tests/long/fuzz.py

Each formula ends as a fitted model or as a CourseError: in time, in little memory, and without
anything having been opened, imported, started or run beside what the formula may say. A formula is made by
a grammar that knows what formulas look like and errs on purpose, or from a good one by changing
characters, or from nothing but bytes. The same seed makes the same formulas.
"""

from __future__ import annotations

import argparse
import faulthandler
import platform
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
from strange_formulas import HOSTILE, Formulas, data

from course import CourseError, mixedlm
from course.formula.expressions import FUNCTIONS, NUMPY, STATEFUL
from course.formula.parse import parse_formula

SECONDS = 1.0  # of processor time for one formula, so that a busy machine fails nobody
MANY = 20  # variances and covariances
SECONDS_FOR_MANY = 5.0  # for a search over more of them
MEGABYTES = 300  # that all formulas together may add to the peak
MESSAGE = 700  # characters of a message; a learner reads it
HANG = 300  # seconds after which the process says where it is and ends


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


ALLOWED = FUNCTIONS | NUMPY | {"np", "pi", "inf", "memorize_chunk", "transform"}
REMEMBERING = re.compile(rf"_patsy_stobj\d+__({'|'.join(sorted(STATEFUL))})__")  # patsy's bs(...)


def _is_allowed(code: types.CodeType) -> bool:
    """Whether it only names columns and listed functions, and holds no function of its own."""
    inner = any(isinstance(constant, types.CodeType) for constant in code.co_consts)
    foreign = set(code.co_names) - ALLOWED - _frame_names
    return not inner and all(REMEMBERING.fullmatch(name) for name in foreign)


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
            formula = parse_formula(text, frame.columns)
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
    """tests/long/fuzz.md."""
    kinds = ["model", "refused at once", "refused with the data", "fault"]
    lines = [
        "# Formulas from strangers",
        "",
        f"`python tests/long/fuzz.py --formulas {report.n} --seed {seed} --processes {processes}` on "
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
    parser.add_argument("--keep", action="store_true", help="leave tests/long/fuzz.md as it is")
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
