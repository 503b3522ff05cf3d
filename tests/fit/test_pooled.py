"""Pooled fits against R's mice and mitml, and against Rubin's rules written out here."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from several import MORE, REFERENCE, SLOPE, imputed, of_r, plausible, pooled

import course
from course import CourseError, load, mixedlm, plots, pool
from course.fit.rubin import rubin

KINDS = ("plausible", "imputed")
CASES = [(kind, i) for kind in KINDS for i in (0, 1)]


@pytest.mark.parametrize(("kind", "i"), CASES)
def test_fixed_effects_are_those_of_mice(kind, i):
    fit = pooled(kind, (MORE, SLOPE)[i])
    table = fit.fixed_effects
    expected = of_r(REFERENCE[kind]["pooled"][i], table)
    np.testing.assert_allclose(table["estimate"], expected["estimate"], atol=1e-6)
    np.testing.assert_allclose(table["std_error"], expected["std_error"], rtol=1e-5)
    information = fit.missing_information
    np.testing.assert_allclose(information["df_complete"], expected["df_complete"], rtol=2e-4)
    np.testing.assert_allclose(table["df"], expected["df"], rtol=2e-4)


@pytest.mark.parametrize(("kind", "i"), CASES)
@pytest.mark.parametrize(("which", "complete"), [("mitml", np.inf), ("mitml_18", 18.0)])
def test_missing_information_is_that_of_mitml(kind, i, which, complete):
    fit = pooled(kind, (MORE, SLOPE)[i])
    fits = fit.fits
    theirs = of_r(REFERENCE[kind]["pooled"][i], fit.fixed_effects).filter(regex=f"^{which} ")
    theirs.columns = theirs.columns.str.removeprefix(f"{which} ")
    ours = rubin([fit.fe_params for fit in fits], [fit.bse_fe for fit in fits], complete)
    np.testing.assert_allclose(ours.riv, theirs["RIV"], rtol=1e-4)
    np.testing.assert_allclose(ours.df, theirs["df"], rtol=2e-4)
    np.testing.assert_allclose(ours.fmi, theirs["FMI"], rtol=1e-4)
    t = ours.estimates / ours.std_errors
    np.testing.assert_allclose(2 * stats.t.sf(abs(t), ours.df), theirs["P(>|t|)"], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_rubins_rules_are_as_the_books_have_them(kind):
    fit = pooled(kind, MORE)
    q = np.array([one.fe_params for one in fit.fits])
    u = np.array([one.bse_fe for one in fit.fits]) ** 2
    complete = np.array([one.fixed_effects["df"] for one in fit.fits]).mean(axis=0)
    m = len(q)
    b = ((q - q.mean(0)) ** 2).sum(0) / (m - 1)
    total = u.mean(0) + b + b / m
    share = (b + b / m) / total
    old = (m - 1) / share**2
    observed = (complete + 1) / (complete + 3) * complete * (1 - share)
    df = old * observed / (old + observed)
    riv = (b + b / m) / u.mean(0)
    table = fit.fixed_effects
    np.testing.assert_allclose(fit.fe_params, q.mean(0))
    np.testing.assert_allclose(fit.bse_fe, np.sqrt(total))
    np.testing.assert_allclose(fit.df, df)
    np.testing.assert_allclose(table["fmi"], (riv + 2 / (df + 3)) / (riv + 1))
    np.testing.assert_allclose(table["p_value"], 2 * stats.t.sf(abs(q.mean(0)) / total**0.5, df))
    np.testing.assert_allclose(table["upper"], q.mean(0) + stats.t.ppf(0.975, df) * total**0.5)
    np.testing.assert_allclose(np.diagonal(fit.cov_params()), total)
    found = fit.missing_information
    np.testing.assert_allclose(found["lambda"], share)
    np.testing.assert_allclose(found["total"], total)


def test_without_differences_between_fits_nothing_is_missing():
    fit = mixedlm("normexam ~ standLRT + (1|school)", plausible()).fit()
    same = pool([fit, fit, fit])
    np.testing.assert_allclose(same.bse_fe, fit.bse_fe)
    nu = fit.fixed_effects["df"]
    np.testing.assert_allclose(same.df, (nu + 1) / (nu + 3) * nu)
    assert (same.missing_information[["between", "riv", "lambda"]] == 0).all(axis=None)
    assert rubin(np.ones((4, 1)), np.ones((4, 1))).df[0] == np.inf


@pytest.mark.slow
def test_each_plausible_value_is_fitted_as_by_itself():
    """Both searches end where a slope of 1e-6 is left, and theta is known to as many of its errors."""
    data = plausible()
    for right in (MORE, SLOPE):
        for i, one in enumerate(pooled("plausible", right).fits, start=1):
            alone = mixedlm(f"PV{i} ~ {right}", data).fit()
            assert one.formula == alone.formula
            assert abs(one.llf - alone.llf) < 1e-8
            pd.testing.assert_frame_equal(
                one.fixed_effects, alone.fixed_effects, rtol=1e-6, atol=1e-6
            )
            pd.testing.assert_frame_equal(
                one.variance_components, alone.variance_components, rtol=1e-6, atol=1e-6
            )
            pd.testing.assert_series_equal(one.resid, alone.resid, rtol=1e-6, atol=1e-6)
            assert one.check().agree


def test_the_ml_fits_are_by_ml():
    fit = pooled("plausible", MORE, reml=False)
    alone = mixedlm(f"PV3 ~ {MORE}", plausible()).fit(reml=False)
    assert fit.method == "ML"
    assert abs(fit.fits[2].llf - alone.llf) < 1e-8


@pytest.mark.parametrize(("kind", "i"), CASES)
def test_variances_are_pooled_on_their_scales(kind, i):
    """From the SDs and correlations of R's fits."""
    sds = np.array(REFERENCE[kind]["pooled"][i]["sds"])
    fit = pooled(kind, (MORE, SLOPE)[i])
    geometric = np.exp(np.log(sds[:, [0, -1]]).mean(axis=0))
    table = fit.variance_components
    np.testing.assert_allclose(table["sdcor"].iloc[[0, -1]], geometric, rtol=1e-5)
    assert fit.sigma == pytest.approx(geometric[1], rel=1e-5)
    assert fit.scale == pytest.approx(geometric[1] ** 2, rel=1e-5)
    if i == 1:
        z = np.arctanh(sds[:, 2]).mean()
        slope = np.exp(np.log(sds[:, 1]).mean())
        assert table["sdcor"].iloc[2] == pytest.approx(np.tanh(z), rel=1e-4)
        covariance = np.tanh(z) * geometric[0] * slope
        assert table["vcov"].iloc[2] == pytest.approx(covariance, rel=1e-4)
    assert list(table.columns) == list(fit.fits[0].variance_components.columns)


