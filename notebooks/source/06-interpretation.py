# %% [markdown] tags=["workshop"]
# # Interpretation
#
# After this lesson you will be able to
#
# - turn every number of a summary into a sentence that names the unit, the comparison and the pupils
#   it is about;
# - say how far schools differ, how alike two pupils are, and what $R^2$ does and does not tell;
# - read predicted effects with their intervals, and explain why a ranking of schools is risky;
# - explain why effects of classrooms and effects of schools have no covariance;
# - predict for known and for new schools, tell a slope within schools from a slope between them, and
#   write a report.
#
# **Time:** 60 minutes in the workshop, 100 on your own.
#
# **Before:** [Random intercepts](02-random-intercepts.ipynb), [random slopes](03-random-slopes.ipynb) and
# [covariance structures](05-covariance-structures.ipynb).
#
# **Data:** pupils of one province, simulated in this lesson, so that every number has a truth beside it;
# later `exam`: real pupils of 65 schools in London.

# %% [markdown] tags=["workshop"]
# ## One summary
#
# A province with sixty schools. The cell below says how its pupils are made, so that every estimate
# can be held against a truth. Another `seed` makes other pupils.

# %% tags=["workshop"]
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from course import (
    between_within,
    check,
    icc,
    load,
    mixedlm,
    plots,
    r2,
    report,
    side_by_side,
    simulate_schools,
    translate,
)
from course.exercises import use
from course.plots.page import STYLE

plt.rcParams.update(STYLE)  # the style of the course's pictures

design = {
    "provinces": 1,
    "schools": 60,
    "classrooms": (2, 4),  # in each school
    "students": (9, 17),  # in each classroom
    "fixed_effects": {
        "Intercept": 60,
        "age": 4,
        "sex[T.male]": -2,
        "age:sex[T.male]": -1,
        "school_resources": 2,
    },
    "intercept_sd": {"classroom": 3, "school": 3},
    "slope_sd": {"school": 1.2},
    "correlation": {"school": 0.4},
    "residual_sd": 6,
    "intercept_at": 10,  # intercepts and correlations are meant at age 10
}
country = simulate_schools(**design, seed=6)
pupils, truth = country.data, country.truth.centred("age10", at=10)
pupils["age10"] = pupils["age"] - 10
use(pupils=pupils)

# %% [markdown] tags=["workshop"]
# Three levels: pupils, classrooms, schools. Classrooms differ by an intercept; schools by an
# intercept and by the slope of age. The model says the same:

# %% tags=["workshop"]
formula = "test_score ~ age10 * sex + school_resources + (1|classroom) + (age10|school)"
translation = translate(formula, pupils)
print("formula:   ", translation.fixed_formula)
print("groups:    ", translation.groups)
print("re_formula:", translation.re_formula)
print("vc_formula:", translation.vc_formula)

# %% [markdown] tags=["workshop"]
# In plain statsmodels, with the steadier search of lesson 05: the usual one stumbles over these pupils and
# warns.

# %% tags=["workshop"]
import statsmodels.formula.api as smf

model = smf.mixedlm(
    "test_score ~ age10 * sex + school_resources",
    pupils,
    groups="school",
    re_formula="1 + age10",
    vc_formula={"classroom": "0 + C(classroom)"},
)
result = model.fit(method="powell")

# %% tags=["workshop"]
fit = mixedlm(formula, pupils).fit()
print(f"log-likelihood, statsmodels   {result.llf:.1f}")
print(f"log-likelihood, mixedlm       {fit.llf:.1f}")

# %% [markdown] tags=["workshop"]
# The same optimum. This is the summary that the lesson reads, from bottom to top:

# %% tags=["workshop"]
fit.summary()

# %% [markdown] tags=["workshop"]
# <details>
# <summary>In R</summary>
#
# ```r
# library(lmerTest)
# fit <- lmer(test_score ~ age10 * sex + school_resources + (1 | classroom) + (age10 | school),
#             data = pupils)
# summary(fit)
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ## Fixed effects as sentences
#
# A coefficient is a comparison. To read it, say which pupils are compared, all else being equal. Three
# questions help.
#
# - **Where is zero?** `age10` is 0 at age ten. `school_resources` is an index: 0 is the average
#   school, and 1 is one SD above it.
# - **Which is the reference?** `sex[T.male]` belongs to boys, so girls are the reference level.
# - **What does it interact with?** Where two predictors interact, each of the two coefficients holds only
#   where the *other* predictor is zero or at its reference.

# %% tags=["workshop"]
b = fit.fe_params
low, high = fit.fixed_effects["lower"], fit.fixed_effects["upper"]


def sentence(name, text):
    print(f"{name:18} {text}: {b[name]:+.1f} points ({low[name]:.1f} to {high[name]:.1f})")


sentence("Intercept", "a girl of ten, in a school with resources 0")
sentence("sex[T.male]", "a boy of ten, against a girl of ten")
sentence("age10", "a girl, against a girl one year younger")
sentence("age10:sex[T.male]", "one year for boys, against one year for girls")
sentence("school_resources", "a pupil, where resources are one SD higher")

