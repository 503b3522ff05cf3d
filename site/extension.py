"""What the site adds to Sphinx: terms that explain themselves, typeset formulas, downloads."""

from pathlib import Path

from api_pages import typeset
from docutils import nodes
from lesson_pages import glossary_terms
from sphinx.application import Sphinx
from stored import stored

GLOSSARY = "notebooks/glossary"
ABOUT = (
    "A course on mixed-effects models for pupils in classrooms in schools, and a small package that makes "
    "statsmodels speak the formulas of R's lme4."
)
ENOUGH, LONGEST = 70, 160  # characters of a description
NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def setup(app: Sphinx) -> None:
    """Register what is below."""
    app.connect("autodoc-process-docstring", typeset_docstring, priority=100)  # before numpydoc
    app.connect("doctree-resolved", explain_terms)
    app.connect("html-page-context", add_context)


def typeset_docstring(app, what, name, public, options, lines) -> None:
    """Formulas of a docstring as mathematics."""
    lines[:] = typeset(name, "\n".join(lines)).splitlines()


def explain_terms(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """A link to the glossary says on hover what the term means."""
    if docname == GLOSSARY:
        return
    terms = getattr(app, "glossary_terms", None)
    if terms is None:
        notebook = stored(NOTEBOOKS / "glossary.ipynb")
        terms = app.glossary_terms = {
            nodes.make_id(term): text for term, text in glossary_terms(notebook).items()
        }
    for link in doctree.findall(nodes.reference):
        page, _, anchor = link.get("refuri", "").partition("#")
        if page.endswith("glossary.html") and (text := terms.get(nodes.make_id(anchor))):
            link["reftitle"] = text
            link["classes"].append("term")


def add_context(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """The notebook to download, and what stands above the title."""
    context["description"] = description(doctree) or ABOUT
    if pagename == app.config.master_doc:
        # Two megabytes for one equation behind a tab: site.js asks for it when the tab is opened.
        context["script_files"] = [
            script for script in context["script_files"] if "mathjax.js" not in str(script.filename)
        ]
    notebook = NOTEBOOKS.parent / f"{pagename}.ipynb"
    if notebook.exists():
        context["notebook"] = notebook.name
        if notebook.parent == NOTEBOOKS:
            context["zip"] = f"downloads/{notebook.stem}.zip"
    folder, _, name = pagename.rpartition("/")
    number = name[:2]
    if folder.startswith("notebooks") and number.isdigit():
        if folder.endswith("solutions"):
            context["above"] = f"Solutions {number}"
            context["lesson"] = f"../{name}.html"
        else:
            context["above"] = f"Lesson {number}"
            in_workshop = doctree is not None and "minutes in the workshop" in doctree.astext()
            context["routes"] = ["workshop", "self-study"] if in_workshop else ["self-study"]
            context["has_self_study"] = doctree is not None and any(
                "self-study" in section["classes"] for section in doctree.findall(nodes.section)
            )


def description(doctree: nodes.document | None) -> str:
    """The first sentences of a page, for who finds it in a search engine or is sent its address."""
    if doctree is None:
        return ""
    texts = (" ".join(p.astext().split()) for p in doctree.findall(nodes.paragraph))
    said = ""
    for text in texts:
        said = f"{said} {text}".strip()
        if len(said) > ENOUGH:
            break
    return (
        said if len(said) <= LONGEST else said[: LONGEST - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"
    )
