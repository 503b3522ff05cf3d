"""Pictures of pooled fits: what is computed before is drawn, under the pattern's name."""

import numpy as np
import pytest
from several import MORE, plausible, pooled

from course import CourseError, contrasts, means, plots, slopes

PICTURES = {
    "means": (plots.means, means, "schgend"),
    "contrasts": (plots.contrasts, contrasts, "schgend"),
    "slopes": (plots.slopes, slopes, "standLRT"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_pooled_estimates_are_drawn(name):
    picture, table, what = PICTURES[name]
    fit = pooled("plausible", MORE)
    ax = picture(fit, what)
    (first, *_) = table(fit, what)["estimate"]
    drawn = np.concatenate([np.ravel(line.get_xdata()) for line in ax.lines])
    points = np.concatenate([c.get_offsets()[:, 0] for c in ax.collections if len(c.get_offsets())])
    assert np.isclose(np.concatenate([drawn, points]), first).any()
    assert "PV*" in plots.alt_text(ax)
    assert "PV1" not in plots.alt_text(ax)


def test_coefficients_and_shares():
    fit = pooled("plausible", MORE)
    text = plots.alt_text(plots.coefficients({"pooled": fit, "PV1": fit.fits[0]}))
    assert "pooled" in text
    share = 100 * fit.variance_components["vcov"].iloc[0] / fit.variance_components["vcov"].sum()
    assert f"school {share:.1f} %" in plots.alt_text(plots.variance_shares(fit))


def test_others_are_of_one_fit():
    fit = pooled("plausible", MORE)
    for picture in (plots.residuals, plots.qq, lambda f: plots.predictions(f, "standLRT")):
        with pytest.raises(CourseError, match=r"pooled\.fits"):
            picture(fit)
    assert len(plausible()) == fit.nobs
