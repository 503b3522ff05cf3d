# %% [markdown] tags=["workshop"]
# # Random slopes
#
# After this lesson you will be able to
#
# - say what `(age10|school)` means, in words, as an equation, as a matrix and as statsmodels code;
# - read the variance of a slope: by how much the effect of a year differs between schools;
# - move the zero of a predictor, and say which numbers turn and which stay;
# - give a slope to classrooms, schools and provinces, and see where a slope cannot be.
#
# **Time:** 45 minutes in the workshop, 70 on your own.
#
# **Before:** [Random intercepts](02-random-intercepts.ipynb).
#
# **Data:** `pupils`, simulated; at the end `exam`, real pupils of 65 schools in London.

# %% [markdown] tags=["workshop"]
# ## Does a year bring the same everywhere?
#
# In [lesson 02](02-random-intercepts.ipynb), every school had its own height. A year of age brought the
# same number of points in all of them. Is that so? Let each school speak for itself: one ordinary
# regression for each.

# %% tags=["workshop"]
import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from IPython.display import Math

from course import check, load, mixedlm, plots, translate
from course.data import load_truth
from course.exercises import use

pupils = load("pupils")
truth = load_truth("pupils")
use(pupils=pupils)

pupils["age10"] = pupils["age"] - 10
separate = pd.DataFrame(
    {
        school: smf.ols("test_score ~ age10", rows).fit().params
        for school, rows in pupils.groupby("school")
    }
).T
separate.agg(["min", "median", "max"]).round(1)

# %% [markdown] tags=["workshop"]
# The column `age10` holds what a year of age brings, in points. It differs a good deal from school to
# school. Here are six schools, from the flattest line to the steepest. The solid line is that of a
# model with a random intercept, as in lesson 02. (Sex is left out for now, so that each school has one
# line.)

# %% tags=["workshop"]
parallel = mixedlm("test_score ~ age10 + (1|school)", pupils).fit()

by_slope = separate["age10"].sort_values().index
six = by_slope[np.linspace(0, len(by_slope) - 1, 6).astype(int)]
axes = plots.lines(parallel, "age10", "school", six)
slopes = ", ".join(f"{slope:.1f}" for slope in separate.loc[six, "age10"])
plots.show(
    axes,
    alt="Pupils of six schools as rings, test_score against age10, one panel for each school. The "
    f"separate lines (dash-dotted) rise by {slopes} points per year; the lines of the model (solid) "
    f"are parallel and rise by {parallel.fe_params['age10']:.1f} in all six. The dashed line, for all "
    "pupils together, is the same in all six.",
)

# %% [markdown] tags=["workshop"]
# All solid lines are parallel: the model has one slope for all. In the first panel it is too steep for
# the pupils, in the last one too flat.
#
# But can we believe the separate lines? The extreme ones are extreme for two reasons. The effect of a
# year may really differ. And each line rests on a few dozen pupils, so it wobbles by chance. Again
# there are three ways: one slope for all, one for each, or something in between.

# %% [markdown] tags=["workshop"]
# ## One model, said in five ways
#
# **As a formula.** Put the predictor left of the bar:
#
# `test_score ~ age10 + (age10|school)`
#
# As always in a formula, the intercept comes along: `(age10|school)` is short for `(1 + age10|school)`.
# So: *an intercept and a slope of age that vary by school*. The new part is called a [random
# slope](glossary.ipynb#random-slope).
#
# `age10` stands in the fixed part as well, and it must. There it is the *average* slope. The random
# part only says how far a school departs from it; alone, it would claim that the average slope is 0.
#
# **In words.**

# %% tags=["workshop"]
translation = translate("test_score ~ age10 + (age10|school)", pupils)
print(translation.explain())

# %% [markdown] tags=["workshop"]
# **As an equation.** Pupil *i* sits in school *[i]*:

# %% tags=["workshop"]
Math(translation.latex)

