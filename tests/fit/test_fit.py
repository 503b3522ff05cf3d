"""A fit is the same model however the data are written down; predictions; the summary."""

import pickle
import time
from itertools import product

import numpy as np
import pandas as pd
import pytest
from budget import examples, thinned
from hypothesis import given
from hypothesis import strategies as st
from made import pupils

from course import CourseError, diagnose, load, mixedlm, simulate_schools
from course.solver.problem import Problem

FORMULA = "test_score ~ age + sex + (age|school) + (1|province)"


@pytest.fixture(scope="module")
def data():
    return load("pupils")


@pytest.fixture(scope="module")
def fit(data):
    return mixedlm(FORMULA, data).fit()


@pytest.mark.slow
@examples(5)
@given(seed=st.integers(0, 1000))
def test_row_order_does_not_matter(seed):
    data = pupils()
    one = mixedlm("score ~ age + sex + (age|school)", data).fit()
    other = mixedlm(
        "score ~ age + sex + (age|school)", data.sample(frac=1, random_state=seed)
    ).fit()
    assert other.llf == pytest.approx(one.llf, abs=1e-7)
    pd.testing.assert_frame_equal(
        other.random_effects["school"], one.random_effects["school"], atol=1e-4
    )
    np.testing.assert_allclose(other.fittedvalues.sort_index(), one.fittedvalues, atol=1e-4)


@pytest.mark.slow
@examples(13)
@given(
    predictor=st.sampled_from([1e-6, 1e-3, 1e3, 1e6]),
    response=st.sampled_from([1e-6, 1e-2, 1e2, 1e6]),
    shift=st.sampled_from([0.0, -10, 1000]),
    reml=st.booleans(),
)
def test_units_and_zero_do_not_matter(predictor, response, shift, reml):
    """y = c y0, x = a (x0 + s): the same likelihood up to the constant of the change of units."""
    data = pupils(120)
    one = mixedlm("score ~ age + sex + (age|school)", data).fit(reml)
    changed = data.assign(age=predictor * (data.age + shift), score=response * data.score)
    other = mixedlm("score ~ age + sex + (age|school)", changed).fit(reml)
    df = one.nobs - 3 if reml else one.nobs
    constant = -df * np.log(response) - (np.log(predictor) if reml else 0)
    assert other.llf == pytest.approx(one.llf + constant, abs=1e-5)
    assert other.converged and other.singular == one.singular
    np.testing.assert_allclose(other.fittedvalues / response, one.fittedvalues, atol=1e-4)
    slope = one.variance_components.query("effect == 'age'").sdcor.iloc[0]
    changed_slope = other.variance_components.query("effect == 'age'").sdcor.iloc[0]
    assert changed_slope == pytest.approx(slope * response / predictor, rel=1e-2, abs=1e-4 * slope)


def test_sigma_is_the_sd_of_the_residual(fit):
    assert fit.sigma**2 == pytest.approx(fit.scale)
    assert fit.sigma == fit.variance_components.sdcor.iloc[-1]


def test_raw_age_fits_as_well_as_centred(data, fit):
    centred = mixedlm(FORMULA.replace("age", "I(age - 10)"), data).fit()
    assert centred.llf == pytest.approx(fit.llf, abs=1e-6)
    np.testing.assert_allclose(centred.fittedvalues, fit.fittedvalues, atol=1e-3)


@pytest.mark.parametrize(
    "one, other",
    [
        ("(age|school)", "(1 + age|school)"),
        ("(age||school)", "(1|school) + (0 + age|school)"),
        ("(1|province/school)", "(1|province) + (1|province:school)"),
        ("(1|school:province)", "(1|province:school)"),
        ("(1|school)", "(1|province:school)"),
    ],
)
def test_spellings_of_one_model(data, one, other):
    a = mixedlm(f"test_score ~ age + {one}", data).fit()
    b = mixedlm(f"test_score ~ age + {other}", data).fit()
    assert a.llf == pytest.approx(b.llf, abs=1e-7)


def test_integer_and_text_labels_give_the_same_fit(data):
    formula = "test_score ~ age + (age|classroom) + (1|school) + (1|province)"
    numbers = data.copy()
    for name in ("classroom", "school", "province"):
        numbers[name] = pd.factorize(data[name], sort=True)[0]
    one, other = mixedlm(formula, data).fit(), mixedlm(formula, numbers).fit()
    assert other.llf == pytest.approx(one.llf, abs=1e-8)
    assert other.statsmodels.llf == pytest.approx(one.llf, abs=1e-5)


