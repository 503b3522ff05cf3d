"""`Formula` and a DataFrame to `Design`: the matrices, the groups, and what the data say about them.

**In**: a `Formula` and a DataFrame. **Out**: a `Design` (y, X, each Z, the codes of the groups and how they
lie in each other) and notes. Knows nothing of how a model is fitted, or of statsmodels.
"""

from course.design.design import Design, build_design
from course.design.grouping import Grouping
from course.design.groups import FEW_LEVELS, components, group_codes, lies_in, parents, relation

__all__ = [
    "Design",
    "FEW_LEVELS",
    "Grouping",
    "build_design",
    "components",
    "group_codes",
    "lies_in",
    "parents",
    "relation",
]
