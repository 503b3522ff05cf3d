"""What needs a fit refuses, in the same words everywhere, what is none."""

from __future__ import annotations

from course.errors import CourseError
from course.fit.model import MixedFit, MixedModel
from course.fit.survey import SurveyFit, SurveyModel

OF_SURVEYS = (
    "this takes no fit with sampling weights, whose pseudo-likelihood is none. fit.fixed_effects has its "
    "tests and intervals, wald(fit, ...) and anova(fit) test effects together, and report(fit) puts it in "
    "words"
)


def require_fit(fit: object, example: str = "") -> None:
    """Refuse what `mixedlm` did not fit, in words, with an example of a call that takes several fits."""
    if isinstance(fit, SurveyFit):
        raise CourseError(OF_SURVEYS)
    if not isinstance(fit, MixedFit):
        model = isinstance(fit, MixedModel | SurveyModel)
        hint = ": call its .fit() first, or write mixedlm(...).fit() at once" if model else ""
        hint += f"; an example is {example}" if example else ""
        raise CourseError(
            "this needs the result of course.mixedlm(formula, data).fit(), not a "
            f"{type(fit).__name__}{hint}"
        )


def require_fit_or_survey(fit: object) -> None:
    """Refuse what neither `mixedlm` fitted nor it fitted with sampling weights."""
    if not isinstance(fit, SurveyFit):
        require_fit(fit)
