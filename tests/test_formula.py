"""What a formula means, and what it must not."""

import pytest

from course import CourseError
from course.formula import parse_formula


def random_terms(text):
    return [str(term) for term in parse_formula(text).random]


@pytest.mark.parametrize(
    "written, read",
    [
        ("(1|g)", ["(1 | g)"]),
        ("( 1 |g )", ["(1 | g)"]),
        ("((1|g))", ["(1 | g)"]),
        ("(x|g)", ["(x | g)"]),
        ("(x-1|g)", ["(x - 1 | g)"]),
        ("(0+x|g)", ["(0 + x | g)"]),
        ("(x||g)", ["(x || g)"]),
        ("(x*z + I(x**2)|g)", ["(x * z + I(x**2) | g)"]),
        ("(1|a/b)", ["(1 | a)", "(1 | a:b)"]),
        ("(x|a/b/c)", ["(x | a)", "(x | a:b)", "(x | a:b:c)"]),
        ("(1|a:b)", ["(1 | a:b)"]),
        ("(1|a:b/c)", ["(1 | a:b)", "(1 | a:b:c)"]),
        ("(1|a) + (0+x|a) + (1|b)", ["(1 | a)", "(0 + x | a)", "(1 | b)"]),
        ("(1|`my school`)", ["(1 | `my school`)"]),
        ("(1|Q('my school'))", ["(1 | `my school`)"]),
    ],
)
def test_random_terms(written, read):
    assert random_terms(f"y ~ x + {written}") == read
    assert random_terms(f"y~{written}+x") == read


@pytest.mark.parametrize(
    "text, response, fixed",
    [
        ("y ~ 1 + (1|g)", "y", "1"),
        ("y~(1|g)", "y", "1"),
        ("y ~ -1 + x + (1|g)", "y", "-1 + x"),
        ("y ~ x - 1 + (1|g)", "y", "x - 1"),
        ("np.log(y) ~ a*b + a:c + (1|g)", "np.log(y)", "a * b + a:c"),
        ("y ~ (a + b)^2 + (1|g)", "y", "(a + b)**2"),
        ("`exam score` ~ `class` + (1|g)", 'Q("exam score")', 'Q("class")'),
        ("y ~ C(a, Treatment('x')) + bs(z, df=4) + center(z) + (1|g)", "y",
         "C(a, Treatment('x')) + bs(z, df=4) + center(z)"),
        ("y ~ np.log(`net income`) + (1|g)", "y", 'np.log(Q("net income"))'),
    ],
)  # fmt: skip
def test_fixed_part(text, response, fixed):
    formula = parse_formula(text)
    assert (formula.response, formula.fixed) == (response, fixed)


@pytest.mark.parametrize(
    "call",
    [
        "C(f, Treatment(reference='a'))",
        "C(f, contrast=Sum(omit='a'))",
        "C(f, Poly([1, 2, 4]), levels=['a', 'b', 'c'])",
        "bs(x, 4)",
        "bs(x, knots=[1, 2.5], degree=2, include_intercept=True)",
        "cr(x, df=3, constraints='center')",
        "scale(x, rescale=False, ddof=1)",
        "np.round(x, decimals=2)",
        "np.maximum(x, 0)",
        "I((x > 3) + 1)",
    ],
)
def test_calls_that_are_read(call):
    assert parse_formula(f"y ~ {call} + (1|g)").fixed == call


def test_columns_in_order_of_appearance():
    formula = parse_formula("y ~ np.log(x / w) + C(f) + (z|g/h) + (1|`k l`)")
    assert formula.columns == ("y", "x", "w", "f", "z", "g", "h", "k l")
    assert formula.categorical == {"f"}


def test_reading_what_was_written_gives_the_same_formula():
    text = "np.log(y) ~ a*b + `c d` + (a||g/h) + (0 + b|`k l`)"
    formula = parse_formula(text)
    assert parse_formula(str(formula)) == formula
    turned = "np.log(y) ~ (a||g/h) + a*b + (0 + b|`k l`) + `c d`"
    assert parse_formula(turned) == formula
    assert hash(parse_formula(text)) == hash(formula)


