"""Adjusted means of a factor's levels and their differences, as R's emmeans has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import product
from math import comb, gcd

import numpy as np
import pandas as pd
from scipy import optimize, stats

from course.common.arguments import choice, proportion
from course.errors import CourseError
from course.fit.pooled import PooledFit
from course.fit.require import require_fit_or_pooled
from course.inference.combinations import DF, Single
from course.interpretation.functions import estimated, grid_of
from course.interpretation.reference_grid import (
    Functions,
    ReferenceGrid,
    check_weights,
    read_names,
)
from course.interpretation.response_scale import as_ratios, carry_over, on_response

KINDS = ("pairwise", "reference", "consecutive", "polynomial")
ADJUST = ("holm", "tukey", "bonferroni", "none")
DEGREES = ("linear", "quadratic", "cubic", "quartic", "degree 5", "degree 6")


def means(
    fit: Single | PooledFit,
    factor: str | Sequence[str],
    *,
    by: str | Sequence[str] | None = None,
    at: Mapping[str, object] | None = None,
    weights: str = "equal",
    df: str = "satterthwaite",
    level: float = 0.95,
    scale: str = "link",
) -> pd.DataFrame:
    """Adjusted means (estimated marginal means, least-squares means) of the levels of a factor.

    The mean that the fixed part predicts at each level, while the other predictors are the same for all
    levels: factors at all of their levels and averaged over, numbers at their mean. With x(i, h) the row
    of the design for level i and the combination h of the other factors,

        mean(i) = sum over h of w(h) x(i, h)' beta.

    Random effects are at 0, their mean; an offset is taken at the mean of its columns; where the formula
    transforms the response, the means are of the transformed response. A column of numbers that has only
    two values, as 0 and 1, counts as a factor, as in emmeans. With sampling weights, means of numbers and
    observed weights are those of the population that the rows stand for.

    Parameters
    ----------
    fit : MixedFit, MixedGLMFit, SurveyFit or PooledFit
        A fitted model, as ``mixedlm(...).fit()`` returns it; pooled fits are taken by Rubin's rules.
    factor : str or list of str
        A predictor of the fixed part, ``"recipe"``, or several for the means of their combinations,
        ``"sex:programme"``. Predictors with numbers need values in `at`, else their mean is the one.
    by : str or list of str, optional
        Predictors within whose levels the means are shown (in front in the index).
    at : dict, optional
        Values or levels of predictors, ``{"age": 10, "sex": ["girl"]}``.
    weights : "equal" or "observed"
        How combinations of the factors that are averaged over count: the same each, or as often as they
        occur in the rows of the fit, the same for all levels of `factor` (``weights = "proportional"``
        in emmeans, "observed margins" in SAS).
    df : {"satterthwaite", "kenward-roger", "normal"}
        How degrees of freedom are found; "kenward-roger" also adjusts the standard errors. With sampling
        weights there are the fit's own, `SurveyFit.df`, or "normal".
    level : float
        Of the intervals, between 0 and 1.
    scale : "link" or "response"
        Of a generalised fit: linear predictors (logits, logarithms), or probabilities and expected counts.
        What is averaged over is averaged on the scale of the link.

    Returns
    -------
    DataFrame
        By level (and the levels of `by`): estimate, std_error, df, lower, upper.
        ``table.attrs["notes"]`` says what was averaged over, at which numbers, and what interacts with the
        factor, so that its means differ by more than this table shows.

    Raises
    ------
    CourseError
        For a predictor, level or choice that is not there, and for means of which the data do not tell:
        those over combinations of levels without rows.

    See Also
    --------
    contrasts : Differences of these means, with tests.
    slopes : The same question about a predictor with numbers.
    course.plots.means : The means as a picture.
    MixedFit.predict : Predictions of single rows.

    References
    ----------
    Searle, Speed and Milliken (1980), doi 10.1080/00031305.1980.10483031; R's emmeans by Lenth.

    Examples
    --------
    >>> from course import load, means, mixedlm
    >>> fit = mixedlm("normexam ~ standLRT + schgend + (1|school)", load("exam")).fit()
    >>> means(fit, "schgend", at={"standLRT": 0}).round(2)
             estimate  std_error     df  lower  upper
    schgend
    boys         0.01       0.10  60.46  -0.19   0.21
    girls        0.16       0.07  57.12   0.02   0.30
    mixed       -0.09       0.05  58.83  -0.19   0.02

    In R: ``emmeans(fit, "schgend", at = list(standLRT = 0), lmer.df = "satterthwaite")``.
    """
    level = _check(fit, weights, df, level)
    grid, within, factors = _read(fit, factor, by, at)
    shown = [*within, *factors]
    table = estimated(fit, grid, lambda on: on.functions(shown, weights), "mean", df, level)
    table = table[["estimate", "std_error", "df", "lower", "upper"]]
    if on_response(fit, scale):
        table = carry_over(fit, table)
    table.attrs["notes"] = grid.notes(shown, weights)
    return table


def contrasts(
    fit: Single | PooledFit,
    factor: str | Sequence[str],
    kind: str = "pairwise",
    *,
    adjust: str = "holm",
    by: str | Sequence[str] | None = None,
    at: Mapping[str, object] | None = None,
    weights: str = "equal",
    df: str = "satterthwaite",
    level: float = 0.95,
    scale: str = "link",
) -> pd.DataFrame:
    """Differences between the adjusted means of a factor's levels, each with its test and interval.

    Parameters
    ----------
    fit : MixedFit, MixedGLMFit, SurveyFit or PooledFit
        A fitted model, as ``mixedlm(...).fit()`` returns it; pooled fits are taken by Rubin's rules.
    factor : str or list of str
        The factor whose levels are compared, or several whose combinations are.
    kind : "pairwise", "reference", "consecutive" or "polynomial"
        Every level minus every later one (``A - B``); every other level minus the first (``B - A``); each
        level minus the one before; or the trends over equally spaced levels (linear, quadratic, ... up to
        degree 6), with the smallest whole numbers that are orthogonal.
    adjust : "holm", "tukey", "bonferroni" or "none"
        How p-values hold for all contrasts of one family together. A family is what is compared within one
        combination of the levels of `by`. "tukey" is for pairwise contrasts. Intervals are adjusted, too,
        as in emmeans: by Tukey's quantiles, by Bonferroni's with "bonferroni" and "holm" (whose steps
        have no intervals of their own, so that an interval may hold 0 where Holm's p-value is small).
    by, at, weights, df, level
        As in `means`.
    scale : "link" or "response"
        Of a generalised fit: differences of linear predictors; or ratios of odds, of rates (of hazards with
        the complementary log-log), with the tests of the differences.

    Returns
    -------
    DataFrame
        By contrast (and the levels of `by`): estimate (with ``scale="response"`` ratio), std_error, df, t,
        p_value, lower, upper.
        ``table.attrs["notes"]`` says what was averaged over, and how the p-values are adjusted.

    Raises
    ------
    CourseError
        As `means`; for "tukey" with another kind than "pairwise", and where only one level is left.

    See Also
    --------
    means : The means that are compared.
    anova : One test for all differences of a factor.
    wald : Any linear hypothesis.
    course.plots.contrasts : The differences as a picture.

    References
    ----------
    Holm (1979, Scandinavian Journal of Statistics 6, 65-70); Tukey's method for unequal numbers: Kramer
    (1956), doi 10.2307/3001469.

    Examples
    --------
    >>> from course import contrasts, load, mixedlm
    >>> fit = mixedlm("normexam ~ standLRT + schgend + (1|school)", load("exam")).fit()
    >>> contrasts(fit, "schgend", adjust="tukey")[["estimate", "std_error", "p_value"]].round(3)
                   estimate  std_error  p_value
    contrast
    boys - girls     -0.148      0.121    0.441
    boys - mixed      0.097      0.112    0.663
    girls - mixed     0.245      0.087    0.018

    In R: ``contrast(emmeans(fit, "schgend"), "pairwise", infer = TRUE)``.
    """
    level = _check(fit, weights, df, level)
    choice("kind", kind, KINDS)
    choice("adjust", adjust, ADJUST)
    if adjust == "tukey" and kind != "pairwise":
        raise CourseError(
            f'adjust="tukey" is for kind="pairwise"; for kind={kind!r} write adjust="holm"'
        )
    grid, within, factors = _read(fit, factor, by, at)
    shown = [*within, *factors]
    labels = list(map(_label, product(*(grid.values[name] for name in factors))))
    n_levels = int(np.prod([len(grid.values[name]) for name in factors]))
    if n_levels < 2:
        raise CourseError(
            f"{':'.join(factors)} has one level here ({labels[0]}): there is nothing to compare. Give "
            "several in at="
        )
    names, K = _coefficients(kind, labels[:n_levels], " / " if on_response(fit, scale) else " - ")

    def differences(on: ReferenceGrid) -> Functions:
        functions = on.functions(shown, weights)
        families = functions.labels.droplevel(factors)[::n_levels] if within else None
        of_all = np.kron(np.eye(len(functions.L) // n_levels), K)
        labels = _contrast_labels(families, names)
        return Functions(labels, of_all @ functions.L, of_all @ functions.offset)

    table = estimated(fit, grid, differences, "contrast", df, level)
    for first in range(0, len(table), len(names)):
        _adjust(table, slice(first, first + len(names)), adjust, n_levels, level)
    if on_response(fit, scale):
        table = as_ratios(fit, table)
    table.attrs["notes"] = grid.notes(shown, weights)
    if adjust != "none" and len(names) > 1:
        size = f"{len(names)} contrasts" if adjust != "tukey" else f"{n_levels} means"
        text = f"p-values and intervals adjusted for {size} ({adjust})."
        table.attrs["notes"] = (*table.attrs["notes"], text[0].upper() + text[1:])
    return table


def _check(fit: Single | PooledFit, weights: str, df: str, level: float) -> float:
    require_fit_or_pooled(fit, surveys=True)
    check_weights(weights)
    choice("df", df, DF)
    return proportion("level", level)


def _read(
    fit: Single | PooledFit,
    factor: object,
    by: object,
    at: Mapping[str, object] | None,
) -> tuple[ReferenceGrid, list[str], list[str]]:
    """The grid, and the predictors in `by` and in `factor`."""
    factors = read_names(fit.design, "factor", factor)
    within = [] if by is None else read_names(fit.design, "by", by)
    both = [name for name in within if name in factors]
    if both:
        raise CourseError(f"{both[0]} is in factor and in by: leave it out of one of them")
    return grid_of(fit, at), within, factors


def grid_rows(labels: pd.Index) -> list[tuple]:
    """The labels as tuples, also where one predictor makes them."""
    return [label if isinstance(label, tuple) else (label,) for label in labels]


def _label(row: tuple) -> str:
    return ":".join(f"{v:g}" if isinstance(v, float) else str(v) for v in row)


def _contrast_labels(families: pd.Index | None, names: list[str]) -> pd.Index:
    if families is None:
        return pd.Index(names, name="contrast")
    rows = [(*family, name) for family in grid_rows(families) for name in names]
    return pd.MultiIndex.from_tuples(rows, names=[*families.names, "contrast"])


def _coefficients(
    kind: str, labels: list[str], between: str = " - "
) -> tuple[list[str], np.ndarray]:
    """The names of the contrasts and what each takes of the k means, (contrasts, k)."""
    k = len(labels)
    if kind == "polynomial":
        degrees = min(k - 1, len(DEGREES))
        return list(DEGREES[:degrees]), np.array([_polynomial(k, d) for d in range(1, degrees + 1)])
    if kind == "pairwise":
        pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    elif kind == "reference":
        pairs = [(i, 0) for i in range(1, k)]
    else:
        pairs = [(i, i - 1) for i in range(1, k)]
    unit = np.eye(k)
    plain = [f"({label})" if between in label else label for label in labels]
    names = [f"{plain[i]}{between}{plain[j]}" for i, j in pairs]
    return names, np.array([unit[i] - unit[j] for i, j in pairs])


def _polynomial(k: int, degree: int) -> np.ndarray:
    """The discrete Chebyshev polynomial at k equally spaced points, in the smallest whole numbers.

    Examples
    --------
    >>> _polynomial(5, 2)
    array([ 2, -1, -2, -1,  2])
    """
    values = [
        sum(
            (-1) ** (degree - j)
            * comb(k - 1 - j, degree - j)
            * comb(degree + j, degree)
            * comb(x, j)
            for j in range(degree + 1)
        )
        for x in range(k)
    ]
    return np.array(values) // reduce(gcd, values)


def _adjust(table: pd.DataFrame, rows: slice, adjust: str, n_levels: int, level: float) -> None:
    """Write the p-values and intervals of one family, adjusted, into the table."""
    own = table.iloc[rows]
    n, t = len(own), (own["estimate"] / own["std_error"]).abs().to_numpy()
    if adjust == "none" or n == 1:
        return
    degrees = own["df"].to_numpy()
    if adjust == "tukey":
        p = stats.studentized_range.sf(np.sqrt(2) * t, n_levels, degrees)
        factor = _tukey_quantiles(level, n_levels, degrees) / np.sqrt(2)
    else:
        p = _of_a_family(own["p_value"].to_numpy(), stepwise=adjust == "holm")
        factor = stats.t.isf((1 - level) / (2 * n), degrees)
    half = factor * own["std_error"].to_numpy()
    adjusted = {"p_value": p, "lower": own["estimate"] - half, "upper": own["estimate"] + half}
    for name, values in adjusted.items():
        table.iloc[rows, table.columns.get_loc(name)] = values


def _of_a_family(p: np.ndarray, stepwise: bool) -> np.ndarray:
    """P-values times their number (Bonferroni), or the i-th smallest times n - i + 1 (Holm 1979)."""
    n = len(p)
    if not stepwise:
        return np.minimum(n * p, 1.0)
    order = np.argsort(p)
    steps = np.maximum.accumulate(np.arange(n, 0, -1) * p[order])
    return np.minimum(steps[np.argsort(order)], 1.0)


def _tukey_quantiles(level: float, k: int, df: np.ndarray) -> np.ndarray:
    """Quantiles of the studentised range of k means, one for each df."""
    different, place = np.unique([float(f"{nu:.6g}") for nu in df], return_inverse=True)
    return np.array([_tukey_quantile(level, k, nu) for nu in different.tolist()])[place]


def _tukey_quantile(level: float, k: int, nu: float) -> float:
    """The quantile for one df, in half the time that SciPy takes, a fifth of a second.

    It lies between those of two means and of infinite df, which are too small, and Bonferroni's, which is too
    large; and by logarithms the way from these to it is nearly a straight line, be the df 1 or 1,000.
    """
    alpha = 1 - level
    of_two, bonferroni = (np.sqrt(2) * stats.t.isf(alpha / n, nu) for n in (2, k * (k - 1)))
    of_infinite = stats.studentized_range.ppf(level, k, np.inf)

    def excess(log_q: float) -> float:
        tail = stats.studentized_range.sf(np.exp(log_q), k, nu)
        return np.log(max(tail, np.finfo(float).tiny) / alpha)

    # a little further, since with two means, or infinite df, an end is the quantile itself
    low, high = np.log(max(of_two, of_infinite)) - 1e-4, np.log(bonferroni) + 1e-4
    return float(np.exp(optimize.brentq(excess, low, high, xtol=1e-9)))
