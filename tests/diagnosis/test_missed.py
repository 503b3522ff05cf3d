"""What a linear model misses is found where it is, with the right numbers, and rarely where it is not."""

import numpy as np
import pandas as pd
import pytest

from course import diagnose, load, mixedlm
from course.diagnosis.missed import added, missed


def made(seed=0, groups=40, size=12, square=0.0, lean=0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(3, 2 * size, groups)
    g = np.repeat(np.arange(groups), sizes)
    x = rng.normal(size=len(g)) + rng.normal(size=groups)[g]
    level = rng.normal(0, 2, groups) + lean * np.log(sizes)
    y = 10 + x + square * x**2 + level[g] + rng.normal(0, 3, len(g))
    group = [f"g{i:02}" for i in g]
    return pd.DataFrame({"y": y, "x": x, "sex": rng.choice(["f", "m"], len(g)), "g": group})


def found(data: pd.DataFrame, formula: str = "y ~ x + sex + (1|g)") -> dict[str, str]:
    left_out: list[str] = []
    findings = missed(mixedlm(formula, data).fit(), [], left_out)
    assert not left_out
    return {finding.title: finding.seen for finding in findings}


@pytest.mark.long  # a rate over many simulated data sets
def test_data_from_the_model_rarely_stand_out():
    # two further terms in each fit, each with p < 0.001 by chance
    assert sum(bool(found(made(seed))) for seed in range(12)) <= 1


def test_a_bend_is_found_with_its_numbers():
    data = made(square=0.8, groups=60)
    seen = found(data)["The response bends along x"]
    means = [
        float(word)
        for word in seen.split("residual is ")[1].split(". The")[0].replace(" and", ",").split(",")
        if word
    ]
    assert len(means) == 5 and means[0] > 0 > means[2] and means[4] > 0
    squared = mixedlm("y ~ x + sex + I(x**2) + (1|g)", data).fit()
    assert f"t = {squared.fixed_effects.t['I(x ** 2)']:.1f}" in seen


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + I(x**2) + sex + (1|g)",
        "y ~ bs(x, df=4) + sex + (1|g)",
        "y ~ poly(x, 2) + sex + (1|g)",
    ],
)
def test_a_curve_is_not_looked_at_for_a_bend(formula):
    assert not found(made(square=0.8), formula)


@pytest.mark.slow
def test_effects_that_lean_on_the_size_of_the_groups():
    data = made(lean=3.0, groups=80)
    seen = found(data)["Effects of g lean on its size"]
    data["log_size"] = np.log(data.groupby("g")["y"].transform("size"))
    row = mixedlm("y ~ x + sex + log_size + (1|g)", data).fit().fixed_effects.loc["log_size"]
    assert f"(t = {row.t:.1f}" in seen and "higher" in seen
    assert "Effects of g lean on its size" not in found(data, "y ~ x + log_size + (1|g)")


@pytest.mark.slow
def test_schools_of_chem97_lean_on_their_size():
    chem97 = load("chem97")
    fit = mixedlm("score ~ gcsecnt + gender + age + (gcsecnt|school)", chem97).fit()
    titles = [finding.title for finding in missed(fit, [], [])]
    assert "Effects of school lean on its size" in titles
    assert "The response takes only 6 values" in titles


@pytest.mark.slow
def test_yes_or_no_and_five_steps_are_no_measurements():
    data = made()
    data["y"] = (data["y"] > 10).astype(int)
    fit = mixedlm("y ~ x + (1|g)", data).fit()
    (finding,) = [one for one in diagnose(fit, solvers=False) if "only 2 values" in one.title]
    assert finding.severity == "problem" and "mixedglm" in finding.do
    data["y"] = pd.cut(made()["y"], 5, labels=False) + 1
    assert found(data)["The response takes only 5 values"] == "They are 1, 2, 3, 4 and 5."
    data["y"] = pd.cut(made()["y"], 8, labels=False)
    assert not any("values" in title for title in found(data))


@pytest.mark.parametrize("column", ["y", "x"])
def test_codes_among_the_numbers(column):
    data = made()
    data.loc[[3, 50, 90], column] = [999, 999, -99]
    title = f"{column} holds what looks like a code for missing values"
    assert "-99 and 999 in 3 rows" in found(data)[title]
    assert title not in found(made())


def test_a_factor_of_zeros_and_ones_whose_levels_scatter_differently():
    data = made(groups=60, size=20)
    data["boy"] = (data["sex"] == "m").astype(int)
    noise = np.random.default_rng(1).normal(0, 3, len(data))
    data["y"] += np.where(data["boy"], np.sqrt(3) * noise, 0)
    fit = mixedlm("y ~ x + boy + (1|g)", data).fit()
    (finding,) = [one for one in diagnose(fit, solvers=False) if "spread" in one.title]
    assert "by boy the residual SD of '1' is" in finding.seen.replace("By boy", "by boy")
    assert "robust=" in finding.do


def test_a_column_that_others_determine_is_not_added():
    fit = mixedlm("y ~ x + (1|g)", made()).fit()
    x = fit.design.X[:, 1]
    assert added(fit, [x * 2]).empty and added(fit, []).empty
    assert list(added(fit, [x * 2, x**2]).index) == [1]


def test_a_square_that_is_a_column_of_its_own_hides_no_other_bend():
    data = made(groups=60).assign(z=lambda data: np.random.default_rng(5).normal(size=len(data)))
    data["y"] += 2 * data["z"] ** 2
    data["squared"] = data["x"] ** 2
    assert list(found(data, "y ~ x + squared + z + (1|g)")) == ["The response bends along z"]
