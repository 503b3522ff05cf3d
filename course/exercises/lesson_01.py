"""Exercises of lesson 01, why groups matter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from course.exercises.exercise import Choice, Data, Exercise, Number, Slip, once

if TYPE_CHECKING:
    import pandas as pd

# Exercise 01.6: patients of one therapist, and how alike two of them are.
PATIENTS, ALIKE, THERAPISTS = 25, 0.05, 80


def _ols(data: Data, formula: str) -> Any:
    import statsmodels.formula.api as smf

    return smf.ols(formula, data["pupils"])


@once
def _residual(data: Data) -> pd.Series:
    return _ols(data, "test_score ~ age + sex").fit().resid


def _alike(data: Data, group: str, values: pd.Series | None = None) -> float:
    """Correlation over all pairs of two rows of one group, without listing the pairs."""
    values = _residual(data) if values is None else values
    label = data["pupils"][group]
    mates = label.groupby(label).transform("size") - 1  # how many pairs a row is the first of
    centred = values - (mates * values).sum() / mates.sum()
    squares = (centred**2).sum()
    products = (centred.groupby(label).sum() ** 2).sum() - squares
    return products / (mates * centred**2).sum()


def _per(data: Data, group: str) -> float:
    return len(data["pupils"]) / data["pupils"][group].nunique()


def _design_effect(data: Data, group: str) -> float:
    return 1 + (_per(data, group) - 1) * _alike(data, group)


def _exog(data: Data) -> np.ndarray:
    return _ols(data, "test_score ~ age + sex + school_resources + C(school)").exog


EXERCISES = (
    Exercise(
        id="01.1",
        question="How alike are two pupils of one classroom?",
        kind=Number(decimals=2),
        expected=lambda data: _alike(data, "classroom"),
        because="Classmates share the classroom as well as the school.",
        hint="use the function from the cell above, with another group.",
        slips=(
            Slip(
                lambda data: _alike(data, "school"),
                "those are pairs from one school; they may sit in different classrooms.",
            ),
            Slip(lambda data: _alike(data, "province"), "those are pairs from one province."),
            Slip(
                lambda data: _alike(data, "classroom", data["pupils"]["test_score"]),
                "you correlated the scores. Age and sex are still in them: take the residuals.",
            ),
        ),
    ),
    Exercise(
        id="01.2",
        question="Which of the two classrooms would you bet has the higher true mean?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="The mean of many pupils keeps most of its distance from the mean of all.",
        hint="how far may the mean of 3 pupils miss the truth by chance, and the mean of 25?",
        slips=(
            Slip(
                lambda data: "a",
                "find the classrooms with three pupils in the panel of separate means. How far are "
                "they from the truth?",
            ),
            Slip(
                lambda data: "c",
                "pull each mean towards the mean of all, and the smaller classroom more. Which one "
                "is ahead now?",
            ),
        ),
    ),
    Exercise(
        id="01.3",
        question="What is the effective number of pupils when whole classrooms are randomised?",
        kind=Number(decimals=0),
        expected=lambda data: len(data["pupils"]) / _design_effect(data, "classroom"),
        because="It is the number of pupils divided by 1 + (n − 1) ρ, with n and ρ of classrooms.",
        hint="do what the cell above does for schools, but with classrooms throughout.",
        slips=(
            Slip(
                lambda data: len(data["pupils"]) / _design_effect(data, "school"),
                "that is the number when whole schools are randomised.",
            ),
            Slip(
                lambda data: _design_effect(data, "classroom"),
                "that is the design effect. Divide the number of pupils by it.",
            ),
            Slip(
                lambda data: (
                    len(data["pupils"])
                    / (1 + (_per(data, "classroom") - 1) * _alike(data, "school"))
                ),
                "you used how alike two pupils of one school are. Here it is classmates that count.",
            ),
            Slip(
                lambda data: (
                    len(data["pupils"])
                    / (1 + (_per(data, "school") - 1) * _alike(data, "classroom"))
                ),
                "n is the number of pupils in one classroom, and you used that of one school.",
            ),
            Slip(
                lambda data: (
                    len(data["pupils"]) / (1 + _per(data, "classroom") * _alike(data, "classroom"))
                ),
                "a pupil has n − 1 classmates, not n.",
            ),
            Slip(
                lambda data: len(data["pupils"]) / math.sqrt(_design_effect(data, "classroom")),
                "the square root belongs to standard errors. The number of pupils goes without it.",
            ),
            Slip(
                lambda data: (
                    len(data["pupils"])
                    / (
                        1
                        + (round(_per(data, "classroom"), 1) - 1)
                        * round(_alike(data, "classroom"), 2)
                    )
                ),
                "nearly: you rounded the numbers on the way. Keep all decimals until the end.",
            ),
            Slip(
                lambda data: (
                    len(data["pupils"])
                    / (1 + (_per(data, "classroom") - 1) * round(_alike(data, "classroom"), 2))
                ),
                "nearly: you rounded the numbers on the way. Keep all decimals until the end.",
            ),
            Slip(
                lambda data: data["pupils"]["classroom"].nunique(),
                "that would be right if all pupils of one classroom were the same.",
            ),
        ),
    ),
    Exercise(
        id="01.4",
        question="Which number does school 4 have in the column `1 | school`?",
        kind=Number(decimals=0),
        expected=lambda data: 1 | 4,
        because="It is what Python computes for 1 | 4.",
        hint="look it up: predictors.loc[numbered['school'] == 4, '1 | school'].",
        slips=(
            Slip(
                lambda data: 4,
                "that is the number of the school itself. Something was done to it: look into "
                "`predictors`.",
            ),
            Slip(
                lambda data: 1, "a column of ones would be the intercept. Look into `predictors`."
            ),
            Slip(
                lambda data: 0,
                "that is what `&`, the bitwise AND, would give. Look into `predictors`.",
            ),
            Slip(
                lambda data: 14,
                "the digits are not simply put side by side. Look into `predictors`.",
            ),
        ),
    ),
    Exercise(
        id="01.5",
        question="How many columns of the matrix of predictors are superfluous?",
        kind=Number(decimals=0),
        expected=lambda data: _exog(data).shape[1] - int(np.linalg.matrix_rank(_exog(data))),
        because="The columns of the schools already say what school_resources says.",
        hint="take the number of columns, exog.shape[1], and subtract the rank.",
        slips=(
            Slip(
                lambda data: int(np.linalg.matrix_rank(_exog(data))),
                "that is the rank: the columns that are not superfluous.",
            ),
            Slip(lambda data: _exog(data).shape[1], "those are all the columns."),
            Slip(
                lambda data: data["pupils"]["school"].nunique(),
                "those are the schools. They can stay; it is something else that cannot.",
            ),
            Slip(
                lambda data: 0,
                "then statsmodels would not have warned. Compare shape and rank.",
            ),
            Slip(
                lambda data: int(np.linalg.matrix_rank(_exog(data))) - _exog(data).shape[1],
                "it is the other way round: columns minus rank.",
            ),
        ),
    ),
    Exercise(
        id="01.6",
        question="By which factor is the standard error of the training too small?",
        kind=Number(decimals=2),
        expected=lambda data: math.sqrt(1 + (PATIENTS - 1) * ALIKE),
        because="It is the square root of the design effect.",
        hint="compute the design effect, where n is the patients of one therapist; then its square root.",
        slips=(
            Slip(
                lambda data: 1 + (PATIENTS - 1) * ALIKE,
                "that is the design effect. A standard error grows with its square root.",
            ),
            Slip(
                lambda data: math.sqrt(1 + PATIENTS * ALIKE),
                "a patient shares the therapist with n − 1 others, not with n. (If you rounded to one "
                "decimal: the question asks for two.)",
            ),
            Slip(
                lambda data: math.sqrt(1 + (THERAPISTS - 1) * ALIKE),
                "n is the number of patients of one therapist, not the number of therapists.",
            ),
            Slip(
                lambda data: 1 / math.sqrt(1 + (PATIENTS - 1) * ALIKE),
                "upside down: by which factor must it be multiplied to be right?",
            ),
            Slip(
                lambda data: THERAPISTS * PATIENTS / (1 + (PATIENTS - 1) * ALIKE),
                "that is the effective number of patients. The question asks for the factor of the "
                "standard error.",
            ),
        ),
    ),
    Exercise(
        id="01.7",
        question="Whose standard error is too small, that of sex or of teacher_experience?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="One teacher means one value for a whole classroom, as in a lottery over classrooms.",
        hint="which of the two is the same for all pupils of one classroom?",
        slips=(
            Slip(
                lambda data: "a",
                "girls and boys sit in every classroom: which of the two lotteries is that like?",
            ),
            Slip(
                lambda data: "c",
                "the factor depends on the predictor. Compare the two lotteries.",
            ),
        ),
    ),
    Exercise(
        id="01.8",
        question="How many independent pupils would these schools be worth?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="If all pupils of a school are the same, each school counts once.",
        hint="put n, and a correlation of 1, into the design effect.",
        slips=(
            Slip(
                lambda data: "a",
                "that many pupils were tested. How much does the second pupil of a school add?",
            ),
            Slip(
                lambda data: "b",
                "that is the design effect. Divide the number of pupils by it.",
            ),
        ),
    ),
    Exercise(
        id="01.9",
        question="Why are small classrooms found at both ends of the table?",
        kind=Choice("abc"),
        expected=lambda data: "a",
        because="Chance moves the mean of few pupils further than the mean of many.",
        hint="look at the panel of separate means: where is the funnel widest?",
        slips=(
            Slip(
                lambda data: "b",
                "the true means had nothing to do with the number of pupils when we made them.",
            ),
            Slip(
                lambda data: "c",
                "that is what partial pooling does, and it brings them back to the middle.",
            ),
        ),
    ),
    Exercise(
        id="01.10",
        question="What does (1|classroom) do for classrooms 6 and 7 in plain statsmodels?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="The bitwise OR with 1 makes every even number odd.",
        hint="type 1 | 6 and 1 | 7 into an empty cell.",
        slips=(
            Slip(
                lambda data: "a",
                "that is what it was meant to do. How many coefficients did the fit have for all "
                "the classrooms?",
            ),
            Slip(lambda data: "c", "that happens with names. These classrooms have numbers."),
        ),
    ),
)
