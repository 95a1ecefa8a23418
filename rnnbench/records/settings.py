"""The settings of a training: its budget, its recipe, and the network around the core."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveInt, model_validator

from rnnbench.records.base import Data
from rnnbench.records.recipe import (
    OPTIMIZERS,
    SCHEDULES,
    BlockText,
    DecoderInitText,
    EmbeddingInitText,
    OptimizerText,
    ScheduleText,
    Share,
    schedule_of,
)

NETWORK_SETTINGS = (
    "block",
    "word_dropout",
    "embedding_dropout",
    "decoder_dropout",
    "tied_embedding",
    "embedding_init",
    "decoder_init",
)
"""Settings of the network, as opposed to those of its training."""

_ADDED: dict[str, Any] = {
    "schedule": "constant",
    "weight_decay_on": "all",
    "clip_value": None,
    "word_dropout": 0.0,
    "embedding_dropout": 0.0,
    "decoder_dropout": 0.0,
    "tied_embedding": False,
    "embedding_init": "torch",
    "decoder_init": "torch",
    "block": "plain",
    "patience": None,
    "track_gradients": False,
}
"""Settings of record schema 3, with the values that schema 2 had without naming them.

An identity leaves them out at these values, so that the trials of earlier stores keep theirs. A
setting that is added later belongs here too, with the value that it had before it was one.
"""


class Settings(Data):
    """The budget and the training settings, which a comparison holds equal."""

    steps: PositiveInt = Field(default=1000, description="optimizer steps")
    batch_size: PositiveInt = Field(default=64, description="sequences per step")
    learning_rate: float = Field(
        default=1e-3, gt=0, allow_inf_nan=False, description="learning rate"
    )
    optimizer: OptimizerText = Field(
        default="adam",
        description=f"optimizer: {', '.join(OPTIMIZERS)}; "
        "options in brackets: 'sgd[momentum=0.5,nesterov=true]'",
    )
    schedule: ScheduleText = Field(
        default="constant",
        description=f"schedule of the learning rate: {', '.join(SCHEDULES)}; "
        "options in brackets: 'cosine[warmup=200,final=0.1]'",
    )
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="weight decay")
    weight_decay_on: Literal["weights", "all"] = Field(
        default="weights",
        description="parameters that decay: all, or weights (no biases, no norms, none that a "
        "model exempts)",
    )
    clip_norm: float | None = Field(
        default=1.0,
        gt=0,
        allow_inf_nan=False,
        description="norm that the whole gradient is clipped to",
    )
    clip_value: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="magnitude that each value of the gradient is clipped to, in place of the norm",
    )
    word_dropout: Share = Field(
        default=0.0, description="dropout of whole words of the embedding, per sequence"
    )
    embedding_dropout: Share = Field(default=0.0, description="dropout of embedding elements")
    decoder_dropout: Share = Field(default=0.0, description="dropout before the decoder")
    tied_embedding: bool = Field(
        default=False, description="one matrix for embedding and decoder, whose widths must agree"
    )
    embedding_size: PositiveInt | None = Field(
        default=None,
        description="embedding width; min(vocab, hidden_size) if unset, or hidden_size if tied",
    )
    embedding_init: EmbeddingInitText = Field(
        default="torch",
        description="initial weights of the embedding: torch, normal, uniform, xavier, orthogonal; "
        "options in brackets: 'normal[std=0.02]'",
    )
    decoder_init: DecoderInitText = Field(
        default="torch",
        description="initial weights of the decoder: torch, normal, uniform, xavier, orthogonal, "
        "zeros; options in brackets: 'uniform[bound=0.1]'",
    )
    block: BlockText = Field(
        default="plain",
        description="parts around every core: plain, or residual with depth, mlp, norm (rms, "
        "layer, none), dropout: 'residual[depth=4,mlp=2]'",
    )
    validate_every: PositiveInt | None = Field(
        default=None, description="steps between validations; steps/20 if unset"
    )
    patience: PositiveInt | None = Field(
        default=None,
        description="stop after this many validations in a row without a better score",
    )
    validation_size: PositiveInt = Field(default=500, description="generated validation sequences")
    test_size: PositiveInt = Field(default=2000, description="generated test sequences")
    precision: Literal["32", "64", "bf16-mixed"] = Field(
        default="32", description="Lightning's precision"
    )
    track_gradients: bool = Field(
        default=False,
        description="record gradient norms before clipping, and G(k) at a few lags, in training",
    )

    @model_validator(mode="after")
    def _one_clipping(self) -> Settings:
        if self.clip_norm is not None and self.clip_value is not None:
            raise ValueError("clip_norm and clip_value exclude each other; give one of them")
        return self

    @model_validator(mode="after")
    def _warmup_within_steps(self) -> Settings:
        if self.schedule == "constant":
            return self
        warmup = getattr(schedule_of(self.schedule), "warmup", 0)
        if warmup >= self.steps:
            raise ValueError(
                f"the warm-up of schedule {self.schedule!r} takes {warmup} of {self.steps} steps; "
                f"give a warmup of at most {self.steps - 1}, or more steps"
            )
        return self

    @property
    def validation_interval(self) -> int:
        """Steps between two validations."""
        return self.validate_every or max(1, self.steps // 20)

    def identity(self) -> dict[str, Any]:
        """Return what defines a trial; see :data:`_ADDED`."""
        return self._without_added(self.model_dump())

    def network_identity(self) -> dict[str, Any]:
        """Return the settings of the network that change its speed."""
        return self._without_added({name: getattr(self, name) for name in NETWORK_SETTINGS})

    def _without_added(self, values: dict[str, Any]) -> dict[str, Any]:
        kept = {name: v for name, v in values.items() if name not in _ADDED or v != _ADDED[name]}
        if not self.weight_decay:
            kept.pop("weight_decay_on", None)
        return kept
