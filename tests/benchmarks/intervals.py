"""How long do 1,000 bootstrap fits of the three-level model on pupils.csv take, and its profiles?

    python tests/benchmarks/intervals.py

Seconds by the clock, which other work on the machine slows, and of processor time, which it does not.
The exit status is 1 where two processes need more than 30 seconds.
"""

import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor

# before NumPy loads: on busy cores the threads of a linear algebra library wait for each other
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

from course import bootstrap, load, mixedlm, profile

FORMULA = "test_score ~ age + sex + (1|classroom) + (1|school) + (1|province)"
AIM = 30.0  # seconds


def processor_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> int:
    fit = mixedlm(FORMULA, load("pupils")).fit()
    began = time.perf_counter()
    names = list(profile(fit).points)
    print(f"profiles of {len(names)} parameters: {time.perf_counter() - began:.2f} s by the clock")
    print(f"1,000 replicates, {fit.nobs:,} pupils, {os.cpu_count()} cores")
    for workers in (1, 2):
        clock, processor = time.perf_counter(), processor_seconds()
        if workers == 1:
            bootstrap(fit, 1000, seed=1, progress=False)
        else:
            with ProcessPoolExecutor(workers) as pool:
                bootstrap(fit, 1000, seed=1, executor=pool, progress=False)
        clock, processor = time.perf_counter() - clock, processor_seconds() - processor
        print(
            f"{workers} process(es): {clock:5.1f} s by the clock, {processor:5.1f} s of processor"
        )
    return int(clock > AIM)


if __name__ == "__main__":
    sys.exit(main())
