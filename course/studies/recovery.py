"""Does a model get back what simulated data were made of? Bias, error and coverage by simulation."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from course.common.arguments import proportion
from course.common.parameter import read_parameter
from course.simulate.schools import Simulation
from course.simulate.truth import labels
from course.studies.simulated_fits import (
    INTERVALS,
    Rate,
    SimulatedFits,
    check_intervals,
    run_study,
    usable_seed,
    usable_simulate,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEASURES = [
    "true",
    "mean",
    "bias",
    "bias_mcse",
    "rmse",
    "rmse_mcse",
    "coverage",
    "coverage_mcse",
    "n",
]
COLUMNS = ["replicate", "seed", "parameter", "true", "estimate", "std_error", "df", "p_value"]
COLUMNS += ["lower", "upper", "converged", "singular", "error"]


@dataclass(frozen=True, eq=False)
class Recovery:
    """How well a model recovers the truth of simulated data.

    Attributes
    ----------
    replicates : DataFrame
        One row for each replicate and parameter: replicate, seed (what ``simulate`` was called with),
        parameter, true, estimate, std_error, df, p_value, lower, upper, converged, singular, error. A
        replicate without a fit has one row, without a parameter, and says in error why.
    formula : str
        The model that was fitted.
    level : float
        Of the intervals.
    seed : int
        Repeats the study to the bit, whatever the executor.

    See Also
    --------
    course.recovery : Makes it.
    course.plots.recovery : What ``plot()`` draws.

    Examples
    --------
    >>> from course import recovery
    >>> small = {"provinces": 1, "schools": 6, "classrooms": 1, "students": 8}
    >>> found = recovery(small, "test_score ~ age + (1|school)", n=5, seed=1, progress=False)
    >>> found.table.loc[["age"], ["true", "n"]]
               true  n
    parameter
    age         2.0  5
    """

    replicates: pd.DataFrame = field(repr=False)
    formula: str
    level: float
    seed: int

    @cached_property
    def table(self) -> pd.DataFrame:
        """Performance of each parameter, over the replicates that converged.

        Returns
        -------
        DataFrame
            By parameter (the names of `course.parameters`):

            - true; mean, the mean estimate;
            - bias, the mean of estimate - true, and bias_mcse;
            - rmse, the root of the mean squared error, and rmse_mcse;
            - coverage, the share of intervals that hold the truth, and coverage_mcse; NaN for a
              parameter without intervals;
            - n, the replicates with an estimate.

            NaN for a parameter that only the truth or only the fit has.

        References
        ----------
        Monte-Carlo errors: Morris, T. P., White, I. R. and Crowther, M. J. (2019). Using simulation
        studies to evaluate statistical methods. Statistics in Medicine 38, table 6. doi
        10.1002/sim.8086. That of the RMSE is that of the mean squared error over 2 RMSE (delta method).
        """
        rows = self.replicates[self.replicates["parameter"].notna()]
        names = rows["parameter"].drop_duplicates()
        good = rows[rows["converged"]]
        rows = {name: performance(good[good["parameter"] == name]) for name in names}
        table = pd.DataFrame.from_dict(rows, orient="index", columns=MEASURES)
        return table.astype(dict.fromkeys(MEASURES, float) | {"n": int}).rename_axis("parameter")

    @property
    def n(self) -> int:
        """Replicates."""
        return self._each["replicate"].size

    @property
    def convergence(self) -> Rate:
        """Share of all replicates whose fit converged, with its Monte-Carlo error."""
        return Rate.of(self._each["converged"])

    @property
    def singular(self) -> Rate:
        """Share of the fits with a variance at 0 or a correlation at -1 or 1, with its error."""
        each = self._each
        return Rate.of(each.loc[each["parameter"].notna(), "singular"])

    @property
    def failures(self) -> pd.DataFrame:
        """replicate, seed, error: where there was no fit, or none of the intervals asked for."""
        each = self._each
        columns = ["replicate", "seed", "error"]
        return each.loc[each["error"].notna(), columns].reset_index(drop=True)

    @property
    def n_failed(self) -> int:
        """Replicates without a fit."""
        return int(self._each["parameter"].isna().sum())

    def plot(self, *, ax: Any = None) -> Axes | np.ndarray:
        """Each estimate, their means and the truth: `course.plots.recovery` of these replicates.

        Parameters
        ----------
        ax : Axes, one for each panel, optional
            Where to draw; a new figure if not given.

        See Also
        --------
        course.plots.recovery : The function behind it, which takes tables of ``Truth.compare``.
        """
        from course import plots

        rows = self.replicates[self.replicates["parameter"].notna()]
        kinds = [labels(read_parameter(name)) for name in rows["parameter"]]
        rows = rows.join(pd.DataFrame(kinds, index=rows.index))
        return plots.recovery([one for _, one in rows.groupby("replicate")], ax=ax)

    @property
    def _each(self) -> pd.DataFrame:
        return self.replicates.drop_duplicates("replicate")

    def __repr__(self) -> str:
        each = self._each
        head = (
            f"<Recovery of {self.formula}: {self.n:,} replicates, {self.n_failed:,} failed, "
            f"{(~each['converged']).sum():,} not converged, {each['singular'].sum():,} singular, "
            f"seed {self.seed}>"
        )
        return f"{head}\n{self.table.round(3).to_string()}"


def recovery(
    simulate: Callable[..., Simulation] | Mapping[str, Any],
    formula: str,
    n: int = 1000,
    *,
    seed: int | None = None,
    executor: Executor | None = None,
    reml: bool = True,
    level: float = 0.95,
    intervals: str = "satterthwaite",
    family: str = "gaussian",
    path: str | os.PathLike | None = None,
    retries: int = 2,
    progress: bool = True,
) -> Recovery:
    """Simulate with a known truth, fit, and see how far the estimates are from it.

    Parameters
    ----------
    simulate : dict or callable
        Arguments of `simulate_schools`, such as ``{"schools": 20, "slope_sd": {"school": 1}}``; or a
        function that is called with ``seed=`` and returns a `Simulation`, such as
        ``functools.partial(simulate_schools, schools=20)`` or one of your own.
    formula : str
        The model to fit.
    n : int
        Number of replicates.
    seed : int, optional
        The same seed gives the same replicates to the bit. Where left out one is drawn (or, with
        ``path``, taken from the study in the folder); the result tells which.
    executor : concurrent.futures.Executor, optional
        Where the replicates run: ``ProcessPoolExecutor(2)``, or ``Client.get_executor()`` of Dask. One
        after another in this process where left out. It is not shut down.
    reml : bool
        Fit by REML, or by maximum likelihood.
    level : float
        Of the intervals.
    intervals : {"satterthwaite", "kenward-roger", "normal", "auto", "wald", "profile", "bootstrap"}
        The first three give intervals of the fixed effects only, with these degrees of freedom. "wald",
        "auto" and "profile" (slower), and "bootstrap" (of 500 refits, slower still) are those of `confint`,
        for SDs and correlations as well. Models of the families of `mixedglm` have z intervals in place of
        the first and third.
    family : {"gaussian", "binomial", "poisson"}
        What is simulated by `simulate_schools` (test scores, passed or not, days absent), and the family of
        the model: with the last two it is that of `mixedglm`, and true values are on the scale of its link.
    path : str or Path, optional
        A folder of its own, which replicates are written to as Parquet while they are run. The same call
        goes on from there after an interruption, also to a larger n.
    retries : int
        How often replicates are run again whose worker died.
    progress : bool
        Show a progress bar on stderr.

    Returns
    -------
    Recovery
        Its ``.table`` has bias, RMSE and coverage of each parameter.

    Raises
    ------
    CourseError
        Where an argument is wrong, the model does not fit the simulated columns, or the folder holds
        something else. In a later replicate it is kept, counted and reported.

    See Also
    --------
    power : How often a test finds an effect.
    simulate_schools : Makes the pupils.
    bootstrap : The same from the estimates of one fit.
    course.plots.recovery : The estimates as a picture.

    Notes
    -----
    A predictor that simulate_schools is not told of has no truth in the table: name it with its value,
    which may be 0.

    Examples
    --------
    >>> made_of = {"provinces": 2, "schools": 6, "classrooms": 2, "students": 8}
    >>> found = recovery(made_of, "test_score ~ age + (1|school)", n=8, seed=1, progress=False)
    >>> found.n, found.convergence
    (8, Rate(value=1.0, mcse=0.0))
    >>> list(found.table.columns)  # doctest: +NORMALIZE_WHITESPACE
    ['true', 'mean', 'bias', 'bias_mcse', 'rmse', 'rmse_mcse', 'coverage', 'coverage_mcse', 'n']
    """
    check_intervals("intervals", intervals, INTERVALS, reml, family)
    study = SimulatedFits(
        simulate=usable_simulate(simulate, ("seed",), family),
        designs=({},),
        formula=str(formula),
        reml=reml,
        intervals=intervals,
        level=proportion("level", level),
        seed=usable_seed(seed, path),
        family=family,
    )
    frame = run_study(study, "recovery", n, executor, path, retries, progress)
    return Recovery(frame[COLUMNS], study.formula, study.level, study.seed)


def performance(rows: pd.DataFrame) -> dict[str, float]:
    """Bias, error and coverage of one parameter, each with its Monte-Carlo error."""
    rows = rows[rows["estimate"].notna() | rows["true"].notna()]
    error = (rows["estimate"] - rows["true"]).dropna().to_numpy()
    n, squared = len(error), error**2
    rmse = np.sqrt(squared.mean()) if n else np.nan
    several = n > 1
    known = rows[["true", "lower", "upper"]].notna().all(axis=1)
    coverage = Rate.of(rows.loc[known, "true"].between(rows["lower"][known], rows["upper"][known]))
    return {
        "true": rows["true"].mean(),
        "mean": rows["estimate"].mean(),
        "bias": error.mean() if n else np.nan,
        "bias_mcse": error.std(ddof=1) / np.sqrt(n) if several else np.nan,
        "rmse": rmse,
        "rmse_mcse": squared.std(ddof=1) / np.sqrt(n) / (2 * rmse) if several and rmse else np.nan,
        "coverage": coverage.value,
        "coverage_mcse": coverage.mcse,
        "n": int(rows["estimate"].notna().sum()),
    }
