"""What every lesson must hold, besides that nbval finds its outputs again.

Nothing is executed here but one small lesson of this file's own: the stored inputs are compared
with the source, the stored outputs are looked at. That the outputs are those of the inputs is what
``pytest --nbval`` tests.
"""

import base64
import importlib.util
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from drawn import colours_off_the_palette

from course.exercises.check import all_exercises, find

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
SCRIPTS = sorted((NOTEBOOKS / "source").glob("*.py"))
STORED = sorted([*NOTEBOOKS.glob("*.ipynb"), *(NOTEBOOKS / "solutions").glob("*.ipynb")])
LESSONS = [script for script in SCRIPTS if script.stem[:2].isdigit()]

# Cells whose output differs from machine to machine, by lesson and first line: few, and for a reason.
OUTPUT_IGNORED = {"00-start-here": "from course import doctor"}  # names the versions it finds

spec = importlib.util.spec_from_file_location("build", NOTEBOOKS / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)


def place(path: Path) -> str:
    return str(path.relative_to(NOTEBOOKS))


each_stored = pytest.mark.parametrize("path", STORED, ids=place)
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
each_lesson = pytest.mark.parametrize("script", LESSONS, ids=lambda path: path.stem)


read = cache(build.read)  # a lesson is read by many tests, and changed by none


