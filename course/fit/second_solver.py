"""The same model in statsmodels: a genuine ``MixedLMResults``, and both solvers side by side.

MixedLM gets the matrices that the fit was made from, starts at its optimum and finishes by itself: an
independent check of every fit. Correlated effects that MixedLM has no place for become independent ones by
a change of columns: with their covariance matrix written L D L', the columns Z L have independent
effects with variances D (for an intercept and a slope: the predictor shifted to where they are unrelated).
"""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course.design.design import Design
from course.errors import CourseError
from course.solver.estimates import Estimates
from course.translation.layout import Effects, Layout, lay_out, unit

if TYPE_CHECKING:
    from statsmodels.regression.mixed_linear_model import MixedLMResults

# A relative variance of 0 becomes this and is held there: statsmodels divides by it, and takes an effect
# whose variance falls below 1e-10 for a fixed one.
FLOOR = 1e-9
CLOSE = 1e-3  # log-likelihoods of one optimum
SHORT = 0.005  # log-likelihood units that are worth a word
COLD = 20  # how many times longer statsmodels takes from its own start
MEMORY = 2e9  # bytes
SECONDS = 60
CELLS_PER_SECOND = 3e8  # rows x columns^2, summed over groups, that MixedLM gets through


@dataclass(frozen=True)
class Component:
    """One variance component for MixedLM: a column whose effect varies between the levels."""

    name: str
    grouping: int
    column: np.ndarray  # (n,)
    variance: float  # relative to the residual's


def fit_twin(design: Design, estimates: Estimates, force: bool = False) -> MixedLMResults:
    """MixedLM's own results for the same model, started at the optimum of `estimates`.

    Raises
    ------
    CourseError
        Where this would take more than about a minute or 2 GB, unless forced; and where statsmodels
        breaks down.
    """
    layout = lay_out(design)
    if not force:
        _refuse_large(layout, _components(layout, estimates))
    if layout.re is not None and len(layout.re.block) > 1:
        with contextlib.suppress(np.linalg.LinAlgError):
            twin = _fit(layout, estimates)
            if abs(twin.llf - estimates.llf) < CLOSE:
                return twin
        # MixedLM's algebra breaks down where correlated effects are singular: give it unrelated ones
        layout = _without_correlations(layout)
    try:
        return _fit(layout, estimates)
    except np.linalg.LinAlgError as error:
        raise CourseError(
            f"statsmodels breaks down on this model ({error}); the estimates of this fit do not need it"
        ) from error


def _repeated(design: Design, first: int) -> set[int]:
    """Groupings that are another one under a second name, with an effect in common.

    Only the sum of their variances is known, so MixedLM's Hessian cannot be inverted unless one is held. The
    grouping `first`, and then the order of the formula, decide which one is not.
    """
    order = sorted(range(len(design.groupings)), key=lambda g: g != first)
    effects = [set(grouping.effects) for grouping in design.groupings]
    return {
        g
        for at, g in enumerate(order)
        for before in order[:at]
        if design.nested[g, before] and design.nested[before, g] and effects[g] & effects[before]
    }


def _without_correlations(layout: Layout) -> Layout:
    """The effects at the top, too, as components of changed columns."""
    at_top = () if layout.re is None else (layout.re,)
    return replace(layout, re=None, correlated=(*layout.correlated, *at_top))


def _fit(layout: Layout, estimates: Estimates, alone: bool = False) -> MixedLMResults:
    """MixedLM from the optimum of `estimates`; `alone`, from its own start by its default optimiser."""
    from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMParams, VCSpec

    design, components = layout.design, _components(layout, estimates)
    y = pd.Series(design.y, name=design.formula.response)
    X = pd.DataFrame(design.X, columns=list(design.fixed_names))
    codes = layout.top_codes
    exog_re, re_names, cov_re, singular_re = None, [], np.empty((0, 0)), False
    if layout.re is not None:
        grouping = design.groupings[layout.re.grouping]
        block = list(layout.re.block)
        units = [unit(grouping.Z[:, j]) for j in block]
        exog_re = grouping.Z[:, block] / units
        re_names = [
            _label(grouping.effects[j].replace("Intercept", grouping.name), scale)
            for j, scale in zip(block, units, strict=True)
        ]
        factor = estimates.factors[layout.re.grouping][np.ix_(block, block)]
        factor = np.array(units)[:, None] * factor
        cov_re, singular_re = _positive(factor @ factor.T)
    spec = VCSpec([], [], [])
    if components:
        # statsmodels sorts components by name; so do its results
        components = sorted(components, key=lambda component: component.name)
        rows = _rows_by_group(codes)
        matrices = [_matrices(component, design, rows) for component in components]
        spec = VCSpec(
            [component.name for component in components],
            [names for names, _ in matrices],
            [mats for _, mats in matrices],
        )
    model = MixedLM(y, X, groups=codes, exog_re=exog_re, exog_vc=spec if components else None)
    names, re_names, re_names_full = model._make_param_names(re_names)
    model.data.param_names = names
    model.data.exog_re_names = re_names
    model.data.exog_re_names_full = re_names_full
    model.data.vcomp_names = spec.names
    start = MixedLMParams.from_components(
        fe_params=estimates.beta,
        cov_re=cov_re,
        vcomp=np.array([max(component.variance, FLOOR) for component in components]),
    )
    held = {}
    repeated = _repeated(design, -1 if layout.re is None else layout.re.grouping)
    free = [
        component.variance >= FLOOR and component.grouping not in repeated
        for component in components
    ]
    if singular_re or not all(free):
        held["free"] = MixedLMParams.from_components(
            fe_params=np.ones(X.shape[1]),
            cov_re=np.full_like(cov_re, not singular_re),
            vcomp=np.array(free, dtype=float),
        )
    with warnings.catch_warnings():
        # at a variance of 0 statsmodels warns of the boundary in many ways; `singular` says it once
        warnings.simplefilter("ignore")
        if alone:
            return model.fit(reml=estimates.reml)
        return model.fit(start_params=start, reml=estimates.reml, method="lbfgs", **held)


