"""What a formula means, and what it must not."""

import pytest

from course import CourseError
from course.formula.parse import (
    MAX_LENGTH,
    effect_terms,
    parse_formula,
    random_term,
    variables_of,
)


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
        ("(1|g) + (x|g) + (1|g)", ["(1 | g)", "(x | g)", "(1 | g)"]),
        ("(x*z + I(x**2)|g)", ["(x * z + I(x**2) | g)"]),
        ("(1|a/b)", ["(1 | a)", "(1 | a:b)"]),
        ("(x|a/b/c)", ["(x | a)", "(x | a:b)", "(x | a:b:c)"]),
        ("(1|a:b)", ["(1 | a:b)"]),
        ("(1|a:b/c)", ["(1 | a:b)", "(1 | a:b:c)"]),
        ("(1|a) + (0+x|a) + (1|b)", ["(1 | a)", "(0 + x | a)", "(1 | b)"]),
        ("(1|`my school`)", ["(1 | `my school`)"]),
        ("(1|Q('my school'))", ["(1 | `my school`)"]),
        ("(1|Q( 'my school' ) : b)", ["(1 | `my school`:b)"]),
        ("(1|(a:b)/c)", ["(1 | a:b)", "(1 | a:b:c)"]),
        ("(1|a:(b):a)", ["(1 | a:b)"]),
        ("(1|a/b:c/d)", ["(1 | a)", "(1 | a:b:c)", "(1 | a:b:c:d)"]),
        ("(z + (1|g))", ["(1 | g)"]),
        ("((1|g) + (x||h))", ["(1 | g)", "(x || h)"]),
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
        ("y ~ +x + (1|g)", "y", "x"),
        ("y ~ (1|g) + x - 1", "y", "x - 1"),
        ("y ~ (1|g) + (1|h) - 1 + x", "y", "-1 + x"),
        ("y ~ z + (x + (1|g))", "y", "z + x"),
        ("y ~ np.log (x) + (1|g)", "y", "np.log (x)"),
        ("y ~ np.log(X) + I(X / 2) + (1|g)", "y", "np.log(X) + I(X / 2)"),
        ("y ~ np.log(X) + (1|g)", "y", "np.log(X)"),
        ("y ~ I(f == ')') + C(k, Treatment(\"it's (\")) + (1|g)", "y",
         "I(f == ')') + C(k, Treatment(\"it's (\"))"),
        ("y ~ I(f == '\"(') + np.log(`a) b`) + (1|g)", "y",
         "I(f == '\"(') + np.log(Q(\"a) b\"))"),
    ],
)  # fmt: skip
def test_fixed_part(text, response, fixed):
    formula = parse_formula(text)
    assert (formula.response, formula.fixed) == (response, fixed)


@pytest.mark.parametrize(
    "written, meant",
    [
        ("a*b:c", "a b:c a:b:c"),  # a colon binds tighter than a star
        ("a/b", "a a:b"),
        ("a/b/c", "a a:b a:b:c"),
        ("(a + b)/c", "a b a:b:c"),
        ("a*b*c - a:b:c", "a b c a:b a:c b:c"),
        ("(a + b + c)**2", "a b c a:b a:c b:c"),
        ("(a + b)**2:c", "a:c b:c a:b:c"),
        ("(a + b)^9", "a b a:b"),
        ("a**9", "a"),  # a column crossed with itself is itself; a square needs I(...)
        ("a - b + b", "a b"),
        ("(a + b):(c + d)", "a:c a:d b:c b:d"),
    ],
)
def test_operators_mean_what_they_mean_in_r(written, meant):
    formula = parse_formula(f"y ~ {written} + ({written}|g)")
    expected = {frozenset(term.split(":")) for term in meant.split()} | {frozenset()}
    for part in (formula.fixed, formula.random[0].effects):
        read = [frozenset(f.name() for f in term.factors) for term in effect_terms(part)]
        assert set(read) == expected and len(read) == len(expected)


def test_equal_formulas_name_their_columns_in_one_order():
    one, other = (parse_formula(f"y ~ {rest}") for rest in ("(C(x)|g) + z", "z + (C(x)|g)"))
    assert one == other and one.columns == other.columns == ("y", "z", "x", "g")
    assert one.categorical == other.categorical == {"x"}


def test_other_random_terms_bring_their_own_columns():
    formula = parse_formula("y ~ C(a) + (b + (C(x)|g))")
    other = formula.with_random([random_term("~ np.log(w)*C(v)", ("h", "k"))])
    assert other == parse_formula("y ~ C(a) + b + (np.log(w)*C(v)|h:k)")
    assert other.columns == ("y", "a", "b", "w", "v", "h", "k")
    assert other.categorical == {"a", "v"}


