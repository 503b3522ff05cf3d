"""Any answer is read, judged, and answered; every exercise of every lesson knows its slips."""

import dataclasses
import sys
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from reference_models import RESULTS
from scipy import integrate, special, stats

from course import icc, load, simulate_assessment, simulate_schools
from course.errors import CourseError
from course.exercises.check import all_exercises, check, use
from course.exercises.exercise import (
    Also,
    Choice,
    Data,
    Exercise,
    Model,
    Number,
    Slip,
    Verdict,
    judge,
    once,
)
from course.exercises.made_up import STUDIES
from course.fit.model import MixedModel

FRAME = pd.DataFrame({"score": [10.0, 12.0, 17.0]})
MEAN = Exercise(
    id="99.1",
    question="What is the mean score?",
    kind=Number(decimals=2),
    expected=lambda data: data["tiny"]["score"].mean(),
    because="It is the sum over the count.",
    hint="Add them up first.",
    slips=(Slip(lambda data: data["tiny"]["score"].median(), "that is the median."),),
)


@pytest.fixture
def data():
    data = Data()
    data.replace("tiny", FRAME)
    return data


@pytest.mark.parametrize(
    "answer",
    [
        13,
        13.0,
        "13",
        " 13.004 ",
        "13,0",
        12.996,
        np.float32(13),
        np.int64(13),
        np.array(13.0),
        np.array([[13.0]]),
        pd.Series([13.0], index=["x"]),
        pd.DataFrame({"a": [13.0]}),
        pd.Index([13]),
        {"mean": 13.0},
        {"mean": [13.0]},
        [13.0],
        (13,),
        {13},
    ],
    ids=repr,
)
def test_any_reasonable_form_of_a_number_is_read(answer, data):
    verdict = judge(MEAN, answer, data)
    assert verdict.right, verdict.message
    assert verdict.message == "99.1 is right. It is the sum over the count."


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (12, "that is the median."),
        (12.98, "that is near, but it is another number"),
        (14, "Add them up first."),
        ("about thirteen", "this asks for one number, and you gave the text 'about thirteen'"),
        (None, "one number, and you gave nothing (None)"),
        (True, "asks for a number, and you gave True"),
        (float("nan"), "your answer is nan"),
        (pd.NA, "one number"),
        (FRAME["score"], "you gave a Series of 3; pick the one"),
        ([], "you gave a list of 0"),
        (FRAME, "you gave a DataFrame of 3"),
        (print, "one number"),
        (1 + 2j, "one number"),
    ],
)
def test_what_is_not_right_gets_a_hint(answer, says, data):
    verdict = judge(MEAN, answer, data)
    assert verdict.right is False
    assert verdict.message.startswith("99.1 not yet: ")
    assert says in verdict.message
    assert "13" not in verdict.message.replace("thirteen", "")


@pytest.mark.parametrize("answer", [..., [...], (..., ...), {"mean": ...}], ids=repr)
def test_no_answer_is_no_mistake(answer, data):
    verdict = judge(MEAN, answer, data)
    assert verdict.right is None
    assert verdict.message == (
        "99.1 is waiting: What is the mean score? Replace the ... and run again."
    )


def test_answers_follow_the_data(data):
    data.replace("tiny", FRAME + 100)
    assert judge(MEAN, 113, data).right
    assert not judge(MEAN, 13, data).right


def test_what_answer_and_slips_share_is_computed_once_for_the_same_data(data):
    asked = []

    @once
    def mean(data: Data, plus: float = 0.0) -> float:
        asked.append(plus)
        return data["tiny"]["score"].mean() + plus

    assert [mean(data), mean(data), mean(data, plus=1.0), mean(data)] == [13, 13, 14, 13]
    assert asked == [0.0, 1.0]
    data.replace("tiny", FRAME + 100)
    assert [mean(data), mean(data)] == [113, 113] and asked == [0.0, 1.0, 0.0]


