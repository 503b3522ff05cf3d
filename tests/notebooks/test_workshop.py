"""The one-day set, and the table of times."""

import ast
import builtins
import re
from functools import cache
from pathlib import Path

import build
import pytest
import workshop
from times import LIMIT, minutes

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
SCRIPTS = sorted((NOTEBOOKS / "source").glob("*.py"))
TIMES = NOTEBOOKS / "TIMES.md"

DAY = [script for script in SCRIPTS if script.stem[:2] in {f"{number:02}" for number in range(7)}]

read = cache(build.read)  # a lesson is read by many tests, and changed by none


@pytest.mark.slow
def test_the_day_has_the_first_seven_lessons_and_six_hours():
    minutes = {script: workshop.workshop_minutes(read(script)) for script in SCRIPTS}
    assert [script for script in SCRIPTS if minutes[script] is not None] == DAY
    assert len(DAY) == 7
    breaks = 15 + 60 + 15
    assert sum(minutes[script] for script in DAY) + breaks == 6 * 60


def names(code: str) -> tuple[set[str], set[str]]:
    """Names that a cell defines at its top level, and names that it needs from outside."""
    tree = ast.parse(code)
    defined, needed = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (needed if isinstance(node.ctx, ast.Load) else defined).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.arg):
            defined.add(node.arg)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            defined |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ExceptHandler) and node.name:
            defined.add(node.name)
    return defined, needed


@pytest.mark.slow
@pytest.mark.parametrize("script", DAY, ids=lambda script: script.stem)
def test_the_workshop_needs_nothing_from_the_sections_left_out(script):
    known = set(dir(builtins))
    for cell in workshop.without_self_study(build.learner(read(script))).cells:
        if cell.cell_type == "code":
            defined, needed = names(cell.source)
            assert needed <= known | defined, f"{needed - known - defined}: {cell.source[:80]}"
            known |= defined


@pytest.mark.slow
@pytest.mark.parametrize("script", DAY, ids=lambda script: script.stem)
def test_the_workshop_changes_no_data_in_the_sections_left_out(script):
    """A column made there would be missing in the workshop."""
    cells = read(script).cells
    made = {
        column
        for cell in cells
        if cell.cell_type == "code" and "self-study" in cell.metadata.tags
        for column in re.findall(r'^pupils\["(\w+)"\] =', cell.source, flags=re.MULTILINE)
    }
    in_workshop = "\n".join(
        cell.source
        for cell in cells
        if cell.cell_type == "code" and "self-study" not in cell.metadata.tags
    )
    made_there = set(re.findall(r'^pupils\["(\w+)"\] =', in_workshop, flags=re.MULTILINE))
    for column in made - made_there:
        assert not re.search(rf"\b{column}\b", in_workshop), column


def test_without_self_study_nothing_else_is_lost():
    for script in DAY:
        lesson = read(script)
        kept = workshop.without_self_study(lesson)
        left_out = [cell for cell in lesson.cells if cell not in kept.cells]
        assert all("self-study" in cell.metadata.tags for cell in left_out)


# -- times -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_table_of_times_names_every_notebook_with_its_minutes():
    table = TIMES.read_text("utf-8")
    rows = re.findall(r"^\| \[([\w-]+)\]\((\S+)\) \| (\d*) \| (\d*) \|", table, flags=re.MULTILINE)
    stated = [(script.stem, f"{script.stem}.ipynb", *minutes(read(script))) for script in SCRIPTS]
    assert sorted(rows) == sorted(stated)


def test_all_notebooks_run_within_four_minutes():
    (total,) = re.findall(r"Together (\d+) s", TIMES.read_text("utf-8"))
    assert int(total) < LIMIT == 240


@pytest.mark.slow
def test_the_way_round_states_the_minutes_that_the_lessons_state():
    start = (NOTEBOOKS / "source" / "00-start-here.py").read_text("utf-8")
    rows = re.findall(
        r"^# \| \[\d\d [^\]]*\]\((\S+)\.ipynb\) \|.*\| ?(\d*) \| (\d+) \|$", start, re.M
    )
    lessons = [script for script in SCRIPTS if script.stem[:2].isdigit()]
    assert rows == [(script.stem, *minutes(read(script))) for script in lessons]
