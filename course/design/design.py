"""`Formula` and a DataFrame to `Design`: the matrices, the groups, and how the groups lie.

patsy builds X and every Z once, on all complete rows, so that both solvers fit the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import compress

import numpy as np
import pandas as pd

from course.common.reasons import NO_REASON, count_reasons
from course.design.aliasing import Aliased, find_aliased
from course.design.checks import RESIDUAL, check_columns, check_names, check_response, refuse_text
from course.design.columns import check_frame, find_columns, label_kind, missing_rows
from course.design.grouping import Grouping, build_groupings
from course.design.groups import lies_in, parents, renumber
from course.design.identification import Shared, find_shared
from course.design.matrices import Codings
from course.design.not_kept import NotKept
from course.design.references import with_numbers_as_labels
from course.design.responses import (
    NUMBER,
    YES_OR_NO,
    Response,
    check_new_response,
    check_varies,
    read_response,
    refuse_one_answer,
)
from course.design.weights import check_weights, new_weights
from course.errors import CourseError
from course.formula.expressions import hides_a_function
from course.formula.terms import Formula


@dataclass(frozen=True, eq=False)
class Design:
    """All that a solver needs, and what a translation or a prediction needs beside it.

    Attributes
    ----------
    formula : Formula
    y : ndarray, shape (n,)
    offset : ndarray, shape (n,)
        What the formula adds to the fixed part as it is: 0 without ``offset(...)``.
    weights : ndarray of shape (n,), or None
        Prior weights: the residual variance of a row of weight w is sigma^2 / w. Where the response is
        yes or no, the trials of which y is the proportion. None where all are alike.
    X : ndarray, shape (n, p)
        The columns that are estimated: without those that others determine.
    fixed_names : tuple of str, length p
        patsy's names of the columns of X.
    groupings : tuple of Grouping
        In the order of the formula, one for each set of groups.
    index : Index, length n
        The row labels of the complete rows in the caller's frame.
    rows_given : int
        Rows of the caller's frame, complete or not.
    missing : dict of str to int
        For each column with missing values their number.
    reasons : dict of str to dict
        Why values are missing, where the file of the data says so: for each column how often each reason
        stands in the rows given (None where the rows can no longer be told apart).
    titles : dict of str to str
        What columns are in words, where the file of the data says so.
    columns : dict
        The complete rows of every column used.
    named_like_functions : tuple of str
        Columns of the caller's frame that are called like a function of formulas, used or not.
    codings : Codings
        How y, X and each Z are made of columns, so that new rows get the same columns.
    aliased : Aliased
        The columns of the fixed part that are left out, because others determine them.
    weights_name : str or None
        The column of the caller's frame that holds the weights.
    kind : {"number", "yes or no", "count"}
        What the response is. Rows of numbers have a residual.
    counted : (str, str) or None
        Of a response of two labels the one that is counted, and the other.
    """

    formula: Formula
    y: np.ndarray
    offset: np.ndarray
    weights: np.ndarray | None
    X: np.ndarray
    fixed_names: tuple[str, ...]
    groupings: tuple[Grouping, ...]
    index: pd.Index
    rows_given: int
    missing: dict[str, int]
    reasons: dict[str, dict[str, int | None]]
    titles: dict[str, str]
    columns: dict[str, pd.Series]
    named_like_functions: tuple[str, ...]
    codings: Codings = field(repr=False)
    aliased: Aliased = field(repr=False)
    weights_name: str | None = None
    kind: str = NUMBER
    counted: tuple[str, str] | None = None

    @property
    def n(self) -> int:
        return len(self.index)

    @property
    def in_memory(self) -> bool:
        """Whether the rows are here: those of files and of Dask were read and let go."""
        return not isinstance(self.y, NotKept)

    @property
    def y_less_offset(self) -> np.ndarray:
        """What X and Z are to explain, (n,)."""
        return self.y - self.offset

    @cached_property
    def scaled(self) -> Design:
        """The same model with rows of one residual variance: y, X and each Z times the roots of the weights.

        Its log-likelihood is lower by half of `sum_log_weights`.
        """
        if self.weights is None or self.kind != NUMBER:
            return self
        root = np.sqrt(self.weights)
        return replace(
            self,
            y=root * self.y,
            offset=root * self.offset,
            weights=None,
            X=root[:, None] * self.X,
            groupings=tuple(
                replace(grouping, Z=root[:, None] * grouping.Z) for grouping in self.groupings
            ),
        )

    @property
    def row_weights(self) -> np.ndarray:
        """The weight of each row, (n,): 1 without weights."""
        return np.ones(self.n) if self.weights is None else self.weights

    @property
    def sum_log_weights(self) -> float:
        """The sum of the logarithms of the weights; 0 without weights."""
        return 0.0 if self.weights is None else float(np.log(self.weights).sum())

    @cached_property
    def mean_products(self) -> list[np.ndarray]:
        """For each grouping the mean of z z' over the rows, (k, k)."""
        return [grouping.Z.T @ grouping.Z / self.n for grouping in self.groupings]

    @cached_property
    def fixed_covariance(self) -> np.ndarray:
        """The covariance matrix of the columns of X over the rows (divided by n), (p, p)."""
        by_column = self.X.T.copy()  # sums over the rows are faster where they lie side by side
        by_column -= by_column.mean(axis=1, keepdims=True)
        return by_column @ by_column.T / self.n

    @cached_property
    def nested(self) -> np.ndarray:
        """nested[i, j]: does every level of grouping i lie in one level of grouping j?"""
        size = len(self.groupings)
        nested = np.eye(size, dtype=bool)
        for i in range(size):
            for j in range(size):
                if i != j:
                    nested[i, j] = lies_in(self.groupings[i].codes, self.groupings[j].codes)
        return nested

    @cached_property
    def shared_by_ml(self) -> tuple[Shared, ...]:
        """Sets of (co)variances of which the likelihood knows combinations only."""
        if self.kind == NUMBER and not self.shared_by_reml:
            return ()  # what contrasts tell apart, the rows tell apart
        return find_shared(self.scaled.groupings, residual=self.kind == NUMBER)

    @cached_property
    def shared_by_reml(self) -> tuple[Shared, ...]:
        """The same for the restricted likelihood, which may know less."""
        return find_shared(self.scaled.groupings, self.scaled.X)

    def shared(self, reml: bool) -> tuple[Shared, ...]:
        """That of the two which counts for a fit."""
        return self.shared_by_reml if reml else self.shared_by_ml

    def parents(self, child: int, parent: int) -> np.ndarray:
        """For each level of grouping `child` the level of `parent` that contains it."""
        return parents(self.groupings[child].codes, self.groupings[parent].codes)

    def fixed_rows(self, new: pd.DataFrame) -> np.ndarray:
        """X for new rows, (m, p); NaN where a predictor is missing.

        Raises
        ------
        CourseError
            Where a row needs a column that was left out.
        """
        return self.aliased.estimable(self.codings.new_matrix(self.codings.X, new), new.index)

    def offset_rows(self, new: pd.DataFrame) -> np.ndarray:
        """The offset of new rows, (m,); NaN where a column of it is missing."""
        if self.codings.offset is None:
            return np.zeros(len(new))
        return self.codings.new_matrix(self.codings.offset, new)[:, 0]

    def weight_rows(self, new: pd.DataFrame) -> np.ndarray:
        """The weights of new rows, (m,): 1 where they have no such column, NaN where it has a gap."""
        return new_weights(self.weights_name, new)

    def random_rows(self, grouping: int, new: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Codes (m,) and Z (m, k) of one grouping for new rows; the code of an unseen level is -1."""
        factors, levels = self.groupings[grouping].factors, self.groupings[grouping].levels
        labels = find_columns(new, factors)
        for name, column in labels.items():
            known, new_kind = label_kind(self.codings.columns[name]), label_kind(column)
            if known != new_kind and not column.isna().all():
                raise CourseError(
                    f"the labels of '{name}' are {new_kind} here and {known} in the data of the fit: no "
                    "level would be recognised"
                )
        if len(labels) == 1:
            codes = levels.get_indexer(next(iter(labels.values())))
        else:
            codes = levels.get_indexer(pd.MultiIndex.from_frame(pd.DataFrame(labels)))
        Z = self.effect_rows(grouping, new)
        Z[np.logical_or.reduce([column.isna().to_numpy() for column in labels.values()])] = np.nan
        return codes, Z

    def effect_rows(self, grouping: int, new: pd.DataFrame) -> np.ndarray:
        """Z of one grouping for new rows, (m, k), whatever their labels."""
        codings = self.codings.of_group(self.groupings[grouping].factors)
        return np.column_stack([self.codings.new_matrix(coding, new) for coding in codings])

    def with_response(self, y: np.ndarray) -> Design:
        """The same design with another response, checked but not built again."""
        y = np.asarray(y, dtype=float)
        if y.shape != np.shape(self.y) or not np.isfinite(y).all():
            raise CourseError(
                f"the new response has the shape {y.shape}, or numbers that are not finite: it needs one "
                f"finite number for each of {self.n:,} rows"
            )
        if self.kind == NUMBER:
            check_response(y - self.offset, self.formula.response)
        else:
            check_new_response(self.kind, y, self.weights, self.formula.response)
        return replace(self, y=y)

    def rows(self, keep: np.ndarray) -> Design:
        """The matrices and groups of some of the rows: those where `keep`, (n,), is True."""
        groupings = []
        for grouping in self.groupings:
            used, codes = renumber(grouping.codes[keep])
            groupings.append(
                replace(grouping, codes=codes, levels=grouping.levels[used], Z=grouping.Z[keep])
            )
        return replace(
            self,
            y=self.y[keep],
            offset=self.offset[keep],
            weights=None if self.weights is None else self.weights[keep],
            X=self.X[keep],
            groupings=tuple(groupings),
            index=self.index[keep],
            columns={name: column[keep] for name, column in self.columns.items()},
        )


def build_design(
    formula: Formula, data: pd.DataFrame, weights: str | None = None, kind: str = NUMBER
) -> Design:
    """Bring a formula and data together.

    Parameters
    ----------
    formula : Formula
    data : DataFrame
        One row per observation. It is not changed. Rows with a missing value in a column that the
        formula names are left out and counted in `Design.missing`.
    weights : str, optional
        The column that holds the prior weights.
    kind : {"number", "yes or no", "count"}
        What the response is.

    Returns
    -------
    Design

    Raises
    ------
    CourseError
        For a column that is not there, a response that is not numeric or does not vary, groups that
        cannot be told from the residual, weights that are missing or not above 0, ... Columns of X that
        others determine are left out.

    Examples
    --------
    >>> from course.formula.parse import parse_formula
    >>> data = pd.DataFrame({"score": [3.0, 4, 6, 5], "school": ["A", "A", "B", "B"]})
    >>> design = build_design(parse_formula("score ~ 1 + (1|school)"), data)
    >>> design.X.shape, design.groupings[0].codes.tolist()
    ((4, 1), [0, 0, 1, 1])
    """
    data = check_frame(data)
    check_names(formula)
    if len(data) == 0:
        raise CourseError("the data have no rows")
    columns = find_columns(data, formula.columns)
    gaps = {name: missing_rows(column) for name, column in columns.items()}
    missing = {name: int(rows.sum()) for name, rows in gaps.items() if rows.any()}
    index, weighted = data.index, None
    if weights is not None:
        weighted = find_columns(data, [weights])[weights]
    if missing:
        keep = ~np.logical_or.reduce([gaps[name] for name in missing])
        if not keep.any():
            counts = ", ".join(f"'{name}' in {count}" for name, count in missing.items())
            raise CourseError(f"every row has a missing value ({counts} of {len(data)} rows)")
        columns = {name: column[keep] for name, column in columns.items()}
        index = index[keep]
        weighted = None if weighted is None else weighted[keep]

    formula = with_numbers_as_labels(formula, columns)
    if kind != NUMBER:
        refuse_one_answer(formula, columns)
    codings = Codings(formula, columns)
    check_columns([coding.names for coding in (codings.X, *codings.Z)], len(index))
    y, offset, X, *Zs = codings.matrices(index)
    prior = None if weighted is None else check_weights(weighted)
    if kind == NUMBER:
        if y.shape[1] > 1:
            refuse_text(formula, columns)
        check_response(y[:, 0] - offset[:, 0], formula.response)
        response = Response(y[:, 0].copy(), prior)
    else:
        response = read_response(kind, formula, codings.y, y, prior, index)
        check_varies(response, formula.response)
    alone = RESIDUAL if kind == NUMBER else ""
    if kind == YES_OR_NO and response.weights is None:
        alone = "the chance of a single yes or no"
    aliased = find_aliased(X, codings)
    kept = aliased.kept
    return Design(
        formula=formula,
        y=response.y,
        offset=offset[:, 0],
        weights=response.weights,
        X=X if kept.all() else X[:, kept],
        fixed_names=tuple(compress(codings.X.names, kept)),
        groupings=build_groupings(codings, Zs, columns, len(index), alone),
        index=index,
        rows_given=len(data),
        missing=missing,
        reasons=reasons_of(data, {name: gaps[name] for name in missing}),
        titles=titles_of(data, (*formula.columns, *filter(None, [weights]))),
        columns=columns,
        named_like_functions=tuple(filter(hides_a_function, data.columns)),
        codings=codings,
        aliased=aliased,
        weights_name=weights,
        kind=kind,
        counted=response.counted,
    )


def reasons_of(data: pd.DataFrame, gaps: dict[str, np.ndarray]) -> dict[str, dict[str, int | None]]:
    """What `course.read_table` kept of why values are missing."""
    kept = data.attrs.get("missing", {})
    reasons: dict[str, dict[str, int | None]] = {}
    for name in filter(kept.__contains__, gaps):
        counts = count_reasons(kept[name], data.index, gaps[name])
        labels = [label for label in kept[name]["labels"] if label != NO_REASON]
        reasons[name] = dict.fromkeys(labels) if counts is None else dict(counts)
    return reasons


def titles_of(data: pd.DataFrame, names: tuple[str, ...]) -> dict[str, str]:
    """The titles of columns that `course.read_table` kept."""
    titles = data.attrs.get("labels", {})
    return {name: titles[name] for name in names if titles.get(name)}
