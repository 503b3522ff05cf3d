"""Sampling weights: copies of rows and schools, a dense pseudo-likelihood, replicates by hand, and truths."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from surveys import BY_ROW, copied, made

from course import (
    CourseError,
    MixedFit,
    anova,
    bootstrap,
    compare,
    confint,
    diagnose,
    fixed_effects_table,
    mixedlm,
    pool,
    profile,
    report,
    simulate_assessment,
    wald,
)
from course.design.design import build_design
from course.design.sampling_weights import read_sampling_weights
from course.fit.survey import SurveyFit
from course.formula.parse import parse_formula
from course.solver.pseudo_likelihood import PseudoProblem
from course.solver.sandwich import cluster_scores

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = json.loads((ROOT / "tests/reference/survey.json").read_text("utf-8"))
RANDOM_SLOPES = "y ~ x + (x|school)"
THREE_LEVELS = {"pupil|room": "w", "room|school": "u", "school": "v"}


def same_optimum(fit, other, likelihood=True):
    np.testing.assert_allclose(fit.fe_params, other.fe_params, rtol=1e-6)
    components = fit.variance_components["vcov"], other.variance_components["vcov"]
    np.testing.assert_allclose(*components, rtol=2e-5, atol=1e-7)
    if likelihood:
        assert fit.llf == pytest.approx(other.llf, rel=1e-10)


@pytest.fixture(scope="module")
def data():
    return made()


@pytest.fixture(scope="module")
def fit(data):
    return mixedlm(RANDOM_SLOPES, data, weights=BY_ROW, scaling=None).fit()


# --- the optimum -----------------------------------------------------------------------------


def test_weights_of_one_are_maximum_likelihood(data):
    ones = data.assign(one=1)
    by_ml = mixedlm(RANDOM_SLOPES, data).fit(reml=False)
    for scaling in ("size", "effective", None):
        weighted = mixedlm(
            RANDOM_SLOPES, ones, weights={"pupil": "one", "school": "one"}, scaling=scaling
        ).fit()
        np.testing.assert_allclose(weighted.fe_params, by_ml.fe_params, rtol=1e-8)
        components = weighted.variance_components["vcov"], by_ml.variance_components["vcov"]
        np.testing.assert_allclose(*components, rtol=1e-8)
        assert weighted.llf == pytest.approx(by_ml.llf, rel=1e-12)
        for name, effects in by_ml.random_effects.items():
            np.testing.assert_allclose(weighted.random_effects[name], effects, rtol=1e-7)


def test_whole_weights_of_rows_are_copies_of_rows(data):
    weighted = mixedlm(RANDOM_SLOPES, data, weights={"pupil|school": "w"}, scaling=None).fit()
    same_optimum(weighted, mixedlm(RANDOM_SLOPES, copied(data, "w")).fit(reml=False))


def test_whole_weights_of_schools_are_copies_of_schools(data):
    weighted = mixedlm(RANDOM_SLOPES, data, weights={"school": "v"}).fit()
    copies = mixedlm(RANDOM_SLOPES, copied(data, units=[("school", "v")])).fit(reml=False)
    same_optimum(weighted, copies)


def test_weights_of_both_levels_are_copies_of_both(data, fit):
    copies = copied(data, "w", [("school", "v")])
    same_optimum(fit, mixedlm(RANDOM_SLOPES, copies).fit(reml=False))


@pytest.mark.slow
@pytest.mark.parametrize(
    "formula", ["y ~ x + (1|school) + (1|room)", "y ~ x + (x|school) + (1|room)"]
)
def test_three_levels_are_copies_of_three(data, formula):
    weighted = mixedlm(formula, data, weights=THREE_LEVELS, scaling=None).fit()
    copies = copied(data, "w", [("school", "v"), ("room", "u")])
    same_optimum(weighted, mixedlm(formula, copies).fit(reml=False))


def test_the_unit_of_the_weights_at_the_top_does_not_matter(data, fit):
    other = mixedlm(
        RANDOM_SLOPES, data.assign(v=1000.0 * data["v"]), weights=BY_ROW, scaling=None
    ).fit()
    same_optimum(fit, other, likelihood=False)
    np.testing.assert_allclose(fit.bse_fe, other.bse_fe, rtol=1e-6)
    assert other.llf == pytest.approx(1000 * fit.llf, rel=1e-10)


@pytest.mark.parametrize("name", REFERENCE["models"])
def test_weights_of_rows_are_those_of_glmmtmb(name):
    """Weights that are no whole numbers: glmmTMB multiplies the rows' log-densities by them."""
    model = REFERENCE["models"][name]
    data = pd.read_csv(ROOT / model["data"]).iloc[:: model["every"]]
    data = data.assign(w=0.5 * (1 + np.arange(len(data)) % 7))
    fit = mixedlm(model["formula"], data, weights={"row": "w"}, scaling=None).fit()
    assert fit.llf == pytest.approx(model["llf"], abs=1e-5)
    np.testing.assert_allclose(
        fit.fe_params[list(model["fixed"])], list(model["fixed"].values()), rtol=1e-4
    )
    assert fit.sigma == pytest.approx(model["sigma"], rel=1e-4)
    blocks = [
        covariance[np.ix_(block, block)]
        for grouping, covariance in zip(
            fit.design.groupings, fit.estimates.covariances, strict=True
        )
        for block in grouping.blocks
    ]
    for ours, theirs in zip(blocks, model["covariances"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3)


def problem_of(formula, data, weights, **options):
    design = build_design(parse_formula(formula), data)
    keep = np.ones(len(data), dtype=bool)
    return PseudoProblem(design, read_sampling_weights(weights, design, data, keep, **options))


@pytest.mark.parametrize(
    "formula, weights",
    [(RANDOM_SLOPES, BY_ROW), ("y ~ x + (x|school) + (x||room)", THREE_LEVELS)],
)
def test_gradient_and_scores_are_those_of_differences(data, formula, weights):
    problem = problem_of(formula, data, weights)
    theta = problem.start + 0.1
    at = problem.evaluate(theta)
    step = 1e-5 * np.eye(len(theta))
    differences = [
        (
            problem.deviance(problem.evaluate(theta + h), False)
            - problem.deviance(problem.evaluate(theta - h), False)
        )
        / 2e-5
        for h in step
    ]
    np.testing.assert_allclose(problem.gradient(at, False), differences, rtol=1e-6, atol=1e-5)
    # the scores of the clusters add up to the same slope: by G, by way of theta
    sigma2 = at.r2 / problem.n
    G = [sigma2 * factor @ factor.T for factor in at.factors]
    _, by_G, _ = cluster_scores(problem, at.beta, G, sigma2)
    by_theta = [
        -4 * sigma2 * slope.sum(axis=2) @ factor
        for slope, factor in zip(by_G, at.factors, strict=True)
    ]
    np.testing.assert_allclose(problem.pack(by_theta), differences, rtol=1e-6, atol=1e-5)


# --- the sandwich --------------------------------------------------------------------------


def dense_sandwich(data, fit, strata=None):
    """The sandwich of a two-level fit by differences of its pseudo-log-likelihood, written out densely."""
    names = ["beta0", "beta1", "g00", "g10", "g11", "s2"]
    G = fit.estimates.covariances[0]
    psi = np.array([*fit.fe_params, G[0, 0], G[1, 0], G[1, 1], fit.scale])
    rows = fit.model.weights.rows
    parts = []
    for _, part in data.groupby("school"):
        positions = part.index.to_numpy()
        X = np.column_stack([np.ones(len(part)), part["x"]])
        parts.append((part["y"].to_numpy(), X, rows[positions], float(part["v"].iloc[0])))

    def of_clusters(values):
        beta, G = values[:2], np.array([[values[2], values[3]], [values[3], values[4]]])
        found = []
        for y, X, w, v in parts:
            V = values[5] * np.diag(1 / w) + X @ G @ X.T
            r = y - X @ beta
            inside = np.linalg.slogdet(np.eye(2) + X.T @ (w[:, None] * X) @ G / values[5])[1]
            logs = w.sum() * np.log(2 * np.pi * values[5]) + inside
            found.append(-v / 2 * (logs + r @ np.linalg.solve(V, r)))
        return np.array(found)

    h = 1e-4 * np.maximum(np.abs(psi), 0.1)
    steps = np.diag(h)
    scores = np.stack(
        [
            (of_clusters(psi + s) - of_clusters(psi - s)) / (2 * d)
            for s, d in zip(steps, h, strict=True)
        ],
        axis=1,
    )
    A = np.empty((len(names),) * 2)
    for i, (s, d) in enumerate(zip(steps, h, strict=True)):
        for j, (t, e) in enumerate(zip(steps, h, strict=True)):
            four = [of_clusters(psi + a * s + b * t).sum() for a in (1, -1) for b in (1, -1)]
            A[i, j] = -(four[0] - four[1] - four[2] + four[3]) / (4 * d * e)
    strata = np.zeros(len(parts), dtype=int) if strata is None else strata
    B = np.zeros_like(A)
    for stratum in np.unique(strata):
        here = scores[strata == stratum]
        apart = here - here.mean(axis=0)
        B += len(here) / (len(here) - 1) * apart.T @ apart
    inverse = np.linalg.inv(A)
    assert fit.llf == pytest.approx(of_clusters(psi).sum(), rel=1e-10)
    return inverse @ B @ inverse


@pytest.mark.parametrize("stratified", [False, True])
def test_the_sandwich_is_that_of_the_likelihood_written_out(data, fit, stratified):
    strata = None
    if stratified:
        fit = mixedlm(RANDOM_SLOPES, data, weights=BY_ROW, scaling=None, strata="stratum").fit()
        by_school = data.groupby("school")["stratum"].first()
        strata = (by_school == "A").to_numpy().astype(int)
    covariance = dense_sandwich(data, fit, strata)
    assert fit.df == (10 if stratified else 11)
    np.testing.assert_allclose(fit.cov_params(), covariance[:2, :2], rtol=1e-3, atol=1e-6)
    table = fit.variance_components.set_index(["group", "effect", "effect2"])["std_error"]
    # the rows of the table: both variances, their covariance, the residual
    expected = np.sqrt(np.diagonal(covariance)[[2, 4, 3, 5]])
    np.testing.assert_allclose(table, expected, rtol=1e-3)
    assert fit.errors.entries == ((0, 0, 0), (0, 1, 0), (0, 1, 1))
    variances, expected = fit.errors.cov_variances, covariance[2:, 2:]
    sds = np.sqrt(np.diagonal(expected))
    np.testing.assert_allclose(
        variances / np.outer(sds, sds), expected / np.outer(sds, sds), atol=2e-3
    )


def test_the_mean_of_schools_of_one_size_has_the_standard_error_of_a_mean():
    data = made(schools=9, rooms=1, pupils=5)
    fit = mixedlm("y ~ 1 + (1|school)", data.assign(v=7), weights={"school": "v"}).fit()
    means = data.groupby("school")["y"].mean()
    assert fit.fe_params["Intercept"] == pytest.approx(means.mean(), rel=1e-9)
    assert fit.bse_fe["Intercept"] == pytest.approx(means.std() / 3, rel=1e-6)
    assert fit.df == 8
    row = fit.fixed_effects.loc["Intercept"]
    half = stats.t.ppf(0.975, 8) * means.std() / 3
    assert row["upper"] - row["estimate"] == pytest.approx(half, rel=1e-6)


def test_without_weights_it_is_the_cluster_robust_standard_error():
    """Balanced, with a predictor that is the same in all schools: then CR0 is exact but for J / (J - 1)."""
    data = made(schools=10, rooms=1, pupils=6)
    data["x"] = np.tile(np.arange(6) - 2.5, 10)
    by_ml = mixedlm("y ~ x + (1|school)", data).fit(reml=False)
    robust = fixed_effects_table(by_ml, robust="school", correction="CR0")["std_error"]
    fit = mixedlm("y ~ x + (1|school)", data.assign(v=1), weights={"school": "v"}).fit()
    np.testing.assert_allclose(fit.bse_fe, robust * np.sqrt(10 / 9), rtol=1e-6)


def test_a_variance_of_zero_has_no_standard_error():
    data = made(schools=9, rooms=1, pupils=5)
    for name in ("y", "x"):
        data[name] = data[name] - data.groupby("school")[name].transform("mean")
    fit = mixedlm("y ~ x + (1|school)", data, weights={"school": "v"}).fit()
    assert fit.singular and any("Singular" in note for note in fit.notes)
    assert np.isnan(fit.variance_components["std_error"].iloc[0])
    # what is left is weighted least squares with a sandwich by school
    X, w = np.column_stack([np.ones(45), data["x"]]), data["v"].to_numpy()
    bread = np.linalg.inv(X.T @ (w[:, None] * X))
    beta = bread @ X.T @ (w * data["y"])
    scores = X * (w * (data["y"] - X @ beta)).to_numpy()[:, None]
    by_school = pd.DataFrame(scores).groupby(data["school"].to_numpy()).sum()
    meat = by_school.T.to_numpy() @ by_school.to_numpy() * 9 / 8
    np.testing.assert_allclose(fit.fe_params, beta, rtol=1e-7, atol=1e-9)
    # sigma squared and beta are tied in A alone where scores do not add up to 0, and here they do
    np.testing.assert_allclose(fit.cov_params(), bread @ meat @ bread, rtol=1e-6, atol=1e-12)


# --- which weight is of which level --------------------------------------------------------


def weights_of(data, weights, formula="y ~ 1 + (1|school) + (1|room)", **options):
    return problem_of(formula, data, weights, **options).weights


def test_overall_weights_are_divided_by_those_above(data):
    overall = data.assign(room_w=data["u"] * data["v"], w_all=data["w"] * data["u"] * data["v"])
    keys = {"pupil": "w_all", "room": "room_w", "school": "v"}
    for scaling in ("size", "effective", None):
        found = weights_of(overall, keys, scaling=scaling)
        given = weights_of(data, THREE_LEVELS, scaling=scaling)
        np.testing.assert_allclose(found.rows, given.rows, rtol=1e-12)
        for one, other in zip(found.levels, given.levels, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)
        np.testing.assert_allclose(found.overall, overall["w_all"])
    half = weights_of(overall, {"pupil": "w_all", "school": "v"}, scaling=None)
    np.testing.assert_allclose(half.levels[0], 1)  # rooms are not weighted within schools
    np.testing.assert_allclose(half.rows, data["w"] * data["u"])
    by_school = weights_of(
        data.assign(c=data["w"] * data["u"]), {"pupil|school": "c", "school": "v"}, scaling=None
    )
    np.testing.assert_allclose(by_school.rows, half.rows)


def test_scaling_by_its_formula(data):
    w = data["w"].astype(float)
    room = data["room"]
    sums, squares = w.groupby(room).transform("sum"), (w**2).groupby(room).transform("sum")
    size = w.groupby(room).transform("size")
    key = {"pupil|room": "w"}
    np.testing.assert_allclose(weights_of(data, key).rows, w * size / sums)
    np.testing.assert_allclose(weights_of(data, key, scaling="effective").rows, w * sums / squares)
    np.testing.assert_allclose(weights_of(data, key, scaling=None).rows, w)
    # rooms within schools, too
    rooms = data.groupby("room")[["school", "u"]].first()
    total = rooms.groupby("school")["u"].transform("sum")
    problem = problem_of("y ~ 1 + (1|school) + (1|room)", data, {"room|school": "u"})
    levels = problem.design.groupings[1].levels
    expected = (3 * rooms["u"] / total).reindex(levels)
    np.testing.assert_allclose(problem.weights.levels[0], expected)


def about_weights(fit):
    return next(note for note in fit.notes if note.startswith("Sampling weights"))


def test_what_was_taken_is_told(data):
    overall = data.assign(w_all=data["w"] * data["v"])
    fit = mixedlm(RANDOM_SLOPES, overall, weights={"pupil": "w_all", "school": "v"}).fit()
    assert about_weights(fit) == (
        "Sampling weights: school by v and pupil by w_all (overall, divided by the weight of school); below "
        "the top they are scaled within each unit to the number of units in the sample. Standard errors are "
        "those of the sandwich."
    )
    alone = mixedlm(RANDOM_SLOPES, data, weights={"pupil": "w"}, scaling=None).fit()
    assert about_weights(alone) == (
        "Sampling weights: school not weighted and pupil by w; below the top they are not scaled. Standard "
        "errors are those of the sandwich."
    )
    assert any("12 levels of school" in note for note in alone.notes)  # few for a sandwich


def test_weights_below_one_after_the_division_are_told(data):
    fit = mixedlm(RANDOM_SLOPES, data, weights={"pupil": "w", "school": "v"}, scaling=None).fit()
    assert any('Then write "pupil|school"' in note for note in fit.notes)
    right = mixedlm(RANDOM_SLOPES, data, weights=BY_ROW, scaling=None).fit()
    assert not any("Then write" in note for note in right.notes)


def test_incomplete_rows_are_left_out_with_their_weights(data):
    gaps = data.assign(x=data["x"].mask(data.index % 7 == 0))
    whole = mixedlm(RANDOM_SLOPES, gaps.dropna(), weights=BY_ROW).fit()
    found = mixedlm(RANDOM_SLOPES, gaps, weights=BY_ROW).fit()
    np.testing.assert_array_equal(found.fe_params, whole.fe_params)
    np.testing.assert_array_equal(found.bse_fe, whole.bse_fe)
    assert any("left out for missing values in x" in note for note in found.notes)


# --- replicate weights -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def balanced():
    """Schools of one size and weight within: their estimate is the weighted mean of school means."""
    data = made(schools=8, rooms=1, pupils=5)
    hadamard = np.array([[1]])
    for _ in range(3):
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    school = data["school"].str[1:].astype(int).to_numpy()
    pair, member = school // 2, np.where(school % 2, -1, 1)
    columns = {}
    for g in range(8):
        sign = hadamard[g, 1 + pair] * member
        columns[f"brr{g + 1}"] = data["v"] * (1 + sign)
        columns[f"fay{g + 1}"] = data["v"] * (1 + 0.5 * sign)
        columns[f"one{g + 1}"] = data["v"] * np.where(school == g, 0, 8 / 7)
    for g in range(4):
        columns[f"two{g + 1}"] = data["v"] * np.where(pair == g, 1 + member, 1)
    return data.assign(**columns)


@pytest.mark.parametrize(
    "stem, method, scale",
    [
        ("brr", "brr", 1 / 8),
        ("fay", "fay", 1 / (8 * 0.25)),
        ("one", "jackknife", 7 / 8),
        ("two", "jk2", 1.0),
    ],
)
def test_replicates_give_the_variance_of_the_weighted_mean(balanced, stem, method, scale):
    fit = mixedlm(
        "y ~ 1 + (1|school)",
        balanced,
        weights={"pupil": "v", "school": "v"},
        replicate_weights=f"{stem}*",
        replicate_method=method,
    ).fit()
    mean = np.average(balanced["y"], weights=balanced["v"])
    means = [
        np.average(balanced["y"], weights=balanced[name])
        for name in balanced.columns
        if name.startswith(stem)
    ]
    assert fit.fe_params["Intercept"] == pytest.approx(mean, rel=1e-10)
    expected = scale * np.sum((np.array(means) - mean) ** 2)
    assert fit.cov_params().iloc[0, 0] == pytest.approx(expected, rel=1e-8)
    assert fit.df == (7 if stem == "one" else 4)
    assert fit.converged


def test_the_jackknife_of_a_plain_mean_is_its_standard_error(balanced):
    data = balanced.assign(one=1.0)
    school = data["school"].str[1:].astype(int)
    left_out = {f"r{g}": np.where(school == g, 0, 8 / 7) for g in range(8)}
    fit = mixedlm(
        "y ~ 1 + (1|school)",
        data.assign(**left_out),
        weights={"pupil": "one"},
        replicate_weights=list(left_out),
        replicate_method="jackknife",
    ).fit()
    means = data.groupby("school")["y"].mean()
    assert fit.bse_fe["Intercept"] == pytest.approx(means.std() / np.sqrt(8), rel=1e-8)


def test_a_label_that_a_replicate_leaves_out_is_told(balanced):
    rare = balanced.assign(kind=np.where(balanced["school"] == "s2", "rare", "usual"))
    with pytest.raises(CourseError, match="one3 does not leave out cannot tell all fixed effects"):
        mixedlm(
            "y ~ kind + (1|school)",
            rare,
            weights={"pupil": "v", "school": "v"},
            replicate_weights="one*",
            replicate_method="jackknife",
        ).fit()


def test_a_replicate_is_the_fit_to_its_weights(balanced):
    """Also for variances: the spread of fits that are given the replicates as weights."""
    formula, keys = "y ~ x + (1|school)", {"pupil": "v", "school": "v"}
    columns = [f"fay{g}" for g in range(1, 9)]
    fit = mixedlm(formula, balanced, weights=keys, replicate_weights="fay*").fit()
    ones = [mixedlm(formula, balanced, weights={"pupil": c, "school": c}).fit() for c in columns]
    vcov = np.array([one.variance_components["vcov"] for one in ones])
    spread = ((vcov - fit.variance_components["vcov"].to_numpy()) ** 2).sum(axis=0) / 2
    np.testing.assert_allclose(fit.variance_components["std_error"], np.sqrt(spread), rtol=1e-4)


def test_factors_that_differ_within_a_school_are_divided_between_the_levels(data):
    weights = weights_of(data, BY_ROW, RANDOM_SLOPES, scaling=None)
    design = build_design(parse_formula(RANDOM_SLOPES), data)
    factors = np.random.default_rng(1).uniform(0, 2, len(data))
    found = weights.times(design, factors)
    codes = design.groupings[0].codes
    overall = weights.rows * weights.top[codes]
    np.testing.assert_allclose(found.rows * found.top[codes], overall * factors, rtol=1e-12)
    by_school = np.bincount(codes, overall * factors) / np.bincount(codes, weights.rows)
    np.testing.assert_allclose(found.top, by_school, rtol=1e-12)
    none = weights.times(design, np.where(codes == 0, 0.0, 1.0))
    assert none.top[0] == 0 and (none.rows[codes == 0] == 0).all()
    np.testing.assert_array_equal(none.rows[codes > 0], weights.rows[codes > 0])


# --- what it is for --------------------------------------------------------------------------

SURVEY = {"student": "W_FSTUWT", "SCHOOLID": "W_SCHGRNRABWT"}
SCORE = "TRUE_SCORE ~ ESCS + ST004D01T + GRADE + (1|SCHOOLID)"


def surveys(seeds, schools, tilt):
    for seed in seeds:
        yield simulate_assessment(
            1,
            schools,
            informative={"school": tilt, "student": tilt},
            missing={},
            plausible_values=1,
            scores=True,
            seed=seed,
        )


@pytest.mark.slow
def test_weights_find_the_truth_that_an_informative_sample_hides():
    errors = {"weighted": [], "plain": []}
    for one in surveys(range(8), 60, 0.5):
        fits = {
            "weighted": mixedlm(SCORE, one.data, weights=SURVEY).fit(),
            "plain": mixedlm(SCORE, one.data).fit(reml=False),
        }
        for name, fit in fits.items():
            errors[name].append(fit.fe_params["Intercept"] - 480)
    # both samples lie half an SD too high: 0.5 * 40 + 0.5 * 70 points
    assert np.mean(errors["plain"]) == pytest.approx(55, abs=6)
    spread = np.std(errors["weighted"], ddof=1) / np.sqrt(8)
    assert abs(np.mean(errors["weighted"])) < 3 * spread


@pytest.mark.long
@pytest.mark.parametrize("replicates", [None, "W_FSTURWT*"])
def test_intervals_cover_the_truth_as_often_as_they_say(replicates):
    """300 samples of 100 schools: within four standard errors of 95 %.

    With a tilt of 0.5 weights are so skewed that the intercept's interval covers 90 %: the sample then seldom
    holds the schools that count most.
    """
    covered, estimates = [], []
    for one in surveys(range(300), 100, 0.25):
        fit = mixedlm(SCORE, one.data, weights=SURVEY, replicate_weights=replicates).fit()
        table = one.truth.compare(fit).dropna(subset=["covered"])
        covered.append(table.set_index("effect")["covered"].astype(bool))
        sds = fit.variance_components["sdcor"]
        estimates.append([*fit.fe_params - one.truth.fixed_effects[fit.fe_params.index], *sds])
    shares = pd.DataFrame(covered).mean()
    assert ((shares - 0.95).abs() < 4 * np.sqrt(0.95 * 0.05 / 300)).all(), shares
    means = np.mean(estimates, axis=0)
    errors = np.std(estimates, axis=0, ddof=1) / np.sqrt(300)
    assert (np.abs(means[:4]) < 4 * errors[:4] + 0.5).all(), means
    np.testing.assert_allclose(means[4:], [40, 70], rtol=0.04)


# --- plausible values -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def assessed():
    return simulate_assessment(
        1, 12, 10, strata=2, missing={}, plausible_values=3, error_sd=40, seed=1
    ).data


@pytest.mark.slow
@pytest.mark.parametrize("replicates", [None, "W_FSTURWT1*"])  # eleven of the eighty
def test_plausible_values_are_pooled_as_the_manual_of_pisa_has_it(assessed, replicates):
    """Its variance: the mean of the fits' own, and (1 + 1/m) times that between their estimates."""
    formula = "{} ~ ESCS + (1|SCHOOLID)"
    options = {"weights": SURVEY, "replicate_weights": replicates}
    pooled = mixedlm(formula.format("PV*MATH"), assessed, **options).fit()
    alone = [mixedlm(formula.format(f"PV{i}MATH"), assessed, **options).fit() for i in (1, 2, 3)]
    estimates = pd.DataFrame([fit.fe_params for fit in alone])
    sampling = pd.DataFrame([fit.bse_fe**2 for fit in alone]).mean()
    np.testing.assert_allclose(pooled.fe_params, estimates.mean(), rtol=1e-8)
    total = sampling + 4 / 3 * estimates.var()
    np.testing.assert_allclose(pooled.bse_fe, np.sqrt(total), rtol=1e-7)
    assert (pooled.missing_information["df_complete"] == alone[0].df).all()
    assert pooled.method == "pseudo-ML"
    assert "SCHOOLID by W_SCHGRNRABWT" in about_weights(pooled)
    by_hand = pool(alone_on(assessed, options))
    np.testing.assert_allclose(by_hand.bse_fe, pooled.bse_fe, rtol=1e-7)
    row = wald(pooled, "ESCS = 0").iloc[0]
    assert row["F"] == pytest.approx(pooled.tvalues["ESCS"] ** 2, rel=1e-6)
    assert "pseudo-maximum likelihood" in report(pooled)
    with pytest.raises(CourseError, match="takes no fit with sampling weights"):
        compare(pooled, pooled)


def alone_on(data, options):
    """The same plausible values as data sets of their own, as imputed data are."""
    formula = "score ~ ESCS + (1|SCHOOLID)"
    for i in (1, 2, 3):
        yield mixedlm(formula, data.assign(score=data[f"PV{i}MATH"]), **options).fit()


# --- what it says --------------------------------------------------------------------------


def test_names_are_those_of_a_mixed_fit(fit, data):
    assert isinstance(fit, SurveyFit)
    assert fit.method == "pseudo-ML" and fit.nobs == len(data) and fit.n_groups == {"school": 12}
    assert fit.n_params == 6
    assert list(fit.variance_components.columns[:5]) == [
        *("group", "effect", "effect2", "vcov", "sdcor")
    ]
    np.testing.assert_allclose(fit.tvalues, fit.fe_params / fit.bse_fe)
    np.testing.assert_allclose(fit.resid, data["y"] - fit.fittedvalues)
    fixed = fit.fe_params["Intercept"] + fit.fe_params["x"] * data["x"]
    np.testing.assert_allclose(fit.predict(data, random="none"), fixed)
    text = str(fit.summary())
    assert "pseudo-ML with sampling weights" in text
    assert "not for likelihood-ratio tests" in text
    assert "sandwich standard errors" in text
    assert fit._repr_html_().count("<table") == 2


@pytest.mark.parametrize(
    "name", sorted({n for n in dir(MixedFit) if n[0] != "_"} - set(dir(SurveyFit)))
)
def test_what_a_pseudo_likelihood_has_not_says_what_there_is(fit, name):
    with pytest.raises(CourseError, match=f"a fit with sampling weights has no {name}: "):
        getattr(fit, name)
    assert not hasattr(fit, "nonsense")


# --- tests of several effects ------------------------------------------------------------------


def test_wald_tests_are_those_of_the_sandwich(fit):
    beta, V = fit.fe_params.to_numpy(), fit.cov_params().to_numpy()
    both = wald(fit, "Intercept = 9, x = 2").iloc[0]
    difference = beta - [9, 2]
    F = difference @ np.linalg.solve(V, difference) / 2 * (11 - 1) / 11
    assert both["F"] == pytest.approx(F, rel=1e-9)
    assert (both["num_df"], both["den_df"]) == (2, 10)
    assert both["p_value"] == pytest.approx(stats.f.sf(F, 2, 10), rel=1e-9)
    # one constraint: the square of t, with the same p value
    row = anova(fit).loc["x"]
    assert row["F"] == pytest.approx(fit.tvalues["x"] ** 2, rel=1e-9)
    assert row["p_value"] == pytest.approx(fit.pvalues["x"], rel=1e-9)
    by_chi2 = wald(fit, "x = 0", df="normal").iloc[0]
    assert by_chi2["p_value"] == pytest.approx(stats.chi2.sf(fit.tvalues["x"] ** 2, 1), rel=1e-9)
    table = fixed_effects_table(fit, level=0.9)
    half = stats.t.ppf(0.95, 11) * fit.bse_fe
    np.testing.assert_allclose(table["upper"] - table["estimate"], half)


def test_tests_need_as_many_clusters_as_constraints():
    data = made(schools=3, rooms=1, pupils=20).assign(z=lambda d: d["x"] ** 2)
    few = mixedlm("y ~ x + z + (1|school)", data, weights={"school": "v"}).fit()
    with pytest.raises(CourseError, match="3 constraints need as many degrees of freedom"):
        wald(few, "Intercept = 0, x = 0, z = 0")


def test_what_believes_in_a_likelihood_is_refused_with_its_mend(fit):
    mend = r"wald\(fit, \.\.\.\) and anova\(fit\) test effects together"
    for call in (
        lambda: compare(fit, fit),
        lambda: confint(fit),
        lambda: profile(fit),
        lambda: bootstrap(fit, 10, seed=1),
        lambda: diagnose(fit),
    ):
        with pytest.raises(CourseError, match=mend):
            call()
    with pytest.raises(CourseError, match="leave robust= out"):
        fixed_effects_table(fit, robust="school")
    with pytest.raises(CourseError, match="leave df= out"):
        wald(fit, "x = 0", df="kenward-roger")


def test_the_report_tells_of_weights(fit):
    text = report(fit)
    assert "was fitted by pseudo-maximum likelihood, with" in text
    assert "Sampling weights were school by v" in text
    assert "Standard errors are those of the sandwich." in text
    assert "degrees of freedom" in text and "Satterthwaite" not in text


# --- wrong use -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, options, says",
    [
        ({"w": -1}, {}, "negative in 1 row"),
        ({"w": 0}, {}, "are 0 in 1 row.*leave it out"),
        ({"w": np.nan}, {}, r"missing in 1 row.*dropna\(subset=\['w'\]\)"),
        ({"w": np.inf}, {}, "infinite in 1 row"),
        ({"v": 99}, {}, "differs between the rows of 1 of them, first in 's0'"),
        ({}, {"weights": {}}, "names no weights"),
        ({}, {"weights": {"pupil": "z"}}, "no column 'z'"),
        ({}, {"weights": {"pupil": "stratum"}}, "are not numbers"),
        ({}, {"weights": {"pupil": 3}}, "from a unit to a column"),
        ({}, {"weights": {"schol": "v"}}, "did you mean 'school'"),
        ({}, {"weights": {"SCHOOL": "v"}}, "did you mean 'school'"),
        ({}, {"weights": {"pupil": "w", "child": "w"}}, "only one key may stand for the rows"),
        ({}, {"weights": {"pupil|class": "w"}}, "'class', which is no group"),
        ({}, {"weights": {"school": "v", "school|school": "v"}}, "has two weights"),
        ({}, {"weights": {"school|school": "v"}}, "lies in school"),
        ({}, {"scaling": "sizes"}, "did you mean 'size'"),
        ({}, {"strata": "room"}, "lies in several strata"),
        ({}, {"strata": "school"}, "a single school in the sample"),
        ({}, {"weights": "w", "strata": "stratum"}, "which are a dictionary"),
        ({}, {"weights": None, "replicate_weights": "r*"}, "which are a dictionary"),
        ({}, {"weights": None, "scaling": "effective"}, "which are a dictionary"),
        ({}, {"weights": "w", "fay": 0.3}, "which are a dictionary"),
        ({}, {"replicate_weights": "r*", "strata": "stratum"}, "leave strata= out"),
        ({}, {"replicate_weights": "q*"}, "no column has such a name"),
        ({}, {"replicate_weights": ["w"]}, "a single column"),
        ({}, {"replicate_weights": ["w", "stratum"]}, "holds no numbers"),
        ({"u": -1}, {"replicate_weights": ["u", "w"]}, "negative in 1 row"),
        ({}, {"replicate_weights": ["u", "w"], "replicate_method": "jk1"}, "did you mean 'jk2'"),
        ({}, {"replicate_weights": ["u", "w"], "fay": 1}, "from 0 to below 1"),
        ({}, {"replicate_weights": ["u", "w"]}, "times the rows' overall weights"),
        ({}, {"formula": "y ~ x + (1|school) + (1|stratum)"}, None),
        ({}, {"formula": "y ~ x + (1|school) + (1|u)"}, "need groups that are nested"),
        ({}, {"formula": "y ~ x + (1|school) + (1|school)"}, "only together"),
    ],
)
def test_wrong_weights_are_told_with_their_mend(data, change, options, says):
    changed = data.copy()
    for name, value in change.items():
        changed[name] = changed[name].astype(float)
        changed.loc[3, name] = value
    options = {"formula": RANDOM_SLOPES, "weights": BY_ROW} | options
    formula = options.pop("formula")
    if says is None:
        assert mixedlm(formula, changed, **options).fit().converged
        return
    with pytest.raises(CourseError, match=says):
        mixedlm(formula, changed, **options).fit()


def test_there_is_no_restricted_pseudo_likelihood(data):
    with pytest.raises(CourseError, match=r"write fit\(\) or fit\(reml=False\)"):
        mixedlm(RANDOM_SLOPES, data, weights=BY_ROW).fit(reml=True)