@pytest.mark.slow
def test_a_wrong_answer_waits_for_no_fit_twice(monkeypatch):
    made, fit = [], MixedModel.fit

    def counted(model, **how):
        made.append((model.formula, model.design.n, how.get("reml", True)))
        return fit(model, **how)

    monkeypatch.setattr(MixedModel, "fit", counted)
    for id in ("07.4", "08.2", "11.6"):
        made.clear()
        assert judge(all_exercises()[id], -1, Data()).right is False
        assert made and len(made) == len(set(made)), id


def test_later_changes_to_a_frame_do_not_move_the_answer(data):
    own = FRAME.copy()
    data.replace("tiny", own)
    own["score"] = 0.0
    assert judge(MEAN, 13, data).right


def test_a_known_slip_that_happens_to_be_right_is_right():
    data = Data()
    data.replace("tiny", pd.DataFrame({"score": [1.0, 2.0, 3.0]}))
    assert judge(MEAN, 2, data).right


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("31 %", 0.31),
        ("31%", 0.31),
        ("31 per cent", 0.31),
        ("0,31", 0.31),
        ("-2.5", -2.5),
        ("\u22122.5", -2.5),
        ("2,494", 2494),
        ("1,234.5", 1234.5),
        ("0,048", 0.048),
        ("12 points", 12),
        ("-3.54 points", -3.54),
        ("12.8 GB", 12.8),
        ("2.1x", 2.1),
        ("1e3", 1000),
    ],
)
def test_numbers_as_text(answer, expected):
    assert Number(2).read(answer) == pytest.approx(expected)


@pytest.mark.parametrize("answer", ["about 12", "twelve", "12 of 40", "1,2,3", "", "-"])
def test_text_that_is_no_number(answer):
    with pytest.raises(CourseError, match="asks for one number"):
        Number(2).read(answer)


def test_a_count_is_a_whole_number(data):
    count = dataclasses.replace(MEAN, kind=Number(decimals=0), expected=lambda data: 7, slips=())
    assert judge(count, 8, data).message == "99.1 not yet: Add them up first."
    assert judge(count, 7.0, data).right and judge(count, "7 pupils", data).right
    verdict = judge(count, 7.4, data)
    assert not verdict.right and "a count is a whole number. Add them up first." in verdict.message


def test_what_is_near_is_not_praised(data):
    message = judge(MEAN, 13.02, data).message
    assert "another number" in message and message.endswith("hint: Add them up first.")


@pytest.mark.parametrize(("decimals", "words"), [(0, "a whole number"), (1, "one decimal")])
def test_rounding_is_asked_for_in_words(decimals, words, data):
    exercise = dataclasses.replace(MEAN, kind=Number(decimals))
    assert f"(to {words})" in judge(exercise, 13 + 2 * 10**-decimals, data).message


def test_a_percentage_is_told_apart_from_a_wrong_share(data):
    share = dataclasses.replace(MEAN, expected=lambda data: 0.357, slips=())
    for answer in (35.7, 36, 35.69):
        assert "between 0 and 1, not as a percentage." in judge(share, answer, data).message
    assert judge(share, "35.7 %", data).right
    assert judge(share, 38, data).message == "99.1 not yet: Add them up first."
    assert judge(MEAN, 1300, data).message == "99.1 not yet: Add them up first."


def test_the_same_after_rounding_is_the_same():
    assert Number(2).same(0.3248, 0.3167)
    assert not Number(2).same(0.326, 0.3167)


def test_a_slip_with_all_its_digits_is_a_slip_even_where_it_rounds_to_the_answer(data):
    near = Slip(lambda data: 13.0041, "that is the other one.")
    exercise = dataclasses.replace(MEAN, slips=(near,))
    assert judge(exercise, 13.0041, data).message == "99.1 not yet: that is the other one."
    assert judge(exercise, 13.0, data).right and judge(exercise, 13.003, data).right


