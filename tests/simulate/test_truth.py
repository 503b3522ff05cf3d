"""The truth of a simulation: its tables, its zero moved, and estimates beside it."""

import copy
import dataclasses
import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from made import ALL_SLOPES, LEVELS

from course.errors import CourseError
from course.simulate.schools import Simulation, simulate_schools
from course.simulate.truth import Truth, variance_table


def sd_of(table: pd.DataFrame, group: str, effect: str) -> float:
    rows = table[(table["group"] == group) & (table["effect"] == effect) & table["effect2"].isna()]
    return rows["sdcor"].item()


def correlation_of(table: pd.DataFrame, group: str) -> float:
    return table.loc[(table["group"] == group) & table["effect2"].notna(), "sdcor"].item()


def test_drawn_effects_have_the_stated_spread():
    """SDs and correlations of many draws lie within four standard errors of what was asked."""
    truth = simulate_schools(400, 10, 2, 1, intercept_at=10, seed=8, **ALL_SLOPES).truth
    at_ten = truth.centred("age_c", at=10)
    for level in LEVELS:
        effects = at_ten.random_effects[level]
        n = len(effects)
        for effect, sds in (("Intercept", "intercept_sd"), ("age_c", "slope_sd")):
            sd = ALL_SLOPES[sds][level]
            assert abs(effects[effect].std() - sd) < 4 * sd / np.sqrt(2 * n)
            assert abs(effects[effect].mean()) < 4 * sd / np.sqrt(n)
            assert sd_of(at_ten.variance_components, level, effect) == pytest.approx(sd)
        rho = ALL_SLOPES["correlation"][level]
        assert abs(effects.corr().iloc[0, 1] - rho) < 4 * (1 - rho**2) / np.sqrt(n)
        assert correlation_of(at_ten.variance_components, level) == pytest.approx(rho)


# --- the truth -------------------------------------------------------------------------------


def test_variance_components_are_laid_out_as_in_lme4():
    table = simulate_schools(2, 2, 2, 2, seed=1, residual_sd=6, **ALL_SLOPES).truth
    table = table.variance_components
    assert list(table) == ["group", "effect", "effect2", "vcov", "sdcor"]
    assert table["group"].to_list() == ["classroom"] * 3 + ["school"] * 3 + ["province"] * 3 + [
        "Residual"
    ]
    room = table.iloc[:3]
    assert room["effect"].to_list() == ["Intercept", "age", "Intercept"]
    assert room["effect2"].to_list() == [None, None, "age"]
    np.testing.assert_allclose(room["vcov"], [16, 4, 0.8 * 4 * 2])
    np.testing.assert_allclose(room["sdcor"], [4, 2, 0.8])
    assert table.iloc[-1].to_list() == ["Residual", None, None, 36, 6]


def test_centring_moves_zero_and_nothing_else():
    truth = simulate_schools(
        3,
        2,
        2,
        4,
        fixed_effects={"Intercept": 50, "age": 2, "sex[T.male]": -1, "age:sex[T.male]": 0.5},
        seed=16,
        **ALL_SLOPES,
    ).truth
    moved = truth.centred("age_c", at=10)
    assert moved.fixed_effects.to_dict() == {
        "Intercept": 70,
        "age_c": 2,
        "sex[T.male]": 4,
        "age_c:sex[T.male]": 0.5,
    }
    # Var(u0 + 10 u1) and Cov(u0 + 10 u1, u1) for u0 with SD 4, u1 with SD 2, correlation 0.8.
    variance, covariance = 16 + 2 * 10 * 6.4 + 100 * 4, 6.4 + 10 * 4
    table = moved.variance_components
    assert sd_of(table, "classroom", "Intercept") == pytest.approx(np.sqrt(variance))
    assert sd_of(table, "classroom", "age_c") == pytest.approx(2)
    assert correlation_of(table, "classroom") == pytest.approx(covariance / np.sqrt(variance * 4))
    back = moved.centred("age_c2", at=0)  # there is no "age" left to move
    pd.testing.assert_series_equal(back.fixed_effects, moved.fixed_effects)


def test_intercepts_meant_at_ten_come_back_at_ten():
    simulation = simulate_schools(
        3,
        2,
        2,
        4,
        fixed_effects={"Intercept": 60, "age": 4},
        intercept_at=10,
        seed=17,
        **ALL_SLOPES,
    )
    truth = simulation.truth
    assert truth.fixed_effects.to_dict() == {"Intercept": 20, "age": 4}
    # At age 0, ten years from the pupils, intercepts and slopes nearly mirror each other.
    assert correlation_of(truth.variance_components, "province") < -0.98
    at_ten = truth.centred("age_c", at=10)
    assert at_ten.fixed_effects.to_dict() == {"Intercept": 60, "age_c": 4}
    assert correlation_of(at_ten.variance_components, "province") == pytest.approx(-0.5)


