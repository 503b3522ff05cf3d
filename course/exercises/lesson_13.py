"""Exercises of lesson 13, data from a national assessment."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course.exercises.exercise import Choice, Data, Exercise, Number, Slip
from course.interpretation.marginal_means import contrasts, means

PREDICTORS = " ~ ESCS + ST004D01T + GRADE + (1|SCHOOLID)"
BOOKS = "PV*MATH" + PREDICTORS.replace("ESCS", "ST013Q01TA")
LIMIT = 420  # points, below which nobody gets by in everyday life
M = 10  # plausible values


def _scores(data: Data) -> pd.DataFrame:
    """The plausible values, students x 10."""
    return data["assessment"][[f"PV{i}MATH" for i in range(1, M + 1)]]


def _average(data: Data, weights: str | None = None, ten: int = M) -> float:
    """The mean score; with ``ten=1`` of the first plausible value alone."""
    table = data["assessment"]
    w = None if weights is None else table[weights]
    return float(np.mean([np.average(one, weights=w) for one in _scores(data).to_numpy().T[:ten]]))


def _slopes(data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Estimates and standard errors of ESCS, for each plausible value."""
    fits = [data.fit(f"PV{i}MATH{PREDICTORS}", "assessment") for i in range(1, M + 1)]
    return (
        np.array([fit.fe_params["ESCS"] for fit in fits]),
        np.array([fit.bse_fe["ESCS"] for fit in fits]),
    )


def _variance(data: Data, within: float = 1.0, between: float = 1.0 + 1 / M) -> float:
    """So much of the variance within plus so much of that between."""
    estimates, errors = _slopes(data)
    return within * np.mean(errors**2) + between * np.var(estimates, ddof=1)


def _books(data: Data, level: int = -1) -> float:
    """A level against the first, adjusted."""
    fit = data.fit(BOOKS, "assessment")
    return float(contrasts(fit, "ST013Q01TA", kind="reference")["estimate"].iloc[level])


def _raw_books(data: Data) -> float:
    table = data["assessment"]
    levels = table["ST013Q01TA"].cat.categories
    score = _scores(data).mean(axis=1).groupby(table["ST013Q01TA"], observed=True).mean()
    return float(score[levels[-1]] - score[levels[0]])


def _gap(data: Data, column: str = "ESCS") -> float:
    """How much lower PV1MATH is, on average, where this column is missing."""
    table = data["assessment"]
    gone = table[column].isna()
    return float(table.loc[~gone, "PV1MATH"].mean() - table.loc[gone, "PV1MATH"].mean())


def _missing(data: Data, *columns: str) -> int:
    """Students without any of these columns."""
    return int(data["assessment"][list(columns)].isna().any(axis=1).sum())


