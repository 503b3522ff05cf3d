# %% [markdown] tags=["workshop"]
# # Covariance structures
#
# After this lesson you will be able to
#
# - write down the covariance matrix that `(1|school)`, `(0+age10|school)`, `(age10||school)` and
#   `(age10|school)` stand for, and count its numbers;
# - say what each of them claims about the lines of schools, and about two pupils of one school;
# - say why `||` depends on where zero is;
# - correct `vc_formula={"classroom": "diag"}` and `re_formula={...}`, which tutorials show;
# - choose a structure: by design first, by the likelihood second.
#
# **Time:** 35 minutes in the workshop, 75 on your own. If you come back in the middle, choose *Run → Run
# All Above Selected Cell* first.
#
# **Before:** [Nested and crossed](04-nested-and-crossed.ipynb). You can read `(age10|school)`, and you
# know what moving zero does to an intercept ([lesson 03](03-random-slopes.ipynb)).
#
# **Data:** `pupils`: simulated pupils in classrooms in schools in provinces. An exercise of the
# self-study part uses `egsingle`: real pupils in the USA, tested over several years.

# %% [markdown] tags=["workshop"]
# ## Four structures
#
# A school can differ from other schools in two ways: in its intercept $u_0$ and in its slope of age
# $u_1$. So there are three questions. How much do the intercepts vary? How much do the slopes vary? And
# do the two go together? The three answers are written into one small matrix, called $G$: the two
# variances on its diagonal, and their covariance beside it, twice.
#
# $$G = \begin{pmatrix} \tau_0^2 & \tau_{01} \\ \tau_{01} & \tau_1^2 \end{pmatrix}$$
#
# The [covariance structure](glossary.ipynb#covariance-structure) of a model says which of the three are
# estimated and which are set to 0. You have met three structures. The third in this table is new: two
# bars.
#
# | formula | intercepts | slopes | go together? | numbers in $G$ |
# |---|---|---|---|---:|
# | `(1\|school)` | vary | all the same | | 1 |
# | `(0+age10\|school)` | all the same | vary | | 1 |
# | `(age10\|\|school)` | vary | vary | no: $\tau_{01} = 0$ | 2 |
# | `(age10\|school)` | vary | vary | perhaps: $\tau_{01}$ is estimated | 3 |
#
# The two bars are short for two terms: `(1|school) + (0+age10|school)`. Effects of one term may be
# correlated. Effects of different terms never are.

# %% tags=["workshop"]
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import statsmodels.formula.api as smf

from course import CourseError, check, load, mixedlm, plots, translate
from course.data import load_truth
from course.exercises import use

sns.set_theme(style="ticks", rc={"axes.spines.top": False, "axes.spines.right": False})

pupils = load("pupils")
pupils["age10"] = pupils["age"] - 10
truth = load_truth("pupils").centred("age10", at=10)
use(pupils=pupils)

# %% [markdown] tags=["workshop"]
# What does a structure look like? Let us invent forty schools for each, with intercepts that have an
# SD of 4 at ten years, slopes that have an SD of 2, and, where the structure allows it, a correlation
# of 0.8. The average line is left out. Before you read the titles: which panel is which?

# %% tags=["workshop"]
invented = {
    "(1|school)": [[16, 0], [0, 0]],
    "(0+age10|school)": [[0, 0], [0, 4]],
    "(age10||school)": [[16, 0], [0, 4]],
    "(age10|school)": [[16, 6.4], [6.4, 4]],
}
rng = np.random.default_rng(2)
ages = np.array([8, 12])
figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), sharey=True, layout="constrained")
for ax, (structure, G) in zip(axes, invented.items(), strict=True):
    u = rng.multivariate_normal([0, 0], G, size=40)
    ax.plot(ages, (u[:, [0]] + u[:, [1]] * (ages - 10)).T, color=plots.BLUE, linewidth=0.8)
    ax.set(title=structure, xlabel="age (years)", xticks=[8, 10, 12])
axes[0].set_ylabel("above the average line (points)")
plots.show(
    axes,
    alt="Lines of 40 invented schools from age 8 to 12, in four panels. With (1|school) they are "
    "parallel. With (0+age10|school) they all cross at age 10. With (age10||school) they cross "
    "everywhere, and the bundle is as wide at 8 as at 12. With (age10|school) the bundle is "
    "narrow at 8 and opens to the right.",
)

