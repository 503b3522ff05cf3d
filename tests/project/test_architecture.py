"""The plan of the package: which wing may import which, and how large a file may grow.

Every import counts, also one inside a function or for a type alone: a module that needs to know its
caller, in whatever way, cannot be read, tested or moved alone.
"""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import course

ROOT = Path(course.__file__).parent

# A wing, and the wings that it may import; the order is that of the data, from text to verdict.
ALLOWED = {
    "errors": "",
    "common": "errors",
    "formula": "errors common",
    "simulate": "errors common",
    "design": "errors common formula",
    "solver": "errors common design",
    "translation": "errors common formula design",
    "streaming": "errors common formula design solver",
    "data": "errors common formula simulate design",
    "fit": "errors common formula design solver translation streaming",
    "inference": "errors common formula design solver fit",
    "interpretation": "errors common formula design solver fit inference",
    "diagnosis": "errors common formula design solver data fit inference interpretation",
    "plots": "errors common formula simulate design fit inference interpretation",
    "studies": "errors common simulate solver fit inference plots",
    "exercises": "errors common formula simulate design data fit inference interpretation "
    "diagnosis studies",
    "doctor": "errors common data fit",
    "lessons": "errors common",
    "command": "errors formula simulate translation data fit inference interpretation diagnosis "
    "doctor lessons",
    "__main__": "errors command",
}
LONGEST_FILE = 450  # lines: what one reads in a sitting, and not a line more


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    files = {
        path: path.relative_to(ROOT.parent).with_suffix("").parts for path in ROOT.rglob("*.py")
    }
    return {".".join(parts).removesuffix(".__init__"): path for path, parts in files.items()}


MODULES = modules()


@cache
def statements(path: Path) -> list[ast.Import | ast.ImportFrom]:
    """What a file imports by, wherever in it; read once for all tests."""
    found, todo = [], [ast.parse(path.read_text(encoding="utf-8"))]
    while todo:
        for node in ast.iter_child_nodes(todo.pop()):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                found.append(node)
            elif isinstance(node, (ast.stmt, ast.excepthandler, ast.match_case)):
                todo.append(node)  # in an expression is no import
    return found


def imported(path: Path) -> set[str]:
    """The modules of this package that a file imports, wherever in it."""
    found = set()
    for node in statements(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            assert node.level == 0, f"{path}: a relative import does not say which wing it is from"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.add(name if name in MODULES else node.module)
    return {name for name in found if name.split(".")[0] == "course"}


def wing(module: str) -> str:
    """``"solver"`` for ``"course.solver.search"``."""
    return module.split(".")[1]


# `course` itself is the table of contents: it names the home of every public name, and is no wing.
INSIDE = {name: path for name, path in MODULES.items() if name != "course"}


def test_every_file_belongs_to_a_wing():
    assert {wing(name) for name in INSIDE} == set(ALLOWED)


def test_a_wing_imports_only_wings_before_it():
    faults = [
        f"{name} imports {other}"
        for name, path in INSIDE.items()
        for other in sorted(imported(path) - {"course"})
        if wing(other) not in {*ALLOWED[wing(name)].split(), wing(name)}
    ]
    assert not faults, "\n".join(faults)


def test_the_plan_of_the_wings_has_no_circle():
    list(TopologicalSorter({name: uses.split() for name, uses in ALLOWED.items()}).static_order())


def test_no_circle_among_files():
    arrows = {name: imported(path) - {"course", name} for name, path in INSIDE.items()}
    # that a package is imported before its modules is Python's doing
    arrows = {
        name: {other for other in others if INSIDE[other].name != "__init__.py"}
        for name, others in arrows.items()
    }
    try:
        list(TopologicalSorter(arrows).static_order())
    except CycleError as error:
        pytest.fail(f"these import each other: {' -> '.join(error.args[1])}")


def test_nobody_inside_takes_a_name_from_the_table_of_contents():
    """`from course import mixedlm` inside would import a wing that the reader cannot see."""
    faults = [
        f"{name}, line {node.lineno}: from course import {alias.name}"
        for name, path in INSIDE.items()
        for node in statements(path)
        if isinstance(node, ast.ImportFrom) and node.module == "course"
        for alias in node.names
        if alias.name != "__version__" and f"course.{alias.name}" not in INSIDE
    ]
    assert not faults, "\n".join(faults)


def test_a_wing_says_what_goes_in_what_comes_out_and_what_it_does_not_know():
    faults = []
    for name, path in INSIDE.items():
        if path.name == "__init__.py":
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            for words in ("**In**", "**Out**", "Knows nothing of"):
                if words not in " ".join(text.split()):
                    faults.append(f"{name} does not say: {words}")
    assert not faults, "\n".join(faults)


def test_a_file_is_read_in_a_sitting():
    lengths = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
        for path in sorted(ROOT.rglob("*.py"))
    }
    faults = [f"{path}: {lines} lines" for path, lines in lengths.items() if lines > LONGEST_FILE]
    assert not faults, "\n".join(faults)
