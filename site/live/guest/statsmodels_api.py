"""What ``statsmodels.api`` is on a page: its names, each looked up when it is asked for.

The module itself imports all of statsmodels. Time series, multivariate models, imputation and the data
sets are not in the reader's download (``left_out.py``), so it could not be imported there.
"""

from importlib import import_module

# Names by the module of statsmodels that has them; below, modules by the name that they have here.
NAMES = {
    "discrete.conditional_models": "ConditionalLogit ConditionalMNLogit ConditionalPoisson",
    "discrete.count_model": "ZeroInflatedGeneralizedPoisson ZeroInflatedNegativeBinomialP "
    "ZeroInflatedPoisson",
    "discrete.discrete_model": "GeneralizedPoisson Logit MNLogit NegativeBinomial NegativeBinomialP "
    "Poisson Probit",
    "discrete.truncated_model": "HurdleCountModel TruncatedLFNegativeBinomialP TruncatedLFPoisson",
    "duration.hazard_regression": "PHReg",
    "duration.survfunc": "SurvfuncRight",
    "gam.generalized_additive_model": "GLMGam",
    "genmod.api": "GEE GLM QIF BinomialBayesMixedGLM NominalGEE OrdinalGEE PoissonBayesMixedGLM "
    "cov_struct families",
    "graphics.gofplots": "ProbPlot qqline qqplot qqplot_2samples",
    "iolib.smpickle": "load_pickle",
    "regression.linear_model": "GLS GLSAR OLS WLS",
    "regression.mixed_linear_model": "MixedLM VCSpec",
    "regression.quantile_regression": "QuantReg",
    "robust.robust_linear_model": "RLM",
    "tools.tools": "add_constant",
}
MODULES = {name: name for name in ("distributions", "iolib", "regression", "robust", "tools")}
MODULES |= {name: f"{name}.api" for name in ("duration", "emplike", "formula", "gam", "genmod")}
HOMES = {name: module for module, names in NAMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name in MODULES:
        return import_module(f"statsmodels.{MODULES[name]}")
    if name in HOMES:
        return getattr(import_module(f"statsmodels.{HOMES[name]}"), name)
    raise AttributeError(
        f"statsmodels.api.{name}: the Python on this page has only a part of statsmodels. "
        "On your own machine there is all of it"
    )
