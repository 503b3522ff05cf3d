"""Multiple choice on the page: a reader chooses, and gets what `check` says in a notebook.

The answers to all letters are computed when the site is built, by the exercises themselves, so a hint
stands in one place only. Without JavaScript the question is there to be read, as in the notebook.
"""

import html
import json
import re

from nbformat import NotebookNode

from course.exercises.check import all_exercises
from course.exercises.exercise import Choice, Data, judge

NUMBER = re.compile(r"\*\*Exercise (\d\d\.\d+)\.?\*\*|check\(\s*[\"'](\d\d\.\d+)[\"']")
OPTION = re.compile(r"^- ([a-z])\) (.*(?:\n  +\S.*)*)", re.MULTILINE)
DATA = Data()


def choices(cells: list[NotebookNode]) -> dict[str, str]:
    """The letters of a multiple-choice exercise that these cells ask, with what may be chosen."""
    source = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    exercise = all_exercises().get(number(cells))
    if exercise is None or not isinstance(exercise.kind, Choice):
        return {}
    found = {letter: " ".join(text.split()) for letter, text in OPTION.findall(source)}
    if list(found) != list(exercise.kind.letters):
        raise ValueError(
            f"exercise {exercise.id} offers {list(found)}, not {exercise.kind.letters}"
        )
    return found


def number(cells: list[NotebookNode]) -> str:
    """The number of the exercise that these cells are about."""
    found = NUMBER.search("\n".join(cell.source for cell in cells))
    return next(filter(None, found.groups())) if found else ""


def question(cells: list[NotebookNode]) -> str:
    """The text of the question, without what may be chosen."""
    source = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return OPTION.sub("", source).strip()


def quiz(cells: list[NotebookNode]) -> str:
    """The form with what may be chosen, as HTML; each choice carries what `check` says of it."""
    exercise = all_exercises()[number(cells)]
    name = f"quiz-{exercise.id.replace('.', '-')}"
    verdicts = {}
    lines = []
    for letter, text in choices(cells).items():
        verdict = judge(exercise, letter, DATA)
        verdicts[letter] = [bool(verdict.right), verdict.message]
        lines.append(
            f'<label><input type="radio" name="{name}" value="{letter}"> '
            f"<span>{letter}) {inline(text)}</span></label>"
        )
    said = html.escape(json.dumps(verdicts, ensure_ascii=False), quote=True)
    return (
        f'<form class="quiz" id="{name}" data-verdicts="{said}">\n<fieldset>\n'
        f'<legend class="unseen">Exercise {exercise.id}: choose an answer</legend>\n'
        + "\n".join(lines)
        + '\n</fieldset>\n<p class="verdict" role="status"></p>\n</form>'
    )


def inline(text: str) -> str:
    """Markdown within a line as HTML: code, formulas, emphasis and links' words."""
    text = html.escape(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text), quote=False)
    text = re.sub(r"\$([^$]+)\$", r'<span class="math">\\(\1\\)</span>', text)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text)
