"""What a translation says of its model, in words: as text, and as HTML with the equation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course.common.page import Section, as_html, as_text, code, paragraph, plain
from course.translation.words import groups_in_words, sentences

if TYPE_CHECKING:
    from course.translation.translate import Translation

WIDTH = 96


def explain(t: Translation) -> str:
    """The model in words, term by term; what MixedLM is told; what the data say."""
    return as_text([Section("Model", [str(t.design.formula)]), *_sections(t)], WIDTH)


def explain_html(t: Translation) -> str:
    """The same for a notebook, with the equation."""
    heading = paragraph(code(str(t.design.formula)))
    return as_html([heading, f"$${plain(t.latex)}$$", *_sections(t)])


def _sections(t: Translation) -> list[Section]:
    sections = [
        Section("In words", sentences(t.design)),
        Section("How the groups lie", groups_in_words(t.design)),
        Section("For statsmodels", call_in_words(t)),
        Section("Notes", t.notes),
    ]
    return [section for section in sections if section.items]


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
