"""Rows that do not fit into memory: read in batches, the fit is that of the same rows in memory.

The reference is always the fit of the whole table, which lme4 vouches for elsewhere.
"""

import os
import signal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

import course
from course import CourseError, load, mixedlm
from course.streaming import sources


@pytest.fixture(scope="module")
def pupils():
    """Pupils with gaps, a factor in the order of its codes, a flag, and rare combinations of labels."""
    data = load("pupils")
    rng = np.random.default_rng(5)
    data["grade"] = pd.Categorical(
        np.where(data["age"] > 10.5, "upper", np.where(data["age"] > 9, "middle", "lower")),
        ["lower", "middle", "upper"],
    )
    data["late"] = data["age"] > 11
    data["exams"] = rng.integers(1, 4, len(data))
    data["club"] = np.where(rng.random(len(data)) < 0.003, "chess", "none")
    data.loc[7:30, "age"] = np.nan
    data.loc[[100, 900], "sex"] = None
    return data


@pytest.fixture(scope="module")
def folder(pupils, tmp_path_factory):
    """The same in two files of several row groups each, in another order of rows."""
    path = tmp_path_factory.mktemp("pupils")
    rows = pupils.sample(frac=1, random_state=3)
    for number, part in enumerate((rows[:1500], rows[1500:])):
        part.to_parquet(path / f"part-{number}.parquet", row_group_size=600)
    return path


def dask_frame(frame: pd.DataFrame, parts: int):
    import dask.dataframe as dd  # which takes a second, and every process of pytest reads this file

    return dd.from_pandas(frame, npartitions=parts)


def assert_same(streamed, whole):
    assert streamed.nobs == whole.nobs
    assert streamed.llf == pytest.approx(whole.llf, rel=1e-10)
    pd.testing.assert_series_equal(streamed.fe_params, whole.fe_params, rtol=1e-5, atol=1e-7)
    pd.testing.assert_series_equal(streamed.bse_fe, whole.bse_fe, rtol=1e-5)
    both = streamed.variance_components, whole.variance_components
    pd.testing.assert_frame_equal(*both, rtol=1e-4, atol=1e-5)
    for group, effects in whole.random_effects.items():
        found = streamed.random_effects[group].loc[effects.index].to_numpy()
        np.testing.assert_allclose(found, effects.to_numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "formula",
    [
        "test_score ~ age + sex + (age|classroom) + (1|school)",
        "test_score ~ age + (1|province/school/classroom)",
        "test_score ~ age*grade + (1|school) + (1|sex)",  # crossed
        "test_score ~ 0 + grade + age + (age||school)",  # no intercept
        "test_score ~ late + C(exams) + (late|school)",
        "test_score ~ sex*club + C(exams)*club + (1|school)",  # combinations that a sample may miss
        "test_score ~ age + I(2*age) + (1|school)",  # aliased
        "test_score ~ offset(3*age) + (1|classroom)",
        "np.log(test_score) ~ center(age) + (1|school)",
        "test_score ~ 1 + (1|school)",
    ],
)
def test_the_fit_is_that_of_the_whole_table(formula, pupils, folder):
    assert_same(mixedlm(formula, folder).fit(), mixedlm(formula, pupils).fit())


@pytest.mark.slow
@pytest.mark.parametrize(
    "term", ["scale(age)", "poly(age, 2)", "ns(age, 3)", "bs(age, df=4)", "cut(age, 3)"]
)
def test_means_and_knots_are_those_of_all_rows(term, pupils, folder):
    formula = f"test_score ~ {term} + (1|school)"
    streamed, whole = mixedlm(formula, folder).fit(), mixedlm(formula, pupils).fit()
    assert_same(streamed, whole)
    new = pupils.dropna().head()
    np.testing.assert_allclose(streamed.predict(new), whole.predict(new), rtol=1e-6)


@pytest.mark.slow
def test_maximum_likelihood_and_singular_fits(pupils, folder):
    formula = "test_score ~ age + (1|school) + (1|exams)"
    streamed, whole = (mixedlm(formula, d).fit(reml=False) for d in (folder, pupils))
    assert streamed.singular == whole.singular
    assert streamed.llf == pytest.approx(whole.llf, rel=1e-10)


@pytest.mark.slow
def test_every_kind_of_source(pupils, folder):
    formula = "test_score ~ age + sex + (1|school)"
    whole = mixedlm(formula, pupils).fit()
    data = pa.Table.from_pandas(pupils)
    frame = dask_frame(pupils, 5)
    for source in (
        str(folder),
        ds.dataset(folder),
        ds.dataset(data),
        ds.dataset([ds.dataset(folder)]),
        frame,
        frame.repartition(npartitions=1),
    ):
        assert_same(mixedlm(formula, source).fit(), whole)
    boys = ds.dataset(folder).filter(ds.field("sex") == "male")
    assert_same(
        mixedlm("test_score ~ age + (1|school)", boys).fit(),
        mixedlm("test_score ~ age + (1|school)", pupils[pupils["sex"] == "male"]).fit(),
    )


