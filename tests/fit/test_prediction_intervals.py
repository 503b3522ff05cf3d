"""Intervals of predictions: closed forms in the balanced one-way layout, and coverage by simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from course import CourseError, load, means, mixedlm
from course.fit.prediction_intervals import prediction_sd

K, N = 10, 6  # groups, and rows in each


def one_way(seed, between=2.0, within=3.0, groups=K, size=N):
    """Rows, and the groups' effects."""
    rng = np.random.default_rng(seed)
    effects = rng.normal(0, between, groups)
    group = np.repeat(np.arange(groups), size)
    y = 50 + effects[group] + rng.normal(0, within, len(group))
    return pd.DataFrame({"g": group.astype(str), "y": y}), effects


@pytest.fixture(scope="module")
def balanced():
    data, _ = one_way(2)
    return data, mixedlm("y ~ 1 + (1|g)", data).fit()


def squares(data):
    """Mean squares between and within groups."""
    by_group = data.groupby("g")["y"]
    between = N * by_group.mean().var(ddof=1)
    within = by_group.var(ddof=1).mean()
    return between, within


def expected(data, coefficients):
    """Variance and Satterthwaite's df of a combination of the mean squares: (c1 MSB + c2 MSW)."""
    parts = np.array(squares(data)) * coefficients
    df = parts.sum() ** 2 / (parts**2 / [K - 1, K * (N - 1)]).sum()
    return parts.sum(), df


# In each case the variance in mean squares, by hand: MSB estimates N s_b^2 + s_w^2, MSW estimates s_w^2.
CASES = {
    ("none", "confidence", "0"): (1 / (N * K), 0),
    ("all", "confidence", "new"): ((1 + 1 / K) / N, -1 / N),
    ("none", "prediction", "0"): ((1 + 1 / K) / N, 1 - 1 / N),
    ("all", "prediction", "new"): ((1 + 1 / K) / N, 1 - 1 / N),
}


@pytest.mark.parametrize("random, interval, group", CASES)
def test_balanced_one_way_layout(balanced, random, interval, group):
    data, fit = balanced
    variance, df = expected(data, CASES[random, interval, group])
    row = fit.predict(pd.DataFrame({"g": [group]}), random, interval=interval, level=0.9).iloc[0]
    assert row["std_error"] ** 2 == pytest.approx(variance, rel=1e-5)
    assert row["df"] == pytest.approx(df, rel=1e-4)
    assert row["estimate"] == pytest.approx(data["y"].mean(), rel=1e-8)
    half = stats.t.ppf(0.95, df) * np.sqrt(variance)
    assert row["upper"] - row["estimate"] == pytest.approx(half, rel=1e-4)
    assert row["estimate"] - row["lower"] == pytest.approx(half, rel=1e-4)


def test_the_mean_of_a_known_group_in_closed_form(balanced):
    """w = MSW / MSB shrinks; the variance of mean + BLUP around the truth is (1 - w) MSW / N, for the
    group's own rows, and w^2 MSB / (K N), for the general mean: MSW / N (1 - w + w / K) together."""
    data, fit = balanced
    between, within = squares(data)
    w = within / between
    row = fit.predict(pd.DataFrame({"g": ["3"]}), interval="confidence").iloc[0]
    assert row["std_error"] ** 2 == pytest.approx(within / N * (1 - w + w / K), rel=1e-5)
    # delta method: log variances of the mean squares are 2 / df
    factor = within / N * np.array([w * (1 - 1 / K), (1 - w + w / K) - w * (1 - 1 / K)])
    spread = (factor**2 * 2 / np.array([K - 1, K * (N - 1)])).sum()
    assert row["df"] == pytest.approx(2 * row["std_error"] ** 4 / spread, rel=1e-3)
    single = fit.predict(pd.DataFrame({"g": ["3"]}), interval="prediction").iloc[0]
    assert single["std_error"] ** 2 == pytest.approx(row["std_error"] ** 2 + within, rel=1e-5)


def test_the_population_has_the_interval_of_the_fixed_effects():
    fit = mixedlm("test_score ~ age + sex + (age|school)", load("pupils")).fit()
    new = pd.DataFrame({"age": [9.0], "sex": ["male"]})
    row = fit.predict(new, random="none", interval="confidence").iloc[0]
    mean = means(fit, "sex", at={"age": 9}).loc["male"]
    np.testing.assert_allclose(row, mean[row.index], rtol=1e-6)