EXERCISES = (
    Exercise(
        id="13.1",
        question="How many of the students in the table have no value of ESCS?",
        kind=Number(decimals=0),
        expected=lambda data: _missing(data, "ESCS"),
        because="They refused, did not answer, or answered in an invalid way: all are missing.",
        hint="`isna()` of a column is true where it has no value, and a sum counts what is true.",
        slips=(
            Slip(
                lambda data: int(data["assessment"]["ESCS"].notna().sum()),
                "those are the students who have one.",
            ),
            Slip(
                lambda data: _missing(data, "ST013Q01TA"),
                "those have no answer on books. Look at the column ESCS.",
            ),
            Slip(
                lambda data: _missing(data, "ESCS", "ST013Q01TA"),
                "those lack a value in one column or another. Look at the column ESCS alone.",
            ),
            Slip(lambda data: 0, "count the missing values, not a code such as 99."),
        ),
    ),
    Exercise(
        id="13.2",
        question="What share of the students is below 420 points?",
        kind=Number(decimals=3),
        expected=lambda data: float((_scores(data) < LIMIT).to_numpy().mean()),
        because="A share for each plausible value, and then their mean.",
        hint="compare each of the ten columns with 420 first, which makes ten shares; average those.",
        slips=(
            Slip(
                lambda data: float((_scores(data).mean(axis=1) < LIMIT).mean()),
                "you averaged the plausible values first. Averages stay away from the ends.",
            ),
            Slip(
                lambda data: float((_scores(data)["PV1MATH"] < LIMIT).mean()),
                "that is one plausible value. Take all ten, one by one.",
            ),
            Slip(
                lambda data: float((_scores(data) >= LIMIT).to_numpy().mean()),
                "that is the share of those who reach the limit.",
            ),
            Slip(
                lambda data: float((_scores(data) < LIMIT).any(axis=1).mean()),
                "those have at least one plausible value below 420. Each of the ten columns has a share of "
                "its own.",
            ),
        ),
    ),
    Exercise(
        id="13.3",
        question="What is the standard error of the slope of ESCS, pooled by Rubin's rules?",
        kind=Number(decimals=2),
        expected=lambda data: _variance(data) ** 0.5,
        because="It is the root of the variance within plus (1 + 1/10) times the variance between.",
        hint="square the ten standard errors and average: that is the variance within. The variance of the "
        "ten estimates is the one between.",
        slips=(
            Slip(
                _variance,
                "that is the variance. A standard error is its root.",
            ),
            Slip(
                lambda data: _variance(data, between=0) ** 0.5,
                "this is the part within alone. It treats the scores as known.",
            ),
            Slip(
                lambda data: _variance(data, within=0) ** 0.5,
                "this is the part between alone. Each fit has a standard error as well.",
            ),
            Slip(
                lambda data: _variance(data, between=1) ** 0.5,
                "nearly: the variance between counts a little more than once, since the draws are few.",
            ),
            Slip(
                lambda data: _variance(data, between=1 / M) ** 0.5,
                "the variance between counts in full and a tenth more, not as a tenth.",
            ),
            Slip(
                lambda data: float(np.std(_slopes(data)[0], ddof=1)),
                "that is the SD of the ten estimates. Each fit has a standard error of its own, too.",
            ),
        ),
    ),
    Exercise(
        id="13.4",
        question="What is the mean score of the country?",
        kind=Number(decimals=1),
        expected=lambda data: _average(data, "W_FSTUWT"),
        because="Every student counts for as many students as they stand for, in each plausible value.",
        hint="np.average(column, weights=final) is the weighted mean of one plausible value.",
        slips=(
            Slip(_average, "that is the mean of the sample. Give every student the final weight."),
            Slip(
                lambda data: _average(data, "W_FSTUWT", ten=1),
                "that is one plausible value. Average over all ten.",
            ),
            Slip(
                lambda data: _average(data, "W_SCHGRNRABWT"),
                "these are other weights. A student's own is W_FSTUWT, which the lesson calls `final`.",
            ),
            Slip(
                lambda data: float(
                    _scores(data).mul(data["assessment"]["W_FSTUWT"], axis=0).mean().mean()
                ),
                "these are products with the weights. Divide by the mean of the weights, as np.average does.",
            ),
        ),
    ),
    Exercise(
        id="13.5",
        question="By how many points is a student with more than 500 books at home ahead of one with ten at "
        "most?",
        kind=Number(decimals=1),
        expected=_books,
        because="It is the last level against the first, with sex and grade held equal.",
        hint="look in the table of contrasts for the row of the last level against the first.",
        slips=(
            Slip(
                lambda data: -_books(data),
                "the sign is wrong: students with more books have the higher scores here.",
            ),
            Slip(
                _raw_books,
                "those are raw means. Students with many books differ in grade and school, too.",
            ),
            Slip(
                lambda data: _books(data, level=0),
                "that is the first row, the second level. The last row has the most books.",
            ),
            Slip(
                lambda data: float(
                    means(data.fit(BOOKS, "assessment"), "ST013Q01TA")["estimate"].iloc[-1]
                ),
                "that is the adjusted mean of the last level. How far is it from the first?",
            ),
        ),
    ),
    Exercise(
        id="13.6",
        question="How many points lower is the mean of PV1MATH of students without ESCS?",
        kind=Number(decimals=0),
        expected=_gap,
        because="Students who do not answer are weaker, so the others are not a fair picture of all.",
        hint="group PV1MATH by whether ESCS is missing, and take the difference of the two means.",
        slips=(
            Slip(
                lambda data: -_gap(data),
                "the size is right. The question asks how much lower, so give it without a minus.",
            ),
            Slip(
                lambda data: _gap(data, "ST013Q01TA"),
                "that compares those without an answer on books. The question is about ESCS.",
            ),
            Slip(
                lambda data: float(
                    data["assessment"].loc[data["assessment"]["ESCS"].isna(), "PV1MATH"].mean()
                ),
                "that is the mean of those without. How far is it from the mean of the others?",
            ),
        ),
    ),
    Exercise(
        id="13.7",
        question="The ten plausible values are averaged first: what goes wrong?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="A mean of draws spreads less than the scores do.",
        hint="look at the table with the true scores: which rows differ, and in which direction?",
        slips=(
            Slip(lambda data: "a", "the slopes hardly moved. What did?"),
            Slip(
                lambda data: "c",
                "more of them make it no better. Look at the picture of the invented assessments.",
            ),
        ),
    ),
    Exercise(
        id="13.8",
        question="Which weights belong in a model with students in schools?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="There is one weight for each stage of sampling.",
        hint="how many times was something drawn before a student was in the sample?",
        slips=(
            Slip(
                lambda data: "a",
                "this mixes both stages, and schools have a variance of their own to be estimated.",
            ),
            Slip(
                lambda data: "b",
                "a random intercept describes the schools in the sample. Which schools are in it?",
            ),
        ),
    ),
    Exercise(
        id="13.9",
        question="Should the score be left out of the imputation of ESCS?",
        kind=Choice("abc"),
        expected=lambda data: "a",
        because="What is drawn without the score is unrelated to it, and the slope comes out too flat.",
        hint="imagine that all values were missing and were drawn without looking at the score: what slope "
        "would come out?",
        slips=(
            Slip(
                lambda data: "b",
                "the draws add no information, and the standard errors allow for that. What happens if it "
                "is left out?",
            ),
            Slip(lambda data: "c", "it does, for the relation that you want to estimate."),
        ),
    ),
    Exercise(
        id="13.10",
        question="What does an fmi of 0.30 say?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="It compares what is known about one effect with what complete data would tell.",
        hint="every effect has one, and they differ. Which of the three can differ between effects?",
        slips=(
            Slip(
                lambda data: "a",
                "then it would be the same for every effect of a fit. Look at the table.",
            ),
            Slip(lambda data: "b", "it is about how exact the estimate is, not how large."),
        ),
    ),
)
