# %% [markdown] tags=["workshop"]
# # Myths
#
# This page takes up what tutorials, forums and colleagues say about mixed models. Each myth has a claim, a
# small experiment, the facts, and what to write instead. Run the page from the top, then read the one you
# came for. For calls in R, see the [phrasebook](phrasebook.ipynb).
#
# **About code:** [a bar in the formula](#A-bar-in-the-formula),
# [the pupil as the group](#The-pupil-as-the-group), [a list of groups](#A-list-of-groups),
# [diag](#diag), [a component called school](#A-component-called-school),
# [a re_formula for each group](#A-re_formula-for-each-group), [school:classroom](#school:classroom),
# [predict knows the school](#predict-knows-the-school).
#
# **About fits:** [converged means good](#Converged-means-good),
# [the larger log-likelihood wins](#The-larger-log-likelihood-wins),
# [a p-value for a variance](#A-p-value-for-a-variance),
# [profile intervals are exact](#Profile-intervals-are-exact), [z is good enough](#z-is-good-enough),
# [R squared](#R-squared), [overlapping intervals](#Overlapping-intervals).
#
# **About models:** [levels that covary](#Levels-that-covary), [fixed or random](#Fixed-or-random),
# [BLUPs are estimates](#BLUPs-are-estimates), [five levels](#Five-levels),
# [a variance of 0](#A-variance-of-0), [a low ICC](#A-low-ICC),
# [a random slope is enough](#A-random-slope-is-enough), [always maximal](#Always-maximal),
# [a normal response](#A-normal-response), [missing data are no problem](#Missing-data-are-no-problem),
# [a correlation of −1](#A-correlation-of-−1),
# [average the plausible values first](#Average-the-plausible-values-first),
# [the odds ratio of the population](#The-odds-ratio-of-the-population).

# %% tags=["workshop"]
import textwrap
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats

from course import (
    confint,
    load,
    mixedglm,
    mixedlm,
    plots,
    r2,
    simulate_assessment,
    simulate_responses,
    simulate_schools,
)
from course.data import load_truth

sns.set_theme(style="ticks", rc={"axes.spines.top": False, "axes.spines.right": False})
warnings.simplefilter("ignore")  # statsmodels warns of some of this; we show what it returns

pupils = load("pupils")
pupils["age10"] = pupils["age"] - 10
years = load("pupils_three_years")
fixed = "test_score ~ age10 + sex"

numbered = pupils.copy()  # as in many tutorials: numbers for labels
for label in ["province", "school", "classroom", "student_id"]:
    numbered[label] = pupils[label].astype("category").cat.codes.astype(int) + 1


def attempt(what, call):
    """Print what the call gives, or its error as one line."""
    try:
        print(f"{what}: {call()}")
    except Exception as error:
        print(f"{what}: {type(error).__name__}: {textwrap.shorten(str(error), 70)}")


# %% [markdown] tags=["workshop"]
# ## About code
#
# ### A bar in the formula
#
# **Claim.** statsmodels takes `(1|school)` in its formula, as R does.

# %% tags=["workshop"]
bars = "test_score ~ age10 + (1|school)"
attempt("names  ", lambda: smf.mixedlm(bars, pupils, groups="school").fit().converged)
web = smf.mixedlm(bars, numbered, groups="school").fit()
print("numbers: converged", web.converged, "with the fixed effects", list(web.fe_params.index))

# %% [markdown] tags=["workshop"]
# **What is so.** The formulas of statsmodels have no such bar. With names as labels it stops; with numbers
# Python computes the [bitwise OR](glossary.ipynb#bitwise-OR) of 1 and the number of the school, and uses the
# result as a predictor. Then it says that it converged.
#
# **Write** `mixedlm("test_score ~ age10 + (1|school)", pupils)` of this course, or `groups="school"`
# without a bar. See [lesson 01](01-why-groups-matter.ipynb).

# %% [markdown] tags=["workshop"]
# ### The pupil as the group
#
# **Claim.** `groups=data["student_id"]` says that everything is nested within each pupil.

# %% tags=["workshop"]
some = pupils.head(600)
one_row = smf.mixedlm(fixed, some, groups=some["student_id"]).fit()
some = years.head(600)
several = smf.mixedlm("test_score ~ age + sex", some, groups=some["student_id"]).fit()
table = {
    "one row each": [one_row.model.n_groups, one_row.cov_re.iloc[0, 0], one_row.scale],
    "three rows each": [several.model.n_groups, several.cov_re.iloc[0, 0], several.scale],
}
pd.DataFrame(table, index=["groups", "variance of pupils", "residual variance"]).round(1)

# %% [markdown] tags=["workshop"]
# **What is so.** `groups` names the *largest* groups, those that hold all others. A pupil with one
# row is the residual already. With one row each, nothing in the data moves the two variances from
# where the search started: both are the same. With three rows each, pupils have a variance of their
# own, and it is one level among others.
#
# **Write** `(1|student_id)` where pupils have several rows, and nothing where they have one. See
# [lesson 02](02-random-intercepts.ipynb) and, for repeated measures,
# [lesson 04](04-nested-and-crossed.ipynb).

# %% [markdown] tags=["workshop"]
# ### A list of groups
#
# **Claim.** `groups=["school", "classroom"]` nests the classrooms in the schools.

