"""Hardware and software of an attempt."""

from __future__ import annotations

from rnnbench.records.base import Data


class Environment(Data):
    """Hardware and software of an attempt; decides which speeds are comparable, not identity."""

    device: str
    """``"cpu"`` or the GPU's name."""
    processor: str
    """Name of the processor, which virtual machines may cut short, e.g. ``"AMD EPYC"``."""
    processor_model: str
    """Maker, family, model and stepping, which identify it; empty where they are not known."""
    instruction_set: str
    """Vector instructions that torch uses on it, e.g. ``"AVX2"``."""
    cores: int
    threads: int
    memory_bytes: int
    platform: str
    python_version: str
    torch_version: str
    lightning_version: str
    rnnbench_version: str
    deterministic: bool = True

    @property
    def trained_on(self) -> str:
        """The device whose arithmetic decides the last bits of a score: a GPU or a processor."""
        if self.device != "cpu":
            return self.device
        return ", ".join(
            part for part in (self.processor, self.processor_model, self.instruction_set) if part
        )
