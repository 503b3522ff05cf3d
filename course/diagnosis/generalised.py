"""Findings about yes or no and about counts: separation, overdispersion, groups with one answer only."""

from __future__ import annotations

import time

import numpy as np
from scipy import optimize, stats

from course.common.wording import count, listing
from course.design.responses import COUNT
from course.diagnosis.finding import Finding
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.latent import row_effects

SEPARATES = "A predictor separates the answers"
MOST_ROWS = 20_000  # of different rows, in the search for a separation
SURE = 0.001  # p-value below which a Pearson statistic is not chance
OVERDISPERSED = 1.2  # Pearson's statistic over its degrees of freedom
ONE_ANSWER = 0.2  # share of the groups
SMALL_GROUPS = 20  # rows on average, of groups for which Laplace's approximation is looked at
ROUGH = 0.03  # relative change of the SD by quadrature
NODES = 9


def generalised_findings(
    fit: MixedGLMFit, seconds: float, looked: list[str], left_out: list[str]
) -> list[Finding]:
    """What stands out beside what every mixed model may have."""
    findings = [*_separation(fit, looked, left_out), *_one_answer(fit)]
    looked.append("groups with one answer only")
    return [
        *findings,
        *_overdispersion(fit, looked, left_out),
        *_laplace(fit, seconds, looked, left_out),
    ]


# -- separation ---------------------------------------------------------------------------------


def _separation(fit: MixedGLMFit, looked: list[str], left_out: list[str]) -> list[Finding]:
    rows = _signs(fit)
    if len(rows) > MOST_ROWS:
        left_out.append(f"separation ({len(rows):,} different rows are many for its search)")
        return []
    looked.append("separation")
    direction = separating(rows)
    if direction is None:
        return []
    names = [
        name
        for name, weight in zip(fit.design.fixed_names, direction, strict=True)
        if weight != 0 and name != "Intercept"
    ]
    told = ", ".join(
        f"{name} {fit.fe_params[name]:.3g} (standard error {fit.bse_fe[name]:.2g})"
        for name in names
    )
    what = "all counts are 0" if fit.design.kind == COUNT else "all answers are the same"
    return [
        Finding(
            SEPARATES,
            f"For some values of {listing(names)} {what}. The estimates are {told or 'at the edge'}.",
            "The likelihood rises for ever as such an effect grows, so that it has no estimate: what "
            "stands there is where the search gave up, and its standard error means nothing.",
            "Count the answers by this predictor. Join labels, or leave the predictor out; "
            "a Bayesian model with a prior (translate(...).code) keeps the effect finite.",
            "That the effect cannot be estimated, with the counts behind it.",
            "problem",
        )
    ]


def _signs(fit: MixedGLMFit) -> np.ndarray:
    """Rows x with x'g >= 0 for every direction g along which no row becomes less likely, (m, p)."""
    X, y = fit.design.X, fit.design.y
    if fit.design.kind == COUNT:
        less, more = np.ones(len(y), dtype=bool), y > 0
    else:
        less, more = y < 1, y > 0
    return np.unique(np.vstack([-X[less], X[more]]), axis=0)


def separating(rows: np.ndarray) -> np.ndarray | None:
    """A direction g with x'g >= 0 for all rows x and > 0 for some; None where there is none.

    Albert and Anderson 1984, doi 10.1093/biomet/71.1.1; found by linear programming (Konis 2007).

    Examples
    --------
    >>> separating(np.array([[1.0, 0.0], [1.0, 2.0], [-1.0, 1.0]])) is None
    False
    >>> separating(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])) is None
    True
    """
    scale = np.abs(rows).max(axis=0, initial=0)
    scale = np.where(scale > 0, scale, 1)
    rows = rows / scale
    found = optimize.linprog(
        -rows.sum(axis=0), A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=(-1, 1), method="highs"
    )
    if found.x is None or (rows @ found.x).max(initial=0) < 1e-6:
        return None
    return np.where(np.abs(found.x) < 1e-6, 0.0, found.x) / scale


# -- groups -------------------------------------------------------------------------------------


