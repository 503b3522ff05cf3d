"""Exercises of lesson 04, nested and crossed."""

from __future__ import annotations

import pandas as pd

from course.exercises.exercise import Choice, Data, Exercise, Model, Number, Slip, once
from course.fit.from_formula import mixedlm
from course.fit.model import MixedFit

FIXED = "test_score ~ age + sex + teacher_experience"
TWO_LEVELS = f"{FIXED} + (1|classroom) + (1|school)"
CROSSED = f"{FIXED} + (1|student_id) + (1|classroom) + (1|school)"
SCOTS = "attain ~ C(social) + sex"
AS_NUMBER = "attain ~ social + sex"


def _rooms_per_pupil(data: Data) -> pd.Series:
    return data["pupils_three_years"].groupby("student_id")["classroom"].nunique()


def _register(data: Data) -> pd.DataFrame:
    """The pupils as in the schools' registers, where every school has a classroom C1."""
    pupils = data["pupils"]
    return pupils.assign(classroom=pupils["classroom"].str.split("-").str[-1])


@once
def _reused(data: Data) -> MixedFit:
    """The fit in which all classrooms called C1 are one."""
    return mixedlm(TWO_LEVELS, _register(data)).fit()


def _too_small(data: Data) -> float:
    """The right standard error of teacher_experience over the one from reused labels."""
    right, wrong = data.fit(TWO_LEVELS, "pupils"), _reused(data)
    return right.bse_fe["teacher_experience"] / wrong.bse_fe["teacher_experience"]


def _groups(data: Data, *columns: str) -> int:
    return _register(data).groupby(list(columns)).ngroups


def _share(data: Data, groups: tuple[str, ...], power: float = 1.0) -> float:
    """Share of the variance at these levels; ``power=0.5`` is the slip of using SDs."""
    parts = data.fit(CROSSED, "pupils_three_years").variance_components
    sizes = dict(zip(parts["group"], parts["vcov"] ** power, strict=True))
    return sum(sizes[name] for name in groups) / sum(sizes.values())


