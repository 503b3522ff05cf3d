# %% [markdown] tags=["workshop"]
# # Inference
#
# After this lesson you will be able to
#
# - say why z-tests find too much where groups are few, and count how often;
# - read degrees of freedom: a handful for a predictor of provinces, a thousand for one of pupils;
# - choose between REML and ML, and test fixed effects one at a time or several together;
# - test a variance, which cannot be negative, and choose an interval that keeps its promise with few groups;
# - say what it costs to keep a random slope, what it costs to drop one, and who argues for which.
#
# **Time:** 100 minutes on your own; not part of the one-day workshop.
#
# **Before:** lessons [01](01-why-groups-matter.ipynb) to [06](06-interpretation.ipynb). You can fit a
# model with several levels, let a slope vary, and read every number of a summary except its p-values.
#
# **Data:** six provinces of `pupils`: simulated pupils in classrooms in schools in provinces. Later all
# twelve.

# %% [markdown] tags=["workshop"]
# ## A reform that does nothing
#
# Let us invent a reform. Six provinces take part, and three of them get it: P01, P02 and P03. The scores
# were simulated before anyone thought of a reform. So for once the truth is certain: this reform has no
# effect.

# %% tags=["workshop"]
import pandas as pd

from course import check, load, mixedlm, plots, translate
from course.exercises import use

pupils = load("pupils")
use(pupils=pupils)

pupils["age10"] = pupils["age"] - 10
names = sorted(pupils["province"].unique())
six = pupils[pupils["province"].isin(names[:6])].copy()
six["reform"] = six["province"].isin(names[:3]).astype(int)
six.groupby(["reform", "province"]).agg(
    schools=("school", "nunique"),
    classrooms=("classroom", "nunique"),
    pupils=("student_id", "nunique"),
    mean_score=("test_score", "mean"),
).round(1)

# %% [markdown] tags=["workshop"]
# Did the reform raise the scores? We fit a model in which every level has a predictor of its own: age and
# sex belong to the pupil, experience to the classroom and its teacher, resources to the school, and the
# reform to the province. Plain statsmodels first.

# %% tags=["workshop"]
fixed = "test_score ~ age10 + sex + teacher_experience + school_resources + reform"
formula = fixed + " + (1|classroom) + (1|school) + (1|province)"
translation = translate(formula, six)
print("formula:   ", translation.fixed_formula)
print("groups:    ", translation.groups)
print("re_formula:", translation.re_formula)
print("vc_formula:", translation.vc_formula)

# %% tags=["workshop"]
import statsmodels.formula.api as smf

model = smf.mixedlm(
    "test_score ~ age10 + sex + teacher_experience + school_resources + reform",
    six,
    groups="province",
    re_formula="1",
    vc_formula={
        "classroom": "0 + C(classroom)",
        "school": "0 + C(school)",
    },
)
result = model.fit()
summary = result.summary().tables[1]
summary.loc[result.fe_params.index, ["Coef.", "Std.Err.", "z", "P>|z|"]]

# %% [markdown] tags=["workshop"]
# Look at the row for `reform`. Its p-value is below 0.05. Somebody will now write that the reform works,
# and somebody else will pay for it. Is this the bad luck that any test has in 5 % of cases? Or is the test
# at fault?
#
# Here is the same model by `mixedlm`:

# %% tags=["workshop"]
fit = mixedlm(formula, six).fit()
fit.fixed_effects[["estimate", "std_error", "df", "t", "p_value"]].round(3)

# %% [markdown] tags=["workshop"]
# The estimate of `reform` is the same, and so is its standard error. The column `t` is what statsmodels
# calls z: the estimate divided by its standard error. But the p-value is different, and now lies above
# 0.05. A column `df` has appeared, too.
#
# (Some of the other standard errors differ in their last digits. lme4 and `mixedlm` compute them as if the
# estimated variances were known; statsmodels takes fixed effects and variances together.)
#
# Which p-value should we believe? There is no need to guess. We can make as many countries as we like in
# which the reform does nothing, and count.

# %% [markdown] tags=["workshop"]
# ## Two hundred countries
#
# Each country has the same pupils in the same classrooms, schools and provinces, with new scores. The
# scores are drawn at every level, and the reform plays no part in them.

# %% tags=["workshop"]
import numpy as np

rng = np.random.default_rng(7)
true_sd = {"province": 3, "school": 3, "classroom": 4}


def draw_scores():
    scores = 60 + rng.normal(0, 6, len(six))
    for level, sd in true_sd.items():
        codes, labels = pd.factorize(six[level])
        scores += rng.normal(0, sd, len(labels))[codes]
    return scores


countries = [draw_scores() for _ in range(200)]

# %% [markdown] tags=["workshop"]
# `refit_all` fits the same model to the scores of each country. `fixed_effects_table` makes the table of
# fixed effects by the method we choose: `df="normal"` is the z-test of statsmodels, `df="satterthwaite"` the
# t-test that `mixedlm` showed.

# %% tags=["workshop"]
from course import fixed_effects_table

reform_only = mixedlm("test_score ~ reform + (1|classroom) + (1|school) + (1|province)", six).fit()
refits = reform_only.refit_all(countries)


def tests_of_reform(df):
    """The row of reform in the table of every country."""
    rows = [fixed_effects_table(one, df=df).loc["reform"] for one in refits]
    return pd.DataFrame(rows).reset_index(drop=True)


z_tests, t_tests = tests_of_reform("normal"), tests_of_reform("satterthwaite")
p = pd.DataFrame({"z": z_tests["p_value"], "t": t_tests["p_value"]})


def false_positives(p):
    """Share of p-values below 0.05, and its 95 % interval."""
    rate = p.lt(0.05).mean()
    margin = 1.96 * np.sqrt(rate * (1 - rate) / len(p))
    return pd.DataFrame({"rate": rate, "lower": rate - margin, "upper": rate + margin})


rates = false_positives(p)
rates.round(3)

# %% [markdown] tags=["workshop"]
# Where there is nothing to find, a test at the 5 % level should find something in 5 % of all countries.
# That share is its [false positive rate](glossary.ipynb#false-positive-rate). The t-test keeps to it, as
# far as 200 countries can tell. The z-test finds a reform that is not there more than twice as often.
#
# The picture shows all p-values, not only those below 0.05. Without an effect they should be spread evenly:
# twenty bars, each with 5 % of the countries.

# %% tags=["workshop"]
import matplotlib.pyplot as plt
import seaborn as sns

figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.3), sharey=True, layout="constrained")
for ax, name in zip(axes, p, strict=True):
    weights = np.full(len(p), 100 / len(p))
    bars = ax.hist(p[name], np.linspace(0, 1, 21), weights=weights, color=plots.PALE, ec="white")[2]
    bars[0].set(facecolor=plots.ORANGE, hatch="///")
    ax.axhline(5, color=plots.INK, linestyle="--", linewidth=1.2)
    ax.set(title=f"{name}-test", xlabel="p-value of reform")
axes[0].set_ylabel("countries (%)")
sns.despine()
plots.show(
    axes,
    alt="Histograms of the p-values of the reform in twenty bars, with a dashed line at 5 %. Under the "
    f"z-test the first bar, p below 0.05, rises to {100 * rates.loc['z', 'rate']:.0f} %; under the "
    f"t-test it stands at {100 * rates.loc['t', 'rate']:.0f} %, and all bars lie around the line.",
)

