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
# **Time:** 30 minutes in the workshop, 60 on your own.
#
# **Before:** [Start here](00-start-here.ipynb). You know what `smf.ols("y ~ x", data)` does.
#
# **Data:** `pupils`: simulated pupils in classrooms in schools in provinces; and a hundred invented
# classrooms.

# %% [markdown] tags=["workshop"]
# ## Classmates are alike
#
# We begin with what you know: a regression.

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
truth = load_truth("pupils")
use(pupils=pupils)

ols = smf.ols("test_score ~ age + sex", pupils).fit()
pd.DataFrame({"estimate": ols.params, "standard error": ols.bse}).round(2)

# %% [markdown] tags=["workshop"]
# What is left of a score is the [residual](glossary.ipynb#residual): how far the pupil lies above or
# below what age and sex let us expect.
#
# Ordinary regression takes the residuals to be independent of each other. If they are, it does not matter
# who sits in which classroom. Look at the pupils of one province. On the left they sit where they sit. On
# the right, all residuals of the country were shuffled and dealt out again, like cards.

# %% tags=["workshop"]
pupils["residual"] = ols.resid
pupils["dealt"] = np.random.default_rng(1).permutation(pupils["residual"])

province = pupils[pupils["province"] == pupils["province"].iloc[0]]
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5.2), sharex=True, layout="constrained")
plots.scores(province, "residual", "classroom", unit="points", ax=left)
plots.scores(province, "dealt", "classroom", unit="points", ax=right)
left.set(title="as they are", xlabel="residual (points)")
right.set(title="dealt at random", xlabel="residual (points)", ylabel="")
figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
left.get_legend().remove()
right.get_legend().remove()

means = province.groupby("classroom")[["residual", "dealt"]].mean()
plots.show(
    left,
    alt=f"Residuals of {len(province)} pupils as rings, one row for each of {len(means)} classrooms, "
    f"with the mean of the row as a diamond. On the left, as they are, the means run from "
    f"{means['residual'].min():.1f} to {means['residual'].max():.1f} points and the rings of a row lie "
    f"together. On the right, dealt at random, the means run from {means['dealt'].min():.1f} to "
    f"{means['dealt'].max():.1f} points only.",
)

# %% [markdown] tags=["workshop"]
# The right side is what ordinary regression believes in. The means differ a little, by chance. On the
# left they differ far more: who knows the classroom, knows something about the pupil.
#
# How alike are two pupils of one school? Make all the pairs, and correlate the residual of the first
# with that of the second. At 0, the school tells nothing about its pupils; at 1, all pupils of one
# school are the same.


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
# *Why.* Classmates have the school in common, and the classroom on top. Two pupils of one school may sit
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
# 1. **Pooled.** One mean for all. It forgets that there are classrooms.
# 2. **Separate.** Each classroom its own mean. It forgets that there are other classrooms.
# 3. **[Partially pooled](glossary.ipynb#partial-pooling).** The classroom's own mean, pulled towards the
#    mean of all: much where the classroom has few pupils, little where it has many.
#
# The third comes from a mixed model. [Lesson 02](02-random-intercepts.ipynb) explains it; here we only
# look at what comes out.

# %% tags=["workshop"]
preview = mixedlm("test_score ~ 1 + (1|classroom)", invented.data).fit()
rooms = pd.DataFrame(
    {
        "pupils": scores.size(),
        "truth": 60 + invented.truth.random_effects["classroom"]["Intercept"],
        "pooled": invented.data["test_score"].mean(),
        "separate": scores.mean(),
        "partial": preview.fe_params["Intercept"]
        + preview.random_effects["classroom"]["Intercept"],
    }
)

