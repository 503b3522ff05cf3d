"""Pictures show the numbers they should, can be read without colour, and say so in words."""

import base64
import io
import itertools
import re

import matplotlib

matplotlib.use("Agg")

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from scipy import optimize, stats
from test_notebooks import colours_off_the_palette

from course import load, mixedlm, plots, simulate_schools
from course.errors import CourseError
from course.profile import profile

TWELVE = pd.DataFrame(
    {
        "school": list("AAAAABBBBCCD"),
        "test_score": [50, 58, 44, 61, 52, 46, 53, 38, 51, 54, 66, 66],
        "age": [9.2, 11.3, 8.8, 11.9, 10.1, 9.0, 10.4, 8.1, 10.2, 9.7, 11.0, 10.8],
    }
)


@pytest.fixture(scope="module")
def fit():
    return mixedlm("test_score ~ 1 + (1|school)", TWELVE).fit()


@pytest.fixture(autouse=True)
def no_figure_is_left():
    yield
    plt.close("all")


def offsets(ax, label: str) -> np.ndarray:
    (points,) = [c for c in ax.collections if c.get_label() == label]
    return np.asarray(points.get_offsets())


def test_scores_draws_every_row_and_the_means_in_order():
    ax = plots.scores(TWELVE, "test_score", "school")
    rings = offsets(ax, "one row of the data, 12 in all")
    means = offsets(ax, "mean of its school")
    assert sorted(rings[:, 0]) == sorted(TWELVE["test_score"])
    assert means.tolist() == [[47, 0], [53, 1], [60, 2], [66, 3]]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["B", "A", "C", "D"]
    assert ax.get_xlabel() == "test_score (points)" and ax.get_ylabel() == "school"


def test_pooling_puts_each_partially_pooled_mean_between_the_two_others(fit):
    overall = fit.fe_params["Intercept"]
    partial = overall + fit.random_effects["school"]["Intercept"]
    ax = plots.pooling(TWELVE, "test_score", "school", partial=partial, overall=overall)
    separate, target = offsets(ax, "mean of its school"), offsets(ax, "partially pooled mean")
    assert (separate[:, 1] == target[:, 1]).all()
    low, high = np.minimum(separate[:, 0], overall), np.maximum(separate[:, 0], overall)
    assert ((low < target[:, 0]) & (target[:, 0] < high)).all()
    assert target[-1, 0] == pytest.approx(partial["D"])
    (line,) = [line for line in ax.lines if line.get_label() == "overall mean"]
    assert line.get_xdata()[0] == pytest.approx(overall)


def test_pooling_misses_no_group(fit):
    with pytest.raises(CourseError, match="no value for school D"):
        plots.pooling(
            TWELVE, "test_score", "school", partial=pd.Series({"A": 1, "B": 2, "C": 3}), overall=2
        )


def test_caterpillar_sorts_the_blups_and_draws_their_intervals(fit):
    ax = plots.caterpillar(fit, "school")
    value = fit.random_effects["school"]["Intercept"].sort_values()
    half = 1.959964 * fit.random_effects_se["school"]["Intercept"].loc[value.index]
    (bars,) = [c for c in ax.collections if isinstance(c, matplotlib.collections.LineCollection)]
    ends = np.array([segment[:, 0] for segment in bars.get_segments()])
    assert ends[:, 0] == pytest.approx((value - half).to_numpy())
    assert ends[:, 1] == pytest.approx((value + half).to_numpy())
    clear = offsets(ax, "interval excludes 0")[:, 0]
    open_ = offsets(ax, "interval includes 0")[:, 0]
    assert sorted([*clear, *open_]) == pytest.approx(value.to_list())
    assert set(clear) == set(value[value.abs() > half])
    assert ax.get_xlabel() == "random intercept of the school (points), with 95 % interval"


def test_caterpillar_of_many_levels_shows_ranks():
    rng = np.random.default_rng(1)
    school = np.repeat([f"S{i:02}" for i in range(60)], 5)
    effect = np.repeat(rng.normal(0, 3, 60), 5)
    data = pd.DataFrame({"school": school, "y": effect + rng.normal(0, 1, 300)})
    ax = plots.caterpillar(mixedlm("y ~ 1 + (1|school)", data).fit(), "school")
    assert ax.get_ylabel() == "school (rank of 60)"


