"""What a simulation was told: the true parameters, and a table that holds them against a fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from course.common.parameter import Parameter
from course.common.variance_table import components_table
from course.errors import CourseError
from course.simulate.effects import Drawn, moved_covariance, moved_effects, moved_terms

# Levels of the simulated schools, coarsest first, with the levels that contain them.
CONTAINERS = {
    "province": (),
    "school": ("province",),
    "classroom": ("province", "school"),
    "student_id": ("province", "school"),  # pupils may change classrooms, never schools
}
# The same for the levels of a simulated assessment.
CONTAINERS_OF_SAMPLES = {"CNT": (), "STRATUM": ("CNT",), "SCHOOLID": ("CNT", "STRATUM")}

# What `Truth.compare` calls the kinds of parameters, in the order of its rows.
KINDS = {"fixed": "fixed effect", "sd": "SD", "sigma": "SD", "cor": "correlation"}


@dataclass(frozen=True, eq=False)
class Truth:
    """True parameters of simulated data, in the layout that a fit reports its estimates in.

    Attributes
    ----------
    fixed_effects : Series
        True coefficients by patsy name, in the units of the response per unit of the predictor.
    variance_components : DataFrame
        Columns group, effect, effect2, vcov, sdcor: one row per variance (effect2 is None, sdcor
        the SD) and per covariance (sdcor the correlation), the last row the group "Residual" (not
        for passing and absences, which have none and whose truth is on the scale of the link). The
        layout is that of ``fit.variance_components`` and lme4's ``as.data.frame(VarCorr(model))``.
    random_effects : dict of str to DataFrame
        The effects drawn for each group: levels x effects, like ``fit.random_effects``.

    See Also
    --------
    course.simulate_schools : Its result has one.
    course.recovery : Holds many fits against it.
    course.plots.recovery : Draws truth and estimates.

    Examples
    --------
    >>> from course import simulate_schools
    >>> truth = simulate_schools(intercept_sd={"school": 3}, residual_sd=8, seed=1).truth
    >>> truth.variance_components.loc[[1, 3], ["group", "sdcor"]]
          group  sdcor
    1    school    3.0
    3  Residual    8.0
    """

    fixed_effects: pd.Series
    variance_components: pd.DataFrame
    random_effects: dict[str, pd.DataFrame] = field(repr=False)

    def centred(self, name: str, at: float) -> Truth:
        """Return the same truth in terms of ``name = age - at``.

        Nothing about the pupils changes, only where zero is: an intercept becomes the value at age
        ``at``, so intercept SDs and the correlation of intercept and slope change while the slopes
        stay. With u0 and u1 the intercept and slope of a group, the new intercept is u0 + at * u1.

        Parameters
        ----------
        name : str
            The name of the centred predictor in the formula, such as "age_c" or "I(age - 10)".
        at : float
            Age in years that becomes zero.

        Returns
        -------
        Truth
            Of the same pupils, in the new terms.

        See Also
        --------
        course.plots.moving_zero : What moving the zero does to the effects of groups.

        Examples
        --------
        >>> from course.simulate.schools import simulate_schools
        >>> truth = simulate_schools(fixed_effects={"Intercept": 50, "age": 2}, seed=1).truth
        >>> truth.centred("age_c", at=10).fixed_effects.to_dict()
        {'Intercept': 70.0, 'age_c': 2.0}
        """
        covariances, drawn = {}, {}
        for group, effects in self.random_effects.items():
            covariance, drawn[group] = _covariance(self.variance_components, group), effects
            if "age" in effects:
                covariance = moved_covariance(covariance, at)
                drawn[group] = pd.DataFrame(
                    moved_effects(effects.to_numpy(), at), effects.index, ["Intercept", name]
                )
            covariances[group] = pd.DataFrame(
                covariance, drawn[group].columns, drawn[group].columns
            )
        last = self.variance_components.iloc[-1]
        residual_sd = last["sdcor"] if last["group"] == "Residual" else None
        fixed = pd.Series(moved_terms(self.fixed_effects, name, at))
        return Truth(fixed, variance_table(covariances, residual_sd), drawn)

    def parameters(self, groups: Sequence[str]) -> pd.Series:
        """True values under the names that `course.parameters` gives those of a fit.

        Parameters
        ----------
        groups : sequence of str
            The grouping factors of the fit. One that consists of the same units as a group of the truth
            is recognised, as in `compare`; the others of the truth keep their names.

        Returns
        -------
        Series
            By name of the parameter.

        See Also
        --------
        course.parameters : The estimates, under the same names.

        Examples
        --------
        >>> from course.simulate.schools import simulate_schools
        >>> truth = simulate_schools(intercept_sd={"classroom": 4}, seed=1).truth
        >>> float(truth.parameters(["school:classroom"])["sd(Intercept | school:classroom)"])
        4.0
        """
        groups = list(groups)
        own = _as_in_truth(groups, list(self.random_effects))
        names = dict(zip(own, groups, strict=True))
        values = {
            str(replace(parameter, group=names.get(parameter.group, parameter.group))): value
            for parameter, value in _parameters(
                self.fixed_effects, self.variance_components
            ).items()
        }
        return pd.Series(values, dtype=float)

    def compare(self, fit: Any) -> pd.DataFrame:
        """Hold a fit against the truth, one row per parameter that either of them has.

        Parameters
        ----------
        fit : MixedFit
            A fit of ``course.mixedlm``; its ``fixed_effects`` and ``variance_components`` are read.

        Returns
        -------
        DataFrame
            Columns

            - kind: "fixed effect", "SD" or "correlation";
            - group: the grouping factor ("" for a fixed effect, "Residual" for the residual);
            - effect: the patsy name, or for a correlation both names;
            - true, estimate: NaN where the simulation, or the fit, does not have this parameter;
            - std_error, lower, upper: as in ``fit.fixed_effects``, NaN for SDs and correlations;
            - covered: whether lower <= true <= upper, missing where one of them is.

        Raises
        ------
        CourseError
            If ``fit`` has no tables of fixed effects and variance components.

        See Also
        --------
        course.recovery : The same for many simulated data sets.

        Notes
        -----
        A group that the fit names otherwise but that consists of the same units is recognised:
        with unique labels ``school:classroom`` is ``classroom``. With labels that restart in each
        parent it is not, and a fit by ``classroom`` alone stands in rows of its own.

        A predictor that the fit leaves out moves into the variances: they then estimate more than
        the SD that was simulated.
        """
        if not (hasattr(fit, "fixed_effects") and hasattr(fit, "variance_components")):
            raise CourseError(
                f"compare() needs a fitted model, not {type(fit).__name__}; "
                "write truth.compare(mixedlm(formula, data).fit())"
            )
        true = _parameters(self.fixed_effects, self.variance_components)
        components = fit.variance_components.assign(
            group=_as_in_truth(fit.variance_components["group"], list(self.random_effects))
        )
        estimated = _parameters(fit.fixed_effects["estimate"], components)

        parameters = [*true, *(one for one in estimated if one not in true)]
        parameters.sort(key=lambda one: list(KINDS).index(one.kind))
        table = pd.DataFrame([labels(one) for one in parameters])
        table["true"] = [true.get(one, np.nan) for one in parameters]
        table["estimate"] = [estimated.get(one, np.nan) for one in parameters]
        intervals = fit.fixed_effects[["std_error", "lower", "upper"]]
        names = table["effect"].where(table["kind"] == "fixed effect")
        table = pd.concat([table, intervals.reindex(names).reset_index(drop=True)], axis=1)
        covered = table["true"].between(table["lower"], table["upper"]).astype("boolean")
        table["covered"] = covered.mask(table[["true", "lower", "upper"]].isna().any(axis=1))
        return table


def truth_of(
    fixed: Mapping[str, float],
    drawn: Mapping[str, Drawn],
    units: Sequence[pd.Index],
    residual_sd: float | None,
) -> Truth:
    """Tables of what was drawn.

    Parameters
    ----------
    fixed : mapping of str to float
        True coefficients by patsy name.
    drawn : mapping of str to Drawn
        The random effects by group.
    units : sequence of Index
        The labels of the units of each group, in the order of `drawn`.
    residual_sd : float or None
        SD of the residual, in the units of the response; None where there is no residual.
    """
    covariances, effects = {}, {}
    for (group, one), index in zip(drawn.items(), units, strict=True):
        names = pd.Index(one.names)
        covariances[group] = pd.DataFrame(one.covariance, names, names)
        effects[group] = pd.DataFrame(one.values, columns=names).set_index(index)
    return Truth(pd.Series(fixed), variance_table(covariances, residual_sd), effects)


def variance_table(
    covariances: Mapping[str, pd.DataFrame], residual_sd: float | None
) -> pd.DataFrame:
    """Lay covariance matrices of random effects out as lme4's ``as.data.frame(VarCorr(model))``.

    Parameters
    ----------
    covariances : mapping of str to DataFrame
        For each group the covariance matrix, effects x effects.
    residual_sd : float or None
        SD of the residual, in the units of the response; None where there is no residual.

    Returns
    -------
    DataFrame
        Columns group, effect, effect2, vcov, sdcor.

    Examples
    --------
    >>> effects = ["Intercept", "age"]
    >>> variance_table({"school": pd.DataFrame([[9, 3], [3, 4]], effects, effects)}, 5.0)
          group     effect effect2  vcov  sdcor
    0    school  Intercept    None   9.0    3.0
    1    school        age    None   4.0    2.0
    2    school  Intercept     age   3.0    0.5
    3  Residual       None    None  25.0    5.0
    """
    parts = []
    for group, matrix in covariances.items():
        covariance = matrix.to_numpy(dtype=float, copy=True)
        # Where the zero of a predictor was moved, rounding may leave a variance of -1e-16.
        np.fill_diagonal(covariance, np.maximum(np.diagonal(covariance), 0.0))
        parts.append((group, list(matrix), [range(len(matrix))], covariance))
    return components_table(parts, None if residual_sd is None else residual_sd**2)


def _covariance(components: pd.DataFrame, group: str) -> np.ndarray:
    """Covariance matrix of one group of a table of variance components."""
    its = components["group"].to_numpy() == group
    values = components["vcov"].to_numpy()[its]
    variances = values[pd.isna(components["effect2"].to_numpy()[its])]
    matrix = np.diag(variances)
    if len(variances) == 2:
        matrix[0, 1] = matrix[1, 0] = values[-1]
    return matrix


def labels(parameter: Parameter) -> dict[str, str]:
    """kind, group and effect of a parameter, as `Truth.compare` has them.

    Examples
    --------
    >>> labels(Parameter("cor", "school", ("Intercept", "age")))
    {'kind': 'correlation', 'group': 'school', 'effect': 'Intercept, age'}
    >>> labels(Parameter("sigma"))
    {'kind': 'SD', 'group': 'Residual', 'effect': ''}
    """
    return {
        "kind": KINDS[parameter.kind],
        "group": "Residual" if parameter.kind == "sigma" else parameter.group,
        "effect": ", ".join(parameter.effects),
    }


def _parameters(fixed: pd.Series, components: pd.DataFrame) -> dict[Parameter, float]:
    """Values by parameter, from a fit as from the truth."""
    values = {Parameter("fixed", effects=(name,)): float(value) for name, value in fixed.items()}
    rows = zip(*(components[name] for name in ("group", "effect", "effect2", "sdcor")), strict=True)
    for group, effect, effect2, sdcor in rows:
        if pd.isna(effect):
            parameter = Parameter("sigma")
        elif pd.isna(effect2):
            parameter = Parameter("sd", group, (effect,))
        else:
            # The intercept first, so that the order of the terms in a formula does not matter.
            pair = sorted((effect, effect2), key=lambda e: (e != "Intercept", e))
            parameter = Parameter("cor", group, tuple(pair))
        values[parameter] = float(sdcor)
    return values


def _as_in_truth(groups: Iterable[str], true_groups: list[str]) -> list[str]:
    """Rename the groups of a fit that are the units of a group of the truth."""
    names = dict.fromkeys(groups)
    found = {name: name for name in names if name in true_groups}
    for name in names:
        match = next((group for group in true_groups if _same_units(name, group)), name)
        # Two terms over the same units: the second has no truth of its own.
        found.setdefault(name, name if match in found.values() else match)
    return [found[name] for name in groups]


def _same_units(name: str, group: str) -> bool:
    """Whether ``name`` adds to ``group`` nothing but levels that contain it."""
    parts, own = set(name.split(":")), group.split(":")
    containers = (CONTAINERS | CONTAINERS_OF_SAMPLES)[own[-1]]
    return parts >= set(own) and parts - set(own) <= set(containers)
