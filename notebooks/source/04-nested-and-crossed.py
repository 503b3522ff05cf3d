# %% [markdown] tags=["workshop"]
# # Nested and crossed
#
# After this lesson you will be able to
#
# - tell nested groups from crossed ones by looking at the data;
# - find labels that are used again, count the groups under both readings, and see what a model makes of
#   them;
# - write `(1|school:classroom)` and `(1|school/classroom)`, and say when you need them;
# - fit pupils who change classrooms, where `student_id` crosses `classroom`.
#
# **Time:** 40 minutes in the workshop, 70 on your own. If you come back in the middle, choose *Run → Run
# All Above Selected Cell* first.
#
# **Before:** [Random intercepts](02-random-intercepts.ipynb) and [random slopes](03-random-slopes.ipynb).
#
# **Data:** `pupils`; `pupils_three_years`, simulated pupils who were tested in three years; `scotssec`,
# real pupils in Scotland.

# %% [markdown] tags=["workshop"]
# ## One dark cell in a row, or several
#
# We begin with the tools and the data. Age is counted from ten years, as before.

# %% tags=["workshop"]
import pandas as pd
import statsmodels.formula.api as smf

from course import check, load, mixedlm, plots, simulate_schools, translate
from course.data import load_truth
from course.exercises import use

pupils = load("pupils")
three_years = load("pupils_three_years")
use(pupils=pupils, pupils_three_years=three_years)
pupils["age10"] = pupils["age"] - 10
three_years["age10"] = three_years["age"] - 10


def part(title, formula, data):
    """Print one section of what `translate` explains."""
    sections = translate(formula, data).explain().split("\n\n")
    print("\n".join(section for section in sections if section.startswith(title)))


# %% [markdown] tags=["workshop"]
# Two grouping factors can be related in two ways. The quickest way to see which is to cross-tabulate
# their labels: one row for each classroom, one column for each school, and a dark cell where at least one
# pupil has both labels. Here are the first two provinces.

# %% tags=["workshop"]
two_provinces = pupils["province"].unique()[:2]
ax = plots.crosstab(
    pupils[pupils["province"].isin(two_provinces)], "classroom", "school", unit="pupil"
)
plots.show(ax)

# %% [markdown] tags=["workshop"]
# Every row has one dark cell. Each classroom belongs to one school, so classrooms are
# [nested](glossary.ipynb#nested) in schools. The number in a cell counts its pupils.
#
# Now some other pupils. These were tested in three years, and some of them changed classrooms in between.
# Here is one of their schools, with a row for each pupil. What will the rows look like?

# %% tags=["workshop"]
one_school = three_years[three_years["school"] == three_years["school"].iloc[0]]
ax = plots.crosstab(one_school, "student_id", "classroom", unit="test")
plots.show(ax)

# %% [markdown] tags=["workshop"]
# Some rows have one dark cell: that pupil sat in the same classroom three times. Other rows have several.
# Pupils are not nested in classrooms, and classrooms are not nested in pupils. They are
# [crossed](glossary.ipynb#crossed).
#
# Crossed does not mean that everybody meets everybody. Many cells are empty here. A few pupils who move
# are enough. (In the literature, such data are called *cross-classified*.)
#
# You can count instead of looking. How many schools does each classroom have?

# %% tags=["workshop"]
schools_per_classroom = pupils.groupby("classroom")["school"].nunique()
schools_per_classroom.value_counts().rename_axis("schools").rename("classrooms").to_frame()

# %% [markdown] tags=["workshop"]
# All of them have one. This is what nested means.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 04.1.** How many pupils of `three_years` sat in more than one classroom?

# %% tags=["workshop", "exercise", "solution"]
movers = (three_years.groupby("student_id")["classroom"].nunique() > 1).sum()  #!
check("04.1", movers)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* For each pupil, count the *different* classrooms. Then count the pupils with more than one. If
# the answer were 0, pupils would be nested in classrooms.

# %% [markdown] tags=["workshop"]
# Now look at two formulas:
#
# - `(1|classroom) + (1|school)`, where classrooms are nested in schools;
# - `(1|student_id) + (1|classroom)`, where pupils and classrooms cross.
#
# They look alike, and they are alike: one term for each grouping factor. **Whether groups are nested or
# crossed is not written in the formula. It is in the data**, in the labels. `translate` looks there:

