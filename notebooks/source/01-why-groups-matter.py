# %% [markdown] tags=["workshop"]
# # Why groups matter
#
# After this lesson you will be able to
#
# - see, and measure, how alike the pupils of one classroom are;
# - tell pooled, separate and partially pooled means apart, and say which of them scatter too much;
# - say for which predictors the standard errors of ordinary regression are too small, and by how much;
# - explain why `(1|school)` runs in statsmodels, and why the result means nothing.
#
# **Time:** 35 minutes in the workshop, 65 on your own. If you come back in the middle, choose *Run → Run
# All Above Selected Cell* first.
#
# **Before:** [Start here](00-start-here.ipynb). You know what `smf.ols("y ~ x", data)` does.
#
# **Data:** `pupils`: simulated pupils in classrooms in schools in provinces; and a hundred invented
# classrooms.

# %% [markdown] tags=["workshop"]
# ## Classmates are alike
#
# We begin with something you know: a regression.

# %% tags=["workshop"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import statsmodels.formula.api as smf

from course import CourseError, check, load, mixedlm, plots, simulate_schools
from course.data import load_truth
from course.exercises import use

sns.set_theme(style="ticks", rc={"axes.spines.top": False, "axes.spines.right": False})

pupils = load("pupils")
truth = load_truth("pupils")  # what the pupils were simulated from
use(pupils=pupils)  # tells the checks which pupils are meant

ols = smf.ols("test_score ~ age + sex", pupils).fit()
pd.DataFrame({"estimate": ols.params, "standard error": ols.bse}).round(2)

# %% [markdown] tags=["workshop"]
# What is left of a score is the [residual](glossary.ipynb#residual): how far the pupil lies above or
# below what age and sex would lead us to expect.
#
# Ordinary regression assumes that the residuals are independent of each other. If they are, it does not
# matter who sits in which classroom. Here are the residuals of one province. On the left, the pupils sit
# where they really sit. On the right, all residuals of the country were shuffled and dealt out again,
# like cards. Each panel lists its classrooms from the highest mean to the lowest, so a classroom need not
# stand in the same row twice. Before you run the cell: how will the diamonds, the means of the
# classrooms, differ?

# %% tags=["workshop"]
pupils["residual"] = ols.resid
pupils["dealt"] = np.random.default_rng(1).permutation(pupils["residual"])

province = pupils[pupils["province"] == "P01"]
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5.2), sharex=True, layout="constrained")
plots.scores(province, "residual", "classroom", unit="points", ax=left)
plots.scores(province, "dealt", "classroom", unit="points", ax=right)
left.set_xlabel("residual (points), as they are")
right.set(xlabel="residual (points), dealt out at random", ylabel="")
right.get_legend().remove()
for ax in (left, right):
    ax.axvline(0, color=plots.INK, linestyle="--", linewidth=1)
plots.show(left)

# %% [markdown] tags=["workshop"]
# The right panel is the world that ordinary regression believes in. The means differ a little there, by
# chance. On the left they differ far more: if you know a pupil's classroom, you already know something
# about the pupil's score. (Nearly all the diamonds on the left lie to the right of the dashed line, too.
# This is a good province: provinces differ as well.)
#
# How alike are two pupils of one school? Make all possible pairs, and correlate the residual of the first
# pupil with that of the second. This number is called the [intraclass
# correlation](glossary.ipynb#intraclass-correlation), ICC for short, and often written $\rho$ (rho). At
# 0, the school tells you nothing about its pupils. At 1, all pupils of one school have the same residual.


# %% tags=["workshop"]
def how_alike(group):
    """Correlation of the residuals, over all pairs of pupils of one group."""
    one = pupils[[group, "student_id", "residual"]]
    pairs = one.merge(one, on=group, suffixes=("", "_of_mate"))
    pairs = pairs[pairs["student_id"] != pairs["student_id_of_mate"]]
    return pairs["residual"].corr(pairs["residual_of_mate"])


alike_in_school = how_alike("school")
print(f"two pupils of one school: {alike_in_school:.2f}")

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 01.1.** Are two pupils of one *classroom* more alike, or less? Guess first. Then compute it,
# to two decimals.

# %% tags=["workshop", "exercise", "solution"]
alike_in_classroom = how_alike("classroom")  #!
check("01.1", alike_in_classroom)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Classmates have the school in common, and the classroom as well. Two pupils of one school may sit
# in different classrooms; then they have only the school in common.

# %% [markdown] tags=["workshop"]
# ## Three means for one classroom
#
# How well does a classroom do? There are three ways to answer. To judge them, we need classrooms whose
# true mean is known. So we invent a hundred, with 2 to 30 pupils each. A score is the true mean of the
# classroom, plus chance. The number of pupils has nothing to do with the true mean.

# %% tags=["workshop"]
invented = simulate_schools(
    provinces=10,
    schools=10,
    classrooms=1,
    students=(2, 30),
    fixed_effects={"Intercept": 60},
    intercept_sd={"classroom": 3},
    residual_sd=8,
    seed=9,
)
scores = invented.data.groupby("classroom")["test_score"]

