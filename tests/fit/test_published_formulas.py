"""Formulas as published, in R's spelling and unchanged, against lme4's values.

tests/reference/README.md says what published.json and published_values.json hold.
"""

import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from course import CourseError, mixedlm

FOLDER = Path(__file__).parents[1] / "reference"
PUBLISHED = json.loads((FOLDER / "published.json").read_text())
VALUES = json.loads((FOLDER / "published_values.json").read_text())
MODELS = {model["id"]: model for model in PUBLISHED["models"]}
LME4 = VALUES["models"]
FITTED_BY_LME4 = [name for name in MODELS if "refused" not in LME4[name]]
COMPARED = [name for name in FITTED_BY_LME4 if "refused" not in MODELS[name]]


MARKS = {
    name: [] if i % 6 == 0 else [pytest.mark.slow] if i % 3 == 0 else [pytest.mark.long]
    for i, name in enumerate(COMPARED)
}


def each(names) -> pytest.MarkDecorator:
    """A test for each of these: in `make test` for every third model, while editing for every sixth."""
    return pytest.mark.parametrize("name", [pytest.param(n, marks=MARKS[n]) for n in names])


def without(field: str) -> list[str]:
    return [name for name in COMPARED if field not in MODELS[name]]


@cache
def data(name: str) -> pd.DataFrame:
    """The file with R's factors, their levels in R's order."""
    factors = VALUES["datasets"][name]["factors"]
    frame = pd.read_csv(
        FOLDER / f"published/{name}.csv",
        dtype=dict.fromkeys(factors, str),
        keep_default_na=False,
        na_values=[""],
    )
    for column, its in factors.items():
        frame[column] = pd.Categorical(frame[column], its["levels"], ordered=its["ordered"])
    return frame


@cache
def fit(name: str):
    model = MODELS[name]
    return mixedlm(model["formula"], data(model["data"])).fit(reml=model["method"] == "REML")


def effect_name(name: str) -> tuple[str, ...]:
    """One spelling for R's and patsy's name of a column: `factor(x)2`, `C(x)[T.2]`."""
    name = re.sub(r"\s|`|np\.|as\.|\w+::", "", name).replace("**", "^").lower()
    name = re.sub(r"\bc\(|\bfactor\(", "factor(", name).replace("(intercept)", "intercept")
    parts = re.split(r":(?![^(\[]*[)\]])", name)
    return tuple(sorted(re.sub(r"\[(t\.|s\.)?(.*?)\]$", r"\2", part) for part in parts))


def group_name(name: str) -> tuple[str, ...]:
    return tuple(sorted(re.sub(r"\s|\b(as\.)?factor\b|\bC\b|[()`]", "", name).split(":")))


def paired(ours: dict, lme4: dict) -> list[tuple]:
    """What belongs together: by name where both have the same names, otherwise by size."""
    assert len(ours) == len(lme4)
    if ours.keys() == lme4.keys():
        return [(ours[key], lme4[key]) for key in lme4]
    return list(zip(sorted(ours.values()), sorted(lme4.values()), strict=True))


def fixed_effects(name: str) -> tuple[dict, dict]:
    """(estimate, standard error) by name, of ours and of lme4; without the aliased columns."""
    estimates = fit(name).fe_params.dropna()
    ours = {effect_name(k): (v, fit(name).bse_fe[k]) for k, v in estimates.items()}
    lme4 = {effect_name(k): tuple(v) for k, v in dict(LME4[name]["fixed_effects"]).items() if v}
    return ours, lme4


def components(name: str) -> tuple[dict, dict]:
    """SDs by (group, effect), ours and lme4's."""
    table = fit(name).variance_components
    table = table[table.effect2.isna() & (table.group != "Residual")]
    ours = {(group_name(r.group), effect_name(r.effect)): r.sdcor for r in table.itertuples()}
    lme4 = {
        (group_name(term["group"]), effect_name(effect)): sd
        for term in LME4[name]["random_effects"]
        for effect, sd in zip(term["effects"], term["sd"], strict=True)
    }
    assert len(lme4) == sum(len(term["sd"]) for term in LME4[name]["random_effects"])
    return ours, lme4


