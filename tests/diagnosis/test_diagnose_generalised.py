"""What stands out in generalised fits: separation, overdispersion, one answer only, Laplace's roughness."""

from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from generalised_fits import by_rows, counts, passed, table

from course import diagnose, influence, mixedglm, simulate_schools
from course.diagnosis.generalised import separating


def titles(found) -> list[str]:
    return [finding.title for finding in found]


def test_nothing_stands_out_where_all_is_as_the_model_says():
    data = simulate_schools(4, 8, 2, 20, family="binomial", seed=5).data
    found = diagnose(
        mixedglm("passed ~ age + sex + (1|school) + (1|classroom)", data).fit(), seconds=0
    )
    assert not [one for one in found if one.severity != "note"]
    assert {"separation", "groups with one answer only"} <= set(found.looked_at)


# -- separation -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_label_with_one_answer_separates():
    data = table("passed").assign(passed=lambda d: np.where(d["sex"] == "male", 1, d["passed"]))
    found = diagnose(mixedglm("passed ~ sex + age + (1|school)", data).fit(), seconds=0)
    (first, *_) = found
    assert first.title == "A predictor separates the answers" and first.severity == "problem"
    assert "sex[T.male]" in first.seen and "age" not in first.seen.replace("ages", "")


@pytest.mark.slow
def test_counts_of_zero_in_a_label_separate():
    data = table("absences").assign(
        days_absent=lambda d: np.where(d["sex"] == "male", 0, d["days_absent"])
    )
    found = diagnose(mixedglm("days_absent ~ sex + (1|school)", data, "poisson").fit(), seconds=0)
    assert "all counts are 0" in next(iter(found)).seen


@pytest.mark.slow
def test_almost_separated_is_not_separated():
    data = table("passed").assign(passed=lambda d: np.where(d["sex"] == "male", 1, d["passed"]))
    data.loc[data.index[data["sex"] == "male"][0], "passed"] = 0
    found = diagnose(mixedglm("passed ~ sex + age + (1|school)", data).fit(), seconds=0)
    assert "A predictor separates the answers" not in titles(found)


@pytest.mark.parametrize("seed", range(6))
def test_a_separation_is_found_just_where_there_is_one(seed):
    """Rows of known direction; then one row more that no direction can satisfy."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=3)
    rows = rng.normal(size=(40, 3))
    rows *= np.sign(rows @ direction)[:, None]
    found = separating(rows)
    assert found is not None and (rows @ found >= -1e-6).all()
    assert separating(np.vstack([rows, -rows])) is None


# -- overdispersion -------------------------------------------------------------------------------


@pytest.mark.slow
def test_overdispersion_has_its_size_and_its_remedy():
    sds = {"school": 0.2, "student_id": 0.8}
    data = simulate_schools(3, 6, 2, 15, family="poisson", intercept_sd=sds, seed=3).data
    formula = "days_absent ~ age + offset(np.log(school_days)) + (1|school)"
    found = mixedglm(formula, data, "poisson").fit()
    finding = next(one for one in diagnose(found, seconds=0) if "vary more" in one.title)
    ratio = (found.resid("pearson") ** 2).sum() / found.df_resid
    assert f"{ratio:.2f} times that of Poisson's" in finding.seen
    assert f"{np.sqrt(ratio):.2f}" in finding.why and "(1|row)" in finding.do
    data["row"] = range(len(data))
    mended = diagnose(mixedglm(formula + " + (1|row)", data, "poisson").fit(), seconds=0)
    assert not [one for one in mended if "vary more" in one.title]
    assert any("an effect of each row allows for it" in reason for reason in mended.left_out)


def test_so_many_of_so_many_can_vary_too_much():
    data = table("rooms")
    spread = data.assign(
        passed=np.where(data.index % 2, data["passed"] * 9 + 4, 2),
        failed=np.where(data.index % 2, 3, data["failed"] * 9 + 5),
    )
    found = diagnose(
        mixedglm("cbind(passed, failed) ~ school_resources + (1|school)", spread).fit(), seconds=0
    )
    assert any("that of the binomial distribution" in one.seen for one in found)


@pytest.mark.slow
def test_single_answers_tell_nothing_of_overdispersion():
    found = diagnose(passed(), seconds=0)
    assert any("one answer of each row tells nothing" in reason for reason in found.left_out)
    assert "overdispersion" in diagnose(counts(), seconds=0).looked_at
    assert not [one for one in diagnose(by_rows(), seconds=0) if "vary more" in one.title]


# -- groups and the integral ----------------------------------------------------------------------


SMALL_GROUPS = simulate_schools(
    4, 20, 1, 3, family="binomial", intercept_sd={"school": 1.5}, seed=1
).data


@pytest.mark.slow
def test_groups_with_one_answer_only_are_counted():
    data = SMALL_GROUPS
    found = diagnose(mixedglm("passed ~ age + (1|school)", data).fit(), seconds=0)
    sums = data.groupby("school")["passed"].agg(["sum", "size"])
    none, all_ = int((sums["sum"] == 0).sum()), int((sums["sum"] == sums["size"]).sum())
    (finding,) = (one for one in found if "one answer only" in one.title)
    assert f"the answer is always 0 in {none} and always 1 in {all_}." in finding.seen
    labels = data.assign(passed=data["passed"].map({0: "no", 1: "yes"}))
    found = diagnose(mixedglm("passed ~ age + (1|school)", labels).fit(), seconds=0)
    (finding,) = (one for one in found if "one answer only" in one.title)
    assert f"the answer is always 'no' in {none} and always 'yes' in {all_}." in finding.seen


@pytest.mark.slow
def test_laplace_is_held_against_quadrature(monkeypatch):
    # without the influence of 80 schools, which other tests look at
    wing = import_module("course.diagnosis.diagnose")
    monkeypatch.setattr(wing, "refit_seconds", lambda fit: np.inf)
    found = mixedglm("passed ~ age + (1|school)", SMALL_GROUPS).fit()
    (finding,) = (one for one in diagnose(found, seconds=60) if "Laplace" in one.title)
    better = found.model.fit(nagq=9)
    for one in (found, better):
        assert f"{one.variance_components['sdcor'].iloc[0]:.3g}" in finding.seen
    assert not [one for one in diagnose(better, seconds=0) if "Laplace" in one.title]


@pytest.mark.slow
def test_what_takes_too_long_is_named():
    found = diagnose(mixedglm("passed ~ age + (1|school)", SMALL_GROUPS).fit(), seconds=0)
    assert any("fit(nagq=9)" in reason for reason in found.left_out)
    assert any("influence of single levels of school" in reason for reason in found.left_out)


# -- influence ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_influence_is_that_of_the_fit_without_the_level():
    data = table("passed")
    data = data[data["school"].isin(data["school"].unique()[:6])]
    found = mixedglm("passed ~ age + (1|school)", data).fit()
    rows = influence(found, "school", progress=False)
    level = rows.index[2]
    without = mixedglm("passed ~ age + (1|school)", data[data["school"] != level]).fit()
    moved = (found.fe_params - without.fe_params) / found.bse_fe
    np.testing.assert_allclose(
        rows.loc[level, ["dfbeta(Intercept)", "dfbeta(age)"]].astype(float), moved, atol=2e-3
    )
    before, after = (one.variance_components["vcov"].iloc[0] for one in (found, without))
    assert rows.loc[level, "change(school)"] == pytest.approx(after / before - 1, abs=5e-3)
    assert "change(Residual)" not in rows
    assert isinstance(rows, pd.DataFrame)
