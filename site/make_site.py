"""Build the website into ``_site/``, from what is stored: no notebook is run.

    python site/make_site.py                  into _site/
    python site/make_site.py my-folder
    python site/make_site.py --without-live   without the Python that runs lessons on their pages

The network is used once, for that Python (``live/README.md``).

The pages are first written as Markdown into a temporary folder that has the shape of the
repository, so that links from notebook to notebook and to ``../data/README.md`` lead where they
lead there. Sphinx then makes HTML of them, with the theme in ``site/theme/``.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path, PurePosixPath

import nbformat
import yaml
from api_pages import api_pages
from fontTools.ttLib import TTFont
from front_page import front_page, title
from lesson_pages import Page, lesson, redirected, solutions
from live.assemble import assemble
from sliders import with_slider
from sphinx.cmd.build import main as sphinx

SITE = Path(__file__).resolve().parent
ROOT = SITE.parent
NOTEBOOKS = ROOT / "notebooks"

# Markdown of the repository that is a page as it stands.
DOCUMENTS = [
    "CHANGELOG.md",
    "data/README.md",
    "notebooks/INSTRUCTORS.md",
    "notebooks/TIMES.md",
    "tests/benchmarks/results.md",
]
ONLY_LIVE = ["playground"]  # pages that are nothing without Python
FACES = {
    "text": ("font-source-sans-pro", "font_source_sans_pro/files/SourceSansPro-Regular.otf"),
    "text-italic": ("font-source-sans-pro", "font_source_sans_pro/files/SourceSansPro-It.otf"),
    "text-bold": ("font-source-sans-pro", "font_source_sans_pro/files/SourceSansPro-Semibold.otf"),
    "heading": ("font-source-serif-pro", "font_source_serif_pro/files/SourceSerifPro-Semibold.otf"),
}
FONT_LICENCE = ("font-source-serif-pro", "font_source_serif_pro/files/LICENSE.txt")
MATHJAX = ("sphinx-mathjax-offline", "sphinx-mathjax-offline/static/mathjax/tex-svg.js")


def installed(package: str, path: str) -> Path:
    """A file that a package brought with it."""
    return Path(metadata.distribution(package).locate_file(path))


class Pages:
    """The folder that Sphinx reads, and what lies beside its pages for download."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "pages"
        self.extra = folder / "extra"
        self.sources: dict[str, str] = {}

    def add(self, path: str, text: str) -> None:
        """Have a page; ``path`` is as in the repository, but with ``.md`` for ``.ipynb``."""
        self.sources[path] = text

    def add_notebook(self, path: Path, page: Page) -> None:
        """Have a page made from a notebook, its pictures, and the notebook for download."""
        name = path.relative_to(ROOT)
        self.add(name.with_suffix(".md").as_posix(), page.text)
        self.download(path)
        pictures = self.extra / "notebooks" / "images"
        pictures.mkdir(parents=True, exist_ok=True)
        for file, png in page.pictures.items():
            (pictures / file).write_bytes(png)

    def add_document(self, path: Path) -> None:
        """Have a page that is Markdown already, and the pictures beside it."""
        name = path.relative_to(ROOT)
        self.add(name.as_posix(), breakable(path.read_text(encoding="utf-8")))
        for picture in path.parent.glob("*.png"):
            target = self.folder / picture.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(picture, target)

    def download(self, path: Path) -> None:
        """Put a file of the repository on the site, in the same place."""
        target = self.extra / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)

    def write(self) -> None:
        """Write every page, its links led to pages, or to files for download, or taken off."""
        for path, text in self.sources.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.endswith(".md"):
                text = redirected(text, self._where(path))
            target.write_text(text, encoding="utf-8")

    def _where(self, path: str) -> Callable[[str], str | None]:
        base = (ROOT / path).parent

        def where(link: str) -> str | None:
            file = (base / link).resolve()
            if not file.is_relative_to(ROOT):
                return None
            if file.relative_to(ROOT).with_suffix(".md").as_posix() in self.sources:
                return str(PurePosixPath(link).with_suffix(".md"))
            if not file.is_file():
                return None
            self.download(file)
            return link

        return where


def breakable(text: str) -> str:
    """Checksums in pieces, so that a table with a column of them keeps to the page."""
    pieces = r"<code>\1<wbr>\2<wbr>\3<wbr>\4</code>"
    return re.sub("`" + r"([0-9a-f]{16})" * 4 + "`", pieces, text)


