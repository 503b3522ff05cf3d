# %% [markdown] tags=["workshop"]
# # Data from a national assessment
#
# After this lesson you will be able to
#
# - read a file of SPSS, and say what became of its labels and of its codes for missing values;
# - say what plausible values are, and why they must not be averaged first;
# - pool fits by Rubin's rules, once by hand and then with one formula;
# - decide which weights go where, and see what a fit without them gets wrong;
# - give a reviewer adjusted means and contrasts, and fill gaps in questionnaires by imputation;
# - write the paragraph for the paper.
#
# **Time:** 75 minutes on your own; not part of the one-day workshop.
#
# **Before:** lessons [01](01-why-groups-matter.ipynb) to [07](07-inference.ipynb). You can fit a model
# with students in schools, and read its estimates, intervals and degrees of freedom.
#
# **Data:** a simulated assessment of mathematics in the manner of PISA. Its file looks like the real ones,
# with the same column names and the same difficulties. But here we know the truth.

# %% [markdown] tags=["workshop"]
# ## A file from SPSS
#
# Every few years many countries test their fifteen-year-olds. The results are public, and anybody may
# analyse them. Three questions, before we open the file:
#
# 1. How strongly does achievement go with the home a student comes from?
# 2. Do girls and boys of equal background differ in mathematics?
# 3. How much do schools differ, beyond their students' background?
#
# The next cell makes the file. Then we forget where it came from.

# %% tags=["workshop"]
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from course import (
    check,
    contrasts,
    means,
    mixedlm,
    plots,
    pool,
    read_table,
    report,
    simulate_assessment,
    translate,
)
from course.data import write_table
from course.exercises import use
from course.plots.page import STYLE

plt.rcParams.update(STYLE)  # the style of the course's pictures

simulation = simulate_assessment(
    countries=1,
    schools=80,
    students=30,
    informative={"school": 0.5},
    missing={"questionnaire": 0.04, "ESCS": 0.10, "ST013Q01TA": 0.02},
    scores=True,
    seed=13,
)
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "assessment.sav"
write_table(simulation.data, path)

# %% [markdown] tags=["workshop"]
# pandas can read such files. Let us look at one column: ESCS, the index of economic, social and cultural
# status. It is a number, with a mean near 0 and an SD near 1 over all the countries that take part.

# %% tags=["workshop"]
by_pandas = pd.read_spss(path)
print("type of ESCS:    ", by_pandas["ESCS"].dtype.name)
print("different values:", f"{by_pandas['ESCS'].nunique():,}")

# %% [markdown] tags=["workshop"]
# It has become a category. What happened? In the file, a few codes have a label: 97 means "Refused", 99 "No
# response". pandas treats every column in which *any* code has a label as a column of labels. A formula with
# this ESCS would give every value but one a coefficient of its own, two thousand in all.
#
# `read_table` asks another question of each column: does *every* value that occurs have a label? Then it
# is a factor. If labels belong to special codes only, it is a number.

# %% tags=["workshop"]
assessment = read_table(path)
folder.cleanup()
use(assessment=assessment)

questionnaire = ["ST004D01T", "GRADE", "ESCS", "ST013Q01TA"]
for name in questionnaire:
    print(f"{name}: {assessment.attrs['labels'][name]}")
pd.DataFrame({"read as": assessment.dtypes.astype(str), "missing": assessment.isna().sum()}).loc[
    questionnaire
]

# %% [markdown] tags=["workshop"]
# The sex of a student and the books at home are factors. Their levels keep the order of the codes, so
# that "0-10 books" comes first, and not "101-200 books" after it:

# %% tags=["workshop"]
print(*assessment["ST013Q01TA"].cat.categories, sep="\n")

# %% [markdown] tags=["workshop"]
# And the codes for missing values have become missing values. *Why* a value is missing is not forgotten,
# though. Every fit counts the reasons among its notes, as you will see in a moment.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 13.1.** How many of the students in the table have no value of ESCS?

