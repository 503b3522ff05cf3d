# %% [markdown] tags=["workshop"]
# # Random intercepts
#
# After this lesson you will be able to
#
# - say what `(1|school)` means, in words, as an equation, as a matrix and as statsmodels code;
# - fit a model with random intercepts, with plain statsmodels and with `mixedlm`;
# - compute the predicted effect of a school by hand, and explain why it is *shrunk*;
# - put classrooms, schools and provinces into one model, and say which share of the variance lies at each
#   level.
#
# **Time:** 40 minutes in the workshop, 65 on your own. If you come back in the middle, choose *Run → Run
# All Above Selected Cell* first.
#
# **Before:** [Why groups matter](01-why-groups-matter.ipynb). You know what `smf.ols("y ~ x", data)`
# does.
#
# **Data:** twelve invented pupils, then `pupils`: simulated pupils in classrooms in schools in provinces.

# %% [markdown] tags=["workshop"]
# ## Twelve pupils, three answers
#
# Twelve pupils from four schools took a test.

# %% tags=["workshop"]
import pandas as pd
from IPython.display import Math

from course import check, load, mixedlm, plots, translate
from course.data import load_truth
from course.exercises import use

twelve = pd.DataFrame(
    {
        "school": list("AAAAABBBBCCD"),
        "test_score": [50, 58, 44, 61, 52, 46, 53, 38, 51, 54, 66, 66],
    }
)
separate = twelve.groupby("school")["test_score"].agg(["count", "mean"])
separate

# %% tags=["workshop"]
plots.show(plots.scores(twelve, "test_score", "school"))

# %% [markdown] tags=["workshop"]
# How well do pupils of school D score? [Lesson 01](01-why-groups-matter.ipynb) had three ways to answer.
#
# 1. **Pooled.** Ignore the schools, and take one mean for all twelve. But pupils of one school resemble
#    each other.
# 2. **Separate.** Give each school its own mean. School D gets 66, on the word of a single pupil. Would
#    you bet that the next pupil of D scores 66, too?
# 3. **[Partial pooling](glossary.ipynb#partial-pooling).** Start from the school's own mean, and pull it
#    towards the overall mean: a lot where the school has few pupils, a little where it has many.
#
# The third is what a model with a [random intercept](glossary.ipynb#random-intercept) does. It finds out
# from the data how strong the pull should be.

# %% [markdown] tags=["workshop"]
# ## One model, said in five ways
#
# **As a formula.** The [response](glossary.ipynb#response) is to the left of `~`, as always, and the
# fixed part is what you know from `smf.ols`. What is new is the part in parentheses:
#
# `test_score ~ 1 + (1|school)`
#
# Read the bar as "varies by". To its left is *what* varies, and 1 means the intercept. To its right is
# the [grouping factor](glossary.ipynb#grouping-factor); its labels, here A to D, are called its
# [levels](glossary.ipynb#level). So: *an intercept that varies by school*.
#
# **In words.** `translate` reads the formula together with the data.

# %% tags=["workshop"]
translation = translate("test_score ~ 1 + (1|school)", twelve)
print(translation.explain())

# %% [markdown] tags=["workshop"]
# It noticed that four schools are not many. True: this is a toy, made for computing by hand. We will get
# to sixty schools soon.
#
# **As an equation.** The square brackets look up the school of pupil *i*:

# %% tags=["workshop"]
Math(translation.latex)

# %% [markdown] tags=["workshop"]
# - $\beta_0$ is the overall mean, a [fixed effect](glossary.ipynb#fixed-effect).
# - $u$ is the [random effect](glossary.ipynb#random-effect) of the school: how far the school lies above
#   or below the overall mean. The model does not estimate one free coefficient per school. It treats
#   these effects as draws from a normal distribution, and estimates *its variance*. In the equation it is
#   called $\tau^2_{\mathrm{school},0}$, where 0 stands for the intercept; we write $\tau^2$ while there
#   is only one.
# - $\varepsilon$ is the [residual](glossary.ipynb#residual) of the pupil, with variance $\sigma^2$.
#
# **As a matrix.** All twelve equations at once are $y = X\beta + Zu + \varepsilon$. $X$ is the matrix
# that you know from regression; here it is one column of ones. $Z$ has one row per pupil and one column
# per school, with a 1 where the pupil belongs. So $Zu$ hands every pupil the effect of the right school.

