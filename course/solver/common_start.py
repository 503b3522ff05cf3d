"""The first step of many searches that begin at one theta: one model, and many responses.

There one factorisation serves every response y. With e = y - X beta, r^2 = e' V^-1 e, and s = Z' V^-1 e of
each level of a grouping, the level's conditional means are b = S s, and

    dr^2 / dS = - sum over levels of s s'      (Lindstrom and Bates 1988, doi 10.1080/01621459.1988.10478693),

so that a response adds to the gradient no more than what solving for its effects costs. The step is one of
Fisher scoring of the covariance matrices sigma^2 S and of sigma^2. V is linear in these. For that reason the
expected second derivative of the deviance, tr(P V_i P V_j), is minus that of L = log|V| + log|X' V^-1 X|, or
of log|V| for ML (Harville 1977, doi 10.1080/01621459.1977.10480998), and is one for all responses. In
balanced data one such step ends at the optimum if it goes straight on in sigma^2 S and sigma^2:

    S+ = Lambda (I + C + C') Lambda' / (1 + d log sigma^2),      C = Lambda^-1 dLambda.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from course.solver.elimination import Stage
from course.solver.factors import lower_factor
from course.solver.problem import Problem
from course.solver.small_matrices import product
from course.solver.together import at_thetas, pack_together

STEP = 1e-4  # for differences of an exact gradient, in standardised units
LEAST_LEFT = 0.25  # share of a variance that a step leaves of it; beyond, S is no straight road
LEAST_GROWTH = -0.5  # the same of sigma^2
FLAT = 1e-3  # the least curvature, as a share of the roughly expected one, that is believed


class CommonStart:
    """A theta at which searches for many responses begin.

    Parameters
    ----------
    problem : Problem
    theta : ndarray, shape (n_theta,)
        No variance is 0 there.
    reml : bool

    Attributes
    ----------
    inverse : ndarray, shape (n_theta, n_theta)
        Of the second derivative of the deviance that is expected there.
    root : ndarray, shape (n_theta, n_theta)
        R with theta + R x near there, where the deviance of the problem itself rises by x'x: x is in
        standard errors, and R R' / 2 the inverse of the second derivative.
    """

    def __init__(self, problem: Problem, theta: np.ndarray, reml: bool):
        self.problem, self.theta, self.reml = problem, theta, reml
        self.at = problem.evaluate(theta)
        self.basis = [problem.unpack(one) for one in np.eye(problem.n_theta)]
        self.unit = 1 / np.sqrt(problem.curvature)
        slopes, of_deviance = self._slopes_around()
        self.slope = slopes[0]
        curvature, self.growth = self._expected(self._bend(slopes))
        root = self._root_of_inverse(curvature)
        self.inverse = root @ root.T
        self.root = np.sqrt(2) * self._root_of_inverse(self._bend(of_deviance))

    def _slopes_around(self) -> tuple[np.ndarray, np.ndarray]:
        """The derivatives of L and of the deviance by theta: here, then a step ahead in each theta."""
        found, X = [], self.problem.xx
        thetas = self.theta + np.vstack([0 * self.unit, STEP * np.diag(self.unit)])
        for around, at in at_thetas(self.problem, thetas):
            bar = np.zeros(at.root.shape)
            bar[X] = at.XX_inverse * self.reml
            found.append((around.pull_back(at, bar), around.gradient(at, self.reml)))
        of_L, of_deviance = map(np.concatenate, zip(*found, strict=True))
        return of_L, of_deviance

    def _bend(self, slopes: np.ndarray) -> np.ndarray:
        """The second derivative, from slopes here and ahead."""
        H = (slopes[1:] - slopes[0]) / (STEP * self.unit[:, None])
        return (H + H.T) / 2

    def _root_of_inverse(self, H: np.ndarray) -> np.ndarray:
        """R with R R' the inverse of a second derivative by theta, made positive definite."""
        values, vectors = np.linalg.eigh(self.unit[:, None] * H * self.unit)
        return self.unit[:, None] * vectors / np.sqrt(np.abs(values).clip(min=FLAT))

    def _expected(self, H: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The expected second derivative of the deviance by theta, and d log sigma^2 by a step of theta.

        H is the second derivative of L.
        """
        theta, size = self.theta, self.problem.n_theta
        # as theta goes straight on, S curves by dLambda dLambda': without that it is the derivative by S
        for g, (Lambda, slopes) in enumerate(
            zip(self.at.factors, self.problem.unpack(self.slope), strict=True)
        ):
            half = np.tril(Lambda.T @ slopes / 2)
            G = half + np.tril(half, -1).T  # Lambda' (dL / dS) Lambda
            C = np.reshape(
                [np.linalg.solve(Lambda, one[g]) for one in self.basis], (size, *G.shape)
            )
            H -= 2 * np.einsum("ab,ibc,jac->ij", G, C, C)
        # sigma^2 S stays where sigma^2 grows as S shrinks, which is theta going to 0 by half of itself
        with_sigma2 = self.slope + H @ theta / 2
        sigma2 = self.problem.df(self.reml) - self.slope @ theta - theta @ H @ theta / 4
        return -H - np.outer(with_sigma2, with_sigma2) / sigma2, -with_sigma2 / sigma2

    @property
    def serves(self) -> bool:
        """Whether one factorisation serves many responses: where groupings are nested, in no chunks."""
        stages = self.problem.stages
        return not self.problem.crossing and all(isinstance(stage, Stage) for stage in stages)

    def slopes(self, problems: Sequence[Problem]) -> np.ndarray:
        """The gradient of each problem's deviance at this theta, (problems, n_theta).

        The problems are this one with other responses, and it `serves`.
        """
        problem, y = self.problem, self.problem.y_at
        responses = np.stack([one.M[y] for one in problems], axis=2)  # (u, L, problems)
        m, yy = responses[:y], responses[y].sum(axis=0)
        scores = []
        for stage, tape in zip(problem.stages, self.at.tape, strict=True):
            q = m[stage.z]
            scores.append(q)
            yy = yy - np.einsum("ilr,ijl,jlr->r", q, tape.W, q, optimize=True)
            m = m - np.einsum("kul,klr->ulr", tape.P[:, :y], q)
            m = np.add.reduceat(m, stage.sums.starts, axis=1)
        Xy = m[problem.x, 0]
        beta = self.at.XX_inverse @ Xy
        sigma2 = (yy - (Xy * beta).sum(axis=0)) / problem.df(self.reml)
        v = np.zeros_like(m)
        v[problem.x, 0] = -beta
        by_grouping = {}
        for stage, tape, q in reversed(
            list(zip(problem.stages, self.at.tape, scores, strict=True))
        ):
            v = v[:, stage.sums.parent]
            t = q + np.einsum("kul,ulr->klr", tape.M_z[:, :y], v)
            b = np.einsum("ijl,jlr->ilr", tape.W, t)
            v[stage.z] -= b
            s = t - np.einsum("ijl,jlr->ilr", tape.M_z[:, stage.z], b)
            by_S = -np.einsum("ilr,jlr->ijr", s, s) / sigma2
            by_grouping[stage.grouping] = 2 * product(by_S, self.at.factors[stage.grouping])
        factors = [by_grouping[g] for g in range(len(problem.patterns))]
        return self.slope + pack_together(factors, problem.patterns)

    def step(self, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where one step leads, (m, n_theta), and the inverse curvatures to expect there.

        A step of theta there is as long as one here if both are the same share of Lambda.
        """
        problem, size = self.problem, len(slopes)
        steps = -slopes @ self.inverse
        growth = 1 + (steps @ self.growth).clip(LEAST_GROWTH)
        there, images = [], []
        for g, Lambda in enumerate(self.at.factors):
            basis = np.array([one[g] for one in self.basis])
            C = np.linalg.solve(Lambda, np.tensordot(steps, basis, axes=1))
            values, vectors = np.linalg.eigh(np.eye(len(Lambda)) + C + C.swapaxes(1, 2))
            root = vectors * np.sqrt(values.clip(min=LEAST_LEFT))[:, None]
            factor = lower_factor(Lambda @ root, problem.design.groupings[g].blocks)
            factor /= np.sqrt(growth)[:, None, None]
            there.append(np.moveaxis(factor, 0, 2))
            ratio = factor @ np.linalg.inv(Lambda)
            moved = ratio[:, None] @ basis  # (m, n_theta, k, k)
            images.append(moved.reshape(-1, *Lambda.shape).transpose(1, 2, 0))
        theta = pack_together(there, problem.patterns)
        J = pack_together(images, problem.patterns).reshape(size, *self.inverse.shape)
        return theta, J.swapaxes(1, 2) @ self.inverse @ J
