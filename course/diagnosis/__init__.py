"""Doubt: what stands out in a fit, with the reason, the remedy and the sentence for the report.

**In**: a fit. **Out**: a `Diagnosis` made of findings, and the influence of single groups. Knows
nothing of pictures.
"""

from course.diagnosis.diagnose import diagnose
from course.diagnosis.finding import Diagnosis, Finding
from course.diagnosis.influence import influence

__all__ = [
    "Diagnosis",
    "Finding",
    "diagnose",
    "influence",
]
