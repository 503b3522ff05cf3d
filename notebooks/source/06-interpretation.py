# %% [markdown] tags=["workshop"]
# # Interpretation
#
# After this lesson you will be able to
#
# - turn every number of a summary into a sentence that names the unit, the comparison and the pupils it
#   is about;
# - say how far schools differ, how alike two pupils are, and what $R^2$ does and does not tell;
# - read predicted effects with their intervals, and explain why a ranking of schools is risky;
# - explain why effects of classrooms and effects of schools have no covariance;
# - predict for known and for new schools, tell a slope within schools from a slope between them, and
#   write a report.
#
# **Time:** 60 minutes in the workshop, 90 on your own. If you come back in the middle, choose *Run → Run
# All Above Selected Cell* first.
#
# **Before:** [Random intercepts](02-random-intercepts.ipynb), [random slopes](03-random-slopes.ipynb) and
# [covariance structures](05-covariance-structures.ipynb).
#
# **Data:** pupils of one province, simulated in this lesson, so that every number has a truth beside it;
# later `exam`: real pupils of 65 schools in London.

# %% [markdown] tags=["workshop"]
# ## One summary
#
# We simulate the pupils of a province with sixty schools, so that every estimate can be compared with a
# truth. (Another `seed` makes other pupils.)

# %% tags=["workshop"]
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from course import check, load, mixedlm, plots, simulate_schools, translate
from course.exercises import use

sns.set_theme(style="ticks", rc={"axes.spines.top": False, "axes.spines.right": False})

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
# There are three levels: pupils, classrooms and schools. Classrooms differ in their intercepts; schools
# differ in their intercepts and in the slope of age. The model says the same:

# %% tags=["workshop"]
formula = "test_score ~ age10 * sex + school_resources + (1|classroom) + (age10|school)"
translation = translate(formula, pupils)
print("formula:   ", translation.fixed_formula)
print("groups:    ", translation.groups)
print("re_formula:", translation.re_formula)
print("vc_formula:", translation.vc_formula)

# %% [markdown] tags=["workshop"]
# Here it is in plain statsmodels. `method="powell"` asks for a slower and more reliable search; the
# default one has trouble with these pupils and warns.

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
# Both reach the same optimum. This is the summary that we will read in this lesson, from bottom to top:

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
# - **Where is zero?** `age10` is 0 at age ten. `school_resources` is an index: 0 is the average school,
#   and 1 is one SD above it.
# - **Which level is the reference?** `sex[T.male]` belongs to boys, so girls are the reference.
# - **What does it interact with?** Where two predictors interact, each of the two coefficients holds only
#   where the *other* predictor is zero or at its reference.

# %% tags=["workshop"]
b = fit.fe_params
low, high = fit.fixed_effects["lower"], fit.fixed_effects["upper"]


def sentence(name, text):
    print(f"{name:18} {text}: {b[name]:+.1f} points ({low[name]:.1f} to {high[name]:.1f})")


sentence("Intercept", "a girl of ten, in a school with average resources")
sentence("sex[T.male]", "a boy of ten, compared with a girl of ten")
sentence("age10", "a girl, compared with a girl one year younger")
sentence("age10:sex[T.male]", "one year for boys, compared with one year for girls")
sentence("school_resources", "a pupil, where resources are one SD higher")

# %% [markdown] tags=["workshop"]
# The brackets hold 95 % intervals: values of the coefficient that are compatible with these data. [Lesson
# 07](07-inference.ipynb) shows how they are made. It also explains the columns `df`, `t` and `p` of the
# summary.
#
# - **Intercept.** The expected score where everything is zero or at its reference.
# - **sex[T.male].** Boys minus girls, *at age ten*. At other ages the difference is not the same.
# - **age10.** The slope *of girls*, in points per year.
# - **age10:sex[T.male].** The slope of boys minus the slope of girls. It is below zero: the line of boys
#   is less steep.
# - **school_resources.** A comparison of schools. The evidence comes from sixty schools, however many
#   pupils each of them has, so its interval is wide.
#
# We say "compared with" on purpose. These are comparisons of different pupils. Nobody was followed from
# year to year, and nobody gave a school more resources to see what would happen.
#
# An interaction is easier to see than to read. `means` gives the expected score of girls and boys at
# several ages, with intervals:

# %% tags=["workshop"]
from course import contrasts, means, slopes

expected = means(fit, "sex", by="age10", at={"age10": [-2, -1, 0, 1, 2], "school_resources": 0})
fig, ax = plt.subplots(figsize=(6.6, 4.2))
for sex, colour, dash in [("female", plots.BLUE, "-"), ("male", plots.ORANGE, "--")]:
    line = expected.xs(sex, level="sex")
    ages = 10 + line.index
    ax.fill_between(ages, line["lower"], line["upper"], color=colour, alpha=0.2, lw=0)
    ax.plot(ages, line["estimate"], color=colour, ls=dash, lw=2.4, label=sex)
ax.set(xlabel="age (years)", ylabel="expected score (points)", xticks=range(8, 13))
ax.legend(loc="upper left", frameon=False)
gap = expected["estimate"].unstack("sex").eval("male - female")
plots.show(
    ax,
    alt="Expected score against age with 95 % bands, a solid line for girls and a dashed line for "
    f"boys. Boys minus girls is {gap[-2]:.2f} points at age 8 and {gap[0]:.1f} at age 10. The lines "
    "are not parallel: the gap grows with age.",
)

