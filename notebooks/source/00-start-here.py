# %% [markdown] tags=["workshop"]
# # Start here
#
# After this lesson you will be able to
#
# - check that everything is installed, and read what the check says;
# - run a cell, answer an exercise and have it checked;
# - find your way round the lessons;
# - say who the pupils in the data are, and how they are grouped.
#
# **Time:** 10 minutes in the workshop, 15 on your own.
#
# **Before:** nothing but this page open in JupyterLab, and a little Python with pandas.
#
# **Data:** `pupils`: simulated pupils in classrooms in schools in provinces.

# %% [markdown] tags=["workshop"]
# ## Is everything there?
#
# The grey box below is a *cell*. Click into it and press **Shift + Enter** to run it. It takes some
# seconds.

# %% tags=["workshop", "nbval-ignore-output"]
from course import doctor

status = doctor.main()

# %% [markdown] tags=["workshop"]
# Every line should begin with OK. A line that begins with FAIL is followed by the mend: what to type in
# a terminal. Type it, and run the cell again. If that does not help, show the line to your instructor, or
# open an issue in the course's repository. (`python -m course doctor` in a terminal prints the same lines.)

# %% [markdown] tags=["workshop"]
# ## Meet the data
#
# Most lessons use the same pupils. They are simulated: nobody's privacy is touched, and we know the
# truth that the models try to find.

# %% tags=["workshop"]
from course import check, load, plots

pupils = load("pupils")
pupils[["province", "school", "classroom", "student_id", "age", "sex", "test_score"]].head()

# %% [markdown] tags=["workshop"]
# One row is one pupil. The labels tell where the pupil sits: in a classroom, in a school, in a province.
# `age` is in years, `test_score` in points. Two more columns, about the teacher and about the school, wait
# for later lessons.
#
# How many are there of each?

# %% tags=["workshop"]
pupils[["province", "school", "classroom", "student_id"]].nunique()

# %% [markdown] tags=["workshop"]
# Pupils of one school resemble each other, and so do those of one classroom. You can see it. Here are all
# the pupils of one province, one row per classroom:

# %% tags=["workshop"]
province = pupils[pupils["province"] == "P01"]
means = province.groupby("classroom")["test_score"].mean()
ax = plots.scores(province, "test_score", "classroom")
plots.show(
    ax,
    alt=f"The scores of {len(province)} pupils as rings, in one row for each of {len(means)} "
    f"classrooms, with the mean of the classroom as a diamond. The means run from {means.min():.0f} "
    f"to {means.max():.0f} points; inside a classroom the rings spread widely, too.",
)

# %% [markdown] tags=["workshop"]
# The rows are shifted against each other. Ordinary regression assumes that there is no such shift once
# the predictors are accounted for: it treats the pupils as independent. The models of this course do not.

# %% [markdown] tags=["workshop"]
# ## Exercises, and how they are checked
#
# An exercise has a number, and a cell with dots. Run the cell as it is: it says that it waits for you.
# Replace the dots by your answer and run it again. You can try as often as you like.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 00.1.** How many classrooms are there? Type the number from the table above, or let pandas
# count: both are fine.

# %% tags=["workshop", "exercise", "solution"]
classrooms = pupils["classroom"].nunique()  #!
check("00.1", classrooms)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 00.2.** How many pupils does a classroom have on average? One decimal is enough.

# %% tags=["workshop", "exercise", "solution"]
pupils_per_classroom = len(pupils) / pupils["classroom"].nunique()  #!
check("00.2", pupils_per_classroom)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Every pupil sits in exactly one classroom, so the mean size is the number of pupils over the
# number of classrooms. `pupils.groupby("classroom").size().mean()` gives the same.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 00.3.** Does every classroom belong to one school only? Look at the code: it counts the schools
# of each classroom. What is the largest count?

# %% tags=["workshop", "exercise", "solution"]
schools_of_each_classroom = pupils.groupby("classroom")["school"].nunique()
largest = schools_of_each_classroom.max()  #!
check("00.3", largest)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* If one classroom had pupils of two schools, its count would be 2. The largest count is 1, so
# classrooms are [nested](glossary.ipynb#nested) in schools.
# [Lesson 04](04-nested-and-crossed.ipynb) shows data in which this is not so.

