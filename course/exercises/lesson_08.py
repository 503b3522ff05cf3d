"""Exercises of lesson 08, when the fit complains; its four mysteries lie in `mysteries`."""

from __future__ import annotations

import pandas as pd

from course.exercises.exercise import Choice, Data, Exercise, Model, Number, Slip, once
from course.fit.from_formula import mixedlm
from course.fit.model import MixedFit
from course.inference.intervals import confint

THREE_LEVELS = "test_score ~ age10 + (1|classroom) + (1|school) + (1|province)"
PROVINCE_SD = "sd(Intercept | province)"
# One hint for both, since with some pupils the two are the same number.
LOW_END = "that is the estimate, or the lower end. How far up may the SD lie?"
# -- the exercises ----------------------------------------------------------------------------


@once
def _three(data: Data, provinces: int = 3) -> MixedFit:
    """The last provinces of the pupils, with three levels."""
    pupils = data["pupils"]
    names = sorted(pupils["province"].unique())[-provinces:]
    some = pupils[pupils["province"].isin(names)]
    return mixedlm(THREE_LEVELS, some.assign(age10=some["age"] - 10)).fit()


@once
def _interval(data: Data, parameter: str, provinces: int) -> pd.Series:
    return confint(_three(data, provinces), parameters=parameter).loc[parameter]


def _end(data: Data, end: str = "upper", provinces: int = 3, parameter: str = PROVINCE_SD) -> float:
    return _interval(data, parameter, provinces)[end]


