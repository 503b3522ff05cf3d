"""Shows values on the page in their best form: ``display``, and texts that say what they are."""

import base64
import io

from runner import emit

FORMS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_latex_": "text/latex",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
}


def display(*values, raw=False, metadata=None, **options) -> None:
    """Show each value in every form that it has; with ``raw``, the values are such forms themselves."""
    for value in values:
        if raw:
            forms, more = dict(value), {}
        elif hasattr(value, "_ipython_display_"):
            value._ipython_display_()
            continue
        else:
            forms, more = forms_of(value)
        emit(kind="display", data=forms, metadata={**more, **(metadata or {})})


def forms_of(value) -> tuple[dict, dict]:
    """All forms of a value by their media types, and what there is to say about them."""
    forms, more = {"text/plain": repr(value)}, {}
    if isinstance(value, type):
        return forms, more
    if hasattr(value, "savefig"):
        return {**forms, "image/png": png(value)}, {"image/png": {"alt": alt_of(value)}}
    if hasattr(value, "_repr_mimebundle_"):
        found = value._repr_mimebundle_()
        found, more = found if isinstance(found, tuple) else (found, {})
        forms |= found or {}
    for method, kind in FORMS.items():
        if kind not in forms and (make := getattr(value, method, None)):
            found = make()
            if isinstance(found, bytes):
                found = base64.b64encode(found).decode()
            if found is not None:
                forms[kind] = found
    return forms, more


def png(figure) -> str:
    """A figure of matplotlib as a picture."""
    page = io.BytesIO()
    figure.savefig(page, format="png", dpi=110, bbox_inches="tight")
    return base64.b64encode(page.getvalue()).decode()


def alt_of(figure) -> str:
    """What is to be seen: in the course's words where it drew the picture, else its title and axes."""
    told = [getattr(ax, "course_alt_text", "") for ax in figure.axes]
    if any(told):
        return " ".join(dict.fromkeys(filter(None, told)))
    axes = [f"{ax.get_ylabel()} against {ax.get_xlabel()}" for ax in figure.axes if ax.get_xlabel()]
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    return "A picture that the code of this cell drew: " + "; ".join(
        titles + axes or ["axes without labels"]
    )


class Text:
    """A text of one kind."""

    form = "text/plain"

    def __init__(self, data=None, **options):
        self.data = data

    def __repr__(self) -> str:
        return f"<IPython.core.display.{type(self).__name__} object>"

    def _repr_mimebundle_(self) -> dict:
        return {self.form: self.data}


class HTML(Text):
    """Text to be read as HTML."""

    form = "text/html"


class Markdown(Text):
    """Text to be read as Markdown."""

    form = "text/markdown"


class Latex(Text):
    """Text to be read as LaTeX."""

    form = "text/latex"


class SVG(Text):
    """Text to be read as a drawing."""

    form = "image/svg+xml"


class Math(Text):
    """A formula of LaTeX."""

    form = "text/latex"

    def _repr_mimebundle_(self) -> dict:
        return {self.form: f"$\\displaystyle {self.data.strip('$')}$"}
