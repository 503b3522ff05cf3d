"""The picture of two grouping factors shows every pair of labels, and says nested or crossed."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from course import load, plots
from course.errors import CourseError

ROOMS = pd.DataFrame(
    {
        "school": ["S2", "S2", "S1", "S1", "S1", "S2"],
        "room": ["b", "b", "c", "a", "c", "d"],
    }
)


def names(axis) -> list[str]:
    return [text.get_text() for text in axis.get_ticklabels()]


def written(ax) -> dict[tuple[int, int], int]:
    """Row, column and number of every cell that has one."""
    places = {text.get_position()[::-1]: int(text.get_text()) for text in ax.texts}
    return {(int(row), int(column)): number for (row, column), number in places.items()}


def dark(ax) -> np.ndarray:
    return np.asarray(ax.images[0].get_array()) > 0


def test_nested_labels_make_stairs_and_the_cells_hold_the_counts():
    ax = plots.crosstab(ROOMS, "room", "school", unit="pupil")
    assert names(ax.yaxis) == ["a", "c", "b", "d"] and names(ax.xaxis) == ["S1", "S2"]
    assert written(ax) == {(0, 0): 1, (1, 0): 2, (2, 1): 2, (3, 1): 1}
    assert "room is nested in school" in plots.alt_text(ax)
    assert "up to 2 pupils" in plots.alt_text(ax)


def test_the_larger_groups_as_rows_are_recognised():
    assert "room is nested in school" in plots.alt_text(plots.crosstab(ROOMS, "school", "room"))


def test_crossed_labels_are_told_with_their_number():
    crossed = pd.concat([ROOMS, pd.DataFrame({"school": ["S1"], "room": ["d"]})])
    text = plots.alt_text(plots.crosstab(crossed, "room", "school"))
    assert "1 of the rows have several dark cells, up to 2: room and school cross" in text
    everywhere = pd.DataFrame({"room": list("aabb"), "school": list("xyxy")})
    assert "All of the rows" in plots.alt_text(plots.crosstab(everywhere, "room", "school"))


def test_every_pair_of_real_data_has_its_cell_and_none_else():
    schools = load("scotssec")
    ax = plots.crosstab(schools, "primary", "second")
    pairs = schools.groupby(["primary", "second"]).size()
    assert dark(ax).sum() == len(pairs) and dark(ax).shape == (148, 19)
    assert (dark(ax).sum(axis=1) > 1).sum() == 91  # data/README.md
    assert names(ax.xaxis) == [str(number) for number in range(1, 20)]
    assert ax.get_ylabel() == "primary (148 labels)" and names(ax.yaxis) == []


def test_a_cell_with_one_row_is_not_taken_for_an_empty_one():
    many = pd.DataFrame({"room": ["a"] * 1000 + ["b"], "school": "x"})
    shades = np.asarray(plots.crosstab(many, "room", "school").images[0].get_array())
    assert shades.min() >= 0.3


def test_it_draws_into_the_axes_of_the_caller():
    ax = plt.subplots()[1]
    assert plots.crosstab(ROOMS, "room", "school", ax=ax) is ax


@pytest.mark.parametrize(
    ("data", "rows", "columns", "says"),
    [
        (ROOMS, "rom", "school", "no column 'rom'.*room"),
        (ROOMS, "room", "room", "needs two columns"),
        (ROOMS.assign(room=[None, *"abcde"]), "room", "school", "1 label of room missing"),
        (load("pupils"), "student_id", "school", "2,494 labels of student_id"),
    ],
)
def test_what_cannot_be_drawn_is_told(data, rows, columns, says):
    with pytest.raises(CourseError, match=says):
        plots.crosstab(data, rows, columns)
