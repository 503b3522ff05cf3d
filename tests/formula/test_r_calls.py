"""Calls of R's model functions, pasted where a formula belongs: the message has them in Python."""

import numpy as np
import pandas as pd
import pytest

from course import CourseError, mixedglm, mixedlm
from course.exercises.check import check
from course.formula.parse import parse_formula

IN_PYTHON = {
    "lmer(y ~ x + (1|g), data = d)": 'mixedlm("y ~ x + (1|g)", d).fit()',
    "m <- lme4::lmer(y ~ log(x) + (1|g), d, REML=F)": 'mixedlm("y ~ log(x) + (1|g)", d).fit(reml=False)',
    "m = lmer(y ~ x + (1|g), d, FALSE)": 'mixedlm("y ~ x + (1|g)", d).fit(reml=False)',
    "lmer(data = d, formula = y ~ x + (x||g))": 'mixedlm("y ~ x + (x||g)", d).fit()',
    "lmer(y ~ x + (1|g), d[d$x > 1, ])": 'mixedlm("y ~ x + (1|g)", data).fit()',
    "lmer(y ~ x + (1|g), d, weights = w, control = lmerControl(optimizer = 'bobyqa', "
    "optCtrl = list(maxfun = 1e5)))": 'mixedlm("y ~ x + (1|g)", d, weights="w").fit()',
    "lmer(y ~ x + (1|g), d, offset = log(z))": 'mixedlm("y ~ x + (1|g) + offset(log(z))", d).fit()',
    "glmmTMB(y ~ poly(x, 2) + (1|g))": 'mixedlm("y ~ poly(x, 2) + (1|g)", data).fit(reml=False)',
    "glmmTMB(y ~ x + (1|g), d, REML = TRUE)": 'mixedlm("y ~ x + (1|g)", d).fit()',
    "glmer(y ~ x + (1|g), d, family = binomial)": 'mixedglm("y ~ x + (1|g)", d, family="binomial").fit()',
    "glmer(cbind(a, n - a) ~ x + (1|g), d, binomial(link = 'probit'), nAGQ = 7)": "mixedglm("
    '"cbind(a, n - a) ~ x + (1|g)", d, family="binomial", link="probit").fit(nagq=7)',
    "glmer(y ~ x + offset(log(t)) + (1|g), data = d, family = poisson(), nAGQ = 0)": "mixedglm("
    '"y ~ x + offset(log(t)) + (1|g)", d, family="poisson").fit()',
    "brms::brm(y ~ x + (1|g), data = d, family = bernoulli())": 'mixedglm("y ~ x + (1|g)", d, '
    'family="binomial").fit(). It fits by likelihood, without priors',
    "stan_lmer(y ~ x + (1|g), d)": 'mixedlm("y ~ x + (1|g)", d).fit(). It fits by likelihood',
    "lme(y ~ x, random = ~ x | g, data = d, method = 'ML')": 'mixedlm("y ~ x + (x|g)", d).fit(reml=False)',
    "nlme::lme(y ~ x, d, ~ 1 | g/h)": 'mixedlm("y ~ x + (1|g/h)", d).fit()',
    "lmer(y ~ f + (1|g), d, contrasts = list(f = contr.sum), subset = x > 1)": "d).fit(). It has no place "
    "for contrasts and subset",
    "glmmTMB(y ~ x + (1|g), d, family = nbinom2, dispformula = ~ f)": ".fit(reml=False). It has no place for "
    "the family nbinom2 and dispformula",
    "lme(y ~ x, d, ~ 1 | g, correlation = corAR1())": "It has no place for correlation",
    "lme(y ~ x, d, random = list(g = ~ 1))": 'mixedlm("y ~ x", d).fit(). It has no place for random',
    "update(m, . ~ . - x)": "there is no update(): write the whole formula",
    "m2 <- update(m, . ~ . + I(x^2))": "there is no update(): write the whole formula",
    ". ~ . - x": "the language of R's update",
}


@pytest.mark.parametrize("call", IN_PYTHON)
def test_what_it_is_in_python(call):
    with pytest.raises(CourseError) as caught:
        parse_formula(call)
    assert IN_PYTHON[call] in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        "lmer(y ~ x + (1|g), d, REML = FALSE, weights = w)",
        "lme(y ~ x, random = ~ x | g, data = d)",
        "glmer(cbind(a, n - a) ~ x + (1|g), d, family = binomial, nAGQ = 5)",
        "glmmTMB(count ~ x + offset(log(w)) + (1|g), d, family = poisson)",
    ],
)
def test_what_it_says_can_be_run(call):
    rng = np.random.default_rng(1)
    d = pd.DataFrame({"g": np.repeat(list("abcdefgh"), 12), "x": rng.normal(0, 1, 96)})
    d["w"], d["n"] = rng.uniform(1, 2, 96), 6
    d["y"] = d["x"] + rng.normal(0, 1, 8).repeat(12) + rng.normal(0, 1, 96)
    d["a"], d["count"] = rng.binomial(6, 0.4, 96), rng.poisson(3, 96)
    with pytest.raises(CourseError) as caught:
        parse_formula(call)
    written = str(caught.value).partition("belongs here, ")[2]
    assert eval(written, {"mixedlm": mixedlm, "mixedglm": mixedglm, "d": d}).nobs == 96


def test_functions_with_such_names_stay_what_they_are():
    assert parse_formula("y ~ lmer + (1|update)").fixed == "lmer"


def test_an_exercise_says_the_same(capsys):
    check("02.5", "lmer(pain ~ dose + (1|ward) + (1|hospital), data = patients)")
    assert "only the formula belongs here" in capsys.readouterr().out
