"""Simulate, fit, repeat: does the method recover the truth, and how many schools does a study need?

**In**: a formula and a simulator, or a grid of designs. **Out**: `Recovery` and `Power`, tables of what
came out over many replicates, kept on disk where one asks for it. Knows nothing of how a fit is made.
"""

from course.studies.power import Power, power
from course.studies.recovery import Recovery, recovery

__all__ = [
    "Power",
    "Recovery",
    "power",
    "recovery",
]