def _label(name: str, scale: float) -> str:
    return name if scale == 1 else f"({name} / {scale:g})"


def _components(layout: Layout, estimates: Estimates) -> list[Component]:
    found = []
    for effects in layout.vc:
        g, (j,) = effects.grouping, effects.block
        variance = float((estimates.factors[g] @ estimates.factors[g].T)[j, j])
        column = layout.design.groupings[g].Z[:, j]
        scale = unit(column)
        name = _label(layout.name(effects), scale)
        found.append(Component(name, g, column / scale, variance * scale**2))
    for effects in layout.correlated:
        found += _unrelated(layout.design, estimates, effects)
    return found


def _unrelated(design: Design, estimates: Estimates, effects: Effects) -> list[Component]:
    """Correlated effects as independent ones of the columns Z L, the intercept last."""
    g = effects.grouping
    grouping = design.groupings[g]
    order = sorted(effects.block, key=lambda j: grouping.effects[j] == "Intercept")
    factor = estimates.factors[g]
    L, D = ldl((factor @ factor.T)[np.ix_(order, order)])
    columns = grouping.Z[:, order] @ L
    found = []
    for at, j in enumerate(order):
        shifts = [
            f"{L[i, at]:+.4g}" + ("" if other == "Intercept" else f"*{other}")
            for i, other in enumerate(grouping.effects[o] for o in order)
            if i > at and L[i, at]
        ]
        label = grouping.effects[j]
        name = grouping.name
        if label != "Intercept":
            name = f"{name}:({' '.join([label, *shifts])})" if shifts else f"{name}:{label}"
        scale = unit(columns[:, at])
        column = columns[:, at] / scale
        found.append(Component(_label(name, scale), g, column, float(D[at]) * scale**2))
    return found


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
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def _matrices(
    component: Component, design: Design, rows: list[np.ndarray]
) -> tuple[list[list[str]], list[np.ndarray]]:
    """The component's columns in each top-level group, one for each level that occurs there."""
    grouping = design.groupings[component.grouping]
    names, matrices = [], []
    for here in rows:
        present, position = np.unique(grouping.codes[here], return_inverse=True)
        matrix = np.zeros((len(here), len(present)))
        matrix[np.arange(len(here)), position] = component.column[here]
        matrices.append(matrix)
        labels = grouping.levels[present]
        names.append([":".join(map(str, np.atleast_1d(label))) for label in labels])
    return names, matrices


def cost(layout: Layout, components: list[Component]) -> tuple[float, float]:
    """Rough bytes and seconds that MixedLM takes for a model."""
    k = 0 if layout.re is None else len(layout.re.block)
    groupings = [layout.design.groupings[component.grouping].codes for component in components]
    top = layout.top_codes
    n_rows = np.bincount(top)
    n_columns = np.full(len(n_rows), float(k))
    for codes in groupings:
        first = np.unique(codes * len(n_rows) + top)
        n_columns += np.bincount(first % len(n_rows), minlength=len(n_rows))
    cells = 8 * 4 * float((n_rows * n_columns).sum())
    work = (len(components) + k) * float((n_rows * n_columns**2).sum()) / CELLS_PER_SECOND
    return cells, work


def seconds(design: Design, estimates: Estimates) -> float:
    """Rough time that ``fit.statsmodels`` takes."""
    layout = lay_out(design)
    return cost(layout, _components(layout, estimates))[1]


def _refuse_large(layout: Layout, components: list[Component]) -> None:
    cells, work = cost(layout, components)
    if cells > MEMORY or work > SECONDS:
        raise CourseError(
            f"statsmodels keeps a dense matrix for each top-level group: about {cells / 1e9:.1f} GB and "
            f"{work / 60:.0f} minutes here. fit.to_statsmodels(force=True) does it all the same; "
            "the estimates of this fit do not need it"
        )
