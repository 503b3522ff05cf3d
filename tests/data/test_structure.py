"""What `structure` sees of the groups, and what `propose` makes of it."""

from functools import cache
from itertools import product

import numpy as np
import pandas as pd
import pytest
from budget import examples, thinned
from hypothesis import given
from hypothesis import strategies as st

from course import CourseError, load, mixedlm, simulate_schools
from course.data.proposal import propose
from course.data.structure import structure


@pytest.fixture(scope="module")
def pupils():
    return load("pupils")


def hows(found) -> dict:
    return {(row["group"], row["in"]): row["how"] for _, row in found.relations.iterrows()}


def test_nested_levels_are_seen(pupils):
    found = structure(pupils)
    assert hows(found) == {
        ("school", "province"): "nested",
        ("classroom", "province"): "nested",
        ("classroom", "school"): "nested",
    }
    assert found.groups.loc["classroom", "levels"] == pupils["classroom"].nunique()
    sizes = pupils["school"].value_counts()
    assert found.groups.loc["school", "most"] == sizes.max()
    assert found.groups.loc["school", "median"] == sizes.median()
    assert "student_id has one row per level" in " ".join(found.warnings)


def test_labels_that_restart_are_seen_and_mended(pupils):
    register = pupils.assign(classroom=pupils["classroom"].str[-2:])
    found = structure(register, ["province", "school", "classroom"])
    assert found.groups.loc["classroom", "restarts_in"] == "school"
    assert "used again in every school" in " ".join(found.warnings)
    formula = propose(register, "test_score", ["age"], ["province", "school", "classroom"]).formula
    assert formula == "test_score ~ age + (1 | school:classroom) + (1 | school) + (1 | province)"
    right = mixedlm("test_score ~ age + (1|classroom) + (1|school) + (1|province)", pupils).fit()
    assert mixedlm(formula, register).fit().llf == pytest.approx(right.llf, abs=1e-6)


def test_labels_that_restart_at_every_level_take_all_the_levels_above():
    country = simulate_schools(
        provinces=8, schools=6, classrooms=5, students=4, labels="restarting", seed=4
    ).data
    proposal = propose(country, "test_score", ["age", "teacher_experience"])
    intercepts = "(1 | province:school:classroom) + (1 | province:school) + (1 | province)"
    assert proposal.formula == f"test_score ~ age + teacher_experience + {intercepts}"
    assert mixedlm(proposal.formula, country).fit().n_groups["province:school:classroom"] == 240
    # one teacher in each room, so no slope there, though the label C1 has many teachers
    assert "(teacher_experience | province:school)" in proposal.slopes
    assert not any("teacher_experience | province:school:" in slope for slope in proposal.slopes)
    found = structure(country)
    assert found.groups.loc["classroom", "restarts_in"] == "province, school"
    assert hows(found)["classroom", "school"] == "restarting"
    assert "(1 | province:school:classroom), not (1 | classroom)" in " ".join(found.warnings)


def test_numbers_with_gaps_are_groups_as_well(pupils):
    numbers = pupils.assign(school_id=pd.factorize(pupils["school"])[0].astype(float))
    numbers.loc[numbers.index[:7], "school_id"] = np.nan
    found = structure(numbers)
    assert found.groups.loc["school_id", "missing"] == 7
    assert "age" not in found.groups.index and "test_score" not in found.groups.index


def test_crossed_groups_are_seen():
    pupils = load("pupils_three_years")
    assert hows(structure(pupils))["student_id", "classroom"] == "crossed"
    scots = load("scotssec")
    assert hows(structure(scots)) == {("primary", "second"): "crossed"}
    proposal = propose(scots, "attain", ["verbal", "sex"])
    assert proposal.formula == "attain ~ verbal + sex + (1 | primary) + (1 | second)"
    assert proposal.slopes == ["(verbal | primary)", "(verbal | second)"]


def test_a_number_inside_each_school_is_suspected():
    found = structure(load("exam"))
    assert "only numbers the rows inside each school" in " ".join(found.warnings)


def test_few_levels_go_into_the_fixed_part(pupils):
    three = pupils[pupils["province"].isin(["P01", "P02", "P03"])]
    proposal = propose(three, "test_score", ["age"], ["province", "school"])
    assert proposal.formula == "test_score ~ age + province + (1 | school)"
    numbered = three.assign(province=pd.factorize(three["province"])[0])
    proposal = propose(numbered, "test_score", ["age"], ["province", "school"])
    assert proposal.formula == "test_score ~ age + C(province) + (1 | school)"
    assert any("numbers" in warning for warning in proposal.structure.warnings)


def test_the_same_groups_twice_get_one_term(pupils):
    twice = pupils.assign(building=pupils["school"].str.lower())
    proposal = propose(twice, "test_score", [], ["school", "building"])
    assert proposal.formula == "test_score ~ 1 + (1 | school)"
    assert "same groups" in " ".join(proposal.reasons)


def test_missing_labels_and_rows_are_told(pupils):
    gaps = pupils.copy()
    gaps.loc[gaps.index[:7], "school"] = None
    found = structure(gaps, ["school"])
    assert found.groups.loc["school", "missing"] == 7
    assert "7 rows have no label of school" in " ".join(found.warnings)