def test_where_a_variance_is_0_matrices_are_averaged_and_a_note_says_so():
    data = load("exam").query("school.astype('int') <= 12").reset_index(drop=True)
    rng = np.random.default_rng(4)
    label = rng.integers(0, 12, len(data)).astype(str)  # groups that mean nothing
    data = data.assign(team=label, **{f"y{i}": rng.normal(size=len(data)) for i in range(1, 7)})
    fit = mixedlm("y* ~ 1 + (1|team)", data).fit()
    variances = [one.variance_components["vcov"][0] for one in fit.fits]
    assert min(variances) < 1e-6 < max(variances)
    assert fit.singular
    assert fit.variance_components["vcov"][0] == pytest.approx(np.mean(variances))
    singular = [f"y{i}" for i, one in enumerate(fit.fits, 1) if one.singular]
    said = " ".join(fit.notes)
    assert f"In {len(singular)} of 6 fits ({' and '.join(singular)})" in said or all(
        name in said for name in singular
    )
    assert "(Intercept | team) were averaged as they are" in said
    assert "(singular)" in str(fit.summary())
    assert "singular" in repr(fit)


def test_correlations_that_do_not_go_together_are_not_put_together():
    """Fisher's z of three correlations, each averaged for itself, may be those of no three effects."""
    from course.fit.pooled_variances import _on_their_scales

    def of(a, b, c):
        return np.array([[1, a, b], [a, 1, c], [b, c, 1.0]])

    good = np.array([of(0.5, 0.2, 0.1), of(0.6, 0.1, 0.3)])
    R = _on_their_scales(good)
    assert R[0, 1] == pytest.approx(np.tanh(np.mean(np.arctanh([0.5, 0.6]))))
    extreme = np.array([of(0.999999, 0.6, 0.6), of(-0.9, 0.89, -0.999), of(0.95, -0.1, -0.4)])
    mixed = np.tanh(np.arctanh(extreme - np.eye(3)).mean(axis=0)) + np.eye(3)
    assert np.linalg.eigvalsh(mixed)[0] < 0  # else this would not be a test
    assert _on_their_scales(extreme) is None


