"""The same model, however data and formula are written down: same likelihood, same BLUPs."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from budget import examples
from hypothesis import given
from hypothesis import strategies as st
from made import FORMULAS, table

from course import mixedlm
from course.formula.parse import parse_formula

GROUPS = ("a", "b", "c", "p", "t", "u", "w", "block")
CASES = {
    "formula": st.sampled_from(FORMULAS),
    "seed": st.integers(0, 10_000),
    "reml": st.booleans(),
}


def same_model(one, other, at=None):
    """The same likelihood, fitted values and BLUPs; `at` says where each row of `one` is in `other`."""
    assert other.converged and one.converged
    assert other.llf == pytest.approx(one.llf, abs=1e-6)
    assert other.scale == pytest.approx(one.scale, rel=1e-4)
    fitted = other.fittedvalues.to_numpy()
    fitted = fitted if at is None else fitted[at]
    # a flat optimum leaves its last digits open
    spread = np.sqrt(one.scale)
    np.testing.assert_allclose(fitted, one.fittedvalues, atol=5e-4 * spread)


def same_blups(one, other, factor=1.0):
    spread = np.sqrt(one.scale)
    for group, effects in one.random_effects.items():
        theirs = other.random_effects[group].to_numpy() / factor
        # effects one by one are less certain than their sums
        np.testing.assert_allclose(theirs, effects.to_numpy(), atol=2e-3 * spread)


@pytest.mark.slow
@examples(3)
@given(shuffle=st.integers(0, 1000), **CASES)
def test_order_of_rows_in_any_structure(formula, seed, reml, shuffle):
    data = table(seed)
    rows = np.random.default_rng(shuffle).permutation(len(data))
    one = mixedlm(formula, data).fit(reml)
    other = mixedlm(formula, data.iloc[rows]).fit(reml)
    same_model(one, other, np.argsort(rows))
    same_blups(one, other)


@pytest.mark.slow
@examples(3)
@given(new=st.integers(0, 1000), kind=st.sampled_from(["number", "text", "category"]), **CASES)
def test_labels_of_groups(formula, seed, reml, new, kind):
    """Labels are names only: in another order, as text, as categories, the groups are the same."""
    data = table(seed)
    rng = np.random.default_rng(new)
    renamed, label = data.copy(), {}
    for group in GROUPS:
        numbers = rng.permutation(10_000)[: data[group].max() + 1]
        label[group] = pd.Series(numbers)
        if kind != "number":
            label[group] = "größe " + label[group].astype(str)
        renamed[group] = label[group][data[group]].to_numpy()
        if kind == "category":
            renamed[group] = pd.Categorical(renamed[group], rng.permutation(label[group]))
    one, other = mixedlm(formula, data).fit(reml), mixedlm(formula, renamed).fit(reml)
    same_model(one, other)
    for group, effects in one.random_effects.items():
        if ":" not in group:
            theirs = other.random_effects[group].loc[list(label[group][effects.index])]
            np.testing.assert_allclose(theirs, effects, atol=2e-3 * np.sqrt(one.scale))


@pytest.mark.slow
@examples(3)
@given(
    y_unit=st.sampled_from([1e-6, 1e-3, 1.0, 1e3, 1e6]),
    x_unit=st.sampled_from([1e-6, 1e-3, 1.0, 1e3, 1e6]),
    z_unit=st.sampled_from([1e-6, 1.0, 1e6]),
    **CASES,
)
def test_units_in_any_structure(formula, seed, reml, y_unit, x_unit, z_unit):
    """Densities of y in other units differ by the unit; REML's also by those of X."""
    data = table(seed)
    one = mixedlm(formula, data).fit(reml)
    changed = data.assign(y=y_unit * data.y, x=x_unit * data.x, z=z_unit * data.z)
    other = mixedlm(formula, changed).fit(reml)
    df = one.nobs - len(one.fe_params) if reml else one.nobs
    names = one.fe_params.index
    of_X = np.log(x_unit) * ("x" in names) + np.log(z_unit) * ("z" in names)
    constant = -df * np.log(y_unit) - of_X * reml
    assert other.converged and other.llf == pytest.approx(one.llf + constant, abs=1e-6)
    np.testing.assert_allclose(
        other.fittedvalues / y_unit, one.fittedvalues, atol=5e-4 * np.sqrt(one.scale)
    )
    unit = {"x": x_unit, "z": z_unit}
    for group, effects in one.random_effects.items():
        for name in effects:
            theirs = other.random_effects[group][name] * unit.get(name, 1.0) / y_unit
            scale = np.sqrt(one.scale) / (data[name].abs().max() if name in unit else 1)
            np.testing.assert_allclose(theirs, effects[name], atol=2e-3 * scale)


