"""The paragraph and the table say what the fit says."""

import re

import numpy as np
import pandas as pd
import pytest

import course
from course import CourseError, __version__, icc, load, mixedlm, r2, report, side_by_side


@pytest.fixture(scope="module")
def pupils():
    return load("pupils")


@pytest.fixture(scope="module")
def one(pupils):
    return mixedlm("test_score ~ age + (1|school)", pupils).fit()


@pytest.fixture(scope="module")
def two(pupils):
    formula = "test_score ~ age + sex + (age|classroom) + (1|school)"
    return mixedlm(formula, pupils).fit(reml=False)


# -- the paragraph ------------------------------------------------------------------------------


def test_it_names_the_model_the_method_and_the_sample(one, two):
    assert "fixed effects of age and random intercepts by school was fitted" in report(one)
    assert "restricted maximum likelihood" in report(one)
    assert "was fitted by maximum likelihood, with the Python package" in report(two)
    assert f"mixed-effects-course {__version__}." in report(two)
    assert "correlated random intercepts and slopes of age by classroom" in report(two)
    assert f"{two.nobs:,} rows in 190 levels of classroom and 60 levels of school" in report(two)


def test_every_fixed_effect_stands_there_with_interval_and_test(two):
    text = report(two)
    for name, row in two.fixed_effects.iterrows():
        found = re.search(
            rf"{re.escape(name)} (\S+), 95% CI \[(\S+), (\S+)\], t\((\S+)\) = (\S+), p", text
        )
        estimate, low, high, df, t = (float(value.replace(",", "")) for value in found.groups())
        rounding = row["std_error"] / 20  # two digits of the standard error
        assert estimate == pytest.approx(row["estimate"], abs=rounding)
        assert low == pytest.approx(row["lower"], abs=rounding)
        assert high == pytest.approx(row["upper"], abs=rounding)
        assert df == pytest.approx(row["df"], abs=0.051)
        assert t == pytest.approx(row["t"], abs=0.0051)


def test_sds_icc_and_r2_stand_there(two):
    text = report(two)
    table = two.variance_components
    assert f"age by classroom {table.sdcor[1]:.3f}" in text
    assert f"correlation of Intercept and age {table.sdcor[2]:.2f}" in text
    assert f"residual {np.sqrt(two.scale):.3f}" in text
    row = icc(two).loc["classroom"]
    interval = f"[{row['icc_lower']:.2f}, {row['icc_upper']:.2f}]"
    assert f"{row['icc']:.2f} for the same classroom, 95% CI {interval}" in text
    assert "variances averaged over the rows" in text
    assert f"Of the variance {r2(two)['marginal']:.1%} was that of the fixed part" in text
    assert f"{r2(two)['conditional']:.1%} that of fixed and random parts together" in text
    assert "explain" not in text  # random effects explain nothing


def test_a_singular_fit_is_called_one_and_has_no_interval_at_zero():
    g = np.repeat(np.arange(10), 6)
    data = pd.DataFrame({"y": np.tile([1.0, 2, 3, 4, 5, 7], 10), "g": g.astype(str)})
    text = report(mixedlm("y ~ 1 + (1|g)", data).fit())
    assert "The fit was singular" in text
    assert "0.00 for the same g. Of the variance" in text
    assert "with no predictors" in text


def test_rows_left_out_are_counted(pupils):
    gaps = pupils.copy()
    gaps.loc[:9, "age"] = np.nan
    fit = mixedlm("test_score ~ age + (1|school)", gaps).fit()
    assert f"{len(pupils) - 10:,} rows (10 incomplete rows left out)" in report(fit)


def test_small_and_large_numbers_keep_their_digits(pupils):
    tiny = pupils.assign(test_score=pupils["test_score"] / 1e5, age=pupils["age"] * 1e3)
    text = report(mixedlm("test_score ~ age + (1|school)", tiny).fit())
    found = re.search(r"; age (\S+), 95% CI \[(\S+), (\S+)\]", text)
    estimate, low, high = map(float, found.groups())
    assert low < estimate < high
    assert estimate == pytest.approx(3.76e-8, rel=0.05)


# -- side by side -------------------------------------------------------------------------------