# %% tags=["workshop"]
Z = pd.get_dummies(twelve["school"])
plots.show(plots.design_matrix({"Z for (1|school)": Z}, row_name="pupil"))

# %% [markdown] tags=["workshop"]
# **As code.** The fifth way is the call that statsmodels wants. It does not know the bar, and asks for
# the pieces separately:

# %% tags=["workshop"]
print("formula:   ", translation.fixed_formula)
print("groups:    ", translation.groups)
print("re_formula:", translation.re_formula)

# %% [markdown] tags=["workshop"]
# The fixed part is the formula. `groups` is what is to the right of the bar, and `re_formula` what is to
# its left.
#
# Now the same for the large data set of this course.

# %% tags=["workshop"]
pupils = load("pupils")
truth = load_truth("pupils")  # what they were simulated from: for the end of the lesson
use(pupils=pupils, twelve=twelve)  # tells the checks which data are meant

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 02.1.** How many columns does $Z$ have for `(1|classroom)`, with all of `pupils`? Replace the
# dots with code that counts.

# %% tags=["workshop", "exercise", "solution"]
columns_of_Z = pupils["classroom"].nunique()  #!
check("02.1", columns_of_Z)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Every classroom has its own random effect, and every random effect has a column. No classroom
# serves as a reference, as one would in `C(classroom)`. Because the effects are draws from a distribution
# with mean 0, all of them can be told apart from the intercept.

# %% [markdown] tags=["workshop"]
# ## The first fit
#
# In plain statsmodels, without anything from this course:

# %% tags=["workshop"]
import statsmodels.formula.api as smf

model = smf.mixedlm(
    "test_score ~ 1",
    twelve,
    groups="school",
    re_formula="1",
)
result = model.fit()

# %% tags=["workshop"]
print(f"overall mean                 {result.fe_params['Intercept']:.2f}")
print(f"variance between schools     {result.cov_re.iloc[0, 0]:.2f}")
print(f"residual variance            {result.scale:.2f}")

# %% [markdown] tags=["workshop"]
# There are three numbers, although there are four schools: one mean and two
# [variances](glossary.ipynb#variance-component). How are they found? Maximum likelihood
# ([ML](glossary.ipynb#ML)) looks for the numbers under which these scores are most likely. The usual
# variant, [REML](glossary.ipynb#REML), allows for the fact that the mean had to be estimated too, just as
# the sample variance divides by $n - 1$ and not by $n$. We use REML throughout this lesson.
#
# With `mixedlm` you write the formula itself:

# %% tags=["workshop"]
fit = mixedlm("test_score ~ 1 + (1|school)", twelve).fit()
fit.variance_components[["group", "effect", "vcov", "sdcor"]].round(2)

# %% [markdown] tags=["workshop"]
# The column `vcov` holds variances, and `sdcor` their square roots, the standard deviations (SDs). An SD
# is in points and easy to picture: schools typically differ from the overall mean by about this many
# points. But only variances add up. Remember that when you compute shares.
#
# <details>
# <summary>In R</summary>
#
# ```r
# library(lme4)
# fit <- lmer(test_score ~ 1 + (1 | school), data = twelve)
# VarCorr(fit)   # variances and SDs
# ranef(fit)     # random effects
# ```
# The formula is the same. `fit.variance_components` is what `as.data.frame(VarCorr(fit))` is in R.
#
# </details>

# %% [markdown] tags=["workshop"]
# ## By hand
#
# How does the model get from a school's own mean to its partially pooled mean? Think about school D. Its
# own mean, 66, comes from a single pupil, and single pupils scatter with a variance of $\sigma^2$. The
# overall mean is a guess about school D as well, and it misses by as much as schools differ, with a
# variance of $\tau^2$. A sensible compromise trusts more whichever of the two misses less:
#
# $$w = \frac{\tau^2}{\tau^2 + \sigma^2 / n}$$
# $$u = w \cdot (\text{mean of the school} - \text{overall mean})$$
#
# Here $n$ is the number of pupils of the school. The weight $w$ lies between 0 and 1, and says which part
# of the school's distance from the overall mean we believe. With many pupils, $\sigma^2/n$, the chance in
# the school's mean, is small and $w$ is near 1. The predicted effect $u$ is called the
# [BLUP](glossary.ipynb#BLUP), for *best linear unbiased predictor*.

