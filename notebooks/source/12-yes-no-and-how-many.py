# %% [markdown] tags=["workshop"]
# # Yes or no, and how many
#
# After this lesson you will be able to
#
# - turn a probability into odds and a logit, and back, and say what an odds ratio does to a probability;
# - fit pass or fail with the schools in the model, and read every number of its summary;
# - say of whom an odds ratio speaks: of a pupil in one school, or of the average over all schools;
# - choose among the tools of statsmodels, and explain why their numbers differ;
# - tell where the usual approximation of the likelihood is too rough, and take a better one;
# - model counts with an exposure, and notice when they vary more than chance alone allows.
#
# **Time:** 90 minutes on your own; not part of the one-day workshop.
#
# **Before:** lessons [01](01-why-groups-matter.ipynb), [02](02-random-intercepts.ipynb) and
# [06](06-interpretation.ipynb). You know what a random intercept is, and how to read an SD between schools.
#
# **Data:** pupils who passed or failed, and pupils with days of absence, both simulated in this lesson, so
# that every number has a truth beside it. At the end `chem97`: real candidates of A-level chemistry.

# %% [markdown] tags=["workshop"]
# ## A pupil passes, or does not
#
# So far the response was a score. Often it is not: a pupil passes or fails, a patient recovers or does
# not, a teacher stays or leaves. Let us simulate such data. There are eighty schools with one class each.
# Whether a pupil passes depends on age, on the resources of the school, and on the school itself.

# %% tags=["workshop"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit, logit

from course import check, icc, load, mixedglm, plots, simulate_schools, translate
from course.exercises import use
from course.plots.page import STYLE

plt.rcParams.update(STYLE)  # the style of the course's pictures

country = simulate_schools(
    provinces=1,
    schools=80,
    classrooms=1,
    students=(10, 30),  # in each classroom
    family="binomial",
    fixed_effects={"Intercept": 0.3, "age": np.log(1.8), "school_resources": 0.4},
    intercept_sd={"school": 1.5},
    intercept_at=10,  # the intercept is meant at age 10
    seed=12,
)
pupils, truth = country.data, country.truth.centred("age10", at=10)
pupils["age10"] = pupils["age"] - 10
use(passing=pupils)

years = pupils["age"].round().astype(int)
pupils.groupby(years)["passed"].agg(pupils="size", share="mean").round(2)

# %% [markdown] tags=["workshop"]
# `passed` is 1 for a pupil who passed and 0 for one who failed, so its mean is the share that passed. The
# share rises with age. How should a model describe this?
#
# A straight line through these shares would do for a while. But a line goes on for ever, and a share
# cannot go below 0 or above 1. What we need is a scale without ends.

# %% [markdown] tags=["workshop"]
# ## Probability, odds, logit
#
# There is such a scale, and two steps lead to it.
#
# - The [odds](glossary.ipynb#odds) say how many pass for each one who fails. If three in four pass, the
#   probability is 0.75, and the odds are 0.75 / 0.25 = 3. Odds start at 0 and have no upper end.
# - The [logit](glossary.ipynb#logit) is the logarithm of the odds. It has no end on either side. It is 0
#   where passing is as likely as failing.

# %% tags=["workshop"]
probability = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
odds = probability / (1 - probability)
pd.DataFrame({"probability": probability, "odds": odds, "logit": np.log(odds)}).round(2)

# %% [markdown] tags=["workshop"]
# Look at the last column: the logits of 0.25 and 0.75 lie equally far from 0, one on either side, and so do
# those of 0.1 and 0.9.
#
# The way back goes through the odds as well: odds of 3 are three who pass out of four, and
# 3 / (1 + 3) = 0.75. SciPy does both in one step: `logit(0.75)` gives the logit, and `expit` takes it back
# to the probability.
#
# Now the point of all this. **A model adds on the logit scale, and to add to a logarithm is to multiply the
# odds.** If one more year of age adds log(1.8) = 0.59 to the logit, then it multiplies the odds by 1.8. This
# factor is the [odds ratio](glossary.ipynb#odds-ratio).
#
# And what does an odds ratio of 1.8 do to the probability? That depends on where you start.

# %% tags=["workshop"]
starts = np.array([0.05, 0.5, 0.95])
ends = expit(logit(starts) + np.log(1.8))

x = np.linspace(-4.5, 4.5, 301)
fig, ax = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
ax.plot(x, expit(x), color=plots.BLUE, lw=2.4)
for start, end in zip(starts, ends, strict=True):
    left, right = logit(start), logit(end)
    ax.plot([left, right], [start, start], color=plots.INK, ls="--", lw=1.2)
    ax.plot([right, right], [start, end], color=plots.ORANGE, lw=3)
    ax.annotate(f"+{end - start:.2f}", (right + 0.15, start), va="center")
ax.set(xlabel="logit", ylabel="probability to pass", ylim=(0, 1))
plots.show(
    ax,
    alt="Probability against logit: an S-shaped curve from near 0 to near 1. Three steps to the right, each "
    "an odds ratio of 1.8, raise the probability by different amounts: "
    + ", ".join(f"from {a:.2f} to {b:.2f}" for a, b in zip(starts, ends, strict=True))
    + ".",
)

# %% [markdown] tags=["workshop"]
# Three steps of the same width lead to three different rises. In the middle of the curve the odds ratio
# moves many pupils; near the ends, where nearly everybody fails or passes anyway, it moves few. So an
# odds ratio alone never says by how much a probability changes.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 12.1.** A pupil passes with probability 0.2. Another pupil is a year older and otherwise equal,
# and the odds ratio is 1.8. What is the probability that the older pupil passes? To two decimals.

# %% tags=["workshop", "exercise", "solution"]
older_odds = 1.8 * 0.2 / 0.8  #!
older = older_odds / (1 + older_odds)  #!
check("12.1", older)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* A probability of 0.2 is odds of 0.2 / 0.8 = 0.25: one passes for every four who fail. Times 1.8 the
# odds are 0.45, and 0.45 / 1.45 is the probability. It is not 0.2 × 1.8: an odds ratio multiplies odds, and
# only where events are rare are odds and probabilities nearly the same.

# %% [markdown] tags=["workshop"]
# ## A logistic regression that ignores the schools
#
# A regression on the logit scale is called logistic. In statsmodels it is `glm` with the family `Binomial`,
# which stands for passes and fails. This one knows nothing of schools:

# %% tags=["workshop"]
import statsmodels.api as sm
import statsmodels.formula.api as smf

