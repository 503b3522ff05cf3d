"""Formulas as R users paste them: what each spelling of R's becomes, and what is not read."""

import numpy as np
import pandas as pd
import pytest
from budget import thinned
from running import at_the_optimum, run

from course import CourseError, mixedglm, mixedlm, slopes, translate
from course.formula.parse import parse_formula
from course.formula.r_spelling import R_CALLS
from course.inference import simulate_responses

FIXED = {
    "factor(x)": "C(x)",
    "as.factor(x)": "C(x)",
    "factor(x, levels = c('b', 'a'))": "C(x, levels=['b', 'a'])",
    "ordered(x)": "C(x, Poly)",
    "factor(x, ordered=TRUE)": "C(x, Poly)",
    "factor(x, levels=c('b', 'a'), ordered = T)": "C(x, Poly, levels=['b', 'a'])",
    "factor(x, ordered=FALSE)": "C(x)",
    "log(x)": "np.log(x)",
    "log2(x)": "np.log2(x)",
    "log10(x)": "np.log10(x)",
    "log1p(x)": "np.log1p(x)",
    "exp(x)": "np.exp(x)",
    "sqrt(x)": "np.sqrt(x)",
    "abs(x)": "np.abs(x)",
    "sin(2*pi*x)": "np.sin(2*np.pi*x)",
    "cos(2 * pi * x)": "np.cos(2 * np.pi * x)",
    "I(x^2)": "I(x**2)",
    "I(x %% 2)": "I(x % 2)",
    "(x + z)^2": "(x + z)**2",
    "poly(x, 2)": "poly(x, 2)",
    "poly(x, 2, raw = TRUE)": "poly(x, 2, raw=True)",
    "poly(x, 2, raw=T)": "poly(x, 2, raw=True)",
    "ns(x, df=3)": "ns(x, df=3)",
    "splines::ns(x, 3)": "ns(x, 3)",
    "ns(x, knots = c(1, 2))": "ns(x, knots=[1, 2])",
    "ns(x, knots=1.5)": "ns(x, knots=[1.5])",
    "bs(x, knots = 1)": "bs(x, knots=[1])",
    "bs(x, df=5, intercept=TRUE)": "bs(x, df=5, include_intercept=True)",
    "scale(x)": "scale(x, ddof=1)",
    "scale(x, scale=FALSE)": "scale(x, rescale=False, ddof=1)",
    "scale(x, ddof=0)": "scale(x, ddof=0)",
    "scale(x, TRUE, FALSE)": "scale(x, center=True, rescale=False, ddof=1)",
    "scale(x, T)": "scale(x, center=True, ddof=1)",
    "x %in% z": "x:z",
    "x & z": "x:z",
    "ifelse(x > 4, 1, 0)": "np.where(x > 4, 1, 0)",
    "cut(x, 3)": "cut(x, 3)",
    "cut(x, c(0, 1, 2), include.lowest=TRUE)": "cut(x, [0, 1, 2], include_lowest=True)",
    'relevel(x, "b")': 'C(x, Treatment("b"))',
    "relevel(x, ref='b')": "C(x, Treatment('b'))",
    'dummy(x, "b")': 'np.where(x == "b", 1, 0)',
    "C(x, contr.sum)": "C(x, Sum)",
    "C(x, contr.helmert)": "C(x, Helmert)",
    "group.size": 'Q("group.size")',
    "log(group.size + `net income`)": 'np.log(Q("group.size") + Q("net income"))',
    "pmax(x, z)": "np.maximum(x, z)",
    "ceiling(x)": "np.ceil(x)",
    "log(x, 10)": "I(np.log(x) / np.log(10))",
    "log(x, base = 2)": "I(np.log(x) / np.log(2))",
    "as.numeric(x)": "as_numeric(x)",
    "factor(as.character(x))": "C(C(x))",
    "bs(x)": "bs(x, df=3)",
    "ns(x)": "ns(x, df=1)",
    "cut(x, 2, labels=FALSE)": "cut(x, 2, labels=False)",
    "cut(x, c(-Inf, 1, Inf))": "cut(x, [-np.inf, 1, np.inf])",
    "cut(x, 2, labels=c('low', 'high'))": "cut(x, 2, labels=['low', 'high'])",
    "ifelse(x > 0 & z < 1 | x == 3, 1, 0)": "np.where((x > 0) & (z < 1) | (x == 3), 1, 0)",
    'C(x, "contr.sum")': "C(x, Sum)",
    "C(Treatment, contr.treatment)": 'C(Q("Treatment"))',
    "factor(Treatment)": 'C(Q("Treatment"))',
    "log(yield)": 'np.log(Q("yield"))',
    "C(f, Treatment('a'))": "C(f, Treatment('a'))",
    "round(x, 1)": "np.round(x, 1)",
    "log(ifelse(x > 0, x, sqrt(z)))": "np.log(np.where(x > 0, x, np.sqrt(z)))",
}
RANDOM = {
    "(1|factor(g))": "(1 | g)",
    "(1|a:b)": "(1 | a:b)",
    "(1|a & b)": "(1 | a:b)",
    "(1|a %in% b)": "(1 | a:b)",
    "(1|a*b)": "(1 | a) + (1 | b) + (1 | a:b)",
    "(1|a*b*c)": "(1 | a) + (1 | b) + (1 | a:b) + (1 | c) + (1 | a:c) + (1 | b:c) + (1 | a:b:c)",
    "(x|a + b)": "(x | a) + (x | b)",
    "(1|a/factor(b))": "(1 | a) + (1 | a:b)",
    "(1|group.id)": "(1 | `group.id`)",
    "zerocorr(1 + x|g)": "(1 + x || g)",
    "diag(x|g)": "(x || g)",
    "us(x|g)": "(x | g)",
    "(log(x)|g)": "(np.log(x) | g)",
    "(poly(x, 2)||g)": "(poly(x, 2) || g)",
}