@pytest.mark.slow
def test_order_and_size_of_batches_do_not_matter(pupils, folder, monkeypatch):
    formula = "test_score ~ age + (age|classroom) + (1|school)"
    expected = mixedlm(formula, folder).fit()
    monkeypatch.setattr(sources, "BATCH", 311)
    fit = mixedlm(formula, folder).fit()
    assert fit.llf == pytest.approx(expected.llf, rel=1e-12)
    again = mixedlm(formula, folder).fit()
    assert (again.llf, *again.fe_params) == (fit.llf, *fit.fe_params)  # to the bit


@pytest.mark.slow
def test_labels_that_are_columns_of_folders(pupils, tmp_path):
    pupils.to_parquet(tmp_path / "by", partition_cols=["province"])
    formula = "test_score ~ age + (1|province) + (1|school)"
    streamed, whole = mixedlm(formula, tmp_path / "by").fit(), mixedlm(formula, pupils).fit()
    assert streamed.llf == pytest.approx(whole.llf, rel=1e-10)
    assert streamed.n_groups == whole.n_groups


@pytest.mark.slow
def test_categories_of_two_files_are_united(pupils, tmp_path):
    formula = "test_score ~ age + sex + (1|school)"
    labelled = pupils.astype({"sex": "category"})
    labelled[labelled["sex"] == "male"].assign(
        sex=lambda rows: rows["sex"].cat.remove_unused_categories()
    ).to_parquet(tmp_path / "a.parquet")
    labelled[labelled["sex"] == "female"].assign(
        sex=lambda rows: rows["sex"].cat.remove_unused_categories()
    ).to_parquet(tmp_path / "b.parquet")
    streamed, whole = mixedlm(formula, tmp_path).fit(), mixedlm(formula, pupils).fit()
    assert streamed.llf == pytest.approx(whole.llf, rel=1e-10)


@pytest.mark.slow
def test_what_the_data_say_is_said(pupils, folder):
    fit = mixedlm("test_score ~ age + sex + (1|school)", folder).fit()
    assert fit.notes[0] == (
        "26 of 2,494 rows are left out for missing values in age (24), sex (2)."
    )
    rooms = load("pupils").query("province < 'P03'")
    rooms = rooms.assign(room=rooms["classroom"].str[-2:])
    formula = "test_score ~ age + (1|school) + (1|room)"
    frame = dask_frame(rooms, 3)
    told, expected = mixedlm(formula, frame).fit().notes, mixedlm(formula, rooms).fit().notes
    assert [note for note in expected if "used again" in note]
    assert [note for note in told if "used again" in note] == [
        note for note in expected if "used again" in note
    ]


@pytest.mark.slow
def test_fitted_values_are_written(pupils, folder, tmp_path):
    formula = "test_score ~ age + sex + (age|classroom) + (1|school)"
    streamed, whole = mixedlm(formula, folder).fit(), mixedlm(formula, pupils).fit()
    streamed.write_fitted(tmp_path / "fitted.parquet")
    written = pd.read_parquet(tmp_path / "fitted.parquet")
    given = pd.read_parquet(folder).reset_index(drop=True)
    assert len(written) == len(given)
    pd.testing.assert_frame_equal(
        written[["test_score", "age", "sex"]], given[["test_score", "age", "sex"]]
    )
    by_pupil = pupils.assign(fitted=whole.fittedvalues)[
        ["test_score", "age", "classroom", "fitted"]
    ]
    both = written.merge(by_pupil.dropna(), on=["test_score", "age", "classroom"])
    np.testing.assert_allclose(both["fittedvalues"], both["fitted"], rtol=1e-6)
    np.testing.assert_allclose(both["resid"], both["test_score"] - both["fitted"], atol=1e-4)
    assert written["fittedvalues"].isna().sum() == 26
    with pytest.raises(CourseError, match="is there already"):
        streamed.write_fitted(tmp_path / "fitted.parquet")
    whole.write_fitted(tmp_path / "whole.parquet")
    of_frame = pd.read_parquet(tmp_path / "whole.parquet")
    np.testing.assert_array_equal(of_frame["fittedvalues"], whole.fittedvalues)


