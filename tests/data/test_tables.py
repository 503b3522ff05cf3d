"""CSV as it comes, workbooks, Feather; what is no such file; frames that are not pandas'; odd codes."""

import gzip
import zipfile

import numpy as np
import pandas as pd
import polars as pl
import pyarrow
import pyreadstat
import pytest
from made import pupils

from course import CourseError, load, mixedlm, plots, propose, structure, translate
from course.__main__ import main
from course.data import spreadsheets
from course.data.files import SIGNATURES, read_table
from course.exercises import use

FORMULA = "score ~ age + (1|school)"


def csv(tmp_path, text: str):
    path = tmp_path / "t.csv"
    path.write_text(text, "utf-8", newline="")
    return path


# -- CSV ------------------------------------------------------------------------------------------


def test_a_group_called_none_does_not_vanish(tmp_path):
    labels = ["None", "null", "n/a", "NULL", "nan", "N/A", "#N/A", "<NA>", "-", "treated"]
    path = csv(
        tmp_path, "group,score\n" + "".join(f"{label},1\n" for label in labels) + ",1\nNA,1\n"
    )
    data = read_table(path)
    assert data["group"].dropna().to_list() == labels
    assert data["group"].isna().to_list() == [False] * len(labels) + [True, True]


def test_the_rows_of_a_control_group_called_none_are_fitted(tmp_path):
    data = pupils().assign(
        programme=lambda d: np.where(np.arange(len(d)) % 3 == 0, "None", "reading")
    )
    data.to_csv(tmp_path / "t.csv", index=False)
    fit = mixedlm("score ~ programme + (1|school)", read_table(tmp_path / "t.csv")).fit()
    assert fit.nobs == len(data)


def test_more_values_that_mean_missing(tmp_path):
    text = "x,y,f\n1,-9,a\nnan,2,-9\n3,3.5,b\n"
    plain = read_table(csv(tmp_path, text))
    assert plain["x"].to_list() == ["1", "nan", "3"] and plain["y"].to_list() == [-9, 2, 3.5]
    everywhere = read_table(csv(tmp_path, text), na_values=["nan", -9])
    np.testing.assert_array_equal(everywhere["x"], [1, np.nan, 3])
    np.testing.assert_array_equal(everywhere["y"], [np.nan, 2, 3.5])
    assert everywhere["f"].isna().to_list() == [False, True, False]
    named = read_table(csv(tmp_path, text), na_values={"y": [-9]})
    assert named["f"].to_list() == ["a", "-9", "b"] and named["y"].isna().sum() == 1
    with pytest.raises(CourseError, match="na_values= names 'z'"):
        read_table(csv(tmp_path, text), na_values={"z": [-9]})


def test_nan_among_numbers_is_one_as_in_r(tmp_path):
    data = read_table(csv(tmp_path, "x,f\n1.5,NaN\nNaN,a\n3,b\n"))
    np.testing.assert_array_equal(data["x"], [1.5, np.nan, 3])
    assert data["f"].to_list() == ["NaN", "a", "b"]


def test_labels_with_leading_zeros_stay(tmp_path):
    data = read_table(csv(tmp_path, 'room,day,x,zero,code\n01,1,0.5,0,"007"\n1,2,0,0,7\n'))
    assert data["room"].to_list() == ["01", "1"] and data["code"].to_list() == ["007", "7"]
    assert data["x"].to_list() == [0.5, 0] and data["zero"].to_list() == [0, 0]
    (note,) = data.attrs["notes"]
    assert note.startswith("room and code are text, since 01 and 1 may be two labels")
    mend = note[note.index("data['room']") : -1]
    assert eval(mend, {"data": data}).to_list() == [1, 1]
    assert "notes" not in read_table(tmp_path / "t.csv", labels=["room", "code"]).attrs
    dates = read_table(csv(tmp_path, "day,time\n01/02/2020,08:30\n"))
    assert "notes" not in dates.attrs