def test_names_that_are_no_names_are_quoted(pupils):
    odd = pupils.rename(columns={"test_score": "test score", "school": "the school"})
    proposal = propose(odd, "test score", ["age"], ["the school"])
    assert proposal.formula == "`test score` ~ age + (1 | `the school`)"
    assert mixedlm(proposal.formula, odd).fit().converged


def test_slopes_need_variation_inside_the_groups(pupils):
    proposal = propose(pupils, "test_score", ["age", "school_resources"], ["classroom", "school"])
    assert proposal.slopes == ["(age | classroom)", "(age | school)"]


@pytest.mark.slow
def test_every_proposal_can_be_fitted(pupils):
    for name, response, predictors in [
        ("pupils", "test_score", ["age", "sex"]),
        ("pupils_three_years", "test_score", ["age"]),
        ("chem97", "score", ["gcsecnt"]),
        ("scotssec", "attain", ["verbal"]),
        ("egsingle", "math", ["year"]),
    ]:
        data = load(name)
        assert mixedlm(propose(data, response, predictors).formula, data).fit().converged, name


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda p: structure(p, ["scool"]), "did you mean 'school'"),
        (lambda p: structure(p[["age", "test_score"]]), "no column looks like a group"),
        (lambda p: structure(p.assign(school="one"), ["school"]), "only one label"),
        (lambda p: structure("pupils.csv"), "must be a pandas DataFrame"),
        (lambda p: propose(p, "sex", ["age"]), "not numbers"),
        (lambda p: propose(p, "test_score", [], ["student_id"]), "ordinary regression"),
    ],
)
def test_what_cannot_be_is_refused_with_the_mend(pupils, call, says):
    with pytest.raises(CourseError, match=says):
        call(pupils)


def test_the_frame_is_left_alone(pupils):
    before = pd.util.hash_pandas_object(pupils)
    propose(pupils, "test_score", ["age", "sex"])
    assert (pd.util.hash_pandas_object(pupils) == before).all()


def test_any_order_of_rows_says_the_same(pupils):
    shuffled = pupils.iloc[np.random.default_rng(1).permutation(len(pupils))]
    assert repr(structure(shuffled)) == repr(structure(pupils))


# -- which labels restart in which -------------------------------------------------------------


SCHOOLS, CLASSROOMS = [3, 5, 6, 10, 12], [3, 6, 8, 12]
LISTED = [None, ["school", "classroom"], ["classroom", "school"]]


@cache  # no test changes them
def few_schools(schools, classrooms, label_type="integer"):
    return simulate_schools(
        provinces=1,
        schools=schools,
        classrooms=classrooms,
        students=12,
        labels="restarting",
        label_type=label_type,
        intercept_sd={"school": 6, "classroom": 3},
        seed=3,
    ).data


@pytest.mark.slow
@pytest.mark.parametrize(
    "schools, classrooms, groups, label_type",
    thinned(product(SCHOOLS, CLASSROOMS, LISTED, ["integer", "text"]), 11),
)
def test_classrooms_restart_in_few_schools(schools, classrooms, groups, label_type):
    data = few_schools(schools, classrooms, label_type)
    if groups is None:
        data = data.drop(columns="province")
    found = structure(data, groups)
    assert hows(found)["classroom", "school"] == "restarting" and found.undecided == []
    formula = propose(data, "test_score", ["age"], groups).formula
    few = "C(school)" if label_type == "integer" else "school"
    if schools < 6:
        assert formula == f"test_score ~ age + {few} + (1 | school:classroom)"
    else:
        assert formula == "test_score ~ age + (1 | school:classroom) + (1 | school)"


def test_the_proposal_holds_the_variance_of_six_schools():
    data = few_schools(6, 8)
    formula = propose(data, "test_score", ["age"], ["school", "classroom"]).formula
    right = mixedlm("test_score ~ age + (1|school/classroom)", data).fit()
    assert mixedlm(formula, data).fit().llf == pytest.approx(right.llf, abs=1e-6)


@pytest.mark.slow
@given(outer=st.integers(3, 12), inner=st.integers(3, 12))
@examples(10)
def test_where_names_do_not_tell_the_column_listed_first_is_the_larger(outer, inner):
    batch, cask = np.divmod(np.repeat(np.arange(outer * inner), 3), inner)
    data = pd.DataFrame({"batch": batch, "cask": cask, "y": np.sin(np.arange(len(batch)) ** 2)})
    for groups in (["batch", "cask"], ["cask", "batch"]):
        found = structure(data, groups)
        assert hows(found) == {tuple(groups[::-1]): "restarting"}
        assert found.undecided == [tuple(groups[::-1])]
        assert "the data allow the other reading as well" in " ".join(found.warnings)
        proposal = propose(data, "y", [], groups)
        assert f"(1 | {groups[0]}:{groups[1]})" in proposal.formula
        reasons = " ".join(proposal.reasons)
        assert f"list {groups[1]} before {groups[0]} in groups=" in reasons


def test_a_column_listed_twice_is_one(pupils):
    assert list(structure(pupils, ["school", "school"]).groups.index) == ["school"]