# %% [markdown] tags=["workshop"]
# Two lines that are not parallel: that is an interaction. It can be read in two ways, and both are right.
# The slope of age depends on sex. The difference between the sexes depends on age. Do not judge the
# difference by whether the two bands overlap. It has its own interval:

# %% tags=["workshop"]
columns = ["estimate", "lower", "upper"]
difference = contrasts(fit, "sex", "reference", by="age10", at={"age10": [-2, 0]})
print(difference[columns].round(2), "\n")
print(slopes(fit, "age10", by="sex")[columns].round(2))

# %% [markdown] tags=["workshop"]
# At eight, boys and girls score about the same. At ten, boys are behind. And the slope of boys, which is
# in no row of the summary, has an interval of its own: this is called a *simple slope*.
#
# <details>
# <summary>In R</summary>
#
# ```r
# library(emmeans)   # df of Kenward and Roger, unless you write lmer.df = "satterthwaite"
# ages <- emmeans(fit, ~ sex | age10, at = list(age10 = c(-2, 0), school_resources = 0))
# contrast(ages, "trt.vs.ctrl", infer = TRUE)   # boys minus girls, with intervals
# emtrends(fit, ~ sex, var = "age10")           # the simple slopes
# ```
#
# </details>

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.1.** By how many points do boys differ from girls *at age twelve*, boys minus girls?
# Compute it from `fit.fe_params`, to two decimals.

# %% tags=["workshop", "exercise", "solution"]
at_twelve = b["sex[T.male]"] + 2 * b["age10:sex[T.male]"]  #!
check("06.1", at_twelve)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Write down the prediction for a boy and for a girl, and subtract. The intercept, the slope of age
# and the resources are the same for both and cancel. What is left is `sex[T.male]`, plus the interaction
# times `age10`. A pupil of twelve has `age10` = 2. In a report, give the interval with it:
# `contrasts(fit, "sex", "reference", at={"age10": 2})`.

# %% [markdown] tags=["workshop"]
# ## Variance against SD
#
# Now the random part: how much classrooms and schools differ from what the fixed part leads us to expect.

# %% tags=["workshop"]
components = fit.variance_components
components.round(2)

# %% [markdown] tags=["workshop"]
# A row with one effect is a variance, with its SD in `sdcor`. A row with two effects is a covariance,
# with the correlation in `sdcor`.
#
# A variance is in *squared* points. Nobody can picture a squared point, so for a sentence use the SD. For
# an even better sentence use 1.96 times the SD. The model assumes that the effects are normal, so 95 % of
# them lie within that distance of 0.

# %% tags=["workshop"]
sd = components[components["effect2"].isna()].set_index(["group", "effect"])["sdcor"]
of_classrooms, of_schools = sd["classroom", "Intercept"], sd["school", "Intercept"]
print("95 % of classrooms lie within", f"{1.96 * of_classrooms:.1f} points of their school")
print("95 % of schools lie within", f"{1.96 * of_schools:.1f} points of the line, at age ten")
print("95 % of pupils lie within", f"{1.96 * fit.scale**0.5:.1f} points of their classroom's line")

# %% [markdown] tags=["workshop"]
# And the correlation of intercept and slope? It is above 0: schools that score high at age ten tend to
# have steeper lines. Lesson 03 showed that it changes with where zero is, so the sentence needs the words
# "at age ten".

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.2.** The slope of age differs between schools. Between which two slopes do 95 % of the
# schools lie, for girls? Answer with the lower end, in points per year, to two decimals.

# %% tags=["workshop", "exercise", "solution"]
lower_end = b["age10"] - 1.96 * sd["school", "age10"]  #!
check("06.2", lower_end)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The fixed effect is the middle: the slope of the average school. Schools scatter around it with
# the SD of the random slope. The *standard error* of `age10` answers another question: how well the
# middle itself is known.

# %% [markdown] tags=["workshop"]
# ### Two ranges that are easily confused
#
# What do we expect of girls of twelve? Two questions hide in this one, and each is answered from a matrix
# of its own. Take them one at a time.
#
# **How much do schools differ at twelve?** At twelve, a school lies $u_0 + 2u_1$ above the average. As in
# lesson 03, the variance of this sum is $\tau_0^2 + 2 \cdot 2\,\tau_{01} + 2^2\,\tau_1^2$. The three
# numbers are about schools.

# %% tags=["workshop"]
intercepts, slope_variance, covariance = components.loc[components["group"] == "school", "vcov"]


def school_variance(age10):
    """Variance between schools at this age, as in lesson 03."""
    return intercepts + 2 * covariance * age10 + slope_variance * age10**2


print(f"SD of schools at twelve          {school_variance(2) ** 0.5:.2f} points")

# %% [markdown] tags=["workshop"]
# **How well do we know the average at twelve?** The average is estimated as $b_0 + 2b_1$, the intercept
# plus two slopes. If we drew another sixty schools, both estimates would come out a little differently.
# So estimates have variances too, and a covariance. Their matrix is `fit.cov_params()`, and their
# standard errors are the roots of its diagonal. The variance of the sum has the same form as before, but
# its numbers are about *estimates*:

# %% tags=["workshop"]
V = fit.cov_params().loc[["Intercept", "age10"], ["Intercept", "age10"]]
print(V.round(3), "\n")


