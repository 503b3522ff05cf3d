"""`mixedlm` and `MixedFit`, `mixedglm` and `MixedGLMFit`: a model fitted, and what one reads of it.

**In**: a formula (or statsmodels' arguments) and data. **Out**: a `MixedFit` with its tables, predictions,
summary, notes, and the same model in statsmodels; a `PooledFit` of plausible values and imputed data. Knows
nothing of tests and intervals beyond the table of fixed effects and those of predictions, and nothing of
pictures.
"""

from course.fit.agreement import Check
from course.fit.from_formula import mixedlm
from course.fit.generalised import MixedGLM, MixedGLMFit
from course.fit.generalised_from_formula import mixedglm
from course.fit.generalised_summary import GeneralisedSummary
from course.fit.model import MixedFit, MixedModel
from course.fit.plausible import PooledModel
from course.fit.pool import pool
from course.fit.pooled import PooledFit
from course.fit.require import require_fit
from course.fit.summary import Summary
from course.fit.survey import SurveyFit, SurveyModel

__all__ = [
    "Check",
    "GeneralisedSummary",
    "MixedFit",
    "MixedGLM",
    "MixedGLMFit",
    "MixedModel",
    "PooledFit",
    "PooledModel",
    "Summary",
    "SurveyFit",
    "SurveyModel",
    "mixedglm",
    "mixedlm",
    "pool",
    "require_fit",
]