# %% [markdown] tags=["workshop"]
# ## Find your way
#
# | lesson | you will | minutes in the workshop | minutes alone |
# |---|---|---:|---:|
# | [00 Start here](00-start-here.ipynb) | check the installation, meet the data | 10 | 15 |
# | [01 Why groups matter](01-why-groups-matter.ipynb) | see what ordinary regression overlooks | 30 | 60 |
# | [02 Random intercepts](02-random-intercepts.ipynb) | fit classrooms in schools in provinces | 45 | 70 |
# | [03 Random slopes](03-random-slopes.ipynb) | let the effect of age differ between groups | 45 | 70 |
# | [04 Nested and crossed](04-nested-and-crossed.ipynb) | see in the data how groups lie | 40 | 65 |
# | [05 Covariance structures](05-covariance-structures.ipynb) | say what may correlate with what | 40 | 70 |
# | [06 Interpretation](06-interpretation.ipynb) | turn every number of a summary into a sentence | 60 | 100 |
# | [07 Inference](07-inference.ipynb) | test and give intervals when groups are few | | 90 |
# | [08 When the fit complains](08-when-the-fit-complains.ipynb) | read warnings, and resolve them | | 120 |
# | [09 Planning a study](09-planning-a-study.ipynb) | decide between more schools and more pupils | | 80 |
# | [10 Under the bonnet](10-under-the-bonnet.ipynb) | build the likelihood with your own hands | | 80 |
# | [11 Capstone](11-capstone.ipynb) | from question to report, on real data | | 120 |
# | [12 Yes or no, and how many](12-yes-no-and-how-many.ipynb) | pass or fail, and counts | | 75 |
# | [13 A national assessment](13-national-assessment.ipynb) | plausible values, weights, gaps | | 75 |
#
# Beside the lessons:
#
# - [Glossary](glossary.ipynb): look up a word.
# - [Phrasebook](phrasebook.ipynb): from R's lme4 to statsmodels and this course, line by line.
# - [Myths](myths.ipynb): what tutorials claim, and what is so.
# - [Bring your own data](bring-your-own-data.ipynb): a notebook that takes your file.
#
# How to use them:
#
# - In the **workshop**, skip the sections whose heading ends in *(self-study)*; lessons from 07 on come
#   afterwards. On your own, take all.
# - Every lesson with exercises has its **solutions** in the folder `solutions`, with the reasoning. Try
#   first.
# - Something odd? *Kernel → Restart Kernel and Run All Cells* starts the lesson afresh.

# %% [markdown] tags=["self-study"]
# ## Why this course exists (self-study)
#
# Search the web for mixed models in Python and you will find calls like the next one. It runs. It even
# reports that it converged. But see what it estimated.

# %% tags=["self-study"]
import statsmodels.formula.api as smf

numbered = pupils.assign(
    classroom=pupils["classroom"].astype("category").cat.codes,
    school=pupils["school"].astype("category").cat.codes,
)
found_on_the_web = smf.mixedlm(
    "test_score ~ age + (1|classroom) + (1|school)", numbered, groups=numbered["province"]
).fit()
print("converged:", found_on_the_web.converged)
print("coefficients:", ", ".join(found_on_the_web.fe_params.index))

# %% [markdown] tags=["self-study"]
# There is a coefficient called `1 | school`, a slope: of what? Nobody asked for it, no error came, and no
# warning. [Lesson 01](01-why-groups-matter.ipynb) finds out. This course takes the formula as it was
# meant:

# %% tags=["self-study"]
from course import mixedlm

fit = mixedlm("test_score ~ age + (1|classroom) + (1|school) + (1|province)", pupils).fit()
print("coefficients:", ", ".join(fit.fe_params.index))
fit.variance_components[["group", "effect", "vcov", "sdcor"]].round(1)

# %% [markdown] tags=["self-study"]
# An intercept, a slope of age, and one variance for each level. What these mean is the matter of the
# lessons that follow.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - The check of the installation prints OK or FAIL, and the mend with it.
# - An exercise waits where there are dots; its check says right, or gives a hint.
# - The pupils sit in classrooms, these in schools, and these in provinces. Pupils of one group resemble
#   each other.
#
# **What comes next:** [Why groups matter](01-why-groups-matter.ipynb), and what goes wrong without them.
# The [solutions](solutions/00-start-here.ipynb) of this page explain each answer.
