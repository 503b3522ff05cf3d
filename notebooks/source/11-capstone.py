# %% [markdown] tags=["workshop"]
# # Capstone
#
# After this lesson you will be able to
#
# - take a study from a question to a written report, in an order that keeps you honest;
# - look at data whose groups are very unequal, and say what the smallest of them contribute;
# - see what a linear model gets wrong where the response has six values, a floor and a ceiling;
# - tell slopes that vary between schools from a curve that all schools share;
# - find what the model left out, by plotting what it leaves over against what it does not contain;
# - say how much a ranking of schools can tell, and which results survive another choice of data or scale.
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
# 2. Does what a candidate brought matter equally in every school? In other words, does the slope of GCSE
#    differ between schools?
# 3. Women and men with equal GCSE results may not do equally well. Does this gap differ between schools?
#
# And we write down the plan. Fixed effects: the GCSE result, gender and age. Random intercepts: for
# schools and for the authorities that run them, because that is how the data are grouped. Random
# slopes: of GCSE and of gender by school, because questions 2 and 3 ask for them.
#
# Why now? A plan made after the data were seen answers the question that the data happened to suggest.
# We may have to depart from the plan. If we do, the report will say where, and why.

# %% [markdown] tags=["workshop"]
# ## Look at the data

# %% tags=["workshop"]
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from course import between_within, check, compare, confint, icc, load, mixedlm, plots, r2, translate
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
# **The response has six values, with a floor and a ceiling.** The hatched bars are the ends. A candidate
# who could have done better than an A still gets 10. A linear model knows neither steps nor ends. We use it
# as an approximation, and we shall have to look at what it gets wrong.
#
# **The predictor is skewed.** A few candidates come with very low GCSE results. That is allowed: no model
# in this course assumes anything about the distribution of a predictor. But a few candidates in a long tail
# can pull a slope towards them.

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
# `(1|school) + (1|lea)` says the right thing. The two levels are no surprise, but two of the numbers are.
#
# The help page that came with the file speaks of 2,280 schools. The file has more. We cannot find out
# which is right. We use the labels in the file, and say so in the report.
#
# And most schools are small. Compare the median with the largest.

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
# What does a school with one candidate contribute? The candidate helps to estimate the fixed effects. But
# with a single score nobody can tell a good school from a good candidate, so the school says next to
# nothing about how schools differ. There is no need to drop it: [partial
# pooling](glossary.ipynb#partial-pooling) gives it the small weight that it deserves.

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
# Both find the same optimum. Why not fit all the authorities at once? There are two reasons.
#
# For each authority, statsmodels writes down the matrix $Z$ of its schools in full, a row for every
# candidate and a column for every school. Nearly all of it is zeros:

# %% tags=["workshop"]
per_lea = candidates.groupby("lea").agg(rows=("student", "size"), schools=("school", "nunique"))
cells = (per_lea["rows"] * per_lea["schools"]).sum()
print(f"cells of Z, over all authorities   {cells:>9,}")
print(f"cells that are not 0               {len(candidates):>9,}")

# %% [markdown] tags=["workshop"]
# It works, but it carries all these zeros along in every step of its search. And the plan cannot be
# expressed in its language at all:

# %% tags=["workshop"]
plan = "score ~ gcsecnt + gender + age + (gcsecnt + gender|school) + (1|lea)"
print("statsmodels has this very model:", translate(plan, candidates).exact)

# %% [markdown] tags=["workshop"]
# It has no way to write correlated slopes of schools *inside* authorities
# ([lesson 05](05-covariance-structures.ipynb)). So from here on we use `mixedlm`, with all the candidates.
# `check()` still hands the optimum to statsmodels for a second opinion.

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
# The upper bar is what newspapers report: schools differ a lot. More than half of that variance between
# schools goes with what their candidates brought. What is left is a first answer to question 1.
# Authorities hardly differ at all.
#
# Authorities stay in the model nonetheless. They are part of how the data are grouped, we planned them,
# and they cost one parameter.

# %% [markdown] tags=["workshop"]
# ## Fixed effects

# %% tags=["workshop"]
digits = {"estimate": 3, "std_error": 3, "df": 0, "lower": 3, "upper": 3}
intercepts.fixed_effects[list(digits)].round(digits)

# %% [markdown] tags=["workshop"]
# - `gcsecnt`: by how many points a candidate is ahead of another of the same school whose GCSE results are
#   one point lower on average.
# - `age`: a candidate who is one month older, but otherwise equal, is a little behind.
# - `gender[T.M]`: men against women *with equal GCSE results*. Look at the raw means:

# %% tags=["workshop"]
candidates.groupby("gender")[["score", "gcsescore"]].mean().round(2)

# %% [markdown] tags=["workshop"]
# Women have the higher mean, and yet the coefficient says that men are ahead. Both are true. Women came
# with better GCSE results. Compared with men *who had the same* results, they are behind. The first
# comparison is of all women with all men, the second of women and men with equal results. A report must say
# which one it means. And neither is the effect of being a man: GCSE results are themselves shaped by
# whatever makes girls and boys differ at school before sixteen.
#
# Is the slope of GCSE the same within schools and between them ([lesson 06](06-interpretation.ipynb))?

# %% tags=["workshop"]
both = between_within(intercepts)
columns = ["predictor", "group", "within", "between", "difference", "lower", "upper"]
both.loc[both["group"] == "school", columns].round(2)

# %% [markdown] tags=["workshop"]
# For `gender` and `age` the intervals of the difference include 0. For GCSE there is a small
# [contextual effect](glossary.ipynb#contextual-effect): of two candidates with equal GCSE results, the
# one among better classmates did a little better. We put the school's mean into the model, so that
# `gcsecnt` is the slope within schools.
#
# "Classmates" means the candidates in chemistry. In a small school this is the mean of a few; in a school
# with one candidate it is the candidate. And remember this contextual effect. It will not survive the
# lesson unharmed.

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
# between men and women, in points. The correlation of intercept and slope is clearly negative: in
# schools where the average candidate does well, GCSE seems to matter less.

# %% tags=["workshop"]
ax = plots.intercept_slope(planned, "school", "gcsecnt", unit="points")
plots.show(ax)

# %% [markdown] tags=["workshop"]
# Before we believe it, let us ask how much a single school can tell about these slopes. In a school with
# only women, or only men, there is no gap to see.

# %% tags=["workshop"]
genders = candidates.groupby("school")["gender"].nunique()
print(f"schools with candidates of one gender only: {(genders == 1).sum()} of {len(genders):,}")

# %% [markdown] tags=["workshop"]
# They stay in the model, as the schools with one candidate do. The gap is learnt from the other schools.

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
# The row `reference` names the mixture that the statistic is compared with, since a variance cannot be
# negative. Statistics like these, for two or three more parameters, leave no doubt. But with so many
# candidates *almost everything* can be told from 0. From here on, what matters is how large an effect is,
# and whether the model is right.
#
# What about the authorities?

# %% tags=["workshop"]
no_lea = mixedlm(fixed + " + (gcsecnt + gender|school)", candidates).fit()
test = compare(no_lea, planned).iloc[-1]
print(f"chi2 {test['chi2']:.2f}, p {test['p_value']:.2f}, compared with {test['reference']}")

# %% [markdown] tags=["workshop"]
# There is no sign of a difference between authorities. We keep them, as planned. A test that finds nothing
# does not show that there is nothing; below we ask how large the variance may be.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 11.3.** Your turn with other data. Patients are in wards of hospitals; every ward has a
# label of its own. The columns are `pain`, `dose`, `sex`, `ward` and `hospital`. The questions: does
# the effect of the dose differ between wards, and does the gap between the sexes? Hospitals are part of
# the design, as authorities were here. Write the formula.

# %% tags=["workshop", "exercise", "solution"]
pain_formula = "pain ~ dose + sex + (dose + sex|ward) + (1|hospital)"  #!
check("11.3", pain_formula)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* What differs goes to the left of the bar, and the wards, between which it differs, to the right.
# The average effect of the dose and the average gap are fixed effects: without them the random slopes would
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
# **The stripes** are the six values. A residual is score minus fitted value, so all candidates with a score
# of 10, say, lie on one slanted line. Stripes look odd and do little harm.
#
# **Their ends** do more harm. Near the ceiling, residuals can only be small or negative, so the spread is
# not the same everywhere. And some fitted values lie where no score can be.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 11.4.** How many of all candidates have a fitted value above 10, in the fit `planned`?

# %% tags=["workshop", "exercise", "solution"]
above_ten = (planned.fittedvalues > 10).sum()  #!
check("11.4", above_ten)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* `fittedvalues` holds the fixed part plus the effects of the school and the authority. They are a
# small share of all candidates. A model that knew the ceiling would have none.

# %% [markdown] tags=["workshop"]
# How unequal is the spread?

# %% tags=["workshop"]
thirds = pd.qcut(planned.fittedvalues, 3, labels=["lowest third", "middle", "highest third"])
planned.resid.groupby(thirds, observed=True).std().rename("residual SD").round(2).to_frame().T