# %% [markdown] tags=["workshop"]
# In brackets stand 95 % intervals: values of the coefficient that go well with these data.
# [Lesson 07](07-inference.ipynb) shows how they are made. The columns `df`, `t` and `p` of the summary belong
# there, too.
#
# - **Intercept.** The expected score where everything is zero or at its reference.
# - **sex[T.male].** Boys minus girls, *at age ten*. At another age the difference is another one.
# - **age10.** The slope *of girls*, in points per year.
# - **age10:sex[T.male].** The slope of boys minus the slope of girls. Below zero means that the line of
#   boys is less steep.
# - **school_resources.** A comparison of schools. Sixty schools carry it, however many pupils each has,
#   so its interval is wide.
#
# "Against" is meant. These are comparisons of pupils who differ. Nobody was followed from year to year,
# and nobody gave a school more resources to see what would happen.
#
# An interaction is easier to see than to read.

# %% tags=["workshop"]
ages = np.array([8, 10, 12])
grid = pd.DataFrame({"age10": ages - 10, "school_resources": 0})
girls = fit.predict(grid.assign(sex="female"), random="none").to_numpy()
boys = fit.predict(grid.assign(sex="male"), random="none").to_numpy()
fig, ax = plt.subplots(figsize=(6.6, 4.2))
ax.plot(ages, girls, color=plots.BLUE, lw=2.4, label="girls")
ax.plot(ages, boys, color=plots.ORANGE, lw=2.4, ls="--", label="boys")
ax.vlines(ages[1:], girls[1:], boys[1:], color=plots.INK, ls=":", label="difference")
ax.set(xlabel="age (years)", ylabel="expected score (points)", xticks=range(8, 13))
ax.legend(loc="upper left")
plots.show(
    ax,
    alt="Expected score against age, a solid line for girls and a dashed line for boys. The dotted "
    f"difference, boys minus girls, is {boys[1] - girls[1]:.1f} points at age 10. The lines are not "
    "parallel, and the difference at age 12 is another one.",
)

# %% [markdown] tags=["workshop"]
# Two lines that are not parallel: that is an interaction. It has two readings, and both are right.
# The slope of age depends on sex. The difference between the sexes depends on age.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.1.** By how many points do boys differ from girls *at age twelve*, boys minus girls?
# Compute it from `fit.fe_params`, to two decimals.

# %% tags=["workshop", "exercise", "solution"]
at_twelve = b["sex[T.male]"] + 2 * b["age10:sex[T.male]"]  #!
check("06.1", at_twelve)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Write the prediction of a boy and of a girl, and subtract. The intercept, the slope of age
# and the resources are the same for both and cancel. What is left is `sex[T.male]`, plus the
# interaction times `age10`. A pupil of twelve has `age10` = 2.

# %% [markdown] tags=["workshop"]
# ## Variance against SD
#
# Now the random part: how much classrooms and schools differ from what the fixed part expects.

# %% tags=["workshop"]
components = fit.variance_components
components.round(2)

# %% [markdown] tags=["workshop"]
# A row with one effect is a variance, with its SD in `sdcor`. A row with two effects is a covariance,
# with the correlation in `sdcor`.
#
# A variance is in *squared* points. Nobody can picture a squared point, so for a sentence take the
# SD. For a better sentence take 1.96 times the SD. The effects are taken to be normal, so 95 % of
# them lie within that distance of 0.

# %% tags=["workshop"]
sd = components[components["effect2"].isna()].set_index(["group", "effect"])["sdcor"]
of_classrooms, of_schools = sd["classroom", "Intercept"], sd["school", "Intercept"]
print("95 % of classrooms lie within", f"{1.96 * of_classrooms:.1f} points of their school")
print("95 % of schools lie within", f"{1.96 * of_schools:.1f} points of the line, at age ten")
print("95 % of pupils lie within", f"{1.96 * fit.scale**0.5:.1f} points of their classroom's line")

# %% [markdown] tags=["workshop"]
# And the correlation of intercept and slope? Where it is above 0: schools that lie high at age ten tend
# to have steeper lines. Lesson 03 showed that it changes with where zero is, so the sentence needs the
# words "at age ten".

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.2.** The slope of age differs between schools. Between which two slopes do 95 % of the
# schools lie, for girls? Answer with the lower end, in points per year, to two decimals.

# %% tags=["workshop", "exercise", "solution"]
lower_end = b["age10"] - 1.96 * sd["school", "age10"]  #!
check("06.2", lower_end)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The fixed effect is the middle: the slope of the average school. Schools scatter around it
# with the SD of the random slope. The *standard error* of `age10` answers another question: how well
# the middle itself is known.

# %% [markdown] tags=["workshop"]
# Two ranges are easily mixed up. One is for the average of all schools. The other is for the schools.

# %% tags=["workshop"]
intercepts, slopes, covariance = components.loc[components["group"] == "school", "vcov"]


def school_variance(age10):
    """Variance between schools at this age, as in lesson 03."""
    return intercepts + 2 * covariance * age10 + slopes * age10**2


x = np.linspace(-2, 2, 41)
average = b["Intercept"] + b["age10"] * x
spread = 1.96 * school_variance(x) ** 0.5
V = fit.cov_params()
error = 1.96 * np.sqrt(
    V.loc["Intercept", "Intercept"]
    + 2 * x * V.loc["Intercept", "age10"]
    + x**2 * V.loc["age10", "age10"]
)

