# %% [markdown] tags=["workshop"]
# # When the fit complains
#
# After this lesson you will be able to
#
# - say what a singular fit means, what to do about it, and what to write in the report;
# - follow one rule for random slopes, from the design of a study to its report;
# - tell a fit that has converged from a fit that is at the optimum;
# - trace a complaint to its cause in the data: one row per group, few groups, units, labels, gaps;
# - look for what no fit complains of: a bend, a growing spread, a school that carries the result.
#
# **Time:** 120 minutes on your own; not part of the one-day workshop.
#
# **Before:** lessons [01](01-why-groups-matter.ipynb) to [07](07-inference.ipynb). You can write, fit and
# read a model with several levels.
#
# **Data:** small data sets, each simulated in the cell that shows it, so that the cause of each complaint
# is known. In the exercises `pupils`: simulated pupils in classrooms in schools in provinces.

# %% [markdown] tags=["workshop"]
# ## A gallery
#
# This lesson is a gallery of fits that complain. Each case has four parts: the *complaint*, its *cause*,
# its *cure*, and what to *report*. At the end there is a table of all of them, and then four mysteries for
# you to solve.
#
# Warnings usually appear in red above the result, with paths of files in them. Here we catch them, and
# print each of them once, as one line. We start with twelve schools of twelve pupils.

# %% tags=["workshop"]
import textwrap
import warnings

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from scipy import stats

from course import check, load, mixedlm, plots, simulate_schools, translate
from course.exercises import use

pupils = load("pupils")
use(pupils=pupils)


def one_per_school(**settings):
    """Pupils in schools of one province, each school a single class, with age counted from ten."""
    data = simulate_schools(
        provinces=1,
        classrooms=1,
        fixed_effects={"Intercept": 60, "age": 2},
        intercept_at=10,
        **settings,
    ).data
    data["age10"] = data["age"] - 10
    return data[["school", "student_id", "age", "age10", "test_score"]]


alike = one_per_school(
    schools=12, students=12, intercept_sd={"school": 1.5}, residual_sd=8, seed=37
)
alike.groupby("school")["test_score"].agg(["count", "mean"]).round(1).T

# %% [markdown] tags=["workshop"]
# ## Case 1: a variance of 0
#
# The schools differ, with an SD of 1.5 points: we made them that way. Pupils of one school differ with an
# SD of 8 points. Here is the fit with plain statsmodels, in the pieces that `translate` names.

# %% tags=["workshop"]
translation = translate("test_score ~ age10 + (1|school)", alike)
print("formula:   ", translation.fixed_formula)
print("groups:    ", translation.groups)
print("re_formula:", translation.re_formula)

# %% tags=["workshop"]
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    model = smf.mixedlm(
        "test_score ~ age10",
        alike,
        groups="school",
        re_formula="1",
    )
    result = model.fit()

for text in sorted({str(one.message).split(". ")[0] for one in said}):
    print("statsmodels says:", text)
print("converged:", result.converged)
print(f"variance between schools: {result.cov_re.iloc[0, 0]:.2f}")

# %% [markdown] tags=["workshop"]
# There was a warning that it failed to converge, then a second try, and then a fit that says it converged.
# It found a small variance. Now the same with `mixedlm`:

# %% tags=["workshop"]
alike_fit = mixedlm("test_score ~ age10 + (1|school)", alike).fit()
for note in alike_fit.notes:
    print(textwrap.fill(note, 90, initial_indent="- ", subsequent_indent="  "))
print(f"log-likelihood: mixedlm {alike_fit.llf:.2f}, statsmodels {result.llf:.2f}")
alike_fit.variance_components[["group", "effect", "vcov", "sdcor"]].round(2)

# %% [markdown] tags=["workshop"]
# **The complaint.** The fit is [singular](glossary.ipynb#singular-fit): the variance between schools is
# estimated at exactly 0. And 0 is the better answer of the two, since its
# [log-likelihood](glossary.ipynb#log-likelihood) is higher. statsmodels stopped on the way there; case 3
# looks into this.
#
# **The cause.** Means of twelve pupils wobble by chance. These twelve means happen to differ no more than
# chance alone would make them differ. How often does that happen? We draw 200 such countries from the same
# truth, and fit each.

# %% tags=["workshop"]
rng = np.random.default_rng(8)
school, labels = pd.factorize(alike["school"])


def draw_scores():
    effects = rng.normal(0, 1.5, len(labels))
    return 60 + 2 * alike["age10"] + effects[school] + rng.normal(0, 8, len(alike))


def school_sd(fit):
    return fit.variance_components.loc[0, "sdcor"]


refits = alike_fit.refit_all([draw_scores() for _ in range(200)])
estimates = pd.Series([school_sd(one) for one in refits])
at_zero = (estimates < 1e-3).mean()
print(f"share of fits with an SD of 0: {at_zero:.2f}")
print(f"share of fits with an SD above 2: {(estimates > 2).mean():.2f}")

# %% tags=["workshop"]
import matplotlib.pyplot as plt
import seaborn as sns

figure, ax = plt.subplots(figsize=(6.8, 3.4), layout="constrained")
weights = np.full(len(estimates), 100 / len(estimates))
bars = ax.hist(estimates, np.arange(0, 4.6, 0.25), weights=weights, color=plots.PALE, ec="white")[2]
bars[0].set(facecolor=plots.ORANGE, hatch="///")
ax.axvline(1.5, color=plots.INK, linestyle="--", linewidth=1.4, label="truth")
ax.set(xlabel="estimated SD between schools (points)", ylabel="countries (%)", xlim=(0, 4.5))
ax.legend(frameon=False)
sns.despine()
plots.show(
    ax,
    alt=f"Histogram of the estimated SD between schools in {len(estimates)} countries, with a dashed line at "
    f"the truth of 1.5 points. The hatched first bar, at 0, is the highest: {100 * at_zero:.0f} % of the "
    f"fits have an SD of exactly 0. The others spread up to {estimates.max():.1f}.",
)

# %% [markdown] tags=["workshop"]
# Schools differ in every one of these countries, and by the same SD. Still, many of the fits put it at 0,
# and others put it far too high. Twelve schools cannot do better. So a singular fit is an answer, not a
# failure.
#
# **The cure.** Usually none is needed. Keep the term: it belongs to the design of the study, and it
# changes nothing. With a variance of 0, the estimate and its standard error are those of ordinary
# regression:

# %% tags=["workshop"]
ols = smf.ols("test_score ~ age10", alike).fit()
pd.DataFrame(
    {
        "estimate": [alike_fit.fe_params["age10"], ols.params["age10"]],
        "std_error": [alike_fit.bse_fe["age10"], ols.bse["age10"]],
    },
    index=["with (1|school), singular", "ordinary regression"],
).round(3)

# %% [markdown] tags=["workshop"]
# One caution. A predictor that belongs to the *schools* would now be tested as if schools did not differ.
# For such a predictor, keep the term and use Kenward and Roger's [degrees of
# freedom](glossary.ipynb#degrees-of-freedom), which still count the schools
# ([lesson 07](07-inference.ipynb)).
#
# **What to report.** The estimate together with its interval. The interval says what the 0 does not:

# %% tags=["workshop"]
from course import confint

between_schools = confint(alike_fit, parameters="sd(Intercept | school)")
between_schools[["estimate", "lower", "upper"]].round(1)

# %% [markdown] tags=["workshop"]
# <details>
# <summary>In R</summary>
#
# ```r
# fit <- lmer(test_score ~ age10 + (1 | school), data = alike)
# isSingular(fit)                          # TRUE
# confint(fit, oldNames = FALSE)
# ```
#
# </details>

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 08.1.** Which sentence belongs in the report? Answer with one letter, in quotes.
#
# - a) "Schools did not differ."
# - b) "The SD between schools was estimated at 0; its 95 % interval starts at 0 and ends at the value
#   printed above."
# - c) "The model could not be estimated, so schools were ignored."

# %% tags=["workshop", "exercise", "solution"]
sentence = "b"  #!
check("08.1", sentence)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The schools do differ, with an SD of 1.5 points, and the interval contains this value. Sentence a)
# takes an absence of evidence for evidence of absence. Sentence c) is wrong twice: the model was estimated,
# and schools were not ignored.

# %% [markdown] tags=["workshop"]
# ## Case 2: a correlation of ±1
#
# Now there are fifteen schools, and their slopes of age differ a little, with an SD of 0.3 points per year.
# In truth, intercept and slope are unrelated.

# %% tags=["workshop"]
sloped = one_per_school(
    schools=15,
    students=15,
    intercept_sd={"school": 4},
    slope_sd={"school": 0.3},
    residual_sd=6,
    seed=19,
)
sloped_fit = mixedlm("test_score ~ age10 + (age10|school)", sloped).fit()
print("singular:", sloped_fit.singular)
table = sloped_fit.variance_components[["group", "effect", "effect2", "sdcor"]].round(2)
table.assign(truth=[4, 0.3, 0, 6]).fillna("")

# %% [markdown] tags=["workshop"]
# (Fifteen schools are few: these happen to be more alike than their truth.)
#
# **The complaint.** No variance is 0, and yet the fit is singular. The correlation is −1. That makes an
# absurd claim: if you know the intercept of a school, you know its slope without any error. The picture
# shows what that looks like.

# %% tags=["workshop"]
effects = sloped_fit.random_effects["school"]
ax = plots.intercept_slope(sloped_fit, "school")
plots.show(
    ax,
    alt=f"The predicted intercepts and slopes of {len(effects)} schools. All rings lie on one falling line, "
    "and the ellipse around them has shrunk to this line. The slopes run only from "
    f"{effects['age10'].min():.2f} to {effects['age10'].max():.2f} points per year.",
)

# %% [markdown] tags=["workshop"]
# **The cause.** The slopes hardly vary, so the data can hardly show how they go together with the
# intercepts. A correlation that is barely known can come out anywhere, and it often comes out at the edge.
#
# **The cure.** Ask for less, one step at a time. First drop the correlation, by writing two bars. Then
# look again:

# %% tags=["workshop"]
from course import fixed_effects_table

rows = {}
for random in ["(age10|school)", "(age10||school)", "(1|school)"]:
    one = mixedlm(f"test_score ~ age10 + {random}", sloped).fit()
    slope_sd = one.variance_components.set_index("effect")["sdcor"].get("age10", np.nan)
    rows[random] = {
        "singular": one.singular,
        "SD of slopes": slope_sd,
        "log-likelihood": one.llf,
        "age10": one.fe_params["age10"],
        "std_error": one.bse_fe["age10"],
        "df, Satterthwaite": one.fixed_effects.loc["age10", "df"],
        "df, Kenward-Roger": fixed_effects_table(one, df="kenward-roger").loc["age10", "df"],
    }
pd.DataFrame(rows).infer_objects().T.infer_objects().round(3)

# %% [markdown] tags=["workshop"]
# Without the correlation, the SD of the slopes falls to exactly 0. So the last two rows are one and the
# same fit: the log-likelihood, the estimate and its standard error agree to the last digit. Only the
# degrees of freedom of Kenward and Roger differ, because with the term in the model they still count
# schools.
#
# Now you may keep the slope or leave it out. Keep it if the average slope of age is what the study is
# about, and take Kenward and Roger's df: fifteen schools have not proved that slopes are all the same. If
# the slope was added "to be safe" and nobody asks about it, leaving it out gives the same numbers with a
# quieter summary.
#
# **What to report.** What you fitted first, what came out at the edge, what you changed, and whether the
# result moved: "The model with a correlated random slope of age was singular. Without the correlation, the
# SD of the slopes was estimated at 0 (95 % interval from 0 to ...). Leaving the slope out changed neither
# the estimate of age nor its standard error." Do not write that the variance *could not be estimated*. It
# was estimated, at 0.
#
# There is a false alarm that looks like this case. With `age` instead of `age10`, zero lies at birth, and
# the intercepts are far outside the data. Then intercept and slope correlate near −1 in *healthy* fits
# ([lesson 03](03-random-slopes.ipynb)). So centre first, and look at the correlation afterwards.

# %% [markdown] tags=["workshop"]
# ## One rule for random slopes
#
# [Lesson 07](07-inference.ipynb#Which-random-slopes?) showed what each habit costs: leaving slopes out
# finds effects that are not there, keeping them all costs power, and both matter most where groups are few.
# Authors disagree about the balance. Here is the rule that this course follows, as a chart.


# %% tags=["workshop"]
def box(ax, x, y, text, *, colour="white", width=3.1, height=0.74):
    """A box of the chart, with its text in the middle."""
    place = (x - width / 2, y - height / 2)
    ax.add_patch(plt.Rectangle(place, width, height, facecolor=colour, edgecolor=plots.INK))
    ax.text(x, y, text, ha="center", va="center", fontsize=10)


def arrow(ax, start, end, text=""):
    """An arrow from one place to another, with a word beside it."""
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": plots.INK})
    ax.text((start[0] + end[0]) / 2 + 0.08, (start[1] + end[1]) / 2 + 0.06, text, fontsize=10)


figure, ax = plt.subplots(figsize=(9.2, 6.0), layout="constrained")
box(ax, 1.7, 5.4, "Does the predictor vary within\nthe groups, and do groups suffice?")
box(ax, 1.7, 4.2, "Fit (x | group), with x centred.\nIs the fit singular?")
box(ax, 1.7, 3.0, "Drop the correlation: (x || group).\nStill singular?")
box(ax, 1.7, 1.8, "The SD of the slopes is exactly 0.\nIs the effect of x your question?")
keep, leave = plots.PALE, "#FFFFFF"
box(ax, 6.6, 5.4, "No slope: (1 | group)")
box(ax, 6.6, 4.2, "Keep it,\nwhatever its p-value", colour=keep)
box(ax, 6.6, 3.0, "Keep (x || group)", colour=keep)
box(ax, 6.6, 1.8, "Keep it; df by Kenward-Roger", colour=keep)
box(ax, 1.7, 0.6, "Leave it out, or keep it:\nthe numbers are the same")
for y, down, right in [
    (5.4, "yes", "no"),
    (4.2, "yes", "no"),
    (3.0, "yes", "no"),
    (1.8, "no", "yes"),
]:
    arrow(ax, (1.7, y - 0.37), (1.7, y - 0.83), down)
    arrow(ax, (3.25, y), (5.05, y), right)
