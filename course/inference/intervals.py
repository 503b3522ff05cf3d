"""Confidence intervals of every parameter: the method for each that holds, or all by one method.

Which method holds how often with 6 and with 40 groups has been measured: tests/long/coverages.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
import pandas as pd

from course.common.arguments import proportion
from course.common.nearest import nearest
from course.common.parameter import Parameter
from course.common.wording import alternatives, listing
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit
from course.fit.require import require_fit, require_fit_or_pooled
from course.inference.combinations import usable_df
from course.inference.fixed_effects import fixed_effects_table
from course.inference.parameters import choose
from course.inference.parameters import parameters as all_parameters
from course.inference.profile import profile
from course.inference.variance_scores import has_score_interval, score_interval
from course.inference.wald_intervals import wald_intervals
from course.solver.parameters import unknown_parameters

METHODS = ("auto", "profile", "bootstrap", "wald")
# With fewer levels of a grouping than this, intervals that hold for many levels are doubted.
FEW = 20
BY_DF = {
    "satterthwaite": "t (Satterthwaite)",
    "kenward-roger": "t (Kenward-Roger)",
    "normal": "z",
}


def confint(
    fit: MixedFit | MixedGLMFit | PooledFit,
    method: str = "auto",
    level: float = 0.95,
    parameters: str | Sequence[str] | None = None,
    df: str = "satterthwaite",
    n: int = 1000,
    seed: int | None = None,
    executor: Executor | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Confidence intervals of fixed effects, standard deviations, correlations and sigma.

    Parameters
    ----------
    fit : MixedFit, MixedGLMFit or PooledFit
        A fitted model, as ``mixedlm(...).fit()`` or ``mixedglm(...).fit()`` returns it; or several that are
        pooled. All parameters of a generalised fit are on the scale of its link, and it has no sigma.
    method : {"auto", "profile", "bootstrap", "wald"}
        ``"auto"`` takes for each parameter what holds best also where groups are few, and says in the column
        ``method`` what that was:

        - a fixed effect: its t-interval, ``t (Satterthwaite)`` (or as ``df`` says);
        - an SD of a grouping with fewer than 50 levels, in a fit by REML with at most 600 random effects:
          ``score``, the values whose score is not unusual (`course.inference.variance_scores`), a method that
          is exact for balanced groups with many rows; with six groups of ten rows, its 95 % intervals held
          the truth in 94.4 % of 1,000 samples;
        - other SDs, correlations and sigma: ``REML profile``, the values that the likelihood ratio test on
          the REML criterion does not reject;
        - after a fit by ML, and after a generalised one: ``profile``, as below; a generalised fit's fixed
          effects, too. Of pooled fits: ``wald``.

        ``"profile"`` inverts the likelihood ratio test on the ML fit for all parameters, as lme4's
        ``confint`` does (`course.profile`): not symmetric, and with an end at 0, -1 or 1 where the data allow
        it. Too narrow for what varies between few groups: with six, its 95 % intervals held the truth in 82
        to 88 % of samples.
        ``"bootstrap"`` takes percentiles of refits to simulated responses (`course.bootstrap`), and is too
        narrow for few groups, too.
        ``"wald"`` takes the curvature at the estimates: for fixed effects t-intervals (z-intervals after a
        generalised fit); for standard deviations on the log scale and for correlations on Fisher's z scale
        (Pinheiro and Bates 2000, doi 10.1007/b98882, section 2.4.2), as nlme's ``intervals`` does. Quick, and
        too wide for the SDs of few groups. Of pooled fits Rubin's rules are applied on these scales.
    level : float
        Confidence level.
    parameters : str or list of str, optional
        Names as in `course.inference.parameters.parameters`; all where left out.
    df : {"satterthwaite", "kenward-roger", "normal"}
        How degrees of freedom of the fixed effects are found, for ``"auto"`` and ``"wald"``;
        ``"kenward-roger"`` also adjusts their standard errors.
    n : int
        Replicates of the bootstrap.
    seed : int, optional
        Repeats them to the bit.
    executor : concurrent.futures.Executor, optional
        Where they are fitted, as in `course.bootstrap`.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    DataFrame
        By parameter: estimate (that of the fit), lower, upper, method; under ``"wald"`` and ``"bootstrap"``
        also std_error. What the data do not know for itself, such as each of two variances of which the
        likelihood knows the sum, has a profile interval of all values that fit, and NaN by other methods.
        ``attrs["notes"]`` holds what is to be said about them, such as that groups are few, or the number of
        replicates that failed.

    Raises
    ------
    CourseError
        For an unknown method or parameter, a level outside (0, 1), and Kenward and Roger's degrees of
        freedom after a fit by ML or a generalised one.

    See Also
    --------
    profile : What the profile intervals are read from.
    bootstrap : What the percentile intervals are read from.
    fixed_effects_table : Tests and intervals of the fixed effects alone.
    parameters : The names.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("test_score ~ age + sex + (1|school) + (1|province)", load("pupils")).fit()
    >>> confint(fit).round(2)
                              estimate  lower  upper             method
    Intercept                    24.18  20.45  27.91  t (Satterthwaite)
    sex[T.male]                  -2.25  -2.83  -1.66  t (Satterthwaite)
    age                           3.77   3.52   4.02  t (Satterthwaite)
    sd(Intercept | school)        3.59   2.90   4.53       REML profile
    sd(Intercept | province)      4.29   2.77   7.66              score
    sigma                         7.34   7.14   7.56       REML profile

    In R: ``confint(fit, method = "profile", oldNames = FALSE)`` is ``method="profile"`` here.
    """
    require_fit_or_pooled(fit)
    if method not in METHODS:
        raise CourseError(
            f"method={method!r}: write {alternatives([*map(repr, METHODS)])}{nearest(method, METHODS)}"
        )
    if method not in ("auto", "wald"):
        require_fit(fit, pooled="leave method= out, or write method='wald', which pools them")
    df, level = _usable_df(fit, df), proportion("level", level)
    chosen = choose(fit.design, parameters)
    names = [str(parameter) for parameter in chosen]
    unknown = unknown_parameters(fit.design, fit.method == "REML")
    by_likelihood = method == "profile" or (method == "auto" and not isinstance(fit, PooledFit))
    if isinstance(fit, PooledFit) or method == "wald":
        table, notes = wald_intervals(fit, chosen, level, df, unknown)
        table["method"] = "wald"
    elif method == "bootstrap":
        table, notes = _bootstrap(fit, chosen, level, n, seed, executor, progress)
        table["method"] = method
    elif method == "profile" or isinstance(fit, MixedGLMFit):
        table, notes = _profile(fit, names, level, progress)
        table["method"] = "profile"
    else:
        table, notes = _best(fit, chosen, level, df, unknown, progress)
    shared = [str(parameter) for parameter in chosen if parameter in unknown]
    if shared and not by_likelihood:
        table.loc[shared, table.columns != "method"] = np.nan
    if shared:
        own = "itself" if len(shared) == 1 else "themselves"
        notes.append(
            f"The data do not know {listing(shared)} for {own} (fit.notes says what is known): "
            + (
                "the interval holds all values that fit, and the estimate is one of many."
                if by_likelihood
                else "there is no interval of this kind. method='profile' gives all values that fit."
            )
        )
    table.insert(0, "estimate", all_parameters(fit)[names])
    table.attrs["notes"] = [*notes, *_few_groups(fit, method, chosen)]
    return table


