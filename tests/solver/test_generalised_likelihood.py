"""The likelihood of generalised models against dense matrices, SciPy's distributions and integrals."""

from itertools import product

import dense_generalised as dense
import numpy as np
import pytest
from budget import thinned
from generalised_data import fit, pupils

from course import mixedglm
from course.design.design import build_design
from course.formula.parse import parse_formula
from course.solver.families import FAMILIES
from course.solver.laplace import Search
from course.solver.penalised import Generalised
from course.solver.quadrature import Adaptive

LINKS = [("binomial", "logit"), ("binomial", "probit"), ("binomial", "cloglog"), ("poisson", "log")]
PAIR = "cbind(right, wrong)"
DAYS = "absent ~ age + offset(np.log(days))"
# nested, crossed, both, slopes with and without correlation, an effect of each row
MODELS = [
    ("passed ~ age + sex + (1|school)", "binomial"),
    ("passed ~ age + (1|classroom) + (1|school)", "binomial"),
    ("passed ~ age + (1|school) + (1|test)", "binomial"),
    ("passed ~ 0 + (1|classroom) + (1|teacher)", "binomial"),
    (f"{PAIR} ~ age + (age|school) + (1|classroom)", "binomial"),
    (f"{PAIR} ~ age + (age||test) + (1|classroom) + (1|school)", "binomial"),
    (f"{PAIR} ~ age + (1|classroom) + (1|teacher) + (age|school)", "binomial"),
    (f"{DAYS} + (1|classroom) + (1|row)", "poisson"),
    (f"{DAYS} + sex + (sex|school) + (1|test)", "poisson"),
]


def points(link):
    """Linear predictors and responses that the families are asked about."""
    rng = np.random.default_rng(3)
    eta = rng.uniform(-4, 1.8, 62)  # where 1 - mean has its digits
    weights = rng.integers(1, 6, 62).astype(float)
    y = (
        rng.poisson(3, 62).astype(float)
        if link == "log"
        else rng.binomial(weights.astype(int), 0.4) / weights
    )
    return eta, y, np.ones(62) if link == "log" else weights


@pytest.mark.parametrize("family, link", LINKS)
def test_families_are_those_of_scipy(family, link):
    found = FAMILIES[family][link]
    eta, y, weights = points(link)
    rows = found.rows(eta, y, weights)
    total = rows.loglik.sum() + found.constant(y, weights)
    assert total == pytest.approx(dense.loglik(link, eta, y, weights).sum(), abs=1e-9)
    h = 1e-5
    low, high = found.rows(eta - h, y, weights), found.rows(eta + h, y, weights)
    np.testing.assert_allclose(
        rows.score, (high.loglik - low.loglik) / (2 * h), rtol=1e-6, atol=1e-7
    )
    np.testing.assert_allclose(
        rows.weight, (low.score - high.score) / (2 * h), rtol=1e-6, atol=1e-7
    )
    slope = (high.weight - low.weight) / (2 * h)
    np.testing.assert_allclose(found.slope(eta, y, weights), slope, rtol=1e-6, atol=1e-7)
    mean = found.mean(eta)
    np.testing.assert_allclose(mean, dense.MEANS[link](eta), rtol=1e-12)
    np.testing.assert_allclose(found.predictor(mean), eta, atol=1e-9)


@pytest.mark.parametrize("family, link", LINKS)
def test_rows_far_out_are_finite(family, link):
    found, eta = FAMILIES[family][link], np.array([-800.0, -40.0, 40.0, 800.0])
    for y in (np.zeros(4), np.ones(4)):
        rows = found.rows(eta, y, np.ones(4))
        assert not np.isnan(np.concatenate([rows.score, rows.weight, rows.loglik])).any()
        assert (rows.weight >= 0).all()


