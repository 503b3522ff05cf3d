"""Inverses of many small matrices against NumPy's; one way to eliminate effects against another."""

import numpy as np
import pytest
from made import problem_of, table

from course.common import memory
from course.solver import chunks, elimination
from course.solver.elimination import Stage, Sums, cross_products
from course.solver.small_matrices import FEW, invert, invert_batch
from course.solver.together import Together


def matrices(k: int, n: int) -> np.ndarray:
    """Positive definite, (k, k, n)."""
    root = np.random.default_rng(1).normal(size=(n, k, k + 2))
    return np.ascontiguousarray((root @ root.transpose(0, 2, 1)).transpose(1, 2, 0))


@pytest.mark.parametrize("k", [1, 2, 3, 7])
@pytest.mark.parametrize("more", [-1, 0])
def test_inverses_and_log_determinants_however_many_there_are(k, more):
    A = matrices(k, FEW * k + more)
    inverse, logdet = invert(A.copy())
    np.testing.assert_allclose(
        np.einsum("ijl,jkl->lik", A, inverse), [np.eye(k)] * A.shape[2], atol=1e-8
    )
    np.testing.assert_allclose(logdet, np.linalg.slogdet(A.transpose(2, 0, 1))[1], atol=1e-12)


@pytest.mark.parametrize("n", [1, 3])
def test_a_batch_of_one_and_of_many(n):
    S = matrices(4, n).transpose(2, 0, 1)
    inverse, logdet = invert_batch(S)
    np.testing.assert_allclose(S @ inverse, [np.eye(4)] * n, atol=1e-10)
    np.testing.assert_allclose(logdet, np.log(np.linalg.det(S)), atol=1e-12)


@pytest.mark.parametrize("n", [1, 3])
def test_what_is_not_positive_definite_has_no_log_determinant(n):
    S = np.array([np.diag([1.0, 1.0, -1e-9])] + [np.eye(3)] * (n - 1))
    _, logdet = invert_batch(S)
    assert np.isnan(logdet[0])
    assert (logdet[1:] == 0).all()


def stage_of_many(monkeypatch, many: bool) -> Stage:
    """Two effects of 150 levels in 2 parents, of which one has 90 and the other 60."""
    monkeypatch.setattr(elimination, "MANY_CHILDREN", 60 if many else 1000)
    stage = Stage(0, [0, 1], Sums(np.repeat([0, 1], [90, 60])))
    assert stage.sums.many is many
    return stage


