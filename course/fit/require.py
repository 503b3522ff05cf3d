"""What needs a fit refuses, in the same words everywhere, what is none."""

from __future__ import annotations

from course.errors import CourseError
from course.fit.model import MixedFit, MixedModel
from course.fit.plausible import PooledModel
from course.fit.pooled import PooledFit


def require_fit(fit: object, example: str = "", pooled: str = "") -> None:
    """Refuse what `mixedlm` did not fit, in words.

    Parameters
    ----------
    fit : object
    example : str
        A call that takes several fits.
    pooled : str
        What to do with a pooled fit instead; by default, to take its fits one by one.
    """
    if isinstance(fit, PooledFit):
        mend = pooled or "take its fits one by one, as in [... for fit in pooled.fits]"
        raise CourseError(
            f"this is about a single fit, and a pooled one has {len(fit.fits)}: {mend}"
        )
    if not isinstance(fit, MixedFit):
        model = isinstance(fit, MixedModel | PooledModel)
        hint = ": call its .fit() first, or write mixedlm(...).fit() at once" if model else ""
        hint += f"; an example is {example}" if example else ""
        raise CourseError(
            "this needs the result of course.mixedlm(formula, data).fit(), not a "
            f"{type(fit).__name__}{hint}"
        )


def require_fit_or_pooled(fit: object, example: str = "") -> None:
    """Refuse what is neither the result of `mixedlm` nor of `pool`."""
    if not isinstance(fit, PooledFit):
        require_fit(fit, example)
