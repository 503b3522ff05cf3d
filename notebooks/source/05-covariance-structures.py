# %% [markdown] tags=["workshop"]
# # Covariance structures
#
# After this lesson you will be able to
#
# - write down the covariance matrix that `(1|school)`, `(0+age10|school)`, `(age10||school)`
#   and `(age10|school)` stand for, and count its numbers;
# - say what each of them claims about two pupils of one school;
# - say why `||` depends on where zero is, and use this to give statsmodels correlated effects that it
#   has no word for;
# - correct `vc_formula={"classroom": "diag"}` and `re_formula={...}`, which tutorials show;
# - choose a structure: by design first, by the likelihood second.
#
# **Time:** 40 minutes in the workshop, 70 on your own.
#
# **Before:** [Nested and crossed](04-nested-and-crossed.ipynb). You can read `(age10|school)`, and you know
# what moving zero does to an intercept ([lesson 03](03-random-slopes.ipynb)).
#
# **Data:** `pupils`: simulated pupils in classrooms in schools in provinces. An exercise of
# the self-study part uses `egsingle`: real pupils in the USA, tested over several years.

# %% [markdown] tags=["workshop"]
# ## Four structures
#
# A school can differ from other schools in two ways: in its intercept $u_0$ and in its slope of age
# $u_1$. How the two vary, and whether they go together, is written in one small matrix, $G$. On its
# diagonal stand the two variances, beside it the covariance:
#
# $$G = \begin{pmatrix} \tau_0^2 & \tau_{01} \\ \tau_{01} & \tau_1^2 \end{pmatrix}$$
#
# Which cells of $G$ are free, and which the model sets to 0, is its
# [covariance structure](glossary.ipynb#covariance-structure). Three you have met. The third in this
# list is new: two bars.
#
# - `(1|school)`: intercepts vary, slopes do not.
#   $G = \begin{pmatrix} \tau_0^2 & 0 \\ 0 & 0 \end{pmatrix}$, one number.
# - `(0+age10|school)`: slopes vary, intercepts do not.
#   $G = \begin{pmatrix} 0 & 0 \\ 0 & \tau_1^2 \end{pmatrix}$, one number.
# - `(age10||school)`: both vary, and are unrelated.
#   $G = \begin{pmatrix} \tau_0^2 & 0 \\ 0 & \tau_1^2 \end{pmatrix}$, two numbers.
# - `(age10|school)`: both vary, and may go together.
#   $G = \begin{pmatrix} \tau_0^2 & \tau_{01} \\ \tau_{01} & \tau_1^2 \end{pmatrix}$, three numbers.
#
# The two bars are short for two terms: `(1|school) + (0+age10|school)`. Effects of one term may be
# correlated. Effects of different terms never are.

# %% tags=["workshop"]
import textwrap

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

from course import CourseError, check, load, mixedlm, plots, translate
from course.data import load_truth
from course.exercises import use

pupils = load("pupils")
pupils["age10"] = pupils["age"] - 10
truth = load_truth("pupils").centred("age10", at=10)
use(pupils=pupils)

# %% [markdown] tags=["workshop"]
# Each of the four has its place in statsmodels. These are the pieces of the call:

# %% tags=["workshop"]
structures = ["(1|school)", "(0+age10|school)", "(age10||school)", "(age10|school)"]
for structure in structures:
    pieces = translate(f"test_score ~ age10 + sex + {structure}", pupils)
    print(f"{structure:17} re_formula={pieces.re_formula!r}, vc_formula={pieces.vc_formula}")

# %% [markdown] tags=["workshop"]
# `groups` is the school in all of them. Take the last one, the correlated one, in plain statsmodels. The
# result calls $G$ `cov_re`, and calls the intercept by the name of the group:

# %% tags=["workshop"]
result = smf.mixedlm(
    "test_score ~ age10 + sex",
    pupils,
    groups="school",
    re_formula="1 + age10",
).fit()
print(result.cov_re.round(2))
print(f"log-likelihood {result.llf:.2f}")

# %% [markdown] tags=["workshop"]
# With `mixedlm`, all four. The little function writes the rows of `variance_components` into a matrix;
# what is not there stays 0.

# %% tags=["workshop"]
fits = {s: mixedlm(f"test_score ~ age10 + sex + {s}", pupils).fit() for s in structures}


def covariance_matrix(fit, group, effects):
    G = pd.DataFrame(0.0, index=effects, columns=effects)
    parts = fit.variance_components
    for row in parts[parts["group"] == group].itertuples():
        other = row.effect2 or row.effect  # a variance has one effect, a covariance two
        G.loc[row.effect, other] = G.loc[other, row.effect] = row.vcov
    return G


