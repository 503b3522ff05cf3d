"""Does any small problem stop short of its optimum? Writes tests/long/stress.md.

    PYTHONPATH=tests python tests/long/stress.py

Takes half an hour. Generates 1,000 problems that are known to hurt, fits each, and searches again
from several starts with other optimisers; lme4, too, fits each (where Rscript is there).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dense import dense_deviance
from made import cut_whatever_the_size
from scipy import optimize
from tqdm import tqdm

from course import CourseError, mixedlm
from course.solver.problem import Problem

N = 1000
N_LME4 = 1000  # all of them
SHORT = 0.005  # log-likelihood units

NESTED = [
    "y ~ x + (1|room) + (1|school) + (1|province)",
    "y ~ x + f + (1|school)",
    "y ~ x + (x|room) + (x|school)",
    "y ~ x + (x|room) + (x|school) + (x|province)",
    "y ~ x + z + (x + z|school) + (1|province)",
    "y ~ x + (x||school) + (1|room)",
    "y ~ x + f + (x|school) + (0 + z|province)",
    "y ~ x + (0 + x|school) + (1|room)",
    "y ~ 0 + f + x + (0 + f|school)",
    "y ~ x + w + (x + w|school)",
    "y ~ x + z + (x + z|school) + (x + z|province)",
    "y ~ f + (f|school) + (1|province)",
]
CROSSED = [
    "y ~ x + (1|room) + (1|rater)",
    "y ~ x + (x|room) + (z|rater)",
    "y ~ x + (x|rater) + (1|room) + (1|school)",
    "y ~ x + z + (x + z|rater) + (x|school)",
    "y ~ f + (f|rater) + (1|room) + (1|topic)",
    "y ~ x + (x||rater) + (x||topic)",
    "y ~ x + (1|rater) + (1|topic) + (1|room) + (1|school) + (1|province)",
]
MOVERS = [
    "y ~ x + (1|pupil) + (1|teacher) + (1|school)",
    "y ~ x + (1|pupil) + (x|teacher) + (1|school)",
    "y ~ x + (1|pupil) + (x + z|teacher)",
]
ALIASED = {"(1|school)": "(1|school) + (1|twin)", "(x|school)": "(x|school) + (1|twin)"}


@dataclass
class Case:
    """A generated problem and what was made of it."""

    seed: int
    formula: str
    data: pd.DataFrame = field(repr=False)
    reml: bool
    border: bool
    hurts: tuple[str, ...]  # what makes it hard


def generate(seed: int) -> Case:
    """A small problem with some of the traits that make a search stop short."""
    rng = np.random.default_rng([2024, seed])
    hurts = []

    def hurt(what: str, share: float = 0.25) -> bool:
        if rng.random() < share:
            hurts.append(what)
            return True
        return False

    kind = rng.choice(["nested", "crossed", "movers"], p=[0.5, 0.35, 0.15])
    if kind == "movers":
        groups = _movers(rng, hurt("few groups"))
        formula = str(rng.choice(MOVERS))
    else:
        groups = _nested(rng, hurt("few groups"), hurt("two rows"), hurt("1:1000", 0.1))
        formula = str(rng.choice(NESTED if kind == "nested" else CROSSED))
    data = groups
    n = len(data)
    centre = float(rng.choice([0, 10, 1000, 1e6]))
    hurts.append(f"x at {centre:g}") if centre else None
    x = rng.normal(size=n)
    if hurt("x varies between groups", 0.15):
        x = 0.1 * x + rng.normal(size=n)[data["school"]]
    z, noise = rng.normal(size=n), rng.normal(size=n)
    data["x"], data["z"] = centre + x, z * float(rng.choice([1, 1e-3, 1e4]))
    exact = hurt("collinear", 0.04)
    nearly = 0.0 if exact else 10.0 ** -rng.integers(0, 4)
    data["w"] = 3 * data["x"] + nearly * noise
    data["f"] = rng.choice(["k", "l", "m"], n)
    if exact or nearly < 1:
        hurts.append("nearly collinear") if "w" in formula and not exact else None
    y = np.zeros(n)
    zero = hurt("variances of 0", 0.4)
    correlation = float(rng.choice([0, 0.5, 0.99, -0.99], p=[0.4, 0.2, 0.2, 0.2]))
    hurts.append("correlation 0.99") if abs(correlation) > 0.9 else None
    for group in _names(formula):
        codes = data[group].to_numpy()
        sd = 0.0 if zero and rng.random() < 0.6 else float(rng.choice([0.1, 1, 5]))
        slope_sd = 0.0 if zero and rng.random() < 0.6 else float(rng.choice([0.1, 1]))
        u = rng.normal(size=(2, codes.max() + 1))
        slope = correlation * u[0] + np.sqrt(1 - correlation**2) * u[1]
        y += sd * u[0][codes] + slope_sd * slope[codes] * x
    y += float(rng.choice([1, 0.1, 10])) * rng.normal(size=n) + 0.5 * x
    if hurt("heavy tails", 0.15):
        y += rng.standard_t(2, size=n)
    scale = float(rng.choice([1e-6, 1e-3, 1, 1, 1e3, 1e6]))
    hurts.append(f"y x {scale:g}") if scale != 1 else None
    data["y"] = scale * (y + float(rng.choice([0, 0, 100])))
    if "school" in formula and hurt("aliased", 0.1):
        data["twin"] = data["school"] + 100
        for old, new in ALIASED.items():
            formula = formula.replace(old, new)
    return Case(seed, formula, data, bool(rng.random() < 0.6), kind == "movers", tuple(hurts))


def _names(formula: str) -> list[str]:
    groups = ("room", "school", "province", "rater", "topic", "pupil", "teacher")
    return [name for name in groups if f"|{name})" in formula]


def _nested(rng, few: bool, pairs: bool, unbalanced: bool) -> pd.DataFrame:
    """Rooms in schools in provinces, raters and topics across."""
    provinces = int(rng.integers(2, 4) if few else rng.integers(4, 8))
    schools = provinces * int(rng.integers(2, 4))
    rooms = schools * int(rng.integers(2, 4))
    sizes = np.full(rooms, 2) if pairs else rng.integers(2, 9, rooms)
    if unbalanced:
        sizes = rng.integers(1, 3, rooms)
        sizes[rng.integers(rooms)] = 1000
    room = np.repeat(np.arange(rooms), sizes)
    n = len(room)
    return pd.DataFrame(
        {
            "room": room,
            "school": room % schools,
            "province": room % schools % provinces,
            "rater": rng.integers(0, 4 if few else 12, n),
            "topic": rng.integers(0, 3 if few else 6, n),
        }
    )


def _movers(rng, few: bool) -> pd.DataFrame:
    """Pupils with two or three years each, who rarely change school, and teachers who never do."""
    schools, years = (4 if few else 10), int(rng.integers(2, 4))
    pupil = np.repeat(np.arange(schools * 8), years)
    n = len(pupil)
    moved = rng.random(n) < 0.06
    school = np.where(moved, rng.integers(0, schools, n), pupil // 8)
    return pd.DataFrame(
        {"pupil": pupil, "school": school, "teacher": school * 3 + rng.integers(0, 3, n)}
    )


def fit_of(case: Case):
    if not case.border:
        return mixedlm(case.formula, case.data).fit(case.reml)
    with pytest.MonkeyPatch.context() as small:
        cut_whatever_the_size(small)
        return mixedlm(case.formula, case.data).fit(case.reml)


# -- other searches ---------------------------------------------------------------------------


def rivals(problem: Problem, reml: bool, found: np.ndarray, rng, thorough: bool) -> Iterator:
    """(theta, deviance) where other optimisers end, from random starts and from the optimum."""

    def value(theta):
        try:
            with np.errstate(all="ignore"):
                d = problem.deviance(problem.evaluate(theta), reml)
        except np.linalg.LinAlgError:
            return 1e10
        return d if np.isfinite(d) else 1e10

    def slope(theta):
        try:
            with np.errstate(all="ignore"):
                g = problem.gradient(problem.evaluate(theta), reml)
        except np.linalg.LinAlgError:
            return np.zeros_like(theta)
        return np.where(np.isfinite(g), g, 0)

    for scale in (0.05, 0.7, 5.0) if thorough else (0.7, 5.0):
        start = scale * rng.normal(size=problem.n_theta)
        end = optimize.minimize(value, start, jac=slope, method="L-BFGS-B")
        yield end.x, end.fun
    if not thorough:
        return
    calls = {"maxfev": 60 * problem.n_theta, "xatol": 1e-5, "fatol": 1e-7}
    end = optimize.minimize(value, found, method="Nelder-Mead", options=calls)
    yield end.x, end.fun


def smallest(problem: Problem, theta: np.ndarray) -> float:
    """The root of the smallest eigenvalue of any block of Lambda Lambda', standardised."""
    found = []
    for factor, grouping in zip(problem.unpack(theta), problem.design.groupings, strict=True):
        for block in grouping.blocks:
            values = np.linalg.svd(factor[np.ix_(block, block)], compute_uv=False)
            found.append(values.min())
    return float(min(found))