fig, ax = plt.subplots(figsize=(6.8, 4.6))
for u in fit.random_effects["school"].itertuples():
    ax.plot(10 + x, average + u.Intercept + u.age10 * x, color=plots.GREY, lw=0.6)
ax.fill_between(10 + x, average - error, average + error, color=plots.ORANGE, lw=0, zorder=3)
ax.plot(10 + x, average, color=plots.INK, lw=2, zorder=4, label="average school, 95 % interval")
for edge in (average - spread, average + spread):
    ax.plot(10 + x, edge, color=plots.BLUE, ls="--", lw=2)
ax.plot([], [], color=plots.BLUE, ls="--", lw=2, label="range of 95 % of schools")
ax.plot([], [], color=plots.GREY, lw=0.8, label="one school, as predicted")
ax.set(xlabel="age (years)", ylabel="expected score of a girl (points)", xlim=(8, 12))
ax.legend()
plots.show(
    ax,
    alt=f"Expected score of girls against age: {len(fit.random_effects['school'])} thin lines, one "
    "for each school, fan out to the right. The average has a narrow band; at age 12 it is "
    f"{2 * error[-1]:.1f} points wide. The dashed range that holds 95 % of schools is "
    f"{2 * spread[0]:.0f} points wide at age 8 and {2 * spread[-1]:.0f} at age 12.",
)

# %% [markdown] tags=["workshop"]
# The narrow band shrinks when there are more schools. The wide range does not: schools differ,
# however many you study.

# %% [markdown] tags=["workshop"]
# ## How alike are two pupils?
#
# The [intraclass correlation](glossary.ipynb#intraclass-correlation), ICC, says it for each level.

# %% tags=["workshop"]
icc(fit)[["share", "icc"]].round(2)

# %% [markdown] tags=["workshop"]
# Two columns, two sentences.
#
# - `share`: which part of the variance lies *at this level*. What is missing to 1 lies between the pupils
#   of a classroom. The summary has the same column.
# - `icc`: how alike two pupils are *who share this group*. Two classmates share the classroom and the
#   school, so both parts count.
#
# Both speak of the variance that the fixed effects leave. "Alike" means: alike beyond age, sex and
# resources.
#
# With a random slope these are averages over all pupils. Lesson 03 showed why: the variance between
# schools depends on age. So give the age, with `at=`.

# %% tags=["workshop"]
by_age = icc(fit, at={"age10": [-2, 0, 2]})
by_age[["age10", "share", "icc"]].round(2)

# %% tags=["workshop"]
curve = icc(fit, at={"age10": list(np.linspace(-2, 2, 21))})
fig, ax = plt.subplots(figsize=(6.8, 4.2))
looks = {"classroom": (plots.BLUE, "-"), "school": (plots.ORANGE, "--")}
for group, (colour, dash) in looks.items():
    part = curve.loc[group]
    ages = 10 + part["age10"]
    ax.fill_between(ages, part["icc_lower"], part["icc_upper"], color=colour, alpha=0.15, lw=0)
    ax.plot(ages, part["icc"], color=colour, ls=dash, lw=2.4, label=f"the same {group}")
ax.set(xlabel="age of both pupils (years)", ylabel="correlation of two pupils (ICC)", ylim=(0, 0.7))
ax.legend(loc="upper left")
ends = {group: curve.loc[group, "icc"].iloc[[0, -1]].round(2).tolist() for group in looks}
plots.show(
    ax,
    alt="ICC against age, with 95 % bands. For two pupils of the same classroom it is "
    f"{ends['classroom'][0]:.2f} at age 8 and {ends['classroom'][1]:.2f} at age 12; for two pupils "
    f"of the same school, in different classrooms, {ends['school'][0]:.2f} and "
    f"{ends['school'][1]:.2f}.",
)

# %% [markdown] tags=["workshop"]
# Where the lines of the schools fan out, it matters more which school a pupil goes to.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.3.** How alike are two pupils of eleven who sit in the *same classroom*? To two decimals.

# %% tags=["workshop", "exercise", "solution"]
at_eleven = icc(fit, at={"age10": 1}, groups="classroom")["icc"]  #!
check("06.3", at_eleven)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* By hand: the variance between schools at eleven, plus the variance between classrooms, over both
# plus the residual variance. `share` would leave out the school, which two classmates have in common as
# well.

# %% [markdown] tags=["workshop"]
# ## Two R squares
#
# In `smf.ols` there is one $R^2$. Here are two, since there are two kinds of knowing.

# %% tags=["workshop"]
r2(fit).round(2)

# %% [markdown] tags=["workshop"]
# - **[Marginal](glossary.ipynb#marginal-R-squared).** The share of the variance that goes with the [fixed
#   effects](glossary.ipynb#fixed-effect): age, sex and resources. You know these of any pupil.
# - **[Conditional](glossary.ipynb#conditional-R-squared).** The share that goes with the fixed
#   effects *and* with which classroom and school a pupil belongs to.
#
# Be modest with both.
#
# - Random effects do not explain. They say *where* the variance lies; "it is the school" is no reason
#   yet.
# - The conditional value does not promise good predictions for a new school. Its effect is unknown there.
# - Both depend on the pupils in the study. With pupils of a single age, age would account for
#   nothing, and the slope of age could still be what it is.
# - Neither says that the model is right.
#
# <details>
# <summary>In R</summary>
#
# ```r
# MuMIn::r.squaredGLMM(fit)   # R2m is marginal, R2c conditional
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ## Predicted effects
#
# The effects of single schools are not parameters of the model. They are predicted:
# [BLUPs](glossary.ipynb#BLUP), pulled towards the average. Here is the pull, for intercept and slope
# at once.

