"""Every public function refuses what is no fit, and what is no level, in the same words."""

import inspect

import pytest
import statsmodels.formula.api as smf

import course
from course import CourseError, load, mixedlm, plots
from course.fit.model import MixedFit

FORMULA = "test_score ~ age + (age|school)"
PUPILS = load("pupils").iloc[:600]


def public() -> dict:
    """Every public function by name, those of course.plots with their module."""
    names = {name: getattr(course, name) for name in course.__all__}
    names |= {f"plots.{name}": getattr(plots, name) for name in plots.__all__}
    return {name: value for name, value in names.items() if inspect.isfunction(value)}


def first(function) -> inspect.Parameter | None:
    return next(iter(inspect.signature(function).parameters.values()), None)


def takes_a_fit(function) -> bool:
    """Whether the first argument is a fit, or a table of fits; a list of fits has other words."""
    start = first(function)
    if start is None or str(start.annotation).startswith(("Iterable", "Sequence")):
        return False
    # annotations are texts: aliases in them are looked up where the function is written
    known = vars(inspect.getmodule(function))
    return any("MixedFit" in str(known.get(part, part)) for part in start.annotation.split(" | "))


OF_A_FIT = [name for name, function in public().items() if takes_a_fit(function)]
WITH_A_LEVEL = [
    name for name, function in public().items() if "level" in inspect.signature(function).parameters
]
EXAMPLES = {
    "compare": "; an example is compare(small, large)",
    "side_by_side": "; an example is side_by_side(fit_a, fit_b)",
}


def call(name: str, what: object, **more):
    """Call a public function with `what` as its first argument, and with all else that it must have."""
    function = public()[name]
    start = first(function)
    if start.kind is inspect.Parameter.VAR_POSITIONAL:
        return function(what, what, **more)
    if str(start.annotation).startswith("Mapping[str, MixedFit"):
        what = {"a model": what}
    values = {
        "group": "school",
        "factor": "age",
        "predictor": "age",
        "effects": ("Intercept", "age"),
        "zeros": [8],
        "constraints": "age = 0",
        "formula": FORMULA,
    }
    needed = [
        p.name
        for p in list(inspect.signature(function).parameters.values())[1:]
        if p.default is p.empty and p.kind is not p.VAR_KEYWORD
    ]
    return function(what, **{one: values[one] for one in needed}, **more)


def test_the_lists_hold_what_they_should():
    assert {
        *("anova", "between_within", "bootstrap", "compare", "confint", "diagnose"),
        *("fixed_effects_table", "icc", "influence", "parameters", "profile", "r2", "report"),
        *("contrasts", "means", "slopes", "plots.contrasts", "plots.means", "plots.slopes"),
        *("side_by_side", "simulate_responses", "variance_explained", "variance_shares", "wald"),
        *("plots.caterpillar", "plots.design_matrix", "plots.deviance_surface", "plots.ellipses"),
        *("plots.fan", "plots.intercept_slope", "plots.lines", "plots.moving_zero"),
        *("plots.predictions", "plots.qq", "plots.residuals", "plots.shrinkage"),
        "plots.variance_shares",
    } <= set(OF_A_FIT)
    assert {"confint", "fixed_effects_table", "icc", "profile", "recovery"} <= set(WITH_A_LEVEL)
    assert "plots.predictions" in WITH_A_LEVEL


@pytest.fixture(scope="module")
def no_fits() -> dict:
    return {
        "MixedModel": mixedlm(FORMULA, PUPILS),
        "MixedLMResultsWrapper": smf.mixedlm("test_score ~ age", PUPILS, groups="school").fit(),
        "NoneType": None,
        "DataFrame": PUPILS,
    }


@pytest.mark.parametrize("kind", ["MixedModel", "MixedLMResultsWrapper", "NoneType", "DataFrame"])
@pytest.mark.parametrize("name", OF_A_FIT)
def test_what_is_no_fit_is_refused_in_the_same_words(name, kind, no_fits):
    with pytest.raises(CourseError) as refused:
        call(name, no_fits[kind])
    says = f"this needs the result of course.mixedlm(formula, data).fit(), not a {kind}"
    if kind == "MixedModel":
        says += ": call its .fit() first, or write mixedlm(...).fit() at once"
    assert str(refused.value) == says + EXAMPLES.get(name, "")


@pytest.fixture(scope="module")
def fit() -> MixedFit:
    return mixedlm(FORMULA, PUPILS).fit()


@pytest.mark.parametrize("level", ["0.95", 95, True, 0, 1, float("nan"), None])
@pytest.mark.parametrize("name", WITH_A_LEVEL)
def test_what_is_no_level_is_refused_in_the_same_words(name, level, fit):
    what = fit if name in OF_A_FIT else {"schools": 5}
    with pytest.raises(CourseError) as refused:
        call(name, what, level=level)
    says = f"level must be a number between 0 and 1; got {level!r}"
    assert str(refused.value) == says + (", did you mean 0.95?" if level == 95 else "")


@pytest.mark.parametrize("level", ["0.95", 95, True, 0, 1, float("nan"), None])
def test_a_profile_refuses_what_is_no_level(level, fit):
    found = course.profile(fit, "sigma", level=0.9)
    with pytest.raises(CourseError, match="level must be a number between 0 and 1; got"):
        found.interval(level)


def test_a_matrix_of_the_design_needs_no_fit(fit):
    of_design, of_fit = plots.design_matrix(fit.design), plots.design_matrix(fit)
    assert plots.alt_text(of_design) == plots.alt_text(of_fit)
