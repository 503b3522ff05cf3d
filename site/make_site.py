"""Build the website into ``_site/``, from what is stored: no notebook is run.

    python site/make_site.py                  into _site/
    python site/make_site.py my-folder
    python site/make_site.py --without-live   without the Python that runs lessons on their pages
    python site/make_site.py --printed        with the course and the cheat sheet as PDF: two minutes more

The network is used once, for that Python (``live/README.md``).

The pages are first written as Markdown into a temporary folder that has the shape of the
repository, so that links from notebook to notebook and to ``../data/README.md`` lead where they
lead there. Sphinx then makes HTML of them, with the theme in ``site/theme/``.
"""

import argparse
import re
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from api_pages import api_pages
from cite_page import cite_page
from downloads import write_downloads
from finish import finish
from fontTools.ttLib import TTFont
from front_page import front_page, title
from jinja2 import Environment
from lesson_pages import glossary_terms, lesson, solutions
from live.assemble import assemble
from live.differences import with_buttons, with_differences
from nbformat import NotebookNode
from pictures import thumbnail, write_icon, write_preview
from places import Places, places
from printing import PRINTED, chromium, print_all
from search_words import search_words
from sliders import with_slider
from sphinx.cmd.build import main as sphinx
from staging import NOTEBOOKS, ROOT, Pages
from stored import stored

SITE = Path(__file__).resolve().parent

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


def stage(folder: Path, where: Places, printed: bool, live: bool) -> Pages:
    """Write all pages, in Markdown and reStructuredText, into ``folder``."""
    pages = Pages(folder, later=PRINTED if printed else ())
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = stored(path)
        page = lesson(notebook)
        page.text = with_slider(path.stem, with_differences(path.stem, notebook, page.text))
        if live:
            page.text = with_buttons(page.text)
        pages.add_notebook(path, notebook, page)
    for path in sorted((NOTEBOOKS / "solutions").glob("*.ipynb")):
        notebook = stored(path)
        pages.add_notebook(path, notebook, solutions(notebook, path.stem))
    for document in DOCUMENTS:
        if (ROOT / document).exists():
            pages.add_document(ROOT / document)
    for path, text in api_pages().items():
        pages.add(path, text)
    zips = [
        (Path(path).stem, title(pages.sources[f"notebooks/{Path(path).stem}.md"]), solved)
        for path in sorted(pages.notebooks)
        if "/" not in path
        for solved in [f"solutions/{path}" in pages.notebooks]
    ]
    jinja = Environment(trim_blocks=True, keep_trailing_newline=True)
    for path in sorted((SITE / "pages").glob("*.md")):
        if path.stem in ONLY_LIVE and not live:
            continue
        template = jinja.from_string(path.read_text(encoding="utf-8"))
        pages.add(path.name, template.render(places=where, zips=zips, printed=printed, live=live))
    pages.sources["solutions.md"] += solutions_list(pages.sources)
    pages.add("index.md", front_page(pages.sources, live))
    images = pages.extra / "notebooks" / "images"
    for file in re.findall(r"notebooks/images/thumb-(\w+\.png)", pages.sources["index.md"]):
        (images / f"thumb-{file}").write_bytes(thumbnail((images / file).read_bytes()))
    pages.add("cite.md", cite_page(where))
    write_downloads(pages.extra, pages.notebooks, where.pip)
    pages.write()
    return pages


def solutions_list(sources: dict[str, str]) -> str:
    """Links to the solutions, in the order of the lessons."""
    paths = sorted(path for path in sources if path.startswith("notebooks/solutions/"))
    return "\n" + "\n".join(
        f"- [{Path(path).name[:2]} {title(sources[path.replace('solutions/', '')])}]({path})"
        for path in paths
    )


def write_static(folder: Path, glossary: NotebookNode) -> None:
    """Fonts (as WOFF, else unchanged), their licence, and MathJax: all from installed packages."""
    fonts = folder / "fonts"
    fonts.mkdir(parents=True)
    for name, source in FACES.items():
        font = TTFont(installed(*source), recalcTimestamp=False)
        font.flavor = "woff"
        font.save(fonts / f"{name}.woff", reorderTables=False)
    shutil.copy(installed(*FONT_LICENCE), fonts / "LICENSE.txt")
    shutil.copy(installed(*MATHJAX), folder / "mathjax.js")
    write_icon(folder / "icon.png")
    write_preview(folder / "preview.png")
    words = search_words(glossary_terms(glossary))
    (folder / "search-words.js").write_text(words, encoding="utf-8")


def build(target: Path, live: bool = True, printed: bool = False) -> int:
    """Write the site to ``target``, with what runs lessons and with the PDF, or without.

    Returns Sphinx's exit code.
    """
    browser = chromium() if printed else None
    if printed and browser is None:
        sys.exit("There is no Chromium on this machine, and it takes one to print the PDF.")
    where = places()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pages = stage(folder, where, printed, live)
        write_static(folder / "static", pages.notebooks["glossary.ipynb"])
        shutil.rmtree(target, ignore_errors=True)
        options = ["-q", "-W", "--keep-going", "-b", "html", "-c", str(SITE)]
        options += ["-d", str(folder / "doctrees")]
        options += ["-D", f"html_static_path={folder / 'static'}"]
        options += ["-D", f"html_extra_path={pages.extra}"]
        if live:
            assemble(pages.extra / "live")
            options += ["-A", "live=1"]
        if code := sphinx([*options, str(pages.folder), str(target)]):
            return code
    finish(target, where)
    if browser:
        print_all(browser, target)
    return 0


def main() -> None:
    """Build the site into the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "_site")
    parser.add_argument("--without-live", action="store_true", help="lessons are only read")
    parser.add_argument(
        "--printed", action="store_true", help="with all of it as PDF; takes Chromium"
    )
    asked = parser.parse_args()
    if code := build(asked.folder, live=not asked.without_live, printed=asked.printed):
        sys.exit(code)
    print(f"wrote {asked.folder}: open {asked.folder / 'index.html'}, or serve it: make serve")


if __name__ == "__main__":
    main()
