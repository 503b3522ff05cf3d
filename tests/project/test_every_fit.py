"""Every public function that takes a fit takes a generalised one, or says what to do instead."""

import inspect

import matplotlib as mpl
import pytest
from generalised_fits import counts, passed, sloped

import course
from course import CourseError, plots

mpl.use("Agg")


def number(fit) -> str:
    """A predictor with numbers."""
    return next(name for name in ("age", "age10") if name in fit.fe_params.index)


# What each gives for a generalised fit: a call, and what a refusal says (None where there is none).
CALLS = {
    "anova": (lambda f: course.anova(f), None),
    "between_within": (lambda f: course.between_within(f), None),
    "bootstrap": (lambda f: course.bootstrap(f, n=2, seed=1, progress=False), None),
    "compare": (lambda f: course.compare(f, f), "the same model"),
    "confint": (lambda f: course.confint(f, "wald"), None),
    "contrasts": (lambda f: course.contrasts(f, "sex", scale="response"), None),
    "diagnose": (lambda f: course.diagnose(f, seconds=0), None),
    "fixed_effects_table": (lambda f: course.fixed_effects_table(f), None),
    "icc": (lambda f: course.icc(f), None),
    "influence": (lambda f: course.influence(f, "province", progress=False), "no group 'province'"),
    "means": (lambda f: course.means(f, "sex"), None),
    "parameters": (lambda f: course.parameters(f), None),
    "pool": (lambda f: course.pool([f, f]), "mixedlm"),
    "profile": (lambda f: course.profile(f, "age", level=0.5), None),
    "r2": (lambda f: course.r2(f), None),
    "report": (lambda f: course.report(f), None),
    "side_by_side": (lambda f: course.side_by_side(f), None),
    "simulate_responses": (lambda f: course.simulate_responses(f, seed=1), None),
    "slopes": (lambda f: course.slopes(f, number(f), scale="response"), None),
    "variance_explained": (lambda f: course.variance_explained(f), r"Take r2\(fit\)"),
    "variance_shares": (lambda f: course.variance_shares(f), None),
    "wald": (lambda f: course.wald(f, f"{number(f)} = 0"), None),
}
PICTURES = {
    "caterpillar": (lambda f: plots.caterpillar(f, "school"), None),
    "coefficients": (lambda f: plots.coefficients({"one": f}), None),
    "contrasts": (lambda f: plots.contrasts(f, "schgend", scale="response"), None),
    "covariances": (lambda f: plots.covariances({"one": f}), "fit.variance_components"),
    "design_matrix": (lambda f: plots.design_matrix(f.design.rows(f.design.index < 99)), None),
    "deviance_surface": (lambda f: plots.deviance_surface(f), r"profile_zeta\(profile\(fit\)\)"),
    "ellipses": (lambda f: plots.ellipses({"one": f}, "school", ("Intercept", "standLRT")), None),
    "fan": (lambda f: plots.fan(f, "standLRT", "school"), None),
    "intercept_slope": (lambda f: plots.intercept_slope(f, "school"), None),
    "lines": (lambda f: plots.lines(f, "standLRT", "school", [1, 2]), None),
    "means": (lambda f: plots.means(f, "schgend", scale="response"), None),
    "moving_zero": (lambda f: plots.moving_zero(f, "school", zeros=[0, 1]), None),
    "predictions": (lambda f: plots.predictions(f, "standLRT", "school", [1]), None),
    "qq": (lambda f: plots.qq(f), r"qq\(fit, 'school'\)"),
    "residuals": (lambda f: plots.residuals(f), r"diagnose\(fit\)"),
    "shrinkage": (lambda f: plots.shrinkage(f, "school"), r"intercept_slope\(fit, ...\)"),
    "slopes": (lambda f: plots.slopes(f, "standLRT", by="schgend", scale="response"), None),
    "variance_shares": (lambda f: plots.variance_shares(f), "random slope"),
}
TAKES_FITS = {"fit", "fits", "blocks"}


def taking_fits(module) -> set[str]:
    found = set()
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isfunction(thing) and TAKES_FITS & set(inspect.signature(thing).parameters):
            found.add(name)
    return found


def test_the_tables_hold_every_function_that_takes_a_fit():
    assert taking_fits(course) == set(CALLS)
    assert taking_fits(plots) <= set(PICTURES)


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_every_function_takes_a_generalised_fit_or_says_what_to_do(name):
    call, refusal = CALLS[name]
    if refusal is None:
        assert call(passed()) is not None
        if name not in ("contrasts", "means", "profile", "bootstrap"):
            assert call(counts()) is not None
    else:
        with pytest.raises(CourseError, match=refusal):
            call(passed())


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_takes_a_generalised_fit_or_says_what_to_draw(name):
    call, refusal = PICTURES[name]
    if refusal is None:
        ax = call(sloped())
        assert plots.alt_text(ax if not hasattr(ax, "flat") else ax.flat[0])
    else:
        with pytest.raises(CourseError, match=refusal):
            call(sloped())


def test_a_model_that_is_not_fitted_is_no_fit():
    with pytest.raises(CourseError, match="call its .fit.. first"):
        course.report(passed().model)