def test_random_effects_are_averages():
    fit = pooled("plausible", SLOPE)
    of_fits = [one.random_effects["school"] for one in fit.fits]
    mean = np.mean([frame.to_numpy() for frame in of_fits], axis=0)
    pd.testing.assert_frame_equal(
        fit.random_effects["school"],
        pd.DataFrame(mean, of_fits[0].index, of_fits[0].columns),
    )
    u = np.mean([one.random_effects_se["school"].to_numpy() ** 2 for one in fit.fits], axis=0)
    b = np.var([frame.to_numpy() for frame in of_fits], axis=0, ddof=1)
    np.testing.assert_allclose(fit.random_effects_se["school"], np.sqrt(u + 1.2 * b))


@pytest.mark.slow
def test_predictions_are_averages():
    fit = pooled("imputed", MORE)
    new = plausible().head(3)
    expected = np.mean([one.predict(new) for one in fit.fits], axis=0)
    np.testing.assert_allclose(fit.predict(new), expected)
    for interval in ("confidence", "prediction"):
        each = [one.predict(new, interval=interval) for one in fit.fits]
        table = fit.predict(new, interval=interval)
        u = np.mean([one["std_error"] ** 2 for one in each], axis=0)
        b = np.var([one["estimate"] for one in each], axis=0, ddof=1)
        nu = np.mean([one["df"] for one in each], axis=0)
        share = 1.2 * b / (u + 1.2 * b)
        df = 1 / (share**2 / 4 + (nu + 3) / (nu + 1) / nu / (1 - share))
        half = stats.t.ppf(0.975, df) * np.sqrt(u + 1.2 * b)
        np.testing.assert_allclose(table["lower"], expected - half)
        np.testing.assert_allclose(table["df"], df)
    gap = new.assign(standLRT=[0.5, np.nan, 1.0])
    assert fit.predict(gap, interval="confidence")["upper"].isna().to_list() == [0, 1, 0]
    np.testing.assert_allclose(
        fit.fittedvalues, np.mean([one.fittedvalues for one in fit.fits], axis=0)
    )


def test_what_it_says_of_itself():
    fit = pooled("plausible", MORE)
    assert repr(fit) == (
        "<PooledFit PV* ~ standLRT + schgend + sex + (1 | school), 5 fits, REML, 1,538 rows>"
    )
    text = str(fit.summary())
    assert "fitted by REML to each of 5 plausible values (PV1 to PV5)" in text
    assert "1,538 rows; levels: 20 school" in text
    assert "Barnard-Rubin" in text
    assert "fmi" in text
    assert "PV1 ~" not in text
    html = fit._repr_html_()
    assert "<code>PV* ~ standLRT + schgend + sex + (1 | school)</code>" in html
    assert html.count("<table>") == 2
    assert "5 data sets" in str(pooled("imputed", MORE).summary())
    assert fit.nobs == 1538
    assert fit.n_groups == {"school": 20}
    assert fit.converged
    assert not fit.singular


def test_what_has_no_pooled_value_says_what_there_is_instead():
    fit = pooled("plausible", MORE)
    for name in ("llf", "aic", "bic"):
        with pytest.raises(CourseError, match=r"compare\(small, large\)"):
            getattr(fit, name)
    with pytest.raises(CourseError, match=r"pooled\.fits\[0\]\.statsmodels"):
        _ = fit.statsmodels
    with pytest.raises(AttributeError, match="no attribute 'sigmaa'"):
        _ = fit.sigmaa
    assert not hasattr(fit, "_ipython_display_")
    assert copy.copy(fit).fits == fit.fits
    again = pickle.loads(pickle.dumps(fit))
    pd.testing.assert_frame_equal(again.fixed_effects, fit.fixed_effects)


@pytest.mark.parametrize(
    "function",
    [
        course.diagnose,
        course.profile,
        course.bootstrap,
        course.variance_explained,
        lambda fit: course.influence(fit, "school"),
        lambda fit: course.between_within(fit),
        lambda fit: plots.caterpillar(fit, "school"),
        plots.residuals,
    ],
)
def test_what_is_about_one_fit_refuses_a_pooled_one(function):
    with pytest.raises(CourseError, match=r"pooled\.fits"):
        function(pooled("plausible", MORE))


