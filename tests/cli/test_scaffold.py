"""New plugin projects: they pass as generated, and nothing is written where it should not be."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.cli.scaffold import new_cell, new_model, new_task
from rnnbench.errors import OutputError, UsageError
from tests.support.installing import install, run_python

New = Callable[..., Path]
EACH = pytest.mark.parametrize("new", [new_cell, new_model, new_task])


def test_projects_pass_their_own_tests_as_generated(tmp_path: Path) -> None:
    projects = [
        new_cell("my-cell", tmp_path / "cell"),
        new_model("my-model", tmp_path / "model"),
        new_task("my-task", tmp_path / "task"),
    ]
    shelf = install(projects, tmp_path / "shelf", tmp_path / "sources")
    tests = [str(project / "test_contract.py") for project in projects]
    done = run_python(
        ["-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider", *tests],
        shelf=shelf,
        cwd=tmp_path,
    )
    assert "6 passed" in done.stdout


@EACH
def test_projects_are_tidy_as_generated(new: New, tmp_path: Path) -> None:
    project = new("my-plugin", tmp_path / "project")
    settings_file = ["--config", str(Path(__file__).parents[2] / "pyproject.toml"), "--no-cache"]
    sorting = ["--config", "lint.isort.known-first-party=['rnnbench_my_plugin']"]
    sorting += ["--config", "lint.isort.known-third-party=['rnnbench']"]
    run_python(["-m", "ruff", "check", *settings_file, *sorting, "."], cwd=project)
    run_python(["-m", "ruff", "format", "--check", *settings_file, "."], cwd=project)
    assert (project / "README.md").read_text().startswith("# rnnbench-my-plugin\n")


@EACH
@pytest.mark.parametrize(
    "name",
    ["a", "none", "true", "import", "tensor", "rnnbench", "core", "task", "lstm2", "x-1", "a" * 64],
)
def test_any_allowed_name_gives_a_project_that_parses(new: New, name: str, tmp_path: Path) -> None:
    project = new(name, tmp_path / "project")
    described = tomllib.loads((project / "pyproject.toml").read_text())
    (module,) = described["tool"]["setuptools"]["py-modules"]
    assert described["project"]["entry-points"]["rnnbench"] == {name: module}
    assert described["project"]["name"] == f"rnnbench-{name}"
    written = {path.name for path in project.iterdir()}
    assert written == {"pyproject.toml", "README.md", "test_contract.py", f"{module}.py"}
    for source in project.glob("*.py"):
        text = source.read_text()
        assert ast.parse(text)
        assert "$" not in text


@EACH
def test_the_folder_is_named_after_the_plugin(
    new: New, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert new("my-plugin") == Path("rnnbench-my-plugin")
    assert (tmp_path / "rnnbench-my-plugin" / "pyproject.toml").is_file()


@EACH
def test_an_empty_folder_is_filled(new: New, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert len(list(new("my-plugin", tmp_path / "empty").iterdir())) == 4


@EACH
@pytest.mark.parametrize(
    "name",
    [
        "",
        "My",
        "a b",
        "../a",
        "a/b",
        "/etc",
        "..",
        "a_b",
        "a.py",
        "-a",
        "a\n",
        "a\0",
        "$name",
        "a" * 65,
    ],
)
def test_hostile_names_are_refused_and_leave_nothing(
    new: New, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        new(name)
    assert str(caught.value).isprintable()
    assert list(tmp_path.iterdir()) == []


@settings(deadline=None)
@given(name=st.text(max_size=30).filter(lambda name: not name.replace("-", "").isalnum()))
def test_no_other_text_is_a_name(name: str) -> None:
    with pytest.raises(UsageError, match="is not allowed"):
        new_model(name, "/nonexistent/folder")


@EACH
def test_the_name_of_an_installed_plugin_is_refused(new: New, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"a plugin called 'lstm' is installed already \(rnnbench "
    ):
        new("lstm", tmp_path / "project")
    assert list(tmp_path.iterdir()) == []


@EACH
def test_a_folder_that_is_not_empty_is_left_as_it_is(new: New, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not empty; give a new one"):
        new("my-plugin", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@EACH
@pytest.mark.parametrize("where", ["file", "link", "missing/folder", "file/folder", "a\0b"])
def test_a_folder_that_cannot_be_written_is_reported_in_one_line(
    new: New, where: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError) as caught:
        new("my-plugin", str(tmp_path / where))
    assert str(caught.value).isprintable()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_write_that_fails_leaves_nothing_half_written(tmp_path: Path) -> None:
    # A real limit on file sizes, in a process of its own: the second kilobyte of a file cannot be
    # written.
    code = (
        "import resource, signal, sys\n"
        "from rnnbench.cli.scaffold import new_task\n"
        "from rnnbench.errors import OutputError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: new_task('my-task', sys.argv[1])\n"
        "except OutputError as error: print(error)\n"
    )
    done = run_python(["-c", code, str(tmp_path / "project")])
    assert "cannot be written: File too large" in done.stdout
    assert list(tmp_path.iterdir()) == []
