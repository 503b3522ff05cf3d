"""Standard errors from replicate weights: the model fitted again with each set of weights.

A survey's replicates are samples of its sample: half the schools, or all but one. With the estimate theta and
those of G replicates,

    Var(theta) = c sum_g (theta_g - theta)^2,

where c is 1 / G for balanced repeated replication ("brr"), 1 / (G (1 - k)^2) for Fay's, in which the schools
left out keep the share k of their weights ("fay"; PISA: G = 80, k = 0.5, c = 1 / 20), (G - 1) / G for a
jackknife that leaves out one unit at a time ("jackknife"), and 1 for one that leaves out one of the
two units of a zone at a time ("jk2"; TIMSS, PIRLS). Wolter (2007, doi 10.1007/978-0-387-35099-8); Judkins
(1990), Journal of Official Statistics 6, 223-239.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from course.common.arguments import number
from course.common.nearest import nearest
from course.design.columns import find_columns, is_number
from course.design.sampling_weights import EXAMPLE
from course.errors import CourseError
from course.solver.estimates import Estimates, estimate
from course.solver.pseudo_likelihood import PseudoProblem
from course.solver.sandwich import SamplingErrors

METHODS = ("brr", "fay", "jackknife", "jk2")
NAMES = {
    "brr": "balanced repeated replication",
    "fay": "Fay's balanced repeated replication",
    "jackknife": "the jackknife",
    "jk2": "the paired jackknife (JK2)",
}
FEW = 2
NOT_THEIRS = 0.2  # replicates of the rows' weights are on average these, but for a smaller share


@dataclass(frozen=True, eq=False)
class Replicates:
    """Replicate weights, and how their estimates make a variance.

    Attributes
    ----------
    columns : tuple of str, length G
    factors : ndarray, shape (n, G)
        What each replicate multiplies the overall weight of each row by.
    method : {"brr", "fay", "jackknife", "jk2"}
    fay : float
        Fay's k.
    """

    columns: tuple[str, ...]
    factors: np.ndarray
    method: str
    fay: float

    @property
    def scale(self) -> float:
        """c, by which squared differences are multiplied."""
        G = len(self.columns)
        return {
            "brr": 1 / G,
            "fay": 1 / (G * (1 - self.fay) ** 2),
            "jackknife": (G - 1) / G,
            "jk2": 1.0,
        }[self.method]

    @property
    def df(self) -> int:
        """Degrees of freedom: in how many directions the replicates differ from the full sample."""
        return int(np.linalg.matrix_rank(self.factors - 1))

    @property
    def in_words(self) -> str:
        k = f" (k = {self.fay:g})" if self.method == "fay" else ""
        return f"{len(self.columns)} replicate weights ({_span(self.columns)}) by {NAMES[self.method]}{k}"


def read_replicates(
    columns: str | Sequence[str],
    method: str,
    fay: float,
    data: pd.DataFrame,
    keep: np.ndarray,
    overall: np.ndarray,
) -> Replicates:
    """Replicate weights from the columns of a survey.

    Parameters
    ----------
    columns : str or list of str
        Names, or one name with ``*`` for what differs: ``"W_FSTURWT*"``.
    method : {"brr", "fay", "jackknife", "jk2"}
    fay : float
    data : DataFrame
    keep : ndarray of bool
        The rows of the fit.
    overall : ndarray
        The overall weights of these rows.

    Raises
    ------
    CourseError
        For columns that are not there or no weights, and methods that are none.

    Examples
    --------
    >>> data = pd.DataFrame({"w": [2.0, 2.0], "r10": [1.0, 3.0], "r9": [3.0, 1.0]})
    >>> found = read_replicates("r*", "fay", 0.5, data, np.array([True, True]), np.array([2.0, 2.0]))
    >>> found.columns, found.factors.tolist(), found.scale
    (('r9', 'r10'), [[1.5, 0.5], [0.5, 1.5]], 2.0)
    """
    if method not in METHODS:
        raise CourseError(
            f"replicate_method={method!r}: 'brr', 'fay', 'jackknife' or 'jk2'{nearest(method, METHODS)}"
        )
    fay = number("fay", fay, low=0.0)
    if fay >= 1:
        raise CourseError(f"fay={fay:g}: Fay's k is from 0 to below 1; PISA's is 0.5")
    names = _names(columns, data)
    values = np.column_stack([_values(name, data, keep) for name in names])
    ratio = values.sum() / (len(names) * overall.sum())
    if abs(ratio - 1) > NOT_THEIRS:
        raise CourseError(
            f"the replicate weights {_span(names)} are on average {ratio:.3g} times the rows' overall "
            "weights: they are those of other weights. Which column has the rows' own is told by weights=, "
            f"as in {EXAMPLE}"
        )
    return Replicates(tuple(names), values / overall[:, None], method, fay)


def replicate_errors(
    problem: PseudoProblem, full: Estimates, replicates: Replicates
) -> tuple[SamplingErrors, list[str]]:
    """Fit every replicate from the optimum of the full sample, and take the variances.

    Returns
    -------
    errors : SamplingErrors
    failed : list of str
        Columns whose search did not end on a checked optimum.

    Raises
    ------
    CourseError
        Where a replicate leaves out all rows that tell of a fixed effect.
    """
    entries = [
        (g, int(a), int(b))
        for g, pattern in enumerate(problem.patterns)
        for a, b in np.argwhere(pattern)
    ]
    betas, variances, failed = [], [], []
    for name, factors in zip(replicates.columns, replicates.factors.T, strict=True):
        weights = problem.weights.times(problem.design, factors)
        replicate = problem.with_weights(weights, start=full.theta_standard)
        if not replicate.identifies_beta:
            raise CourseError(
                f"the rows that {name} does not leave out cannot tell all fixed effects apart, as where a "
                "label is rare: join it with another one, or leave its predictor out"
            )
        found = estimate(replicate, reml=False)
        betas.append(found.beta)
        variances.append(_variances(found, entries))
        if not found.converged:
            failed.append(name)
    apart = np.array(betas) - full.beta
    apart_variances = np.array(variances) - _variances(full, entries)
    errors = SamplingErrors(
        cov_beta=replicates.scale * apart.T @ apart,
        entries=tuple(entries),
        cov_variances=replicates.scale * apart_variances.T @ apart_variances,
        df=replicates.df,
    )
    return errors, failed


def _variances(found: Estimates, entries: Sequence[tuple[int, int, int]]) -> list[float]:
    """These (co)variances of the random effects, and the residual variance."""
    return [*(float(found.covariances[g][a, b]) for g, a, b in entries), found.sigma2]


def _names(columns: str | Sequence[str], data: pd.DataFrame) -> list[str]:
    """The columns in the order of the numbers in their names."""
    if not isinstance(columns, str):
        names = list(columns)
    else:
        known = [str(name) for name in data.columns]
        names = [name for name in known if fnmatchcase(name, columns)]
        if not names:
            stem = columns.rstrip("*")
            stems = dict.fromkeys(name.rstrip("0123456789") for name in known)
            mend = nearest(stem, stems).replace("'?", "*'?")
            raise CourseError(f"replicate_weights={columns!r}: no column has such a name{mend}")
        if "*" in columns:
            names.sort(key=lambda name: [int(digits) for digits in re.findall(r"\d+", name)])
    if len(names) < FEW:
        raise CourseError(
            f"replicate_weights={columns!r} is a single column: a survey has many, and their names differ in "
            "a number, as in replicate_weights='W_FSTURWT*'"
        )
    return names


def _values(name: str, data: pd.DataFrame, keep: np.ndarray) -> np.ndarray:
    """The replicate weights of the rows of the fit; 0 where a replicate leaves a row out."""
    column = find_columns(data, [name])[name][keep].infer_objects()
    if not is_number(column):
        raise CourseError(f"replicate_weights: {name!r} holds no numbers ({column.dtype})")
    values = column.to_numpy(dtype=float, na_value=np.nan)
    bad = ~np.isfinite(values) | (values < 0)
    if bad.any():
        raise CourseError(
            f"replicate_weights: {name!r} is missing, infinite or negative in {int(bad.sum())} row(s), first "
            f"at index {column.index[bad.argmax()]!r}: correct it, or leave these rows out"
        )
    return values


def _span(names: Sequence[str]) -> str:
    return f"{names[0]} to {names[-1]}"