def _one_answer(fit: MixedGLMFit) -> list[Finding]:
    findings, y = [], fit.design.y
    counts = fit.design.kind == COUNT
    for grouping, single in zip(fit.design.groupings, row_effects(fit), strict=True):
        if single:
            continue
        highest = np.zeros(grouping.n_levels)
        np.maximum.at(highest, grouping.codes, y)
        lowest = np.full(grouping.n_levels, np.inf)
        np.minimum.at(lowest, grouping.codes, y)
        no, yes = int((highest == 0).sum()), 0 if counts else int((lowest == 1).sum())
        if no + yes <= ONE_ANSWER * grouping.n_levels:
            continue
        rows = fit.nobs / grouping.n_levels
        what = f"{no:,} have only zeros" if counts else _all_alike(fit, no, yes)
        findings.append(
            Finding(
                f"Many levels of {grouping.name} have one answer only",
                f"Of {count(grouping.n_levels, 'level')} of {grouping.name}, with {rows:.1f} rows on "
                f"average, {what}.",
                "Such a level says that its effect is high or low, and not how much: its predicted effect "
                "is a matter of the assumed normal distribution, and the variance between levels rests on "
                "the others.",
                f"Do not rank these levels. If {grouping.name} has few rows a level by design, that is how "
                "it is; with nagq=9 the integral over their effects is better than Laplace's.",
                "How many levels have one answer only.",
                "note",
            )
        )
    return findings


def _all_alike(fit: MixedGLMFit, no: int, yes: int) -> str:
    """``the answer is always 'no' in 34, and always 'yes' in 2``."""
    one, other = map(repr, fit.design.counted or (1, 0))
    parts = [
        f"always {label} in {levels:,}" for label, levels in ((other, no), (one, yes)) if levels
    ]
    return f"the answer is {' and '.join(parts)}"


# -- spread -------------------------------------------------------------------------------------


def _overdispersion(fit: MixedGLMFit, looked: list[str], left_out: list[str]) -> list[Finding]:
    if fit.design.kind != COUNT and (fit.trials == 1).all():
        left_out.append("overdispersion (one answer of each row tells nothing of it)")
        return []
    if row_effects(fit).any():
        left_out.append("overdispersion (an effect of each row allows for it)")
        return []
    looked.append("overdispersion")
    statistic, df = float((fit.resid("pearson") ** 2).sum()), fit.df_resid
    ratio = statistic / df
    if ratio < OVERDISPERSED or stats.chi2.sf(statistic, df) > SURE:
        return []
    law = "Poisson's" if fit.design.kind == COUNT else "the binomial"
    return [
        Finding(
            "The responses vary more than their law has it",
            f"Pearson's statistic is {statistic:,.0f} on {df:,} degrees of freedom: the variance is about "
            f"{ratio:.2f} times that of {law} distribution.",
            "Rows differ by more than predictors, groups and chance make them. Standard errors are then too "
            f"small, by a factor of about {np.sqrt(ratio):.2f}, for what differs between rows of a group.",
            'Add an effect of each row: data["row"] = range(len(data)), and (1|row) in the formula '
            "(Harrison 2014, doi 10.7717/peerj.616).",
            f"The ratio {ratio:.2f}, and that an effect of each observation was added.",
            "problem" if ratio > 2 else "caution",
        )
    ]


# -- the integral -------------------------------------------------------------------------------


def _laplace(
    fit: MixedGLMFit, seconds: float, looked: list[str], left_out: list[str]
) -> list[Finding]:
    smallest = min(fit.nobs / grouping.n_levels for grouping in fit.design.groupings)
    if fit.nagq > 1 or smallest >= SMALL_GROUPS:
        return []
    if len(fit.estimates.factors) > 1 or fit.estimates.factors[0].size > 1:
        left_out.append("Laplace's approximation (quadrature is for one effect of one grouping)")
        return []
    start = time.perf_counter()
    fit.model.problem.evaluate(fit.estimates.optimum.at.beta, fit.estimates.theta_standard)
    expected = NODES * (time.perf_counter() - start) * fit.estimates.evaluations
    if expected > seconds:
        left_out.append(f"Laplace's approximation (about {expected:,.0f} s; fit(nagq={NODES}))")
        return []
    looked.append("Laplace's approximation")
    try:
        better = fit.model.fit(nagq=NODES)
    except CourseError:
        return []
    before, after = (one.variance_components["sdcor"].iloc[0] for one in (fit, better))
    if abs(before - after) < ROUGH * after:
        return []
    (name,) = fit.n_groups
    return [
        Finding(
            "Laplace's approximation is rough here",
            f"With {smallest:.1f} rows in a level of {name}, the SD between levels is {before:.3g} by "
            f"Laplace's approximation and {after:.3g} with {NODES} nodes of quadrature.",
            "The approximation takes what is known of each level's effect to be normal, and few yes or no "
            "leave it skewed. The variance comes out too small, and effects of predictors with it.",
            f"Fit with fit(nagq={NODES}).",
            f"The number of quadrature nodes ({NODES}).",
            "caution",
        )
    ]
