"""The translated code at the edges: columns nearly alike, variances of which only sums are known."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from budget import thinned
from running import execute

from course import mixedlm


def grid(groups: int = 9, per_group: int = 6) -> pd.DataFrame:
    """One row for each group and item; treatment and s vary between groups alone, u between items."""
    rng = np.random.default_rng(1)
    g, i = np.repeat(np.arange(groups), per_group), np.tile(np.arange(per_group), groups)
    data = pd.DataFrame({"group": [f"g{k}" for k in g], "item": [f"i{k}" for k in i]})
    data["treatment"] = np.where(g % 2, "a", "b")
    data["s"], data["u"] = np.where(g % 2, 1.0, -1.0), np.where(i % 2, 1.0, -1.0)
    data["x"] = rng.normal(size=len(g))
    data["twin"] = "t" + data["group"]
    data["y"] = rng.normal(size=groups)[g] + rng.normal(size=per_group)[i] + rng.normal(size=len(g))
    return data


def alike(distance: float, seed: int = 5, groups: int = 5, per_group: int = 5) -> pd.DataFrame:
    """z is x but for a distance; slopes of x and of z vary between groups."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(groups), per_group)
    data = pd.DataFrame({"group": [f"g{k}" for k in g], "x": rng.normal(size=len(g))})
    data["z"] = data["x"] + distance * rng.normal(size=len(g))
    data["y"] = rng.normal(size=groups)[g] * data["x"] + rng.normal(size=len(g))
    return data


def ends_at_the_optimum(formula: str, data: pd.DataFrame):
    fit = mixedlm(formula, data).fit()
    assert fit.model.translation.exact
    result = execute(fit.model.translation.code, data)["result"]
    assert result.llf == pytest.approx(fit.llf, abs=1e-4)
    return fit, result


SHARED = [
    "y ~ treatment + (1 + treatment | group)",
    "y ~ 1 + (0 + treatment | group)",
    "y ~ 1 + s*u + (1 + s + u | group)",
    "y ~ s + (s || group) + (1 | item)",
    "y ~ s*u + (1 + s + u || group) + (1 + s + u || item)",
    "y ~ x + (1 | group) + (1 | twin)",
]


@pytest.mark.slow
@pytest.mark.parametrize("formula", thinned(SHARED, 6))
def test_variances_of_which_only_sums_are_known(formula):
    """MixedLM inverts a Hessian that is singular there, and would leave no result."""
    fit, result = ends_at_the_optimum(formula, grid())
    assert "inverti" in fit.model.translation.code
    assert fit.check().agree
    # MixedLM reads them off its Hessian in all parameters, mixedlm off X alone given the variances
    np.testing.assert_allclose(result.bse_fe, fit.bse_fe, rtol=0.01)


@pytest.mark.slow
def test_what_is_known_only_together_has_huge_standard_errors():
    """That of the fixed effects, and of the variance that is known, stay as they are."""
    _, result = ends_at_the_optimum("y ~ x + (1 | group) + (1 | twin)", grid())
    _, plain = ends_at_the_optimum("y ~ x + (1 | group)", grid())
    assert result.bse["group Var"] > 100 * plain.bse["group Var"]
    np.testing.assert_allclose(result.bse_fe, plain.bse_fe, rtol=1e-3)


def test_an_ordinary_model_needs_no_hair():
    data = grid()
    for formula in ("y ~ x + (x | group)", "y ~ x + (1 | group) + (1 | item)"):
        assert "hessian" not in mixedlm(formula, data).translation.code


@pytest.mark.slow
@pytest.mark.parametrize("distance", thinned([0.01, 1.0, 0.1, 0.001], 4))
def test_columns_that_are_nearly_alike(distance):
    data = alike(distance)
    fit, _ = ends_at_the_optimum("y ~ x + (0 + x + z | group)", data)
    assert not fit.singular
    ends_at_the_optimum("y ~ x + (x || group) + (0 + z | group)", data)


@pytest.mark.slow
@pytest.mark.parametrize("seed", thinned(range(4), 4))
def test_an_intercept_and_columns_that_are_nearly_alike(seed):
    ends_at_the_optimum("y ~ x + (x + z | group)", alike(0.1, seed=seed))


FACTORS = ["y ~ f + (f | group)", "y ~ 1 + (0 + f | group)"]


@pytest.mark.slow
@pytest.mark.parametrize("levels, formula", thinned(product([3, 4], FACTORS), 4))
def test_a_factor_of_few_rows_a_group(levels, formula):
    """Levels that do not occur in a group, no variance at all: the optimum is singular in several ways."""
    rng = np.random.default_rng(levels)
    groups = 6 if levels == 3 else 10
    data = pd.DataFrame({"group": np.repeat([f"g{k}" for k in range(groups)], 6)})
    data["f"] = [f"l{k}" for k in rng.integers(0, levels, len(data))]
    data["y"] = rng.normal(size=len(data))
    fit, _ = ends_at_the_optimum(formula, data)
    assert fit.singular and fit.check().agree


@pytest.mark.slow
@pytest.mark.parametrize("residual", thinned([1e-2, 1e-4], 2))
def test_hardly_any_residual(residual):
    data = alike(1.0)
    rng = np.random.default_rng(5)
    slopes = rng.normal(size=(5, 2))[np.repeat(np.arange(5), 5)]
    data["y"] = slopes[:, 0] + slopes[:, 1] * data["x"] + residual * rng.normal(size=len(data))
    ends_at_the_optimum("y ~ x + (x | group)", data)
    ends_at_the_optimum("y ~ x + (x || group)", data)