# %% [markdown] tags=["workshop"]
# Now our own schools. In plain statsmodels, the last of the four is this call. The result calls $G$
# `cov_re`, and calls the intercept by the name of the group:

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
# With `mixedlm`, we fit all four. The little function writes the rows of `variance_components` into a
# matrix. Whatever the model sets to 0 stays 0.

# %% tags=["workshop"]
structures = list(invented)
fits = {s: mixedlm(f"test_score ~ age10 + sex + {s}", pupils).fit() for s in structures}


def covariance_matrix(fit, group, effects):
    G = pd.DataFrame(0.0, index=effects, columns=effects)
    parts = fit.variance_components
    for row in parts[parts["group"] == group].itertuples():
        other = row.effect2 or row.effect  # a variance has one effect, a covariance two
        G.loc[row.effect, other] = G.loc[other, row.effect] = row.vcov
    return G


G = {s: covariance_matrix(fits[s], "school", ["Intercept", "age10"]) for s in structures}
plots.show(plots.covariances(G))

# %% [markdown] tags=["workshop"]
# On the diagonal, in bold, are the variances: of the intercepts in squared points, of the slopes in
# squared points per squared year. So they cannot be compared with each other. Beside them is the
# covariance, shaded by the correlation. What the structure sets to 0 is exactly 0; the rest is
# estimated. The last matrix is the one that statsmodels printed.
#
# And here are the schools that go with them. Every ring is one school, with its predicted intercept and
# slope.

# %% tags=["workshop"]
plots.show(plots.ellipses(fits, "school", ("Intercept", "age10")))

# %% [markdown] tags=["workshop"]
# With only one variance, the schools lie on a line. With two, they fill an ellipse, drawn so that it
# should contain 95 % of such schools. With two bars it lies straight, along the axes of the picture. Only
# the covariance lets it tilt.
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
#
# <details>
# <summary>In the literature</summary>
#
# One bar is called an *unstructured* (in SPSS and SAS: UN) covariance matrix of the random effects, and
# two bars a *diagonal* one (in SAS: VC), or a *zero-correlation-parameter model*. In SPSS, SAS and nlme,
# "covariance structure" also means something else, the structure of the *residuals*; a section at the end
# of this lesson says more.
#
# </details>

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 05.1.** A third effect joins: `(age10 + sex|school)`. How many numbers in its $G$ have to be
# estimated? (The residual variance is not in $G$. The column `sex` has two labels, so it makes one effect
# in addition to the intercept.)

# %% tags=["workshop", "exercise", "solution"]
numbers_in_G = 3 + 3  #!
check("05.1", numbers_in_G)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Three effects have three variances, and they form three pairs, each with a covariance. With $k$
# effects there are $k(k+1)/2$ numbers, so four effects already need ten. This is the price of a single
# bar. With two numeric predictors, `(x + z||school)` would need three.

# %% [markdown] tags=["workshop"]
# ## What a structure says about two pupils
#
# $G$ is about schools, but nobody ever sees $u_0$ and $u_1$. What we see are scores. So what does a
# structure say about the scores?
#
# Take two pupils of one school, one aged 8 and one aged 12. The school adds $u_0 - 2u_1$ to the score of
# the first, and $u_0 + 2u_1$ to the score of the second. The two sums have $u_0$ and $u_1$ in common, so
# they covary. Multiply them out: $u_0 \cdot u_0$ gives the variance $\tau_0^2$, $u_0$ with $u_1$ gives
# the covariance $\tau_{01}$, once with $+2$ and once with $-2$, and $u_1 \cdot u_1$ gives $-4\,\tau_1^2$.
# With our numbers:

# %% tags=["workshop"]
one_bar = G["(age10|school)"]
tau2_0, tau_01 = one_bar.loc["Intercept"]
tau2_1 = one_bar.loc["age10", "age10"]
print(f"{tau2_0:.3f} + (-2 + 2) * {tau_01:.3f} + (-2) * 2 * {tau2_1:.3f}"
      f" = {tau2_0 + (-2 + 2) * tau_01 + (-2) * 2 * tau2_1:.1f}")  # fmt: skip