# %% tags=["workshop"]
ax = plots.shrinkage(fit, "school")
plots.show(ax)

# %% [markdown] tags=["workshop"]
# The arrows point inwards, as in lesson 03. So BLUPs differ less than the schools do. **The variance of the
# BLUPs is not the variance component.** What is missing is their uncertainty, which stands in
# `fit.random_effects_se`. Add the squared standard error of each school to its squared BLUP, and the
# average is about the variance component again.

# %% tags=["workshop"]
blups, errors = fit.random_effects["school"], fit.random_effects_se["school"]
pd.DataFrame(
    {
        "SD of the BLUPs": blups.std(),
        "BLUPs and their uncertainty": np.sqrt((blups**2 + errors**2).mean()),
        "estimated SD": sd["school"],
        "true SD": truth.variance_components.set_index(["group", "effect"])["sdcor"]["school"][:2],
    }
).round(2)

# %% [markdown] tags=["workshop"]
# To say how much schools differ, use the variance component. To speak of one school, use its BLUP, never
# without its interval.

# %% tags=["workshop"]
school = blups["Intercept"].sort_values()
true_effect = truth.random_effects["school"]["Intercept"].loc[school.index]
half = 1.96 * errors["Intercept"].loc[school.index]
ax = plots.caterpillar(fit, "school")
rows = range(1, len(school) + 1)
ax.scatter(true_effect, rows, marker="D", s=16, color=plots.ORANGE, zorder=4, label="truth")
ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=9.5)
inside = ((school - true_effect).abs() < half).sum()
plots.show(
    ax,
    alt=f"The random intercept of each of {len(school)} schools, sorted, with its 95 % interval, around a "
    f"dashed line at 0. They run from {school.min():.1f} to {school.max():.1f} points; where the interval "
    f"excludes 0 the dot is filled. A diamond marks the true effect of each school; {inside} of the "
    f"{len(school)} lie within their interval.",
)

# %% [markdown] tags=["workshop"]
# A filled dot means that the interval excludes 0. Hold the diamonds, the true effects, against the intervals:
# about 95 of 100 should lie inside.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.4.** For how many schools can the fit *not* tell whether they lie above or below the
# average at age ten: how many intervals hold 0? Count with `fit.random_effects` and
# `fit.random_effects_se`.

# %% tags=["workshop", "exercise", "solution"]
cannot_tell = (blups["Intercept"].abs() < 1.96 * errors["Intercept"]).sum()  #!
check("06.4", cannot_tell)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* An interval holds 0 where the BLUP is less than 1.96 of its own standard errors away from 0.
# For most schools that is so, although schools do differ: forty pupils are few to know one school by.

# %% [markdown] tags=["workshop"]
# ## Why a ranking is risky
#
# Sorted schools look like a league table. Is the school on top the best? The truth can tell.

# %% tags=["workshop"]
first = school.index[-1]
true_rank = true_effect.rank(ascending=False).astype(int)
reach = (school + half > school[first] - half[first]).sum() - 1
print(f"ranked first by the fit           {first}")
print(f"its rank in truth                 {true_rank[first]}")
print(f"intervals that overlap with its   {reach} of {len(school) - 1}")

# %% [markdown] tags=["workshop"]
# Intervals that overlap are a rough sign only, and no test.
#
# One province proves little. So make a hundred like it, fit each, and note how good the school on top is in
# truth.

# %% tags=["workshop"]
ranks = []
for seed in range(100, 200):
    other = simulate_schools(**design, seed=seed)
    other_pupils = other.data.assign(age10=other.data["age"] - 10)
    predicted = mixedlm(formula, other_pupils).fit().random_effects["school"]["Intercept"]
    true = other.truth.centred("age10", at=10).random_effects["school"]["Intercept"]
    ranks.append(int(true.rank(ascending=False)[predicted.idxmax()]))
counts = pd.Series(ranks).value_counts().sort_index()

fig, ax = plt.subplots(figsize=(6.8, 3.6))
ax.bar(counts.index, counts, color=plots.BLUE, edgecolor=plots.INK, width=0.8)
ax.set(xlabel="true rank of the school that the fit ranks first", ylabel="provinces (of 100)")
plots.show(
    ax,
    alt=f"Bars of the true rank of the school on top, over 100 provinces. It is truly the first in "
    f"{counts.get(1, 0)}, truly among the first five in {counts[counts.index <= 5].sum()}; the worst "
    f"of them has rank {counts.index.max()} of 60.",
)

# %% [markdown] tags=["workshop"]
# The school on top is usually a good one, and often not the best. This is with some forty pupils in each
# school, and with a model that is true. A league table tells none of it. If you must show one, show the
# intervals with it.