def _usable_df(fit: MixedFit | MixedGLMFit | PooledFit, df: str) -> str:
    """How degrees of freedom are found; those that the fit cannot have are refused."""
    df = usable_df(fit, df)
    if df == "kenward-roger" and fit.method != "REML":
        raise CourseError(
            "Kenward-Roger is defined for REML estimates, and this fit is ML: fit with reml=True, or leave "
            "df= out"
        )
    return df


def _few_groups(
    fit: MixedFit | MixedGLMFit | PooledFit, method: str, chosen: list[Parameter]
) -> list[str]:
    """What is to be said of the intervals where groups are few."""
    notes = []
    better = " Leave method= out for a better one." if isinstance(fit, MixedFit) else ""
    for name, levels in fit.n_groups.items():
        of_group = any(one.kind == "sd" and one.group == name for one in chosen)
        of_fixed = any(one.kind == "fixed" for one in chosen)
        if levels >= FEW or not (of_group or of_fixed):
            continue
        only = f"Only {levels} levels of {name}: "
        if method == "auto" and isinstance(fit, MixedFit):
            if of_group:
                notes.append(
                    f"{only}they tell little about how much such levels differ, so the interval of an SD "
                    "between them is wide."
                )
        elif method != "wald" and not isinstance(fit, PooledFit):
            way = "bootstrap" if method == "bootstrap" else "profile"
            notes.append(
                f"{only}for an effect that varies between them, and for its SD, the interval by {way} is too "
                f"narrow.{better}"
            )
        elif of_group:
            notes.append(
                f"{only}the interval of an SD between them is rough, and mostly too wide.{better}"
            )
    return notes