@pytest.mark.parametrize("response", ["y", "(y)", "((`y`))", "Q('y')", "np.log(y)", "I(y**2)"])
def test_a_response_is_a_column_or_a_call(response):
    assert parse_formula(f"{response} ~ x + (1|g)").columns == ("y", "x", "g")


@pytest.mark.parametrize(
    "written, read",
    [
        ("y**2", "I(y**2)"),  # R squares y; patsy would take y**2 for y, another model
        ("y^2", "I(y**2)"),
        ("(y)^2", "I((y)**2)"),
        ("-y", "I(-y)"),
        ("y - z", "I(y - z)"),
        ("1000 / y", "I(1000 / y)"),
        ("hits/`all of them`", 'I(hits/Q("all of them"))'),
        ("log(y) + 1", "I(np.log(y) + 1)"),
        ("max.y / 2", 'I(Q("max.y") / 2)'),
    ],
)
def test_arithmetic_in_a_response_means_what_it_says(written, read):
    formula = parse_formula(f"{written} ~ x + (1|g)")
    assert formula.response == read
    assert formula == parse_formula(str(formula))


@pytest.mark.parametrize("response", ["y:z", "(y + (1|g))", "1"])
def test_what_is_no_response(response):
    with pytest.raises(CourseError, match=r"response must be one .*I\(score\*\*2\)"):
        parse_formula(f"{response} ~ x + (1|g)")


@pytest.mark.parametrize("call", ["(", "np.log("])
def test_parentheses_of_a_reasonable_depth_and_any_number(call):
    x = call * 7 + "x" + ")" * 7
    formula = parse_formula(f"y ~ {' + '.join([x] * 50)} + (1|((((((((((g)))))))))))")
    assert formula.columns == ("y", "x", "g")
    many = " + ".join(f"(1|({group}))" for group in "abcdefghij" * 5)
    assert len(parse_formula(f"y ~ {many}").random) == 50
    assert variables_of(" + ".join(["(x)"] * 60)) == ("x",)


@pytest.mark.parametrize(
    "columns, power, effects", [(2, 9, 3), (7, 3, 63), (6, 5, 62), (14, 3, 469)]
)
def test_a_power_has_as_many_effects_as_there_are_choices(columns, power, effects):
    """Up to `power` of the columns at once: 7 + 21 + 35 for three of seven."""
    names = " + ".join(f"x{i}" for i in range(columns))
    fixed = parse_formula(f"y ~ 0 + ({names})**{power} + (1|g)").fixed
    assert len(effect_terms(fixed)) == effects


def test_a_long_formula_is_read_and_a_longer_one_is_not():
    names = [f"`item {i} of the questionnaire`" for i in range(140)]
    long = f"y ~ {' + '.join(names)} + (1|g)"
    assert len(long) < MAX_LENGTH and len(parse_formula(long).columns) == 142
    with pytest.raises(CourseError, match=f"{len(long) + MAX_LENGTH} characters.*{MAX_LENGTH}"):
        parse_formula(long + " " * MAX_LENGTH)