G = {s: covariance_matrix(fits[s], "school", ["Intercept", "age10"]) for s in structures}
axes = plots.covariances(G)
plots.show(axes)

# %% [markdown] tags=["workshop"]
# The number in a cell is the variance or covariance. The shade is the correlation. What the structure
# demands to be 0 is 0 exactly; the rest is estimated. The last matrix is the one that statsmodels
# printed.
#
# Here are the schools that go with them. Every ring is one school, with its predicted intercept and slope.

# %% tags=["workshop"]
axes = plots.ellipses(fits, "school", ("Intercept", "age10"))
plots.show(axes)

# %% [markdown] tags=["workshop"]
# With one variance the schools lie on a line. With two they fill an ellipse, drawn to hold 95 % of such
# schools. The two bars keep it upright. Only the covariance lets it lean.
#
# <details>
# <summary>In R</summary>
#
# ```r
# library(lme4)
# pupils$age10 <- pupils$age - 10
# fit <- lmer(test_score ~ age10 + sex + (age10 | school), data = pupils)
# VarCorr(fit)$school   # the matrix G
# lmer(test_score ~ age10 + sex + (age10 || school), data = pupils)
# ```
# The four formulas are the same. One trap: `(sex || school)`, with a factor, is *not* uncorrelated in
# lme4 1.1. `mixedlm` refuses it and asks which of two meanings you want.
#
# </details>

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 05.1.** A third effect joins: `(age10 + sex|school)`. How many numbers does its $G$ hold that
# have to be estimated? (The residual variance is not in $G$. The column `sex` has two labels, so it makes
# one effect beside the intercept.)

# %% tags=["workshop", "exercise", "solution"]
numbers_in_G = 3 + 3  #!
check("05.1", numbers_in_G)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Three effects have three variances, and three pairs, each with a covariance. With $k$ effects it
# is $k(k+1)/2$: four effects already need ten. This is the price of a single bar. With two numeric
# predictors, `(x + z||school)` would need three.

# %% [markdown] tags=["workshop"]
# ## What a structure says about two pupils
#
# $G$ speaks of schools, and nobody sees $u_0$ and $u_1$. What is seen are scores. So ask what a structure
# says about them.
#
# Two pupils of one school share its $u_0$ and its $u_1$. Let $x$ and $z$ be their ages, counted from ten
# years. Then the covariance of their scores is
#
# $$\tau_0^2 + (x + z)\,\tau_{01} + x z\,\tau_1^2 .$$
#
# For a pupil alone, $z = x$, and the residual variance $\sigma^2$ is added. Pupils of different schools
# share nothing: 0.
#
# All of it at once is $V = ZGZ^\top + \sigma^2 I$. Here $Z$ has two columns for each school, one for its
# intercept and one for its slope, and $G$ stands once for each school. Six pupils are enough to see it: three
# of school A, three of school B, aged 8, 10 and 12.

# %% tags=["workshop"]
age = np.array([8, 10, 12])
one_school = np.column_stack([np.ones(3), age - 10])  # columns for the intercept and the slope
Z = np.kron(np.eye(2), one_school)  # the same for B, below and to the right
names = ["A, 8", "A, 10", "A, 12", "B, 8", "B, 10", "B, 12"]

V = {}
for structure in ["(1|school)", "(age10||school)", "(age10|school)"]:
    G_of_both = np.kron(np.eye(2), G[structure])
    matrix = Z @ G_of_both @ Z.T + fits[structure].scale * np.eye(6)
    V[structure] = pd.DataFrame(matrix, index=names, columns=names)
axes = plots.covariances(V, name="pupil (school, age in years)")
plots.show(axes)

# %% [markdown] tags=["workshop"]
# Read the blocks.
#
# - All three have zeros between the schools. Rows are alike only inside a group.
# - `(1|school)`: all pairs of a school are equally alike, and all pupils vary equally. This is called
#   [compound symmetry](glossary.ipynb#compound-symmetry).
# - `(age10||school)`: pupils of 8 and 12 years have less in common than pupils nearer in age. But the block
#   has a mirror at ten years: eight-year-olds vary exactly as much as twelve-year-olds.
# - `(age10|school)`: the mirror is gone. One end of the ages may vary more than the other.
#
# So `||` makes a claim that one can think about: that schools spread out equally on both sides of zero.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 05.2.** Two pupils of one school are 9 and 12 years old. What is the covariance of their
# scores under `(age10|school)`? Take the numbers from `G["(age10|school)"]`; one decimal.

