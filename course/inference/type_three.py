"""The hypotheses of type III: what each term says beside all others."""

from __future__ import annotations

import numpy as np

from course.design.matrices import Coding
from course.fit.model import MixedFit


def type_three(fit: MixedFit) -> dict[str, np.ndarray]:
    """For each term the hypothesis matrix L, (columns of the term, p).

    Were every factor coded by its differences from the first level, centred so that they sum to 0
    over the levels, then all coefficients of a term would be 0 under its type III hypothesis. That
    model has the same columns but for a linear map, X = X_centred B, so its coefficients are B beta.
    """
    coding, X = fit.design.codings.X, fit.design.X
    terms = {name: columns for name, columns in coding.terms.items() if name != "Intercept"}
    if not terms:
        return {}
    as_coded, centred = _in_products(coding)
    B = np.linalg.solve(centred, as_coded)
    B[np.abs(B) < 1e-12] = 0
    if len(terms) == 1:
        # The same hypothesis, with the rows of L that lmerTest has here (and only here).
        # Satterthwaite's df of several rows depends a little on how they are written.
        X_centred = X @ np.linalg.inv(B)
        upper = np.linalg.cholesky(X_centred.T @ X_centred).T
        B = upper / np.diagonal(upper)[:, None] @ B
    return {name: B[columns] for name, columns in terms.items()}


def _in_products(coding: Coding) -> tuple[np.ndarray, np.ndarray]:
    """X and X_centred in terms of the same p columns, (p, p) each.

    These are the products of numbers and centred differences. For every run of columns in which a factor
    is coded by one column less than it has levels, patsy has the run without that factor in the
    model as well, so the products that occur are no more than the columns of X.
    """
    p = len(coding.names)
    as_coded, centred = np.zeros((p, p)), np.zeros((p, p))
    numbers: dict[frozenset, int] = {}
    start = 0
    for run in coding.products:
        products: list[frozenset] = [frozenset()]
        blocks: list[np.ndarray] = [np.ones((1, 1)), np.ones((1, 1))]
        for factor in run:
            if factor.contrasts is None:
                parts = [{(factor.name, j)} for j in range(factor.n_columns)]
                weights = [np.eye(factor.n_columns)] * 2
            else:
                parts = [set(), *({(factor.name, j)} for j in range(1, len(factor.contrasts)))]
                weights = [_in_differences(factor.contrasts), _centred(*factor.contrasts.shape)]
            products = [product | part for part in parts for product in products]
            blocks = [np.kron(w, block) for w, block in zip(weights, blocks, strict=True)]
        rows = [numbers.setdefault(product, len(numbers)) for product in products]
        columns = slice(start, start + blocks[0].shape[1])
        as_coded[rows, columns], centred[rows, columns] = blocks
        start = columns.stop
    return as_coded, centred


def _in_differences(contrasts: np.ndarray) -> np.ndarray:
    """Weights of a constant and of the centred differences from the first level, (levels, columns)."""
    return np.vstack([contrasts.mean(axis=0), contrasts[1:] - contrasts[0]])


def _centred(levels: int, columns: int) -> np.ndarray:
    """The same for these differences; for one column for each level where none is to spare."""
    identity = np.eye(levels)
    return _in_differences(identity) if columns == levels else identity[:, 1:]