# %% tags=["workshop"]
both = ["school", "classroom"]
attempt("a list        ", lambda: smf.mixedlm(fixed, pupils, groups=both).fit().llf)
attempt("two columns   ", lambda: smf.mixedlm(fixed, pupils, groups=pupils[both]).fit().llf)
attempt("school/classroom", lambda: smf.mixedlm(fixed, pupils, groups="school/classroom").fit().llf)
fit = mixedlm(fixed + " + (1|school/classroom)", pupils).fit()
print(f"(1|school/classroom): log-likelihood {fit.llf:.2f}")

# %% [markdown] tags=["workshop"]
# **What is so.** `groups` is one column. Levels below it go into `vc_formula`.
#
# **Write** `(1|school/classroom)`, or in statsmodels `groups="school", re_formula="1",
# vc_formula={"classroom": "0 + C(classroom)"}`. See [lesson 02](02-random-intercepts.ipynb).

# %% [markdown] tags=["workshop"]
# ### diag
#
# **Claim.** `vc_formula={"classroom": "diag"}` sets a diagonal covariance matrix.

# %% tags=["workshop"]
tutorial = {"classroom": "diag"}
attempt("diag", lambda: smf.mixedlm(fixed, pupils, groups="school", vc_formula=tutorial).fit().llf)
meant = mixedlm(fixed + " + (age10|classroom) + (1|school)", pupils, vc_formula=tutorial)
print("meant:", meant.formula)

# %% [markdown] tags=["workshop"]
# **What is so.** The text in a `vc_formula` is a formula that makes columns. `diag` would be a column
# of the data. Components need no such word: they are always independent of each other.
#
# **Write** two bars, `(age10||classroom)`. See [lesson 05](05-covariance-structures.ipynb).

# %% [markdown] tags=["workshop"]
# ### A component called school
#
# **Claim.** `vc_formula={"school": "1"}` is a random intercept of schools.

# %% tags=["workshop"]
rows = []
for columns in ["1", "0 + school", "C(school)", "0 + C(school)"]:
    data = numbered if columns == "0 + school" else pupils
    found = smf.mixedlm(
        fixed,
        data,
        groups="province",
        re_formula=None if columns == "1" else "1",
        vc_formula={"school": columns},
    ).fit()
    rows.append([columns, found.vcomp[0], found.llf])
fit = mixedlm(fixed + " + (1|school) + (1|province)", pupils).fit()
school = fit.variance_components.set_index("group").loc["school", "vcov"]
rows.append(["(1|school) + (1|province)", school, fit.llf])
pd.DataFrame(rows, columns=["written", "variance of 'school'", "log-likelihood"]).round(1)

# %% [markdown] tags=["workshop"]
# **What is so.** The name before the colon is a label and chooses nothing. `"1"` is one column of
# ones for each of the `groups`: here it is the intercept of *provinces*, under the name of school.
# `"0 + school"` on numbers is a slope of the number. `"C(school)"` makes one school of each province
# a reference and adds a column of ones. Only `"0 + C(school)"` has one column for each school. All
# four run.
#
# **Write** `(1|school) + (1|province)`, and see what `translate` makes of it. See
# [lesson 05](05-covariance-structures.ipynb).

# %% [markdown] tags=["workshop"]
# ### A re_formula for each group
#
# **Claim.** `re_formula` is for the random intercepts, one formula for each grouping variable.

# %% tags=["workshop"]
each = {"classroom": "~1", "school": "~1 + age10"}
attempt("a dict", lambda: smf.mixedlm(fixed, pupils, groups="school", re_formula=each).fit().llf)
one = smf.mixedlm(fixed, pupils, groups="school", re_formula="1 + age10").fit()
print("one formula: the covariance matrix of its effects")
one.cov_re.round(2)

# %% [markdown] tags=["workshop"]
# **What is so.** It is one formula: for whatever varies between the `groups`, slopes as well as
# intercepts. Its effects are correlated.
#
# **Write** one bar for each group: `(1|classroom) + (age10|school)`. `mixedlm` takes the dict of the
# tutorials, too. See [lesson 05](05-covariance-structures.ipynb).

# %% [markdown] tags=["workshop"]
# ### school:classroom
#
# **Claim.** `(1|classroom) + (1|school:classroom)` are crossed effects.

# %% tags=["workshop"]
pupils["room"] = pupils["classroom"].str.replace(".*-", "", regex=True)  # C1, C2, C3 in each school
random_parts = [
    "(1|classroom)",
    "(1|classroom) + (1|school:classroom)",
    "(1|room) + (1|school:room)",
]
for random in random_parts:
    model = mixedlm(f"{fixed} + {random}", pupils)
    groups = ", ".join(f"{n} of {group}" for group, n in model.fit().n_groups.items())
    print(f"{random:38} {groups:41} log-likelihood {model.fit().llf:.2f}")

# %% [markdown] tags=["workshop"]
# **What is so.** Where every classroom has a label of its own, `classroom` and `school:classroom` are the
# same groups, entered twice: the second changes nothing. Where labels start again in every school,
# `(1|room)` ties together the rooms of different schools that happen to have the same label. Crossed is a
# matter of the data: pupils who change classrooms are [crossed](glossary.ipynb#crossed) with them.
#
# **Write** `(1|school/classroom)`, which is right for both kinds of labels. See
# [lesson 04](04-nested-and-crossed.ipynb).