def test_transformations_are_remembered_for_new_data(data):
    formula = (
        "test_score ~ scale(age) + bs(age, df=4) + center(school_resources) + (scale(age)|school)"
    )
    formula = formula.replace("scale(age) + bs", "bs")
    fit = mixedlm(formula, data).fit()
    np.testing.assert_allclose(fit.predict(data.iloc[100:110]), fit.fittedvalues.iloc[100:110])


def test_predictions_for_levels_known_and_new(data, fit):
    rows = data.iloc[:3].copy()
    rows.loc[rows.index[1], "school"] = "a new school"
    rows.loc[rows.index[2], "age"] = np.nan
    known, new, missing = fit.predict(rows)
    assert known == pytest.approx(fit.fittedvalues.iloc[0])
    without = fit.predict(data.iloc[[1]], random=["province"]).iloc[0]
    assert new == pytest.approx(without)
    assert np.isnan(missing)
    population = fit.predict(rows.drop(columns=["school", "province"]), random="none")
    beta = fit.fe_params
    expected = (
        beta["Intercept"] + beta["age"] * rows.age + beta["sex[T.male]"] * (rows.sex == "male")
    )
    np.testing.assert_allclose(population, expected)


@pytest.mark.parametrize(
    "change, arguments, words",
    [
        ({}, {"random": "schol"}, "did you mean 'school'"),
        ({"sex": "x"}, {}, "the fit knows"),
        ({"age": "ten"}, {}, "held numbers"),
        ({"school": 3}, {}, "no level would be recognised"),
        ({}, {"random": None}, "a list of groups"),
    ],
)
def test_predictions_refused(data, fit, change, arguments, words):
    with pytest.raises(CourseError, match=words):
        fit.predict(data.head(3).assign(**change), **arguments)


def test_predictions_need_their_columns(data, fit):
    with pytest.raises(CourseError, match="no column 'school'"):
        fit.predict(data.head(3).drop(columns="school"))


def test_a_truth_is_recovered():
    truth = {"classroom": 4.0, "school": 3.0, "province": 2.0}
    made = simulate_schools(40, 10, 5, 20, intercept_sd=truth, residual_sd=6, seed=4)
    formula = (
        "test_score ~ age + sex + teacher_experience + school_resources "
        "+ (1|classroom) + (1|school) + (1|province)"
    )
    fit = mixedlm(formula, made.data).fit()
    sd = fit.variance_components.set_index("group").sdcor
    for group, true in truth.items():
        assert sd[group] == pytest.approx(true, rel=0.35 if group == "province" else 0.1)
    assert sd["Residual"] == pytest.approx(6, rel=0.02)
    table = made.truth.compare(fit)
    fixed = table[table.kind == "fixed effect"]
    assert ((fixed.estimate - fixed.true).abs() < 4 * fixed.std_error).all()


def test_summary_in_text_and_html(fit):
    text = str(fit.summary())
    assert max(map(len, text.splitlines())) <= 100
    for words in ("fitted by REML", "60 school", "Corr", "Share", "sex[T.male]", "95% interval"):
        assert words in text
    page = fit.summary()._repr_html_()
    assert page.count("<table>") == 2 and "sex[T.male]" in page
    shares = [float(cell) for cell in __import__("re").findall(r"([\d.]+)%\s", text)]
    assert sum(shares[: len(fit.n_groups) + 1]) == pytest.approx(100, abs=0.3)


def test_a_singular_fit_says_so_and_what_it_means():
    data = pupils()
    rng = np.random.default_rng(0)
    data["score"] = rng.normal(size=60)
    data["score"] -= data.groupby("school")["score"].transform("mean")
    fit = mixedlm("score ~ 1 + (1|school)", data).fit()
    assert fit.singular and fit.converged
    assert fit.variance_components.vcov[0] == 0
    assert "(singular)" in str(fit.summary())
    assert "the variance of Intercept by school is estimated at 0" in fit.notes[0]
    assert fit.check().agree


