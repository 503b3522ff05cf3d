"""Near and far memory: rows in batches, and arrays that are made and freed again and again."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

CELLS_AT_ONCE = 50_000  # of a matrix: 400 kB (measured, with matrices of 3 columns)
# The largest block, with its header, up to which glibc lets its threshold grow (DEFAULT_MMAP_THRESHOLD_MAX).
LARGEST = 32 * 2**20 - 2**13


def in_batches(n: int, columns: int) -> Iterator[slice]:
    """The n rows of a matrix, as many at a time as the processor's nearest memory holds."""
    size = max(CELLS_AT_ONCE // max(columns, 1), 1)
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def keep_freed_memory() -> None:
    """Have arrays that are freed leave their memory to the next ones.

    At first glibc gives each block above 128 KB back to the system as soon as it is freed, and the system
    clears a new one page by page when it is written to: for arrays of 100 KB to 30 MB that are made and
    freed again and again, half of the time. Once a larger block was freed, glibc keeps those up to that size,
    and twice as much in all. So one is asked for and freed here; nothing is written to it.
    """
    if sys.platform == "linux":
        np.empty(LARGEST, dtype=np.uint8)