# %% tags=["workshop", "exercise", "solution"]
without_escs = assessment["ESCS"].isna().sum()  #!
check("13.1", without_escs)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* `isna()` is true where a value is missing, and a sum counts what is true. It is about one student
# in seven, which is a lot. We shall come back to them.

# %% [markdown] tags=["workshop"]
# The other columns say who a student is (`SCHOOLID`, `STUDID`), how the sample was drawn (`STRATUM` and
# the columns that begin with `W_`), and how well the student did. The last is the strange part:

# %% tags=["workshop"]
scores = [name for name in assessment.columns if name.endswith("MATH")]
print(*scores)
assessment.loc[:2, scores[:5]].round(0).astype(int)

# %% [markdown] tags=["workshop"]
# Ten scores for every student (the table shows half of them), and they differ. Which is the right one?

# %% [markdown] tags=["workshop"]
# ## What a plausible value is
#
# None of them is. The test is long, and no student could do all of it. Every student gets a part of the
# tasks, so the result of a single student is uncertain: with these few answers the true score may be
# 480, or 520. The assessment does not hide this. From everything it knows about a student, the answers and
# the questionnaire, it works out how likely each score is. Then it draws from this distribution, ten times.
# Each draw is a [plausible value](glossary.ipynb#plausible-value).
#
# Since this assessment is simulated, we may look at what nobody ever sees: the true scores. Here they are for
# eight students:

# %% tags=["workshop"]
eight = assessment.iloc[::300].reset_index(drop=True)
fig, ax = plt.subplots(figsize=(7.4, 3.8), layout="constrained")
for row, student in eight.iterrows():
    ax.plot(student[scores], [row] * 10, "o", mfc="white", mec=plots.BLUE, alpha=0.9)
