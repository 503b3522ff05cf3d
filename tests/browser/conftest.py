"""A Chromium for the tests in this folder: `make test-browser` runs them."""

from collections.abc import Callable, Iterator

import pytest
from chromium import ALONE, SITE, WIDTHS, served, watch
from live_cells import Python
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from printing import CHROMIUM, QUIET, chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium; nothing is downloaded."""
    path = chromium()
    assert path, f"none of {', '.join(CHROMIUM)} is on the PATH"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*QUIET, ALONE])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the site is served."""
    assert (SITE / "index.html").exists(), "there is no website yet: make site"
    with served(SITE) as address:
        yield address


@pytest.fixture(scope="module")
def contexts(browser: Browser) -> Iterator[dict[str, BrowserContext]]:
    """One reader for each width: what one test has downloaded, the next finds in the browser's cache."""
    contexts = {
        name: browser.new_context(
            viewport={"width": width, "height": 844},
            reduced_motion="reduce",
            has_touch=name == "phone",
        )
        for name, width in WIDTHS.items()
    }
    yield contexts
    for context in contexts.values():
        context.close()


# A page is ready when it has set its formulas, where it has MathJax, and when a lesson offers to be run.
READY = """async () => {
    await window.MathJax?.startup?.promise;
    const live = document.querySelector("script[src$='live/live.js']");
    return !live || [...document.querySelectorAll("[data-live]")].every(box => box.childElementCount);
}"""


@pytest.fixture
def visit(contexts, address) -> Iterator[Callable[..., Page]]:
    """A function that opens a page of the site; at the end nothing may have gone wrong on any."""
    pages, trouble = [], []

    def visit(path: str, width: str = "desktop", scheme: str = "light") -> Page:
        page = contexts[width].new_page()
        pages.append(page)
        watch(page, address, trouble)
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{address}/{path}")
        page.wait_for_function(READY)
        return page

    yield visit
    found = list(trouble)
    for page in pages:
        page.evaluate("localStorage.clear()")
        page.close()
    assert found == []


@pytest.fixture(scope="module")
def python(contexts, address) -> Iterator[Python]:
    """Python on a page. What it keeps after its first start is there for every test of a file."""
    assert (SITE / "live").is_dir(), "the site was built without what runs lessons: make site"
    page, trouble = contexts["desktop"].new_page(), []
    page.set_default_timeout(0)
    watch(page, address, trouble)
    yield Python(page, address)
    page.close()
    assert trouble == []
