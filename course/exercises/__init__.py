"""An answer to a verdict: right, or a hint made for the likely slip; never the solution.

**In**: the number of an exercise and a learner's answer. **Out**: what `check` prints. The exercises of a
lesson are in the file with its number. Knows nothing of notebooks.
"""

from course.exercises.check import check, find, use
from course.exercises.exercise import Exercise, judge
from course.exercises.mysteries import mysteries

__all__ = [
    "Exercise",
    "check",
    "find",
    "judge",
    "mysteries",
    "use",
]