REFUSED = {
    "y ~ x + 1|school": "(1|school)",
    "y ~ x + 1 | school + 1 | class": "parentheses",
    "y ~ (1|g": "not closed",
    "y ~ x + (1|g))": "opening",
    "y ~ . + (1|g)": "name the columns",
    "y ~ x - (1|g)": "leave it out",
    "y ~ x * (1|g)": "(x|group)",
    "y ~ (1|g):x": "cannot be joined",
    "y ~ (1|a + b)": "(1|school) + (1|classroom)",
    "y ~ (1|a * b)": "one term for each",
    "y ~ (1|C(g))": "always taken as labels",
    "y ~ (1|2)": "must be a column",
    "y ~ (|g)": "before the bar",
    "y ~ (x|g|h)": "closing parenthesis",
    "y ~ ((x|g)|h)": "inside a random term",
    "y ~ (1|g) + (1|g)": "effect Intercept",
    "y ~ (x|g) + (1|g)": "0 + in the other",
    "y ~ (1|a:b) + (1|b:a)": "effect Intercept",
    "y ~ (x||g) + (0 + x|g)": "effect x",
    "y ~ x ~ z": "second ~",
    "y x + (1|g)": "no ~",
    "y ~": "nothing stands after",
    "~ x + (1|g)": "response is missing",
    "y + z ~ x + (1|g)": "the response must be one",
    "1 ~ x + (1|g)": "the response must be one",
    "": "stops too early",
    "y ~ x z + (1|g)": "join terms with +",
    "y ~ 2*x + (1|g)": "I(...)",
    "y ~ x/2 + (1|g)": "number",
    "y ~ test.score + (1|g)": "`test.score`",
    "y = x + (1|g)": "no '='",
    "y ~ log(x) + (1|g)": "np.log",
    "y ~ factor(x) + (1|g)": "C(x)",
    "y ~ as.factor(x) + (1|g)": "C(x)",
    "y ~ poly(x, 2) + (1|g)": "I(x**2)",
    "y ~ I(x^2) + (1|g)": "**",
    "y ~ x**10 + (1|g)": "1 to 9",
    "y ~ x %in% z + (1|g)": "a:b",
    "y ~ 'x' + (1|g)": "quotes",
    "y ~ `x + (1|g)": "backtick",
    "y ~ x + é! + (1|g)": "no meaning",
    "y ~ (x + 1)*z + (1|g)": "intercept term cannot interact",
    "y ~ (-x):z + (1|g)": "Unary minus",
    "y ~ x + (-(-x)|g)": "Unary minus",
    "y ~ y + (1|g)": "explain itself",
    "y ~ x + (I(2 * y)|g)": "explain itself",
    "`a b` ~ np.log(`a b`) + (1|g)": "explain itself",
    "y ~ x + (1|" + "(" * 60 + "g" + ")" * 60 + ")": "nested too deeply",
    "y ~ x\ud800 + (1|g)": "another encoding",
    "y ~ I(" + "-" * 400 + "x) + (1|g)": "nested too deeply",
    "y ~ I(" + "x+" * 200 + "x) + (1|g)": "nested too deeply",
    "y ~ bs(x) + (1|g)": "bs(x, df=4)",
    "y ~ np.maximum(x) + (1|g)": "takes 2 arguments",
    "y ~ np.round(x, 2, 3) + (1|g)": "1 argument to 2",
    "y ~ I(x, z) + (1|g)": "takes 1 argument ",
    "y ~ I(x=z) + (1|g)": "no argument x: it takes no names",
    "y ~ scale(x, sd=1) + (1|g)": "it takes center, rescale, ddof",
    "y ~ scale(x, center=z) + (1|g)": "True or False",
    "y ~ scale(x, ddof=9) + (1|g)": "from 0 to 1",
    "y ~ np.round(x, 99) + (1|g)": "from 0 to 15",
    "y ~ cr(x, 99) + (1|g)": "from 1 to 50",
    "y ~ Sum(f) + (1|g)": "C(x, Sum)",
    "y ~ C(f, z) + (1|g)": "no coding",
    "y ~ C(f, contrast=contr.sum) + (1|g)": "no coding",
    "y ~ np.log(C(f)) + (1|g)": "makes labels",
    "y ~ C(f, Diff(1)) + (1|g)": "takes 0 arguments",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused_with_the_mend(text):
    with pytest.raises(CourseError) as caught:
        parse_formula(text)
    assert REFUSED[text] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("thing", [None, 3, b"y ~ x", ["y ~ x"]])
def test_a_formula_is_text(thing):
    with pytest.raises(CourseError, match="a formula is a text"):
        parse_formula(thing)


HOSTILE = [
    "y ~ __import__('os').system('true') + (1|g)",
    "y ~ I(x.__class__) + (1|g)",
    "y ~ I(().__class__.__bases__[0]) + (1|g)",
    "y ~ np.load('x') + (1|g)",
    "y ~ np.ctypeslib.load_library('x', '.') + (1|g)",
    "y ~ np.log.__self__ + (1|g)",
    "y ~ I((lambda: x)()) + (1|g)",
    "y ~ I([z for z in x]) + (1|g)",
    "y ~ I({**x}) + (1|g)",
    "y ~ I(f'{x}') + (1|g)",
    "y ~ I(x := 3) + (1|g)",
    "y ~ I(x if x else y) + (1|g)",
    "y ~ I(x[0]) + (1|g)",
    "y ~ I(9**9**9**9) + (1|g)",
    "y ~ I((x**9)**(x**9)) + (1|g)",
    "y ~ I('a' * 10**9) + (1|g)",
    "y ~ I([0] * 10**9) + (1|g)",
    "y ~ I(1 << 10**9) + (1|g)",
    "y ~ I(x * 10**400) + (1|g)",
    "y ~ bs(x, df=10**9) + (1|g)",
    "y ~ bs(x, df=999999999) + (1|g)",
    "y ~ bs(x, degree=999999999) + (1|g)",
    "y ~ eval('x') + (1|g)",
    "y ~ bs(x, degree=30, df=50) + (1|g)",
    "y ~ bs(x, df=k) + (1|g)",
    "y ~ bs(x, 5, None, 3) + (1|g)",
    "y ~ np.exp(x, k) + (1|g)",
    "y ~ np.log(x, out=k) + (1|g)",
    "y ~ np.exp(x, where=k) + (1|g)",
    "y ~ np.round(x, k) + (1|g)",
    "y ~ open('x') + (1|g)",
    "y ~ Q(x) + (1|g)",
    "y ~ Q('x' + 'y') + (1|g)",
    "y ~ I(x, *y) + (1|g)",
    "y ~ I(x, **y) + (1|g)",
    "y ~ " + "(" * 1000 + "x" + ")" * 1000 + " + (1|g)",
    "y ~ I(" + "(" * 90 + "x" + ")" * 90 + ") + (1|g)",
    "y ~ " + "*".join(f"x{i}" for i in range(40)) + " + (1|g)",
    "y ~ (" + "+".join(f"x{i}" for i in range(40)) + ")**9 + (1|g)",
    "y ~ x\0 + (1|g)",
    "y ~ np\u2024log(x) + (1|g)",
    "y ~ \uff49\uff4d\uff50ort(x) + (1|g)",
    "y ~ " + "x+" * 5000 + "x",
    "y ~ x; import os + (1|g)",
    "y ~ " + ":".join(["x"] * 2000) + " + (1|g)",
    "y ~ " + "+".join(f"x{i}" for i in range(490)) + "+" + "-".join("x" * 490) + " + (1|g)",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_but_columns_and_listed_functions(text):
    with pytest.raises(CourseError):
        parse_formula(text)
