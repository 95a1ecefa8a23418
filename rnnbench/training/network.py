"""The network: encoder, core and decoder. Only the core differs between models."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rnnbench.contract.core import last_valid, output_size
from rnnbench.contract.task import Space, Steps, Task, Tokens, width_of
from rnnbench.errors import UsageError
from rnnbench.records.recipe import Residual, block_of
from rnnbench.training.block import ResidualStack
from rnnbench.training.embedding import DroppedEmbedding, TiedDecoder
from rnnbench.training.initial_weights import draw_initial_weights
from rnnbench.training.randomness import seed_for
from rnnbench.training.usable import refuse_unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rnnbench.contract.entries import RegisteredModel
    from rnnbench.records.spec import TrialSpec


class Network(nn.Module):
    """Encoder, core and decoder as one trainable module.

    The encoder is an embedding for tokens and the identity for vectors and bits. The decoder is one
    linear layer.

    Args:
        core: ``(input_size) -> core``, called with the encoder's output width.
        hidden_size: output width O of a core that declares no ``output_size``.
        inputs: input space.
        outputs: output space.
        steps: predict at the ``"last"`` valid step or at ``"every"`` step.
        causal: whether outputs depend on past inputs only. A non-causal core gets ``lengths``.
        embedding_size: width of the token embedding; ``None`` is ``min(vocab, hidden_size)``, or
            ``hidden_size`` for a tied embedding.
        word_dropout: probability with which a word is dropped from a sequence.
        embedding_dropout: probability with which an element of the embedded sequence is dropped.
        decoder_dropout: probability with which an element of the decoder's input is dropped.
        tied: whether the decoder's weights are those of the embedding.

    Raises:
        UsageError: tied weights, and the core's output width is not that of the embedding.
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
        word_dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        decoder_dropout: float = 0.0,
        tied: bool = False,
    ) -> None:
        super().__init__()
        self.steps = steps
        self.causal = causal
        self.inputs = inputs
        self.outputs = outputs
        if isinstance(inputs, Tokens):
            usual = hidden_size if tied else min(inputs.vocab, hidden_size)
            self.input_size = embedding_size or usual
            self.encoder: nn.Module = _embedding(
                inputs.vocab, self.input_size, word_dropout, embedding_dropout
            )
        else:
            self.input_size = inputs.dim
            self.encoder = nn.Identity()
        self.core = core(self.input_size)
        self.output_size = output_size(self.core, hidden_size)
        self.decoder: nn.Linear | TiedDecoder = nn.Linear(self.output_size, width_of(outputs))
        if tied:
            self.decoder = self._tied(self.decoder)
        # None, since a dropout of 0 would draw random numbers
        self.decoder_dropout = nn.Dropout(decoder_dropout) if decoder_dropout else None

    def _tied(self, decoder: nn.Linear) -> TiedDecoder:
        assert isinstance(self.encoder, nn.Embedding)
        if decoder.weight.shape != self.encoder.weight.shape:
            raise UsageError(
                f"one matrix cannot be embedding and decoder: the embedding is {self.input_size} "
                f"wide and the core's output {self.output_size}; "
                f"type --embedding-size {self.output_size}, or leave out --tied-embedding."
            )
        return TiedDecoder(self.encoder, decoder.bias)

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return predictions for inputs (B, T) or (B, T, D), from a fresh state.

        Args:
            inputs: (B, T) int64 for tokens, (B, T, D) float for vectors and bits.
            lengths: (B,) valid steps; ``None`` when all are T.

        Returns:
            (B, V|dim) for steps ``"last"``, (B, T, V|dim) for ``"every"``.
        """
        encoded: Tensor = self.encoder(inputs)
        return self._decoded(self.features(encoded, lengths))

    def forward_stateful(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Return predictions at every step, started from ``state``, and the final state.

        Args:
            inputs: (B, T) or (B, T, D).
            state: the final state of the preceding inputs; ``None`` is a fresh state.

        Returns:
            Predictions (B, T, V|dim) and the final state.
        """
        outputs, state = self.unroll(self.encoder(inputs), state)
        return self._decoded(outputs), state

    def _decoded(self, features: Tensor) -> Tensor:
        if self.decoder_dropout is not None:
            features = self.decoder_dropout(features)
        predictions: Tensor = self.decoder(features)
        return predictions

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
    """Build the untrained network of a trial. Its weights depend on one seed of the trial alone.

    Raises:
        UsageError: a setting of the network cannot act on the task, or tied widths differ.
    """
    settings, seed = spec.settings, spec.seed_of("init")
    refuse_unusable(settings, task, spec.task.name)
    torch.manual_seed(seed_for(seed, "init"))
    try:
        network = Network(
            _core_of(spec, model),
            hidden_size=spec.model.hidden_size,
            inputs=task.inputs,
            outputs=task.outputs,
            steps=task.steps,
            causal=model.causal,
            embedding_size=settings.embedding_size,
            word_dropout=settings.word_dropout,
            embedding_dropout=settings.embedding_dropout,
            decoder_dropout=settings.decoder_dropout,
            tied=settings.tied_embedding,
        )
    except UsageError as error:
        raise UsageError(f"{spec.model.label}: {error}") from None
    draw_initial_weights(network, settings, seed)
    return network


def _core_of(spec: TrialSpec, model: RegisteredModel) -> Callable[[int], nn.Module]:
    """Return ``input_size -> core``, where the core may be a block of the model's cores."""
    width, options = spec.model.hidden_size, spec.model.options
    block = block_of(spec.settings.block)
    if not isinstance(block, Residual):
        return lambda input_size: model.build(input_size, width, options)
    return partial(in_block, model, options=options, width=width, block=block)


def in_block(
    model: RegisteredModel,
    input_size: int,
    *,
    options: Mapping[str, Any],
    width: int,
    block: Residual,
) -> ResidualStack:
    """Build a model's cores in a residual block of width W."""
    return ResidualStack(
        lambda layer: model.build(width, width, dict(options), depth=block.depth, layer=layer),
        input_size=input_size,
        width=width,
        block=block,
        causal=model.causal,
    )


def _embedding(vocab: int, width: int, words: float, elements: float) -> nn.Embedding:
    if words or elements:
        return DroppedEmbedding(vocab, width, words=words, elements=elements)
    return nn.Embedding(vocab, width)