# %% [markdown] tags=["workshop"]
# - $\beta_0$ and $\beta_1$ are the average line.
# - $u_0$ moves the line of a school up or down, and $u_1$ turns it: its slope is $\beta_1 + u_1$.
# - Each school draws the *pair* $(u_0, u_1)$. So there are three numbers to estimate: the variance of
#   the intercepts $\tau_0^2$, the [variance of the slopes](glossary.ipynb#slope-variance) $\tau_1^2$,
#   and their covariance $\tau_{01}$. The covariance says whether schools that stand high are also the
#   steep ones. (The equation adds the name of the group to each.)
#
# **As a matrix.** $Z$ now has two columns for each school. The first is the one you know. The second
# holds the pupil's `age10` instead of the 1. Here are three pupils from each of four schools: on the left
# the first columns, on the right the second ones. Orange, with a minus, is a pupil younger than ten.

# %% tags=["workshop"]
four = pupils["school"].drop_duplicates().head(4)
some = pupils[pupils["school"].isin(four)].groupby("school").head(3).set_index("student_id")
Z_intercept = pd.get_dummies(some["school"])
Z_slope = Z_intercept.mul(some["age10"], axis=0)
ax = plots.design_matrix(
    {"1 | school": Z_intercept, "age10 | school": Z_slope}, row_name="pupil (student_id)"
)
plots.show(
    ax,
    alt=f"Z for {len(some)} pupils of {len(four)} schools in two blocks. In the left block every row "
    "has a 1 in the column of its school. In the right block the same cell holds age10, from "
    f"{some['age10'].min():.1f} (orange, marked with a minus) to {some['age10'].max():.1f} (dark "
    "blue).",
)

# %% [markdown] tags=["workshop"]
# Multiplied by $u$, a row picks the right $u_0$ once, and the right $u_1$ as many times as the pupil
# has years beyond ten.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 03.1.** How many columns has $Z$ for `(age10|school)`, with all of `pupils`? Replace the
# dots by code that counts.

# %% tags=["workshop", "exercise", "solution"]
columns_of_Z = 2 * pupils["school"].nunique()  #!
check("03.1", columns_of_Z)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Every school draws two random effects, an intercept and a slope, and every random effect has a
# column. The *estimates* are far fewer: two variances and one covariance, however many schools there
# are.

# %% [markdown] tags=["workshop"]
# **As code.** The same pieces as before; what stands left of the bar is the `re_formula`:

# %% tags=["workshop"]
print("formula:   ", translation.fixed_formula)
print("groups:    ", translation.groups)
print("re_formula:", translation.re_formula)

# %% [markdown] tags=["workshop"]
# ## The first fit
#
# In plain statsmodels. (`re_formula="age10"` would do as well; there, too, the intercept comes along.)

# %% tags=["workshop"]
model = smf.mixedlm(
    "test_score ~ age10",
    pupils,
    groups="school",
    re_formula="1 + age10",
)
result = model.fit()

# %% tags=["workshop"]
print("average line")
print(result.fe_params.round(2).to_string())
print("\nvariances and covariance of the schools")
names = ["intercept", "slope"]
print(pd.DataFrame(result.cov_re.to_numpy(), names, names).round(1))
print(f"\nresidual variance {result.scale:.1f}")

# %% [markdown] tags=["workshop"]
# The square in the middle is the covariance matrix of the schools. On its diagonal are the two
# variances. The covariance stands beside them, twice, because a matrix has two corners for it.
#
# `mixedlm` finds the same, and writes it as a list:

# %% tags=["workshop"]
fit = mixedlm("test_score ~ age10 + (age10|school)", pupils).fit()
fit.variance_components.fillna("").round(2)

# %% [markdown] tags=["workshop"]
# The third row has two effects, so it is about the pair. There `vcov` is the covariance, and `sdcor`
# the correlation: the covariance divided by both SDs, always between −1 and 1. Above 0 it says that
# schools that stand high at ten years tend to be steep; below 0, that they tend to be flat.
#
# <details>
# <summary>In R</summary>
#
# ```r
# library(lme4)
# pupils$age10 <- pupils$age - 10
# fit <- lmer(test_score ~ age10 + (age10 | school), data = pupils)
# VarCorr(fit)        # SDs and the correlation
# ranef(fit)$school   # u0 and u1 of every school
# coef(fit)$school    # the line of every school: fixed effects plus u
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ## By how much a year differs
#
# The SD of the slopes is in points per year, like the slope itself. Put it beside the average slope:

# %% tags=["workshop"]
average = fit.fe_params["age10"]
slope_sd = fit.variance_components.loc[1, "sdcor"]

print(f"average slope           {average:.2f} points per year")
print(f"SD between schools      {slope_sd:.2f} points per year")
print(f"95 % of the schools     {average - 1.96 * slope_sd:.1f} to {average + 1.96 * slope_sd:.1f}")

# %% [markdown] tags=["workshop"]
# Read it so: in the average school, a year of age brings the average number of points. A typical school
# lies about one SD above or below. If slopes are normally distributed, as the model says, 95 % of all
# schools lie within 1.96 SDs of the average.
#
# The last line is *not* a confidence interval of the average. It says how different schools are. More
# pupils would make it more exact, but not narrower.
#
# The model also predicts each school's own $u_0$ and $u_1$, the BLUPs. Here are the same six schools
# again:

# %% tags=["workshop"]
axes = plots.lines(fit, "age10", "school", six)
slopes = ", ".join(f"{average + u:.1f}" for u in fit.random_effects["school"].loc[six, "age10"])
plots.show(
    axes,
    alt="The same six panels. The solid lines, now partially pooled in height and slope, rise by "
    f"{slopes} points per year.",
)

# %% [markdown] tags=["workshop"]
# Now the solid lines turn. Each has left the parallel line and gone towards the pupils of its school,
# but not all the way: slopes are shrunk as intercepts are. All the schools at once:

# %% tags=["workshop"]
ax = plots.shrinkage(fit, "school")
plots.show(ax)

# %% [markdown] tags=["workshop"]
# Every diamond is a separate line, every point a partially pooled one. Most arrows point up or down
# rather than sideways: a slope is harder to know from a few dozen pupils than a mean, so it is shrunk
# more. The longest arrows start at the most extreme slopes.
#
# Three SDs of slopes now, and each answers another question:

# %% tags=["workshop"]
blups = fit.random_effects["school"]["age10"]
print(f"SD of the separate slopes         {separate['age10'].std():.2f}")
print(f"SD between schools, estimated     {slope_sd:.2f}")
print(f"SD of the predicted slopes        {blups.std():.2f}")

# %% [markdown] tags=["workshop"]
# The separate slopes spread too widely: they hold the real differences *and* chance. The predicted ones
# spread too little: they are shrunk. How much schools differ is the number in the middle. It comes from
# the table of variances, never from the spread of the BLUPs.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 03.2.** What does a year of age bring in the school with the steepest partially pooled
# line? In points per year, to two decimals.

# %% tags=["workshop", "exercise", "solution"]
steepest = average + blups.max()  #!
check("03.2", steepest)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* A random effect is a departure from the average. The slope of a school is the fixed slope plus
# its own $u_1$. The steepest separate line would be steeper still, but part of that is luck.

# %% [markdown] tags=["workshop"]
# And what did the random slope do to the average?

# %% tags=["workshop"]
pd.DataFrame(
    {
        "parallel lines": parallel.fixed_effects.loc["age10"],
        "random slopes": fit.fixed_effects.loc["age10"],
    }
).T[["estimate", "std_error"]].round(2)

# %% [markdown] tags=["workshop"]
# The estimate hardly moves. Its standard error does. Parallel lines take every pupil for a witness of
# the one common slope. If schools have slopes of their own, the witnesses of the average slope are the
# *schools*, and there are only so many of them. A model that leaves out slopes that do vary is too sure
# of the average.

# %% [markdown] tags=["workshop"]
# ## Where is zero?
#
# We counted age from ten years. Nothing forced us. Let us count from 0, 8, 10 and 12 years, and fit the
# same model each time. Beside the variances stands the [log-likelihood](glossary.ipynb#log-likelihood),
# the number that a fit makes as large as it can.

# %% tags=["workshop"]
rows = {}
for zero in [0, 8, 10, 12]:
    pupils["x"] = pupils["age"] - zero
    moved = mixedlm("test_score ~ x + (x|school)", pupils).fit()
    parts = moved.variance_components
    rows[zero] = {
        "log-likelihood": moved.llf,
        "slope variance": parts.loc[1, "vcov"],
        "mean at zero": moved.fe_params["Intercept"],
        "intercept variance": parts.loc[0, "vcov"],
        "covariance": parts.loc[2, "vcov"],
        "correlation": parts.loc[2, "sdcor"],
    }