# %% [markdown] tags=["workshop"]
# ### predict knows the school
#
# **Claim.** `result.predict(data)` gives the expected score of each pupil, in the pupil's school.

# %% tags=["workshop"]
of_schools = mixedlm(fixed + " + (1|school)", pupils).fit()
result = smf.mixedlm(fixed, pupils, groups="school").fit()
pd.DataFrame(
    {
        "result.predict(pupils)": result.predict(pupils),
        "result.fittedvalues": result.fittedvalues,
        'fit.predict(random="none")': of_schools.predict(random="none"),
        "fit.predict()": of_schools.predict(),
    }
).head(3).T.round(2)

# %% [markdown] tags=["workshop"]
# **What is so.** statsmodels' `predict` adds no random effects: it answers for a pupil of an average
# school. Its `fittedvalues` have them, but only for the rows of the fit.
#
# **Write** `fit.predict(new)` for known schools and `fit.predict(new, random="none")` for the average
# one. See [lesson 06](06-interpretation.ipynb).

# %% [markdown] tags=["workshop"]
# ## About fits
#
# ### Converged means good
#
# **Claim.** The summary says "Converged: Yes", so the fit is right.

# %% tags=["workshop"]
country = simulate_schools(
    provinces=4,
    schools=3,
    classrooms=1,
    students=10,
    intercept_sd={"school": 1},
    residual_sd=6,
    seed=38,
).data
short = smf.mixedlm("test_score ~ age", country, groups="school", re_formula="1 + age").fit()
full = mixedlm("test_score ~ age + (age|school)", country).fit()
print(f"statsmodels: converged {short.converged}, log-likelihood {short.llf:.1f}")
print(f"mixedlm:     converged {full.converged}, log-likelihood {full.llf:.1f}")

# %% [markdown] tags=["workshop"]
# **What is so.** The same model on the same pupils: statsmodels' search stopped short of the optimum,
# and the result says that it converged. (There was a warning on the way that another search is
# tried. It is easily overlooked.) And a fit at its optimum may still be of a wrong model, as the [first
# myth](#A-bar-in-the-formula) shows, or depend on a single school.
#
# **Write** `fit.check()`, which lets both solvers fit and compares them, and `diagnose(fit)`. See
# [lesson 08](08-when-the-fit-complains.ipynb).

# %% [markdown] tags=["workshop"]
# ### The larger log-likelihood wins
#
# **Claim.** Of two fits, the one with the larger log-likelihood (or the smaller AIC) is the better.

# %% tags=["workshop"]
pupils["age_months"] = 12 * pupils["age10"]
rows = {}
for age in ["age10", "age_months"]:
    model = mixedlm(f"test_score ~ {age} + sex + (1|school)", pupils)
    rows[age] = [model.fit().llf, model.fit(reml=False).llf]
pd.DataFrame(rows, index=["REML", "ML"]).T.round(2)

# %% [markdown] tags=["workshop"]
# **What is so.** Age in years and age in months are one model. [REML](glossary.ipynb#REML) gives them
# different log-likelihoods, because its value depends on the units of the predictors. So REML fits
# can be compared only if their fixed effects are the same. ML has no such limit, as long as the rows
# are the same and parameters are counted.
#
# **Write** `compare(smaller, larger)`: it fits again by ML where that is needed. See
# [lesson 07](07-inference.ipynb).

# %% [markdown] tags=["workshop"]
# ### A p-value for a variance
#
# **Claim.** The standard error beside a variance gives its test and its interval. Here for four
# provinces.

# %% tags=["workshop"]
small = load("pupils").query("province < 'P05'")
by_province = smf.mixedlm("test_score ~ age", small, groups="province").fit()
row = by_province.summary().tables[1].loc["province Var"]
own = mixedlm("test_score ~ age + (1|province)", small).fit()
sd = confint(own, parameters="sd(Intercept | province)").iloc[0]
print(
    f"in the table:      variance {float(row['Coef.']):.1f}, Std.Err. {float(row['Std.Err.']):.1f}"
)
print("in result.params: ", round(by_province.params["province Var"], 2))
print("in conf_int():    ", by_province.conf_int().loc["province Var"].round(2).tolist())
print(
    f"confint of the variance:  {sd['lower'] ** 2:.1f} to {sd['upper'] ** 2:.1f} ({sd['method']})"
)

# %% [markdown] tags=["workshop"]
# **What is so.** `params` and `conf_int()` hold the variance *divided by the residual variance*. The
# standard error in the table is not in the units of the variance beside it. And even a right one
# would not help: a variance cannot be below 0, and its estimate is far from normal with few groups.
# The interval of statsmodels goes below 0; that of `confint` does not, and it is much longer to the right.
#
# **Write** `confint(fit)` for an interval, and `compare(without, with_it)` for a test that allows for the
# boundary. See [lesson 07](07-inference.ipynb).

# %% [markdown] tags=["workshop"]
# ### Profile intervals are exact
#
# **Claim.** Standard errors are rough; profile intervals, R's default, are exact.
#
# The same four provinces. How far does the SD between provinces reach?

# %% tags=["workshop"]
name = "sd(Intercept | province)"
by_method = {
    "profile (as in R)": confint(own, method="profile", parameters=name),
    "default of confint": confint(own, parameters=name),
}
pd.concat(by_method)[["lower", "upper", "method"]].round(1)

