"""Docstrings that lead on: parameters in words, related functions that exist, and an example that runs.

The examples themselves run as doctests, since pytest looks for them in `course`.
"""

import inspect
import re
from importlib import import_module

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
    text = inspect.getdoc(public) or ""
    parts = re.split(r"^(\w[\w ]*)\n-+$", text, flags=re.MULTILINE)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


SAID = {name: sections(public) for name, public in (PUBLIC | METHODS).items()}


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


def test_sections_stand_in_the_usual_order():
    faults = []
    for name in PUBLIC | METHODS:
        found = [title for title in SAID[name] if title]
        strange = [title for title in found if title not in SECTIONS]
        if strange or found != sorted(found, key=SECTIONS.index):
            faults.append(f"{name}: {', '.join(found)}")
    assert not faults, "\n".join(faults)


def test_there_is_an_example():
    without = [name for name in PUBLIC if ">>> " not in SAID[name].get("Examples", "")]
    assert not without, "\n".join(without)


def test_there_are_related_functions():
    without = [name for name in PUBLIC if not SAID[name].get("See Also", "").strip()]
    assert not without, "\n".join(without)


def test_see_also_names_what_exists_and_says_why():
    faults = []
    for name in PUBLIC | METHODS:
        for line in SAID[name].get("See Also", "").strip().splitlines():
            others, colon, why = line.partition(" : ")
            if not (colon and why.endswith(".")):
                faults.append(f"{name}: no sentence says why: {line}")
            for other in others.split(", "):
                # As Sphinx reads it: beside what is documented, unless the name is whole.
                beside = f"{name.rpartition('.')[0]}.{other}"
                whole = other if other.startswith("course.") else beside
                if not leads_somewhere(whole):
                    faults.append(f"{name}: there is no {other}")
                if whole == name:
                    faults.append(f"{name} names itself")
    assert not faults, "\n".join(faults)


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


def test_each_parameter_is_documented_in_the_order_of_the_signature():
    stars, faults = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}, []
    for name, function in FUNCTIONS.items():
        documented = entries(SAID[name].get("Parameters", ""))
        expected = [
            stars.get(parameter.kind.name, "") + parameter.name
            for parameter in inspect.signature(function).parameters.values()
        ]
        if list(documented) != expected:
            faults.append(f"{name} takes {expected}, and documents {list(documented)}")
        faults += [f"{name}: not a word on {one}" for one, words in documented.items() if not words]
    assert not faults, "\n".join(faults)


def test_what_is_returned_is_said():
    faults = []
    for name, function in FUNCTIONS.items():
        returned = inspect.signature(function).return_annotation
        said = entries(SAID[name].get("Returns", ""))
        if bool(said) != (returned not in ("None", None)):
            faults.append(f"{name} returns {returned}, and says: {said or 'nothing'}")
        faults += [f"{name}: not a word on {one}" for one, words in said.items() if not words]
    assert not faults, "\n".join(faults)


def test_each_parameter_of_a_method_is_named():
    faults = [
        f"{name} does not name {parameter}"
        for name, method in METHODS.items()
        for parameter in list(inspect.signature(method).parameters)[1:]
        if not re.search(rf"\b{parameter}\b", inspect.getdoc(method) or "")
    ]
    assert not faults, "\n".join(faults)


def test_each_attribute_is_documented():
    faults = [
        f"{name} does not name {attribute}"
        for name, public in CLASSES.items()
        for attribute, member in vars(public).items()
        if not attribute.startswith("_") and not inspect.getdoc(member)
        if not re.search(rf"\b{attribute}\b", inspect.getdoc(public) or "")
    ]
    assert not faults, "\n".join(faults)
