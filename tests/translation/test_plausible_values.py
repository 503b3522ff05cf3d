"""Plausible values from formula to program: the designs, the words, and code that pools by hand."""

import contextlib
import io

import numpy as np
import pandas as pd
import pytest
from running import execute
from several import plausible

from course import CourseError, load, mixedlm, translate
from course.__main__ import main
from course.data.files import write_table

RIGHT = "standLRT + sex + (1|school)"


def some() -> pd.DataFrame:
    """Three plausible values of 300 pupils."""
    names = [f"PV{i}" for i in (1, 2, 3)]
    return plausible()[["school", "standLRT", "sex", *names]].iloc[:300].copy()


@pytest.mark.slow
def test_the_code_pools_by_hand_what_mixedlm_pools():
    made = execute(translate(f"PV* ~ {RIGHT}", some()).code, some())
    fit = mixedlm(f"PV* ~ {RIGHT}", some()).fit()
    assert len(made["fits"]) == 3
    np.testing.assert_allclose(
        made["pooled"]["estimate"][fit.fe_params.index], fit.fe_params, rtol=1e-5
    )
    # statsmodels' own standard errors, which come from a larger Hessian
    theirs = pd.DataFrame([one.statsmodels.bse_fe for one in fit.fits])
    extra = 4 / 3 * np.var([one.fe_params for one in fit.fits], axis=0, ddof=1)
    expected = np.sqrt((theirs**2).mean() + extra)
    np.testing.assert_allclose(made["pooled"]["std_error"][expected.index], expected, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("formula", "rename"),
    [
        ("log(PV* + 9) ~ standLRT + (1|school)", {}),
        ("pv.*.m ~ standLRT + (1|school)", {f"PV{i}": f"pv.{i}.m" for i in (1, 2)}),
        ("2 * PV* - standLRT ~ sex + (0 + standLRT|school)", {}),
    ],
)
def test_the_code_of_other_patterns(formula, rename):
    data = some().drop(columns="PV3").rename(columns=rename)
    made = execute(translate(formula, data).code, data)
    fit = mixedlm(formula, data).fit()
    np.testing.assert_allclose(
        made["pooled"]["estimate"][fit.fe_params.index], fit.fe_params, rtol=1e-4
    )


def test_a_long_list_of_columns_is_broken_and_the_code_is_clean():
    data = some().assign(**{f"PV{i}": some()["PV1"] for i in range(4, 16)})
    code = translate(f"PV* ~ {RIGHT}", data).code
    assert max(map(len, code.splitlines())) <= 100
    compile(code, "code", "exec")
    assert '"PV15"' in code


def test_the_words_say_that_each_is_fitted_and_what_is_pooled():
    t = translate(f"PV* ~ {RIGHT}", some())
    text = " ".join(t.explain().split())
    assert "PV* stands for 3 plausible values (PV1 to PV3)" in text
    assert "fitted to each of the 3 plausible values" in text
    assert "Rubin's rules" in text
    assert "PV1 ~" not in text
    assert r"\mathrm{PV*}_i" in t.latex
    assert "Plausible values" in t._repr_html_()
    plain = translate("PV1 ~ standLRT + (1|school)", some())
    assert "lausible" not in plain.explain()
    assert "Rubin" not in plain.code


@pytest.mark.slow
def test_other_columns_in_the_response_and_statsmodels_own_arguments():
    data = some()
    fit = mixedlm("PV* - standLRT ~ sex", data, groups="school", re_formula="~1").fit()
    for i, one in enumerate(fit.fits, start=1):
        alone = mixedlm(f"PV{i} - standLRT ~ sex + (1|school)", data).fit()
        assert one.llf == pytest.approx(alone.llf, abs=1e-8)
        assert one.design.columns.keys() == alone.design.columns.keys()
    half = mixedlm(f"PV* ~ {RIGHT}", data, subset=data.index < 200).fit()
    alone = mixedlm(f"PV3 ~ {RIGHT}", data.iloc[:200]).fit()
    assert half.fits[2].llf == pytest.approx(alone.llf, abs=1e-8)


def test_rows_that_lack_all_plausible_values_are_left_out_and_told():
    data = some()
    names = ["PV1", "PV2", "PV3"]
    data.loc[data.index[[4, 9, 30]], names] = np.nan
    data.loc[data.index[50], "standLRT"] = np.nan
    fit = mixedlm(f"PV* ~ {RIGHT}", data).fit()
    assert fit.nobs == 296
    for name, one in zip(names, fit.fits, strict=True):
        alone = mixedlm(f"{name} ~ {RIGHT}", data).fit()
        assert one.llf == pytest.approx(alone.llf, abs=1e-8)
        assert one.design.missing == alone.design.missing == {name: 3, "standLRT": 1}
        assert one.design.index.equals(alone.design.index)
    assert "4" in " ".join(fit.notes)
    with pytest.raises(CourseError, match='missing="raise" refuses'):
        mixedlm(f"PV* ~ {RIGHT}", data, missing="raise")