# %% [markdown] tags=["workshop"]
# **What is so.** A profile is right where groups are many. With few it is too narrow: with six groups, a 95 %
# interval for an SD contains the truth in about 82 % of samples. For a fixed effect of the groups it is
# too narrow as well (88 %), since it belongs to the ML fit and takes no account of degrees of freedom.
#
# **Write** `confint(fit)`, which takes t for fixed effects and, for SDs of few groups, an interval made for
# them. See [lesson 07](07-inference.ipynb#Intervals,-and-whether-they-keep-their-promise).

# %% [markdown] tags=["workshop"]
# ### z is good enough
#
# **Claim.** With hundreds of pupils the normal distribution will do.
#
# Here is a reform that does nothing: half of eight schools take part. 200 times, scores are drawn
# anew for 400 pupils, and the reform is tested at the 5 % level.

# %% tags=["workshop"]
country = simulate_schools(
    provinces=2,
    schools=4,
    classrooms=1,
    students=50,
    intercept_sd={"school": 3},
    residual_sd=6,
    seed=3,
).data
country["reform"] = (country["school"].rank(method="dense") % 2).astype(int)
base = mixedlm("test_score ~ reform + (1|school)", country).fit()
null = simulate_responses(mixedlm("test_score ~ 1 + (1|school)", country).fit(), 200, seed=1)
z_hits, t_hits = 0, 0
for found in base.refit_all(null):
    z_hits += abs(found.fe_params["reform"] / found.bse_fe["reform"]) > 1.96
    t_hits += found.pvalues["reform"] < 0.05
print(f"significant with z: {z_hits / len(null):.0%}   with t: {t_hits / len(null):.0%}")

# %% [markdown] tags=["workshop"]
# **What is so.** The reform is a matter of schools, and there are eight of them. The pupils do not enter
# into the [degrees of freedom](glossary.ipynb#degrees-of-freedom) of such a test. With z, a reform that
# does nothing is found too often; t with [Satterthwaite](glossary.ipynb#Satterthwaite)'s degrees of
# freedom keeps near its promise.
#
# **Write** `fit.fixed_effects`, which has t, df and p-value. See [lesson 07](07-inference.ipynb).

# %% [markdown] tags=["workshop"]
# ### R squared
#
# **Claim.** `result.rsquared`, or the squared correlation of fitted values and scores, says what the
# model explains.

# %% tags=["workshop"]
attempt("result.rsquared", lambda: result.rsquared)
correlation = np.corrcoef(result.fittedvalues, pupils["test_score"])[0, 1]
print(f"squared correlation: {correlation**2:.2f}")
r2(of_schools).round(2)

# %% [markdown] tags=["workshop"]
# **What is so.** statsmodels has none for a mixed model. The squared correlation mixes what age and
# sex explain with what was learnt about the schools from these very scores; for pupils of new schools
# it promises too much. There are two R squares: [marginal](glossary.ipynb#marginal-R-squared), for
# the fixed effects alone, and [conditional](glossary.ipynb#conditional-R-squared), with the groups.
#
# **Write** `r2(fit)`, and report which of the two it is. See [lesson 06](06-interpretation.ipynb).

# %% [markdown] tags=["workshop"]
# ### Overlapping intervals
#
# **Claim.** The intervals of two means overlap, so the means do not differ.

# %% tags=["workshop"]
first, second, se = 0.0, 3.0, 1.0
print(f"intervals: {first - 1.96 * se:.2f} to {first + 1.96 * se:.2f} and", end=" ")
print(f"{second - 1.96 * se:.2f} to {second + 1.96 * se:.2f}")
for what, correlation in {"independent": 0.0, "from the same schools": 0.7}.items():
    error = np.sqrt(2 * se**2 * (1 - correlation))
    z = (second - first) / error
    print(f"{what}: difference 3, standard error {error:.2f}, p {2 * stats.norm.sf(z):.4f}")

# %% [markdown] tags=["workshop"]
# **What is so.** The standard error of a difference is smaller than the two of the means added up. And where
# both means come from the same schools, what the schools have in common drops out of the difference, so that
# even widely overlapping intervals may belong to a clear difference.
#
# **Write** an interval for the difference itself: `contrasts(fit, "factor")`. See
# [lesson 06](06-interpretation.ipynb).

# %% [markdown] tags=["workshop"]
# ## About models
#
# ### Levels that covary
#
# **Claim.** The covariance matrix shows how classroom effects correlate with school effects.

# %% tags=["workshop"]
fit = mixedlm(fixed + " + (age10|classroom) + (1|school)", pupils).fit()
print(fit.variance_components.round(2).to_string(index=False, na_rep=""))
home = pupils.drop_duplicates("classroom").set_index("classroom")["school"]
truth = load_truth("pupils").centred("age10", at=10).random_effects
for name, effects in {"true effects": truth, "BLUPs": fit.random_effects}.items():
    above = home.map(effects["school"]["Intercept"])
    print(
        f"correlation of classrooms with their schools, {name}: "
        f"{effects['classroom']['Intercept'].corr(above):.2f}"
    )

