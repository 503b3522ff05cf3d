"""The hypotheses of type III: what each term says beside all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import linalg

from course.design.aliasing import Aliased
from course.design.matrices import CodedFactor, Coding
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.survey import SurveyFit


def type_three(fit: MixedFit | MixedGLMFit | SurveyFit) -> dict[str, np.ndarray]:
    """For each term the hypothesis matrix L, (rows, p).

    Were every factor coded by its differences from the first level, centred so that they sum to 0
    over the levels, then all coefficients of a term would be 0 under its type III hypothesis. That
    model has the same columns but for a linear map, X = X_centred B, so its coefficients are B beta.
    L has a row for each column of the term.
    """
    coding, X = fit.design.codings.X, fit.design.X
    terms = {name: columns for name, columns in coding.terms.items() if name != "Intercept"}
    if not terms:
        return {}
    if fit.design.aliased.names:
        return _of_what_is_estimated(coding, fit.design.aliased)
    as_coded, centred = _in_products(
        coding, [(coding.products, _in_differences), (coding.products, _centred)]
    )
    B = np.linalg.solve(centred, as_coded)
    B[np.abs(B) < 1e-12] = 0
    if len(terms) == 1:
        # The same hypothesis, with the rows of L that lmerTest has here (and only here).
        # Satterthwaite's df of several rows depends a little on how they are written.
        X_centred = X @ np.linalg.inv(B)
        upper = np.linalg.cholesky(X_centred.T @ X_centred).T
        B = upper / np.diagonal(upper)[:, None] @ B
    return {name: B[columns] for name, columns in terms.items()}


def _of_what_is_estimated(coding: Coding, aliased: Aliased) -> dict[str, np.ndarray]:
    """The same where columns are left out, as where combinations of labels have no rows.

    Let every term have a column for each combination of its factors' levels, far more than are needed.
    The hypothesis of a term is about those functions of all these coefficients that the data tell of,
    that hold no coefficients but those of the term and of the terms that contain it, and that are
    orthogonal to all such functions of the latter alone (type III as SAS and R's lmerTest have it).
    Were nothing left out it would be the hypothesis above. A term that is left out as a whole is as if it
    were not in the formula, and has a matrix without rows.
    """
    runs = list(coding.by_level.values())
    as_coded, by_level = _in_products(
        coding, [(coding.products, _in_differences), (runs, _in_differences)]
    )
    A = np.linalg.solve(as_coded, by_level)  # X A has the columns for all levels
    A = A[aliased.kept] + aliased.made_of_kept @ A[~aliased.kept]
    size = np.abs(A).max(axis=1)
    A = A / size[:, None]  # its rows are what the data tell of these coefficients
    A[np.abs(A) < 1e-10] = 0
    gone = [not aliased.kept[columns].any() for columns in coding.terms.values()]
    term_of = np.repeat(range(len(runs)), [_n_columns(run) for run in runs])
    A[:, np.isin(term_of, np.flatnonzero(gone))] = 0
    position = np.cumsum(aliased.kept) - 1
    hypotheses = {}
    for at, (name, columns) in enumerate(coding.terms.items()):
        if name == "Intercept":
            continue
        above = [i for i, run in enumerate(runs) if _contains(run, runs[at])]
        L = _functions_without(A, ~np.isin(term_of, [at, *above]))[: 0 if gone[at] else None]
        of_others = _functions_without(A, ~np.isin(term_of, above))
        L = _null_space((of_others @ A) @ (L @ A).T).T @ L / size
        own = position[columns][aliased.kept[columns]]
        if len(L) == len(own) > 0:  # a row for each coefficient, as lmerTest writes it
            square = L[:, own]
            L = np.linalg.solve(square, L) if np.linalg.cond(square) < 1e8 else L
        L[np.abs(L) < 1e-10 * np.abs(L).max(initial=0)] = 0
        hypotheses[name] = L
    return hypotheses


def _n_columns(run: list[CodedFactor]) -> int:
    return int(np.prod([factor.n_columns for factor in run]))


def _contains(large: list[CodedFactor], small: list[CodedFactor]) -> bool:
    """Whether one term has the factors of another and further labels, but no further numbers."""
    more = {f.name for f in large} - {f.name for f in small}
    less = {f.name for f in small} - {f.name for f in large}
    return bool(more) and not less and all(f.levels for f in large if f.name in more)


def _functions_without(A: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """All combinations of the rows of A that are 0 in some columns: their weights, (rows, p)."""
    there = A[:, columns]
    largest = np.abs(there).max(axis=0, initial=0)
    return _null_space((there[:, largest > 0] / largest[largest > 0]).T).T


def _null_space(matrix: np.ndarray) -> np.ndarray:
    """Orthonormal columns that the matrix turns to 0."""
    if not matrix.size:
        return np.eye(matrix.shape[1])
    return linalg.null_space(matrix, rcond=1e-9)


def _in_products(
    coding: Coding, asked: Sequence[tuple[Sequence[list[CodedFactor]], Callable]]
) -> list[np.ndarray]:
    """Runs of columns in terms of the same p columns, (p, columns) each.

    These are the products of numbers and centred differences. For every run of columns in which a factor
    is coded by one column less than it has levels, patsy has the run without that factor in the
    model as well, so the products that occur are no more than the columns of X.

    Parameters
    ----------
    coding : Coding
        Of X.
    asked : sequence of (runs, weigh)
        What ``weigh`` makes of the contrasts of each factor is how the runs are coded.
    """
    numbers: dict[frozenset, int] = {}
    found = []
    for runs, weigh in asked:
        blocks = []
        for run in runs:
            products: list[frozenset] = [frozenset()]
            block: np.ndarray = np.ones((1, 1))
            for factor in run:
                if factor.contrasts is None:
                    parts = [{(factor.name, j)} for j in range(factor.n_columns)]
                    weights = np.eye(factor.n_columns)
                else:
                    parts = [set(), *({(factor.name, j)} for j in range(1, len(factor.contrasts)))]
                    weights = weigh(factor.contrasts)
                products = [product | part for part in parts for product in products]
                block = np.kron(weights, block)
            rows = [numbers.setdefault(product, len(numbers)) for product in products]
            blocks.append(np.zeros((len(coding.names), block.shape[1])))
            blocks[-1][rows] = block
        found.append(np.hstack(blocks))
    return found


def _in_differences(contrasts: np.ndarray) -> np.ndarray:
    """Weights of a constant and of the centred differences from the first level, (levels, columns)."""
    return np.vstack([contrasts.mean(axis=0), contrasts[1:] - contrasts[0]])


def _centred(contrasts: np.ndarray) -> np.ndarray:
    """The same for these differences; for one column for each level where none is to spare."""
    levels, columns = contrasts.shape
    identity = np.eye(levels)
    return _in_differences(identity) if columns == levels else identity[:, 1:]
