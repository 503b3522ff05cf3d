"""The four mysteries of lesson 08: data sets, made from the pupils, whose fits go wrong."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from course.fit.model import MixedFit


def mysteries(pupils: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Four data sets with new scores for some of the pupils, each made to go wrong in one way.

    Parameters
    ----------
    pupils : DataFrame
        Pupils as `course.simulate_schools` makes them; other pupils, other mysteries.

    Returns
    -------
    dict of str to DataFrame
        "A" to "D". The same pupils always give the same.

    Examples
    --------
    >>> from course import load
    >>> sorted(mysteries(load("pupils")))
    ['A', 'B', 'C', 'D']
    """
    pupils = pupils.assign(age10=pupils["age"] - 10).drop(columns="test_score")
    # Sorted by turns over the provinces, so that a few schools are not all of one province.
    schools = sorted(pupils["school"].unique(), key=lambda name: (str(name)[-1], name))
    some = pupils[pupils["school"].isin(schools[:24])].reset_index(drop=True)
    return {
        "A": _no_slopes(some),
        "B": _bend(some),
        "C": _districts(some),
        "D": _experience(some),
    }


def _scores(pupils: pd.DataFrame, mean: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Scores around ``mean``, with classrooms (SD 3), schools (SD 3) and pupils (SD 6)."""
    score = mean + rng.normal(0, 6, len(pupils))
    for level in ("classroom", "school"):
        codes, labels = pd.factorize(pupils[level])
        score = score + rng.normal(0, 3, len(labels))[codes]
    return pupils.assign(test_score=score.round(2))


def _no_slopes(pupils: pd.DataFrame) -> pd.DataFrame:
    """Schools whose slopes do not differ, drawn until the fit with slopes is at a correlation of ±1."""
    from course.fit.from_formula import mixedlm  # here, so that `check` does not wait for SciPy

    pupils = pupils[["student_id", "classroom", "school", "sex", "age10"]]
    for seed in itertools.count(1):
        drawn = _scores(pupils, 60 + 2 * pupils["age10"], np.random.default_rng(seed))
        sd = _parts(mixedlm("test_score ~ age10 + (1|classroom) + (age10|school)", drawn).fit())
        if abs(sd["school", "correlation"]) < 1 - 1e-6 or sd["school", "age10"] < 0.1:
            continue
        both = _parts(mixedlm("test_score ~ age10 + (1|classroom) + (age10||school)", drawn).fit())
        if both["school", "age10"] < 1e-3 and both["school", "Intercept"] > 1:
            return drawn


def _parts(fit: MixedFit) -> dict[tuple[str, str], float]:
    """SDs by group and effect, and the correlation."""
    table = fit.variance_components
    effect = table["effect"].where(table["effect2"].isna(), "correlation")
    return dict(zip(zip(table["group"], effect, strict=True), table["sdcor"], strict=True))


def _bend(pupils: pd.DataFrame) -> pd.DataFrame:
    """Scores that grow more slowly with every year of age."""
    pupils = pupils[["student_id", "classroom", "school", "sex", "age10"]]
    mean = 60 + 2 * pupils["age10"] - 2 * pupils["age10"] ** 2
    return _scores(pupils, mean, np.random.default_rng(2))


def _districts(pupils: pd.DataFrame) -> pd.DataFrame:
    """Three districts with the numbers 1, 2 and 3; the pupils of district 2 score higher."""
    codes, _ = pd.factorize(pupils["school"])
    pupils = pupils.assign(district=codes % 3 + 1)
    pupils = pupils[["student_id", "classroom", "school", "district", "age10"]]
    mean = 60 + 2 * pupils["age10"] + 10 * (pupils["district"] == 2)
    return _scores(pupils, mean, np.random.default_rng(3))


def _experience(pupils: pd.DataFrame) -> pd.DataFrame:
    """Teachers have one number of years for a whole classroom."""
    pupils = pupils[["student_id", "classroom", "school", "teacher_experience", "age10"]]
    mean = 60 + 2 * pupils["age10"] + 0.1 * pupils["teacher_experience"]
    return _scores(pupils, mean, np.random.default_rng(4))