def test_a_better_answer_is_right(data):
    also = Also(lambda data: 13.5, "It is more exact.")
    exercise = dataclasses.replace(MEAN, also=(also,))
    assert judge(exercise, 13.5, data).message == "99.1 is right. It is more exact."
    simulated = dataclasses.replace(MEAN, also=(dataclasses.replace(also, within=0.1),))
    assert judge(simulated, 13.59, data).right and not judge(simulated, 13.7, data).right


def test_the_width_with_uncertain_fixed_effects_is_right():
    exercise, data = all_exercises()["06.5"], Data()
    (also,) = exercise.also
    wider = also.right(data)
    assert wider > exercise.expected(data)
    assert judge(exercise, wider, data).message == f"06.5 is right. {also.because}"


def test_a_container_of_one_value_many_times():
    assert Number(0).read(pd.Series([5, 5, 5])) == 5
    with pytest.raises(CourseError, match="a Series of 3"):
        Number(0).read(pd.Series([5, 5, 6]))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "you gave nothing \\(None\\)"),
        (FRAME["score"].mean, "not called"),
        (pd.array(["a", "b"]), "an array of 2"),
        (FRAME, "a DataFrame of 3"),
        ({}, "a list of 0"),
        (object(), "you gave an object"),
    ],
)
def test_what_was_given_is_said_in_words(answer, words):
    with pytest.raises(CourseError, match=words):
        Number(0).read(answer)


def test_right_and_wrong_look_different_in_a_notebook(monkeypatch, capsys):
    right, wrong, waiting = (Verdict(one, "02.1 <b>") for one in (True, False, None))
    assert repr(right) == "02.1 <b>"
    assert "\u2713" in right._repr_html_() and "\u2717" in wrong._repr_html_()
    assert "&lt;b&gt;" in wrong._repr_html_() and waiting._repr_html_() is None
    shown = []
    ipython = SimpleNamespace(get_ipython=lambda: object())
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    display = SimpleNamespace(display=shown.append)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    check("02.1", 189)
    assert [verdict.right for verdict in shown] == [False] and capsys.readouterr().out == ""
    check("02.1", ...)
    assert len(shown) == 1 and "is waiting" in capsys.readouterr().out


def test_rounding_is_what_was_asked_for_and_no_more():
    kind = Number(decimals=1)
    assert kind.same(2.3, 2.3499) and kind.same(2.35, 2.3)
    assert not kind.same(2.36, 2.3)


@pytest.mark.parametrize("answer", ["b", "B", " b) ", "(b)", "b.", ["B"], pd.Series(["b"])])
def test_any_reasonable_form_of_a_choice_is_read(answer):
    assert Choice("abc").read(answer) == "b"


@pytest.mark.parametrize("answer", ["d", "", "ab", 2, None, True])
def test_no_choice(answer):
    with pytest.raises(CourseError, match="one letter of a, b, c"):
        Choice("abc").read(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "y ~ age + sex + (1|school) + (1|province)",
        "y~sex+age+(1|province)+( 1 | school )",
        "y ~ 1 + age + sex + (1 || school) + (1|province)",
    ],
)
def test_a_formula_may_be_written_in_any_order(answer):
    kind = Model("")
    target = "y ~ age + sex + (1|school) + (1|province)"
    assert kind.same(kind.read(answer), target)
    assert kind.same(kind.read(answer), ("y ~ 1 + (1|school)", target))


@pytest.mark.parametrize(
    "other",
    [
        "y ~ age + (1|school) + (1|province)",
        "y ~ age + sex + (1|school)",
        "y ~ age + sex + (age|school) + (1|province)",
        "z ~ age + sex + (1|school) + (1|province)",
        "y ~ age + sex + (1|school:province)",
        "y ~ age + sex + offset(days) + (1|school) + (1|province)",
    ],
)
def test_other_formulas_are_other_models(other):
    assert not Model("").same(other, "y ~ age + sex + (1|school) + (1|province)")


