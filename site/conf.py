"""How Sphinx makes the website. `make site` calls it through site/make_site.py."""

import sys
from pathlib import Path

SITE = Path(__file__).resolve().parent
sys.path[:0] = [str(SITE), str(SITE.parent)]

import extension  # noqa: E402
from places import places  # noqa: E402

from course import __version__  # noqa: E402

project = "Mixed-effects models in Python"
author = "The contributors"
version = release = __version__
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
]
smartquotes = False

myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline", "attrs_block", "colon_fence"]
myst_heading_anchors = 4
myst_heading_slug_func = "lesson_pages.anchor"

toc_object_entries = False
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say them in words
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

mathjax_path = "mathjax.js"
mathjax3_config = {"options": {"enableMenu": False}}

html_theme_path = [str(SITE)]
html_theme = "theme"
html_search_scorer = str(SITE / "theme" / "scorer.js")
html_title = project
html_context = {"places": places()}
html_copy_source = False
html_show_sourcelink = False
html_use_index = False
html_domain_indices = False
html_permalinks_icon = "#"
highlight_language = "python"


def setup(app):
    """Add what is the site's own."""
    extension.setup(app)
