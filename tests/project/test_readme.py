"""README's code runs, and prints what README shows; its links lead somewhere."""

import contextlib
import io
import re
import warnings
from pathlib import Path

import pytest
import statsmodels.formula.api  # noqa: F401  (it sets warning filters when first imported)

ROOT = Path(__file__).parents[2]
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


def test_code_prints_what_readme_shows():
    assert len(BLOCKS) == README.count("```python") > 3
    names: dict = {}
    for code, expected in BLOCKS:
        assert lines(printed(code, names)) == lines(expected)


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
def test_links_lead_somewhere(target):
    assert (ROOT / target).exists()
