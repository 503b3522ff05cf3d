"""What statsmodels is told of yes or no and of counts: two programs that run as they stand, and words."""

import warnings

import numpy as np
import pytest
from running import run
from scipy.special import expit
from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

from course import CourseError, load, mixedglm, simulate_schools, translate
from course.translation import generalised_words

SDS = {"school": 0.8, "classroom": 0.5}
PASSED = simulate_schools(4, 6, 2, 8, family="binomial", intercept_sd=SDS, seed=1).data
ABSENT = simulate_schools(4, 6, 2, 8, family="poisson", seed=2).data
NESTED = "passed ~ age + sex + (1|school) + (1|classroom)"


@pytest.fixture(scope="module")
def nested():
    return translate(NESTED, PASSED, family="binomial")


@pytest.fixture(scope="module")
def bayes(nested):
    return run(nested.code, PASSED)


@pytest.fixture(scope="module")
def fit():
    return mixedglm(NESTED, PASSED).fit()


def columns_of(model) -> list[np.ndarray]:
    """The matrix of each variance component of a Bayesian model, sorted so that it can be compared."""
    Z = model.exog_vc.toarray()
    return [
        np.unique(Z[:, np.asarray(model.ident) == i], axis=1) for i in range(model.ident.max() + 1)
    ]


def expected(design) -> list[np.ndarray]:
    found = []
    for grouping in design.groupings:
        for j in range(len(grouping.effects)):
            Z = np.zeros((design.n, grouping.n_levels))
            Z[np.arange(design.n), grouping.codes] = grouping.Z[:, j]
            found.append(np.unique(Z, axis=1))
    return found


def unfitted(code, data):
    """The model that a Bayesian program makes; its search is left out."""
    names = {"data": data.copy()}
    exec(code.split("# fit_vb()")[0], names)
    return names["model"]


def without_search(code):
    """A program that makes its model, and does not fit it."""
    return code.split("# fit_vb()")[0].replace(").fit(", "); (lambda **_: None)(")


# -- the Bayesian program -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "formula",
    [
        NESTED,
        "passed ~ age + sex + (age + sex|school)",
        "passed ~ center(age) + (center(age)||school) + (1|school:room)",
        "passed ~ sex + (0 + sex|school) + (1|teacher_experience)",
        "passed ~ 1 + (1|sex/room)",
    ],
)
def test_the_bayesian_program_has_the_columns_of_the_design(formula):
    data = PASSED.assign(room=PASSED["classroom"].str[-2:])
    t = translate(formula, data, family="binomial")
    model = unfitted(t.code, data)
    np.testing.assert_allclose(model.exog, t.design.X)
    assert model.fep_names == list(t.design.fixed_names)
    for ours, theirs in zip(expected(t.design), columns_of(model), strict=True):
        np.testing.assert_allclose(theirs, ours)
    assert (model.vcp_p, model.fe_p) == (1, 10)


@pytest.mark.slow
def test_the_bayesian_estimates_are_near_those_of_maximum_likelihood(bayes, fit):
    assert np.abs(bayes.fe_mean - fit.fe_params).max() < 0.15
    assert (np.abs(bayes.fe_mean - fit.fe_params) < 0.5 * fit.bse_fe).all()
    # the SD of the intercept where all predictors are at their means: why it gives no intervals
    middle = fit.design.X.mean(axis=0)
    assert bayes.fe_sd[0] < 0.7 * np.sqrt(middle @ fit.cov_params() @ middle)


@pytest.mark.slow
def test_the_narrow_prior_of_statsmodels_pulls_and_ours_does_not(fit):
    call = (
        "passed ~ I(100 * (age - 10)) + I((school_resources + 30) / 3)",
        {"school": "0 + C(school)"},
        PASSED,
    )
    free = mixedglm(f"{call[0]} + (1|school)", PASSED).fit().fe_params.iloc[0]
    t = translate(f"{call[0]} + (1|school)", PASSED, family="binomial")
    wide = run(t.code, PASSED).fe_mean[0]
    narrow = BinomialBayesMixedGLM.from_formula(*call).fit_vb(sd=np.full(28, 0.1)).fe_mean[0]
    assert abs(wide - free) < 0.1 * abs(free) < 0.5 * abs(narrow - free)


