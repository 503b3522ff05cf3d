"""Pictures of grouped data and of fitted mixed models.

Every function draws one idea and returns the matplotlib ``Axes`` (pictures of several panels an
array of them), so that a caller can go on with it; ``ax=`` draws into the caller's own. Each picture
carries a text that says what is to be seen in it, with its main numbers: :func:`alt_text` gives it,
and in a lesson :func:`show` puts picture and text on the page.

Colours are from seaborn's ``colorblind`` palette, of clearly different lightness, and never carry
a meaning alone: a shape or a line style says the same, so that the pictures survive a grey printer.

**In**: fits, profiles, studies. **Out**: Axes with a text that says what is to be seen. Knows nothing of the
solver: what is drawn is computed elsewhere.

=====================  ==========================================================================
The data               `scores`, `pooling`, `design_matrix`, `crosstab`
Coefficients           `coefficients`, `means`, `contrasts`, `slopes`
Lines                  `lines`, `predictions`, `fan`, `moving_zero`
Random effects         `caterpillar`, `shrinkage`, `intercept_slope`, `variance_shares`,
                       `covariances`, `ellipses`
Residuals              `residuals`, `qq`
Likelihood             `profile_zeta`, `deviance_surface`
Simulations            `recovery`, `power_curves`
On the page            `show`, `alt_text`
=====================  ==========================================================================
"""

from course.plots.adjusted import contrasts, means, slopes
from course.plots.coefficients import coefficients
from course.plots.covariances import covariances, ellipses
from course.plots.crossing import crosstab
from course.plots.diagnostics import qq, residuals
from course.plots.effects import caterpillar, intercept_slope, shrinkage
from course.plots.groups import design_matrix, pooling, scores
from course.plots.likelihood import deviance_surface, profile_zeta
from course.plots.page import BLUE, GREY, INK, ORANGE, PALE, alt_text, show
from course.plots.predicted import lines, predictions
from course.plots.shares import variance_shares
from course.plots.simulated import recovery
from course.plots.studies import power_curves
from course.plots.zeros import fan, moving_zero

__all__ = [
    "BLUE",
    "GREY",
    "INK",
    "ORANGE",
    "PALE",
    "alt_text",
    "caterpillar",
    "coefficients",
    "contrasts",
    "covariances",
    "crosstab",
    "design_matrix",
    "deviance_surface",
    "ellipses",
    "fan",
    "intercept_slope",
    "lines",
    "means",
    "moving_zero",
    "pooling",
    "power_curves",
    "predictions",
    "profile_zeta",
    "qq",
    "recovery",
    "residuals",
    "scores",
    "show",
    "shrinkage",
    "slopes",
    "variance_shares",
]
