# %% [markdown] tags=["workshop"]
# # Phrasebook
#
# How do you say it in R, in plain statsmodels, and with this course? Find the row, and read across.
#
# - **R** means lme4 with lmerTest. Each call was evaluated by R as it stands here, and its value stored
#   with the course (`phrasebook.json` among its data). You need no R to read this page.
# - **statsmodels** and **course**: each expression is evaluated as it stands here, when this page runs.
# - **value** is R's. **agree** is "yes" where the others come within 0.1 % of it, or of 0.001 where the
#   value is 0. Otherwise it shows what they give instead.
# - **none** means that there is no function for it. Where one line computes it by hand, that line is shown.
#
# Sections: [formulas](#Formulas), [arguments of lmer](#Arguments-of-lmer),
# [fixed effects](#Fixed-effects), [variances](#Variances),
# [random effects](#Random-effects), [fitted and predicted values](#Fitted-and-predicted-values),
# [likelihood and size](#Likelihood-and-size), [matrices](#Matrices),
# [tests and comparisons](#Tests-and-comparisons), [intervals](#Intervals),
# [simulate, refit, leave out](#Simulate,-refit,-leave-out), [shares](#Shares),
# [yes or no](#Yes-or-no),
# [files with labels](#Files-with-labels), [plausible values](#Plausible-values-and-imputed-data),
# [Stata and SPSS](#Stata-and-SPSS), [pictures and the rest](#Pictures-and-the-rest).

# %% [markdown] tags=["workshop"]
# ## The fits
#
# In R:

# %% tags=["workshop"] jupyter={"source_hidden": true}
import json

from course.data import data_file

R = json.loads(data_file("phrasebook.json").read_text(encoding="utf-8"))
print("\n".join(R["setup"]))

# %% [markdown] tags=["workshop"]
# `tight` makes lme4 search until nothing more can be gained. Its default search stops a little
# earlier, and a variance may then be off in the third digit.
#
# Here are the same fits in Python. `result` is statsmodels', `fit` the course's. A number at the end means
# the same in all three: `m2`, `result2` and `fit2` are one model, with intercepts of classrooms and schools;
# `m3`, `result3` and `fit3` have provinces, too. `_ml` is a fit by maximum likelihood, everything else by
# [REML](glossary.ipynb#REML).

# %% tags=["workshop"]
import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from scipy import stats  # noqa: F401 (the tables use it)

from course import (  # noqa: F401
    anova,
    bootstrap,
    compare,
    confint,
    contrasts,
    fixed_effects_table,
    icc,
    influence,
    load,
    means,
    mixedglm,
    mixedlm,
    parameters,
    r2,
    simulate_responses,
    slopes,
    translate,
    variance_shares,
    wald,
)
from course.data import read_table

pupils = load("pupils")
pupils["age10"] = pupils["age"] - 10
pupils["room"] = pupils["classroom"].str.replace(".*-", "", regex=True)
years = load("pupils_three_years")
years["age10"] = years["age"] - 10
pupils["third"] = pd.cut(pupils["age"], [0, 9, 11, 99], labels=["young", "middle", "old"])
for k in (1, 2, 3):  # made-up plausible values
    pupils[f"PV{k}TEST"] = pupils["test_score"] + k * np.sin(k * np.arange(1, len(pupils) + 1))
survey = read_table(data_file("survey.sav"))
new = pd.DataFrame(
    {"age10": 1.0, "sex": "male", "school_resources": 0.5, "school": ["P01-S1", "new"]}
)

sloped = {"groups": "school", "re_formula": "1 + age10"}
two = {"groups": "school", "re_formula": "1", "vc_formula": {"classroom": "0 + C(classroom)"}}
three = {
    "groups": "province",
    "re_formula": "1",
    "vc_formula": {"classroom": "0 + C(classroom)", "school": "0 + C(school)"},
}
with_resources = "test_score ~ age10 + sex + school_resources"
without = "test_score ~ age10 + sex"

result = smf.mixedlm(with_resources, pupils, **sloped).fit()
result_ml = smf.mixedlm(with_resources, pupils, **sloped).fit(reml=False)
result2 = smf.mixedlm(without, pupils, **two).fit()
result2_ml = smf.mixedlm(without, pupils, **two).fit(reml=False)
result3 = smf.mixedlm(without, pupils, **three).fit()
result3_ml = smf.mixedlm(without, pupils, **three).fit(reml=False)

# %% tags=["workshop"]
formula = "test_score ~ age10 + sex + school_resources + (age10|school)"
fit = mixedlm(formula, pupils).fit()
fit_ml = mixedlm(formula, pupils).fit(reml=False)
fit2 = mixedlm("test_score ~ age10 + sex + (1|classroom) + (1|school)", pupils).fit()
fit3 = mixedlm("test_score ~ age10 + sex + (1|classroom) + (1|school) + (1|province)", pupils).fit()
fit4 = mixedlm("test_score ~ C(third, Poly) + (1|school)", pupils).fit()
pooled = mixedlm("PV*TEST ~ age10 + (1|school)", pupils).fit()

# %% [markdown] tags=["workshop"]
# The cells that make the tables are folded in JupyterLab; click on the bar to the left of one to open it.
# The first of them defines how a table is made.

# %% tags=["workshop"] jupyter={"source_hidden": true}
import re
from html import escape

from IPython.display import display


def number(value, digits=4):
    """Whole numbers and truth values as such, three decimals, or four digits where that is more."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if np.isfinite(value) and value == round(value):
        return f"{value:.0f}"
    return f"{value:#.{digits}g}" if abs(value) < 1 else f"{value:.{digits - 1}f}"


def judge(value, others, within):
    """Whether the others agree with R's value; if not, what they are."""
    wrong = [
        f"{name} {number(other, digits=3)}"
        for name, other in others.items()
        if not np.isclose(other, value, rtol=within, atol=within * (value == 0))
    ]
    return "no: " + ", ".join(wrong) if wrong else "yes" if others else ""


def shown(cell, code):
    """HTML of a cell; code may be broken before a dot or a bracket."""
    if not code:
        return escape(cell)
    return f"<code>{re.sub(r'(?<=[^.[])(?=[.[])', '<wbr>', escape(cell))}</code>"


def page(head, rows):
    """A table as HTML with code in code font, and as text."""
    left = 'style="text-align:left"'
    top = "".join(f'<th scope="col" {left}>{name}</th>' for name in head)
    body = "".join(
        f"<tr>{''.join(f'<td {left}>{shown(*cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    text = "\n".join(
        f"{name:14}{cell}" for row in rows for name, (cell, _) in zip(head, row, strict=True)
    )
    html = f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    display({"text/html": html, "text/plain": text}, raw=True)


def phrases(*rows, within=0.001):
    """Each row: the notion, R's call, an expression of statsmodels and one of the course."""
    head, lines = ["what", "R", "statsmodels", "course", "value", "agree"], []
    for what, r, statsmodels, course in rows:
        given = {"statsmodels": statsmodels, "course": course}
        others = {name: eval(code) for name, code in given.items() if code}
        value = R["calls"][r]
        codes = [(code or "none", bool(code)) for code in (r, statsmodels, course)]
        verdict = judge(value, others, within)
        lines.append([(what, False), *codes, (number(value), False), (verdict, False)])
    page(head, lines)


