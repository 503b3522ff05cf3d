"""Tests of fixed effects against lmerTest and pbkrtest, closed forms, and other codings of a model."""

import json
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from budget import thinned
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from course import CourseError, load, mixedlm
from course.inference.fixed_effects import anova, fixed_effects_table, wald
from course.inference.kenward_roger import KenwardRoger

ROOT = Path(__file__).parents[2]
MODELS = json.loads((ROOT / "tests/reference/inference.json").read_text())["models"]
METHODS = ["satterthwaite", "satterthwaite_ML", "kenward-roger"]
CASES = [(model, method) for model in MODELS for method in METHODS]
WITH_NAMES = [(model, method) for model, method in CASES if "wald" in MODELS[model][method]]


@cache
def fit(model_id, method):
    model = MODELS[model_id]
    data = pd.read_csv(ROOT / model["data"])
    data = data.iloc[:: model["every"]] if "every" in model else data.iloc[: model["first"]]
    assert len(data) == model["rows"]
    return mixedlm(model["formula"], data).fit(reml=not method.endswith("ML"))


def df_of(method):
    return method.removesuffix("_ML")


def sorted_names(table):
    """R and patsy order the parts of an interaction differently."""
    return table.rename(index=lambda name: ":".join(sorted(name.split(":"))))


def assert_equal(ours, theirs, columns, rtol):
    for column in columns:
        np.testing.assert_allclose(ours[column], theirs[column], rtol=rtol, err_msg=column)