# %% [markdown] tags=["workshop"]
# ## What z takes for granted
#
# The z-test divides the estimate by its standard error and looks the result up in the normal
# distribution. That would be right if the standard error were *known*. But it is an estimate, too. The
# standard error of `reform` depends on how much provinces differ, and that was estimated from six
# provinces. Now and then the six happen to be alike. Then the standard error comes out too small, and the
# ratio too large.
#
# The t distribution allows for this: it has wider tails. How wide they are depends on its [degrees of
# freedom](glossary.ipynb#degrees-of-freedom), df for short: the number of independent pieces of
# information behind the standard error. There are six provinces. Two coefficients are estimated from
# them, the intercept and the reform. Four pieces are left, and the table above gives `reform` a df of
# about 4.

# %% tags=["workshop"]
from scipy import stats

four = stats.t(df=4)
beyond = 2 * four.sf(1.96)
print(f"beyond 1.96 on either side: {beyond:.3f} of the t distribution with 4 df")
print(f"limit that leaves 5 % outside: {four.ppf(0.975):.2f}")

# %% tags=["workshop"]
x = np.linspace(-5, 5, 401)
figure, ax = plt.subplots(figsize=(6.6, 3.4), layout="constrained")
ax.plot(x, stats.norm.pdf(x), color=plots.BLUE, linestyle="--", linewidth=2, label="normal (z)")
ax.plot(x, four.pdf(x), color=plots.ORANGE, linewidth=2.4, label="t with 4 df")
for outside in (x[x <= -1.96], x[x >= 1.96]):
    ax.fill_between(outside, four.pdf(outside), color=plots.ORANGE, alpha=0.35, hatch="///")
for limit in (-1.96, 1.96):
    ax.axvline(limit, color=plots.INK, linestyle=":", linewidth=1.2)
ax.set(xlabel="estimate / standard error", ylabel="density", xlim=(-5, 5), ylim=(0, None))
ax.set_xticks([-4, -1.96, 0, 1.96, 4], ["−4", "−1.96", "0", "1.96", "4"])
ax.legend(frameon=False)
sns.despine()
plots.show(
    ax,
    alt="The t distribution with 4 degrees of freedom beside the normal distribution. Its peak is "
    f"lower and its tails are wider: the hatched tails beyond -1.96 and 1.96 hold {100 * beyond:.0f} % of "
    "it, those of the normal distribution 5 %.",
)

# %% [markdown] tags=["workshop"]
# This is the false positive rate of the z-test without any simulation: the hatched area. It lies within the
# interval from our simulated countries. The two need not agree exactly: in some countries the variance
# between provinces is estimated at 0, and then the standard error depends on schools.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 07.1.** A colleague has twelve provinces, six of them with a reform, and tests with z. What
# is the false positive rate, by the same reasoning? As a number between 0 and 1, to three decimals.

# %% tags=["workshop", "exercise", "solution"]
rate_12 = 2 * stats.t(df=12 - 2).sf(1.96)  #!
check("07.1", rate_12)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Twelve provinces minus two coefficients leave 10 degrees of freedom. The z-test rejects beyond
# 1.96 on either side, and this is how much of the t distribution with 10 df lies out there.

# %% [markdown] tags=["workshop"]
# How many provinces does it take until z does no harm? Here is the same line of code for every number of
# provinces from 4 to 60:

# %% tags=["workshop"]
provinces = np.arange(4, 61)
z_rate = pd.Series(2 * stats.t.sf(1.96, provinces - 2), provinces)
seen = rates.loc["z"]

figure, ax = plt.subplots(figsize=(6.6, 3.4), layout="constrained")
ax.plot(z_rate.index, 100 * z_rate, color=plots.ORANGE, linewidth=2.4, label="z-test, computed")
ax.plot([6, 6], 100 * seen[["lower", "upper"]], color=plots.INK, linewidth=1.6)
ax.plot(6, 100 * seen["rate"], "o", color=plots.INK, label="z-test in our countries, with interval")
ax.axhline(5, color=plots.BLUE, linestyle="--", linewidth=1.8, label="what was promised: 5 %")
ax.set(xlabel="number of provinces, half of them with the reform", ylim=(0, None))
ax.set_ylabel("false positives (%)")
ax.legend(frameon=False)
sns.despine()
plots.show(
    ax,
    alt="False positive rate of the z-test against the number of provinces. It falls from "
    f"{100 * z_rate[4]:.0f} % with 4 provinces over {100 * z_rate[6]:.0f} % with 6 and "
    f"{100 * z_rate[20]:.1f} % with 20 to {100 * z_rate[60]:.1f} % with 60, towards the dashed line at 5 %. "
    f"The simulated rate at 6 is {100 * seen['rate']:.1f} %.",
)

# %% [markdown] tags=["workshop"]
# ## Every coefficient has its own df
#
# In our balanced example df could be counted. In general they are *computed*, from how well the standard
# error is known. A small experiment shows how. Let $V$ be the squared standard error of `reform`, that is,
# the estimated variance of its estimate. In our 200 countries the truth is the same, and yet $V$ varies. If
# a variance rests on $\nu$ independent pieces of information, its mean and its own variance are tied
# together:
#
# $$\nu = \frac{2\,(\text{mean of } V)^2}{\text{variance of } V}$$
#
# The more $V$ jumps about from one country to the next, the fewer pieces it rests on.

# %% tags=["workshop"]
V = t_tests["std_error"] ** 2
print(f"V in four countries: {', '.join(f'{value:.1f}' for value in V[:4])}")
print(f"mean of V {V.mean():.1f}, variance of V {V.var():.1f}")
print(f"degrees of freedom 2 x {V.mean():.1f}² / {V.var():.1f} = {2 * V.mean() ** 2 / V.var():.1f}")

# %% [markdown] tags=["workshop"]
# Four, near enough, as we counted. A real study has one country and not 200, so it cannot watch $V$ jump.
# [Satterthwaite](glossary.ipynb#Satterthwaite)'s method (1946, doi
# [10.2307/3002019](https://doi.org/10.2307/3002019)) takes the variance of $V$ from the fit instead: it
# asks how exactly the variances of the provinces, schools and classrooms are known, and how much $V$ would
# change with each of them. It does so for every coefficient, and the answers differ widely.
#
# The picture shows the df of our model, and beside them those of a second one, in which the slope of age
# varies by province.

# %% tags=["workshop"]
sloped = mixedlm(fixed + " + (1|classroom) + (1|school) + (age10|province)", six).fit()
df = pd.DataFrame(
    {"age10: one slope": fit.fixed_effects["df"], "age10 by province": sloped.fixed_effects["df"]}
).sort_values("age10: one slope")

figure, ax = plt.subplots(figsize=(7.0, 3.5), layout="constrained")
looks = [("o", plots.BLUE, -0.14), ("D", plots.ORANGE, 0.14)]
places = np.arange(len(df))
for (marker, color, shift), name in zip(looks, df, strict=True):
    ax.hlines(places + shift, 2, df[name], color=plots.PALE)
    ax.scatter(df[name], places + shift, marker=marker, s=50, color=color, ec=plots.INK, label=name)