@dataclass
class Verdict:
    """What became of a case; `faults` is empty where all is well."""

    case: Case
    faults: list[str]
    refused: str = ""
    singular: bool = False
    short: float = 0.0
    llf: float = np.nan
    theta: np.ndarray | None = None


def judge(case: Case, thorough: bool = True) -> Verdict:
    """Fit, and look for something better."""
    try:
        fit = fit_of(case)
    except CourseError as error:
        fault = [] if justified(str(error), case) else [f"refused: {error}"]
        return Verdict(case, fault, refused=str(error))
    except Exception:  # whatever it is, it is a fault
        return Verdict(case, [traceback.format_exc(limit=-3)])
    problem, theta = fit.model.problem, fit.estimates.theta_standard
    mine = best = problem.deviance(problem.evaluate(theta), case.reml)
    best_theta = theta
    rng = np.random.default_rng(case.seed)
    for other, value in rivals(problem, case.reml, theta, rng, thorough):
        if value < best - 1e-7:
            # a bargain may be a rounding error
            value = value if value > mine - 2 * SHORT else dense_deviance(problem, other, case.reml)
            if value < best:
                best, best_theta = value, other
    short = (mine - best) / 2
    faults = []
    if short > SHORT:
        faults.append(f"{short:.4f} log-likelihood units short")
    if not fit.converged:
        faults.append(f"not converged, gradient {fit.estimates.gradient:.1e}")
    size = smallest(problem, best_theta)
    if fit.singular and size > 1e-3 or not fit.singular and size < 1e-5:
        faults.append(f"singular is {fit.singular}, smallest relative SD {size:.1e}")
    if not np.isfinite(fit.llf) or not np.isfinite(fit.bse_fe).all():
        faults.append("a number is not finite")
    return Verdict(case, faults, "", fit.singular, short, fit.llf, theta)