# %% [markdown] tags=["workshop"]
# **What is so.** There is no row for a classroom and a school. Effects of different levels are
# independent by construction: what the classrooms of a school have in common *is* the school's
# effect. Covariances are between effects of one level, such as intercept and slope. Predicted effects do
# correlate across levels, but only because the fit credits both when it cannot tell them apart.
#
# **Write** a [cross-level interaction](glossary.ipynb#cross-level-interaction) such as
# `age10:school_resources` if you ask whether the school changes what happens inside it. See
# [lesson 06](06-interpretation.ipynb).

# %% [markdown] tags=["workshop"]
# ### Fixed or random
#
# **Claim.** A factor is fixed if the researcher controls it, and random if not.

# %% tags=["workshop"]
as_fixed = smf.ols(fixed + " + C(school)", pupils).fit()
as_random = of_schools.random_effects["school"]["Intercept"]
names = [name for name in as_fixed.params.index if name.startswith("C(school)")]
print("coefficients of schools:", len(names), " variances of schools: 1")
print(
    f"SD of the schools' estimates: fixed {as_fixed.params[names].std():.2f}, "
    f"random {as_random.std():.2f}"
)
both = smf.ols(fixed + " + C(school) + school_resources", pupils).fit()
print(
    "columns",
    both.model.exog.shape[1],
    " of which independent",
    np.linalg.matrix_rank(both.model.exog),
)

# %% [markdown] tags=["workshop"]
# **What is so.** The choice is about what you want to say. Random: these schools are a sample, and
# you want to speak about schools in general, predict new ones, or let small schools borrow from the
# others. Fixed: you want just these few, each with an estimate of its own. Nobody controls sex, and
# it is a fixed effect. With schools as fixed effects, a predictor of schools such as
# `school_resources` has no coefficient: its column can be put together from the others.
#
# **Write** `(1|school)` for a sample of schools; `C(phase)` for the two phases of a study. See
# [lesson 02](02-random-intercepts.ipynb).

# %% [markdown] tags=["workshop"]
# ### BLUPs are estimates
#
# **Claim.** Random effects are estimated coefficients of the groups, so their variance is the variance
# between groups.

# %% tags=["workshop"]
few = simulate_schools(
    provinces=10,
    schools=6,
    classrooms=1,
    students=(3, 9),
    intercept_sd={"school": 4},
    residual_sd=8,
    fixed_effects={"Intercept": 50},
    seed=2,
)
fit = mixedlm("test_score ~ 1 + (1|school)", few.data).fit()
blup = fit.random_effects["school"]["Intercept"]
true = few.truth.random_effects["school"]["Intercept"]
own_means = few.data.groupby("school")["test_score"].mean() - fit.fe_params["Intercept"]
spread = {"true": true.std(), "means": own_means.std(), "BLUPs": blup.std()}
spread["fit"] = fit.variance_components.loc[0, "sdcor"]

figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
ax.axline(
    (0, 0), slope=1, color=plots.GREY, linewidth=1, linestyle="--", label="as large as the truth"
)
ax.scatter(
    true,
    own_means,
    s=26,
    marker="D",
    facecolors="none",
    edgecolors=plots.ORANGE,
    label="mean of the school",
)
ax.scatter(true, blup, s=20, color=plots.BLUE, label="BLUP")
ax.set(xlabel="true effect of the school (points)", ylabel="points from the overall mean")
ax.legend(frameon=False)
plots.show(
    ax,
    alt=f"{len(true)} schools: their own mean as an open diamond and their BLUP as a dot, against the true "
    f"effect. The means scatter with an SD of {spread['means']:.1f} points, the BLUPs lie closer to 0 "
    f"with an SD of {spread['BLUPs']:.1f}; the true effects have {spread['true']:.1f}.",
)

# %% tags=["workshop"]
error = {"mean of the school": own_means - true, "BLUP": blup - true}
print(
    pd.Series({name: (gap**2).mean() ** 0.5 for name, gap in error.items()}, name="typical error")
    .round(1)
    .to_string()
)
print(f"SD of the BLUPs {spread['BLUPs']:.1f}, SD between schools in the fit {spread['fit']:.1f}")

# %% [markdown] tags=["workshop"]
# **What is so.** A BLUP is a *prediction* of a random draw, pulled towards 0 as far as the school's
# few pupils demand. So it comes closer to the truth than the school's own mean, on average. For the
# same reason BLUPs vary less than the groups do: the variance between groups is the one in
# `variance_components`.
#
# **Write** `fit.variance_components` for the variance, `fit.random_effects` with
# `fit.random_effects_se` for the groups. See [lesson 06](06-interpretation.ipynb).

# %% [markdown] tags=["workshop"]
# ### Five levels
#
# **Claim.** A random effect needs at least five levels; with fewer, it has to be fixed.
#
# The true SD between groups is 3 points. 200 times, scores are drawn for 4, 5, 6, 12 and 40 groups of
# 20 pupils, and the SD is estimated by REML.

# %% tags=["workshop"]
estimates = {}
for groups in [4, 5, 6, 12, 40]:
    rng = np.random.default_rng(groups)
    scores = 50 + rng.normal(0, 3, (200, groups, 1)) + rng.normal(0, 6, (200, groups, 20))
    within = scores.var(axis=2, ddof=1).mean(axis=1)
    between = scores.mean(axis=2).var(axis=1, ddof=1)
    # with groups of one size this is what REML finds: no search is needed
    estimates[groups] = np.sqrt(np.maximum(between - within / 20, 0))