# %% [markdown] tags=["workshop"]
# ## Why levels do not covary
#
# The summary holds one covariance: of the intercept and the slope *of schools*. Both belong to the
# same school, so they come in pairs, and pairs can be correlated. A classroom with one effect has
# nothing to pair.
#
# Many learners look for one more number: the covariance of the classroom effects with the school
# effects. There is none, in any software. It is not that it is small: **it is not a parameter**. Here
# are two reasons.
#
# **Effects are measured from the level above.** Take a school with three classrooms of 60, 64 and 65
# points. The school is at 63, and its classrooms at −3, +1 and +2. Those add up to 0. Had all three
# been better by 2, the *school* would be better by 2, and the classrooms still at −3, +1 and +2. What
# all the classrooms of a school have in common belongs to the school. What is left to them does
# not rise or fall with it.
#
# With three classrooms drawn at random the sum is 0 on average, not in each school. The idea is the same:
# the school's effect is the mean of all classrooms that it might have.
#
# **The data could not show it.** From scores we can learn three things: how much pupils differ, how
# alike two classmates are, and how alike two pupils from different classrooms of one school are.
# Three numbers give three variances: residual, classroom, school. There is no fourth number to learn
# a covariance from.
#
# Where does the idea come from, then? From predicted effects. Here are the true effects beside the BLUPs.

# %% tags=["workshop"]
school_of = pupils.drop_duplicates("classroom").set_index("classroom")["school"]


def pairs(effects):
    """The effect of each classroom, and the effect of its school."""
    own = effects["classroom"]["Intercept"]
    above = school_of.map(effects["school"]["Intercept"])
    return pd.DataFrame({"classroom": own, "school": above})


fig, axes = plt.subplots(1, 2, figsize=(9.5, 4.2), sharex=True, sharey=True, layout="constrained")
correlations = {}
for ax, (name, effects) in zip(
    axes, {"true effects": truth.random_effects, "BLUPs": fit.random_effects}.items(), strict=True
):
    both = pairs(effects)
    correlations[name] = both.corr().iloc[0, 1]
    ax.axhline(0, color=plots.PALE)
    ax.axvline(0, color=plots.PALE)
    ax.scatter(both["school"], both["classroom"], s=16, facecolors="none", edgecolors=plots.BLUE)
    ax.set_title(f"{name}: correlation {correlations[name]:.2f}", fontsize=11)
    ax.set_xlabel("effect of the school at age 10 (points)")
axes[0].set_ylabel("effect of the classroom (points)")
plots.show(
    axes,
    alt=f"{len(school_of)} classrooms, their effect against that of their school. The true effects "
    f"are a round cloud, with a correlation of {correlations['true effects']:.2f}; the BLUPs a cloud "
    f"that rises to the right, with {correlations['BLUPs']:.2f}.",
)

# %% [markdown] tags=["workshop"]
# In truth there is no relation but chance. The BLUPs do correlate, and this is not the schools'
# doing. If all classrooms of a school score high, the fit cannot know whether the school is good or
# whether it had luck with its classrooms. So it credits a part to each.
#
# If you look for a covariance between levels, you may mean one of these, and each has a place in the
# model:
#
# - *Does something about the school change what happens inside it?* A [cross-level
#   interaction](glossary.ipynb#cross-level-interaction), a fixed effect such as `age10:school_resources`.
# - *Do schools with older pupils do better, beyond the age of each pupil?* A [contextual
#   effect](glossary.ipynb#contextual-effect), below.
# - *Do schools that lie high have steeper slopes?* The covariance of two effects of **one** level,
#   which is in the summary.

# %% [markdown] tags=["workshop"]
# ## Known and new schools
#
# Three girls of ten. One joins a classroom we know; one a new classroom of a school we know; one a school
# that is not in the data. `random=` says which effects to use.

# %% tags=["workshop"]
resources = pupils.loc[pupils["school"] == first, "school_resources"].iloc[0]
new = pd.DataFrame(
    {
        "school": [first, first, "a new school"],
        "classroom": [f"{first}-C1", "a new classroom", "a new classroom"],
        "age10": 0,
        "sex": "female",
        "school_resources": resources,
    }
)
new.assign(
    none=fit.predict(new, random="none"),
    school_only=fit.predict(new, random=["school"]),
    all=fit.predict(new, random="all"),
).drop(columns=["age10", "sex", "school_resources"]).round(1)

# %% [markdown] tags=["workshop"]
# A group that the fit has not seen has no effect to add, so its prediction stays at the level above.
# For the new school it is the fixed part alone.
#
# <details>
# <summary>In R</summary>
#
# ```r
# predict(fit, new, re.form = NA)                                            # none
# predict(fit, new, re.form = ~ (age10 | school), allow.new.levels = TRUE)   # school only
# predict(fit, new, allow.new.levels = TRUE)                                 # all
# ```
#
# </details>
#
# How far off may a prediction be? A [prediction interval](glossary.ipynb#prediction-interval) says
# it. Ask what is *not known* of this pupil, and add the variances.
#
# - Known school, new classroom: the school's effect is known up to its standard error; the classroom
#   and the pupil are not known.
# - New school: none of the three is known.

# %% tags=["workshop"]
classroom_variance = of_classrooms**2
known = errors.loc[first, "Intercept"] ** 2 + classroom_variance + fit.scale
unknown = school_variance(0) + classroom_variance + fit.scale
rows = {
    "mean of the known school": (
        fit.predict(new, random=["school"])[1],
        errors.loc[first, "Intercept"],
    ),
    "new pupil, known school": (fit.predict(new)[1], known**0.5),
    "new pupil, new school": (fit.predict(new)[2], unknown**0.5),
}
intervals = pd.DataFrame(rows, index=["prediction", "SD"]).T
intervals["lower"] = intervals["prediction"] - 1.96 * intervals["SD"]
intervals["upper"] = intervals["prediction"] + 1.96 * intervals["SD"]
intervals.round(1)

