"""Rows in batches, and memory that is kept for the next arrays."""

import platform
import subprocess
import sys

import pytest

from course.common.memory import CELLS_AT_ONCE, in_batches


@pytest.mark.parametrize("n", [0, 1, CELLS_AT_ONCE // 3, CELLS_AT_ONCE + 1])
@pytest.mark.parametrize("columns", [0, 3, 2 * CELLS_AT_ONCE])
def test_batches_hold_each_row_once_and_no_more_cells_than_are_near(n, columns):
    if columns > CELLS_AT_ONCE:
        n = min(n, 100)
    batches = list(in_batches(n, columns))
    assert [i for rows in batches for i in range(n)[rows]] == list(range(n))
    assert all(
        rows.stop - rows.start <= max(CELLS_AT_ONCE // max(columns, 1), 1) for rows in batches
    )


FAULTS = """
import resource
import numpy as np
from course.common.memory import keep_freed_memory
keep_freed_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        arrays = [np.ones(2**17) for _ in range(5)]
        del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have other rules")
def test_arrays_that_are_made_again_and_again_find_their_memory_in_place():
    """Of 5 MB that are freed and asked for 20 times, the system would clear all 25,600 pages each time."""
    ran = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 100
