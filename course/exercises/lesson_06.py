"""Exercises of lesson 06, interpretation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from course.exercises.exercise import Also, Choice, Data, Exercise, Model, Number, Slip

if TYPE_CHECKING:
    from course.fit.model import MixedFit

FORMULA = "test_score ~ I(age - 10) * sex + school_resources + (1|classroom) + (I(age - 10)|school)"
# Hints for slips that come near each other.
AVERAGE = (
    "that is about the average slope and how well it is known (its standard error). The question "
    "asks how far the schools lie from it."
)
AT_TWELVE = (
    "the variance between schools depends on age, by their slopes and by the covariance: see "
    "school_variance, and take her age."
)
AGE, BOYS = "I(age - 10)", "sex[T.male]"


def _fit(data: Data) -> MixedFit:
    return data.fit(FORMULA, "pupils")


def _boys(data: Data, years: float, direction: float = 1.0) -> float:
    """Boys minus girls, so many years after age 10."""
    beta = _fit(data).fe_params
    (both,) = [name for name in beta.index if set(name.split(":")) == {AGE, BOYS}]
    return direction * (beta[BOYS] + years * beta[both])


def _variances(data: Data) -> tuple[float, float, float, float, float]:
    """Of classrooms, of the schools' intercepts and slopes, their covariance, of the residual."""
    fit = _fit(data)
    parts = fit.variance_components.groupby("group")["vcov"].apply(list)
    return (*parts["classroom"], *parts["school"], fit.scale)


def _slope(data: Data, width: Callable[[float], float], middle: bool = True) -> float:
    """The average slope plus a function of the variance of slopes."""
    variance = _variances(data)[2]
    return middle * _fit(data).fe_params[AGE] + width(variance)


def _school(data: Data, age10: float, covariance: bool = True) -> float:
    _, intercepts, slopes, both, _ = _variances(data)
    return intercepts + 2 * covariance * both * age10 + slopes * age10**2


def _alike(data: Data, age10: float, classroom: bool = True, school: bool = True) -> float:
    rooms, *_, residual = _variances(data)
    between = _school(data, age10)
    return (classroom * rooms + school * between) / (rooms + between + residual)


def _average_icc(data: Data) -> float:
    from course.interpretation.icc import icc

    return icc(_fit(data), groups="classroom")["icc"].iloc[0]


def _clear(data: Data, errors: float) -> tuple[int, int]:
    """Schools whose intercept is less, and not less, than so many standard errors from 0."""
    fit = _fit(data)
    effects, error = (
        table["school"]["Intercept"] for table in (fit.random_effects, fit.random_effects_se)
    )
    near = int((effects.abs() < errors * error).sum())
    return near, len(effects) - near


def _width(data: Data, age10: float = 2, ends: float = 2, covariance: bool = True) -> float:
    """Of the 95 % interval for a new pupil of a new school."""
    rooms, *_, residual = _variances(data)
    return ends * 1.96 * (_school(data, age10, covariance) + rooms + residual) ** 0.5


def _width_all_told(data: Data) -> float:
    """The same, with how well the fixed effects are known."""
    fit = _fit(data)
    of_her = np.array([{"Intercept": 1.0, AGE: 2.0}.get(name, 0.0) for name in fit.fe_params.index])
    return (
        2
        * 1.96
        * ((_width(data) / (2 * 1.96)) ** 2 + of_her @ fit.estimates.cov_beta @ of_her) ** 0.5
    )


def _sum_of_sds(data: Data) -> float:
    rooms, *_, residual = _variances(data)
    return 2 * 1.96 * (_school(data, 2) ** 0.5 + rooms**0.5 + residual**0.5)


