"""Whatever a process sends, the driver reads what is a message and passes over the rest."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.execution.isolation import mailbox
from rnnbench.execution.isolation.mailbox import LOG_LIMIT, Mailbox, Tail


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60)), st.lists(st.integers(1, 50)))
def test_rubbish_before_a_message_is_passed_over(rubbish: list[bytes], cuts: list[int]) -> None:
    message = {"result": "all is well"}
    stream = b"\n".join(rubbish) + b"\n" + json.dumps(message).encode() + b"\n"
    box = Mailbox()
    for cut in cuts:
        box.feed(stream[:cut])
        stream = stream[cut:]
    box.feed(stream)
    assert box.last == message


def test_odd_json_is_no_message() -> None:
    box = Mailbox()
    for line in (
        b"7",
        b"[]",
        b'{"progress": "far"}',
        b'{"progress": [1]}',
        b'{"error": 3}',
        b'{"a": 1}',
        b"[" * 100_000,
    ):
        box.feed(line + b"\n")
    assert box.last is None
    assert box.progress is None
    box.feed(b'{"progress": [3, NaN]}\n{"progress": [4, 0.5]}\n')
    assert box.progress == (4, 0.5)


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    box = Mailbox()
    piece = b"x" * (1 << 20)
    for _ in range(mailbox.MESSAGE_LIMIT // len(piece) + 10):
        box.feed(piece)
    assert box._parts == []
    box.feed(b'\n{"result": 1}\n')
    assert box.last == {"result": 1}


@settings(deadline=None)
@given(st.lists(st.binary(max_size=3 * LOG_LIMIT // 2), max_size=4))
def test_the_tail_is_the_end_of_the_output(parts: list[bytes]) -> None:
    tail = Tail()
    for part in parts:
        tail.feed(part)
    assert tail.text() == b"".join(parts)[-LOG_LIMIT:].decode(errors="replace")