EXERCISES = (
    Exercise(
        id="08.1",
        question="Which sentence belongs in the report?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="It gives the estimate, and the interval says what else these data leave possible.",
        hint="read the interval of the SD once more, from its lower to its upper end.",
        slips=(
            Slip(
                lambda data: "a",
                "an estimate of 0 is one point. What else does the interval leave possible? And what "
                "was the truth?",
            ),
            Slip(
                lambda data: "c",
                "the fit is sound: it is at the optimum, and the optimum lies at the edge.",
            ),
        ),
    ),
    Exercise(
        id="08.2",
        question="Where does the 95 % interval of the SD between three provinces end?",
        kind=Number(decimals=1),
        expected=_end,
        because="It is the largest SD between provinces that three provinces do not contradict.",
        hint='take confint(...) of the fit to the three provinces, the parameter "'
        + PROVINCE_SD
        + '", and its column upper.',
        slips=(
            Slip(lambda data: _end(data, "lower"), LOW_END),
            Slip(lambda data: _end(data, "estimate"), LOW_END),
            Slip(
                lambda data: _end(data, provinces=len(data["pupils"]["province"].unique())),
                "that is the interval from all provinces. Take the last three only.",
            ),
            Slip(lambda data: _end(data) ** 2, "that is a variance. The question is for the SD."),
            Slip(
                lambda data: _end(data, parameter="sd(Intercept | school)"),
                "that is the SD between schools. The question is for provinces.",
            ),
        ),
    ),
    Exercise(
        id="08.3",
        question="Which is the simplest formula for mystery A with the same estimate and standard error?",
        kind=Model("classes"),
        expected=lambda data: (
            "test_score ~ age10 + (1|classroom) + (1|school)",
            "test_score ~ age10 + (1|school/classroom)",
        ),
        because="Once the correlation is dropped, the SD of the slopes is exactly 0. Leaving the slope out "
        "then changes no estimate and no standard error.",
        hint="first drop the correlation and fit again. Which SD is exactly 0 then? Leave that term out, and "
        "compare the estimate and standard error of age10.",
        slips=(
            Slip(
                lambda data: (
                    "test_score ~ age10 + (1|classroom) + (age10||school)",
                    "test_score ~ age10 + (1|classroom) + (1|school) + (0+age10|school)",
                ),
                "a good first step, and the numbers are right. But look at the SD of the slopes: it is "
                "exactly 0. Which simpler formula gives the same estimate and standard error?",
            ),
            Slip(
                lambda data: "test_score ~ age10 + (1|classroom) + (age10|school)",
                "that is the fit that complains.",
            ),
            Slip(
                lambda data: (
                    "test_score ~ age10 + (1|classroom)",
                    "test_score ~ age10 + (1|classroom) + (0+age10|school)",
                ),
                "now schools have no intercepts, and the SD of their intercepts was not the problem.",
            ),
            Slip(
                lambda data: (
                    "test_score ~ (1|classroom) + (1|school)",
                    "test_score ~ 1 + (1|classroom) + (1|school)",
                ),
                "slopes that do not *vary* still have an average: age10 stays in the fixed part.",
            ),
            Slip(
                lambda data: "test_score ~ age10 + (1|school)",
                "the slope is gone, but so are the classrooms, and nothing was wrong with them.",
            ),
        ),
    ),
    Exercise(
        id="08.4",
        question="Which formula is right for mystery B?",
        kind=Model("classes"),
        expected=lambda data: (
            "test_score ~ age10 + I(age10**2) + (1|classroom) + (1|school)",
            "test_score ~ age10 + I(age10*age10) + (1|classroom) + (1|school)",
            "test_score ~ age10 + np.square(age10) + (1|classroom) + (1|school)",
            "test_score ~ age10 + I(age10**2) + (1|school/classroom)",
        ),
        because="The average line is bent, and the square of age lets it bend.",
        hint="the means of the residuals should lie along 0. What shape do they have, and which column "
        "would give the average line that shape?",
        slips=(
            Slip(
                lambda data: (
                    "test_score ~ age10 + age10**2 + (1|classroom) + (1|school)",
                    "test_score ~ age10 + (1|classroom) + (1|school)",
                ),
                "this formula has no square: age10**2 without I() means age10 crossed with itself, "
                "which is age10.",
            ),
            Slip(
                lambda data: "test_score ~ I(age10**2) + (1|classroom) + (1|school)",
                "the square comes in addition to age10, not instead of it: without age10 the top of the "
                "curve is forced to lie at ten years.",
            ),
            Slip(
                lambda data: (
                    "test_score ~ age10 + (1|classroom) + (age10|school)",
                    "test_score ~ age10 + (age10|classroom) + (age10|school)",
                    "test_score ~ age10 + (age10|classroom) + (1|school)",
                ),
                "this gives every group a straight line of its own. The average stays straight.",
            ),
            Slip(
                lambda data: (
                    "test_score ~ bs(age10, df=3) + (1|classroom) + (1|school)",
                    "test_score ~ bs(age10, df=4) + (1|classroom) + (1|school)",
                    "test_score ~ ns(age10, df=2) + (1|classroom) + (1|school)",
                    "test_score ~ ns(age10, df=3) + (1|classroom) + (1|school)",
                    "test_score ~ cr(age10, df=3) + (1|classroom) + (1|school)",
                    "test_score ~ cr(age10, df=4) + (1|classroom) + (1|school)",
                ),
                "this bends, and it is not wrong. But it is more than the shape needs. The curve has one "
                "top: which single column beside age10 gives that?",
            ),
            Slip(
                lambda data: "np.log(test_score) ~ age10 + (1|classroom) + (1|school)",
                "the logarithm is for a spread that grows. Here the spread is even, and the middle "
                "is off.",
            ),
            Slip(
                lambda data: "test_score ~ age10 + I(age10**2) + (1|school)",
                "the bend is right, but the classrooms are missing.",
            ),
        ),
    ),
    Exercise(
        id="08.5",
        question="Which formula is right for mystery C?",
        kind=Model("classes"),
        expected=lambda data: (
            "test_score ~ age10 + C(district) + (1|classroom) + (1|school)",
            "test_score ~ age10 + C(district) + (1|school/classroom)",
        ),
        because="C() makes labels of the numbers, so every district gets a mean of its own.",
        hint="how many districts are there, and how many rows does the table have for them? What does the "
        "formula make of the numbers 1, 2 and 3?",
        slips=(
            Slip(
                lambda data: (
                    "test_score ~ age10 + (1|classroom) + (1|school) + (1|district)",
                    "test_score ~ age10 + (1|district/school/classroom)",
                ),
                "now district is a label, which is right. But three districts tell next to nothing about a "
                "variance. Where do they belong instead?",
            ),
            Slip(
                lambda data: "test_score ~ age10 + district + (1|classroom) + (1|school)",
                "that is the fit as it was: a straight line through the districts 1, 2 and 3.",
            ),
            Slip(
                lambda data: "test_score ~ age10 + (1|classroom) + (1|school)",
                "this leaves the districts out. They do differ; the fit only asked in the wrong way.",
            ),
            Slip(
                lambda data: "test_score ~ age10 * C(district) + (1|classroom) + (1|school)",
                "the districts are right. The star lets the slope of age differ between them, too, and "
                "nobody asked for that.",
            ),
            Slip(
                lambda data: "test_score ~ age10 + C(district)",
                "the districts are right, but the random part is missing.",
            ),
            Slip(
                lambda data: "test_score ~ age10 + C(district) + (1|school)",
                "the districts are right, but the classrooms are missing.",
            ),
            Slip(
                lambda data: "test_score ~ age10 + I(district**2) + (1|classroom) + (1|school)",
                "still a curve through the numbers 1, 2, 3. They are names.",
            ),
        ),
    ),
    Exercise(
        id="08.6",
        question="Which formula is right for mystery D?",
        kind=Model("classes"),
        expected=lambda data: (
            "test_score ~ age10 + teacher_experience + (1|classroom) + (1|school)",
            "test_score ~ age10 + teacher_experience + (1|school/classroom)",
        ),
        because="A classroom has one teacher, so no classroom can show a slope of experience.",
        hint="how many different values does teacher_experience have within one classroom? What could a "
        "slope be estimated from, then? The notes of the fit say it, too.",
        slips=(
            Slip(
                lambda data: (
                    "test_score ~ age10 + teacher_experience + (teacher_experience||classroom) + (1|school)"
                ),
                "the correlation is gone, but the slope by classroom is still there. What could it be "
                "estimated from?",
            ),
            Slip(
                lambda data: (
                    "test_score ~ age10 + teacher_experience + (teacher_experience|classroom) + (1|school)"
                ),
                "that is the fit as it was.",
            ),
            Slip(
                lambda data: "test_score ~ age10 + (1|classroom) + (1|school)",
                "the fixed effect of experience was fine: classrooms do differ in it.",
            ),
            Slip(
                lambda data: "test_score ~ age10 + teacher_experience + (1|school)",
                "one step too far: classrooms still differ in their intercepts.",
            ),
            Slip(
                lambda data: (
                    "test_score ~ age10 + teacher_experience + (1|classroom) + "
                    "(teacher_experience|school)"
                ),
                "a slope by school is possible, since a school has several classrooms. But nobody "
                "asked for it, and a few classrooms per school tell little about it.",
            ),
        ),
    ),
    Exercise(
        id="08.7",
        question="What does it tell you that a fit has converged?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="Case 3 converged far below the optimum, and the fit of mystery B converged on a "
        "model that is wrong.",
        hint="think of the log-likelihoods of case 3.",
        slips=(
            Slip(
                lambda data: "a", "compare the log-likelihoods in case 3: who was at the optimum?"
            ),
            Slip(
                lambda data: "c",
                "the search knows only the formula, not the world. Did mystery B complain?",
            ),
        ),
    ),
    Exercise(
        id="08.8",
        question="Why do both variances come out equal where every pupil has one row?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="Every split of the sum fits equally well, so the search stays with its first guess.",
        hint="which number of that fit could ordinary regression find, too?",
        slips=(
            Slip(
                lambda data: "a",
                "the same happens whatever the truth is. What do the data determine?",
            ),
            Slip(
                lambda data: "b",
                "nothing was rounded: print more digits. Which of the numbers do the data determine?",
            ),
        ),
    ),
    Exercise(
        id="08.9",
        question="Without one clinic of thirty the variance between clinics halves: what do you do?",
        kind=Choice("abc"),
        expected=lambda data: "a",
        because="First look at its rows. If nothing is wrong there, the reader needs both results.",
        hint="what did we do with school P1-S17, and in which order?",
        slips=(
            Slip(
                lambda data: "b",
                "being unusual is no reason to be left out: the next study will meet such clinics, too. "
                "What has to be found out first?",
            ),
            Slip(
                lambda data: "c",
                "shrinkage pulls the clinic in somewhat, but it does not protect the variance between "
                "clinics.",
            ),
        ),
    ),
)
