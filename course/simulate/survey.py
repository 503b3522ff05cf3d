"""The two stages of a survey: schools of strata, then students of schools, with known probabilities."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course.simulate.sampling import (
    REPLICATES,
    inclusion_probabilities,
    replicate_factors,
    systematic_sample,
)

FRAME = 8  # schools of a country for each that is drawn
ENROLMENT = (30, 250)  # students of a school
GRADES = {-2: 0.05, -1: 0.2, 0: 0.65, 1: 0.1}  # the share of each grade, counted from the usual one
ESCS_SD = (0.4, 0.8)  # of schools within strata, of students within schools
BOOKS_AT = (-1.4, -0.7, 0.2, 0.9, 1.6)  # where the next category of books begins


def draw_schools(
    countries: int,
    schools: int,
    strata: int,
    tilt: float,
    rng: np.random.Generator,
    for_samples: np.random.Generator,
) -> pd.DataFrame:
    """Draw all schools of all countries, and of these the sample.

    Parameters
    ----------
    countries, schools, strata : int
        Schools in the sample of each country, and strata of each; schools are spread evenly over strata.
    tilt : float
        The log of how many times as likely a school is drawn whose ``z0`` is 1 higher.
    rng, for_samples : Generator

    Returns
    -------
    DataFrame
        One row per school drawn: country, stratum (from 0), enrolment, escs (its mean), z0 and z1 (what its
        random effects are made of), weight (one over the probability).

    Examples
    --------
    >>> rngs = np.random.default_rng(1).spawn(2)
    >>> frame = draw_schools(2, 5, 2, 0.0, *rngs)
    >>> frame.groupby(["country", "stratum"]).size().to_list()
    [3, 2, 3, 2]
    """
    parts = []
    for country in range(countries):
        for stratum in range(strata):
            n = schools // strata + (stratum < schools % strata)
            # 1, 1/2, 1/3, ... of the schools are in the strata, and as many are drawn in each
            share = 1 / (stratum + 1) / (1 / np.arange(1, strata + 1)).sum()
            total = max(round(FRAME * schools * share), 2 * n)
            enrolment = rng.integers(ENROLMENT[0], ENROLMENT[1] + 1, total)
            level = 0.4 * (stratum - (strata - 1) / 2)
            escs = level + ESCS_SD[0] * rng.standard_normal(total)
            z = rng.standard_normal((total, 2))
            chances = inclusion_probabilities(enrolment * np.exp(tilt * z[:, 0]), n)
            drawn = systematic_sample(chances, for_samples)
            columns = {
                "country": country,
                "stratum": stratum,
                "enrolment": enrolment,
                "escs": escs,
                "z0": z[:, 0],
                "z1": z[:, 1],
                "weight": 1 / chances,
            }
            parts.append(pd.DataFrame(columns).iloc[drawn])
    return pd.concat(parts, ignore_index=True)


def draw_students(
    frame: pd.DataFrame,
    sizes: tuple[int, int],
    tilt: float,
    rng: np.random.Generator,
    for_samples: np.random.Generator,
) -> pd.DataFrame:
    """Draw all students of the schools in the sample, and of these the sample.

    Parameters
    ----------
    frame : DataFrame
        As from `draw_schools`.
    sizes : (int, int)
        Lowest and highest number of students drawn in a school; all of them where it has fewer.
    tilt : float
        The log of how many times as likely a student is drawn whose ``z`` is 1 higher.
    rng, for_samples : Generator

    Returns
    -------
    DataFrame
        One row per student drawn, schools ascending: school (the row of `frame`), country, male (0 or 1),
        grade, escs, books (from 0), z (the residual over its SD), weight (within the school).
    """
    parts = []
    for school, one in enumerate(frame.itertuples()):
        total = int(one.enrolment)
        n = min(int(for_samples.integers(sizes[0], sizes[1] + 1)), total)
        z = rng.standard_normal(total)
        escs = (one.escs + ESCS_SD[1] * rng.standard_normal(total)).round(4) + 0.0
        latent = 0.7 * escs + 0.8 * rng.standard_normal(total)
        columns = {
            "school": school,
            "country": one.country,
            "male": rng.integers(0, 2, total),
            "grade": rng.choice(list(GRADES), total, p=list(GRADES.values())),
            "escs": escs,
            "books": np.searchsorted(BOOKS_AT, latent),
            "z": z,
        }
        chances = inclusion_probabilities(np.exp(tilt * z), n)
        drawn = systematic_sample(chances, for_samples)
        columns = {
            name: values[drawn] if np.ndim(values) else values for name, values in columns.items()
        }
        parts.append(pd.DataFrame(columns | {"weight": 1 / chances[drawn]}))
    return pd.concat(parts, ignore_index=True)


def weight_columns(frame: pd.DataFrame, rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """W_FSTUWT, W_SCHGRNRABWT, and the replicate weights of the students, under PISA's names."""
    school = rows["school"].to_numpy()
    of_schools = frame["weight"].to_numpy()
    weights = of_schools[school] * rows["weight"].to_numpy()
    strata = frame.groupby(["country", "stratum"]).ngroup().to_numpy()
    factors = replicate_factors(strata)
    replicates = weights[:, None] * factors[school]
    named = {f"W_FSTURWT{g + 1}": replicates[:, g] for g in range(REPLICATES)}
    return {"W_FSTUWT": weights, "W_SCHGRNRABWT": of_schools[school], **named}
