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

from course.common.wording import listing
from course.errors import CourseError
from course.formula.expressions import TEXT, column_code

R_CALLS = {
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
    for name in "abs cos exp expm1 floor log log10 log1p log2 sign sin sqrt tan tanh".split()
}
# R's and patsy's function have one name, and not the same arguments
ARGUMENTS = {
    "bs": {"intercept": "include_intercept"},
    "scale": {"scale": "rescale"},
    "cut": {"include.lowest": "include_lowest"},
}
CONTRASTS = {
    "contr.treatment": "Treatment",
    "contr.sum": "Sum",
    "contr.helmert": "Helmert",
    "contr.poly": "Poly",
}
CONSTANTS = {"TRUE": "True", "FALSE": "False"}
PACKAGES = ("base", "stats", "splines", "lme4")  # whose functions these are: splines::ns(x, 3)

TOKEN = re.compile(
    rf"""(?P<space>\s*)(?:
      (?P<text>{TEXT})
    | `(?P<quoted>[^`]*)`
    | (?:(?:{"|".join(PACKAGES)})::)?(?P<name>[^\W\d][\w.]*)
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)
    | (?P<op>%%|%/%|==|[<>!]=|\*\*|.)
    )""",
    re.VERBOSE | re.DOTALL,
)
DOTTED = re.compile(r"(?!np\.|numpy\.)\w+(\.(?!_)\w*)+")  # a column of R's
OPERATORS = {"^": "**", "%%": "%", "%/%": "//"}
_SIGNATURES = {
    pattern.partition("(")[0]: (pattern.partition("(")[2].rstrip(")").split(", "), template)
    for pattern, template in R_CALLS.items()
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

    def expression(self, stop: str, contrast: bool = False) -> str:
        """What stands before one of the characters `stop`, outside parentheses and brackets."""
        code, brackets = "", 0
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            op = token["op"]
            if op and op in stop and not brackets:
                return code
            self.at += 1
            code += token["space"]
            if token["name"]:
                code += self.name(token["name"])
            elif token["quoted"] is not None:
                code += column_code(token["quoted"])
            elif op == "(":
                code += "(" + self.expression(stop=")") + self.close()
            else:
                brackets += (op == "[") - (op == "]")
                code += self.read_as(op, OPERATORS[op]) if op in OPERATORS else token[0].strip()
        return code + self.rest

    def close(self) -> str:
        closed = self.next_is(")")
        self.at += closed
        return ")" if closed else ""

    def name(self, name: str) -> str:
        """A function with its arguments, a constant, or a column."""
        if self.next_is("("):
            space = self.tokens[self.at]["space"]
            self.at += 1
            return self.call(name, space)
        if name in CONSTANTS:
            return self.read_as(name, CONSTANTS[name])
        if name in CONTRASTS:
            return self.read_as(name, CONTRASTS[name])
        if name == "pi" and name not in self.columns:
            return self.read_as(name, "np.pi")
        # an attribute of Python's stays what it is, and is refused later
        return column_code(name) if DOTTED.fullmatch(name) else name

    def call(self, name: str, space: str) -> str:
        given: list[tuple[str, str]] = []  # the argument's name, or "", and its value
        while not self.next_is(")") and self.at < len(self.tokens):
            key = ""
            if self.next_is("=", ahead=1) and self.tokens[self.at]["name"]:
                key = self.tokens[self.at][0]  # with the space before it
                self.at += 2
            value = self.expression(stop=",)")
            if key and value.strip() in ("T", "F"):
                value = self.read_as(value.strip(), str(value.strip() == "T"))
            given.append((key, value))
            self.at += self.next_is(",")
        closed = self.close()
        if name == "c":
            return self.read_as("c(...)", "[...]").replace("...", _joined(given))
        if name in CONTRASTS:
            if given:
                raise CourseError(
                    f"{name}(...) with arguments is not read: write C(x, {CONTRASTS[name]}), or "
                    "C(x, Treatment('label')) for another reference"
                )
            return self.read_as(name, CONTRASTS[name])
        if name in _SIGNATURES:
            return self.filled(name, given)
        renamed = ARGUMENTS.get(name, {})
        arguments = [(self.argument(key, renamed), value) for key, value in given]
        if name == "scale" and "ddof" not in [key.strip() for key, _ in arguments]:
            self.read_as("scale(x)", "scale(x, ddof=1)")  # R divides by n - 1, patsy by n
            arguments.append((" ddof", "1"))
        return f"{name}{space}({_joined(arguments)}{closed}"

    def argument(self, key: str, renamed: dict[str, str]) -> str:
        word = key.strip()
        if word not in renamed:
            return key
        return key.replace(word, self.read_as(word, renamed[word]))

    def filled(self, name: str, given: list[tuple[str, str]]) -> str:
        """The line of the table for this function, with these arguments."""
        known, template = _SIGNATURES[name]
        values = {key.strip(): value.strip() for key, value in given if key}
        free = [word for word in known if word not in values]
        positions = [value.strip() for key, value in given if not key]
        values |= dict(zip(free, positions, strict=False))
        written = re.sub(
            r"\[(.*?\{(\w+)\}.*?)\]", lambda m: m[1] if m[2] in values else "", template
        )
        wanted = re.findall(r"\{(\w+)\}", written)
        strange = [word for word in values if word not in known]
        if strange or len(positions) > len(free) or not set(wanted) <= values.keys():
            raise CourseError(
                f"{name}(...) in a formula takes {listing(known)}"
                + (f", and no {strange[0]}" if strange else "")
            )
        self.read_as(name, template.partition("(")[0])
        return written.format_map(values)


def _joined(given: list[tuple[str, str]]) -> str:
    return ",".join(f"{key}={value.strip()}" if key else value for key, value in given)
