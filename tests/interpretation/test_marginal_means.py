"""Adjusted means, contrasts and slopes against R's emmeans, closed forms, and other spellings of a model."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from budget import thinned
from scipy import stats
from statsmodels.stats.multitest import multipletests

from course import (
    CourseError,
    anova,
    contrasts,
    fixed_effects_table,
    load,
    means,
    mixedlm,
    slopes,
    wald,
)

ROOT = Path(__file__).parents[2]
MODELS = {
    model["id"]: model
    for model in json.loads((ROOT / "tests/reference/means.json").read_text())["models"]
}
CALLS = [(name, i) for name, model in MODELS.items() for i in range(len(model["calls"]))]
FUNCTIONS = {"means": means, "contrasts": contrasts, "slopes": slopes}


@cache
def fit(model_id):
    model = MODELS[model_id]
    data = pd.read_csv(ROOT / model["data"])
    data = data.iloc[:: model.get("every", 1)]
    if model_id == "numbers_as_factors":
        data = data.assign(male=(data["sex"] == "male").astype(int), grade=data["age"] // 2)
    return mixedlm(model["formula"], data).fit()


def theirs(call):
    """emmeans' labels and numbers, as lists also where there is one row."""
    values = {name: np.atleast_1d(np.array(v, dtype=float)) for name, v in call["values"].items()}
    labels = {name: np.atleast_1d(v).tolist() for name, v in call["labels"].items()}
    return labels, values


def ask(model_id, call):
    options = dict(call["options"])  # R writes an empty list as []
    if call["call"] == "contrasts":
        options["kind"] = call["kind"]
    return FUNCTIONS[call["call"]](fit(model_id), call["factor"], **options)


def row_names(table):
    return [label if isinstance(label, tuple) else (label,) for label in table.index]


@pytest.mark.parametrize("model_id, i", thinned(CALLS, 7, pytest.mark.slow))
def test_equals_emmeans(model_id, i):
    call = MODELS[model_id]["calls"][i]
    labels, expected = theirs(call)
    if np.isnan(expected["estimate"]).any():  # emmeans says nonEst of some rows: we refuse
        with pytest.raises(CourseError, match="the data do not tell the (mean|contrast) of"):
            ask(model_id, call)
        return
    table = ask(model_id, call)
    assert len(table) == len(expected["estimate"])
    names = labels.get("contrast")
    if names and call["kind"] != "polynomial" and ":" not in call["factor"]:
        ours = [row[-1] for row in row_names(table)]
        assert ours == [name.replace("(", "").replace(")", "") for name in names]
    for name in set(table.index.names) & set(labels) - {"contrast"}:
        ours = table.index.get_level_values(name)
        assert [f"{v:g}" if isinstance(v, float) else str(v) for v in ours] == labels[name]
    # what is nearly 0 is compared with the size of its standard error
    error = expected["std_error"]
    np.testing.assert_allclose(table["std_error"], error, rtol=1e-4)
    for column in ("estimate", "lower", "upper"):
        assert np.abs(table[column] - expected[column]).max() < 1e-4 * max(
            error.min(), np.abs(expected[column]).min()
        ), column
    np.testing.assert_allclose(table["df"], expected["df"], rtol=1e-4)
    if call["call"] != "means":
        np.testing.assert_allclose(table["t"], expected["t"], rtol=1e-4, atol=1e-4)
        # R's ptukey is exact to about eight decimals, not to eight digits
        atol = 2e-8 if call["options"] and call["options"].get("adjust") == "tukey" else 1e-12
        np.testing.assert_allclose(table["p_value"], expected["p_value"], rtol=1e-3, atol=atol)


# -- closed forms, and other ways to the same numbers -------------------------------------------


@pytest.fixture(scope="module")
def pupils():
    return load("pupils").iloc[::4]


@pytest.fixture(scope="module")
def crossed(pupils):
    return mixedlm("test_score ~ age * sex + teacher_experience + (1|school)", pupils).fit()