middle = {groups: np.quantile(found, [0.1, 0.5, 0.9]) for groups, found in estimates.items()}
figure, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
for place, found in enumerate(estimates.values()):
    jitter = np.random.default_rng(place).uniform(-0.25, 0.25, len(found))
    ax.scatter(found, place + jitter, s=10, color=plots.BLUE, alpha=0.5)
ax.axvline(3, color=plots.INK, linestyle="--", linewidth=1.2)
ax.set_yticks(range(len(estimates)), [str(groups) for groups in estimates])
ax.set(xlabel="estimated SD between groups (points); the truth is dashed", ylabel="groups")
plots.show(
    ax,
    alt="Estimates of an SD whose true value is 3 points, 200 for each number of groups. "
    "Four of five lie between "
    + ", ".join(f"{low:.1f} and {high:.1f} with {n} groups" for n, (low, _, high) in middle.items())
    + ".",
)

# %% [markdown] tags=["workshop"]
# **What is so.** Nothing special happens between four and five. The fewer the groups, the less is known about
# their variance, and that improves step by step. Below about six it is hardly known, so that a
# fixed effect for each group is often the clearer choice, *if* the question is about the rows within
# the groups. If it is about a predictor of groups, fixed effects cannot answer it, and leaving the
# groups out is worse: few groups mean few degrees of freedom, whatever the model.
#
# **Write** what fits the question, with t and an interval for the SD: `confint(fit)`. See
# [lesson 08](08-when-the-fit-complains.ipynb).

# %% [markdown] tags=["workshop"]
# ### A variance of 0
#
# **Claim.** If a variance is estimated at 0, take the term out: there is no such effect.
#
# In 80 countries classrooms truly differ, with an SD of 1.5 points.

# %% tags=["workshop"]
plan = {"provinces": 5, "schools": 3, "classrooms": 2, "students": 8, "residual_sd": 6}
country = simulate_schools(**plan, intercept_sd={"school": 3, "classroom": 1.5}, seed=1).data
rng = np.random.default_rng(6)
code = {level: country[level].astype("category").cat.codes for level in ["school", "classroom"]}
base = mixedlm("test_score ~ age + (1|classroom) + (1|school)", country).fit()
scores = [
    (50 + 2 * country["age"])
    + rng.normal(0, 1.5, code["classroom"].max() + 1)[code["classroom"]]
    + rng.normal(0, 3, code["school"].max() + 1)[code["school"]]
    + rng.normal(0, 6, len(country))
    for _ in range(80)
]
zeros = 0
for y, found in zip(scores, base.refit_all(scores), strict=True):
    if found.variance_components.loc[0, "sdcor"] < 1e-3:
        zeros, zero_y = zeros + 1, y
print(f"estimated at 0 in {zeros} of 80 countries")

again = country.assign(test_score=zero_y)
kept = mixedlm("test_score ~ age + (1|classroom) + (1|school)", again).fit()
removed = mixedlm("test_score ~ age + (1|school)", again).fit()
print(
    f"one of them: log-likelihood with the term {kept.llf:.3f}, without {removed.llf:.3f}; "
    f"slope of age {kept.fe_params['age']:.3f}, {removed.fe_params['age']:.3f}"
)
low, high = confint(kept).loc["sd(Intercept | classroom)", ["lower", "upper"]]
print(f"interval of the SD of classrooms: {low:.1f} to {high:.1f} points")

# %% [markdown] tags=["workshop"]
# **What is so.** An estimate of 0 says that the classrooms of this sample differ no more than chance would
# make them differ. That also happens where they truly differ a little. Taking the term out leaves all
# estimates and their standard errors as they are, so nothing is gained but a quiet summary; what is lost is
# the interval, which reaches well above 0. Keep a random intercept that belongs to the design, and say that
# its variance was estimated at 0. (For random slopes, see the chart in lesson 08.)
#
# **Write** `confint(fit)` beside the estimate. See
# [lesson 08](08-when-the-fit-complains.ipynb#One-rule-for-random-slopes).

# %% [markdown] tags=["workshop"]
# ### A low ICC
#
# **Claim.** With an ICC of 0.02 no multilevel model is needed.
#
# 20 schools of 100 pupils, half of them in a reform that does nothing. The true ICC is 0.02.

# %% tags=["workshop"]
schools, size, icc = 20, 100, 0.02
rng = np.random.default_rng(8)
reform = np.arange(schools) % 2
ols_hits, mean_hits = 0, 0
for _ in range(400):
    effects = rng.normal(0, icc**0.5, (schools, 1))
    score = effects + rng.normal(0, (1 - icc) ** 0.5, (schools, size))
    ols_hits += stats.linregress(reform.repeat(size), score.ravel()).pvalue < 0.05
    means = score.mean(axis=1)
    mean_hits += stats.ttest_ind(means[reform == 0], means[reform == 1]).pvalue < 0.05
print(
    f"significant at 5 %: ordinary regression {ols_hits / 400:.0%}, "
    f"t-test of the school means {mean_hits / 400:.0%}"
)
print(f"design effect: 1 + (100 - 1) * 0.02 = {1 + (size - 1) * icc:.2f}")

