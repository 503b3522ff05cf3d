"""What a design must be for its parameters to exist; each refusal says what to leave out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import linalg

from course.design.columns import is_truth
from course.errors import CourseError
from course.formula.expressions import (
    SEVERAL,
    hides_a_function,
    quoted_column,
)
from course.formula.terms import Formula, RandomTerm

MAX_CELLS = 400_000_000  # of all model matrices together: 3 GB
NOTHING_LEFT = 1e-12  # of the square of a column of unit size: no more than rounding
RESIDUAL = "the residual"
MAX_NAMES = 200_000  # columns of a formula that patsy may be asked to name


def refuse_text(formula: Formula, columns: Mapping[str, pd.Series]) -> None:
    """Refuse a response that is no single number: text, True and False, and pairs of counts."""
    if formula.response.startswith("cbind("):
        raise CourseError(
            f"the response {formula.response} counts successes out of a total: mixedglm(formula, data, "
            'family="binomial") fits that'
        )
    column = columns.get(quoted_column(formula.response) or formula.response)
    if column is None:  # a function of columns
        boolean, number = bool(re.search("[=<>]", formula.response)), "a column with .astype(float)"
    else:
        boolean = is_truth(column)
        number = f"data[{column.name!r}].astype(float)"
    if boolean:
        raise CourseError(
            f"the response {formula.response} is True or False, and a linear mixed model needs numbers. "
            'For yes or no write mixedglm(formula, data, family="binomial"). As 0 and '
            f"1, with {number}, it can be fitted all the same: fixed effects are differences between "
            "probabilities then, and their standard errors are rough"
        )
    raise CourseError(
        f"the response {formula.response} is not numeric: a linear mixed model needs numbers. "
        "If it holds numbers written as text, convert it with pd.to_numeric"
    )


def check_response(y: np.ndarray, name: str) -> None:
    if np.ptp(y) == 0:
        raise CourseError(
            f"the response {name} is {y[0]:g} in every row: there is nothing to explain"
        )


def check_names(formula: Formula) -> None:
    """Refuse names that patsy or this package needs for itself."""
    called = formula.names | {"Q"}
    for name in formula.variables:
        if hides_a_function(name) and name in called:
            raise CourseError(
                f"a column called '{name}' hides the function {name}(...): rename it with "
                f"data.rename(columns={{'{name}': '{name}_'}})"
            )
        if name == "Intercept":
            raise CourseError("'Intercept' is the name of the intercept: rename that column")
    if any(term.group == ("Residual",) for term in formula.random):
        raise CourseError(
            "'Residual' is the name of the residual in every table: rename that column"
        )


def check_interactions(
    terms: Iterable, variables: Mapping[str, np.ndarray | pd.Categorical]
) -> None:
    """Refuse products of so many labels that their names alone would fill the memory."""
    total = 0
    for term in terms:
        columns = 1
        if len(term.factors) > 1:
            for factor in term.factors:
                columns *= _most_columns(factor.code, variables)
        total += columns
        if total > MAX_NAMES:
            raise CourseError(
                f"{term.name()} makes up to {columns:,} columns: is a label used as a predictor? Write "
                "(1|label)"
            )


def _most_columns(code: str, variables: Mapping) -> int:
    """A bound on the columns of one factor of a formula."""
    tree = list(ast.walk(ast.parse(code)))
    called = {
        node.func.id for node in tree if isinstance(node, ast.Call) and hasattr(node.func, "id")
    }
    values = [node.value for node in tree if isinstance(node, ast.Constant)]
    most, rows = 1, 1
    for name in {node.id for node in tree if isinstance(node, ast.Name)} | set(values):
        column = variables.get(name)
        if isinstance(column, pd.Categorical):
            most *= len(column.categories)
        elif column is not None and ("C" in called or column.dtype == bool):
            most *= len(np.unique(column))
        rows = max(rows, 0 if column is None else len(column))
    most = min(most, rows)
    if any(isinstance(node, ast.Compare) for node in tree):
        most *= 2
    if called & SEVERAL:  # df=, or knots, and those that a degree adds
        most *= max([value for value in values if type(value) is int], default=0) + len(values) + 7
    return most


def check_columns(names: Sequence[Sequence[str]], n: int) -> None:
    """Refuse matrices wider than long, and more parameters than rows, before anything is built."""
    p = len(names[0])
    if p >= n:
        raise CourseError(f"{p} fixed effects but {n} complete rows: simplify the fixed part")
    variances = sum(len(block) * (len(block) + 1) // 2 for block in names[1:])
    if p + variances + 1 > n:
        raise CourseError(
            f"{variances} variances and covariances of random effects, {p} fixed effects and the residual's "
            f"variance, but {n} complete rows: leave out effects, or write || for |, without covariances"
        )
    cells = n * sum(map(len, names))
    if cells > MAX_CELLS:
        raise CourseError(
            f"the formula makes {sum(map(len, names)):,} columns for {n:,} rows, which would need "
            f"{cells * 8 / 1e9:.0f} GB: is a label used as a predictor? Write (1|label)"
        )


def check_size(matrix: np.ndarray, names: Sequence[str]) -> None:
    """Refuse numbers whose fourth powers (variances of variances) double precision cannot hold."""
    for name, column in zip(names, matrix.T, strict=True):
        value = max(column.max(), -column.min())
        if value > 1e70 or 0 < value < 1e-70:
            raise CourseError(f"{name} is of the size {value:.0e}: measure it in another unit")


def check_levels(term: RandomTerm, n_levels: int, n: int, alone: str) -> None:
    """Refuse groups that cannot vary, or not by themselves: `alone` is what a row has of its own."""
    group = term.group_name
    if n_levels == 1:
        raise CourseError(
            f"{term}: {group} has only one level, so nothing can vary between its levels: "
            "leave the term out"
        )
    if n_levels == n and alone:
        mend = ", the residual already is that level" if alone == RESIDUAL else ""
        raise CourseError(
            f"{term}: {group} has one row per level ({n} levels in {n} rows), so its effect cannot "
            f"be told from {alone}: leave the term out{mend}"
        )


def constant_weights(matrix: np.ndarray, names: tuple[str, ...]) -> np.ndarray | None:
    """w with ``matrix @ w`` = 1 in every row: the intercept, or the indicators of a factor.

    Examples
    --------
    >>> constant_weights(np.array([[1.0, 0, 7], [0, 1, 9]]), ("f[a]", "f[b]", "x"))
    array([1., 1., 0.])
    """
    weights = np.zeros(len(names))
    if "Intercept" in names:
        weights[names.index("Intercept")] = 1
        return weights
    indicators = np.flatnonzero(((matrix == 0) | (matrix == 1)).all(axis=0))
    if not len(indicators):
        return None
    columns = matrix[:, indicators]
    of_indicators = np.linalg.lstsq(columns.T @ columns, columns.sum(axis=0), rcond=1e-10)[0]
    weights[indicators] = of_indicators.round(10)
    return weights if np.abs(matrix @ weights - 1).max() <= 1e-8 else None


def unexplained_squares(gram: np.ndarray, least: float = NOTHING_LEFT) -> np.ndarray:
    """What is left of each column's square once the columns before it are given, (p,).

    These are the squared pivots of Cholesky's factor of the columns' products with each other. A column
    that the others determine is passed over: it explains nothing of those after it.

    Parameters
    ----------
    gram : ndarray, shape (p, p)
        X'X of columns of about unit size.
    least : float
        The share of its square up to which a column counts as determined.

    Examples
    --------
    >>> X = np.array([[1.0, 1, 2], [1, -1, 0], [1, 1, 2], [1, -1, 0]])
    >>> unexplained_squares(X.T @ X / 4)  # the third column is the sum of the first two
    array([1., 1., 0.])
    """
    p = len(gram)
    root, left = np.zeros((p, p)), np.zeros(p)
    for j in range(p):
        before = linalg.solve_triangular(root[:j, :j], gram[:j, j], lower=True, check_finite=False)
        root[j, :j] = before
        left[j] = gram[j, j] - before @ before
        # a pivot without end leaves nothing for it to explain
        root[j, j] = np.sqrt(left[j]) if left[j] > least * gram[j, j] else np.inf
    return left