# %% tags=["workshop", "exercise", "solution"]
correlated = G["(age10|school)"]
intercept_variance = correlated.loc["Intercept", "Intercept"]
slope_variance = correlated.loc["age10", "age10"]
covariance = correlated.loc["Intercept", "age10"]
of_two_pupils = intercept_variance + (-1 + 2) * covariance + (-1) * 2 * slope_variance  #!
check("05.2", of_two_pupils)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Nine years lie one year below the zero, so $x = -1$; twelve lie two above, $z = 2$. The residual
# variance stays out: it belongs to each pupil alone. The last term is negative, and pulls the two apart:
# a school with a steep slope lifts its twelve-year-olds and lowers its nine-year-olds.

# %% [markdown] tags=["workshop"]
# ## Two bars and the zero of age
#
# Lesson 03 moved the zero of age and watched the covariance turn. With `||` there is no covariance to turn.
# What happens then? Fit both structures with zero at one age after another.

# %% tags=["workshop"]
zeros = np.arange(6, 14.01, 0.25)
rows = []
for zero in zeros:
    moved = pupils.assign(age_c=pupils["age"] - zero)
    one_bar = mixedlm("test_score ~ age_c + sex + (age_c|school)", moved).fit()
    two_bars = mixedlm("test_score ~ age_c + sex + (age_c||school)", moved).fit()
    rows.append({"zero": zero, "(age_c|school)": one_bar.llf, "(age_c||school)": two_bars.llf})
moving = pd.DataFrame(rows).set_index("zero")
moving.loc[[6, 8, 9, 10, 11, 12, 14]].round(2)

# %% tags=["workshop"]
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7, 4))
ax.plot(moving["(age_c||school)"], color=plots.BLUE, linewidth=2.2, label="(age_c||school)")
ax.plot(moving["(age_c|school)"], color=plots.INK, linestyle="--", label="(age_c|school)")
ax.axvline(10, color=plots.GREY, linestyle=":", label="zero of age10")
ax.set(xlabel="age that is called zero (years)", ylabel="log-likelihood (REML)")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
highest = moving["(age_c||school)"].idxmax()
plots.show(
    ax,
    alt=f"The log-likelihood of both structures against the zero of age, from {zeros[0]:.0f} to "
    f"{zeros[-1]:.0f} years. That of one bar is a flat dashed line at "
    f"{moving['(age_c|school)'].iloc[0]:.1f}. That of two bars is a hill below it, from "
    f"{moving['(age_c||school)'].iloc[0]:.1f} on the left up to the line at about "
    f"{highest:.1f} years and down to {moving['(age_c||school)'].iloc[-1]:.1f} on the right. A dotted "
    "line marks the zero of age10.",
)

# %% [markdown] tags=["workshop"]
# One bar does not care: wherever zero is, it is the same model. Two bars are *another model for each
# zero*. They claim that intercept and slope are unrelated at this very age. Away from the age where this
# holds, the hill falls.
#
# So `||` is a sensible claim only where zero is a special place. Zero lessons, zero milligrams, the day
# before the treatment: perhaps. Ten years of age: we only found it handy.
#
# Now look at the top of the hill. There both structures have the same log-likelihood. Which age is that?
# Call it $c$, counted from our zero. The intercept there is $u_0 + c\,u_1$, and its covariance with the slope
# is $\tau_{01} + c\,\tau_1^2$. This is 0 at
#
# $$c = -\tau_{01} / \tau_1^2 .$$

# %% tags=["workshop"]
c = -correlated.loc["Intercept", "age10"] / correlated.loc["age10", "age10"]
moved = pupils.assign(age_c=pupils["age10"] - c)
at_c = mixedlm("test_score ~ age_c + sex + (age_c||school)", moved).fit()
print(f"intercept and slope are unrelated at {10 + c:.2f} years")
print(f"log-likelihood of one bar, any zero      {fits['(age10|school)'].llf:.2f}")
print(f"log-likelihood of two bars, zero at c    {at_c.llf:.2f}")

# %% [markdown] tags=["workshop"]
# Two variances and the place $c$ say exactly as much as two variances and a covariance. Either way it is
# three numbers. Any correlated intercept and slope can be written as an uncorrelated pair, if zero is put
# in the right place. We call this **the shift**. It is about to be useful.

