"""Where the course lives on the web, so far as this copy of it knows; nothing has to be edited for it.

The name on GitHub comes from ``GITHUB_REPOSITORY``, which GitHub sets where it builds the site, or else
from the address that git fetches from.
"""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REMOTE = re.compile(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$")
FIRST = "my-work/00-start-here.ipynb"


@dataclass(frozen=True)
class Places:
    """Addresses on the web; all empty where the repository is not known to be on GitHub."""

    repository: str = ""
    """``owner/name``"""

    @property
    def source(self) -> str:
        """The repository's page."""
        return f"https://github.com/{self.repository}" if self.repository else ""

    @property
    def issues(self) -> str:
        """Where faults are reported."""
        return f"{self.source}/issues" if self.repository else ""

    @property
    def archive(self) -> str:
        """The repository as a ZIP file."""
        return f"{self.source}/archive/HEAD.zip" if self.repository else ""

    @property
    def binder(self) -> str:
        """The lessons on Binder, with nothing installed."""
        if not self.repository:
            return ""
        return f"https://mybinder.org/v2/gh/{self.repository}/HEAD?labpath={FIRST}"

    @property
    def site(self) -> str:
        """The website on GitHub Pages."""
        if not self.repository:
            return ""
        owner, _, name = self.repository.partition("/")
        home = f"https://{owner.lower()}.github.io/"
        return home if name.lower() == f"{owner.lower()}.github.io" else f"{home}{name}/"

    @property
    def pip(self) -> str:
        """What pip installs the course from."""
        if not self.repository:
            return '"mixed-effects-course[lab]"'
        return f'"mixed-effects-course[lab] @ {self.archive}"'


def places() -> Places:
    """The places of this copy of the repository."""
    if named := os.environ.get("GITHUB_REPOSITORY", ""):
        return Places(named)
    found = REMOTE.search(remote())
    return Places(found[1]) if found else Places()


def remote() -> str:
    """The address that git fetches from; empty where there is no git or no such address."""
    try:
        run = subprocess.run(
            ["git", "remote", "get-url", "origin"], cwd=ROOT, capture_output=True, text=True
        )
    except FileNotFoundError:
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""
