# %% [markdown] tags=["workshop"]
# # Planning a study
#
# After this lesson you will be able to
#
# - simulate data with a known truth, fit them many times, and say how far the estimates are off;
# - say how exact the result of a simulation is;
# - answer "20 schools with 10 pupils each, or 10 with 20?" by simulation, and check it with a formula;
# - say how many schools a good pretest saves;
# - find the design that has enough power for the least money;
# - say for which effect, and with which variances, a study should be planned.
#
# **Time:** 80 minutes on your own; not part of the one-day workshop.
#
# **Before:** lessons [01](01-why-groups-matter.ipynb) to [07](07-inference.ipynb). You know the design
# effect, random intercepts and slopes, intervals and p-values, and what a false positive rate is.
#
# **Data:** none yet. We invent schools before anybody visits them.

# %% [markdown] tags=["workshop"]
# ## One study that nobody has done
#
# A ministry wants to know whether schools with more resources have better scores. It can afford to test 200
# pupils. Before it sends anybody out, we do the study on paper: we decide what is true, let the computer
# draw the pupils, and see what the model makes of them.
#
# Here is the truth. There are 20 schools with 10 pupils each. A school with one more unit of resources
# scores 2 points higher, and boys score 1 point lower than girls. Beyond that, schools differ with an SD of 4
# points, and pupils of one school with an SD of 8.

# %% tags=["workshop"]
import numpy as np
import pandas as pd

from course import check, mixedlm, plots, simulate_schools, translate

plan = {
    "provinces": 1,
    "schools": 20,
    "classrooms": 1,
    "students": 10,
    "fixed_effects": {"Intercept": 50, "sex[T.male]": -1, "school_resources": 2},
    "intercept_sd": {"school": 4},
    "residual_sd": 8,
}
made = simulate_schools(**plan, seed=0)
made.data[["school", "student_id", "sex", "school_resources", "test_score"]].head(4).round(1)

# %% [markdown] tags=["workshop"]
# The model that fits this truth has two fixed effects and a random intercept by school. First in plain
# statsmodels:

# %% tags=["workshop"]
formula = "test_score ~ sex + school_resources + (1|school)"
translation = translate(formula, made.data)
print("formula:   ", translation.fixed_formula)
print("groups:    ", translation.groups)
print("re_formula:", translation.re_formula)

# %% tags=["workshop"]
import statsmodels.formula.api as smf

model = smf.mixedlm(
    "test_score ~ sex + school_resources",
    made.data,
    groups="school",
    re_formula="1",
)
result = model.fit()
fit = mixedlm(formula, made.data).fit()

table = made.truth.compare(fit).dropna(subset="estimate")
table["statsmodels"] = [*result.fe_params, result.cov_re.iloc[0, 0] ** 0.5, result.scale**0.5]
table = table.rename(columns={"estimate": "mixedlm"})
table[["kind", "group", "effect", "true", "statsmodels", "mixedlm", "lower", "upper"]].round(2)

# %% [markdown] tags=["workshop"]
# Both solvers find the same estimates.
#
# No estimate hits the truth exactly. Is that bad luck with these 200 pupils, or is something wrong with
# the model, or with the design? One study cannot tell. So we do twenty.

# %% [markdown] tags=["workshop"]
# ## Twenty studies by hand
#
# There is no magic in it: draw, fit, write down, and do it again, twenty times. One round is called a
# [replicate](glossary.ipynb#replicate). Each gets a seed of its own.

# %% tags=["workshop"]
rows = []
for seed in range(20):
    made = simulate_schools(**plan, seed=seed)
    fit = mixedlm(formula, made.data).fit()
    rows.append(fit.fixed_effects.loc["school_resources", ["estimate", "lower", "upper"]])
twenty = pd.DataFrame(rows).reset_index(drop=True)

true = plan["fixed_effects"]["school_resources"]
twenty["holds_truth"] = (twenty["lower"] <= true) & (true <= twenty["upper"])
twenty.head(4).round(2)

# %% tags=["workshop"]
import matplotlib.pyplot as plt
import seaborn as sns

figure, ax = plt.subplots(figsize=(7.0, 3.4), layout="constrained")
for holds, rows in twenty.groupby("holds_truth"):
    color, marker = (plots.BLUE, "o") if holds else (plots.ORANGE, "D")
    label = "interval holds the truth" if holds else "interval misses it"
    ax.vlines(rows.index, rows["lower"], rows["upper"], color=color, linewidth=1.8)
    ax.plot(rows.index, rows["estimate"], marker, color=color, mec=plots.INK, label=label)
ax.axhline(true, color=plots.INK, linestyle="--", linewidth=1.2, label="truth")
ax.set(
    xlabel="replicate",
    ylabel="slope of school_resources\n(points per unit)",
    xticks=range(0, 20, 2),
)
ax.legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
sns.despine()
plots.show(
    ax,
    alt=f"The estimated slope of school_resources in {len(twenty)} replicates, each with its 95 % "
    f"interval, around a dashed line at the truth, {true}. The estimates run from "
    f"{twenty['estimate'].min():.1f} to {twenty['estimate'].max():.1f}; "
    f"{twenty['holds_truth'].sum()} of the intervals hold the truth.",
)