def correlations(name: str) -> tuple[dict, dict]:
    table = fit(name).variance_components
    table = table[table.effect2.notna()]
    ours = {
        (group_name(r.group), frozenset([effect_name(r.effect), effect_name(r.effect2)])): r.sdcor
        for r in table.itertuples()
    }
    lme4 = {}
    for term in LME4[name]["random_effects"]:
        effects = [effect_name(effect) for effect in term["effects"]]
        pairs = [(a, b) for i, a in enumerate(effects) for b in effects[i + 1 :]]
        for pair, correlation in zip(pairs, term["correlation"], strict=True):
            lme4[group_name(term["group"]), frozenset(pair)] = correlation
    return ours, lme4


@each(COMPARED)
def test_log_likelihood_and_fitted_values(name):
    ours, lme4 = fit(name), LME4[name]
    assert ours.nobs == lme4["nobs"]
    assert ours.llf == pytest.approx(lme4["log_likelihood"], abs=1e-4)
    assert ours.llf > lme4["log_likelihood"] - 1e-5  # never short of lme4's best of many
    assert ours.sigma == pytest.approx(lme4["sigma"], rel=1e-3)
    close = {"rtol": 1e-5, "atol": 1e-3 * lme4["sigma"]}
    np.testing.assert_allclose(ours.fittedvalues.iloc[:5], lme4["fitted"], **close)
    np.testing.assert_allclose(ours.predict(random="none").iloc[:5], lme4["fixed_part"], **close)


@each(without("coding"))
def test_fixed_effects(name):
    for (estimate, error), (r_estimate, r_error) in paired(*fixed_effects(name)):
        assert estimate == pytest.approx(r_estimate, abs=1e-3 * max(abs(r_estimate), r_error))
        if "not_identified" not in MODELS[name]:  # where a variance is free, so is the error
            assert error == pytest.approx(r_error, rel=1e-3)


ALIASED = [n for n in without("coding") if None in dict(LME4[n]["fixed_effects"]).values()]


@each(ALIASED)
def test_as_many_aliased_columns_as_lme4(name):
    ours = fit(name).fixed_effects.estimate.isna().sum()
    assert ours == list(LME4[name]["fixed_effects"].values()).count(None)


@each(without("not_identified"))
def test_random_effects(name):
    sigma = LME4[name]["sigma"]
    for sd, r_sd in paired(*components(name)):
        assert sd == pytest.approx(r_sd, rel=2e-3, abs=1e-3 * sigma)


@each(name for name in without("not_identified") if not LME4[name]["singular"])
def test_correlations(name):
    for correlation, r_correlation in paired(*correlations(name)):
        assert correlation == pytest.approx(r_correlation, abs=5e-3)


@pytest.mark.parametrize(
    "every", [pytest.param(3, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.long)]
)
def test_most_are_matched_by_name(every):
    some = COMPARED[::every]
    alike = [n for n in set(some) & set(without("coding")) if np.equal(*map(set, fixed_effects(n)))]
    assert len(alike) > 0.6 * len(some)


@pytest.mark.parametrize("name", [n for n in FITTED_BY_LME4 if "refused" in MODELS[n]])
def test_what_is_refused_says_why(name):
    model = MODELS[name]
    with pytest.raises(CourseError, match=re.escape(model["refused"])):
        mixedlm(model["formula"], data(model["data"])).fit()


@pytest.mark.parametrize("name", [n for n in MODELS if "refused" in LME4[n]])
def test_what_lme4_refuses_is_refused(name):
    model = MODELS[name]
    if "fitted_here" in model:
        assert fit(name).converged
    else:
        with pytest.raises(CourseError):
            mixedlm(model["formula"], data(model["data"])).fit()


def test_at_most_3_in_100_are_refused_that_lme4_fits():
    refused = [name for name in FITTED_BY_LME4 if "refused" in MODELS[name]]
    assert len(FITTED_BY_LME4) >= 170
    assert len(refused) <= 0.03 * len(FITTED_BY_LME4)
