"""One set of versions everywhere, a package that is light to import, and names that lead somewhere."""

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from budget import thinned
from lowest import lowest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import course

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
PINS = dict(line.split("==") for line in CONSTRAINTS)
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))

NEEDED = [
    Requirement(line) for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["lab"]
]
EXTRAS = [
    Requirement(line) for lines in PROJECT["optional-dependencies"].values() for line in lines
]


def python(code: str) -> str:
    """What a new Python prints."""
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


# ---- versions ----------------------------------------------------------------------------------


def test_a_constraint_is_a_name_and_a_version_and_no_more():
    form = r"[A-Za-z0-9][\w.-]*==\d[\w.]*"
    others = [line for line in CONSTRAINTS if not re.fullmatch(form, line)]
    assert not others, "\n".join(others)


def test_constraints_name_each_package_once_and_in_order():
    names = [re.sub(r"[-_.]+", "-", name).lower() for name in PINS]
    assert len(set(names)) == len(CONSTRAINTS)
    assert names == sorted(names)


def test_the_pinned_version_is_one_the_project_admits():
    faults = []
    for requirement in NEEDED + EXTRAS:
        if not requirement.specifier:
            faults.append(f"{requirement} says no lowest version")
        pin = PINS.get(requirement.name)
        if pin is None or not requirement.specifier.contains(pin):
            faults.append(f"{requirement} is pinned to {pin}")
    assert not faults, "\n".join(faults)


def test_reading_a_notebook_waits_for_no_grammars():
    """From 4.25 on jsonschema, which JupyterLab and nbval import, waits two seconds for 39 parsers that no
    notebook needs: findings/a-notebook-waits-for-grammars.sh. A newer one may be free of that."""
    assert PINS["jsonschema"].startswith("4.24.") and "rfc3987-syntax" not in PINS


def test_the_lowest_versions_are_those_of_the_project():
    versions = dict(line.split("==") for line in lowest(PROJECT))
    tested = [Requirement(line) for line in PROJECT["optional-dependencies"]["test"]]
    assert set(versions) == {requirement.name for requirement in NEEDED + tested}
    for requirement in NEEDED + tested:
        assert requirement.specifier.contains(versions[requirement.name])
        assert str(requirement.specifier) == f">={versions[requirement.name]}"


def test_environment_yml_installs_the_same_versions():
    assert ENVIRONMENT["name"] == "mixed-effects"
    (pip,) = [part["pip"] for part in ENVIRONMENT["dependencies"] if isinstance(part, dict)]
    options = [line for line in pip if line.startswith("-")]
    assert options == ["-c constraints.txt", "-e .[lab]"]
    pins = dict(line.split("==") for line in pip if line not in options)
    assert pins == {requirement.name: PINS[requirement.name] for requirement in NEEDED}


def test_environment_yml_brings_a_python_the_project_admits():
    (version,) = [
        part.removeprefix("python=")
        for part in ENVIRONMENT["dependencies"]
        if isinstance(part, str) and part.startswith("python")
    ]
    assert SpecifierSet(PROJECT["requires-python"]).contains(version)
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]


def test_the_commit_hooks_run_the_pinned_ruff():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"][0][
        "hooks"
    ]
    assert hooks
    for hook in hooks:
        assert hook["additional_dependencies"] == [f"ruff=={PINS['ruff']}"]


def test_the_citation_and_the_changelog_know_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == course.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert course.__version__ in changelog
    assert "## [Unreleased]" in changelog


# ---- make --------------------------------------------------------------------------------------


def make(*arguments: str, **variables: str) -> str:
    if not (path := shutil.which("make")):
        pytest.skip("there is no make here")
    variables = {"PATH": os.environ["PATH"], **variables}
    run = subprocess.run(
        [path, *arguments], cwd=ROOT, env=variables, capture_output=True, text=True, check=True
    )
    return run.stdout


def test_make_alone_lists_every_target():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.search(r"^\.PHONY: (.*)", makefile, re.MULTILINE)[1].split()
    assert [line.split()[1] for line in make().splitlines()] == targets


def test_make_test_long_runs_what_has_more_cases_or_replicates_there():
    (run,) = [line for line in make("-n", "long-tests").splitlines() if " pytest " in line]
    assert '-m "long or hypothesis or replicated" --hypothesis-profile=long' in run


@pytest.mark.skipif(sys.platform != "linux", reason="DISPLAY tells about a screen on Linux only")
def test_make_lab_opens_a_browser_only_where_there_is_a_screen():
    root = os.geteuid() == 0
    opens = make("-n", "lab", DISPLAY=":0").splitlines()[-1]
    assert opens.endswith(
        "--ServerApp.root_dir=my-work --LabApp.default_url=/lab/tree/00-start-here.ipynb"
    )
    assert ("--no-browser" in opens) == root
    assert ("--allow-root" in opens) == root
    prints = make("-n", "lab").splitlines()[-1]
    assert "--no-browser" in prints
    assert ("--allow-root" in prints) == root


