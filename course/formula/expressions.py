"""Which Python a formula may hold inside a call: columns, numbers, and the listed functions.

patsy evaluates the factors of a formula as Python. A formula may come from a file, a form or a
learner, so each call is read as a syntax tree first and everything but a short list is refused.
"""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata

from course.common.wording import count
from course.errors import CourseError

CONTRASTS = frozenset({"Treatment", "Sum", "Poly", "Helmert", "Diff"})
SPLINES = frozenset({"bs", "cr", "cc", "ns"})
SEVERAL = SPLINES | {"poly", "cut"}  # functions that make several columns of one
FUNCTIONS = CONTRASTS | SEVERAL | {"C", "I", "Q", "as_numeric", "center", "scale", "standardize"}
STATEFUL = SEVERAL | {
    "center",
    "scale",
    "standardize",
    "as_numeric",
}  # they remember the data they first saw
NUMPY = frozenset(
    "abs cbrt ceil cos exp expm1 floor log log10 log1p log2 maximum minimum round sign sin sqrt "
    "square tan tanh where".split()
)
LABELS = frozenset({"C", "cut"})  # functions that make labels
# what each takes: fewest and most arguments by position, and the names of others
SCALING, SPLINE = ("center", "rescale", "ddof"), ("df", "knots", "lower_bound", "upper_bound")
SIGNATURES = {
    "C": (1, 3, ("contrast", "levels")),
    "Treatment": (0, 1, ("reference",)),
    "Sum": (0, 1, ("omit",)),
    "Poly": (0, 1, ("scores",)),
    "Helmert": (0, 0, ()),
    "Diff": (0, 0, ()),
    "scale": (1, 1, SCALING),
    "standardize": (1, 1, SCALING),
    "bs": (1, 2, (*SPLINE, "degree", "include_intercept")),
    "cr": (1, 2, (*SPLINE, "constraints")),
    "cc": (1, 2, (*SPLINE, "constraints")),
    "ns": (1, 2, ("df", "knots", "intercept")),
    "poly": (1, 2, ("degree", "raw")),
    "cut": (1, 2, ("breaks", "labels", "right", "include_lowest")),
    "np.round": (1, 2, ("decimals",)),
    "np.maximum": (2, 2, ()),
    "np.minimum": (2, 2, ()),
    "np.where": (3, 3, ()),
}
WHOLE = {"df": (1, 50), "degree": (0, 20), "ddof": (0, 1), "decimals": (0, 15)}
SWITCHES = frozenset(
    {"center", "rescale", "include_intercept", "intercept", "raw", "right", "include_lowest"}
)
MOST_DEGREES = 5  # of a spline: FITPACK dies of more
MENDS = {
    "as.integer": "make the column of numbers first, with pd.to_numeric",
    "s": "write ns(x, df=3)",
    "rcs": "write ns(x, df=3)",
    "mean": "center(x) counts from the mean; from another place, I(x - 10)",
    "median": "I(x - 10) counts from any place that you name",
    "sd": "scale(x) divides by the SD",
    "ave": "make the mean of each group a column first, "
    "data['x_mean'] = data.groupby('group')['x'].transform('mean')",
    "lag": "make the column first, data['before'] = data.groupby('group')['x'].shift(1)",
    "interaction": "write a:b",
    "cbind": "it goes before the ~, as in cbind(passed, failed) ~ age + (1|school)",
    "mo": "write C(x)",
    "ar1": "the residuals of a model here are independent of each other",
    "cs": "the effects of a term here have a free covariance (x|g), or none (x||g)",
}
PLACES = (
    "as.numeric(factor(x)) are the places of the labels: write as.numeric(x) where x is text; for the "
    "numbers that texts hold, make them first, data['x'] = pd.to_numeric(data['x'])"
)
MAX_CALL = 500  # characters
MAX_NESTING = 120  # of its syntax tree; Python itself gives up at 1,000 frames
TEXT = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""  # of Python, in either kind of quotes
QUOTED = re.compile(rf"Q\(\s*({TEXT})\s*\)")
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)


def column_code(name: str) -> str:
    """How patsy is told of a column: its name, or ``Q("its name")`` where Python could not read it.

    Examples
    --------
    >>> column_code("age"), column_code("test score"), column_code("class")
    ('age', 'Q("test score")', 'Q("class")')
    """
    plain = (
        name.isidentifier()
        and not keyword.iskeyword(name)
        and unicodedata.normalize("NFKC", name) == name  # Python would look up the other spelling
        and not hides_a_function(name)
    )
    if plain:
        return name
    if any(ord(char) < 32 for char in name):
        raise CourseError(f"the column name {name!r} holds a control character; rename the column")
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'Q("{escaped}")'


def hides_a_function(name: object) -> bool:
    """Whether a column of this name would stand before a function of formulas: patsy looks there first."""
    return isinstance(name, str) and (name in FUNCTIONS or name == "np")


