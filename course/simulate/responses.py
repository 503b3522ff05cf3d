"""What is measured of a pupil: a score, a pass mark reached or not, or days of absence.

Each kind has defaults of its own, on the scale on which effects add up: points for a score, the logit of
passing, and the logarithm of the absences per school day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from course.errors import CourseError

SCHOOL_DAYS = (120, 190)  # on which a pupil was on the roll, both included


@dataclass(frozen=True)
class Response:
    """A kind of response.

    Attributes
    ----------
    column : str
        What it is called in the data.
    fixed_effects, intercept_sd : dict
        The defaults, on the scale of the link.
    student_sd : float
        Added to `intercept_sd` where pupils are followed.
    residual_sd : float or None
        The default; None where the family has no residual.
    draw : callable
        Values for sums of effects, (n,), from a generator; the dictionary of columns is there to be added to.
    """

    column: str
    fixed_effects: dict[str, float]
    intercept_sd: dict[str, float]
    student_sd: float
    residual_sd: float | None
    draw: Callable[[np.ndarray, dict, np.random.Generator], np.ndarray]


def _points(effects: np.ndarray, columns: dict, rng: np.random.Generator) -> np.ndarray:
    """Scores; their residuals, which the simulator scales, are part of the sums already."""
    return effects


def _passed(effects: np.ndarray, columns: dict, rng: np.random.Generator) -> np.ndarray:
    from scipy.special import expit  # in here: a lesson that loads pupils need not wait for it

    return (rng.random(effects.size) < expit(effects)).astype(np.int64)


def _days(effects: np.ndarray, columns: dict, rng: np.random.Generator) -> np.ndarray:
    low, high = SCHOOL_DAYS
    columns["school_days"] = rng.integers(low, high + 1, effects.size)
    means = columns["school_days"] * np.exp(effects)
    if means.max() > 1e9:
        raise CourseError(
            f"with these effects a pupil is absent on {means.max():.1e} days: fixed_effects and the SDs of "
            "counts are on the scale of the logarithm, where 0.7 doubles the mean"
        )
    return rng.poisson(means)


EFFECTS = ("Intercept", "age", "sex[T.male]", "teacher_experience", "school_resources")
LEVELS = ("province", "school", "classroom")


def _kind(
    fixed_effects: tuple[float, ...], intercept_sd: tuple[float, ...], **others: Any
) -> Response:
    """A response with these `EFFECTS`, and these SDs of the intercepts of `LEVELS`."""
    return Response(
        fixed_effects=dict(zip(EFFECTS, fixed_effects, strict=True)),
        intercept_sd=dict(zip(LEVELS, intercept_sd, strict=True)),
        **others,
    )


FAMILIES = {
    "gaussian": _kind(
        (50.0, 2.0, -1.0, 0.1, 1.0),
        (2.0, 3.0, 4.0),
        column="test_score",
        student_sd=5.0,
        residual_sd=8.0,
        draw=_points,
    ),
    "binomial": _kind(
        (-2.0, 0.2, -0.3, 0.02, 0.3),
        (0.3, 0.6, 0.5),
        column="passed",
        student_sd=1.0,
        residual_sd=None,
        draw=_passed,
    ),
    "poisson": _kind(
        (-4.0, 0.05, 0.1, -0.005, -0.1),
        (0.1, 0.2, 0.2),
        column="days_absent",
        student_sd=0.3,
        residual_sd=None,
        draw=_days,
    ),
}
