"""What the tests in a browser have in common."""

import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_site"
WIDTHS = {"desktop": 1280, "phone": 390}

# Chromium finds no machine but this one, so that nothing is loaded from elsewhere.
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"

# What WCAG 2.2 AA asks for, and what axe-core's authors hold to be good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CONTRAST = ["color-contrast"]
AXE = Axe().axe_script

# Contrast takes axe four times as long as all other rules together. So it is asked for the first of the
# elements with text that look the same: they, and all that they stand in, have the same names, colours and
# sizes. On a page of some thousand elements these are a hundred.
MARK_LOOKS = """() => {
    const looks = new Map(), numbers = new Map(), found = new Set();
    const look = element => {
        if (!element) return 0;
        if (!looks.has(element)) {
            const style = getComputedStyle(element);
            const seen = [look(element.parentElement), element.tagName, element.getAttribute("class"),
                element.matches(":disabled"), style.color, style.fontSize, style.fontWeight,
                style.backgroundColor, style.backgroundImage, style.opacity].join();
            if (!numbers.has(seen)) numbers.set(seen, numbers.size + 1);
            looks.set(element, numbers.get(seen));
        }
        return looks.get(element);
    };
    const isText = node => node.nodeType === Node.TEXT_NODE && node.data.trim();
    const isField = element => element.matches("input, select, textarea");
    for (const element of document.body.querySelectorAll("*")) {
        const says = [...element.childNodes].some(isText) || isField(element);
        if (!says || !element.checkVisibility({ visibilityProperty: true })) continue;
        if (found.has(look(element))) continue;
        found.add(look(element));
        element.setAttribute("data-look", "");
    }
}"""
ONLY_LOOKS = """() => {
    for (const element of document.body.querySelectorAll("*"))
        if (!element.closest("[data-look]") && !element.querySelector("[data-look]")) {
            element.replaceChildren();
            element.style.setProperty("display", "none", "important");
        }
}"""

# A page that Chromium takes for hidden draws no frame, and decodes no picture, for as long as it does. What
# waits for either goes on after a while, since nothing else would ever end it.
WITHIN = """const within = (seconds, promise) =>
    Promise.race([promise, new Promise(done => setTimeout(done, 1000 * seconds))]);"""

T = TypeVar("T")


def until(look: Callable[[], T], seconds: float, what: str) -> T:
    """What `look` returns once that is true; fails with `what` if it is not so in time."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > end:
            pytest.fail(f"after {seconds:.0f} s still waiting for {what}")
        time.sleep(0.2)
    return seen


class QuietHandler(SimpleHTTPRequestHandler):
    """A plain static server that keeps its log to itself."""

    def log_message(self, *_):
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which a folder is served."""
    handler = functools.partial(QuietHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def watch(page: Page, address: str, trouble: list[str]) -> None:
    """Note what goes wrong on a page, and what it asks of other machines."""

    def asked(url: str) -> None:
        if not url.startswith((address, "data:", "blob:", "file:")):
            trouble.append(f"leaves the machine: {url}")

    def failed(url: str, why: str | None) -> None:
        # A page that is left lets go of pictures that are on their way.
        if why != "net::ERR_ABORTED":
            trouble.append(f"failed: {url}")

    page.on("request", lambda request: asked(request.url))
    page.on("console", lambda m: m.type in ("error", "warning") and trouble.append(m.text))
    page.on("pageerror", lambda error: trouble.append(f"uncaught: {error}"))
    page.on("requestfailed", lambda request: failed(request.url, request.failure))
    page.on("response", lambda r: r.status >= 400 and trouble.append(f"{r.status}: {r.url}"))


def too_wide(page: Page) -> list[str]:
    """What makes the page itself scroll sideways, if it does. (A wide table scrolls in itself.)"""
    return page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            const wide = [...document.body.querySelectorAll("*")]
                .filter(e => e.getBoundingClientRect().right > width + 1);
            return [`too wide: ${wide.slice(0, 3).map(e => e.outerHTML.slice(0, 150))}`];
        }"""
    )


def resized(page: Page, width: str) -> None:
    """Give a page another width; what scrolls then is given to the keyboard a moment later."""
    page.set_viewport_size({"width": WIDTHS[width], "height": 844})
    page.evaluate(f"() => {{ {WITHIN} return within(1, new Promise(requestAnimationFrame)); }}")


def seen_by_axe(page: Page, all_text: bool = False) -> list[str]:
    """Serious and critical violations; contrast of one element of each look, or of all."""
    page.evaluate(MARK_LOOKS)
    return _violations(page, RULES, "*" if all_text else "[data-look]")


def hard_to_read_in_the_dark(page: Page) -> list[str]:
    """Text with too little contrast in dark colours at any width; the page is not to be used after this.

    All but one element of each look is taken out before, since axe's time is that of finding what lies where.
    """
    page.emulate_media(color_scheme="dark")
    for width in WIDTHS:
        resized(page, width)
        page.evaluate(MARK_LOOKS)
    page.evaluate(ONLY_LOOKS)
    found = []
    for width in WIDTHS:
        resized(page, width)
        found += _violations(page, CONTRAST, "[data-look]")
    return [f"in the dark: {fault}" for fault in found]


def _violations(page: Page, rules: list[str], text: str) -> list[str]:
    """Each with the first element that it concerns."""
    options = {"resultTypes": ["violations"], "runOnly": rules}
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE)
    found = page.evaluate(
        """([text, options]) => {
            axe.configure({ rules: [{ id: "color-contrast", selector: text }] });
            return axe.run(options).then(({ violations }) => violations);
        }""",
        [text, options],
    )
    return [
        f"axe: {rule['id']} ({rule['impact']}, {len(rule['nodes'])} times): "
        f"{rule['nodes'][0]['html'][:200]} {rule['nodes'][0]['target']}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]
