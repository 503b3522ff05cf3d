"""Tests of pooled fits: D1 and D3 against mitml, and against formulas and likelihoods written out."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from several import MORE, REFERENCE, SLOPE, imputed, plausible, pooled

from course import CourseError, PooledFit, anova, compare, fixed_effects_table, mixedlm, wald
from course.inference.pooled_comparison import meng_rubin
from course.inference.pooled_wald import denominator_df, pooled_test
from course.solver.estimates import ml_deviance

KINDS = ("plausible", "imputed")
BASE, ONE = "standLRT + (1|school)", "standLRT + sex + (1|school)"
NULL = "schgend[T.girls] = 0, schgend[T.mixed] = 0, sex[T.M] = 0"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", range(3))
def test_the_likelihood_ratio_is_that_of_mitml(kind, which):
    expected = REFERENCE[kind]["D3"][which]["test"]
    small, large = pooled(kind, BASE), pooled(kind, (MORE, ONE, SLOPE)[which])
    row = compare(large, small).iloc[1]
    assert row["df"] == expected["df1"]
    assert row["F"] == pytest.approx(expected["F.value"], rel=1e-3, abs=1e-4)
    assert row["riv"] == pytest.approx(expected["RIV"], rel=1e-3, abs=1e-5)
    assert row["p_value"] == pytest.approx(expected["P(>F)"], rel=1e-3, abs=1e-6)
    if expected["RIV"] > 1e-3:  # the df go to infinity as riv goes to 0
        assert row["den_df"] == pytest.approx(expected["df2"], rel=2e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_the_wald_test_is_that_of_mitml(kind):
    large = pooled(kind, MORE)
    expected = REFERENCE[kind]["D1"]["test"]
    row = wald(large, NULL, df="normal").iloc[0]
    assert row["num_df"] == expected["df1"] == 3
    assert row["F"] == pytest.approx(expected["F.value"], rel=1e-4)
    assert row["den_df"] == pytest.approx(expected["df2"], rel=5e-4)
    assert row["riv"] == pytest.approx(expected["RIV"], rel=2e-4)
    assert row["p_value"] == pytest.approx(expected["P(>F)"], rel=1e-3)
    with_30 = REFERENCE[kind]["D1_30"]
    df = denominator_df(row["riv"], 3, 5, with_30["df_complete"])
    assert df == pytest.approx(with_30["test"]["df2"], rel=5e-4)


def normal_deviance(fit, beta, covariances, sigma2) -> float:
    """-2 log-likelihood, from the density of all responses together."""
    design = fit.design
    V = sigma2 * np.eye(design.n)
    for grouping, S in zip(design.groupings, covariances, strict=True):
        Z = grouping.Z
        V += (grouping.codes[:, None] == grouping.codes) * (Z @ S @ Z.T)
    return -2 * stats.multivariate_normal.logpdf(design.y, design.X @ beta, V)


@pytest.mark.slow
def test_the_likelihood_at_any_parameters():
    """With a covariance matrix of any rank, and effects that are independent of each other."""
    data = plausible().iloc[:260]
    cases = {
        "normexam ~ standLRT + (standLRT|school)": [[[0.3, 0.1], [0.1, 0.2]]],
        "normexam ~ standLRT + sex + (standLRT||school)": [[[0.3, 0.0], [0.0, 0.3]]],
        "normexam ~ 0 + standLRT + (1|school) + (1|vr)": [[[0.5]], [[0.0]]],
    }
    for formula, covariances in cases.items():
        fit = mixedlm(formula, data).fit()
        beta = np.arange(1.0, 1 + len(fit.fe_params)) / 3
        arrays = [np.array(S) for S in covariances]
        ours = ml_deviance(fit.model.problem, beta, arrays, 0.6)
        assert ours == pytest.approx(normal_deviance(fit, beta, arrays, 0.6), abs=1e-6)
    singular = [np.array([[0.04, 0.02], [0.02, 0.01]])]
    weighted = data.assign(w=1 + data["standLRT"].abs())
    fit = mixedlm("normexam ~ standLRT + (1|school)", weighted, weights="w").fit(reml=False)
    best = fit.estimates
    ours = ml_deviance(fit.model.problem, best.beta, best.covariances, best.sigma2)
    assert ours == pytest.approx(-2 * fit.llf, abs=1e-6)
    fit = mixedlm("normexam ~ standLRT + (standLRT|school)", data).fit()
    ours = ml_deviance(fit.model.problem, fit.estimates.beta, singular, 0.6)
    assert ours == pytest.approx(normal_deviance(fit, fit.estimates.beta, singular, 0.6), abs=1e-6)


@pytest.mark.slow
def test_d3_from_separate_fits():
    """As Meng and Rubin (1992) have it, from ML fits one by one and densities of all responses."""
    data = plausible().iloc[:260]
    rights = ("standLRT + (1|school)", "standLRT + sex + I(standLRT**2) + (1|school)")
    own, common = [], []
    for right in rights:
        ones = [mixedlm(f"PV{i} ~ {right}", data).fit(reml=False) for i in range(1, 6)]
        own.append(np.array([-2 * one.llf for one in ones]))
        beta = np.mean([one.fe_params for one in ones], axis=0)
        tau2 = np.mean([one.variance_components["vcov"].iloc[0] for one in ones])
        sigma2 = np.mean([one.scale for one in ones])
        common.append(
            np.array([normal_deviance(one, beta, [np.array([[tau2]])], sigma2) for one in ones])
        )
    d = (own[0] - own[1]).mean()
    d_common = (common[0] - common[1]).mean()
    k, m = 2, 5
    r = (m + 1) * (d - d_common) / (k * (m - 1))
    F = d_common / (k * (1 + r))
    t = k * (m - 1)
    nu = 4 + (t - 4) * (1 + (1 - 2 / t) / r) ** 2
    fits = [mixedlm(f"PV* ~ {right}", data).fit() for right in rights]
    table = compare(*fits)
    row = table.iloc[1]
    assert row["df"] == k
    assert row["riv"] == pytest.approx(r, rel=1e-4)
    assert row["F"] == pytest.approx(F, rel=1e-5)
    assert row["den_df"] == pytest.approx(nu, rel=1e-4)
    assert row["p_value"] == pytest.approx(stats.f.sf(F, k, nu), rel=1e-4)
    assert row["reference"] == f"F(2, {nu:.1f})"
    assert list(table["likelihood"]) == ["ML, refitted"] * 2
    assert list(table["n_params"]) == [4, 6]
    assert list(table.index) == [fit.formula for fit in fits]


def test_with_few_parameters_and_fits_the_reference_is_the_other_one():
    found = meng_rubin(own=5.0, at_means=4.0, k=2, m=3)
    r = 4 / (2 * 2) * 1.0
    assert found["riv"] == pytest.approx(r)
    assert found["den_df"] == pytest.approx(4 * 1.5 * (1 + 1 / r) ** 2 / 2)
    nothing = meng_rubin(own=4.0, at_means=4.5, k=2, m=3)  # r would be negative
    assert nothing["riv"] == 0
    assert nothing["den_df"] == np.inf
    assert nothing["p_value"] == pytest.approx(stats.chi2.sf(4.5, 2))
    assert meng_rubin(own=1.0, at_means=-0.5, k=1, m=5)["p_value"] == 1


def test_notes_say_what_f_does_not_allow_for():
    notes = " ".join(compare(pooled("plausible", BASE), pooled("plausible", SLOPE)).attrs["notes"])
    assert "upper bound" in notes
    assert "Meng and Rubin (1992)" in notes
    notes = " ".join(compare(pooled("plausible", BASE), pooled("plausible", ONE)).attrs["notes"])
    assert "upper bound" not in notes
    few = plausible()[plausible()["school"].astype(int) <= 9]
    fits = [mixedlm(f"PV* ~ {right}", few).fit() for right in (BASE, ONE)]
    assert "Only 9 levels of school" in " ".join(compare(*fits).attrs["notes"])


def test_what_cannot_be_compared():
    fit = pooled("plausible", BASE)
    with pytest.raises(CourseError, match="same plausible values or data sets"):
        compare(fit, fit.fits[0])
    with pytest.raises(CourseError, match="no bootstrap: leave bootstrap= out"):
        compare(fit, pooled("plausible", ONE), bootstrap=100)
    with pytest.raises(CourseError, match="from 5 fits and .* from 3"):
        compare(fit, PooledFit(pooled("plausible", ONE).fits[:3]))
    with pytest.raises(CourseError, match="not nested"):
        compare(fit, mixedlm("PV* ~ sex + vr + (1|school)", plausible()).fit())
    with pytest.raises(CourseError, match="responses differ"):
        compare(fit, pooled("imputed", ONE))


# -- D1 ---------------------------------------------------------------------------------------


def test_d1_from_separate_fits():
    fits = pooled("plausible", MORE).fits
    rows = [f"schgend[T.{label}]" for label in ("girls", "mixed")]
    q = np.array([fit.fe_params[rows] for fit in fits])
    U = np.mean([fit.cov_params().loc[rows, rows] for fit in fits], axis=0)
    B = np.cov(q.T)
    Q, m, k = q.mean(axis=0), 5, 2
    r = (1 + 1 / m) * np.trace(B @ np.linalg.inv(U)) / k
    F = Q @ np.linalg.inv(U) @ Q / (k * (1 + r))
    complete = np.mean([anova(fit).loc["schgend", "den_df"] for fit in fits])
    found = anova(pooled("plausible", MORE)).loc["schgend"]
    assert found["F"] == pytest.approx(F)
    assert found["riv"] == pytest.approx(r)
    assert found["num_df"] == 2
    # Reiter (2007), term by term
    t = k * (m - 1)
    a = r * t / (t - 2)
    v = (complete + 1) / (complete + 3) * complete
    x, y = v - 2 * (1 + a), v - 4 * (1 + a)
    z = 1 / y + (
        a**2 * x / ((1 + a) ** 2 * y)
        + 8 * a**2 * x / ((1 + a) * y**2)
        + 4 * a**2 / ((1 + a) * y)
        + 4 * a**2 / (y * x)
        + 16 * a**2 * x / y**3
        + 8 * a**2 / y**2
    ) / (t - 4)
    assert found["den_df"] == pytest.approx(4 + 1 / z)
    assert found["p_value"] == pytest.approx(stats.f.sf(F, k, 4 + 1 / z))


@pytest.mark.parametrize("df", ["satterthwaite", "normal"])
def test_d1_of_one_coefficient_is_the_square_of_t(df):
    fit = pooled("plausible", MORE)
    row = wald(fit, "sex[T.M] = -0.1", df=df).iloc[0]
    table = fixed_effects_table(fit, df=df).loc["sex[T.M]"]
    assert row["F"] == pytest.approx(((table["estimate"] + 0.1) / table["std_error"]) ** 2)
    assert row["den_df"] == pytest.approx(table["df"])
    assert row["riv"] == pytest.approx(fit.missing_information.loc["sex[T.M]", "riv"])


def test_d1_is_the_same_in_other_units():
    fits = pooled("plausible", MORE).fits
    L = np.eye(5)[[1, 4]] * [[1e6], [1e-6]]
    q = np.array([L @ fit.estimates.beta for fit in fits])
    U = np.array([L @ fit.estimates.cov_beta @ L.T for fit in fits])
    one = pooled_test(q, U, np.full(5, np.inf))
    scale = np.array([1e-6, 1e6])
    other = pooled_test(q * scale, U * np.outer(scale, scale), np.full(5, np.inf))
    assert one.F == pytest.approx(other.F)
    assert one.riv == pytest.approx(other.riv)


def test_degrees_of_freedom_where_reiters_cannot_be_had():
    """As Barnard and Rubin put two together; never more than either."""
    for m, complete in ((2, 20.0), (5, 4.0)):
        large = denominator_df(0.5, 2, m)
        found = denominator_df(0.5, 2, m, complete)
        observed = (complete + 1) / (complete + 3) * complete / 1.5
        assert found == pytest.approx(large * observed / (large + observed))
    assert denominator_df(0.3, 2, 5, 1e7) == pytest.approx(denominator_df(0.3, 2, 5), rel=1e-4)


@pytest.mark.slow
def test_kenward_roger_has_no_pooled_f_but_pooled_t_tests():
    fit = pooled("plausible", MORE)
    with pytest.raises(CourseError, match='df="satterthwaite" has'):
        anova(fit, df="kenward-roger")
    table = fixed_effects_table(fit, df="kenward-roger")
    each = [fixed_effects_table(one, df="kenward-roger") for one in fit.fits]
    u = np.mean([one["std_error"] ** 2 for one in each], axis=0)
    b = np.var([one["estimate"] for one in each], axis=0, ddof=1)
    np.testing.assert_allclose(table["std_error"], np.sqrt(u + 1.2 * b))
    robust = fixed_effects_table(fit, robust="school")
    each = [fixed_effects_table(one, robust="school") for one in fit.fits]
    u = np.mean([one["std_error"] ** 2 for one in each], axis=0)
    np.testing.assert_allclose(robust["std_error"], np.sqrt(u + 1.2 * b))


def test_anova_of_imputed_data_tests_every_term():
    table = anova(pooled("imputed", MORE))
    assert list(table.index) == list(anova(pooled("imputed", MORE).fits[0]).index)
    assert isinstance(table, pd.DataFrame)
    t = pooled("imputed", MORE).fixed_effects.loc["standLRT", "t"]
    assert table.loc["standLRT", "F"] == pytest.approx(t**2)
    assert len(imputed()) == 5