def test_an_offset_belongs_to_the_model():
    kind, target = Model(""), "y ~ age + offset(np.log(days)) + (1|school)"
    assert kind.same("y ~ offset( np.log(days) ) + age + (1|school)", target)
    assert kind.same("y ~ age + offset(log(days)) + (1|school)", target)
    assert not kind.same("y ~ age + offset(days) + (1|school)", target)
    assert not kind.same("y ~ age + (1|school)", target)


SPELLINGS = {
    "06.6": ["pain ~ dose + I(ward_dose - dose) + (1|ward)"],
    "07.3": ["pain ~ C(training) + (1|ward) + (1|hospital)"],
    "08.4": [
        "test_score ~ age10 + I(age10*age10) + (1|school/classroom)",
        "test_score ~ bs(age10, degree=2, df=2) + (1|classroom) + (1|school)",
    ],
    "08.5": [
        "test_score ~ age10 + C(district, Sum) + (1|classroom) + (1|school)",
        "test_score ~ age10 + C(district, Treatment(2)) + (1|school/classroom)",
        "test_score ~ 0 + age10 + C(district) + (1|classroom) + (1|school)",
    ],
    "09.4": ["test_score ~ C(tutoring) + (C(tutoring)|school)"],
    "11.3": [
        "pain ~ dose + C(sex) + (dose + C(sex)|ward) + (1|hospital)",
        # without an intercept the factor has a column for each of its levels, and these hold it
        "pain ~ dose + sex + (0 + dose + sex|ward) + (1|hospital)",
    ],
    "05.3": ["pain ~ dose + (1|hospital/ward) + (0+dose|ward)"],
}


@pytest.mark.parametrize(
    ("id", "formula"), [(id, one) for id, several in SPELLINGS.items() for one in several]
)
def test_models_are_compared_by_what_they_span(id, formula):
    assert judge(all_exercises()[id], formula, Data()).right


def test_labels_that_begin_again_make_another_model():
    kind, target = Model("wards"), "pain ~ dose + (1|hospital) + (1|ward)"
    nested = "pain ~ dose + (1|hospital/ward)"
    assert kind.same(nested, target, STUDIES["wards"]())
    assert not kind.same(nested, target, STUDIES["wards numbered again"]())


def test_a_column_that_is_not_there_is_named():
    verdict = judge(all_exercises()["02.5"], "pain ~ dose + (1|wards) + (1|hospital)", Data())
    assert "no column 'wards'; did you mean 'ward'? To the right" in verdict.message


def test_correlated_and_uncorrelated_slopes_differ():
    assert not Model("").same("y ~ x + (x||g)", "y ~ x + (x|g)")


def test_a_formula_that_is_none_gets_the_reason():
    with pytest.raises(CourseError, match="bar outside parentheses"):
        Model("").read("y ~ age + 1|school")
    with pytest.raises(CourseError, match="formula in quotes; you gave an int"):
        Model("").read(3)


def test_an_unknown_id_names_the_nearest():
    with pytest.raises(CourseError, match=r"no exercise '2\.3'; did you mean '02\.3'"):
        check("2.3", 1)
    with pytest.raises(CourseError, match="did you mean"):
        check(3, 1)


def test_check_prints_and_returns_nothing(capsys):
    assert check("02.1", ...) is None
    assert capsys.readouterr().out.startswith("02.1 is waiting: ")


def test_use_wants_frames():
    with pytest.raises(CourseError, match=r"use\(pupils=...\) takes a DataFrame, not a dictionary"):
        use(pupils={})


# -- the exercises of the lessons -------------------------------------------------------------

# The small table that lesson 02 hands to the checks with use(twelve=...).
TWELVE = pd.DataFrame(
    {
        "school": list("AAAAABBBBCCD"),
        "test_score": [50, 58, 44, 61, 52, 46, 53, 38, 51, 54, 66, 66],
    }
)