def average_variance(age10):
    """Variance of the estimated average of girls at this age."""
    return (
        V.loc["Intercept", "Intercept"]
        + 2 * V.loc["Intercept", "age10"] * age10
        + V.loc["age10", "age10"] * age10**2
    )


print(f"standard error at twelve         {average_variance(2) ** 0.5:.2f} points")
table = means(fit, "sex", at={"age10": 2, "school_resources": 0})
print(f"the same, from means(...)        {table.loc['female', 'std_error']:.2f} points")

# %% [markdown] tags=["workshop"]
# So $\tau_0^2, \tau_{01}, \tau_1^2$ say how *different* schools are, and `cov_params` says
# how *uncertain* the estimates are. Here are both ranges at every age:

# %% tags=["workshop"]
x = np.linspace(-2, 2, 41)
average = b["Intercept"] + b["age10"] * x
wide, narrow = 1.96 * school_variance(x) ** 0.5, 1.96 * average_variance(x) ** 0.5
school_lines = fit.random_effects["school"].to_numpy() @ [np.ones(41), x] + average

fig, ax = plt.subplots(figsize=(6.8, 4.6))
ax.plot(10 + x, school_lines.T, color=plots.GREY, lw=0.6)
ax.plot(10 + x, average - wide, color=plots.BLUE, ls="--", lw=2, label="range of 95 % of schools")
ax.plot(10 + x, average + wide, color=plots.BLUE, ls="--", lw=2)
ax.plot(10 + x, average - narrow, color=plots.ORANGE, lw=2, label="95 % interval of the average")
ax.plot(10 + x, average + narrow, color=plots.ORANGE, lw=2)
ax.plot(10 + x, average, color=plots.INK, lw=1.5, zorder=4, label="average school")
ax.plot([], [], color=plots.GREY, lw=0.6, label="one school, as predicted")
ax.set(xlabel="age (years)", ylabel="expected score of a girl (points)", xlim=(8, 12))
ax.set_xticks(range(8, 13))
ax.legend(frameon=False)
plots.show(
    ax,
    alt=f"Expected score of girls against age: {len(school_lines)} thin lines, one for each school "
    "as predicted, fan out to the right. The average has a narrow band; at age 12 it is "
    f"{2 * narrow[-1]:.1f} points wide. The dashed range of 95 % of schools is "
    f"{2 * wide[0]:.0f} points wide at age 8 and {2 * wide[-1]:.0f} at age 12.",
)

# %% [markdown] tags=["workshop"]
# The narrow band would shrink if there were more schools. The wide range would not: schools differ,
# however many of them you study.

# %% [markdown] tags=["workshop"]
# ## How alike are two pupils?
#
# The [intraclass correlation](glossary.ipynb#intraclass-correlation), ICC, says how alike two pupils are:
# the variance that they have in common, divided by the whole variance. In our model two classmates have
# the classroom and the school in common, and two pupils from different classrooms only the school:
#
# $$\mathrm{ICC}_{\text{classroom}} = \frac{\tau^2_{\text{school}} + \tau^2_{\text{classroom}}}
# {\tau^2_{\text{school}} + \tau^2_{\text{classroom}} + \sigma^2} \qquad \mathrm{ICC}_{\text{school}} =
# \frac{\tau^2_{\text{school}}} {\tau^2_{\text{school}} + \tau^2_{\text{classroom}} + \sigma^2}$$
#
# With a random slope, $\tau^2_{\text{school}}$ depends on age, as `school_variance` does. Try the first
# formula at age ten:

# %% tags=["workshop"]
from course import icc

classroom_variance = of_classrooms**2
in_common = school_variance(0) + classroom_variance
print(f"two classmates of ten, by hand: {in_common / (in_common + fit.scale):.3f}")

# %% tags=["workshop"]
icc(fit, at={"age10": [-2, 0, 2]})[["age10", "share", "icc"]].round(3)

# %% [markdown] tags=["workshop"]
# Two columns, two sentences.
#
# - `share`: which part of the variance lies *at this level*. The rest, up to 1, lies between the pupils
#   of a classroom.
# - `icc`: how alike two pupils are *who share this group*. Two classmates share the classroom and the
#   school, so both parts count.
#
# Where the lines of the schools fan out, it matters more which school a pupil goes to. Without `at=`,
# both columns are averages over all pupils; the summary shows those shares. The full table also has 95 %
# intervals, `icc_lower` and `icc_upper`.
#
# Both numbers are about the variance that the fixed effects leave: alike *beyond* age, sex and resources.
# This is called the *adjusted* ICC. The *unadjusted* (or conditional) ICC divides by the variance of the
# scores, the fixed part included, and is smaller. If you report an ICC, say which.
#
# <details>
# <summary>In R</summary>
#
# ```r
# performance::icc(fit)   # both kinds, of all groups together, averaged over the pupils
# ```
#
# </details>

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.3.** How alike are two pupils of eleven who sit in the *same classroom*? To two decimals.

# %% tags=["workshop", "exercise", "solution"]
at_eleven = icc(fit, at={"age10": 1}, groups="classroom")["icc"]  #!
check("06.3", at_eleven)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* By hand: the variance between schools at eleven plus the variance between classrooms, divided by
# both plus the residual variance. `share` would leave out the school, which two classmates have in common
# as well.