figure, panels = plt.subplots(
    1, 2, figsize=(11, 4.6), sharex=True, sharey=True, layout="constrained"
)
styles = {"separate": ("D", plots.ORANGE), "partial": ("o", plots.BLUE)}
for ax, (name, (marker, colour)) in zip(panels, styles.items(), strict=True):
    ax.vlines(rooms["pupils"], rooms["truth"], rooms[name], color=plots.GREY, linewidth=0.8)
    ax.scatter(
        "pupils", "truth", data=rooms, s=24, facecolors="white", edgecolors=plots.GREY, zorder=2
    )
    mark = {"marker": marker, "color": colour, "edgecolors": plots.INK}
    ax.scatter("pupils", name, data=rooms, s=30, zorder=3, **mark)
    ax.axhline(
        rooms["pooled"].iloc[0], color=plots.INK, linestyle="--", linewidth=1.2, label="pooled"
    )
    ax.set_xlabel("pupils in the classroom")
    ax.legend(loc="upper right", fontsize=9, frameon=False)
panels[0].set(title="separate means", ylabel="mean test_score (points)")
panels[1].set(title="partially pooled means")

small = rooms[rooms["pupils"] <= 7]
plots.show(
    panels,
    alt=f"Means of {len(rooms)} classrooms by number of pupils. White rings are the true means, a line "
    "leads from each to its estimate, and a dashed line is the pooled mean of "
    f"{rooms['pooled'].iloc[0]:.0f} points. Left, the separate means as diamonds: those of classrooms "
    f"with up to 7 pupils run from {small['separate'].min():.0f} to {small['separate'].max():.0f} "
    f"points, while the truth there runs from {small['truth'].min():.0f} to "
    f"{small['truth'].max():.0f}. Right, the partially pooled means as dots: there they run from "
    f"{small['partial'].min():.0f} to {small['partial'].max():.0f}.",
)

# %% [markdown] tags=["workshop"]
# The white rings are the truth, the same in both panels. The shorter the line from a ring to its
# estimate, the better. Where there are few pupils, chance throws the separate means far up and down.
# The partially pooled means stay nearer to the truth there. Where there are many pupils, the two
# hardly differ.

# %% tags=["workshop"]
estimates = rooms[["truth", "pooled", "separate", "partial"]]
distance = estimates.sub(rooms["truth"], axis=0)
pd.DataFrame(
    {
        "SD between classrooms": estimates.std(),
        "typical distance from the truth": np.sqrt((distance**2).mean()),
    }
).round(1)

# %% [markdown] tags=["workshop"]
# The first column is a standard deviation (SD): how far the hundred means scatter. Separate means
# scatter more than the classrooms really do. Pooled means do not scatter at all. Partially
# pooled ones scatter a little less than the truth, and come nearest to it.
#
# Now order the classrooms by their mean, as a league table does. How many pupils have the ten classrooms
# that stand furthest out?

# %% tags=["workshop"]
sizes = {"all classrooms": rooms["pupils"].median()}
for name in ["truth", "separate"]:
    far_out = (rooms[name] - rooms[name].mean()).abs().nlargest(10).index
    sizes[f"the ten most extreme: {name}"] = rooms.loc[far_out, "pupils"].median()
pd.DataFrame({"pupils (median)": sizes})

# %% [markdown] tags=["workshop"]
# By their true means, the ten are of any size. By their separate means they are mostly small: chance has
# put them at the top or at the bottom. Many league tables of schools are made of separate means.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 01.2.** Two more classrooms from the same place. Three pupils of the first took the test;
# their mean is 70. Twenty-five pupils of the second did; theirs is 68. Which classroom would you bet
# has the higher *true* mean?
#
# - a) the one with 3 pupils
# - b) the one with 25 pupils
# - c) neither, both chances are the same

# %% tags=["workshop", "exercise", "solution"]
bet_on = "b"  #!
check("01.2", bet_on)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Both lie far above the mean of all. Of the first, much of that is likely to be chance: three
# pupils are soon above average together. Twenty-five are not. In the picture, a small classroom at 70
# is pulled down by several points, and a large one at 68 moves little.

# %% [markdown] tags=["workshop"]
# ## A programme that does nothing
#
# Groups also matter for what we say about a predictor. Back to `pupils`. Invent a reading programme, and
# give it by lot to half of the schools. The scores stay as they are: the programme does nothing.