# %% [markdown] tags=["workshop"]
# 1. **Pooled.** One mean for everybody. It ignores that there are classrooms.
# 2. **Separate.** Each classroom gets its own mean. It ignores that there are other classrooms.
# 3. **[Partially pooled](glossary.ipynb#partial-pooling).** The classroom's own mean, pulled towards the
#    mean of all: a lot where the classroom has few pupils, a little where it has many.
#
# The third comes from a **mixed model**, which you will meet in [lesson 02](02-random-intercepts.ipynb).
# It is called mixed because it mixes two kinds of effects: *fixed* ones, such as the slope of age in a
# regression, and *random* ones, such as the effects of classrooms that are a sample of many. In its
# formula, `(1|classroom)` says "classrooms differ". Here we only look at what comes out.

# %% tags=["workshop"]
preview = mixedlm("test_score ~ 1 + (1|classroom)", invented.data).fit()
rooms = pd.DataFrame(
    {
        "pupils": scores.size(),
        "truth": 60 + invented.truth.random_effects["classroom"]["Intercept"],
        "pooled": invented.data["test_score"].mean(),
        "separate": scores.mean(),
        "partially pooled": preview.fe_params["Intercept"]
        + preview.random_effects["classroom"]["Intercept"],
    }
)
errors = rooms[["pooled", "separate", "partially pooled"]].sub(rooms["truth"], axis=0)

# %% [markdown] tags=["workshop"]
# We have five numbers for each classroom now: how many pupils it has, its true mean, and three estimates
# of it. How far is each estimate from the truth?

# %% tags=["workshop"]
long = errors.assign(pupils=rooms["pupils"]).melt("pupils", var_name="mean", value_name="error")
ring = {"facecolor": "none", "edgecolor": plots.BLUE, "linewidth": 1}
grid = sns.relplot(long, x="pupils", y="error", col="mean", height=3.6, aspect=0.95, **ring)
grid.set_axis_labels("pupils in the classroom", "estimate minus truth (points)")
grid.set_titles("{col_name}").refline(y=0, color=plots.INK, linewidth=1)
n = np.arange(2, 31)
for end in (-2, 2):
    grid.axes.flat[1].plot(n, end * 8 / np.sqrt(n), color=plots.ORANGE, linestyle="--")
small = errors[rooms["pupils"] <= 7].abs().max()
plots.show(
    grid.axes,
    alt=f"Three panels, a ring for each of {len(rooms)} classrooms: how far the estimate is from "
    f"the truth, against the number of pupils. With up to 7 pupils the pooled mean misses by at "
    f"most {small['pooled']:.0f} points, the separate mean by at most {small['separate']:.0f} and "
    f"the partially pooled mean by at most {small['partially pooled']:.0f}. Nearly all separate "
    "means lie inside a dashed funnel that narrows to the right.",
)

# %% [markdown] tags=["workshop"]
# - The **pooled** mean misses by as much as classrooms truly differ, whatever their size.
# - The **separate** means miss by chance, and chance follows a rule. The mean of $n$ pupils scatters with
#   a [standard deviation](glossary.ipynb#standard-deviation) (SD) of $8/\sqrt n$ points, since single
#   pupils scatter with an SD of 8. The dashed funnel is twice that to each side. With few pupils it is
#   wide open.
# - The **partially pooled** means avoid both faults. With few pupils they stay near the mean of all, with
#   many pupils near the classroom's own.

# %% tags=["workshop"]
estimates = rooms[["truth", "pooled", "separate", "partially pooled"]]
pd.DataFrame(
    {
        "SD between classrooms": estimates.std(),
        "typical distance from the truth": np.sqrt((errors**2).mean()),
    }
).reindex(estimates.columns).fillna(0).round(1)

# %% [markdown] tags=["workshop"]
# The first column says how far the hundred means scatter. Separate means scatter more than the
# classrooms really do. Pooled means do not scatter at all. Partially pooled means scatter a little less
# than the truth, and come closest to it.
#
# Now rank the classrooms by their mean, as a league table does. How many pupils are in the ten classrooms
# at the extremes?

# %% tags=["workshop"]
sizes = {"all classrooms": rooms["pupils"].median()}
for name in ["truth", "separate"]:
    far_out = (rooms[name] - rooms[name].mean()).abs().nlargest(10).index
    sizes[f"the ten most extreme: {name}"] = rooms.loc[far_out, "pupils"].median()
pd.DataFrame({"pupils (median)": sizes})

# %% [markdown] tags=["workshop"]
# By their true means, the ten can be of any size. By their separate means they are mostly small: chance
# has put them at the top or at the bottom. Many published league tables of schools are made of separate
# means.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 01.2.** Two more classrooms from the same place. Three pupils of the first took the test;
# their mean is 70. Twenty-five pupils of the second did; theirs is 68. Which classroom would you bet has
# the higher *true* mean? Answer with a letter in quotes, such as `"a"`.
#
# - a) the one with 3 pupils
# - b) the one with 25 pupils
# - c) neither, the chances are equal

