"""A generalised model at one beta and theta: the mode of its effects, and Laplace's deviance there.

With eta = offset + X beta + Z Lambda u and l(eta) the log-likelihood of the rows, -2 log-likelihood of the
data is, by Laplace's approximation of the integral over u (Bates 2010; Pinheiro and Chao 2006,
doi 10.1198/106186006X96962),

    d(beta, theta) = -2 l(eta) + |u|^2 + log|A|        A = Lambda' Z' W Z Lambda + I

at the u that is most likely given the data, the mode. W is -d^2 l / d eta^2. The mode comes from Newton's
steps, each of which is a linear mixed model with weights W and the working response Zb + r / W, where r is
the score dl / d eta: penalised iteratively reweighted least squares. So each is solved by the elimination
of `course.solver.problem`, from cross-products that are formed anew.

The derivative follows the mode as it moves (Skaug and Fournier 2006, doi 10.1016/j.csda.2006.03.005). Let
h = d log|A| / dW be the leverages of the rows, s = (dW / d eta) h, and V = Lambda A^-1 Lambda'. Then

    dd / dbeta = X' (s - W Z V Z's - 2 r)

By theta it is that of the linear model, in which W is held, and what s says of the movement of eta: the
derivative of s'Z V Z'(W Z b + r). The same walk back over the elimination gives both, with s as one
column more.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import linalg

from course.design.design import Design
from course.solver.families import Family, Rows
from course.solver.problem import Evaluation, Problem
from course.solver.standardise import Columns, standardise

MOST_STEPS = 100  # of Newton, to a mode
MOST_HALVINGS = 40
SMALL_STEP = 1e-6  # of an effect, on the scale of the linear predictor: the step after it is exact


class Reweighted:
    """A linear problem whose rows get new weights and new responses.

    Parameters
    ----------
    design : Design
    U : ndarray, shape (u, n)
        The distinct columns.
    x : list of int
        The rows of U whose coefficients are solved for, too.
    z : list of list of int
        For each grouping the rows of U that make its Z.
    n_responses : int
    """

    def __init__(
        self, design: Design, U: np.ndarray, x: list[int], z: list[list[int]], n_responses: int
    ):
        self.u, n = U.shape
        identities = [np.eye(len(where)) for where in z]
        columns = Columns(
            source=U,
            y=np.zeros((n_responses, n)),
            x=x,
            T_x=np.eye(len(x)),
            z=z,
            T_z=identities,
            B_z=identities,
            y_at=self.u,
            y_shift=0.0,
            y_scale=1.0,
            constant=None,
        )
        self.problem = Problem(
            replace(design, X=design.X[:, : len(x)], fixed_names=design.fixed_names[: len(x)]),
            columns,
        )
        self.U = U
        self.ones = [bool((column == 1).all()) for column in self.U]
        self.products = {
            (i, j): self.times(i, self.U[j]) for i in range(self.u) for j in range(i + 1)
        }

    def times(self, i: int, values: np.ndarray) -> np.ndarray:
        """A row of U times values, (n,)."""
        return values if self.ones[i] else self.U[i] * values

    def with_weights(self, W: np.ndarray, *responses: np.ndarray) -> Problem:
        """The problem with these weights of its rows.

        Parameters
        ----------
        W : ndarray, shape (n,)
        *responses : ndarray, shape (n,) each
            Responses times W, so that a weight of 0 does no harm.
        """
        problem = copy.copy(self.problem)
        size = len(problem.M)
        M = np.zeros((size, size, problem.M.shape[2]))
        for (i, j), values in self.products.items():
            M[i, j] = M[j, i] = self._sum(W if self.ones[i] and self.ones[j] else W * values)
        for at, response in enumerate(responses, start=self.u):
            for i in range(self.u):
                M[i, at] = M[at, i] = self._sum(self.times(i, response))
        problem.M = M
        if problem.crossing:
            problem.crossing = problem.crossing.with_weights(W, self.U, responses)
        return problem

    def add(self, problem: Problem, response: np.ndarray) -> Problem:
        """What `with_weights` made, with one response more, times its weights."""
        problem = copy.copy(problem)
        problem.M, at = problem.M.copy(), len(problem.M) - 1
        for i in range(self.u):
            problem.M[i, at] = problem.M[at, i] = self._sum(self.times(i, response))
        if problem.crossing:
            problem.crossing = problem.crossing.with_column(at, response)
        return problem

    def _sum(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.problem.leaves, values, self.problem.M.shape[2])


@dataclass
class Mode:
    """Where the effects are most likely, given beta and theta.

    Attributes
    ----------
    u : list of ndarray, (k, L) each
        In the order of the elimination.
    eta : ndarray, shape (n,)
    rows : Rows
        What the rows say there.
    penalised : float
        -2 l + |u|^2.
    """

    u: list[np.ndarray]
    eta: np.ndarray
    rows: Rows
    penalised: float


@dataclass
class LaplaceEvaluation:
    """Laplace's deviance at one beta and theta, with its gradient by both."""

    beta: np.ndarray
    theta: np.ndarray
    mode: Mode
    deviance: float
    gradient: np.ndarray
    problem: Problem  # weighted as at the mode
    at: Evaluation


