"""The points at which a model is looked at for adjusted means and slopes: R emmeans' reference grid.

A predictor with labels is taken at all of its levels, one with numbers at its mean, unless ``at=`` says
otherwise. Averaged over the points, a row of X becomes a linear combination of the fixed effects:

    mean of level i = sum over points h of w_h x(i, h)' beta,    sum of w_h = 1

with x(i, h) made by the formula itself, so that ``np.log(x)``, ``C(grade)`` or ``bs(x, df=4)`` are what they
are in the fit (Searle, Speed and Milliken 1980, doi 10.1080/00031305.1980.10483031).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pandas as pd

from course.common.arguments import choice, dictionary, unknown
from course.common.nearest import nearest
from course.common.wording import count, listing, words
from course.design.columns import model_column
from course.design.design import Design
from course.errors import CourseError
from course.formula.parse import variables_of

WEIGHTS = ("equal", "observed")
FEW = 2  # values: a column of numbers with no more of them, as 0 and 1, is taken at each, as in emmeans
MOST_CELLS = 30_000_000  # of X at all points: a quarter of a gigabyte
MOST_NAMED = 8  # levels in a message


@dataclass(frozen=True, eq=False)
class Functions:
    """Linear combinations of the columns of the fixed part, with a label each.

    Attributes
    ----------
    labels : Index of length m
    L : ndarray, shape (m, P)
        For all columns of the fixed part, those included that others determine.
    offset : ndarray, shape (m,)
        What the formula adds as it is.
    """

    labels: pd.Index
    L: np.ndarray
    offset: np.ndarray


@dataclass(frozen=True, eq=False)
class ReferenceGrid:
    """Values of each predictor of the fixed part.

    Attributes
    ----------
    design : Design
    values : dict of str to list
        Where each predictor is looked at.
    levels : dict of str to list
        All levels of those that are taken at each of their levels.
    population : ndarray of shape (n,), or None
        How many rows of the population each row stands for, where it was sampled with weights.
    """

    design: Design
    values: dict[str, list]
    levels: dict[str, list]
    population: np.ndarray | None = None

    def functions(
        self, shown: Sequence[str], weights: str, shift: Mapping[str, list] | None = None
    ) -> Functions:
        """The mean at each combination of the predictors shown, averaged over the others.

        Parameters
        ----------
        shown : list of str
            The last one turns fastest.
        weights : "equal" or "observed"
            "observed": how often a combination of the predictors averaged over occurs in the rows of the fit,
            or in the population that these stand for.
        shift : dict of str to list, optional
            Other numbers in the place of a predictor's values, as many: a step along it, say.
        """
        hidden = [name for name in self.values if name not in shown]
        size = prod(map(len, self.values.values()))
        if size * len(self.design.codings.X.names) > MOST_CELLS:
            raise CourseError(
                f"{size:,} combinations of {listing([*shown, *hidden])} are too many to look at: give "
                "values with at=, as in at={"
                f"{max(self.values, key=lambda name: len(self.values[name]))!r}: [...]}}"
            )
        rows = list(product(*(self.values[name] for name in shown)))
        points = list(product(*(self.values[name] for name in hidden)))
        columns = {}
        for name, usual in self.values.items():
            place = dict(zip(usual, (shift or {}).get(name, usual), strict=True))
            if name in shown:
                at = shown.index(name)
                columns[name] = [place[row[at]] for row in rows for _ in points]
            else:
                at = hidden.index(name)
                columns[name] = [place[point[at]] for point in points] * len(rows)
        new = pd.DataFrame({name: _series(column) for name, column in columns.items()})
        w = self._weights(hidden, points, weights)
        X = self.design.codings.new_matrix(self.design.codings.X, new)
        X = X.reshape(len(rows), len(points), X.shape[1])
        offset = self.design.offset_rows(new).reshape(len(rows), len(points))
        return Functions(_index(shown, rows), np.einsum("h,mhp->mp", w, X), offset @ w)

    def _weights(self, hidden: list[str], points: list[tuple], weights: str) -> np.ndarray:
        if weights == "equal" or not any(name in self.levels for name in hidden):
            return np.full(len(points), 1 / len(points))
        inside = np.ones(self.design.n, dtype=bool)
        for name in self.levels:
            inside &= self.design.columns[name].isin(self.values[name]).to_numpy()
        factors = [name for name in hidden if name in self.levels]
        labels = [self.design.columns[name][inside].astype(object).to_numpy() for name in factors]
        of_rows = pd.Series(1.0 if self.population is None else self.population, range(len(inside)))
        counts = of_rows[inside].groupby(labels).sum().to_dict()
        at = [hidden.index(name) for name in factors]
        keys = [tuple(point[i] for i in at) for point in points]
        w = np.array([counts.get(key if len(at) > 1 else key[0], 0.0) for key in keys])
        if w.sum() == 0:
            raise CourseError(
                "no row of the fit has these levels of "
                f"{listing(list(self.levels))}, so there are no observed weights: write "
                'weights="equal", or other levels in at='
            )
        return w / w.sum()

    def notes(self, shown: Sequence[str], weights: str) -> tuple[str, ...]:
        """What was averaged over, where the numbers stand, and what interacts with what is shown."""
        hidden = [name for name in self.values if name not in shown]
        over = [name for name in hidden if len(self.values[name]) > 1]
        fixed = [
            f"{name} at {v if isinstance(v := self.values[name][0], str) else words(float(v))}"
            for name in hidden
            if name not in over
        ]
        parts = [f"averaged over {listing(over)} with {weights} weights"] if over else []
        parts += [f"with {listing(fixed)}"] if fixed else []
        text = ", ".join(parts)
        found = [f"{text[0].upper()}{text[1:]}."] if text else []
        for one in shown:
            beside = [name for name in hidden if name in self._interact_with(one)]
            if beside:
                found.append(
                    f"{one} interacts with {listing(beside)}: what is said here of {one} differs with "
                    f"{'it' if len(beside) == 1 else 'them'}, which by= and at= show."
                )
        return tuple(found)

    def _interact_with(self, name: str) -> set[str]:
        """The predictors that stand in one term with this one."""
        terms = [
            {column for factor in run for column in variables_of(factor.name)}
            for run in self.design.codings.X.products
        ]
        return set().union(*(term for term in terms if name in term)) - {name}


def reference_grid(
    design: Design,
    at: Mapping[str, object] | None,
    numeric: str | None = None,
    population: np.ndarray | None = None,
) -> ReferenceGrid:
    """The grid of a fit.

    Parameters
    ----------
    design : Design
    at : dict, optional
        A value or a list of values by predictor.
    numeric : str, optional
        A predictor that is taken as a number, however few values it has.
    population : ndarray of shape (n,), optional
        How many rows of the population each row stands for.

    Raises
    ------
    CourseError
        For an unknown predictor, a level that does not occur, a value that is no number.
    """
    known = predictors(design)
    given = dictionary("at", at, '{"age": 10, "sex": ["girl", "boy"]}')
    for name in given:
        if name not in known:
            raise CourseError(
                f"at={{{name!r}: ...}}: the fixed part has no predictor {name!r}; it has "
                f"{', '.join(known)}{nearest(name, known)}"
            )
    values: dict[str, list] = {}
    levels: dict[str, list] = {}
    for name in known:
        found = levels_of(design, name)
        if found is not None and name != numeric:
            levels[name] = found
        if name in given:
            values[name] = _given(name, given[name], found if is_labelled(design, name) else None)
        elif name in levels:
            values[name] = levels[name]
        else:
            values[name] = [float(np.average(_numbers(design, name), weights=population))]
    return ReferenceGrid(design, values, levels, population)


def predictors(design: Design) -> list[str]:
    """The columns that the fixed part, and an offset, are made of."""
    codings = [design.codings.X, *([design.codings.offset] if design.codings.offset else [])]
    return list(dict.fromkeys(name for coding in codings for name in variables_of(coding.formula)))


def is_labelled(design: Design, name: str) -> bool:
    """Whether a predictor holds labels: text, categories, True and False, or numbers inside ``C(...)``."""
    column = design.columns[name].infer_objects()
    number_like = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return not number_like or name in design.formula.categorical


def levels_of(design: Design, name: str) -> list | None:
    """The levels of a predictor in their order; None for one with more than two numbers."""
    if not is_labelled(design, name):
        values = np.unique(_numbers(design, name))
        return values.tolist() if len(values) <= FEW else None
    column = model_column(design.columns[name], keep_whole=True)
    if isinstance(column, pd.Categorical):
        return column.categories.tolist()
    return np.unique(np.asarray(column)).tolist()


def read_names(design: Design, what: str, given: object) -> list[str]:
    """The predictors named by ``"sex"``, ``"sex:programme"`` or a list; each is in the fixed part."""
    names = given.split(":") if isinstance(given, str) else given
    if (
        not isinstance(names, list | tuple)
        or not names
        or not all(isinstance(n, str) for n in names)
    ):
        raise CourseError(
            f'{what} names predictors, as in "sex", "sex:programme" or ["sex", "programme"]; got {given!r}'
        )
    names = [name.strip() for name in names]
    known = predictors(design)
    for name in names:
        if name in known:
            continue
        if not known:
            raise CourseError("the fixed part has no predictors: there are no means to compare")
        inside = [column for column in known if f"({column}" in name]
        if inside:
            raise CourseError(
                f"{what} names columns of the data: write {inside[0]!r}, not {name!r}"
            )
        raise unknown(name, known, "predictor in the fixed part")
    if len(set(names)) < len(names):
        raise CourseError(f"{what}={given!r} names a predictor twice: once is enough")
    return names


def check_weights(weights: str) -> None:
    """Refuse other weights than those there are."""
    choice("weights", weights, WEIGHTS)


def estimable(grid: ReferenceGrid, functions: Functions, what: str) -> np.ndarray:
    """The columns of L that are estimated, (m, p).

    Parameters
    ----------
    grid : ReferenceGrid
    functions : Functions
    what : str
        What they are, for the message: "mean".

    Raises
    ------
    CourseError
        Where a combination needs a column that is left out of the fit, because others determine it.
    """
    aliased = grid.design.aliased
    needs = aliased.needs(functions.L)
    if needs.any():
        untold = np.asarray(needs.any(axis=1))
        at = np.flatnonzero(untold)
        column = int(np.flatnonzero(needs[at[0]])[0])
        labels = [_shown(functions.labels, i) for i in at[:MOST_NAMED]]
        more = f"; and {count(len(at) - MOST_NAMED, 'other')}" if len(at) > MOST_NAMED else ""
        raise CourseError(
            f"the data do not tell the {what} of {'; '.join(labels)}{more}. "
            f"{'It needs' if len(at) == 1 else 'They need'} the effect {aliased.names[column]}. "
            f"{aliased.reasons[column]} "
            f"{_without(grid, functions.labels, untold, aliased.names[column])}"
        )
    return functions.L[:, aliased.kept]


def _without(grid: ReferenceGrid, labels: pd.Index, untold: np.ndarray, effect: str) -> str:
    """What to write instead: levels that the data tell of, or those to average over."""
    X = grid.design.codings.X
    makers = [f for f, _ in X.made_of(X.names.index(effect)) if f.levels]
    labelled = {name for factor in makers for name in variables_of(factor.name)}
    mends = []
    left = {
        name: [v for v in grid.values[name] if v not in set(labels[untold].get_level_values(name))]
        for name in labels.names
        if name in grid.levels
    }
    most = max(left, key=lambda name: len(left[name]), default="")
    if most and left[most]:
        mends.append(f"look at the others with at={{{most!r}: {left[most]!r}}}")
    over = [name for name in grid.levels if name in labelled and name not in labels.names]
    if over:
        some = ", ".join(f"{name!r}: [...]" for name in over)
        mends.append(f"average over levels all of which have rows, with at={{{some}}}")
    text = ", or ".join([*mends, "write the formula without that effect"])
    return text[0].upper() + text[1:]


def _shown(labels: pd.Index, i: int) -> str:
    """``f = a, h = p``; for a contrast or a slope ``a - b, h = p``."""
    parts = labels[i] if isinstance(labels, pd.MultiIndex) else (labels[i],)
    named = list(zip(labels.names, parts, strict=True))
    own = [str(v) for name, v in named if name in ("contrast", "predictor")]
    return ", ".join(
        [*own, *(f"{n} = {v}" for n, v in named if n not in ("contrast", "predictor"))]
    )


def _given(name: str, value: object, levels: list | None) -> list:
    """The values that `at` gives a predictor, checked."""
    several: Any = value
    found = [several] if np.ndim(several) == 0 else list(several)
    if not found:
        raise CourseError(f"at={{{name!r}: ...}} needs at least one value")
    for one in found:
        if levels is not None and one not in levels:
            shown = ", ".join(map(repr, levels[:MOST_NAMED])) + (
                "" if len(levels) <= MOST_NAMED else ", ..."
            )
            raise CourseError(
                f"at={{{name!r}: ...}}: {one!r} is no level of {name}; there are {shown}"
                f"{nearest(one, levels)}"
            )
        real = isinstance(one, int | float | np.integer | np.floating) and not isinstance(one, bool)
        if levels is None and not (real and np.isfinite(one)):
            raise CourseError(f"at={{{name!r}: ...}}: {name} holds numbers; got {one!r}")
    if len(set(found)) < len(found):
        raise CourseError(f"at={{{name!r}: ...}} names a value twice: once is enough")
    return found if levels is not None else [float(one) for one in found]


def _numbers(design: Design, name: str) -> np.ndarray:
    return np.asarray(model_column(design.columns[name], keep_whole=False), dtype=float)


def _series(column: list) -> pd.Series:
    text = any(isinstance(value, str) for value in column)
    return pd.Series(column, dtype=object if text else None)


def _index(names: Sequence[str], rows: list[tuple]) -> pd.Index:
    if len(names) == 1:
        return pd.Index([row[0] for row in rows], name=names[0])
    if not names:
        return pd.RangeIndex(len(rows))
    return pd.MultiIndex.from_tuples(rows, names=list(names))