# %% [markdown] tags=["workshop"]
# Three numbers sum such a picture up.
#
# - [Bias](glossary.ipynb#bias): how far the *mean* of the estimates lies from the truth.
# - [RMSE](glossary.ipynb#RMSE), the root mean squared error: how far *one* estimate lies from the truth,
#   typically.
# - [Coverage](glossary.ipynb#coverage): the share of intervals that hold the truth. A 95 % interval
#   promises 95 %.

# %% tags=["workshop"]
error = twenty["estimate"] - true
print(f"bias      {error.mean():6.2f}")
print(f"RMSE      {np.sqrt((error**2).mean()):6.2f}")
print(f"coverage  {twenty['holds_truth'].mean():6.2f}")

# %% [markdown] tags=["workshop"]
# ## How sure is a simulation?
#
# A bias that is not exactly 0 proves nothing. Twenty other seeds would give a different one. A simulation is
# a sample, too, and its results have standard errors. They are called
# [Monte-Carlo errors](glossary.ipynb#Monte-Carlo-error), so that nobody confuses them with those of the
# study. For $R$ replicates:
#
# - the bias is a mean, and its error is $\text{SD of the estimates} / \sqrt{R}$;
# - the coverage is a share $p$, and its error is $\sqrt{p (1 - p) / R}$.

# %% tags=["workshop"]
print(f"Monte-Carlo error of the bias  {error.std() / np.sqrt(len(error)):.2f}")

replicates = pd.Index([20, 100, 1_000, 10_000], name="replicates")
pd.DataFrame(
    {
        "error of a coverage of 0.95": np.sqrt(0.95 * 0.05 / replicates),
        "error of a share of 0.50": np.sqrt(0.50 * 0.50 / replicates),
    },
    index=replicates,
).round(4)

# %% [markdown] tags=["workshop"]
# Twenty replicates show the idea and little else. A hundred find what is badly wrong. A report needs 1,000
# or more. In this lesson we stay below a hundred most of the time, so that you need not wait.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 09.1.** You want to estimate a coverage of 0.95 with a Monte-Carlo error of 0.005. How many
# replicates does that take?

# %% tags=["workshop", "exercise", "solution"]
needed = 0.95 * 0.05 / 0.005**2  #!
check("09.1", needed)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The error is $\sqrt{p(1-p)/R}$. Square both sides and solve for $R$. Errors fall with the square
# root of the number of replicates: to halve an error, you need four times as many.

# %% [markdown] tags=["workshop"]
# ## The same in one line
#
# `recovery` runs such a loop for all parameters of a model at once. It takes the arguments of
# `simulate_schools`, the formula and the number of replicates.

# %% tags=["workshop"]
from course import recovery

found = recovery(plan, formula, n=80, seed=1, progress=False)
found.table.drop(columns=["mean", "n"]).round(2)

# %% [markdown] tags=["workshop"]
# Read a row from left to right: the truth, then bias, RMSE and coverage, each followed by its Monte-Carlo
# error (`mcse`).
#
# - **Bias.** Compare each bias with its own error. What lies within two errors of 0 may be chance.
# - **RMSE.** Look at `sex[T.male]`. Its RMSE is as large as the effect itself. So 200 pupils say little
#   about a difference of one point, although the bias gave no warning.
# - **Coverage.** Only the fixed effects have one, since only they have intervals by default.
#   `intervals="auto"` adds those that `confint` gives for the SDs, and takes longer.
#
# How did the fits go?

# %% tags=["workshop"]
print(f"converged {found.convergence.value:.2f}")
print(f"singular  {found.singular.value:.2f}")
print(f"failed    {found.n_failed}")

# %% tags=["workshop"]
plots.show(found.plot())

# %% [markdown] tags=["workshop"]
# Every ring is the estimate of one replicate. The blue points, their means, lie on the diamonds or very
# near. A model that gets back what was put in need not be the right model for real pupils. But a model that
# does not is certainly not ready for them.

# %% [markdown] tags=["workshop"]
# ## What is recovered badly
#
# Now let us take a richer truth. Six provinces have six schools each, with twelve pupils. Provinces differ
# with an SD of 3, and so do schools. The slope of age varies between schools with an SD of 1, and intercept
# and slope have a correlation of 0.4 at the age of ten.
#
# The model counts age from ten, and `simulate_schools` has no such column. So we write a function of our
# own. It takes a seed, and returns the data together with their truth.

# %% tags=["workshop"]
from course.simulate import Simulation


def six_provinces(seed):
    made = simulate_schools(
        provinces=6,
        schools=6,
        classrooms=1,
        students=12,
        fixed_effects={"Intercept": 50, "age": 2},
        intercept_sd={"province": 3, "school": 3},
        slope_sd={"school": 1},
        correlation={"school": 0.4},
        intercept_at=10,
        residual_sd=8,
        seed=seed,
    )
    data = made.data.assign(age10=made.data["age"] - 10)
    return Simulation(data, made.truth.centred("age10", at=10))


sloped = "test_score ~ age10 + (age10|school) + (1|province)"
hard = recovery(six_provinces, sloped, n=50, seed=4, progress=False)
hard.table[["true", "bias", "bias_mcse", "rmse"]].round(2)

# %% tags=["workshop"]
plots.show(hard.plot())