def test_means_of_a_balanced_layout_are_the_means_of_the_rows():
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"school": np.repeat(np.arange(9), 12).astype(str)})
    data["kind"] = np.array(["a", "b", "c"])[data["school"].astype(int) % 3]
    data["sex"] = np.tile(["boy", "girl"], 54)
    data["y"] = rng.normal(0, 3, 9)[data["school"].astype(int)] + rng.normal(size=108)
    table = means(mixedlm("y ~ kind * sex + (1|school)", data).fit(), "kind")
    by_kind = data.groupby("kind")["y"].mean()
    np.testing.assert_allclose(table["estimate"], by_kind, rtol=1e-9)
    # three schools in each kind: the pooled mean square between schools, 6 degrees of freedom
    schools = data.groupby(["kind", "school"])["y"].mean()
    square = schools.groupby("kind").var(ddof=1).mean()
    np.testing.assert_allclose(table["std_error"], np.sqrt(square / 3), rtol=1e-5)
    np.testing.assert_allclose(table["df"], 6, rtol=1e-4)


def test_a_contrast_of_two_levels_is_a_wald_test(crossed):
    row = contrasts(crossed, "sex", "reference", at={"age": 10}).iloc[0]
    test = wald(crossed, "sex[T.male] + 10 * age:sex[T.male] = 0").iloc[0]
    assert row["t"] ** 2 == pytest.approx(test["F"], rel=1e-8)
    assert row["df"] == pytest.approx(test["den_df"], rel=1e-6)
    assert row["p_value"] == pytest.approx(test["p_value"], rel=1e-6)


def test_the_slope_at_the_first_level_is_the_coefficient(crossed):
    row = slopes(crossed, "age", by="sex").loc["female"]
    coefficient = fixed_effects_table(crossed).loc["age"]
    np.testing.assert_allclose(row, coefficient, rtol=1e-6, atol=1e-12)


def test_slopes_of_a_function_are_its_derivative(pupils):
    fit = mixedlm("test_score ~ np.log(age) + I(teacher_experience**2) + (1|school)", pupils).fit()
    at_eight = slopes(fit, "age", at={"age": [8, 16]})
    np.testing.assert_allclose(
        at_eight["estimate"], fit.fe_params["np.log(age)"] / [8, 16], rtol=1e-6
    )
    square = slopes(fit, "teacher_experience", at={"teacher_experience": 7}).iloc[0]
    coefficient = fixed_effects_table(fit).loc["I(teacher_experience ** 2)"]
    assert square["estimate"] == pytest.approx(14 * coefficient["estimate"], rel=1e-8)
    assert square["std_error"] == pytest.approx(14 * coefficient["std_error"], rel=1e-8)
    assert square["df"] == pytest.approx(coefficient["df"], rel=1e-6)


def test_the_slope_of_a_square_at_its_bottom_is_nothing_known_for_sure(pupils):
    data = pupils.assign(centred=pupils["age"] - 10)
    fit = mixedlm("test_score ~ I(centred**2) + (1|school)", data).fit()
    row = slopes(fit, "centred", at={"centred": 0.0}).iloc[0]
    assert row["estimate"] == row["std_error"] == 0
    assert np.isnan(row["df"]) and np.isnan(row["p_value"])


def test_a_spline_has_slopes_up_to_the_edge_of_the_data(pupils):
    fit = mixedlm("test_score ~ bs(age, df=4) + (1|school)", pupils).fit()
    low, high = pupils["age"].min(), pupils["age"].max()
    table = slopes(fit, "age", at={"age": [low, high]})
    near = pd.DataFrame({"age": [low, low + 1e-3, high - 1e-3, high]})
    y = fit.predict(near, random="none").to_numpy()
    np.testing.assert_allclose(
        table["estimate"], [(y[1] - y[0]) / 1e-3, (y[3] - y[2]) / 1e-3], rtol=2e-3
    )


