"""A fit as the paragraph of a results section, and several fits side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from course.errors import CourseError
from course.fit import MixedFit, require_fit
from course.interpret import icc, r2
from course.parameters import parameters
from course.summary import number

SINGULAR = (
    "The fit was singular: a variance was estimated at 0, or a correlation at -1 or 1, so the data show "
    "no more variation there than chance would make."
)


def report(fit: MixedFit) -> str:
    """The paragraph of a results section: model, estimates, variances, ICC, R squared.

    Everything that a reader needs to judge the fit is in it; what the numbers mean for the question of
    the study is yours to add. Numbers are rounded, p-values three decimals.

    Parameters
    ----------
    fit : MixedFit

    Returns
    -------
    str
        One paragraph of plain text; ``print(textwrap.fill(report(fit)))`` breaks its lines.

    Raises
    ------
    CourseError
        Where `fit` is not what ``mixedlm(...).fit()`` returns.

    Examples
    --------
    >>> import textwrap
    >>> from course import load, mixedlm, report
    >>> fit = mixedlm("test_score ~ age + (1|classroom) + (1|school)", load("pupils")).fit()
    >>> print(textwrap.fill(report(fit), 80))
    A linear mixed model of test_score with fixed effects of age and random
    intercepts by classroom and random intercepts by school was fitted by restricted
    maximum likelihood. The data were 2,494 rows in 190 levels of classroom and 60
    levels of school. Fixed effects (Satterthwaite degrees of freedom): Intercept
    23.0, 95% CI [20.3, 25.7], t(614.1) = 16.84, p < 0.001; age 3.77, 95% CI [3.55,
    4.00], t(2348.2) = 32.57, p < 0.001. Standard deviations: Intercept by classroom
    4.224, Intercept by school 4.987, residual 6.532. The correlation to be expected
    of two rows was 0.50 for the same classroom, 95% CI [0.43, 0.57]; 0.29 for the
    same school, 95% CI [0.20, 0.40]. Fixed effects explained 19.1% of the variance,
    fixed and random effects together 59.6%.
    """
    require_fit(fit)
    sentences = [_model(fit), _sample(fit), _fixed(fit), _random(fit), _alike(fit)]
    if fit.singular:
        sentences.append(SINGULAR)
    if not fit.converged:
        sentences.append("The search did not converge; these numbers are not to be reported.")
    return " ".join(sentences)


def _model(fit: MixedFit) -> str:
    design = fit.design
    effects = [name for name in design.fixed_names if name != "Intercept"]
    fixed = f"fixed effects of {_listed(effects)}" if effects else "no predictors"
    random = []
    for grouping in design.groupings:
        for block in grouping.blocks:
            names = [grouping.effects[j] for j in block]
            slopes = [name for name in names if name != "Intercept"]
            parts = ["intercepts"] if "Intercept" in names else []
            parts += [f"slopes of {_listed(slopes)}"] if slopes else []
            together = "correlated " if len(names) > 1 else ""
            random.append(f"{together}random {_listed(parts)} by {grouping.name}")
    method = "restricted maximum likelihood" if fit.method == "REML" else "maximum likelihood"
    return (
        f"A linear mixed model of {design.formula.response} with {fixed} and {_listed(random)} "
        f"was fitted by {method}."
    )


def _sample(fit: MixedFit) -> str:
    groups = [f"{count:,} levels of {name}" for name, count in fit.n_groups.items()]
    left_out = fit.design.rows_given - fit.nobs
    gone = f" ({left_out:,} incomplete rows left out)" if left_out else ""
    return f"The data were {fit.nobs:,} rows{gone} in {_listed(groups)}."


def _fixed(fit: MixedFit) -> str:
    said = []
    for row in fit.fixed_effects.itertuples():
        said.append(
            f"{row.Index} {_like(row.estimate, row.std_error)}, 95% CI "
            f"[{_like(row.lower, row.std_error)}, {_like(row.upper, row.std_error)}], "
            f"t({row.df:.1f}) = {row.t:.2f}, {_p(row.p_value)}"
        )
    return f"Fixed effects (Satterthwaite degrees of freedom): {'; '.join(said)}."


def _random(fit: MixedFit) -> str:
    table = fit.variance_components
    said = []
    for row in table[table["group"] != "Residual"].itertuples():
        if pd.isna(row.effect2):
            said.append(f"{row.effect} by {row.group} {number(row.sdcor)}")
        elif pd.isna(row.sdcor):
            said.append(f"correlation of {row.effect} and {row.effect2} not defined")
        else:
            said.append(f"correlation of {row.effect} and {row.effect2} {row.sdcor:.2f}")
    said.append(f"residual {number(np.sqrt(fit.scale))}")
    return f"Standard deviations: {', '.join(said)}."


def _alike(fit: MixedFit) -> str:
    said = []
    for row in icc(fit).itertuples():
        ends = ""
        if np.isfinite(row.icc_lower):
            ends = f", 95% CI [{row.icc_lower:.2f}, {row.icc_upper:.2f}]"
        said.append(f"{row.icc:.2f} for the same {row.Index.replace(' & ', ' and ')}{ends}")
    slopes = any(set(g.effects) != {"Intercept"} for g in fit.design.groupings)
    mean = " (variances averaged over the rows)" if slopes else ""
    explained = r2(fit)
    return (
        f"The correlation to be expected of two rows{mean} was {'; '.join(said)}. Fixed effects explained "
        f"{explained['marginal']:.1%} of the variance, fixed and random effects together "
        f"{explained['conditional']:.1%}."
    )


def _like(value: float, error: float) -> str:
    """Rounded so that the standard error would have two significant digits."""
    if not (np.isfinite(value) and np.isfinite(error) and error > 0):
        return number(value)
    digits = 1 - int(np.floor(np.log10(error)))
    rounded = round(value, digits) + 0.0  # no minus before a zero
    return f"{rounded:,.{max(digits, 0)}f}"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


# -- several fits -------------------------------------------------------------------------------

PARTS = ("fixed effects", "random effects", "fit")


def side_by_side(
    *fits: MixedFit, names: Sequence[str] | None = None, numeric: bool = False
) -> pd.DataFrame:
    """Several models in one table: coefficients, SDs and correlations, measures of fit.

    Log-likelihoods, AIC and BIC are comparable where response, rows and method are the same, and under
    REML also the fixed effects; rows and method stand in the table, `course.compare` checks them.

    Parameters
    ----------
    *fits : MixedFit
    names : sequence of str, optional
        Column names; "(1)", "(2)", ... where left out.
    numeric : bool
        False: text, coefficients as "estimate (standard error)". True: numbers, in two columns per model,
        "estimate" and "std_error", without the row "method".

    Returns
    -------
    DataFrame
        Index (part, term): first the fixed effects, then ``sd(age | school)``, ``cor(Intercept, age |
        school)`` and ``sigma``, then rows, the number of levels of each grouping, log-likelihood, AIC, BIC,
        method. Empty text (NaN) where a model has no such term.

    Raises
    ------
    CourseError
        Without a fit, for something else than a fit, for names that are too few, too many or repeated.

    Notes
    -----
    pandas writes the table: ``table.to_html()``; ``table.to_latex()`` (needs jinja2); ``table.to_markdown()``
    (needs tabulate).

    Adjusted means and their intervals need no function of their own: build a grid, and let the model
    speak. With X the grid's rows in the columns of the model, their standard errors are the
    roots of the diagonal of X V X'::

        grid = pd.DataFrame({"age": [8, 10, 12], "sex": "female"})
        means = fit.predict(grid, random="none")
        X = fit.design.fixed_rows(grid)
        se = np.sqrt(np.einsum("ij,jk,ik->i", X, fit.cov_params(), X))

    ``fit.statsmodels`` is statsmodels' own result, so that its ``t_test`` and ``summary().as_latex()`` work.

    Examples
    --------
    >>> from course import load, mixedlm, side_by_side
    >>> pupils = load("pupils")
    >>> one = mixedlm("test_score ~ age + (1|school)", pupils).fit()
    >>> two = mixedlm("test_score ~ age + sex + (1|school)", pupils).fit()
    >>> side_by_side(one, two, names=["age", "age and sex"]).loc["fixed effects"]
                         age   age and sex
    term
    Intercept     23.2 (1.5)    24.3 (1.5)
    sex[T.male]               -2.26 (0.30)
    age          3.76 (0.13)   3.77 (0.13)
    >>> side_by_side(one, two).to_html().startswith("<table")
    True
    """
    if not fits:
        raise CourseError("side_by_side takes one or more fits: side_by_side(fit_a, fit_b)")
    for fit in fits:
        require_fit(fit, "side_by_side(fit_a, fit_b)")
    names = [f"({i})" for i in range(1, len(fits) + 1)] if names is None else list(names)
    if len(names) != len(fits) or len(set(names)) < len(names):
        raise CourseError(f"{len(fits)} fits need {len(fits)} different names, not {names}")
    columns = [_column(fit) for fit in fits]
    index = _merged([list(column) for column in columns])
    index.sort(key=lambda key: PARTS.index(key[0]))
    rows = pd.MultiIndex.from_tuples(index, names=["part", "term"])
    if numeric:
        index.remove((PARTS[-1], "method"))
        rows = rows[: len(index)]
        both = {
            (name, kind): [float(column.get(key, (np.nan, np.nan))[at]) for key in index]
            for name, column in zip(names, columns, strict=True)
            for at, kind in enumerate(("estimate", "std_error"))
        }
        return pd.DataFrame(both, index=rows)
    text = {
        name: [_text(key, *column[key]) if key in column else "" for key in index]
        for name, column in zip(names, columns, strict=True)
    }
    return pd.DataFrame(text, index=rows)


def _column(fit: MixedFit) -> dict[tuple[str, str], tuple]:
    """(part, term) to (value, standard error or NaN)."""
    fixed, random, measures = PARTS
    found = {(fixed, name): (fit.fe_params[name], fit.bse_fe[name]) for name in fit.fe_params.index}
    for name, value in parameters(fit).iloc[len(fit.fe_params) :].items():
        found[random, name] = (value, np.nan)
    found[measures, "rows"] = (fit.nobs, np.nan)
    for name, count in fit.n_groups.items():
        found[measures, f"levels of {name}"] = (count, np.nan)
    for name, value in (("log-likelihood", fit.llf), ("AIC", fit.aic), ("BIC", fit.bic)):
        found[measures, name] = (value, np.nan)
    found[measures, "method"] = (fit.method, np.nan)
    return found


def _merged(orders: list[list]) -> list:
    """All keys once, each after those that stand before it in its own list."""
    merged: list = []
    for keys in orders:
        at = 0
        for key in keys:
            if key in merged:
                at = merged.index(key) + 1
            else:
                merged.insert(at, key)
                at += 1
    return merged


def _text(key: tuple[str, str], value, error: float) -> str:
    part, term = key
    if isinstance(value, str):
        return value
    if part == "fixed effects":
        digits = max(1 - int(np.floor(np.log10(error))), 0)
        return f"{_like(value, error)} ({error:,.{digits}f})"
    if part == "fit":
        return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    if term.startswith("cor("):
        return "" if np.isnan(value) else f"{value:.2f}"
    return number(value)
