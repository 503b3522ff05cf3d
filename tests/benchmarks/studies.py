"""How much faster is a study with two processes than with one?

    python tests/benchmarks/studies.py

Run it when nothing else keeps the machine busy (it takes some three minutes): seconds are by the clock, and
the best of three runs counts.
Processor time is of all processes together; it says what sharing the work out costs. "threads" leaves the
linear algebra library its threads, one for each core; "one thread" does not. The exit status is 1 where two
processes with one thread each are less than 1.7 times as fast as one.
"""

import json
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor

AIM = 1.7
RUNS = 3
N = 600
SCHOOLS = {"provinces": 4, "schools": 8, "classrooms": 3, "students": 15}  # 1,440 pupils
FORMULA = "test_score ~ age + sex + (1|classroom) + (1|school) + (1|province)"
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def processor_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def measure(workers: int) -> tuple[float, float]:
    """Seconds by the clock and of processor for one study, starting the workers included."""
    from course import recovery

    clock, processor = time.perf_counter(), processor_seconds()
    if workers == 1:
        recovery(SCHOOLS, FORMULA, N, seed=1, progress=False)
    else:
        with ProcessPoolExecutor(workers) as pool:
            recovery(SCHOOLS, FORMULA, N, seed=1, executor=pool, progress=False)
    return time.perf_counter() - clock, processor_seconds() - processor


def in_new_python(threads: dict[str, str]) -> dict[int, tuple[float, float]]:
    """Seconds by number of workers: a library reads its number of threads when it is loaded."""
    environment = {k: v for k, v in os.environ.items() if k not in ONE_THREAD} | threads
    run = subprocess.run(
        [sys.executable, __file__, "--measure"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return {int(k): tuple(v) for k, v in json.loads(run.stdout).items()}


def main() -> int:
    if sys.argv[1:] == ["--measure"]:
        best = {1: (float("inf"), 0.0), 2: (float("inf"), 0.0)}
        for _ in range(RUNS):
            for workers in best:
                best[workers] = min(best[workers], measure(workers))
        print(json.dumps(best))
        return 0
    print(f"{N:,} replicates of 1,440 pupils, three nested levels; {os.cpu_count()} cores")
    for name, threads in (("threads", {}), ("one thread", ONE_THREAD)):
        best = in_new_python(threads)
        for workers, (clock, processor) in best.items():
            print(
                f"{name:>10}, {workers} process(es): {clock:5.1f} s by the clock, "
                f"{processor:5.1f} s of processor, {1000 * clock / N:.1f} ms a replicate"
            )
        ratio = best[1][0] / best[2][0]
        print(f"{name:>10}: {ratio:.2f} times as fast with two")
    return int(ratio < AIM)


if __name__ == "__main__":
    sys.exit(main())