def names_outside_texts(code: str) -> set[str]:
    """The names of functions and columns in patsy's language; those in ``Q("...")`` are texts.

    Examples
    --------
    >>> sorted(names_outside_texts('y ~ np.log(Q("C")) + C(sex)'))
    ['C', 'Q', 'log', 'np', 'sex', 'y']
    """
    return set(re.findall(r"[^\W\d]\w*", re.sub(TEXT, "", code)))


def quoted_column(code: str) -> str | None:
    """The column that ``Q("its name")`` names; None for any other code.

    Examples
    --------
    >>> quoted_column('Q("test score")'), quoted_column("age")
    ('test score', None)
    """
    match = QUOTED.fullmatch(code)
    return ast.literal_eval(match[1]) if match else None


def check_call(text: str) -> tuple[list[str], set[str]]:
    """Refuse a call that is more than a function of columns.

    Parameters
    ----------
    text : str
        For instance ``"np.log(income)"`` or ``"C(grade, Treatment(2))"``.

    Returns
    -------
    columns : list of str
        The columns it uses, in order.
    categorical : set of str
        Those of them that stand inside ``C(...)``.

    Raises
    ------
    CourseError
        For anything else than columns, numbers, arithmetic, comparisons and listed functions.

    Examples
    --------
    >>> check_call("np.log(income / 1000)")
    (['income'], set())
    >>> check_call("open('x')")
    Traceback (most recent call last):
    ...
    course.errors.CourseError: the function open is not among those a formula may use (C, I, Q, bs, \
cc, center, cr, scale, standardize, np.log, np.sqrt, np.exp, ...)
    """
    if len(text) > MAX_CALL:
        raise CourseError(
            f"a call of {len(text)} characters in the formula, {text[:30]}...: too long"
        )
    function = re.match(r"[\w.]+", text)
    if function and function[0] in MENDS:  # as.factor(...) is not Python: say so before parsing
        raise CourseError(f"{function[0]}(...) is R's: {MENDS[function[0]]}")
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        hint = "; a power is written **" if "^" in text else ""
        raise CourseError(f"`{text[:60]}` cannot be read{hint}") from error
    if _nesting(tree) > MAX_NESTING:
        raise CourseError(f"`{text[:60]}` is nested too deeply")
    columns: dict[str, None] = {}
    categorical: set[str] = set()
    _check(tree, columns, categorical, inside="")
    if not columns:
        raise CourseError(f"`{text[:60]}` uses no column of the data")
    return list(columns), categorical


def _nesting(tree: ast.AST) -> int:
    level, nodes = 0, [tree]
    while nodes:
        level, nodes = level + 1, [child for node in nodes for child in ast.iter_child_nodes(node)]
    return level


def _check(node: ast.AST, columns: dict, categorical: set, inside: str) -> None:
    """Walk the tree; `inside` is the function whose argument `node` is."""

    def visit(child: ast.AST, function: str = inside) -> None:
        _check(child, columns, categorical, function)

    match node:
        case ast.Name(id=name):
            if name in CONTRASTS and inside == "C":
                return
            columns.setdefault(name)
            if inside == "C":
                categorical.add(name)
        case ast.Constant(value=bool() | None):
            pass
        case ast.Constant(value=int() | float() as value) if abs(value) < 1e15:
            if inside in SEVERAL and isinstance(value, int) and value > 50:
                raise CourseError(f"{inside}(...) with {value}: at most 50 columns")
        case ast.Constant(value=str()):
            centred = inside in SPLINES and node.value == "center"  # constraints="center"
            if inside not in ("C", "Treatment", "Sum", "==", "np.where") and not centred:
                raise CourseError(f"the text {node.value!r:.40} has no place in {inside}(...)")
        case ast.List(elts=items) | ast.Tuple(elts=items) if inside not in ("", "I", "Q"):
            for item in items:
                if not isinstance(item, ast.Constant | ast.UnaryOp | ast.Attribute):
                    raise CourseError(f"a list in {inside}(...) holds numbers or texts")
                # knots and levels may be any number, unlike df= and degree=
                visit(item, "C" if inside in LABELS else "list")
        case ast.Attribute(value=ast.Name(id="np"), attr="pi" | "inf"):
            pass
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            visit(operand)
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, OPERATORS):
            if isinstance(op, ast.Pow):
                _check_power(left, right)
            visit(left, "arithmetic")
            visit(right, "arithmetic")
        case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr(), right=right) if inside == "test":
            visit(left)
            visit(right)
        case ast.Compare(left=left, ops=[_], comparators=[right]) if not isinstance(
            node.ops[0], ast.Is | ast.IsNot | ast.In | ast.NotIn
        ):
            visit(left, "==")
            visit(right, "==")
        case ast.Call(func=function, args=arguments, keywords=keywords):
            name = _function_name(function)
            if name == "Q":
                _quoted_column(node, columns, categorical, inside)
                return
            _check_arguments(name, arguments, keywords, inside)
            for argument in [*arguments, *(keyword.value for keyword in keywords)]:
                visit(argument, "test" if name == "np.where" and argument is arguments[0] else name)
        case ast.BinOp(op=ast.BitXor()):
            raise CourseError(f"`{ast.unparse(node)[:60]}`: in Python a power is written **, not ^")
        case _:
            raise CourseError(
                f"`{_shown(node)}` has no place in a formula: columns, numbers, + - * / **, "
                "comparisons and the listed functions do"
            )


