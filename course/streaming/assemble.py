"""A formula and a source of rows to a `Design` without rows and a `Problem` of their cross-products."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import compress

import numpy as np
import pandas as pd

from course.design.aliasing import Aliased, find_aliased
from course.design.checks import check_columns, check_names, check_response, refuse_text
from course.design.columns import find_columns
from course.design.design import Design
from course.design.grouping import Grouping, build_groupings
from course.design.groups import renumber
from course.design.identification import find_shared
from course.design.matrices import Codings
from course.design.not_kept import NotKept
from course.design.notes import find_notes
from course.design.references import with_numbers_as_labels
from course.errors import CourseError
from course.formula.expressions import hides_a_function
from course.formula.terms import Formula
from course.solver.problem import Problem
from course.solver.standardise import Columns, standardise
from course.streaming.learning import Seen, complete, look, look_at_all, stack
from course.streaming.sources import Source
from course.streaming.sums import Recipe, Sums, add, full, in_order, rows_of

STAND_INS = 20_000  # cells whose rows show which variances can be told apart


@dataclass(frozen=True)
class Streamed:
    """What is left of rows that were read and let go.

    Attributes
    ----------
    source : Source
        Where they can be read again.
    design : Design
        Whatever holds rows in it is `NotKept`.
    problem : Problem
        The rows' cross-products, ready to be fitted.
    notes : tuple of str
        What the data say that the formula does not.
    """

    source: Source
    design: Design
    problem: Problem
    notes: tuple[str, ...]


def stream(formula: Formula, source: Source, complete_only: bool = False) -> Streamed:
    """Read all rows twice: what there is, then the cross-products of what a fit needs.

    Parameters
    ----------
    formula : Formula
    source : Source
    complete_only : bool
        Whether missing values are refused, and not left out and counted.

    Returns
    -------
    Streamed

    Raises
    ------
    CourseError
        As `course.design.build_design` raises them, and where the combinations of groups do not fit.
    """
    check_names(formula)
    find_columns(pd.DataFrame(columns=list(source.names)), formula.columns)
    names = list(formula.columns)
    seen = source.gather(
        partial(look, formula=formula),
        partial(look_at_all, formula=formula),
        names,
        "looking at the rows",
    )
    _check_rows(seen, complete_only)
    sample = seen.sample
    while True:
        recipe = _recipe(formula, sample, seen, source)
        sums = source.gather(recipe, add, names, "adding up cross-products")
        if sums.against.empty:
            return _assemble(recipe, in_order(sums), seen, source)
        # a combination of labels that the sample had not: it belongs to the sample, and once more
        sample = stack([sums.against, sample])


def _check_rows(seen: Seen, complete_only: bool) -> None:
    if seen.rows_given == 0:
        raise CourseError("the data have no rows")
    counts = ", ".join(f"'{name}' in {count:,}" for name, count in seen.missing.items())
    if seen.rows == 0:
        raise CourseError(f"every row has a missing value ({counts} of {seen.rows_given:,} rows)")
    if counts and complete_only:
        raise CourseError(
            f"values are missing ({counts} of {seen.rows_given:,} rows), and missing refuses that: "
            'missing="drop" leaves these rows out'
        )


def _recipe(formula: Formula, sample: pd.DataFrame, seen: Seen, source: Source) -> Recipe:
    """Levels, coordinates and all else that a batch is turned into numbers with."""
    columns = {name: sample[name] for name in formula.columns}
    formula = with_numbers_as_labels(formula, columns)
    codings = Codings(formula, columns)
    check_columns([c.names for c in (codings.X, *codings.Z)], min(seen.rows, 1_000_000))
    codings = codings.learning_from(
        lambda: (complete(frame, formula)[0] for frame in source.batches(list(columns)))
    )
    y, offset, X, *Zs = codings.matrices(sample.index)
    if y.shape[1] > 1:
        refuse_text(formula, columns)
    check_response(y[:, 0] - offset[:, 0], formula.response)
    aliased = find_aliased(X, codings)
    design = _design(codings, aliased, seen, build_groupings(codings, Zs, columns, seen.rows))
    rows = replace(design, y=y[:, 0], offset=offset[:, 0], X=X[:, aliased.kept])
    coordinates = standardise(rows)
    factors = tuple(dict.fromkeys(name for g in design.groupings for name in g.factors))
    return Recipe(
        formula, codings, aliased, coordinates, factors, tuple(g.factors for g in design.groupings)
    )


def _design(
    codings: Codings, aliased: Aliased, seen: Seen, groupings: tuple[Grouping, ...]
) -> Design:
    formula = codings.formula
    return Design(
        formula=formula,
        y=NotKept("the response"),  # type: ignore[arg-type]
        offset=NotKept("the offset"),  # type: ignore[arg-type]
        weights=None,
        X=NotKept("X"),  # type: ignore[arg-type]
        fixed_names=tuple(compress(codings.X.names, aliased.kept)),
        groupings=groupings,
        index=pd.RangeIndex(seen.rows),
        rows_given=seen.rows_given,
        missing=seen.missing,
        reasons={},
        titles={},
        columns=NotKept("the columns"),  # type: ignore[arg-type]
        named_like_functions=tuple(filter(hides_a_function, codings.columns)),
        codings=codings,
        aliased=aliased,
    )


def _assemble(recipe: Recipe, sums: Sums, seen: Seen, source: Source) -> Streamed:
    codings, columns = recipe.codings, recipe.columns
    labels = {name: sums.labels[name] for name in recipe.factors}
    any_row = next(iter(codings.columns.values())).index
    _, _, _, *sample_Zs = codings.matrices(any_row)
    groupings = build_groupings(codings, sample_Zs, labels, seen.rows)
    by_cell = _design(
        codings,
        recipe.aliased,
        seen,
        tuple(replace(g, Z=NotKept(f"Z of {g.name}")) for g in groupings),  # type: ignore[arg-type]
    )
    M = full(sums.products)
    M_all = M.sum(axis=2) / seen.rows
    stand_ins, X = _stand_ins(groupings, columns, M)
    if _is_chain(by_cell):
        no_rows = NotKept("the columns")
        problem = Problem(by_cell, replace(columns, source=no_rows, y=no_rows), M)  # type: ignore[arg-type]
    else:
        U, cells = rows_of(M)
        by_row = [replace(g, codes=g.codes[cells]) for g in by_cell.groupings]
        of_cells = replace(columns, source=U[:-1], y=U[-1])
        problem = Problem(replace(by_cell, groupings=tuple(by_row)), of_cells)
    outwards = [
        replace(g, codes=NotKept(f"the {g.name} of each row"))  # type: ignore[arg-type]
        for g in by_cell.groupings
    ]
    design = replace(by_cell, groupings=tuple(outwards))
    # what these cached properties would compute from the rows
    known = {
        "nested": by_cell.nested,
        "mean_products": [
            _back(M_all[np.ix_(where, where)], T)
            for where, T in zip(columns.z, columns.T_z, strict=True)
        ],
        "shared_by_ml": find_shared(stand_ins),
        "shared_by_reml": find_shared(stand_ins, X),
    }
    if columns.constant is not None:
        of_fixed = _back(M_all[np.ix_(columns.x, columns.x)], columns.T_x)
        mean = of_fixed @ columns.constant
        known["fixed_covariance"] = of_fixed - np.outer(mean, mean)
    vars(design).update(known)
    # how labels lie shows in the cells; twice each, as no cell is a single row
    twice = 2 if seen.rows >= 2 * len(sums.labels) else 1
    for_notes = replace(
        by_cell,
        groupings=tuple(replace(g, codes=np.repeat(g.codes, twice)) for g in groupings),
    )
    vars(for_notes).update(known)
    return Streamed(source, design, problem, find_notes(for_notes, by_row=False))


def _back(M: np.ndarray, T: np.ndarray) -> np.ndarray:
    """Products of columns in the data's own units, given those of the columns times T."""
    inverse = np.linalg.inv(T)
    return inverse.T @ M @ inverse


def _is_chain(design: Design) -> bool:
    """Whether every grouping lies in the next larger one."""
    order = sorted(range(len(design.groupings)), key=lambda g: -design.groupings[g].n_levels)
    return all(design.nested[a, b] for a, b in zip(order, order[1:], strict=False))


def _stand_ins(
    groupings: tuple[Grouping, ...], columns: Columns, M: np.ndarray
) -> tuple[list[Grouping], np.ndarray]:
    """Rows with the cross-products of some cells, or of all where there are few: groupings and X.

    If these tell variances apart, all rows do.
    """
    some = np.unique(np.linspace(0, M.shape[2] - 1, STAND_INS).astype(np.int64))
    U, cells = rows_of(M[:, :, some])
    X = U[columns.x].T @ np.linalg.inv(columns.T_x)
    found = []
    for grouping, where, T in zip(groupings, columns.z, columns.T_z, strict=True):
        levels, codes = renumber(grouping.codes[some][cells])
        Z = U[where].T @ np.linalg.inv(T)
        found.append(replace(grouping, codes=codes, levels=grouping.levels[levels], Z=Z))
    return found, X
