# %% [markdown] tags=["workshop"]
# # Capstone
#
# After this lesson you will be able to
#
# - take a study from a question to a written report, in an order that keeps you honest;
# - look at data whose groups are very unequal, and say what the smallest of them contribute;
# - see what a linear model gets wrong where the response has six values, a floor and a ceiling;
# - tell slopes that vary between schools from a curve that all schools share;
# - say what a ranking of schools can bear, and which results survive another choice of data or scale.
#
# **Time:** 120 minutes on your own; not part of the one-day workshop.
#
# **Before:** lessons [01](01-why-groups-matter.ipynb) to [08](08-when-the-fit-complains.ipynb). You can
# fit models with several levels, let slopes vary, compare and check them.
#
# **Data:** `chem97`: the A-level chemistry results of 1997 in England and Wales. They are real, so
# there is no truth to look up at the end.

# %% [markdown] tags=["workshop"]
# ## The question first
#
# At 16, pupils in England and Wales sit their GCSE examinations. Some stay at school for two more years
# and sit A levels. We look at those who took A-level chemistry in 1997.
#
# Before we open the file, we write down what we want to know.
#
# 1. How much do schools differ, once we account for what their candidates brought with them?
# 2. Does it matter as much everywhere what a candidate brought? In other words: does the slope of GCSE
#    differ between schools?
# 3. Women and men with equal GCSE results may do differently well. Does this gap differ between
#    schools?
#
# And we write down the plan. Fixed effects: the GCSE result, gender and age. Random intercepts: for
# schools and for the authorities that run them, because that is how the data are grouped. Random
# slopes: of GCSE and of gender by school, because questions 2 and 3 ask for them.
#
# Why now? A plan made after the data were seen answers the question that the data happened to suggest.
# We may have to leave the plan. Then the report says where, and why.

# %% [markdown] tags=["workshop"]
# ## Look at the data

# %% tags=["workshop"]
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from course import between_within, check, compare, confint, icc, load, mixedlm, plots, translate
from course.plots.page import STYLE

plt.rcParams.update(STYLE)  # the style of the course's pictures

candidates = load("chem97")
candidates.head()

# %% [markdown] tags=["workshop"]
# One row is one candidate.
#
# - `score`: the points of the A-level grade, from 0 (failed) to 10 (grade A);
# - `gcsescore`: the mean of the candidate's GCSE points, 0 to 8. `gcsecnt` is the same, centred: 0 is
#   the average candidate;
# - `gender`: F or M; `age`: in months, counted from eighteen and a half years;
# - `school`, and `lea`, the local education authority.

# %% tags=["workshop"]
print(f"rows            {len(candidates):>7,}")
print(f"candidates      {candidates['student'].nunique():>7,}")
print(f"missing values  {candidates.isna().sum().sum():>7,}")
candidates[["score", "gcsescore", "age"]].describe().loc[
    ["mean", "std", "min", "50%", "max"]
].round(2)

# %% [markdown] tags=["workshop"]
# Every candidate has one row, and nothing is missing. That is rare. It may also mean that somebody
# removed the incomplete rows before we got the file. Numbers hide the shape, so we draw it.

# %% tags=["workshop"]
share = 100 * candidates["score"].value_counts(normalize=True).sort_index()
skew = candidates["gcsescore"].skew()
fig, axes = plt.subplots(1, 2, figsize=(9.6, 3.6), layout="constrained")
bars = axes[0].bar(share.index, share, width=1.5, color=plots.PALE, edgecolor=plots.INK)
for end in (bars[0], bars[-1]):
    end.set(facecolor=plots.ORANGE, hatch="///")
axes[0].set(xlabel="score (points)", ylabel="candidates (%)", xticks=share.index)
axes[1].hist(candidates["gcsescore"], np.arange(0, 8.01, 0.25), color=plots.BLUE, ec="white")
axes[1].set(xlabel="gcsescore (mean GCSE points)", ylabel="candidates")
sns.despine()
plots.show(
    axes,
    alt=f"Left, bars of the six scores: {share[0]:.0f} % of the candidates have 0 points, "
    f"{share[10]:.0f} % have 10; these two bars are hatched. Right, a histogram of gcsescore, with its "
    f"top near {candidates['gcsescore'].median():.1f} and a long tail to the left: skewness {skew:.2f}, "
    f"lowest value {candidates['gcsescore'].min():.0f}.",
)

# %% [markdown] tags=["workshop"]
# Two things are awkward.
#
# **The response has six values, with a floor and a ceiling.** The hatched bars are the ends. Whoever
# could have done still better than an A has 10 points all the same. A linear model knows neither steps
# nor ends. We use it as an approximation, and we shall have to look at what it gets wrong.
#
# **The predictor is skewed.** A few candidates come with very low GCSE results. That is allowed: no
# model here says anything about the distribution of a predictor. But few candidates in a long tail can
# pull at a slope.

# %% [markdown] tags=["workshop"]
# ## How the groups lie
#
# Is every school in one authority? And how large are the schools?

# %% tags=["workshop"]
authorities = candidates.groupby("school")["lea"].nunique()
size = candidates["school"].value_counts()
print(f"authorities                      {candidates['lea'].nunique():>6,}")
print(f"schools                          {len(size):>6,}")
print(f"schools in more than one         {(authorities > 1).sum():>6,}")
print(f"candidates per school, median    {size.median():>6.0f}")
print(f"candidates per school, largest   {size.max():>6.0f}")

# %% [markdown] tags=["workshop"]
# Schools are [nested](glossary.ipynb#nested) in authorities, and their labels are unique. So
# `(1|school) + (1|lea)` says the right thing. The two levels are no surprise. Two other numbers are.
#
# The help page that came with the file speaks of 2,280 schools. The file has more. We cannot find out
# who is right. We use the labels in the file, and say so in the report.
#
# And most schools are small. Look at the median, beside the largest.

