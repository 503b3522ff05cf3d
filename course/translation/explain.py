"""The model in words, the call and the notes on one page, as text or as HTML."""

from __future__ import annotations

from course.common.page import Section, as_html, as_text, code, paragraph, plain
from course.design.design import Design
from course.formula.plausible import PlausibleValues
from course.translation.call import Call
from course.translation.equation import latex
from course.translation.words import (
    call_in_words,
    groups_in_words,
    plausible_in_words,
    readings_in_words,
    sentences,
)

WIDTH = 96


def explain(
    design: Design, call: Call, notes: tuple[str, ...], plausible: PlausibleValues | None
) -> str:
    """The model in words, term by term; what MixedLM is told; what the data say."""
    return as_text(
        [Section("Model", [str(design.formula)]), *_sections(design, call, notes, plausible)],
        WIDTH,
    )


def explain_html(
    design: Design, call: Call, notes: tuple[str, ...], plausible: PlausibleValues | None
) -> str:
    """The same for a notebook, with the equation."""
    heading = paragraph(code(str(design.formula)))
    return as_html(
        [heading, f"$${plain(latex(design))}$$", *_sections(design, call, notes, plausible)]
    )


def _sections(
    design: Design, call: Call, notes: tuple[str, ...], plausible: PlausibleValues | None
) -> list[Section]:
    sections = [
        Section("How R's spelling was read", readings_in_words(design.formula.readings)),
        Section("In words", sentences(design)),
        Section("Plausible values", [] if plausible is None else [plausible_in_words(plausible)]),
        Section("How the groups lie", groups_in_words(design)),
        Section("For statsmodels", call_in_words(call)),
        Section("Notes", notes),
    ]
    return [section for section in sections if section.items]