def passing(seed: int) -> pd.DataFrame:
    """The pupils of lesson 12; with another seed fewer of them."""
    size = {"schools": 80, "students": (10, 30)} if seed == 12 else {"schools": 40, "students": 12}
    pupils = simulate_schools(
        provinces=1,
        classrooms=1,
        **size,
        family="binomial",
        fixed_effects={"Intercept": 0.3, "age": np.log(1.8), "school_resources": 0.4},
        intercept_sd={"school": 1.5},
        intercept_at=10,
        seed=seed,
    ).data
    return pupils.assign(age10=pupils["age"] - 10)


def candidates(authorities: int) -> pd.DataFrame:
    """Those of lesson 12, of the largest authorities; with fewer of them other answers are right."""
    chem97 = load("chem97")
    largest = chem97["lea"].value_counts().index[:authorities]
    return chem97[chem97["lea"].isin(largest)].assign(passed=chem97["score"].ge(2).astype(int))


def assessment(seed: int) -> pd.DataFrame:
    """The one of lesson 13; with another seed a smaller one."""
    size = {"schools": 80, "students": 30} if seed == 13 else {"schools": 30, "students": 20}
    gaps = {"questionnaire": 0.04, "ESCS": 0.10, "ST013Q01TA": 0.02}
    return simulate_assessment(1, **size, informative={"school": 0.5}, missing=gaps, seed=seed).data


@pytest.fixture(
    scope="module",
    params=["shipped", 7, pytest.param(2031, marks=pytest.mark.long)],
    ids=lambda seed: f"pupils {seed}",
)
def lesson_data(request):
    """The pupils that the course ships, and those that an instructor drew with another seed."""
    data = Data()
    data.replace("twelve", TWELVE)
    data.replace("passing", passing(12 if request.param == "shipped" else request.param))
    data.replace("candidates", candidates(12 if request.param == "shipped" else 4))
    data.replace("assessment", assessment(13 if request.param == "shipped" else request.param))
    if request.param != "shipped":
        data.replace("pupils", simulate_schools(10, 4, (2, 4), (8, 15), seed=request.param).data)
    return data


def remembering(exercise: Exercise) -> Exercise:
    """The exercise as it is, but what it computes from some data it computes once."""
    slips = tuple(Slip(cache(slip.wrong), slip.hint) for slip in exercise.slips)
    also = tuple(dataclasses.replace(one, right=cache(one.right)) for one in exercise.also)
    return dataclasses.replace(exercise, expected=cache(exercise.expected), slips=slips, also=also)


EXERCISES = [remembering(exercise) for exercise in all_exercises().values()]
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)


def each(expected) -> tuple:
    return expected if isinstance(expected, tuple) else (expected,)


@pytest.mark.slow
@each_exercise
def test_right_answers_are_right_whatever_the_seed_also_rounded(exercise, lesson_data):
    expected = exercise.expected(lesson_data)
    for answer in each(expected):
        verdict = judge(exercise, answer, lesson_data)
        assert verdict.right and exercise.because in verdict.message
    if isinstance(exercise.kind, Number):
        rounded = round(expected, exercise.kind.decimals)
        assert judge(exercise, rounded, lesson_data).right
        assert judge(exercise, f" {rounded} ", lesson_data).right


@pytest.mark.slow
@pytest.mark.parametrize(
    "lesson_data",
    ["shipped", *(pytest.param(seed, marks=pytest.mark.long) for seed in (7, 2031))],
    ids=lambda seed: f"pupils {seed}",
    indirect=True,
    scope="module",
)
@each_exercise
def test_every_slip_gets_its_hint(exercise, lesson_data):
    assert exercise.slips, "no slip thought of"
    right = each(exercise.expected(lesson_data))
    for slip in exercise.slips:
        for answer in each(slip.wrong(lesson_data)):
            if any(exercise.kind.same(exercise.kind.read(answer), r) for r in right):
                continue  # with these data the slip happens to lead to the right answer
            verdict = judge(exercise, answer, lesson_data)
            assert verdict.message == f"{exercise.id} not yet: {slip.hint}"