pooled = smf.glm("passed ~ age10 + school_resources", pupils, family=sm.families.Binomial()).fit()
pd.DataFrame(
    {
        "estimate": pooled.params,
        "std_error": pooled.bse,
        "p_value": pooled.pvalues,
        "truth": truth.fixed_effects,
    }
).round(3)

# %% [markdown] tags=["workshop"]
# The estimates are on the logit scale. Two things should make you suspicious. The slope of age lies below its
# truth, by several standard errors. And the effect of resources, which eighty schools have to show, is
# supposed to be known nearly as exactly as that of age, which well over a thousand pupils show.
#
# How much do schools really differ? Even if they did not, apart from their resources, the shares that pass
# would still scatter, since chance decides about each pupil. We draw 200 countries from the pooled
# regression, and compare.

# %% tags=["workshop"]
by_school = pupils.groupby("school")["passed"]
shares = by_school.mean()
rng = np.random.default_rng(12)
drawn = rng.binomial(1, pooled.fittedvalues.to_numpy()[:, None], (len(pupils), 200))
by_chance = pd.DataFrame(drawn).groupby(pupils["school"].to_numpy()).mean()

edges = np.linspace(0, 1, 11)
middles = (edges[:-1] + edges[1:]) / 2
expected = np.histogram(by_chance, edges)[0] / 200
fig, ax = plt.subplots(figsize=(7.2, 3.8), layout="constrained")
ax.hist(shares, edges, color=plots.PALE, edgecolor=plots.INK, label="schools in the data")
ax.plot(
    middles,
    expected,
    "o--",
    color=plots.ORANGE,
    lw=2,
    label="expected if only chance made them differ",
)
ax.set(
    xlabel="share of a school's pupils who passed", ylabel="schools", xticks=np.linspace(0, 1, 6)
)
ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
outside = np.mean((shares < 0.2) | (shares > 0.9))
outside_by_chance = np.mean((by_chance < 0.2) | (by_chance > 0.9), axis=None)
nine_in_ten = np.quantile(by_chance, [0.05, 0.95])
plots.show(
    ax,
    alt=f"Histogram of the share that passed in {len(shares)} schools: from {shares.min():.2f} to "
    f"{shares.max():.2f}, with an SD of {shares.std():.2f}. A dashed line shows what the pooled regression "
    f"expects: nine in ten schools between {nine_in_ten[0]:.2f} and {nine_in_ten[1]:.2f}, and an SD of "
    f"{by_chance.std().mean():.2f}.",
)
print(f"schools below 0.2 or above 0.9, in the data       {outside:.2f}")
print(f"schools below 0.2 or above 0.9, by chance alone   {outside_by_chance:.2f}")

# %% [markdown] tags=["workshop"]
# Schools differ by much more than chance would make them differ. Pupils of one school have something in
# common of which the regression knows nothing. So it counts every pupil of a school as new evidence about the
# resources of that school, and its standard error is too small. Lesson 01 found the same for scores.

# %% [markdown] tags=["workshop"]
# ## A random intercept on the logit scale
#
# The remedy is the one of lesson 02. Every school $j$ lies above or below the average by an effect $u_j$ of
# its own. The sum is taken on the logit scale:
#
# $$\text{logit}(p_{ij}) = \beta_0 + \beta_1\,\text{age10}_{ij} + \beta_2\,\text{resources}_j + u_j,
# \qquad u_j \sim N(0, \sigma^2)$$
#
# Here $p_{ij}$ is the probability that pupil $i$ of school $j$ passes. There is no residual. Once the
# probability is known, chance does the rest, as when a coin is tossed, and a coin needs no variance of its
# own. Such a model is called a
# [generalised linear mixed model](glossary.ipynb#generalised-linear-mixed-model), GLMM for short. The
# function that leads to the scale of the sum is its [link](glossary.ipynb#link): here the logit.
#
# statsmodels has nothing that estimates this model by maximum likelihood. It does have a Bayesian version. A
# Bayesian fit starts from a *prior*, a statement about which values are thought likely beforehand, and lets
# the data correct it. `translate` writes the code.

# %% tags=["workshop"]
formula = "passed ~ age10 + school_resources + (1|school)"
translation = translate(formula, pupils, family="binomial")
print(translation.code)

# %% [markdown] tags=["workshop"]
# `vcp_p` and `fe_p` set the priors. These are wide, and with as many pupils as here they hardly matter. We
# run the code as it was printed.

# %% tags=["workshop"]
data = pupils

import numpy as np
from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

model = BinomialBayesMixedGLM.from_formula(
    "passed ~ age10 + school_resources",
    {
        "school": "0 + C(school)",
    },
    data,
    vcp_p=1,
    fe_p=10,
)

# fit_vb() looks for independent normal distributions that come nearest to the posterior,
# and the SDs that it gives are too small. fit_map(), which is fit(), is no way out: it
# often ends at random effects without any variance. With scale_fe the predictors are
# centred and in SDs while the search lasts, so that a prior means the same for all of
# them; fe_mean[0] is then the value at their means, and is brought back to where they are
# 0.
mean = np.zeros(len(model.names))
result = model.fit_vb(
    mean,
    sd=np.full(len(model.names), 0.1),
    fit_method="L-BFGS-B",
    minim_opts={"maxiter": 10_000, "maxfun": 100_000},
    scale_fe=True,
)
result.fe_mean[0] -= model.exog.mean(axis=0)[1:] @ result.fe_mean[1:]

# %% [markdown] tags=["workshop"]
# And here is the fit by maximum likelihood. `mixedglm` takes formulas as `mixedlm` does, and a *family*,
# which says how chance works. `"binomial"` is the family for so many successes in so many trials; here every
# pupil is one trial.

# %% tags=["workshop"]
fit = mixedglm(formula, pupils, family="binomial").fit()
fit.summary()

# %% [markdown] tags=["workshop"]
# <details>
# <summary>In R</summary>
#
# ```r
# library(lme4)
# fit <- glmer(passed ~ age10 + school_resources + (1 | school), data = pupils, family = binomial)
# summary(fit)
# exp(fixef(fit))                          # odds ratios
# ```
#
# </details>
#
# Here is what the summary says, from the top:
#
# - **by Laplace** names an approximation. It is explained in a section below.
# - **SD of school** is in logits. To read it, turn it into probabilities, as in the next cell.
# - **Estimates** are in logits, too, and the column of odds ratios has their exponentials. The
#   interval of a ratio is not symmetric, because it was computed on the logit scale.
# - **z and p.** For these models there is no theory of t with few degrees of freedom that one could rely on.
#   So the warning of [lesson 07](07-inference.ipynb) holds all the more: with few schools, a z-test of a
#   predictor of schools finds too much.

