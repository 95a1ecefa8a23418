"""Frames on a Unix stream socket: JSON behind a four-byte length, file descriptors beside the
header.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

HEADER = struct.Struct("!I")
DESCRIPTORS_AT_MOST = 2


def send_frame(link: socket.socket, content: Any, descriptors: tuple[int, ...] = ()) -> None:
    """Send ``content`` as one frame; file descriptors travel with its header."""
    payload = json.dumps(content).encode()
    header = HEADER.pack(len(payload))
    sent = socket.send_fds(link, [header], list(descriptors))
    link.sendall(header[sent:] + payload)


def receive_frame(link: socket.socket) -> tuple[Any, list[int]] | None:
    """Receive one frame with its file descriptors; ``None`` when the other end is gone, in the
    midst of a frame or not.
    """
    header, descriptors, _, _ = socket.recv_fds(link, HEADER.size, DESCRIPTORS_AT_MOST)
    rest = _receive(link, HEADER.size - len(header)) if header else None
    if rest is None:
        return None
    payload = _receive(link, HEADER.unpack(header + rest)[0])
    return None if payload is None else (json.loads(payload), list(descriptors))


def _receive(link: socket.socket, size: int) -> bytes | None:
    parts = []
    while size:
        part = link.recv(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
