"""Mixed-effects models from lme4-style formulas: explained, translated to statsmodels, fitted.

>>> import course
>>> "mixedlm" in course.__all__
True
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# Where each public name lives. A module is imported when a name of it is first used, so that
# `import course` costs next to nothing.
_HOMES = {
    "CourseError": "course.errors",
    "MixedFit": "course.fit.model",
    "MixedGLM": "course.fit.generalised",
    "MixedGLMFit": "course.fit.generalised",
    "MixedModel": "course.fit.model",
    "SurveyFit": "course.fit.survey",
    "SurveyModel": "course.fit.survey",
    "PooledFit": "course.fit.pooled",
    "PooledModel": "course.fit.plausible",
    "anova": "course.inference.fixed_effects",
    "bootstrap": "course.inference.bootstrap",
    "between_within": "course.interpretation.between_within",
    "check": "course.exercises.check",
    "compare": "course.inference.compare",
    "confint": "course.inference.intervals",
    "contrasts": "course.interpretation.marginal_means",
    "diagnose": "course.diagnosis.diagnose",
    "fixed_effects_table": "course.inference.fixed_effects",
    "icc": "course.interpretation.icc",
    "influence": "course.diagnosis.influence",
    "load": "course.data.sets",
    "means": "course.interpretation.marginal_means",
    "mixedglm": "course.fit.generalised_from_formula",
    "mixedlm": "course.fit.from_formula",
    "parameters": "course.inference.parameters",
    "pool": "course.fit.pool",
    "power": "course.studies.power",
    "profile": "course.inference.profile",
    "propose": "course.data.proposal",
    "r2": "course.interpretation.variance",
    "read_table": "course.data.files",
    "recovery": "course.studies.recovery",
    "simulate_responses": "course.inference.bootstrap",
    "report": "course.interpretation.report",
    "side_by_side": "course.interpretation.side_by_side",
    "simulate_assessment": "course.simulate.assessment",
    "simulate_schools": "course.simulate.schools",
    "slopes": "course.interpretation.slopes",
    "structure": "course.data.structure",
    "translate": "course.translation.translate",
    "variance_explained": "course.interpretation.variance",
    "variance_shares": "course.interpretation.variance",
    "wald": "course.inference.fixed_effects",
}

if TYPE_CHECKING:  # editors and type checkers read the same here, and mark a name that is none
    from course.data.files import read_table as read_table
    from course.data.proposal import propose as propose
    from course.data.sets import load as load
    from course.data.structure import structure as structure
    from course.diagnosis.diagnose import diagnose as diagnose
    from course.diagnosis.influence import influence as influence
    from course.errors import CourseError as CourseError
    from course.exercises.check import check as check
    from course.fit.from_formula import mixedlm as mixedlm
    from course.fit.generalised import MixedGLM as MixedGLM
    from course.fit.generalised import MixedGLMFit as MixedGLMFit
    from course.fit.generalised_from_formula import mixedglm as mixedglm
    from course.fit.model import MixedFit as MixedFit
    from course.fit.model import MixedModel as MixedModel
    from course.fit.plausible import PooledModel as PooledModel
    from course.fit.pool import pool as pool
    from course.fit.pooled import PooledFit as PooledFit
    from course.fit.survey import SurveyFit as SurveyFit
    from course.fit.survey import SurveyModel as SurveyModel
    from course.inference.bootstrap import bootstrap as bootstrap
    from course.inference.bootstrap import simulate_responses as simulate_responses
    from course.inference.compare import compare as compare
    from course.inference.fixed_effects import anova as anova
    from course.inference.fixed_effects import fixed_effects_table as fixed_effects_table
    from course.inference.fixed_effects import wald as wald
    from course.inference.intervals import confint as confint
    from course.inference.parameters import parameters as parameters
    from course.inference.profile import profile as profile
    from course.interpretation.between_within import between_within as between_within
    from course.interpretation.icc import icc as icc
    from course.interpretation.marginal_means import contrasts as contrasts
    from course.interpretation.marginal_means import means as means
    from course.interpretation.report import report as report
    from course.interpretation.side_by_side import side_by_side as side_by_side
    from course.interpretation.slopes import slopes as slopes
    from course.interpretation.variance import r2 as r2
    from course.interpretation.variance import variance_explained as variance_explained
    from course.interpretation.variance import variance_shares as variance_shares
    from course.simulate.assessment import simulate_assessment as simulate_assessment
    from course.simulate.schools import simulate_schools as simulate_schools
    from course.studies.power import power as power
    from course.studies.recovery import recovery as recovery
    from course.translation.translate import translate as translate
else:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            from course.common.r_names import here

            # an AttributeError would become "cannot import name", and no more
            if in_r := here(name):
                from course.errors import CourseError

                raise CourseError(in_r)
            raise AttributeError(f"module 'course' has no attribute {name!r}")
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


__all__ = list(_HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
