"""Columns of any type and any name, frames of any index: one model, and the frame stays as it was."""

import datetime
import decimal
import json
from functools import cache
from itertools import product

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from budget import thinned
from made import pupils
from running import at_the_optimum

from course import CourseError, mixedlm

FORMULA = "score ~ age + count + late + sex + (count|school) + (1|room)"


ROWS = 90


@cache
def drawn() -> pd.DataFrame:
    """Three schools of four rooms, which suffice for variances and a correlation that are not at a bound."""
    rng = np.random.default_rng(4)
    data = pupils(2 * ROWS)
    data = data[data["school"] < "S3"].reset_index(drop=True)
    data = data.assign(count=rng.integers(0, 5, ROWS), late=rng.random(ROWS) < 0.5)
    data["room"] = data["school"] + data["room"]
    slopes, rooms = rng.normal(1, 0.5, 6), rng.normal(0, 0.7, 12)
    data["score"] += 0.3 * data["count"] * slopes[data["school"].str[1:].astype(int)]
    data["score"] += rooms[pd.factorize(data["room"])[0]]
    return data


def frame() -> pd.DataFrame:
    return drawn().copy()


PLAIN = mixedlm(FORMULA, frame()).fit()
EXPECTED = PLAIN.llf


def test_the_optimum_is_not_at_a_bound():
    """There MixedLM takes other parameters than those of the formula."""
    assert not PLAIN.singular


def fingerprint(data: pd.DataFrame) -> tuple:
    cells = pd.util.hash_pandas_object(data.set_axis(range(len(data)))).tolist()
    labels = list(map(repr, data.index)), list(map(repr, data.columns))
    return cells, labels, list(map(str, data.dtypes)), data.attrs.copy()


def check(data: pd.DataFrame, formula: str = FORMULA, expected: float = EXPECTED, code=True):
    """The fit, its code, its twin and its predictions are those of the plain frame."""
    before = fingerprint(data)
    fit = mixedlm(formula, data).fit()
    assert fit.llf == pytest.approx(expected, abs=1e-6)
    assert fit.converged and len(str(fit.summary())) > 100
    complete = data[data["age"].notna().to_numpy()]
    np.testing.assert_allclose(fit.predict(complete.head(9)), fit.fittedvalues.head(9), atol=1e-6)
    assert fit.statsmodels.llf == pytest.approx(expected, abs=1e-4)
    if code:
        llf, slopes = at_the_optimum(fit, data)
        assert llf == pytest.approx(expected, abs=1e-6)
        np.testing.assert_allclose(slopes, 0, atol=2e-3)
    assert fingerprint(data) == before, "the caller's frame was changed"
    return fit


ARROW_TEXT = pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))
TYPES = {
    "nullable": {"count": "Int64", "late": "boolean", "age": "Float64", "school": "string"},
    "small": {"count": "int8", "age": "float64", "room": "category"},
    "unsigned": {"count": "uint64"},
    "text columns of objects": {"sex": object, "school": object, "room": object},
    "numbers in objects": {"count": object, "age": object, "late": object, "score": object},
    "dictionaries of pyarrow": {"sex": ARROW_TEXT, "school": ARROW_TEXT},
    "sparse": {"count": pd.SparseDtype("int64", 0)},
}


@pytest.mark.slow
@pytest.mark.parametrize("types", thinned(TYPES, 2))
def test_types(types):
    check(frame().astype(TYPES[types]))


@pytest.mark.slow
def test_columns_of_pyarrow():
    check(frame().convert_dtypes(dtype_backend="pyarrow"))


@pytest.mark.slow
@pytest.mark.parametrize("ordered", [False, True])
def test_categories_that_no_row_has(ordered):
    data = frame()
    for name in ("sex", "school", "room"):
        labels = ["never", *sorted(data[name].unique()), "nowhere"]
        data[name] = pd.Categorical(data[name], labels, ordered=ordered)
    fit = check(data)
    assert fit.n_groups["school"] == 3 and "sex[T.male]" in fit.fe_params
    other = data.assign(
        sex=pd.Categorical(data["sex"].astype(str), ["male", "female"], ordered=ordered)
    )
    assert "sex[T.female]" in mixedlm(FORMULA, other).fit().fe_params  # the first is the reference


