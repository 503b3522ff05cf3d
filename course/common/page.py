"""Sections and tables, as text and as HTML."""

from __future__ import annotations

import html

import pandas as pd


def _text(table: pd.DataFrame, left: int) -> str:
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


def _html(table: pd.DataFrame, left: int) -> str:
    def row(cells: list[str], tag: str) -> str:
        return "".join(
            f'<{tag} style="text-align:{"left" if i < left else "right"}">{html.escape(cell)}</{tag}>'
            for i, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{row(list(cells), 'td')}</tr>" for cells in table.to_numpy())
    return f"<table><thead><tr>{row(list(table.columns), 'th')}</tr></thead><tbody>{body}</tbody></table>"