# %% [markdown] tags=["workshop"]
# ## Formulas
#
# R and the course take the same formula. Here its fixed part is `test_score ~ age10 + sex` in every
# row, and the table shows what is added to it. statsmodels takes the fixed part as its formula, and
# the rest in pieces: `smf.mixedlm("test_score ~ age10 + sex", data, ...)` with the arguments shown.
# The value is the [log-likelihood](glossary.ipynb#log-likelihood) at the optimum: where it is the
# same, the model is the same. For your own formula, `translate(formula, data)` prints the pieces.

# %% tags=["workshop"] jupyter={"source_hidden": true}
random_parts = [
    ("pupils", "(1|school)", 'groups="school", re_formula="1"'),
    ("pupils", "(age10|school)", 'groups="school", re_formula="1 + age10"'),
    ("pupils", "(0 + age10|school)", 'groups="school", re_formula="0 + age10"'),
    (
        "pupils",
        "(age10||school)",
        'groups="school", re_formula="1", vc_formula={"slope": "0 + age10"}',
    ),
    (
        "pupils",
        "(1|school) + (0 + age10|school)",
        'groups="school", re_formula="1", vc_formula={"slope": "0 + age10"}',
    ),
    ("pupils", "(sex|school)", 'groups="school", re_formula="1 + sex"'),
    (
        "pupils",
        "(1|classroom) + (1|school)",
        'groups="school", re_formula="1", vc_formula={"classroom": "0 + C(classroom)"}',
    ),
    (
        "pupils",
        "(1|school/classroom)",
        'groups="school", re_formula="1", vc_formula={"classroom": "0 + C(classroom)"}',
    ),
    (
        "pupils",
        "(1|school) + (1|school:room)",
        'groups="school", re_formula="1", vc_formula={"room": "0 + C(room)"}',
    ),
    ("pupils", "(1|school:room)", 'groups=pupils["school"] + pupils["room"], re_formula="1"'),
    (
        "pupils",
        "(1|classroom) + (1|school) + (1|province)",
        'groups="province", re_formula="1", '
        'vc_formula={"classroom": "0 + C(classroom)", "school": "0 + C(school)"}',
    ),
    (
        "pupils",
        "(1|province/school/classroom)",
        'groups="province", re_formula="1", '
        'vc_formula={"classroom": "0 + C(classroom)", "school": "0 + C(school)"}',
    ),
    (
        "pupils",
        "(1|classroom) + (age10|school)",
        'groups="school", re_formula="1 + age10", vc_formula={"classroom": "0 + C(classroom)"}',
    ),
    (
        "pupils",
        "(age10||classroom) + (age10|school)",
        'groups="school", re_formula="1 + age10", '
        'vc_formula={"classroom": "0 + C(classroom)", "slope": "0 + C(classroom):age10"}',
    ),
    ("pupils", "(age10|classroom) + (1|school)", None),
    (
        "years",
        "(1|student_id) + (1|classroom) + (1|school)",
        'groups="school", re_formula="1", '
        'vc_formula={"classroom": "0 + C(classroom)", "student": "0 + C(student_id)"}',
    ),
    (
        "years",
        "(1|student_id) + (1|classroom)",
        'groups="school", '
        'vc_formula={"classroom": "0 + C(classroom)", "student": "0 + C(student_id)"}',
    ),
]

fixed_part = "test_score ~ age10 + sex"
lines, fitted = [], {("pupils", repr(two)): result2, ("pupils", repr(three)): result3}
for data, random_part, pieces in random_parts:
    found = {}
    if pieces:
        keywords = eval(f"dict({pieces})")
        model = data, repr(keywords)
        if model not in fitted:
            fitted[model] = smf.mixedlm(fixed_part, eval(data), **keywords).fit()
        found["statsmodels"] = fitted[model].llf
    found["course"] = mixedlm(f"{fixed_part} + {random_part}", eval(data)).fit().llf
    value = R["log_likelihoods"][data][random_part]
    verdict = judge(value, found, within=0.001 / abs(value))
    codes = [(data, True), (random_part, True), (pieces or "none", bool(pieces))]
    lines.append([*codes, (f"{value:.2f}", False), (verdict, False)])
page(["data", "R and course", "statsmodels", "value", "agree"], lines)

# %% [markdown] tags=["workshop"]
# In this table, log-likelihoods agree if they differ by less than 0.001 of a unit.
#
# - `groups` is *one* column: the largest groups, which hold all the others. `re_formula` is what varies
#   between them, and its effects are correlated. Everything below is a component in `vc_formula`, and
#   components are independent. [Lesson 04](04-nested-and-crossed.ipynb) and
#   [lesson 05](05-covariance-structures.ipynb) take this apart.
# - The names before the colons in `vc_formula` are labels of your choice. The text after the colon
#   makes the columns.
# - **Without `re_formula` but with a `vc_formula`, the largest groups have no intercept.** The last row
#   shows it: school is in `groups` only to cut the data into independent parts. Without a `vc_formula`
#   they have one.
# - Correlated effects *below* the largest groups, as in `(age10|classroom) + (1|school)`, statsmodels
#   does not have. `fit.statsmodels` reaches that very optimum with shifted columns;
#   [lesson 05](05-covariance-structures.ipynb) shows how.
# - Where a factor stands left of a double bar, R quietly keeps its columns correlated. The course asks
#   which of the two you mean.
# - In the fixed part, R's `I(x^2)` is `I(x**2)` in statsmodels' formulas, and `factor(x)` is `C(x)`. The
#   course reads both, and `log`, `poly`, `ns`, `scale`, `offset`, `cut` and names with dots as in R.

# %% [markdown] tags=["workshop"]
# ## Arguments of lmer
#
# | what | R | course |
# |---|---|---|
# | the fit | `lmer(formula, data)` | `mixedlm(formula, data).fit()` |
# | maximum likelihood | `REML = FALSE` | `.fit(reml=False)` |
# | prior weights | `weights = w` | `weights="w"` |
# | offset | `offset = x` | `+ offset(x)` in the formula |
# | some of the rows | `subset = age > 9` | `data.query("age > 9")` in place of `data` |
# | no row with a gap | `na.action = na.fail` | `missing="raise"` |
# | coding of a factor | `contrasts = list(sex = contr.sum)` | `C(sex, Sum)` in the formula |
# | the search | `control = lmerControl(...)`, `verbose` | not needed; `.fit(progress=True)` |
# | counts | `glmer(..., family = poisson)` | `mixedglm(..., family="poisson").fit()` |
# | yes or no, by probit | `family = binomial("probit")` | `family="binomial", link="probit"` |
# | quadrature | `nAGQ = 9` | `.fit(nagq=9)` |
# | nlme | `lme(y ~ x, random = ~ x \| g)` | `"y ~ x + (x\|g)"` |
# | nlme, unrelated effects | `random = list(g = pdDiag(~ x))` | `"y ~ x + (x\|\|g)"` |
#
# - If you paste a whole call of R where the formula belongs, the message has that call in Python. And
#   `from course import VarCorr`, or any other function of R's, is answered with its name here.
# - `glmmTMB` fits by ML unless you write `REML = TRUE`, and so does `lme` with `method = "ML"`.

# %% [markdown] tags=["workshop"]
# ## Fixed effects