# %% [markdown] tags=["workshop"]
# Look at the clouds, and not only at their means.
#
# - The **fixed effects** and the SD of the residual are fine.
# - The estimated SD of **provinces** is anything from near 0 to more than one and a half times the truth. Six
#   provinces are six draws, and the SD of six numbers cannot be known any better. A rule of thumb for $J$
#   groups: the SD is typically off by a share of $1/\sqrt{2(J-1)}$, even if the mean of each group were known
#   exactly. On average it comes out too small, too.
# - The **correlation** is the worst. Its estimates fill the whole range from −1 to 1, and many lie on the
#   edge: those fits are [singular](glossary.ipynb#singular-fit).
#
# Here is each RMSE as a share of what is to be estimated, with the rule of thumb beside it.

# %% tags=["workshop"]
levels = pd.Series(
    {"sd(Intercept | province)": 6, "sd(Intercept | school)": 36, "sd(age10 | school)": 36}
)
shares = pd.DataFrame(
    {
        "groups": levels,
        "RMSE / truth": hard.table["rmse"] / hard.table["true"],
        "1 / √(2(J − 1))": 1 / np.sqrt(2 * (levels - 1)),
    }
).loc[levels.index]
print(f"share of singular fits: {hard.singular.value:.2f}")
shares.round(2)

# %% [markdown] tags=["workshop"]
# For the provinces, the rule explains most of the error: what is lacking is provinces. For the slopes of the
# schools it explains a small part only. There are 36 schools, but twelve pupils say little about the slope of
# a school. More pupils in every school would help here.
#
# So before the study, ask which of these numbers the question is about. If it is the correlation, this
# design will not do. If it is the average slope of age, it may.

# %% [markdown] tags=["workshop"]
# ## 20 schools with 10 pupils, or 10 schools with 20?
#
# Now the other question of planning. A ministry has a reading programme. Half of the schools, chosen at
# random, will get it. It can test 200 pupils. Which 200?
#
# `simulate_schools` has no programme, so we write the whole simulation ourselves. It is the equation of the
# model, term by term.


# %% tags=["workshop"]
def programme_study(seed, effect, schools, students, school_sd=4, pupil_sd=8, assign="schools"):
    rng = np.random.default_rng(seed)
    school = np.repeat(np.arange(schools), students)
    pupil = np.arange(schools * students)
    programme = (school if assign == "schools" else pupil) % 2
    score = 50 + effect * programme
    score = score + rng.normal(0, school_sd, schools)[school] + rng.normal(0, pupil_sd, len(pupil))
    names = [f"S{number:02}" for number in school]
    return pd.DataFrame({"school": names, "programme": programme, "test_score": score})


one = programme_study(seed=1, effect=5, schools=20, students=10)
one.groupby("school").agg(
    programme=("programme", "first"), pupils=("test_score", "size"), mean=("test_score", "mean")
).head(4).round(1)

# %% [markdown] tags=["workshop"]
# Every second school gets the programme. The effects of the schools are drawn at random, so taking turns
# is as good as drawing lots. (`assign="pupils"` comes later.)
#
# Suppose that the programme is worth 5 points. Does the study find it?

# %% tags=["workshop"]
test = "test_score ~ programme + (1|school)"
fit = mixedlm(test, one).fit()
fit.fixed_effects.loc[["programme"], ["estimate", "std_error", "df", "p_value"]].round(3)

# %% [markdown] tags=["workshop"]
# That is one study. The share of all such studies that find the effect, with p < 0.05, is called
# [power](glossary.ipynb#power). It is counted just like the [false positive
# rate](glossary.ipynb#false-positive-rate) of [lesson 07](07-inference.ipynb), except that now there is
# something to find. `power` does it for a whole grid of designs. It calls our function with `seed=`,
# `effect=`, `schools=` and `students=`.

# %% tags=["workshop"]
from course import power

study = power(
    test,
    test="programme",
    effect=5,
    simulate=programme_study,
    schools=[10, 20, 40],
    students=[5, 10, 20],
    n=50,
    seed=4,
    progress=False,
)
powers = study.table[["schools", "students", "pupils", "power", "lower", "upper"]]
powers[powers["pupils"] == 200].round(2)

# %% [markdown] tags=["workshop"]
# These three designs have 200 pupils each. The more schools they come from, the higher the power. So the
# answer is clear: 20 schools with 10 pupils each, and not 10 with 20. And 40 with 5 is even better.
#
# `lower` and `upper` are a 95 % interval for the power. It is wide, because this lesson runs 50 replicates
# of each design; a real study takes 1,000. A power of 0.5 is then known to about ±0.03.

# %% [markdown] tags=["workshop"]
# ## Why: the formula
#
# For a design as regular as this one, nobody needs a simulation. Take the mean score of each school. It
# contains the effect of the school, with variance $\tau^2$, and the mean of $n$ residuals, with variance
# $\sigma^2/n$. The difference between the two halves of $J$ such means has the standard error
#
# $$SE = \sqrt{\frac{\tau^2 + \sigma^2/n}{J \cdot \mathrm{var}(x)}}$$
#
# where $\mathrm{var}(x)$ is the variance of the predictor among schools: ¼ if half of them have 0 and half
# have 1. Look at what is divided by what. More pupils per school reduce $\sigma^2/n$ alone. More schools
# reduce everything.
#
# The same in the words of [lesson 01](01-why-groups-matter.ipynb): the [design
# effect](glossary.ipynb#design-effect) says how many independent pupils 200 pupils are worth.

