"""Pictures of groups: rows and means, pooling, caterpillars, shares of the variance, design matrices."""

import matplotlib
import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from drawn import SCHOOLS, TWELVE, offsets, said

from course import mixedlm, plots
from course.errors import CourseError


def test_scores_draws_every_row_and_the_means_in_order():
    ax = plots.scores(TWELVE, "test_score", "school")
    rings = offsets(ax, "one row of the data, 12 in all")
    means = offsets(ax, "mean of its school")
    assert sorted(rings[:, 0]) == sorted(TWELVE["test_score"])
    assert means.tolist() == [[47, 0], [53, 1], [60, 2], [66, 3]]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["B", "A", "C", "D"]
    assert ax.get_xlabel() == "test_score (points)" and ax.get_ylabel() == "school"


def test_scores_within_larger_groups_puts_their_rows_together():
    data = TWELVE.assign(district=TWELVE["school"].map({"A": "x", "B": "x", "C": "y", "D": "x"}))
    ax = plots.scores(data, "test_score", "school", within="district")
    # x has a mean of (5 * 53 + 4 * 47 + 66) / 10 = 51.9, y one of 60: below all of y lies all of x
    assert [text.get_text() for text in ax.get_yticklabels()] == ["B", "A", "D", "C"]
    (lines,) = [c for c in ax.collections if c.get_label() == "mean of its district"]
    assert sorted(segment[0, 0] for segment in lines.get_segments()) == [51.9, 60]
    assert "run from 51.9 to 60." in plots.alt_text(ax)
    crossed = data.assign(district=["x", "y"] * 6)
    with pytest.raises(CourseError, match="must contain each school, and school A lies in several"):
        plots.scores(crossed, "test_score", "school", within="district")


def test_pooling_puts_each_partially_pooled_mean_between_the_two_others(fit):
    overall = fit.fe_params["Intercept"]
    partial = overall + fit.random_effects["school"]["Intercept"]
    ax = plots.pooling(TWELVE, "test_score", "school", partial=partial, overall=overall)
    separate, target = offsets(ax, "mean of its school"), offsets(ax, "partially pooled mean")
    assert (separate[:, 1] == target[:, 1]).all()
    low, high = np.minimum(separate[:, 0], overall), np.maximum(separate[:, 0], overall)
    assert ((low < target[:, 0]) & (target[:, 0] < high)).all()
    assert target[-1, 0] == pytest.approx(partial["D"])
    (line,) = [line for line in ax.lines if line.get_label() == "overall mean"]
    assert line.get_xdata()[0] == pytest.approx(overall)


def test_pooling_misses_no_group(fit):
    with pytest.raises(CourseError, match="no value for school D"):
        plots.pooling(
            TWELVE, "test_score", "school", partial=pd.Series({"A": 1, "B": 2, "C": 3}), overall=2
        )


def test_caterpillar_sorts_the_blups_and_draws_their_intervals(fit):
    ax = plots.caterpillar(fit, "school")
    value = fit.random_effects["school"]["Intercept"].sort_values()
    half = 1.959964 * fit.random_effects_se["school"]["Intercept"].loc[value.index]
    (bars,) = [c for c in ax.collections if isinstance(c, matplotlib.collections.LineCollection)]
    ends = np.array([segment[:, 0] for segment in bars.get_segments()])
    assert ends[:, 0] == pytest.approx((value - half).to_numpy())
    assert ends[:, 1] == pytest.approx((value + half).to_numpy())
    clear = offsets(ax, "interval excludes 0")[:, 0]
    open_ = offsets(ax, "interval includes 0")[:, 0]
    assert sorted([*clear, *open_]) == pytest.approx(value.to_list())
    assert set(clear) == set(value[value.abs() > half])
    assert ax.get_xlabel() == "random intercept of the school (points), with 95 % interval"


def test_caterpillar_of_many_levels_shows_ranks():
    rng = np.random.default_rng(1)
    school = np.repeat([f"S{i:02}" for i in range(60)], 5)
    effect = np.repeat(rng.normal(0, 3, 60), 5)
    data = pd.DataFrame({"school": school, "y": effect + rng.normal(0, 1, 300)})
    ax = plots.caterpillar(mixedlm("y ~ 1 + (1|school)", data).fit(), "school")
    assert ax.get_ylabel() == "school (rank of 60)"


