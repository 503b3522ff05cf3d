"""A stored notebook to a page: Markdown (MyST) with the outputs that are in it; nothing is run.

The page of a lesson has every cell. The page of its solutions has the exercises only, each with its
answer folded away. What a cell is for is read from its tags (``notebooks/build.py`` has the list).
"""

import base64
import hashlib
import html
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby

from nbformat import NotebookNode
from quizzes import choices, question, quiz

HEADING = re.compile(r"^#{1,6} .*$", re.MULTILINE)
SECTION = re.compile(r"^## .*$", re.MULTILINE)
SELF_STUDY = re.compile(r"^(#{2,6}) (.*) \(self-study\)\s*$", re.MULTILINE)
FACTS = re.compile(r"^\*\*Time:\*\*.*\Z", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(((?!\w+:|#)[^)\s]+)\)")
CODE = re.compile(r"(^```.*?^```|^~~~~.*?^~~~~)", re.MULTILINE | re.DOTALL)
SCOPED_STYLE = re.compile(r"<style scoped>.*?</style>\s*", re.DOTALL)
EMPTY_HEADER = re.compile(r"<th( [^>]*)?></th>")
TEXT_IN_FORMULA = re.compile(r"\\text\{[^}]*\}")
DISPLAYED = re.compile(r"^\$\\displaystyle\s*(.*)\$$", re.DOTALL)
SEEN = "In the picture: "  # what `plots.show` prints below a picture
# A printed line that is longer does not fit beside the contents; live/output.js has the same two.
WIDE, COLUMNS = 92, re.compile(r"\S {3,}\S")
# What `check` says of a stub: a reader of the site has no cell to run.
WAITING = re.compile(r"^\d\d\.\d+ is waiting: .*\n?", re.MULTILINE)
# The longest fence that appears nowhere in code or output.
FENCE = "~~~~~~~~"


@dataclass
class Page:
    """Markdown of a page; the folder of its pictures, as seen from it; the pictures by file name."""

    text: str
    folder: str
    pictures: dict[str, bytes] = field(default_factory=dict)


def lesson(notebook: NotebookNode) -> Page:
    """Every cell of the notebook."""
    page = Page("", "images")
    parts = [opening(notebook.cells[0].source)] if notebook.cells else []
    if any(cell.cell_type == "code" for cell in notebook.cells):
        parts.append(raw("<div data-live></div>"))  # where live/page.js offers to run the lesson
    for cells in in_boxes(notebook.cells[1:]):
        texts = {cell.id: _marked(cell, cell_text(cell, page)) for cell in cells}
        if not _is_exercise(cells[0]):
            parts += texts.values()
        elif choices(cells):
            code = [texts[cell.id] for cell in cells if cell.cell_type == "code"]
            folded = _folded("\n\n".join(code), "code", "In the notebook")
            parts.append(_boxed(f"{question(cells)}\n\n{raw(quiz(cells))}\n\n{folded}", "exercise"))
        else:
            parts.append(_boxed("\n\n".join(texts.values()), "exercise"))
    page.text = in_order(with_routes("\n\n".join(parts))) + "\n"
    return page


def in_boxes(cells: list[NotebookNode]) -> list[list[NotebookNode]]:
    """The cells of each exercise together, all others one by one; what is to be installed left out."""
    boxes: list[list[NotebookNode]] = []
    for cell in cells:
        if "set-up" in cell.metadata.get("tags", []):
            continue  # the site has a page for that
        last = boxes[-1] if boxes and _is_exercise(boxes[-1][0]) else []
        next_one = cell.cell_type == "markdown" and last and last[-1].cell_type == "code"
        if last and _is_exercise(cell) and not next_one:
            last.append(cell)
        else:
            boxes.append([cell])
    return boxes


def solutions(notebook: NotebookNode, name: str) -> Page:
    """The exercises of a lesson, under the lesson's headings, each answer folded.

    Parameters
    ----------
    notebook : NotebookNode
        One of ``notebooks/solutions/``.
    name : str
        Of the lesson, such as ``02-random-intercepts``.
    """
    page = Page("", "../images")
    title = HEADING.search("\n".join(c.source for c in notebook.cells if c.cell_type == "markdown"))
    parts = [
        "---\norphan: true\nnosearch: true\n---",  # neither in the contents nor found by accident
        f"# Solutions: {title[0].lstrip('# ')}",
        f"The answers are folded: try first, in the [lesson](../{name}.ipynb), then look. What lies "
        "between the exercises is in the lesson; the notebook to download has all of it.",
    ]
    section = None
    for (asked, answered), cells in groupby(notebook.cells, key=_role):
        cells = list(cells)
        for cell in cells:
            if not asked and not answered and cell.cell_type == "markdown":
                section = (SECTION.findall(cell.source) or [section])[-1]
        if not asked and not answered or cells[0].id == "solutions-of":
            continue
        if section:
            parts.append(section)
            section = None
        text = "\n\n".join(cell_text(cell, page) for cell in cells)
        parts.append(
            _folded(text, "answer", "Show the answer") if answered else _boxed(text, "exercise")
        )
    page.text = re.sub(r"[ ]\(self-study\)$", "", "\n\n".join(parts), flags=re.MULTILINE) + "\n"
    return page


def _is_exercise(cell: NotebookNode) -> bool:
    return "exercise" in cell.metadata.get("tags", []) and not HEADING.search(
        cell.source if cell.cell_type == "markdown" else ""
    )


def _role(cell: NotebookNode) -> tuple[bool, bool]:
    tags = cell.metadata.get("tags", [])
    return "exercise" in tags and "solution" not in tags, "solution" in tags


def opening(source: str) -> str:
    """The first cell, with time, prerequisites and data in a box of their own."""
    return FACTS.sub(lambda found: _boxed(found[0].strip(), "facts"), source)


def with_routes(text: str) -> str:
    """Sections for self-study get a class and a badge instead of words in parentheses."""
    return SELF_STUDY.sub(r"{.self-study}\n\1 \2 [self-study]{.badge}", text)


def in_order(text: str) -> str:
    """Headings as a page wants them: one title, and under it no level left out."""
    parts = re.split(CODE, text)
    levels = [
        len(found) for part in parts[::2] for found in re.findall(r"^(#+) ", part, re.MULTILINE)
    ]
    if not levels[1:]:
        return text
    shift = 2 - min(levels[1:])  # 1 where there are several titles, -1 where sections are missing
    first = True

    def moved(found: re.Match) -> str:
        nonlocal first
        if first:
            first = False
            return found[0]
        return "#" * (len(found[1]) + shift) + " "

    return "".join(
        part if i % 2 else re.sub(r"^(#+) ", moved, part, flags=re.MULTILINE)
        for i, part in enumerate(parts)
    )


def cell_text(cell: NotebookNode, page: Page) -> str:
    """One cell as Markdown; its pictures go to ``page.pictures``."""
    if cell.cell_type == "markdown":
        return cell.source
    parts = [_fenced(cell.source, "python")] if cell.source.strip() else []
    if cell.metadata.get("jupyter", {}).get("source_hidden"):
        parts = [_folded(part, "code", "Code") for part in parts]
    parts += [_output(output, page) for output in cell.get("outputs", [])]
    if "nbval-ignore-output" in cell.metadata.get("tags", []):
        parts.append(raw('<p class="seen">What it prints depends on the computer.</p>'))
    return "\n\n".join(part for part in parts if part)


def _output(output: NotebookNode, page: Page) -> str:
    if output.output_type == "stream" and output.text.startswith(SEEN):
        seen, _, printed = output.text.partition("\n")
        caption = raw(f'<p class="seen">{html.escape(seen)}</p>')
        return "\n\n".join([caption, _printed(printed)]).rstrip()
    if output.output_type == "stream":
        return _printed(WAITING.sub("", output.text))
    if output.output_type == "error":
        return _printed("\n".join(output.traceback))
    data = output.data
    if WAITING.match(data.get("text/plain", "")):
        return ""
    if "image/png" in data:
        return _picture(output, page)
    if "text/latex" in data:
        formula = for_mathjax(DISPLAYED.sub(r"\1", data["text/latex"]).strip())
        return _boxed(f"$$\n{formula}\n$$", "output")
    if "text/html" in data:
        return raw(f'<div class="output table">{table(data["text/html"])}</div>')
    return _printed(data["text/plain"])


def _printed(text: str) -> str:
    """What a cell printed; long sentences wrap, and tables keep their columns and scroll."""
    text = text.rstrip("\n")
    kind = "output prose" if any(map(is_long_sentence, text.split("\n"))) else "output"
    return _boxed(_fenced(text, "text"), kind) if text.strip() else ""


def is_long_sentence(line: str) -> bool:
    """Whether a line is wider than the page and has no columns."""
    return len(line) > WIDE and not COLUMNS.search(line)


def _picture(output: NotebookNode, page: Page) -> str:
    png = base64.b64decode(output.data["image/png"])
    width, height = struct.unpack(">II", png[16:24])
    name = f"{hashlib.sha256(png).hexdigest()[:16]}.png"
    page.pictures[name] = png
    about = output.metadata.get("image/png", {})
    width, height = about.get("width", width), about.get("height", height)
    file = f"{page.folder}/{name}"
    return raw(
        f'<div class="output picture"><a href="{file}"><img src="{file}" '
        f'alt="{html.escape(about.get("alt", ""))}" width="{width}" height="{height}" '
        'loading="lazy"></a></div>'
    )


def for_mathjax(latex: str) -> str:
    r"""LaTeX's ``\text{a\_b}`` as MathJax wants it: there, text is text."""
    return TEXT_IN_FORMULA.sub(lambda found: found[0].replace(r"\_", "_"), latex)


def table(text: str) -> str:
    """A table without the looks that pandas gives it; empty corners are no headers."""
    text = SCOPED_STYLE.sub("", text).replace(' border="1"', "")
    return EMPTY_HEADER.sub(r"<td\1></td>", text)


def raw(text: str) -> str:
    """HTML in Markdown, as it stands."""
    return f"{FENCE}{{raw}} html\n{text}\n{FENCE}"


def _fenced(text: str, language: str) -> str:
    return f"{FENCE}{language}\n{text}\n{FENCE}"


def _marked(cell: NotebookNode, text: str) -> str:
    """Code and its output as one thing that has a name, so that the page can run it."""
    if cell.cell_type != "code" or not text:
        return text
    return _inside(f'<div class="cell" data-cell="{cell.id}">', text, "</div>")


def _boxed(text: str, kind: str) -> str:
    return _inside(f'<div class="{kind}">', text, "</div>")


def _folded(text: str, kind: str, summary: str) -> str:
    start = f'<details class="{kind}"><summary>{summary}</summary>'
    return _inside(start, text, "</details>")


def _inside(start: str, text: str, end: str) -> str:
    return f"{raw(start)}\n\n{text}\n\n{raw(end)}"


def redirected(text: str, where: Callable[[str], str]) -> str:
    """Markdown with its relative links led where they lead on the site.

    Parameters
    ----------
    text : str
    where : callable
        From a link's target (without ``#...``) to another page (``.md``) or a file to download.
    """

    def replaced(found: re.Match) -> str:
        words, (path, hash_, anchor) = found[1], found[2].partition("#")
        target = where(path)
        if target.endswith(".md"):
            return f"[{words}]({target}{hash_}{anchor})"
        return f'<a href="{target}" download>{words}</a>'

    parts = re.split(CODE, text)
    return "".join(part if i % 2 else LINK.sub(replaced, part) for i, part in enumerate(parts))


def glossary_terms(notebook: NotebookNode) -> dict[str, str]:
    """The terms of the glossary, as links name them, with their explanation as plain text."""
    source = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    terms = {}
    for entry in re.split(r"^### ", source, flags=re.MULTILINE)[1:]:
        term, _, text = entry.partition("\n")
        text = re.split(r"^#", text, flags=re.MULTILINE)[0]
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
        terms[anchor(term)] = " ".join(re.sub(r"[`*$\\]", "", text).split())
    return terms


def anchor(heading: str) -> str:
    """What a heading is called in a link: as in JupyterLab, dashes for spaces and nothing else."""
    return heading.strip().replace(" ", "-")
