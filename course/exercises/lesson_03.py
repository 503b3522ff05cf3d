"""Exercises of lesson 03, random slopes."""

from __future__ import annotations

import numpy as np

from course.exercises.exercise import Choice, Data, Exercise, Model, Number, Slip

# As in the lesson, where I(age - 10) is a column age10.
SLOPES = "test_score ~ I(age - 10) + (I(age - 10)|school)"
LONDON = "normexam ~ standLRT + (standLRT|school)"


def _slope(data: Data, part: str) -> float:
    """The average slope of age, or the largest or smallest departure of a school from it."""
    fit = data.fit(SLOPES, "pupils")
    own = fit.random_effects["school"]["I(age - 10)"]
    return {"average": fit.fe_params["I(age - 10)"], "max": own.max(), "min": own.min()}[part]


def _upper_end(data: Data) -> float:
    """Average slope plus 1.96 SDs of the slopes."""
    return (
        _slope(data, "average")
        + 1.96 * data.fit(SLOPES, "pupils").variance_components.loc[1, "sdcor"]
    )


def _steepest_alone(data: Data) -> float:
    """The steepest of the separate least-squares lines."""
    schools = data["pupils"].groupby("school")
    return max(np.polyfit(rows["age"], rows["test_score"], 1)[0] for _, rows in schools)


def _variance_at(
    data: Data, x: float, twice: float = 2.0, power: float = 2.0, covary: bool = True
) -> float:
    """Variance between schools x years from ten; the other arguments are slips."""
    tau2_0, tau2_1, tau_01 = data.fit(SLOPES, "pupils").variance_components["vcov"].iloc[:3]
    return tau2_0 + covary * twice * tau_01 * x + tau2_1 * x**power


def _end(data: Data, spread: str, distance: float = -1.96) -> float:
    """Average slope of standLRT plus so many SDs (or variances, or standard errors)."""
    fit = data.fit(LONDON, "exam")
    widths = {
        "SD": fit.variance_components.loc[1, "sdcor"],
        "variance": fit.variance_components.loc[1, "vcov"],
        "error": fit.bse_fe["standLRT"],
        "intercept": fit.variance_components.loc[0, "sdcor"],
        "BLUPs": fit.random_effects["school"]["standLRT"].std(),
    }
    return fit.fe_params["standLRT"] + distance * widths[spread]


