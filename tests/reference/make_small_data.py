"""Write the small data sets on which a variance or a correlation is estimated at its boundary.

Run as ``python tests/reference/make_small_data.py``; the same bytes come out every time. The seeds
were chosen by fitting with lme4 until the estimate, and not only the truth, lay on the boundary.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from course.simulate.schools import simulate_schools

HERE = Path(__file__).parent


def pupils(
    seed: int,
    n_schools: int,
    n_classrooms: int,
    n_pupils: int,
    school_cov: np.ndarray,
    classroom_cov: np.ndarray,
) -> pd.DataFrame:
    """Pupils in classrooms in schools; the covariances are of (intercept, slope of x)."""
    rng = np.random.default_rng(seed)
    n_rows = n_schools * n_classrooms * n_pupils
    school = np.repeat(np.arange(n_schools), n_classrooms * n_pupils)
    classroom = np.repeat(np.arange(n_schools * n_classrooms), n_pupils)
    x = rng.normal(size=n_rows)
    # "svd" also takes a covariance on the boundary, where a Cholesky factor does not exist.
    b_school = rng.multivariate_normal([0, 0], school_cov, n_schools, method="svd")
    b_classroom = rng.multivariate_normal(
        [0, 0], classroom_cov, n_schools * n_classrooms, method="svd"
    )
    b = b_school[school] + b_classroom[classroom]
    y = 50 + 2 * x + b[:, 0] + b[:, 1] * x + rng.normal(scale=4, size=n_rows)
    return pd.DataFrame(
        {
            "school": [f"S{i + 1:02d}" for i in school],
            "classroom": [
                f"S{i + 1:02d}-C{j % n_classrooms + 1}"
                for i, j in zip(school, classroom, strict=True)
            ],
            "x": x.round(4),
            "y": y.round(3),
        }
    )


def covariance(sd_intercept: float, sd_slope: float, correlation: float) -> np.ndarray:
    off = correlation * sd_intercept * sd_slope
    return np.array([[sd_intercept**2, off], [off, sd_slope**2]])


NONE = np.zeros((2, 2))
SETS = {
    # No variation between groups at all: the fit is that of least squares.
    "zero_school": (2, 12, 1, 8, NONE, NONE),
    # Schools differ, classrooms within them do not.
    "zero_classroom": (1, 10, 3, 5, covariance(3, 0, 0), NONE),
    # Intercepts differ, slopes do not.
    "zero_slope": (1, 12, 1, 10, covariance(3, 0, 0), NONE),
    "correlation_plus_one": (5, 12, 1, 10, covariance(3, 1.5, 1), NONE),
    "correlation_minus_one": (4, 12, 1, 10, covariance(3, 1.5, -1), NONE),
    # One level on its boundary, the other inside.
    "one_level_singular": (16, 10, 4, 5, covariance(3, 2, 0.3), covariance(1.5, 0.5, 1)),
    # Inside the boundary, but a bounded search from the usual start stops at an intercept SD of 0.
    "stuck_at_zero": (4, 10, 4, 5, covariance(3, 2, 0.3), covariance(1.5, 0.5, 1)),
}


def with_missing(data: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Empty six x, five y and three school labels; one row lacks both x and y."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(data), size=13, replace=False)
    data = data.copy()
    data.loc[rows[:6], "x"] = np.nan
    data.loc[rows[5:10], "y"] = np.nan
    data.loc[rows[10:], "school"] = None
    return data


def with_empty_cells(seed: int) -> pd.DataFrame:
    """200 rows of three factors, some of whose combinations no row has; m repeats x, one is constant."""
    rng = np.random.default_rng(seed)
    n, group = 260, rng.normal(scale=1.5, size=(20, 2))
    data = pd.DataFrame(
        {
            "f": rng.choice(list("abc"), n),
            "h": rng.choice(list("pqr"), n),
            "k": rng.choice(list("uv"), n),
            "g": rng.integers(20, size=n),
            "x": rng.normal(size=n).round(3),
        }
    )
    empty = (data.f == "b") & (data.h == "q") | (data.f == "a") & (data.h == "p") & (data.k == "v")
    data = data[~empty].head(200)
    data["m"], data["one"] = (2 * data.x + 2000).round(3), 3
    mean = 2 * (data.f == "b") + (data.h == "r") * (data.k == "v") + data.x
    b = group[data.g]
    data["y"] = (mean + b[:, 0] + 0.5 * b[:, 1] * data.x + rng.normal(size=200)).round(3)
    return data.assign(g=[f"g{i:02d}" for i in data.g])


def baking(seed: int) -> pd.DataFrame:
    """Cakes of three recipes, 15 bakings each, at six temperatures: a number and a label."""
    rng = np.random.default_rng(seed)
    recipe, replicate, temp = (
        a.ravel()
        for a in np.meshgrid(list("ABC"), range(1, 16), range(175, 226, 10), indexing="ij")
    )
    baked = rng.normal(scale=6, size=45).repeat(6)
    curve = 30 + 0.16 * (temp - 200) - 2.0 * (recipe == "B") + 1.5 * (temp == 205)
    angle = (curve + baked + rng.normal(scale=4.5, size=270)).round(1)
    label = [f"t{value}" for value in temp]
    return pd.DataFrame(
        {
            "recipe": recipe,
            "replicate": replicate,
            "temp": temp,
            "temperature": label,
            "angle": angle,
        }
    )


def simulated_answers() -> dict[str, pd.DataFrame]:
    """Pupils who passed or not, how many of each classroom did, and days of absence."""
    sds = {"school": 0.8, "classroom": 0.5}
    passed = simulate_schools(4, 8, 2, 6, family="binomial", intercept_sd=sds, seed=21).data
    by = ["school", "classroom", "school_resources", "teacher_experience"]
    rooms = passed.groupby(by, as_index=False).agg(passed=("passed", "sum"), n=("passed", "size"))
    rooms = rooms.assign(failed=rooms["n"] - rooms["passed"]).drop(columns="n")
    absences = simulate_schools(4, 8, 2, 6, family="poisson", seed=22).data
    keep = ["school", "classroom", "age", "sex", "teacher_experience"]
    return {
        "passed": passed[[*keep, "passed"]],
        "rooms": rooms,
        "absences": absences[[*keep, "school_days", "days_absent"]],
    }


def main() -> None:
    for name, arguments in SETS.items():
        pupils(*arguments).to_csv(HERE / f"{name}.csv", index=False, lineterminator="\n")
    complete = pupils(101, 12, 2, 6, covariance(3, 1.5, 0), covariance(2, 0, 0))
    with_missing(complete, 102).to_csv(
        HERE / "missing_values.csv", index=False, lineterminator="\n"
    )
    with_empty_cells(7).to_csv(HERE / "empty_cells.csv", index=False, lineterminator="\n")
    baking(8).to_csv(HERE / "baking.csv", index=False, lineterminator="\n")
    for name, table in simulated_answers().items():
        path = HERE / "generalised" / f"{name}.csv"
        table.to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
