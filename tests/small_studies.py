"""Simulations small enough to be run by the hundred, importable by the processes that run them."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from course import CourseError, recovery, simulate_schools
from course.simulate.schools import Simulation
from course.simulate.truth import Truth, variance_table
from course.studies.power import Power
from course.studies.recovery import Recovery

posix = pytest.mark.skipif(os.name != "posix", reason="kills processes by signals")

GROUPS, ROWS, TAU, SIGMA = 14, 4, 2.0, 1.5
X = np.linspace(-1, 1, GROUPS)
SE = np.sqrt(
    (TAU**2 + SIGMA**2 / ROWS) / np.sum((X - X.mean()) ** 2)
)  # of the slope, known variances
FORMULA = "y ~ x + (1|g)"


def balanced(seed: int, effect: float = 3.0) -> Simulation:
    """ROWS rows in each of GROUPS groups; x belongs to the group and is the same in every replicate."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(GROUPS), ROWS)
    y = 10 + effect * X[g] + TAU * rng.normal(size=GROUPS)[g] + SIGMA * rng.normal(size=len(g))
    one = pd.DataFrame([[TAU**2]], ["Intercept"], ["Intercept"])
    truth = Truth(pd.Series({"Intercept": 10, "x": effect}), variance_table({"g": one}, SIGMA), {})
    return Simulation(pd.DataFrame({"y": y, "x": X[g], "g": g.astype(str)}), truth)


def slow(seed: int) -> Simulation:
    time.sleep(0.05)
    return balanced(seed)


def sometimes_refused(seed: int, effect: float = 3.0) -> Simulation:
    if seed % 3 == 0:
        raise CourseError("no pupils today")
    return balanced(seed, effect)


def deadly(seed: int, folder: str, fatal: tuple[int, ...], times: int) -> Simulation:
    """Kills its worker, `times` times, with the seeds that are fatal; never the study's own process."""
    if seed in fatal and multiprocessing.parent_process() is not None:
        for i in range(times):
            marker = Path(folder) / f"{seed}-{i}"
            if not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
    return balanced(seed)


def equal(one: Recovery | Power, other: Recovery | Power) -> bool:
    """The same replicates to the bit."""
    pd.testing.assert_frame_equal(one.replicates, other.replicates, check_exact=True)
    return one.table.equals(other.table)


def own(seed: int, effect: float, schools: int, shift: float = 0.0) -> pd.DataFrame:
    """A reform in every second school: no simulation of this package knows it."""
    made = simulate_schools(1, schools, 1, 4, seed=seed, intercept_sd={"school": 1}, residual_sd=1)
    data = made.data
    data["reform"] = pd.factorize(data["school"])[0] % 2
    data["test_score"] += effect * data["reform"] + shift
    return data


# -- on disk ----------------------------------------------------------------------------------


def study(path, n=8, **changes):
    arguments = {"simulate": balanced, "formula": FORMULA, "seed": 3, "progress": False}
    return recovery(n=n, path=path, **arguments | changes)
