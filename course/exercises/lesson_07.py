"""Exercises of lesson 07, inference."""

from __future__ import annotations

import pandas as pd
from scipy import stats

from course.exercises.exercise import Choice, Data, Exercise, Model, Number, Slip, once
from course.fit.from_formula import mixedlm
from course.fit.model import MixedFit
from course.inference.fixed_effects import fixed_effects_table

LEVELS = " + (1|classroom) + (1|school) + (1|province)"
FIXED = "test_score ~ age10 + sex + teacher_experience + school_resources + reform"
FORMULA = FIXED + LEVELS
# One hint for both: the two ends are nearly the same.
OTHER_DF = (
    "close, but by other degrees of freedom: exactly 4, as we counted, or Kenward and Roger's, the subject "
    "of the next section. Take the df and the standard error that fit.fixed_effects has."
)
SMALLER = FORMULA.replace(" + teacher_experience", "")


def _six(data: Data) -> pd.DataFrame:
    """Six provinces of the pupils, the first three of them with the reform."""
    pupils = data["pupils"]
    names = sorted(pupils["province"].unique())
    six = pupils[pupils["province"].isin(names[:6])]
    return six.assign(age10=six["age"] - 10, reform=six["province"].isin(names[:3]).astype(int))


@once
def _fit(data: Data, formula: str = FORMULA, reml: bool = True) -> MixedFit:
    return mixedlm(formula, _six(data)).fit(reml=reml)


def _end(data: Data, side: int, quantile: float = 0.975, df: str = "reform") -> float:
    """An end of the interval of ``reform``; ``df`` names the row that the df are taken from."""
    table = _fit(data).fixed_effects
    t = stats.t.ppf(quantile, table.loc[df, "df"])
    return table.loc["reform", "estimate"] + side * t * table.loc["reform", "std_error"]


def _end_by_four(data: Data) -> float:
    """The lower end with the df that one counts: six provinces minus two coefficients."""
    reform = _fit(data).fixed_effects.loc["reform"]
    return reform["estimate"] - stats.t.ppf(0.975, 4) * reform["std_error"]


def _z_end(data: Data) -> float:
    reform = _fit(data).fixed_effects.loc["reform"]
    return reform["estimate"] - 1.96 * reform["std_error"]


def _chi2(data: Data, reml: bool = False) -> float:
    """The statistic of the test of teacher_experience; ``reml=True`` is the slip."""
    larger, smaller = (_fit(data, formula, reml) for formula in (FORMULA, SMALLER))
    return 2 * (larger.llf - smaller.llf)