# %% tags=["workshop"]
part("How the groups lie", "test_score ~ 1 + (1|classroom) + (1|school)", pupils)
part("How the groups lie", "test_score ~ 1 + (1|student_id) + (1|classroom)", three_years)

# %% [markdown] tags=["workshop"]
# ## A label used again
#
# First, the model as it should be: classrooms in schools. We leave the provinces out for now, so the row
# of the school will also contain what the schools of a province have in common. In plain statsmodels:

# %% tags=["workshop"]
formula = "test_score ~ age10 + sex + teacher_experience + (1|classroom) + (1|school)"
translation = translate(formula, pupils)
print("groups:    ", translation.groups)
print("re_formula:", translation.re_formula)
print("vc_formula:", translation.vc_formula)

# %% tags=["workshop"]
model = smf.mixedlm(
    "test_score ~ age10 + sex + teacher_experience",
    pupils,
    groups="school",
    re_formula="1",
    vc_formula={"classroom": "0 + C(classroom)"},
)
result = model.fit()
print(f"classroom   {result.vcomp[0]:.1f}")
print(f"school      {result.cov_re.iloc[0, 0]:.1f}")
print(f"residual    {result.scale:.1f}")

# %% [markdown] tags=["workshop"]
# And with `mixedlm`:

# %% tags=["workshop"]
fit = mixedlm(formula, pupils).fit()
fit.variance_components[["group", "effect", "vcov", "sdcor"]].round(1)

# %% [markdown] tags=["workshop"]
# Now imagine that the same pupils come from the schools' own registers, where every school numbers its
# classrooms from C1. We make such a register by shortening the label:

# %% tags=["workshop"]
register = pupils.assign(classroom=pupils["classroom"].str.split("-").str[-1])
register.groupby("school").head(1)[["province", "school", "classroom", "test_score"]].head(4)

# %% [markdown] tags=["workshop"]
# Here are four pupils from four schools, and all of them sit in C1. So how many classrooms are there?
# That depends on how you read the column.

# %% tags=["workshop"]
print("labels in the column:          ", register["classroom"].nunique())
print("pairs of school and classroom: ", register.groupby(["school", "classroom"]).ngroups)

# %% tags=["workshop"]
ax = plots.crosstab(
    register[register["province"].isin(two_provinces)], "classroom", "school", unit="pupil"
)
plots.show(ax)

# %% [markdown] tags=["workshop"]
# The rows are full of dark cells. Going by the labels, classroom and school are crossed. There are data
# for which that is right. If C1, C2 and C3 were three *textbooks*, each used in many schools, they really
# would be crossed with schools. A register and a list of textbooks look the same. **Only somebody who
# knows how the labels were assigned can tell.**
#
# The model does not know. It takes equal labels to mean the same group. Here is the same formula with the
# register, next to the fit above and the truth:

# %% tags=["workshop"]
reused = mixedlm(formula, register).fit()

truth = load_truth("pupils").centred("age10", at=10).variance_components
# The first row of each group is the variance of its intercept.
truth = truth.drop_duplicates("group").set_index("group")["vcov"]


def variances(fit):
    return fit.variance_components.set_index("group")["vcov"]


table = pd.DataFrame({"unique labels": variances(fit), "label used again": variances(reused)})
table["truth"] = truth
table.loc["school", "truth"] += truth["province"]  # our model has no term for the province
table.round(1)

# %% [markdown] tags=["workshop"]
# With unique labels, the classrooms come out close to the truth. (Schools and residual are further off,
# for reasons that you know: there are few provinces, and we left out the slopes of age.) With the label
# used again, the variance between classrooms has almost vanished. And yet the fit converged.
#
# To see why, take each room's distance from the mean of its school, and sort the rooms by their label.

# %% tags=["workshop"]
rooms = register.groupby(["school", "classroom"], as_index=False)["test_score"].mean()
rooms["distance"] = rooms["test_score"] - rooms.groupby("school")["test_score"].transform("mean")
rooms = rooms.rename(columns={"classroom": "label"})
unit = "points from the mean of the school"
plots.show(plots.scores(rooms, "distance", "label", unit=unit))