# %% [markdown] tags=["workshop"]
# Unequal spread has many causes. One of them is easy to look for: take the mean of what the fixed part
# leaves over, along GCSE. If the line were right, this mean would be near 0 everywhere.

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
# So we depart from the plan, and will say so. `bs(gcsecnt, df=4)` puts a [spline](glossary.ipynb#spline)
# into the fixed part: a smooth curve with four coefficients. One by one they mean nothing; we shall look at
# the curve. The random part stays as it is, so a school may still differ from the common curve by a straight
# line.
#
# Why four coefficients? It is a choice. Three are the fewest that such a curve can have, and AIC says what
# more of them are worth (by ML, since the fixed parts differ):

# %% tags=["workshop"]
curve = "score ~ bs(gcsecnt, df=4) + gender + age + gcse_school"
random_part = " + (gcsecnt + gender|school) + (1|lea)"
flexible = {n: curve.replace("df=4", f"df={n}") + random_part for n in (3, 4, 5, 6)}
aic = {n: mixedlm(one, candidates).fit(reml=False).aic for n, one in flexible.items()}
(pd.Series(aic, name="AIC above the lowest") - min(aic.values())).round(0).to_frame().T

# %% [markdown] tags=["workshop"]
# The fourth coefficient is worth a great deal, and a fifth or sixth next to nothing beside it. We take four,
# and try six at the end.

# %% tags=["workshop"]
curved = mixedlm(curve + random_part, candidates).fit()
curved_misses = mean_residuals(curved)

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
# The curve is much better. It does not know the floor and the ceiling either; it only bends towards them.
#
# But look at the blue line again. It lies above 0 in *every* band, and most of its error bars do not reach
# 0. What the fixed part leaves over should average out. Why does it not?
#
# The fixed part describes the average *school*: in it, a school of ninety candidates counts about five times
# as much as a school of one. The blue line averages over *candidates*, and counts it ninety times as much. So
# if what is left over is positive on average over candidates, the schools with many candidates must be better
# than the schools with few. The model knows nothing of that.

# %% [markdown] tags=["workshop"]
# ## What is not in the model?
#
# No fit complained, and no test was significant. **The only way to find what is missing is to plot what the
# model leaves over against what it does not contain.** We have one such variable already: the number of
# candidates in the school.


# %% tags=["workshop"]
def by_school_size(fit):
    """What the fixed part leaves over, as the mean of each school, averaged over schools of similar size."""
    rest = candidates["score"] - fit.predict(candidates, random="none")
    of_schools = rest.groupby(candidates["school"]).mean()
    return of_schools.groupby(classes[of_schools.index], observed=True).agg(["mean", "sem", "size"])


without_size = by_school_size(curved)
without_size.round(2)

# %% [markdown] tags=["workshop"]
# From the smallest to the largest schools the mean rises by almost a point, steadily, and in every step.
# That is most of an SD of schools. In the picture it is plain to see, once one looks.
#
# The steps are about equal, while the number of candidates about doubles from each class to the next. So
# we take its logarithm to the base 2, counted from 20 candidates: the coefficient is then what goes with
# twice as many candidates.

# %% tags=["workshop"]
candidates["log2_size"] = np.log2(candidates["school"].map(size) / 20)
final = mixedlm(curve + " + log2_size" + random_part, candidates).fit()
with_size = by_school_size(final)

fig, ax = plt.subplots(figsize=(7.2, 3.8), layout="constrained")
places = np.arange(len(without_size))
looks = {"without size": (without_size, plots.ORANGE, "s", "--", -0.08)}
looks["with size"] = (with_size, plots.BLUE, "o", "-", 0.08)
for name, (left_over, colour, marker, dash, shift) in looks.items():
    ax.errorbar(
        places + shift, left_over["mean"], 1.96 * left_over["sem"], color=colour, marker=marker,
        ls=dash, lw=2, label=name,
    )  # fmt: skip
ax.axhline(0, color=plots.INK, lw=1)
ax.set_xticks(places, without_size.index)
ax.set(xlabel="candidates in the school", ylabel="mean of score − fixed part (points)")
ax.legend(loc="lower right")
sns.despine()
plots.show(
    ax,
    alt="What the fixed part leaves over, averaged over schools of six classes of size, with 95 % intervals. "
    f"Without size in the model it rises steadily from {without_size['mean'].iloc[0]:.2f} points in schools "
    f"with one candidate to {without_size['mean'].iloc[-1]:.2f} in schools with 50 or more. With size it "
    f"lies between {with_size['mean'].min():.2f} and {with_size['mean'].max():.2f}.",
)

