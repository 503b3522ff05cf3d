"""The numbers behind the pictures that move: what they become at each position is what a fit says there."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sliders
from scipy.interpolate import RectBivariateSpline
from statsmodels.stats.power import TTestIndPower

from course import load, mixedlm

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pupils():
    return load("pupils")


@pytest.mark.parametrize("at", [6, 10, 12.5])
def test_lines_counted_from_another_zero_are_those_of_the_model_fitted_there(pupils, at):
    """As sliders.js moves them: SD and correlation at zero, and each school's intercept."""
    numbers = sliders.zero()
    first, slope = numbers["variances"]
    moved = mixedlm("test_score ~ x + (x|school)", pupils.assign(x=pupils["age"] - at)).fit()
    sd = np.sqrt(first + 2 * at * numbers["covariance"] + at**2 * slope)
    correlation = (numbers["covariance"] + at * slope) / (sd * np.sqrt(slope))
    by_fit = moved.variance_components["sdcor"]
    assert sd == pytest.approx(by_fit[0], rel=1e-4)
    assert correlation == pytest.approx(by_fit[2], abs=1e-4)
    intercepts = [u0 + at * u1 for u0, u1 in numbers["schools"]]
    assert intercepts == pytest.approx(
        moved.random_effects["school"]["Intercept"].tolist(), abs=2e-3
    )


def test_a_school_shrinks_as_far_as_the_model_shrinks_it(pupils):
    """With its own number of pupils, the share that sliders.js keeps gives the school's predicted effect."""
    numbers = sliders.shrinkage()
    fit = mixedlm("test_score ~ 1 + (1|school)", pupils).fit()
    schools = pupils.groupby("school")["test_score"].agg(["mean", "size"])
    kept = numbers["between"] / (numbers["between"] + numbers["within"] / schools["size"])
    predicted = kept * (schools["mean"] - numbers["mean"])
    assert predicted.tolist() == pytest.approx(
        fit.random_effects["school"]["Intercept"].loc[schools.index].tolist(), abs=1e-4
    )
    assert len(numbers["schools"]) == sliders.SHOWN
    assert set(numbers["schools"]) <= set(schools["mean"].round(2))


def test_schools_and_pupils_to_be_stretched_have_means_0_and_sds_1():
    numbers = sliders.alike()
    assert np.std(numbers["schools"], ddof=1) == pytest.approx(1, abs=1e-3)
    for pupils in numbers["pupils"]:
        assert np.mean(pupils) == pytest.approx(0, abs=0.005)
        assert np.std(pupils) == pytest.approx(1, abs=0.005)


@pytest.mark.slow
def test_power_is_that_of_a_t_test_of_the_means_of_schools():
    numbers = sliders.power()
    for row, pupils in zip(numbers["power"], numbers["pupils"], strict=True):
        sd = np.sqrt(sliders.SCHOOL_SD**2 + sliders.PUPIL_SD**2 / pupils)
        for schools, found in zip(numbers["schools"], row, strict=True):
            by_statsmodels = TTestIndPower().power(sliders.EFFECT / sd, schools / 2, 0.05)
            assert found == pytest.approx(by_statsmodels, abs=6e-4)


@pytest.fixture(scope="module")
def surface():
    return sliders.surface()