ax.plot(eight[scores].mean(axis=1), eight.index, "|", ms=18, mew=2, color=plots.INK)
ax.plot(eight["TRUE_SCORE"], eight.index, "D", color=plots.ORANGE, mec=plots.INK)
ax.set_yticks(eight.index, eight["STUDID"])
ax.invert_yaxis()
ax.set(xlabel="score in mathematics (points)", ylabel="student")
names = ["plausible values", "their mean", "true score"]
places = [ax.lines[0], ax.lines[-2], ax.lines[-1]]
ax.legend(places, names, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
sns.despine()
low, high = eight[scores].min(axis=1), eight[scores].max(axis=1)
width = high - low
outside = (~eight["TRUE_SCORE"].between(low, high)).sum()
plots.show(
    ax,
    alt=f"Ten plausible values for each of eight students, as rings. They spread over {width.min():.0f} to "
    f"{width.max():.0f} points. The true score, a "
    f"diamond, lies beyond the rings of {outside} of the eight students.",
)

# %% [markdown] tags=["workshop"]
# The rings of a student show how much the test leaves open. The true score is like one more ring: mostly
# among the others, now and then beyond them. That is how plausible values are made.
#
# ## Why not simply average them?
#
# It is tempting: take the mean of the ten, and go on as in lesson 02. Let us do it, and watch one number: the
# residual SD, that is, how far students of one school scatter around what the model expects. In truth it is
# 70 points.
#
# First with one plausible value, in plain statsmodels:

# %% tags=["workshop"]
formula = "PV1MATH ~ ESCS + ST004D01T + GRADE + (1|SCHOOLID)"
translation = translate(formula, assessment)
print("formula:   ", translation.fixed_formula)
print("groups:    ", translation.groups)
print("re_formula:", translation.re_formula)

# %% tags=["workshop"]
import statsmodels.formula.api as smf

complete = assessment.dropna(subset=["ESCS"])
model = smf.mixedlm("PV1MATH ~ ESCS + ST004D01T + GRADE", complete, groups="SCHOOLID")
result = model.fit()
first = mixedlm(formula, assessment).fit()
print(f"residual SD: statsmodels {np.sqrt(result.scale):.2f}, mixedlm {first.sigma:.2f}")

# %% [markdown] tags=["workshop"]
# Now with the mean of the ten, and, because we can, with the true scores.

# %% tags=["workshop"]
predictors = " ~ ESCS + ST004D01T + GRADE + (1|SCHOOLID)"
assessment["MEAN_PV"] = assessment[scores].mean(axis=1)
averaged = mixedlm("MEAN_PV" + predictors, assessment).fit()
with_truth = mixedlm("TRUE_SCORE" + predictors, assessment).fit()
fits = {"true scores": with_truth, "one plausible value": first, "mean of the ten": averaged}
pd.DataFrame(
    {
        name: {
            "residual SD": fit.sigma,
            "SD of schools": fit.variance_components.loc[0, "sdcor"],
            "slope of ESCS": fit.fe_params["ESCS"],
            "its standard error": fit.bse_fe["ESCS"],
        }
        for name, fit in fits.items()
    }
).round(2)

# %% [markdown] tags=["workshop"]
# The slope is fine. But the mean of the ten makes students more alike than they are: the residual SD is
# several points too small, and the standard error of the slope is smaller than with the true scores. That
# cannot be right: no analysis of uncertain scores can be more certain than one of the scores themselves.
#
# One table is no proof. Here are eight more assessments, each with other schools and students:

# %% tags=["workshop"]


def residual_sds(seed):
    """Residual SDs of a small assessment without gaps, from the mean of the ten and from one of them."""
    small = simulate_assessment(
        countries=1, schools=20, students=25, missing={"ESCS": 0.0}, seed=seed
    ).data
    small["MEAN_PV"] = small[scores].mean(axis=1)
    return {
        "mean of the ten": mixedlm("MEAN_PV" + predictors, small).fit().sigma,
        "one plausible value": mixedlm("PV1MATH" + predictors, small).fit().sigma,
    }


worlds = pd.DataFrame([residual_sds(seed) for seed in range(8)])
worlds.describe().loc[["mean", "min", "max"]].round(1)

# %% tags=["workshop"]
fig, ax = plt.subplots(figsize=(7.4, 2.8), layout="constrained")
looks = [("s", plots.ORANGE), ("o", plots.BLUE)]
shift = np.linspace(-0.16, 0.16, len(worlds))
for row, (name, (marker, colour)) in enumerate(zip(worlds, looks, strict=True)):
    ax.plot(worlds[name], row + shift, marker, color=colour, mec=plots.INK, mew=0.6)
ax.axvline(70, color=plots.INK, linestyle="--", linewidth=1.2)
ax.set_yticks([0, 1], worlds.columns)
ax.set(ylim=(1.5, -0.5), xlabel="residual SD (points); the dashed line is the truth")
sns.despine()
plots.show(
    ax,
    alt="Residual SDs of 8 simulated assessments. From the mean of the ten plausible values they lie "
    f"around {worlds.iloc[:, 0].mean():.1f} points, nearly all left of the dashed line at the truth, 70; "
    f"from one plausible value around {worlds.iloc[:, 1].mean():.1f}.",
)

# %% [markdown] tags=["workshop"]
# The mean of the draws is pulled towards the middle, like a BLUP. It is the best guess for one student, but
# such guesses do not spread as the scores do. Everything that depends on the spread goes wrong with it: SDs,
# shares of variance, standard errors, and the share of students below a limit, which is the number that
# newspapers print.
#
# So compute whatever you want **once for each plausible value**, and average the *results*.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 13.2.** According to the assessment, students with less than 420 points cannot use mathematics in
# everyday life. What share of these students is below 420? As a number between 0 and 1, to three decimals.
# (`scores` lists the ten columns. Weights come later.)

# %% tags=["workshop", "exercise", "solution"]
below = (assessment[scores] < 420).mean().mean()  #!
check("13.2", below)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The first `mean()` gives ten shares, one for each plausible value, and the second one their average.
# From the mean of the ten the share comes out too small, since the lowest students are pulled up.

# %% [markdown] tags=["workshop"]
# ## Rubin's rules
#
# The pooled estimate is easy: it is the mean of the ten estimates. Its standard error has two parts.
#
# - Each fit has a standard error of its own, because schools and students are a sample. The mean of their
#   *squares* is the variance **within**, $W$.
# - The ten estimates differ, because nobody knows the scores exactly. Their variance is the variance
#   **between**, $B$.
#
# Together, with $m$ plausible values: $T = W + (1 + 1/m)\,B$. These are [Rubin's
# rules](glossary.ipynb#Rubin's-rules) (Rubin 1987, doi
# [10.1002/9780470316696](https://doi.org/10.1002/9780470316696)). The $1/m$ is the price of taking ten draws
# and not infinitely many.

# %% tags=["workshop"]
ten = [mixedlm(one + predictors, assessment).fit() for one in scores]
slopes_of_escs = pd.DataFrame(
    {
        "estimate": [fit.fe_params["ESCS"] for fit in ten],
        "std_error": [fit.bse_fe["ESCS"] for fit in ten],
    },
    index=scores,
)
slopes_of_escs.round(2)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 13.3.** Pool them by hand: what is the standard error of the slope of ESCS, to two decimals?
# (`slopes_of_escs.var()` divides by nine, as it should.)

# %% tags=["workshop", "exercise", "solution"]
within = (slopes_of_escs["std_error"] ** 2).mean()  #!
between = slopes_of_escs["estimate"].var()  #!
pooled_error = np.sqrt(within + (1 + 1 / 10) * between)  #!
check("13.3", pooled_error)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Variances add up, standard errors do not: square them, add, and take the root at the end.

# %% [markdown] tags=["workshop"]
# And now in one line. The star stands for whatever is between `PV` and `MATH`, and the model is fitted to
# every column that matches:

# %% tags=["workshop"]
pooled = mixedlm("PV*MATH" + predictors, assessment).fit()
pooled.summary()

# %% [markdown] tags=["workshop"]
# Look at the last column. [fmi](glossary.ipynb#fraction-of-missing-information), the fraction of missing
# information, says how much of the information about an estimate is lost because the scores are uncertain. It
# is not the same for every effect. The degrees of freedom have come down with it, because what is estimated
# from ten draws is known a little less well.
#
# The notes count who is missing, and why.
#
# <details>
# <summary>In R</summary>
#
# ```r
# library(lme4); library(mitml)
# fits <- lapply(1:10, function(i) lmer(reformulate(
#   "ESCS + ST004D01T + GRADE + (1 | SCHOOLID)", paste0("PV", i, "MATH")), assessment))
# testEstimates(fits)
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ## Which weights?
#
# The students were not all drawn from one hat. First schools were drawn, and then students within them. Large
# schools had a better chance of being drawn, and so had schools of small strata. The smaller the chance of a
# student was, the more other students this one stands for. That number is the
# [sampling weight](glossary.ipynb#sampling-weight). A student with a weight of 60 stands for sixty.
#
# Does it matter? Only where the chance of being drawn is related to the score, given the predictors. Here it
# is: good schools were more willing to take part. The file does not tell you that. You find out by comparing.

# %% tags=["workshop"]
final = assessment["W_FSTUWT"]
print(
    f"a student stands for {final.min():.0f} to {final.max():.0f}, all together for {final.sum():,.0f}"
)
by_hand = pd.Series(
    {
        "as they come": assessment[scores].mean().mean(),
        "true scores, as they come": assessment["TRUE_SCORE"].mean(),
    },
    name="mean score",
)
by_hand.round(1)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 13.4.** What is the mean score of the country, to one decimal? Take the weights of the students,
# and all ten plausible values. (`np.average` has an argument `weights`.)

# %% tags=["workshop", "exercise", "solution"]
country_mean = np.mean([np.average(assessment[one], weights=final) for one in scores])  #!
check("13.4", country_mean)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* First ten weighted means, then their average. It lies well below the plain mean, because the sample
# has too many students of good schools, and their weights are small.

# %% [markdown] tags=["workshop"]
# For a mean, the student's final weight is all you need. A model with schools needs **two** kinds of weights:
# how many schools a school stands for, and how many students of *their own school* a student stands for. The
# file has the first, `W_SCHGRNRABWT`, and the product of both, `W_FSTUWT`. Say which is which:

# %% tags=["workshop"]
weights = {"student": "W_FSTUWT", "SCHOOLID": "W_SCHGRNRABWT"}
weighted = mixedlm("PV*MATH" + predictors, assessment, weights=weights).fit()
weighted.summary()

# %% [markdown] tags=["workshop"]
# `mixedlm` divides one by the other, as the notes say. The standard errors come from how much the schools
# really differ, whatever the model assumes. And this is not a likelihood in the usual sense, so there are no
# likelihood-ratio tests. What happened to the estimates?

# %% tags=["workshop"]
pd.DataFrame(
    {
        "truth": simulation.truth.fixed_effects,
        "without weights": pooled.fe_params,
        "standard error without": pooled.bse_fe,
        "with weights": weighted.fe_params,
        "standard error with": weighted.bse_fe,
    }
).loc[pooled.fe_params.index].round(1).T

# %% [markdown] tags=["workshop"]
# The slopes hardly move. The intercept does: it is the expected score of a girl of average background, and in
# a sample with too many good schools it is too high. Weights bring it down, though not all the way yet, and
# they cost precision.
#
# **Sampling weights are not the weights of other programs.** `weights="w"`, a name alone, is what `lm` and
# `lmer` mean: a row with a weight of 4 is a mean of four measurements and has a quarter of the variance. A
# sampling weight of 4 says that three others like this student were not drawn. The two give different
# answers.
#
# <details>
# <summary>In R</summary>
#
# ```r
# library(WeMix)
# mix(PV1MATH ~ ESCS + ST004D01T + GRADE + (1 | SCHOOLID), assessment,
#     weights = c("W_FSTUWT", "W_SCHGRNRABWT"))
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ## Replicate weights
#
# Then there are eighty columns `W_FSTURWT1` to `W_FSTURWT80`. They are
# [replicate weights](glossary.ipynb#replicate-weight). Each of them is the sample once more, with half of the
# schools weighing more and the other half less. Compute your number with each of the eighty. How much
# it moves says how exact it is, whatever the number, and without any model. (It is usual to do this with the
# first plausible value only, to save time.)

# %% tags=["workshop"]
replicates = [f"W_FSTURWT{r}" for r in range(1, 81)]


def share_below(score, weight):
    return np.average(assessment[score] < 420, weights=assessment[weight])


shares = np.array([share_below(one, "W_FSTUWT") for one in scores])
moved = [share_below("PV1MATH", weight) - shares[0] for weight in replicates]
sampling = np.mean(np.square(moved)) / (1 - 0.5) ** 2  # Fay's factor is 0.5 in PISA
error = np.sqrt(sampling + (1 + 1 / 10) * shares.var(ddof=1))
print(
    f"below 420 points: {100 * shares.mean():.1f} % of the students, standard error {100 * error:.1f}"
)

# %% [markdown] tags=["workshop"]
# The variance within comes from the replicates, the variance between from the plausible values, and
# Rubin's rules add them. Compare the share with your answer to 13.2: without weights, too few students were
# below 420. For a model, `mixedlm(..., weights=weights, replicate_weights="W_FSTURWT*")` does the same
# with every coefficient.

# %% [markdown] tags=["workshop"]
# ## What the reviewer asks for
#
# "Please report adjusted means for the number of books at home." A reviewer wants to see points, not
# coefficients of dummies. `means` gives the score of each level, with everything else at its average.

# %% tags=["workshop"]
with_books = mixedlm("PV*MATH" + predictors.replace("ESCS", "ST013Q01TA"), assessment).fit()
adjusted = means(with_books, "ST013Q01TA")
adjusted.round(1)

# %% tags=["workshop"]
ax = plots.means(with_books, "ST013Q01TA")
plots.show(ax)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 13.5.** Your turn. By how many points is a student with more than 500 books at home ahead of one
# with at most ten, of the same sex and grade? To one decimal. (`contrasts(with_books, "ST013Q01TA",
# kind="reference")` has all levels against the first.)

# %% tags=["workshop", "exercise", "solution"]
against_first = contrasts(with_books, "ST013Q01TA", kind="reference")  #!
most_books = against_first["estimate"].iloc[-1]  #!
check("13.5", most_books)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The last level against the first. The table has its interval, and p-values that are adjusted for
# five comparisons (Holm's method, unless you ask for another).

# %% [markdown] tags=["workshop"]
# Every such table needs a warning: students with many books differ from others in more than their books.
# Nobody gains these points by having 500 volumes delivered.

# %% [markdown] tags=["workshop"]
# ## Missing questionnaires
#
# One student in seven has no ESCS, and the fits so far left them out, with a note. Is that harmless?
# It would be if they were like the others.

# %% tags=["workshop"]
missing = assessment["ESCS"].isna()
tenth = pd.qcut(assessment["PV1MATH"], 10, labels=range(1, 11))
rate = 100 * missing.groupby(tenth, observed=True).mean()
fig, ax = plt.subplots(figsize=(7.2, 3.2), layout="constrained")
ax.bar(rate.index.astype(int), rate, color=plots.PALE, edgecolor=plots.INK)
ax.set(xlabel="tenth of the students by PV1MATH, lowest first", ylabel="without ESCS (%)")
ax.set_xticks(range(1, 11))
sns.despine()
plots.show(
    ax,
    alt="Bars of the share of students without ESCS in each tenth by score. In the lowest tenth it is "
    f"{rate.iloc[0]:.0f} %, in the fifth {rate.iloc[4]:.0f} %, in the highest {rate.iloc[-1]:.0f} %.",
)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 13.6.** How many points lower is the mean of `PV1MATH` of students without ESCS, compared with
# the others? To the nearest point.

# %% tags=["workshop", "exercise", "solution"]
by_missing = assessment.groupby(missing)["PV1MATH"].mean()  #!
gap = by_missing[False] - by_missing[True]  #!
check("13.6", gap)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* It is the difference of two means, and most of an SD. An analysis without these students describes a
# different country.

# %% [markdown] tags=["workshop"]
# They are not like the others. Weak students are missing more often, so those who are left are too good: one
# more reason why the intercept was too high. (As long as what is missing depends only on what the model
# knows, missing *responses* do no harm, as lesson 08 said. Here a *predictor* is missing, and that depends on
# the response.)
#
# To fill a gap with the mean of the others would be wrong, for the reason that you know by now: guesses do
# not spread as values do. So we *draw*, as the assessment drew the scores. This is
# [multiple imputation](glossary.ipynb#multiple-imputation):
#
# 1. Among those who have an ESCS, regress it on everything that the analysis uses, **the score included**,
#    and on the school's means of score and ESCS.
# 2. Draw the coefficients and the residual SD from what they might be, given how exactly they are known.
# 3. Give everybody without an ESCS the predicted value plus a random residual.
#
# We make one such table for each plausible value. That carries both kinds of uncertainty through to the end.

# %% tags=["workshop"]


def impute(table, score, rng):
    """The table with one score, called MATH, and with drawn values where ESCS is missing."""
    of_school = table.groupby("SCHOOLID")[[score, "ESCS"]].transform("mean")
    known = table["ESCS"].notna().to_numpy()
    X = np.column_stack(
        [np.ones(len(table)), table[score], table["ST004D01T"] == "Male", table["GRADE"], of_school]
    ).astype(float)
    y = table.loc[known, "ESCS"]
    coefficients = np.linalg.lstsq(X[known], y, rcond=None)[0]
    left_over = y - X[known] @ coefficients
    variance = (left_over**2).sum() / rng.chisquare(len(y) - X.shape[1])
    spread = variance * np.linalg.inv(X[known].T @ X[known])
    drawn = X @ rng.multivariate_normal(coefficients, spread)
    drawn += rng.normal(0, np.sqrt(variance), len(table))
    return table.assign(MATH=table[score], ESCS=table["ESCS"].where(known, drawn))


rng = np.random.default_rng(13)
imputed = [impute(assessment, one, rng) for one in scores]
filled = pool([mixedlm("MATH" + predictors, table).fit() for table in imputed])
print(f"rows: {pooled.nobs:,} of complete students, {filled.nobs:,} with imputation")
pd.DataFrame(
    {
        "complete": pooled.fixed_effects["fmi"],
        "imputed": filled.fixed_effects["fmi"],
    }
).round(2).rename_axis("fmi")

# %% [markdown] tags=["workshop"]
# `pool` takes fits to tables that differ in more than the response. Nobody is left out any more, and the fmi
# of ESCS now counts what is lost by uncertain scores *and* by missing questionnaires.
#
# Real studies impute several columns together, in turn, each from all others; packages such as
# statsmodels' `MICEData` do that. What must go in stays the same: everything that the analysis uses, the
# response included, and something about the schools.
#
# At last, weights and imputation together, and all four answers beside the truth:

# %% tags=["workshop"]
both = pool([mixedlm("MATH" + predictors, table, weights=weights).fit() for table in imputed])
answers = {"as it comes": pooled, "weights": weighted, "imputation": filled, "both": both}
columns = ["estimate", "std_error", "lower", "upper"]
intercepts, escs = (
    pd.DataFrame({name: fit.fixed_effects.loc[effect, columns] for name, fit in answers.items()}).T
    for effect in ("Intercept", "ESCS")
)
pd.concat({"Intercept": intercepts, "ESCS": escs}, axis=1).round(1)

# %% tags=["workshop"]
true = simulation.truth.fixed_effects
fig, axes = plt.subplots(1, 2, figsize=(9.4, 3.0), sharey=True, layout="constrained")
for ax, (name, found) in zip(axes, {"Intercept": intercepts, "ESCS": escs}.items(), strict=True):
    ax.hlines(found.index, found["lower"], found["upper"], color=plots.BLUE, linewidth=2.2)
    ax.plot(found["estimate"], found.index, "o", color=plots.BLUE, mec=plots.INK)
    ax.axvline(true[name], color=plots.INK, linestyle="--", linewidth=1.2)
    ax.set(title=name, xlabel="points, with 95 % interval")
axes[0].invert_yaxis()
sns.despine()
low = intercepts.loc["both", "lower"]
plots.show(
    axes,
    alt="Intercept and slope of ESCS from four analyses, with intervals, and a dashed line at the truth. "
    f"The intercept falls from {intercepts['estimate'].iloc[0]:.0f} over "
    f"{intercepts['estimate'].iloc[1]:.0f} with weights to {intercepts['estimate'].iloc[-1]:.0f} with "
    f"weights and imputation; the truth, {true['Intercept']:.0f}, lies "
    f"{'inside' if low < true['Intercept'] else 'below'} the last interval. All four slopes lie within "
    f"{(escs['estimate'] - true['ESCS']).abs().max():.1f} points of theirs.",
)

# %% [markdown] tags=["workshop"]
# Two choices that nobody sees in a table of coefficients moved the intercept by twenty points. The slope
# survived both of them. This is worth a sentence in the paper: some results depend on how the sample was
# drawn and on who did not answer, and others do not.

# %% [markdown] tags=["workshop"]
# ## The paragraph for the paper
#
# `report` writes down what a fit knows. It has the titles of the columns from the file.

# %% tags=["workshop"]
import textwrap

print(textwrap.fill(report(both), 95))

# %% [markdown] tags=["workshop"]
# What it cannot know is how the data came about. That is yours to write:

# %% tags=["workshop"]
escs_row, sex_row = both.fixed_effects.loc["ESCS"], both.fixed_effects.loc["ST004D01T[T.Male]"]
school_sd = both.variance_components.loc[0, "sdcor"]
kept = pooled.fe_params["ESCS"]
moved_by = intercepts["estimate"].iloc[0] - intercepts["estimate"].iloc[-1]
paragraph = f"""We analysed the mathematics scores of {len(assessment):,} students in
{assessment["SCHOOLID"].nunique()} schools. Ten plausible values were analysed one by one, and the
results combined by Rubin's rules. {missing.sum()} students, more often weak than strong ones, had no
index of social status (ESCS). It was imputed ten times, once with each plausible value, from score,
sex, grade and the school's means of score and ESCS. Linear mixed models with random intercepts of
schools were fitted by pseudo-maximum likelihood, with the sampling weights of schools and of students
within schools. One unit of ESCS went with {escs_row["estimate"]:.1f} points
(95 % CI {escs_row["lower"]:.1f} to {escs_row["upper"]:.1f}) among students of equal sex and grade. Boys
scored {sex_row["estimate"]:.1f} points more than girls of equal background
(95 % CI {sex_row["lower"]:.1f} to {sex_row["upper"]:.1f}). Schools differed with an SD of
{school_sd:.0f} points. Without weights and imputation the slope of ESCS was {kept:.1f}. These two moved the
mean level by {moved_by:.0f} points, so it should not be taken from an analysis without them. The data are
observational: the slope does not say what would happen if a student's background changed."""
print(textwrap.fill(" ".join(paragraph.split()), 95))

# %% [markdown] tags=["workshop"]
# ## Quiz
#
# Answer with one letter, in quotes.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 13.7.** A colleague averages the ten plausible values of each student and fits one model. What
# goes wrong?
#
# - a) the coefficients are too small
# - b) students come out too much alike: SDs, standard errors and shares beyond a limit are off
# - c) nothing, as long as there are ten of them

# %% tags=["workshop", "exercise", "solution"]
averages_first = "b"  #!
check("13.7", averages_first)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 13.8.** Which weights belong in a model with students in schools?
#
# - a) the final weight of the student, for each row
# - b) none, since the random intercept of the school takes care of that
# - c) those of the schools, and those of the students within their school

# %% tags=["workshop", "exercise", "solution"]
which_weights = "c"  #!
check("13.8", which_weights)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 13.9.** You impute ESCS. A colleague tells you to leave the score out of the imputation, "because
# it is the response". What do you do?
#
# - a) keep it in: without it, the drawn values are unrelated to the score, and the slope comes out too flat
# - b) leave it out: with it, the analysis would be circular
# - c) it makes no difference

# %% tags=["workshop", "exercise", "solution"]
score_in_imputation = "a"  #!
check("13.9", score_in_imputation)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 13.10.** In a pooled table, an effect has an fmi of 0.30. What does that say?
#
# - a) 30 % of the students have a missing value
# - b) the effect is 30 % too small
# - c) 30 % of what complete data would tell about this effect is not known

# %% tags=["workshop", "exercise", "solution"]
meaning_of_fmi = "c"  #!
check("13.10", meaning_of_fmi)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* 13.7: a mean of draws spreads less than the scores do. 13.8: there is one weight for each stage of
# sampling. 13.9: values drawn without the score are unrelated to it, and pull the slope towards 0. It is not
# circular, since the draws add no information. 13.10: fmi is about one effect, and has no simple relation to
# the number of gaps.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - Before you fit anything, look at what the program that read the file made of labels and codes.
# - Plausible values are draws. Compute everything once for each, then average the results, never the values.
# - Rubin's rules: the variance within plus a little more than the variance between.
# - Use the weights of each stage of sampling where the chance of being drawn may be related to the score.
#   They are not prior weights.
# - Those who do not answer are seldom like the others. Impute with the response and with the schools.
# - Say in the paper which results depend on these choices, and which do not.
#
# **What comes next:** [your own data](bring-your-own-data.ipynb), in whatever file they are. The
# [solutions](solutions/13-national-assessment.ipynb) of this lesson explain each answer.
