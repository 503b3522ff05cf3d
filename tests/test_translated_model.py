"""The model that the translated code hands to MixedLM, before any search: its V is that of the formula."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from statsmodels.regression.mixed_linear_model import MixedLM
from test_solver import table
from test_translate import execute

from course import CourseError, load, translate

PSI = np.array([[1.0, 0.3, -0.2], [0.3, 2.0, 0.1], [-0.2, 0.1, 0.7]])
VARIANCES = [0.5, 3.0, 1.5, 0.25, 4.0, 2.5, 0.75]


@pytest.fixture
def made(monkeypatch):
    """What the code makes; where it would search, `result` is the start alone."""
    monkeypatch.setattr(
        MixedLM, "fit", lambda self, start, **_: SimpleNamespace(params_object=start)
    )
    return lambda t, frame: SimpleNamespace(**execute(t.code, frame))


def classes(n=120) -> pd.DataFrame:
    """Rooms are numbered anew in each school; a class is one room of one school."""
    rng = np.random.default_rng(8)
    i = np.arange(n)
    data = pd.DataFrame(
        {
            "school": [f"S{k}" for k in i % 5],
            "room": [f"R{k}" for k in i // 5 % 4],
            "province": np.where(i % 5 < 2, "P0", "P1"),
            "age": rng.normal(10, 1, n),
            "income": rng.normal(40_000, 8_000, n),
            "sex": rng.choice(["female", "male"], n),
            "f": rng.choice(["k", "l", "m"], n),
            "grade": rng.integers(1, 4, n),
            "late": rng.random(n) < 0.4,
        }
    )
    data["class"] = data["school"] + data["room"]
    data["score"] = rng.normal(size=n) + data["school"].str[1:].astype(int)
    return data


def theirs(model, components: list[str]) -> np.ndarray:
    """V as MixedLM has it, with PSI for re_formula and VARIANCES for the components as listed."""
    V = np.eye(len(model.endog))
    assert sorted(model.exog_vc.names) == sorted(components)
    for g, label in enumerate(model.group_labels):
        rows = model.row_indices[label]
        here = np.zeros((len(rows), len(rows)))
        if model.k_re:
            Z = model.exog_re_li[g]
            here += Z @ PSI[: model.k_re, : model.k_re] @ Z.T
        for name, mats in zip(model.exog_vc.names, model.exog_vc.mats, strict=True):
            here += VARIANCES[components.index(name)] * mats[g] @ mats[g].T
        V[np.ix_(rows, rows)] += here
    return V


def same(frame: pd.DataFrame, by: list[str]) -> np.ndarray:
    codes = frame.groupby(by, sort=False, dropna=False).ngroup().to_numpy()
    return codes[:, None] == codes


def ours(frame: pd.DataFrame, terms: dict) -> np.ndarray:
    """V = I + sum of Z S Z', from the formula's meaning: rows of one group share its effects."""
    V, at = np.eye(len(frame)), 0
    for name, (by, columns) in terms.items():
        Z = np.column_stack([np.broadcast_to(c, len(frame)).astype(float) for c in columns])
        S = PSI[: Z.shape[1], : Z.shape[1]]
        if name != "re":
            S, at = np.array([[VARIANCES[at]]]), at + 1
        V += same(frame, by) * (Z @ S @ Z.T)
    return V


def agrees(t, frame, terms, made):
    model = made(t, frame).model
    components = [name for name in terms if name != "re"]
    np.testing.assert_allclose(theirs(model, components), ours(frame, terms), rtol=1e-8, atol=1e-10)
    assert list(model.exog_names) == list(t.design.fixed_names)


D = classes()
ONE, AGE, INCOME = 1.0, D["age"], D["income"] / 10_000  # the unit that MixedLM copes with
MALE = D["sex"] == "male"
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


@pytest.mark.parametrize("random", TERMS)
def test_the_covariance_is_that_of_the_formula(random, made):
    t = translate(f"score ~ age + sex + {random}", D)
    assert t.exact
    agrees(t, D, TERMS[random], made)


def test_correlated_effects_without_a_place_are_fitted_as_independent(made):
    t = translate("score ~ age + (age|school) + (1|`class`) + (1|province)", D)
    (gap,) = t.gaps
    assert "age of school" in gap and "province" in gap
    terms = {
        "re": (["province"], [ONE]),
        "class": (["class"], [ONE]),
        "school": (["school"], [ONE]),
        "school:age": (["school"], [AGE]),
    }
    agrees(t, D, terms, made)
    comment = " ".join(line[2:] for line in t.code.splitlines() if line.startswith("# "))
    assert "intercept and age of school are correlated" in comment
    assert "as if they were independent" in comment
    assert "The way out" not in comment  # mixedlm's, of no use to a reader of the code


def test_several_gaps_are_all_named():
    t = translate("score ~ age + (age|school) + (age|`class`) + (1|province)", D)
    comment = " ".join(t.code.replace("\n# ", " ").split())
    assert "age of school are correlated" in comment and "age of class are correlated" in comment


def test_blocks_that_hang_together_through_other_groups(made):
    """u crosses w, but only inside a block of the data; the code finds the blocks by itself."""
    frame = table(3, 150)
    t = translate("y ~ x + (1|u) + (1|w)", frame)
    terms = {"u": (["u"], [ONE]), "w": (["w"], [ONE])}
    agrees(t, frame, terms, made)
    assert made(t, frame).model.n_groups == frame["block"].nunique()
    assert "blocks" in t.prepare.values() and "import pandas as pd" in t.code
    alone = translate("y ~ x + (1|block)", frame).code
    assert "import pandas" not in alone and "import numpy as np" in alone


def test_blocks_of_groups_made_of_several_columns(made):
    frame = table(3, 150).assign(größe=lambda d: d["u"] // 2)
    t = translate("y ~ x + (1|block:größe) + (1|w)", frame)
    agrees(t, frame, {"block:größe": (["block", "größe"], [ONE]), "w": (["w"], [ONE])}, made)


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
    "scale(age)": [CENTRED / AGE.std(ddof=0)],
    "standardize(age)": [CENTRED / AGE.std(ddof=0)],
    "scale(age, ddof=1)": [CENTRED / AGE.std(ddof=1)],
    "scale(np.log(age))": [(np.log(AGE) - np.log(AGE).mean()) / np.log(AGE).std(ddof=0)],
    "I(age > 10)": [AGE > 10],
    "I(age**2 / 20)": [AGE**2 / 20],
    "age * sex": [MALE, AGE, AGE * MALE],
    "sex * center(age)": [MALE, CENTRED, CENTRED * MALE],
    "np.log(age) * sex": [MALE, np.log(AGE), np.log(AGE) * MALE],
    "center(age) * grade": [CENTRED, D["grade"], CENTRED * D["grade"]],
    "sex * late": [MALE, D["late"], MALE * D["late"]],
}


@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize("name", ["as it is", "no identifier"])
def test_effects_of_classes_are_columns_of_the_whole_data(effects, name, made):
    frame, written = D, effects
    if name != "as it is":
        column = next(
            c for c in ("sex", "late", "grade", "age", "f") if re.search(rf"\b{c}\b", effects)
        )
        other = f"the {column} (2)"
        frame = D.rename(columns={column: other})
        written = re.sub(rf"\b{column}\b", f"`{other}`", effects)
    t = translate(f"score ~ 1 + ({written}|`class`) + (1|school)", frame)
    (gap,) = t.gaps  # that the effects are correlated, and nothing else
    assert "correlated" in gap
    names = list(t.vc_formula)
    terms = {"re": (["school"], [ONE]), "class": (["class"], [ONE])}
    terms |= {n: (["class"], [c]) for n, c in zip(names[1:], EFFECTS[effects], strict=True)}
    agrees(t, frame, terms, made)


def test_effects_of_classes_without_an_intercept(made):
    t = translate("score ~ 1 + (0 + sex|`class`) + (1|school)", D)
    terms = {
        "re": (["school"], [ONE]),
        "class:sex[female]": (["class"], [~MALE]),
        "class:sex[male]": (["class"], [MALE]),
    }
    agrees(t, D, terms, made)


@pytest.mark.parametrize("dtype", ["Int64", object, float, "category", "int64[pyarrow]"])
def test_grades_of_any_type(dtype, made):
    frame = D.astype({"grade": dtype})
    t = translate("score ~ 1 + (C(grade)|`class`) + (1|school)", frame)
    names = list(t.vc_formula)
    terms = {"re": (["school"], [ONE]), "class": (["class"], [ONE])}
    columns = [level("grade", 2), level("grade", 3)]
    terms |= {n: (["class"], [c]) for n, c in zip(names[1:], columns, strict=True)}
    agrees(t, frame, terms, made)


@pytest.mark.parametrize("label", ["a:b", "T.male", "[x]", "a:(b)", 'say "x"', "a\\b", "ß, ü"])
def test_labels_of_any_text(label, made):
    frame = D.assign(sex=D["sex"].replace({"male": label, "female": " none"}))
    t = translate("score ~ 1 + (age * sex|`class`) + (1|school)", frame)
    assert "none" in repr(frame["sex"].min())  # the reference
    names = list(t.vc_formula)
    terms = {"re": (["school"], [ONE]), "class": (["class"], [ONE])}
    columns = [MALE, AGE, AGE * MALE]
    terms |= {n: (["class"], [c]) for n, c in zip(names[1:], columns, strict=True)}
    agrees(t, frame, terms, made)


def test_a_slope_that_has_to_be_made_beside_other_terms(made):
    """The second block of a grouping: its own formula, its own columns."""
    effects = "0 + age + scale(grade, ddof=1)"
    t = translate(f"score ~ age + (1|school) + (1|`class`) + ({effects}|`class`)", D)
    names = [name for name in t.vc_formula if name != "class"]
    columns = [AGE, (D["grade"] - D["grade"].mean()) / D["grade"].std(ddof=1)]
    terms = {"re": (["school"], [ONE]), "class": (["class"], [ONE])}
    terms |= {n: (["class"], [c]) for n, c in zip(names, columns, strict=True)}
    agrees(t, D, terms, made)


# -- names of the columns that are made -----------------------------------------------------------


def test_columns_that_are_made_have_names_to_read():
    t = translate("score ~ 1 + (sex|`class`) + (1|school)", D)
    assert list(t.prepare) == ["sex_male"]
    assert list(translate("score ~ 1 + (income|school)", D).prepare) == ["income_per_10000"]
    assert list(translate("score ~ 1 + (1|school:room)", D).prepare) == ["school_room"]
    assert list(translate("score ~ 1 + (1|sex) + (1|school)", D).prepare) == ["everyone"]
    said = translate("score ~ 1 + (1|school:room)", D).explain()
    assert "a column made first: school_room" in said and "groups='school_room'" in said


def test_a_column_that_is_made_never_takes_the_name_of_another(made):
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
    agrees(t, frame, terms, made)
    exog = made(t, frame).model.exog
    np.testing.assert_allclose(exog[:, 1], AGE / 20)


def test_names_taken_over_and_over(made):
    frame = D.assign(school_room=AGE, school_room_=D["late"] * 1.0)
    t = translate("score ~ school_room + school_room_ + (1|school:room)", frame)
    assert t.groups not in frame and t.groups.startswith("school_room")
    agrees(t, frame, {"re": (["school", "room"], [ONE])}, made)


def test_a_column_needed_twice_is_made_once():
    t = translate("score ~ 1 + (income||school) + (0 + income|`class`)", D)
    assert list(t.prepare) == ["income_per_10000"]


@pytest.mark.parametrize("name", ["1", "x²", "ﬁ", "!?", "école", "_", "None", "np", "C", "a b"])
def test_groups_by_columns_of_any_name(name, made):
    frame = D.rename(columns={"room": name})
    t = translate(f"score ~ age + (1|`{name}`:school)", frame)
    assert t.groups.isidentifier()
    agrees(t, frame, {"re": (["school", name], [ONE])}, made)
    both = translate(f"score ~ age + (1|`{name}`) + (1|sex)", frame)
    terms = {name: ([name], [ONE]), "sex": (["sex"], [ONE])}
    agrees(both, frame, terms, made)


def test_groups_by_columns_without_a_letter(made):
    frame = D.rename(columns={"school": "!", "room": "?"})
    t = translate("score ~ age + (1|`!`:`?`)", frame)
    assert t.groups == "column"
    agrees(t, frame, {"re": (["!", "?"], [ONE])}, made)


@pytest.mark.parametrize("name", ["1", "lambda", "in come", "x²", "np.log(a)", "~a", "a~b"])
def test_slopes_of_large_columns_of_any_name(name, made):
    frame = D.rename(columns={"income": name})
    t = translate(f"score ~ age + (`{name}`|school)", frame)
    agrees(t, frame, {"re": (["school"], [ONE, INCOME])}, made)


def test_a_tilde_in_the_name_of_a_slope(made):
    frame = D.assign(**{"a~b": AGE})
    t = translate("score ~ sex + (`a~b`|school)", frame)
    agrees(t, frame, {"re": (["school"], [ONE, AGE])}, made)


# -- rows and types -------------------------------------------------------------------------------

SLOPES = "score ~ late + grade + (grade|school) + (1|school:room)"
SLOPE_TERMS = {
    "re": (["school"], [ONE, D["grade"]]),
    "school:room": (["school", "room"], [ONE]),
}
DRESSES = {
    "nullable": {"late": "boolean", "grade": "Int64", "school": "string", "score": "Float64"},
    "objects": {"late": object, "grade": object, "school": object, "room": object, "score": object},
    "pyarrow": {"late": "bool[pyarrow]", "grade": "int64[pyarrow]", "score": "double[pyarrow]"},
    "categories": {"school": "category", "room": "category", "sex": "category"},
    "small": {"grade": "int8", "score": "float32"},
}


@pytest.mark.parametrize("dress", DRESSES)
def test_types_that_patsy_does_not_know(dress, made):
    frame = D.astype(DRESSES[dress])
    t = translate(SLOPES, frame)
    agrees(t, frame, SLOPE_TERMS, made)
    expected = np.column_stack([np.ones(len(D)), D["late"], D["grade"]]).astype(float)
    np.testing.assert_array_equal(made(t, frame).model.exog, expected)


def test_labels_that_no_row_has(made):
    frame = D.copy()
    for name in ("school", "room", "sex"):
        frame[name] = pd.Categorical(D[name], ["never", *sorted(set(D[name])), "nowhere"])
    t = translate("score ~ sex + (1|school) + (1|school:room)", frame)
    terms = {"re": (["school"], [ONE]), "school:room": (["school", "room"], [ONE])}
    agrees(t, frame, terms, made)
    model = made(t, frame).model
    assert model.exog_names == ["Intercept", "sex[T.male]"]
    # one column for each room of a school: the labels that it lacks would cost memory and time
    assert {m.shape[1] for m in model.exog_vc.mats[0]} == {4}


def test_plain_data_are_used_as_they_are():
    code = translate("score ~ age + sex + (1|school)", D).code
    assert "data =" not in code


@pytest.mark.parametrize(
    "labels",
    [[1, "1", 2, "a", 2.5], [True, "True", 1.5, 2, "1"], [(1, 2), (2, 1), 3, "(1, 2)", 5]],
)
def test_labels_that_read_alike_stay_apart(labels, made):
    number = D["school"].str[1:].astype(int)
    frame = D.assign(school=pd.Series([labels[k] for k in number], dtype=object))
    t = translate("score ~ age + (1|school)", frame)
    model = made(t, frame).model
    assert model.n_groups == 5
    agrees(t, D.assign(school=frame["school"]), {"re": (["school"], [ONE])}, made)


@pytest.mark.parametrize("index", ["unique", "twice"])
def test_rows_with_missing_values(index, made):
    frame = D.copy()
    frame.loc[[3, 40], "sex"] = None
    frame.loc[[3, 7], "age"] = np.nan
    frame.loc[9, "school"] = None
    frame["idle"] = np.nan  # a column that the formula does not name
    if index == "twice":
        frame.index = np.arange(len(frame)) // 2
    t = translate("score ~ age + sex + (1|school) + (1|school:room)", frame)
    keep = frame[["sex", "age", "school"]].notna().all(axis=1).to_numpy()
    complete = frame[keep].reset_index(drop=True)
    terms = {"re": (["school"], [ONE]), "school:room": (["school", "room"], [ONE])}
    model = made(t, frame).model
    np.testing.assert_allclose(theirs(model, ["school:room"]), ours(complete, terms))
    np.testing.assert_allclose(model.exog[:, 2], complete["age"])
    np.testing.assert_allclose(model.endog, complete["score"])


def test_an_index_that_repeats_itself(made):
    frame = D.set_axis(np.arange(len(D)) // 3)
    t = translate("score ~ age + (1|school) + (1|school:room)", frame)
    plain = made(translate("score ~ age + (1|school) + (1|school:room)", D), D).model
    model = made(t, frame).model
    terms = ["school:room"]
    np.testing.assert_array_equal(theirs(model, terms), theirs(plain, terms))


# -- the search -----------------------------------------------------------------------------------


def scaled(found, k: int) -> list[float]:
    """At the start: the mean variance that each random part gives a row."""
    model, start = found.model, np.asarray(found.start)
    m = k * (k + 1) // 2
    L = np.zeros((k, k))
    L[np.tril_indices(k)] = start[:m]
    parts = [np.mean(((model.exog_re @ L) ** 2).sum(axis=1)) / k] if k else []
    mats = model.exog_vc.mats if model.k_vc else []
    for root, of_component in zip(start[m:], mats, strict=True):
        parts.append(root**2 * sum((z**2).sum() for z in of_component) / model.nobs)
    return parts


@pytest.mark.parametrize(
    "random, k, parts",
    [
        ("(1|school)", 1, 1),
        ("(1|school) + (1|school:room)", 1, 2),
        ("(1|sex) + (1|school) + (1|room)", 0, 3),
        ("(0 + age|school)", 1, 1),
        ("(income|school)", 2, 1),
        ("(age + grade|school)", 3, 1),
        ("(age||school)", 1, 2),
        ("(1|school) + (0 + age|`class`)", 1, 2),
        ("(1|sex) + (age||school)", 0, 3),
        ("(age|school) + (1|`class`) + (0 + age|`class`)", 2, 3),
    ],
)
def test_the_search_starts_where_each_part_has_the_residuals_variance(random, k, parts, made):
    t = translate(f"score ~ age + grade + {random}", D)
    assert t.n_correlated == k
    found = made(t, D)
    np.testing.assert_allclose(scaled(found, k), np.ones(parts))


def test_the_simple_start_is_a_row_of_ones():
    """Where nothing but intercepts vary the code needs no linear algebra."""
    code = translate("score ~ age + (1|school) + (1|school:room)", D).code
    assert "start = np.ones(2)" in code and "linalg" not in code
    assert "start = np.ones(2)" in translate("score ~ age + (1|school) + (1|sex)", D).code
    assert "start = np.ones(1)" in translate("score ~ age + (1|school)", D).code


def refuses(found, params) -> bool:
    """Whether the search is kept off these parameters; elsewhere MixedLM's own value is passed on."""
    found.guarded.__globals__["loglike"] = lambda params, profile_fe: 7.0
    value = found.guarded(np.array(params))
    assert value in (7.0, -1e10)
    assert found.guarded(np.array(params), profile_fe=False) == 7.0
    return value != 7.0