# %% tags=["workshop"]
b = fit.fe_params
sd = fit.variance_components["sdcor"].iloc[0]
low, middle, high = expit(b["Intercept"] + 1.96 * sd * np.array([-1, 0, 1]))
print(f"A pupil of ten in a school in the middle passes with probability {middle:.2f}.")
print(f"In 95 % of schools this probability lies between {low:.2f} and {high:.2f}.")

# %% [markdown] tags=["workshop"]
# (Both sentences are about schools with resources of 0, the average.) And the truth?

# %% tags=["workshop"]
table = truth.compare(fit)
table = table[table["estimate"].notna()]
print(
    table[["group", "effect", "kind", "true", "estimate", "lower", "upper"]]
    .round(2)
    .to_string(index=False, na_rep="")
)

# %% [markdown] tags=["workshop"]
# The slope of age is where it should be, and so is the SD of the schools. The interval of the resources is
# now several times as wide as that of the pooled regression, and contains the truth.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 12.2.** Two pupils of the *same* school, one two years older than the other. How many times as
# high are the odds of the older one? Compute it from `fit.fe_params`, to two decimals.

# %% tags=["workshop", "exercise", "solution"]
two_years = np.exp(2 * b["age10"])  #!
check("12.2", two_years)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Two years add twice the slope to the logit. The exponential of a sum is a product, so the odds
# are multiplied by the odds ratio of one year, and then once more. The effect of the school is the same
# for both pupils and cancels.

# %% [markdown] tags=["workshop"]
# ## This school, and the average pupil
#
# The pooled regression said that age matters less. Was it wrong? Not quite: it answered another question.
#
# Look at the curves of individual schools. All have the same odds ratio for a year of age. They lie side by
# side, because schools differ. Now average all these curves, age by age.

# %% tags=["workshop"]
grid = pd.DataFrame({"age10": np.linspace(-6, 6, 121), "school_resources": 0.0})
in_the_middle = fit.predict(grid, random="none")
average = fit.predict(grid, random="average")

fig, ax = plt.subplots(figsize=(7.4, 4.6), layout="constrained")
age = grid["age10"] + 10
for place in stats.norm.ppf((np.arange(15) + 0.5) / 15):
    ax.plot(
        age, expit(fit.predict(grid, random="none", kind="link") + place * sd), color=plots.PALE
    )
ax.plot([], [], color=plots.PALE, label="schools")
ax.plot(age, in_the_middle, color=plots.BLUE, lw=2.4, label="school in the middle")
ax.plot(age, average, color=plots.ORANGE, lw=3, ls="--", label="average over schools")
ax.axvspan(8, 12, color=plots.GREY, alpha=0.15, lw=0)
ax.set(xlabel="age (years)", ylabel="probability to pass", ylim=(0, 1))
ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
at = {years: int(np.argmin(np.abs(grid["age10"] - years))) for years in (-2, 2)}
plots.show(
    ax,
    alt="Probability to pass against age: fifteen parallel S-shaped curves of schools, the curve of the "
    "school in the middle, and the dashed average over schools, which is flatter. The ages in the data "
    f"are shaded. From 8 to 12 years the middle rises from {in_the_middle[at[-2]]:.2f} to "
    f"{in_the_middle[at[2]]:.2f}, the average from {average[at[-2]]:.2f} to {average[at[2]]:.2f}.",
)

# %% [markdown] tags=["workshop"]
# The average is nowhere as steep as each single curve is in its middle. At any age some schools are near
# the top, where nearly all pass and another year changes little, and some are near the bottom. Only a few
# are on the steep part at that age, and the average includes them all. (The picture goes beyond the ages in
# the data, to show whole curves.)
#
# `predict` computes both. `random="none"` is the school in the middle, whose effect is 0. `random="average"`
# is the average over all schools that there might be. There is nothing mysterious about it. Take ten thousand
# schools that are spread as the model says, and average their probabilities:

# %% tags=["workshop"]
standard = stats.norm.ppf((np.arange(10_000) + 0.5) / 10_000)  # a normal distribution of schools


def averaged(eta, sd):
    """The mean probability over schools whose logits lie around eta with this SD."""
    return expit(eta + sd * standard).mean()


three = pd.DataFrame({"age10": [-1, 0, 1, 2], "school_resources": 0.0})
both = pd.DataFrame(
    {
        "school in the middle": fit.predict(three, random="none"),
        "average": fit.predict(three, random="average"),
        "average, by hand": [
            averaged(b["Intercept"] + b["age10"] * years, sd) for years in three["age10"]
        ],
    }
).set_axis(three["age10"] + 10)
both.rename_axis("age").round(3)

# %% [markdown] tags=["workshop"]
# The average is always nearer to one half. Here are the odds ratios from one year to the next:

# %% tags=["workshop"]
odds = both / (1 - both)
(odds / odds.shift()).dropna().rename_axis("age").round(2)

# %% [markdown] tags=["workshop"]
# So there are two odds ratios of one year, and each has its sentence.
#
# - **Within a school.** "For a pupil of a given school the odds to pass are so many times as high as those
#   of a pupil of *that same school* who is a year younger." It is the number in the summary, and the truth
#   of our simulation is 1.8. It is called the [conditional](glossary.ipynb#conditional-odds-ratio) one: given
#   the school.
# - **On average over schools.** "Over all schools, pupils of eleven have so many times the odds of pupils
#   of ten." This one is smaller. It is called [marginal](glossary.ipynb#marginal-odds-ratio), or
#   population-averaged.
#
# Resources are a property of the school, so for them "that same school" makes no sense. Their odds ratio
# in the summary compares two schools with the same effect $u$: alike in all that the model does not know,
# and one unit apart in their resources.
#
# A pupil who asks what a year will change stays in one school: the first number is the answer. A
# ministry that asks how many more of its pupils would pass wants the second. The pooled regression
# estimates the second, and calls it *the* odds ratio. With a straight line the two are one and the same,
# since the average of parallel lines is a parallel line. That is why the earlier lessons never had to ask.
#
# How far apart are they? For the logit there is a good rule of thumb (Zeger, Liang and Albert 1988,
# doi [10.2307/2531734](https://doi.org/10.2307/2531734)): divide
# the coefficient by the square root of 1 + 0.346 times the variance between schools.

# %% tags=["workshop"]
shrink = 1 / np.sqrt(1 + 0.346 * sd**2)
print(f"within a school             {np.exp(b['age10']):.2f}")
print(f"average, by the rule        {np.exp(shrink * b['age10']):.2f}")