# %% [markdown] tags=["workshop"]
# ## Three places in statsmodels
#
# statsmodels has three places for what varies:
#
# - `groups` names the largest groups, those that contain all others;
# - `re_formula` is *one* formula. It lists the effects that vary by `groups`, and they are *correlated*;
# - `vc_formula` is a dictionary of components inside the groups. Each has one variance, and each is
#   *independent* of all others.
#
# Correlated effects of the schools went to `re_formula`. Uncorrelated ones need a `vc_formula`. And
# correlated effects of the *classrooms*, inside the schools? There is no place for them.

# %% tags=["workshop"]
translation = translate("test_score ~ age10 + sex + (age10|classroom) + (1|school)", pupils)
print("exact:     ", translation.exact)
print("re_formula:", translation.re_formula)
print("vc_formula:", translation.vc_formula)

# %% [markdown] tags=["workshop"]
# `exact` is False, and `translation.gaps` would say why, in words. The call that `translate` can offer fits
# intercept and slope of the classroom as two components, so as independent: `(age10||classroom)`.
#
# Here the shift helps. Move zero to where the classrooms' intercepts and slopes *are* independent, and the
# two components are all it takes. `mixedlm` estimates the covariance, so it knows the place.
#
# (`method="powell"` asks statsmodels for a slower and steadier search. For models like this its usual one may
# stop too early, and still say that it converged.)

# %% tags=["workshop"]
classrooms = mixedlm("test_score ~ age10 + sex + (age10|classroom) + (1|school)", pupils).fit()
G_classroom = covariance_matrix(classrooms, "classroom", ["Intercept", "age10"])
shift = -G_classroom.loc["Intercept", "age10"] / G_classroom.loc["age10", "age10"]
pupils["age_c"] = pupils["age10"] - shift

as_offered = smf.mixedlm(
    "test_score ~ age10 + sex",
    pupils,
    groups="school",
    re_formula="1",
    vc_formula={
        "classroom": "0 + C(classroom)",
        "classroom:age10": "0 + C(classroom):age10",
    },
).fit(method="powell")
with_the_shift = smf.mixedlm(
    "test_score ~ age10 + sex",
    pupils,
    groups="school",
    re_formula="1",
    vc_formula={
        "classroom": "0 + C(classroom)",
        "classroom:age_c": "0 + C(classroom):age_c",
    },
).fit(method="powell")

# %% tags=["workshop"]
print(f"statsmodels, zero at 10 years        {as_offered.llf:.1f}")
print(f"statsmodels, zero at {10 + shift:.2f} years      {with_the_shift.llf:.1f}")
print(f"mixedlm, (age10|classroom)           {classrooms.llf:.1f}")
print()
print("what fit.statsmodels hands to statsmodels:")
print(*classrooms.statsmodels.model.exog_vc.names, sep=", ")

# %% [markdown] tags=["workshop"]
# The shifted call ends on the log-likelihood of the correlated model, because it is the correlated model.
# Nothing else had to change: the fixed part may keep its own zero. And you need not do this by hand.
# `fit.statsmodels` puts the shift in for you, as the name of its second component shows.

# %% [markdown] tags=["workshop"]
# ## What tutorials show
#
# Tutorials write `vc_formula={"classroom": "diag"}` to ask for an uncorrelated structure, and a dictionary
# for `re_formula` to say what varies by which group. Try both in plain statsmodels:

# %% tags=["workshop"]
tutorial = {
    "vc_formula": {"vc_formula": {"classroom": "diag"}},
    "re_formula": {"re_formula": {"classroom": "~1", "school": "~1 + age10"}},
}
for name, arguments in tutorial.items():
    try:
        smf.mixedlm("test_score ~ age10 + sex", pupils, groups="school", **arguments)
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {str(error).splitlines()[0]}")

# %% [markdown] tags=["workshop"]
# The first is read as a formula with a column called `diag`, and there is none. The second is read as a
# text, and it is a dictionary. Neither says what is wrong, but at least both stop. (Two other
# forms run, without a word, and fit another model. The self-study part shows them.)
#
# What was meant, then? `mixedlm` takes what tutorials show, and says as a formula what it understood.

# %% tags=["workshop"]
with_bars = "test_score ~ age10 + sex + (age10|classroom) + (1|school)"
without = "test_score ~ age10 + sex"
calls = [
    (with_bars, {"vc_formula": {"classroom": "diag"}}),
    (with_bars, {"vc_formula": {"classroom": "unstructured"}}),
    (without, {"re_formula": {"classroom": "~1", "school": "~1 + age10"}}),
    (without, {"groups": "school", "vc_formula": {"school": "1 + age10"}}),
]
for formula, arguments in calls:
    print(f"{formula}\n   with {arguments}")
    try:
        model = mixedlm(formula, pupils, **arguments)
    except CourseError as error:
        print(textwrap.indent(textwrap.fill(f"refused: {error}", 90), "   "))
        continue
    print(f"   means {model.formula}\n")

