"""Why a formula cannot be computed on the data, in words; patsy and NumPy speak to programmers."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from course.common.nearest import shortened
from course.errors import CourseError

# a part of patsy's message -> what it means
MEANINGS = {
    "specified level": "the level it names is not among the labels",
    "number of scores": "it needs one score for each label",
    "fall above upper bound": "a knot or a bound lies beyond the values of the data",
    "fall below lower bound": "a knot or a bound lies beyond the values of the data",
    "fall outside": "a value lies outside the bounds",
    "fall above": "a knot or a bound lies beyond the values of the data",
    "fall below": "a knot or a bound lies beyond the values of the data",
    "breaks of cut": "a value lies outside the breaks: take lower or higher ones",
    "outside the": "a value lies outside the bounds",
    "implies": "df=, degree= and the number of knots contradict each other: leave out df= or knots=",
    "degree of poly": "its degree must be less than the number of different values",
    "df of ns": "df= is too small: ns needs at least 1",
    "labels of cut": "labels= has to name every interval once",
    "is too small": "df= is too small for its degree: a cubic bs needs at least 3",
    "n_inner_knots": "the column has too few different values for so many knots: lower df=",
    "distinct knots": "the column has too few different values for so many knots: lower df=",
    "constraints": "constraints= does not fit the number of columns",
    "more than one element": "there is an array where one number is expected",
    ">1-dimensional": "it has several columns where one is expected",
    "mismatch between column_names": "what is inside C(...) is not a number in some rows",
}
STRANGE = re.compile(r"value (.+) does not match any of the expected levels \(expected: \[(.*)\]\)")
LEVELS = re.compile(r"\blevels\s*=(?!=)")
LABELS = "labels, and only numbers can be computed with: recode the column, or compare it with =="


def in_words(error: Exception, variables: Mapping[str, np.ndarray | pd.Categorical]) -> CourseError:
    """What patsy, or a function in the formula, stumbled over.

    Parameters
    ----------
    error : Exception
        As patsy raised it.
    variables : mapping
        The columns of the formula, as patsy got them.

    Returns
    -------
    CourseError
        To be raised from `error`.
    """
    text = str(error)
    origin = getattr(error, "origin", None)
    code = origin.relevant_code() if origin is not None else ""
    what = f"`{code[:60]}` cannot be computed" if code else "the formula cannot be computed"
    strange = STRANGE.search(text)
    if strange:
        value, levels = (re.sub(r"np\.\w+\(([^()]*)\)", r"\1", part) for part in strange.groups())
        mend = ": levels= leaves out a label that occurs" if LEVELS.search(code) else ""
        return CourseError(f"{what}: {shortened(value)} is not one of its levels ({levels}){mend}")
    meaning = next((words for part, words in MEANINGS.items() if part in text), "")
    if meaning:
        return CourseError(f"{what}: {meaning}")
    labelled = [
        name
        for name, column in variables.items()
        if isinstance(column, pd.Categorical) and (not code or re.search(_word(name), code))
    ]
    if labelled:
        held = f"'{labelled[0]}' holds" if code or len(labelled) == 1 else "a column of it holds"
        return CourseError(f"{what}: {held} {LABELS}")
    return CourseError(f"{what}: look at what its functions are given")


def _word(name: str) -> str:
    return rf"(?<!\w){re.escape(name)}(?!\w)"
