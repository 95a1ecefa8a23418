"""The network: encoder -> core -> decoder. Only the core differs between models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rnnbench.contract.core import last_valid, output_size
from rnnbench.contract.task import Space, Steps, Task, Tokens
from rnnbench.training.randomness import seed_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from rnnbench.contract.entries import RegisteredModel
    from rnnbench.records.spec import TrialSpec


class Network(nn.Module):
    """The trained whole.

    The encoder is an embedding for tokens and the identity for vectors (so that a core reads
    vectors as they are); the decoder is one linear layer.

    Args:
        core: ``(input_size) -> core``, called once the encoder's width is known.
        hidden_size: output width of a core that declares none.
        inputs: what is read. outputs: what is predicted.
        steps: whether a prediction is made at the ``"last"`` valid step or at ``"every"`` step.
        causal: whether the core looks at the past only; a non-causal core is handed ``lengths``.
        embedding_size: width of the token embedding; ``min(vocab, hidden_size)`` when ``None``.
    """

    def __init__(
        self,
        core: Callable[[int], nn.Module],
        *,
        hidden_size: int,
        inputs: Space,
        outputs: Space,
        steps: Steps,
        causal: bool = True,
        embedding_size: int | None = None,
    ) -> None:
        super().__init__()
        self.steps = steps
        self.causal = causal
        self.inputs = inputs
        self.outputs = outputs
        if isinstance(inputs, Tokens):
            self.input_size = embedding_size or min(inputs.vocab, hidden_size)
            self.encoder: nn.Module = nn.Embedding(inputs.vocab, self.input_size)
        else:
            self.input_size = inputs.dim
            self.encoder = nn.Identity()
        self.core = core(self.input_size)
        self.output_size = output_size(self.core, hidden_size)
        self.decoder = nn.Linear(
            self.output_size, outputs.vocab if isinstance(outputs, Tokens) else outputs.dim
        )

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map inputs (B, T) or (B, T, D) to predictions (B, V|dim) for steps "last", (B, T, V|dim)
        for "every".
        """
        encoded: Tensor = self.encoder(inputs)
        features = self.features(encoded, lengths)
        predictions: Tensor = self.decoder(features)
        return predictions

    def carry(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Predict at every step of inputs (B, T[, D]) from ``state`` on: predictions (B, T, V|dim)
        and the new state.
        """
        outputs, state = self.unroll(self.encoder(inputs), state)
        return self.decoder(outputs), state

    def features(self, encoded: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Run the core on encoded inputs (B, T, D) and return what the decoder reads: (B, O) or (B,
        T, O).
        """
        if self.steps == "last" and hasattr(self.core, "forward_last"):
            last: Tensor = self.core.forward_last(encoded, lengths)  # type: ignore[operator]
            return last
        outputs, _ = self.unroll(encoded, None, lengths)
        return last_valid(outputs, lengths) if self.steps == "last" else outputs

    def unroll(
        self, encoded: Tensor, state: Any = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        """Run the core over encoded inputs (B, T, D) from ``state``; returns outputs (B, T, O) and
        the new state.
        """
        if self.causal or lengths is None:
            outputs, state = self.core(encoded, state)
        else:
            outputs, state = self.core(encoded, state, lengths=lengths)
        return outputs, state


def build_network(spec: TrialSpec, model: RegisteredModel, task: Task) -> Network:
    """Build the untrained network of a trial; its initialisation depends on the seed alone."""
    torch.manual_seed(seed_for(spec.seed, "init"))
    return Network(
        lambda input_size: model.build(input_size, spec.model.hidden_size, spec.model.options),
        hidden_size=spec.model.hidden_size,
        inputs=task.inputs,
        outputs=task.outputs,
        steps=task.steps,
        causal=model.causal,
        embedding_size=spec.settings.embedding_size,
    )
