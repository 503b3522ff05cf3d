"""Exercises of lesson 10, under the bonnet."""

from __future__ import annotations

import numpy as np

from course.exercises.exercise import Choice, Data, Exercise, Number, Slip, once

ONE_LEVEL = "test_score ~ 1 + (1|school)"
TWO_LEVELS = "test_score ~ age10 + (1|classroom) + (1|school)"


def _ols_deviance(data: Data) -> float:
    """-2 log-likelihood of the mean alone, variance at its best."""
    scores = data["twelve"]["test_score"]
    n = len(scores)
    return float(n * (1 + np.log(2 * np.pi * scores.var(ddof=0))))


def _lowest_deviance(data: Data) -> float:
    """-2 log-likelihood of the ML fit with schools: how low the curve gets."""
    from course.fit.from_formula import mixedlm

    return -2 * mixedlm(ONE_LEVEL, data["twelve"]).fit(reml=False).llf


def _theta(data: Data, reml: bool) -> float:
    from course.fit.from_formula import mixedlm

    fit = mixedlm(ONE_LEVEL, data["twelve"]).fit(reml=reml)
    return float(fit.variance_components["sdcor"].iloc[0] / fit.sigma)


@once
def _four_provinces(data: Data) -> dict[str, float]:
    """SDs of the two-level fit to the first four provinces, by group."""
    from course.fit.from_formula import mixedlm

    pupils = data["pupils"]
    some = pupils[pupils["province"].isin(sorted(pupils["province"].unique())[:4])]
    fit = mixedlm(TWO_LEVELS, some.assign(age10=some["age"] - 10)).fit()
    parts = fit.variance_components
    return dict(zip(parts["group"], parts["sdcor"], strict=True))


def _levels(data: Data, column: str) -> int:
    return data["pupils"][column].nunique()


