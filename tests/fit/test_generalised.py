"""Responses of yes or no and of counts, what is refused, predictions, refits, words."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from generalised_data import fit, pupils

from course import CourseError, mixedglm, mixedlm, report

SIMPLE = "passed ~ age + (1|school)"
DAYS = "absent ~ age + offset(np.log(days)) + (1|school)"


# -- responses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(lambda d: (d.passed == "yes").astype(int), id="0 and 1"),
        pytest.param(lambda d: (d.passed == "yes").astype(float), id="0.0 and 1.0"),
        pytest.param(lambda d: d.passed == "yes", id="True and False"),
        pytest.param(lambda d: (d.passed == "yes").astype("boolean"), id="nullable"),
        pytest.param(
            lambda d: d.passed.map({"yes": "a", "no": "b"}).astype(pd.CategoricalDtype(["b", "a"])),
            id="order",
        ),
    ],
)
def test_all_ways_to_say_yes_or_no_are_one(response):
    data = pupils().assign(answer=response(pupils()))
    assert mixedglm("answer ~ age + (1|school)", data).fit().llf == pytest.approx(fit(SIMPLE).llf)


def test_the_second_label_in_order_is_counted_and_told():
    found = fit(SIMPLE)
    assert found.design.counted == ("yes", "no")
    assert str(found.summary()).count("Counted is 'yes' of the response passed (against 'no')") == 1
    assert found.notes[0] == "Counted is 'yes' of the response passed (against 'no')."
    assert fit("(passed == 'yes') ~ age + (1|school)").llf == pytest.approx(found.llf)
    other = fit("(passed == 'no') ~ age + (1|school)")
    np.testing.assert_allclose(other.fe_params, -found.fe_params, atol=1e-6)
    assert not other.notes or "Counted" not in other.notes[0]


def test_so_many_of_so_many_in_each_of_its_forms():
    pair = fit("cbind(right, wrong) ~ age + (1|school)")
    rest = fit("cbind(right, trials - right) ~ age + (1|school)")
    share = mixedglm("share ~ age + (1|school)", pupils(), weights="trials").fit()
    assert pair.llf == pytest.approx(rest.llf) == pytest.approx(share.llf)
    # one row for each trial says the same, but for the number of ways to order them
    long = pupils().loc[pupils().index.repeat(pupils().trials)]
    order = long.groupby("row").cumcount()
    one_by_one = mixedglm("answer ~ age + (1|school)", long.assign(answer=order < long.right)).fit()
    np.testing.assert_allclose(one_by_one.fe_params, pair.fe_params, atol=1e-6)
    np.testing.assert_allclose(one_by_one.bse_fe, pair.bse_fe, rtol=1e-5)
    assert pair.nobs == len(pupils()) and pair.trials.sum() == len(long)


def test_an_effect_of_each_row_is_for_counts_and_for_trials():
    assert fit("cbind(right, wrong) ~ age + (1|row)").n_groups == {"row": 400}
    with pytest.raises(CourseError, match="the chance of a single yes or no"):
        fit("passed ~ age + (1|row)")


def test_rows_with_missing_values_are_left_out_and_told():
    data = pupils().assign(passed=pupils().passed.where(pupils().row > 4))
    found = mixedglm(SIMPLE, data).fit()
    assert found.nobs == 395 and "5 of 400 rows are left out" in " ".join(found.notes)


REFUSED = {
    "age ~ sex + (1|school)": "(age > ",
    "test ~ sex + (1|school)": "cbind(passed, failed)",
    "share ~ age + (1|school)": "weights=",
    "sexes ~ age + (1|school)": "3 labels",
    "two ~ age + (1|school)": "(two == 2)",
    "cbind(age, right) ~ sex + (1|school)": "whole number",
    "cbind(minus, right) ~ age + (1|school)": "negative",
    "cbind(zero, none) ~ age + (1|school)": "a row without trials",
    "one ~ age + (1|school)": "'yes' in every row",
    "zero ~ age + (1|school)": "0 in every row",
}


@pytest.mark.parametrize("formula", REFUSED)
def test_what_is_no_yes_or_no_is_refused_with_its_mend(formula):
    with pytest.raises(CourseError) as caught:
        mixedglm(formula, strange())
    assert REFUSED[formula] in str(caught.value)


COUNTS_REFUSED = {
    "age ~ sex + (1|school)": "offset(np.log(exposure))",
    "minus ~ age + (1|school)": "negative",
    "passed ~ age + (1|school)": 'family="binomial"',
    "cbind(right, wrong) ~ age + (1|school)": 'family="binomial"',
    "zero ~ age + (1|school)": "0 in every row",
}


@pytest.mark.parametrize("formula", COUNTS_REFUSED)
def test_what_is_no_count_is_refused_with_its_mend(formula):
    with pytest.raises(CourseError) as caught:
        mixedglm(formula, strange(), family="poisson")
    assert COUNTS_REFUSED[formula] in str(caught.value)


def strange() -> pd.DataFrame:
    """`pupils` with responses that are none."""
    data = pupils().assign(minus=-1.0, zero=0, none=0, two=pupils().trials % 2 + 1)
    data["minus"] = np.where(data.row == 7, -1.0, data.right)
    data["one"] = pd.Categorical(["yes"] * len(data), ["no", "yes"])
    return data.assign(sexes=np.resize(["girl", "boy", "other"], len(data)))


def test_weights_that_are_no_trials_are_refused():
    half = pupils().assign(half=pupils().trials + 0.5)
    with pytest.raises(CourseError, match="how many trials"):
        mixedglm("share ~ age + (1|school)", half, weights="half")
    with pytest.raises(CourseError, match="times the trials in weights= is not a whole number"):
        mixedglm("share ~ age + (1|school)", pupils().assign(three=3), weights="three")
    with pytest.raises(CourseError, match="sum of its two columns"):
        mixedglm("cbind(right, wrong) ~ age + (1|school)", pupils(), weights="trials")


@pytest.mark.parametrize(
    "options, told",
    [
        ({"family": "binomal"}, "did you mean 'binomial'"),
        ({"family": "gaussian"}, "mixedlm"),
        ({"family": None}, 'write family="binomial"'),
        ({"family": sm.families.Binomial()}, 'takes a name: write family="binomial"'),
        ({"family": sm.families.Poisson}, 'write family="poisson"'),
        ({"family": sm.families.Gaussian()}, "mixedlm"),
        ({"link": sm.families.links.Probit()}, "<Probit>; did you mean 'probit'"),
        ({"link": "logit", "family": "poisson"}, "'log'"),
        ({"link": "logits"}, "did you mean 'logit'"),
        ({"nAGQ": 5}, "fit"),
        ({"reml": False}, "REML"),
    ],
)
def test_unknown_families_links_and_keywords(options, told):
    with pytest.raises(CourseError) as caught:
        mixedglm(SIMPLE, pupils(), **options)
    assert told in str(caught.value)


@pytest.mark.parametrize("nagq", [0, 26, 2.5, "7", True])
def test_nodes_that_are_none(nagq):
    with pytest.raises(CourseError, match="nagq"):
        mixedglm(SIMPLE, pupils()).fit(nagq=nagq)


@pytest.mark.parametrize("random", ["(age|school)", "(1|school) + (1|test)", "(age||school)"])
def test_quadrature_is_for_one_effect_of_one_grouping(random):
    with pytest.raises(CourseError, match=r"\(1\|school\)"):
        mixedglm(f"passed ~ age + {random}", pupils()).fit(nagq=5)


def test_a_formula_without_random_terms_and_one_for_the_other_function():
    with pytest.raises(CourseError, match=r"\(1\|school\)"):
        mixedglm("passed ~ age", pupils())
    with pytest.raises(CourseError, match="mixedglm"):
        mixedlm("cbind(right, wrong) ~ age + (1|school)", pupils())
    with pytest.raises(CourseError, match="mixedglm"):
        mixedlm("(passed == 'yes') ~ age + (1|school)", pupils())
    with pytest.raises(CourseError, match="mixedglm"):
        mixedlm("right ~ age + (1|school)", pupils(), family="poisson")


# -- what is separated ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
def test_a_predictor_that_separates_yes_from_no_is_told(link):
    data = pupils().assign(answer=pupils().age > 10)
    found = mixedglm("answer ~ age + (1|school)", data, link=link).fit()
    assert not found.converged
    assert "age" in map(str, found.estimates.runaway)
    assert "grow" in found.notes[0] and "without end" in found.notes[0]


@pytest.mark.filterwarnings("error")
def test_the_ratio_of_an_effect_without_end_goes_from_0_to_infinity():
    data = pupils().assign(label=np.where(pupils().passed == "yes", "b", "a"))
    found = mixedglm("passed ~ label + (1|school)", data).fit()
    assert found.ratios.loc["label[T.b]", ["lower", "upper"]].tolist() == [0, np.inf]
    (row,) = (line for line in str(found.summary()).splitlines() if "  label[T.b] " in line)
    assert row.endswith("0 to inf")
    assert "95% CI [0, inf]" in report(found)


@pytest.mark.slow
def test_a_level_in_which_nobody_passed_is_told():
    answer = np.where(pupils().test == 3, 0, pupils().passed == "yes")
    found = mixedglm("answer ~ C(test) + (1|school)", pupils().assign(answer=answer)).fit()
    assert [str(one) for one in found.estimates.runaway] == ["C(test)[T.3]"]
    absent = np.where(pupils().test == 3, 0, pupils().absent)
    found = mixedglm(
        "absent ~ C(test) + (1|school)", pupils().assign(absent=absent), "poisson"
    ).fit()
    assert [str(one) for one in found.estimates.runaway] == ["C(test)[T.3]"]


def test_a_singular_fit_is_an_answer():
    rng = np.random.default_rng(5)
    data = pupils().assign(answer=rng.random(400) < 0.4)
    found = mixedglm("answer ~ age + (1|school) + (1|test)", data).fit()
    assert found.converged and found.singular
    assert "Singular fit" in found.notes[0]
    assert (found.variance_components.sdcor < 1e-4).any()


# -- numbers -------------------------------------------------------------------------------------------


def test_ratios_are_exponentials_and_none_for_the_probit():
    found = fit("passed ~ age + sex + (1|school)")
    table = found.fixed_effects
    assert list(found.ratios.index) == ["sex[T.girl]", "age"]
    np.testing.assert_allclose(found.ratios["ratio"], np.exp(found.fe_params[found.ratios.index]))
    np.testing.assert_allclose(found.ratios["upper"], np.exp(table.upper[found.ratios.index]))
    np.testing.assert_allclose(table.z, found.tvalues)
    with pytest.raises(CourseError, match="logit"):
        _ = fit(SIMPLE, link="probit").ratios


def test_a_slip_in_what_is_to_be_added_is_answered_with_what_there_is():
    with pytest.raises(CourseError, match="'all', 'none' or 'average'; did you mean 'average'"):
        fit(SIMPLE).predict(random="averge")
    with pytest.raises(CourseError, match="did you mean 'none'"):
        fit(SIMPLE).predict(random="non")


def test_predictions_of_new_rows_and_of_those_of_the_fit_agree():
    for found in (fit(SIMPLE), fit(DAYS, "poisson")):
        rows = pupils().iloc[:7]
        for random in ("all", "none", "average", ["school"]):
            for kind in ("response", "link"):
                ours = found.predict(random=random, kind=kind)[:7]
                np.testing.assert_allclose(found.predict(rows, random=random, kind=kind), ours)
        pd.testing.assert_series_equal(found.fittedvalues, found.predict())
    unknown = fit(SIMPLE).predict(pupils().head(2).assign(school=99))
    np.testing.assert_allclose(unknown, fit(SIMPLE).predict(random="none")[:2])


@pytest.mark.parametrize(
    "formula, family, link",
    [
        ("passed ~ age + (age|school)", "binomial", "logit"),
        (DAYS, "poisson", "log"),
        (SIMPLE, "binomial", "cloglog"),
    ],
)
def test_averages_are_those_over_many_groups(formula, family, link):
    found = fit(formula, family, link)
    rng = np.random.default_rng(0)
    (grouping,), (factor,) = found.design.groupings, found.estimates.factors
    eta = found.predict(random="none", kind="link").to_numpy()[:5]
    effects = rng.standard_normal((400_000, len(factor))) @ factor.T
    drawn = found.family.mean(eta[:, None] + grouping.Z[:5] @ effects.T)
    ours = found.predict(random="average")[:5]
    np.testing.assert_allclose(ours, drawn.mean(axis=1), atol=4 * (drawn.std(axis=1) / 632).max())
    link_of = found.predict(random="average", kind="link")
    np.testing.assert_allclose(
        found.family.mean(link_of.to_numpy()), found.predict(random="average")
    )


def test_the_average_of_pupils_is_closer_to_the_middle_than_the_average_pupil():
    found = fit("passed ~ age + (1|school) + (1|classroom)")
    one, many = found.predict(random="none"), found.predict(random="average")
    assert ((many - 0.5).abs() <= (one - 0.5).abs() + 1e-12).all()


def test_residuals():
    found = fit("cbind(right, wrong) ~ age + (1|school)")
    left = pupils().share - found.fittedvalues
    np.testing.assert_allclose(found.resid("response"), left)
    sd = np.sqrt(found.fittedvalues * (1 - found.fittedvalues) / pupils().trials)
    np.testing.assert_allclose(found.resid("pearson"), left / sd)
    assert (np.sign(found.resid()) == np.sign(left)).all()
    with pytest.raises(CourseError, match="pearson"):
        found.resid("persons")


@pytest.mark.slow
@pytest.mark.parametrize("nagq", [1, 5])
def test_a_refit_is_the_fit_to_other_data(nagq):
    formula, rng = "cbind(right, wrong) ~ age + (1|school)", np.random.default_rng(8)
    y = rng.binomial(pupils().trials, 0.4) / pupils().trials
    again = fit(formula, nagq=nagq).refit(y)
    data = pupils().assign(right=np.rint(y * pupils().trials))
    whole = mixedglm("cbind(right, trials - right) ~ age + (1|school)", data).fit(nagq)
    assert again.llf == pytest.approx(whole.llf, abs=1e-7)
    np.testing.assert_allclose(again.fe_params, whole.fe_params, atol=1e-5)
    assert [one.llf for one in fit(formula, nagq=nagq).refit_all([y, y])] == [again.llf] * 2
    for wrong in (y[:-1], np.full(400, 0.5), y + 2, np.full(400, np.nan), np.zeros(400)):
        with pytest.raises(CourseError):
            fit(formula, nagq=nagq).refit(wrong)


def test_units_of_predictors_do_not_matter():
    data = pupils().assign(age=pupils().age * 1e4 + 3e6)
    far = mixedglm("passed ~ age + (age|school)", data).fit()
    near = fit("passed ~ age + (age|school)")
    assert far.llf == pytest.approx(near.llf, abs=1e-6)
    assert far.fe_params["age"] * 1e4 == pytest.approx(near.fe_params["age"], rel=1e-4)
    assert far.bse_fe["age"] * 1e4 == pytest.approx(near.bse_fe["age"], rel=1e-3)


def test_a_fit_can_be_stored():
    import pickle

    again = pickle.loads(pickle.dumps(fit(SIMPLE)))
    assert str(again.summary()) == str(fit(SIMPLE).summary())
    pd.testing.assert_series_equal(
        again.predict(pupils().head(3)), fit(SIMPLE).predict(pupils().head(3))
    )


def test_words():
    found = fit(DAYS, "poisson")
    assert repr(found) == f"<MixedGLMFit {found.formula}, poisson (log), Laplace, 400 rows>"
    text = str(found.summary())
    assert (
        "poisson with link log, by Laplace" in text
        and "Rate ratio" in text
        and "Residual" not in text
    )
    assert "<table>" in found.summary()._repr_html_()
    assert "quadrature with 7 nodes" in str(fit(SIMPLE, nagq=7).summary())
    assert "ratio" not in str(fit(SIMPLE, link="probit").summary())
    assert found.df_resid == 400 - found.n_params == 400 - 3