@pytest.mark.slow
def test_leading_zeros_far_down_a_compressed_file(tmp_path):
    rows = "".join(f"{i},1\n" for i in range(1000, 200_000)) + "0007,1\n"
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(f"id,x\n{rows}".encode()))
    assert read_table(tmp_path / "t.csv.gz")["id"].iloc[-1] == "0007"


def test_semicolons_and_decimal_commas_are_read_and_told_of(tmp_path, capsys):
    rows = "".join(f"{i % 7 + i / 50:.2f};{i % 5};s,{i % 4}\n" for i in range(40))
    path = csv(tmp_path, "score;age;school\n" + rows.replace(".", ","))
    data = read_table(path)
    assert data["score"].to_list() == [float(f"{i % 7 + i / 50:.2f}") for i in range(40)]
    assert data["age"].dtype == np.int64 and data["school"][1] == "s,1"
    note = "The columns of t.csv are separated by semicolons; the commas in score are decimal ones."
    assert data.attrs["notes"] == [note]
    assert note in structure(data).warnings
    assert main(["translate", FORMULA, str(path), "--code"]) == 0
    out, error = capsys.readouterr()
    assert error == f"note: {note}\n" and "note:" not in out
    points = read_table(csv(tmp_path, "score;age\n1.5;2\n2;3\n"))
    assert points["score"].to_list() == [1.5, 2]
    mixed = read_table(csv(tmp_path, "score;age\n1.234,5;2\n2,5;3\n"))
    assert mixed["score"].to_list() == ["1.234,5", "2,5"]


# -- workbooks, Feather ----------------------------------------------------------------------------

SHEETS = {
    "pupils": pd.DataFrame(
        {"school": ["a", "a", "b"], "score": [1.5, np.nan, 3], "group": ["None", "NA", "x"]}
    ),
    "rooms": pd.DataFrame({"room": ["01", "1"], "size": [20, 25], "typed": ["1.5", 2]}),
}  # fmt: skip


@pytest.fixture(params=["xlsx", "ods"])
def workbook(request, tmp_path):
    path = tmp_path / f"t.{request.param}"
    with pd.ExcelWriter(str(path)) as writer:  # pandas goes by the name of a text only
        for name, sheet in SHEETS.items():
            sheet.to_excel(writer, sheet_name=name, index=False)
    return path


def test_a_workbook(workbook, capsys):
    first = read_table(workbook)
    np.testing.assert_array_equal(first["score"], [1.5, np.nan, 3])
    assert first["group"].to_list()[0] == "None" and first["group"].isna().sum() == 1
    assert "has the sheets 'pupils', 'rooms': the first was read" in first.attrs["notes"][0]
    rooms = read_table(workbook, sheet="rooms")
    assert rooms["room"].to_list() == ["01", "1"] and rooms["size"].to_list() == [20, 25]
    assert rooms["typed"].to_list() == [1.5, 2]
    assert "notes" not in rooms.attrs
    assert read_table(workbook, sheet="rooms", labels=["size"])["size"].to_list() == ["20", "25"]
    assert read_table(workbook, sheet="rooms", na_values=[25])["size"].isna().sum() == 1
    with pytest.raises(
        CourseError, match="no sheet 'room'; did you mean 'rooms'.*'pupils', 'rooms'"
    ):
        read_table(workbook, sheet="room")
    assert main(["fit", FORMULA, str(workbook), "--sheet", "room"]) == 2
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1


def test_a_workbook_that_would_fill_the_memory(workbook, monkeypatch):
    monkeypatch.setattr(spreadsheets, "LARGEST", 1000)
    with pytest.raises(CourseError, match="would unpack to .* GB.*: save it as CSV"):
        read_table(workbook)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a", None, "b"], "column 2 of sheet .* has no name"),
        (["a", "b", "a"], "more than one column"),
    ],
)
def test_a_sheet_without_a_line_of_names(names, words, tmp_path):
    rows = pd.DataFrame([names, [1, 2, 3]])
    rows.to_excel(tmp_path / "t.xlsx", header=False, index=False)
    with pytest.raises(CourseError, match=words):
        read_table(tmp_path / "t.xlsx")
    pd.DataFrame().to_excel(tmp_path / "empty.xlsx")
    with pytest.raises(CourseError, match="is empty"):
        read_table(tmp_path / "empty.xlsx")


