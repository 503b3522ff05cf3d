"""A star left of the ~: a wildcard, or a product?"""

import pytest

from course import CourseError
from course.formula.parse import parse_formula
from course.formula.plausible import needs_columns, read_formula

COLUMNS = [*(f"PV{i}MATH" for i in (10, 2, 1)), *(f"PV{i}READ" for i in (1, 2)), "escs", "school"]


def found(text, columns=COLUMNS):
    return read_formula(text, columns)[1]


def test_the_order_is_that_of_the_numbers():
    plausible = found("PV*MATH ~ escs + (1|school)")
    assert plausible.columns == plausible.responses == ("PV1MATH", "PV2MATH", "PV10MATH")


@pytest.mark.parametrize(
    ("text", "responses"),
    [
        ("log(PV*READ) ~ escs", ("np.log(PV1READ)", "np.log(PV2READ)")),
        ("PV*READ/100 ~ escs", ("I(PV1READ/100)", "I(PV2READ/100)")),
        ("I(PV*READ - 2*escs) ~ 1", ("I(PV1READ - 2*escs)", "I(PV2READ - 2*escs)")),
        ("2 * PV*READ ~ 1", ("I(2 * PV1READ)", "I(2 * PV2READ)")),
        ("(PV*READ) ~ escs", ("(PV1READ)", "(PV2READ)")),
    ],
)
def test_an_operation_is_done_on_each(text, responses):
    plausible = found(text)
    assert plausible.responses == responses
    shown = str(plausible.in_formula(parse_formula(f"{responses[0]} ~ escs")))
    assert "PV*READ" in shown
    assert "PV1READ" not in shown


@pytest.mark.parametrize(
    ("pattern", "columns"),
    [
        ("ASMMAT*", ("ASMMAT01", "ASMMAT02")),
        ("*pv", ("1pv", "2pv")),
        ("pv.*.m", ("pv.1.m", "pv.2.m")),
        ("w1_pv*", ("w1_pv1", "w1_pv2")),
    ],
)
def test_the_star_may_stand_anywhere(pattern, columns):
    assert found(f"{pattern} ~ escs", [*columns, "escs"]).columns == columns


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("score*weight ~ age", ["score", "weight", "age"]),
        ("a*b ~ 1", ["a", "b", "a1b", "a2b"]),  # a pattern, too, but columns come first
        ("2*score ~ age", ["score", "age"]),
        ("score*2 ~ age", ["score", "age", "score12", "score22"]),
        ("score ** 2 ~ age", ["score", "age"]),
        ("I(score*2) ~ age", ["score", "age"]),
        ("score ~ a*b", ["score", "a", "b", "a1b", "a2b"]),
        ('Q("a*b") ~ x', ["a*b", "x", "a1b", "a2b"]),
        ("`a*b` ~ x", ["a*b", "x", "a1b", "a2b"]),
        ("2*a*b ~ 1", ["a1b", "a2b"]),  # which of the stars would it be?
        ("wieght*score ~ age", ["weight", "score", "age"]),  # a slip, which the data will tell of
    ],
)
def test_between_columns_and_numbers_it_multiplies(text, columns):
    formula, plausible = read_formula(text, columns)
    assert plausible is None
    assert formula == parse_formula(text, columns)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("PV*SCIE ~ escs", r"no column matches PV\*SCIE, in which \* .* are PV\*MATH \(3"),
        ("pv*math ~ escs", r"did you mean 'PV\*MATH'"),
        ("PV* ~ escs", r"no column matches PV\*, .*did you mean 'PV\*"),
        ("zzz* ~ escs", r"numbered columns of the data are PV\*MATH \(3 columns\) and PV\*READ"),
        ("PV*MATH + PV*READ ~ escs", r"PV\*MATH and PV\*READ left of ~: one pattern"),
        ("escs ~ PV*MATH + (1|school)", r"a predictor with 3 plausible values.*pool\(\["),
        ("PV*READ ~ PV*MATH + (1|school)", r"PV\*MATH right of ~ .*data=|data\.assign\(pv="),
        ("PV*MATH ~ PV2MATH + (1|school)", r"the response PV2MATH is also to the right"),
    ],
)
def test_what_cannot_be_meant_is_told_with_the_mend(text, said):
    with pytest.raises(CourseError, match=said):
        read_formula(text, COLUMNS)


def test_one_plausible_value_alone_is_not_fitted_as_if_it_were_many():
    with pytest.raises(
        CourseError, match=r"one column only, PV1MATH.*write PV1MATH for a fit to it"
    ):
        found("PV*MATH ~ escs", ["PV1MATH", "escs"])
    with pytest.raises(CourseError, match="the data have no numbered columns"):
        found("PV*MATH ~ escs", ["escs", "school"])


def test_a_dot_does_not_stand_for_the_other_plausible_values():
    formula, plausible = read_formula("PV*MATH ~ .", COLUMNS)
    assert set(formula.variables) == {"PV1MATH", "PV1READ", "PV2READ", "escs", "school"}
    assert plausible.columns[0] == "PV1MATH"


def test_a_number_that_is_left_out_is_told():
    assert found("PV*MATH ~ escs").in_words == (
        "3 plausible values (PV1MATH to PV10MATH, without the number 3, 4, 5, 6, 7 and 8)"
    )
    assert found("PV*READ ~ escs").in_words == "2 plausible values (PV1READ and PV2READ)"


def test_columns_whose_names_are_no_texts_are_passed_over():
    assert found("pv* ~ escs", [1, "pv1", ("pv", 2), "pv2", "escs"]).columns == ("pv1", "pv2")


def test_what_is_no_formula_is_left_to_the_grammar():
    for text in ("PV*MATH", "", "PV*MATH ' ~ x", "a*" * 10_000 + "b ~ x", 5, None):
        with pytest.raises(CourseError):
            found(text)


def test_who_needs_the_columns():
    assert needs_columns("ASMMAT* ~ escs + (1|school)")
    assert not needs_columns("score ~ age*sex + (1|school)")
