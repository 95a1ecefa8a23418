"""Parts of models with several heads."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def check_heads(width: int, heads: int, what: str) -> int:
    """Return the width of one head.

    Raises:
        ValueError: ``width`` is not a multiple of ``heads``.
    """
    if width % heads:
        fewer = next(each for each in range(min(heads, width), 0, -1) if width % each == 0)
        raise ValueError(
            f"num_heads={heads} does not divide {what} {width}; set num_heads={fewer} or "
            "another hidden_size."
        )
    return width // heads


class HeadNorm(nn.Module):
    """Normalise each head by itself: (..., heads, width) -> (..., heads * width).

    Args:
        heads: number of heads.
        width: numbers in a head.
        centred: subtract the mean (layer norm); otherwise divide by the root mean square only.

    Its weights, one for each output, are 1 at the start.

    Raises:
        ValueError: heads of one number, which minus its mean is 0.
    """

    eps = 1e-5

    def __init__(self, heads: int, width: int, *, centred: bool) -> None:
        super().__init__()
        if centred and width == 1:
            raise ValueError(
                f"num_heads={heads} makes heads of one number, whose layer norm is always 0; set a "
                f"larger hidden_size{' or fewer heads' if heads > 1 else ''}."
            )
        self.width = width
        self.centred = centred
        self.weight = nn.Parameter(torch.ones(heads * width))

    def forward(self, x: Tensor) -> Tensor:
        """Map x (..., heads, width) to (..., heads * width)."""
        normalise = F.layer_norm if self.centred else F.rms_norm
        return normalise(x, (self.width,), eps=self.eps).flatten(-2) * self.weight
