# %% [markdown] tags=["workshop"]
# # Random slopes
#
# After this lesson you will be able to
#
# - say what `(age10|school)` means, in words, as an equation, as a matrix and as statsmodels code;
# - read the variance of a slope: by how much the effect of a year differs between schools;
# - say what happens to the average slope, and to its standard error, if varying slopes are left out;
# - move the zero of a predictor, and say which numbers change and which stay;
# - give a slope to classrooms, schools and provinces, and see where a slope cannot be.
#
# **Time:** 45 minutes in the workshop, 70 on your own. If you come back in the middle, choose *Run → Run
# All Above Selected Cell* first.
#
# **Before:** [Random intercepts](02-random-intercepts.ipynb).
#
# **Data:** `pupils`, simulated; at the end `exam`, real pupils of 65 schools in London.

# %% [markdown] tags=["workshop"]
# ## Does a year make the same difference everywhere?
#
# In [lesson 02](02-random-intercepts.ipynb), some schools scored higher than others, but a year of age
# made the same difference in all of them. Is that true? Let each school speak for itself, with its own
# ordinary regression.

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
# The column `age10` holds the slopes: how many more points go with one more year of age. They differ a
# good deal from school to school. Here are six schools, from the flattest line to the steepest. The
# solid lines come from a model with a random intercept, as in lesson 02. (Sex is left out for now, so
# that each school has one line.)

# %% tags=["workshop"]
parallel = mixedlm("test_score ~ age10 + (1|school)", pupils).fit()

by_slope = separate["age10"].sort_values().index
six = by_slope[np.linspace(0, len(by_slope) - 1, 6).astype(int)]
axes = plots.lines(parallel, "age10", "school", six)
plots.show(axes)

# %% [markdown] tags=["workshop"]
# The solid lines are parallel, because the model has one slope for all schools. In the first panel it is
# too steep for the pupils, and in the last one too flat.
#
# But can we believe the separate lines? The extreme ones are extreme for two reasons. The effect of a
# year may really differ. But each line also rests on only a few dozen pupils, so chance tilts it. Again
# there are three ways: one slope for all, one for each, or something in between.

# %% [markdown] tags=["workshop"]
# ## One model, said in five ways
#
# **As a formula.** Put the predictor to the left of the bar:
#
# `test_score ~ age10 + (age10|school)`
#
# As always in a formula, the intercept comes along: `(age10|school)` is short for `(1 + age10|school)`.
# So: *an intercept and a slope of age that vary by school*. The new part is called a [random
# slope](glossary.ipynb#random-slope).
#
# `age10` must stay in the fixed part as well. There it is the *average* slope. The random part only says
# how far each school departs from it; on its own, it would claim that the average slope is 0.
#
# **In words.**

# %% tags=["workshop"]
translation = translate("test_score ~ age10 + (age10|school)", pupils)
print(translation.explain())

# %% [markdown] tags=["workshop"]
# **As an equation.** As before, the square brackets look up the school of pupil *i*:

# %% tags=["workshop"]
Math(translation.latex)

# %% [markdown] tags=["workshop"]
# - $\beta_0$ and $\beta_1$ are the average line.
# - $u_0$ moves the line of a school up or down, and $u_1$ turns it: its slope is $\beta_1 + u_1$.
# - Each school draws the *pair* $(u_0, u_1)$. So there are three numbers to estimate: the variance of
#   the intercepts $\tau_0^2$, the [variance of the slopes](glossary.ipynb#slope-variance) $\tau_1^2$,
#   and their [covariance](glossary.ipynb#covariance) $\tau_{01}$. The covariance says whether schools
#   that score high also tend to have steep lines. (The equation adds the name of the group to each.)
#
# **As a matrix.** $Z$ now has two columns for each school. The first is the one you know. The second
# holds the pupil's `age10` instead of the 1. Here are three pupils from each of four schools, with the
# first columns on the left and the second ones on the right. On the right, pupils older than ten are
# blue, the darker the older; orange cells with a minus are pupils younger than ten. (Each 1 on the left
# has the blue of a pupil of eleven, whose `age10` is 1.)

