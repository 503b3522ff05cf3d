"""Faults of statsmodels that this package steps around, each as what would be right.

Each test is expected to fail. One that passes fails the suite (xfail_strict): statsmodels has mended
the fault, and what steps around it here can go. Where a number stands, it is that of the issue at
statsmodels; the others were found by the tests of this package.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from made import data_for
from patsy import PatsyError
from running import alone
from scipy.optimize import approx_fprime
from statsmodels.regression.mixed_linear_model import MixedLMParams

from course import mixedlm

GROUPS, ROWS = 12, 10


def fault(what: str, issue: int | None = None, raises=AssertionError):
    """Mark a test as failing for as long as statsmodels has this fault."""
    known = f"statsmodels issue {issue}" if issue else "no issue at statsmodels is known"
    return pytest.mark.xfail(reason=f"{what}: {known}", raises=raises)


@pytest.fixture
def data():
    """Balanced: twelve groups of ten rows, two rooms in each."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(GROUPS), ROWS)
    frame = pd.DataFrame({"g": g, "x": rng.normal(size=len(g)), "w": g / 10})
    frame["room"] = 2 * g + np.arange(len(g)) % 2
    frame["y"] = 3 + frame["x"] + 2 * rng.normal(size=GROUPS)[g] + 3 * rng.normal(size=len(g))
    return frame


def unfitted(formula, data, **arguments):
    """A model that has a likelihood, which those of statsmodels have once a search has begun."""
    model = smf.mixedlm(formula, data, groups="g", **arguments)
    model.cov_pen = model.fe_pen = model._freepat = None
    return model


