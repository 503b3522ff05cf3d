"""What weighted fits mean: closed forms, copies of rows, replicates by hand, Rubin's rules."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats
from surveys import BY_ROW, copied, made

from course import (
    CourseError,
    contrasts,
    icc,
    means,
    mixedlm,
    plots,
    pool,
    r2,
    report,
    slopes,
    variance_shares,
)
from course.fit.rubin import rubin

FORMULA = "y ~ x * f + h + (x|school)"


@pytest.fixture(scope="module")
def data():
    table = made()
    rng = np.random.default_rng(3)
    table["f"], table["h"] = (
        rng.choice(["a", "b", "c"], len(table)),
        rng.choice(["p", "q"], len(table)),
    )
    return table.assign(overall=table["w"] * table["v"])


@pytest.fixture(scope="module")
def fit(data):
    return mixedlm(FORMULA, data, weights=BY_ROW, scaling=None).fit()


@pytest.fixture(scope="module")
def copies(data):
    return copied(data, "w", [("school", "v")])


def by_hand(fit, L):
    """L beta, its standard error and interval, with the degrees of freedom of the clusters."""
    errors = np.sqrt(np.diagonal(L @ fit.cov_params().to_numpy() @ L.T))
    half = stats.t.ppf(0.975, fit.df) * errors
    estimates = L @ fit.fe_params.to_numpy()
    return np.column_stack([estimates, errors, estimates - half, estimates + half])


COLUMNS = ["estimate", "std_error", "lower", "upper"]


# --- means, contrasts, slopes ---------------------------------------------------------------------


@pytest.mark.parametrize("weights", ["equal", "observed"])
def test_means_are_l_beta_with_the_shares_of_the_population(data, fit, weights):
    x = np.average(data["x"], weights=data["overall"])
    of_q = (
        0.5
        if weights == "equal"
        else data["overall"][data["h"] == "q"].sum() / data["overall"].sum()
    )
    # Intercept, f[T.b], f[T.c], h[T.q], x, x:f[T.b], x:f[T.c]
    assert list(fit.fe_params.index)[:5] == ["Intercept", "f[T.b]", "f[T.c]", "h[T.q]", "x"]
    L = [[1, b, c, of_q, x, b * x, c * x] for b, c in ((0, 0), (1, 0), (0, 1))]
    table = means(fit, "f", weights=weights)
    np.testing.assert_allclose(table[COLUMNS], by_hand(fit, np.array(L)), rtol=1e-9)
    assert (table["df"] == fit.df).all()


@pytest.mark.slow
def test_means_of_whole_weights_are_those_of_copies(fit, copies):
    by_ml = mixedlm(FORMULA, copies).fit(reml=False)
    for function in (
        lambda one: means(one, "f", weights="observed"),
        lambda one: contrasts(one, "f", weights="observed"),
        lambda one: slopes(one, "x", weights="observed"),
    ):
        np.testing.assert_allclose(
            function(fit)["estimate"], function(by_ml)["estimate"], rtol=1e-6
        )


def test_contrasts_and_slopes_are_l_beta(fit):
    table = contrasts(fit, "f", at={"x": 2}, adjust="none")
    L = np.array([[0, -1, 0, 0, 0, -2, 0], [0, 0, -1, 0, 0, 0, -2], [0, 1, -1, 0, 0, 2, -2]])
    np.testing.assert_allclose(table[COLUMNS], by_hand(fit, L), rtol=1e-9)
    t = table["estimate"] / table["std_error"]
    np.testing.assert_allclose(table["p_value"], 2 * stats.t.sf(t.abs(), fit.df))
    table = slopes(fit, "x", by="f")
    L = np.array([[0, 0, 0, 0, 1, b, c] for b, c in ((0, 0), (1, 0), (0, 1))])
    np.testing.assert_allclose(table[COLUMNS], by_hand(fit, L), rtol=1e-6)
    normal = means(fit, "f", df="normal")
    assert np.isinf(normal["df"]).all()
    with pytest.raises(CourseError, match="leave df= out"):
        means(fit, "f", df="kenward-roger")


@pytest.mark.slow
def test_pictures_of_weighted_means(fit):
    for ax in (plots.means(fit, "f"), plots.contrasts(fit, "f"), plots.slopes(fit, "x", by="f")):
        assert plots.alt_text(ax)


# --- variances ----------------------------------------------------------------------------------


def test_shares_are_those_of_copies(fit, copies):
    by_ml = mixedlm(FORMULA, copies).fit(reml=False)
    np.testing.assert_allclose(variance_shares(fit), variance_shares(by_ml), rtol=1e-5)
    for at in (None, {"x": [-1, 2]}):
        np.testing.assert_allclose(icc(fit, at)["icc"], icc(by_ml, at)["icc"], rtol=1e-5)


def test_r2_is_that_of_the_population(data, fit):
    predicted = fit.predict(random="none")
    mean = np.average(predicted, weights=data["overall"])
    fixed = np.average((predicted - mean) ** 2, weights=data["overall"])
    Z = np.column_stack([np.ones(len(data)), data["x"]])
    of_rows = np.einsum("ni,ij,nj->n", Z, fit.estimates.covariances[0], Z)
    between = np.average(of_rows, weights=data["overall"])
    total = fixed + between + fit.scale
    assert r2(fit).tolist() == pytest.approx([fixed / total, (fixed + between) / total])


def test_the_interval_of_the_icc_is_that_of_its_variances(data):
    """With one intercept the ICC is v / (v + s2), whose logit is log(v) - log(s2)."""
    fit = mixedlm("y ~ x + (1|school)", data, weights=BY_ROW, scaling=None).fit()
    table = fit.variance_components
    (v, s2), V = table["vcov"], fit.errors.cov_variances
    np.testing.assert_allclose(np.sqrt(np.diagonal(V)), table["std_error"])
    slope = np.array([1 / v, -1 / s2])
    half = stats.t.ppf(0.975, fit.df) * np.sqrt(slope @ V @ slope)
    ends = special.expit(np.log(v / s2) + half * np.array([-1, 1]))
    row = icc(fit).loc["school"]
    np.testing.assert_allclose(row[["icc_lower", "icc_upper"]], ends, rtol=1e-9)


@pytest.mark.slow
def test_replicates_tell_the_error_of_the_icc():
    data = made(schools=12, rooms=1, pupils=30, seed=4)
    school = data["school"].str[1:].astype(int)
    for j in range(12):
        data[f"rep{j}"] = data["v"] * np.where(school == j, 0, 12 / 11)
    options = {"replicate_weights": "rep*", "replicate_method": "jackknife"}
    weights = {"rows": "v", "school": "v"}
    fit = mixedlm("y ~ x + (x|school)", data, weights=weights, **options).fit()
    z, found = np.array([1, 0.5]), []

    def variances(one):
        G = one.estimates.covariances[0]
        return np.array([G[0, 0], G[1, 0], G[1, 1], one.scale])

    def logit(values):
        G = np.array([values[:2], values[1:3]])
        return np.log(z @ G @ z) - np.log(values[3])

    for j in range(12):
        kept = data[school != j]
        found.append(variances(mixedlm("y ~ x + (x|school)", kept, weights=weights).fit()))
    here = variances(fit)
    V = 11 / 12 * (np.array(found) - here).T @ (np.array(found) - here)
    slope = [(logit(here + e) - logit(here - e)) / 2e-5 for e in 1e-5 * np.eye(4)]
    half = stats.t.ppf(0.975, fit.df) * np.sqrt(slope @ V @ slope)
    row = icc(fit, {"x": 0.5}).iloc[0]
    ends = special.expit(logit(here) + half * np.array([-1, 1]))
    assert row[["icc_lower", "icc_upper"]].tolist() == pytest.approx(ends.tolist(), rel=1e-4)


def test_an_edge_has_no_interval(data):
    flat = data.assign(y=data["y"] - data.groupby("school")["y"].transform("mean"))
    fit = mixedlm("y ~ 1 + (1|school)", flat, weights={"school": "v"}).fit()
    row = icc(fit).iloc[0]
    assert row["icc"] == pytest.approx(0, abs=1e-6) and np.isnan(row["icc_lower"])


def test_no_responses_are_drawn_from_a_pseudo_likelihood(fit):
    with pytest.raises(CourseError, match="write interval='delta'"):
        icc(fit, interval="bootstrap")


# --- pooled, and in words ------------------------------------------------------------------------


@pytest.mark.slow
def test_pooled_surveys_are_pooled_one_by_one(data):
    rng = np.random.default_rng(2)
    drawn = data.assign(**{f"pv{i}": data["y"] + rng.normal(0, 0.4, len(data)) for i in (1, 2, 3)})
    pooled = mixedlm("pv* ~ x + f + (1|school)", drawn, weights=BY_ROW).fit()
    for function in (
        lambda one: means(one, "f", weights="observed"),
        lambda one: contrasts(one, "f", adjust="none"),
        lambda one: slopes(one, "x"),
    ):
        tables = [function(one) for one in pooled.fits]
        expected = rubin(*([t[name] for t in tables] for name in ("estimate", "std_error", "df")))
        table = function(pooled)
        np.testing.assert_allclose(table["estimate"], expected.estimates)
        np.testing.assert_allclose(table["std_error"], expected.std_errors)
        np.testing.assert_allclose(table["df"], expected.df)
    ends = [special.logit(icc(one)[["icc_lower", "icc_upper"]].iloc[0]) for one in pooled.fits]
    t = stats.t.ppf(0.975, pooled.fits[0].df)
    errors = [[(high - low) / (2 * t)] for low, high in ends]
    found = rubin([[(low + high) / 2] for low, high in ends], errors, pooled.fits[0].df)
    own = icc(pooled).iloc[0]
    half = special.logit(own["icc_upper"]) - special.logit(own["icc"])
    assert half == pytest.approx(found.std_errors[0] * stats.t.ppf(0.975, found.df[0]), rel=1e-6)
    z = np.arctanh([np.sqrt(r2(one)) for one in pooled.fits]).mean(axis=0)
    np.testing.assert_allclose(r2(pooled), np.tanh(z) ** 2)
    by_hand = pool(
        [
            mixedlm("y ~ x + f + (1|school)", drawn.assign(y=drawn[f"pv{i}"]), weights=BY_ROW).fit()
            for i in (1, 2, 3)
        ]
    )
    pd.testing.assert_frame_equal(
        means(by_hand, "f", weights="observed"), means(pooled, "f", weights="observed")
    )
    np.testing.assert_allclose(variance_shares(by_hand), variance_shares(pooled), rtol=1e-6)


def test_the_report_tells_of_the_population(fit):
    text = report(fit)
    assert "(variances averaged over the population)" in text
    assert f" {r2(fit)['marginal']:.1%} was that of the fixed part" in text
