"""Who is measured: each fits a formula to a data frame some times, and says how long it took.

All start from a data frame in memory and a formula, fit with their default settings, and have one thread.
"""

from __future__ import annotations

import gc
import json
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import statsmodels.formula.api as smf

from course import mixedlm

HERE = Path(__file__).parent


@dataclass
class Runs:
    """What came of one peer's turns at one problem."""

    seconds: list[float] = field(default_factory=list)
    llf: float = float("nan")
    note: str = ""


Peer = Callable[[str, pd.DataFrame, Runs, int], None]


def in_python(fit: Callable, llf: Callable, converged: Callable) -> Peer:
    """A peer of this process: ``fit`` takes a formula and data."""

    def run(formula: str, data: pd.DataFrame, runs: Runs, times: int) -> None:
        for _ in range(times):
            gc.collect()
            with warnings.catch_warnings():  # statsmodels warns; whether it converged is noted
                warnings.simplefilter("ignore")
                start = time.perf_counter()
                result = fit(formula, data)
                runs.seconds.append(round(time.perf_counter() - start, 5))
            runs.llf = float(llf(result))
            runs.note = "" if converged(result) else "says it did not converge"

    return run


course = in_python(
    lambda formula, data: mixedlm(formula, data).fit(),
    lambda result: result.llf,
    lambda result: result.converged,
)

course_statsmodels = in_python(
    lambda formula, data: mixedlm(formula, data).fit().statsmodels,
    lambda result: result.llf,
    lambda result: result.converged,
)


def statsmodels_by_hand(**call: object) -> Peer:
    """The call that one would write, whatever the formula."""
    fixed = call.pop("fixed")
    return in_python(
        lambda formula, data: smf.mixedlm(fixed, data, **call).fit(),
        lambda result: result.llf,
        lambda result: result.converged,
    )


def _rust(formula: str, data: pd.DataFrame) -> object:
    return import_module("mixedlm").lmer(formula, data)


rust = in_python(_rust, lambda result: result.logLik(), lambda result: result.converged)


def lme4(formula: str, data: pd.DataFrame, runs: Runs, times: int) -> None:
    """Lmer in a fresh R."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "data.csv")
        data.to_csv(file, index=False)
        command = ["Rscript", str(HERE / "lmer.R"), str(file), formula, str(times)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    said = json.loads(done.stdout)
    runs.seconds += said["seconds"]
    runs.llf, runs.note = said["llf"], said["note"]


def missing() -> dict[str, str]:
    """Peers that cannot run here, each with the reason."""
    found = {}
    if find_spec("mixedlm") is None:
        found["mixedlm (Rust)"] = "not installed: pip install -e '.[bench]'"
    if not shutil.which("Rscript"):
        found["lme4"] = "R (Rscript) is not installed"
    elif subprocess.run(["Rscript", "-e", "library(lme4)"], capture_output=True).returncode:
        found["lme4"] = "R is installed, but not its package lme4"
    return found


def versions(absent: dict[str, str]) -> dict[str, str]:
    """What was measured, by name."""
    names = ["numpy", "scipy", "pandas", "patsy", "statsmodels"]
    found = {name: version(name) for name in names}
    if "mixedlm (Rust)" not in absent:
        found["mixedlm (Rust)"] = version("mixedlm")
    if "lme4" not in absent:
        script = (
            'cat(as.character(getRversion()), as.character(packageVersion("lme4")), '
            'sub("[.]so.*", "", basename(extSoftVersion()[["BLAS"]])))'
        )
        done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=True)
        found |= dict(zip(("R", "lme4", "R's BLAS"), done.stdout.split(), strict=True))
    return found
