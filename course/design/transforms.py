"""The functions of formulas that R has and patsy has not: poly, ns and cut.

Each remembers the data it first saw, as patsy's own do, so that new rows get the same columns. The classes
need NumPy, SciPy and pandas alone: a program of `course.translation` takes them along as they stand here.
"""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import patsy
from scipy.interpolate import BSpline


class Poly:
    """R's poly(x, degree): polynomials that are orthonormal over the rows; with raw=True, powers.

    By the recurrence of three terms (Forsythe, 1957, doi 10.1137/0105007).
    """

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def memorize_chunk(self, x: np.ndarray, degree: int = 1, raw: bool = False) -> None:
        self.seen.append(np.asarray(x, dtype=float))

    def memorize_finish(self) -> None:
        self.x = np.concatenate(self.seen)

    def transform(self, x: np.ndarray, degree: int = 1, raw: bool = False) -> np.ndarray:
        x = np.asarray(x, dtype=float)
        if raw:
            return np.column_stack([x**power for power in range(1, degree + 1)])
        if degree >= len(np.unique(self.x)):
            raise ValueError("degree of poly is not less than the number of different values")
        mean = self.x.mean()
        # in the rows first seen; in these
        old, new = [0 * self.x, 1 + 0 * self.x], [0 * x, 1 + 0 * x]
        square = len(self.x)
        columns = []
        for _ in range(degree):
            before, square = square, old[-1] @ old[-1]
            centre, share = (self.x - mean) @ old[-1] ** 2 / square, square / before
            old.append((self.x - mean - centre) * old[-1] - (len(old) > 2) * share * old[-2])
            new.append((x - mean - centre) * new[-1] - (len(new) > 2) * share * new[-2])
            columns.append(new[-1] / np.sqrt(old[-1] @ old[-1]))
        return np.column_stack(columns)


class NaturalSpline:
    """R's ns(x, df): cubic between the knots, straight beyond the outer ones, which are the extremes.

    By B-splines and the two linear restrictions on them (de Boor, 1978, doi 10.1007/978-1-4612-6333-3).
    """

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def memorize_chunk(
        self, x: np.ndarray, df: int = 0, knots: list | None = None, intercept: bool = False
    ) -> None:
        self.seen.append(np.asarray(x, dtype=float))

    def memorize_finish(self) -> None:
        self.x = np.concatenate(self.seen)

    def transform(
        self, x: np.ndarray, df: int = 0, knots: list | None = None, intercept: bool = False
    ) -> np.ndarray:
        ends = self.x.min(), self.x.max()
        if knots is None:
            if df < 1 + intercept:
                raise ValueError("df of ns is too small: it needs at least 1")
            inner = np.quantile(self.x, np.linspace(0, 1, df + 1 - intercept)[1:-1])
        else:
            inner = np.ravel(knots)
        all_knots = np.sort(np.concatenate([np.repeat(ends, 4), inner]))
        spline = BSpline(all_knots, np.eye(len(all_knots) - 4), 3)
        x = np.asarray(x, dtype=float)
        basis = spline(np.clip(x, *ends))
        for end in ends:
            beyond = x < end if end == ends[0] else x > end
            basis[beyond] += (x[beyond] - end)[:, None] * spline(end, 1)
        first = 0 if intercept else 1
        bent = spline(ends, 2)[:, first:]  # second derivatives, which are 0 at both ends
        straight = np.linalg.qr(bent.T, mode="complete")[0][:, 2:]
        return basis[:, first:] @ straight


class Cut:
    """R's cut(x, breaks): into intervals, so many of one length or between the limits of a list.

    With labels=False their numbers, 1, 2, ...; with a list the labels in it.
    """

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def memorize_chunk(self, x: np.ndarray, breaks: int | list, **options: object) -> None:
        self.seen.append(np.asarray(x, dtype=float))

    def memorize_finish(self) -> None:
        self.x = np.concatenate(self.seen)

    def transform(
        self,
        x: np.ndarray,
        breaks: int | list,
        labels: list | bool | None = None,
        right: bool = True,
        include_lowest: bool = False,
    ) -> pd.Categorical | np.ndarray:
        if isinstance(breaks, int):
            low, high = self.x.min(), self.x.max()
            limits = np.linspace(low, high, breaks + 1)
            limits[0], limits[-1] = low - (high - low) / 1000, high + (high - low) / 1000
        else:
            limits = np.sort(breaks)
        last = len(limits) - 2
        codes = np.searchsorted(limits, x, side="left" if right else "right") - 1
        if include_lowest:
            codes[x == limits[0 if right else -1]] = 0 if right else last
        if np.any((codes < 0) | (codes > last)):
            raise ValueError("a value lies outside the breaks of cut")
        if labels is False:
            return codes + 1.0
        if isinstance(labels, list):
            if len(labels) != last + 1:
                raise ValueError("as many labels of cut as intervals")
            return pd.Categorical.from_codes(codes, labels)
        for digits in range(3, 13):
            shown = [f"{limit:.{digits}g}" for limit in limits]
            if len(set(shown)) == len(shown):
                break
        ends = zip(shown, shown[1:], strict=False)
        names = [f"({low},{high}]" if right else f"[{low},{high})" for low, high in ends]
        return pd.Categorical.from_codes(codes, names)


class AsNumeric:
    """R's as.numeric(x): numbers as they are; of labels their places in the order of levels, 1, 2, ..."""

    def __init__(self) -> None:
        self.levels: pd.Index | None = None

    def memorize_chunk(self, x: np.ndarray | pd.Categorical) -> None:
        if not pd.api.types.is_numeric_dtype(x):
            self.levels = pd.Categorical(x).categories

    def memorize_finish(self) -> None:
        pass

    def transform(self, x: np.ndarray | pd.Categorical) -> np.ndarray:
        if self.levels is None:
            return np.asarray(x, dtype=float)
        return self.levels.get_indexer(pd.Index(x)) + 1.0


TRANSFORMS = {"poly": Poly, "ns": NaturalSpline, "cut": Cut, "as_numeric": AsNumeric}


def cbind(passed: np.ndarray, failed: np.ndarray) -> np.ndarray:
    """R's cbind(passed, failed), as a response: two columns of numbers."""
    return np.column_stack([np.asarray(passed, dtype=float), np.asarray(failed, dtype=float)])


# all that patsy needs beside its own functions
NAMESPACE = {"np": np, "cbind": cbind} | {
    name: patsy.stateful_transform(transform) for name, transform in TRANSFORMS.items()
}


def source(name: str) -> str:
    """The definition of poly, ns or cut as a program has it: the class, and patsy told of it."""
    transform = TRANSFORMS[name]
    return f"{inspect.getsource(transform)}\n\n{name} = patsy.stateful_transform({transform.__name__})\n"
