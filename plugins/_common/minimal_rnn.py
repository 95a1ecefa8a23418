"""What the two minimal recurrent units share: their source and their positive candidate."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnbench import Citation

CITATIONS = (
    Citation(
        "Feng et al. 2024",
        "Were RNNs all we needed?",
        "arXiv:2410.01201",
        "https://arxiv.org/abs/2410.01201",
    ),
)


def positive(u: Tensor) -> Tensor:
    """Return u + 1/2 where u >= 0 and sigmoid(u) elsewhere (Feng et al. 2024).

    Continuous and positive, with slope 1 above 0 and at most 1/4 below.
    """
    return torch.where(u >= 0, u + 0.5, torch.sigmoid(u))
