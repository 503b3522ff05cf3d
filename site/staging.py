"""The folder that Sphinx reads: every page as Markdown, its links as they lead on the site."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from downloads import text_of
from lesson_pages import Page, redirected
from nbformat import NotebookNode
from tables import breakable, with_links

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"


class Pages:
    """The folder that Sphinx reads, and what lies beside its pages for download."""

    def __init__(self, folder: Path, later: Iterable[str] = ()) -> None:
        self.folder = folder / "pages"
        self.extra = folder / "extra"
        self.later = set(later)  # files that are made of the pages, once these are there
        self.sources: dict[str, str] = {}
        self.notebooks: dict[str, NotebookNode] = {}

    def add(self, path: str, text: str) -> None:
        """Have a page; ``path`` is as in the repository, but with ``.md`` for ``.ipynb``."""
        self.sources[path] = text

    def add_notebook(self, path: Path, notebook: NotebookNode, page: Page) -> None:
        """Have a page made from a notebook, its pictures, and the notebook for download."""
        name = path.relative_to(ROOT)
        self.add(name.with_suffix(".md").as_posix(), page.text)
        self.notebooks[path.relative_to(NOTEBOOKS).as_posix()] = notebook
        target = self.extra / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text_of(notebook))
        pictures = self.extra / "notebooks" / "images"
        pictures.mkdir(parents=True, exist_ok=True)
        for file, png in page.pictures.items():
            (pictures / file).write_bytes(png)

    def add_document(self, path: Path) -> None:
        """Have a page that is Markdown already, and the pictures beside it."""
        name = path.relative_to(ROOT)
        text = path.read_text(encoding="utf-8")
        self.add(name.as_posix(), with_links(breakable(text)) if name.parts[0] == "data" else text)
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
        """Write every page, its links led to pages or to files for download."""
        for path, text in self.sources.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.endswith(".md"):
                text = redirected(text, self._where(path))
            target.write_text(text, encoding="utf-8")

    def _where(self, path: str) -> Callable[[str], str]:
        base = (ROOT / path).parent

        def where(link: str) -> str:
            file = (base / link).resolve()
            if not file.is_relative_to(ROOT):
                raise ValueError(f"{path}: the link to {link} leads out of the repository")
            name = file.relative_to(ROOT)
            if name.with_suffix(".md").as_posix() in self.sources:
                return str(PurePosixPath(link).with_suffix(".md"))
            if (self.extra / name).is_file() or name.as_posix() in self.later:
                return link
            if not file.is_file():
                raise ValueError(f"{path}: the link to {link} leads nowhere")
            self.download(file)
            return link

        return where