def test_caterpillar_names_what_there_is(fit):
    with pytest.raises(CourseError, match="no random effects for 'classroom'; it has: school"):
        plots.caterpillar(fit, "classroom")
    with pytest.raises(CourseError, match="no random effect 'age'; it has: Intercept"):
        plots.caterpillar(fit, "school", "age")


def test_variance_shares_add_up_to_the_whole(fit):
    ax = plots.variance_shares(fit)
    widths = [bar.get_width() for bar in ax.patches]
    parts = fit.variance_components["vcov"]
    assert sum(widths) == pytest.approx(100)
    assert widths == pytest.approx((100 * parts / parts.sum()).to_list())
    assert [text.get_text() for text in ax.get_yticklabels()] == ["school", "residual"]
    assert ax.patches[-1].get_hatch()  # the residual is told by its pattern, too


def test_variance_shares_refuses_random_slopes():
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"g": np.repeat(np.arange(20), 10).astype(str), "x": rng.normal(size=200)})
    slope = np.repeat(rng.normal(0, 2, 20), 10)
    data["y"] = slope * data["x"] + rng.normal(size=200)
    with pytest.raises(CourseError, match=r"random slope \(x\)"):
        plots.variance_shares(mixedlm("y ~ x + (x|g)", data).fit())


def test_design_matrix_shows_the_blocks_side_by_side():
    schools = pd.get_dummies(TWELVE["school"])
    older = pd.get_dummies(TWELVE["age"] > 10)
    ax = plots.design_matrix({"school": schools, "older": older}, row_name="pupil")
    shown = ax.images[0].get_array()
    assert (shown == np.column_stack([schools, older]).astype(float)).all()
    assert [text.get_text() for text in ax.get_xticklabels()] == [
        "A",
        "B",
        "C",
        "D",
        "False",
        "True",
    ]
    assert [text.get_text() for text in ax.texts] == ["school", "older"]
    assert ax.get_ylabel() == "pupil"


def test_design_matrix_wants_blocks_of_the_same_rows():
    with pytest.raises(CourseError, match="at least one block"):
        plots.design_matrix({})
    Z = pd.get_dummies(TWELVE["school"])
    with pytest.raises(CourseError, match="the same rows"):
        plots.design_matrix({"one": Z, "other": Z.iloc[1:]})


# -- colours ---------------------------------------------------------------------------------

# Machado, Oliveira and Fernandes (2009), doi 10.1109/TVCG.2009.113, severity 1, on linear RGB.
DEFICIENT = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour: str) -> np.ndarray:
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


