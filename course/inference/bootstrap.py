"""The parametric bootstrap: responses drawn from a fit, and the fit repeated on each of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from course.common.arguments import usable_seed, whole
from course.common.parallel import run_in_chunks
from course.common.seeds import seed_of_replicate
from course.design.design import Design
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.require import require_fit
from course.inference.generalised_refits import GeneralisedRefitter, GeneralisedSimulator
from course.inference.parameters import parameters
from course.solver.draws import Draws
from course.solver.estimates import Optimum
from course.solver.generalised import GeneralisedEstimates
from course.solver.parameters import parameter_names, parameter_values
from course.solver.refits import Refitter, how_many

# Random numbers differ from those of simulate_schools(seed=...) where both are given the same seed.
STREAM = 1979


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """What a parametric bootstrap found.

    Attributes
    ----------
    replicates : DataFrame
        One row per replicate: the columns of `course.parameters`, then llf (restricted where
        fitted by REML), converged and singular. A fit that broke off is NaN and not converged.
    estimates : Series
        The parameters of the fit that the responses were drawn from.
    seed : int
        Repeats these replicates to the bit, whatever the executor.

    See Also
    --------
    course.bootstrap : Makes it.
    course.confint : Percentile intervals.

    Examples
    --------
    >>> from course import bootstrap, load, mixedlm
    >>> fit = mixedlm("test_score ~ age + (1|school)", load("pupils")).fit()
    >>> found = bootstrap(fit, n=5, seed=1, progress=False)
    >>> found.replicates.shape[0], found.n_failed
    (5, 0)
    """

    replicates: pd.DataFrame
    estimates: pd.Series
    seed: int

    @property
    def n_failed(self) -> int:
        """Replicates whose fit broke off or did not converge."""
        return int((~self.replicates["converged"]).sum())

    @property
    def n_singular(self) -> int:
        """Replicates with a variance at 0 or a correlation at -1 or 1."""
        return int(self.replicates["singular"].sum())

    def summary(self) -> pd.DataFrame:
        """Estimate, bias and standard error of each parameter, over the replicates that converged.

        Returns
        -------
        DataFrame
            By parameter: estimate, bias (mean of the replicates minus estimate), std_error (their
            SD), n. n is lower for a correlation that did not exist wherever an SD came out as 0.

        See Also
        --------
        course.confint : Percentile intervals from such replicates, by ``method="bootstrap"``.
        """
        values = self.replicates.loc[self.replicates["converged"], self.estimates.index]
        return pd.DataFrame(
            {
                "estimate": self.estimates,
                "bias": values.mean() - self.estimates,
                "std_error": values.std(),
                "n": values.count(),
            }
        )

    def __repr__(self) -> str:
        return (
            f"<Bootstrap {len(self.replicates):,} replicates, {self.n_failed:,} failed, "
            f"{self.n_singular:,} singular, seed {self.seed}>"
        )


def bootstrap(
    fit: MixedFit | MixedGLMFit,
    n: int = 1000,
    *,
    seed: int | None = None,
    executor: Executor | None = None,
    progress: bool = True,
) -> Bootstrap:
    """Draw responses from a fit, and fit the same model to each of them.

    New random effects are drawn from the estimated covariances and new residuals from the estimated
    sigma (over the root of a row's weight, where there are weights), as lme4's
    ``bootMer(type = "parametric")`` does with ``use.u = FALSE``. From a generalised model come new answers,
    or counts.

    No row is drawn. The likelihood sees a response y through its sums U'y within the finest groups, U
    the columns of the fixed and random part, and through y'y. Given the random effects y = U c + e in such
    a group, and U'e is normal with covariance matrix sigma^2 U'U = sigma^2 F F'. So U'y = U'U c + sigma F w
    with standard normals w, and e'e = sigma^2 (w'w + a chi^2 with the degrees of freedom that are left):
    these are drawn, and have the very distribution of the sums. A replicate costs the number of
    groups, and its search begins at the estimates, where the curvature is known.

    Parameters
    ----------
    fit : MixedFit or MixedGLMFit
        A fitted model, as ``mixedlm(...).fit()`` or ``mixedglm(...).fit()`` returns it.
    n : int
        Number of replicates.
    seed : int, optional
        The same seed gives the same replicates to the bit. Where left out one is drawn; the result
        tells which.
    executor : concurrent.futures.Executor, optional
        Where the fits run: ``ProcessPoolExecutor(2)``, or ``Client.get_executor()`` of Dask. One
        after another in this process where left out. It is not shut down.
    progress : bool
        Show a progress bar on stderr.

    Returns
    -------
    Bootstrap
        The replicates, and what they say of bias and standard errors.

    Raises
    ------
    CourseError
        Where n or seed is not a whole number that will do, or the executor is none.

    See Also
    --------
    confint : Intervals from these replicates, with ``method="bootstrap"``.
    simulate_responses : The responses alone.
    recovery : Repeats the whole study, from a truth that is known.

    References
    ----------
    Davison, A. C. and Hinkley, D. V. (1997). Bootstrap Methods and their Application, section 2.2.
    doi 10.1017/CBO9780511802843

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("test_score ~ age + (1|classroom) + (1|school)", load("pupils")).fit()
    >>> bootstrap(fit, n=20, seed=1, progress=False)
    <Bootstrap 20 replicates, 0 failed, 0 singular, seed 1>

    In R: ``bootMer(fit, sigma, nsim = 20, seed = 1)``.
    """
    require_fit(fit)
    n, seed = whole("n", n, low=1), usable_seed(seed)
    names = parameter_names(fit.design)
    results = ["llf", "converged", "singular"]
    clash = [name for name in names if name in results]
    if clash:
        raise CourseError(
            f"the predictor {clash[0]} has the name of a column of the replicates: rename it with "
            "data.rename(columns=...)"
        )
    work, together = _work(fit, seed)
    rows = run_in_chunks(work, n, executor, progress, "bootstrap", together=together)
    replicates = pd.DataFrame(np.array(rows), columns=[*names, *results])
    replicates = replicates.astype({"converged": bool, "singular": bool})
    replicates.index.name = "replicate"
    return Bootstrap(replicates, parameters(fit), seed)


def simulate_responses(
    fit: MixedFit | MixedGLMFit, n: int = 1, *, seed: int | None = None
) -> np.ndarray:
    """Responses drawn from a fit: new random effects and new residuals on the same design.

    Parameters
    ----------
    fit : MixedFit or MixedGLMFit
        A fitted model, as ``mixedlm(...).fit()`` or ``mixedglm(...).fit()`` returns it.
    n : int
        Number of replicates.
    seed : int, optional
        Replicate i is the same to the bit whatever n is.

    Returns
    -------
    ndarray, shape (n, nobs)
        In the units of the response (of so many of so many, proportions). `MixedFit.refit` takes a row.

    See Also
    --------
    bootstrap : Fits the model to such responses.
    simulate_schools : Draws the pupils as well, from a truth of your own.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("test_score ~ age + (1|school)", load("pupils")).fit()
    >>> simulate_responses(fit, n=3, seed=1).shape == (3, fit.nobs)
    True

    In R: ``simulate(fit, nsim = 3, seed = 1)``.
    """
    require_fit(fit)
    n, seed = whole("n", n, low=1), usable_seed(seed)
    simulator = simulator_of(fit)
    return np.stack([simulator.draw(seed, i) for i in range(n)])


# -- what travels to a worker -----------------------------------------------------------------


def simulator_of(fit: MixedFit | MixedGLMFit) -> Simulator | GeneralisedSimulator:
    """What draws responses from a fit."""
    if isinstance(fit, MixedGLMFit):
        return GeneralisedSimulator.of(fit)
    return Simulator.of(fit)


def refitter_of(fit: MixedFit | MixedGLMFit) -> Refitter | GeneralisedRefitter:
    """What fits the model of a fit to other responses."""
    if isinstance(fit, MixedGLMFit):
        return GeneralisedRefitter.of(fit)
    return Refitter.of(fit.model.problem, fit.estimates)


@dataclass(frozen=True, eq=False)
class Simulator:
    """The model as drawn from: X beta and the offset, the columns, and the factors of the covariances."""

    mean: np.ndarray
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray, int]]  # Z, codes, factor, levels
    residual_sd: float | np.ndarray  # a number for each row where the rows have weights

    @classmethod
    def of(cls, fit: MixedFit) -> Simulator:
        estimates, weights = fit.estimates, fit.design.weights
        sigma = np.sqrt(estimates.sigma2)
        residual_sd = sigma if weights is None else sigma / np.sqrt(weights)
        parts = [
            (grouping.Z, grouping.codes, sigma * factor, grouping.n_levels)
            for grouping, factor in zip(fit.design.groupings, estimates.factors, strict=True)
        ]
        return cls(fit.design.offset + fit.design.X @ estimates.beta, parts, residual_sd)

    def draw(self, seed: int, replicate: int) -> np.ndarray:
        """One response, (nobs,), from a stream that belongs to this replicate alone."""
        rng = np.random.default_rng(seed_of_replicate(seed, STREAM, replicate))
        y = self.mean + rng.normal(scale=self.residual_sd, size=len(self.mean))
        for Z, codes, factor, levels in self.parts:
            effects = rng.standard_normal((levels, len(factor))) @ factor.T
            y += np.einsum("nk,nk->n", Z, effects[codes])
        return y


def _work(fit: MixedFit | MixedGLMFit, seed: int) -> tuple[Callable[[range], list], int]:
    """What makes the rows of results of some replicates, and how many it makes side by side."""
    if isinstance(fit, MixedGLMFit):
        parts = GeneralisedSimulator.of(fit), GeneralisedRefitter.of(fit)
        return partial(_refit_rows, *parts, seed), 1
    problem = fit.model.problem
    refitter = Refitter.of(problem, fit.estimates)
    return partial(_refit, Draws(problem, fit.estimates), refitter, seed), how_many(problem)


def _refit(draws: Draws, refitter: Refitter, seed: int, replicates: range) -> list[np.ndarray]:
    """One row of results for each replicate.

    Those fitted side by side are always the same, whichever of them are asked for: so they are the same
    to the bit.
    """
    size, rows = how_many(refitter.problem), []
    for first in range(replicates.start, replicates.stop, size):
        streams = [seed_of_replicate(seed, STREAM, first + i) for i in range(size)]
        problems = [draws.draw(np.random.default_rng(stream)) for stream in streams]
        rows += [_row(draws.problem.design, found) for found in refitter.fit(problems)]
    return rows[: len(replicates)]


def _refit_rows(
    simulator: GeneralisedSimulator, refitter: GeneralisedRefitter, seed: int, replicates: range
) -> list[np.ndarray]:
    """The same where each replicate needs its rows."""
    responses = [simulator.draw(seed, replicate) for replicate in replicates]
    return [_row(refitter.design, found) for found in refitter.fit_responses(responses)]


def _row(design: Design, found: Optimum | GeneralisedEstimates | None) -> np.ndarray:
    if found is None:
        return np.array([*np.full(len(parameter_names(design)) + 1, np.nan), False, False])
    return np.array([*parameter_values(design, found), found.llf, found.converged, found.singular])
