"""Generate text from a trained network, one symbol or set per step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from rnnbench.contract.task import Bits, Tokens
from rnnbench.contract.text import SetsTask, TextTask
from rnnbench.errors import DataError, UsageError
from rnnbench.files import file_checksum
from rnnbench.training.network import build_network
from rnnbench.training.randomness import generator_for

if TYPE_CHECKING:
    from rnnbench.contract.registry import RegisteredTask, Registry
    from rnnbench.contract.task import Task
    from rnnbench.records.spec import TrialSpec
    from rnnbench.training.network import Network


class UnknownSymbolError(DataError):
    """A prompt with symbols that the network does not know."""


def generate_text(
    spec: TrialSpec,
    weights: Path,
    registry: Registry,
    *,
    prompt: str,
    length: int,
    temperature: float,
    seed: int,
) -> str:
    """Return the prompt followed by ``length`` symbols or sets drawn from a trial's network.

    Args:
        spec: the trial.
        weights: the trial's file of trained weights.
        registry: holds the trial's model and task.
        prompt: beginning of the text, at least one symbol or set.
        length: number of symbols or sets to draw.
        temperature: divides the logits; 0 always takes the most probable symbol or set.
        seed: seeds the draw, together with the trial's id.

    Raises:
        UsageError: the task has no text, the prompt is empty, or the temperature is negative or not
            finite.
        UnknownSymbolError: the prompt has symbols that are not in the vocabulary.
        DataError: the weights or data belong to another trial.
    """
    if not 0 <= temperature < math.inf:
        raise UsageError(f"--temperature {temperature} is not a finite number of at least 0.")
    task = _built(spec, registry)
    given = _encoded(spec, task, prompt)
    if not given:
        raise UsageError('the prompt is empty; give at least one symbol, e.g. --prompt "The ".')
    network = build_network(spec, registry.model(spec.model.name), task)
    if spec.settings.precision == "64":
        network = network.double()
    load_weights(network, weights, spec.trial_id)
    generator = generator_for(seed, "generate", spec.trial_id)
    if isinstance(task, TextTask):
        drawn = sample(network, given, length, temperature, task.special_tokens, generator)
        return task.decode([*given, *drawn])
    assert isinstance(task, SetsTask)
    return task.decode_sets([*given, *sample_sets(network, given, length, temperature, generator)])


def _encoded(spec: TrialSpec, task: Task, prompt: str) -> list[Any]:
    """Return the symbols of a prompt, or its sets as the indices of their bits."""
    try:
        if isinstance(task, TextTask):
            return task.encode(prompt)
        if isinstance(task, SetsTask):
            return task.encode_sets(prompt)
    except DataError as error:
        raise UnknownSymbolError(error) from None
    raise _no_text(spec)


def vocabulary(spec: TrialSpec, registry: Registry) -> list[str]:
    """Return the symbols, or elements of sets, that the network of a trial knows, in order.

    Raises:
        UsageError: the task has no text.
        DataError: the data belong to another trial.
    """
    task = _built(spec, registry)
    if isinstance(task, SetsTask) and isinstance(task.inputs, Bits):
        return [task.decode_sets([[bit]]).strip() for bit in range(task.inputs.dim)]
    if not isinstance(task, TextTask) or not isinstance(task.inputs, Tokens):
        raise _no_text(spec)
    known = sorted(set(range(task.inputs.vocab)) - task.special_tokens)
    return [task.decode([number]) for number in known]


def _built(spec: TrialSpec, registry: Registry) -> Task:
    registered = registry.task(spec.task.name)
    _refuse_other_data(spec, registered)
    return registered.build(spec.task.options)


def _no_text(spec: TrialSpec) -> UsageError:
    return UsageError(
        f"task {spec.task.name!r} has no text to generate; "
        "give a trial of char-lm, word-lm or polyphonic-music."
    )


@torch.no_grad()
def sample(
    network: Network,
    prompt: Sequence[int],
    length: int,
    temperature: float,
    special_tokens: frozenset[int],
    generator: torch.Generator,
) -> Iterator[int]:
    """Yield ``length`` symbols drawn after ``prompt``.

    The state is passed from step to step, so each symbol is read once.
    """
    network.eval()
    state: Any = None
    pending = torch.tensor([list(prompt)])  # (1, P)
    for _ in range(length):
        outputs, state = network.forward_stateful(pending, state)
        drawn = _drawn(outputs[0, -1].double(), temperature, special_tokens, generator)
        yield drawn
        pending = torch.tensor([[drawn]])


@torch.no_grad()
def sample_sets(
    network: Network,
    prompt: Sequence[Sequence[int]],
    length: int,
    temperature: float,
    generator: torch.Generator,
) -> Iterator[list[int]]:
    """Yield ``length`` sets drawn after ``prompt``, each as the indices of its bits.

    Each bit is drawn by itself. At temperature 0 a set has the bits with a probability above 1/2.
    """
    network.eval()
    state: Any = None
    dtype = next(network.parameters()).dtype
    pending = torch.zeros(1, len(prompt), network.input_size, dtype=dtype)  # (1, P, D)
    for step, bits in enumerate(prompt):
        for bit in bits:
            pending[0, step, bit] = 1
    for _ in range(length):
        outputs, state = network.forward_stateful(pending, state)
        logits = outputs[0, -1].double()  # (D,)
        if temperature == 0:
            drawn = logits > 0
        else:
            uniform = torch.rand(len(logits), generator=generator, dtype=torch.float64)
            drawn = uniform < (logits / temperature).sigmoid()
        yield drawn.nonzero().flatten().tolist()
        pending = drawn.to(dtype)[None, None]


def load_weights(network: Network, path: Path, trial_id: str) -> None:
    """Load the weights that a trial saved. Only safetensors are read, never pickles.

    Raises:
        DataError: the file is missing, damaged, of another trial, or does not fit the network.
    """
    retrain = "train the trial again to replace it."
    try:
        with safe_open(path, framework="pt") as file:
            owner = (file.metadata() or {}).get("trial_id")
            # the file is not a mapping: it has keys() and cannot be iterated over
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; {retrain}") from None
    except (SafetensorError, OSError) as error:
        raise DataError(
            f"{path} is not a readable file of safetensors ({error}); {retrain}"
        ) from None
    if owner != trial_id:
        raise DataError(
            f"{path} holds the weights of trial {owner!r}, not of {trial_id}; {retrain}"
        )
    expected = network.state_dict()
    if wrong := _mismatch(expected, found):
        raise DataError(f"{path}: {wrong}; {retrain}")
    network.load_state_dict(found)


def _refuse_other_data(spec: TrialSpec, task: RegisteredTask) -> None:
    if task.factory.version != spec.task.version:
        raise DataError(
            f"the trial is of version {spec.task.version} of task {spec.task.name!r}, "
            f"which is now at version {task.factory.version}; train it again."
        )
    for name, checksum in spec.task.checksums.items():
        path = str(spec.task.options[name])
        if file_checksum(Path(path), f"task {spec.task.name!r}, option {name!r}") != checksum:
            raise DataError(
                f"{path} is no longer the file that the trial was trained on; "
                f"restore the file, or train again."
            )


def _mismatch(expected: dict[str, Tensor], found: dict[str, Tensor]) -> str | None:
    """Return how the tensors found differ from the expected ones; ``None`` if they fit."""
    if expected.keys() != found.keys():
        odd = sorted(expected.keys() ^ found.keys())[0]
        return f"tensor {odd!r} is {'missing' if odd in expected else 'not of this network'}"
    for name, tensor in found.items():
        if tensor.shape != expected[name].shape:
            return (
                f"tensor {name!r} has shape {tuple(tensor.shape)}, "
                f"the network's has {tuple(expected[name].shape)}"
            )
        if not tensor.isfinite().all():
            return f"tensor {name!r} has values that are not finite"
    return None


def _drawn(
    logits: Tensor,
    temperature: float,
    special_tokens: frozenset[int],
    generator: torch.Generator,
) -> int:
    """Draw a symbol from logits (V,)."""
    allowed = logits.clone()
    allowed[sorted(special_tokens)] = -torch.inf
    if temperature == 0:
        return int(allowed.argmax())
    # the largest logit becomes 0, so that no temperature overflows
    scaled = (allowed - allowed.max()) / temperature
    return int(torch.multinomial(scaled.softmax(0), 1, generator=generator))