ax.set_yticks(places, df.index)
ax.set(xscale="log", xlim=(2, 3000), xticks=[4, 10, 30, 100, 300, 1000])
ax.set_xticklabels([4, 10, 30, 100, 300, 1000])
ax.minorticks_off()
ax.set_xlabel("degrees of freedom (log scale)")
ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
sns.despine()
before, after = df.loc["age10"]
listed = ", ".join(f"{name} {value:,.0f}" for name, value in df["age10: one slope"].items())
plots.show(
    ax,
    alt=f"Degrees of freedom of each coefficient on a log scale: {listed}. In the second model only age10 "
    f"moves much: from {before:,.0f} down to {after:.0f}.",
)

# %% [markdown] tags=["workshop"]
# Read it from the bottom.
#
# - `reform` belongs to provinces: six, minus two coefficients. The intercept, too, depends mostly on
#   provinces.
# - `school_resources` belongs to schools, of which there are thirty.
# - `teacher_experience` belongs to classrooms.
# - `sex` and `age10` belong to pupils. More pupils in every classroom would move these two rows, and
#   hardly any other.
#
# Now the second model. It gives every province its own slope of age, so what we know about the average
# slope comes from six slopes. The df of `age10` drop to those of a predictor of provinces, and its
# standard error grows:

# %% tags=["workshop"]
pd.DataFrame(
    {
        "one slope": fit.fixed_effects.loc["age10", ["estimate", "std_error", "df"]],
        "slope by province": sloped.fixed_effects.loc["age10", ["estimate", "std_error", "df"]],
    }
).round(2)

# %% [markdown] tags=["workshop"]
# The truth here is that slopes do vary between provinces. So the first column is too sure of itself, and
# no choice between z and t would put that right. **The random part decides what counts as one piece of
# information.**

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 07.2.** Compute the 95 % interval of `reform` by hand, from its estimate, its standard error
# and its degrees of freedom in `fit.fixed_effects`. Where is its lower end? To one decimal.

# %% tags=["workshop", "exercise", "solution"]
reform = fit.fixed_effects.loc["reform"]  #!
lower = reform["estimate"] - stats.t.ppf(0.975, reform["df"]) * reform["std_error"]  #!
check("07.2", lower)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* 2.5 % of the t distribution lies beyond its 97.5 % point, and 2.5 % on the other side. With about
# 4 df this point is near 2.8 and not 1.96, so the interval is much wider than the one from z.
# `fit.fixed_effects` has both ends in its columns `lower` and `upper`.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 07.3.** Other data. There are eight hospitals, and four of them train their nurses: `training`
# is 0 or 1 for a whole hospital. Each hospital has several wards, and every ward has its own label. Each
# patient reports `pain` once. Write the formula that tests `training` with the right degrees of freedom,
# using random intercepts only.

# %% tags=["workshop", "exercise", "solution"]
training_formula = "pain ~ training + (1|ward) + (1|hospital)"  #!
check("07.3", training_formula)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* `training` varies between hospitals, so hospitals are what its test has to count. Without
# `(1|hospital)` the model treats the wards as independent, and the df come out several times too large.
# With eight hospitals and two coefficients, about six are left.

# %% [markdown] tags=["workshop"]
# ## Kenward and Roger
#
# Satterthwaite's method corrects the df and leaves the standard error as it is. But in small samples the
# standard error itself tends to be too small, because it is computed as if the variances were known.
# [Kenward and Roger](glossary.ipynb#Kenward-Roger) (1997, doi
# [10.2307/2533558](https://doi.org/10.2307/2533558)) correct both.

# %% tags=["workshop"]
methods = {"z": "normal", "Satterthwaite": "satterthwaite", "Kenward-Roger": "kenward-roger"}
pd.DataFrame(
    {
        name: fixed_effects_table(fit, df=df).loc[
            "reform", ["std_error", "df", "p_value", "lower", "upper"]
        ]
        for name, df in methods.items()
    }
).T.round(3)

# %% [markdown] tags=["workshop"]
# For this fit the two hardly differ, and z stands apart from both. What about our countries?

# %% tags=["workshop"]
kr_tests = tests_of_reform("kenward-roger")
p["Kenward-Roger"] = kr_tests["p_value"]
false_positives(p).rename(index={"t": "Satterthwaite"}).round(3)

# %% [markdown] tags=["workshop"]
# Kenward-Roger is a little more cautious here. Why becomes clear when we look separately at the countries
# in which the variance between provinces was estimated at 0. Here are the df of `reform`, on average:


# %% tags=["workshop"]
def province_variance(one):
    return one.variance_components.set_index("group").loc["province", "vcov"]


at_zero = pd.Series([province_variance(one) < 1e-6 for one in refits])
both = pd.DataFrame(
    {
        "variance of provinces": at_zero.map({True: "estimated at 0", False: "above 0"}),
        "df, Satterthwaite": t_tests["df"],
        "df, Kenward-Roger": kr_tests["df"],
    }
).groupby("variance of provinces")
aside = both.mean()
aside.insert(0, "countries", both.size())
aside.round(1)

# %% [markdown] tags=["workshop"]
# With a variance of 0, Satterthwaite's method counts schools instead of provinces, and the df jump. The
# reason lies in the question it asks: how much would $V$ change if the *SD* between provinces changed? A
# variance is the square of an SD, and at 0 a square is flat, like the bottom of a bowl. So the answer is
# "not at all", and the uncertainty about provinces drops out. Kenward and Roger ask the same question of
# the *variance*, which is not flat at 0, and so they still count provinces.
#
# More df than provinces, for a predictor of provinces, is the warning sign. Where groups are so few that
# this may happen, choose Kenward-Roger from the start. The price: it is conservative when a fit is
# [singular](glossary.ipynb#singular-fit), as those with a variance of 0 are; it takes longer with large
# data, and it exists for REML fits only.
#
# <details>
# <summary>In R</summary>
#
# ```r
# library(lmerTest)                        # lme4 alone prints t values without p-values
# fit <- lmer(test_score ~ age10 + sex + teacher_experience + school_resources + reform +
#               (1 | classroom) + (1 | school) + (1 | province), data = six)
# summary(fit)                             # Satterthwaite
# summary(fit, ddf = "Kenward-Roger")      # needs the package pbkrtest
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ## Several coefficients at once
#
# Now let us take all twelve provinces, and three curricula: A, B and C, each in four provinces. Again the
# curriculum has no effect on the scores.

# %% tags=["workshop"]
all_provinces = sorted(pupils["province"].unique())
curriculum = {name: "ABC"[i % 3] for i, name in enumerate(all_provinces)}
pupils["curriculum"] = pupils["province"].map(curriculum)

groups = " + (1|classroom) + (1|school) + (1|province)"
curricula = mixedlm("test_score ~ age10 + sex + curriculum" + groups, pupils).fit()
curricula.fixed_effects[["estimate", "std_error", "df", "t", "p_value"]].round(3)

# %% [markdown] tags=["workshop"]
# A factor with three levels has two rows, and each compares one curriculum with A. Neither row answers
# the question whether curricula differ at all, and B against C has no row. In a model without
# interactions, `anova` asks one question for each term: are *all* its coefficients 0?