# %% tags=["workshop"]
from scipy.stats import ttest_ind

in_school, schools = pd.factorize(pupils["school"])  # number of each pupil's school; the schools
drawn = np.random.default_rng(2).permutation(len(schools)) < len(schools) // 2
pupils["programme"] = drawn[in_school].astype(int)
one_study = smf.ols("residual ~ programme", pupils).fit()
print(f"estimate {one_study.params['programme']:.2f} points")
print(f"t        {one_study.tvalues['programme']:.2f}")

has_it = pupils["programme"] == 1
t_test = ttest_ind(pupils["residual"][has_it], pupils["residual"][~has_it])
print(f"a t test of the two halves gives the same t: {t_test.statistic:.2f}")

# %% [markdown] tags=["workshop"]
# One study proves little. So we hold a thousand lotteries: a thousand studies of a programme that does
# nothing. A study raises a false alarm when its *t* lies beyond ±1.96, "significant at 5 %". That
# is meant to happen in 5 of 100 such studies; how often it does happen is called the
# [false positive rate](glossary.ipynb#false-positive-rate).
#
# We do it twice: the lot falls on single pupils, and on whole schools.


# %% tags=["workshop"]
def lotteries(units, rounds=1000, seed=1):
    """The t values of programmes without effect, given by lot to half of the units."""
    rng = np.random.default_rng(seed)
    codes, labels = pd.factorize(pupils[units])
    residual = pupils["residual"].to_numpy()
    t_values = []
    for _ in range(rounds):
        drawn = rng.permutation(len(labels)) < len(labels) // 2
        has_it = drawn[codes]
        t_values.append(ttest_ind(residual[has_it], residual[~has_it]).statistic)
    return np.array(t_values)


by_pupil, by_school = lotteries("student_id"), lotteries("school")

figure, panels = plt.subplots(
    2, 1, figsize=(8, 4.6), sharex=True, sharey=True, layout="constrained"
)
edge = np.ceil(max(abs(by_pupil).max(), abs(by_school).max()))
bins = np.arange(-edge, edge + 0.49, 0.49)
for ax, t_values, unit in zip(panels, [by_pupil, by_school], ["pupil", "school"], strict=True):
    ax.hist(t_values, bins - 0.02, color=plots.BLUE, edgecolor="white")
    for limit in (-1.96, 1.96):
        ax.axvline(limit, color=plots.INK, linestyle="--", linewidth=1.2)
    alarms = (abs(t_values) > 1.96).mean()
    ax.set_title(f"lot drawn by {unit}: {100 * alarms:.0f} % false alarms", loc="left", fontsize=11)
    ax.set_ylabel("studies")
panels[1].set_xlabel("t value of a programme that does nothing")
plots.show(
    panels,
    alt=f"Two histograms of {len(by_school):,} t values each, with dashed lines at -1.96 and 1.96. Drawn "
    f"by pupil, they have an SD of {by_pupil.std():.1f}, and {100 * (abs(by_pupil) > 1.96).mean():.0f} % "
    f"lie outside the lines. Drawn by school, the SD is {by_school.std():.1f}, and "
    f"{100 * (abs(by_school) > 1.96).mean():.0f} % lie outside.",
)

# %% [markdown] tags=["workshop"]
# By pupil, ordinary regression keeps its word. By school, it does not: a programme that does nothing
# is "significant" again and again.
#
# Whatever is special to a school falls into one half of the lottery as a whole. The regression counts
# thousands of pupils, as if each brought news. But the lot was drawn only once per school.
#
# So it depends on the predictor.
#
# - `sex` is like the first lottery: there are girls and boys in every school. Its standard error is not too
#   small. (This holds if the difference is the same in every school.
#   [Lesson 03](03-random-slopes.ipynb) is about those that differ.)
# - `school_resources` is like the second: one value for a whole school. Its standard error is too small.

