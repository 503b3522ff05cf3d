"""How long `mixedlm` takes beside R's lme4, and beside statsmodels called by hand.

    python tests/benchmarks/bench.py          measure, and write results.md and results.json here
    python tests/benchmarks/bench.py --quick  a tenth of the pupils, one round; writes and requires nothing

Seconds depend on the machine, ratios much less: competitors take turns in one run, so that whatever else
the machine does slows all of them, and medians are compared. Every competitor starts from a data frame
in memory and a formula, fits by REML with its default settings, and has one thread. The exit status is 1
where a required ratio is missed, or where mixedlm stopped at a lower log-likelihood.
"""

import argparse
import gc
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median

# Before NumPy loads, and R inherits it: on busy cores the threads of a linear algebra library wait for
# each other, and statsmodels took anything from 14 to 60 seconds for the same fit.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import pandas as pd
import statsmodels.formula.api as smf

from course import mixedlm, simulate_schools

HERE = Path(__file__).parent
LLF_TOLERANCE = 1e-4  # log-likelihood units by which mixedlm may end below a competitor

# Provinces, schools in each, classrooms in each school, pupils in each classroom.
SMALL = (8, 5, 4, 15)
MIDDLE = (20, 10, 8, 15)
LARGE = (20, 50, 8, 25)
# --quick
SMALL_QUICK, MIDDLE_QUICK, LARGE_QUICK = SMALL, (8, 5, 4, 15), (20, 10, 5, 20)

FIXED = "test_score ~ age + sex"
INTERCEPTS = f"{FIXED} + (1|classroom) + (1|school) + (1|province)"
ONE_SLOPE = "test_score ~ age_c + sex + (age_c|classroom) + (1|school) + (1|province)"
THREE_SLOPES = "test_score ~ age_c + sex + (age_c|classroom) + (age_c|school) + (age_c|province)"
BY_HAND = {"school": "0 + C(school)", "classroom": "0 + C(classroom)"}


def pupils(sizes: tuple[int, int, int, int], *slopes: str) -> pd.DataFrame:
    """Pupils whose intercepts vary at three levels, and whose age slopes vary at those named."""
    sds = {"classroom": 1.0, "school": 0.7, "province": 0.5}
    simulation = simulate_schools(
        *sizes,
        slope_sd={level: sds[level] for level in slopes},
        correlation=dict.fromkeys(slopes, 0.3),
        intercept_at=10,
        seed=1,
    )
    return simulation.data.assign(age_c=simulation.data["age"] - 10)


# -- competitors: each runs some times and says how long each took, and where it ended ----------


@dataclass
class Runs:
    seconds: list[float] = field(default_factory=list)
    llf: float = float("nan")
    note: str = ""


Competitor = Callable[[pd.DataFrame, Runs, int], None]


def in_python(fit: Callable[[pd.DataFrame], object]) -> Competitor:
    """`fit` takes the data and returns a result with a log-likelihood."""

    def run(data: pd.DataFrame, runs: Runs, times: int) -> None:
        for _ in range(times):
            gc.collect()
            with warnings.catch_warnings(record=True):  # statsmodels warns; `converged` is noted
                warnings.simplefilter("always")
                start = time.perf_counter()
                result = fit(data)
                runs.seconds.append(round(time.perf_counter() - start, 5))
            runs.llf = float(result.llf)
            runs.note = "" if result.converged else "says it did not converge"

    return run


def course_fit(formula: str) -> Competitor:
    return in_python(lambda data: mixedlm(formula, data).fit())


def course_statsmodels(formula: str) -> Competitor:
    return in_python(lambda data: mixedlm(formula, data).fit().statsmodels)


def statsmodels_by_hand(fixed: str = FIXED, **slopes: str) -> Competitor:
    return in_python(
        lambda data: smf.mixedlm(
            fixed, data, groups="province", re_formula="1", vc_formula=BY_HAND | slopes
        ).fit()
    )


class Lme4:
    """lmer in a fresh R; `versions` is empty before it has run."""

    def __init__(self) -> None:
        self.versions: dict[str, str] = {}

    @staticmethod
    def missing() -> str:
        """Why lme4 cannot run here, or nothing."""
        if not shutil.which("Rscript"):
            return "R (Rscript) is not installed"
        probe = subprocess.run(["Rscript", "-e", "library(lme4)"], capture_output=True)
        return "R is installed, but not its package lme4" if probe.returncode else ""

    def fit(self, formula: str) -> Competitor:
        def run(data: pd.DataFrame, runs: Runs, times: int) -> None:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "pupils.csv")
                data.to_csv(file, index=False)
                command = ["Rscript", str(HERE / "lmer.R"), str(file), formula, str(times)]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            said = json.loads(done.stdout)
            runs.seconds += said["seconds"]
            runs.llf, runs.note = said["llf"], said["note"]
            self.versions = {"R": said["R"], "lme4": said["lme4"], "R's BLAS": said["blas"]}

        return run


