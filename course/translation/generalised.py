"""`Design` and a family to `GeneralisedTranslation`: words, equation, and two programs of statsmodels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

from course.common.page import Section, as_html, as_text, paragraph, plain
from course.common.page import code as typed
from course.design.design import Design
from course.design.notes import find_notes
from course.translation.explain import WIDTH
from course.translation.generalised_arguments import BayesCall, GeeCall, bayes_call, gee_call
from course.translation.generalised_code import bayes_program, gee_program
from course.translation.generalised_words import (
    bayes_in_words,
    gee_in_words,
    latex,
    sentences,
)
from course.translation.layout import lay_out
from course.translation.outcome import FAMILIES, Outcome, outcome_of
from course.translation.words import groups_in_words, readings_in_words


@dataclass(frozen=True, eq=False)
class GeneralisedTranslation:
    """A generalised mixed model in the language of statsmodels, which has two models that come near.

    A Bayesian mixed GLM is the same equation with prior distributions for its parameters. GEE asks
    another question: what a predictor does to the average over all groups.

    Attributes
    ----------
    fixed_formula, vc_formulas
        What ``BinomialBayesMixedGLM.from_formula(fixed_formula, vc_formulas, data)`` takes, or
        ``PoissonBayesMixedGLM``.
    groups : str
        The clusters of GEE.
    exact : bool
        True where the Bayesian model has this very equation.
    gaps : tuple of str
        Where it has not: why, one sentence for each term.
    code : str
        Python that fits the Bayesian model to a DataFrame called ``data`` with pandas and statsmodels
        alone, and leaves the results in ``result``.
    gee_code : str
        The same for GEE.
    latex : str
        The model as an equation.
    notes : tuple of str
        What the data say that the formula does not.

    See Also
    --------
    course.translate : Makes it, where a family is given.

    Examples
    --------
    >>> from course import simulate_schools, translate
    >>> pupils = simulate_schools(family="binomial", seed=1).data
    >>> translation = translate("passed ~ age + (1|school)", pupils, family="binomial")
    >>> translation.vc_formulas, translation.groups
    ({'school': '0 + C(school)'}, 'school')
    """

    design: Design = field(repr=False)
    outcome: Outcome

    @cached_property
    def bayes(self) -> BayesCall:
        """What the Bayesian model is told."""
        words, outcome = FAMILIES[self.outcome.family], self.outcome
        call = bayes_call(lay_out(self.design), outcome.response, words.bayes)
        gaps = list(call.gaps)
        if outcome.link != words.links[0]:
            gaps.append(f"{words.bayes} has the {words.links[0]} alone, and no {outcome.link}.")
        if outcome.weights is not None:
            gaps.append(f"{words.bayes} takes no weights, and leaves {outcome.weights} out.")
        return replace(call, gaps=tuple(gaps))

    @cached_property
    def gee(self) -> GeeCall:
        """What GEE is told."""
        return gee_call(lay_out(self.design), self.outcome.response)

    @property
    def fixed_formula(self) -> str:
        return self.bayes.fixed_formula

    @property
    def vc_formulas(self) -> dict[str, str]:
        return {c.name: c.formula for c in self.bayes.components}

    @property
    def groups(self) -> str:
        return self.gee.groups

    @property
    def exact(self) -> bool:
        return not self.gaps

    @property
    def gaps(self) -> tuple[str, ...]:
        return self.bayes.gaps

    @cached_property
    def code(self) -> str:
        return bayes_program(self.design, self.outcome, self.bayes)

    @cached_property
    def gee_code(self) -> str:
        return gee_program(self.design, self.outcome, self.gee)

    @property
    def latex(self) -> str:
        return latex(self.design, self.outcome)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        return find_notes(self.design)

    def explain(self) -> str:
        """The model in words, term by term, and how statsmodels' two models take it."""
        return as_text([Section("Model", [str(self.design.formula)]), *self._sections()], WIDTH)

    def __str__(self) -> str:
        return self.explain()

    def _repr_html_(self) -> str:
        heading = paragraph(typed(str(self.design.formula)))
        return as_html([heading, f"$${plain(self.latex)}$$", *self._sections()])

    def _sections(self) -> list[Section]:
        design, outcome = self.design, self.outcome
        sections = [
            Section("How R's spelling was read", readings_in_words(design.formula.readings)),
            Section("In words", sentences(design, outcome)),
            Section("How the groups lie", groups_in_words(design)),
            Section("For statsmodels, by Bayes (code)", bayes_in_words(outcome, self.bayes)),
            Section("For statsmodels, by GEE (gee_code)", gee_in_words(outcome, self.gee)),
            Section("Notes", self.notes),
        ]
        return [section for section in sections if section.items]


def translate_generalised(design: Design, family: str, link: str) -> GeneralisedTranslation:
    """The translation of a design of yes or no, or of counts."""
    return GeneralisedTranslation(design, outcome_of(design, family, link))