# %% tags=["workshop"]
table = compare(curved, final)
size_row = final.fixed_effects.loc["log2_size"]
print(
    f"twice as many candidates: {size_row['estimate']:.2f} points "
    f"(95 % interval {size_row['lower']:.2f} to {size_row['upper']:.2f})"
)
print(f"chi2 {table['chi2'].iloc[-1]:.0f}, p {table['p_value'].iloc[-1]:.0e}")
mean_residuals(final)[["mean"]].round(2).T

# %% [markdown] tags=["workshop"]
# The statistic is larger than the one that convinced us of the gap that varies. And along GCSE, too, what is
# left over now lies on both sides of 0.
#
# What does it mean? Candidates in schools with many candidates do better than candidates with the same GCSE
# results elsewhere. *Why*, the file cannot tell. Perhaps large groups have specialised teachers. Perhaps
# good schools attract candidates. Perhaps only large schools can afford to send away those who would fail.
# Size is here a mark of something that we have not measured.
#
# It was in nobody's plan. The report will say that we found it by looking.
#
# Could a program have found it? `diagnose` ([lesson 08](08-when-the-fit-complains.ipynb)) plots nothing, but
# it compares what the rows of a table can tell. (We shall leave out groups later, so here it gets no time for
# that.)

# %% tags=["workshop"]
from course import diagnose

for finding in diagnose(planned, solvers=False, seconds=0):
    print(f"{finding.title} ({finding.severity})")
    print(textwrap.fill(finding.seen, 92, initial_indent="  ", subsequent_indent="  "))

# %% [markdown] tags=["workshop"]
# It names the spread, the six values, the bend and the size of the schools, because these can be computed
# from any table. It could not have known of anything that is in another column, or in no column at all. For
# that you need to know your schools.
#
# What did the curve and the size do to our answers?


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


three = pd.DataFrame(
    {"straight line": answers(planned), "curve": answers(curved), "curve and size": answers(final)}
)
three.round(2)

# %% tags=["workshop"]
context = {"straight line": planned, "curve": curved, "curve and size": final}
pd.DataFrame(
    {
        name: fit.fixed_effects.loc["gcse_school", ["estimate", "lower", "upper"]]
        for name, fit in context.items()
    }
).T.round(2)

# %% [markdown] tags=["workshop"]
# Look at the second row of the first table. With the curve, about half of the SD of the slopes is gone. **A
# part of the "slopes that differ between schools" was one curve that all schools share.** A school whose
# candidates came with low results saw only the flat part of the curve, a school with high results the steep
# part. A model that knows only straight lines calls that two slopes.
#
# Now the contextual effect, in the second table. It shrank with the curve, and with the size it halved again;
# its interval now includes 0. **What looked like an effect of good classmates was for the most part something
# else**: in part the curve that all schools share, and in part a difference between schools with few and
# schools with many candidates, for those with many also have candidates with better GCSE results.
#
# The SD of schools, the gap between men and women and the SD of this gap stayed about where they were. They
# do not depend on the shape of the line, or on the size of the school.
#
# <details>
# <summary>In R</summary>
#
# ```r
# lmer(score ~ splines::bs(gcsecnt, df = 4) + gender + age + gcse_school + log2_size +
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
# We can try it. Invent candidates for whom all schools have the *same* slopes, on a scale without ends.
# Then cut that scale into six grades, with as many candidates in each grade as there really are. Fit
# the final model to both.

# %% tags=["workshop"]
from course import simulate_responses

cumulated = share.cumsum().to_numpy()[:-1] / 100
same_slopes = mixedlm(fixed + " + log2_size + (1|school) + (1|lea)", candidates).fit()
(endless,) = simulate_responses(same_slopes, n=1, seed=11)
grades = 2 * np.searchsorted(np.quantile(endless, cumulated), endless)
one_world = {"without ends": answers(final.refit(endless)), "graded": answers(final.refit(grades))}
of_interest = list(three.index[1:4])
pd.DataFrame({"real": answers(final)} | one_world).loc[of_interest].round(2)

# %% [markdown] tags=["workshop"]
# One world is no evidence, and forty take a minute. So they were run beforehand, with these very lines in a
# loop (`tests/long/capstone_worlds.py` in the course's repository). Here is the middle of the forty worlds,
# and the range of all of them:

# %% tags=["workshop"]
forty = pd.DataFrame(
    {
        "without ends: smallest": [0.00, 0.00, -1.00],
        "without ends: median": [0.07, 0.06, 0.00],
        "without ends: largest": [0.20, 0.24, 1.00],
        "graded: smallest": [0.05, 0.01, -1.00],
        "graded: median": [0.08, 0.12, -1.00],
        "graded: largest": [0.13, 0.31, -0.91],
    },
    index=of_interest,
)
forty.assign(real=pd.Series(answers(final)).round(2)).T

# %% [markdown] tags=["workshop"]
# Begin with the candidates on the scale without ends. All slopes and gaps are the same there, yet the
# estimated SDs are not all 0. An SD cannot come out below 0, so chance alone puts it somewhat above. Grading
# makes the gaps look a little more different than they are. Still, the real SDs are larger than the largest
# of forty. So slopes and gaps differ between schools by more than chance, and by more than *this* scale can
# make. (We tried one scale, with the same residual spread for everybody. Another mechanism might do more.)
#
# The correlation is another matter. Without ends it can be anything. Graded, it is −1 or near it, every
# time. Floor and ceiling make it by themselves. We shall not interpret it.
#
# A model for ordered grades, with thresholds in place of points, would know the floor and the ceiling.
# Fielding, Yang and Goldstein (2003, *Statistical Modelling*, 3, 127–153) fitted such models to these
# very data.

# %% [markdown] tags=["workshop"]
# ## Does one authority carry the result?
#
# `influence` leaves out one authority at a time and fits again. To be quick, we do this without random
# slopes, because here we ask only about the fixed effects.

# %% tags=["workshop"]
from course import influence

simpler = mixedlm(curve + " + log2_size + (1|school) + (1|lea)", candidates).fit()
without = influence(simpler, "lea", progress=False)
moved = without[[f"dfbeta({name})" for name in ("gender[T.M]", "age", "gcse_school", "log2_size")]]
print(f"fits without one authority: {len(without)}")
print(f"largest Cook's distance: {without['cook'].max():.2f}")
moved.abs().max().rename("largest move (standard errors)").to_frame().round(2)

# %% [markdown] tags=["workshop"]
# No authority moves one of these coefficients by even one standard error. [Cook's
# distance](glossary.ipynb#Cook's-distance) takes all coefficients together, those of the curve included,
# and it is small everywhere. If a result depended on a single group, this table would show it.
#
# Lesson 08 also asked for a look at the random effects themselves:

# %% tags=["workshop"]
ax = plots.qq(final, "school")
plots.show(ax)

# %% [markdown] tags=["workshop"]
# Apart from the very ends the effects follow a normal distribution closely. The diamonds look alarming, but
# they are a matter of numbers: with so many schools the band is so narrow that a deviation which nobody
# could see lies outside. (With one candidate each, small schools could hardly show another shape; see case
# 11 of lesson 08.)

# %% [markdown] tags=["workshop"]
# ## Intervals
#
# For the SDs of schools, the quick interval will do: 2,410 schools are many. (The [profile
# interval](glossary.ipynb#profile-interval) of the slopes' SD is the same to two decimals, and takes a
# quarter of a minute.) For the authorities we set both beside each other.

# %% tags=["workshop"]
sds = ["sd(gcsecnt | school)", "sd(gender[T.M] | school)", "sd(Intercept | lea)"]
quick = confint(final, method="wald", parameters=sds)
of_authorities = confint(final, method="profile", parameters=sds[-1:])
intervals = pd.concat({"quick (wald)": quick, "profile": of_authorities})
intervals.round(2)[["estimate", "lower", "upper"]]

# %% [markdown] tags=["workshop"]
# For the authorities, whose SD is estimated near 0, the two do not agree. The quick interval works on a log
# scale: it cannot reach 0, and its upper end is absurd. The profile says that 0 is possible and that the SD
# is small in any case. That answers how large the variance may be: too small to matter.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 11.5.** This is question 3. Between which two values does the gap, men minus women with equal
# GCSE results, lie in 95 % of schools? Compute the *lower* end from the fit `final`, in points, to two
# decimals.

# %% tags=["workshop", "exercise", "solution"]
gap_now = answers(final)  #!
lower_gap = gap_now["gap men − women"] - 1.96 * gap_now["SD of the gap men − women"]  #!
check("11.5", lower_gap)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The fixed effect is the average gap, and the SD says how schools scatter around it. The lower
# end is below 0: in a few of the schools women are ahead of men with equal GCSE results.

# %% [markdown] tags=["workshop"]
# ## A picture of the predictions
#
# Here are the average school and two others: of the schools with at least thirty candidates, the one
# predicted lowest and the one predicted highest. All curves are for women of eighteen and a half in a
# school of twenty candidates. The dotted lines are the floor and the ceiling.

