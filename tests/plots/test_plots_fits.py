"""Pictures of fits show the numbers they should, each computed another way."""

import re

import matplotlib
import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from drawn import SCHOOLS, line, numbers, offsets, said
from scipy import stats

from course import mixedlm, plots
from course.errors import CourseError
from course.inference.profile import profile

# What each shows, computed another way.


def test_lines_are_least_squares_of_all_of_one_and_the_prediction(sloped):
    (ax,) = plots.lines(sloped, "age10", "school", ["P02-S1"])
    own = SCHOOLS[SCHOOLS["school"] == "P02-S1"]
    rings = offsets(ax, "one row of the data")
    assert sorted(rings[:, 1]) == sorted(own["test_score"])
    for name, rows in {"pooled": SCHOOLS, "separate": own}.items():
        drawn = line(ax, name)
        slope, intercept = np.polyfit(rows["age10"], rows["test_score"], 1)
        assert drawn[:, 1] == pytest.approx(intercept + slope * drawn[:, 0])
    assert line(ax, "separate")[[0, -1], 0] == pytest.approx([own.age10.min(), own.age10.max()])
    drawn, effects = line(ax, "partially pooled"), sloped.random_effects["school"].loc["P02-S1"]
    intercept, slope = sloped.fe_params + effects
    assert drawn[:, 1] == pytest.approx(intercept + slope * drawn[:, 0])
    assert said(drawn[len(drawn) // 2, 1], plots.alt_text(ax))
    assert ax.get_xlabel() == "age10 (years)" and ax.get_ylabel() == "test_score (points)"


def test_a_response_inside_a_function_is_no_predictor():
    fit = mixedlm("np.log(test_score) ~ age10 + (1|school)", SCHOOLS).fit()
    ax = plots.predictions(fit, "age10")
    assert ax.get_xlabel() == "age10 (years)"
    assert ax.get_ylabel() == "mean np.log(test_score)"
    with pytest.raises(CourseError, match="no numeric predictor 'test_score'"):
        plots.predictions(fit, "test_score")


def test_a_group_of_one_row_has_no_line_alone():
    data = pd.concat([SCHOOLS, SCHOOLS.iloc[[0]].assign(school="alone")], ignore_index=True)
    fit = mixedlm("test_score ~ age10 + (1|school)", data).fit()
    (ax,) = plots.lines(fit, "age10", "school", ["alone"])
    assert "separate" not in [one.get_label() for one in ax.lines]
    assert "1 of them has too few rows" in plots.alt_text(ax)


def test_lines_of_a_whole_number_predictor_are_straight():
    data = SCHOOLS.assign(grade=SCHOOLS["age"].astype(int))
    fit = mixedlm("test_score ~ grade + (1|school)", data).fit()
    drawn = line(plots.lines(fit, "grade", "school", ["P01-S1"])[0], "partially pooled")
    assert np.diff(drawn[:, 1]) / np.diff(drawn[:, 0]) == pytest.approx(fit.fe_params["grade"])


def test_shrinkage_goes_from_the_separate_line_to_the_mixed_one(sloped):
    ax = plots.shrinkage(sloped, "school")
    start, end = offsets(ax, "separate line"), offsets(ax, "partially pooled line")
    for (name, rows), one in zip(SCHOOLS.groupby("school"), start, strict=True):
        assert one[::-1] == pytest.approx(np.polyfit(rows["age10"], rows["test_score"], 1)), name
    mixed = sloped.random_effects["school"] + sloped.fe_params
    assert end == pytest.approx(mixed.to_numpy())
    assert len(ax.texts) == len(mixed)  # the arrows
    assert end[:, 1].std() < start[:, 1].std()
    text = plots.alt_text(ax)
    assert said(start[:, 1].std(ddof=1), text) and said(end[:, 1].std(ddof=1), text)
    assert ax.get_ylabel() == "age10 slope (points per year)"


def test_shrinkage_counts_groups_without_a_line():
    data = pd.concat([SCHOOLS, SCHOOLS.iloc[[0]].assign(school="alone")], ignore_index=True)
    fit = mixedlm("test_score ~ age10 + (age10|school)", data).fit()
    ax = plots.shrinkage(fit, "school")
    assert len(offsets(ax, "separate line")) == data["school"].nunique() - 1
    assert "1 have rows too few" in plots.alt_text(ax)


def test_the_ellipse_is_that_of_the_covariance_of_a_model_with_zero_elsewhere(sloped):
    """Moving zero to -2 by algebra, and by fitting the model with the predictor moved."""
    moved = mixedlm(
        "test_score ~ age8 + (age8|school)", SCHOOLS.assign(age8=SCHOOLS.age10 + 2)
    ).fit()
    ax = plots.intercept_slope(sloped, "school", zero=-2)
    parts = moved.variance_components
    (v0, v1, c01) = parts["vcov"][:3]
    outline = line(ax, "95 % of groups")
    distance = np.einsum("ij,jk,ik->i", outline, np.linalg.inv([[v0, c01], [c01, v1]]), outline)
    assert distance == pytest.approx(stats.chi2.ppf(0.95, 2), rel=1e-3)
    points = offsets(ax, "BLUP of one school")
    assert points == pytest.approx(moved.random_effects["school"].to_numpy(), abs=1e-3)
    text = plots.alt_text(ax)
    assert said(np.sqrt(v0), text) and f"correlation {parts['sdcor'][2]:.2f}" in text


def test_where_the_text_says_so_intercepts_and_slopes_are_unrelated(sloped):
    text = plots.alt_text(plots.intercept_slope(sloped, "school"))
    at = numbers(text)[-1]
    again = plots.alt_text(plots.intercept_slope(sloped, "school", zero=at))
    assert re.search(r"correlation -?0\.0[01]", again)


def test_residuals_are_those_of_the_fit(nested):
    left, right = plots.residuals(nested)
    points = offsets(left, "one row of the data")
    assert points[:, 1] == pytest.approx(nested.resid.to_numpy())
    assert points[:, 0] == pytest.approx(nested.fittedvalues.to_numpy())
    spread = offsets(right, "one row of the data")[:, 1]
    assert spread**2 == pytest.approx(np.abs(nested.resid.to_numpy()) / nested.scale**0.5)
    assert said(nested.resid.std(ddof=0), plots.alt_text(left))
    assert left.get_ylabel() == "residual (points)"


def test_the_smooth_line_finds_a_bend():
    rng = np.random.default_rng(5)
    x = rng.uniform(-2, 2, 400)
    group = np.repeat(np.arange(20).astype(str), 20)
    data = pd.DataFrame({"g": group, "x": x, "y": x + x**2 + rng.normal(size=400)})
    left, _ = plots.residuals(mixedlm("y ~ x + (1|g)", data).fit())
    smooth = line(left, "smooth line")
    middle = smooth[len(smooth) // 2, 1]
    assert smooth[0, 1] > middle + 1 and smooth[-1, 1] > middle + 1


def test_qq_of_residuals_counts_those_outside(nested):
    ax = plots.qq(nested)
    inside, out = offsets(ax, "in the band"), offsets(ax, "outside the band")
    resid = np.sort(nested.resid)
    z = (resid - resid.mean()) / resid.std(ddof=1)
    assert np.sort(np.concatenate([inside[:, 1], out[:, 1]])) == pytest.approx(z)
    assert f"{len(out)} of {len(resid)}" in plots.alt_text(ax)


def test_the_band_of_qq_holds_95_of_100_normal_samples():
    """Of order statistic 3 of 20, by simulation."""
    rng = np.random.default_rng(6)
    third = np.sort(rng.normal(size=(20_000, 20)), axis=1)[:, 2]
    groups = np.repeat([f"{i:02}" for i in range(20)], 5)
    y = np.repeat(np.arange(20.0), 5) + np.tile([-2.0, -1, 0, 1, 2], 20)
    fit = mixedlm("y ~ 1 + (1|g)", pd.DataFrame({"g": groups, "y": y})).fit()
    ax = plots.qq(fit, "g")
    (band,) = [c for c in ax.collections if c.get_label() == "95 of 100 normal samples"]
    corners = band.get_paths()[0].vertices
    at = stats.norm.ppf(2.5 / 20)
    low, high = np.sort(np.unique(corners[np.isclose(corners[:, 0], at), 1]))
    assert np.mean((third > low) & (third < high)) == pytest.approx(0.95, abs=0.005)


def test_blups_are_standardised_by_their_own_sd():
    """Balanced: the variance of a BLUP is tau^4 / (tau^2 + sigma^2 / n)."""
    rng = np.random.default_rng(7)
    groups = np.repeat([f"{i:02}" for i in range(15)], 6)
    y = np.repeat(rng.normal(0, 2, 15), 6) + rng.normal(size=90)
    fit = mixedlm("y ~ 1 + (1|g)", pd.DataFrame({"g": groups, "y": y})).fit()
    tau2 = fit.variance_components["vcov"][0]
    blups = np.sort(fit.random_effects["g"]["Intercept"])
    expected = blups / np.sqrt(tau2**2 / (tau2 + fit.scale / 6))
    ax = plots.qq(fit, "g")
    drawn = np.concatenate([offsets(ax, "in the band"), offsets(ax, "outside the band")])
    assert np.sort(drawn[:, 1]) == pytest.approx(expected)


def test_profile_zeta_marks_the_ends_of_the_interval(nested):
    made = profile(nested, ["age10", "sd(Intercept | school)"])
    axes = plots.profile_zeta(made)
    text = plots.alt_text(axes)
    for ax, (name, ends) in zip(axes, made.interval(0.95).iterrows(), strict=True):
        assert ax.get_xlabel() == name and ax.get_ylabel() == "zeta"
        marks = offsets(ax, "end of the 95 % interval")
        assert marks[:, 0] == pytest.approx(ends.to_numpy())
        inside = np.abs(marks[:, 1]) < 1.9  # an end at 0, where no SD can be lower
        assert (marks[inside, 0] == 0).all()
        assert np.abs(marks[~inside, 1]) == pytest.approx(1.96, abs=0.02)
        assert said(ends["lower"], text) and said(ends["upper"], text)


def test_profile_zeta_of_a_straight_line_is_its_tangent():
    value = np.linspace(1, 9, 9)
    curve = pd.DataFrame({"value": value, "zeta": (value - 5) / 1.5})
    (ax,) = plots.profile_zeta({"b": curve})
    assert line(ax, "tangent at the estimate") == pytest.approx(curve.to_numpy())
    assert offsets(ax, "end of the 95 % interval")[:, 0] == pytest.approx(
        [5 - 1.959964 * 1.5, 5 + 1.959964 * 1.5]
    )


def band_at(collection, x: float) -> tuple[float, float]:
    corners = collection.get_paths()[0].vertices
    y = corners[np.isclose(corners[:, 0], x), 1]
    return y.min(), y.max()


def test_the_population_band_is_the_interval_of_the_fixed_effects():
    """Where the predictor is 0 the population's mean is the intercept."""
    data = SCHOOLS.assign(old=SCHOOLS["age"] - SCHOOLS["age"].min())
    fit = mixedlm("test_score ~ old + (1|school)", data).fit()
    ax = plots.predictions(fit, "old")
    expected = fit.fixed_effects.loc["Intercept", ["lower", "upper"]]
    assert band_at(ax.collections[0], 0.0) == pytest.approx(tuple(expected))
    assert line(ax, "population, 95 % interval of the mean")[0, 1] == pytest.approx(
        fit.fe_params["Intercept"]
    )


def test_the_band_of_a_group_holds_all_that_is_uncertain(nested):
    """Prediction error variance from the dense marginal covariance of all rows."""
    ax = plots.predictions(nested, "age10", "classroom", ["P02-S1-C1"], at={"sex": "female"})
    design, scale = nested.design, nested.scale
    tau2 = nested.variance_components["vcov"].to_numpy()
    Zs = [np.eye(g.n_levels)[g.codes] for g in design.groupings]
    V = scale * np.eye(design.n) + sum(t * Z @ Z.T for t, Z in zip(tau2[:2], Zs, strict=True))
    V_inverse = np.linalg.inv(V)
    row = int(np.argmax(SCHOOLS["classroom"] == "P02-S1-C1"))
    own = [Z[row] for Z in Zs]
    c = sum(t * Z @ z for t, Z, z in zip(tau2[:2], Zs, own, strict=True))  # cov(y, z'b)
    age = SCHOOLS.loc[SCHOOLS["classroom"] == "P02-S1-C1", "age10"].min()
    x = np.array([1.0, 0.0, age])[[list(design.fixed_names).index(n) for n in design.fixed_names]]
    x[list(design.fixed_names).index("age10")] = age
    x[list(design.fixed_names).index("sex[T.male]")] = 0.0
    gap = x - design.X.T @ V_inverse @ c
    variance = tau2[:2].sum() - c @ V_inverse @ c
    variance += gap @ np.linalg.inv(design.X.T @ V_inverse @ design.X) @ gap
    residual = V_inverse @ (design.y - design.X @ nested.fe_params.to_numpy())
    mean, half = x @ nested.fe_params.to_numpy() + c @ residual, 1.959964 * np.sqrt(variance)
    assert band_at(ax.collections[1], age) == pytest.approx((mean - half, mean + half))
    assert ax.get_xlabel() == "age10 (years); sex = female"
    assert "classroom P02-S1-C1" in plots.alt_text(ax)


def test_predictions_chooses_the_highest_and_the_lowest_group(sloped):
    ax = plots.predictions(sloped, "age10", "school")
    middle = SCHOOLS["age10"].quantile(0.5, interpolation="lower")
    at = sloped.random_effects["school"] @ [1, middle]
    names = {text.get_text() for text in ax.get_legend().get_texts()}
    assert {f"school {at.idxmax()}", f"school {at.idxmin()}"} < names


def dense_reml(fit, sds, sigma: float | None = None) -> float:
    """-2 restricted log-likelihood of a model with two random intercepts, from its V.

    Without sigma, `sds` are ratios to it, and it is the best for these: its square is r' V^-1 r / (n - p).
    """
    X, y = fit.design.X, fit.design.y
    Zs = [np.eye(g.n_levels)[g.codes] for g in fit.design.groupings]
    V = (sigma or 1) ** 2 * np.eye(len(y))
    V += sum(s**2 * Z @ Z.T for s, Z in zip(sds, Zs, strict=True))
    XVX = X.T @ np.linalg.solve(V, X)
    r = y - X @ np.linalg.solve(XVX, X.T @ np.linalg.solve(V, y))
    logdets = np.linalg.slogdet(V)[1] + np.linalg.slogdet(XVX)[1]
    squares, df = r @ np.linalg.solve(V, r), len(y) - X.shape[1]
    if sigma is None:
        return logdets + df * (np.log(squares / df) + 1 + np.log(2 * np.pi))
    return logdets + squares + df * np.log(2 * np.pi)


@pytest.mark.slow
@pytest.mark.parametrize("relative", [False, True])
def test_the_surface_rises_as_the_dense_deviance_does(nested, relative):
    ax = plots.deviance_surface(nested, points=9, relative=relative)
    sigma = np.sqrt(nested.scale)
    sds = nested.variance_components["sdcor"].to_numpy()[:2]
    (star,) = offsets(ax, "estimates")
    assert star == pytest.approx(sds / sigma if relative else sds)
    lowest = dense_reml(nested, sds, sigma)
    for corner in ([0, sds[1]], [sds[0], 0]):
        of_residual = {} if relative else {"sigma": sigma}
        there = np.array(corner) / sigma if relative else corner
        rise = dense_reml(nested, there, **of_residual) - lowest
        assert said(rise, plots.alt_text(ax))
    expected = "theta of Intercept | school" if relative else "sd(Intercept | school) (points)"
    assert ax.get_ylabel() == expected


def test_recovery_of_one_fit_draws_estimates_intervals_and_truths(simulated):
    table = simulated[0]
    axes = plots.recovery(table)
    assert [ax.get_title(loc="left") for ax in axes] == ["Intercept", "fixed effects", "SDs"]
    known = table.dropna(subset=["true", "estimate"])
    for ax, kind in ((axes[1], "fixed effect"), (axes[2], "SD")):
        rows = known[(known["kind"] == kind) & (known["effect"] != "Intercept")]
        rows = known[known["kind"] == kind] if kind == "SD" else rows
        points = [c for c in ax.collections if isinstance(c, matplotlib.collections.PathCollection)]
        drawn = np.concatenate([c.get_offsets()[:, 0] for c in points])
        assert sorted(drawn) == pytest.approx(sorted([*rows["estimate"], *rows["true"]]))
    covered = table["covered"].dropna()
    assert f"{covered.sum()} of {len(covered)} intervals" in plots.alt_text(axes)


@pytest.mark.slow
def test_recovery_of_many_fits_counts_coverage(simulated):
    axes = plots.recovery(simulated)
    covered = pd.concat(simulated)["covered"].dropna()
    text = plots.alt_text(axes)
    assert f"{100 * covered.mean():.1f} % of the {len(covered)} intervals" in text
    ages = [t.loc[t["effect"] == "age", "estimate"].iloc[0] for t in simulated]
    assert f"age {np.mean(ages):.3g} for" in text


def test_a_surface_needs_two_sds(fit):
    with pytest.raises(CourseError, match="needs two SDs"):
        plots.deviance_surface(fit)


@pytest.mark.slow
def test_pictures_of_a_variance_estimated_at_0():
    rng = np.random.default_rng(8)
    y = np.tile([-2.0, -1, 0, 1, 2], 12) + rng.normal(0, 0.01, 60)
    data = pd.DataFrame({"g": np.repeat([f"{i:02}" for i in range(12)], 5), "y": y})
    data["h"] = np.tile(list("abcde"), 12)
    data["y"] -= data.groupby("g")["y"].transform("mean")
    singular = mixedlm("y ~ 1 + (1|g) + (1|h)", data).fit()
    assert singular.singular
    with pytest.raises(CourseError, match="estimated at 0"):
        plots.qq(singular, "g")
    ax = plots.deviance_surface(singular, points=7)
    assert offsets(ax, "estimates")[0, 0] == pytest.approx(0, abs=1e-3)
    assert plots.alt_text(plots.caterpillar(singular, "g"))


def test_pictures_name_levels_of_two_columns():
    data = SCHOOLS.assign(room=SCHOOLS["classroom"].str[-2:])
    crossed = mixedlm("test_score ~ age10 + (age10|school:room)", data).fit()
    (ax,) = plots.lines(crossed, "age10", "school:room", [("P01-S1", "C1")])
    assert ax.get_title().startswith("P01-S1:C1 (n = ")
    assert "P01-S1:C1" in plots.alt_text(
        plots.predictions(crossed, "age10", "school:room", ["P01-S1:C1"])
    )