# %% tags=["workshop"]
fig, ax = plt.subplots(figsize=(6.8, 2.6))
for place, (name, row) in enumerate(intervals[::-1].iterrows()):
    colour = plots.ORANGE if "mean" in name else plots.BLUE
    ax.hlines(place, row["lower"], row["upper"], color=colour, lw=3)
    ax.scatter(row["prediction"], place, color=colour, edgecolor=plots.INK, s=60, zorder=3)
ax.set_yticks(range(3), intervals.index[::-1])
ax.set(xlabel="score of a girl of ten (points), with 95 % interval", ylim=(-0.6, 2.6))
widths = (intervals["upper"] - intervals["lower"]).round(0).astype(int)
plots.show(
    ax,
    alt="Three predictions with 95 % intervals: "
    + "; ".join(
        f"{name} {intervals.loc[name, 'prediction']:.1f} points, {width} points wide"
        for name, width in widths.items()
    )
    + ".",
)

# %% [markdown] tags=["workshop"]
# Knowing the school moves the interval more than it narrows it. Most of the width is the pupils' own.
# Do not confuse the first row with the second: a mean is known far better than a pupil. (We took the
# fixed effects as known. Their uncertainty adds little here.)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.5.** How wide, from end to end, is the 95 % interval for a new girl of *twelve* in a *new*
# school? Take the fixed effects as known, as above. In points, to one decimal.

# %% tags=["workshop", "exercise", "solution"]
width = 2 * 1.96 * np.sqrt(school_variance(2) + classroom_variance + fit.scale)  #!
check("06.5", width)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Nothing is known of the school, the classroom, the pupil: three variances. The variance
# between schools is taken at the age of the pupil, where `age10` is 2. Variances are added first; the
# root comes last.

# %% [markdown] tags=["workshop"]
# ## Within schools and between them
#
# A slope may hide two comparisons. Take real pupils: `exam` has the examination at 16 (`normexam`) and a
# reading test at 11 (`standLRT`), both in SDs.

# %% tags=["workshop"]
exam = load("exam")
exam_fit = mixedlm("normexam ~ standLRT + (1|school)", exam).fit()
exam_fit.fixed_effects[["estimate", "lower", "upper"]].round(2)

# %% [markdown] tags=["workshop"]
# The slope of `standLRT` compares two pupils of one school, but it also compares schools whose pupils
# read better with others. The model takes both slopes to be the same. `between_within` asks whether
# they are.

# %% tags=["workshop"]
both = between_within(exam_fit)
both[["predictor", "group", "within", "between", "difference", "lower", "upper"]].round(2)

# %% [markdown] tags=["workshop"]
# They are not.
#
# - `within`: of two pupils *of one school*, the one who read better by one SD is so many SDs ahead at 16.
# - `between`: of two *schools*, the one whose mean is higher by one SD (of pupils) is so many SDs
#   ahead.
# - `difference`: take two pupils who read *equally well*. One goes to a school whose mean is higher
#   by one SD, and is so many SDs ahead. This is the [contextual
#   effect](glossary.ipynb#contextual-effect). Its interval, from `lower` to `upper`, excludes 0.

# %% tags=["workshop"]
slope = both.iloc[0]
schools = exam.groupby("school")[["standLRT", "normexam"]].mean()
fig, ax = plt.subplots(figsize=(6, 6))
step = np.array([-0.2, 0.2])
for mean in schools.itertuples():
    ax.plot(mean.standLRT + step, mean.normexam + slope["within"] * step, color=plots.BLUE, lw=1)
ax.scatter(schools["standLRT"], schools["normexam"], s=18, color=plots.INK, zorder=3)
ends = schools["standLRT"].agg(["min", "max"])
centre = schools.mean()
ax.plot(
    ends, centre["normexam"] + slope["between"] * (ends - centre["standLRT"]),
    color=plots.ORANGE, ls="--", lw=3, zorder=4, label="between schools",
)  # fmt: skip
ax.plot([], [], color=plots.BLUE, label="within each school")
ax.plot([], [], "o", color=plots.INK, ms=4, label="mean of a school")
ax.set(
    xlabel="standLRT at 11 (SD)",
    ylabel="normexam at 16 (SD)",
    aspect="equal",
    xticks=[-0.5, 0, 0.5],
)
ax.legend(loc="upper left")
plots.show(
    ax,
    alt=f"normexam against standLRT: the means of {len(schools)} schools as dots, each with a short "
    f"line of slope {slope['within']:.2f} for the pupils within it. A dashed line through the means "
    f"is steeper, with slope {slope['between']:.2f}.",
)

# %% [markdown] tags=["workshop"]
# In a formula, the contextual effect is the mean of the group as one more predictor. `exam` has it
# already, as `schavg`; in data of your own, make it with
# `data.groupby("school")["standLRT"].transform("mean")`.

# %% tags=["workshop"]
contextual = mixedlm("normexam ~ standLRT + schavg + (1|school)", exam).fit()
contextual.fixed_effects[["estimate", "lower", "upper"]].round(2)