# %% tags=["workshop", "exercise", "solution"]
bet_on = "b"  #!
check("01.2", bet_on)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Both lie far above the mean of all, which is 60. For the first, much of that is likely to be
# chance: three pupils can easily all be above average. Twenty-five cannot. A mixed model pulls the small
# classroom down by about six points, and the large one by only about one.

# %% [markdown] tags=["workshop"]
# ## A programme that does nothing
#
# Groups also matter for what we say about a predictor. Back to `pupils`. Invent a reading programme, and
# assign it at random to half of the schools. The scores stay as they are: the programme does nothing.

# %% tags=["workshop"]
from statsmodels.stats.weightstats import ttest_ind

in_school, schools = pd.factorize(pupils["school"])  # number of each pupil's school; the schools
drawn = np.random.default_rng(2).permutation(len(schools)) < len(schools) // 2
pupils["programme"] = drawn[in_school].astype(int)
one_study = smf.ols("residual ~ programme", pupils).fit()
print(f"estimate {one_study.params['programme']:.2f} points")
print(f"t        {one_study.tvalues['programme']:.2f}")

has_it = pupils["programme"] == 1
t, p, df = ttest_ind(pupils["residual"][has_it], pupils["residual"][~has_it])
print(f"a t test of the two halves gives the same t: {t:.2f}")

# %% [markdown] tags=["workshop"]
# A single study proves little. So we hold a thousand lotteries: a thousand studies, each of which
# randomises the useless programme afresh. A study raises a false alarm when its *t* lies beyond ±1.96,
# "significant at 5 %". That is meant to happen in 5 of 100 such studies. How often it really happens is
# called the [false positive rate](glossary.ipynb#false-positive-rate).
#
# We do it twice, once randomising single pupils and once randomising whole schools. Before you run it: in
# which of the two will there be more false alarms?


# %% tags=["workshop"]
def lotteries(units, rounds=1000, seed=1):
    """The t values of useless programmes, assigned at random to half of the units."""
    rng = np.random.default_rng(seed)
    codes, labels = pd.factorize(pupils[units])
    residual = pupils["residual"].to_numpy()
    t_values = []
    for _ in range(rounds):
        drawn = rng.permutation(len(labels)) < len(labels) // 2
        has_it = drawn[codes]
        t, p, df = ttest_ind(residual[has_it], residual[~has_it])
        t_values.append(t)
    return np.array(t_values)


by_pupil, by_school = lotteries("student_id"), lotteries("school")

# %% tags=["workshop"]
studies = pd.DataFrame({"pupils": by_pupil, "schools": by_school}).melt(value_name="t")
grid = sns.displot(
    studies, x="t", row="variable", binwidth=0.49, binrange=(-14.7, 14.7),
    height=2.2, aspect=3.6, color=plots.BLUE, alpha=1,
)  # fmt: skip
grid.set_titles("{row_name} randomised").set_axis_labels(
    "t value of a useless programme", "studies"
)
for limit in (-1.96, 1.96):
    grid.refline(x=limit, color=plots.INK)
alarms = 100 * (studies["t"].abs() > 1.96).groupby(studies["variable"]).mean()
plots.show(
    grid.axes,
    alt=f"Two histograms of {len(by_school):,} t values each, with dashed lines at -1.96 and 1.96. "
    f"With pupils randomised, the SD is {by_pupil.std():.1f}, and {alarms['pupils']:.0f} % lie "
    f"outside the lines. With schools randomised, the SD is {by_school.std():.1f}, and "
    f"{alarms['schools']:.0f} % lie outside.",
)

# %% [markdown] tags=["workshop"]
# When pupils are randomised, ordinary regression keeps its promise. When schools are, it does not: a
# programme that does nothing is "significant" again and again.
#
# All pupils of a school land in the same half of the lottery, together with whatever is special to
# their school. The regression counts thousands of pupils as if each of them brought new evidence. But
# only 60 schools were randomised.
#
# So it depends on the predictor.
#
# - `school_resources` is like the lottery over schools: one value for a whole school. Its standard error
#   in ordinary regression is too small.
# - `sex` is like the lottery over pupils: there are girls and boys in every school. Its standard error is
#   not too small, as long as girls and boys differ by the same amount in every school.
# - `age` looks like `sex`, for pupils of all ages are found in every school. But that last condition will
#   turn out not to hold: a year of age makes more difference in some schools than in others. Keep age in
#   mind until [lesson 03](03-random-slopes.ipynb).