def test_feather(tmp_path):
    pupils().to_feather(tmp_path / "t.feather")
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.feather"), pupils())
    assert read_table(tmp_path / "t.feather", na_values={"age": [7]})["age"].isna().sum() == (
        (pupils()["age"] == 7).sum()
    )


# -- not what the name says -------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [s for s, starts in SIGNATURES.items() if starts])
def test_a_text_with_another_name(suffix, tmp_path, capsys):
    path = tmp_path / f"t{suffix}"
    path.write_text("score,age,school\n1,2,a\n")
    assert main(["fit", FORMULA, str(path)]) == 2
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1
    assert "it is not what its name says" in error


def test_a_file_that_begins_as_another_kind_does(tmp_path):
    pyreadstat.write_sav(pupils(), tmp_path / "t.dta")
    with pytest.raises(
        CourseError, match=r"not what its name says; it begins as a \.sav file does: give"
    ):
        read_table(tmp_path / "t.dta")
    pupils().to_excel(tmp_path / "t.xlsx")
    (tmp_path / "t.ods").write_bytes((tmp_path / "t.xlsx").read_bytes())
    with pytest.raises(
        CourseError, match=r"not what its name says; it holds a workbook of the kind \.xlsx"
    ):
        read_table(tmp_path / "t.ods")
    (tmp_path / "t.csv").write_bytes((tmp_path / "t.xlsx").read_bytes())
    with pytest.raises(CourseError, match=r"not UTF-8 text.*it begins as a \.xlsx file does"):
        read_table(tmp_path / "t.csv")