# %% tags=["workshop"] jupyter={"source_hidden": true}
phrases(
    (
        "coefficient",
        'fixef(m)[["age10"]]',
        'result.fe_params["age10"]',
        'fit.fe_params["age10"]',
    ),
    (
        "coefficient of a label",
        'fixef(m)[["sexmale"]]',
        'result.fe_params["sex[T.male]"]',
        'fit.fe_params["sex[T.male]"]',
    ),
    (
        "standard error",
        'sqrt(vcov(m)["age10", "age10"])',
        'result.bse_fe["age10"]',
        'fit.bse_fe["age10"]',
    ),
    (
        "covariance of two estimates",
        'vcov(m)["(Intercept)", "sexmale"]',
        'result.cov_params().loc["Intercept", "sex[T.male]"]',
        'fit.cov_params().loc["Intercept", "sex[T.male]"]',
    ),
    (
        "t",
        'coef(summary(m))["school_resources", "t value"]',
        'result.tvalues["school_resources"]',
        'fit.tvalues["school_resources"]',
    ),
    (
        "df (Satterthwaite)",
        'coef(summary(m))["school_resources", "df"]',
        None,
        'fit.fixed_effects.loc["school_resources", "df"]',
    ),
    (
        "p-value",
        'coef(summary(m))["school_resources", "Pr(>|t|)"]',
        'result.pvalues["school_resources"]',
        'fit.pvalues["school_resources"]',
    ),
    (
        "df (Kenward-Roger)",
        'coef(summary(m, ddf = "Kenward-Roger"))["school_resources", "df"]',
        None,
        'fixed_effects_table(fit, df="kenward-roger").loc["school_resources", "df"]',
    ),
    (
        "standard error (Kenward-Roger)",
        'coef(summary(m, ddf = "Kenward-Roger"))["school_resources", "Std. Error"]',
        None,
        'fixed_effects_table(fit, df="kenward-roger").loc["school_resources", "std_error"]',
    ),
)

# %% [markdown] tags=["workshop"]
# - statsmodels inverts the curvature of the likelihood in coefficients and variances together; lme4
#   and the course take the variances as known. So its standard errors differ a little, most for a
#   predictor of whole groups such as `school_resources`.
# - What statsmodels calls `tvalues` it prints under the heading z, and it takes its p-values from the
#   normal distribution, as if there were infinitely many schools. lme4 alone gives no p-values; lmerTest
#   and the course use t with [degrees of freedom](glossary.ipynb#degrees-of-freedom).
# - `result.params` and `result.cov_params()` hold more than the fixed effects: variances, too, and
#   those divided by the residual variance. `result.fe_params` is the part you want.

# %% [markdown] tags=["workshop"]
# Two spellings mean one thing in R and another in patsy, which reads the formulas of statsmodels: ordered
# factors, and `scale`.

# %% tags=["workshop"] jupyter={"source_hidden": true}
phrases(
    (
        "ordered factor, linear part",
        'fixef(m4)[["third.L"]]',
        'smf.mixedlm("test_score ~ C(third, Poly)", pupils, groups="school").fit()'
        '.fe_params["C(third, Poly).Linear"]',
        'fit4.fe_params["C(third, Poly).Linear"]',
    ),
    (
        "its quadratic part",
        'fixef(m4)[["third.Q"]]',
        'smf.mixedlm("test_score ~ C(third, Poly)", pupils, groups="school").fit()'
        '.fe_params["C(third, Poly).Quadratic"]',
        'fit4.fe_params["C(third, Poly).Quadratic"]',
    ),
    (
        "the same factor, its last level against the first",
        'fixef(update(m4, contrasts = list(third = "contr.treatment")))[["thirdold"]]',
        'smf.mixedlm("test_score ~ third", pupils, groups="school").fit()'
        '.fe_params["third[T.old]"]',
        'mixedlm("test_score ~ third + (1|school)", pupils).fit().fe_params["third[T.old]"]',
    ),
    (
        "a predictor in units of its SD",
        'fixef(update(m4, . ~ scale(age) + (1 | school)))[["scale(age)"]]',
        'smf.mixedlm("test_score ~ scale(age, ddof=1)", pupils, groups="school").fit()'
        '.fe_params["scale(age, ddof=1)"]',
        'mixedlm("test_score ~ scale(age) + (1|school)", pupils).fit()'
        '.fe_params["scale(age, ddof=1)"]',
    ),
)

# %% [markdown] tags=["workshop"]
# - For an ordered factor R takes polynomials; patsy and the course take differences from the first level,
#   as for any factor. A note says so, and `C(third, Poly)` gives R's numbers. The model is the same
#   either way.
# - patsy's `scale(age)` divides by the SD with n in its denominator, R's by the one with n − 1. The course
#   reads `scale(age)` as R does and calls it `scale(age, ddof=1)`; in statsmodels' formulas you write that
#   yourself.

# %% [markdown] tags=["workshop"]
# ## Variances

# %% tags=["workshop"] jupyter={"source_hidden": true}
phrases(
    (
        "variance of the intercept",
        'VarCorr(m)$school["(Intercept)", "(Intercept)"]',
        'result.cov_re.loc["school", "school"]',
        'fit.variance_components.loc[0, "vcov"]',
    ),
    (
        "variance of the slope",
        'VarCorr(m)$school["age10", "age10"]',
        'result.cov_re.loc["age10", "age10"]',
        'fit.variance_components.loc[1, "vcov"]',
    ),
    (
        "covariance",
        'VarCorr(m)$school["(Intercept)", "age10"]',
        'result.cov_re.loc["school", "age10"]',
        'fit.variance_components.loc[2, "vcov"]',
    ),
    (
        "SD of the slope",
        'attr(VarCorr(m)$school, "stddev")[["age10"]]',
        'np.sqrt(result.cov_re.loc["age10", "age10"])',
        'parameters(fit)["sd(age10 | school)"]',
    ),
    (
        "correlation",
        'attr(VarCorr(m)$school, "correlation")["(Intercept)", "age10"]',
        'result.cov_re.loc["school", "age10"] / np.sqrt(np.prod(np.diag(result.cov_re)))',
        'parameters(fit)["cor(Intercept, age10 | school)"]',
    ),
    (
        "variance of classrooms",
        "VarCorr(m3)$classroom[1, 1]",
        'result3.vcomp[result3.model.exog_vc.names.index("classroom")]',
        'fit3.variance_components.set_index("group").loc["classroom", "vcov"]',
    ),
    (
        "variance of schools",
        "VarCorr(m3)$school[1, 1]",
        'result3.vcomp[result3.model.exog_vc.names.index("school")]',
        'fit3.variance_components.set_index("group").loc["school", "vcov"]',
    ),
    (
        "variance of provinces",
        "VarCorr(m3)$province[1, 1]",
        "result3.cov_re.iloc[0, 0]",
        'fit3.variance_components.set_index("group").loc["province", "vcov"]',
    ),
    ("residual SD", "sigma(m)", "np.sqrt(result.scale)", "fit.sigma"),
    ("residual variance", "sigma(m)^2", "result.scale", "fit.scale"),
    (
        "residual SD with prior weights",
        "sigma(update(m, weights = age))",
        None,
        'mixedlm(formula, pupils, weights="age").fit().sigma',
    ),
    (
        "theta, 1",
        'getME(m, "theta")[[1]]',
        "np.linalg.cholesky(result.cov_re_unscaled)[0, 0]",
        "fit.estimates.factors[0][0, 0]",
    ),
    (
        "theta, 2",
        'getME(m, "theta")[[2]]',
        "np.linalg.cholesky(result.cov_re_unscaled)[1, 0]",
        "fit.estimates.factors[0][1, 0]",
    ),
    (
        "theta, 3",
        'getME(m, "theta")[[3]]',
        "np.linalg.cholesky(result.cov_re_unscaled)[1, 1]",
        "fit.estimates.factors[0][1, 1]",
    ),
    (
        "singular?",
        "isSingular(m)",
        "np.linalg.eigvalsh(result.cov_re_unscaled).min() < 1e-8",
        "fit.singular",
    ),
)

