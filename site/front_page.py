"""The front page: the web's snippet, the same model meant, and where to begin."""

import html
import re
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from lesson_pages import HEADING, for_mathjax, raw, table
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from course import load, mixedlm, translate

SITE = Path(__file__).resolve().parent
FORMULA = "test_score ~ age + sex + (1|classroom) + (1|school) + (1|province)"
SNIPPET = f'''smf.mixedlm(
    "{FORMULA.replace(" + (1|classroom)", '"{0}    " + (1|classroom)').format(chr(10))}",
    data=pupils, groups=pupils["student_id"],
).fit()'''

# Which picture of a lesson stands for it, by what its alternative text says; else its first.
PICTURES = {
    "01": "test_score against age in 6 panels",
    "02": "The random intercepts of all 60 schools",
    "03": "60 lines, one for each school, of test_score",
    "05": "with the ellipse of the estimated covariance",
    "06": "60 thin lines, one for each school",
    "08": "All rings lie on one falling line",
    "09": "Power against the number of pupils per school",
    "11": "their means form a funnel",
    "12": "fifteen parallel S-shaped curves",
}
BESIDE = ["phrasebook", "glossary", "myths", "bring-your-own-data"]
FIRST = {"set-up.md": "Get the course", "cheat-sheet.md": "Cheat sheet"}
TEACH = ["INSTRUCTORS", "TIMES"]
REFERENCE = {
    "data/README": "Data",
    "api/index": "API",
    "tests/benchmarks/results": "How fast",
    "CHANGELOG": "Changelog",
    "cite": "How to cite",
}
PICTURE = re.compile(r'<img src="([^"]*)" alt="([^"]*)"[^>]*>')
EXERCISE = re.compile(r'\bcheck\("(\d\d\.\d+)"')
ABLE = re.compile(r"^- (.*?)[;.]?\n(?! )", re.MULTILINE | re.DOTALL)


def front_page(sources: Mapping[str, str], live: bool) -> str:
    """The page as Markdown, with the tables of contents of all that is in ``sources``.

    Parameters
    ----------
    sources : dict of str to str
        The other pages: path and text.
    live : bool
        Whether lessons can be run on their pages.
    """
    lessons = sorted(path for path in sources if re.match(r"notebooks/\d\d-", path))
    beside = ["playground.md", *(f"notebooks/{name}.md" for name in BESIDE), "solutions.md"]
    teach = [f"notebooks/{name}.md" for name in TEACH]
    groups = {
        "Begin": {path: name for path, name in FIRST.items() if path in sources},
        "Lessons": {path: f"{path[10:12]} {title(sources[path])}" for path in lessons},
        "Beside them": {path: title(sources[path]) for path in beside if path in sources},
        "Teach": {path: title(sources[path]) for path in teach if path in sources},
        "Reference": {
            f"{path}.md": name
            for path, name in REFERENCE.items()
            if f"{path}.md" in sources or path in ("api/index", "cite")
        },
    }
    toctrees = "\n\n".join(toctree(name, pages) for name, pages in groups.items() if pages)
    model = one_model()
    jinja = Environment(loader=FileSystemLoader(SITE), autoescape=True, trim_blocks=True)
    front = jinja.get_template("front.html").render(
        live=live,
        model=model,
        snippet=python(SNIPPET),
        wrong=wrong_output((SITE.parent / "README.md").read_text(encoding="utf-8")),
        lessons=[card(path, sources[path]) for path in lessons],
    )
    before, after = map(raw, front.split("EQUATION"))
    equation = f"$$\n{model['latex']}\n$$"
    return "\n\n".join(["# Mixed-effects models in Python", before, equation, after, toctrees, ""])


def title(source: str) -> str:
    """The first heading of a page."""
    return HEADING.search(source)[0].lstrip("# ")


def toctree(caption: str, pages: Mapping[str, str]) -> str:
    """Sphinx's directive for the pages under one caption of the sidebar."""
    entries = "\n".join(
        f"{name} </{Path(path).with_suffix('').as_posix()}>" for path, name in pages.items()
    )
    return f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{entries}\n```"


def python(code: str) -> str:
    """Python as coloured HTML."""
    return highlight(code, PythonLexer(), HtmlFormatter(nowrap=True))


def one_model() -> dict[str, str]:
    """One model in the five ways, by the package itself."""
    pupils = load("pupils")
    translation = translate(FORMULA, pupils)
    return {
        "formula": FORMULA,
        "words": in_words(translation.explain()),
        "latex": for_mathjax(translation.latex),
        "code": python(translation.code),
        "summary": table(mixedlm(FORMULA, pupils).fit().summary()._repr_html_()),
    }


def in_words(explanation: str) -> list[str]:
    """The sentences under "In words" of what ``Translation.explain`` says."""
    section = re.search(r"^In words\n(.*?)(?:\n\n|\Z)", explanation, re.MULTILINE | re.DOTALL)[1]
    return [" ".join(item.split()) for item in re.split(r"^  - ", section, flags=re.MULTILINE)[1:]]


def wrong_output(readme: str) -> str:
    """What statsmodels prints for the web's snippet, with the three false rows marked.

    README.md has it, and a test runs README.
    """
    printed = re.search(r"```text\n(Converged: .*?)```", readme, re.DOTALL)[1]
    lines = [html.escape(line) for line in printed.splitlines() if not line.startswith("dtype")]
    return "\n".join(f"<mark>{line}</mark>" if line.startswith("1 |") else line for line in lines)


def card(path: str, source: str) -> dict[str, str]:
    """A lesson on the front page: number, name, minutes, what one can do, a picture of it."""
    number = path[10:12]
    pictures = [(name, html.unescape(alt)) for name, alt in PICTURE.findall(source)]
    wanted = [name for name, alt in pictures if PICTURES.get(number, "") in alt]
    shown = (wanted or [name for name, _ in pictures])[:1]
    workshop = re.search(r"(\d+) minutes in the workshop", source)
    alone = re.search(r"(\d+)(?: minutes)? on your own", source)
    return {
        "link": Path(path).with_suffix(".html").as_posix(),
        "number": number,
        "title": title(source),
        "able": re.sub(
            r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(ABLE.search(source)[1].split())
        ),
        "workshop": workshop[1] if workshop else "",
        "alone": alone[1] if alone else "",
        "picture": f"notebooks/{shown[0].replace('images/', 'images/thumb-')}" if shown else "",
        "exercises": " ".join(dict.fromkeys(EXERCISE.findall(source))),
    }
