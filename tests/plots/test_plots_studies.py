"""Curves of power: the numbers of the table, told apart without colour, and said in words."""

import io
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import colours_off_the_palette
from matplotlib.colors import to_rgb

from course import plots
from course.errors import CourseError
from course.plots.studies import STYLES
from course.studies.power import Power

N = 50


def made_up(schools=(10, 20, 40), students=(5,), effects=(1.0,), classrooms=(1,)) -> Power:
    """A study that was never run: power rises with everything."""
    grid = list(itertools.product(schools, classrooms, students, effects))
    rows = [
        {"design": i, "provinces": 2, "schools": s, "classrooms": c, "students": p, "effect": e,
         "replicate": r, "p_value": 0.01 if r < N * (i + 1) / (len(grid) + 1) else 0.5,
         "converged": True, "singular": False, "error": None}
        for i, (s, c, p, e) in enumerate(grid)
        for r in range(N)
    ]  # fmt: skip
    return Power(pd.DataFrame(rows), "test_score ~ age + (1|school)", "age", 0.05, 1)


def curves(ax) -> list[np.ndarray]:
    """Points of each curve, (k, 2)."""
    return [box[0].get_xydata() for box in ax.containers]


def test_one_curve_shows_the_table():
    power = made_up()
    ax = plots.power_curves(power)
    (curve,) = curves(ax)
    np.testing.assert_allclose(curve, power.table[["schools", "power"]])
    (band,) = [c for c in ax.collections if c.get_alpha()]
    height = band.get_paths()[0].vertices[:, 1]
    limits = power.table[["lower", "upper"]].to_numpy()
    assert height.min() == limits.min() and height.max() == limits.max()
    assert ax.get_xlabel() == "schools per province"
    assert ax.get_ylabel() == "power (two-sided, alpha 0.05)"
    assert [text.get_text() for text in ax.get_xticklabels()] == ["10", "20", "40"]
    first, last = power.table["power"].iloc[[0, -1]]
    assert plots.alt_text(ax) == (
        "Power of the test of age as schools per province goes from 10 to 40, from 50 replicates of each "
        f"design, with 95 % intervals. {first:.2f} to {last:.2f}."
    )


def test_lines_for_effects_and_panels_for_the_rest():
    power = made_up(students=(5, 20), effects=(0.0, 0.5))
    axes = plots.power_curves(power)
    assert [ax.get_title(loc="left") for ax in axes] == [
        "5 pupils per school",
        "20 pupils per school",
    ]
    table = power.table
    for ax, students in zip(axes, (5, 20), strict=True):
        for curve, effect in zip(curves(ax), (0, 0.5), strict=True):
            rows = table[(table["students"] == students) & (table["effect"] == effect)]
            np.testing.assert_allclose(curve, rows[["schools", "power"]])
    legend = [text.get_text() for text in axes[0].figure.legends[0].get_texts()]
    assert legend == ["effect 0", "effect 0.5", "95 % interval", "power 0.8"]
    text = plots.alt_text(axes)
    for _, rows in table.groupby(["students", "effect"]):
        assert f"{rows['power'].iloc[0]:.2f} to {rows['power'].iloc[-1]:.2f}" in text


def test_without_other_effects_the_other_size_makes_the_lines():
    ax = plots.power_curves(made_up(students=(5, 20)))
    legend = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert legend[:2] == ["5 pupils per school", "20 pupils per school"]
    assert len(curves(ax)) == 2


def test_what_runs_along_the_axis_may_be_chosen():
    power = made_up(effects=(0.0, 1.0))
    ax = plots.power_curves(power, x="effect")
    assert ax.get_xlabel() == "true effect of age (points per year)"
    assert len(curves(ax)) == 3
    ax = plots.power_curves(made_up(students=(5, 20)), x="pupils", target=None)
    assert ax.get_xlabel() == "pupils in all"
    assert [curve[:, 0].tolist() for curve in curves(ax)] == [[100, 400], [200, 800], [400, 1600]]
    level = [line for line in ax.lines if len(set(line.get_ydata())) == 1 < len(line.get_xdata())]
    assert not level  # no line at a target


def test_a_range_of_sizes_stands_at_its_mean():
    ax = plots.power_curves(made_up(schools=(4, (5, 15), 12)))
    (curve,) = curves(ax)
    assert curve[:, 0].tolist() == [4, 10, 12]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["4", "5 to 15", "12"]


@pytest.mark.slow
def test_into_axes_of_the_caller():
    mine = plt.subplots(1, 2)[1]
    axes = plots.power_curves(made_up(students=(5, 20), effects=(0.0, 0.5)), ax=mine)
    assert list(axes) == list(mine) and mine[0].get_legend() and not mine[0].figure.legends
    with pytest.raises(CourseError, match="2 panels"):
        plots.power_curves(made_up(students=(5, 20), effects=(0.0, 0.5)), ax=mine[0])


@pytest.mark.slow
def test_curves_can_be_told_apart_without_colour():
    assert len({marker for _, marker, _ in STYLES}) == len({str(d) for *_, d in STYLES}) == 6
    weights = np.array([0.2126, 0.7152, 0.0722])
    one, other, third = (weights @ to_rgb(colour) for colour, *_ in STYLES[:3])
    assert min(abs(one - other), abs(one - third), abs(other - third)) > 0.15
    for power in (
        made_up(schools=(1, 2, 3, 4, 5, 6), effects=range(6)),
        made_up(effects=(0, 1, 2)),
    ):
        page = io.BytesIO()
        plots.power_curves(power).figure.savefig(page, format="png", dpi=110)
        assert not colours_off_the_palette(page.getvalue())


def test_the_method_draws_the_same():
    assert plots.alt_text(made_up().plot()) == plots.alt_text(plots.power_curves(made_up()))


@pytest.mark.parametrize(
    ("power", "options", "message"),
    [
        ("no study", {}, "what course.power"),
        (made_up(schools=(10,)), {}, "one design only"),
        (made_up(), {"x": "students"}, "does not vary in this study; what does: schools"),
        (made_up(), {"x": "school"}, "did you mean 'schools'"),
        (made_up(effects=range(7)), {"x": "schools"}, "7 lines"),
    ],
)
def test_what_cannot_be_drawn(power, options, message):
    with pytest.raises(CourseError, match=message):
        plots.power_curves(power, **options)


@pytest.mark.slow
def test_sizes_are_counted_in_what_the_study_has_several_of():
    assert plots.power_curves(made_up(classrooms=(1, 3))).get_xlabel() == "schools per province"
    several = made_up(schools=(10,), students=(5, 20), classrooms=(3,))
    assert plots.power_curves(several).get_xlabel() == "pupils per classroom"
    one_province = made_up()
    one_province.replicates["provinces"] = 1
    assert plots.power_curves(one_province).get_xlabel() == "schools"
