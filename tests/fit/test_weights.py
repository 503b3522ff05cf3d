"""Prior weights: against lme4, lmerTest, pbkrtest, clubSandwich and nlme, and by closed forms."""

import json
import pickle
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from budget import thinned
from running import run

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
    report,
    simulate_responses,
    translate,
)
from course.design.weights import check_weights

ROOT = Path(__file__).parents[2]
REFERENCE = json.loads((ROOT / "tests/reference/weights.json").read_text())
MODELS = REFERENCE["models"]
CASES = [(model_id, method) for model_id in MODELS for method in ("REML", "ML")]
# lmerTest's numerical Hessian has no meaning where an SD is at 0
REGULAR = [case for case in CASES if case[0] not in ("singular", "slope_and_nested")]


@cache
def data(model_id):
    model = MODELS[model_id]
    frame = pd.read_csv(ROOT / model["data"]).iloc[:: model["every"]]
    return frame.assign(w=model["scale"] * (1 + np.arange(len(frame)) % 7 / 2))


@cache
def fit(model_id, method="REML"):
    model = mixedlm(MODELS[model_id]["formula"], data(model_id), weights="w")
    return model.fit(reml=method == "REML")


def expected(model_id, method="REML"):
    return MODELS[model_id][method]


def random_part(theirs):
    """lme4's table, by group and effects; ``classroom.1`` is one of several terms of classroom."""
    table = pd.DataFrame(theirs).replace("(Intercept)", "Intercept")
    table["grp"] = table["grp"].str.removesuffix(".1")
    return {
        (row.grp, *sorted(name for name in (row.var1, row.var2) if isinstance(name, str))): row
        for row in table.itertuples()
    }


# -- against R ------------------------------------------------------------------------------------


@pytest.mark.parametrize("model_id, method", CASES)
def test_equals_lme4(model_id, method):
    ours, theirs = fit(model_id, method), expected(model_id, method)
    assert ours.nobs == MODELS[model_id]["nobs"]
    assert ours.llf == pytest.approx(theirs["log_likelihood"], abs=1e-6)
    assert ours.aic == pytest.approx(theirs["aic"], abs=1e-5)
    assert ours.sigma == pytest.approx(theirs["sigma"], rel=1e-5)
    names = MODELS[model_id]["names"]
    np.testing.assert_allclose(ours.fe_params[names], theirs["fixed"], rtol=1e-4, atol=1e-6)
    errors = theirs["satterthwaite"]["std_error"]
    np.testing.assert_allclose(ours.bse_fe[names], errors, rtol=1e-4)
    table = random_part(theirs["random"])
    for row in ours.variance_components.itertuples():
        effects = sorted(name for name in (row.effect, row.effect2) if isinstance(name, str))
        other = table.pop((row.group, *effects))
        assert row.vcov == pytest.approx(other.vcov, rel=1e-3, abs=1e-5 * theirs["sigma"] ** 2)
        if row.effect2 is None and other.sdcor > 1e-3:
            assert row.sdcor == pytest.approx(other.sdcor, rel=2e-4)
    assert not table


@pytest.mark.parametrize("model_id, method", REGULAR)
def test_satterthwaite_equals_lmertest(model_id, method):
    table = fit(model_id, method).fixed_effects.loc[MODELS[model_id]["names"]]
    df = expected(model_id, method)["satterthwaite"]["df"]
    np.testing.assert_allclose(table.df, df, rtol=2e-4)


@pytest.mark.parametrize("model_id", [model_id for model_id, method in REGULAR if method == "REML"])
def test_kenward_roger_equals_pbkrtest(model_id):
    table = fixed_effects_table(fit(model_id), df="kenward-roger").loc[MODELS[model_id]["names"]]
    theirs = expected(model_id)["kenward_roger"]
    np.testing.assert_allclose(table.std_error, theirs["std_error"], rtol=1e-4)
    np.testing.assert_allclose(table.df, theirs["df"], rtol=1e-3)