# %% tags=["workshop"]
school_variance, pupil_variance = 4**2, 8**2
icc = school_variance / (school_variance + pupil_variance)


def standard_error(schools, students):
    return np.sqrt((school_variance + pupil_variance / students) / (schools / 4))


designs = pd.DataFrame({"schools": [10, 20, 40], "students": [20, 10, 5]})
designs["design effect"] = 1 + (designs["students"] - 1) * icc
designs["effective number"] = 200 / designs["design effect"]
designs["standard error"] = standard_error(designs["schools"], designs["students"])
print(f"intraclass correlation: {icc:.2f}")
designs.round(2)

# %% [markdown] tags=["workshop"]
# It is one step from the standard error to the power. The test divides the estimate by its standard error
# and compares the result with the t distribution with $J - 2$ [degrees of
# freedom](glossary.ipynb#degrees-of-freedom). If the effect is real, that ratio does not scatter around 0,
# but around effect / $SE$. SciPy calls its distribution `nct`, a noncentral t. The power is the share of it
# that lies beyond the limits of the test.

# %% tags=["workshop"]
from scipy import stats


def exact_power(schools, students, effect=5):
    df = schools - 2
    limit = stats.t.ppf(0.975, df)
    shift = effect / standard_error(schools, students)
    return stats.nct.sf(limit, df, shift) + stats.nct.cdf(-limit, df, shift)


beside = powers.assign(formula=exact_power(powers["schools"], powers["students"]))
beside["in interval"] = beside["formula"].between(beside["lower"], beside["upper"])
beside.round(2)

# %% [markdown] tags=["workshop"]
# The two ways give the same answer, up to the Monte-Carlo error. Use such a formula where there is one: it
# checks your simulation, and it says *why*. Use the simulation where there is none: with three levels,
# unequal schools, pupils who drop out, slopes that vary.
#
# <details>
# <summary>In R</summary>
#
# ```r
# library(simr)   # builds on lme4
# plan <- expand.grid(pupil = 1:10, school = factor(1:20))
# plan$programme <- as.integer(plan$school) %% 2
# model <- makeLmer(test_score ~ programme + (1 | school), data = plan,
#                   fixef = c(50, 5), VarCorr = 16, sigma = 8)   # a variance, then an SD
# powerSim(model, test = fixed("programme", "sa"), nsim = 1000)   # "sa": Satterthwaite
# powerCurve(extend(model, along = "school", n = 40), along = "school")
# ```
#
# </details>

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 09.2.** The ministry finds 24 schools, and tests 15 pupils in each. What is the standard
# error of the programme? To two decimals.

# %% tags=["workshop", "exercise", "solution"]
se_24 = standard_error(24, 15)  #!
check("09.2", se_24)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* $\sqrt{(16 + 64/15) / (24/4)}$. The part of the schools, 16, is already by far the larger one. That
# is why more pupils per school would hardly help.

# %% [markdown] tags=["workshop"]
# ## The ceiling
#
# Here is the whole grid as curves, from the simulation.

# %% tags=["workshop"]
plots.show(study.plot(x="schools"))

# %% [markdown] tags=["workshop"]
# Going to the right, to more schools, raises every curve. Going from one curve to the next, to twice the
# pupils in each school, gains much less. How far do pupils get you? The formula answers for any number of
# them:

# %% tags=["workshop"]
students = np.arange(2, 101)
figure, ax = plt.subplots(figsize=(7.0, 3.8), layout="constrained")
styles = [(10, plots.ORANGE, "-"), (20, plots.BLUE, "--"), (40, plots.INK, "-.")]
ceilings = {}
for schools, color, dashes in styles:
    ax.plot(students, exact_power(schools, students), dashes, color=color, linewidth=2.2)
    ceilings[schools] = exact_power(schools, 1e9)
    ax.axhline(ceilings[schools], color=color, linestyle=":", linewidth=1.3)
    ax.text(101, ceilings[schools], f"{schools} schools", color=color, va="center")
ax.set(xlabel="pupils per school", ylabel="power", xlim=(0, 100), ylim=(0, 1.02))
sns.despine()
listed = ", ".join(f"{schools} schools {value:.2f}" for schools, value in ceilings.items())
plots.show(
    ax,
    alt="Power against the number of pupils per school, from 2 to 100, for 10, 20 and 40 schools. Every "
    f"curve rises quickly up to some 20 pupils and then flattens below a dotted ceiling: {listed}.",
)

# %% [markdown] tags=["workshop"]
# Each curve runs into its ceiling, the dotted line. That is the power with *all* the pupils in the world:
# $\sigma^2/n$ is gone, and $\tau^2$ is left. With ten schools the study remains a gamble, however much it
# spends on pupils. **Where the predictor belongs to schools, schools are the sample.**

# %% [markdown] tags=["workshop"]
# ## What a pretest is worth
#
# There is a way to raise the ceiling: a covariate makes $\tau^2$ itself smaller. Suppose that all pupils take
# a test before the programme starts, and that it accounts for 70 % of the variance between schools and for
# 50 % of the variance between pupils of one school. Such shares are usual in education research, where last
# year's scores predict this year's (Bloom, Richburg-Hayes and Black, 2007, doi
# [10.3102/0162373707299550](https://doi.org/10.3102/0162373707299550)). In the formula, $\tau^2$ and
# $\sigma^2$ are simply multiplied by what is left, and the covariate takes one degree of freedom.


