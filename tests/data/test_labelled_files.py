"""Files of SPSS, Stata, SAS and R: levels in the order of the codes, missing values with their reasons.

The files of `tests/reference/files` are haven's, and so is what they are compared with; pyreadstat writes
the others.
"""

import json
import shutil
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from course import CourseError, diagnose, mixedlm, plots, report, structure, translate
from course.data.files import read_table, write_table
from course.data.sets import data_file

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
FILES = REFERENCE / "files"
SAV = data_file("survey.sav")
HAVEN = json.loads((REFERENCE / "files.json").read_text("utf-8"))
SURVEYS = [
    SAV,
    *(FILES / f"survey{kind}" for kind in (".zsav", ".dta", ".rds", "_tagged.rds")),
]
FORMULA = "math ~ age + sex + escs + (1|school)"
WHY = {
    "age": {"not administered": 1, "refused": 2},
    "sex": {"no response": 1},
    "escs": {"Missing": 1},
}
NOTE = (
    "5 of 60 rows are left out for missing values in age (3), sex (1), escs (1). 1 row: age is 'not "
    "administered'; 2 rows: age is 'refused'; 1 row: sex is 'no response'; 1 row: escs is 'Missing'."
)


@pytest.mark.parametrize("path", SURVEYS, ids=lambda path: path.name)
def test_as_haven_reads_it(path):
    data = read_table(path)
    haven = HAVEN.get(path.name, HAVEN["survey.sav"])  # the .rds holds what was written to the .sav
    for column, missing in haven["missing"].items():
        assert data[column].isna().sum() == missing
    for column, levels in haven["levels"].items():
        assert data[column].cat.categories.to_list() == levels
        assert not data[column].cat.ordered
        assert (
            data[column].astype(object).where(data[column].notna(), None).to_list()
            == (haven["texts"][column])
        )
    for column, numbers in haven["numbers"].items():
        values = [np.nan if value is None else value for value in numbers]
        np.testing.assert_allclose(data[column], values, rtol=1e-14)
    assert data["school"].dtype == np.int64


@pytest.mark.parametrize("path", SURVEYS, ids=lambda path: path.name)
def test_missing_values_are_counted_with_their_labels(path):
    data = read_table(path)
    model = mixedlm(FORMULA, data)
    assert model.design.reasons == WHY
    assert model.fit().notes[0] == NOTE == translate(FORMULA, data).notes[0]


@pytest.mark.slow
def test_titles_stand_on_axes_and_in_reports():
    data = read_table(SAV)
    fit = mixedlm(FORMULA, data).fit()
    assert data.attrs["labels"]["age"] == "Age in years"
    said = (
        "A linear mixed model of math with fixed effects of Sex of the student (sex[T.male]), Age in years "
        "(age) and Index of"
    )
    assert report(fit).startswith(said)
    rows = plots.coefficients({"a": fit}).get_yticklabels()
    shown = ["Sex of the student: male", "Age in years", "Index of social status"]
    assert [row.get_text() for row in rows] == shown
    assert plots.means(fit, "sex").get_ylabel() == "Sex of the student"
    assert plots.predictions(fit, "age").get_xlabel().startswith("Age in years; ")
    untitled = data.copy()
    untitled.attrs = {}
    fit = mixedlm(FORMULA, untitled).fit()
    assert plots.predictions(fit, "age").get_xlabel().startswith("age (years); ")
    assert " sex[T.male], age and escs " in report(fit)
    untitled.attrs = {"labels": {"school": "Number of the school", "sex": "Sex of the student"}}
    fit = mixedlm("math ~ age * sex + (1|school)", untitled).fit()
    assert plots.caterpillar(fit, "school").get_ylabel() == "Number of the school"
    assert "6 levels of Number of the school (school)" in report(fit)
    rows = plots.coefficients({"a": fit}).get_yticklabels()
    assert rows[-1].get_text() == "age:sex[T.male]"  # no title for a product


