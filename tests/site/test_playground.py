"""What the playground's page is told of a table and a formula."""

import contextlib
import json
import runpy
from itertools import count, islice
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from live.guest import playground
from matplotlib.figure import Figure

from course import diagnose, load, mixedlm, report, structure, translate

FORMULA = "score ~ age + (1 | school)"
OWN = 'my "own" pupils.csv'
STAMPS = count()  # the page gives each file that is dropped a number of its own
ALL = ["groups", "model", "code", "summary", *["picture"] * 4, "findings", "report", "files"]


def small() -> pd.DataFrame:
    """A small table in twelve schools."""
    rng = np.random.default_rng(17)
    school = np.repeat(np.arange(1, 13), 10)
    age = rng.uniform(6, 12, 120).round(1)
    score = 40 + 3 * age + rng.normal(0, 4, 12)[school - 1] + rng.normal(0, 5, 120)
    return pd.DataFrame(
        {"score": score.round(1), "age": age, "school": school, "sex": ["f", "m"] * 60}
    )


@pytest.fixture
def pupils(tmp_path, monkeypatch) -> pd.DataFrame:
    """The small table, and the folder that the page's Python would be in."""
    monkeypatch.chdir(tmp_path)
    return small()


@pytest.fixture(scope="module")
def analysed(tmp_path_factory) -> tuple[Path, list[dict]]:
    """The folder with the small table, and all pieces that the page is told of it."""
    folder = tmp_path_factory.mktemp("analysed")
    small().to_csv(folder / OWN, index=False)
    with contextlib.chdir(folder):
        return folder, asked("analyse", OWN, formula=FORMULA)


def asked(do: str, name: str, is_file: bool = True, **chosen) -> list[dict]:
    """What the page is told, by way of JSON as in the browser."""
    told = []
    source = {"name": name, "is_file": is_file, "stamp": next(STAMPS)}
    playground.reply(json.dumps({"do": do, "source": source, **chosen}), told.append)
    return json.loads(json.dumps(told, allow_nan=False))


def draw(figure: Figure, to, **how) -> None:
    """In place of `Figure.savefig`, where nobody looks at the picture: nothing is coloured in."""
    figure.draw_without_rendering()
    if isinstance(to, str):
        Path(to).touch()


def beginning(name: str, formula: str) -> dict:
    """The pieces of a file and a formula up to the summary, by name; pictures take most of the time."""
    source = playground.Source(name, is_file=True)
    return dict(islice(playground.pieces(source.read(), source, formula), 4))


def test_a_file_is_described_before_anything_is_fitted(pupils):
    pupils.loc[3, "age"] = np.nan
    pupils.to_csv("mine.csv", index=False)
    (table,) = asked("open", "mine.csv")
    assert table["rows"] == 120
    assert [column["name"] for column in table["columns"]] == list(pupils)
    assert [column["number"] for column in table["columns"]] == [True, True, True, False]
    assert [column["labels"] for column in table["columns"]] == [False, False, True, True]
    assert table["columns"][1]["missing"] == 1
    assert table["groups"] == ["school"]
    assert '<th scope="row">school</th><td>12</td><td>10</td>' in table["structure"]


@pytest.mark.slow
@pytest.mark.parametrize("name", playground.EXAMPLES)
def test_every_data_set_of_the_course_begins_with_a_formula_that_fits(name):
    (table,) = asked("open", name, is_file=False)
    (proposal,) = asked("propose", name, is_file=False, **table["example"])
    assert mixedlm(proposal["formula"], load(name)).design.n > 0


@pytest.mark.slow
def test_what_is_shown_is_what_the_package_says(analysed):
    pupils, (_, told) = small(), analysed
    assert [piece["piece"] for piece in told] == ALL
    groups, model, code, summary, *pictures, findings, reported, _ = told
    fit, translation = mixedlm(FORMULA, pupils).fit(), translate(FORMULA, pupils)
    assert summary["html"] == fit.summary()._repr_html_()
    assert code["code"] == translation.code
    assert model["latex"] == translation.latex
    assert model["sentences"][1].startswith("(1 | school): each of the 12 levels of school")
    assert reported["text"] == report(fit)
    assert set(structure(pupils, ["school"]).warnings) <= set(groups["sentences"])
    found = diagnose(fit, solvers=False, seconds=playground.SECONDS_FOR_INFLUENCE)
    assert findings["html"] == found._repr_html_()
    for picture in pictures:
        assert picture["png"].startswith("iVBOR")
        assert len(picture["alt"].split()) > 8


