"""Tables of the repository's Markdown, as the site shows them."""

import re

from course.common.paths import DATA


def breakable(text: str) -> str:
    """Checksums in pieces, so that a table with a column of them keeps to the page."""
    pieces = r"<code>\1<wbr>\2<wbr>\3<wbr>\4</code>"
    return re.sub("`" + r"([0-9a-f]{16})" * 4 + "`", pieces, text)


def with_links(text: str) -> str:
    """The names of data files as links: a click downloads the file."""

    def linked(found: re.Match) -> str:
        return f"[`{found[1]}`]({found[1]})" if (DATA / found[1]).is_file() else found[0]

    return re.sub(r"(?<!\[)`([\w.]+\.(?:csv|csv\.gz|sav))`", linked, text)
