"""statsmodels' own arguments, and the forms that tutorials show."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from made import pupils

from course import CourseError, load, mixedlm
from course.fit.call_forms import read_call
from course.formula.parse import parse_formula

YEARS = load("pupils_three_years")


def read(*arguments, **named):
    return str(read_call(*arguments, **named)[0])


@pytest.mark.parametrize(
    "arguments, formula",
    [
        ({"groups": "school"}, "(1 | school)"),
        ({"groups": "school", "re_formula": "1"}, "(1 | school)"),
        ({"groups": "school", "re_formula": "~age"}, "(age | school)"),
        ({"groups": "school", "re_formula": "0 + age"}, "(0 + age | school)"),
        ({"groups": "school", "vc_formula": {"a": "0 + age"}}, "(0 + age | school)"),
        (
            {"groups": "school", "re_formula": "1", "vc_formula": {"r": "0 + C(room)"}},
            "(1 | school) + (1 | school:room)",
        ),
        (
            {"groups": "school", "re_formula": "1", "vc_formula": {"r": "0 + C(room):age"}},
            "(1 | school) + (0 + age | school:room)",
        ),
        ({"groups": "school", "vc_formula": {"r": "0 + room"}}, "(1 | school:room)"),
        ({"groups": "school", "vc_formula": {"r": "age:C(room) - 1"}}, "(0 + age | school:room)"),
        ({"groups": "room", "vc_formula": {"r": "0 + C(room)"}}, "(1 | room)"),
        (
            {"groups": "room", "re_formula": "1", "vc_formula": {"r": "0 + C(room):age"}},
            "(1 | room) + (0 + age | room)",
        ),
    ],
)
def test_statsmodels_own_sense(arguments, formula):
    assert read("score ~ age", pupils(), **arguments) == f"score ~ age + {formula}"


def test_columns_of_awkward_names():
    data = pupils().rename(columns={"room": "my room", "age": "response", "sex": "C"})
    call = {"groups": "school", "re_formula": "~ response + C(`C`)"}
    call["vc_formula"] = {"r": '0 + C(Q("my room")):response'}
    formula, *_ = read_call("score ~ response", data, **call)
    assert str(formula) == (
        'score ~ response + (response + C(Q("C")) | school) + (0 + response | school:`my room`)'
    )
    assert formula.variables == ("score", "response", "C") and formula.categorical == {"C"}
    assert formula == parse_formula(str(formula))


@pytest.mark.parametrize("response", ["score", "(score)", "`score`", "Q('score')"])
def test_the_response_does_not_explain_itself(response):
    with pytest.raises(CourseError, match="the response score is also to the right"):
        read_call(f"{response} ~ age", pupils(), groups="school", re_formula="~score")


def test_a_drop_in_for_smf_mixedlm():
    data = load("pupils")
    call = {"groups": "province", "re_formula": "1", "vc_formula": {"s": "0 + C(school)"}}
    theirs = smf.mixedlm("test_score ~ age", data, **call).fit()
    ours = mixedlm("test_score ~ age", data, **call).fit()
    assert ours.llf == pytest.approx(theirs.llf, abs=1e-3)
    np.testing.assert_allclose(ours.fe_params, theirs.fe_params, rtol=1e-3)
    assert list(ours.n_groups) == ["province", "school"]


def test_groups_beside_bars_for_repeated_pupils():
    written = "test_score ~ age + (1|classroom) + (1|school)"
    for groups in ("student_id", YEARS["student_id"]):
        assert read(written, YEARS, groups=groups).endswith("+ (1 | student_id)")
    assert read(written, YEARS, groups="school").count("school") == 1
    other = YEARS["student_id"].to_numpy()
    formula, data, _ = read_call(written, YEARS, groups=other)
    assert str(formula).endswith("(1 | groups)") and "groups" in data


def test_groups_beside_bars_with_one_row_a_pupil():
    with pytest.raises(CourseError, match="the residual already is that level"):
        mixedlm("test_score ~ age + (1|school)", load("pupils"), groups="student_id")


def test_tutorials_covariance_structures():
    data = load("pupils")
    written = "test_score ~ age + (age|classroom) + (age|school)"
    assert read(written, data, vc_formula={"classroom": "diag"}) == (
        "test_score ~ age + (age || classroom) + (age | school)"
    )
    assert "(age | school)" in read(
        "test_score ~ age + (age||school)", data, vc_formula={"school": "unstructured"}
    )


def test_tutorials_re_formula():
    data = load("pupils")
    assert read("test_score ~ age", data, re_formula={"classroom": "~1", "school": "~age"}) == (
        "test_score ~ age + (1 | classroom) + (age | school)"
    )
    assert "(1 | school)" in read(
        "test_score ~ age + (age|school)", data, re_formula={"school": "~1"}
    )


REFUSED = [
    ({"re_formula": "~age"}, "need groups="),
    ({"groups": "shool"}, "did you mean 'school'"),
    ({"groups": [1, 2]}, "one label for each"),
    ({"groups": "school", "vc_formula": {"r": "C(room)"}}, "0 + C(room)"),
    ({"groups": "school", "vc_formula": {"r": "0 + age + sex"}}, "several columns"),
    ({"groups": "school", "vc_formula": {"r": "1 + age"}}, "write 1 for intercepts, 0 + age for"),
    ({"groups": "school", "vc_formula": {"r": "0"}}, "several columns"),
    ({"groups": "school", "vc_formula": {"r": "0 + rom"}}, "did you mean 'room'"),
    ({"groups": "school", "vc_formula": "diag"}, "is a dict"),
    ({"groups": "school", "re_formula": "~"}, "write at least 1"),
    ({"groups": "school", "re_formula": 1}, "a text such as '~1 + age'"),
    ({"groups": "school", "re_formula": "~age + (1|room)"}, "not (1|g)"),
    ({"groups": pd.Series(range(60), index=range(1, 61))}, "a different index"),
]


@pytest.mark.parametrize("arguments, words", REFUSED)
def test_refused_with_the_mend(arguments, words):
    with pytest.raises(CourseError) as caught:
        mixedlm("score ~ age", pupils(), **arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"re_formula": "~age"}, "(age|group)"),
        ({"re_formula": 3}, "a dict from a group to its effects"),
        ({"vc_formula": {"shool": "diag"}}, "did you mean 'school'"),
        ({"vc_formula": {"school": "toeplitz"}}, "'diag'"),
        ({"re_formula": {"shool": "~1"}}, "did you mean 'school'"),
    ],
)
def test_refused_beside_bars(arguments, words):
    with pytest.raises(CourseError) as caught:
        mixedlm("score ~ age + (age|school)", pupils(), **arguments)
    assert words in str(caught.value)


def test_the_snippet_of_the_web_in_statsmodels_and_here():
    """With integer labels statsmodels runs it and reads a bitwise OR; this is why we exist."""
    data = load("pupils")
    for name in ("classroom", "school", "province", "student_id"):
        data[name] = pd.factorize(data[name])[0] + 1
    snippet = "test_score ~ age + sex + (1|classroom) + (1|school) + (1|province)"
    wrong = smf.mixedlm(snippet, data, groups=data["province"]).fit()
    assert wrong.converged and "1 | classroom" in wrong.fe_params.index
    right = mixedlm(snippet, data).fit()
    assert list(right.fe_params.index) == ["Intercept", "sex[T.male]", "age"]
    assert list(right.n_groups) == ["classroom", "school", "province"]
