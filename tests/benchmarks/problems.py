"""What is fitted: simulated pupils, nested and crossed, each with its formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from course import simulate_schools

FIXED = "test_score ~ age + sex"
INTERCEPTS = f"{FIXED} + (1|classroom) + (1|school) + (1|province)"
ONE_SLOPE = "test_score ~ age_c + sex + (age_c|classroom) + (1|school) + (1|province)"
ONE_FACTOR = "test_score ~ age_c + sex + (age_c|classroom)"
THREE_SLOPES = "test_score ~ age_c + sex + (age_c|classroom) + (age_c|school) + (age_c|province)"
LEVELS = ("classroom", "school", "province")

CROSSED = "rating ~ service + (1|student) + (1|teacher) + (1|department)"
MOVERS = "score ~ year + (1|pupil) + (1|teacher) + (1|school)"

HAND = "statsmodels by hand"
BY_HAND = {
    "formula": FIXED,
    "groups": "province",
    "re_formula": "1",
    "vc_formula": {"school": "0 + C(school)", "classroom": "0 + C(classroom)"},
}
BY_HAND_UNCORRELATED = BY_HAND | {
    "formula": "test_score ~ age_c + sex",
    "vc_formula": BY_HAND["vc_formula"] | {"age": "0 + C(classroom):age_c"},
}
# Whoever takes several terms; slopes beside other terms are beyond kamino-lme.
FASTER = ("mixedlm (Rust)", "lme-python", "lme4")
SLOPES = (*FASTER, "interlace-lme", "glmmTMB")
INTERCEPTS_ALONE = (*SLOPES, "kamino-lme")


def pupils(sizes: tuple[int, int, int, int], *slopes: str) -> pd.DataFrame:
    """Pupils whose intercepts vary at three levels, and whose age slopes vary at those named.

    ``sizes``: provinces, schools in each, classrooms in each school, pupils in each classroom.
    """
    sds = {"classroom": 1.0, "school": 0.7, "province": 0.5}
    simulation = simulate_schools(
        *sizes,
        slope_sd={level: sds[level] for level in slopes},
        correlation=dict.fromkeys(slopes, 0.3),
        intercept_at=10,
        seed=1,
    )
    return simulation.data.assign(age_c=simulation.data["age"] - 10)


def ratings(n: int = 70_000, students: int = 3000, teachers: int = 1100) -> pd.DataFrame:
    """Students who rate teachers at random, and 14 departments: the shape of lme4's InstEval."""
    rng = np.random.default_rng(1)
    student, teacher = rng.integers(0, students, n), rng.integers(0, teachers, n)
    department, service = rng.integers(0, 14, n), rng.integers(0, 2, n)
    effects = [
        sd * rng.normal(size=codes.max() + 1)[codes]
        for sd, codes in ((0.3, student), (0.5, teacher), (0.1, department))
    ]
    rating = 3 + sum(effects) - 0.1 * service + 1.2 * rng.normal(size=n)
    return pd.DataFrame(
        {
            "rating": rating,
            "service": service,
            "student": _labels("s", student),
            "teacher": _labels("t", teacher),
            "department": _labels("d", department),
        }
    )


def movers(rows: int = 25_000, pupils: int = 11_000, per_school: int = 18) -> pd.DataFrame:
    """Up to three years of each pupil; one row in 33 at another school: the shape of Project STAR."""
    rng = np.random.default_rng(2)
    schools = 80 * pupils // 11_000
    pupil, year = np.divmod(np.arange(3 * pupils), 3)
    kept = rng.random(3 * pupils) < rows / (3 * pupils)
    pupil, year = pupil[kept], year[kept]
    home = rng.integers(0, schools, pupils)[pupil]
    away = rng.random(len(pupil)) < 0.03
    school = np.where(away, rng.integers(0, schools, len(pupil)), home)
    teacher = school * per_school + rng.integers(0, per_school, len(pupil))
    effects = [
        sd * rng.normal(size=codes.max() + 1)[codes]
        for sd, codes in ((20, pupil), (15, teacher), (10, school))
    ]
    score = 500 + sum(effects) + 10 * year + 25 * rng.normal(size=len(pupil))
    return pd.DataFrame(
        {
            "score": score,
            "year": year.astype(float),
            "pupil": _labels("p", pupil),
            "teacher": _labels("t", teacher),
            "school": _labels("s", school),
        }
    )


def _labels(prefix: str, codes: np.ndarray) -> list[str]:
    return [f"{prefix}{code}" for code in codes]