# %% [markdown] tags=["workshop"]
# If schools did not differ, the two would be the same. The more they differ, the further apart they are.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 12.3.** What is the odds ratio of eleven years against ten for the average over schools, with
# resources of 0? Compute it with `predict`, to two decimals. (It is in a table above. Find it with code of
# your own.)

# %% tags=["workshop", "exercise", "solution"]
ten_and_eleven = pd.DataFrame({"age10": [0, 1], "school_resources": 0.0})  #!
p = fit.predict(ten_and_eleven, random="average")  #!
average_ratio = (p[1] / (1 - p[1])) / (p[0] / (1 - p[0]))  #!
check("12.3", average_ratio)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* First the probabilities are averaged over schools, and then the averages are turned into odds. The
# other order, a ratio within every school and then the average, gives the ratio of the summary, since
# it is the same in every school.

# %% [markdown] tags=["workshop"]
# ## Which tool answers which question
#
# statsmodels has three tools for such data. You have seen two: the pooled regression and the Bayesian
# mixed model. The third is [GEE](glossary.ipynb#GEE), generalised estimating equations. It
# estimates what the pooled regression estimates, with standard errors that allow for pupils of one
# school being alike. `translate` writes this code as well.

# %% tags=["workshop"]
print(translation.gee_code)

# %% tags=["workshop"]
gee = smf.gee(
    "passed ~ age10 + school_resources",
    "school",
    data,
    family=sm.families.Binomial(),
    cov_struct=sm.cov_struct.Exchangeable(),
).fit()

names = list(pooled.params.index)
tools = {
    "pooled regression": (pooled.params, pooled.bse),
    "GEE": (gee.params, gee.bse),
    "Bayesian mixed model": (pd.Series(result.fe_mean, names), pd.Series(result.fe_sd, names)),
    "mixedglm": (fit.fe_params, fit.bse_fe),
}
numbers = pd.DataFrame(
    {
        (name, what): {tool: pair[i][name] for tool, pair in tools.items()}
        for name in ["age10", "school_resources"]
        for i, what in enumerate(["estimate", "std_error"])
    }
)
numbers.round(3)

# %% [markdown] tags=["workshop"]
# A picture of the first two columns, as odds ratios of a year of age, with 95 % intervals. The two lines are
# the true values: one within a school, and one averaged over schools.

# %% tags=["workshop"]
true_b, true_sd = truth.fixed_effects, 1.5
ten, eleven = (averaged(true_b["Intercept"] + true_b["age10"] * years, true_sd) for years in (0, 1))
true_average = (eleven / (1 - eleven)) / (ten / (1 - ten))

age = numbers["age10"].iloc[::-1]
ends = [np.exp(age["estimate"] + side * 1.96 * age["std_error"]) for side in (-1, 1)]
fig, ax = plt.subplots(figsize=(7.4, 3.2), layout="constrained")
ax.axvline(1.8, color=plots.BLUE, lw=1.6, label="truth within a school")
ax.axvline(true_average, color=plots.ORANGE, lw=1.6, ls="--", label="truth on average")
ax.hlines(age.index, *ends, color=plots.INK, lw=2)
ax.plot(np.exp(age["estimate"]), age.index, "o", color=plots.INK, ms=8)
ax.set(xlabel="odds ratio of one year of age", ylim=(-0.5, 3.5))
ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
plots.show(
    ax,
    alt="Odds ratios of one year with 95 % intervals: "
    + ", ".join(f"{tool} {np.exp(value):.2f}" for tool, value in age["estimate"].iloc[::-1].items())
    + f". The upper two lie near the dashed line of the true average, {true_average:.2f}, the lower two near "
    "the line of the truth within a school, 1.80.",
)

# %% [markdown] tags=["workshop"]
# All four numbers are called odds ratios, but they answer two questions. Now look at the standard errors of
# `school_resources`:

# %% tags=["workshop"]
print(f"truth: {true_b['school_resources']} within, about", end=" ")
print(f"{true_b['school_resources'] / np.sqrt(1 + 0.346 * true_sd**2):.2f} on average")
resources = numbers["school_resources"]
resources.assign(
    lower=resources["estimate"] - 1.96 * resources["std_error"],
    upper=resources["estimate"] + 1.96 * resources["std_error"],
).round(2)

# %% [markdown] tags=["workshop"]
# - The **pooled regression** is far too sure of itself.
# - **GEE** is not. Its standard errors are computed from the schools, so it needs many of them (say, fifty).
# - The **Bayesian mixed model**, as statsmodels fits it, is too sure as well. `fit_vb` assumes that what we
#   know about the resources has nothing to do with what we know about each school. The estimates can be used;
#   the intervals cannot.
# - **mixedglm** has an interval that allows for the schools.
#
# | your question | tool |
# |---|---|
# | What does a predictor change for a pupil of a given school? | `mixedglm` |
# | How much do schools differ? What of this one school? | `mixedglm` |
# | How do shares differ, averaged over all schools? | GEE, or `mixedglm` with `predict(random="average")` |
# | The same as the first two, with priors | a Bayesian mixed model; for intervals, not by `fit_vb` |
# | Nothing about groups, and there are none | logistic regression |
#
# So before you compare odds ratios from different papers, find out whom each of them compares.
# A [myth](myths.ipynb#The-odds-ratio-of-the-population) shows how far apart they may be.
#
# <details>
# <summary>In R</summary>
#
# ```r
# # averaged over schools
# geepack::geeglm(passed ~ age10 + school_resources, id = school, data = pupils,
#                 family = binomial, corstr = "exchangeable")
# # with priors; these intervals can be used
# brms::brm(passed ~ age10 + school_resources + (1 | school), data = pupils, family = bernoulli())
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ## How alike are two pupils of one school?
#
# For scores the [intraclass correlation](glossary.ipynb#intraclass-correlation) was the variance of schools
# divided by the total variance. Here there is no residual to add to the variance of schools. Or is there?
#
# Imagine that every pupil has a score after all, which nobody has written down: a
# [latent](glossary.ipynb#latent-scale) one. A pupil whose score is above 0 passes. The score is the pupil's
# logit plus a part of the pupil's own. If that part follows the *logistic* distribution, a bell much like
# the normal one, then the probability of passing is exactly `expit` of the logit.

