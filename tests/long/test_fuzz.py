"""A small part of fuzz.py: formulas from strangers, hostile and generated."""

import pytest
from budget import replicates
from fuzz import attempt, run, watched
from strange_formulas import HOSTILE, Formulas, data

from course import CourseError, translate


# Every third of the hostile formulas has each hostile part in one place or another; beside them 25
# generated ones.
@pytest.fixture(scope="module", params=replicates((3, 25), many=(1, 1_500)), ids=str)
def report(request):
    every, generated = request.param
    some = HOSTILE[::every]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fuzz.HOSTILE", some)
        done = run(len(some) + generated, seed=2)
    assert done.n == len(some) + generated
    return done


@pytest.mark.slow
def test_each_is_a_model_or_refused_in_words(report):
    assert report.faults == []
    kinds = {kind for _, kind in report.counts}
    assert kinds == {"model", "refused at once", "refused with the data"}


@pytest.mark.slow
def test_the_grammar_reaches_fits(report):
    """Else it would prove nothing about what comes after reading."""
    generated = sum(count for (kind, _), count in report.counts.items() if kind == "grammar")
    assert report.counts["grammar", "model"] > generated / 30
    assert report.counts["grammar", "refused with the data"] > generated / 15


def test_the_same_seed_makes_the_same_formulas():
    one, same, other = Formulas(1), Formulas(1), Formulas(2)
    first = [one.one() for _ in range(50)]
    assert first == [same.one() for _ in range(50)]
    assert first != [other.one() for _ in range(50)]


# ---- the watch itself sees what it is to see ------------------------------------------------------


@pytest.mark.parametrize(
    "deed",
    [
        "open('nothing')",
        "__import__('this_is_no_module')",
        "import os; os.system('true')",
        "import subprocess; subprocess.run(['true'])",
        "x.__class__",
        "(lambda: x)()",
        "[q for q in 'ab']",
        "eval('x')",
    ],
)
def test_a_deed_is_seen(deed):
    code = compile(deed, "<string>", "exec")
    with watched(frozenset({"x"})) as seen:
        try:
            exec(code, {"x": 1})
        except (ImportError, OSError):
            pass
    assert seen


def test_columns_and_listed_functions_are_no_deeds():
    frame = data()
    names = frozenset(frame.columns)
    attempt("y ~ np.log(x) + bs(z, df=4) + I(x * z) + C(f, Sum) + scale(t) + (1|g)", frame, names)
    with watched(names) as seen:
        translate("y ~ np.log(x) + bs(z, df=4) + I(x * z) + C(f, Sum) + scale(t) + (1|g)", frame)
    assert seen == []


def test_messages_hold_no_control_characters():
    for text in ("y ~ x\x1b[2J + (1|g)", "y ~ `x\u202e` + (1|g)", "y ~ x + (1|`g\n`)"):
        with pytest.raises(CourseError) as caught:
            translate(text, data())
        assert str(caught.value).isprintable()
