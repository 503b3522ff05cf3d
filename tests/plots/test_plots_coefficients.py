"""Coefficients of several fits side by side: what is drawn is what the fits say."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
import statsmodels.formula.api as smf
from drawn import colours_off_the_palette

from course import load, mixedlm, plots
from course.errors import CourseError

PUPILS = load("pupils").query("province in ['P01', 'P02', 'P03']").reset_index(drop=True)
FIXED = "test_score ~ age + sex + school_resources"


@pytest.fixture(scope="module")
def fits():
    return {
        "smf.ols": smf.ols(FIXED, PUPILS).fit(),
        "mixed model": mixedlm(f"{FIXED} + (1|school)", PUPILS).fit(),
        "statsmodels": smf.mixedlm(FIXED, PUPILS, groups="school").fit(),
    }


def points(ax, label: str) -> np.ndarray:
    (found,) = [one for one in ax.collections if one.get_label() == label]
    return np.asarray(found.get_offsets())


def intervals(ax) -> list[np.ndarray]:
    segments = [one.get_segments() for one in ax.collections if hasattr(one, "get_segments")]
    return [np.array([[line[0, 0], line[1, 0]] for line in lines]) for lines in segments]


def test_estimates_and_intervals_are_those_of_the_fits(fits):
    ax = plots.coefficients(fits)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert sorted(names) == ["age", "school_resources", "sex[T.male]"]  # and no intercept
    drawn = dict(zip(fits, intervals(ax), strict=True))
    for name, fit in fits.items():
        estimate = fit.params[names] if name == "smf.ols" else fit.fe_params[names]
        assert points(ax, name)[:, 0] == pytest.approx(estimate.to_numpy())
    for name in ("smf.ols", "statsmodels"):
        assert drawn[name] == pytest.approx(fits[name].conf_int().loc[names].to_numpy())
    own = fits["mixed model"].fixed_effects.loc[names, ["lower", "upper"]]
    assert drawn["mixed model"] == pytest.approx(own.to_numpy())


def test_the_first_name_is_on_top_and_fits_do_not_cover_each_other(fits):
    ax = plots.coefficients(fits, ["school_resources", "age"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["school_resources", "age"]
    heights = np.column_stack([points(ax, name)[:, 1] for name in fits])
    assert (heights[0] > heights[1].max()).all()
    assert (np.diff(heights, axis=1) < -0.1).all()


def test_truth_stands_where_it_is_known(fits):
    ax = plots.coefficients(fits, truth={"age": 4.0, "Intercept": 20.0, "unheard_of": 1.0})
    (place,) = points(ax, "truth")
    (row,) = [y for y, t in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
              if t.get_text() == "age"]  # fmt: skip
    assert list(place) == [4.0, row]
    assert "truth 4." in plots.alt_text(ax)
    assert "truth" not in plots.alt_text(plots.coefficients(fits))


def test_the_text_has_the_numbers(fits):
    text = plots.alt_text(plots.coefficients(fits, ["school_resources"]))
    table = fits["mixed model"].fixed_effects.loc["school_resources"]
    low, high = (f"{table[end]:.3g}" for end in ("lower", "upper"))
    assert text.startswith("1 coefficient with 95 % intervals, from smf.ols, mixed model and")
    assert f"mixed model {table['estimate']:.3g} ({low} to {high})" in text


@pytest.mark.slow
def test_the_axis_has_its_unit(fits):
    assert plots.coefficients(fits).get_xlabel() == (
        "coefficient (points per unit of the predictor)"
    )
    exam = {"ols": smf.ols("normexam ~ standLRT", load("exam")).fit()}
    assert plots.coefficients(exam).get_xlabel() == "coefficient"
    assert "SDs per" in plots.coefficients(exam, unit="SDs").get_xlabel()


@pytest.mark.slow
def test_the_picture_is_safe_for_colour_blind_readers_and_takes_an_axes(fits):
    figure, mine = plt.subplots()
    ax = plots.coefficients({**fits, "again": fits["smf.ols"]}, ax=mine)
    assert ax is mine
    page = io.BytesIO()
    figure.savefig(page, format="png", dpi=110)
    assert colours_off_the_palette(page.getvalue()) == []


def test_wrong_input_says_what_to_write(fits):
    with pytest.raises(CourseError, match="from one to 4 fits by name"):
        plots.coefficients({})
    with pytest.raises(CourseError, match="from one to 4 fits by name"):
        plots.coefficients(fits["smf.ols"])
    with pytest.raises(CourseError, match="school_resources"):
        plots.coefficients(fits, ["school_resource"])
    with pytest.raises(CourseError, match="given a DataFrame"):
        plots.coefficients({"x": PUPILS[["age"]]})
    alone = {"x": smf.ols("test_score ~ 1", PUPILS).fit()}
    with pytest.raises(CourseError, match="no coefficient in common"):
        plots.coefficients(alone)