@pytest.mark.parametrize("size", [0.3, 1e4])
def test_products_over_all_children_are_those_of_level_by_level(monkeypatch, size):
    """With the larger effects a difference of sums would lose digits, and the other way is taken."""
    rng = np.random.default_rng(1)
    codes = np.repeat(np.arange(150), 4)
    M = cross_products(np.vstack([np.ones(600), rng.normal(size=(4, 600))]), codes)
    Lambda = size * np.array([[1.0, 0], [0.5, 0.7]])
    bar = rng.normal(size=(5, 5, 2))
    bar = bar + bar.swapaxes(0, 1)
    stages = [stage_of_many(monkeypatch, many) for many in (True, False)]
    made = [stage.eliminate(M, Lambda) for stage in stages]
    for one, other in zip(*(found[:2] for found in made), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    for name in ("by_covariance", "back", "conditional"):
        one, other = (
            getattr(stage, name)(tape, bar)
            for stage, (_, _, tape) in zip(stages, made, strict=True)
        )
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    together = stages[0].eliminate_together(M[:2], stages[0].sums.total(M), Lambda)
    assert (together is None) is (size > 1)


@pytest.mark.parametrize(
    "formula", ["y ~ x + (x|a)", "y ~ x + (1|a) + (1|b)", "y ~ z + (1|p) + (1|t)"]
)
def test_effects_side_by_side_are_those_of_each_problem(formula):
    problem = problem_of(formula, table(8, 900))
    others = problem.with_responses([table(seed, 900)["y"].to_numpy() for seed in (3, 4)])
    theta = np.stack([problem.start, 1.5 * problem.start])
    together = Together(others)
    for found, other, at in zip(
        together.effects_of_each(together.evaluate(theta)), others, theta, strict=True
    ):
        for one, alone in zip(found, other.effects(other.evaluate(at)), strict=True):
            np.testing.assert_allclose(one, alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("order", ["sorted", "near", "scattered"])
def test_cross_products_in_batches_are_those_of_all_rows(monkeypatch, order):
    """Levels begin in one batch and end in the next; of scattered levels each batch would have some rows."""
    rng = np.random.default_rng(2)
    codes = np.sort(rng.integers(0, 300, 2000))
    codes = np.searchsorted(np.unique(codes), codes)
    if order == "near":
        codes = codes[np.argsort(np.arange(2000) + rng.integers(0, 9, 2000))]
    if order == "scattered":
        codes = rng.permutation(codes)
    U = rng.normal(size=(3, 2000))
    monkeypatch.setattr(memory, "CELLS_AT_ONCE", 3 * 64)
    assert len(elimination._batches_of_levels(codes)) == (1 if order == "scattered" else 32)
    expected = [U[:, codes == level] @ U[:, codes == level].T for level in range(codes.max() + 1)]
    np.testing.assert_allclose(
        cross_products(list(U), codes), np.moveaxis(expected, 0, 2), rtol=1e-12, atol=1e-12
    )


def levels_of_two(size: float, own: bool) -> tuple[np.ndarray, np.ndarray]:
    """U'U of 40 levels with two effects and a response, one row in some, and a Lambda for all or for each."""
    rng = np.random.default_rng(3)
    codes = np.repeat(np.arange(40), rng.integers(1, 7, 40))
    n = len(codes)
    M = cross_products(np.vstack([np.ones(n), rng.normal(size=(2, n))]), codes)
    Lambda = size * np.array([[1.0, 0], [-0.4, 0.6]])
    return M, Lambda[:, :, None] * rng.uniform(0.5, 2, 40) if own else Lambda


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("size", [0.0, 1e-3, 0.7, 20.0, 1e3])
def test_two_effects_are_eliminated_as_dense_algebra_has_it(size, own):
    """In closed form, and by solving where the variances are large."""
    M, Lambda = levels_of_two(size, own)
    tape, logdet = elimination.eliminate_levels(M[:2], np.array([0, 1]), Lambda)
    assert (tape.known_H is None) is (size < 100)
    for level in range(40):
        own_Lambda = Lambda[:, :, level] if own else Lambda
        A = np.eye(2) + own_Lambda.T @ M[:2, :2, level] @ own_Lambda
        H = own_Lambda @ np.linalg.inv(A)
        P = H @ own_Lambda.T @ M[:2, :, level]
        scale = np.abs(P).max() + 1e-300
        assert logdet[level] == pytest.approx(np.linalg.slogdet(A)[1], rel=1e-10, abs=1e-12)
        np.testing.assert_allclose(tape.P[:, :, level], P, rtol=1e-8, atol=1e-9 * scale)
        np.testing.assert_allclose(tape.H[:, :, level], H, rtol=1e-8, atol=1e-9 * np.abs(H).max())
        left = M[:2, :, level] - M[:2, :2, level] @ P
        np.testing.assert_allclose(tape.M_plus[:, :, level], left, atol=1e-8)


@pytest.mark.parametrize("most_kept", [0, 1000])
def test_levels_in_chunks_are_those_at_once_kept_or_made_again(monkeypatch, most_kept):
    """Children of one parent lie in two chunks; two intercepts and slopes above each other."""
    data = table(8, 900).assign(room=np.arange(900) // 15, school=np.arange(900) // 75)
    formula = "y ~ x + (x|room) + (x|school)"
    problem = problem_of(formula, data)
    monkeypatch.setattr(chunks, "CHUNK", 7)
    monkeypatch.setattr(chunks, "MOST_KEPT", most_kept)
    other = problem_of(formula, data)
    assert isinstance(other.stages[0], chunks.ChunkedStage)
    assert not isinstance(problem.stages[0], chunks.ChunkedStage)
    at, in_chunks = (one.evaluate(1.3 * problem.start) for one in (problem, other))
    assert (in_chunks.tape[0].kept[0] is None) is (most_kept == 0)
    assert other.deviance(in_chunks, True) == pytest.approx(problem.deviance(at, True), abs=1e-9)
    for name, more in (("gradient", (True,)), ("effects", ()), ("leverages", ())):
        one, found = (getattr(p, name)(e, *more) for p, e in ((problem, at), (other, in_chunks)))
        for a, b in zip(one, found, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