def _best(
    fit: MixedFit,
    chosen: list[Parameter],
    level: float,
    df: str,
    unknown: set[Parameter],
    progress: bool,
) -> tuple[pd.DataFrame, list[str]]:
    """For each parameter the method that holds best where groups are few."""
    notes, reml = [], fit.estimates.reml
    table = pd.DataFrame(
        np.nan, index=[str(one) for one in chosen], columns=["lower", "upper"], dtype=float
    )
    table["method"] = "REML profile" if reml else "profile"
    for parameter in chosen:
        if parameter in unknown or not has_score_interval(fit, parameter):
            continue
        low, high = score_interval(fit, parameter, level)
        if high == 0:
            notes.append(
                f"Levels of {parameter.group} differ less in {parameter.effects[0]} than chance alone would "
                "lead one to expect: no value of the SD fits their score, so the interval is by profile."
            )
            continue
        table.loc[str(parameter), ["lower", "upper", "method"]] = low, high, "score"
    fixed = [str(parameter) for parameter in chosen if parameter.kind == "fixed"]
    if fixed:
        table.loc[fixed, ["lower", "upper"]] = fixed_effects_table(fit, df, level)
        table.loc[fixed, "method"] = BY_DF[df]
    profiled = [
        str(one)
        for one in chosen
        if one.kind != "fixed" and table.loc[str(one), "method"] != "score"
    ]
    if profiled:
        found = profile(fit, profiled, level=level, progress=progress, reml=reml)
        table.loc[profiled, ["lower", "upper"]] = found.interval(level)
    return table, notes


def _profile(
    fit: MixedFit | MixedGLMFit, names: list[str], level: float, progress: bool
) -> tuple[pd.DataFrame, list[str]]:
    table = profile(fit, names, level=level, progress=progress).interval(level)
    notes = []
    if fit.estimates.reml:
        notes.append("The fit is by REML, its profile that of the ML fit, as in lme4.")
    return table, notes


def _bootstrap(
    fit: MixedFit | MixedGLMFit,
    chosen: list[Parameter],
    level: float,
    n: int,
    seed: int | None,
    executor: Executor | None,
    progress: bool,
) -> tuple[pd.DataFrame, list[str]]:
    from course.inference.bootstrap import bootstrap

    names = [str(parameter) for parameter in chosen]
    found = bootstrap(fit, n, seed=seed, executor=executor, progress=progress)
    values = found.replicates.loc[found.replicates["converged"], names]
    if values.empty:
        raise CourseError(f"none of the {n} fits to simulated responses converged: no interval")
    correlations = [str(parameter) for parameter in chosen if parameter.kind == "cor"]
    # Rounding may carry a correlation past the ends of its range.
    values[correlations] = values[correlations].clip(-1, 1)
    table = pd.DataFrame(
        {
            "lower": values.quantile((1 - level) / 2),
            "upper": values.quantile((1 + level) / 2),
            "std_error": values.std(),
        }
    )
    notes = [
        f"Percentiles of {len(values):,} refits to simulated responses, seed {found.seed}; "
        f"{found.n_failed:,} failed and were left out, {found.n_singular:,} were singular."
    ]
    for name, lacking in values.isna().sum().items():
        if lacking:
            notes.append(
                f"{name} does not exist in {lacking:,} of them, where an SD came out as 0."
            )
    return table, notes
