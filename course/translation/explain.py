"""The model in words, the call and the notes on one page, as text or as HTML."""

from __future__ import annotations

import html
import textwrap

from course.design.design import Design
from course.translation.call import Call
from course.translation.equation import latex
from course.translation.words import call_in_words, groups_in_words, sentences

WIDTH = 96


def explain(design: Design, call: Call, notes: tuple[str, ...]) -> str:
    """The model in words, term by term; what MixedLM is told; what the data say."""
    sections = [
        ("Model", [str(design.formula)]),
        ("In words", sentences(design)),
        ("How the groups lie", groups_in_words(design)),
        ("For statsmodels", call_in_words(call)),
        ("Notes", list(notes)),
    ]
    return "\n".join(_section(title, lines) for title, lines in sections if lines).rstrip()


def explain_html(design: Design, call: Call, notes: tuple[str, ...]) -> str:
    """The same for a notebook, with the equation."""
    parts = [
        f"<p><code>{html.escape(str(design.formula))}</code></p>",
        f"$${html.escape(latex(design))}$$",
    ]
    for title, lines in (
        ("In words", sentences(design)),
        ("How the groups lie", groups_in_words(design)),
        ("For statsmodels", call_in_words(call)),
        ("Notes", list(notes)),
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