@pytest.mark.parametrize("family, link", LINKS)
def test_averages_over_a_normal_variable(family, link):
    found, eta = FAMILIES[family][link], np.array([-2.0, 0.5, 1.0])
    variance = np.array([0.3, 1.0, 4.0])
    x = np.linspace(-12, 12, 20001)
    density = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) * (x[1] - x[0])
    expected = (found.mean(eta[:, None] + np.sqrt(variance)[:, None] * x) * density).sum(axis=1)
    np.testing.assert_allclose(found.average(eta, variance), expected, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("formula, family", MODELS)
def test_laplace_is_that_of_dense_matrices_and_the_fit_its_top(formula, family):
    found = fit(formula, family)
    assert found.converged
    assert found.llf == pytest.approx(dense.laplace(found), abs=1e-7)
    rng = np.random.default_rng(0)
    for _ in range(3):
        beta = found.fe_params + 0.05 * found.bse_fe * rng.normal(size=len(found.fe_params))
        assert dense.laplace(found, beta.to_numpy()) <= found.llf + 1e-7
    for scale in (0.98, 1.02):
        assert dense.laplace(found, scale=scale) <= found.llf + 1e-7


@pytest.mark.slow
@pytest.mark.parametrize(
    "formula, kind",
    thinned(product([formula.split("~")[1] for formula, _ in MODELS[2:7]], LINKS), 3),
)
def test_the_gradient_is_that_of_the_deviance(formula, kind):
    family, link = kind
    data = pupils().assign(y=pupils().absent if family == "poisson" else pupils().passed == "yes")
    kind = "count" if family == "poisson" else "yes or no"
    design = build_design(parse_formula(f"y ~ {formula}"), data, kind=kind)
    model = Generalised(design, FAMILIES[family][link])
    rng = np.random.default_rng(2)
    beta, theta = 0.3 * rng.normal(size=model.p), 0.5 * rng.normal(size=model.n_theta)
    at = model.evaluate(beta, theta)

    def deviance(beta, theta):
        return model.evaluate(beta, theta, at.mode.u).deviance

    _assert_gradient(at, deviance)


@pytest.mark.parametrize("family, link", LINKS)
@pytest.mark.parametrize("term, nagq", [("(1|school)", 2), ("(0 + age|school)", 7)])
def test_the_gradient_by_quadrature(family, link, term, nagq):
    data = pupils().assign(y=pupils().absent if family == "poisson" else pupils().passed == "yes")
    kind = "count" if family == "poisson" else "yes or no"
    design = build_design(parse_formula(f"y ~ age + {term}"), data, kind=kind)
    model = Adaptive(design, FAMILIES[family][link], nagq)
    at = model.evaluate(np.array([0.2, -0.3]), np.array([0.8]))
    _assert_gradient(at, lambda beta, theta: model.evaluate(beta, theta, at.mode.u).deviance)


def _assert_gradient(at, deviance):
    point, p, h = np.concatenate([at.beta, at.theta]), len(at.beta), 1e-4
    for i, slope in enumerate(at.gradient):
        step = h * np.eye(len(point))[i]
        ends = [deviance((point + s)[:p], (point + s)[p:]) for s in (step, -step)]
        assert slope == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-5, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "formula, family, link",
    [
        ("passed ~ age + (1|test)", "binomial", "logit"),
        (f"{PAIR} ~ age + (1|test)", "binomial", "cloglog"),
        (f"{PAIR} ~ age + (0 + age|school)", "binomial", "probit"),
        (f"{DAYS} + (1|school)", "poisson", "log"),
    ],
)
def test_quadrature_is_the_integral(formula, family, link):
    assert fit(formula, family, link, 25).llf == pytest.approx(
        dense.integral(fit(formula, family, link, 25)), abs=2e-6
    )