# %% tags=["workshop"]
x = np.linspace(-8, 8, 641)
above = x >= 0
fig, axes = plt.subplots(1, 2, figsize=(9.2, 3.4), sharey=True, layout="constrained")
looks = {"1 SD below": (-true_sd, plots.ORANGE), "1 SD above": (true_sd, plots.BLUE)}
passing = {}
for ax, (where, (shift, colour)) in zip(axes, looks.items(), strict=True):
    centre = true_b["Intercept"] + shift
    density = stats.logistic.pdf(x, centre)
    passing[where] = expit(centre)
    ax.plot(x, density, color=colour, lw=2.4)
    ax.fill_between(x[above], density[above], color=colour, alpha=0.35, hatch="///")
    ax.axvline(0, color=plots.INK, ls="--", lw=1.4)
    ax.annotate("fails", (-0.3, 0.275), ha="right")
    ax.annotate("passes", (0.3, 0.275), ha="left")
    ax.set(title=f"school {where} the middle", xlabel="latent score (logits)", ylim=(0, 0.3))
axes[0].set_ylabel("density of pupils")
plots.show(
    axes,
    alt="Bell curves of latent scores of pupils of ten in two schools. Whoever lies to the right of the "
    "dashed line at 0 passes: the hatched area is "
    + " and ".join(f"{p:.2f} in the school {where} the middle" for where, p in passing.items())
    + ".",
)

# %% [markdown] tags=["workshop"]
# So there is a residual, but its variance is not estimated. The logistic distribution has the variance
# $\pi^2/3$, about 3.29, whatever the data. It sets the unit of the scale: schools are measured against it.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 12.4.** Compute the intraclass correlation of two pupils of one school on the latent scale, from
# `fit.variance_components`. To two decimals.

# %% tags=["workshop", "exercise", "solution"]
between = fit.variance_components["vcov"].iloc[0]  #!
alike = between / (between + np.pi**2 / 3)  #!
check("12.4", alike)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The total variance is that of the schools plus that of the logistic distribution. With the link
# `"probit"`, a pupil's own part would be normal with a variance of 1. The number 3.29 would then be wrong,
# and the estimates would be smaller, in nearly the same proportion.

# %% [markdown] tags=["workshop"]
# `icc` computes it, with an interval. It can also answer on the scale of the data: how strongly do
# `passed` of one pupil and `passed` of a schoolmate correlate, as two columns of 0 and 1?

# %% tags=["workshop"]
alike_latent = icc(fit)
alike_seen = icc(fit, scale="response")
print(alike_latent[["icc", "icc_lower", "icc_upper"]].round(2))
print(alike_seen.round(2))

# %% [markdown] tags=["workshop"]
# The second is always smaller, because a 0 or 1 says much less than a score. Say which of the two you report.
#
# <details>
# <summary>In R</summary>
#
# ```r
# performance::icc(fit)                    # latent scale
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ## Three pupils a class
#
# Now to the word *Laplace* in the summary. How likely are the results of the pupils of one class? That
# depends on the effect $u$ of their class, and nobody knows it. So take every value that $u$ might have, and
# multiply how likely that value is by how likely the results are if it is true. That gives a curve over $u$,
# and the likelihood needs the area below the curve. For scores there is a formula for this area. For passes
# and fails there is none.
#
# [Laplace's approximation](glossary.ipynb#Laplace-approximation) draws a normal curve in place of the true
# one, with the same top and the same bend at the top, and takes its area. How good is that? On the left is a
# class of three in which all passed. On the right is the area that Laplace finds, as a share of the true one.

# %% tags=["workshop"]
u = np.linspace(-20, 30, 10_001)


def true_curve(passed, size, sd):
    """How likely this effect is, times how likely the results of the class are, given it."""
    return stats.norm.pdf(u, 0, sd) * expit(u) ** passed * expit(-u) ** (size - passed)


def laplace_curve(passed, size, sd):
    """The normal curve that has the same top, and the same bend there."""
    curve = true_curve(passed, size, sd)
    top = u[curve.argmax()]
    bend = size * expit(top) * expit(-top) + 1 / sd**2
    return curve.max() * np.exp(-bend * (u - top) ** 2 / 2)


true, normal = true_curve(3, 3, sd=3), laplace_curve(3, 3, sd=3)
sds = np.linspace(0.2, 4, 12)
classes = {"2 of 3 passed": (2, 3), "20 of 30 passed": (20, 30)}
found = pd.DataFrame(
    {
        name: [laplace_curve(*one, sd).sum() / true_curve(*one, sd).sum() for sd in sds]
        for name, one in classes.items()
    },
    index=sds,
)

fig, axes = plt.subplots(1, 2, figsize=(9.4, 3.8), layout="constrained")
axes[0].fill_between(u, true / true.max(), color=plots.PALE)
axes[0].plot(u, true / true.max(), color=plots.BLUE, lw=2.2, label="true curve")
axes[0].plot(u, normal / true.max(), color=plots.ORANGE, lw=2.2, ls="--", label="Laplace's")
axes[0].set(xlim=(-4, 12), title="3 of 3 passed, SD of classes 3")
axes[0].set(xlabel="effect of the class (logits)", ylabel="likelihood (top = 1)")
for (name, shares_found), look in zip(found.items(), ["-", "--"], strict=True):
    axes[1].plot(sds, shares_found, look, color=plots.INK, lw=2, label=name)
axes[1].set(xlabel="SD of classes (logits)", ylabel="Laplace's area / true area", ylim=(0.9, 1.005))
for ax in axes:
    ax.legend(loc="best")
few, many = found.iloc[-1]
plots.show(
    axes,
    alt="Left, how likely the results of a class are against its effect: the true curve is skewed, with a "
    "longer tail to the right than the dashed normal curve of Laplace. Right, the area of Laplace as a "
    f"share of the true one, against the SD of classes: with 3 pupils it falls to {few:.2f} at an SD of 4, "
    f"with 30 pupils it stays at {many:.2f}.",
)

# %% [markdown] tags=["workshop"]
# A class in which all three passed may be good, or very good, or excellent: nothing in the data speaks
# against it, so the true curve has a long tail. The normal curve has no such tail, and its area is too
# small.
#
# A few per cent would not matter for one class. But every class has such an error, all in the same direction,
# and the right panel shows what is worse: with three pupils the error grows with the SD. So large SDs look
# less likely than they are, and the estimate comes out too small. With thirty pupils the line is nearly
# flat, and an error that is the same for every SD does no harm.
#
# [Quadrature](glossary.ipynb#adaptive-quadrature) does better. It measures the height of the curve at several
# well-chosen points, called *nodes*, around the top of each class, and adds up. Laplace is quadrature with
# one node. We fit 150 classes of three, and try more.

# %% tags=["workshop"]
small = simulate_schools(
    provinces=1,
    schools=150,
    classrooms=1,
    students=3,
    family="binomial",
    fixed_effects={"Intercept": 0, "age": np.log(1.8)},
    intercept_sd={"classroom": 1.5},
    intercept_at=10,
    seed=2,
).data
small["age10"] = small["age"] - 10
small_model = mixedglm("passed ~ age10 + (1|classroom)", small, family="binomial")

