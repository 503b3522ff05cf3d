"""Responses drawn from a generalised fit, and the same model fitted to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from course.common.seeds import seed_of_replicate
from course.design.design import Design
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.solver.families import Family
from course.solver.generalised import GeneralisedEstimates, estimate_generalised
from course.solver.penalised import Generalised
from course.solver.problem import SMALL

STREAM = 1987  # random numbers of its own


@dataclass(frozen=True, eq=False)
class GeneralisedSimulator:
    """The model as drawn from: first new effects, then an answer or a count for each row."""

    predictor: np.ndarray
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray, int]]  # Z, codes, factor, levels
    family: Family
    trials: np.ndarray

    @classmethod
    def of(cls, fit: MixedGLMFit) -> GeneralisedSimulator:
        parts = [
            (grouping.Z, grouping.codes, factor, grouping.n_levels)
            for grouping, factor in zip(fit.design.groupings, fit.estimates.factors, strict=True)
        ]
        predictor = fit.design.offset + fit.design.X @ fit.estimates.beta
        return cls(predictor, parts, fit.family, fit.trials)

    def draw(self, seed: int, replicate: int) -> np.ndarray:
        """One response, (nobs,), from a stream that belongs to this replicate alone."""
        rng = np.random.default_rng(seed_of_replicate(seed, STREAM, replicate))
        eta = self.predictor.copy()
        for Z, codes, factor, levels in self.parts:
            effects = rng.standard_normal((levels, len(factor))) @ factor.T
            eta += np.einsum("nk,nk->n", Z, effects[codes])
        return self.family.draw(self.family.mean(eta), self.trials, rng)


@dataclass(frozen=True, eq=False)
class GeneralisedRefitter:
    """A model to be fitted to many responses, each search beginning at the optimum found before.

    Attributes
    ----------
    model : Generalised
    start : (ndarray, ndarray)
        beta and theta, and steps along which the curvature is about 1.
    """

    model: Generalised
    start: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, fit: MixedGLMFit) -> GeneralisedRefitter:
        model, optimum = fit.model.by_quadrature(fit.nagq), fit.estimates.optimum
        theta = fit.estimates.theta_standard
        # The deviance has slope 0 where an SD is 0, so that a search which starts there would stay.
        small = model.linear.diagonal & (np.abs(theta) < SMALL)
        point = np.append(optimum.at.beta, np.where(small, model.linear.start, theta))
        values, vectors = np.linalg.eigh(optimum.hessian)
        return cls(model, (point, vectors / np.sqrt(np.maximum(np.abs(values), 1e-3))))

    @property
    def design(self) -> Design:
        return self.model.design

    def fit_responses(self, responses: Sequence[np.ndarray]) -> list[GeneralisedEstimates | None]:
        """The optima for other responses; None where a fit breaks off."""
        return [self._fit(y) for y in responses]

    def _fit(self, y: np.ndarray) -> GeneralisedEstimates | None:
        try:
            return estimate_generalised(self.model.with_response(y, self.start))
        except (CourseError, np.linalg.LinAlgError):
            return None