# %% tags=["workshop"]
tau2 = fit.variance_components.loc[0, "vcov"]
sigma2 = fit.scale
overall_mean = fit.fe_params["Intercept"]

weight = tau2 / (tau2 + sigma2 / separate["count"])
by_hand = weight * (separate["mean"] - overall_mean)

# %% [markdown] tags=["workshop"]
# Here it is, beside the effects from both fits.

# %% tags=["workshop"]
in_statsmodels = {school: effects.iloc[0] for school, effects in result.random_effects.items()}
pd.DataFrame(
    {
        "pupils": separate["count"],
        "weight": weight,
        "by hand": by_hand,
        "statsmodels": in_statsmodels,
        "mixedlm": fit.random_effects["school"]["Intercept"],
    }
).round(2)

# %% [markdown] tags=["workshop"]
# The three agree. School D, with one pupil, keeps the smallest part of its distance; school A, with five,
# keeps the largest. This pull towards the middle is called [shrinkage](glossary.ipynb#shrinkage).

# %% tags=["workshop"]
partial = overall_mean + fit.random_effects["school"]["Intercept"]
plots.show(plots.pooling(twelve, "test_score", "school", partial=partial, overall=overall_mean))

# %% [markdown] tags=["workshop"]
# Now all twelve equations can be written out, with numbers. Each score $y$ is the sum of the three
# columns to its right. This is $y = X\beta + Zu + \varepsilon$:

# %% tags=["workshop"]
school_effect = twelve["school"].map(by_hand)
equations = pd.DataFrame(
    {
        "school": twelve["school"],
        "y": twelve["test_score"],
        "Xβ": overall_mean,
        "Zu": school_effect,
        "ε": twelve["test_score"] - overall_mean - school_effect,
    }
)
equations.round(1)

# %% [markdown] tags=["workshop"]
# Why is the overall mean not the mean of the twelve pupils? Because in that mean the large schools A and
# B count most. The fit takes the mean of the *schools*, each with its weight:

# %% tags=["workshop"]
print(f"mean of the twelve pupils       {twelve['test_score'].mean():.2f}")
print(f"weighted mean of the schools    {(weight * separate['mean']).sum() / weight.sum():.2f}")
print(f"overall mean of the fit         {overall_mean:.2f}")

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 02.2.** A fifth school, E, sends three pupils; their mean is 40. Which partially pooled mean
# do you predict, with the variances and the overall mean of this fit (`tau2`, `sigma2`, `overall_mean`)?
# Answer to one decimal.

# %% tags=["workshop", "exercise", "solution"]
weight_E = tau2 / (tau2 + sigma2 / 3)  #!
mean_E = overall_mean + weight_E * (40 - overall_mean)  #!
check("02.2", mean_E)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Three pupils are few, so the school keeps only a part of its distance from the overall mean. What
# is left of the distance is the random effect; the *mean* of the school is the overall mean plus that
# effect. Its weight lies between that of school C, with two pupils, and that of school B, with four.

# %% [markdown] tags=["workshop"]
# ## Sixty schools
#
# Now the real size. The fixed part may hold predictors, just as in `smf.ols`. We count age from ten
# years, so that the intercept is the mean of ten-year-old girls and not that of newborn ones.

# %% tags=["workshop"]
pupils["age10"] = pupils["age"] - 10
one_level = mixedlm("test_score ~ age10 + sex + (1|school)", pupils).fit()
one_level.fixed_effects[["estimate", "std_error"]].round(2)

# %% [markdown] tags=["workshop"]
# The fixed effects read as in ordinary regression: pupils who are a year older score 3.8 points more, and
# boys score 2.3 points less than girls. What is new are the variances, and the predicted effects.

# %% tags=["workshop"]
one_level.variance_components[["group", "effect", "vcov", "sdcor"]].round(2)

# %% [markdown] tags=["workshop"]
# Each school has its predicted effect, in `one_level.random_effects["school"]`. Here are all of them,
# each with a 95 % interval:

# %% tags=["workshop"]
before_classrooms = plots.caterpillar(one_level, "school")
plots.show(before_classrooms)

