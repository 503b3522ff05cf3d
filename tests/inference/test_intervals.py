"""Intervals by three methods: nlme, a likelihood written out, replicates counted by hand."""

import json
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from reference_models import data, fit
from scipy import stats

from course import CourseError, mixedlm
from course.inference.bootstrap import bootstrap
from course.inference.fixed_effects import fixed_effects_table
from course.inference.intervals import confint
from course.inference.parameters import parameters
from course.inference.profile import profile
from course.inference.wald_intervals import wald_errors
from course.solver.refits import Refitter

NLME = json.loads((Path(__file__).parents[1] / "reference/profile.json").read_text())["wald_exam"]


def test_the_default_names_a_method_for_each_parameter():
    ours = fit("exam", "REML")
    table = confint(ours)
    assert list(table.columns) == ["estimate", "lower", "upper", "method"]
    assert list(table.index) == list(parameters(ours).index)
    pd.testing.assert_series_equal(table.estimate, parameters(ours), check_names=False)
    assert list(table.method) == ["t (Satterthwaite)"] * 2 + ["REML profile"] * 4
    fixed, limits = list(ours.fe_params.index), ["lower", "upper"]
    pd.testing.assert_frame_equal(table.loc[fixed, limits], ours.fixed_effects[limits])
    found = profile(ours, level=0.95, reml=True).interval(0.95)
    pd.testing.assert_frame_equal(table.loc[found.index, limits], found)
    assert table.attrs["notes"] == []


def test_the_profile_of_all_parameters_is_that_of_the_ml_fit():
    ours = fit("exam_1s", "REML")
    table = confint(ours, "profile")
    found = profile(ours, level=0.95).interval(0.95)
    np.testing.assert_allclose(table[["lower", "upper"]], found, rtol=1e-9)
    assert "ML fit" in table.attrs["notes"][0]
    after_ml = confint(fit("exam_1s", "ML"), parameters=["standLRT", "sigma"])
    assert list(after_ml.method) == ["t (Satterthwaite)", "profile"]
    assert after_ml.attrs["notes"] == []
    np.testing.assert_allclose(after_ml.upper["sigma"], table.upper["sigma"], rtol=1e-6)


def test_kenward_roger_on_request():
    ours = fit("exam_1s", "REML")
    expected = fixed_effects_table(ours, "kenward-roger")[["lower", "upper"]]
    for method in ("auto", "wald"):
        table = confint(ours, method, df="kenward-roger", parameters=list(expected.index))
        np.testing.assert_allclose(table[["lower", "upper"]], expected, rtol=1e-12)
    table = confint(ours, df="kenward-roger", parameters="standLRT")
    assert table.method.item() == "t (Kenward-Roger)"
    with pytest.raises(CourseError, match="reml=True"):
        confint(fit("exam_1s", "ML"), df="kenward-roger")


@pytest.mark.slow
def test_a_wider_level_is_wider():
    ours = fit("exam", "REML")
    for method in ("auto", "profile", "wald"):
        narrow, wide = (confint(ours, method, level=level) for level in (0.8, 0.99))
        assert (wide.lower < narrow.lower).all() and (wide.upper > narrow.upper).all()


# -- Wald -----------------------------------------------------------------------------------------


def test_wald_of_fixed_effects_is_the_t_interval_of_the_fit():
    ours = fit("pupils_1c_1s_1p", "REML")
    table = confint(ours, "wald", parameters=list(ours.fe_params.index))
    for column in ("estimate", "lower", "upper", "std_error"):
        np.testing.assert_allclose(table[column], ours.fixed_effects[column], rtol=1e-12)


def test_wald_of_the_random_part_is_that_of_nlme():
    table = confint(fit("exam", "REML"), "wald")
    ours = table.loc["sd(Intercept | school)":, ["lower", "upper"]]
    nlme = [[row["lower"], row["upper"]] for row in NLME["random"]]
    nlme.append([NLME["sigma"][0], NLME["sigma"][2]])
    # nlme takes its Hessian by differences of the likelihood: 1 % of the interval's width
    width = np.diff(nlme, axis=1)
    assert (np.abs(ours.to_numpy() - nlme) < 0.01 * width).all()


@cache
def groups(model_id: str, x: str, y: str):
    return [
        (np.column_stack([np.ones(len(d)), d[x]]), d[y].to_numpy())
        for _, d in data(model_id).groupby("school")
    ]


