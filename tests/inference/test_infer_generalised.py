"""Tests, profiles, bootstrap and likelihood ratios of generalised fits."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from budget import replicates
from generalised_fits import ROOT, by_rows, counts, fit, passed, sloped, table
from scipy import stats

from course import (
    CourseError,
    bootstrap,
    compare,
    confint,
    icc,
    mixedglm,
    mixedlm,
    parameters,
    power,
    profile,
    recovery,
    simulate_responses,
    simulate_schools,
)
from course.fit.generalised import MixedGLM
from course.inference.wald_intervals import wald_errors

ONE = "passed ~ age + (1|school)"


def test_parameters_have_no_sigma():
    assert list(parameters(passed()).index)[-2:] == [
        "sd(Intercept | school)",
        "sd(Intercept | classroom)",
    ]


# -- intervals ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_profile_intervals_are_those_of_lme4():
    models = json.loads((ROOT / "tests/reference/answers.json").read_text())["models"]
    (theirs,) = (model["intervals"] for model in models if model["id"] == "nested")
    names = {
        "(Intercept)": "Intercept",
        "age": "age",
        "sexmale": "sex[T.male]",
        "sd_(Intercept)|school": "sd(Intercept | school)",
        "sd_(Intercept)|classroom": "sd(Intercept | classroom)",
    }
    table = confint(passed()).loc[[names[name] for name in theirs["names"]]]
    for end in ("lower", "upper"):
        expected = np.array([np.nan if v is None else v for v in theirs[end]], dtype=float)
        # lme4 has no end where an SD may be 0
        known = np.isfinite(expected)
        np.testing.assert_allclose(table[end][known], expected[known], rtol=5e-3, atol=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize("made", [sloped, counts])
def test_a_profile_of_a_fixed_effect_is_the_deviance_with_that_effect_in_the_offset(made):
    found = made()
    name = "age10" if made is counts else "standLRT"
    curve = profile(found, name, level=0.8).points[name]
    for value, zeta in curve.iloc[[0, -1]].itertuples(index=False):
        design = found.design
        j = list(design.fixed_names).index(name)
        held = design.offset + value * design.X[:, j]
        smaller = replace(
            design,
            offset=held,
            X=np.delete(design.X, j, axis=1),
            fixed_names=tuple(np.delete(design.fixed_names, j)),
        )
        deviance = MixedGLM(smaller, found.family).fit().estimates.deviance
        assert deviance - found.estimates.deviance == pytest.approx(zeta**2, abs=2e-3)


@pytest.mark.slow
def test_a_profile_of_an_sd_reaches_0_where_it_must():
    found = passed()
    curve = profile(found, "sd(Intercept | classroom)", level=0.99).points[
        "sd(Intercept | classroom)"
    ]
    without = fit("passed ~ age + sex + (1|school)", "passed")
    rise = without.estimates.deviance - found.estimates.deviance
    at_zero = curve[curve["value"] == 0]["zeta"]
    assert len(at_zero) == 1
    assert at_zero.iloc[0] ** 2 == pytest.approx(rise, abs=1e-3)


@pytest.mark.slow
def test_a_profile_of_a_correlation_passes_through_0_as_the_model_without_it():
    found = sloped()
    name = "cor(Intercept, standLRT | school)"
    curve = profile(found, name, level=0.95).points[name]  # which 0 lies in
    assert curve["value"].min() < 0
    without = mixedglm("above ~ standLRT * schgend + (standLRT||school)", table("exam")).fit()
    rise = without.estimates.deviance - found.estimates.deviance
    zeta = np.interp(0, curve["value"], curve["zeta"])
    assert zeta**2 == pytest.approx(rise, rel=0.02)


@pytest.mark.slow
def test_profiles_by_quadrature_are_those_of_its_own_likelihood():
    found = fit(ONE, "passed", nagq=7)
    low = confint(found, parameters="age")
    wald = confint(found, "wald", parameters="age")
    np.testing.assert_allclose(low[["lower", "upper"]], wald[["lower", "upper"]], atol=0.05)
    curve = profile(found, "sd(Intercept | school)", level=0.5)
    assert curve.estimates["sd(Intercept | school)"] == pytest.approx(
        parameters(found)["sd(Intercept | school)"]
    )


@pytest.mark.slow
def test_wald_errors_are_the_curvature_of_the_profile():
    """Near the estimate zeta is (value - estimate) / std. error."""
    found = sloped()
    errors = dict(zip(parameters(found).index, wald_errors(found), strict=True))
    for name in ("standLRT", "sd(standLRT | school)", "cor(Intercept, standLRT | school)"):
        curve = profile(found, name, level=0.3).points[name]
        slope = np.gradient(curve["zeta"], curve["value"])[len(curve) // 2]
        assert 1 / slope == pytest.approx(errors[name], rel=0.04)


# -- likelihood ratios ----------------------------------------------------------------------------


def test_a_variance_is_tested_at_its_boundary():
    small, large = fit("passed ~ age + sex + (1|school)", "passed"), passed()
    row = compare(small, large).iloc[1]
    chi2 = 2 * (large.llf - small.llf)
    assert row["chi2"] == pytest.approx(chi2)
    assert row["reference"] == "0.5 chi2(0) + 0.5 chi2(1)"
    assert row["p_value"] == pytest.approx(stats.chi2.sf(chi2, 1) / 2)
    assert row["likelihood"] == "Laplace" and row["AIC"] == pytest.approx(large.aic)


def test_fixed_effects_are_compared_without_a_refit():
    table = compare(fit(ONE, "passed"), fit("passed ~ age + sex + (1|school)", "passed"))
    assert table["reference"].iloc[1] == "chi2(1)" and list(table["likelihood"]) == ["Laplace"] * 2


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: mixedlm("passed ~ age + sex + (1|school)", table("passed")).fit(), "families or"),
        (lambda: mixedlm(ONE, table("passed")).fit(reml=False), "different families"),
        (lambda: fit("passed ~ age + sex + (1|school)", "passed", link="probit"), "families or"),
        (lambda: fit("passed ~ age + sex + (1|school)", "passed", nagq=5), "the same nagq="),
    ],
)
def test_likelihoods_of_other_laws_and_approximations_are_not_compared(other, message):
    with pytest.raises(CourseError, match=message):
        compare(fit(ONE, "passed"), other())


# -- simulation -----------------------------------------------------------------------------------


def test_simulated_responses_have_the_averages_of_the_model():
    found = counts()
    y = simulate_responses(found, 400, seed=1)
    expected = found.predict(random="average")
    assert y.mean() == pytest.approx(expected.mean(), rel=0.03)
    assert (y == np.rint(y)).all()
    np.testing.assert_array_equal(simulate_responses(found, 2, seed=1), y[:2])


@pytest.mark.slow
def test_simulated_rows_of_a_school_go_together_as_the_icc_says():
    found = fit(ONE, "passed")
    y = simulate_responses(found, 600, seed=2)
    left = y - found.predict(random="average").to_numpy()
    codes = found.design.groupings[0].codes
    sums = np.stack([np.bincount(codes, row) for row in left])
    n = np.bincount(codes)
    pairs = ((sums**2).sum() - (left**2).sum()) / (len(y) * (n * (n - 1)).sum())
    assert pairs / (left**2).mean() == pytest.approx(
        icc(found, scale="response")["icc"].iloc[0], abs=0.02
    )


@pytest.mark.long
def test_the_bootstrap_scatters_as_the_standard_errors_say():
    found = fit(ONE, "passed")
    again = bootstrap(found, n=60, seed=1, progress=False)
    summary = again.summary()
    assert again.n_failed == 0
    assert summary.loc["age", "std_error"] == pytest.approx(found.bse_fe["age"], rel=0.35)


def test_a_replicate_of_the_bootstrap_is_the_fit_to_its_response():
    found = fit(ONE, "passed")
    again = bootstrap(found, n=2, seed=1, progress=False)
    one = found.refit(simulate_responses(found, 1, seed=1)[0])
    first = again.replicates[list(parameters(one).index)].iloc[0].astype(float)
    np.testing.assert_allclose(first, parameters(one), atol=2e-3)
    assert again.replicates["llf"].iloc[0] == pytest.approx(one.llf, abs=1e-4)


def test_so_many_of_so_many_are_drawn_as_such():
    found = fit("cbind(passed, failed) ~ teacher_experience + (1|school)", "rooms")
    y = simulate_responses(found, 3, seed=1)
    passed_again = y * found.trials
    np.testing.assert_allclose(passed_again, np.rint(passed_again), atol=1e-9)
    assert bootstrap(found, n=2, seed=1, progress=False).n_failed == 0


def test_a_predictor_with_an_effect_of_each_row_can_be_simulated():
    found = by_rows()
    y = simulate_responses(found, 200, seed=3)
    plain = found.predict(random="average").to_numpy()
    spread = ((y - plain) ** 2 / plain).mean()
    eta_sds = found.variance_components["vcov"].sum()
    expected = 1 + (plain * np.expm1(eta_sds)).mean()
    assert spread == pytest.approx(expected, rel=0.1)


# -- studies --------------------------------------------------------------------------------------

SMALL = {"provinces": 1, "schools": 12, "classrooms": 1, "students": 10}


@pytest.mark.slow
@pytest.mark.parametrize("n", replicates(8, many=12))
def test_recovery_of_yes_or_no_holds_against_the_truth_of_the_link(n):
    made_of = SMALL | {"intercept_sd": {"school": 1}, "fixed_effects": {"Intercept": 0, "age": 0.1}}
    found = recovery(
        made_of, "passed ~ age + (1|school)", n=n, seed=1, family="binomial", progress=False
    )
    table = found.table
    assert list(table.index) == ["Intercept", "age", "sd(Intercept | school)"]
    assert table["true"].to_list() == pytest.approx([0, 0.1, 1])
    assert (table["bias"].abs() < 5 * table["bias_mcse"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("n", replicates(10, many=40))
def test_power_of_a_rate_ratio(n):
    found = power(
        "days_absent ~ school_resources + offset(np.log(school_days)) + (1|school)",
        test="school_resources",
        effect=[0, 0.5],
        n=n,
        seed=1,
        family="poisson",
        progress=False,
        **SMALL,
    )
    assert found.table["power"].to_list()[1] >= 0.8 > 0.4 >= found.table["power"].to_list()[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"family": "binomal"}, "did you mean 'binomial'"),
        ({"family": "binomial", "intervals": "kenward-roger"}, "have z tests"),
        ({"simulate": SMALL | {"family": "poisson"}}, "write family=.poisson."),
    ],
)
def test_studies_refuse_families_that_do_not_go_together(options, message):
    options = {"simulate": SMALL} | options
    with pytest.raises(CourseError, match=message):
        recovery(formula="passed ~ age + (1|school)", n=2, progress=False, **options)


def test_a_truth_is_held_against_a_generalised_fit():
    made = simulate_schools(family="binomial", seed=1, **SMALL)
    found = mixedglm("passed ~ age + sex + (1|school)", made.data).fit()
    table = made.truth.compare(found)
    assert "Residual" not in set(table["group"])
    assert table.set_index("effect").loc["age", "true"] == 0.2
    assert isinstance(table, pd.DataFrame)