def test_rows_that_lack_some_plausible_values_are_refused():
    data = some()
    data.loc[data.index[7], "PV2"] = np.nan
    said = (
        r"1 row \(index 7\) has some of the plausible values.*PV2 lacks.*dropna\(subset=\['PV2'\]\)"
    )
    for function in (mixedlm, translate):
        with pytest.raises(CourseError, match=said):
            function(f"PV* ~ {RIGHT}", data)
    data.loc[data.index[9:20], "PV3"] = np.nan
    with pytest.raises(CourseError, match=r"12 rows \(index 7, 9, 10, 11, 12, \.\.\.\) have"):
        mixedlm(f"PV* ~ {RIGHT}", data)
    mended = data.dropna(subset=["PV2", "PV3"])
    assert mixedlm(f"PV* ~ {RIGHT}", mended).fit().nobs == 288


def test_each_response_is_checked_under_its_own_name():
    with pytest.raises(CourseError, match="PV3"):
        mixedlm(f"PV* ~ {RIGHT}", some().assign(PV3=1.0))
    with pytest.raises(CourseError, match="'PV2' has only one value"):
        mixedlm(f"PV* ~ {RIGHT}", some().assign(PV2="many"))
    text = some()["PV3"].round(3).astype(str)
    for two in ("few", "many"):
        with pytest.raises(CourseError, match="the response PV3 is not numeric"):
            mixedlm(f"PV* ~ {RIGHT}", some().assign(PV3=text if two == "many" else text.str[0]))
    with pytest.raises(CourseError, match="the response PV2 is True or False"):
        mixedlm(f"PV* ~ {RIGHT}", some().assign(PV2=some()["PV2"] > 0))
    with pytest.raises(CourseError, match="PV1"):
        mixedlm(f"PV* ~ {RIGHT}", some().assign(PV1=text))


def test_titles_and_reasons_are_those_of_the_column():
    data = some()
    data.attrs["labels"] = {"PV1": "First value", "PV2": "Second value"}
    fit = mixedlm(f"PV* ~ {RIGHT}", data).fit()
    assert fit.fits[0].design.titles == {"PV1": "First value"}
    assert fit.fits[1].design.titles == {"PV2": "Second value"}
    assert fit.fits[2].design.titles == {}


def test_no_random_term_and_wrong_options():
    with pytest.raises(CourseError, match="no random term"):
        mixedlm("PV* ~ standLRT", some())
    with pytest.raises(CourseError, match="no random term"):
        translate("PV* ~ standLRT", some())
    model = mixedlm(f"PV* ~ {RIGHT}", some())
    with pytest.raises(CourseError, match="reml='no'"):
        model.fit(reml="no")
    with pytest.raises(CourseError, match=r"fit\(\) has no method="):
        model.fit(method="powell")
    assert repr(model) == (
        "<PooledModel PV* ~ standLRT + sex + (1 | school), 3 plausible values (PV1 to PV3), 300 rows>"
    )


@pytest.mark.slow
def test_progress_is_shown_where_it_takes_long():
    with contextlib.redirect_stderr(io.StringIO()):
        fit = mixedlm(f"PV* ~ {RIGHT}", some()).fit(progress=True)
    plain = mixedlm(f"PV* ~ {RIGHT}", some()).fit()
    pd.testing.assert_frame_equal(fit.fixed_effects, plain.fixed_effects)


@pytest.mark.slow
def test_the_command_line(tmp_path, capsys):
    path = tmp_path / "pisa.csv"
    write_table(some(), str(path))
    assert main(["fit", f"PV* ~ {RIGHT}", str(path)]) == 0
    out = capsys.readouterr().out
    assert "each of 3 plausible values (PV1 to PV3)" in out
    assert main(["translate", f"PV* ~ {RIGHT}", str(path)]) == 0
    assert "Rubin's rules" in capsys.readouterr().out
    assert main(["fit", "PW* ~ standLRT + (1|school)", str(path)]) == 2
    assert "did you mean 'PV*'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_sheet_that_is_asked_for_is_the_one_that_the_columns_are_of(tmp_path, capsys):
    path = tmp_path / "two.xlsx"
    with pd.ExcelWriter(path) as writer:
        pd.DataFrame({"note": ["nothing here"]}).to_excel(writer, sheet_name="about", index=False)
        some().astype({"school": int, "sex": str}).to_excel(
            writer, sheet_name="pupils", index=False
        )
    for formula in ("PV* ~ standLRT + (1|school)", "PV1 ~ . - school + (1|school)"):
        assert main(["fit", formula, str(path), "--sheet", "pupils"]) == 0, formula
    assert "300 rows" in capsys.readouterr().out


def test_the_data_stay_as_they_are():
    data = load("exam").assign(a1=lambda d: d["normexam"], a2=lambda d: d["normexam"] + 1)
    before = data.copy()
    mixedlm("a* ~ standLRT + (1|school)", data).fit()
    pd.testing.assert_frame_equal(data, before)