# %% [markdown] tags=["workshop"]
# Each ring is a room. The rooms differ, but rooms with the same label have nothing in common: some rooms
# called C1 are high, some are low, and on average they lie in the middle. `(1|classroom)` asks how much
# the *labels* differ. They hardly do, and that is what it reports. It is the right answer to a question
# that nobody asked.
#
# The differences between real rooms are still in the data. As no term is left for them, they go
# elsewhere: compare the rows of the school and the residual above.
#
# The damage goes beyond a variance. `teacher_experience` is the same for all pupils of a classroom.

# %% tags=["workshop"]
pd.DataFrame(
    {
        "unique labels": fit.bse_fe,
        "label used again": reused.bse_fe,
    }
).round(3)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 04.2.** The table shows the standard errors. By what factor is that of `teacher_experience`
# larger in the right model (`fit`) than in the wrong one (`reused`)? Answer to one decimal.

# %% tags=["workshop", "exercise", "solution"]
factor = fit.bse_fe["teacher_experience"] / reused.bse_fe["teacher_experience"]  #!
check("04.2", factor)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Pupils of one classroom have the same teacher, so they are not separate pieces of evidence about
# teachers. The right model knows which pupils share a classroom. The wrong one treats them as strangers
# within their school, counts too much evidence, and is too sure. That is what ordinary regression does in
# [lesson 01](01-why-groups-matter.ipynb), one level further down.

# %% [markdown] tags=["workshop"]
# `translate` notices the trap before any fit, and `reused.notes` repeats the warning:

# %% tags=["workshop"]
part("Notes", formula, register)

# %% [markdown] tags=["workshop"]
# ## The cure
#
# There are two cures, and both tell the model that a classroom is a *pair* of labels.
#
# **In the formula.** `(1|school:classroom)` reads "an intercept that varies by school and classroom
# together". The colon makes one group of every pair that occurs.
#
# **In the data.** Make a column in which each room has its own label:

# %% tags=["workshop"]
register["room"] = register["school"] + "/" + register["classroom"]
fixed = "test_score ~ age10 + sex + teacher_experience"
cures = {
    "unique labels": fit,
    "school:classroom": mixedlm(f"{fixed} + (1|school:classroom) + (1|school)", register).fit(),
    "room": mixedlm(f"{fixed} + (1|room) + (1|school)", register).fit(),
}
table = pd.DataFrame(
    {name: variances(cure).rename({name: "classroom"}) for name, cure in cures.items()}
)
table.loc["log-likelihood"] = {name: cure.llf for name, cure in cures.items()}
table.round(1)

# %% [markdown] tags=["workshop"]
# All three are the same model. Unique labels are the better habit, because they are right under every
# formula and in every program. (In the literature, unique labels are called *explicit* nesting, and
# labels that start again *implicit* nesting.)
#
# Nested groups are so common that there is a short form, with a slash. `(1|school/classroom)` reads "by
# school, and by classroom within the school":

# %% tags=["workshop"]
part("Model", f"{fixed} + (1|school/classroom)", register)

# %% [markdown] tags=["workshop"]
# The larger group comes first. The short form is right with both kinds of labels. And remember what colon
# and slash do: they combine labels. They say nothing about the data. Where two factors really are
# crossed, `(1|a) + (1|b) + (1|a:b)` is a model of its own: the pairs then have an effect beyond those of
# `a` and `b`, as when a teacher gets on especially well with one class.
#
# <details>
# <summary>In R</summary>
#
# ```r
# library(lme4)
# with(pupils, isNested(factor(classroom), factor(school)))    # TRUE
# with(register, isNested(factor(classroom), factor(school)))  # FALSE
# lmer(test_score ~ age10 + sex + teacher_experience + (1 | classroom) + (1 | school),
#      data = register)                                        # the trap
# lmer(test_score ~ age10 + sex + teacher_experience + (1 | school/classroom),
#      data = register)                                        # the cure
# ```
# lme4 reads the labels as this course does, and says nothing about the trap. For the slash it prints
# `classroom:school`, which means the same pairs.
#
# </details>

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 04.3.** Patients lie in wards of hospitals. Every hospital numbers its wards 1, 2, 3, and so
# on. There is one row for each patient, with the columns `pain`, `dose`, `ward` and `hospital`. Write the
# formula: pain depends on dose, and the intercept varies by hospital and by ward.