@pytest.mark.parametrize(
    "effects, columns",
    [("1", ()), ("0 + age", ("age",)), ("np.log(a / b) + `c d` * a", ("a", "b", "c d"))],
)
def test_columns_of_effects(effects, columns):
    assert variables_of(effects) == columns


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
    formula = parse_formula("y ~ C(f) + C(h, Sum) + x + (C(k)|g)")
    assert formula.categorical == {"f", "h", "k"}  # each, not the last alone


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
    "y ~ (1|2)": "must be a column",
    "y ~ (|g)": "before the bar",
    "y ~ (x|g|h)": "closing parenthesis",
    "y ~ ((x|g)|h)": "inside a random term",
    "y ~ x ~ z": "second ~",
    "y x + (1|g)": "no ~",
    "x + (1|g)": "no ~",
    "(1|g) + (1|h)": "no ~",
    "y ~": "there is nothing after",
    "~ x + (1|g)": "response is missing",
    "1 ~ x + (1|g)": "the response must be one",
    "(y|g) ~ x": "the response must be one",
    "": "stops too early",
    "y ~ x z + (1|g)": "join terms with +",
    "y ~ 2*x + (1|g)": "I(...)",
    "y ~ x/2 + (1|g)": "number",
    "y = x + (1|g)": "no '='",
    "y ~ x**10 + (1|g)": "1 to 9",
    "y ~ x**12 + (1|g)": "1 to 9",
    "y ~ x**0 + (1|g)": "1 to 9",
    "y ~ x**z + (1|g)": "1 to 9",
    "y ~ 'x' + (1|g)": "quotes",
    "y ~ `x + (1|g)": "backtick",
    "y ~ x + é! + (1|g)": "no meaning",
    "y ~ (x + 1)*z + (1|g)": "intercept term cannot interact",
    "y ~ (-x):z + (1|g)": "Unary minus",
    "y ~ x + (-(-x)|g)": "Unary minus",
    "y ~ y + (1|g)": "explain itself",
    "y ~ x + (I(2 * y)|g)": "explain itself",
    "`a b` ~ np.log(`a b`) + (1|g)": "explain itself",
    "cbind(y, z) ~ x + z + (1|g)": "the response z is also to the right",
    "cbind(Q('a b'), z - `a b`) ~ x + (1|`a b`)": "the response a b is also to the right",
    "(y) ~ x + (y|g)": "the response y is also to the right",
    "Q('a b') ~ `a b` + (1|g)": "the response a b is also to the right",
    "y ~ x + (1|" + "(" * 60 + "g" + ")" * 60 + ")": "nested too deeply",
    # parentheses closed before do not count, and hide none that are still open
    "y ~ " + "(x) + " * 200 + "(" * 300 + "x": "nested too deeply",
    "y ~ " + "(1|(g)) + " * 200 + "(" * 300 + "x": "nested too deeply",
    "y ~ " + "((x) + " * 300 + "x": "nested too deeply",
    "y ~ " + "((1|(g)) + " * 300 + "x": "nested too deeply",
    "y ~ x\ud800 + (1|g)": "another encoding",
    "y ~ `x\udfff` + (1|g)": "'\\udfff' in the formula",
    "y ~ " + ":".join(["x"] * 2000) + " + (1|g)": "too many terms",
    "y ~ (" + "+".join(f"x{i}" for i in range(300)) + ")*z + (1|g)": "more than 500 terms",
    "y ~ (" + "+".join(f"x{i}" for i in range(300)) + ")/z/w + (1|g)": "more than 500 terms",
    "y ~ (" + "+".join(f"x{i}" for i in range(40)) + ")**2 + (1|g)": "more than 500 terms",
    "y ~ (" + "+".join(f"x{i}" for i in range(40)) + ")**9 + (1|g)": "more than 500 terms",
    "y ~ (((a + b)**9)**9)**9 + (1|g)": "too high a power",
    "y ~ (a + b + c + d + e + f)**5:((h + i + j)**3) + (1|g)": "too high a power",
    "y ~ I(" + "-" * 400 + "x) + (1|g)": "nested too deeply",
    "y ~ I(" + "x+" * 200 + "x) + (1|g)": "nested too deeply",
    "y ~ bs(x, degree=2) + (1|g)": "bs(x, df=4)",
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
    "y ~ C(f, z) + (1|g)": "not a coding",
    "y ~ np.log(C(f)) + (1|g)": "makes labels",
    "y ~ C(f, Diff(1)) + (1|g)": "takes 0 arguments",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused_with_the_mend(text):
    with pytest.raises(CourseError) as caught:
        parse_formula(text)
    assert REFUSED[text] in str(caught.value)
    assert "\n" not in str(caught.value)