# %% tags=["workshop"]
effect = final.random_effects["school"]["Intercept"]
error = final.random_effects_se["school"]["Intercept"]
large = effect[size[effect.index] >= 30]
low_high = [large.idxmin(), large.idxmax()]
woman = {"gender": "F", "age": 0, "gcse_school": 0.0, "log2_size": 0.0}
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
# The picture leaves out the lowest hundredth of the candidates. Further left there are next to none, and
# nothing tells the curve where to go: do not read a curve where there are no data.

# %% [markdown] tags=["workshop"]
# ## How much a ranking can tell
#
# Somebody will ask for a list of the best schools. Here is what such lists are made of.

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
# The picture shows why. On the left is each school's mean of what the fixed part leaves over, against the
# number of candidates; on the right is what partial pooling makes of it.

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
    f"{own[ordered][ones].max():.1f} points, large ones lie much closer to 0, with no trend left. Right, the "
    "predicted effects, where "
    f"schools with one candidate lie between {effect[ones].min():.1f} and {effect[ones].max():.1f}.",
)

# %% [markdown] tags=["workshop"]
# Now that size is in the model, the left funnel is level, and its width is mostly chance: means of few
# candidates scatter more. On the right, the small schools are drawn in, and it takes a number of candidates
# to stand far out. So a list by predicted effects does not favour the smallest for their luck. It hardly
# lets them in.
#
# How good is the better list? Let us invent worlds with these candidates and schools of known effects,
# and look where the schools that the fit puts on top really stand.

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
print(f"of these, really in the top 1 %            {100 * standing.le(1).mean():.0f} %")
print(f"really in the top 10 %                     {100 * standing.le(10).mean():.0f} %")
unclear = (effect.abs() < 1.96 * error).mean()
print(f"real schools whose interval includes 0     {100 * unclear:.0f} %")

# %% [markdown] tags=["workshop"]
# The schools at the top of the list are good schools, nearly always. They are not *the* best: fewer than
# half of them belong to the best hundredth. And this is in worlds where the model is true. For most real
# schools the fit cannot even say whether they lie above or below the average. "Clearly above average" can
# be said of some schools; "third best" claims more than the data can tell.

# %% [markdown] tags=["workshop"]
# ## Would another choice change the answer?
#
# A result that depends on one choice is not a result yet. So we try other choices: a
# [sensitivity analysis](glossary.ipynb#sensitivity-analysis). We made three that others might not have
# made. We kept the smallest schools, we took the points at face value, and we gave the curve four
# coefficients.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 11.6.** Your turn. Keep only schools with five candidates or more, fit the final model
# again, and give the SD of the slope of GCSE, to two decimals. (`final.formula` has the formula.)

# %% tags=["workshop", "exercise", "solution"]
five_or_more = candidates[candidates["school"].map(size) >= 5]  #!
refitted = mixedlm(final.formula, five_or_more).fit()  #!
slope_sd = answers(refitted)["SD of the slope of GCSE"]  #!
check("11.6", slope_sd)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* More than a quarter of the schools are gone, but only a twentieth of the candidates. Small
# schools say little about slopes, so leaving them out changes little.

# %% [markdown] tags=["workshop"]
# For the second choice, we give each grade another number: its
# [normal score](glossary.ipynb#normal-score). Rank the candidates, and see where a normal distribution
# has that rank. It stretches the ends of the scale. For the third, the curve gets six coefficients. To make
# them comparable, all answers are in SDs of the response.

# %% tags=["workshop"]
from scipy import stats

rank = candidates["score"].rank() - 0.5  # equal grades share their mean rank
candidates["normal_score"] = stats.norm.ppf(rank / len(candidates))
enough = candidates[candidates["school"].map(size) >= 5]
more_bends = mixedlm(final.formula.replace("df=4", "df=6"), candidates).fit()
stretched = mixedlm(final.formula.replace("score", "normal_score", 1), candidates).fit()
fits = {
    "final": (final, candidates["score"]),
    "5 or more": (mixedlm(final.formula, enough).fit(), enough["score"]),
    "curve with 6": (more_bends, candidates["score"]),
    "normal score": (stretched, candidates["normal_score"]),
}
sensitivity = pd.DataFrame({name: answers(fit) for name, (fit, _) in fits.items()})
in_sds = sensitivity / [response.std() for _, response in fits.values()]
correlation = "correlation intercept, slope"
in_sds.loc[correlation] = sensitivity.loc[correlation]  # it has no unit
in_sds.round(3)

