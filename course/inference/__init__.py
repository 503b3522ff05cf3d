"""`MixedFit` to tests and intervals: Satterthwaite, Kenward-Roger, likelihood ratio, profile, bootstrap.

**In**: one fit or several. **Out**: tables of tests and intervals, profiles, replicates. Knows nothing of
what the numbers mean, and draws nothing.
"""

from course.inference.bootstrap import Bootstrap, bootstrap, simulate_responses
from course.inference.compare import compare
from course.inference.fixed_effects import anova, fixed_effects_table, wald
from course.inference.intervals import confint
from course.inference.parameters import parameters
from course.inference.profile import Profile, profile

__all__ = [
    "Bootstrap",
    "Profile",
    "anova",
    "bootstrap",
    "compare",
    "confint",
    "fixed_effects_table",
    "parameters",
    "profile",
    "simulate_responses",
    "wald",
]
