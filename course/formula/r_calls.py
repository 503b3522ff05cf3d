"""Whole calls of R's model functions, where a formula belongs, and the same call in Python.

Whoever comes from lme4 pastes ``lmer(y ~ x + (1|g), data = d, REML = FALSE)``. Only the formula is read here,
so the call is refused; but the message has the whole of it in Python, with what the arguments said.
"""

from __future__ import annotations

import json
import re

from course.common.nearest import shortened
from course.common.wording import listing
from course.formula.tokens import apart

# m <- lme4::lmer(y ~ x + (1|g), data)
CALL = re.compile(
    r"\s*(?:[\w.]+\s*(?:<-|=)\s*)?(?:\w+::)?"
    r"(g?lmer|glmmTMB|brm|stan_g?lmer|lme|update)\s*\((?=.*~)(.*)",
    re.DOTALL,
)
NAMED = re.compile(r"\s*([\w.]+)\s*=(?!=)\s*(.*?)\s*", re.DOTALL)
# What stands unnamed after the formula, in order. (That of lme is its random part.)
POSITIONS = {"lmer": ("data", "REML"), "lme": ("data", "random")}
OTHERS = ("data", "family")
FAMILY = re.compile(r"(?:\w+::)?\W?(\w+)\W?(?:\(\s*(?:link\s*=\s*)?\W?(\w*)\W?\s*\))?")
FAMILIES = {"binomial": "binomial", "bernoulli": "binomial", "poisson": "poisson"}
RANDOM = re.compile(r"~\s*([^|]+)\|\s*([\w./:]+)")
ONE_NAME = re.compile(r"[^\W\d]\w*")
WITHOUT_PRIORS = ("brm", "stan_lmer", "stan_glmer")
# Arguments that say how to search, what to print, or what holds here anyway.
NEEDLESS = frozenset(
    "control start verbose na.action devFunOnly chains iter cores seed prior".split()
)
UPDATE = (
    "there is no update(): write the whole formula, or make it from the old one as text, as in "
    'fit.formula.replace("+ sex", "")'
)


def in_python(text: str) -> str | None:
    """What is wrong with a text that is a call of R's, and the call in Python; None for any other text.

    Examples
    --------
    >>> print(in_python("m <- lmer(y ~ x + (1|g), data = d, REML = FALSE)"))
    this is a call of R's lmer: only the formula belongs here, mixedlm("y ~ x + (1|g)", d).fit(reml=False)
    >>> print(in_python("glmer(passed ~ x + (1|g), d, family = binomial, nAGQ = 9)").partition("here, ")[2])
    mixedglm("passed ~ x + (1|g)", d, family="binomial").fit(nagq=9)
    >>> print(in_python("lme(y ~ x, random = ~ x | g, data = d)").partition("here, ")[2])
    mixedlm("y ~ x + (x|g)", d).fit()
    >>> in_python("y ~ x + (1|g)")
    """
    if re.match(r"\s*\.\s*~", text):
        return f"a lone '.' before the ~ is the language of R's update. {UPDATE}"
    match = CALL.match(text)
    if not match:
        return None
    function, rest = match[1], match[2]
    if function == "update":
        return f"this is a call of R's update. {UPDATE}"
    formula, given = _arguments(function, _inside(rest))
    call, left_over = _call(function, formula, given)
    unread = f". It has no place for {listing(left_over)}" if left_over else ""
    if function in WITHOUT_PRIORS:
        unread += ". It fits by likelihood, without priors"
    return f"this is a call of R's {function}: only the formula belongs here, {call}{unread}"


def _inside(text: str) -> str:
    """What stands before the parenthesis that closes the call."""
    depth = 0
    for place, char in enumerate(text):
        if depth == 0 and char == ")":
            return text[:place]
        depth += (char == "(") - (char == ")")
    return text


def _arguments(function: str, inside: str) -> tuple[str, dict[str, str]]:
    """The formula, and the other arguments by their names."""
    formula, given = "", {}
    places = iter(POSITIONS.get(function, OTHERS))
    for argument in apart(inside):
        named = NAMED.fullmatch(argument)
        if named and "~" not in named[1]:
            given[named[1]] = named[2]
        elif not formula:
            formula = argument.strip()
        elif argument.strip():
            given[next(places, argument.strip())] = argument.strip()
    for name in ("formula", "fixed", "model"):
        formula = formula or given.pop(name, "")
    return formula, given


def _call(function: str, formula: str, given: dict[str, str]) -> tuple[str, list[str]]:
    """The call in Python, and the arguments that it has no place for."""
    data = given.pop("data", "data")
    family, link = _family(given.pop("family", "gaussian"))
    random = RANDOM.fullmatch(given.get("random", ""))
    if random:
        given.pop("random")
        formula += f" + ({random[1].strip()}|{random[2]})"
    if "offset" in given:
        formula += f" + offset({given.pop('offset')})"
    arguments = [
        json.dumps(shortened(formula), ensure_ascii=False),
        data if ONE_NAME.fullmatch(data) else "data",
    ]
    name = "mixedlm"
    if family in FAMILIES:
        name = "mixedglm"
        arguments.append(f'family="{FAMILIES[family]}"')
        if link not in ("", "logit", "log"):
            arguments.append(f'link="{link}"')
    weights = given.get("weights", "")
    if ONE_NAME.fullmatch(weights):
        arguments.append(f'weights="{given.pop("weights")}"')
    reml = given.pop("REML", "FALSE" if function == "glmmTMB" else "TRUE")
    by_ml = reml in ("FALSE", "F") or given.pop("method", "").strip("'\"") == "ML"
    nodes = given.pop("nAGQ", "1")
    options = ""
    if name == "mixedlm" and by_ml:
        options = "reml=False"
    if name == "mixedglm" and nodes.isdecimal() and int(nodes) > 1:
        options = f"nagq={nodes}"
    left_over = [one for one in given if one not in NEEDLESS]
    if family not in FAMILIES and family != "gaussian":
        left_over.insert(0, f"the family {family}")
    return f"{name}({', '.join(arguments)}).fit({options})", left_over


def _family(text: str) -> tuple[str, str]:
    """``binomial(link = "probit")`` as its name and its link."""
    match = FAMILY.fullmatch(text.strip())
    return (match[1], match[2] or "") if match else (text, "")
