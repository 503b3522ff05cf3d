"""Every public number of a fit against R's lme4 and lmerTest."""

import numpy as np
import pandas as pd
import pytest
from budget import thinned
from reference_models import CASES, RESULTS, data, fit, model

# While editing every fifth of them, by REML and by ML in turn.
pytestmark = pytest.mark.parametrize("model_id, method", thinned(CASES, 5, pytest.mark.slow))


def group_names(ours, lme4: dict) -> dict:
    """lme4's group -> ours: the same columns, perhaps named in another order."""
    return {
        theirs: next(name for name in ours.n_groups if set(name.split(":")) == set(g["columns"]))
        for theirs, g in lme4["groups"].items()
    }


def components(table: pd.DataFrame) -> dict:
    """(group's columns, effects) -> vcov, sdcor."""
    found = {}
    for row in table.itertuples():
        effects = frozenset(e for e in (row.effect, row.effect2) if isinstance(e, str))
        found[frozenset(row.group.split(":")), effects] = row.vcov, row.sdcor
    return found


@pytest.mark.slow
def test_log_likelihood(model_id, method):
    ours, lme4 = fit(model_id, method), RESULTS[model_id][method]
    assert ours.nobs == lme4["nobs"]
    assert ours.n_params == lme4["n_parameters"]
    assert ours.llf == pytest.approx(lme4["log_likelihood"], abs=1e-4)
    assert ours.llf > lme4["log_likelihood"] - 1e-6  # never short of lme4's best of many
    assert ours.aic == pytest.approx(lme4["aic"], abs=2e-4)
    assert ours.bic == pytest.approx(lme4["bic"], abs=2e-4)
    assert ours.converged
    assert ours.singular == lme4["singular"]


@pytest.mark.slow
def test_fixed_effects(model_id, method):
    ours = fit(model_id, method).fixed_effects
    lme4 = pd.DataFrame(RESULTS[model_id][method]["fixed_effects"]).T.loc[ours.index]
    # a coefficient near 0 is right to a fraction of its standard error
    error = (ours.estimate - lme4.estimate).abs()
    assert (error < 1e-4 * np.maximum(lme4.estimate.abs(), lme4.std_error)).all()
    np.testing.assert_allclose(ours.std_error, lme4.std_error, rtol=1e-4)
    np.testing.assert_allclose(ours.df, lme4.df, rtol=0.01)
    np.testing.assert_allclose(ours.p_value, lme4.p_value, rtol=0.03, atol=1e-12)


def test_covariance_of_fixed_effects(model_id, method):
    ours = fit(model_id, method).cov_params()
    lme4 = pd.DataFrame(RESULTS[model_id][method]["fixed_vcov"]).loc[ours.index, ours.columns]
    se = np.sqrt(np.diagonal(lme4))
    assert (np.abs(ours - lme4) < 2e-4 * np.outer(se, se)).all(axis=None)


@pytest.mark.slow
def test_variance_components(model_id, method):
    ours = components(fit(model_id, method).variance_components)
    lme4 = components(
        pd.DataFrame(RESULTS[model_id][method]["variance_components"]).astype({"sdcor": float})
    )
    pair = model(model_id).get("only_sum_identified")
    assert ours.keys() == lme4.keys()
    if pair:
        same = [(frozenset(g.split(":")), frozenset(["Intercept"])) for g in pair]
        assert sum(ours[key][0] for key in same) == pytest.approx(
            sum(lme4[key][0] for key in same), rel=1e-3
        )
        ours = {key: value for key, value in ours.items() if key not in same}
    sigma = RESULTS[model_id][method]["sigma"]
    for key, (vcov, sdcor) in ours.items():
        _, effects = key
        if len(effects) == 2:
            sds = [np.sqrt(lme4[key[0], frozenset([e])][0]) for e in effects]
            assert vcov == pytest.approx(lme4[key][0], abs=2e-3 * np.prod(sds) + 1e-6)
            if min(sds) > 1e-3 * sigma:
                assert sdcor == pytest.approx(lme4[key][1], abs=2e-3)
        else:
            assert sdcor == pytest.approx(lme4[key][1], rel=1e-3, abs=1e-3 * sigma)


@pytest.mark.slow
def test_random_effects(model_id, method):
    if model(model_id).get("only_sum_identified"):
        pytest.skip("only the sum of two effects is identified")
    ours, lme4 = fit(model_id, method), RESULTS[model_id][method]
    for theirs, name in group_names(ours, lme4).items():
        expected = lme4["random_effects"][theirs]
        columns = lme4["groups"][theirs]["columns"]
        blups, sds = ours.random_effects[name], ours.random_effects_se[name]
        order = [columns.index(c) for c in blups.index.names]
        for effect in blups:
            scale = np.sqrt(expected["sum_of_squares"][effect] / len(blups)) + 1e-6 * lme4["sigma"]
            frame = pd.DataFrame({"b": blups[effect], "sd": sds[effect]})
            frame.index = [
                tuple(map(str, level if isinstance(level, tuple) else (level,)))
                for level in frame.index
            ]
            rows = [tuple(str(level[i]) for i in order) for level in expected["levels"]]
            shown = frame.loc[rows]
            np.testing.assert_allclose(shown.b, expected["estimate"][effect], atol=2e-3 * scale)
            tolerance = (
                1e-3 * max(expected["sd"][effect]) + 1e-3 * lme4["sigma"] * (lme4["singular"])
            )
            np.testing.assert_allclose(shown.sd, expected["sd"][effect], atol=tolerance)
            assert (blups[effect] ** 2).sum() == pytest.approx(
                expected["sum_of_squares"][effect], rel=5e-3, abs=1e-6 * lme4["sigma"] ** 2
            )


@pytest.mark.slow
def test_predictions(model_id, method):
    ours, lme4 = fit(model_id, method), RESULTS[model_id][method]
    expected = lme4["predictions"]
    rows = data(model_id).iloc[expected["rows"]]
    close = {"atol": 1e-3 * lme4["sigma"]}
    np.testing.assert_allclose(ours.predict(rows), expected["all"], **close)
    np.testing.assert_allclose(ours.predict(rows, random="none"), expected["none"], **close)
    np.testing.assert_allclose(ours.predict().iloc[:5], expected["all"], **close)
    if not model(model_id).get("only_sum_identified"):
        names = group_names(ours, lme4)
        for theirs, values in (expected["only"] or {}).items():
            np.testing.assert_allclose(ours.predict(rows, random=[names[theirs]]), values, **close)
    assert (ours.resid**2).sum() == pytest.approx(lme4["sum_of_squares"]["residual"], rel=1e-3)
    assert (ours.fittedvalues**2).sum() == pytest.approx(lme4["sum_of_squares"]["fitted"], rel=1e-3)
