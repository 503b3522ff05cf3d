"""Profiles against lme4's, a dense likelihood written out here, and themselves in other units."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from reference_models import ROOT, fit, read
from scipy import optimize
from scipy.interpolate import CubicSpline

from course import CourseError, load, mixedlm
from course.inference.constrained import hold
from course.inference.parameters import parameters
from course.inference.profile import profile
from course.solver.parameters import parameter_names, parameters_of

REFERENCE = json.loads((Path(__file__).parents[1] / "reference/profile.json").read_text())["models"]
EXAM = "normexam ~ standLRT + (standLRT|school)"


def lme4_name(name: str) -> str:
    """cor(Intercept, age | school) -> cor_age.(Intercept)|school."""

    def effect(text: str) -> str:
        text = text.replace("[T.male]", "male").replace("[T.M]", "M")
        return "(Intercept)" if text == "Intercept" else text

    if name.startswith(("sd(", "cor(")):
        kind, rest = name[:-1].split("(", 1)
        effects, group = rest.split(" | ")
        return f"{kind}_{'.'.join(effect(e) for e in reversed(effects.split(', ')))}|{group}"
    return effect(name)


@cache
def profiled(model_id: str):
    described = REFERENCE[model_id]
    data = read(described["data"])
    if "age" in data:
        data["age_c"] = data["age"] - 10
    return profile(mixedlm(described["formula"], data).fit())


def is_correlation(name: str) -> bool:
    return name.startswith("cor(")


def lme4_failed(model_id: str, name: str) -> bool:
    """Whether lme4 ("unexpected decrease in profile", "bad spline fit") has nothing to compare."""
    # at this singular fit its profiles do not leave the estimate; see the dense likelihood below
    return model_id == "correlation_plus_one" and (is_correlation(name) or name[:2] in ("sd", "si"))


@pytest.mark.slow
@pytest.mark.parametrize("model_id", REFERENCE)
def test_zeta_is_that_of_lme4(model_id):
    for name, points in profiled(model_id).points.items():
        if lme4_failed(model_id, name):
            continue
        stored = REFERENCE[model_id]["points"][lme4_name(name)]
        lme4 = pd.DataFrame(stored, dtype=float).drop_duplicates()
        lme4 = lme4[lme4.value.between(points.value.min(), points.value.max())]
        assert len(lme4) >= 14 and lme4.zeta.max() > 2.5
        angle = np.arcsin if is_correlation(name) else np.asarray
        zeta = CubicSpline(angle(points.value), points.zeta)(angle(lme4.value))
        np.testing.assert_allclose(zeta, lme4.zeta, atol=2e-3, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("model_id", REFERENCE)
def test_intervals_are_those_of_lme4(model_id):
    for name, ours in profiled(model_id).interval(0.95).iterrows():
        if lme4_failed(model_id, name):
            continue
        lme4 = np.array(REFERENCE[model_id]["intervals"][lme4_name(name)], dtype=float)
        np.testing.assert_allclose(ours, lme4, atol=1e-4 * (lme4[1] - lme4[0]), err_msg=name)


@pytest.mark.slow
def test_a_boundary_ends_the_interval_exactly():
    assert profiled("zero_school").interval().loc["sd(Intercept | school)", "lower"] == 0
    assert profiled("zero_school").estimates["sd(Intercept | school)"] == 0
    assert (
        profiled("correlation_plus_one").interval().loc["cor(Intercept, x | school)", "upper"] == 1
    )
    # at 99 % any correlation will do: a model without slopes is not rejected
    assert (
        profiled("correlation_plus_one").interval(0.99).loc["cor(Intercept, x | school)", "lower"]
        == -1
    )


# -- the ML deviance of y ~ x + (x|school), written out ---------------------------------------------


class Dense:
    """-2 log-likelihood in (sd_0, sd_1, correlation, sigma), beta at its best."""

    def __init__(self, data: pd.DataFrame):
        schools = [
            d for _, d in data.groupby("school")
        ]  # of one size, so that one array holds them
        self.X = np.stack([np.column_stack([np.ones(len(d)), d.x]) for d in schools])
        self.y = np.stack([d.y for d in schools])[:, :, None]

    def __call__(self, sd_0, sd_1, correlation, sigma) -> float:
        both = correlation * sd_0 * sd_1
        C = np.array([[sd_0**2, both], [both, sd_1**2]])
        X, y, X_t = self.X, self.y, self.X.swapaxes(1, 2)
        V = X @ C @ X_t + sigma**2 * np.eye(y.shape[1])
        VX, Vy = np.linalg.solve(V, X), np.linalg.solve(V, y)
        XX, Xy, yy = (X_t @ VX).sum(0), (X_t @ Vy).sum(0)[:, 0], (y * Vy).sum()
        logdet = np.linalg.slogdet(V)[1].sum()
        return y.size * np.log(2 * np.pi) + logdet + yy - Xy @ np.linalg.solve(XX, Xy)

    def least(self, **held: float) -> float:
        names = ["sd_0", "sd_1", "correlation", "sigma"]
        free = [name for name in names if name not in held]
        low = {"sd_0": 0.0, "sd_1": 0.0, "correlation": -1.0, "sigma": 0.5}

        def deviance(x):
            return self(**held, **dict(zip(free, x, strict=True)))

        best = np.inf
        for correlation in (-0.5, 0.9):
            start = {"sd_0": 2.0, "sd_1": 1.0, "correlation": correlation, "sigma": 4.0}
            bounds = [(low[f], 1.0 if f == "correlation" else None) for f in free]
            found = optimize.minimize(
                deviance,
                [start[f] for f in free],
                method="L-BFGS-B",
                bounds=bounds,
                options={"ftol": 1e-13, "gtol": 1e-8},
            )
            best = min(best, found.fun)
        return best


@pytest.mark.slow
def test_ends_at_a_singular_fit_by_a_dense_likelihood():
    dense = Dense(read("tests/reference/correlation_plus_one.csv"))
    intervals = profiled("correlation_plus_one").interval(0.95)
    least = dense.least()
    for argument, name in [
        ("correlation", "cor(Intercept, x | school)"),
        ("sd_0", "sd(Intercept | school)"),
        ("sd_1", "sd(x | school)"),
        ("sigma", "sigma"),
    ]:
        for end in intervals.loc[name]:
            if end == 1.0:
                continue
            rise = dense.least(**{argument: end}) - least
            assert rise == pytest.approx(1.959964**2, abs=0.01), name


# -- held parameters --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model_id", ["pupils_1c_1s_1p", "pupils_agesex_s", "scotssec_empty", "one_level_singular"]
)
def test_derivatives_with_a_parameter_held(model_id):
    ours = fit(model_id, "ML")
    rng = np.random.default_rng(1)
    for parameter, (name, value) in zip(
        parameters_of(ours.design), parameters(ours).items(), strict=True
    ):
        held = hold(parameter, ours.model.problem, ours.estimates)
        value = np.arcsin(0.3) if is_correlation(name) else value * 1.1 + 0.1
        x = held.start * rng.uniform(0.8, 1.2, len(held.start)) + 0.05
        _, gradient = held.deviance(value, x)
        numeric = optimize.approx_fprime(x, lambda x: held.deviance(value, x)[0], 1e-6)  # noqa: B023
        scale = np.abs(gradient).max()
        np.testing.assert_allclose(gradient, numeric, atol=1e-4 * scale + 0.05, err_msg=name)


@pytest.mark.parametrize("model_id", ["pupils_agesex_s", "one_level_singular", "years_1c_1s_1p_1i"])
def test_held_at_the_estimate_the_deviance_is_that_of_the_fit(model_id):
    ours = fit(model_id, "ML")
    problem = ours.model.problem
    least = problem.deviance(problem.evaluate(ours.estimates.theta_standard), reml=False)
    for parameter, (name, value) in zip(
        parameters_of(ours.design), parameters(ours).items(), strict=True
    ):
        held = hold(parameter, problem, ours.estimates)
        value = np.arcsin(np.clip(value, -1, 1)) if is_correlation(name) else value
        deviance, gradient = held.deviance(value, held.start)
        assert deviance == pytest.approx(least, abs=1e-5), name
        assert np.abs(gradient).max() < 0.05, name


def test_reml_and_ml_fits_have_one_profile():
    by_reml, by_ml = (mixedlm(EXAM, load("exam")).fit(reml=reml) for reml in (True, False))
    both = [profile(f, "sd(standLRT | school)").interval() for f in (by_reml, by_ml)]
    pd.testing.assert_frame_equal(*both, rtol=1e-5)


@pytest.mark.slow
def test_the_zero_of_a_predictor_changes_nothing_but_the_intercept():
    raw, centred = (
        fit("pupils_slash_age_sc", "REML"),
        load("pupils").assign(age=lambda d: d.age - 10),
    )
    centred = mixedlm(raw.formula, centred).fit()
    names = ["age", "sex[T.male]", "sd(age | school)", "sd(age | school:classroom)", "sigma"]
    a, b = (profile(f, names, level=0.95).interval() for f in (raw, centred))
    np.testing.assert_allclose(a, b, rtol=2e-4)
    intercepts = [profile(f, "sd(Intercept | school)", level=0.8) for f in (raw, centred)]
    wide, narrow = (p.interval(0.8).diff(axis=1)["upper"].item() for p in intercepts)
    assert wide > 2 * narrow


@pytest.mark.slow
def test_units_scale_the_intervals():
    data = load("exam")
    other = data.assign(normexam=data.normexam * 1000 + 5000, standLRT=data.standLRT / 100)
    a, b = (
        profile(mixedlm(EXAM, d).fit(), level=0.95).interval().drop("Intercept")
        for d in (data, other)
    )
    factor = [1e5, 1e3, 1e5, 1, 1e3]
    np.testing.assert_allclose(a.mul(factor, axis=0), b, rtol=2e-4)


def test_two_terms_of_which_only_the_sum_is_known_may_each_be_none():
    ours = fit("pupils_1c_1sc", "REML")
    intervals = profile(ours, ["sd(Intercept | classroom)", "sigma"], level=0.95).interval()
    alone = profile(fit("pupils_1c", "REML"), "sd(Intercept | classroom)", level=0.95).interval()
    lower, upper = intervals.loc["sd(Intercept | classroom)"]
    assert lower == 0
    assert upper == pytest.approx(alone.upper.item(), rel=1e-3)


# -- shape and wrong use ----------------------------------------------------------------------------


def test_points_rise_and_cross_zero_at_the_estimate():
    found = profiled("exam")
    for name, points in found.points.items():
        assert (np.diff(points.value) > 0).all() and (np.diff(points.zeta) > 0).all()
        at = points.value[points.zeta == 0].item()
        assert at == pytest.approx(found.estimates[name])
        assert points.zeta.abs().max() > 3.29  # to the level of 99.9 %
    nested = found.interval(0.5), found.interval(0.99)
    assert (nested[1].lower < nested[0].lower).all() and (nested[1].upper > nested[0].upper).all()


def test_names_chosen():
    ours = fit("exam", "REML")
    assert list(profile(ours, "sigma", level=0.9).points) == ["sigma"]
    assert list(profiled("exam").points) == parameter_names(ours.design)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("standLRTT", "did you mean 'standLRT'"),
        ("sd(standlrt | school)", "did you mean 'sd(standLRT | school)'"),
        ("cor(standLRT, Intercept | school)", "is called 'cor(Intercept, standLRT | school)' here"),
        (7, "is not a parameter"),
    ],
)
def test_a_parameter_that_is_not_there(name, said):
    with pytest.raises(CourseError) as error:
        profile(fit("exam", "REML"), [name])
    assert said in str(error.value)


def test_a_correlation_that_the_formula_fixes_at_0():
    with pytest.raises(CourseError, match="fixed at 0 by the formula.*single bar"):
        profile(fit("zero_slope_uncorrelated", "REML"), "cor(Intercept, x | school)")


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, "0.95", float("nan")])
def test_a_level_outside_0_and_1(level):
    with pytest.raises(CourseError, match="between 0 and 1"):
        profile(fit("exam", "REML"), "sigma", level=level)
    with pytest.raises(CourseError, match="between 0 and 1"):
        profiled("exam").interval(level)


def test_a_level_that_the_profile_does_not_reach():
    with pytest.raises(CourseError, match=r"profile\(fit, level=0.9999\)"):
        profiled("exam").interval(0.9999)
    wide = profile(fit("exam", "REML"), "sigma", level=0.9999).interval(0.9999)
    assert (wide.lower < profiled("exam").interval(0.999).lower["sigma"]).all()


def test_the_data_is_where_the_script_read_it():
    for described in REFERENCE.values():
        assert (ROOT / described["data"]).exists()
