"""Y, X and each Z, by patsy and by nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import patsy

from course.design.checks import check_interactions, check_size
from course.design.columns import check_frame, find_columns, missing_rows, model_column, new_column
from course.design.patsy_errors import in_words
from course.errors import CourseError
from course.formula.expressions import NAMESPACE
from course.formula.parse import effect_terms, terms_of, variables_of
from course.formula.terms import Formula, RandomTerm

KEEP_ALL = patsy.NAAction(NA_types=[])  # missing rows are gone by then; a new NaN is reported below
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