# %% tags=["workshop"]
edges = [1, 2, 5, 10, 20, 50, size.max() + 1]
names = ["1", "2–4", "5–9", "10–19", "20–49", "50 or more"]
classes = pd.cut(size, edges, right=False, labels=names)
by_size = pd.DataFrame(
    {
        "schools": size.groupby(classes, observed=True).size() / len(size),
        "candidates": size.groupby(classes, observed=True).sum() / len(candidates),
    }
)
ax = (100 * by_size).plot.bar(
    figsize=(7.6, 3.8), color=[plots.PALE, plots.BLUE], edgecolor=plots.INK, width=0.8, rot=0
)
ax.set(xlabel="candidates in the school", ylabel="share (%)")
ax.legend(["of all schools", "of all candidates"])
sns.despine()
small = by_size.loc[["1", "2–4"]].sum()
plots.show(
    ax,
    alt="Two bars for each size of school. Schools with fewer than five candidates are "
    f"{100 * small['schools']:.0f} % of all schools and have {100 * small['candidates']:.0f} % of all "
    f"candidates; those with 50 or more are {100 * by_size['schools'].iloc[-1]:.0f} % of the schools and "
    f"have {100 * by_size['candidates'].iloc[-1]:.0f} % of the candidates.",
)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 11.1.** How many schools have exactly one candidate?

# %% tags=["workshop", "exercise", "solution"]
single = (size == 1).sum()  #!
check("11.1", single)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* `value_counts` has one row for each school, and its values are numbers of candidates.

# %% [markdown] tags=["workshop"]
# What does a school with one candidate contribute? Not nothing. The candidate helps to estimate the fixed
# effects. But with a single score nobody can tell a good school from a good candidate, so about how
# schools differ it says next to nothing. There is no need to drop it: [partial
# pooling](glossary.ipynb#partial-pooling) gives it the little weight that it deserves.

# %% [markdown] tags=["workshop"]
# ## A first fit, in plain statsmodels
#
# We begin small: the authority with the most candidates, and its schools.

# %% tags=["workshop"]
largest = candidates["lea"].value_counts().index[0]
one_lea = candidates[candidates["lea"] == largest]
translation = translate("score ~ gcsecnt + gender + age + (1|school)", one_lea)
print("rows:      ", len(one_lea))
print("formula:   ", translation.fixed_formula)
print("groups:    ", translation.groups)
print("re_formula:", translation.re_formula)

# %% tags=["workshop"]
import statsmodels.formula.api as smf

model = smf.mixedlm(
    "score ~ gcsecnt + gender + age",
    one_lea,
    groups="school",
    re_formula="1",
)
result = model.fit()

# %% tags=["workshop"]
fit = mixedlm("score ~ gcsecnt + gender + age + (1|school)", one_lea).fit()
pd.DataFrame(
    {
        "statsmodels": [result.cov_re.iloc[0, 0], result.scale, result.llf],
        "mixedlm": [fit.variance_components.loc[0, "vcov"], fit.scale, fit.llf],
    },
    index=["variance of schools", "residual variance", "log-likelihood"],
).round(2)

# %% [markdown] tags=["workshop"]
# The same optimum. Why not all the authorities at once? There are two reasons.
#
# For each authority, statsmodels writes down the matrix $Z$ of its schools in full, a row for every
# candidate and a column for every school. Nearly all of it is zeros:

# %% tags=["workshop"]
per_lea = candidates.groupby("lea").agg(rows=("student", "size"), schools=("school", "nunique"))
cells = (per_lea["rows"] * per_lea["schools"]).sum()
print(f"cells of Z, over all authorities   {cells:>9,}")
print(f"cells that are not 0               {len(candidates):>9,}")

# %% [markdown] tags=["workshop"]
# It works, and carries all these zeros along in every step of its search. And the plan cannot be said
# to it at all:

# %% tags=["workshop"]
plan = "score ~ gcsecnt + gender + age + (gcsecnt + gender|school) + (1|lea)"
print("statsmodels has this very model:", translate(plan, candidates).exact)

# %% [markdown] tags=["workshop"]
# Correlated slopes of schools *inside* authorities are not in its vocabulary
# ([lesson 05](05-covariance-structures.ipynb)). So from here on `mixedlm`, with all the candidates.
# `check()` still gives the optimum to statsmodels for a second opinion.

# %% tags=["workshop"]
intercepts = mixedlm("score ~ gcsecnt + gender + age + (1|school) + (1|lea)", candidates).fit()
print("both solvers agree:", intercepts.check().agree)

# %% [markdown] tags=["workshop"]
# <details>
# <summary>In R</summary>
#
# ```r
# library(lmerTest)
# data("Chem97", package = "mlmRev")
# lmer(score ~ gcsecnt + gender + age + (1 | school) + (1 | lea), data = Chem97)
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ## Before any predictor
#
# Question 1 asks how much schools differ *once intake is accounted for*. So we first need to know how
# much they differ before.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 11.2.** Your turn. Fit the model without predictors, with schools and authorities, to all
# candidates. How alike are two candidates of the same school? As a number between 0 and 1, to two
# decimals. (Try it before you read on.)

# %% tags=["workshop", "exercise", "solution"]
empty = mixedlm("score ~ 1 + (1|school) + (1|lea)", candidates).fit()  #!
alike = icc(empty, groups="school")["icc"]  #!
check("11.2", alike)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Two candidates of one school share the school and also the authority. Both variances are in the
# numerator. The column `share` has the school's part alone.

# %% [markdown] tags=["workshop"]
# Here is that fit beside the one with predictors.

