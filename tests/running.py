"""Runs printed code as a learner would, and MixedLM by itself."""

import warnings
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pandas as pd
import statsmodels.formula
from statsmodels.regression.mixed_linear_model import MixedLM


def alone(fit, data):
    """MixedLM by itself: its own start and default optimiser, on the arguments of the translation."""
    import statsmodels.formula.api as smf

    t = fit.model.translation
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return smf.mixedlm(
            t.fixed_formula,
            data,
            groups=t.groups,
            re_formula=t.re_formula,
            vc_formula=t.vc_formula,
        ).fit()


def execute(code: str, frame: pd.DataFrame) -> dict:
    """All that the code makes, run as a learner would: alone, on `data`."""
    names = {"data": frame.copy()}
    engine = statsmodels.formula.options.formula_engine  # which the code may set
    with (
        warnings.catch_warnings(),
        mock.patch.object(statsmodels.formula.options, "_formula_engine", engine),
    ):
        warnings.simplefilter(
            "ignore"
        )  # MixedLM warns near the boundary; that is not at issue here
        exec(compile(code, "code", "exec"), names)
    return names


def run(code: str, frame: pd.DataFrame):
    """The results that the code leaves."""
    return execute(code, frame)["result"]


def made(t, frame: pd.DataFrame) -> SimpleNamespace:
    """What the code makes; where it would search, `result` is the start alone."""

    def fit(model, start, **_):
        return SimpleNamespace(params_object=start)

    def minimize(loss, x, **_):
        return SimpleNamespace(x=x)

    with mock.patch.object(MixedLM, "fit", fit), mock.patch("scipy.optimize.minimize", minimize):
        return SimpleNamespace(**execute(t.code, frame))


def at_the_optimum(fit, frame: pd.DataFrame) -> tuple[float, np.ndarray]:
    """Log-likelihood of the translation's model at a fit's variances, and its slopes: 0 at an optimum.

    Where both are right it is the same model, and a search would end there: that it does, other tests say.
    Slopes are those of standard deviations over the residual's, and of covariances' roots, that are not at 0.
    """
    model = made(fit.model.translation, frame).model
    model.reml, model.cov_pen, model.fe_pen, model._freepat = True, None, None, None  # as by fit()
    params = fit.statsmodels.params_object.copy()
    inside = np.abs(params.get_packed(use_sqrt=True, has_fe=False)) > 1e-4
    # without what the code adds to keep the search off 0
    return MixedLM.loglike(model, params), MixedLM.score(model, params)[inside]
