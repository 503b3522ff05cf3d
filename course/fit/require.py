"""What needs a fit refuses, in the same words everywhere, what is none."""

from __future__ import annotations

from course.errors import CourseError
from course.fit.model import MixedFit, MixedModel


def require_fit(fit: object, example: str = "") -> None:
    """Refuse what `mixedlm` did not fit, in words, with an example of a call that takes several fits."""
    if not isinstance(fit, MixedFit):
        model = isinstance(fit, MixedModel)
        hint = ": call its .fit() first, or write mixedlm(...).fit() at once" if model else ""
        hint += f"; an example is {example}" if example else ""
        raise CourseError(
            "this needs the result of course.mixedlm(formula, data).fit(), not a "
            f"{type(fit).__name__}{hint}"
        )
