"""Exercises of lesson 12, yes or no, and how many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit

from course.exercises.exercise import Choice, Data, Exercise, Model, Number, Slip

if TYPE_CHECKING:
    from course.fit.generalised import MixedGLMFit

PASSING = "passed ~ age10 + school_resources + (1|school)"
MARK = "passed ~ gcsecnt + gender + (1|school)"
LATENT = np.pi**2 / 3  # variance of the logistic distribution


def _fit(data: Data) -> MixedGLMFit:
    return data.fit(PASSING, "passing", family="binomial")


def _years(data: Data, years: float) -> float:
    """The logarithm of the odds ratio of so many years, in one school."""
    return years * _fit(data).fe_params["age10"]


def _sd(fit: MixedGLMFit) -> float:
    return fit.variance_components["sdcor"].iloc[0]


def _averages(data: Data) -> pd.Series:
    """The average probability at ten and at eleven, where resources are 0."""
    grid = pd.DataFrame({"age10": [0, 1], "school_resources": 0.0})
    return _fit(data).predict(grid, random="average")


def _average_ratio(data: Data) -> float:
    odds = _averages(data) / (1 - _averages(data))
    return odds[1] / odds[0]


def _woman(data: Data, sds: float = -1.0, gcse: float = -1.0) -> float:
    """The logit of a woman so many GCSE points from the mean, in a school so many SDs from the middle."""
    fit = data.fit(MARK, "candidates", family="binomial")
    return fit.fe_params["Intercept"] + gcse * fit.fe_params["gcsecnt"] + sds * _sd(fit)


def _average_woman(data: Data) -> float:
    fit = data.fit(MARK, "candidates", family="binomial")
    grid = pd.DataFrame({"gcsecnt": [-1.0], "gender": ["F"]})
    return fit.predict(grid, random="average").iloc[0]


EXERCISES = (
    Exercise(
        id="12.1",
        question="What does an odds ratio of 1.8 make of a probability of 0.2?",
        kind=Number(decimals=2),
        expected=lambda data: 0.45 / 1.45,
        because="The odds are 0.25; times 1.8 they are 0.45, and 0.45 to 1 is 0.45 out of 1.45.",
        hint="three steps: from the probability to its odds, times the ratio, and back.",
        slips=(
            Slip(
                lambda data: 0.2 * 1.8,
                "that multiplies the probability. An odds ratio multiplies the odds.",
            ),
            Slip(lambda data: 0.45, "those are the odds. Which probability has them?"),
            Slip(lambda data: 0.25, "those are the odds before anything is multiplied."),
            Slip(
                lambda data: 0.36 / 1.36,
                "the way back is right, but 0.2 is a probability and not yet odds.",
            ),
            Slip(
                lambda data: expit(np.log(0.25) + 1.8),
                "that adds 1.8 to the logit. What is added to the logit is the logarithm of the ratio.",
            ),
            Slip(
                lambda data: (0.25 / 1.8) / (1 + 0.25 / 1.8),
                "that divides the odds: this pupil would be younger, not older.",
            ),
        ),
    ),
    Exercise(
        id="12.2",
        question="How many times as high are the odds of a pupil two years older, in the same school?",
        kind=Number(decimals=2),
        expected=lambda data: np.exp(_years(data, 2)),
        because="Two years are added on the logit scale, so the ratio of one year counts twice as a factor.",
        hint="age10 has an effect on the logit: take it twice, and go from the logit to odds.",
        slips=(
            Slip(lambda data: np.exp(_years(data, 1)), "that is the ratio of one year."),
            Slip(
                lambda data: 2 * np.exp(_years(data, 1)),
                "ratios are not added. Each year multiplies the odds once more.",
            ),
            Slip(
                lambda data: _years(data, 2),
                "that is on the scale of the logit. np.exp makes a ratio of it.",
            ),
            Slip(lambda data: _years(data, 1), "that is the effect of one year on the logit."),
            Slip(
                lambda data: np.exp(-_years(data, 2)),
                "that compares the younger with the older. The question is the other way round.",
            ),
        ),
    ),
    Exercise(
        id="12.3",
        question="What is the odds ratio of eleven against ten for the average over schools?",
        kind=Number(decimals=2),
        expected=_average_ratio,
        because="Probabilities are averaged first; odds are made of the averages.",
        hint='predict both rows with random="average", make odds of the two probabilities, and divide '
        "the second by the first.",
        slips=(
            Slip(
                lambda data: np.exp(_years(data, 1)),
                "that is the odds ratio within a school. Average the probabilities first.",
            ),
            Slip(
                lambda data: _averages(data)[1] / _averages(data)[0],
                "that is a ratio of probabilities. Make odds of each of them first.",
            ),
            Slip(
                lambda data: _averages(data)[1] - _averages(data)[0],
                "that is the difference of the two probabilities. The question is for a ratio of odds.",
            ),
            Slip(
                lambda data: 1 / _average_ratio(data),
                "the other way round: eleven over ten.",
            ),
            Slip(
                lambda data: np.log(_average_ratio(data)),
                "that is its logarithm.",
            ),
        ),
    ),
    Exercise(
        id="12.4",
        question="How alike are two pupils of one school on the latent scale?",
        kind=Number(decimals=2),
        expected=lambda data: _sd(_fit(data)) ** 2 / (_sd(_fit(data)) ** 2 + LATENT),
        because="The variance between schools stands over that variance plus the one of the logistic "
        "distribution.",
        hint="variance between schools / (variance between schools + variance of a pupil's own part). The "
        "second one is no estimate: the logit brings it.",
        slips=(
            Slip(
                lambda data: _sd(_fit(data)) / (_sd(_fit(data)) + LATENT),
                "that is the SD of schools. Shares are made of variances.",
            ),
            Slip(
                lambda data: _sd(_fit(data)) / (_sd(_fit(data)) + LATENT**0.5),
                "those are SDs. Shares are made of variances.",
            ),
            Slip(
                lambda data: _sd(_fit(data)) ** 2 / (_sd(_fit(data)) ** 2 + 1),
                "a variance of 1 belongs to another link, the probit. Which one has the logit?",
            ),
            Slip(
                lambda data: _sd(_fit(data)) ** 2 / (_sd(_fit(data)) ** 2 + LATENT**0.5),
                "the root of pi squared over 3 is an SD. Take the variance.",
            ),
            Slip(
                lambda data: LATENT / (_sd(_fit(data)) ** 2 + LATENT),
                "that is the share of the pupils. The schools have the rest.",
            ),
        ),
    ),
    Exercise(
        id="12.5",
        question="Which formula models the falls, with wards and an effect of each patient?",
        kind=Model("stays"),
        expected=lambda data: "falls ~ age + offset(np.log(bed_days)) + (1|ward) + (1|patient)",
        because="The offset makes it a rate, and the effect of each patient lets counts vary by more than "
        "chance.",
        hint="age is the fixed effect, the exposure goes into offset(np.log(...)), and there are two "
        "groupings, one of which has one row per level.",
        slips=(
            Slip(
                lambda data: "falls ~ age + (1|ward) + (1|patient)",
                "a patient who stays longer can fall more often: the exposure is missing.",
            ),
            Slip(
                lambda data: "falls ~ age + offset(bed_days) + (1|ward) + (1|patient)",
                "the mean is on the scale of the logarithm, so the exposure needs its logarithm, too.",
            ),
            Slip(
                lambda data: (
                    "falls ~ age + bed_days + (1|ward) + (1|patient)",
                    "falls ~ age + np.log(bed_days) + (1|ward) + (1|patient)",
                ),
                "this estimates a coefficient for the exposure. Twice as many days are twice as many "
                "chances to fall: that needs no estimate.",
            ),
            Slip(
                lambda data: "falls ~ age + offset(np.log(bed_days)) + (1|ward)",
                "here two patients of a ward differ by age and by chance alone. They may differ by more "
                "than that.",
            ),
            Slip(
                lambda data: "falls ~ age + offset(np.log(bed_days)) + (1|patient)",
                "patients of one ward have something in common as well.",
            ),
            Slip(
                lambda data: (
                    "I(falls / bed_days) ~ age + (1|ward)",
                    "I(falls / bed_days) ~ age + (1|ward) + (1|patient)",
                    "I(falls/bed_days) ~ age + (1|ward)",
                    "I(falls/bed_days) ~ age + (1|ward) + (1|patient)",
                ),
                "a rate is no count, and chance plays a larger part where days are few. Leave the "
                "count on the left.",
            ),
        ),
    ),
    Exercise(
        id="12.6",
        question="How likely is this woman to pass, in a school one SD below the middle?",
        kind=Number(decimals=2),
        expected=lambda data: expit(_woman(data)),
        because="Everything is added on the logit scale, the school too; the probability comes last.",
        hint="intercept, plus the slope of gcsecnt times her value, minus one SD of the schools: that is "
        "her logit.",
        slips=(
            Slip(_woman, "that is her logit. Which probability has it?"),
            Slip(
                lambda data: expit(_woman(data, sds=0)),
                "that is the school in the middle. Hers lies one SD below.",
            ),
            Slip(
                lambda data: expit(_woman(data, sds=1)),
                "that school lies one SD above the middle.",
            ),
            Slip(
                lambda data: expit(_woman(data, gcse=0)),
                "her GCSE result is missing: gcsecnt is -1.",
            ),
            Slip(
                lambda data: expit(_woman(data, gcse=1)),
                "her GCSE result lies below the mean: gcsecnt is -1, not 1.",
            ),
            Slip(
                _average_woman,
                "that is the average over all schools. The question names a school.",
            ),
            Slip(lambda data: np.exp(_woman(data)), "those are her odds."),
        ),
    ),
    Exercise(
        id="12.7",
        question="What does an odds ratio of 2 say?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="Odds are doubled; how far the probability moves depends on where it was.",
        hint="try it with a probability of 0.9.",
        slips=(
            Slip(lambda data: "a", "a probability of 0.9 cannot be doubled."),
            Slip(lambda data: "c", "near 0 or 1 it moves much less than near the middle."),
        ),
    ),
    Exercise(
        id="12.8",
        question="Which number answers the question of the ministry?",
        kind=Choice("abc"),
        expected=lambda data: "a",
        because="The share of the country is an average over schools.",
        hint="does the question speak of one school, or of all of them together?",
        slips=(
            Slip(
                lambda data: "b",
                "it speaks of pupils who stay in their school. The ministry asks for the country.",
            ),
            Slip(
                lambda data: "c", "that is a school in the middle, and the country has all kinds."
            ),
        ),
    ),
    Exercise(
        id="12.9",
        question="Pairs of twins: what do you report?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="With two rows a pair the curve of a pair is far from normal.",
        hint="what did the picture of three pupils show?",
        slips=(
            Slip(
                lambda data: "a",
                "many pairs do not help: the approximation is made once for each pair.",
            ),
            Slip(lambda data: "b", "the two log-likelihoods are two computations of one number."),
        ),
    ),
    Exercise(
        id="12.10",
        question="What goes wrong if overdispersion is overlooked?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="Rows seem to know more than they do.",
        hint="compare the two columns of standard errors.",
        slips=(
            Slip(lambda data: "a", "look at the two columns of estimates: they hardly differ."),
            Slip(lambda data: "c", "a higher variance leaves less certainty, not more power."),
        ),
    ),
)