ax.text(
    6.6, 0.6, "Report the first model, the edge,\neach step, and what it changed",
    ha="center", va="center", fontsize=10, style="italic",
)  # fmt: skip
ax.set(xlim=(0, 8.3), ylim=(0.1, 5.9))
ax.axis("off")
plots.show(
    ax,
    alt="A chart of decisions, from top to bottom. Does the predictor vary within the groups, and are there "
    "enough of them? If not, no slope. If so, fit it, with the predictor centred. If the fit is not "
    "singular, "
    "keep it, whatever its p-value. If it is, drop the correlation; if that helps, keep this fit. If not, "
    "the "
    "SD of the slopes is 0: keep it with Kenward-Roger's degrees of freedom where the effect is your "
    "question, else leave it out or keep it, which gives the same numbers. Report every step.",
)

# %% [markdown] tags=["workshop"]
# The rule drops nothing for a p-value. It drops only what the fit itself puts at the edge, and it checks that
# the result stays. "Do groups suffice?" has no sharp answer; with fewer than about six groups, a variance of
# slopes is hardly known (case 5). Leaving the slope out does not make the groups alike, though: if slopes do
# differ, the test of x then speaks of these groups alone, and the report has to say so.

# %% [markdown] tags=["workshop"]
# ## Case 3: converged, and not at the optimum
#
# The same pupils, by plain statsmodels. From here on a helper catches what it says.