def restricted_deviance(parts, C: np.ndarray, sigma2: float) -> float:
    """-2 REML log-likelihood of y ~ x + (.|school), but for a constant; C is (1, 1) or (2, 2)."""
    XX, Xy, yy, logdet = np.zeros((2, 2)), np.zeros(2), 0.0, 0.0
    for X, y in parts:
        Z = X[:, : len(C)]
        V = Z @ C @ Z.T + sigma2 * np.eye(len(y))
        solved = np.linalg.solve(V, np.column_stack([X, y]))
        XX, Xy, yy = XX + X.T @ solved[:, :2], Xy + X.T @ solved[:, 2], yy + y @ solved[:, 2]
        logdet += np.linalg.slogdet(V)[1]
    return logdet + np.linalg.slogdet(XX)[1] + yy - Xy @ np.linalg.solve(XX, Xy)


def errors_by_curvature(deviance, at: np.ndarray) -> np.ndarray:
    """Standard errors by second differences of -2 log-likelihood."""
    steps = np.diag(2e-3 * np.abs(at))
    hessian = np.array(
        [
            [
                deviance(at + a + b)
                - deviance(at + a - b)
                - deviance(at - a + b)
                + deviance(at - a - b)
                for b in steps
            ]
            for a in steps
        ]
    ) / (4 * np.outer(steps.diagonal(), steps.diagonal()))
    return np.sqrt(np.diagonal(2 * np.linalg.inv(hessian)))


@pytest.mark.slow
def test_standard_errors_of_variances_are_right_and_those_of_statsmodels_are_not():
    ours = fit("exam_1s", "REML")
    parts = groups("exam_1s", "standLRT", "normexam")
    sd, sigma = parameters(ours)[["sd(Intercept | school)", "sigma"]]
    right = errors_by_curvature(
        lambda v: restricted_deviance(parts, np.array([[v[0]]]), v[1]), np.array([sd**2, sigma**2])
    )
    errors = wald_errors(ours)[-2:]
    np.testing.assert_allclose(2 * np.array([sd, sigma]) * errors, right, rtol=1e-3)

    theirs = float(ours.statsmodels.bse_re.iloc[0])
    assert abs(theirs / right[0] - 1) > 0.2
    # what they report is sqrt(scale) times the error of the ratio of variances; its error times scale is
    # the error of the variance at a known residual variance
    assert theirs * np.sqrt(ours.scale) == pytest.approx(right[0], rel=0.01)


@pytest.mark.slow
def test_standard_errors_of_sds_and_correlation_by_curvature():
    ours = fit("exam", "REML")
    parts = groups("exam", "standLRT", "normexam")

    def deviance(v):
        both = v[2] * v[0] * v[1]
        return restricted_deviance(
            parts, np.array([[v[0] ** 2, both], [both, v[1] ** 2]]), v[3] ** 2
        )

    right = errors_by_curvature(deviance, parameters(ours).to_numpy()[2:])
    np.testing.assert_allclose(wald_errors(ours)[2:], right, rtol=2e-3)


def test_wald_of_sigma_in_closed_form():
    # where no group varies REML is least squares: SE(sigma) = sigma / sqrt(2 (n - p))
    ours = fit("zero_school", "REML")
    error = confint(ours, "wald").loc["sigma", "std_error"]
    assert error == pytest.approx(np.sqrt(ours.scale / 2 / (ours.nobs - 2)), rel=1e-6)


def test_wald_has_nothing_to_say_at_a_boundary():
    table = confint(fit("zero_classroom", "REML"), "wald")
    at_zero = table.loc["sd(Intercept | classroom)"]
    assert np.isnan([at_zero.lower, at_zero.upper, at_zero.std_error]).all()
    assert "profile" in table.attrs["notes"][0] and "classroom" in table.attrs["notes"][0]
    assert table.drop("sd(Intercept | classroom)").notna().all(axis=None)
    table = confint(fit("correlation_plus_one", "REML"), "wald")
    assert np.isnan(table.lower["cor(Intercept, x | school)"])


def test_wald_does_not_tell_apart_what_the_data_cannot():
    table = confint(fit("pupils_1c_1sc", "REML"), "wald")
    known = table.lower.notna()
    assert list(known.index[~known]) == [
        "sd(Intercept | classroom)",
        "sd(Intercept | school:classroom)",
    ]


