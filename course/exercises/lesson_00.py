"""Exercises of lesson 00, start here."""

from __future__ import annotations

from course.exercises.exercise import Choice, Data, Exercise, Number, Slip


def _levels(data: Data, column: str) -> int:
    return data["pupils"][column].nunique()


EXERCISES = (
    Exercise(
        id="00.1",
        question="How many classrooms are there?",
        kind=Number(decimals=0),
        expected=lambda data: _levels(data, "classroom"),
        because="This is what a check says when all is well.",
        hint="read it off the table of counts, or write pupils['classroom'].nunique().",
        slips=(
            Slip(lambda data: _levels(data, "school"), "those are the schools."),
            Slip(lambda data: _levels(data, "province"), "those are the provinces."),
            Slip(lambda data: len(data["pupils"]), "those are the pupils."),
        ),
    ),
    Exercise(
        id="00.2",
        question="How many pupils does a classroom have on average?",
        kind=Number(decimals=1),
        expected=lambda data: len(data["pupils"]) / _levels(data, "classroom"),
        because="All pupils, divided by all classrooms.",
        hint="you need two numbers from the table of counts, and one division.",
        slips=(
            Slip(
                lambda data: len(data["pupils"]) / _levels(data, "school"),
                "that is how many pupils a school has.",
            ),
            Slip(
                lambda data: _levels(data, "classroom") / len(data["pupils"]),
                "upside down: you divided the classrooms by the pupils.",
            ),
            Slip(
                lambda data: _levels(data, "classroom") / _levels(data, "school"),
                "that is how many classrooms a school has.",
            ),
            Slip(
                lambda data: data["pupils"].groupby("classroom").size().median(),
                "that is the median. Average means the arithmetic mean here.",
            ),
        ),
    ),
    Exercise(
        id="00.3",
        question="What is the largest number of schools that one classroom belongs to?",
        kind=Number(decimals=0),
        expected=lambda data: data["pupils"].groupby("classroom")["school"].nunique().max(),
        because="No classroom is in two schools: classrooms are nested in schools.",
        hint="take the maximum of `schools_of_each_classroom`.",
        slips=(
            Slip(
                lambda data: data["pupils"].groupby("school")["classroom"].nunique().max(),
                "that is the other way round: the most classrooms in one school.",
            ),
        ),
    ),
    Exercise(
        id="00.4",
        question="Which pupils share a school?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="A classroom lies in one school, so classmates share the school as well.",
        hint="think of exercise 00.3: which groups lie inside a single school?",
        slips=(
            Slip(lambda data: "a", "how many schools does a province have?"),
            Slip(lambda data: "c", "pupils of one age are found in every school."),
        ),
    ),
)
