"""The code of a fit runs as it stands and ends where the fit did, whatever the model."""

import re

import numpy as np
import pandas as pd
import pytest
from budget import thinned
from reference_models import CASES, data, fit
from running import execute, run

from course import load, mixedlm

TERMS = [
    "(1|classroom) + (1|school)",
    "(age|school)",
    "(age||school) + (1|province)",
    "(age|classroom) + (age|school) + (age|province)",
    "(0 + age|classroom) + (1|school)",
    "(age + wealth|classroom) + (1|school)",
    "(wealth|classroom) + (I(age - 10)|school)",
    "(sex|classroom) + (1|school)",
    "(C(sex, Sum) + age|classroom) + (1|school)",
    "(np.log(age)|school) + (np.log(age)|classroom)",
    "(age * sex|classroom) + (1|school)",
    "(1|grade) + (age|school)",
]


def of_some_schools(frame):
    """Those of six schools, of three provinces: MixedLM reads its formulas anew in each school."""
    schools = sorted(frame["school"].unique())[:15]
    return frame[frame["school"].isin(schools[::5] + schools[1::5])].reset_index(drop=True)


@pytest.fixture(scope="module")
def pupils():
    """Pupils of some schools, with a predictor in large units and a grade that crosses schools."""
    some = of_some_schools(load("pupils"))
    rng = np.random.default_rng(1)
    return some.assign(
        wealth=rng.normal(40_000, 8_000, len(some)), grade=rng.choice(list("abc"), len(some))
    )


@pytest.mark.slow
@pytest.mark.parametrize("terms", thinned(TERMS, 3, pytest.mark.long))
def test_every_kind_of_term(terms, pupils):
    ours = mixedlm(f"test_score ~ age + sex + {terms}", pupils).fit()
    result = run(ours.code, pupils)
    assert result.llf == pytest.approx(ours.llf, abs=1e-5)
    np.testing.assert_allclose(result.fe_params, ours.fe_params, rtol=1e-4, atol=1e-6)
    assert result.scale == pytest.approx(ours.scale, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("model_id, method", thinned(CASES, 12, pytest.mark.long))
def test_the_models_of_lme4(model_id, method):
    """Singular ones among them, and those of which the data know only sums of variances."""
    ours = fit(model_id, method)
    if ours.nobs > 3000 or (ours.model.translation.groups == "everyone" and ours.nobs > 500):
        pytest.skip("dense matrices of all rows would take minutes")
    frame = data(model_id)
    if "agesex" in model_id:  # four effects of sixty schools, one at a time
        frame = of_some_schools(frame)
        ours = mixedlm(ours.formula, frame).fit(reml=method == "REML")
    result = run(ours.code, frame)
    assert result.llf == pytest.approx(ours.llf, abs=1e-4)


def test_it_is_short_and_says_where_it_starts(pupils):
    ours = mixedlm("test_score ~ age + (age|classroom) + (age|school)", pupils).fit(reml=False)
    code = ours.code
    assert code.count("\n") < 35 and "reml=False" in code and "minimize" not in code
    # the shift is where intercepts and slopes are unrelated
    table = ours.variance_components
    _, slopes, covariance = table.loc[table["group"] == "classroom", "vcov"]
    written, *_ = re.findall(r'data\["age"\] ([+-] [\d.]+)', code)
    assert -float(written.replace(" ", "")) == pytest.approx(-covariance / slopes, rel=1e-6)
    start = execute(code, pupils)["start"]
    np.testing.assert_allclose(start.fe_params, ours.fe_params, rtol=1e-7)


@pytest.mark.slow
def test_what_is_zero_is_held():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"g": np.repeat(np.arange(5), 6).astype(str), "x": rng.normal(size=30)})
    frame["y"] = rng.normal(size=30)
    frame["y"] -= frame.groupby("g")["y"].transform("mean")
    for terms in ("(1|g)", "(x|g)", "(x||g)"):
        ours = mixedlm(f"y ~ x + {terms}", frame).fit()
        assert ours.singular and "held there" in ours.code
        assert run(ours.code, frame).llf == pytest.approx(ours.llf, abs=1e-4)


@pytest.mark.slow
def test_weights_and_missing_rows(pupils):
    frame = pupils.assign(w=np.random.default_rng(2).uniform(0.5, 2, len(pupils)))
    frame.loc[5, "age"] = np.nan
    ours = mixedlm("test_score ~ age + (age|classroom) + (1|school)", frame, weights="w").fit()
    result = run(ours.code, frame)
    assert result.llf + ours.design.sum_log_weights / 2 == pytest.approx(ours.llf, abs=1e-5)