# %% tags=["workshop"]
shown = in_sds.drop(index=correlation)
fig, ax = plt.subplots(figsize=(7.6, 3.6), layout="constrained")
places = np.arange(len(shown))
styles = [("o", plots.INK), ("s", plots.ORANGE), ("^", plots.GREY), ("D", plots.BLUE)]
for shift, name, (marker, colour) in zip([-0.24, -0.08, 0.08, 0.24], shown, styles, strict=True):
    ax.plot(shown[name], places + shift, marker, color=colour, mec=plots.INK, label=name)
ax.set_yticks(places, shown.index)
ax.invert_yaxis()
ax.set(xlabel="SDs of the response", xlim=(0, None))
ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
ax.grid(axis="y", color=plots.PALE)
sns.despine()
spread = shown.max(axis=1) - shown.min(axis=1)
slopes = shown.loc["SD of the slope of GCSE"]
plots.show(
    ax,
    alt="Five answers from four fits: the final one, schools with five or more candidates, a curve with six "
    f"coefficients, and the normal score. In every row the marks lie within {spread.max():.2f} of each "
    "other. "
    f"The SD of the slopes is {slopes['final']:.3f} in the final fit and {slopes['normal score']:.3f} with "
    "normal scores.",
)

# %% [markdown] tags=["workshop"]
# Four of these answers hold, near enough. The SD of the slopes holds against leaving out small schools and
# against a more flexible curve. On the stretched scale it is smaller by about a quarter, though still well
# above 0, and a report has to say so. The correlation of intercept and slope, which is in the table only,
# moves most: once the ends are stretched, it is much weaker. That agrees with our invented candidates. It
# belongs to the scale, at least in part, and stays out of the report.

# %% [markdown] tags=["workshop"]
# ## The report
#
# `report(final)` writes down all the numbers, for an appendix. The text itself answers the questions, in
# their order. What has to be in it, the lessons have said one by one. Here they are as a checklist:
#
# - [ ] the data: rows, groups at each level, how small the smallest are, what was missing or left out;
# - [ ] the response and its unit, and for each predictor its unit and its zero;
# - [ ] the model: fixed part, random part, REML or ML, the program and its version, the second search;
# - [ ] where the plan was left, and why; what complained;
# - [ ] each answer with its interval, each SD beside the average that it scatters around, and the range of
#   95 % of the groups;
# - [ ] how much the fixed part accounts for, and how alike two rows of a group are;
# - [ ] what the residuals and random effects look like;
# - [ ] which other choices were tried, and what moved;
# - [ ] what the study cannot tell.

# %% tags=["workshop"]
import course