# %% tags=["workshop"]
four = pupils["school"].drop_duplicates().head(4)
some = pupils[pupils["school"].isin(four)].groupby("school").head(3).set_index("student_id")
Z_intercept = pd.get_dummies(some["school"])
Z_slope = Z_intercept.mul(some["age10"], axis=0)
blocks = {"1 | school": Z_intercept, "age10 | school": Z_slope}
plots.show(plots.design_matrix(blocks, row_name="pupil (student_id)"))

# %% [markdown] tags=["workshop"]
# When $Z$ is multiplied by $u$, each row picks the $u_0$ of its school once, and the $u_1$ of its school
# times the pupil's `age10`. A pupil of eleven and a half gets $u_0 + 1.5\,u_1$.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 03.1.** How many columns does $Z$ have for `(age10|school)`, with all of `pupils`? Replace
# the dots with code that counts.

# %% tags=["workshop", "exercise", "solution"]
columns_of_Z = 2 * pupils["school"].nunique()  #!
check("03.1", columns_of_Z)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Every school draws two random effects, an intercept and a slope, and every random effect has a
# column. The *estimates* are far fewer: two variances and one covariance, however many schools there are.

# %% [markdown] tags=["workshop"]
# **As code.** The pieces are the same as before. What is to the left of the bar is the `re_formula`:

# %% tags=["workshop"]
print("formula:   ", translation.fixed_formula)
print("groups:    ", translation.groups)
print("re_formula:", translation.re_formula)

# %% [markdown] tags=["workshop"]
# ## The first fit
#
# Here is the fit in plain statsmodels. (`re_formula="age10"` would do as well, since the intercept
# comes along there, too.)

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
# The square in the middle is the covariance matrix of the schools. The two variances are on its diagonal.
# The covariance appears twice beside them, because a matrix has two corners for it.
#
# `mixedlm` finds the same numbers, and writes them as a list:

# %% tags=["workshop"]
fit = mixedlm("test_score ~ age10 + (age10|school)", pupils).fit()
fit.variance_components.fillna("").round(2)

# %% [markdown] tags=["workshop"]
# The third row has two effects, so it is about the pair. There, `vcov` is the covariance, and `sdcor` is
# the correlation: the covariance divided by both SDs, always between −1 and 1. Above 0, schools that
# score high at ten years tend to have steep lines; below 0, they tend to have flat ones.
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
# ## How much do the slopes differ?
#
# The SD of the slopes is in points per year, like the slope itself. Put it beside the average slope:

# %% tags=["workshop"]
average = fit.fe_params["age10"]
slope_sd = fit.variance_components.loc[1, "sdcor"]

print(f"average slope           {average:.2f} points per year")
print(f"SD between schools      {slope_sd:.2f} points per year")
print(f"95 % of the schools     {average - 1.96 * slope_sd:.1f} to {average + 1.96 * slope_sd:.1f}")

# %% [markdown] tags=["workshop"]
# Read it like this: in an average school, pupils who are a year older score 3.7 points more. Schools
# typically differ from that by about 1.85. If slopes are normally distributed, as the model assumes, 95 %
# of all schools lie within 1.96 SDs of the average. (This model has only schools. So the SD also contains
# what provinces and classrooms contribute, as it did for the intercepts in lesson 02. We will separate
# them below.)
#
# The last line is *not* a [confidence interval](glossary.ipynb#confidence-interval) of the average. It
# says how different schools are. With more pupils we would know it better, but it would not become
# narrower.
#
# The model also predicts each school's own $u_0$ and $u_1$, the BLUPs. Here are the same six schools
# again:

# %% tags=["workshop"]
axes = plots.lines(fit, "age10", "school", six)
plots.show(axes)