# %% [markdown] tags=["workshop"]
# ## Two R-squareds
#
# In `smf.ols` there is one $R^2$. Here there are two, because there are two things one may know about a
# pupil. Let $\sigma_f^2$ be the variance of the fixed part over the pupils, and $\tau^2$ the sum of the
# variances of classrooms and schools (averaged over the pupils, as there is a random slope). Then
#
# $$R^2_{\text{marginal}} = \frac{\sigma_f^2}{\sigma_f^2 + \tau^2 + \sigma^2} \qquad
# R^2_{\text{conditional}} = \frac{\sigma_f^2 + \tau^2}{\sigma_f^2 + \tau^2 + \sigma^2}$$
#
# (Nakagawa and Schielzeth 2013, [doi
# 10.1111/j.2041-210x.2012.00261.x](https://doi.org/10.1111/j.2041-210x.2012.00261.x)).

# %% tags=["workshop"]
from course import r2

r2(fit).round(2)

# %% [markdown] tags=["workshop"]
# - **[Marginal](glossary.ipynb#marginal-R-squared).** The share of the variance that goes with the [fixed
#   effects](glossary.ipynb#fixed-effect): age, sex and resources. You know these for any pupil.
# - **[Conditional](glossary.ipynb#conditional-R-squared).** The share that goes with the fixed
#   effects *and* with the classroom and school that a pupil belongs to.
#
# Be modest with both.
#
# - Random effects do not explain. They say *where* the variance lies. "It's the school" names a place,
#   not a cause.
# - The conditional value does not promise good predictions for a new school, whose effect is unknown.
# - Both depend on the pupils in the study. With pupils of a single age, age would account for nothing,
#   and the slope of age could still be the same.
# - Neither says that the model is right.
#
# <details>
# <summary>In R</summary>
#
# ```r
# performance::r2(fit)        # the same two, under their names
# MuMIn::r.squaredGLMM(fit)   # R2m is marginal, R2c conditional
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ## Predicted effects
#
# The effects of individual schools are not parameters of the model. They are predicted: they are
# [BLUPs](glossary.ipynb#BLUP), pulled towards the average. Here is the pull, for intercept and slope at
# once.

# %% tags=["workshop"]
ax = plots.shrinkage(fit, "school")
plots.show(ax)

# %% [markdown] tags=["workshop"]
# The arrows point inwards, as in lesson 03. So BLUPs differ less than the schools do. **The variance of
# the BLUPs is not the variance component.** Think of the true effect of a school as its BLUP plus an
# error that we cannot see. The two are unrelated, so their variances add up: the variance of the schools
# is that of the BLUPs plus that of the errors. The SDs of the errors are in `fit.random_effects_se`.

# %% tags=["workshop"]
blups, errors = fit.random_effects["school"], fit.random_effects_se["school"]
pd.DataFrame(
    {
        "SD of the BLUPs": blups.std(),
        "BLUPs and errors": np.sqrt((blups**2 + errors**2).mean()),
        "estimated SD": sd["school"],
        "true SD": truth.variance_components.set_index(["group", "effect"])["sdcor"]["school"][:2],
    }
).round(2)

# %% [markdown] tags=["workshop"]
# To say how much schools differ, use the variance component. To talk about one school, use its BLUP, and
# never without its interval.

# %% tags=["workshop"]
school = blups["Intercept"].sort_values()
true_effect = truth.random_effects["school"]["Intercept"].loc[school.index]
half = 1.96 * errors["Intercept"].loc[school.index]
ax = plots.caterpillar(fit, "school")
rows = range(1, len(school) + 1)
ax.scatter(true_effect, rows, marker="D", s=16, color=plots.ORANGE, zorder=4, label="truth")
ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=9.5, frameon=False)
inside = ((school - true_effect).abs() < half).sum()
plots.show(
    ax,
    alt=f"The random intercept of each of {len(school)} schools, sorted, with its 95 % interval, "
    f"from {school.min():.1f} to {school.max():.1f} points around a dashed line at 0. A diamond "
    f"marks the true effect; {inside} of the {len(school)} lie within their interval.",
)

# %% [markdown] tags=["workshop"]
# A filled dot means that the interval excludes 0. Compare the diamonds, the true effects, with the
# intervals: about 95 of 100 should lie inside. (Lesson 02 had a caterpillar whose model left out
# classrooms and provinces, and whose intervals were wrong. This model is the true one.)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.4.** For how many schools can the fit *not* tell whether they lie above or below the
# average at age ten: how many intervals hold 0? Count with `fit.random_effects` and
# `fit.random_effects_se`.

# %% tags=["workshop", "exercise", "solution"]
cannot_tell = (blups["Intercept"].abs() < 1.96 * errors["Intercept"]).sum()  #!
check("06.4", cannot_tell)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* An interval holds 0 where the BLUP is less than 1.96 of its own standard errors away from 0. That
# is so for most schools, although schools do differ. Forty pupils are not many if you want to know a
# school.

# %% [markdown] tags=["workshop"]
# ## Why a ranking is risky
#
# Sorted schools look like a league table. Is the school at the top really the best? We can look up the
# truth.

# %% tags=["workshop"]
first = school.index[-1]
true_rank = true_effect.rank(ascending=False).astype(int)
reach = (school + half > school[first] - half[first]).sum() - 1
print(f"ranked first by the fit           {first}")
print(f"its rank in truth                 {true_rank[first]}")
print(f"schools whose interval overlaps   {reach} of {len(school) - 1}")

