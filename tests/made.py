"""Data for tests: pupils, nested and crossed groups, movers, and what is made of them."""

import numpy as np
import pandas as pd

from course.design.design import build_design
from course.formula.parse import parse_formula
from course.solver import coupling, dissection
from course.solver.problem import Problem


def pupils(n=60, seed=1):
    rng = np.random.default_rng(seed)
    school = np.arange(n) % 6
    return pd.DataFrame(
        {
            "score": rng.normal(size=n) + school,
            "age": rng.normal(10, 1, n),
            "sex": rng.choice(["female", "male"], n),
            "school": [f"S{s}" for s in school],
            "room": [f"R{i}" for i in np.arange(n) // 6 % 4],
        }
    )


FORMULAS = [
    "y ~ x + (1|a)",
    "y ~ x + f + (x|a) + (x|b)",
    "y ~ x + f + (x + z||a) + (z|b) + (1|c)",
    "y ~ z + (1|p) + (1|t)",
    "y ~ x + (z|p) + (x|t) + (1|a)",
    "y ~ x + (z|u) + (x + z|w) + (1|block)",
    "y ~ x + (f|a) + (1|p)",
    "y ~ 0 + x + (0 + x|a) + (1|p)",
    "y ~ x + (0 + f|a) + (1|b/a)",
]


def table(seed: int, n: int = 90) -> pd.DataFrame:
    """Nested a in b in c; p crosses t; u crosses w inside each block."""
    rng = np.random.default_rng(seed)
    a, block = rng.integers(0, 12, n), rng.integers(0, 4, n)
    data = pd.DataFrame(
        {
            "a": a,
            "b": a % 4,
            "c": a % 2,
            "p": rng.integers(0, 15, n),
            "t": rng.integers(0, 6, n),
            "block": block,
            "u": block * 10 + rng.integers(0, 5, n),
            "w": block * 10 + rng.integers(0, 3, n),
            "x": rng.normal(5, 1, n),
            "z": rng.normal(size=n),
            "f": rng.choice(["k", "l", "m"], n),
        }
    )
    effects = sum(rng.normal(size=50)[data[g]] for g in ("a", "p", "u"))
    data["y"] = effects + rng.normal(size=50)[data["b"]] * data["x"] + rng.normal(size=n)
    return data


def problem_of(formula: str, data: pd.DataFrame) -> Problem:
    return Problem(build_design(parse_formula(formula), data))


def precise(n: int, residual: float, slope: float = 0.0) -> pd.DataFrame:
    """Crossed g and h of variance 1, and a residual SD far below it."""
    rng = np.random.default_rng(1)
    data = pd.DataFrame(
        {"g": rng.integers(0, 20, n), "h": rng.integers(0, 15, n), "x": rng.normal(size=n)}
    )
    g, h, noise = rng.normal(size=(20, 2)), rng.normal(size=15), rng.normal(size=n)
    slopes = 1 + slope * g[data["g"], 1]
    data["y"] = g[data["g"], 0] + slopes * data["x"] + h[data["h"]] + residual * noise
    return data


def movers(seed: int = 1, schools: int = 12, per_school: int = 10) -> pd.DataFrame:
    """Pupils with three years each, who rarely change school, and teachers who never do."""
    rng = np.random.default_rng(seed)
    n = schools * per_school * 3
    pupil = np.repeat(np.arange(schools * per_school), 3)
    home = pupil // per_school
    school = np.where(rng.random(n) < 0.05, rng.integers(0, schools, n), home)
    teacher = school * 4 + rng.integers(0, 4, n)
    data = pd.DataFrame({"pupil": pupil, "teacher": teacher, "school": school})
    data["x"], data["z"] = rng.normal(size=n), rng.normal(size=n)
    effects = [rng.normal(size=200)[data[g]] for g in ("pupil", "teacher", "school")]
    data["y"] = sum(effects) + rng.normal(size=n)
    return data


def cut_whatever_the_size(monkeypatch):
    monkeypatch.setattr(coupling, "WORTH_LISTING", 1.0)
    monkeypatch.setattr(dissection, "SMALL_ENOUGH", 0)
    monkeypatch.setattr(dissection, "DENSE", 1.0)
    monkeypatch.setattr(dissection, "WORTH_A_BORDER", np.inf)


def data_for(seed: int, zero: bool):
    """60 rows; where asked without any variance between groups, so that the optimum is often at 0."""
    data = table(seed, 60)
    if zero:
        data["y"] = np.random.default_rng(seed).normal(size=60) + 0.3 * data["x"]
    return data


LEVELS = ["province", "school", "classroom"]
ALL_SLOPES = {
    "intercept_sd": {"province": 2, "school": 3, "classroom": 4},
    "slope_sd": {"province": 1, "school": 1.5, "classroom": 2},
    "correlation": {"province": -0.5, "school": 0.3, "classroom": 0.8},
}