def test_a_long_title_is_broken_into_lines(tmp_path):
    data = pd.DataFrame(
        {"y": np.arange(8.0) ** 2, "x": [3.0, 1, 2, 5, 4, 7, 6, 8], "g": list("aabbccdd")}
    )
    title = "How many books are there in your home, without magazines, newspapers and your school books?"
    pyreadstat.write_sav(data, tmp_path / "t.sav", column_labels={"x": title})
    fit = mixedlm("y ~ x + (1|g)", read_table(tmp_path / "t.sav")).fit()
    lines = plots.predictions(fit, "x").get_xlabel().splitlines()
    assert " ".join(lines).startswith(title)
    assert len(lines) == len(textwrap.wrap(title, 60)) == 2


# -- what becomes of the reasons when rows change -----------------------------------------------


def test_reasons_follow_the_rows_of_a_slice():
    data = read_table(SAV)
    later = mixedlm(FORMULA, data[data.index > 3])
    assert later.design.reasons == {"age": {"refused": 1}, "sex": {"no response": 1}}
    assert mixedlm(FORMULA, data.sample(frac=1, random_state=1)).design.reasons == WHY
    twice = pd.concat([data, data])
    assert mixedlm(FORMULA, twice).design.reasons["age"] == {"not administered": 2, "refused": 4}
    # a value taken out afterwards has no reason in the file
    data.loc[50, "age"] = np.nan
    assert mixedlm(FORMULA, data).design.missing["age"] == 4
    assert mixedlm(FORMULA, data).design.reasons == WHY


def test_rows_numbered_anew_are_not_counted_wrongly():
    data = read_table(SAV).iloc[2:].reset_index(drop=True)
    (note, *_) = mixedlm(FORMULA, data).fit().notes
    assert note.startswith(
        "4 of 58 rows are left out for missing values in age (3), sex (1). Among the rea"
    )
    assert "'refused' for age" in note and "rows:" not in note
    data.index = [f"row {i}" for i in range(len(data))]
    assert "rows:" not in mixedlm(FORMULA, data).fit().notes[0]


def test_reasons_and_titles_survive_parquet(tmp_path):
    data = read_table(SAV)
    write_table(data, tmp_path / "t.parquet")
    again = read_table(tmp_path / "t.parquet")
    assert again.attrs == data.attrs
    assert mixedlm(FORMULA, again).fit().notes[0] == NOTE


# -- factor or number ---------------------------------------------------------------------------


def written(tmp_path, data: dict, suffix: str = "sav", **more) -> Path:
    path = tmp_path / f"t.{suffix}"
    getattr(pyreadstat, f"write_{suffix}")(pd.DataFrame(data), path, **more)
    return path


