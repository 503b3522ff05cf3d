"""Where the course keeps what is not code: in its repository, or inside the package that pip installed."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent

# A wheel carries the data inside the package; `tool.hatch` in pyproject.toml puts them there.
SHIPPED = PACKAGE / "shipped"
ROOT = SHIPPED if SHIPPED.is_dir() else PACKAGE.parent
DATA = ROOT / "data"