by_zero = pd.DataFrame(rows).rename_axis(columns="zero at age")
by_zero.round(2)

# %% [markdown] tags=["workshop"]
# Read along the rows. The log-likelihood is four times the same, and so is the slope variance: it is
# four times the same model, with the same lines and the same predictions. The mean at zero moves; no
# wonder, older pupils score higher. But the variance of the intercepts moves, too, down and up again.
# And the correlation *turns*. With zero at birth, schools that stand high seem to be the flat ones. With
# zero at twelve, they are the steep ones.
#
# How can both be true? Look at the lines.

# %% tags=["workshop"]
from_birth = mixedlm("test_score ~ age + (age|school)", pupils).fit()
ax = plots.fan(from_birth, "age", "school", zeros=[0, 8, 10, 12])
plots.show(ax)

# %% [markdown] tags=["workshop"]
# The lines never move. An intercept is only the height of a line where we choose to cut the fan. Cut it
# on the right: there the steep lines have arrived on top. Cut it far on the left, and the steep lines
# come from the bottom. Dotted is what no pupil ever showed: nobody of age 0 took the test. The large
# intercept variance there is about newborn children.
#
# Three of these cuts again, now with one ring for each school. The ellipse draws the two variances
# and their covariance: inside it the model expects 95 % of all schools.

# %% tags=["workshop"]
axes = plots.intercept_slope(from_birth, "school", zero=[8, 10, 12])
plots.show(axes)

# %% [markdown] tags=["workshop"]
# From panel to panel no ring moves up or down: a slope is a slope. Each moves sideways, the steep ones
# to the right, the flat ones to the left. The [correlation of intercept and
# slope](glossary.ipynb#intercept-slope-correlation) turns with them.
#
# There is a formula for it, and it is short. At a distance of $x$ years from zero, a school stands
# above the average line by $u_0 + u_1 x$. The variance of this sum is
#
# $$\text{variance between schools at } x = \tau_0^2 + 2\,\tau_{01}\,x + \tau_1^2\,x^2$$
#
# Try it: the fit with zero at ten knows what the fit with zero at eight will say.

# %% tags=["workshop"]
tau2_0, tau2_1, tau_01 = fit.variance_components["vcov"].iloc[:3]

x = 8 - 10
print(f"from the formula     {tau2_0 + 2 * tau_01 * x + tau2_1 * x**2:.2f}")
print(f"from the fit         {by_zero.loc['intercept variance', 8]:.2f}")

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 03.3.** What is the variance between schools among pupils of eight and a half years? Use
# the formula with `tau2_0`, `tau_01` and `tau2_1` above; to one decimal.

# %% tags=["workshop", "exercise", "solution"]
x = 8.5 - 10  #!
at_eight_and_a_half = tau2_0 + 2 * tau_01 * x + tau2_1 * x**2  #!
check("03.3", at_eight_and_a_half)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The three numbers belong to the zero at ten, so $x$ is counted from there: one and a half years
# *before*. The sign matters for the covariance, and the square takes it away from the last term. A new
# fit with `age - 8.5` gives the same number.

# %% [markdown] tags=["workshop"]
# So a correlation of intercept and slope, told without its zero, tells nothing. Two rules follow.
#
# - Put zero where you want to speak about the intercept: at the start of a study, at the mean, at an
#   age that matters. Counting from such a place is called [centring](glossary.ipynb#centring).
# - Report it: "the correlation, with age counted from ten years".

# %% [markdown] tags=["workshop"]
# ## A slope without an intercept
#
# A 0 left of the bar takes the intercept away: `(0 + age10|school)`. It looks like a smaller model, and
# it is. Look what it claims.

# %% tags=["workshop"]
only_slope = mixedlm("test_score ~ age10 + (0 + age10|school)", pupils).fit()
ax = plots.fan(only_slope, "age10", "school", zeros=[-2, 0, 2])
plots.show(ax)