def justified(message: str, case: Case) -> bool:
    """Whether the design really is as the message says."""
    data, n = case.data, len(case.data)
    if "effects for each of" in message:
        sizes = {"f": 3, "x + z": 3, "x + w": 3, "0 + f": 3, "x": 2, "z": 2, "1": 1, "0 + x": 1}
        terms = [part.split(")")[0].split("|") for part in case.formula.split("(")[1:]]
        return any(sizes.get(e.strip(), 2) * data[g].nunique() >= n for e, *_, g in terms)
    if "one row per level" in message:
        return any(data[g].nunique() == n for g in _names(case.formula))
    return False


# -- lme4 -------------------------------------------------------------------------------------


def by_lme4(cases: list[Case]) -> dict[int, tuple[float, float]]:
    """For each seed the highest log-likelihood of lme4's optimisers, and the same by dense algebra."""
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            case.data.to_csv(f"{folder}/{case.seed}.csv", index=False, float_format="%.17g")
        todo = [{"seed": c.seed, "formula": c.formula, "reml": c.reml} for c in cases]
        Path(folder, "cases.json").write_text(json.dumps(todo))
        script = Path(__file__).with_suffix(".R")
        subprocess.run(["Rscript", str(script), folder], check=True)
        found = json.loads(Path(folder, "found.json").read_text())
    return {
        row["seed"]: (row["llf"], row["llf"] if row["again"] is None else row["again"])
        for row in found
        if row["llf"] is not None
    }


def main(n: int = N, n_lme4: int = N_LME4) -> None:
    verdicts = [judge(generate(seed)) for seed in tqdm(range(n), mininterval=10)]
    fitted = [v for v in verdicts if v.theta is not None]
    lines = [
        "# Small problems that hurt",
        "",
        f"{n:,} generated problems (`tests/long/stress.py`): {len(fitted):,} fitted, of them",
        f"{sum(v.singular for v in fitted):,} singular; {len(verdicts) - len(fitted):,} refused, and "
        "rightly so where no fault is listed.",
        "Each was searched again from three random starts by L-BFGS-B, and from its optimum by Nelder-Mead.",
        "",
        f"- largest shortfall: {max(v.short for v in fitted):.1e} log-likelihood units "
        f"({sum(v.short > SHORT for v in fitted)} above {SHORT})",
        f"- problems with a fault: {sum(bool(v.faults) for v in verdicts)}",
    ]
    if shutil.which("Rscript") and n_lme4:
        rng = np.random.default_rng(0)
        some = [fitted[i] for i in rng.permutation(len(fitted))[:n_lme4]]
        theirs = by_lme4([v.case for v in some])
        claims, short = 0, 0
        for v in some:
            said, is_so = theirs.get(v.case.seed, (-np.inf, -np.inf))
            claims += said > v.llf + SHORT
            if min(said, is_so) > v.llf + SHORT:
                short += 1
                v.faults.append(f"lme4 is {is_so - v.llf:.4f} higher")
        lead = [v.llf - theirs[v.case.seed][0] for v in some if v.case.seed in theirs]
        lines += [
            f"- lme4, best of three optimisers, fitted {len(theirs)} of {len(some)}: lower by more than "
            f"{SHORT} in {sum(d > SHORT for d in lead)}, higher in {claims}, where dense algebra at its "
            f"theta, predictors centred, agrees in {short}",
        ]
    kinds = Counter(hurt for v in verdicts for hurt in v.case.hurts)
    lines += ["", "| what hurts | problems | singular |", "|---|--:|--:|"]
    for hurt, count in sorted(kinds.items()):
        singular = sum(v.singular for v in verdicts if hurt in v.case.hurts)
        lines.append(f"| {hurt} | {count} | {singular} |")
    with_fault = [v for v in verdicts if v.faults]
    if with_fault:
        lines += ["", "## Faults", ""]
        for v in with_fault:
            lines.append(f"- seed {v.case.seed}, `{v.case.formula}`, {', '.join(v.case.hurts)}:")
            lines += [f"  {line}" for fault in v.faults for line in fault.splitlines()]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