# %% [markdown] tags=["workshop"]
# ## How many pupils are they worth?
#
# How much too small? It depends on how alike the pupils of a school are, and on how many a school has.
# Call this number $n$. The quantity
#
# $$1 + (n - 1) \cdot \text{how alike}$$
#
# is called the [design effect](glossary.ipynb#design-effect) (Kish, *Survey Sampling*, 1965). Try the
# ends. If pupils of one school have nothing in common, it is 1. If they are all the same, it is $n$:
# then a whole school tells no more than one pupil.
#
# Divide all pupils by it, and you have the
# [effective number](glossary.ipynb#effective-number) of pupils for a question about schools.

# %% tags=["workshop"]
per_school = len(pupils) / len(schools)
design_effect = 1 + (per_school - 1) * alike_in_school
print(f"pupils                                     {len(pupils):7,}")
print(f"pupils per school                          {per_school:7.1f}")
print(f"how alike they are                         {alike_in_school:7.2f}")
print(f"design effect                              {design_effect:7.1f}")
print(f"effective number of pupils                 {len(pupils) / design_effect:7.0f}")

# %% [markdown] tags=["workshop"]
# So few independent pupils would tell as much about schools as all of ours do. A standard error
# shrinks with the square root of the number of pupils. So the standard error of ordinary regression
# is too small by about the square root of the design effect, and *t* is too large by as much. The
# lottery says the same: instead of an SD of 1, its *t* values have

# %% tags=["workshop"]
print(f"SD of t, lot drawn by school               {by_school.std():7.1f}")
print(f"square root of the design effect           {np.sqrt(design_effect):7.1f}")

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 01.3.** A new reading book is given by lot to whole *classrooms*. What is the effective number
# of pupils for this question? You need how alike classmates are, and the mean number of pupils in a
# classroom. Answer with a whole number.

# %% tags=["workshop", "exercise", "solution"]
per_classroom = len(pupils) / pupils["classroom"].nunique()  #!
effective = len(pupils) / (1 + (per_classroom - 1) * how_alike("classroom"))  #!
check("01.3", effective)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Classmates are more alike than schoolmates, but there are far fewer of them. So the design
# effect is smaller, and more of the pupils count. Many small groups tell more than a few large ones.

# %% [markdown] tags=["workshop"]
# ## What the web says
#
# So the model should know about classrooms, schools and provinces. Search the web for how to tell
# statsmodels, and you will find this formula. It looks like R.

# %% tags=["workshop"]
from_the_web = "test_score ~ age + sex + (1|classroom) + (1|school) + (1|province)"

try:
    smf.mixedlm(from_the_web, pupils, groups=pupils["student_id"])
except Exception as error:
    print(f"{type(error).__name__}: {str(error).split(':')[0]}")

# %% [markdown] tags=["workshop"]
# An error that helps nobody. But in many tutorials the schools have numbers, not names. So number them,
# from 1 on, in alphabetical order.

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
# It runs. It says that it [converged](glossary.ipynb#convergence): the search for the best estimates is
# over. (We silenced warnings. Whether there is one depends on a rounding.)
#
# But what is this? We asked for schools that differ, and got one slope called `1 | school`. A slope of
# what? Here are the predictors as the model saw them.

# %% tags=["workshop"]
predictors = pd.DataFrame(web.model.exog, columns=web.model.exog_names)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 01.4.** Find out. In `numbered` there is a school with the number 4. Which number do its
# pupils have in the column `1 | school` of `predictors`?

# %% tags=["workshop", "exercise", "solution"]
in_the_column = predictors.loc[numbered["school"] == 4, "1 | school"].unique()  #!
check("01.4", in_the_column)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Type `1 | 4` into an empty cell: Python answers with the number that stands in the column.
# The bar never reached statsmodels as "varies by". It was simply computed.

