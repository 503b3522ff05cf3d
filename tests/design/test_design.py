"""From formula and data to matrices, groups and refusals."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from made import pupils
from scipy import linalg

from course import CourseError, mixedlm
from course.design.design import build_design
from course.design.groups import components
from course.design.notes import find_notes
from course.formula.parse import parse_formula


def design(formula, data):
    return build_design(parse_formula(formula), data)


def test_matrices_have_patsys_names():
    d = design("score ~ age*sex + (age|school)", pupils())
    assert d.fixed_names == ("Intercept", "sex[T.male]", "age", "age:sex[T.male]")
    assert d.groupings[0].effects == ("Intercept", "age")
    assert d.X.shape == (60, 4)
    np.testing.assert_array_equal(d.groupings[0].Z[:, 0], 1)


def test_terms_of_one_group_are_one_grouping_with_independent_blocks():
    d = design("score ~ age + (1|school) + (0 + age|school) + (1|room)", pupils())
    assert [g.name for g in d.groupings] == ["school", "room"]
    assert d.groupings[0].blocks == ((0,), (1,))
    same = design("score ~ age + (age||school) + (1|room)", pupils())
    assert same.groupings[0].blocks == ((0,), (1,))
    assert d.groupings[0].formulas == same.groupings[0].formulas == ("1", "0 + age")


def test_only_effects_of_one_term_may_be_correlated():
    """Their covariance factor is a lower triangle for each term, and 0 between terms."""
    d = design("score ~ age + (age|school) + (0 + sex|school)", pupils())
    triangle = np.tril(np.ones((2, 2)))
    np.testing.assert_array_equal(d.groupings[0].pattern, linalg.block_diag(triangle, triangle))


def test_labels_of_any_kind_make_the_same_groups():
    data = pupils()
    codes = design("score ~ 1 + (1|school)", data).groupings[0].codes
    number = data["school"].str[1:].astype(int)
    for labels in (
        number,
        number.astype(float),
        number.astype("Int64"),
        data["school"].astype("category"),
        data["school"].astype(pd.CategoricalDtype([*"abc", *sorted(set(data["school"]))])),
        data["school"].astype(object),
        data["school"].astype("string"),
        pd.to_datetime("2020-01-01") + pd.to_timedelta(number, "D"),
    ):
        found = design("score ~ 1 + (1|school)", data.assign(school=labels)).groupings[0]
        np.testing.assert_array_equal(found.codes, codes)
        assert found.n_levels == 6


def test_combinations_of_more_labels_than_a_whole_number_counts():
    """Sixteen columns of 60 labels make 60**16 possible combinations; 64 bits hold 60**10."""
    rng = np.random.default_rng(2)
    names = [f"c{i}" for i in range(16)]
    data = pupils().assign(**{name: rng.permutation(60) // 2 * 2 for name in names})
    data = pd.concat([data, data], ignore_index=True)
    found = design(f"score ~ 1 + (1|{':'.join(names)})", data).groupings[0]
    np.testing.assert_array_equal(found.codes[:60], found.codes[60:])
    assert found.n_levels == 60 and found.levels.is_monotonic_increasing
    rows = pd.MultiIndex.from_frame(data[names])
    assert (found.levels[found.codes] == rows).all()


def test_nesting_and_independent_blocks():
    d = design("score ~ 1 + (1|school) + (1|school:room) + (1|room)", pupils())
    names = [g.name for g in d.groupings]
    nested = {(names[i], names[j]) for i, j in np.argwhere(d.nested) if i != j}
    assert nested == {("school:room", "school"), ("school:room", "room")}
    assert d.nested.diagonal().all()  # a group lies in itself
    blocks = components(np.array([0, 0, 1, 2, 3]), np.array([0, 1, 1, 2, 2]))
    assert blocks.tolist() == [0, 0, 0, 1, 1]


BLOCKS = {
    "one grouping": ([[0, 1, 0, 2]], [0, 1, 0, 2]),
    # rows 0 and 1 share a group of the first, 1 and 2 one of the second, 3 and 4 one of the third
    "three groupings": (
        [[0, 0, 1, 2, 3, 4], [0, 1, 1, 2, 3, 4], [0, 1, 2, 3, 3, 4]],
        [0, 0, 0, 1, 1, 2],
    ),
    "a chain through all": ([[0, 0, 1, 2], [0, 1, 1, 2], [0, 1, 2, 2]], [0, 0, 0, 0]),
}


@pytest.mark.parametrize("case", BLOCKS)
def test_rows_that_share_a_group_share_a_block(case):
    groupings, expected = BLOCKS[case]
    found = components(*map(np.array, groupings))
    assert found.tolist() == expected
    assert np.bincount(found).sum() == len(expected)  # whole numbers, to count and to index with


def test_each_group_knows_the_group_that_contains_it():
    d = design("score ~ 1 + (1|school:room) + (1|school) + (1|room)", pupils())
    rooms, schools, labels = (g.levels for g in d.groupings)
    assert schools[d.parents(0, 1)].tolist() == rooms.get_level_values("school").tolist()
    assert labels[d.parents(0, 2)].tolist() == rooms.get_level_values("room").tolist()


def test_rows_with_missing_values_are_left_out_and_counted():
    data = pupils()
    data.loc[3, "age"] = np.nan
    data.loc[[3, 5], "school"] = None
    data["unused"] = np.nan
    fit = mixedlm("score ~ age + (1|school)", data).fit()
    assert fit.nobs == 58
    assert fit.design.missing == {"age": 1, "school": 2}
    assert "2 of 60 rows" in fit.notes[0] and "age (1), school (2)" in fit.notes[0]
    assert "2 of 60 rows" in str(fit.summary())
    assert list(fit.resid.index) == [i for i in range(60) if i not in (3, 5)]


def test_the_data_are_not_changed():
    data = pupils()
    before = data.copy(deep=True)
    mixedlm("score ~ age + C(sex) + (age|school)", data).fit().summary()
    pd.testing.assert_frame_equal(data, before)


@pytest.mark.parametrize("index", [[0] * 60, list("ab") * 30])
def test_a_duplicate_index_works(index):
    data = pupils()
    expected = mixedlm("score ~ age + (1|school)", data).fit()
    fit = mixedlm("score ~ age + (1|school)", data.set_axis(index)).fit()
    assert fit.llf == expected.llf
    assert fit.statsmodels.llf == pytest.approx(expected.llf, abs=1e-6)
    assert list(fit.fittedvalues.index) == index


def bad(**columns):
    return pupils().assign(**columns)


REFUSED = {
    "text in arithmetic": ("score ~ I(room * 2) + (1|school)", pupils(), "'room' holds labels"),
    "text in a function": ("score ~ np.log(sex) + (1|school)", pupils(), "'sex' holds labels"),
    "unknown reference": ("score ~ C(sex, Treatment('x')) + (1|school)", pupils(), "not among the labels"),
    "too few scores": ("score ~ C(room, Poly([1, 2])) + (1|school)", pupils(), "one score for each"),
    "levels left out": ("score ~ C(sex, levels=['male']) + (1|school)", pupils(), "leaves out a label"),
    "a far knot": ("score ~ bs(age, knots=[1e9]) + (1|school)", pupils(), "beyond the values"),
    "labels that are not numbers": ("score ~ C(np.sqrt(x)) + (1|school)", bad(x=np.arange(60) % 3 - 1),
                                    "inside C(...) is not a number"),
    "knots and df": ("score ~ bs(age, df=3, knots=[1]) + (1|school)", pupils(), "contradict"),
    "few values": ("score ~ cr(x, df=4) + (1|school)", bad(x=0.0), "too few different"),
    "labels by the million": ("score ~ C(id):C(age):C(x) + (1|school)", bad(id=range(60), x=range(60)),
                              "is a label used as a predictor"),
    "many columns of ||": ("score ~ age + (C(x)||school)", bad(x=[*range(20)] * 3), "[3], ...)"),
    "unknown column": ("score ~ agee + (1|school)", pupils(), "did you mean 'age'"),
    "unknown group": ("score ~ age + (1|shool)", pupils(), "did you mean 'school'"),
    "text response": ("sex ~ age + (1|school)", pupils(), "not numeric"),
    "boolean response": ("y ~ age + (1|school)", bad(y=pupils().age > 10), "True or False"),
    "constant response": ("y ~ age + (1|school)", bad(y=3.0), "response y is 3"),
    "one level": ("score ~ age + (1|one)", bad(one="x"), "only one level"),
    "a row a level": ("score ~ age + (1|id)", bad(id=range(60)), "one row per level"),
    "effects for every row": ("score ~ age + (age|pair)", bad(pair=np.arange(60) // 2), "60 rows"),
    "infinite": ("score ~ x + (1|school)", bad(x=[np.inf, *range(59)]), "infinite in 1 row"),
    "log of a negative": ("score ~ np.log(x) + (1|school)", bad(x=range(-1, 59)), "not a finite"),
    "all missing": ("score ~ x + (1|school)", bad(x=np.nan), "every row has a missing value"),
    "gaps that cover all rows": (
        "score ~ age + x + (1|school)",
        bad(age=[np.nan, 1.0] * 30, x=[1.0, np.nan] * 30),
        "'age' in 30, 'x' in 30",
    ),
    "no rows": ("score ~ age + (1|school)", pupils().iloc[:0], "no rows"),
    "not a frame": ("score ~ age + (1|school)", {"score": [1, 2]}, "pd.DataFrame"),
    "a path": ("score ~ age + (1|school)", "pupils.csv", "pd.read_csv"),
    "twice the name": (
        "score ~ age + (1|school)",
        pd.concat([pupils(), pupils()[["age"]]], axis=1),
        "2 columns called 'age'",
    ),
    "one label": ("score ~ x + (1|school)", bad(x="a"), "only one value"),
    "mixed types": ("score ~ x + (1|school)", bad(x=[1, "a"] * 30), "mixes"),
    "dates": ("score ~ x + (1|school)", bad(x=pd.Timestamp("2020-01-01")), "dates"),
    "complex": ("score ~ x + (1|school)", bad(x=1j), "complex"),
    "too many predictors": ("score ~ C(id) + (1|school)", bad(id=range(60)), "fixed effects"),
    "no random term": ("score ~ age", pupils(), "smf.ols"),
    "a factor before ||": ("score ~ age + (sex||school)", pupils(), "two things"),
    "nothing varies": ("score ~ age + (0|school)", pupils(), "nothing vary"),
    "a column called C beside C(...)": (
        "score ~ C + C(sex) + (1|school)",
        bad(C=pupils().age),
        "rename it",
    ),
    "a column called Intercept": (
        "score ~ Intercept + (1|school)",
        bad(Intercept=pupils().age),
        "rename that column",
    ),
    "lists as labels": ("score ~ age + (1|x)", bad(x=[[1]] * 60), "cannot be labels"),
    "lists as a predictor": ("score ~ x + (1|school)", bad(x=[[1]] * 60), "cannot be labels"),
    "another case": ("score ~ Age + (1|school)", pupils(), "did you mean 'age'"),
    "huge numbers": ("score ~ x + (1|school)", bad(x=np.geomspace(1e100, 1e300, 60)), "unit"),
    "tiny numbers": ("score ~ x + (1|school)", bad(x=np.arange(60) * 1e-300), "another unit"),
    "perfect fit": ("y ~ age + (1|school)", bad(y=2 * pupils().age), "no residual is left"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_the_mend(case):
    formula, data, words = REFUSED[case]
    with pytest.raises(CourseError) as caught:
        mixedlm(formula, data).fit()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("n_labels", range(2, 8))
def test_columns_of_a_factor_before_two_bars_are_named(n_labels):
    """Dots stand for columns that are not shown, and only for those."""
    labels = list("abcdefg"[:n_labels])
    data = bad(x=np.resize(labels, 60))
    with pytest.raises(CourseError) as caught:
        design("score ~ age + (x||school)", data)
    message = str(caught.value)
    shown = [f"x[{label}]" for label in labels if f"x[{label}]" in message]
    assert f"({', '.join(shown)}{', ...' if len(shown) < n_labels else ''})" in message
    assert "'x'" in message and "(1 | school) + (0 + x | school)" in message


@pytest.mark.parametrize(
    "formula",
    [
        "score ~ np.sqrt(x) + (1|school)",
        "np.sqrt(x) ~ age + (1|school)",
        "score ~ age + (0 + np.sqrt(x)|school)",
    ],
)
def test_a_value_that_cannot_be_computed_is_reported_with_its_first_row(formula):
    """The rows are complete, so none may be dropped in silence."""
    x = np.arange(1.0, 61)
    x[[7, 30]] = -1
    data = bad(x=x).set_axis(range(100, 160))
    with pytest.raises(CourseError) as caught:
        design(formula, data)
    for words in ("np.sqrt(x)", "2 row", "index 107"):
        assert words in str(caught.value)


def test_a_missing_predictor_in_a_new_row_leaves_a_gap_there_alone():
    data = pupils()
    d = design("score ~ age + sex + (1|school)", data)
    new = data.head(4).copy()
    new.loc[0, "age"] = np.nan
    new.loc[1, "sex"] = None
    rows = d.fixed_rows(new)
    assert np.isnan(rows[:2]).all()
    np.testing.assert_array_equal(rows[2:], d.X[2:4])


def test_slopes_of_new_rows_are_their_own_values():
    data = pupils()
    d = design("score ~ age + (age|school) + (0 + sex|room)", data)
    new = data.tail(5).assign(age=[1.0, 2, 3, 4, 5], sex=["male"] * 3 + ["female"] * 2)
    codes, Z = d.random_rows(0, new)
    assert d.groupings[0].levels[codes].tolist() == new["school"].tolist()
    np.testing.assert_array_equal(Z, [[1, 1], [1, 2], [1, 3], [1, 4], [1, 5]])
    codes, Z = d.random_rows(1, new)
    assert d.groupings[1].levels[codes].tolist() == new["room"].tolist()
    np.testing.assert_array_equal(Z, [[0, 1]] * 3 + [[1, 0]] * 2)  # female before male


def test_a_combination_of_labels_in_new_rows_is_a_group_of_the_fit_or_unknown():
    data = pupils()
    data = data[(data["school"] != "S0") | (data["room"] != "R0")]
    d = design("score ~ 1 + (1|school:room)", data)
    new = pd.DataFrame({"school": ["S1", "S0", "S9", None], "room": ["R0", "R0", "R0", "R1"]})
    codes, Z = d.random_rows(0, new)
    assert d.groupings[0].levels[codes[0]] == ("S1", "R0")
    assert codes[1:3].tolist() == [-1, -1]  # both labels are known, but no row had them together
    np.testing.assert_array_equal(Z[:, 0], [1, 1, 1, np.nan])


def test_numbers_for_labels_that_were_text_are_refused_but_no_labels_at_all_are_a_gap():
    data = pupils()
    d = design("score ~ age + (1|school) + (1|school:room)", data)
    for grouping in (0, 1):
        with pytest.raises(CourseError) as caught:
            d.random_rows(grouping, data.assign(school=3))
        for words in ("'school'", "number here", "text in the data of the fit"):
            assert words in str(caught.value)
        codes, Z = d.random_rows(grouping, data.assign(school=np.nan))
        assert (codes == -1).all() and np.isnan(Z).all()


@pytest.mark.parametrize("call, known", [("C(x)", "0, 1, 2"), ("C(x + 1)", "1.0, 2.0, 3.0")])
def test_a_new_value_of_a_number_used_as_a_label_is_named(call, known):
    data = bad(x=np.arange(60) % 3)
    d = design(f"score ~ {call} + (1|school)", data)
    with pytest.raises(CourseError) as caught:
        d.fixed_rows(data.head(3).assign(x=[0, 7, 1]))
    message = str(caught.value)
    assert call.replace(" ", "") in message.replace(" ", "") and known in message
    assert ("8.0 is not one" if "+" in call else "7 is not one") in message
    assert "levels=" not in message  # which nobody wrote


def test_long_numbers_as_labels_of_a_predictor_are_kept_to_the_last_digit():
    """Floats would take 2**53 and 2**53 + 1 for one number."""
    data = bad(x=2**53 + np.arange(60, dtype=np.int64) % 3)
    d = design("score ~ C(x) + (1|school)", data)
    assert d.X.sum(axis=0).tolist() == [60, 20, 20]
    np.testing.assert_array_equal(d.fixed_rows(data), d.X)


def test_another_response_leaves_the_rest_as_it_is():
    d = design("score ~ age + (1|school)", pupils())
    other = d.with_response(list(range(60)))
    assert other.y.dtype == float and other.y.tolist() == list(range(60))
    assert other.X is d.X and other.groupings is d.groupings
    assert d.y.tolist() == pupils()["score"].tolist()
    with pytest.raises(CourseError, match=r"\(59,\).*60 rows"):
        d.with_response(np.arange(59.0))
    with pytest.raises(CourseError, match="response score is 3"):
        d.with_response(np.full(60, 3.0))


def test_a_stored_design_reads_new_rows_as_the_first_one():
    """What scale() took from the data of the fit holds for single rows as well."""
    data = pupils()
    d = design("score ~ scale(age) + C(sex) + (scale(age)||school) + (1|room)", data)
    again = pickle.loads(pickle.dumps(d))
    np.testing.assert_array_equal(again.y, d.y)
    np.testing.assert_array_equal(again.fixed_rows(data.tail(3)), d.X[-3:])
    for g, grouping in enumerate(d.groupings):
        codes, Z = again.random_rows(g, data.tail(3))
        np.testing.assert_array_equal(codes, grouping.codes[-3:])
        np.testing.assert_array_equal(Z, grouping.Z[-3:])


def test_more_parameters_than_rows_are_refused():
    rng = np.random.default_rng(1)
    data = pd.DataFrame(rng.normal(size=(24, 6)), columns=list("yabcde")).assign(
        g=np.arange(24) % 3
    )
    formula = "y ~ a + (a + b + c + d + e|g)"
    with pytest.raises(
        CourseError, match="21 variances and covariances .* 2 fixed .* 23 complete rows"
    ):
        design(formula, data[1:])
    assert design(formula, data).groupings[0].effects == ("Intercept", *"abcde")
    assert design(formula.replace("|", "||"), data[1:]).groupings[0].effects == (
        "Intercept",
        *"abcde",
    )


def test_columns_called_like_a_function_of_formulas_are_listed():
    """Generated code drops them, used or not: patsy would take them for the function."""
    d = design("score ~ age + (1|school)", bad(C=1, np=2, other=3))
    assert set(d.named_like_functions) == {"C", "np"}


def test_polars_like_frames_are_told_the_way():
    class Frame:
        def to_pandas(self):
            return pupils()

    with pytest.raises(CourseError, match="to_pandas"):
        mixedlm("score ~ age + (1|school)", Frame())


def test_names_that_python_could_not_read():
    data = pupils().rename(columns={"age": "age (years)", "sex": "class", "school": "die Schule"})
    fit = mixedlm("score ~ `age (years)` + `class` + (`age (years)`|`die Schule`)", data).fit()
    plain = mixedlm("score ~ age + sex + (age|school)", pupils()).fit()
    assert fit.llf == pytest.approx(plain.llf, abs=1e-9)


def test_a_whole_number_predictor_does_not_overflow():
    data = pupils().assign(x=np.arange(60) * 1_000_000)
    fit = mixedlm("score ~ I(x**3) + (1|school)", data).fit()
    assert fit.design.X[:, 1].max() == pytest.approx(59e6**3)
    np.testing.assert_allclose(fit.predict(data.tail(3)), fit.fittedvalues.tail(3))


def test_a_nan_in_a_nullable_column_is_missing():
    import pyarrow as pa

    values = [1.0, 2.0, float("nan")] * 20
    nullable = pd.Series(pa.array(values), dtype=pd.ArrowDtype(pa.float64()))
    fit = mixedlm("score ~ age + (1|x)", pupils().assign(x=nullable)).fit()
    assert fit.nobs == 40 and fit.n_groups == {"x": 2}


@pytest.mark.slow
def test_many_levels_are_checked_in_no_time():
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"c": np.arange(2000) % 400, "s": rng.integers(0, 10, 2000)})
    data["y"] = rng.normal(size=2000)
    assert mixedlm("y ~ C(c) + (1|s)", data).fit().design.X.shape == (2000, 400)
    with pytest.raises(CourseError, match="label used as a predictor"):
        from course.design.checks import check_columns

        check_columns([["a"] * 20_000], 24_000)


LABELS = {"whole": [7, 8], "half": [7.5, 8.0], "flag": [False, True], "text": ["a", "b"]}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_numbers_are_named_as_statsmodels_names_them(kind):
    """C(grade)[T.8], not C(grade)[T.np.int64(8)]."""
    data = pupils().assign(label=np.array(LABELS[kind])[np.arange(len(pupils())) % 2])
    formula = "score ~ C(label)"
    expected = smf.ols(formula, data).fit().params.index
    fit = mixedlm(f"{formula} + (1|school)", data).fit()
    assert list(fit.fe_params.index) == list(expected)
    assert expected[1] == f"C(label)[T.{LABELS[kind][1]}]"
    np.testing.assert_allclose(fit.predict(data), fit.fittedvalues)


def test_a_long_list_of_columns_is_cut_short():
    """Twenty columns that add up to the next one: a message names a few of them."""
    data = pupils(120).assign(total=0.0)
    names = [f"x{i}" for i in range(20)]
    for i, name in enumerate(names):
        data[name] = np.random.default_rng(i).normal(size=120)
        data["total"] += data[name]
    found = design(f"score ~ {' + '.join(names)} + total + (1|school)", data)
    (note,) = find_notes(found)
    assert re.search("total is determined by .*x0, .* and 12 others", note)
    assert len(note) < 300


# What once was refused, and is left out of the fixed part as in lme4.
LEFT_OUT = {
    "constant predictor": ("score ~ x + (1|school)", bad(x=2), "x", "same value in every row"),
    "all zero": ("score ~ x + (1|school)", bad(x=0), "x", "x is 0 in every row"),
    "all zero, without an intercept": ("score ~ 0 + x + (1|school)", bad(x=0), "x", "is 0 in every"),
    "a multiple of one label's column, before it, without an intercept": (
        "score ~ 0 + x + sex + (1|school)",
        bad(x=3.0 * (pupils().sex == "male")),
        "x",
        "x is determined by sex[male]",
    ),
    "a constant beside labels, without an intercept": (
        "score ~ 0 + x + sex + (1|school)",
        bad(x=3.0),
        "x",
        "x is determined by sex[female], sex[male]",
    ),
    "the second of two repetitions, as R orders them": (
        "score ~ age + age:sex + x + sex + (1|school)",
        bad(x=2 * pupils().age),
        "x",
        "x is determined by age",
    ),
    "collinear": (
        "score ~ age + x + (1|school)",
        bad(x=2 * pupils().age + 1),
        "x",
        "x is determined by age",
    ),
    "years near 2000": (
        "score ~ x + age + (1|school)",
        bad(x=2000 + pupils().age),
        "age",
        "age is determined by x",
    ),
    "labels that are labels of labels": (
        "score ~ school + x + (1|room)",
        bad(x=(pupils().school == "S1").map({True: "one", False: "other"})),
        "x[T.other]",
        "x[T.other] is determined by school",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT_OUT)
def test_a_column_that_others_determine_is_left_out_and_told_of(case):
    formula, data, name, words = LEFT_OUT[case]
    found = design(formula, data)
    assert found.aliased.names == (name,)
    assert set(found.fixed_names) == set(found.codings.X.names) - {name}
    assert words in find_notes(found)[0]
    assert find_notes(found)[0].endswith("left out.")
    without = np.delete(
        found.codings.matrices(found.index)[2], list(found.codings.X.names).index(name), 1
    )
    np.testing.assert_array_equal(found.X, without)
    np.testing.assert_allclose(found.fixed_rows(data), found.X)


def test_without_fixed_effects_there_are_rows_and_no_columns():
    found = design("score ~ 0 + (1|school)", pupils())
    assert found.X.shape == (60, 0) and found.fixed_names == ()
    assert found.fixed_rows(pupils().head(3)).shape == (3, 0)


def test_a_stored_design_of_some_rows_makes_new_rows_as_before():
    """Means and labels are those of all rows, in the copy as well."""
    data = pd.DataFrame({"y": np.arange(12.0) ** 2, "x": np.arange(12.0), "g": list("abcd") * 3})
    some = design("y ~ center(x) + (center(x)|g)", data).rows(np.arange(12) < 9)
    for d in (some, pickle.loads(pickle.dumps(some))):
        np.testing.assert_allclose(d.fixed_rows(data)[:, 1], data["x"] - data["x"].mean())
        np.testing.assert_allclose(d.effect_rows(0, data), d.fixed_rows(data))


def test_a_coding_that_cannot_be_before_two_bars_is_told_in_words():
    """Found by the fuzz: patsy codes (x + C(sex, Treatment('q')) otherwise where both stand together."""
    with pytest.raises(CourseError, match="not among the labels|could mean two things"):
        design("score ~ age + (1 + (C(sex, Treatment('q')) + sex)**3||school)", pupils())


def test_a_value_outside_the_breaks_of_cut_is_told_with_its_mend():
    data = pd.DataFrame({"y": np.arange(12.0) ** 1.5, "x": np.arange(12.0), "g": list("abcd") * 3})
    with pytest.raises(CourseError, match="outside the breaks: take lower or higher ones"):
        mixedlm("y ~ cut(x, c(0, 5, 11)) + (1|g)", data)
    fitted = mixedlm("y ~ cut(x, c(0, 5, 11), include.lowest=TRUE) + (1|g)", data).fit()
    with pytest.raises(CourseError, match="outside the breaks"):
        fitted.predict(data.assign(x=40.0))
