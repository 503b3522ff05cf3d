"""The doctor finds a sound installation sound, and for each thing that can be wrong says what mends it."""

import json
import re
import shutil
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from jupyter_client import manager

import course
from course import doctor
from course.__main__ import main
from course.data.sets import DATA_SETS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def root(tmp_path):
    """A course folder of the test's own, with one data file, all of it as it should be."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "constraints.txt").write_text(pins(), "utf-8")
    data = tmp_path / "data"
    data.mkdir()
    (data / "abc.csv").write_bytes(b"abc")
    # The sha256 of "abc" is an example of the standard, FIPS 180-2, appendix B.1.
    checksum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (data / "README.md").write_text(
        f"| set | file | sha256 |\n| abc | `abc.csv` | `{checksum}` |\n"
    )
    return tmp_path


@cache
def pins() -> str:
    """Of what the course needs, and of ipython, which comes with that.

    These tests run on the lowest versions, too: the lessons were made with what is installed.
    """
    names = [*doctor.read_dependencies(ROOT / "pyproject.toml"), "ipython"]
    return "".join(f"{name}=={metadata.version(name)}\n" for name in names)


def edit(path: Path, pattern: str, replacement: str) -> None:
    text, changes = re.subn(pattern, replacement, path.read_text("utf-8"), flags=re.MULTILINE)
    assert changes == 1
    path.write_text(text, "utf-8")


def failures(findings) -> list[str]:
    findings = list(findings)
    assert len(findings) > 0
    return [str(finding) for finding in findings if not finding.ok]


def test_on_a_page_of_the_website_nothing_is_asked_of_a_terminal(root, monkeypatch):
    monkeypatch.setattr(sys, "platform", "wasi")
    monkeypatch.setattr(doctor, "version_of", lambda name: None if name == "jupyterlab" else "1.0")
    (root / "constraints.txt").unlink()
    findings = list(doctor.examine(root))
    assert failures(findings) == []
    assert not [finding for finding in findings if "pip install" in str(finding)]


@pytest.mark.slow
def test_this_installation_is_sound(capsys):
    status = main(["doctor"])
    printed = capsys.readouterr()
    *lines, last = printed.out.splitlines()
    assert status == 0, printed.out + printed.err
    assert all(line.startswith("OK    ") for line in lines)
    assert last == f"all {len(lines)} checks OK"
    assert f"OK    numpy {metadata.version('numpy')}" in lines
    assert "OK    data/pupils.csv" in lines


def test_a_failure_is_printed_with_its_mend_and_sets_the_status(root, monkeypatch, capsys):
    (root / "data" / "abc.csv").unlink()
    monkeypatch.setattr(doctor, "examine", doctor.check_data)
    monkeypatch.setattr(doctor, "ROOT", root)
    assert doctor.main() == 1
    assert capsys.readouterr().out == (
        "FAIL  data/abc.csv is missing\n"
        "      mend: git checkout -- data/abc.csv  (or download the course again)\n"
        "1 of 1 checks failed\n"
    )


def test_an_old_python_is_the_only_thing_reported(monkeypatch):
    assert doctor.check_python((3, 11, 2)).ok
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 14, "final", 0))
    (only,) = doctor.examine(ROOT)
    assert str(only).startswith("FAIL  Python 3.10.14\n      mend: install Python 3.11 or newer")


# ---- packages ----------------------------------------------------------------------------------


def test_sound_packages(root):
    assert failures(doctor.check_packages(root)) == []


def test_another_version_of_a_package_the_course_uses(root):
    edit(root / "constraints.txt", r"^numpy==.*", "numpy==1.2.3")
    (failure,) = failures(doctor.check_packages(root))
    version = metadata.version("numpy")
    assert failure.startswith(f"FAIL  numpy is {version}, the lessons were made with 1.2.3\n")
    assert f'-m pip install -c {root / "constraints.txt"} -e "{root}[lab]"' in failure


def test_another_version_of_a_package_behind_those(root):
    edit(root / "constraints.txt", r"^ipython==.*", "ipython==1.2.3")
    (failure,) = failures(doctor.check_packages(root))
    assert failure.startswith(f"FAIL  ipython {metadata.version('ipython')}, not 1.2.3\n")


def test_a_package_of_another_system_need_not_be_there(root):
    edit(root / "constraints.txt", r"\Z", "only-on-another-system==1.0\n")
    assert failures(doctor.check_packages(root)) == []


def test_a_package_that_is_not_installed(root):
    edit(root / "pyproject.toml", r'^    "tqdm>=.*', '    "never-heard-of>=1",')
    edit(root / "constraints.txt", r"\Z", "never-heard-of==1.0\n")
    (failure,) = failures(doctor.check_packages(root))
    assert failure.startswith("FAIL  never-heard-of is not installed\n      mend: ")


def test_a_package_that_is_there_but_broken(root, monkeypatch):
    monkeypatch.setitem(sys.modules, "seaborn", None)  # so that importing it fails
    (failure,) = failures(doctor.check_packages(root))
    version = metadata.version("seaborn")
    assert failure.startswith(f"FAIL  seaborn {version}: ModuleNotFoundError: ")


@pytest.mark.parametrize("file", ["constraints.txt", "pyproject.toml"])
def test_a_package_without_its_repository(root, file):
    (root / file).unlink()
    (failure,) = failures(doctor.check_packages(root))
    assert failure.startswith(f"FAIL  {root / file} is missing\n")
    assert "clone" in failure


def test_a_wheel_asks_for_its_packages_in_whatever_versions_pip_found(monkeypatch):
    requires = ["numpy>=2.0", "never-heard-of>=1", 'pytest>=8; extra == "test"']
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: requires)
    numpy, other = doctor.check_requirements()
    assert str(numpy) == f"OK    numpy {metadata.version('numpy')}"
    assert str(other).startswith("FAIL  never-heard-of is not installed\n      mend: ")
    assert "pip install mixed_effects_course-" in str(other)


# ---- data --------------------------------------------------------------------------------------


def test_sound_data(root):
    assert failures(doctor.check_data(root)) == []


def test_the_catalogue_has_a_checksum_of_every_data_set():
    catalogue = (ROOT / "data" / "README.md").read_text("utf-8")
    assert set(doctor.read_checksums(catalogue)) == {file for file, _ in DATA_SETS.values()}


def test_a_data_file_that_was_changed(root):
    (root / "data" / "abc.csv").write_bytes(b"abd")
    (failure,) = failures(doctor.check_data(root))
    assert failure.startswith("FAIL  data/abc.csv was changed")
    assert "mend: git checkout -- data/abc.csv" in failure


def test_a_data_file_of_a_wheel_comes_again_with_the_wheel(root, monkeypatch):
    monkeypatch.setattr(doctor, "SHIPPED", root)
    (root / "data" / "abc.csv").unlink()
    (failure,) = failures(doctor.check_data(root))
    wheel = f"mixed_effects_course-{course.__version__}-py3-none-any.whl"
    assert failure.startswith("FAIL  data/abc.csv is missing")
    assert failure.endswith(f"-m pip install {wheel} --force-reinstall")


@pytest.mark.parametrize("text", [None, "nothing\n"])
def test_a_catalogue_that_is_missing_or_says_nothing(root, text):
    catalogue = root / "data" / "README.md"
    catalogue.unlink()
    if text:
        catalogue.write_text(text)
    (failure,) = failures(doctor.check_data(root))
    assert failure.startswith(f"FAIL  no checksums of the data files in {catalogue}\n")


# ---- fits and notebooks ------------------------------------------------------------------------


@pytest.mark.parametrize("fit", [doctor.fit_with_statsmodels, doctor.fit_with_course])
def test_a_fit_that_is_off_is_noticed(fit, monkeypatch):
    assert doctor.attempt("a fit", fit, "mend it").ok
    other = doctor.classrooms()
    other.loc[0, "score"] += 1
    monkeypatch.setattr(doctor, "classrooms", lambda: other)
    finding = doctor.attempt("a fit", fit, "mend it")
    assert re.match(
        r"FAIL  a fit: ArithmeticError: it estimates \S+ where \S+ is right", str(finding)
    )


def kernel(folder: Path, monkeypatch, code: str) -> None:
    """Let notebooks find a kernel 'python3' that runs this code, before any other of the name."""
    spec = folder / "kernels" / "python3"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-c", code, "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Python 3"}))
    monkeypatch.setenv("JUPYTER_PATH", str(folder))


@pytest.mark.slow
def test_a_kernel_of_another_python_is_noticed(tmp_path, monkeypatch):
    code = (
        f"import sys; sys.prefix = {str(tmp_path)!r}; "
        "from ipykernel.kernelapp import launch_new_instance; launch_new_instance()"
    )
    kernel(tmp_path, monkeypatch, code)
    finding = doctor.attempt("notebooks", doctor.run_kernel, "mend it")
    assert f"the kernel 'python3' runs in {tmp_path}, not in {sys.prefix}" in str(finding)


@pytest.fixture
def asked(monkeypatch):
    """How kernels were asked for; the first of them dies at once, as one does that lost a port."""
    start, asked = manager.start_new_kernel, []

    def lost_at_first(**arguments):
        asked.append(arguments)
        if len(asked) == 1:
            raise RuntimeError("Kernel died before replying to kernel_info")
        return start(**arguments)

    monkeypatch.setattr(manager, "start_new_kernel", lost_at_first)
    return asked


@pytest.mark.slow
def test_a_kernel_that_does_not_start_is_noticed(tmp_path, monkeypatch, asked):
    kernel(tmp_path, monkeypatch, "raise SystemExit(1)")
    finding = doctor.attempt("notebooks", doctor.run_kernel, "mend it")
    assert str(finding).startswith("FAIL  notebooks: RuntimeError: Kernel died")
    assert len(asked) == 2


@pytest.mark.slow
def test_a_kernel_that_lost_a_port_to_another_is_started_once_more(asked):
    doctor.run_kernel()
    assert len(asked) == 2
