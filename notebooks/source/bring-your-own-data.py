# %% [markdown] tags=["workshop"]
# # Bring your own data
#
# A notebook to keep. You name a file and a few columns, and it does the rest in the order in which one
# should look: groups first, then a formula, the fit, its checks, adjusted means, and a paragraph to report.
# At the end it writes a script that does it all again.
#
# **Time:** 30 minutes on your own, once for every data set.
#
# **Before:** lessons [02](02-random-intercepts.ipynb) to [06](06-interpretation.ipynb), or the courage to
# look things up in the [glossary](glossary.ipynb).
#
# **Data:** yours. As an example stands `exam.csv`: examination results of pupils in 65 schools of inner
# London. Run all cells once to see how it goes, then put in your own.

# %% [markdown] tags=["workshop"]
# ## 1. Your file
#
# One row is one observation: a pupil, or a pupil in one year. In JupyterLab, drag the file into the panel
# on the left; it then lies beside this notebook, and its name alone is enough.
#
# | from | endings | to know |
# |---|---|---|
# | text | `.csv`, `.csv.gz` | semicolons and decimal commas are read, too |
# | Excel, LibreOffice | `.xlsx`, `.ods` | `sheet="..."` names the sheet, else the first is read |
# | SPSS | `.sav`, `.zsav`, `.por` | labels and missing codes come along |
# | Stata | `.dta` | `.a` to `.z` are missing, with their labels |
# | SAS | `.sas7bdat` | labels lie in a catalog, `catalog="formats.sas7bcat"` |
# | R | `.rds`, `.rda`, `.RData` | `sheet="..."` names the table of an `.rda` |
# | Python | `.parquet`, `.feather` | |
#
# `labels` names the columns of a CSV file or workbook that hold labels of groups. They are read as text, so
# 2 and 2.0 stay two labels. `na_values` are more values that mean "missing", such as -99; or
# `{"age": [99]}`, for a code that means it in one column alone.

# %% tags=["workshop"]
file = "../data/exam.csv"
labels = ["school", "student"]
na_values = []

# %% tags=["workshop"]
import textwrap

import pandas as pd

from course import (
    compare,
    contrasts,
    diagnose,
    icc,
    means,
    mixedlm,
    plots,
    propose,
    read_table,
    report,
    structure,
    translate,
)

data = read_table(file, labels=labels, na_values=na_values)
titles = data.attrs.get("labels", {})
pd.DataFrame(
    {
        "read as": data.dtypes.astype(str),
        "different values": data.nunique(),
        "missing": data.isna().sum(),
        "first": data.iloc[0].astype(str),
        "title": [titles.get(name, "") for name in data.columns],
    }
)

# %% [markdown] tags=["workshop"]
# Look at the column *read as* before anything else.
#
# - A number that was read as text (`str`) has something else in it: a decimal comma, a unit, a dash for
#   "missing".
# - A label that was read as a number (`int64`, `float64`) belongs into `labels`.
# - A `category` is a factor: in a file of SPSS, Stata or SAS, a column all of whose values have labels. Its
#   first level is that of the lowest code. `read_table(file, labels="codes")` has the codes instead.
# - The column *missing* should count what you know to be missing. Where a dash or -99 stands for it, write
#   `na_values = ["-", -99]` above. Codes that the file itself declares missing are missing already.
# - *title* is what the file says of a column in words. Pictures and the report will use it.
#
# What was done with labels and codes: first the levels of each factor, in their order, then why values are
# missing, where the file says so.

# %% tags=["workshop"]
for name in data.select_dtypes("category"):
    print(f"{name}: {', '.join(map(str, data[name].cat.categories))}")
for name, why in data.attrs.get("missing", {}).items():
    print(f"{name}, missing: {', '.join(filter(None, why['labels']))}")
if not titles and not data.attrs.get("missing"):
    print("This file has no labels of its own.")

# %% [markdown] tags=["workshop"]
# How the file was read, where that needs a word (semicolons, decimal commas, zeros before labels, a code
# with a label among numbers):