# %% tags=["workshop"]
from course import anova, wald

anova(curricula)[["num_df", "den_df", "F", "p_value"]].round(3)

# %% [markdown] tags=["workshop"]
# `num_df` counts the coefficients that are tested together, and `den_df` is the df you know: twelve
# provinces minus three coefficients leave nine. Where such a term has one coefficient, F is its t squared.
#
# `wald` takes any equations. It can test B against C, which the table lacks, or both rows of the curriculum
# at once, which is what `anova` did. Since the true effect of sex is known, it can also ask whether the
# estimate is compatible with it:

# %% tags=["workshop"]
questions = [
    "curriculum[T.B] = curriculum[T.C]",
    "curriculum[T.B] = 0, curriculum[T.C] = 0",
    "sex[T.male] = -2",
]
pd.concat([wald(curricula, question) for question in questions])[
    ["num_df", "den_df", "F", "p_value"]
].round(3)

# %% [markdown] tags=["workshop"]
# <details>
# <summary>In R</summary>
#
# ```r
# anova(curricula)                                  # lmerTest, type III
# contest(curricula, c(0, 0, 0, 1, -1))             # B = C; order of fixef(curricula)
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ### When there is an interaction
#
# With an interaction, F and t squared part company, and it is worth knowing why. Let boys and girls have
# different slopes of age, in our six provinces. The model is fitted twice: once with age counted from ten,
# once with age counted from twelve. Only the zero moves; the fitted scores are the same.

# %% tags=["workshop"]
rows = {}
for zero in (10, 12):
    counted = six.assign(age_c=six["age"] - zero)
    one = mixedlm(
        "test_score ~ age_c * sex + (1|classroom) + (1|school) + (1|province)", counted
    ).fit()
    squares = one.fixed_effects["t"].rename(
        {"age_c:sex[T.male]": "age_c:sex", "sex[T.male]": "sex"}
    )
    rows[f"age from {zero}: t squared"] = squares.drop("Intercept") ** 2
    rows[f"age from {zero}: F of anova"] = anova(one)["F"]
pd.DataFrame(rows).T.round(1)

# %% [markdown] tags=["workshop"]
# The interaction is tested in the same way everywhere. The other two columns need a sentence each.
#
# - **`sex`** compares boys with girls *where age is 0*. With another zero that is another question, and the
#   answer changes: at ten the gap is beyond doubt, at twelve it is not.
# - **`age_c`**: the coefficient is the slope of the *girls*, since they are the reference, and t tests that.
#   `anova` tests the *mean of the two slopes*, of girls and of boys. Neither depends on the zero.
#
# This is what [type III](glossary.ipynb#type-III) means: each factor of an interaction is averaged over,
# with equal weight for each of its levels, and a numeric predictor is held at 0. A test of a "main effect"
# beside an interaction is therefore seldom the question you have. Ask the one you have: how large is the
# gap between boys and girls at nine, and how large at eleven? `contrasts` answers with intervals:

# %% tags=["workshop"]
from course import contrasts

gaps = mixedlm("test_score ~ age10 * sex + (1|classroom) + (1|school) + (1|province)", six).fit()
contrasts(gaps, "sex", by="age10", at={"age10": [-1, 1]})[["estimate", "lower", "upper"]].round(2)

# %% [markdown] tags=["workshop"]
# ## REML and ML
#
# [Lesson 02](02-random-intercepts.ipynb) said that a fit searches for the variances that make the scores
# most likely. It can do so in two ways. [ML](glossary.ipynb#ML), maximum likelihood, ignores that
# estimating the fixed effects used up information. [REML](glossary.ipynb#REML) allows for it. It is the
# difference between dividing by *n* and by *n* − 1 in an ordinary variance.
#
# How much does that matter with six provinces? In our countries the variance between provinces is known:
# it is 9. We fit the first hundred again, by ML.

# %% tags=["workshop"]
reform_ml = reform_only.model.fit(reml=False)
fits = {
    "REML": refits[:100],
    "ML": reform_ml.refit_all(countries[:100]),
}
variances = {name: [province_variance(one) for one in some] for name, some in fits.items()}
averages = pd.DataFrame(
    {
        "variance between provinces": {name: np.mean(values) for name, values in variances.items()},
        "standard error of reform": {
            name: np.mean([one.bse_fe["reform"] for one in some]) for name, some in fits.items()
        },
    }
)
averages.round(1)

# %% tags=["workshop"]
figure, ax = plt.subplots(figsize=(7.2, 3.0), layout="constrained")
spread = 0.5 * (np.arange(100) * 0.618034 % 1 - 0.5)  # so that rings do not hide each other
for row, (name, color) in enumerate({"REML": plots.BLUE, "ML": plots.ORANGE}.items()):
    ax.scatter(variances[name], row + spread, s=16, facecolors="none", edgecolors=color, alpha=0.8)
    mean = averages.loc[name, "variance between provinces"]
    label = "mean of the estimates" if row == 0 else None
    ax.scatter(mean, row, marker="D", s=90, color=color, ec=plots.INK, zorder=3, label=label)
ax.axvline(9, color=plots.INK, linestyle="--", linewidth=1.6, label="truth")
ax.set_yticks([0, 1], fits)
ax.set(xlabel="estimated variance between provinces (points squared)", ylim=(1.5, -0.5))
ax.legend(frameon=False, loc="lower right")
sns.despine()
reml_mean, ml_mean = averages["variance between provinces"]
plots.show(
    ax,
    alt="The estimated variance between six provinces in 100 countries, one ring each, by REML and by ML, "
    f"around a dashed line at the truth of 9. The mean of REML is {reml_mean:.1f}, near the line; that of ML "
    f"is {ml_mean:.1f}. Many rings of ML lie at or near 0.",
)

# %% [markdown] tags=["workshop"]
# Both scatter widely, because six provinces are few. But REML is right on average, near enough, and ML is
# too low: it forgets that two coefficients had to be estimated from six provinces. Its standard error of
# `reform` is too small as well. So **take estimates and t-tests from REML**.
#
# What is ML for, then? It is for comparing models with different *fixed* parts. Here is why REML cannot do
# that. Count age in months instead of years. It is the same model: every prediction stays the same.

# %% tags=["workshop"]
six["age_months"] = 12 * six["age10"]
with_unit = "test_score ~ {} + (1|classroom) + (1|school) + (1|province)"
years = mixedlm(with_unit.format("age10"), six)
months = mixedlm(with_unit.format("age_months"), six)
units = pd.DataFrame(
    {
        "years": [years.fit().llf, years.fit(reml=False).llf],
        "months": [months.fit().llf, months.fit(reml=False).llf],
    },
    index=["log-likelihood, REML", "log-likelihood, ML"],
)
units["difference"] = (units["years"] - units["months"]).abs()
gap = (years.fit().fittedvalues - months.fit().fittedvalues).abs().max()
print(f"largest difference of the fitted scores: {gap:.4f}")
print(f"log(12) = {np.log(12):.2f}")
units.round(2)

