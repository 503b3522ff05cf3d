"""`compare`: likelihood-ratio tests of nested models, right where variances are at 0 too."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import stats

from course.common.arguments import usable_seed, whole
from course.common.parallel import run_in_chunks
from course.design.responses import NUMBER
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit
from course.fit.require import require_fit_or_pooled
from course.inference.bootstrap import Simulator, refitter_of, simulator_of
from course.inference.generalised_refits import GeneralisedRefitter, GeneralisedSimulator
from course.inference.nesting import Step, check_rows, step
from course.inference.pooled_comparison import compare_pooled
from course.solver.refits import Refitter

# Two optima are known to about this much, so that a chi2 below it counts as 0.
ROUNDING = 1e-6
# Responses that are fitted together: their rows fill some MB.
ROWS_TOGETHER, MOST_TOGETHER = 500_000, 25
# With fewer levels of the grouping factor than this, a p-value that holds for many levels is doubted.
FEW_FOR_CHI2 = 20


def compare(
    *fits: MixedFit | MixedGLMFit | PooledFit,
    bootstrap: int = 0,
    seed: int | None = None,
    executor: Executor | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    r"""Nested models side by side, each tested against the one before it.

    The statistic is chi2 = 2 (llf of the larger - llf of the smaller). A variance is 0 under the null
    hypothesis, which is at the edge of what is possible, so that chi2 does not follow the
    chi-square distribution with as many degrees of freedom as there are parameters: that p-value
    (``p_naive``) is too large. Right are, for large numbers of groups (Self and Liang 1987, doi
    10.1080/01621459.1987.10478472; Stram and Lee 1994, doi 10.2307/2533455),

    - one new variance: half chi2(0), which is always 0, and half chi2(1);
    - a new random effect beside q that it is correlated with: half chi2(q) and half chi2(q + 1);
    - m new variances in different terms: chi2(0) to chi2(m) with binomial weights, as if the estimates
      of the variances were unrelated: an approximation, conservative where the groups are nested;
    - f new fixed effects or covariances beside these: f more degrees of freedom in each part.

    Several new effects that are correlated with each other have no such formula: the p-value is then
    the naive one, which is an upper bound, and the parametric bootstrap gives a better one.

    Parameters
    ----------
    *fits : MixedFit, MixedGLMFit or PooledFit
        Two or more fits of nested models on the same rows, in any order; all of them pooled, or none; all
        linear, or all of one family and link.
    bootstrap : int
        Number of responses drawn from the smaller model, to which both models are fitted: the
        p-value is then (1 + number of chi2 as large as the one observed) / (1 + replicates)
        (Davison and Hinkley 1997, doi 10.1017/CBO9780511802843, section 4.2). 0: none.
    seed : int, optional
        Of the bootstrap. Where left out one is drawn and told in the notes.
    executor : concurrent.futures.Executor, optional
        Where the bootstrap runs, as in `course.bootstrap`. The p-value is the same anywhere.
    progress : bool
        Show a progress bar on stderr while the bootstrap runs.

    Returns
    -------
    DataFrame
        One row per model by its formula, fewest parameters first: n_params, llf, AIC, BIC; chi2, df
        (new parameters), p_naive, p_value against the row before; reference (the distribution that
        gave p_value) and likelihood ("REML", "ML", or "ML, refitted"). REML likelihoods are used
        where all fixed parts are the same and every fit is by REML; otherwise all are fitted by ML. Those
        of generalised fits are "Laplace".
        What is to be known beside this is in ``table.attrs["notes"]``, a list of sentences. Pooled fits
        have in place of llf to p_naive the statistic D3 of Meng and Rubin (1992, doi
        10.1093/biomet/79.1.103): F, df, den_df, riv (relative increase in variance).

    Raises
    ------
    CourseError
        For fits on different rows or responses, and models that are not nested; for a pooled fit beside
        single ones.

    See Also
    --------
    anova, wald : Tests of fixed effects from one fit.
    side_by_side : The coefficients of several fits.
    bootstrap : The replicates behind ``bootstrap=``.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> pupils = load("pupils")
    >>> small = mixedlm("test_score ~ age + (1|classroom)", pupils).fit()
    >>> large = mixedlm("test_score ~ age + (1|classroom) + (1|school)", pupils).fit()
    >>> table = compare(small, large)
    >>> table["reference"].iloc[1], table["likelihood"].iloc[1]
    ('0.5 chi2(0) + 0.5 chi2(1)', 'REML')

    In R: ``anova(small, large, refit = FALSE)``, whose p-value is ``p_naive``.
    """
    for fit in fits:
        require_fit_or_pooled(fit, "compare(small, large)")
    if len(fits) < 2:
        raise CourseError("compare takes two fits or more, as in compare(small, large)")
    replicates = whole("bootstrap", bootstrap, low=0)
    pooled = [fit for fit in fits if isinstance(fit, PooledFit)]
    if len(pooled) == len(fits) and not replicates:
        return compare_pooled(pooled)
    if pooled:
        raise CourseError(
            "pooled fits have no bootstrap: leave bootstrap= out"
            if len(pooled) == len(fits)
            else "a pooled fit can be compared with pooled ones only: fit the other model to the same "
            "plausible values or data sets"
        )
    return _compare(
        [fit for fit in fits if not isinstance(fit, PooledFit)],
        replicates,
        seed,
        executor,
        progress,
    )


def _compare(
    fits: Sequence[MixedFit | MixedGLMFit],
    replicates: int,
    seed: int | None,
    executor: Executor | None,
    progress: bool,
) -> pd.DataFrame:
    """The table of single fits."""
    seed = usable_seed(seed)
    for fit in fits[1:]:
        check_rows(fits[0].design, fit.design)
    _check_laws(fits)
    ordered = sorted(fits, key=lambda fit: fit.n_params)
    steps = [step(small.design, large.design) for small, large in pairwise(ordered)]
    likelihoods, used, notes = _comparable(ordered)
    notes += [
        f"{fit.formula} did not converge: do not trust its row."
        for fit in used
        if not fit.converged
    ]

    notes += [
        f"{free} of the {fit.n_params} parameters of {fit.formula} cannot be told apart from others "
        "(fit.notes says which). They are counted, as in lme4, so that a p-value of its is too large."
        for fit in used
        if (free := sum(len(s.pivots) for s in fit.design.shared(fit.estimates.reml)))
    ]

    rows = [dict.fromkeys(["chi2", "df", "p_naive", "p_value"], np.nan) | {"reference": ""}]
    for new, (small, large) in zip(steps, pairwise(used), strict=True):
        chi2 = _chi2(small, large)
        p_value, reference = mixture_p_value(chi2, new)
        if replicates:
            run = (replicates, seed, executor, progress)
            p_value, reference = _bootstrap_p_value(chi2, small, large, *run)
            notes.append(f"Bootstrap with seed {seed}: {reference}.")
        else:
            notes += _doubts(new, small)
        p_naive = stats.chi2.sf(chi2, new.df)
        rows.append(
            {"chi2": chi2, "df": new.df, "p_naive": p_naive, "p_value": p_value}
            | {"reference": reference}
        )
    table = pd.DataFrame(
        {
            "n_params": [fit.n_params for fit in used],
            "llf": [fit.llf for fit in used],
            "AIC": [fit.aic for fit in used],
            "BIC": [fit.bic for fit in used],
        }
    ).join(pd.DataFrame(rows).astype({"df": "Int64"}))
    table["likelihood"] = likelihoods
    table.index = pd.Index([fit.formula for fit in used], name="model")
    table.attrs["notes"] = list(dict.fromkeys(notes))
    return table


def mixture_p_value(chi2: float, new: Step) -> tuple[float, str]:
    """The p-value of a likelihood-ratio statistic, and the distribution that gave it.

    Examples
    --------
    One variance, where half of 3.84's 5 % is left:

    >>> new = Step(free=0, variances=1, several=(), groups={"g": 50}, df=1)
    >>> p, reference = mixture_p_value(3.841459, new)
    >>> round(p, 6), reference
    (0.025, '0.5 chi2(0) + 0.5 chi2(1)')
    """
    if new.several:
        return float(stats.chi2.sf(chi2, new.df)), f"chi2({new.df}), an upper bound"
    dfs = np.arange(new.free, new.free + new.variances + 1)
    weights = stats.binom.pmf(np.arange(new.variances + 1), new.variances, 0.5)
    # chi2(0) is always 0
    tails = [stats.chi2.sf(chi2, df) if df else float(chi2 <= 0) for df in dfs]
    parts = [f"{weight:.3g} chi2({df})" for weight, df in zip(weights, dfs, strict=True)]
    reference = " + ".join(parts) if new.variances else f"chi2({new.free})"
    return float(weights @ tails), reference


def _comparable(fits: list) -> tuple[list[str], list, list[str]]:
    """Fits whose likelihoods can be compared, what these are, and why."""
    same_fixed = all(np.array_equal(fits[0].design.X, fit.design.X) for fit in fits)
    methods = {fit.method for fit in fits}
    if len(methods) == 1 and (same_fixed or methods != {"REML"}):
        return [fit.method for fit in fits], fits, []
    why = (
        "Some were fitted by REML and some by ML"
        if same_fixed
        else "The fixed parts differ, and REML likelihoods of different fixed parts cannot be compared"
    )
    labels = ["ML, refitted" if fit.method == "REML" else "ML" for fit in fits]
    refitted = [fit.model.fit(reml=False) if fit.method == "REML" else fit for fit in fits]
    return labels, refitted, [f"{why}: every model was refitted by ML."]


def _check_laws(fits: Sequence) -> None:
    """Refuse fits whose likelihoods are of different laws, or approximated in different ways."""
    laws = [
        "normal" if fit.design.kind == NUMBER else f"{fit.family.name}, {fit.family.link}"
        for fit in fits
    ]
    if len(set(laws)) > 1:
        told = "; ".join(f"{fit.formula} is {law}" for fit, law in zip(fits, laws, strict=True))
        raise CourseError(
            f"models of different families or links cannot be compared ({told}), since none is a special "
            "case of another: compare models of one family and link"
        )
    methods = {fit.method for fit in fits} - {"ML", "REML"}
    if len(methods) > 1:
        raise CourseError(
            f"these likelihoods are approximated in different ways ({', '.join(sorted(methods))}), and the "
            "difference of two would be that of the approximations: fit all with the same nagq="
        )


def _chi2(small: MixedFit | MixedGLMFit, large: MixedFit | MixedGLMFit) -> float:
    chi2 = 2 * (large.llf - small.llf)
    if chi2 < -1e-3:
        raise CourseError(
            f"the log-likelihood of {large.formula} is {-chi2 / 2:.3g} below that of {small.formula}, a "
            "special case of it: the larger fit has not reached its optimum"
        )
    return chi2 if chi2 > ROUNDING else 0.0


def _doubts(new: Step, small: MixedFit | MixedGLMFit) -> list[str]:
    """Why the p-value of a mixture may be off."""
    few = [f"{n} levels of {name}" for name, n in new.groups.items() if n < FEW_FOR_CHI2]
    notes = []
    if new.several:
        notes.append(
            f"{', '.join(new.several)} brings several correlated effects at once: the p-value is an upper "
            "bound. bootstrap=1000 gives a better one."
        )
    elif new.variances > 1:
        notes.append(
            f"{new.variances} variances are tested at once: the weights of the mixture are an "
            "approximation, and with nested groups the p-value is somewhat too large. bootstrap=1000 does "
            "without."
        )
    if new.variances and few:
        notes.append(
            f"Only {' and '.join(few)}: the mixture holds for many levels, and with few the p-value is "
            "somewhat too large. bootstrap=1000 gives a better p-value."
        )
    if new.fixed and min(small.n_groups.values()) < FEW_FOR_CHI2:
        fewest = min(small.n_groups, key=small.n_groups.__getitem__)
        notes.append(
            f"Only {small.n_groups[fewest]} levels of {fewest}: for fixed effects that vary between them the "
            "p-value is too small. The t and F tests of the larger fit allow for that "
            "(fit.fixed_effects), and so does bootstrap=1000."
        )
    if new.groups and small.singular:
        notes.append(
            f"{small.formula} is singular itself, which the p-value does not allow for. bootstrap=1000 "
            "does."
        )
    return notes


# -- the bootstrap ----------------------------------------------------------------------------


def _bootstrap_p_value(
    chi2: float,
    small: MixedFit | MixedGLMFit,
    large: MixedFit | MixedGLMFit,
    replicates: int,
    seed: int,
    executor: Executor | None,
    progress: bool,
) -> tuple[float, str]:
    drawn = simulate_chi2(small, large, replicates, seed, executor, progress)
    good = drawn[np.isfinite(drawn)]
    failed = len(drawn) - len(good)
    if not len(good):
        raise CourseError("no replicate of the bootstrap could be fitted")
    p_value = (1 + np.sum(good >= chi2 - ROUNDING)) / (1 + len(good))
    left_out = f", {failed:,} failed and left out" if failed else ""
    return float(p_value), f"bootstrap, {replicates:,} replicates{left_out}"


def simulate_chi2(
    small: MixedFit | MixedGLMFit,
    large: MixedFit | MixedGLMFit,
    n: int,
    seed: int,
    executor: Executor | None = None,
    progress: bool = True,
) -> np.ndarray:
    """The likelihood-ratio statistic of n responses drawn from ``small``, (n,).

    NaN where a fit broke off or did not converge.
    """
    refitters = [refitter_of(fit) for fit in (small, large)]
    together = int(np.clip(ROWS_TOGETHER // small.nobs, 1, MOST_TOGETHER))
    work = partial(_chi2_of, simulator_of(small), refitters, seed, together)
    ratios = run_in_chunks(work, n, executor, progress, "likelihood ratios", together=together)
    return np.array(ratios)


def _chi2_of(
    simulator: Simulator | GeneralisedSimulator,
    refitters: list[Refitter | GeneralisedRefitter],
    seed: int,
    together: int,
    replicates: range,
) -> list[float]:
    # the two models may have different finest groups, which a response must have rows for
    ratios: list[float] = []
    for first in range(replicates.start, replicates.stop, together):
        responses = [simulator.draw(seed, first + i) for i in range(together)]
        found = [refitter.fit_responses(responses) for refitter in refitters]
        for one, other in zip(*found, strict=True):
            good = one and other and one.converged and other.converged
            ratios.append(max(0.0, one.deviance - other.deviance) if good else np.nan)
    return ratios[: len(replicates)]
