"""What the site offers: notebooks as they were built, ZIP files, quizzes, addresses, paper, search words."""

import json
import re
import subprocess
import zipfile

import downloads
import finish
import nbformat
import pytest
import quizzes
import search_words
import stored
from lesson_pages import glossary_terms, in_boxes, lesson
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from places import Places, places
from printing import article, name

from course import load, translate
from course.common.paths import LESSONS, ROOT
from course.exercises.check import all_exercises
from course.exercises.exercise import Choice, Data, judge
from course.lessons import fingerprint

STORED = sorted(LESSONS.glob("*.ipynb"))


def built(stub='bet_on = ...\ncheck("01.2", bet_on)', printed="01.2 is waiting: Which?"):
    """A notebook as it is stored when it was built."""
    output = new_output("stream", name="stdout", text=printed)
    cells = [
        new_markdown_cell("# One", metadata={"tags": ["workshop"]}),
        new_code_cell(stub, metadata={"tags": ["workshop", "exercise"]}, outputs=[output]),
    ]
    notebook = new_notebook(cells=cells)
    notebook.metadata.course = {"fingerprint": fingerprint(notebook.cells)}
    return notebook


# ---- nobody's answers ---------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path):
    """A repository of git with one notebook, as it was built."""
    path = tmp_path / "01-one.ipynb"
    nbformat.write(built(), path)
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "built"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return path