# %% [markdown] tags=["workshop"]
# The ML likelihood does not depend on the unit. The REML likelihood changes by log(12), and 12 is merely
# the number of months in a year. REML is the likelihood of what is left of the scores once the fixed
# effects have been taken out. How that is measured depends on the columns of the fixed part, and with
# other columns something else is left. So with different fixed parts, two REML likelihoods are about
# different things.
#
# | you want | use |
# |---|---|
# | estimates, standard errors, t-tests | REML |
# | to compare models with the same fixed part | REML, or ML |
# | to compare models with different fixed parts | ML |
#
# The last two lines hold for [AIC](glossary.ipynb#AIC) as well.

# %% [markdown] tags=["workshop"]
# ## The likelihood-ratio test
#
# A [likelihood-ratio test](glossary.ipynb#likelihood-ratio-test) compares a model with a smaller one that
# is a special case of it. Its statistic is twice the difference of the two
# [log-likelihoods](glossary.ipynb#log-likelihood). If the smaller model is true, and groups are many, the
# statistic follows a chi-squared distribution, with as many df as there are additional parameters.
# `compare` does it, and fits again by ML where the fixed parts differ.

# %% tags=["workshop"]
from course import compare

without_reform = mixedlm(formula.replace(" + reform", ""), six).fit()
table = compare(without_reform, fit)


def short(table, models):
    columns = ["llf", "chi2", "df", "p_naive", "p_value", "reference", "likelihood"]
    rounded = table[columns].round({"llf": 2, "chi2": 2, "p_naive": 3, "p_value": 3})
    return rounded.set_axis(models).T.fillna("")


short(table, ["without reform", "with reform"])

# %% [markdown] tags=["workshop"]
# This p-value is near that of z, and for the same reason: chi-squared, too, is a promise for *many*
# groups. `compare` knows this, and says so in its notes.

# %% tags=["workshop"]
import textwrap

for note in table.attrs["notes"]:
    print(textwrap.fill(note, 90, initial_indent="- ", subsequent_indent="  "))

# %% [markdown] tags=["workshop"]
# So for a predictor of provinces use the t-test, or an F-test. Where a predictor has many units, both
# ways nearly agree.
#
# <details>
# <summary>In R</summary>
#
# ```r
# anova(without_reform, fit)                  # refits by ML, as compare() does
# anova(small, large, refit = FALSE)          # keeps REML: only for the same fixed part
# ```
#
# </details>

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 07.4.** Do the test by hand for `teacher_experience`, in the data `six`: fit the model of
# `formula` with and without it, and compute the statistic chi2, to two decimals. (`fit(reml=False)` fits
# by ML, and `.llf` is the log-likelihood.)

# %% tags=["workshop", "exercise", "solution"]
smaller = formula.replace(" + teacher_experience", "")  #!
llf_larger = mixedlm(formula, six).fit(reml=False).llf  #!
llf_smaller = mixedlm(smaller, six).fit(reml=False).llf  #!
chi2 = 2 * (llf_larger - llf_smaller)  #!
check("07.4", chi2)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The two models have different fixed parts, so both are fitted by ML. The larger one can only have
# the higher likelihood, so the difference is positive, and it is doubled. The p-value,
# `stats.chi2.sf(chi2, 1)`, is near that of the t-test in the first table, because there are many classrooms.

# %% [markdown] tags=["workshop"]
# ## Testing a variance
#
# Do schools differ, beyond their classrooms and provinces? Leave `(1|school)` out, and compare. The fixed
# parts are the same, so REML may stay.
#
# But there is something odd about this test. Suppose schools do not differ: the variance is 0. An estimate
# would fall a little above or a little below. Below is not possible, so in about half of all samples the
# estimate is *exactly* 0. Then both models are the same, and the statistic is 0.
#
# Let us see whether that is so. `simulate_responses` draws new scores from a fit: new provinces, new
# classrooms, new residuals. We draw them from the fit without schools.

# %% tags=["workshop"]
from course import simulate_responses

no_schools = mixedlm(formula.replace(" + (1|school)", ""), six).fit()
drawn = simulate_responses(no_schools, n=100, seed=1)
pairs = zip(fit.refit_all(drawn), no_schools.refit_all(drawn), strict=True)
statistic = np.array([2 * (one.llf - less.llf) for one, less in pairs])
print(f"share of the statistics at 0: {np.mean(statistic < 1e-4):.2f}")
print(f"share above 2.71: {np.mean(statistic > 2.71):.3f}")
print(f"chi-squared with 1 df above 2.71: {stats.chi2.sf(2.71, 1):.3f}")

# %% tags=["workshop"]
x = np.linspace(0, 6, 301)
few = np.arange(0, 6.1, 0.25)
above = [np.mean(statistic > max(at, 1e-4)) for at in few]
naive = stats.chi2.sf(x, 1)
figure, ax = plt.subplots(figsize=(6.6, 3.8), layout="constrained")
ax.plot(x, naive, color=plots.ORANGE, linestyle="--", linewidth=2, label="chi-squared, 1 df")
ax.plot(x, naive / 2, color=plots.BLUE, linewidth=2.4, label="half of it")
ax.plot(few, above, "o", mfc="none", color=plots.INK, label="100 simulated statistics")
ax.set(xlabel="likelihood-ratio statistic", ylabel="share above", ylim=(0, 1))
ax.legend(frameon=False)
sns.despine()
plots.show(
    ax,
    alt="Which share of the statistics lies above a value, against the value. The curve of chi-squared with "
    "1 df starts at 1, its half at 0.5. The rings of 100 simulated statistics start at "
    f"{above[0]:.2f} and stay near the half: {np.mean(statistic > 2.71):.3f} of them lie above 2.71.",
)

# %% [markdown] tags=["workshop"]
# The p-value is the height of the curve at the observed statistic. The simulated statistics follow the
# lower curve. Half of the time the statistic is 0, and half of the time it is chi-squared: a *mixture*. For
# one new variance, **the right p-value is half of the naive one** (Stram and Lee 1994, doi
# [10.2307/2533455](https://doi.org/10.2307/2533455)).

# %% tags=["workshop"]
short(compare(no_schools, fit), ["without schools", "with schools"])

# %% [markdown] tags=["workshop"]
# `p_naive` is what most programs print, and `p_value` is half of it. The row `reference` names the mixture.
# A random slope that joins an intercept brings a variance *and* a covariance, so its mixture is different;
# `compare` knows that one, too. With few groups the mixture is only roughly right, and
# `compare(..., bootstrap=1000)` simulates the statistic as we did.
#
# <details>
# <summary>In R</summary>
#
# ```r
# anova(no_schools, fit, refit = FALSE)       # the naive p-value: halve it yourself
# lmerTest::ranova(fit)                       # drops each random term in turn; naive, too
# ```
#
# </details>

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 07.5.** A colleague adds `(1|village)` to a model that had no villages. There are 80
# villages, and the likelihood-ratio statistic is 3.1. Which p-value should the paper report? To three
# decimals.

# %% tags=["workshop", "exercise", "solution"]
p_village = stats.chi2.sf(3.1, 1) / 2  #!
check("07.5", p_village)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* One variance is new, and if villages do not differ it lies at the edge of what is possible. So the
# p-value of chi-squared with 1 df is halved. The naive one would have been above 0.05.

