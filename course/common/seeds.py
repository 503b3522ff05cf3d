"""Random numbers of replicates: each has a stream of its own, wherever and in whatever order it is run."""

from __future__ import annotations

import numpy as np


def seed_of_replicate(seed: int, stream: int, replicate: int) -> np.random.SeedSequence:
    """The seed of one replicate, which neither the number of replicates nor their order changes.

    It is ``SeedSequence(seed, spawn_key=(stream,)).spawn(n)[replicate]`` without those before it.

    Parameters
    ----------
    seed : int
        Of the whole study.
    stream : int
        A number for each purpose, so that two of them with the same seed do not share random numbers.
    replicate : int

    Examples
    --------
    >>> spawned = np.random.SeedSequence(1, spawn_key=(1979,)).spawn(3)[2]
    >>> one, other = spawned.generate_state(4), seed_of_replicate(1, 1979, 2).generate_state(4)
    >>> bool((one == other).all())
    True
    """
    return np.random.SeedSequence(seed, spawn_key=(stream, replicate))