def in_words(answer, kind) -> str:
    """An answer as a hint would tell it."""
    text = f"{answer:.{kind.decimals}f}" if isinstance(answer, float) else str(answer)
    return f"{text})" if isinstance(kind, Choice) else text  # "a" is a word, "a)" an answer


@pytest.mark.slow
def test_no_hint_tells_the_answer(lesson_data):
    faults = [
        f"{exercise.id} asks for {answer}, and says: {hint}"
        for exercise in EXERCISES
        for answer in each(exercise.expected(lesson_data))
        for hint in [exercise.hint, exercise.question, *(slip.hint for slip in exercise.slips)]
        if in_words(answer, exercise.kind) in hint.split()
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "id, model_id, groups",
    [("02.3", "pupils_1s", ["school"]), ("02.4", "pupils_1c_1s_1p", ["school", "province"])],
)
def test_shares_of_the_variance_are_those_of_lme4(id, model_id, groups):
    """Of the pupils that the course ships, whose models R has fitted."""
    table = RESULTS[model_id]["REML"]["variance_components"]
    variances = {row["group"]: row["vcov"] for row in table}
    share = sum(variances[group] for group in groups) / sum(variances.values())
    assert all_exercises()[id].expected(Data()) == pytest.approx(share, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "lesson_data",
    [
        pytest.param("shipped", marks=pytest.mark.long),
        7,
        pytest.param(2031, marks=pytest.mark.long),
    ],
    ids=lambda seed: f"pupils {seed}",
    indirect=True,
    scope="module",
)
@pytest.mark.parametrize("id", ["02.3", "02.4"])
def test_shares_of_the_variance_add_up_by_hand(id, lesson_data):
    """The expected answers against a route of their own: plain statsmodels."""
    import statsmodels.formula.api as smf

    pupils = lesson_data["pupils"]
    if id == "02.3":
        result = smf.mixedlm("test_score ~ age + sex", pupils, groups="school").fit(reml=True)
        between = result.cov_re.iloc[0, 0]
        share = between / (between + result.scale)
    else:
        result = smf.mixedlm(
            "test_score ~ age + sex",
            pupils,
            groups="province",
            re_formula="1",
            vc_formula={"classroom": "0 + C(classroom)", "school": "0 + C(school)"},
        ).fit(reml=True)
        variances = {"province": result.cov_re.iloc[0, 0], "residual": result.scale}
        variances |= dict(zip(result.model.exog_vc.names, result.vcomp, strict=True))
        share = (variances["school"] + variances["province"]) / sum(variances.values())
    assert all_exercises()[id].expected(lesson_data) == pytest.approx(share, abs=2e-3)


@pytest.mark.slow
def test_the_average_odds_ratio_and_the_latent_share_by_hand(lesson_data):
    """The expected answers of lesson 12 by SciPy's integration, and by the function that lessons show."""
    fit = lesson_data.fit("passed ~ age10 + school_resources + (1|school)", "passing", "binomial")
    sd = fit.variance_components["sdcor"].iloc[0]

    def odds(age10):
        eta = fit.fe_params["Intercept"] + age10 * fit.fe_params["age10"]
        p = integrate.quad(lambda z: special.expit(eta + sd * z) * stats.norm.pdf(z), -9, 9)[0]
        return p / (1 - p)

    expected = all_exercises()["12.3"].expected(lesson_data)
    assert expected == pytest.approx(odds(1) / odds(0), rel=1e-5)
    share = all_exercises()["12.4"].expected(lesson_data)
    assert share == pytest.approx(icc(fit)["icc"].iloc[0], rel=1e-9)


def test_a_check_on_data_that_nobody_named_says_what_to_run():
    with pytest.raises(CourseError, match=r"needs your data 'twelve': run the cell that says use"):
        judge(all_exercises()["02.2"], 44.7, Data())