LABELS = {
    "dates": lambda number: pd.Timestamp("2020-01-01") + pd.to_timedelta(number, "D"),
    "dates with a zone": lambda number: (
        pd.Timestamp("2020-01-01", tz="Europe/Berlin") + pd.to_timedelta(number, "D")
    ),
    "python's dates": lambda number: [datetime.date(2020, 1, 1 + n) for n in number],
    "months": lambda number: pd.PeriodIndex([f"2020-0{n + 1}" for n in number], freq="M"),
    "fractions": lambda number: number + 0.5,
    "tuples": lambda number: [(n, "x") for n in number],
    "intervals": lambda number: pd.cut(number, 3),
    "booleans and text": lambda number: number.astype(object).replace({0: True, 1: "1", 2: "True"}),
    "1 and '1'": lambda number: number.astype(object).replace({0: "1", 2: 2.5}),
    "True beside '1'": lambda number: number.astype(object).replace({0: "1", 1: True, 2: "True"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("labels", thinned(LABELS, 2))
def test_labels_of_any_type(labels):
    data = frame()
    number = data["school"].str[1:].astype(int)
    check(data.assign(school=LABELS[labels](number)))


NAMES = [
    "with space", "class", "lambda", "None", "größe", "學校", "a'b", "a|b", "a+b", "a:b", "a\\b",
    "{0}", "%s", "result", "data", "model", "start", "smf", "pd", "blocks", "1", "1.5", "a.b", " a ",
    "__class__", "C(x)", "np.log(a)", "x[T.a]", "a,b", "a)", "#", "=", "😀", "e\u0301", "a~b", "ftol",
    'a"b', '"', "'", "'\"", '\\"', '""', "C", "I", "np", "bs", "center", "Treatment",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", thinned(NAMES, 8))
def test_names(name):
    """As a predictor with a slope, and as the name of a group."""
    predictor = FORMULA.replace("count", f"`{name}`")
    check(frame().rename(columns={"count": name}), predictor)
    group = FORMULA.replace("|room", f"|`{name}`")
    check(frame().rename(columns={"room": name}), group, code=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", thinned(["a`b", "`", "a`b`c", "`'\"", "C", 'a"b', "with space"], 4)
)
def test_names_in_quotes(name):
    """Q("a`b") is the way to a name with a backtick; in double quotes or in single ones."""
    as_predictor = frame().rename(columns={"count": name})
    as_group = frame().rename(columns={"room": name})
    for quoted in (f"Q({json.dumps(name)})", f"Q({name!r})"):
        check(as_predictor, FORMULA.replace("count", quoted), code=quoted.startswith('Q("'))
        fit = mixedlm(FORMULA.replace("room", quoted), as_group).fit()
        assert fit.llf == pytest.approx(EXPECTED, abs=1e-6)
        assert fit.n_groups[name] == as_group[name].nunique()


CALLS = ["np.log1p({})", "I({} + 1)", "{}*sex", "{}:sex", "center({})"]


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
def test_columns_called_like_functions_inside_calls(call):
    formula = FORMULA.replace("count +", f"{call.format('count')} +")
    expected = mixedlm(formula, frame()).fit().llf
    data = frame().rename(columns={"count": "C", "score": "np"})
    formula = formula.replace("score", "np").replace("count", "`C`")
    if "np." in call:
        data, formula = data.rename(columns={"np": "score"}), formula.replace("np ~", "score ~")
    check(data, formula, expected)


@pytest.mark.slow
def test_a_slope_of_a_column_called_like_a_function_below_the_top():
    """A column that the code makes by patsy of all rows, when the one called C is gone."""
    formula = "score ~ count + sex + (0 + center(count)|room) + (1|school)"
    expected = mixedlm(formula, frame()).fit().llf
    data = frame().rename(columns={"count": "C"})
    check(data, formula.replace("count", "`C`"), expected)


@pytest.mark.parametrize(
    "formula", ["C + C(sex)", "I(C + 1) + C(sex)", "C + I(age + 1) + C(sex, Sum)"]
)
def test_a_function_and_a_column_of_one_name(formula):
    """Who calls both in one formula is told how to rename the column."""
    with pytest.raises(CourseError, match=r"rename\(columns=\{'C': 'C_'\}\)"):
        mixedlm(FORMULA.replace("count", formula), frame().rename(columns={"count": "C"}))


@pytest.mark.slow
def test_a_column_called_like_a_function_inside_another():
    data = frame().rename(columns={"count": "C"})
    check(data, FORMULA.replace("count", "I(C + 1)"))
    X = mixedlm(FORMULA.replace("count", "I(C + 1)"), data).design.X
    assert any(np.array_equal(column, frame()["count"] + 1) for column in X.T)


@pytest.mark.slow
@pytest.mark.parametrize("name", thinned(["C", "Q", "I", "np", "bs", "Treatment"], 3))
def test_groups_and_idle_columns_called_like_functions(name):
    check(frame().rename(columns={"room": name}), FORMULA.replace("|room", f"|{name}"))
    check(frame().rename(columns={"school": name}), FORMULA.replace("|school", f"|{name}"))
    check(frame().assign(**{name: 1}))


INDICES = {
    "several levels": lambda n: pd.MultiIndex.from_arrays([np.arange(n) % 7, np.arange(n)]),
    "several levels, twice": lambda n: pd.MultiIndex.from_arrays([[0] * n, ["a", "b"] * (n // 2)]),
    "backwards": lambda n: np.arange(n)[::-1],
    "shuffled": lambda n: np.random.default_rng(0).permutation(n),
    "twice": lambda n: np.arange(n) // 2,
    "dates": lambda n: pd.date_range("2020-01-01", periods=n),
    "missing": lambda n: [np.nan] * n,
    "named as a column": lambda n: pd.Index(np.arange(n), name="age"),
}


@pytest.mark.slow
@pytest.mark.parametrize("index, gap", thinned(product(INDICES, [False, True]), 3))
def test_indices(index, gap):
    data = frame()
    expected = EXPECTED
    if gap:
        data.loc[[3, 40], "age"] = np.nan
        expected = mixedlm(FORMULA, data).fit().llf
    data.index = INDICES[index](len(data))
    fit = check(data, expected=expected)
    assert fit.resid.index.equals(data.index[data["age"].notna()])


@pytest.mark.slow
def test_views_and_arrays_that_cannot_be_written():
    data = frame()
    wide = pd.concat([data, data], axis=0, ignore_index=True)
    check(wide.iloc[:ROWS])
    check(wide[wide.columns[::-1]].iloc[ROWS - 1 :: -1].iloc[::-1])
    for name in ("age", "score", "count"):
        values = data[name].to_numpy().copy()
        values.flags.writeable = False
        data[name] = pd.Series(values, copy=False)
    fit = check(data)
    y = fit.model.design.y.copy()
    y.flags.writeable = False
    assert fit.refit(y).llf == pytest.approx(fit.llf)


def test_column_names_that_are_not_text():
    data = frame().assign(**{"extra": 1}).rename(columns={"extra": 7})
    data[("a", "tuple")] = 2
    check(data)


REFUSED = {
    "Decimal": (lambda d: d.assign(age=[decimal.Decimal(repr(a)) for a in d.age]), "astype(float)"),
    "dates": (
        lambda d: d.assign(age=[datetime.date(2020, 1, 1 + n) for n in d["count"]]),
        "dates or times",
    ),
    "months": (
        lambda d: d.assign(age=pd.PeriodIndex([f"2020-0{n + 1}" for n in d["count"]], freq="M")),
        "dates or times",
    ),
    "timedeltas": (lambda d: d.assign(age=pd.to_timedelta(d["count"], "D")), "dates or times"),
    "a date of pyarrow": (
        lambda d: d.assign(
            age=pd.Series(pa.array([datetime.date(2020, 1, 1 + n) for n in d["count"]])).astype(
                pd.ArrowDtype(pa.date32())
            )
        ),
        "dates or times",
    ),
    "numbers and text": (lambda d: d.assign(age=[1, "1", 2.5] * 30), "mixes"),
    "True and text": (lambda d: d.assign(age=[True, "a"] * 45), "mixes"),
    "a group called Residual": (lambda d: d.rename(columns={"room": "Residual"}), "rename"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    change, words = REFUSED[case]
    formula = FORMULA.replace("|room", "|Residual") if "Residual" in case else FORMULA
    with pytest.raises(CourseError) as caught:
        mixedlm(formula, change(frame())).fit()
    assert words in str(caught.value)


@pytest.mark.slow
def test_the_mend_for_dates_works():
    """What the message says to write makes numbers."""
    data = frame()
    data["born"] = [datetime.date(2010, 1, 1 + n) for n in data["count"]]
    days = pd.to_datetime(data["born"].astype(str))
    data["born"] = (days - days.min()).dt.days
    check(data, FORMULA.replace("count", "born"))