@pytest.mark.slow
@pytest.mark.parametrize("model_id, method", WITH_NAMES)
def test_table_equals_lmertest(model_id, method):
    expected = MODELS[model_id][method]
    ours = fit(model_id, method)
    assert ours.llf == pytest.approx(expected["log_likelihood"], abs=1e-4)
    table = sorted_names(fixed_effects_table(ours, df=df_of(method)))
    theirs = pd.DataFrame(expected["fixed_effects"]).T.loc[table.index]
    assert_equal(table, theirs, ["std_error"], 1e-5)
    assert_equal(table, theirs, ["df"], 1e-4)
    np.testing.assert_allclose(table.t, theirs.t, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(table.p_value, theirs.p_value, rtol=1e-3, atol=1e-12)


@pytest.mark.parametrize("model_id, method", CASES)
def test_anova_equals_lmertest(model_id, method):
    table = sorted_names(anova(fit(model_id, method), df=df_of(method)))
    theirs = pd.DataFrame(MODELS[model_id][method]["anova"]).T.loc[table.index]
    assert (table.num_df == theirs.num_df).all()
    assert_equal(table, theirs, ["sum_sq", "mean_sq", "F", "den_df"], 1e-4)
    np.testing.assert_allclose(table.p_value, theirs.p_value, rtol=1e-3, atol=1e-12)


@pytest.mark.parametrize(
    "model_id, method", [case for case in WITH_NAMES if case != ("years_few_schools", METHODS[2])]
)
def test_wald_equals_lmertest(model_id, method):
    model = MODELS[model_id]
    row = wald(fit(model_id, method), model["constraints"], df=df_of(method)).iloc[0]
    theirs = model[method]["wald"]
    assert row.num_df == theirs["num_df"] == 2
    assert_equal(row, theirs, ["sum_sq", "mean_sq", "F", "den_df"], 1e-4)
    assert row.p_value == pytest.approx(theirs["p_value"], rel=1e-3, abs=1e-12)


# -- closed forms and dense matrices ----------------------------------------------------------


def schools(n_schools, pupils, seed=1):
    """Balanced: three kinds of school, two kinds of pupil in each."""
    rng = np.random.default_rng(seed)
    school = np.repeat(np.arange(n_schools), pupils)
    data = pd.DataFrame(
        {
            "school": school.astype(str),
            "kind": np.array(["a", "b", "c"])[school % 3],
            "sex": np.tile(["boy", "girl"], len(school) // 2),
        }
    )
    effect = {"a": 0.0, "b": 2.0, "c": 3.0}
    data["score"] = 50 + data["kind"].map(effect) + rng.normal(0, 4, n_schools)[school]
    data["score"] += rng.normal(0, 3, len(data))
    return data


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger"])
@pytest.mark.parametrize("n_schools", [4, 5, 6, 12])
def test_balanced_split_plot_is_the_classical_anova(n_schools, df):
    """Each kind has as many schools, or nearly; all schools have as many pupils of each sex."""
    data = schools(n_schools, 6)
    ours = mixedlm("score ~ kind * sex + (1|school)", data).fit()
    assert (
        not ours.singular
    )  # else the schools' mean square is not that of the analysis of variance
    table = anova(ours, df=df)
    means = data.groupby(["school", "kind"])["score"].mean().reset_index()
    between = stats.f_oneway(*[group["score"] for _, group in means.groupby("kind")])
    assert table.loc["kind", "F"] == pytest.approx(between.statistic, rel=1e-5)
    assert table.loc["kind", "den_df"] == pytest.approx(n_schools - 3, rel=1e-4)
    assert table.loc["kind", "p_value"] == pytest.approx(between.pvalue, rel=1e-4)
    within = 6 * n_schools - n_schools - 3  # rows less schools less sex and kind:sex
    assert table.loc["sex", "den_df"] == pytest.approx(within, rel=1e-4)
    assert table.loc["kind:sex", "den_df"] == pytest.approx(within, rel=1e-4)


def dense_adjusted(ours):
    """Kenward and Roger's formulas as they stand, with matrices of n x n, in the data's units."""
    X, n = ours.design.X, ours.nobs
    V, derivatives = ours.scale * np.eye(n), [np.eye(n)]
    pairs = zip(ours.design.groupings, ours.estimates.covariances, strict=True)
    for grouping, covariance in pairs:
        same = grouping.codes[:, None] == grouping.codes
        for a, b in np.argwhere(grouping.pattern):
            E = np.outer(grouping.Z[:, a], grouping.Z[:, b]) * same
            derivatives.append(E if a == b else E + E.T)
            V += covariance[a, b] * derivatives[-1]
    inverse = np.linalg.inv(V)
    Phi = np.linalg.inv(X.T @ inverse @ X)
    parts = [inverse @ E for E in derivatives]
    P = [-X.T @ part @ inverse @ X for part in parts]
    Q = [[X.T @ a @ b @ inverse @ X for b in parts] for a in parts]
    W = 2 * np.linalg.inv(
        [
            [
                (a * b.T).sum() - 2 * np.trace(Phi @ Q[i][j]) + np.trace(Phi @ P[i] @ Phi @ P[j])
                for j, b in enumerate(parts)
            ]
            for i, a in enumerate(parts)
        ]
    )
    size = range(len(parts))
    U = sum(W[i, j] * (Q[i][j] - P[i] @ Phi @ P[j]) for i in size for j in size)
    return Phi + 2 * Phi @ U @ Phi


@pytest.mark.parametrize(
    "formula, name, rows",
    thinned(
        [
            ("test_score ~ age * sex + (age|classroom) + (1|school)", "pupils", 300),
            ("test_score ~ age + (age||school) + (1|student_id)", "pupils_three_years", 300),
            ("attain ~ verbal + sex + (sex|second) + (1|primary)", "scotssec", 400),
            ("test_score ~ age + sex + (1|province/school/classroom)", "pupils", 500),
        ],
        4,
        pytest.mark.slow,
    ),
)
def test_adjusted_covariance_equals_dense_matrices(formula, name, rows):
    ours = mixedlm(formula, load(name).iloc[:rows]).fit()
    adjusted = KenwardRoger(ours.model.problem, ours.estimates).cov_beta
    expected = dense_adjusted(ours)
    sizes = np.sqrt(np.diagonal(expected))
    np.testing.assert_allclose(
        adjusted / np.outer(sizes, sizes), expected / np.outer(sizes, sizes), atol=1e-8
    )


def test_many_small_blocks_in_chunks(monkeypatch):
    ours = fit("pupils_slope", "kenward-roger")
    whole = fixed_effects_table(ours, df="kenward-roger")
    monkeypatch.setattr("course.inference.kenward_roger.CHUNK", 100)
    pd.testing.assert_frame_equal(fixed_effects_table(ours, df="kenward-roger"), whole)


def test_normal_is_z_and_chi_squared():
    ours = fit("exam_factor_by_factor", "satterthwaite")
    table = fixed_effects_table(ours, df="normal", level=0.9)
    z = ours.fe_params / ours.bse_fe
    np.testing.assert_allclose(table.t, z)
    np.testing.assert_allclose(table.p_value, 2 * stats.norm.sf(np.abs(z)))
    np.testing.assert_allclose(table.upper - table.lower, 2 * 1.6448536269514722 * ours.bse_fe)
    row = anova(ours, df="normal").loc["intake:schgend"]
    assert row.p_value == pytest.approx(stats.chi2.sf(4 * row.F, 4))
    L = np.eye(9)[5:]
    joint = wald(ours, L, df="normal").iloc[0]
    b, V = ours.fe_params.to_numpy()[5:], ours.cov_params().to_numpy()[5:, 5:]
    assert 4 * joint.F == pytest.approx(b @ np.linalg.solve(V, b))


# -- the same hypothesis, said otherwise ------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "coding, df, fixed",
    thinned(
        product(
            ["Sum", "Helmert", "Poly", "Diff", "Treatment('mixed')"],
            ["satterthwaite", "kenward-roger"],
            ["{} * intake * standLRT", "{}", "{} + {}:standLRT"],
        ),
        7,
    ),
)
def test_type_three_is_the_same_under_any_coding(coding, df, fixed):
    data = load("exam").iloc[::10]
    plain, other = (fixed.replace("{}", factor) for factor in ("schgend", f"C(schgend, {coding})"))
    expected = anova(mixedlm(f"normexam ~ {plain} + (1|school)", data).fit(), df=df)
    recoded = anova(mixedlm(f"normexam ~ {other} + (1|school)", data).fit(), df=df)
    np.testing.assert_allclose(recoded.to_numpy(), expected.to_numpy(), rtol=1e-5, atol=1e-9)


def test_columns_that_are_nearly_the_same():
    """Raw years and their squares: type III tests of the predictors are their t tests all the same."""
    data = load("exam").iloc[::8].assign(year=lambda d: 2015 + d["standLRT"])
    ours = mixedlm("normexam ~ sex + intake * year + I(year**2) + (1|school)", data).fit()
    table, t = anova(ours), fixed_effects_table(ours)
    assert table.loc["I(year ** 2)", "F"] == pytest.approx(t.loc["I(year ** 2)", "t"] ** 2)
    assert table.loc["sex", "F"] == pytest.approx(t.loc["sex[T.M]", "t"] ** 2)
    assert table.loc["sex", "den_df"] == pytest.approx(t.loc["sex[T.M]", "df"])


def test_a_factor_nested_by_the_formula_is_tested_as_in_the_crossed_one():
    data = pd.read_csv(ROOT / "data/exam.csv").iloc[::6]
    nested = anova(mixedlm("normexam ~ schgend + schgend:intake + (1|school)", data).fit())
    crossed = MODELS["exam_factor_by_factor"]["satterthwaite"]["anova"]["schgend"]
    for column, value in crossed.items():
        assert nested.loc["schgend", column] == pytest.approx(value, rel=5e-3)


def test_a_shift_of_the_predictor_changes_the_test_of_the_factor_only():
    data = load("exam").iloc[::6].assign(shifted=lambda d: d["standLRT"] + 5)
    here = anova(mixedlm("normexam ~ sex * standLRT + (1|school)", data).fit())
    there = anova(mixedlm("normexam ~ sex * shifted + (1|school)", data).fit())
    np.testing.assert_allclose(here.iloc[1:], there.iloc[1:], rtol=1e-4)
    assert there.loc["sex", "F"] != pytest.approx(here.loc["sex", "F"], rel=0.1)


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger", "normal"])
def test_one_constraint_is_the_t_test(df):
    ours = fit("scotssec_crossed", "satterthwaite")
    table = fixed_effects_table(ours, df=df).loc["social"]
    row = wald(ours, "2 * social = 0", df=df).iloc[0]
    assert row.F == pytest.approx(table.t**2)
    assert row.den_df == pytest.approx(table["df"])
    assert row.p_value == pytest.approx(table.p_value)
    as_matrix = wald(ours, [0, 0, 0, 1], df=df).iloc[0]
    np.testing.assert_allclose(as_matrix, row)


@pytest.mark.slow
@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger"])
def test_units_do_not_matter(df):
    data = load("pupils").iloc[::4]
    small = data.assign(age=data["age"] / 1e6, test_score=data["test_score"] * 1e3)
    formula = "test_score ~ age + sex + (age||classroom) + (1|school)"
    fits = [mixedlm(formula, d).fit() for d in (data, small)]
    here, there = (fixed_effects_table(one, df=df) for one in fits)
    np.testing.assert_allclose(there[["df", "t"]], here[["df", "t"]], rtol=1e-3)
    assert there.loc["age", "std_error"] == pytest.approx(1e9 * here.loc["age", "std_error"], 1e-4)
    text = "age = 0, sex[T.male] = 0"
    joint = [wald(one, text, df=df) for one in fits]
    np.testing.assert_allclose(joint[1].F, joint[0].F, rtol=1e-3)


def test_two_terms_that_are_the_same_groups():
    data = load("pupils").iloc[:600]
    once = mixedlm("test_score ~ age + (1|classroom)", data).fit()
    twice = mixedlm("test_score ~ age + (1|classroom) + (1|school:classroom)", data).fit()
    tables = [fixed_effects_table(f, df="kenward-roger") for f in (once, twice)]
    np.testing.assert_allclose(*tables, rtol=1e-3)


# -- wrong use --------------------------------------------------------------------------------


def test_kenward_roger_needs_reml():
    ours = fit("pupils_nested", "satterthwaite_ML")
    for ask in (fixed_effects_table, anova):
        with pytest.raises(CourseError, match="reml=True"):
            ask(ours, df="kenward-roger")
    with pytest.raises(CourseError, match="reml=True"):
        wald(ours, "age = 0", df="kenward-roger")


def test_kenward_roger_needs_groups():
    # pbkrtest gives 1.2 degrees of freedom here, for which its own formula has no mean
    ours = fit("years_few_schools", "kenward-roger")
    assert MODELS["years_few_schools"]["kenward-roger"]["wald"]["den_df"] < 2
    with pytest.raises(CourseError, match="age = 3.*too few groups .* one by one"):
        wald(ours, "age = 3, school_resources = 0", df="kenward-roger")


def test_kenward_roger_refuses_huge_blocks(monkeypatch):
    monkeypatch.setattr("course.inference.kenward_roger.MOST_EFFECTS", 50)
    with pytest.raises(CourseError, match="satterthwaite"):
        fixed_effects_table(fit("scotssec_crossed", "satterthwaite"), df="kenward-roger")


@pytest.mark.parametrize(
    "ask, message",
    [
        (lambda f: fixed_effects_table(f, df="kenward_roger"), "did you mean 'kenward-roger'"),
        (lambda f: fixed_effects_table(f, level=95), "did you mean 0.95"),
        (lambda f: fixed_effects_table(f, level=0), "between 0 and 1"),
        (lambda f: fixed_effects_table(f, level="95 %"), "level must be a number"),
        (lambda f: fixed_effects_table(f.model), "write mixedlm"),
        (lambda f: anova(f, df="type 2"), "no df 'type 2'"),
        (lambda f: anova("a fit"), "not a str"),
        (lambda f: wald(f, np.eye(3)), "one column for each of the 9"),
        (lambda f: wald(f, [["a"] * 9]), "matrix of finite numbers"),
        (lambda f: wald(f, [np.nan] * 9), "matrix of finite numbers"),
        (lambda f: wald(f, None), "constraints are text"),
        (lambda f: wald(f, [0] * 9), "leave it out"),
    ],
)
def test_wrong_use(ask, message):
    with pytest.raises(CourseError, match=message):
        ask(fit("exam_factor_by_factor", "satterthwaite"))


def test_an_intercept_alone_has_no_term():
    with pytest.raises(CourseError, match="intercept only"):
        anova(mixedlm("score ~ 1 + (1|school)", schools(6, 4)).fit())


@pytest.mark.parametrize(
    "text, message",
    [
        ("standLTR = 0", "did you mean 'standLRT'"),
        ("schgend = 0", r"did you mean 'schgend\[T"),
        ("schgend[T.girls]:standLRT = 0", r"did you mean 'standLRT:schgend\[T.girls\]'"),
        ("q = 0", "there are Intercept"),
        ("standLRT2 = 0", "did you mean 'standLRT'"),
        (" ", "no constraint"),
        ("standLRT = ", "cannot be read"),
        ("standLRT = 0,", "cannot be read"),
        ("1 = 1", "cannot be read"),
        ("standLRT * Intercept = 0", "cannot be read"),
        ("standLRT / 0 = 0", "divided by 0"),
        ("1e999 * standLRT = 0", "too large"),
        ("standLRT = 0, standLRT = 1", "contradicts"),
        ("standLRT = 0, 2 * standLRT = 0", "follows"),
        ("-" * 1500 + "standLRT = 0", "cannot be read"),
        ("(" * 3000, "pass a matrix"),
        ("__import__('os').system('false') = 0", "no coefficient is called '__import__'"),
        ("standLRT.__class__ = 0", "no coefficient is called"),
        ("(lambda: standLRT)() = 0", "no coefficient is called 'lambda'"),
    ],
)
def test_constraints_that_cannot_be_read(text, message):
    with pytest.raises(CourseError, match=message):
        wald(fit("exam_factor_by_covariate", "satterthwaite"), text)


@pytest.mark.slow
@given(st.lists(st.sampled_from("a standLRT Intercept 0 2 1e9 . + - * / = , ( ) [ ] _ '".split())))
def test_any_text_is_read_or_refused(parts):
    ours = fit("exam_slope", "satterthwaite")
    try:
        table = wald(ours, " ".join(parts))
    except CourseError:
        return
    assert np.isfinite(table.to_numpy()).all()
