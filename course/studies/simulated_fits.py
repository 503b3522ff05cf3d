"""Simulate, fit, keep what was found; again and again: what recovery and power have in common.

Task t of a study with c designs is replicate t // c of design t % c, so that an interrupted study has got
equally far with all of them. What a task gives depends on the study and its number alone: its seed is spawned
from the study's, whatever the executor, the number of workers, or what was run before.
"""

from __future__ import annotations

import inspect
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from course.common import arguments
from course.common.arguments import choice, whole
from course.common.nearest import nearest
from course.common.parallel import run_in_chunks
from course.common.seeds import seed_of_replicate
from course.errors import CourseError
from course.fit.from_formula import mixedlm
from course.fit.generalised import MixedGLM, MixedGLMFit
from course.fit.generalised_from_formula import mixedglm
from course.fit.model import MixedFit, MixedModel
from course.inference.combinations import DF
from course.inference.fixed_effects import fixed_effects_table
from course.inference.intervals import confint
from course.simulate.responses import FAMILIES
from course.simulate.schools import Simulation, simulate_schools
from course.simulate.truth import Truth
from course.solver.parameters import parameter_names, parameter_values
from course.studies.store import Store, read_study

STREAM = 2019  # apart from the streams of bootstrap(seed=...), should both get the same seed
INTERVALS = (*DF, "auto", "wald", "profile", "bootstrap")
REFITS = 500  # of a bootstrap in each replicate: percentiles of them keep their level
VALUES = ["true", "estimate", "std_error", "df", "p_value", "lower", "upper"]
TRUE, ESTIMATE, LIMITS = 0, 1, slice(5, 7)  # where in VALUES
CHUNK_SECONDS, LARGEST_CHUNK = 1.0, 100
SAME = 1e-4  # relative: how near a replicate that is run again must come to the one on disk


class Rate(NamedTuple):
    """A share of the replicates, and its Monte-Carlo error sqrt(p (1 - p) / n)."""

    value: float
    mcse: float

    @classmethod
    def of(cls, hits: pd.Series | np.ndarray) -> Rate:
        """The share of True; NaN where there is nothing."""
        n = len(hits)
        share = float(np.mean(hits)) if n else math.nan
        return cls(share, math.sqrt(share * (1 - share) / n) if n else math.nan)


class Found(NamedTuple):
    """What one task gave: for each parameter a row of VALUES. Without a fit there are none."""

    task: int
    names: tuple[str, ...]
    values: np.ndarray
    converged: bool
    singular: bool
    error: str | None


