"""Editors and type checkers see what is public, though a module is imported when its name is first used."""

import ast
import subprocess
import sys
from pathlib import Path

import jedi  # comes with IPython, which completes names in notebooks with it
import pytest

import course

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "course"


def shown_to_type_checkers() -> dict[str, str]:
    """What `course` imports under ``if TYPE_CHECKING:``, each name with its module."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    found = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            # `import x as x` says that x is handed on
            assert alias.asname == alias.name
            found[alias.name] = node.module
    return found


def test_type_checkers_see_each_public_name_where_it_is_imported_from():
    assert shown_to_type_checkers() == course._HOMES


def test_the_package_says_that_it_has_types():
    assert (PACKAGE / "py.typed").is_file()


@pytest.mark.long
def test_mypy_finds_no_fault_and_sees_signatures_and_results(tmp_path):
    """The package, as `make lint` does, and a lesson in one run, since its start is the most of it."""
    script = tmp_path / "lesson.py"
    script.write_text(
        "from course import load, mixedlm, plots\n"
        "reveal_type(mixedlm)\n"
        'fit = mixedlm("test_score ~ age + (1|school)", load("pupils")).fit()\n'
        "reveal_type(fit)\n"
        "reveal_type(fit.sigma)\n"
        "reveal_type(plots.caterpillar)\n"
        "mixedlm()\n"
        "from course import mixdlm\n"
    )
    options = ["--no-error-summary", "--hide-error-context"]
    # In a process of its own: what mypy keeps of each file would slow down all tests after this.
    mypy = [sys.executable, "-m", "mypy", *options, "course", str(script)]
    ran = subprocess.run(mypy, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not ran.stderr
    assert ran.returncode == 1
    faults = [line for line in ran.stdout.splitlines() if "lesson.py:" not in line]
    assert not faults, "\n".join(faults)
    lines = [line.split("lesson.py:")[1] for line in ran.stdout.splitlines()]
    assert lines[0].startswith('2: note: Revealed type is "def (formula: str |')
    assert "-> course.fit.model.MixedModel" in lines[0]
    assert lines[1] == '4: note: Revealed type is "course.fit.model.MixedFit"'
    assert lines[2] == '5: note: Revealed type is "float"'
    assert "group: str, effect: str =" in lines[3]
    assert lines[4].startswith('7: error: Missing positional arguments "formula", "data"')
    assert lines[5].startswith(
        '8: error: Module "course" has no attribute "mixdlm"; maybe "mixedlm" or "mixedglm"?'
    )


def in_an_editor(code: str) -> jedi.Script:
    return jedi.Script(code, path=ROOT / "lesson.py", project=jedi.Project(ROOT))


@pytest.mark.slow
def test_an_editor_completes_the_public_names():
    offered = {name.name for name in in_an_editor("import course\ncourse.").complete()}
    assert set(course.__all__) <= offered


@pytest.mark.parametrize(
    ("code", "parameters"),
    [
        ("from course import mixedlm\nmixedlm(", ["formula", "data", "groups"]),
        ("import course\ncourse.confint(", ["fit", "method", "level"]),
        ("from course import plots\nplots.caterpillar(", ["fit", "group", "effect"]),
        ("from course import mixedlm\nmixedlm('', '').fit().predict(", ["new_data", "random"]),
    ],
)
def test_an_editor_shows_signature_and_docstring(code, parameters):
    signatures = in_an_editor(code).get_signatures()
    assert signatures
    for signature in signatures:  # one for each kind of result
        assert [parameter.name for parameter in signature.params][: len(parameters)] == parameters
        assert "Parameters\n----------" in signature.docstring()
