"""The elimination of very many levels, some at a time: what is made on the way stays in the fast memory.

For the way back each chunk's arrays are kept, or, of millions of levels, made once more: a fit of so many
needs little more memory than their cross-products do, and takes a third longer for an evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from course.solver.elimination import Eliminated, Stage, Sums

CHUNK = 20_000  # levels at a time (of 1,000 to 100,000 the fastest, measured with two effects)
MOST_KEPT = 500_000  # levels: with two effects in 100 MB
T = TypeVar("T")


@dataclass
class Tape:
    """What was eliminated, and what that left of each chunk: none where there are too many levels."""

    M: np.ndarray
    Lambda: np.ndarray
    kept: list[Eliminated | None]


class ChunkedStage:
    """A `Stage` of many levels; its methods take and give the same.

    Parameters
    ----------
    grouping : int
        Which grouping of the design.
    z : list of int
        The positions in U of its k columns.
    sums : Sums
        From its levels to those of the next stage (or to the root).
    """

    def __init__(self, grouping: int, z: list[int], sums: Sums):
        self.grouping, self.of_U = grouping, tuple(z)
        self.sums, self.parent = sums, sums.parent
        self.parts = []
        for start in range(0, len(self.parent), CHUNK):
            levels = slice(start, start + CHUNK)
            first, last = self.parent[levels][[0, -1]]
            own = Stage(grouping, z, Sums(self.parent[levels] - first))
            self.parts.append((levels, slice(first, last + 1), own))

    def eliminate(self, M: np.ndarray, Lambda: np.ndarray) -> tuple[np.ndarray, np.ndarray, Tape]:
        """As `Stage.eliminate`."""
        M_next, logdet = np.zeros((*M.shape[:2], self.parent[-1] + 1)), []
        tape = Tape(M, Lambda, [])
        for levels, parents, part in self.parts:
            total, more, own = part.eliminate(M[:, :, levels], _of_levels(Lambda, levels))
            M_next[:, :, parents] += total  # children of one parent may lie in two chunks
            logdet.append(more)
            tape.kept.append(own if len(self.parent) <= MOST_KEPT else None)
        return M_next, np.concatenate(logdet), tape

    def _each(self, tape: Tape, work: Callable[[Stage, Eliminated, slice], T]) -> list[T]:
        made = []
        for (levels, parents, part), own in zip(self.parts, tape.kept, strict=True):
            if own is None:
                _, _, own = part.eliminate(tape.M[:, :, levels], _of_levels(tape.Lambda, levels))
            made.append(work(part, own, parents))
        return made

    def back(self, tape: Tape, M_bar: np.ndarray) -> np.ndarray:
        """As `Stage.back`."""
        chunks = self._each(tape, lambda part, own, up: part.back(own, M_bar[:, :, up]))
        return np.concatenate(chunks, axis=-1)

    def by_covariance(self, tape: Tape, M_bar: np.ndarray) -> np.ndarray:
        """As `Stage.by_covariance`."""
        chunks = self._each(tape, lambda part, own, up: part.by_covariance(own, M_bar[:, :, up]))
        return np.concatenate(chunks, axis=-1)

    def effects(self, tape: Tape, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `Stage.effects`."""
        return _both(self._each(tape, lambda part, own, up: part.effects(own, v[:, up])))

    def spherical(self, tape: Tape, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `Stage.spherical`."""
        return _both(self._each(tape, lambda part, own, up: part.spherical(own, v[:, up])))

    def conditional(self, tape: Tape, M_bar: np.ndarray) -> np.ndarray:
        """As `Stage.conditional`."""
        chunks = self._each(tape, lambda part, own, up: part.conditional(own, M_bar[:, :, up]))
        return np.concatenate(chunks, axis=-1)


def _both(chunks: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    one, other = (np.concatenate(part, axis=-1) for part in zip(*chunks, strict=True))
    return one, other


def _of_levels(Lambda: np.ndarray, levels: slice) -> np.ndarray:
    """One Lambda for all levels as it is; of one for each those of some."""
    return Lambda if Lambda.ndim == 2 else Lambda[:, :, levels]


def stage_for(grouping: int, z: list[int], sums: Sums) -> Stage | ChunkedStage:
    """The stage of one grouping: in chunks where its levels are many."""
    many = len(sums.parent) > 2 * CHUNK
    return ChunkedStage(grouping, z, sums) if many else Stage(grouping, z, sums)