def test_a_predictor_with_plausible_values_is_pooled_as_its_message_says():
    with pytest.raises(
        CourseError, match=r"data\.assign\(pv=data\[name\]\)\)\.fit\(\) for name in"
    ):
        mixedlm("normexam ~ PV* + (1|school)", plausible())
    data = plausible()
    fits = [
        mixedlm("normexam ~ pv + (1|school)", data.assign(pv=data[name])).fit()
        for name in ["PV1", "PV2", "PV3"]
    ]
    expected = np.mean([fit.fe_params["pv"] for fit in fits])
    assert pool(fits).fe_params["pv"] == pytest.approx(expected)


def test_pictures_of_means_name_the_pattern():
    ax = plots.means(pooled("plausible", MORE), "schgend")
    assert ax.get_xlabel() == "adjusted mean of PV*, with 95 % interval"


# -- what cannot be pooled --------------------------------------------------------------------


def fits(formula="normexam ~ standLRT + (1|school)", **options):
    return [mixedlm(formula, data).fit(**options) for data in imputed()[:2]]


def test_one_fit_is_not_pooled():
    one = fits()[0]
    with pytest.raises(CourseError, match=r"several fits in a list: pool\(\[fit1"):
        pool(one)
    with pytest.raises(CourseError, match="one fit has nothing to be pooled"):
        pool([one])
    with pytest.raises(CourseError, match="no fit"):
        pool([])
    with pytest.raises(CourseError, match="not a float"):
        pool(1.5)
    with pytest.raises(CourseError, match="number 2 is a str"):
        pool([one, "fit"])
    model = mixedlm("normexam ~ standLRT + (1|school)", plausible())
    with pytest.raises(CourseError, match=r"number 2 is a MixedModel: call its \.fit\(\)"):
        pool([one, model])
    with pytest.raises(CourseError, match="number 1 is pooled already"):
        pool([pooled("plausible", MORE), one])


def test_fits_of_other_models_are_not_pooled():
    one, two = fits()
    other = fits("normexam ~ standLRT + sex + (1|school)")[1]
    with pytest.raises(CourseError, match="number 2 of normexam ~ standLRT \\+ sex"):
        pool([one, other])
    with pytest.raises(CourseError, match=r"number 3 by ML: fit all by the same"):
        pool([one, two, fits(reml=False)[1]])
    other = [
        mixedlm(f"{name} ~ standLRT + (1|school)", plausible()).fit()
        for name in ("PV1", "normexam")
    ]
    with pytest.raises(CourseError, match="whose names differ in a number"):
        pool(other)
    with pytest.raises(
        CourseError, match="different models"
    ):  # of one plausible value twice, and another
        pool([other[0], other[0], mixedlm("PV2 ~ standLRT + (1|school)", plausible()).fit()])
    weighted = plausible().assign(w=2.0)
    with pytest.raises(CourseError, match="different weights"):
        pool([one, mixedlm("normexam ~ standLRT + (1|school)", weighted, weights="w").fit()])


def test_plausible_values_that_were_fitted_one_by_one_are_pooled_as_such():
    right = "standLRT + schgend + sex + (1|school)"
    ones = [mixedlm(f"PV{i} ~ {right}", plausible()).fit() for i in range(1, 6)]
    fit, at_once = pool(ones), pooled("plausible", MORE)
    assert repr(fit) == repr(at_once)
    pd.testing.assert_frame_equal(fit.fixed_effects, at_once.fixed_effects)
    logs = [mixedlm(f"log(PV{i} + 9) ~ {right}", plausible()).fit() for i in (3, 1)]
    assert pool(logs).formula.startswith("np.log(PV* + 9) ~")
    assert "2 plausible values (PV1 and PV3, without the number 2)" in str(pool(logs).summary())


def test_weights_count_in_every_fit():
    data = plausible().assign(w=1 + plausible()["standLRT"].abs())
    fit = mixedlm(f"PV* ~ {MORE}", data, weights="w").fit()
    alone = mixedlm(f"PV4 ~ {MORE}", data, weights="w").fit()
    assert fit.fits[3].llf == pytest.approx(alone.llf, abs=1e-8)
    np.testing.assert_allclose(fit.fits[3].fe_params, alone.fe_params, rtol=1e-6)


