"""Models with more variances than the rows can tell apart, against lme4 (tests/reference/shared.R)."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from budget import thinned
from reference_models import MODELS, ROOT, data, model

from course import (
    CourseError,
    anova,
    compare,
    confint,
    diagnose,
    icc,
    mixedlm,
    parameters,
    plots,
    report,
    translate,
)
from course.design.design import build_design
from course.formula.parse import parse_formula

REFERENCE = json.loads((ROOT / "tests/reference/shared.json").read_text())["models"]
ROWS = pd.read_csv(ROOT / "tests/reference/shared.csv")
G, F = "Intercept | g", "f[{}] | g".format
# What the notes must call known, in the order of the sums in shared.R.
KNOWN = {
    "intercept_beside_levels": [
        *(f"var({G}) + var({F(a)})" for a in "abc"),
        *(f"var({G}) + cov(f[{a}], {F(b)})" for a, b in ("ab", "ac", "bc")),
    ],
    "intercept_in_two_terms": [f"var({G}) + var(Intercept.1 | g)"],
    "sex_of_the_subject": [f"var({G}) + var(sex[{sex}] | g)" for sex in ("man", "woman")],
    "slope_of_the_subject": [
        f"2 cov(Intercept, sex[T.woman] | {g}) + var(sex[T.woman] | {g})" for g in ("g", "g:f")
    ],
    "two_names": [f"var({G}) + var(Intercept | g2)"],
    "two_names_with_slopes": [
        f"var({G}) + var(Intercept | g2)",
        "var(x | g) + var(x | g2)",
        "cov(Intercept, x | g) + cov(Intercept, x | g2)",
    ],
    "written_twice": [f"var({G}) + var(Intercept.1 | g)"],
    "nested_in_itself": [f"var({G}) + var(Intercept | g:sex)"],
    "intercept_above_another_grouping": [f"var({G}) + var(Intercept.1 | g)"],
}
WORDS = {
    "intercept_beside_levels": r"\(1 \| g\) and \(0 \+ f \| g\) overlap.* Leave out \(1 \| g\)\.",
    "intercept_in_two_terms": r"\(1 \| g\) and \(x \| g\) overlap.* Leave out \(1 \| g\)\.",
    "sex_of_the_subject": r"\(x \| g\) and \(0 \+ sex \| g\) overlap.* Simplify one",
    "slope_of_the_subject": r"\(1 \+ sex \| g\) has more variances and covariances than",
    "two_names": "g and g2 are the same 24 groups: only the sum",
    "two_names_with_slopes": "g and g2 are the same 24 groups: only the sum",
    "written_twice": r"\(1 \| g\) appears in the formula 2 times",
    "nested_in_itself": "g and g:sex are the same 24 groups: only the sum",
    "intercept_above_another_grouping": r"\(1 \| g\) and \(x \| g\) overlap.* Leave out \(1 \| g\)\.",
}
pytestmark = pytest.mark.filterwarnings("error")


def fitted(formula: str, reml: bool = True, rows: pd.DataFrame = ROWS):
    return mixedlm(formula, rows).fit(reml=reml)


def said(fit) -> str:
    return "\n".join(fit.notes)


def covariance_of_response(fit, rows: list[int]) -> np.ndarray:
    """V of some rows, from the covariance matrices of the effects."""
    V = fit.scale * np.eye(len(rows))
    for grouping, S in zip(fit.design.groupings, fit.estimates.covariances, strict=True):
        Z, codes = grouping.Z[rows], grouping.codes[rows]
        V += (Z @ S @ Z.T) * (codes[:, None] == codes)
    return V


@pytest.mark.slow
@pytest.mark.parametrize("reml", [True, False], ids=["REML", "ML"])
@pytest.mark.parametrize("name", REFERENCE)
def test_all_that_is_known_is_that_of_lme4(name, reml):
    lme4 = REFERENCE[name]["REML" if reml else "ML"]
    fit = fitted(REFERENCE[name]["formula"], reml)
    assert fit.converged
    assert fit.llf == pytest.approx(lme4["log_likelihood"], abs=1e-4)
    assert fit.n_params == lme4["n_parameters"]
    np.testing.assert_allclose(fit.fe_params, lme4["fixed"], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(fit.bse_fe, lme4["std_error"], rtol=1e-3)
    V, theirs = covariance_of_response(fit, lme4["rows"]), np.array(lme4["covariance"])
    np.testing.assert_allclose(V, theirs, rtol=2e-3, atol=2e-3 * theirs.max())
    for words, value in zip(KNOWN[name], lme4["sums"].values(), strict=True):
        number = re.search(re.escape(words) + r" = (-?[\d.]+\d)", said(fit))
        assert number, (words, said(fit))
        assert float(number[1]) == pytest.approx(value, rel=0.01, abs=0.01)
    assert re.search(WORDS[name], said(fit))


@pytest.mark.parametrize("name", thinned(REFERENCE, 4, pytest.mark.slow))
def test_the_other_solver_agrees_whatever_split_it_has(name):
    assert fitted(REFERENCE[name]["formula"]).check().agree


SIMPLER = {  # the same model, in which all is known
    "intercept_beside_levels": "y ~ x + (0 + f | g)",
    "intercept_in_two_terms": "y ~ x + (x | g)",
    "two_names": "y ~ x + (1 | g)",
    "written_twice": "y ~ x + (1 | g)",
}


@pytest.mark.parametrize("name", REFERENCE)
def test_no_wald_interval_for_what_is_not_known(name):
    table = confint(fitted(REFERENCE[name]["formula"], reml=False), "wald")
    without = table.index[table[["lower", "upper"]].isna().any(axis=1)]
    assert len(without)
    note, *_ = table.attrs["notes"]
    assert all(parameter in note for parameter in without) and "'profile'" in note
    assert table.loc[["sigma", "Intercept"], ["lower", "upper"]].notna().all(axis=None)


@pytest.mark.slow
@pytest.mark.parametrize("name", SIMPLER)
def test_profile_intervals_of_what_is_known_are_those_of_the_simpler_model(name):
    fit, other = (fitted(f, reml=False) for f in (REFERENCE[name]["formula"], SIMPLER[name]))
    assert other.llf == pytest.approx(fit.llf, abs=1e-5)
    names = set(parameters(fit).index) & {"Intercept", "x", "sd(x | g)", "sigma"}
    table, alone = (confint(one, parameters=sorted(names)) for one in (fit, other))
    np.testing.assert_allclose(
        table[["lower", "upper"]].to_numpy(),
        alone[["lower", "upper"]].to_numpy(),
        rtol=2e-3,
        atol=1e-4,
    )
    assert not any("do not know" in note for note in table.attrs["notes"])
    np.testing.assert_allclose(fit.fixed_effects, other.fixed_effects, rtol=2e-3)


def test_the_profile_of_one_part_of_a_sum_reaches_from_0_to_the_sum():
    twice = confint(fitted("y ~ x + (1|g) + (1|g)", reml=False), parameters=["sd(Intercept.1 | g)"])
    once = confint(fitted("y ~ x + (1|g)", reml=False), parameters=["sd(Intercept | g)"])
    assert twice["lower"].item() == 0
    assert twice["upper"].item() == pytest.approx(once["upper"].item(), rel=1e-3)
    assert "all values that fit" in twice.attrs["notes"][0]


@pytest.mark.slow
def test_bootstrap_intervals_leave_out_what_is_not_known():
    table = confint(fitted("y ~ x + (1|g) + (x|g)"), "bootstrap", n=20, seed=1)
    unknown = ["sd(Intercept | g)", "sd(Intercept.1 | g)", "cor(Intercept.1, x | g)"]
    assert table.loc[unknown, "lower"].isna().all()
    assert table.drop(index=unknown)["lower"].notna().all()


def test_the_summary_marks_what_is_not_known():
    table = fitted("y ~ x + (1|g) + (x|g)").summary().random_part.set_index("Effect")
    assert table["SD"].str.endswith("?").to_dict() == {
        "Intercept": True,
        "Intercept.1": True,
        "x": False,
        "": False,
    }
    assert table.loc["x", "Corr"].endswith("?")
    plain = fitted("y ~ x + (x|g)")
    assert "?" not in plain.summary().random_part.to_string()


def test_a_correlation_that_no_subject_can_show():
    fit = fitted("y ~ x + (0 + sex | g)")
    assert re.search(r"No level of g shows how sex\[man\] and sex\[woman\] go together", said(fit))
    assert "rarely what is meant" not in said(
        fit
    )  # two variances, of men and of women, may well be
    table = fit.summary().random_part
    assert not table["SD"].str.contains(r"\?").any()
    assert table["Corr"].str.contains(r"\?").sum() == 1


@pytest.mark.parametrize(
    "formula, term",
    [
        ("y ~ 0 + g + (1|g)", "(1 | g)"),
        ("y ~ g + x + (1|g)", "(1 | g)"),
        ("y ~ 0 + g + g:x + (0 + x|g)", "(0 + x | g)"),
        ("y ~ sex*f + (1|sex/f)", "(1 | sex:f)"),
    ],
)
def test_reml_sees_nothing_of_what_the_fixed_part_has_too(formula, term):
    fit = fitted(formula)
    assert "The fixed part has effects of its own" in said(fit) and term in said(fit)
    assert fit.summary().random_part["SD"].str.contains(r"\?").any()
    by_ml = fitted(formula, reml=False)
    assert by_ml.singular and "effects of its own" not in said(by_ml)  # ML knows it to be 0
    assert "?" not in by_ml.summary().random_part.to_string()


@pytest.mark.slow
def test_units_do_not_matter():
    other = ROWS.assign(x=2000 + ROWS["x"], y=1e6 * ROWS["y"])
    assert "not known" not in said(fitted("y ~ x + (1|g) + (0 + x|g)", rows=other))
    assert "not known" not in said(fitted("y ~ x + (x|g)", rows=other))
    sums = build_design(
        parse_formula("y ~ x + (1|g) + (0 + two|g)"), other.assign(two=2.0)
    ).shared_by_ml[0]
    assert [list(known.values()) for known in sums.known] == [[1.0, 4.0]]


# -- no false alarm ---------------------------------------------------------------------------


@pytest.mark.parametrize("model_id", thinned([m["id"] for m in MODELS], 4))
def test_models_that_are_known_get_no_alarm(model_id):
    design = build_design(parse_formula(model(model_id)["python"]), data(model_id))
    expected = bool(model(model_id).get("only_sum_identified"))
    assert (bool(design.shared_by_ml), bool(design.shared_by_reml)) == (expected, expected)


RANDOM_PARTS = [
    "(1|a)",
    "(x|a)",
    "(x + z|a)",
    "(x||a)",
    "(f|a)",
    "(1|a) + (1|b)",
    "(x|a) + (z|b)",
    "(1|a/c)",
    "(x|a/c)",
    "(f|a) + (1|a:c)",
    "(1|a) + (0 + z|a)",
    "(0 + f|a)",
    "(year|a) + (1|b)",
    "(1|a) + (0 + year|b)",
]


@pytest.mark.slow
@pytest.mark.parametrize("random", thinned(RANDOM_PARTS, 4))
def test_ordinary_random_designs_get_no_alarm(random):
    for seed in range(15):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(120, 400))
        rows = pd.DataFrame(
            {
                "a": rng.integers(0, rng.integers(6, 15), n),
                "b": rng.integers(0, rng.integers(4, 20), n),
                "c": rng.integers(0, 4, n),
                "f": rng.choice(list("pqr"), n),
                "x": rng.normal(50, 10, n) * 10.0 ** rng.integers(-4, 5),
                "z": rng.exponential(size=n),
                "year": rng.integers(1990, 2005, n),
                "y": rng.normal(size=n),
            }
        )
        design = build_design(parse_formula(f"y ~ x + f + {random}"), rows)
        assert not design.shared_by_ml and not design.shared_by_reml, seed


# -- the algebra against brute force ----------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_the_number_of_free_directions_is_that_of_the_matrices_themselves(seed):
    rng = np.random.default_rng(seed)
    n = 40
    rows = pd.DataFrame(
        {
            "a": rng.integers(0, 5, n),
            "b": rng.integers(0, 3, n),
            "f": rng.choice(list("pq"), n),
            "x": rng.normal(size=n),
            "y": rng.normal(size=n),
        }
    )
    rows["a2"] = "u" + rows["a"].astype(str)
    rows["c"] = np.where(rows["a"] < 2, "l", "r")
    terms = ["(1|a)", "(x|a)", "(0 + f|a)", "(1|a2)", "(0 + c|a)", "(1|b)", "(1|a:b)", "(0+x|b)"]
    chosen = rng.choice(terms, 3, replace=False)
    fixed = rng.choice(["1", "C(a)", "C(b) + x", "c*x"])
    design = build_design(parse_formula(f"y ~ {fixed} + {' + '.join(chosen)}"), rows)
    matrices = [np.eye(n)]
    for grouping in design.groupings:
        same = grouping.codes[:, None] == grouping.codes
        for block in grouping.blocks:
            for at, i in enumerate(block):
                for j in block[at:]:
                    V = np.outer(grouping.Z[:, i], grouping.Z[:, j]) * same
                    matrices.append(V + V.T)
    Q = np.linalg.qr(design.X)[0]
    P = np.eye(n) - Q @ Q.T
    for shared, project in ((design.shared_by_ml, np.eye(n)), (design.shared_by_reml, P)):
        flat = np.array([(project @ V @ project).ravel() for V in matrices])
        free = len(matrices) - np.linalg.matrix_rank(flat, tol=1e-8)
        assert sum(len(one.pivots) for one in shared) == free


# -- what else looks at a fit -----------------------------------------------------------------


def test_shares_of_two_names_are_not_known_and_their_sum_is():
    table = icc(fitted("y ~ x + (1|g) + (1|g2)"))
    assert table[["share_lower", "share_upper"]].isna().all(axis=None)
    assert table[["icc_lower", "icc_upper"]].notna().all(axis=None)
    alone = icc(fitted("y ~ x + (1|g)"))
    np.testing.assert_allclose(table["icc"].iloc[0], alone["icc"].iloc[0], rtol=1e-4)
    shares = fitted("y ~ x + (1|g) + (1|g2)").summary().random_part["Share"]
    assert shares.str.endswith("?").tolist() == [True, True, False]


def test_the_report_gives_no_number_for_what_is_not_known():
    said = report(fitted("y ~ x + (1|g) + (x|g)"))
    assert (
        "Intercept by g not known for itself, Intercept.1 by g not known for itself, x by g 0"
        in said
    )
    assert "correlation of Intercept.1 and x not known for itself" in said


def test_an_effect_in_two_terms_has_two_names_in_tables():
    fit = fitted("y ~ x + (x|g) + (1|g)")
    assert list(fit.random_effects["g"]) == ["Intercept", "x", "Intercept.1"]
    once = fitted("y ~ x + (x|g)").random_effects["g"]
    both = fit.random_effects["g"]
    summed = both["Intercept"] + both["Intercept.1"]
    np.testing.assert_allclose(summed, once["Intercept"], rtol=0.01, atol=0.01)
    np.testing.assert_allclose(fit.predict(), fitted("y ~ x + (x|g)").predict(), rtol=1e-3)


def test_code_for_statsmodels_says_that_it_may_break_down():
    said = "know some of these variances or covariances only together"
    assert said in translate("y ~ x + (1|g) + (x|g)", ROWS).code.replace("\n# ", " ")
    assert said not in translate("y ~ x + (x|g)", ROWS).code.replace("\n# ", " ")


def test_compare_counts_as_lme4_does_and_says_that_this_is_too_many():
    small, large = fitted("y ~ x + (1|g)"), fitted("y ~ x + (1|g) + (0 + f|g)")
    table = compare(small, large)
    assert table["df"].iloc[1] == 6
    assert any("cannot be told apart" in note for note in table.attrs["notes"])


def test_tests_of_fixed_effects_do_not_mind():
    twice, once = fitted("y ~ x*f + (1|g) + (x|g)"), fitted("y ~ x*f + (x|g)")
    for df in ("satterthwaite", "kenward-roger"):
        np.testing.assert_allclose(anova(twice, df=df), anova(once, df=df), rtol=5e-3)


def test_diagnose_puts_it_first():
    found = list(diagnose(fitted("y ~ x + (1|g) + (x|g)"), solvers=False))
    assert (found[0].title, found[0].severity) == ("Variances that cannot be told apart", "problem")
    titles = [f.title for f in diagnose(fitted("y ~ 0 + g + (1|g)"), solvers=False)]
    assert "Variances that cannot be told apart" in titles


def test_a_picture_of_a_model_that_was_not_fitted_says_so():
    with pytest.raises(CourseError, match=r"profile_zeta\(profile\(fit\)\)"):
        plots.profile_zeta(mixedlm("y ~ x + (1|g)", ROWS))
