"""Effects in numbers: drawn, meant at another age, and added to scores.

Their tables, which not every simulation needs, are those of `course.simulate.truth`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd


class Drawn(NamedTuple):
    """Random effects of one group in numbers, of which `course.simulate.truth` makes tables.

    Attributes
    ----------
    names : list of str
        Of the effects, k of them.
    values : ndarray, shape (units, k)
        What was drawn.
    covariance : ndarray, shape (k, k)
        What it was drawn from.
    """

    names: list[str]
    values: np.ndarray
    covariance: np.ndarray


def random_effects(
    z: np.ndarray, intercept_sd: float, slope_sd: float | None, correlation: float, slope: str
) -> Drawn:
    """Scale standard normal draws (units x 2) to random effects."""
    if slope_sd is None:
        names, scale, covariance = ["Intercept"], [[intercept_sd]], [[intercept_sd**2]]
    else:
        names = ["Intercept", slope]
        rest = math.sqrt(1 - correlation**2)
        scale = [[intercept_sd, 0.0], [correlation * slope_sd, rest * slope_sd]]
        between = correlation * intercept_sd * slope_sd
        covariance = [[intercept_sd**2, between], [between, slope_sd**2]]
    # each effect in one piece, as the columns of a table are
    values = np.asfortranarray(z[:, : len(names)] @ np.transpose(scale))
    return Drawn(names, values, np.array(covariance))


def moved_terms(fixed: Mapping[str, float] | pd.Series, name: str, at: float) -> dict[str, float]:
    """Fixed effects in terms of ``name = age - at``, as `Truth.centred` has them.

    Examples
    --------
    >>> moved_terms({"Intercept": 50.0, "age": 2.0, "age:year": 1.0}, "age_c", at=10)
    {'Intercept': 70.0, 'age_c': 2.0, 'year': 10.0, 'age_c:year': 1.0}
    """
    moved: dict[str, float] = {}
    for term, value in fixed.items():
        factors = term.split(":")
        if "age" in factors:
            if at != 0:
                rest = ":".join(f for f in factors if f != "age") or "Intercept"
                moved[rest] = moved.get(rest, 0.0) + at * value
            term = ":".join(name if f == "age" else f for f in factors)
        moved[term] = moved.get(term, 0.0) + value
    return moved


def moved_effects(effects: np.ndarray, at: float) -> np.ndarray:
    """Random intercepts and age slopes (units x 2) in the same terms; intercepts alone stay.

    Examples
    --------
    >>> moved_effects(np.array([[1.0, 0.5]]), at=10)
    array([[6. , 0.5]])
    """
    return effects @ _move(at).T if at and effects.shape[1] == 2 else effects


def moved_covariance(covariance: np.ndarray, at: float) -> np.ndarray:
    """The covariance matrix of an intercept and an age slope, (2, 2), in the same terms.

    Examples
    --------
    >>> moved_covariance(np.array([[9.0, 0.0], [0.0, 1.0]]), at=2)
    array([[13.,  2.],
           [ 2.,  1.]])
    """
    return _move(at) @ covariance @ _move(at).T


def _move(at: float) -> np.ndarray:
    """What takes an intercept and a slope to the place ``at``: u0 + at * u1, and u1."""
    return np.array([[1.0, at], [0.0, 1.0]])


def add_effects(score: np.ndarray, effects: np.ndarray, codes: np.ndarray, age: np.ndarray) -> None:
    """Add random intercepts and slopes (units x 1 or 2) to the scores, in place: pupils may be a million."""
    score += effects[:, 0][codes]
    if effects.shape[1] > 1:
        score += effects[:, 1][codes] * age
