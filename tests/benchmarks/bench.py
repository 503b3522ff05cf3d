"""How long `mixedlm` takes beside lme4, statsmodels called by hand, and the Rust package mixedlm.

    python tests/benchmarks/bench.py          measure, and write results.md, .json and .png here
    python tests/benchmarks/bench.py --quick  a tenth of the rows, one round; writes and requires nothing

Seconds depend on the machine, ratios much less: peers take turns in one run, so that whatever else the
machine does slows all of them, and medians are compared. The exit status is 1 where a required ratio is
missed, or where mixedlm stopped at a lower log-likelihood.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from statistics import median

# Before NumPy loads, and R and Rust inherit it: on busy cores the threads of a linear algebra library wait
# for each other, and statsmodels took anything from 14 to 60 seconds for the same fit.
os.environ.update(
    OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", RAYON_NUM_THREADS="1"
)

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import seaborn as sns
from peers import Runs, missing, versions
from problems import INTERCEPTS, Problem, problems, pupils

from course import mixedlm

HERE = Path(__file__).parent
LLF_TOLERANCE = 1e-4  # log-likelihood units by which mixedlm may end below a peer
SMALL_MS, DESIGN_MS = 30, 10  # a fit of 2,400 pupils, and its formula and design
GROWTH, GIGABYTES = 12, 2  # 1,000,000 pupils: times the seconds of 100,000, and memory


@dataclass
class Result:
    """A problem, and what came of it by peer."""

    problem: Problem
    rows: int
    ours: Runs
    theirs: dict[str, Runs]

    def ratio(self, name: str) -> float:
        return median(self.theirs[name].seconds) / median(self.ours.seconds)

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
            if self.problem.same_model and not self.gain(name) > -LLF_TOLERANCE:
                found.append(f"{self.title}: log-likelihood {-self.gain(name):.2g} below {name}")
        return found


def measure(problem: Problem, absent: dict[str, str], quick: bool) -> Result:
    """Let all peers take turns."""
    data = problem.data()
    peers = {name: peer for name, peer in problem.peers.items() if name not in absent}
    result = Result(problem, len(data), Runs(), {name: Runs() for name in peers})
    for _ in range(1 if quick else problem.rounds):
        problem.ours(problem.formula, data, result.ours, problem.times)
        for name, peer in peers.items():
            peer(problem.formula, data, result.theirs[name], problem.their_times)
    said = [f"{name} {median(runs.seconds):.3g} s" for name, runs in result.theirs.items()]
    print(
        f"{result.title}: ours {median(result.ours.seconds):.3g} s, {', '.join(said)}", flush=True
    )
    return result


def small_fit(times: int = 30) -> dict[str, float]:
    """Where the time of a small fit goes, in milliseconds (medians)."""
    data, designs, fits = pupils((8, 5, 4, 15)), [], []
    for _ in range(times):
        start = time.perf_counter()
        model = mixedlm(INTERCEPTS, data)
        between = time.perf_counter()
        model.fit()
        designs.append(1000 * (between - start))
        fits.append(1000 * (time.perf_counter() - between))
    return {"formula and design": median(designs), "fit": median(fits)}


GROW = """
import resource, sys, time
sys.path.insert(0, {here!r})
from problems import LEVELS, THREE_SLOPES, pupils
from course import mixedlm
data = pupils({sizes}, *LEVELS)
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
seconds = []
for _ in range({times}):
    begin = time.perf_counter()
    mixedlm(THREE_SLOPES, data).fit()
    seconds.append(time.perf_counter() - begin)
