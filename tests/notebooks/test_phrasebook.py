"""The phrasebook: R's values are current, and its rows agree but for the differences it explains."""

import json
import re

import nbformat
import pytest
from reference_models import RESULTS, ROOT

import course
from course import load, plots, translate

STORED = json.loads((ROOT / "data/phrasebook.json").read_text(encoding="utf-8"))
NOTEBOOK = nbformat.read(ROOT / "notebooks/phrasebook.ipynb", as_version=nbformat.NO_CONVERT)
FRAMES = {"pupils": "pupils", "years": "pupils_three_years"}
SCRIPT = (ROOT / "tests/reference/phrasebook.R").read_text(encoding="utf-8")


def tables() -> list[list[dict[str, str]]]:
    """The page's tables as shown: for each a list of rows, column -> text."""
    found = []
    for cell in NOTEBOOK.cells:
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                rows = [line for line in output.data["text/plain"].split("\n") if line]
                width = len({line[:14] for line in rows})
                pairs = [(line[:14].strip(), line[14:]) for line in rows]
                found.append([dict(pairs[at : at + width]) for at in range(0, len(pairs), width)])
    return found


FORMULAS, *EXTRACTORS = tables()
ROWS = [row for table in EXTRACTORS for row in table]


def test_every_call_of_r_is_stored_and_shown():
    assert {row["R"] for row in ROWS} == set(STORED["calls"])
    shown = {(row["data"], row["R and course"]) for row in FORMULAS}
    stored = {(d, random) for d, parts in STORED["log_likelihoods"].items() for random in parts}
    assert shown == stored


def test_the_stored_values_are_those_of_the_script():
    written = set(re.findall(r"^  '(.+)',?$", SCRIPT, flags=re.MULTILINE))
    assert set(STORED["calls"]) <= written
    for line in STORED["setup"]:
        assert line in SCRIPT


def test_rows_agree_but_for_the_differences_that_the_page_explains():
    assert {row["agree"] for row in FORMULAS} == {"yes"}
    differ = {row["what"]: row["agree"].removeprefix("no: ").split()[0] for row in ROWS}
    differ = {what: who for what, who in differ.items() if who != "yes"}
    assert differ == {
        "covariance of two estimates": "statsmodels",  # inverts a larger Hessian; as the next
        "t": "statsmodels",
        "p-value": "statsmodels",  # and from the normal distribution
        "AIC (REML)": "statsmodels",  # nan
        "BIC (REML)": "statsmodels",
        "residual df": "statsmodels",  # another definition
        "F test of a term": "statsmodels",
        "two coefficients at once": "statsmodels",
        "Wald, lower end": "course",  # t, not z
        "leave out each school: Cook's distance": "course",  # another factor
        "the same in standard errors": "course",  # the other way round
        "odds ratio of a year": "statsmodels",  # by variational Bayes; as the next
        "SD of schools (logits)": "statsmodels",
    }


def test_the_pieces_are_those_that_translate_prints():
    data = {name: load(stored) for name, stored in FRAMES.items()}
    for frame in data.values():
        frame["age10"] = frame["age"] - 10
        frame["room"] = frame["classroom"].str.replace(".*-", "", regex=True)
    for row in FORMULAS:
        frame = data[row["data"]]
        means = translate(f"test_score ~ age10 + sex + {row['R and course']}", frame)
        if row["statsmodels"] == "none":
            assert not means.exact
            continue
        pieces = eval(f"dict({row['statsmodels']})", {"pupils": data["pupils"]})
        assert means.exact
        assert pieces.get("re_formula") == means.re_formula
        assert sorted(pieces.get("vc_formula", {}).values()) == sorted(
            (means.vc_formula or {}).values()
        )
        if means.groups in frame:  # else groups that have to be computed first
            assert pieces["groups"] == means.groups


@pytest.mark.parametrize(
    ("call", "of"),
    [
        ("VarCorr(m3)$classroom[1, 1]", "classroom"),
        ("VarCorr(m3)$school[1, 1]", "school"),
        ("VarCorr(m3)$province[1, 1]", "province"),
    ],
)
def test_two_scripts_of_r_agree(call, of):
    """reference.R fits the model of m3 with another search, and age from another zero."""
    components = RESULTS["pupils_1c_1s_1p"]["REML"]["variance_components"]
    (expected,) = [row["vcov"] for row in components if row["group"] == of]
    assert STORED["calls"][call] == pytest.approx(expected, rel=1e-4)


def test_log_likelihoods_are_those_of_the_other_script():
    known = {
        "(1|school)": "pupils_1s",
        "(1|classroom) + (1|school) + (1|province)": "pupils_1c_1s_1p",
        "(1|province/school/classroom)": "pupils_slash_psc",
        "(sex|school)": "pupils_sex_s",
    }
    for random, model in known.items():
        expected = RESULTS[model]["REML"]["log_likelihood"]
        assert STORED["log_likelihoods"]["pupils"][random] == pytest.approx(expected, abs=1e-4)


def test_what_has_no_value_exists():
    """The last table names functions of the course without calling them."""
    (cell,) = [c for c in NOTEBOOK.cells if c.source.startswith("## Pictures and the rest")]
    rows = [line.split(" | ") for line in cell.source.splitlines() if line.startswith("| ")]
    of_course = [row[3] for row in rows[1:] if not row[3].startswith("none")]
    names = [re.match(r"`(\w+)\.?(\w*)", text) for text in of_course]
    assert len(names) > 8
    for name in names:
        first, second = name.groups()
        if first == "plots":
            assert second in plots.__all__
        elif first == "fit":
            assert hasattr(course.MixedFit, second)
        else:
            assert first in course.__all__


@pytest.mark.slow
def test_what_lmers_arguments_are_here_is_taken():
    """The table of arguments has no values: each of its rows is a fit here."""
    (cell,) = [c for c in NOTEBOOK.cells if c.source.startswith("## Arguments of lmer")]
    data = course.load("pupils").iloc[:500].assign(w=2.0)
    y = "test_score ~ age + (1|school)"
    fits = {
        ".fit(reml=False)": lambda: course.mixedlm(y, data).fit(reml=False),
        'weights="w"': lambda: course.mixedlm(y, data, weights="w").fit(),
        "+ offset(x)": lambda: course.mixedlm(f"{y} + offset(w)", data).fit(),
        'data.query("age > 9")': lambda: course.mixedlm(y, data.query("age > 9")).fit(),
        'missing="raise"': lambda: course.mixedlm(y, data, missing="raise").fit(),
        "C(sex, Sum)": lambda: course.mixedlm("test_score ~ C(sex, Sum) + (1|school)", data).fit(),
        ".fit(progress=True)": lambda: course.mixedlm(y, data).fit(progress=True),
        'family="poisson"': lambda: course.mixedglm(
            "round(age) ~ sex + (1|school)", data, family="poisson"
        ).fit(),
        'family="binomial", link="probit"': lambda: course.mixedglm(
            "(test_score > 60) ~ age + (1|school)", data, family="binomial", link="probit"
        ).fit(),
        ".fit(nagq=9)": lambda: course.mixedglm(
            "(test_score > 60) ~ age + (1|school)", data, family="binomial"
        ).fit(nagq=9),
        '"y ~ x + (x\\|g)"': lambda: course.mixedlm("test_score ~ age + (age|school)", data).fit(),
        '"y ~ x + (x\\|\\|g)"': lambda: course.mixedlm(
            "test_score ~ age + (age||school)", data
        ).fit(),
    }
    for written, fit in fits.items():
        assert written in cell.source
        assert fit().converged, written
