"""A small part of coverages.py: intervals hold the truth as often as theory lets one expect."""

import numpy as np
import pytest
from coverages import CASES, coverage, theory
from scipy import stats


@pytest.mark.long
@pytest.mark.parametrize("case, schools", [("6 schools", 6), ("40 schools", 40)])
@pytest.mark.parametrize(
    "method, n", [("satterthwaite", 200), ("kenward-roger", 100), ("profile", 60)]
)
def test_intervals_hold_the_truth_as_often_as_they_should(case, schools, method, n):
    """Four Monte-Carlo errors: one such test in 16,000 fails by chance, and the seed is fixed."""
    assert CASES[case][1]["schools"] == schools
    found = coverage(case, method, n, seed=11)
    for name, share in theory(method, schools).items():
        row = found.loc[name]
        error = np.sqrt(share * (1 - share) / row["n"])
        assert abs(row["coverage"] - share) < 4 * error, (name, share, row)
    assert abs(found.loc["age", "coverage"] - 0.95) < 4 * np.sqrt(0.95 * 0.05 / n)


def test_theory_by_simulation():
    """The closed forms, by drawing mean squares: 6 schools, 2 fixed effects."""
    rng = np.random.default_rng(1)
    square, z = rng.chisquare(4, 100_000), rng.normal(size=100_000)
    ratio = square / 6  # of the ML estimate to the truth
    deviance = 6 * (ratio - 1 - np.log(ratio))
    expected = theory("profile", 6)
    held = np.mean(deviance < stats.chi2.ppf(0.95, 1))
    assert expected["sd(Intercept | school)"] == pytest.approx(held, abs=0.005)
    likelihood = 6 * np.log1p(z**2 / square)
    held = np.mean(likelihood < stats.chi2.ppf(0.95, 1))
    assert expected["school_resources"] == pytest.approx(held, abs=0.005)
    expected = theory("bootstrap", 6)
    low, high = square / 4 * stats.chi2.ppf([[0.025], [0.975]], 4) / 4
    held = np.mean((low < 1) & (high > 1))
    assert expected["sd(Intercept | school)"] == pytest.approx(held, abs=0.005)
    held = np.mean(np.abs(z) < stats.norm.ppf(0.975) * np.sqrt(square / 4))
    assert expected["school_resources"] == pytest.approx(held, abs=0.005)