@pytest.mark.slow
def test_several_groups_slopes_and_unknown_levels():
    """A row of an unknown classroom in a known school: the school's part is known, the classroom's is not."""
    data = load("pupils")
    fit = mixedlm("test_score ~ age + (age|school) + (1|classroom)", data).fit()
    row = data.iloc[[7]]
    school = fit.predict(row, ["school"], interval="confidence").iloc[0]
    unknown = fit.predict(row.assign(classroom="new"), interval="confidence").iloc[0]
    V = fit.variance_components.set_index("group")["vcov"]
    assert unknown["estimate"] == pytest.approx(school["estimate"])
    assert unknown["std_error"] ** 2 == pytest.approx(school["std_error"] ** 2 + V["classroom"])
    # a single response: also the residual, and the classroom that random= leaves out
    single = fit.predict(row, ["school"], interval="prediction").iloc[0]
    assert single["std_error"] ** 2 == pytest.approx(unknown["std_error"] ** 2 + fit.scale)
    # nobody's school: z' S z of its intercept and slope
    S = fit.estimates.covariances[list(fit.n_groups).index("school")]
    z = np.array([1.0, row["age"].iloc[0]])
    none = fit.predict(row, "none", interval="confidence").iloc[0]
    anybody = fit.predict(row, "none", interval="prediction").iloc[0]
    assert anybody["std_error"] ** 2 == pytest.approx(
        none["std_error"] ** 2 + z @ S @ z + V["classroom"] + fit.scale
    )


def test_rows_of_the_fit_and_rows_with_gaps(balanced):
    data, fit = balanced
    own = fit.predict(interval="prediction")
    assert own.index.equals(data.index)
    np.testing.assert_allclose(own["estimate"], fit.fittedvalues)
    gap = fit.predict(pd.DataFrame({"g": ["1", None]}, index=["a", "b"]), interval="confidence")
    assert gap.loc["b"].isna().all() and gap.loc["a"].notna().all()
    sd = prediction_sd(fit.design, fit.estimates, data, ["g"])
    np.testing.assert_allclose(fit.predict(data, interval="confidence")["std_error"], sd)


def test_a_fit_without_variance_between_groups_still_has_intervals():
    data, _ = one_way(4, between=0.0)
    fit = mixedlm("y ~ 1 + (1|g)", data).fit()
    assert fit.singular
    row = fit.predict(pd.DataFrame({"g": ["0"]}), interval="prediction").iloc[0]
    n = K * N
    assert row["std_error"] ** 2 == pytest.approx(data["y"].var(ddof=1) * (1 + 1 / n), rel=1e-6)
    assert row["df"] == pytest.approx(n - 1, rel=1e-3)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"interval": "conf"}, "did you mean 'confidence'"),
        ({"interval": "prediction", "level": 95}, "did you mean 0.95"),
        ({"interval": "prediction", "random": "h"}, "the groups of this fit are g"),
    ],
)
def test_wrong_use_is_refused(balanced, options, message):
    with pytest.raises(CourseError, match=message):
        balanced[1].predict(**options)


@pytest.mark.long
def test_intervals_cover_what_they_are_about():
    """Of simulated data sets as many as the level says, within three Monte-Carlo standard errors."""
    runs, hits, size = 400, [], {"groups": 20, "size": 10}
    first, _ = one_way(0, **size)
    model = mixedlm("y ~ 1 + (1|g)", first).fit()
    new = pd.DataFrame({"g": ["0", "new"]})
    for seed in range(runs):
        data, effects = one_way(1000 + seed, **size)
        rng = np.random.default_rng(90_000 + seed)
        other = rng.normal(0, 2.0)  # the effect of a group that was not in the fit
        truth = {
            ("none", "confidence"): [50.0, 50.0],
            ("all", "confidence"): 50 + np.array([effects[0], other]),
        }
        truth["all", "prediction"] = truth["all", "confidence"] + rng.normal(0, 3.0, 2)
        fit = model.refit(data["y"])
        hit = []
        for (random, interval), true in truth.items():
            table = fit.predict(new, random, interval=interval)
            hit += ((table["lower"] <= true) & (true <= table["upper"])).tolist()
        hits.append(hit)
    share = np.mean(hits, axis=0)
    assert (np.abs(share - 0.95) < 3 * np.sqrt(0.95 * 0.05 / runs)).all(), share
