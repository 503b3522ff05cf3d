"""Do the residuals and the random effects look as the model says?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from course.common.wording import bounds, count, words
from course.errors import CourseError
from course.fit.model import MixedFit
from course.fit.require import require_fit, require_linear
from course.plots.lookup import column_label, find_effect, find_group
from course.plots.page import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    axis_label,
    canvas,
    describe,
    effect_name,
    legend_above,
    panels,
    unit_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def residuals(
    fit: MixedFit, *, unit: str | None = None, ax: Sequence[Axes] | None = None
) -> np.ndarray:
    """Residuals against fitted values: is something left, and is the spread the same everywhere?

    The left panel shows the residuals: where its smooth line bends, the model misses a bend. The
    right one shows √|standardised residual| (the scale–location plot): where its smooth line
    climbs, the spread grows. The smooth lines are by lowess (Cleveland 1979, doi
    10.1080/01621459.1979.10481038), each point from the nearest two thirds of the rows.

    Parameters
    ----------
    fit : MixedFit
        A fitted model. Its residuals are the conditional ones, response minus fixed part and random
        effects, with prior weights times the root of each row's weight; standardised ones are divided by the
        estimated residual SD.
    unit : str, optional
        Unit of the response, for the axes; known for the columns of the simulated pupils.
    ax : two Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    ndarray of Axes, shape (2,)
        Residuals on the left, their spread on the right.

    See Also
    --------
    qq : Whether they look normal.
    course.diagnose : What stands out, in words.

    Examples
    --------
    >>> from course import load, mixedlm, plots
    >>> fit = mixedlm("test_score ~ age + (1|school)", load("pupils")).fit()
    >>> left, right = plots.residuals(fit)
    >>> right.get_ylabel()
    '√|standardised residual|'

    In R: ``plot(fit)``.
    """
    from statsmodels.nonparametric.smoothers_lowess import lowess

    require_fit(fit)
    require_linear(
        fit,
        "residuals",
        "its residuals are not spread evenly by nature. diagnose(fit) looks at them, and "
        'fit.resid("pearson") has them',
    )
    fitted, residual = fit.fittedvalues.to_numpy(), fit.wresid.to_numpy()
    spread = np.sqrt(np.abs(residual) / np.sqrt(fit.scale))
    response = fit.design.formula.response
    faint = {"s": 12, "facecolors": "none", "edgecolors": GREY, "linewidths": 0.6}
    faint["alpha"] = float(np.clip(1500 / fit.nobs, 0.08, 0.9))
    weighted = "" if fit.design.weights is None else " × √weight"
    smooths = []
    with panels(ax, 2, 4.6, 3.9, 2) as axes:
        for one, values in zip(axes, (residual, spread), strict=True):
            one.scatter(fitted, values, rasterized=True, label="one row of the data", **faint)
            smooth = lowess(values, fitted, delta=0.01 * np.ptp(fitted))
            one.plot(*smooth.T, color=BLUE, linewidth=3.0, label="smooth line")
            one.set_xlabel(f"fitted {column_label(fit, response, unit)}")
            smooths.append(smooth[:, 1])
        axes[0].axhline(0, color=INK, linestyle="--", linewidth=1.0, label="0")
        axes[0].set_ylabel(axis_label(f"residual{weighted}", unit or unit_of(response)))
        axes[1].set_ylabel("√|standardised residual|")
        axes[1].set_ylim(bottom=0)
        legend = axes[0].legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=9.5, borderaxespad=0.3
        )
        for handle in legend.legend_handles:
            handle.set_alpha(1)
    describe(
        axes[0],
        f"Left, the residuals{weighted} of {count(fit.nobs, 'row')} against the fitted values: their SD "
        f"is {words(residual.std())}, and the smooth line runs from {bounds(smooths[0])}, around 0. "
        f"Right, the root of their standardised size: the smooth line runs from "
        f"{bounds(smooths[1])}; were the spread the same everywhere, it would be level near 0.82.",
    )
    return axes


def qq(
    fit: MixedFit,
    group: str | None = None,
    effect: str = "Intercept",
    *,
    ax: Axes | None = None,
) -> Axes:
    """Quantiles against those of a normal distribution: of the residuals, or of random effects.

    Residuals are standardised by their mean and SD. A BLUP is divided by the SD that the model
    gives it, √(estimated variance − conditional variance), since that of a small group is shrunk
    more. The grey band is where, at each place, 95 of 100 samples of independent normal values
    would have theirs: order statistic i of n lies at the normal quantile of a Beta(i, n − i + 1)
    variable (David and Nagaraja 2003, doi 10.1002/0471722162). It is a guide: residuals and BLUPs
    are slightly dependent.

    Parameters
    ----------
    fit : MixedFit
        A fitted model.
    group : str, optional
        The random effects of this grouping factor; the residuals if not given.
    effect : str
        Which of its random effects.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        Points near the line, and within the band, are what normal values look like.

    Raises
    ------
    CourseError
        If the model has no such group or effect, or its variance is estimated at 0.

    See Also
    --------
    residuals : The residuals against fitted values.
    caterpillar : The random effects, each with its interval.
    course.diagnose : What stands out, in words.

    Examples
    --------
    >>> from course import load, mixedlm, plots
    >>> fit = mixedlm("test_score ~ age + (1|school)", load("pupils")).fit()
    >>> plots.qq(fit, "school").get_ylabel()
    'standardised random intercept of the school'

    In R: ``qqnorm(resid(fit))``.
    """
    require_fit(fit)
    if group is None:
        require_linear(
            fit,
            "qq(fit)",
            "its residuals are not normal by nature. Draw the effects of a group, qq(fit, "
            f"{next(iter(fit.n_groups))!r})",
        )
        values = fit.wresid.to_numpy()
        values, what = (values - values.mean()) / values.std(ddof=1), "residual"
        name = count(fit.nobs, "residual")
    else:
        values = _standardised_blups(fit, group, effect)
        what = f"random {effect_name(effect)} of the {group}"
        name = f"{len(values):,} random effects ({effect_name(effect)} of the {group})"
    values, n = np.sort(values), len(values)
    rank = np.arange(1, n + 1)
    normal = stats.norm.ppf((rank - 0.5) / n)
    low, high = (stats.norm.ppf(stats.beta.ppf(q, rank, n - rank + 1)) for q in (0.025, 0.975))
    outside = (values < low) | (values > high)
    with canvas(ax, 5.2, 4.8) as ax:
        ax.fill_between(
            normal, low, high, color=PALE, alpha=0.6, linewidth=0, label="95 of 100 normal samples"
        )
        ends = [normal[0], normal[-1]]
        ax.plot(ends, ends, color=INK, linestyle="--", linewidth=1.0, label="normal distribution")
        ax.scatter(
            normal[~outside],
            values[~outside],
            s=16,
            facecolors="white",
            edgecolors=BLUE,
            linewidths=0.9,
            zorder=3,
            label="in the band",
        )
        ax.scatter(
            normal[outside],
            values[outside],
            s=22,
            color=ORANGE,
            marker="D",
            edgecolors=INK,
            linewidths=0.5,
            zorder=4,
            label="outside the band",
        )
        ax.set(xlabel="normal quantile (SD)", ylabel=f"standardised {what}")
        legend_above(ax)
    describe(
        ax,
        f"Quantiles of {name} against those of a normal distribution: they run from "
        f"{words(values[0])} to {words(values[-1])} SD, where a normal sample has about "
        f"{words(normal[0])} to {words(normal[-1])}. Outside the 95 % band: "
        f"{outside.sum():,} of {n:,}.",
    )
    return ax


def _standardised_blups(fit: MixedFit, group: str, effect: str) -> np.ndarray:
    g, j = find_group(fit, group), find_effect(fit, group, effect)
    variance = fit.estimates.covariances[g][j, j]
    value = fit.random_effects[group][effect].to_numpy()
    marginal = variance - fit.random_effects_se[group][effect].to_numpy() ** 2
    if not (marginal > 1e-8 * variance).all():
        raise CourseError(
            f"the variance of {effect} by {group} is estimated at 0, so its random effects are all "
            "0 and have no distribution to look at"
        )
    return value / np.sqrt(marginal)