@pytest.mark.slow
def test_few_nodes_are_between_laplace_and_the_integral():
    formula = "passed ~ age + (1|classroom)"
    exact = fit(formula, nagq=25)
    errors = [abs(fit(formula, nagq=nodes).llf - exact.llf) for nodes in (1, 3, 7)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-3


@pytest.mark.slow
def test_one_school_after_another_is_the_same_in_any_order():
    data = pupils().sample(frac=1, random_state=5)
    ours = mixedglm("passed ~ age + (1|classroom) + (1|test)", data).fit()
    assert ours.llf == pytest.approx(fit("passed ~ age + (1|classroom) + (1|test)").llf, abs=1e-8)


@pytest.mark.slow
def test_levels_in_chunks_are_those_at_once(monkeypatch):
    formula = "cbind(right, wrong) ~ age + (age|classroom) + (1|school)"
    at_once = fit(formula)
    monkeypatch.setattr("course.solver.chunks.CHUNK", 15)
    in_chunks = mixedglm(formula, pupils()).fit()
    assert in_chunks.llf == pytest.approx(at_once.llf, abs=1e-9)
    sds = [found.random_effects_se["classroom"] for found in (in_chunks, at_once)]
    np.testing.assert_allclose(*sds, rtol=1e-5)


@pytest.mark.slow
def test_few_crossings_set_aside_as_a_border(monkeypatch):
    """Large crossed designs are cut apart where few levels tie them; so is this small one, when asked."""
    rng = np.random.default_rng(4)
    child = np.repeat(np.arange(100), 4)
    place = child // 10 * 3  # three teachers in each of ten places
    place[::97] = (place[::97] + 3) % 30  # a few children move for a while
    teacher = place + rng.integers(0, 3, 400)
    eta = rng.normal(size=100)[child] + rng.normal(size=30)[teacher]
    data = pupils().assign(
        child=child, teacher=teacher, passed=rng.random(400) < 1 / (1 + np.exp(-eta))
    )
    formula = "passed ~ age + (1|child) + (age|teacher)"
    whole = mixedglm(formula, data).fit()
    monkeypatch.setattr("course.solver.dissection.SMALL_ENOUGH", 1)
    monkeypatch.setattr("course.solver.dissection.DENSE", 1.1)
    monkeypatch.setattr("course.solver.dissection.WORTH_A_BORDER", 1e9)
    monkeypatch.setattr("course.solver.coupling.WORTH_LISTING", 1e9)
    made = mixedglm(formula, data)
    assert type(made.problem.linear.crossing.K).__name__ == "Bordered"
    cut = made.fit()
    assert cut.llf == pytest.approx(whole.llf, abs=1e-8)
    sds = [found.random_effects_se["teacher"] for found in (cut, whole)]
    np.testing.assert_allclose(*sds, rtol=1e-4)


@pytest.mark.slow
def test_listed_pairs_are_the_whole_matrix(monkeypatch):
    formula = "cbind(right, wrong) ~ age + (age||test) + (1|classroom) + (1|school)"
    listed = "cbind(right, wrong) ~ age + (age|teacher) + (1|classroom) + (age||school)"
    for one in (formula, listed):
        monkeypatch.setattr("course.solver.coupling.WORTH_LISTING", 1e9)
        pairs = mixedglm(one, pupils()).problem
        monkeypatch.setattr("course.solver.coupling.WORTH_LISTING", -1.0)
        dense_one = mixedglm(one, pupils()).problem
        kinds = [type(model.linear.crossing.coupling).__name__ for model in (pairs, dense_one)]
        assert kinds == ["Pairs", "Dense"]
        rng = np.random.default_rng(6)
        for _ in range(3):
            point = 0.3 * rng.normal(size=pairs.p), rng.normal(size=pairs.n_theta)
            by_pairs, by_matrix = pairs.evaluate(*point), dense_one.evaluate(*point)
            assert by_pairs.deviance == pytest.approx(by_matrix.deviance, abs=1e-8)
            np.testing.assert_allclose(by_pairs.gradient, by_matrix.gradient, atol=1e-6)


def test_a_search_turns_back_where_no_digit_is_left(monkeypatch):
    model = fit("passed ~ age + (age|school)").model.problem
    search = Search(model)
    start, _ = model.start
    here = search.evaluate(start)

    def too_far(*_):
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(model, "evaluate", too_far)
    assert search.evaluate(start + 1e9).deviance == np.inf
    assert search.best is here and np.isfinite(here.deviance)