# %% [markdown] tags=["workshop"]
# Now the solid lines have turned. Each has moved away from the common slope and towards the pupils of its
# school, but not all the way: slopes are shrunk, just as intercepts are. Here are all the schools at
# once:

# %% tags=["workshop"]
ax = plots.shrinkage(fit, "school")
plots.show(ax)

# %% [markdown] tags=["workshop"]
# Every diamond is a separate line, and every point a partially pooled one. Most arrows point up or down
# rather than sideways. From a few dozen pupils it is harder to know a slope than a mean, so slopes are
# shrunk more. The longest arrows start at the most extreme slopes.
#
# We now have three SDs of slopes, and each answers a different question:

# %% tags=["workshop"]
blups = fit.random_effects["school"]["age10"]
print(f"SD of the separate slopes         {separate['age10'].std():.2f}")
print(f"SD between schools, estimated     {slope_sd:.2f}")
print(f"SD of the predicted slopes        {blups.std():.2f}")

# %% [markdown] tags=["workshop"]
# The separate slopes spread too widely, because they contain the real differences *and* chance. The
# predicted ones spread too little, because they are shrunk. How much schools differ is the number in the
# middle. It comes from the table of variances, never from the spread of the BLUPs.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 03.2.** How steep is the steepest partially pooled line? Give the slope of that school in
# points per year, to three decimals.

# %% tags=["workshop", "exercise", "solution"]
steepest = average + blups.max()  #!
check("03.2", steepest)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* A random effect is a departure from the average. The slope of a school is the fixed slope plus
# its own $u_1$. The steepest separate line would be steeper still, but part of that is luck.

# %% [markdown] tags=["workshop"]
# ## What leaving them out does
#
# And what did the random slope do to the average slope?

# %% tags=["workshop"]
pd.DataFrame(
    {
        "parallel lines": parallel.fixed_effects.loc["age10"],
        "random slopes": fit.fixed_effects.loc["age10"],
    }
).T[["estimate", "std_error"]].round(2)

# %% [markdown] tags=["workshop"]
# The estimate hardly moves, but its standard error doubles. With parallel lines, every pupil is evidence
# about the one common slope. If schools have their own slopes, the evidence about the average slope comes
# from the *schools*, and there are only sixty of them. A model that leaves out slopes that do vary is too
# sure of the average.
#
# How much too sure? Hold the lottery of lesson 01 once more, this time for a slope. We draw thirty
# countries like ours, in which the average slope of age is 0, while classrooms, schools and provinces
# differ in their slopes as they do in ours. How often does each model find a "significant" slope?
# (`SIMULATED` holds the settings that our pupils were simulated with. This cell takes a while.)

# %% tags=["workshop"]
from course import simulate_schools
from course.data import SIMULATED

levels = ["classroom", "school", "province"]
fixed = "test_score ~ age10 + sex"
intercepts = f"{fixed} + {' + '.join(f'(1|{level})' for level in levels)}"
slopes = f"{fixed} + {' + '.join(f'(age10|{level})' for level in levels)}"

settings = SIMULATED["pupils"] | {"fixed_effects": {"Intercept": 60, "age": 0}}
p_values = []
for seed in range(30):
    country = simulate_schools(**(settings | {"seed": seed})).data
    country["age10"] = country["age"] - 10
    p_values.append(
        {
            "ordinary regression": smf.ols(fixed, country).fit().pvalues["age10"],
            "random intercepts": mixedlm(intercepts, country).fit().pvalues["age10"],
            "random slopes, too": mixedlm(slopes, country).fit().pvalues["age10"],
        }
    )
alarms = (pd.DataFrame(p_values) < 0.05).mean()
print((100 * alarms).round(0).rename("false alarms, %").to_string())

# %% [markdown] tags=["workshop"]
# This is the most important table of the course. For a slope that varies, random intercepts help no more
# than ordinary regression does; only the model with random slopes keeps its promise of 5 %, as far as
# thirty countries can tell. (Random intercepts raise even more false alarms than ordinary regression.
# Classrooms, schools and provinces no longer count as noise, so the standard error is smaller still, but
# the estimate is no better.) So the standard errors of `age` in lessons 01 and 02, 0.11 to 0.15, were far
# too small. Beware of a predictor whose effect may differ between groups when the model does not allow
# for it.