# %% tags=["workshop"]
for note in data.attrs.get("notes", ["Nothing to say."]):
    print(textwrap.fill(note, 95))

# %% [markdown] tags=["workshop"]
# ### Several measurements in one row?
#
# A model wants one measurement per row. If yours stand side by side (`math_1`, `math_2`, `math_3`), the
# table is *wide*, and the next cell says so, with the call that makes it long. Copy the call into the cell
# below it.

# %% tags=["workshop"]
wide = [warning for warning in structure(data).warnings if "wide_to_long" in warning]
print(*(wide or ["One measurement per row: nothing to do."]), sep="\n")

# %% tags=["workshop"]
# data = pd.wide_to_long(data, ["math"], i="student", j="year", sep="_").reset_index()

# %% [markdown] tags=["workshop"]
# ## 2. What is to be explained, and by what
#
# - `response`: the column to be explained. It must be numeric, and it should have many values: for
#   yes/no answers and counts of a few, linear models are the wrong tool.
# - `predictors`: what your question is about, and what has to be accounted for.
# - `groups`: the columns whose labels put rows into groups. `None` lets the course guess.

# %% tags=["workshop"]
response = "normexam"
predictors = ["standLRT", "sex"]
groups = None

# %% tags=["workshop"]
complete = data.dropna(subset=[response, *predictors])
print(f"{len(data):,} rows, {len(data) - len(complete):,} of them incomplete in these columns")
data[[response, *predictors]].describe().round(2)

# %% [markdown] tags=["workshop"]
# ## 3. How the groups lie
#
# This is the step that most analyses skip. Each line below is one grouping column, with its number of
# levels, and the fewest, the median and the most rows per level. `lies_in` names the columns in which it is
# [nested](glossary.ipynb#nested), `restarts_in` those in whose groups its labels begin again.

# %% tags=["workshop"]
lies = structure(complete, groups)
lies.groups

# %% [markdown] tags=["workshop"]
# And each pair of them ([lesson 04](04-nested-and-crossed.ipynb)): how does the column *group* lie in the
# column *in*? `restarting` means that labels begin again; `partly nested`, that a few groups lie in several.
# With a single grouping column the table is empty.

# %% tags=["workshop"]
lies.relations

# %% tags=["workshop"]
for warning in lies.warnings:
    print(textwrap.fill(warning, 90, initial_indent="- ", subsequent_indent="  "))

# %% [markdown] tags=["workshop"]
# Every warning is a question that only you can answer, since you know where the data come from. In the
# example, `student` is a number that each school gave to its pupils: student 1 of one school has nothing
# to do with student 1 of another. So it is no group, and we name the groups ourselves. **With your own data,
# write your groups here**, or `None` if the guess was right.

# %% tags=["workshop"]
groups = ["school"]

# %% [markdown] tags=["workshop"]
# ## 4. A formula to begin with

# %% tags=["workshop"]
proposal = propose(data, response, predictors, groups)
proposal

# %% [markdown] tags=["workshop"]
# It is a first formula, not the last word: every level that can have a random intercept has one, and the
# predictors are in the fixed part. Slopes are your decision ([lesson 03](03-random-slopes.ipynb)): take those
# that your question is about. Change the next line as you like.

# %% tags=["workshop"]
formula = proposal.formula
print(translate(formula, data).explain())

# %% [markdown] tags=["workshop"]
# Does it say what you mean? If not, change it now: no check further down can tell.
#
# ## 5. The fit

# %% tags=["workshop"]
fit = mixedlm(formula, data).fit()
fit.summary()

# %% tags=["workshop"]
plots.show(plots.variance_shares(fit))

# %% tags=["workshop"]
largest = list(fit.n_groups)[-1]
plots.show(plots.caterpillar(fit, largest))

# %% [markdown] tags=["workshop"]
# Are these the effects of the largest groups that you expected? A group far from all others deserves a
# look at its rows before it gets a story.
#
# ## 6. Is the fit to be trusted?
#
# First a second opinion: statsmodels fits the same model by another way. (With thousands of crossed groups
# this may take minutes; leave it out then.)