@pytest.mark.slow
@pytest.mark.parametrize("unit", [1.0, 1e-4, 1e4, 1e7])
def test_what_lies_on_the_edge_does_not_depend_on_the_unit(unit):
    """A slope per euro is tiny by nature: it is there all the same, and only h is at 0."""
    rng = np.random.default_rng(7)
    g, h = np.repeat(np.arange(40), 15), np.tile(np.arange(15), 40)
    income = rng.normal(3, 1, 600)
    slopes = rng.normal(0, 1, 40)
    y = rng.normal(0, 1, 40)[g] + slopes[g] * income + rng.normal(size=600)
    y -= (
        pd.Series(y).groupby(h).transform("mean").to_numpy()
    )  # nothing left between the levels of h
    data = pd.DataFrame({"y": y, "income": income * unit, "g": g.astype(str), "h": h.astype(str)})
    fit = mixedlm("y ~ income + (income|g) + (1|h)", data).fit()
    assert fit.singular
    (singular,) = [note for note in fit.notes if note.startswith("Singular")]
    assert "the variance of Intercept by h is estimated at 0" in singular
    assert "by g" not in singular
    (finding,) = [
        found for found in diagnose(fit, solvers=False, seconds=0) if "singular" in found.title
    ]
    assert "Intercept by h" in finding.seen and "by g" not in finding.seen


def test_a_slope_that_does_not_vary_is_named_whatever_its_unit():
    rng = np.random.default_rng(8)
    g, x = np.repeat(np.arange(30), 10), np.tile(np.linspace(-1, 1, 10), 30)
    y = rng.normal(0, 2, 30)[g] + x
    # the same residuals in every group: no slope differs from another
    y += np.tile(rng.normal(size=10), 30)
    for unit in (1e-6, 1.0, 1e6):
        data = pd.DataFrame({"y": y, "x": x * unit, "g": g})
        fit = mixedlm("y ~ x + (1|g) + (0 + x|g)", data).fit()
        assert fit.singular
        assert "the variance of x by g is estimated at 0" in fit.notes[0]


def test_names_in_html_are_escaped():
    data = pupils().rename(columns={"age": "<b>age"})
    fit = mixedlm("score ~ `<b>age` + (1|school)", data).fit()
    for page in (fit.summary()._repr_html_(), fit.model.translation._repr_html_()):
        assert "<b>age" not in page


def test_options_of_other_optimisers_are_refused(data):
    with pytest.raises(CourseError, match="no method="):
        mixedlm(FORMULA, data).fit(method="lbfgs")


def test_a_fit_can_be_stored(fit):
    again = pickle.loads(pickle.dumps(fit))
    assert again.llf == fit.llf
    pd.testing.assert_frame_equal(again.fixed_effects, fit.fixed_effects)


@pytest.mark.parametrize(
    "formula", [FORMULA, "test_score ~ age + (1|classroom) + (1|sex:province)"]
)
def test_refit_is_the_fit_to_the_new_response(data, formula):
    rng = np.random.default_rng(2)
    fit = mixedlm(formula, data).fit()
    y = fit.predict(random="none") + rng.normal(scale=4, size=fit.nobs)
    y += pd.Series(rng.normal(size=60), data["school"].unique())[data["school"]].to_numpy()
    again = fit.refit(y)
    anew = mixedlm(formula, data.assign(test_score=y)).fit()
    assert again.llf == pytest.approx(anew.llf, abs=1e-7)
    pd.testing.assert_frame_equal(again.fixed_effects, anew.fixed_effects, rtol=1e-5)
    with pytest.raises(CourseError, match="one finite number"):
        fit.refit(y[:5])


@pytest.mark.parametrize("reml", [True, False])
def test_many_refits_are_the_refits_one_by_one(data, reml):
    rng = np.random.default_rng(3)
    fit = mixedlm("test_score ~ age + (age|school) + (1|classroom)", data).fit(reml)
    school, labels = pd.factorize(data["school"])
    alike = [rng.normal(0, sd, len(labels))[school] + rng.normal(size=fit.nobs) for sd in (0, 1, 2)]
    other = np.exp(data["age"]) + rng.normal(size=fit.nobs) ** 3  # nothing like what was fitted
    many = fit.refit_all([*alike, other])
    for y, one in zip([*alike, other], many, strict=True):
        alone = fit.refit(y)
        assert one.method == alone.method
        assert one.llf == pytest.approx(alone.llf, abs=1e-6)
        pd.testing.assert_frame_equal(one.fixed_effects, alone.fixed_effects, rtol=1e-4)
    assert fit.refit_all([]) == []
    with pytest.raises(CourseError, match="one finite number"):
        fit.refit_all([alike[0][:5]])


def test_predictions_take_fractions_and_true_or_false_as_they_are(data):
    whole = data.assign(years=data["age"].round().astype(int), older=data["age"] > 10)
    fit = mixedlm("test_score ~ years + older + (1|school)", whole).fit()
    rows = whole.head(2).assign(years=[9.0, 9.9], older=False)
    low, high = fit.predict(rows, random="none")
    assert high - low == pytest.approx(0.9 * fit.fe_params["years"])
    for wrong in ("True", 2, 0.3):
        with pytest.raises(CourseError, match="True or False"):
            fit.predict(rows.assign(older=wrong))
    as_category = whole.head(3).assign(school=whole["school"].head(3).astype("category"))
    np.testing.assert_allclose(fit.predict(as_category), fit.fittedvalues.head(3))