found = answers(final)
table = final.fixed_effects[["estimate", "lower", "upper"]].map("{:.2f}".format)
gap, low, high = table.loc["gender[T.M]"]
doubled, doubled_low, doubled_high = table.loc["log2_size"]
classmates, *classmates_ends = final.fixed_effects.loc[
    "gcse_school", ["estimate", "lower", "upper"]
]
classmates_low, classmates_high = (f"{end:.3f}" for end in classmates_ends)
month = final.fe_params["age"]
of_slopes, of_gaps = quick[["estimate", "lower", "upper"]].iloc[:2].map("{:.2f}".format).to_numpy()
of_leas = of_authorities[["estimate", "lower", "upper"]].iloc[0].map("{:.2f}".format).to_list()
of_schools = found["SD of schools, average woman"]
half_points = pd.DataFrame([woman | {"gcsecnt": x} for x in (-0.5, 0.5)])
low_half, high_half = final.predict(half_points, random="none")
slope, slope_sd = high_half - low_half, found["SD of the slope of GCSE"]
before, gone = variances.loc["school", ["no predictors", "share gone"]]
marginal, alike_now = r2(final)["marginal"], icc(final).loc["school", "icc"]
of_fitted = pd.qcut(final.fittedvalues, 3, labels=["lowest", "middle", "highest"])
residual_sds = final.resid.groupby(of_fitted, observed=True).std()
paragraphs = [
    f"""Data. We analysed the A-level chemistry results of 1997 of {final.nobs:,} candidates in
    {len(size):,} schools of {final.n_groups["lea"]} authorities in England and Wales. The documentation of
    the file speaks of 2,280 schools. {(size == 1).sum()} schools had one candidate; all were kept. No values
    were missing. The response has six values (0 to 10 points). GCSE results are means of GCSE points, counted
    from the average candidate; age is in months, counted from eighteen and a half years.""",
    f"""Model. Linear mixed models were fitted by REML (Python package mixed-effects-course
    {course.__version__}); for the model without random slopes, statsmodels found the same optimum. The fixed
    part had GCSE result, gender, age and the school's mean GCSE result; intercepts varied by school and
    authority, slopes of GCSE and gender by school, all correlated. We departed from the plan twice. A
    straight line for GCSE had been planned; the residuals showed a curve, and we took a cubic spline with
    four coefficients. And school means of the residuals rose with the number of candidates in the school,
    which had not been planned as a predictor; we added its logarithm.""",
    f"""(1) Without predictors, the variance between schools was {before:.2f}. GCSE result, gender and age
    accounted for {100 * gone:.0f} % of it. In the final model schools differed with an SD of {of_schools:.2f}
    points (for a woman with an average GCSE result). Twice as many candidates in a school went with
    {doubled} points (95 % CI {doubled_low} to {doubled_high}). Authorities hardly differed (SD {of_leas[0]},
    95 % CI {of_leas[1]} to {of_leas[2]}). The fixed part accounted for {100 * marginal:.0f} % of the
    variance, and the remaining scores of two candidates of one school correlated by {alike_now:.2f}. The
    school's mean GCSE result went with {classmates:.2f} points per GCSE point ({classmates_low} to
    {classmates_high}), half of what it was before size was in the model.""",
    f"""(2) Near the average GCSE result, one GCSE point went with {slope:.2f} points. This slope differed
    between schools with an SD of {of_slopes[0]} (95 % CI {of_slopes[1]} to {of_slopes[2]}): in 95 % of
    schools
    it lies between {slope - 1.96 * slope_sd:.2f} and {slope + 1.96 * slope_sd:.2f}. With a straight line in
    place of the curve, its SD would have been {answers(planned)["SD of the slope of GCSE"]:.2f}. In forty
    simulated data sets in which slopes did not differ, graded on the same scale, it was
    {forty.loc["SD of the slope of GCSE", "graded: largest"]:.2f} at most.""",
    f"""(3) Men scored {gap} points more than women with equal GCSE results (95 % CI {low} to {high}),
    although women had the higher mean score. The gap differed between schools with an SD of {of_gaps[0]}
    points ({of_gaps[1]} to {of_gaps[2]}). A candidate one month older was {-month:.2f} points behind.""",
    f"""Checks. The residual SD was {residual_sds["lowest"]:.2f} in the lowest third of the fitted values and
    {residual_sds["highest"]:.2f} in the highest, as a ceiling makes it; {(final.fittedvalues > 10).sum()}
    fitted
    values lie above 10. Random intercepts were close to normal. No authority moved a fixed effect by one
    standard error. The results held when schools with fewer than five candidates were left out and when the
    curve had six coefficients. With normal scores in place of points, the SD of the slopes was
    {100 * (1 - slopes["normal score"] / slopes["final"]):.0f} % smaller (in SDs of the response); the other
    results held.""",
    """Limits. The data are observational. Candidates were not assigned to schools at random, so that
    differences
    between schools are not effects of schools, and the number of candidates may stand for much that was not
    measured.""",
]
for paragraph in paragraphs:
    print(textwrap.fill(" ".join(paragraph.split()), 95), end="\n\n")

# %% [markdown] tags=["workshop"]
# The last paragraph matters most. "Schools differ, with intake accounted for" means: with GCSE results,
# gender and age accounted for. Nobody measured what else the candidates brought with them. And those who
# gave up chemistry before the examination are not in the file.

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
#   better ones to begin with

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
# - c) nothing: fits with different fixed parts cannot be compared in any way

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
# *Why.* 11.7: two comparisons have two answers. 11.8: partial pooling gives a school the weight that its
# number of candidates deserves. 11.9: variances of two fits may be looked at side by side; what cannot be
# compared is the REML likelihood of different fixed parts. 11.10: shrinkage makes the guess better, but a
# guess it remains.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - Question and plan come first. Depart from the plan where the data ask for it, and say so.
# - Look at the groups before the fit: how many, how large, nested or not. Small groups may stay.
# - With many rows nearly everything is significant. Ask how large an effect is, and whether the model fits.
# - A random slope may be a curve in disguise. A floor and a ceiling can make a correlation by
#   themselves.
# - Plot what the model leaves over against what it does not contain. Start with the size of the groups.
# - Do not ask more of a ranking than it can tell. Try another choice before you believe a number.
#
# **What comes next:** your own data. Ask your question, and take the same steps. If your response is a yes
# or no, or a count, [lesson 12](12-yes-no-and-how-many.ipynb) is for you; if your data come from a national
# assessment, [lesson 13](13-national-assessment.ipynb). The
# [solutions](solutions/11-capstone.ipynb) of this lesson explain each answer.
