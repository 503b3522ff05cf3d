"""README's code runs, and prints what README shows; its links lead somewhere."""

import contextlib
import io
import re
import warnings
from pathlib import Path

import pytest
import statsmodels.formula.api  # noqa: F401  (it sets warning filters when first imported)
from api_pages import CHAPTERS
from test_architecture import ALLOWED

ROOT = Path(__file__).parents[2]
# All Markdown but the pages of the website, whose links site/staging.py follows when the site is built.
PAPERS = sorted(
    path
    for folder in (".", "course", "data", "findings", "notebooks", "site/live", "tests/*")
    for path in ROOT.glob(f"{folder}/*.md")
)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL)


def printed(code: str, names: dict) -> str:
    shown = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(shown):
        warnings.simplefilter("ignore")  # statsmodels warns of the nonsense it fits in the trap
        exec(code, names)
    return shown.getvalue()


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").splitlines()]


@pytest.mark.slow
def test_code_prints_what_readme_shows():
    assert len(BLOCKS) == README.count("```python") > 3
    names: dict = {}
    for code, expected in BLOCKS:
        assert lines(printed(code, names)) == lines(expected)


def prose(path: Path) -> str:
    """The text of a paper, without its blocks of code."""
    return FENCED.sub("", path.read_text(encoding="utf-8"))


def places(path: Path) -> set[str]:
    """What a link can name in a paper: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    words = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in words}


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(paper):
    for link in re.findall(r"\]\((?!\w+:)([^)\s]+)\)", prose(paper)):
        file, _, place = link.partition("#")
        target = paper.parent / file if file else paper
        assert target.exists(), link
        if place and target.suffix == ".md":
            assert place in places(target), link


def test_the_plan_of_the_package_names_every_wing_and_no_other():
    text = (ROOT / "course" / "README.md").read_text(encoding="utf-8")
    wings = {path.parent.name for path in (ROOT / "course").glob("*/__init__.py")}
    assert set(re.findall(r"^\| \[`(\w+)/`\]", text, re.MULTILINE)) == wings
    files = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", text)
    assert len(files) > 10
    for file in files:
        assert (ROOT / file).exists() or (ROOT / "course" / file).exists(), file


def test_the_wings_stand_in_one_order_everywhere():
    """That of the data's way: in the table of who may import whom, on the plan, and on the website."""
    text = (ROOT / "course" / "README.md").read_text(encoding="utf-8")
    plan = re.findall(r"^\| \[?`(\w+)(?:/|\.py)`", text, re.MULTILINE)
    assert plan == [
        name for name in ALLOWED if name != "__main__"
    ]  # which shares a row with doctor
    wings = [name for name in plan if name not in ("doctor", "lessons")]
    assert wings == list(CHAPTERS)
    for name, uses in ALLOWED.items():
        before = list(ALLOWED)[: list(ALLOWED).index(name)]
        assert uses.split() == [other for other in before if other in uses.split()], name


def test_every_file_of_reference_values_is_told_of_and_made_by_make_reference():
    folder = ROOT / "tests" / "reference"
    text = (folder / "README.md").read_text(encoding="utf-8")
    table = " ".join(line for line in text.splitlines() if line.startswith("| `"))
    told = re.findall(r"`([\w*]+\.\w+)`", table)
    for path in folder.iterdir():
        if path.name != "README.md" and path.is_file():
            assert any(path.match(pattern) for pattern in told), path.name
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    made = re.findall(r"^\tRscript tests/reference/(\w+)\.R$", makefile, re.MULTILINE)
    assert sorted(made) == sorted(path.stem for path in folder.glob("*.R"))
    # each writes the file of its name, but for published.R, whose list of models has it, and for
    # phrasebook.R, whose file comes with the course; the two lists, models.json and published.json, are
    # written by hand
    by_hand = {"models", "published"}
    written = {"published_values" if name == "published" else name for name in made}
    written.remove("phrasebook")
    assert (ROOT / "data" / "phrasebook.json").is_file()
    assert {path.stem for path in folder.glob("*.json")} == written | by_hand


def test_what_contributing_says_make_can_do():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE))
    assert {"lab", "test", "test-fast", "test-long", "release"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