# %% [markdown] tags=["workshop"]
# A filled dot is a school whose interval excludes 0: *according to this model*, it differs from the
# average school. Statisticians call this a caterpillar plot. Do not publish it yet. It will look
# different at the end of the lesson.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 02.3.** Which share of the variance lies between schools? Compute it from
# `one_level.variance_components`, as a number between 0 and 1, to two decimals. This share is the
# [intraclass correlation](glossary.ipynb#intraclass-correlation): how alike two pupils of one school are,
# once age and sex are accounted for. Lesson 01 made pairs of pupils for that; now two variances are
# enough.

# %% tags=["workshop", "exercise", "solution"]
variances = one_level.variance_components.set_index("group")["vcov"]
share = variances["school"] / variances.sum()  #!
check("02.3", share)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* A score, after age and sex, is the sum of two independent parts, one of the school and one of the
# pupil. So its variance is the sum of the two variances. Two pupils of one school have the first part in
# common, and the share of that part is their correlation.

# %% [markdown] tags=["workshop"]
# ## Classrooms in schools in provinces
#
# Schools are not the only groups in these data. Every classroom belongs to one school, and every school
# to one province: they are [nested](glossary.ipynb#nested). Each level may have its own effect, so each
# gets a term:
#
# `test_score ~ age10 + sex + (1|classroom) + (1|school) + (1|province)`
#
# There is no term for the pupil. Each pupil has one row, so what is special to a pupil *is* the residual.
#
# $Z$ now has three blocks. Here they are for two pupils from every classroom of three schools:

# %% tags=["workshop"]
three_schools = pupils[pupils["school"].isin(["P01-S1", "P01-S2", "P02-S1"])]
some = three_schools.groupby("classroom").head(2).set_index("student_id")
blocks = {level: pd.get_dummies(some[level]) for level in ["classroom", "school", "province"]}
plots.show(plots.design_matrix(blocks, row_name="pupil (student_id)"))

# %% [markdown] tags=["workshop"]
# Every row has one dark cell in each block: the score of a pupil collects three effects, that of the
# classroom, the school and the province. Each long step of the staircase on the right contains whole
# short steps from the left. That is what nested looks like.
#
# statsmodels now needs a third piece, `vc_formula`:

# %% tags=["workshop"]
formula = "test_score ~ age10 + sex + (1|classroom) + (1|school) + (1|province)"
translation = translate(formula, pupils)
print("formula:   ", translation.fixed_formula)
print("groups:    ", translation.groups)
print("re_formula:", translation.re_formula)
print("vc_formula:", translation.vc_formula)

# %% tags=["workshop"]
model = smf.mixedlm(
    "test_score ~ age10 + sex",
    pupils,
    groups="province",
    re_formula="1",
    vc_formula={
        "classroom": "0 + C(classroom)",
        "school": "0 + C(school)",
    },
)
result = model.fit()

# %% tags=["workshop"]
print(f"province   {result.cov_re.iloc[0, 0]:.1f}")
for name, variance in zip(model.exog_vc.names, result.vcomp, strict=True):
    print(f"{name:10} {variance:.1f}")
print(f"residual   {result.scale:.1f}")

# %% [markdown] tags=["workshop"]
# With `mixedlm`, the formula is enough:

# %% tags=["workshop"]
three_levels = mixedlm(formula, pupils).fit()
three_levels.summary()

# %% [markdown] tags=["workshop"]
# The summary holds everything: the groups, the variances with their SDs and shares, and the fixed
# effects. AIC, BIC and the columns from `df` on come in later lessons. One warning, though: do not trust
# the row of `age10`, with its *t* above 30. This model still assumes that a year of age makes the same
# difference in every school. [Lesson 03](03-random-slopes.ipynb) shows what that costs.
#
# <details>
# <summary>In R</summary>
#
# ```r
# fit <- lmer(test_score ~ age10 + sex + (1 | classroom) + (1 | school) + (1 | province),
#             data = pupils)
# ```
#
# </details>
#
# Where does the variance lie?

# %% tags=["workshop"]
plots.show(plots.variance_shares(three_levels))

# %% [markdown] tags=["workshop"]
# Look at the schools. When they were alone in the model, they took the blame for everything that pupils
# of one school have in common, including the province's effect and a part of the classrooms'. Now each
# level has its own row:

# %% tags=["workshop"]
before = one_level.variance_components.set_index("group")["vcov"]
parts = three_levels.variance_components.set_index("group")["vcov"]
pd.DataFrame({"schools only": before, "three levels": parts}).reindex(parts.index).round(1)

# %% [markdown] tags=["workshop"]
# And the caterpillar? We draw it on the same scale as before. Guess first: how many of the sixty
# intervals still exclude 0?

# %% tags=["workshop"]
ax = plots.caterpillar(three_levels, "school")
ax.set_xlim(before_classrooms.get_xlim())
plots.show(ax)

# %% [markdown] tags=["workshop"]
# Nearly all the filled dots are gone, and the dots lie much closer to 0. The first model took a good
# province, or lucky classrooms, for good schools. These pupils are simulated, so we can check how many
# of the intervals contain the true effect of the school, which should be 95 of 100:

# %% tags=["workshop"]
# What each school truly adds to the scores of its pupils at ten years, where age10 is 0.
true_effect = truth.centred("age10", at=10).random_effects["school"]["Intercept"]
for name, one in {"schools only": one_level, "three levels": three_levels}.items():
    effect = one.random_effects["school"]["Intercept"]
    half = 1.96 * one.random_effects_se["school"]["Intercept"]
    inside = ((effect - true_effect.loc[effect.index]).abs() < half).sum()
    print(f"{name}: {(effect.abs() > half).sum():2} intervals exclude 0, "
          f"{inside} of {len(effect)} contain the true effect")  # fmt: skip

# %% [markdown] tags=["workshop"]
# An interval is only as honest as its model. If you leave out a level, its effects are blamed on the
# levels that are still there.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 02.4.** Two pupils go to the same school, but sit in different classrooms. How alike are
# they: which share of the variance do they have in common, under the three-level model? Answer with a
# number between 0 and 1, to two decimals.

# %% tags=["workshop", "exercise", "solution"]
variances = three_levels.variance_components.set_index("group")["vcov"]
in_common = (variances["school"] + variances["province"]) / variances.sum()  #!
check("02.4", in_common)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Ask of each effect whether it is the same for both pupils. The school's is. The province's is,
# since a school lies in one province. The classroom's is not, and the residual never is. What is the same
# goes into the numerator.

# %% [markdown] tags=["workshop"]
# ## Against the truth
#
# Since these pupils are simulated, we know what went into them. `truth.centred("age10", at=10)` states
# the truth with age counted from ten years, as in our model, and `compare` puts it beside the estimates.

# %% tags=["workshop"]
table = truth.centred("age10", at=10).compare(three_levels)
sds = table[(table["kind"] == "SD") & (table["effect"] != "age10")]
sds.set_index("group")[["true", "estimate"]].round(2)

# %% [markdown] tags=["workshop"]
# - **classroom** and **school**: with so many of each, the fit can come close. (They also contain what
#   comes from teachers and resources, two columns that our formula leaves out.)
# - **province**: there are only twelve of them, and a variance estimated from twelve values is uncertain.
#   The estimate is more than a point too high, and nothing in the table warns you; the number of levels
#   does.
# - **residual**: a little too high, and this is no accident. In truth, age matters more in some schools
#   than in others. Our model does not know that yet, and counts it as residual. [Lesson
#   03](03-random-slopes.ipynb) puts this right.
#
# <details>
# <summary>Fixed or random? And what is assumed?</summary>
#
# Make the effects of a grouping factor random if its levels are a sample of many and you want to say
# something about all of them, or if you want the levels to borrow strength from each other. Make them
# fixed, `C(school)`, if there are only a handful, or if just these levels are of interest.
#
# A random intercept assumes three things: that the effects come from one population, so that before you
# see the scores you could not tell one school from another (*exchangeability*); that they are roughly
# normal; and that they are unrelated to the predictors. Lessons [06](06-interpretation.ipynb) and
# [08](08-when-the-fit-complains.ipynb) return to the last two.
#
# In the literature, a model like ours is a *three-level model with random intercepts* (pupils in
# classrooms in schools; with provinces, four levels), a *variance components model*, or, without
# predictors, the *null* or *unconditional model*.
#
# </details>

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 02.5.** Your turn, with other data. Patients lie in wards, and each ward belongs to one
# hospital. Each patient reports `pain` once; the study is about `dose`. The columns are `pain`, `dose`,
# `patient`, `ward` and `hospital`, and every ward has its own label. Write the formula with random
# intercepts, in quotes.

