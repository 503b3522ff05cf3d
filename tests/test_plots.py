"""Pictures show the numbers they should, can be read without colour, and say so in words."""

import base64
import io
import itertools

import matplotlib

matplotlib.use("Agg")

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from course import mixedlm, plots
from course.errors import CourseError

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