# %% [markdown] tags=["workshop"]
# In general, for two pupils whose ages are $a$ and $b$, counted from ten years, the covariance is
#
# $$\tau_0^2 + (a + b)\,\tau_{01} + a\,b\,\tau_1^2 .$$
#
# For a single pupil, $b = a$, and the residual variance $\sigma^2$ is added. Pupils of different schools
# share nothing, and their covariance is 0.
#
# All pairs at once are $V = ZGZ^\top + \sigma^2 I$. Here it is for three pupils of one school, aged 8, 10
# and 12. The matrix $Z$ has a column of ones for the intercept and a column with the ages, counted from
# ten years, for the slope. $Z^\top$ is $Z$ with rows and columns swapped, and `@` multiplies matrices.

# %% tags=["workshop"]
Z = np.column_stack([np.ones(3), [-2, 0, 2]])
names = ["8", "10", "12"]
V = {}
for structure in ["(1|school)", "(age10||school)", "(age10|school)"]:
    matrix = Z @ G[structure].to_numpy() @ Z.T + fits[structure].scale * np.eye(3)
    V[structure] = pd.DataFrame(matrix, index=names, columns=names)
plots.show(plots.covariances(V, name="age of the pupil (years)"))

# %% [markdown] tags=["workshop"]
# - `(1|school)`: all pairs of pupils of a school are equally alike, and all pupils vary equally. This is
#   called [compound symmetry](glossary.ipynb#compound-symmetry).
# - `(age10||school)`: pupils of 8 and 12 years have less in common than pupils who are closer in age. But
#   the matrix is symmetric around ten years: eight-year-olds vary exactly as much as twelve-year-olds.
# - `(age10|school)`: that symmetry is gone. Pupils at one end of the age range may vary more than at the
#   other.
#
# So `||` makes a claim that you can think about: schools spread out equally on both sides of zero.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 05.2.** Two pupils of one school are 9 and 12 years old. What is the covariance of their
# scores under `(age10|school)`? Use `tau2_0`, `tau_01` and `tau2_1` from above; answer to one decimal.

# %% tags=["workshop", "exercise", "solution"]
of_two_pupils = tau2_0 + (-1 + 2) * tau_01 + (-1) * 2 * tau2_1  #!
check("05.2", of_two_pupils)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Nine years lie one year below the zero, so $a = -1$; twelve lie two above, so $b = 2$. The
# residual variance stays out, since it belongs to each pupil alone. The last term is negative, and pulls
# the two apart: a school with a steep slope lifts its twelve-year-olds and lowers its nine-year-olds.

# %% [markdown] tags=["workshop"]
# ## Two bars and the zero of age
#
# Lesson 03 moved the zero of age and watched the covariance change. With `||` there is no covariance that
# could change. So what happens? Fit both structures with zero at one age after another.

# %% tags=["workshop"]
zeros = np.arange(6, 14.01, 0.5)
rows = []
for zero in zeros:
    moved = pupils.assign(age_c=pupils["age"] - zero)
    rows.append(
        {
            bars: mixedlm(f"test_score ~ age_c + sex + (age_c{bars}school)", moved).fit().llf
            for bars in ("|", "||")
        }
    )
moving = pd.DataFrame(rows, index=pd.Index(zeros, name="zero at age")).add_prefix("age_c ")
moving.loc[[6, 8, 9, 10, 11, 12, 14]].round(2)

# %% tags=["workshop"]
ax = moving.plot(style=["--", "-"], color=[plots.INK, plots.BLUE], linewidth=2, figsize=(7, 3.8))
ax.axvline(10, color=plots.GREY, linestyle=":")
ax.set(xlabel="age that is called zero (years)", ylabel="log-likelihood (REML)")
ax.legend(["(age_c|school)", "(age_c||school)"], frameon=False)
ends = moving["age_c ||"].iloc[[0, -1]]
plots.show(
    ax,
    alt=f"The log-likelihood of both structures against the zero of age. That of one bar is a flat "
    f"dashed line at {moving['age_c |'].iloc[0]:.1f}. That of two bars is a hill below it, from "
    f"{ends.iloc[0]:.1f} at 6 years up to the line near {moving['age_c ||'].idxmax():g} years and "
    f"down to {ends.iloc[1]:.1f} at 14. A dotted line marks 10 years.",
)