# %% tags=["workshop", "exercise", "solution"]
pain_formula = "pain ~ dose + (1|ward) + (1|hospital)"  #!
check("02.5", pain_formula)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The dose is what the study is about: a fixed effect. Wards and hospitals group the patients, so
# each gets a random intercept. The patient has one row, so the patient is the residual.
# `(1|hospital/ward)` is right, too; it is short for `(1|hospital) + (1|hospital:ward)`, and [lesson
# 04](04-nested-and-crossed.ipynb) explains it.

# %% [markdown] tags=["self-study"]
# ## What statsmodels was told (self-study)
#
# The call for three levels says the same as the formula with three bars, but in three arguments. This is
# how to read it.
#
# - `groups="province"`: rows of different provinces are independent. It names the *largest* groups, those
#   that contain all others. It is not the place to name every level.
# - `re_formula="1"`: what varies between these largest groups, the intercept. This is `(1|province)`.
# - `vc_formula`: the variance components below them. `"0 + C(school)"` builds one column per school, as
#   in $Z$, and gives all of them one variance. The `0 +` matters: without it, a column of ones is added.
#
# Nobody wants to work that out each time. `translation.code` is the whole program. Copy what it prints
# into any notebook that has a DataFrame called `data`.

# %% tags=["self-study"]
print(translation.code)

# %% [markdown] tags=["self-study"]
# The second half is longer than a plain `model.fit()`, because it searches for the optimum more
# carefully. Where a variance is near 0, `model.fit()` may stop too early and still say that it converged.
# Here is the program, copied and run on our pupils.

# %% tags=["self-study"]
data = pupils
print(f"log-likelihood of the plain fit    {result.llf:.2f}")

import numpy as np
import statsmodels.formula.api as smf

model = smf.mixedlm(
    "test_score ~ age10 + sex",
    data,
    groups="province",
    re_formula="1",
    vc_formula={
        "classroom": "0 + C(classroom)",
        "school": "0 + C(school)",
    },
)

# Start where each random part has about the residual's variance. Powell's method needs no
# gradient (MixedLM's has the wrong sign once the search has crossed a variance of 0) and
# is kept a hair away from 0 itself, where MixedLM's likelihood breaks down. It runs
# twice, the second time from where the first ended.
start = np.ones(3)
smallest = 1e-4 * np.abs(start)
loglike = model.loglike


def guarded(params, profile_fe=True):
    if profile_fe and not np.all(np.isfinite(params) & (np.abs(params) >= smallest)):
        return -1e10
    return loglike(params, profile_fe)


model.loglike = guarded
for ftol in (1e-6, 1e-10):
    result = model.fit(start, method="powell", ftol=ftol, maxiter=1000)
    start = result.params_object

print(f"log-likelihood of the program      {result.llf:.2f}")

# %% [markdown] tags=["self-study"]
# These pupils are easy: both searches end at the same place. And `mixedlm`? Every fit has a method
# `check()`, which hands the same model to statsmodels and puts both results side by side.

# %% tags=["self-study"]
comparison = three_levels.check()
print("both solvers agree:", comparison.agree)
comparison.table[["mixedlm", "statsmodels"]].round(2)

# %% [markdown] tags=["self-study"]
# ## Twenty other countries (self-study)
#
# How far off can the SD of twelve provinces be? Draw twenty countries from one truth. In all of them,
# provinces differ with an SD of 3, schools with 3, and classrooms with 4. Fit each country, and look at
# the twenty estimates.

# %% tags=["self-study"]
from course import simulate_schools

estimates = []
for seed in range(20):
    country = simulate_schools(
        provinces=12,
        schools=5,
        classrooms=3,
        students=13,
        intercept_sd={"province": 3, "school": 3, "classroom": 4},
        residual_sd=6,
        seed=seed,
    )
    country_fit = mixedlm(
        "test_score ~ age + sex + teacher_experience + school_resources"
        " + (1|classroom) + (1|school) + (1|province)",
        country.data,
    ).fit()
    estimates.append(country_fit.variance_components.set_index("group")["sdcor"])
pd.DataFrame(estimates).agg(["min", "median", "max"]).T.round(1)