def test_workbooks_under_a_password(tmp_path, capsys):
    """Excel wraps an encrypted workbook into an old kind of file; LibreOffice encrypts the parts."""
    (tmp_path / "t.xlsx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(CourseError, match="protected by a password, or .* older: open it, save it"):
        read_table(tmp_path / "t.xlsx")
    with zipfile.ZipFile(tmp_path / "t.ods", "w") as parts:
        parts.writestr("META-INF/manifest.xml", "<manifest:encryption-data/>")
        parts.writestr("content.xml", bytes(range(64)))
    with pytest.raises(CourseError, match="protected by a password: open it, save it without one"):
        read_table(tmp_path / "t.ods")
    for name in ("t.xlsx", "t.ods"):
        assert main(["fit", FORMULA, str(tmp_path / name)]) == 2
        out, error = capsys.readouterr()
        assert out == "" and error.count("\n") == 1 and "protected by a password" in error


def test_arguments_that_do_not_go_with_the_file(tmp_path):
    path = csv(tmp_path, "x\n1\n")
    with pytest.raises(CourseError, match="has no sheets: leave sheet= out"):
        read_table(path, sheet="one")
    with pytest.raises(CourseError, match=r"labels=\['school'\], or 'codes'"):
        read_table(path, labels="school")


# -- frames that are not pandas' --------------------------------------------------------------------

FRAMES = {
    "polars": pl.from_pandas,
    "a polars query": lambda data: pl.from_pandas(data).lazy(),
    "pyarrow": lambda data: pyarrow.Table.from_pandas(data, preserve_index=False),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", FRAMES)
def test_data_of_another_kind(kind):
    data = load("pupils")
    other = FRAMES[kind](data)
    formula = "test_score ~ age + sex + (1|school)"
    fit, plain = mixedlm(formula, other).fit(), mixedlm(formula, data).fit()
    assert fit.llf == plain.llf and (fit.fe_params == plain.fe_params).all()
    assert translate(formula, other).code == translate(formula, data).code
    assert structure(other).warnings == structure(data).warnings
    assert (
        propose(other, "test_score", ["age"]).formula
        == propose(data, "test_score", ["age"]).formula
    )
    new = FRAMES[kind](data.head(20))
    np.testing.assert_array_equal(fit.predict(new), plain.predict(data.head(20)))
    few = FRAMES[kind](data[data["school"].isin(data["school"].unique()[:3])])
    assert plots.alt_text(plots.crosstab(few, "classroom", "school"))
    assert plots.alt_text(plots.scores(few, "test_score", "school"))
    use(pupils=other)
    use(pupils=data)


@pytest.mark.slow
def test_missing_values_and_categories_of_polars():
    frame = pl.DataFrame(
        {
            "y": [1.0, 2, None, 4, 5, 7, 3, 8],
            "f": pl.Series(list("cabcabca"), dtype=pl.Enum(["c", "b", "a"])),
            "g": list("uuvvwwxx"),
        }
    )
    model = mixedlm("y ~ f + (1|g)", frame)
    assert model.design.missing == {"y": 1}
    assert model.design.fixed_names == ("Intercept", "f[T.b]", "f[T.a]")


# -- what needs a look ------------------------------------------------------------------------------


def warned(data: pd.DataFrame, word: str) -> list[str]:
    return [warning for warning in structure(data, ["school"]).warnings if word in warning]


@pytest.mark.parametrize("code", [-9, -99, 99, 999])
def test_codes_that_look_like_missing_values(code):
    data = pd.DataFrame({"school": list("aabbccdd") * 3, "age": [5.5, 6, 7, 8] * 6, "x": range(24)})
    assert not warned(data, "missing")
    data.loc[[3, 5], "age"] = code
    (warning,) = warned(data, "missing")
    assert warning.startswith(f"age holds {code} in 2 rows, far from all others (5.5 to 8).")
    assert f"na_values={{'age': [{code}]}}" in warning


@pytest.mark.parametrize(
    "values", [[90, 95, 99, 100], [-12, -9, -3, 4], [9, 8, 7, 6], [98, 99, 98, 99], [0, 5, 9, 10]]
)
def test_numbers_that_are_what_they_look_like(values):
    data = pd.DataFrame({"school": list("aabbccdd") * 3, "age": values * 6})
    assert not warned(data, "missing")


@pytest.mark.parametrize("named", [True, False])
def test_a_wide_table_is_told_with_the_call_that_makes_it_long(named):
    rng = np.random.default_rng(2)
    data = pd.DataFrame(
        {
            "pupil": [f"p{i}" for i in range(30)],
            "school": np.repeat(list("abc"), 10),
            **{
                f"{x}_{t}": rng.normal(size=30).round(2)
                for x in ("math", "reading")
                for t in (1, 2, 4)
            },
        }
    )
    if not named:
        data = data.drop(columns="pupil")
    (warning,) = warned(data, "wide_to_long")
    assert warning.startswith("math_1, math_2 and math_4 are side by side.")
    call = warning[warning.index("pd.wide_to_long") :]
    long = eval(call, {"pd": pd, "data": data})
    assert len(long) == 90 and {"school", "time", "math", "reading"} <= set(long)
    row = long[(long["time"] == 4) & (long["pupil" if named else "row"] == ("p7" if named else 7))]
    assert row["math"].item() == data.loc[7, "math_4"]
    assert row["reading"].item() == data.loc[7, "reading_4"]


@pytest.mark.parametrize(
    "names",
    [
        [f"w{i}" for i in range(1, 81)],  # replicate weights
        [f"ST04Q{i:02d}" for i in range(1, 9)],  # questions
        [f"PV{i}MATH" for i in range(1, 11)],  # plausible values
    ],
)
def test_columns_with_numbers_that_are_no_times(names):
    data = pd.DataFrame({"school": list("aabb"), **{name: [1.0, 2, 3, 4] for name in names}})
    assert not warned(data, "wide_to_long")