# %% [markdown] tags=["workshop"]
# ## Where is zero?
#
# We counted age from ten years, but nothing forced us to. Let us count from 0, 8, 10 and 12 years, and
# fit the same model each time. The table also has the [log-likelihood](glossary.ipynb#log-likelihood),
# the number that a fit makes as large as it can. Guess first: which rows will be the same for every zero?

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
# Read along the rows. The log-likelihood is the same in all four columns, and so is the slope variance.
# It is the same model four times, with the same lines and the same predictions. The mean at zero moves,
# of course, since older pupils score higher. But the variance of the intercepts moves too, down and up
# again. And the correlation *changes its sign*. With zero at birth, schools that score high seem to
# have the flat lines. With zero at twelve, they have the steep ones.
#
# How can both be true? Look at the lines.

# %% tags=["workshop"]
from_birth = mixedlm("test_score ~ age + (age|school)", pupils).fit()
ax = plots.fan(from_birth, "age", "school", zeros=[0, 8, 10, 12])
plots.show(ax)

# %% [markdown] tags=["workshop"]
# The lines never move. An intercept is only the height of a line at the place where we choose to cut the
# fan. Cut it on the right, and the steep lines have reached the top. Cut it far on the left, and the
# steep lines start from the bottom. The lines are dotted where there are no pupils: nobody of age 0 took
# the test. The large intercept variance there is about newborn children.
#
# Here are three of these cuts again, with one ring for each school. The ellipse shows the two variances
# and their covariance: the model expects 95 % of all schools inside it.

# %% tags=["workshop"]
axes = plots.intercept_slope(from_birth, "school", zero=[8, 10, 12])
plots.show(axes)

# %% [markdown] tags=["workshop"]
# From panel to panel no ring moves up or down, since a slope does not depend on where we cut. But each
# ring moves sideways, the steep schools to the right and the flat ones to the left. The [correlation of
# intercept and slope](glossary.ipynb#intercept-slope-correlation) changes with them.
#
# A short formula says by how much. At a distance of $x$ years from zero, a school lies above the average
# line by $u_0 + u_1 x$. The variance of a sum is the two variances plus twice the covariance:
#
# $$\text{variance between schools at } x = \tau_0^2 + 2\,\tau_{01}\,x + \tau_1^2\,x^2$$
#
# Try it. The fit with zero at ten already knows what the fit with zero at eight will say:

# %% tags=["workshop"]
tau2_0, tau2_1, tau_01 = fit.variance_components["vcov"].iloc[:3]

x = 8 - 10
print(f"from the formula     {tau2_0 + 2 * tau_01 * x + tau2_1 * x**2:.2f}")
print(f"from the fit         {by_zero.loc['intercept variance', 8]:.2f}")

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 03.3.** What is the variance between schools among pupils of 8.8 years? Use the formula, with
# `tau2_0`, `tau_01` and `tau2_1` from above. Answer to one decimal.

# %% tags=["workshop", "exercise", "solution"]
x = 8.8 - 10  #!
at_that_age = tau2_0 + 2 * tau_01 * x + tau2_1 * x**2  #!
check("03.3", at_that_age)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The three numbers belong to the zero at ten, so $x$ is counted from there: 1.2 years *before*, so
# it is negative. The sign matters for the covariance; the square removes it from the last term. A new fit
# with `age - 8.8` gives the same number.

# %% [markdown] tags=["workshop"]
# So a correlation between intercepts and slopes means nothing unless you say where zero is. Two rules
# follow.
#
# - Put zero where you want to talk about the intercept: at the start of a study, at the mean, at an age
#   that matters. Counting from such a place is called [centring](glossary.ipynb#centring).
# - Report it: "the correlation, with age counted from ten years".

