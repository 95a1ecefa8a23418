"""The fork servers that this process has started."""

from __future__ import annotations

import contextlib

import psutil

from tests.support.command import MARK


def fork_servers(mark: str | None = None) -> list[psutil.Process]:
    """Return the living fork servers; with ``mark``, those whose environment carries it."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if (
                "isolation.server" in " ".join(child.cmdline())
                and child.status() != psutil.STATUS_ZOMBIE
                and child.environ().get(MARK) == mark
            ):
                found.append(child)
    return found