by_nodes = {}
for nodes in [1, 2, 3, 5, 9, 15]:
    one = small_model.fit(nagq=nodes)
    by_nodes[nodes] = {
        "SD of classes": one.variance_components["sdcor"].iloc[0],
        "age10": one.fe_params["age10"],
        "log-likelihood": one.llf,
    }
pd.DataFrame(by_nodes).T.rename_axis("nodes").round(3)

# %% [markdown] tags=["workshop"]
# From nine nodes on, the numbers no longer change: that is how you know that there are enough. Two are hardly
# better than one. Laplace's SD is smaller, and its slope of age is a little smaller, too. The two go
# together: where classes are estimated to differ less, the odds ratio within a class moves towards the
# averaged one.
#
# Is that peculiar to these pupils? Here are the same classes again, eight times, each time with new results
# from the same truth:

# %% tags=["workshop"]
rng = np.random.default_rng(3)
codes = pd.factorize(small["classroom"])[0]
by_laplace, by_nine = small_model.fit(), small_model.fit(nagq=9)
rows = []
for _ in range(8):
    effects = rng.normal(0, 1.5, 150)
    results = rng.binomial(1, expit(np.log(1.8) * small["age10"] + effects[codes]))
    rows.append(
        {
            "Laplace": by_laplace.refit(results).variance_components["sdcor"].iloc[0],
            "nine nodes": by_nine.refit(results).variance_components["sdcor"].iloc[0],
        }
    )
estimated = pd.DataFrame(rows)

fig, ax = plt.subplots(figsize=(5.4, 4.6), layout="constrained")
limits = [estimated.min(axis=None) - 0.1, estimated.max(axis=None) + 0.1]
ax.plot(limits, limits, color=plots.GREY, ls=":", label="both the same")
ax.plot(
    estimated["Laplace"],
    estimated["nine nodes"],
    "o",
    color=plots.BLUE,
    alpha=0.8,
    label="one data set",
)
ax.plot(*estimated.mean(), "D", color=plots.ORANGE, ms=11, mec=plots.INK, label="mean")
ax.axhline(1.5, color=plots.INK, ls="--", lw=1.2, label="truth")
ax.axvline(1.5, color=plots.INK, ls="--", lw=1.2)
ax.set(xlabel="SD of classes, Laplace (logits)", ylabel="SD of classes, nine nodes (logits)")
ax.legend(loc="lower right")
lower = int((estimated["Laplace"] < estimated["nine nodes"]).sum())
plots.show(
    ax,
    alt="The SD of classes by nine nodes against that by Laplace, in 8 data sets, with dashed lines at the "
    f"truth of 1.5. Laplace has the smaller one in {lower} of 8. The mean is "
    f"{estimated['Laplace'].mean():.2f} by Laplace and {estimated['nine nodes'].mean():.2f} by nine nodes.",
)

# %% [markdown] tags=["workshop"]
# So where each group has only a few answers of yes or no, ask for `fit(nagq=9)`, and see whether 15 changes
# anything. Such data are common: three visits of a patient, two eyes of a patient, four children of a family.
# There are two limits. Quadrature works for one random effect of one grouping; with several groupings
# Laplace is all there is, here as in lme4. And no number of nodes makes three pupils tell much about their
# class: the points in the picture scatter widely, upwards and downwards.
#
# `diagnose(fit)` compares for you where groups are small, and says when the approximation is too rough.
#
# <details>
# <summary>In R</summary>
#
# ```r
# glmer(passed ~ age10 + (1 | classroom), data = small, family = binomial, nAGQ = 9)
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ## How many: days of absence
#
# Here is another response that is not a score: how many school days has a pupil missed? Again we simulate the
# pupils ourselves.

# %% tags=["workshop"]
year = simulate_schools(
    provinces=1,
    schools=40,
    classrooms=2,
    students=(8, 14),
    family="poisson",
    fixed_effects={"Intercept": np.log(0.03), "age": 0.1, "sex[T.male]": 0.2},
    intercept_sd={"school": 0.3, "student_id": 0.6},
    intercept_at=10,
    seed=12,
)
absences, absences_truth = year.data, year.truth.centred("age10", at=10)
absences["age10"] = absences["age"] - 10
absences[["school", "student_id", "age", "sex", "school_days", "days_absent"]].head()

# %% [markdown] tags=["workshop"]
# Pupils were on the roll for different numbers of days, `school_days`. A pupil who arrived in spring had
# fewer days to miss. This number is called the [exposure](glossary.ipynb#exposure). What we want to model is
# the *rate*: days missed per school day.
#
# - A rate cannot be negative, and it has no upper end. The scale without ends is its **logarithm**. What
#   is added there multiplies the rate, so exponentials of coefficients are
#   [rate ratios](glossary.ipynb#rate-ratio).
# - The expected count is rate × exposure. On the scale of the logarithm this is log(rate) + log(exposure). So
#   log(exposure) is added as it is, without a coefficient to estimate. That is an
#   [offset](glossary.ipynb#offset).
# - Around the expected count, counts scatter by chance. The simplest law for this is
#   [Poisson's](glossary.ipynb#Poisson-distribution): if every day is as risky as the next, and the days are
#   independent of each other, then the variance of the count equals its mean.

# %% tags=["workshop"]
rate_formula = "days_absent ~ age10 + sex + offset(np.log(school_days)) + (1|school)"
poisson = mixedglm(rate_formula, absences, family="poisson").fit()
poisson.summary()

# %% [markdown] tags=["workshop"]
# `translate(rate_formula, absences, family="poisson")` has statsmodels' versions, as before.
#
# The intercept is a rate, too. Read one row as a sentence: "Of a boy and a girl of the same age in the same
# school, with as many days on the roll, the boy is expected to miss so many times as many days."

# %% tags=["workshop"]
print(f"a girl of ten, per school day:  {np.exp(poisson.fe_params['Intercept']):.3f}")
ratio_of_boys = poisson.ratios.loc["sex[T.male]"]
print("boys over girls: {ratio:.2f} ({lower:.2f} to {upper:.2f})".format(**ratio_of_boys))

# %% [markdown] tags=["workshop"]
# ## Too much variation
#
# Poisson's law leaves no choice: it fixes the variance. Do the data obey? Compare how often each number of
# days occurs with how often the fit expects it.

# %% tags=["workshop"]
days = np.arange(0, 31)
seen = absences["days_absent"].value_counts().reindex(days, fill_value=0)
expected = stats.poisson.pmf(days[:, None], poisson.fittedvalues.to_numpy()).sum(axis=1)
pearson = poisson.resid("pearson")
dispersion = (pearson**2).sum() / poisson.df_resid

