"""The deviance by dense linear algebra, which the solver is held against."""

import numpy as np

from course.solver.problem import Problem


def dense(problem: Problem, theta: np.ndarray):
    """V of the standardised data at theta, X and y."""
    V = np.eye(problem.n)
    for g, factor in enumerate(problem.unpack(theta)):
        codes = problem.design.groupings[g].codes
        ZL = problem.U[problem.z[g]].T @ factor
        V += (codes[:, None] == codes) * (ZL @ ZL.T)
    return V, problem.U[problem.x].T, problem.U[problem.y_at]


def dense_deviance(problem: Problem, theta: np.ndarray, reml: bool) -> float:
    V, X, y = dense(problem, theta)
    n, p = X.shape
    XX = X.T @ np.linalg.solve(V, X)
    r = y - X @ np.linalg.solve(XX, X.T @ np.linalg.solve(V, y))
    df = n - p if reml else n
    r2 = r @ np.linalg.solve(V, r)
    value = np.linalg.slogdet(V)[1] + df * (1 + np.log(2 * np.pi * r2 / df))
    return value + np.linalg.slogdet(XX)[1] if reml else value
