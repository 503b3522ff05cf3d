"""The same model fitted by statsmodels: a genuine ``MixedLMResults``.

MixedLM gets the matrices that the fit was made from, starts at its optimum and finishes by itself: an
independent check of every fit. Correlated effects that MixedLM has no place for become independent ones by
a change of columns: with their covariance matrix written L D L', the columns Z L have independent
effects with variances D (for an intercept and a slope: the predictor shifted to where they are unrelated).
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from course.design.design import Design
from course.design.groups import pair_numbers
from course.design.identification import RESIDUAL, find_shared
from course.errors import CourseError
from course.solver.estimates import Estimates
from course.translation.layout import Effects, Layout, lay_out, unit

if TYPE_CHECKING:
    from statsmodels.regression.mixed_linear_model import (
        MixedLM,
        MixedLMParams,
        MixedLMResults,
        VCSpec,
    )

# A relative variance of 0 becomes this and is held there: statsmodels divides by it, and takes an effect
# whose variance falls below 1e-10 for a fixed one.
FLOOR = 1e-9
# Log-likelihoods as near as this belong to one optimum.
CLOSE = 1e-3
# What MixedLM may take, in bytes and seconds, before a fit by it must be forced.
MEMORY = 2e9
SECONDS = 60
# How much of rows x columns^2, summed over groups, MixedLM gets through in a second.
CELLS_PER_SECOND = 3e8
TOP = -1  # the number of the correlated effects at the top level among components


@dataclass(frozen=True)
class VarianceComponent:
    """One variance component for MixedLM: a column whose effect varies between the levels."""

    name: str
    grouping: int
    column: np.ndarray  # (n,)
    variance: float  # relative to the residual's


@dataclass(frozen=True)
class _TopEffects:
    """The correlated effects of the top level for MixedLM, k of them."""

    columns: np.ndarray  # (n, k)
    names: list[str]
    covariance: np.ndarray  # relative to the residual's variance, (k, k)
    singular: bool  # before it was made one that statsmodels can invert


def fit_by_statsmodels(design: Design, estimates: Estimates, force: bool = False) -> MixedLMResults:
    """MixedLM's own results for the same model, started at the optimum of `estimates`.

    Raises
    ------
    CourseError
        Where this would take more than about a minute or 2 GB, unless forced; and where statsmodels
        breaks down.
    """
    layout = lay_out(design.scaled)
    if not force:
        _refuse_large(layout, variance_components(layout, estimates))
    if layout.re is not None and len(layout.re.block) > 1:
        with contextlib.suppress(np.linalg.LinAlgError):
            result = fit_from_optimum(layout, estimates)
            if abs(llf_of(design, result) - estimates.llf) < CLOSE:
                return result
        # MixedLM's algebra breaks down where correlated effects are singular: give it unrelated ones
        layout = without_correlations(layout)
    try:
        return fit_from_optimum(layout, estimates)
    except np.linalg.LinAlgError as error:
        raise CourseError(
            f"statsmodels breaks down on this model ({error}); the estimates of this fit do not need it"
        ) from error


def llf_of(design: Design, result: MixedLMResults) -> float:
    """Its log-likelihood for the design; MixedLM has the weighted rows times the roots of their weights."""
    return float(result.llf) + design.sum_log_weights / 2


def without_correlations(layout: Layout) -> Layout:
    """The effects at the top, too, as components of changed columns."""
    at_top = () if layout.re is None else (layout.re,)
    return replace(layout, re=None, correlated=(*layout.correlated, *at_top))


def fit_from_optimum(layout: Layout, estimates: Estimates) -> MixedLMResults:
    """MixedLM started at the optimum of `estimates`."""
    components = _sorted_components(layout, estimates)
    top = top_effects(layout, estimates)
    model = _model(layout, components, top)
    with _without_warnings():
        return model.fit(
            start_params=_start(estimates, components, top),
            reml=estimates.reml,
            method="lbfgs",
            free=_free(layout, estimates, components, top),
        )


def fit_alone(layout: Layout, estimates: Estimates) -> MixedLMResults:
    """MixedLM from its own start, by its default optimiser, as a user of statsmodels has it."""
    components = _sorted_components(layout, estimates)
    model = _model(layout, components, top_effects(layout, estimates))
    with _without_warnings():
        return model.fit(reml=estimates.reml)


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """At a variance of 0 statsmodels warns of the boundary in many ways; `singular` says it once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _model(layout: Layout, components: list[VarianceComponent], top: _TopEffects | None) -> MixedLM:
    """MixedLM with the matrices of the design, and the names of its parameters."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    design, variances = layout.design, _variance_spec(layout, components)
    model = MixedLM(
        pd.Series(design.y_less_offset, name=design.formula.response),
        pd.DataFrame(design.X, columns=list(design.fixed_names)),
        groups=layout.top_codes,
        exog_re=None if top is None else top.columns,
        exog_vc=variances if components else None,
    )
    names, re_names, re_names_full = model._make_param_names([] if top is None else top.names)
    model.data.param_names = names
    model.data.exog_re_names = re_names
    model.data.exog_re_names_full = re_names_full
    model.data.vcomp_names = variances.names
    return model


def top_effects(layout: Layout, estimates: Estimates) -> _TopEffects | None:
    """The correlated effects at the top level, in units that MixedLM can work with."""
    if layout.re is None:
        return None
    grouping = layout.design.groupings[layout.re.grouping]
    block = list(layout.re.block)
    units = [unit(grouping.Z[:, j]) for j in block]
    names = [
        label(grouping.labels[j].replace("Intercept", grouping.name), scale)
        for j, scale in zip(block, units, strict=True)
    ]
    factor = estimates.factors[layout.re.grouping][np.ix_(block, block)]
    factor = np.array(units)[:, None] * factor
    covariance, singular = _positive(factor @ factor.T)
    return _TopEffects(grouping.Z[:, block] / units, names, covariance, singular)


def _variance_spec(layout: Layout, components: list[VarianceComponent]) -> VCSpec:
    """The variance components as MixedLM takes them: for each its columns in each top-level group."""
    from statsmodels.regression.mixed_linear_model import VCSpec

    rows = _rows_by_group(layout.top_codes)
    matrices = [_matrices(component, layout.design, rows) for component in components]
    return VCSpec(
        [component.name for component in components],
        [names for names, _ in matrices],
        [columns for _, columns in matrices],
    )


def _start(
    estimates: Estimates, components: list[VarianceComponent], top: _TopEffects | None
) -> MixedLMParams:
    """The optimum of `estimates` as parameters of MixedLM."""
    from statsmodels.regression.mixed_linear_model import MixedLMParams

    return MixedLMParams.from_components(
        fe_params=estimates.beta,
        cov_re=np.empty((0, 0)) if top is None else top.covariance,
        vcomp=np.array([max(component.variance, FLOOR) for component in components]),
    )


def _free(
    layout: Layout,
    estimates: Estimates,
    components: list[VarianceComponent],
    top: _TopEffects | None,
) -> MixedLMParams | None:
    """Which parameters MixedLM may move (1) and which it must hold (0); None where it may move all.

    Held are variances at 0, covariance matrices that are singular, and of (co)variances that share what is
    known so many that the others are known: MixedLM's Hessian could not be inverted.
    """
    from statsmodels.regression.mixed_linear_model import MixedLMParams

    held = shared_components(layout, components, top, estimates.reml)
    free = [
        component.variance >= FLOOR and number not in held
        for number, component in enumerate(components)
    ]
    singular = top is not None and (top.singular or TOP in held)
    if all(free) and not singular:
        return None
    k = 0 if top is None else len(top.covariance)
    return MixedLMParams.from_components(
        fe_params=np.ones(layout.design.X.shape[1]),
        cov_re=np.full((k, k), float(not singular)),
        vcomp=np.array(free, dtype=float),
    )


class _Varying(NamedTuple):
    """Effects that vary by some groups, as `find_shared` takes them."""

    codes: np.ndarray
    Z: np.ndarray
    blocks: tuple[tuple[int, ...], ...]


def shared_components(
    layout: Layout, components: list[VarianceComponent], top: _TopEffects | None, reml: bool
) -> set[int]:
    """Which components must be held so that all others are known; `TOP` for the correlated effects."""
    if not layout.design.shared(reml):
        return set()
    groupings = layout.design.groupings
    parts = [_Varying(groupings[c.grouping].codes, c.column[:, None], ((0,),)) for c in components]
    numbers = list(range(len(components)))
    if top is not None:  # in front, where it is held only if nothing else will do
        block = tuple(range(top.columns.shape[1]))
        parts.insert(0, _Varying(layout.top_codes, top.columns, (block,)))
        numbers.insert(0, TOP)
    found = find_shared(parts, layout.design.X if reml else None)
    return {numbers[one.grouping] for shared in found for one in shared.pivots if one != RESIDUAL}


def _sorted_components(layout: Layout, estimates: Estimates) -> list[VarianceComponent]:
    """The variance components by name: statsmodels sorts them, and so do its results."""
    return sorted(variance_components(layout, estimates), key=lambda component: component.name)


def label(name: str, scale: float) -> str:
    """The name of an effect, with the unit that its column was divided by."""
    return name if scale == 1 else f"({name} / {scale:g})"


def variance_components(layout: Layout, estimates: Estimates) -> list[VarianceComponent]:
    """The effects that MixedLM takes as independent ones, each with a variance of its own."""
    components = []
    for effects in layout.vc:
        g, (j,) = effects.grouping, effects.block
        variance = float((estimates.factors[g] @ estimates.factors[g].T)[j, j])
        column = layout.design.groupings[g].Z[:, j]
        scale = unit(column)
        name = label(layout.name(effects), scale)
        components.append(VarianceComponent(name, g, column / scale, variance * scale**2))
    for effects in layout.correlated:
        components += _unrelated(layout.design, estimates, effects)
    return components


def _unrelated(design: Design, estimates: Estimates, effects: Effects) -> list[VarianceComponent]:
    """Correlated effects as independent ones of the columns Z L, the intercept last."""
    g = effects.grouping
    grouping = design.groupings[g]
    order, L, D = change_of_columns(design, estimates, effects)
    columns = grouping.Z[:, order] @ L
    components = []
    for at, j in enumerate(order):
        shifts = [
            f"{L[i, at]:+.4g}" + ("" if other == "Intercept" else f"*{other}")
            for i, other in enumerate(grouping.effects[o] for o in order)
            if i > at and L[i, at]
        ]
        effect = grouping.labels[j]
        name = grouping.name
        if effect != "Intercept":
            name = f"{name}:({' '.join([effect, *shifts])})" if shifts else f"{name}:{effect}"
        scale = unit(columns[:, at])
        column = columns[:, at] / scale
        components.append(VarianceComponent(label(name, scale), g, column, float(D[at]) * scale**2))
    return components


def change_of_columns(
    design: Design, estimates: Estimates, effects: Effects
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """In which order correlated effects are taken, and L and D of their covariance matrix over sigma^2."""
    grouping, factor = design.groupings[effects.grouping], estimates.factors[effects.grouping]
    order = sorted(effects.block, key=lambda j: grouping.effects[j] == "Intercept")
    return order, *ldl((factor @ factor.T)[np.ix_(order, order)])


def ldl(S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """S = L diag(D) L' with ones on the diagonal of L; S may be singular.

    Examples
    --------
    >>> L, D = ldl(np.array([[4.0, 2.0], [2.0, 5.0]]))
    >>> L.tolist(), D.tolist()
    ([[1.0, 0.0], [0.5, 1.0]], [4.0, 4.0])
    """
    rest, k = S.astype(float).copy(), len(S)
    L, D = np.eye(k), np.zeros(k)
    for j in range(k):
        D[j] = max(rest[j, j], 0.0)
        if D[j] > 1e-12 * max(S[j, j], 1e-300):
            L[j + 1 :, j] = rest[j + 1 :, j] / D[j]
            rest -= np.outer(rest[:, j], rest[:, j]) / D[j]
    return L, D


def _positive(S: np.ndarray) -> tuple[np.ndarray, bool]:
    """The nearest covariance matrix that statsmodels can invert, and whether S itself was singular."""
    values, vectors = np.linalg.eigh(S)
    return (vectors * values.clip(min=FLOOR)) @ vectors.T, bool(values.min() < FLOOR)


def _rows_by_group(codes: np.ndarray) -> list[np.ndarray]:
    """The positions of the rows of each group."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def _matrices(
    component: VarianceComponent, design: Design, rows: list[np.ndarray]
) -> tuple[list[list[str]], list[np.ndarray]]:
    """The component's columns in each top-level group, one for each level that occurs there."""
    grouping = design.groupings[component.grouping]
    names, matrices = [], []
    for in_group in rows:
        present, position = np.unique(grouping.codes[in_group], return_inverse=True)
        matrix = np.zeros((len(in_group), len(present)))
        matrix[np.arange(len(in_group)), position] = component.column[in_group]
        matrices.append(matrix)
        labels = grouping.levels[present]
        names.append([":".join(map(str, np.atleast_1d(label))) for label in labels])
    return names, matrices