@pytest.mark.parametrize("model_id", ["nested", "slope"])
def test_anova_equals_lmertest(model_id):
    ours, theirs = anova(fit(model_id)), expected(model_id)["type_three"]
    np.testing.assert_allclose(sorted(ours.F), sorted(np.atleast_1d(theirs["F value"])), rtol=1e-4)
    np.testing.assert_allclose(
        sorted(ours.sum_sq), sorted(np.atleast_1d(theirs["Sum Sq"])), rtol=1e-4
    )


@pytest.mark.parametrize("model_id", ["nested", "crossed", "slope", "offset"])
def test_rows_equal_lme4(model_id):
    ours, theirs = fit(model_id), expected(model_id)
    close = {"rtol": 1e-4, "atol": 1e-5}
    np.testing.assert_allclose(ours.fittedvalues[:6], theirs["fitted"], **close)
    np.testing.assert_allclose(ours.resid[:6], theirs["resid"], **close)
    np.testing.assert_allclose(ours.wresid[:6], theirs["pearson"], **close)
    np.testing.assert_allclose(ours.predict(random="none")[:6], theirs["population"], **close)
    for group, blups in theirs["blups"].items():
        labels = ours.random_effects[group].index.astype(str)
        assert set(blups["levels"]) <= set(labels)
        for table, values in (
            (ours.random_effects[group], blups["effects"]["(Intercept)"]),
            (ours.random_effects_se[group], np.sqrt(theirs["conditional_variances"][group])),
        ):
            by_label = table["Intercept"].set_axis(labels)
            np.testing.assert_allclose(by_label[blups["levels"]], values, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("model_id", ["slope", "singular"])
def test_profile_intervals_equal_lme4(model_id):
    """lme4 profiles the model without weights: r is the root of the weight, x_r is x times r."""
    theirs = expected(model_id, "ML")["profile"]
    ends = dict(
        zip(theirs["names"], zip(theirs["lower"], theirs["upper"], strict=True), strict=True)
    )
    predictor = MODELS[model_id]["names"][1]
    names = {"Intercept": "r", predictor: f"{predictor}_r", "sigma": "sigma"}
    if model_id == "slope":
        names |= {
            "sd(Intercept | school)": "sd_r|school",
            "sd(standLRT | school)": "sd_standLRT_r|school",
            "cor(Intercept, standLRT | school)": "cor_standLRT_r.r|school",
        }
    else:
        names |= {
            "sd(Intercept | classroom)": "sd_r|classroom",
            "sd(Intercept | school)": "sd_r|school",
        }
    table = confint(fit(model_id, "ML"), "profile")
    assert set(table.index) == set(names)
    for ours, name in names.items():
        np.testing.assert_allclose(
            table.loc[ours, ["lower", "upper"]].astype(float), ends[name], rtol=2e-3, atol=1e-4
        )


@pytest.mark.parametrize("model_id", ["crossed", "slope", "singular", "offset"])
def test_likelihood_ratio_equals_lme4(model_id):
    formula = MODELS[model_id]["formula"]
    predictor = MODELS[model_id]["names"][1]
    smaller = mixedlm(formula.replace(f"~ {predictor}", "~ 1"), data(model_id), weights="w")
    table = compare(smaller.fit(reml=False), fit(model_id, "ML"))
    assert table.chi2.iloc[1] == pytest.approx(expected(model_id, "ML")["chi2"], abs=1e-4)


@pytest.mark.parametrize("model_id", ["nested", "slope"])
def test_robust_errors_equal_club_sandwich(model_id):
    table = fixed_effects_table(fit(model_id), robust="school").loc[MODELS[model_id]["names"]]
    theirs = expected(model_id)["robust"]
    np.testing.assert_allclose(table.std_error, theirs["std_error"], rtol=1e-4)
    np.testing.assert_allclose(table.df, theirs["df"], rtol=1e-3)


def test_influence_is_that_of_a_fit_without_the_school():
    theirs = expected("slope")["without"]
    before = fit("slope").fe_params
    table = influence(fit("slope"), "school", progress=False)
    moved = table.loc[theirs["school"], [f"dfbeta({name})" for name in before.index]]
    after = np.array(theirs["fixed"])
    np.testing.assert_allclose(moved, (before - after) / fit("slope").bse_fe, rtol=1e-3, atol=1e-4)
    change = theirs["sigma"] ** 2 / fit("slope").scale - 1
    assert table.loc[theirs["school"], "change(Residual)"] == pytest.approx(change, abs=1e-5)


def test_equals_nlme():
    ours, theirs = fit("slope"), REFERENCE["nlme"]
    assert ours.llf == pytest.approx(theirs["log_likelihood"], abs=1e-6)
    assert ours.sigma == pytest.approx(theirs["sigma"], rel=1e-5)
    np.testing.assert_allclose(ours.fe_params, theirs["fixed"], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(ours.bse_fe, theirs["std_error"], rtol=1e-4)
    normalised = ours.wresid[:6] / ours.sigma
    np.testing.assert_allclose(normalised, theirs["normalized"], rtol=1e-3, atol=1e-4)


# -- the other solver -----------------------------------------------------------------------------


@pytest.mark.parametrize("model_id, method", [*REGULAR, ("singular", "REML")])
def test_both_solvers_agree(model_id, method):
    check = fit(model_id, method).check()
    assert check.agree, str(check)
    assert check.table["difference"].abs().max() < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("model_id", thinned(["slope", "crossed", "offset"], 3))
def test_program_reaches_the_same_fit(model_id):
    frame, formula = data(model_id), MODELS[model_id]["formula"]
    if "school" in frame:  # a search says as much on the first of many schools
        frame = frame[frame["school"].isin(sorted(frame["school"].unique())[:12])]
    ours = mixedlm(formula, frame, weights="w").fit()
    result = run(translate(formula, frame, weights="w").code, frame)
    llf = result.llf + np.log(frame["w"]).sum() / 2
    assert llf == pytest.approx(ours.llf, abs=1e-3)
    np.testing.assert_allclose(
        result.fe_params[list(ours.fe_params.index)], ours.fe_params, atol=1e-3
    )


def test_translation_tells_of_the_weights():
    t = translate(MODELS["slope"]["formula"], data("slope"), weights="w")
    assert t.weights == "w" and t.exact
    text = " ".join(t.explain().split())
    assert "each row's residual variance is σ²/w" in text and "(1 to 4)" in text
    assert r"\mathcal{N}(0,\ \sigma^2 / \mathrm{w}_i)" in t.latex
    assert translate(MODELS["slope"]["formula"], data("slope")).weights is None


# -- what needs no reference ----------------------------------------------------------------------


def test_larger_weights_for_all_change_the_residual_variance_alone():
    many = data("slope").assign(w=1e6 * data("slope")["w"])
    ours, same = fit("slope"), mixedlm(MODELS["slope"]["formula"], many, weights="w").fit()
    assert same.sigma == pytest.approx(1e3 * ours.sigma, rel=1e-6)
    assert same.llf == pytest.approx(ours.llf, abs=1e-7)
    np.testing.assert_allclose(same.fixed_effects, ours.fixed_effects, rtol=1e-5)
    np.testing.assert_allclose(
        same.variance_components.vcov[:-1], ours.variance_components.vcov[:-1], rtol=1e-5
    )


def test_weights_of_one_are_none():
    plain = mixedlm(MODELS["slope"]["formula"], data("slope")).fit()
    ones = mixedlm(MODELS["slope"]["formula"], data("slope"), weights=np.ones(len(data("slope"))))
    assert ones.fit().llf == pytest.approx(plain.llf, abs=1e-9)
    assert plain.design.weights is None and ones.design.weights is not None


def test_column_array_and_series_say_the_same():
    frame, formula = data("slope"), MODELS["slope"]["formula"]
    w = frame["w"]
    for weights in (w, w.to_numpy(), w.tolist(), w.sample(frac=1, random_state=1)):
        design = mixedlm(formula, frame, weights=weights).design
        np.testing.assert_array_equal(design.weights, w)
    subset = mixedlm(formula, frame, weights="w", subset=frame["standLRT"] > 0).design
    np.testing.assert_array_equal(subset.weights, w[frame["standLRT"] > 0])


def test_incomplete_rows_need_no_weight():
    frame = data("slope").copy()
    frame.loc[frame.index[:3], ["normexam", "w"]] = np.nan
    design = mixedlm(MODELS["slope"]["formula"], frame, weights="w").design
    np.testing.assert_array_equal(design.weights, data("slope")["w"].iloc[3:])
    assert design.missing == {"normexam": 3}


@pytest.mark.slow
def test_variance_of_simulated_responses():
    """Around the fixed part and the groups, each row's variance is sigma^2 over its weight."""
    ours = fit("slope")
    drawn = simulate_responses(ours, 4000, seed=1)
    Z = ours.design.groupings[0].Z
    groups = np.einsum("ni,ij,nj->n", Z, ours.estimates.covariances[0], Z)
    variance = drawn.var(axis=0, ddof=1) / (groups + ours.scale / ours.design.weights)
    assert variance.mean() == pytest.approx(1, abs=0.01)
    light = ours.design.weights == 1
    assert variance[light].mean() == pytest.approx(1, abs=0.015)
    assert variance[~light].mean() == pytest.approx(1, abs=0.01)


def test_bootstrap_and_refit_keep_the_weights():
    ours = fit("slope")
    run = bootstrap(ours, 40, seed=1, progress=False)
    spread = run.replicates["sigma"].std() / np.sqrt(40)
    assert abs(run.replicates["sigma"].mean() - ours.sigma) < 5 * spread
    again = ours.refit(ours.design.y)
    assert again.llf == pytest.approx(ours.llf, abs=1e-7)
    assert pickle.loads(pickle.dumps(ours)).sigma == ours.sigma


def test_prediction_intervals_of_new_rows():
    """The variance of a response is that of its mean, and sigma^2 over the weight: 1 where none is told."""
    ours, new = fit("slope"), data("slope").iloc[:5]
    mean = ours.predict(new, interval="confidence").std_error ** 2
    single = ours.predict(new, interval="prediction").std_error ** 2
    np.testing.assert_allclose(single - mean, ours.scale / new["w"])
    unweighted = ours.predict(new.drop(columns="w"), interval="prediction").std_error ** 2
    np.testing.assert_allclose(unweighted - mean, ours.scale)
    of_the_fit = ours.predict(interval="prediction").iloc[:5]
    np.testing.assert_allclose(of_the_fit.std_error**2, single)
    gap = new.assign(w=new["w"].where(new.index != new.index[2]))
    assert ours.predict(gap, interval="prediction").upper.isna().tolist() == [0, 0, 1, 0, 0]
    with pytest.raises(CourseError, match="negative"):
        ours.predict(new.assign(w=-1.0), interval="prediction")


def test_variance_of_predicted_means_in_closed_form():
    """By dense algebra: the variance of x'beta + z'b around its true value (Henderson 1975)."""
    ours = fit("slope")
    design, grouping = ours.design, ours.design.groupings[0]
    Z = np.zeros((design.n, 2 * grouping.n_levels))
    for j in range(2):
        Z[np.arange(design.n), 2 * grouping.codes + j] = grouping.Z[:, j]
    A, W = np.hstack([design.X, Z]), design.weights[:, None]
    C = A.T @ (W * A) / ours.scale
    C[2:, 2:] += np.kron(np.eye(grouping.n_levels), np.linalg.inv(ours.estimates.covariances[0]))
    errors = np.sqrt(np.einsum("ni,ij,nj->n", A, np.linalg.inv(C), A))
    np.testing.assert_allclose(ours.predict(interval="confidence").std_error, errors, rtol=1e-6)


def test_other_weights_are_another_model():
    frame, formula = data("offset"), "normexam ~ 1 + (1|school)"
    small = mixedlm(formula, frame).fit(reml=False)
    large = mixedlm("normexam ~ schavg + (1|school)", frame, weights="w").fit(reml=False)
    with pytest.raises(CourseError, match="other weights"):
        compare(small, large)


def test_one_row_per_level_beside_weights_is_still_refused():
    frame = data("slope").assign(row=np.arange(len(data("slope"))).astype(str))
    with pytest.raises(CourseError, match="one row per level"):
        mixedlm("normexam ~ 1 + (1|row)", frame, weights="w")


def test_words_tell_of_the_weights():
    ours = fit("slope")
    assert "Weights: w, 1 to 4; the residual is that of a row of weight 1" in str(ours.summary())
    assert "prior weights (w, 1 to 4)" in report(ours)
    assert "Weights" not in str(mixedlm("normexam ~ 1 + (1|school)", data("slope")).fit().summary())
    ratio = icc(ours).loc["school", "icc"]
    groups = ours.variance_components.vcov[0] + (
        2 * ours.variance_components.vcov[2] * data("slope")["standLRT"].mean()
        + ours.variance_components.vcov[1] * (data("slope")["standLRT"] ** 2).mean()
    )
    assert ratio == pytest.approx(groups / (groups + ours.scale), rel=1e-6)


def test_weights_far_from_one_are_told_of():
    formula, frame = MODELS["slope"]["formula"], data("slope")
    said = "no row has one near 1"
    assert not any(said in note for note in fit("slope").notes)
    for factor in (2, 0.1):
        scaled = mixedlm(formula, frame.assign(w=factor * frame["w"]), weights="w")
        assert any(said in note for note in scaled.translation.notes)


def test_residuals_that_are_judged_have_one_variance():
    """Rows of weight 1 scatter a hundred times as much as those of weight 10,000, as they should."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"g": np.repeat(np.arange(30), 20), "f": np.tile(["a", "b"], 300)})
    frame["w"] = np.where(frame["f"] == "a", 1.0, 1e4)
    noise = rng.normal(size=600) / np.sqrt(frame["w"])
    frame["y"] = rng.normal(size=30)[frame["g"]] + noise
    ours = mixedlm("y ~ f + (1|g)", frame, weights="w").fit()
    titles = [finding.title for finding in diagnose(ours).findings]
    assert not [title for title in titles if "spread" in title]
    unweighted = mixedlm("y ~ f + (1|g)", frame).fit()
    titles = [finding.title for finding in diagnose(unweighted).findings]
    assert [title for title in titles if "spread" in title]
    left, _ = plots.residuals(ours)
    assert "residual × √weight" in left.get_ylabel()


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values, message",
    [
        ([1, 0, 2], r"are 0 in 1 row\(s\), first at index 1: .* data\[data\['w'\] > 0\]"),
        ([1, 2, -2], r"are negative in 1 row\(s\), first at index 2"),
        ([1, np.nan, 2], r"are missing in 1 row\(s\).* data.dropna\(subset=\['w'\]\)"),
        ([1, np.inf, 2], "are infinite"),
        ([True, False, True], r"are True and False: .* subset=data\['w'\]"),
        (["1", "2", "3"], "are not numbers.*pd.to_numeric"),
        ([1 + 1j, 2, 3], "are not numbers"),
        ([None, None, None], "are missing in 3"),
        ([1, 1e90, 2], "of the size 1e[+]90"),
    ],
)
def test_weights_that_are_none_are_refused(values, message):
    with pytest.raises(CourseError, match=message):
        check_weights(pd.Series(values, name="w"))


def test_weights_of_any_kind_of_number():
    for values in (
        pd.Series([1, 2], dtype="Int64"),
        pd.Series([1.0, 2.0], dtype="Float64"),
        pd.Series([1, 2], dtype=object),
        pd.Series([1, 2], dtype="float32"),
    ):
        assert check_weights(values).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "weights, message",
    [
        ("ww", "no column 'ww'; did you mean 'w'"),
        ("1 / w", r"weights=data.eval\('1 / w'\)"),
        (2.0, "one number for each of the 812 rows"),
        ([1.0, 2.0], "one number for each of the 812 rows"),
    ],
)
def test_what_are_no_weights_is_refused(weights, message):
    with pytest.raises(CourseError, match=message):
        mixedlm(MODELS["slope"]["formula"], data("slope"), weights=weights)


def test_a_program_has_no_sampling_weights():
    with pytest.raises(CourseError, match="A dictionary has the sampling weights of a survey"):
        translate(MODELS["slope"]["formula"], data("slope"), weights={"school": "w"})