@dataclass(frozen=True)
class SimulatedFits:
    """A study, as it travels to a worker.

    Attributes
    ----------
    simulate : callable
        Called with seed= and the arguments of a design; returns a Simulation.
    designs : tuple of dict
        Arguments of the designs.
    formula : str
    reml : bool
    intervals : str
        One of INTERVALS.
    level : float
        Of the intervals.
    seed : int
    test : str or None
        The coefficient to keep, where only one is wanted. Otherwise all parameters are kept, and the
        simulation must know its truth.
    family : str
        Of the model: "gaussian" for a linear one.
    """

    simulate: Callable[..., Simulation]
    designs: tuple[dict[str, Any], ...]
    formula: str
    reml: bool
    intervals: str
    level: float
    seed: int
    test: str | None = None
    family: str = "gaussian"

    def model(self, data: Any) -> MixedModel | MixedGLM:
        """The model of simulated data."""
        if self.family == "gaussian":
            return mixedlm(self.formula, data)
        return mixedglm(self.formula, data, self.family)

    def seed_of(self, replicate: int) -> int:
        """The seed a replicate is simulated with: for each design the same, below 2**63."""
        child = seed_of_replicate(self.seed, STREAM, replicate)
        return int(child.generate_state(1, np.uint64)[0] >> np.uint64(1))

    def __call__(self, tasks: range) -> list[Found]:
        """What these tasks give. A CourseError is kept with its replicate."""
        return [self.run(task) for task in tasks]

    def run(self, task: int, careful: bool = False) -> Found:
        """Simulate and fit once; where careful, raise what is wrong with the study itself."""
        replicate, design = divmod(task, len(self.designs))
        try:
            made = self.simulate(seed=self.seed_of(replicate), **self.designs[design])
            if careful:
                self._check_simulated(made)
            model = self.model(_data(made))
            if model.design.aliased.names:  # the other coefficients would mean something else
                raise CourseError(f"in these data {model.design.aliased.reasons[0]}")
            self._check_test(model.design.fixed_names)
        except CourseError as error:
            if careful:
                where = f" (design {self.designs[design]})" if len(self.designs) > 1 else ""
                raise CourseError(f"{error}{where}") from error
            return _nothing(task, error)
        try:
            fit = model.fit(self.reml) if isinstance(model, MixedModel) else model.fit()
        except (CourseError, np.linalg.LinAlgError) as error:
            return _nothing(task, error)
        names = parameter_names(fit.design)
        values, hindered = self._values(fit, len(names), self.seed_of(replicate))
        if self.test is None:
            true = made.truth.parameters(list(fit.n_groups)).to_dict()
            # a variance that is 0 in truth is rightly left out by a model
            lacking = [name for name in true if true[name] and name not in names]
            names += lacking
            values = np.pad(values, ((0, len(lacking)), (0, 0)), constant_values=np.nan)
            values[:, TRUE] = [true.get(name, np.nan) for name in names]
        else:
            at = names.index(self.test)
            names, values = names[at : at + 1], values[at : at + 1]
            values[:, TRUE] = self.designs[design].get("effect", np.nan)
        return Found(task, tuple(names), values, fit.converged, fit.singular, hindered)

    def _values(
        self, fit: MixedFit | MixedGLMFit, k: int, seed: int
    ) -> tuple[np.ndarray, str | None]:
        """Estimates, tests and intervals of k parameters, the truth not yet; and what hindered them."""
        values = np.full((k, len(VALUES)), np.nan)
        values[:, ESTIMATE] = parameter_values(fit.design, fit.estimates)
        df = self.intervals if self.intervals in DF else "satterthwaite"
        try:
            fixed = fixed_effects_table(fit, df, self.level)
            for at, name in enumerate(VALUES[ESTIMATE:], ESTIMATE):
                values[: len(fixed), at] = fixed[name]
            if self.intervals not in DF:
                limits = confint(fit, self.intervals, self.level, n=REFITS, seed=seed)
                values[:, LIMITS] = limits[VALUES[LIMITS]]
        except (CourseError, np.linalg.LinAlgError) as problem:
            return values, f"no interval: {problem}"
        return values, None

    def _check_test(self, known: Sequence[str]) -> None:
        if self.test is not None and self.test not in known:
            raise CourseError(
                f"test={self.test!r}: the coefficients of the model are {', '.join(known)}"
                f"{nearest(self.test, known)}"
            )

    def _check_simulated(self, made: object) -> None:
        if self.test is None and not (
            isinstance(made, Simulation) and isinstance(made.truth, Truth)
        ):
            raise CourseError(
                "simulate must return a Simulation with data and truth, as simulate_schools does, not a "
                f"{type(made).__name__}: course.simulate.schools.Simulation(data, truth)"
            )
        if not isinstance(_data(made), pd.DataFrame):
            raise CourseError(
                f"simulate must return a DataFrame or a Simulation, not a {type(made).__name__}"
            )

    def frame(self, results: list[Found]) -> pd.DataFrame:
        """One row for each task and parameter; a task without a fit has one row without a parameter."""
        sizes = [max(1, len(result.names)) for result in results]
        values = [
            result.values if len(result.names) else np.full((1, len(VALUES)), np.nan)
            for result in results
        ]
        tasks = np.repeat([result.task for result in results], sizes)
        replicate = tasks // len(self.designs)
        seeds = {i: self.seed_of(i) for i in np.unique(replicate).tolist()}
        frame = pd.DataFrame(
            {
                "task": tasks,
                "replicate": replicate,
                "seed": [seeds[i] for i in replicate.tolist()],
                "parameter": [name for result in results for name in result.names or (None,)],
            }
        )
        frame[VALUES] = np.concatenate(values) if results else np.empty((0, len(VALUES)))
        for name in ("converged", "singular", "error"):
            frame[name] = [
                getattr(result, name)
                for result, k in zip(results, sizes, strict=True)
                for _ in range(k)
            ]
        return _typed(frame)


def run_study(
    study: SimulatedFits,
    kind: str,
    n: int,
    executor: Executor | None,
    path: str | os.PathLike | None,
    retries: int,
    progress: bool,
) -> pd.DataFrame:
    """All replicates of a study: those that the folder holds, and the others as they are run.

    Parameters
    ----------
    study : SimulatedFits
    kind : str
        "recovery" or "power".
    n : int
        Replicates of each design.

    Returns
    -------
    DataFrame
        One row for each replicate (of each design) and parameter, in their order.

    Raises
    ------
    CourseError
        Where the study cannot be run, or the folder is not its own.
    """
    n, retries = whole("n", n), whole("retries", retries, low=0)
    total = n * len(study.designs)
    store = Store(path, fingerprint(study, kind)) if path is not None else None
    on_disk = [_typed(store.found)] if store and store.found is not None else []
    done = {task for rows in on_disk for task in rows["task"].tolist()}
    # the first replicate of every design is run here: what is wrong with the study shows before any work
    # is sent off; and a study that goes on must find on disk what it finds itself
    first, seconds = [], time.perf_counter()
    for task in range(len(study.designs)):
        if task == 0 or task not in done:
            first.append(study.run(task, careful=True))
    seconds = (time.perf_counter() - seconds) / len(first)
    if path is not None and on_disk:
        _refuse_different(study.frame(first[:1]), on_disk[0], path)
    fresh = [found for found in first if found.task not in done]
    if store and fresh:
        store.write(range(fresh[0].task, fresh[-1].task + 1), study.frame(fresh))
    found = run_in_chunks(
        study,
        total,
        executor,
        progress,
        kind,
        size=int(np.clip(CHUNK_SECONDS / max(seconds, 1e-9), 1, LARGEST_CHUNK)),
        done=done | {one.task for one in fresh},
        keep=(lambda tasks, found: store.write(tasks, study.frame(found))) if store else None,
        retries=retries,
    )
    frame = pd.concat([*on_disk, study.frame([*fresh, *found])], ignore_index=True)
    frame = frame[frame["task"] < total].drop_duplicates(["task", "parameter"])
    return frame.sort_values("task", kind="stable", ignore_index=True)


