"""How often do the tests of `compare` reject a null hypothesis that is true? Writes tests/long/levels.md.

    python tests/long/levels.py

Takes some minutes. Responses are drawn from a fit of the smaller model; both models are fitted to each.
"""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from course import mixedlm, simulate_schools
from course.inference.compare import mixture_p_value, simulate_chi2
from course.inference.nesting import step

N = 3000
NOMINAL = 0.05

# what is tested: smaller and larger model, method, and (provinces, schools, classrooms, pupils)
CASES = {
    "one variance": (
        "test_score ~ age + (1|classroom)",
        "test_score ~ age + (1|classroom) + (1|school)",
        "REML",
        (10, 6, 4, 5),
    ),
    "one variance, by ML": (
        "test_score ~ age + (1|classroom)",
        "test_score ~ age + (1|classroom) + (1|school)",
        "ML",
        (10, 6, 4, 5),
    ),
    "a slope and its covariance with the intercept": (
        "test_score ~ age + (1|school)",
        "test_score ~ age + (age|school)",
        "REML",
        (20, 10, 1, 12),
    ),
    "a slope without covariance": (
        "test_score ~ age + (1|school)",
        "test_score ~ age + (age_c||school)",
        "REML",
        (10, 8, 1, 12),
    ),
    "a covariance": (
        "test_score ~ age + (age_c||school)",
        "test_score ~ age + (age_c|school)",
        "REML",
        (10, 8, 1, 12),
    ),
    "two variances of different terms": (
        "test_score ~ age + (1|classroom)",
        "test_score ~ age + (1|classroom) + (1|school) + (1|province)",
        "REML",
        (30, 4, 3, 4),
    ),
    "intercept and slope at once": (
        "test_score ~ age + (1|classroom)",
        "test_score ~ age + (1|classroom) + (age_c|school)",
        "REML",
        (10, 6, 4, 5),
    ),
    "a fixed effect": (
        "test_score ~ age + (1|classroom) + (1|school)",
        "test_score ~ age + sex + (1|classroom) + (1|school)",
        "ML",
        (10, 4, 3, 4),
    ),
    "one variance, 6 levels": (
        "test_score ~ age + (1|school)",
        "test_score ~ age + (1|school) + (1|province)",
        "REML",
        (6, 6, 1, 10),
    ),
    "a fixed effect of schools, 12 schools": (
        "test_score ~ age + (1|school)",
        "test_score ~ age + school_resources + (1|school)",
        "ML",
        (4, 3, 1, 10),
    ),
    "a second slope, two covariances": (
        "test_score ~ age + sex + (age|school)",
        "test_score ~ age + sex + (age + sex|school)",
        "REML",
        (10, 8, 1, 16),
    ),
}


def level(case: str, n: int, seed: int, executor=None) -> dict:
    """Shares of chi2 statistics that are significant at 5 %, naively and as `compare` has it."""
    smaller, larger, method, sizes = CASES[case]
    data = simulate_schools(
        *sizes,
        intercept_sd={"school": 6, "classroom": 3},
        slope_sd={"school": 1.5},
        intercept_at=10,
        residual_sd=6,
        seed=seed,
    ).data
    data["age_c"] = data["age"] - 10
    small, large = (mixedlm(text, data).fit(reml=method == "REML") for text in (smaller, larger))
    new = step(small.design, large.design)
    chi2 = simulate_chi2(small, large, n, seed, executor, progress=False)
    assert np.isfinite(chi2).all()
    p_values = np.array([mixture_p_value(x if x > 1e-6 else 0, new)[0] for x in chi2])
    return {
        "tested": case,
        "reference": mixture_p_value(1.0, new)[1],
        "chi2 = 0": np.mean(chi2 <= 1e-6),
        "naive": np.mean(stats.chi2.sf(chi2, new.df) <= NOMINAL),
        "level": np.mean(p_values <= NOMINAL),
    }


def main() -> None:
    with ProcessPoolExecutor(2) as pool:
        rows = []
        for i, case in enumerate(CASES):
            rows.append(level(case, N, seed=i + 1, executor=pool))
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    error = np.sqrt(NOMINAL * (1 - NOMINAL) / N)
    lines = [
        "# Levels of the tests of `compare`",
        "",
        f"Share of {N:,} responses drawn under the null hypothesis that are significant at 5 %; its",
        f"Monte-Carlo error is {error:.3f}. `naive`: the chi-square with as many degrees of freedom as",
        "new parameters. `level`: the reference that `compare` uses. Written by",
        "`python tests/long/levels.py`.",
        "",
        "| " + " | ".join(table.columns) + " |",
        "|---|---|--:|--:|--:|",
        *(
            f"| {a} | {b} | {c:.3f} | {d:.3f} | {e:.3f} |"
            for a, b, c, d, e in table.itertuples(index=False, name=None)
        ),
    ]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
