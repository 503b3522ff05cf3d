"""What stands out in a fit: each finding with its reason, its remedy and its sentence for the report."""

from __future__ import annotations

import time

import numpy as np

from course.design.groups import FEW_LEVELS
from course.diagnosis.data_notes import TOLD_TOGETHER, data_findings
from course.diagnosis.finding import SEVERITIES, Diagnosis, Finding
from course.diagnosis.generalised import SEPARATES, generalised_findings
from course.diagnosis.influence import FEWEST, all_variances, influence
from course.diagnosis.missed import missed
from course.diagnosis.residuals import Shape, ratio_by_fitted, ratios_by_category, spreads_by_level
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.notes import unseen_by_reml
from course.fit.require import require_fit
from course.fit.second_solver import seconds as statsmodels_seconds
from course.interpretation.between_within import between_within
from course.solver.edges import (
    on_the_edge,
    relative_covariances,
    standardised_covariances,
    without_units,
)

Fit = MixedFit | MixedGLMFit
NEAR_SINGULAR_SD = 0.02  # of an effect, over the residual SD, predictors standardised
NEAR_SINGULAR_CORRELATION = 0.97
SKEWNESS, KURTOSIS = 1.0, 2.0  # beyond these a residual distribution counts as far from normal
SD_RATIO = 1.4  # twice the variance
SD_LOG_SPREAD = 0.15  # 95 % of the levels within a factor of 1.8
SURE = 3.0  # standard errors that a departure must be away from chance
COOK, MOVED, VARIANCE_CHANGE = 1.0, 1.0, 0.5
CONTEXTUAL_P, CONTEXTUAL_SIZE = 0.01, 0.05
TWIN_SECONDS = 0.5  # of matrix products; many small groups can take twenty times as long


def diagnose(
    fit: Fit, *, solvers: bool = True, seconds: float = 10.0, progress: bool = False
) -> Diagnosis:
    """Look at a fit from all sides and say what stands out.

    Convergence and a second solver; variances at or near 0; few groups; a response of few values, and
    codes such as 999; residuals that are not normal or not equally spread; a bend along a predictor; effects
    that lean on the size of the groups; groups that carry the result; slopes that differ within and between
    groups; units of the predictors and what the labels look like. Thresholds are sizes of
    effects; a p-value alone makes no finding.

    Parameters
    ----------
    fit : MixedFit or MixedGLMFit
        A fitted model, as ``mixedlm(...).fit()`` or ``mixedglm(...).fit()`` returns it. Of the latter, in
        place of residuals: separation, overdispersion, groups with one answer only, and whether
        Laplace's approximation will do.
    solvers : bool
        Let statsmodels fit the same model, where that takes a few seconds at most (of a linear fit).
    seconds : float
        How long leaving out groups one by one may take, about. Groupings that would take longer
        are named in ``left_out``; `course.influence` does them all the same.
    progress : bool
        Show a progress bar for these.

    Returns
    -------
    Diagnosis
        Prints as text; loop over it for the findings one by one.

    Raises
    ------
    CourseError
        Where `fit` is not what ``mixedlm(...).fit()`` returns.

    See Also
    --------
    influence : What leaving out one level changes, for one group.
    between_within : Slopes within and between groups.
    course.plots.residuals, course.plots.qq : The residuals as pictures.

    Examples
    --------
    >>> from course import diagnose, load, mixedlm
    >>> fit = mixedlm("test_score ~ age + sex + (age|school)", load("pupils")).fit()
    >>> for finding in diagnose(fit):
    ...     print(finding.severity, finding.title)
    note The zero of a predictor lies outside the data

    In R: ``performance::check_model(fit)``.
    """
    require_fit(fit)
    findings = [*_unseen_by_reml(fit), *_singular(fit), *_few_levels(fit)]
    looked = ["convergence", "singular variances", "number of groups"]
    left_out: list[str] = []
    if isinstance(fit, MixedGLMFit):
        findings += generalised_findings(fit, seconds, looked, left_out)
    else:
        findings += _of_residuals(fit, solvers, looked, left_out)
    # where a predictor separates, that is why a search does not end
    if SEPARATES not in [finding.title for finding in findings]:
        findings += _convergence(fit)
    findings += _contextual(fit)
    looked.append("slopes within and between groups")
    findings += _influence(fit, seconds, progress, looked, left_out)
    findings += data_findings(fit.design)
    looked += ["units and labels"]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return Diagnosis(fit.formula, tuple(findings), tuple(looked), tuple(left_out))