@pytest.mark.parametrize(
    "spelling", ["C(sex, Sum)", "C(sex, Treatment('male'))", "0 + sex", "C(sex, Helmert)"]
)
def test_the_coding_of_a_factor_does_not_matter(pupils, crossed, spelling):
    other = mixedlm(
        f"test_score ~ {spelling} + age + age:sex + teacher_experience + (1|school)", pupils
    ).fit()
    for ask in (lambda fit: means(fit, "sex"), lambda fit: slopes(fit, "age", by="sex")):
        np.testing.assert_allclose(ask(other), ask(crossed), rtol=1e-5, atol=1e-9)


def test_observed_weights_of_an_additive_model_give_the_mean_of_all_rows(pupils):
    data = pupils.assign(grade=(pupils["age"] // 2).astype(int))
    fit = mixedlm("test_score ~ sex + C(grade) + (1|school)", data).fit()
    table = means(fit, "sex", weights="observed")
    for sex in ("female", "male"):
        everybody = fit.predict(data.assign(sex=sex), random="none").mean()
        assert table.loc[sex, "estimate"] == pytest.approx(everybody, rel=1e-10)


def test_contrasts_of_cells_hold_those_within_each_level(pupils):
    exam = load("exam").iloc[::5]
    fit = mixedlm("normexam ~ sex * vr + (1|school)", exam).fit()
    cells = contrasts(fit, "sex:vr", adjust="none")
    within = contrasts(fit, "sex", by="vr", adjust="none")
    assert len(cells) == 15 and len(within) == 3
    for vr in within.index.get_level_values("vr"):
        np.testing.assert_allclose(
            cells.loc[f"F:{vr} - M:{vr}"], within.loc[(vr, "F - M")], rtol=1e-8
        )


@pytest.mark.slow
def test_adjusted_p_values_are_never_below_the_raw_ones_and_tukey_lies_between():
    exam = load("exam").iloc[::5]
    fit = mixedlm("normexam ~ standLRT + vr + (1|school)", exam).fit()
    tables = {a: contrasts(fit, "vr", adjust=a) for a in ("none", "holm", "tukey", "bonferroni")}
    p = pd.DataFrame({name: table["p_value"] for name, table in tables.items()})
    assert (p["none"] <= p["tukey"] + 1e-12).all() and (p["tukey"] <= p["bonferroni"]).all()
    assert (p["holm"] <= p["bonferroni"]).all()
    np.testing.assert_allclose(p["bonferroni"], (3 * p["none"]).clip(upper=1), rtol=1e-12)
    steps = multipletests(p["none"], method="holm")[1]
    np.testing.assert_allclose(p["holm"], steps, rtol=1e-12)
    assert tables["holm"]["lower"].equals(tables["bonferroni"]["lower"])
    assert p["holm"].min() == pytest.approx(3 * p["none"].min(), rel=1e-12)


@pytest.mark.slow
def test_tukeys_intervals_where_some_df_are_2_and_others_154():
    """Within four schools, and between them: SciPy's quantiles of the studentised range, one by one."""
    rng = np.random.default_rng(1)
    school = np.repeat(np.arange(4), 40)
    data = pd.DataFrame({"school": school, "sector": np.array(["public", "private"])[school % 2]})
    data["sex"] = rng.choice(["f", "m"], 160)
    data["y"] = rng.normal(size=160) + rng.normal(0, 2, 4)[school]
    fit = mixedlm("y ~ sector * sex + (1|school)", data).fit()
    table = contrasts(fit, ["sector", "sex"], adjust="tukey")
    assert table["df"].min() < 3 and table["df"].max() > 150
    q = np.sqrt(2) * (table["upper"] - table["estimate"]) / table["std_error"]
    expected = [stats.studentized_range.ppf(0.95, 4, df) for df in table["df"]]
    np.testing.assert_allclose(q, expected, rtol=1e-5)


def test_polynomial_contrasts_are_orthogonal_and_find_a_line(crossed):
    from course.interpretation.marginal_means import _polynomial

    for k in range(2, 10):
        C = np.array([_polynomial(k, d) for d in range(1, k)])
        products = C @ C.T
        assert (products == np.diag(np.diagonal(products))).all() and (C.sum(axis=1) == 0).all()
    table = contrasts(crossed, "age", "polynomial", at={"age": [8, 9, 10, 11]}, adjust="none")
    slope = slopes(crossed, "age").iloc[0]
    # -3 -1 1 3 over a line of slope b is 10 b
    assert table.loc["linear", "estimate"] == pytest.approx(10 * slope["estimate"], rel=1e-8)
    assert abs(table.loc["cubic", "estimate"]) < 1e-8


def test_an_f_test_of_the_contrasts_is_that_of_anova():
    exam = load("exam").iloc[::5]
    fit = mixedlm("normexam ~ sex * standLRT + (1|school)", exam).fit()
    row = contrasts(fit, "sex", at={"standLRT": 0}).iloc[0]
    assert row["t"] ** 2 == pytest.approx(anova(fit).loc["sex", "F"], rel=1e-8)


def test_notes_say_what_was_averaged_over(pupils, crossed):
    experience = f"teacher_experience at {pupils['teacher_experience'].mean():.3g}."
    table = means(crossed, "sex", at={"age": 10})
    says = (
        "sex interacts with age: what is said here of sex differs with it, which by= and at= show."
    )
    assert table.attrs["notes"] == (f"With age at 10 and {experience}", says)
    assert means(crossed, "sex", by="age").attrs["notes"] == (f"With {experience}",)
    note, _, adjusted = contrasts(crossed, "age", at={"age": [8, 9, 10]}).attrs["notes"]
    assert note == f"Averaged over sex with equal weights, with {experience}"
    own = slopes(crossed, "age").attrs["notes"]
    assert own == (note, says.replace("sex", "SEX").replace("age", "sex").replace("SEX", "age"))
    assert adjusted == "P-values and intervals adjusted for 3 contrasts (holm)."


def test_two_values_are_levels_but_for_the_slope_along_them(pupils):
    data = pupils.assign(male=(pupils["sex"] == "male").astype(int))
    fit = mixedlm("test_score ~ male * age + (1|school)", data).fit()
    assert means(fit, "male").index.tolist() == [0, 1]
    two = means(fit, "male")["estimate"]
    assert slopes(fit, "male").iloc[0]["estimate"] == pytest.approx(two[1] - two[0], rel=1e-8)


def test_labels_with_a_dash_stand_in_brackets():
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"k": np.repeat(["a", "a - b", "b - c", "c"], 10)})
    data["g"], data["y"] = np.tile(list("vwxyz"), 8), rng.normal(size=40)
    fit = mixedlm("y ~ k + (1|g)", data).fit()
    table = contrasts(fit, "k")
    assert table.index.is_unique
    difference = data.groupby("k")["y"].mean()
    for name, one, other in (("a - (b - c)", "a", "b - c"), ("(a - b) - c", "a - b", "c")):
        expected = difference[one] - difference[other]
        assert table.loc[name, "estimate"] == pytest.approx(expected, rel=1e-6)


