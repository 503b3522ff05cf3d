"""Crossed factors with a border give what dense linear algebra and one matrix without it give."""

import numpy as np
import pytest
from dense import dense_deviance
from made import cut_whatever_the_size, movers
from scipy import optimize, sparse

from course import mixedlm
from course.design.design import build_design
from course.formula.parse import parse_formula
from course.solver.blocks import Blocks, Bordered
from course.solver.dissection import dissect
from course.solver.problem import Problem

FORMULAS = [
    "y ~ x + (1|pupil) + (1|teacher) + (1|school)",
    "y ~ x + (x|pupil) + (z|teacher) + (1|school)",
    "y ~ x + (1|pupil) + (x + z|teacher)",
]


def problem(formula: str, seed: int = 1) -> Problem:
    return Problem(build_design(parse_formula(formula), movers(seed)))


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("formula", FORMULAS)
def test_deviance_and_gradient_with_a_border(monkeypatch, formula, reml):
    cut_whatever_the_size(monkeypatch)
    cut = problem(formula)
    assert isinstance(cut.crossing.K, Bordered) and cut.crossing.K.s < cut.crossing.q / 2
    theta = np.random.default_rng(2).normal(scale=0.7, size=cut.n_theta)
    at = cut.evaluate(theta)
    assert cut.deviance(at, reml) == pytest.approx(dense_deviance(cut, theta, reml), abs=1e-8)
    numeric = optimize.approx_fprime(theta, lambda t: cut.deviance(cut.evaluate(t), reml), 1e-6)
    np.testing.assert_allclose(cut.gradient(at, reml), numeric, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("formula", FORMULAS)
def test_effects_and_their_conditional_variances_with_a_border(monkeypatch, formula):
    whole = problem(formula)
    assert isinstance(whole.crossing.K, Blocks)
    cut_whatever_the_size(monkeypatch)
    cut = problem(formula)
    assert isinstance(cut.crossing.K, Bordered)
    theta = np.random.default_rng(3).normal(scale=0.7, size=cut.n_theta)
    one, other = whole.evaluate(theta), cut.evaluate(theta)
    for left, right in zip(whole.effects(one), cut.effects(other), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-10)
    pairs = zip(
        whole.conditional_covariances(one, 1.3),
        cut.conditional_covariances(other, 1.3),
        strict=True,
    )
    for left, right in pairs:
        np.testing.assert_allclose(left, right, atol=1e-10)


def test_a_fit_with_a_border_ends_where_the_other_does(monkeypatch):
    whole = mixedlm(FORMULAS[0], movers(4)).fit()
    cut_whatever_the_size(monkeypatch)
    model = mixedlm(FORMULAS[0], movers(4))
    assert isinstance(model.problem.crossing.K, Bordered)
    cut = model.fit()
    assert cut.llf == pytest.approx(whole.llf, abs=1e-8)
    again = cut.refit(movers(5)["y"].to_numpy())
    assert again.llf == pytest.approx(
        mixedlm(FORMULAS[0], movers(4).assign(y=movers(5)["y"])).fit().llf
    )


def test_what_is_left_of_a_border_falls_apart():
    """No two blocks are tied, and every vertex is in the border or in one block."""
    rng = np.random.default_rng(0)
    community = np.repeat(np.arange(60), 8)
    together = community[:, None] == community
    ties = together * rng.integers(1, 4, together.shape) + (rng.random(together.shape) < 3e-4)
    graph = sparse.csr_array(ties + ties.T)
    separating, block = dissect(graph, np.ones(len(community), dtype=int))
    assert ((block == -1) == separating).all() and separating.sum() < 100
    row, column = sparse.coo_array(graph).coords
    inside = ~separating[row] & ~separating[column]
    assert (block[row[inside]] == block[column[inside]]).all()
    assert len(np.unique(block[~separating])) >= 60


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_where_nothing_or_all_is_tied_there_is_no_border(share):
    rng = np.random.default_rng(0)
    ties = np.eye(400) + (rng.random((400, 400)) < share)
    assert dissect(sparse.csr_array(ties), np.ones(400, dtype=int)) is None