TO_XYZ = np.array(  # sRGB primaries, white D65
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB: a step of about 2 can be seen, one of 20 is another colour."""
    share = np.clip(TO_XYZ @ rgb, 0, None) / TO_XYZ.sum(axis=1)
    x, y, z = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_black_and_white_are_where_they_should_be():
    assert lab(linear("white")) == pytest.approx([100, 0, 0], abs=0.01)
    assert lab(linear("black")) == pytest.approx([0, 0, 0], abs=0.01)


COLOURS = (plots.BLUE, plots.ORANGE, plots.INK)
PAIRS = list(itertools.combinations(COLOURS, 2))


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_colours_differ_on_a_grey_printer(one, other):
    assert abs(lab(linear(one))[0] - lab(linear(other))[0]) > 15


@pytest.mark.parametrize("sight", DEFICIENT)
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_colours_differ_for_colour_blind_readers(one, other, sight):
    seen = [lab(np.clip(np.array(DEFICIENT[sight]) @ linear(c), 0, 1)) for c in (one, other)]
    assert np.linalg.norm(seen[0] - seen[1]) > 20


# -- on the page -----------------------------------------------------------------------------

ALT = "Twelve rings in four rows, and one diamond for the mean of each of the 4 schools."


def test_show_stores_the_text_and_leaves_no_figure(monkeypatch, capsys):
    sent = []
    monkeypatch.setattr(
        "IPython.display.display", lambda *args, **kwargs: sent.append((args, kwargs))
    )
    ax = plots.scores(TWELVE, "test_score", "school")
    assert plots.show(ax, alt=ALT) is None
    ((bundle,), how) = sent[0]
    assert bundle["text/plain"] == ALT
    assert how == {"raw": True, "metadata": {"image/png": {"alt": ALT}}}
    image = matplotlib.image.imread(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert image.shape[0] > 100 and image.shape[1] > 100
    assert capsys.readouterr().out == f"In the picture: {ALT}\n"
    assert plt.get_fignums() == []


def test_the_same_picture_is_the_same_bytes(monkeypatch):
    sent = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: sent.append(bundle))
    for _ in range(2):
        plots.show(plots.scores(TWELVE, "test_score", "school"), alt=ALT)
    assert sent[0] == sent[1]


@pytest.mark.parametrize("alt", ["", "a plot", " \n "])
def test_show_wants_a_text_that_says_something(alt):
    ax = plots.scores(TWELVE, "test_score", "school")
    with pytest.raises(CourseError, match="alt= must say"):
        plots.show(ax, alt=alt)


def test_drawing_changes_nobody_elses_style():
    before = dict(matplotlib.rcParams)
    plots.scores(TWELVE, "test_score", "school")
    assert dict(matplotlib.rcParams) == before


# -- pictures of fits ------------------------------------------------------------------------

SCHOOLS = (
    load("pupils").query("province in ['P01', 'P02', 'P03']").assign(age10=lambda d: d.age - 10)
)


@pytest.fixture(scope="module")
def sloped():
    return mixedlm("test_score ~ age10 + (age10|school)", SCHOOLS).fit()


@pytest.fixture(scope="module")
def nested():
    return mixedlm("test_score ~ age10 + sex + (1|classroom) + (1|school)", SCHOOLS).fit()


@pytest.fixture(scope="module")
def simulated():
    """Truth and estimates of three simulated data sets."""
    tables = []
    for seed in (1, 2, 3):
        made = simulate_schools(4, 4, 2, 10, seed=seed)
        fit = mixedlm("test_score ~ age + sex + (1|classroom) + (1|school)", made.data).fit()
        tables.append(made.truth.compare(fit))
    return tables


def line(ax, label: str) -> np.ndarray:
    (found,) = [one for one in ax.lines if one.get_label() == label]
    return np.column_stack(found.get_data())


def numbers(text: str) -> list[float]:
    return [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", text.replace(",", ""))]


def said(value: float, text: str) -> bool:
    """Whether a number is in the text, to three digits."""
    return any(n == pytest.approx(value, rel=5.1e-3, abs=1e-9) for n in numbers(text))


PICTURES = {
    "scores": lambda f, n, s: plots.scores(TWELVE, "test_score", "school"),
    "caterpillar": lambda f, n, s: plots.caterpillar(f, "school", "age10"),
    "variance_shares": lambda f, n, s: plots.variance_shares(n),
    "shrinkage": lambda f, n, s: plots.shrinkage(f, "school"),
    "intercept_slope": lambda f, n, s: plots.intercept_slope(f, "school", zero=[-10, 0]),
    "lines": lambda f, n, s: plots.lines(f, "age10", "school"),
    "predictions": lambda f, n, s: plots.predictions(n, "age10", "school"),
    "residuals": lambda f, n, s: plots.residuals(n),
    "qq": lambda f, n, s: plots.qq(n, "classroom"),
    "profile_zeta": lambda f, n, s: plots.profile_zeta(profile(n, ["age10", "sigma"])),
    "design_matrix": lambda f, n, s: plots.design_matrix(f),
    "deviance_surface": lambda f, n, s: plots.deviance_surface(n, points=11),
    "recovery": lambda f, n, s: plots.recovery(s),
}


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_has_labels_a_text_and_safe_colours(name, sloped, nested, simulated):
    before = dict(matplotlib.rcParams)
    axes = PICTURES[name](sloped, nested, simulated)
    assert dict(matplotlib.rcParams) == before
    axes = np.ravel(np.asarray(axes, dtype=object))
    assert all(isinstance(ax, matplotlib.axes.Axes) for ax in axes)
    assert axes[-1].get_xlabel() and (axes[0].get_ylabel() or axes[0].get_yticklabels())
    text = plots.alt_text(axes)
    assert len(text) > 60 and numbers(text) and "nan" not in text
    page = io.BytesIO()
    axes[0].figure.savefig(page, format="png", dpi=110)
    assert colours_off_the_palette(page.getvalue()) == []


@pytest.mark.parametrize("name", ["caterpillar", "shrinkage", "qq", "deviance_surface"])
def test_pictures_are_drawn_where_the_caller_wants_them(name, sloped, nested):
    figure, mine = plt.subplots()
    draw = {
        "caterpillar": lambda: plots.caterpillar(sloped, "school", ax=mine),
        "shrinkage": lambda: plots.shrinkage(sloped, "school", ax=mine),
        "qq": lambda: plots.qq(nested, ax=mine),
        "deviance_surface": lambda: plots.deviance_surface(nested, points=5, ax=mine),
    }[name]
    assert draw() is mine
    assert plt.get_fignums() == [figure.number]


def test_panels_need_as_many_axes_as_there_are(nested):
    _, axes = plt.subplots(1, 2)
    assert list(plots.residuals(nested, ax=axes)) == list(axes)
    with pytest.raises(CourseError, match="2 panels and ax= 1 Axes"):
        plots.residuals(nested, ax=axes[0])


def test_show_takes_the_text_of_the_picture(nested, monkeypatch, capsys):
    sent = []
    monkeypatch.setattr("IPython.display.display", lambda *args, **kwargs: sent.append(args[0]))
    axes = plots.residuals(nested)
    text = plots.alt_text(axes)
    plots.show(axes)
    assert sent[0]["text/plain"] == text
    assert capsys.readouterr().out == f"In the picture: {text}\n"
    assert plt.get_fignums() == []


def test_texts_of_several_pictures_in_one_figure_follow_each_other(nested):
    _, (one, two) = plt.subplots(1, 2)
    plots.qq(nested, ax=one)
    plots.variance_shares(nested, ax=two)
    text = plots.alt_text(two)
    assert text.index("Quantiles of") < text.index("One bar per level")


def test_a_picture_of_ones_own_has_no_text():
    with pytest.raises(CourseError, match="no text of its own"):
        plots.show(plt.subplots()[1])


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


def test_caterpillar_of_a_slope(sloped):
    ax = plots.caterpillar(sloped, "school", "age10")
    slopes = sloped.random_effects["school"]["age10"]
    assert (
        ax.get_xlabel() == "random age10 slope of the school (points per year), with 95 % interval"
    )
    text = plots.alt_text(ax)
    assert said(slopes.min(), text) and said(slopes.max(), text) and str(slopes.idxmax()) in text


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


def test_design_matrix_of_a_fit_is_its_Z():
    some = SCHOOLS.groupby("school").head(4)
    fit = mixedlm("test_score ~ 1 + (age10|school)", some).fit()
    ax = plots.design_matrix(fit)
    dummies = pd.get_dummies(some["school"]).to_numpy(dtype=float)
    Z = np.column_stack([dummies, dummies * some[["age10"]].to_numpy()])
    assert np.asarray(ax.images[0].get_array()) == pytest.approx(Z)
    minus = [text for text in ax.texts if text.get_text() == "−"]
    assert len(minus) == (Z < 0).sum()
    assert f"{len(some)} rows and {Z.shape[1]} columns" in plots.alt_text(ax)


def test_a_large_design_matrix_marks_every_cell_that_is_not_0(nested):
    ax = plots.design_matrix(nested)
    marks = np.asarray(ax.collections[0].get_offsets())
    codes = nested.design.groupings[0].codes
    assert len(marks) == 2 * len(SCHOOLS)
    assert {(codes[i], i) for i in range(len(codes))} < {tuple(mark) for mark in marks.astype(int)}
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first row on top


def dense_reml(fit, sds, sigma: float) -> float:
    """-2 restricted log-likelihood of a model with two random intercepts, from its V."""
    X, y = fit.design.X, fit.design.y
    Zs = [np.eye(g.n_levels)[g.codes] for g in fit.design.groupings]
    V = sigma**2 * np.eye(len(y)) + sum(s**2 * Z @ Z.T for s, Z in zip(sds, Zs, strict=True))
    XVX = X.T @ np.linalg.solve(V, X)
    r = y - X @ np.linalg.solve(XVX, X.T @ np.linalg.solve(V, y))
    logdets = np.linalg.slogdet(V)[1] + np.linalg.slogdet(XVX)[1]
    return logdets + r @ np.linalg.solve(V, r) + (len(y) - X.shape[1]) * np.log(2 * np.pi)


@pytest.mark.parametrize("relative", [False, True])
def test_the_surface_rises_as_the_dense_deviance_does(nested, relative):
    ax = plots.deviance_surface(nested, points=9, relative=relative)
    sigma = np.sqrt(nested.scale)
    sds = nested.variance_components["sdcor"].to_numpy()[:2]
    (star,) = offsets(ax, "estimates")
    assert star == pytest.approx(sds / sigma if relative else sds)
    lowest = dense_reml(nested, sds, sigma)
    for corner in ([0, sds[1]], [sds[0], 0]):
        rise = dense_reml(nested, corner, sigma) - lowest
        if relative:  # the residual SD at its best for these ratios
            ratios = np.array(corner) / sigma
            rise = optimize.minimize_scalar(
                lambda s, ratios=ratios: dense_reml(nested, s * ratios, s),
                bounds=(0.5 * sigma, 2 * sigma),
            ).fun
            rise -= lowest
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


def test_recovery_of_many_fits_counts_coverage(simulated):
    axes = plots.recovery(simulated)
    covered = pd.concat(simulated)["covered"].dropna()
    text = plots.alt_text(axes)
    assert f"{100 * covered.mean():.1f} % of the {len(covered)} intervals" in text
    ages = [t.loc[t["effect"] == "age", "estimate"].iloc[0] for t in simulated]
    assert f"age {np.mean(ages):.3g} for" in text


@pytest.mark.parametrize(
    ("draw", "mend"),
    [
        (lambda f, n: plots.caterpillar(f, "shool"), "did you mean 'school'"),
        (lambda f, n: plots.caterpillar(f, "school", "age"), "did you mean 'age10'"),
        (lambda f, n: plots.lines(f, "age", "school"), "did you mean 'age10'"),
        (lambda f, n: plots.lines(f, "age10", "school", ["P01S1"]), "did you mean 'P01-S1'"),
        (lambda f, n: plots.lines(f, "age10", "school", []), "levels= is empty"),
        (lambda f, n: plots.lines(n, "sex", "school"), "no numeric predictor 'sex'"),
        (lambda f, n: plots.shrinkage(n, "school"), "needs an intercept and a slope"),
        (lambda f, n: plots.shrinkage(f, "school", "Intercept"), "names the slope"),
        (lambda f, n: plots.intercept_slope(f, "province"), "no random effects for 'province'"),
        (lambda f, n: plots.qq(f, "school", "agee10"), "did you mean 'age10'"),
        (lambda f, n: plots.predictions(f, "age10", "pupil"), "no random effects for 'pupil'"),
        (lambda f, n: plots.predictions(n, "age10", at={"sexx": 1}), "did you mean 'sex'"),
        (lambda f, n: plots.predictions(n, "age10", at={"age10": 1}), "leave it out of at="),
        (lambda f, n: plots.predictions(n, "age10", level=95), "between 0 and 1"),
        (
            lambda f, n: plots.predictions(n, "age10", "classroom", list(SCHOOLS.classroom[::40])),
            "at most 4",
        ),
        (lambda f, n: plots.deviance_surface(n, "sd(age | school)"), "the model has no"),
        (
            lambda f, n: plots.deviance_surface(n, *["sd(Intercept | school)"] * 2),
            "two different SDs",
        ),
        (lambda f, n: plots.profile_zeta({"age": None}, ["agee"]), "did you mean 'age'"),
        (lambda f, n: plots.recovery([]), "tables of truth.compare"),
        (lambda f, n: plots.recovery(f.fixed_effects), "tables of truth.compare"),
        (lambda f, n: plots.scores(SCHOOLS, "test_score", "shool"), "did you mean 'school'"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(draw, mend, sloped, nested):
    with pytest.raises(CourseError, match=re.escape(mend)):
        draw(sloped, nested)


def test_a_surface_needs_two_sds(fit):
    with pytest.raises(CourseError, match="needs two SDs"):
        plots.deviance_surface(fit)


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


def test_importing_the_package_draws_in_no_library():
    import subprocess
    import sys

    code = "import course, sys; print('matplotlib' in sys.modules, 'seaborn' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]
