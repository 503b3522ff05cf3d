"""Sampling weights: how many units of the population one in the sample stands for, level by level.

The weight of a unit is one over the probability that it is in the sample: overall (of a student in the whole
survey), or conditional on the unit that contains it (of a student within a school that is in the sample). A
pseudo-likelihood takes the conditional ones of each level (Pfeffermann et al. 1998, doi
10.1111/1467-9868.00106), scaled within each unit above (Asparouhov 2006, doi 10.1080/03610920500476598):

    "size":        w_i|j * n_j / sum_i w_i|j               they add up to the size of the sample
    "effective":   w_i|j * sum_i w_i|j / sum_i w_i|j^2     they add up to its effective size
    None:          w_i|j                                   as they are
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from course.common.nearest import closest, nearest
from course.common.wording import listing
from course.design.columns import factorize, find_columns, is_number, missing_rows
from course.design.design import Design
from course.design.groups import lies_in
from course.errors import CourseError

SCALINGS = ("size", "effective", None)
# Weights of one school that differ by less than this share of themselves are the same.
CONSTANT = 1e-9
NEARLY = 0.75  # how much alike a name is that stands for a group, and not for the rows
EXAMPLE = 'weights={"student": "W_FSTUWT", "SCHOOLID": "W_SCHGRNRABWT"}'


@dataclass(frozen=True, eq=False)
class SamplingWeights:
    """Conditional weights of the rows and of the levels of nested groups.

    Attributes
    ----------
    chain : tuple of int
        The groupings of the design, finest first.
    rows : ndarray, shape (n,)
        Of each row within its level of the finest grouping, scaled.
    levels : tuple of ndarray
        For each grouping of the chain the weights of its levels, (L,), within the level above and scaled; at
        the top as they are.
    overall : ndarray, shape (n,)
        Of each row in the whole survey, as it is.
    strata : ndarray of int or None
        The stratum of each level at the top.
    scaling : {"size", "effective", None}
    words : tuple of str
        What was taken for which level.
    notes : tuple of str
        What is odd about them, as sentences.
    """

    chain: tuple[int, ...]
    rows: np.ndarray
    levels: tuple[np.ndarray, ...]
    overall: np.ndarray
    strata: np.ndarray | None
    scaling: str | None
    words: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def top(self) -> np.ndarray:
        """The weights of the levels at the top, (L,)."""
        return self.levels[-1]

    @property
    def in_words(self) -> str:
        """Which weights were taken for which level, and how they were scaled."""
        scaled = {
            "size": "scaled within each unit to the number of units in the sample",
            "effective": "scaled within each unit to the effective size of the sample",
            None: "not scaled",
        }[self.scaling]
        return f"{listing(self.words)}; below the top they are {scaled}"

    def times(self, design: Design, factors: np.ndarray) -> SamplingWeights:
        """The weights of a replicate, which multiplies the overall weight of each row by a factor.

        Parameters
        ----------
        design : Design
        factors : ndarray, shape (n,)
            The same for all rows of a level at the top, where such levels are drawn first. Where it differs
            in it, the level's weight takes the mean and the rows the rest.
        """
        codes = design.groupings[self.chain[-1]].codes
        mean = np.bincount(codes, self.rows * factors) / np.bincount(codes, self.rows)
        with np.errstate(divide="ignore", invalid="ignore"):
            rest = np.where(mean[codes] > 0, factors / mean[codes], 0.0)
        rest[np.abs(rest - 1) < CONSTANT] = 1.0
        return replace(
            self, rows=self.rows * rest, levels=(*self.levels[:-1], self.levels[-1] * mean)
        )


def read_sampling_weights(
    weights: Mapping[str, str],
    design: Design,
    data: pd.DataFrame,
    keep: np.ndarray,
    scaling: str | None = "size",
    strata: str | None = None,
) -> SamplingWeights:
    """The weights of each level from the columns of a survey.

    Parameters
    ----------
    weights : dict of str to str
        Columns of weights by the unit that they are of: a group of the formula, or any other name for the
        rows. ``"student"`` has the overall weight of a student; ``"student|school"`` that of a student given
        the school. Units that are not named are not weighted within the unit above.
    design : Design
    data : DataFrame
        The rows that the design was built of.
    keep : ndarray of bool
        Which of them are in the design.
    scaling : {"size", "effective", None}
    strata : str, optional
        A column that is constant within the units at the top.

    Raises
    ------
    CourseError
        For keys that are no unit, weights that are missing, not above 0, or not constant in a unit, groups
        that are not nested, and strata that are none.

    Examples
    --------
    >>> from course.design.design import build_design
    >>> from course.formula.parse import parse_formula
    >>> data = pd.DataFrame({"y": [1.0, 2, 4, 5, 9, 9], "g": list("aabbcc")})
    >>> data["w"], data["v"] = [2.0, 6, 3, 3, 5, 5], [2.0, 2, 3, 3, 5, 5]
    >>> design = build_design(parse_formula("y ~ 1 + (1|g)"), data)
    >>> keep = np.ones(6, dtype=bool)
    >>> found = read_sampling_weights({"pupil": "w", "g": "v"}, design, data, keep)
    >>> found.rows.tolist(), found.top.tolist()
    ([0.5, 1.5, 1.0, 1.0, 1.0, 1.0], [2.0, 3.0, 5.0])
    """
    if scaling not in SCALINGS:
        mend = nearest(str(scaling), ("size", "effective"))
        raise CourseError(f"scaling={scaling!r}: 'size', 'effective' or None{mend}")
    chain = _chain(design)
    units = [design.groupings[g].codes for g in chain]
    names = [design.groupings[g].name for g in chain]
    found = _read_keys(weights, design, chain)
    overall: dict[int, np.ndarray] = {}  # by place in the chain, -1 for the rows; each by row
    words = []
    for place in range(len(chain) - 1, -2, -1):
        name = names[place] if place >= 0 else found.label
        above = overall[place + 1] if place + 1 < len(chain) else np.ones(design.n)
        if place not in found.columns:
            overall[place] = above
            words.append(f"{name} not weighted" if place >= 0 else "rows not weighted")
            continue
        column, given = found.columns[place]
        values = _values(column, data, keep)
        if place >= 0:
            _check_constant(values, units[place], column, design.groupings[chain[place]])
        overall[place] = values if given is None else values * overall[given]
        said = f"{name} by {column}"
        if given is not None:
            said += f" (given {names[given]})"
        elif place + 1 < len(chain) and any(p > place for p in found.columns):
            said += f" (overall, divided by the weight of {names[place + 1]})"
        words.append(said)
    conditional = {
        place: overall[place] / overall[place + 1] if place + 1 < len(chain) else overall[place]
        for place in overall
    }
    first = [np.unique(codes, return_index=True)[1] for codes in units]
    levels = [conditional[place][rows] for place, rows in enumerate(first)]
    below_one = int((conditional[-1] < 1 - CONSTANT).sum())
    notes = []
    if scaling is None and below_one and found.columns.get(-1, ("", 0))[1] is None:
        column, unit = found.columns.get(-1, ("", None))[0], names[0]
        if column:
            notes.append(
                f"{column} over the weight of {unit} is below 1 in {below_one:,} rows. Is it the weight of "
                f'the rows within {unit}? Then write "{found.label}|{unit}".'
            )
    rows = _scaled(conditional[-1], units[0], scaling)
    for place in range(len(chain) - 1):
        levels[place] = _scaled(levels[place], units[place + 1][first[place]], scaling)
    return SamplingWeights(
        chain=tuple(chain),
        rows=rows,
        levels=tuple(levels),
        overall=overall[-1],
        strata=None if strata is None else _strata(strata, data, keep, units[-1], names[-1]),
        scaling=scaling,
        words=tuple(words),
        notes=tuple(notes),
    )


# -- which weight is of which level -------------------------------------------------------------


@dataclass
class _Keys:
    """Columns by place in the chain (-1: the rows), each with the place that it is given, or None."""

    columns: dict[int, tuple[str, int | None]]
    label: str


def _chain(design: Design) -> list[int]:
    """The groupings, finest first; refused where they are not nested."""
    order = sorted(range(len(design.groupings)), key=lambda g: -design.groupings[g].n_levels)
    for inner, outer in zip(order, order[1:], strict=False):
        if not design.nested[inner, outer]:
            a, b = design.groupings[inner].name, design.groupings[outer].name
            raise CourseError(
                f"weights of levels need groups that are nested, and {a} lies in several levels of {b}: "
                "leave the random effects of one out (its groups may be predictors), or fit without weights"
            )
    return order


def _read_keys(weights: Mapping[str, Any], design: Design, chain: list[int]) -> _Keys:
    places: dict[str, int] = {}
    for place, g in enumerate(chain):
        grouping = design.groupings[g]
        places[grouping.name] = place
        places.setdefault(grouping.factors[-1], place)  # SCHOOLID for CNT:SCHOOLID
    if not weights:
        raise CourseError(f"weights={{}} names no weights: write {EXAMPLE}")
    found = _Keys({}, "rows")
    groups = [design.groupings[g].name for g in chain]
    for key, column in weights.items():
        if not (isinstance(key, str) and isinstance(column, str)):
            raise CourseError(
                f"weights= is a dictionary from a unit to a column, as in {EXAMPLE}; got {key!r}: {column!r}"
            )
        unit, bar, above = (part.strip() for part in key.partition("|"))
        given = None
        if bar:
            if above not in places:
                mend = nearest(above, groups)
                raise CourseError(
                    f"weights: {key!r} is the weight of {unit} given {above!r}, which is no group of the "
                    f"formula ({listing(groups)}){mend}"
                )
            given = places[above]
        place = places.get(unit, -1)
        meant = _group_meant(unit, groups) if place < 0 else None
        if meant:
            raise CourseError(
                f"weights: {unit!r} is not a group of the formula; did you mean {meant!r}?"
            )
        if place in found.columns:
            raise CourseError(
                f"weights: {key!r} is not a group of the formula ({listing(groups)}), and neither is "
                f"{found.label!r}: only one key may stand for the rows"
                if place < 0
                else f"weights: {unit} has two weights; name the overall one ({unit!r}) or the one given the "
                "unit above"
            )
        if given is not None and given <= place:
            raise CourseError(
                f"weights: {key!r} gives the weight of {unit} within {above}, but {above} lies in {unit}"
            )
        if place < 0:
            found.label = unit
        found.columns[place] = (column, given)
    return found


def _group_meant(unit: str, groups: list[str]) -> str | None:
    """The group that somebody meant who wrote another name: school for SCHOOLID, shool for school."""
    small = {group.lower(): group for group in groups}
    for name, group in small.items():
        if unit.lower() in name or name in unit.lower():
            return group
    near = closest(unit.lower(), small, NEARLY)
    return small[near] if near else None


# -- values ---------------------------------------------------------------------------------------


def _values(name: str, data: pd.DataFrame, keep: np.ndarray) -> np.ndarray:
    """The weights of the complete rows; refused unless all are finite and above 0."""
    column = find_columns(data, [name])[name][keep].infer_objects()
    missing = missing_rows(column)
    if not missing.all() and not is_number(column):
        raise CourseError(
            f"the weights {name!r} are not numbers ({column.dtype}): if they are numbers written as text, "
            f"convert them with pd.to_numeric(data[{name!r}])"
        )
    values = column.to_numpy(dtype=float, na_value=np.nan)
    for bad, what, mend in (
        (missing, "missing", f"leave these rows out with data.dropna(subset=[{name!r}])"),
        (np.isinf(values), "infinite", "correct them"),
        (values < 0, "negative", "a weight is the number of units that a row represents, above 0"),
        (values == 0, "0", f"such a row represents nobody: leave it out, data[data[{name!r}] > 0]"),
    ):
        if bad.any():
            raise CourseError(
                f"the weights {name!r} are {what} in {bad.sum()} row(s), first at index "
                f"{column.index[bad.argmax()]!r}: {mend}"
            )
    return values


def _check_constant(values: np.ndarray, codes: np.ndarray, column: str, grouping: Any) -> None:
    """Refuse the weights of a unit that differ between its rows."""
    low, high = np.full((2, grouping.n_levels), np.nan)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    low, high = (f.reduceat(values[order], starts) for f in (np.minimum, np.maximum))
    differ = high > low * (1 + CONSTANT)
    if differ.any():
        j = int(differ.argmax())
        raise CourseError(
            f"weights: {column} should be the weight of each {grouping.name}, but it differs between the "
            f"rows of {int(differ.sum())} of them, first in {grouping.levels[j]!r} (from {low[j]:.6g} to "
            f"{high[j]:.6g}). Is it the weight of the rows? Then give it another key, as in {EXAMPLE}"
        )


def _scaled(weights: np.ndarray, parents: np.ndarray, scaling: str | None) -> np.ndarray:
    if scaling is None:
        return weights
    total = np.bincount(parents, weights)
    if scaling == "size":
        factor = np.bincount(parents) / total
    else:
        factor = total / np.bincount(parents, weights**2)
    return weights * factor[parents]


def _strata(
    name: str, data: pd.DataFrame, keep: np.ndarray, top: np.ndarray, unit: str
) -> np.ndarray:
    """The stratum of each level at the top."""
    column = find_columns(data, [name])[name][keep]
    if column.isna().any():
        raise CourseError(
            f"strata: {name} is missing in {int(column.isna().sum())} row(s) of the fit"
        )
    codes = factorize(column)[0]
    if not lies_in(top, codes):
        raise CourseError(
            f"strata: a {unit} lies in several strata ({name}); each is drawn from one stratum"
        )
    of_levels = codes[np.unique(top, return_index=True)[1]]
    counts = np.bincount(of_levels)
    if counts.min() < 2:
        label = column.iloc[int((codes == counts.argmin()).argmax())]
        raise CourseError(
            f"strata: {name} {label!r} has a single {unit} in the sample, which does not tell how its units "
            "differ: join it with the stratum most like it"
        )
    return of_levels
