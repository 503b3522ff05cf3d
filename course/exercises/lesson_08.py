"""Exercises of lesson 08, when the fit complains; its four mysteries lie in `mysteries`."""

from __future__ import annotations

from course.exercises.exercise import Choice, Data, Exercise, Model, Number, Slip
from course.fit.from_formula import mixedlm
from course.fit.model import MixedFit
from course.inference.intervals import confint

THREE_LEVELS = "test_score ~ age10 + (1|classroom) + (1|school) + (1|province)"
PROVINCE_SD = "sd(Intercept | province)"
# One hint for both, since with some pupils the two are the same number.
LOW_END = "that is the estimate, or the lower end. How far up may the SD lie?"
# -- the exercises ----------------------------------------------------------------------------


def _three(data: Data, provinces: int = 3) -> MixedFit:
    """The last provinces of the pupils, with three levels."""
    pupils = data["pupils"]
    names = sorted(pupils["province"].unique())[-provinces:]
    some = pupils[pupils["province"].isin(names)]
    return mixedlm(THREE_LEVELS, some.assign(age10=some["age"] - 10)).fit()


def _end(data: Data, end: str = "upper", provinces: int = 3) -> float:
    fit = _three(data, provinces)
    return confint(fit, parameters=PROVINCE_SD).loc[PROVINCE_SD, end]


def _school_end(data: Data) -> float:
    name = "sd(Intercept | school)"
    return confint(_three(data), parameters=name).loc[name, "upper"]


