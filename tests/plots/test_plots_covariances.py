"""Pictures of covariance matrices: numbers, shades, text, and what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from course import load, mixedlm, plots
from course.errors import CourseError


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def matrix(values, names=("Intercept", "age")):
    return pd.DataFrame(values, index=list(names), columns=list(names), dtype=float)


def test_cells_hold_the_numbers_and_shades_the_correlations_of_two_effects():
    ax = plots.covariances({"G": matrix([[9, -3], [-3, 4]])})
    assert [text.get_text() for text in ax.texts] == ["9", "−3", "−3", "4"]
    assert np.allclose(ax.images[0].get_array(), [[0, -0.5], [-0.5, 0]])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["Intercept", "age"]
    assert plots.alt_text(ax) == "G: variances Intercept 9 and age 4, covariance -3."


def test_a_variance_of_zero_has_no_correlation():
    ax = plots.covariances({"G": matrix([[9, 0], [0, 0]])})
    assert np.array_equal(ax.images[0].get_array(), np.zeros((2, 2)))


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


@pytest.fixture(scope="module")
def fits():
    pupils = load("pupils")
    pupils["age10"] = pupils["age"] - 10
    formulas = ["(1|school)", "(0+age10|school)", "(age10||school)", "(age10|school)"]
    return {f: mixedlm(f"test_score ~ age10 + {f}", pupils).fit() for f in formulas}


def outline(ax):
    return np.column_stack(ax.lines[2].get_data())


def test_each_ellipse_is_that_of_its_structure(fits):
    axes = plots.ellipses(fits, "school", ("Intercept", "age10"))
    intercepts, slopes, independent, correlated = map(outline, axes)
    assert not intercepts[:, 1].any() and not slopes[:, 0].any()
    sd = fits["(1|school)"].variance_components["sdcor"][0]
    assert intercepts[:, 0].max() == pytest.approx(1.96 * sd, rel=1e-3)
    # On a 95 % ellipse, the squared distance in units of the covariance is 5.99 everywhere.
    for fit, points in [
        (fits["(age10||school)"], independent),
        (fits["(age10|school)"], correlated),
    ]:
        rows = fit.variance_components
        G = np.diag(rows["vcov"][:2])
        G[0, 1] = G[1, 0] = rows["vcov"][2] if rows["effect2"][2] else 0.0
        assert np.allclose((points @ np.linalg.inv(G) * points).sum(axis=1), 5.991, atol=1e-3)
    blups = fits["(age10|school)"].random_effects["school"].to_numpy()
    assert np.allclose(axes[3].collections[0].get_offsets(), blups)
    assert np.allclose(axes[0].collections[0].get_offsets()[:, 1], 0)


def test_the_text_tells_the_structures_apart(fits):
    text = plots.alt_text(plots.ellipses(fits, "school", ("Intercept", "age10")))
    assert text.startswith("The intercept against the age10 slope of 60 school levels")
    sd = fits["(1|school)"].variance_components["sdcor"][0]
    assert f"(1|school): SDs {sd:.2f} and 0, a line along one axis." in text
    assert "an ellipse along the axes. (age10|school)" in text
    r = fits["(age10|school)"].variance_components["sdcor"][2]
    assert text.endswith(f"leans with a correlation of {r:.2f}.")


def test_one_fit_and_axes_of_the_caller(fits):
    mine = plt.subplots()[1]
    one = {"both": fits["(age10|school)"]}
    assert plots.ellipses(one, "school", ("Intercept", "age10"), ax=mine) is mine
    assert mine.get_xlabel() == "intercept (points)"
    assert mine.get_ylabel() == "age10 slope (points per year)"


def test_what_there_is_not(fits):
    with pytest.raises(CourseError, match="at least one fit"):
        plots.ellipses({}, "school", ("Intercept", "age10"))
    with pytest.raises(CourseError, match="classroom"):
        plots.ellipses(fits, "classroom", ("Intercept", "age10"))
    with pytest.raises(CourseError, match="sex"):
        plots.ellipses(fits, "school", ("sex", "size"))
