"""What the deviance's evaluation at one theta consists of, and the factors that theta stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

# A number; of several problems side by side an array with one for each. Annotations cannot tell which.
Numbers: TypeAlias = Any


@dataclass
class Evaluation:
    """The deviance at one theta, in standardised units, and what its derivative needs."""

    factors: list[np.ndarray]
    root: np.ndarray  # U' V^-1 U, (u, u)
    logdet: Numbers  # log|Lambda'Z'Z Lambda + I|
    tape: list
    beta: np.ndarray
    r2: Numbers
    XX_inverse: np.ndarray
    logdet_XX: Numbers

    def one(self, i: int) -> Evaluation:
        """That of one of several problems on the last axis, without the tape."""
        arrays = (self.logdet, self.beta, self.r2, self.XX_inverse, self.logdet_XX)
        logdet, *rest = (array[..., i] for array in arrays)
        factors = [factor[..., i] for factor in self.factors]
        return Evaluation(factors, self.root[..., i], logdet, [], *rest)

    def alone(self) -> Evaluation:
        """The same with one problem on the last axis of all arrays, without the tape."""
        scalars = (self.logdet, self.beta, self.r2, self.XX_inverse, self.logdet_XX)
        logdet, *rest = (np.asarray(one)[..., None] for one in scalars)
        factors = [factor[..., None] for factor in self.factors]
        return Evaluation(factors, self.root[..., None], logdet, [], *rest)


def lower_factor(factor: np.ndarray, blocks: Sequence[Sequence[int]]) -> np.ndarray:
    """The lower triangular factor of ``factor @ factor.T`` with a diagonal that is not negative.

    For many matrices at once where there are axes before the last two.
    """
    lower = np.zeros_like(factor)
    for block in blocks:
        rows, columns = np.ix_(block, block)
        if len(block) == 1:
            lower[..., rows, columns] = np.abs(factor[..., rows, columns])
        else:
            across = factor[..., rows, columns].swapaxes(-1, -2)
            R = np.asarray(np.linalg.qr(across, mode="r"))
            sign = np.where(R.diagonal(axis1=-2, axis2=-1) < 0, -1.0, 1.0)
            lower[..., rows, columns] = (sign[..., None] * R).swapaxes(-1, -2)
    return lower
