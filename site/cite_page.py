"""How to cite the course, from CITATION.cff and the place where it lives."""

from pathlib import Path

import yaml
from places import Places

ROOT = Path(__file__).resolve().parents[1]


def cite_page(where: Places) -> str:
    """The page, as Markdown."""
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    cff = yaml.safe_load(text)
    authors = " and ".join(author["name"] for author in cff["authors"])
    year, place = str(cff["date-released"])[:4], where.site or where.source
    bibtex = (
        f"@software{{mixed_effects_course,\n  title   = {{{cff['title']}}},\n"
        f"  author  = {{{{{authors}}}}},\n  year    = {{{year}}},\n  version = {{{cff['version']}}}"
        + (f",\n  url     = {{{place}}}" if place else "")
        + "\n}"
    )
    works = "\n".join(f"- {reference(work)}" for work in cff["references"])
    return (
        "# How to cite\n\n"
        f"{authors} ({year}). *{cff['title']}*. Version {cff['version']}."
        + (f" <{place}>" if place else " Add the address from which you have it.")
        + "\n\n"
        f"```bibtex\n{bibtex}\n```\n\n"
        "The method and the library beneath deserve a line of their own:\n\n"
        f"{works}\n\nEach real data set names the article to cite in the "
        "[data catalogue](data/README.md). The same as a file: [CITATION.cff](CITATION.cff).\n"
    )


def reference(work: dict) -> str:
    """One entry of CITATION.cff's references, in words."""
    names = "; ".join(f"{a['family-names']}, {a['given-names']}" for a in work["authors"])
    where = work.get("journal") or work["collection-title"]
    volume = f" {work['volume']}({work['issue']})" if "volume" in work else ""
    link = f"[doi {work['doi']}](https://doi.org/{work['doi']})"
    return f"{names} ({work['year']}). {work['title']}. *{where}*{volume}. {link}"
