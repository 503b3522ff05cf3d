"""Generalised fits read: against emmeans, performance, lme4 and glmmTMB (answers.R), and by simulation."""

import json

import numpy as np
import pandas as pd
import pytest
from budget import replicates
from generalised_fits import ROOT, by_rows, counts, fit, passed, sloped, table
from scipy import special, stats

from course import (
    CourseError,
    anova,
    between_within,
    bootstrap,
    confint,
    contrasts,
    fixed_effects_table,
    icc,
    means,
    mixedglm,
    mixedlm,
    r2,
    report,
    slopes,
    variance_explained,
    variance_shares,
    wald,
)
from course.fit.latent import mean_count

MODELS = {
    model["id"]: model
    for model in json.loads((ROOT / "tests/reference/answers.json").read_text())["models"]
}
NAMES = {"slope", "nested", "probit", "cloglog", "counts"}  # those with a factor


def ours(model_id):
    model = MODELS[model_id]
    formula = model["formula"].replace("log(", "np.log(")
    return fit(formula, model["data"], model["family"], model["link"])


def patsy(name: str) -> str:
    """R's ``(Intercept)``, ``sexmale`` and ``age:sexmale`` as patsy calls them."""
    parts = []
    for part in name.split(":"):
        for factor in ("sex", "schgend"):
            if part.startswith(factor) and part != factor:
                part = f"{factor}[T.{part.removeprefix(factor)}]"
        parts.append("Intercept" if part == "(Intercept)" else part)
    return ":".join(parts)


def as_list(values):
    return np.atleast_1d(np.array(values, dtype=float))


