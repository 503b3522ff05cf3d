"""What the tests in a browser have in common."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")  # as in the Makefile

# Chromium's own errands (updates, translations, field trials) have nothing to do with the pages.
QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]

T = TypeVar("T")


def until(look: Callable[[], T], seconds: float, what: str) -> T:
    """What `look` returns once that is true; fails with `what` if it is not so in time."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > end:
            pytest.fail(f"after {seconds:.0f} s still waiting for {what}")
        time.sleep(0.2)
    return seen
