"""The translated code: rows and types made ready, the start of the search, and what it keeps off."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula
from marginal import ONE, D, agrees, classes, ours, theirs
from running import made

from course import CourseError, load, translate

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


@pytest.mark.slow
@pytest.mark.parametrize("dress", DRESSES)
def test_types_that_patsy_does_not_know(dress):
    frame = D.astype(DRESSES[dress])
    t = translate(SLOPES, frame)
    model = agrees(t, frame, SLOPE_TERMS)
    expected = np.column_stack([np.ones(len(D)), D["late"], D["grade"]]).astype(float)
    np.testing.assert_array_equal(model.exog, expected)


def test_a_column_to_make_ready_after_one_that_needs_nothing():
    frame = D.assign(sex=D["sex"].astype("category"), grade=D["grade"].astype("Int64"))
    t = translate("score ~ sex + grade + (1|school)", frame)
    assert made(t, frame).model.exog_names == ["Intercept", "sex[T.male]", "grade"]
    assert 'data = data.assign(**{"grade": data["grade"].astype(float)})' in t.code
    assert '"sex"' not in t.code


@pytest.mark.slow
def test_labels_that_no_row_has():
    frame = D.copy()
    for name in ("school", "room", "sex"):
        frame[name] = pd.Categorical(D[name], ["never", *sorted(set(D[name])), "nowhere"])
    t = translate("score ~ sex + (1|school) + (1|school:room)", frame)
    terms = {"re": (["school"], [ONE]), "school:room": (["school", "room"], [ONE])}
    model = agrees(t, frame, terms)
    assert model.exog_names == ["Intercept", "sex[T.male]"]
    # one column for each room of a school: the labels that it lacks would cost memory and time
    assert {m.shape[1] for m in model.exog_vc.mats[0]} == {4}


def test_plain_data_are_used_as_they_are():
    for frame in (D, D.astype({"sex": "category"})):
        assert "data =" not in translate("score ~ age + sex + (1|school)", frame).code


@pytest.mark.parametrize(
    "labels",
    [[1, "1", 2, "a", 2.5], [True, "True", 1.5, 2, "1"], [(1, 2), (2, 1), 3, "(1, 2)", 5]],
)
def test_labels_that_read_alike_stay_apart(labels):
    frame = classes(5)
    number = frame["school"].str[1:].astype(int)
    frame["school"] = pd.Series([labels[k] for k in number], dtype=object)
    t = translate("score ~ age + (1|school)", frame)
    assert agrees(t, frame, {"re": (["school"], [ONE])}).n_groups == 5


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]", object, "string", "category"])
def test_groups_keep_their_labels(dtype):
    """They name the random effects of the result."""
    frame = D.assign(school=(D["school"].str[1:].astype(int) + 10).astype(dtype))
    t = translate("score ~ age + (1|school)", frame)
    model = made(t, frame).model
    assert sorted(map(str, model.group_labels)) == ["10", "11", "12"]


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]", object])
def test_long_numbers_of_groups_stay_apart(dtype):
    """Of 17 digits, where floats have but every second integer."""
    number = 2**53 + D["school"].str[1:].astype(int)
    frame = D.assign(school=number.astype(dtype))
    agrees(translate("score ~ age + (1|school)", frame), frame, {"re": (["school"], [ONE])})


@pytest.mark.parametrize("dtype", [object, "string", "string[pyarrow]"])
def test_texts_as_a_predictor(dtype):
    frame = D.astype({"sex": dtype})
    t = translate("score ~ sex + (1|school)", frame)
    model = agrees(t, frame, {"re": (["school"], [ONE])})
    np.testing.assert_array_equal(model.exog[:, 1], D["sex"] == "male")


@pytest.mark.parametrize("index", ["unique", "twice"])
def test_rows_with_missing_values(index):
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


def test_an_index_that_repeats_itself():
    frame = D.set_axis(np.arange(len(D)) // 3)
    t = translate("score ~ age + (1|school) + (1|school:room)", frame)
    plain = made(translate("score ~ age + (1|school) + (1|school:room)", D), D).model
    model = made(t, frame).model
    terms = ["school:room"]
    np.testing.assert_array_equal(theirs(model, terms), theirs(plain, terms))


def test_the_arguments_are_short_to_read():
    """An intercept is written out; what varies at the top itself needs no column for each group."""
    for written, argument in {
        "I(age - 10)": "1 + I(age - 10)",
        "1 + I(age - 10)": "1 + I(age - 10)",
        "0 + I(age - 10)": "0 + I(age - 10)",
        "age": "1 + age",
    }.items():
        assert translate(f"score ~ 1 + ({written}|school)", D).re_formula == argument
    slopes = translate("score ~ 1 + (age||school) + (1|school:room)", D)
    assert slopes.vc_formula == {"school:age": "0 + age", "school:room": "0 + C(room)"}


# -- the search -----------------------------------------------------------------------------------


def scaled(found, k: int) -> list[float]:
    """At the start: the mean variance that each random part gives a row."""
    model = found.model
    start = found.params(found.best) if k > 1 else np.asarray(found.start)
    m = k * (k + 1) // 2
    L = np.zeros((k, k))
    L[np.tril_indices(k)] = start[:m]
    parts = [np.mean(((model.exog_re @ L) ** 2).sum(axis=1)) / k] if k else []
    mats = model.exog_vc.mats if model.k_vc else []
    for root, of_component in zip(start[m:], mats, strict=True):
        parts.append(root**2 * sum((z**2).sum() for z in of_component) / model.nobs)
    return parts


@pytest.mark.slow
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
def test_the_search_starts_where_each_part_has_the_residuals_variance(random, k, parts):
    t = translate(f"score ~ age + grade + {random}", D)
    assert t.n_correlated == k
    found = made(t, D)
    np.testing.assert_allclose(scaled(found, k), np.ones(parts), rtol=1e-7)


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
        # rows of L in the units of the search, below the diagonal and on it; then the components
        ("(age|school)", [1, 0.3, 1], [1, 10, 0]),
        ("(age|school) + (1|`class`)", [1, 0.3, 1, 1], [1, 10, 0, 0]),
        ("(age + grade|school)", [1, 0.3, 1, 0.3, 0.3, 1], [1, 10, 0, 10, 10, 0]),
    ],
)
def test_the_search_keeps_off_correlations_of_one_and_zero(random, ordinary, flat):
    """MixedLM's likelihood breaks down there; elsewhere it is given what the search is at."""
    t = translate(f"score ~ age + grade + {random}", D)
    found = made(t, D)
    k, Z = t.n_correlated, found.model.exog_re
    m = k * (k + 1) // 2
    for x in (np.array(ordinary, float), np.array(flat, float)):
        params = found.params(x)
        L, wanted = np.zeros((k, k)), np.zeros((k, k))
        L[np.tril_indices(k)], wanted[np.tril_indices(k)] = params[:m], x[:m]
        # the variances of unrelated combinations of the effects, as the rows see them
        seen = np.sort(np.linalg.eigvals(L @ L.T @ (Z.T @ Z / len(Z))).real)
        np.testing.assert_allclose(seen, np.linalg.eigvalsh(wanted @ wanted.T) + 3e-9, rtol=1e-3)
        # MixedLM takes an effect below this for a fixed one
        assert np.linalg.eigvalsh(L @ L.T).min() > 1e-10
        assert (params[m:] ** 2 > 1e-10).all() and np.isfinite(found.loss(x))