# %% [markdown] tags=["workshop"]
# Now `standLRT` is the slope within schools, and `schavg` the difference. Is it the company of good
# readers? Or do schools with good readers choose their pupils by more than reading? The model cannot
# tell.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.6.** Patients lie in wards. There are `pain`, `dose` (of each patient), `ward_dose`
# (the mean dose of the patient's ward) and `ward`. Write a formula with a random intercept, in which
# the slope of dose within wards may differ from the slope between wards.

# %% tags=["workshop", "exercise", "solution"]
pain_formula = "pain ~ dose + ward_dose + (1|ward)"  #!
check("06.6", pain_formula)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* With the ward's mean beside it, `dose` is the slope within wards, and `ward_dose` is by how
# much the slope between wards differs from it. A random slope, `(dose|ward)`, lets wards differ in
# their slopes within; it says nothing about the slope between wards.

# %% [markdown] tags=["workshop"]
# ## From summary to report
#
# First, the truth beside the estimates, since here we have it:

# %% tags=["workshop"]
table = truth.compare(fit)
table = table[table["group"] != "province"]  # one province: no variance to compare
columns = ["group", "effect", "kind", "true", "estimate", "lower", "upper"]
print(table[columns].round(2).to_string(index=False, na_rep=""))

# %% [markdown] tags=["workshop"]
# Would a simpler model have said the same? `side_by_side` sets fits beside each other, with standard
# errors in brackets.

# %% tags=["workshop"]
simpler_formula = formula.replace("(age10|school)", "(1|school)")
simpler = mixedlm(simpler_formula, pupils).fit()
side_by_side(simpler, fit, names=["no slopes", "slopes by school"])

# %% [markdown] tags=["workshop"]
# The coefficients hardly move. The standard error of `age10` does: a model in which all schools have
# the same slope is too sure of it. The log-likelihood, AIC and BIC have no sentence of their own. They
# compare models, as in lesson 05.
#
# `report` writes the paragraph of a results section:

# %% tags=["workshop"]
print(textwrap.fill(report(fit), 95))

# %% [markdown] tags=["workshop"]
# Everything is there that a reader needs to judge the fit, and nothing that a reader needs to
# understand it. Keep the numbers that your question needs, and write the
# sentences of this lesson around them:

# %% tags=["workshop"]
slope_sd = sd["school", "age10"]
age = icc(fit, at={"age10": [-2, 2]}, groups="school")["icc"]
text = f"""
We modelled the scores of {fit.nobs:,} pupils in {fit.n_groups["classroom"]} classrooms of
{fit.n_groups["school"]} schools. Fixed effects were age (zero at ten years), sex, their interaction, and the
resources of the school; intercepts varied by classroom, and intercepts and slopes of age by school (REML).
Girls scored {b["age10"]:.1f} points more per year of age (95 % CI {low["age10"]:.1f} to
{high["age10"]:.1f}). The slope of boys differed from that by {b["age10:sex[T.male]"]:.1f} points per year
({low["age10:sex[T.male]"]:.1f} to {high["age10:sex[T.male]"]:.1f}). Schools differed in the slope of age: for
girls we estimate it between {b["age10"] - 1.96 * slope_sd:.1f} and {b["age10"] + 1.96 * slope_sd:.1f} points
per year in 95 % of schools. Two pupils of one school, in different classrooms, correlated by
{age.iloc[0]:.2f} at age eight and by {age.iloc[1]:.2f} at age twelve. Classrooms of one school differed
with an SD of {of_classrooms:.1f} points. Pupils of schools with resources higher by one SD scored
{b["school_resources"]:.1f} points more ({low["school_resources"]:.1f} to {high["school_resources"]:.1f}); the
study does not tell why.
"""
print(textwrap.fill(" ".join(text.split()), 95))

# %% [markdown] tags=["workshop"]
# Every number has its unit and its comparison, and the coefficients say how sure they are. The table
# goes into an appendix.

# %% [markdown] tags=["self-study"]
# ## A slope that depends on the school (self-study)
#
# A random slope says *that* slopes differ. A cross-level interaction says *with what*. In `exam`: is
# the slope of reading steeper in schools with better readers?

# %% tags=["self-study"]
cross_level = mixedlm("normexam ~ standLRT * schavg + (standLRT|school)", exam).fit()
cross_level.fixed_effects[["estimate", "lower", "upper"]].round(2)

# %% [markdown] tags=["self-study"]
# The coefficient `standLRT:schavg` is a comparison of schools: where the mean is higher by one SD,
# the slope is steeper by so much. `standLRT` alone is now the slope in a school whose mean is 0.

# %% tags=["self-study"]
fig, axes = plt.subplots(1, 2, figsize=(10, 4.4), sharey=True, layout="constrained")
for ax, mean in zip(axes, [-0.5, 0.5], strict=True):
    plots.predictions(cross_level, "standLRT", at={"schavg": mean}, unit="SD", ax=ax)
steeper = (
    cross_level.fe_params["standLRT"]
    + np.array([-0.5, 0.5]) * (cross_level.fe_params["standLRT:schavg"])
)
plots.show(
    axes,
    alt="Expected normexam against standLRT in two panels, with 95 % bands. In schools whose mean is "
    f"-0.5 the line has a slope of {steeper[0]:.2f}; in schools whose mean is 0.5, {steeper[1]:.2f}.",
)