@dataclass
class Problem:
    """One section of the report.

    Attributes
    ----------
    name, formula : str
    data : callable
        Makes the data frame.
    peers : tuple
        Names of those whom ours is measured against.
    required : dict
        By name how many times faster ours must be.
    rounds : int
        Each round every peer takes one turn.
    times : int
        Runs of ours in a turn; ``their_times`` of the others.
    ours, measured : str
        What of ours is measured, as turn.py and as the report call it.
    reml : bool
        Whether by REML or by maximum likelihood.
    call : dict
        What statsmodels by hand is called with.
    same_model : bool
        Whether log-likelihoods are to be compared.
    """

    name: str
    formula: str
    data: Callable[[], pd.DataFrame]
    peers: tuple[str, ...]
    required: dict[str, float] = field(default_factory=dict)
    rounds: int = 2
    times: int = 4
    their_times: int = 1
    ours: str = "ours"
    measured: str = "`.fit()`"
    reml: bool = True
    call: dict = field(default_factory=dict)
    same_model: bool = True


def problems(quick: bool) -> list[Problem]:
    """All of them; the quick ones are a tenth of the size."""
    small, middle, large, huge = (
        ((8, 5, 4, 15), (8, 5, 4, 15), (20, 10, 5, 20), (40, 20, 5, 20))
        if quick
        else ((8, 5, 4, 15), (20, 10, 8, 15), (20, 50, 8, 25), (100, 50, 8, 25))
    )
    rated = (lambda: ratings(7000, 300, 110)) if quick else ratings
    moved = (lambda: movers(2500, 1100)) if quick else movers
    twin = {"measured": "`.fit().statsmodels`", "ours": "ours, as statsmodels", "peers": (HAND,)}
    by_ml = {"reml": False, "peers": ("gpboost", "gpboost (Cholesky)")}
    return [
        Problem(
            "three intercepts",
            INTERCEPTS,
            lambda: pupils(small),
            (HAND, *INTERCEPTS_ALONE),
            call=BY_HAND,
            times=20,
            their_times=3,
        ),
        Problem(
            "three intercepts",
            INTERCEPTS,
            lambda: pupils(middle),
            required={HAND: 8},
            times=1,
            call=BY_HAND,
            **twin,
        ),
        Problem(
            "correlated slope at classrooms (by hand: uncorrelated)",
            ONE_SLOPE,
            lambda: pupils(middle, "classroom"),
            times=2,
            call=BY_HAND_UNCORRELATED,
            same_model=False,
            **twin,
        ),
        Problem(
            "correlated slopes at all three levels",
            THREE_SLOPES,
            lambda: pupils(middle, *LEVELS),
            SLOPES,
        ),
        Problem(
            "three intercepts",
            INTERCEPTS,
            lambda: pupils(large),
            INTERCEPTS_ALONE,
            {"lme4": 15, "mixedlm (Rust)": 1.5},
            rounds=3,
        ),
        Problem(
            "three intercepts by maximum likelihood",
            INTERCEPTS,
            lambda: pupils(large),
            **by_ml,
        ),
        Problem(
            "correlated slope at classrooms",
            ONE_SLOPE,
            lambda: pupils(large, "classroom"),
            (*FASTER, "glmmTMB"),
            {"lme4": 30, "mixedlm (Rust)": 1.5},
        ),
        Problem(
            "correlated slope at classrooms and no other group",
            ONE_FACTOR,
            lambda: pupils(large, "classroom"),
            (HAND, "mixedlm-rs", *INTERCEPTS_ALONE),
            call={
                "formula": "test_score ~ age_c + sex",
                "groups": "classroom",
                "re_formula": "age_c",
            },
        ),
        Problem(
            "correlated slopes at all three levels",
            THREE_SLOPES,
            lambda: pupils(large, *LEVELS),
            FASTER,
            {"lme4": 60, "mixedlm (Rust)": 1.5},
        ),
        Problem(
            "correlated slopes at all three levels",
            THREE_SLOPES,
            lambda: pupils(huge, *LEVELS),
            ("mixedlm (Rust)",),
            {"mixedlm (Rust)": 3},
            times=2,
        ),
        Problem(
            "crossed: ratings of teachers by students, departments",
            CROSSED,
            rated,
            SLOPES,
            {"lme4": 5, "mixedlm (Rust)": 1},
            times=2,
        ),
        Problem("crossed: ratings by maximum likelihood", CROSSED, rated, times=2, **by_ml),
        Problem(
            "crossed: pupils who change teachers, some of them schools",
            MOVERS,
            moved,
            INTERCEPTS_ALONE,
            {"lme4": 2},
            times=2,
        ),
    ]