# %% [markdown] tags=["workshop"]
# - `fit.variance_components` has the rows and columns of R's `as.data.frame(VarCorr(m))`, with the
#   effects' names in `effect` and `effect2` and the group in `group`.
# - In `cov_re` statsmodels names the intercept after the groups: `school` is the intercept of
#   schools. If `groups` was an array and not the name of a column, it is called `Group`.
# - `vcomp` is a plain array, sorted by the labels of the `vc_formula` and not in the order in which you
#   wrote them. The names are in `result3.model.exog_vc.names`.
# - `cov_re_unscaled`, and the variances in `params` and `conf_int()`, are *divided by the residual
#   variance*. `summary()` shows the variances themselves, with standard errors that belong to
#   neither.
# - `theta` is what lme4 searches over: the Cholesky factor of that ratio.

# %% [markdown] tags=["workshop"]
# ## Random effects

# %% tags=["workshop"] jupyter={"source_hidden": true}
phrases(
    (
        "intercept of one school (BLUP)",
        'ranef(m)$school["P01-S1", "(Intercept)"]',
        'result.random_effects["P01-S1"]["school"]',
        'fit.random_effects["school"].loc["P01-S1", "Intercept"]',
    ),
    (
        "slope of one school",
        'ranef(m)$school["P01-S1", "age10"]',
        'result.random_effects["P01-S1"]["age10"]',
        'fit.random_effects["school"].loc["P01-S1", "age10"]',
    ),
    (
        "intercept of one classroom",
        'ranef(m3)$classroom["P01-S1-C1", 1]',
        'result3.random_effects["P01"]["classroom[C(classroom)[P01-S1-C1]]"]',
        'fit3.random_effects["classroom"].loc["P01-S1-C1", "Intercept"]',
    ),
    (
        "conditional SD of the intercept",
        'sqrt(attr(ranef(m)$school, "postVar")[1, 1, 1])',
        'np.sqrt(result.random_effects_cov["P01-S1"].loc["school", "school"])',
        'fit.random_effects_se["school"].loc["P01-S1", "Intercept"]',
    ),
    (
        "conditional covariance",
        'attr(ranef(m)$school, "postVar")[1, 2, 1]',
        'result.random_effects_cov["P01-S1"].loc["school", "age10"]',
        None,
    ),
    (
        "slope of one school, with the fixed part",
        'coef(m)$school["P01-S1", "age10"]',
        'result.fe_params["age10"] + result.random_effects["P01-S1"]["age10"]',
        'fit.fe_params["age10"] + fit.random_effects["school"].loc["P01-S1", "age10"]',
    ),
    (
        "intercept of one school, with the fixed part",
        'coef(m)$school["P01-S1", "(Intercept)"]',
        'result.fe_params["Intercept"] + result.random_effects["P01-S1"]["school"]',
        'fit.fe_params["Intercept"] + fit.random_effects["school"].loc["P01-S1", "Intercept"]',
    ),
)

# %% [markdown] tags=["workshop"]
# - `random_effects` of statsmodels is a dict with one Series for each of the *largest* groups. The
#   effect of a classroom is in the Series of its province, under a long name. The course's is a
#   dict with one DataFrame for each grouping factor, as in R: `pd.DataFrame(result.random_effects).T`
#   comes near it where there is one level.
# - R's `ranef` are deviations, `coef` are sums. Python has only the deviations.
# - `ranef(m, condVar = TRUE)` keeps the conditional variances as `postVar`, and `as.data.frame(ranef(m))` has
#   their roots as `condsd`. The course has those in `fit.random_effects_se`.

# %% [markdown] tags=["workshop"]
# ## Fitted and predicted values

# %% tags=["workshop"] jupyter={"source_hidden": true}
phrases(
    (
        "fitted value",
        "fitted(m)[[1]]",
        "result.fittedvalues.iloc[0]",
        "fit.fittedvalues.iloc[0]",
    ),
    ("residual", "resid(m)[[1]]", "result.resid.iloc[0]", "fit.resid.iloc[0]"),
    (
        "fixed part only",
        "predict(m, re.form = NA)[[1]]",
        "result.predict(pupils).iloc[0]",
        'fit.predict(random="none").iloc[0]',
    ),
    (
        "with all random effects",
        "predict(m, re.form = NULL)[[1]]",
        "result.fittedvalues.iloc[0]",
        "fit.predict().iloc[0]",
    ),
    (
        "with those of schools only",
        "predict(m3, re.form = ~ (1 | school))[[1]]",
        "result3.predict(pupils).iloc[0]"
        ' + result3.random_effects["P01"]["school[C(school)[P01-S1]]"]',
        'fit3.predict(random=["school"]).iloc[0]',
    ),
    (
        "new pupil, fixed part only",
        "predict(m, new, re.form = NA)[[1]]",
        "result.predict(new).iloc[0]",
        'fit.predict(new, random="none").iloc[0]',
    ),
    (
        "new pupil of a known school",
        "predict(m, new[1, ])[[1]]",
        "result.predict(new).iloc[0]"
        ' + result.random_effects["P01-S1"] @ np.array([1, new.loc[0, "age10"]])',
        "fit.predict(new).iloc[0]",
    ),
    (
        "new pupil of a new school",
        "predict(m, new, allow.new.levels = TRUE)[[2]]",
        "result.predict(new).iloc[1]",
        "fit.predict(new).iloc[1]",
    ),
)

# %% [markdown] tags=["workshop"]
# - **statsmodels' `predict` never adds random effects**, and does not say so. `fittedvalues` has
#   them. R's `predict` and the course's add them unless told otherwise.
# - R stops at a new school unless `allow.new.levels = TRUE`. The course predicts it at the level of the
#   population, which is the best guess for a school about which nothing is known.

# %% [markdown] tags=["workshop"]
# ## Likelihood and size
#
# Log-likelihoods are compared by their differences, so here "agree" is strict: within one part in ten
# million.