# %% [markdown] tags=["workshop"]
# (Overlapping intervals are only a rough sign, and not a test.)
#
# One province proves little. So we make a hundred like it, fit each of them, and note the true rank of
# the school at the top.

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
    alt=f"Bars of the true rank of the school at the top, over 100 provinces. It is truly the first "
    f"in {counts.get(1, 0)}, and truly among the first five in {counts[counts.index <= 5].sum()}; "
    f"the worst of them has rank {counts.index.max()} of 60.",
)

# %% [markdown] tags=["workshop"]
# The school at the top is usually a good one, but often not the best. And this is with forty pupils in
# each school and a model that is true. A league table tells its readers none of this. If you have to show
# one, show the intervals with it.

# %% [markdown] tags=["workshop"]
# ## Why levels do not covary
#
# The summary contains one covariance, between the intercept and the slope *of schools*. Both belong to
# the same school, so they come in pairs, and pairs can be correlated. A classroom has only one effect,
# and so nothing to pair.
#
# Many learners look for one more number: the covariance of the classroom effects with the school
# effects. For groups that are nested in each other there is none, in any software. It is not that it is
# small: **it is not a parameter**. There are two reasons.
#
# **Effects are measured from the level above.** Take a school with three classrooms of 60, 64 and 65
# points. The school is at 63, and its classrooms are at −3, +1 and +2. Those add up to 0. If all three
# were better by 2, the *school* would be better by 2, and the classrooms would still be at −3, +1 and +2.
# What all the classrooms of a school have in common belongs to the school. What is left for the
# classrooms does not rise or fall with it.
#
# With three classrooms drawn at random, the sum is 0 on average, not in each school. The idea is the
# same: the school's effect is the mean of all the classrooms that it might have.
#
# **The data could not show it.** From scores we can learn three things: how much pupils differ, how alike
# two classmates are, and how alike two pupils from different classrooms of one school are. Three numbers
# give three variances: residual, classroom, school. There is no fourth number from which to learn a
# covariance.
#
# (It is different where the *same* persons play two roles, such as actor and partner, or mother and
# child. Then both roles are effects of one person, and they can covary.)
#
# So where does the idea come from? From predicted effects. Here are the true effects next to the BLUPs.

# %% tags=["workshop"]
school_of = pupils.drop_duplicates("classroom").set_index("classroom")["school"]


def pairs(effects):
    """The effect of each classroom, and the effect of its school."""
    own = effects["classroom"]["Intercept"]
    above = school_of.map(effects["school"]["Intercept"])
    return pd.DataFrame({"classroom": own, "school": above})


both = {"true effects": pairs(truth.random_effects), "BLUPs": pairs(fit.random_effects)}
together = pd.concat([pair.assign(effects=name) for name, pair in both.items()])
ring = {"facecolor": "none", "edgecolor": plots.BLUE, "linewidth": 1}
grid = sns.relplot(
    together.reset_index(drop=True), x="school", y="classroom", col="effects", height=3.8, **ring
)
grid.set_axis_labels("effect of the school at ten (points)", "effect of the classroom (points)")
grid.set_titles("{col_name}").refline(x=0, y=0, color=plots.GREY)
r = {name: pair.corr().iloc[0, 1] for name, pair in both.items()}
plots.show(
    grid.axes,
    alt=f"{len(school_of)} classrooms, their effect against that of their school, in two panels. The "
    f"true effects are a round cloud, with a correlation of {r['true effects']:.2f}; the BLUPs are a "
    f"cloud that rises to the right, with {r['BLUPs']:.2f}.",
)

# %% [markdown] tags=["workshop"]
# The true effects are related only by chance. The BLUPs do correlate, but that is not the schools' doing.
# If all classrooms of a school score high, the fit cannot know whether the school is good or whether it
# was lucky with its classrooms. So it gives some of the credit to each.
#
# If you are looking for a covariance between levels, you may mean one of the following, and each has a
# place in the model:
#
# - *Does something about the school change what happens inside it?* A [cross-level
#   interaction](glossary.ipynb#cross-level-interaction), a fixed effect such as `age10:school_resources`.
# - *Do schools with older pupils do better, beyond the age of each pupil?* A [contextual
#   effect](glossary.ipynb#contextual-effect), below.
# - *Do schools that score high have steeper slopes?* The covariance of two effects of **one** level,
#   which is in the summary.

# %% [markdown] tags=["workshop"]
# ## Known and new schools
#
# Take three girls of ten. One joins a classroom that we know, one joins a new classroom of a school that
# we know, and one joins a school that is not in the data. `random=` says which effects to use.

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
# A group that the fit has not seen has no effect to add, so its prediction stays at the level above. For
# the new school, the prediction is just the fixed part.
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
# How far off may a prediction be? That is what a [prediction
# interval](glossary.ipynb#prediction-interval) says. Ask what is *not known* about this pupil, and add
# the variances. (We treat the fixed effects as known. Their uncertainty adds little here.)
#
# - Known school, new classroom: the school's effect is known up to its standard error; the classroom and
#   the pupil are not known.
# - New school: none of the three is known.

# %% tags=["workshop"]
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
half = intervals["upper"] - intervals["prediction"]
fig, ax = plt.subplots(figsize=(6.8, 2.4))
marks = {"fmt": "o", "color": plots.BLUE, "elinewidth": 3, "markersize": 8}
ax.errorbar(intervals["prediction"], range(3), xerr=half, **marks)
ax.set_yticks(range(3), intervals.index)
ax.invert_yaxis()
ax.set(xlabel="score of a girl of ten (points), with 95 % interval", ylim=(2.5, -0.5))
plots.show(
    ax,
    alt="Three predictions with 95 % intervals: "
    + "; ".join(f"{name} {2 * width:.0f} points wide" for name, width in half.items())
    + ".",
)

