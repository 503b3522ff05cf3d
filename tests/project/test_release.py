"""What stands against a release is noticed, and named."""

import re
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

import course
from tools import release

ROOT = Path(__file__).resolve().parents[2]
VERSION = course.__version__


@pytest.fixture
def root(tmp_path):
    """A copy of what is checked."""
    (tmp_path / "course").mkdir()
    shutil.copy(ROOT / "course" / "__init__.py", tmp_path / "course")
    for file in ("CHANGELOG.md", "CITATION.cff"):
        shutil.copy(ROOT / file, tmp_path)
    return tmp_path


def edit(path: Path, pattern: str, replacement: str) -> None:
    text, changes = re.subn(pattern, replacement, path.read_text("utf-8"), flags=re.MULTILINE)
    assert changes == 1
    path.write_text(text, "utf-8")


@pytest.mark.slow
def test_nothing_stands_against_a_release_of_what_is_here():
    assert release.problems(ROOT) == []


@pytest.mark.parametrize("version", ["0.1.0", "1.0.0rc1", "2.10.3"])
def test_a_version(version):
    assert release.version_problems(version) == []


@pytest.mark.parametrize(
    "version", ["", "one", "1.0", "01.0.0", "1.0.0-rc1", "1.0.0+here", "1.0.0.dev1"]
)
def test_no_version_to_release(version):
    (problem,) = release.version_problems(version)
    assert repr(version) in problem


@pytest.mark.parametrize(
    "changelog",
    [
        "## [Unreleased]\n\n### Added\n\n- Something.\n",
        "## [Unreleased]\n\n## [1.2.3] - 2026-02-28\n\n- Something.\n\n## [1.2.2] - 2026-01-01\n",
    ],
)
def test_a_changelog(changelog):
    assert release.changelog_problems(f"# Changelog\n\n{changelog}", "1.2.3") == []


@pytest.mark.parametrize(
    ("changelog", "problem"),
    [
        ("", "a section neither for 1.2.3 nor for Unreleased"),
        ("## [1.2.30] - 2026-01-01\n\n- Something.\n", "a section neither for 1.2.3 nor for"),
        (
            "## [Unreleased]\n\nTo come.\n\n## [1.2.2] - 2026-01-01\n\n- Old.\n",
            "no entries under Unr",
        ),
        ("## [Unreleased]\n\n- New.\n\n## [1.2.3] - 2026-01-01\n", "no entries under 1.2.3"),
        ("## [1.2.3]\n\n- Something.\n", "YYYY-MM-DD"),
        ("## [1.2.3] - 2026-02-30\n\n- Something.\n", "YYYY-MM-DD"),
        ("## [1.2.3] - 2026-01-01\n\n- A.\n\n## [1.2.3] - 2026-01-02\n\n- B.\n", "2 sections for"),
    ],
)
def test_a_changelog_that_does_not_tell(changelog, problem):
    (found,) = release.changelog_problems(f"# Changelog\n\n{changelog}", "1.2.3")
    assert problem in found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "replacement", "problem"),
    [
        (r"^version: .*", "version: 9.9.9", f"of version 9.9.9, course.__version__ is {VERSION}"),
        (r"^version: .*\n", "", "of version None"),
        (r"^title: .*\n", "", "'title' is a required property"),
        (r"^license: .*", "license: ours", "not valid"),
        (r"^type: software", "type: softwear", "not valid"),
    ],
)
def test_a_citation_file_that_is_wrong(root, pattern, replacement, problem):
    edit(root / "CITATION.cff", pattern, replacement)
    (found,) = release.problems(root)
    assert "CITATION.cff is" in found
    assert problem in found


@pytest.mark.slow
def test_a_problem_is_printed_and_stops_the_release(root, monkeypatch, capsys):
    edit(root / "course" / "__init__.py", r"^__version__ = .*", '__version__ = "0.2"')
    monkeypatch.setattr(release, "ROOT", root)
    monkeypatch.setattr(release, "build", lambda folder: pytest.fail("built all the same"))
    monkeypatch.setattr(sys, "argv", ["release.py"])
    assert release.main() == 1
    said = capsys.readouterr().err.splitlines()
    assert any("write it as MAJOR.MINOR.PATCH" in line for line in said)
    assert any("course.__version__ is 0.2" in line for line in said)


def wheel(folder: Path, **contents: str) -> Path:
    """A file that is a wheel as far as is looked at here."""
    folder.mkdir()
    path = folder / f"mixed_effects_course-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return path


def test_two_wheels_that_are_the_same(tmp_path):
    one = wheel(tmp_path / "one", code="fit", data="1,2")
    other = wheel(tmp_path / "other", data="1,2", code="fit")
    assert release.wheel_problems(one, other) == []


@pytest.mark.parametrize(
    "contents",
    [
        {"code": "fit"},
        {"code": "fit", "data": "1,3"},
        {"code": "fit", "data": "1,2", "tests": ""},
    ],
)
def test_two_wheels_that_differ(tmp_path, contents):
    whole = wheel(tmp_path / "one", code="fit", data="1,2")
    other = wheel(tmp_path / "other", **contents)
    (problem,) = release.wheel_problems(other, whole)
    assert problem.split()[0] == ("tests" if "tests" in contents else "data")
    assert release.wheel_problems(whole, other) == [problem]


def test_two_wheels_of_different_names(tmp_path):
    one = wheel(tmp_path / "one", code="fit")
    other = shutil.copy(one, tmp_path / "mixed_effects_course-0.0.0-py3-none-any.whl")
    (problem,) = release.wheel_problems(other, one)
    assert "mixed_effects_course-0.0.0-py3-none-any.whl of the sdist" in problem


@pytest.mark.slow
def test_a_wheel_that_is_not_in_the_sdist_is_not_tried(root, monkeypatch, capsys):
    monkeypatch.setattr(release, "ROOT", root)
    monkeypatch.setattr(release, "build", lambda folder: (Path("a.tar.gz"), Path("a.whl")))
    monkeypatch.setattr(release, "sdist_problems", lambda sdist, wheel: ["data is not the same"])
    monkeypatch.setattr(release, "try_out", lambda wheel: pytest.fail("tried all the same"))
    monkeypatch.setattr(sys, "argv", ["release.py"])
    assert release.main() == 1
    assert "data is not the same" in capsys.readouterr().err
