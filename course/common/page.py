"""A page of sections, as text and as HTML: headings, lists and tables."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, eq=False)
class Section:
    """A title, and a list or a table under it.

    Attributes
    ----------
    title : str
    items : sequence of str or (str, str)
        The list: texts, or labels with their texts.
    table : DataFrame or None
        Of texts, as they are printed, without its index.
    left : int
        How many columns of the table are flush left.
    aside : str
        What follows the title in plain type, such as ``(problem)``.
    """

    title: str
    items: Sequence[str | tuple[str, str]] = ()
    table: pd.DataFrame | None = None
    left: int = 1
    aside: str = ""

    def as_text(self, width: int) -> str:
        """The section in lines of at most `width` characters; a table is as wide as it is."""
        lines = [f"{self.title} {self.aside}".rstrip()]
        for item in self.items:
            first, text = ("  - ", item) if isinstance(item, str) else ("  ", ": ".join(item))
            lines.append(wrapped(text, width, first, "    "))
        if self.table is not None:
            lines.append(_table_as_text(self.table, self.left))
        return "\n".join(lines)

    def as_html(self) -> str:
        """The section for a notebook."""
        parts = [paragraph(f"{bold(self.title)} {html.escape(self.aside)}".rstrip())]
        if self.items:
            parts.append(f"<ul>{''.join(f'<li>{_item(item)}</li>' for item in self.items)}</ul>")
        if self.table is not None:
            parts.append(_table_as_html(self.table, self.left))
        return "".join(parts)


def as_text(parts: Iterable[str | Section], width: int) -> str:
    """Sections, and texts that are wrapped already, with an empty line between them."""
    return "\n\n".join(part if isinstance(part, str) else part.as_text(width) for part in parts)


def as_html(parts: Iterable[str | Section]) -> str:
    """Sections, and what is HTML already, one after the other."""
    return "".join(part if isinstance(part, str) else part.as_html() for part in parts)


def wrapped(text: str, width: int, first: str = "", later: str = "    ") -> str:
    """A text in lines of at most `width` characters, the first and the later ones indented."""
    return textwrap.fill(
        text,
        width,
        initial_indent=first,
        subsequent_indent=later,
        break_on_hyphens=False,  # they may be part of a name
    )


def paragraph(*lines: str) -> str:
    """Lines of HTML as one paragraph.

    Examples
    --------
    >>> paragraph(bold("A < B"), code("y ~ 1"), plain("a & b"))
    '<p><b>A &lt; B</b><br><code>y ~ 1</code><br>a &amp; b</p>'
    """
    return f"<p>{'<br>'.join(lines)}</p>"


def bold(text: str) -> str:
    """A text as bold HTML."""
    return f"<b>{html.escape(text)}</b>"


def code(text: str) -> str:
    """A text as HTML in the type of programs."""
    return f"<code>{html.escape(text)}</code>"


def plain(text: str) -> str:
    """A text as HTML."""
    return html.escape(text)


def _item(item: str | tuple[str, str]) -> str:
    if isinstance(item, str):
        return plain(item)
    label, text = item
    return f"<i>{plain(label)}:</i> {plain(text)}"


def _table_as_text(table: pd.DataFrame, left: int) -> str:
    """Columns two spaces apart, the first `left` of them flush left."""
    columns = [[name, *table[name]] for name in table.columns]
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for cells in zip(*columns, strict=True):
        padded = [
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        lines.append(("  " + "  ".join(padded)).rstrip())
    return "\n".join(lines)


def _table_as_html(table: pd.DataFrame, left: int) -> str:
    def row(cells: list[str], tag: str) -> str:
        return "".join(
            f'<{tag} style="text-align:{"left" if i < left else "right"}">{plain(cell)}</{tag}>'
            for i, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{row(list(cells), 'td')}</tr>" for cells in table.to_numpy())
    return f"<table><thead><tr>{row(list(table.columns), 'th')}</tr></thead><tbody>{body}</tbody></table>"