# %% [markdown] tags=["workshop"]
# All the lines go through one point. The upright lines are at eight, ten and twelve years. Without
# $u_0$ every school *must* stand at the average where `age10` is 0: at ten years all schools are equal.
# Nobody wanted to say that. And now the zero is no longer a matter of taste:

# %% tags=["workshop"]
from_birth_only = mixedlm("test_score ~ age + (0 + age|school)", pupils).fit()
pd.DataFrame(
    {
        "zero at ten": {"slope only": only_slope.llf, "intercept and slope": fit.llf},
        "zero at birth": {"slope only": from_birth_only.llf, "intercept and slope": from_birth.llf},
    }
).round(1)

# %% [markdown] tags=["workshop"]
# With the intercept, zero may be anywhere. Without it, another zero is another model: all schools equal
# at ten, or all equal at birth. Both fit worse. A random slope without its intercept is meant only
# where all groups must agree at zero, as plants do: on the day they are sown, all have height 0.

# %% [markdown] tags=["workshop"]
# ## Slopes at every level
#
# Classrooms, schools and provinces may each have slopes of their own. The formula just says so. Beside
# it we fit the model of lesson 02, in which only intercepts vary.

# %% tags=["workshop"]
only_intercepts = mixedlm(
    "test_score ~ age10 + sex + (1|classroom) + (1|school) + (1|province)", pupils
).fit()
all_slopes = mixedlm(
    "test_score ~ age10 + sex + (age10|classroom) + (age10|school) + (age10|province)", pupils
).fit()
all_slopes.summary()

# %% [markdown] tags=["workshop"]
# Every level now has a variance of intercepts, one of slopes, and in the column `Corr` the correlation
# of the two. Effects of *different* levels have none: a school's draw knows nothing of its province's.
# `Share` is that of a whole level, its slope included, on average over the pupils.
#
# These pupils are simulated. Here is what was put in, with age counted from ten years:

# %% tags=["workshop"]
at_ten = truth.centred("age10", at=10)
table = at_ten.compare(all_slopes)
random = table[table["kind"] != "fixed effect"].set_index(["kind", "group", "effect"])
random[["true", "estimate"]].round(2)

# %% [markdown] tags=["workshop"]
# The SDs of the slopes come near, at all three levels. The correlations need not: even from sixty
# schools a correlation is hard to know, and harder still from a dozen provinces.
#
# Lesson 02 left a riddle: its residual was too large.

# %% tags=["workshop"]
residual = {
    "only intercepts": np.sqrt(only_intercepts.scale),
    "slopes as well": np.sqrt(all_slopes.scale),
    "true": at_ten.variance_components["sdcor"].iloc[-1],
}
print(pd.Series(residual).round(2).rename("residual SD, points").to_string())

# %% [markdown] tags=["workshop"]
# Solved. Where lines may not turn, pupils lie off their line, and the model calls it residual.
#
# statsmodels has no direct way to say slopes with correlations at three levels.
# [Lesson 05](05-covariance-structures.ipynb) shows how far it goes, and the way round.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 03.4.** Your turn with other data. Patients note their `wellbeing` every week; `week`
# counts from the start of a therapy. Each patient belongs to one clinic. Patients start at different
# heights *and* improve at different rates. Clinics differ in height only. Patients have labels of their
# own. Write the formula with the columns `wellbeing`, `week`, `patient` and `clinic`, in quotes.

# %% tags=["workshop", "exercise", "solution"]
therapy_formula = "wellbeing ~ week + (week|patient) + (1|clinic)"  #!
check("03.4", therapy_formula)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Left of each bar stands what varies. For patients that is the height and the rate:
# `(week|patient)`, with its silent 1. For clinics it is the height alone: `(1|clinic)`. The average
# rate is the fixed effect of `week`. And this time the patient *does* get a term: there are several
# rows for each.

# %% [markdown] tags=["workshop"]
# ## Where a slope cannot be
#
# Can the effect of a school's resources differ from school to school? Ask what a school could show: how
# many different values has a predictor inside one group, at most?

# %% tags=["workshop"]
inside = {}
for level in ["classroom", "school", "province"]:
    different = pupils.groupby(level)[["age", "teacher_experience", "school_resources"]].nunique()
    inside[f"inside a {level}"] = different.max()
pd.DataFrame(inside)

