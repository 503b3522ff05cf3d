"""What R's functions are called here: for whoever imports one of them from the course."""

from __future__ import annotations

SMALLER = "compare(smaller, larger)"
# Functions of lme4, lmerTest, emmeans and their relatives, and the same of a fit called `fit`.
HERE = {
    "lmer": "mixedlm(formula, data).fit()",
    "glmer": 'mixedglm(formula, data, family="binomial").fit()',
    "glmmTMB": 'mixedlm(formula, data).fit(reml=False), or mixedglm(formula, data, family="poisson").fit()',
    "lme": 'mixedlm("y ~ x + (x|group)", data).fit()',
    "fixef": "fit.fe_params",
    "ranef": 'fit.random_effects["group"], with standard errors in fit.random_effects_se["group"]',
    "coef": 'fit.fe_params, to which fit.random_effects["group"] is added for the line of a group',
    "vcov": "fit.cov_params()",
    "VarCorr": "fit.variance_components",
    "sigma": "fit.sigma",
    "fitted": "fit.fittedvalues",
    "residuals": "fit.resid",
    "predict": "fit.predict(new)",
    "logLik": "fit.llf",
    "AIC": "fit.aic",
    "BIC": "fit.bic",
    "ngrps": "fit.n_groups",
    "getME": "fit.design, with its X, y and groupings",
    "isSingular": "fit.singular",
    "allFit": "fit.check(), which lets statsmodels fit the same model",
    "refit": "fit.refit(y)",
    "refitML": "fit.model.fit(reml=False)",
    "update": "written as a whole formula: mixedlm(formula, data)",
    "drop1": f"anova(fit), or {SMALLER} for a likelihood ratio",
    "ranova": f"{SMALLER}, with and without the random term",
    "Anova": "anova(fit)",
    "bootMer": "bootstrap(fit)",
    "emmeans": 'means(fit, "factor")',
    "emtrends": 'slopes(fit, "x")',
    "contrast": 'contrasts(fit, "factor")',
    "pairs": 'contrasts(fit, "factor")',
    "ggpredict": 'plots.predictions(fit, "x"), with plots from the course',
    "check_model": "diagnose(fit)",
    "powerSim": "power(formula, test=..., effect=...)",
    "tidy": "fit.fixed_effects and fit.variance_components",
    "isNested": "structure(data)",
}


def here(name: str) -> str | None:
    """A sentence about a function of R's; None for any other name.

    Examples
    --------
    >>> print(here("VarCorr"))
    R's VarCorr is fit.variance_components in this course; the phrasebook has more
    >>> here("means")
    """
    if name not in HERE:
        return None
    return f"R's {name} is {HERE[name]} in this course; the phrasebook has more"
