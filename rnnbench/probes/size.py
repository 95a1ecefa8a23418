"""Size of a network: parameters by part, state size, operations per time step."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from rnnbench.contract.core import copied, floating_dtype, state_size
from rnnbench.records.result import Size

if TYPE_CHECKING:
    from torch import nn

    from rnnbench.training.network import Network


def measure_size(network: Network, length: int) -> Size:
    """Measure the size of a network for sequences of ``length`` steps.

    Floating-point operations are counted by torch's counter: matrix products and convolutions,
    with a multiply-add as two operations. Elementwise operations (gates, activations) are not
    counted. For torch's own layers the result is ``2c(HD + H^2)`` per layer and direction, c = 1,
    3, 4 for RNN, GRU, LSTM. The count covers the core, from the encoded sequence to the decoder's
    input, for one sequence, divided by ``length``.

    The state size is the number of values in the state after ``length`` steps of one sequence. A
    growing state is therefore counted at the task's own length.

    Args:
        network: left unchanged; a copy is measured on the CPU, or the network itself where it
            cannot be copied, in evaluation mode.
        length: number of time steps T, at least 1.
    """
    measured, device = _on_cpu(network)
    encoded = torch.randn(1, length, network.input_size, generator=torch.Generator().manual_seed(0))
    encoded = encoded.to(device, floating_dtype(network))
    with torch.no_grad():
        _, state = measured.unroll(encoded)
        with _visible_operations(), FlopCounterMode(display=False) as counter:
            measured.features(encoded)
    return Size(
        params_encoder=count_parameters(network.encoder),
        params_core=count_parameters(network.core),
        params_decoder=count_parameters(network.decoder),
        state_size=state_size(state, 1),
        flops_per_step=counter.get_total_flops() / length,
    )


def _on_cpu(network: Network) -> tuple[Network, torch.device]:
    """Return a copy on the CPU, or the network itself, in evaluation mode, and its device."""
    try:
        return copied(network).cpu().eval(), torch.device("cpu")
    # A module may hold anything that cannot be copied, e.g. an open file.
    except Exception:
        return network.eval(), next(network.parameters()).device


def count_parameters(module: nn.Module) -> int:
    """Return the number of trainable parameters of a module. Shared parameters count once."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


@contextmanager
def _visible_operations() -> Iterator[None]:
    """Disable fused CPU kernels (oneDNN's LSTM, torch's attention), which the counter misses."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings():
            # setting any oneDNN flag sets the TF32 flag too, which warns without an Intel GPU
            warnings.filterwarnings("ignore", message="TF32 acceleration on top of oneDNN")
            with torch.backends.mkldnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH):
                yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