# %% [markdown] tags=["workshop"]
# Try `1 | 4` and `1 | 5` in a cell of your own. Between whole numbers, Python's bar is the
# [bitwise OR](glossary.ipynb#bitwise-OR): it writes both numbers with zeros and ones, and puts a one
# wherever either has a one.

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
# An even number goes up by one, an odd number stays. So `1 | school` is the *number* of the school,
# slightly damaged. The fit claims that scores change by so many points from one number to the next.
# (And with names instead of numbers there is nothing to compute: hence the error.)
#
# Then give the schools other numbers. A name is only a name: nothing about the pupils changes.

# %% tags=["workshop"]
last = numbered["school"].max()
by_lot = np.random.default_rng(3).permutation(last) + 1
backwards = numbered.assign(school=last + 1 - numbered["school"])
shuffled = numbered.assign(school=by_lot[numbered["school"] - 1])
pd.DataFrame(
    {
        "A to Z": web.fe_params,
        "Z to A": fit_from_the_web(backwards).fe_params,
        "by lot": fit_from_the_web(shuffled).fe_params,
        "A to Z, smf.ols": smf.ols(from_the_web, numbered).fit().params,
    }
).round(3)

# %% [markdown] tags=["workshop"]
# Every order of the schools has a slope of `1 | school` of its own; in reverse it even changes its
# sign. The last column shows something else: all this is plain `smf.ols`. The call looks like a mixed
# model and is none.
# A result that depends on how the schools are numbered is no result.
#
# And `groups=pupils["student_id"]`? Tutorials say that it puts everything inside the pupil. But every
# pupil has one row. In a group of one row, nothing tells the pupil from the residual. See what the
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
# One variance for each kind of group, and no slope of any number. Renumber the schools, and nothing
# changes:

# %% tags=["workshop"]
for order, data in {"A to Z": numbered, "Z to A": backwards, "by lot": shuffled}.items():
    variances = mixedlm(from_the_web, data).fit().variance_components.set_index("group")["vcov"]
    print(f"{order}: variance between schools {variances['school']:.1f}")

# %% [markdown] tags=["workshop"]
# With the tutorial's `groups`, it says what is wrong:

# %% tags=["workshop"]
try:
    mixedlm(from_the_web, pupils, groups=pupils["student_id"])
except CourseError as error:
    print(error)

# %% [markdown] tags=["workshop"]
# And the programme that does nothing, drawn by school? The same lottery, with 150 mixed models.

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
# Near the promise. Last, two predictors side by side. These pupils are simulated, so the
# truth is known.

# %% tags=["workshop"]
alone = smf.ols("test_score ~ age + sex + school_resources", pupils).fit()
mixed = mixedlm(from_the_web + " + school_resources", pupils).fit()
both = ["sex[T.male]", "school_resources"]
pd.DataFrame(
    {
        "true": truth.fixed_effects[both],
        "smf.ols": alone.params[both],
        "its std_error": alone.bse[both],
        "mixed": mixed.fe_params[both],
        "std_error": mixed.bse_fe[both],
    }
).round(2)

# %% tags=["workshop"]
fits = {"smf.ols": alone, "mixed model": mixed}
ax = plots.coefficients(fits, both, truth=truth.fixed_effects)
plots.show(ax)

# %% [markdown] tags=["workshop"]
# For `school_resources` the interval of the mixed model is far wider. It says how little these
# schools can tell, and ordinary regression claimed more. Which of the two estimates lies nearer to the
# truth is luck, in a single study. The width is not.
#
# For `sex` the interval is even narrower than before: what belongs to the classrooms, schools and
# provinces no longer counts as noise.
#
# That is the promise. How it works begins in lesson 02.
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
# The bar is lme4's notation: R hands the formula over as it stands. In statsmodels, it is computed as
# Python.
#
# </details>

# %% [markdown] tags=["self-study"]
# ## Five hundred numberings (self-study)
#
# Any order of the schools has a slope of `1 | school` of its own. Here are five hundred ways to number the
# same schools. To be quick, each time the residual is regressed on `1 | school` alone.

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
    alt=f"A histogram of {len(slopes)} slopes of 1 | school, one for each way to number the schools, around "
    f"a dashed line at 0. They run from {slopes.min():.2f} to {slopes.max():.2f} points. "
    f"{100 * significant:.0f} % of them are significant at 5 %.",
)