# %% [markdown] tags=["workshop"]
# ## Which random slopes?
#
# A study asks about the average slope of age. Should this slope vary between provinces in the model? There
# are several habits: never, always, or only if a test says so. Each has its price, and a simulation can show
# it. 300 pupils live in 6 provinces, or in 30. In truth the slope varies between provinces with an SD of 0
# (not at all), 0.4, or 0.8 points per year, and is unrelated to the intercept, so the model with a slope is
# `(age10||province)`. Where its average is 0, the test of `age10` should find something in 5 % of the data
# sets. Where its average is 1 point, it should find it as often as possible.
#
# That takes half an hour, so it was run beforehand (by `tests/long/random_slopes.py` in the course's
# repository, with 1,000 data sets in each row). The numbers are per cent. The ages were drawn once for each
# SD and each number of provinces, so compare the habits within a row, and not one row with another.

# %% tags=["workshop"]
habits = ["never", "if p < 0.05", "if p < 0.20", "always", "always, Kenward-Roger"]
rows = {
    (6, 0.0, "false positives"): [4.6, 4.6, 4.2, 2.7, 0.9],
    (6, 0.0, "power"): [92.8, 90.4, 85.0, 78.8, 71.7],
    (6, 0.4, "false positives"): [7.5, 6.5, 5.4, 3.4, 1.2],
    (6, 0.4, "power"): [83.6, 77.6, 67.5, 59.9, 51.3],
    (6, 0.8, "false positives"): [20.1, 13.6, 8.8, 4.7, 2.8],
    (6, 0.8, "power"): [81.0, 58.0, 49.4, 44.0, 42.3],
    (30, 0.0, "false positives"): [4.8, 4.8, 4.4, 3.9, 3.2],
    (30, 0.0, "power"): [89.3, 89.0, 87.5, 86.3, 85.6],
    (30, 0.4, "false positives"): [6.1, 5.8, 5.1, 4.5, 3.6],
    (30, 0.4, "power"): [85.3, 84.4, 82.8, 80.7, 79.4],
    (30, 0.8, "false positives"): [7.3, 6.9, 5.5, 4.9, 4.3],
    (30, 0.8, "power"): [88.5, 85.4, 83.3, 82.2, 81.6],
}
price = pd.DataFrame.from_dict(rows, orient="index", columns=habits)
price.index = pd.MultiIndex.from_tuples(
    price.index, names=["provinces", "SD of slopes", "share of"]
)
price

# %% tags=["workshop"]
figure, axes = plt.subplots(
    2, 2, figsize=(9.0, 4.6), sharey=True, sharex="col", layout="constrained"
)
looks = {0.0: (plots.BLUE, "o"), 0.8: (plots.ORANGE, "D")}
for row, provinces in zip(axes, (6, 30), strict=True):
    for ax, what in zip(row, ("false positives", "power"), strict=True):
        for slope_sd, (color, marker) in looks.items():
            shares = price.loc[(provinces, slope_sd, what)]
            label = f"SD of slopes {slope_sd:g}"
            ax.plot(shares, shares.index, marker, color=color, mec=plots.INK, ms=8, label=label)
        ax.grid(axis="y", color=plots.PALE)
        ax.set(title=f"{provinces} provinces", xlim=(0, 30 if what == "false positives" else 100))
        if what == "false positives":
            ax.axvline(5, color=plots.INK, linestyle="--", linewidth=1.2)
