"""Files from strangers on the command line: a fit, or one line on stderr and exit status 2; never a hang."""

import contextlib
import gzip
import io
import os
import random
import threading

import numpy as np
import pandas as pd
import pytest
from budget import thinned
from made import pupils

from course import CourseError
from course.__main__ import main
from course.data.files import read_table, write_table

FORMULA = "score ~ age + (1|school)"
ROWS = "".join(f"{i % 7 + i / 50},{i % 5},s{i % 4}\n" for i in range(40))
GOOD = "score,age,school\n" + ROWS


def refused(path, capsys, words="", formula=FORMULA):
    assert main(["fit", formula, str(path)]) == 2
    out, error = capsys.readouterr()
    assert out == "" and error.startswith("error: ") and error.count("\n") == 1
    assert error.rstrip("\n").isprintable()
    assert words in error


REFUSED = {  # name of the file, its content, words of the message
    "only a header": ("t.csv", b"score,age,school\n", "no rows"),
    "only a newline": ("t.csv", b"\n", "is empty"),
    "only a BOM": ("t.csv", b"\xef\xbb\xbf", "is empty"),
    "NULs": ("t.csv", b"\0" * 5000, "no rows"),
    "zeros, compressed": ("t.csv.gz", gzip.compress(bytes(50_000_000), 1), "first line"),
    "UTF-16": ("t.csv", GOOD.encode("utf-16"), "UTF-8"),
    "Latin-1 in a row": ("t.csv", GOOD.replace("s1", "Zoë").encode("latin-1"), "UTF-8"),
    "Latin-1 in the header": ("t.csv", GOOD.replace("age", "größe").encode("latin-1"), "UTF-8"),
    "random bytes": ("t.csv", random.Random(1).randbytes(5000), "UTF-8"),
    "tabs": ("t.csv", GOOD.replace(",", "\t").encode(), "separated by '\\t'"),
    "a longer row": ("t.csv", (GOOD + "1,2,s1,4\n").encode(), "line 42"),
    "longer rows": ("t.csv", ("score,age,school\n" + ROWS.replace("\n", ",9\n")).encode(), "more f"),
    "an open quote": ("t.csv", (GOOD + '1,2,"s1\n').encode(), "cannot be read"),
    "a repeated name": ("t.csv", b"score,age,age,school\n1,2,3,a\n", "more than one column"),
    "a huge name": ("t.csv", b"x" * 10_000_000 + b"\n1\n", "first line"),
    "a name of 200,000 characters": ("t.csv", b"x" * 200_000 + b",score\n1,2\n", "field larger"),
    "words for numbers": ("t.csv", (GOOD + "n/k,1,s1\n").encode(), "not numeric"),
    "a command for a number": ("t.csv", (GOOD + "=cmd|' /C calc'!A0,1,s1\n").encode(), "not numeric"),
    "numbers too large": ("t.csv", (GOOD + "1e999,1,s1\n").encode(), "infinite"),
    "whole numbers too large": ("t.csv", GOOD.replace("1,s1", "9" * 200 + ",s1").encode(), "age"),
    "control characters": ("t.csv", GOOD.replace("school", "sch\x1b[2Jool").encode(), "no column 'school'"),
    "HTML": ("t.csv", b"<!DOCTYPE html>\n<html><body>404, not found</body></html>\n", ""),
    "a zip": ("t.csv", b"PK\x03\x04" + bytes(range(256)), "UTF-8"),
    "text called gz": ("t.csv.gz", GOOD.encode(), "cannot be read"),
    "half a gz": ("t.csv.gz", gzip.compress(GOOD.encode())[:60], "cannot be read"),
    "text called parquet": ("t.parquet", GOOD.encode(), "cannot be read"),
    "an empty parquet": ("t.parquet", b"", "cannot be read"),
    "parquet's marks alone": ("t.parquet", b"PAR1" + b"\xff" * 64 + b"PAR1", "cannot be read"),
    "a table of another kind": ("t.doc", b"", "a table ends in"),
    "an empty workbook": ("t.xlsx", b"", "cannot be read"),
    "an SPSS file cut off": ("t.sav", b"$FL2", "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_line(case, tmp_path, capsys):
    name, content, words = REFUSED[case]
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, capsys, words)


READ = {  # what is to be read like GOOD
    "as it is": GOOD,
    "with a BOM": "\ufeff" + GOOD,
    "lines as on Windows": GOOD.replace("\n", "\r\n"),
    "without a last newline": GOOD.rstrip("\n"),
    "a comma after each row": "score,age,school\n" + ROWS.replace("\n", ",\n"),
    "semicolons": GOOD.replace(",", ";"),
    "blank lines": GOOD.replace("s3\n", "s3\n\n"),
    "every cell quoted": "\n".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) for line in GOOD.splitlines()
    ),
}


@pytest.mark.parametrize("case", READ)
def test_read_alike(case, tmp_path):
    (tmp_path / "t.csv").write_text(READ[case], "utf-8", newline="")
    expected = pd.DataFrame(
        {
            "score": [i % 7 + i / 50 for i in range(40)],
            "age": [i % 5 for i in range(40)],
            "school": [f"s{i % 4}" for i in range(40)],
        }
    )
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.csv"), expected)


def test_formulas_of_spreadsheets_are_labels_like_others(tmp_path, capsys):
    content = GOOD.replace("s1", "=HYPERLINK(A1)").replace("s2", "@SUM(1+1)").replace("s3", "+1")
    (tmp_path / "t.csv").write_text(content)
    assert main(["fit", FORMULA, str(tmp_path / "t.csv")]) == 0
    schools = set(read_table(tmp_path / "t.csv")["school"])
    assert schools == {"s0", "=HYPERLINK(A1)", "@SUM(1+1)", "+1"}