def _shown(node: ast.AST) -> str:
    try:
        return ast.unparse(node)[:60]
    except (ValueError, RecursionError):
        return type(node).__name__


def _check_power(base: ast.AST, exponent: ast.AST) -> None:
    """Whole columns to a small power; ``9**9**9**9`` would never end."""
    if isinstance(exponent, ast.UnaryOp):
        exponent = exponent.operand
    power = exponent.value if isinstance(exponent, ast.Constant) else None
    named = any(isinstance(part, ast.Name) for part in ast.walk(base))
    if not (isinstance(power, int | float) and named and abs(power) <= 10):
        raise CourseError("a power in a formula is a column to a number up to 10, as in I(age**2)")


def _function_name(function: ast.AST) -> str:
    match function:
        case ast.Name(id=name) if name in FUNCTIONS:
            return name
        case ast.Attribute(value=ast.Name(id="np" | "numpy" as module), attr=name) if name in NUMPY:
            if module == "np":
                return f"np.{name}"
    name = _shown(function)
    bare = name.split(".")[-1]
    if bare in NUMPY:
        mend = f": write np.{bare}(...)"
    elif name in MENDS:
        mend = f": {MENDS[name]}"
    else:
        mend = " (C, I, Q, bs, cc, center, cr, scale, standardize, np.log, np.sqrt, np.exp, ...)"
    raise CourseError(f"the function {name} is not among those a formula may use{mend}")


def _check_arguments(name: str, arguments: list, keywords: list, inside: str) -> None:
    """Only what the function takes: no ``out=`` that writes, no spline of a degree FITPACK dies of."""
    least, most, known = SIGNATURES.get(name, (1, 1, ()))
    given = {keyword.arg: keyword.value for keyword in keywords}
    if None in given:
        raise CourseError("** in a call has no place in a formula")
    unknown = [key for key in given if key not in known]
    if unknown:
        takes = f"it takes {', '.join(known)}" if known else "it takes no names"
        raise CourseError(f"{name}(...) has no argument {unknown[0]}: {takes}")
    if not least <= len(arguments) <= most:
        counts = count(least, "argument")
        if most != least:
            counts += f" to {most}"
        raise CourseError(f"{name}(...) takes {counts} in a formula, not {len(arguments)}")
    if name in CONTRASTS and inside != "C":
        raise CourseError(f"{name} is a coding of a factor: write C(x, {name})")
    if name in LABELS and inside == "as_numeric":
        raise CourseError(PLACES)
    if name in LABELS and inside not in ("", "C"):
        raise CourseError(f"{name}(...) makes labels, and nothing can be computed from labels")
    if name == "C":
        contrast = arguments[1] if len(arguments) > 1 else given.get("contrast")
        called = contrast.func if isinstance(contrast, ast.Call) else contrast
        if contrast is not None and getattr(called, "id", None) not in CONTRASTS:
            raise CourseError(
                f"`{_shown(contrast)}` is not a coding of a factor: write C(x, Treatment('label')), or Sum, "
                "Poly, Helmert, Diff"
            )
    if name == "np.round":
        given = dict(zip(("", "decimals"), arguments, strict=False)) | given
    if name in SPLINES:
        given = dict(zip(("", "df"), arguments, strict=False)) | given
        if not given.keys() & {"df", "knots"}:
            # beside an intercept
            centred = ', constraints="center"' if name in ("cr", "cc") else ""
            raise CourseError(
                f"{name}(...) needs the number of its columns: {name}(x, df=4{centred})"
            )
        if "degree" in given and not _whole(given["degree"], 0, MOST_DEGREES):
            raise CourseError(f"degree of {name}(...) is a whole number from 0 to {MOST_DEGREES}")
    if name == "poly":
        given = dict(zip(("", "degree"), arguments, strict=False)) | given
    if name == "cut":
        given = dict(zip(("", "breaks"), arguments, strict=False)) | given
        breaks = given.get("breaks")
        if not (isinstance(breaks, ast.List | ast.Tuple) or _whole(breaks, 2, 50)):
            raise CourseError(
                "cut(...) needs breaks: how many parts, as in cut(x, 3), or a list of limits"
            )
    for key, value in given.items():
        if key in WHOLE and not _whole(value, *WHOLE[key]):
            low, high = WHOLE[key]
            raise CourseError(f"{key} of {name}(...) is a whole number from {low} to {high}")
        if key in SWITCHES and not (isinstance(value, ast.Constant) and type(value.value) is bool):
            raise CourseError(f"{key} of {name}(...) is True or False")


def _whole(node: ast.AST | None, low: int, high: int) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and low <= node.value <= high


def _quoted_column(node: ast.Call, columns: dict, categorical: set, inside: str) -> None:
    match node:
        case ast.Call(args=[ast.Constant(value=str() as name)], keywords=[]):
            columns.setdefault(name)
            if inside == "C":
                categorical.add(name)
        case _:
            raise CourseError('Q takes one column name in quotes, as in Q("test score")')
