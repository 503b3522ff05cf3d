"""The numbers behind the pictures that move: what they become at each position is what a fit says there."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import sliders
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


def test_power_is_that_of_a_t_test_of_the_means_of_schools():
    numbers = sliders.power()
    for row, pupils in zip(numbers["power"], numbers["pupils"], strict=True):
        sd = np.sqrt(sliders.SCHOOL_SD**2 + sliders.PUPIL_SD**2 / pupils)
        for schools, found in zip(numbers["schools"], row, strict=True):
            by_statsmodels = TTestIndPower().power(sliders.EFFECT / sd, schools / 2, 0.05)
            assert found == pytest.approx(by_statsmodels, abs=6e-4)


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
