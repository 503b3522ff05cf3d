"""Empty cells, columns that repeat others, and models without fixed effects, as lme4 has them."""

import json
import re
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from budget import thinned
from made import pupils
from reference_models import ROOT, read
from running import at_the_optimum, run

from course import (
    CourseError,
    anova,
    bootstrap,
    compare,
    confint,
    diagnose,
    fixed_effects_table,
    icc,
    influence,
    mixedlm,
    plots,
    profile,
    r2,
    report,
    side_by_side,
    simulate_responses,
    translate,
    variance_explained,
    wald,
)

MODELS = {
    model["id"]: model
    for model in json.loads((ROOT / "tests/reference/aliased.json").read_text())["models"]
}
EMPTY = [name for name in MODELS if name.startswith("no_effects")]
WITH_EFFECTS = [name for name in MODELS if name not in EMPTY]


@cache
def data(name):
    return read(f"tests/reference/{'baking' if name == 'baking' else 'empty_cells'}.csv")


@cache
def fitted(name, reml=True):
    return mixedlm(MODELS[name]["formula"], data(name)).fit(reml=reml)


def as_in_r(name):
    """The name of a coefficient as R has it, fb:hq for f[T.b]:h[T.q]; its parts in any order."""
    name = re.sub("^Intercept$", "(Intercept)", name)
    return frozenset(re.sub(r"\[(?:T\.)?(.*?)\]", r"\1", name).split(":"))