# %% [markdown] tags=["workshop"]
# ## A slope without an intercept
#
# A 0 to the left of the bar removes the intercept: `(0 + age10|school)`. This is a smaller model. Look at
# what it claims.

# %% tags=["workshop"]
only_slope = mixedlm("test_score ~ age10 + (0 + age10|school)", pupils).fit()
ax = plots.fan(only_slope, "age10", "school", zeros=[-2, 0, 2])
plots.show(ax)

# %% [markdown] tags=["workshop"]
# All lines pass through one point. Without $u_0$, every school *must* be average where `age10` is 0: at
# ten years, all schools are equal. Nobody wanted to say that. And now the choice of zero is no longer
# harmless:

# %% tags=["workshop"]
from_birth_only = mixedlm("test_score ~ age + (0 + age|school)", pupils).fit()
pd.DataFrame(
    {
        "zero at ten": {"slope only": only_slope.llf, "intercept and slope": fit.llf},
        "zero at birth": {"slope only": from_birth_only.llf, "intercept and slope": from_birth.llf},
    }
).round(1)

# %% [markdown] tags=["workshop"]
# With the random intercept, zero may be anywhere. Without it, another zero is another model: all schools
# equal at ten, or all schools equal at birth. Both fit much worse. A random slope without its intercept
# makes sense only where all groups must agree at zero, as plants do: on the day they are sown, all of
# them have height 0.

# %% [markdown] tags=["workshop"]
# ## Slopes at every level
#
# Classrooms, schools and provinces may each have their own slopes. The formula simply says so. We also
# fit the model of lesson 02, in which only intercepts vary.

# %% tags=["workshop"]
only_intercepts = mixedlm(intercepts, pupils).fit()
all_slopes = mixedlm(slopes, pupils).fit()
print(all_slopes.formula)
all_slopes.summary()

# %% [markdown] tags=["workshop"]
# Every level now has a variance of intercepts, a variance of slopes, and in the column `Corr` the
# correlation of the two. Effects of *different* levels have no correlation: a school's effects are drawn
# without regard to its province's. (`Share` counts a level once, with intercept and slope together.)
#
# The row of `age10` has changed most. Lesson 02 said 3.78 with a standard error of 0.11, and now the
# standard error is 0.37. And the SD of the slopes *of schools* is smaller than the 1.85 above, because
# the provinces and classrooms now have their own.
#
# These pupils are simulated. This is what they were made from, with age counted from ten years:

# %% tags=["workshop"]
at_ten = truth.centred("age10", at=10)
table = at_ten.compare(all_slopes)
random = table[table["kind"] != "fixed effect"].set_index(["kind", "group", "effect"])
random[["true", "estimate"]].round(2)

# %% [markdown] tags=["workshop"]
# The SDs of the slopes come close at all three levels. The correlations need not. It is hard to know a
# correlation even from sixty schools, and harder still from a dozen provinces.
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
# That solves it. Where lines are not allowed to turn, pupils lie off their line, and the model calls that
# residual.
#
# statsmodels has no direct way to write correlated slopes at three levels. [Lesson
# 05](05-covariance-structures.ipynb) shows how far it goes, and the way around.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 03.4.** Your turn, with other data. Patients rate their `wellbeing` every week; `week` counts
# from the start of a therapy. Each patient belongs to one clinic. Patients start at different levels of
# wellbeing *and* improve at different rates. Clinics differ only in their level. No two patients have the
# same label. Write the formula with the columns `wellbeing`, `week`, `patient` and `clinic`, in quotes.

# %% tags=["workshop", "exercise", "solution"]
therapy_formula = "wellbeing ~ week + (week|patient) + (1|clinic)"  #!
check("03.4", therapy_formula)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* What varies is written to the left of each bar. For patients that is the level and the rate:
# `(week|patient)`, with its silent 1. For clinics it is the level alone: `(1|clinic)`. The average rate
# is the fixed effect of `week`. And this time the patient *does* get a term, since each patient has
# several rows.