# %% [markdown] tags=["workshop"]
# Knowing the school moves the interval more than it narrows it, since most of the width comes from the
# pupils themselves. Do not confuse the first row with the second: a mean is known far better than a
# pupil.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.5.** How wide, from end to end, is the 95 % interval for a new girl of *twelve* in a *new*
# school? Take the fixed effects as known, as above. In points, to one decimal.

# %% tags=["workshop", "exercise", "solution"]
width = 2 * 1.96 * np.sqrt(school_variance(2) + classroom_variance + fit.scale)  #!
check("06.5", width)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Nothing is known about the school, the classroom or the pupil: that makes three variances. The
# variance between schools is taken at the age of the pupil, where `age10` is 2. Add the variances first,
# and take the root last.

# %% [markdown] tags=["workshop"]
# ## Within schools and between them
#
# A slope may hide two different comparisons. Take real pupils: `exam` has the examination at 16
# (`normexam`) and a reading test at 11 (`standLRT`), both in SDs.

# %% tags=["workshop"]
exam = load("exam")
exam_fit = mixedlm("normexam ~ standLRT + (1|school)", exam).fit()
exam_fit.fixed_effects[["estimate", "lower", "upper"]].round(2)

# %% [markdown] tags=["workshop"]
# The slope of `standLRT` compares two pupils of one school, but it also compares schools whose pupils
# read well with schools whose pupils read less well. The model assumes that both slopes are the same.
# `between_within` asks whether they are.

# %% tags=["workshop"]
from course import between_within

both = between_within(exam_fit)
both[["predictor", "group", "within", "between", "difference", "lower", "upper"]].round(2)

# %% [markdown] tags=["workshop"]
# They are not.
#
# - `within`: of two pupils *of one school*, the one who read better by one SD is 0.56 SDs ahead at 16.
# - `between`: of two *schools*, the one whose mean is higher by one SD (of pupils) is 0.92 SDs ahead.
# - `difference`: take two pupils who read *equally well*. One goes to a school whose mean is higher by
#   one SD, and is 0.36 SDs ahead. This is the [contextual effect](glossary.ipynb#contextual-effect). Its
#   interval, from `lower` to `upper`, does not contain 0: the two slopes are hardly compatible with being
#   the same. (Lesson 07 turns this into a test.)

# %% tags=["workshop"]
slope = both.iloc[0]
schools = exam.groupby("school")[["standLRT", "normexam"]].mean()
fig, ax = plt.subplots(figsize=(6, 6))
step = np.array([-0.2, 0.2])
for mean in schools.itertuples():
    ax.plot(mean.standLRT + step, mean.normexam + slope["within"] * step, color=plots.BLUE, lw=1)
ax.scatter(schools["standLRT"], schools["normexam"], s=18, color=plots.INK, zorder=3)
centre = schools.mean()
line = {"color": plots.ORANGE, "ls": "--", "lw": 3, "zorder": 4, "label": "between schools"}
ax.axline((centre["standLRT"], centre["normexam"]), slope=slope["between"], **line)
ax.plot([], [], color=plots.BLUE, label="within each school")
ax.set(xlabel="standLRT at 11 (SD)", ylabel="normexam at 16 (SD)", aspect="equal")
ax.legend(loc="upper left", frameon=False)
plots.show(
    ax,
    alt=f"normexam against standLRT: the means of {len(schools)} schools as dots, each with a short "
    f"line of slope {slope['within']:.2f} for the pupils within it. A dashed line through the "
    f"means is steeper, with slope {slope['between']:.2f}.",
)

# %% [markdown] tags=["workshop"]
# In a formula, the contextual effect is the mean of the group as an additional predictor. `exam` already
# has it, as `schavg`; in your own data, make it with
# `data.groupby("school")["standLRT"].transform("mean")`.

# %% tags=["workshop"]
contextual = mixedlm("normexam ~ standLRT + schavg + (1|school)", exam).fit()
contextual.fixed_effects[["estimate", "lower", "upper"]].round(2)

# %% [markdown] tags=["workshop"]
# Now `standLRT` is the slope within schools, and `schavg` is the difference. Is it the company of good
# readers that helps? Or do schools with good readers select their pupils by more than reading? The model
# cannot tell.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.6.** Patients lie in wards. There are `pain`, `dose` (of each patient), `ward_dose` (the
# mean dose of the patient's ward) and `ward`. Write a formula with a random intercept, in which the slope
# of dose within wards may differ from the slope between wards.

# %% tags=["workshop", "exercise", "solution"]
pain_formula = "pain ~ dose + ward_dose + (1|ward)"  #!
check("06.6", pain_formula)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* With the ward's mean as a predictor of its own, `dose` is the slope within wards, and `ward_dose`
# is by how much the slope between wards differs from it. A random slope, `(dose|ward)`, lets wards differ
# in their slopes within, and says nothing about the slope between wards.

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
# Would a simpler model have said the same? `side_by_side` compares fits, with standard errors in
# brackets.

# %% tags=["workshop"]
from course import report, side_by_side

simpler_formula = formula.replace("(age10|school)", "(1|school)")
simpler = mixedlm(simpler_formula, pupils).fit()
side_by_side(simpler, fit, names=["no slopes", "slopes by school"])

