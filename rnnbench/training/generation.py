"""Text from a trained network, symbol by symbol, its state carried from each step to the next."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from rnnbench.contract.text import TextTask
from rnnbench.errors import DataError, UsageError, one_line
from rnnbench.files import file_checksum
from rnnbench.training.network import build_network
from rnnbench.training.randomness import generator_for

if TYPE_CHECKING:
    from rnnbench.contract.registry import RegisteredTask, Registry
    from rnnbench.records.spec import TrialSpec
    from rnnbench.training.network import Network


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
    """Return the prompt and ``length`` symbols more, drawn from the network of a trial.

    Args:
        spec: the trial.
        weights: its file of trained weights.
        registry: where its model and task are found.
        prompt: what the text begins with; at least one symbol.
        length: symbols to draw.
        temperature: divides the logits; 0 always takes the most probable symbol.
        seed: chooses the text, together with the trial's identity.

    Raises:
        UsageError: the task has no text, the prompt is empty, or the temperature is no finite
            number from 0.
        DataError: the prompt cannot be encoded, or the weights or the data are not those of the
            trial.
    """
    registered = registry.task(spec.task.name)
    _refuse_other_data(spec, registered)
    task = registered.build(spec.task.options)
    if not 0 <= temperature < math.inf:
        raise UsageError(f"--temperature {temperature} is no finite number from 0.")
    if not isinstance(task, TextTask):
        raise UsageError(
            f"task {spec.task.name!r} has no text to generate; give a trial of char-lm or word-lm."
        )
    given = task.encode(prompt)
    if not given:
        raise UsageError('the prompt is empty; give at least one symbol, e.g. --prompt "The ".')
    network = build_network(spec, registry.model(spec.model.name), task)
    if spec.settings.precision == "64":
        network = network.double()
    load_weights(network, weights, spec.trial_id)
    generator = generator_for(seed, "generate", spec.trial_id)
    drawn = list(sample(network, given, length, temperature, task.special_tokens, generator))
    return task.decode([*given, *drawn])


@torch.no_grad()
def sample(
    network: Network,
    prompt: Sequence[int],
    length: int,
    temperature: float,
    special_tokens: frozenset[int],
    generator: torch.Generator,
) -> Iterator[int]:
    """Yield ``length`` symbols drawn after ``prompt``, each read once: the state is carried,
    nothing is read again.
    """
    network.eval()
    state: Any = None
    pending = torch.tensor([list(prompt)])  # (1, P)
    for _ in range(length):
        outputs, state = network.carry(pending, state)
        drawn = _drawn(outputs[0, -1].double(), temperature, special_tokens, generator)
        yield drawn
        pending = torch.tensor([[drawn]])


def load_weights(network: Network, path: Path, trial_id: str) -> None:
    """Load a file of weights that the trial itself wrote; nothing but safetensors is read.

    Raises:
        DataError: the file is missing, damaged, another trial's, or has other tensors than the
            network.
    """
    again = "train the trial again to have its weights anew."
    try:
        with safe_open(path, framework="pt") as file:
            owner = (file.metadata() or {}).get("trial_id")
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; {again}") from None
    except (SafetensorError, OSError) as error:
        raise DataError(
            f"{path} is not a readable file of safetensors ({one_line(error, 120)}); {again}"
        ) from None
    if owner != trial_id:
        raise DataError(
            f"{path} holds the weights of trial {one_line(owner, 40)!r}, not of {trial_id}; {again}"
        )
    expected = network.state_dict()
    if wrong := _mismatch(expected, found):
        raise DataError(f"{path}: {wrong}; {again}")
    network.load_state_dict(found)


def _refuse_other_data(spec: TrialSpec, task: RegisteredTask) -> None:
    if task.factory.version != spec.task.version:
        raise DataError(
            f"the trial is of version {spec.task.version} of task {spec.task.name!r}, which is now at {task.factory.version}; "
            f"train it again."
        )
    for name, checksum in spec.task.checksums.items():
        path = str(spec.task.options[name])
        if file_checksum(Path(path), f"task {spec.task.name!r}, option {name!r}") != checksum:
            raise DataError(
                f"{path} is no longer the file that the trial was trained on; put that back, or train again."
            )


def _mismatch(expected: dict[str, Tensor], found: dict[str, Tensor]) -> str | None:
    """Return in what the tensors found differ from those that the network needs."""
    if expected.keys() != found.keys():
        odd = sorted(expected.keys() ^ found.keys())[0]
        return f"tensor {one_line(odd, 80)!r} is {'missing' if odd in expected else 'not of this network'}"
    for name, tensor in found.items():
        if tensor.shape != expected[name].shape:
            return f"tensor {name!r} has shape {tuple(tensor.shape)}, the network's has {tuple(expected[name].shape)}"
        if not tensor.isfinite().all():
            return f"tensor {name!r} has numbers that are not finite"
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
    scaled = (allowed - allowed.max()) / temperature  # the largest is 0: no temperature overflows
    return int(torch.multinomial(scaled.softmax(0), 1, generator=generator))