# %% [markdown] tags=["self-study"]
# The slopes lie on both sides of 0, as numbers drawn by lot do. And far more than 5 of 100 are "significant":
# it is the lottery over schools once more.

# %% [markdown] tags=["self-study"]
# ## The same with lines (self-study)
#
# Pooled, separate and partially pooled: a regression line can be all three as well. Here are six
# classrooms, from the smallest to the largest, and the score against age.

# %% tags=["self-study"]
with_lines = mixedlm("test_score ~ age + (1|classroom)", pupils).fit()
axes = plots.lines(with_lines, "age", "classroom")
plots.show(axes)

# %% [markdown] tags=["self-study"]
# - The pooled line is the same in every panel.
# - The separate line sees only the rings of its own panel. It tilts wherever a few rings lead it.
# - The partially pooled line here moves up or down with the classroom, and keeps one common slope. A
#   model whose slope may differ, too, is the matter of lesson 03.
#
# How much do the separate slopes tilt by chance? The truth tells.

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
# In truth the slopes differ already. The separate ones differ more: chance is added to the truth.

# %% [markdown] tags=["self-study"]
# ## Three clever remedies (self-study)
#
# **Average first.** One row per school, and then ordinary regression. For a question about schools
# this is not foolish: there are as many rows now as lots were drawn, and the lottery by school raises
# about as many false alarms as it should.

# %% tags=["self-study"]
school_means = pupils.groupby("school")["residual"].mean().to_numpy()
rng = np.random.default_rng(1)
alarms = []
for _ in range(1000):
    drawn = rng.permutation(len(school_means)) < len(school_means) // 2
    alarms.append(ttest_ind(school_means[drawn], school_means[~drawn]).pvalue < 0.05)
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
# Next to nothing: look at the standard error. Schools hardly differ in their share of boys. Moreover,
# a small school now counts as much as a large one, and the classrooms have disappeared.
#
# **A coefficient for every school.** `C(school)` takes out whatever is special to a school. That is
# fine for `sex`. But `school_resources` is special to a school, too. Here is its coefficient, twice.
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
# Two answers to one question, each with a standard error as if it were known. Read the warning: the
# matrix of predictors does not have full rank. That is, one column can be computed from the others.
# Once you know the school, you know its resources, and nothing is left that they could explain.

# %% [markdown] tags=["self-study", "exercise"]
# **Exercise 01.5.** How many columns of this matrix are superfluous? `fit.model.exog` is the matrix, and
# `np.linalg.matrix_rank` counts the columns that cannot be computed from others.

# %% tags=["self-study", "exercise", "solution"]
superfluous = fit.model.exog.shape[1] - np.linalg.matrix_rank(fit.model.exog)  #!
check("01.5", superfluous)

# %% [markdown] tags=["self-study", "solution"]
# *Why.* The schools have a column each, but for the reference, which the intercept stands for.
# Together they can make any column that has one value per school, and `school_resources` is such a
# column. statsmodels then picks one of infinitely many solutions, and which one hangs on the coding.

# %% [markdown] tags=["self-study"]
# **Repair the standard error.** Ordinary regression, with
# [cluster-robust](glossary.ipynb#cluster-robust-standard-error) standard errors. They take the
# residuals of one school together.

# %% tags=["self-study"]
robust = smf.ols("test_score ~ age + sex + school_resources", pupils).fit(
    cov_type="cluster", cov_kwds={"groups": in_school}
)
errors = {"smf.ols": alone.bse, "cluster-robust": robust.bse, "mixed model": mixed.bse_fe}
pd.DataFrame(errors).loc[both].round(2)

# %% [markdown] tags=["self-study"]
# This is a sound remedy, if there are many schools; with few of them, it is still too small. It
# repairs what we say about a predictor, and no more. It does not tell how much classrooms and schools
# differ, it estimates no school, and it gives up precision for `sex` that the mixed model gains.

