"""Simulated pupils have the sizes, labels, effects and missing values that were asked for."""

import subprocess
import sys

import numpy as np
import pandas as pd
import patsy
import pytest
from budget import examples
from hypothesis import given
from hypothesis import strategies as st
from made import ALL_SLOPES, LEVELS

from course.errors import CourseError
from course.simulate.schools import simulate_schools

# --- pupils, schools, labels -----------------------------------------------------------------


def test_counts_are_per_parent():
    data = simulate_schools(provinces=3, schools=4, classrooms=2, students=5, seed=1).data
    assert data["province"].nunique() == 3
    assert data.groupby("province")["school"].nunique().eq(4).all()
    assert data.groupby("school")["classroom"].nunique().eq(2).all()
    assert data.groupby("classroom").size().eq(5).all()
    assert data["student_id"].is_unique and len(data) == 3 * 4 * 2 * 5


@pytest.mark.slow
@examples(13)
@given(
    low=st.integers(1, 4),
    more=st.integers(0, 4),
    labels=st.sampled_from(["unique", "restarting"]),
    label_type=st.sampled_from(["text", "integer"]),
    years=st.integers(1, 3),
    seed=st.integers(0, 2**64),
)
def test_sizes_stay_in_their_range_and_labels_identify(low, more, labels, label_type, years, seed):
    size = (low, low + more)
    data = simulate_schools(
        2, size, size, size, years=years, labels=labels, label_type=label_type, seed=seed
    ).data
    for i, level in enumerate(LEVELS):
        # With labels that restart it takes the whole path to tell units apart.
        path = LEVELS[: i + 1] if labels == "restarting" else [level]
        below = [*LEVELS, "student_id"][i + 1]
        sizes = data.groupby(path)[below].nunique()
        assert sizes.between(*size).all()
    assert data.groupby("student_id").size().eq(years).all()
    dtype = "int64" if label_type == "integer" else "str"
    assert set(data[[*LEVELS, "student_id"]].dtypes.astype(str)) == {dtype}
    if labels == "unique":
        for inner, outer in zip(LEVELS[1:], LEVELS, strict=False):
            assert data.groupby(inner)[outer].nunique().eq(1).all()


def test_unequal_sizes_cover_their_range():
    sizes = simulate_schools(10, 10, 5, (3, 6), seed=2).data.groupby("classroom").size()
    assert set(sizes) == {3, 4, 5, 6}


@pytest.mark.parametrize(
    ("settings", "last"),
    [
        ({}, ["P2", "P2-S10", "P2-S10-C3", "ID120"]),
        ({"labels": "restarting"}, ["P2", "S10", "C3", "ID120"]),
        ({"label_type": "integer"}, [2, 20, 60, 120]),
        ({"labels": "restarting", "label_type": "integer"}, [2, 10, 3, 120]),
    ],
)
def test_labels(settings, last):
    data = simulate_schools(2, 10, 3, 2, seed=1, **settings).data
    assert data.iloc[-1][[*LEVELS, "student_id"]].to_list() == last
    if settings.get("label_type") != "integer":
        assert data["school"].is_monotonic_increasing or "labels" in settings  # zero-padded


def test_predictors_belong_to_their_level():
    data = simulate_schools(20, 5, 4, 10, seed=3).data
    assert data.groupby("classroom")["teacher_experience"].nunique().eq(1).all()
    assert data.groupby("school")["school_resources"].nunique().eq(1).all()
    assert data.groupby("school")["teacher_experience"].nunique().gt(1).any()
    assert data["teacher_experience"].between(1, 30).all()
    assert abs(data["age"].mean() - 10) < 0.15
    assert set(data["sex"]) == {"female", "male"}
    assert abs(data["sex"].eq("male").mean() - 0.5) < 4 * 0.5 / np.sqrt(len(data))
    np.testing.assert_array_equal(data["age"], data["age"].round(2))


# --- seeds -----------------------------------------------------------------------------------


def test_a_seed_repeats_to_the_bit():
    again = [simulate_schools(3, 2, 2, 5, years=2, reshuffle=0.5, seed=9) for _ in range(2)]
    pd.testing.assert_frame_equal(again[0].data, again[1].data, check_exact=True)
    for group, effects in again[0].truth.random_effects.items():
        pd.testing.assert_frame_equal(
            effects, again[1].truth.random_effects[group], check_exact=True
        )
    other = simulate_schools(3, 2, 2, 5, years=2, reshuffle=0.5, seed=10)
    assert not other.data["test_score"].equals(again[0].data["test_score"])