# %% tags=["workshop"]
null = mixedlm("score ~ 1 + (1|school) + (1|lea)", candidates).fit()
variances = pd.DataFrame(
    {
        "no predictors": null.variance_components.set_index("group")["vcov"],
        "with intake": intercepts.variance_components.set_index("group")["vcov"],
    }
)
variances["share gone"] = 1 - variances["with intake"] / variances["no predictors"]
variances.round(2)

# %% tags=["workshop"]
looks = {"lea": (plots.INK, ""), "school": (plots.ORANGE, "///"), "Residual": (plots.PALE, "")}
fig, ax = plt.subplots(figsize=(7.6, 2.6), layout="constrained")
left = np.zeros(2)
for level, (colour, hatch) in looks.items():
    width = variances.loc[level, ["no predictors", "with intake"]].to_numpy()
    ax.barh([1, 0], width, left=left, color=colour, hatch=hatch, edgecolor=plots.INK, label=level)
    left += width
ax.set_yticks([1, 0], ["no predictors", "with intake"])
ax.set_xlabel("variance (points squared)")
ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
sns.despine()
plots.show(
    ax,
    alt="Two bars of variance, each divided by level. Without predictors: "
    + ", ".join(f"{level} {value:.2f}" for level, value in variances["no predictors"].items())
    + ". With GCSE, gender and age: "
    + ", ".join(f"{level} {value:.2f}" for level, value in variances["with intake"].items())
    + ".",
)

# %% [markdown] tags=["workshop"]
# The upper bar belongs to the newspapers: schools differ a lot. More than half of that variance between
# schools goes with what their candidates brought. What is left is the answer to question 1, in its
# first version. Authorities hardly differ at all.
#
# An authority stays in the model nonetheless. It is part of how the data are grouped, we planned it,
# and it costs one parameter.

# %% [markdown] tags=["workshop"]
# ## Fixed effects

# %% tags=["workshop"]
intercepts.fixed_effects[["estimate", "std_error", "df", "lower", "upper"]].round(3)

# %% [markdown] tags=["workshop"]
# - `gcsecnt`: a candidate with one more GCSE point on average, in the same school, is so many points
#   ahead.
# - `age`: one month older, equal otherwise, and a little behind.
# - `gender[T.M]`: men against women *with equal GCSE results*. Look at the raw means:

# %% tags=["workshop"]
candidates.groupby("gender")[["score", "gcsescore"]].mean().round(2)

# %% [markdown] tags=["workshop"]
# Women have the higher mean, and yet the coefficient says that men are ahead. Both are true. Women came
# with better GCSE results. Compared with men *who had the same* results, they are behind. The first is
# a comparison of all women with all men, the second of equals. A report must say which one it means.
#
# Is the slope of GCSE the same within schools and between them ([lesson 06](06-interpretation.ipynb))?

# %% tags=["workshop"]
both = between_within(intercepts)
columns = ["predictor", "group", "within", "between", "difference", "lower", "upper"]
both.loc[both["group"] == "school", columns].round(2)

# %% [markdown] tags=["workshop"]
# For `gender` and `age` the intervals of the difference include 0. For GCSE there is a small
# [contextual effect](glossary.ipynb#contextual-effect): of two candidates with equal GCSE results, the
# one among better classmates did a little better. We put the mean of the school into the model, so that
# `gcsecnt` is the slope within schools.
#
# "Classmates" means the candidates in chemistry. And in a small school this mean is a mean of few; in a
# school of one it is the candidate.

# %% tags=["workshop"]
candidates["gcse_school"] = candidates.groupby("school")["gcsecnt"].transform("mean")
fixed = "score ~ gcsecnt + gender + age + gcse_school"
same_slopes = mixedlm(fixed + " + (1|school) + (1|lea)", candidates).fit()

# %% [markdown] tags=["workshop"]
# ## Slopes that vary
#
# Now questions 2 and 3, as planned.

# %% tags=["workshop"]
planned = mixedlm(fixed + " + (gcsecnt + gender|school) + (1|lea)", candidates).fit()
planned.variance_components.round(2)

# %% [markdown] tags=["workshop"]
# The column `sdcor` has an SD for the slope of GCSE, in points per GCSE point, and one for the gap
# between men and women, in points. The correlation of intercept and slope is clearly negative. In
# schools that do well with the average candidate, GCSE seems to matter less.

# %% tags=["workshop"]
ax = plots.intercept_slope(planned, "school", "gcsecnt", unit="points")
plots.show(ax)

# %% [markdown] tags=["workshop"]
# Before we believe it: what do schools know of these slopes? In a school with only women, or only men,
# there is no gap to see.

# %% tags=["workshop"]
genders = candidates.groupby("school")["gender"].nunique()
print(f"schools with candidates of one gender only: {(genders == 1).sum()} of {len(genders):,}")

# %% [markdown] tags=["workshop"]
# They stay in the model, too, as the schools with one candidate do. The gap is learnt from the other
# schools.

# %% [markdown] tags=["workshop"]
# ## Which random part?
#
# The plan says: both slopes, correlated. Do the data support it? All fits have the same fixed part, so
# their REML likelihoods can be compared ([lesson 07](07-inference.ipynb)).

# %% tags=["workshop"]
gcse_slopes = mixedlm(fixed + " + (gcsecnt|school) + (1|lea)", candidates).fit()
table = compare(same_slopes, gcse_slopes, planned)
shown = table[["n_params", "llf", "AIC", "chi2", "df", "reference"]].round(1)
shown.set_axis(["same slopes", "slope of GCSE", "slope of GCSE and gap"]).T.fillna("")

# %% [markdown] tags=["workshop"]
# The row `reference` names the mixture that the statistic is held against, since a variance cannot be
# negative. Statistics like these, for two or three more parameters, leave no doubt. But with so many
# candidates *almost everything* can be told from 0. From here on it counts how large an effect is, and
# whether the model is right.
#
# What about the authorities?

