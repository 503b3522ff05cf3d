"""Cells of the notebooks run by the Python in the browser, and what they show held against what is stored."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from chromium import ROOT
from playwright.sync_api import Page

NOTEBOOKS = ROOT / "notebooks"
IGNORED = "nbval-ignore-output"
Shown = list[tuple[str, str]]  # kind and text, in order


class Python:
    """The engine on a page of the site, without a lesson around it."""

    def __init__(self, page: Page, address: str):
        self.page = page
        page.goto(f"{address}/cite.html")
        page.evaluate(
            """async (script) => {
                const { Engine } = await import(script);
                window.engine = new Engine();
            }""",
            f"{address}/live/engine.js",
        )

    def run(self, source: str) -> dict:
        """What running a cell came to, as live/README.md says."""
        return self.page.evaluate("source => window.engine.run(source)", source)

    def restart(self) -> None:
        """The session as it was after the imports."""
        self.page.evaluate("window.engine.stop()")

    def printed(self, source: str) -> str:
        """What a cell printed; it must not have raised."""
        result = self.run(source)
        assert result["ok"], result
        return "".join(one["text"] for one in result["outputs"] if one["kind"] == "text")


def cells(path: Path) -> Iterator[dict]:
    """The code cells of a notebook; before a worked answer comes what the learner finds there instead."""
    stubs = {}
    if path.parent.name == "solutions":
        stubs = {cell["id"]: cell for cell in code_cells(NOTEBOOKS / path.name)}
    for cell in code_cells(path):
        stub = stubs.pop(cell["id"], cell)
        if stub["source"] != cell["source"]:
            yield stub
        yield cell
    assert not stubs, "a cell of the lesson that its solutions have not"


def code_cells(path: Path) -> list[dict]:
    return [
        cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"
    ]


def stored(cell: dict) -> Shown:
    """The texts that a notebook keeps of a cell; of a picture, what it says to those who do not see it."""
    found = []
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            found.append((output["name"], "".join(output["text"])))
        else:
            found += texts(output["data"], output["metadata"])
    return joined(found)


def shown(result: dict) -> Shown:
    """The same of a cell that ran in the browser."""
    found = []
    for output in result["outputs"]:
        if output["kind"] == "text":
            found.append((output["stream"], output["text"]))
        elif output["kind"] == "error":
            found.append(("error", output["everything"]))
        elif output["kind"] == "display":
            found += texts(output["data"], output["metadata"])
    return joined(found) if result["ended"] is None else [*found, ("ended", result["ended"])]


def texts(data: dict, metadata: dict) -> Shown:
    found = [(kind, "".join(text)) for kind, text in data.items() if kind.startswith("text/")]
    if "image/png" in data:
        found.append(("alt", metadata["image/png"]["alt"]))
    return sorted(found)


def joined(found: Shown) -> Shown:
    """Text of one stream in one piece; a line that a bar wrote over is gone."""
    pieces: Shown = []
    for kind, text in found:
        if pieces and kind == pieces[-1][0] and kind in ("stdout", "stderr"):
            text = pieces.pop()[1] + text
        pieces.append((kind, text))
    return [(kind, re.sub(r"[^\n]*\r", "", text)) for kind, text in pieces]
