"""How R spells the inside of a call, and what each spelling becomes in patsy's language.

`R_CALLS` is the one table. A line of it says what R's function takes and how the same is written here; what
stands in brackets is written only where the argument is given::

    "factor(x, levels)"  ->  "C({x}[, levels={levels}])"

Beside the functions R has names of its own for a power, for True and False, for a list and for pi, and its
column names may have dots. Python's own spellings pass as they are, so that a text may be read twice.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import partial

from course.common.wording import listing
from course.errors import CourseError
from course.formula.expressions import CONTRASTS, TEXT, column_code

R_CALLS = {
    "as.character(x)": "C({x})",
    "as.numeric(x)": "as_numeric({x})",
    "log(x)": "np.log({x})",
    "log(x, base)": "I(np.log({x}) / np.log({base}))",
    "factor(x, levels)": "C({x}[, levels={levels}])",
    "as.factor(x)": "C({x})",
    "ordered(x, levels)": "C({x}, Poly[, levels={levels}])",
    "relevel(x, ref)": "C({x}, Treatment({ref}))",
    "dummy(f, level)": "np.where({f} == {level}, 1, 0)",
    "ifelse(test, yes, no)": "np.where({test}, {yes}, {no})",
    "ceiling(x)": "np.ceil({x})",
    "pmax(x, y)": "np.maximum({x}, {y})",
    "pmin(x, y)": "np.minimum({x}, {y})",
    "round(x, digits)": "np.round({x}[, {digits}])",
} | {
    f"{name}(x)": f"np.{name}({{x}})"
    for name in "abs cos exp expm1 floor log10 log1p log2 sign sin sqrt tan tanh".split()
}
# R's and patsy's function have one name, and not the same arguments
ARGUMENTS = {
    "bs": {"intercept": "include_intercept"},
    "scale": {"scale": "rescale"},
    "cut": {"include.lowest": "include_lowest"},
}
# how many columns a spline has where neither df nor knots is given
SPLINES_DF = {"bs": "3", "ns": "1"}
MENDS_OF_KNOTS = {
    "bs": "write lower_bound=6, upper_bound=12",
    "ns": "its outer knots are the lowest and the highest value of the column; leave it out",
}
CODINGS = {
    "contr.treatment": "Treatment",
    "contr.sum": "Sum",
    "contr.helmert": "Helmert",
    "contr.poly": "Poly",
}
PYTHONS = frozenset({"True", "False", "None", "and", "or", "not", "is", "if", "else", "lambda"})
CONSTANTS = {"TRUE": "True", "FALSE": "False", "Inf": "np.inf"}
PACKAGES = ("base", "stats", "splines", "lme4")  # whose functions these are: splines::ns(x, 3)

TOKEN = re.compile(
    rf"""(?P<space>\s*)(?:
      (?P<text>{TEXT})
    | `(?P<quoted>[^`]*)`
    | (?:(?:{"|".join(PACKAGES)})::)?(?P<name>[^\W\d][\w.]*)
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)
    | (?P<op>%%|%/%|==|[<>!]=|\*\*|&&|\|\||.)
    )""",
    re.VERBOSE | re.DOTALL,
)
NUMBER = r"[-+]?\d+\.?\d*"
OPTIONAL = re.compile(r"\[(.*?\{(\w+)\}.*?)\]")
DOTTED = re.compile(r"(?!np\.|numpy\.)\w+(\.(?!_)\w*)+")  # a column of R's
OPERATORS = {"^": "**", "%%": "%", "%/%": "//"}
REMAINDERS = ("%%", "%/%")  # which bind closer than a product in R, and as close in Python
LOOSER = ("*", "/", "+", "-", "=", "==", "!=", "<", ">", "<=", ">=", "&", "&&", "|", "||", ",")
LOGICAL = {"&": "&", "&&": "&", "|": "|", "||": "|"}
_LINES = [(*pattern.rstrip(")").split("("), template) for pattern, template in R_CALLS.items()]
_SIGNATURES = {
    name: [(takes.split(", "), template) for other, takes, template in _LINES if other == name]
    for name, *_ in _LINES
}


def read_r(text: str, columns: Collection[object] = ()) -> tuple[str, dict[str, str]]:
    """A call, or arithmetic, as R or Python spell it, in patsy's language.

    Parameters
    ----------
    text : str
        For instance ``"log(group.size)"`` or ``"I(age^2)"``.
    columns : collection
        The columns of the data, where they are known: one called pi is no constant.

    Returns
    -------
    code : str
        Python; not yet checked (`course.formula.expressions.check_call` does that).
    readings : dict of str to str
        For each spelling of R's what it was read as.

    Raises
    ------
    CourseError
        Where a function of R's gets arguments that have no counterpart here.

    Examples
    --------
    >>> read_r("log(group.size)")
    ('np.log(Q("group.size"))', {'log': 'np.log'})
    >>> read_r("I(age^2)"), read_r("relevel(grade, ref = 'B')")[0]
    (('I(age**2)', {'^': '**'}), "C(grade, Treatment('B'))")
    >>> read_r("np.log(age)")
    ('np.log(age)', {})
    """
    reader = _Reader(text, columns)
    code = reader.expression(stop="")
    return code, reader.readings


class _Reader:
    """A position in the text of a call, and what was read differently so far."""

    def __init__(self, text: str, columns: Collection[object]):
        self.tokens = [match for match in TOKEN.finditer(text) if match.lastgroup]
        self.rest = text[self.tokens[-1].end() if self.tokens else 0 :]
        self.at = 0
        self.columns = columns
        self.readings: dict[str, str] = {}

    def next_is(self, op: str, ahead: int = 0) -> bool:
        at = self.at + ahead
        return at < len(self.tokens) and self.tokens[at]["op"] == op

    def read_as(self, r: str, ours: str) -> str:
        self.readings[r] = ours
        return ours

    def expression(self, stop: str, coding: bool = False) -> str:
        """What stands before one of the characters `stop`, outside parentheses and brackets.

        A coding of factors may be named in it where `coding`; elsewhere these are names of columns.
        """
        code, brackets, operands = "", 0, ""
        factor, opened = -1, ""  # where the last factor of a product begins, and what closes it
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            op = token["op"]
            if op and op in stop and not brackets:
                return operands + _operand(code + opened, operands)
            self.at += 1
            if op in LOOSER and not (op in ("+", "-") and _ends_in_operator(code)):
                code, factor, opened = code + opened, -1, ""
            elif op in REMAINDERS and factor >= 0:
                code, factor, opened = _with_parenthesis_at(factor, code), -1, ")"
            if op in LOGICAL:  # which binds closer than a comparison in Python, and looser in R
                operands += f"{_in_parentheses(code)} {LOGICAL[op]} "
                code = ""
                continue
            code += token["space"]
            if token["name"]:
                code += self.name(token["name"], coding)
            elif coding and token["text"] and token["text"][1:-1] in CODINGS:
                code += self.read_as(token["text"], CODINGS[token["text"][1:-1]])
            elif token["quoted"] is not None:
                code += column_code(token["quoted"])
            elif op == "(":
                code += "(" + self.expression(stop=")") + self.close()
            else:
                brackets += (op == "[") - (op == "]")
                code += self.read_as(op, OPERATORS[op]) if op in OPERATORS else token[0].strip()
                factor = len(code) if op in ("*", "/") else factor
        return operands + _operand(code + opened, operands) + self.rest

    def close(self) -> str:
        closed = self.next_is(")")
        self.at += closed
        return ")" if closed else ""

    def name(self, name: str, coding: bool) -> str:
        """A function with its arguments, a constant, or a column."""
        if self.next_is("("):
            space = self.tokens[self.at]["space"]
            self.at += 1
            return self.call(name, space)
        if coding and name in CODINGS:
            return self.read_as(name, CODINGS[name])
        if coding and name in CONTRASTS:
            return name
        if name in CONSTANTS:
            return self.read_as(name, CONSTANTS[name])
        if name == "pi" and name not in self.columns:
            return self.read_as(name, "np.pi")
        if name in PYTHONS or "." in name and not DOTTED.fullmatch(name):
            return name  # an attribute of Python's stays what it is, and is refused later
        return column_code(name)

    def call(self, name: str, space: str) -> str:
        given: list[tuple[str, str]] = []  # the argument's name, or "", and its value
        while not self.next_is(")") and self.at < len(self.tokens):
            key = ""
            if self.next_is("=", ahead=1) and self.tokens[self.at]["name"]:
                key = self.tokens[self.at][0]  # with the space before it
                self.at += 2
            coding = name == "C" and (bool(given) if not key else key.strip() == "contrast")
            value = self.expression(stop=",)", coding=coding)
            if key and value.strip() in ("T", "F"):
                value = self.read_as(value.strip(), str(value.strip() == "T"))
            given.append((key, value))
            self.at += self.next_is(",")
        closed = self.close()
        if name == "c":
            return self.read_as("c(...)", "[...]").replace("...", _joined(given))
        if name in CODINGS:
            if given:
                raise CourseError(
                    f"{name}(...) with arguments is not read: write C(x, {CODINGS[name]}), or "
                    "C(x, Treatment('label')) for another reference"
                )
            return self.read_as(name, CODINGS[name])
        if name == "C" and given[1:] and given[1][1].strip() == CODINGS["contr.treatment"]:
            # a column called Treatment would hide what C takes anyhow
            given = given[:1] if "contr.treatment" in self.readings else given
        if name == "factor":
            name, given = _ordered(given)
        if name in _SIGNATURES:
            return self.filled(name, given)
        renamed = ARGUMENTS.get(name, {})
        arguments = [(self.argument(key, renamed), value) for key, value in given]
        if name in MENDS_OF_KNOTS and any("Boundary.knots" in key for key, _ in given):
            raise CourseError(f"{name}(...) here takes no Boundary.knots: {MENDS_OF_KNOTS[name]}")
        if name == "scale":  # R's order of arguments is patsy's, whose numbers of arguments are few
            places = [i for i, (key, _) in enumerate(arguments) if not key][1:3]
            for i, key in zip(places, ("center", "rescale"), strict=False):
                value = arguments[i][1].strip()
                arguments[i] = (f" {key}", {"T": "True", "F": "False"}.get(value, value))
        if name in SPLINES_DF:  # one knot is a list of one
            arguments = [
                (key, f"[{value.strip()}]")
                if key.strip() == "knots" and re.fullmatch(NUMBER, value.strip())
                else (key, value)
                for key, value in arguments
            ]
        keys = [key.strip() for key, _ in arguments]
        if name in SPLINES_DF and len(given) == 1 and not keys[0]:
            arguments.append((" df", self.read_as(f"{name}(x)", SPLINES_DF[name])))
        if name == "scale" and "ddof" not in keys:
            if [value.strip() for key, value in arguments if key.strip() == "center"] == ["False"]:
                raise CourseError(
                    "scale(x, center=FALSE) divides by the root of the mean square in R; write I(x / 10) "
                    "with the number that is to divide"
                )
            self.read_as("scale(x)", "scale(x, ddof=1)")  # R divides by n - 1, patsy by n
            arguments.append((" ddof", "1"))
        return f"{name}{space}({_joined(arguments)}{closed}"

    def argument(self, key: str, renamed: dict[str, str]) -> str:
        word = key.strip()
        if word not in renamed:
            return key
        return key.replace(word, self.read_as(word, renamed[word]))

    def filled(self, name: str, given: list[tuple[str, str]]) -> str:
        """The line of the table for this function that takes these arguments."""
        for known, template in _SIGNATURES[name]:
            values = {key.strip(): value.strip() for key, value in given if key}
            free = [word for word in known if word not in values]
            positions = [value.strip() for key, value in given if not key]
            values |= dict(zip(free, positions, strict=False))
            written = OPTIONAL.sub(partial(_if_given, values), template)
            wanted = set(re.findall(r"\{(\w+)\}", written))
            if name == "relevel" and re.fullmatch(NUMBER, values.get("ref", "")):
                raise CourseError(
                    f"relevel(x, {values['ref']}) takes in R the level at that place, not of that name: "
                    "write the level itself in quotes, as in relevel(x, 'b') or relevel(factor(grade), '9')"
                )
            if len(positions) <= len(free) and wanted <= values.keys() <= set(known):
                function = written.partition("(")[0]
                if written == f"{function}({{{known[0]}}})":
                    self.read_as(name, function)
                else:
                    shown = ", ".join(word for word in known if word in wanted)
                    self.read_as(f"{name}({shown})", re.sub(r"[{}]", "", written))
                return written.format_map(values)
        strange = [word for word in values if word not in known]
        raise CourseError(
            f"{name}(...) in a formula takes {listing(known)}"
            + (f", and no {strange[0]}" if strange else "")
        )


def _ordered(given: list[tuple[str, str]]) -> tuple[str, list[tuple[str, str]]]:
    """factor(x, ordered=TRUE) is ordered(x)."""
    values = {key.strip(): value.strip() for key, value in given}
    if "labels" in values:
        raise CourseError(
            "factor(x, labels=) gives labels new names: do that in the data, "
            "data['x'] = data['x'].map({'old': 'new', ...})"
        )
    name = "ordered" if values.get("ordered") in ("True", "T") else "factor"
    return name, [(key, value) for key, value in given if key.strip() != "ordered"]


def _if_given(values: Collection[str], optional: re.Match) -> str:
    return optional[1] if optional[2] in values else ""


def _ends_in_operator(code: str) -> bool:
    """Whether a + or - after it is a sign."""
    return code.rstrip()[-1:] in ("", *"*/%+-=<>,[")


def _with_parenthesis_at(place: int, code: str) -> str:
    factor = code[place:].lstrip()
    return f"{code[: len(code) - len(factor)]}({factor}"


def _operand(code: str, before: str) -> str:
    """The last of what is joined by & or |; alone it stays as it is."""
    return _in_parentheses(code) if before else code


def _in_parentheses(code: str) -> str:
    code, depth = code.strip(), 0
    for place, char in enumerate(code):
        depth += (char == "(") - (char == ")")
        if depth == 0 and place < len(code) - 1:  # what the first one opens does not hold it all
            return f"({code})"
    return code if code.startswith("(") else f"({code})"


def _joined(given: list[tuple[str, str]]) -> str:
    return ",".join(f"{key}={value.strip()}" if key else value for key, value in given)