def test_without_a_seed_every_call_differs():
    first, second = (simulate_schools(2, 2, 2, 2).data["test_score"] for _ in range(2))
    assert not first.equals(second)


@pytest.mark.parametrize(
    "change",
    [
        {"residual_sd": 1},
        {"fixed_effects": {"Intercept": 3}},
        {"slope_sd": {"school": 1}},
        {"labels": "restarting"},
        {"school_age_correlation": 0.5},
        {"missing": {"test_score": 0.3}},
    ],
)
def test_the_same_seed_keeps_the_pupils_when_something_else_changes(change):
    predictors = ["student_id", "age", "sex", "teacher_experience", "school_resources"]
    base = simulate_schools(3, (1, 3), 2, 5, seed=4).data
    changed = simulate_schools(3, (1, 3), 2, 5, seed=4, **change).data
    pd.testing.assert_frame_equal(base[predictors], changed[predictors])


# --- scores ----------------------------------------------------------------------------------


def test_fixed_effects_are_those_of_patsys_columns():
    formula = "age * sex + teacher_experience:age + school_resources + year"
    names = patsy.dmatrix(
        formula, simulate_schools(2, 2, 2, 6, years=2, seed=5).data
    ).design_info.column_names
    assert "age:sex[T.male]" in names and "teacher_experience:age" in names
    fixed = dict(zip(names, np.arange(1.0, len(names) + 1), strict=True))
    simulation = simulate_schools(
        2, 2, 2, 6, years=2, fixed_effects=fixed, intercept_sd={}, residual_sd=0, seed=5
    )
    x = patsy.dmatrix(formula, simulation.data)
    np.testing.assert_allclose(simulation.data["test_score"], x @ np.array(list(fixed.values())))
    assert simulation.truth.fixed_effects.to_dict() == fixed


@pytest.mark.parametrize("labels", ["unique", "restarting"])
@pytest.mark.parametrize("label_type", ["text", "integer"])
@pytest.mark.parametrize("years", [1, 3])
def test_scores_are_the_sum_of_the_drawn_effects(labels, label_type, years):
    more = {"reshuffle": 0.5, "years": years} if years > 1 else {}
    simulation = simulate_schools(
        2,
        (1, 3),
        3,
        6,
        fixed_effects={"Intercept": 50, "age": 2},
        residual_sd=0,
        intercept_at=10,
        labels=labels,
        label_type=label_type,
        seed=6,
        **ALL_SLOPES,
        **more,
    )
    data, truth = simulation.data, simulation.truth
    score = truth.fixed_effects["Intercept"] + truth.fixed_effects["age"] * data["age"]
    for group, effects in truth.random_effects.items():
        columns = group.split(":")
        assert list(effects.index.names) == columns
        rows = data[columns].apply(tuple, axis=1) if len(columns) > 1 else data[columns[0]]
        drawn = effects.loc[rows.to_list()]
        score += drawn["Intercept"].to_numpy()
        if group != "student_id":
            score += drawn["age"].to_numpy() * data["age"]
    np.testing.assert_allclose(data["test_score"], score, atol=1e-9)


def test_student_effects_stay_with_the_pupil():
    simulation = simulate_schools(
        2,
        2,
        2,
        5,
        fixed_effects={},
        intercept_sd={"student_id": 5},
        residual_sd=0,
        years=3,
        reshuffle=1,
        seed=7,
    )
    drawn = simulation.truth.random_effects["student_id"]["Intercept"]
    np.testing.assert_allclose(
        simulation.data["test_score"], drawn.loc[simulation.data["student_id"]]
    )


def test_effects_of_different_levels_are_independent():
    truth = simulate_schools(2000, 1, 1, 1, seed=9).truth
    drawn = np.column_stack([truth.random_effects[level]["Intercept"] for level in LEVELS])
    correlations = np.corrcoef(drawn.T)[np.triu_indices(3, 1)]
    assert np.abs(correlations).max() < 4 / np.sqrt(2000)


def test_the_residual_has_the_stated_sd():
    data = simulate_schools(
        10, 10, 10, 10, fixed_effects={}, intercept_sd={}, residual_sd=8, seed=10
    ).data
    assert abs(data["test_score"].std() - 8) < 4 * 8 / np.sqrt(2 * len(data))


