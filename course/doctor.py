"""Is the installation as it should be? Lines that say OK or FAIL, with the mend: python -m course doctor."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module, metadata
from pathlib import Path
from subprocess import DEVNULL
from typing import TYPE_CHECKING

from course import __version__
from course.common.paths import ROOT, SHIPPED

if TYPE_CHECKING:
    import pandas as pd

DISTRIBUTION = "mixed-effects-course"
OLDEST_PYTHON = (3, 11)
IMPORTED_AS = {"odfpy": "odf"}  # packages that are not imported by their own names
# The website runs lessons in Python for WebAssembly; this much of it belongs to the page.
ON_A_PAGE = ("numpy", "scipy", "pandas", "statsmodels", "matplotlib", "seaborn")

# Test scores in five classrooms of four pupils. With equal classrooms, what REML estimates is known in
# closed form from the mean squares between and within them (Searle, Casella & McCulloch, 1992, Variance
# Components, Wiley).
CLASSROOMS = [
    [52, 57, 61, 54],
    [66, 71, 63, 68],
    [48, 44, 53, 51],
    [59, 62, 55, 64],
    [70, 65, 73, 76],
]


@dataclass(frozen=True)
class Finding:
    """One line of the report: is `what` as it should be, and if not, what mends it."""

    ok: bool
    what: str
    mend: str = ""

    def __str__(self) -> str:
        if self.ok:
            return f"OK    {self.what}"
        return f"FAIL  {self.what}\n      mend: {self.mend}"


def main() -> int:
    """Print the report; return 0 if all is well, else 1.

    Examples
    --------
    >>> from course import doctor
    >>> status = doctor.main()  # doctest: +SKIP
    OK    Python 3.11.2
    OK    numpy 2.4.6
    ...
    """
    findings = []
    for finding in examine(ROOT):
        print(finding, flush=True)
        findings.append(finding)
    failed = sum(not finding.ok for finding in findings)
    print(
        f"{failed} of {len(findings)} checks failed" if failed else f"all {len(findings)} checks OK"
    )
    return 1 if failed else 0


def examine(root: Path) -> Iterator[Finding]:
    """Yield what is found in the course's folder `root`, check by check, fast ones first."""
    python = check_python(sys.version_info[:3])
    yield python
    if not python.ok:
        return  # the rest would fail for this one reason
    if sys.platform == "wasi":
        for name in ON_A_PAGE:
            yield check_package(name, None, "load the page of the lesson again")
    else:
        yield from check_requirements() if root == SHIPPED else check_packages(root)
    yield from check_data(root)
    anew = f"{pip_install(root)} --force-reinstall"
    kernel = (
        f"{pip_install(root)} ipykernel && {python_command()} -m ipykernel install --sys-prefix"
    )
    yield attempt("statsmodels fits a small model", fit_with_statsmodels, anew)
    yield attempt("the course fits the same model", fit_with_course, anew)
    if version_of("jupyterlab"):
        yield attempt("notebooks run in this Python", run_kernel, kernel)
    elif sys.platform != "wasi":
        lab = f'{python_command()} -m pip install "{DISTRIBUTION}[lab]"'
        yield Finding(True, f"the package alone, without JupyterLab; for the lessons: {lab}")


def check_python(version: tuple[int, ...]) -> Finding:
    """Python is new enough."""
    oldest = ".".join(map(str, OLDEST_PYTHON))
    return Finding(
        version >= OLDEST_PYTHON,
        f"Python {'.'.join(map(str, version))}",
        f"install Python {oldest} or newer, delete the folder .venv, and install again with it",
    )


def check_packages(root: Path) -> Iterator[Finding]:
    """Every package that the course uses is there, in the version the lessons were made with."""
    install = pip_install(root)
    try:
        pins = read_pins(root / "constraints.txt")
        direct = read_dependencies(root / "pyproject.toml")
    except FileNotFoundError as error:
        yield Finding(
            False,
            f"{error.filename} is missing",
            "the lessons need the whole repository: clone it, and install the course from the clone",
        )
        return
    for name in direct:
        yield check_package(name, pins.pop(name, None), install)
    installed = {name: version for name in pins if (version := version_of(name))}
    others = [f"{n} {v}, not {pins[n]}" for n, v in installed.items() if v != pins[n]]
    yield Finding(
        not others,
        "; ".join(others) or f"{len(installed)} further packages in their pinned versions",
        install,
    )


def check_requirements() -> Iterator[Finding]:
    """Every package is there that a wheel of the course asks for; in which versions, pip saw to."""
    for line in metadata.requires(DISTRIBUTION) or []:
        if "extra ==" not in line:
            yield check_package(re.findall(r"[\w.-]+", line)[0], None, pip_install(SHIPPED))


def check_package(name: str, pin: str | None, install: str) -> Finding:
    """The package is installed, in the pinned version if there is one, and can be imported."""
    version = version_of(name)
    if version is None:
        return Finding(False, f"{name} is not installed", install)
    if pin and version != pin:
        return Finding(False, f"{name} is {version}, the lessons were made with {pin}", install)
    return attempt(f"{name} {version}", lambda: import_module(IMPORTED_AS.get(name, name)), install)