# %% [markdown] tags=["workshop"]
# Inside a school there is one value of `school_resources`: the school's own. One point has no slope.
# Age differs inside every classroom, so it may have a slope at all levels. The package reads the data
# and tells:

# %% tags=["workshop"]
impossible = translate("test_score ~ age10 + school_resources + (school_resources|school)", pupils)
for note in impossible.notes:
    print(note)

# %% [markdown] tags=["workshop"]
# It does not refuse: such a model can be fitted, and a variance comes out. But it is not about slopes.
# `(school_resources|province)` is a sound question, since every province has several schools.

# %% [markdown] tags=["workshop"]
# ## Sixty-five real schools
#
# Now data whose truth nobody knows. In `exam`, pupils of London took a reading test at eleven
# (`standLRT`) and an examination at sixteen (`normexam`). Both are standardised: mean 0, SD 1.
# (Goldstein et al., 1993, [doi 10.1080/0305498930190401](https://doi.org/10.1080/0305498930190401).)
# Does early reading count equally at all schools?

# %% tags=["workshop"]
exam = load("exam")
london = mixedlm("normexam ~ standLRT + (standLRT|school)", exam).fit()
london.variance_components.fillna("").round(3)

# %% tags=["workshop"]
ax = plots.fan(london, "standLRT", "school", zeros=[-2, 0, 2], unit="SDs")
plots.show(ax)

# %% [markdown] tags=["workshop"]
# Here a natural zero is at hand: a pupil of average reading. The correlation there is positive, so the
# fan opens to the right. Among good readers, schools differ more than among weak ones.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 03.5.** Between which slopes of `standLRT` do 95 % of such schools lie, if slopes are
# normally distributed? Give the *lower* end, with 1.96 SDs, to two decimals.

# %% tags=["workshop", "exercise", "solution"]
lower = london.fe_params["standLRT"] - 1.96 * london.variance_components.loc[1, "sdcor"]  #!
check("03.5", lower)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The question is about *schools*, so it takes the SD of the slopes. The standard error of the
# fixed effect would answer another question: how well the average slope is known. Even at the lower
# end, good readers at eleven do better at sixteen; schools differ only in how much.

# %% [markdown] tags=["self-study"]
# ## Every zero at once (self-study)
#
# Here is the formula for the variance between schools once more, for every zero at once: on the left as an
# SD, on the right the correlation that comes with it.

# %% tags=["self-study"]
axes = plots.moving_zero(from_birth, "school", zeros=[0, 8, 10, 12])
plots.show(axes)

# %% [markdown] tags=["self-study"]
# The SD has a lowest point, where the fan is narrowest. Exactly there the correlation is 0: to the left
# it is negative, to the right positive. It happens at $x = -\tau_{01}/\tau_1^2$.
#
# The truth turns with zero, too, just as an estimate does. That is why `centred` asks where zero is. Here is
# one and the same truth for the schools:

# %% tags=["self-study"]
turned = {}
for zero in [0, 8, 10, 12]:
    parts = truth.centred("x", at=zero).variance_components
    parts = parts[parts["group"] == "school"]
    turned[zero] = dict(
        zip(["intercept SD", "slope SD", "correlation"], parts["sdcor"], strict=False)
    )
pd.DataFrame(turned).rename_axis(columns="zero at age").round(2)

# %% [markdown] tags=["self-study"]
# ## How well is a correlation known? (self-study)
#
# Draw twenty countries from one truth: sixty schools, in which intercepts have an SD of 3 at ten years,
# slopes one of 1.2, and the two a correlation of 0.3. Fit each, and look at the twenty estimates.

# %% tags=["self-study"]
from course import simulate_schools

estimates = []
for seed in range(20):
    country = simulate_schools(
        provinces=1,
        schools=60,
        classrooms=1,
        students=40,
        intercept_sd={"school": 3},
        slope_sd={"school": 1.2},
        correlation={"school": 0.3},
        intercept_at=10,
        residual_sd=6,
        seed=seed,
    ).data
    country["age10"] = country["age"] - 10
    country_fit = mixedlm(
        "test_score ~ age10 + sex + teacher_experience + school_resources + (age10|school)",
        country,
    ).fit()
    estimates.append(country_fit.variance_components["sdcor"].to_list())
