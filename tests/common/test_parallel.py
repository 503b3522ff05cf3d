"""Work in chunks: what is finished is kept, what is lost is run again, and nothing is done twice."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from course import CourseError
from course.common.parallel import ranges_to_run, run_in_chunks


def test_what_was_finished_before_control_c_is_kept():
    kept = []

    def work(replicates):
        if 7 in replicates:
            raise KeyboardInterrupt
        return [i * i for i in replicates]

    with pytest.raises(KeyboardInterrupt):
        run_in_chunks(work, 40, None, False, "test", keep=lambda c, r: kept.extend(zip(c, r)))  # noqa: B905
    assert kept == [(i, i * i) for i in range(7)]


class KilledWorker(Exception):
    """What Dask raises where the same work has cost it several workers."""


@pytest.mark.parametrize(("retries", "enough"), [(2, True), (1, False)])
def test_how_often_lost_replicates_are_run_again(retries, enough):
    calls = Counter()

    def work(replicates):
        calls[replicates.start] += 1
        if 5 in replicates and calls[replicates.start] <= 2:
            raise KilledWorker
        return list(replicates)

    with ThreadPoolExecutor(2) as pool:
        if enough:
            assert run_in_chunks(work, 20, pool, False, "t", retries=retries) == list(range(20))
            assert sorted(calls.values())[-2:] == [1, 3]
        else:
            with pytest.raises(CourseError, match="died 2 times with replicates 3 to 5"):
                run_in_chunks(work, 20, pool, False, "t", retries=retries)


def test_chunks_hold_what_is_not_done_once():
    done = {0, 3, 4, 9, 17}
    chunks = list(ranges_to_run(20, done, 4))
    assert sorted(i for chunk in chunks for i in chunk) == sorted(set(range(20)) - done)
    assert max(map(len, chunks)) == 4
    results = run_in_chunks(list, 20, None, False, "test", done=done)
    assert results == sorted(set(range(20)) - done)
