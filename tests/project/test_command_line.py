"""`python -m course`, as a user calls it."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from budget import thinned
from made import pupils

from course import mixedlm, report, simulate_assessment
from course.__main__ import main
from course.data.files import read_table, write_table
from course.data.sets import data_file

FORMULA = "score ~ age + (1|school)"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "pupils.csv"
    pupils().to_csv(path, index=False)
    return path


@pytest.mark.parametrize("suffix", thinned([".csv", ".csv.gz", ".parquet"], 3, pytest.mark.slow))
def test_simulate_then_fit_and_translate(tmp_path, suffix, capsys):
    path = str(tmp_path / f"simulated{suffix}")
    arguments = ["--seed", "1", "--schools", "2-4", "--slope-sd", "school=0.5", "-o", path]
    assert main(["simulate", *arguments]) == 0
    assert "rows to" in capsys.readouterr().out
    assert main(["fit", "test_score ~ age + (age|school)", path, "--ml"]) == 0
    assert "fitted by ML" in capsys.readouterr().out
    assert main(["translate", "test_score ~ age + (age|school)", path]) == 0
    assert 're_formula="1 + age"' in capsys.readouterr().out
    before = Path(path).read_bytes()
    main(["simulate", *arguments])
    assert Path(path).read_bytes() == before


def test_code_and_equation_alone(table, capsys):
    main(["translate", FORMULA, str(table), "--code"])
    names = {"data": pupils()}
    exec(capsys.readouterr().out, names)
    assert names["result"].converged
    main(["translate", FORMULA, str(table), "--latex"])
    assert capsys.readouterr().out.startswith(r"\begin{aligned}")


def test_weights(table, capsys):
    assert main(["fit", FORMULA, str(table), "--weights", "age"]) == 0
    assert "Weights: age" in capsys.readouterr().out
    assert main(["translate", FORMULA, str(table), "--weights", "age", "--code"]) == 0
    assert 'root = np.sqrt(data["age"].to_numpy(float))' in capsys.readouterr().out
    assert main(["fit", FORMULA, str(table), "--weights", "ages"]) == 2
    assert "did you mean 'age'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def assessment(tmp_path_factory):
    made = simulate_assessment(1, 10, 8, strata=2, missing={}, plausible_values=2, seed=1)
    path = tmp_path_factory.mktemp("assessment") / "pisa.sav"
    write_table(made.data, path)
    return path


SAMPLED = ["--weights", "student=W_FSTUWT", "--weights", "SCHOOLID=W_SCHGRNRABWT"]


@pytest.mark.slow
def test_sampling_weights_and_plausible_values(assessment, capsys):
    formula, path = "PV*MATH ~ ESCS + (1|SCHOOLID)", str(assessment)
    weights = {"student": "W_FSTUWT", "SCHOOLID": "W_SCHGRNRABWT"}
    data = read_table(path, labels=["SCHOOLID"])
    assert main(["fit", formula, path, *SAMPLED, "--scaling", "none", "--strata", "STRATUM"]) == 0
    expected = mixedlm(formula, data, weights=weights, scaling=None, strata="STRATUM").fit()
    assert capsys.readouterr().out.strip() == str(expected.summary())
    replicates = ["--replicate-weights", "W_FSTURWT*", "--fay", "0.5", "--replicate-method", "fay"]
    assert main(["fit", "PV1MATH ~ ESCS + (1|SCHOOLID)", path, *SAMPLED, *replicates]) == 0
    assert "standard errors from replicate weights" in capsys.readouterr().out
    assert main(["report", formula, path, *SAMPLED]) == 0
    expected = mixedlm(formula, data, weights=weights).fit()
    assert capsys.readouterr().out.strip() == report(expected)
    assert main(["fit", formula, path]) == 0
    assert "each of 2 plausible values" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--weights", "W_FSTUWT", "--weights", "SCHOOLID=W_SCHGRNRABWT"], "UNIT=COLUMN in each"),
        (["--strata", "STRATUM"], "strata= goes with sampling weights"),
        ([*SAMPLED, "--family", "poisson", "--strata", "STRATUM"], "--strata is for linear models"),
        (["--weights", "student=W_FSTUW"], "no column 'W_FSTUW'"),
        ([*SAMPLED, "--replicate-weights", "W_FSTURWT*", "--replicate-method", "fey"], "'fay'?"),
    ],
)
def test_sampling_weights_that_are_wrong(assessment, capsys, arguments, says):
    assert main(["fit", "PV1MATH ~ ESCS + (1|SCHOOLID)", str(assessment), *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def broken(path):
    """Files that are no tables: name -> (file, words in the message)."""
    files = {
        "missing.csv": (None, "there is no file"),
        "empty.csv": (b"", "is empty"),
        "header.csv": (b"score,age,school\n", "no rows"),
        "latin.csv": ("score,age,school\n1,2,é\n".encode("latin-1"), "UTF-8"),
        "ragged.csv": (b"score,age,school\n1,2,a\n1,2,a,4,5\n", "cannot be read"),
        "twice.csv": (b"score,age,age,school\n1,2,3,a\n", "more than one column"),
        "notgz.csv.gz": (b"score,age\n1,2\n", "cannot be read"),
        "cut.csv.gz": (gzip.compress(b"score,age,school\n1,2,a\n" * 99)[:40], "cannot be read"),
        "not.parquet": (b"nothing", "cannot be read"),
        "table.doc": (b"", "a table ends in"),
        "table.xlsx": (b"", "cannot be read"),
    }
    for name, (content, words) in files.items():
        if content is not None:
            (path / name).write_bytes(content)
        yield path / name, words
    (path / "folder.csv").mkdir()
    yield path / "folder.csv", "is not a file"
    if hasattr(os, "mkfifo"):
        os.mkfifo(path / "pipe.csv")
        yield path / "pipe.csv", "is not a file"


def test_unreadable_files_get_one_line_and_status_2(tmp_path, capsys):
    for path, words in broken(tmp_path):
        assert main(["fit", FORMULA, str(path)]) == 2, path
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1, (path, error)


def test_wrong_formulas_get_one_line_and_status_2(table, capsys):
    for formula in ("score ~ agee + (1|school)", "score ~ age + 1|school", "score ~ age"):
        assert main(["translate", formula, str(table)]) == 2
        assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["fit"],
        ["simulate", "-o", "x.csv", "--slope-sd", "school"],
        ["simulate", "-o", "x.csv", "--schools", "many"],
    ],
)
def test_wrong_arguments_get_one_line_and_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_labels_that_look_like_numbers_stay_apart(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("score,school\n1,01\n2,1\n3,01\n4,1\n")
    assert read_table(path, labels=["school"])["school"].nunique() == 2


def test_a_table_comes_back_as_it_was(tmp_path):
    for suffix in (".csv", ".csv.gz", ".parquet"):
        write_table(pupils(), tmp_path / f"t{suffix}")
        pd.testing.assert_frame_equal(read_table(tmp_path / f"t{suffix}"), pupils())


@pytest.mark.slow
def test_more_values_that_mean_missing(tmp_path, capsys):
    """As a number where the column is one, as text where it is text; in all columns or in one."""
    data = pupils().assign(track=np.resize(["9", "a", "b", "a"], len(pupils())))
    data.loc[[0, 3], "age"] = -9
    data.loc[1, "age"] = 9
    path = str(tmp_path / "t.csv")
    data.to_csv(path, index=False)
    fit = ["fit", "score ~ age + track + (1|school)", path]
    for given, gone in {
        (): 0,
        ("--na", "-9"): 2,
        ("--na", "-9", "9"): len(data) // 4 + 2,
        ("--na", "age=-9", "age=9"): 3,
    }.items():
        assert main([*fit, *given]) == 0
        assert f"{len(data) - gone} rows" in capsys.readouterr().out
    for given, words in {
        ("age=9", "-9"): "or NAME=VALUE in each",
        ("agee=9",): "no column",
    }.items():
        assert main([*fit, "--na", *given]) == 2
        assert words in capsys.readouterr().err


def test_a_catalog_of_sas(capsys):
    files = Path(__file__).resolve().parents[1] / "reference" / "files"
    survey = ["translate", "math ~ sex + (1|school)", str(files / "survey.sas7bdat")]
    assert main([*survey, "--catalog", str(files / "survey.sas7bcat")]) == 0
    assert "is in the same folder as" not in capsys.readouterr().err
    assert main([*survey, "--catalog", str(data_file("survey.sav"))]) == 2
    assert "a catalog of SAS ends in .sas7bcat" in capsys.readouterr().err


@pytest.mark.slow
def test_as_a_process_of_its_own(table):
    ran = subprocess.run(
        [sys.executable, "-m", "course", "fit", "score ~ nothing + (1|school)", str(table)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1 and "Traceback" not in ran.stderr


@pytest.mark.slow
def test_yes_or_no_on_the_command_line(tmp_path, capsys):
    path, formula = str(tmp_path / "passed.csv"), "passed ~ age + (1|school)"
    sizes = ["--provinces", "2", "--schools", "5", "--classrooms", "1", "--students", "8"]
    assert main(["simulate", *sizes, "--family", "binomial", "--seed", "1", "-o", path]) == 0
    assert main(["fit", formula, path, "--family", "binomial", "--link", "probit"]) == 0
    assert "binomial with link probit" in capsys.readouterr().out
    assert main(["translate", formula, path, "--family", "binomial"]) == 0
    both = capsys.readouterr().out
    for flag, word in (("--code", "BinomialBayesMixedGLM"), ("--gee", "smf.gee(")):
        assert main(["translate", formula, path, "--family", "binomial", flag]) == 0
        program = capsys.readouterr().out
        assert word in program and program in both
        names = {"data": read_table(path)}
        exec(program, names)
        assert "result" in names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", FORMULA, "--link", "logit"], "--link goes with --family"),
        (["fit", FORMULA, "--family", "poisson", "--ml"], "--ml is for linear models"),
        (["translate", FORMULA, "--gee"], "--gee is for --family"),
        (["fit", FORMULA, "--family", "poisson"], "it counts something"),
    ],
)
def test_what_does_not_go_together_is_told(table, arguments, message, capsys):
    command, formula, *flags = arguments
    assert main([command, formula, str(table), *flags]) == 2
    assert message in capsys.readouterr().err