def test_fits_of_other_rows_are_not_pooled():
    one, _ = fits()
    gap = plausible().assign(standLRT=lambda d: d["standLRT"].where(d.index != 3))
    less = mixedlm("normexam ~ standLRT + (1|school)", gap).fit()
    with pytest.raises(CourseError, match=r"1,538 rows and number 2 has 1,537 \(standLRT lack"):
        pool([one, less])
    gaps = plausible().assign(
        PV1=lambda d: d["PV1"].where(d.index != 3), PV2=lambda d: d["PV2"].where(d.index != 8)
    )
    ones = [mixedlm(f"PV{i} ~ standLRT + (1|school)", gaps).fit() for i in (1, 2)]
    with pytest.raises(CourseError, match=r"different rows.*dropna\(subset=\['PV1', 'PV2'\]\)"):
        pool(ones)
    renamed = plausible().assign(school=lambda d: d["school"].astype(str) + "!")
    with pytest.raises(CourseError, match="the groups of school are not the same"):
        pool([one, mixedlm("normexam ~ standLRT + (1|school)", renamed).fit()])
    relabelled = plausible().assign(sex=lambda d: d["sex"].astype(str).replace("F", "A"))
    formula = "normexam ~ sex + (1|school)"
    with pytest.raises(CourseError, match=r"not in both: sex\[T.F\] and sex\[T.M\]|sex\["):
        pool(
            [
                mixedlm(formula, plausible()).fit(),
                mixedlm(formula, relabelled.assign(sex=relabelled["sex"].replace("M", "B"))).fit(),
            ]
        )


# -- simulation -------------------------------------------------------------------------------


def covered(n: int, seed: int, m: int = 5) -> float:
    """How often 95 % intervals of a slope hold the truth 1, where responses are known with error.

    Plausible values are drawn from what the measurements and x tell of y, with coefficients drawn from
    what they tell of these: with the true ones in their place the intervals would be too long (Meng 1994,
    doi 10.1214/ss/1177010269).
    """
    rng = np.random.default_rng(seed)
    groups, size = 15, 10
    school = np.repeat(np.arange(groups), size)
    rows = groups * size
    V = 0.36 * (school[:, None] == school) + np.eye(rows)
    W = np.linalg.inv(
        V + np.eye(rows)
    )  # of the measurements, whose error is as large as pupils differ
    gain = V @ W
    root = np.linalg.cholesky(V - gain @ V + 1e-9 * np.eye(rows))
    inside = 0
    for _ in range(n):
        x = rng.normal(size=groups)[school]
        y = x + rng.normal(0, 0.6, groups)[school] + rng.normal(size=rows)
        measured = y + rng.normal(size=rows)
        X = np.column_stack([np.ones(rows), x])
        C = np.linalg.inv(X.T @ W @ X)
        draws = {}
        for i in range(m):
            beta = rng.multivariate_normal(C @ X.T @ W @ measured, C)
            mean = X @ beta + gain @ (measured - X @ beta)
            draws[f"pv{i}"] = mean + root @ rng.normal(size=rows)
        data = pd.DataFrame({"x": x, "school": school} | draws)
        row = mixedlm("pv* ~ x + (1|school)", data).fit().fixed_effects.loc["x"]
        inside += row["lower"] <= 1 <= row["upper"]
    return inside / n


@pytest.mark.long
def test_intervals_hold_the_truth_as_often_as_they_say():
    assert abs(covered(600, seed=12) - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 600)


def test_intervals_of_means_hold_the_truth_as_often_as_they_say():
    """Means of 20 numbers, 8 of which are imputed from what the others tell (Rubin 1987, section 4.4)."""
    rng = np.random.default_rng(5)
    studies, n, seen, m = 4000, 20, 12, 5
    y = rng.normal(size=(studies, seen))
    rest = n - seen
    sigma2 = y.var(axis=1, ddof=1) * (seen - 1) / rng.chisquare(seen - 1, (m, studies))
    mean = y.mean(axis=1) + rng.normal(size=(m, studies)) * np.sqrt(sigma2 / seen)
    drawn = mean[..., None] + rng.normal(size=(m, studies, rest)) * np.sqrt(sigma2)[..., None]
    full = np.concatenate([np.broadcast_to(y, (m, *y.shape)), drawn], axis=2)
    found = rubin(full.mean(axis=2), full.std(axis=2, ddof=1) / np.sqrt(n), n - 1.0)
    inside = abs(found.estimates) <= stats.t.ppf(0.975, found.df) * found.std_errors
    assert abs(inside.mean() - 0.95) < 3 * np.sqrt(0.95 * 0.05 / studies)
