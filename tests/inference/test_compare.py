"""Likelihood-ratio tests: lme4's statistics, the right null distribution, and what is refused."""

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from reference_models import ROOT, read

from course import CourseError, compare, load, mixedlm, simulate_schools
from course.inference.compare import mixture_p_value, simulate_chi2
from course.inference.nesting import Step, step

ANOVA = json.loads((ROOT / "tests/reference/compare.json").read_text())["pairs"]


@pytest.fixture(scope="module")
def pupils():
    return load("pupils").assign(age_c=lambda d: d["age"] - 10)


@pytest.fixture(scope="module")
def null():
    """60 schools without slopes: 600 pupils."""
    data = simulate_schools(
        10, 6, 1, 10, intercept_sd={"school": 3}, intercept_at=10, residual_sd=6, seed=1
    ).data
    return data.assign(age_c=data["age"] - 10)


def fits(data, *formulas, reml=True):
    return [mixedlm(formula, data).fit(reml=reml) for formula in formulas]


# -- against lme4 -----------------------------------------------------------------------------


@pytest.mark.parametrize("pair", ANOVA, ids=[pair["id"] for pair in ANOVA])
def test_equals_lme4(pupils, pair):
    """lme4 stops within 1e-5 of the optimum."""
    table = compare(*fits(pupils, pair["small"], pair["large"]))
    assert list(table["n_params"]) == pair["n_params"]
    for column in ("llf", "AIC", "BIC"):
        np.testing.assert_allclose(table[column], pair[column], atol=1e-4, rtol=0)
    last = table.iloc[1]
    assert last["chi2"] == pytest.approx(pair["chi2"], abs=1e-4)
    assert last["df"] == pair["df"]
    assert last["p_naive"] == pytest.approx(pair["p_naive"], rel=1e-4)
    assert set(table["likelihood"]) == {"ML, refitted" if pair["refit"] else "REML"}
    assert any("refitted by ML" in note for note in table.attrs["notes"]) == pair["refit"]


def test_several_models_in_any_order(pupils):
    formulas = [pair["small"] for pair in ANOVA[:2]] + [ANOVA[1]["large"], ANOVA[0]["large"]]
    table = compare(*fits(pupils, *formulas))
    assert list(table["n_params"]) == [5, 6, 7, 9]
    assert list(table["chi2"].iloc[[1, 3]]) == pytest.approx(
        [ANOVA[0]["chi2"], ANOVA[1]["chi2"]], abs=1e-4
    )
    assert table["p_value"].isna().tolist() == [True, False, False, False]


def test_one_likelihood_for_all_rows(pupils):
    """One pair differs in its fixed part, so the other pair is refitted too; REML with ML as well."""
    base = "test_score ~ age + (1|classroom)"
    formulas = base, base + " + (1|school)", "test_score ~ age + sex + (1|classroom) + (1|school)"
    table = compare(*fits(pupils, *formulas))
    assert list(table["likelihood"]) == ["ML, refitted"] * 3
    by_ml = fits(pupils, *formulas, reml=False)
    np.testing.assert_allclose(table["llf"], [fit.llf for fit in by_ml])
    assert list(compare(*by_ml)["likelihood"]) == ["ML"] * 3
    mixed = compare(*fits(pupils, formulas[0]), by_ml[1])
    assert list(mixed["likelihood"]) == ["ML, refitted", "ML"]
    assert "some by ML" in mixed.attrs["notes"][0]


# -- what the larger model has beyond the smaller ---------------------------------------------

# small, large: free, variances, terms with several new effects
STEPS = [
    ("1 + (1|school)", "age + (1|school)", (1, 0, 0)),
    ("1 + (1|school)", "1 + (1|school) + (1|classroom)", (0, 1, 0)),
    ("1 + (1|school)", "1 + (1|school) + (1|classroom) + (1|province)", (0, 2, 0)),
    ("1 + (1|school)", "1 + (age|school)", (1, 1, 0)),
    ("1 + (1|school)", "1 + (age||school)", (0, 1, 0)),
    ("1 + (age||school)", "1 + (age|school)", (1, 0, 0)),
    ("1 + (age|school)", "1 + (age + sex|school)", (2, 1, 0)),
    ("1 + (age||school)", "1 + (age + sex|school)", (3, 1, 0)),
    ("1 + (1|school)", "1 + (age + sex|school)", (2, 0, 1)),
    ("1 + (1|school)", "1 + (1|school) + (age|classroom)", (0, 0, 1)),
    ("1 + (1|school)", "age + (age|school) + (1|classroom)", (2, 2, 0)),
    # the same in other words
    ("age + (1|school)", "age_c + (age|school)", (1, 1, 0)),
    ("age + (age_c|school)", "age + sex + (age|school)", (1, 0, 0)),
    ("1 + (1|school)", "1 + (0 + sex|school)", (1, 1, 0)),
    ("1 + (1|school)", "1 + (1|province:school) + (1|classroom)", (0, 1, 0)),
]