# %% [markdown] tags=["workshop"]
# One bar does not care: wherever zero is, it is the same model. Two bars are *another model for each
# zero*. They claim that intercept and slope are unrelated at exactly this age. The further zero is from
# an age where that is true, the worse they fit.
#
# So before you write `||`, ask whether your zero is a place where the two might well be unrelated. The
# day before a treatment, or the middle of a balanced experiment whose conditions are coded −1 and +1, may
# be such a place, and `||` is common practice there. Ten years of age was simply convenient for us.

# %% [markdown] tags=["workshop"]
# ## What tutorials show
#
# statsmodels has three places for what varies:
#
# - `groups` names the largest groups, which contain all others;
# - `re_formula` is *one* formula. It lists the effects that vary by `groups`, and they are *correlated*;
# - `vc_formula` is a dictionary of components inside these groups. Each has one variance, and each
#   is *independent* of all others.
#
# Tutorials write `vc_formula={"classroom": "diag"}` to ask for an uncorrelated structure, and a
# dictionary for `re_formula` to say what varies by which group. Try both:

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
# The first is read as a formula with a column called `diag`, and there is no such column. The second
# should be a text, and it is a dictionary. Neither message says what is wrong, but at least both calls
# stop.
#
# So what was meant? `mixedlm` accepts what tutorials show, and says as a formula what it understood.

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
# So `"diag"` means the second bar, `"unstructured"` means the single bar, and a dictionary in
# `re_formula` means one term for each group. Whatever has no clear meaning is refused. The shortest way
# to say any of it is the formula.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 05.3.** A blog studies pain and dose, with patients in wards in hospitals; every ward has its
# own label. It gives the formula `"pain ~ dose"` together with
#
# `re_formula={"ward": "~1 + dose", "hospital": "~1"}`
#
# and `vc_formula={"ward": "diag"}`. Write what was meant as one formula, in quotes.

# %% tags=["workshop", "exercise", "solution"]
pain_formula = "pain ~ dose + (dose||ward) + (1|hospital)"  #!
check("05.3", pain_formula)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The intercept and the slope of dose vary by ward, and `"diag"` wants them unrelated: two bars.
# Only the intercept varies by hospital. `(1|ward) + (0+dose|ward)` says the same as `(dose||ward)`. Zero
# means no dose here, so the claim of `||` can at least be defended.

# %% [markdown] tags=["workshop"]
# ## Choosing
#
# **By design first.** Ask three questions before any fit.
#
# 1. *Does the predictor vary inside the groups?* If not, a group has no slope of it. Lesson 03 counted
#    (*Where a slope cannot be*): the resources of a school can have a slope by province, but not by
#    school.
# 2. *Could intercept and slope well be unrelated at your zero?* If you cannot say so, keep the
#    covariance: one bar.
# 3. *How many groups are there?* From a dozen groups, a variance is hardly known, and a covariance even
#    less. The data then cannot choose for you, and a structure with many numbers may not be estimable at
#    all.
#
# **By the likelihood second.** A structure with more numbers always reaches at least the log-likelihood
# of any structure that it contains. So each number has to earn its place. [AIC](glossary.ipynb#AIC) is −2
# times the log-likelihood plus 2 for each number. Smaller is better, and a difference of one or two is no
# verdict. Fits may be compared if they have the same rows and, under REML, the same fixed effects in the
# same unit. (Moving zero is harmless. Changing years into months is not: it would add 5 to every AIC
# here.)
#
# Here are structures for all three levels at once. "At birth" puts zero at age 0.

# %% tags=["workshop"]
levels = ["classroom", "school", "province"]


def all_levels(predictor, left, *bars):
    terms = [f"({left} {bar} {level})" for bar, level in zip(bars, levels, strict=True)]
    return mixedlm(f"test_score ~ {predictor} + sex + {' + '.join(terms)}", pupils).fit()