EXERCISES = (
    Exercise(
        id="06.1",
        question="By how many points do boys differ from girls at age twelve?",
        kind=Number(decimals=2),
        expected=lambda data: _boys(data, 2),
        because="The difference at ten, plus two years of the difference in slopes.",
        hint="write down the predictions for a boy and for a girl of twelve, and subtract.",
        slips=(
            Slip(
                lambda data: _boys(data, 0),
                "that is the difference at age ten, where age10 is 0. What do two years change?",
            ),
            Slip(
                lambda data: _boys(data, 2, direction=-1),
                "the sign is reversed: the question asks for boys minus girls.",
            ),
            Slip(
                lambda data: _boys(data, 12),
                "age10 counts from ten: what is it for a pupil of twelve?",
            ),
            Slip(
                lambda data: _boys(data, 2) - _boys(data, 0),
                "that is how much the difference changes in two years. Where does it start?",
            ),
            Slip(
                lambda data: _boys(data, 1),
                "that is the difference one year after ten.",
            ),
            Slip(
                lambda data: 2 * _fit(data).fe_params[AGE] + _boys(data, 2) - _boys(data, 0),
                "that is how much more boys of twelve score than boys of ten. Compare boys with girls.",
            ),
        ),
    ),
    Exercise(
        id="06.2",
        question="What is the lower end of the slopes of 95 % of the schools, for girls?",
        kind=Number(decimals=2),
        expected=lambda data: _slope(data, lambda v: -1.96 * v**0.5),
        because="It is the average slope, minus 1.96 SDs of the random slope.",
        hint="start from the slope of girls; schools scatter around it with the SD of age10.",
        slips=(
            Slip(
                lambda data: _slope(data, lambda v: -1.96 * v),
                "you used the variance of the slopes; distances are counted in SDs (sdcor).",
            ),
            Slip(
                lambda data: _fit(data).fe_params[AGE] - 1.96 * _fit(data).bse_fe[AGE],
                AVERAGE,
            ),
            Slip(
                lambda data: _fit(data).fixed_effects.loc[AGE, "lower"],
                AVERAGE,
            ),
            Slip(
                lambda data: _slope(data, lambda v: 1.96 * v**0.5),
                "that is the upper end.",
            ),
            Slip(
                lambda data: _slope(data, lambda v: -1.96 * v**0.5, middle=False),
                "that is the distance from the average. What is the slope of the average school?",
            ),
            Slip(
                lambda data: _slope(data, lambda v: -(v**0.5)),
                "one SD to each side holds about two thirds. How many SDs hold 95 %?",
            ),
        ),
    ),
    Exercise(
        id="06.3",
        question="How alike are two pupils of eleven who sit in the same classroom?",
        kind=Number(decimals=2),
        expected=lambda data: _alike(data, 1),
        because="They share the classroom and the school, each with its variance at age eleven.",
        hint="icc(fit, at=...) has a row for each group; age10 is 1 at age eleven.",
        slips=(
            Slip(
                lambda data: _alike(data, 1, school=False),
                "that is the share of the classrooms alone. Two classmates also share the school.",
            ),
            Slip(
                lambda data: _alike(data, 1, classroom=False),
                "that is for two pupils of one school in different classrooms.",
            ),
            Slip(_average_icc, "that is the average over all ages. Give the age with at=."),
            Slip(
                lambda data: _alike(data, 11),
                "age10 counts from ten: what is it for a pupil of eleven?",
            ),
        ),
    ),
    Exercise(
        id="06.4",
        question="For how many schools does the interval of the intercept contain 0?",
        kind=Number(decimals=0),
        expected=lambda data: _clear(data, 1.96)[0],
        because="Their BLUPs are less than 1.96 standard errors away from 0.",
        hint="compare the size of each BLUP (.abs()) with 1.96 times its standard error, and count.",
        slips=(
            Slip(
                lambda data: _clear(data, 1.96)[1],
                "those are the schools for which the fit can tell. Count the others.",
            ),
            Slip(
                lambda data: _clear(data, 1)[0],
                "a 95 % interval reaches 1.96 standard errors to each side, not one.",
            ),
            Slip(
                lambda data: int((_fit(data).random_effects["school"]["Intercept"] < 0).sum()),
                "those lie below 0. An interval can reach 0 from either side: use the size, .abs().",
            ),
            Slip(
                lambda data: len(_fit(data).random_effects["school"]),
                "those are all the schools.",
            ),
        ),
    ),
    Exercise(
        id="06.5",
        question="How wide is the 95 % interval for a new girl of twelve in a new school?",
        kind=Number(decimals=1),
        expected=lambda data: _width(data),
        because="School (at age twelve), classroom and pupil are unknown: three variances, one root.",
        hint="add the three variances of what is unknown about her, that of the schools at age10 = 2.",
        slips=(
            Slip(
                lambda data: _width(data, age10=0),
                AT_TWELVE,
            ),
            Slip(
                lambda data: _width(data, ends=1),
                "that is half of it, from the prediction to one of the ends.",
            ),
            Slip(
                lambda data: _width(data, covariance=False),
                AT_TWELVE,
            ),
            Slip(_sum_of_sds, "you added SDs. Add the variances, and take the root of the sum."),
            Slip(
                lambda data: 2 * 1.96 * _fit(data).scale ** 0.5,
                "that is the pupils' part alone. School and classroom are not known either.",
            ),
            Slip(
                lambda data: 2 * 1.96 * (_school(data, 2) + _fit(data).scale) ** 0.5,
                "her classroom is new as well; its variance is missing.",
            ),
            Slip(
                lambda data: _width(data, age10=12),
                "age10 counts from ten: what is it for a girl of twelve?",
            ),
        ),
        also=(
            Also(
                _width_all_told,
                "You allowed for how well the fixed effects are known as well, which is more exact; with "
                "them taken as known the width is a little smaller.",
            ),
        ),
    ),
    Exercise(
        id="06.6",
        question="Which formula lets the slope of dose within wards differ from that between them?",
        kind=Model("wards"),
        expected=lambda data: (
            "pain ~ dose + ward_dose + (1|ward)",
            "pain ~ I(dose - ward_dose) + ward_dose + (1|ward)",
            "pain ~ dose + I(dose - ward_dose) + (1|ward)",
        ),
        because="With the ward's mean as a predictor of its own, both slopes can be read off.",
        hint="dose alone has one slope for both comparisons. Which column is only about wards?",
        slips=(
            Slip(
                lambda data: "pain ~ dose + (1|ward)",
                "here both comparisons share one slope. Add the column that differs only between wards.",
            ),
            Slip(
                lambda data: ("pain ~ dose + (dose|ward)", "pain ~ dose + (dose||ward)"),
                "this lets wards differ in their slopes within. The slope between wards is something "
                "else, and a fixed effect.",
            ),
            Slip(
                lambda data: "pain ~ ward_dose + (1|ward)",
                "this has only the slope between wards. The patient's own dose is missing.",
            ),
            Slip(
                lambda data: "pain ~ dose * ward_dose + (1|ward)",
                "the interaction says more: that the slope within depends on the ward's mean. The "
                "question needs the two slopes alone.",
            ),
            Slip(
                lambda data: "pain ~ dose + ward_dose",
                "the random intercept is missing: patients of one ward are alike.",
            ),
            Slip(
                lambda data: (
                    "pain ~ dose + ward_dose + (dose|ward)",
                    "pain ~ dose + ward_dose + (ward_dose|ward)",
                ),
                "the fixed part is right, but there is more than an intercept to the left of the bar.",
            ),
        ),
    ),
    Exercise(
        id="06.7",
        question="Which sentence about school_resources could stay in the report?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="It compares, names the unit, gives an interval, and claims no cause.",
        hint="ask what was compared, what was changed, and what the interval is about.",
        slips=(
            Slip(
                lambda data: "a",
                "that claims a cause. Did anybody raise the resources of a school?",
            ),
            Slip(
                lambda data: "c",
                "the interval is about one coefficient. A range of schools would need a random slope.",
            ),
        ),
    ),
    Exercise(
        id="06.8",
        question="What follows from a conditional R squared far above the marginal one?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="The difference between the two goes with the groups, whatever the reason.",
        hint="which effects are in one of the two, but not in the other?",
        slips=(
            Slip(
                lambda data: "a",
                "are the effects of such schools known? Think of the prediction for a new school.",
            ),
            Slip(lambda data: "b", "the predictors are in both numbers. What is in one only?"),
        ),
    ),
    Exercise(
        id="06.9",
        question="Why is there no covariance between the effects of classrooms and of schools?",
        kind=Choice("abc"),
        expected=lambda data: "a",
        because="What the classrooms of a school have in common is the school's effect.",
        hint="what is the effect of each classroom measured from?",
        slips=(
            Slip(
                lambda data: "b", "its size is not the point: is there anything to estimate at all?"
            ),
            Slip(
                lambda data: "c",
                "no program can. What would the data have to show, apart from the variances?",
            ),
        ),
    ),
    Exercise(
        id="06.10",
        question="The SD of the BLUPs is below the SD in the summary. What is wrong?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="It is always so: add the uncertainty of the BLUPs, and the two meet.",
        hint="look again at the arrows in the picture of shrinkage: which way do they point?",
        slips=(
            Slip(
                lambda data: "a", "our fit did converge, and it showed the same. Look at the table."
            ),
            Slip(
                lambda data: "c",
                "look at the true SD in the table: which of the two columns comes close to it?",
            ),
        ),
    ),
    Exercise(
        id="06.11",
        question="What is the coefficient age10 in a model with age10 * sex?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="It is the slope where sex[T.male] is 0: that of girls.",
        hint="write the prediction with sex[T.male] = 0, and look at what multiplies age10.",
        slips=(
            Slip(
                lambda data: "a",
                "an average would involve both sexes. For whom is the indicator 0?",
            ),
            Slip(lambda data: "c", "that coefficient has another name in the table."),
        ),
    ),
)
