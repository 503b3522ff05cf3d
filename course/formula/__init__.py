"""Text to `Formula`: what an lme4-style formula says, before any data are seen.

**In**: text, which may come from a stranger. **Out**: a `Formula`, a value that compares and prints as a
formula. Knows nothing of the data; no text is ever evaluated here.
"""

from course.formula.parse import effect_terms, parse_formula, random_term, variables_of
from course.formula.terms import Formula, RandomTerm

__all__ = [
    "Formula",
    "RandomTerm",
    "effect_terms",
    "parse_formula",
    "random_term",
    "variables_of",
]
