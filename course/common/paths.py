"""Where the course keeps what is not code: in its repository, or inside the package that pip installed."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]

# A wheel carries data and lessons inside the package; `tool.hatch` in pyproject.toml puts them there.
SHIPPED = PACKAGE / "shipped"
ROOT = SHIPPED if SHIPPED.is_dir() else PACKAGE.parent
DATA = ROOT / "data"
LESSONS = ROOT / "notebooks"
