"""Control messages between driver and server: JSON over a ``multiprocessing`` connection.

JSON rather than the connection's own pickles, so that no bytes are ever executed.
"""

from __future__ import annotations

import json
from multiprocessing.connection import Connection
from typing import Any


def send(link: Connection, message: dict[str, Any]) -> None:
    """Send a message.

    Raises:
        ConnectionError: the other end is gone.
    """
    link.send_bytes(json.dumps(message).encode())


def receive(link: Connection) -> dict[str, Any] | None:
    """Return the next message; ``None`` when the other end is gone."""
    try:
        message: dict[str, Any] = json.loads(link.recv_bytes())
    except (EOFError, OSError):
        return None
    return message
