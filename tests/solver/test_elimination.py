"""Inverses of many small matrices, by sweeping and by LAPACK, against NumPy's."""

import numpy as np
import pytest

from course.solver.elimination import FEW, invert, invert_batch


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