def cost(layout: Layout, components: list[VarianceComponent]) -> tuple[float, float]:
    """Rough bytes and seconds that MixedLM takes for a model."""
    k = 0 if layout.re is None else len(layout.re.block)
    groupings = [layout.design.groupings[component.grouping].codes for component in components]
    top = layout.top_codes
    n_rows = np.bincount(top)
    n_columns = np.full(len(n_rows), float(k))
    for codes in groupings:
        first = np.unique(pair_numbers(codes, top, len(n_rows)))
        n_columns += np.bincount(first % len(n_rows), minlength=len(n_rows))
    cells = 8 * 4 * float((n_rows * n_columns).sum())
    work = (len(components) + k) * float((n_rows * n_columns**2).sum()) / CELLS_PER_SECOND
    return cells, work


def seconds(design: Design, estimates: Estimates) -> float:
    """Rough time that ``fit.statsmodels`` takes."""
    layout = lay_out(design.scaled)
    return cost(layout, variance_components(layout, estimates))[1]


def _refuse_large(layout: Layout, components: list[VarianceComponent]) -> None:
    cells, work = cost(layout, components)
    if cells > MEMORY or work > SECONDS:
        raise CourseError(
            f"statsmodels keeps a dense matrix for each top-level group: about {cells / 1e9:.1f} GB and "
            f"{work / 60:.0f} minutes here. fit.to_statsmodels(force=True) does it all the same; "
            "the estimates of this fit do not need it"
        )