def test_booleans_categories_and_nullable_numbers():
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"ok": np.repeat([True, False], 20), "g": np.tile(list("vwxyz"), 8)})
    data["kind"] = pd.Categorical(np.tile([2, 10], 20), categories=[10, 2])
    data["n"] = pd.array(np.tile([1, 2, 3, 4], 10), dtype="Int64")
    data["y"] = rng.normal(size=40)
    fit = mixedlm("y ~ ok * kind + n + (1|g)", data).fit()
    cells = means(fit, "ok:kind", at={"n": 2})
    assert cells.index.tolist() == [(False, 10), (False, 2), (True, 10), (True, 2)]
    for (ok, kind), row in cells.iterrows():
        new = data.iloc[[0]].assign(ok=ok, kind=kind, n=2)
        assert row["estimate"] == pytest.approx(fit.predict(new, random="none").iloc[0], rel=1e-9)
    observed = means(fit, "ok", weights="observed", at={"kind": 10, "n": 2})
    np.testing.assert_allclose(observed, cells.xs(10, level="kind"), rtol=1e-9)
    assert slopes(fit, "n").iloc[0]["estimate"] == pytest.approx(fit.fe_params["n"], rel=1e-8)


# -- wrong use ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda fit: means(fit, "sx"), "did you mean 'sex'"),
        (lambda fit: means(fit, "school"), "no predictor in the fixed part 'school'"),
        (lambda fit: means(fit, "C(sex)"), "write 'sex', not 'C\\(sex\\)'"),
        (lambda fit: means(fit, "sex:sex"), "names a predictor twice"),
        (lambda fit: means(fit, 3), "names predictors"),
        (lambda fit: means(fit, []), "names predictors"),
        (lambda fit: means(fit.model, "sex"), r"call its .fit\(\) first"),
        (lambda fit: means(fit, "sex", by="sex"), "is in factor and in by"),
        (lambda fit: means(fit, "sex", at={"sex": "Male"}), "'Male' is no level of sex"),
        (lambda fit: means(fit, "sex", at={"agee": 3}), "did you mean 'age'"),
        (lambda fit: means(fit, "sex", at={"age": "ten"}), "age holds numbers; got 'ten'"),
        (lambda fit: means(fit, "sex", at={"age": np.inf}), "age holds numbers"),
        (lambda fit: means(fit, "sex", at={"age": []}), "at least one value"),
        (lambda fit: means(fit, "sex", at={"age": [9, 9]}), "names a value twice"),
        (lambda fit: means(fit, "sex", at=[9]), "at must be a dictionary"),
        (lambda fit: means(fit, "sex", weights="cells"), "'equal', 'observed'"),
        (lambda fit: means(fit, "sex", df="kr"), "no df 'kr'"),
        (lambda fit: means(fit, "sex", level=95), "did you mean 0.95"),
        (lambda fit: contrasts(fit, "sex", "pairs"), "did you mean 'pairwise'"),
        (lambda fit: contrasts(fit, "sex", adjust="sidak"), "no adjust 'sidak'"),
        (lambda fit: contrasts(fit, "sex", "reference", adjust="tukey"), 'adjust="holm"'),
        (lambda fit: contrasts(fit, "age"), "nothing to compare. Give several in at="),
        (lambda fit: slopes(fit, "sex"), r"contrasts\(fit, 'sex'\)"),
        (lambda fit: slopes(fit, "age:sex"), "write 'age' and by='sex'"),
        (lambda fit: slopes(fit, "age", by="age"), "write at="),
        (
            lambda fit: means(
                fit,
                "age:teacher_experience",
                at={n: list(range(3000)) for n in ("age", "teacher_experience")},
            ),
            "too many to look at",
        ),
    ],
)
def test_wrong_use_is_refused_with_the_mend(crossed, call, message):
    with pytest.raises(CourseError, match=message):
        call(crossed)