@pytest.mark.slow
def test_the_most_likely_effects_have_no_variance():
    """What the program says of fit_map() (findings hold it in full)."""
    model = BinomialBayesMixedGLM.from_formula(
        "passed ~ 1", {"classroom": "0 + C(classroom)"}, PASSED
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sd = np.exp(model.fit_map(rng=1).vcp_mean[0])
    assert (
        sd
        < 1e-6
        < mixedglm("passed ~ 1 + (1|classroom)", PASSED).fit().variance_components["sdcor"].iloc[0]
    )


@pytest.mark.slow
def test_an_offset_of_the_bayesian_program_counts_in_full():
    formula = "days_absent ~ age + {} (1|school)"
    same = ABSENT.assign(span=7.0)
    with_offset = run(
        translate(formula.format("offset(np.log(span)) +"), same, family="poisson").code, same
    )
    without = run(translate(formula.format(""), same, family="poisson").code, same)
    np.testing.assert_allclose(
        with_offset.fe_mean + [np.log(7), 0], without.fe_mean, rtol=0, atol=2e-3
    )
    t = translate(formula.format("offset(np.log(school_days)) +"), ABSENT, family="poisson")
    fit = mixedglm(formula.format("offset(np.log(school_days)) +"), ABSENT, family="poisson").fit()
    assert np.abs(run(t.code, ABSENT).fe_mean - fit.fe_params).max() < 0.03


# -- GEE ------------------------------------------------------------------------------------------


def test_gee_of_equal_clusters_is_their_overall_share():
    t = translate("passed ~ 1 + (1|school)", PASSED, family="binomial")
    result = run(t.gee_code, PASSED)
    assert expit(result.params.iloc[0]) == pytest.approx(PASSED["passed"].mean(), abs=1e-8)
    assert result.cov_type == "bias_reduced"  # 24 clusters are few


def test_gee_has_the_averaged_effects(nested, fit):
    result = run(nested.gee_code, PASSED)
    assert result.params.index.tolist() == ["Intercept", "sex[T.male]", "age"]
    assert result.model.num_group == 24
    # nearer to 0 by about sqrt(1 + 0.346 variance) (Zeger, Liang and Albert 1988)
    variance = fit.variance_components["vcov"].sum()
    shrunk = fit.fe_params / np.sqrt(1 + 0.346 * variance)
    assert (np.abs(result.params - shrunk) < 0.25 * result.bse).all()


@pytest.mark.parametrize(
    ("formula", "groups", "ignored"),
    [
        (NESTED, "school", ()),
        ("passed ~ 1 + (1|classroom)", "classroom", ()),
        ("passed ~ 1 + (1|school:room)", "school_room", ()),
        ("passed ~ 1 + (1|school) + (1|age)", "age", ("school",)),
    ],
)
def test_gee_clusters_by_what_contains_the_rest(formula, groups, ignored):
    data = PASSED.assign(room=PASSED["classroom"].str[-2:])
    t = translate(formula, data, family="binomial")
    assert (t.groups, t.gee.ignored) == (groups, ignored)
    names = {"data": data.copy()}
    exec(t.gee_code.replace(").fit(", ").nobs; rest = (lambda **_: None)("), names)
    assert names["result"] == len(data)
    if ignored:
        assert "too small for what differs between these" in " ".join(t.explain().split())


def test_links_of_gee_and_their_gap_in_the_bayesian_model():
    t = translate(NESTED, PASSED, family="binomial", link="probit")
    assert "has the logit alone, and no probit" in t.gaps[0] and not t.exact
    result = run(t.gee_code, PASSED)
    logit = run(translate(NESTED, PASSED, family="binomial").gee_code, PASSED)
    np.testing.assert_allclose(result.fittedvalues, logit.fittedvalues, atol=0.02)
    assert type(result.model.family.link).__name__ == "Probit"


# -- responses ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("response", "column"),
    [
        ("label", PASSED["passed"].map({1: "yes", 0: "no"})),
        ("label", PASSED["passed"].map({1: "yes", 0: "no"}).astype("category")),
        ("label", PASSED["passed"].map({1: 7, 0: 3}).astype("category")),
        ("flag", PASSED["passed"] == 1),
        ("flag", (PASSED["passed"] == 1).astype(object)),
        ("flag", (PASSED["passed"] == 1).astype("boolean")),
        ("(age * passed > 3)", PASSED["age"]),
        ("passed", PASSED["passed"].astype("Int64")),
    ],
)
def test_whatever_says_yes_or_no_is_the_same_model(nested, response, column):
    data = PASSED.assign(**{column.name if response[0] == "(" else response: column})
    t = translate(NESTED.replace("passed", response), data, family="binomial")
    for code, plain in ((t.code, nested.code), (t.gee_code, nested.gee_code)):
        names, usual = {"data": data.copy()}, {"data": PASSED.copy()}
        exec(without_search(code), names)
        exec(without_search(plain), usual)
        name = "model" if "model" in names else "result"
        np.testing.assert_array_equal(names[name].endog, usual[name].endog)


