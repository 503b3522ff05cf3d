"""What pooled fits mean: each estimate by Rubin's rules, from the tables of the separate fits."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats
from several import MORE, SLOPE, imputed, plausible, pooled

from course import (
    CourseError,
    confint,
    contrasts,
    fixed_effects_table,
    icc,
    means,
    mixedlm,
    parameters,
    pool,
    r2,
    report,
    side_by_side,
    slopes,
    translate,
    variance_shares,
)

KINDS = ("plausible", "imputed")


def by_hand(tables: list[pd.DataFrame], df: str = "df") -> pd.DataFrame:
    """Rubin's rules with the degrees of freedom of Barnard and Rubin, column by column."""
    m = len(tables)
    q = np.array([table["estimate"] for table in tables])
    u = np.array([table["std_error"] for table in tables]) ** 2
    complete = np.mean([table[df] for table in tables], axis=0)
    total = u.mean(0) + (1 + 1 / m) * q.var(0, ddof=1)
    share = 1 - u.mean(0) / total
    observed = (complete + 1) / (complete + 3) * complete * (1 - share)
    nu = 1 / (share**2 / (m - 1) + 1 / observed)
    half = stats.t.ppf(0.975, nu) * np.sqrt(total)
    return pd.DataFrame(
        {
            "estimate": q.mean(0),
            "std_error": np.sqrt(total),
            "df": nu,
            "lower": q.mean(0) - half,
            "upper": q.mean(0) + half,
        },
        index=tables[0].index,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "function",
    [
        lambda fit: means(fit, "schgend", at={"standLRT": 0.5}),
        lambda fit: means(fit, "sex", by="schgend", at={"standLRT": 0}, weights="observed"),
        lambda fit: contrasts(fit, "schgend", adjust="none"),
        lambda fit: contrasts(fit, "sex", by="schgend", adjust="none", df="kenward-roger"),
        lambda fit: slopes(fit, "standLRT"),
        lambda fit: fixed_effects_table(fit),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_linear_functions_are_pooled_one_by_one(kind, function):
    fit = pooled(kind, MORE)
    expected = by_hand([function(one) for one in fit.fits])
    pd.testing.assert_frame_equal(function(fit)[expected.columns], expected)


@pytest.mark.slow
def test_tukeys_quantiles_have_the_pooled_degrees_of_freedom():
    table = contrasts(pooled("plausible", MORE), "schgend", adjust="tukey")
    plain = contrasts(pooled("plausible", MORE), "schgend", adjust="none")
    p = stats.studentized_range.sf(np.sqrt(2) * plain["t"].abs(), 3, plain["df"])
    np.testing.assert_allclose(table["p_value"], p, rtol=1e-6)


def test_numbers_stand_at_their_mean_over_all_data_sets():
    fit = pooled("imputed", MORE)
    mean = np.mean([data["standLRT"].mean() for data in imputed()])
    pd.testing.assert_frame_equal(
        means(fit, "schgend"), means(fit, "schgend", at={"standLRT": mean})
    )
    own = [data["standLRT"].mean() for data in imputed()]
    assert np.ptp(own) > 1e-3  # else this would not be a test


@pytest.mark.slow
def test_functions_that_remember_the_data_mean_the_same_in_each_data_set():
    """center(x) is another column in each; what is asked at standLRT = 1 is not."""
    centred = pool(
        [mixedlm("normexam ~ center(standLRT) + (1|school)", data).fit() for data in imputed()]
    )
    plain = pooled("imputed", "standLRT + (1|school)")
    ours = means(centred, "standLRT", at={"standLRT": [1.0]})
    theirs = means(plain, "standLRT", at={"standLRT": [1.0]})
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-5)


def test_shares_are_those_of_the_pooled_variances():
    fit = pooled("plausible", SLOPE)
    x = plausible()["standLRT"]
    table = fit.variance_components
    intercept, slope, covariance, residual = table["vcov"]
    school = intercept + slope * (x**2).mean() + 2 * covariance * x.mean()
    shares = variance_shares(fit)
    assert shares.loc["school", "variance"] == pytest.approx(school)
    assert shares.loc["school", "share"] == pytest.approx(school / (school + residual))
    assert icc(fit)["icc"].iloc[0] == pytest.approx(school / (school + residual))
    assert f"{100 * school / (school + residual):.1f}%" in str(fit.summary())
    at = icc(fit, at={"standLRT": [2]})["icc"].iloc[0]
    school = intercept + 4 * slope + 4 * covariance
    assert at == pytest.approx(school / (school + residual))


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_of_the_icc_are_pooled_on_the_logit_scale(kind):
    fit = pooled(kind, MORE)
    each = pd.concat([icc(one) for one in fit.fits])
    logits = special.logit(each["icc"].to_numpy())
    errors = (special.logit(each["icc_upper"]) - logits) / stats.norm.ppf(0.975)
    extra = 1.2 * logits.var(ddof=1)
    total = (errors**2).mean() + extra
    df = 4 / (extra / total) ** 2
    half = stats.t.ppf(0.975, df) * np.sqrt(total)
    row = icc(fit).iloc[0]
    at = special.logit(row["icc"])
    np.testing.assert_allclose(
        row[["icc_lower", "icc_upper"]], special.expit([at - half, at + half]), rtol=1e-6
    )
    with pytest.raises(CourseError, match="interval='delta'"):
        icc(fit, interval="bootstrap")


def test_r2_is_averaged_as_z_of_its_root():
    fit = pooled("plausible", MORE)
    each = np.array([r2(one) for one in fit.fits])
    expected = np.tanh(np.arctanh(np.sqrt(each)).mean(axis=0)) ** 2
    np.testing.assert_allclose(r2(fit), expected)
    assert list(r2(fit).index) == ["marginal", "conditional"]


@pytest.mark.slow
def test_intervals_of_variances_are_pooled_on_their_scales():
    fit = pooled("plausible", SLOPE)
    table = confint(fit, method="wald")
    each = [confint(one, method="wald") for one in fit.fits]
    z = stats.norm.ppf(0.975)
    for name, scale, back in (
        ("sd(standLRT | school)", np.log, np.exp),
        ("cor(Intercept, standLRT | school)", np.arctanh, np.tanh),
        ("sigma", np.log, np.exp),
    ):
        rows = pd.DataFrame([one.loc[name] for one in each])
        at = scale(rows["estimate"].astype(float))
        errors = (scale(rows["upper"].astype(float)) - at) / z
        extra = 1.2 * at.var(ddof=1)
        total = (errors**2).mean() + extra
        half = stats.t.ppf(0.975, 4 / (extra / total) ** 2) * np.sqrt(total)
        expected = back([at.mean(), at.mean() - half, at.mean() + half])
        np.testing.assert_allclose(
            table.loc[name, ["estimate", "lower", "upper"]].astype(float), expected, rtol=1e-6
        )
    fixed = fit.fixed_effects
    pd.testing.assert_frame_equal(
        table.loc[fixed.index, ["estimate", "lower", "upper"]].astype(float),
        fixed[["estimate", "lower", "upper"]],
    )
    pd.testing.assert_series_equal(parameters(fit), table["estimate"], check_names=False)
    pd.testing.assert_frame_equal(confint(fit), table)
    with pytest.raises(CourseError, match="method='wald', which pools"):
        confint(fit, "profile")


def test_pooled_fits_stand_side_by_side():
    fits = [pooled("plausible", right) for right in (MORE, SLOPE)]
    table = side_by_side(*fits, fits[0].fits[0], names=["more", "slope", "PV1 alone"])
    assert table.loc[("fit", "fits pooled")].to_list() == ["5", "5", ""]
    assert table.loc[("fit", "AIC")].to_list()[:2] == ["", ""]
    numeric = side_by_side(*fits, names=["more", "slope"], numeric=True)
    error = numeric.loc[("fixed effects", "standLRT"), ("slope", "std_error")]
    assert error == pytest.approx(fits[1].bse_fe["standLRT"])
    sd = numeric.loc[("random effects", "sd(standLRT | school)"), ("slope", "estimate")]
    assert sd == pytest.approx(fits[1].variance_components["sdcor"][1])


@pytest.mark.slow
def test_the_report_says_what_was_pooled():
    fit = pooled("plausible", MORE)
    text = report(fit)
    assert text.startswith("A linear mixed model of PV* with fixed effects of")
    assert (
        "It was fitted to each of 5 plausible values (PV1 to PV5), and the fits were pooled" in text
    )
    assert f"at most {fit.fixed_effects['fmi'].max():.2f}" in text
    assert "Fixed effects (Barnard-Rubin degrees of freedom)" in text
    row = fit.fixed_effects.loc["standLRT"]
    assert f"t({row['df']:.1f}) = {row['t']:.2f}" in text
    assert f"{icc(fit)['icc'].iloc[0]:.2f} for the same school" in text
    nothing_fixed = report(pooled("plausible", "0 + (1|school)"))
    assert "The mean of PV* was taken to be 0." in nothing_fixed
    assert "fraction of missing information" not in nothing_fixed
    assert "of normexam" in report(pooled("imputed", MORE))
    assert "each of 5 data sets" in report(pooled("imputed", MORE))


def test_the_translation_is_there_before_and_after():
    model = mixedlm("PV* ~ standLRT + (1|school)", plausible())
    assert model.translation.code == translate("PV* ~ standLRT + (1|school)", plausible()).code
