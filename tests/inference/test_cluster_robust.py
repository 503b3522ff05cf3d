"""Cluster-robust standard errors against R's clubSandwich, and in closed form."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from course import CourseError, fixed_effects_table, load, mixedlm

ROOT = Path(__file__).parents[2]
MODELS = {
    model["id"]: model
    for model in json.loads((ROOT / "tests/reference/means.json").read_text())["robust"]
}


def data_of(model):
    return pd.read_csv(ROOT / model["data"]).iloc[:: model["every"]]


def r_names(names, data):
    """``age:sexmale`` for ``sex[T.male]:age``: the parts of a name, sorted, as patsy has them."""
    found = []
    for name in names:
        parts = []
        for part in name.replace("(Intercept)", "Intercept").split(":"):
            for column in data.select_dtypes(exclude="number"):
                if part.startswith(column) and part != column:
                    part = f"{column}[T.{part.removeprefix(column)}]"
            parts.append(part)
        found.append(":".join(sorted(parts)))
    return found


@pytest.mark.parametrize("correction", ["CR0", "CR2"])
@pytest.mark.parametrize("model_id", MODELS)
def test_equals_club_sandwich(model_id, correction):
    model = MODELS[model_id]
    data, theirs = data_of(model), model[correction]
    fit = mixedlm(model["formula"], data).fit()
    robust = model["cluster"] if model["cluster"] in fit.n_groups else data[model["cluster"]]
    table = fixed_effects_table(fit, robust=robust, correction=correction)
    table = table.rename(index=lambda name: ":".join(sorted(name.split(":"))))
    table = table.loc[r_names(theirs["names"], data)]
    np.testing.assert_allclose(table["estimate"], theirs["estimate"], rtol=1e-4)
    np.testing.assert_allclose(table["std_error"], theirs["std_error"], rtol=1e-4)
    np.testing.assert_allclose(table["df"], theirs["df"], rtol=1e-4)
    np.testing.assert_allclose(table["p_value"], theirs["p_value"], rtol=2e-3, atol=1e-12)


def test_the_mean_of_a_balanced_one_way_layout_has_the_classical_standard_error():
    """CR2 is the standard error of the mean of k group means, with k - 1 degrees of freedom; CR0 is
    less by the root of (k - 1) / k."""
    k, n = 8, 5
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(k), n)
    data = pd.DataFrame({"g": group.astype(str), "y": rng.normal(0, 2, k)[group]})
    data["y"] += rng.normal(size=k * n)
    fit = mixedlm("y ~ 1 + (1|g)", data).fit()
    error = data.groupby("g")["y"].mean().std(ddof=1) / np.sqrt(k)
    row = fixed_effects_table(fit, robust="g").iloc[0]
    assert row["std_error"] == pytest.approx(error, rel=1e-8)
    assert row["df"] == pytest.approx(k - 1, rel=1e-8)
    none = fixed_effects_table(fit, robust="g", correction="CR0", df="normal").iloc[0]
    assert none["std_error"] == pytest.approx(error * np.sqrt((k - 1) / k), rel=1e-8)
    assert np.isinf(none["df"])


@pytest.fixture(scope="module")
def pupils():
    return load("pupils").iloc[::4]


@pytest.fixture(scope="module")
def nested(pupils):
    return mixedlm("test_score ~ age + (1|school/classroom)", pupils).fit()


def test_a_series_is_matched_by_its_index(pupils, nested):
    by_name = fixed_effects_table(nested, robust="school")
    assert by_name.equals(fixed_effects_table(nested, robust=pupils["school"].sample(frac=1)))
    assert by_name.equals(fixed_effects_table(nested, robust=pupils["school"].to_numpy()))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"robust": "shool"}, "did you mean 'school'"),
        ({"robust": "province"}, r'robust=data\["province"\]'),
        ({"robust": "school:classroom"}, "rows of one school are in several clusters"),
        ({"robust": [1, 2, 3]}, "a label for each of the 624 rows"),
        ({"robust": np.ones(624)}, "at least two"),
        ({"robust": "school", "df": "kenward-roger"}, "leave one out"),
        ({"robust": "school", "correction": "CR3"}, "'CR2'"),
    ],
)
def test_wrong_use_is_refused_with_the_mend(nested, options, message):
    with pytest.raises(CourseError, match=message):
        fixed_effects_table(nested, **options)


def test_a_missing_label_is_refused(pupils, nested):
    labels = pupils["school"].astype(object).where(pupils.index != pupils.index[3])
    with pytest.raises(CourseError, match="school has no label in 1 of the rows"):
        fixed_effects_table(nested, robust=labels)