# %% [markdown] tags=["workshop"]
# So `"diag"` is the second bar, `"unstructured"` is the single bar, and a dictionary of `re_formula` is one
# bar for each group. What has no clear meaning is refused. The shortest way to say any of it is the
# formula.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 05.3.** A blog studies pain and dose, with patients in wards in hospitals, each ward with a
# label of its own. It calls the formula `"pain ~ dose"` with
#
# `re_formula={"ward": "~1 + dose", "hospital": "~1"}`
#
# and `vc_formula={"ward": "diag"}`. Write what was meant as one formula, in quotes.

# %% tags=["workshop", "exercise", "solution"]
pain_formula = "pain ~ dose + (dose||ward) + (1|hospital)"  #!
check("05.3", pain_formula)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* By ward vary the intercept and the slope of dose, and `"diag"` wants them unrelated: two bars. By
# hospital varies the intercept alone. `(1|ward) + (0+dose|ward)` says the same as `(dose||ward)`. Zero is no
# dose, so the claim of `||` can at least be discussed.

# %% [markdown] tags=["workshop"]
# ## Choosing
#
# **By design first.** Three questions, before any fit.
#
# 1. *Does the predictor vary inside the groups?* If not, a group has no slope of it. Lesson 03 counted
#    (*Where a slope cannot be*): the resources of a school can have a slope by province, not by school.
# 2. *Is zero a special place?* If not, keep the covariance: one bar.
# 3. *Are there many groups?* From a dozen, a variance is hardly known, and a covariance still less.
#
# **By the likelihood second.** A structure with more numbers always reaches at least the log-likelihood of
# the one that it contains. So each number has to pay. [AIC](glossary.ipynb#AIC) is −2 times the
# log-likelihood plus 2 for each number; smaller is better, and a difference of one or two is no verdict. Two
# conditions: the same rows, and, for REML fits, the same fixed effects. Ours have both. Moving zero counts as
# the same: it is another way to write the same lines.
#
# Here are structures for all three levels at once. "At birth" puts zero at age 0.

# %% tags=["workshop"]
levels = ["classroom", "school", "province"]


def all_levels(predictor, left, bars="|"):
    terms = [f"({left} {bars} {level})" for level in levels]
    return mixedlm(f"test_score ~ {predictor} + sex + {' + '.join(terms)}", pupils).fit()


candidates = {
    "intercepts": all_levels("age10", "1"),
    "slopes, zero at 10 years": all_levels("age10", "0 + age10"),
    "two bars, zero at birth": all_levels("age", "age", "||"),
    "two bars, zero at 10 years": all_levels("age10", "age10", "||"),
    "one bar, zero at birth": all_levels("age", "age"),
    "one bar, zero at 10 years": all_levels("age10", "age10"),
}
choice = pd.DataFrame(
    [[fit.n_params, fit.llf, fit.aic] for fit in candidates.values()],
    index=candidates,
    columns=["numbers", "log-likelihood", "AIC"],
)
choice["above the best"] = choice["AIC"] - choice["AIC"].min()
choice.round(1)

# %% [markdown] tags=["workshop"]
# The column `numbers` counts all that is estimated: three fixed effects, the residual variance, and the
# variances and covariances of three matrices $G$. (statsmodels prints `nan` as the AIC of a REML fit;
# `fit.aic` is what R gives.)
#
# Three things to see in the last column:
#
# - Schools, classrooms and provinces differ in both: intercepts alone and slopes alone are far behind.
# - One bar has one AIC, wherever zero is. Two bars have one for each zero, and at birth it is bad.
# - At ten years, two bars come near to one bar. In the pupils that ship with this course, the difference is
#   about a unit: the data do not tell the two apart.
#
# What is true? These pupils are simulated, so look.

# %% tags=["workshop"]
table = truth.compare(candidates["one bar, zero at 10 years"])
correlations = table[table["kind"] == "correlation"].set_index("group")
correlations[["true", "estimate"]].round(2)

