"""Copy memory against its definition, recomputed symbol by symbol."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.contract.task import Batch
from rnnbench.metrics import cross_entropy
from rnnbench.testing import check_task
from tests.support.scoring import weighted_mean
from tests.tasks.builders import build

BLANK, DELIMITER = 8, 9


def naive(symbols: list[int], delay: int) -> tuple[list[int], list[int]]:
    """The definition of Arjovsky et al. 2016 as lists: inputs and targets."""
    s = len(symbols)
    read = symbols + [BLANK] * (delay - 1) + [DELIMITER] + [BLANK] * s
    target = [BLANK] * (delay + s) + symbols
    return read, target


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(
    delay=st.integers(1, 30),
    symbols=st.integers(1, 12),
    n=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=40)
def test_sequences_follow_the_definition(delay: int, symbols: int, n: int, seed: int) -> None:
    task = build("copy-memory", delay=delay, symbols=symbols)
    batch = task.sample(n, generator(seed))
    assert batch.inputs.shape == batch.targets.shape == (n, task.length)
    assert task.length == delay + 2 * symbols
    for read, target in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
        assert (read, target) == naive(read[:symbols], delay)
        assert all(0 <= symbol < 8 for symbol in read[:symbols])


def test_the_source_has_ten_symbols_and_t_plus_20_steps() -> None:
    assert build("copy-memory").length == 100 + 20
    assert (build("copy-memory").inputs.vocab, build("copy-memory").outputs.vocab) == (10, 9)


def test_symbols_are_uniform_and_independent() -> None:
    drawn = build("copy-memory", delay=1, symbols=2).sample(64_000, generator()).inputs[:, :2]
    pairs = (drawn[:, 0] * 8 + drawn[:, 1]).bincount(minlength=64).double()
    chi_squared = ((pairs - 1000) ** 2 / 1000).sum().item()
    assert chi_squared < 63 + 5 * math.sqrt(2 * 63)


def test_one_seed_draws_one_batch() -> None:
    task = build("copy-memory")
    first, again, other = (task.sample(4, generator(seed)).inputs for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def memoryless(batch: Batch, symbols: int) -> torch.Tensor:
    """Blanks while nothing is asked, then every symbol alike: logits (B, T, 9)."""
    logits = torch.full((*batch.targets.shape, 9), -1e4, dtype=torch.float64)
    logits[..., BLANK] = 0.0
    logits[:, -symbols:] = torch.tensor([0.0] * 8 + [-1e4], dtype=torch.float64)
    return logits


@given(delay=st.integers(1, 40), symbols=st.integers(1, 12))
@settings(deadline=None, max_examples=20)
def test_the_memoryless_cross_entropy_is_the_loss_of_the_memoryless_strategy(
    delay: int, symbols: int
) -> None:
    task = build("copy-memory", delay=delay, symbols=symbols)
    batch = task.sample(3, generator())
    measured = weighted_mean(cross_entropy, memoryless(batch, symbols), batch)
    stated = task.memoryless_cross_entropy
    assert measured == pytest.approx(stated, rel=1e-9)
    assert stated == pytest.approx(symbols * math.log(8) / (delay + 2 * symbols), rel=1e-12)


def test_the_score_counts_the_recalled_symbols_alone() -> None:
    task = build("copy-memory", delay=4, symbols=5)
    batch = task.sample(2000, generator())
    right = torch.nn.functional.one_hot(batch.targets, 9).float()
    assert weighted_mean(task.metric.measure, right, batch) == task.perfect == 1.0
    wrong_blanks = right.clone()
    wrong_blanks[:, :-5] = torch.nn.functional.one_hot(torch.tensor(0), 9).float()
    assert weighted_mean(task.metric.measure, wrong_blanks, batch) == 1.0
    only_blanks = torch.nn.functional.one_hot(torch.full_like(batch.targets, BLANK), 9).float()
    assert weighted_mean(task.metric.measure, only_blanks, batch) == 0.0
    one_of_five = right.clone()
    one_of_five[:, -4:] = 0
    one_of_five[:, -4:, BLANK] = 1
    assert weighted_mean(task.metric.measure, one_of_five, batch) == pytest.approx(0.2)


def test_chance_is_one_in_eight() -> None:
    task = build("copy-memory", delay=4, symbols=10)
    batch = task.sample(5000, generator())
    constant = torch.zeros(*batch.targets.shape, 9)
    constant[..., 3] = 1
    standard_error = math.sqrt(1 / 8 * 7 / 8 / 50_000)
    assert weighted_mean(task.metric.measure, constant, batch) == pytest.approx(
        task.baseline, abs=4 * standard_error
    )
    assert task.baseline == 1 / 8


def test_the_diagnosis_has_cross_entropy_and_accuracy_by_position() -> None:
    task = build("copy-memory", delay=3, symbols=4)
    batch = task.sample(50, generator())

    def forgets_the_first(_inputs: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        assert lengths is None
        outputs = torch.nn.functional.one_hot(batch.targets, 9).float() * 100
        outputs[:, -4] = 0
        outputs[:, -4, BLANK] = 1
        return outputs

    diagnosis = task.diagnose(forgets_the_first, batch)
    (plot,) = diagnosis.plots
    assert plot.x == (1, 2, 3, 4)
    assert plot.lines["model"] == (0, 1, 1, 1)
    # a symbol with logit 0 among seven others and a blank with logit 1
    loss = math.log(8 + math.e) / task.length
    assert diagnosis.scores["cross-entropy"] == pytest.approx(loss, rel=1e-5)
    assert diagnosis.scores["memoryless cross-entropy"] == task.memoryless_cross_entropy


@given(delay=st.integers(1, 20), symbols=st.integers(1, 6), seed=st.integers(0, 2**31))
@settings(deadline=None, max_examples=30)
def test_variants_follow_their_sources(delay: int, symbols: int, seed: int) -> None:
    task = build("copy-memory", delay=delay, symbols=symbols)
    as_numbers = build("copy-memory", delay=delay, symbols=symbols, variant="bai-2018")
    masked = build("copy-memory", delay=delay, symbols=symbols, variant="gu-2022")
    plain, scalar, marked = (each.sample(3, generator(seed)) for each in (task, as_numbers, masked))
    assert plain.targets.tolist() == scalar.targets.tolist() == marked.targets.tolist()
    remembered = plain.inputs[:, :symbols].tolist()
    assert scalar.inputs.shape == (3, delay + 2 * symbols, 1)
    for row, numbers in enumerate(scalar.inputs[..., 0].tolist()):
        shifted = [symbol + 1 for symbol in remembered[row]]
        assert numbers == shifted + [0] * (delay - 1) + [9] * (symbols + 1)
    for row, read in enumerate(marked.inputs.tolist()):
        assert read == remembered[row] + [BLANK] * delay + [DELIMITER] * symbols
    assert plain.mask is None
    assert scalar.mask is None
    assert marked.mask is not None
    assert marked.mask.tolist() == [[False] * (delay + symbols) + [True] * symbols] * 3


@pytest.mark.parametrize("variant", ["bai-2018", "gu-2022"])
def test_variants_pass_the_conformance_checks_and_know_their_memoryless_loss(variant: str) -> None:
    check_task("copy-memory", {"delay": 5, "symbols": 3, "variant": variant})
    task = build("copy-memory", delay=5, symbols=3, variant=variant)
    batch = task.sample(4, generator())
    measured = weighted_mean(cross_entropy, memoryless(batch, 3), batch)
    assert measured == pytest.approx(task.memoryless_cross_entropy, rel=1e-9)
    logits = memoryless(batch, 3)
    diagnosis = task.diagnose(lambda _inputs, _lengths: logits, batch)
    assert diagnosis.scores["cross-entropy"] == pytest.approx(
        task.memoryless_cross_entropy, rel=1e-9
    )
