"""`Design` to `Translation`: the exact MixedLM call, as arguments, program, words and equation.

**In**: a `Design` (or a formula and data). **Out**: a `Translation`. Knows nothing of estimates: it says
what model is fitted, never what came out.
"""

from course.translation.translate import Translation, translate, translate_design

__all__ = [
    "Translation",
    "translate",
    "translate_design",
]