@pytest.mark.parametrize("written", FIXED)
def test_a_fixed_part(written):
    formula = parse_formula(f"y ~ {written} + (1|g)")
    assert formula.fixed == FIXED[written]
    assert parse_formula(str(formula)) == formula  # what is shown can be pasted again


@pytest.mark.parametrize("written", RANDOM)
def test_random_terms(written):
    formula = parse_formula(f"y ~ x + {written}")
    assert " + ".join(map(str, formula.random)) == RANDOM[written]
    assert parse_formula(str(formula)) == formula


def test_one_intercept_by_groups_needs_no_parentheses():
    assert parse_formula("y ~ 1|g") == parse_formula("y ~ 1 + (1|g)")
    assert parse_formula("y ~ 1||g/h").random == parse_formula("y ~ 1 + (1||g/h)").random


def test_every_line_of_the_table_is_read():
    for pattern in R_CALLS:
        name = pattern.partition("(")[0]
        assert any(f"{name}(" in written for written in FIXED) or name in (
            "expm1", "floor", "pmin", "sign", "tan", "tanh",
        )  # fmt: skip


def test_it_says_how_it_was_read():
    formula = parse_formula("log(y) ~ factor(x) + I(z^2) + (1|g)")
    assert formula.readings == (("log", "np.log"), ("factor", "C"), ("^", "**"))
    assert parse_formula("np.log(y) ~ C(x) + I(z**2) + (1|g)").readings == ()
    text = translate("log(y) ~ I(x^2) + (1|g)", DATA).explain()
    assert "log is np.log" in text and "^ is **" in text
    assert mixedlm("log(y) ~ I(x^2) + (1|g)", DATA).formula == "np.log(y) ~ I(x**2) + (1 | g)"