# %% [markdown] tags=["self-study"]
# How much of the variance of the slopes does this account for? Compare the SD of `standLRT` with that
# of a fit without the interaction.

# %% tags=["self-study"]
without = mixedlm("normexam ~ standLRT + schavg + (standLRT|school)", exam).fit()
rows = [fit_.variance_components.query("effect == 'standLRT'") for fit_ in (without, cross_level)]
pd.concat(rows, keys=["without", "with interaction"])[["group", "effect", "sdcor"]].round(3)

# %% [markdown] tags=["self-study"]
# A small part. Schools differ in their slopes for other reasons, too.

# %% [markdown] tags=["self-study"]
# ## Explained, level by level (self-study)
#
# $R^2$ puts all levels into one number. A predictor may account for much at one level and nothing at
# another. `variance_explained` compares each variance with that of a model without predictors. It
# takes random intercepts only, so we use the simpler fit.

# %% tags=["self-study"]
from course import variance_explained, variance_shares

variance_explained(simpler).round(2)

# %% [markdown] tags=["self-study"]
# Read it row by row. Age and sex differ inside classrooms, and account for residual variance. Resources
# differ between schools, and account for variance there. No predictor belongs to classrooms. Their
# variance moves by chance only: some classrooms happen to have older pupils. It may even grow, and then
# the value is below 0. That is no mistake.
#
# `variance_shares` divides up what the predictors leave.

# %% tags=["self-study"]
variance_shares(simpler).round(2)

# %% [markdown] tags=["self-study"]
# These are the shares that `simpler.summary()` and `icc(simpler)` show.

# %% [markdown] tags=["self-study"]
# ## Are the intervals honest? (self-study)
#
# An interval of 95 % should hold 95 % of new pupils. Simulation can test it: make a second province
# from the same truth, a large one. All its schools are new, so we predict with the fixed part, and
# count the pupils inside two intervals: one that takes the residual for everything, and one with all
# three variances.

# %% tags=["self-study"]
second = simulate_schools(**(design | {"schools": 300}), seed=7).data
second["age10"] = second["age"] - 10
miss = (second["test_score"] - fit.predict(second, random="none")).abs()
all_three = school_variance(second["age10"]) + classroom_variance + fit.scale
print(f"residual variance alone   {(miss < 1.96 * fit.scale**0.5).mean():.3f}")
print(f"all three variances       {(miss < 1.96 * np.sqrt(all_three)).mean():.3f}")

# %% [markdown] tags=["self-study"]
# The first interval is too narrow. It would be right for pupils of classrooms that we know perfectly.

# %% [markdown] tags=["workshop"]
# ## Quiz
#
# Answer with one letter, in quotes.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.7.** A study reports a conditional $R^2$ far above the marginal one. What follows?
#
# - a) the model predicts well for schools that are not in the study
# - b) the predictors are well chosen
# - c) much of the variance lies between groups and is not accounted for by the predictors

# %% tags=["workshop", "exercise", "solution"]
two_r2 = "c"  #!
check("06.7", two_r2)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.8.** Why does a fit report no covariance between the effects of classrooms and of schools?
#
# - a) a classroom's effect is measured from its school, so there is none to estimate
# - b) it is always too small to print
# - c) statsmodels and lme4 cannot estimate it; other software can

# %% tags=["workshop", "exercise", "solution"]
no_covariance = "a"  #!
check("06.8", no_covariance)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.9.** You compute the SD of the BLUPs of all schools and find it below the SD in the
# summary. What is wrong?
#
# - a) the fit has not converged
# - b) nothing: BLUPs are shrunk, and their uncertainty is missing in their SD
# - c) the SD in the summary is too large, since schools are few

# %% tags=["workshop", "exercise", "solution"]
sd_of_blups = "b"  #!
check("06.9", sd_of_blups)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.10.** In a model with `age10 * sex`, what is the coefficient `age10`?
#
# - a) the slope of age, averaged over girls and boys
# - b) the slope of age in the reference level of sex
# - c) the difference between the slopes of boys and girls

# %% tags=["workshop", "exercise", "solution"]
coefficient = "b"  #!
check("06.10", coefficient)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* 06.7: the difference of the two is what goes with the groups themselves; for a new school it
# is not at hand. 06.8: what the classrooms of a school have in common *is* the school's effect. 06.9:
# the squared BLUPs plus their squared standard errors average to about the variance. 06.10: it is the
# slope where `sex[T.male]` is 0.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - A coefficient is a comparison: say of whom, in which unit, and where the other predictors stand.
# - Take SDs for sentences: 95 % of schools lie within 1.96 SD of the average. The standard error
#   speaks of the average itself.
# - With a random slope, ICC and intervals depend on the predictor: give its value.
# - BLUPs are shrunk, uncertain, and vary less than the groups. Use the variance component for all
#   groups, a BLUP with its interval for one, and rank with care.
# - Effects of different levels are independent by construction. Covariances are between effects of
#   one level.
# - Ask whether a slope is within groups or between them.
#
# **What comes next:** [lesson 07](07-inference.ipynb) shows where the intervals come from, and when
# to doubt them. The [solutions](solutions/06-interpretation.ipynb) of this lesson explain each answer.