def test_caterpillar_names_what_there_is(fit):
    with pytest.raises(CourseError, match="no random effects for 'classroom'; it has: school"):
        plots.caterpillar(fit, "classroom")
    with pytest.raises(CourseError, match="no random effect 'age'; it has: Intercept"):
        plots.caterpillar(fit, "school", "age")


def test_variance_shares_add_up_to_the_whole(fit):
    ax = plots.variance_shares(fit)
    widths = [bar.get_width() for bar in ax.patches]
    parts = fit.variance_components["vcov"]
    assert sum(widths) == pytest.approx(100)
    assert widths == pytest.approx((100 * parts / parts.sum()).to_list())
    assert [text.get_text() for text in ax.get_yticklabels()] == ["school", "residual"]
    assert ax.patches[-1].get_hatch()  # the residual is told by its pattern, too


def test_variance_shares_refuses_random_slopes():
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"g": np.repeat(np.arange(20), 10).astype(str), "x": rng.normal(size=200)})
    slope = np.repeat(rng.normal(0, 2, 20), 10)
    data["y"] = slope * data["x"] + rng.normal(size=200)
    with pytest.raises(CourseError, match=r"random slope \(x\)"):
        plots.variance_shares(mixedlm("y ~ x + (x|g)", data).fit())


def test_design_matrix_shows_the_blocks_side_by_side():
    schools = pd.get_dummies(TWELVE["school"])
    older = pd.get_dummies(TWELVE["age"] > 10)
    ax = plots.design_matrix({"school": schools, "older": older}, row_name="pupil")
    shown = ax.images[0].get_array()
    assert (shown == np.column_stack([schools, older]).astype(float)).all()
    assert [text.get_text() for text in ax.get_xticklabels()] == [
        "A",
        "B",
        "C",
        "D",
        "False",
        "True",
    ]
    assert [text.get_text() for text in ax.texts] == ["school", "older"]
    assert ax.get_ylabel() == "pupil"


def test_design_matrix_wants_blocks_of_the_same_rows():
    with pytest.raises(CourseError, match="at least one block"):
        plots.design_matrix({})
    Z = pd.get_dummies(TWELVE["school"])
    with pytest.raises(CourseError, match="the same rows"):
        plots.design_matrix({"one": Z, "other": Z.iloc[1:]})


def test_caterpillar_of_a_slope(sloped):
    ax = plots.caterpillar(sloped, "school", "age10")
    slopes = sloped.random_effects["school"]["age10"]
    assert (
        ax.get_xlabel() == "random age10 slope of the school (points per year), with 95 % interval"
    )
    text = plots.alt_text(ax)
    assert said(slopes.min(), text) and said(slopes.max(), text) and str(slopes.idxmax()) in text


@pytest.mark.slow
def test_design_matrix_of_a_fit_is_its_Z():
    some = SCHOOLS.groupby("school").head(4)
    fit = mixedlm("test_score ~ 1 + (age10|school)", some).fit()
    ax = plots.design_matrix(fit)
    dummies = pd.get_dummies(some["school"]).to_numpy(dtype=float)
    Z = np.column_stack([dummies, dummies * some[["age10"]].to_numpy()])
    assert np.asarray(ax.images[0].get_array()) == pytest.approx(Z)
    minus = [text for text in ax.texts if text.get_text() == "−"]
    assert len(minus) == (Z < 0).sum()
    assert f"{len(some)} rows and {Z.shape[1]} columns" in plots.alt_text(ax)


@pytest.mark.slow
def test_a_large_design_matrix_marks_every_cell_that_is_not_0(nested):
    ax = plots.design_matrix(nested)
    marks = np.asarray(ax.collections[0].get_offsets())
    codes = nested.design.groupings[0].codes
    assert len(marks) == 2 * len(SCHOOLS)
    assert {(codes[i], i) for i in range(len(codes))} < {tuple(mark) for mark in marks.astype(int)}
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first row on top
