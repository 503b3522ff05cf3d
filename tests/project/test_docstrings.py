"""Docstrings that lead on: parameters in words, related functions that exist, and an example that runs.

The examples themselves run as doctests, since pytest looks for them in `course`.
"""

import inspect
import re
from importlib import import_module

import pytest
from results import RESULTS

import course
from course import plots


def imported(name: str) -> object:
    module, _, last = name.rpartition(".")
    return getattr(import_module(module), last)


PUBLIC = {
    name: imported(name)
    for name in [
        *(f"course.{name}" for name in course.__all__),
        *(f"course.plots.{name}" for name in plots.__all__ if callable(getattr(plots, name))),
        *RESULTS,
    ]
}
FUNCTIONS = {name: public for name, public in PUBLIC.items() if inspect.isfunction(public)}
CLASSES = {name: public for name, public in PUBLIC.items() if inspect.isclass(public)}
METHODS = {
    f"{name}.{method}": function
    for name, public in CLASSES.items()
    for method, function in vars(public).items()
    if inspect.isfunction(function) and not method.startswith("_")
}
# The order in which numpydoc has them.
SECTIONS = (
    "Parameters Attributes Returns Raises".split()
    + ["See Also"]
    + "Notes References Examples".split()
)


def sections(public: object) -> dict[str, str]:
    """The text of each section by its title, in their order; the first part has no title."""
    parts = re.split(r"^(\w[\w ]*)\n-+$", inspect.getdoc(public), flags=re.MULTILINE)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def entries(text: str) -> dict[str, str]:
    """The indented words below each line that is not indented."""
    found, heads = {}, []
    for line in filter(None, text.split("\n")):
        if not line.startswith(" "):
            heads = re.split(r", ", line.partition(" : ")[0])
            found |= dict.fromkeys(heads, "")
        else:
            found |= {head: found[head] + line for head in heads}
    return found


def leads_somewhere(name: str) -> bool:
    owner, _, attribute = name.rpartition(".")
    return name in PUBLIC or (owner in CLASSES and hasattr(CLASSES[owner], attribute))


def test_the_classes_that_functions_return_are_held_here_too():
    known = {public.__name__ for public in CLASSES.values()}
    for name, function in {**FUNCTIONS, **METHODS}.items():
        returned = re.findall(r"\b[A-Z]\w+", str(inspect.signature(function).return_annotation))
        theirs = {"Axes", "DataFrame", "Generalised", "MixedLMResults", "None", "Series"}
        assert set(returned) <= known | theirs, name


@pytest.mark.parametrize("name", PUBLIC | METHODS)
def test_sections_stand_in_the_usual_order(name):
    found = [title for title in sections((PUBLIC | METHODS)[name]) if title]
    assert found == sorted(found, key=SECTIONS.index)


@pytest.mark.parametrize("name", PUBLIC)
def test_there_is_an_example(name):
    assert ">>> " in sections(PUBLIC[name]).get("Examples", "")


@pytest.mark.parametrize("name", PUBLIC)
def test_there_are_related_functions(name):
    assert sections(PUBLIC[name]).get("See Also", "").strip()


@pytest.mark.parametrize("name", PUBLIC | METHODS)
def test_see_also_names_what_exists_and_says_why(name):
    for line in sections((PUBLIC | METHODS)[name]).get("See Also", "").strip().splitlines():
        others, colon, why = line.partition(" : ")
        assert colon and why.endswith("."), line
        for other in others.split(", "):
            # As Sphinx reads it: beside what is documented, unless the name is whole.
            whole = other if other.startswith("course.") else f"{name.rpartition('.')[0]}.{other}"
            assert leads_somewhere(whole), f"{name}: {other}"
            assert whole != name


def test_methods_lead_on_to_pictures_intervals_and_studies():
    methods = {name for name, method in METHODS.items() if "See Also" in sections(method)}
    assert {
        "course.MixedFit.predict",
        "course.MixedFit.refit",
        "course.inference.bootstrap.Bootstrap.summary",
        "course.inference.profile.Profile.interval",
        "course.simulate.truth.Truth.compare",
        "course.studies.power.Power.cheapest",
    } <= methods


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_parameter_is_documented_in_the_order_of_the_signature(name):
    documented = entries(sections(FUNCTIONS[name]).get("Parameters", ""))
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}
    expected = [
        stars.get(parameter.kind.name, "") + parameter.name
        for parameter in inspect.signature(FUNCTIONS[name]).parameters.values()
    ]
    assert list(documented) == expected
    assert all(documented.values()), "a parameter without a word on it"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_returned_is_said(name):
    returned = inspect.signature(FUNCTIONS[name]).return_annotation
    said = entries(sections(FUNCTIONS[name]).get("Returns", ""))
    assert bool(said) == (returned not in ("None", None))
    assert all(said.values())


@pytest.mark.parametrize("name", METHODS)
def test_each_parameter_of_a_method_is_named(name):
    text = inspect.getdoc(METHODS[name])
    for parameter in list(inspect.signature(METHODS[name]).parameters)[1:]:
        assert re.search(rf"\b{parameter}\b", text)


@pytest.mark.parametrize("name", CLASSES)
def test_each_attribute_is_documented(name):
    for attribute, member in vars(CLASSES[name]).items():
        if not attribute.startswith("_") and not inspect.getdoc(member):
            assert re.search(rf"\b{attribute}\b", inspect.getdoc(CLASSES[name]))