OF_A_FIT = {
    "anova": course.anova,
    "bootstrap": lambda fit: course.bootstrap(fit, n=2, seed=1, progress=False),
    "check": lambda fit: fit.check(),
    "confint": lambda fit: course.confint(fit, method="wald"),
    "profile": lambda fit: course.confint(fit, method="profile"),
    "contrasts": lambda fit: course.contrasts(fit, "sex"),
    "diagnose": course.diagnose,
    "fittedvalues": lambda fit: fit.fittedvalues,
    "fixed_effects": lambda fit: fit.fixed_effects,
    "kenward_roger": lambda fit: course.fixed_effects_table(fit, df="kenward-roger"),
    "robust": lambda fit: course.fixed_effects_table(fit, robust="school"),
    "icc": course.icc,
    "influence": lambda fit: course.influence(fit, "school", progress=False),
    "means": lambda fit: course.means(fit, "sex"),
    "parameters": course.parameters,
    "predict": lambda fit: fit.predict(load("pupils").head()),
    "prediction": lambda fit: fit.predict(load("pupils").head(), interval="prediction"),
    "r2": course.r2,
    "random_effects_se": lambda fit: fit.random_effects_se["school"].sort_index(),
    "refit": lambda fit: fit.refit(np.arange(fit.nobs)).fe_params,
    "refit_all": lambda fit: fit.refit_all([np.arange(fit.nobs)])[0].fe_params,
    "report": lambda fit: pd.Series([str(course.report(fit))]),
    "resid": lambda fit: fit.resid,
    "simulate": lambda fit: course.simulate_responses(fit, n=1, seed=1),
    "slopes": lambda fit: course.slopes(fit, "age"),
    "statsmodels": lambda fit: fit.statsmodels,
    "translation": lambda fit: fit.model.translation,
    "variance_shares": course.variance_shares,
    "wald": lambda fit: course.wald(fit, "age = 3"),
    "fitted_picture": lambda fit: course_plots().residuals(fit),
    "effects_picture": lambda fit: course_plots().caterpillar(fit, "school") and None,
}
NEED_NO_ROWS = {
    *("anova", "confint", "fixed_effects", "icc", "parameters", "predict", "r2"),
    *("random_effects_se", "report", "variance_shares", "wald", "effects_picture"),
}


def course_plots():
    from course import plots

    return plots


@pytest.fixture(scope="module")
def two_fits(pupils, folder):
    formula = "test_score ~ age + sex + (age|classroom) + (1|school)"
    return mixedlm(formula, folder).fit(), mixedlm(formula, pupils).fit()


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_A_FIT)
def test_what_a_fit_is_asked_is_answered_alike_or_refused(name, two_fits):
    """Never a number from fewer rows in silence, never somebody else's error."""
    streamed, whole = two_fits
    try:
        answer = OF_A_FIT[name](streamed)
    except CourseError as error:
        assert name not in NEED_NO_ROWS
        assert "not kept" in str(error)
        return
    expected = OF_A_FIT[name](whole)
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(answer, expected, rtol=1e-4, atol=1e-6)
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(answer, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_models_are_compared_by_their_criteria(folder):
    one, other = (
        mixedlm(f"test_score ~ {fixed} + (1|school)", folder).fit(reml=False)
        for fixed in ("age", "age + sex")
    )
    with pytest.raises(CourseError, match="compare models by fit.aic"):
        course.compare(one, other)


def test_wrong_sources_are_told(tmp_path, pupils, folder):
    formula = "test_score ~ age + (1|school)"
    (tmp_path / "a.csv").write_text("test_score,age,school\n1,2,a\n")
    (tmp_path / "b.parquet").write_text("not Parquet at all")
    for source, said in (
        (tmp_path / "a.csv", "read_table"),
        (tmp_path / "b.parquet", "cannot be read as Parquet"),
        (tmp_path / "none", "there is no file or folder"),
    ):
        with pytest.raises(CourseError, match=said):
            mixedlm(formula, source)
    for arguments, said in (
        ({"weights": "exams"}, "weights= needs the rows in memory"),
        ({"groups": "classroom"}, "write bars"),
        ({"subset": [True]}, "filter the source"),
        ({"missing": "raise"}, 'missing="drop" leaves'),
        ({"missing": "leave"}, "'drop', 'raise' or 'none'"),
    ):
        with pytest.raises(CourseError, match=said):
            mixedlm(formula, folder, **arguments)
    for wrong, said in (
        ("test_score ~ ages + (1|school)", "did you mean 'age'"),
        ("test_score ~ age", "random"),
        ("sex ~ age + (1|school)", "not numeric"),
    ):
        with pytest.raises(CourseError, match=said):
            mixedlm(wrong, folder)


def test_labels_without_end_are_no_predictor(tmp_path):
    n = 6_000
    table = pa.table(
        {"y": np.arange(n) % 7.0, "id": list(map(str, range(n))), "g": np.arange(n) % 9}
    )
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(CourseError, match=r"\(1\|id\)"):
        mixedlm("y ~ id + (1|g)", tmp_path / "a.parquet")


def test_crossings_that_do_not_fit_are_refused_with_an_estimate(folder, monkeypatch):
    monkeypatch.setattr("course.streaming.sums.MOST_BYTES", 1e3)
    with pytest.raises(CourseError, match="combinations of levels"):
        mixedlm("test_score ~ age + (1|classroom) + (1|sex)", folder)


@pytest.mark.long
def test_a_worker_of_dask_that_dies_is_survived(pupils, tmp_path):
    """Two processes; the one that first meets the third partition is gone."""
    from dask.distributed import Client, LocalCluster

    flag = str(tmp_path / "died")

    def once(part):
        if len(part) and part.index[0] >= 800 and not os.path.exists(flag):
            open(flag, "x").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return part

    formula = "test_score ~ age + sex + (age|classroom) + (1|school)"
    frame = dask_frame(pupils, 6)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        fit = mixedlm(formula, frame.map_partitions(once, meta=frame._meta)).fit()
    assert os.path.exists(flag)
    assert_same(fit, mixedlm(formula, pupils).fit())