# %% [markdown] tags=["workshop"]
# In truth, intercept and slope are correlated at every level. A correlation needs many groups to be seen,
# so AIC may not mind when something real is left out. The design decides: ten years is no special age, so
# we keep one bar. And we can say so before we see the data. (Where few groups make such a fit break down,
# [lesson 08](08-when-the-fit-complains.ipynb) says what to do.)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 05.4.** A colleague has `weight` of patients, measured at several visits. The predictors are
# `week`, which differs between the visits of a patient, and `dose`, fixed for each patient. Patients are
# treated in clinics, each patient in one clinic. Write the formula with both predictors as fixed effects,
# and with every effect that can vary by `patient`, correlated. By `clinic`, only the intercept varies.

# %% tags=["workshop", "exercise", "solution"]
weight_formula = "weight ~ week + dose + (week|patient) + (1|clinic)"  #!
check("05.4", weight_formula)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* A patient has several weeks, so a line over weeks, with intercept and slope. A patient has one dose,
# so no slope of dose of their own. Between patients of a clinic doses do differ: `(dose|clinic)` would have
# been possible, had the question asked for it.

# %% [markdown] tags=["self-study"]
# ## Pupils over six years (self-study)
#
# Now real data. `egsingle` has mathematics scores of pupils in the USA, each tested in up to six school
# years; `year` runs from −2.5 to 2.5. Pupils (`childid`) are nested in schools (`schoolid`), and both may
# have a line of their own. Where does the shift put the zero of the pupils?

# %% [markdown] tags=["self-study", "exercise"]
# **Exercise 05.5.** At which value of `year` are the intercepts and slopes *of pupils* unrelated? One
# decimal. Before you look: will it lie inside the years of the tests?

# %% tags=["self-study", "exercise", "solution"]
growth = load("egsingle")
growth_fit = mixedlm("math ~ year + (year|childid) + (year|schoolid)", growth).fit()
G_child = covariance_matrix(growth_fit, "childid", ["Intercept", "year"])
unrelated_at = -G_child.loc["Intercept", "year"] / G_child.loc["year", "year"]  #!
check("05.5", unrelated_at)

# %% [markdown] tags=["self-study", "solution"]
# *Why.* The covariance is positive in the middle of the years: pupils who are ahead there also learn
# faster. Going back in time the lines of the pupils run together, and the covariance falls. It reaches 0
# only before the first test. So `(year||childid)` is a poor claim for *every* year of these data.

# %% [markdown] tags=["self-study"]
# ## Two forms that run (self-study)
#
# The forms of the tutorials stop with an error. Two others run, without a word, and fit another model than
# the one that was meant:

# %% tags=["self-study"]
silent = {
    'vc_formula={"classroom": "0 + C(classroom)"}': {"classroom": "0 + C(classroom)"},
    'vc_formula={"school": "1 + age10"}': {"school": "1 + age10"},
}
for written, vc_formula in silent.items():
    model = smf.mixedlm("test_score ~ age10 + sex", pupils, groups="school", vc_formula=vc_formula)
    found = model.fit()
    print(written)
    print(f"   variances in re_formula: {found.cov_re.size}, in vc_formula: {len(found.vcomp)}")
    print(f"   log-likelihood {found.llf:.2f}")

# %% [markdown] tags=["self-study"]
# - The first leaves out `re_formula`. Then the schools have no variance at all: a `vc_formula` without a
#   `re_formula` drops the intercept of `groups`. Write `re_formula="1"` beside it, as for
#   `(1|classroom) + (1|school)`.
# - The second looks like an intercept and a slope. But a component has *one* variance for all its columns:
#   the intercepts must vary by as many points as the slopes by points per year. Meant was
#   `(age10||school)`, with two.
#
# The log-likelihoods of what was meant, to compare:

# %% tags=["self-study"]
both = mixedlm("test_score ~ age10 + sex + (1|classroom) + (1|school)", pupils).fit()
print(f"(1|classroom) + (1|school)   {both.llf:.2f}")
print(f"(age10||school)              {fits['(age10||school)'].llf:.2f}")

# %% [markdown] tags=["self-study"]
# ## Back from the shift (self-study)
#
# The shifted call reports the variances at its own zero. One step leads back. The slopes stay as they are.
# An intercept at ten years is the intercept at the shifted zero, $w_0$, less $c\,u_1$; and $w_0$ and $u_1$
# are independent. So
#
# $$\tau_0^2 = \operatorname{var}(w_0) + c^2\,\tau_1^2, \qquad \tau_{01} = -c\,\tau_1^2 .$$

