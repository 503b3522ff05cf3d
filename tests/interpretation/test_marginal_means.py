"""Adjusted means, contrasts and slopes against R's emmeans, closed forms, and other spellings of a model."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from course import (
    CourseError,
    contrasts,
    means,
    mixedlm,
    slopes,
)

ROOT = Path(__file__).parents[2]
MODELS = {
    model["id"]: model
    for model in json.loads((ROOT / "tests/reference/means.json").read_text())["models"]
}
CALLS = [(name, i) for name, model in MODELS.items() for i in range(len(model["calls"]))]
FUNCTIONS = {"means": means, "contrasts": contrasts, "slopes": slopes}


@cache
def fit(model_id):
    model = MODELS[model_id]
    data = pd.read_csv(ROOT / model["data"])
    data = data.iloc[:: model.get("every", 1)]
    if model_id == "numbers_as_factors":
        data = data.assign(male=(data["sex"] == "male").astype(int), grade=data["age"] // 2)
    return mixedlm(model["formula"], data).fit()


def theirs(call):
    """emmeans' labels and numbers, as lists also where there is one row."""
    values = {name: np.atleast_1d(np.array(v, dtype=float)) for name, v in call["values"].items()}
    labels = {name: np.atleast_1d(v).tolist() for name, v in call["labels"].items()}
    return labels, values


def ask(model_id, call):
    options = dict(call["options"])  # R writes an empty list as []
    if call["call"] == "contrasts":
        options["kind"] = call["kind"]
    return FUNCTIONS[call["call"]](fit(model_id), call["factor"], **options)


def row_names(table):
    return [label if isinstance(label, tuple) else (label,) for label in table.index]


@pytest.mark.parametrize("model_id, i", CALLS)
def test_equals_emmeans(model_id, i):
    call = MODELS[model_id]["calls"][i]
    labels, expected = theirs(call)
    if np.isnan(expected["estimate"]).any():  # emmeans says nonEst of some rows: we refuse
        with pytest.raises(CourseError, match="the data do not tell the (mean|contrast) of"):
            ask(model_id, call)
        return
    table = ask(model_id, call)
    assert len(table) == len(expected["estimate"])
    names = labels.get("contrast")
    if names and call["kind"] != "polynomial" and ":" not in call["factor"]:
        ours = [row[-1] for row in row_names(table)]
        assert ours == [name.replace("(", "").replace(")", "") for name in names]
    for name in set(table.index.names) & set(labels) - {"contrast"}:
        ours = table.index.get_level_values(name)
        assert [f"{v:g}" if isinstance(v, float) else str(v) for v in ours] == labels[name]
    # what is nearly 0 is compared with the size of its standard error
    error = expected["std_error"]
    np.testing.assert_allclose(table["std_error"], error, rtol=1e-4)
    for column in ("estimate", "lower", "upper"):
        assert np.abs(table[column] - expected[column]).max() < 1e-4 * max(
            error.min(), np.abs(expected[column]).min()
        ), column
    np.testing.assert_allclose(table["df"], expected["df"], rtol=1e-4)
    if call["call"] != "means":
        np.testing.assert_allclose(table["t"], expected["t"], rtol=1e-4, atol=1e-4)
        # R's ptukey is exact to about eight decimals, not to eight digits
        atol = 2e-8 if call["options"] and call["options"].get("adjust") == "tukey" else 1e-12
        np.testing.assert_allclose(table["p_value"], expected["p_value"], rtol=1e-3, atol=atol)