fig, ax = plt.subplots(figsize=(7.6, 3.8), layout="constrained")
ax.bar(days, seen, color=plots.PALE, edgecolor=plots.INK, label="pupils in the data")
ax.plot(days, expected, "o--", color=plots.ORANGE, lw=2, ms=5, label="expected by the Poisson fit")
ax.set(xlabel="days absent (up to 30)", ylabel="pupils")
ax.legend(loc="upper right")
plots.show(
    ax,
    alt="Bars of the number of pupils for each number of days absent, and a dashed line of what the Poisson "
    f"fit expects. With at most 1 day: {seen[:2].sum()} pupils, expected {expected[:2].sum():.0f}; with more "
    f"than 15 days: {(absences['days_absent'] > 15).sum()}, expected "
    f"{stats.poisson.sf(15, poisson.fittedvalues).sum():.0f}.",
)
print(f"variance of the counts over that of Poisson's law: {dispersion:.2f}")

# %% [markdown] tags=["workshop"]
# Too many pupils were never or hardly absent, and too many were absent for weeks. This is
# [overdispersion](glossary.ipynb#overdispersion). The last line measures it: each residual is squared,
# divided by the variance that Poisson's law gives it, and averaged. It should be near 1.
#
# It is no surprise. Pupils of one school differ: one has asthma, another looks after a brother. So give every
# pupil an effect, as every school has one. Here each pupil has one row; this is called an [observation-level
# effect](glossary.ipynb#observation-level-effect). With scores it would be the residual once more, and lesson
# 02 left it out. With counts there is no residual, so nothing is counted twice.

# %% tags=["workshop"]
with_pupils = mixedglm(rate_formula + " + (1|student_id)", absences, family="poisson").fit()
terms = ["age10", "sex[T.male]"]
pd.DataFrame(
    {
        "truth": absences_truth.fixed_effects[terms],
        "Poisson": poisson.fe_params[terms],
        "with pupils": with_pupils.fe_params[terms],
        "s.e., Poisson": poisson.bse_fe[terms],
        "s.e., with pupils": with_pupils.bse_fe[terms],
    }
).round(3)

# %% [markdown] tags=["workshop"]
# The estimates hardly move. The standard errors about double, and only now can they be trusted.

# %% tags=["workshop"]
random_part = with_pupils.variance_components[["group", "sdcor"]].set_index("group")
in_truth = absences_truth.variance_components.set_index("group")["sdcor"]
print(random_part.assign(truth=in_truth).round(2))
print(
    f"log-likelihood: {poisson.llf:,.0f} without, {with_pupils.llf:,.0f} with an effect of each pupil"
)

# %% [markdown] tags=["workshop"]
# If rows have no label, make one: `data["row"] = range(len(data))`, and write `(1|row)`. `diagnose(fit)`
# finds overdispersion by itself. A single yes or no cannot be overdispersed: when the share is known, the
# variance of zeros and ones is known, too. But "7 of 10 tasks solved" can.
#
# And whom does a rate ratio compare? With a logarithm the question of the two odds ratios does not arise, as
# long as only intercepts vary: averaged over schools and pupils, rates rise by the same factor as within
# them. Only the intercept is different.
#
# <details>
# <summary>In R</summary>
#
# ```r
# glmer(days_absent ~ age10 + sex + offset(log(school_days)) + (1 | school) + (1 | student_id),
#       data = absences, family = poisson)
# # another answer to overdispersion, the negative binomial distribution:
# glmmTMB::glmmTMB(days_absent ~ age10 + sex + offset(log(school_days)) + (1 | school),
#                  data = absences, family = glmmTMB::nbinom2)
# ```
#
# </details>

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 12.5.** Other data. Each row is a patient. The columns are the number of `falls` during the stay,
# the number of days it lasted (`bed_days`), the `age`, the label of the `ward` and that of the `patient`.
# Write the formula for the rate of falls by age, with an effect of the wards, in which patients may also
# differ by more than chance.

# %% tags=["workshop", "exercise", "solution"]
falls_formula = "falls ~ age + offset(np.log(bed_days)) + (1|ward) + (1|patient)"  #!
check("12.5", falls_formula)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The count stays on the left, and the logarithm of the exposure goes into the offset. Each patient
# has one row, so `(1|patient)` is the observation-level effect. As a predictor, `bed_days` would get a
# coefficient to estimate, although we know what it should be: twice the days, twice the expected falls.

# %% [markdown] tags=["workshop"]
# ## A pass mark: real candidates
#
# Lesson 11 analysed the scores of 31,022 candidates in A-level chemistry. The six scores are grades, and 2
# points, grade E, are a pass. We take the twelve authorities with the most candidates, to be quick, and ask
# who passes.

# %% tags=["workshop"]
chem97 = load("chem97")
largest = chem97["lea"].value_counts().index[:12]
candidates = chem97[chem97["lea"].isin(largest)].copy()
candidates["passed"] = (candidates["score"] >= 2).astype(int)
use(candidates=candidates)
of_school = candidates.groupby("school")["passed"].agg(["size", "mean"])
print(f"candidates                       {len(candidates):>6,}")
print(f"schools                          {len(of_school):>6,}")
print(f"passed                           {candidates['passed'].mean():>6.2f}")
print(f"schools where everybody passed   {(of_school['mean'] == 1).sum():>6,}")
print(f"schools where nobody passed      {(of_school['mean'] == 0).sum():>6,}")

# %% [markdown] tags=["workshop"]
# In many schools everybody passed. A separate analysis of each school would stop here, because the logit of 1
# is infinite. With [partial pooling](glossary.ipynb#partial-pooling) such a school gets an effect above the
# middle. The more candidates it has, other things being equal, the higher the effect, but none is infinite.

# %% tags=["workshop"]
mark_formula = "passed ~ gcsecnt + gender + (1|school)"
passes = mixedglm(mark_formula, candidates, family="binomial").fit()
passes.summary()

# %% [markdown] tags=["workshop"]
# `gcsecnt` is the mean GCSE result, counted from the average of all candidates. Read the row of
# `gender[T.M]`: of a man and a woman of the same school with the same GCSE results, the man has higher odds
# of passing. As in lesson 11 this is a comparison of equals, and women came with better results.
#
# How much is that in probabilities? Again, it depends on where you start.

# %% tags=["workshop"]
cases = pd.DataFrame({"gcsecnt": [-1, -1, 0, 0], "gender": ["F", "M", "F", "M"]})
cases.assign(
    middle=passes.predict(cases, random="none"), average=passes.predict(cases, random="average")
).round(2)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 12.6.** A woman has `gcsecnt` = −1. Her school lies one SD *below* the school in the middle. What
# is the probability that she passes? Compute it from `passes.fe_params` and `passes.variance_components`, to
# two decimals.

