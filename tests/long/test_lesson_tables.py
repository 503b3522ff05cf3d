"""What lessons show of long simulations is what the files beside this one hold, and how those were made."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from capstone_worlds import found
from random_slopes import replicates

from course import fixed_effects_table, mixedlm, simulate_schools

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "notebooks" / "source"


def rows(name: str) -> list[list[str]]:
    """The cells of the rows of a table in Markdown, without its two lines of headings."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def test_lesson_07_shows_the_stored_costs_of_random_slopes():
    source = (SOURCES / "07-inference.py").read_text(encoding="utf-8")
    stored = rows("random_slopes.md")
    assert len(stored) == 12
    for provinces, slope_sd, what, *shares in stored:
        assert f'({provinces}, {slope_sd}, "{what}"): [{", ".join(shares)}],' in source


def test_lesson_07_shows_the_stored_coverages():
    """`auto` is the score interval for the SD; the column of the predictor names the methods of t."""
    source = (SOURCES / "07-inference.py").read_text(encoding="utf-8")
    stored = pd.read_json(HERE / "coverages.json").set_index(["case", "parameter", "method"])[
        "coverage"
    ]
    parts = {
        "predictor of schools": (
            "school_resources",
            ["satterthwaite", "kenward-roger", "profile", "bootstrap", None, None],
        ),
        "SD between schools": (
            "sd(Intercept | school)",
            [None, None, "profile", "bootstrap", "wald", "auto"],
        ),
    }
    for case in ("6 schools", "40 schools"):
        for what, (parameter, methods) in parts.items():
            shares = [
                f"{100 * stored[case, parameter, method]:.1f}" if method else "np.nan"
                for method in methods
            ]
            assert f'("{case}", "{what}"): [{", ".join(shares)}],' in source
    for method in ("satterthwaite", "kenward-roger"):
        assert f"{100 * stored['6 schools, slopes', 'school_resources', method]:.1f} %" in source


def test_lesson_11_shows_the_stored_worlds():
    source = (SOURCES / "11-capstone.py").read_text(encoding="utf-8")
    columns = zip(*(values for _, *values in rows("capstone_worlds.md")), strict=True)
    names = [
        f"{kind}: {word}"
        for kind in ("without ends", "graded")
        for word in ("smallest", "median", "largest")
    ]
    for name, values in zip(names, columns, strict=True):
        shown = re.search(rf'"{name}": \[(.*)\]', source)[1].split(", ")
        assert [float(value) for value in shown] == [float(value) for value in values]


@pytest.mark.slow
def test_a_slope_added_to_all_moves_the_estimate_and_nothing_else():
    """So that one fit serves for the false positives and for the power."""
    data = simulate_schools(provinces=6, schools=2, classrooms=1, students=10, seed=1).data
    fit = mixedlm("test_score ~ age + (age||province)", data).fit()
    moved = fit.refit(data["test_score"] + 1.5 * data["age"])
    before, after = (fixed_effects_table(one).loc["age"] for one in (fit, moved))
    assert np.isclose(after["estimate"] - before["estimate"], 1.5)
    assert np.allclose(
        after[["std_error", "df"]].astype(float),
        before[["std_error", "df"]].astype(float),
        rtol=1e-4,
    )


@pytest.mark.long
def test_slopes_that_vary_and_are_left_out_are_found_too_often():
    """With slopes twice as different as in the stored table, so that few data sets show it."""
    one = replicates(groups=6, slope_sd=1.6, n=25, seed=3)
    rates = one[one["effect"] == 0].groupby("strategy")["found"].mean()
    assert rates["never"] > 0.2 > rates["always, Kenward-Roger"]


def test_the_worlds_are_read_by_the_names_of_the_lesson():
    source = (SOURCES / "11-capstone.py").read_text(encoding="utf-8")
    effects = ["Intercept", "gender[T.M]", "gcsecnt", "Intercept"]
    parts = pd.DataFrame(
        {
            "group": "school",
            "effect": effects,
            "effect2": [None, None, None, "gcsecnt"],
            "sdcor": range(4),
        }
    )

    class Fit:
        variance_components = parts

    assert all(f'"{name}"' in source for name in found(Fit()))
