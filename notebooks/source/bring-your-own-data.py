# %% [markdown] tags=["workshop"]
# # Bring your own data
#
# This is a notebook to keep. You name a file and a few columns, and it takes you through an analysis in
# the order that makes sense: the groups first, then a formula, the fit, its checks, adjusted means, and a
# paragraph for your report. At the end it writes a script that does everything again.
#
# **Time:** 30 minutes on your own, for each data set.
#
# **Before:** lessons [02](02-random-intercepts.ipynb) to [06](06-interpretation.ipynb), or the courage to
# look things up in the [glossary](glossary.ipynb).
#
# **Data:** yours. The example is `exam.csv`: examination results of pupils in 65 schools of inner London.
# Run all cells once to see how it works, and then put in your own file.

# %% [markdown] tags=["workshop"]
# ## 1. Your file
#
# Each row should be one observation: a pupil, or a pupil in one year. In JupyterLab, drag the file into
# the panel on the left. Then it is in the same folder as this notebook, and you only need its name.
#
# | from | endings | good to know |
# |---|---|---|
# | text | `.csv`, `.csv.gz` | semicolons and decimal commas are read, too |
# | Excel, LibreOffice | `.xlsx`, `.ods` | `sheet="..."` names the sheet, else the first is read |
# | SPSS | `.sav`, `.zsav`, `.por` | labels and missing codes come along |
# | Stata | `.dta` | `.a` to `.z` are missing, with their labels |
# | SAS | `.sas7bdat` | labels are in a catalog, `catalog="formats.sas7bcat"` |
# | R | `.rds`, `.rda`, `.RData` | `sheet="..."` names the table of an `.rda` |
# | Python | `.parquet`, `.feather` | |
#
# `labels` lists the columns of a CSV file or workbook that hold labels of groups. They are read as text,
# so that 007 stays 007. `na_values` lists further values that mean "missing", such as -99; or write
# `{"age": [99]}` for a code that means "missing" in one column only.

# %% tags=["workshop"]
from course.data import data_file

file = data_file("exam.csv")  # for your own: file = "results.xlsx", in quotes
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


def span(column):
    """From the lowest number of a column to the highest."""
    numbers = pd.api.types.is_numeric_dtype(column) and column.dtype != bool
    return f"{column.min():g} to {column.max():g}" if numbers else ""


pd.DataFrame(
    {
        "read as": data.dtypes.astype(str),
        "different values": data.nunique(),
        "missing": data.isna().sum(),
        "range": [span(data[name]) for name in data.columns],
        "first": data.iloc[0].astype(str),
        "title": [titles.get(name, "") for name in data.columns],
    }
)

# %% [markdown] tags=["workshop"]
# Look at the column *read as* before anything else.
#
# - If a number was read as text (`str`), there is something else in it: a decimal comma, a unit, or a
#   dash for "missing".
# - If a label was read as a number (`int64`, `float64`), add the column to `labels`. The same goes for
#   numbers that are codes and not a scale, such as 1 = town, 2 = village.
# - A `category` is a factor: in a file from SPSS, Stata or SAS, a column all of whose values have labels.
#   Its first level is the one with the lowest code. `read_table(file, labels="codes")` gives the codes
#   instead.
# - *missing* should count what you know to be missing. If a dash or -99 stands for it in your file, write
#   `na_values = ["-", -99]` above. Codes that the file itself declares missing are already treated so.
# - *range*, from the lowest number to the highest, reveals other codes. If a test of at most 50 points
#   has a highest value of 999, that is a code.
# - *title* is what the file says about a column in words. Pictures and the report will use it.
#
# Here is what was done with labels and codes: first the levels of each factor, in order, then the reasons
# for missing values, if the file gives any.

# %% tags=["workshop"]
for name in data.select_dtypes("category"):
    print(f"{name}: {', '.join(map(str, data[name].cat.categories))}")
for name, why in data.attrs.get("missing", {}).items():
    print(f"{name}, missing: {', '.join(filter(None, why['labels']))}")
if not titles and not data.attrs.get("missing"):
    print("This file has no labels of its own.")

# %% [markdown] tags=["workshop"]
# If anything special was needed to read the file (semicolons, decimal commas, leading zeros, codes among
# numbers), it is said here:

# %% tags=["workshop"]
for note in data.attrs.get("notes", ["Nothing to say."]):
    print(textwrap.fill(note, 95))

# %% [markdown] tags=["workshop"]
# ### Several measurements in one row?
#
# A model needs one measurement per row. If yours are side by side (`math_1`, `math_2`, `math_3`), the
# table is *wide*. The next cell then says so, and gives the call that makes it long. Copy that call into
# the cell below.

# %% tags=["workshop"]
wide = [warning for warning in structure(data).warnings if "wide_to_long" in warning]
print(*(wide or ["One measurement per row: nothing to do."]), sep="\n")

# %% tags=["workshop"]
# data = pd.wide_to_long(data, ["math"], i="student", j="year", sep="_").reset_index()

# %% [markdown] tags=["workshop"]
# ## 2. What is to be explained, and by what
#
# - `response`: the column to be explained. It must be numeric, and it should have many values. For yes/no
#   answers and small counts a linear model is the wrong tool: use `mixedglm` as in [lesson
#   12](12-yes-no-and-how-many.ipynb).
# - `predictors`: what your question is about, and what has to be accounted for. For a code, write
#   `C(code)` in the formula of step 4.
# - `groups`: the columns whose labels put rows into groups. With `None`, the course guesses.

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
# levels, and the smallest, median and largest number of rows per level. `lies_in` names the columns in
# which it is [nested](glossary.ipynb#nested), and `restarts_in` those in whose groups its labels start
# again.

# %% tags=["workshop"]
lies = structure(complete, groups)
lies.groups

# %% [markdown] tags=["workshop"]
# And for each pair of them ([lesson 04](04-nested-and-crossed.ipynb)): how does the column *group* lie in
# the column *in*? `restarting` means that labels start again; `partly nested` means that a few groups lie
# in several. With a single grouping column the table is empty.

# %% tags=["workshop"]
lies.relations

# %% tags=["workshop"]
for warning in lies.warnings:
    print(textwrap.fill(warning, 90, initial_indent="- ", subsequent_indent="  "))

# %% [markdown] tags=["workshop"]
# Every warning is a question that only you can answer, because you know where the data come from. In the
# example, `student` is a number that each school gave to its pupils: student 1 of one school has nothing
# to do with student 1 of another. So it is not a group, and we name the groups ourselves. **With your own
# data, write your groups here**, or `None` if the guess was right.

# %% tags=["workshop"]
groups = ["school"]

# %% [markdown] tags=["workshop"]
# ## 4. A formula to begin with

# %% tags=["workshop"]
proposal = propose(data, response, predictors, groups)
proposal

# %% [markdown] tags=["workshop"]
# It is a first formula and not the last word. Every level that can have a random intercept has one, and
# the predictors are in the fixed part. The rest is your decision, and this is the place for it. Change
# the next line as you like:
#
# - *Random slopes* ([lesson 03](03-random-slopes.ipynb)): include those of the predictors that your
#   question is about, such as `(standLRT | school)`. Without them, the effect looks better known than it
#   is.
# - *Centring*: `I(age - 10)` moves the zero to a place that means something.
# - *The mean of the group* as a predictor of its own ([lesson 06](06-interpretation.ipynb)), where the
#   slopes within and between groups may differ.
# - *Curves and other scales*: `I(age**2)`, `bs(age, df=4)`, `np.log(income)`. *Codes*: `C(code)`.
# - *Weights*: `mixedlm(formula, data, weights="w")` in step 5; for sampling weights see [lesson
#   13](13-national-assessment.ipynb).

# %% tags=["workshop"]
formula = proposal.formula
print(translate(formula, data).explain())

# %% [markdown] tags=["workshop"]
# Does it say what you mean? If not, change it now, because no later check can tell you.
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
# Are these the effects that you expected of the largest groups? If a group is far from all others, look
# at its rows before you make up a story about it.
#
# ## 6. Can the fit be trusted?
#
# First a second opinion: statsmodels fits the same model with another algorithm. (With thousands of
# crossed groups this may take minutes. If so, leave it out.)

# %% tags=["workshop"]
comparison = fit.check()
print("both solvers agree:", comparison.agree)

# %% [markdown] tags=["workshop"]
# Next, what stands out, why it matters, what to do about it, and what to report ([lesson
# 08](08-when-the-fit-complains.ipynb)).

