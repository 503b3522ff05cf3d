"""The workflows for GitHub keep to its schema, and ask for what there is."""

import re
from pathlib import Path

import check_jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
README = (ROOT / "README.md").read_text("utf-8")

each = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def steps(path: Path) -> list[dict]:
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def commands(path: Path) -> list[str]:
    return [line for step in steps(path) for line in step.get("run", "").splitlines()]


def valid(path: Path) -> Result:
    # The schema is the one that the package brought; proxies that lead nowhere prove it.
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    schema = ["--builtin-schema", "vendor.github-workflows"]
    return CliRunner().invoke(check_jsonschema.main, [*schema, str(path)], env=nowhere)


def test_there_are_workflows_to_test_and_to_publish():
    assert [path.name for path in WORKFLOWS] == ["live.yml", "long.yml", "pages.yml", "test.yml"]


def test_what_is_long_by_nature_runs_every_week_part_by_part():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "long.yml").read_text("utf-8"))
    (job,) = workflow["jobs"].values()
    parts = re.search(r"^LONG = (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[1]
    assert job["strategy"]["matrix"]["part"] == parts.split()
    (weekly,) = workflow[True]["schedule"]  # YAML reads the key `on` as True
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", weekly["cron"])


@each
def test_a_workflow_keeps_to_the_schema(path):
    run = valid(path)
    assert run.exit_code == 0, run.output


def test_the_schema_notices_a_slip(tmp_path):
    slip = tmp_path / "test.yml"
    slip.write_text(WORKFLOWS[0].read_text("utf-8").replace("runs-on:", "run-on:"))
    run = valid(slip)
    assert run.exit_code == 1
    assert "run-on" in run.output


@each
def test_what_is_made_is_in_the_makefile(path):
    made = [re.match(r"make ([a-z-]+)", line) for line in commands(path)]
    assert any(made)
    assert {match[1] for match in made if match} <= TARGETS


@each
def test_an_action_is_pinned_by_its_major_version(path):
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used
    for action in used:
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", action)


@each
def test_a_needed_job_is_there_and_no_job_can_hang(path):
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    for job in jobs.values():
        assert {job.get("needs", next(iter(jobs)))} <= set(jobs)
        assert job["timeout-minutes"] <= {"long.yml": 350, "live.yml": 120}.get(path.name, 60)


def test_windows_runs_the_lines_of_readme():
    path = ROOT / ".github" / "workflows" / "test.yml"
    shown = re.findall(r"^    (py -m venv .*|\.venv\\.*)$", README, re.MULTILINE)
    shown = [line for line in shown if "jupyterlab" not in line]  # a server: it would not end
    assert len(shown) == 4
    ran = [line for line in commands(path) if line.startswith(("py ", ".venv"))]
    assert ran[: len(shown)] == shown
    assert ran[-1] == r".venv\Scripts\python -m pytest"


def test_the_systems_and_versions_that_are_promised():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8"))["jobs"]
    matrix = jobs["pinned"]["strategy"]["matrix"]
    assert set(matrix["os"]) == {"ubuntu-latest", "macos-latest"}
    assert jobs["windows"]["runs-on"] == "windows-latest"
    assert "make test-lowest PYTHON=python" in commands(ROOT / ".github/workflows/test.yml")


def test_what_is_published_is_what_make_site_builds():
    (upload,) = [
        step
        for step in steps(ROOT / ".github" / "workflows" / "pages.yml")
        if "upload-pages-artifact" in step.get("uses", "")
    ]
    assert upload["with"]["path"] == "_site"
