"""Small generalised fits that several files of tests look at: pupils who passed, and days of absence."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from course import load, mixedglm

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "reference" / "generalised"


@cache
def table(name: str) -> pd.DataFrame:
    """One of the tables that R reads, too."""
    if name == "exam":
        exam = load("exam")
        return exam.assign(above=(exam["normexam"] > 0).astype(int))
    data = pd.read_csv(FOLDER / f"{name}.csv")
    if "age" in data:
        data["age10"] = data["age"] - 10
    return data.assign(row=np.arange(len(data)))


@cache
def fit(formula: str, data: str, family: str = "binomial", link: str | None = None, nagq: int = 1):
    """A fit, made once in a session."""
    return mixedglm(formula, table(data), family, link).fit(nagq=nagq)


def passed():
    return fit("passed ~ age + sex + (1|school) + (1|classroom)", "passed")


def sloped():
    return fit("above ~ standLRT * schgend + (standLRT|school)", "exam")


def counts():
    formula = "days_absent ~ age10 * sex + offset(np.log(school_days)) + (1|school) + (1|classroom)"
    return fit(formula, "absences", "poisson")


def by_rows():
    formula = "days_absent ~ age + offset(np.log(school_days)) + (1|school) + (1|row)"
    return fit(formula, "absences", "poisson")