data = pd.DataFrame({"school": np.arange(schools).repeat(size).astype(str), "score": score.ravel()})
data["reform"] = reform.repeat(size)
last = mixedlm("score ~ reform + (1|school)", data).fit()
by_means = stats.ttest_ind(means[reform == 1], means[reform == 0])
print(
    f"the last draw: t of the means {by_means.statistic:.2f}, of mixedlm {last.tvalues['reform']:.2f}"
)

# %% [markdown] tags=["workshop"]
# **What is so.** What counts for a predictor of schools is the ICC *times* the number of pupils in a
# school: the [design effect](glossary.ipynb#design-effect). Here it is near 3, and ordinary
# regression finds the reform far too often. The mixed model does not: with schools of one size its
# test of the reform is the t-test of the school means. For a predictor that varies inside schools
# alone, a low ICC does little harm.
#
# **Write** `(1|school)` because of the design, not because of the ICC. See
# [lesson 01](01-why-groups-matter.ipynb).

# %% [markdown] tags=["workshop"]
# ### A random slope is enough
#
# **Claim.** With `(age10|school)` in the model, `age10` need not be among the fixed effects.

# %% tags=["workshop"]
rows = {}
for written in ["test_score ~ sex + (age10|school)", fixed + " + (age10|school)"]:
    fit = mixedlm(written, pupils).fit()
    rows[written] = [fit.fe_params.get("age10", np.nan), fit.variance_components.loc[1, "sdcor"]]
pd.DataFrame(rows, index=["mean slope", "SD of the slope"]).T.round(2)

# %% [markdown] tags=["workshop"]
# **What is so.** Random slopes are deviations *from a mean slope*. Without a fixed effect that mean
# is fixed at 0, and what all schools have in common lands in the SD.
#
# **Write** every random slope as a fixed effect, too. See [lesson 03](03-random-slopes.ipynb).

# %% [markdown] tags=["workshop"]
# ### Always maximal
#
# **Claim.** The model with all random slopes that the design allows is always the right one.
#
# Take a slope of age that does *not* vary between six provinces. With the random slope in the model, the test
# of its average counts provinces; without it, it counts pupils. How large must the estimate be, in standard
# errors, to be significant?

# %% tags=["workshop"]
for df in [5, 29, 300]:
    print(f"{df:3} degrees of freedom: {stats.t.ppf(0.975, df):.2f} standard errors")

# %% [markdown] tags=["workshop"]
# **What is so.** A random slope that is not needed costs power, a good deal with six groups and little with
# thirty. A random slope that is needed and left out costs false positives. Both can be counted, and authors
# weigh them differently.
#
# **Write** the slopes of those predictors that the question is about, keep what is fitted without complaint,
# and report what you changed. See [lesson 07](07-inference.ipynb#Which-random-slopes?).

# %% [markdown] tags=["workshop"]
# ### A normal response
#
# **Claim.** The response must be normally distributed; test it before the fit, and transform it if it is not.
#
# Two kinds of schools, 30 points apart, and pupils who scatter by 5:

# %% tags=["workshop"]
rng = np.random.default_rng(1)
kinds = pd.DataFrame(
    {"school": np.arange(20).repeat(30).astype(str), "kind": np.arange(20).repeat(30) % 2}
)
kinds["score"] = 40 + 30 * kinds["kind"] + rng.normal(0, 2, 20).repeat(30) + rng.normal(0, 5, 600)
fit = mixedlm("score ~ kind + (1|school)", kinds).fit()
for what, values in {"response": kinds["score"], "residuals": fit.resid}.items():
    print(f"{what:9}  excess kurtosis {stats.kurtosis(values):5.2f}, p of Shapiro's test", end=" ")
    print(f"{stats.shapiro(values).pvalue:.3f}")

# %% [markdown] tags=["workshop"]
# **What is so.** The response has two humps, and its test of normality fails; the residuals are perfectly
# normal, since they were drawn so. The model speaks of residuals and random effects. And moderate
# non-normality of these does little harm to fixed effects; a bend, an unequal spread or a gross error does.
#
# **Write** `plots.residuals(fit)`, `plots.qq(fit)` and `diagnose(fit)` *after* the fit. See
# [lesson 08](08-when-the-fit-complains.ipynb).

# %% [markdown] tags=["workshop"]
# ### Missing data are no problem
#
# **Claim.** Mixed models handle missing data by themselves.
#
# There are two scores of each of 2,000 pupils, and on average both are equal. Some second scores are missing:
# in one case those of pupils whose *first* score was low, in the other those that would themselves be low.

# %% tags=["workshop"]
rng = np.random.default_rng(4)
pupil = rng.normal(50, 8, 2000)
twice = {"first": pupil + rng.normal(0, 5, 2000), "second": pupil + rng.normal(0, 5, 2000)}
rows = {}
for lost, low in {"first": twice["first"] < 48, "second": twice["second"] < 48}.items():
    long = pd.DataFrame(twice | {"pupil": np.arange(2000).astype(str)}).melt(
        "pupil", value_name="score"
    )
    kept = long[~((long["variable"] == "second") & np.tile(low, 2))]
    fit = mixedlm("score ~ variable + (1|pupil)", kept).fit()
    means = kept.groupby("variable")["score"].mean()
    rows[f"{lost} score was low"] = [
        means["second"] - means["first"],
        fit.fe_params["variable[T.second]"],
    ]
pd.DataFrame(rows, index=["difference of the means", "difference in the mixed model"]).T.round(1)

