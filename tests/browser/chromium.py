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

# What WCAG 2.2 AA asks for, and what axe-core's authors hold to be good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = {"resultTypes": ["violations"], "runOnly": RULES}

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
    """Note what goes wrong on a page; what it asks of other machines, it does not get."""
    page.on("console", lambda m: m.type in ("error", "warning") and trouble.append(m.text))
    page.on("pageerror", lambda error: trouble.append(f"uncaught: {error}"))
    page.on("requestfailed", lambda request: trouble.append(f"failed: {request.url}"))
    page.on("response", lambda r: r.status >= 400 and trouble.append(f"{r.status}: {r.url}"))

    def guard(route):
        url = route.request.url
        if url.startswith((address, "data:", "blob:")):
            route.continue_()
        else:
            trouble.append(f"leaves the machine: {url}")
            route.abort()

    page.route("**/*", guard)


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


def seen_by_axe(page: Page) -> list[str]:
    """Serious and critical violations, each with the first element that it concerns."""
    found = Axe().run(page, options=AXE).response["violations"]
    return [
        f"axe: {rule['id']} ({rule['impact']}, {len(rule['nodes'])} times): "
        f"{rule['nodes'][0]['html'][:200]} {rule['nodes'][0]['target']}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]
