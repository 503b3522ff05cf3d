"""The translation: its code runs alone and reaches the optimum; the twin agrees; the words are right."""

from itertools import product
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from budget import thinned
from made import FORMULAS, pupils, table
from reference_models import MODELS, data, fit
from running import at_the_optimum, run
from statsmodels.regression.mixed_linear_model import MixedLMResultsWrapper

from course import load, mixedlm, translate
from course.fit.second_solver import ldl

# MixedLM takes minutes for these, started cold: crossed factors in one block, four correlated effects
SLOW = {
    "pupils_agesex_s", "years_agesex_s", "years_1c_1s_1p_1i", "scotssec", "scotssec_empty",
    "chem97", "chem97_slash", "pupils_ac_as_ap_uncorrelated", "years_ac_as_ap_uncorrelated",
    "pupils_1c_1sc", "years_1c_1sc", "egsingle", "years_ac_1s_1i",
}  # fmt: skip
IDS = [m["id"] for m in MODELS]
# Like another that `make test` has: mostly the same model, of the same pupils over three years.
LIKE_ANOTHER = {one for one in IDS if "years" in one and one.replace("years", "pupils") in IDS} | {
    "pupils_ac_1s_1p", "pupils_ac_as_ap_centred", "pupils_slash_psc",
}  # fmt: skip
# Each search takes a second or two. `make test` has one for each kind of formula and of edge; these are of a
# kind that it has, and tests/translation/test_translated_model.py holds the model of each kind against V.
OF_A_KIND = {
    "exam", "pupils_sex_s", "pupils_1r_1sr", "pupils_slash_age_sc", "pupils_1c", "pupils_1s",
    "correlation_plus_one", "missing_values", "one_level_singular", "zero_slope_correlated",
}  # fmt: skip
QUICK = [
    pytest.param(one, marks=[pytest.mark.long] if one in LIKE_ANOTHER | OF_A_KIND else [])
    for one in IDS
    if one not in SLOW
]
# A search takes up to a quarter of a minute on all pupils, and says as much on those of a few schools.
ON_A_PART = {
    "exam_1s", "pupils_0age_s", "pupils_1c_1s_1p", "pupils_ac_as_ap", "pupils_ac_as_ap_centred",
    "pupils_slash_age_sc", "years_ac_1s_1p", "years_ac_as_ap", "years_ac_as_ap_centred", "years_slash_age_sc",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("model_id", QUICK)
def test_code_reaches_the_optimum(model_id):
    ours, frame = fit(model_id, "REML"), data(model_id)
    if model_id in ON_A_PART:
        # five schools; where there are provinces, of two
        frame = frame[frame["school"].isin(sorted(frame["school"].unique())[:10:2])]
        ours = mixedlm(ours.formula, frame).fit()
    t = ours.model.translation
    result = run(t.code, frame)
    if t.exact:
        assert result.llf == pytest.approx(ours.llf, abs=1e-4)
        # MixedLM holds a variance a hair above 0
        np.testing.assert_allclose(result.fe_params, ours.fe_params, rtol=1e-3, atol=1e-3)
    else:
        assert result.llf < ours.llf + 1e-4  # the nearest model that MixedLM has: fewer parameters
        assert "as if they were independent" in t.code.replace("\n# ", " ")


@pytest.mark.slow
@pytest.mark.parametrize("model_id, method", thinned(product(IDS, ["REML", "ML"]), 9))
def test_the_twin_is_at_the_same_optimum(model_id, method):
    ours = fit(model_id, method)
    twin = ours.statsmodels
    assert isinstance(twin, MixedLMResultsWrapper)
    assert twin.converged
    assert twin.llf == pytest.approx(ours.llf, abs=2e-5)
    assert twin.method == method
    check = ours.check()
    assert check.agree, str(check)


@pytest.mark.parametrize(
    "formula",
    [
        "score ~ age + (1|school) + (1|twin)",
        "score ~ age + (1|twin) + (1|school) + (1|room)",
        "score ~ age + (age|school) + (age|twin)",
        "score ~ age + (1|school) + (age|twin)",
    ],
)
@pytest.mark.parametrize("reml", [True, False])
def test_the_twin_of_groups_under_two_names(formula, reml):
    """Only sums are known, and the Hessian has no inverse: on some processors MixedLM broke off there."""
    data = pupils(240)
    ours = mixedlm(formula, data.assign(twin="T" + data["school"])).fit(reml)
    singular = mock.patch("numpy.linalg.inv", refuses_singular(np.linalg.inv))
    with singular:
        twin = ours.statsmodels
    assert twin.llf == pytest.approx(ours.llf, abs=1e-4)
    np.testing.assert_allclose(twin.fe_params, ours.fe_params, atol=1e-3)


def refuses_singular(inverse):
    """Matrix inversion as a processor has it that rounds nothing away."""

    def inv(matrix):
        values = np.linalg.eigvals(matrix)
        if len(values) > 2 and np.abs(values).min() < 1e-11 * np.abs(values).max():
            raise np.linalg.LinAlgError("Singular matrix")
        return inverse(matrix)

    return inv


@pytest.mark.slow
@pytest.mark.parametrize("formula", FORMULAS)
def test_the_twin_of_random_structures(formula):
    ours = mixedlm(formula, table(11, 120)).fit()
    assert ours.statsmodels.llf == pytest.approx(ours.llf, abs=1e-4)


AWKWARD = [
    "score ~ `age (y)` + (`age (y)`|`a school`)",
    "score ~ `age (y)` + (1|`a school`) + (0 + `age (y)`|`a school`:room)",
    "score ~ `age (y)` + (1|room) + (1|`a school`)",
    "score ~ sex + (1|`a school`:room) + (1|sex:room)",
    "score ~ sex + (1|`a school`) + (0 + center(income)|`a school`:room)",
    "score ~ scale(income) + (1|`a school`) + (0 + income|`a school`:room)",
    "score ~ scale(income) + (income||`a school`)",
    "score ~ class + (I(`age (y)` - 10)|`a school`)",
]
# The second solver measures what is computed from income in another unit than the code.
SAME_UNITS = [formula for formula in AWKWARD if "center(income)" not in formula]
DRESSES = ["plain", "categorical", "missing", "duplicate index"]


def awkward(formula: str, dress: str) -> tuple:
    """A fit of the formula to data in that dress, and the data: few schools, by which a search goes.

    What varies between them, and between what else makes groups: the mean, the effects of age and income.
    """
    rng = np.random.default_rng(6)
    frame = pupils(180)
    frame = frame[frame["school"] < "S3"].reset_index(drop=True)
    frame["income"] = rng.normal(40_000, 8_000, 90).round()
    frame["class"] = rng.choice(["x", "y"], 90)
    columns = [3.0, frame["age"] - 9, frame["income"] / 1e4 - 4]
    for by in ("school", ["school", "room"], "room", ["room", "sex"]):
        group = frame.groupby(by).ngroup()
        frame["score"] += sum(rng.normal(size=24)[group] * column for column in columns)
    frame = frame.rename(columns={"age": "age (y)", "school": "a school"})
    formula = formula.replace("class", "`class`")
    if dress == "categorical":
        for name in ("a school", "room", "sex"):
            frame[name] = pd.Categorical(frame[name], [*frame[name].unique(), "never seen"])
    elif dress == "missing":
        frame.loc[[3, 40], "sex"] = None
        frame.loc[[3, 7], "age (y)"] = np.nan
        frame.loc[9, "a school"] = None
    elif dress == "duplicate index":
        frame.index = [0] * 90
    return mixedlm(formula, frame).fit(), frame


@pytest.mark.slow
@pytest.mark.parametrize("formula, dress", thinned(product(SAME_UNITS, DRESSES), 3))
def test_code_on_awkward_data(formula, dress):
    ours, frame = awkward(formula, dress)
    assert ours.model.translation.exact and not ours.singular
    assert ours.statsmodels.llf == pytest.approx(ours.llf, abs=1e-4)
    llf, slopes = at_the_optimum(ours, frame)
    assert llf == pytest.approx(ours.llf, abs=1e-6)
    np.testing.assert_allclose(slopes, 0, atol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("formula, dress", thinned(product(AWKWARD, DRESSES), 9))
def test_the_search_on_awkward_data(formula, dress):
    ours, frame = awkward(formula, dress)
    assert run(ours.model.translation.code, frame).llf == pytest.approx(ours.llf, abs=2e-3)


@pytest.mark.slow
def test_crossed_groups_in_independent_blocks():
    frame = table(3, 150)
    t = translate("y ~ x + (1|u) + (1|w)", frame)
    assert t.exact and t.groups == "block" and t.re_formula is None
    result = run(t.code, frame)
    assert result.llf == pytest.approx(mixedlm("y ~ x + (1|u) + (1|w)", frame).fit().llf, abs=1e-4)
    assert result.model.n_groups == 4


def test_the_arguments_are_what_mixedlm_takes():
    t = translate(
        "test_score ~ age + sex + (1|classroom) + (1|school) + (age|province)", load("pupils")
    )
    assert t.fixed_formula == "test_score ~ age + sex"
    assert (t.groups, t.re_formula) == ("province", "1 + age")
    assert t.vc_formula == {"classroom": "0 + C(classroom)", "school": "0 + C(school)"}
    assert t.exact and t.gaps == ()


def test_a_gap_is_explained():
    t = translate("test_score ~ age + (age|classroom) + (1|school)", load("pupils"))
    assert not t.exact
    (gap,) = t.gaps
    assert "correlated" in gap and "centred at c" in gap
    assert gap in " ".join(t.explain().split())


def test_the_shift_of_an_intercept_and_a_slope():
    """L D L' with the intercept last: the slope's column becomes x - c, c = -cov / var of the slope."""
    covariance = np.array([[1.5, -0.6], [-0.6, 4.0]])  # slope, intercept
    L, D = ldl(covariance)
    np.testing.assert_allclose(L @ np.diag(D) @ L.T, covariance)
    assert L[1, 0] == pytest.approx(-0.6 / 1.5)
    singular = np.array([[1.0, 2.0], [2.0, 4.0]])
    L, D = ldl(singular)
    np.testing.assert_allclose(L @ np.diag(D) @ L.T, singular)


def test_words_and_equation():
    t = translate("test_score ~ age + (age|classroom) + (1|school)", load("pupils"))
    words = t.explain()
    assert (
        "each of the 190 levels of classroom has its own intercept and its own effect"
        in " ".join(words.split())
    )
    assert "classroom is nested in school" in words
    assert t.latex.startswith(r"\begin{aligned}") and r"\mathrm{test\_score}_i" in t.latex
    assert t.latex.count(r"\mathcal{N}") == 3
    assert "$$" in t._repr_html_()


def test_a_twin_too_large_is_refused_with_an_estimate(monkeypatch):
    import course.fit.second_solver
    from course import CourseError

    monkeypatch.setattr(course.fit.second_solver, "MEMORY", 1e4)
    fit = mixedlm("score ~ age + (1|school) + (1|room)", pupils()).fit()
    with pytest.raises(CourseError, match="GB and"):
        fit.to_statsmodels()
    assert fit.to_statsmodels(force=True).llf == pytest.approx(fit.llf, abs=1e-5)


def test_labels_that_hold_the_separator_stay_apart():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"p": rng.choice(["a:b", "a"], 80), "q": rng.choice(["c", "b:c"], 80)})
    frame["y"] = rng.normal(size=80) + (frame["p"] + frame["q"]).astype("category").cat.codes
    ours = mixedlm("y ~ 1 + (1|p:q)", frame).fit()
    assert ours.n_groups == {"p:q": 4}
    assert run(ours.model.translation.code, frame).llf == pytest.approx(ours.llf, abs=1e-4)


@pytest.mark.parametrize(
    "dtype", thinned(["Int64", "object", "int64[pyarrow]"], 3, pytest.mark.slow)
)
def test_code_on_columns_of_types_that_patsy_does_not_know(dtype):
    frame = pupils().assign(x=np.arange(60) % 7, room=np.arange(60) // 6 % 4)
    expected = mixedlm("score ~ x + (1|room) + (1|school)", frame).fit()
    odd = frame.astype({"x": dtype, "room": dtype})
    ours = mixedlm("score ~ x + (1|room) + (1|school)", odd).fit()
    assert ours.llf == pytest.approx(expected.llf, abs=1e-8)
    assert run(ours.model.translation.code, odd).llf == pytest.approx(ours.llf, abs=1e-3)