def test_so_many_of_so_many_get_a_row_for_each_trial():
    by = ["school", "classroom", "school_resources"]
    rooms = PASSED.groupby(by, as_index=False).agg(passed=("passed", "sum"), n=("passed", "size"))
    rooms = rooms.assign(failed=rooms["n"] - rooms["passed"], share=rooms["passed"] / rooms["n"])
    single = translate("passed ~ school_resources + (1|school)", PASSED, family="binomial")
    pair = "cbind(passed, failed) ~ school_resources + (1|school)"
    two = translate(pair, rooms, family="binomial")
    share = translate(
        "share ~ school_resources + (1|school)", rooms, weights="n", family="binomial"
    )
    expected = run(single.gee_code, PASSED).params
    for t in (two, share):
        result = run(t.gee_code, rooms)
        np.testing.assert_allclose(result.params, expected, rtol=1e-6)
        assert result.nobs == len(PASSED)
        assert unfitted(t.code, rooms).endog.sum() == PASSED["passed"].sum()
    assert r"\operatorname{Binomial}(\mathrm{passed\ +\ failed}_i" in two.latex


def test_rows_with_gaps_and_columns_that_are_left_out():
    data = PASSED.assign(age2=2 * PASSED["age"])
    data.loc[[3, 5], "passed"] = np.nan
    t = translate("passed ~ age + age2 + (1|school)", data, family="binomial")
    model = unfitted(t.code, data)
    assert model.exog.shape == (len(data) - 2, 2)
    assert len(run(t.gee_code, data).params) == 2
    assert any("2 of 384 rows are left out" in note for note in t.notes)


# -- words ----------------------------------------------------------------------------------------


def test_the_explanation_says_what_each_program_is_for():
    t = translate("passed ~ age + (age|school)", PASSED, family="binomial")
    said = " ".join(t.explain().split())
    for words in (
        "passed is yes or no",
        "the logit of the probability of passed has an overall intercept",
        "Residual: there is none",
        "fe_p=10",
        "pulls large ones to 0",
        "an SD is pulled towards 1",
        "SDs that are too small: no intervals",
        "intercept and age of school are correlated, and BinomialBayesMixedGLM has independent effects",
        "population-averaged effects",
        "nearer to 0 than those of the mixed model",
    ):
        assert words in said, words
    assert not t.exact and t.vc_formulas == {
        "school": "0 + C(school)",
        "school:age": "0 + C(school):age",
    }
    assert "the nearest that it has" in " ".join(t.code.replace("#", "").split())
    assert "<b>" in t._repr_html_() and r"\operatorname{logit}(p_i) &=" in t.latex


def test_counts_in_words():
    t = translate(
        "days_absent ~ age + offset(np.log(school_days)) + (1|school)", ABSENT, family="poisson"
    )
    said = " ".join(t.explain().split())
    assert "its variance is its mean (Poisson)" in said
    assert (
        "but for the intercept they are those of the mixed model wherever no slope varies" in said
    )
    assert r"\sim \operatorname{Poisson}(\mu_i)" in t.latex and t.exact


def test_the_model_knows_its_translation():
    assert mixedglm(NESTED, PASSED).translation.vc_formulas == {
        "school": "0 + C(school)",
        "classroom": "0 + C(classroom)",
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"family": "binomal"}, "no family 'binomal'; did you mean 'binomial'"),
        ({"family": "poisson", "link": "logit"}, "no link of the poisson family"),
        ({"link": "logit"}, "no link of the gaussian family"),
        ({"famly": "binomial"}, "did you mean family="),
    ],
)
def test_unknown_families_and_links_are_refused(options, message):
    with pytest.raises(CourseError, match=message):
        translate(NESTED, PASSED, **options)


def test_a_response_of_another_kind_is_refused():
    with pytest.raises(CourseError, match="neither yes nor no"):
        translate("test_score ~ age + (1|school)", load("pupils"), family="binomial")
    with pytest.raises(CourseError, match="counts"):
        translate("test_score ~ age + (1|school)", load("pupils"), family="poisson")


def test_a_model_that_would_not_fit_into_memory_says_so(monkeypatch):
    monkeypatch.setattr(generalised_words, "MANY_CELLS", 10_000)
    t = translate("passed ~ 1 + (1|classroom)", PASSED, family="binomial")
    assert "a column for each level of every grouping, 0 GB here" in " ".join(t.explain().split())
