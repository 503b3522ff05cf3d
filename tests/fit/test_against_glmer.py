"""Every public number of a generalised fit against R's glmer, or glmmTMB where the link is another."""

import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from course import mixedglm

ROOT = Path(__file__).parents[2]
MODELS = json.loads((ROOT / "tests/reference/generalised.json").read_text())["models"]
BY_LME4 = [name for name, model in MODELS.items() if model["by"] == "lme4"]
LAPLACE = [name for name in BY_LME4 if "nagq" not in MODELS[name]]
LARGE = {"arabidopsis", "chem97", "grouseticks", "pupils", "verbagg", "verbagg_slopes"}


def each(names) -> pytest.MarkDecorator:
    """A test for each of these; of the large ones in `make test`, but not while editing."""
    marks = {name: [pytest.mark.slow] if name in LARGE else [] for name in names}
    return pytest.mark.parametrize(
        "name", [pytest.param(name, marks=marks[name]) for name in names]
    )


@cache
def data(path: str) -> pd.DataFrame:
    frame = pd.read_csv(ROOT / path)
    return frame.assign(row=np.arange(1, len(frame) + 1))


@cache
def fit(name: str):
    model = MODELS[name]
    made = mixedglm(model["formula"], data(model["data"]), model["family"], model.get("link"))
    return made.fit(model.get("nagq", 1))


def as_in_r(name: str) -> frozenset:
    """``C(period)[T.2]:sex[T.M]`` as the factors ``factor(period)2`` and ``sexM``."""
    parts = (re.sub(r"\[T\.(.*)\]$", r"\1", part) for part in name.split(":"))
    return frozenset(re.sub(r"^C\((\w+)\)", r"factor(\1)", part).replace(" ", "") for part in parts)


def of_r(table: list[dict], value: str) -> dict:
    return {frozenset(row["name"].replace(" ", "").split(":")): row[value] for row in table}


def of_ours(series: pd.Series) -> dict:
    return {as_in_r(name): value for name, value in series.items()}


@pytest.mark.slow
@each(LAPLACE)
def test_log_likelihood(name):
    ours, theirs = fit(name), MODELS[name]
    assert ours.converged
    assert ours.llf == pytest.approx(theirs["log_likelihood"], abs=1e-4)
    assert ours.llf > theirs["log_likelihood"] - 1e-6
    assert ours.aic == pytest.approx(theirs["aic"], abs=2e-4)
    assert ours.bic == pytest.approx(theirs["bic"], abs=2e-4)
    assert ours.deviance == pytest.approx(theirs["deviance"], rel=1e-3)


@each(MODELS)
def test_fixed_effects(name):
    ours, theirs = fit(name), MODELS[name]["fixed"]
    assert of_ours(ours.fe_params) == pytest.approx(of_r(theirs, "estimate"), abs=1e-3)
    assert of_ours(ours.bse_fe) == pytest.approx(of_r(theirs, "std_error"), abs=1e-3)


@each(BY_LME4)
def test_variances(name):
    theirs = {}
    for row in MODELS[name]["variances"]:
        group = re.sub(r"\.\d+$", "", row["grp"])  # of several terms of one grouping
        effects = [row["var1"], *([row["var2"]] if "var2" in row else [])]
        names = frozenset(
            "|".join(sorted(as_in_r(e.replace("(Intercept)", "Intercept")))) for e in effects
        )
        theirs[group, names] = row["sdcor"]
    ours = {}
    for row in fit(name).variance_components.itertuples():
        effects = [row.effect, *([row.effect2] if isinstance(row.effect2, str) else [])]
        ours[row.group, frozenset("|".join(sorted(as_in_r(e))) for e in effects)] = row.sdcor
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        if not np.isnan(ours[key]):  # the correlation of what does not vary
            assert ours[key] == pytest.approx(value, abs=1e-3), key


@each(BY_LME4)
def test_random_effects_and_their_sds(name):
    ours = fit(name)
    for group, theirs in MODELS[name]["random"].items():
        order = [as_in_r(effect) for effect in np.atleast_1d(theirs["effects"])]
        for frame, key in ((ours.random_effects, "means"), (ours.random_effects_se, "sds")):
            rows = frame[group].set_axis(frame[group].index.astype(str)).loc[theirs["levels"]]
            columns = [list(map(as_in_r, rows.columns)).index(effect) for effect in order]
            np.testing.assert_allclose(rows.to_numpy()[:, columns], theirs[key], atol=1e-3)


@each(LAPLACE)
def test_fitted_values_and_residuals(name):
    ours, theirs = fit(name), MODELS[name]
    np.testing.assert_allclose(ours.fittedvalues[:5], theirs["fitted"], rtol=1e-3)
    np.testing.assert_allclose(ours.predict(random="none")[:5], theirs["population"], rtol=1e-3)
    np.testing.assert_allclose(ours.resid("pearson")[:5], theirs["pearson"], rtol=2e-3, atol=1e-4)
    deviance = ours.resid("deviance")
    np.testing.assert_allclose(deviance[:5], theirs["deviance_residuals"], rtol=2e-3, atol=1e-4)
    assert (deviance**2).sum() == pytest.approx(ours.deviance)


@each([name for name in MODELS if MODELS[name]["by"] == "glmmTMB"])
def test_other_links_are_those_of_glmmtmb(name):
    """glmer's Laplace has expected weights in log|A|, where these links have others than the observed."""
    ours, theirs = fit(name), MODELS[name]
    assert ours.llf == pytest.approx(theirs["log_likelihood"], abs=1e-4)
    assert ours.variance_components.sdcor[0] == pytest.approx(theirs["sds"], abs=1e-3)