EXERCISES = (
    Exercise(
        id="07.1",
        question="What is the false positive rate of the z-test with twelve provinces?",
        kind=Number(decimals=3),
        expected=lambda data: 2 * stats.t.sf(1.96, 10),
        because="It is the share of the t distribution with 12 - 2 df that lies beyond 1.96.",
        hint="count the df as above (provinces minus the coefficients estimated from them), and take the "
        "share of the t distribution that lies beyond 1.96 on both sides.",
        slips=(
            Slip(
                lambda data: 2 * stats.t.sf(1.96, 12),
                "two coefficients are estimated from the twelve provinces, the intercept and the reform: "
                "subtract two.",
            ),
            Slip(
                lambda data: 2 * stats.t.sf(1.96, 11),
                "two coefficients are estimated from the provinces: the reform, and one more.",
            ),
            Slip(
                lambda data: stats.t.sf(1.96, 10),
                "that is one side. A z-test also rejects below -1.96.",
            ),
            Slip(lambda data: 2 * stats.t.sf(1.96, 4), "those are the df of six provinces."),
            Slip(
                lambda data: 2 * stats.norm.sf(1.96),
                "that is what z promises. How much of the t distribution lies beyond 1.96?",
            ),
        ),
    ),
    Exercise(
        id="07.2",
        question="Where is the lower end of the 95 % interval of reform?",
        kind=Number(decimals=1),
        expected=lambda data: _end(data, -1),
        because="It is the estimate minus the 97.5 % point of t with its df, times the standard error.",
        hint="estimate - t * standard error, with t = stats.t.ppf(0.975, df) and everything from the "
        "row of reform.",
        slips=(
            Slip(_z_end, "that is the interval of z. Take the 97.5 % point of t, not 1.96."),
            Slip(
                lambda data: _end(data, -1, quantile=0.95),
                "this leaves 5 % outside on either side, 10 % in all. Which point leaves 2.5 %?",
            ),
            Slip(lambda data: _end(data, +1), "that is the upper end."),
            Slip(
                lambda data: fixed_effects_table(_fit(data), df="kenward-roger").loc[
                    "reform", "lower"
                ],
                OTHER_DF,
            ),
            Slip(_end_by_four, OTHER_DF),
            Slip(
                lambda data: _end(data, -1, df="school_resources"),
                "those are the df of another row: take them from reform, too.",
            ),
            Slip(
                lambda data: (
                    _fit(data).fixed_effects.loc["reform", "estimate"]
                    - _fit(data).fixed_effects.loc["reform", "std_error"]
                ),
                "one standard error is not enough: multiply it by the 97.5 % point of t.",
            ),
        ),
    ),
    Exercise(
        id="07.3",
        question="Which formula tests training, which varies between hospitals?",
        kind=Model("wards"),
        expected=lambda data: (
            "pain ~ training + (1|ward) + (1|hospital)",
            "pain ~ training + (1|hospital/ward)",
            "pain ~ training + (1|hospital) + (1|hospital:ward)",
        ),
        because="Hospitals are in the random part, so the test counts hospitals.",
        hint="training is the fixed effect; every level that groups the patients gets (1|...).",
        slips=(
            Slip(
                lambda data: "pain ~ training + (1|ward)",
                "this has no term for the hospitals, so wards count as independent, as if each of them had "
                "been trained by itself. At which level does training vary?",
            ),
            Slip(
                lambda data: "pain ~ training + (1|hospital)",
                "the hospitals are there. But patients of one ward have something in common, too.",
            ),
            Slip(
                lambda data: (
                    "pain ~ training + (training|ward) + (training|hospital)",
                    "pain ~ training + (1|ward) + (training|hospital)",
                    "pain ~ training + (training|hospital/ward)",
                ),
                "training does not vary inside a hospital, so no hospital has a slope of its own.",
            ),
            Slip(
                lambda data: (
                    "pain ~ (1|ward) + (1|hospital)",
                    "pain ~ 1 + (1|hospital/ward)",
                ),
                "the predictor that is to be tested is missing.",
            ),
            Slip(
                lambda data: (
                    "pain ~ training + hospital + (1|ward)",
                    "pain ~ training + hospital + ward",
                ),
                "with a fixed effect for each hospital nothing is left to compare: training is a "
                "difference between hospitals.",
            ),
            Slip(
                lambda data: (
                    "pain ~ training + (1|ward) + (1|hospital) + (1|patient)",
                    "pain ~ training + (1|hospital/ward/patient)",
                ),
                "each patient has one row, so the patient is the residual. Leave the patient out.",
            ),
        ),
    ),
    Exercise(
        id="07.4",
        question="What is the likelihood-ratio statistic chi2 of teacher_experience?",
        kind=Number(decimals=2),
        expected=_chi2,
        because="It is twice the difference of the log-likelihoods of two ML fits.",
        hint="2 * (llf of the larger model - llf of the smaller), both fitted with fit(reml=False) to six.",
        slips=(
            Slip(
                lambda data: _chi2(data, reml=True),
                "those are REML fits, and the fixed parts differ. Fit both with reml=False.",
            ),
            Slip(
                lambda data: -_chi2(data, reml=True),
                "those are REML fits, and the fixed parts differ. Fit both with reml=False, and take "
                "the larger model's log-likelihood minus the smaller one's.",
            ),
            Slip(
                lambda data: _chi2(data, reml=True) / 2,
                "those are REML fits, and the fixed parts differ. And the difference is taken twice.",
            ),
            Slip(
                lambda data: _fit(data).fixed_effects.loc["teacher_experience", "t"] ** 2,
                "that is t squared from the table, close to chi2 here, since classrooms are many. The "
                "question is for the likelihood-ratio statistic of two ML fits.",
            ),
            Slip(
                lambda data: _chi2(data) / 2,
                "that is the difference of the log-likelihoods. The statistic is twice that.",
            ),
            Slip(
                lambda data: -_chi2(data),
                "the sign is wrong: the larger model has the higher likelihood.",
            ),
            Slip(
                lambda data: stats.chi2.sf(_chi2(data), 1),
                "that is the p-value. The question is for the statistic.",
            ),
        ),
    ),
    Exercise(
        id="07.5",
        question="Which p-value belongs to a statistic of 3.1 for one new variance?",
        kind=Number(decimals=3),
        expected=lambda data: stats.chi2.sf(3.1, 1) / 2,
        because="If villages do not differ, the statistic is 0 half of the time, and chi-squared the other "
        "half.",
        hint="stats.chi2.sf(statistic, df) is the naive p-value. What does the edge at 0 do to it?",
        slips=(
            Slip(
                lambda data: stats.chi2.sf(3.1, 1),
                "that is the naive one. The variance cannot be negative: look at the lower curve.",
            ),
            Slip(
                lambda data: stats.chi2.sf(3.1, 2),
                "a random intercept brings one new parameter, its variance.",
            ),
            Slip(
                lambda data: (stats.chi2.sf(3.1, 1) + stats.chi2.sf(3.1, 2)) / 2,
                "that mixture is for a random slope, which brings a covariance as well. An intercept brings "
                "one variance.",
            ),
            Slip(
                lambda data: stats.chi2.sf(3.1, 2) / 2,
                "you were right to halve it, but a random intercept brings one new parameter, so 1 df.",
            ),
            Slip(
                lambda data: 2 * stats.chi2.sf(3.1, 1),
                "in the wrong direction: half of the time the statistic is 0, so a large one is rarer.",
            ),
            Slip(
                lambda data: stats.chi2.cdf(3.1, 1),
                "that is the share below the statistic. The p-value is the share above: sf, not cdf.",
            ),
            Slip(
                lambda data: stats.chi2.sf(6.2, 1) / 2,
                "3.1 is the statistic already; it has been doubled once.",
            ),
        ),
    ),
    Exercise(
        id="07.6",
        question="What raises the degrees of freedom of reform most?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="The reform is a property of provinces, so provinces are what counts.",
        hint="which units does the predictor belong to?",
        slips=(
            Slip(lambda data: "a", "that moves the df of age10 and sex. Whose property is reform?"),
            Slip(
                lambda data: "b",
                "that makes the mean of each province more exact, but there are still as many means as "
                "before.",
            ),
        ),
    ),
    Exercise(
        id="07.7",
        question="Two REML fits with different fixed parts: what does the better AIC say?",
        kind=Choice("abc"),
        expected=lambda data: "a",
        because="The REML likelihood changes with the columns of the fixed part, even with their units.",
        hint="think of the table with years and months.",
        slips=(
            Slip(
                lambda data: "b",
                "AIC is made of the likelihood, and the likelihood is that of REML. What changed it "
                "in the table with years and months?",
            ),
            Slip(
                lambda data: "c",
                "months instead of years moved the REML likelihood by log(12), and AIC by twice that.",
            ),
        ),
    ),
    Exercise(
        id="07.8",
        question="What does an interval for an SD say that starts at 0?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="An interval holds every value that the data do not contradict.",
        hint="an interval has two ends: look at the other one, too.",
        slips=(
            Slip(lambda data: "a", "0 is one of the values in it. What about all the others?"),
            Slip(
                lambda data: "c",
                "an SD may well be 0; with six levels the data often cannot exclude it.",
            ),
        ),
    ),
    Exercise(
        id="07.9",
        question="The test of the random slope gives p = 0.18: what do you do?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="Seven clinics often fail to prove a variance. Left out for its p-value, the slope makes the "
        "effect of dose look too certain.",
        hint="look at the false positives in the table of habits, in the rows with few groups.",
        slips=(
            Slip(
                lambda data: "a",
                "this is one of the habits in the table. How many false positives does it have with few "
                "groups?",
            ),
            Slip(lambda data: "b", "that finds more, including what is not there."),
        ),
    ),
)
