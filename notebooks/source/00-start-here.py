# %% [markdown] tags=["workshop"]
# # Start here
#
# After this lesson you will be able to
#
# - check that everything is installed, and read what the check says;
# - run a cell, answer an exercise and have your answer checked;
# - find your way around the lessons;
# - say who the pupils in the data are, and how they are grouped.
#
# **Time:** 15 minutes in the workshop, 20 on your own.
#
# **Before:** nothing but this page, in JupyterLab or on the website, and a little Python with pandas.
#
# **Data:** `pupils`: simulated pupils in classrooms in schools in provinces.

# %% [markdown] tags=["workshop"]
# ## Is everything there?
#
# The grey box below is a *cell*. Click into it and press **Shift + Enter** to run it. It takes a few
# seconds.

# %% tags=["workshop", "nbval-ignore-output"]
from course import doctor

status = doctor.main()

# %% [markdown] tags=["workshop"]
# You should see lines like these, more than twenty of them in JupyterLab and about fifteen on the
# website:
#
# ```text
# OK    Python 3.11.7
# OK    pandas 3.1.1
# OK    data/pupils.csv
# OK    the course fits the same model
# all 26 checks OK
# ```
#
# If a line says FAIL, the line below it tells you what to type in a terminal to fix it. Type that, and
# run the cell again. If it still fails, show the line to your instructor, or open an issue in the
# course's repository. (`python -m course doctor` in a terminal prints the same lines.)

# %% [markdown] tags=["workshop"]
# ## Meet the data
#
# Most lessons use the same pupils. They are simulated. So nobody's privacy is at stake, and we know the
# truth that the models try to find.

# %% tags=["workshop"]
from course import check, load, plots

pupils = load("pupils")
pupils.head()

# %% [markdown] tags=["workshop"]
# `load` reads a data set of the course. `plots` draws, and `check`, further down, looks at your answers.
#
# Each row is one pupil. These are the columns:
#
# | column | what it holds |
# |---|---|
# | `province`, `school`, `classroom` | where the pupil sits: P01-S1-C1 is a classroom of school P01-S1 |
# | `student_id` | the label of the pupil |
# | `age` | in years; classrooms here are mixed-age, so classmates may be three years apart |
# | `sex` | `female` or `male` |
# | `teacher_experience` | years that the classroom's teacher has taught |
# | `school_resources` | an index: 0 is the average school, 1 is one standard deviation above it |
# | `test_score` | the result of the test, in points |
#
# How many are there of each?

# %% tags=["workshop"]
pupils[["province", "school", "classroom", "student_id"]].nunique()

# %% [markdown] tags=["workshop"]
# Now look at the pupils of one province. Each row of the picture is a classroom, and the classrooms of
# one school stand together.

# %% tags=["workshop"]
province = pupils[pupils["province"] == "P01"]
ax = plots.scores(province, "test_score", "classroom", within="school")
plots.show(ax)

# %% [markdown] tags=["workshop"]
# Every picture comes with its description, for those who cannot see it and for the back row of a room.
#
# The schools are shifted against each other: follow the upright lines. Inside a school, the classrooms
# are shifted too: follow the diamonds. Some of this is chance, and lesson 01 shows how much. But ordinary
# regression has no place for such shifts. It treats all these pupils as independent of each other. The
# models of this course do not.

# %% [markdown] tags=["workshop"]
# ## Exercises, and how they are checked
#
# An exercise has a number, and a cell with three dots in it. If you run the cell as it is, it says that
# it is waiting for you. Replace the dots with your answer and run it again, as often as you like.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 00.1.** How many classrooms are there? You can type the number from the table above, or let
# pandas count.

# %% tags=["workshop", "exercise", "solution"]
classrooms = pupils["classroom"].nunique()  #!
check("00.1", classrooms)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 00.2.** How many pupils does a classroom have on average? One decimal is enough.

# %% tags=["workshop", "exercise", "solution"]
pupils_per_classroom = len(pupils) / pupils["classroom"].nunique()  #!
check("00.2", pupils_per_classroom)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Every pupil sits in exactly one classroom, so the mean size is the number of pupils divided by
# the number of classrooms. `pupils.groupby("classroom").size().mean()` gives the same.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 00.3.** Does every classroom belong to just one school? The code counts the schools of each
# classroom. What is the largest count?

# %% tags=["workshop", "exercise", "solution"]
schools_of_each_classroom = pupils.groupby("classroom")["school"].nunique()
largest = schools_of_each_classroom.max()  #!
check("00.3", largest)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* If a classroom had pupils from two schools, its count would be 2. The largest count is 1, so
# classrooms are [nested](glossary.ipynb#nested) in schools. [Lesson 04](04-nested-and-crossed.ipynb)
# shows data where this is not so.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 00.4.** Some exercises offer a choice. Answer those with a letter *in quotes*, such as `"a"`;
# without quotes, Python looks for a variable of that name. Which pupils share a school?
#
# - a) all pupils of one province
# - b) all pupils of one classroom
# - c) all pupils of the same age