@pytest.mark.skipif(os.name != "posix", reason="the recipe is for a POSIX shell")
def test_make_test_browser_says_what_is_missing_where_it_may_not_install_it(tmp_path):
    recipe = make("-n", "test-browser")
    look = recipe[recipe.index("command -v chromium") : recipe.index(".venv/bin/python -m pytest")]

    def run() -> subprocess.CompletedProcess:
        environment = {"PATH": str(tmp_path)}
        return subprocess.run(
            ["/bin/sh", "-c", look], env=environment, capture_output=True, text=True
        )

    def command(name: str, does: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)

    command("id", "echo 1000")  # not root
    command("apt-get", "echo it was asked to install")
    asked = run()
    assert asked.returncode == 1
    (line,) = asked.stdout.splitlines()
    assert "no Chromium" in line
    assert "sudo apt install chromium" in line
    command("google-chrome", "")
    assert run().returncode == 0


# ---- the package -------------------------------------------------------------------------------


def test_importing_the_package_imports_nothing_heavy():
    loaded = python("import course, sys; print(*sys.modules)").split()
    assert "course" in loaded
    assert not {"numpy", "pandas", "patsy", "scipy", "statsmodels", "matplotlib"} & set(loaded)


@pytest.mark.slow
def test_only_what_needs_statsmodels_and_pictures_imports_them():
    names = "translate, mixedlm, simulate_schools, load, check, CourseError"
    loaded = python(f"import sys; from course import {names}; print(*sys.modules)").split()
    assert {"numpy", "pandas", "patsy"} <= set(loaded)
    assert not {"statsmodels", "matplotlib", "seaborn", "jupyterlab"} & set(loaded)


@pytest.mark.slow
def test_what_a_lesson_begins_with_waits_for_nothing_that_fits():
    """What their wings hand on beside them needs more, and imports it when it is called."""
    names = ["load", "read_table", "simulate_schools", "check"]
    imports = [f"from course import {name}; print(*sys.modules)" for name in names]
    printed = python("import sys\n" + "\n".join(imports)).splitlines()
    for name, modules in zip(names, printed, strict=True):
        loaded = set(modules.split())
        assert "pandas" in loaded, name
        assert not {"patsy", "scipy", "statsmodels", "matplotlib", "seaborn"} & loaded, name


def test_a_public_name_leads_to_something_of_that_name():
    faults = [
        f"course.{name}, called {found!r}"
        for name in course.__all__
        if (found := getattr(getattr(course, name), "__name__", None)) != name
    ]
    faults += [f"dir(course) is without {name}" for name in set(course.__all__) - {*dir(course)}]
    assert not faults, "\n".join(faults)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'course' has no attribute 'mixdlm'"):
        course.mixdlm  # noqa: B018


def test_make_lab_lets_jupyterlab_ask_nothing_and_cut_no_words(tmp_path):
    *_, set_up = re.findall(r"^mkdir -p .*?; done$", make("-n", "lab"), re.MULTILINE | re.DOTALL)
    static = ".venv/lib/python3.11/site-packages/jupyter_server/static"
    (tmp_path / static).mkdir(parents=True)
    subprocess.run(set_up, shell=True, cwd=tmp_path, check=True)
    settings = json.loads(
        (tmp_path / ".venv/share/jupyter/lab/settings/overrides.json").read_text()
    )
    assert settings == {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}
    assert "word-break: normal" in (tmp_path / static / "custom/custom.css").read_text()
    assert " --custom-css " in make("-n", "lab").splitlines()[-1]


IMPORTED_FIRST = [
    "import course.translation.translate",
    "from course import translate",
    "from course.translation.translate import Translation",
    "import course.fit.model",
]


@pytest.mark.slow
@pytest.mark.parametrize("first", thinned(IMPORTED_FIRST, 4))
def test_translate_is_the_function_whatever_was_imported_first(first):
    assert (
        python(f"{first}\nfrom course import translate\nprint(type(translate).__name__)")
        == "function"
    )


def test_what_is_public_is_documented():
    faults = []
    for name in course.__all__:
        public = getattr(course, name)
        words = set(re.findall(r"\w+", inspect.getdoc(public) or ""))
        if not words:
            faults.append(f"course.{name}")
        if inspect.isclass(public):
            faults += [
                f"course.{name}.{attribute}"
                for attribute, member in vars(public).items()
                if not attribute.startswith("_") and attribute not in words
                if not inspect.getdoc(member)
            ]
    assert not faults, "\n".join(faults)