# -- bootstrap ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_bootstrap_intervals_are_percentiles_of_the_replicates():
    ours = fit("exam", "REML")
    table = confint(ours, "bootstrap", n=30, seed=5, level=0.8)
    replicates = bootstrap(ours, 30, seed=5, progress=False).replicates
    for name, row in table.iterrows():
        low, high = np.percentile(replicates[name].dropna(), [10, 90])
        assert (row.lower, row.upper) == pytest.approx((low, high))
        assert row.std_error == pytest.approx(replicates[name].std())
    assert "30 refits" in table.attrs["notes"][0] and "seed 5" in table.attrs["notes"][0]
    again = confint(ours, "bootstrap", n=30, seed=5, level=0.8, parameters="sigma")
    assert again.lower.item() == table.lower["sigma"]


@pytest.mark.slow
def test_bootstrap_agrees_with_theory_where_there_is_one():
    # (n - p) sigma^2 / true sigma^2 is chi squared, very nearly, with all but the group means' df
    ours = fit("exam_1s", "REML")
    table = confint(ours, "bootstrap", n=200, seed=1, parameters="sigma")
    df = ours.nobs - ours.n_groups["school"] - 1
    exact = np.sqrt(ours.scale * stats.chi2.ppf([0.025, 0.975], df) / df)
    np.testing.assert_allclose(
        table.loc["sigma", ["lower", "upper"]].astype(float), exact, rtol=0.006
    )


def test_failed_replicates_are_counted_and_left_out(monkeypatch):
    ours = fit("exam_1s", "REML")
    whole = Refitter.fit

    def sometimes(self, problems):
        return [None if i % 4 == 3 else one for i, one in enumerate(whole(self, problems))]

    monkeypatch.setattr(Refitter, "fit", sometimes)
    table = confint(ours, "bootstrap", n=20, seed=1)
    assert "15 refits" in table.attrs["notes"][0] and "5 failed" in table.attrs["notes"][0]
    assert table[["lower", "upper"]].notna().all(axis=None)

    monkeypatch.setattr(Refitter, "fit", lambda self, problems: [None] * len(problems))
    with pytest.raises(CourseError, match="none of the 20"):
        confint(ours, "bootstrap", n=20, seed=1)


@pytest.mark.slow
def test_replicates_without_a_correlation_are_mentioned(monkeypatch):
    ours, name = fit("zero_slope_correlated", "REML"), "cor(Intercept, x | school)"
    found = bootstrap(ours, 12, seed=2, progress=False)
    found.replicates.loc[[1, 4, 7], ["sd(x | school)", name]] = 0.0, np.nan
    monkeypatch.setattr(
        sys.modules["course.inference.bootstrap"], "bootstrap", lambda *_, **__: found
    )
    table = confint(ours, "bootstrap", n=12, seed=2)
    assert f"{name} does not exist in 3 of them" in table.attrs["notes"][1]
    assert -1 <= table.lower[name] <= table.upper[name] <= 1


# -- wrong use ------------------------------------------------------------------------------------


def test_wrong_use():
    ours = fit("exam", "REML")
    with pytest.raises(CourseError, match="did you mean 'profile'"):
        confint(ours, "profil")
    with pytest.raises(CourseError, match="between 0 and 1"):
        confint(ours, level=95)
    with pytest.raises(CourseError, match="did you mean 'standLRT'"):
        confint(ours, "wald", parameters=["standlrt"])


def test_a_wald_interval_without_limit_says_so_without_a_warning():
    """An SD of 0.8 % of the residual's: on the log scale six groups know nothing of it."""
    rng = np.random.default_rng(1)
    rest, means = rng.normal(size=(6, 10)), rng.normal(size=6)
    rest -= rest.mean(axis=1, keepdims=True)
    rest /= np.sqrt((rest**2).sum() / 54)  # the mean square within groups is 1
    means = (means - means.mean()) / means.std(ddof=1)
    means *= np.sqrt((1 + 10 * 0.008**2) / 10)  # that between them 1 + 10 * 0.008^2
    data = pd.DataFrame({"y": (rest + means[:, None]).ravel(), "g": np.repeat(list("abcdef"), 10)})
    fit = mixedlm("y ~ 1 + (1|g)", data).fit()
    row = confint(fit, "wald").loc["sd(Intercept | g)"]
    assert row["estimate"] == pytest.approx(0.008, rel=0.01)
    assert (row["lower"], row["upper"]) == (0, np.inf)
