"""More pupils than fit into memory: written in pieces, fitted from Parquet, with threads and with Dask.

    python tests/benchmarks/out_of_core.py --pupils 100_000_000 --folder /tmp/pupils
    python tests/benchmarks/out_of_core.py --pupils 100_000_000 --folder /tmp/pupils --workers 2 --kill

Every fit runs in a process of its own, whose largest memory is printed. With ``--workers`` a Dask
``LocalCluster`` of so many processes does the passes; with ``--kill`` one of them is killed in mid-run.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FORMULA = "test_score ~ age + (age|classroom) + (age|school) + (age|province)"
PIECE = 1_000_000  # pupils of one province: 400 schools of 100 classrooms of 25
# standard deviations of intercept and slope of age by level, and of the residual
TRUTH = {"classroom": (4.0, 0.8), "school": (3.0, 0.5), "province": (2.0, 0.3), "residual": 6.0}


def write(folder: Path, pupils: int, seed: int = 1) -> None:
    """A Parquet file for each province, with the same numbers whatever was written before."""
    from tqdm import tqdm

    folder.mkdir(parents=True, exist_ok=True)
    for province in tqdm(range(pupils // PIECE), desc="writing"):
        path = folder / f"province-{province:04d}.parquet"
        if path.exists():
            continue
        rng = np.random.default_rng([seed, province])
        classroom = np.repeat(np.arange(PIECE // 25, dtype=np.int32), 25)
        school = classroom // 100
        age = rng.integers(20, 49, PIECE) / 4 - 8.5  # quarters of a year, from the middle
        score = 60 + 3 * age + rng.normal(0, TRUTH["residual"], PIECE)
        for level, codes in (
            ("classroom", classroom),
            ("school", school),
            ("province", 0 * school),
        ):
            intercept, slope = (rng.normal(0, sd, codes[-1] + 1)[codes] for sd in TRUTH[level])
            score += intercept + slope * age
        table = pa.table(
            {
                "test_score": score.astype(np.float32),
                "age": age.astype(np.float32),
                "classroom": classroom + province * np.int32(PIECE // 25),
                "school": school + province * np.int32(PIECE // 2500),
                "province": np.full(PIECE, province, dtype=np.int32),
            }
        )
        unfinished = path.with_suffix(".unfinished")
        pq.write_table(table, unfinished, compression="zstd")
        unfinished.rename(path)


def fit(folder: Path, workers: int, kill: bool) -> None:
    from course import mixedlm

    begun, source, cluster = time.perf_counter(), folder, None
    if workers:
        import dask.dataframe as dd
        from dask.distributed import Client, LocalCluster

        cluster = LocalCluster(n_workers=workers, threads_per_worker=1, memory_limit="2.5GB")
        client = Client(cluster)
        source = dd.read_parquet(folder)
        if kill:
            victim = next(iter(client.run(os.getpid).values()))
            threading.Timer(20, os.kill, (victim, signal.SIGKILL)).start()
            print(f"worker {victim} is killed after 20 seconds", flush=True)
    model = mixedlm(FORMULA, source)
    read = time.perf_counter() - begun
    fitted = model.fit(progress=True)
    took = time.perf_counter() - begun
    print(fitted.summary())
    print(f"evaluations: {fitted.estimates.evaluations}; log-likelihood {fitted.llf!r}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"reading {read:.0f} s, search {took - read:.0f} s; largest memory {peak:.2f} GB")
    if cluster:
        client.close()
        cluster.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pupils", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--kill", action="store_true")
    given = parser.parse_args()
    write(given.folder, given.pupils)
    fit(given.folder, given.workers, given.kill)
