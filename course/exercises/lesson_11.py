"""Exercises of lesson 11, the capstone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course.exercises.exercise import Choice, Data, Exercise, Model, Number, Slip, once
from course.fit.from_formula import mixedlm
from course.fit.model import MixedFit

EMPTY = "score ~ 1 + (1|school) + (1|lea)"
RANDOM = " + (gcsecnt + gender|school) + (1|lea)"
PLANNED = "score ~ gcsecnt + gender + age + gcse_school" + RANDOM
CURVED = "score ~ bs(gcsecnt, df=4) + gender + age + gcse_school" + RANDOM
FINAL = "score ~ bs(gcsecnt, df=4) + gender + age + gcse_school + log2_size" + RANDOM
GAP, SLOPE = "gender[T.M]", "gcsecnt"


def _with_schools(data: Data) -> pd.DataFrame:
    """The candidates, with the mean GCSE result and the size of their school beside their own results."""
    candidates = data["chem97"]
    if "gcse_school" not in candidates:
        means = candidates.groupby("school")["gcsecnt"].transform("mean")
        sizes = np.log2(candidates["school"].map(_sizes(data)) / 20)
        data.replace("chem97", candidates.assign(gcse_school=means, log2_size=sizes))
    return data["chem97"]


def _fit(data: Data, formula: str = FINAL) -> MixedFit:
    _with_schools(data)
    return data.fit(formula, "chem97")


def _sizes(data: Data) -> pd.Series:
    return data["chem97"]["school"].value_counts()


def _alike(data: Data, *groups: str, power: float = 1.0) -> float:
    """Share of these levels without predictors; ``power=0.5`` is the slip of using SDs."""
    parts = data.fit(EMPTY, "chem97").variance_components.set_index("group")["vcov"] ** power
    return parts[list(groups)].sum() / parts.sum()


def _beyond(data: Data, formula: str = PLANNED, fixed_only: bool = False) -> int:
    """Candidates whose fitted value lies above the highest grade."""
    fit = _fit(data, formula)
    fitted = fit.predict(data["chem97"], random="none") if fixed_only else fit.fittedvalues
    return int((fitted > 10).sum())


def _school_sd(fit: MixedFit, effect: str) -> float:
    parts = fit.variance_components
    mine = parts["group"].eq("school") & parts["effect"].eq(effect) & parts["effect2"].isna()
    return parts.loc[mine, "sdcor"].iloc[0]


def _gap_end(data: Data, errors: float, power: int = 1) -> float:
    """The average gap plus so many SDs of the schools' gaps; ``power=2`` takes the variance."""
    fit = _fit(data)
    return fit.fe_params[GAP] + errors * _school_sd(fit, GAP) ** power


def _five_or_more(data: Data, effect: str = SLOPE, fewest: int = 5, formula: str = FINAL) -> float:
    """SD of an effect of the schools, where only schools of some size are kept."""
    return _school_sd(_without_small_schools(data, fewest, formula), effect)


@once
def _without_small_schools(data: Data, fewest: int, formula: str) -> MixedFit:
    candidates = _with_schools(data)
    large = candidates["school"].map(_sizes(data)) >= fewest
    return mixedlm(formula, candidates[large]).fit()


