"""Words of other tools, and slips of the pen: what the error says to type works when typed."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.cli.main import MEANT, commands
from rnnbench.cli.parameters import run_option_flags, setting_flags
from rnnbench.contract import registry
from rnnbench.plan.foreign import _OTHERS, _SYNONYMS
from tests.support.calling import call


def advised(*words: str) -> str:
    """Return the command that an error says to type."""
    complaint = call(*words).complaint.rstrip("\n")
    assert complaint.count("Type: ") == 1, complaint
    return complaint.partition("Type: ")[2]


RUN = "run -t copy-memory -m lstm"
ADVICE = [
    # a word without an option
    ("run copy-memory", "run --task copy-memory"),
    ("run Copy_Memory", "run --task copy-memory"),
    ("run 'copy-memory[delay=10,20]' lstm", "run --task 'copy-memory[delay=10,20]' --model lstm"),
    ("run -t copy-memory -m lstm gru", "run -t copy-memory -m lstm,gru"),
    ("run -t copy-memory -m lstm GRU rnn", "run -t copy-memory -m lstm,gru,rnn"),
    ("run -t copy-memory adding -m lstm", "run -t copy-memory,adding -m lstm"),
    ("run -t copy-memory nn.LSTM", "run -t copy-memory --model lstm"),
    ("run first-look", "run --suite first-look"),
    (f"{RUN} steps=100", f"{RUN} --steps 100"),
    # options of other tools
    (f"{RUN} --gpu", f"{RUN} --accelerator gpu"),
    (f"{RUN} --gpus 1", f"{RUN} --accelerator gpu"),
    (f"{RUN} --no-cuda", f"{RUN} --accelerator cpu"),
    (f"{RUN} --device cuda", f"{RUN} --accelerator gpu"),
    (f"{RUN} --device=cuda:0", f"{RUN} --accelerator gpu"),
    (f"{RUN} --device cpu", f"{RUN} --accelerator cpu"),
    (f"{RUN} --epochs 3", f"{RUN} --steps 1000"),
    (f"{RUN} --resume", RUN),
    (f"{RUN} --force", f"{RUN} --retry done"),
    (f"{RUN} --max-steps 9", f"{RUN} --steps 9"),
    (f"{RUN} --bs 8 --wd 0.1", f"{RUN} --batch-size 8 --weight-decay 0.1"),
    (f"{RUN} --dtype float64", f"{RUN} --precision 64"),
    (f"{RUN} --n-runs 5", f"{RUN} --seeds 5"),
    (f"{RUN} --random-state 5", f"{RUN} --seed 5"),
    (f"{RUN} --early-stopping", f"{RUN} --patience 5"),
    (f"{RUN} --scheduler cosine", f"{RUN} --schedule cosine"),
    ("run --dataset adding --arch gru", "run --task adding --model gru"),
    ("run --config first-look", "run --suite first-look"),
    # options of models and tasks
    (f"{RUN} --num-layers 2", "run -t copy-memory -m 'lstm[num_layers=2]'"),
    (f"{RUN} --num_layers=2", "run -t copy-memory -m 'lstm[num_layers=2]'"),
    (f"{RUN} --layers 2", "run -t copy-memory -m 'lstm[num_layers=2]'"),
    (f"{RUN} --dropout .2", "run -t copy-memory -m 'lstm[dropout=.2]'"),
    (f"{RUN} --delay 5", "run -t 'copy-memory[delay=5]' -m lstm"),
    (
        "run -t copy-memory -m 'lstm[forget_bias=2],gru' --num-layers 2",
        "run -t copy-memory -m 'lstm[forget_bias=2,num_layers=2],gru[num_layers=2]'",
    ),
    # another spelling, or a slip
    (f"{RUN} --Batch_Size 8", f"{RUN} --batch-size 8"),
    (f"{RUN} -lr 0.1", f"{RUN} --lr 0.1"),
    (f"{RUN} -seed 3", f"{RUN} --seed 3"),
    (f"{RUN} --stesp 5", f"{RUN} --steps 5"),
    (f"{RUN} --stesp=5 --gpu", f"{RUN} --steps 5 --accelerator gpu"),
    (f"{RUN} --accelerator cuda", f"{RUN} --accelerator gpu"),
    (f"{RUN} --accelerator=GPU", f"{RUN} --accelerator=gpu"),
    (f"{RUN} --optimizer Adam", f"{RUN} --optimizer adam"),
    (f"{RUN} --optimizer sgd[momentun=0.5]", f"{RUN} --optimizer 'sgd[momentum=0.5]'"),
    (f"{RUN} --schedule=cosin[final=0.1]", f"{RUN} '--schedule=cosine[final=0.1]'"),
    # commands
    ("train -t copy-memory -m lstm", RUN),
    ("models", "list models"),
    ("version", "--version"),
    ("list model", "list models"),
    ("list lstm", "list models lstm"),
]


@pytest.mark.parametrize(("typed", "expected"), ADVICE)
def test_the_command_to_type_is_given_and_works(typed: str, expected: str) -> None:
    command = advised(*shlex.split(typed))
    assert command == f"rnnbench {expected}"
    words = shlex.split(command)[1:]
    assert call(*words, *(["--dry-run"] if words[0] == "run" else [])).code == 0


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("compare lstm,rnn", "compare lstm rnn"),
        ("compare lstm vs rnn", "compare lstm rnn"),
        ("compare lstm rnn gru", "compare lstm rnn"),
        ("compare lstm rnn --md", "compare lstm rnn --markdown"),
        ("export -o out.csv", "export out.csv"),
        ("export --output=out.csv --curves", "export out.csv --curves"),
        ("report --out page", "report --output page"),
        ("check -m rnn", "check rnn"),
        ("check --task=parity", "check parity"),
    ],
)
def test_other_commands_give_advice_that_works(typed: str, expected: str) -> None:
    command = advised(*shlex.split(typed))
    assert command == f"rnnbench {expected}"
    assert call(*shlex.split(command)[1:]).code == 0


def test_what_differs_from_other_tools_is_said() -> None:
    assert "steps, not of epochs" in call(*RUN.split(), "--epochs", "3").complaint
    assert "continues by itself" in call(*RUN.split(), "--resume").complaint
    assert "is a task and needs the option --task" in call("run", "copy-memory").complaint
    assert "set inline" in call(*RUN.split(), "--dropout", "0.1").complaint


@pytest.mark.parametrize(
    ("model", "near"),
    [("LSTM", "lstm"), ("torch.nn.LSTM", "lstm"), ("nn.GRU", "gru"), ("BiLSTM", "bilstm")],
)
def test_a_model_is_known_by_its_name_in_torch(model: str, near: str) -> None:
    assert f"Did you mean {near!r}?" in call("run", "-t", "copy-memory", "-m", model).complaint


@pytest.mark.parametrize(
    ("model", "bracketed"),
    [
        ("lstm(num_layers=2)", "lstm[num_layers=2]"),
        ("lstm(num_layers=2,dropout=0.1),gru", "lstm[num_layers=2,dropout=0.1],gru"),
        ("lstm{num_layers: 2}", "lstm[num_layers=2]"),
        ("lstm()", "lstm"),
    ],
)
def test_options_in_parentheses_are_refused_with_the_bracketed_form(
    model: str, bracketed: str
) -> None:
    complaint = call("run", "-t", "copy-memory", "-m", model).complaint
    assert complaint.endswith(f"options are in brackets: {bracketed!r}.\n")
    assert call("run", "--dry-run", "-t", "copy-memory", "-m", bracketed).code == 0


def test_one_seed_and_a_number_of_seeds_are_told_apart() -> None:
    def seeds(*words: str) -> list[str]:
        answer = call(*RUN.split(), "--dry-run", *words)
        assert answer.code == 0, answer
        return [line.rpartition("seed ")[2] for line in answer.out.splitlines()[:-1]]

    assert seeds("--seed", "42") == ["42"]
    assert seeds("--seed", "4", "--seed", "7,9") == ["4", "7", "9"]
    assert seeds("--seeds", "4") == ["0", "1", "2", "3"]
    assert seeds("--seeds", "42,") == ["42"]
    both = call(*RUN.split(), "--seeds", "5", "--seed", "42").complaint
    assert "--seeds 5 for five seeds, or --seed 42 for this one" in both
    assert "--seed 'x' is neither a seed such as 42" in call(*RUN.split(), "--seed", "x").complaint
    shown = " ".join(call("run", "--help").out.split())
    assert "5 trains 0 to 4" in shown
    assert "42 trains one trial, with seed 42" in shown


def test_every_word_of_other_tools_leads_to_an_option_that_there_is() -> None:
    known = {
        flag.removeprefix("--")
        for command in commands.commands.values()
        for parameter in (*command.params, *setting_flags(), *run_option_flags())
        for flag in parameter.opts
    }
    assert set(_SYNONYMS) <= known
    assert {each.option for found in _OTHERS.values() for each in found} <= known | {""}
    assert {words.split()[0] for words in MEANT.values()} <= {
        *commands.commands,
        "--version",
        "--help",
    }


def test_a_command_too_long_to_show_is_not_cut() -> None:
    command = advised("run", "-t", ",".join(["copy-memory"] * 200), "--gpu")
    assert command == "rnnbench run --help"


def test_a_home_folder_that_the_shell_left_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert f"{folder}/x.db: no such store" in call("export", "o.csv", "--store=~/x.db").complaint


NAMES = ("copy-memory", "lstm", *sorted(registry.load().models)[:2])
WORDS = st.sampled_from(
    [
        *("--gpu", "--device", "cuda", "--epochs", "3", "--num-layers", "2", "--resume", "-lr"),
        *("-x", "--", "-", "--=", "=", "a=b", "lstm(", "[", "-m", "-t", "--Seed", "--nothing"),
        *NAMES,
    ]
)


@settings(deadline=None, max_examples=50)
@given(st.lists(WORDS | st.text(max_size=6), max_size=6))
def test_any_words_end_in_one_line_or_in_a_plan(words: list[str]) -> None:
    answer = call("run", "--dry-run", *words)
    assert answer.code in (0, 2)
    if answer.code == 2:
        assert answer.complaint