def check_data(root: Path) -> Iterator[Finding]:
    """The data files are those that the lessons were made with."""
    catalogue = root / "data" / "README.md"
    sums = read_checksums(catalogue.read_text("utf-8")) if catalogue.is_file() else {}
    if not sums:
        what = f"no checksums of the data files in {shown(catalogue)}"
        yield Finding(False, what, get_again(root, "data/README.md"))
    for file, checksum in sums.items():
        path = catalogue.with_name(file)
        state = "is missing"
        if path.is_file():
            same = hashlib.sha256(path.read_bytes()).hexdigest() == checksum
            state = "" if same else "was changed: the lessons print other numbers with it"
        yield Finding(not state, f"data/{file} {state}".strip(), get_again(root, f"data/{file}"))


def attempt(what: str, check: Callable[[], object], mend: str) -> Finding:
    """Run a check that raises if something is wrong. Whatever it raises is a finding, not a traceback."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check()
    except Exception as error:
        return Finding(False, f"{what}: {type(error).__name__}: {error}", mend)
    return Finding(True, what)


def fit_with_statsmodels() -> None:
    """Fit a random intercept with statsmodels, and compare it with the closed form."""
    import statsmodels.formula.api as smf

    data = classrooms()
    fit = smf.mixedlm("score ~ 1", data, groups=data["classroom"]).fit(reml=True)
    compare(fit.fe_params["Intercept"], fit.cov_re.iloc[0, 0], fit.scale)


def fit_with_course() -> None:
    """Fit the same model with the course's own solver, and compare it with the closed form."""
    from course.fit.from_formula import mixedlm

    fit = mixedlm("score ~ 1 + (1|classroom)", classrooms()).fit(reml=True)
    between = fit.variance_components["vcov"].iloc[0]
    compare(fit.fe_params["Intercept"], between, fit.scale)


def classrooms() -> pd.DataFrame:
    """Return the small data set: one row per pupil, columns classroom and score."""
    import pandas as pd

    rows = [(f"room {i}", score) for i, room in enumerate(CLASSROOMS) for score in room]
    return pd.DataFrame(rows, columns=["classroom", "score"])


def compare(*estimates: float) -> None:
    """Raise unless the estimates (mean, variance between, variance within) are the closed form's."""
    rooms, size = len(CLASSROOMS), len(CLASSROOMS[0])
    means = [sum(room) / size for room in CLASSROOMS]
    mean = sum(means) / rooms
    ms_between = size * sum((m - mean) ** 2 for m in means) / (rooms - 1)
    squares = sum((y - m) ** 2 for room, m in zip(CLASSROOMS, means, strict=True) for y in room)
    within = squares / (rooms * (size - 1))
    expected = (mean, (ms_between - within) / size, within)
    for estimate, known in zip(estimates, expected, strict=True):
        if not abs(estimate / known - 1) < 1e-3:
            raise ArithmeticError(f"it estimates {estimate:.4f} where {known:.4f} is right")


def run_kernel() -> None:
    """Start the kernel that notebooks ask for, and see that it is this Python."""
    from jupyter_client.manager import start_new_kernel

    start = partial(start_new_kernel, startup_timeout=60, kernel_name="python3", stderr=DEVNULL)
    try:
        manager, client = start()
    except RuntimeError:  # whoever else started one just now may have taken a port of this one
        manager, client = start()
    try:
        printed: list[str] = []
        client.execute_interactive(
            "import sys; print(sys.prefix)",
            timeout=60,
            output_hook=lambda message: printed.append(message["content"].get("text", "")),
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    prefix = "".join(printed).strip()
    if not (prefix and os.path.samefile(prefix, sys.prefix)):
        raise RuntimeError(
            f"the kernel 'python3' runs in {prefix or 'nothing'}, not in {sys.prefix}"
        )


def read_pins(path: Path) -> dict[str, str]:
    """Read the versions of a constraints file, by package."""
    lines = path.read_text("utf-8").split()
    return dict(line.split("==") for line in lines)


def read_dependencies(path: Path) -> list[str]:
    """Read the names of the packages that the project in a pyproject.toml needs."""
    import tomllib  # not there in a Python that is too old, which check_python is to tell

    project = tomllib.loads(path.read_text("utf-8"))["project"]
    return [re.findall(r"[\w.-]+", dependency)[0] for dependency in project["dependencies"]]


def read_checksums(catalogue: str) -> dict[str, str]:
    """Read the sha256 of every file in the table of the data catalogue.

    Examples
    --------
    >>> read_checksums("| exam | `exam.csv` | 4,059 rows | `" + 64 * "0" + "` |")
    {'exam.csv': '0000000000000000000000000000000000000000000000000000000000000000'}
    """
    return dict(re.findall(r"^\|.*?`([\w.]+)`.*?`([0-9a-f]{64})`", catalogue, re.MULTILINE))


def version_of(package: str) -> str | None:
    """Return the installed version of a package, None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def get_again(root: Path, file: str) -> str:
    """Write how to get a file of the course as it was."""
    if root == SHIPPED:
        return f"{pip_install(root)} --force-reinstall"
    return f"git checkout -- {file}  (or download the course again)"


def pip_install(root: Path) -> str:
    """Write the command that installs the course in this Python."""
    if root == SHIPPED:
        wheel = f"{DISTRIBUTION.replace('-', '_')}-{__version__}-py3-none-any.whl"
        return f"{python_command()} -m pip install {wheel}"
    constraints = shown(root / "constraints.txt")
    return f'{python_command()} -m pip install -c {constraints} -e "{shown(root)}[lab]"'


def python_command() -> str:
    """Write the command that runs this Python."""
    return shown(Path(sys.executable))


def shown(path: Path) -> str:
    """Write a path as short as it can be where we are."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


if __name__ == "__main__":
    sys.exit(main())