def test_a_variance_that_vanishes_has_no_correlation():
    effects = ["Intercept", "age"]
    table = variance_table({"school": pd.DataFrame([[0.0, 0], [0, 4]], effects, effects)}, 1)
    assert np.isnan(correlation_of(table, "school"))
    truth = simulate_schools(
        2,
        2,
        2,
        2,
        intercept_sd={"school": 10},
        slope_sd={"school": 1},
        correlation={"school": 1},
        seed=1,
    ).truth.centred("age_c", at=-10)
    assert sd_of(truth.variance_components, "school", "Intercept") == pytest.approx(0, abs=1e-6)


# --- on demand -------------------------------------------------------------------------------


def assert_same_truth(one: Truth, other: Truth) -> None:
    pd.testing.assert_series_equal(one.fixed_effects, other.fixed_effects, check_exact=True)
    pd.testing.assert_frame_equal(
        one.variance_components, other.variance_components, check_exact=True
    )
    assert list(one.random_effects) == list(other.random_effects)
    for group, effects in one.random_effects.items():
        pd.testing.assert_frame_equal(effects, other.random_effects[group], check_exact=True)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))]
)
@pytest.mark.parametrize("labels", ["unique", "restarting"])
def test_a_truth_is_the_same_whenever_it_is_first_read(copied, labels):
    settings = {"students": 2, "years": 2, "intercept_at": 10, "labels": labels, **ALL_SLOPES}
    at_once = simulate_schools(2, 2, 2, seed=18, **settings).truth
    simulation = simulate_schools(2, 2, 2, seed=18, **settings)
    assert_same_truth(copied(simulation).truth, at_once)
    # what a reader does to the pupils is nothing to the truth of the simulation
    simulation.data.loc[:, "student_id"] = "nobody"
    simulation.data.loc[:, "school"] = "none"
    assert_same_truth(simulation.truth, at_once)
    assert simulation.truth is simulation.truth
    assert_same_truth(copied(simulation).truth, at_once)


def test_a_simulation_is_a_dataclass_of_data_and_truth():
    simulation = simulate_schools(1, 2, 1, 3, seed=1)
    assert "truth" in dir(simulation)
    assert [field.name for field in dataclasses.fields(simulation)] == ["data", "truth"]
    with pytest.raises(AttributeError):
        simulation.truth = None
    with pytest.raises(TypeError, match="truth"):
        Simulation(simulation.data)
    assert dataclasses.replace(simulation, data=None).truth is simulation.truth
    assert repr(simulation) == f"Simulation(data={simulation.data!r}, truth={simulation.truth!r})"


# --- compare ---------------------------------------------------------------------------------


def fake_fit(fixed: dict, components: list[tuple]) -> SimpleNamespace:
    """The two tables of a fit that compare() reads: fixed as (estimate, std_error)."""
    table = pd.DataFrame.from_dict(fixed, orient="index", columns=["estimate", "std_error"])
    table["lower"] = table["estimate"] - 2 * table["std_error"]
    table["upper"] = table["estimate"] + 2 * table["std_error"]
    columns = ["group", "effect", "effect2", "vcov", "sdcor"]
    return SimpleNamespace(
        fixed_effects=table, variance_components=pd.DataFrame(components, columns=columns)
    )