# %% [markdown] tags=["self-study"]
# ## Too careful (self-study)
#
# Can the standard error of ordinary regression be too *large*? Draw the lot inside each classroom:
# half of every classroom gets the programme.

# %% tags=["self-study"]
rng = np.random.default_rng(1)
t_values = []
for _ in range(500):
    lot = pd.Series(rng.random(len(pupils)))
    has_it = lot < lot.groupby(pupils["classroom"]).transform("median")
    t_values.append(ttest_ind(pupils["residual"][has_it], pupils["residual"][~has_it]).statistic)
print(f"false alarms   {100 * (np.abs(t_values) > 1.96).mean():.1f} %")
print(f"SD of t        {np.std(t_values):.1f}")

# %% [markdown] tags=["self-study"]
# Now there are far *fewer* than 5 of 100. Both halves share the same classrooms, so what classrooms
# differ by cancels. Ordinary regression does not notice, and counts it as noise. Such a study would
# overlook programmes that work. A mixed model knows what cancels.

# %% [markdown] tags=["self-study", "exercise"]
# **Exercise 01.6.** Other data. Of 80 therapists, half are trained in a new method, by lot. Each
# treats 25 patients. Two patients of one therapist correlate by 0.05, which is little. Somebody
# computes an ordinary regression on all 2,000 patients. By which factor is the standard error of the
# training too small? To two decimals.

# %% tags=["self-study", "exercise", "solution"]
too_small_by = np.sqrt(1 + (25 - 1) * 0.05)  #!
check("01.6", too_small_by)

# %% [markdown] tags=["self-study", "solution"]
# *Why.* The design effect is 1 + 24 × 0.05, and the standard error goes with its square root. A
# correlation that looks negligible is multiplied by the size of the group.

# %% [markdown] tags=["workshop"]
# ## Quiz
#
# Answer with one letter, in quotes.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 01.7.** In `smf.ols("test_score ~ sex + teacher_experience", pupils)`, whose standard
# error is too small? Every classroom has one teacher.
#
# - a) that of `sex`
# - b) that of `teacher_experience`
# - c) both, by the same factor

# %% tags=["workshop", "exercise", "solution"]
too_small = "b"  #!
check("01.7", too_small)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 01.8.** Suppose all pupils of a school had exactly the same residual. For a question about
# schools, 30 schools with 40 pupils each would be worth
#
# - a) 1,200 independent pupils
# - b) 40
# - c) 30

# %% tags=["workshop", "exercise", "solution"]
worth = "c"  #!
check("01.8", worth)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 01.9.** In a league table of separate means, small classrooms stand at the top and at the bottom.
# Why?
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
# - a) it gives each an intercept of its own
# - b) it gives both the same number, 7
# - c) it stops with an error

# %% tags=["workshop", "exercise", "solution"]
six_and_seven = "b"  #!
check("01.10", six_and_seven)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* 01.7: a classroom has one teacher, so the experience is drawn once per classroom, as in a
# lottery over classrooms; girls and boys sit in every classroom. 01.8: the design effect is 40, and
# 1,200 over 40 is 30. 01.9: the true means do not know the number of pupils; chance does. 01.10: 6 is
# 110 and 7 is 111 in zeros and ones; with the last digit set, both are 111.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - Pupils of one group are alike. Ordinary regression believes that they are not.
# - Separate means of small groups scatter more than the truth. Partially pooled means come nearer, on
#   average.
# - For a predictor of whole groups, the standard error of ordinary regression is too small, by about
#   the square root of $1 + (n - 1) \cdot \text{how alike}$. For a predictor that varies inside every
#   group, it need not be.
# - In statsmodels, `(1|school)` is the bitwise OR of 1 and the number of the school. It runs, it
#   "converges", and it says nothing about schools.
#
# **What comes next:** [Random intercepts](02-random-intercepts.ipynb), what `(1|school)` was meant to
# say, and how it is fitted. The [solutions](solutions/01-why-groups-matter.ipynb) of this lesson
# explain each answer.