# %% tags=["workshop"]
def power_with_pretest(schools, students, between=0.7, within=0.5, effect=5):
    left = (1 - between) * school_variance + (1 - within) * pupil_variance / students
    df, limit = schools - 3, stats.t.ppf(0.975, schools - 3)
    shift = effect / np.sqrt(left / (schools / 4))
    return stats.nct.sf(limit, df, shift) + stats.nct.cdf(-limit, df, shift)


few_or_many = pd.Index([10, 20, 30, 40, 50, 60], name="schools, 10 pupils each")
pd.DataFrame(
    {
        "without a pretest": exact_power(few_or_many, 10),
        "with a pretest": power_with_pretest(few_or_many, 10),
    },
    index=few_or_many,
).round(2)

# %% [markdown] tags=["workshop"]
# Twenty schools with a pretest have the power of about fifty without. Few other decisions in the planning of
# this study are worth as much. To simulate it, add a pretest to `programme_study`, with an effect of the
# school that is correlated with that of the score, and write `test_score ~ programme + pretest + (1|school)`.
# Where schools are of different sizes, or pupils drop out, let the function draw them like that.

# %% [markdown] tags=["workshop"]
# ## Assigning pupils within schools
#
# Does the programme have to go to whole schools? Suppose that it can be given to individual pupils, as
# tutoring: in every school, half of the pupils are chosen at random. The effect is the same 5 points.

# %% tags=["workshop"]
inside = power(
    test,
    test="programme",
    effect=5,
    simulate=programme_study,
    assign="pupils",
    schools=[10, 20],
    students=[10, 20],
    n=20,
    seed=4,
    progress=False,
)
suffixes = (", pupils assigned", ", schools assigned")
both = inside.table[["schools", "students", "pupils", "power"]].merge(
    powers, on=["schools", "students", "pupils"], suffixes=suffixes
)
both[[*powers.columns[:3], *(f"power{suffix}" for suffix in suffixes)]].round(2)

# %% [markdown] tags=["workshop"]
# Nearly every study finds the effect, and how the 200 pupils are spread over schools no longer matters.
# Both halves of a school share its effect, so it drops out of their difference. What is left is $\sigma^2$
# divided by the number of *all* pupils:
#
# $$SE = \sqrt{\frac{\sigma^2}{J \cdot n \cdot \mathrm{var}(x)}}$$

# %% tags=["workshop"]
inside_error = np.sqrt(pupil_variance / (200 / 4))
print(f"standard error, 200 pupils assigned     {inside_error:.2f}")
print(f"standard error, 20 schools assigned     {standard_error(20, 10):.2f}")
print(f"standard error, 10 schools assigned     {standard_error(10, 20):.2f}")

# %% [markdown] tags=["workshop"]
# The same holds for any predictor that varies within schools, such as age or sex. For those you need no
# function of your own: without `simulate=`, `power` uses `simulate_schools`, and sets the fixed effect
# named in `test=` to `effect=`.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 09.3.** How often would a study of 12 schools with 10 pupils each find that boys score 3 points
# *higher* than girls, if they do? Run `power` on a model with `sex` and a random intercept by school.
# `small` holds the rest of the arguments: write `**small` at the end of the call. Answer with the power, to
# two decimals.

# %% tags=["workshop", "exercise", "solution"]
small = {
    "provinces": 1,
    "schools": 12,
    "classrooms": 1,
    "students": 10,
    "fixed_effects": {"Intercept": 50},
    "intercept_sd": {"school": 4},
    "residual_sd": 8,
    "n": 50,
    "seed": 6,
    "progress": False,
}
found_power = power("test_score ~ sex + (1|school)", "sex[T.male]", 3, **small).table["power"]  #!
check("09.3", found_power)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The formula says about the same: the standard error is $\sqrt{64 / (120/4)}$, about 1.5, and an
# effect of twice its standard error is found in about half of all studies. How schools differ plays no part.

# %% [markdown] tags=["workshop"]
# There is a catch, and you know it from lesson 07. Tutoring may achieve more in some schools than in
# others. Then its slope varies, with a variance $\tau_1^2$, and that part is again divided by the number of
# schools alone:
#
# $$SE = \sqrt{\frac{\tau_1^2 + 4\,\sigma^2/n}{J}}$$
#
# With $\tau_1 = 0$ this is the formula above. With $\tau_1 > 0$ there is a ceiling once more. And no
# simulation warns you of varying slopes if it does not draw any.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 09.4.** Within each school, pupils are chosen at random for `tutoring`. Schools may differ both
# in their level and in what tutoring achieves. Write the formula that the study should fit, with the
# response `test_score`, in quotes.

# %% tags=["workshop", "exercise", "solution"]
tutoring_formula = "test_score ~ tutoring + (tutoring|school)"  #!
check("09.4", tutoring_formula)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* `(tutoring|school)` has a random intercept, since schools differ in level, and a random slope,
# since they may differ in the effect. The simulation then has to draw such slopes, too.