# %% tags=["workshop", "exercise", "solution"]
pain_formula = "pain ~ dose + (1|hospital/ward)"  #!
check("04.3", pain_formula)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Ward 1 of one hospital has nothing to do with ward 1 of another, so a ward is a pair of labels.
# The slash gives both terms: `(1|hospital)` and `(1|hospital:ward)`. In exercise 02.5 every ward had its
# own label, and `(1|ward) + (1|hospital)` was right.

# %% [markdown] tags=["workshop"]
# ### The same groups twice
#
# A line found in tutorials is `(1|classroom) + (1|school:classroom)`, said to be "crossed effects". With
# unique labels, what is it?

# %% tags=["workshop"]
twice = mixedlm(f"{fixed} + (1|classroom) + (1|school:classroom) + (1|school)", pupils).fit()
for note in twice.notes:
    print(note)
twice.variance_components[["group", "vcov"]].round(1)

# %% [markdown] tags=["workshop"]
# Every classroom is also one pair of school and classroom. The two terms describe the same groups, and
# two variances now share what used to be one. No data can say how they share it: any two numbers with
# this sum fit equally well. (The first note is about the summary of the fit, `twice.summary()`, which
# puts a question mark behind each of the two.) Keep one of the terms.

# %% [markdown] tags=["self-study"]
# ## What statsmodels makes of it (self-study)
#
# Take the plain call from above, change nothing, and give it the register:

# %% tags=["self-study"]
model = smf.mixedlm(
    "test_score ~ age10 + sex + teacher_experience",
    register,
    groups="school",
    re_formula="1",
    vc_formula={"classroom": "0 + C(classroom)"},
)
result = model.fit()
print(f"classroom   {result.vcomp[0]:.1f}")
print(f"school      {result.cov_re.iloc[0, 0]:.1f}")
print(f"residual    {result.scale:.1f}")

# %% [markdown] tags=["self-study"]
# No harm is done. statsmodels first splits the data by `groups`, here by school, and only then looks at
# the labels. C1 of one school never meets C1 of another. So `vc_formula` is always read *within*
# `groups`.
#
# Here the two languages differ:
#
# - in a formula with bars, `(1|classroom)` means "all rows with this label", wherever they are;
# - in statsmodels, `"0 + C(classroom)"` means "all rows with this label *in this group*".
#
# `translate` keeps the meaning of the formula. For the register, it must not split by school. So it makes
# a column with the same value for everyone, and nothing is split:

# %% tags=["self-study"]
translation = translate(formula, register)
print("new column:", translation.prepare)
print("groups:    ", translation.groups)
print("vc_formula:", translation.vc_formula)

# %% [markdown] tags=["self-study"]
# ## One label, three readings (self-study)
#
# That statsmodels coped so well with the register was luck. The labels started again in every *school*,
# and `groups` was the school. Put the provinces into the model, and `groups` must be the province, the
# largest group. What does "0 + C(classroom)" mean then?

# %% [markdown] tags=["self-study", "exercise"]
# **Exercise 04.4.** statsmodels now reads the label within the province. In a formula, that would be
# `(1|province:classroom)`. How many levels does this term have in `register`?

# %% tags=["self-study", "exercise", "solution"]
levels = register.groupby(["province", "classroom"]).ngroups  #!
check("04.4", levels)

# %% [markdown] tags=["self-study", "solution"]
# *Why.* Only pairs that occur become groups. A province in which no school has four classrooms has no
# pair with C4.

# %% [markdown] tags=["self-study"]
# Here is the column read in three ways, each time together with schools and provinces:

# %% tags=["self-study"]
readings = {}
for group in ["classroom", "province:classroom", "school:classroom"]:
    reading = mixedlm(f"{fixed} + (1|{group}) + (1|school) + (1|province)", register).fit()
    readings[f"(1|{group})"] = variances(reading).rename({group: "classroom"})
