"""A fit as the paragraph of a results section."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course import __version__
from course.common.parameter import Parameter
from course.common.wording import listing, number, p_equation, rounded_like
from course.design.design import Design
from course.design.notes import columns_left_out
from course.design.responses import YES_OR_NO
from course.design.weights import weights_range
from course.fit.generalised import MixedGLMFit
from course.fit.generalised_summary import RATIOS
from course.fit.latent import row_effects
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit, response_of
from course.fit.require import first_of, require_fit_or_pooled
from course.fit.survey import SurveyFit
from course.fit.tables import exponentials
from course.interpretation.icc import icc
from course.interpretation.variance import r2
from course.solver.parameters import unknown_parameters

Fit = MixedFit | MixedGLMFit | SurveyFit | PooledFit
SINGULAR = (
    "The fit was singular: a variance was estimated at 0, or a correlation at -1 or 1, so the data show "
    "no more variation there than chance would make."
)
SINGULAR_SEVERAL = (
    "Some of the fits were singular: a variance was estimated at 0, or a correlation at -1 or 1."
)
METHODS = {
    "REML": "restricted maximum likelihood",
    "ML": "maximum likelihood",
    "pseudo-ML": "pseudo-maximum likelihood",
}


def report(fit: Fit) -> str:
    """The paragraph of a results section: model, estimates, variances, ICC, R squared.

    Everything that a reader needs to judge the fit is in it; what the numbers mean for the question of
    the study is yours to add. Numbers are rounded, p-values three decimals.

    Parameters
    ----------
    fit : MixedFit, MixedGLMFit, SurveyFit or PooledFit
        A fitted model, as ``mixedlm(...).fit()`` or ``mixedglm(...).fit()`` returns it, or several that are
        pooled. Effects of a generalised fit stand as ratios of odds or of rates, for rows of the same groups.

    Returns
    -------
    str
        One paragraph of plain text; ``print(textwrap.fill(report(fit)))`` breaks its lines.

    Raises
    ------
    CourseError
        Where `fit` is not what ``mixedlm(...).fit()`` returns.

    See Also
    --------
    side_by_side : A table of several fits.
    diagnose : What to say of doubts.
    fixed_effects_table, icc, r2 : The numbers that it quotes.

    Examples
    --------
    >>> import textwrap
    >>> from course import load, mixedlm, report
    >>> fit = mixedlm("test_score ~ age + (1|classroom) + (1|school)", load("pupils")).fit()
    >>> print(textwrap.fill(report(fit), 80))
    A linear mixed model of test_score with fixed effects of age and random
    intercepts by classroom and random intercepts by school was fitted by restricted
    maximum likelihood, with the Python package mixed-effects-course ... The data
    were 2,494 rows in 190 levels of classroom and 60 levels of school. Fixed effects
    (Satterthwaite degrees of freedom): Intercept 23.0, 95% CI [20.3, 25.7], t(614.1)
    = 16.84, p < 0.001; age 3.77, 95% CI [3.55, 4.00], t(2348.2) = 32.57, p < 0.001.
    Standard deviations: Intercept by classroom 4.224, Intercept by school 4.987,
    residual 6.532. The expected correlation of two rows, the ICC, was 0.50 for the
    same classroom, 95% CI [0.43, 0.57]; 0.29 for the same school, 95% CI [0.20,
    0.40]. Of the variance 19.1% was that of the fixed part (marginal R squared), and
    59.6% that of fixed and random parts together (conditional R squared).

    In R: ``report::report(fit)``.
    """
    require_fit_or_pooled(fit, surveys=True)
    sentences = [_model(fit), *_offset(fit), *_weights(fit), *_pooling(fit), _sample(fit)]
    sentences += [_fixed(fit), _random(fit), _alike(fit), *_overdispersion_allowed(fit)]
    several = isinstance(fit, PooledFit)
    if fit.singular:
        sentences.append(SINGULAR_SEVERAL if several else SINGULAR)
    if not fit.converged:
        search = "The search of a fit" if several else "The search"
        sentences.append(f"{search} did not converge; these numbers are not to be reported.")
    return " ".join(sentences)


def _model(fit: Fit) -> str:
    design = fit.design
    effects = [_titled(design, name) for name in design.fixed_names if name != "Intercept"]
    fixed = f"fixed effects of {listing(effects)}" if effects else "no predictors"
    if not design.fixed_names:
        fixed = "no fixed effects"
    random = []
    for grouping in design.groupings:
        for block in grouping.blocks:
            names = [grouping.effects[j] for j in block]
            slopes = [name for name in names if name != "Intercept"]
            parts = ["intercepts"] if "Intercept" in names else []
            parts += [f"slopes of {listing(slopes)}"] if slopes else []
            together = "correlated " if len(names) > 1 else ""
            random.append(f"{together}random {listing(parts)} by {grouping.name}")
    response = _titled(design, response_of(fit))
    what, method = f"linear mixed model of {response}", METHODS.get(fit.method, "")
    if isinstance(fit, MixedGLMFit):
        counted = f" = {design.counted[0]!r}" if design.counted else ""
        law = fit.family.name.replace("poisson", "Poisson")
        what = f"{law} mixed model ({fit.family.link} link) of {response}{counted}"
        method = f"maximum likelihood ({fit.method})"
    return (
        f"A {what} with {fixed} and {listing(random)} was fitted by {method}, with the Python package "
        f"mixed-effects-course {__version__}."
    )


def _pooling(fit: Fit) -> list[str]:
    if not isinstance(fit, PooledFit):
        return []
    missing = fit.fixed_effects["fmi"]
    said = (
        f"; the fraction of missing information was at most {missing.max():.2f}"
        if len(missing)
        else ""
    )
    return [
        f"It was fitted to each of {fit.in_words}, and the fits were pooled by Rubin's rules{said}."
    ]


def _offset(fit: Fit) -> list[str]:
    offset = fit.design.formula.offset
    return (
        [f"The offset {offset} was added to the fixed part, with no coefficient."] if offset else []
    )


def _weights(fit: Fit) -> list[str]:
    design, survey = fit.design, _survey(fit)
    if survey is not None:
        return [
            f"Sampling weights were {survey.model.weights.in_words}.",
            f"Standard errors are those of {survey.in_words}.",
        ]
    if design.weights is None or design.weights_name is None:
        return []
    if design.kind == YES_OR_NO:
        return [f"Each row stood for several trials ({weights_range(design.weights)})."]
    return [
        f"Rows had prior weights ({_titled(design, design.weights_name)}, {weights_range(design.weights)}): "
        "the residual variance of a row is that of a row of weight 1, over its weight."
    ]


def _survey(fit: Fit) -> SurveyFit | None:
    """The fit with sampling weights, or the first of those that are pooled."""
    first = first_of(fit)
    return first if isinstance(first, SurveyFit) else None


def _titled(design: Design, name: str) -> str:
    """``Age in years (age)``, where the file of the data gives the column of an effect a title."""
    title = design.titles.get(name.partition("[")[0])
    return f"{title} ({name})" if title and ":" not in name else name


def _sample(fit: Fit) -> str:
    groups = [f"{n:,} levels of {_titled(fit.design, name)}" for name, n in fit.n_groups.items()]
    left_out = fit.design.rows_given - fit.nobs
    gone = f" ({left_out:,} incomplete rows left out)" if left_out else ""
    return f"The data were {fit.nobs:,} rows{gone} in {listing(groups)}."


def _fixed(fit: Fit) -> str:
    if not fit.design.fixed_names:
        return f"The mean of {response_of(fit)} was taken to be 0."
    if isinstance(fit, MixedGLMFit):
        return " ".join([*_ratios(fit), *columns_left_out(fit.design)])
    said = []
    for row in fit.fixed_effects.loc[list(fit.design.fixed_names)].itertuples():
        said.append(
            f"{row.Index} {rounded_like(row.estimate, row.std_error)}, 95% CI "
            f"[{rounded_like(row.lower, row.std_error)}, {rounded_like(row.upper, row.std_error)}], "
            f"t({row.df:.1f}) = {row.t:.2f}, {p_equation(row.p_value)}"
        )
    of_whom = "clusters less strata as" if isinstance(fit, SurveyFit) else "Satterthwaite"
    if isinstance(fit, PooledFit):
        of_whom = "Barnard-Rubin"
    estimated = f"Fixed effects ({of_whom} degrees of freedom): {'; '.join(said)}."
    return " ".join([estimated, *columns_left_out(fit.design)])


def _ratios(fit: MixedGLMFit) -> list[str]:
    """The fixed effects of a generalised fit, and of which rows they speak."""
    link, names = fit.family.link, list(fit.design.fixed_names)
    ratio = RATIOS.get(link, "").lower()
    said = []
    for row in fit.fixed_effects.loc[names].itertuples():
        values = (row.estimate, row.lower, row.upper)
        if ratio and row.Index != "Intercept":
            shown = [f"{value:.3g}" for value in exponentials(np.array(values))]
            what = f"{row.Index} {ratio}"
        else:
            shown = [rounded_like(value, row.std_error) for value in values]
            what = f"{row.Index} ({link} scale)"
        said.append(
            f"{what} {shown[0]}, 95% CI [{shown[1]}, {shown[2]}], z = {row.z:.2f}, "
            f"{p_equation(row.p_value)}"
        )
    found = [f"Fixed effects (Wald's tests): {'; '.join(said)}."]
    if names == ["Intercept"]:
        return found
    same = f"compare rows of the same {' and '.join(fit.n_groups)}"
    if link == "log":
        return [*found, f"They {same}: they are conditional on the random effects."]
    effects = f"{ratio.capitalize()}s" if ratio else "Effects"
    return [
        *found,
        f"{effects} {same} (they are conditional on the random effects); averaged over the population, "
        f"effects are nearer to {'1' if ratio else '0'}.",
    ]


def _overdispersion_allowed(fit: Fit) -> list[str]:
    names = [g.name for g, own in zip(fit.design.groupings, row_effects(fit), strict=True) if own]
    if not names:
        return []
    return [f"The effect of each {listing(names)} is one of each row, for overdispersion."]


def _random(fit: Fit) -> str:
    table = fit.variance_components
    unknown = unknown_parameters(fit.design, fit.method == "REML")
    said = []
    for row in table[table["group"] != "Residual"].itertuples():
        alone = pd.isna(row.effect2)
        effects = (row.effect,) if alone else (row.effect, row.effect2)
        if Parameter("sd" if alone else "cor", row.group, effects) in unknown:
            by = f"{row.effect} by {row.group}"
            what = by if alone else f"correlation of {row.effect} and {row.effect2}"
            said.append(f"{what} not known for itself")
        elif alone:
            said.append(f"{row.effect} by {row.group} {number(row.sdcor)}")
        elif pd.isna(row.sdcor):
            said.append(f"correlation of {row.effect} and {row.effect2} not defined")
        else:
            said.append(f"correlation of {row.effect} and {row.effect2} {row.sdcor:.2f}")
    where = ""
    if isinstance(fit, MixedGLMFit):
        where = f" ({fit.family.link} scale)"
    else:
        said.append(f"residual {number(np.sqrt(fit.scale))}")
    return f"Standard deviations{where}: {', '.join(said)}."


def _alike(fit: Fit) -> str:
    said = []
    for row in [] if row_effects(fit).all() else icc(fit).itertuples():
        ends = ""
        if np.isfinite(row.icc_lower):
            ends = f", 95% CI [{row.icc_lower:.2f}, {row.icc_upper:.2f}]"
        said.append(f"{row.icc:.2f} for the same {row.Index.replace(' & ', ' and ')}{ends}")
    slopes = any(set(g.effects) != {"Intercept"} for g in fit.design.groupings)
    over = "the rows" if _survey(fit) is None else "the population"
    mean = f" (variances averaged over {over})" if slopes else ""
    where = f" on the scale of the {fit.family.link}" if isinstance(fit, MixedGLMFit) else ""
    alike = f"The expected correlation of two rows{where}{mean}, the ICC, was {'; '.join(said)}. "
    shares = r2(fit)
    return (
        f"{alike if said else ''}Of the variance{where} {shares['marginal']:.1%} was that of the fixed part "
        f"(marginal R squared), and {shares['conditional']:.1%} that of fixed and random parts together "
        "(conditional R squared)."
    )
