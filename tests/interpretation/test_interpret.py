"""Shares, intraclass correlations and R squared, against closed forms and known truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import course
from course import CourseError, icc, load, mixedlm, r2, variance_explained, variance_shares


def one_way(groups, size, between, within, seed, slope=0.0):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(groups), size)
    x = rng.normal(size=len(g))
    y = 10 + slope * x + rng.normal(0, between, groups)[g] + rng.normal(0, within, len(g))
    return pd.DataFrame({"y": y, "x": x, "g": g.astype(str)})


@pytest.fixture(scope="module")
def pupils():
    return load("pupils")


@pytest.fixture(scope="module")
def nested(pupils):
    return mixedlm(
        "test_score ~ age + sex + (1|classroom) + (1|school) + (1|province)", pupils
    ).fit()


@pytest.fixture(scope="module")
def slopes(pupils):
    return mixedlm("test_score ~ age + sex + (age|classroom) + (1|school)", pupils).fit()


def test_icc_of_a_balanced_one_way_layout_is_the_anova_estimate():
    k, n = 30, 8
    data = one_way(k, n, 2.0, 3.0, seed=1)
    means = data.groupby("g")["y"].transform("mean")
    msb = n * means[::n].var(ddof=1)
    msw = ((data["y"] - means) ** 2).sum() / (k * (n - 1))
    rho = (msb - msw) / (msb + (n - 1) * msw)
    # delta method: mean squares are independent, with variances 2 MS^2 / df
    total = msb + (n - 1) * msw
    slope_b, slope_w = n * msw / total**2, -n * msb / total**2
    se = np.sqrt(slope_b**2 * 2 * msb**2 / (k - 1) + slope_w**2 * 2 * msw**2 / (k * (n - 1)))
    half = stats.norm.ppf(0.975) * se / (rho * (1 - rho))
    row = icc(mixedlm("y ~ 1 + (1|g)", data).fit()).loc["g"]
    assert row["icc"] == pytest.approx(rho, rel=1e-6)
    assert row["share"] == row["icc"]
    ends = special.expit(special.logit(rho) + np.array([-half, half]))
    assert [row["icc_lower"], row["icc_upper"]] == pytest.approx(ends, rel=1e-4)
    assert [row["share_lower"], row["share_upper"]] == pytest.approx(ends, rel=1e-4)


@pytest.mark.long
def test_intervals_cover_the_truth():
    covered, truth = [], 4 / 13
    for seed in range(150):
        row = icc(mixedlm("y ~ 1 + (1|g)", one_way(30, 6, 2.0, 3.0, seed)).fit()).loc["g"]
        covered.append(row["icc_lower"] < truth < row["icc_upper"])
    assert 0.90 <= np.mean(covered) <= 0.99


def test_pupils_of_one_classroom_share_school_and_province_too(nested):
    v = nested.variance_components.set_index("group")["vcov"]
    total = v.sum()
    table = icc(nested)
    assert table.loc["classroom", "icc"] == pytest.approx(
        (v["classroom"] + v["school"] + v["province"]) / total
    )
    assert table.loc["school", "icc"] == pytest.approx((v["school"] + v["province"]) / total)
    assert table.loc["province", "icc"] == pytest.approx(v["province"] / total)
    assert table["share"].to_dict() == pytest.approx((v.drop("Residual") / total).to_dict())


def test_two_pupils_of_a_classroom_correlate_as_icc_says():
    """Simulation: the correlation over many drawn pairs."""
    rng = np.random.default_rng(5)
    pairs = rng.normal(0, 3, (200_000, 1)) + rng.normal(0, 4, (200_000, 1))
    pairs = pairs + rng.normal(0, 6, (200_000, 2))  # one school, one classroom, two pupils
    drawn = np.corrcoef(pairs.T)[0, 1]
    made = course.simulate_schools(
        provinces=40, schools=12, classrooms=3, students=8,
        intercept_sd={"school": 3, "classroom": 4}, residual_sd=6, seed=9,
    )  # fmt: skip
    formula = "test_score ~ age + sex + teacher_experience + school_resources"
    fit = mixedlm(f"{formula} + (1|classroom) + (1|school)", made.data).fit()
    assert icc(fit).loc["classroom", "icc"] == pytest.approx(drawn, abs=0.03)


def test_crossed_groups_stand_alone_and_together():
    fit = mixedlm("attain ~ verbal + (1|primary) + (1|second)", load("scotssec")).fit()
    v = fit.variance_components.set_index("group")["vcov"]
    table = icc(fit)
    assert list(table.index) == ["primary", "second", "primary & second"]
    assert table.loc["primary", "icc"] == pytest.approx(v["primary"] / v.sum())
    assert table.loc["primary & second", "icc"] == pytest.approx(
        (v["primary"] + v["second"]) / v.sum()
    )
    assert table.loc["primary & second", "share"] == table.loc["primary & second", "icc"]


def test_with_slopes_it_is_a_function_of_the_predictor(slopes):
    S = slopes.estimates.covariances[0]
    school = slopes.estimates.covariances[1][0, 0]
    table = icc(slopes, at={"age": [8, 10.5]})
    assert table.loc["classroom", "age"].tolist() == [8, 10.5]
    for age, value, share in table.loc["classroom", ["age", "icc", "share"]].to_numpy():
        z = np.array([1, age])
        room = z @ S @ z
        assert value == pytest.approx((room + school) / (room + school + slopes.scale))
        assert share == pytest.approx(room / (room + school + slopes.scale))


def test_it_does_not_depend_on_where_zero_lies(pupils, slopes):
    moved = pupils.assign(age=pupils["age"] - 10)
    other = mixedlm("test_score ~ age + sex + (age|classroom) + (1|school)", moved).fit()
    here, there = icc(slopes, at={"age": 12}), icc(other, at={"age": 2})
    columns = ["icc", "icc_lower", "icc_upper"]
    np.testing.assert_allclose(here[columns], there[columns], rtol=1e-3)
    np.testing.assert_allclose(icc(slopes), icc(other), rtol=1e-3)


def test_a_predictor_not_named_is_averaged_over_the_rows(pupils):
    fit = mixedlm("test_score ~ age + sex + (age + sex|school)", pupils).fit()
    S = fit.estimates.covariances[0]
    names = list(fit.design.groupings[0].effects)
    variances = []
    for male in (pupils["sex"] == "male").astype(float):
        z = np.array([{"Intercept": 1, "age": 9, "sex[T.male]": male}[name] for name in names])
        variances.append(z @ S @ z)
    mean = np.mean(variances)
    assert icc(fit, at={"age": 9}).loc["school", "icc"] == pytest.approx(mean / (mean + fit.scale))


@pytest.mark.slow
def test_bootstrap_and_delta_intervals_are_alike_and_the_bootstrap_repeats():
    fit = mixedlm("y ~ 1 + (1|g)", one_way(60, 8, 2.0, 3.0, seed=3)).fit()
    delta = icc(fit).loc["g", ["icc_lower", "icc_upper"]].astype(float)
    settings = {"interval": "bootstrap", "n_boot": 200, "seed": 4, "progress": False}
    table = icc(fit, **settings)
    drawn = table.loc["g", ["icc_lower", "icc_upper"]].astype(float)
    assert abs(drawn - delta).max() < 0.06
    pd.testing.assert_frame_equal(icc(fit, **settings), table)


@pytest.mark.slow
def test_bootstrap_matches_percentiles_of_refits_with_slopes(slopes):
    from course.inference.bootstrap import bootstrap

    settings = {"interval": "bootstrap", "n_boot": 20, "seed": 1, "progress": False}
    row = icc(slopes, at={"age": 11}, groups="classroom", **settings).iloc[0]
    values = []
    for r in bootstrap(slopes, 20, seed=1, progress=False).replicates.to_dict("records"):
        a, b = r["sd(Intercept | classroom)"], r["sd(age | classroom)"]
        room = a**2 + 121 * b**2 + 22 * a * b * r["cor(Intercept, age | classroom)"]
        values.append(room / (room + r["sd(Intercept | school)"] ** 2 + r["sigma"] ** 2))
    ends = np.quantile(values, [0.025, 0.975])
    assert [row["share_lower"], row["share_upper"]] == pytest.approx(ends, rel=1e-9)


@pytest.mark.slow
def test_at_zero_there_is_no_delta_interval():
    g = np.repeat(np.arange(10), 6)
    y = np.tile([1.0, 2, 3, 4, 5, 7], 10)  # every group has the same mean
    fit = mixedlm("y ~ 1 + (1|g)", pd.DataFrame({"y": y, "g": g.astype(str)})).fit()
    row = icc(fit).loc["g"]
    assert row["icc"] < 1e-6
    assert np.isnan([row["icc_lower"], row["icc_upper"]]).all()
    boot = icc(fit, interval="bootstrap", n_boot=100, seed=1, progress=False).loc["g"]
    assert boot["icc_lower"] < 1e-6
    assert 0 < boot["icc_upper"] < 0.4


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"groups": "scool"}, "did you mean 'school'"),
        ({"at": {"agee": 8}}, "did you mean 'age'"),
        ({"at": {"age": []}}, "at least one value"),
        ({"at": {"age": "old"}}, "held numbers"),
        ({"at": 8}, "takes a dict"),
        ({"interval": "profile"}, "'delta' or 'bootstrap'"),
        ({"level": 95}, "between 0 and 1"),
    ],
)
def test_wrong_questions_get_the_mend(slopes, given, words):
    with pytest.raises(CourseError, match=words):
        icc(slopes, **given)


def test_a_value_of_a_predictor_without_slopes_is_refused(nested):
    with pytest.raises(CourseError, match="only intercepts vary"):
        icc(nested, at={"age": 8})


def test_shares_add_up_and_are_mean_variances(slopes):
    table = variance_shares(slopes)
    Z, S = slopes.design.groupings[0].Z, slopes.estimates.covariances[0]
    by_row = [z @ S @ z for z in Z]
    assert table.loc["classroom", "variance"] == pytest.approx(np.mean(by_row))
    assert table.loc["Residual", "variance"] == slopes.scale
    assert table["share"].sum() == pytest.approx(1)


def test_r2_is_the_formula_of_nakagawa_schielzeth_and_johnson(slopes):
    predicted = slopes.predict(random="none")
    fixed, random = predicted.var(), variance_shares(slopes)["variance"].iloc[:-1].sum()
    total = fixed + random + slopes.scale
    assert r2(slopes)["marginal"] == pytest.approx(fixed / total)
    assert r2(slopes)["conditional"] == pytest.approx((fixed + random) / total)


def test_r2_recovers_the_truth():
    """Fixed part, groups and residual have variances 4, 4 and 9."""
    found = r2(mixedlm("y ~ x + (1|g)", one_way(500, 12, 2.0, 3.0, seed=6, slope=2.0)).fit())
    assert found["marginal"] == pytest.approx(4 / 17, abs=0.015)
    assert found["conditional"] == pytest.approx(8 / 17, abs=0.02)


def test_variance_explained_compares_with_the_null_model(pupils):
    fit = mixedlm("test_score ~ age + sex + (1|school)", pupils).fit()
    null = mixedlm("test_score ~ 1 + (1|school)", pupils).fit()
    table = variance_explained(fit)
    before = null.variance_components["vcov"].to_numpy()
    after = fit.variance_components["vcov"].to_numpy()
    np.testing.assert_allclose(table["null"], before, rtol=1e-5)
    np.testing.assert_allclose(table["explained"], 1 - after / before, atol=1e-5)
    assert table["explained"].max() > 0.1


def test_variance_explained_refuses_slopes(slopes):
    with pytest.raises(CourseError, match="use r2"):
        variance_explained(slopes)


@pytest.mark.parametrize("function", [icc, r2, variance_shares, variance_explained])
def test_a_model_that_is_not_fitted_is_refused(pupils, function):
    with pytest.raises(CourseError, match=r"call its \.fit\(\) first"):
        function(mixedlm("test_score ~ age + (1|school)", pupils))