POINTED = [
    ("y ~ x + 1|school + z", "|school + z", "as in (1|school)"),
    ("y ~ x + z||school:my_room", "||school:my_room", "as in (1|school:my_room)"),
    ("y ~ x | (g)", "| (g)", "as in (1|group)"),
    ("y | g", "| g", "parentheses"),
    ("~ x + (1|g)", "~ x + (1|g)", "before ~"),
    ("y x + (1|g)", "y x + (1|g)", "write response ~ fixed effects"),
    ("y ~", "y ~", "at least 1 + (1|group)"),
    ("y ~ x ~ z", "~ z", "a formula has one"),
    ("y:z ~ x", "y:z ~ x", "as in I(score**2)"),
    ("y ~ x z + (1|g)", "z + (1|g)", "join terms with +"),
    ("y ~ z + y + (1|g)", "y ~ z + y + (1|g)", "Leave it out"),
    ("y ~ x - (1|g) + z", "(1|g) + z", "leave it out of the formula"),
    ("y ~ z + x * (1|g) + w", "x * (1|g) + w", "cannot be joined by *"),
    ("y ~ z + x:(1|g)", "x:(1|g)", "write (x|group)"),
    ("y ~ z + 2*x", "2*x", "I(...)"),
    ("y ~ z + 1*x", "1*x", "as in I(age / 12)"),
    ("y ~ z + x:(0)", "x:(0)", "number next to :"),
    ("y ~ z + (1|g)**2", "(1|g)**2", "as in (age + sex)**2"),
    ("y ~ z + 1**2", "1**2", "as in (age + sex)**2"),
    ("y ~ z + x**10 + w", "10 + w", "from 1 to 9"),
    ("y ~ z + ` ` + x", "` ` + x", "empty column name"),
    ("y ~ z + (x", "(x", "not closed"),
    ("y ~ z + (x|g", "(x|g", "not closed"),
    ("y ~ z + I(x + (1|g)", "I(x + (1|g)", "not closed"),
    ("y ~ z + I(" + "(" * 70 + "x", "I(" + "(" * 38, "nested too deeply"),
    ("y ~ z + (" + "(" * 70 + "x", "(" * 31 + "x", "nested too deeply"),
    ("y ~ z + (1|" + "(" * 70 + "g", "(1|" + "(" * 37, "nested too deeply"),
    ("y ~ z + ((x|g)|h)", "((x|g)|h)", "inside a random term"),
    ("y ~ z + (1|a:b - c)", "(1|a:b - c)", "a:b makes one group of every combination"),
    ("y ~ z + (1|a^2)", "(1|a^2)", "'^' in a grouping factor"),
    ("y ~ z + (1|a/log(g))", "(1|a/log(g))", "log(...) as a grouping factor"),
    ("y ~ z + (1|cut (g))", "(1|cut (g))", "cut(...) as a grouping factor"),
    ("y ~ z + (1|a + b - c)", "(1|a + b - c)", "'-' in a grouping factor"),
    ("y ~ z + (1|a:2)", "(1|a:2)", "as in (1|school)"),
    ("y ~ z + (1|(a/b))", "(1|(a/b))", "a:b or a/b"),
    ("y ~ z + (|g)", "|g)", "write (1|group)"),
    ("y ~ z + () + x", ") + x", "')' where a column was expected"),
    ("y ~ z, x", ", x", "join terms with +"),
    ("y ~ z + 'x'", "'x'", "write Q('column name') or `column name`"),
    ('y ~ z + "x"', '"x"', "quotes belong only inside calls: write Q('column name')"),
    ("y ~ d$x", "$x", "a column is named alone"),
    ("y ~ z + (x > 1)", "> 1)", "as in I(age > 10)"),
    ("y ~ z + (x<1)", "<1)", "as in I(age < 10)"),
    ("y ~ z + x % 2", "% 2", "the character '%'"),
    ("y ~ z + (1|g), data = d", ", data = d", "the formula ends before the comma"),
    ("y ~ z, random = ~1|g", ", random = ~1|g", "the formula ends before the comma"),
    ("y ~ z + (1|interaction(a, b))", "(1|interaction(a, b))", "write a:b"),
    ("y ~ z + (1|mm(a, b))", "(1|mm(a, b))", "several groups at once"),
    ("y ~ z + (1|g)) + x", ") + x", "without its opening one"),
    ("y ~ z + ((x + w|g) z)", "z)", "closing parenthesis was expected"),
    ("y ~ x + z + " + "*".join("abcdefghij"), "a*b*c*d*e*f*g*h*i*j", "cannot be what was meant"),
    ("y ~ x + (a + b + c + d + e + f + h)**7", "(a + b + c + d + e + f + h)**7", "as in age*sex*grade"),
]  # fmt: skip


@pytest.mark.parametrize("text, place, mend", POINTED)
def test_a_refusal_points_to_the_place(text, place, mend):
    with pytest.raises(CourseError) as caught:
        parse_formula(text)
    message = str(caught.value)
    assert f", at `{place}`" in message and mend in message
    assert "None" not in message and not message.endswith((":", ": "))


@pytest.mark.parametrize("text", ["y ~ x +", "y ~ x**", "", "y ~ x + "])
def test_a_refusal_points_to_the_end(text):
    with pytest.raises(CourseError, match="at the end"):
        parse_formula(text)


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
    "y ~ " + "+".join(f"x{i}" for i in range(490)) + "+" + "-".join("x" * 490) + " + (1|g)",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_but_columns_and_listed_functions(text):
    with pytest.raises(CourseError):
        parse_formula(text)


@pytest.mark.parametrize(
    "formula, match",
    [
        ("y ~ x + (1|LONG) + x|LONG", "outside parentheses"),
        ("y ~ x + (1|LONG(x))", "name the column itself"),
    ],
)
def test_a_message_stays_short_where_names_are_long(formula, match):
    with pytest.raises(CourseError, match=match) as caught:
        parse_formula(formula.replace("LONG", "g" * 300))
    assert len(str(caught.value)) < 400
    assert "ggg..." in str(caught.value)
