"""A `Design` as a problem to be solved: penalised least squares and the profiled deviance.

With theta the free entries of the relative covariance factors Lambda, b = Lambda u, and beta and sigma
at their best for that theta, -2 log-likelihood is (Bates et al. 2015, doi 10.18637/jss.v067.i01)

    REML:  log|Lambda' Z' Z Lambda + I| + log|R_X|^2 + (n - p) (1 + log(2 pi r^2 / (n - p)))
    ML:    log|Lambda' Z' Z Lambda + I| + n (1 + log(2 pi r^2 / n))

r^2 is the penalised residual sum of squares, R_X' R_X = X' V^-1 X. `course.solver.elimination` gets all
of it from cross-products formed once, so that a value costs nothing per row of the data, and its gradient
about as much again.

theta is free of sign: the deviance is even in every column of Lambda, so a search that may cross 0 does
not get stuck there as one with bounds does. Signs are turned at the end.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from course.design.design import Design
from course.design.groups import components, lies_in, parents
from course.solver.chunks import stage_for
from course.solver.crossing import Crossing
from course.solver.elimination import Sums, cross_products, products_with
from course.solver.small_matrices import solve, square, tells_apart
from course.solver.standardise import Columns, standardise

# The relative standard deviation of every effect at which a search starts.
MIDDLING = 0.4
# Below this an estimated relative standard deviation may be that of a side valley, or 0: the search tries
# another start, and 0 itself.
SMALL = 0.02
# The least weight that a level has for the curvature, however little its rows say about its effects.
LEAST_WEIGHT = 0.02


@dataclass
class Evaluation:
    """The deviance at one theta, in standardised units, and what its derivative needs."""

    factors: list[np.ndarray]
    root: np.ndarray  # U' V^-1 U, (u, u)
    logdet: Any  # log|Lambda'Z'Z Lambda + I|; as r2 and logdet_XX a number, or an array by problem
    tape: list
    beta: np.ndarray
    r2: Any
    XX_inverse: np.ndarray
    logdet_XX: Any

    def one(self, i: int) -> Evaluation:
        """That of one of several problems on the last axis, without the tape."""
        arrays = (self.logdet, self.beta, self.r2, self.XX_inverse, self.logdet_XX)
        logdet, *rest = (array[..., i] for array in arrays)
        factors = [factor[..., i] for factor in self.factors]
        return Evaluation(factors, self.root[..., i], logdet, [], *rest)

    def alone(self) -> Evaluation:
        """The same with one problem on the last axis of all arrays, without the tape."""
        scalars = (self.logdet, self.beta, self.r2, self.XX_inverse, self.logdet_XX)
        logdet, *rest = (np.asarray(one)[..., None] for one in scalars)
        factors = [factor[..., None] for factor in self.factors]
        return Evaluation(factors, self.root[..., None], logdet, [], *rest)


class Problem:
    """A design, standardised, reduced to cross-products, and ready to be evaluated at any theta.

    Parameters
    ----------
    design : Design
    columns : Columns, optional
        Its columns in other coordinates than those of `standardise`.
    products : ndarray of shape (u, u, L), optional
        Their cross-products for each level of the finest grouping, in the order of its codes, where the
        rows are gone and groupings are nested; the design has a code for each level and not for each row.

    Examples
    --------
    >>> import pandas as pd
    >>> from course.design.design import build_design
    >>> from course.formula.parse import parse_formula
    >>> data = pd.DataFrame({"y": [1.0, 2, 4, 5, 9, 9], "g": list("aabbcc")})
    >>> problem = Problem(build_design(parse_formula("y ~ 1 + (1|g)"), data))
    >>> at = problem.evaluate(problem.start)
    >>> problem.n_theta, problem.gradient(at, reml=True).shape
    (1, (1,))
    """

    def __init__(
        self, design: Design, columns: Columns | None = None, products: np.ndarray | None = None
    ):
        self.design = design
        self.n: float = design.n
        self.p = len(design.fixed_names)
        self.patterns = [grouping.pattern for grouping in design.groupings]
        self.sum_log_weights = design.sum_log_weights
        self.n_theta = sum(int(pattern.sum()) for pattern in self.patterns)
        self._take(columns or standardise(design))
        self._order(design, products)

    # -- set-up -----------------------------------------------------------------------------

    def _take(self, columns: Columns) -> None:
        self.columns = columns
        self.x, self.z, self.y_at = columns.x, columns.z, columns.y_at
        self.xx = square(self.x)
        self.T_x, self.T_z = columns.T_x, columns.T_z
        self.y_scale, self.y_shift = columns.y_scale, columns.y_shift

    def _order(self, design: Design, products: np.ndarray | None) -> None:
        """Decide what is eliminated when: crossed groupings together, then a chain of nested ones."""
        groupings = design.groupings
        order = sorted(range(len(groupings)), key=lambda g: -groupings[g].n_levels)
        for crossed in [0, *range(2, len(order) + 1)]:
            chain = order[crossed:]
            if all(design.nested[a, b] for a, b in zip(chain, chain[1:], strict=False)):
                blocks = self._blocks(order[:crossed]) if crossed else None
                if blocks is None or not chain or lies_in(blocks, groupings[chain[0]].codes):
                    break
        units = [] if blocks is None else [blocks]
        units += [groupings[g].codes for g in chain]
        # levels of one parent side by side, at every stage
        self.ranks: list[np.ndarray] = []
        parent_rank = None
        sums: list[Sums] = []
        for i in reversed(range(len(units))):
            size = units[i].max() + 1
            if parent_rank is None:
                parent = np.zeros(size, dtype=np.int64)
            else:
                parent = parent_rank[parents(units[i], units[i + 1])]
            by_parent = np.argsort(parent, kind="stable")
            rank = np.empty(size, dtype=np.int64)
            rank[by_parent] = np.arange(size)
            sums.insert(0, Sums(parent[by_parent]))
            self.ranks.insert(0, rank)
            parent_rank = rank
        self.crossing: Crossing | None = None
        if blocks is not None:
            blocks = self.ranks.pop(0)[blocks]
            self.block_sums: Sums = sums.pop(0)
            if not chain:
                # nothing above asks for the blocks one by one
                self.block_sums = Sums(np.zeros(1, dtype=np.int64))
            crossing = [(g, self.z[g], groupings[g].codes) for g in order[:crossed]]
            names = [groupings[g].name for g in order[1:crossed]]
            self.crossing = Crossing(self.U.T, crossing, blocks, bool(chain), names)
            self.leaves = crossing[0][2]
        else:
            rank, codes = self.ranks[0], units[0]
            # sorted data have them in this order already
            self.leaves = codes if (np.diff(rank) == 1).all() else rank[codes]
        self.stages = self._stages(chain, sums)
        if products is None:
            self.M = self._cross_products()
        else:
            self.M = np.empty_like(products)
            self.M[:, :, self.leaves] = products

    def _stages(self, chain: list[int], sums: list[Sums]) -> list:
        """One stage for each of the nested groupings, finest first."""
        return [stage_for(g, self.z[g], total) for g, total in zip(chain, sums, strict=True)]

    def _cross_products(self) -> np.ndarray:
        """U'U within each leaf."""
        return cross_products(self.columns.rows, self.leaves)

    def _blocks(self, crossed: list[int]) -> np.ndarray:
        return components(*[self.design.groupings[g].codes for g in crossed])

    @property
    def U(self) -> np.ndarray:
        """Every distinct column, one a row, put together anew."""
        return self.columns.U

    def with_response(self, y: np.ndarray) -> Problem:
        """The same problem for another response: only the cross-products with y are formed again.

        Parameters
        ----------
        y : ndarray, shape (n,)
        """
        (other,) = self.with_responses([y])
        return other

    def with_responses(self, responses: Sequence[np.ndarray]) -> list[Problem]:
        """The same for several responses."""
        designs = [self.design.with_response(y) for y in responses]
        columns = [self.columns.with_response(design) for design in designs]
        products = products_with(self.columns.XZ, [own.y for own in columns], self.leaves)
        others = []
        for design, own, Uy in zip(designs, columns, products, strict=True):
            other = copy.copy(self)
            other.design = design
            other._take(own)
            other.M = self.M.copy()
            other.M[self.y_at] = other.M[:, self.y_at] = Uy
            if self.crossing:
                other.crossing = self.crossing.with_columns(other.U.T)
            others.append(other)
        return others

    def without(self, rows: np.ndarray) -> Problem:
        """The problem that is left when some rows are taken out.

        Parameters
        ----------
        rows : ndarray of bool, shape (n,)
            The rows to leave out: all rows of some levels of one grouping, where groupings are nested.

        Returns
        -------
        Problem
            Its cross-products are those of this one with the levels that are left out at 0: such levels
            add nothing to the likelihood. Where groupings cross it is made from the other rows. Columns keep
            their shifts and scales.
        """
        if self.crossing:
            return Problem(self.design.rows(~rows), self.columns.at(~rows))
        other = copy.copy(self)
        gone = np.zeros(self.M.shape[2], dtype=bool)
        gone[self.leaves[rows]] = True
        other.M = np.where(gone, 0.0, self.M)
        other.n = self.n - int(rows.sum())
        if self.design.weights is not None:
            other.sum_log_weights = float(np.log(self.design.weights[~rows]).sum())
        return other

    @property
    def identifies_beta(self) -> bool:
        """Whether the rows tell all fixed effects apart."""
        return bool(tells_apart(self.M[self.xx].sum(axis=2)))

    # -- theta ------------------------------------------------------------------------------

    def unpack(self, theta: np.ndarray) -> list[np.ndarray]:
        """theta (columns of lower triangles, one grouping after another) to the factors."""
        factors, start = [], 0
        for pattern in self.patterns:
            factor = np.zeros(pattern.shape)
            stop = start + int(pattern.sum())
            factor.T[pattern.T] = theta[start:stop]
            factors.append(factor)
            start = stop
        return factors

    def pack(self, factors: list[np.ndarray]) -> np.ndarray:
        pairs = zip(factors, self.patterns, strict=True)
        return np.concatenate([factor.T[pattern.T] for factor, pattern in pairs])

    # -- the deviance and its gradient --------------------------------------------------------

    def evaluate(self, theta: np.ndarray) -> Evaluation:
        """The deviance's parts at one theta."""
        return self.with_factors(self.unpack(theta))

    def with_factors(self, factors: list[np.ndarray]) -> Evaluation:
        """The same at given Lambdas. Those of nested groupings may have entries above the diagonal."""
        M, logdet, tape = self.M, 0.0, []
        if self.crossing:
            M, logdet, crossed = self.crossing.eliminate(M, factors)
            M, tape = self.block_sums.total(M), [crossed]
        for stage in self.stages:
            M, more, step = stage.eliminate(M, factors[stage.grouping])
            logdet += more.sum()
            tape.append(step)
        root = M[:, :, 0]
        XX, Xy = root[self.xx], root[self.x, self.y_at]
        solved, logdet_XX = solve(XX, np.column_stack([Xy, np.eye(self.p)]))
        beta, XX_inverse = solved[:, 0], solved[:, 1:]
        r2 = root[self.y_at, self.y_at] - Xy @ beta
        return Evaluation(factors, root, logdet, tape, beta, r2, XX_inverse, logdet_XX)

    def df(self, reml: bool) -> Any:
        """What r^2 is divided by for sigma^2: the number of rows, under REML less that of fixed effects."""
        return self.n - self.p if reml else self.n

    def deviance(self, at: Evaluation, reml: bool, sigma2: float | None = None) -> float:
        """-2 log-likelihood of the standardised data; profiled over sigma where it is not given."""
        df = self.df(reml)
        r2 = np.maximum(at.r2, np.finfo(float).tiny)
        if sigma2 is None:
            sigma2 = r2 / df
        value = at.logdet + df * np.log(2 * np.pi * sigma2) + r2 / sigma2
        return value + at.logdet_XX if reml else value

    def in_units_of_data(self, deviance: Any, reml: bool) -> Any:
        """What the deviance of the standardised data is for the data themselves."""
        df = self.df(reml)
        deviance = deviance + 2 * df * np.log(self.y_scale) - self.sum_log_weights
        if reml:
            # log|X'V^-1 X| of the data's own X
            deviance = deviance - 2 * np.linalg.slogdet(self.T_x)[1]
        return deviance

    def gradient(self, at: Evaluation, reml: bool, sigma2: float | None = None) -> np.ndarray:
        """The derivative of `deviance` by theta."""
        return self.pull_back(at, self.bar(at, reml, sigma2))

    def bar(self, at: Evaluation, reml: bool, sigma2: float | None = None) -> np.ndarray:
        """The derivative of `deviance` without log|Lambda'Z'Z Lambda + I| by the root, (u, u)."""
        if sigma2 is None:
            sigma2 = np.maximum(at.r2, np.finfo(float).tiny) / self.df(reml)
        v = self.residual_coefficients(at)
        bar = v[:, None] * v / sigma2
        if reml:
            bar[self.xx] += at.XX_inverse
        return bar

    def pull_back(self, at: Evaluation, bar: np.ndarray) -> np.ndarray:
        """The derivative by theta of log|Lambda'Z'Z Lambda + I| and of a function of the root.

        Parameters
        ----------
        at : Evaluation
        bar : ndarray, shape (u, u)
            The derivative of that function by the root U'V^-1 U, symmetric.
        """
        return self.pack(self.by_factor(at, bar))

    def by_factor(self, at: Evaluation, bar: np.ndarray) -> list[np.ndarray]:
        """The same by each grouping's Lambda; above its diagonal only what costs nothing is filled in."""
        by_grouping = {}
        bar = bar[:, :, None]
        steps = self._steps(at)
        for i, (stage, tape) in reversed(list(enumerate(steps))):
            by_S = stage.by_covariance(tape, bar).sum(axis=2)
            by_grouping[stage.grouping] = 2 * by_S @ at.factors[stage.grouping]
            if i or self.crossing:
                bar = stage.back(tape, bar)
        if self.crossing:
            by_grouping |= self.crossing.gradient(at.tape[0], self.block_sums.spread(bar))
        return [by_grouping[g] for g in range(len(self.patterns))]

    def residual_coefficients(self, at: Evaluation) -> np.ndarray:
        """v with U v = y - X beta."""
        v = np.zeros((len(at.root), *at.beta.shape[1:]))
        v[self.x], v[self.y_at] = -at.beta, 1
        return v

    # -- what else comes from an evaluation ---------------------------------------------------

    def effects(self, at: Evaluation) -> list[np.ndarray]:
        """Conditional means of the random effects in the units of the data, (L, k) each."""
        means = {}
        v = self.residual_coefficients(at)[:, None]
        for stage, tape in reversed(self._steps(at)):
            means[stage.grouping], v = stage.effects(tape, v)
        if self.crossing:
            means |= self.crossing.effects(at.tape[0], self.block_sums.spread(v))
        return self.in_units(means)

    def in_units(self, means: dict[int, np.ndarray]) -> list[np.ndarray]:
        """Standardised effects by grouping, (k, L) in the order of the elimination, as `effects` has them."""
        pairs = zip(self.in_level_order(means), self.T_z, strict=True)
        return [(self.y_scale * T @ b).T for b, T in pairs]

    def spherical(self, at: Evaluation, v: np.ndarray) -> list[np.ndarray]:
        """The u of the effects Lambda u that are expected given the data U v, (k, L) for each grouping.

        Levels are in the order of the elimination.
        """
        found = {}
        v = v[:, None]
        for stage, tape in reversed(self._steps(at)):
            found[stage.grouping], v = stage.spherical(tape, v)
        if self.crossing:
            found |= self.crossing.spherical(at.tape[0], self.block_sums.spread(v))
        return [found[g] for g in range(len(self.patterns))]

    def leverages(self, at: Evaluation) -> np.ndarray:
        """The derivative of log|Lambda'Z'W Z Lambda + I| by the weight of each row, (n,).

        That is z' V z, with z the row's columns of all groupings and V the conditional covariance of
        their effects.
        """
        bar = np.zeros((len(self.M), len(self.M), 1))
        for stage, tape in reversed(self._steps(at)):
            bar = stage.back(tape, bar)
        if self.crossing:
            return self.crossing.leverages(at.tape[0], self.block_sums.spread(bar), self.U)
        total, XZ = np.zeros(len(self.leaves)), self.columns.XZ
        for i, j in zip(*np.nonzero(np.abs(bar).max(axis=2)), strict=True):
            if j <= i:
                total += (1 + (j < i)) * bar[i, j][self.leaves] * XZ[i] * XZ[j]
        return total

    def conditional_covariances(self, at: Evaluation, sigma2: float) -> list[np.ndarray]:
        """Conditional covariances of the random effects given beta and theta, (L, k, k) each."""
        pairs = zip(self.in_level_order(self.conditional(at)), self.T_z, strict=True)
        return [sigma2 * np.einsum("ij,jkl,mk->lim", T, V, T) for V, T in pairs]

    def conditional(self, at: Evaluation) -> dict[int, np.ndarray]:
        """By grouping the same over sigma squared in standardised units, (k, k, L)."""
        covariances = {}
        bar = np.zeros((len(self.M), len(self.M), 1))
        for i, (stage, tape) in reversed(list(enumerate(self._steps(at)))):
            covariances[stage.grouping] = stage.conditional(tape, bar)
            if i or self.crossing:
                bar = stage.back(tape, bar)
        if self.crossing:
            covariances |= self.crossing.conditional(at.tape[0], self.block_sums.spread(bar))
        return covariances

    def in_level_order(self, by_grouping: dict[int, np.ndarray]) -> list[np.ndarray]:
        """What each grouping has by level, on the last axis, in the order of the design's levels."""
        for stage, rank in zip(self.stages, self.ranks, strict=True):
            by_grouping[stage.grouping] = by_grouping[stage.grouping][..., rank]
        return [by_grouping[g] for g in range(len(self.patterns))]

    # -- the optimum --------------------------------------------------------------------------

    @cached_property
    def start(self) -> np.ndarray:
        """Where a search begins: independent effects, each with the relative standard deviation MIDDLING."""
        return self.pack([MIDDLING * np.eye(len(pattern)) for pattern in self.patterns])

    def _steps(self, at: Evaluation) -> list:
        """The nested stages with their tapes; that of the crossed groupings stands before them."""
        return list(zip(self.stages, at.tape[1:] if self.crossing else at.tape, strict=True))

    @cached_property
    def diagonal(self) -> np.ndarray:
        """Which entries of theta are on the diagonal of a Lambda."""
        return self.pack([np.eye(len(pattern)) for pattern in self.patterns]) > 0

    @cached_property
    def curvature(self) -> np.ndarray:
        """Roughly the expected second derivative by each theta at the usual start.

        A level whose effect keeps the weight w (the rest is shrunk away) tells of lambda as
        much as a variance of 1 / w of its own would: 4 w^2 / lambda^2 for a standard deviation,
        2 w_i w_j / lambda^2 for what ties effect i to effect j.
        """
        conditional = self.conditional(self.evaluate(self.start))
        curvatures = []
        for g in range(len(self.patterns)):
            weight = 1 - np.einsum("iil->il", conditional[g]) / MIDDLING**2
            weight = np.clip(weight, LEAST_WEIGHT, 1.0)
            information = 2 * weight @ weight.T / MIDDLING**2
            curvatures.append(information + np.diag(np.diagonal(information)))
        return self.pack(curvatures)