candidates = {
    "intercepts": all_levels("age10", "1", "|", "|", "|"),
    "slopes, zero at 10 years": all_levels("age10", "0 + age10", "|", "|", "|"),
    "two bars, zero at birth": all_levels("age", "age", "||", "||", "||"),
    "two bars, zero at 10 years": all_levels("age10", "age10", "||", "||", "||"),
    "two bars for the province only, zero at 10": all_levels("age10", "age10", "|", "|", "||"),
    "one bar, zero at birth": all_levels("age", "age", "|", "|", "|"),
    "one bar, zero at 10 years": all_levels("age10", "age10", "|", "|", "|"),
}
choice = pd.DataFrame(
    [[fit.n_params, fit.llf, fit.aic] for fit in candidates.values()],
    index=candidates,
    columns=["numbers", "log-likelihood", "AIC"],
)
choice["above the best"] = choice["AIC"] - choice["AIC"].min()
choice.round(1)

# %% [markdown] tags=["workshop"]
# The column `numbers` counts everything that is estimated: three fixed effects, the residual variance,
# and the variances and covariances of three matrices $G$. (statsmodels prints `nan` as the AIC of a REML
# fit; `fit.aic` is what R gives. Where a variance is 0 in truth, AIC is a little too hard on the larger
# model; [lesson 07](07-inference.ipynb) explains why.)
#
# - Classrooms, schools and provinces differ in both: intercepts alone and slopes alone are far behind.
# - One bar has the same AIC wherever zero is. Two bars have another one for each zero, and at birth it is
#   bad.
# - The last four differ by less than two units. These data do not choose between
#   them.
#
# What is true? These pupils are simulated, so look.

# %% tags=["workshop"]
table = truth.compare(candidates["one bar, zero at 10 years"])
correlations = table[table["kind"] == "correlation"].set_index("group")
correlations[["true", "estimate"]].round(2)

# %% [markdown] tags=["workshop"]
# In truth, intercept and slope are correlated at every level. But it takes many groups to see a
# correlation, so AIC may not mind when a real one is left out. Where the data do not decide, the design
# does. Ten years is not a special age, so we keep one bar, and we could have said so before seeing the
# data.
#
# How far should one go? This is debated. Barr et al. (2013, [doi
# 10.1016/j.jml.2012.11.001](https://doi.org/10.1016/j.jml.2012.11.001)) advise us to "keep it maximal":
# to include every slope that the design allows, since leaving one out makes false alarms, as you saw in
# lesson 03. Bates et al. (2015, [arXiv 1506.04967](https://arxiv.org/abs/1506.04967)) reply that small
# data sets cannot support all these numbers, and Matuschek et al. (2017, [doi
# 10.1016/j.jml.2017.01.001](https://doi.org/10.1016/j.jml.2017.01.001)) that superfluous ones cost
# power. All agree that the slopes of the predictors that your question is about belong in the model,
# *when they vary*. The covariances are usually the first thing to give up, level by level, when a fit
# breaks down. [Lesson 08](08-when-the-fit-complains.ipynb) says how.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 05.4.** A colleague has the `weight` of patients, measured at several visits. The predictors
# are `week`, which differs between the visits of a patient, and `dose`, which is fixed for each patient.
# Patients are treated in clinics, each patient in one clinic. Write the formula with both predictors as
# fixed effects, and with every effect that can vary by `patient`, correlated. Only the intercept varies
# by `clinic`.

# %% tags=["workshop", "exercise", "solution"]
weight_formula = "weight ~ week + dose + (week|patient) + (1|clinic)"  #!
check("05.4", weight_formula)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* A patient has several weeks, and so a line over weeks, with intercept and slope. A patient has
# one dose, and so no slope of dose. Between the patients of a clinic, doses do differ: `(dose|clinic)`
# would have been possible if the question had asked for it.

# %% [markdown] tags=["self-study"]
# ## The shift (self-study)
#
# Look again at the top of the hill. There, both structures have the same log-likelihood. At which age is
# that? Call it $c$, counted from our zero. The intercept there is $u_0 + c\,u_1$, and its covariance with
# the slope is $\tau_{01} + c\,\tau_1^2$. This is 0 at
#
# $$c = -\tau_{01} / \tau_1^2 .$$

# %% tags=["self-study"]
c = -tau_01 / tau2_1
moved = pupils.assign(age_c=pupils["age10"] - c)
at_c = mixedlm("test_score ~ age_c + sex + (age_c||school)", moved).fit()
print(f"intercept and slope are unrelated at {10 + c:.2f} years")
print(f"log-likelihood of one bar, any zero      {fits['(age10|school)'].llf:.2f}")
print(f"log-likelihood of two bars, zero at c    {at_c.llf:.2f}")