# %% [markdown] tags=["workshop"]
# ## When there is nothing to find
#
# Before you trust a power, look at the same test with an effect of 0. Whatever it finds now is false, and the
# share should be 5 %. A test that finds too much has a high power, and that power is worth nothing.

# %% tags=["workshop"]
nothing = power(
    test,
    test="programme",
    effect=0,
    simulate=programme_study,
    schools=10,
    students=20,
    n=150,
    seed=2,
    progress=False,
)
z = nothing.replicates["estimate"] / nothing.replicates["std_error"]
rate = nothing.table.loc[0]
print(
    f"t-test (Satterthwaite)  {rate['power']:.3f}   interval {rate['lower']:.3f} to {rate['upper']:.3f}"
)
print(f"z-test                  {(z.abs() > 1.96).mean():.3f}")

# %% [markdown] tags=["workshop"]
# The t-test keeps its promise, as far as the interval can tell. The z-test, on the same 150 data sets, does
# not, just as in lesson 07. Its "power" would look better, too.

# %% [markdown] tags=["workshop"]
# ## What a lucky small study reports
#
# The risk of low power is not only that nothing is found. Look at the estimates of the weakest and of the
# strongest design with 200 pupils, and at those that a journal would see.

# %% tags=["workshop"]
runs = study.replicates
figure, axes = plt.subplots(
    2, 1, figsize=(7.0, 4.4), sharex=True, sharey=True, layout="constrained"
)
bins = np.arange(-4, 14, 1)
told = []
for ax, (schools, students) in zip(axes, [(10, 20), (40, 5)], strict=True):
    chosen = runs[(runs["schools"] == schools) & (runs["students"] == students)]
    found_it = chosen["p_value"] < 0.05
    ax.hist(chosen["estimate"], bins, color=plots.PALE, ec=plots.GREY, label="all studies")
    ax.hist(
        chosen.loc[found_it, "estimate"], bins, color=plots.ORANGE, ec=plots.INK, hatch="///",
        label="those with p < 0.05",
    )  # fmt: skip
    ax.axvline(5, color=plots.INK, linestyle="--", linewidth=1.4, label="truth")
    ax.set_title(f"{schools} schools with {students} pupils each", loc="left", fontsize=11)
    ax.set_ylabel("studies")
    told.append(
        {
            "schools": schools,
            "students": students,
            "mean of all": chosen["estimate"].mean(),
            "mean where p < 0.05": chosen.loc[found_it, "estimate"].mean(),
        }
    )
axes[0].legend(frameon=False, fontsize=9.5)
axes[1].set(xlabel="estimated effect of the programme (points)", xticks=range(-4, 14, 2))
sns.despine()
plots.show(
    axes,
    alt=f"Histograms of the estimated effect in {len(chosen)} studies of each design, the "
    "significant ones hatched, with a dashed line at the truth, 5. With 10 schools only the upper part "
    f"is hatched, with a mean of {told[0]['mean where p < 0.05']:.1f}; with 40 schools most studies "
    f"are, with a mean of {told[1]['mean where p < 0.05']:.1f}.",
)

# %% tags=["workshop"]
pd.DataFrame(told).round(1)

# %% [markdown] tags=["workshop"]
# All studies together are right on average. But a study of ten schools is significant mostly when its
# estimate came out too large. So if you read only the significant results of small studies, you read about
# effects that are, on average, too good to be true (Gelman and Carlin, 2014,
# [doi 10.1177/1745691614551642](https://doi.org/10.1177/1745691614551642)).

# %% [markdown] tags=["workshop"]
# ## The cheapest design
#
# Schools cost more than pupils. Say that a school costs 500, for the visit and the permissions, and a
# pupil 20, for the test. `cheapest` looks through the grid:

# %% tags=["workshop"]
best = study.cheapest(0.8, school=500, pupil=20)
columns = ["schools", "students", "power", "lower", "upper", "cost", "undecided"]
pd.DataFrame([best])[columns].infer_objects().round(2)

# %% [markdown] tags=["workshop"]
# It is careful: it takes a design only if the *lower* end of its interval reaches 0.8. Otherwise it would
# prefer designs that happened to be lucky in the simulation. `undecided` counts the cheaper designs that may
# have the power as well. More replicates would tell.
#
# Our grid is coarse. What lies between its points? With a fixed budget, more pupils per school mean fewer
# schools. The standard error is smallest with this number of pupils per school (Raudenbush, 1997,
# [doi 10.1037/1082-989X.2.2.173](https://doi.org/10.1037/1082-989X.2.2.173)):
#
# $$n = \sqrt{\frac{\text{cost of a school}}{\text{cost of a pupil}} \cdot \frac{\sigma^2}{\tau^2}}$$
#
# Take many pupils per school if schools are expensive, or if pupils differ a lot and schools little.

# %% tags=["workshop"]
best_n = np.sqrt(500 / 20 * pupil_variance / school_variance)
print(f"cheapest number of pupils per school: {best_n:.0f}")

# %% [markdown] tags=["workshop"]
# How much does it matter to hit this number exactly? Let the budget be 22,400, which pays for 32 schools
# with 10 pupils each.

# %% tags=["workshop"]
per_school = np.arange(2, 61)
schools_for_budget = 22_400 / (500 + 20 * per_school)
curve = exact_power(schools_for_budget, per_school)
good = per_school[curve > curve.max() - 0.02]

