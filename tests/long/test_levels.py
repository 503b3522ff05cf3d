"""A small part of levels.py: the tests of `compare` hold their level; and its table holds every case."""

import levels
import numpy as np
import pytest
from reference_models import ROOT
from scipy import stats

from course import mixedlm, simulate_schools
from course.inference.compare import simulate_chi2

# The long simulation is tests/long/levels.py, its result tests/long/levels.md. Here 800 responses: the
# Monte-Carlo error of a level of 5 % is 0.008, and 3 of it are allowed.


@pytest.mark.long
@pytest.mark.parametrize(
    "case", ["one variance", "a slope and its covariance with the intercept", "a fixed effect"]
)
def test_level_under_the_null(case):
    n = 800
    found = levels.level(case, n, seed=11)
    assert found["level"] == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / n))
    if "chi2(0)" in found["reference"]:
        # naive: 2.5 % are significant, as half of the time chi2 is 0
        assert found["naive"] < 0.025 + 3 * np.sqrt(0.025 * 0.975 / n)
        assert found["chi2 = 0"] == pytest.approx(0.5, abs=0.05 + 3 * np.sqrt(0.25 / n))


@pytest.mark.long
def test_the_statistic_of_one_variance_follows_its_mixture():
    """Positive values of chi2 follow chi2(1), by Kolmogorov and Smirnov at 0.1 %."""
    smaller, larger, method, sizes = levels.CASES["a slope without covariance"]
    data = simulate_schools(*sizes, intercept_sd={"school": 3}, residual_sd=6, seed=2).data
    data["age_c"] = data["age"] - 10
    small, large = (mixedlm(formula, data).fit() for formula in (smaller, larger))
    chi2 = simulate_chi2(small, large, 300, seed=5, progress=False)
    positive = chi2[chi2 > 1e-6]
    assert stats.kstest(positive, stats.chi2(1).cdf).pvalue > 0.001


def test_every_case_is_in_the_stored_table():
    text = (ROOT / "tests/long/levels.md").read_text()
    rows = [line.split("|")[1].strip(" *") for line in text.splitlines() if line.startswith("| ")][
        1:
    ]
    assert rows == list(levels.CASES)