# %% [markdown] tags=["self-study"]
# Two variances and the place $c$ say exactly as much as two variances and a covariance: three numbers
# either way. Any correlated intercept and slope can be written as an uncorrelated pair, if zero is put in
# the right place. We call this **the shift**.
#
# It is useful for statsmodels. Correlated effects of the schools went into `re_formula`. But there is no
# place for correlated effects of the *classrooms*, inside the schools:

# %% tags=["self-study"]
translation = translate("test_score ~ age10 + sex + (age10|classroom) + (1|school)", pupils)
print("exact:     ", translation.exact)
print("re_formula:", translation.re_formula)
print("vc_formula:", translation.vc_formula)
for gap in translation.gaps:
    print(textwrap.fill(gap, 95))

# %% [markdown] tags=["self-study"]
# The call that `translate` can offer treats the intercept and slope of a classroom as two independent
# components: `(age10||classroom)`. Now use the shift. Move zero to where the classrooms' intercepts and
# slopes *are* unrelated, and two independent components are all it takes. `mixedlm` estimates the
# covariance, so it knows the place.
#
# (`method="powell"` asks statsmodels for a slower and more reliable search. For models like this one, the
# default search may stop too early and still say that it converged.)

# %% tags=["self-study"]
classrooms = mixedlm("test_score ~ age10 + sex + (age10|classroom) + (1|school)", pupils).fit()
G_classroom = covariance_matrix(classrooms, "classroom", ["Intercept", "age10"])
shift = -G_classroom.loc["Intercept", "age10"] / G_classroom.loc["age10", "age10"]
pupils["age_shifted"] = pupils["age10"] - shift

reached = {}
for zero, predictor in {"10 years": "age10", f"{10 + shift:.2f} years": "age_shifted"}.items():
    components = {
        "classroom": "0 + C(classroom)",
        f"classroom:{predictor}": f"0 + C(classroom):{predictor}",
    }
    model = smf.mixedlm(
        "test_score ~ age10 + sex",
        pupils,
        groups="school",
        re_formula="1",
        vc_formula=components,
    )
    with_the_shift = model.fit(method="powell")
    print(f"statsmodels, zero at {zero:12} {with_the_shift.llf:.1f}")
print(f"mixedlm, (age10|classroom)        {classrooms.llf:.1f}")

# %% [markdown] tags=["self-study"]
# The shifted call reaches the log-likelihood of the correlated model, because it *is* the correlated
# model. The fixed part may keep its own zero. You need not do this by hand: `fit.code` writes such a program
# for any fit. It has the shift in it, and a start where our search ended, so that statsmodels need not look
# for the top itself:

# %% tags=["self-study"]
print(classrooms.code)

# %% [markdown] tags=["self-study"]
# Here is this program, run as it was printed. It knows nothing of our package:

# %% tags=["self-study"]
data = pupils

import numpy as np
import statsmodels.formula.api as smf
from statsmodels.regression.mixed_linear_model import MixedLMParams

data = data.assign(age10_from__0_657=data["age10"] + 0.6570725)

model = smf.mixedlm(
    "test_score ~ age10 + sex",
    data,
    groups="school",
    re_formula="1",
    vc_formula={
        "classroom:age10": "0 + C(classroom):age10_from__0_657",
        "classroom": "0 + C(classroom)",
    },
)

# MixedLM takes the effects of a vc_formula for unrelated. Correlated ones become so by a
# change of columns: a predictor is counted from where intercepts and slopes are
# unrelated.
# Start at the optimum: fixed effects, and variances over that of the residual.
start = MixedLMParams.from_components(
    fe_params=np.array([61.824436, -2.133912, 3.7672699]),
    cov_re=np.array([[0.65495372]]),
    vcomp=np.array([0.46583698, 0.11898207]),
)
result = model.fit(start, reml=True, method="lbfgs")

print(f"{result.llf:.1f}")

# %% [markdown] tags=["self-study"]
# ## Pupils over six years (self-study)
#
# Now real data. `egsingle` has mathematics scores of pupils in the USA, each tested in up to six school
# years; `year` runs from −2.5 to 2.5. Pupils (`childid`) are nested in schools (`schoolid`), and both may
# have their own lines. This is called a *growth model*. Where does the shift put the zero of the pupils?

