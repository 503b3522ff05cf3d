"""The likelihood around the estimates: profiles of one parameter, the surface of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import seaborn as sns
from scipy import stats

from course.common.nearest import nearest
from course.common.parameter import Parameter
from course.common.wording import listing, words
from course.errors import CourseError
from course.fit.model import MixedFit
from course.fit.require import require_fit, require_linear
from course.inference.profile import Profile
from course.inference.surface import DevianceRise
from course.plots.page import (
    BLUE,
    GREY,
    INK,
    NORMAL_95,
    ORANGE,
    canvas,
    describe,
    effect_unit,
    legend_above,
    legend_of_panels,
    panels,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHI2_95 = float(stats.chi2.ppf(0.95, 2))  # 5.99
RISES = (1, 3, CHI2_95, 12, 25, 50, 100)


def profile_zeta(
    profile: Profile | Mapping[str, pd.DataFrame],
    parameters: Sequence[str] | None = None,
    *,
    ax: Sequence[Axes] | None = None,
) -> np.ndarray:
    """Profile zeta of each parameter: a straight line means a symmetric interval.

    Zeta is the signed root of how much the deviance rises when the parameter is held at a value
    (Bates et al. 2015, doi 10.18637/jss.v067.i01). Where the curve crosses ±1.96 the 95 % profile
    interval ends. The dashed line is the tangent at the estimate: the interval read from it is
    the symmetric one, and its distance to the curve shows what symmetry would get wrong.

    Parameters
    ----------
    profile : Profile or mapping of str to DataFrame
        What ``course.inference.profile.profile(fit)`` returns, or for each parameter a frame with the columns
        value (increasing) and zeta.
    parameters : list of str, optional
        Which ones; all if not given.
    ax : Axes, optional
        As many as parameters; a new figure if not given.

    Returns
    -------
    ndarray of Axes, one for each parameter
        In the order of `parameters`.

    Raises
    ------
    CourseError
        If a parameter was not profiled.

    See Also
    --------
    course.profile : Makes the profile.
    course.confint : The intervals.
    deviance_surface : Two parameters at once.

    Examples
    --------
    >>> curve = pd.DataFrame({"value": [1.0, 2.0, 3.0, 5.0], "zeta": [-2.5, -1.0, 0.0, 2.0]})
    >>> (ax,) = profile_zeta({"sigma": curve})
    >>> ax.get_xlabel()
    'sigma'

    In R: ``lattice::xyplot(profile(fit))``.
    """
    points: Any = getattr(profile, "points", profile)
    if not isinstance(points, Mapping):
        raise CourseError(
            f"this draws profiles, not a {type(profile).__name__}: write profile_zeta(profile(fit)), with "
            "fit what mixedlm(...).fit() returns"
        )
    names = list(points) if parameters is None else list(parameters)
    for name in names:
        if name not in points:
            raise CourseError(
                f"{name!r} was not profiled; there are {', '.join(points)}{nearest(name, points)}"
            )
    if not names:
        raise CourseError("parameters= is empty: name at least one")
    texts = []
    with panels(ax, len(names), 3.1, 2.9, 4) as axes:
        for one, name in zip(axes, names, strict=True):
            value, zeta = points[name][["value", "zeta"]].to_numpy(dtype=float).T
            estimate = float(np.interp(0.0, zeta, value))
            slope = np.gradient(zeta, value)[np.abs(zeta).argmin()]
            one.axhline(0, color=GREY, linewidth=0.8)
            for at in (-NORMAL_95, NORMAL_95):
                one.axhline(
                    at, color=INK, linestyle=":", linewidth=1.2, label="±1.96" if at > 0 else None
                )
            one.plot(
                value,
                slope * (value - estimate),
                color=ORANGE,
                linestyle="--",
                linewidth=1.6,
                label="tangent at the estimate",
            )
            one.plot(value, zeta, color=BLUE, linewidth=2.2, label="profile zeta")
            ends = _ends(profile, name, value, zeta)
            drawn = [end for end in ends if value[0] <= end <= value[-1]]
            one.scatter(
                drawn,
                np.interp(drawn, value, zeta),
                s=40,
                color=BLUE,
                edgecolors=INK,
                linewidths=0.7,
                zorder=4,
                label="end of the 95 % interval",
            )
            one.set(xlabel=name, ylabel="zeta")
            low, high = max(zeta.min(), -3.3), min(zeta.max(), 3.3)
            one.set_ylim(min(low, -2.2) - 0.1, max(high, 2.2) + 0.1)
            inside = value[(zeta >= -3.4) & (zeta <= 3.4)]
            margin = 0.04 * np.ptp(inside)
            one.set_xlim(inside.min() - margin, inside.max() + margin)
            one.locator_params(axis="x", nbins=4)
            texts.append(f"{name} {words(estimate)} ({_end(ends[0])} to {_end(ends[1])})")
        legend_of_panels(axes, ax is None)
    describe(
        axes[0],
        "Profile zeta against the value of each parameter, beside the tangent at its estimate. The "
        f"estimates and 95 % profile intervals: {listing(texts)}.",
    )
    return axes


def _ends(profile: Any, name: str, value: np.ndarray, zeta: np.ndarray) -> tuple[float, float]:
    """Where zeta is ±1.96; NaN where it does not get there."""
    if hasattr(profile, "interval"):
        return tuple(profile.interval(0.95).loc[name])
    low = np.interp(-NORMAL_95, zeta, value, left=np.nan)
    return low, np.interp(NORMAL_95, zeta, value, right=np.nan)


def _end(value: float) -> str:
    return "beyond the profile" if np.isnan(value) else words(value)


def deviance_surface(
    fit: MixedFit,
    first: str | None = None,
    second: str | None = None,
    *,
    relative: bool = False,
    unit: str | None = None,
    points: int = 41,
    ax: Axes | None = None,
) -> Axes:
    """How much the deviance rises as two standard deviations move away from their estimates.

    The fixed effects are at their best for every point. All other SDs, and the correlations, are
    held at their estimates.

    Parameters
    ----------
    fit : MixedFit
        A fitted model; the deviance is the REML criterion if it was fitted by REML.
    first, second : str, optional
        Two SDs of random effects, named as in ``course.parameters``:
        ``"sd(Intercept | school)"``. The first two of the model if not given.
    relative : bool
        Draw against theta, the SD divided by the residual SD, and let the residual SD be at its
        best for every point: the profiled deviance, over which the search for the optimum walks.
        Else against the SDs themselves, with the residual SD held at its estimate.
    unit : str, optional
        Unit of the response, for the axes; known for the columns of the simulated pupils.
    points : int
        Points of the grid along each axis.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    Axes
        Contours of the rise of the deviance, the estimates as a star. Points inside the thick line,
        5.99 above the lowest (95 % point of χ² with 2 df), are not clearly worse.

    Raises
    ------
    CourseError
        If there is no such SD, or the model has only one.

    See Also
    --------
    profile_zeta : One parameter at a time, with the others at their best.
    course.profile : The numbers of that.

    Examples
    --------
    >>> from course import load, mixedlm, plots
    >>> fit = mixedlm("test_score ~ age + (1|classroom) + (1|school)", load("pupils")).fit()
    >>> plots.deviance_surface(fit, points=9).get_xlabel()
    'sd(Intercept | classroom) (points)'
    """
    require_fit(fit)
    require_linear(
        fit, "deviance_surface", "draw one parameter at a time, profile_zeta(profile(fit))"
    )
    places = {
        Parameter("sd", grouping.name, (effect,)): (g, j)
        for g, grouping in enumerate(fit.design.groupings)
        for j, effect in enumerate(grouping.labels)
    }
    if len(places) < 2:
        raise CourseError(
            "a surface needs two SDs of random effects, and this model has one: "
            "profile_zeta(profile(fit)) draws it"
        )
    known = {str(sd): sd for sd in places}
    free = [name for name in known if name not in (first, second)]
    names = [first or free[0], second or free[0 if first else 1]]
    for name in names:
        if name not in known:
            raise CourseError(
                f"the model has no {name!r}; there are {', '.join(known)}{nearest(name, known)}"
            )
    if names[0] == names[1]:
        raise CourseError(f"first= and second= are both {names[0]!r}: name two different SDs")

    sds = [known[name] for name in names]
    rise = DevianceRise(fit, [places[sd] for sd in sds], relative)
    scale = 1.0 if relative else np.sqrt(fit.scale)
    edges = [rise.reach(axis) for axis in (0, 1)]
    x, y = (scale * np.linspace(*edge, points) for edge in edges)
    surface = [[rise([one, two]) for one in x / scale] for two in y / scale]
    best = scale * rise.best
    with canvas(ax, 5.8, 5.0) as ax:
        shades = sns.blend_palette([BLUE, "white"], len(RISES))
        ax.contourf(x, y, np.clip(surface, 0, None), levels=[0, *RISES], colors=shades, alpha=0.8)
        widths = [2.6 if level == CHI2_95 else 0.8 for level in RISES]
        lines = ax.contour(x, y, surface, levels=RISES, colors=INK, linewidths=widths)
        ax.clabel(lines, fmt=lambda level: f"+{level:.3g}", fontsize=9)
        ax.scatter(
            best[0],
            best[1],
            marker="*",
            s=190,
            color=ORANGE,
            edgecolors=INK,
            linewidths=0.8,
            zorder=4,
            clip_on=False,
            label="estimates",
        )
        ax.plot([], [], color=INK, linewidth=2.6, label="deviance 5.99 above the lowest")
        ax.set_xlabel(_sd_label(fit, sds[0], unit, relative))
        ax.set_ylabel(_sd_label(fit, sds[1], unit, relative))
        legend_above(ax)
    kind = "theta (SD over residual SD)" if relative else "SD"
    describe(
        ax,
        f"Contours of the deviance over two SDs. It is lowest where {names[0]} has the {kind} "
        f"{words(best[0])} and {names[1]} {words(best[1])}, and rises around that point: by "
        f"{words(rise([0, rise.best[1]]))} where the first is 0 and by "
        f"{words(rise([rise.best[0], 0]))} where the second is 0.",
    )
    return ax


def _sd_label(fit: MixedFit, sd: Parameter, unit: str | None, relative: bool) -> str:
    if relative:
        return f"theta of {sd.place}"
    return f"{sd} ({effect_unit(fit.design.formula.response, sd.effects[0], unit)})"