readings["truth"] = truth
pd.DataFrame(readings).loc[["classroom", "school", "province", "Residual"]].round(1)

# %% tags=["self-study"]
model = smf.mixedlm(
    "test_score ~ age10 + sex + teacher_experience",
    register,
    groups="province",
    re_formula="1",
    vc_formula={"classroom": "0 + C(classroom)", "school": "0 + C(school)"},
)
result = model.fit()
in_statsmodels = dict(zip(model.exog_vc.names, result.vcomp, strict=True))
print(f"classroom in statsmodels, groups='province': {in_statsmodels['classroom']:.1f}")

# %% [markdown] tags=["self-study"]
# statsmodels agrees with the middle column. The more rooms share a label, the less is left of their
# variance. Only the pair of school and classroom finds it.
#
# And what if the schools are numbered from 1 in each province as well? `simulate_schools` can make such a
# country.

# %% tags=["self-study"]
country = simulate_schools(
    provinces=8, schools=5, classrooms=3, students=10, labels="restarting", seed=4
).data
for columns in [["classroom"], ["school", "classroom"], ["province", "school", "classroom"]]:
    print(f"{':'.join(columns):27} {country.groupby(columns).ngroups:4} groups")

# %% [markdown] tags=["self-study"]
# Now even the pair is not enough, since there is a school S1 in every province. Add larger groups until
# each combination is unique. `(1|province/school/classroom)` does it:

# %% tags=["self-study"]
part("Model", "test_score ~ age + (1|province/school/classroom)", country)

# %% [markdown] tags=["workshop"]
# ## Pupils who change classrooms
#
# Back to the pupils with three tests each. Two tests of the same pupil are alike, so now the pupil gets a
# term, too. If you leave it out, the model treats one pupil's three tests as tests of three pupils. The
# classroom is the one in which the pupil sat in that year.
#
# `(1|student_id) + (1|classroom) + (1|school)`
#
# Here is $Z$ for the first ten pupils, with two of its blocks:

# %% tags=["workshop"]
ten = three_years[three_years["student_id"].isin(three_years["student_id"].unique()[:10])]
ten = ten.set_index(ten["student_id"] + ", year " + ten["year"].astype(str))
blocks = {name: pd.get_dummies(ten[name]) for name in ["student_id", "classroom"]}
plots.show(plots.design_matrix(blocks, row_name="pupil and year"))

# %% [markdown] tags=["workshop"]
# In lesson 02, each long step contained whole short ones: that was nested. Here some pupils' steps begin
# in one classroom and continue in another. This is what crossed looks like in $Z$. The model does not
# mind: every row still has one dark cell in each block, and collects one effect from each.
#
# (The model has a blind spot that matters in research on schools: last year's classroom leaves no trace
# in this year's score. Models in which it does, with *multiple membership* or *cumulative effects*, are
# beyond this course.)
#
# What does statsmodels need?

# %% tags=["workshop"]
crossed_formula = f"{fixed} + (1|student_id) + (1|classroom) + (1|school)"
part("How the groups lie", crossed_formula, three_years)
translation = translate(crossed_formula, three_years)
print("groups:    ", translation.groups)
print("re_formula:", translation.re_formula)
print("vc_formula:", translation.vc_formula)

# %% [markdown] tags=["workshop"]
# Pupils cross classrooms, but nobody leaves the school. So the school still contains everything, and can
# be `groups`. Inside it, statsmodels accepts crossed components just as it accepts nested ones.

# %% tags=["workshop"]
model = smf.mixedlm(
    "test_score ~ age10 + sex + teacher_experience",
    three_years,
    groups="school",
    re_formula="1",
    vc_formula={
        "student_id": "0 + C(student_id)",
        "classroom": "0 + C(classroom)",
    },
)
result = model.fit()
crossed = mixedlm(crossed_formula, three_years).fit()