def rows_of(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index(["kind", "group", "effect"])


def test_compare_puts_estimates_beside_the_truth():
    truth = simulate_schools(
        2,
        2,
        2,
        2,
        fixed_effects={"Intercept": 50, "age": 2},
        intercept_sd={"school": 3},
        slope_sd={"school": 1},
        correlation={"school": 0.5},
        residual_sd=6,
        seed=1,
    ).truth
    fit = fake_fit(
        {"Intercept": (51, 1), "age": (3, 0.25)},
        [
            ("school", "age", None, 1.44, 1.2),
            ("school", "Intercept", None, 6.25, 2.5),
            ("school", "age", "Intercept", 1.2, 0.4),  # in the other order
            ("Residual", None, None, 25, 5),
        ],
    )
    table = truth.compare(fit)
    assert list(table) == [
        *["kind", "group", "effect", "true", "estimate"],
        *["std_error", "lower", "upper", "covered"],
    ]
    found = rows_of(table)
    assert found.loc[("fixed effect", "", "Intercept")].to_list() == [50, 51, 1, 49, 53, True]
    assert found.loc[("fixed effect", "", "age")].to_list() == [2, 3, 0.25, 2.5, 3.5, False]
    expected = {
        ("SD", "school", "Intercept"): (3, 2.5),
        ("SD", "school", "age"): (1, 1.2),
        ("correlation", "school", "Intercept, age"): (0.5, 0.4),
        ("SD", "Residual", ""): (6, 5),
        ("SD", "classroom", "Intercept"): (0, np.nan),
        ("SD", "province", "Intercept"): (0, np.nan),
    }
    for key, (true, estimate) in expected.items():
        np.testing.assert_array_equal(
            found.loc[key, ["true", "estimate"]].astype(float), [true, estimate]
        )
        assert found.loc[key, ["std_error", "lower", "upper"]].isna().all()
        assert found.loc[key, "covered"] is pd.NA
    assert len(found) == 2 + len(expected)


def test_compare_keeps_what_only_one_side_has():
    truth = simulate_schools(2, 2, 2, 2, seed=1).truth
    fit = fake_fit(
        {"Intercept": (51, 1), "np.log(age)": (3, 0.25)},
        [
            ("school", "Intercept", None, 9, 3),
            ("school", "sex[T.male]", None, 1, 1),
            ("school", "Intercept", "sex[T.male]", 0.3, 0.1),
            ("teacher", "Intercept", None, 4, 2),
            ("Residual", None, None, 25, 5),
        ],
    )
    found = rows_of(truth.compare(fit))
    only_in_fit = [
        ("fixed effect", "", "np.log(age)"),
        ("SD", "school", "sex[T.male]"),
        ("SD", "teacher", "Intercept"),
        ("correlation", "school", "Intercept, sex[T.male]"),
    ]
    only_in_truth = [
        *(("fixed effect", "", name) for name in truth.fixed_effects.index[1:]),
        ("SD", "classroom", "Intercept"),
        ("SD", "province", "Intercept"),
    ]
    both = [
        ("fixed effect", "", "Intercept"),
        ("SD", "school", "Intercept"),
        ("SD", "Residual", ""),
    ]
    assert sorted(found.index) == sorted(only_in_fit + only_in_truth + both)
    assert found.loc[only_in_fit, "true"].isna().all()
    assert found.loc[only_in_fit, "estimate"].notna().all()
    assert found.loc[only_in_truth, "estimate"].isna().all()
    assert found.loc[only_in_truth, "true"].notna().all()
    assert found.loc[both, ["true", "estimate"]].notna().all(axis=None)


@pytest.mark.parametrize(
    ("labels", "group", "same"),
    [
        ("unique", "classroom", "classroom"),
        ("unique", "school:classroom", "classroom"),
        ("unique", "province:school:classroom", "classroom"),
        ("unique", "province:school", "school"),
        ("unique", "school:sex", None),
        ("unique", "student_id:classroom", None),
        ("restarting", "classroom", None),
        ("restarting", "school:classroom", None),
        ("restarting", "province:school:classroom", "province:school:classroom"),
        ("restarting", "classroom:school:province", "province:school:classroom"),
        ("restarting", "province:school", "province:school"),
        ("restarting", "province", "province"),
    ],
)
def test_compare_knows_when_groups_are_the_same_units(labels, group, same):
    truth = simulate_schools(2, 2, 2, 2, labels=labels, years=2, reshuffle=0.5, seed=1).truth
    fit = fake_fit(
        {"Intercept": (50, 1)},
        [(group, "Intercept", None, 4, 2), ("Residual", None, None, 25, 5)],
    )
    estimate = rows_of(truth.compare(fit))["estimate"].dropna()
    assert ("SD", same or group, "Intercept") in estimate
    # A group that is none of the simulated ones has a row of its own, and no truth.
    true = rows_of(truth.compare(fit)).loc[("SD", same or group, "Intercept"), "true"]
    assert np.isnan(true) == (same is None)


def test_two_terms_over_the_same_units_do_not_share_one_truth():
    truth = simulate_schools(2, 2, 2, 2, seed=1).truth
    fit = fake_fit(
        {"Intercept": (50, 1)},
        [
            ("school:classroom", "Intercept", None, 4, 2),
            ("classroom", "Intercept", None, 9, 3),
            ("Residual", None, None, 25, 5),
        ],
    )
    found = rows_of(truth.compare(fit))
    assert found.loc[("SD", "classroom", "Intercept"), "estimate"] == 3
    assert np.isnan(found.loc[("SD", "school:classroom", "Intercept"), "true"])


def test_compare_asks_for_a_fit():
    truth = simulate_schools(2, 2, 2, 2, seed=1).truth
    with pytest.raises(CourseError, match="needs a fitted model, not DataFrame.*mixedlm"):
        truth.compare(pd.DataFrame())