@pytest.mark.slow
@pytest.mark.parametrize(("room", "school"), [(0, 0), (0, 1.0), (0.7, 0), (0.7, 1.0), (1.6, 0.05)])
def test_a_point_of_the_surface_is_what_dense_algebra_says(surface, room, school):
    """The likelihood with V itself, and the effects from V, which sliders.js has in closed form."""
    pupils = sliders.lesson_10()
    y, X = pupils["test_score"].to_numpy(), np.column_stack([np.ones(len(pupils)), pupils["age10"]])
    Z = {name: pd.get_dummies(pupils[name]).astype(float) for name in ("classroom", "school")}
    parts = {"classroom": room, "school": school}
    V = np.eye(len(y)) + sum(parts[name] ** 2 * Z[name] @ Z[name].T for name in Z).to_numpy()
    weighted = np.linalg.solve(V, np.column_stack([X, y]))
    XX, Xy = X.T @ weighted[:, :2], X.T @ weighted[:, 2]
    beta = np.linalg.solve(XX, Xy)
    left = weighted[:, 2] - weighted[:, :2] @ beta
    df = len(y) - 2
    sigma2 = (y - X @ beta) @ left / df
    deviance = np.linalg.slogdet(V)[1] + np.linalg.slogdet(XX)[1]
    deviance += df * (1 + np.log(2 * np.pi * sigma2))
    fit = mixedlm("test_score ~ age10 + (1|classroom) + (1|school)", pupils).fit()

    row, column = round(school / surface["step"]), round(room / surface["step"])
    at = {name: surface[name][row][column] for name in ("above", "sigma", "intercept", "slope")}
    assert at["above"] == pytest.approx(deviance + 2 * fit.llf, abs=6e-3)
    assert at["sigma"] == pytest.approx(np.sqrt(sigma2), abs=6e-4)
    assert [at["intercept"], at["slope"]] == pytest.approx(beta, abs=6e-3)

    predicted = list(predict(surface["schools"], at, room, school))
    effects = school**2 * Z["school"].to_numpy().T @ left
    assert sorted(effect for effect, _ in predicted) == pytest.approx(sorted(effects), abs=0.02)
    rooms = Z["classroom"].to_numpy().T
    both = rooms @ (V - np.eye(len(y))) @ left / rooms.sum(1)  # of each classroom with its school
    of_rooms = [one for _, classrooms in predicted for one in classrooms]
    assert sorted(of_rooms) == pytest.approx(sorted(both), abs=0.02)


def predict(schools, at, room, school):
    """As sliders.js: the effect of each school, and that of each of its classrooms, with the school's."""
    for rooms in schools:
        n, age, score = np.transpose(rooms)
        left = score - at["intercept"] - at["slope"] * age
        weights = n / (1 + room**2 * n)
        effect = school**2 * (weights @ left) / (1 + school**2 * weights.sum())
        yield effect, effect + room**2 * weights * (left - effect)


@pytest.mark.slow
def test_the_star_is_where_mixedlm_ends_and_no_point_of_the_surface_is_lower(surface):
    fit = mixedlm("test_score ~ age10 + (1|classroom) + (1|school)", sliders.lesson_10()).fit()
    relative = fit.variance_components["sdcor"] / fit.sigma
    assert surface["best"] == pytest.approx(relative[:2], abs=6e-4)
    above = np.array(surface["above"])
    lowest = np.unravel_index(above.argmin(), above.shape)
    assert 0 <= above.min() < 0.1
    nearest = np.array([lowest[1], lowest[0]]) * surface["step"]
    assert np.abs(nearest - surface["best"]).max() <= surface["step"] / 2


@pytest.mark.slow
def test_a_contour_runs_within_a_pixel_of_where_the_deviance_is_as_high_as_it_says(surface):
    """By a smooth surface through the points of the sliders; a theta of 0.005 is a pixel."""
    above = np.array(surface["above"])
    thetas = surface["step"] * np.arange(len(above))
    height = RectBivariateSpline(thetas, thetas, above)
    for contour in surface["contours"]:
        assert contour["lines"]
        room, school = np.concatenate(contour["lines"]).T
        steep = np.hypot(height.ev(school, room, dx=1), height.ev(school, room, dy=1))
        assert (np.abs(height.ev(school, room) - contour["level"]) / steep).max() < 0.005


@pytest.mark.slow
@pytest.mark.parametrize("lesson", sliders.SLIDERS)
def test_a_slider_stands_at_the_end_of_its_section(lesson):
    source = (ROOT / "notebooks" / "source" / f"{lesson}.py").read_text(encoding="utf-8")
    text = re.sub(r"^# ?", "", source, flags=re.MULTILINE)
    made = sliders.with_slider(lesson, text)
    before, figure, after = re.split(r"(<figure.*</figure>)", made, flags=re.DOTALL)
    assert re.findall(r"^## (.*)$", before, re.MULTILINE)[-1] == sliders.SLIDERS[lesson].section
    assert re.search(r"^~*\n+## ", after, re.MULTILINE)
    assert json.loads(re.search(r"json\">(.*?)</script>", figure)[1])
    assert (
        figure.count("<label for=") == figure.count('type="range"') == figure.count("<output for=")
    )


def test_lessons_without_a_slider_stay_as_they_are():
    assert sliders.with_slider("glossary", "# Glossary\n") == "# Glossary\n"


def test_a_heading_that_was_renamed_is_told():
    with pytest.raises(ValueError, match="Where is zero"):
        sliders.with_slider("03-random-slopes", "# Random slopes\n")