def _of_residuals(
    fit: MixedFit, solvers: bool, looked: list[str], left_out: list[str]
) -> list[Finding]:
    """What a second solver and the residuals of a linear fit say."""
    findings = []
    if solvers:
        findings += _second_solver(fit, looked, left_out)
    else:
        left_out.append("a second solver (solvers=False)")
    looked.append("shape and spread of residuals")
    return [*findings, *_normality(fit), *_spread(fit), *missed(fit, looked, left_out)]


# -- the optimum --------------------------------------------------------------------------------


def _convergence(fit: Fit) -> list[Finding]:
    if fit.converged:
        return []
    return [
        Finding(
            "The search did not end on a checked optimum",
            f"The largest entry of the gradient is {fit.estimates.gradient:.2g}.",
            "The estimates are then not those that the data and the model imply.",
            "Look at the units of the predictors; leave out the random effect with the least variance.",
            "Nothing from this fit.",
            "problem",
        )
    ]


def _unseen_by_reml(fit: Fit) -> list[Finding]:
    return [
        Finding(
            TOLD_TOGETHER,
            seen,
            "The SD shown is where the search ended, and standard errors of fixed effects rest on it.",
            "Keep these groups in one of the two parts.",
            "Nothing from this fit.",
            "problem",
        )
        for seen in (unseen_by_reml(fit.design) if fit.estimates.reml else [])
    ]


def _second_solver(fit: MixedFit, looked: list[str], left_out: list[str]) -> list[Finding]:
    if statsmodels_seconds(fit.design, fit.estimates) > TWIN_SECONDS:
        left_out.append("a second solver (it would take statsmodels long; fit.check() starts it)")
        return []
    try:
        check = fit.check()
    except (CourseError, np.linalg.LinAlgError, ValueError) as error:
        left_out.append(f"a second solver (statsmodels gave up: {error})")
        return []
    looked.append("a second solver")
    if check.agree:
        return []
    ours, theirs, difference = check.table.loc["log-likelihood"]
    worst = check.table["difference"].abs().drop("log-likelihood").idxmax()
    better = (
        "statsmodels' is higher, so this" if difference > 1e-3 else "This one is not lower, so that"
    )
    return [
        Finding(
            "Two solvers disagree",
            f"Log-likelihood {ours:,.3f} here and {theirs:,.3f} in statsmodels; the largest "
            f"difference of an estimate is {check.table.difference[worst]:.3g} ({worst}).",
            f"{better} fit may have stopped short of the optimum; or the likelihood is so flat that "
            "different estimates do equally well.",
            "Print fit.check(). Simplify the random part until both agree.",
            "Which software the estimates are from, and that another one differed.",
            "problem" if difference > 1e-3 else "note",
        )
    ]


# -- variances ----------------------------------------------------------------------------------


def _singular(fit: Fit) -> list[Finding]:
    zero, near = [], []
    if isinstance(fit, MixedGLMFit):
        standardised, of_what = relative_covariances(fit.design, fit.estimates), "unit of the link"
    else:
        standardised = standardised_covariances(fit.model.problem, fit.estimates)
        of_what = "residual SD"
    for parameter, value in without_units(fit.design, standardised):
        effects = " and ".join(parameter.effects)
        if parameter.kind == "sd":
            what = f"the SD of {effects} by {parameter.group}"
            if on_the_edge(parameter, value):
                zero.append(f"{what} is 0")
            elif value < NEAR_SINGULAR_SD:
                near.append(f"{what} is {100 * value:.1f}% of the {of_what}")
        else:
            what = f"the correlation of {effects} by {parameter.group}"
            if on_the_edge(parameter, value):
                zero.append(f"{what} is {value:+.0f}")
            elif abs(value) > NEAR_SINGULAR_CORRELATION:
                near.append(f"{what} is {value:+.3f}")
    if not (fit.singular or near):
        return []
    if fit.singular:
        return [
            Finding(
                "The fit is singular",
                _sentence("; ".join([*zero, *near]) or "some combination of effects does not vary")
                + " (Predictors standardised.)",
                "The data show no more variation there than chance makes. That is an answer, but no "
                "proof that there is none; and an estimate on the boundary has no standard error.",
                "Compare with the model without that part (its fixed effects should hardly differ); "
                "keep it where the design of the study asks for it, and take a bootstrap interval.",
                "That the estimate is on the boundary, and whether the fixed effects depend on it.",
                "caution",
            )
        ]
    return [
        Finding(
            "The fit is nearly singular",
            _sentence("; ".join(near)) + " (Predictors standardised.)",
            "The data hardly support this part of the model; its intervals reach the boundary, where "
            "standard errors and ordinary likelihood-ratio tests mislead.",
            "Compare with the model without it; take profile or bootstrap intervals.",
            "The interval beside the estimate.",
            "note",
        )
    ]