# %% tags=["workshop"]
no_lea = mixedlm(fixed + " + (gcsecnt + gender|school)", candidates).fit()
test = compare(no_lea, planned).iloc[-1]
print(f"chi2 {test['chi2']:.2f}, p {test['p_value']:.2f}, held against {test['reference']}")

# %% [markdown] tags=["workshop"]
# No sign of a difference between authorities. The plan keeps them. A test that finds nothing does not
# show that there is nothing; below we ask how large the variance may be.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 11.3.** Your turn with other data. Patients lie in wards of hospitals; every ward has a
# label of its own. The columns are `pain`, `dose`, `sex`, `ward` and `hospital`. The questions: does
# the effect of the dose differ between wards, and does the gap between the sexes? Hospitals are part of
# the design, as authorities were here. Write the formula.

# %% tags=["workshop", "exercise", "solution"]
pain_formula = "pain ~ dose + sex + (dose + sex|ward) + (1|hospital)"  #!
check("11.3", pain_formula)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* What differs stands left of the bar, and the wards, between which it differs, right of it. The
# average effect of the dose and the average gap are fixed effects: without them the random slopes would
# scatter around 0. The hospitals get an intercept of their own.

# %% [markdown] tags=["workshop"]
# ## What the straight line gets wrong
#
# A fit is not finished when it has converged. Residuals against fitted values, for the authority that
# we started with, so that single candidates can be seen:

# %% tags=["workshop"]
here = candidates["lea"] == largest
fig, ax = plt.subplots(figsize=(7.2, 4.4), layout="constrained")
x = np.array([-2.0, 12.0])
for score in share.index:
    ax.plot(x, score - x, color=plots.PALE, lw=1, zorder=1)
ax.scatter(
    planned.fittedvalues[here], planned.resid[here], s=12, fc="none", ec=plots.BLUE, zorder=2
)
ax.axvline(10, color=plots.ORANGE, ls="--", lw=2)
ax.axhline(0, color=plots.INK, lw=1)
ax.annotate("ceiling ", (10, -6.2), ha="right", color=plots.INK)
ax.set(xlabel="fitted score (points)", ylabel="residual (points)", xlim=(-2, 12), ylim=(-7, 7))
sns.despine()
above = (planned.fittedvalues[here] > 10).sum()
plots.show(
    ax,
    alt=f"Residuals of {here.sum()} candidates against fitted values. They lie on {len(share)} slanted, "
    "parallel stripes, one for each score. "
    f"{above} rings lie right of the dashed line at a fitted score of 10.",
)

# %% [markdown] tags=["workshop"]
# **The stripes** are the six values. A residual is score minus fitted value, and with a score of 10,
# say, that leaves one slanted line. Stripes look odd and do little harm.
#
# **Their ends** do more harm. Near the ceiling residuals can only be small or negative, so the spread
# is not the same everywhere. And some fitted values lie where no score can be.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 11.4.** How many of all candidates have a fitted value above 10, in the fit `planned`?

# %% tags=["workshop", "exercise", "solution"]
above_ten = (planned.fittedvalues > 10).sum()  #!
check("11.4", above_ten)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* `fittedvalues` holds the fixed part plus the effects of the school and the authority. It is a
# small share of all candidates, and a share that a model which knew the ceiling would not have.

# %% [markdown] tags=["workshop"]
# `diagnose` looks for more ([lesson 08](08-when-the-fit-complains.ipynb)). Leaving out groups comes
# later, so it gets no time for that.

# %% tags=["workshop"]
from course import diagnose

for finding in diagnose(planned, solvers=False, seconds=0):
    print(f"{finding.title} ({finding.severity})")
    print(textwrap.fill(finding.seen, 92, initial_indent="  ", subsequent_indent="  "))

# %% [markdown] tags=["workshop"]
# Unequal spread has many causes. One of them can be seen at once: take the mean of the residuals along
# GCSE. If the line were right, the mean would be near 0 everywhere.

# %% tags=["workshop"]
edges = [0, *np.arange(4, 8.01, 0.5)]
names = [f"to {edge:g}" for edge in edges[1:]]
bands = pd.cut(candidates["gcsescore"], edges, include_lowest=True, labels=names)


def mean_residuals(fit):
    """Mean of score minus fixed part, and its standard error, in each band of GCSE."""
    rest = candidates["score"] - fit.predict(candidates, random="none")
    table = rest.groupby(bands, observed=True).agg(["mean", "sem"])
    table["gcse"] = candidates["gcsescore"].groupby(bands, observed=True).mean()
    return table


straight_misses = mean_residuals(planned)
straight_misses[["mean"]].round(2).T

# %% [markdown] tags=["workshop"]
# The line misses most where GCSE results are low: it predicts less than 0 points there, and nobody can
# have less. The real relation is a curve: flat at the floor, then steep, and flat again at the ceiling.
#
# So we leave the plan, and will say so. `bs(gcsecnt, df=4)` puts a [spline](glossary.ipynb#spline) into
# the fixed part: a smooth curve with four coefficients. One by one they mean nothing; we shall look at
# the curve. The random part stays as it is, so a school may still differ from the common curve by a
# straight line.

# %% tags=["workshop"]
curve = "score ~ bs(gcsecnt, df=4) + gender + age + gcse_school"
final = mixedlm(curve + " + (gcsecnt + gender|school) + (1|lea)", candidates).fit()
curved_misses = mean_residuals(final)

