"""A Lightning callback that comes with a distribution of its own and says what it sees."""

from __future__ import annotations

import pytorch_lightning as pl


class Watcher(pl.Callback):
    """Says the step and the names of what was logged after each validation."""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say it."""
        del pl_module
        seen = {name: float(value) for name, value in trainer.callback_metrics.items()}
        print("watched", int(seen["step"]), sorted(set(seen) - {"step"}))


def callbacks() -> list[pl.Callback]:
    """Give Lightning what it asks for."""
    return [Watcher()]
