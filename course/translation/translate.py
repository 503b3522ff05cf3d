"""`Design` to `Translation`: the exact MixedLM call, as arguments, code, words and LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import pandas as pd

from course.common.arguments import choice
from course.common.keywords import refuse_keywords
from course.design.columns import check_frame
from course.design.design import Design, build_design
from course.design.notes import find_notes
from course.design.plausible import build_designs
from course.design.weights import columns_of_weights, weights_column
from course.errors import CourseError
from course.formula.plausible import PlausibleValues, read_formula
from course.formula.terms import Formula
from course.translation import code, equation, explain
from course.translation.arguments import arguments
from course.translation.call import Call
from course.translation.generalised import GeneralisedTranslation, translate_generalised
from course.translation.layout import lay_out
from course.translation.outcome import FAMILIES

OF_MIXEDLM = dict.fromkeys(
    ("groups", "re_formula", "vc_formula", "subset", "missing"),
    "mixedlm takes it, and mixedlm(...).translation is the translation; here bars say it all",
)


@dataclass(frozen=True, eq=False)
class Translation:
    """An lme4-style formula in the language of statsmodels, on the data it was written for.

    Attributes
    ----------
    fixed_formula, groups, re_formula, vc_formula
        What ``smf.mixedlm(fixed_formula, data, groups=groups, re_formula=..., vc_formula=...)`` takes.
    prepare : dict of str to str
        Columns that the call needs beside the data's own: name and Python expression.
    exact : bool
        True where MixedLM has this very model.
    gaps : tuple of str
        Where it has not: why, one sentence for each term.
    weights : str or None
        The column of prior weights, for which smf.mixedlm has no argument: `code` multiplies the rows by
        the roots of their weights, which is the same model.
    n_correlated : int
        How many effects ``re_formula`` has.
    code : str
        Python that fits the model to a DataFrame called ``data`` with pandas and statsmodels alone and
        leaves the results in ``result``. Where the translation is not exact it fits the nearest
        model that MixedLM has, and says so.
    latex : str
        The model as an equation.
    notes : tuple of str
        What the data say that the formula does not.
    plausible : PlausibleValues or None
        Where the response is a pattern, the columns that it names: then the arguments are those for the
        first of them, and the code fits all and pools.

    See Also
    --------
    course.translate : Makes it.
    course.MixedModel : Has one of its own, ``model.translation``.

    Examples
    --------
    >>> from course import load, translate
    >>> translation = translate("test_score ~ age + (age|school)", load("pupils"))
    >>> translation.fixed_formula, translation.groups, translation.re_formula
    ('test_score ~ age', 'school', '1 + age')
    """

    design: Design = field(repr=False)
    call: Call
    plausible: PlausibleValues | None = None

    @property
    def fixed_formula(self) -> str:
        return self.call.fixed_formula

    @property
    def groups(self) -> str:
        return self.call.groups

    @property
    def re_formula(self) -> str | None:
        return self.call.re_formula

    @property
    def vc_formula(self) -> dict[str, str] | None:
        return {c.name: c.formula for c in self.call.components} or None

    @property
    def prepare(self) -> dict[str, str]:
        return {column.name: column.expression for column in self.call.made}

    @property
    def exact(self) -> bool:
        return not self.call.gaps

    @property
    def gaps(self) -> tuple[str, ...]:
        return tuple(map(str, self.call.gaps))

    @property
    def weights(self) -> str | None:
        return self.call.weights

    @property
    def n_correlated(self) -> int:
        return self.call.n_correlated

    @cached_property
    def code(self) -> str:
        return code.program(self.design, self.call, self.plausible)

    @property
    def latex(self) -> str:
        return equation.latex(self._as_written)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        return find_notes(self.design)

    def explain(self) -> str:
        """The model in words, term by term, and how MixedLM takes it."""
        return explain.explain(self._as_written, self.call, self.notes, self.plausible)

    def __str__(self) -> str:
        return self.explain()

    def _repr_html_(self) -> str:
        return explain.explain_html(self._as_written, self.call, self.notes, self.plausible)

    @property
    def _as_written(self) -> Design:
        """The design, with the pattern for a response that is one."""
        if self.plausible is None:
            return self.design
        return replace(self.design, formula=self.plausible.in_formula(self.design.formula))


def translate(
    formula: str | Formula,
    data: pd.DataFrame,
    weights: str | Sequence | None = None,
    family: str = "gaussian",
    link: str | None = None,
    **options: object,
) -> Translation | GeneralisedTranslation:
    """Translate an lme4-style formula to the exact statsmodels call.

    For yes or no and for counts statsmodels has no such model, but two that come near: a Bayesian mixed
    GLM, and GEE, which has population-averaged effects. Both are then written, and what they make of it.

    Parameters
    ----------
    formula : str
        For instance ``"test_score ~ age + sex + (age|classroom) + (1|school)"``, in R's spelling or Python's.
        With a pattern for its response, ``"PV*MATH ~ escs + (1|school)"``, the code fits the model to each of
        the plausible values and pools.
    data : DataFrame
        The pupils; how their groups lie in each other decides the call. Not changed.
    weights : str or array-like of shape (n,), optional
        As `mixedlm` takes them: a row of weight w has the residual variance σ²/w. With a family as
        `mixedglm` takes them.
    family : {"gaussian", "binomial", "poisson"}
        What the response is: a number with a normal residual, yes or no, a count.
    link : {"logit", "probit", "cloglog"} or {"log"}, optional
        As for `mixedglm`.
    **options
        None is known: a keyword of another program is told where it belongs.

    Returns
    -------
    Translation
        The arguments of the call; ``.explain()`` says the model in words, ``.code`` is the whole program.
        With a family a `GeneralisedTranslation`, whose ``.gee_code`` is the second program.

    Raises
    ------
    CourseError
        Where formula or data are not as they should be; the message says what to write instead.

    See Also
    --------
    mixedlm : Fits the formula as it is, also where statsmodels has no place for it.
    propose : A first formula for a table.

    Examples
    --------
    >>> from course import load
    >>> t = translate("test_score ~ age + (1|classroom) + (1|school)", load("pupils"))
    >>> t.groups, t.re_formula, t.vc_formula
    ('school', '1', {'classroom': '0 + C(classroom)'})
    >>> t.exact
    True
    """
    takes = ("formula", "data", "weights", "family", "link")
    refuse_keywords("translate", options, takes, OF_MIXEDLM)
    choice("family", family, ("gaussian", *FAMILIES))
    links = () if family == "gaussian" else FAMILIES[family].links
    if link is not None:
        choice(f"link of the {family} family,", link, links)
    data = check_frame(data)
    aside = columns_of_weights(weights, None, data.columns)
    formula, plausible = read_formula(formula, data.columns, aside)
    require_random_term(formula)
    weighted, data = weights_column(weights, data)
    if family != "gaussian":
        if plausible is not None:
            raise CourseError(
                "a pattern for the response is for plausible values, which are numbers with a normal "
                "residual: leave family= out"
            )
        design = build_design(formula, data, weighted, FAMILIES[family].kind)
        return translate_generalised(design, family, link or links[0])
    if plausible is None:
        return translate_design(build_design(formula, data, weighted))
    designs = build_designs(formula, data, plausible.responses, plausible.columns, weighted)
    return translate_design(designs[0], plausible)


def require_random_term(formula: Formula) -> None:
    """Refuse a formula that has none."""
    if not formula.random:
        raise CourseError(
            "the formula has no random term such as (1|school): for ordinary least squares use "
            "smf.ols(formula, data), or say which groups the rows come from"
        )


def translate_design(design: Design, plausible: PlausibleValues | None = None) -> Translation:
    """The translation of a design that is there already."""
    return Translation(design, arguments(lay_out(design)), plausible)