def test_within_and_between_slopes_differ_by_the_stated_amount():
    simulation = simulate_schools(
        provinces=500,
        schools=8,
        classrooms=1,
        students=30,
        fixed_effects={"age": 2},
        intercept_sd={"school": 3},
        residual_sd=1,
        school_age_sd=0.5,
        school_age_correlation=-0.8,
        seed=11,
    )
    data = simulation.data
    means = data.groupby("school")[["age", "test_score"]].mean()
    inside = data[["age", "test_score"]] - data.groupby("school")[["age", "test_score"]].transform(
        "mean"
    )
    within = (inside["age"] @ inside["test_score"]) / (inside["age"] @ inside["age"])
    assert abs(within - 2) < 4 * 1 / np.sqrt(inside["age"] @ inside["age"])
    # Means of 30 ages spread over 4 years vary by 4 / sqrt(12 * 30) around the school's own mean.
    reliability = 0.5**2 / (0.5**2 + 4**2 / (12 * 30))
    expected = 2 - 0.8 * 3 / 0.5 * reliability
    slope, intercept = np.polyfit(means["age"], means["test_score"], 1)
    residual = means["test_score"] - slope * means["age"] - intercept
    standard_error = residual.std() / (means["age"].std() * np.sqrt(len(means)))
    assert abs(slope - expected) < 4 * standard_error
    # The spread of the school effects is still the stated one.
    drawn = simulation.truth.random_effects["school"]["Intercept"]
    assert abs(drawn.std() - 3) < 4 * 3 / np.sqrt(2 * len(drawn))


# --- years -----------------------------------------------------------------------------------


