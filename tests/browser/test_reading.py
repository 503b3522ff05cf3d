"""What helps to read the website: quizzes, where one is, tables on a phone, search words, weight, paper."""

import re
from urllib.parse import unquote

import printing
import pytest
from chromium import SITE
from playwright.sync_api import expect

from course.exercises.check import all_exercises
from course.exercises.exercise import Data, judge

LESSON = "notebooks/02-random-intercepts.html"
MEGABYTE = 1_000_000


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_a_quiz_says_what_check_says_and_can_be_answered_from_the_keyboard(visit, width):
    page = visit(LESSON, width)
    form = page.locator("form.quiz").first
    id = form.get_attribute("id").removeprefix("quiz-").replace("-", ".")
    exercise = all_exercises()[id]
    form.locator("input").first.focus()
    page.keyboard.press("Space")
    for letter in exercise.kind.letters:
        expect(form.locator(f"input[value={letter}]")).to_be_checked()
        verdict = judge(exercise, letter, Data())
        expect(form.locator(".verdict")).to_have_text(verdict.message)
        expect(form.locator(".verdict")).to_have_class(
            re.compile("right" if verdict.right else "not-yet")
        )
        page.keyboard.press("ArrowDown")


def test_a_quiz_that_is_answered_right_is_solved_and_stays_so(visit):
    page = visit(LESSON)
    box = page.locator(".exercise", has=page.locator("form.quiz")).first
    id = box.locator("form").get_attribute("id").removeprefix("quiz-").replace("-", ".")
    for letter in all_exercises()[id].kind.letters:
        right = judge(all_exercises()[id], letter, Data()).right
        expect(box.locator(".tick")).to_have_count(0)
        box.locator(f"input[value={letter}]").check()
        if right:
            break
    expect(box.locator("strong .tick").first).to_be_visible()
    page.reload()
    expect(box.locator("strong .tick").first).to_be_visible()


def test_the_contents_of_the_page_show_where_one_is(visit):
    page = visit(LESSON)
    links = page.locator(".here a[href^='#']:not([data-exercise])")
    target = links.nth(links.count() - 3).get_attribute("href")
    page.evaluate("id => document.getElementById(id).scrollIntoView()", unquote(target[1:]))
    expect(page.locator(".here a[aria-current]")).to_have_attribute("href", target)


def test_with_the_workshop_only_no_link_leads_to_what_is_hidden(visit):
    page = visit("notebooks/01-why-groups-matter.html")
    page.locator("button.route").click()
    for link in page.locator(".here a[href^='#']:visible").all():
        assert page.locator(f"[id='{link.get_attribute('href')[1:]}']").first.is_visible()
    hidden = page.locator("section.self-study").first.get_attribute("id")
    page.evaluate("id => { location.hash = id }", hidden)
    expect(page.locator(f"section[id='{hidden}']")).to_be_visible()


def test_wide_tables_stack_on_a_phone(visit):
    page = visit("notebooks/phrasebook.html", "phone")
    cells = page.locator("table.stacks tbody tr").first.locator("td, th")
    assert cells.count() >= 4
    boxes = [cells.nth(i).bounding_box() for i in range(cells.count())]
    tops = [box["y"] for box in boxes if box]
    assert tops == sorted(tops) and len(set(tops)) == len(tops)


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("ICC", "Glossary: intraclass correlation"),
        ("lmer", "Phrasebook"),
        ("glmer", "12 Yes or no"),
        ("centering", "Glossary: centring"),
        ("KR", "Glossary: Kenward Roger"),
        ("random slope", "03 Random slopes"),
        ("install", "Get the course"),
    ],
)
def test_search_knows_what_is_meant(visit, words, title):
    page = visit(f"search.html?q={words.replace(' ', '+')}")
    meant = page.locator("#search-first a", has_text=title)
    expect(meant).to_be_visible()
    assert (SITE / meant.get_attribute("href").partition("#")[0]).is_file()


def test_the_front_page_is_light_and_its_equation_comes_when_it_is_asked_for(visit):
    page = visit("index.html")
    weight = page.evaluate(
        "performance.getEntriesByType('resource').reduce((sum, one) => sum + one.encodedBodySize, 0)"
    )
    assert weight < MEGABYTE
    page.get_by_role("tab", name="Equation").click()
    expect(page.locator("mjx-container").first).to_be_visible(timeout=30_000)


def test_what_is_there_for_download_is_offered():
    text = (SITE / "set-up.html").read_text("utf-8")
    offered = set(re.findall(r'href="(downloads/[^"]*)"', text))
    assert {"downloads/workshop.zip", "downloads/data.zip"} <= offered
    assert offered == {f"downloads/{path.name}" for path in (SITE / "downloads").iterdir()}
    for file in offered:
        assert (SITE / file).stat().st_size > 1000, file


def test_lessons_are_printed_as_one_pdf(tmp_path):
    pages = [LESSON, "cheat-sheet.html"]
    with printing.one_document(SITE, pages, "book") as page:
        printing.pdf(printing.chromium(), page, tmp_path / "book.pdf")
    printed = (tmp_path / "book.pdf").read_bytes()
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", printed)) > 10


def test_every_page_says_what_it_is_about_to_who_shares_it():
    for path in SITE.rglob("*.html"):
        text = path.read_text("utf-8")
        assert '<meta property="og:title"' in text, path
        assert re.search(r'<meta name="description" content="[^"]{20,}"', text), path