axes[0, 0].invert_yaxis()
axes[1, 0].set_xlabel("false positives (%)")
axes[1, 1].set_xlabel("power (%)")
handles, labels = axes[0, 0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
sns.despine()


def said(provinces, slope_sd, what):
    shares = price.loc[(provinces, slope_sd, what)]
    return ", ".join(f"{habit} {share:.0f} %" for habit, share in shares.items())


plots.show(
    axes.ravel(),
    alt="False positives (left, with a dashed line at 5 %) and power (right) of the average slope under five "
    "habits, with 6 provinces (above) and 30 (below). With 6 provinces whose slopes vary with an SD of 0.8, "
    f"false positives: {said(6, 0.8, 'false positives')}. With 6 provinces whose slopes do not vary, power: "
    f"{said(6, 0.0, 'power')}. With 30 provinces all habits but never lie close together.",
)

# %% [markdown] tags=["workshop"]
# Read it row by row. There are two ways to go wrong: to find what is not there, which is counted as false
# positives, and to miss what is there, which lowers the power.
#
# - **Never a slope**, where slopes do vary and provinces are few: one false positive in five data sets. With
#   30 provinces it is 7 %, because each of them has less influence.
# - **Always a slope**, where slopes do not vary: false positives are few, but power is lost, from 93 %
#   down to 79 % with six provinces. With 30 provinces the loss is small. Kenward-Roger is more cautious
#   still.
# - **A test decides**: something in between on both counts. At p < 0.05 it lets through too many false
#   positives, since six provinces often fail to prove that slopes vary, and a variance that was not proved
#   is not a variance of 0. At p < 0.20 it is a compromise.
# - One **power** can be compared with another only where both tests keep to their 5 %. The 81 % of "never" in
#   the last block of six provinces is worth nothing: that test finds 20 % where there is nothing.
#
# So authors disagree, and for good reasons. Barr et al. (2013, doi
# [10.1016/j.jml.2012.11.001](https://doi.org/10.1016/j.jml.2012.11.001)) say: keep all slopes that the design
# allows, for a false positive is the worse mistake. Bates et al. (2015,
# [arXiv 1506.04967](https://arxiv.org/abs/1506.04967)) say: a model that the data cannot support is no
# protection, so reduce it until they can. Matuschek et al. (2017, doi
# [10.1016/j.jml.2017.01.001](https://doi.org/10.1016/j.jml.2017.01.001)) count the power that is lost, and
# let a test at the 20 % level decide.
#
# This course takes the following line, and [lesson
# 08](08-when-the-fit-complains.ipynb#One-rule-for-random-slopes) draws it as a chart.
#
# 1. The **design** says which slopes are candidates: those of the predictors that the question is about, if
#    they vary within the groups.
# 2. A slope that is fitted without complaint stays, whatever its p-value.
# 3. If the fit is singular, drop the correlation first. If the SD of the slopes is then 0, keep the slope and
#    take Kenward and Roger's df where the effect of this predictor is the question. Otherwise it may go: the
#    estimate and its standard error no longer change.
# 4. The **report** says what was fitted first, and what was changed.
#
# If you prefer Matuschek's rule, say so *before* you see the data. What no one defends is to try both and
# report the more pleasant one.
#
# The same caution holds whenever you look many times. If you test ten effects that do not exist, you have a
# good chance of finding one:

# %% tags=["workshop"]
print(f"chance of at least one p < 0.05 in ten independent tests: {1 - 0.95**10:.2f}")

# %% [markdown] tags=["workshop"]
# There are three remedies. Say beforehand which test the study is about. Or ask one joint question first, as
# `anova` does for a factor. Or adjust the p-values: `contrasts` does so by Holm's method unless told
# otherwise.

# %% [markdown] tags=["workshop"]
# ## Intervals, and whether they keep their promise
#
# `confint` gives an interval for every parameter. There are several ways to make one, and where groups are
# few they do not agree at all. Start with `reform`, whose true effect is 0.

# %% tags=["workshop"]
from course import confint

ways = {"default": "auto", "profile": "profile"}
pd.concat({name: confint(fit, method=way, parameters="reform") for name, way in ways.items()})[
    ["estimate", "lower", "upper", "method"]
].round(2)

# %% [markdown] tags=["workshop"]
# The default is the t-interval that you know. The other one, the [profile
# interval](glossary.ipynb#profile-interval), is what R's `confint` gives for such a fit. It asks the
# likelihood itself: hold the coefficient at some value, let everything else adapt, and see how much worse the
# fit becomes. The interval contains all values that a likelihood-ratio test would not reject. And here it
# leaves out 0, the truth.
#
# Bad luck, or a fault? Our countries can tell. A profile interval leaves out 0 exactly where the
# likelihood-ratio test of `reform` rejects it. A hundred ML fits with the reform we have already; here they
# are without it.

# %% tags=["workshop"]
null_ml = mixedlm("test_score ~ 1 + (1|classroom) + (1|school) + (1|province)", six).fit(reml=False)
without_ml = null_ml.refit_all(countries[:100])
chi2 = np.array(
    [2 * (one.llf - less.llf) for one, less in zip(fits["ML"], without_ml, strict=True)]
)
print(f"profile interval leaves out 0: {(chi2 > stats.chi2.ppf(0.95, 1)).sum():3} of 100 countries")
print(f"t-interval leaves out 0:       {(p['t'][:100] < 0.05).sum():3}")

# %% [markdown] tags=["workshop"]
# So the profile is as bad as the z-test, and for the same two reasons: it is a promise for many groups, and
# it belongs to the ML fit, whose variances are too small where groups are few. **For a fixed effect, take the
# t-interval.**

# %% [markdown] tags=["workshop"]
# ### The SD between provinces
#
# How well do we know how much provinces differ? Many programs print a standard error beside a variance, and
# invite you to add and subtract 1.96 of it. (`confint` with `method="wald"` has the standard error of each SD
# in points. That of the variance is 2 × SD × the standard error of the SD.)

# %% tags=["workshop"]
sd_name = "sd(Intercept | province)"
between = confint(fit, method="wald", parameters=sd_name).iloc[0]
variance, its_error = between["estimate"] ** 2, 2 * between["estimate"] * between["std_error"]
print(f"variance between provinces {variance:.1f}, standard error {its_error:.1f}")
print(f"from {variance - 1.96 * its_error:.1f} to {variance + 1.96 * its_error:.1f}?")

# %% [markdown] tags=["workshop"]
# A variance below 0 is impossible, so this interval cannot be right. It is symmetric, and what we know about
# a variance is not. The true one cannot lie more than 12.4 below the estimate; how far above it may lie, six
# provinces hardly say.
#
# There are better ways.
#
# - **Profile**, as above, but of the SD. `plots.profile_zeta` draws how the fit becomes worse.
# - The **[parametric bootstrap](glossary.ipynb#parametric-bootstrap)**. Draw new scores from the fit,
#   estimate again, and do it many times. The interval contains the middle 95 % of the estimates.
# - **The log scale**: add and subtract 1.96 standard errors of the *logarithm* of the SD. This is what
#   `method="wald"` does. Its ends are never negative, and never 0.
# - The **score interval**, the default of `confint` where groups are few. Hold the SD at some value, and ask
#   how the provinces would scatter if it were true. That distribution is known, even for six provinces: it is
#   made of chi-squared variables, one for each piece of information. The interval contains the values for
#   which the observed scatter is not unusual. (It turns round the score test of Zhang and Lin, 2003, doi
#   [10.1093/biostatistics/4.1.57](https://doi.org/10.1093/biostatistics/4.1.57).)

# %% tags=["workshop"]
from course import profile

walk = profile(fit, [sd_name, "sd(Intercept | classroom)", "sigma"])
axes = plots.profile_zeta(walk)
plots.show(axes)

# %% [markdown] tags=["workshop"]
# *Zeta* is the square root of the likelihood-ratio statistic, taken as negative on the left. At ±1.96 the
# interval ends. A straight line means that a symmetric interval is right: so it is for `sigma`, which a
# thousand pupils support, and nearly so for classrooms. The curve of the provinces bends. On the left it
# ends before it reaches −1.96, at an SD of 0, so 0 belongs to the interval. (The test of a variance looks
# to one side only. So it may reject 0 although the interval contains it.)
#
# Here are all four, for provinces and for classrooms. (In the data of this lesson the truth is known.)

# %% tags=["workshop"]
from course.data import load_truth

levels = ["province", "classroom"]
sds = [f"sd(Intercept | {level})" for level in levels]
ways = {
    "profile": confint(fit, method="profile", parameters=sds),
    "bootstrap": confint(fit, method="bootstrap", parameters=sds, n=150, seed=1),
    "log scale": confint(fit, method="wald", parameters=sds),
    "default": confint(fit, parameters=sds),
}
intervals = pd.concat({way: found.set_axis(levels) for way, found in ways.items()})
print(
    *(f"default for {level}: {intervals.loc[('default', level), 'method']}" for level in levels),
    sep="\n",
)
simulated = load_truth("pupils").centred("age10", at=10).variance_components
intercepts = simulated[simulated["effect"].eq("Intercept") & simulated["effect2"].isna()]
truth = intercepts.set_index("group")["sdcor"].loc[levels]
print(*(f"truth for {level}: {truth[level]:.1f}" for level in levels), sep="\n")
intervals[["lower", "upper"]].unstack().swaplevel(axis=1)[levels].loc[list(ways)].round(1)

# %% tags=["workshop"]
looks = dict(zip(ways, [plots.ORANGE, plots.GREY, plots.INK, plots.BLUE], strict=True))
figure, ax = plt.subplots(figsize=(7.4, 3.2), layout="constrained")
for place, (way, color) in enumerate(looks.items()):
    ends = intervals.loc[way].loc[levels]
    rows = np.arange(2) + 0.18 * (place - 1.5)
    ax.hlines(rows, ends["lower"], ends["upper"], color=color, linewidth=3)
    for row, end in zip(rows, ends["upper"], strict=True):
        ax.annotate(way, (end, row), (4, 0), textcoords="offset points", va="center", fontsize=9)
ax.plot(truth, range(2), "D", mfc="none", mec=plots.INK, label="truth", markersize=9)
ax.set_yticks(range(2), levels)
ax.set(xlabel="SD (points)", ylim=(1.5, -0.5), xlim=(-0.1, intervals["upper"].max() + 2))
ax.legend(frameon=False, loc="lower right")
sns.despine()
ends = intervals.xs("province", level=1)[["lower", "upper"]]
plots.show(
    ax,
    alt="95 % intervals of two SDs by four methods, with the truth. For provinces: "
    + ", ".join(f"{way} {low:.1f} to {high:.1f}" for way, (low, high) in ends.T.items())
    + f"; the truth is {truth['province']:.1f}. For classrooms all four nearly agree.",
)

# %% [markdown] tags=["workshop"]
# For ninety classrooms all methods nearly agree. For six provinces they contradict each other: is an SD of 8
# possible, or is it not?
#
# ### How often do they hold the truth?
#
# A 95 % interval promises to contain the truth in 95 % of all data sets. That can be counted, though not in a
# minute, so it was done beforehand (`tests/long/coverages.md` in the course's repository): 10 pupils in each
# of 6 schools, or of 40, simulated again and again, with a predictor that belongs to schools. Here is the
# [coverage](glossary.ipynb#coverage), in per cent. (Most of these numbers come from 1,000 or 2,000 data sets,
# and chance moves them by one or two points. Those of the bootstrap, and of the score interval with 40
# schools, come from 100 to 300, and chance may move them by three to five.)

# %% tags=["workshop"]
coverage = pd.DataFrame(
    {
        ("6 schools", "predictor of schools"): [95.2, 95.9, 88.1, 89.7, np.nan, np.nan],
        ("6 schools", "SD between schools"): [np.nan, np.nan, 82.4, 84.7, 99.5, 94.4],
        ("40 schools", "predictor of schools"): [95.4, 95.4, 93.8, 93.0, np.nan, np.nan],
        ("40 schools", "SD between schools"): [np.nan, np.nan, 94.3, 92.0, 96.3, 94.4],
    },
    index=["t, Satterthwaite", "t, Kenward-Roger", "profile", "bootstrap", "log scale", "score"],
)
coverage.map("{:.1f}".format).replace("nan", "")

# %% tags=["workshop"]
figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.2), sharey=True, layout="constrained")
for ax, what in zip(axes, ["predictor of schools", "SD between schools"], strict=True):
    for schools, color, marker, size in (
        ("6 schools", plots.ORANGE, "D", 10),
        (
            "40 schools",
            plots.BLUE,
            "o",
            6,
        ),  # smaller, so that both are seen where they are the same
    ):
        shares = coverage[schools, what]
        ax.plot(shares, shares.index, marker, color=color, mec=plots.INK, ms=size, label=schools)
    ax.axvline(95, color=plots.INK, linestyle="--", linewidth=1.2)
    ax.grid(axis="y", color=plots.PALE)
    ax.set(title=what, xlabel="coverage (%)", xlim=(80, 100.5))
