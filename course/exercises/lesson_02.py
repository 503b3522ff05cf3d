"""Exercises of lesson 02, random intercepts."""

from __future__ import annotations

from course.exercises.exercise import Choice, Data, Exercise, Model, Number, Slip

TWELVE = "test_score ~ 1 + (1|school)"
ONE_LEVEL = "test_score ~ age + sex + (1|school)"
OTHER_ROOMS = (
    "that counts the classroom, but the two sit in different ones. Add up what they do share, up to the "
    "largest group."
)
THREE_LEVELS = "test_score ~ age + sex + (1|classroom) + (1|school) + (1|province)"


def _variances(data: Data, formula: str, name: str = "pupils") -> dict[str, float]:
    """Variance by group, "Residual" included."""
    parts = data.fit(formula, name).variance_components
    return dict(zip(parts["group"], parts["vcov"], strict=True))


def _new_school(data: Data, n: int, power: float = 1.0) -> tuple[float, float]:
    """The overall mean and the effect of a new school whose ``n`` pupils average 40."""
    fit = data.fit(TWELVE, "twelve")
    parts, mean = _variances(data, TWELVE, "twelve"), fit.fe_params["Intercept"]
    between, within = parts["school"] ** power, parts["Residual"] ** power
    return mean, between / (between + within / n) * (40 - mean)


def _share(data: Data, formula: str, groups: tuple[str, ...], power: float = 1.0) -> float:
    """Share of the variance at these levels; ``power=0.5`` is the slip of using SDs."""
    parts = {name: value**power for name, value in _variances(data, formula).items()}
    return sum(parts[name] for name in groups) / sum(parts.values())


def _ratio(data: Data) -> float:
    parts = _variances(data, ONE_LEVEL)
    return parts["school"] / parts["Residual"]