# %% [markdown] tags=["self-study"]
# The fewer the levels, the wider the range. The residual SD of the pupils is known almost exactly, and
# that of the provinces hardly at all. More pupils would not help here. More provinces would. (The SD of
# the schools is known less well than one expects of sixty of them. Each school shows itself only through
# its three classrooms, and these differ more than the schools do.)

# %% [markdown] tags=["self-study"]
# ## How fast does the pull fade? (self-study)
#
# The weight of a school's own mean depends on two things: how many pupils it has, and how alike pupils of
# one school are, the intraclass correlation $\rho = \tau^2 / (\tau^2 + \sigma^2)$. Written with $\rho$,
# the weight is $n\rho / (1 + (n - 1)\rho)$.

# %% tags=["self-study"]
import numpy as np

n = np.arange(1, 61)
weights = pd.DataFrame({rho: n * rho / (1 + (n - 1) * rho) for rho in [0.05, 0.2, 0.5]}, index=n)
ax = weights.plot(style=["-", "--", ":"], color=[plots.BLUE, plots.ORANGE, plots.INK], lw=2)
ax.set(xlabel="pupils in the school", ylabel="weight of its own mean", ylim=(0, 1))
ax.legend(title="intraclass correlation", frameon=False)
at_20 = ", ".join(f"{weight:.2f} for {rho}" for rho, weight in weights.loc[20].items())
plots.show(
    ax,
    alt="Three curves that rise from the left and flatten towards 1: the weight of a school's own "
    f"mean against its number of pupils. At 20 pupils it is, by intraclass correlation, {at_20}.",
)

# %% [markdown] tags=["self-study"]
# Where pupils of one school are very alike, a handful of them is enough to know the school. Where they
# are hardly alike, the school's own mean has only three quarters of the weight even with sixty of them.

# %% [markdown] tags=["workshop"]
# ## Quiz
#
# Answer with one letter, in quotes.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 02.6.** What does `(1|school)` add to an ordinary regression?
#
# - a) one freely estimated coefficient for every school
# - b) one variance, and a predicted effect for every school
# - c) a slope for the number of the school

# %% tags=["workshop", "exercise", "solution"]
adds = "b"  #!
check("02.6", adds)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 02.7.** Whose partially pooled mean keeps the *least* of its distance from the overall mean?
#
# - a) that of the school with the fewest pupils
# - b) that of the school with the highest mean
# - c) that of the school with the most pupils

# %% tags=["workshop", "exercise", "solution"]
keeps_least = "a"  #!
check("02.7", keeps_least)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 02.8.** You add `(1|classroom)` to a model that had only `(1|school)`, and classrooms do
# differ. What happens to the residual variance?
#
# - a) nothing
# - b) it grows
# - c) it falls

# %% tags=["workshop", "exercise", "solution"]
residual_variance = "c"  #!
check("02.8", residual_variance)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 02.9.** A tutorial writes `smf.mixedlm("test_score ~ age", data, groups=data["student_id"])`
# for data with one row per pupil. What is wrong?
#
# - a) it is slow
# - b) within a group of one row, nothing tells the effect of the pupil from the residual
# - c) `groups` must be numbers

# %% tags=["workshop", "exercise", "solution"]
what_is_wrong = "b"  #!
check("02.9", what_is_wrong)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* 02.6: the fit reported two variances, and no coefficient for any school. 02.7: the weight depends
# only on the number of pupils and the two variances. 02.8: what classmates have in common leaves the
# residual and gets its own row. 02.9: `groups` names the largest groups. Where every group has one row,
# its effect and the residual are one and the same.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - `(1|school)` reads "an intercept that varies by school". It adds one variance, and predicts one effect
#   for each school.
# - Predicted effects (BLUPs) are shrunk by the weight $\tau^2 / (\tau^2 + \sigma^2/n)$: schools with few
#   pupils borrow strength from the others.
# - Write one term for each grouping level: classroom, school, province. With one row per pupil, the pupil
#   is the residual. If you leave out a level, the others take the blame.
# - Shares are shares of *variances*. The share that two pupils have in common is how alike they are.
# - How precisely a variance is estimated depends mainly on the number of groups.
#
# **What comes next:** in [lesson 03](03-random-slopes.ipynb), the slope of age varies as well:
# `(age|school)`. The [solutions](solutions/02-random-intercepts.ipynb) of this lesson explain each
# answer.