# %% tags=["workshop"]
comparison = fit.check()
print("both solvers agree:", comparison.agree)

# %% [markdown] tags=["workshop"]
# Then what stands out, why it matters, what to do, and what to report
# ([lesson 08](08-when-the-fit-complains.ipynb)).

# %% tags=["workshop"]
diagnose(fit)

# %% tags=["workshop"]
plots.show(plots.residuals(fit))

# %% tags=["workshop"]
plots.show(plots.qq(fit))

# %% [markdown] tags=["workshop"]
# ## 7. Does a slope vary?
#
# For each slope that the data could support: the model with it beside the model without. The p-value is
# that of the boundary test ([lesson 07](07-inference.ipynb)). A slope that your design calls for stays in,
# whatever the p-value says.

# %% tags=["workshop"]
for term in proposal.slopes:
    intercept = f"(1 | {term.split(' | ')[1]}"
    if intercept not in fit.formula:
        print(f"{term}: not tried, for the formula has no {intercept}")
        continue
    wider = mixedlm(fit.formula.replace(intercept, term), data).fit()
    if not wider.converged:
        print(f"{term}: did not converge")
        continue
    test = compare(fit, wider).iloc[-1]
    singular = ", singular" if wider.singular else ""
    p = "p < 0.001" if test["p_value"] < 0.001 else f"p = {test['p_value']:.3f}"
    print(f"{term}: log-likelihood {wider.llf - fit.llf:+.1f}, {p}{singular}")

# %% [markdown] tags=["workshop"]
# ## 8. Adjusted means
#
# For each factor among the predictors, the mean of each level with everything else held equal, and the
# differences between the levels, with p-values adjusted for their number.

# %% tags=["workshop"]
factors = [name for name in predictors if not pd.api.types.is_numeric_dtype(data[name])]
for name in factors:
    print(means(fit, name).round(2), "\n")
    print(contrasts(fit, name)[["estimate", "std_error", "lower", "upper", "p_value"]].round(3))

# %% tags=["workshop"]
for name in factors:
    plots.show(plots.means(fit, name))

# %% [markdown] tags=["workshop"]
# A predictor with numbers has a slope, which is in the summary. Where slopes differ between the levels of
# a factor (`age * sex` in the formula), `slopes(fit, "age", by="sex")` has one for each.
#
# ## 9. What to report
#
# How alike are two rows of the same group?

# %% tags=["workshop"]
icc(fit).round(2)

# %% [markdown] tags=["workshop"]
# And a paragraph with everything that a reader needs to judge the fit. What the numbers mean for your
# question, you add yourself, as in lesson 06.

# %% tags=["workshop"]
print(textwrap.fill(report(fit), 95))

# %% [markdown] tags=["workshop"]
# ## 10. A script to keep
#
# The next cell writes what you settled on into a file of its own, which reads the data, fits the model and
# prints summary and report. It runs anywhere where the course is installed: `python analysis.py`.

# %% tags=["workshop"]
script = f"""\
import textwrap

from course import diagnose, means, mixedlm, read_table, report

data = read_table({file!r}, labels={labels!r}, na_values={na_values!r})
fit = mixedlm({fit.formula!r}, data).fit()
print(fit.summary())
print(diagnose(fit))
for name in {factors!r}:
    print(means(fit, name))
print(textwrap.fill(report(fit), 95))
"""
print(script)

# %% [markdown] tags=["workshop"]
# Take the sign off the next line to write it. If you made the table long, or changed it otherwise, add these
# lines after `data = ...`.

# %% tags=["workshop"]
# open("analysis.py", "w", encoding="utf-8").write(script)

# %% [markdown] tags=["workshop"]
# ## And then
#
# - With another formula, run the cells from step 4 on once more.
# - For someone with statsmodels alone: `print(translate(formula, data).code)` is a program that fits the
#   same model without this course. For someone with R, the formula is the one for `lmer`.
# - Keep this notebook beside the data: it is the record of what you did.
