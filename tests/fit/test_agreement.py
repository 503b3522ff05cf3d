"""mixedlm and genuine statsmodels over random designs: one optimum, and words where they differ."""

import numpy as np
import pytest
from budget import examples, thinned
from hypothesis import given
from hypothesis import strategies as st
from made import data_for, table
from running import alone, run

from course import mixedlm, translate

# what MixedLM has a place for: one correlated term at the top, single effects below it
EXACT = [
    "y ~ x + (1|a)",
    "y ~ x + z + (z|c)",
    "y ~ x + f + (1|a) + (1|b) + (1|c)",
    "y ~ x + z + (x + z||c)",
    "y ~ z + (0 + z|a) + (1|b)",
    "y ~ z + (z|c) + (1|a)",
    "y ~ z + (z|c) + (0 + z|b)",
    "y ~ 0 + f + x + (1|b/a)",
    "y ~ center(x) + (1|u) + (1|block)",
    "y ~ z + (1|u) + (1|w)",
]


@pytest.mark.slow
@pytest.mark.parametrize("formula", EXACT)
@examples(1)
@given(seed=st.integers(0, 10_000), reml=st.booleans(), zero=st.booleans())
def test_both_solvers_agree(formula, seed, reml, zero):
    fit = mixedlm(formula, data_for(seed, zero)).fit(reml)
    assert fit.model.translation.exact
    assert fit.statsmodels.llf == pytest.approx(fit.llf, abs=1e-4)
    check = fit.check()
    assert check.agree, str(check)


@pytest.mark.slow
@pytest.mark.parametrize("formula", thinned(EXACT, 5))
@examples(1)
@given(seed=st.integers(0, 10_000), reml=st.booleans(), zero=st.booleans())
def test_that_both_solvers_agree_is_said(formula, seed, reml, zero):
    """With what statsmodels finds when left alone, for which it has to search."""
    check = mixedlm(formula, data_for(seed, zero)).fit(reml).check()
    assert str(check).startswith("Both solvers agree")
    assert "Both solvers agree" in check._repr_html_()


@pytest.mark.slow
@pytest.mark.parametrize("formula", thinned(EXACT, 3))
@examples(1)
@given(seed=st.integers(0, 10_000), zero=st.booleans())
def test_the_printed_code_reaches_the_optimum(formula, seed, zero):
    """REML: the method that the code leaves at statsmodels' default."""
    data = data_for(seed, zero)
    fit = mixedlm(formula, data).fit()
    result = run(translate(formula, data).code, data)
    assert result.llf == pytest.approx(fit.llf, abs=1e-3)
    np.testing.assert_allclose(result.fe_params, fit.fe_params, atol=0.02 * fit.bse_fe.max())


@pytest.mark.slow
@pytest.mark.parametrize(
    "formula, seed", [("y ~ z + (z|c) + (1|a)", 1), ("y ~ x + z + (x + z||c)", 0)]
)
def test_statsmodels_alone_stops_short_and_that_is_shown(formula, seed):
    """In the first of these it even reports that it has converged."""
    data = data_for(seed, zero=True)
    fit = mixedlm(formula, data).fit()
    result = alone(fit, data)
    assert result.llf < fit.llf - 0.05
    check = fit.check()
    assert check.agree  # started at the optimum it stays there
    assert str(check).startswith("Both solvers agree")
    for text in (str(check), check._repr_html_()):
        assert f"stops {fit.llf - result.llf:.3g} log-likelihood units short" in text


def test_nothing_is_said_of_statsmodels_where_it_is_right():
    check = mixedlm("y ~ x + (1|a)", table(3)).fit().check()
    assert check.alone == ""
    assert str(check).startswith("Both solvers agree: the optimum is real.\n")
    correlated = mixedlm(
        "y ~ x + (x|a) + (1|c)", table(3)
    ).fit()  # a model MixedLM has no place for
    assert correlated.check().alone == ""