# %% [markdown] tags=["self-study", "exercise"]
# **Exercise 05.5.** At which value of `year` are the intercepts and slopes *of pupils* unrelated? Answer
# to one decimal, and keep all decimals until then. Before you look: will it lie inside the years of the
# tests?

# %% tags=["self-study", "exercise", "solution"]
growth = load("egsingle")
growth_fit = mixedlm("math ~ year + (year|childid) + (year|schoolid)", growth).fit()
G_child = covariance_matrix(growth_fit, "childid", ["Intercept", "year"])
unrelated_at = -G_child.loc["Intercept", "year"] / G_child.loc["year", "year"]  #!
check("05.5", unrelated_at)

# %% [markdown] tags=["self-study", "solution"]
# *Why.* The covariance is positive in the middle of the years: pupils who are ahead there also learn
# faster. As we go back in time, the lines of the pupils come together, and the covariance falls. It
# reaches 0 only before the first test. So `(year||childid)` makes a poor claim for *every* year of these
# data.

# %% [markdown] tags=["self-study"]
# ## Two forms that run (self-study)
#
# The forms that tutorials show stop with an error. Two other forms run without complaint, and fit a
# different model from the one that was meant:

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
# - The first leaves out `re_formula`. Then the schools have no variance at all, because a `vc_formula`
#   without a `re_formula` drops the intercept of `groups`. Add `re_formula="1"` to get `(1|classroom) +
#   (1|school)`.
# - The second looks like an intercept and a slope. But a component has *one* variance for all its
#   columns, so the intercepts must vary by as many points as the slopes vary by points per year. What was
#   meant is `(age10||school)`, with two variances.
#
# For comparison, the log-likelihoods of what was meant:

# %% tags=["self-study"]
both = mixedlm("test_score ~ age10 + sex + (1|classroom) + (1|school)", pupils).fit()
print(f"(1|classroom) + (1|school)   {both.llf:.2f}")
print(f"(age10||school)              {fits['(age10||school)'].llf:.2f}")

# %% [markdown] tags=["self-study"]
# ## Back from the shift (self-study)
#
# The shifted call reports the variances at its own zero. One step leads back. The slopes stay as they
# are. An intercept at ten years is the intercept at the shifted zero, $w_0$, minus $c\,u_1$, and $w_0$
# and $u_1$ are independent. So
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
# It is the same matrix, to the accuracy of the search. Only $c$ is something that statsmodels cannot find
# by itself: it would have to try one zero after another, as we did on the hill.

# %% [markdown] tags=["self-study"]
# ## A factor left of the bar (self-study)
#
# What varies may also be the effect of a factor. In our data, sex makes the same difference in every
# school. So let us add an effect to each score that the girls of a school share, and another that its
# boys share, drawn with an SD of 3.

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
# The first two have the same log-likelihood. They are one model written in two ways.
#
# - `(sex|school)`: the effect of a school's girls (the intercept), and how far the boys' effect differs
#   from it.
# - `(0+sex|school)`: the effect of the girls, and the effect of the boys.
#
# The boys' effect is the girls' effect plus the difference. So one $G$ can be computed from the other:

# %% tags=["self-study"]
by_contrast = covariance_matrix(with_factor["(sex|school)"], "school", ["Intercept", "sex[T.male]"])
by_cell = covariance_matrix(with_factor["(0+sex|school)"], "school", ["sex[female]", "sex[male]"])
turn = np.array([[1, 0], [1, 1]])  # girls = intercept; boys = intercept + difference
print(by_cell.round(2))
print("from (sex|school):", (turn @ by_contrast.to_numpy() @ turn.T).round(2).tolist())

# %% [markdown] tags=["self-study"]
# In the first form, the correlation between "intercept" and "sex" is a statement about girls and a
# difference. The second form is easier to read: two variances, and how alike girls and boys of one school
# are.
#
# The third structure, `(1|school) + (1|school:sex)`, is a different model, with one number fewer. The
# school's effect is shared by its girls and boys. In addition the girls have their own effect, and so do
# the boys, with one common variance. So both variances are $\tau^2 + \tau_s^2$, and the covariance is
# $\tau^2$:

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
# This is compound symmetry again. It is what we put in, it has one number fewer, and its log-likelihood
# is hardly lower. AIC prefers it here. With a factor of five labels the difference is large: 15 numbers
# for one bar, and two for compound symmetry.