EXERCISES = (
    Exercise(
        id="02.1",
        question="How many columns does Z have for (1|classroom), with all the pupils?",
        kind=Number(decimals=0),
        expected=lambda data: data["pupils"]["classroom"].nunique(),
        because="Z has one column for every level: one random effect for each classroom.",
        hint="count the levels of the grouping factor, here the different classrooms in `pupils`.",
        slips=(
            Slip(
                lambda data: data["pupils"]["classroom"].nunique() - 1,
                "one too few. Dummy variables in OLS leave out a reference level. Random effects "
                "have no reference: every level gets a column.",
            ),
            Slip(
                lambda data: len(data["pupils"]),
                "that is how many rows Z has. Its columns are the levels.",
            ),
            Slip(
                lambda data: data["pupils"]["school"].nunique(),
                "those are the schools, but it is classroom that follows the bar.",
            ),
        ),
    ),
    Exercise(
        id="02.2",
        question="Which partially pooled mean does school E get: three pupils, mean 40?",
        kind=Number(decimals=1),
        expected=lambda data: sum(_new_school(data, 3)),
        because="The weight for three pupils says which part of the distance from the overall mean is kept.",
        hint="compute the weight for n = 3, then overall mean + weight × (40 − overall mean).",
        slips=(
            Slip(lambda data: 40, "that is the separate mean; nothing has been pooled yet."),
            Slip(
                lambda data: _new_school(data, 3)[1],
                "that is the random effect, the distance from the overall mean. Add the mean.",
            ),
            Slip(
                lambda data: sum(_new_school(data, 1)),
                "that is the answer for one pupil. School E has three, so divide σ² by 3.",
            ),
            Slip(
                lambda data: sum(_new_school(data, 3, power=0.5)),
                "the weight is made of variances, and you used the SDs.",
            ),
            Slip(
                lambda data: _new_school(data, 3)[0] - _new_school(data, 3)[1],
                "the wrong direction: school E lies below the overall mean, and so must the answer.",
            ),
            Slip(
                lambda data: _new_school(data, 3)[0],
                "that is the overall mean: complete pooling. School E's own pupils count, too.",
            ),
        ),
    ),
    Exercise(
        id="02.3",
        question="Which share of the variance lies between schools?",
        kind=Number(decimals=2),
        expected=lambda data: _share(data, ONE_LEVEL, ("school",)),
        because="It is τ² / (τ² + σ²), the intraclass correlation of two pupils of one school.",
        hint="divide the variance between schools by the sum of all the variances.",
        slips=(
            Slip(
                lambda data: _share(data, ONE_LEVEL, ("school",), power=0.5),
                "that is a share of SDs. Only variances add up: use the column vcov.",
            ),
            Slip(_ratio, "you divided by the residual variance; divide by the sum of both."),
            Slip(
                lambda data: _share(data, ONE_LEVEL, ("Residual",)),
                "that is the share inside schools.",
            ),
        ),
    ),
    Exercise(
        id="02.4",
        question="How alike are two pupils of one school who sit in different classrooms?",
        kind=Number(decimals=2),
        expected=lambda data: _share(data, THREE_LEVELS, ("school", "province")),
        because="They have the school and the province in common, and nothing else.",
        hint="add the variances of all that the two have in common, and divide by the sum of all.",
        slips=(
            Slip(
                lambda data: _share(data, THREE_LEVELS, ("classroom", "school")),
                OTHER_ROOMS,
            ),
            Slip(
                lambda data: _share(data, THREE_LEVELS, ("classroom", "Residual")),
                "that is the share they do not have in common.",
            ),
            Slip(
                lambda data: _share(data, THREE_LEVELS, ("school",)),
                "pupils who share a school also share something larger.",
            ),
            Slip(
                lambda data: _share(data, THREE_LEVELS, ("classroom", "school", "province")),
                OTHER_ROOMS,
            ),
            Slip(
                lambda data: _share(data, THREE_LEVELS, ("school", "province"), power=0.5),
                "those are SDs. Only variances add up: use the column vcov.",
            ),
        ),
    ),
    Exercise(
        id="02.5",
        question="Which formula says: pain depends on dose and varies by ward and by hospital?",
        kind=Model("wards"),
        expected=lambda data: (
            "pain ~ dose + (1|ward) + (1|hospital)",
            "pain ~ dose + (1|hospital/ward)",
            "pain ~ dose + (1|hospital) + (1|hospital:ward)",
        ),
        because="One random intercept for each level that groups the patients.",
        hint="to the right of ~ write the fixed effect, and one (1|...) for each grouping level.",
        slips=(
            Slip(
                lambda data: (
                    "pain ~ dose + (1|ward) + (1|hospital) + (1|patient)",
                    "pain ~ dose + (1|patient) + (1|hospital/ward)",
                    "pain ~ dose + (1|hospital/ward/patient)",
                ),
                "each patient has one row, so patient and residual are the same thing. Leave the "
                "patient out.",
            ),
            Slip(
                lambda data: "pain ~ dose + (1|ward/hospital)",
                "with a slash, the larger group comes first.",
            ),
            Slip(
                lambda data: "pain ~ dose + (1|ward) + (1|hospital) + (1|hospital:ward)",
                "every ward has its own label, so (1|ward) and (1|hospital:ward) are the same groups. "
                "Leave out one of the two.",
            ),
            Slip(
                lambda data: (
                    "dose ~ pain + (1|ward) + (1|hospital)",
                    "dose ~ pain + (1|hospital/ward)",
                ),
                "what each patient reports goes to the left of ~.",
            ),
            Slip(
                lambda data: ("pain ~ dose + (1|hospital)", "pain ~ dose + (1|ward)"),
                "two levels group the patients, and one of them is missing.",
            ),
            Slip(
                lambda data: ("pain ~ (1|ward) + (1|hospital)", "pain ~ 1 + (1|hospital/ward)"),
                "what the study is about, the dose, is missing.",
            ),
            Slip(
                lambda data: "pain ~ dose + ward + hospital",
                "this makes wards and hospitals fixed effects: one coefficient each, no variance.",
            ),
            Slip(
                lambda data: (
                    "pain ~ dose + (dose|ward) + (dose|hospital)",
                    "pain ~ dose + (dose|hospital/ward)",
                ),
                "what varies is written to the left of the bar. Here that is only the intercept: 1.",
            ),
        ),
    ),
    Exercise(
        id="02.6",
        question="What does (1|school) add to an ordinary regression?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="One variance is estimated; the effects of the schools are predicted from it.",
        hint="look again at the list of estimates: which rows came with (1|school)?",
        slips=(
            Slip(
                lambda data: "a",
                "those would be fixed effects, C(school). Count the parameters of the fit.",
            ),
            Slip(lambda data: "c", "the labels are names. Nothing is computed with them."),
        ),
    ),
    Exercise(
        id="02.7",
        question="Whose mean keeps the least of its distance from the overall mean?",
        kind=Choice("abc"),
        expected=lambda data: "a",
        because="Its weight τ² / (τ² + σ²/n) is the smallest.",
        hint="which of these quantities occurs in the formula of the weight?",
        slips=(
            Slip(
                lambda data: "b",
                "the weight does not depend on the mean, only on the number of pupils.",
            ),
            Slip(lambda data: "c", "many pupils make σ²/n small. Which way does the weight go?"),
        ),
    ),
    Exercise(
        id="02.8",
        question="Classrooms join a model that had only schools: what happens to the residual?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="What pupils of a classroom have in common is no longer counted as theirs alone.",
        hint="compare the column vcov of the two fits.",
        slips=(
            Slip(lambda data: "a", "something was in it that now has a row of its own."),
            Slip(
                lambda data: "b",
                "a new level can only take something away from it; compare the two tables.",
            ),
        ),
    ),
    Exercise(
        id="02.9",
        question="What is wrong with groups=pupils['student_id'] when each pupil has one row?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="With one score per pupil, the residual already is what is special to a pupil.",
        hint="how many rows does each such group have?",
        slips=(
            Slip(lambda data: "a", "speed is not the problem here. What would be inside a group?"),
            Slip(lambda data: "c", "text labels are fine for groups."),
        ),
    ),
)
