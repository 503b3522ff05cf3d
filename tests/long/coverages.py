"""How often do confidence intervals hold the truth? Writes tests/long/coverages.json and coverages.md.

    python tests/long/coverages.py
    python tests/long/coverages.py auto wald     # these methods only; the others stay as they are in the JSON

Takes one to two hours on two cores. Pupils are simulated from a known truth, with few schools (6) and with
many (40), fitted by REML, and each method's 95 % intervals are held against the truth by `recovery`. All
methods see the same pupils. tests/long/levels.py does the same for tests of variances.
"""

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize, stats

from course import recovery

LEVEL = 0.95
# replicates by method: as many as an hour or two allow
N = {
    "satterthwaite": 2000,
    "kenward-roger": 2000,
    "auto": 1000,
    "wald": 1000,
    "profile": 1000,
    "bootstrap": 300,
}
N_SLOPES = N | {"auto": 100, "profile": 500, "bootstrap": 100}
RESULTS = Path(__file__).with_suffix(".json")

TRUTH = {
    "provinces": 1,
    "classrooms": 1,
    "students": 10,
    "fixed_effects": {"Intercept": 50, "age": 2, "school_resources": 1},
    "intercept_sd": {"school": 4},
    "residual_sd": 6,
}
INTERCEPTS = "test_score ~ age + school_resources + (1|school)"
SLOPES = "test_score ~ age + school_resources + (age|school)"
VARYING = {"slope_sd": {"school": 2}, "intercept_at": 10}
CASES = {
    "6 schools": (INTERCEPTS, TRUTH | {"schools": 6}, N),
    "40 schools": (INTERCEPTS, TRUTH | {"schools": 40}, N | {"auto": 250, "bootstrap": 100}),
    "6 schools, slopes": (SLOPES, TRUTH | VARYING | {"schools": 6}, N_SLOPES),
    "40 schools, slopes": (SLOPES, TRUTH | VARYING | {"schools": 40}, N_SLOPES),
}


def coverage(case: str, method: str, n: int, seed: int, executor=None) -> pd.DataFrame:
    """By parameter: coverage, its Monte-Carlo error, and how many replicates had an interval."""
    formula, made, _ = CASES[case]
    found = recovery(
        made,
        formula,
        n,
        seed=seed,
        intervals=method,
        level=LEVEL,
        executor=executor,
        progress=False,
    )
    assert found.n_failed == 0 and found.convergence.value > 0.99, found
    rows = found.replicates.dropna(subset=["true", "lower", "upper"])
    table = found.table[["coverage", "coverage_mcse"]].dropna()
    return table.assign(
        case=case, method=method, singular=found.singular.value, n=rows["parameter"].value_counts()
    )


def theory(method: str, schools: int) -> dict[str, float]:
    """What balanced data let one expect of the parameters that schools alone tell of.

    The mean square between schools is chi squared over its df, those of the schools less two fixed effects.
    A profile is that of the ML fit, which takes the df for the schools; percentiles of a bootstrap are
    normal, with the estimated variance for the true one. What is known of the rows within schools counts as
    certain.
    """
    df, tail = schools - 2, (1 - LEVEL) / 2
    if method == "profile":
        reach = stats.chi2.ppf(LEVEL, 1) / schools
        fixed = np.sqrt(df * np.expm1(reach))
        ends = [
            schools * optimize.brentq(lambda r: r - 1 - np.log(r) - reach, *side)
            for side in ((1e-6, 1), (1, 1e3))
        ]
    elif method == "bootstrap":
        fixed = stats.norm.isf(tail)
        ends = [df**2 / stats.chi2.isf(share, df) for share in (tail, 1 - tail)]
    elif method == "auto":
        return dict.fromkeys(("school_resources", "sd(Intercept | school)"), LEVEL)
    else:
        return {"school_resources": LEVEL}
    return {
        "school_resources": 1 - 2 * stats.t.sf(fixed, df),
        "sd(Intercept | school)": np.diff(stats.chi2.cdf(ends, df))[0],
    }


def off(table: pd.DataFrame) -> pd.Series:
    """How many Monte-Carlo errors of a coverage that is as it should be it is away from that."""
    return (table["coverage"] - LEVEL) / np.sqrt(LEVEL * (1 - LEVEL) / table["n"])


def written(table: pd.DataFrame) -> str:
    """tests/long/coverages.md."""
    lines = [
        "# Coverage of the intervals",
        "",
        f"Share of {LEVEL:.0%} intervals that hold the truth, of REML fits to pupils simulated from it, ten",
        "in each school. `auto` is what `confint` takes if no method is asked for: the score for SDs of few",
        "groups, the REML profile for correlations and sigma, t-intervals for fixed effects. A coverage is",
        "followed by its distance from the nominal level in Monte-Carlo errors",
        "of a method that is right: within 3 it cannot be told from one. Written by",
        "`python tests/long/coverages.py`.",
    ]
    for case, rows in table.groupby("case", sort=False):
        formula, made, methods = CASES[case]
        counts = ", ".join(f"{method} {n:,}" for method, n in methods.items())
        share = rows.loc[rows["method"] == "satterthwaite", "singular"].iloc[0]
        lines += [
            "",
            f"## {case}",
            "",
            f"`{formula}`; replicates: {counts}; {share:.0%} of the fits singular.",
            "",
            "| parameter | " + " | ".join(methods) + " |",
            "|---" + "|--:" * len(methods) + "|",
        ]
        for parameter, of_one in rows.groupby("parameter", sort=False):
            of_one = of_one.set_index("method")
            cells = [
                f"{of_one.loc[m, 'coverage']:.3f} ({off(of_one)[m]:+.1f})"
                if m in of_one.index
                else ""
                for m in methods
            ]
            name = parameter.replace("|", "\\|")
            lines.append(f"| {name} | {' | '.join(cells)} |")
        if formula == INTERCEPTS:
            lines += ["", "Theory of balanced data expects of the methods that are not exact:"]
            for method in ("profile", "bootstrap"):
                expected = theory(method, made["schools"]).items()
                found = ", ".join(f"{share:.3f} for {name}" for name, share in expected)
                lines.append(f"- {method}: {found}")
    return "\n".join(lines) + "\n"


def main(wanted: list[str]) -> None:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each process has a core
    table = pd.read_json(RESULTS) if RESULTS.exists() else pd.DataFrame(columns=["case", "method"])
    with ProcessPoolExecutor(2) as pool:
        for seed, (case, (_, _, methods)) in enumerate(CASES.items(), start=1):
            for method in wanted:
                found = coverage(case, method, methods[method], seed, pool)
                found = found.rename_axis("parameter").reset_index()
                print(found.round(3).to_string(), flush=True)
                earlier = table[(table["case"] != case) | (table["method"] != method)]
                table = pd.concat([earlier, found], ignore_index=True)
                # after each, so that an interruption loses one only
                table.to_json(RESULTS, orient="records", indent=1, double_precision=4)
    RESULTS.with_suffix(".md").write_text(written(table), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:] or list(N))
