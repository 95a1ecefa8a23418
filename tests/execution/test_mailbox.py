"""The driver reads the messages of a process and ignores everything else that it writes."""

from __future__ import annotations

import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.execution.isolation import mailbox
from rnnbench.execution.isolation.mailbox import LOG_LIMIT, Mailbox, Tail
from rnnbench.execution.jobs.messages import Failure, PreflightJob, TrialJob, answers_to
from tests.support.factory import record, trial_spec

RESULT = b'{"kind": "success", "result": ["all is well"]}'
EMPTY = PreflightJob(specs=())


def box() -> Mailbox:
    return Mailbox(answers_to(EMPTY))


def result_in(read: Mailbox) -> object:
    assert not isinstance(read.answer, Failure)
    return read.answer and read.answer.result


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60)), st.lists(st.integers(1, 50)))
def test_rubbish_before_a_message_is_ignored(rubbish: list[bytes], cuts: list[int]) -> None:
    stream = b"\n".join(rubbish) + b"\n" + RESULT + b"\n"
    read = box()
    for cut in cuts:
        read.feed(stream[:cut])
        stream = stream[cut:]
    read.feed(stream)
    assert result_in(read) == ("all is well",)


@pytest.mark.parametrize(
    "line",
    [
        b"7",
        b"[]",
        b'{"kind": "progress", "step": "far", "loss": 0.5}',
        b'{"kind": "progress", "step": 1}',
        b'{"kind": "failure", "error": 3}',
        b'{"kind": "success"}',
        b'{"kind": "success", "result": [7]}',
        b'{"kind": "success", "result": [], "more": 1}',
        b'{"kind": "surprise"}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_odd_json_is_no_message(line: bytes) -> None:
    read = box()
    read.feed(line + b"\n")
    assert read.answer is None
    assert read.progress is None


def test_the_latest_progress_counts() -> None:
    read = box()
    read.feed(
        b'{"kind":"progress","step":3,"loss":"NaN"}\n{"kind":"progress","step":4,"loss":0.5}\n'
    )
    assert read.progress is not None
    assert (read.progress.step, read.progress.loss) == (4, 0.5)


@pytest.mark.parametrize(
    "sent", ['""', '"{}"', "7", '{"status": "wonderful"}', "{}", '["all is well"]', "null"]
)
def test_a_result_of_another_kind_is_ignored(sent: str) -> None:
    read = Mailbox(answers_to(TrialJob(spec=trial_spec())))
    read.feed(b'{"kind": "success", "result": %s}\n' % sent.encode())
    assert read.answer is None
    real = record().result
    read.feed(b'{"kind": "success", "result": %s}\n' % real.model_dump_json().encode())
    assert result_in(read) == real


def test_a_message_beyond_the_limit_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MESSAGE_LIMIT", 1000)
    read = box()
    read.feed(b'{"kind": "success", "result": ["%s"]}\n' % (b"x" * 2000))
    assert read.answer is None
    read.feed(RESULT + b"\n")
    assert result_in(read) == ("all is well",)


def test_a_line_without_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MESSAGE_LIMIT", 1 << 20)
    read = box()
    tracemalloc.start()
    try:
        for _ in range(1000):
            read.feed(os.urandom(1 << 14).replace(b"\n", b" "))
            assert tracemalloc.get_traced_memory()[0] < 2 << 20
    finally:
        tracemalloc.stop()
    read.feed(b"\n" + RESULT + b"\n")
    assert result_in(read) == ("all is well",)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=3 * LOG_LIMIT // 2), max_size=4))
def test_the_tail_is_the_end_of_the_output(parts: list[bytes]) -> None:
    tail = Tail()
    for part in parts:
        tail.feed(part)
    assert tail.text() == b"".join(parts)[-LOG_LIMIT:].decode(errors="replace")