@pytest.mark.parametrize(
    "random, ordinary, flat",
    [
        # rows of L, as MixedLM takes them: below the diagonal, and on it
        ("(age|school)", [1, 0.3, 1], [1, 1000, 0.01]),
        ("(age|school) + (1|`class`)", [1, 0.3, 1, 1], [1, 1000, 0.01, 1]),
        ("(age + grade|school)", [1, 0.3, 1, 0.3, 0.3, 1], [1, 1000, 0.01, 1000, 0.01, 0.01]),
    ],
)
def test_the_search_keeps_off_correlations_of_one(random, ordinary, flat, made):
    """MixedLM's likelihood breaks down there."""
    found = made(translate(f"score ~ age + grade + {random}", D), D)
    assert not refuses(found, ordinary)
    assert refuses(found, flat)


@pytest.mark.parametrize(
    "random", ["(1|school) + (1|school:room)", "(0 + age|school) + (1|`class`)"]
)
def test_the_search_keeps_off_zero(random, made):
    t = translate(f"score ~ age + {random}", D)
    found = made(t, D)
    assert "svd" not in t.code  # no correlation, so none of 1
    assert not refuses(found, [1.0, 1.0])
    assert refuses(found, [1.0, 0.0]) and refuses(found, [0.0, 1.0])
    assert refuses(found, [np.nan, 1.0])


def test_the_code_is_of_readable_lines():
    t = translate("score ~ age + (age|school) + (1|`class`) + (1|province)", D)
    comments = [line for line in t.code.splitlines() if line.startswith("#")]
    assert comments and max(map(len, comments)) <= 90
    assert t.code.endswith("\n") and not t.code.endswith("\n\n")


def test_without_a_random_term_the_way_out_is_least_squares():
    with pytest.raises(CourseError) as caught:
        translate("test_score ~ age", load("pupils"))
    assert "no random term" in str(caught.value) and "smf.ols" in str(caught.value)