# %% [markdown] tags=["workshop"]
# **What is so.** If what is missing depends only on what the model knows, such as the first score, a mixed
# model is right where the plain means are wrong: [missing at random](glossary.ipynb#missing-at-random). If it
# depends on the missing score itself, no model can know. And rows with a missing *predictor* are simply left
# out, which is often worse.
#
# **Write** down why values are missing, and impute missing predictors. See
# [lesson 13](13-national-assessment.ipynb).

# %% [markdown] tags=["workshop"]
# ### A correlation of −1
#
# **Claim.** Intercepts and slopes correlate at nearly −1: schools that start low catch up.

# %% tags=["workshop"]
rows = {}
for age in ["age", "age10"]:
    fit = mixedlm(f"test_score ~ {age} + sex + ({age}|school)", pupils).fit()
    rows[f"({age}|school)"] = [fit.variance_components.loc[2, "sdcor"], fit.llf]
pd.DataFrame(rows, index=["correlation", "log-likelihood"]).T.round(2)

# %% [markdown] tags=["workshop"]
# **What is so.** Both are the same model. With raw `age` the intercept is the height of the line at birth,
# far from all data: a school with a steep slope must start low there. The correlation belongs to the place of
# zero, not to the schools.
#
# **Write** age from a zero that means something, `age - 10`, and say where zero is when you report the
# correlation. See [lesson 03](03-random-slopes.ipynb).

# %% [markdown] tags=["workshop"]
# ### Average the plausible values first
#
# **Claim.** Ten plausible values are ten measurements of one student. Their mean is the most exact score, so
# it goes into the model.
#
# A simulated assessment, in which the true scores are known:

# %% tags=["workshop"]
assessment = simulate_assessment(
    1, schools=60, students=30, missing={"ESCS": 0.0}, scores=True, seed=1
).data
draws = assessment.filter(regex=r"^PV\d+MATH$")
assessment["mean_of_ten"] = draws.mean(axis=1)
rest = " ~ ESCS + ST004D01T + GRADE + (1|SCHOOLID)"
rows = {
    "true scores": [
        mixedlm("TRUE_SCORE" + rest, assessment).fit().sigma,
        (assessment["TRUE_SCORE"] < 400).mean(),
    ],
    "mean of the ten": [
        mixedlm("mean_of_ten" + rest, assessment).fit().sigma,
        (assessment["mean_of_ten"] < 400).mean(),
    ],
    "one by one, then averaged": [
        mixedlm("PV*MATH" + rest, assessment).fit().variance_components["vcov"].iloc[-1] ** 0.5,
        (draws < 400).mean().mean(),
    ],
}
pd.DataFrame(rows, index=["residual SD", "share below 400 points"]).T.round(3)

# %% [markdown] tags=["workshop"]
# **What is so.** Plausible values are draws from what is known about a student. Their mean is the best guess
# for this one student, and guesses spread less than scores. So SDs, standard errors and shares beyond a limit
# come out too small, however many values there are.
#
# **Write** `mixedlm("PV*MATH ~ ...", data)`: a fit for each, then [Rubin's
# rules](glossary.ipynb#Rubin's-rules). See [lesson 13](13-national-assessment.ipynb).

# %% [markdown] tags=["workshop"]
# ### The odds ratio of the population
#
# **Claim.** The odds ratio of a mixed model is that of the population: a programme with an odds ratio of 2.7
# multiplies the odds of all pupils by 2.7.
#
# Take schools that differ a lot, and a true effect of 1 on the logit scale, which is an odds ratio of 2.72:

# %% tags=["workshop"]
made = simulate_schools(
    provinces=10,
    schools=20,
    classrooms=1,
    students=20,
    family="binomial",
    fixed_effects={"sex[T.male]": 1.0},
    intercept_sd={"school": 2.0},
    seed=1,
).data
mixed = mixedglm("passed ~ sex + (1|school)", made).fit()
averaged = smf.gee(
    "passed ~ sex",
    "school",
    made,
    family=sm.families.Binomial(),
    cov_struct=sm.cov_struct.Exchangeable(),
).fit()
both = pd.DataFrame({"sex": ["female", "male"]})
shares = mixed.predict(both, random="average")
odds = shares / (1 - shares)
pd.Series(
    {
        "mixed model, pupils of the same school": mixed.ratios.loc["sex[T.male]", "ratio"],
        "mixed model, averaged over schools": odds[1] / odds[0],
        "GEE": np.exp(averaged.params["sex[T.male]"]),
        "shares of the data": np.divide(
            *made.groupby("sex")["passed"].agg(lambda x: x.mean() / (1 - x.mean()))[
                ["male", "female"]
            ]
        ),
    },
    name="odds ratio",
).round(2)

# %% [markdown] tags=["workshop"]
# **What is so.** The mixed model compares two pupils of the same school: a [conditional odds
# ratio](glossary.ipynb#conditional-odds-ratio). In many schools here nearly all pass, or nearly none, and
# there a doubling of the odds moves few. So the shares of the population differ by less: the [marginal odds
# ratio](glossary.ipynb#marginal-odds-ratio) is nearer to 1, and so is GEE's. Neither is biased; they answer
# different questions. A rate ratio of counts is the same for both, as long as only intercepts vary.
#
# **Write** which pupils an odds ratio compares, as `report(fit)` does, and for the population
# `fit.predict(new, random="average")`.
