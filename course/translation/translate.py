"""`Design` to `Translation`: the exact MixedLM call, as arguments, code, words and LaTeX."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from course.design import notes as findings
from course.design.columns import check_frame
from course.design.design import Design, build_design
from course.errors import CourseError
from course.formula.parse import parse_formula
from course.formula.terms import Formula
from course.translation import words
from course.translation.call import _Names
from course.translation.code import _code
from course.translation.layout import Effects, lay_out

NO_RANDOM_TERM = (
    "the formula has no random term such as (1|school): for ordinary least squares use "
    "smf.ols(formula, data), or say which groups the rows come from"
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
    fixed_formula: str
    groups: str
    re_formula: str | None
    vc_formula: dict[str, str] | None
    prepare: dict[str, str]
    gaps: tuple[str, ...]
    n_correlated: int

    @property
    def exact(self) -> bool:
        return not self.gaps

    @cached_property
    def notes(self) -> tuple[str, ...]:
        return findings.find(self.design)

    @cached_property
    def code(self) -> str:
        return _code(self)

    @property
    def latex(self) -> str:
        return words.latex(self.design)

    def explain(self) -> str:
        """The model in words, term by term, and how MixedLM takes it."""
        return words.explain(self)

    def __str__(self) -> str:
        return self.explain()

    def _repr_html_(self) -> str:
        return words.explain_html(self)


def translate(formula: str | Formula, data: pd.DataFrame) -> Translation:
    """Translate an lme4-style formula to the exact statsmodels call.

    Parameters
    ----------
    formula : str
        For instance ``"test_score ~ age + sex + (age|classroom) + (1|school)"``.
    data : DataFrame
        The pupils; how their groups lie in each other decides the call. Not changed.

    Returns
    -------
    Translation
        The arguments of the call; ``.explain()`` says the model in words, ``.code`` is the whole program.

    Raises
    ------
    CourseError
        Where formula or data are not as they should be; the message gives the mend.

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
    check_frame(data)
    if not isinstance(formula, Formula):
        formula = parse_formula(formula)
    if not formula.random:
        raise CourseError(NO_RANDOM_TERM)
    return translate_design(build_design(formula, data))


def translate_design(design: Design) -> Translation:
    """The translation of a design that is there already."""
    layout = lay_out(design)
    names = _Names(design, layout)
    groups = names.top()
    re_formula = None if layout.re is None else names.top_effects(layout.re)
    vc_formula, gaps = {}, []
    for effects in layout.vc:
        key, value = names.component(effects)
        vc_formula[key] = value
    if re_formula and "~" in re_formula:  # of a column's name: MixedLM would take it for its own
        re_formula = f"~ {re_formula}"
    for effects in layout.correlated:
        gaps.append(words.gap(layout, effects))
        for j in effects.block:
            key, value = names.component(Effects(effects.grouping, (j,)))
            vc_formula[key] = value
    return Translation(
        design=design,
        fixed_formula=names.plain(f"{design.formula.response} ~ {design.formula.fixed}"),
        groups=groups,
        re_formula=re_formula and names.plain(re_formula),
        vc_formula={key: names.plain(value) for key, value in vc_formula.items()} or None,
        prepare=names.prepare,
        gaps=tuple(gaps),
        n_correlated=0 if layout.re is None else len(layout.re.block),
    )