@pytest.mark.parametrize("small, large, expected", STEPS)
def test_step(pupils, small, large, expected):
    models = [mixedlm(f"test_score ~ {text}", pupils) for text in (small, large)]
    found = step(*[model.design for model in models])
    assert (found.free, found.variances, len(found.several)) == expected
    counts = [model.design.X.shape[1] + model.problem.n_theta for model in models]
    assert found.df == counts[1] - counts[0]
    if not found.several:
        assert found.df == found.free + found.variances


@pytest.mark.parametrize(
    "small, large, message",
    [
        ("age + (1|school)", "sex + (1|school) + (1|classroom)", "age .* fixed part"),
        ("1 + (1|classroom)", "1 + (1|school) + (1|province)", r"\(Intercept \| classroom\)"),
        ("1 + (age|school)", "age + sex + (age||school)", "no place in one random term"),
        ("1 + (age||school)", "1 + (age_c||school) + (1|classroom)", r"\(age \| school\)"),
        ("1 + (1|school)", "1 + (1|classroom)", r"fit\.aic"),
        ("age + (1|school)", "age_c + (1|school)", "same model in other words"),
        ("1 + (1|school)", "1 + (1|school) + (1|province:school)", "the same groups"),
    ],
)
def test_not_nested(pupils, small, large, message):
    with pytest.raises(CourseError, match=message):
        compare(*fits(pupils, f"test_score ~ {small}", f"test_score ~ {large}"))


# -- what cannot be compared ------------------------------------------------------------------


def test_other_rows_are_refused(pupils):
    small, large = "test_score ~ 1 + (1|classroom)", "test_score ~ age + (1|classroom)"
    gaps = pupils.copy()
    gaps.loc[gaps.index[:9], "age"] = np.nan
    with pytest.raises(CourseError, match=r"data\.dropna\(subset=\['age'\]\)"):
        compare(*fits(gaps, small, large))
    shuffled = pupils.sample(frac=1, random_state=1)
    with pytest.raises(CourseError, match="in the same order"):
        compare(*fits(pupils, small), *fits(shuffled, large))
    with pytest.raises(CourseError, match="the responses differ, np.log"):
        compare(*fits(pupils, "np.log(test_score) ~ 1 + (1|classroom)", large))


def test_wrong_arguments(pupils):
    fit = mixedlm("test_score ~ 1 + (1|classroom)", pupils).fit()
    for wrong in ([fit], [fit, fit.model], [fit, "test_score ~ age + (1|classroom)"], []):
        with pytest.raises(CourseError, match=r"compare\(small, large\)"):
            compare(*wrong)
    with pytest.raises(CourseError, match="bootstrap"):
        compare(fit, fit, bootstrap=-1)


# -- p-values ---------------------------------------------------------------------------------


def test_mixtures_in_closed_form():
    """Tails of chi2(1) by erfc, of chi2(2) by exp, of chi2(3) by both."""
    from math import erfc, exp, pi, sqrt

    x = 3.2
    tail = {1: erfc(sqrt(x / 2)), 2: exp(-x / 2)}
    tail[3] = tail[1] + sqrt(2 * x / pi) * exp(-x / 2)

    def p(free, variances, at=x):
        new = Step(free, variances, (), {"g": 50}, free + variances)
        return mixture_p_value(at, new)[0]

    assert p(1, 0) == pytest.approx(tail[1])
    assert p(0, 1) == pytest.approx(tail[1] / 2)
    assert p(1, 1) == pytest.approx((tail[1] + tail[2]) / 2)
    assert p(2, 1) == pytest.approx((tail[2] + tail[3]) / 2)
    assert p(0, 2) == pytest.approx(tail[1] / 2 + tail[2] / 4)
    assert p(0, 3) == pytest.approx((3 * tail[1] + 3 * tail[2] + tail[3]) / 8)
    assert p(0, 1, at=0.0) == 1  # chi2(0) is 0


def test_a_variance_estimated_at_zero():
    data = read("tests/reference/zero_classroom.csv")
    table = compare(*fits(data, "y ~ x + (1|school)", "y ~ x + (1|school) + (1|classroom)"))
    assert table["chi2"].iloc[1] == 0 and table["p_value"].iloc[1] == 1


def test_what_is_approximate_is_said(pupils):
    base = "test_score ~ age + (1|classroom)"
    table = compare(*fits(pupils, base, base + " + (1|school) + (1|province)"))
    assert table["reference"].iloc[1] == "0.25 chi2(0) + 0.5 chi2(1) + 0.25 chi2(2)"
    two, few = table.attrs["notes"]
    assert "2 variances" in two and "12 levels of province" in few
    table = compare(*fits(pupils, base, base + " + (age|school)"))
    assert table["reference"].iloc[1] == "chi2(3), an upper bound"
    assert table["p_value"].iloc[1] == table["p_naive"].iloc[1]
    assert "bootstrap=1000" in table.attrs["notes"][0]