# %% [markdown] tags=["self-study", "exercise"]
# **Exercise 05.6.** Which of these can `(0+sex|school)` describe, but `(1|school) + (1|school:sex)`
# cannot?
#
# - a) girls and boys of one school are alike
# - b) schools differ more in the scores of their boys than in those of their girls
# - c) schools do not differ at all

# %% tags=["self-study", "exercise", "solution"]
only_with_one_bar = "b"  #!
check("05.6", only_with_one_bar)

# %% [markdown] tags=["self-study", "solution"]
# *Why.* Compound symmetry has one variance on the whole diagonal: $\tau^2 + \tau_s^2$ for girls and for
# boys. Two different variances need the full $G$. Girls and boys who are alike need a covariance, and
# both structures have one. No differences at all means variances of 0, which both can reach.

# %% [markdown] tags=["self-study"]
# ## Does AIC find the truth? (self-study)
#
# Draw twenty countries with sixty schools each, in which intercept and slope are unrelated at ten years.
# Draw twenty more in which their correlation is 0.3, and twenty in which it is 0.6. Let AIC choose
# between `|` and `||` each time.

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
        single = mixedlm("test_score ~ age10 + sex + (age10|school)", country).fit()
        double = mixedlm("test_score ~ age10 + sex + (age10||school)", country).fit()
        better.append(single.aic < double.aic)
    chosen[correlation] = {"one bar": sum(better), "two bars": 20 - sum(better)}
pd.DataFrame(chosen).T.rename_axis("true correlation")

# %% [markdown] tags=["self-study"]
# A strong correlation is found every time. A moderate one is overlooked in some of the countries,
# although there are sixty schools. And where there is none, AIC now and then includes the covariance all
# the same. AIC gives advice, not proof. [Lesson 07](07-inference.ipynb) turns such comparisons into
# tests.

# %% [markdown] tags=["self-study"]
# ## The other covariance structures (self-study)
#
# If you come from SPSS, SAS or nlme, you may know "covariance structure" as a property of
# the *residuals*: of the repeated measurements of one person. Names like AR(1), Toeplitz or
# unstructured belong there. In AR(1), the correlation of two measurements fades with the
# time between them: $\rho$, $\rho^2$, $\rho^3$ and so on.
#
# In this course, and in lme4, residuals are independent with one variance, apart from known weights. All
# that makes rows alike is said by random effects. As you saw above, `(1|person)` is compound symmetry,
# and `(time|person)` lets the correlation fade with distance, though in another way than AR(1). What
# `mixedlm` cannot do is AR(1) and its relatives, and a residual variance that depends on a predictor. For
# those, use R: `nlme::lme` (`correlation = corAR1()`, `weights = varIdent()`), `glmmTMB` or `brms`. If
# you have just a few common points in time and many persons, an unstructured matrix of the repeated
# measurements is the classical choice.

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
# missing at one particular zero. 05.8: with one bar, the covariance changes with the zero, and the
# model stays the same. 05.9: effects of other groups go into `vc_formula`, and there they are
# independent. 05.10: REML depends on the fixed effects, so they must be the same, and so must the rows.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - A random term stands for a matrix $G$, with variances on the diagonal and covariances beside it. One
#   bar estimates all of it; two bars set the covariances to 0.
# - Two pupils of one group covary through $ZGZ^\top$. Pupils of different groups do not covary.
# - `||` is a different model for each zero. Use it where intercept and slope may well be unrelated at
#   your zero; otherwise keep one bar.
# - In statsmodels, `re_formula` is one formula for correlated effects of `groups`; every component of
#   `vc_formula` has one variance and is independent.
# - In tutorials, `"diag"` is meant as `||`, and a dictionary in `re_formula` as one term for each group.
# - Let the design decide first, and then AIC, on the same rows and with the same fixed effects.
#
# **What comes next:** [lesson 06](06-interpretation.ipynb) turns every number of a fit into a sentence.
# The [solutions](solutions/05-covariance-structures.ipynb) of this lesson explain each answer.