def test_pupils_grow_older_and_stay_who_they_are():
    data = simulate_schools(2, 2, 3, 8, years=3, reshuffle=0.4, seed=12).data
    assert data["year"].to_list() == [1, 2, 3] * (len(data) // 3)
    by_pupil = data.groupby("student_id")
    np.testing.assert_allclose(by_pupil["age"].diff().dropna(), 1)
    for column in ("sex", "school", "province"):
        assert by_pupil[column].nunique().eq(1).all()


def test_reshuffling_keeps_class_sizes_and_moves_the_stated_share():
    share = 0.6
    data = simulate_schools(10, 5, 4, (10, 20), years=3, reshuffle=share, seed=13).data
    sizes = data.groupby(["classroom", "year"]).size().unstack()
    assert sizes.eq(sizes[1], axis=0).all(axis=None)
    # Among m movers of N pupils, one whose room has n pupils draws the old room with probability
    # 1/m for the own place and (n - 1) / (N - 1) for each of the others.
    first = data[data["year"] == 1]
    n = first.groupby("classroom")["student_id"].transform("size")
    n_school = first.groupby("school")["student_id"].transform("size")
    m = share * n_school
    stays = 1 / m + (1 - 1 / m) * (n - 1) / (n_school - 1)
    expected = share * (1 - stays).mean()
    wide = data.pivot(index="student_id", columns="year", values="classroom")
    for year in (2, 3):
        moved = wide[year].ne(wide[year - 1]).mean()
        assert abs(moved - expected) < 4 * np.sqrt(expected * (1 - expected) / len(wide))


def test_without_reshuffling_pupils_are_nested_in_classrooms():
    data = simulate_schools(2, 2, 3, 4, years=3, seed=14).data
    assert data.groupby("student_id")["classroom"].nunique().eq(1).all()


# --- missing values --------------------------------------------------------------------------


def test_missing_values_have_the_stated_share_and_unit():
    shares = {"test_score": 0.1, "sex": 0.2, "age": 0.3, "teacher_experience": 0.4}
    complete = simulate_schools(10, 10, 5, 10, seed=15).data
    data = simulate_schools(10, 10, 5, 10, seed=15, missing=shares).data
    for column, share in shares.items():
        n = 500 if column == "teacher_experience" else 5000
        assert abs(data[column].isna().mean() - share) < 4 * np.sqrt(share * (1 - share) / n)
        present = data[column].notna()
        assert data.loc[present, column].to_list() == complete.loc[present, column].to_list()
    by_room = data["teacher_experience"].isna().groupby(data["classroom"])
    assert by_room.nunique().eq(1).all()
    assert data["school_resources"].notna().all()


# --- wrong arguments -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"provinces": 0}, "provinces must be a whole number of at least 1; got 0"),
        ({"provinces": (2, 3)}, "provinces must be a whole number"),
        ({"schools": -1}, "schools must be a whole number of at least 1"),
        ({"schools": 2.5}, "schools must be a whole number"),
        ({"classrooms": True}, "classrooms must be a whole number"),
        ({"students": (5, 2)}, r"write \(2, 5\)"),
        ({"students": (1, 2, 3)}, r"students must be one number or a pair \(low, high\)"),
        ({"students": (0, 3)}, "students must be a whole number of at least 1"),
        ({"years": 0}, "years must be a whole number of at least 1"),
        ({"fixed_effects": {"Age": 2}}, "no fixed effect 'Age'; did you mean 'age'"),
        ({"fixed_effects": {"sex": 2}}, r"did you mean 'sex\[T.male\]'"),
        ({"fixed_effects": {"age:agge": 2}}, "no fixed effect 'agge'; did you mean 'age'"),
        ({"fixed_effects": {"age:age": 2}}, "repeats"),
        ({"fixed_effects": {"age:sex[T.male]": 2, "sex[T.male]:age": 1}}, "repeats"),
        ({"fixed_effects": {"year": 2}}, "'year' needs years=2"),
        ({"fixed_effects": {"age": "2"}}, r"fixed_effects\['age'\] must be a number; got '2'"),
        ({"fixed_effects": {"age": float("nan")}}, "must be a number; got nan"),
        ({"fixed_effects": 3}, "fixed_effects must be a dictionary such as"),
        ({"intercept_sd": {"school": -3}}, r"intercept_sd\['school'\].*at least 0; got -3"),
        ({"intercept_sd": {"scholl": 3}}, "'scholl'; did you mean 'school'"),
        ({"intercept_sd": {"student_id": 3}}, "residual_sd, or years=2"),
        ({"intercept_sd": 3}, "intercept_sd must be a dictionary such as"),
        ({"slope_sd": {"school": float("inf")}}, r"slope_sd\['school'\] must be a number"),
        ({"slope_sd": 0}, "slope_sd must be a dictionary"),
        ({"correlation": {"school": 1.2}}, r"correlation\['school'\].*from -1 to 1; got 1.2"),
        ({"correlation": {"school": 0.2}}, "needs an intercept and a slope that vary"),
        ({"residual_sd": -1}, "residual_sd must be a number of at least 0; got -1"),
        ({"residual_sd": "8"}, "residual_sd must be a number"),
        ({"intercept_at": "ten"}, "intercept_at must be a number"),
        ({"reshuffle": 0.5}, "write years=2 or more"),
        ({"years": 2, "reshuffle": 1.5}, "reshuffle must be a number from 0 to 1"),
        ({"school_age_sd": -1}, "school_age_sd must be"),
        ({"school_age_correlation": 2}, "school_age_correlation must be a number from -1 to 1"),
        ({"school_age_correlation": 0.5, "school_age_sd": 0}, "set school_age_sd"),
        ({"school_age_correlation": 0.5, "intercept_sd": {}}, "intercept_sd"),
        ({"labels": "restart"}, "no labels 'restart'; did you mean 'restarting'"),
        ({"label_type": "int"}, "no label_type 'int'; did you mean 'integer'"),
        ({"missing": 0.1}, "missing must be a dictionary such as"),
        ({"missing": {"test_score": 1}}, "from 0 to below 1; got 1"),
        ({"missing": {"test_score": -0.1}}, "at least 0; got -0.1"),
        ({"missing": {"score": 0.1}}, "'score'; did you mean 'test_score'"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"seed": "one"}, "seed must be a whole number"),
    ],
)
def test_wrong_arguments_are_refused_with_the_mend(wrong, message):
    with pytest.raises(CourseError, match=message):
        simulate_schools(**wrong)


# --- size ------------------------------------------------------------------------------------

MEASURE = """
import tracemalloc
import pyarrow
from course.simulate.schools import simulate_schools

simulate_schools(2, 2, 2, 2, seed=1)
pool = pyarrow.default_memory_pool()
tracemalloc.start()
data = simulate_schools(20, 20, 20, 25, slope_sd={"classroom": 1, "school": 1}, seed=1).data
# NumPy and Python report to tracemalloc, text columns live in Arrow's pool: the sum of the two
# peaks is at least the peak of the sum.
peak = tracemalloc.get_traced_memory()[1] + pool.max_memory()
print(len(data), peak / data.memory_usage(deep=True).sum())
"""


@pytest.mark.slow
def test_memory_stays_below_three_times_the_frame():
    """In a process of its own, so that nothing else counts; the ratio does not depend on size."""
    command = [sys.executable, "-c", MEASURE]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(answer[0]) == 200_000
    assert 1 <= float(answer[1]) < 3
