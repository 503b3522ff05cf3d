"""A model of several plausible values: one design, a fit to each, one pooled answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

from course.design.design import Design
from course.fit.model import MixedFit, MixedModel
from course.fit.pooled import PooledFit
from course.fit.survey import SurveyFit, SurveyModel
from course.formula.plausible import PlausibleValues
from course.solver.alike import estimate_alike
from course.translation.translate import Translation, translate_design


@dataclass(frozen=True, eq=False)
class PooledModel:
    """A formula with a pattern for its response, and its data, ready to fit.

    Attributes
    ----------
    designs : list of Design
        One for each plausible value; they differ in the response alone.
    plausible : PlausibleValues
        The pattern and the columns that it names.
    surveys : list of SurveyModel or None
        With sampling weights, the model of each plausible value.

    See Also
    --------
    mixedlm : Makes it of a formula such as ``"PV*MATH ~ escs + (1|school)"``.
    PooledFit : What its `fit` returns.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> exam = load("exam").assign(pv1=lambda d: d.normexam, pv2=lambda d: d.normexam + 0.1)
    >>> mixedlm("pv* ~ standLRT + (1|school)", exam)
    <PooledModel pv* ~ standLRT + (1 | school), 2 plausible values (pv1 and pv2), 4,059 rows>
    """

    designs: list[Design] = field(repr=False)
    plausible: PlausibleValues
    surveys: Sequence[SurveyModel] | None = field(default=None, repr=False)

    @property
    def formula(self) -> str:
        """The formula, with the pattern in place of the columns."""
        return str(self.plausible.in_formula(self.designs[0].formula))

    @cached_property
    def translation(self) -> Translation:
        """The same models for statsmodels, in words and as an equation."""
        return translate_design(self.designs[0], self.plausible)

    def fit(self, reml: bool | None = None, progress: bool = False, **options: object) -> PooledFit:
        """Fit the model to each of the plausible values, and pool.

        Parameters
        ----------
        reml : bool, optional
            As in `MixedModel.fit`, or with sampling weights as in `SurveyModel.fit`.
        progress : bool
            Whether fits of more than a second together show how many are done.
        **options
            None is known.

        Returns
        -------
        PooledFit

        Raises
        ------
        CourseError
            As `MixedModel.fit`.
        """
        fits = self._fits(reml, options)
        if progress:
            from tqdm.auto import tqdm

            fits = tqdm(fits, "plausible values", len(self.designs), unit="fit", delay=1)
        return PooledFit(cast(tuple[MixedFit, ...], tuple(fits)), self.plausible)

    def _fits(self, reml: bool | None, options: dict) -> Iterable[MixedFit | SurveyFit]:
        """One after the other: what the first found out about the design, the later ones take over."""
        if self.surveys is not None:
            yield from (model.fit(reml, **options) for model in self.surveys)
            return
        model = MixedModel(self.designs[0])
        yield (first := model.fit(True if reml is None else reml, **options))
        others = self.designs[1:]
        found = estimate_alike(model.problem, first.estimates, [design.y for design in others])
        for design, (problem, estimates) in zip(others, found, strict=True):
            yield MixedFit(MixedModel(design, problem), estimates)

    def __repr__(self) -> str:
        return (
            f"<PooledModel {self.formula}, {self.plausible.in_words}, {self.designs[0].n:,} rows>"
        )