def test_integer_labels_are_labels(pupils):
    """The trap of the front page: as whole numbers they would be a slope, or the half of a bitwise OR."""
    pupils.to_csv("mine.csv", index=False)
    numbers = beginning("mine.csv", FORMULA)
    pupils["school"] = "S" + pupils["school"].astype(str)
    pupils.to_csv("named.csv", index=False)
    names = beginning("named.csv", FORMULA)
    printed, note = numbers["summary"]["text"].split("\n\nNotes\n")
    assert printed == names["summary"]["text"]
    assert "12 school" in printed
    assert "treated as labels" in " ".join(note.split())
    assert any("numbers" in sentence for sentence in numbers["groups"]["sentences"])


def test_semicolons_and_decimal_commas_are_read_and_told(pupils):
    pupils.to_csv("mine.csv", index=False, sep=";", decimal=",")
    (table,) = asked("open", "mine.csv")
    assert table["notes"] == [
        "The columns of mine.csv are separated by semicolons; the commas in score and age are decimal ones."
    ]
    summary = beginning("mine.csv", FORMULA)["summary"]
    assert summary["text"] == str(mixedlm(FORMULA, pupils).fit().summary())


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("score ~ agee + (1 | school)", "'age'"),
        ("score ~ age + (1 | shcool)", "'school'"),
        ("score ~ age + (1 | school", "("),
        ("score ~ age", "no random term"),
        ("sex ~ age + (1 | school)", "sex"),
        ("score ~ __import__('os') + (1 | school)", "__import__"),
    ],
)
def test_a_formula_that_is_wrong_is_answered_with_a_sentence(pupils, formula, said):
    pupils.to_csv("mine.csv", index=False)
    told = asked("analyse", "mine.csv", formula=formula)
    assert [piece["piece"] for piece in told] == ["problem"]
    assert said in told[0]["text"]
    assert "Traceback" not in told[0]["text"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("score\tage\n1\t2\n", "separated by"),
        ("score,score\n1,2\n", "more than one column called 'score'"),
        ("score,age\n1,2,3\n", "more fields than its first line has names"),
    ],
)
def test_a_file_that_is_wrong_is_answered_with_a_sentence(tmp_path, monkeypatch, text, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text(text)
    (problem,) = asked("open", "mine.csv")
    assert problem["piece"] == "problem"
    assert said in problem["text"]


def test_no_groups_chosen(pupils):
    pupils.to_csv("mine.csv", index=False)
    (problem,) = asked("propose", "mine.csv", response="score", predictors=["age"], groups=[])
    assert problem["text"].startswith("No groups are chosen")


def test_another_file_of_the_same_name_is_read_again(pupils):
    pupils.to_csv("mine.csv", index=False)
    assert asked("open", "mine.csv")[0]["rows"] == 120
    pupils.head(60).to_csv("mine.csv", index=False)
    (table,) = asked("open", "mine.csv")
    assert table["rows"] == 60


@pytest.mark.slow
def test_yes_or_no(pupils, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", draw)
    pupils["passed"] = (pupils["score"] > pupils["score"].median()).astype(int)
    pupils.to_csv("mine.csv", index=False)
    told = asked("analyse", "mine.csv", formula="passed ~ age + (1 | school)", family="binomial")
    assert [piece["piece"] for piece in told] == ALL
    assert "BinomialBayesMixedGLM" in told[2]["code"]
    assert "smf.gee" in told[2]["gee_code"]
    assert 'mixedglm("passed ~ age + (1 | school)", data, family="binomial")' in told[-1]["script"]


def test_where_a_picture_cannot_be_drawn_it_says_why(pupils):
    fit = mixedlm(FORMULA, pupils).fit()
    picture = playground.Picture("Nobody", "caterpillar", ("teacher",)).draw(fit)
    assert "teacher" in picture["why_not"]


@pytest.mark.slow
def test_the_script_runs_and_the_notebook_is_one(analysed, monkeypatch, capsys):
    folder, (*_, files) = analysed
    monkeypatch.chdir(folder)
    monkeypatch.setattr(Figure, "savefig", draw)  # the page has had the same pictures
    Path("analysis.py").write_text(files["script"], encoding="utf-8")
    ran = runpy.run_path("analysis.py")
    assert ran["fit"].llf == pytest.approx(mixedlm(FORMULA, small()).fit().llf, abs=1e-9)
    assert len(list(folder.glob("picture-*.png"))) == 4
    assert "A linear mixed model of score" in capsys.readouterr().out
    notebook = nbformat.reads(files["notebook"], as_version=4)
    nbformat.validate(notebook)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    compile(code, "notebook", "exec")
    assert "plots.show(plots.residuals(fit))" in code
    assert {line for line in code.splitlines() if "plots" not in line} <= set(
        files["script"].splitlines()
    )