@pytest.mark.parametrize(
    "random", ["(1|school) + (1|school:room)", "(0 + age|school) + (1|`class`)"]
)
def test_the_search_keeps_off_zero(random):
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


# -- the engine that reads formulas ---------------------------------------------------------------

ALIKE = [
    "score ~ age * sex + (age|school) + (1|school:room)",
    "score ~ np.log(income) + I(age**2) * f + C(grade):age + (1|school) + (0 + age|room)",
]
OTHERWISE = [
    "score ~ scale(age, ddof=0) + (1|school)",
    "score ~ age * late + (1|school)",
    "score ~ I(age > 10) + sex + (1|school)",
    "score ~ age + (sex * late|school) + (1|`class`)",
    "score ~ C(f, Sum) + `class` + (0 + standardize(age)|school)",
    "score ~ age + (C(f, Treatment('l'))|school) + (late|`class`)",
]


@pytest.mark.slow
@pytest.mark.parametrize("formula", ALIKE + OTHERWISE)
def test_the_program_does_not_depend_on_the_engine(formula, monkeypatch):
    t = translate(formula, D)
    by_patsy = made(t, D).model
    monkeypatch.setattr(statsmodels.formula.options, "formula_engine", "formulaic")
    model = made(t, D).model
    assert model.exog_names == by_patsy.exog_names == list(t.design.fixed_names)
    np.testing.assert_array_equal(model.exog, by_patsy.exog)
    np.testing.assert_array_equal(model.exog_re, by_patsy.exog_re)
    assert model.exog_vc.names == by_patsy.exog_vc.names
    for mats, wanted in zip(model.exog_vc.mats, by_patsy.exog_vc.mats, strict=True):
        for Z, Z_wanted in zip(mats, wanted, strict=True):
            np.testing.assert_array_equal(Z, Z_wanted)
    # a program that both read alike stays short
    assert ("formula_engine" in t.code) == (formula in OTHERWISE)