# %% tags=["workshop"] jupyter={"source_hidden": true}
phrases(
    ("log-likelihood (REML)", "logLik(m)", "result.llf", "fit.llf"),
    ("REML criterion", "REMLcrit(m)", "-2 * result.llf", "-2 * fit.llf"),
    ("AIC (REML)", "AIC(m)", "result.aic", "fit.aic"),
    ("BIC (REML)", "BIC(m)", "result.bic", "fit.bic"),
    ("log-likelihood (ML)", "logLik(m_ml)", "result_ml.llf", "fit_ml.llf"),
    (
        "fitted again by ML",
        "logLik(refitML(m))",
        "smf.mixedlm(with_resources, pupils, **sloped).fit(reml=False).llf",
        "fit.model.fit(reml=False).llf",
    ),
    ("deviance (ML)", "deviance(m_ml)", "-2 * result_ml.llf", "-2 * fit_ml.llf"),
    ("AIC (ML)", "AIC(m_ml)", "result_ml.aic", "fit_ml.aic"),
    ("BIC (ML)", "BIC(m_ml)", "result_ml.bic", "fit_ml.bic"),
    (
        "number of parameters",
        'attr(logLik(m_ml), "df")',
        "len(result_ml.params) + 1",
        "fit_ml.n_params",
    ),
    ("rows", "nobs(m)", "result.nobs", "fit.nobs"),
    ("residual df", "df.residual(m)", "result.df_resid", "fit.nobs - fit.n_params"),
    ("schools", 'ngrps(m)[["school"]]', "result.model.n_groups", 'fit.n_groups["school"]'),
    (
        "classrooms",
        'ngrps(m3)[["classroom"]]',
        'pupils["classroom"].nunique()',
        'fit3.n_groups["classroom"]',
    ),
    within=1e-7,
)

# %% [markdown] tags=["workshop"]
# - AIC and BIC of a REML fit are `nan` in statsmodels. R and the course give them; they are to be
#   compared only between fits with the same fixed effects.
# - statsmodels computes `llf` when it is first asked for, by the method of the *latest* fit of that
#   model. So make a model for each fit, as above. This is what happens otherwise:

# %% tags=["workshop"]
one_model = smf.mixedlm(with_resources, pupils, **sloped)
by_reml = one_model.fit()
by_ml = one_model.fit(reml=False)
print(f"method of the fit   {by_reml.method}")
print(f"its log-likelihood  {by_reml.llf:.3f}")

# %% [markdown] tags=["workshop"]
# That is neither the REML nor the ML log-likelihood of the table, but ML's formula at REML's estimates.
#
# - `n_groups` of statsmodels is the number of the largest groups only.
# - `df_resid` of statsmodels is rows minus fixed effects; R's `df.residual` takes off the variances,
#   too. Neither is the df of any t-test in a mixed model.

# %% [markdown] tags=["workshop"]
# ## Matrices

# %% tags=["workshop"] jupyter={"source_hidden": true}
phrases(
    (
        "X, one cell",
        'model.matrix(m)[1, "sexmale"]',
        'result.model.exog[0, result.model.exog_names.index("sex[T.male]")]',
        'fit.design.X[0, fit.design.fixed_names.index("sex[T.male]")]',
    ),
    (
        "columns of X",
        'ncol(getME(m, "X"))',
        "result.model.k_fe",
        "fit.design.X.shape[1]",
    ),
    (
        "Z, one cell",
        'getME(m, "Z")[1, "P01-S1"]',
        "result.model.exog_re[0, 0]",
        "fit.design.groupings[0].Z[0, 0]",
    ),
    (
        "columns of Z",
        'ncol(getME(m, "Z"))',
        "result.model.n_groups * result.model.k_re",
        'fit.n_groups["school"] * fit.design.groupings[0].Z.shape[1]',
    ),
    ("y, one cell", 'getME(m, "y")[[1]]', "result.model.endog[0]", "fit.design.y[0]"),
    (
        "rows used",
        "nrow(model.frame(m))",
        "len(result.model.endog)",
        "len(fit.design.index)",
    ),
)

# %% [markdown] tags=["workshop"]
# R stores $Z$ as a sparse matrix with one column for each effect of each school. statsmodels and the
# course keep only the part that is not zero, one column for each effect, and note beside it to which
# school a row belongs.

# %% [markdown] tags=["workshop"]
# ## Tests and comparisons

# %% tags=["workshop"] jupyter={"source_hidden": true}
phrases(
    (
        "F test of a term",
        'anova(m)["school_resources", "F value"]',
        'float(result.wald_test("school_resources = 0", scalar=True).statistic)',
        'anova(fit).loc["school_resources", "F"]',
    ),
    (
        "F test of a term (Kenward-Roger)",
        'anova(m, ddf = "Kenward-Roger")["school_resources", "F value"]',
        None,
        'anova(fit, df="kenward-roger").loc["school_resources", "F"]',
    ),
    (
        "its denominator df",
        'anova(m, ddf = "Kenward-Roger")["school_resources", "DenDF"]',
        None,
        'anova(fit, df="kenward-roger").loc["school_resources", "den_df"]',
    ),
    (
        "without a term",
        'drop1(m)["sex", "F value"]',
        'float(result.wald_test("sex[T.male] = 0", scalar=True).statistic)',
        'anova(fit).loc["sex", "F"]',
    ),
    (
        "two coefficients at once",
        'contestMD(m, rbind(c(0, 1, 0, 0), c(0, 0, 1, 0)))[["F value"]]',
        'result.wald_test("age10 = 0, sex[T.male] = 0", scalar=True).statistic / 2',
        'wald(fit, "age10 = 0, sex[T.male] = 0")["F"].iloc[0]',
    ),
    (
        "likelihood-ratio test of a coefficient (ML)",
        'lme4:::drop1.merMod(m_ml, test = "Chisq")["sex", "LRT"]',
        '2 * (result_ml.llf - smf.mixedlm("test_score ~ age10 + school_resources", pupils, **sloped)'
        ".fit(reml=False).llf)",
        'compare(mixedlm(formula.replace("+ sex", ""), pupils).fit(reml=False), fit_ml)["chi2"]'
        ".iloc[1]",
    ),
    (
        "the same, from REML fits",
        'anova(update(m, . ~ . - sex), m)[["Chisq"]][2]',
        None,
        'compare(mixedlm(formula.replace("+ sex", ""), pupils).fit(), fit)["chi2"].iloc[1]',
    ),
    (
        "likelihood-ratio test of a variance",
        'anova(m2, m3, refit = FALSE)[["Chisq"]][2]',
        "2 * (result3.llf - result2.llf)",
        'compare(fit2, fit3)["chi2"].iloc[1]',
    ),
    (
        "without a random term",
        'ranova(m3)["(1 | province)", "LRT"]',
        "2 * (result3.llf - result2.llf)",
        'compare(fit2, fit3)["chi2"].iloc[1]',
    ),
    (
        "its p-value, as if nothing were at a boundary",
        'anova(m2, m3, refit = FALSE)[["Pr(>Chisq)"]][2]',
        "stats.chi2.sf(2 * (result3.llf - result2.llf), df=1)",
        'compare(fit2, fit3)["p_naive"].iloc[1]',
    ),
    (
        "the same test by ML",
        'anova(m2, m3)[["Chisq"]][2]',
        "2 * (result3_ml.llf - result2_ml.llf)",
        'compare(fit2.model.fit(reml=False), fit3.model.fit(reml=False))["chi2"].iloc[1]',
    ),
)

# %% [markdown] tags=["workshop"]
# - statsmodels' `wald_test` gives a chi-square with infinitely many df in the denominator; divided by
#   the number of constraints it is the F of the others, but for the difference in the standard
#   errors.
# - REML fits with different fixed effects cannot be compared. R's `anova` fits both again by ML, and
#   says so; the course's `compare` does the same. With statsmodels it is yours to remember.
# - A variance cannot be below 0. So the p-value of R's `anova` and `ranova` is too large for a
#   variance, here twice what it should be. `compare` gives the right one as `p_value`, and R's as
#   `p_naive`. See [lesson 07](07-inference.ipynb).

