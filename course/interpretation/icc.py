"""What the variances of a fit mean: shares, chance-expected correlations (ICC), R squared.

With random slopes the variance of a grouping depends on the predictors. For a row with values z it is
z' S z, S the covariance matrix of the grouping's effects; its mean over rows is tr(S M) with M the mean of
z z' (Johnson 2014, doi 10.1111/2041-210X.12225). All functions here start from these M.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from course.common.arguments import choice, proportion
from course.common.nearest import nearest
from course.common.parameter import Parameter
from course.design.design import Design
from course.design.responses import NUMBER
from course.errors import CourseError
from course.fit.curvature import curvature
from course.fit.generalised import MixedGLMFit
from course.fit.latent import row_effects, row_variance
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit
from course.fit.require import first_of, require_fit, require_fit_or_pooled
from course.fit.rubin import rubin
from course.fit.shares import mean_products, row_variances, shares_known, slope_variables
from course.fit.survey import SurveyFit, population
from course.interpretation.responses_alike import (
    LEAST,
    Pair,
    Replicates,
    logit_interval,
    of_responses,
)
from course.solver.parameters import parameter_names

# -- correlations of two rows -------------------------------------------------------------------


def icc(
    fit: MixedFit | MixedGLMFit | SurveyFit | PooledFit,
    at: Mapping[str, object] | None = None,
    groups: str | Sequence[str] | None = None,
    *,
    scale: str = "latent",
    interval: str = "delta",
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | None = None,
    executor: Executor | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """How alike are two pupils of the same classroom, of the same school, of the same province?

    For each grouping two numbers. ``share`` is the part of the variance (without what the fixed effects
    explain) that lies at this level. ``icc`` is the intraclass correlation: the correlation to be expected
    of two rows drawn at random from the same level, given the fixed effects,

        icc = (sum of the variances of all groupings that the two have in common) / total variance.

    Two pupils of one classroom share their school and province, too, so where groups are nested these
    variances count. Groups that cross appear by themselves and jointly (``"primary & second"``: the
    same primary and the same secondary school). With prior weights the residual variance is that of a row of
    weight 1, lme4's sigma squared.

    Of a generalised fit these are on the scale of its link, where its law makes rows differ by a variance of
    their own (`r2` says which): ``"latent"``. On the scale of the response, ``scale="response"``, pupils of
    one school are alike in whether they passed, and that correlation is smaller, and has no shares. It
    is averaged over the rows of the fit, each paired with another of the same predictors.

    Parameters
    ----------
    fit : MixedFit, MixedGLMFit, SurveyFit or PooledFit
        A fitted model, as ``mixedlm(...).fit()`` returns it, or several that are pooled: then estimates are
        those of the pooled variances, and intervals on the logit scale are by Rubin's rules. With sampling
        weights means over rows are those over the population, and intervals are those of the sandwich or
        of the replicate weights, with the degrees of freedom of the fit.
    at : dict, optional
        Values of predictors that have random slopes, ``{"age": [8, 10, 12]}``: one row per group
        and value (for several predictors, per combination), for two pupils who both have that value.
        Where left out, variances are means over the rows of the fit (Johnson 2014).
    groups : str or list of str, optional
        The rows wanted, as they are called in ``group``; all where left out.
    scale : "latent" or "response"
        Of a generalised fit. Numbers with a normal residual have one scale.
    interval : "delta" or "bootstrap"
        "delta": from the curvature of the (restricted) likelihood in the relative covariance factors (on
        the scale of the response in the fixed effects, too), on the logit scale, so that ends stay between 0
        and 1. It says nothing (NaN) where the estimate is 0. "bootstrap": percentiles of refitted simulated
        responses; slower, and right at 0.
    level : float
        Confidence level.
    n_boot : int
        Replicates of the bootstrap.
    seed : int, optional
        Repeats them to the bit.
    executor : concurrent.futures.Executor, optional
        Where they are fitted, as in `course.bootstrap`.
    progress : bool
        Whether the bootstrap shows a progress bar.

    Returns
    -------
    DataFrame
        Index ``group``; one column per predictor in `at`; share, share_lower, share_upper, icc,
        icc_lower, icc_upper. An interval is NaN where the data do not know the variance for itself, as
        where two terms are the same groups. With ``scale="response"`` icc and its interval alone.

    Raises
    ------
    CourseError
        For a group that the fit does not have, a predictor on which no random effect depends, ...

    See Also
    --------
    variance_shares : The shares alone, without intervals.
    r2 : What the fixed effects explain.
    course.plots.variance_shares : The shares as a picture.

    Examples
    --------
    >>> from course import icc, load, mixedlm
    >>> pupils = load("pupils")
    >>> fit = mixedlm("test_score ~ age + (1|classroom) + (1|school)", pupils).fit()
    >>> icc(fit).round(2)
               share  share_lower  share_upper   icc  icc_lower  icc_upper
    group
    classroom   0.21         0.16         0.27  0.50       0.43       0.57
    school      0.29         0.20         0.40  0.29       0.20       0.40

    With random slopes it depends on the predictor how alike they are:

    >>> slopes = mixedlm("test_score ~ age + (age|classroom)", pupils).fit()
    >>> icc(slopes, at={"age": [8, 10, 12]})[["age", "icc"]].round(2)
               age   icc
    group
    classroom    8  0.55
    classroom   10  0.53
    classroom   12  0.67

    In R: ``performance::icc(fit)`` is the ``icc`` of the innermost group, and with ``by_group = TRUE``
    it gives the shares.
    """
    require_fit_or_pooled(fit, surveys=True)
    choice("scale", scale, ("latent", "response"))
    level = proportion("level", level)
    if interval not in ("delta", "bootstrap"):
        raise CourseError(f"interval={interval!r}: write 'delta' or 'bootstrap'")
    if interval == "bootstrap":
        if isinstance(first_of(fit), SurveyFit):
            raise CourseError(
                "a pseudo-likelihood is no law to draw responses from: write interval='delta', whose "
                "standard errors are those of the sample of clusters"
            )
        require_fit(fit, pooled="write interval='delta', which pools them")
    pairs = _wanted(_pairs(fit), groups)
    if not pairs:
        raise CourseError(
            "the effects of this model are those of single rows: no two rows share any"
        )
    points = _grid(fit.design, at)
    replicates = None
    if interval == "bootstrap" and not isinstance(fit, PooledFit | SurveyFit):
        replicates = _replicates(fit, n_boot, seed, executor, progress)
    if scale == "response" and isinstance(fit, MixedGLMFit):
        return of_responses(fit, pairs, points, level, replicates)
    of_row = row_variance(fit)
    fits = fit.fits if isinstance(fit, PooledFit) else (fit,)
    covariances = fit.covariances if isinstance(fit, PooledFit) else fit.estimates.covariances
    differ = fit.one_of_each_design if isinstance(fit, PooledFit) else fits
    found: dict[str, list[dict]] = {pair.name: [] for pair in pairs}
    for point in points:
        of_each = {
            id(one.design.codings): mean_products(one.design, point, population(one))
            for one in differ
        }
        M = [np.mean(parts, axis=0) for parts in zip(*of_each.values(), strict=True)]
        if replicates is None:
            deltas = [_Delta.of(one, of_each[id(one.design.codings)]) for one in fits]
            ends: _Logits | _Percentiles = _Logits(deltas, level)
        else:
            ends = _Percentiles(replicates, of_row, M, level)
        ratios = row_variances(covariances, M) / of_row
        for pair in pairs:
            row: dict = {**point}
            for quantity, members in (("share", pair.own), ("icc", pair.common)):
                value = ratios[members].sum() / (ratios.sum() + 1)
                low, high = np.nan, np.nan
                if shares_known(fit.design, fit.method == "REML", M, members):
                    low, high = ends(members, value)
                row |= {quantity: value, f"{quantity}_lower": low, f"{quantity}_upper": high}
            found[pair.name].append(row)
    names = [name for name, rows in found.items() for _ in rows]
    rows = [row for rows in found.values() for row in rows]
    return pd.DataFrame(rows, index=pd.Index(names, name="group"))


def _pairs(fit: MixedFit | MixedGLMFit | SurveyFit | PooledFit) -> list[Pair]:
    """One for each grouping, and one for each set of groupings that cross."""
    design = fit.design
    nested, found = design.nested, []
    several_rows = np.flatnonzero(
        ~row_effects(fit)
    ).tolist()  # no two rows share an effect of one row
    for several in range(1, len(several_rows) + 1):
        for own in map(list, combinations(several_rows, several)):
            if nested[np.ix_(own, own)].sum() > several:
                continue  # one lies in the other: sharing it is sharing both
            name = " & ".join(design.groupings[g].name for g in own)
            found.append(Pair(name, own, np.flatnonzero(nested[own].any(axis=0)).tolist()))
    return found


def _wanted(pairs: list[Pair], groups: str | Sequence[str] | None) -> list[Pair]:
    if groups is None:
        return pairs
    by_name = {pair.name: pair for pair in pairs}
    wanted = [groups] if isinstance(groups, str) else list(groups)
    for name in wanted:
        if name not in by_name:
            mend = nearest(name, by_name) or f"; there are {', '.join(by_name)}"
            raise CourseError(f"this fit has no level {name!r}{mend}")
    return [by_name[name] for name in wanted]


def _grid(design: Design, at: Mapping[str, object] | None) -> list[dict]:
    if at is None:
        return [{}]
    if not isinstance(at, Mapping) or not at:
        raise CourseError(
            'at= takes a dict of predictors and values, as in at={"age": [8, 10, 12]}'
        )
    known = slope_variables(design)
    if not known:
        raise CourseError(
            "only intercepts vary between the groups of this model, so the correlation is the same "
            "at every value of a predictor: leave at= out"
        )
    values = {}
    given: Any
    for name, given in at.items():
        if name not in known:
            raise CourseError(
                f"at={{{name!r}: ...}}: no random effect depends on {name!r}; they depend on "
                f"{', '.join(known)}{nearest(name, known)}"
            )
        values[name] = [given] if np.ndim(given) == 0 else list(given)
        if not values[name] or pd.isna(values[name]).any():
            raise CourseError(f"at={{{name!r}: ...}} needs at least one value, and none missing")
    return [dict(zip(values, point, strict=True)) for point in product(*values.values())]


@dataclass(frozen=True, eq=False)
class _Delta:
    """Logits of shares, with standard errors by the delta method.

    With m_g = tr(M_g S_g) the variance of grouping g, S_g its covariance matrix, all over the variance of a
    row, a share or a correlation is a sum of some m_g over (1 + sum of all).

    Attributes
    ----------
    m : ndarray, shape (G,)
    slopes : ndarray, shape (G, k)
        Of m, by k parameters of the random part.
    covariance : ndarray, shape (k, k)
        Of these.
    df : float
    """

    m: np.ndarray
    slopes: np.ndarray
    covariance: np.ndarray
    df: float = np.inf

    @classmethod
    def of(cls, fit: MixedFit | MixedGLMFit | SurveyFit, M: list[np.ndarray]) -> _Delta:
        """That of a fit, with the mean of z z' of each grouping."""
        return cls._of_sample(fit, M) if isinstance(fit, SurveyFit) else cls._of_curvature(fit, M)

    @classmethod
    def _of_curvature(cls, fit: MixedFit | MixedGLMFit, M: list[np.ndarray]) -> _Delta:
        """By theta: with S = U Lambda Lambda' U', d m_g / d Lambda = 2 U' M_g U Lambda."""
        known, of_row = curvature(fit), row_variance(fit)
        S = [U.T @ m @ U / of_row for U, m in zip(known.units, M, strict=True)]
        SL = [s @ L for s, L in zip(S, known.factors, strict=True)]
        slopes = [
            [2 * (s * direction[g]).sum() for direction in known.directions]
            for g, s in enumerate(SL)
        ]
        k = len(known.directions)
        m = [(s * L).sum() for s, L in zip(SL, known.factors, strict=True)]
        return cls(np.array(m), np.array(slopes), known.covariance[:k, :k])

    @classmethod
    def _of_sample(cls, fit: SurveyFit, M: list[np.ndarray]) -> _Delta:
        """By the (co)variances and the residual variance, whose errors the sample of clusters tells."""
        errors, sigma2 = fit.errors, fit.scale
        m = row_variances(fit.estimates.covariances, M) / sigma2
        slopes = np.zeros((len(M), len(errors.entries) + 1))
        for i, (g, a, b) in enumerate(errors.entries):
            slopes[g, i] = M[g][a, b] * (1 if a == b else 2) / sigma2
        slopes[:, -1] = -m / sigma2
        for g, (S, mean) in enumerate(zip(fit.estimates.covariances, M, strict=True)):
            for a in range(len(S)):
                if (g, a, a) not in errors.entries and S[a, a] * mean[a, a] > LEAST * sigma2:
                    slopes[g] = np.nan  # a variance that is not 0, and whose error is not known
        return cls(m, slopes, errors.cov_variances, float(fit.df))

    def __call__(self, members: list[int]) -> tuple[float, float]:
        """The logit and its standard error."""
        total = 1 + self.m.sum()
        value = self.m[members].sum() / total
        if value < LEAST:  # the likelihood is flat here to first order: no curvature to read
            return np.nan, np.nan
        slope = (self.slopes[members].sum(axis=0) - value * self.slopes.sum(axis=0)) / total
        error = np.sqrt(slope @ self.covariance @ slope) / (value * (1 - value))
        return float(special.logit(value)), float(error)


