"""Studies are the same to the bit on any executor, and whole after any accident."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pandas as pd
import pytest
from small_studies import FORMULA, balanced, deadly, equal, posix, slow

from course import CourseError, recovery
from course.studies.recovery import Recovery


@pytest.mark.slow
def test_the_same_to_the_bit_in_processes_and_threads(serial, capsys):
    with ProcessPoolExecutor(2) as processes, ThreadPoolExecutor(3) as threads:
        for executor in (processes, threads):
            assert equal(
                serial,
                recovery(balanced, FORMULA, 20, seed=1, executor=executor, progress=False),
            )
    assert capsys.readouterr().err == ""


def test_a_function_that_cannot_travel_is_refused():
    with ProcessPoolExecutor(1) as pool, pytest.raises(CourseError, match="top of a module"):
        recovery(lambda seed: balanced(seed), FORMULA, 9, seed=1, executor=pool, progress=False)


def test_an_executor_that_was_shut_down_is_refused():
    with ThreadPoolExecutor(1) as pool:
        pass
    with pytest.raises(CourseError, match="`with` block"):
        recovery(balanced, FORMULA, 9, seed=1, executor=pool, progress=False)


def fatal_seeds(study: Recovery, replicates: tuple[int, ...]) -> tuple[int, ...]:
    rows = study.replicates.drop_duplicates("replicate").set_index("replicate")
    return tuple(int(rows.loc[i, "seed"]) for i in replicates)


@pytest.mark.slow
@posix
def test_what_a_dead_worker_was_at_is_run_again(serial, tmp_path):
    """Two workers kill themselves, one of them twice; the pool that breaks is the caller's."""
    fatal = fatal_seeds(serial, (7, 17))
    simulate = partial(deadly, folder=str(tmp_path), fatal=fatal, times=1)
    with ProcessPoolExecutor(2) as pool:
        again = recovery(simulate, FORMULA, 20, seed=1, executor=pool, progress=False)
    assert equal(serial, again) and len(list(tmp_path.iterdir())) == 2


@pytest.mark.slow
@posix
def test_replicates_that_always_kill_are_given_up_and_the_rest_is_kept(serial, tmp_path):
    (tmp_path / "dead").mkdir()
    simulate = partial(
        deadly, folder=str(tmp_path / "dead"), fatal=fatal_seeds(serial, (7,)), times=99
    )
    with (
        ProcessPoolExecutor(1) as pool,
        pytest.raises(CourseError, match="died 2 times with replicates"),
    ):
        recovery(
            simulate, FORMULA, 20, seed=1, executor=pool, retries=1, path=tmp_path / "study",
            progress=False,
        )  # fmt: skip
    kept = pd.read_parquet(tmp_path / "study")
    assert 0 in set(kept["replicate"]) and 7 not in set(kept["replicate"])


@contextmanager
def dask(**options):
    """A client of a Dask cluster of this machine, with two workers."""
    distributed = pytest.importorskip("distributed", reason="Dask is an extra")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50, **options
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.slow
def test_the_same_to_the_bit_on_dask(serial):
    """Over TCP, by which all is pickled; workers of this process, since others take seconds to start."""
    with dask(processes=False, protocol="tcp") as client:
        executor = client.get_executor()
        shared = recovery(balanced, FORMULA, 20, seed=1, executor=executor, progress=False)
    assert equal(serial, shared)


@pytest.fixture
def client():
    """A Dask cluster of two processes."""
    with dask(processes=True) as client:
        yield client


@pytest.mark.long  # of a pool, workers are killed above
@posix
def test_a_dask_worker_is_killed_in_mid_study(client, tmp_path):
    """As soon as the first replicates are on disk one of the workers gets a SIGKILL."""
    options = {"n": 40, "seed": 2, "progress": False}
    before = client.run(os.getpid)
    killed = []

    def kill():
        while len(list(tmp_path.glob("study/part-*"))) < 3 and not killed:
            time.sleep(0.005)
        victim = next(iter(before.values()))
        killed.append((victim, len(list(tmp_path.glob("study/part-*")))))
        os.kill(victim, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    found = recovery(
        slow, FORMULA, **options, executor=client.get_executor(), path=tmp_path / "study"
    )
    thread.join()
    parts = len(list(tmp_path.glob("study/part-*")))
    assert killed[0][1] < parts, "the study was over before"
    assert equal(found, recovery(balanced, FORMULA, **options))


ACCIDENTS = """
import json, os, random, signal, sys, time
from concurrent.futures import ProcessPoolExecutor
import pyarrow.dataset, pyarrow.parquet, tqdm  # once, not in every child
import course.studies.simulated_fits
from course import recovery
from small_studies import FORMULA, balanced

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
course.studies.simulated_fits.CHUNK_SECONDS = 0  # each replicate is a part
folder, n, kills = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(5)


def parts():
    return len([name for name in os.listdir(folder) if name.startswith("part")])


def child(workers):
    # a process of its own, in a group with its workers
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        if workers:
            with ProcessPoolExecutor(workers) as pool:
                recovery(balanced, FORMULA, n, seed=6, path=folder, executor=pool, progress=False)
        else:
            recovery(balanced, FORMULA, n, seed=6, path=folder, progress=False)
        os._exit(0)
    try:
        os.setpgid(pid, pid)  # whoever comes first
    except PermissionError:
        pass
    return pid


def end(pid, how):
    os.killpg(pid, how)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


os.mkdir(folder)
counts, codes = [], []
for i in range(kills):
    workers = 2 if i % 5 == 4 else 0
    before, pid = parts(), child(workers)
    # somewhere after this many more parts: while replicates are run, written, renamed
    more, late = chance.choice([0, 1, 1, 2]), time.monotonic() + 20
    while parts() < before + more and time.monotonic() < late:
        time.sleep(0.0005)
    time.sleep(chance.uniform(0, 0.03))
    codes.append(end(pid, signal.SIGKILL))
    counts.append(parts())

pid = child(2)
before = parts()
while parts() < before + 2:
    time.sleep(0.001)
interrupted = end(pid, signal.SIGINT)
time.sleep(0.2)
try:
    os.killpg(pid, 0)
    orphans = True
except ProcessLookupError:
    orphans = False
print(json.dumps({"counts": counts, "codes": codes, "interrupted": interrupted, "orphans": orphans}))
"""


@pytest.mark.long  # workers are killed above, and test_store.py goes on with a study that ended early
@posix
@pytest.mark.parametrize("kills", [6, 20])
def test_a_study_killed_and_interrupted_ends_as_if_nothing_had_happened(kills, tmp_path):
    folder, n = tmp_path / "s", 4 * kills
    run = subprocess.run(
        [sys.executable, "-c", ACCIDENTS, str(folder), str(n), str(kills)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,  # where other work takes the cores
    )  # fmt: skip
    assert run.stdout, run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["codes"].count(-signal.SIGKILL) == kills, "the study was over before it was killed"
    assert (
        len(set(told["counts"])) > 0.4 * kills and told["interrupted"] != 0 and not told["orphans"]
    )
    # what was written is readable, each replicate once and as it should be
    there = pd.read_parquet(folder)
    assert 0 < there["task"].nunique() < n
    resumed = recovery(balanced, FORMULA, n, seed=6, path=folder, progress=False)
    assert equal(resumed, recovery(balanced, FORMULA, n, seed=6, progress=False))
