"""Pictures of adjusted means, contrasts and slopes show the numbers of the tables, and say them."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection

from course import CourseError, contrasts, load, means, mixedlm, plots, slopes

EXAM = load("exam").iloc[::5]


@pytest.fixture(scope="module")
def exam():
    return mixedlm("normexam ~ standLRT * schgend + vr + (1|school)", EXAM).fit()


@pytest.fixture(scope="module")
def pupils():
    return mixedlm("test_score ~ age * sex + (1|school)", load("pupils").iloc[::4]).fit()


def drawn(ax):
    """Estimates, lower and upper ends of each series, from top to bottom."""
    points = [c.get_offsets() for c in ax.collections if isinstance(c, PathCollection)]
    lines = [c.get_segments() for c in ax.collections if isinstance(c, LineCollection)]
    return [p[:, 0] for p in points], [np.array([one[:, 0] for one in line]) for line in lines]


def names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_means_are_those_of_the_table(exam):
    ax = plots.means(exam, "schgend", level=0.9, df="kenward-roger")
    table = means(exam, "schgend", level=0.9, df="kenward-roger")
    (points,), (ends,) = drawn(ax)
    np.testing.assert_allclose(points, table["estimate"])
    np.testing.assert_allclose(ends, table[["lower", "upper"]])
    assert names(ax) == ["boys", "girls", "mixed"]
    assert ax.get_xlabel() == "adjusted mean of normexam, with 90 % interval"
    assert ax.get_ylabel() == "schgend"
    text = plots.alt_text(ax)
    assert "boys" in text and "Averaged over vr with equal weights" in text
    plt.close(ax.figure)


@pytest.mark.slow
def test_a_series_for_each_level_of_by(exam, pupils):
    ax = plots.means(exam, "schgend", by="vr", weights="observed")
    table = means(exam, "schgend", by="vr", weights="observed")
    points, ends = drawn(ax)
    assert len(points) == 3
    for one, own, (_, rows) in zip(points, ends, table.groupby(level="vr"), strict=True):
        np.testing.assert_allclose(one, rows["estimate"])
        np.testing.assert_allclose(own, rows[["lower", "upper"]])
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == [f"vr {name}" for name in table.index.levels[0]]
    plt.close(ax.figure)
    ax = plots.means(pupils, "sex", by="age", at={"age": [8, 12]})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["age 8", "age 12"]
    assert "(points)" in ax.get_xlabel()
    plt.close(ax.figure)


def test_contrasts_have_the_adjusted_intervals_and_a_line_at_0(exam):
    ax = plots.contrasts(exam, "schgend", adjust="tukey")
    table = contrasts(exam, "schgend", adjust="tukey")
    (points,), (ends,) = drawn(ax)
    np.testing.assert_allclose(points, table["estimate"])
    np.testing.assert_allclose(ends, table[["lower", "upper"]])
    assert names(ax) == list(table.index)
    assert any((np.asarray(line.get_xdata()) == 0).all() for line in ax.lines)
    outside = ((table["lower"] > 0) | (table["upper"] < 0)).sum()
    text = plots.alt_text(ax)
    assert f"{outside} interval" in text and "(tukey)" in text
    plt.close(ax.figure)


def test_slopes_by_level_by_place_and_alone(pupils):
    ax = plots.slopes(pupils, "age", by="sex")
    np.testing.assert_allclose(drawn(ax)[0][0], slopes(pupils, "age", by="sex")["estimate"])
    assert names(ax) == ["female", "male"]
    assert ax.get_xlabel() == "slope of age (points per year), with 95 % interval"
    plt.close(ax.figure)
    ax = plots.slopes(pupils, "age", by="sex", at={"age": [8, 10]})
    assert names(ax) == ["8", "10"] and len(drawn(ax)[0]) == 2
    plt.close(ax.figure)
    ax = plots.slopes(pupils, "age")
    assert names(ax) == ["age"]
    plt.close(ax.figure)


def test_many_rows_are_told_by_their_ends(exam):
    ax = plots.means(exam, "schgend:vr")
    table = means(exam, "schgend:vr")["estimate"]
    text = plots.alt_text(ax)
    assert f"They run from {':'.join(table.idxmin())}" in text
    assert f"to {':'.join(table.idxmax())}" in text
    plt.close(ax.figure)


def test_draws_into_the_axes_given(exam):
    _, mine = plt.subplots()
    assert plots.contrasts(exam, "vr", "reference", ax=mine) is mine
    plt.close(mine.figure)


def test_what_cannot_be_told_apart_is_refused(exam, pupils):
    with pytest.raises(CourseError, match="age has 5 levels, and more than 4"):
        plots.means(pupils, "sex", by="age", at={"age": [8, 9, 10, 11, 12]})
    with pytest.raises(CourseError, match="one predictor in by"):
        plots.means(exam, "schgend", by="vr:standLRT")
    with pytest.raises(CourseError, match="did you mean 'schgend'"):
        plots.contrasts(exam, "schgen")