# %% [markdown] tags=["workshop"]
# ## Where a slope cannot be
#
# Can the effect of a school's resources differ from school to school? Ask what a single school could
# show. How many different values does a predictor have inside one group, at most?

# %% tags=["workshop"]
inside = {}
for level in ["classroom", "school", "province"]:
    different = pupils.groupby(level)[["age", "teacher_experience", "school_resources"]].nunique()
    inside[f"inside a {level}"] = different.max()
pd.DataFrame(inside)

# %% [markdown] tags=["workshop"]
# Inside a school there is one value of `school_resources`, and a single point has no slope. Age differs
# inside every classroom, so it may have a slope at all levels. The package reads the data and tells you:

# %% tags=["workshop"]
impossible = translate("test_score ~ age10 + school_resources + (school_resources|school)", pupils)
for note in impossible.notes:
    print(note)

# %% [markdown] tags=["workshop"]
# It does not refuse. Such a model can be fitted, and a variance comes out, but it says nothing about
# slopes. `(school_resources|province)` is a sensible question, since every province has several schools.

# %% [markdown] tags=["workshop"]
# ## Sixty-five real schools
#
# Now for data whose truth nobody knows. In `exam`, pupils in London took a reading test at eleven
# (`standLRT`) and an examination at sixteen (`normexam`). Both are standardised: mean 0, SD 1. (Goldstein
# et al., 1993, [doi 10.1080/0305498930190401](https://doi.org/10.1080/0305498930190401).) Does early
# reading matter equally at all schools?

# %% tags=["workshop"]
exam = load("exam")
london = mixedlm("normexam ~ standLRT + (standLRT|school)", exam).fit()
london.variance_components.fillna("").round(3)

# %% tags=["workshop"]
ax = plots.fan(london, "standLRT", "school", zeros=[-2, 0, 2], unit="SDs")
plots.show(ax)

# %% [markdown] tags=["workshop"]
# Here there is a natural zero: a pupil who reads as well as the average. The correlation there is
# positive, so the fan opens to the right. According to this model, schools differ more among good
# readers than among weak ones. The formula of the section *Where is zero?* gives a variance between
# schools of 0.08 at `standLRT` = −2 and of 0.22 at +2.
#
# <details>
# <summary>In the literature</summary>
#
# Models with random slopes are also called *random coefficient models* or, after how they may be
# written, *slopes as outcomes*. "Intercept variance" and "slope variance" are often written $\tau_{00}$
# and $\tau_{11}$, with $\tau_{01}$ or $\tau_{10}$ for the covariance. BLUPs are also called *empirical
# Bayes estimates* or *conditional modes*. That the variance between groups changes with a predictor is
# called *heteroscedasticity* between groups.
#
# </details>

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 03.5.** Between which two slopes of `standLRT` do 95 % of such schools lie, if slopes are
# normally distributed? Give the *lower* end, using 1.96 SDs, to two decimals.

# %% tags=["workshop", "exercise", "solution"]
lower = london.fe_params["standLRT"] - 1.96 * london.variance_components.loc[1, "sdcor"]  #!
check("03.5", lower)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The question is about *schools*, so it takes the SD of the slopes. The standard error of the
# fixed effect would answer another question: how well the average slope is known. Even at the lower end,
# good readers at eleven do better at sixteen. Schools differ only in how much.

# %% [markdown] tags=["self-study"]
# ## Every zero at once (self-study)
#
# Here is the formula for the variance between schools for every zero at once. The left panel shows it as
# an SD, and the right panel shows the correlation that goes with it.

# %% tags=["self-study"]
axes = plots.moving_zero(from_birth, "school", zeros=[0, 8, 10, 12])
plots.show(axes)

