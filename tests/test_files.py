"""The reader of regular files and the atomic writer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnnbench.errors import DataError, UsageError
from rnnbench.files import file_checksum, open_regular, replacing


@pytest.mark.parametrize("name", ["a.csv", "a[1]*?.csv", "x" * 240])
def test_content_replaces_the_old_one(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for content in ("old", "new"):
        with replacing(path) as part:
            part.write_text(content)
            assert not path.exists() or path.read_text() == "old"
        assert path.read_text() == content
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_keeps_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as part:
            part.write_text("new")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_parts_of_dead_processes_alone_are_removed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    left, living = (tmp_path / f".a.csv.{pid}.part" for pid in (dead.pid, os.getppid()))
    left.write_text("")
    living.write_text("")
    with replacing(tmp_path / "a.csv") as part:
        part.write_text("new")
    assert not left.exists()
    assert living.exists()


def test_what_is_not_a_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "absent", Path("a\0b")):
        with pytest.raises(DataError, match="option 'path'"):
            file_checksum(path, "option 'path'")
        with pytest.raises(UsageError), open_regular(path, "suite", UsageError):
            pass


def test_an_error_of_the_block_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    with pytest.raises(ValueError, match="null"), open_regular(tmp_path / "a", "suite"):
        raise ValueError("null")