EXERCISES = (
    Exercise(
        id="10.1",
        question="Which deviance does ordinary regression give for the twelve pupils?",
        kind=Number(decimals=2),
        expected=_ols_deviance,
        because="It is the left end of the curve: at theta = 0 pupils of one school share nothing.",
        hint="fit smf.ols('test_score ~ 1', twelve); its llf is the log-likelihood.",
        slips=(
            Slip(
                lambda data: -_ols_deviance(data) / 2,
                "that is the log-likelihood. The deviance is -2 times it.",
            ),
            Slip(
                lambda data: _ols_deviance(data) / 2,
                "the deviance is -2 times the log-likelihood: one factor is missing.",
            ),
            Slip(
                lambda data: -2 * data.fit(ONE_LEVEL, "twelve").llf,
                "that is the REML fit with schools. Here schools are left out.",
            ),
            Slip(
                _lowest_deviance,
                "that is the lowest point of the curve, with schools. Which end is without them?",
            ),
        ),
    ),
    Exercise(
        id="10.2",
        question="Which theta is best under REML?",
        kind=Number(decimals=2),
        expected=lambda data: _theta(data, reml=True),
        because="It lies to the right of the best theta of maximum likelihood.",
        hint="optimize.minimize_scalar(f, bounds=(0, 3), method='bounded').x, with f the REML deviance.",
        slips=(
            Slip(
                lambda data: _theta(data, reml=False),
                "that is the theta of maximum likelihood: search on reml_deviance.",
            ),
            Slip(
                lambda data: data.fit(ONE_LEVEL, "twelve").variance_components["sdcor"].iloc[0],
                "that is the SD in points. Theta is relative to the residual SD.",
            ),
            Slip(
                lambda data: _theta(data, reml=True) ** 2,
                "that is its square, a ratio of variances. Theta is a ratio of SDs.",
            ),
            Slip(
                lambda data: -2 * data.fit(ONE_LEVEL, "twelve").llf,
                "that is how low the curve gets; the question is where.",
            ),
        ),
    ),
    Exercise(
        id="10.3",
        question="What is the SD between schools, in points?",
        kind=Number(decimals=2),
        expected=lambda data: _four_provinces(data)["school"],
        because="Theta times the residual SD.",
        hint="which of the two theta belongs to the schools, and by what was it divided?",
        slips=(
            Slip(
                lambda data: _four_provinces(data)["school"] / _four_provinces(data)["Residual"],
                "that is theta itself, which has no unit. By what was it divided?",
            ),
            Slip(
                lambda data: _four_provinces(data)["classroom"],
                "that is the SD between classrooms: the other theta.",
            ),
            Slip(
                lambda data: _four_provinces(data)["school"] ** 2,
                "that is the variance. The question asks for the SD.",
            ),
        ),
    ),
    Exercise(
        id="10.4",
        question="How many cells of the factor are filled, classrooms first?",
        kind=Number(decimals=0),
        expected=lambda data: (
            3 * _levels(data, "classroom") + 2 * _levels(data, "school") + _levels(data, "province")
        ),
        because="Three cells for a classroom, two for a school, one for a province.",
        hint="write down the column of one classroom: with which rows does it share pupils?",
        slips=(
            Slip(
                lambda data: (
                    _levels(data, "classroom") + _levels(data, "school") + _levels(data, "province")
                ),
                "that is the diagonal alone: the number of columns.",
            ),
            Slip(
                lambda data: 2 * _levels(data, "classroom") + _levels(data, "school"),
                "the cells of the diagonal belong to the factor, too.",
            ),
            Slip(
                lambda data: (
                    2 * (_levels(data, "classroom") + _levels(data, "school"))
                    + _levels(data, "province")
                ),
                "a classroom is tied to its school, and to something larger as well.",
            ),
        ),
    ),
    Exercise(
        id="10.5",
        question="How many gigabytes does V need for 40,000 patients?",
        kind=Number(decimals=1),
        expected=lambda data: 40_000**2 * 8 / 1e9,
        because="One row and one column for each patient, 8 bytes a cell.",
        hint="how many rows and columns does V have? A cell takes 8 bytes, and a gigabyte is a billion "
        "bytes.",
        slips=(
            Slip(
                lambda data: 40_000**2 / 1e9, "those are billions of cells. A cell takes 8 bytes."
            ),
            Slip(
                lambda data: 800**2 * 8 / 1e9,
                "that is a matrix with one row for each ward. V has one for each patient.",
            ),
            Slip(
                lambda data: 40_000 * 800 * 8 / 1e9,
                "that is Z, patients by wards. V is patients by patients.",
            ),
            Slip(lambda data: 40_000**2 * 8 / 1e6, "those are megabytes."),
            Slip(
                lambda data: 40_000**2 * 8 / 2**30,
                "those are units of 1024 x 1024 x 1024 bytes. Here a gigabyte is a billion.",
            ),
            Slip(
                lambda data: 40_000 * 40_001 / 2 * 8 / 1e9,
                "that is half of V. It is symmetric, but this program stores all of it.",
            ),
        ),
    ),
    Exercise(
        id="10.6",
        question="What does the search look for?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="Everything else follows from theta by one factorisation.",
        hint="what was on the horizontal axis of the curve?",
        slips=(
            Slip(
                lambda data: "a",
                "these are at their best for every theta, so they need no search.",
            ),
            Slip(lambda data: "b", "they came out of the factor at the end. At which theta?"),
        ),
    ),
    Exercise(
        id="10.7",
        question="Scores in tenths of points: what happens to theta?",
        kind=Choice("abc"),
        expected=lambda data: "a",
        because="Both SDs become ten times as large, and theta is their ratio.",
        hint="theta is one SD divided by another. What happens to each?",
        slips=(
            Slip(
                lambda data: "b",
                "one SD is ten times as large, and so is the SD that it is divided by.",
            ),
            Slip(lambda data: "c", "variances are a hundred times as large: both of them."),
        ),
    ),
    Exercise(
        id="10.8",
        question="Where is the profiled deviance lowest when a fit is singular?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="The valley lies at 0 itself.",
        hint="look at the dashed curve, of the scores that were shuffled to be alike.",
        slips=(
            Slip(lambda data: "a", "the dashed curve has a lowest point. Where?"),
            Slip(lambda data: "c", "the curve is the same on both sides of 0."),
        ),
    ),
    Exercise(
        id="10.9",
        question="Why are classrooms eliminated before schools?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="Then no columns become tied that were not tied before.",
        hint="eliminate one school first: which of its neighbours were not tied before?",
        slips=(
            Slip(
                lambda data: "a",
                "numbers alone decide nothing: 190 columns may be cheap if they are not tied to each other.",
            ),
            Slip(lambda data: "c", "which cells are filled does not depend on the variances."),
        ),
    ),
)