EXERCISES = (
    Exercise(
        id="04.1",
        question="How many pupils of three_years sat in more than one classroom?",
        kind=Number(decimals=0),
        expected=lambda data: int((_rooms_per_pupil(data) > 1).sum()),
        because="One such pupil would be enough to make pupils and classrooms cross.",
        hint="group by student_id, count the different classrooms of each pupil, and then the pupils "
        "who have more than one.",
        slips=(
            Slip(
                lambda data: len(_rooms_per_pupil(data)),
                "those are all the pupils. If you counted rows, count different classrooms, with "
                "nunique(): three tests may be in one classroom.",
            ),
            Slip(
                lambda data: int((_rooms_per_pupil(data) == 1).sum()),
                "those are the pupils who stayed.",
            ),
            Slip(
                lambda data: int((_rooms_per_pupil(data) > 2).sum()),
                "those sat in more than two. Two classrooms are already more than one.",
            ),
            Slip(
                lambda data: int((_rooms_per_pupil(data) == 2).sum()),
                "those sat in exactly two. Some sat in even more.",
            ),
            Slip(
                lambda data: (_rooms_per_pupil(data) > 1).mean(),
                "that is the share of the pupils. Count them: .sum() in place of .mean().",
            ),
            Slip(
                lambda data: len(data["pupils_three_years"]),
                "those are the rows, one for each test. Count pupils.",
            ),
            Slip(
                lambda data: int(_rooms_per_pupil(data).sum()),
                "those are the pairs of a pupil and a classroom. Count pupils.",
            ),
            Slip(
                lambda data: int(
                    (
                        data["pupils_three_years"].groupby("classroom")["student_id"].nunique() > 1
                    ).sum()
                ),
                "those are the classrooms that had more than one pupil: the other way round.",
            ),
        ),
    ),
    Exercise(
        id="04.2",
        question="By what factor is the standard error of teacher_experience larger in the right model?",
        kind=Number(decimals=1),
        expected=_too_small,
        because="The wrong model does not know which pupils share a teacher, and is too sure.",
        hint="divide the standard error of teacher_experience in `fit` by the one in `reused`.",
        slips=(
            Slip(
                lambda data: 1 / _too_small(data),
                "the wrong way round: divide the larger by the smaller.",
            ),
            Slip(
                lambda data: _too_small(data) ** 2,
                "that is the factor for squared standard errors. Do not square them.",
            ),
            Slip(
                lambda data: _too_small(data) - 1,
                "that is by how much more. The question asks for the ratio itself.",
            ),
            Slip(
                lambda data: data.fit(TWO_LEVELS, "pupils").bse_fe["teacher_experience"],
                "that is one of the two standard errors. Divide it by the other.",
            ),
        ),
    ),
    Exercise(
        id="04.3",
        question="Which formula says: pain depends on dose and varies by hospital and by ward?",
        kind=Model("wards numbered again"),
        expected=lambda data: (
            "pain ~ dose + (1|hospital/ward)",
            "pain ~ dose + (1|hospital) + (1|hospital:ward)",
        ),
        because="A ward is a pair of labels, hospital and ward, and the hospital has a term as well.",
        hint="write one term for the hospital and one for the ward. What does it take to identify a ward?",
        slips=(
            Slip(
                lambda data: "pain ~ dose + (1|hospital) + (1|ward)",
                "with these labels, all wards called 1 become one group.",
            ),
            Slip(
                lambda data: (
                    "pain ~ dose + (1|ward/hospital)",
                    "pain ~ dose + (1|ward) + (1|hospital:ward)",
                ),
                "what is before the slash gets its own term. Should that be the ward?",
            ),
            Slip(
                lambda data: "pain ~ dose + (1|hospital:ward)",
                "the wards are right. What the wards of one hospital have in common has no term yet.",
            ),
            Slip(
                lambda data: ("pain ~ dose + (1|hospital)", "pain ~ dose + (1|ward)"),
                "two levels group the patients, and one of them is missing.",
            ),
            Slip(
                lambda data: "pain ~ dose + (1|hospital) + (1|ward) + (1|hospital:ward)",
                "(1|ward) is one term too many: ward 1 of one hospital is not ward 1 of another.",
            ),
            Slip(
                lambda data: "pain ~ (1|hospital/ward)",
                "what the study is about, the dose, is missing.",
            ),
            Slip(
                lambda data: "pain ~ dose + (dose|hospital/ward)",
                "what varies is written to the left of the bar. Here that is only the intercept: 1.",
            ),
        ),
    ),
    Exercise(
        id="04.4",
        question="How many levels does (1|province:classroom) have in the register?",
        kind=Number(decimals=0),
        expected=lambda data: _groups(data, "province", "classroom"),
        because="Every pair of a province and a label that occurs is one group.",
        hint="group the register by both columns and count the groups.",
        slips=(
            Slip(
                lambda data: _groups(data, "classroom"),
                "those are the labels alone. Which of them occur in which province?",
            ),
            Slip(
                lambda data: _groups(data, "school", "classroom"),
                "that is the pair of school and classroom. Here the pair is province and classroom.",
            ),
            Slip(
                lambda data: _groups(data, "province") * _groups(data, "classroom"),
                "that is every possible pair. Only pairs that occur in the data are levels.",
            ),
            Slip(
                lambda data: _groups(data, "province") + _groups(data, "classroom"),
                "the colon makes pairs; it does not add up the levels of two columns.",
            ),
        ),
    ),
    Exercise(
        id="04.5",
        question="Which share do two scores of a pupil have in common, from two classrooms of a school?",
        kind=Number(decimals=3),
        expected=lambda data: _share(data, ("student_id", "school")),
        because="The two scores have the pupil and the school in common, and nothing else.",
        hint="add the variances of all that the two scores have in common, and divide by the sum of all.",
        slips=(
            Slip(
                lambda data: _share(data, ("student_id",)),
                "the pupil is the same in both years. Something larger is the same, too.",
            ),
            Slip(
                lambda data: _share(data, ("school",)),
                "that is for two different pupils of one school.",
            ),
            Slip(
                lambda data: _share(data, ("student_id", "classroom", "school")),
                "that is for two scores of a pupil from the same classroom.",
            ),
            Slip(
                lambda data: _share(data, ("classroom", "school")),
                "that is for two different pupils of the same classroom.",
            ),
            Slip(
                lambda data: _share(data, ("student_id", "classroom")),
                "the pupil sat in two different classrooms. What did not change?",
            ),
            Slip(
                lambda data: _share(data, ("classroom", "Residual")),
                "that is the share that the two scores do not have in common.",
            ),
            Slip(
                lambda data: _share(data, ("student_id", "school"), power=0.5),
                "those are SDs. Only variances add up: use the column vcov.",
            ),
        ),
    ),
    Exercise(
        id="04.6",
        question="Which formula says: attain depends on social and sex and varies by both kinds of school?",
        kind=Model("scotssec"),
        expected=lambda data: f"{SCOTS} + (1|primary) + (1|second)",
        because="The codes of social are labels, and crossed groups get one term each.",
        hint="write the fixed effects, with the codes of social as labels, then one (1|...) for each "
        "kind of school.",
        slips=(
            Slip(
                lambda data: f"{AS_NUMBER} + (1|primary) + (1|second)",
                "the random part is right, but this fits a slope to the codes 0, 1, 20 and 31. They are "
                "labels: say so with C(social).",
            ),
            Slip(
                lambda data: (f"{SCOTS} + (1|second/primary)", f"{SCOTS} + (1|primary/second)"),
                "the slash, or a pair, is for labels that start again in each larger group. Here a "
                "primary school is the same school, wherever its pupils go later.",
            ),
            Slip(
                lambda data: f"{SCOTS} + (1|primary:second)",
                "this makes one group of every pair. Pupils of one primary school, but different "
                "secondary schools, would have nothing in common.",
            ),
            Slip(
                lambda data: (f"{SCOTS} + (1|primary)", f"{SCOTS} + (1|second)"),
                "there are two kinds of school, and one of them is missing.",
            ),
            Slip(
                lambda data: f"{SCOTS} + (1|primary) + (1|second) + (1|primary:second)",
                "a term for the pairs is a third variance, which the question does not ask for.",
            ),
            Slip(
                lambda data: (
                    "attain ~ (1|primary) + (1|second)",
                    "attain ~ C(social) + (1|primary) + (1|second)",
                    "attain ~ sex + (1|primary) + (1|second)",
                    "attain ~ verbal + sex + (1|primary) + (1|second)",
                ),
                "the random part is right. Look again at what attain depends on.",
            ),
            Slip(
                lambda data: (
                    f"{SCOTS} + (C(social)|primary) + (C(social)|second)",
                    f"{SCOTS} + (C(social)|primary) + (1|second)",
                    f"{SCOTS} + (1|primary) + (C(social)|second)",
                ),
                "what varies is written to the left of the bar. Here that is only the intercept: 1.",
            ),
            Slip(
                lambda data: "attain ~ C(social) * sex + (1|primary) + (1|second)",
                "the star adds an interaction, which the question does not ask for: write a plus.",
            ),
            Slip(
                lambda data: f"{SCOTS} + primary + second",
                "this makes the schools fixed effects: one coefficient each, no variance.",
            ),
        ),
    ),
    Exercise(
        id="04.7",
        question="Each of the ward labels 1 to 6 is found in all twelve hospitals. What follows?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="The labels look the same either way; only those who know their origin can tell.",
        hint="think of the register and of the list of textbooks.",
        slips=(
            Slip(
                lambda data: "a",
                "going by the labels, yes. But hospitals may simply number their wards from 1.",
            ),
            Slip(
                lambda data: "b",
                "they may really be nested, but this formula would then make all wards 1 one group.",
            ),
        ),
    ),
    Exercise(
        id="04.8",
        question="With unique labels, what is (1|classroom) + (1|school:classroom)?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="Every classroom is one pair of school and classroom, so both terms are the same groups.",
        hint="how many levels does each of the two terms have?",
        slips=(
            Slip(
                lambda data: "a",
                "that is what tutorials call it. Count the pairs of school and classroom.",
            ),
            Slip(
                lambda data: "c", "is there a term that puts all pupils of a school into one group?"
            ),
        ),
    ),
    Exercise(
        id="04.9",
        question="For which formula is (1|school/classroom) short?",
        kind=Choice("abc"),
        expected=lambda data: "a",
        because="The slash gives a term for the school and one for the classroom within it.",
        hint="what does `translate` print for it?",
        slips=(
            Slip(
                lambda data: "b",
                "what is before the slash gets its own term. What is it here?",
            ),
            Slip(lambda data: "c", "this has only the rooms. The slash gives two terms."),
        ),
    ),
    Exercise(
        id="04.10",
        question="Somebody leaves (1|student_id) out: which standard error comes out too small?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="Sex belongs to the pupil, and without the term three tests count like three pupils.",
        hint="to which level does each predictor belong, and which level was forgotten?",
        slips=(
            Slip(
                lambda data: "a",
                "teachers belong to classrooms, and the classroom still has its term.",
            ),
            Slip(
                lambda data: "b",
                "the residual absorbs the variance, but as if all rows were independent. Look at the table.",
            ),
        ),
    ),
)
