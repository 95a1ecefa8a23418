"""Reservations of trials: a mark in the store that a process is running the trial.

A reservation counts as long as its process lives. The table is called ``claims`` in the store.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import psutil

Execute = Callable[..., sqlite3.Cursor]
"""Executes a statement within a transaction."""


def take(execute: Execute, trial_id: str) -> bool:
    """Reserve a trial for this process, unless another living process has reserved it."""
    held = execute("SELECT pid, born FROM claims WHERE trial_id = ?", (trial_id,)).fetchone()
    if held and held[0] != os.getpid() and _is_alive(*held):
        return False
    row = (trial_id, os.getpid(), _start_time(os.getpid()))
    execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?)", row)
    return True


def drop(execute: Execute, trial_id: str) -> None:
    """Remove the reservation of a trial, whichever process has it."""
    execute("DELETE FROM claims WHERE trial_id = ?", (trial_id,))


def give_up(execute: Execute, trial_id: str) -> None:
    """Remove this process's reservation of a trial."""
    execute("DELETE FROM claims WHERE trial_id = ? AND pid = ?", (trial_id, os.getpid()))


def _start_time(pid: int) -> float:
    """Return the start time of a process, which distinguishes it from a later one of this pid."""
    try:
        # Ticks from boot to start. psutil adds the boot time, which changes when the clock is set.
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
        return float(after_name.split()[19])
    except OSError:
        # Not Linux, or no such process.
        return psutil.Process(pid).create_time()


def _is_alive(pid: int, started: float) -> bool:
    try:
        same = abs(_start_time(pid) - started) < 1.0
        return same and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