# %% [markdown] tags=["workshop"]
# Means adjusted for the other predictors, their differences, slopes, and standard errors that hold where the
# model's covariances are wrong; in R with emmeans and clubSandwich:

# %% tags=["workshop"] jupyter={"source_hidden": true}
phrases(
    (
        "adjusted mean of a level",
        'as.data.frame(emmeans::emmeans(m, "sex", lmer.df = "satterthwaite"))[2, "emmean"]',
        None,
        'means(fit, "sex").loc["male", "estimate"]',
    ),
    (
        "its interval, lower end",
        'as.data.frame(emmeans::emmeans(m, "sex", lmer.df = "satterthwaite"))[2, "lower.CL"]',
        None,
        'means(fit, "sex").loc["male", "lower"]',
    ),
    (
        "difference of two levels, standard error (Kenward-Roger)",
        'as.data.frame(pairs(emmeans::emmeans(m, "sex")))[1, "SE"]',
        None,
        'contrasts(fit, "sex", df="kenward-roger")["std_error"].iloc[0]',
    ),
    (
        "slope along a predictor",
        'as.data.frame(emmeans::emtrends(m, ~ 1, "age10", lmer.df = "satterthwaite"))[1, "age10.trend"]',
        'result.fe_params["age10"]',
        'slopes(fit, "age10")["estimate"].iloc[0]',
    ),
    (
        "cluster-robust standard error (CR2)",
        'clubSandwich::coef_test(m, "CR2")["age10", "SE"]',
        None,
        'fixed_effects_table(fit, robust="school").loc["age10", "std_error"]',
    ),
)

# %% [markdown] tags=["workshop"]
# ## Intervals

# %% tags=["workshop"] jupyter={"source_hidden": true}
phrases(
    (
        "Wald, lower end",
        'confint(m, "age10", method = "Wald")[1, 1]',
        'result.conf_int().loc["age10", 0]',
        'confint(fit, "wald").loc["age10", "lower"]',
    ),
    (
        "profile, lower end",
        'confint(m, "age10", method = "profile", quiet = TRUE)[1, 1]',
        None,
        'confint(fit, "profile").loc["age10", "lower"]',
    ),
    (
        "profile of an SD, lower end",
        'confint(m, "sd_(Intercept)|school", method = "profile", oldNames = FALSE, quiet = TRUE)[1, 1]',
        None,
        'confint(fit, "profile").loc["sd(Intercept | school)", "lower"]',
    ),
    (
        "profile of an SD, upper end",
        'confint(m, "sd_(Intercept)|school", method = "profile", oldNames = FALSE, quiet = TRUE)[1, 2]',
        None,
        'confint(fit, "profile").loc["sd(Intercept | school)", "upper"]',
    ),
    (
        "profile of the residual SD, upper end",
        'confint(m, "sigma", method = "profile", oldNames = FALSE, quiet = TRUE)[1, 2]',
        None,
        'confint(fit, "profile").loc["sigma", "upper"]',
    ),
)

# %% [markdown] tags=["workshop"]
# - **Without a method, R's `confint` takes profiles of the ML fit, and the course's does not.** They are too
#   narrow where groups are few ([lesson
#   07](07-inference.ipynb#Intervals,-and-whether-they-keep-their-promise)). `confint(fit)` takes t-intervals
#   for fixed effects, and for SDs what keeps its promise; its column `method` names it. In R,
#   `parameters::ci(m, method = "satterthwaite")` gives the same t-intervals.
# - Wald intervals differ, and mean different things: R and statsmodels go 1.96 standard errors to either
#   side; the course takes the t distribution with [Satterthwaite](glossary.ipynb#Satterthwaite)'s degrees
#   of freedom, so that its interval is the wider one.
# - `result.conf_int()` lists variances, too: as ratios to the residual variance, and symmetric. Do
#   not report those.
# - `profile_re` of statsmodels evaluates the likelihood along one variance. It gives no interval.
#
# Bootstrap intervals are random: R and the course draw different numbers, from the same distribution.
# With 200 draws, "agree" means within 10 %.

# %% tags=["workshop"] jupyter={"source_hidden": true}
phrases(
    (
        "bootstrap, lower end",
        'confint(m, "age10", method = "boot", nsim = 200, seed = 1, quiet = TRUE)[1, 1]',
        None,
        'confint(fit, "bootstrap", n=200, seed=1).loc["age10", "lower"]',
    ),
    (
        "SD of the draws of the residual SD",
        "sd(bootMer(m, sigma, nsim = 200, seed = 1)$t)",
        None,
        'bootstrap(fit, n=200, seed=1, progress=False).summary().loc["sigma", "std_error"]',
    ),
    within=0.1,
)

# %% [markdown] tags=["workshop"]
# ## Simulate, refit, leave out

# %% tags=["workshop"] jupyter={"source_hidden": true}
phrases(
    (
        "new responses from the fit",
        "length(simulate(m, nsim = 1, seed = 1)[[1]])",
        None,
        "simulate_responses(fit, n=1, seed=1).shape[1]",
    ),
    (
        "fit to another response",
        "fixef(refit(m, pupils$test_score + 10))[[1]]",
        "smf.mixedlm(with_resources, pupils.assign(test_score=pupils.test_score + 10), **sloped)"
        '.fit().fe_params["Intercept"]',
        'fit.refit(pupils["test_score"] + 10).fe_params["Intercept"]',
    ),
    (
        "change the formula",
        'fixef(update(m, . ~ . - sex))[["age10"]]',
        'smf.mixedlm("test_score ~ age10 + school_resources", pupils, **sloped)'
        '.fit().fe_params["age10"]',
        'mixedlm(formula.replace("+ sex", ""), pupils).fit().fe_params["age10"]',
    ),
    (
        "leave out each school: Cook's distance",
        'cooks.distance(influence(m, "school"))[[1]]',
        None,
        'influence(fit, "school", progress=False).loc["P01-S1", "cook"]',
    ),
    (
        "leave out each school: change of a coefficient",
        'dfbeta(influence(m, "school"))[1, "age10"]',
        None,
        '-influence(fit, "school", progress=False).loc["P01-S1", "dfbeta(age10)"]'
        ' * fit.bse_fe["age10"]',
    ),
    (
        "the same in standard errors",
        'dfbetas(influence(m, "school"))[1, "age10"]',
        None,
        'influence(fit, "school", progress=False).loc["P01-S1", "dfbeta(age10)"]',
    ),
)

# %% [markdown] tags=["workshop"]
# - The course has no `update`: write the formula, or make it from the old one as text.
# - Both packages leave out one school at a time, and fit again. lme4 then multiplies Cook's distance
#   by (groups − coefficients) / groups. Its `dfbetas` count from the fit with the school to the one
#   without, in standard errors of the latter; the course counts the other way, in standard errors of
#   the fit.

# %% [markdown] tags=["workshop"]
# ## Shares
#
# R's packages performance and MuMIn have `icc` and `r2`. They are not among the references here, so R
# computes the same from what lme4 gives.

