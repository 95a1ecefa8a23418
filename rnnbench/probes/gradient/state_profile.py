"""Gradient of an output with respect to earlier states, G(k)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from rnnbench.probes.gradient.exact_copy import device_of, exact_copy
from rnnbench.probes.gradient.fit import fit_profile
from rnnbench.probes.gradient.lags import last_steps, norms, passes, sum_by_lag, unit_vectors
from rnnbench.probes.gradient.state import StateLayout, differentiable, fixed_state_layout

if TYPE_CHECKING:
    from rnnbench.records.gradient import Profile
    from rnnbench.training.network import Network

SEQUENCES = 8
"""Fewer than for the input profile, because the core is called step by step."""
VECTORS = 4
"""Random directions v per sequence."""


def state_profile(
    network: Network,
    inputs: Tensor,
    lengths: Tensor | None = None,
    *,
    generator: torch.Generator,
    when: Literal["init", "trained"],
    vectors: int = VECTORS,
) -> Profile:
    """Measure ``G(k) = E || d<v, y_T> / d s_{T-k} ||_2`` for the full state s.

    The mean is over sequences and random unit vectors v. The state is the concatenation of all its
    floating tensors: for an LSTM (h, c) of all layers, since the h-block alone is off by an order
    of magnitude. y_T is the core's output at the last valid step. The core is called step by step,
    and one backward pass gives all lags. Lags begin at 1, the state that step T reads: an output is
    not computed from the state of its own step.

    Args:
        network: left unchanged.
        inputs: (B, T) or (B, T, D); the first 8 sequences are used, 1000 steps of each.
        lengths: (B,) valid steps, or ``None``.
        generator: draws v.
        when: the moment in training, recorded in the profile.
        vectors: number of v per sequence.

    Raises:
        NotMeasurableError: the core is non-causal, has no state, or a growing state.
    """
    chosen = slice(0, SEQUENCES)
    inputs, lengths = last_steps(inputs[chosen], None if lengths is None else lengths[chosen])
    device = device_of(network)
    inputs = inputs.repeat_interleave(vectors, 0).to(device)  # (N, T) or (N, T, D), N = B * vectors
    lengths = lengths.repeat_interleave(vectors, 0).to(device)
    probed = unit_vectors(len(inputs), network.output_size, generator).to(device)  # (N, O)
    with exact_copy(network) as exact:
        encoded = encode(exact, inputs)  # (N, T, D)
        layout = fixed_state_layout(exact, encoded)
        gradients = torch.cat([
            norms(_state_gradients(exact, layout, encoded[rows], lengths[rows], probed[rows]))
            for rows in passes(*encoded.shape[:2])
        ])  # (N, T-1)  # fmt: skip
    sums, counts = sum_by_lag(gradients, lengths - 2, lengths - 1)
    found = int((counts > 0).sum())
    return fit_profile(
        range(1, found + 1), (sums[:found] / counts[:found]).tolist(), of="state", when=when
    )


def encode(network: Network, inputs: Tensor) -> Tensor:
    """Encode inputs in float64, detached from any graph: (N, T, D)."""
    encoded: Tensor = network.encoder(
        inputs.to(torch.float64) if inputs.is_floating_point() else inputs
    )
    return encoded.detach()


def _state_gradients(
    network: Network, layout: StateLayout, encoded: Tensor, lengths: Tensor, probed: Tensor
) -> Tensor:
    """Return d<v, y_last>/d s after each step but the last: (N, T-1, n)."""
    states: list[Any] = []
    state: Any = None
    read = torch.zeros_like(probed)  # (N, O)
    for t in range(encoded.shape[1]):
        output, state = network.unroll(encoded[:, t : t + 1], state)
        read = torch.where((lengths == t + 1)[:, None], output[:, 0], read)
        state = differentiable(state)
        states.append(state)
    sources = [tensor for state in states[:-1] for tensor, _ in layout.real(state)]
    if not read.requires_grad or not sources:
        gradients: list[Tensor | None] = [None] * len(sources)
    else:
        gradients = list(torch.autograd.grad((read * probed).sum(), sources, allow_unused=True))
    each = len(layout.real(states[0]))
    steps = [
        layout.flatten(state, gradients[i * each : (i + 1) * each])
        for i, state in enumerate(states[:-1])
    ]
    return torch.stack(steps, 1)