EXERCISES = (
    Exercise(
        id="11.1",
        question="How many schools have exactly one candidate?",
        kind=Number(decimals=0),
        expected=lambda data: int((_sizes(data) == 1).sum()),
        because="These schools say something about the fixed effects, and next to nothing about schools.",
        hint="count the candidates of every school first (`size` has them), then the schools with one.",
        slips=(
            Slip(
                lambda data: int((_sizes(data) < 5).sum()),
                "those have fewer than five. Here only schools with a single candidate count.",
            ),
            Slip(
                lambda data: int((_sizes(data) <= 2).sum()), "this includes the schools with two."
            ),
            Slip(
                lambda data: int((_sizes(data) > 1).sum()),
                "the other way round: those have several candidates.",
            ),
            Slip(
                lambda data: data["chem97"]["school"].nunique(),
                "those are all the schools. How many of them occur once?",
            ),
            Slip(
                lambda data: int(data["chem97"].groupby("school")["gender"].nunique().eq(1).sum()),
                "those have candidates of one gender; they may still have several candidates.",
            ),
        ),
    ),
    Exercise(
        id="11.2",
        question="How alike are two candidates of the same school, without any predictor?",
        kind=Number(decimals=2),
        expected=lambda data: _alike(data, "school", "lea"),
        because="They share the school and its authority: both variances, over the sum of all.",
        hint="fit score ~ 1 with random intercepts of both levels, and take from icc() how alike two "
        "candidates are who share a school.",
        slips=(
            Slip(
                lambda data: _alike(data, "school"),
                "that is the share of the school alone. Two candidates who share a school also share "
                "something larger.",
            ),
            Slip(
                lambda data: _alike(data, "lea"), "that is for two candidates of different schools."
            ),
            Slip(
                lambda data: _alike(data, "school", "lea", power=0.5),
                "those are SDs. Only variances add up: use the column vcov, or icc().",
            ),
            Slip(
                lambda data: _alike(data, "Residual"),
                "that is the share that they do not have in common.",
            ),
        ),
    ),
    Exercise(
        id="11.3",
        question="Which formula asks whether the effect of dose and the gap between the sexes differ "
        "between wards?",
        kind=Model("wards"),
        expected=lambda data: (
            "pain ~ dose + sex + (dose + sex|ward) + (1|hospital)",
            "pain ~ dose + sex + (dose + sex|hospital:ward) + (1|hospital)",
        ),
        because="Both slopes vary by ward, around an average that is a fixed effect.",
        hint="what differs goes to the left of the bar, and the groups between which it differs to the "
        "right; and every random slope needs its average among the fixed effects.",
        slips=(
            Slip(
                lambda data: (
                    "pain ~ dose + sex + (dose|ward) + (1|hospital)",
                    "pain ~ dose + sex + (sex|ward) + (1|hospital)",
                ),
                "one of the two questions has no slope yet.",
            ),
            Slip(
                lambda data: "pain ~ dose + sex + (1|ward) + (1|hospital)",
                "here only the intercept varies by ward. The questions are about slopes.",
            ),
            Slip(
                lambda data: "pain ~ dose + sex + (dose + sex|ward)",
                "the hospitals are missing.",
            ),
            Slip(
                lambda data: (
                    "pain ~ (dose + sex|ward) + (1|hospital)",
                    "pain ~ dose + (dose + sex|ward) + (1|hospital)",
                    "pain ~ sex + (dose + sex|ward) + (1|hospital)",
                ),
                "a random slope scatters around its average: a fixed effect is missing.",
            ),
            Slip(
                lambda data: (
                    "pain ~ dose + sex + (dose + sex|hospital) + (1|ward)",
                    "pain ~ dose + sex + (dose + sex|hospital)",
                ),
                "these slopes differ between hospitals. The questions are about wards.",
            ),
            Slip(
                lambda data: (
                    "pain ~ dose + sex + (dose + sex|ward) + (dose + sex|hospital)",
                    "pain ~ dose + sex + (dose + sex|hospital/ward)",
                ),
                "this lets the slopes differ between hospitals, too. Nobody asked for that.",
            ),
            Slip(
                lambda data: "pain ~ dose + sex + (dose * sex|ward) + (1|hospital)",
                "the star adds an interaction that differs between wards. Nobody asked for that.",
            ),
            Slip(
                lambda data: "pain ~ dose + sex + (dose + sex||ward) + (1|hospital)",
                "both questions are in it. But two bars claim that intercept, slope and gap are unrelated, "
                "and nothing in the study says so. Let them correlate.",
            ),
            Slip(
                lambda data: (
                    "pain ~ dose + sex + (dose|ward) + (sex|ward) + (1|hospital)",
                    "pain ~ dose + sex + (dose|ward) + (0 + sex|ward) + (1|hospital)",
                    "pain ~ dose + sex + (1|ward) + (0 + dose|ward) + (0 + sex|ward) + (1|hospital)",
                ),
                "both questions are in it. But what stands in different terms is taken for unrelated, and "
                "nothing in the study says that the effect of the dose and the gap are. And the level of a "
                "ward is in it twice (a factor without an intercept has a level for every label). Let them "
                "correlate.",
            ),
            Slip(
                lambda data: (
                    "pain ~ dose + sex + (0 + dose|ward) + (sex|ward) + (1|hospital)",
                    "pain ~ dose + sex + (dose|ward) + (0 + dummy(sex, 'male')|ward) + (1|hospital)",
                    "pain ~ dose + sex + (dose|ward) + (0 + dummy(sex, 'female')|ward) + (1|hospital)",
                ),
                "both questions are in it. But what stands in different terms is taken for unrelated, and "
                "nothing in the study says that the effect of the dose and the gap are. Let them correlate.",
            ),
            Slip(
                lambda data: "pain ~ dose * sex + (dose + sex|ward) + (1|hospital)",
                "the random part is right. The star adds an interaction to the fixed part that nobody asked "
                "for.",
            ),
        ),
    ),
    Exercise(
        id="11.4",
        question="How many candidates have a fitted value above 10 in the fit `planned`?",
        kind=Number(decimals=0),
        expected=_beyond,
        because="The linear model does not know the ceiling.",
        hint="`planned.fittedvalues` has one value per candidate; count those above 10.",
        slips=(
            Slip(
                lambda data: _beyond(data, fixed_only=True),
                "this leaves out the effects of the schools. Take planned.fittedvalues.",
            ),
            Slip(
                lambda data: int((data["chem97"]["score"] == 10).sum()),
                "those are the candidates who have 10 points. What does the model give them?",
            ),
            Slip(
                lambda data: int((_fit(data, PLANNED).fittedvalues < 0).sum()),
                "those lie below the floor. The question asks for the other end.",
            ),
            Slip(
                lambda data: _beyond(data, CURVED),
                "that is the fit with the curve. The question is about the fit `planned`.",
            ),
            Slip(
                lambda data: _beyond(data, FINAL),
                "that is the fit `final`. The question is about the fit `planned`.",
            ),
            Slip(
                lambda data: 0,
                "the scores end at 10, but the fitted values do not. Take planned.fittedvalues.",
            ),
        ),
    ),
    Exercise(
        id="11.5",
        question="Where is the lower end of the range that holds the gaps of 95 % of schools?",
        kind=Number(decimals=2),
        expected=lambda data: _gap_end(data, -1.96),
        because="It is the average gap minus 1.96 SDs of the schools' gaps.",
        hint="the average gap is a fixed effect; how far schools scatter around it is the SD of the "
        "random slope of gender.",
        slips=(
            Slip(lambda data: _gap_end(data, 1.96), "that is the upper end."),
            Slip(
                lambda data: _fit(data).fixed_effects.loc[GAP, "lower"],
                "that is the interval of the *average* gap. How far do the schools lie from it?",
            ),
            Slip(
                lambda data: _gap_end(data, -1.96, power=2),
                "you took the variance of the gaps. An SD is in points: use the column sdcor.",
            ),
            Slip(
                lambda data: _gap_end(data, -1),
                "one SD to either side holds two thirds of the schools, not 95 %.",
            ),
            Slip(
                lambda data: -1.96 * _school_sd(_fit(data), GAP),
                "schools scatter around the average gap, and that is not 0: add it.",
            ),
            Slip(
                lambda data: (
                    _fit(data, PLANNED).fe_params[GAP] - 1.96 * _school_sd(_fit(data, PLANNED), GAP)
                ),
                "that is the fit `planned`. Take the fit `final`.",
            ),
            Slip(
                lambda data: (
                    _fit(data, CURVED).fe_params[GAP] - 1.96 * _school_sd(_fit(data, CURVED), GAP)
                ),
                "that is the fit `curved`, without the size of the school. Take the fit `final`.",
            ),
            Slip(
                lambda data: _fit(data).fe_params[GAP] - 1.96 * _school_sd(_fit(data), "Intercept"),
                "you took the SD of the intercepts. The gap has an SD of its own.",
            ),
        ),
    ),
    Exercise(
        id="11.6",
        question="What is the SD of the slope of GCSE in schools with five candidates or more?",
        kind=Number(decimals=2),
        expected=_five_or_more,
        because="The small schools said little about slopes, so little changes without them.",
        hint='keep the rows where candidates["school"].map(size) is at least five, then fit final.formula '
        "to them.",
        slips=(
            Slip(
                lambda data: _school_sd(_fit(data), SLOPE),
                "that is the fit to all the schools. Leave out the small ones first.",
            ),
            Slip(
                lambda data: _five_or_more(data) ** 2,
                "that is the variance. The SD is in the column sdcor.",
            ),
            Slip(
                lambda data: _five_or_more(data, effect=GAP),
                "that is the SD of the gap between men and women.",
            ),
            Slip(
                lambda data: _five_or_more(data, effect="Intercept"),
                "that is the SD of the intercepts.",
            ),
            Slip(
                lambda data: _five_or_more(data, formula=PLANNED),
                "this is the straight line. The final model has a curve: use final.formula.",
            ),
        ),
    ),
    Exercise(
        id="11.7",
        question="The raw mean of women is higher, and the coefficient of men is positive: what holds?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="They are two comparisons: of all women and men, and of those with equal GCSE results.",
        hint="compare the mean GCSE results of women and men, and ask whom a coefficient compares.",
        slips=(
            Slip(
                lambda data: "a",
                "they can differ without a mistake. What does the coefficient hold equal?",
            ),
            Slip(
                lambda data: "b",
                "a raw mean is right about what it describes. The schools are not the reason here.",
            ),
        ),
    ),
    Exercise(
        id="11.8",
        question="What should be done with schools that have one candidate?",
        kind=Choice("abc"),
        expected=lambda data: "a",
        because="Partial pooling gives it a small weight, and its candidate still counts.",
        hint="which weight does partial pooling give to schools with one score?",
        slips=(
            Slip(
                lambda data: "b",
                "such groups break nothing as long as others have several rows: this lesson fitted them.",
            ),
            Slip(
                lambda data: "c",
                "one score cannot tell the school from the candidate. What does the weight do?",
            ),
        ),
    ),
    Exercise(
        id="11.9",
        question="The SD of the slopes fell once the curve was in: what follows?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="Schools see different parts of one curve, and straight lines call that different slopes.",
        hint="look at the table of answers with the line and with the curve, and at what was left over.",
        slips=(
            Slip(
                lambda data: "a",
                "it fell, but not to 0. Look at its interval.",
            ),
            Slip(
                lambda data: "c",
                "that rule is about REML likelihoods. Estimates may be looked at side by side.",
            ),
        ),
    ),
    Exercise(
        id="11.10",
        question="A newspaper wants to print 'the ten best schools': what do you answer?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="Predicted effects are good guesses with wide intervals; the order at the top is luck.",
        hint="look at where the schools at the top of the fitted list really stood in the invented worlds.",
        slips=(
            Slip(
                lambda data: "a",
                "shrinkage reduces luck, but cannot remove it. How wide are the intervals?",
            ),
            Slip(
                lambda data: "b",
                "how many candidates do the schools have that lead the list by raw means?",
            ),
        ),
    ),
)