@pytest.mark.slow
@pytest.mark.parametrize("model_id", MODELS)
def test_the_models_are_those_of_lme4(model_id):
    model, found = MODELS[model_id], ours(model_id)
    assert found.llf == pytest.approx(model["loglik"], abs=1e-4)
    table = fixed_effects_table(found).loc[[patsy(name) for name in as_names(model["names"])]]
    np.testing.assert_allclose(table["estimate"], as_list(model["estimate"]), rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(table["std_error"], as_list(model["std_error"]), rtol=2e-3)
    assert np.isinf(table["df"]).all() and "t" not in table
    np.testing.assert_allclose(
        table["z"], as_list(model["estimate"]) / as_list(model["std_error"]), atol=0.01
    )


def as_names(names):
    return [names] if isinstance(names, str) else names


@pytest.mark.parametrize("scale", ["link", "response"])
@pytest.mark.parametrize("model_id", sorted(NAMES))
def test_means_are_those_of_emmeans(model_id, scale):
    theirs = MODELS[model_id]["marginal_means"]["means"][scale]
    table = means(ours(model_id), MODELS[model_id]["factor"], scale=scale)
    assert list(table.index) == theirs["label"]
    for column in ("estimate", "std_error", "lower", "upper"):
        np.testing.assert_allclose(table[column], theirs[column], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("scale", ["link", "response"])
@pytest.mark.parametrize("model_id", sorted(NAMES - {"probit", "cloglog"}))
def test_contrasts_are_those_of_emmeans(model_id, scale):
    theirs = MODELS[model_id]["marginal_means"]["contrasts"][scale]
    found = ours(model_id)
    table = contrasts(found, MODELS[model_id]["factor"], adjust="none", scale=scale)
    assert list(table.index) == as_names(theirs["label"])
    columns = {"estimate": "ratio" if scale == "response" else "estimate"}
    for column in ("estimate", "std_error", "lower", "upper", "p_value"):
        values = table[columns.get(column, column)]
        np.testing.assert_allclose(values, as_list(theirs[column]), rtol=2e-3, atol=1e-4)
    assert "t" not in table and "z" in table


@pytest.mark.parametrize("scale", ["link", "response"])
@pytest.mark.parametrize("model_id", [name for name, model in MODELS.items() if model["slopes"]])
def test_slopes_are_those_of_emmeans(model_id, scale):
    model = MODELS[model_id]
    theirs, by = model["slopes"][scale], model["factor"]
    table = slopes(
        ours(model_id), model["at"], by=by, at={model["at"]: model["places"]}, scale=scale
    )
    labels = pd.DataFrame(theirs["labels"]).astype({model["at"]: float})
    expected = pd.DataFrame({k: theirs[k] for k in ("estimate", "std_error")}).set_axis(
        pd.MultiIndex.from_frame(labels) if by else pd.Index(labels[model["at"]]), axis=0
    )
    expected = expected.reindex(table.index)
    for column in expected:
        # emmeans takes a difference quotient of a thousandth of the range, to one side
        np.testing.assert_allclose(table[column], expected[column], rtol=3e-3, atol=1e-4)
    np.testing.assert_allclose(table["z"], table["estimate"] / table["std_error"])


@pytest.mark.slow
def test_slopes_of_counts_are_differences_of_expected_counts():
    found, h = counts(), 1e-4
    at = {"age10": [-1.0, 1.0]}
    table = slopes(found, "age10", by="sex", at=at, scale="response")
    low, high = (
        means(found, ["sex", "age10"], at={"age10": [step - 1, step + 1]}, scale="response")
        for step in (-h, h)
    )
    quotient = (high["estimate"].to_numpy() - low["estimate"].to_numpy()) / (2 * h)
    np.testing.assert_allclose(table["estimate"], quotient, rtol=1e-5)
    # the delta method by differences in the coefficients
    rows, offset = [], np.log(table_mean("school_days"))
    for sex in (0, 1):
        for age in (-1.0, 1.0):
            rows.append((np.array([1, sex, age, age * sex]), np.array([0, 0, 1, sex])))
    beta, V = found.estimates.beta, found.estimates.cov_beta
    for (x, dx), error in zip(rows, table["std_error"], strict=True):
        value = lambda b, x=x, dx=dx: np.exp(offset + x @ b) * (dx @ b)  # noqa: E731
        steps = 1e-5 * np.eye(4)
        slope = np.array([(value(beta + s) - value(beta - s)) / 2e-5 for s in steps])
        assert error == pytest.approx(np.sqrt(slope @ V @ slope), rel=1e-4)


def table_mean(column: str) -> float:
    return table("absences")[column].mean()


@pytest.mark.parametrize("model_id", MODELS)
def test_terms_are_tested_as_by_wald_in_contrasts_that_sum_to_0(model_id):
    table = anova(ours(model_id))
    theirs = MODELS[model_id]["terms"]
    assert list(table.columns) == ["chi2", "df", "p_value"]
    for name, row in table.iterrows():
        expected = theirs.get(name) or theirs[":".join(reversed(name.split(":")))]
        assert row["df"] == expected["df"]
        assert row["chi2"] == pytest.approx(expected["chi2"], rel=5e-3, abs=1e-3)


def test_joint_constraints():
    found = sloped()
    both = wald(found, "schgend[T.girls] = 0, schgend[T.mixed] = 0")
    one = wald(found, "schgend[T.girls] = 0")
    assert both["df"].iloc[0] == 2 and both["chi2"].iloc[0] > one["chi2"].iloc[0]
    assert one["chi2"].iloc[0] == pytest.approx(found.tvalues["schgend[T.girls]"] ** 2)


# -- shares ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("model_id", MODELS)
def test_variances_of_rows_are_those_of_the_formulas(model_id):
    theirs, found = MODELS[model_id]["shares"], ours(model_id)
    table = variance_shares(found)
    for name, value in theirs["groups"].items():
        assert table["variance"][name] == pytest.approx(value, rel=5e-3)
    assert table["variance"]["distribution"] == pytest.approx(theirs["row"], rel=2e-3)
    assert table["share"].sum() == pytest.approx(1)
    explained = r2(found)
    for name in ("marginal", "conditional"):
        assert explained[name] == pytest.approx(theirs[name], rel=5e-3)


@pytest.mark.parametrize("model_id", ["slope", "nested", "probit", "cloglog", "trials"])
def test_shares_are_those_of_performance(model_id):
    theirs, found = MODELS[model_id]["performance"], ours(model_id)
    explained = r2(found)
    assert explained["marginal"] == pytest.approx(theirs["marginal"], rel=5e-3)
    assert explained["conditional"] == pytest.approx(theirs["conditional"], rel=5e-3)
    table = variance_shares(found)
    groups = 1 - table["share"]["distribution"]
    assert groups == pytest.approx(theirs["icc"], rel=5e-3)


def test_the_mean_count_of_a_model_without_predictors_is_about_that_of_the_data():
    assert mean_count(counts()) == pytest.approx(table("absences")["days_absent"].mean(), rel=0.05)


@pytest.mark.slow
def test_an_effect_of_each_row_is_no_group_that_two_rows_share():
    found = by_rows()
    assert list(icc(found).index) == ["school"]
    shares, explained = variance_shares(found)["variance"], r2(found)
    fixed = np.var(found.design.X @ found.estimates.beta, ddof=1)
    total = fixed + shares.sum()
    assert explained["conditional"] == pytest.approx((fixed + shares["school"]) / total)
    alone = fit("days_absent ~ age + offset(np.log(school_days)) + (1|row)", "absences", "poisson")
    with pytest.raises(CourseError, match="no two rows share any"):
        icc(alone)
    assert "The expected correlation" not in report(alone)


def test_icc_on_the_latent_scale_has_the_variance_of_the_link():
    found = passed()
    sds = found.variance_components.set_index("group")["vcov"]
    table = icc(found)
    total = sds.sum() + np.pi**2 / 3
    assert table["icc"]["school"] == pytest.approx(sds["school"] / total)
    assert table["icc"]["classroom"] == pytest.approx(sds.sum() / total)
    assert (table["icc_lower"] < table["icc"]).all() and (table["icc_upper"] > table["icc"]).all()


def test_the_interval_of_the_icc_is_that_of_the_sd():
    """With one grouping the ICC is a function of its SD, on whose scales both are Wald's."""
    found = fit("passed ~ age + (1|school)", "passed")
    sd = confint(found, "wald", parameters="sd(Intercept | school)").iloc[0]
    own = icc(found).iloc[0]
    # d logit(icc) = 2 d log(sd)
    ends = sd["estimate"] * np.exp([-1.959964 * sd["std_error"] / sd["estimate"], 0])
    expected = ends[0] ** 2 / (ends[0] ** 2 + np.pi**2 / 3)
    assert own["icc_lower"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("n", replicates(150_000, many=400_000))
@pytest.mark.parametrize("made", [passed, counts, by_rows])
def test_icc_on_the_scale_of_the_response_is_that_of_simulated_pairs(made, n):
    found = made()
    rng, design = np.random.default_rng(1), found.design
    fixed = design.offset + design.X @ found.estimates.beta
    rows = rng.choice(len(fixed), n)
    eta = fixed[rows]
    sds = [np.sqrt(S[0, 0]) for S in found.estimates.covariances]
    names = [grouping.name for grouping in design.groupings]
    own = [rng.normal(0, sd, (2, n)) for sd in sds]  # of each of the two rows
    # means given the fixed part, by the average over new effects
    middle = found.family.average(fixed, np.full(len(fixed), sum(sd**2 for sd in sds)))[rows]
    correlations = icc(found, scale="response")["icc"]
    for name in correlations.index:
        shared = [g for g, one in enumerate(names) if design.nested[names.index(name), g]]
        first = eta + sum(effects[0] for effects in own)
        second = eta + sum(effects[0 if g in shared else 1] for g, effects in enumerate(own))
        draws = [found.family.mean(predictor) for predictor in (first, second)]
        one, two = (found.family.draw(mean, np.ones(n), rng) for mean in draws)
        covariance = ((one - middle) * (two - middle)).mean()
        variance = ((one - middle) ** 2 + (two - middle) ** 2).mean() / 2
        assert correlations[name] == pytest.approx(covariance / variance, abs=0.012)


def test_the_interval_of_the_icc_of_responses_is_that_of_the_sd():
    """Of a model with an intercept and a variance the ICC is a function of these two, in closed form."""
    found = fit("passed ~ 1 + (1|school)", "passed", link="probit")
    own = icc(found, scale="response").iloc[0]

    def logit(beta, sd):
        # two rows pass together with the probability of a bivariate normal variable
        total = 1 + sd**2
        chance = stats.norm.cdf(beta / np.sqrt(total))
        both = stats.multivariate_normal(cov=[[total, sd**2], [sd**2, total]]).cdf([beta, beta])
        return special.logit((both - chance**2) / (chance * (1 - chance)))

    beta, sd = found.fe_params.iloc[0], found.variance_components["sdcor"].iloc[0]
    assert own["icc"] == pytest.approx(special.expit(logit(beta, sd)), rel=1e-5)
    step = 1e-3
    slope = [
        logit(beta + step, sd) - logit(beta - step, sd),
        logit(beta, sd + step) - logit(beta, sd - step),
    ]
    slope = np.array(slope) / (2 * step)
    at, H = np.array([beta, sd]), np.empty((2, 2))
    for i, j in np.ndindex(2, 2):
        corners = [
            deviance_of(found, at + 0.02 * (a * np.eye(2)[i] + b * np.eye(2)[j])) * a * b
            for a in (1, -1)
            for b in (1, -1)
        ]
        H[i, j] = sum(corners) / (4 * 0.02**2)
    half = 1.959964 * np.sqrt(slope @ np.linalg.inv(H / 2) @ slope)
    ends = special.expit(logit(beta, sd) + half * np.array([-1, 1]))
    np.testing.assert_allclose(own[["icc_lower", "icc_upper"]], ends, rtol=5e-3)


def deviance_of(found, at):
    """Laplace's deviance of a model with an intercept and an SD."""
    problem = found.model.problem
    beta, theta = at[:1] / problem.columns.T_x[0], at[1:] / problem.columns.T_z[0][0]
    return problem.evaluate(beta, theta).deviance


@pytest.mark.slow
def test_bootstrapped_intervals_of_the_icc_of_responses():
    found = fit("passed ~ age + (1|school)", "passed")
    run = {"scale": "response", "interval": "bootstrap", "n_boot": 10, "seed": 3, "progress": False}
    table, by_delta = icc(found, **run), icc(found, scale="response")
    assert table["icc"].equals(by_delta["icc"])
    drawn = bootstrap(found, 10, seed=3, progress=False).replicates
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    values = []
    for _, one in drawn.iterrows():
        eta = found.design.X @ one[list(found.fe_params.index)].to_numpy(dtype=float)
        means = special.expit(eta[:, None] + one["sd(Intercept | school)"] * nodes)
        middle = means @ weights / weights.sum()
        between = (means - middle[:, None]) ** 2 @ weights / weights.sum()
        values.append(between.mean() / (middle * (1 - middle)).mean())
    ends = np.quantile(values, [0.025, 0.975])
    np.testing.assert_allclose(table[["icc_lower", "icc_upper"]].iloc[0], ends, rtol=2e-3)


@pytest.mark.slow
def test_icc_of_slopes_depends_on_the_predictor_on_both_scales():
    for scale in ("latent", "response"):
        found = icc(sloped(), at={"standLRT": [-2, 0, 2]}, scale=scale)["icc"]
        assert len(found.unique()) == 3


def test_a_linear_fit_has_one_scale():
    linear = mixedlm("normexam ~ standLRT + schgend + (1|school)", table("exam")).fit()
    pd.testing.assert_frame_equal(icc(linear, scale="response"), icc(linear))
    pd.testing.assert_frame_equal(
        means(linear, "schgend", scale="response"), means(linear, "schgend")
    )


# -- within and between ---------------------------------------------------------------------------


@pytest.mark.slow
def test_slopes_within_and_between_are_those_of_the_model_with_group_means():
    data = table("exam")
    found = fit("above ~ standLRT + (1|school)", "exam")
    row = between_within(found).iloc[0]
    averages = data.groupby("school")["standLRT"].transform("mean")
    larger = mixedglm("above ~ standLRT + averages + (1|school)", data.assign(averages=averages))
    fixed = larger.fit().fixed_effects
    assert row["within"] == pytest.approx(fixed.loc["standLRT", "estimate"], abs=1e-4)
    assert row["difference"] == pytest.approx(fixed.loc["averages", "estimate"], abs=1e-4)
    assert row["p_value"] == pytest.approx(fixed.loc["averages", "p_value"], abs=1e-4)
    assert np.isinf(row["df"])


# -- words ----------------------------------------------------------------------------------------


def test_the_report_has_odds_ratios_and_says_of_whom():
    found = passed()
    said = report(found)
    low, high = found.ratios.loc["age", ["lower", "upper"]]
    assert (
        f"age odds ratio {found.ratios.loc['age', 'ratio']:.3g}, 95% CI [{low:.3g}, {high:.3g}]"
        in said
    )
    for words in (
        "A binomial mixed model (logit link) of passed",
        "maximum likelihood (Laplace)",
        "compare rows of the same school and classroom (they are conditional on the random effects)",
        "averaged over the population, effects are nearer to 1",
        "Standard deviations (logit scale)",
        "on the scale of the logit",
    ):
        assert words in said, words
    assert "residual" not in said


@pytest.mark.slow
def test_the_report_of_counts_speaks_of_rates_and_of_rows():
    said = report(by_rows())
    assert "age rate ratio" in said and "one of each row, for overdispersion" in said
    assert "nearer to" not in said  # a rate ratio is the same for the population


def test_the_report_of_a_probit_has_no_ratios():
    said = report(ours("probit"))
    assert "age (probit scale)" in said and "ratio" not in said


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: fixed_effects_table(f, "kenward-roger"), "leave df= out for z tests"),
        (lambda f: fixed_effects_table(f, robust="school"), "gee_code"),
        (lambda f: anova(f, "kenward-roger"), "leave df= out"),
        (lambda f: means(f, "sex", df="kenward-roger"), "leave df= out"),
        (lambda f: variance_explained(f), r"Take r2\(fit\)"),
        (lambda f: icc(f, scale="reponse"), "did you mean 'response'"),
        (lambda f: means(f, "sex", scale="logit"), "no scale 'logit'"),
    ],
)
def test_what_a_generalised_fit_has_not_is_refused_with_what_it_has(call, message):
    with pytest.raises(CourseError, match=message):
        call(passed())


def test_a_probit_has_no_ratios():
    with pytest.raises(CourseError, match=r'fit with link="logit" for odds ratios'):
        contrasts(ours("probit"), "sex", scale="response")
