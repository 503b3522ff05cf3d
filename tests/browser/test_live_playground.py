"""The playground: one's own table, from the file to the paragraph, without leaving the machine."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from chromium import seen_by_axe, too_wide
from playwright.sync_api import Page, expect

from course import mixedlm

START = 240_000  # milliseconds: on a machine that has much to do, packages are long in importing
RUN = 120_000
FORMULA = "score ~ age + (1 | school)"


@pytest.fixture
def playground(visit) -> Page:
    """The page; at the end nothing may have gone wrong on it, and nothing have left the machine."""
    page = visit("playground.html")
    page.set_default_timeout(RUN)
    return page


@pytest.fixture(scope="module")
def pupils() -> pd.DataFrame:
    """Twelve schools with numbers for labels."""
    rng = np.random.default_rng(17)
    school = np.repeat(np.arange(1, 13), 10)
    age = rng.uniform(6, 12, 120).round(1)
    score = 40 + 3 * age + rng.normal(0, 4, 12)[school - 1] + rng.normal(0, 5, 120)
    return pd.DataFrame({"score": score.round(1), "age": age, "school": school})


@pytest.fixture
def file(pupils, tmp_path) -> Callable[..., Path]:
    """A function that writes the pupils into a file, as `DataFrame.to_csv` is told to."""

    def file(**how) -> Path:
        pupils.to_csv(tmp_path / "mine.csv", index=False, **how)
        return tmp_path / "mine.csv"

    return file


def opened(page: Page, path: Path) -> Page:
    """The same page, with the file read and what is to be explained chosen."""
    page.get_by_label("A CSV file").set_input_files(path)
    response = page.get_by_label("What is to be explained")
    expect(response).to_be_visible(timeout=START)
    response.select_option("score")
    page.get_by_role("group", name="Explained by").get_by_label("age").check()
    expect(page.get_by_label("Formula")).to_have_value(FORMULA)
    return page


def fitted(page: Page) -> Page:
    page.get_by_role("button", name="Fit this model").click()
    expect(page.get_by_role("status")).to_contain_text("The model is fitted", timeout=RUN)
    return page


def problem(page: Page) -> str:
    """The sentence that says what is wrong."""
    alert = page.get_by_role("alert")
    expect(alert).to_be_visible(timeout=START)
    return alert.inner_text()


def test_nothing_is_loaded_before_a_table_is_chosen(contexts, address):
    page, asked = contexts["desktop"].new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/playground.html")
    page.wait_for_load_state("networkidle")
    assert [url for url in asked if url.endswith((".bin", "worker.js", "engine.json"))] == []
    page.close()


def test_from_a_file_with_numbers_for_labels_to_what_one_takes_home(playground, file, pupils):
    page = fitted(opened(playground, file()))
    results = page.locator("[data-results]")
    fit = mixedlm(FORMULA, pupils).fit()
    for name in ("age", "Intercept"):
        expect(results).to_contain_text(f"{name} {fit.fe_params[name]:.4g}"[:7])
    expect(results).to_contain_text("12 school")
    expect(results).to_contain_text("each of the 12 levels of school lies above or below")
    expect(results.locator("mjx-container")).to_have_count(1)
    expect(results.locator(".program")).to_contain_text("smf.mixedlm(")
    expect(results.locator("blockquote")).to_contain_text("A linear mixed model of score")
    pictures = results.locator("img")
    expect(pictures).to_have_count(4)
    assert all(len(alt) > 40 for alt in pictures.evaluate_all("all => all.map(one => one.alt)"))
    with page.expect_download() as script:
        results.get_by_role("link", name="analysis.py").click()
    assert 'data = read_table("mine.csv")' in script.value.path().read_text("utf-8")
    with page.expect_download() as notebook:
        results.get_by_role("link", name="analysis.ipynb").click()
    assert json.loads(notebook.value.path().read_text("utf-8"))["nbformat"] == 4


def test_semicolons_are_read_and_told_and_a_slope_is_one_click(playground, file):
    page = opened(playground, file(sep=";", decimal=","))
    expect(page.locator("[data-table]")).to_contain_text(
        "The columns of mine.csv are separated by semicolons; the commas in score and age are decimal ones."
    )
    slope = page.get_by_role("button", name="(age | school)")
    slope.click()
    expect(page.get_by_label("Formula")).to_have_value("score ~ age + (age | school)")
    expect(slope).to_have_attribute("aria-pressed", "true")
    slope.click()
    expect(page.get_by_label("Formula")).to_have_value(FORMULA)


def test_a_typo_in_the_formula_is_answered_with_a_sentence_and_mended(playground, file):
    page = opened(playground, file())
    page.get_by_label("Formula").fill("score ~ aeg + (1 | school)")
    page.keyboard.press("Enter")
    assert "'age'" in problem(page)
    assert "Traceback" not in problem(page)
    expect(page.locator("[data-results]")).to_be_empty()
    page.get_by_label("Formula").fill(FORMULA)
    fitted(page)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_what_is_no_table_is_answered_with_a_sentence(playground, tmp_path):
    tabs = tmp_path / "mine.csv"
    tabs.write_text("score\tage\n1\t2\n")
    playground.get_by_label("A CSV file").set_input_files(tabs)
    assert "separated by" in problem(playground)
    expect(playground.get_by_label("What is to be explained")).to_be_hidden()
    playground.get_by_label("A CSV file").set_input_files(
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"score\n1\n"}
    )
    expect(playground.get_by_role("alert")).to_contain_text("a table ends in .csv")


def test_a_fit_can_be_stopped_and_the_file_is_still_there(playground, file):
    page = opened(playground, file())
    page.get_by_role("button", name="Fit this model").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("status")).to_have_text("Stopped.")
    fitted(page)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_the_page_is_readable_for_all(playground, width, scheme):
    page = playground
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    page.get_by_label("or a data set of the course").select_option("pupils")
    expect(page.get_by_label("Formula")).to_have_value(
        "test_score ~ age + sex + (1 | classroom) + (1 | school) + (1 | province)", timeout=START
    )
    page.get_by_text("Its columns").click()
    fitted(page)
    expect(page.locator("mjx-container")).to_have_count(1)
    page.evaluate(
        "scrollTo(0, 0)"
    )  # the head of the page stays where one reads, and would lie over a button
    assert seen_by_axe(page) == []
    assert too_wide(page) == []