def test_numbers_are_those_of_the_fits(one, two):
    table = side_by_side(one, two, names=["one", "two"], numeric=True)
    for name, fit in (("one", one), ("two", two)):
        values, errors = table[name, "estimate"], table[name, "std_error"]
        for effect in fit.fe_params.index:
            assert values["fixed effects", effect] == fit.fe_params[effect]
            assert errors["fixed effects", effect] == fit.bse_fe[effect]
        assert values["random effects", "sigma"] == pytest.approx(np.sqrt(fit.scale))
        assert values["fit", "log-likelihood"] == fit.llf
        assert values["fit", "AIC"] == fit.aic
        assert values["fit", "BIC"] == fit.bic
        assert values["fit", "rows"] == fit.nobs
        assert values["fit", "levels of school"] == 60
    sds = two.variance_components["sdcor"]
    random = table["two", "estimate"]["random effects"]
    assert random["sd(age | classroom)"] == pytest.approx(sds[1])
    assert random["cor(Intercept, age | classroom)"] == pytest.approx(sds[2])
    assert np.isnan(table["one", "estimate"]["random effects", "sd(age | classroom)"])
    assert all(dtype.kind == "f" for dtype in table.dtypes)


def test_text_has_the_standard_error_in_brackets(one, two):
    table = side_by_side(one, two)
    assert list(table.columns) == ["(1)", "(2)"]
    estimate, error = one.fe_params["age"], one.bse_fe["age"]
    assert table.loc[("fixed effects", "age"), "(1)"] == f"{estimate:.2f} ({error:.2f})"
    assert table.loc[("fixed effects", "sex[T.male]"), "(1)"] == ""
    assert table.loc[("fit", "method")].tolist() == ["REML", "ML"]
    assert table.loc[("fit", "rows"), "(1)"] == f"{one.nobs:,}"


def test_parts_stand_in_order_and_no_row_twice(one, two):
    index = side_by_side(one, two).index
    parts = index.get_level_values("part")
    assert list(dict.fromkeys(parts)) == ["fixed effects", "random effects", "fit"]
    assert (parts == sorted(parts, key=["fixed effects", "random effects", "fit"].index)).all()
    assert index.is_unique
    terms = list(index.get_level_values("term"))
    assert terms.index("sd(Intercept | school)") < terms.index("sigma")
    assert terms[-1] == "method"


def test_a_numeric_table_with_groups_of_a_later_fit(one, two):
    table = side_by_side(one, two, numeric=True)
    assert ("fit", "method") not in table.index
    assert table["(2)", "estimate"]["fit", "levels of classroom"] == 190


def test_html_and_latex_come_from_pandas(one):
    assert "(1)" in side_by_side(one).to_html()


def test_adjusted_means_as_the_docstring_shows(pupils):
    """Without random slopes and balanced: standard errors equal those of a shifted intercept."""
    fit = mixedlm("test_score ~ age + sex + (1|school)", pupils).fit()
    grid = pd.DataFrame({"age": [8, 12], "sex": "female"})
    means = fit.predict(grid, random="none")
    X = fit.design.fixed_rows(grid)
    se = np.sqrt(np.einsum("ij,jk,ik->i", X, fit.cov_params(), X))
    for at, age in enumerate([8, 12]):
        moved = mixedlm(
            "test_score ~ age + sex + (1|school)", pupils.assign(age=pupils["age"] - age)
        ).fit()
        assert means[at] == pytest.approx(moved.fe_params["Intercept"], rel=1e-6)
        assert se[at] == pytest.approx(moved.bse_fe["Intercept"], rel=1e-4)


@pytest.mark.parametrize("names", [["a"], ["a", "a"], ["a", "b", "c"]])
def test_names_must_fit(one, two, names):
    with pytest.raises(CourseError, match="2 different names"):
        side_by_side(one, two, names=names)


def test_what_is_not_a_fit_is_refused(pupils, one):
    with pytest.raises(CourseError, match="one or more fits"):
        side_by_side()
    with pytest.raises(CourseError, match="not a MixedModel"):
        side_by_side(one, one.model)
    with pytest.raises(CourseError, match="not a str"):
        report("test_score ~ age + (1|school)")


def test_the_public_names_lead_here():
    assert course.report is report
    assert callable(course.side_by_side)


def test_it_tells_of_the_offset(pupils, one):
    fit = mixedlm(
        "test_score ~ age + offset(2 * age_mean) + (1|school)", pupils.assign(age_mean=9.0)
    )
    assert "The offset (2 * age_mean) was added to the fixed part" in report(fit.fit())
    assert "offset" not in report(one)