# %% tags=["workshop", "exercise", "solution"]
share_a_school = "b"  #!
check("00.4", share_a_school)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* A classroom lies in one school, as you saw in exercise 00.3. A province has several schools, and
# pupils of one age are found in all of them.

# %% [markdown] tags=["workshop"]
# ## Find your way
#
# - In the **workshop**, skip the sections whose heading ends in *(self-study)*; lessons from 07 on are
#   for afterwards. On your own, take everything.
# - **When you come back to a lesson**, its outputs are still there, but Python has forgotten everything.
#   Click on the cell where you want to go on, and choose *Run → Run All Above Selected Cell* first. (On
#   the website, it is the button *Run all above* under that cell.) If you see `NameError: name 'check'
#   is not defined`, this is what is missing.
# - *Kernel → Restart Kernel and Run All Cells* runs the whole lesson afresh.
# - Every lesson with exercises has its **solutions** in the folder `solutions`, with the reasoning. Try
#   first.
# - The [glossary](glossary.ipynb) explains the terms. The [phrasebook](phrasebook.ipynb) leads from R's
#   lme4 to statsmodels and this course. [Myths](myths.ipynb) answers what tutorials claim. [Bring your
#   own data](bring-your-own-data.ipynb) is a notebook that takes your file.
#
# <details>
# <summary>All lessons, with their minutes</summary>
#
# | lesson | you will | minutes in the workshop | minutes alone |
# |---|---|---:|---:|
# | [00 Start here](00-start-here.ipynb) | check the installation, meet the data | 15 | 20 |
# | [01 Why groups matter](01-why-groups-matter.ipynb) | see what ordinary regression overlooks | 35 | 65 |
# | [02 Random intercepts](02-random-intercepts.ipynb) | fit classrooms in schools in provinces | 40 | 65 |
# | [03 Random slopes](03-random-slopes.ipynb) | let the effect of age differ between groups | 45 | 70 |
# | [04 Nested and crossed](04-nested-and-crossed.ipynb) | see in the data how groups lie | 40 | 70 |
# | [05 Covariance structures](05-covariance-structures.ipynb) | say what may correlate with what | 35 | 75 |
# | [06 Interpretation](06-interpretation.ipynb) | turn every number of a summary into a sentence | 60 | 90 |
# | [07 Inference](07-inference.ipynb) | test and give intervals when groups are few | | 100 |
# | [08 When the fit complains](08-when-the-fit-complains.ipynb) | read warnings, and resolve them | | 120 |
# | [09 Planning a study](09-planning-a-study.ipynb) | decide between more schools and more pupils | | 80 |
# | [10 Under the bonnet](10-under-the-bonnet.ipynb) | build the likelihood with your own hands | | 80 |
# | [11 Capstone](11-capstone.ipynb) | go from question to report, on real data | | 120 |
# | [12 Yes or no, and how many](12-yes-no-and-how-many.ipynb) | model pass or fail, and counts | | 90 |
# | [13 A national assessment](13-national-assessment.ipynb) | use plausible values and weights | | 75 |
#
# </details>

# %% [markdown] tags=["self-study"]
# ## Why this course exists (self-study)
#
# If you know R's `lmer`, you may try its formulas in Python's statsmodels. There, `(1|school)` is meant
# to say "schools differ". Lesson 02 explains it; for the moment just look at what comes out. The schools
# and classrooms get numbers, as in many data sets.

# %% tags=["self-study"]
import statsmodels.formula.api as smf

numbered = pupils.assign(
    classroom=pupils["classroom"].astype("category").cat.codes,
    school=pupils["school"].astype("category").cat.codes,
)
found_on_the_web = smf.mixedlm(
    "test_score ~ age + (1|classroom) + (1|school)",
    numbered,
    groups=numbered["province"],
).fit()
print("converged:", found_on_the_web.converged)
print("coefficients:", ", ".join(found_on_the_web.fe_params.index))

# %% [markdown] tags=["self-study"]
# It runs, and it even reports that it converged. But there is a coefficient called `1 | school`: a slope,
# but of what? We did not ask for one, and there was no error or warning. [Lesson
# 01](01-why-groups-matter.ipynb) finds out. This course takes the formula as it was meant:

# %% tags=["self-study"]
from course import mixedlm

fit = mixedlm("test_score ~ age + (1|classroom) + (1|school) + (1|province)", pupils).fit()
print("coefficients:", ", ".join(fit.fe_params.index))
fit.variance_components[["group", "effect", "vcov", "sdcor"]].round(1)

# %% [markdown] tags=["self-study"]
# We get an intercept, a slope of age, and one variance for each level. The next lessons explain what
# these numbers mean.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - The check of the installation prints OK or FAIL, and says how to fix what fails.
# - An exercise waits where there are dots. Its check tells you that you are right, or gives a hint.
# - Before you go on in the middle of a lesson, choose *Run → Run All Above Selected Cell*.
# - The pupils sit in classrooms, the classrooms belong to schools, and the schools to provinces. Pupils
#   of one group resemble each other.
#
# **What comes next:** [Why groups matter](01-why-groups-matter.ipynb), and what goes wrong when they are
# ignored. The [solutions](solutions/00-start-here.ipynb) of this page explain each answer.