fig, ax = plt.subplots(figsize=(7.2, 3.8), layout="constrained")
marks = {"straight line": (straight_misses, plots.ORANGE, "s", "--")}
marks["curve"] = (curved_misses, plots.BLUE, "o", "-")
for name, (misses, colour, marker, dash) in marks.items():
    ax.errorbar(
        misses["gcse"], misses["mean"], 1.96 * misses["sem"], color=colour, marker=marker, ls=dash,
        lw=2, label=name,
    )  # fmt: skip
ax.axhline(0, color=plots.INK, lw=1)
ax.set(xlabel="gcsescore (mean GCSE points)", ylabel="mean of score − fixed part (points)")
ax.legend()
sns.despine()
plots.show(
    ax,
    alt="Mean of score minus fixed part in nine bands of GCSE. For the straight line it falls from "
    f"{straight_misses['mean'].iloc[0]:.1f} points in the lowest band to "
    f"{straight_misses['mean'].min():.1f} in the middle and rises again; for the curve it runs from "
    f"{curved_misses['mean'].min():.1f} to {curved_misses['mean'].max():.1f}.",
)

# %% [markdown] tags=["workshop"]
# Much better. The curve does not know the floor and the ceiling either, it only bends towards them.
# What did it do to our answers?


# %% tags=["workshop"]
def answers(fit):
    """The numbers that our questions are about."""
    parts = fit.variance_components
    school = parts[parts["group"] == "school"].set_index(["effect", "effect2"])["sdcor"]
    return {
        "SD of schools, average woman": school["Intercept", None],
        "SD of the slope of GCSE": school["gcsecnt", None],
        "SD of the gap men − women": school["gender[T.M]", None],
        "correlation intercept, slope": school["Intercept", "gcsecnt"],
        "gap men − women": fit.fe_params["gender[T.M]"],
        "contextual effect of GCSE": fit.fe_params["gcse_school"],
    }


two = pd.DataFrame({"straight line": answers(planned), "curve": answers(final)})
two.round(2)

# %% [markdown] tags=["workshop"]
# Look at the second row. About half of the SD of the slopes is gone. **A part of the "slopes that
# differ between schools" was one curve that all schools share.** A school whose candidates came with
# low results saw only the flat part of the curve, a school with high results the steep part. A model
# that knows only straight lines calls that two slopes.
#
# The contextual effect shrank as well, back to about what it was before the slopes varied. The SD of
# schools, the gap between men and women and the SD of this gap stayed where they were. They do not hang
# on the shape of the line.
#
# <details>
# <summary>In R</summary>
#
# ```r
# lmer(score ~ splines::bs(gcsecnt, df = 4) + gender + age + gcse_school +
#        (gcsecnt + gender | school) + (1 | lea), data = Chem97)
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ## What floor and ceiling can do alone
#
# The slopes still differ, with a strong negative correlation. Could the scale alone do that? Near the
# ceiling a good school cannot lift its best candidates any further, so its line must be flatter. This
# is a [ceiling effect](glossary.ipynb#ceiling-effect).
#
# We can try. Invent candidates for whom all schools have the *same* slopes, on a scale without ends.
# Then cut that scale into six grades, with as many candidates in each grade as there really are. Fit
# the final model to both.

# %% tags=["workshop"]
from course import simulate_responses

cumulated = share.cumsum().to_numpy()[:-1] / 100
invented = {"without ends": [], "graded": []}
for endless in simulate_responses(same_slopes, n=5, seed=11):
    grades = 2 * np.searchsorted(np.quantile(endless, cumulated), endless)
    invented["without ends"].append(answers(final.refit(endless)))
    invented["graded"].append(answers(final.refit(grades)))
invented = {name: pd.DataFrame(rows) for name, rows in invented.items()}

highest = {f"{name}: largest": table.max() for name, table in invented.items()}
pd.DataFrame({"real": answers(final)} | highest).loc[two.index[1:3]].round(2)

# %% tags=["workshop"]
for name, table in invented.items():
    values = table["correlation intercept, slope"]
    print(f"correlation, {name:12}  {values.min():5.1f} to {values.max():4.1f}")

# %% [markdown] tags=["workshop"]
# Begin with the candidates on the scale without ends. All slopes and gaps are the same there, yet the
# estimated SDs are not all 0. An SD cannot come out below 0, so chance alone gives something above it.
# Grading changes that little. The real SDs are larger than the largest of all. So slopes and gaps do
# differ between schools, beyond chance and scale.
#
# The correlation is another matter. Without ends it is anywhere. Graded, it is −1 or near it, every time.
# Floor and ceiling make it by themselves. We shall not interpret it.
#
# A model for ordered grades, with thresholds in place of points, would know the floor and the ceiling.
# Fielding, Yang and Goldstein (2003, *Statistical Modelling*, 3, 127–153) fitted such models to these
# very data.

# %% [markdown] tags=["workshop"]
# ## Does one authority carry the result?
#
# `influence` leaves out one authority at a time and fits again. To be quick, we let it do so without
# random slopes, for we ask about the fixed effects here.

# %% tags=["workshop"]
from course import influence

simpler = mixedlm(curve + " + (1|school) + (1|lea)", candidates).fit()
without = influence(simpler, "lea", progress=False)
moved = without[["dfbeta(gender[T.M])", "dfbeta(age)", "dfbeta(gcse_school)"]]
print(f"fits without one authority: {len(without)}")
print(f"largest Cook's distance: {without['cook'].max():.2f}")
moved.abs().max().rename("largest move (standard errors)").to_frame().round(2)

# %% [markdown] tags=["workshop"]
# No authority moves one of these coefficients by even one standard error. Cook's distance takes all
# coefficients together, those of the curve included, and it is small everywhere. Where a result hangs
# on a single group, this table shows it.

# %% [markdown] tags=["workshop"]
# ## Intervals
#
# For the SDs that we report, [profile intervals](glossary.ipynb#profile-interval). For authorities we set
# the quick interval beside it.

