"""Families and links by their names here and in statsmodels, and the response as its programs need it."""

from __future__ import annotations

from dataclasses import dataclass

from course.design.design import Design
from course.design.responses import COUNT, YES_OR_NO, is_pair
from course.formula.expressions import column_code
from course.formula.parse import variables_of_response
from course.translation.arguments import quote


@dataclass(frozen=True)
class FamilyWords:
    """What a family is called.

    Attributes
    ----------
    kind : str
        Of the response.
    links : tuple of str
        The first of them is the usual one, and the only one of the Bayesian model.
    bayes, gee : str
        The class of the Bayesian mixed GLM, and the family of GEE.
    mean : str
        What the link is of, of a response that is to be filled in.
    law, parameter : str
        The distribution and its parameter in LaTeX.
    averaged : str
        What GEE's effects are about.
    """

    kind: str
    links: tuple[str, ...]
    bayes: str
    gee: str
    mean: str
    law: str
    parameter: str
    averaged: str


@dataclass(frozen=True)
class LinkWords:
    """A link: in words before its mean, in LaTeX around it, and as an argument of GEE's family."""

    of: str
    latex: str
    gee: str = ""


FAMILIES = {
    "binomial": FamilyWords(
        kind=YES_OR_NO,
        links=("logit", "probit", "cloglog"),
        bayes="BinomialBayesMixedGLM",
        gee="Binomial",
        mean="the probability of {counted}",
        law=r"\operatorname{{Binomial}}({trials},\ p_i)",
        parameter="p_i",
        averaged="how the share of {counted} differs on average over the levels of {groups}",
    ),
    "poisson": FamilyWords(
        kind=COUNT,
        links=("log",),
        bayes="PoissonBayesMixedGLM",
        gee="Poisson",
        mean="the expected {counted}",
        law=r"\operatorname{{Poisson}}(\mu_i)",
        parameter=r"\mu_i",
        averaged="how the mean of {counted} differs on average over the levels of {groups}",
    ),
}
LINKS = {
    "logit": LinkWords("the logit of", r"\operatorname{{logit}}({0})"),
    "probit": LinkWords("the probit of", r"\Phi^{{-1}}({0})", "sm.families.links.Probit()"),
    "cloglog": LinkWords(
        "the complementary log-log of", r"\log(-\log(1 - {0}))", "sm.families.links.CLogLog()"
    ),
    "log": LinkWords("the logarithm of", r"\log({0})"),
}
CBIND = """\
def cbind(passed, failed):
    return np.column_stack([passed, failed])


both = np.asarray(patsy.dmatrix({formula}, data)).astype(int)
passed, trials = both[:, 0], both.sum(axis=1)
"""
SHARE = """\
trials = data[{trials}].to_numpy(int)
passed = (np.asarray(patsy.dmatrix({formula}, data))[:, 0] * trials).round().astype(int)
"""
ROW_EACH = """\
data = pd.concat(  # a row for each trial
    [
        data.loc[data.index.repeat(passed)].assign({column}=1),
        data.loc[data.index.repeat(trials - passed)].assign({column}=0),
    ],
    ignore_index=True,
)
"""


@dataclass(frozen=True)
class Outcome:
    """The response of a generalised model.

    Attributes
    ----------
    family, link : str
    counted : str
        What is counted, as a phrase: ``passed``, or ``passed = 'yes'``.
    response : str
        The left side of the formula of the programs.
    trials : str
        What says how many trials a row has; empty for one, and for counts.
    lines : tuple of str
        What the programs do to ``data``, so that every trial has a row of its own.
    weights : str or None
        The column of prior weights of counts.
    """

    family: str
    link: str
    counted: str
    response: str
    trials: str = ""
    lines: tuple[str, ...] = ()
    weights: str | None = None

    @property
    def mean(self) -> str:
        """What the link is of: ``the probability of passed``."""
        return FAMILIES[self.family].mean.format(counted=self.counted)


def outcome_of(design: Design, family: str, link: str) -> Outcome:
    """How the programs get the response of a design of yes or no, or of counts.

    Examples
    --------
    >>> import pandas as pd
    >>> from course.design.design import build_design
    >>> from course.formula.parse import parse_formula
    >>> data = pd.DataFrame({"passed": ["yes", "no", "yes", "no"], "school": list("AABB")})
    >>> design = build_design(parse_formula("passed ~ 1 + (1|school)"), data, kind="yes or no")
    >>> outcome = outcome_of(design, "binomial", "logit")
    >>> outcome.mean, outcome.response
    ("the probability of passed = 'yes'", "I(1 * (passed == 'yes'))")
    """
    name = design.formula.response
    if design.kind == COUNT:
        return Outcome(family, link, name, name, weights=design.weights_name)
    if is_pair(name):
        lines = CBIND.format(formula=quote(f"0 + {name}")) + ROW_EACH.format(column=_free(design))
        first, *more = variables_of_response(name)
        trials = " + ".join([first, *more])
        return Outcome(family, link, first, _free(design), trials, tuple(lines.splitlines()))
    if design.weights_name is not None:
        trials = design.weights_name
        lines = SHARE.format(trials=quote(trials), formula=quote(f"0 + I({name})"))
        lines += ROW_EACH.format(column=_free(design))
        return Outcome(family, link, name, _free(design), trials, tuple(lines.splitlines()))
    if design.counted is not None:
        (column,) = variables_of_response(name)
        values = design.columns[column].unique()
        label = next(value for value in values if str(value) == design.counted[0])
        response = f"I(1 * ({column_code(column)} == {label!r}))"
        return Outcome(family, link, f"{name} = {design.counted[0]!r}", response)
    number = design.codings.y.names == (name,)
    return Outcome(family, link, name, name if number else f"I(1 * {name})")


def _free(design: Design) -> str:
    """A name for the column of single trials that no column of the model has."""
    name = "counted"
    while name in design.columns:
        name += "_"
    return name
