"""Pupils in classrooms in schools in provinces, and samples of a school assessment, with a known truth.

**In**: sizes, effects and standard deviations. **Out**: a `Simulation`, the data and their `Truth`. Knows
nothing of formulas or fits.
"""

from course.simulate.assessment import simulate_assessment
from course.simulate.schools import SIZES, Simulation, simulate_schools
from course.simulate.truth import Truth

__all__ = [
    "SIZES",
    "Simulation",
    "Truth",
    "simulate_assessment",
    "simulate_schools",
]
