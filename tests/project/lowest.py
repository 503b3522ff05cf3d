"""The lowest versions that pyproject.toml allows, as constraints for pip: `make test-lowest`."""

import re
import tomllib
from pathlib import Path

REQUIREMENT = re.compile(r"([\w.-]+)(?:\[[\w,]+\])?>=([\d.]+)")  # any other would have no lowest


def lowest(project: dict) -> list[str]:
    """``name==version`` for each package that the project or its tests ask for."""
    extras = project["optional-dependencies"]
    lines = project["dependencies"] + extras["lab"] + extras["test"]
    found = {REQUIREMENT.fullmatch(line).groups() for line in lines}
    return sorted(f"{name}=={version}" for name, version in found)


if __name__ == "__main__":
    text = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text("utf-8")
    print("\n".join(lowest(tomllib.loads(text)["project"])))
