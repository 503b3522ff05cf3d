"""Who is measured, and one turn of each: a process of its own fits a formula to data some times.

All start from a data frame in memory and a formula, fit with their default settings, and have one thread.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # bench.py sets the number of threads before anything loads NumPy
    import pandas as pd

HERE = Path(__file__).parent
LIMIT = 120  # seconds of processor time after which a turn is stopped, its start included
ONE_THREAD = dict.fromkeys(
    [
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "RAYON_NUM_THREADS",
        "POLARS_MAX_THREADS",
    ],
    "1",
)

# Distribution and module by the name in the table, which is also turn.py's.
PYTHON_PACKAGES = {
    "statsmodels by hand": ("statsmodels", "statsmodels"),
    "mixedlm (Rust)": ("mixedlm", "mixedlm"),
    "lme-python": ("lme-python", "lme_python"),
    "kamino-lme": ("kamino-lme", "kamino"),
    "interlace-lme": ("interlace-lme", "interlace"),
    "mixedlm-rs": ("mixedlm-rs", "mixedlm_rs"),
    "gpboost": ("gpboost", "gpboost"),
    "gpboost (Cholesky)": ("gpboost", "gpboost"),
}
R_PACKAGES = ("lme4", "glmmTMB")


@dataclass
class Runs:
    """What came of one package's turns at one problem; ``gigabytes`` is the most a process held."""

    seconds: list[float] = field(default_factory=list)
    llf: float = float("nan")
    gigabytes: float = 0.0
    note: str = ""
    stopped: bool = False  # by the limit
    failed: bool = False  # for this or another reason


@dataclass
class Data:
    """A data frame as files, from which processes read it."""

    folder: Path
    rows: int

    @classmethod
    def write(cls, frame: pd.DataFrame, folder: str) -> Data:
        frame.to_pickle(Path(folder, "data.pkl"))
        frame.to_csv(Path(folder, "data.csv"), index=False)
        return cls(Path(folder), len(frame))


def turn(
    name: str, formula: str, data: Data, runs: Runs, times: int, reml: bool, call: dict
) -> None:
    """Let a package fit some times, and add what came of it to its runs."""
    if name in R_PACKAGES:
        command = ["Rscript", str(HERE / "turn.R"), name, formula, str(data.folder / "data.csv")]
    else:
        command = [sys.executable, str(HERE / "turn.py"), name, formula]
        command += [str(data.folder / "data.pkl")]
    command += [str(times), str(int(reml))] + [json.dumps(call)] * (name not in R_PACKAGES)
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        process = subprocess.Popen(
            command,
            stdout=said,
            stderr=complained,
            env=os.environ | ONE_THREAD,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT + 5)),
        )
        _, status, used = os.wait4(process.pid, 0)  # the memory of this one process
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        complained.seek(0)
        runs.gigabytes = max(runs.gigabytes, used.ru_maxrss / 2**20)
        if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            runs.stopped = runs.failed = True
            runs.note = f"stopped after {LIMIT} s"
        elif process.returncode:
            runs.failed = True
            runs.note = f"ended with {(complained.read().strip().splitlines() or ['?'])[-1]}"
        else:
            found = json.loads(said.read().splitlines()[-1])
            runs.seconds += found["seconds"]
            runs.llf, runs.note = found["llf"], found["note"]


def missing() -> dict[str, str]:
    """Peers that cannot run here, each with the reason."""
    found = {
        name: "not installed: pip install -e '.[bench]'"
        for name, (_, module) in PYTHON_PACKAGES.items()
        if find_spec(module) is None
    }
    for name in R_PACKAGES:
        if not shutil.which("Rscript"):
            found[name] = "R (Rscript) is not installed"
        elif subprocess.run(["Rscript", "-e", f"library({name})"], capture_output=True).returncode:
            found[name] = f"R is installed, but not its package {name}"
    return found


def versions(absent: dict[str, str]) -> dict[str, str]:
    """What was measured, by name."""
    found = {name: version(name) for name in ("numpy", "scipy", "pandas", "patsy")}
    for name, (distribution, _) in PYTHON_PACKAGES.items():
        if name not in absent:
            found[name.split(" by ")[0].removesuffix(" (Cholesky)")] = version(distribution)
    present = [name for name in R_PACKAGES if name not in absent]
    if present:
        asked = "".join(f', as.character(packageVersion("{name}"))' for name in present)
        script = (
            'cat(as.character(getRversion()), sub("[.]so.*", "", '
            f'basename(extSoftVersion()[["BLAS"]])){asked})'
        )
        done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=True)
        found |= dict(zip(("R", "R's BLAS", *present), done.stdout.split(), strict=True))
    return found