@pytest.mark.slow
def test_a_huge_cell_is_a_label(tmp_path, capsys):
    (tmp_path / "t.csv").write_text(GOOD.replace("s1", "s" * 1_000_000))
    assert main(["fit", FORMULA, str(tmp_path / "t.csv")]) == 0


def test_short_rows_are_counted_as_missing(tmp_path, capsys):
    (tmp_path / "t.csv").write_text(GOOD + "3,4\n5\n")
    assert main(["fit", FORMULA, str(tmp_path / "t.csv")]) == 0
    assert "2 of 42 rows" in capsys.readouterr().out


@pytest.mark.slow
def test_a_column_of_mixed_types_is_read_as_one(tmp_path):
    """pandas would read a long file in pieces, and take each piece for what it holds."""
    path = tmp_path / "t.csv"
    path.write_text("x\n" + "1\n" * 300_000 + "a\n")
    assert set(read_table(path)["x"]) == {"1", "a"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", thinned(range(3), 3))
@pytest.mark.parametrize("suffix", [".csv.gz", ".parquet"])
def test_damaged_files(tmp_path, suffix, seed, capsys):
    """Whatever byte is changed: a fit or one line."""
    write_table(pupils(), tmp_path / f"good{suffix}")
    good, draw = (tmp_path / f"good{suffix}").read_bytes(), random.Random(seed)
    statuses = set()
    for i in range(50):
        damaged = bytearray(good)
        for _ in range(draw.choice([1, 2, 20])):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        if i % 5 == 0:
            del damaged[draw.randrange(len(damaged)) :]
        path = tmp_path / f"t{suffix}"
        path.write_bytes(damaged)
        status = main(["fit", FORMULA, str(path)])
        error = capsys.readouterr().err
        assert (status, error) == (0, "") or (status == 2 and error.count("\n") == 1)
        statuses.add(status)
    assert 2 in statuses


# ---- what is no file -----------------------------------------------------------------------------


def test_what_cannot_be_opened(tmp_path, capsys):
    refused(tmp_path / "missing.csv", capsys, "there is no file")
    refused(tmp_path / ("x" * 5000 + ".csv"), capsys, "cannot be opened")
    (tmp_path / "file").touch()
    refused(tmp_path / "file" / "t.csv", capsys, "there is no file")
    (tmp_path / "folder.csv").mkdir()
    refused(tmp_path / "folder.csv", capsys, "is not a file")
    (tmp_path / "round.csv").symlink_to(tmp_path / "round.csv")
    refused(tmp_path / "round.csv", capsys)
    with pytest.raises(CourseError):
        read_table("t\0.csv")


def commands(*arguments: tuple, encoding: str) -> tuple[str, list[tuple[str, int]]]:
    """Command lines, one after the other in a thread that must end, so that none can wait for ever.

    What they printed on a terminal with this encoding, and for each what it said on stderr, with its status.
    """
    out, said = io.TextIOWrapper(io.BytesIO(), encoding), []

    def each():
        for line in arguments:
            err = io.TextIOWrapper(io.BytesIO(), encoding)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = main(list(map(str, line)))
                print("\n====")
            err.flush()
            said.append((err.buffer.getvalue().decode(encoding), status))

    thread = threading.Thread(target=each, daemon=True)
    thread.start()
    thread.join(timeout=60)
    assert len(said) == len(arguments), arguments[len(said)]
    out.flush()
    return out.buffer.getvalue().decode(encoding), said


@pytest.fixture(scope="module")
def in_a_terminal_without_greek_letters(tmp_path_factory):
    """What two good commands print there, and what they and commands on pipes and devices say on stderr."""
    folder = tmp_path_factory.mktemp("terminal")
    table, pipe, device = (folder / f"{name}.csv" for name in ("t", "pipe", "device"))
    table.write_text(GOOD.replace("school", "école"), "utf-8")
    good = [(task, FORMULA.replace("school", "école"), table) for task in ("fit", "translate")]
    bad = []
    if hasattr(os, "mkfifo"):
        os.mkfifo(pipe)
        device.symlink_to("/dev/zero")
        for path in (pipe, device):
            bad += [("fit", FORMULA, path), ("simulate", "-o", path)]
    out, said = commands(*good, *bad, encoding="ascii")
    return out.split("\n====\n")[:2], said[:2], said[2:]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_pipes_and_devices_are_refused_at_once(in_a_terminal_without_greek_letters):
    _, _, said = in_a_terminal_without_greek_letters
    assert len(said) == 4
    for error, status in said:
        assert (status, error.count("\n")) == (2, 1), error
        assert "is not a file" in error


@pytest.mark.slow
def test_a_terminal_without_greek_letters_gets_what_it_can_show(
    in_a_terminal_without_greek_letters,
):
    (fitted, translated), said, _ = in_a_terminal_without_greek_letters
    assert said == [("", 0)] * 2
    assert "?cole" in fitted and "?cole" in translated


def test_a_written_table_replaces_no_folder(tmp_path, capsys):
    (tmp_path / "t.csv").mkdir()
    assert main(["simulate", "-o", str(tmp_path / "t.csv")]) == 2
    assert main(["simulate", "-o", str(tmp_path / "none" / "t.csv")]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_numbers_come_back_to_the_last_digit(tmp_path):
    numbers = pd.DataFrame(
        {"x": np.random.default_rng(1).normal(size=1000) * 10.0 ** np.arange(-300, 300, 0.6)}
    )
    write_table(numbers, tmp_path / "t.csv")
    assert read_table(tmp_path / "t.csv")["x"].equals(numbers["x"])