# %% tags=["workshop"]
sds = ["sd(gcsecnt | school)", "sd(gender[T.M] | school)", "sd(Intercept | lea)"]
by_profile = confint(final, parameters=sds)
quick = confint(final, method="wald", parameters=sds)
pd.concat({"profile": by_profile, "quick (wald)": quick}).round(2)[["estimate", "lower", "upper"]]

# %% [markdown] tags=["workshop"]
# For the slopes both agree: 2,410 schools are many. For the authorities they do not. The quick interval
# works on a log scale and cannot reach 0; the profile says that 0 is possible and that the SD is small
# in any case. This is the answer to how large the variance may be: too small to matter.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 11.5.** Question 3. Between which two values does the gap, men minus women with equal GCSE
# results, lie in 95 % of schools? Compute the *lower* end from the fit `final`, in points, to two
# decimals.

# %% tags=["workshop", "exercise", "solution"]
gap_now = answers(final)  #!
lower_gap = gap_now["gap men − women"] - 1.96 * gap_now["SD of the gap men − women"]  #!
check("11.5", lower_gap)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The fixed effect is the average gap, and the SD says how schools scatter around it. The lower
# end is below 0: in a small part of the schools women are ahead of men with equal GCSE results.

# %% [markdown] tags=["workshop"]
# ## A picture of the predictions
#
# The average school, and two others: of the schools with at least thirty candidates, the one predicted
# lowest and the one predicted highest. All for women of eighteen and a half. The floor and the ceiling
# are drawn in.

# %% tags=["workshop"]
effect = final.random_effects["school"]["Intercept"]
error = final.random_effects_se["school"]["Intercept"]
large = effect[size[effect.index] >= 30]
low_high = [large.idxmin(), large.idxmax()]
woman = {"gender": "F", "age": 0, "gcse_school": 0.0}
ax = plots.predictions(final, "gcsecnt", "school", low_high, at=woman, unit="points")
for end in (0, 10):
    ax.axhline(end, color=plots.INK, ls=":", lw=1.4)
ax.set(xlim=tuple(candidates["gcsecnt"].quantile([0.01, 1])), ylim=(-0.5, 12))
average = pd.DataFrame([woman | {"gcsecnt": x} for x in (-1.0, 0.0, 1.0)])
points = final.predict(average, random="none")
best_school = candidates.loc[candidates["school"] == low_high[1], ["school", "lea", "gcsecnt"]]
best = final.predict(best_school.assign(**woman))
plots.show(
    ax,
    alt="Expected score of women against gcsecnt, with bands and with dotted lines at 0 and 10 points. "
    "The average school follows a curve with "
    f"{points[0]:.1f} points at -1, {points[1]:.1f} at 0 and {points[2]:.1f} at 1. School {low_high[0]} "
    f"lies {-large.min():.1f} points lower at 0; school {low_high[1]} lies {large.max():.1f} points "
    f"higher, and its curve reaches {best.max():.1f} points.",
)

# %% [markdown] tags=["workshop"]
# The curve is flat, then steep, then flat again. The model adds a straight line to it for every school.
# The upper school gains least where the curve is highest, and still passes the ceiling: the model
# promises its best candidates more points than there are.
#
# The picture starts at the lowest hundredth of the candidates. Further left there are next to none, and
# nothing tells the curve where to go: do not read a curve where there are no data.

# %% [markdown] tags=["workshop"]
# ## What a ranking can bear
#
# Somebody will ask for a list of the best schools. Here is what lists are made of.

# %% tags=["workshop"]
raw_mean = candidates.groupby("school")["score"].mean()
lists = {
    "raw mean, highest": raw_mean.nlargest(20),
    "raw mean, lowest": raw_mean.nsmallest(20),
    "effect, highest": effect.nlargest(20),
    "effect, lowest": effect.nsmallest(20),
}
pd.DataFrame(
    {
        name: {
            "fewest candidates": size[schools.index].min(),
            "median": size[schools.index].median(),
            "most candidates": size[schools.index].max(),
            "mean of the 20": schools.mean(),
        }
        for name, schools in lists.items()
    }
).T.round(1)

# %% [markdown] tags=["workshop"]
# Each row has twenty schools. By the raw mean, both ends of the list belong to schools with a handful
# of candidates: they all got an A, or they all failed. The predicted effects (here for a woman with an
# average GCSE result, since slopes vary) name other schools.
#
# The picture shows why. On the left is each school's mean of what the fixed part leaves, against its
# size; on the right what partial pooling makes of it.

# %% tags=["workshop"]
rest = candidates["score"] - final.predict(candidates, random="none")
own = rest.groupby(candidates["school"]).mean()
ordered = effect.index
fig, axes = plt.subplots(1, 2, figsize=(9.8, 4.2), sharey=True, layout="constrained")
for ax, values, colour, title in zip(
    axes,
    (own[ordered], effect),
    (plots.ORANGE, plots.BLUE),
    ("mean of the school", "predicted effect"),
    strict=True,
):
    ax.scatter(size[ordered], values, s=10, fc="none", ec=colour, lw=0.7, rasterized=True)
    ax.axhline(0, color=plots.INK, lw=1)
    ax.set(xscale="log", xlabel="candidates in the school (log scale)", title=title)
    ax.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    ax.minorticks_off()
axes[0].set_ylabel("beyond the fixed part (points)")
sns.despine()
ones = size[ordered] == 1
plots.show(
    axes,
    alt=f"{len(effect):,} schools, against their number of candidates. Left, their means form a funnel: "
    f"schools with one candidate reach from {own[ordered][ones].min():.1f} to "
    f"{own[ordered][ones].max():.1f} points, large ones keep near 0. Right, the predicted effects, where "
    f"schools with one candidate lie between {effect[ones].min():.1f} and {effect[ones].max():.1f}.",
)

