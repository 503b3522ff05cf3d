"""Fits that many pictures are drawn of, made once."""

import pytest
from drawn import SCHOOLS, TWELVE

from course import mixedlm, simulate_schools


@pytest.fixture(scope="session")
def fit():
    return mixedlm("test_score ~ 1 + (1|school)", TWELVE).fit()


@pytest.fixture(scope="session")
def sloped():
    return mixedlm("test_score ~ age10 + (age10|school)", SCHOOLS).fit()


@pytest.fixture(scope="session")
def nested():
    return mixedlm("test_score ~ age10 + sex + (1|classroom) + (1|school)", SCHOOLS).fit()


@pytest.fixture(scope="session")
def simulated():
    """Truth and estimates of three simulated data sets."""
    tables = []
    for seed in (1, 2, 3):
        made = simulate_schools(4, 4, 2, 10, seed=seed)
        fit = mixedlm("test_score ~ age + sex + (1|classroom) + (1|school)", made.data).fit()
        tables.append(made.truth.compare(fit))
    return tables
