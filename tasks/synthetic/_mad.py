"""What the tasks of mechanistic architecture design share (Poli et al. 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rnnbench import Citation, Metric, Preset
from rnnbench.metrics import correct

POLI = Citation(
    "Poli et al. 2024",
    "Mechanistic Design and Scaling of Hybrid Architectures",
    "ICML",
    "https://arxiv.org/abs/2403.17844",
)
RECALL_ACCURACY = Metric("recall accuracy", "higher", correct)


def mad_presets(
    quick: Mapping[str, Any], quick_settings: Mapping[str, Any], paper: Mapping[str, Any]
) -> Mapping[str, Preset]:
    """Return the presets of a task; ``standard`` has the data of ``paper``."""
    standard = {
        "steps": 20_000,
        "batch_size": 64,
        "learning_rate": 1e-3,
        "hidden_size": 128,
    }
    # The public code of Poli et al. 2024 (athms/mad-lab: mad/configs.py, configs/tasks/): 200
    # epochs of 12,800 sequences in batches of 128, AdamW, half a cosine of the learning rate to
    # 1e-6 (here to 0), width 128, 1,280 test sequences. The score is the best of the learning
    # rates 1e-4, 5e-4 and 1e-3 and of the weight decays 0 and 0.1; the preset has one of each. A
    # preset cannot express a fixed training set, four layers, and a loss on every symbol.
    published = {
        "steps": 20_000,
        "batch_size": 128,
        "learning_rate": 5e-4,
        "optimizer": "adamw",
        "schedule": "cosine",
        "weight_decay": 0.0,
        "hidden_size": 128,
        "test_size": 1280,
    }
    return {
        "quick": Preset(quick, quick_settings),
        "standard": Preset(paper, standard),
        "paper": Preset(paper, published),
    }


def seen_before(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Return where each key occurred before.

    Args:
        keys: (B, P) int64; negative ones are no keys.

    Returns:
        Whether the key of each place occurred earlier (B, P) bool, and the earlier place at which
        it did so last (B, P) int64, 0 where it did not.
    """
    places = torch.arange(keys.shape[1], device=keys.device)
    same = (keys[:, :, None] == keys[:, None, :]) & (places[:, None] < places)
    same &= (keys >= 0)[:, :, None]  # (B, earlier place, place)
    last = torch.where(same, places[:, None], -1).amax(1)
    return last >= 0, last.clamp_min(0)
