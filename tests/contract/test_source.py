"""The checksum of the source code: what counts, what does not, and what it costs."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnbench.contract import registry
from rnnbench.contract.source import source_checksum

FILES = {
    "acme_cells/__init__.py": "from . import hooks\n",
    "acme_cells/hooks.py": "from .deep import Core\n",
    "acme_cells/deep/__init__.py": "from acme_helper import scale\nclass Core:\n    by = scale\n",
    "acme_cells/kernel.cu": "__global__ void f() {}\n",
    "acme_cells/notes.txt": "not code\n",
    "acme_helper.py": "import acme_constants\nscale = acme_constants.TWO\n",
    "acme_constants.py": "TWO = 2\n",
    "acme_unrelated.py": "ONE = 1\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project on the import path, as an editable install puts it there."""
    folder = tmp_path / "project"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]


def checksum() -> str:
    module = importlib.import_module("acme_cells.deep")
    return source_checksum(module.Core, "acme_cells.hooks", "acme-cells")


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("acme_cells/hooks.py", True),
        ("acme_cells/deep/__init__.py", True),
        ("acme_cells/kernel.cu", True),
        ("acme_helper.py", True),
        ("acme_constants.py", True),
        ("acme_cells/notes.txt", False),
        ("acme_unrelated.py", False),
    ],
)
def test_an_edit_counts_where_the_model_is_made_of_it(
    project: Path, name: str, counts: bool
) -> None:
    before = checksum()
    assert before.startswith("sha256:")
    with (project / name).open("a", encoding="utf-8") as file:
        file.write("\n# edited\n")
    assert (checksum() != before) is counts


def test_a_new_file_of_the_package_counts_and_compiled_ones_do_not(project: Path) -> None:
    before = checksum()
    (project / "acme_cells/__pycache__").mkdir(exist_ok=True)
    (project / "acme_cells/__pycache__/x.py").write_text("", encoding="utf-8")
    assert checksum() == before
    (project / "acme_cells/more.py").write_text("", encoding="utf-8")
    assert checksum() != before


def test_neither_place_nor_line_endings_count(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = checksum()
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(project, elsewhere)
    shutil.rmtree(project)
    for path in elsewhere.rglob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]
    monkeypatch.syspath_prepend(elsewhere)
    importlib.invalidate_caches()
    assert checksum() == before


def test_without_source_there_is_no_checksum() -> None:
    assert source_checksum(dict, "builtins", "nobody") == ""


def test_of_rnnbench_only_the_modules_that_a_member_is_made_of_count() -> None:
    known = registry.load()
    models = {name: model.source for name, model in known.models.items()}
    tasks = {name: task.source for name, task in known.tasks.items()}
    assert all(each.startswith("sha256:") for each in [*models.values(), *tasks.values()])
    assert len(set(models.values())) == len(models)
    assert len({*models.values(), *tasks.values()}) == len(models) + len(tasks)