# %% tags=["self-study"]
variance_w, variance_slope = with_the_shift.vcomp  # in the order of their names
at_ten_years = pd.DataFrame(
    [
        [variance_w + shift**2 * variance_slope, -shift * variance_slope],
        [-shift * variance_slope, variance_slope],
    ],
    index=["Intercept", "age10"],
    columns=["Intercept", "age10"],
)
axes = plots.covariances({"statsmodels, shifted back": at_ten_years, "mixedlm": G_classroom})
plots.show(axes)

# %% [markdown] tags=["self-study"]
# The same matrix, as far as the search went. Only $c$ is something that statsmodels cannot find by itself: it
# would have to try one zero after another, as we did on the hill.

# %% [markdown] tags=["self-study"]
# ## A factor left of the bar (self-study)
#
# A slope may also belong to a factor. In our pupils, sex makes the same difference in every school. So let
# us add to each score an effect of the school's girls or of the school's boys, drawn with an SD of 3.

# %% tags=["self-study"]
rng = np.random.default_rng(5)
girls_or_boys = pupils.groupby(["school", "sex"]).ngroup()
extra = rng.normal(0, 3, girls_or_boys.max() + 1)
changed = pupils.assign(test_score=pupils["test_score"] + extra[girls_or_boys])

with_factor = {
    s: mixedlm(f"test_score ~ age10 + sex + {s}", changed).fit()
    for s in ["(sex|school)", "(0+sex|school)", "(1|school) + (1|school:sex)"]
}
pd.DataFrame(
    [[fit.n_params, fit.llf, fit.aic] for fit in with_factor.values()],
    index=with_factor,
    columns=["numbers", "log-likelihood", "AIC"],
).round(2)

# %% [markdown] tags=["self-study"]
# The first two have the same log-likelihood. They are one model in two spellings.
#
# - `(sex|school)`: an effect of the school's girls (the intercept), and how far the boys' effect differs
#   from it.
# - `(0+sex|school)`: an effect of the girls, and an effect of the boys.
#
# Boys' effect = girls' effect + difference. So the one $G$ can be computed from the other:

# %% tags=["self-study"]
by_contrast = covariance_matrix(with_factor["(sex|school)"], "school", ["Intercept", "sex[T.male]"])
by_cell = covariance_matrix(with_factor["(0+sex|school)"], "school", ["sex[female]", "sex[male]"])
turn = np.array([[1, 0], [1, 1]])  # girls = intercept; boys = intercept + difference
print(by_cell.round(2))
print("from (sex|school):", (turn @ by_contrast.to_numpy() @ turn.T).round(2).tolist())

# %% [markdown] tags=["self-study"]
# A correlation between "intercept" and "sex" in the first spelling is a statement about girls and a
# difference. The second is easier to read: two variances, and how alike girls and boys of one school are.
#
# The third structure, `(1|school) + (1|school:sex)`, is another model, with one number less. The school's
# effect is shared by its girls and boys. On top, the girls have an effect of their own, and so have the boys,
# with one common variance. So both variances are $\tau^2 + \tau_s^2$, and the covariance is $\tau^2$:

# %% tags=["self-study"]
parts = with_factor["(1|school) + (1|school:sex)"].variance_components.set_index("group")["vcov"]
labels = ["girls", "boys"]
symmetric = pd.DataFrame(parts["school"], index=labels, columns=labels)
symmetric += parts["school:sex"] * np.eye(2)
matrices = {
    "(sex|school)": by_contrast.set_axis(["Int.", "male"]).set_axis(["Int.", "male"], axis=1),
    "(0+sex|school)": by_cell.set_axis(labels).set_axis(labels, axis=1),
    "(1|school) + (1|school:sex)": symmetric,
}
axes = plots.covariances(matrices)
plots.show(axes)

# %% tags=["self-study"]
print(f"SD of school:sex   true 3.00, estimate {np.sqrt(parts['school:sex']):.2f}")

# %% [markdown] tags=["self-study"]
# This is compound symmetry again. It is what we put in, it has one number less, and its log-likelihood is
# hardly lower. Here AIC prefers it. With a factor of five labels the difference is large: 15 numbers for one
# bar, two for compound symmetry.

# %% [markdown] tags=["self-study", "exercise"]
# **Exercise 05.6.** Which of these can `(0+sex|school)` describe, and `(1|school) + (1|school:sex)` not?
#
# - a) girls and boys of one school are alike
# - b) schools differ more in the scores of their boys than in those of their girls
# - c) schools do not differ at all

# %% tags=["self-study", "exercise", "solution"]
only_with_one_bar = "b"  #!
check("05.6", only_with_one_bar)