CASES = {  # values, labels, ranges of missing codes; kind of column, its values
    "all values labelled": (
        [1, 2, 3, 1], {3: "a", 1: "c", 2: "b"}, [], "factor", (["c", "b", "a"], ["c", "b", "a", "c"]),
    ),
    "a level that does not occur stays": ([1, 1], {1: "x", 2: "y"}, [], "factor", (["x", "y"], ["x", "x"])),
    "one value without a label": ([1, 2, 3], {1: "low", 3: "high"}, [], "number", [1, 2, 3]),
    "special codes only": ([1.5, 99, 2.25], {99: "refused"}, [99], "number", [1.5, None, 2.25]),
    "a range": ([5, 97, 98, 99], {99: "refused"}, [{"lo": 97, "hi": 99}], "number", [5, None, None, None]),
    "labels and special codes": (
        [1, 2, 9], {1: "no", 2: "yes", 9: "none"}, [9], "factor", (["no", "yes"], ["no", "yes", None]),
    ),
    "two codes of one label": (
        [1, 2, 3], {1: "no", 2: "other", 3: "other"}, [], "factor",
        (["no", "other (2)", "other (3)"], ["no", "other (2)", "other (3)"]),
    ),
    "texts": (["b", "a", "z"], {"a": "Alpha", "b": "Beta", "z": "?"}, ["z"], "factor",
              (["Alpha", "Beta"], ["Beta", "Alpha", None])),
    "nothing there": ([9, 9], {9: "none"}, [9], "number", [None, None]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_factor_where_all_values_have_labels_else_a_number(case, tmp_path):
    values, labels, gaps, kind, expected = CASES[case]
    ranges = {"x": gaps} if gaps else None
    path = written(
        tmp_path, {"x": values}, variable_value_labels={"x": labels}, missing_ranges=ranges
    )
    column = read_table(path)["x"]
    if kind == "factor":
        levels, expected = expected
        assert column.cat.categories.to_list() == levels
        assert column.astype(object).where(column.notna(), None).to_list() == expected
    else:
        np.testing.assert_array_equal(column.to_numpy(float), np.array(expected, float))


def test_codes_where_codes_are_asked_for():
    data = read_table(SAV, labels="codes")
    assert data["sex"].dropna().unique().tolist() == [2, 1]
    assert data["books"].to_list() == [3, 1, 2] * 20
    assert data["sex"].isna().sum() == 1  # no response is no third sex
    assert mixedlm(FORMULA, data).design.reasons == WHY


def test_a_labelled_code_among_numbers_is_told_of_and_can_be_taken_out():
    data = read_table(SAV)
    (note,) = data.attrs["notes"]
    assert note.startswith("hours is a number") and "99 ('I do not know') counts as such" in note
    assert note in structure(data).warnings
    assert "na_values={'hours': [99]}" in note
    out = read_table(SAV, na_values={"hours": [99]})
    assert out["hours"].max() == 7 and "notes" not in out.attrs
    assert mixedlm("math ~ hours + (1|school)", out).design.reasons == {
        "hours": {"I do not know": 1}
    }
    with pytest.raises(CourseError, match="na_values= names 'hour'.*did you mean 'hours'"):
        read_table(SAV, na_values={"hour": [99]})


def test_an_empty_text_is_missing_and_leading_zeros_stay(tmp_path):
    data = read_table(written(tmp_path, {"room": ["01", "1", ""], "y": [1.0, 2.0, 4.0]}))
    assert data["room"].to_list()[:2] == ["01", "1"] and data["room"].isna().sum() == 1
    sas = read_table(FILES / "rooms.sas7bdat")
    assert sas["room"].to_list() == ["01", "1", "01"]
    np.testing.assert_array_equal(sas["score"], [1, 2.5, np.nan])


CATALOG = FILES / "survey.sas7bcat"


def test_a_catalog_of_sas_gives_labels(tmp_path):
    shutil.copy(FILES / "survey.sas7bdat", tmp_path / "pupils.sas7bdat")
    spss = read_table(SAV)["sex"]
    plain = read_table(tmp_path / "pupils.sas7bdat")
    np.testing.assert_array_equal(
        plain["sex"], spss.map({"female": 1.0, "male": 2.0}).astype(float)
    )
    named = read_table(tmp_path / "pupils.sas7bdat", catalog=CATALOG)
    pd.testing.assert_series_equal(named["sex"], spss)
    assert named.attrs == {"labels": {"sex": "Sex of the student"}}
    codes = read_table(tmp_path / "pupils.sas7bdat", labels="codes", catalog=CATALOG)
    pd.testing.assert_frame_equal(codes, plain)


@pytest.mark.parametrize("name", ["pupils.sas7bcat", "formats.sas7bcat"])
def test_a_catalog_beside_the_file_is_found_and_told_of(name, tmp_path):
    shutil.copy(FILES / "survey.sas7bdat", tmp_path / "pupils.sas7bdat")
    shutil.copy(CATALOG, tmp_path / name)
    data = read_table(tmp_path / "pupils.sas7bdat")
    assert list(data["sex"].cat.categories) == ["female", "male"]
    assert data.attrs["notes"][0] == (
        f"The labels of values are those of {name}, which is in the same folder as pupils.sas7bdat."
    )


def test_what_is_no_catalog_is_refused(tmp_path):
    data = FILES / "survey.sas7bdat"
    (tmp_path / "text.sas7bcat").write_text("1 = female")
    for catalog, says in {
        "nowhere.sas7bcat": "there is no file nowhere",
        SAV: "a catalog of SAS ends in .sas7bcat",
        shutil.copy(data, tmp_path / "data.sas7bcat"): "no labels of values: is it a catalog",
        tmp_path / "text.sas7bcat": "cannot be read as a catalog of SAS",
    }.items():
        with pytest.raises(CourseError, match=says):
            read_table(data, catalog=catalog)
    with pytest.raises(CourseError, match=r"catalog= goes with a \.sas7bdat"):
        read_table(SAV, catalog=CATALOG)


def test_a_portable_file(tmp_path):
    data = read_table(
        written(
            tmp_path,
            {"AGE": [2.5, 1, 2], "SEX": ["m", "f", ""]},
            "por",
            column_labels=["Age", None],
        )
    )
    assert data["AGE"].to_list() == [2.5, 1, 2] and data.attrs["labels"] == {"AGE": "Age"}
    assert data["SEX"].to_list()[:2] == ["m", "f"] and data["SEX"].isna().sum() == 1


# -- R --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["kinds.rds", "kinds.rda"])
def test_what_r_saved(name):
    data = read_table(FILES / name)
    assert data["row_names"].to_list() == ["Ada", "Bo", "Cy", "Di"]
    np.testing.assert_array_equal(data["number"], [1.5, np.nan, np.nan, 4])
    np.testing.assert_array_equal(data["whole"], [1, np.nan, 3, 4])
    assert data["text"].fillna("missing").to_list() == ["a", "missing", "NA", "b"]
    for column, ordered in (("factor", False), ("ordered", True)):
        assert data[column].cat.categories.to_list() == ["lo", "mid", "hi"]
        assert data[column].cat.ordered == ordered
        assert data[column].isna().to_list() == [False, False, True, False]
    assert data["logical"].to_list()[:2] == [True, False] and pd.isna(data["logical"][2])
    assert data["day"].dropna().dt.day.to_list() == [1, 2, 4]


def test_an_rdata_is_an_rda(tmp_path):
    """save() and save.image() of R write either ending."""
    copy = tmp_path / "kinds.RData"
    copy.write_bytes((FILES / "kinds.rda").read_bytes())
    pd.testing.assert_frame_equal(read_table(copy), read_table(FILES / "kinds.rda"))
    assert read_table(copy, sheet="kinds").shape == read_table(copy).shape


def test_the_tables_of_an_rda_have_names():
    assert read_table(FILES / "two.rda", sheet="whole")["class"].to_list() == [1, 2]
    with pytest.raises(
        CourseError, match="several tables: say which, sheet= one of 'kinds', 'whole'"
    ):
        read_table(FILES / "two.rda")
    with pytest.raises(CourseError, match="no table 'hole'; did you mean 'whole'"):
        read_table(FILES / "two.rda", sheet="hole")
    with pytest.raises(CourseError, match="holds no data frame"):
        read_table(FILES / "list.rds")


# -- notes of factors -----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_factor_of_many_numbers_gets_a_note():
    """What pandas.read_spss makes of a numeric column with one labelled code."""
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"school": np.repeat(list("abcdefgh"), 25), "y": rng.normal(size=200)})
    numbers = rng.integers(0, 40, 200) / 4
    data["escs"] = pd.Categorical([f"{x:g}" for x in numbers])
    levels = data["escs"].nunique()
    (note,) = [n for n in translate("y ~ escs + (1|school)", data).notes if "factor" in n]
    assert note == (
        f"escs is a factor of {levels} levels whose labels are numbers; for a slope write "
        "data['escs'] = data['escs'].astype(float)."
    )
    fit = mixedlm("y ~ escs + (1|school)", data).fit()
    assert note in fit.notes
    assert any(note == finding.seen for finding in diagnose(fit))
    mended = data.assign(escs=data["escs"].astype(float))
    np.testing.assert_array_equal(mended["escs"], numbers)
    assert not [n for n in translate("y ~ escs + (1|school)", mended).notes if "factor" in n]
    data["escs"] = data["escs"].cat.add_categories("refused")
    data.loc[3, "escs"] = "refused"
    (note,) = [n for n in translate("y ~ escs + (1|school)", data).notes if "factor" in n]
    assert "but for 'refused'" in note and "errors='coerce'" in note
    called = mixedlm("y ~ C(escs) + (1|school)", mended)
    assert not [n for n in called.translation.notes if "factor of" in n]


