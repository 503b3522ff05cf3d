"""Every public function refuses what is no fit, and what is no level, in the same words."""

import inspect
import itertools

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


def refusal(name: str, what: object, **more) -> str:
    """What a function says to `what`; anything but a refusal is said to be none."""
    try:
        found = call(name, what, **more)
    except CourseError as error:
        return str(error)
    except Exception as error:
        return f"no refusal, but {error!r}"
    return f"no refusal, but {found!r}"


def test_what_is_no_fit_is_refused_in_the_same_words():
    no_fits = {
        "MixedModel": mixedlm(FORMULA, PUPILS),
        "MixedLMResultsWrapper": smf.mixedlm("test_score ~ age", PUPILS, groups="school").fit(),
        "NoneType": None,
        "DataFrame": PUPILS,
    }
    faults = []
    for name, (kind, what) in itertools.product(OF_A_FIT, no_fits.items()):
        says = f"this needs the result of course.mixedlm(formula, data).fit(), not a {kind}"
        if kind == "MixedModel":
            says += ": call its .fit() first, or write mixedlm(...).fit() at once"
        if (said := refusal(name, what)) != says + EXAMPLES.get(name, ""):
            faults.append(f"{name} of a {kind}: {said}")
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="module")
def fit() -> MixedFit:
    return mixedlm(FORMULA, PUPILS).fit()


NO_LEVELS = ["0.95", 95, True, 0, 1, float("nan"), None]


def test_what_is_no_level_is_refused_in_the_same_words(fit):
    faults = []
    for name, level in itertools.product(WITH_A_LEVEL, NO_LEVELS):
        said = refusal(name, fit if name in OF_A_FIT else {"schools": 5}, level=level)
        says = f"level must be a number between 0 and 1; got {level!r}"
        if said != says + (", did you mean 0.95?" if level == 95 else ""):
            faults.append(f"{name} of level={level!r}: {said}")
    assert not faults, "\n".join(faults)


def test_a_profile_refuses_what_is_no_level(fit):
    found = course.profile(fit, "sigma", level=0.9)
    for level in NO_LEVELS:
        with pytest.raises(CourseError, match="level must be a number between 0 and 1; got"):
            found.interval(level)


def test_a_matrix_of_the_design_needs_no_fit(fit):
    of_design, of_fit = plots.design_matrix(fit.design), plots.design_matrix(fit)
    assert plots.alt_text(of_design) == plots.alt_text(of_fit)
