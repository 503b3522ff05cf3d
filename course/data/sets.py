"""The data sets of the lessons, and what the simulated ones are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from course.common.arguments import unknown
from course.common.paths import DATA
from course.data.delimited import EXACT
from course.errors import CourseError
from course.simulate.schools import simulate_schools
from course.simulate.truth import Truth

# File of each data set, and the columns that hold labels: they are read as text, for a school
# called 7 is not seven of anything.
DATA_SETS = {
    "pupils": ("pupils.csv", ["province", "school", "classroom", "student_id"]),
    "pupils_three_years": (
        "pupils_three_years.csv",
        ["province", "school", "classroom", "student_id"],
    ),
    "chem97": ("chem97.csv.gz", ["lea", "school", "student"]),
    "exam": ("exam.csv", ["school", "student"]),
    "scotssec": ("scotssec.csv", ["primary", "second"]),
    "egsingle": ("egsingle.csv", ["schoolid", "childid"]),
}
# What the simulated data sets were made with. The files hold the same pupils to two decimals.
SIMULATED: dict[str, dict[str, Any]] = {
    "pupils": {
        "provinces": 12,
        "schools": 5,
        "classrooms": (2, 4),
        "students": (9, 17),
        "fixed_effects": {
            "Intercept": 60,
            "age": 4,
            "sex[T.male]": -2,
            "teacher_experience": 0.1,
            "school_resources": 1,
        },
        "intercept_sd": {"province": 3, "school": 3, "classroom": 4},
        "slope_sd": {"province": 1.2, "school": 1.2, "classroom": 1.5},
        "correlation": {"province": 0.4, "school": 0.3, "classroom": 0.3},
        "residual_sd": 6,
        "intercept_at": 10,
        "seed": 2026,
    },
    "pupils_three_years": {
        "provinces": 10,
        "schools": 4,
        "classrooms": 3,
        "students": (7, 13),
        "fixed_effects": {
            "Intercept": 50,
            "age": 3,
            "sex[T.male]": -2,
            "teacher_experience": 0.1,
            "school_resources": 1,
        },
        "intercept_sd": {"province": 3, "school": 3, "classroom": 4, "student_id": 5},
        "slope_sd": {"province": 1.2, "school": 1.2, "classroom": 1.5},
        "correlation": {"province": 0.4, "school": 0.3, "classroom": 0.3},
        "residual_sd": 5,
        "intercept_at": 10,
        "years": 3,
        "reshuffle": 0.5,
        "seed": 2027,
    },
}


def load(name: str) -> pd.DataFrame:
    """Read one of the data sets of the course.

    Parameters
    ----------
    name : str
        "pupils", "pupils_three_years" (simulated), "chem97", "exam", "scotssec" or "egsingle"
        (real). ``data/README.md`` describes their columns, sources and licences.

    Returns
    -------
    DataFrame
        One row per pupil (and occasion). Labels of pupils, classrooms, schools and the like are
        text, also where they look like numbers: R's lme4 makes factors of them, too. Measurements
        and 0/1 indicators are numbers, other categories ("female", "bottom 25%") text.

    Raises
    ------
    CourseError
        If there is no data set of that name, or its file is not there.

    See Also
    --------
    read_table : Tables of your own.
    structure : How the groups of a table lie.
    simulate_schools : Pupils whose truth is known.

    Examples
    --------
    >>> exam = load("exam")
    >>> exam.shape
    (4059, 10)
    >>> exam["school"].iloc[0], exam["normexam"].iloc[0].item()
    ('1', 0.2613242)
    """
    if not isinstance(name, str) or name not in DATA_SETS:
        raise unknown(name, DATA_SETS, "data set")
    file, labels = DATA_SETS[name]
    path = DATA / file
    if not path.is_file():
        raise CourseError(
            f"the data set {name!r} is not there: {path} is missing. The data come with the "
            "course: get it again, and see with  python -m course doctor  what else is missing"
        )
    return pd.read_csv(path, dtype=dict.fromkeys(labels, "str"), **EXACT)


def data_file(name: str) -> Path:
    """Where a file lies that comes with the course, whether from the repository or from pip.

    Parameters
    ----------
    name : str
        Of the file, such as ``"exam.csv"``; ``data/README.md`` lists them.

    Returns
    -------
    Path
        For `read_table`, or whatever else reads files.

    Raises
    ------
    CourseError
        If no file of that name comes with the course.

    See Also
    --------
    load : The data sets themselves.

    Examples
    --------
    >>> data_file("exam.csv").name
    'exam.csv'
    """
    names = [path.name for path in DATA.glob("*") if path.suffix not in (".py", "")]
    if not isinstance(name, str) or name not in names:
        raise unknown(name, names, "file")
    return DATA / name


def load_truth(name: str) -> Truth:
    """Return the true parameters and effects of a simulated data set.

    Parameters
    ----------
    name : str
        "pupils" or "pupils_three_years".

    Returns
    -------
    Truth
        See ``course.simulate.truth.Truth``; intercepts are those at age 0, as in a formula with ``age``.

    Raises
    ------
    CourseError
        If the data set is real, so that nobody knows the truth, or unknown.

    Examples
    --------
    >>> truth = load_truth("pupils")
    >>> truth.fixed_effects["age"].item()
    4.0
    >>> at_ten = truth.centred("age_c", at=10).variance_components
    >>> at_ten.loc[at_ten["group"] == "classroom", "sdcor"].round(2).to_list()
    [4.0, 1.5, 0.3]
    """
    if not isinstance(name, str) or name not in DATA_SETS:
        raise unknown(name, SIMULATED, "simulated data set")
    if name not in SIMULATED:
        raise CourseError(
            f"{name!r} is real: nobody knows its truth. "
            f"The simulated data sets are {' and '.join(map(repr, SIMULATED))}"
        )
    return simulate_schools(**SIMULATED[name]).truth