def stage(folder: Path, live: bool) -> Pages:
    """Write all pages, in Markdown and reStructuredText, into ``folder``."""
    pages = Pages(folder)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        page = lesson(nbformat.read(path, as_version=4))
        page.text = with_slider(path.stem, page.text)
        pages.add_notebook(path, page)
    for path in sorted((NOTEBOOKS / "solutions").glob("*.ipynb")):
        pages.add_notebook(path, solutions(nbformat.read(path, as_version=4), path.stem))
    for document in DOCUMENTS:
        if (ROOT / document).exists():
            pages.add_document(ROOT / document)
    for path, text in api_pages().items():
        pages.add(path, text)
    for path in sorted((SITE / "pages").glob("*.md")):
        if live or path.stem not in ONLY_LIVE:
            pages.add(path.name, path.read_text(encoding="utf-8"))
    pages.sources["solutions.md"] += solutions_list(pages.sources)
    pages.add("index.md", front_page(pages.sources, live))
    pages.add("cite.md", cite_page())
    pages.write()
    return pages


def solutions_list(sources: dict[str, str]) -> str:
    """Links to the solutions, in the order of the lessons."""
    paths = sorted(path for path in sources if path.startswith("notebooks/solutions/"))
    return "\n" + "\n".join(
        f"- [{Path(path).name[:2]} {title(sources[path.replace('solutions/', '')])}]({path})"
        for path in paths
    )


def cite_page() -> str:
    """How to cite, from CITATION.cff."""
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    cff = yaml.safe_load(text)
    authors = " and ".join(author["name"] for author in cff["authors"])
    bibtex = (
        f"@software{{mixed_effects_course,\n  title   = {{{cff['title']}}},\n"
        f"  author  = {{{{{authors}}}}},\n  version = {{{cff['version']}}}\n}}"
    )
    works = "\n".join(f"- {reference(work)}" for work in cff["references"])
    return (
        "# How to cite\n\n"
        f"{authors}. *{cff['title']}*. Version {cff['version']}.\n\n"
        f"```bibtex\n{bibtex}\n```\n\n"
        "The method and the library beneath deserve a line of their own:\n\n"
        f"{works}\n\nEach real data set names the article to cite in the "
        "[data catalogue](data/README.md). The same as a file: [CITATION.cff](CITATION.cff).\n"
    )


def reference(work: dict) -> str:
    """One entry of CITATION.cff's references, in words."""
    names = "; ".join(f"{a['family-names']}, {a['given-names']}" for a in work["authors"])
    where = work.get("journal") or work["collection-title"]
    volume = f" {work['volume']}({work['issue']})" if "volume" in work else ""
    link = f"[doi {work['doi']}](https://doi.org/{work['doi']})"
    return f"{names} ({work['year']}). {work['title']}. *{where}*{volume}. {link}"


def write_static(folder: Path) -> None:
    """Fonts (as WOFF, else unchanged), their licence, and MathJax: all from installed packages."""
    fonts = folder / "fonts"
    fonts.mkdir(parents=True)
    for name, source in FACES.items():
        font = TTFont(installed(*source), recalcTimestamp=False)
        font.flavor = "woff"
        font.save(fonts / f"{name}.woff", reorderTables=False)
    shutil.copy(installed(*FONT_LICENCE), fonts / "LICENSE.txt")
    shutil.copy(installed(*MATHJAX), folder / "mathjax.js")


def build(target: Path, live: bool = True) -> int:
    """Write the site to ``target``, with what runs lessons or without; return Sphinx's exit code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pages = stage(folder, live)
        write_static(folder / "static")
        shutil.rmtree(target, ignore_errors=True)
        options = [
            "-q",
            "-W",
            "--keep-going",
            "-b",
            "html",
            "-c",
            str(SITE),
            "-d",
            str(folder / "doctrees"),
        ]
        options += ["-D", f"html_static_path={folder / 'static'}"]
        options += ["-D", f"html_extra_path={pages.extra}"]
        if live:
            assemble(pages.extra / "live")
            # GitHub's workflows say whose repository it is; elsewhere there is no Binder to link to.
            options += [
                "-A",
                "live=1",
                "-A",
                f"repository={os.environ.get('GITHUB_REPOSITORY', '')}",
            ]
        return sphinx([*options, str(pages.folder), str(target)])


def main() -> None:
    """Build the site into the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "_site")
    parser.add_argument("--without-live", action="store_true", help="lessons are only read")
    asked = parser.parse_args()
    if code := build(asked.folder, live=not asked.without_live):
        sys.exit(code)
    print(f"wrote {asked.folder}: open {asked.folder / 'index.html'}, or serve it: make serve")


if __name__ == "__main__":
    main()
