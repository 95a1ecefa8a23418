"""Gradient of an output with respect to earlier inputs, G(k), for any architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from rnnbench.contract.core import last_valid
from rnnbench.probes.gradient.exact_copy import device_of, exact_copy
from rnnbench.probes.gradient.fit import fit_profile
from rnnbench.probes.gradient.lags import last_steps, norms, passes, sum_by_lag, unit_vectors
from rnnbench.probes.gradient.sample import SEQUENCES
from rnnbench.records.gradient import FIRST_FITTED_LAG

if TYPE_CHECKING:
    from rnnbench.records.gradient import Direction, Profile
    from rnnbench.training.network import Network

VECTORS = 4
"""Random directions v per sequence."""


def input_profile(
    network: Network,
    inputs: Tensor,
    lengths: Tensor | None = None,
    *,
    generator: torch.Generator,
    when: Literal["init", "trained"],
    vectors: int = VECTORS,
    origin: Tensor | None = None,
    needed: Tensor | None = None,
) -> tuple[Profile, ...]:
    """Measure ``G(k) = E || d<v, y_T> / d e_{T-k} ||_2`` over sequences and random unit vectors v.

    e is the encoder's output, y the decoder's input and T the last step of each sequence whose
    prediction counts. Lags count back from T; each is averaged over the sequences that have it. All
    lags come from one backward pass, since the output at T depends on all inputs. A non-causal
    network is measured at the middle step of each sequence, in both directions: at the last step of
    a bidirectional core
    two different profiles would be mixed.

    The quantity is that of Bengio, Simard, Frasconi (1994) and Pascanu, Mikolov, Bengio (2013),
    taken to the inputs so that it exists for any architecture. The norm of a random projection of
    the Jacobian is used as an estimate of its size rather than its largest singular value, which
    would need O passes; for a Jacobian rho^k times an orthogonal matrix the two agree in k.

    Args:
        network: left unchanged.
        inputs: (B, T) or (B, T, D); the first 32 sequences are used, 1000 steps of each.
        lengths: (B,) valid steps, or ``None``.
        generator: draws v.
        when: the moment in training, recorded in the profile.
        vectors: number of v per sequence.
        origin: (B,) the step T of each sequence, of at most 1000 steps; ``None`` is its last valid
            step. A non-causal network is measured at its middle step instead.
        needed: (B, T) bool, the inputs that the task needs for the output at ``origin``, which is
            given too.

    Returns:
        A profile into the past and, for a non-causal network, a second one into the future.
    """
    chosen = slice(0, SEQUENCES)
    inputs, lengths = last_steps(inputs[chosen], None if lengths is None else lengths[chosen])
    device = device_of(network)
    inputs = inputs.repeat_interleave(vectors, 0).to(device)  # (N, T) or (N, T, D), N = B * vectors
    lengths = lengths.repeat_interleave(vectors, 0).to(device)
    if not network.causal:
        origin, needed = (lengths - 1) // 2, None
    elif origin is None:
        origin = lengths - 1
    else:
        origin = origin[chosen].repeat_interleave(vectors, 0).to(device)
    probed = unit_vectors(len(inputs), network.output_size, generator).to(device)  # (N, O)
    with exact_copy(network) as exact:
        gradients = torch.cat([
            norms(input_gradients(exact, inputs[rows], lengths[rows], origin[rows], probed[rows]))
            for rows in passes(*inputs.shape[:2])
        ])  # (N, T)  # fmt: skip
    ratio = None
    if needed is not None:
        wanted = needed[chosen, : inputs.shape[1]].repeat_interleave(vectors, 0).to(device)
        ratio = _relevant_ratio(gradients, origin, wanted)
    directions: list[tuple[Direction, int]] = [("past", -1)]
    if not network.causal:
        directions.append(("future", 1))
    profiles = []
    for direction, sign in directions:
        sums, counts = sum_by_lag(gradients, origin, lengths, sign)
        found = int((counts > 0).sum())
        values = (sums[:found] / counts[:found]).tolist()
        profiles.append(
            fit_profile(
                range(found),
                values,
                of="input",
                when=when,
                direction=direction,
                relevant_ratio=ratio if direction == "past" else None,
            )
        )
    return tuple(profiles)


def _relevant_ratio(gradients: Tensor, origin: Tensor, needed: Tensor) -> float | None:
    """Return the mean of needed gradients (N, T) over the median of the others from lag 5 on."""
    lag = origin[:, None] - torch.arange(gradients.shape[1], device=gradients.device)
    wanted, others = gradients[needed & (lag >= 0)], gradients[~needed & (lag >= FIRST_FITTED_LAG)]
    if not len(wanted) or not len(others):
        return None
    usual = float(others.median())
    return float(wanted.mean()) / usual if usual > 0 else None


def input_gradients(
    network: Network, inputs: Tensor, lengths: Tensor | None, origin: Tensor, probed: Tensor
) -> Tensor:
    """Return d<v, y_origin>/d e_t for every step t: (N, T, D).

    Args:
        network: in evaluation mode, with the data type of ``probed``.
        inputs: (N, T) or (N, T, D).
        lengths: (N,) valid steps; ``None`` when all are T.
        origin: (N,) the step of the output; the last valid one for a causal network that predicts
            at the last step.
        probed: v, (N, O).
    """
    encoded = network.encoder(inputs if not inputs.is_floating_point() else inputs.to(probed.dtype))
    encoded = encoded.detach().requires_grad_()
    if network.causal and network.steps == "last":
        read = network.features(encoded, lengths)  # (N, O)
    else:
        outputs, _ = network.unroll(encoded, None, lengths)
        read = last_valid(outputs, origin + 1)
    # the output depends on no input
    if not read.requires_grad:
        return torch.zeros_like(encoded)
    (gradient,) = torch.autograd.grad((read * probed).sum(), encoded, allow_unused=True)
    return torch.zeros_like(encoded) if gradient is None else gradient