def same(found, expected, rtol=1e-5, atol=1e-7):
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("name", MODELS)
def test_likelihood_and_variances_are_those_of_lme4(name, method):
    fit, expected = fitted(name, method == "REML"), MODELS[name][method]
    assert fit.converged
    same(fit.llf, expected["log_likelihood"], rtol=0, atol=1e-6)
    assert fit.n_params == expected["n_parameters"]
    same(fit.sigma, expected["sigma"])
    by_kind = fit.variance_components.sort_values("effect2", kind="stable", na_position="first")
    with_correlation = sorted(expected["sdcor"][:-1], key=abs)
    found = sorted(by_kind["sdcor"].dropna()[by_kind["group"] != "Residual"], key=abs)
    same(found, [value for value in with_correlation if value is not None], rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_fitted_values_and_random_effects_are_those_of_lme4(name):
    fit, expected = fitted(name), MODELS[name]
    same(fit.fittedvalues[:8], expected["fitted"], rtol=1e-4, atol=1e-5)
    same(fit.predict(data(name))[:8], expected["fitted"], rtol=1e-4, atol=1e-5)
    if name != "baking":
        for group, random in expected["random_effects"].items():
            levels = fit.random_effects[group].loc[
                [x for x in random["levels"] if isinstance(x, str)]
            ]
            for effect, values in random["effects"].items():
                ours = levels[effect.replace("(Intercept)", "Intercept")]
                same(ours, values[: len(ours)], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", WITH_EFFECTS)
def test_the_same_columns_are_left_out_as_by_lme4_and_the_others_have_its_estimates(name):
    fit, expected = fitted(name), MODELS[name]
    table = fit.fixed_effects
    theirs = {as_in_r(key): value for key, value in expected["fixed_effects"].items()}
    assert {as_in_r(key) for key in table.index} == set(theirs)
    missing = {key for key, value in theirs.items() if value is None}
    assert missing
    assert {as_in_r(key) for key in table.index[table["estimate"].isna()]} == missing
    assert {as_in_r(key) for key in fit.design.aliased.names} == missing
    errors = {as_in_r(key): value for key, value in expected["standard_errors"].items()}
    assert len(fit.fe_params) == len(fit.bse_fe) == len(errors)
    for key in fit.fe_params.index:
        same(fit.fe_params[key], theirs[as_in_r(key)], atol=1e-6)
        same(fit.bse_fe[key], errors[as_in_r(key)])
    assert list(fit.cov_params().index) == list(fit.fe_params.index) == list(fit.pvalues.index)
    same((fit.cov_params() ** 2).to_numpy().sum(), expected["vcov_sum_of_squares"])
    same(fit.predict(data(name), random="none")[:8], expected["population"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in WITH_EFFECTS if "anova" in MODELS[name]])
def test_type_three_tests_are_those_of_lmertest(name):
    table, expected = anova(fitted(name)), MODELS[name]["anova"]
    theirs = {frozenset(term.split(":")): row for term, row in expected.items()}
    ours = {frozenset(term.split(":")): row for term, row in table.iterrows()}
    assert set(ours) == set(theirs)
    for term, row in theirs.items():
        if row["F"] is None:
            assert ours[term]["num_df"] == 0 and np.isnan(ours[term]["F"])
            continue
        if (name, *term) == ("baking", "temp"):
            # lmerTest tests the coefficient of temp, whose meaning hangs on which label is left out: no
            # function of the coefficients of temp alone can be estimated beside temperature
            assert ours[term]["num_df"] == 0
            same(wald(fitted(name), "temp = 0")["F"].iloc[0], row["F"])
            continue
        assert ours[term]["num_df"] == row["num_df"]
        same(ours[term]["F"], row["F"], rtol=2e-5)
        same(ours[term]["sum_sq"], row["sum_sq"], rtol=2e-5)
        same(ours[term]["den_df"], row["den_df"], rtol=1e-3)
    assert table.attrs["notes"] == list(fitted(name).notes[: len(table.attrs["notes"])]) != []


@pytest.mark.parametrize("name", WITH_EFFECTS)
def test_likelihood_ratio_tests_count_the_columns_that_are_estimated(name):
    small = mixedlm(MODELS[name]["smaller"], data(name)).fit()
    row, expected = compare(small, fitted(name)).iloc[1], MODELS[name]["ratio"]
    assert row["df"] == expected["df"]
    same(row["chi2"], expected["chi2"], rtol=1e-5, atol=1e-6)


def test_type_three_where_nothing_is_left_out_is_the_same_by_both_ways():
    """A predictor that is constant changes no other hypothesis."""
    for formula in (
        "score ~ age*sex + (1|school)",
        "score ~ sex + sex:age + room*sex + (1|school)",
    ):
        with_constant = formula.replace(" + (1", " + one + (1")
        expected = anova(mixedlm(formula, pupils()).fit())
        found = anova(mixedlm(with_constant, pupils().assign(one=2.0)).fit())
        pd.testing.assert_frame_equal(
            found.drop("one"), expected, rtol=1e-6, atol=1e-9, check_dtype=False
        )
        assert found.loc["one", "num_df"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", thinned(MODELS, 3))
def test_the_code_makes_the_same_model_and_says_what_it_leaves_out(name):
    translation = translate(MODELS[name]["formula"], data(name))
    assert translation.exact
    said = " ".join(translation.code.replace("# ", "").split())
    assert all(reason in said for reason in translation.design.aliased.reasons)
    llf, slopes = at_the_optimum(fitted(name), data(name))
    same(llf, fitted(name).llf, rtol=0, atol=1e-6)
    same(slopes, 0, atol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", thinned(MODELS, 9))
def test_statsmodels_alone_reaches_the_same_optimum(name):
    result = run(translate(MODELS[name]["formula"], data(name)).code, data(name))
    same(result.llf, fitted(name).llf, rtol=0, atol=1e-4)
    assert len(result.fe_params) == len(fitted(name).fe_params)
    same(result.fittedvalues.to_numpy()[:8], MODELS[name]["fitted"], rtol=0.01, atol=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_both_solvers_agree(name):
    check = fitted(name).check()
    assert check.agree
    assert len(fitted(name).statsmodels.fe_params) == len(fitted(name).fe_params)


# -- what is said ---------------------------------------------------------------------------------


def test_notes_name_the_empty_cells():
    two, three = fitted("two_way"), fitted("three_way")
    assert two.notes[0] == (
        "No row has f = b and h = q, so f:h has no effect there: f[T.b]:h[T.q] is left out."
    )
    assert three.notes[1].startswith(
        "No row has f = b and h = q; or f = a and h = p and k = v, so f:h:k"
    )
    assert "No row has f = b" in translate("y ~ f*h + (1|g)", data("two_way")).explain()


def test_notes_name_what_determines_a_column():
    assert fitted("repeated").notes[:2] == (
        "m is determined by x: their effects cannot be told apart, so m is left out.",
        "one has the same value in every row: its effect cannot be separated from the intercept, so it "
        "is left out.",
    )
    (note, *_) = fitted("baking").notes
    assert note.startswith("temperature[T.t225] is determined by ") and "temp" in note


def test_tables_show_what_is_left_out_as_missing():
    fit = fitted("two_way")
    (line,) = [row for row in str(fit.summary()).splitlines() if "f[T.b]:h[T.q]  " in row]
    assert set(line.split()[1:]) == {"—"}
    for df in ("satterthwaite", "kenward-roger", "normal"):
        table = fixed_effects_table(fit, df)
        assert table.loc["f[T.b]:h[T.q]"].isna().all() and len(table) == 9
        assert table.drop("f[T.b]:h[T.q]").notna().all(axis=None)
    small = mixedlm("y ~ f + h + (1|g)", data("two_way")).fit()
    row = side_by_side(fit, small).loc[("fixed effects", "f[T.b]:h[T.q]")]
    assert list(row) == ["—", ""]
    numbers = side_by_side(fit, small, numeric=True).loc[("fixed effects", "f[T.b]:h[T.q]")]
    assert numbers.isna().all()
    assert "f[T.b]:h[T.q] is left out." in report(fit)
    assert "No row has f = b and h = q" in str(diagnose(fit, solvers=False, seconds=0))


# -- what needs it is refused, and only that ----------------------------------------------------------


def test_new_rows_of_the_cells_that_there_are_are_predicted():
    """Their means are those of the model of cell means, in which no cell is coded by others."""
    cells = data("two_way")[["f", "h"]].drop_duplicates()
    assert len(cells) == 8
    means = fitted("means").predict(cells, random="none")
    same(fitted("two_way").predict(cells, random="none"), means)
    expected = MODELS["means"]["fixed_effects"]
    same(means, [expected[f"f{f}:h{h}"] for f, h in zip(cells.f, cells.h, strict=True)], atol=1e-6)


@pytest.mark.parametrize("name", ["two_way", "three_way", "slopes", "means", "pairs"])
def test_a_new_row_of_an_empty_cell_is_refused(name):
    row = data(name).head(2).assign(f=["b", "c"], h="q").set_axis([40, 50])
    with pytest.raises(CourseError, match="index 40 needs the effect .*No row has f = b and h = q"):
        fitted(name).predict(row)
    assert np.isfinite(fitted(name).predict(row.tail(1))).all()
    assert np.isnan(fitted(name).predict(row.assign(f=None)[["f", "h", "k", "g", "x"]])).all()


def test_a_new_row_that_breaks_the_repetition_is_refused():
    row = pd.DataFrame({"x": [1.0, 1.0], "m": [2002.0, 2003.0], "one": 3, "k": "u", "g": "g00"})
    assert np.isfinite(fitted("repeated").predict(row.head(1))).all()
    with pytest.raises(CourseError, match="index 1 needs the effect m"):
        fitted("repeated").predict(row)
    with pytest.raises(CourseError, match="needs the effect one"):
        fitted("repeated").predict(row.head(1).assign(one=4))


def test_a_prediction_does_not_depend_on_which_of_the_repeating_columns_is_left_out():
    """Their null space is the same, whatever the order and the units."""
    rows = data("repeated")
    one = mixedlm("y ~ m + x + k + (1|g)", rows).fit()
    same(one.predict(rows), fitted("repeated").predict(rows))
    assert one.design.aliased.names == ("x",)


def test_a_test_of_what_is_left_out_is_refused():
    with pytest.raises(CourseError, match="has no estimate. No row has f = b and h = q"):
        wald(fitted("two_way"), "f[T.b]:h[T.q] = 0")
    with pytest.raises(CourseError, match="m has no estimate. m is determined by x"):
        wald(fitted("repeated"), "m = x")
    with pytest.raises(CourseError, match="m has no estimate"):
        confint(fitted("repeated"), parameters="m")
    F = wald(fitted("repeated"), "x = 0")["F"].iloc[0]
    same(F, MODELS["repeated"]["anova"]["x"]["F"])


def test_a_picture_of_an_empty_cell_is_refused_and_one_beside_it_is_drawn():
    fit = fitted("slopes")
    with pytest.raises(CourseError, match="No row has f = b and h = q"):
        plots.predictions(fit, "x", at={"f": "b", "h": "q"})
    assert plots.predictions(fit, "x", at={"f": "b", "h": "r"})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two_way", "repeated", "baking"])
def test_intervals_and_refits_have_what_is_estimated(name):
    fit = fitted(name)
    names = [*fit.fe_params.index]
    assert list(confint(fit, "profile").index[: len(names)]) == names
    assert (
        list(bootstrap(fit, n=3, seed=1, progress=False).replicates.columns[: len(names)]) == names
    )
    group = list(fit.n_groups)[0]
    assert np.isfinite(influence(fit, group, progress=False)["cook"]).all()


def test_a_column_with_a_trace_of_its_own_stays():
    """R² of 1 - 1e-8 is hard to tell from 1, and yet no repetition; 1 - 1e-12 is one."""
    rng = np.random.default_rng(5)
    rows = pupils(200)
    noise = rng.normal(size=200) * rows["age"].std()
    for share, kept in ((1e-4, True), (1e-6, False)):
        fit = mixedlm(
            "score ~ age + x + (1|school)", rows.assign(x=rows["age"] + share * noise)
        ).fit()
        assert ("x" in fit.fe_params) is kept


def test_many_empty_cells_are_counted():
    rng = np.random.default_rng(3)
    rows = pd.DataFrame({"f": rng.integers(8, size=60), "h": rng.integers(8, size=60)}).astype(str)
    rows["g"] = np.repeat(range(6), 10)
    rows["y"] = rng.normal(size=60)
    occurring = rows[["f", "h"]].drop_duplicates()
    twice = pd.concat([rows, rows.assign(y=rows["y"] + rng.normal(size=60))], ignore_index=True)
    fit = mixedlm("y ~ f*h + (1|g)", twice).fit()
    assert len(fit.fe_params) == len(occurring)
    assert f"or {64 - len(occurring) - 4} other combinations" in fit.notes[0]


# -- no fixed effects ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EMPTY)
def test_without_fixed_effects_reml_and_ml_are_one(name):
    fit, by_ml = fitted(name), fitted(name, False)
    assert fit.llf == pytest.approx(by_ml.llf, abs=1e-9)
    assert len(fit.fe_params) == len(fit.fixed_effects) == fit.cov_params().size == 0
    assert (fit.predict(random="none") == 0).all()
    same(fit.fittedvalues + fit.resid, data(name)["y"])


def test_the_likelihood_without_fixed_effects_is_that_of_a_normal_around_0():
    """Dense algebra at the estimates."""
    fit, rows = fitted("no_effects_crossed"), data("no_effects_crossed")
    V = fit.scale * np.eye(len(rows))
    for group in ("g", "f"):
        Z = pd.get_dummies(rows[group]).to_numpy(float)
        variance = fit.variance_components.set_index("group").loc[group, "vcov"]
        V += variance * Z @ Z.T
    _, logdet = np.linalg.slogdet(V)
    y = rows["y"].to_numpy()
    expected = -(logdet + y @ np.linalg.solve(V, y) + len(y) * np.log(2 * np.pi)) / 2
    assert fit.llf == pytest.approx(expected, abs=1e-8)


@pytest.mark.slow
def test_everything_works_without_fixed_effects_or_says_why_not():
    fit = fitted("no_effects_both")
    assert "none: the mean of the response is taken to be 0" in str(fit.summary())
    assert "<li>none: the mean" in fit.summary()._repr_html_()
    assert "with no fixed effects" in report(fit) and "The mean of y was taken to be 0." in report(
        fit
    )
    assert "Fixed part: none; the mean of y is 0." in fit.model.translation.explain()
    assert r2(fit)["marginal"] == 0 and icc(fit)["icc"].between(0, 1).all()
    assert list(side_by_side(fit).loc["random effects"].index)[-1] == "sigma"
    for method in ("wald", "profile"):
        ends = confint(fit, method).loc["sigma"]
        assert ends["lower"] < fit.sigma < ends["upper"]
    assert "sigma" in profile(fit, "sigma").estimates
    assert bootstrap(fit, n=3, seed=1, progress=False).replicates["converged"].all()
    drawn = simulate_responses(fit, 200, seed=1)
    assert abs(drawn.mean()) < 0.3
    assert "fixed effects can be estimated" not in str(diagnose(fit, solvers=False))
    table = influence(fit, "g", progress=False)
    assert (table["cook"] == 0).all() and table["change(g)"].notna().all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = plots.predictions(fit, "x", "g")
    assert "it is 0 (0 to 0)" in plots.alt_text(ax)
    assert plots.caterpillar(fit, "g")
    for call in (anova, lambda one: wald(one, "x = 0")):
        with pytest.raises(CourseError, match="no (fixed )?effects"):
            call(fit)
    with pytest.raises(CourseError, match="no fixed effects"):
        variance_explained(fitted("no_effects"))


def test_an_intercept_is_one_parameter_more_than_none():
    one = mixedlm("y ~ 1 + (1|g)", data("no_effects")).fit(reml=False)
    row = compare(fitted("no_effects"), one).iloc[1]
    assert row["df"] == 1
    same(row["chi2"], 2 * (one.llf - fitted("no_effects").llf), atol=1e-6)


@pytest.mark.slow
def test_a_group_without_which_the_variance_falls_is_told_of_without_fixed_effects():
    rows = data("no_effects").copy()
    rows.loc[rows["g"] == "g03", "y"] += 30
    text = " ".join(str(diagnose(mixedlm("y ~ 0 + (1|g)", rows).fit(), solvers=False)).split())
    assert re.search(r"Without g03 \(\d+ rows\) the variance of g changes by -9\d%", text)
