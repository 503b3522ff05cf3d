"""A parameter prints as its name, and a name from a stored table is read back as the same parameter."""

import numpy as np
import pytest

from course import load, mixedlm
from course.common.parameter import Parameter, read_parameter
from course.common.variance_table import components_table
from course.solver.parameters import parameters_of


@pytest.mark.parametrize(
    "formula",
    [
        "test_score ~ age * sex + (age|school)",
        "test_score ~ C(sex, Treatment('male')) + (1 + age || classroom) + (1|school:province)",
        "test_score ~ age + (C(sex, Sum)|school)",
    ],
)
def test_a_name_is_read_back_as_the_parameter_that_it_was_made_from(formula):
    for parameter in parameters_of(mixedlm(formula, load("pupils")).design):
        assert read_parameter(str(parameter)) == parameter


def test_the_commas_inside_brackets_do_not_part_two_effects():
    parameter = Parameter("cor", "a:b", ("C(x, Sum)[S.p, q]", "y"))
    assert read_parameter(str(parameter)) == parameter


def test_four_effects_are_in_the_order_of_lme4():
    """R: with four effects lower.tri goes down the columns, so 1-2, 1-3, 1-4, 2-3, 2-4, 3-4."""
    table = components_table([("g", list("abcd"), [range(4)], np.eye(4) + 1)], 1.0)
    pairs = table["effect"] + table["effect2"].fillna("")
    assert list(pairs[:-1]) == ["a", "b", "c", "d", "ab", "ac", "ad", "bc", "bd", "cd"]
    assert table["effect2"].iloc[0] is None
    assert set(table["sdcor"][4:10]) == {0.5}
