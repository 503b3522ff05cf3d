"""Learners' first steps in JupyterLab, taken in a browser on a copy of the lessons."""

import json
import os
import re
import secrets
import shlex
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from chromium import ROOT, until
from playwright.sync_api import Browser, Locator, Page, expect

from course import load, mixedlm, simulate_schools
from course.exercises.check import find
from course.lessons import copy_lessons

READY = 120  # seconds: JupyterLab and its kernels are slow starters on a busy machine
RUN = 180


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab, and the folder with the copy of the lessons that it shows."""

    address: str
    token: str
    folder: Path

    def get(self, path: str) -> list | dict:
        """Answer of the server's interface."""
        with urllib.request.urlopen(f"{self.address}/{path}?token={self.token}") as answer:
            return json.load(answer)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def lab_command() -> list[str]:
    """The command of `make lab`, for the Python that runs the tests."""
    shown = subprocess.run(
        ["make", "-n", "lab"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    _python, *arguments = shlex.split(shown.stdout.splitlines()[-1])
    assert arguments[:2] == ["-m", "jupyterlab"]
    return [sys.executable, *arguments]


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    copy_lessons(folder / "my-work")
    # Neither the settings of who runs the tests nor an old session's open tabs.
    home = {
        name: str(folder / "home" / name)
        for name in (
            "IPYTHONDIR",
            "JUPYTERLAB_SETTINGS_DIR",
            "JUPYTERLAB_WORKSPACES_DIR",
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "JUPYTER_RUNTIME_DIR",
        )
    }
    port, token = free_port(), secrets.token_hex(16)
    options = ["--no-browser", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    log = folder / "jupyterlab.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [*lab_command(), *options, f"--IdentityProvider.token={token}"],
            cwd=folder,
            env={**os.environ, **home},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    lab = Lab(f"http://127.0.0.1:{port}", token, folder)

    def answers() -> bool:
        assert server.poll() is None, log.read_text("utf-8")
        try:
            return bool(lab.get("api/status"))
        except OSError:
            return False

    try:
        until(answers, READY, "JupyterLab to answer")
        yield lab
    finally:
        server.terminate()
        server.wait(30)


class Notebook:
    """A notebook in JupyterLab, used as a learner uses it: by menu, mouse and keyboard."""

    def __init__(self, page: Page, lab: Lab, name: str) -> None:
        self.page = page
        self.lab = lab
        self.path = name
        self.file = lab.folder / "my-work" / name
        page.goto(f"{lab.address}/lab/tree/{self.path}?token={lab.token}")
        # JupyterLab opens what was open last time as well, behind it.
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        expect(self.panel.locator(".jp-CodeCell").first).to_be_visible(timeout=READY * 1000)
        until(self._idle, READY, "the kernel to start")

    def _idle(self) -> bool:
        """The kernel of this notebook is there, and has nothing to do."""
        sessions = self.lab.get("api/sessions")
        (state,) = [
            session["kernel"]["execution_state"]
            for session in sessions
            if session["path"] == self.path
        ] or ["absent"]
        shown = self.panel.locator(".jp-Notebook-ExecutionIndicator").get_attribute("data-status")
        return state == shown == "idle"

    def _on_disk(self) -> dict | None:
        """The notebook as it lies in the folder; None while JupyterLab writes it."""
        try:
            return json.loads(self.file.read_text("utf-8"))
        except ValueError:  # nothing is there yet, or only a part
            return None

    def menu(self, menu: str, item: str) -> None:
        """Choose from the menu."""
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        # Not by its role: the name of an item ends in its keyboard shortcut.
        self.page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).click()

    def cell(self, part: str) -> Locator:
        """The one code cell that has this in its text.

        It is counted off in the file: the page itself holds the text of what is in sight, no more.
        """
        cells = code_cells(until(self._on_disk, 30, f"{self.path} to be written"))
        (place,) = [i for i, cell in enumerate(cells) if part in "".join(cell["source"])]
        return self.panel.locator(".jp-CodeCell").nth(place)

    def write(self, cell: Locator, code: str) -> None:
        """Replace the text of a cell."""
        cell.scroll_into_view_if_needed()
        cell.locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(code)

    def run(self, cell: Locator) -> Locator:
        """Run a cell by keyboard; its output."""
        before = cell.locator(".jp-InputPrompt").inner_text()
        self.page.keyboard.press("Control+Enter")
        prompt = re.compile(rf"^(?!{re.escape(before)})\[\d+\]:$")
        expect(cell.locator(".jp-InputPrompt")).to_have_text(prompt, timeout=RUN * 1000)
        return cell.locator(".jp-OutputArea-output")

    def run_all(self) -> dict:
        """Run all cells by menu; the notebook as it is then, saved."""
        self.menu("Edit", "Clear Outputs of All Cells")
        prompts = self.panel.locator(".jp-CodeCell .jp-InputPrompt")
        expect(prompts.last).to_have_text("[ ]:")
        self.menu("Run", "Run All Cells")

        def finished() -> bool:
            """No cell waits; after an error, those that did are let go."""
            waiting = "prompts => prompts.some(p => p.textContent.includes('*'))"
            return not prompts.evaluate_all(waiting) and self._idle()

        expect(prompts.first).not_to_have_text("[ ]:")
        until(finished, RUN, f"{self.path} to run")
        counts = [number.strip("[]: ") for number in prompts.all_text_contents()]
        before = self.file.stat().st_mtime_ns
        self.menu("File", "Save Notebook")
        until(lambda: self.file.stat().st_mtime_ns > before, 30, f"{self.path} to be saved")
        notebook = until(self._on_disk, 30, f"{self.path} to be written")
        assert counts == [str(cell["execution_count"] or "") for cell in code_cells(notebook)]
        return notebook


def code_cells(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def printed(notebook: dict) -> str:
    """All that the cells printed, on one line."""
    outputs = [output for cell in code_cells(notebook) for output in cell["outputs"]]
    return " ".join("".join(part for o in outputs for part in o.get("text", [])).split())


def assert_ran_without_error(notebook: dict) -> None:
    for cell in code_cells(notebook):
        errors = [o["evalue"] for o in cell["outputs"] if o["output_type"] == "error"]
        assert not errors, (errors, "".join(cell["source"]))
    assert [cell["execution_count"] for cell in code_cells(notebook)] == list(
        range(1, len(code_cells(notebook)) + 1)
    )


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


def test_lab_opens_on_the_first_lesson(lab, page):
    page.goto(f"{lab.address}/?token={lab.token}")
    heading = page.locator(".jp-NotebookPanel h1").first
    expect(heading).to_contain_text("Start here", timeout=READY * 1000)


def test_lesson_02_runs_and_its_exercise_answers(lab, page):
    lesson = Notebook(page, lab, "02-random-intercepts.ipynb")
    assert_ran_without_error(lesson.run_all())
    expect(lesson.panel.locator("img").first).to_be_attached()

    exercise = find("02.1")
    cell = lesson.cell('check("02.1"')
    expect(cell.locator(".jp-OutputArea-output")).to_contain_text("02.1 is waiting")
    # Rows of Z where its columns were asked for: one of the slips that have a hint of their own.
    rows = len(load("pupils"))
    (hint,) = [
        slip.hint for slip in exercise.slips if slip.wrong({"pupils": load("pupils")}) == rows
    ]
    lesson.write(cell, 'columns_of_Z = len(pupils)\ncheck("02.1", columns_of_Z)')
    expect(lesson.run(cell)).to_have_text(
        re.compile(rf"^\W* ?02\.1 not yet: {re.escape(hint)}\s*$")
    )

    lesson.write(cell, 'columns_of_Z = pupils["classroom"].nunique()\ncheck("02.1", columns_of_Z)')
    right = re.compile(rf"^\W* ?02\.1 is right\. {re.escape(exercise.because)}\s*$")
    expect(lesson.run(cell)).to_have_text(right)


def test_bring_your_own_data_takes_a_csv_that_was_uploaded(lab, page, tmp_path):
    pupils = simulate_schools(seed=11, missing={"age": 0.02}).data
    mine = pupils.rename(columns={"test_score": "reading", "age": "years", "school": "campus"})
    mine = mine[["reading", "years", "sex", "classroom", "campus"]]
    mine.to_csv(tmp_path / "reading.csv", index=False)
    expected = mixedlm("reading ~ years + sex + (1|classroom) + (1|campus)", mine).fit()

    own = Notebook(page, lab, "bring-your-own-data.ipynb")
    files = page.locator(".jp-DirListing-item")
    expect(files.filter(has_text="bring-your-own-data.ipynb")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        page.locator('.jp-FileBrowser [data-jp-item-name="uploader"] jp-button').click()
    chooser.value.set_files(tmp_path / "reading.csv")
    # the list is read again every ten seconds
    expect(files.filter(has_text="reading.csv")).to_be_visible(timeout=READY * 1000)

    page.get_by_role(
        "tab", name="bring-your-own-data.ipynb"
    ).click()  # from the table just uploaded

    own.write(
        own.cell("file = data_file("),
        'file = "reading.csv"\nlabels = ["classroom", "campus"]\nna_values, sheet = [], None',
    )
    own.write(
        own.cell('response = "'),
        'response = "reading"\npredictors = ["years", "sex"]\ngroups = ["classroom", "campus"]',
    )
    own.write(own.cell('groups = ["school"]'), 'groups = ["classroom", "campus"]')
    notebook = own.run_all()
    assert_ran_without_error(notebook)
    said = printed(notebook)
    assert "both solvers agree: True" in said
    assert f"{len(mine):,} rows" in said
    assert f"{expected.nobs:,}" in said
    assert f"{expected.fe_params['years']:.2f}" in said
