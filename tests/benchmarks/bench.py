"""How long `mixedlm` takes beside other packages of Python and R, all of them on the same models.

    python tests/benchmarks/bench.py          measure, and write results.md, .json and .png here
    python tests/benchmarks/bench.py --quick  a tenth of the rows, one round; writes and requires nothing

Seconds are of the processor, depend on the machine, and are compared within one run in which all take turns,
so that whatever else the machine does slows all of them. The exit status is 1 where a required ratio is
missed, or where mixedlm stopped at a lower log-likelihood.
"""

import argparse
import os
import platform
import sys
from datetime import date

from peers import ONE_THREAD, missing, versions

os.environ.update(ONE_THREAD)  # before NumPy loads: the small fits are measured in this process

from measure import growth, measure, missed, sizes, small_fit
from problems import problems
from report import report, write


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small data, nothing written")
    quick = parser.parse_args().quick
    load = [os.getloadavg()[0]]
    absent = missing()
    for name, reason in absent.items():
        print(f"against {name}: skipped, {reason}")
    results = [measure(problem, absent, quick) for problem in problems(quick)]
    split, grown = small_fit(), growth(sizes(quick), rounds=1 if quick else 2)
    about = {
        "date": date.today().isoformat(),
        "cores": os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
        "load": [round(number, 1) for number in (*load, os.getloadavg()[0])],
        "versions": {"Python": platform.python_version()} | versions(absent),
    }
    text = report(results, about, split, grown, sizes(quick), absent)
    print(f"\n{text}", end="")
    if quick:
        print("\nQuick: with so few rows the requirements say nothing; not judged, not written.")
        return 0
    write(text, results, about, split, grown)
    failures = missed(results, split, grown)
    for failure in failures:
        print(f"MISSED  {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
