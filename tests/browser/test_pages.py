"""Every page of the website in a browser: nothing missing, nothing from elsewhere, readable for all."""

import functools
import json
import re
from collections.abc import Iterator
from html import unescape
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from chromium import (
    ROOT,
    SITE,
    WIDTHS,
    WITHIN,
    hard_to_read_in_the_dark,
    resized,
    seen_by_axe,
    too_wide,
)
from playwright.sync_api import Page, expect

# Without 404.html: it is shown in place of other pages, and its links begin at the root of the server.
PAGES = sorted(
    path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html") if path.name != "404.html"
)

# ---- every page ----------------------------------------------------------------------------------


def pictures(page: Page) -> list[str]:
    """Pictures that are not shown, or not described."""
    # Pictures further down are loaded when they come into sight.
    page.evaluate(
        f"""() => {{
            {WITHIN}
            return Promise.all([...document.images].map(image => {{
                image.loading = "eager";
                return within(30, image.decode().catch(() => {{}}));
            }}));
        }}"""
    )
    return page.evaluate(
        """() => [...document.images].flatMap(image => {
            const name = image.src.slice(0, 100);
            const alt = image.getAttribute("alt");
            if (!image.complete || !image.naturalWidth) return [`broken picture: ${name}`];
            if (alt === null) return [`no alternative text: ${name}`];
            // In an article a picture is content, and its text says what is seen; on a card that
            // leads to a lesson, the words beside it say where the link goes.
            const ornament = !image.closest("article") || image.closest("a")?.innerText.trim();
            return alt.length < 15 && !ornament ? [`says little: ${name}: "${alt}"`] : [];
        })"""
    )


def headings(page: Page) -> list[str]:
    """One heading of the first level, the first; below it, no level left out."""
    levels = page.evaluate(
        """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
            .filter(h => h.checkVisibility()).map(h => [Number(h.tagName[1]), h.innerText])"""
    )
    found = [f"heading after a gap: {b}" for a, b in pairwise(levels) if b[0] > a[0] + 1]
    if [level for level, _ in levels].count(1) != 1 or levels[0][0] != 1:
        found.append(f"no single h1 at the top: {levels[:3]}")
    return found


def longest_of_each_kind() -> set[str]:
    """The longest page of each folder."""
    kinds: dict[Path, list[str]] = {}
    for path in PAGES:
        kinds.setdefault(Path(path).parent, []).append(path)
    return {max(paths, key=lambda p: (SITE / p).stat().st_size) for paths in kinds.values()}


# Pages of one kind are covered, if at all, by the same things; so here all text is looked at where it stands.
SAMPLE = {"index.html", *longest_of_each_kind()}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_and_readable_for_all(visit, path):
    page = visit(path)
    assert page.title()
    assert page.locator("html").get_attribute("lang") == "en"
    faults = pictures(page)
    for width in WIDTHS:
        resized(page, width)
        found = [*headings(page), *too_wide(page), *seen_by_axe(page, all_text=path in SAMPLE)]
        faults += [f"{width}: {fault}" for fault in found]
    faults += hard_to_read_in_the_dark(page)
    if faults:
        pytest.fail("\n".join(faults))


# ---- links ---------------------------------------------------------------------------------------


@functools.cache
def anchors(path: str) -> frozenset[str]:
    """The places of a page that a link can name."""
    return frozenset(re.findall(r'\b(?:id|name)="([^"]+)"', (SITE / path).read_text("utf-8")))


def links(path: str) -> Iterator[tuple[str, str, str]]:
    """Each link of a page inside the site: as written, the file and the place that it leads to."""
    html = (SITE / path).read_text("utf-8")
    for written in re.findall(r'<(?:a|form)\b[^>]*?\b(?:href|action)="([^"]*)"', html):
        link = unescape(written)
        if not urlsplit(link).scheme:
            url, place = urldefrag(urljoin(path, link))
            file = unquote(urlsplit(url).path) or path
            yield written, file + "index.html" if file.endswith("/") else file, unquote(place)


@pytest.mark.parametrize("path", PAGES)
def test_links_lead_to_a_page_and_a_place_on_it(path):
    assert [
        written
        for written, file, place in links(path)
        if not (SITE / file).is_file()
        or (place and file.endswith(".html") and place not in anchors(file))
    ] == []


def test_every_page_is_reached_from_the_front_page():
    reached: set[str] = set()
    queue = ["index.html"]
    while queue:
        path = queue.pop()
        if path not in reached and path in PAGES:
            reached.add(path)
            queue += [file for _, file, _ in links(path)]
    assert set(PAGES) - reached == set()


@pytest.mark.parametrize(
    "path", [path for path in PAGES if (ROOT / path).with_suffix(".ipynb").exists()]
)
def test_a_page_made_from_a_notebook_offers_it_for_download(path):
    tags = re.findall(r"<a\b[^>]*\bdownload\b[^>]*>", (SITE / path).read_text("utf-8"))
    (link,) = [re.search(r'href="([^"]*)"', tag)[1] for tag in tags if ".ipynb" in tag]
    offered = (SITE / path).parent / unquote(link)
    assert offered.name == Path(path).with_suffix(".ipynb").name
    assert json.loads(offered.read_text("utf-8"))["cells"]


def code(notebook: Path) -> set[str]:
    """Lines of code of a notebook."""
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    code = [line for c in cells if c["cell_type"] == "code" for line in c["source"]]
    return {line.strip() for line in code}


SOLUTIONS = {path for path in PAGES if path.startswith("notebooks/solutions/")}
LESSONS = [
    path for path in PAGES if path.replace("notebooks/", "notebooks/solutions/") in SOLUTIONS
]


def test_there_are_solutions():
    assert len(LESSONS) >= 10


@pytest.mark.parametrize("path", LESSONS)
def test_solutions_are_on_pages_of_their_own(path):
    lesson = (ROOT / path).with_suffix(".ipynb")
    answers = code(lesson.parent / "solutions" / lesson.name) - code(lesson)
    assert answers

    def shown(path: str) -> str:
        return unescape(re.sub(r"<[^>]*>", "", (SITE / path).read_text("utf-8")))

    assert [
        line for line in answers if line not in shown(f"notebooks/solutions/{Path(path).name}")
    ] == []
    assert [line for line in answers if line in shown(path)] == []


# ---- what a reader does --------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["shrinkage", "school:classroom"])
def test_search_finds(visit, words):
    page = visit("index.html")
    page.locator("header input[type=search]").fill(words)
    page.keyboard.press("Enter")
    results = page.locator("#search-results li a")
    expect(results.first).to_be_visible(timeout=15_000)
    found = results.evaluate_all("list => list.map(a => new URL(a.href).pathname.slice(1))")
    assert set(found) <= set(PAGES)
    assert any(words in (SITE / path).read_text("utf-8") for path in found)


def test_search_says_so_when_it_finds_nothing(visit):
    page = visit("search.html?q=xyzzyplugh")
    expect(page.locator("main")).to_contain_text("did not match", timeout=15_000)


def test_the_theme_can_be_chosen_and_is_remembered(visit):
    page = visit("index.html")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.locator("button.theme").click()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
    page.locator("button.theme").click()
    assert page.evaluate(ground) == light
