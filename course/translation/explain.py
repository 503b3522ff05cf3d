"""All of it on one page."""

from __future__ import annotations

import html
import textwrap
from typing import TYPE_CHECKING

from course.translation.words import groups_in_words, sentences

if TYPE_CHECKING:
    from course.translation.translate import Translation

WIDTH = 96
# -- words ------------------------------------------------------------------------------------


def explain(t: Translation) -> str:
    """The model in words, term by term; what MixedLM is told; what the data say."""
    sections = [
        ("Model", [f"{t.design.formula}"]),
        ("In words", sentences(t.design)),
        ("How the groups lie", groups_in_words(t.design)),
        ("For statsmodels", call_in_words(t)),
        ("Notes", list(t.notes)),
    ]
    return "\n".join(_section(title, lines) for title, lines in sections if lines).rstrip()


def explain_html(t: Translation) -> str:
    """The same for a notebook, with the equation."""
    parts = [
        f"<p><code>{html.escape(str(t.design.formula))}</code></p>",
        f"$${html.escape(t.latex)}$$",
    ]
    for title, lines in (
        ("In words", sentences(t.design)),
        ("How the groups lie", groups_in_words(t.design)),
        ("For statsmodels", call_in_words(t)),
        ("Notes", list(t.notes)),
    ):
        if lines:
            items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
            parts.append(f"<p><b>{title}</b></p><ul>{items}</ul>")
    return "".join(parts)


def _section(title: str, lines: list[str]) -> str:
    wrapped = [
        textwrap.fill(line, WIDTH, initial_indent="  - ", subsequent_indent="    ",
                      break_on_hyphens=False)
        for line in lines
    ]  # fmt: skip
    return "\n".join([title, *wrapped]) + "\n"


def call_in_words(t: Translation) -> list[str]:
    lines = []
    if t.prepare:
        made = "; ".join(
            f"{name}: " + ("the independent blocks of the data" if e == "blocks" else e)
            for name, e in t.prepare.items()
        )
        lines.append(f"a column made first: {made}")
    lines.append(f"groups={t.groups!r}: rows of different {t.groups} are independent of each other")
    if t.re_formula is not None:
        several = ", correlated" if t.re_formula != "1" else " (the intercept)"
        lines.append(f"re_formula={t.re_formula!r}: what varies by {t.groups}{several}")
    for key, value in (t.vc_formula or {}).items():
        lines.append(f"vc_formula[{key!r}] = {value!r}: one variance, independent of all others")
    return [*lines, *t.gaps]
