"""``rnnbench generate``, from a training to a text."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from rnnbench.records.store import Store
from tests.support.calling import Answer, call


def trained_on(folder: Path, task: str) -> tuple[Path, str]:
    """Return a store with one trial of a task, and the trial's id."""
    from rnnbench.contract import registry
    from rnnbench.execution.jobs.messages import TrialJob
    from rnnbench.execution.jobs.trial import run_trial
    from rnnbench.execution.options import TrialOptions
    from rnnbench.plan.planning import Request, make_plan

    path = folder / "texts.db"
    known = registry.load()
    request = Request(
        [task],
        ["gru"],
        1,
        hidden_size=8,
        settings={"steps": 2, "batch_size": 4},
    )
    (spec,) = make_plan(request, known)
    with Store(path) as store:
        options = TrialOptions(probes=False)
        job = TrialJob(spec=spec, options=options, weights=store.weights_of(spec.trial_id))
        result = run_trial(job, known)
        store.add(spec, result, started_at="2026-01-01T00:00:00Z", seconds=1.0)
    return path, spec.trial_id


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return trained_on(tmp_path_factory.mktemp("generate"), "char-lm[sentences=100]")


def test_a_prompt_is_continued(trained: tuple[Path, str]) -> None:
    path, trial = trained
    words = (
        "generate",
        trial[:6],
        "--store",
        str(path),
        "--prompt",
        "anna ",
        "--length",
        "20",
        "--seed",
        "1",
    )
    answer = call(*words)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("anna ")
    assert len(answer.out) == 5 + 20
    assert call(*words) == answer
    assert call(*words, "--temperature", "0").out != answer.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("ffff", "--prompt", "a"), "no trial begins with 'ffff'"),
        (("TRIAL", "--prompt", "anna Ä"), "not among the 27 characters of the training text: 'Ä'."),
        (("TRIAL", "--prompt", ""), "the prompt is empty"),
        (("TRIAL", "--prompt", "a", "--length", "0"), "--length"),
        (("TRIAL", "--prompt", "a", "--temperature", "-1"), "--temperature"),
        (("TRIAL", "--prompt", "a", "--temperature", "nan"), "--temperature"),
        (("TRIAL",), '--prompt "the "'),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    trained: tuple[Path, str], words: tuple[str, ...], message: str
) -> None:
    path, trial = trained
    given = [trial if word == "TRIAL" else word for word in words]
    assert message in call("generate", *given, "--store", str(path)).complaint


def test_a_trial_without_weights_is_refused(trained: tuple[Path, str]) -> None:
    path, trial = trained
    weights = path.with_name(path.name + ".weights") / f"{trial}.safetensors"
    kept = weights.read_bytes()
    weights.unlink()
    try:
        assert (
            "no such file"
            in call("generate", trial, "--store", str(path), "--prompt", "a").complaint
        )
    finally:
        weights.write_bytes(kept)


def test_the_known_symbols_are_listed_by_the_command_in_the_error(
    trained: tuple[Path, str],
) -> None:
    path, trial = trained
    complaint = call("generate", trial, "--store", str(path), "--prompt", "Ä").complaint
    answer = call(*shlex.split(complaint.partition("type: rnnbench ")[2]))
    assert (answer.code, answer.err) == (0, "")
    known = answer.out.splitlines()
    assert f"not among the {len(known)} characters" in complaint
    assert known[:3] == [r"'\n'", "' '", ","]
    assert set("answer") <= set(known)
    assert len(set(known)) == len(known)


def test_many_unknown_characters_are_counted(trained: tuple[Path, str]) -> None:
    path, trial = trained
    prompt = "".join(map(chr, range(0x4E00, 0x4E00 + 500)))
    complaint = call("generate", trial, "--store", str(path), "--prompt", prompt).complaint
    assert "'一'" in complaint
    assert "and 480 more. To see these, type: rnnbench generate" in complaint
    assert len(complaint) < 500


def test_a_trial_without_text_has_no_vocabulary(swept: tuple[Path, Answer]) -> None:
    path = swept[0] / "rnnbench.db"
    with Store(path) as store:
        trial = store.records()[0].trial_id
    complaint = call("generate", trial, "--store", str(path), "--show-vocabulary").complaint
    assert "'copy-memory' has no text to generate" in complaint


PROMPT = "«\N{NO-BREAK SPACE}oui\u202f»\u3000は\u200d\u200c\r\n\ttab\x07\x1b[31m\u202e\r"
SHOWN = "«\N{NO-BREAK SPACE}oui\u202f»\u3000は\u200d\u200c\r\n\ttab\\x07\\x1b[31m\\u202e\\r"


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A trial on a text with characters of every kind."""
    folder = tmp_path_factory.mktemp("foreign")
    text = folder / "text.txt"
    text.write_bytes((PROMPT * 50).encode())
    return trained_on(folder, f"char-lm[path={text}]")


def test_files_and_pipes_get_the_text_as_it_is(foreign: tuple[Path, str]) -> None:
    path, trial = foreign
    answer = call("generate", trial, "--store", str(path), "--prompt", PROMPT, "--length", "200")
    assert answer.code == 0
    assert answer.out.startswith(PROMPT)
    assert len(answer.out) == len(PROMPT) + 200
    assert set(answer.out) <= set(PROMPT)


def test_a_terminal_gets_escapes_for_what_it_could_obey(foreign: tuple[Path, str]) -> None:
    path, trial = foreign
    words = ("generate", trial, "--store", str(path), "--prompt", PROMPT, "--length", "1")
    ours, theirs = pty.openpty()
    try:
        subprocess.run(
            [sys.executable, "-m", "rnnbench", *words],
            env={**os.environ, "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"},
            stdout=theirs,
            check=True,
        )
        shown = os.read(ours, 10_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    # the terminal ends a line by both characters
    assert shown.replace("\r\r\n", "\r\n").startswith(SHOWN)
