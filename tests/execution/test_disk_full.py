"""A disk that fills up while records are stored: one error line, earlier records whole."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnbench.records.store import Store
from tests.support.command import Command, attempts

ROOM = 512 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """A folder on a disk of 512 kB; if none can be mounted, a prefix that limits file sizes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        ).returncode
    )
    try:
        yield (
            folder,
            ()
            if mounted
            else ("bash", "-c", f'ulimit -f {ROOM // 4 // 1024}; exec "$@"', "limited"),
        )
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_earlier_records_stay_and_one_line_says_it(
    shelf: Path, small_disk: tuple[Path, tuple[str, ...]]
) -> None:
    folder, prefix = small_disk
    store = folder / "records.db"
    arguments = ["--model", "good", "--steps", "40", "--validate-every", "1", "--jobs", "2"]
    assert Command(shelf, store, *arguments, "--seeds", "2").finish()[0] == 0
    before = attempts(store)
    assert [status for _, _, status in before] == ["done", "done"]

    with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as filler:
        room = os.statvfs(folder)
        for _ in range(room.f_bavail * room.f_frsize // 1024 - 48 if not prefix else 0):
            filler.write(bytes(1024))
    command = Command(shelf, store, *arguments, "--seeds", "40", prefix=prefix)
    code, _, err = command.finish()
    assert code == 2, err
    assert err.startswith("rnnbench: ")
    assert err.count("\n") == 1
    assert str(store) in err
    assert command.survivors() == []

    (folder / "filler").unlink()
    assert set(before) <= set(attempts(store))
    with Store(store, must_exist=True) as opened:
        assert opened.check() is None
        assert len(opened.records()) == len(attempts(store)) < 40