# %% tags=["workshop"] jupyter={"source_hidden": true}
phrases(
    (
        "share of all groups (ICC of two classmates)",
        'with(as.data.frame(VarCorr(m3)), sum(vcov[grp != "Residual"]) / sum(vcov))',
        "(result3.cov_re.iloc[0, 0] + result3.vcomp.sum())"
        " / (result3.cov_re.iloc[0, 0] + result3.vcomp.sum() + result3.scale)",
        'icc(fit3).loc["classroom", "icc"]',
    ),
    (
        "share of schools",
        'with(as.data.frame(VarCorr(m3)), vcov[grp == "school"] / sum(vcov))',
        'result3.vcomp[result3.model.exog_vc.names.index("school")]'
        " / (result3.cov_re.iloc[0, 0] + result3.vcomp.sum() + result3.scale)",
        'variance_shares(fit3).loc["school", "share"]',
    ),
    (
        "marginal R squared",
        "var(predict(m3, re.form = NA)) / "
        "(var(predict(m3, re.form = NA)) + sum(as.data.frame(VarCorr(m3))$vcov))",
        "result3.predict(pupils).var() / (result3.predict(pupils).var()"
        " + result3.cov_re.iloc[0, 0] + result3.vcomp.sum() + result3.scale)",
        'r2(fit3)["marginal"]',
    ),
)

# %% [markdown] tags=["workshop"]
# "ICC" has two meanings. `performance::icc(m3)` adds up all groups: the first row. With
# `by_group = TRUE` it gives the shares, one by one: the second. `icc(fit3)` has both, as `icc` and
# `share`; [lesson 06](06-interpretation.ipynb) says when to ask for which.

# %% [markdown] tags=["workshop"]
# ## Yes or no
#
# Who has more than 60 points? `g` is glmer's, `gt` glmmTMB's, `glm` the course's; `bayes` is statsmodels'
# Bayesian mixed GLM, as the course's `translate(formula, pupils, family="binomial").code` writes it.

# %% tags=["workshop"]
passed = "(test_score > 60) ~ age10 + sex + (1|school)"
glm = mixedglm(passed, pupils, family="binomial").fit()
names = {"data": pupils}
exec(translate(passed, pupils, family="binomial").code, names)
bayes = names["result"]

# %% tags=["workshop"] jupyter={"source_hidden": true}
phrases(
    (
        "odds ratio of a year",
        'exp(fixef(g)[["age10"]])',
        "np.exp(bayes.fe_mean[2])",
        'glm.ratios.loc["age10", "ratio"]',
    ),
    (
        "odds ratio by glmmTMB",
        'exp(glmmTMB::fixef(gt)$cond[["age10"]])',
        None,
        'glm.ratios.loc["age10", "ratio"]',
    ),
    (
        "standard error of its logarithm (glmmTMB)",
        'sqrt(vcov(gt)$cond["age10", "age10"])',
        None,
        'glm.bse_fe["age10"]',
    ),
    (
        "SD of schools (logits)",
        'attr(VarCorr(g)$school, "stddev")[["(Intercept)"]]',
        "np.exp(bayes.vcp_mean[0])",
        'glm.variance_components.loc[0, "sdcor"]',
    ),
    (
        "SD of schools by quadrature",
        'attr(VarCorr(update(g, nAGQ = 7))$school, "stddev")[["(Intercept)"]]',
        None,
        'glm.model.fit(nagq=7).variance_components.loc[0, "sdcor"]',
    ),
    ("log-likelihood (Laplace)", "as.numeric(logLik(g))", None, "glm.llf"),
    (
        "probability of a pupil",
        'predict(g, type = "response")[[1]]',
        None,
        "glm.fittedvalues.iloc[0]",
    ),
    (
        "the same in a school of effect 0",
        'predict(g, type = "response", re.form = NA)[[1]]',
        None,
        'glm.predict(random="none").iloc[0]',
    ),
    (
        "likelihood ratio of sex",
        'anova(update(g, . ~ . - sex), g)[2, "Chisq"]',
        None,
        'compare(mixedglm("(test_score > 60) ~ age10 + (1|school)", pupils).fit(), glm)["chi2"].iloc[1]',
    ),
)

# %% [markdown] tags=["workshop"]
# - statsmodels has no maximum likelihood for such a model. Its Bayesian one has priors, and variational
#   estimates, whose SDs are too small for intervals. GEE (`translate(...).gee_code`) has
#   [marginal odds ratios](glossary.ipynb#marginal-odds-ratio), which are other numbers.
# - All three odds ratios here are [conditional](glossary.ipynb#conditional-odds-ratio): of pupils of the same
#   school.

# %% [markdown] tags=["workshop"]
# ## Files with labels
#
# R reads the files of SPSS, Stata and SAS with haven. `survey` is such a file, in which 99 means "refused".

# %% tags=["workshop"] jupyter={"source_hidden": true}
phrases(
    (
        "values that the file declares missing",
        "sum(is.na(survey$age))",
        None,
        'survey["age"].isna().sum()',
    ),
    (
        "rows with a label",
        'sum(haven::as_factor(survey$sex) == "male", na.rm = TRUE)',
        None,
        '(survey["sex"] == "male").sum()',
    ),
    (
        "levels of a factor",
        "nlevels(haven::as_factor(survey$books))",
        None,
        'len(survey["books"].cat.categories)',
    ),
    (
        "codes in place of labels",
        "sum(haven::zap_labels(survey$sex) == 2, na.rm = TRUE)",
        None,
        '(read_table(data_file("survey.sav"), labels="codes")["sex"] == 2).sum()',
    ),
)

# %% [markdown] tags=["workshop"]
# - `read_table` decides for each column: a factor where every value that occurs has a label, a number
#   where special codes alone have one. In R you decide yourself, with `as_factor`, `zap_labels` and
#   `zap_missing`.
# - The title of a column is `attr(survey$age, "label")` in R, and `survey.attrs["labels"]["age"]` here.
#   Pictures and reports use it.
# - Why values are missing, the notes of a fit count: "2 rows: age is 'refused'".

# %% [markdown] tags=["workshop"]
# ## Plausible values and imputed data
#
# R fits the model to each plausible value, or each imputed data set, and pools the fits with mitml or mice.

# %% tags=["workshop"] jupyter={"source_hidden": true}
phrases(
    (
        "pooled coefficient",
        'mitml::testEstimates(pv)$estimates["age10", "Estimate"]',
        "np.mean([smf.mixedlm(f'PV{k}TEST ~ age10', pupils, groups='school').fit()"
        ".fe_params['age10'] for k in (1, 2, 3)])",
        'pooled.fe_params["age10"]',
    ),
    (
        "its standard error",
        'mitml::testEstimates(pv)$estimates["age10", "Std.Error"]',
        None,
        'pooled.bse_fe["age10"]',
    ),
    (
        "test of a coefficient by pooled likelihood ratio",
        'mitml::testModels(pv, lapply(pv, update, . ~ . - age10), method = "D3")$test[1, "F.value"]',
        None,
        'compare(mixedlm("PV*TEST ~ 1 + (1|school)", pupils).fit(), pooled)["F"].iloc[1]',
    ),
)