# %% [markdown] tags=["workshop"]
# The left funnel is mostly chance: means of few scatter more. On the right, the small schools are drawn
# in, and it takes a number of candidates to stand far out. So a list by predicted effects does not
# favour the smallest for their luck. It hardly lets them in.
#
# How good is the better list? Let us invent worlds with these candidates and schools of known effects,
# and look where the schools that the fit puts on top stand in truth.

# %% tags=["workshop"]
tau, _, sigma = simpler.variance_components["sdcor"]  # school, lea, residual
fixed_part = simpler.predict(candidates, random="none").to_numpy()
codes, labels = pd.factorize(candidates["school"])
rng = np.random.default_rng(11)
top = len(labels) // 100
standing = []
for _ in range(12):
    true = rng.normal(0, tau, len(labels))
    scores = fixed_part + true[codes] + rng.normal(0, sigma, len(codes))
    predicted = simpler.refit(scores).random_effects["school"]["Intercept"]
    true_share = pd.Series(true, labels).rank(ascending=False) / len(labels)
    standing.append(true_share[predicted.nlargest(top).index])
standing = 100 * pd.concat(standing)
print(f"schools in the top 1 % of the fit          {top} in each of 12 worlds")
print(f"of these, truly in the top 1 %             {100 * standing.le(1).mean():.0f} %")
print(f"truly in the top 10 %                      {100 * standing.le(10).mean():.0f} %")
unclear = (effect.abs() < 1.96 * error).mean()
print(f"real schools whose interval includes 0     {100 * unclear:.0f} %")

# %% [markdown] tags=["workshop"]
# The top of the list holds good schools, nearly always. It does not hold *the* best: fewer than half of
# them belong to the best hundredth. And this is in worlds where the model is true. Of most real schools
# the fit cannot even say whether they lie above or below the average. "Clearly above average" can be
# said of some schools; "third best" is more than the data know.

# %% [markdown] tags=["workshop"]
# ## Would another choice change the answer?
#
# A result that hangs on one choice is not a result yet. So we try other choices: a
# [sensitivity analysis](glossary.ipynb#sensitivity-analysis). We made two that others would not have
# made. We kept the smallest schools, and we took points at face value.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 11.6.** Your turn. Keep only schools with five candidates or more, fit the final model
# again, and give the SD of the slope of GCSE, to two decimals. (`curve` holds the fixed part.)

# %% tags=["workshop", "exercise", "solution"]
five_or_more = candidates[candidates["school"].map(size) >= 5]  #!
refitted = mixedlm(curve + " + (gcsecnt + gender|school) + (1|lea)", five_or_more).fit()  #!
slope_sd = answers(refitted)["SD of the slope of GCSE"]  #!
check("11.6", slope_sd)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* More than a quarter of the schools are gone, and only a twentieth of the candidates. Small
# schools say little about slopes, so leaving them out changes little.

# %% [markdown] tags=["workshop"]
# For the second choice, we give each grade another number: its
# [normal score](glossary.ipynb#normal-score). Rank the candidates, and see where a normal distribution
# has that rank. It stretches the ends of the scale. To compare, everything is in SDs of the response.

# %% tags=["workshop"]
from scipy import stats

rank = candidates["score"].rank() - 0.5  # equal grades share their mean rank
candidates["normal_score"] = stats.norm.ppf(rank / len(candidates))
random_part = " + (gcsecnt + gender|school) + (1|lea)"
enough = candidates[candidates["school"].map(size) >= 5]
fits = {
    "final": (final, candidates["score"]),
    "5 or more": (mixedlm(curve + random_part, enough).fit(), enough["score"]),
    "normal score": (
        mixedlm(curve.replace("score", "normal_score", 1) + random_part, candidates).fit(),
        candidates["normal_score"],
    ),
}
sensitivity = pd.DataFrame({name: answers(fit) for name, (fit, _) in fits.items()})
in_sds = sensitivity / [response.std() for _, response in fits.values()]
correlation = "correlation intercept, slope"
in_sds.loc[correlation] = sensitivity.loc[correlation]  # it has no unit
in_sds.round(2)

# %% tags=["workshop"]
fig, ax = plt.subplots(figsize=(7.6, 3.6), layout="constrained")
places = np.arange(len(in_sds))
styles = [("o", plots.INK), ("s", plots.ORANGE), ("D", plots.BLUE)]
for shift, name, (marker, colour) in zip([-0.2, 0, 0.2], in_sds, styles, strict=True):
    ax.plot(in_sds[name], places + shift, marker, color=colour, mec=plots.INK, label=name)
ax.axvline(0, color=plots.INK, lw=1)
ax.set_yticks(places, in_sds.index)
ax.invert_yaxis()
ax.set_xlabel("SDs of the response (the correlation has no unit)")
ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
ax.grid(axis="y", color=plots.PALE)
sns.despine()
spread = in_sds.max(axis=1) - in_sds.min(axis=1)
plots.show(
    ax,
    alt="Six answers from three fits: the final one, schools with five or more candidates, and the "
    "normal score. In five rows the marks lie within "
    f"{spread.drop(correlation).max():.2f} of each other; the correlation of intercept and slope runs "
    f"from {in_sds.loc[correlation].min():.2f} to {in_sds.loc[correlation].max():.2f}.",
)

# %% [markdown] tags=["workshop"]
# Five answers hold, near enough. On the stretched scale the slopes vary a little less. The sixth, the
# correlation of intercept and slope, moves: once the ends are stretched, it is much weaker. That agrees
# with our invented candidates. It belongs to the scale, at least in part, and stays out of the report.

# %% [markdown] tags=["workshop"]
# ## The report
#
# `report(final)` writes down all the numbers, for an appendix. The text itself answers the questions,
# in their order. It says what was done, where we left the plan, and what the study cannot tell.