print(min(seconds), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def growth(quick: bool) -> dict[str, float]:
    """Three correlated slopes on ten times the pupils: seconds, and memory in GB.

    Each in a process of its own, whose peak counts; the fastest of some runs, taking turns.
    """
    sizes = ((8, 5, 8, 25), (20, 20, 8, 25)) if quick else ((20, 25, 8, 25), (100, 50, 8, 25))
    seconds, memory = ([], []), 0.0
    for _ in range(1 if quick else 3):
        for found, size, times in zip(seconds, sizes, (9, 3), strict=True):
            script = GROW.format(here=str(HERE), sizes=size, times=times)
            done = subprocess.run(
                [sys.executable, "-c", script], capture_output=True, text=True, check=True
            )
            fastest, memory = (float(word) for word in done.stdout.split())
            found.append(fastest)
    return {"seconds_100k": min(seconds[0]), "seconds_1m": min(seconds[1]), "gigabytes_1m": memory}


# -- the report ---------------------------------------------------------------------------------

NOTES = """\
Seconds are medians over runs in which all took turns, one thread each. Loading packages, reading files and
making R's factors are not counted. All fit by REML with default settings. The difference is mixedlm's
log-likelihood minus the other's: above 1e-6, which is rounding, the other stopped short of the optimum.

Pupils are simulated in classrooms in schools in provinces (`problems.py` has formulas and sizes). `age` is
centred where its slope varies, which helps the others: mixedlm does it inside. By hand, statsmodels has no
correlated effects below the top level, so there a larger model is compared with a smaller one.
"""


def table(results: list[Result]) -> list[str]:
    lines = [
        "| rows | model | measured | s (runs) | against | s (runs) | times as fast | required "
        "| log-likelihood | difference |",
        "|---:|---|---|---:|---|---:|---:|---:|---:|---:|",
    ]
    for result in results:
        for name, runs in result.theirs.items():
            required = result.problem.required.get(name)
            same = result.problem.same_model
            cells = [
                f"{result.rows:,}",
                result.problem.name,
                result.problem.measured,
                _seconds(result.ours),
                name,
                _seconds(runs),
                f"**{result.ratio(name):.1f}**",
                f"≥ {required:g}" if required else "",
                f"{result.ours.llf:.4f}",
                f"{result.gain(name):+.1e}" + ("" if same else " (another model)"),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def report(results: list[Result], about: dict, split: dict, grown: dict, absent: dict) -> str:
    said = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    lines = [
        "# Speed",
        "",
        f"Written by `make bench` on {about['date']}: {about['cores']} cores ({about['machine']}), "
        f"load average {about['load_at_start']} before the start. {said}.",
        "",
        "![Seconds by problem and package](results.png)",
        "",
        *table(results),
        "",
        f"A fit of 2,400 pupils is made of: formula and design {split['formula and design']:.1f} ms "
        f"(required < {DESIGN_MS}), fit {split['fit']:.1f} ms (together < {SMALL_MS}).",
        "",
        "Three correlated slopes: 100,000 pupils in 4,000 classrooms "
        f"{grown['seconds_100k']:.3f} s, 1,000,000 in 40,000 {grown['seconds_1m']:.2f} s, "
        f"{grown['seconds_1m'] / grown['seconds_100k']:.1f} times as long (required ≤ {GROWTH}); "
        f"its process needed {grown['gigabytes_1m']:.2f} GB at most, data included "
        f"(required < {GIGABYTES}).",
        "",
    ]
    for result in results:
        for name, runs in result.theirs.items():
            if runs.note:
                lines += [f"{name} on {result.title}: {runs.note}.", ""]
    for name, reason in absent.items():
        lines += [f"Against {name}: skipped, {reason}.", ""]
    return "\n".join([*lines, NOTES])


def _seconds(runs: Runs) -> str:
    return f"{median(runs.seconds):.3g} ({len(runs.seconds)})"


def picture(results: list[Result], path: Path) -> None:
    """Seconds on a logarithmic scale, one row for each problem, one mark for each package."""
    names = ["ours", "mixedlm (Rust)", "lme4", "statsmodels by hand"]
    colours = [sns.color_palette("colorblind")[i] for i in (0, 1, 7, 3)]
    figure, ax = plt.subplots(figsize=(9, 0.55 * len(results) + 1.5))
    for row, result in enumerate(results):
        times = {"ours": result.ours} | result.theirs
        seconds = {name: median(runs.seconds) for name, runs in times.items()}
        ax.plot([min(seconds.values()), max(seconds.values())], [row, row], color="0.8", zorder=0)
        for name, marker, colour in zip(names, "oDs^", colours, strict=True):
            if name in seconds:
                ax.plot(seconds[name], row, marker, color=colour, markersize=8, label=name)
    handles, labels = ax.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    ax.legend(
        [unique[name] for name in names if name in unique],
        [name for name in names if name in unique],
        loc="lower center",
        bbox_to_anchor=(0.4, 1.0),
        ncols=4,
        frameon=False,
    )
    ax.set_xscale("log")
    ax.set_xlabel("time of one fit (s, logarithmic)")
    ax.set_yticks(range(len(results)), [_short(result) for result in results])
    ax.invert_yaxis()
    sns.despine(ax=ax, left=True)
    figure.savefig(path, dpi=150, bbox_inches="tight")
    plt.close(figure)


def _short(result: Result) -> str:
    return f"{result.problem.name.split(' (')[0].split(': ')[-1]}\n{result.rows:,} rows"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small data, nothing written")
    quick = parser.parse_args().quick
    load = round(os.getloadavg()[0], 1)
    absent = missing()
    for name, reason in absent.items():
        print(f"against {name}: skipped, {reason}")
    todo = problems(quick)
    warm = pupils((4, 3, 3, 10))
    for peer in {todo[1].ours, *todo[0].peers.values(), todo[0].ours}:  # what runs first is slow
        if not any(todo[0].peers.get(name) is peer for name in absent):
            peer(INTERCEPTS, warm, Runs(), 1)
    results = [measure(problem, absent, quick) for problem in todo]
    split, grown = small_fit(), growth(quick)

    about = {
        "date": date.today().isoformat(),
        "cores": os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
        "load_at_start": load,
        "versions": {"Python": platform.python_version()} | versions(absent),
    }
    text = report(results, about, split, grown, absent)
    print(f"\n{text}", end="")
    if quick:
        print("\nQuick: with so few rows the requirements say nothing; not judged, not written.")
        return 0
    found = [
        {
            "rows": result.rows,
            "model": result.problem.name,
            "formula": result.problem.formula,
            "measured": result.problem.measured,
            "required": result.problem.required,
            "same_model": result.problem.same_model,
            "ours": asdict(result.ours),
            "theirs": {name: asdict(runs) for name, runs in result.theirs.items()},
        }
        for result in results
    ]
    stored = about | {"results": found, "small_fit_milliseconds": split, "growth": grown}
    (HERE / "results.md").write_text(text, encoding="utf-8")
    (HERE / "results.json").write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    picture(results, HERE / "results.png")
    failures = [failure for result in results for failure in result.failures]
    if sum(split.values()) > SMALL_MS or split["formula and design"] > DESIGN_MS:
        failures.append(f"2,400 pupils: {split}")
    if grown["seconds_1m"] > GROWTH * grown["seconds_100k"] or grown["gigabytes_1m"] > GIGABYTES:
        failures.append(f"1,000,000 pupils: {grown}")
    for failure in failures:
        print(f"MISSED  {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