in_statsmodels = dict(zip(model.exog_vc.names, result.vcomp, strict=True))
in_statsmodels |= {"school": result.cov_re.iloc[0, 0], "Residual": result.scale}
table = pd.DataFrame({"mixedlm": variances(crossed)})
table["statsmodels"] = in_statsmodels
table.round(1)

# %% [markdown] tags=["workshop"]
# There are four variances: one for what is special to a pupil, one for a classroom, one for a school, and
# one for a single test. With one test per pupil, the first and the last were the same thing, the
# residual. Three tests separate them.
#
# <details>
# <summary>In R</summary>
#
# ```r
# lmer(test_score ~ age10 + sex + teacher_experience +
#        (1 | student_id) + (1 | classroom) + (1 | school), data = three_years)
# ```
#
# </details>

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 04.5.** A pupil is tested in two years, and sits in two different classrooms of the same
# school. How alike are the two scores: which share of the variance do they have in common, under
# `crossed`? Answer with a number between 0 and 1, to three decimals.

# %% tags=["workshop", "exercise", "solution"]
v = variances(crossed)
in_common = (v["student_id"] + v["school"]) / v.sum()  #!
check("04.5", in_common)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Ask of each effect whether both scores share it. The pupil's: yes. The school's: yes. The
# classroom's: no, there are two. The residual: never. It is the rule of lesson 02, and crossing changes
# nothing about it.

# %% [markdown] tags=["workshop"]
# ### Against the truth
#
# These pupils were simulated with provinces, and with slopes of age that vary, as in lesson 03. Give the
# model all of that, and look at the SDs.

# %% tags=["workshop"]
full = mixedlm(
    f"{fixed} + (1|student_id) + (age10|classroom) + (age10|school) + (age10|province)",
    three_years,
).fit()
table = load_truth("pupils_three_years").centred("age10", at=10).compare(full)
sds = table[table["kind"] == "SD"].set_index(["group", "effect"])
sds[["true", "estimate"]].round(1)

# %% [markdown] tags=["workshop"]
# There are 1,177 pupils and 120 classrooms, and their SDs come out close. There are only 40 schools and
# 10 provinces, and theirs are further off.

# %% [markdown] tags=["workshop"]
# ### The forgotten pupil
#
# What happens if `(1|student_id)` is left out?

# %% tags=["workshop"]
forgotten = mixedlm(f"{fixed} + (1|classroom) + (1|school)", three_years).fit()
table = pd.DataFrame({"with the pupil": variances(crossed), "without": variances(forgotten)})
table.reindex(variances(crossed).index).round(1)

# %% tags=["workshop"]
errors = {"without": forgotten.bse_fe, "with the pupil": crossed.bse_fe, "full": full.bse_fe}
pd.DataFrame(errors).round(3)

# %% [markdown] tags=["workshop"]
# The variance of the pupils has moved into the residual. The second table holds the standard errors, and
# they do not all suffer in the same way:
#
# - **sex** belongs to the pupil. Without the term, three tests of one girl count like tests of three
#   girls, and the standard error is too small.
# - **teacher_experience** belongs to the classroom, and all three models have the classroom.
# - **age10** changes from test to test *within* the pupil. For such a predictor the error may go either
#   way, and leaving out the pupil hardly changes it here. But look at the last column. In the model with
#   the slopes of age, `full`, it is six times as large. What is missing from the first two columns is not
#   the pupil, but the slopes of [lesson 03](03-random-slopes.ipynb).
#
# The rule is that of [lesson 01](01-why-groups-matter.ipynb): if you leave out a level, predictors that
# belong to *that* level look too certain.

# %% [markdown] tags=["workshop"]
# ## Two kinds of school
#
# We end with real pupils. `scotssec` holds pupils in Scotland: the primary school that each came from
# (`primary`), the secondary school that each went to (`second`), and the attainment at 16 (`attain`, 1 to
# 10 points).

# %% tags=["workshop"]
scots = load("scotssec")
ax = plots.crosstab(scots, "primary", "second", unit="pupil")
plots.show(ax)

# %% [markdown] tags=["workshop"]
# It looks almost like a staircase, but not quite: many primary schools send their pupils to several
# secondary schools.
#
# There is a second trap in this table. `social` is the social class of the family. Its values are
# numbers, so one might use them as they are. Look first:

# %% tags=["workshop"]
scots.groupby("social")["attain"].agg(["size", "mean"]).round(2)

# %% [markdown] tags=["workshop"]
# The values 0, 1, 20 and 31 are codes. They are not a scale: the attainment does not even rise or fall
# with them. A slope of `social` would be the mistake of lesson 01 again, a label that is taken for a
# number. `C(social)` tells the formula that the column holds labels. It gets one coefficient for each
# code but the first.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 04.6.** Write the formula: `attain` depends on `social` and `sex`, and its intercept varies
# by both kinds of school.

# %% tags=["workshop", "exercise", "solution"]
scots_formula = "attain ~ C(social) + sex + (1|primary) + (1|second)"  #!
check("04.6", scots_formula)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* Many primary schools send their pupils to several secondary schools, so the two are crossed, and
# each gets a term. `(1|second/primary)` would make a new primary school of every pair. Pupils of one
# primary school who went to two secondary schools would then have nothing in common. And `C(social)`,
# because the numbers are only labels: with a slope in its place, the log-likelihood (ML) is lower by 99,
# for two coefficients fewer.

# %% [markdown] tags=["self-study"]
# ## When nothing holds everything (self-study)
#
# In `scotssec`, neither kind of school contains the other. Which column should be `groups`? None of them:
# rows of different secondary schools may share a primary school, so they are not independent. `translate`
# makes a column of ones, and puts every factor into `vc_formula`. (`verbal` is a test of verbal reasoning
# on entry to the secondary school.)

# %% tags=["self-study"]
translation = translate("attain ~ verbal + sex + (1|primary) + (1|second)", scots)
print("new column:", translation.prepare)
print("groups:    ", translation.groups)
print("re_formula:", translation.re_formula)
print("vc_formula:", translation.vc_formula)

# %% tags=["self-study"]
model = smf.mixedlm(
    "attain ~ verbal + sex",
    scots.assign(everyone=1),
    groups="everyone",
    vc_formula={
        "primary": "0 + C(primary)",
        "second": "0 + C(second)",
    },
)
result = model.fit()
scots_fit = mixedlm("attain ~ verbal + sex + (1|primary) + (1|second)", scots).fit()

in_statsmodels = dict(zip(model.exog_vc.names, result.vcomp, strict=True))
in_statsmodels |= {"Residual": result.scale}
table = pd.DataFrame({"mixedlm": variances(scots_fit)})
table["statsmodels"] = in_statsmodels
table.round(2)

# %% [markdown] tags=["self-study"]
# You could use this form for every model, including nested ones, but at a price. statsmodels works group
# by group, and here there is one group with all columns of $Z$. How many columns would that be for our
# pupils of three years?

# %% tags=["self-study"]
per_school = three_years.groupby("school")[["student_id", "classroom"]].nunique().sum(axis=1)
print("columns in the largest group, groups = the school:      ", per_school.max())
print("columns in the largest group, groups = a column of ones:", per_school.sum())

# %% [markdown] tags=["self-study"]
# The work grows much faster than the number of columns. So it pays to look for a group that contains
# everything else. `translate` does so; where there is none, it looks for the smallest parts of the data
# that share no level. `mixedlm` fits such models without that detour.
#
# In `scotssec`, each of the two kinds of school has its variance:

# %% tags=["self-study"]
ax = plots.variance_shares(scots_fit)
plots.show(ax)

# %% [markdown] tags=["self-study"]
# The bars of both kinds of school are short. Once the verbal score on entry is known, pupils who share a
# school, of either kind, have little else in common.

# %% [markdown] tags=["self-study"]
# ## Persons and words (self-study)
#
# In experiments, crossed groups are the rule. Every person reads every word (or answers every item), so
# `person` and `word` are crossed, with a row for each pair. Here is a simulated study: 40 persons read 30
# words, and half of the words are rare. Reading times in milliseconds differ between persons and between
# words. Whether a word is rare makes *no* difference.

# %% tags=["self-study"]
import numpy as np

persons, words = 40, 30