def _few_levels(fit: Fit) -> list[Finding]:
    findings = []
    for grouping in fit.design.groupings:
        L = grouping.n_levels
        if L >= FEW_LEVELS:
            continue
        findings.append(
            Finding(
                f"Few levels of {grouping.name}",
                f"{grouping.name} has {L} levels. Even if their effects were observed without error, "
                f"their variance would have a relative standard error of {np.sqrt(2 / (L - 1)):.0%}.",
                "A variance between so few is hardly known, and with it the standard errors of "
                "predictors that vary between them.",
                f"Take {grouping.name} into the fixed part, or keep it for the design's sake and do "
                "not interpret its variance.",
                f"The number of levels ({L}), and the interval of the variance.",
                "caution",
            )
        )
    return findings


# -- residuals ----------------------------------------------------------------------------------


def _normality(fit: MixedFit) -> list[Finding]:
    shape = Shape.of(fit)
    skewed = abs(shape.skewness) > max(SKEWNESS, SURE * np.sqrt(6 / shape.n))
    heavy = abs(shape.kurtosis) > max(KURTOSIS, SURE * np.sqrt(24 / shape.n))
    if not (skewed or heavy):
        return []
    return [
        Finding(
            "Residuals are far from normal",
            f"Skewness {shape.skewness:.2f} and excess kurtosis {shape.kurtosis:.2f} (a normal "
            f"distribution has 0 and 0); {shape.beyond:.1%} of the residuals lie beyond 3 SD "
            "(normal: 0.3%).",
            "Fixed effects and their standard errors bear this well (Schielzeth et al. 2020, doi "
            "10.1111/2041-210X.13434). Intervals of variances, and predictions for single rows, do not.",
            "Look at a Q-Q plot and at the extreme rows. A floor or ceiling of the scale, or a "
            "response that can only be positive, may ask for a transformation or another family.",
            "Skewness and kurtosis, and whether the conclusion holds with a transformed response.",
            "caution",
        )
    ]


def _spread(fit: MixedFit) -> list[Finding]:
    seen = [
        f"by {r.where} the residual SD of {r.high!r} is {r.ratio:.2f} times that of {r.low!r}"
        for r in [ratio_by_fitted(fit), *ratios_by_category(fit)]
        if r.ratio > SD_RATIO and r.z > SURE
    ]
    seen += [
        f"by {s.group} the residual SDs of 95% of the levels lie between {s.low:.3g} and "
        f"{s.high:.3g}, chance taken out ({s.levels} levels)"
        for s in spreads_by_level(fit)
        if s.sd_log > SD_LOG_SPREAD and s.p_value < 0.001
    ]
    if not seen:
        return []
    return [
        Finding(
            "Residuals are not equally spread",
            _sentence("; ".join(seen)),
            "The model gives every row the same residual SD. Rows that scatter more then get too much "
            "weight, and their intervals are too short; the test of a factor whose levels scatter "
            "differently suffers most. A slope that should vary between groups looks like this, too.",
            "Plot residuals against fitted values and by group. Try a random slope for a predictor "
            "that spreads the rows, or the logarithm of a positive response; fixed_effects_table(fit, "
            "robust=...) has standard errors that do not need equal spread. Where rows are means of "
            "different numbers of pupils, give these numbers as weights=.",
            "Where the spread differs and by what factor.",
            "caution",
        )
    ]


# -- slopes within and between ------------------------------------------------------------------


