"""What the site needs beside its pages: a list of them for search engines, and a 404.html for any folder."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from places import Places

NOT_LISTED = {"404.html", "search.html"}


def finish(target: Path, where: Places) -> None:
    """Write ``sitemap.xml`` where the site's address is known, and let 404.html be shown at any address."""
    page = target / "404.html"
    base = urlsplit(where.site).path or "/"
    page.write_text(rooted(page.read_text("utf-8"), base), encoding="utf-8")
    if where.site:
        (target / "sitemap.xml").write_text(sitemap(target, where.site), encoding="utf-8")
        robots = f"User-agent: *\nAllow: /\nSitemap: {where.site}sitemap.xml\n"
        (target / "robots.txt").write_text(robots, encoding="utf-8")


def rooted(text: str, base: str) -> str:
    """A page whose links begin at the root of the server: it is shown in place of pages in any folder."""
    return re.sub(
        r'\b(href|src|action|data-content_root)="(?!\w+:|#|/)(?:\./)?', rf'\1="{base}', text
    )


def sitemap(target: Path, site: str) -> str:
    """All pages of the site, as search engines read it."""
    pages = sorted(path.relative_to(target).as_posix() for path in target.rglob("*.html"))
    urls = "".join(
        f"  <url><loc>{site}{page.removesuffix('index.html')}</loc></url>\n"
        for page in pages
        if page not in NOT_LISTED
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f'{head}<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n'
