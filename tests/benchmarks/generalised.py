"""How long generalised models take, side by side in one run. Writes tests/benchmarks/generalised.md.

    python tests/benchmarks/generalised.py [ROWS ...]

Measured is processor time, so that what else the machine does counts little; one thread each. Peers that are
not installed are left out: lme4 (R), mixedlm (Rust, PyPI) and gpboost (C++, PyPI), each with its defaults.
"""

from __future__ import annotations

import os

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import json  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from importlib import import_module  # noqa: E402
from importlib.util import find_spec  # noqa: E402
from pathlib import Path  # noqa: E402
from shutil import which  # noqa: E402

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from course import mixedglm  # noqa: E402

ROOT = Path(__file__).parents[2]
TIMES = 3
SIZES = (10_000, 100_000, 1_000_000)
GLMER = """
suppressMessages(library(lme4))
a <- commandArgs(TRUE)
d <- read.csv(a[1], stringsAsFactors = TRUE)
warm <- glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial)
t <- system.time(m <- suppressWarnings(glmer(as.formula(a[2]), d, binomial)))
cat(sprintf('{"seconds": %.4f, "llf": %.9f}', t[["user.self"]] + t[["sys.self"]], as.numeric(logLik(m))))
"""


@dataclass
class Problem:
    """A model of yes or no."""

    name: str
    formula: str
    data: pd.DataFrame
    groups: tuple[str, ...]


def problems() -> list[Problem]:
    chem97 = pd.read_csv(ROOT / "data/chem97.csv.gz")
    chem97["passed"] = (chem97.score == 10).astype(int)
    verbagg = pd.read_csv(ROOT / "tests/reference/generalised/verbagg.csv.gz")
    verbagg["yes"] = (verbagg.r2 == "Y").astype(int)
    return [
        Problem(
            "chem97: 31,022 pupils, 2,410 schools in 131 regions",
            "passed ~ gcsecnt + (1|school) + (1|lea)",
            chem97,
            ("school", "lea"),
        ),
        Problem(
            "VerbAgg: 7,584 answers of 316 persons to 24 items",
            "yes ~ Anger + Gender + btype + situ + (1|id) + (1|item)",
            verbagg,
            ("id", "item"),
        ),
    ]


def pupils(n: int) -> pd.DataFrame:
    """Pupils in classrooms of 25, eight to a school, twenty schools to a district: passed or not."""
    rng = np.random.default_rng(1)
    classroom = np.arange(n) // 25
    school, district = classroom // 8, classroom // 160
    x, sex = rng.normal(size=n), rng.integers(0, 2, n)
    eta = -0.5 + 0.6 * x + 0.3 * sex
    for codes, sd in ((classroom, 0.8), (school, 0.6), (district, 0.4)):
        eta += rng.normal(0, sd, codes.max() + 1)[codes]
    passed = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
    columns = {"x": x, "sex": sex, "classroom": classroom, "school": school, "district": district}
    return pd.DataFrame({"passed": passed, **columns})


def course(problem: Problem) -> tuple[float, float]:
    return _timed(lambda: mixedglm(problem.formula, problem.data).fit(), lambda fit: fit.llf)


def rust(problem: Problem) -> tuple[float, float]:
    mixedlm = import_module("mixedlm")
    return _timed(
        lambda: mixedlm.glmer(problem.formula, problem.data), lambda fit: float(fit.logLik())
    )


def gpboost(problem: Problem) -> tuple[float, float]:
    import patsy

    gpb = import_module("gpboost")
    response, right = problem.formula.split(" ~ ")
    fixed = right.split(" + (")[0]

    def fit() -> object:
        X = np.asarray(patsy.dmatrix(fixed, problem.data))
        model = gpb.GPModel(
            group_data=problem.data[list(problem.groups)].to_numpy(), likelihood="bernoulli_logit"
        )
        model.fit(y=problem.data[response].to_numpy(float), X=X)
        return model

    return _timed(fit, lambda model: -float(model.get_current_neg_log_likelihood()))


def _timed(fit: Callable, llf: Callable) -> tuple[float, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = time.process_time()
        found = fit()
        return time.process_time() - started, llf(found)


def lme4(problem: Problem) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        file, script = Path(folder, "data.csv"), Path(folder, "glmer.R")
        problem.data.to_csv(file, index=False)
        script.write_text(GLMER)
        command = ["Rscript", str(script), str(file), problem.formula]
        said = json.loads(
            subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        )
    return said["seconds"], said["llf"]


def main() -> None:
    peers: dict[str, Callable] = {"course": course}
    if which("Rscript"):
        peers["lme4 (glmer)"] = lme4
    if find_spec("mixedlm"):
        peers["mixedlm (Rust)"] = rust
    if find_spec("gpboost"):
        peers["gpboost"] = gpboost
    lines = [
        "# Generalised models: seconds of processor time",
        "",
        "`python tests/benchmarks/generalised.py`: defaults, one thread, the median of "
        f"{TIMES} turns. In units of log-likelihood, how far each is below the best of them.",
    ]
    for problem in problems():
        found = {}
        for name, peer in peers.items():
            try:
                turns = [peer(problem) for _ in range(TIMES)]
            except Exception as error:
                print(name, "failed:", type(error).__name__, str(error)[:200])
                continue
            found[name] = float(np.median([seconds for seconds, _ in turns])), turns[0][1]
            print(problem.name, name, found[name], flush=True)
        best, ours = max(llf for _, llf in found.values()), found["course"][0]
        lines += ["", f"## {problem.name}", "", f"`{problem.formula}`", ""]
        lines += ["| | seconds | times ours | below the best |", "|---|---|---|---|"]
        lines += [
            f"| {name} | {seconds:.2f} | {seconds / ours:.1f} | {best - llf:.4f} |"
            for name, (seconds, llf) in found.items()
        ]
    lines += ["", "## Rows", "", "Pupils in classrooms in schools in districts, all three random."]
    lines += ["", "| rows | seconds | per 1,000 rows |", "|---|---|---|"]
    formula = "passed ~ x + sex + (1|classroom) + (1|school) + (1|district)"
    for n in [int(size) for size in sys.argv[1:]] or SIZES:
        seconds, _ = course(Problem("", formula, pupils(n), ()))
        lines.append(f"| {n:,} | {seconds:.2f} | {1000 * seconds / n:.4f} |")
        print(lines[-1], flush=True)
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
