"""What a fit means: adjusted means, slopes, shares of variance, ICC, R squared, and the report.

**In**: fits. **Out**: tables and sentences. Knows nothing of
pictures, and judges nothing: doubt is the matter of `course.diagnosis`.
"""

from course.interpretation.between_within import between_within
from course.interpretation.icc import icc
from course.interpretation.marginal_means import contrasts, means
from course.interpretation.report import report
from course.interpretation.side_by_side import side_by_side
from course.interpretation.slopes import slopes
from course.interpretation.variance import r2, variance_explained, variance_shares

__all__ = [
    "between_within",
    "contrasts",
    "icc",
    "means",
    "r2",
    "report",
    "side_by_side",
    "slopes",
    "variance_explained",
    "variance_shares",
]
