"""What lies on the edge: by hand from covariance matrices, in the order of all parameters."""

import numpy as np
import pytest
from made import FORMULAS, table

from course import mixedlm
from course.common.parameter import Parameter
from course.design.design import build_design
from course.formula.parse import parse_formula
from course.solver.edges import (
    on_the_edge,
    relative_covariances,
    standardised_covariances,
    without_units,
)
from course.solver.parameters import parameter_values, parameters_of

SD, COR = Parameter("sd", "g", ("x",)), Parameter("cor", "g", ("Intercept", "x"))


@pytest.mark.parametrize(
    ("parameter", "value", "edge"),
    [
        (SD, 0.0, True),
        (SD, 0.9e-4, True),
        (SD, 1.1e-4, False),  # lme4's isSingular has 1e-4, too
        (SD, 3.0, False),
        (COR, 1.0, True),
        (COR, -1.0, True),
        (COR, 1 - 1e-5, False),
        (COR, -0.97, False),
        (COR, 0.0, False),
        (COR, np.nan, False),  # of an effect that does not vary
    ],
)
def test_the_edge_is_at_zero_for_sds_and_at_one_for_correlations(parameter, value, edge):
    assert on_the_edge(parameter, value) is edge


def measured(S: list) -> dict[str, float]:
    design = build_design(parse_formula("y ~ x + (x|a)"), table(3))
    return {str(p): value for p, value in without_units(design, [np.array(S)])}


def test_standard_deviations_and_correlations_of_a_matrix():
    found = measured([[4.0, -3.0], [-3.0, 9.0]])
    assert found == {"sd(Intercept | a)": 2.0, "sd(x | a)": 3.0, "cor(Intercept, x | a)": -0.5}


@pytest.mark.parametrize("sd", [0.0, 1e-12, 0.9e-4])
def test_what_hardly_varies_has_no_correlation(sd):
    """The correlation of rounding errors may well be 1, and says nothing."""
    found = measured([[4.0, 2 * sd], [2 * sd, sd**2]])
    assert found["sd(Intercept | a)"] == 2.0 and found["sd(x | a)"] == 0.0
    assert np.isnan(found["cor(Intercept, x | a)"])


def test_what_varies_a_little_has_one():
    sd = 1.1e-4
    found = measured([[4.0, 2 * sd], [2 * sd, sd**2]])
    assert found["sd(x | a)"] == pytest.approx(sd)
    assert found["cor(Intercept, x | a)"] == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.parametrize("formula", FORMULAS)
def test_correlations_are_those_of_the_parameters_and_in_their_order(formula):
    """They have no unit, so that it does not matter by what the predictors were divided."""
    fit = mixedlm(formula, table(11, 120)).fit()
    values = dict(
        zip(
            parameters_of(fit.design),
            parameter_values(fit.design, fit.estimates).tolist(),
            strict=True,
        )
    )
    pairs = without_units(fit.design, relative_covariances(fit.design, fit.estimates))
    assert [p for p, _ in pairs] == [p for p in values if p.kind in ("sd", "cor")]
    for parameter, value in pairs:
        if parameter.kind == "cor" and np.isfinite(value):
            assert value == pytest.approx(values[parameter], abs=1e-6)
    standardised = without_units(
        fit.design, standardised_covariances(fit.model.problem, fit.estimates)
    )
    assert [p for p, _ in standardised] == [p for p, _ in pairs]
