"""The plugin files and the entry points of the built-in models agree."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.plugins.support import ALL, models

ROOT = Path(__file__).parents[2]
PACKAGE = "rnnbench.plugins."


def test_files_and_entry_points_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {
        value for value in project["entry-points"]["rnnbench"].values() if value.startswith(PACKAGE)
    }
    files = {
        PACKAGE + path.stem
        for path in (ROOT / "plugins").glob("*.py")
        if not path.stem.startswith("_")
    }
    assert declared == files


def test_every_built_in_model_is_registered_by_its_own_plugin() -> None:
    assert set(ALL) <= models().keys()
    assert all(models()[name].provider.distribution == "rnnbench" for name in ALL)
