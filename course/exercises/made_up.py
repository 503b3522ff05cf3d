"""Small tables of the studies that exercises speak of and that no data set holds.

Formulas are compared on them (`course.exercises.same_model`): they have the columns, the nesting and the
labels that an exercise describes. Their numbers mean nothing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def wards() -> pd.DataFrame:
    """Patients in wards in hospitals, one row each; every ward has a label of its own."""
    rng = np.random.default_rng(1)
    ward = np.repeat(np.arange(12), 8)
    n, hospital = len(ward), ward // 3
    dose = rng.normal(ward % 5, 2)
    return pd.DataFrame(
        {
            "pain": rng.normal(5, 2, n),
            "dose": dose,
            "ward_dose": pd.Series(dose).groupby(ward).transform("mean"),
            "training": hospital % 2,
            "sex": rng.choice(["female", "male"], n),
            "age": rng.normal(60, 10, n),
            "falls": rng.poisson(1, n),
            "bed_days": rng.integers(1, 20, n),
            "ward": [f"W{i:02}" for i in ward],
            "hospital": [f"H{i}" for i in hospital],
            "patient": [f"P{i:02}" for i in range(n)],
        }
    )


def stays() -> pd.DataFrame:
    """The same, with two rows for each patient: with one, a linear model refuses an effect of each row."""
    frame = pd.concat([wards(), wards()], ignore_index=True)
    return frame.assign(bed_days=np.arange(len(frame)) % 19 + 1)


def wards_numbered_again() -> pd.DataFrame:
    """Patients in wards that are numbered from 1 in each hospital."""
    frame = wards()
    return frame.assign(ward=np.repeat(np.arange(12), 8) % 3 + 1)


def visits() -> pd.DataFrame:
    """Patients of clinics, seen in several weeks; each has one dose."""
    rng = np.random.default_rng(2)
    patient = np.repeat(np.arange(20), 5)
    n = len(patient)
    return pd.DataFrame(
        {
            "wellbeing": rng.normal(50, 10, n),
            "weight": rng.normal(70, 10, n),
            "week": np.tile(np.arange(5), 20),
            "dose": rng.normal(10, 3, 20)[patient],
            "patient": [f"P{i:02}" for i in patient],
            "clinic": [f"C{i}" for i in patient // 4],
        }
    )


def classes() -> pd.DataFrame:
    """Pupils in classrooms in schools in three districts, which are numbered."""
    rng = np.random.default_rng(3)
    room = np.repeat(np.arange(18), 6)
    n, school = len(room), room // 3
    return pd.DataFrame(
        {
            "test_score": rng.lognormal(4, 0.2, n),
            "age10": rng.normal(0, 1, n),
            "district": school // 2 + 1,
            "teacher_experience": rng.normal(10, 4, 18)[room],
            "tutoring": rng.integers(0, 2, n),
            "classroom": [f"R{i:02}" for i in room],
            "school": [f"S{i}" for i in school],
            "student_id": [f"P{i:03}" for i in range(n)],
        }
    )


STUDIES = {
    "wards": wards,
    "stays": stays,
    "wards numbered again": wards_numbered_again,
    "visits": visits,
    "classes": classes,
}