EXERCISES = (
    Exercise(
        id="08.1",
        question="Which sentence may stand in the report?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="It gives the estimate, and with the interval all that these data leave possible.",
        hint="read the interval of the SD once more, from its lower to its upper end.",
        slips=(
            Slip(
                lambda data: "a",
                "an estimate of 0 is one point. What else does the interval leave possible? And what "
                "was the truth?",
            ),
            Slip(
                lambda data: "c",
                "the fit is sound: it is at the optimum. The optimum lies at the edge.",
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
            Slip(_school_end, "that is the SD between schools. The question is for provinces."),
        ),
    ),
    Exercise(
        id="08.3",
        question="Which formula mends mystery A?",
        kind=Model("classes"),
        expected=lambda data: (
            "test_score ~ age10 + (1|classroom) + (1|school)",
            "test_score ~ age10 + (1|school/classroom)",
        ),
        because="Schools have no slopes of their own to show, so intercepts are all that varies.",
        hint="read the rows of the school: which of its three numbers is near 0, and which at the edge? "
        "Leave out what the data cannot show.",
        slips=(
            Slip(
                lambda data: (
                    "test_score ~ age10 + (1|classroom) + (age10||school)",
                    "test_score ~ age10 + (1|classroom) + (1|school) + (0+age10|school)",
                ),
                "the correlation is gone. Fit it and look at the SD of the slopes: is there anything "
                "left of it?",
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
                "now schools have no intercepts. Their SD was not the trouble.",
            ),
            Slip(
                lambda data: (
                    "test_score ~ (1|classroom) + (1|school)",
                    "test_score ~ 1 + (1|classroom) + (1|school)",
                ),
                "the slope that does not *vary* is still there on average: age10 stays in the fixed "
                "part.",
            ),
            Slip(
                lambda data: "test_score ~ age10 + (1|school)",
                "the slope is gone, but so are the classrooms, and nobody complained of them.",
            ),
        ),
    ),
    Exercise(
        id="08.4",
        question="Which formula mends mystery B?",
        kind=Model("classes"),
        expected=lambda data: (
            "test_score ~ age10 + I(age10**2) + (1|classroom) + (1|school)",
            "test_score ~ age10 + I(age10*age10) + (1|classroom) + (1|school)",
            "test_score ~ age10 + np.square(age10) + (1|classroom) + (1|school)",
            "test_score ~ age10 + I(age10**2) + (1|school/classroom)",
        ),
        because="The average line is bent, and the square of age lets it bend.",
        hint="the means of the residuals should lie along 0. What shape have they, and which column "
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
                "the square stands beside age10, not in its place: without age10 the top of the "
                "curve is forced to ten years.",
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
                ),
                "this bends, and costs more coefficients than the shape needs. It has one top: which "
                "single column gives that?",
            ),
            Slip(
                lambda data: "np.log(test_score) ~ age10 + (1|classroom) + (1|school)",
                "the logarithm is for a spread that grows. Here the spread is even, and the middle "
                "is off.",
            ),
            Slip(
                lambda data: "test_score ~ age10 + I(age10**2) + (1|school)",
                "the bend is right. But the classrooms got lost.",
            ),
        ),
    ),
    Exercise(
        id="08.5",
        question="Which formula mends mystery C?",
        kind=Model("classes"),
        expected=lambda data: (
            "test_score ~ age10 + C(district) + (1|classroom) + (1|school)",
            "test_score ~ age10 + C(district) + (1|school/classroom)",
        ),
        because="C() makes labels of the numbers, so every district gets a mean of its own.",
        hint="how many districts are there, and how many rows has the table for them? What is fitted "
        "to the numbers 1, 2, 3?",
        slips=(
            Slip(
                lambda data: (
                    "test_score ~ age10 + (1|classroom) + (1|school) + (1|district)",
                    "test_score ~ age10 + (1|district/school/classroom)",
                ),
                "now district is a label, which is right. But three levels hardly show a variance. "
                "Where do they belong instead?",
            ),
            Slip(
                lambda data: "test_score ~ age10 + district + (1|classroom) + (1|school)",
                "that is the fit as it was: a straight line through the districts 1, 2 and 3.",
            ),
            Slip(
                lambda data: "test_score ~ age10 + (1|classroom) + (1|school)",
                "this forgets the districts. They do differ; the fit only asks in the wrong way.",
            ),
            Slip(
                lambda data: "test_score ~ age10 + C(district)",
                "the districts are right. But the random part got lost.",
            ),
            Slip(
                lambda data: "test_score ~ age10 + C(district) + (1|school)",
                "the districts are right. But the classrooms got lost.",
            ),
            Slip(
                lambda data: "test_score ~ age10 + I(district**2) + (1|classroom) + (1|school)",
                "still a curve through the numbers 1, 2, 3. They are names.",
            ),
        ),
    ),
    Exercise(
        id="08.6",
        question="Which formula mends mystery D?",
        kind=Model("classes"),
        expected=lambda data: (
            "test_score ~ age10 + teacher_experience + (1|classroom) + (1|school)",
            "test_score ~ age10 + teacher_experience + (1|school/classroom)",
        ),
        because="A classroom has one teacher, so no classroom can show a slope of experience.",
        hint="how many different values has teacher_experience inside one classroom? What can a slope "
        "rest on, then? The notes of the fit say it, too.",
        slips=(
            Slip(
                lambda data: (
                    "test_score ~ age10 + teacher_experience + (teacher_experience||classroom) + (1|school)"
                ),
                "the correlation is gone, and the slope by classroom is still there. What could it "
                "rest on?",
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
                "asked for it, and a few classrooms a school show little of it.",
            ),
        ),
    ),
    Exercise(
        id="08.7",
        question="What does it say that a fit has converged?",
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
                "the search knows nothing of the world, only the formula. Did mystery B complain?",
            ),
        ),
    ),
    Exercise(
        id="08.8",
        question="Why do both variances come out equal where every pupil has one row?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="Every split of the sum is equally likely, so the search stays with its first guess.",
        hint="which number of that fit could be found by other means, too?",
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
        because="An unusual group is a question to its rows; the reader needs both results.",
        hint="what did we do with school P1-S17, and in which order?",
        slips=(
            Slip(
                lambda data: "b",
                "being unusual is no reason to be left out: the next study will meet such clinics, too. "
                "What has to be found out first?",
            ),
            Slip(
                lambda data: "c",
                "shrinkage pulls the clinic in somewhat. The variance between clinics is not "
                "protected by it.",
            ),
        ),
    ),
)
