"""How long `mixedlm` takes beside other packages of Python and R, all of them on the same models.

    python tests/benchmarks/bench.py             measure, and write results.md, .json and .png here
    python tests/benchmarks/bench.py --only 3 7  the third and the seventh problem; others as they were
    python tests/benchmarks/bench.py --quick     a tenth of the rows, one round; writes and requires nothing

Beside numbers, `--only` takes `small`, where the time of a small fit goes, and `growth`, how fits grow with
the rows. Each piece is stored in results.json as soon as it is measured, so that whoever is interrupted
goes on with the rest.

Seconds are of the processor, depend on the machine, and are compared within one problem, at which all take
turns, so that whatever else the machine does slows all of them. The exit status is 1 where a required
ratio is missed, or where mixedlm stopped at a lower log-likelihood.
"""

import argparse
import os
import sys

from peers import ONE_THREAD, missing

os.environ.update(ONE_THREAD)  # before NumPy loads: the small fits are measured in this process

from measure import growth, measure, missed, noted, sizes, small_fit
from problems import problems
from report import report, write
from stored import Stored

SMALL, GROWTH = "small", "growth"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small data, nothing written")
    parser.add_argument("--only", nargs="+", help="numbers of problems, small, growth")
    chosen = parser.parse_args()
    quick, all_problems = chosen.quick, problems(chosen.quick)
    names = [*map(str, range(1, len(all_problems) + 1)), SMALL, GROWTH]
    wanted = chosen.only or names
    if unknown := [name for name in wanted if name not in names]:
        parser.error(f"--only {' '.join(unknown)}: there are {' '.join(names)}")
    absent = missing()
    for name, reason in absent.items():
        print(f"against {name}: skipped, {reason}")
    found = Stored(absent) if quick else Stored.read(all_problems, absent)
    for name in wanted:
        if name == SMALL:
            found.small = noted(small_fit)
        elif name == GROWTH:
            found.grown = noted(lambda: growth(sizes(quick), rounds=1 if quick else 2))
        else:
            found.results[int(name)] = measure(all_problems[int(name) - 1], absent, quick)
        if not quick:
            found.write()
    text = report(found, sizes(quick), absent)
    print(f"\n{text}", end="")
    if quick:
        print("\nQuick: with so few rows the requirements say nothing; not judged, not written.")
        return 0
    write(text, found.in_order)
    failures = missed(
        found.in_order, found.small and found.small[0], found.grown and found.grown[0]
    )
    for failure in failures:
        print(f"MISSED  {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
