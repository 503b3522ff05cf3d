"""How much faster is this build than an earlier one, and are its numbers the same?

    python tests/benchmarks/earlier.py            measure, and write the section of results.md
    python tests/benchmarks/earlier.py --quick    small data, one round; writes and requires nothing

The earlier build is taken out of the repository's history into a temporary folder. Both do the same work in
processes of their own, which take turns; processor seconds are compared, the least of all rounds, since
other work on the machine adds to them. The exit status is 1 where a required ratio is missed or a number
that is no random one differs.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EARLIER = "2906bd1"
SAME = 1e-8  # relative, of log-likelihoods; of estimates and intervals SAME_ESTIMATES
SAME_ESTIMATES = 1e-5  # of a standard error: earlier searches stopped so near to the optimum
BEGIN, END = "<!-- against an earlier build -->", "<!-- end -->"
THREADS = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass
class Line:
    """One piece of work, and how many times faster it must have become."""

    name: str
    required: float | None = None


LINES = [
    Line("one fit"),
    Line("bootstrap(n=100)", 8),
    Line("bootstrap(n=1000)", 8),
    Line('influence(fit, "school")', 20),
    Line('influence(fit, "classroom")', 20),
    Line('confint(method="profile")', 4),
    Line("a singular fit of 200,000"),
    Line("crossed groups", 2.5),
    Line("two crossed slopes", 4),
    *[Line(name) for name in ("Satterthwaite", "icc", "r2", "predict", "report", "summary")],
]


def take_out(commit: str, folder: Path) -> None:
    """The package as it was at a commit."""
    packed = subprocess.run(
        ["git", "archive", commit, "course", "data"], cwd=ROOT, capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")


def run(root: Path, turn: int, quick: bool) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Processor seconds and numbers by name, of the package in a folder."""
    words = ["first"] * (turn == 0) + ["quick"] * quick
    done = subprocess.run(
        [sys.executable, str(HERE / "earlier_work.py"), *words],
        cwd=root,
        env=os.environ | THREADS | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds, numbers = json.loads(done.stdout.splitlines()[-1])
    return seconds, numbers


def least(runs: list[dict[str, float]]) -> dict[str, float]:
    return {
        name: min(one[name] for one in runs if name in one)
        for name in {k for one in runs for k in one}
    }


def differences(ours: dict[str, list[float]], theirs: dict[str, list[float]]) -> dict[str, float]:
    """By name the largest difference: of log-likelihoods relative, of other numbers absolute."""
    found = {}
    for name, values in ours.items():
        if name.startswith("evaluations"):
            continue
        one, other = np.array(values), np.array(theirs[name])
        gap = np.abs(one - other) / np.maximum(1, np.abs(other))
        found[name] = float(np.nanmax(gap)) if (np.isnan(one) == np.isnan(other)).all() else np.inf
    return found


def section(seconds: list[dict[str, float]], gaps: dict[str, float], steps: list[int]) -> str:
    ours, theirs = seconds
    lines = [
        BEGIN,
        "## Against an earlier build",
        "",
        f"Measured on {date.today().isoformat()} against commit {EARLIER}, by `earlier.py`: processor "
        "seconds, one thread, the least of some rounds in which both took turns; load average "
        f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores. 24,000 pupils in 1,200 classrooms, 240 "
        "schools, 20 provinces, `(age|classroom) + (1|school) + (1|province)`; where groups cross, 73,421 "
        "ratings of 1,128 lecturers in 14 departments by 2,972 students, `(1|s) + (1|d) + (1|dept)` and "
        "`(service|s) + (service|d)`.",
        "",
        "| work | earlier, s | now, s | times as fast | required | largest difference |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for line in LINES:
        gap = f"{gaps[line.name]:.0e}" if line.name in gaps else ""
        need = f"≥ {line.required:g}" if line.required else ""
        lines.append(
            f"| {line.name} | {theirs[line.name]:.3g} | {ours[line.name]:.3g} | "
            f"**{theirs[line.name] / ours[line.name]:.1f}** | {need} | {gap} |"
        )
    return "\n".join(
        [
            *lines,
            "",
            f"The singular fit (no slope varies in truth) took {steps[1]} evaluations, and takes "
            f"{steps[0]}. Differences are relative where numbers are above 1, of log-likelihoods, interval "
            "ends and influences; the earlier searches stopped a little beside the optimum.",
            END,
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small data, nothing written")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        take_out(EARLIER, Path(folder))
        runs = [
            [run(root, turn, quick) for root in (ROOT, Path(folder))]
            for turn in range(1 if quick else 3)
        ]
    seconds = [least([turn[i][0] for turn in runs]) for i in range(2)]
    ours, theirs = (runs[0][i][1] for i in range(2))
    gaps = differences(ours, theirs)
    steps = [int(one["evaluations of the singular fit"][0]) for one in (ours, theirs)]
    text = section(seconds, gaps, steps)
    print(text, end="")
    if quick:
        print("Quick: with so few rows the requirements say nothing; not judged, not written.")
        return 0
    path = HERE / "results.md"
    before = path.read_text(encoding="utf-8")
    kept = before.split(BEGIN)[0].rstrip() + "\n\n"
    path.write_text(kept + text, encoding="utf-8")
    failures = [
        f"{line.name}: {seconds[1][line.name] / seconds[0][line.name]:.1f} times as fast"
        for line in LINES
        if line.required and seconds[1][line.name] < line.required * seconds[0][line.name]
    ]
    failures += [
        f"{name} differs by {gap:.1e}"
        for name, gap in gaps.items()
        if not gap < (SAME_ESTIMATES if "influence" in name else SAME)
    ]
    for failure in failures:
        print(f"MISSED  {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