figure, ax = plt.subplots(figsize=(7.0, 3.6), layout="constrained")
ax.plot(per_school, curve, color=plots.BLUE, linewidth=2.4)
ax.axvspan(good.min(), good.max(), color=plots.PALE, alpha=0.6, linewidth=0)
ax.axvline(best_n, color=plots.ORANGE, linestyle="--", linewidth=1.8)
ax.text(best_n + 0.6, 0.42, "by the formula", color=plots.INK)
ax.set(xlabel="pupils per school", ylabel="power for 22,400 in all", ylim=(0.4, 0.9))
sns.despine()
plots.show(
    ax,
    alt="Power against the number of pupils per school, where the budget of 22,400 is fixed. It is highest, "
    f"{curve.max():.2f}, near {best_n:.0f} pupils per school, where the dashed line stands. From "
    f"{good.min()} to {good.max()} pupils, shaded, it loses less than 0.02; with 60 it is {curve[-1]:.2f}.",
)

# %% [markdown] tags=["workshop"]
# The top is flat. Anything in the shaded range costs at most 0.02 of power. So you need not know the
# variances exactly, and you may choose a number that suits the schools.
#
# Here are the powers of a finer grid, by the formula:

# %% tags=["workshop"]
schools = pd.Index(range(20, 45, 4), name="schools")
pd.DataFrame(
    {f"{n} pupils each": exact_power(schools, n) for n in (5, 10, 20)}, index=schools
).round(2)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 09.5.** Another ministry tests pupils online, so that a school costs only 100. A pupil still
# costs 20. Read the table: which of these designs is the cheapest with a power of 0.8 or more? Answer
# with its number of *schools*.

# %% tags=["workshop", "exercise", "solution"]
cheapest_schools = 40  #!
check("09.5", cheapest_schools)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* In each column, go down to the first 0.8, and compute what that design costs: 40 · (100 + 20 · 5) =
# 8,000, then 32 · 300 = 9,600 and 28 · 500 = 14,000. At 500 for a school, the middle column would be the
# cheapest. By the formula the best number of pupils is now $\sqrt{100/20 \cdot 64/16}$, between 4 and 5.

# %% [markdown] tags=["workshop"]
# ## Which effect? Which variances?
#
# A power is a claim with three "ifs": if the effect is 5, if schools differ with an SD of 4, and pupils
# with an SD of 8.
#
# **The effect.** The authors of the programme hope for 8 points. That is not the number to plan for. Ask
# the ministry instead: what is the smallest effect for which you would still pay for the programme? That is
# the [smallest effect of interest](glossary.ipynb#smallest-effect-of-interest), here 5 points. If a study
# with enough power for it finds nothing, that is news: had there been an effect worth having, the study
# would probably have found it. Do not plan for the estimate of a pilot study, either. You have just seen
# what lucky small studies report.
#
# **The variances.** They come from earlier studies, and may be wrong for your schools. So vary them. We
# keep the total variance at 80, and change the share that lies between schools, the [intraclass
# correlation](glossary.ipynb#intraclass-correlation).


# %% tags=["workshop"]
def power_for(icc, effect, schools, students, total=80):
    error = np.sqrt(total * (icc + (1 - icc) / students) / (schools / 4))
    df, limit = schools - 2, stats.t.ppf(0.975, schools - 2)
    return stats.nct.sf(limit, df, effect / error) + stats.nct.cdf(-limit, df, effect / error)


effects = np.linspace(0, 10, 101)
figure, ax = plt.subplots(figsize=(7.0, 3.9), layout="constrained")
at_five = {}
for share, color, dashes in [
    (0.1, plots.BLUE, "--"),
    (0.2, plots.INK, "-"),
    (0.3, plots.ORANGE, "-."),
]:
    label = f"intraclass correlation {share}"
    ax.plot(
        effects, power_for(share, effects, 32, 10), dashes, color=color, linewidth=2.2, label=label
    )
    at_five[share] = power_for(share, 5, 32, 10)
for effect, text in [(5, "smallest\nof interest"), (8, "hoped for")]:
    ax.axvline(effect, color=plots.GREY, linestyle=":", linewidth=1.4)
    ax.text(effect + 0.1, 0.02, text, color=plots.INK, fontsize=9.5)
ax.axhline(0.8, color=plots.GREY, linestyle=":", linewidth=1.4)
ax.set(xlabel="true effect of the programme (points)", ylabel="power", ylim=(0, 1.02), xlim=(0, 10))
ax.legend(frameon=False, loc="upper left", fontsize=9.5)
sns.despine()
plots.show(
    ax,
    alt="Power of 32 schools with 10 pupils each against the true effect, from 0 to 10 points, for three "
    "intraclass correlations. At an effect of 5 the power is "
    + ", ".join(f"{value:.2f} for {share}" for share, value in at_five.items())
    + "; at 8 all three are near 1; at 0 all are 0.05.",
)

# %% [markdown] tags=["workshop"]
# For the effect that is hoped for, any of these studies looks safe. For the smallest effect of interest,
# everything depends on an intraclass correlation that nobody knows exactly. So a plan names a range, and
# takes the design that is still good enough at the worse end of it.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 09.6.** Now hospitals. Whole wards will be chosen at random for a training of nurses; the
# response is the pain of their patients, from 0 to 50. Wards differ with an SD of 2, and patients of one ward
# with an SD of 6. A ward costs 300, and a patient 12. What is the cheapest number of patients per ward?