names = ["intercept SD", "slope SD", "correlation", "residual SD"]
pd.DataFrame(estimates, columns=names).agg(["min", "median", "max"]).T.round(2)

# %% [markdown] tags=["self-study"]
# The residual SD is known well, the SDs of the schools less well. The correlation strays most: in one
# country there seems to be none, in another it is strong. Do not build a story on a single correlation,
# even from sixty groups.

# %% [markdown] tags=["self-study"]
# ## A far zero is hard on the search (self-study)
#
# For the model, zero may be anywhere. For the *search* of statsmodels it may not. Here is the plain fit
# again, with zero at birth, where intercepts and slopes are nearly one thing. (It warns at length; we
# keep that off the page.)

# %% tags=["self-study"]
import warnings

reached = {}
for name in ["age", "age10"]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = smf.mixedlm(
            f"test_score ~ {name}", pupils, groups="school", re_formula=f"1 + {name}"
        ).fit()
    reached[name] = {
        "says converged": plain.converged,
        "reaches the optimum": abs(plain.llf - fit.llf) < 0.01,
    }
pd.DataFrame(reached).T

# %% [markdown] tags=["self-study"]
# From birth the search gets lost, and here it says so. From ten years it arrives. `mixedlm` shifts and
# scales every predictor inside, and gives the answer back for the zero that you wrote; so it finds the
# optimum with any zero, as the table above showed. In other software, centring is worth the habit.

# %% [markdown] tags=["workshop"]
# ## Quiz
#
# Answer with one letter, in quotes.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 03.6.** You fit `(age10|school)`, then the same with age counted from twelve. Which number
# stays?
#
# - a) the intercept variance
# - b) the correlation of intercept and slope
# - c) the slope variance

# %% tags=["workshop", "exercise", "solution"]
stays = "c"  #!
check("03.6", stays)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 03.7.** Which random slope can these pupils show?
#
# - a) `(teacher_experience|classroom)`
# - b) `(teacher_experience|school)`
# - c) `(school_resources|school)`

# %% tags=["workshop", "exercise", "solution"]
can_be_shown = "b"  #!
check("03.7", can_be_shown)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 03.8.** What does `(0 + week|patient)` claim?
#
# - a) all patients stand at the same height where week is 0
# - b) all patients improve at the same rate
# - c) heights and rates of patients are unrelated

# %% tags=["workshop", "exercise", "solution"]
claims = "a"  #!
check("03.8", claims)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 03.9.** Pupils are 8 to 12 years old. A report says: "Random intercepts and slopes of age
# correlate −0.95, so good schools make less progress." Age was not centred. What do you answer?
#
# - a) −0.95 is so strong that the conclusion is safe
# - b) the correlation is so strong that the random slope should be left out
# - c) these intercepts are those of newborn children; with zero at ten the correlation may have another
#   sign

# %% tags=["workshop", "exercise", "solution"]
your_answer = "c"  #!
check("03.9", your_answer)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* 03.6: a slope is the same wherever the line is cut; heights are not. 03.7: inside a school
# there are several teachers; inside a classroom there is one, and a school has one level of resources.
# 03.8: without $u_0$, nothing may differ at zero. 03.9: far to the left of the data every fan is wide,
# and the lines that are low there are the steep ones.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - `(age10|school)` reads "an intercept and a slope of age that vary by school". It adds two variances
#   and a covariance; the average slope stays in the fixed part.
# - The SD of the slopes says by how much the effect of a year differs between schools, in points per
#   year.
# - Zero is a choice. Move it, and intercept variance and correlation turn, while slope variance, lines
#   and log-likelihood stay.
# - Between schools, the variance at $x$ is $\tau_0^2 + 2\tau_{01}x + \tau_1^2x^2$.
# - A predictor can have a slope only at levels inside whose groups it varies. A slope without its
#   intercept is rarely meant.
# - Leave out a slope that does vary, and the average slope looks better known than it is.
#
# **What comes next:** in [lesson 04](04-nested-and-crossed.ipynb), groups that are not nested: pupils who
# change classrooms. The [solutions](solutions/03-random-slopes.ipynb) of this lesson explain each answer.