def test_a_model_without_predictors_has_no_means(pupils):
    fit = mixedlm("test_score ~ 1 + (1|school)", pupils).fit()
    with pytest.raises(CourseError, match="the fixed part has no predictors"):
        means(fit, "sex")


def test_empty_cells_are_refused_and_the_mend_works():
    data = pd.read_csv(ROOT / "tests/reference/empty_cells.csv")
    fit = mixedlm("y ~ f * h + k + x + m + (1|g)", data).fit()
    with pytest.raises(CourseError, match=r"No row has f = b and h = q.*at=\{'f': \['a', 'c'\]\}"):
        means(fit, "f")
    assert means(fit, "f", at={"f": ["a", "c"]}).index.tolist() == ["a", "c"]
    assert len(means(fit, "f", at={"h": ["p", "r"]})) == 3
    with pytest.raises(CourseError, match="contrast of a - b, h = q; b - c, h = q"):
        contrasts(fit, "f", by="h")
    with pytest.raises(
        CourseError, match="slope of x. It needs the effect m. m is determined by x"
    ):
        slopes(fit, "x")


def test_observed_weights_need_rows(pupils):
    data = pd.read_csv(ROOT / "tests/reference/empty_cells.csv")
    fit = mixedlm("y ~ f + h + (1|g)", data).fit()
    with pytest.raises(CourseError, match="no observed weights"):
        means(fit, "f", at={"f": "b", "h": "q"}, weights="observed")