# %% [markdown] tags=["self-study"]
# The SD has a lowest point, where the fan is narrowest. Exactly there the correlation is 0. To the left
# it is negative, to the right positive. The lowest point is at $x = -\tau_{01}/\tau_1^2$.
#
# The truth changes with zero as well, just as an estimate does. That is why `centred` asks where zero is.
# Here is one and the same truth about the schools:

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
# Draw twenty countries from one truth: sixty schools, whose intercepts have an SD of 3 at ten years and
# whose slopes have an SD of 1.2, with a correlation of 0.3. Fit each country, and look at the twenty
# estimates.

# %% tags=["self-study"]
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
# The residual SD is known well, and the SDs of the schools less well. The correlation varies most: in one
# country there seems to be none, and in another it is strong. Do not build a story on a single
# correlation, even from sixty groups. ([Lesson 07](07-inference.ipynb) gives it an interval.)

# %% [markdown] tags=["self-study"]
# ## A far zero is hard on the search (self-study)
#
# For the model, zero may be anywhere. For the *search* in statsmodels it may not. Here is the plain fit
# again, with zero at birth, where intercepts and slopes are almost perfectly correlated. (It prints long
# warnings, which we hide.)

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
# With zero at birth the search gets lost, and here it says so. With zero at ten it arrives. `mixedlm`
# shifts and scales every predictor internally, and then gives the answer for the zero that you wrote. So
# it finds the optimum with any zero, as the table with four zeros showed. In other software, centring is
# a good habit.
#
# If your model must have its zero far away, tell the search where to begin. `fit.code` writes a program in
# plain statsmodels for any fit, and it begins where our search ended:

# %% tags=["self-study"]
far = mixedlm("test_score ~ age + (age|school)", pupils).fit()
print(far.code)

# %% [markdown] tags=["self-study"]
# The program expects a table called `data`, and leaves a `result`. Here it runs, as it was printed:

# %% tags=["self-study"]
data = pupils

import numpy as np
import statsmodels.formula.api as smf
from statsmodels.regression.mixed_linear_model import MixedLMParams

model = smf.mixedlm(
    "test_score ~ age",
    data,
    groups="school",
    re_formula="1 + age",
)

# Start at the optimum: fixed effects, and variances over that of the residual.
start = MixedLMParams.from_components(
    fe_params=np.array([24.129385, 3.6554013]),
    cov_re=np.array([[6.6343353, -0.63881834], [-0.63881834, 0.067234604]]),
    vcomp=np.array([]),
)
result = model.fit(start, reml=True, method="lbfgs")

print(f"log-likelihood, zero at birth: {result.llf:.2f}")
print(f"log-likelihood, zero at ten:   {fit.llf:.2f}")

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
# - a) all patients are at the same level where week is 0
# - b) all patients improve at the same rate
# - c) levels and rates of patients are unrelated

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
# *Why.* 03.6: a slope is the same wherever the line is cut, but heights are not. 03.7: inside a
# school there are several teachers; inside a classroom there is one, and a school has one value of
# resources. 03.8: without $u_0$, nothing may differ at zero. 03.9: far to the left of the data every
# fan is wide, and the lines that are low there are the steep ones.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - `(age10|school)` reads "an intercept and a slope of age that vary by school". It adds two variances
#   and a covariance; the average slope stays in the fixed part.
# - The SD of the slopes says how much the effect of a year differs between schools, in points per year.
# - If you leave out a slope that does vary, the average slope looks far better known than it is.
# - Zero is a choice. If you move it, the intercept variance and the correlation change, while the slope
#   variance, the lines and the log-likelihood stay.
# - Between schools, the variance at $x$ is $\tau_0^2 + 2\tau_{01}x + \tau_1^2x^2$.
# - A predictor can have a random slope only at levels inside whose groups it varies. A slope without its
#   intercept is rarely what you mean.
#
# **What comes next:** [lesson 04](04-nested-and-crossed.ipynb) is about groups that are not nested, such
# as pupils who change classrooms. The [solutions](solutions/03-random-slopes.ipynb) of this lesson
# explain each answer.
