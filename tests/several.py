"""Plausible values and imputed data as tests/reference/pooled.R makes them, and their pooled fits."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from course import PooledFit, load, mixedlm, pool

REFERENCE = json.loads(
    (Path(__file__).parent / "reference/pooled.json").read_text(encoding="utf-8")
)
PRIMES = (2, 3, 5, 7, 11)
MORE = "standLRT + schgend + sex + (1|school)"
SLOPE = "standLRT + (standLRT|school)"

NAMES = {
    "(Intercept)": "Intercept",
    "standLRT": "standLRT",
    "schgendgirls": "schgend[T.girls]",
    "schgendmixed": "schgend[T.mixed]",
    "sexM": "sex[T.M]",
}


def of_r(expected: dict, like: pd.DataFrame) -> pd.DataFrame:
    """What R's scripts say of each coefficient, in the order of one of our tables."""
    theirs = {name: expected[name] for name in ("estimate", "std_error", "df_complete", "df")}
    for which in ("mitml", "mitml_18"):
        columns = zip(*expected[which], strict=True)
        names = [f"{which} {name}" for name in expected["mitml_columns"]]
        theirs |= dict(zip(names, columns, strict=True))
    return pd.DataFrame(theirs, index=[NAMES[name] for name in expected["names"]]).loc[like.index]


def spread(n: int, prime: int) -> np.ndarray:
    """Numbers between 0 and 1, as evenly as chance would not have them."""
    return np.arange(1, n + 1) * np.sqrt(prime) % 1


@cache
def plausible() -> pd.DataFrame:
    """Twenty schools with the plausible values PV1 to PV5."""
    exam = load("exam")
    exam = exam[exam["school"].astype(int) <= 20].reset_index(drop=True)
    noise = {f"PV{i}": stats.norm.ppf(spread(len(exam), p)) for i, p in enumerate(PRIMES, 1)}
    return exam.assign(**{name: exam["normexam"] + 0.6 * z for name, z in noise.items()})


@cache
def imputed() -> list[pd.DataFrame]:
    """The same schools, five times, with three in ten of standLRT drawn."""
    data = plausible()
    gone = spread(len(data), 13) < 0.3
    draws = [0.6 * data["normexam"] + 0.8 * stats.norm.ppf(spread(len(data), p)) for p in PRIMES]
    return [data.assign(standLRT=data["standLRT"].mask(gone, drawn)) for drawn in draws]


@cache
def pooled(kind: str, right: str, reml: bool = True) -> PooledFit:
    """A pooled fit to the "plausible" values or the "imputed" data."""
    if kind == "plausible":
        return mixedlm(f"PV* ~ {right}", plausible()).fit(reml)
    return pool([mixedlm(f"normexam ~ {right}", data).fit(reml) for data in imputed()])