# -- the comparisons ----------------------------------------------------------------------------


@dataclass
class Row:
    """One line of the table: what was compared, and what came out."""

    pupils: int
    model: str
    measured: str
    competitor: str
    required: float | None
    same_model: bool
    ours: Runs
    theirs: Runs

    @property
    def ratio(self) -> float:
        return median(self.theirs.seconds) / median(self.ours.seconds)

    @property
    def llf_gain(self) -> float:
        """Ours minus theirs."""
        return self.ours.llf - self.theirs.llf

    @property
    def failures(self) -> list[str]:
        found = []
        what = f"{self.pupils:,} pupils, {self.model}, against {self.competitor}"
        if self.ours.note:
            found.append(f"{what}: mixedlm {self.ours.note}")
        if self.required and self.ratio < self.required:
            found.append(f"{what}: {self.ratio:.1f} times faster, required {self.required:g}")
        if self.same_model and not self.llf_gain > -LLF_TOLERANCE:
            found.append(f"{what}: log-likelihood {-self.llf_gain:.2g} lower")
        return found


@dataclass(frozen=True)
class Plan:
    """How often: rounds in which both take a turn, and runs of each in its turn."""

    rounds: int = 3
    ours: int = 1
    theirs: int = 1


def compare(
    data: pd.DataFrame,
    model: str,
    ours: tuple[str, Competitor],
    theirs: tuple[str, Competitor],
    plan: Plan,
    required: float | None = None,
    same_model: bool = True,
) -> Row:
    row = Row(len(data), model, ours[0], theirs[0], required, same_model, Runs(), Runs())
    for _ in range(plan.rounds):
        ours[1](data, row.ours, plan.ours)
        theirs[1](data, row.theirs, plan.theirs)
    print(
        f"{row.pupils:,} pupils, {model}: {row.measured} {median(row.ours.seconds):.3g} s, "
        f"{row.competitor} {median(row.theirs.seconds):.3g} s",
        flush=True,
    )
    return row


FIT, TWIN = "`.fit()`", "`.fit().statsmodels`"
HAND = "statsmodels by hand"


def middle(sizes: tuple[int, int, int, int], quick: bool) -> list[Row]:
    """From formula to statsmodels' own results, against the call written by hand."""
    intercepts = compare(
        pupils(sizes),
        "three intercepts",
        (TWIN, course_statsmodels(INTERCEPTS)),
        (HAND, statsmodels_by_hand()),
        Plan(rounds=1 if quick else 3),
        required=8,
    )
    slope = compare(
        pupils(sizes, "classroom"),
        "correlated slope at classrooms (by hand: uncorrelated)",
        (TWIN, course_statsmodels(ONE_SLOPE)),
        (
            HAND,
            statsmodels_by_hand("test_score ~ age_c + sex", classroom_age="0 + C(classroom):age_c"),
        ),
        Plan(rounds=1) if quick else Plan(rounds=2, ours=2),
        same_model=False,
    )
    return [intercepts, slope]


def large(sizes: tuple[int, int, int, int], lme4: Lme4, quick: bool) -> list[Row]:
    """The fit itself, against lme4."""
    models = [
        ("three intercepts", INTERCEPTS, (), 10, Plan(rounds=3, ours=3)),
        ("correlated slope at classrooms", ONE_SLOPE, ("classroom",), None, Plan(2, ours=4)),
        (
            "correlated slopes at all three levels",
            THREE_SLOPES,
            ("classroom", "school", "province"),
            40,
            Plan(2, ours=4),
        ),
    ]
    rows = []
    for name, formula, slopes, required, plan in models:
        plan = Plan(rounds=1) if quick else plan
        ours, theirs = (FIT, course_fit(formula)), ("lme4", lme4.fit(formula))
        rows.append(compare(pupils(sizes, *slopes), name, ours, theirs, plan, required))
    return rows


def small(sizes: tuple[int, int, int, int], lme4: Lme4 | None, quick: bool) -> list[Row]:
    """What a simulation study does thousands of times."""
    data, name = pupils(sizes), "three intercepts"
    ours = (FIT, course_fit(INTERCEPTS))
    by_hand = (HAND, statsmodels_by_hand())
    rows = [compare(data, name, ours, by_hand, Plan(rounds=1 if quick else 3, ours=20))]
    if lme4:
        plan = Plan(rounds=1 if quick else 3, ours=20, theirs=20)
        rows.append(compare(data, name, ours, ("lme4", lme4.fit(INTERCEPTS)), plan))
    return rows


