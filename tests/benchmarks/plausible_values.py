"""What ten plausible values cost, in fits of one: processor time, in turns within one process.

python tests/benchmarks/plausible_values.py
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from course import mixedlm

MODELS = {
    "intercepts": "escs + sex + C(grade) + immigrant + mean_escs + (1|school)",
    "slopes": "escs + sex + C(grade) + immigrant + mean_escs + (escs|school)",
}
TURNS = 5


def survey(schools: int, pupils: int = 30, seed: int = 1) -> pd.DataFrame:
    """A survey of so many pupils in each school, with ten plausible values of one score."""
    rng = np.random.default_rng(seed)
    school = np.repeat(np.arange(schools), pupils)
    n = len(school)
    escs = rng.normal(size=n) + rng.normal(0, 0.5, schools)[school]
    data = pd.DataFrame(
        {
            "school": school,
            "escs": escs,
            "sex": rng.choice(["girl", "boy"], n),
            "grade": rng.integers(8, 12, n),
            "immigrant": rng.choice(["no", "first", "second"], n),
        }
    )
    data["mean_escs"] = data.groupby("school")["escs"].transform("mean")
    mean = 500 + 20 * escs + 30 * data["mean_escs"] + 10 * (data["grade"] - 10)
    mean += rng.normal(0, 30, schools)[school] + rng.normal(0, 5, schools)[school] * escs
    known = mean + rng.normal(0, 70, n)
    draws = {f"PV{i}MATH": known + rng.normal(0, 30, n) for i in range(1, 11)}
    return data.assign(**draws)


def seconds(formula: str, data: pd.DataFrame, tables: bool) -> float:
    begun = time.process_time()
    fit = mixedlm(formula, data).fit()
    if tables:
        fit.summary()
    return time.process_time() - begun


def main() -> None:
    for schools in (200, 1000):
        data = survey(schools)
        for name, right in MODELS.items():
            for tables in (False, True):
                one, ten = zip(
                    *(
                        (
                            seconds(f"PV1MATH ~ {right}", data, tables),
                            seconds(f"PV*MATH ~ {right}", data, tables),
                        )
                        for _ in range(TURNS)
                    ),
                    strict=True,
                )
                what = "fit and summary" if tables else "fit"
                ratio = np.median(ten) / np.median(one)
                print(
                    f"{len(data):,} pupils in {schools:,} schools, {name}, {what}: "
                    f"one {np.median(one):.3f} s, ten {np.median(ten):.3f} s, {ratio:.1f} fits"
                )


if __name__ == "__main__":
    main()
