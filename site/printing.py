"""The cheat sheet and the whole course on paper, printed by Chromium from the pages as they were built."""

import os
import posixpath
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")  # as in the Makefile
# Chromium's own errands (updates, translations, field trials) have nothing to do with the pages. For root it
# refuses to run them in a sandbox.
QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    *(["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []),
]
FROM_FILES = ["--headless=new", "--hide-scrollbars", "--allow-file-access-from-files"]
PRINTED = ("downloads/cheat-sheet.pdf", "downloads/cheat-sheet.png", "downloads/course.pdf")
PATIENCE = 900  # seconds: it takes some ten on a machine with nothing else to do
ARTICLE = re.compile(r"<article>(.*)</article>", re.DOTALL)
FOLDED_CODE = re.compile(r'<details class="code">.*?</details>', re.DOTALL)
LINK = re.compile(r'\b(href|src)="([^"]*)"')
ELSEWHERE = re.compile(r"\w+:|//")
MATHJAX = "window.MathJax = {options: {enableMenu: false}, svg: {fontCache: 'local'}}"


def chromium() -> str | None:
    """The Chromium of this machine, if it has one."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


def print_all(browser: str, site: Path) -> None:
    """Write the files that `PRINTED` names."""
    sheet, picture, course = (site.resolve() / file for file in PRINTED)
    with one_document(site, ["cheat-sheet.html"], "sheet") as page:
        pdf(browser, page, sheet)
        png(browser, page, picture)
    with one_document(site, in_order(site), "book") as page:
        pdf(browser, page, course, "--generate-pdf-document-outline")


@contextmanager
def one_document(site: Path, pages: list[str], kind: str) -> Iterator[Path]:
    """A page of the site, for a while, that has the articles of several."""
    page = site.resolve() / f"printed-{kind}.html"
    page.write_text(document(site, pages, kind), encoding="utf-8")
    try:
        yield page
    finally:
        page.unlink()


def in_order(site: Path) -> list[str]:
    """The pages of the book: front page left out, lessons in their order, then what lies beside them."""
    lessons = sorted(path.name for path in (site / "notebooks").glob("[0-9][0-9]-*.html"))
    beside = ["phrasebook.html", "myths.html", "bring-your-own-data.html", "glossary.html"]
    return [
        *(f"notebooks/{name}" for name in [*lessons, *beside]),
        "cheat-sheet.html",
        "data/README.html",
        "cite.html",
    ]


def document(site: Path, pages: list[str], kind: str) -> str:
    """One page of the articles of several, whose links lead to each other."""
    parts = [article(site, page, pages) for page in pages]
    math = f"<script>{MATHJAX}</script><script src='_static/mathjax.js'></script>"
    needed = math if any("notranslate nohighlight" in part for part in parts) else ""
    return (
        '<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        "<title>Mixed-effects models in Python</title>"
        "<style>@page { @bottom-right { content: counter(page); font: 8pt sans-serif } }</style>"
        '<link rel="stylesheet" href="_static/site.css">'
        f'<link rel="stylesheet" href="_static/reading.css">{needed}</head>'
        f'<body class="{kind}"><main>{"".join(parts)}</main></body></html>'
    )


def article(site: Path, page: str, pages: list[str]) -> str:
    """The article of a page, with names of places and links as they are in one document."""
    text = ARTICLE.search((site / page).read_text("utf-8"))[1]
    text = FOLDED_CODE.sub("", text).replace(' loading="lazy"', "")
    text = re.sub(r'\bid="([^"]*)"', lambda found: f'id="{name(page)}-{found[1]}"', text)

    def led(found: re.Match) -> str:
        attribute, link = found.groups()
        if ELSEWHERE.match(link):
            return found[0]
        path, _, place = link.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
        if target in pages and attribute == "href":
            return f'href="#{name(target)}{"-" + place if place else ""}"'
        return f'{attribute}="{target}"' if attribute == "src" else 'class="gone"'

    return f'<article id="{name(page)}">{LINK.sub(led, text)}</article>'


def name(page: str) -> str:
    """A page's name as that of a place."""
    return re.sub(r"\W+", "-", page.removesuffix(".html"))


def pdf(browser: str, page: Path, target: Path, *options: str) -> None:
    """Print a page."""
    _run(browser, page, "--no-pdf-header-footer", f"--print-to-pdf={target}", *options)


def png(browser: str, page: Path, target: Path) -> None:
    """Photograph a page, in the proportions of A4 on its side."""
    size = ["--window-size=1490,1053", "--force-device-scale-factor=2"]
    _run(browser, page, f"--screenshot={target}", *size)


def _run(browser: str, page: Path, *options: str) -> None:
    command = [browser, *QUIET, *FROM_FILES, "--virtual-time-budget=120000", *options]
    subprocess.run([*command, page.as_uri()], check=True, capture_output=True, timeout=PATIENCE)