# %% [markdown] tags=["workshop"]
# The coefficients hardly change. The standard error of `age10` does: a model in which all schools have
# the same slope is too sure of it. The log-likelihood, AIC and [BIC](glossary.ipynb#BIC) mean nothing
# by themselves. They serve to compare models, as in lesson 05.
#
# `report` writes the paragraph of a results section:

# %% tags=["workshop"]
print(textwrap.fill(report(fit), 95))

# %% [markdown] tags=["workshop"]
# Everything is there that a reader needs to judge the fit, and nothing that a reader needs to understand
# it. Keep the numbers that your question needs, and write sentences like those of this lesson around
# them:

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
study does not tell us why.
"""
print(textwrap.fill(" ".join(text.split()), 95))

# %% [markdown] tags=["workshop"]
# Every number has its unit and its comparison, and the coefficients come with their intervals. The table
# goes into an appendix.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.7.** Which sentence about `school_resources` could stay in the report?
#
# - a) Raising the resources of a school by one SD raises the scores of its pupils by 2.2 points (1.2
#   to 3.2).
# - b) Pupils of schools whose resources are higher by one SD scored 2.2 points more (95 % CI 1.2 to 3.2).
# - c) For 95 % of the schools, the effect of resources lies between 1.2 and 3.2 points.

# %% tags=["workshop", "exercise", "solution"]
best_sentence = "b"  #!
check("06.7", best_sentence)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* a) claims a cause, but nobody changed any resources. c) takes a confidence interval of one
# coefficient for a range of schools; a range of effects would need a random slope.

# %% [markdown] tags=["self-study"]
# ## A slope that depends on the school (self-study)
#
# A random slope says *that* slopes differ. A [cross-level
# interaction](glossary.ipynb#cross-level-interaction) says *with what* they differ. In `exam`: is the
# slope of reading steeper in schools with better readers?

# %% tags=["self-study"]
cross_level = mixedlm("normexam ~ standLRT * schavg + (standLRT|school)", exam).fit()
cross_level.fixed_effects[["estimate", "lower", "upper"]].round(2)

# %% [markdown] tags=["self-study"]
# The coefficient `standLRT:schavg` is a comparison of schools: where the mean is higher by one SD, the
# slope is steeper by 0.16. `standLRT` alone is now the slope in a school whose mean is 0. Here are the
# lines of two schools, drawn where such schools have pupils:

# %% tags=["self-study"]
fig, ax = plt.subplots(figsize=(6.6, 4.2))
steeper = {}
for mean, colour, dash in [(-0.5, plots.ORANGE, "--"), (0.5, plots.BLUE, "-")]:
    near = exam.loc[(exam["schavg"] - mean).abs() < 0.2, "standLRT"]
    line = pd.DataFrame({"standLRT": near.quantile([0.01, 0.99]), "schavg": mean})
    y = cross_level.predict(line, random="none")
    steeper[mean] = (y.iloc[1] - y.iloc[0]) / (line["standLRT"].iloc[1] - line["standLRT"].iloc[0])
    ax.plot(line["standLRT"], y, color=colour, ls=dash, lw=2.4, label=f"school mean {mean}")
ax.set(xlabel="standLRT at 11 (SD)", ylabel="expected normexam at 16 (SD)")
ax.legend(frameon=False)
plots.show(
    ax,
    alt="Expected normexam against standLRT for two schools. In a school whose mean is -0.5 the line "
    f"has a slope of {steeper[-0.5]:.2f}; in a school whose mean is 0.5, {steeper[0.5]:.2f}.",
)

# %% [markdown] tags=["self-study"]
# Two checks belong to any cross-level interaction. First, raw `standLRT` mixes the slopes within and
# between schools, as you saw above; the usual advice is to centre it *within* schools before it interacts
# (Enders and Tofighi 2007, [doi 10.1037/1082-989X.12.2.121](https://doi.org/10.1037/1082-989X.12.2.121)).
# Second, if the relation is simply curved, good readers have steeper slopes, and good readers are more
# common where the mean is high; so add a square.

# %% tags=["self-study"]
exam["within"] = exam["standLRT"] - exam["schavg"]
checks = {
    "as above": cross_level,
    "centred within schools": mixedlm("normexam ~ within * schavg + (within|school)", exam).fit(),
    "with a square": mixedlm(
        "normexam ~ standLRT * schavg + I(standLRT**2) + (standLRT|school)", exam
    ).fit(),
}
columns = ["estimate", "lower", "upper", "p_value"]
rows = {name: one.fixed_effects.filter(like=":schavg", axis=0) for name, one in checks.items()}
pd.concat(rows)[columns].round(3)

# %% [markdown] tags=["self-study"]
# The interaction holds up.

# %% [markdown] tags=["self-study"]
# How much of the variance of the slopes does it account for? Compare the variance of `standLRT` with that
# of a fit without the interaction.

# %% tags=["self-study"]
without = mixedlm("normexam ~ standLRT + schavg + (standLRT|school)", exam).fit()
rows = [fit_.variance_components.query("effect == 'standLRT'") for fit_ in (without, cross_level)]
pd.concat(rows, keys=["without", "with interaction"])[["group", "vcov", "sdcor"]].round(4)

# %% [markdown] tags=["self-study"]
# About a fifth of the variance. (The SDs, 0.124 and 0.111, look closer together: shares are shares
# of *variances*.) Schools differ in their slopes mostly for other reasons.

# %% [markdown] tags=["self-study"]
# ## Explained, level by level (self-study)
#
# $R^2$ puts all levels into one number. But a predictor may account for much at one level and for nothing
# at another. `variance_explained` compares each variance with that of a model without predictors. It
# works with random intercepts only, so we use the simpler fit.

# %% tags=["self-study"]
from course import variance_explained, variance_shares

variance_explained(simpler).round(2)

# %% [markdown] tags=["self-study"]
# Read it row by row. Age and sex differ inside classrooms, and account for residual variance. Resources
# differ between schools, and account for variance there. But the variance of classrooms has *grown*, so
# its value is negative. How can a predictor explain less than nothing?
#
# Age varies within classrooms, and its mean is nearly the same in all of them. It makes the residual
# variance smaller. The model without age saw more residual scatter, and so put more of the differences
# between the means of classrooms down to chance. Once the residual is smaller, more of these same
# differences count as real. That is no mistake, and no reason to drop the predictor. It happens regularly
# with predictors that are balanced within groups, such as the days of a diary study (Snijders and Bosker
# 1994, [doi 10.1177/0049124194022003004](https://doi.org/10.1177/0049124194022003004)). Chance adds to it
# in either direction.
#
# `variance_shares` divides up what the predictors leave.

# %% tags=["self-study"]
variance_shares(simpler).round(2)

# %% [markdown] tags=["self-study"]
# These are the shares that `simpler.summary()` and `icc(simpler)` show.

# %% [markdown] tags=["self-study"]
# ## Are the intervals honest? (self-study)
#
# A 95 % interval should contain 95 % of new pupils. A simulation can test that. We make a second, large
# province from the same truth. All its schools are new, so we predict with the fixed part, and count the
# pupils inside two intervals: one that uses only the residual variance, and one that uses all three
# variances.

# %% tags=["self-study"]
second = simulate_schools(**(design | {"schools": 300}), seed=7).data
second["age10"] = second["age"] - 10
miss = (second["test_score"] - fit.predict(second, random="none")).abs()
all_three = school_variance(second["age10"]) + classroom_variance + fit.scale
print(f"residual variance alone   {(miss < 1.96 * fit.scale**0.5).mean():.3f}")
print(f"all three variances       {(miss < 1.96 * np.sqrt(all_three)).mean():.3f}")

# %% [markdown] tags=["self-study"]
# The first interval is too narrow. It would be right only for pupils of classrooms that we know
# perfectly.

# %% [markdown] tags=["workshop"]
# ## Quiz
#
# Answer with one letter, in quotes.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.8.** A study reports a conditional $R^2$ far above the marginal one. What follows?
#
# - a) the model predicts well for schools that are not in the study
# - b) the predictors are well chosen
# - c) much of the variance lies between groups and is not accounted for by the predictors

# %% tags=["workshop", "exercise", "solution"]
two_r2 = "c"  #!
check("06.8", two_r2)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.9.** Why does a fit report no covariance between the effects of classrooms and of schools?
#
# - a) a classroom's effect is measured from its school, so there is none to estimate
# - b) it is always too small to print
# - c) statsmodels and lme4 cannot estimate it; other software can

# %% tags=["workshop", "exercise", "solution"]
no_covariance = "a"  #!
check("06.9", no_covariance)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.10.** You compute the SD of the BLUPs of all schools and find it below the SD in the
# summary. What is wrong?
#
# - a) the fit has not converged
# - b) nothing: BLUPs are shrunk, and their uncertainty is missing in their SD
# - c) the SD in the summary is too large, since schools are few

# %% tags=["workshop", "exercise", "solution"]
sd_of_blups = "b"  #!
check("06.10", sd_of_blups)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 06.11.** In a model with `age10 * sex`, what is the coefficient `age10`?
#
# - a) the slope of age, averaged over girls and boys
# - b) the slope of age in the reference level of sex
# - c) the difference between the slopes of boys and girls

# %% tags=["workshop", "exercise", "solution"]
coefficient = "b"  #!
check("06.11", coefficient)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* 06.8: the difference of the two is what goes with the groups themselves, and for a new school
# that is unknown. 06.9: what the classrooms of a school have in common *is* the school's effect. 06.10:
# the squared BLUPs plus their squared standard errors average to about the variance. 06.11: it is the
# slope where `sex[T.male]` is 0.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - A coefficient is a comparison: say between whom, in which unit, and at which values of the other
#   predictors. Give its interval; `contrasts` and `slopes` do so for comparisons that have no row of
#   their own.
# - Use SDs for sentences: 95 % of schools lie within 1.96 SDs of the average. The standard error is about
#   the average itself. Covariances of *effects* say how groups differ, covariances of *estimates* how
#   uncertain we are.
# - With a random slope, the ICC and prediction intervals depend on the predictor: give its value.
# - BLUPs are shrunk, uncertain, and vary less than the groups. Use the variance component to talk about
#   all groups, and a BLUP with its interval to talk about one. Rank with care.
# - Effects of nested levels are independent by construction. Covariances are between effects of one
#   level.
# - Ask whether a slope is within groups or between them.
#
# **What comes next:** [lesson 07](07-inference.ipynb) shows where the intervals come from, and when to
# doubt them. The [solutions](solutions/06-interpretation.ipynb) of this lesson explain each answer.
