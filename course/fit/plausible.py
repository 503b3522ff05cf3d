"""A model of several plausible values: one design, a fit to each, one pooled answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

from course.design.design import Design
from course.fit.model import MixedFit, MixedModel
from course.fit.pooled import PooledFit
from course.fit.survey import SurveyModel
from course.formula.plausible import PlausibleValues
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
        models: Iterable[MixedModel | SurveyModel] = self.surveys or self._models()
        if progress:
            from tqdm.auto import tqdm

            models = tqdm(models, "plausible values", len(self.designs), unit="fit", delay=1)
        if reml is None:
            reml = self.surveys is None
        fits = tuple(model.fit(reml, False, **options) for model in models)
        return PooledFit(cast(tuple[MixedFit, ...], fits), self.plausible)

    def _models(self) -> Iterator[MixedModel]:
        """One after the other: what the first fit found out about the design, the later ones take over."""
        first = MixedModel(self.designs[0])
        yield first
        for design in self.designs[1:]:
            yield MixedModel(design, first.problem.with_response(design.y))

    def __repr__(self) -> str:
        return (
            f"<PooledModel {self.formula}, {self.plausible.in_words}, {self.designs[0].n:,} rows>"
        )
