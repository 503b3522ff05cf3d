"""Relative covariance factors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def lower_factor(factor: np.ndarray, blocks: Sequence[Sequence[int]]) -> np.ndarray:
    """The lower triangular factor of ``factor @ factor.T`` with a diagonal that is not negative.

    For many matrices at once where there are axes before the last two.
    """
    lower = np.zeros_like(factor)
    for block in blocks:
        rows, columns = np.ix_(block, block)
        own = factor[..., rows, columns]
        if len(block) == 1:
            lower[..., rows, columns] = np.abs(own)
        else:
            R: np.ndarray = np.linalg.qr(own.swapaxes(-1, -2)).R
            sign = np.where(R.diagonal(axis1=-2, axis2=-1) < 0, -1.0, 1.0)
            lower[..., rows, columns] = (sign[..., None] * R).swapaxes(-1, -2)
    return lower
