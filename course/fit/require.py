"""What needs a fit refuses, in the same words everywhere, what is none."""

from __future__ import annotations

from course.errors import CourseError
from course.fit.generalised import MixedGLM, MixedGLMFit
from course.fit.model import MixedFit, MixedModel
from course.fit.plausible import PooledModel
from course.fit.pooled import PooledFit
from course.fit.survey import SurveyFit, SurveyModel

OF_SURVEYS = (
    "this takes no fit with sampling weights, whose pseudo-likelihood is none. fit.fixed_effects has its "
    "tests and intervals, wald(fit, ...) and anova(fit) test effects together; means, contrasts, slopes, icc "
    "and r2 say what it means, and report(fit) puts it in words"
)


def require_fit(fit: object, example: str = "", pooled: str = "") -> None:
    """Refuse what neither `mixedlm` nor `mixedglm` fitted, in words.

    Parameters
    ----------
    fit : object
    example : str
        A call that takes several fits.
    pooled : str
        What to do with a pooled fit instead; by default, to take its fits one by one.
    """
    if isinstance(fit, SurveyFit):
        raise CourseError(OF_SURVEYS)
    if isinstance(fit, PooledFit):
        mend = pooled or "take its fits one by one, as in [... for fit in pooled.fits]"
        raise CourseError(
            f"this is about a single fit, and a pooled one has {len(fit.fits)}: {mend}"
        )
    if not isinstance(fit, MixedFit | MixedGLMFit):
        model = isinstance(fit, MixedModel | MixedGLM | PooledModel | SurveyModel)
        hint = ": call its .fit() first, or write mixedlm(...).fit() at once" if model else ""
        hint += f"; an example is {example}" if example else ""
        raise CourseError(
            "this needs the result of course.mixedlm(formula, data).fit(), not a "
            f"{type(fit).__name__}{hint}"
        )


def require_fit_or_pooled(fit: object, example: str = "", surveys: bool = False) -> None:
    """Refuse what is neither the result of `mixedlm` nor of `pool`.

    Parameters
    ----------
    fit : object
    example : str
        A call that takes several fits.
    surveys : bool
        Whether fits with sampling weights are taken, too, and such fits pooled.
    """
    first = first_of(fit)
    if surveys and isinstance(first, SurveyFit):
        return
    if first is fit or isinstance(first, SurveyFit):
        require_fit(first, example)


def first_of(fit: object) -> object:
    """A single fit itself, or the first of those that are pooled."""
    return fit.fits[0] if isinstance(fit, PooledFit) else fit


def require_linear(fit: object, what: str, instead: str) -> None:
    """Refuse a generalised fit, and say what there is instead."""
    if isinstance(fit, MixedGLMFit):
        raise CourseError(
            f"{what} is about numbers with a normal residual, and {fit.formula} is a {fit.family.name} "
            f"model: {instead}"
        )