@pytest.mark.slow
@examples(3)
@given(
    formula=st.sampled_from([f for f in FORMULAS if "0 + x" not in f and "||" not in f]),
    seed=st.integers(0, 10_000),
    reml=st.booleans(),
    shift=st.sampled_from([-5.0, 10.0, 2000.0, 1e6]),
)
def test_zero_of_a_predictor_in_correlated_terms(formula, seed, reml, shift):
    """Where x begins is nobody's business as long as an intercept stands beside each x."""
    data = table(seed)
    one = mixedlm(formula, data).fit(reml)
    other = mixedlm(formula, data.assign(x=data.x + shift)).fit(reml)
    same_model(one, other)
    assert other.singular == one.singular
    for group, effects in one.random_effects.items():
        if "x" in effects:
            theirs = other.random_effects[group]["x"]
            np.testing.assert_allclose(theirs, effects["x"], atol=2e-3 * np.sqrt(one.scale))


@pytest.mark.slow
@examples(3)
@given(seed=st.integers(0, 10_000), reml=st.booleans(), add=st.floats(-1e4, 1e4))
def test_a_constant_and_a_fixed_effect_added_to_the_response(seed, reml, add):
    """y + c + d x moves the fixed effects by c and d and nothing else."""
    data = table(seed)
    formula = "y ~ x + f + (x|a) + (1|p)"
    one = mixedlm(formula, data).fit(reml)
    other = mixedlm(formula, data.assign(y=data.y + add - 3 * data.x)).fit(reml)
    assert other.llf == pytest.approx(one.llf, abs=1e-6)
    moved = (other.fe_params - one.fe_params).to_numpy()
    expected = np.where(one.fe_params.index == "Intercept", add, 0) - 3 * (
        one.fe_params.index == "x"
    )
    np.testing.assert_allclose(moved, expected, atol=1e-2 * np.sqrt(one.scale))
    same_blups(one, other)


SPELLINGS = [
    ("y ~ x + (x|a)", "y~1+x+(1+x|a)"),
    ("y ~ x + (x|a)", "y ~ x + ( x + 1 | a )"),
    ("y ~ x + (x|a)", "y ~ `x` + (`x`|`a`)"),
    ("y ~ x + (x|a)", 'Q("y") ~ Q("x") + (Q("x")|a)'),
    ("y ~ x + (x + z|a)", "y ~ x + (z + x|a)"),
    ("y ~ x + z + (x||a)", "y ~ z + x + (0 + x|a) + (1|a)"),
    ("y ~ x + z + (x||a)", "y ~ x + z + (1|a) + (x - 1|a)"),
    ("y ~ x + z + (x||a)", "y ~ x + z + (1|a) + (-1 + x|a)"),
    ("y ~ x*z + (1|a)", "y ~ x + z + x:z + (1|a)"),
    ("y ~ x*z + (1|a)", "y ~ (x + z)**2 + (1|a)"),
    ("y ~ x*z + (1|a)", "y ~ z:x + z + x + (1|a)"),
    ("y ~ x + (1|c/b)", "y ~ x + (1|c) + (1|c:b)"),
    ("y ~ x + (1|c/b)", "y ~ x + (1|b:c) + (1|c)"),
    ("y ~ x + (1|c/b/a)", "y ~ x + (1|c) + (1|b) + (1|a)"),  # b in c and a in b by their labels
    ("y ~ x + (x|p) + (1|t)", "y ~ (1|t) + (x|p) + x"),
    ("y ~ f + (1|a)", "y ~ C(f) + (1|a)"),
    ("y ~ f + (0 + f|a)", "y ~ f + (f|a)"),
    ("y ~ f + (1|a)", "y ~ 0 + f + (1|a)"),
    ("y ~ x + (1|a)", "y ~ I(x) + (1|a)"),
    ("y ~ x + (x|a)", "y ~ center(x) + (center(x)|a)"),
    ("y ~ x + z + (x + z|a)", "y ~ x + z + (I(x - z) + z|a)"),
]


@pytest.mark.slow
@examples(1)
@given(seed=st.integers(0, 10_000), reml=st.booleans())
@pytest.mark.parametrize("one, other", SPELLINGS)
def test_spellings(one, other, seed, reml):
    data = table(seed)
    first, second = mixedlm(one, data).fit(reml), mixedlm(other, data).fit(reml)
    same_model(first, second)
    assert first.n_params == second.n_params
    assert mixedlm(str(parse_formula(other)), data).fit(reml).llf == second.llf


@cache
def of_usual_names():
    return mixedlm("y ~ x + (x|a) + (1|b)", table(1)).fit()


@pytest.mark.slow
@examples(4)
@given(
    name=st.text(st.characters(exclude_characters="`", exclude_categories=["C", "Z"]))
    .map(str.strip)
    .filter(bool)
)
def test_names_of_columns(name):
    """A column of any name in backticks is what it was under another."""
    data = table(1)
    if name in data or name == "Intercept":
        return
    one = of_usual_names()
    other = mixedlm(f"y ~ `{name}` + (`{name}`|a) + (1|b)", data.rename(columns={"x": name})).fit()
    same_model(one, other)
    group = mixedlm(f"y ~ x + (x|`{name}`) + (1|b)", data.rename(columns={"a": name})).fit()
    same_model(one, group)
