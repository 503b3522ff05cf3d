"""The models that R's lme4 fitted, and their data (tests/reference/README.md says what is stored)."""

import json
from functools import cache
from pathlib import Path

import pandas as pd

from course import mixedlm

ROOT = Path(__file__).parents[1]
MODELS = json.loads((ROOT / "tests/reference/models.json").read_text())
RESULTS = json.loads((ROOT / "tests/reference/reference.json").read_text())["models"]
CASES = [(model["id"], method) for model in MODELS for method in ("REML", "ML")]


def model(model_id: str) -> dict:
    return next(m for m in MODELS if m["id"] == model_id)


def read(path: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / path)


@cache
def data(model_id: str) -> pd.DataFrame:
    described = model(model_id)
    frame = read(described["data"])
    if "room" in described["prepare"]:
        frame["room"] = frame["classroom"].astype(str).str.replace(r".*[-_ /:.]", "", regex=True)
    if "age_c" in described["prepare"]:
        frame["age_c"] = frame["age"] - 10
    return frame


@cache
def fit(model_id: str, method: str):
    return mixedlm(model(model_id)["python"], data(model_id)).fit(reml=method == "REML")
