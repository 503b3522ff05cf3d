"""What needs a fit refuses, in the same words everywhere, what is none."""

from __future__ import annotations

from course.errors import CourseError
from course.fit.generalised import MixedGLM, MixedGLMFit
from course.fit.model import MixedFit, MixedModel

FITS = (MixedFit, MixedGLMFit)


def require_fit(fit: object, example: str = "") -> None:
    """Refuse what is no fit, in words, with an example of a call that takes several fits."""
    if not isinstance(fit, FITS):
        model = isinstance(fit, MixedModel | MixedGLM)
        hint = ": call its .fit() first, or write mixedlm(...).fit() at once" if model else ""
        hint += f"; an example is {example}" if example else ""
        raise CourseError(
            "this needs the result of course.mixedlm(formula, data).fit(), not a "
            f"{type(fit).__name__}{hint}"
        )


def require_linear(fit: object, what: str, instead: str) -> None:
    """Refuse a generalised fit, too, and say what there is instead."""
    require_fit(fit)
    if isinstance(fit, MixedGLMFit):
        raise CourseError(
            f"{what} is about numbers with a normal residual, and {fit.formula} is a {fit.family.name} "
            f"model: {instead}"
        )