# %% tags=["workshop"]
found = answers(final)
low, high = final.fixed_effects.loc["gender[T.M]", ["lower", "upper"]]
rounded = by_profile[["estimate", "lower", "upper"]].map("{:.2f}".format)
of_slopes, of_gaps, of_leas = rounded.to_numpy()
of_schools = found["SD of schools, average woman"]
gap = found["gap men − women"]
straight = answers(planned)["SD of the slope of GCSE"]
equal_slopes = invented["graded"]["SD of the slope of GCSE"].max()
before, gone = variances.loc["school", ["no predictors", "share gone"]]
paragraphs = [
    f"""We analysed the A-level chemistry results of 1997 of {final.nobs:,} candidates in {len(size):,}
    schools of {final.n_groups["lea"]} authorities in England and Wales (0 to 10 points, six grades). The
    documentation of the file speaks of 2,280 schools. {(size == 1).sum()} schools had one candidate; all
    were kept. We fitted linear mixed models by REML, with GCSE result, gender, age and the school's mean
    GCSE result as fixed effects, intercepts by school and authority, and slopes of GCSE and gender by
    school. A straight line for GCSE was planned. Residuals showed a curve, and we took a cubic spline with
    four coefficients.""",
    f"""(1) Without predictors, the variance between schools was {before:.2f}. GCSE result, gender and age
    went with {100 * gone:.0f} % of it. In the final model schools differed with an SD of {of_schools:.2f}
    points (for a woman with an average GCSE result). Authorities hardly differed (SD {of_leas[0]}, 95 % CI
    {of_leas[1]} to {of_leas[2]}).""",
    f"""(2) The slope of GCSE differed between schools with an SD of {of_slopes[0]} points per GCSE point
    (95 % CI {of_slopes[1]} to {of_slopes[2]}). With a straight line in place of the curve it would have
    been {straight:.2f}. In five simulated data sets in which slopes did not differ, graded on the same
    scale, it was {equal_slopes:.2f} at most.""",
    f"""(3) Men scored {gap:.2f} points more than women with equal GCSE results (95 % CI {low:.2f} to
    {high:.2f}), although women had the higher mean score. The gap differed between schools with an SD of
    {of_gaps[0]} points ({of_gaps[1]} to {of_gaps[2]}).""",
    f"""The results held when schools with fewer than five candidates were left out, and when normal scores
    replaced the points. The linear model is an approximation: {(final.fittedvalues > 10).sum()} fitted
    values lie above 10. The data are observational. Nobody drew lots for a school; differences between
    schools are not effects of schools.""",
]
for paragraph in paragraphs:
    print(textwrap.fill(" ".join(paragraph.split()), 95), end="\n\n")

# %% [markdown] tags=["workshop"]
# The last sentence weighs most. "Schools differ, intake accounted for" means: for GCSE results, gender
# and age. What else the candidates brought with them, nobody measured. And those who gave up chemistry
# before the examination are not in the file.

# %% [markdown] tags=["workshop"]
# ## Quiz
#
# Answer with one letter, in quotes.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 11.7.** The mean score of women is higher, and the coefficient `gender[T.M]` is positive.
# What holds?
#
# - a) one of the two must be a mistake
# - b) the raw means are wrong, since they ignore the schools
# - c) both hold: the coefficient compares women and men with equal GCSE results, and women came with
#   better ones

# %% tags=["workshop", "exercise", "solution"]
two_signs = "c"  #!
check("11.7", two_signs)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 11.8.** What should be done with a school that has one candidate?
#
# - a) keep it: it informs the fixed effects, and its predicted effect stays near 0
# - b) drop it: a group of one breaks the model
# - c) keep it, and take the candidate's residual for the effect of the school

# %% tags=["workshop", "exercise", "solution"]
one_candidate = "a"  #!
check("11.8", one_candidate)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 11.9.** With a curve of GCSE in the fixed part, the SD of the slopes fell to about half.
# What follows?
#
# - a) the slopes do not differ between schools
# - b) a part of what looked like different slopes was a curve that all schools share
# - c) nothing: fits with different fixed parts cannot be set beside each other

# %% tags=["workshop", "exercise", "solution"]
slopes_fell = "b"  #!
check("11.9", slopes_fell)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 11.10.** A newspaper wants to print the ten schools with the highest predicted effects as
# "the ten best". What do you answer?
#
# - a) fine, since shrinkage has taken the luck out
# - b) take the raw means, which need no model
# - c) some schools are clearly above average, but which are the ten best the data cannot tell

# %% tags=["workshop", "exercise", "solution"]
newspaper = "c"  #!
check("11.10", newspaper)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* 11.7: two comparisons, two answers. 11.8: partial pooling gives a school the weight that its
# candidates have earned. 11.9: variances of two fits may be looked at side by side; what cannot be
# compared is the REML likelihood of different fixed parts. 11.10: shrinkage makes the guess better and
# leaves it a guess.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - Question and plan come first. Leave the plan where the data ask for it, and say so.
# - Look at the groups before the fit: how many, how large, nested or not. Small groups may stay.
# - With many rows nearly everything is significant. Ask how large, and whether the model fits.
# - A random slope may be a curve in disguise. A floor and a ceiling can make a correlation by
#   themselves.
# - Give a ranking no more than it can bear. Try another choice before you believe a number.
#
# **What comes next:** your own data. Ask your question, and take the same steps. If your response is a yes
# or no, or a count, [lesson 12](12-yes-no-and-how-many.ipynb) is for you; if your data come from a national
# assessment, [lesson 13](13-national-assessment.ipynb). The
# [solutions](solutions/11-capstone.ipynb) of this lesson explain each answer.