# %% [markdown] tags=["workshop"]
# ## How many pupils are they worth?
#
# How much too small is the standard error? It depends on how alike the pupils of a school are, $\rho$,
# and on how many pupils a school has, $n$. The quantity
#
# $$1 + (n - 1) \, \rho$$
#
# is called the [design effect](glossary.ipynb#design-effect) (Kish, *Survey Sampling*, 1965). Try the
# extremes. If pupils of one school have nothing in common, it is 1. If they are all the same, it is $n$:
# then a whole school tells no more than a single pupil.
#
# Divide the number of pupils by it, and you have the [effective number](glossary.ipynb#effective-number)
# of pupils for a question about schools.

# %% tags=["workshop"]
per_school = len(pupils) / len(schools)
design_effect = 1 + (per_school - 1) * alike_in_school
print(f"pupils                                     {len(pupils):7,}")
print(f"pupils per school                          {per_school:7.1f}")
print(f"how alike they are (rho)                   {alike_in_school:7.2f}")
print(f"design effect                              {design_effect:7.1f}")
print(f"effective number of pupils                 {len(pupils) / design_effect:7.0f}")

# %% [markdown] tags=["workshop"]
# For a question about schools, all our pupils together carry only as much information as this many
# independent ones. A standard error shrinks with the square root of the number of pupils. So the standard
# error of ordinary regression is too small by about the square root of the design effect, and *t* is too
# large by the same factor. The lottery agrees. The SD of its *t* values should be 1. Instead it is

# %% tags=["workshop"]
print(f"SD of t, schools randomised                {by_school.std():7.1f}")
print(f"square root of the design effect           {np.sqrt(design_effect):7.1f}")

# %% [markdown] tags=["workshop"]
# They are close but not equal, since our schools are not all of the same size. (With an $n$ in which
# large schools count more, the sum of the squared sizes divided by the number of pupils, the root is
# 4.0.)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 01.3.** A new reading book is assigned at random to whole *classrooms*. What is the effective
# number of pupils for this question? You need to know how alike classmates are, and the mean number of
# pupils in a classroom. Keep all decimals until the end, and answer with a whole number.

# %% tags=["workshop", "exercise", "solution"]
per_classroom = len(pupils) / pupils["classroom"].nunique()  #!
effective = len(pupils) / (1 + (per_classroom - 1) * how_alike("classroom"))  #!
check("01.3", effective)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Classmates are more alike than schoolmates, but there are far fewer of them. So the design effect
# is smaller, and the pupils are worth more. Many small groups tell you more than a few large ones.

# %% [markdown] tags=["workshop"]
# ## What the web says
#
# So the model should know about classrooms, schools and provinces. In R's package lme4 you write
#
# `test_score ~ age + sex + (1|classroom) + (1|school) + (1|province)`
#
# Read the bar as "varies by". `(1|school)` is meant to say: *the intercept, written 1, varies by school*.
# Some schools score higher than others. People who know this notation try it in Python, and tutorials
# pass it on. ([A user's question to patsy](https://github.com/pydata/patsy/issues/168), the library that
# reads statsmodels' formulas, is a real case: it failed with decimal numbers, seemed to work with whole
# ones, and the answer was that patsy has no such formulas.) Let us see what happens.

# %% tags=["workshop"]
from_the_web = "test_score ~ age + sex + (1|classroom) + (1|school) + (1|province)"

try:
    smf.mixedlm(from_the_web, pupils, groups=pupils["student_id"])
except Exception as error:
    print(f"{type(error).__name__}: {str(error).split(':')[0]}")

# %% [markdown] tags=["workshop"]
# That error message helps nobody. But in many data sets schools have numbers rather than names. So number
# them from 1, in alphabetical order.

# %% tags=["workshop"]
import warnings

labels = ["classroom", "school", "province", "student_id"]
numbered = pupils.copy()
for label in labels:
    numbered[label] = pupils[label].astype("category").cat.codes.astype(int) + 1