class _Logits:
    """Intervals on the logit scale, of one fit or of several by Rubin's rules."""

    def __init__(self, deltas: list[_Delta], level: float):
        self.deltas, self.level = deltas, level

    def __call__(self, members: list[int], value: float) -> tuple[float, float]:
        logits, errors = np.array([delta(members) for delta in self.deltas]).T
        error, df = errors[0], self.deltas[0].df
        if len(self.deltas) > 1:
            complete = [[delta.df] for delta in self.deltas]
            pooled = rubin(logits[:, None], errors[:, None], complete)
            error, df = pooled.std_errors[0], pooled.df[0]
        return logit_interval(value, error, self.level, df)


class _Percentiles:
    """Intervals from the covariance matrices of bootstrap fits, over the variance of a row."""

    def __init__(self, replicates: Replicates, of_row: float, M: list[np.ndarray], level: float):
        pairs = zip(replicates.covariances, M, strict=True)
        variances = np.array([np.einsum("bij,ij->b", S, m) for S, m in pairs])
        self.m = variances / (of_row if replicates.sigma2 is None else replicates.sigma2)
        self.ends = [(1 - level) / 2, (1 + level) / 2]

    def __call__(self, members: list[int], value: float) -> tuple[float, float]:
        low, high = np.quantile(self.m[members].sum(axis=0) / (1 + self.m.sum(axis=0)), self.ends)
        return float(low), float(high)