def test_an_ordered_factor_is_told_to_have_other_contrasts_than_in_r():
    data = read_table(SAV)
    data["books"] = data["books"].cat.as_ordered()
    notes = translate("math ~ books + (1|school)", data).notes
    assert any(
        "where R takes polynomials. For R's coefficients write C(books, Poly)" in n for n in notes
    )
    notes = translate("math ~ C(books, Poly) + (1|school)", data).notes
    assert not any("polynomials" in n for n in notes)


# --- written ---------------------------------------------------------------------------------


def test_what_a_file_of_spss_holds_comes_back_when_it_is_written_again(tmp_path):
    data = read_table(SAV)
    write_table(data, tmp_path / "again.sav")
    again = read_table(tmp_path / "again.sav")
    pd.testing.assert_frame_equal(again, data)
    assert again.attrs["labels"] == data.attrs["labels"]
    assert mixedlm(FORMULA, again).design.reasons == mixedlm(FORMULA, data).design.reasons == WHY


def test_codes_of_reasons_are_nines_beyond_the_values(tmp_path):
    from course.common.reasons import pack_reasons

    data = pd.DataFrame(
        {
            "few": pd.Categorical(["a", None, "b", "a"]),
            "whole": [1.0, np.nan, 8.0, 9.0],
            "index": [0.5, np.nan, np.nan, -1.0],
        }
    )
    data.attrs["missing"] = {
        name: pack_reasons(["", "refused", "not reached"], np.array([0, 2, gone, 0]))
        for name, gone in (("few", 0), ("whole", 0), ("index", 3))
    }
    write_table(data, tmp_path / "t.sav")
    codes = read_table(tmp_path / "t.sav", labels="codes")
    about = pyreadstat.read_sav(tmp_path / "t.sav", user_missing=True)[1]
    assert about.variable_value_labels == {
        "few": {1: "a", 2: "b", 8: "refused", 9: "not reached"},
        "whole": {98: "refused", 99: "not reached"},
        "index": {98: "refused", 99: "not reached"},
    }
    assert codes["few"].isna().tolist() == [False, True, False, False]
    back = read_table(tmp_path / "t.sav")
    assert back["few"].cat.categories.to_list() == ["a", "b"]
    pd.testing.assert_series_equal(back["whole"], data["whole"])


@pytest.mark.parametrize(
    "data, says",
    [
        (pd.DataFrame({"a b": [1]}), "cannot be written as .sav"),
        (pd.DataFrame({1: [1]}), "names that are texts"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "and different ones"),
        (pd.DataFrame({"day": pd.to_datetime(["2026-01-01"])}), r"data\['day'\].astype\(str\)"),
        (pd.DataFrame({"mixed": [1, "a"]}), "neither numbers nor text"),
        (pd.DataFrame({"z": [1 + 2j]}), "neither numbers nor text"),
    ],
)
def test_what_spss_has_no_place_for_is_refused_and_leaves_no_file(tmp_path, data, says):
    with pytest.raises(CourseError, match=says):
        write_table(data, tmp_path / "t.sav")
    assert not (tmp_path / "t.sav").exists()