# %% [markdown] tags=["workshop"]
# - With imputed data sets, `pool([mixedlm(formula, data).fit() for data in imputed])` is
#   `mitml::testEstimates(with(imputed, lmer(...)))`.
# - Degrees of freedom differ: mitml's suppose an endless sample unless `df.com` says otherwise. The
#   course takes those of Barnard and Rubin, with Satterthwaite's for the complete data.
# - [Lesson 13](13-national-assessment.ipynb) says why nobody averages the plausible values first.

# %% [markdown] tags=["workshop"]
# ## Stata and SPSS
#
# Both have a command called `mixed`, and their defaults differ from lme4's. Each row gives R's
# formula for what the command means, and the log-likelihood of that model.


# %% tags=["workshop"] jupyter={"source_hidden": true}
def translated(program, *rows):
    """Each row: what it is, the command of another program, R's call, and the course's."""
    lines = []
    for what, command, r, course in rows:
        value = R["calls"][r]
        verdict = judge(value, {"course": eval(course)}, within=0.001 / abs(value))
        codes = [(code, True) for code in (command, r, course)]
        lines.append([(what, False), *codes, (f"{value:.2f}", False), (verdict, False)])
    page(["what", program, "R", "course", "value", "agree"], lines)


translated(
    "Stata",
    (
        "intercepts and slopes, as it comes: ML, unrelated",
        "mixed test_score age10 || school: age10",
        "logLik(lmer(test_score ~ age10 + (age10 || school), pupils, REML = FALSE, control = tight))",
        'mixedlm("test_score ~ age10 + (age10||school)", pupils).fit(reml=False).llf',
    ),
    (
        "as lme4 does by default",
        "mixed test_score age10 || school: age10, covariance(unstructured) reml",
        "logLik(lmer(test_score ~ age10 + (age10 | school), pupils, control = tight))",
        'mixedlm("test_score ~ age10 + (age10|school)", pupils).fit().llf',
    ),
    (
        "two levels of groups",
        "mixed test_score age10 || school: || classroom:",
        "logLik(lmer(test_score ~ age10 + (1 | school) + (1 | school:classroom), pupils, REML = FALSE, "
        "control = tight))",
        'mixedlm("test_score ~ age10 + (1|school/classroom)", pupils).fit(reml=False).llf',
    ),
    (
        "what stands later lies within, though labels repeat",
        "mixed test_score age10 || school: || sex:",
        "logLik(lmer(test_score ~ age10 + (1 | school) + (1 | sex:school), pupils, REML = FALSE, "
        "control = tight))",
        'mixedlm("test_score ~ age10 + (1|school/sex)", pupils).fit(reml=False).llf',
    ),
)

# %% tags=["workshop"] jupyter={"source_hidden": true}
translated(
    "SPSS",
    (
        "intercepts and slopes, as it comes: REML, variance components",
        "MIXED test_score WITH age10 /FIXED=age10 /RANDOM=INTERCEPT age10 | SUBJECT(school).",
        "logLik(lmer(test_score ~ age10 + (age10 || school), pupils, control = tight))",
        'mixedlm("test_score ~ age10 + (age10||school)", pupils).fit().llf',
    ),
    (
        "as lme4 does by default",
        "MIXED test_score WITH age10 /FIXED=age10 /RANDOM=INTERCEPT age10 | SUBJECT(school) COVTYPE(UN).",
        "logLik(lmer(test_score ~ age10 + (age10 | school), pupils, control = tight))",
        'mixedlm("test_score ~ age10 + (age10|school)", pupils).fit().llf',
    ),
    (
        "two levels of groups",
        "MIXED test_score WITH age10 /FIXED=age10 /RANDOM=INTERCEPT | SUBJECT(school) "
        "/RANDOM=INTERCEPT | SUBJECT(classroom).",
        "logLik(lmer(test_score ~ age10 + (1 | school) + (1 | classroom), pupils, control = tight))",
        'mixedlm("test_score ~ age10 + (1|school) + (1|classroom)", pupils).fit().llf',
    ),
)

# %% [markdown] tags=["workshop"]
# - **Stata's `mixed` fits by ML, SPSS's by REML**, as lme4 and the course do. Stata's option is `reml`.
# - **Both take intercepts and slopes as unrelated** unless you ask otherwise: `covariance(unstructured)`
#   in Stata, `COVTYPE(UN)` in SPSS. lme4's `(age10|school)` lets them correlate. This is no matter of taste:
#   without the covariance, the fit changes with where zero of age lies
#   ([lesson 03](03-random-slopes.ipynb)).
# - Both print variances first, not SDs. Stata tests fixed effects with z, as statsmodels does; with
#   `dfmethod(satterthwaite)` or `dfmethod(kroger)` it takes t. SPSS has Satterthwaite's degrees of freedom.
# - A factor is `i.sex` in Stata, whose reference is the first level; after `BY` in SPSS the *last* level is
#   the reference. So an SPSS coefficient may have the opposite sign.

# %% [markdown] tags=["workshop"]
# ## Pictures and the rest
#
# These give no single number to compare.
#
# | what | R | statsmodels | course |
# |---|---|---|---|
# | the summary | `summary(m)` | `result.summary()` | `fit.summary()` |
# | the formula in words | none | none | `translate(formula, pupils).explain()` |
# | another solver | `allFit(m)` | `result.model.fit(method="powell")` | `fit.check()` |
# | residuals against fitted values | `plot(m)` | none | `plots.residuals(fit)` |
# | normal quantiles | `qqnorm(resid(m))` | `sm.qqplot(result.resid)` | `plots.qq(fit)` |
# | random effects with intervals | `lattice::dotplot(ranef(m))` | none | `plots.caterpillar(fit, "school")` |
# | predicted lines | `ggeffects::ggpredict(m, "age10")` | none | `plots.predictions(fit, "age10")` |
# | intervals of new rows | `merTools::predictInterval(m)` | none | `fit.predict(interval="prediction")` |
# | the profile | `lattice::xyplot(profile(m))` | none | `plots.profile_zeta(profile(fit))` |
# | what stands out | `performance::check_model(m)`, `DHARMa::simulateResiduals(g)` | none | `diagnose(fit)` |
# | tests of all terms | `car::Anova(m, type = 3)` | `result.wald_test_terms()` | `anova(fit)` |
# | a line for each group | `lmList(y ~ x \| g)` | `smf.ols` in a loop | `plots.lines(fit, "x", "g")` |
# | power by simulation | `simr::powerSim(m)` | none | `power(formula, test=..., effect=...)` |
# | a paragraph for the paper | `report::report(m)` | none | `report(fit)` |
# | models side by side | `modelsummary::modelsummary(list(m2, m3))` | none | `side_by_side(fit2, fit3)` |
# | tables to compute with | `broom.mixed::tidy(m)` | `result.summary().tables[1]` | `fit.fixed_effects` |
# | unequal residual variances | `glmmTMB(..., dispformula = ~ sex)` | none | none; `robust=` in tables |
# | residuals correlated in time | `nlme::lme(correlation = corAR1())` | none | none |
# | overdispersed counts | `glmmTMB(..., family = nbinom2)` | none | `mixedglm`, with a term `(1\|row)` |
# | priors, and chains | `brms::brm(...)` | `BinomialBayesMixedGLM`, without chains | none; see Bambi |
#
# If you meet a term that you do not know, look in the [glossary](glossary.ipynb). What tutorials get wrong is
# on the page of [myths](myths.ipynb).
