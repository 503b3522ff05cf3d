"""Mixed-effects models from lme4-style formulas: explained, translated to statsmodels, fitted.

>>> import course
>>> "mixedlm" in course.__all__
True
"""

import sys
from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

# Where each public name lives. A module is imported when a name of it is first used, so that
# `import course` costs next to nothing.
_HOMES = {
    "CourseError": "course.errors",
    "MixedFit": "course.fit",
    "MixedModel": "course.fit",
    "anova": "course.infer",
    "bootstrap": "course.bootstrap",
    "between_within": "course.contextual",
    "check": "course.exercises",
    "compare": "course.compare",
    "confint": "course.intervals",
    "diagnose": "course.diagnose",
    "fixed_effects_table": "course.infer",
    "icc": "course.interpret",
    "influence": "course.influence",
    "load": "course.data",
    "mixedlm": "course.fit",
    "parameters": "course.parameters",
    "power": "course.power",
    "profile": "course.profile",
    "propose": "course.structure",
    "r2": "course.interpret",
    "read_table": "course.files",
    "recovery": "course.study",
    "simulate_responses": "course.bootstrap",
    "report": "course.report",
    "side_by_side": "course.report",
    "simulate_schools": "course.simulate",
    "structure": "course.structure",
    "translate": "course.translate",
    "variance_explained": "course.interpret",
    "variance_shares": "course.interpret",
    "wald": "course.infer",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'course' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


class _Package(ModuleType):
    """`course.translate` is the function, whoever imported the module `course.translate` first."""

    def __setattr__(self, name: str, value: object) -> None:
        # Importing a submodule binds it in its package; a public name of the same name goes first.
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
