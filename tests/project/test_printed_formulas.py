"""What messages, notes and proposals print as formulas can be read again, whatever columns are called."""

import re

import numpy as np
import pandas as pd
import pytest
from budget import thinned

from course import CourseError, mixedlm, propose, report, structure, translate
from course.formula.parse import parse_formula

NAMES = [
    *("Ward No.", "ward.no", "class", "2nd ward", "C", "np", "a`b", "lambda x", "größe"),
    *("x|y", "a:b", "x(1)"),
]
each_name = pytest.mark.parametrize("name", thinned(NAMES, 3))
CODE = r"""(?:[^()`"]|`[^`]*`|Q\("[^"]*"\)|"[^"]*")"""  # no parentheses but in names
TERM = re.compile(rf"(?<![\w)`])\((?:{CODE}|\([^()]*\))*\|{CODE}*\)")
CALL = re.compile(rf"\b[CI]\({CODE}*\)")


def hospital(inner: str = "ward", outer: str = "hospital", x: str = "age", y: str = "score"):
    """Wards 1 to 4 in each of 12 hospitals, under any names."""
    rng = np.random.default_rng(2)
    h, w = np.repeat(np.arange(12), 20), np.tile(np.repeat(np.arange(4), 5), 12)
    frame = {outer: [f"H{k}" for k in h], inner: w + 1, x: rng.normal(50, 3, 240)}
    frame[y] = rng.normal(size=12)[h] + rng.normal(size=240)
    return pd.DataFrame(frame)


def quoted(name: str) -> str:
    """A name as a careful learner would write it, by the rule that the lessons give."""
    return f'Q("{name}")' if "`" in name else f"`{name}`"


def terms(text: str) -> list[str]:
    return TERM.findall(text)


def can_be_read(text: str, columns) -> list[str]:
    """The random terms and calls in a text; each is parsed, and names columns of the data alone."""
    found = terms(text)
    for term in found:
        formula = parse_formula(f"y ~ 1 + {term}")
        assert set(formula.columns) <= {"y", *columns}, term
    rest = TERM.sub("", text)
    for call in CALL.findall(rest):
        formula = parse_formula(f"y ~ {call} + (1|g)")
        assert set(formula.columns) <= {"y", "g", *columns}, call
    return found


def test_what_is_looked_for_is_found():
    text = 'write (1|Q("a`b"):`Ward No.`), not (1 | x), and C(Q("my x")) (see there)'
    assert terms(text) == ['(1|Q("a`b"):`Ward No.`)', "(1 | x)"]
    assert CALL.findall(text) == ['C(Q("my x"))']
    with pytest.raises(CourseError):
        can_be_read("write (1|Hospital:Ward No.) instead", ["Hospital", "Ward No."])


@each_name
def test_notes_of_labels_that_begin_again(name):
    data = hospital(inner=name)
    notes = translate(f"score ~ age + (1|hospital) + (1|{quoted(name)})", data).notes
    found = can_be_read(" ".join(notes), data.columns)
    again = [note for note in notes if "used again" in note]
    assert again and len(found) >= 2
    (pair,) = [term for term in terms(again[0]) if ":" in term.replace("`a:b`", "")][:1]
    assert mixedlm(f"score ~ age + {pair}", data).fit().n_groups  # the mend fits


@each_name
def test_notes_of_labels_that_are_numbers_and_of_strays(name):
    data = hospital(inner=name)
    data["place"] = data["hospital"] + "/" + data[name].astype(str)
    data.loc[0, "place"] = "H11/4"
    data = data.rename(columns={name: "ward", "hospital": name})
    notes = translate(f"score ~ age + (1|{quoted(name)}) + (1|place)", data).notes
    can_be_read(" ".join(notes), data.columns)
    assert any("more than one" in note for note in notes)
    numbers = data.assign(**{name: data[name].str[1:].astype(int)})
    notes = translate(f"score ~ age + (1|{quoted(name)})", numbers).notes
    assert any("are numbers" in note and CALL.search(note) for note in notes)
    can_be_read(" ".join(notes), data.columns)


@pytest.mark.slow
@each_name
def test_structure_and_proposal(name):
    data = hospital(inner=name)
    warnings = " ".join(structure(data, ["hospital", name]).warnings)
    assert can_be_read(warnings, data.columns)
    found = propose(data, "score", ["age"], groups=["hospital", name])
    can_be_read(" ".join(found.reasons), data.columns)
    assert mixedlm(found.formula, data).fit().nobs == 240
    for slope in found.slopes:
        assert mixedlm(f"score ~ age + {slope}", data).design.n == 240


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("C", "np")])
def test_predictors_and_responses_of_a_proposal(name):
    data = hospital(x=name)
    found = propose(data, "score", [name], groups=["hospital", "ward"])
    assert mixedlm(found.formula, data).fit().nobs == 240
    assert found.slopes
    data = hospital(y=name)
    assert (
        mixedlm(propose(data, name, ["age"], groups=["hospital"]).formula, data).fit().nobs == 240
    )


@pytest.mark.slow
@each_name
def test_a_fit_shows_its_formula_so_that_it_can_be_written_again(name):
    data = hospital(inner=name)
    fit = mixedlm(f"score ~ age + (age||hospital) + (1|hospital:{quoted(name)})", data).fit()
    assert mixedlm(fit.formula, data).formula == fit.formula
    for text in (str(fit.summary()), str(report(fit)), *fit.notes):
        can_be_read(text.replace("\n", " "), [*data.columns])


@each_name
def test_messages_about_random_terms(name):
    data = hospital(inner=name).assign(sex=lambda d: np.where(np.arange(len(d)) % 3, "f", "m"))
    group = quoted(name)
    for term in (f"(sex||{group})", f"(0|{group})"):
        with pytest.raises(CourseError) as caught:
            mixedlm(f"score ~ age + {term}", data)
        assert can_be_read(str(caught.value).split("rows", 1)[-1], [*data.columns, "column"])


@pytest.mark.parametrize("groups", [["hospital", "Ward No."], ["Ward No.", "class"]])
def test_messages_about_several_groups(groups):
    data = hospital(inner="Ward No.").assign(**{"class": lambda d: np.arange(len(d)) % 7})
    with pytest.raises(CourseError) as caught:
        mixedlm("score ~ age", data, groups=groups)
    assert can_be_read(str(caught.value), data.columns)