axes[0].invert_yaxis()
handles, labels = axes[0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
sns.despine()
few = coverage["6 schools", "SD between schools"].dropna()
plots.show(
    axes,
    alt="Coverage of 95 % intervals with 6 and with 40 schools, with a dashed line at 95 %. With 40 schools "
    "all methods lie near the line. With 6 schools, for the SD between schools: "
    + ", ".join(f"{way} {share:.0f} %" for way, share in few.items())
    + ". For a predictor of schools, t lies on the line, the profile and the bootstrap well below it.",
)

# %% [markdown] tags=["workshop"]
# With 40 schools, take whichever you like. With six, the choice matters.
#
# - The **profile** and the **bootstrap** are too narrow. Both start from estimates that come out too small
#   where groups are few, and most of the SDs that they miss are *larger* than their upper end.
# - The **log scale** errs on the other side, and almost never misses. Where an SD is estimated near 0, its
#   upper end lies so far out that the interval says nothing (lesson 11 has such a one).
# - The **t-interval** for a fixed effect and the **score interval** for an SD keep their promise. That is why
#   `confint(fit)` takes them, and its column `method` says which it took.
#
# Even the t-interval has its limit. Let the slope of age vary between the six schools as well: then half of
# the fits are singular, nearly all with a correlation of ±1. Satterthwaite's df and standard error both
# suffer, and its interval for the predictor of schools holds the truth in 88.5 % only; Kenward and Roger's
# holds it in 97.2 %. So with few groups and random slopes, write `confint(fit, df="kenward-roger")`.
#
# An honest interval from six provinces is wide. No method makes six provinces more than six.
#
# For something that `confint` does not know, such as a share of variance, the bootstrap remains. Use it with
# many groups, and distrust it with few.
#
# <details>
# <summary>In R</summary>
#
# ```r
# confint(fit, oldNames = FALSE)                        # profile of the ML fit, fixed effects too
# confint(fit, method = "boot", nsim = 300, oldNames = FALSE)
# lattice::xyplot(profile(fit))                         # the picture of zeta
# # t-intervals of the fixed effects: parameters::ci(fit, method = "satterthwaite")
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ## Quiz
#
# Answer with one letter, in quotes.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 07.6.** The study of the reform gets money for more data. What raises the degrees of freedom
# of `reform` most?
#
# - a) twice as many pupils in every classroom
# - b) twice as many schools in every province
# - c) twice as many provinces

# %% tags=["workshop", "exercise", "solution"]
more_df = "c"  #!
check("07.6", more_df)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 07.7.** Two models differ by a fixed effect. Both were fitted by REML, and the larger one has
# the better AIC. What follows?
#
# - a) nothing: REML criteria of different fixed parts cannot be compared
# - b) the larger model is better
# - c) the larger model is better, but only if AIC differs by more than 2

# %% tags=["workshop", "exercise", "solution"]
reml_aic = "a"  #!
check("07.7", reml_aic)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 07.8.** The interval for an SD between six provinces starts at 0 and ends far away. What does it
# say?
#
# - a) provinces do not differ
# - b) the data are compatible with no differences, and with large ones
# - c) the fit went wrong

# %% tags=["workshop", "exercise", "solution"]
starts_at_zero = "b"  #!
check("07.8", starts_at_zero)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 07.9.** The study is about the effect of `dose`, which was varied within each of 7 clinics.
# The test of the random slope `(dose|clinic)` gives p = 0.18. What do you do?
#
# - a) leave the slope out: it is not significant
# - b) test again with z, which finds more
# - c) keep it: the design says that clinics may differ in it, and the fit does not complain

# %% tags=["workshop", "exercise", "solution"]
keep_slope = "c"  #!
check("07.9", keep_slope)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* 07.6: `reform` is a property of provinces, and only they count. 07.7: a REML likelihood depends
# on the columns of the fixed part, down to their units. 07.8: an interval contains all that is not ruled out;
# 0 is in it, and so are large values. 07.9: leaving it out treats the variance of the slopes as 0, and then
# the test of `dose` finds too much. (Matuschek's rule, a test at 20 %, would keep it, too.)

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - A z-test treats the standard errors as known. With six provinces it finds effects that are not there more
#   than twice as often as it promises. Use t with Satterthwaite's or Kenward and Roger's degrees of
#   freedom.
# - Degrees of freedom belong to a coefficient. They count the units among which its predictor varies, and
#   the random part decides what counts as a unit.
# - Use REML for estimates and their tests, and ML to compare models with different fixed parts.
# - Beside an interaction, a test of a main effect depends on where 0 is. Ask for the difference you mean.
# - A variance cannot be negative. Halve the p-value of a single variance. With few groups, profile and
#   bootstrap intervals are too narrow; the default of `confint` is made for them.
# - Let the design choose the random slopes. With few groups it costs power to keep one, and false positives
#   to drop one; say which you chose.
#
# **What comes next:** in [lesson 08](08-when-the-fit-complains.ipynb), fits complain, and you find out
# why. The [solutions](solutions/07-inference.ipynb) of this lesson explain each answer.
