"""Exercises of lesson 09, planning a study."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
from scipy import stats

from course.exercises.exercise import Also, Choice, Data, Exercise, Model, Number, Slip
from course.studies.power import power

SCHOOL_VARIANCE, PUPIL_VARIANCE, EFFECT = 16, 64, 5
LEVEL = 0.05


def _standard_error(schools: int, students: int) -> float:
    """Of the effect of a programme that half of the schools have."""
    return np.sqrt((SCHOOL_VARIANCE + PUPIL_VARIANCE / students) / (schools / 4))


def _exact_power(schools: int, students: int) -> float:
    """Of the t-test of school means: its statistic is noncentral t (Student's, off centre)."""
    df, shift = schools - 2, EFFECT / _standard_error(schools, students)
    limit = stats.t.ppf(1 - LEVEL / 2, df)
    return stats.nct.sf(limit, df, shift) + stats.nct.cdf(-limit, df, shift)


def _designs(per_visit: int, per_pupil: int) -> pd.DataFrame:
    """The designs of the table in the lesson that have enough power, cheap ones first."""
    rows = [
        (schools, students, schools * (per_visit + students * per_pupil))
        for schools in range(20, 45, 4)
        for students in (5, 10, 20)
        if _exact_power(schools, students) >= 0.8
    ]
    table = pd.DataFrame(rows, columns=["schools", "students", "cost"])
    return table.sort_values("cost", ignore_index=True)


@functools.cache
def _girls_and_boys(effect: float, schools: int = 12, students: int = 10) -> pd.Series:
    """The row of the table of power that exercise 09.3 asks for."""
    study = power(
        "test_score ~ sex + (1|school)",
        "sex[T.male]",
        effect,
        provinces=1,
        schools=schools,
        classrooms=1,
        students=students,
        fixed_effects={"Intercept": 50},
        intercept_sd={"school": 4},
        residual_sd=8,
        n=50,
        seed=6,
        progress=False,
    )
    return study.table.iloc[0]


def _replicates(data: Data, share: float = 0.95, errors: float = 1) -> int:
    """How many make ``errors`` Monte-Carlo errors of a share as small as 0.005."""
    return round(share * (1 - share) * (errors / 0.005) ** 2)


def _wards(data: Data, between: float = 2**2, within: float = 6**2, root: float = 0.5) -> float:
    """Patients per ward that are the cheapest."""
    return (300 / 12 * within / between) ** root


EXERCISES = (
    Exercise(
        id="09.1",
        question="How many replicates make the Monte-Carlo error of a coverage of 0.95 as small as "
        "0.005?",
        kind=Number(decimals=0),
        expected=_replicates,
        because="p (1 − p) / R is the square of the error. Half the error takes four times as many.",
        hint="solve error = √(p (1 − p) / R) for R, with p = 0.95.",
        slips=(
            Slip(
                lambda data: _replicates(data, errors=1.96),
                "that makes the margin, 1.96 errors, as small. The question is about one error.",
            ),
            Slip(
                lambda data: _replicates(data, share=0.5),
                "that is for a share of one half. The coverage is 0.95.",
            ),
            Slip(
                lambda data: 0.95 * 0.05 / 0.005,
                "the formula has a root: square the error before you divide.",
            ),
            Slip(
                lambda data: round(0.95 / 0.005**2),
                "under the root is p (1 − p), and not p alone.",
            ),
        ),
    ),
    Exercise(
        id="09.2",
        question="What is the standard error of the programme with 24 schools and 15 pupils in each?",
        kind=Number(decimals=2),
        expected=lambda data: _standard_error(24, 15),
        because="The mean of a school has the variance τ² + σ²/n, and 24 schools times ¼ share it.",
        hint="put J = 24 and n = 15 into the formula, or into standard_error(...).",
        slips=(
            Slip(
                lambda data: _standard_error(24, 15) ** 2,
                "that is the variance of the estimate. Take its root.",
            ),
            Slip(
                lambda data: np.sqrt((SCHOOL_VARIANCE + PUPIL_VARIANCE) / (24 * 15 / 4)),
                "this treats all pupils as independent, as ordinary regression does.",
            ),
            Slip(
                lambda data: np.sqrt((SCHOOL_VARIANCE + PUPIL_VARIANCE / 15) / 24),
                "the variance of a predictor that is 0 for one half and 1 for the other is ¼, and "
                "it is missing.",
            ),
            Slip(
                lambda data: np.sqrt((4 + 8 / 15) / 6),
                "4 and 8 are SDs. The formula is made of variances.",
            ),
            Slip(
                lambda data: np.sqrt((SCHOOL_VARIANCE + PUPIL_VARIANCE) / 6),
                "σ² is divided by the pupils of a school: their mean varies less than one pupil.",
            ),
            Slip(
                lambda data: _standard_error(24, 15) / np.sqrt(2),
                "a root of 2 is missing: each half has 12 schools, and the variances of two means add up.",
            ),
            Slip(
                lambda data: _standard_error(15, 24),
                "you have exchanged schools and pupils: 24 schools, 15 pupils in each.",
            ),
        ),
    ),
    Exercise(
        id="09.3",
        question="What power does the study of girls and boys have?",
        kind=Number(decimals=2),
        expected=lambda data: _girls_and_boys(3)["power"],
        because="It is the share of the 50 replicates with p < 0.05. Do not forget its interval.",
        hint='the formula has sex and (1|school), the test is "sex[T.male]", the effect 3, and '
        "**small hands over the rest. The answer is in the column power.",
        slips=(
            Slip(
                lambda data: _girls_and_boys(0)["power"],
                "that is with an effect of 0: the false positive rate.",
            ),
            Slip(
                lambda data: _girls_and_boys(3)["lower"],
                "that is the lower end of the interval. The power itself is in the column beside it.",
            ),
            Slip(
                lambda data: _girls_and_boys(3)["upper"],
                "that is the upper end of the interval. The power itself is in the column beside it.",
            ),
            Slip(
                lambda data: _girls_and_boys(-3)["power"],
                "boys score higher here, so their coefficient is positive.",
            ),
            Slip(
                lambda data: 1 - _girls_and_boys(3)["power"],
                "that is the share of studies that miss the difference.",
            ),
        ),
        also=(
            Also(
                lambda data: _girls_and_boys(3)["power"],
                "Another seed, or more replicates, gives another share, and within the error of a simulation "
                "it is the same.",
                within=0.12,  # less than two Monte-Carlo errors of 50 replicates
            ),
        ),
    ),
    Exercise(
        id="09.4",
        question="Which formula is right for tutoring that is given within schools, and may achieve more in "
        "some schools than in others?",
        kind=Model("classes"),
        expected=lambda data: "test_score ~ tutoring + (tutoring|school)",
        because="What varies by school goes to the left of the bar: its level, and the effect of tutoring.",
        hint="after the ~ come the fixed effect and one pair of parentheses. What varies by school?",
        slips=(
            Slip(
                lambda data: (
                    "test_score ~ tutoring + (school|tutoring)",
                    "test_score ~ tutoring + (1|tutoring)",
                ),
                "what varies goes to the left of the bar, and the groups by which it varies to the right.",
            ),
            Slip(
                lambda data: "test_score ~ tutoring + (1|school)",
                "this has one effect for all schools. But they may differ in it.",
            ),
            Slip(
                lambda data: (
                    "test_score ~ tutoring + (0 + tutoring|school)",
                    "test_score ~ tutoring + (tutoring - 1|school)",
                ),
                "now schools differ in the effect, but no longer in their level.",
            ),
            Slip(
                lambda data: (
                    "test_score ~ tutoring + (tutoring||school)",
                    "test_score ~ tutoring + (1|school) + (0 + tutoring|school)",
                ),
                "this sets the covariance of level and effect to 0, and nothing says that it is.",
            ),
            Slip(
                lambda data: "test_score ~ tutoring + (1|school) + (1|school:tutoring)",
                "this is a sound model: each half of a school has an effect of its own. But it ties the "
                "covariance of level and effect to their variances. Let slope and intercept vary freely by "
                "school.",
            ),
            Slip(
                lambda data: (
                    "test_score ~ (tutoring|school)",
                    "test_score ~ 1 + (tutoring|school)",
                ),
                "the average effect, which the study is about, is missing from the fixed part.",
            ),
            Slip(
                lambda data: (
                    "test_score ~ tutoring + (tutoring|student_id)",
                    "test_score ~ tutoring + (1|student_id)",
                ),
                "every pupil has one row. It is the schools that may differ.",
            ),
        ),
    ),
    Exercise(
        id="09.5",
        question="How many schools does the cheapest design with a power of 0.8 have, if a school costs 100?",
        kind=Number(decimals=0),
        expected=lambda data: int(_designs(100, 20)["schools"].iloc[0]),
        because="Where schools cost little, many schools with few pupils in each are cheapest.",
        hint="mark the designs with 0.8 or more, and compute schools × (100 + 20 × pupils) for each.",
        slips=(
            Slip(
                lambda data: int(_designs(500, 20)["schools"].iloc[0]),
                "that is the cheapest design at 500 for a school. Schools cost only 100 now.",
            ),
            Slip(
                lambda data: int(_designs(100, 20)["schools"].min()),
                "that design has the fewest schools. What do its pupils cost?",
            ),
            Slip(
                lambda data: int(_designs(100, 20)["students"].iloc[0]),
                "that is the number of pupils in each school. How many schools?",
            ),
            Slip(
                lambda data: 36,
                "with 36 schools and 5 pupils in each, the power is still below 0.8.",
            ),
            Slip(
                lambda data: int(_designs(100, 20)["cost"].iloc[0]),
                "that is the cost of the design. The question is for its number of schools.",
            ),
        ),
    ),
    Exercise(
        id="09.6",
        question="What is the cheapest number of patients per ward?",
        kind=Number(decimals=0),
        expected=_wards,
        because="Wards are expensive, and patients vary more than wards do: take many patients in each ward.",
        hint="√(cost of a ward / cost of a patient × σ² / τ²). Which of the two SDs is σ?",
        slips=(
            Slip(
                lambda data: _wards(data, between=2, within=6),
                "2 and 6 are SDs. The formula has variances.",
            ),
            Slip(
                lambda data: _wards(data, between=6**2, within=2**2),
                "you have exchanged τ² and σ²: wards differ with an SD of 2.",
            ),
            Slip(lambda data: _wards(data, root=1), "the root is missing."),
            Slip(
                lambda data: np.sqrt(12 / 300 * 36 / 4),
                "the costs are upside down: the more a ward costs, the more patients in each.",
            ),
            Slip(
                lambda data: np.sqrt(36 / 4),
                "that is with equal costs of a ward and of a patient.",
            ),
            Slip(
                lambda data: np.sqrt(300 / 12),
                "that is with equal variances of wards and of patients.",
            ),
        ),
    ),
    Exercise(
        id="09.7",
        question="Ten schools with 20 pupils each become ten schools with 60: what happens?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="More pupils make σ²/n smaller. But τ² stays, and is divided by the number of schools alone.",
        hint="look at the curve of ten schools, and at its dotted line.",
        slips=(
            Slip(
                lambda data: "a",
                "the residual's part of the variance falls to a third. What about the part of the schools?",
            ),
            Slip(
                lambda data: "c",
                "more pupils do no harm. Which part of the variance do they reduce?",
            ),
        ),
    ),
    Exercise(
        id="09.8",
        question="Power 0.83 with an interval from 0.78 to 0.87, where 0.80 is wanted: what now?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="The interval holds values on both sides of 0.80, and replicates cost only time.",
        hint="where does 0.80 lie: below the interval, inside, or above?",
        slips=(
            Slip(lambda data: "a", "0.83 is itself an estimate. What does its interval say?"),
            Slip(
                lambda data: "b",
                "a part of the interval lies below 0.80, and a part above. What would make it narrower?",
            ),
        ),
    ),
    Exercise(
        id="09.9",
        question="For which effect should studies be planned?",
        kind=Choice("abc"),
        expected=lambda data: "a",
        because="It would probably find an effect worth having. So if it finds nothing, that is news.",
        hint="which of the three does not depend on luck, hope, or the budget?",
        slips=(
            Slip(
                lambda data: "b",
                "small studies are significant when they are lucky. Look at the mean of the "
                "significant estimates.",
            ),
            Slip(lambda data: "c", "then every sample has enough power, on paper."),
        ),
    ),
    Exercise(
        id="09.10",
        question="A bias of −0.06 with a Monte-Carlo error of 0.05: what does it say?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="It is about one error away from 0, which is nothing unusual.",
        hint="how many Monte-Carlo errors is the bias away from 0?",
        slips=(
            Slip(
                lambda data: "a",
                "what would the next hundred replicates give? Compare the bias with its error.",
            ),
            Slip(
                lambda data: "c",
                "a bias that a hundred replicates cannot show may show in ten thousand.",
            ),
        ),
    ),
)