# %% tags=["workshop"]
diagnose(fit)

# %% tags=["workshop"]
plots.show(plots.residuals(fit))

# %% [markdown] tags=["workshop"]
# Above on the left, the residuals should scatter evenly around 0, with no bend in the line. On the right
# you see their size, whatever the sign: where they spread equally everywhere, the line is level. The ends
# of both lines rest on few rows and may wander.
#
# Below, the points should lie near the straight line. With thousands of rows the band is so narrow that
# some points nearly always leave it. That alone is no reason to worry, as the fixed effects do not
# depend much on normal residuals. A few points far out at one end are: look at those rows.

# %% tags=["workshop"]
plots.show(plots.qq(fit))

# %% [markdown] tags=["workshop"]
# ## 7. Does a slope vary?
#
# For each slope that the data could support, this compares the model with it and the model without it.
# The p-value is that of the boundary test ([lesson 07](07-inference.ipynb)). A slope that your question
# is about stays in, whatever its p-value.

# %% tags=["workshop"]
for term in proposal.slopes:
    intercept = f"(1 | {term.split(' | ')[1]}"
    if intercept not in fit.formula:
        print(f"{term}: not tried, because the formula has no {intercept}")
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
# Steps 6 and 7 may tell you to change the formula. **Do so before you go on**: write the new formula in
# step 4, in place of `proposal.formula`, and run the cells from there once more. (The example keeps its
# first formula, only to show what follows. Both steps found something, so for a real report it would
# become `normexam ~ standLRT + schavg + sex + (standLRT | school)`, where `schavg` is the mean of
# `standLRT` in the school.)

# %% [markdown] tags=["workshop"]
# ## 8. Adjusted means
#
# For each factor among the predictors, here is the mean of each level with everything else held equal,
# followed by the differences between the levels, with p-values adjusted for their number. (A p-value
# printed as 0.0 is below 0.0005.)

# %% tags=["workshop"]
factors = [name for name in predictors if not pd.api.types.is_numeric_dtype(data[name])]
for name in factors:
    print(means(fit, name).round(2), "\n")
    print(contrasts(fit, name)[["estimate", "std_error", "lower", "upper", "p_value"]].round(3))

# %% tags=["workshop"]
for name in factors:
    plots.show(plots.means(fit, name))

# %% [markdown] tags=["workshop"]
# A numeric predictor has a slope, which is in the summary. If slopes differ between the levels of a
# factor (`age * sex` in the formula), `slopes(fit, "age", by="sex")` gives one for each.
#
# ## 9. What to report
#
# How alike are two rows of the same group?

# %% tags=["workshop"]
icc(fit).round(2)

# %% [markdown] tags=["workshop"]
# And here is a paragraph with everything that a reader needs to judge the fit. It is up to
# you to add what the numbers mean for your question, as in lesson 06.

# %% tags=["workshop"]
print(textwrap.fill(report(fit), 95))

# %% [markdown] tags=["workshop"]
# ## 10. A script to keep
#
# The next cell turns your choices into a script, which reads the data, fits the model and prints the
# summary and the report. It runs wherever the course is installed: `python analysis.py`.

# %% tags=["workshop"]
where = repr(file) if isinstance(file, str) else f"data_file({file.name!r})"
script = f"""\
import textwrap

from course import diagnose, means, mixedlm, read_table, report
from course.data import data_file  # finds the files that come with the course

data = read_table({where}, labels={labels!r}, na_values={na_values!r})
fit = mixedlm({fit.formula!r}, data).fit()
print(fit.summary())
print(diagnose(fit))
for name in {factors!r}:
    print(means(fit, name))
print(textwrap.fill(report(fit), 95))
"""
print(script)

# %% [markdown] tags=["workshop"]
# Remove the `#` from the next line to write the script. If you made the table long, or changed it in
# another way, add those lines after `data = ...`.

# %% tags=["workshop"]
# open("analysis.py", "w", encoding="utf-8").write(script)

# %% [markdown] tags=["workshop"]
# ## And then
#
# - To try another formula, run the cells from step 4 on once more.
# - For someone with statsmodels alone: `print(translate(formula, data).code)` is a program that fits the
#   same model without this course. For someone with R, the formula is the one for `lmer`.
# - Keep this notebook with the data: it is the record of what you did.
