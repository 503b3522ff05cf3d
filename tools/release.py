"""Check that a release may be made, and make its files: `make release`.

    python tools/release.py              checks, and writes dist/
    python tools/release.py --check      checks only

The checks: the version is one, the changelog tells what is new in it, CITATION.cff is valid and has the
same version. Then sdist and wheel are built, each from the repository. What pip makes of the sdist must be
the very same wheel, file for file; so it is enough to install that wheel into a new environment, with the
pinned versions of what it needs, where it must pass tools/smoke.py.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from datetime import date
from pathlib import Path

import check_jsonschema
import yaml
from click.testing import CliRunner
from packaging.version import InvalidVersion, Version

TOOLS = Path(__file__).resolve().parent
ROOT = TOOLS.parent


def problems(root: Path) -> list[str]:
    """What stands against a release of what is in this folder."""
    text = (root / "course" / "__init__.py").read_text("utf-8")
    version = re.search(r'^__version__ = "(.*)"$', text, re.MULTILINE)[1]
    return [
        *version_problems(version),
        *changelog_problems((root / "CHANGELOG.md").read_text("utf-8"), version),
        *citation_problems(root / "CITATION.cff", version),
    ]


def version_problems(version: str) -> list[str]:
    """Versions are MAJOR.MINOR.PATCH, perhaps with a pre-release such as 1.0.0rc1."""
    try:
        parsed = Version(version)
    except InvalidVersion:
        return [f"course.__version__ is {version!r}, which is no version"]
    if str(parsed) != version or len(parsed.release) != 3 or parsed.local or parsed.is_devrelease:
        return [f"course.__version__ is {version!r}; write it as MAJOR.MINOR.PATCH"]
    return []


def sections(changelog: str) -> dict[str, str]:
    """The sections of a changelog: heading, without its brackets, and text."""
    _, *parts = re.split(r"^## ", changelog, flags=re.MULTILINE)
    split = [part.partition("\n") for part in parts]
    return {re.sub(r"[\[\]]", "", title).strip(): text.strip() for title, _, text in split}


def changelog_problems(changelog: str, version: str) -> list[str]:
    """There is a dated section for the version, or else what is unreleased; and it has entries."""
    found = sections(changelog)
    titles = [title for title in found if title.split(" ")[0] == version]
    if len(titles) > 1:
        return [f"CHANGELOG.md has {len(titles)} sections for {version}"]
    if not titles and "Unreleased" not in found:
        return [f"CHANGELOG.md has a section neither for {version} nor for Unreleased"]
    title = titles[0] if titles else "Unreleased"
    wrong = []
    if titles and not is_date(title.removeprefix(version).removeprefix(" - ")):
        wrong.append(f"CHANGELOG.md: write the heading as [{version}] - YYYY-MM-DD, not {title!r}")
    if not re.search(r"^- \S", found[title], re.MULTILINE):
        wrong.append(f"CHANGELOG.md has no entries under {title}")
    return wrong


def is_date(text: str) -> bool:
    """Whether a text is a day, as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def citation_problems(path: Path, version: str) -> list[str]:
    """CITATION.cff keeps to the Citation File Format's schema, and has the same version."""
    schema = ["--builtin-schema", "vendor.citation-file-format"]
    run = CliRunner().invoke(check_jsonschema.main, [*schema, str(path)])
    if run.exit_code:
        return [f"CITATION.cff is not valid: {run.output}"]
    cited = yaml.safe_load(path.read_text("utf-8")).get("version")
    if str(cited) != version:
        return [f"CITATION.cff is of version {cited}, course.__version__ is {version}"]
    return []


def build(folder: Path) -> tuple[Path, Path]:
    """Write sdist and wheel, each from the repository itself, into an empty folder; their paths."""
    shutil.rmtree(folder, ignore_errors=True)
    formats = ["--sdist", "--wheel"]  # by default, the wheel would come from the sdist
    subprocess.run([sys.executable, "-m", "build", *formats, "--outdir", folder, ROOT], check=True)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def sdist_problems(sdist: Path, wheel: Path) -> list[str]:
    """Who installs the sdist gets the same files as from the wheel, since pip first makes a wheel of it."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "-w", folder, sdist], cwd=folder, check=True)
        (from_sdist,) = Path(folder).iterdir()
        return wheel_problems(from_sdist, wheel)


def wheel_problems(from_sdist: Path, wheel: Path) -> list[str]:
    """Two wheels have the same name, and the same files with the same contents, METADATA among them."""
    if from_sdist.name != wheel.name:
        return [f"pip makes {from_sdist.name} of the sdist, the wheel is {wheel.name}"]
    ours, theirs = contents(from_sdist), contents(wheel)
    differing = sorted(name for name in ours | theirs if ours.get(name) != theirs.get(name))
    return [
        f"{name} is not the same in the wheel that pip makes of the sdist" for name in differing
    ]


def contents(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel: name and content."""
    with zipfile.ZipFile(wheel) as file:
        return {name: file.read(name) for name in file.namelist()}


def try_out(wheel: Path) -> None:
    """Install a wheel into a new environment, away from the repository, and use it there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        # Not compiled by pip: Python does that for the few modules that are used here, in half of the time.
        pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile"]
        subprocess.run(
            [*pip, "-c", ROOT / "constraints.txt", f"{wheel}[lab]"], cwd=folder, check=True
        )
        smoke = shutil.copy(TOOLS / "smoke.py", folder)
        subprocess.run([python, "-I", smoke, folder], cwd=folder, check=True)


def main() -> int:
    """Check, build and try out; the exit status is 1 where something stands against a release."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="check only, build nothing")
    options = parser.parse_args()
    if report(problems(ROOT)):
        return 1
    if options.check:
        return 0
    sdist, wheel = build(ROOT / "dist")
    print(f"\n{sdist.name}: does pip make the same wheel of it?", flush=True)
    if report(sdist_problems(sdist, wheel)):
        return 1
    print(f"\n{wheel.name} in a new environment: about a minute", flush=True)
    try_out(wheel)
    print(f"\nready: dist/{wheel.name} dist/{sdist.name}")
    return 0


def report(found: list[str]) -> bool:
    """Print problems; whether there are any."""
    for problem in found:
        print(problem, file=sys.stderr)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