def reading_study(seed):
    rng = np.random.default_rng(seed)
    study = pd.DataFrame(
        [(f"P{p}", f"W{w}", w % 2) for p in range(persons) for w in range(words)],
        columns=["person", "word", "rare"],
    )
    of_persons = np.repeat(rng.normal(0, 60, persons), words)
    of_words = np.tile(rng.normal(0, 30, words), persons)
    study["ms"] = 500 + of_persons + of_words + rng.normal(0, 80, len(study))
    return study


alarms = {"(1|person)": [], "(1|person) + (1|word)": []}
for seed in range(40):
    for random, p_values in alarms.items():
        p_values.append(mixedlm(f"ms ~ rare + {random}", reading_study(seed)).fit().pvalues["rare"])
print(f"studies: {seed + 1}; significant at 5 %:")
print((pd.DataFrame(alarms) < 0.05).sum().to_string())

# %% [markdown] tags=["self-study"]
# Whether a word is rare is a property of the word, and there are only 30 words. Without `(1|word)`,
# each of the 1,200 rows counts as new evidence about rarity, and false alarms abound. This is
# lesson 01 once more, in the form that Clark (1973) called the *language-as-fixed-effect fallacy*
# ([doi 10.1016/S0022-5371(73)80014-3](https://doi.org/10.1016/S0022-5371%2873%2980014-3)). Since
# every person reads both rare and common words, the effect of rarity may also vary between persons:
# `(rare|person)`.

# %% [markdown] tags=["workshop"]
# ## Quiz
#
# Answer with one letter, in quotes.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 04.7.** In your data, each of the ward labels 1 to 6 is found in all twelve hospitals. What
# follows?
#
# - a) wards and hospitals are crossed, so write `(1|ward) + (1|hospital)`
# - b) wards are nested in hospitals, so write `(1|ward) + (1|hospital)`
# - c) nothing yet: ask whether ward 1 is the same thing everywhere

# %% tags=["workshop", "exercise", "solution"]
what_follows = "c"  #!
check("04.7", what_follows)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 04.8.** Classrooms have labels of their own. What is `(1|classroom) + (1|school:classroom)`?
#
# - a) crossed effects of classroom and school
# - b) the same groups twice; only the sum of the two variances means anything
# - c) a random intercept of the classroom and one of the school

# %% tags=["workshop", "exercise", "solution"]
what_is_it = "b"  #!
check("04.8", what_is_it)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 04.9.** For which formula is `(1|school/classroom)` short?
#
# - a) `(1|school) + (1|school:classroom)`
# - b) `(1|classroom) + (1|school:classroom)`
# - c) `(1|school:classroom)`

# %% tags=["workshop", "exercise", "solution"]
short_for = "a"  #!
check("04.9", short_for)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 04.10.** Pupils are tested in three years, and somebody leaves `(1|student_id)` out. Which
# standard error comes out too small?
#
# - a) that of the teachers' experience
# - b) none; the residual takes care of it
# - c) that of the pupils' sex

# %% tags=["workshop", "exercise", "solution"]
too_small = "c"  #!
check("04.10", too_small)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* 04.7: a table of labels looks the same whether wards are numbered afresh in each hospital or
# there are, say, six kinds of ward found everywhere. 04.8: each classroom is one pair of school and
# classroom. 04.9: the slash gives the larger group and the pair. 04.10: predictors that belong to the
# forgotten level look too certain.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - Nested: each classroom belongs to one school. Crossed: some pupils have several classrooms. A table of
#   the labels shows which; the formula does not.
# - Equal labels mean the same group. Where labels start again in every school, write
#   `(1|school:classroom)`, or make the labels unique.
# - `(1|school/classroom)` is short for `(1|school) + (1|school:classroom)`.
# - Crossed groups get one term each, just as nested ones do. With several rows per pupil, the pupil is a
#   level.
# - Leave a level out and its variance moves into the others, and predictors measured at that level get
#   standard errors that are too small.
# - Numbers may be labels. Look at a column before you give it a slope.
#
# **What comes next:** [lesson 05](05-covariance-structures.ipynb) is about several effects of one group,
# and how they vary together. The [solutions](solutions/04-nested-and-crossed.ipynb) of this lesson
# explain each answer.