# %% tags=["workshop", "exercise", "solution"]
school_sd = passes.variance_components["sdcor"].iloc[0]  #!
her_logit = passes.fe_params["Intercept"] - passes.fe_params["gcsecnt"] - school_sd  #!
she_passes = expit(her_logit)  #!
check("12.6", she_passes)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Women are the reference, so her gender adds nothing. Her GCSE result and her school are both
# subtracted from the intercept, on the logit scale; the probability comes last. To subtract an SD from a
# probability makes no sense, since the SD is in logits.

# %% [markdown] tags=["workshop"]
# We did not choose where the pass mark lies. What if we had? We fit the same model to every possible mark,
# from a pass up to grade A.

# %% tags=["workshop"]
marks = {"E": 2, "D": 4, "C": 6, "B": 8, "A": 10}
by_mark = {}
for grade, points in marks.items():
    reached = candidates.assign(passed=(candidates["score"] >= points).astype(int))
    by_mark[grade] = mixedglm(mark_formula, reached, family="binomial").fit()
ratios = pd.concat({grade: one.ratios for grade, one in by_mark.items()}, names=["grade", "term"])
ratios.unstack("term")["ratio"].reindex(marks).assign(
    sd_of_schools=[one.variance_components["sdcor"].iloc[0] for one in by_mark.values()]
).round(2)

# %% tags=["workshop"]
looks = {
    "gender[T.M]": (plots.ORANGE, "D", "men over women"),
    "gcsecnt": (plots.BLUE, "o", "one GCSE point"),
}
fig, ax = plt.subplots(figsize=(7.2, 3.8), layout="constrained")
for term, (colour, marker, name) in looks.items():
    one = ratios.xs(term, level="term").reindex(marks)
    ax.vlines(one.index, one["lower"], one["upper"], color=colour, lw=2.4)
    ax.plot(one.index, one["ratio"], marker, color=colour, ms=8, mec=plots.INK, label=name)
ax.set(
    xlabel="mark: this grade or better", ylabel="odds ratio (log scale)", yscale="log", ylim=(1, 30)
)
ax.set_yticks([1, 2, 5, 10, 20], [1, 2, 5, 10, 20])
ax.minorticks_off()
ax.legend(loc="upper left")
gcse, men = (ratios.xs(term, level="term")["ratio"] for term in ["gcsecnt", "gender[T.M]"])
plots.show(
    ax,
    alt="Odds ratios with 95 % intervals for five marks, from grade E to A. That of one GCSE point rises "
    f"from {gcse['E']:.1f} to {gcse['A']:.1f}; that of men over women stays between {men.min():.2f} and "
    f"{men.max():.2f}.",
)

# %% [markdown] tags=["workshop"]
# The odds ratio of men over women hardly depends on the mark. That of GCSE results does: they predict much
# better who gets an A than who fails. So a report names the mark. It also admits what a mark costs: of six
# grades it keeps two, and if you have the grades you should not throw them away. Cut a score into passed and
# failed only where the pass itself is the question.
#
# <details>
# <summary>In R</summary>
#
# ```r
# data("Chem97", package = "mlmRev")
# largest <- names(sort(table(Chem97$lea), decreasing = TRUE))[1:12]
# candidates <- subset(Chem97, lea %in% largest)
# glmer((score >= 2) ~ gcsecnt + gender + (1 | school), data = candidates, family = binomial)
# # in the file of mlmRev men are the reference, so that gender has the other sign
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ## Quiz
#
# Answer with one letter, in quotes.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 12.7.** A study reports that tutoring has an odds ratio of 2 to pass. What does it say?
#
# - a) with tutoring, twice as many pupils pass
# - b) the odds are twice as high; what that does to a probability depends on where it was
# - c) the probability rises by the same amount for every pupil

# %% tags=["workshop", "exercise", "solution"]
ratio_of_two = "b"  #!
check("12.7", ratio_of_two)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 12.8.** A ministry plans tutoring in all its schools, which differ a lot. It asks which share of
# the country's pupils would pass. From a fit of `mixedglm`, which number answers?
#
# - a) `predict(..., random="average")`, with and without tutoring
# - b) the odds ratio in the summary
# - c) `predict(..., random="none")`, with and without tutoring

# %% tags=["workshop", "exercise", "solution"]
for_the_ministry = "a"  #!
check("12.8", for_the_ministry)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 12.9.** Eight hundred pairs of twins: is each left-handed or not? The SD of pairs is 1.6 by
# Laplace, 2.1 with nine nodes, and 2.1 with fifteen. What do you report?
#
# - a) Laplace's: 800 pairs are many
# - b) the one with the highest log-likelihood
# - c) nine nodes, and that you used them

# %% tags=["workshop", "exercise", "solution"]
twins = "c"  #!
check("12.9", twins)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 12.10.** The counts of a study vary three times as much as Poisson's law allows, and nobody
# looked. What is likely wrong with the table of fixed effects?
#
# - a) the rate ratios are far too large
# - b) the standard errors are too small
# - c) the standard errors are too large

# %% tags=["workshop", "exercise", "solution"]
overlooked = "b"  #!
check("12.10", overlooked)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* 12.7: from 0.5 an odds ratio of 2 leads to 0.67, from 0.9 to 0.95. 12.8: the country is an average
# over schools; the school in the middle is one of them. 12.9: a pair is a small group, and more nodes no
# longer change anything. 12.10: every row is taken to be better evidence than it is.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - A model of yes and no adds on the logit scale, so its coefficients multiply odds. What an odds ratio does
#   to a probability depends on where you start.
# - The SD of schools is in logits. Turn the middle, and 1.96 SDs around it, into probabilities.
# - An odds ratio of a mixed model compares two pupils of one school. Averaged over schools it is nearer to 1,
#   and the more schools differ, the nearer. `predict(random="average")` and GEE answer for the average.
# - On the latent scale a pupil's own variance is π²/3. It is the unit of the scale, not an estimate.
# - Laplace's approximation makes the SD too small where groups have few answers of yes or no. Add nodes until
#   nothing changes.
# - Counts take an offset for the exposure. When they vary too much, give each row an effect: otherwise
#   standard errors are too small.
#
# **What comes next:** [lesson 13](13-national-assessment.ipynb) takes the file of a national assessment, from
# its labels to the report. The [solutions](solutions/12-yes-no-and-how-many.ipynb) of this lesson explain
# each answer.