@cache
def stored(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def inputs(notebook) -> tuple:
    """All of a notebook but what running it leaves behind."""
    cells = [(c.id, c.cell_type, c.source, dict(c.metadata)) for c in notebook.cells]
    return dict(notebook.metadata), cells


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def stored_cells() -> Iterator[tuple[str, nbformat.NotebookNode]]:
    """Each cell of each stored notebook, with where it is: file and beginning."""
    for path in STORED:
        for cell in stored(path).cells:
            yield f"{place(path)}, {cell.source[:60]!r}", cell


def stored_outputs() -> Iterator[tuple[str, nbformat.NotebookNode]]:
    """Each output of each stored notebook, with where it is."""
    for where, cell in stored_cells():
        for output in cell.get("outputs", ()):
            yield where, output


def text_of(output) -> str:
    data = output.get("data", {})
    return "\n".join(
        [output.get("text", ""), *(text for mime, text in data.items() if "text" in mime)]
    )


# -- one source ------------------------------------------------------------------------------


@pytest.mark.slow
@each_script
def test_notebooks_are_those_of_their_source(script):
    lesson = read(script)
    assert inputs(stored(NOTEBOOKS / f"{script.stem}.ipynb")) == inputs(build.learner(lesson))
    if build.has_solutions(lesson):
        worked = stored(NOTEBOOKS / "solutions" / f"{script.stem}.ipynb")
        assert inputs(worked) == inputs(build.solutions(lesson))


def test_every_notebook_has_a_source():
    assert {path.stem for path in STORED} == {script.stem for script in SCRIPTS}


@each_script
def test_stub_and_solution_differ_only_in_the_answers(script):
    learner = stored(NOTEBOOKS / f"{script.stem}.ipynb")
    path = NOTEBOOKS / "solutions" / f"{script.stem}.ipynb"
    if not path.exists():
        assert "..." not in [line for cell in code_cells(learner) for line in cell.source.split()]
        return
    worked = {cell.id: cell for cell in stored(path).cells}
    for cell in learner.cells:
        answer = worked[cell.id]
        if cell.cell_type == "markdown":
            continue  # links may differ; test_notebooks_are_those_of_their_source has the text
        assert "#!" not in answer.source
        pairs = list(itertools.zip_longest(cell.source.splitlines(), answer.source.splitlines()))
        stubs = [(stub, line) for stub, line in pairs if stub != line]
        assert bool(stubs) == ("exercise" in cell.metadata.tags), cell.source
        for stub, line in stubs:
            kept = stub.split("...")[0]
            assert "..." in stub and line.startswith(kept), f"{stub!r} against {line!r}"


TINY = """# %% [markdown] tags=["workshop"]
# # A lesson
# See [the other](other.ipynb), [here](#a-lesson) and [there](https://example.org).

# %% tags=["workshop"]
import sys
print("one"); sys.stdout.flush(); print("two")
6 * 7

# %% [markdown] tags=["workshop", "solution"]
# Because.

# %% tags=["workshop", "exercise", "solution"]
# a comment stays
answer = 6 * 7  #!
low, high = 1, 2  #!
print("given" if answer is ... else answer)

# %% tags=["workshop"]
6 * 7
"""


@pytest.mark.slow
def test_building_twice_gives_the_same_bytes(tmp_path):
    script = tmp_path / "tiny.py"
    script.write_text(TINY, encoding="utf-8")
    first = [path.read_bytes() for path in build.build(script, tmp_path)]
    paths = build.build(script, tmp_path)
    assert first == [path.read_bytes() for path in paths]

    learner, worked = (stored(path) for path in paths)
    assert learner.cells[3].source == (
        "# a comment stays\nanswer = ...\nlow, high = ..., ...\n"
        'print("given" if answer is ... else answer)'
    )
    assert learner.cells[3].outputs[0].text == "given\n"
    assert worked.cells[5].outputs[0].text == "42\n"
    assert learner.cells[2].outputs[0].text == "one\ntwo\n"
    assert "Because." not in str(learner) and "Because." in str(worked)
    assert "(../other.ipynb), [here](#a-lesson) and [there](https://" in worked.cells[1].source
    assert [cell.id for cell in worked.cells[1:] if cell.source != "Because."] == [
        cell.id for cell in learner.cells
    ]


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        ('# %% tags=["workshop", "wrokshop"]\n1', "unknown tag wrokshop"),
        ("# %%\n1", "exactly one of the tags"),
        ('# %% tags=["workshop", "self-study"]\n1', "exactly one of the tags"),
        ('# %% tags=["workshop", "solution"]\nx = 1', "go together"),
        ('# %% tags=["workshop"]\nx = 1  #!', "go together"),
    ],
)
def test_a_source_with_a_slip_is_refused(tmp_path, cell, complaint):
    script = tmp_path / "tiny.py"
    script.write_text(cell + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        build.read(script)


def test_a_marked_line_must_be_a_statement():
    with pytest.raises(SyntaxError):
        build.stub("x = sum(  #!\n    y)")


# -- outputs ---------------------------------------------------------------------------------


def test_every_cell_was_executed_in_order():
    faults = []
    for path in STORED:
        counts = [cell.execution_count for cell in code_cells(stored(path))]
        if counts != list(range(1, len(counts) + 1)):
            faults.append(f"{place(path)}: {counts}")
    assert not faults, "\n".join(faults)


FOREIGN = re.compile(
    r"0x[0-9a-f]{6,}"  # <object at 0x7f...>
    r"|/(home|tmp|root|work|usr|opt|mnt|Users|var)/|[A-Z]:\\|site-packages"
    r"|\b\d{1,2}:\d{2}:\d{2}\b"  # a time of day
    r"|\bit/s\b|\d+%\|"  # a progress bar
)


def test_outputs_speak_of_no_machine_and_no_moment():
    faults = []
    for where, output in stored_outputs():
        if output.output_type == "error" or output.get("name") == "stderr":
            faults.append(f"{where}: {output.get('text') or output.get('evalue')}")
        if found := FOREIGN.search(text_of(output)):
            faults.append(f"{where}: {found[0]!r} in the output")
    assert not faults, "\n".join(faults)


def test_foreign_text_is_found():
    for text in ["<Line2D at 0x7f3b5c0d1e50>", "/home/ann/x.csv:3: Warning", "12:31:05"]:
        assert FOREIGN.search(text)
    assert not FOREIGN.search("school 12: 31.05 points, 1/2 of the variance")


def test_outputs_are_compared_but_for_named_exceptions():
    faults = []
    for path in STORED:
        for cell in stored(path).cells:
            tags, first = set(cell.metadata.tags), cell.source.partition("\n")[0]
            if "raises-exception" in tags:
                faults.append(f"{place(path)}, {first}: tagged raises-exception")
            if re.search(r"NBVAL_(IGNORE|RAISES|SKIP)", cell.source):
                faults.append(f"{place(path)}, {first}: a comment for nbval")
            if "nbval-ignore-output" in tags:
                if OUTPUT_IGNORED.get(path.stem) != first:
                    faults.append(f"{place(path)}, {first}: is no named exception")
                if cell.outputs != []:
                    faults.append(f"{place(path)}, {first}: has outputs, which nobody compares")
    assert not faults, "\n".join(faults)


def test_statsmodels_code_is_run_as_it_was_printed():
    """Where a lesson prints what `translate` wrote, the next cell runs this very text."""
    faults = []
    for path in STORED:
        for cell, following in itertools.pairwise(code_cells(stored(path))):
            printed = "".join(text_of(output) for output in cell.outputs).strip()
            if printed.startswith("import") and "smf.mixedlm(" in printed:
                if printed not in following.source:
                    faults.append(f"{place(path)}, after {cell.source!r}: {following.source!r}")
    assert not faults, "\n".join(faults)


# -- pictures --------------------------------------------------------------------------------


def pictures(notebook) -> list:
    return [
        output
        for cell in code_cells(notebook)
        for output in cell.outputs
        if any(mime.startswith("image/") for mime in output.get("data", {}))
    ]


def test_every_picture_has_alternative_text():
    faults = []
    for path in STORED:
        for picture in pictures(stored(path)):
            if list(picture.data) != ["image/png", "text/plain"]:
                faults.append(f"{place(path)}: a picture of {list(picture.data)}")
            alt = picture.metadata.get("image/png", {}).get("alt", "")
            if len(alt) < 60:
                faults.append(f"{place(path)}: says too little: {alt!r}")
            if alt != picture.data.get("text/plain"):  # which nbval compares
                faults.append(f"{place(path)}: printed otherwise: {alt!r}")
            if not re.search(r"\d", alt):
                faults.append(f"{place(path)}: no number to compare: {alt!r}")
    assert not faults, "\n".join(faults)


@pytest.mark.slow
@each_stored
def test_pictures_use_a_palette_safe_for_colour_blind_readers(path):
    for picture in pictures(stored(path)):
        assert colours_off_the_palette(base64.b64decode(picture.data["image/png"])) == []


@pytest.mark.parametrize(
    ("colours", "safe"),
    [
        (["#0173b2", "#de8f05"], True),
        (["red", "#0173b2"], False),
        (["tab:green"], False),
        (["#8fce00"], False),
    ],
)
def test_an_unsafe_palette_is_found(colours, safe):
    figure, ax = plt.subplots()
    for place, colour in enumerate(colours):
        ax.bar(place, 1, color=colour, alpha=0.8 if safe else 1.0)
    page = io.BytesIO()
    figure.savefig(page, format="png")
    plt.close(figure)
    assert (colours_off_the_palette(page.getvalue()) == []) == safe


# -- text ------------------------------------------------------------------------------------

LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


@cache
def anchors(path: Path) -> list[str]:
    """Of the headings, as JupyterLab and nbconvert make them."""
    cells = stored(path).cells
    headings = re.findall(
        r"^#+ (.+)$",
        "\n".join(c.source for c in cells if c.cell_type == "markdown"),
        flags=re.MULTILINE,
    )
    return [re.sub(r"[*`]", "", heading).strip().replace(" ", "-") for heading in headings]


def leads_somewhere(target: str, path: Path) -> bool:
    """Whether a link of the notebook at `path` is of the web, or to a place in the repository."""
    file, _, anchor = target.partition("#")
    if re.match(r"\w+:", target):
        return target.startswith("https://")
    goal = (path.parent / file).resolve() if file else path
    if not (goal.exists() and goal.is_relative_to(ROOT)):
        return False
    return not anchor or anchor in anchors(goal)


def test_no_link_and_no_term_of_the_glossary_is_dead():
    dead = [
        f"{place(path)}: [{text}]({target})"
        for path in STORED
        for cell in stored(path).cells
        if cell.cell_type == "markdown"
        for text, target in LINK.findall(cell.source)
        if not leads_somewhere(target, path)
    ]
    assert not dead, "\n".join(dead)


def test_the_glossary_is_in_order():
    terms = anchors(NOTEBOOKS / "glossary.ipynb")[1:]
    assert terms == sorted(set(terms), key=str.lower)


@pytest.mark.slow
def test_a_lesson_keeps_its_contract():
    faults = []
    for script in LESSONS:
        cells = read(script).cells
        opening, closing = cells[0].source, "\n".join(cell.source for cell in cells[-3:])
        if not opening.startswith("# "):
            faults.append(f"{script.stem} has no title")
        for part in ("you will be able to", "**Time:**", "**Before:**", "**Data:**"):
            if part not in opening:
                faults.append(f"{script.stem} does not open with: {part}")
        for part in ("Key points", "next"):
            if part not in closing:
                faults.append(f"{script.stem} does not close with: {part}")
    assert not faults, "\n".join(faults)


@pytest.mark.slow
def test_sections_for_self_study_say_so():
    """A section is of one route, and its heading tells which, since nobody sees tags."""
    faults = []
    for script in LESSONS:
        heading = ""
        for cell in read(script).cells:
            found = re.search(r"^#+ .+", cell.source) if cell.cell_type == "markdown" else None
            heading = found[0] if found else heading
            alone = "self-study" in cell.metadata.tags
            if alone != heading.endswith("(self-study)"):
                faults.append(f"{script.stem}, {heading}: {cell.source[:60]}")
    assert not faults, "\n".join(faults)


@pytest.mark.slow
@each_lesson
def test_exercises_are_asked_and_checked_in_order(script):
    number = script.stem[:2]
    cells = read(script).cells
    checked = [
        id
        for cell in cells
        if cell.cell_type == "code"
        for id in re.findall(r'check\("([\d.]+)"', cell.source)
    ]
    asked = [
        id
        for cell in cells
        if cell.cell_type == "markdown"
        for id in re.findall(r"^\*\*Exercise (\d\d\.\d+)\.", cell.source, flags=re.MULTILINE)
    ]
    defined = [id for id in all_exercises() if id.startswith(number + ".")]
    assert checked == asked == defined
    assert all(find(id).id == id for id in checked)


@each_lesson
def test_every_worked_answer_is_right(script):
    path = NOTEBOOKS / "solutions" / f"{script.stem}.ipynb"
    if not path.exists():
        return
    printed = "\n".join(
        text_of(output) for cell in code_cells(stored(path)) for output in cell.outputs
    )
    right = re.findall(r"^([\d.]+) is right\.", printed, flags=re.MULTILINE)
    defined = [id for id in all_exercises() if id.startswith(script.stem[:2] + ".")]
    assert right == defined
    assert "not yet" not in printed and "is waiting" not in printed


@each_lesson
def test_unanswered_exercises_wait(script):
    learner = stored(NOTEBOOKS / f"{script.stem}.ipynb")
    printed = "\n".join(text_of(output) for cell in code_cells(learner) for output in cell.outputs)
    waiting = Counter(re.findall(r"^([\d.]+) is waiting:", printed, flags=re.MULTILINE))
    defined = [id for id in all_exercises() if id.startswith(script.stem[:2] + ".")]
    assert waiting == Counter(defined)
    assert not re.search(r"^[\d.]+ is right\.", printed, flags=re.MULTILINE)
    assert "not yet" not in printed