class Generalised:
    """A design with a family, ready to be evaluated at any beta and theta, in standardised units.

    Parameters
    ----------
    design : Design
    family : Family
    columns : Columns, optional
        The design's in standardised units; found where left out.
    """

    def __init__(self, design: Design, family: Family, columns: Columns | None = None):
        self.design, self.family = design, family
        self.y, self.offset = design.y, design.offset
        self.weights = np.ones(design.n) if design.weights is None else design.weights
        # weights and offset enter by the rows' log-likelihoods
        self.unweighted = replace(design, weights=None, offset=np.zeros(design.n))
        self.columns = columns = columns or standardise(self.unweighted)
        self.p = len(columns.x)
        self.X = np.ascontiguousarray(columns.XZ[columns.x].T)
        # the steps with beta held need the columns of the Z's alone
        used = sorted({j for where in columns.z for j in where})
        number = {j: i for i, j in enumerate(used)}
        z = [[number[j] for j in where] for where in columns.z]
        self.with_beta_held = Reweighted(self.unweighted, columns.XZ[used], [], z, 2)
        self.linear = self.with_beta_held.problem
        self.n_theta = self.linear.n_theta
        self.constant = family.constant(self.y, self.weights)

    def with_response(
        self, y: np.ndarray, start: tuple[np.ndarray, np.ndarray] | None = None
    ) -> Generalised:
        """The same model for another response.

        Parameters
        ----------
        y : ndarray, shape (n,)
        start : (ndarray, ndarray), optional
            Where the search begins, as `start`; the usual place where left out.
        """
        other = copy.copy(self)
        other.design = self.design.with_response(y)
        other.y = other.design.y
        other.constant = self.family.constant(other.y, self.weights)
        other.__dict__.pop("start", None)
        if start is not None:
            other.start = start
        return other

    # -- where a search begins ------------------------------------------------------------------

    @cached_property
    def start(self) -> tuple[np.ndarray, np.ndarray]:
        """beta and theta at which a search begins, and steps along which the curvature is about 1.

        beta is most likely together with the effects, at middling theta.

        Returns
        -------
        point : ndarray, shape (p + n_theta,)
        unit : ndarray, shape (p + n_theta, p + n_theta)
        """
        columns, theta = self.columns, self.linear.start
        together = Reweighted(self.unweighted, columns.XZ, columns.x, columns.z, n_responses=1)
        factors = self.linear.unpack(theta)
        middling = self.family.middling(self.y, self.weights)
        eta = self.family.predictor(middling)
        rows = self.family.rows(eta, self.y, self.weights)
        beta, u, penalised = np.zeros(self.p), self.no_effects(), np.inf
        for _ in range(MOST_STEPS):
            working = rows.weight * (eta - self.offset) + rows.score
            problem = together.with_weights(rows.weight, working)
            at = problem.evaluate(theta)
            target_u = problem.spherical(at, problem.residual_coefficients(at))
            old_beta, old_u, share = beta, u, 1.0
            for _ in range(MOST_HALVINGS):
                beta = old_beta + share * (at.beta - old_beta)
                u = [old + share * (new - old) for old, new in zip(old_u, target_u, strict=True)]
                mode = self.rows_at(self.offset + self.X @ beta, self.random_part(factors, u), u)
                if mode.penalised <= penalised:
                    break
                share /= 2
            eta, rows = mode.eta, mode.rows
            if penalised - mode.penalised < 1e-6 * (1 + abs(penalised)):
                break
            penalised = mode.penalised
        by_beta = np.linalg.cholesky(at.XX_inverse)
        by_theta = 1 / np.sqrt(problem.curvature)
        return np.concatenate([beta, theta]), linalg.block_diag(by_beta, np.diag(by_theta))

    # -- the mode -----------------------------------------------------------------------------

    def random_part(self, factors: list[np.ndarray], u: list[np.ndarray]) -> np.ndarray:
        """Z Lambda u, (n,)."""
        total = np.zeros(self.design.n)
        nested = self.linear.crossing is None
        n_leaves = self.linear.M.shape[2]
        by_leaf = np.zeros((self.with_beta_held.u, n_leaves)) if nested else None
        for g, (factor, spherical) in enumerate(zip(factors, u, strict=True)):
            for j, b in zip(self.linear.z[g], factor @ spherical, strict=True):
                if by_leaf is None:
                    total += self.with_beta_held.times(j, b[self.places[g]])
                else:  # one way from the leaves to the rows serves all groupings
                    by_leaf[j] += b[self.places_of_leaves[g]]
        if by_leaf is not None:
            for j, b in enumerate(by_leaf):
                total += self.with_beta_held.times(j, b[self.linear.leaves])
        return total

    @cached_property
    def places(self) -> list[np.ndarray]:
        """For each grouping where the level of each row is in the order of the elimination, (n,)."""
        codes = {g: grouping.codes for g, grouping in enumerate(self.design.groupings)}
        for stage, rank in zip(self.linear.stages, self.linear.ranks, strict=True):
            codes[stage.grouping] = rank[codes[stage.grouping]]
        return [codes[g] for g in range(len(codes))]

    @cached_property
    def places_of_leaves(self) -> list[np.ndarray]:
        """As `places`, for each level of the finest of nested groupings."""
        found = []
        for place in self.places:
            of_leaf = np.empty(self.linear.M.shape[2], dtype=np.int64)
            of_leaf[self.linear.leaves] = place
            found.append(of_leaf)
        return found

    def rows_at(self, fixed: np.ndarray, random: np.ndarray, u: list[np.ndarray]) -> Mode:
        """What the rows say where the linear predictor has these two parts."""
        eta = fixed + random
        rows = self.family.rows(eta, self.y, self.weights)
        penalty = sum(float((part**2).sum()) for part in u)
        return Mode(u, eta, rows, penalty - 2 * float(rows.loglik.sum()))

    def no_effects(self) -> list[np.ndarray]:
        """The u at which a search for a mode begins where none is known."""
        return [
            np.zeros((len(grouping.effects), grouping.n_levels))
            for grouping in self.design.groupings
        ]

    def find_mode(
        self, beta: np.ndarray, theta: np.ndarray, start: list[np.ndarray] | None = None
    ) -> Mode:
        """The effects that are most likely given beta and theta, by Newton's steps from `start`."""
        factors = self.linear.unpack(theta)
        fixed = self.offset + self.X @ beta
        u = self.no_effects() if start is None else start
        here, random = self.rows_at(fixed, r := self.random_part(factors, u), u), None
        random = r
        for _ in range(MOST_STEPS):
            rows = here.rows
            problem = self.with_beta_held.with_weights(
                rows.weight, rows.weight * random + rows.score
            )
            at = problem.evaluate(theta)
            target = problem.spherical(at, _unit(problem, 0))
            longest = max(
                float(np.abs(factor @ (new - old)).max())
                for factor, new, old in zip(factors, target, here.u, strict=True)
            )
            before, share = here, 1.0
            target_part = self.random_part(factors, target)
            for _ in range(MOST_HALVINGS):
                u = [old + share * (new - old) for old, new in zip(before.u, target, strict=True)]
                part = random + share * (target_part - random)
                here = self.rows_at(fixed, part, u)
                if here.penalised <= before.penalised + 1e-10 * (1 + abs(before.penalised)):
                    break
                share /= 2
            random = part
            if longest < SMALL_STEP:
                break
        return here

    # -- the deviance and its gradient ----------------------------------------------------------

    def evaluate(
        self, beta: np.ndarray, theta: np.ndarray, start: list[np.ndarray] | None = None
    ) -> LaplaceEvaluation:
        """Laplace's deviance and its gradient; `start` is where the search for the mode begins."""
        mode = self.find_mode(beta, theta, start)
        rows = mode.rows
        factors = self.linear.unpack(theta)
        random = self.random_part(factors, mode.u)
        working = rows.weight * random + rows.score
        problem = self.with_beta_held.with_weights(rows.weight, working)
        at = problem.evaluate(theta)
        slope = self.family.slope(mode.eta, self.y, self.weights)
        s = slope * problem.leverages(at)
        problem = self.with_beta_held.add(problem, s)
        at = problem.evaluate(theta)
        followed = self.random_part(factors, problem.spherical(at, _unit(problem, 1)))
        by_beta = self.X.T @ (s - rows.weight * followed - 2 * rows.score)
        work, moved = _unit(problem, 0), _unit(problem, 1)
        bar = np.outer(work, work) - (np.outer(work, moved) + np.outer(moved, work)) / 2
        by_theta = problem.pull_back(at, bar)
        deviance = mode.penalised + at.logdet - 2 * self.constant
        gradient = np.concatenate([by_beta, by_theta])
        return LaplaceEvaluation(beta, theta, mode, deviance, gradient, problem, at)


def _unit(problem: Problem, response: int) -> np.ndarray:
    """The coefficients of U that are 1 for one of the responses."""
    v = np.zeros(len(problem.M))
    v[problem.y_at + response] = 1
    return v
