"""Profiles of the likelihood: how much worse the fit becomes as one parameter is held elsewhere.

With d the ML deviance and b a value of one parameter, all others at their best for it,

    zeta(b) = sign(b - estimate) * sqrt(d(b) - d(estimate))

(Bates and Watts 1988, doi 10.1002/9780470316757, chapter 6; Bates et al. 2015, doi
10.18637/jss.v067.i01, section 5.1). Where zeta is a straight line the parameter has a symmetric
interval, estimate -+ z * std. error; where it bends, the interval read from it is not symmetric and
knows about the end at 0 of a standard deviation. As in lme4 the profile is that of the ML fit, also
for a fit by REML: REML criteria with different fixed effects are not comparable. Standard deviations and
correlations can be profiled on the REML criterion, too, where every value has the same fixed effects; where
groups are few, that is the better of the two, since ML makes their standard deviation too small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import optimize, stats
from scipy.interpolate import CubicSpline

from course.common.arguments import proportion
from course.common.parameter import Parameter
from course.common.wording import listing
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.require import require_fit
from course.inference.constrained import Held, HeldAlone, hold
from course.inference.constrained_generalised import hold_generalised
from course.inference.held_searches import Search, Walk, run_together
from course.inference.parameters import choose
from course.solver.estimates import Estimates, estimate
from course.solver.parameters import parameter_names, parameter_values

ZETA_STEP = 0.4  # how far apart in zeta two points of a profile are to be
MARKS = tuple(stats.norm.ppf([0.95, 0.975, 0.995]))  # zeta at levels 90, 95 and 99 %
# An optimum whose deviance is this much above the lowest one found is no optimum.
MISSED = 1e-4
MAX_POINTS = 100  # on each side of the estimate


@dataclass(frozen=True)
class Profile:
    """Profiles of some parameters of a fit.

    Attributes
    ----------
    points : dict of str to DataFrame
        For each parameter its value and zeta, by increasing value.
    estimates : Series
        The ML or REML estimates, where zeta is 0.
    bounds : dict of str to (float, float)
        Between which values each parameter lies by its nature: an SD above 0.
    level : float
        The highest confidence level that can be read from it.

    See Also
    --------
    course.profile : Makes it.
    course.plots.profile_zeta : Draws it.

    Examples
    --------
    >>> from course import load, mixedlm, profile
    >>> fit = mixedlm("normexam ~ standLRT + (1|school)", load("exam")).fit()
    >>> sigma = profile(fit, "sigma", level=0.95)
    >>> sigma.points["sigma"]["value"].is_monotonic_increasing
    True
    """

    points: dict[str, pd.DataFrame] = field(repr=False)
    estimates: pd.Series
    bounds: dict[str, tuple[float, float]] = field(repr=False)
    level: float

    def interval(self, level: float = 0.95) -> pd.DataFrame:
        """The values whose likelihood ratio test at 1 - level does not reject them.

        Parameters
        ----------
        level : float
            Between 0 and the level of the profile.

        Returns
        -------
        DataFrame
            By parameter: lower, upper. An end is at 0 (an SD), -1 or 1 (a correlation) where the
            parameter's whole range on that side is as likely as that.

        Raises
        ------
        CourseError
            Where the profile does not reach that far.

        See Also
        --------
        course.confint : The same intervals in one step, and those by bootstrap.
        course.plots.profile_zeta : Where the ends are on the profile.
        """
        level = proportion("level", level)
        if level > self.level:
            raise CourseError(
                f"this profile reaches to intervals of level {self.level:g}: for {level:g} make it "
                f"with profile(fit, level={level:g})"
            )
        z = float(stats.norm.ppf((1 + level) / 2))
        ends = [
            [self._value_at(name, -z, low), self._value_at(name, z, high)]
            for name, (low, high) in self.bounds.items()
        ]
        return pd.DataFrame(ends, index=list(self.bounds), columns=["lower", "upper"])

    def _value_at(self, name: str, z: float, bound: float) -> float:
        """Where zeta is z: on the way from the estimate outwards, the first time."""
        value, zeta = self.points[name].to_numpy().T
        outer = zeta * np.sign(z) >= abs(z)
        if not outer.any():
            return bound
        if bound in (-1.0, 1.0):  # a correlation: zeta is straighter along its angle
            value = np.arcsin(value)
        curve = CubicSpline(value, zeta)
        i = np.flatnonzero(outer)[0 if z > 0 else -1]
        low, high = (i - 1, i) if z > 0 else (i, i + 1)
        end = optimize.brentq(lambda at: curve(at) - z, value[low], value[high])
        return float(np.sin(end) if bound in (-1.0, 1.0) else end)


def profile(
    fit: MixedFit | MixedGLMFit,
    parameters: str | Sequence[str] | None = None,
    level: float = 0.999,
    progress: bool = False,
    reml: bool = False,
) -> Profile:
    """How the likelihood falls as each parameter is moved away from its estimate.

    The profile is that of the ML fit, as in lme4, also where the fit is by REML, unless ``reml=True``.

    Parameters
    ----------
    fit : MixedFit or MixedGLMFit
        A fitted model, as ``mixedlm(...).fit()`` or ``mixedglm(...).fit()`` returns it.
    parameters : str or list of str, optional
        Names as in `course.inference.parameters.parameters`: ``"age"``, ``"sd(Intercept | school)"``,
        ``"cor(Intercept, age | school)"``, ``"sigma"``; all where left out.
    level : float
        How far to go: until intervals of this level can be read from it.
    progress : bool
        Whether to show a progress bar.
    reml : bool
        Whether the REML criterion is profiled, which only standard deviations, correlations and sigma have;
        they are what is profiled where ``parameters`` is left out.

    Returns
    -------
    Profile
        A curve for each parameter; ``.interval(0.95)`` reads an interval from it.

    Raises
    ------
    CourseError
        For a parameter that the fit does not have, and a level outside (0, 1); for the REML profile of a
        fixed effect or of a generalised fit.

    See Also
    --------
    confint : The intervals of all parameters in one table.
    course.plots.profile_zeta : The profile as a picture.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("normexam ~ standLRT + (1|school)", load("exam")).fit()
    >>> profile(fit, ["sd(Intercept | school)", "sigma"]).interval(0.95).round(3)
                            lower  upper
    sd(Intercept | school)  0.251  0.373
    sigma                   0.736  0.769

    In R: ``profile(fit)``.
    """
    require_fit(fit)
    level = proportion("level", level)
    names = parameter_names(fit.design)
    chosen = choose(fit.design, parameters)
    if reml:
        chosen = _of_random_part(fit, chosen, everything=parameters is None)
    best: Estimates = fit.estimates
    if isinstance(fit, MixedFit) and best.reml != reml:
        best = estimate(fit.model.problem, reml=reml)
    values = pd.Series(parameter_values(fit.design, best), index=names)
    reach = float(stats.norm.ppf((1 + level) / 2))
    helds, searches = [], []
    for parameter in chosen:
        name = str(parameter)
        held: Held | HeldAlone
        if isinstance(fit, MixedGLMFit):
            held = hold_generalised(parameter, fit)
        else:
            held = hold(parameter, fit.model.problem, best)
        at = values[name]
        if parameter.kind == "cor":
            # The walk goes along the angle of a correlation, where zeta is straighter. Where one of the
            # effects does not vary the correlation is NaN, and any angle will do to start from.
            values[name] = values[name].clip(-1, 1)  # rounding may carry it past the ends
            at = np.arcsin(np.nan_to_num(values[name]))
        helds.append(held)
        searches.append(Search(held, _at_bound(held, at)))
    run_together([search.begin() for search in searches])
    walks = [_side(search, sign, reach) for search in searches for sign in (-1, 1)]
    sides = iter(run_together(walks, progress))
    points, bounds = {}, {}
    for parameter, held, search in zip(chosen, helds, searches, strict=True):
        name, low, high = str(parameter), next(sides), next(sides)
        path = [*reversed(low), (search.estimate, 0.0), *high]
        points[name] = pd.DataFrame(path, columns=["value", "zeta"])
        bounds[name] = (held.low, held.high)
        if parameter.kind == "cor":
            points[name]["value"] = np.sin(points[name]["value"])
            bounds[name] = (-1.0, 1.0)
    return Profile(points, values[list(points)], bounds, level)


def _of_random_part(
    fit: MixedFit | MixedGLMFit, chosen: list[Parameter], everything: bool
) -> list[Parameter]:
    """The parameters that the REML criterion can be profiled by, or a refusal."""
    if isinstance(fit, MixedGLMFit):
        raise CourseError(
            "reml=True is for linear models: a generalised fit is by maximum likelihood, so leave it out"
        )
    fixed = [str(parameter) for parameter in chosen if parameter.kind == "fixed"]
    if fixed and not everything:
        raise CourseError(
            f"reml=True has no profile of {listing(fixed)}: REML criteria with different fixed effects "
            "cannot be compared. Leave reml=True out for them, or take the t-interval of fit.fixed_effects"
        )
    return [parameter for parameter in chosen if parameter.kind != "fixed"]


# -- along the profile -----------------------------------------------------------------------------


def _at_bound(held: Held | HeldAlone, estimate: float) -> float:
    """The estimate, or the end of the range that it is as good as at."""
    near = [bound for bound in (held.low, held.high) if abs(estimate - bound) < 1e-5 * held.scale]
    return near[0] if near else estimate


def _side(search: Search, sign: int, reach: float) -> Walk[list[tuple[float, float]]]:
    """value and zeta, from the estimate outwards."""
    bound = search.held.high if sign > 0 else search.held.low
    path = [(search.estimate, 0.0, search.start)]
    # how x changes with the value of the parameter, and how that changes
    slope, bend = np.zeros_like(search.start), np.zeros_like(search.start)
    step, last = ZETA_STEP * search.held.scale, 0.0

    def held_at(target: float, start: np.ndarray) -> Walk[tuple[float, float, np.ndarray]]:
        found, x = yield from search.minimise(target, start)
        if found < -MISSED:
            raise CourseError(
                f"the likelihood is higher away from the estimate (deviance {-found:.2g} lower): the "
                "search had not found its highest point. Look at fit.check(), and try a simpler model"
            )
        return target, sign * np.sqrt(max(found, 0.0)), x

    while abs(path[-1][1]) < reach and path[-1][0] != bound:
        if len(path) > MAX_POINTS:
            raise CourseError(
                f"after {MAX_POINTS} points the likelihood has still not fallen far enough for the "
                "interval: ask for a lower level, or use confint(fit, method='bootstrap')"
            )
        value, zeta, x = path[-1]
        target = bound if step > 0.8 * abs(bound - value) else value + sign * step
        way = target - value
        point = yield from held_at(target, x + (slope + bend * (way + last) / 2) * way)
        change = abs(point[1] - zeta)
        step = abs(target - value)
        if not change <= 2 * ZETA_STEP and step > 1e-9 * max(1.0, abs(value)):
            step *= max(0.2, 0.8 * ZETA_STEP / change)
            continue
        now = (point[2] - x) / way
        if len(path) > 1:
            bend = (now - slope) / ((way + last) / 2)
        slope, last = now, way
        path.append(point)
        step *= np.clip(ZETA_STEP / max(change, 1e-12), 0.3, 2.5)

    for mark in sorted({*MARKS, reach}):  # points where intervals of usual levels will end
        i = next((i for i, (_, zeta, _) in enumerate(path) if abs(zeta) > mark), None)
        if i is not None and mark <= reach:
            (value, low, x), (beyond, high, there) = path[i - 1 : i + 1]
            share = (sign * mark - low) / (high - low)
            point = yield from held_at(value + share * (beyond - value), x + share * (there - x))
            path.insert(i, point)
    return [(value, zeta) for value, zeta, _ in path[1:]]
