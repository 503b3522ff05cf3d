"""Pictures can be read without colour, and stand on a page with a text that says what they show."""

import base64
import io
import itertools
import re

import matplotlib
import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import SCHOOLS, TWELVE, colours_off_the_palette, numbers
from matplotlib.colors import to_rgb
from PIL import Image

from course import plots
from course.errors import CourseError
from course.inference.profile import profile

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
    about = how["metadata"]["image/png"]
    assert how["raw"] and about["alt"] == ALT
    # twice as many points as are to be seen, for screens that have them
    size = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).size
    assert (about["width"], about["height"]) == tuple(round(points / 2) for points in size)
    image = matplotlib.image.imread(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert image.shape[0] > 100 and image.shape[1] > 100
    assert capsys.readouterr().out == f"In the picture: {ALT}\n"
    assert plt.get_fignums() == []


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_show_takes_the_text_of_the_picture(nested, monkeypatch, capsys):
    sent = []
    monkeypatch.setattr("course.plots.page._png", lambda figure: ("", 1, 1))  # looked at above
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


def test_importing_the_package_draws_in_no_library():
    import subprocess
    import sys

    code = "import course, sys; print('matplotlib' in sys.modules, 'seaborn' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]
