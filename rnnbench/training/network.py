"""The network: encoder, core and decoder. Only the core differs between models."""

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
    """Encoder, core and decoder as one trainable module.

    The encoder is an embedding for tokens and the identity for vectors. The decoder is one linear
    layer.

    Args:
        core: ``(input_size) -> core``, called with the encoder's output width.
        hidden_size: output width O of a core that declares no ``output_size``.
        inputs: input space.
        outputs: output space.
        steps: predict at the ``"last"`` valid step or at ``"every"`` step.
        causal: whether outputs depend on past inputs only. A non-causal core gets ``lengths``.
        embedding_size: width of the token embedding; ``None`` is ``min(vocab, hidden_size)``.
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
        """Return predictions for inputs (B, T) or (B, T, D), from a fresh state.

        Args:
            inputs: (B, T) int64 for tokens, (B, T, D) float for vectors.
            lengths: (B,) valid steps; ``None`` when all are T.

        Returns:
            (B, V|dim) for steps ``"last"``, (B, T, V|dim) for ``"every"``.
        """
        encoded: Tensor = self.encoder(inputs)
        features = self.features(encoded, lengths)
        predictions: Tensor = self.decoder(features)
        return predictions

    def forward_stateful(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Return predictions at every step, started from ``state``, and the final state.

        Args:
            inputs: (B, T) or (B, T, D).
            state: the final state of the preceding inputs; ``None`` is a fresh state.

        Returns:
            Predictions (B, T, V|dim) and the final state.
        """
        outputs, state = self.unroll(self.encoder(inputs), state)
        return self.decoder(outputs), state

    def features(self, encoded: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the decoder's input, (B, O) or (B, T, O), for encoded inputs (B, T, D)."""
        if self.steps == "last" and hasattr(self.core, "forward_last"):
            last: Tensor = self.core.forward_last(encoded, lengths)  # type: ignore[operator]
            return last
        outputs, _ = self.unroll(encoded, None, lengths)
        return last_valid(outputs, lengths) if self.steps == "last" else outputs

    def unroll(
        self, encoded: Tensor, state: Any = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        """Run the core over encoded inputs (B, T, D), started from ``state``.

        Returns:
            Outputs (B, T, O) and the final state.
        """
        if self.causal or lengths is None:
            outputs, state = self.core(encoded, state)
        else:
            outputs, state = self.core(encoded, state, lengths=lengths)
        return outputs, state


def build_network(spec: TrialSpec, model: RegisteredModel, task: Task) -> Network:
    """Build the untrained network of a trial. Its weights depend on one seed of the trial alone."""
    torch.manual_seed(seed_for(spec.seed_of("init"), "init"))
    return Network(
        lambda input_size: model.build(input_size, spec.model.hidden_size, spec.model.options),
        hidden_size=spec.model.hidden_size,
        inputs=task.inputs,
        outputs=task.outputs,
        steps=task.steps,
        causal=model.causal,
        embedding_size=spec.settings.embedding_size,
    )
