"""The commands that are about no model: simulate, lessons, doctor."""

from __future__ import annotations

import argparse
from pathlib import Path


def simulate(options: argparse.Namespace) -> None:
    """Write simulated pupils to a file."""
    from course.data.files import write_table
    from course.simulate.schools import simulate_schools

    given = {
        name: value
        for name, value in vars(options).items()
        if name not in ("run", "command", "output") and value is not None
    }
    simulation = simulate_schools(**given)
    write_table(simulation.data, options.output)
    print(f"{len(simulation.data):,} rows to {options.output}")


def lessons(options: argparse.Namespace) -> None:
    """Give a learner a copy of the lessons, or bring the copy up to date."""
    from course.lessons import copy_lessons

    print(*copy_lessons(Path(options.folder), options.fresh), sep="\n")


def doctor(options: argparse.Namespace) -> int:
    """Check the installation."""
    from course import doctor

    return doctor.main()