# %% [markdown] tags=["self-study", "solution"]
# *Why.* Compound symmetry has one variance on the whole diagonal: $\tau^2 + \tau_s^2$ for girls and for boys.
# Two different variances need the full $G$. Alike girls and boys need a covariance, and both have one; no
# differences at all are variances of 0, which both can reach.

# %% [markdown] tags=["self-study"]
# ## Does AIC find the truth? (self-study)
#
# Draw twenty countries with sixty schools each, where intercept and slope are unrelated at ten years. Draw
# twenty where they correlate with 0.3, and twenty with 0.6. Let AIC choose between `|` and `||` each time.

# %% tags=["self-study"]
from course import simulate_schools

chosen = {}
for correlation in [0.0, 0.3, 0.6]:
    better = []
    for seed in range(20):
        country = simulate_schools(
            provinces=10,
            schools=6,
            classrooms=1,
            students=30,
            intercept_sd={"school": 4},
            slope_sd={"school": 1.5},
            correlation={"school": correlation},
            residual_sd=6,
            intercept_at=10,
            seed=seed,
        ).data
        country["age10"] = country["age"] - 10
        one_bar = mixedlm("test_score ~ age10 + sex + (age10|school)", country).fit()
        two_bars = mixedlm("test_score ~ age10 + sex + (age10||school)", country).fit()
        better.append(one_bar.aic < two_bars.aic)
    chosen[correlation] = {"one bar": sum(better), "two bars": 20 - sum(better)}
pd.DataFrame(chosen).T.rename_axis("true correlation")

# %% [markdown] tags=["self-study"]
# A strong correlation is found every time. A moderate one is overlooked in some of the countries, though
# there are sixty schools. And where there is none, AIC now and then takes the covariance all the same. It
# is advice, not proof. [Lesson 07](07-inference.ipynb) turns such comparisons into tests.

# %% [markdown] tags=["workshop"]
# ## Quiz
#
# Answer with one letter, in quotes.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 05.7.** What does `(age10||school)` claim, and `(age10|school)` not?
#
# - a) that schools are independent of each other
# - b) that all schools have the same slope of age
# - c) that intercept and slope of a school are unrelated at ten years

# %% tags=["workshop", "exercise", "solution"]
claim = "c"  #!
check("05.7", claim)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 05.8.** You count age from birth instead of from ten years, in the fixed and in the random
# part. Which log-likelihood changes?
#
# - a) that of `(age||school)`
# - b) that of `(age|school)`
# - c) those of both

# %% tags=["workshop", "exercise", "solution"]
changes = "a"  #!
check("05.8", changes)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 05.9.** What does statsmodels take as `re_formula`?
#
# - a) one formula for every grouping factor
# - b) one formula: the effects that vary by `groups`, correlated
# - c) the name of a structure, such as "diag"

# %% tags=["workshop", "exercise", "solution"]
re_formula_is = "b"  #!
check("05.9", re_formula_is)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 05.10.** Which two REML fits may be compared by AIC?
#
# - a) `score ~ age10 + (1|school)` and `score ~ age10 + sex + (1|school)`
# - b) `score ~ age10 + (1|school)` on all pupils, and the same on the girls
# - c) `score ~ age10 + (age10|school)` and `score ~ age10 + (age10||school)`

# %% tags=["workshop", "exercise", "solution"]
comparable = "c"  #!
check("05.10", comparable)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* 05.7: both let schools differ in intercept and slope; only the covariance is missing, and it is
# missing at one zero. 05.8: with one bar the covariance turns with the zero, and the model stays the same.
# 05.9: effects by other groups go to `vc_formula`, and there they are independent. 05.10: REML depends on
# the fixed effects, so they must be the same, and so must the rows.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - A random term stands for a matrix $G$: variances on the diagonal, covariances beside it. One bar frees all
#   of it, two bars set the covariances to 0.
# - Two pupils of one group covary through $ZGZ^\top$. Between groups there is nothing.
# - `||` is another model for each zero. Use it where zero is a special place; else keep one bar.
# - In statsmodels, `re_formula` is one formula for correlated effects of `groups`; every component of
#   `vc_formula` has one variance and is independent. With the shift, zero at $-\tau_{01}/\tau_1^2$, two
#   components say the correlated model.
# - `"diag"` was meant as `||`, a dictionary in `re_formula` as one bar for each group.
# - Design first; then AIC, on the same rows and with the same fixed effects.
#
# **What comes next:** [lesson 06](06-interpretation.ipynb) turns every number of a fit into a sentence. The
# [solutions](solutions/05-covariance-structures.ipynb) of this lesson explain each answer.
