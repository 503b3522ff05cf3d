"""What `bench.py` has measured, kept in results.json from one run to the next."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property

from measure import HERE, Result, When
from peers import Runs, versions
from problems import Problem

PATH = HERE / "results.json"


@dataclass
class Stored:
    """Results by the number of the problem, from 1; small fits and growth; when each was measured.

    Attributes
    ----------
    absent : dict of str
        Peers that cannot run here, each with the reason.
    results : dict of int to Result
    small : tuple of (dict, When), optional
        Milliseconds by what they go into.
    grown : tuple of (dict, When), optional
        Seconds and gigabytes by the number of pupils.
    """

    absent: dict[str, str]
    results: dict[int, Result] = field(default_factory=dict)
    small: tuple[dict[str, float], When] | None = None
    grown: tuple[dict[int, tuple[float, float]], When] | None = None

    @classmethod
    def read(cls, problems: Sequence[Problem], absent: dict[str, str]) -> Stored:
        """What is in the file; of a problem that has another formula by now, nothing."""
        found, stored = cls(absent), json.loads(PATH.read_text(encoding="utf-8"))
        by_number = dict(enumerate(problems, start=1))
        for one in stored["results"]:
            problem = by_number.get(one["number"])
            if problem and (problem.name, problem.formula) == (one["model"], one["formula"]):
                theirs = {name: Runs(**runs) for name, runs in one["theirs"].items()}
                when = When(**one["when"])
                result = Result(problem, one["rows"], Runs(**one["ours"]), theirs, when)
                found.results[one["number"]] = result
        if small := stored["small_fit"]:
            found.small = small["milliseconds"], When(**small["when"])
        if growth := stored["growth"]:
            sizes = {one["pupils"]: (one["seconds"], one["gigabytes"]) for one in growth["sizes"]}
            found.grown = sizes, When(**growth["when"])
        return found

    @property
    def in_order(self) -> list[Result]:
        """The results by number."""
        return [self.results[number] for number in sorted(self.results)]

    @cached_property
    def about(self) -> dict:
        """The machine, and what is installed."""
        return {
            "cores": os.cpu_count(),
            "machine": f"{platform.system()} {platform.machine()}",
            "versions": {"Python": platform.python_version()} | versions(self.absent),
        }

    def write(self) -> None:
        """Put all of it into the file."""
        results = [
            {
                "number": number,
                "rows": result.rows,
                "model": result.problem.name,
                "formula": result.problem.formula,
                "when": asdict(result.when),
                "reml": result.problem.reml,
                "measured": result.problem.measured,
                "required": result.problem.required,
                "same_model": result.problem.same_model,
                "ours": asdict(result.ours),
                "theirs": {name: asdict(runs) for name, runs in result.theirs.items()},
            }
            for number, result in sorted(self.results.items())
        ]
        small, growth = None, None
        if self.small:
            small = {"when": asdict(self.small[1]), "milliseconds": self.small[0]}
        if self.grown:
            sizes = [
                {"pupils": pupils, "seconds": seconds, "gigabytes": memory}
                for pupils, (seconds, memory) in self.grown[0].items()
            ]
            growth = {"when": asdict(self.grown[1]), "sizes": sizes}
        stored = self.about | {"results": results, "small_fit": small, "growth": growth}
        PATH.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