# %% tags=["workshop"]
# statsmodels, and what it says
def plain(formula, data, **pieces):
    """Fit with plain statsmodels. Return the result and what was said, each sentence once."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result = smf.mixedlm(formula, data, **pieces).fit()
    return result, sorted({str(one.message).split(". ")[0].rstrip(".") for one in said})


result, complaints = plain("test_score ~ age10", sloped, groups="school", re_formula="1 + age10")
print("statsmodels says:", "; ".join(complaints))
print("converged:", result.converged)

# %% [markdown] tags=["workshop"]
# **The complaint.** There are three sentences. One says that the search failed, one that it tried again,
# and one that the estimate may lie on the boundary. Yet the last word is that it converged. Compare what it
# found:

# %% tags=["workshop"]
stopped = np.sqrt(np.diag(result.cov_re))
found = pd.DataFrame(
    {
        "truth": [4, 0.3, 6, np.nan],
        "mixedlm": [*sloped_fit.variance_components["sdcor"].iloc[[0, 1, 3]], sloped_fit.llf],
        "statsmodels": [*stopped, np.sqrt(result.scale), result.llf],
    },
    index=["SD of intercepts", "SD of slopes", "residual SD", "log-likelihood"],
)
found.round(2)

# %% [markdown] tags=["workshop"]
# statsmodels reports schools that hardly differ, with slopes that differ widely. The truth is the other
# way round. Its log-likelihood is several units lower than that of `mixedlm`: it stopped short.
#
# **The cause.** A fit is a search: from a first guess it climbs until a rule says stop. Having met that
# rule is called [convergence](glossary.ipynb#convergence). Near the edge, where a variance is close to 0 or
# a correlation close to ±1, a search can lose its way: steps that should lead up lead out of bounds, and
# the search gives up although the ground below it still rises.
#
# **The cure.** Never trust a single search near the edge. There are three ways to a second one.
#
# - `mixedlm` checks that it ends at an optimum.
# - `translate(...).code` is a program in plain statsmodels that searches with more care. `print` it, and
#   run it as a program of its own. `fit.statsmodels` is the result that it arrives at.
# - `check()` hands the estimates of `mixedlm` to statsmodels as its first guess, and compares where it
#   ends.

# %% tags=["workshop"]
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    careful = sloped_fit.statsmodels
    comparison = sloped_fit.check()

searches = pd.Series(
    {
        "statsmodels, plain fit()": result.llf,
        "statsmodels, searching with more care": careful.llf,
        "statsmodels, from mixedlm's estimates": comparison.table.loc[
            "log-likelihood", "statsmodels"
        ],
        "mixedlm": sloped_fit.llf,
    },
    name="log-likelihood",
)
searches.round(2).to_frame()

# %% [markdown] tags=["workshop"]
# How rare is that? Below are the first eight seeds of the same simulation. In how many of them did the plain
# fit stop below `mixedlm`?

# %% tags=["workshop"]
short = []
for seed in range(8):
    other = one_per_school(
        schools=15,
        students=15,
        intercept_sd={"school": 4},
        slope_sd={"school": 0.3},
        residual_sd=6,
        seed=seed,
    )
    best = mixedlm("test_score ~ age10 + (age10|school)", other).fit()
    reached, _ = plain("test_score ~ age10", other, groups="school", re_formula="1 + age10")
    short.append({"singular": best.singular, "short": best.llf - reached.llf > 0.1})
pd.DataFrame(short).groupby("singular")["short"].agg(fits="size", stopped_short="sum")

# %% [markdown] tags=["workshop"]
# In three of the eight it stopped short: twice where the best fit is singular, and once where it is not.
#
# **What to report.** Name the program and its version, and say that the fit was checked against a second
# search. When two programs disagree, the higher log-likelihood is right, provided both fit the same rows
# by the same method, and neither leaves out constants.

# %% [markdown] tags=["workshop"]
# ## Case 4: one row per group
#
# A tutorial tells you to name the pupil in `groups`. Here every pupil has one row.

# %% tags=["workshop"]
result, complaints = plain("test_score ~ age10", alike, groups="student_id")
print("statsmodels says:", "; ".join(complaints))
print("converged:", result.converged)
print(f"variance between pupils {result.cov_re.iloc[0, 0]:.2f}")
print(f"residual variance       {result.scale:.2f}")
print(f"their sum               {result.cov_re.iloc[0, 0] + result.scale:.2f}")
print(f"residual variance of ordinary regression {ols.scale:.2f}")

# %% [markdown] tags=["workshop"]
# **The complaint.** A sentence about the [Hessian](glossary.ipynb#Hessian), the curvature of the
# likelihood where the search ended. Otherwise all seems well. Only the two variances are suspiciously
# equal.
#
# **The cause.** The data determine the *sum* of the two variances, which is the residual variance of an
# ordinary regression. Every split of this sum fits equally well. The search starts with two equal halves
# and has no reason to move. (We do not print its standard errors. They differ from one computer to the
# next.)
#
# **The cure.** The pupil *is* the residual, so leave the term out. `mixedlm` refuses it, and says so:

# %% tags=["workshop"]
from course import CourseError


def refused(formula, data):
    """Print what mixedlm says to a formula that it does not fit."""
    try:
        mixedlm(formula, data).fit()
    except CourseError as error:
        print(textwrap.fill(str(error), 90))


refused("test_score ~ age10 + (1|student_id)", alike)

# %% [markdown] tags=["workshop"]
# **What to report.** Nothing: the term should not be there. If some pupils have several rows,
# `(1|student_id)` is right.
#
# <details>
# <summary>In R</summary>
#
# ```r
# lmer(test_score ~ age10 + (1 | student_id), data = alike)
# # Error: number of levels of each grouping factor must be < number of observations
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ## Case 5: too few groups
#
# Provinces differ with an SD of 3 points. We draw 24 of them, but a study often has fewer. So we take
# the first 3, then the first 6, and so on, and ask each time how well the SD is known.

# %% tags=["workshop"]
country = simulate_schools(
    provinces=24,
    schools=2,
    classrooms=1,
    students=12,
    fixed_effects={"Intercept": 60, "age": 2},
    intercept_sd={"province": 3, "school": 3},
    intercept_at=10,
    residual_sd=6,
    seed=4,
).data
country["age10"] = country["age"] - 10
with_provinces = "test_score ~ age10 + (1|school) + (1|province)"


def first(count):
    return country[country["province"].isin(country["province"].unique()[:count])]


counts = [3, 6, 12, 24]
fits = {count: mixedlm(with_provinces, first(count)).fit() for count in counts}
known = pd.concat(
    [confint(fit, parameters="sd(Intercept | province)") for fit in fits.values()]
).set_axis(pd.Index(counts, name="provinces"))
for note in fits[3].notes:
    print(textwrap.fill(note, 90, initial_indent="- ", subsequent_indent="  "))
known[["estimate", "lower", "upper"]].round(1)

# %% tags=["workshop"]
figure, ax = plt.subplots(figsize=(6.8, 3.2), layout="constrained")
for row, (_, one) in enumerate(known.iterrows()):
    ax.plot([one["lower"], one["upper"]], [row, row], color=plots.BLUE, linewidth=3)
    ax.plot(one["estimate"], row, "o", color="white", markeredgecolor=plots.INK, markersize=8)
ax.axvline(3, color=plots.INK, linestyle="--", linewidth=1.4, label="truth")
ax.set_yticks(range(len(counts)), counts)
ax.set(xlabel="SD between provinces (points)", ylabel="number of provinces", xlim=(-0.1, None))
ax.invert_yaxis()
ax.legend(frameon=False, loc="lower right")
sns.despine()
listed = "; ".join(
    f"{count} provinces {one['lower']:.1f} to {one['upper']:.1f}" for count, one in known.iterrows()
)
plots.show(
    ax,
    alt="95 % intervals of the SD between provinces around a dashed line at the truth of 3 points: "
    f"{listed}. The intervals become shorter with every line.",
)

# %% [markdown] tags=["workshop"]
# **The complaint.** There is only a note. The fit itself runs, and looks as sure as any other.
#
# **The cause.** A variance between three provinces is estimated from three values, however many pupils
# there are in each.
#
# **The cure.** Do not ask for a variance. Ask for three means: `C(province)` in the fixed part gives each
# province a coefficient of its own.

# %% tags=["workshop"]
three = first(3)
fixed_provinces = mixedlm("test_score ~ age10 + C(province) + (1|school)", three).fit()
pd.DataFrame(
    {
        "(1|province)": fits[3].fixed_effects.loc["age10", ["estimate", "std_error"]],
        "C(province)": fixed_provinces.fixed_effects.loc["age10", ["estimate", "std_error"]],
    }
).round(3)

# %% [markdown] tags=["workshop"]
# What we learn about age stays the same. What we give up is this: the model now speaks of these three
# provinces and of no others, and it cannot estimate the effect of any predictor of provinces, because their
# differences are used up. With three provinces there was little to learn about either.
#
# **What to report.** Report the number of groups. With `C(province)`, say that provinces were held
# constant. With `(1|province)`, give the interval of its SD.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 08.2.** Take the *last* three provinces of `pupils`, by name, and count age from ten. Fit
# random intercepts for classroom, school and province beside the fixed effect of `age10`. Where does the
# 95 % interval of the SD between provinces end? To one decimal.

# %% tags=["workshop", "exercise", "solution"]
pupils["age10"] = pupils["age"] - 10
last_three = sorted(pupils["province"].unique())[-3:]
few = pupils[pupils["province"].isin(last_three)]
few_fit = mixedlm("test_score ~ age10 + (1|classroom) + (1|school) + (1|province)", few).fit()  #!
upper = confint(few_fit, parameters="sd(Intercept | province)")["upper"]  #!
check("08.2", upper)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The interval contains every SD under which these three provinces would not be unusual. Its lower end
# is 0 or near it, and its upper end many times the estimate. These hundreds of pupils say a good deal about
# age, and next to nothing about how provinces differ.

# %% [markdown] tags=["workshop"]
# ## Case 6: zero far away, and units too small
#
# A register has the year of birth instead of the age. Twenty schools, and slopes that do vary.

# %% tags=["workshop"]
register = one_per_school(
    schools=20,
    students=20,
    intercept_sd={"school": 3},
    slope_sd={"school": 1},
    residual_sd=6,
    seed=1,
)
register["born"] = 2026 - register["age"]
register["born16"] = register["born"] - 2016
rows = {}
for predictor in ["born", "born16"]:
    ours = mixedlm(f"test_score ~ {predictor} + ({predictor}|school)", register).fit()
    theirs, complaints = plain(
        f"test_score ~ {predictor}", register, groups="school", re_formula=f"1 + {predictor}"
    )
    print(f"statsmodels says of {predictor}:", "; ".join(complaints) or "nothing")
    print(f"mixedlm says of {predictor}:", " ".join(ours.notes) or "nothing")
    rows[predictor, "mixedlm"] = [
        ours.llf,
        *ours.variance_components["sdcor"].iloc[:3],
        ours.bse_fe[predictor],
    ]
    sd = np.sqrt(np.diag(theirs.cov_re))
    correlation = theirs.cov_re.iloc[0, 1] / sd.prod()
    rows[predictor, "statsmodels"] = [theirs.llf, *sd, correlation, theirs.bse_fe[predictor]]
names = ["log-likelihood", "SD of intercepts", "SD of slopes", "correlation", "std_error of slope"]
digits = dict.fromkeys(names, 2) | {"SD of intercepts": 1}
pd.DataFrame(rows, index=names).T.round(digits)

# %% [markdown] tags=["workshop"]
# **The complaint.** With `born`, statsmodels issues many warnings, and says that slopes do not vary. In
# truth they do, and so its standard error of the average slope is too small. With `born16`, the year
# counted from 2016, both programs agree.
#
# **The cause.** The zero of `born` lies two thousand years back. The intercept of a school is the height of
# its line at that point. Look at the row of `mixedlm`: the SD of the intercepts is huge, and they are tied
# to the slopes by a correlation of almost exactly −1. A plain search gets lost in so narrow a valley.
#
# **The cure.** Centre: subtract a year that means something. `mixedlm` centres and scales internally, so it
# finds the right fit both times. But somebody has to read those intercepts, so centre all the same.
#
# Units do harm of another kind. Let every thousand euros of income be worth 0.1 points. Here is the income
# in cents, and in thousands of euros.

# %% tags=["workshop"]
rng = np.random.default_rng(6)
register["euros_1000"] = rng.normal(40, 12, len(register)).round(2)
register["cents"] = 100_000 * register["euros_1000"]
register["with_income"] = register["test_score"] + 0.1 * register["euros_1000"]
rows = {}
for unit in ["cents", "euros_1000"]:
    one = mixedlm(f"with_income ~ {unit} + (1|school)", register).fit()
    rows[unit] = one.fixed_effects.loc[unit, ["estimate", "std_error", "t"]]
pd.DataFrame(rows).T.round(3)

# %% [markdown] tags=["workshop"]
# The t value is the same. But a cent does so little that its coefficient has vanished from the table.
# Choose a unit in which you would talk about the effect. **Report** the unit and the zero of every
# predictor.

# %% [markdown] tags=["workshop"]
# ## Case 7: predictors that add nothing
#
# Our register also has the age in months, and the name of the country.

# %% tags=["workshop"]
register["months"] = 12 * register["age"]
register["country"] = "Arcadia"
try:
    smf.mixedlm("test_score ~ age + months", register, groups="school").fit()
except np.linalg.LinAlgError as error:
    print("statsmodels:", error)
print()
repeated = mixedlm("test_score ~ age + months + (1|school)", register).fit()
print("mixedlm:", textwrap.fill(repeated.notes[0], 90))
print(repeated.fixed_effects[["estimate", "std_error"]].round(2))
print()
refused("test_score ~ age + country + (1|school)", register)

# %% [markdown] tags=["workshop"]
# **The cause.** Months are determined by years. A country that is the same in all rows is determined by
# the intercept. **The cure.** Leave one of the columns out. `mixedlm` leaves out the later one by itself,
# as R's lme4 does, and says so.
#
# A quieter relative sits in the random part. Suppose resources belong to the school, one value each. Can
# their slope vary by school?

# %% tags=["workshop"]
codes, names = pd.factorize(register["school"])
register["resources"] = rng.normal(0, 1, len(names)).round(2)[codes]
flat = mixedlm("test_score ~ age10 + resources + (resources|school)", register).fit()
for note in flat.notes:
    print(textwrap.fill(note, 90, initial_indent="- ", subsequent_indent="  "))

# %% [markdown] tags=["workshop"]
# The last note is the one that matters here. A slope needs two points. Every school has a single value of
# its resources, so no school can show a slope.
#
# **The cure.** Write `(1|school)`, and leave the fixed effect of `resources` as it is. A slope of resources
# could vary by province, where there are several schools. **What to report:** nothing, once it is out.

# %% [markdown] tags=["workshop"]
# ## Case 8: numbers that are names, gaps, and 999
#
# Three small traps come with data files. The first is labels that are numbers. School 7 is not seven of
# anything. But a formula of statsmodels treats a number as a number. How many columns does each of these
# make?

# %% tags=["workshop"]
from patsy import dmatrix

register["school_number"] = codes + 1
for written in ["0 + school_number", "0 + C(school_number)"]:
    print(f"{written:24} {dmatrix(written, register).shape[1]:3} column(s)")
numbered = mixedlm("test_score ~ age10 + (1|school_number)", register).fit()
for note in numbered.notes:
    print(textwrap.fill(note, 90, initial_indent="- ", subsequent_indent="  "))

# %% [markdown] tags=["workshop"]
# Without `C()`, a `vc_formula` gets one slope for the number of the school, where twenty schools were
# meant. To the right of a bar, labels are always labels. Everywhere else write `C(...)`, or turn the column
# into text.
#
# The second trap is missing values. Let us make some.

# %% tags=["workshop"]
gaps = register[["school", "student_id", "age10", "test_score"]].copy()
gaps.loc[gaps.sample(30, random_state=1).index, "age10"] = np.nan
gaps.loc[gaps.sample(12, random_state=2).index, "test_score"] = np.nan
try:
    smf.mixedlm("test_score ~ age10", gaps, groups="school").fit()
except Exception as error:
    print("statsmodels:", str(error).splitlines()[0])
dropped, _ = plain("test_score ~ age10", gaps, groups="school", missing="drop")
print(f'statsmodels with missing="drop": {dropped.nobs} rows')
complete = mixedlm("test_score ~ age10 + (1|school)", gaps).fit()
print(f"mixedlm: {complete.nobs} rows")
for note in complete.notes:
    print(textwrap.fill(note, 90, initial_indent="- ", subsequent_indent="  "))

# %% [markdown] tags=["workshop"]
# A row with a gap in any column of the formula is left out, and `mixedlm` counts them for you. **Report**
# that count, and why values are missing. It makes a difference *which* values are missing.
#
# - **Responses.** If the chance of a missing score depends only on what the model knows (age, say, or the
#   pupil's scores on other days), leaving the row out does no harm to a mixed model. This is called
#   [missing at random](glossary.ipynb#missing-at-random). If weak pupils stayed at home *because* the test
#   would have gone badly, no model can repair that from these data alone.
# - **Predictors.** Leaving out rows with a missing predictor is safe only if, among pupils with the same
#   predictors, the gaps have nothing to do with the response. Otherwise impute, as in [lesson
#   13](13-national-assessment.ipynb).
#
# The third trap is a gap written as a number. This register writes 999 where a score is missing. Nothing in
# the formula can know that. `diagnose` looks at a fit from many sides and says what stands out:

# %% tags=["workshop"]
from course import diagnose

coded = register[["school", "student_id", "age10", "test_score"]].copy()
coded.loc[coded.sample(4, random_state=3).index, "test_score"] = 999
coded_fit = mixedlm("test_score ~ age10 + (1|school)", coded).fit()
findings = diagnose(coded_fit)
print(findings.heading())
for finding in findings:
    if "code" in finding.title:
        for text in (finding.title, finding.seen, finding.do):
            print(textwrap.fill(text, 90, initial_indent="- ", subsequent_indent="  "))

# %% tags=["workshop"]
repaired = coded.assign(test_score=coded["test_score"].replace(999, np.nan))
repaired_fit = mixedlm("test_score ~ age10 + (1|school)", repaired).fit()
pd.DataFrame(
    {
        "with 999": [*coded_fit.variance_components["sdcor"], coded_fit.bse_fe["age10"]],
        "with gaps": [*repaired_fit.variance_components["sdcor"], repaired_fit.bse_fe["age10"]],
    },
    index=["SD between schools", "residual SD", "std_error of age10"],
).round(1)

# %% [markdown] tags=["workshop"]
# Four rows out of four hundred did that. Look at the smallest and the largest value of every column before
# you fit.

# %% [markdown] tags=["workshop"]
# ## Fits that should have complained
#
# The remaining cases say nothing at all. They converge, and nothing is singular. You have to ask: look at
# the residuals, the random effects, and the groups. We make one table of 40 schools with four responses,
# each with one thing wrong.

# %% tags=["workshop"]
quiet = one_per_school(schools=40, students=15, intercept_sd={}, seed=26).drop(columns="test_score")
rng = np.random.default_rng(26)
school, names = pd.factorize(quiet["school"])
noise, effect = rng.normal(0, 6, len(quiet)), rng.normal(0, 3, len(names))
line = 60 + 2 * quiet["age10"]
# the average line is bent
quiet["bent"] = line - 1.5 * quiet["age10"] ** 2 + effect[school] + noise
# seconds for a task: all effects multiply
quiet["seconds"] = np.exp(4 - 0.1 * quiet["age10"] + 0.06 * effect[school] + 0.06 * noise)
# most schools near the average, a few far above it
true_few_high = pd.Series(3 * (rng.exponential(1, len(names)) - 1), names)
quiet["few_high"] = line + true_few_high.to_numpy()[school] + noise
# school P1-S17 gave its marks out of 150, all others out of 100
quiet["marks"] = np.where(quiet["school"] == "P1-S17", 1.5, 1) * (line + effect[school] + noise)

responses = ["bent", "seconds", "few_high", "marks"]
quiet_fits = {name: mixedlm(f"{name} ~ age10 + (1|school)", quiet).fit() for name in responses}
for name, fit in quiet_fits.items():
    found = "; ".join(finding.title for finding in diagnose(fit)) or "nothing"
    print(f"{name}: converged {fit.converged}, singular {fit.singular}, {len(fit.notes)} notes")
    print(f"    found by diagnose: {found}")

# %% [markdown] tags=["workshop"]
# `diagnose` finds three of the four. It looks for what can be counted without knowing your question. The
# fourth needs your eyes. And what `diagnose` finds, you still have to understand, so here they are one by
# one.

# %% [markdown] tags=["workshop"]
# ## Case 9: a bend
#
# The model draws a straight line of age. The residuals show whether that is right: if the truth is
# straight, they lie around 0 at every age. So draw them against age, with their mean per half year.

# %% tags=["workshop"]
curved = mixedlm("bent ~ age10 + I(age10**2) + (1|school)", quiet).fit()
half_year = (2 * quiet["age10"]).round() / 2


def residual_means(fit):
    means = fit.resid.groupby(half_year).agg(["mean", "count"])
    return means.loc[means["count"] >= 5, "mean"]


figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.4), sharey=True, layout="constrained")
for ax, (title, one) in zip(
    axes, {"age10": quiet_fits["bent"], "age10 + I(age10**2)": curved}.items(), strict=True
):
    ax.scatter(quiet["age"], one.resid, s=12, facecolors="none", edgecolors=plots.GREY, alpha=0.5)
    means = residual_means(one)
    ax.plot(
        means.index + 10, means, "o-", color=plots.ORANGE, mec=plots.INK, label="mean per half year"
    )
    ax.axhline(0, color=plots.INK, linestyle="--", linewidth=1)
    ax.set(title=title, xlabel="age (years)")
axes[0].set_ylabel("residual (points)")
axes[0].legend(frameon=False, loc="lower left")
sns.despine()
straight_means, curved_means = residual_means(quiet_fits["bent"]), residual_means(curved)
plots.show(
    axes,
    alt="Residuals against age. Left, with a straight line: their means per half year rise from "
    f"{straight_means.iloc[0]:.1f} to {straight_means.max():.1f} in the middle and fall to "
    f"{straight_means.iloc[-1]:.1f}. Right, with the square of age: they stay between "
    f"{curved_means.min():.1f} and {curved_means.max():.1f}.",
)

# %% [markdown] tags=["workshop"]
# **The cure.** Put the bend into the formula: `I(age10**2)`, the square of age. The `I()` is needed, since a
# bare `**` means something else in a formula. **What to report:** the picture, and the shape that was
# chosen.

# %% tags=["workshop"]
curved.fixed_effects[["estimate", "std_error"]].round(2).assign(truth=[60, 2, -1.5])

# %% [markdown] tags=["workshop"]
# ## Case 10: a spread that grows
#
# `plots.residuals` draws the residuals against the fitted values, and beside them their size. Where the
# right-hand line climbs, the spread grows.

# %% tags=["workshop"]
axes = plots.residuals(quiet_fits["seconds"], unit="s")
plots.show(axes)

# %% [markdown] tags=["workshop"]
# **The cause.** Times cannot fall below 0, and slow pupils vary more than quick ones: the effects
# *multiply*. A few times are very long, too, as the upper part of the left picture shows.
#
# **The cure.** The logarithm turns products into sums. `np.log(seconds)` can be written in the formula
# itself. A [Q-Q plot](glossary.ipynb#Q-Q-plot) sorts the residuals and plots them against what a normal
# sample of that size would have. They should follow the dashed line:

# %% tags=["workshop"]
logged = mixedlm("np.log(seconds) ~ age10 + (1|school)", quiet).fit()
figure, axes = plt.subplots(1, 2, figsize=(9.4, 4.6), layout="constrained")
for ax, (name, one) in zip(
    axes, {"seconds": quiet_fits["seconds"], "np.log(seconds)": logged}.items(), strict=True
):
    plots.qq(one, ax=ax)
    ax.set_title(name, pad=48)
plots.show(axes)

# %% tags=["workshop"]
print(diagnose(logged).heading())
factor = np.exp(logged.fe_params["age10"])
print(f"one year of age multiplies the time by {factor:.3f}; truth {np.exp(-0.1):.3f}")

# %% [markdown] tags=["workshop"]
# **What to report:** say that the response was logged, and give the effects as factors.
#
# A logarithm does not cure every unequal spread. If residuals spread more at both ends of a predictor, try
# its random slope.
#
# And if boys simply vary more than girls? Then most fixed effects are hardly affected, with one exception:
# the difference between boys and girls itself. The model estimates *one* residual variance, and uses it for
# both. Let boys have twice the SD of girls, and let nothing else differ. How often does the test of the
# difference, at the 5 % level, find one that is not there? No simulation is needed. The variance of a
# difference of two means is known, once with the right variances and once with the common one.


# %% tags=["workshop"]
def false_alarms(share_of_boys, ratio):
    """False positive rate of boys against girls where the SD of boys is so many times that of girls."""
    boys, girls = share_of_boys, 1 - share_of_boys
    true_variance = ratio**2 / boys + 1 / girls
    assumed_variance = (boys * ratio**2 + girls) * (1 / boys + 1 / girls)
    return 2 * stats.norm.sf(1.96 * np.sqrt(assumed_variance / true_variance))


pd.DataFrame(
    {
        f"{share:.0%} boys": {
            f"SD ratio {ratio}": false_alarms(share, ratio) for ratio in (1, 1.5, 2)
        }
        for share in (0.2, 0.5, 0.8)
    }
).round(3)

# %% [markdown] tags=["workshop"]
# With equal numbers nothing happens. Where the group that varies more is *small*, the test finds far too
# much; where it is large, the test hardly finds anything. So compare the spread of the residuals between
# the levels of each factor, and look at the sizes of the groups.
#
# This kind of model has no place for two residual variances. Others have: `weights = varIdent(form = ~ 1 |
# sex)` in R's nlme, `dispformula = ~ sex` in glmmTMB, or `sigma ~ sex` in brms. Within this course,
# cluster-robust standard errors, `fixed_effects_table(fit, robust="school")`, do not assume that the spread
# is equal.

# %% [markdown] tags=["workshop"]
# ## Case 11: random effects that are not normal
#
# In `few_high` most schools lie near the average, and a few lie far above it. `plots.qq` draws random
# effects, too.

# %% tags=["workshop"]
ax = plots.qq(quiet_fits["few_high"], "school")
plots.show(ax)

# %% tags=["workshop"]
few_high_fit = quiet_fits["few_high"]
highest = true_few_high.nlargest(2).index
predicted = few_high_fit.random_effects["school"]["Intercept"]
weight = 3**2 / (3**2 + 6**2 / 15)  # shrinkage of schools with 15 pupils, from the true SDs
pd.DataFrame(
    {
        "truth": [2, 3, *true_few_high[highest]],
        "estimate": [few_high_fit.fe_params["age10"], school_sd(few_high_fit), *predicted[highest]],
        f"truth x {weight:.2f}": [np.nan, np.nan, *(weight * true_few_high[highest])],
    },
    index=["age10", "SD between schools", *(f"effect of {name}" for name in highest)],
).round(2)

# %% [markdown] tags=["workshop"]
# The points bend away from the dashed line: most schools are bunched together, and the highest lie too far
# out. What harm does it do?
#
# - The slope of age is hardly affected, and nor is its standard error (Schielzeth et al. 2020, doi
#   10.1111/2041-210X.13434).
# - The SD between schools comes out about right. But it is less well known than its interval says, because
#   a few schools decide it.
# - The predicted effects of the highest schools fall short of the truth. Most of that is no harm of this
#   shape: it is plain [shrinkage](glossary.ipynb#shrinkage), as the last column shows, and normal effects
#   shrink by the same factor. What the shape adds is that the highest school lies further out, so the same
#   factor costs it more points. A thousand sets of 40 schools, with no fits needed:

# %% tags=["workshop"]
rng = np.random.default_rng(40)
shapes = {
    "normal": rng.normal(0, 3, (1000, 40)),
    "few high": 3 * (rng.exponential(1, (1000, 40)) - 1),
}
for name, effects in shapes.items():
    means = effects + rng.normal(0, 6 / np.sqrt(15), effects.shape)
    shortfall = (
        effects.max(axis=1)
        - weight * np.take_along_axis(means, effects.argmax(axis=1)[:, None], axis=1).ravel()
    )
    print(
        f"{name:8}  the truly highest school falls short by {shortfall.mean():.1f} points on average"
    )

# %% [markdown] tags=["workshop"]
# One warning about the picture. Predicted effects of a model that assumes a normal distribution look more
# normal than the true ones, because they are pulled together; with few pupils per school a Q-Q plot may
# show nothing at all (Verbeke and Lesaffre 1996, doi 10.1080/01621459.1996.10476679). A straight line in it
# is no proof.
#
# **The cure.** First look for the cause: a predictor of schools that is missing, such as private or public.
# If none is found, keep the fit. **What to report:** the shape of the random effects, and no league table
# of schools.

# %% [markdown] tags=["workshop"]
# ## Case 12: one school carries the result
#
# Leave out one school, fit again, and see what changes. Then put it back and leave out the next.
# [Influence](glossary.ipynb#influence) is how much the estimates move. `influence` does it for a whole
# level.

# %% tags=["workshop"]
from course import influence

moved = influence(quiet_fits["marks"], "school", progress=False)
moved.nlargest(3, "cook")[
    ["rows", "cook", "dfbeta(Intercept)", "dfbeta(age10)", "change(school)"]
].round(2)

# %% [markdown] tags=["workshop"]
# - `dfbeta` is the fixed effect with this school minus the one without it, in standard errors.
# - `cook` puts the fixed effects together in one distance. Above 1 is a lot.
# - `change(school)` is how the variance between schools changes without that school: −0.5 means that it
#   halves.
#
# Here it is the variance that gives the school away. `diagnose` found it, too, and its findings have the
# four parts of our cases:

# %% tags=["workshop"]
for finding in diagnose(quiet_fits["marks"]):
    print(f"{finding.title} ({finding.severity})")
    parts = {"Seen": finding.seen, "Why it matters": finding.why, "What to do": finding.do}
    for label, text in (parts | {"Report": finding.report}).items():
        print(textwrap.fill(f"{label}: {text}", 90, initial_indent="  ", subsequent_indent="    "))

# %% tags=["workshop"]
figure, ax = plt.subplots(figsize=(7.4, 3.3), layout="constrained")
change = 100 * moved["change(school)"]
odd = change.abs() > 50
ax.axhline(0, color=plots.GREY, linewidth=1)
ax.vlines(range(len(change)), 0, change, color=plots.PALE, linewidth=2)
places = np.arange(len(change))
ax.plot(places[~odd], change[~odd], "o", mfc="white", mec=plots.BLUE)
ax.plot(places[odd], change[odd], "D", color=plots.ORANGE, mec=plots.INK, markersize=9)
for place in places[odd]:
    ax.annotate(
        change.index[place], (place, change.iloc[place]), (8, -4), textcoords="offset points"
    )
ax.axhline(-50, color=plots.INK, linestyle="--", linewidth=1)
ax.set(
    xlabel="school left out (in order of label)",
    ylabel="change of the variance\nbetween schools (%)",
)
ax.set_xticks([])
sns.despine()
plots.show(
    ax,
    alt=f"How the variance between schools changes when one of {len(change)} schools is left out. Without "
    f"{change.idxmin()} it changes by {change.min():.0f} %; without any other by "
    f"{change[~odd].min():.0f} to {change[~odd].max():.0f} %. A dashed line marks -50 %.",
)

# %% [markdown] tags=["workshop"]
# **The cause** is in its rows. Look at them first: at labels, at units, at how the test was given. This
# school turns out to have marked out of 150.
#
# **The cure** is then simple: correct the unit. Do not leave a school out for being unusual. The next
# sample will have unusual schools, too.

# %% tags=["workshop"]
right_unit = quiet["marks"].where(quiet["school"] != "P1-S17", quiet["marks"] / 1.5)
corrected_fit = mixedlm("marks ~ age10 + (1|school)", quiet.assign(marks=right_unit)).fit()
print(diagnose(corrected_fit).heading())
pd.DataFrame(
    {
        "truth": [3, 6],
        "as delivered": quiet_fits["marks"].variance_components["sdcor"].to_numpy(),
        "unit corrected": corrected_fit.variance_components["sdcor"].to_numpy(),
    },
    index=["SD between schools", "residual SD"],
).round(1)

# %% [markdown] tags=["workshop"]
# **What to report:** which rows were changed, and why. If no error is found, report the result with and
# without that school.
#
# <details>
# <summary>In R</summary>
#
# ```r
# plot(fit); qqnorm(resid(fit)); qqnorm(ranef(fit)$school[, 1])
# cooks.distance(influence(fit, groups = "school"))
# ```
#
# </details>

# %% [markdown] tags=["workshop"]
# ## All complaints in one table
#
# | complaint | what it means | what to do and to report |
# |---|---|---|
# | singular, a variance is 0 | groups differ no more than chance makes them | keep it; report the interval |
# | singular, correlation ±1 | the slope hardly varies, or zero is far off | centre; then follow the chart |
# | did not converge | the search gave up | centre, scale, simplify; another search |
# | converged, with warnings | perhaps not at the optimum | compare log-likelihoods of two searches |
# | Hessian, two equal variances | one row per group | leave the term out |
# | few levels | the variance is hardly known | its interval, or `C(group)`; the number of groups |
# | intercept SD huge, correlation −1 | zero lies far outside the data | centre; report the zero |
# | coefficient 0.000 | the unit is too small | change the unit; report it |
# | singular matrix; "determined by" | a predictor repeats others | leave one out |
# | slope does not vary within groups | it belongs to the group | no slope there, only `1` |
# | labels are numbers | a slope may be fitted to names | `C(...)` |
# | rows left out | gaps | count them, say why; look for 999 |
# | *silent:* residuals bend | a straight line where there is none | `I(x**2)`; show the picture |
# | *silent:* spread grows, long tail | effects multiply | logarithm; report factors |
# | *silent:* boys spread more than girls | one residual variance for all | robust errors; the ratio |
# | *silent:* random effects not normal | perhaps a predictor is missing | look for it; no league table |
# | *silent:* one group decides | an error, or an unusual group | look at its rows; report both results |

# %% [markdown] tags=["workshop"]
# ## Four mysteries
#
# Your turn. `mysteries` gives some of your pupils new scores, four times, and each time something is
# wrong. (It is hidden in `course/exercises/mysteries.py`. Read it afterwards.) Look at the data, fit, read
# `.notes`, draw. Then decide what is wrong, and write the formula that puts it right, in quotes.

# %% tags=["workshop"]
from course.exercises import mysteries

mystery = mysteries(pupils)
mystery["A"].head(3)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 08.3.** *Mystery A.* In this study age is only a control variable, and its random slope was
# added "to be safe". The fit is singular. Follow the chart, step by step. Which is the *simplest* formula
# whose estimate and standard error of `age10` are the same as those of the last fit that is still singular?

# %% tags=["workshop", "exercise", "solution"]
a_fit = mixedlm("test_score ~ age10 + (1|classroom) + (age10|school)", mystery["A"]).fit()
print(a_fit.variance_components[["group", "effect", "effect2", "sdcor"]].round(2).fillna(""))
formula_a = "test_score ~ age10 + (1|classroom) + (1|school)"  #!
check("08.3", formula_a)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Case 2. The correlation is at the edge because the slopes hardly vary. With two bars, the SD of the
# slopes falls to exactly 0 and the fit stays singular. From there, leaving the slope out changes neither
# the estimate of `age10` nor its standard error. Had the average slope been the question of the study, the
# chart would have kept the slope, with Kenward and Roger's df.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 08.4.** *Mystery B.* This fit does not complain. Look at the means of its residuals for each
# half year of age. Which formula brings them to 0?

# %% tags=["workshop", "exercise", "solution"]
b_fit = mixedlm("test_score ~ age10 + (1|classroom) + (1|school)", mystery["B"]).fit()
half = (2 * mystery["B"]["age10"]).round() / 2
means = b_fit.resid.groupby(half).agg(["size", "mean"])
print(means.query("size >= 20")["mean"].round(1).to_string())
formula_b = "test_score ~ age10 + I(age10**2) + (1|classroom) + (1|school)"  #!
check("08.4", formula_b)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Case 9. The means are below 0 at both ends and above 0 in the middle. No random effect can put that
# right: it is the *average* line that is bent. A picture against age shows it, and `diagnose(b_fit)` finds it
# by adding the square.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 08.5.** *Mystery C.* There are three districts, and people say that one of them is well
# ahead. The fit does not show it. What is wrong, and which formula shows it?

# %% tags=["workshop", "exercise", "solution"]
print("districts:", sorted(mystery["C"]["district"].unique().tolist()))
c_fit = mixedlm("test_score ~ age10 + district + (1|classroom) + (1|school)", mystery["C"]).fit()
print(c_fit.fixed_effects[["estimate", "std_error"]].round(2))
formula_c = "test_score ~ age10 + C(district) + (1|classroom) + (1|school)"  #!
check("08.5", formula_c)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Cases 8 and 5. `district` is a name that looks like a number, and the fit drew a line through 1,
# 2 and 3. The district in the middle is the one ahead, and a line cannot show that. `C(district)` gives
# two coefficients, each against district 1. A random effect would not do: three districts tell next to
# nothing about a variance.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 08.6.** *Mystery D.* The study asks whether experienced teachers have better classes. Someone
# let the slope of experience vary. What is wrong with that, and which formula is right?

# %% tags=["workshop", "exercise", "solution"]
d_fit = mixedlm(
    "test_score ~ age10 + teacher_experience + (teacher_experience|classroom) + (1|school)",
    mystery["D"],
).fit()
print(d_fit.variance_components[["group", "effect", "effect2", "sdcor"]].round(2).fillna(""))
formula_d = "test_score ~ age10 + teacher_experience + (1|classroom) + (1|school)"  #!
check("08.6", formula_d)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Case 7. A classroom has one teacher, and that teacher has one number of years. No classroom can
# show a slope. The table of variances need not reveal it; `d_fit.notes` does.

# %% [markdown] tags=["workshop"]
# ## Quiz
#
# Answer with one letter, in quotes.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 08.7.** A fit has converged. What does that say?
#
# - a) it is at the optimum
# - b) the search met its own rule for stopping
# - c) the model is right

# %% tags=["workshop", "exercise", "solution"]
converged_says = "b"  #!
check("08.7", converged_says)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 08.8.** One row per pupil, and `groups="student_id"`. The variance between pupils and the
# residual variance come out equal. Why?
#
# - a) in truth both are the same
# - b) statsmodels rounds small differences away
# - c) the data determine only their sum, and the search stays where it started

# %% tags=["workshop", "exercise", "solution"]
why_equal = "c"  #!
check("08.8", why_equal)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 08.9.** A study has thirty clinics. Without one of them the variance between clinics halves.
# What do you do?
#
# - a) look at the rows of this clinic and correct errors; if there are none, report the result with and
#   without it
# - b) leave it out: it is an outlier
# - c) nothing: shrinkage takes care of it

# %% tags=["workshop", "exercise", "solution"]
odd_clinic = "a"  #!
check("08.9", odd_clinic)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* 08.7: case 3 converged several units below the optimum, and mystery B converged on a wrong model.
# 08.8: one row cannot tell what would stay the same in a second row of that pupil. 08.9: an unusual clinic
# may be an error in the file or a fact about clinics, and only its rows can tell.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - A singular fit is an answer: the best estimate lies on the edge. Report it with its interval, and do
#   not write that there is no variation.
# - Let the design choose the random slopes, drop only what the fit puts at the edge, one step at a time, and
#   check that the result stays.
# - Converged means that the search has stopped. Near the edge, compare the log-likelihoods of two searches.
# - Most complaints come from the data and the formula: one row per group, few groups, a zero far away, a
#   predictor that repeats another, names that look like numbers.
# - The worst faults are silent. Draw residuals against predictors and fitted values, draw the random
#   effects, and leave out each group once.
# - Say in the report what complained, what you changed, and whether the conclusion changed with it.
#
# **What comes next:** [lesson 09](09-planning-a-study.ipynb) plans a study before there are data: how
# many pupils, and how many schools? The [solutions](solutions/08-when-the-fit-complains.ipynb) of this
# lesson explain each answer.
