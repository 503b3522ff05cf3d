"""The notebook for one's own data, with other files than the one that stands in it."""

import contextlib
import io
import re
import runpy
from pathlib import Path

import build
import matplotlib.pyplot as plt
import pandas as pd
import pytest

NOTEBOOKS = Path(build.__file__).resolve().parent


def run(settings: dict[str, str], cells: int | None = None) -> tuple[str, dict]:
    """All that the notebook prints with these lines in place of its own, and its names."""
    notebook = build.read(NOTEBOOKS / "source" / "bring-your-own-data.py")
    code = "\n".join(c.source for c in notebook.cells[:cells] if c.cell_type == "code")
    for name, value in settings.items():
        code, n = re.subn(rf"^{name} = .*$", f"{name} = {value}", code, flags=re.MULTILINE)
        assert n, name
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(code, "notebook", "exec"), names)
    plt.close("all")
    return out.getvalue(), names


@pytest.mark.slow
def test_a_file_of_spss_from_its_labels_to_a_script_that_runs(tmp_path):
    settings = {
        "file": 'data_file("survey.sav")',
        "labels": "[]",
        "response": '"math"',
        "predictors": '["age", "sex"]',
        "groups": '["school"]',
    }
    out, names = run(settings)
    assert "sex: female, male\n" in out and "age, missing: not administered, refused\n" in out
    assert "One measurement per row: nothing to do." in out
    assert "female - male" in out  # the contrast
    assert "fixed effects of Sex of the student (sex[T.male]) and Age in years (age)" in " ".join(
        out.split()
    )
    script = tmp_path / "analysis.py"
    script.write_text(names["script"], encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        runpy.run_path(str(script), run_name="__main__")
    assert str(names["fit"].summary()) in out.getvalue()


def test_a_wide_table_gets_the_call_that_makes_it_long(tmp_path):
    pd.DataFrame(
        {
            "pupil": ["a", "b", "c"],
            "math_1": [1.0, 2, 4],
            "math_2": [2.0, 3, 3],
            "sex": ["f", "m", "f"],
        }
    ).to_csv(tmp_path / "wide.csv", index=False)
    notebook = build.read(NOTEBOOKS / "source" / "bring-your-own-data.py")
    until = next(i for i, c in enumerate(notebook.cells) if c.source.startswith("# data = pd.wide"))
    settings = {"file": repr(str(tmp_path / "wide.csv")), "labels": '["pupil"]'}
    out, names = run(settings, until)
    (call,) = re.findall(r"pd\.wide_to_long\(.*\)\.reset_index\(\)", out)
    assert len(eval(call, names)) == 6