def test_fixed_effects_with_few_groups(pupils):
    base = "test_score ~ {} + (1|school) + (1|province)"
    table = compare(*fits(pupils, base.format("age"), base.format("age + school_resources")))
    _, few = table.attrs["notes"]
    assert "12 levels of province" in few and "too small" in few
    many = "test_score ~ {} + (1|classroom)"
    table = compare(*fits(pupils, many.format("age"), many.format("age + sex")))
    assert len(table.attrs["notes"]) == 1  # that they were refitted


def test_a_fit_that_did_not_converge_is_named(pupils):
    base = "test_score ~ age + (1|classroom)"
    small, large = fits(pupils, base, base + " + (1|school)")
    doubtful = replace(small, estimates=replace(small.estimates, converged=False))
    assert "did not converge" in compare(doubtful, large).attrs["notes"][0]


# -- the bootstrap ----------------------------------------------------------------------------


@pytest.mark.slow
def test_bootstrap_counts_what_is_as_large(null):
    small, large = fits(null, "test_score ~ 1 + (1|school)", "test_score ~ 1 + (age_c|school)")
    table = compare(small, large, bootstrap=60, seed=3, progress=False)
    drawn = simulate_chi2(small, large, 60, 3, progress=False)
    observed = table["chi2"].iloc[1]
    assert table["p_value"].iloc[1] == (1 + np.sum(drawn >= observed - 1e-6)) / 61
    assert table["reference"].iloc[1] == "bootstrap, 60 replicates"
    assert "seed 3" in table.attrs["notes"][-1]
    with ProcessPoolExecutor(2) as pool:
        again = compare(large, small, bootstrap=60, seed=3, executor=pool, progress=False)
    pd.testing.assert_frame_equal(table, again, check_exact=True)


@pytest.mark.slow
def test_a_statistic_is_that_of_the_two_fits(null):
    from course import simulate_responses

    small, large = fits(null, "test_score ~ 1 + (1|school)", "test_score ~ 1 + (age_c|school)")
    drawn = simulate_chi2(small, large, 8, 3, progress=False)
    for chi2, y in zip(drawn, simulate_responses(small, 8, seed=3), strict=True):
        assert chi2 == pytest.approx(2 * (large.refit(y).llf - small.refit(y).llf), abs=1e-5)


def test_failed_replicates_are_counted(null, monkeypatch):
    from course.solver.refits import Refitter

    small, large = fits(null, "test_score ~ 1 + (1|school)", "test_score ~ age + (1|school)")
    whole = Refitter.fit

    def sometimes(self, problems):
        return [None if i < 2 else one for i, one in enumerate(whole(self, problems))]

    monkeypatch.setattr(Refitter, "fit", sometimes)
    table = compare(small, large, bootstrap=20, seed=1, progress=False)
    assert "2 failed and left out" in table["reference"].iloc[1]
    assert table["p_value"].iloc[1] * 19 == pytest.approx(round(table["p_value"].iloc[1] * 19))
    monkeypatch.setattr(Refitter, "fit", lambda self, problems: [None] * len(problems))
    with pytest.raises(CourseError, match="no replicate"):
        compare(small, large, bootstrap=3, seed=1, progress=False)


# -- offsets ----------------------------------------------------------------------------------


def test_a_coefficient_held_by_an_offset_is_tested(pupils):
    """H0: the slope of age is 3, by the same fits with age moved to the left."""
    small, large = fits(
        pupils, "test_score ~ offset(3 * age) + (1|school)", "test_score ~ age + (1|school)"
    )
    moved = pupils.assign(left=pupils["test_score"] - 3 * pupils["age"])
    by_hand = fits(moved, "left ~ 1 + (1|school)", "left ~ age + (1|school)")
    found, expected = compare(small, large).iloc[1], compare(*by_hand).iloc[1]
    assert found["df"] == expected["df"] == 1
    assert found["chi2"] == pytest.approx(expected["chi2"], abs=1e-5)


@pytest.mark.parametrize(
    "formulas",
    [
        ("test_score ~ sex + (1|school)", "test_score ~ sex + offset(age) + (1|school)"),
        ("test_score ~ offset(age) + (1|school)", "test_score ~ sex + (1|school)"),
        ("test_score ~ 1 + (1|school)", "test_score ~ sex + offset(age) + (1|school)"),
    ],
)
def test_models_with_other_offsets_are_not_nested(pupils, formulas):
    with pytest.raises(CourseError, match="differ in their offsets"):
        compare(*fits(pupils, *formulas))