# %% tags=["workshop", "exercise", "solution"]
patients = np.sqrt(300 / 12 * 6**2 / 2**2)  #!
check("09.6", patients)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The ward takes the place of the school. It costs 25 times as much as a patient, and the variance of
# patients is nine times that of wards. Both speak for many patients in each ward, and the root damps both.

# %% [markdown] tags=["workshop"]
# ## A study of thousands
#
# A real study has 1,000 replicates of each design. Three arguments of `recovery` and `power` help.
#
# **`seed=`** repeats a study to the last bit. Write it into the report.
#
# **`path=`** names a folder to which the replicates are written as they are run. If the computer is switched
# off, the same call goes on where it stopped. If 1,000 turn out to be too few, call again with a larger `n`,
# and only the new ones are run. Here are four at first, and then four more:

# %% tags=["workshop"]
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    place = Path(folder) / "my-study"
    first = recovery(plan, formula, n=4, seed=3, path=place, progress=False)
    more = recovery(plan, formula, n=8, seed=3, path=place, progress=False)
at_once = recovery(plan, formula, n=8, seed=3, progress=False)
print(f"{first.n} replicates, then {more.n}")
print("the same as 8 at once:", more.table.equals(at_once.table))

# %% [markdown] tags=["workshop"]
# **`executor=`** says where the replicates run: on several processors of your computer, or on a cluster.
# The results are the same to the bit, wherever they run. Put your own simulation into a file, here
# `programme.py`, so that the other processes can find it. Then write a script, and run it with Python:
#
# ```python
# from concurrent.futures import ProcessPoolExecutor
#
# from course import power
# from programme import programme_study
#
# if __name__ == "__main__":
#     with ProcessPoolExecutor() as pool:
#         study = power(
#             "test_score ~ programme + (1|school)", test="programme", effect=[0, 3, 5],
#             simulate=programme_study, schools=[20, 30, 40], students=[5, 10, 20],
#             n=1000, seed=1, executor=pool, path="programme-study",
#         )
#     print(study)
# ```
#
# On a cluster with [Dask](https://www.dask.org) it takes `from dask.distributed import Client`, and
# `executor=Client("address of the scheduler").get_executor()`.
#
# What belongs in the report: the truth that was assumed and why, the formula, the test and its level, the
# designs, the number of replicates, the seed, and each power with its interval.

# %% [markdown] tags=["workshop"]
# ## Quiz
#
# Answer with one letter, in quotes.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 09.7.** A programme is given to half of ten schools, and 20 pupils of each are tested. Now there
# is money for 60 pupils in each of the ten. What happens to the power?
#
# - a) it becomes three times as high
# - b) it rises a little, and stays below the ceiling of ten schools
# - c) it falls, because pupils of one school are alike

# %% tags=["workshop", "exercise", "solution"]
more_pupils = "b"  #!
check("09.7", more_pupils)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 09.8.** You want a power of 0.80. A simulation with 250 replicates says 0.83, with an interval
# from 0.78 to 0.87. What do you do?
#
# - a) take the design: 0.83 is more than 0.80
# - b) take a larger design: the interval begins below 0.80
# - c) run more replicates: so far it is undecided

# %% tags=["workshop", "exercise", "solution"]
what_now = "c"  #!
check("09.8", what_now)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 09.9.** For which effect do you plan a study?
#
# - a) for the smallest that would make a difference to what you do
# - b) for the one that a small study before yours found significant
# - c) for the one that gives your sample a power of 0.8

# %% tags=["workshop", "exercise", "solution"]
plan_for = "a"  #!
check("09.9", plan_for)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 09.10.** `recovery` with 100 replicates gives an SD a bias of −0.06, and the bias a Monte-Carlo
# error of 0.05. What follows?
#
# - a) the estimates of this SD are too small
# - b) so many replicates cannot tell this bias from 0
# - c) the estimates of this SD are unbiased

# %% tags=["workshop", "exercise", "solution"]
is_biased = "b"  #!
check("09.10", is_biased)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* 09.7: the variance between schools is untouched. 09.8: take the smaller design only if the interval
# lies above 0.80; replicates are cheaper than schools. 09.9: only this effect does not depend on luck, hope
# or budget. 09.10: chance alone produces biases of about one error; and a bias that chance may hide has not
# been shown to be absent.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - Simulate what you believe, fit what you plan, and see whether the model gets it back: bias, RMSE,
#   coverage. Every result of a simulation has a Monte-Carlo error.
# - A variance is recovered badly from few groups, and a correlation needs many groups with many rows.
# - For a predictor of schools, the schools are the sample: more pupils lead to a ceiling. For a predictor
#   that varies within schools, pupils count, unless its slope varies.
# - A good pretest may be worth more than twice the number of schools.
# - The cheapest number of pupils per school grows with the root of what a school costs, and the optimum is
#   flat.
# - Plan for the smallest effect of interest, vary the variances, and check the false positive rate.
#
# **What comes next:** in [lesson 10](10-under-the-bonnet.ipynb), we open the bonnet and see how a fit
# finds its variances. The [solutions](solutions/09-planning-a-study.ipynb) of this lesson explain each
# answer.
