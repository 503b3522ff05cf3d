"""What the commands about a model answer, print and write: `python -m course report`, `anova` and so on."""

import json
import runpy

import numpy as np
import pandas as pd
import pytest
from budget import thinned
from made import pupils

import course
from course import anova, confint, diagnose, mixedlm, report, structure
from course.__main__ import main
from course.data.files import read_table
from course.data.sets import data_file

FORMULA = "score ~ age + (1|school)"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "pupils.csv"
    pupils().to_csv(path, index=False)
    return str(path)


@pytest.fixture
def fit(table):
    return mixedlm(FORMULA, read_table(table, labels=["school"])).fit()


@pytest.mark.slow
def test_report_and_diagnose_print_what_the_functions_say(table, fit, capsys):
    assert main(["report", FORMULA, table]) == 0
    assert capsys.readouterr().out.strip() == report(fit)
    assert main(["diagnose", FORMULA, table]) == 0
    assert capsys.readouterr().out.strip() == str(diagnose(fit)).strip()


@pytest.mark.slow
@pytest.mark.parametrize(("command", "function"), [("anova", anova), ("confint", confint)])
def test_tables_are_printed_and_written(command, function, table, fit, tmp_path, capsys):
    expected = function(fit)
    assert main([command, FORMULA, table]) == 0
    printed = capsys.readouterr().out
    assert all(str(name) in printed for name in [*expected.index, *expected.columns])
    path = tmp_path / "out.csv"
    assert main([command, FORMULA, table, "-o", str(path)]) == 0
    assert capsys.readouterr().out == f"{len(expected)} rows to {path}\n"
    written = pd.read_csv(path, index_col=0)
    pd.testing.assert_frame_equal(
        written, expected, check_names=False, check_dtype=False, rtol=1e-12
    )


def test_structure_needs_no_formula(table, capsys):
    assert main(["structure", table, "--groups", "school"]) == 0
    expected = structure(read_table(table, labels=["school"]), ["school"])
    assert capsys.readouterr().out.strip() == repr(expected).strip()


def test_a_fit_as_a_tidy_table(table, fit, tmp_path):
    files = {suffix: tmp_path / f"fit{suffix}" for suffix in (".csv", ".json", ".md")}
    for path in files.values():
        assert main(["fit", FORMULA, table, "--output", str(path)]) == 0
    rows = pd.read_csv(files[".csv"])
    fixed = rows[rows["part"] == "fixed"].set_index("term")
    np.testing.assert_allclose(fixed["estimate"], fit.fe_params)
    np.testing.assert_allclose(fixed["lower"], fit.fixed_effects["lower"])
    random = rows[rows["part"] == "random"]
    np.testing.assert_allclose(random["estimate"], fit.variance_components["sdcor"])
    records = json.loads(files[".json"].read_text("utf-8"))
    assert [row["term"] for row in records][:2] == ["Intercept", "age"]
    assert records[0]["group"] is None
    lines = files[".md"].read_text("utf-8").splitlines()
    assert len(lines) == 2 + len(rows) and len({line.count("|") for line in lines}) == 1


@pytest.mark.slow
def test_text_is_written_as_text(table, fit, tmp_path, capsys):
    path = tmp_path / "report.txt"
    assert main(["report", FORMULA, table, "-o", str(path)]) == 0
    assert path.read_text("utf-8").strip() == report(fit)
    capsys.readouterr()
    assert main(["report", FORMULA, table, "-o", "report.csv"]) == 2
    assert "a name that ends in .md or .txt" in capsys.readouterr().err
    assert main(["anova", FORMULA, table, "-o", "table.xlsx"]) == 2
    assert "a name that ends in .csv or .json or .md" in capsys.readouterr().err
    assert main(["anova", FORMULA, table, "-o", str(tmp_path / "no" / "t.csv")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_the_file_before_the_formula_is_told(table, capsys):
    assert main(["fit", table, FORMULA]) == 2
    assert f"the formula comes first, then the file: python -m course fit '{FORMULA}'" in (
        capsys.readouterr().err
    )


def test_the_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"course {course.__version__}\n"


def test_a_wrong_number_of_groups_is_told_in_words(capsys):
    with pytest.raises(SystemExit):
        main(["simulate", "-o", "x.csv", "--schools", "two"])
    assert "'two' is no number of groups: write 5, or 2-8 for 2 to 8" in capsys.readouterr().err


# ---- programs that read their file --------------------------------------------------------------


def printed_program(capsys, *arguments: str) -> tuple[str, dict]:
    """The program of `translate --code`, and its names once it has run by itself."""
    assert main(["translate", *arguments, "--code"]) == 0
    program = capsys.readouterr().out
    names: dict = {}
    exec(compile(program, "program", "exec"), names)
    return program, names


def reading(program: str) -> str:
    return next(line for line in program.splitlines() if line.startswith("data = "))


FILES = {
    "plain.csv": "score,school\n1,a\n2,a\n4,b\n3,b\n7,c\n5,c\n",
    "semicolons.csv": "score;school\n1;a\n2;a\n4;b\n3;b\n7;c\n5;c\n",
    "commas.csv": "score;school\n1,5;a\n2;a\n4;b\n3,25;b\n7;c\n5;c\n",
    "zeros.csv": "score,school\n1,01\n2,01\n4,1\n3,1\n7,2\n5,2\n",
    "none.csv": "score,school\n1,None\n2,None\n4,n/a\n3,n/a\n7,NA\n5,c\n6,c\n",
}


@pytest.mark.parametrize("name", thinned(FILES, 5, pytest.mark.slow))
def test_a_program_reads_the_table_that_was_read_by_pandas_alone(name, tmp_path, capsys):
    path = tmp_path / name
    path.write_text(FILES[name], encoding="utf-8")
    program, names = printed_program(capsys, "score ~ 1 + (1|school)", str(path))
    assert reading(program).startswith(f'data = pd.read_csv("{path}"')
    assert "import pandas as pd" in program and "course" not in program.partition("\n\n")[0]
    assert len(names["result"].model.endog) == len(read_table(path, labels=["school"]).dropna())
    read: dict = {}
    exec(f"import pandas as pd\n{reading(program)}", read)
    pd.testing.assert_frame_equal(read["data"], read_table(path, labels=["school"]))


@pytest.mark.slow
def test_what_pandas_cannot_read_alike_is_read_by_the_course(tmp_path, capsys):
    program, names = printed_program(
        capsys, "math ~ sex + (1|school)", str(data_file("survey.sav"))
    )
    assert "from course import read_table" in program
    assert names["data"]["sex"].cat.categories.to_list() == ["female", "male"]
    path = tmp_path / "codes.csv"
    path.write_text(FILES["plain.csv"], encoding="utf-8")
    program, names = printed_program(capsys, "score ~ 1 + (1|school)", str(path), "--na", "score=7")
    assert "na_values=" in reading(program)
    assert len(names["result"].model.endog) == 5


@pytest.mark.slow
def test_a_printed_program_runs_as_a_file(table, tmp_path, capsys):
    main(["translate", FORMULA, table, "-o", str(tmp_path / "program.py"), "--code"])
    capsys.readouterr()
    runpy.run_path(str(tmp_path / "program.py"), run_name="__main__")