def _contextual(fit: Fit) -> list[Finding]:
    findings = []
    for row in between_within(fit).itertuples():
        if not (row.p_value < CONTEXTUAL_P and abs(row.size) > CONTEXTUAL_SIZE):
            continue
        findings.append(
            Finding(
                f"The slope of {row.predictor} differs within and between levels of {row.group}",
                f"Within {row.within:.3g}, between {row.between:.3g}; difference "
                f"{row.difference:.3g}, 95% interval {row.lower:.3g} to {row.upper:.3g}. "
                f"One SD of the group means makes {abs(row.size):.2f} SD of the response.",
                f"The one coefficient of {row.predictor} mixes two questions: how rows of the same "
                f"{row.group} differ, and how levels of {row.group} differ. The latter may be due to "
                "anything else in which they differ.",
                f"Add the mean of {row.predictor} by {row.group} as a predictor: data.groupby("
                f"...)[...].transform('mean'). The coefficient of {row.predictor} is then the slope "
                "within. Means of small groups are themselves uncertain (Lüdtke et al. 2008, doi "
                "10.1037/a0012869).",
                "Both slopes, and which of them answers the question of the study.",
                "caution",
            )
        )
    return findings


# -- groups that carry the result ---------------------------------------------------------------


def _influence(
    fit: Fit, seconds: float, progress: bool, looked: list[str], left_out: list[str]
) -> list[Finding]:
    findings = []
    for grouping in sorted(fit.design.groupings, key=lambda g: g.n_levels):
        if grouping.n_levels < FEWEST:
            left_out.append(f"influence of single levels of {grouping.name} (two levels)")
            continue
        expected = grouping.n_levels * refit_seconds(fit)
        if expected > seconds:
            left_out.append(
                f"influence of single levels of {grouping.name} (about {expected:,.0f} s; "
                f"influence(fit, {grouping.name!r}) does it)"
            )
            continue
        start = time.perf_counter()
        findings += _influential(fit, grouping.name, progress)
        seconds -= time.perf_counter() - start
        looked.append(f"influence of each {grouping.name}")
    return findings


def refit_seconds(fit: Fit) -> float:
    """Roughly how long the model takes to be fitted again, from a few evaluations that are timed."""
    theta = fit.estimates.theta_standard
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        if isinstance(fit, MixedGLMFit):
            fit.model.problem.evaluate(fit.estimates.optimum.at.beta, theta)
        else:
            problem = fit.model.problem
            problem.gradient(problem.evaluate(theta), fit.estimates.reml)
        taken.append(time.perf_counter() - start)
    return min(taken) * fit.estimates.evaluations


def _influential(fit: Fit, group: str, progress: bool) -> list[Finding]:
    table = influence(fit, group, progress=progress)
    variances = all_variances(fit.design, fit.estimates)
    weighty = variances > 0.02 * variances.sum()  # a share that one would interpret
    names = [*fit.n_groups, "Residual"]
    changes = [f"change({n})" for n, keep in zip(names, weighty, strict=False) if keep]
    betas = [column for column in table if column.startswith("dfbeta(")]
    moved, changed = table[betas].abs().max(axis=1), table[changes].abs().max(axis=1)
    moved = moved.astype(float)  # without fixed effects all are missing
    lost = table["cook"].isna()
    out = lost | (table["cook"] > COOK) | (moved > MOVED) | (changed > VARIANCE_CHANGE)
    if not out.any():
        return []
    seen = []
    for level in table.index[out.to_numpy()][:5]:
        row = table.loc[level]
        label = ":".join(map(str, level)) if isinstance(level, tuple) else str(level)
        if np.isnan(row["cook"]):
            seen.append(f"without {label} not all fixed effects can be estimated")
            continue
        said = []
        if betas:
            effect = row[betas].abs().idxmax()
            said.append(
                f"{effect[7:-1]} changes by {-row[effect]:+.2f} standard errors (Cook's distance "
                f"{row['cook']:.2f})"
            )
        component = row[changes].abs().idxmax()
        if abs(row[component]) > VARIANCE_CHANGE:
            verb = "" if said else "changes "
            said.append(f"the variance of {component[7:-1]} {verb}by {row[component]:+.0%}")
        seen.append(f"without {label} ({row['rows']:.0f} rows) {' and '.join(said)}")
    more = f"; and {out.sum() - 5} more" if out.sum() > 5 else ""
    return [
        Finding(
            f"Single levels of {group} carry the result",
            _sentence("; ".join(seen) + more),
            f"A conclusion that hangs on one {group} is about that {group}. Looked for: a Cook's "
            "distance above 1, a coefficient moved by more than its standard error, a variance "
            "changed by more than half.",
            "Look at these rows first: labels, units, a test given differently. Do not leave them "
            "out for being unusual; a random slope often explains them.",
            "The result with and without them.",
            "caution",
        )
    ]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