REFUSED = {
    "y ~ relevel(x) + (1|g)": "takes x and ref",
    "y ~ log(x, 2, 3) + (1|g)": "log(...) in a formula takes x and base",
    "y ~ scale(x, center=FALSE) + (1|g)": "root of the mean square",
    "y ~ factor(x, labels = 'a') + (1|g)": "data['x'].map({'old': 'new', ...})",
    "y ~ factor(x, exclude = 'a') + (1|g)": "and no exclude",
    "y ~ scale(x, FALSE) + (1|g)": "root of the mean square",
    "y ~ ns(x, df=3, Boundary.knots=c(0, 9)) + (1|g)": "its outer knots are the lowest and the highest",
    "y ~ bs(x, df=4, Boundary.knots=c(0, 9)) + (1|g)": "write lower_bound=6, upper_bound=12",
    "y ~ as.numeric(factor(x)) + (1|g)": "write as.numeric(x) where x is text",
    "y ~ as.numeric(as.character(x)) + (1|g)": "data['x'] = pd.to_numeric(data['x'])",
    "y ~ x + (1|y)": "explain itself",
    "y ~ x + (1|g/y)": "explain itself",
    "y ~ C(x, contr.treatment(3, base=2)) + (1|g)": "Treatment('label')",
    "y ~ as.integer(x) + (1|g)": "pd.to_numeric",
    "y ~ s(x) + (1|g)": "ns(x, df=3)",
    "y ~ I(x - mean(x)) + (1|g)": "center(x) counts from the mean",
    "y ~ I(x - ave(x, g)) + (1|g)": "transform('mean')",
    "y ~ interaction(x, z) + (1|g)": "write a:b",
    "y ~ cbind(x, z) + (1|g)": "before the ~",
    "cbind(y) ~ 1 + (1|g)": "cbind(passed, failed)",
    "cbind(y, x, z) ~ 1 + (1|g)": "cbind(passed, failed)",
    "cbind(y, open(x)) ~ 1 + (1|g)": "open",
    "y ~ ar1(0 + x|g)": "independent of each other",
    "y ~ us(x)": "(x||group)",
    "y ~ I(cut(x, 3)) + (1|g)": "makes labels",
    "y ~ cut(x) + (1|g)": "cut(x, 3)",
    "y ~ cut(x, 10^9) + (1|g)": "cut(x, 3)",
    "y ~ poly(x, 99) + (1|g)": "from 0 to 20",
    "y ~ poly(x, degree=z) + (1|g)": "from 0 to 20",
    "y ~ ns(x, df=99) + (1|g)": "from 1 to 50",
    "y ~ cr(x) + (1|g)": "cr(x, df=4,",
    "y ~ ns(x, intercept=TRUE) + (1|g)": "ns(x, df=4)",
    "y ~ x - offset(z) + (1|g)": "an offset cannot be subtracted",
    "y ~ x:offset(z) + (1|g)": "an offset cannot be joined by :",
    "y ~ x + (offset(z)|g)": "an offset inside a random term",
    "y ~ offset(y) + (1|g)": "explain itself",
    "y ~ . + (1|g)": "name the columns",
    "y ~ ifelse(x > 1, 1) + (1|g)": "takes test, yes and no",
    "y ~ log(x.__class__) + (1|g)": "no place in a formula",
    "y ~ np.log + (1|g)": "not a column",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_read(text):
    with pytest.raises(CourseError) as caught:
        parse_formula(text)
    assert REFUSED[text] in str(caught.value)


# -- on data ------------------------------------------------------------------------------------

rng = np.random.default_rng(7)
GROUP = np.repeat(np.arange(15), 10)
DATA = pd.DataFrame(
    {
        "x": rng.normal(1, 1, 150),
        "z": rng.uniform(1, 3, 150),
        "f": rng.choice(list("abc"), 150),
        "g": [f"g{code:02}" for code in GROUP],
    }
)
DATA["y"] = 20 + DATA["x"] + rng.normal(0, 1, 15)[GROUP] + rng.normal(0, 1, 150)


def X_of(fixed: str, data: pd.DataFrame = DATA) -> np.ndarray:
    return mixedlm(f"y ~ {fixed} + (1|g)", data).design.X


def test_a_dot_is_all_other_columns():
    fit = mixedlm("y ~ . - g + (1|g)", DATA)
    assert fit.design.fixed_names == ("Intercept", "f[T.b]", "f[T.c]", "x", "z")
    with_dots = DATA.rename(columns={"x": "my.x", "z": "my z"})
    names = mixedlm("log(y) ~ . - g - f + (1|g)", with_dots).design.fixed_names
    assert names == ("Intercept", 'Q("my.x")', 'Q("my z")')


def test_a_dot_is_no_weights():
    data = DATA.assign(w=1.0 + np.arange(len(DATA)) % 3)
    names = ("Intercept", "f[T.b]", "f[T.c]", "x", "z")
    assert mixedlm("y ~ . - g + (1|g)", data, weights="w").design.fixed_names == names
    assert translate("y ~ . - g + (1|g)", data, weights="w").design.fixed_names == names
    assert mixedlm("y ~ . - g + (1|g)", data).design.fixed_names == (*names, "w")
    counts = data.assign(y=data["w"])
    model = mixedglm("y ~ . - g + (1|g)", counts, family="poisson", weights="w")
    assert model.design.fixed_names == names
    sampled = data.assign(r1=data["w"], r2=data["w"])
    for replicates in ("r*", ["r1", "r2"]):
        model = mixedlm(
            "y ~ . - g + (1|g)", sampled, weights={"rows": "w"}, replicate_weights=replicates
        )
        assert model.design.fixed_names == names


def test_pi_is_a_column_where_there_is_one():
    np.testing.assert_allclose(X_of("sin(pi*x)")[:, 1], np.sin(np.pi * DATA["x"]))
    data = DATA.assign(pi=DATA["z"])
    np.testing.assert_allclose(X_of("sin(pi*x)", data)[:, 1], np.sin(data["z"] * DATA["x"]))


def test_orthogonal_polynomials_are_orthonormal_and_of_their_degree():
    P, x = X_of("poly(x, 3)")[:, 1:], DATA["x"].to_numpy()
    np.testing.assert_allclose(P.T @ P, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(P.sum(axis=0), 0, atol=1e-12)
    for degree in (1, 2, 3):
        left = np.polyfit(x, P[:, degree - 1], degree, full=True)[1]
        assert np.all(left < 1e-20)
        assert np.polyfit(x, P[:, degree - 1], degree)[0] > 0  # R's sign
    raw = X_of("poly(x, 3, raw=TRUE)")[:, 1:]
    np.testing.assert_allclose(raw, np.column_stack([x, x**2, x**3]))


def test_natural_splines_are_straight_beyond_the_ends_and_smooth_within():
    fit = mixedlm("y ~ ns(x, df=4) + (1|g)", DATA).fit()
    low, high = DATA["x"].min(), DATA["x"].max()
    for start in (low - 5, high):
        rows = pd.DataFrame({"x": start + np.linspace(0, 5, 6), "g": "g00"})
        np.testing.assert_allclose(np.diff(fit.predict(rows), 2), 0, atol=1e-9)
    knots = np.quantile(DATA["x"], [0.25, 0.5, 0.75])
    same = mixedlm(
        f"y ~ ns(x, knots=c({', '.join(map(repr, knots.tolist()))})) + (1|g)", DATA
    ).fit()
    assert same.llf == pytest.approx(fit.llf, abs=1e-8)


def test_intervals_have_one_length_or_the_limits_given():
    names = mixedlm("y ~ 0 + cut(x, 3) + (1|g)", DATA).design.fixed_names
    counts = X_of("0 + cut(x, 3)").sum(axis=0)
    np.testing.assert_array_equal(counts, pd.cut(DATA["x"], 3).value_counts(sort=False))
    assert len(names) == 3 and names[0].startswith("cut(x, 3)[(")
    limits = mixedlm("y ~ 0 + cut(z, c(0, 2, 9)) + (1|g)", DATA).design.fixed_names
    assert limits == ("cut(z, [0, 2, 9])[(0,2]]", "cut(z, [0, 2, 9])[(2,9]]")
    with pytest.raises(CourseError, match="outside the breaks|outside the bounds"):
        mixedlm("y ~ cut(z, c(0, 2)) + (1|g)", DATA)


@pytest.mark.parametrize(
    "fixed", ["poly(x, 3)", "ns(x, 3)", "cut(x, 4)", "scale(x)", "bs(x, df=5)"]
)
def test_new_rows_get_the_columns_of_the_fit(fixed):
    """A prediction of some rows alone is that of the same rows among all."""
    fit = mixedlm(
        f"y ~ {fixed} + ({fixed}||g)" if fixed == "scale(x)" else f"y ~ {fixed} + (1|g)", DATA
    ).fit()
    some = DATA[DATA["x"].between(0, 2)]
    np.testing.assert_allclose(fit.predict(some), fit.fittedvalues[some.index], rtol=1e-10)


def test_scale_divides_by_the_sd_of_a_sample_as_r_does():
    x = DATA["x"]
    np.testing.assert_allclose(X_of("scale(x)")[:, 1], (x - x.mean()) / x.std(ddof=1))
    np.testing.assert_allclose(X_of("scale(x, ddof=0)")[:, 1], (x - x.mean()) / x.std(ddof=0))


def test_a_polynomial_of_too_few_values_is_refused_in_words():
    with pytest.raises(CourseError, match="number of different values"):
        mixedlm("y ~ poly(x, 3) + (1|g)", DATA.assign(x=DATA["x"].round().clip(0, 2)))


def test_an_offset_has_the_coefficient_one():
    """y ~ x + offset(o) is y - o ~ x, with o added to what is predicted."""
    fit = mixedlm("y ~ x + offset(0.5*z) + (x|g)", DATA).fit()
    by_hand = mixedlm("d ~ x + (x|g)", DATA.assign(d=DATA["y"] - 0.5 * DATA["z"])).fit()
    assert fit.llf == pytest.approx(by_hand.llf, abs=1e-9)
    np.testing.assert_allclose(fit.fe_params, by_hand.fe_params, rtol=1e-8)
    np.testing.assert_allclose(fit.resid, by_hand.resid, atol=1e-8)
    np.testing.assert_allclose(fit.fittedvalues, by_hand.fittedvalues + 0.5 * DATA["z"])
    new = DATA.head(7).assign(z=100.0)
    np.testing.assert_allclose(fit.predict(new), by_hand.predict(new) + 50, rtol=1e-9)
    assert fit.formula == "y ~ x + offset(0.5*z) + (x | g)"
    assert fit.statsmodels.llf == pytest.approx(fit.llf, abs=1e-6)


def test_refits_and_simulations_keep_the_offset():
    fit = mixedlm("y ~ x + offset(100*z) + (1|g)", DATA.assign(y=DATA["y"] + 100 * DATA["z"])).fit()
    again = fit.refit(fit.design.y)
    assert again.llf == pytest.approx(fit.llf, abs=1e-9)
    drawn = simulate_responses(fit, 50, seed=1).mean(axis=0)
    assert np.corrcoef(drawn, 100 * DATA["z"])[0, 1] > 0.99


def test_a_missing_offset_leaves_its_row_out():
    data = DATA.assign(z=DATA["z"].where(DATA.index > 4))
    fit = mixedlm("y ~ x + offset(z) + (1|g)", data).fit()
    assert fit.nobs == 145 and "z (5)" in " ".join(fit.notes)


def test_two_offsets_add():
    one = mixedlm("y ~ offset(z) + x + offset(2*z) + (1|g)", DATA)
    other = mixedlm("y ~ x + offset(3*z) + (1|g)", DATA)
    np.testing.assert_allclose(one.design.offset, other.design.offset)
    assert parse_formula(one.formula) == one.design.formula


PROGRAMS = [
    "log(y) ~ poly(x, 2) + (1|g)",
    "y ~ ns(x, 3)*f + (x|g)",
    "y ~ cut(x, 3) + (1|g)",
    "y ~ x + offset(0.5*z) + (1|g)",
    "y ~ x + offset(as.numeric(f)) + (1|g)",
    "y ~ scale(x) + (scale(x)|g)",
    "1000/y ~ ifelse(x > 1, 1, 0) + relevel(f, 'b') + (1|g)",
    "y ~ x + (0 + dummy(f, 'b')|g)",
]


@pytest.mark.parametrize("formula", PROGRAMS)
def test_the_program_of_such_a_formula_has_the_optimum_of_the_fit(formula):
    """With NumPy, pandas and statsmodels, and without this package."""
    fit = mixedlm(formula, DATA).fit()
    assert "course" not in fit.model.translation.code
    llf, slopes = at_the_optimum(fit, DATA)
    assert llf == pytest.approx(fit.llf, abs=1e-6)
    np.testing.assert_allclose(slopes, 0, atol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("formula", thinned(PROGRAMS, 5))
def test_the_program_of_such_a_formula_ends_at_the_optimum(formula):
    fit = mixedlm(formula, DATA).fit()
    assert run(fit.model.translation.code, DATA).llf == pytest.approx(fit.llf, abs=1e-4)


def test_a_slash_between_numbers_is_told_of():
    notes = " ".join(translate("y ~ x/z + (1|g)", DATA).notes)
    assert "for the ratio write I(x/z)" in notes
    for quiet in ("f/x", "I(x/z)", "x", "C(f)/z"):
        assert "ratio" not in " ".join(translate(f"y ~ {quiet} + (1|g)", DATA).notes)


def test_a_power_outside_i_is_told_of():
    assert "write I(x**2)" in " ".join(translate("y ~ x^2 + (1|g)", DATA).notes)


def test_a_factor_before_two_bars_is_asked_about_with_both_answers_to_copy():
    """lme4 1.1 keeps the effects of a factor correlated; glmmTMB 1.1 does not."""
    with pytest.raises(CourseError) as caught:
        mixedlm("y ~ f + (x + f||g)", DATA)
    asked = str(caught.value)
    lme4s = "(1 | g) + (0 + x | g) + (0 + f | g)"
    glmmtmbs = '(1 | g) + (0 + dummy(f, "b") | g) + (0 + dummy(f, "c") | g) + (0 + x | g)'
    assert f"as lme4 reads it: {lme4s};" in asked and asked.endswith(f"glmmTMB does: {glmmtmbs}")
    assert mixedlm(f"y ~ f + {lme4s}", DATA).fit().n_params == 3 + 1 + 1 + 6 + 1
    assert mixedlm(f"y ~ f + {glmmtmbs}", DATA).fit().n_params == 3 + 4 + 1


def test_products_and_truth_values_before_two_bars_come_as_terms_to_copy():
    data = DATA.assign(late=np.resize([True, False, False, True, True], 150))
    with pytest.raises(CourseError) as caught:
        mixedlm("y ~ f + (f*late||g)", data)
    copied = str(caught.value).partition("glmmTMB does: ")[2]
    assert copied.endswith('+ (0 + dummy(f, "c"):dummy(late, "True") | g)')
    (*_, late, _, last) = mixedlm(f"y ~ f + {copied}", data).design.groupings[0].Z.T
    np.testing.assert_array_equal(last, (data["f"] == "c") & data["late"])
    for written in ('dummy(late, "TRUE")', 'dummy(late, "True")', "dummy(late, TRUE)"):
        np.testing.assert_array_equal(X_of(written, data)[:, 1], data["late"])


def test_labels_that_are_numbers_may_be_named_as_texts():
    """R compares labels as texts."""
    data = DATA.assign(grade=np.resize([8, 9, 10], 150))
    names = mixedlm("y ~ relevel(factor(grade), '9') + (1|g)", data).design.fixed_names
    assert names == (
        "Intercept",
        "C(C(grade), Treatment(9))[T.8]",
        "C(C(grade), Treatment(9))[T.10]",
    )
    np.testing.assert_array_equal(X_of('dummy(grade, "9")', data)[:, 1], data["grade"] == 9)
    np.testing.assert_array_equal(X_of('dummy(f, "b")', data)[:, 1], data["f"] == "b")
    X = X_of("factor(grade, levels=c('10', '8', '9'))", data)
    np.testing.assert_array_equal(X[:, 1:].T, [data["grade"] == 8, data["grade"] == 9])
    for ordered in (
        "ordered(grade, levels=c('9', '8', '10'))",
        "C(grade, Poly, levels=[9, 8, 10])",
    ):
        scores = data["grade"].map({9: -1, 8: 0, 10: 1}) / 2**0.5
        np.testing.assert_allclose(X_of(ordered, data)[:, 1], scores, atol=1e-12)


def test_labels_as_numbers_are_their_places_and_new_rows_keep_them():
    fit = mixedlm("y ~ as.numeric(f) + (1|g)", DATA).fit()
    places = DATA["f"].map({"a": 1, "b": 2, "c": 3})
    np.testing.assert_array_equal(fit.design.X[:, 1], places)
    only_c = DATA[DATA["f"] == "c"]
    np.testing.assert_allclose(fit.predict(only_c), fit.fittedvalues[only_c.index])
    np.testing.assert_array_equal(X_of("as.numeric(x)")[:, 1], DATA["x"])


def test_it_is_said_where_r_would_take_means_from_other_rows():
    data = DATA.assign(z=DATA["z"].where(DATA.index > 4))
    notes = " ".join(translate("y ~ z + scale(x) + ns(x, 3) + (1|g)", data).notes)
    assert "The means, knots and limits of ns and scale are those of the 145 complete rows" in notes
    assert "complete rows" not in " ".join(translate("y ~ scale(x) + (1|g)", DATA).notes)
    assert "complete rows" not in " ".join(translate("y ~ z + (1|g)", data).notes)


REMAINDERS = {  # R's precedence: ^, the sign, %% and %/%, then * and /
    "I(2 * x %% 3)": lambda x, z: 2 * np.mod(x, 3),
    "I(x * z %/% 2)": lambda x, z: x * np.floor_divide(z, 2),
    "I(x / z %% 2 + 1)": lambda x, z: x / np.mod(z, 2) + 1,
    "I(x * -z %% 2 * 3)": lambda x, z: x * np.mod(-z, 2) * 3,
    "I(z * (x + 1)^2 %% 5 %/% 2)": lambda x, z: z * np.floor_divide(np.mod((x + 1) ** 2, 5), 2),
    "I(x %% 2 * z)": lambda x, z: np.mod(x, 2) * z,
    "I(x * z % 2)": lambda x, z: np.mod(x * z, 2),  # Python's own spelling means what Python does
}


@pytest.mark.parametrize("written", REMAINDERS)
def test_remainders_are_taken_before_products(written):
    expected = REMAINDERS[written](DATA["x"], DATA["z"])
    np.testing.assert_allclose(X_of(written)[:, 1], expected, rtol=1e-12)
    formula = parse_formula(f"y ~ {written} + (1|g)")
    assert parse_formula(str(formula)) == formula


def test_an_offset_that_is_true_or_false_is_1_or_0():
    data = DATA.assign(late=DATA["z"] > 2, grade=np.resize([8, 9, 10], 150))
    for written, where in {
        "late": data["late"],
        "f == 'b'": data["f"] == "b",
        "grade == '9'": data["grade"] == 9,
        "2 * (grade != '9')": 2 * (data["grade"] != 9),
    }.items():
        fit = mixedlm(f"y ~ x + offset({written}) + (1|g)", data).fit()
        np.testing.assert_array_equal(fit.design.offset, where)
        np.testing.assert_allclose(fit.predict(data.head(3)), fit.fittedvalues.head(3))


@pytest.mark.parametrize(
    ("offset", "message"), [("f", "'f' holds labels"), ("poly(x, 2)", "has 2 columns")]
)
def test_an_offset_is_one_number(offset, message):
    with pytest.raises(CourseError, match=message):
        mixedlm(f"y ~ x + offset({offset}) + (1|g)", DATA)


def test_a_number_is_unlike_a_label_named_as_text():
    data = DATA.assign(grade=np.resize([8, 9, 10], 150))
    np.testing.assert_array_equal(
        X_of("ifelse(grade != '9', x, 0)", data)[:, 1], data["x"].where(data["grade"] != 9, 0)
    )
    assert mixedlm("y ~ x + I(grade == '09') + (1|g)", data).design.fixed_names == (
        "Intercept",
        "x",
    )


def test_relevel_by_place_asks_for_the_level():
    """R counts places from 1, patsy from 0, and a level may be called 2."""
    with pytest.raises(CourseError, match="level itself in quotes"):
        parse_formula("y ~ relevel(f, ref=2) + (1|g)")


def test_new_rows_of_a_fixed_part_in_which_nothing_but_the_intercept_is_left():
    fit = mixedlm("y ~ x + (x|g) - x", DATA).fit()
    np.testing.assert_allclose(fit.predict(DATA.head(5)), fit.fittedvalues.head(5))


def test_numbers_written_as_texts_have_no_places():
    """R reads "10" as 10; its place among texts, before "8", is another number."""
    data = DATA.assign(grade=np.resize(["8", "9", "10"], 150))
    with pytest.raises(CourseError, match="pd.to_numeric") as caught:
        mixedlm("y ~ as.numeric(grade) + (1|g)", data)
    assert "grade holds numbers written as texts" in str(caught.value)
    factor = data.assign(grade=pd.Categorical(data["grade"], ["8", "9", "10"]))
    np.testing.assert_array_equal(
        X_of("as.numeric(grade)", factor)[:, 1], np.resize([1, 2, 3], 150)
    )
    np.testing.assert_array_equal(X_of("as.numeric(x > 1)", data)[:, 1], data["x"] > 1)


def test_a_reference_that_is_no_label_is_refused():
    """patsy would take the number for a place among the labels, counted from 0."""
    data = DATA.assign(grade=np.resize([8, 9, 10], 150))
    with pytest.raises(CourseError, match=r"Treatment\(1\): 1 is no label of grade"):
        mixedlm("y ~ C(grade, Treatment(1)) + (1|g)", data)
    assert (
        mixedlm("y ~ C(grade, Treatment(9)) + (1|g)", data).design.fixed_names[1].endswith("[T.8]")
    )


def test_a_predictor_of_the_offset_alone_has_no_slope():
    fit = mixedlm("y ~ x + offset(log(z)) + (1|g)", DATA).fit()
    with pytest.raises(CourseError, match="its coefficient is 1"):
        slopes(fit, "z")
