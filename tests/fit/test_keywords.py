"""What statsmodels' mixedlm takes beside formulas; and keywords that belong elsewhere."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from made import pupils

from course import CourseError, mixedlm, translate

FORMULA = "score ~ age + (1|school)"


@pytest.fixture
def gaps() -> pd.DataFrame:
    data = pupils()
    data.loc[[3, 7], "age"] = np.nan
    data.loc[[7, 9, 11], "school"] = None
    data["idle"] = np.nan  # a column that the formula does not name
    return data


# -- rows ------------------------------------------------------------------------------------------


def test_missing_values_are_dropped_and_counted_unless_they_are_refused(gaps):
    for options in ({}, {"missing": "drop"}):
        fit = mixedlm(FORMULA, gaps, **options).fit()
        assert fit.nobs == 56 and "4 of 60 rows are left out" in fit.notes[0]


@pytest.mark.parametrize("missing", ["raise", "none"])
@pytest.mark.parametrize(
    "formula, options",
    [(FORMULA, {}), ("score ~ age", {"groups": "school"})],
    ids=["bars", "groups"],
)
def test_missing_values_are_refused_with_columns_and_rows(gaps, missing, formula, options):
    with pytest.raises(CourseError) as caught:
        mixedlm(formula, gaps, missing=missing, **options)
    said = str(caught.value)
    assert "'age' (2), 'school' (3), in 4 rows (index 3, 7, 9, 11)" in said
    assert 'missing="drop"' in said and "idle" not in said
    assert mixedlm(formula, pupils(), missing=missing, **options).fit().nobs == 60


def test_statsmodels_refuses_missing_values_by_none_too(gaps):
    """So that ours means the same."""
    with pytest.raises(Exception, match="missing values"):
        smf.mixedlm("score ~ age", gaps.dropna(subset=["school"]), groups="school", missing="none")


def test_another_word_for_missing():
    with pytest.raises(CourseError, match="did you mean 'raise'"):
        mixedlm(FORMULA, pupils(), missing="rise")


SUBSETS = {
    "booleans by index": lambda d: (d["age"] > 10).sample(frac=1, random_state=1),
    "booleans by place": lambda d: (d["age"] > 10).to_numpy(),
    "a list of booleans": lambda d: (d["age"] > 10).tolist(),
    "labels of the index": lambda d: d.index[d["age"] > 10],
    "a list of labels": lambda d: d.index[d["age"] > 10].tolist(),
}


@pytest.mark.parametrize("subset", SUBSETS)
def test_a_subset_is_what_loc_takes(subset):
    data = pupils()
    older = mixedlm(FORMULA, data[data["age"] > 10]).fit()
    fit = mixedlm(FORMULA, data, subset=SUBSETS[subset](data)).fit()
    assert fit.nobs == older.nobs < 60 and fit.llf == older.llf


def test_a_subset_takes_the_labels_of_an_array_with_it():
    data = pupils()
    older = data["age"] > 10
    labels = data["school"].to_numpy()
    fit = mixedlm("score ~ age", data, groups=labels, subset=older).fit()
    assert fit.llf == mixedlm(FORMULA, data[older]).fit().llf


@pytest.mark.parametrize(
    "subset, said",
    [
        ("age > 10", "subset=data.eval('age > 10')"),
        ([True, False], "each of the 60 rows"),
        (["nobody"], "labels of the index"),
        (3, "a single row"),
    ],
)
def test_other_subsets_are_refused(subset, said):
    with pytest.raises(CourseError) as caught:
        mixedlm(FORMULA, pupils(), subset=subset)
    assert said in str(caught.value)


def test_use_sparse_changes_nothing():
    fits = [mixedlm(FORMULA, pupils(), use_sparse=sparse).fit() for sparse in (True, False)]
    assert fits[0].llf == fits[1].llf


# -- several columns of groups ---------------------------------------------------------------------


def several(data: pd.DataFrame, groups: object) -> str:
    with pytest.raises(CourseError, match="groups= takes one column") as caught:
        mixedlm("score ~ age", data, groups=groups)
    return str(caught.value).split("write ")[1]


def test_groups_that_cross():
    data = pupils().assign(grade=lambda d: [f"g{k % 7}" for k in range(len(d))])
    for groups in (["sex", "grade"], ("sex", "grade"), data[["sex", "grade"]]):
        assert several(data, groups).startswith("(1 | sex) + (1 | grade)")


def test_groups_that_are_nested_whatever_their_order():
    data = pupils()
    data["my class"] = data["school"] + data["room"]
    for groups in (["school", "my class"], ["my class", "school"]):
        written = several(data, groups)
        assert written == "(1 | school/`my class`)"
        assert mixedlm(f"score ~ age + {written}", data).fit().n_groups == {
            "school": 6,
            "school:my class": 24,
        }


def test_groups_whose_labels_begin_again():
    written = several(pupils(), ["school", "room"])
    assert written.startswith("(1 | school) + (1 | room), or (1 | school/room) if")


def test_three_groups_and_one_that_is_not_there():
    data = pupils()
    assert several(data, ["school", "room", "sex"]) == "(1 | school) + (1 | room) + (1 | sex)"
    with pytest.raises(CourseError, match="no column 'rom'; did you mean 'room'"):
        mixedlm("score ~ age", data, groups=["school", "rom"])


def test_a_list_of_labels_row_by_row_is_no_list_of_columns():
    data = pupils()
    data.loc[0, "school"] = "school"  # a label that is called like a column
    labels = data["school"].tolist()
    assert mixedlm("score ~ age", data, groups=labels).fit().n_groups == {"groups": 7}


# -- keywords --------------------------------------------------------------------------------------

WRONG = [
    ("mixedlm", {"REML": False}, "given to fit()"),
    ("mixedlm", {"reml": False}, "given to fit()"),
    ("mixedlm", {"group": "school"}, "did you mean groups=?"),
    ("mixedlm", {"family": "binomial"}, "mixedglm(formula, data"),
    ("mixedlm", {"weigths": "w"}, "did you mean weights=?"),
    ("mixedlm", {"var_weights": "w"}, 'take weights="w"'),
    ("mixedlm", {"freq_weights": "w"}, "data.index.repeat"),
    ("fit", {"weights": "w"}, "given to mixedlm"),
    ("translate", {"weight": "w"}, "did you mean weights=?"),
    ("mixedlm", {"control": 1}, "checked optimum by itself"),
    ("mixedlm", {"nonsense": 1}, "It takes formula=, data=, groups="),
    ("fit", {"REML": True}, "did you mean reml=?"),
    ("fit", {"method": "lbfgs"}, "checked optimum by itself"),
    ("fit", {"start_params": [1]}, "checked optimum by itself"),
    ("fit", {"groups": "school"}, "given to mixedlm"),
    ("fit", {"nonsense": 1}, "It takes reml=, progress="),
    ("translate", {"groups": "school"}, "mixedlm(...).translation"),
    ("translate", {"famly": "poisson"}, "did you mean family=?"),
    ("translate", {"dat": 1}, "did you mean data=?"),
]


@pytest.mark.parametrize("function, options, said", WRONG)
def test_unknown_keywords(function, options, said):
    data = pupils()
    calls = {
        "mixedlm": lambda: mixedlm(FORMULA, data, **options),
        "fit": lambda: mixedlm(FORMULA, data).fit(**options),
        "translate": lambda: translate(FORMULA, data, **options),
    }
    with pytest.raises(CourseError) as caught:
        calls[function]()
    (keyword,) = options
    assert str(caught.value).startswith(f"{function}() has no {keyword}=")
    assert said in str(caught.value)


def test_every_argument_is_known_to_the_messages():
    """The list that unknown keywords are compared with is that of the signature."""
    import inspect

    from course.fit.call_forms import KEYWORDS

    *names, options = inspect.signature(mixedlm).parameters.values()
    assert options.kind is inspect.Parameter.VAR_KEYWORD
    assert tuple(parameter.name for parameter in names) == KEYWORDS


# -- responses and columns that a linear mixed model cannot take -----------------------------------


@pytest.mark.parametrize("dtype", [bool, "boolean", object])
def test_a_response_of_yes_and_no(dtype):
    data = pupils().assign(passed=lambda d: (d["score"] > 2).astype(dtype))
    with pytest.raises(CourseError) as caught:
        mixedlm("passed ~ age + (1|school)", data)
    said = str(caught.value)
    assert (
        'mixedglm(formula, data, family="binomial")' in said
        and "data['passed'].astype(float)" in said
    )
    data["passed"] = data["passed"].astype(float)  # the mend
    assert mixedlm("passed ~ age + (1|school)", data).fit().nobs == 60
    with pytest.raises(CourseError, match="mixedglm"):
        mixedlm("I(score > 2) ~ age + (1|school)", data)


def test_a_response_of_text_is_another_matter():
    with pytest.raises(CourseError, match="pd.to_numeric"):
        mixedlm("sex ~ age + (1|school)", pupils())


def test_columns_of_several_levels():
    data = pupils()
    data.columns = pd.MultiIndex.from_product([["pupil"], data.columns])
    with pytest.raises(CourseError) as caught:
        mixedlm("pupil_score ~ pupil_age + (1|pupil_school)", data)
    mend = str(caught.value).split("formula needs one: ")[1]
    exec(mend, {"data": data})
    assert mixedlm("pupil_score ~ pupil_age + (1|pupil_school)", data).fit().nobs == 60