def fitted(formula, data, reml=True, **arguments):
    """A fit by statsmodels, whatever it warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return smf.mixedlm(formula, data, groups="g", **arguments).fit(reml=reml)


ROOMS = {"re_formula": "1", "vc_formula": {"room": "0 + C(room)"}}


# -- what it stumbles over in the search ----------------------------------------------------------


@fault("fixed effects of groups are 0 where the variance is below 1e-10", 10239)
def test_fixed_effects_go_to_those_of_ordinary_regression_as_the_variance_goes_to_0(data):
    model = unfitted("y ~ x + w", data)
    found, _ = model.get_fe_params(np.array([[1e-12]]), np.array([]))
    np.testing.assert_allclose(found, smf.ols("y ~ x + w", data).fit().params, rtol=1e-6)


@pytest.mark.slow
@fault("the score has the sign of a positive root")
def test_the_score_is_the_derivative_of_the_likelihood_where_the_root_is_negative(data):
    """The search is over a root of the covariance matrix, whose diagonal may well become negative."""
    model = unfitted("y ~ x", data, re_formula="~x")

    def params(packed):
        return MixedLMParams.from_packed(packed, k_fe=2, k_re=2, use_sqrt=True, has_fe=False)

    def loglike(packed):
        return model.loglike(params(packed), profile_fe=True)

    positive, negative = np.array([0.5, 0.2, 0.3]), np.array([0.5, 0.2, -0.3])
    for root in (positive, negative):
        slope = model.score(params(root), profile_fe=True)
        np.testing.assert_allclose(slope, approx_fprime(root, loglike, 1e-6), rtol=0.01)


@pytest.mark.slow
@fault("the search stops short of the optimum at the boundary", 3604)
def test_the_default_search_ends_at_the_optimum():
    data = data_for(0, zero=True)
    fit = mixedlm("y ~ x + z + (x + z||c)", data).fit()
    assert alone(fit, data).llf == pytest.approx(fit.llf, abs=0.005)


@fault("do_cg=False has no result to return", 7980, UnboundLocalError)
def test_a_fit_without_a_search(data):
    smf.mixedlm("y ~ x", data, groups="g").fit(do_cg=False)


# -- numbers that are not what their names say ----------------------------------------------------


@fault("params holds the ratio of a variance to the residual's", 2231)
def test_the_variance_among_the_parameters_is_the_variance(data):
    result = fitted("y ~ x", data)
    assert result.params["g Var"] == pytest.approx(result.cov_re.iloc[0, 0])


@fault("bse_re is short by the root of the residual variance")
def test_the_standard_error_of_a_variance(data):
    """Balanced data: Searle, Casella and McCulloch (1992), doi 10.1002/9780470316856, section 3.5."""
    result = fitted("y ~ 1", data)
    within = result.scale
    between = within + ROWS * result.cov_re.iloc[0, 0]
    variance = 2 / ROWS**2 * (between**2 / (GROUPS - 1) + within**2 / (GROUPS * (ROWS - 1)))
    assert result.bse_re.iloc[0] == pytest.approx(np.sqrt(variance), rel=0.1)


@fault("llf is computed when asked for, by what the model was last fitted by")
def test_a_result_keeps_its_likelihood_when_the_model_is_fitted_again(data):
    expected = fitted("y ~ x", data, reml=True).llf
    model = smf.mixedlm("y ~ x", data, groups="g")
    first = model.fit(reml=True)
    model.fit(reml=False)
    assert first.llf == pytest.approx(expected)


# -- data -----------------------------------------------------------------------------------------


@fault("missing='drop' drops the rows of the response alone", 7978, IndexError)
def test_missing_values_without_a_formula(data):
    data.loc[3, "y"] = np.nan
    X = sm.add_constant(data["x"])
    assert sm.MixedLM(data["y"], X, groups=data["g"], missing="drop").nobs == len(data) - 1


@fault("missing='drop' keeps the columns it finds by name, and none in Q()", raises=PatsyError)
def test_missing_values_beside_a_quoted_name(data):
    data = data.rename(columns={"x": "my x"})
    data.loc[3, "my x"] = np.nan
    assert fitted('y ~ Q("my x")', data, missing="drop").nobs == len(data) - 1


@fault("rows of a component are looked up by their label", raises=ValueError)
def test_components_where_row_labels_repeat(data):
    data = data[data["g"] < 3].copy()
    roots = np.array([0.5, 0.7])  # of the variances
    expected = unfitted("y ~ x", data, **ROOMS).loglike(roots)
    data.index = np.arange(len(data)) // 2
    assert unfitted("y ~ x", data, **ROOMS).loglike(roots) == pytest.approx(expected)


@fault("a categorical column gives each group the columns of all labels")
def test_components_have_the_columns_of_their_group(data):
    """The model is the same, but with 1,000 rooms each group's matrix has 1,000 columns."""
    data = data[data["g"] < 3].copy()
    data["room"] = data["room"].astype(str).astype("category")
    model = smf.mixedlm("y ~ x", data, groups="g", **ROOMS)
    assert model.exog_vc.mats[0][0].shape == (ROWS, 2)


@fault("the formula of a component is evaluated in each group by itself")
def test_a_centred_slope_is_centred_on_all_rows(data):
    data = data[data["g"] < 3]
    slope = {"re_formula": "1", "vc_formula": {"slope": "0 + center(x)"}}
    columns = smf.mixedlm("y ~ x", data, groups="g", **slope).exog_vc.mats[0]
    expected = data["x"] - data["x"].mean()
    np.testing.assert_allclose(np.concatenate(columns).ravel(), expected, atol=1e-12)


@fault("beside a vc_formula there is no intercept unless re_formula='1' asks for it")
def test_the_groups_have_an_intercept_of_their_own(data):
    """The docstring of from_formula says so of the default."""
    vc_formula, data = {"room": "0 + C(room)"}, data[data["g"] < 3]
    assert smf.mixedlm("y ~ x", data, groups="g", vc_formula=vc_formula).k_re == 1


@fault("the bar of lme4 is Python's bitwise OR")
def test_a_bar_is_refused_or_understood(data):
    try:
        names = smf.mixedlm("y ~ x + (1|room)", data, groups="g").exog_names
    except (SyntaxError, TypeError, ValueError):
        return
    assert not [name for name in names if "|" in name]
