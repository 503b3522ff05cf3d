"""Pictures of covariance matrices: numbers, shades, text, and what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from course import plots
from course.errors import CourseError


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def matrix(values, names=("Intercept", "age")):
    return pd.DataFrame(values, index=list(names), columns=list(names), dtype=float)


def test_cells_hold_the_numbers_and_shades_the_correlations():
    ax = plots.covariances({"G": matrix([[9, -3], [-3, 4]])})
    assert [text.get_text() for text in ax.texts] == ["9", "−3", "−3", "4"]
    assert np.allclose(ax.images[0].get_array(), [[1, -0.5], [-0.5, 1]])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["Intercept", "age"]
    assert plots.alt_text(ax) == "G: variances Intercept 9 and age 4, covariance -3."


def test_a_variance_of_zero_has_no_correlation():
    ax = plots.covariances({"G": matrix([[9, 0], [0, 0]])})
    assert np.array_equal(ax.images[0].get_array(), [[1, 0], [0, 0]])


def test_several_matrices_are_side_by_side_with_one_text():
    block = np.kron(np.eye(2), np.full((2, 2), 3.0)) + 5 * np.eye(4)
    axes = plots.covariances(
        {"G": matrix([[9, 0], [0, 4]]), "V": matrix(block, "abcd")}, name="pupil"
    )
    assert [ax.get_title() for ax in axes] == ["G", "V"]
    assert {ax.get_xlabel() for ax in axes} == {"pupil"}
    assert plots.alt_text(axes) == (
        "G: variances Intercept 9 and age 4, covariance 0. "
        "V: variances from 8 to 8, covariances from 3 to 3 and 4 of 6 of them 0."
    )


def test_only_zeros_beside_the_diagonal():
    ax = plots.covariances({"one": matrix(np.diag([1.0, 2.0, 3.0]), "abc")})
    assert plots.alt_text(ax) == "one: variances a 1, b 2 and c 3, all covariances 0."


def test_a_single_variance():
    assert plots.alt_text(plots.covariances({"one": matrix([[4]], ["age"])})) == (
        "one: variance age 4."
    )


def test_into_axes_of_the_caller():
    mine = plt.subplots()[1]
    assert plots.covariances({"G": matrix([[9, 1], [1, 4]])}, ax=mine) is mine


@pytest.mark.parametrize(
    ("matrices", "says"),
    [
        ({}, "at least one matrix"),
        ({"G": matrix([[9, 1], [2, 4]])}, "no covariance matrix"),
        ({"G": matrix([[9, 7], [7, 4]])}, "no covariance matrix"),
        ({"G": matrix([[-9, 0], [0, -4]])}, "no covariance matrix"),
        ({"G": matrix([[9, 1], [1, 4]]).iloc[:1]}, "same rows and columns"),
        ({"G": matrix([[9, 1], [1, 4]])[["age", "Intercept"]]}, "same rows and columns"),
        ({"G": matrix(np.eye(13), range(13))}, "13 rows; draw 1 to 12"),
    ],
)
def test_what_is_no_covariance_matrix_is_refused(matrices, says):
    with pytest.raises(CourseError, match=says):
        plots.covariances(matrices)
