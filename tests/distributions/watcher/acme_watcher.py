"""A Lightning callback that is installed by a distribution and prints the logged names."""

from __future__ import annotations

import pytorch_lightning as pl


class Watcher(pl.Callback):
    """Prints the step and the names of logged values after each validation."""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print step and names."""
        del pl_module
        seen = {name: float(value) for name, value in trainer.callback_metrics.items()}
        print("watched", int(seen["step"]), sorted(set(seen) - {"step"}))


def callbacks() -> list[pl.Callback]:
    """Return the callbacks that Lightning adds."""
    return [Watcher()]
