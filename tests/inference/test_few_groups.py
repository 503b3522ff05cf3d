"""Intervals of SDs where groups are few: closed forms, dense matrices, scores of simulated data."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from course import CourseError, confint, load, mixedglm, mixedlm, profile
from course.common.parameter import Parameter
from course.inference.constrained import hold
from course.inference.variance_scores import Scores, quadratic_form_cdf, score_interval

SD = Parameter("sd", "school", ("Intercept",))


def balanced(between: float, schools: int = 6, pupils: int = 10) -> pd.DataFrame:
    """A mean square of 1 within schools, and one of ``between`` between them."""
    rng = np.random.default_rng(1)
    rest, means = rng.normal(size=(schools, pupils)), rng.normal(size=schools)
    rest -= rest.mean(axis=1, keepdims=True)
    rest /= np.sqrt((rest**2).sum() / (schools * (pupils - 1)))
    means = (means - means.mean()) / means.std(ddof=1) * np.sqrt(between / pupils)
    score = (50 + rest + means[:, None]).ravel()
    return pd.DataFrame(
        {"score": score, "school": np.repeat(np.arange(schools), pupils).astype(str)}
    )


def reml_profile(sd: float, between: float, schools: int = 6, pupils: int = 10) -> float:
    """The REML deviance of such data at a value of the SD, but for a constant."""
    inner = schools * (pupils - 1)

    def deviance(sigma2):
        mean_square = sigma2 + pupils * sd**2
        squares = (schools - 1) * (np.log(mean_square) + between / mean_square)
        return squares + inner * (np.log(sigma2) + 1 / sigma2)

    return optimize.minimize_scalar(
        deviance, bounds=(0.2, 5), method="bounded", options={"xatol": 1e-10}
    ).fun


def test_reml_profile_of_balanced_data():
    between = 12.0
    found = mixedlm("score ~ 1 + (1|school)", balanced(between)).fit()
    low, high = profile(found, str(SD), reml=True, level=0.95).interval(0.95).loc[str(SD)]
    estimate = np.sqrt((between - 1) / 10)
    least, reach = reml_profile(estimate, between), stats.chi2.ppf(0.95, 1)
    for end, sides in ((low, (0.2, estimate)), (high, (estimate, 9))):
        expected = optimize.brentq(lambda sd: reml_profile(sd, between) - least - reach, *sides)
        assert end == pytest.approx(expected, rel=1e-4)


def test_reml_profile_of_sigma_and_of_a_fit_by_ml():
    # where no group varies REML is least squares: its deviance by sigma is (n - 1) (2 log s + m / s^2)
    data = balanced(0.2)
    m = (54 + 5 * 0.2) / 59
    limits = [
        profile(
            mixedlm("score ~ 1 + (1|school)", data).fit(reml=reml), "sigma", reml=True, level=0.95
        )
        for reml in (True, False)
    ]
    for one in limits:
        for end in one.interval(0.95).loc["sigma"]:
            ratio = m / end**2
            assert 59 * (ratio - 1 - np.log(ratio)) == pytest.approx(
                stats.chi2.ppf(0.95, 1), rel=1e-3
            )


def test_reml_has_no_profile_of_a_fixed_effect():
    data = balanced(5.0)
    found = mixedlm("score ~ 1 + (1|school)", data).fit()
    assert list(profile(found, reml=True, level=0.5).points) == [str(SD), "sigma"]
    with pytest.raises(CourseError, match="fit.fixed_effects"):
        profile(found, ["Intercept"], reml=True)
    passed = mixedglm("(score > 50) ~ 1 + (1|school)", data).fit()
    with pytest.raises(CourseError, match="generalised"):
        profile(passed, reml=True)


# -- the score ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("between", [2.0, 12.0])
def test_score_interval_of_balanced_data_is_that_of_the_mean_square(between):
    data = balanced(between, pupils=400)
    found = mixedlm("score ~ 1 + (1|school)", data).fit()
    squares = between * 5 / stats.chi2.ppf([0.975, 0.025], 5)
    exact = np.sqrt((squares - 1).clip(min=0) / 400)
    assert score_interval(found, SD, 0.95) == pytest.approx(exact, rel=5e-3)
    table = confint(found, parameters=str(SD))
    assert tuple(table.loc[str(SD), ["lower", "upper"]]) == pytest.approx(exact, rel=5e-3)
    assert table.method.item() == "score" and "Only 6 levels of school" in table.attrs["notes"][0]


def test_groups_more_alike_than_chance_have_the_profile_interval():
    found = mixedlm("score ~ 1 + (1|school)", balanced(0.05)).fit()
    assert score_interval(found, SD, 0.95) == (0, 0)
    table = confint(found, parameters=str(SD))
    assert table.method.item() == "REML profile" and table.lower.item() == 0 < table.upper.item()
    assert "than chance" in table.attrs["notes"][0]


def test_traces_are_those_of_whole_matrices():
    """Schools of unequal sizes crossed with examiners, slopes of the schools correlated."""
    rng = np.random.default_rng(3)
    school = np.repeat(np.arange(5), [3, 5, 8, 4, 12])
    examiner = rng.integers(0, 4, len(school))
    x = rng.normal(size=len(school))
    y = (
        rng.normal(size=5)[school] * (1 + x)
        + rng.normal(size=4)[examiner]
        + rng.normal(size=len(x))
    )
    data = pd.DataFrame(
        {"y": y, "x": x, "school": school.astype(str), "examiner": examiner.astype(str)}
    )
    found = mixedlm("y ~ x + (x|school) + (1|examiner)", data).fit()
    held = hold(Parameter("sd", "school", ("x",)), found.model.problem, found.estimates)
    value, free = 0.9, held.start + 0.1
    factors = held.factors(value, free)
    problem = held.problem
    U, groupings = problem.U, problem.design.groupings

    def V_of(covariances):
        total = np.zeros((len(x), len(x)))
        for grouping, columns, covariance in zip(groupings, problem.z, covariances, strict=True):
            Z = np.zeros((len(x), len(columns), grouping.n_levels))
            Z[np.arange(len(x)), :, grouping.codes] = U[columns].T
            total += np.einsum("ijl,jk,mkl->im", Z, covariance, Z)
        return total

    S = [factor @ factor.T for factor in factors]
    V, X = np.eye(len(x)) + V_of(S), U[problem.x].T
    W = np.linalg.inv(V)
    P = W - W @ X @ np.linalg.solve(X.T @ W @ X, X.T @ W)
    scores = Scores(held)
    directions, _ = scores.directions(value, free)
    R = scores.R(factors, problem.with_factors(factors).XX_inverse)
    dense = [P @ (one.c * V + V_of(one.E)) for one in directions]
    expected = [[np.trace(a @ b) for a in dense] for b in dense]
    np.testing.assert_allclose(scores.products(R, directions), expected, rtol=1e-8, atol=1e-8)
    efficient = scores.efficient(R, directions)
    D = efficient.c * V + V_of(efficient.E)
    # nothing of the other directions is left in it
    left = [np.trace(P @ D @ one) for one in dense[1:]]
    np.testing.assert_allclose(left, 0, atol=1e-7 * np.abs(expected).max())
    values, times = scores.eigenvalues(R, efficient)
    whole = np.sort(np.linalg.eigvals(P @ D).real)
    ours = np.sort(np.repeat(values, times.astype(int)))
    # P has as many eigenvalues of 0 as there are fixed effects
    np.testing.assert_allclose(np.sort(np.append(ours, [0, 0])), whole, atol=1e-7)


@pytest.mark.parametrize("weights", [[1.0, 1, 1, 1], [3.0, 1, 0.5, -0.1], [-3.0, -1, -0.5, 0.1]])
def test_distribution_of_a_quadratic_form(weights):
    weights = np.array(weights)
    form = np.random.default_rng(2).chisquare(1, (100_000, 4)) @ weights
    for share in (0.025, 0.2, 0.975):
        end = np.quantile(form, share)
        assert quadratic_form_cdf(end, weights, np.ones(4)) == pytest.approx(share, abs=0.01)
    assert quadratic_form_cdf(-1.0, np.ones(1), np.ones(1)) == 0
    assert quadratic_form_cdf(1.0, -np.ones(1), np.ones(1)) == 1


def test_distribution_of_a_quadratic_form_at_its_mean():
    for df in (4, 40):
        found = [quadratic_form_cdf(df + d, np.ones(1), np.array([df])) for d in (0.0, 1e-6, 0.05)]
        np.testing.assert_allclose(found, stats.chi2.cdf([df, df, df + 0.05], df), atol=2e-3)


@pytest.mark.slow
def test_the_interval_moves_with_the_units_of_the_data():
    data = balanced(8.0)
    first = score_interval(mixedlm("score ~ 1 + (1|school)", data).fit(), SD, 0.9)
    data["score"] = data["score"] * 1e5
    second = score_interval(mixedlm("score ~ 1 + (1|school)", data).fit(), SD, 0.9)
    np.testing.assert_allclose(second, np.multiply(first, 1e5), rtol=1e-3)


@pytest.mark.long
def test_zero_lies_in_the_interval_of_the_reform_as_often_as_it_should():
    """Null countries: the default holds 0 where the profile of the ML fit misses it twice too often."""
    rng = np.random.default_rng(4)
    reform = np.repeat([0.0, 0, 0, 1, 1, 1], 10)
    missed = {"auto": 0, "profile": 0}
    for _ in range(100):
        y = np.repeat(rng.normal(0, 3, 6), 10) + rng.normal(0, 6, 60)
        data = pd.DataFrame({"y": y, "reform": reform, "province": np.repeat(list("abcdef"), 10)})
        found = mixedlm("y ~ reform + (1|province)", data).fit()
        for method in missed:
            low, high = confint(found, method, parameters="reform").loc[
                "reform", ["lower", "upper"]
            ]
            missed[method] += not low < 0 < high
    assert missed["auto"] <= 11  # 5 expected, with a standard error of 2.2
    assert missed["profile"] > missed["auto"]


@pytest.mark.slow
def test_slopes_of_few_provinces_have_score_intervals():
    pupils = load("pupils")
    some = pupils[pupils["province"].isin(sorted(pupils["province"].unique())[:6])]
    found = mixedlm("test_score ~ age + (age|province)", some).fit()
    table = confint(found)
    sds = table[table.index.str.startswith("sd")]
    assert (sds.method == "score").all() and (sds.lower < sds.upper).all()
    assert (sds.estimate.between(sds.lower, sds.upper)).all()
    by_profile = profile(found, list(sds.index), reml=True, level=0.95).interval(0.95)
    # they lie near, the ends further out on the side of large SDs
    assert (sds.upper > by_profile.upper).all() and (sds.upper < 1.5 * by_profile.upper).all()