EXERCISES = (
    Exercise(
        id="03.1",
        question="How many columns does Z have for (age10|school), with all the pupils?",
        kind=Number(decimals=0),
        expected=lambda data: 2 * data["pupils"]["school"].nunique(),
        because="Every school has two columns: one for its intercept, one for its slope.",
        hint="how many random effects does one school draw, and how many schools are there?",
        slips=(
            Slip(
                lambda data: data["pupils"]["school"].nunique(),
                "that is (1|school), or the slopes alone. (age10|school) is short for "
                "(1 + age10|school).",
            ),
            Slip(
                lambda data: data["pupils"]["school"].nunique() + 1,
                "age10 has one column in X, for the average slope. In Z it has one for each school.",
            ),
            Slip(
                lambda data: 2 * (data["pupils"]["school"].nunique() - 1),
                "no school serves as a reference: every level has its random effects.",
            ),
            Slip(
                lambda data: 3 * data["pupils"]["school"].nunique(),
                "the covariance is a parameter; it has no columns.",
            ),
            Slip(
                lambda data: 2 * data["pupils"]["classroom"].nunique(),
                "those are the classrooms, but it is school that follows the bar.",
            ),
            Slip(
                lambda data: len(data["pupils"]),
                "that is how many rows Z has. Its columns are the random effects.",
            ),
        ),
    ),
    Exercise(
        id="03.2",
        question="How steep is the steepest partially pooled line?",
        kind=Number(decimals=3),
        expected=lambda data: _slope(data, "average") + _slope(data, "max"),
        because="The slope of a school is the fixed slope plus the school's random effect.",
        hint="take the average slope and the largest predicted random slope of a school.",
        slips=(
            Slip(
                lambda data: _slope(data, "max"),
                "that is the random effect, how far its slope lies above the average. Where does the "
                "average come in?",
            ),
            Slip(
                lambda data: _slope(data, "average"),
                "that is the average slope, for a school with a random slope of 0.",
            ),
            Slip(
                _steepest_alone,
                "that is the steepest separate line, with all its luck. The question is about the "
                "partially pooled ones.",
            ),
            Slip(
                lambda data: _slope(data, "average") + _slope(data, "min"),
                "that is the flattest line.",
            ),
            Slip(
                lambda data: _upper_end(data),
                "that is the upper end of the range of 95 % of schools. The question asks for the "
                "steepest line that the model predicts: use the random effects.",
            ),
            Slip(
                lambda data: _slope(data, "average") - _slope(data, "max"),
                "check the sign: the slope of a steep school lies above the average.",
            ),
            Slip(
                lambda data: _slope(data, "average") + abs(_slope(data, "min")),
                "the largest departure may be downwards. Take the largest random slope, with its sign.",
            ),
        ),
    ),
    Exercise(
        id="03.3",
        question="What is the variance between schools among pupils of 8.8 years?",
        kind=Number(decimals=1),
        expected=lambda data: _variance_at(data, 8.8 - 10),
        because="It is the formula with x = −1.2, since the three numbers belong to a zero at ten.",
        hint="first find x, the distance from ten years with its sign; then compute all three terms.",
        slips=(
            Slip(
                lambda data: _variance_at(data, 10 - 8.8),
                "check the sign of x: 8.8 lies before ten. That changes the sign of the middle term.",
            ),
            Slip(
                lambda data: _variance_at(data, 8.8),
                "you used the age itself for x. These variances belong to age10, which is counted from "
                "ten years.",
            ),
            Slip(
                lambda data: _variance_at(data, 8.8 - 10, twice=1.0),
                "the covariance counts twice.",
            ),
            Slip(
                lambda data: _variance_at(data, 8.8 - 10, covary=False),
                "intercepts and slopes covary: the middle term is missing.",
            ),
            Slip(
                lambda data: _variance_at(data, 8.8 - 10, power=1.0),
                "the last term has the square of x.",
            ),
            Slip(
                lambda data: _variance_at(data, -2.0),
                "that is the variance at eight years.",
            ),
            Slip(
                lambda data: np.sqrt(_variance_at(data, 8.8 - 10)),
                "that is the SD; the question asks for the variance.",
            ),
        ),
    ),
    Exercise(
        id="03.4",
        question="Which formula says: patients differ in level and rate, clinics in level only?",
        kind=Model("visits"),
        expected=lambda data: (
            "wellbeing ~ week + (week|patient) + (1|clinic)",
            "wellbeing ~ week + (week|clinic:patient) + (1|clinic)",
            "wellbeing ~ week + (week|patient:clinic) + (1|clinic)",
        ),
        because="What varies is to the left of each bar: level and rate by patient, level by clinic.",
        hint="write a fixed effect for the average rate, then a term for each grouping, what varies first.",
        slips=(
            Slip(
                lambda data: (
                    "wellbeing ~ week + (1|patient) + (1|clinic)",
                    "wellbeing ~ week + (1|clinic/patient)",
                ),
                "here all patients improve at the same rate. Which term should let their rates differ?",
            ),
            Slip(
                lambda data: (
                    "wellbeing ~ week + (1|patient) + (week|patient) + (1|clinic)",
                    "wellbeing ~ week + (week|patient) + (1|clinic/patient)",
                ),
                "the patients have two intercepts here: (week|patient) already has one, its silent 1.",
            ),
            Slip(
                lambda data: "wellbeing ~ week + (0+week|patient) + (1|clinic)",
                "without their intercept all patients of a clinic start at the same level. Leave out the 0.",
            ),
            Slip(
                lambda data: (
                    "wellbeing ~ week + (week|patient) + (week|clinic)",
                    "wellbeing ~ week + (week|clinic/patient)",
                ),
                "clinics differ in level only, but here their rates differ as well.",
            ),
            Slip(
                lambda data: "wellbeing ~ week + (1|patient) + (week|clinic)",
                "it is the other way round: the patients' rates differ.",
            ),
            Slip(
                lambda data: (
                    "wellbeing ~ (week|patient) + (1|clinic)",
                    "wellbeing ~ 1 + (week|patient) + (1|clinic)",
                ),
                "random slopes have mean 0, so here the average rate is 0. Put it into the fixed part.",
            ),
            Slip(
                lambda data: "wellbeing ~ week + (week|patient)",
                "what about the clinics? They differ in level.",
            ),
            Slip(
                lambda data: (
                    "wellbeing ~ week + (week||patient) + (1|clinic)",
                    "wellbeing ~ week + (1|patient) + (0+week|patient) + (1|clinic)",
                ),
                "this says that levels and rates are uncorrelated. Nobody claimed that: use one term "
                "with one bar.",
            ),
            Slip(
                lambda data: "wellbeing ~ week + (week|patient) + clinic",
                "clinics are a sample, too: give them a random intercept.",
            ),
            Slip(
                lambda data: "week ~ wellbeing + (wellbeing|patient) + (1|clinic)",
                "what the patients rate is the response: it goes to the left of ~.",
            ),
            Slip(
                lambda data: "wellbeing ~ week + (patient|week) + (1|clinic)",
                "the groups go to the right of the bar, and what varies between them to its left.",
            ),
        ),
    ),
    Exercise(
        id="03.5",
        question="Above which slope of standLRT do all but the lowest 2.5 % of such schools lie?",
        kind=Number(decimals=2),
        expected=lambda data: _end(data, "SD"),
        because="It is the average slope minus 1.96 SDs of the slopes: it is about single schools.",
        hint="the average slope is a fixed effect; how far schools lie from it is the SD of the slopes.",
        slips=(
            Slip(
                lambda data: _end(data, "error"),
                "you used the standard error, which says how well the average is known. How different "
                "schools are is the SD of the slopes.",
            ),
            Slip(
                lambda data: _end(data, "variance"),
                "you used the variance of the slopes; an interval needs their SD.",
            ),
            Slip(
                lambda data: _end(data, "intercept"),
                "you used the SD of the intercepts; the slopes have their own row.",
            ),
            Slip(
                lambda data: _end(data, "BLUPs"),
                "you used the SD of the BLUPs. They are shrunk, and spread too little: take the SD "
                "from the table of variances.",
            ),
            Slip(lambda data: _end(data, "SD", 1.96), "that is the upper end."),
            Slip(
                lambda data: _end(data, "SD", -1.0), "one SD holds about two thirds of the schools."
            ),
            Slip(
                lambda data: _end(data, "SD") - _end(data, "SD", 0.0),
                "that is how far the end lies from the average slope. Add the average.",
            ),
        ),
    ),
    Exercise(
        id="03.6",
        question="Age is counted from twelve instead of ten: which number stays?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="How steep a line is does not depend on where it is cut.",
        hint="look at the table with four zeros: which row has the same number four times?",
        slips=(
            Slip(
                lambda data: "a",
                "an intercept is a height at zero; elsewhere the fan is wider or narrower.",
            ),
            Slip(
                lambda data: "b", "look at the three panels of rings: what happened to the ellipse?"
            ),
        ),
    ),
    Exercise(
        id="03.7",
        question="Which random slope can these pupils show?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="A slope can vary at a level only if the predictor varies inside its groups.",
        hint="look at the table of how many values a predictor has inside one group.",
        slips=(
            Slip(lambda data: "a", "how many teachers does one classroom have?"),
            Slip(lambda data: "c", "how many values of school_resources does one school have?"),
        ),
    ),
    Exercise(
        id="03.8",
        question="What does (0 + week|patient) claim?",
        kind=Choice("abc"),
        expected=lambda data: "a",
        because="With no random intercept, nothing differs between patients at week 0.",
        hint="think of the fan whose lines all pass through one point.",
        slips=(
            Slip(lambda data: "b", "that would be (1|patient). What does the 0 take away?"),
            Slip(
                lambda data: "c",
                "for that, levels would have to vary. What does the 0 take away?",
            ),
        ),
    ),
    Exercise(
        id="03.9",
        question="Intercepts and slopes of uncentred age correlate −0.95: what do you answer?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="The correlation belongs to its zero, and here that zero is at birth.",
        hint="where is the intercept of a line whose predictor is age in years?",
        slips=(
            Slip(
                lambda data: "a",
                "look at the table with four zeros: how does the correlation change from column to column?",
            ),
            Slip(
                lambda data: "b",
                "did the slope variance depend on where zero is? Slopes may vary all the same.",
            ),
        ),
    ),
)
