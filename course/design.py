"""`Formula` and a DataFrame to `Design`: the matrices, the groups, and how the groups lie.

patsy builds X and every Z once, on all complete rows, so that both solvers fit the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
import patsy

from course.checks import (
    check_columns,
    check_interactions,
    check_levels,
    check_names,
    check_rank,
    check_response,
    check_size,
    refuse_text,
)
from course.columns import (
    check_frame,
    find_columns,
    group_codes,
    label_kind,
    missing_rows,
    model_column,
    new_column,
)
from course.errors import CourseError
from course.expressions import NAMESPACE, hides_a_function
from course.failures import in_words
from course.formula import Formula, RandomTerm, effect_terms, terms_of, variables_of
from course.groups import lies_in, parents

KEEP_ALL = patsy.NAAction(NA_types=[])  # missing rows are gone by then; a new NaN is reported below


@dataclass(frozen=True, eq=False)
class Grouping:
    """One grouping factor on the data, with every effect that varies between its levels.

    Attributes
    ----------
    factors : tuple of str
        The columns whose combinations make the groups.
    codes : ndarray of int64, shape (n,)
        The level of each row.
    levels : Index or MultiIndex, length L
        The labels of the levels.
    Z : ndarray, shape (n, k)
        The values that the k effects multiply, row by row (a column of ones for the intercept).
    effects : tuple of str, length k
        patsy's names of these columns.
    blocks : tuple of tuple of int
        The columns whose effects are correlated with each other; different blocks are independent.
    formulas : tuple of str
        For each block what stands before the bar, in patsy's language.
    """

    factors: tuple[str, ...]
    codes: np.ndarray
    levels: pd.Index
    Z: np.ndarray
    effects: tuple[str, ...]
    blocks: tuple[tuple[int, ...], ...]
    formulas: tuple[str, ...]

    @property
    def name(self) -> str:
        return ":".join(self.factors)

    @property
    def n_levels(self) -> int:
        return len(self.levels)

    @cached_property
    def pattern(self) -> np.ndarray:
        """Where the relative covariance factor may differ from 0: a lower triangle per block."""
        pattern = np.zeros((len(self.effects),) * 2, dtype=bool)
        for block in self.blocks:
            for row in block:
                for column in block:
                    pattern[row, column] = column <= row
        return pattern


@dataclass(frozen=True, eq=False)
class Design:
    """All that a solver needs, and what a translation or a prediction needs beside it.

    Attributes
    ----------
    formula : Formula
    y : ndarray, shape (n,)
    X : ndarray, shape (n, p)
    fixed_names : tuple of str, length p
        patsy's names of the columns of X.
    groupings : tuple of Grouping
        In the order of the formula, one for each set of groups.
    index : Index, length n
        The row labels of the complete rows in the caller's frame.
    rows_given : int
        Rows of the caller's frame, complete or not.
    missing : dict of str to int
        For each column with missing values their number.
    columns : dict
        The complete rows of every column used.
    hiding : tuple of str
        Columns of the caller's frame that are called like a function of formulas, used or not.
    """

    formula: Formula
    y: np.ndarray
    X: np.ndarray
    fixed_names: tuple[str, ...]
    groupings: tuple[Grouping, ...]
    index: pd.Index
    rows_given: int
    missing: dict[str, int]
    columns: dict[str, pd.Series]
    hiding: tuple[str, ...]
    infos: tuple[patsy.DesignInfo, ...] = field(repr=False)

    @property
    def n(self) -> int:
        return len(self.y)

    def __getstate__(self) -> dict:
        """patsy's objects cannot be stored, but made again from the columns."""
        return {name: value for name, value in self.__dict__.items() if name != "infos"}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        parts = [part for term in self.formula.random for part in _split(term)]
        variables = _model_columns(self.formula, self.columns)
        self.__dict__["infos"] = _design_infos(self.formula, parts, variables)

    @cached_property
    def nested(self) -> np.ndarray:
        """nested[i, j]: does every level of grouping i lie in one level of grouping j?"""
        size = len(self.groupings)
        nested = np.eye(size, dtype=bool)
        for i in range(size):
            for j in range(size):
                if i != j:
                    nested[i, j] = lies_in(self.groupings[i].codes, self.groupings[j].codes)
        return nested

    def parents(self, child: int, parent: int) -> np.ndarray:
        """For each level of grouping `child` the level of `parent` that contains it."""
        return parents(self.groupings[child].codes, self.groupings[parent].codes)

    def fixed_rows(self, new: pd.DataFrame) -> np.ndarray:
        """X for new rows, (m, p); NaN where a predictor is missing."""
        return self._new_matrix(self.infos[1], self.formula.fixed, new)

    def random_rows(self, grouping: int, new: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Codes (m,) and Z (m, k) of one grouping for new rows; the code of an unseen level is -1."""
        found = self.groupings[grouping]
        labels = find_columns(new, found.factors)
        for name, column in labels.items():
            known, new_kind = label_kind(self.columns[name]), label_kind(column)
            if known != new_kind and not column.isna().all():
                raise CourseError(
                    f"the labels of '{name}' are {new_kind} here and {known} in the data of the fit: no "
                    "level would be recognised"
                )
        if len(labels) == 1:
            codes = found.levels.get_indexer(next(iter(labels.values())))
        else:
            codes = found.levels.get_indexer(pd.MultiIndex.from_frame(pd.DataFrame(labels)))
        Z = self.effect_rows(grouping, new)
        Z[np.logical_or.reduce([column.isna().to_numpy() for column in labels.values()])] = np.nan
        return codes, Z

    def effect_rows(self, grouping: int, new: pd.DataFrame) -> np.ndarray:
        """Z of one grouping for new rows, (m, k), whatever their labels."""
        parts = zip(self.infos[2:], self.part_formulas, strict=True)
        return np.column_stack(
            [self._new_matrix(info, effects, new) for info, (g, effects) in parts if g == grouping]
        )

    def _new_matrix(self, info: patsy.DesignInfo, effects: str, new: pd.DataFrame) -> np.ndarray:
        return new_matrix(info, effects, self.columns, self.formula.categorical, new)

    @cached_property
    def part_formulas(self) -> list[tuple[int, str]]:
        """For each random block, in the order of `infos`: its grouping and its effects."""
        positions = {frozenset(g.factors): i for i, g in enumerate(self.groupings)}
        parts = [part for term in self.formula.random for part in _split(term)]
        return [(positions[frozenset(part.term.group)], part.formula) for part in parts]

    def with_response(self, y: np.ndarray) -> Design:
        """The same design with another response, checked but not built again."""
        y = np.asarray(y, dtype=float)
        if y.shape != self.y.shape:
            raise CourseError(f"the new response has shape {y.shape}; the model has {self.n} rows")
        check_response(y, self.formula.response)
        return replace(self, y=y)

    def rows(self, keep: np.ndarray) -> Design:
        """The matrices and groups of some of the rows: those where `keep`, (n,), is True."""
        groupings = []
        for grouping in self.groupings:
            used, codes = np.unique(grouping.codes[keep], return_inverse=True)
            groupings.append(
                replace(grouping, codes=codes, levels=grouping.levels[used], Z=grouping.Z[keep])
            )
        return replace(
            self,
            y=self.y[keep],
            X=self.X[keep],
            groupings=tuple(groupings),
            index=self.index[keep],
            columns={name: column[keep] for name, column in self.columns.items()},
        )


def build_design(formula: Formula, data: pd.DataFrame) -> Design:
    """Bring a formula and data together.

    Parameters
    ----------
    formula : Formula
    data : DataFrame
        One row per observation. It is not changed. Rows with a missing value in a column that the
        formula names are left out and counted in `Design.missing`.

    Returns
    -------
    Design

    Raises
    ------
    CourseError
        For a column that is not there, a response that is not numeric or does not vary, columns of
        X that determine each other, groups that cannot be told from the residual, ...

    Examples
    --------
    >>> from course.formula import parse_formula
    >>> data = pd.DataFrame({"score": [3.0, 4, 6, 5], "school": ["A", "A", "B", "B"]})
    >>> design = build_design(parse_formula("score ~ 1 + (1|school)"), data)
    >>> design.X.shape, design.groupings[0].codes.tolist()
    ((4, 1), [0, 0, 1, 1])
    """
    data = check_frame(data)
    check_names(formula)
    if len(data) == 0:
        raise CourseError("the data have no rows")
    columns = find_columns(data, formula.columns)
    gaps = {name: missing_rows(column) for name, column in columns.items()}
    missing = {name: int(rows.sum()) for name, rows in gaps.items() if rows.any()}
    index = data.index
    if missing:
        keep = ~np.logical_or.reduce([gaps[name] for name in missing])
        if not keep.any():
            counts = ", ".join(f"'{name}' in {count}" for name, count in missing.items())
            raise CourseError(f"every row has a missing value ({counts} of {len(data)} rows)")
        columns = {name: column[keep] for name, column in columns.items()}
        index = index[keep]

    terms = [part for term in formula.random for part in _split(term)]
    variables = _model_columns(formula, columns)
    infos = _design_infos(formula, terms, variables)
    check_columns([info.column_names for info in infos[1:]], len(index))
    y, X, *Zs = _matrices(infos, variables, index)
    check_response(y[:, 0], formula.response) if y.shape[1] == 1 else refuse_text(formula)
    fixed_names = tuple(infos[1].column_names)
    check_rank(X, fixed_names)
    return Design(
        formula=formula,
        y=y[:, 0].copy(),
        X=X,
        fixed_names=fixed_names,
        groupings=_groupings(terms, Zs, infos[2:], columns, len(index)),
        index=index,
        rows_given=len(data),
        missing=missing,
        columns=columns,
        hiding=tuple(filter(hides_a_function, data.columns)),
        infos=infos,
    )


# -- from terms to matrices -------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    """A random term, or one effect of a term written with ||."""

    term: RandomTerm
    effects: tuple[patsy.desc.Term, ...]

    @property
    def formula(self) -> str:
        if self.term.correlated:
            return self.term.effects
        name = self.effects[0].name()
        return "1" if name == "Intercept" else f"0 + {name}"


def _split(term: RandomTerm) -> list[_Part]:
    effects = effect_terms(term.effects)
    if not effects:
        raise CourseError(f"{term} lets nothing vary: write (1|{term.group_name})")
    if term.correlated:
        return [_Part(term, tuple(effects))]
    return [_Part(term, (effect,)) for effect in effects]


def _model_columns(formula: Formula, columns: dict) -> dict:
    """The columns that enter y, X or a Z (a grouping factor alone does not)."""
    return {
        name: model_column(columns[name], keep_whole=name in formula.categorical)
        for name in formula.variables
    }


def _design_infos(formula: Formula, parts: list[_Part], variables: dict) -> tuple:
    described = terms_of(f"{formula.response} ~ {formula.fixed}")
    termlists = [described.lhs_termlist, described.rhs_termlist]
    termlists += [list(part.effects) for part in parts]
    if not described.rhs_termlist:
        raise CourseError("the fixed part is empty: write at least 1, the intercept")
    check_interactions((term for terms in termlists for term in terms), variables)
    environment = patsy.EvalEnvironment([NAMESPACE])
    with np.errstate(all="ignore"):
        try:
            infos = patsy.build.design_matrix_builders(
                termlists, lambda: iter([variables]), environment, NA_action=KEEP_ALL
            )
        except Exception as error:  # patsy passes on whatever a transformation raises
            raise in_words(error, variables) from error
    for part, info in zip(parts, infos[2:], strict=True):
        if not part.term.correlated and len(info.column_names) > 1:
            effect = part.effects[0].name()
            group = part.term.group_name
            shown = ", ".join(info.column_names[:4]) + (
                ", ..." if len(info.column_names) > 4 else ""
            )
            raise CourseError(
                f"{part.term}: '{effect}' has several columns ({shown}), and "
                f"|| could mean two things. Correlated with each other: (1|{group}) + "
                f"(0 + {effect}|{group}); all independent: make 0/1 columns and write each as "
                f"(0 + column|{group})"
            )
    return tuple(infos)


def _matrices(infos: tuple, variables: dict, index: pd.Index) -> list[np.ndarray]:
    n = len(index)
    if not variables:  # intercepts alone: patsy could not know how many rows
        return [np.ones((n, 1)) for _ in infos]
    with np.errstate(all="ignore"):
        try:
            built = patsy.build_design_matrices(list(infos), variables, NA_action=KEEP_ALL)
        except Exception as error:
            raise in_words(error, variables) from error
    matrices = []
    for info, matrix in zip(infos, built, strict=True):
        matrix = np.asarray(matrix)  # floats already, in a class of patsy's
        bad = ~np.isfinite(matrix)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise CourseError(
                f"{info.column_names[column]} is not a finite number in {bad[:, column].sum()} "
                f"row(s), first at index {index[row]!r}: look at the values it is computed from"
            )
        check_size(matrix, info.column_names)
        matrices.append(matrix)
    return matrices


def new_matrix(
    info: patsy.DesignInfo,
    effects: str,
    fitted: dict[str, pd.Series],
    categorical: frozenset[str],
    new: pd.DataFrame,
) -> np.ndarray:
    """The columns of a right-hand side for rows that were not in the fit, (m, columns).

    Parameters
    ----------
    info : DesignInfo
        What patsy remembers of the right-hand side `effects`.
    effects : str
    fitted : dict of str to Series
        The columns that the design was built from.
    categorical : frozenset of str
        The columns that stand inside ``C(...)``.
    new : DataFrame
        The new rows, m of them.
    """
    columns = find_columns(check_frame(new), variables_of(effects))
    missing = np.zeros(len(new), dtype=bool)
    for column in columns.values():
        missing = missing | missing_rows(column)
    matrix = np.full((len(new), len(info.column_names)), np.nan)
    if missing.all():
        return matrix
    variables = {
        name: new_column(column[~missing], fitted[name], name in categorical)
        for name, column in columns.items()
    }
    matrix[~missing] = _matrices((info,), variables, new.index[~missing])[0]
    return matrix


def _groupings(parts: list, Zs: list, infos: tuple, columns: dict, n: int) -> tuple[Grouping, ...]:
    found: dict[frozenset, Grouping] = {}
    for part, Z, info in zip(parts, Zs, infos, strict=True):
        key = frozenset(part.term.group)
        effects = tuple(info.column_names)
        if key not in found:
            codes, levels = group_codes([columns[name] for name in part.term.group])
            check_levels(part.term, len(levels), n)
            block = tuple(range(len(effects)))
            found[key] = Grouping(
                part.term.group, codes, levels, Z, effects, (block,), (part.formula,)
            )
        else:
            before = found[key]
            k = len(before.effects)
            found[key] = replace(
                before,
                Z=np.column_stack([before.Z, Z]),
                effects=before.effects + effects,
                blocks=(*before.blocks, tuple(range(k, k + len(effects)))),
                formulas=(*before.formulas, part.formula),
            )
        if len(effects) * found[key].n_levels >= n:
            raise CourseError(
                f"{part.term}: {len(effects)} effects for each of {found[key].n_levels} levels of "
                f"{part.term.group_name}, but only {n} rows: leave out an effect or the term"
            )
    return tuple(found.values())
