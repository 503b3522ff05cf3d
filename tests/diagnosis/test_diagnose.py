"""Every finding appears where it should and only there; its numbers against what they claim to be."""

from dataclasses import replace
from importlib import import_module
from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from budget import thinned
from scipy import stats

from course import CourseError, between_within, diagnose, influence, load, mixedlm
from course.diagnosis.diagnose import refit_seconds
from course.diagnosis.residuals import Shape, ratio_by_fitted, ratios_by_category, spreads_by_level


def made(groups=40, size=12, seed=0, between=2.0, within=3.0):
    """Rows in groups, as the model says; x varies within groups only."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(groups), size)
    x = rng.normal(size=len(g))
    sex = rng.choice(["female", "male"], len(g))
    y = 10 + x + rng.normal(0, between, groups)[g] + rng.normal(0, within, len(g))
    return pd.DataFrame({"y": y, "x": x, "sex": sex, "g": [f"g{i:02}" for i in g]})


def fitted(data, formula="y ~ x + sex + (1|g)"):
    return mixedlm(formula, data).fit()


def titles(fit, **options):
    return [finding.title for finding in diagnose(fit, **options)]


# -- nothing ------------------------------------------------------------------------------------


@pytest.mark.long  # a rate over many simulated data sets
def test_data_from_the_model_rarely_stand_out():
    found = [len(diagnose(fitted(made(seed=seed)), solvers=False)) for seed in range(30)]
    assert sum(n > 0 for n in found) <= 2


def test_nothing_is_said_and_what_was_looked_at():
    diagnosis = diagnose(fitted(made(seed=3)))
    assert not diagnosis
    assert len(diagnosis) == 0
    assert "Nothing stands out." in str(diagnosis)
    assert "a second solver" in diagnosis.looked_at
    assert "influence of each g" in str(diagnosis)


def test_a_finding_says_all_four_things_in_text_and_html():
    data = made()
    data["y"] = np.exp(data["y"] / 3)
    diagnosis = diagnose(fitted(data), solvers=False)
    for text in (str(diagnosis), diagnosis._repr_html_()):
        for part in ("Seen", "Why it matters", "What to do", "Report"):
            assert part in text
    assert "solvers=False" in str(diagnosis)
    for finding in diagnosis:
        assert finding.severity in ("problem", "caution", "note")
        assert all([finding.seen, finding.why, finding.do, finding.report])


def test_what_is_not_a_fit_is_refused():
    with pytest.raises(CourseError, match=r"mixedlm\(formula, data\)"):
        diagnose(made())


# -- variances and the optimum ------------------------------------------------------------------


def test_a_variance_of_zero():
    data = made(seed=1)
    data["y"] -= data.groupby("g")["y"].transform("mean") - 10
    (finding,) = [f for f in diagnose(fitted(data)) if "singular" in f.title]
    assert "SD of Intercept by g is 0" in finding.seen


@pytest.mark.slow
def test_a_correlation_near_one_is_seen_after_centring():
    rng = np.random.default_rng(2)
    data = made(seed=2)
    u = rng.normal(size=40)[pd.factorize(data["g"])[0]]
    data["x"] += 30
    data["y"] = 3 * u + 2 * u * (data["x"] - 30) + rng.normal(size=len(data))
    found = titles(fitted(data, "y ~ x + (x|g)"), solvers=False)
    assert any("singular" in title for title in found)
    rng = np.random.default_rng(3)  # independent at the mean, correlated -1 at the far zero only
    u, v = rng.normal(size=(2, 40))[:, pd.factorize(data["g"])[0]]
    data["y"] = 3 * u + 2 * v * (data["x"] - 30) + rng.normal(size=len(data))
    found = titles(fitted(data, "y ~ x + (x|g)"), solvers=False)
    assert not any("singular" in title for title in found)
    assert "The zero of a predictor lies outside the data" in found


@pytest.mark.slow
def test_few_levels_and_how_little_they_tell():
    (finding,) = [f for f in diagnose(fitted(made(groups=5, size=60))) if "Few" in f.title]
    assert "5 levels" in finding.seen
    assert "71%" in finding.seen  # sqrt(2 / 4)
    assert not any("Few" in title for title in titles(fitted(made(groups=6, size=60))))


def test_a_search_that_did_not_converge(monkeypatch):
    fit = fitted(made())
    monkeypatch.setattr(type(fit), "converged", False)
    diagnosis = diagnose(fit, solvers=False)
    assert diagnosis.findings[0].severity == "problem"
    assert "did not end" in diagnosis.findings[0].title


@pytest.mark.slow
def test_solvers_that_disagree(monkeypatch):
    fit = fitted(made(seed=3))
    real = fit.check()
    table = real.table.copy()
    table.loc["log-likelihood", ["statsmodels", "difference"]] += 2.5
    monkeypatch.setattr(type(fit), "check", lambda fit: replace(real, table=table, agree=False))
    (finding,) = diagnose(fit)
    assert finding.severity == "problem"
    assert f"{fit.llf + 2.5:,.3f}" in finding.seen
    module = import_module("course.diagnosis.diagnose")  # in its wing the name is the function's
    monkeypatch.setattr(module, "statsmodels_seconds", lambda *fit: 100.0)
    assert any("second solver" in reason for reason in diagnose(fit).left_out)


# -- residuals ----------------------------------------------------------------------------------


def test_skewness_and_kurtosis_are_those_of_the_residuals():
    fit = fitted(made(seed=4))
    e = fit.resid
    shape = Shape.of(fit)
    z = (e - e.mean()) / np.sqrt(((e - e.mean()) ** 2).mean())
    assert shape.skewness == pytest.approx((z**3).mean())
    assert shape.kurtosis == pytest.approx((z**4).mean() - 3)
    assert shape.beyond == pytest.approx((z.abs() > 3).mean())


def test_long_tails_are_found():
    data = made(groups=60, size=20, seed=5)
    data["y"] += np.random.default_rng(50).exponential(8, len(data))
    assert "Residuals are far from normal" in titles(fitted(data), solvers=False)


@pytest.mark.slow
def test_a_spread_that_grows_with_the_fitted_values():
    rng = np.random.default_rng(6)
    data = made(seed=6)
    data["y"] = 3 * data["x"] + rng.normal(size=len(data)) * np.exp(data["x"])
    fit = fitted(data)
    ratio = ratio_by_fitted(fit)
    fitted_values, e = fit.fittedvalues, fit.resid
    low = e[fitted_values <= fitted_values.quantile(1 / 3)].std()
    high = e[fitted_values > fitted_values.quantile(2 / 3)].std()
    assert ratio.high == "highest third"
    assert ratio.ratio == pytest.approx(high / low)
    (finding,) = [f for f in diagnose(fit, solvers=False) if "spread" in f.title]
    assert f"{ratio.ratio:.2f}" in finding.seen


@pytest.mark.slow
def test_a_category_that_scatters_twice_as_much():
    data = made(groups=60, size=30, seed=7)
    noise = np.random.default_rng(70).normal(0, 3, len(data))
    data["y"] += np.where(data["sex"] == "male", np.sqrt(3) * noise, 0)  # SDs 3 and 6
    (ratio,) = ratios_by_category(fitted(data))
    assert (ratio.where, ratio.high) == ("sex", "male")
    assert ratio.ratio == pytest.approx(2, abs=0.15)
    assert "Residuals are not equally spread" in titles(fitted(data), solvers=False)


def test_numbers_that_stand_in_c_are_categories():
    data = made(seed=12).assign(grade=lambda d: d["sex"].map({"female": 1, "male": 2}))
    (as_text,) = ratios_by_category(fitted(data))
    (as_number,) = ratios_by_category(fitted(data, "y ~ x + C(grade) + (1|g)"))
    assert as_number.where == "grade"
    assert as_number.ratio == pytest.approx(as_text.ratio, rel=1e-6)
    (as_it_is,) = ratios_by_category(fitted(data, "y ~ x + grade + (1|g)"))  # it has two values
    assert as_it_is.ratio == pytest.approx(as_text.ratio, rel=1e-6)
    data["grade"] += data["x"] > 1
    assert not ratios_by_category(fitted(data, "y ~ x + grade + (1|g)"))


def test_ratio_and_spread_are_held_against_how_sds_vary():
    """The delta method: the logarithm of the SD of n rows has the variance (m4 / m2^2 - 1) / (4 n)."""
    data = made(groups=12, size=400, seed=1)
    fit = fitted(data)
    e = fit.resid
    noise = ((e**4).mean() / (e**2).mean() ** 2 - 1) / 4
    n = data["sex"].value_counts()
    (ratio,) = ratios_by_category(fit)
    error = np.sqrt(noise / n[ratio.low] + noise / n[ratio.high])
    assert ratio.z == pytest.approx(np.log(ratio.ratio) / error, rel=0.01)
    (spread,) = spreads_by_level(fit)
    logs = np.log(e.groupby(data["g"]).std())
    Q = ((logs - logs.mean()) ** 2).sum() / (noise / 400)
    assert stats.chi2.isf(spread.p_value, 11) == pytest.approx(Q, rel=0.01)


@pytest.mark.long
def test_the_standard_error_of_a_ratio_is_what_it_varies_by():
    logs, z = [], []
    for seed in range(120):
        (ratio,) = ratios_by_category(fitted(made(seed=seed)))
        sign = 1 if ratio.high == "male" else -1
        logs.append(sign * np.log(ratio.ratio))
        z.append(sign * ratio.z)
    assert np.std(z) == pytest.approx(1, abs=0.17)
    assert abs(np.mean(logs)) < 3 * np.std(logs) / np.sqrt(120)


@pytest.mark.slow
def test_levels_that_scatter_differently_by_a_known_amount():
    rng = np.random.default_rng(8)
    data = made(groups=150, size=30, seed=8)
    level_sd = np.exp(rng.normal(1, 0.3, 150))[pd.factorize(data["g"])[0]]
    data["y"] = data["x"] + rng.normal(size=len(data)) * level_sd
    (spread,) = spreads_by_level(fitted(data))
    assert spread.sd_log == pytest.approx(0.3, abs=0.06)
    assert spread.low == pytest.approx(np.exp(1 - 1.96 * 0.3), rel=0.2)
    assert spread.high == pytest.approx(np.exp(1 + 1.96 * 0.3), rel=0.2)
    assert "Residuals are not equally spread" in titles(fitted(data), solvers=False)


@pytest.mark.long
def test_equal_scatter_in_all_levels_has_uniform_p_values():
    p = [spreads_by_level(fitted(made(seed=seed)))[0].p_value for seed in range(100)]
    assert stats.kstest(p, "uniform").pvalue > 0.001


# -- slopes within and between ------------------------------------------------------------------


def test_the_slope_within_is_that_of_groups_as_dummies():
    exam = load("exam")
    row = between_within(mixedlm("normexam ~ standLRT + (1|school)", exam).fit()).iloc[0]
    dummies = smf.ols("normexam ~ standLRT + C(school)", exam).fit()
    assert row["within"] == pytest.approx(dummies.params["standLRT"], rel=1e-8)
    assert row["between"] - row["within"] == pytest.approx(row["difference"])


def test_the_difference_is_the_coefficient_of_the_group_mean():
    pupils = load("pupils")
    row = between_within(mixedlm("test_score ~ age + (1|classroom)", pupils).fit()).iloc[0]
    pupils["age_mean"] = pupils.groupby("classroom")["age"].transform("mean")
    fit = mixedlm("test_score ~ age + age_mean + (1|classroom)", pupils).fit()
    by_hand = fit.fixed_effects.loc["age_mean"].rename({"estimate": "difference"})
    for name in by_hand.index:
        assert row[name] == pytest.approx(by_hand[name], rel=1e-4), name
    size = by_hand["difference"] * pupils["age_mean"].std() / pupils["test_score"].std()
    assert row["size"] == pytest.approx(size, rel=1e-3)


def test_slopes_that_differ_are_found_with_their_numbers():
    """1 within, 3 between."""
    rng = np.random.default_rng(9)
    g = np.repeat(np.arange(80), 15)
    level = rng.normal(size=80)
    x = level[g] + rng.normal(size=len(g))
    y = x + 2 * level[g] + rng.normal(size=80)[g] + rng.normal(size=len(g))
    fit = mixedlm("y ~ x + (1|g)", pd.DataFrame({"y": y, "x": x, "g": g})).fit()
    row = between_within(fit).iloc[0]
    assert row["within"] == pytest.approx(1, abs=0.1)
    assert row["between"] == pytest.approx(2.9, abs=0.25)  # means of 15 measure the level with 0.94
    assert any("within and between" in title for title in titles(fit, solvers=False))


def test_predictors_of_the_groups_have_no_slope_within():
    fit = mixedlm("test_score ~ school_resources + (1|school)", load("pupils")).fit()
    assert between_within(fit).empty


# -- influence ----------------------------------------------------------------------------------


LEFT_OUT = [
    ("test_score ~ age + sex + (age|classroom) + (1|school)", "school", "P03-S2"),
    ("test_score ~ age + sex + (age|classroom) + (1|school)", "classroom", "P03-S2-C1"),
    ("test_score ~ age + (1|classroom) + (1|province)", "province", "P07"),
    ("test_score ~ age + (1|classroom) + (1|sex)", "classroom", "P03-S2-C1"),
]


@pytest.mark.slow
@pytest.mark.parametrize("left_out, reml", thinned(product(LEFT_OUT, [True, False]), 3))
def test_leaving_a_group_out_is_fitting_the_other_rows(left_out, reml):
    formula, group, level = left_out
    pupils = load("pupils").query("province in ['P02', 'P03', 'P07']")
    fit = mixedlm(formula, pupils).fit(reml=reml)
    row = influence(fit, group, progress=False).loc[level]
    without = mixedlm(formula, pupils[pupils[group] != level]).fit(reml=reml)
    moved = fit.fe_params - without.fe_params
    assert row["rows"] == fit.nobs - without.nobs
    for name in fit.fe_params.index:
        assert row[f"dfbeta({name})"] == pytest.approx(moved[name] / fit.bse_fe[name], abs=2e-3)
    cook = moved @ np.linalg.inv(fit.cov_params()) @ moved / len(moved)
    assert row["cook"] == pytest.approx(cook, rel=1e-2, abs=1e-4)
    change = without.scale / fit.scale - 1
    assert row["change(Residual)"] == pytest.approx(change, abs=1e-4)
    for g, grouping in enumerate(fit.design.groupings):
        M = grouping.Z.T @ grouping.Z
        before = (M * fit.estimates.covariances[g]).sum()
        after = (M * without.estimates.covariances[g]).sum()
        if before > 1e-6 * fit.scale * fit.nobs:
            found = row[f"change({grouping.name})"]
            assert found == pytest.approx(after / before - 1, abs=3e-3)


@pytest.mark.slow
def test_a_group_that_carries_the_slope_is_named():
    data = made(groups=20, size=15, seed=10)
    data.loc[data["g"] == "g07", "y"] += 12 * data["x"]
    fit = fitted(data)
    (finding,) = [f for f in diagnose(fit, solvers=False) if "carry" in f.title]
    assert "Without g07 (15 rows) x changes by" in finding.seen
    assert influence(fit, "g", progress=False)["cook"].idxmax() == "g07"


def test_a_coefficient_that_rests_on_one_group():
    data = made(groups=10, seed=11)
    data["only"] = (data["g"] == "g03") * data["x"]
    fit = fitted(data, "y ~ x + only + (1|g)")
    table = influence(fit, "g", progress=False)
    assert np.isnan(table.loc["g03", "cook"])
    assert table["cook"].isna().sum() == 1
    found = [f for f in diagnose(fit, solvers=False) if "carry" in f.title]
    assert "Without g03 not all fixed effects can be estimated" in found[0].seen


def test_influence_is_bounded_in_time():
    fit = fitted(made())
    diagnosis = diagnose(fit, solvers=False, seconds=refit_seconds(fit) / 1e6)
    assert any("influence(fit, 'g') does it" in reason for reason in diagnosis.left_out)
    assert "influence of each g" not in diagnosis.looked_at


def test_influence_refuses_what_there_is_not():
    fit = mixedlm("test_score ~ age + (1|school) + (1|sex)", load("pupils")).fit()
    with pytest.raises(CourseError, match="did you mean 'school'"):
        influence(fit, "scool")
    with pytest.raises(CourseError, match="sex has 2 levels"):
        influence(fit, "sex")


# -- units and labels ---------------------------------------------------------------------------


@pytest.mark.slow
def test_unhandy_units_and_rows_left_out():
    data = made(seed=3)
    data["x"] = 40_000 + 10_000 * data["x"]
    data.loc[:9, "x"] = np.nan
    sd = f"{data['x'].std(ddof=0):.2g}"
    found = {finding.title: finding for finding in diagnose(fitted(data), solvers=False)}
    assert f"x (SD {sd})" in found["Predictors in unhandy units"].seen
    assert "10 of 480 rows" in found["Rows are left out"].seen


@pytest.mark.slow
def test_two_names_of_the_same_groups_come_first():
    data = made(seed=3)
    data["h"] = "room " + data["g"]
    data.loc[0, "x"] = np.nan
    found = list(diagnose(fitted(data, "y ~ x + (1|g) + (1|h)"), solvers=False))
    assert (found[0].title, found[0].severity) == ("Two terms are the same groups", "problem")
    assert found[-1].severity == "note"


@pytest.mark.slow
def test_labels_used_again_in_every_school():
    pupils = load("pupils")
    pupils["room"] = pupils["classroom"].str[-2:]
    fit = mixedlm("test_score ~ age + (1|room) + (1|school)", pupils).fit()
    found = [f for f in diagnose(fit, solvers=False, seconds=0) if "used again" in f.title]
    assert "(1|school:room)" in found[0].seen
    assert found[0].severity == "caution"
