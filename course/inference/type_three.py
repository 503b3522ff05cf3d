"""type_three."""

from __future__ import annotations

import numpy as np
import patsy

from course.fit.model import MixedFit

# -- type III hypotheses ----------------------------------------------------------------------


def _type_three(fit: MixedFit) -> dict[str, np.ndarray]:
    """For each term the hypothesis matrix L, (columns of the term, p).

    Were every factor coded by its differences from the first level, centred so that they sum to 0
    over the levels, then all coefficients of a term would be 0 under its type III hypothesis. That
    model has the same columns but for a linear map, X = X_centred B, so its coefficients are B beta.
    B depends on the codings alone: any rows show it, and random ones do so to the last digit.
    """
    info, X = fit.design.infos[1], fit.design.X
    terms = {name: at for name, at in info.term_name_slices.items() if name != "Intercept"}
    if not terms:
        return {}
    rng, n = np.random.default_rng(0), 200 + 40 * X.shape[1]
    values = {
        factor: rng.integers(len(found.categories), size=n)
        if found.type == "categorical"
        else rng.normal(size=(n, found.num_columns))
        for factor, found in info.factor_infos.items()
    }
    centred, as_coded = _columns(info, values, centred=True), _columns(info, values, centred=False)
    B = np.linalg.lstsq(centred, as_coded, rcond=None)[0]
    B[np.abs(B) < 1e-12] = 0
    if len(terms) == 1:
        # The same hypothesis, with the rows of L that lmerTest has here (and only here).
        # Satterthwaite's df of several rows depends a little on how they are written.
        X_centred = X @ np.linalg.inv(B)
        upper = np.linalg.cholesky(X_centred.T @ X_centred).T
        B = upper / np.diagonal(upper)[:, None] @ B
    return {name: B[at] for name, at in terms.items()}


def _columns(info: patsy.DesignInfo, values: dict, centred: bool) -> np.ndarray:
    """The columns that patsy would make of these values of the factors, (n, p); see `_type_three`."""
    n = len(next(iter(values.values())))
    blocks = []
    for subterms in info.term_codings.values():
        for subterm in subterms:
            block = np.ones((n, 1))
            for factor in subterm.factors:
                columns = values[factor]
                if factor in subterm.contrast_matrices:
                    contrast = subterm.contrast_matrices[factor].matrix
                    columns = (_from_first(contrast.shape) if centred else contrast)[columns]
                # patsy turns the first factor fastest
                block = (columns[:, :, None] * block[:, None, :]).reshape(n, -1)
            blocks.append(block)
    return np.hstack(blocks)


def _from_first(shape: tuple[int, int]) -> np.ndarray:
    """Differences from the first level, centred; one column for each level where none is to spare."""
    levels, columns = shape
    identity = np.eye(levels)
    return identity if columns == levels else identity[:, 1:] - 1 / levels
