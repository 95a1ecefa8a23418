"""Size of a network: parameters by part, state size, operations per time step."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from rnnbench.contract.core import copied, floating_dtype, state_size
from rnnbench.records.result import Size

if TYPE_CHECKING:
    from torch import nn

    from rnnbench.records.spec import Quantity
    from rnnbench.training.network import Network

_SOFTMAX = (torch.ops.aten._softmax.default, torch.ops.aten._log_softmax.default)


def measure_size(network: Network, length: int) -> Size:
    """Measure the size of a network for sequences of ``length`` steps.

    Floating-point operations in matrix products and convolutions are counted by torch's counter,
    with a multiply-add as two. For torch's own layers they are ``2c(HD + H^2)`` per layer and
    direction, c = 1, 3, 4 for RNN, GRU, LSTM. Elementwise operations are counted apart: each value
    that one of them, a softmax or a layer norm computes counts as one. For torch's own layers they
    are 2H, 10H, 13H. Both counts cover the core with its block, from the encoded sequence to the
    decoder's input, for one sequence, divided by ``length``.

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
    with torch.no_grad(), _visible_operations(), _ElementwiseCounter() as elementwise:
        measured.features(encoded)
    return Size(
        params_encoder=count_parameters(network.encoder),
        params_core=count_parameters(network.core),
        params_decoder=count_parameters(network.decoder),
        state_size=_state_size(measured, encoded),
        matmul_flops_per_step=_matmul_flops(measured, encoded) / length,
        elementwise_per_step=elementwise.values / length,
    )


def measure_quantity(network: Network, quantity: Quantity, length: int) -> float:
    """Return one figure of :func:`measure_size`, for which the rest need not be measured.

    Args:
        network: put into evaluation mode. It may be on the meta device, where no memory is taken
            and nothing is computed.
        quantity: any but ``"time"``.
        length: number of time steps T, at least 1.
    """
    if quantity == "params":
        return count_parameters(network)
    if quantity == "core-params":
        return count_parameters(network.core)
    network.eval()
    device = next((each.device for each in network.parameters()), torch.device("cpu"))
    encoded = torch.zeros(
        1, length, network.input_size, device=device, dtype=floating_dtype(network)
    )
    if quantity == "state":
        return _state_size(network, encoded)
    if quantity == "flops":
        return _matmul_flops(network, encoded) / length
    raise ValueError(f"{quantity} is not part of the size")


def _state_size(network: Network, encoded: Tensor) -> int:
    with torch.no_grad():
        _, state = network.unroll(encoded)
    return state_size(state, 1)


def _matmul_flops(network: Network, encoded: Tensor) -> int:
    with torch.no_grad(), _visible_operations(), FlopCounterMode(display=False) as products:
        network.features(encoded)
    return int(products.get_total_flops())


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


class _ElementwiseCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the values that elementwise operations, softmax and layer norm compute."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.values = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        del types
        result = func(*args, **(kwargs or {}))
        if func is torch.ops.aten.native_layer_norm.default:
            self.values += result[0].numel()
        elif isinstance(result, Tensor) and (torch.Tag.pointwise in func.tags or func in _SOFTMAX):
            self.values += result.numel()
        return result


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
