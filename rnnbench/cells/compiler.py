"""Compilation of a graph with fixed shapes: everything private of torch that the kit uses.

``torch._inductor.standalone_compile`` does the same in public, but its artifact is called through
AOTAutograd's wrapper. Measured for an LSTM with H=32, T=100 and B=50 in processor time: a forward
and backward pass takes 6.8 ms by the artifacts and 5.2 ms by the inner callables, and loading saved
artifacts takes 1.0 s, as does the cache of compiled graphs on disk.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any, TypeAlias

import torch
from torch import Tensor, fx

Compiled: TypeAlias = Callable[[list[Tensor]], Sequence[Tensor]]
"""Takes the inputs as a list, which it empties, and returns the outputs."""


class NoCompilerError(Exception):
    """Nothing can be compiled on this machine; the message is a clause that says why."""


def require_compiler(device: torch.device) -> None:
    """Raise an error where the machine has no compiler for the device.

    Raises:
        NoCompilerError: it has none.
    """
    if device.type == "cpu":
        named = os.environ.get("CXX")
        if not (shutil.which(named) if named else any(map(shutil.which, ("g++", "clang++")))):
            raise NoCompilerError("no C++ compiler on this machine")
    elif device.type == "cuda":
        if find_spec("triton") is None:
            raise NoCompilerError("triton is not installed")
    else:
        raise NoCompilerError(f"no compiler for the device {device.type}")


def decompositions() -> dict[Any, Callable[..., Any]]:
    """Return the decompositions that a graph for :func:`compile_graph` is traced with."""
    with quietly():
        from torch._inductor.decomposition import select_decomp_table

        return dict(select_decomp_table())


@contextmanager
def quietly() -> Iterator[None]:
    """Withhold the warnings of torch's own compiler about other parts of torch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


_compiled: dict[tuple[Any, ...], Compiled] = {}
"""What this process has compiled; layers of equal sizes have equal graphs."""


def compile_graph(module: fx.GraphModule, examples: Sequence[Tensor]) -> Compiled:
    """Compile a graph of torch's operations for inputs of the examples' shapes and strides.

    Inputs may be changed by ``aten.copy_``. Code that was compiled before, by any process, is
    loaded from inductor's cache (``TORCHINDUCTOR_CACHE_DIR``).

    Raises:
        NoCompilerError: the compiler failed.
    """
    key = (
        module.code,
        tuple((each.shape, each.stride(), each.dtype, each.device) for each in examples),
        torch.get_num_threads(),
    )
    if key not in _compiled:
        with quietly():
            _compiled[key] = _compile(module, examples)
    return _compiled[key]


def _compile(module: fx.GraphModule, examples: Sequence[Tensor]) -> Compiled:
    from torch._guards import TracingContext, tracing
    from torch._inductor import config
    from torch._inductor.compile_fx import compile_fx_inner
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv
    from torch.fx.passes.fake_tensor_prop import FakeTensorProp

    # without an environment of shapes the cache on disk is not used
    mode = FakeTensorMode(shape_env=ShapeEnv())
    fakes = [mode.from_tensor(each, static_shapes=True) for each in examples]
    FakeTensorProp(module, mode).propagate_dont_convert_inputs(*fakes)
    settings = {
        "size_asserts": False,
        "alignment_asserts": False,
        "nan_asserts": False,
        "fx_graph_cache": True,
        # a pool of compiling processes would outlive the trial
        "compile_threads": 1,
        # a part of the key of the cache: the code holds the number of threads
        "cpp.threads": torch.get_num_threads(),
        "triton.cudagraphs": False,
        "emulate_precision_casts": True,
        # 2 / (1 + exp(-2 x)) - 1, which errs by a rounding of 1; torch's own tanh takes longer than
        # the rest of a small cell
        "cpp.use_decompose_tanh": all(each.dtype != torch.float64 for each in examples),
    }
    try:
        with ExitStack() as stack:
            stack.enter_context(tracing(TracingContext(mode)))
            stack.enter_context(config.patch(settings))
            stack.enter_context(torch.autocast("cpu", enabled=False))
            stack.enter_context(torch.no_grad())
            compiled = compile_fx_inner(module, fakes)
    # inductor raises whatever its passes, its code generators and the C++ compiler raise
    except Exception as error:
        first = str(error).strip().splitlines()
        reason = first[0] if first else type(error).__name__
        raise NoCompilerError(f"the compiler failed: {reason}") from error
    inner: Compiled | None = getattr(compiled, "current_callable", None)
    return compiled if inner is None else inner


def storage_uses(tensor: Tensor) -> int:
    """Return how many tensors share the memory of a tensor, plus a constant."""
    return int(torch._C._storage_Use_Count(tensor.untyped_storage()._cdata))
