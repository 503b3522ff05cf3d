"""How measuring is done: who takes turns at what, where a small fit spends its time, and how fits grow."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import TypeVar

from peers import LIMIT, Data, Runs, turn
from problems import INTERCEPTS, Problem, pupils

from course import mixedlm

HERE = Path(__file__).parent
LLF_TOLERANCE = 1e-4  # log-likelihood units by which mixedlm may end below a peer
SLOW = 20  # whoever needs more seconds for a turn takes no second one
SMALL_MS, DESIGN_MS = 30, 10  # a fit of 2,400 pupils, and its formula and design
T = TypeVar("T")


@dataclass
class When:
    """The day of a measurement, and what else the machine did: its load average before and after."""

    date: str
    load: list[float]

    def __str__(self) -> str:
        before, after = self.load
        return f"measured on {self.date}, load average {before} before and {after} after"


def noted(work: Callable[[], T]) -> tuple[T, When]:
    """What some measuring gives, and when that was."""
    before = os.getloadavg()[0]
    found = work()
    return found, When(
        date.today().isoformat(), [round(x, 1) for x in (before, os.getloadavg()[0])]
    )


@dataclass
class Result:
    """A problem, and what came of it by package."""

    problem: Problem
    rows: int
    ours: Runs
    theirs: dict[str, Runs]
    when: When | None = None

    def ratio(self, name: str) -> float:
        """How many times as fast ours is; at least that, where the other was stopped."""
        runs = self.theirs[name]
        seconds = runs.seconds or [LIMIT if runs.stopped else float("nan")]
        return median(seconds) / median(self.ours.seconds)

    def gain(self, name: str) -> float:
        """Our log-likelihood minus theirs."""
        return self.ours.llf - self.theirs[name].llf

    @property
    def title(self) -> str:
        return f"{self.rows:,} rows, {self.problem.name}"

    @property
    def failures(self) -> list[str]:
        found = [f"{self.title}: mixedlm {self.ours.note}"] if self.ours.note else []
        for name in self.theirs:
            required = self.problem.required.get(name, 0)
            if self.ratio(name) < required:
                found.append(
                    f"{self.title}: {self.ratio(name):.2f} times as fast as {name}, "
                    f"required {required:g}"
                )
            if self.problem.same_model and self.gain(name) < -LLF_TOLERANCE:
                found.append(f"{self.title}: log-likelihood {-self.gain(name):.2g} below {name}")
        return found


def measure(problem: Problem, absent: dict[str, str], quick: bool) -> Result:
    """Let all packages take turns."""
    result, when = noted(lambda: _turns(problem, absent, quick))
    return replace(result, when=when)


def _turns(problem: Problem, absent: dict[str, str], quick: bool) -> Result:
    present = [name for name in problem.peers if name not in absent]
    with tempfile.TemporaryDirectory() as folder:
        data = Data.write(problem.data(), folder)
        result = Result(problem, data.rows, Runs(), {name: Runs() for name in present})
        how = {"formula": problem.formula, "data": data, "reml": problem.reml, "call": problem.call}
        for _ in range(1 if quick else problem.rounds):
            turn(problem.ours, runs=result.ours, times=problem.times, **how)
            for name, runs in result.theirs.items():
                if not runs.failed and max(runs.seconds, default=0) < SLOW:
                    turn(name, runs=runs, times=problem.their_times, **how)
    said = [
        f"{name} {median(runs.seconds):.3g} s" if runs.seconds else f"{name} {runs.note}"
        for name, runs in result.theirs.items()
    ]
    print(
        f"{result.title}: ours {median(result.ours.seconds):.3g} s, {', '.join(said)}", flush=True
    )
    return result


def small_fit(times: int = 30) -> dict[str, float]:
    """Where the time of a small fit goes, in milliseconds (medians)."""
    data, designs, fits = pupils((8, 5, 4, 15)), [], []
    for _ in range(times):
        start = time.process_time()
        model = mixedlm(INTERCEPTS, data)
        between = time.process_time()
        model.fit()
        designs.append(1000 * (between - start))
        fits.append(1000 * (time.process_time() - between))
    return {"formula and design": median(designs), "fit": median(fits)}


# -- growth -------------------------------------------------------------------------------------

GROW = """
import resource, sys, time
sys.path.insert(0, {here!r})
from problems import LEVELS, THREE_SLOPES, pupils
from course import mixedlm
data = pupils({sizes}, *LEVELS)
seconds = []
for _ in range({times}):
    begin = time.process_time()
    mixedlm(THREE_SLOPES, data).fit()
    seconds.append(time.process_time() - begin)
print(min(seconds), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


@dataclass
class Size:
    """Pupils by sizes, how often a turn fits them, and what is required.

    ``growth`` times the seconds of the size with ``than`` pupils at most, and ``gigabytes``, data and
    packages included.
    """

    sizes: tuple[int, int, int, int]
    times: int
    than: int = 0
    growth: float = float("inf")
    gigabytes: float = float("inf")


def sizes(quick: bool) -> dict[int, Size]:
    if quick:
        return {32_000: Size((8, 20, 8, 25), 9), 80_000: Size((20, 20, 8, 25), 3, 32_000)}
    return {
        100_000: Size((20, 25, 8, 25), 9),
        500_000: Size((50, 50, 8, 25), 4),
        1_000_000: Size((100, 50, 8, 25), 3, 100_000, growth=12, gigabytes=2),
        5_000_000: Size((500, 50, 8, 25), 2, 500_000, growth=13, gigabytes=3),
        10_000_000: Size((1000, 50, 8, 25), 2, 5_000_000, growth=2.2),
    }


def growth(sizes: dict[int, Size], rounds: int) -> dict[int, tuple[float, float]]:
    """Three correlated slopes: seconds, and memory in GB, by the number of pupils.

    Each in a process of its own, whose peak counts; the fastest of some runs, taking turns.
    """
    found = {number: [] for number in sizes}
    for _ in range(rounds):
        for number, size in sizes.items():
            script = GROW.format(here=str(HERE), sizes=size.sizes, times=size.times)
            done = subprocess.run(
                [sys.executable, "-c", script], capture_output=True, text=True, check=True
            )
            found[number].append([float(word) for word in done.stdout.split()])
    return {
        number: (min(seconds for seconds, _ in runs), max(memory for _, memory in runs))
        for number, runs in found.items()
    }


def missed(
    results: list[Result],
    split: dict[str, float] | None,
    grown: dict[int, tuple[float, float]] | None,
) -> list[str]:
    """What is required and was not reached."""
    found = [failure for result in results for failure in result.failures]
    if split and (sum(split.values()) > SMALL_MS or split["formula and design"] > DESIGN_MS):
        found.append(f"2,400 pupils: {split}")
    for number, size in sizes(quick=False).items() if grown else ():
        seconds, memory = grown[number]
        if size.than and seconds > size.growth * grown[size.than][0]:
            found.append(f"{number:,} pupils: {seconds / grown[size.than][0]:.1f} times as long")
        if memory > size.gigabytes:
            found.append(f"{number:,} pupils: {memory:.2f} GB")
    return found