def fit_from_the_web(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return smf.mixedlm(from_the_web, data, groups=data["student_id"]).fit()


web = fit_from_the_web(numbered)
print("converged:", web.converged)
web.fe_params.round(3).to_frame("estimate")

# %% [markdown] tags=["workshop"]
# It runs. It says that it has [converged](glossary.ipynb#convergence), which means that the search for
# the best estimates came to an end. (We silenced warnings here. Whether there is one depends on
# rounding.)
#
# But what is this? We wanted to let schools differ, and got a slope called `1 | school`. A slope of what?
# These are the predictors as the model saw them:

# %% tags=["workshop"]
predictors = pd.DataFrame(web.model.exog, columns=web.model.exog_names)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 01.4.** Find out. In `numbered` there is a school with the number 4. Which number do its
# pupils have in the column `1 | school` of `predictors`?

# %% tags=["workshop", "exercise", "solution"]
in_the_column = predictors.loc[numbered["school"] == 4, "1 | school"].unique()  #!
check("01.4", in_the_column)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Type `1 | 4` into an empty cell: Python answers with the number that is in the column. The bar
# was never read as "varies by". It was simply computed.

# %% [markdown] tags=["workshop"]
# Between whole numbers, Python's bar is the [bitwise OR](glossary.ipynb#bitwise-OR): it writes both
# numbers in zeros and ones, and puts a one wherever either of them has a one. Try `1 | 4` and `1 | 5` in
# a cell of your own.

# %% tags=["workshop"]
school = np.arange(1, 9)
pd.DataFrame(
    {
        "school": school,
        "in zeros and ones": [f"{number:04b}" for number in school],
        "1 | school": 1 | school,
        "in zeros and ones ": [f"{number:04b}" for number in 1 | school],
    }
).set_index("school")

# %% [markdown] tags=["workshop"]
# An even number goes up by one, and an odd number stays. So `1 | school` is the *number* of the school,
# slightly damaged, and the fit claims that scores rise or fall steadily from one number to the next.
# (With names instead of numbers there is nothing to compute; hence the error.)
#
# If so, let us give the schools other numbers. A number is only a label here, and nothing about the
# pupils changes.

# %% tags=["workshop"]
last = numbered["school"].max()
at_random = np.random.default_rng(3).permutation(last) + 1
backwards = numbered.assign(school=last + 1 - numbered["school"])
shuffled = numbered.assign(school=at_random[numbered["school"] - 1])
pd.DataFrame(
    {
        "A to Z": web.fe_params,
        "Z to A": fit_from_the_web(backwards).fe_params,
        "at random": fit_from_the_web(shuffled).fe_params,
        "A to Z, smf.ols": smf.ols(from_the_web, numbered).fit().params,
    }
).round(3)

# %% [markdown] tags=["workshop"]
# Each numbering of the schools has its own slope of `1 | school`; in reverse order even the sign changes.
# A result that depends on how the schools happen to be numbered is no result. The last column shows
# something else: plain `smf.ols` gives the same estimates. The call looks like a mixed model, but it
# isn't one.
#
# And `groups=pupils["student_id"]`? It was meant to put everything inside the pupil. But every pupil has
# just one row. In a group of one row, nothing can tell the pupil's effect from the residual. See what the
# fit made of it:

# %% tags=["workshop"]
print(f"groups                 {len(web.model.group_labels):8,}")
print(f"variance of pupils     {web.cov_re.iloc[0, 0]:8.1f}")
print(f"residual variance      {web.scale:8.1f}")

# %% [markdown] tags=["workshop"]
# Half and half: that is where the search started, and nothing in the data moved it.

# %% [markdown] tags=["workshop"]
# ## What it was meant to say
#
# `mixedlm` reads the same formula as R does: an intercept that varies by classroom, by school and by
# province. It takes the pupils with their names.

# %% tags=["workshop"]
meant = mixedlm(from_the_web, pupils).fit()
meant.variance_components[["group", "vcov"]].round(1)

# %% [markdown] tags=["workshop"]
# We get one variance for each kind of group, and no slope of any number. Renumber the schools, and
# nothing changes:

# %% tags=["workshop"]
for order, data in {"A to Z": numbered, "Z to A": backwards, "at random": shuffled}.items():
    variances = mixedlm(from_the_web, data).fit().variance_components.set_index("group")["vcov"]
    print(f"{order}: variance between schools {variances['school']:.1f}")

# %% [markdown] tags=["workshop"]
# With the tutorial's `groups`, it tells you what is wrong:

# %% tags=["workshop"]
try:
    mixedlm(from_the_web, pupils, groups=pupils["student_id"])
except CourseError as error:
    print(error)

# %% [markdown] tags=["workshop"]
# And the programme that does nothing, with schools randomised? The same lottery with 150 mixed models:

# %% tags=["workshop"]
rng = np.random.default_rng(1)
p_values = []
for _ in range(150):
    drawn = rng.permutation(len(schools)) < len(schools) // 2
    study = pupils.assign(programme=drawn[in_school].astype(int))
    fit = mixedlm("residual ~ programme + (1|classroom) + (1|school) + (1|province)", study).fit()
    p_values.append(fit.fixed_effects.loc["programme", "p_value"])
print(f"false alarms, ordinary regression   {100 * (abs(by_school) > 1.96).mean():4.0f} %")
print(f"false alarms, mixed model           {100 * np.mean(np.array(p_values) < 0.05):4.0f} %")

# %% [markdown] tags=["workshop"]
# The mixed model keeps the promise of 5 %, as far as 150 lotteries can tell (give or take 4 %). Last, all
# predictors side by side, with the truth from which these pupils were simulated:

# %% tags=["workshop"]
alone = smf.ols("test_score ~ age + sex + school_resources", pupils).fit()
mixed = mixedlm(from_the_web + " + school_resources", pupils).fit()
names = ["school_resources", "sex[T.male]", "age"]
pd.DataFrame(
    {
        "true": truth.fixed_effects[names],
        "smf.ols": alone.params[names],
        "its std_error": alone.bse[names],
        "mixed": mixed.fe_params[names],
        "std_error": mixed.bse_fe[names],
    }
).round(2)

# %% tags=["workshop"]
fits = {"smf.ols": alone, "mixed model": mixed}
plots.show(plots.coefficients(fits, names, truth=truth.fixed_effects))

# %% [markdown] tags=["workshop"]
# - **school_resources**: the interval of the mixed model is far wider. It admits how little 60 schools
#   can tell us; ordinary regression claimed more than it knew. Which of the two estimates happens to lie
#   nearer to the truth is luck in a single study. The width is not.
# - **sex**: the interval is even narrower than before. What belongs to the classrooms, schools and
#   provinces no longer counts as noise.
# - **age**: its interval became narrower, too. *Here that is a mistake*, of both models. Each assumes
#   that a year of age makes the same difference everywhere. Lesson 03 drops that assumption, and the
#   standard error becomes three times as large.
#
# So mixed models are not magic. They are right only about the differences between groups that you tell
# them about. Lesson 02 begins to show how.
#
# <details>
# <summary>In the literature</summary>
#
# Mixed models are also called *mixed-effects*, *multilevel* or *hierarchical (linear) models*. "Random"
# has nothing to do with how the data were collected: a random effect is one that the model treats as a
# draw from a distribution. Data in groups are called *clustered*, and assigning whole groups at random
# is *cluster randomisation*. What we call "how alike" is the intraclass correlation, ICC or $\rho$, also
# called the *variance partition coefficient*.
#
# </details>
#
# <details>
# <summary>In R</summary>
#
# ```r
# ols <- lm(test_score ~ age + sex + school_resources, data = pupils)
#
# library(lme4)
# mixed <- lmer(test_score ~ age + sex + school_resources +
#                 (1 | classroom) + (1 | school) + (1 | province), data = pupils)
# ```
# The bar is lme4's notation: R hands the formula over unevaluated, and lme4 reads it. In statsmodels, the
# bar is evaluated as Python.
#
# </details>

# %% [markdown] tags=["self-study"]
# ## Five hundred numberings (self-study)
#
# Each order of the schools has its own slope of `1 | school`. Here are five hundred ways to number the
# same schools. To be quick, we regress the residual on `1 | school` alone each time.

# %% tags=["self-study"]
from scipy.stats import linregress

rng = np.random.default_rng(4)
ways = [
    linregress(1 | (rng.permutation(last)[numbered["school"] - 1] + 1), pupils["residual"])
    for _ in range(500)
]
slopes = np.array([way.slope for way in ways])
significant = np.mean([way.pvalue < 0.05 for way in ways])

figure, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
ax.hist(slopes, 40, color=plots.BLUE, edgecolor="white")
ax.axvline(0, color=plots.INK, linestyle="--", linewidth=1.2)
ax.set(xlabel="slope of 1 | school (points per number)", ylabel="ways to number the schools")
plots.show(
    ax,
    alt=f"A histogram of {len(slopes)} slopes of 1 | school, one for each way to number the "
    f"schools, around a dashed line at 0. They run from {slopes.min():.2f} to "
    f"{slopes.max():.2f} points. {100 * significant:.0f} % of them are significant at 5 %.",
)

# %% [markdown] tags=["self-study"]
# The slopes lie on both sides of 0, as random numbers would. And far more than 5 of 100 are
# "significant": it is the lottery over schools once more.

# %% [markdown] tags=["self-study"]
# ## The same with lines (self-study)
#
# Pooled, separate and partially pooled: a regression line can be all three as well. Here are six
# classrooms, from the smallest to the largest, with the score against age.

# %% tags=["self-study"]
with_lines = mixedlm("test_score ~ age + (1|classroom)", pupils).fit()
axes = plots.lines(with_lines, "age", "classroom")
plots.show(axes)

# %% [markdown] tags=["self-study"]
# - The pooled line is the same in every panel.
# - The separate line sees only the rings in its own panel. A few rings are enough to tilt it.
# - The partially pooled line moves up or down with the classroom, but keeps one common slope. Lesson 03
#   is about models in which the slope may differ as well.
#
# How much do the separate slopes tilt by chance? We can compare them with the truth.

# %% tags=["self-study"]
separate_slopes = pupils.groupby("classroom")[["age", "test_score"]].apply(
    lambda room: np.polyfit(room["age"], room["test_score"], 1)[0]
)
place = pupils.drop_duplicates("classroom").set_index("classroom")
true_slopes = pd.Series(truth.fixed_effects["age"], place.index)
for level, effects in truth.random_effects.items():
    if "age" in effects:
        own = place.index if level == "classroom" else place[level]
        true_slopes += effects["age"].reindex(own).to_numpy()
pd.DataFrame(
    {
        "lowest": [true_slopes.min(), separate_slopes.min()],
        "highest": [true_slopes.max(), separate_slopes.max()],
        "SD": [true_slopes.std(), separate_slopes.std()],
    },
    index=["true slopes", "separate slopes"],
).round(1)

# %% [markdown] tags=["self-study"]
# The true slopes already differ. The separate ones differ more, because chance is added to the truth.

# %% [markdown] tags=["self-study"]
# ## Three clever remedies (self-study)
#
# **Average first.** Reduce the data to one row per school, and then use ordinary regression. For a
# question about schools this is not foolish. There are now as many rows as schools were randomised, and
# the lottery over schools raises about as many false alarms as it should.

# %% tags=["self-study"]
school_means = pupils.groupby("school")["residual"].mean().to_numpy()
rng = np.random.default_rng(1)
alarms = []
for _ in range(1000):
    drawn = rng.permutation(len(school_means)) < len(school_means) // 2
    t, p, df = ttest_ind(school_means[drawn], school_means[~drawn])
    alarms.append(p < 0.05)
print(f"false alarms from the means of schools: {100 * np.mean(alarms):.0f} %")

# %% [markdown] tags=["self-study"]
# But the pupils are gone. What do the means still know about girls and boys?

# %% tags=["self-study"]
averaged = (
    pupils.assign(male=(pupils["sex"] == "male").astype(float))
    .groupby("school")[["test_score", "age", "male", "school_resources"]]
    .mean()
)
from_means = smf.ols("test_score ~ age + male + school_resources", averaged).fit()
pd.DataFrame(
    {
        "estimate": [from_means.params["male"], alone.params["sex[T.male]"]],
        "standard error": [from_means.bse["male"], alone.bse["sex[T.male]"]],
    },
    index=["boys, from means of schools", "boys, from pupils"],
).round(2)

# %% [markdown] tags=["self-study"]
# Next to nothing, as the standard error shows. Schools hardly differ in their share of boys. What is
# more, a small school now counts as much as a large one, and the classrooms have disappeared.
#
# **A coefficient for every school.** `C(school)` takes out whatever is special to a school. That works
# for `sex`. But `school_resources` is special to a school, too. Here is its coefficient, estimated twice.
# Only the school that serves as reference was changed.

# %% tags=["self-study"]
dummies = "test_score ~ age + sex + school_resources + C(school, Treatment({!r}))"
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    for reference in schools[[0, 3]]:
        fit = smf.ols(dummies.format(reference), pupils).fit()
        estimate, error = fit.params["school_resources"], fit.bse["school_resources"]
        print(f"reference {reference}: estimate {estimate:5.2f}, standard error {error:.2f}")
print("statsmodels warns:", said[0].message)

# %% [markdown] tags=["self-study"]
# There are two answers to one question, each with a standard error as if it were known. Read the warning:
# the matrix of predictors does not have full rank. That is, one column can be computed from the others.
# Once you know the school, you know its resources, and there is nothing left for them to explain.

# %% [markdown] tags=["self-study", "exercise"]
# **Exercise 01.5.** How many columns of this matrix are superfluous? `fit.model.exog` is the matrix, and
# `np.linalg.matrix_rank` counts the columns that cannot be computed from others.

# %% tags=["self-study", "exercise", "solution"]
superfluous = fit.model.exog.shape[1] - np.linalg.matrix_rank(fit.model.exog)  #!
check("01.5", superfluous)

# %% [markdown] tags=["self-study", "solution"]
# *Why.* Each school has a column, except the reference, which the intercept represents. Together these
# columns can produce any column that has one value per school, and `school_resources` is such a column.
# statsmodels then picks one of infinitely many solutions, and which one depends on the coding.

# %% [markdown] tags=["self-study"]
# **Repair the standard error.** Keep ordinary regression, but give it
# [cluster-robust](glossary.ipynb#cluster-robust-standard-error) standard errors. They treat the residuals
# of one group as belonging together. But which group? Try the school, and then the province.

# %% tags=["self-study"]
formula = "test_score ~ age + sex + school_resources"
errors = {"smf.ols": alone.bse}
for level in ["school", "province"]:
    cluster = {"groups": pd.factorize(pupils[level])[0]}
    errors[f"robust, by {level}"] = (
        smf.ols(formula, pupils).fit(cov_type="cluster", cov_kwds=cluster).bse
    )
errors["mixed model"] = mixed.bse_fe
pd.DataFrame(errors).loc[names].round(2)

# %% [markdown] tags=["self-study"]
# The usual rule is to cluster at the *highest* level at which rows are alike: that is the province. It is
# a sound remedy if there are many clusters, say fifty. We have twelve provinces, and with so few the
# errors themselves are uncertain and tend to be too small. Look at `age` all the same: both robust errors
# are far larger than those of the mixed model. They do not assume that a year makes the same difference
# everywhere, and so they noticed what our mixed model left out.
#
# The remedy repairs what we say about a predictor, and no more. It does not tell us how much classrooms
# and schools differ, it predicts no school, and it gives up the precision for `sex` that the mixed model
# gains.

# %% [markdown] tags=["self-study"]
# ## Too careful (self-study)
#
# Can the standard error of ordinary regression be too *large*? Randomise inside each classroom: half of
# every classroom gets the programme. This time we try both models, the mixed one 100 times.

# %% tags=["self-study"]
in_room, _ = pd.factorize(pupils["classroom"])
rng = np.random.default_rng(1)
t_values, p_values = [], []
for study in range(500):
    lot = pd.Series(rng.random(len(pupils)))
    has_it = lot < lot.groupby(in_room).transform("median")
    t, p, df = ttest_ind(pupils["residual"][has_it], pupils["residual"][~has_it])
    t_values.append(t)
    if study < 100:
        inside = pupils.assign(programme=has_it.astype(int))
        fit = mixedlm("residual ~ programme + (1|classroom) + (1|school)", inside).fit()
        p_values.append(fit.fixed_effects.loc["programme", "p_value"])
print(f"ordinary regression: false alarms {100 * (np.abs(t_values) > 1.96).mean():.1f} %")
print(f"                     SD of t      {np.std(t_values):.1f}")
print(f"mixed model:         false alarms {100 * np.mean(np.array(p_values) < 0.05):.0f} %")

# %% [markdown] tags=["self-study"]
# Now ordinary regression raises far *fewer* than 5 false alarms in 100. Both halves share the same
# classrooms, so the differences between classrooms cancel. Ordinary regression does not notice, and
# counts them as noise. Such a study would overlook programmes that work. The mixed model knows what
# cancels, and comes near to the 5 of 100 that were promised.

# %% [markdown] tags=["self-study", "exercise"]
# **Exercise 01.6.** Other data. Of 80 therapists, half are chosen at random and trained in a new method.
# Each treats 25 patients. Two patients of one therapist correlate by 0.05, which is not much. Somebody
# computes an ordinary regression on all 2,000 patients. By which factor is the standard error of the
# training too small? Answer to two decimals.

# %% tags=["self-study", "exercise", "solution"]
too_small_by = np.sqrt(1 + (25 - 1) * 0.05)  #!
check("01.6", too_small_by)

# %% [markdown] tags=["self-study", "solution"]
# *Why.* The design effect is 1 + 24 × 0.05, and the standard error grows with its square root. A
# correlation that looks negligible is multiplied by the size of the group.

# %% [markdown] tags=["workshop"]
# ## Quiz
#
# Answer with one letter, in quotes.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 01.7.** In `smf.ols("test_score ~ sex + teacher_experience", pupils)`, whose standard error
# is too small? Every classroom has one teacher.
#
# - a) that of `sex`
# - b) that of `teacher_experience`
# - c) both, by the same factor

# %% tags=["workshop", "exercise", "solution"]
too_small = "b"  #!
check("01.7", too_small)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 01.8.** Suppose all pupils of a school had exactly the same residual. For a question about
# schools, 30 schools with 40 pupils each would be worth as much as
#
# - a) 1,200 independent pupils
# - b) 40
# - c) 30

# %% tags=["workshop", "exercise", "solution"]
worth = "c"  #!
check("01.8", worth)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 01.9.** In a league table of separate means, small classrooms are found at the top and at the
# bottom. Why?
#
# - a) a mean of few pupils varies more by chance
# - b) pupils learn either very well or very badly in small classrooms
# - c) their means are pulled towards the mean of all

# %% tags=["workshop", "exercise", "solution"]
reason = "a"  #!
check("01.9", reason)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 01.10.** In plain statsmodels, what does `(1|classroom)` do for the classrooms with the
# numbers 6 and 7?
#
# - a) it gives each its own intercept
# - b) it gives both the same number, 7
# - c) it stops with an error

# %% tags=["workshop", "exercise", "solution"]
six_and_seven = "b"  #!
check("01.10", six_and_seven)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* 01.7: a classroom has one teacher, so the experience is drawn once per classroom, as in a lottery
# over classrooms; girls and boys sit in every classroom. 01.8: the design effect is 40, and 1,200 divided
# by 40 is 30. 01.9: the true means have nothing to do with the number of pupils; chance does. 01.10: in
# zeros and ones, 6 is 110 and 7 is 111; with the last digit set, both are 111.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - Pupils of one group are alike. Ordinary regression assumes that they are not.
# - Separate means of small groups scatter more than the truth. Partially pooled means come closer to it,
#   on average.
# - For a predictor that belongs to whole groups, the standard error of ordinary regression is too small,
#   by about the square root of $1 + (n - 1) \, \rho$. For a predictor that varies inside every group, it
#   is not too small, unless its effect differs between groups.
# - In statsmodels, `(1|school)` is the bitwise OR of 1 and the number of the school. It runs, it
#   "converges", and it says nothing about schools.
#
# **What comes next:** [Random intercepts](02-random-intercepts.ipynb): what `(1|school)` was meant to
# say, and how such a model is fitted. The [solutions](solutions/01-why-groups-matter.ipynb) of this
# lesson explain each answer.