@pytest.mark.parametrize("wrong", ["ML", 1, None])
def test_reml_is_true_or_false(data, wrong):
    with pytest.raises(CourseError, match="True for REML"):
        mixedlm(FORMULA, data).fit(reml=wrong)


@pytest.mark.slow
@pytest.mark.parametrize(
    "formula, seed",
    thinned(
        product(
            ["y ~ 1 + (age||g)", "y ~ 0 + age + (1|g)", "y ~ age + (age||g) + (1|h)"], range(6)
        ),
        4,
    ),
)
def test_two_large_variances_that_cancel_are_found(formula, seed):
    """A slope far from its zero and an intercept nearly cancel: several valleys, the best far out."""
    from scipy import optimize

    rng = np.random.default_rng(seed)
    g = np.arange(80) % 8
    data = pd.DataFrame(
        {"g": g, "h": g * 10 + rng.integers(0, 3, 80), "age": rng.normal(10, 1, 80)}
    )
    slope = rng.normal(size=8)[g]
    data["y"] = slope * (data["age"] - 10) + rng.normal(scale=0.3, size=80)
    fit = mixedlm(formula, data).fit()
    problem = fit.model.problem

    def value(theta):
        return problem.deviance(problem.evaluate(theta), True)

    starts = [scale * problem.start for scale in (0.1, 1, 3, 10, 30)]
    best = min(optimize.minimize(value, s, method="Nelder-Mead").fun for s in starts)
    assert value(fit.estimates.theta_standard) < best + 0.005


@pytest.mark.slow
@pytest.mark.parametrize(
    "random, year, level",
    thinned(
        product(["(1|school)", "(0 + sex + age|school)"], [0.0, 2000.0, 1e6], [0.0, 1e3, 1e7]), 5
    ),
)
def test_cell_means_lose_no_digits_far_from_zero(level, year, random):
    """Without an intercept, but with all indicators of a factor, it is the same model."""
    data = pupils(120)
    data = data.assign(score=data["score"] + level, age=data["age"] + year)
    cells = mixedlm(f"score ~ 0 + sex + age + {random}", data).fit()
    usual = mixedlm(f"score ~ sex + age + {random}", data).fit()
    assert cells.llf == pytest.approx(usual.llf, abs=1e-6)
    assert cells.converged
    means = cells.fe_params
    assert means["sex[male]"] - means["sex[female]"] == pytest.approx(
        usual.fe_params["sex[T.male]"], abs=1e-5
    )


# -- long fits -------------------------------------------------------------------------------


def slowly(monkeypatch, act):
    """Fits whose evaluations do something more first."""
    evaluate = Problem.evaluate

    def slow(self, theta):
        act()
        return evaluate(self, theta)

    monkeypatch.setattr(Problem, "evaluate", slow)


@pytest.mark.slow
def test_a_long_fit_shows_its_progress_on_request(data, fit, monkeypatch, capsys):
    waits = iter([1.1])  # a fit of less than a second shows nothing
    slowly(monkeypatch, lambda: time.sleep(next(waits, 0)))
    watched = mixedlm(FORMULA, data).fit(progress=True)
    shown = capsys.readouterr().err
    assert "mixedlm" in shown and "evaluations" in shown and "deviance" in shown
    assert f"deviance {-2 * fit.llf:,.3f}" in shown
    assert watched.llf == fit.llf


def test_a_short_fit_shows_nothing(data, capsys):
    mixedlm(FORMULA, data).fit(progress=True)
    assert capsys.readouterr().err.strip() == ""


def test_an_interrupted_fit_leaves_nothing_behind(data, fit, monkeypatch):
    model, count = mixedlm(FORMULA, data), iter(range(100))

    def interrupt():
        if next(count) == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        slowly(patch, interrupt)
        with pytest.raises(KeyboardInterrupt):
            model.fit(progress=True)
    assert model.fit().llf == fit.llf


def test_a_table_whose_axes_are_named_leaves_the_fit_as_it_is(data):
    one, other = (mixedlm("test_score ~ age + (1|school)", data).fit() for _ in range(2))
    one.fixed_effects.index.name, one.fixed_effects.columns.name = "effect", "what"
    for index in (one.fe_params.index, one.bse_fe.index, other.fixed_effects.columns):
        assert index.name is None
