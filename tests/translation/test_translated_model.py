"""The model that the translated code hands to MixedLM, before any search: its V is that of the formula."""

import re
from itertools import product

import numpy as np
import pandas as pd
import pytest
from budget import thinned
from made import table
from marginal import AGE, INCOME, MALE, ONE, D, agrees, ours, theirs
from running import made

from course import translate

TERMS = {
    "(1|school)": {"re": (["school"], [ONE])},
    "(1|school) + (1|school:room)": {
        "re": (["school"], [ONE]),
        "school:room": (["school", "room"], [ONE]),
    },
    "(1|province:room)": {"re": (["province", "room"], [ONE])},
    "(1|sex) + (1|school)": {"sex": (["sex"], [ONE]), "school": (["school"], [ONE])},
    "(1|sex:room) + (age||school)": {
        "sex:room": (["sex", "room"], [ONE]),
        "school": (["school"], [ONE]),
        "school:age": (["school"], [AGE]),
    },
    "(income|school)": {"re": (["school"], [ONE, INCOME])},
    "(0 + income|school)": {"re": (["school"], [INCOME])},
    "(0 + age + income|school)": {"re": (["school"], [AGE, INCOME])},
    "(age + income||school)": {
        "re": (["school"], [ONE]),
        "school:age": (["school"], [AGE]),
        "school:income": (["school"], [INCOME]),
    },
    "(1|school) + (income||`class`)": {
        "re": (["school"], [ONE]),
        "class": (["class"], [ONE]),
        "class:income": (["class"], [INCOME]),
    },
    "(1|school) + (0 + age|school)": {
        "re": (["school"], [ONE]),
        "school:age": (["school"], [AGE]),
    },
    "(0 + age|school) + (1|school)": {
        "school:age": (["school"], [AGE]),
        "re": (["school"], [ONE]),
    },
    "(1|school) + (0 + age + income|school)": {
        "school": (["school"], [ONE]),
        "re": (["school"], [AGE, INCOME]),
    },
    "(I(age - 10)|school)": {"re": (["school"], [ONE, AGE - 10])},
    "(1 + I(age - 10)|school)": {"re": (["school"], [ONE, AGE - 10])},
    "(0 + I(age - 10)|school)": {"re": (["school"], [AGE - 10])},
    "(sex|school)": {"re": (["school"], [ONE, MALE])},
    "(0 + sex|school)": {"re": (["school"], [~MALE, MALE])},
    "(1|province:sex) + (1|province:sex:room)": {
        "re": (["province", "sex"], [ONE]),
        "province:sex:room": (["province", "sex", "room"], [ONE]),
    },
    "(1|province) + (1|province:room:sex)": {
        "re": (["province"], [ONE]),
        "province:room:sex": (["province", "room", "sex"], [ONE]),
    },
    "(1|province) + (1|school:room)": {
        "re": (["province"], [ONE]),
        "school:room": (["school", "room"], [ONE]),
    },
    "(1|school) + (1|school:room:`class`)": {
        "re": (["school"], [ONE]),
        "school:room:class": (["class"], [ONE]),
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("random", TERMS)
def test_the_covariance_is_that_of_the_formula(random):
    t = translate(f"score ~ age + sex + {random}", D)
    assert t.exact
    agrees(t, D, TERMS[random])


def test_correlated_effects_without_a_place_are_fitted_as_independent():
    t = translate("score ~ age + (age|school) + (1|`class`) + (1|province)", D)
    (gap,) = t.gaps
    assert "age of school" in gap and "province" in gap
    terms = {
        "re": (["province"], [ONE]),
        "class": (["class"], [ONE]),
        "school": (["school"], [ONE]),
        "school:age": (["school"], [AGE]),
    }
    agrees(t, D, terms)
    comment = " ".join(line[2:] for line in t.code.splitlines() if line.startswith("# "))
    assert "intercept and age of school are correlated" in comment
    assert "as if they were independent" in comment
    assert "The way out" not in comment  # mixedlm's, of no use to a reader of the code


def test_several_gaps_are_all_named():
    t = translate("score ~ age + (age|school) + (age|`class`) + (1|province)", D)
    comment = " ".join(t.code.replace("\n# ", " ").split())
    assert "age of school are correlated" in comment and "age of class are correlated" in comment


def test_blocks_that_hang_together_through_other_groups():
    """u crosses w, but only inside a block of the data; the code finds the blocks by itself."""
    frame = table(3, 150)
    t = translate("y ~ x + (1|u) + (1|w)", frame)
    terms = {"u": (["u"], [ONE]), "w": (["w"], [ONE])}
    assert agrees(t, frame, terms).n_groups == frame["block"].nunique()
    assert t.prepare["block"] == "blocks" and "import pandas as pd" in t.code
    alone = translate("y ~ x + (1|block)", frame).code
    assert "import pandas" not in alone and "import numpy as np" in alone


def test_blocks_of_groups_made_of_several_columns():
    frame = table(3, 150).assign(größe=lambda d: d["u"] // 2)
    t = translate("y ~ x + (1|block:größe) + (1|w)", frame)
    agrees(t, frame, {"block:größe": (["block", "größe"], [ONE]), "w": (["w"], [ONE])})
    assert "\\u" not in t.code  # names as they are written in the data


@pytest.mark.parametrize("dress", ["nullable", "an index that repeats itself", "missing"])
def test_blocks_of_data_that_are_made_ready_first(dress):
    frame = table(3, 150)
    terms = {"u": (["u"], [ONE]), "w": (["w"], [ONE])}
    if dress == "nullable":
        frame = frame.astype({"x": "Float64", "u": "Int64"})
    elif dress == "missing":
        frame.loc[[1, 30], "x"] = np.nan
    else:
        frame.index = np.arange(150) // 2
    t = translate("y ~ x + (1|u) + (1|w)", frame)
    model = made(t, frame).model
    complete = frame.dropna().reset_index(drop=True)
    np.testing.assert_allclose(theirs(model, ["u", "w"]), ours(complete, terms))
    np.testing.assert_allclose(model.exog[:, 1], complete["x"].astype(float))


# -- effects that MixedLM could not compute group by group ---------------------------------------


def level(column: str, label) -> pd.Series:
    return (D[column] == label).astype(float)


def coded(*scores: float) -> pd.Series:
    return D["f"].map(dict(zip("klm", scores, strict=True)))


CENTRED = AGE - AGE.mean()
EFFECTS = {
    "sex": [MALE],
    "late": [D["late"]],
    "f": [level("f", "l"), level("f", "m")],
    "C(sex)": [MALE],
    "C(sex, Treatment('male'))": [~MALE],
    "C(f, Treatment('l'))": [level("f", "k"), level("f", "m")],
    "C(grade)": [level("grade", 2), level("grade", 3)],
    "C(grade, Treatment(2))": [level("grade", 1), level("grade", 3)],
    "C(f, Sum)": [coded(1, 0, -1), coded(0, 1, -1)],
    "C(f, Helmert)": [coded(-1, 1, 0), coded(-1, -1, 2)],
    "C(f, Diff)": [coded(-2 / 3, 1 / 3, 1 / 3), coded(-1 / 3, -1 / 3, 2 / 3)],
    "C(f, Poly)": [coded(-1, 0, 1) / 2**0.5, coded(1, -2, 1) / 6**0.5],
    "center(age)": [CENTRED],
    "scale(age)": [CENTRED / AGE.std(ddof=1)],
    "scale(age, ddof=0)": [CENTRED / AGE.std(ddof=0)],
    "standardize(age)": [CENTRED / AGE.std(ddof=0)],
    "scale(age, ddof=1)": [CENTRED / AGE.std(ddof=1)],
    "scale(np.log(age))": [(np.log(AGE) - np.log(AGE).mean()) / np.log(AGE).std(ddof=1)],
    "I(age > 10)": [AGE > 10],
    "I(age**2 / 20)": [AGE**2 / 20],
    "age * sex": [MALE, AGE, AGE * MALE],
    "sex * center(age)": [MALE, CENTRED, CENTRED * MALE],
    "np.log(age) * sex": [MALE, np.log(AGE), np.log(AGE) * MALE],
    "center(age) * grade": [CENTRED, D["grade"], CENTRED * D["grade"]],
    "sex * late": [MALE, D["late"], MALE * D["late"]],
}


@pytest.mark.slow
@pytest.mark.parametrize("effects, name", thinned(product(EFFECTS, ["identifier", "awkward"]), 3))
def test_effects_of_classes_are_columns_of_the_whole_data(effects, name):
    frame, written = D, effects
    if name == "awkward":
        column = next(
            c for c in ("sex", "late", "grade", "age", "f") if re.search(rf"\b{c}\b", effects)
        )
        other = f"the {column} (2)"
        frame = D.rename(columns={column: other})
        written = re.sub(rf"\b{column}\b", f"`{other}`", effects)
    t = translate(f"score ~ 1 + ({written}|`class`) + (1|province)", frame)
    (gap,) = t.gaps  # that the effects are correlated, and nothing else
    assert "correlated" in gap
    names = list(t.vc_formula)
    terms = {"re": (["province"], [ONE]), "class": (["class"], [ONE])}
    terms |= {n: (["class"], [c]) for n, c in zip(names[1:], EFFECTS[effects], strict=True)}
    agrees(t, frame, terms)


@pytest.mark.parametrize(
    "effects",
    ["sex", "0 + sex", "late", "C(sex)", "C(sex, Treatment('male'))", "center(age)", "scale(age)",
     "standardize(age)", "age * sex", "sex * center(age)", "scale(age) * grade"],
)  # fmt: skip
def test_simple_columns_are_made_in_pandas_own_words(effects):
    """A learner can read these; only codings and splines are left to the formula."""
    t = translate(f"score ~ 1 + ({effects}|`class`) + (1|school)", D)
    assert t.prepare and not any("smf" in expression for expression in t.prepare.values())
    for name, expression in t.prepare.items():
        made_here = eval(expression, {"data": D})
        (j,) = [j for j, key in enumerate(t.vc_formula.values()) if key.endswith(f":{name}")]
        np.testing.assert_allclose(made_here, t.design.groupings[0].Z[:, j])


def test_codings_and_splines_are_left_to_the_formula():
    t = translate("score ~ 1 + (C(f, Sum)|`class`) + (1|school)", D)
    assert list(t.prepare) == ["C_f_Sum_S_k", "C_f_Sum_S_l"]
    assert all('smf.ols("score ~ C(f, Sum)"' in made for made in t.prepare.values())


@pytest.mark.slow
@pytest.mark.parametrize("role, name", thinned(product(["idle", "group"], ["C", "Sum", "np"]), 5))
def test_codings_beside_a_column_called_like_a_function(name, role):
    frame = D.assign(**{name: D["class"] if role == "group" else 1})
    group = name if role == "group" else "class"
    t = translate(f"score ~ 1 + (C(f, Sum) + np.log(age)|`{group}`) + (1|province)", frame)
    names = list(t.vc_formula)
    columns = [*EFFECTS["C(f, Sum)"], np.log(AGE)]
    terms = {"re": (["province"], [ONE]), group: ([group], [ONE])}
    terms |= {n: ([group], [c]) for n, c in zip(names[1:], columns, strict=True)}
    agrees(t, frame, terms)


def test_several_idle_columns_called_like_functions():
    t = translate("score ~ age + C(sex) + (1|school)", D.assign(C=1, np=2, scale="x"))
    agrees(t, D.assign(C=1, np=2, scale="x"), {"re": (["school"], [ONE])})


def test_effects_of_classes_without_an_intercept():
    t = translate("score ~ 1 + (0 + sex|`class`) + (1|school)", D)
    terms = {
        "re": (["school"], [ONE]),
        "class:sex[female]": (["class"], [~MALE]),
        "class:sex[male]": (["class"], [MALE]),
    }
    agrees(t, D, terms)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["Int64", object, float, "category", "int64[pyarrow]"])
def test_grades_of_any_type(dtype):
    frame = D.astype({"grade": dtype})
    t = translate("score ~ 1 + (C(grade)|`class`) + (1|province)", frame)
    names = list(t.vc_formula)
    terms = {"re": (["province"], [ONE]), "class": (["class"], [ONE])}
    columns = [level("grade", 2), level("grade", 3)]
    terms |= {n: (["class"], [c]) for n, c in zip(names[1:], columns, strict=True)}
    agrees(t, frame, terms)


@pytest.mark.slow
@pytest.mark.parametrize("label", ["a:b", "T.male", "[x]", "a:(b)", 'say "x"', "a\\b", "ß, ü"])
def test_labels_of_any_text(label):
    frame = D.assign(sex=D["sex"].replace({"male": label, "female": " none"}))
    t = translate("score ~ 1 + (age * sex|`class`) + (1|province)", frame)
    assert "none" in repr(frame["sex"].min())  # the reference
    assert not any("smf" in expression for expression in t.prepare.values())
    names = list(t.vc_formula)
    terms = {"re": (["province"], [ONE]), "class": (["class"], [ONE])}
    columns = [MALE, AGE, AGE * MALE]
    terms |= {n: (["class"], [c]) for n, c in zip(names[1:], columns, strict=True)}
    agrees(t, frame, terms)


@pytest.mark.slow
def test_a_slope_that_has_to_be_made_beside_other_terms():
    """The second block of a grouping: its own formula, its own columns."""
    effects = "0 + age + scale(grade, ddof=1)"
    t = translate(f"score ~ age + (1|province) + (1|`class`) + ({effects}|`class`)", D)
    names = [name for name in t.vc_formula if name != "class"]
    columns = [AGE, (D["grade"] - D["grade"].mean()) / D["grade"].std(ddof=1)]
    terms = {"re": (["province"], [ONE]), "class": (["class"], [ONE])}
    terms |= {n: (["class"], [c]) for n, c in zip(names, columns, strict=True)}
    agrees(t, D, terms)


def test_a_slope_by_a_group_beside_a_group_of_the_same_name():
    """The slope of grade by class, and the intercept of class:grade: two components, two names."""
    t = translate("score ~ age + (1|province) + (grade||`class`) + (1|`class`:grade)", D)
    assert t.exact and len(t.vc_formula) == 3
    names = list(t.vc_formula)
    terms = {
        "re": (["province"], [ONE]),
        "class": (["class"], [ONE]),
        names[1]: (["class"], [D["grade"]]),
        names[2]: (["class", "grade"], [ONE]),
    }
    agrees(t, D, terms)


# -- names of the columns that are made -----------------------------------------------------------


def test_columns_that_are_made_have_names_to_read():
    t = translate("score ~ 1 + (sex|`class`) + (1|school)", D)
    assert list(t.prepare) == ["sex_male"]
    assert list(translate("score ~ 1 + (income|school)", D).prepare) == ["income_per_10000"]
    assert list(translate("score ~ 1 + (1|school:room)", D).prepare) == ["school_room"]
    assert list(translate("score ~ 1 + (1|sex) + (1|school)", D).prepare) == ["everyone"]
    said = translate("score ~ 1 + (1|school:room)", D).explain()
    assert "a column made first: school_room" in said and "groups='school_room'" in said


@pytest.mark.slow
def test_a_column_that_is_made_never_takes_the_name_of_another():
    """Two columns whose names differ in signs alone, and a predictor called like a made column."""
    frame = D.assign(**{"in come": D["income"] * 3, "income_per_10000": D["age"] % 1})
    frame = frame.rename(columns={"income": "in-come"}).assign(in_come_per_10000=AGE / 20)
    formula = (
        "score ~ in_come_per_10000 + `in-come` + (1|school)"
        " + (0 + `in-come`|`class`) + (0 + `in come`|`class`)"
    )
    t = translate(formula, frame)
    assert len(t.prepare) == 2 and "in_come_per_10000" not in t.prepare
    names = [name for name in t.vc_formula if "come" in name]
    tripled = D["income"] * 3 / 100_000
    terms = {"re": (["school"], [ONE])}
    scale = {"re": None, names[0]: INCOME, names[1]: tripled}
    terms |= {n: (["class"], [scale[n]]) for n in names}
    model = agrees(t, frame, terms)
    np.testing.assert_allclose(model.exog[:, 1], AGE / 20)


def test_made_columns_whose_names_differ_in_signs_alone():
    frame = D.assign(**{"X a": D["room"], "X-a": D["class"]})
    t = translate("score ~ age + (1|school) + (1|sex:`X a`) + (1|sex:`X-a`)", frame)
    assert list(t.prepare) == ["everyone", "sex_X_a", "sex_X_a_"]
    terms = {
        "school": (["school"], [ONE]),
        "sex:X a": (["sex", "X a"], [ONE]),
        "sex:X-a": (["sex", "X-a"], [ONE]),
    }
    agrees(t, frame, terms)
    t = translate("score ~ age + (1|`X a`:school)", frame)
    assert t.groups == "X_a_school"


def test_names_taken_over_and_over():
    frame = D.assign(school_room=AGE, school_room_=D["late"] * 1.0)
    t = translate("score ~ school_room + school_room_ + (1|school:room)", frame)
    assert t.groups not in frame and t.groups.startswith("school_room")
    agrees(t, frame, {"re": (["school", "room"], [ONE])})


def test_a_column_needed_twice_is_made_once():
    t = translate("score ~ 1 + (income||school) + (0 + income|`class`)", D)
    assert list(t.prepare) == ["income_per_10000"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["1", "x²", "ﬁ", "!?", "école", "_", "None", "np", "C", "a b"])
def test_groups_by_columns_of_any_name(name):
    frame = D.rename(columns={"room": name})
    t = translate(f"score ~ age + (1|`{name}`:school)", frame)
    assert t.groups.isidentifier()
    agrees(t, frame, {"re": (["school", name], [ONE])})
    both = translate(f"score ~ age + (1|`{name}`) + (1|sex)", frame)
    terms = {name: ([name], [ONE]), "sex": (["sex"], [ONE])}
    agrees(both, frame, terms)


def test_groups_by_columns_without_a_letter():
    frame = D.rename(columns={"school": "!", "room": "?"})
    t = translate("score ~ age + (1|`!`:`?`)", frame)
    assert t.groups == "column"
    agrees(t, frame, {"re": (["!", "?"], [ONE])})


@pytest.mark.parametrize("name", ["1", "lambda", "in come", "x²", "np.log(a)", "~a", "a~b"])
def test_slopes_of_large_columns_of_any_name(name):
    frame = D.rename(columns={"income": name})
    t = translate(f"score ~ age + (`{name}`|school)", frame)
    agrees(t, frame, {"re": (["school"], [ONE, INCOME])})


def test_a_tilde_in_the_name_of_a_slope():
    frame = D.assign(**{"a~b": AGE})
    t = translate("score ~ sex + (`a~b`|school)", frame)
    agrees(t, frame, {"re": (["school"], [ONE, AGE])})
