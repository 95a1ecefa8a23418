"""Initial weights of embedding and decoder, by the parts of a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rnnbench.records.recipe import (
    DECODER_INITS,
    EMBEDDING_INITS,
    NormalInit,
    OrthogonalInit,
    TorchInit,
    UniformInit,
    XavierInit,
    parse_part,
)
from rnnbench.training.randomness import generator_for

if TYPE_CHECKING:
    from rnnbench.records.recipe import Part
    from rnnbench.records.settings import Settings
    from rnnbench.training.network import Network


def draw_initial_weights(network: Network, settings: Settings, seed: int) -> None:
    """Draw the weights of embedding and decoder anew where the settings ask for it.

    Each has a random stream of its own, keyed by the seed. The core's weights therefore do not
    depend on these settings, and models with equal widths start from equal embeddings. The
    decoder's bias becomes 0, unless the part is ``torch``.

    Args:
        network: as torch initialises it; changed in place.
        settings: give both parts.
        seed: of the initial weights.
    """
    of_embedding = parse_part(settings.embedding_init, EMBEDDING_INITS)
    of_decoder = parse_part(settings.decoder_init, DECODER_INITS)
    if not isinstance(of_embedding, TorchInit):
        assert isinstance(network.encoder, nn.Embedding)
        draw(network.encoder.weight, of_embedding, generator_for(seed, "init", "embedding"))
    if not isinstance(of_decoder, TorchInit):
        draw(network.decoder.weight, of_decoder, generator_for(seed, "init", "decoder"))
        nn.init.zeros_(network.decoder.bias)


@torch.no_grad()
def draw(weight: Tensor, part: Part, generator: torch.Generator) -> None:
    """Fill a matrix (O, I) in place; does nothing on the meta device, which holds no values."""
    if weight.is_meta:
        return
    match part:
        case NormalInit():
            weight.normal_(0, part.std, generator=generator)
        case UniformInit():
            weight.uniform_(-part.bound, part.bound, generator=generator)
        case XavierInit():
            nn.init.xavier_uniform_(weight, part.gain, generator)
        case OrthogonalInit():
            nn.init.orthogonal_(weight, part.gain, generator)
        case _:
            weight.zero_()