def fingerprint(study: SimulatedFits, kind: str) -> dict[str, Any]:
    """What makes two studies the same, but for the number of replicates."""
    names = ["formula", "simulate", "designs", "test", "reml", "intervals", "level", "seed"]
    names += [] if study.family == "gaussian" else ["family"]
    return {"kind": kind} | {name: getattr(study, name) for name in names}


def usable_seed(seed: int | None, path: str | os.PathLike | None) -> int:
    """The seed as a whole number; where there is none, that of the study in the folder, or a new one."""
    if seed is None and path is not None and (old := read_study(path)) is not None:
        seed = old.get("seed")
    return arguments.usable_seed(seed)


def usable_simulate(
    simulate: Callable | Mapping, names: tuple[str, ...], family: str = "gaussian"
) -> Callable:
    """A function that takes these arguments by name; a dictionary is one of `simulate_schools`'."""
    if isinstance(simulate, Mapping):
        if "seed" in simulate:
            raise CourseError(
                "simulate= has a seed of its own, and every replicate would be the same: leave it out "
                "there, and write seed= beside it"
            )
        if simulate.get("family", family) != family:
            raise CourseError(
                f"simulate= makes data of the family {simulate['family']!r}, and the model is of the family "
                f"{family!r}: write family={simulate['family']!r} beside it"
            )
        of_family = {} if family == "gaussian" else {"family": family}
        return partial(simulate_schools, **{**simulate, **of_family})
    if not callable(simulate):
        raise CourseError(
            "simulate= takes a function of seed, or a dictionary of arguments for simulate_schools such "
            f'as {{"schools": 20}}; not a {type(simulate).__name__}'
        )
    try:
        known = inspect.signature(simulate).parameters
    except (TypeError, ValueError):
        return simulate
    if not any(one.kind is one.VAR_KEYWORD for one in known.values()):
        lacking = [name for name in names if name not in known]
        if lacking:
            raise CourseError(
                f"simulate is called with {', '.join(f'{name}=' for name in names)}: give the function "
                f"the argument {', '.join(lacking)}"
            )
    if isinstance(simulate, partial) and "seed" in simulate.keywords:
        raise CourseError(
            "simulate= has a seed of its own, and every replicate would be the same: leave it out there, "
            "and write seed= beside it"
        )
    return simulate


def check_intervals(
    name: str, intervals: str, choices: tuple[str, ...], reml: bool, family: str
) -> None:
    """Refuse what could not be computed for any replicate."""
    choice("family", family, FAMILIES)
    if not isinstance(reml, bool | np.bool_):
        raise CourseError(f"reml={reml!r}: True for REML, False for maximum likelihood")
    choice(name, intervals, choices)
    if intervals == "kenward-roger" and family != "gaussian":
        raise CourseError(
            f"{name}='kenward-roger' is for linear models: those of the family {family!r} have z tests"
        )
    if intervals == "kenward-roger" and not reml:
        raise CourseError(f"{name}='kenward-roger' needs fits by REML: leave reml=False out")


def _nothing(task: int, error: Exception) -> Found:
    return Found(task, (), np.empty((0, len(VALUES))), False, False, str(error))


def _data(made: object) -> object:
    return made.data if isinstance(made, Simulation) else made


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The same types whether the rows come from a worker or from disk."""
    types = dict.fromkeys(["task", "replicate", "seed"], "int64") | dict.fromkeys(VALUES, "float64")
    types |= dict.fromkeys(["parameter", "error"], "str") | dict.fromkeys(
        ["converged", "singular"], "bool"
    )
    return frame.astype(types)[list(types)]


def _refuse_different(again: pd.DataFrame, on_disk: pd.DataFrame, path: str | os.PathLike) -> None:
    before = on_disk[on_disk["task"] == 0].drop_duplicates("parameter")
    if before.empty:
        return
    columns = ["true", "estimate", "std_error"]
    old, new = before[columns].to_numpy(), again[columns].to_numpy()
    same = list(before["parameter"]) == list(again["parameter"])
    if same and not np.isnan(new).all():
        same = np.allclose(old, new, rtol=SAME, atol=SAME * np.nanmax(np.abs(new)), equal_nan=True)
    if not same:
        raise CourseError(
            f"the first replicate comes out otherwise than the one in {str(path)!r}: the function simulate "
            "or a library has changed since. Give path= a new folder"
        )
