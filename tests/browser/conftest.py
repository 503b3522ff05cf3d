"""A Chromium for the tests in this folder: `make test-browser` runs them."""

import os
import shutil
from collections.abc import Iterator

import pytest
from chromium import CHROMIUM, QUIET, SITE, served
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium; nothing is downloaded."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert path, f"none of {', '.join(CHROMIUM)} is on the PATH"
    # Chromium refuses to sandbox its pages for root.
    options = [*QUIET, "--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else QUIET
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the site is served."""
    assert (SITE / "index.html").exists(), "there is no website yet: make site"
    with served(SITE) as address:
        yield address