def answer(path):
    """What a reader leaves who answers the exercise in the stored notebook."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].source = 'bet_on = "b"\ncheck("01.2", bet_on)'
    notebook.cells[1].outputs[0].text = "01.2 is right. The mean of many pupils\n"
    nbformat.write(notebook, path)


def test_the_site_shows_a_notebook_as_it_was_built(repository):
    assert stored.stored(repository) == nbformat.read(repository, as_version=4)
    answer(repository)
    shown = str(stored.stored(repository))
    assert "is waiting" in shown
    assert "is right" not in shown and '"b"' not in shown


def test_an_answer_that_was_taken_back_but_left_its_output_is_not_shown(repository):
    nbformat.write(built(printed="01.2 is right. The mean of many pupils\n"), repository)
    assert "is right" not in str(stored.stored(repository))


def test_without_git_a_notebook_with_answers_is_refused(tmp_path):
    path = tmp_path / "01-one.ipynb"
    nbformat.write(built(), path)
    answer(path)
    with pytest.raises(ValueError, match="somebody worked in 01-one.ipynb"):
        stored.stored(path)


# ---- quizzes ------------------------------------------------------------------------------------


def asked() -> dict[str, list]:
    """The cells of every multiple-choice exercise of the stored lessons, by its number."""
    boxes = [
        cells
        for path in STORED
        for cells in in_boxes(nbformat.read(path, as_version=4).cells[1:])
        if "exercise" in cells[0].metadata.get("tags", [])
    ]
    return {quizzes.number(cells): cells for cells in boxes if quizzes.choices(cells)}


def test_every_multiple_choice_exercise_is_a_quiz_and_no_other():
    chosen = {key for key, one in all_exercises().items() if isinstance(one.kind, Choice)}
    assert set(asked()) == chosen
    assert len(chosen) > 20


@pytest.mark.slow
@pytest.mark.parametrize("id", ["01.2", "02.6", "04.8"])
def test_a_quiz_says_what_check_says(id):
    form = quizzes.quiz(asked()[id])
    said = json.loads(re.search(r'data-verdicts="([^"]*)"', form)[1].replace("&quot;", '"'))
    exercise = all_exercises()[id]
    assert list(said) == list(exercise.kind.letters)
    for letter, (right, message) in said.items():
        verdict = judge(exercise, letter, Data())
        assert [right, message] == [verdict.right, verdict.message]
        assert f'value="{letter}"' in form
    assert [right for right, _ in said.values()].count(True) == 1


@pytest.mark.slow
def test_formulas_of_a_quiz_are_formulas():
    form = quizzes.quiz(asked()["10.8"])
    assert r'<span class="math">\(\theta = 0\)</span>' in form
    assert "$" not in "".join(map(quizzes.quiz, asked().values()))


def test_a_quiz_that_offers_other_letters_than_the_exercise_is_refused():
    cells = [
        new_markdown_cell("**Exercise 01.2.** Which?\n\n- a) one\n- b) two"),
        new_code_cell('check("01.2", x)'),
    ]
    with pytest.raises(ValueError, match="01.2 offers"):
        quizzes.choices(cells)


@pytest.mark.slow
def test_an_exercise_waits_for_nobody_on_the_site():
    for path in STORED:
        assert "is waiting:" not in lesson(nbformat.read(path, as_version=4)).text


# ---- ZIP files ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_zip_files_hold_what_they_promise(tmp_path):
    books = {
        path.relative_to(LESSONS).as_posix(): nbformat.read(path, as_version=4)
        for path in [
            LESSONS / "02-random-intercepts.ipynb",
            LESSONS / "solutions" / "02-random-intercepts.ipynb",
            LESSONS / "11-capstone.ipynb",
        ]
    }
    downloads.write_downloads(tmp_path, books, "the-course")
    with zipfile.ZipFile(tmp_path / "downloads" / "02-random-intercepts.zip") as one:
        assert set(one.namelist()) == {
            "02-random-intercepts.ipynb",
            "solutions/02-random-intercepts.ipynb",
            "data/pupils.csv",
            "data/LICENSE-GPL",
            "data/README.md",
            "README.txt",
        }
        assert "pip install the-course" in one.read("README.txt").decode()
        assert one.read("data/pupils.csv") == (ROOT / "data" / "pupils.csv").read_bytes()
    with zipfile.ZipFile(tmp_path / "downloads" / "workshop.zip") as day:
        assert set(day.namelist()) == {
            "02-random-intercepts.ipynb",
            "11-capstone.ipynb",
            "README.txt",
        }
        short = nbformat.reads(day.read("02-random-intercepts.ipynb").decode(), as_version=4)
        whole = nbformat.reads(day.read("11-capstone.ipynb").decode(), as_version=4)
    assert not any("self-study" in cell.metadata.tags for cell in short.cells)
    assert len(whole.cells) == len(books["11-capstone.ipynb"].cells)
    counts = [cell.execution_count for cell in short.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert (tmp_path / "data" / "exam.csv").exists()


def test_the_same_files_make_the_same_zip_file(tmp_path):
    for number in (1, 2):
        downloads.write_zip(tmp_path / f"{number}.zip", {"b.txt": b"2", "a.txt": b"1"})
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


# ---- places -------------------------------------------------------------------------------------


def test_addresses_follow_from_the_repositorys_name(monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "Ann/models")
    where = places()
    assert where.site == "https://ann.github.io/models/"
    assert where.issues == "https://github.com/Ann/models/issues"
    assert where.binder.startswith("https://mybinder.org/v2/gh/Ann/models/HEAD?labpath=my-work/")
    assert "Ann/models/archive" in where.pip


@pytest.mark.parametrize(
    ("address", "repository"),
    [
        ("git@github.com:ann/models.git", "ann/models"),
        ("https://github.com/ann/models", "ann/models"),
        ("https://example.org/ann/models.git", ""),
        ("", ""),
    ],
)
def test_without_github_gits_own_address_tells(monkeypatch, address, repository):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.setattr("places.remote", lambda: address)
    assert places() == Places(repository)


def test_nothing_in_the_papers_has_to_be_edited():
    for paper in ("README.md", "notebooks/INSTRUCTORS.md", "CONTRIBUTING.md"):
        assert "OWNER" not in (ROOT / paper).read_text("utf-8")


def test_a_page_that_is_shown_anywhere_has_links_from_the_root():
    page = '<link href="_static/site.css"><a href="#main"><a href="https://x.org"><a href="/y">'
    assert finish.rooted(page, "/models/") == page.replace('"_static', '"/models/_static')


def test_the_sitemap_lists_the_pages(tmp_path):
    for file in ("index.html", "404.html", "notebooks/01.html", "search.html"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("")
    listed = re.findall("<loc>(.*)</loc>", finish.sitemap(tmp_path, "https://a.org/m/"))
    assert listed == ["https://a.org/m/", "https://a.org/m/notebooks/01.html"]


# ---- search, paper ------------------------------------------------------------------------------


def test_words_lead_to_the_glossary_and_to_lessons():
    terms = glossary_terms(nbformat.read(LESSONS / "glossary.ipynb", as_version=4))
    assert set(search_words.SAME) <= set(terms)
    script = search_words.search_words(terms)
    found = json.loads(script.removeprefix("const SEARCH_WORDS = ").rstrip(";\n"))
    asked = {word: address for words, _, address in found for word in words}
    assert asked["vpc"].startswith("notebooks/")
    assert asked["centering"] == "notebooks/glossary.html#centring"
    assert asked["glmer"].startswith("notebooks/12-")
    assert asked["lmer"] == "notebooks/phrasebook.html"
    for _, _, page in search_words.PAGES:
        if page.startswith("notebooks/"):
            assert (ROOT / f"{page}.ipynb").exists(), page


def test_links_between_the_articles_of_the_book_stay_inside_it(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "a.html").write_text(
        '<article><h1 id="x">A</h1><a href="b.html#y">b</a> <a href="#x">x</a> <a href="c.html">c</a>'
        '<img src="images/p.png" loading="lazy"><a href="https://d.org">d</a></article>'
    )
    pages = ["notebooks/a.html", "notebooks/b.html"]
    text = article(tmp_path, "notebooks/a.html", pages)
    assert name("notebooks/a.html") == "notebooks-a"
    assert '<h1 id="notebooks-a-x">' in text and 'href="#notebooks-b-y"' in text
    assert 'href="#notebooks-a-x"' in text and 'src="notebooks/images/p.png"' in text
    assert "c.html" not in text and "lazy" not in text and "https://d.org" in text


CHEAT = (ROOT / "site" / "pages" / "cheat-sheet.md").read_text("utf-8")
ROWS = [
    [cell.strip().replace("\\|", "|").strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in CHEAT.splitlines()
    if line.startswith("| `y ~")
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_cheat_sheet_says_what_translate_says(row):
    """With the pupils of the course for y, x, room and pupil."""
    data = load("pupils_three_years").assign(n=1)
    data = data.rename(columns={"test_score": "y", "age": "x", "classroom": "room"})
    data = data.rename(columns={"student_id": "pupil"})
    formula, _, statsmodels, r = row
    assert r == formula
    means = translate(formula, data)
    if "np.ones" in statsmodels:  # crossed: one block that holds all
        pieces = eval(f"dict({statsmodels})", {"np": __import__("numpy"), "data": data})
        assert len(pieces["groups"]) == len(data)
    else:
        pieces = eval(f"dict({statsmodels})")
        assert pieces["groups"] == means.groups
        assert pieces.get("re_formula") == means.re_formula
    expected = (means.vc_formula or {}).values()
    assert len(pieces.get("vc_formula", {})) == len(expected)