def parts(sizes: tuple[int, int, int, int], times: int = 30) -> dict[str, float]:
    """Where the time of a small fit goes, in milliseconds (medians)."""
    data, designs, fits = pupils(sizes), [], []
    for _ in range(times):
        start = time.perf_counter()
        model = mixedlm(INTERCEPTS, data)
        between = time.perf_counter()
        model.fit()
        designs.append(1000 * (between - start))
        fits.append(1000 * (time.perf_counter() - between))
    return {"formula and design": median(designs), "fit": median(fits)}


# -- the report ---------------------------------------------------------------------------------


def environment(load: float, versions: dict[str, str]) -> dict[str, object]:
    packages = {
        name: version(name) for name in ("numpy", "scipy", "pandas", "patsy", "statsmodels")
    }
    return {
        "date": date.today().isoformat(),
        "cores": os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
        "load_at_start": round(load, 1),
        "versions": {"Python": platform.python_version()} | packages | versions,
    }


def report(rows: list[Row], split: dict[str, float], about: dict, skipped: str) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    lines = [
        "# Speed",
        "",
        f"Written by `make bench` on {about['date']}: {about['cores']} cores ({about['machine']}), "
        f"load average {about['load_at_start']} before the start. {versions}.",
        "",
        "| pupils | random effects | measured | s (runs) | against | s (runs) | times faster "
        "| required | log-likelihood | difference |",
        "|---:|---|---|---:|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        cells = [
            f"{row.pupils:,}",
            row.model,
            row.measured,
            _seconds(row.ours),
            row.competitor,
            _seconds(row.theirs),
            f"**{row.ratio:.1f}**",
            f"≥ {row.required:g}" if row.required else "",
            f"{row.ours.llf:.4f}",
            f"{row.llf_gain:+.1e}" + ("" if row.same_model else " (another model)"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        f"A fit of {math.prod(SMALL):,} pupils is made of: "
        + ", ".join(f"{name} {milliseconds:.1f} ms" for name, milliseconds in split.items())
        + ".",
        "",
    ]
    for row in rows:
        if row.theirs.note:
            who = f"{row.competitor} on {row.pupils:,} pupils, {row.model}"
            lines += [f"{who}: {row.theirs.note}.", ""]
    if skipped:
        lines += [f"Against lme4: skipped, {skipped}.", ""]
    return "\n".join([*lines, NOTES])


NOTES = """\
Seconds are medians over runs in which both took turns, one thread each. Loading packages, reading files and
making R's factors are not counted. All fit by REML with default settings. The difference is mixedlm's
log-likelihood minus the other's: above 1e-6, which is rounding, the other stopped short of the optimum.

Pupils are simulated in classrooms in schools in provinces (`bench.py` has formulas and sizes). `age` is
centred where its slope varies, which helps the others: mixedlm does it inside. By hand, statsmodels has no
correlated effects below the top level, so there a larger model is compared with a smaller one.
"""


def _seconds(runs: Runs) -> str:
    return f"{median(runs.seconds):.3g} ({len(runs.seconds)})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small data, nothing written")
    quick = parser.parse_args().quick
    load = os.getloadavg()[0]
    sizes = (SMALL_QUICK, MIDDLE_QUICK, LARGE_QUICK) if quick else (SMALL, MIDDLE, LARGE)

    lme4, skipped = Lme4(), Lme4.missing()
    if skipped:
        print(f"against lme4: skipped, {skipped}")
    for warm_up in (course_statsmodels(INTERCEPTS), statsmodels_by_hand()):
        warm_up(pupils((4, 3, 3, 10)), Runs(), 1)
    rows = middle(sizes[1], quick)
    rows += [] if skipped else large(sizes[2], lme4, quick)
    rows += small(sizes[0], None if skipped else lme4, quick)
    split = parts(sizes[0])

    about = environment(load, lme4.versions)
    text = report(rows, split, about, skipped)
    print(f"\n{text}", end="")
    if quick:
        print("\nQuick: with so few pupils the requirements say nothing; not judged, not written.")
        return 0
    measured = [asdict(row) | {"ratio": row.ratio, "llf_gain": row.llf_gain} for row in rows]
    found = about | {"rows": measured, "small_fit_milliseconds": split}
    (HERE / "results.md").write_text(text, encoding="utf-8")
    (HERE / "results.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    failures = [failure for row in rows for failure in row.failures]
    for failure in failures:
        print(f"MISSED  {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