def _replicates(
    fit: MixedFit | MixedGLMFit, n: int, seed: int | None, executor: Executor | None, progress: bool
) -> Replicates:
    """What bootstrap fits that converged found."""
    from course.inference.bootstrap import bootstrap

    table = bootstrap(fit, n, seed=seed, executor=executor, progress=progress).replicates
    table = table.loc[table["converged"], parameter_names(fit.design)]
    found = []
    for grouping in fit.design.groupings:
        k = len(grouping.effects)
        S = np.zeros((len(table), k, k))
        effects, group = grouping.labels, grouping.name
        sds = [table[str(Parameter("sd", group, (effect,)))].to_numpy() for effect in effects]
        for block in grouping.blocks:
            for i, j in combinations(block, 2):
                parameter = Parameter("cor", group, (effects[i], effects[j]))
                # Beside an SD of 0 a correlation is not defined, and the covariance is 0.
                r = table[str(parameter)].fillna(0).to_numpy()
                S[:, i, j] = S[:, j, i] = r * sds[i] * sds[j]
        for j, sd in enumerate(sds):
            S[:, j, j] = sd**2
        found.append(S)
    beta = table[list(fit.design.fixed_names)].to_numpy()
    sigma2 = None
    if fit.design.kind == NUMBER:
        sigma2 = table[str(Parameter("sigma"))].to_numpy() ** 2
    return Replicates(beta, found, sigma2)
