"""What the website is made from; building and looking at it is `make site` and `make test-browser`."""

import base64
import html
import importlib
import inspect
import re
import struct
from functools import cache
from pathlib import Path

import api_pages
import front_page
import lesson_pages
import nbformat
import pytest
import staging
from downloads import write_zip
from live.differences import DIFFERENT, with_buttons, with_differences
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
)
from results import RESULTS

import course
from course import plots

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[01]*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))

# A PNG of 3 by 2 pixels as far as anyone here reads it.
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", 3, 2)


@cache
def stored(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


@cache
def page_of(path: Path) -> str:
    """The page of a stored lesson, made once for all tests."""
    return lesson_pages.lesson(stored(path)).text


def markdown(source, *tags):
    return new_markdown_cell(source, metadata={"tags": list(tags)})


def code(source, *tags, outputs=()):
    return new_code_cell(source, metadata={"tags": list(tags)}, outputs=list(outputs))


def page(*cells):
    return lesson_pages.lesson(new_notebook(cells=[markdown("# Title"), *cells]))


# ---- API ---------------------------------------------------------------------------------------


def test_the_reference_has_every_public_name_and_every_class_of_results_once():
    listed = [name for _, names in api_pages.CHAPTERS.values() for name in names]
    assert len(listed) == len(set(listed))
    functions = {name for name in plots.__all__ if callable(getattr(plots, name))}
    public = {f"course.{name}" for name in course.__all__}
    public |= {f"course.plots.{name}" for name in functions}
    assert public - set(listed) == set()
    assert set(listed) - public == set(RESULTS)


def test_the_reference_has_a_chapter_for_each_wing_with_the_names_that_live_there():
    package = Path(course.__file__).parent
    wings = {path.parent.name for path in package.glob("*/__init__.py")}
    assert set(api_pages.CHAPTERS) == wings | {"errors"}
    for wing, (_, names) in api_pages.CHAPTERS.items():
        told = api_pages.about(wing)
        assert "**In**" in told and "**Out**" in told and "nows nothing of" in told
        for name in names:
            module, _, short = name.rpartition(".")
            public = getattr(importlib.import_module(module), short)
            assert public.__module__.split(".")[1] == wing


@pytest.mark.parametrize("name", api_pages.FORMULAS)
def test_a_typeset_formula_is_still_in_its_docstring(name):
    owner, _, short = name.rpartition(".")
    public = getattr(plots if owner == "course.plots" else course, short)
    typeset = api_pages.typeset(name, inspect.getdoc(public))
    assert ".. math::" in typeset


def test_a_formula_that_left_its_docstring_is_missed():
    with pytest.raises(ValueError, match=r"course.icc has no"):
        api_pages.typeset("course.icc", "Another text.")


# ---- lessons -----------------------------------------------------------------------------------


def test_a_picture_keeps_its_alternative_text_and_its_size():
    output = new_output(
        "display_data",
        {"image/png": base64.b64encode(PNG).decode()},
        metadata={"image/png": {"alt": 'Five "rings" < six'}},
    )
    made = page(code("draw()", outputs=[output]))
    (name,) = made.pictures
    assert made.pictures[name] == PNG
    assert f'src="images/{name}" alt="Five &quot;rings&quot; &lt; six" width="3"' in made.text


def test_what_a_picture_says_is_a_caption_and_no_code():
    said = new_output("stream", name="stdout", text="In the picture: five < six rings.\nSD  2\n")
    text = page(code("draw()", outputs=[said])).text
    caption, _, printed = text.partition("</p>")
    assert caption.endswith('<p class="seen">In the picture: five &lt; six rings.')
    assert "text\nSD  2\n" in printed


def test_a_long_sentence_wraps_and_a_wide_table_scrolls():
    sentence = (
        "This sentence says what is wrong, where it is wrong, and what to write instead. " * 2
    )
    row = f"{'Intercept':40}{'59.46':40}{'0.49':>40}"
    for printed, wraps in ((sentence, True), (row, False), ("short", False)):
        said = new_output("stream", name="stdout", text=f"short\n{printed}\n")
        text = page(code("print()", outputs=[said])).text
        assert ('class="output prose"' in text) is wraps


def test_an_equation_is_mathematics_and_its_text_has_plain_underscores():
    latex = new_output("execute_result", {"text/latex": r"$\displaystyle \text{a\_b} = x\_1$"})
    assert "$$\n\\text{a_b} = x\\_1\n$$" in page(code("Math(latex)", outputs=[latex])).text


def test_code_that_is_folded_in_jupyterlab_is_folded_here():
    cell = code("secret = 1", outputs=[new_output("stream", name="stdout", text="shown")])
    cell.metadata["jupyter"] = {"source_hidden": True}
    folded, _, rest = page(cell).text.partition("</details>")
    assert "secret = 1" in folded
    assert "shown" in rest


def test_a_table_loses_the_looks_of_pandas_and_has_no_empty_header():
    html = '<style scoped>td {}</style>\n<table border="1" class="dataframe"><th></th></table>'
    assert lesson_pages.table(html) == '<table class="dataframe"><td></td></table>'


def test_a_section_for_self_study_has_a_class_and_a_badge():
    text = page(markdown("## Later (self-study)")).text
    assert "{.self-study}\n## Later [self-study]{.badge}" in text


def test_an_exercise_stands_in_one_box_with_its_stub():
    text = page(
        markdown("**Exercise.** What?", "exercise"),
        code("answer = ...", "exercise"),
        markdown("On."),
    ).text
    box = text[text.index('<div class="exercise">') : text.index("On.")]
    assert "What?" in box
    assert "answer = ..." in box
    assert box.count("<div") == box.count("</div>")  # it has ended where the text goes on


@pytest.mark.parametrize(
    ("headings", "levels"),
    [
        (["#", "###", "###"], [1, 2, 2]),
        (["#", "##", "#"], [1, 3, 2]),
        (["#", "##", "###"], [1, 2, 3]),
    ],
)
def test_headings_leave_no_level_out_and_one_is_the_title(headings, levels):
    text = lesson_pages.in_order("\n\n".join(f"{marks} x" for marks in headings))
    assert [len(marks) for marks in re.findall(r"^#+", text, re.MULTILINE)] == levels


def test_a_comment_in_code_is_no_heading():
    text = "# Title\n\n~~~~~~~~python\n# a comment\n~~~~~~~~\n\n## Section"
    assert lesson_pages.in_order(text) == text


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_no_answer_is_in_sight_outside_a_fold(path):
    text = lesson_pages.solutions(stored(path), path.stem).text
    assert text.startswith("---\norphan: true\nnosearch: true\n---")
    folded = re.sub(r'<details class="answer">.*?</details>', "", text, flags=re.DOTALL)
    cells = [
        cell.source
        for cell in stored(path).cells
        if "solution" in cell.metadata.tags and cell.id != "solutions-of"
    ]
    assert cells
    for source in cells:
        assert source in text
        assert source not in folded


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_page_of_a_lesson_has_each_of_its_cells(path):
    for cell in stored(path).cells[1:]:
        if cell.cell_type == "code":
            assert cell.source in page_of(path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_has_a_picture_on_the_front_page(path):
    text = page_of(path)
    card = front_page.card(f"notebooks/{path.stem}.md", text)
    assert card["picture"].startswith("notebooks/images/")
    assert card["title"]
    assert card["able"]
    assert card["alone"]
    first = next(line for line in text.split("\n- ")[1:])
    whole = " ".join(re.sub(r"[`*]", "", first.split("\n\n")[0]).split())
    assert card["able"] == whole.rstrip(";.")


def test_the_front_page_shows_what_readme_shows():
    shown = front_page.wrong_output((ROOT / "README.md").read_text(encoding="utf-8"))
    assert shown.count("<mark>1 |") == 3
    assert "Converged: True" in shown
    assert "dtype" not in shown


# ---- links and terms ---------------------------------------------------------------------------


def test_links_lead_to_pages_and_to_files():
    where = {"a.ipynb": "a.md", "../d.csv": "../d.csv"}.get
    text = "[A](a.ipynb#x) [`d`](../d.csv) [web](https://x.org) ![p](p.png) [h](#h)"
    assert lesson_pages.redirected(text, where) == (
        '[A](a.md#x) <a href="../d.csv" download>`d`</a> [web](https://x.org) ![p](p.png) [h](#h)'
    )
    code = "```\n[A](a.ipynb)\n```"
    assert lesson_pages.redirected(code, where) == code


def test_what_the_site_itself_writes_can_be_linked_to(tmp_path):
    pages = staging.Pages(tmp_path, later=["downloads/course.pdf"])
    pages.add("a.md", "[z](downloads/z.zip) [p](downloads/course.pdf) [l](LICENSE) [b](n/b.ipynb)")
    pages.add("n/b.md", "[back](../a.md)")
    write_zip(pages.extra / "downloads" / "z.zip", {"z.txt": b"z"})
    pages.write()
    assert (pages.folder / "a.md").read_text() == (
        '<a href="downloads/z.zip" download>z</a> <a href="downloads/course.pdf" download>p</a> '
        '<a href="LICENSE" download>l</a> [b](n/b.md)'
    )
    assert (pages.extra / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("link", ["downloads/z.zip", "no-such-page.md", "notebooks", "../x.md"])
def test_a_link_that_leads_nowhere_ends_the_build(tmp_path, link):
    pages = staging.Pages(tmp_path)
    pages.add("a.md", f"[x]({link})")
    with pytest.raises(ValueError, match=re.escape(f"a.md: the link to {link} leads")):
        pages.write()


def test_terms_are_explained_in_plain_words():
    cell = markdown(
        "# Glossary\n\n### random slope\nA [slope](#slope) of `x`\nthat varies.\n\n### z\nZ."
    )
    terms = lesson_pages.glossary_terms(new_notebook(cells=[cell]))
    assert terms == {"random-slope": "A slope of x that varies.", "z": "Z."}


# ---- what differs in the browser ---------------------------------------------------------------


@pytest.mark.parametrize("name", sorted({name for name, _ in DIFFERENT}))
def test_a_page_says_where_the_browser_shows_something_else(name):
    path = ROOT / "notebooks" / f"{name}.ipynb"
    text = with_differences(name, stored(path), page_of(path))
    expected = [sentence for (lesson, _), sentence in DIFFERENT.items() if lesson == name]
    assert re.findall(r'data-cell="[^"]*"><p class="differs" hidden>(.*)</p>', text) == [
        html.escape(sentence) for sentence in expected
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_that_runs_on_its_page_sends_nobody_to_a_menu_of_jupyterlab(path):
    text = page_of(path)
    facts, _, rest = text.partition("data-live")
    assert "Run →" not in with_buttons(facts)
    assert with_buttons(rest) == rest


def test_a_cell_that_is_not_there_cannot_differ():
    cell = code('print("other")')
    with pytest.raises(ValueError, match="0 cells of myths begin with"):
        with_differences("myths", new_notebook(cells=[cell]), "")
