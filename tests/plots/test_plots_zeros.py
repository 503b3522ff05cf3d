"""The fan of lines and the curves over the place of zero, against fits with zero elsewhere."""

import io
import re

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import colours_off_the_palette

from course import load, mixedlm, plots, simulate_schools
from course.errors import CourseError

PUPILS = load("pupils").query("province in ['P01', 'P02', 'P03']").reset_index(drop=True)


@pytest.fixture(scope="module")
def fit():
    return mixedlm("test_score ~ age + sex + (age|school)", PUPILS).fit()


def numbers(text: str) -> list[float]:
    return [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", text.replace(",", ""))]


def labelled(ax, label: str) -> np.ndarray:
    (found,) = [one for one in ax.lines if one.get_label() == label]
    return np.column_stack(found.get_data())


def inner(ax) -> list[np.ndarray]:
    """The lines of the groups where there are data."""
    return [np.column_stack(one.get_data()) for one in ax.lines if one.get_linestyle() == "-"
            and len(one.get_xdata()) > 2]  # fmt: skip


# -- fan -------------------------------------------------------------------------------------


def test_a_fan_has_the_line_of_every_group(fit):
    ax = plots.fan(fit, "age", "school")
    effects = fit.random_effects["school"]
    sex = PUPILS["sex"].mode().iloc[0]
    constant = fit.fe_params["Intercept"] + (sex == "male") * fit.fe_params["sex[T.male]"]
    drawn = inner(ax)
    assert len(drawn) == len(effects)
    for xy, (u0, u1) in zip(drawn, effects.to_numpy(), strict=True):
        expected = constant + u0 + (fit.fe_params["age"] + u1) * xy[:, 0]
        assert xy[:, 1] == pytest.approx(expected)
        assert xy[[0, -1], 0] == pytest.approx([PUPILS["age"].min(), PUPILS["age"].max()])


def test_a_fan_reaches_its_zeros_and_is_dotted_beyond_the_data(fit):
    ax = plots.fan(fit, "age", "school", zeros=[0, 10])
    dotted = [one for one in ax.lines if one.get_linestyle() == ":"]
    assert len(dotted) == len(fit.random_effects["school"])
    assert {one.get_xdata()[0] for one in dotted} == {0.0}
    assert {one.get_xdata()[-1] for one in dotted} == {PUPILS["age"].min()}
    upright = [one.get_xdata()[0] for one in ax.lines if len(one.get_xdata()) == 2]
    assert upright == [0, 10]
    rows = PUPILS.groupby("school").head(1).assign(age=0.0, sex=PUPILS["sex"].mode().iloc[0])
    at_zero = fit.predict(rows, random=["school"])
    for end in (at_zero.min(), at_zero.max()):
        assert any(n == pytest.approx(end, rel=5.1e-3) for n in numbers(plots.alt_text(ax)))


def test_a_fan_of_classrooms_holds_the_schools_that_contain_them():
    nested = mixedlm("test_score ~ age + (age|classroom) + (1|school)", PUPILS).fit()
    drawn = inner(plots.fan(nested, "age", "classroom"))
    first = PUPILS.groupby("classroom").head(1).sort_values("classroom")
    expected = nested.predict(first.assign(age=PUPILS["age"].max()))
    assert [xy[-1, 1] for xy in drawn] == pytest.approx(expected.to_list())


@pytest.mark.slow
def test_a_fan_over_whole_numbers():
    years = load("pupils_three_years")
    fit = mixedlm("test_score ~ year + (year|school)", years).fit()
    ax = plots.fan(fit, "year", "school", zeros=[0])
    assert "at 0" in plots.alt_text(ax)
    assert "at 1.5" in plots.alt_text(plots.fan(fit, "year", "school", zeros=[1.5]))


# -- moving zero -----------------------------------------------------------------------------


@pytest.mark.parametrize("zero", [8, 9.5, 12])
def test_the_curves_are_those_of_a_fit_with_zero_there(fit, zero):
    axes = plots.moving_zero(fit, "school", zeros=[zero, 0])
    moved = mixedlm(f"test_score ~ I(age - {zero}) + sex + (I(age - {zero})|school)", PUPILS).fit()
    sd, _, correlation = moved.variance_components["sdcor"][:3]
    for ax, expected in zip(axes, (sd, correlation), strict=True):
        (marks,) = [c for c in ax.collections if len(c.get_offsets()) == 2]
        assert np.asarray(marks.get_offsets())[0] == pytest.approx([zero, expected], abs=2e-3)


@pytest.mark.slow
def test_the_sd_is_smallest_where_the_correlation_passes_0(fit):
    axes = plots.moving_zero(fit, "school", zeros=[-5, 25])
    sd, correlation = (np.column_stack(ax.lines[0].get_data()) for ax in axes)
    step = sd[1, 0] - sd[0, 0]
    lowest = sd[sd[:, 1].argmin(), 0]
    crossing = correlation[np.abs(correlation[:, 1]).argmin(), 0]
    assert abs(lowest - crossing) <= 1.01 * step
    text = plots.alt_text(axes)
    said = float(re.search(r"smallest, [\d.]+, with zero at ([\d.]+)", text)[1])
    assert abs(said - crossing) <= step


def test_slopes_that_do_not_vary_have_no_correlation():
    flat = simulate_schools(5, 3, 1, 8, seed=4).data
    flat["test_score"] = flat.groupby("school").ngroup() + 2 * flat["age"]
    flat["test_score"] += np.tile([0.1, -0.1], len(flat) // 2)
    fit = mixedlm("test_score ~ age + (age|school)", flat).fit()
    assert fit.variance_components["vcov"][1] < 1e-3
    text = plots.alt_text(plots.moving_zero(fit, "school", zeros=[8, 10]))
    assert "nan" not in text


# -- both ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fan", "moving_zero"])
def test_labels_text_and_colours(fit, name):
    before = dict(matplotlib.rcParams)
    if name == "fan":
        axes = [plots.fan(fit, "age", "school", zeros=[0, 8, 10, 12])]
    else:
        axes = plots.moving_zero(fit, "school", zeros=[0, 8, 10, 12])
    assert dict(matplotlib.rcParams) == before
    assert "age (years)" in axes[-1].get_xlabel() and "points" in axes[0].get_ylabel()
    text = plots.alt_text(axes)
    assert len(text) > 60 and numbers(text) and "nan" not in text
    page = io.BytesIO()
    axes[0].figure.savefig(page, format="png", dpi=110)
    assert colours_off_the_palette(page.getvalue()) == []


def test_axes_of_the_caller(fit):
    figure, mine = plt.subplots(1, 3)
    assert plots.fan(fit, "age", "school", ax=mine[0]) is mine[0]
    assert list(plots.moving_zero(fit, "school", zeros=[8], ax=mine[1:])) == list(mine[1:])
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize(
    ("draw", "mend"),
    [
        (lambda f: plots.fan(f, "aeg", "school"), "did you mean 'age'"),
        (lambda f: plots.fan(f, "age", "scholl"), "did you mean 'school'"),
        (lambda f: plots.fan(f, "age", "school", zeros=["ten"]), "write numbers"),
        (lambda f: plots.moving_zero(f, "school", zeros=[]), "zeros= is empty"),
        (lambda f: plots.moving_zero(f, "school", zeros=[np.nan]), "write numbers"),
        (lambda f: plots.moving_zero(f, "school", "sex", zeros=[1]), "no random effect 'sex'"),
    ],
)
def test_what_is_not_there_is_named(fit, draw, mend):
    with pytest.raises(CourseError, match=mend):
        draw(fit)
