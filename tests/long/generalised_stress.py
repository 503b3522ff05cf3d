"""Does any small generalised model stop short of its optimum? Writes tests/long/generalised_stress.md.

    PYTHONPATH=tests python tests/long/generalised_stress.py

Generates 300 problems that are known to hurt: variances of 0, two rows a group, groups that all failed,
rare events, counts up to a million, predictors that separate yes from no. Each is fitted, and searched again
from several starts by another optimiser.
"""

from __future__ import annotations

import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize

from course import CourseError, mixedglm
from course.solver.penalised import Generalised

N = 300
SHORT = 0.01  # log-likelihood units
STARTS = 6
KINDS = ("no variance", "two rows", "all failed", "rare", "huge counts", "separated", "few groups")
FORMULAS = (
    "y ~ x + (1|room)",
    "y ~ x + (1|room) + (1|school)",
    "y ~ x + f + (x|school)",
    "y ~ x + (x||school) + (1|room)",
    "y ~ x + (1|room) + (1|rater)",
    "y ~ f + (f|rater) + (1|school)",
)


@dataclass
class Case:
    """A generated problem."""

    seed: int
    kind: str
    formula: str
    family: str
    link: str
    data: pd.DataFrame = field(repr=False)


@dataclass
class Verdict:
    """What was made of it: how far below the best start the fit is, and what was said."""

    case: Case
    refused: str = ""
    fault: str = ""
    short: float = 0.0
    converged: bool = False
    singular: bool = False
    runaway: bool = False
    seconds: float = 0.0


def generate(seed: int) -> Case:
    """A small problem of one of the kinds."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    formula = FORMULAS[rng.integers(len(FORMULAS))]
    n_schools = 3 if kind == "few groups" else int(rng.integers(5, 30))
    rooms = int(rng.integers(2, 5))
    n_rows = 2 if kind == "two rows" else int(rng.integers(3, 12))
    school = np.repeat(np.arange(n_schools), rooms * n_rows)
    n = len(school)
    data = pd.DataFrame({"school": school, "room": np.arange(n) // n_rows, "x": rng.normal(size=n)})
    data["rater"] = rng.integers(0, 8, n)
    data["f"] = rng.choice(["a", "b"], n)
    spread = 0.0 if kind == "no variance" else rng.choice([0.2, 1.0, 2.0])
    eta = rng.normal() + 0.5 * data.x + spread * rng.normal(size=n_schools)[school]
    eta += rng.choice([0.0, 0.7]) * rng.normal(size=n)[data.room]
    eta += rng.choice([0.0, 0.7]) * rng.normal(size=8)[data.rater]
    family, link = "binomial", str(rng.choice(["logit", "logit", "probit", "cloglog"]))
    if kind == "huge counts" or (kind in ("no variance", "two rows") and seed % 2):
        family, link = "poisson", "log"
        level = 12.0 if kind == "huge counts" else 0.0
        data["y"] = rng.poisson(np.exp(np.minimum(eta + level, 13.8)))
        return Case(seed, kind, formula, family, link, data)
    if kind == "rare":
        eta = eta - eta.mean() - 5.3
    chance = 1 / (1 + np.exp(-eta))
    data["y"] = (rng.random(n) < chance).astype(int)
    if kind == "all failed":
        data.loc[data.school < n_schools // 2, "y"] = 0
    if kind == "separated":
        data["y"] = (data.x > 0.2).astype(int) if seed % 2 else (data.f == "b").astype(int)
    return Case(seed, kind, formula, family, link, data)


def judge(case: Case) -> Verdict:
    """Fit a case, and look for something better."""
    verdict = Verdict(case)
    started = time.process_time()
    try:
        model = mixedglm(case.formula, case.data, case.family, case.link)
        fit = model.fit()
    except CourseError as error:
        verdict.refused = str(error)
        return verdict
    except Exception:
        verdict.fault = traceback.format_exc()
        return verdict
    verdict.seconds = time.process_time() - started
    verdict.converged, verdict.singular = fit.converged, fit.singular
    verdict.runaway = fit.estimates.runaway
    verdict.short = fit.estimates.deviance / 2 - best_of_several(model.problem, case.seed) / 2
    return verdict


def best_of_several(problem: Generalised, seed: int) -> float:
    """The lowest deviance that L-BFGS-B finds from several starts."""
    rng = np.random.default_rng(seed + 10_000)
    usual, _ = problem.start
    best = np.inf
    for _ in range(STARTS):
        theta = problem.linear.pack(
            [
                rng.choice([0.05, 0.5, 2.0]) * np.eye(len(pattern))
                for pattern in problem.linear.patterns
            ]
        )
        beta = usual[: problem.p] + 0.5 * rng.normal(size=problem.p)

        def value(point: np.ndarray) -> tuple[float, np.ndarray]:
            try:
                at = problem.evaluate(point[: problem.p], point[problem.p :])
            except np.linalg.LinAlgError:  # L-BFGS-B may look so far out that no digit is left
                return 1e30, 0 * point
            return (at.deviance, at.gradient) if np.isfinite(at.deviance) else (1e30, 0 * point)

        with np.errstate(all="ignore"):
            found = optimize.minimize(
                value,
                np.concatenate([beta, theta]),
                jac=True,
                method="L-BFGS-B",
                options={"maxiter": 200},
            )
        best = min(best, float(found.fun))
    return best


def main() -> None:
    verdicts = []
    for seed in range(N):
        verdict = judge(generate(seed))
        verdicts.append(verdict)
        if verdict.fault or verdict.short > SHORT or verdict.seconds > 5:
            print(
                seed,
                verdict.case.kind,
                verdict.case.formula,
                verdict.case.link,
                verdict,
                flush=True,
            )
    lines = [
        "# Generalised models that hurt",
        "",
        f"{N} generated problems (`generalised_stress.py`), each searched again from {STARTS} starts.",
        "",
        "| kind | fitted | refused | singular | runaway | not converged | > 0.01 short | worst | seconds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind in KINDS:
        own = [v for v in verdicts if v.case.kind == kind]
        fitted = [v for v in own if not v.refused and not v.fault]
        counts = Counter(
            name
            for v in fitted
            for name in ("singular", "runaway", "converged")
            if getattr(v, name)
        )
        lines.append(
            f"| {kind} | {len(fitted)} | {sum(bool(v.refused) for v in own)} | {counts['singular']} | "
            f"{counts['runaway']} | {len(fitted) - counts['converged']} | "
            f"{sum(v.short > SHORT for v in fitted)} | {max(v.short for v in fitted):.4f} | "
            f"{max(v.seconds for v in fitted):.1f} |"
        )
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
