"""The columns of the tables: name, type, where the value is in a record, and documentation."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rnnbench.errors import one_line
from rnnbench.records.result import Record
from rnnbench.records.speed import SpeedMode
from rnnbench.records.syntax import OptionValue, option_text

TEXT, WHOLE, REAL, FLAG = "string", "Int64", "Float64", "boolean"
"""pandas' nullable types: a column keeps its type when every value is missing."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        source: the attribute that holds the value, as a dotted path on which any part may be
            ``None``; or a function of the row's object.
    """

    name: str
    dtype: str
    source: str | Callable[[Any], object]
    text: str

    def value(self, row: object) -> object:
        """Return the value in a row; ``None`` where it is missing."""
        return _at(row, self.source) if isinstance(self.source, str) else self.source(row)


def json_safe(values: Mapping[Any, Any]) -> dict[str, Any]:
    """Return ``values`` with NaN and infinities as strings, which are no JSON numbers."""

    def safe(value: Any) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return value

    return {str(name): safe(value) for name, value in values.items()}


def options_text(options: Mapping[str, OptionValue]) -> str:
    """Return options as ``a=1,b=x``, sorted by name."""
    return ",".join(f"{name}={option_text(value)}" for name, value in sorted(options.items()))


def _at(row: object, path: str) -> object:
    for name in path.split("."):
        if row is None:
            return None
        row = getattr(row, name)
    return row


def _scores(name: str) -> Callable[[Record], str | None]:
    def of(record: Record) -> str | None:
        learning = record.result.learning
        scores = None if learning is None else getattr(learning, name)
        return json.dumps(json_safe(scores), sort_keys=True) if scores else None

    return of


def _checksums(record: Record) -> str | None:
    checksums = {**record.spec.task.checksums, **record.result.data_checksums}
    return json.dumps(checksums, sort_keys=True) if checksums else None


def _milliseconds(mode: SpeedMode) -> Callable[[Record], float | None]:
    def of(record: Record) -> float | None:
        point = None if record.speed is None else record.speed.at_own_length(mode)
        return None if point is None else point.seconds.median * 1e3

    return of


def _train(path: str) -> Callable[[Record], object]:
    def of(record: Record) -> object:
        return None if record.speed is None else _at(record.speed.at_own_length("train"), path)

    return of


def _plain(path: str) -> Callable[[Record], object]:
    def of(record: Record) -> object:
        return None if record.speed is None else _at(record.speed.plain_loop("train"), path)

    return of


def _kernel(name: str) -> Callable[[Record], str | None]:
    def of(record: Record) -> str | None:
        kernel = None if record.speed is None else getattr(record.speed, name).get("train")
        return None if kernel is None else kernel.label

    return of


def _fit(of: str, when: str, name: str) -> Callable[[Record], object]:
    def value(record: Record) -> object:
        gradient = record.result.gradient
        return None if gradient is None else _at(gradient.find(of, when), name)

    return value


def _influence(name: str) -> Callable[[Record], object]:
    def value(record: Record) -> object:
        gradient = record.result.gradient
        return None if gradient is None else _at(gradient.influence_towards(), name)

    return value


def _notes(record: Record) -> str | None:
    gradient = record.result.gradient
    return None if gradient is None or not gradient.notes else "; ".join(gradient.notes)


def _lyapunov(when: str) -> Callable[[Record], float | None]:
    def of(record: Record) -> float | None:
        gradient = record.result.gradient
        exponents = () if gradient is None else getattr(gradient, f"lyapunov_{when}")
        return exponents[0] if exponents else None

    return of


# One or two lines for each column:
# fmt: off
TRIAL: tuple[Column, ...] = (
    Column("trial_id", TEXT, "trial_id",
           "identity of the trial: a hash of everything that defines it"),
    Column("status", TEXT, "result.status.value",
           "how the last attempt ended; only `done` counts as done"),
    Column("task", TEXT, "spec.task.name", "name of the task"),
    Column("model", TEXT, "spec.model.name", "name of the model"),
    Column("model_options", TEXT, lambda r: options_text(r.spec.model.shown),
           "the model's options that differ from their defaults, as `a=1,b=x`, "
           "without hidden_size"),
    Column("plugin", TEXT, "spec.model.provider.distribution",
           "distribution that the model came from"),
    Column("plugin_version", TEXT, "spec.model.provider.version", "version of that distribution"),
    Column("seed", WHOLE, "spec.seed", "seed of the trial"),
    Column("hidden_size", WHOLE, "spec.model.hidden_size", "units H of the core"),
    Column("steps", WHOLE, "spec.settings.steps", "optimizer steps of the budget"),
    Column("score_name", TEXT, "result.learning.score_name", "name of the score"),
    Column("score", REAL, "result.learning.score",
           "test score of the checkpoint with the best validation score"),
    Column("skill", REAL, "result.learning.skill",
           "(score - baseline) / (perfect - baseline): 0 is the baseline, 1 is perfect"),
    Column("solved", FLAG, "result.learning.solved",
           "whether the test score reached the task's threshold"),
    Column("steps_to_solve", WHOLE, "result.learning.steps_to_solve",
           "first validated step with a validation score at the threshold; missing: never, or "
           "the test score did not reach it"),
    Column("params_total", WHOLE, "result.size.params_total",
           "trainable parameters of encoder, core and decoder"),
    Column("params_core", WHOLE, "result.size.params_core",
           "trainable parameters of the core, those of its block included"),
    Column("state_size", WHOLE, "result.size.state_size",
           "numbers carried from one step to the next, per sequence"),
    Column("matmul_flops_per_step", REAL, "result.size.matmul_flops_per_step",
           "floating-point operations in matrix products of the core per time step and sequence, "
           "forward; multiply-adds count 2"),
    Column("train_step_ms", REAL, _milliseconds("train"),
           "milliseconds per training step, median of the speed pass at the task's own length"),
    Column("infer_step_ms", REAL, _milliseconds("forward"),
           "milliseconds per forward pass of one batch, median of the speed pass at the "
           "task's own length"),
    Column("stream_step_ms", REAL, _milliseconds("stream"),
           "milliseconds per time step when streaming at batch 1, median of the speed pass"),
    Column("train_speed_ratio", REAL, _train("ratio.median"),
           "training step time over the comparator's, both as built, median over processes; "
           "above 1 is slower"),
    Column("grad_slope_init", REAL, _fit("input", "init", "slope"),
           "slope of ln G(k) per step at initialisation, gradient at the input, towards the past"),
    Column("grad_half_life_init", REAL, _fit("input", "init", "half_life"),
           "ln 2 / -slope in steps at initialisation; infinite when the gradient does not decay"),
    Column("device", TEXT, "result.environment.device",
           "`cpu`, or the GPU's name, that the trial was trained on"),
    Column("threads", WHOLE, "result.environment.threads", "threads that the trial was given"),
    Column("torch_version", TEXT, "result.environment.torch_version", "version of torch"),
    Column("error", TEXT, "result.error", "why the attempt did not end as done, in one line"),
    # Scripts rely on the columns above and their order; add new columns below.
    Column("task_options", TEXT, lambda r: options_text(r.spec.task.shown),
           "the task's options that differ from their defaults, as `a=1,b=x`"),
    Column("task_id", TEXT, "spec.task.task_id",
           "which scores may be compared: a hash of the task, its version, options and data"),
    Column("config_id", TEXT, "spec.config_id",
           "identity of the trial without its seed: rows that share it are replicates"),
    Column("task_version", WHOLE, "spec.task.version", "version of the task"),
    Column("task_plugin", TEXT, "spec.task.provider.distribution",
           "distribution that the task came from"),
    Column("task_plugin_version", TEXT, "spec.task.provider.version",
           "version of that distribution"),
    Column("causal", FLAG, "spec.model.causal", "false for a model that looks ahead"),
    Column("batch_size", WHOLE, "spec.settings.batch_size", "sequences per optimizer step"),
    Column("learning_rate", REAL, "spec.settings.learning_rate", "learning rate"),
    Column("optimizer", TEXT, "spec.settings.optimizer", "optimizer"),
    Column("weight_decay", REAL, "spec.settings.weight_decay", "weight decay"),
    Column("clip_norm", REAL, "spec.settings.clip_norm",
           "norm that the gradient was clipped to; missing: not clipped"),
    Column("score_direction", TEXT, "result.learning.direction",
           "whether a `higher` or a `lower` score is better"),
    Column("baseline", REAL, "result.learning.baseline",
           "score of the best predictor without the memory that the task is about"),
    Column("perfect", REAL, "result.learning.perfect", "best score possible in expectation"),
    Column("solved_threshold", REAL, "result.learning.solved_threshold",
           "score from which the task counts as solved"),
    Column("test_loss", REAL, "result.learning.test_loss", "test loss of the same checkpoint"),
    Column("best_step", WHOLE, "result.learning.best_step", "step of that checkpoint"),
    Column("train_seconds", REAL, "result.learning.train_seconds",
           "seconds in optimizer steps, without validation; other trials may have run at "
           "the same time"),
    Column("simple_scores", TEXT, _scores("simple_scores"),
           "scores of simple methods, as a JSON object"),
    Column("extra_scores", TEXT, _scores("extra_scores"),
           "further scores of the trial, as a JSON object"),
    Column("params_encoder", WHOLE, "result.size.params_encoder",
           "trainable parameters of the encoder"),
    Column("params_decoder", WHOLE, "result.size.params_decoder",
           "trainable parameters of the decoder; a tied matrix counts in the encoder alone"),
    Column("elementwise_per_step", REAL, "result.size.elementwise_per_step",
           "values that elementwise operations and softmax of the core compute per time step "
           "and sequence, forward"),
    Column("train_speed_ratio_low", REAL, _train("ratio.low"),
           "lower end of the interval of train_speed_ratio"),
    Column("train_speed_ratio_high", REAL, _train("ratio.high"),
           "upper end of the interval of train_speed_ratio"),
    Column("train_speed_ratio_level", REAL, _train("ratio.level"),
           "probability that this interval covers the median over processes"),
    Column("train_plain_ratio", REAL, _plain("ratio.median"),
           "like with like: training step time of the plain loop over that of the comparator's "
           "plain loop; missing: none was timed"),
    Column("train_plain_ratio_low", REAL, _plain("ratio.low"),
           "lower end of the interval of train_plain_ratio"),
    Column("train_plain_ratio_high", REAL, _plain("ratio.high"),
           "upper end of the interval of train_plain_ratio"),
    Column("train_plain_noisy", FLAG, _plain("noisy"),
           "true when the interval of train_plain_ratio is wider than a quarter of it"),
    Column("kernel", TEXT, _kernel("kernels"),
           "what ran the recurrence in training, by torch's profiler"),
    Column("comparator_kernel", TEXT, _kernel("comparator_kernels"),
           "the same for the comparator"),
    Column("comparator", TEXT, "speed.comparator",
           "the comparator: the model that the ratio refers to"),
    Column("speed_length", WHOLE, _train("length"),
           "sequence length in time steps at which train_step_ms was taken"),
    Column("speed_batch_size", WHOLE, _train("batch_size"),
           "batch size at which train_step_ms was taken"),
    Column("speed_noisy", FLAG, _train("noisy"),
           "true when the interval of train_speed_ratio is wider than a quarter of it"),
    Column("speed_device", TEXT, "speed.environment.device", "device of the speed pass"),
    Column("peak_memory_bytes", WHOLE, "speed.peak_memory_bytes", "peak memory in the speed pass"),
    Column("grad_reach_init", WHOLE, _fit("input", "init", "reach"),
           "largest lag with G(k) >= 1e-3 max G, at initialisation"),
    Column("grad_reach_trained", WHOLE, _fit("input", "trained", "reach"),
           "the same after training"),
    Column("grad_state_slope_init", REAL, _fit("state", "init", "slope"),
           "slope per step of the full-state profile at initialisation"),
    Column("grad_state_slope_trained", REAL, _fit("state", "trained", "slope"),
           "the same after training"),
    Column("grad_state_half_life_init", REAL, _fit("state", "init", "half_life"),
           "half-life in steps of the full-state profile at initialisation"),
    Column("grad_state_half_life_trained", REAL, _fit("state", "trained", "half_life"),
           "the same after training"),
    Column("lyapunov_init", REAL, _lyapunov("init"),
           "largest Lyapunov exponent per step at initialisation; lyapunov_method says which"),
    Column("lyapunov_trained", REAL, _lyapunov("trained"), "the same after training"),
    Column("attempts", WHOLE, "attempt", "attempt number"),
    Column("started_at", TEXT, "started_at", "when that attempt started, UTC"),
    Column("seconds", REAL, "seconds", "seconds of the whole attempt, process start included"),
    Column("command", TEXT, lambda r: one_line(r.command, 2000),
           "command line that started the trial"),
    Column("processor", TEXT, "result.environment.processor", "processor of the machine"),
    Column("platform", TEXT, "result.environment.platform", "operating system"),
    Column("python_version", TEXT, "result.environment.python_version", "version of Python"),
    Column("lightning_version", TEXT, "result.environment.lightning_version",
           "version of Lightning"),
    Column("rnnbench_version", TEXT, "result.environment.rnnbench_version", "version of rnnbench"),
    Column("train_sequences", WHOLE, "result.data_size.train",
           "sequences for training; missing: generated for every step"),
    Column("validation_sequences", WHOLE, "result.data_size.validation",
           "sequences for validation"),
    Column("test_sequences", WHOLE, "result.data_size.test", "sequences for the test"),
    Column("data_bytes", WHOLE, "result.data_size.bytes",
           "bytes of the inputs and targets of all these sequences"),
    Column("data_checksums", TEXT, _checksums,
           "SHA-256 of all data that were read, by file option or name, as a JSON object"),
    Column("last_score", REAL, "result.learning.last_score",
           "test score of the weights after the last step"),
    Column("still_improving", FLAG, "result.learning.still_improving",
           "whether the validation score still improved at the end of training; missing: fewer "
           "than 12 validations"),
    Column("clipped_share", REAL, "result.learning.clipped_share",
           "share of the optimizer steps whose gradient was clipped; missing: not clipped"),
    Column("steps_to_solve_validation", WHOLE, "result.learning.steps_to_solve_validation",
           "first validated step with a validation score at the threshold, whether or not the "
           "test was solved; missing: never"),
    Column("seen_in_training", REAL, "result.data_size.seen_in_training",
           "share of the test sequences whose inputs equal those of a training sequence"),
    Column("processor_model", TEXT, "result.environment.processor_model",
           "maker, family, model and stepping of the processor"),
    Column("instruction_set", TEXT, "result.environment.instruction_set",
           "vector instructions that torch used on the processor"),
    Column("lyapunov_method", TEXT, "result.gradient.lyapunov_method",
           "`QR`: estimate of the asymptotic exponent; `finite-time singular values`: exact "
           "exponent of these few steps, transient included"),
    Column("lyapunov_steps", WHOLE, "result.gradient.lyapunov_steps",
           "steps that the exponents are means over"),
    Column("grad_relevant_ratio_init", REAL, _fit("input", "init", "relevant_ratio"),
           "gradient at the inputs that the task needs over the median elsewhere, at "
           "initialisation; missing: not declared by the task"),
    Column("grad_relevant_ratio_trained", REAL, _fit("input", "trained", "relevant_ratio"),
           "the same after training"),
    Column("influence_horizon", WHOLE, _influence("horizon"),
           "memory horizon after training: largest lag at which replacing one input changes the "
           "output by more than influence_floor; missing: none"),
    Column("influence_longest", WHOLE, _influence("longest"),
           "largest lag at which influence was measured; missing: influence was not measured"),
    Column("influence_floor", REAL, _influence("floor"),
           "change of the output that counts as influence"),
    Column("influence_measure", TEXT, _influence("measure"),
           "`total variation` of predicted distributions, `largest total variation` of the "
           "distributions of a bit, or `absolute change` of predicted values over "
           "influence_scale"),
    Column("influence_scale", REAL, _influence("scale"),
           "mean absolute difference between the targets of two test sequences; 1 for "
           "distributions"),
    Column("influence_relevant", REAL, _influence("relevant"),
           "mean influence of the inputs that the task needs on the outputs that need them"),
    Column("influence_irrelevant", REAL, _influence("irrelevant"),
           "mean influence of the other inputs that were replaced"),
    Column("gradient_notes", TEXT, _notes, "why measurements of the gradient are missing"),
    Column("unsolvable", TEXT, "result.learning.unsolvable",
           "why no score on the task's data counts as solved; missing: one may"),
    Column("match_quantity", TEXT, "spec.model.matched.quantity",
           "quantity that hidden_size was chosen for; missing: hidden sizes were not matched"),
    Column("match_target", REAL, "spec.model.matched.target", "target of that quantity"),
    Column("match_error", REAL, "spec.model.matched.error",
           "relative distance of the achieved value from the target"),
    Column("varied", TEXT, "spec.varied",
           "what the seed varies: `all`, or `init`, `data` or `order` alone, the others having the "
           "seed 0"),
    Column("match_achieved", REAL, "spec.model.matched.achieved",
           "value of match_quantity at the hidden size that was chosen"),
    Column("schedule", TEXT, "spec.settings.schedule", "schedule of the learning rate"),
    Column("weight_decay_on", TEXT, "spec.settings.weight_decay_on",
           "parameters that decay: `weights` or `all`"),
    Column("clip_value", REAL, "spec.settings.clip_value",
           "magnitude that each value of the gradient was clipped to; missing: not clipped so"),
    Column("word_dropout", REAL, "spec.settings.word_dropout", "dropout of whole words"),
    Column("embedding_dropout", REAL, "spec.settings.embedding_dropout",
           "dropout of embedding elements"),
    Column("decoder_dropout", REAL, "spec.settings.decoder_dropout", "dropout before the decoder"),
    Column("tied_embedding", FLAG, "spec.settings.tied_embedding",
           "whether embedding and decoder share one matrix"),
    Column("embedding_size", WHOLE, "spec.settings.embedding_size",
           "embedding width that was set; missing: chosen by vocabulary and hidden size"),
    Column("embedding_init", TEXT, "spec.settings.embedding_init",
           "initial weights of the embedding"),
    Column("decoder_init", TEXT, "spec.settings.decoder_init", "initial weights of the decoder"),
    Column("block", TEXT, "spec.settings.block", "parts around the core"),
    Column("validate_every", WHOLE, "spec.settings.validate_every",
           "steps between validations that were set; missing: steps/20"),
    Column("patience", WHOLE, "spec.settings.patience",
           "validations in a row without a better score after which training stops; missing: it "
           "does not stop early"),
    Column("validation_size", WHOLE, "spec.settings.validation_size",
           "generated validation sequences that were asked for"),
    Column("test_size", WHOLE, "spec.settings.test_size",
           "generated test sequences that were asked for"),
    Column("precision", TEXT, "spec.settings.precision", "precision of the training"),
    Column("steps_taken", WHOLE, "result.learning.steps_taken",
           "optimizer steps until training ended, fewer than steps after an early stop"),
    Column("track_gradients", FLAG, "spec.settings.track_gradients",
           "whether gradients were recorded through training"),
    Column("grad_norm_max", REAL, "result.gradient_history.norm_max",
           "largest norm of the whole gradient in training, before clipping; infinite after an "
           "overflow; missing: not recorded"),
    Column("grad_nonfinite_steps", WHOLE, "result.gradient_history.nonfinite_steps",
           "optimizer steps whose gradient norm was infinite or NaN; missing: not recorded"),
)
POINT: tuple[Column, ...] = (
    Column("step", WHOLE, "step",
           "optimizer step of the validation; with track_gradients also 0 and the last step of a "
           "training that diverged, without validation"),
    Column("seconds", REAL, "validation.seconds", "training seconds so far, validation excluded"),
    Column("train_loss", REAL, "validation.train_loss",
           "mean training loss over the steps since the point before"),
    Column("validation_loss", REAL, "validation.validation_loss", "validation loss"),
    Column("validation_score", REAL, "validation.validation_score", "validation score"),
    Column("gradient_norm", REAL, "gradient.norm_median",
           "median norm of the whole gradient before clipping over the steps since the point "
           "before; missing: not recorded, or NaN at every step"),
    Column("gradient_norm_max", REAL, "gradient.norm_max", "largest of these norms"),
    Column("gradient_nonfinite_steps", WHOLE, "gradient.nonfinite_steps",
           "number of these steps whose norm was infinite or NaN"),
    Column("gradient_clipped_share", REAL, "gradient.clipped_share",
           "share of these steps whose gradient was clipped; missing: not clipped"),
)
LAG: tuple[Column, ...] = (
    Column("of", TEXT, "of",
           "`input`: gradient at the encoder's output; `state`: gradient at the full state; "
           "`influence`: change of the output when the input is replaced"),
    Column("when", TEXT, "when",
           "`init`, `trained`, or `training` for what track_gradients recorded in between"),
    Column("direction", TEXT, "direction", "`past`, or `future` for a model that looks ahead"),
    Column("lag", WHOLE, "lag", "lag k in time steps"),
    Column("value", REAL, "value",
           "G(k), expected gradient norm at that lag; or I(k), expected change of the output"),
    Column("step", WHOLE, "step", "optimizer steps taken; missing unless `when` is `training`"),
)
# fmt: on

_SHARED = (
    "trial_id",
    "config_id",
    "task_id",
    "task",
    "task_options",
    "model",
    "model_options",
    "hidden_size",
    "seed",
)
IDENTITY = tuple(column for name in _SHARED for column in TRIAL if column.name == name)
"""The first columns of curves and profiles: which trial a row belongs to."""

COLUMNS: dict[str, str] = {column.name: column.text for column in TRIAL}
"""Columns of ``rnnbench.analysis.tables.tidy``, with their descriptions."""
CURVE_COLUMNS: dict[str, str] = {column.name: column.text for column in (*IDENTITY, *POINT)}
"""Columns of ``rnnbench.analysis.tables.curves``, with their descriptions."""
PROFILE_COLUMNS: dict[str, str] = {column.name: column.text for column in (*IDENTITY, *LAG)}
"""Columns of ``rnnbench.analysis.tables.profiles``, with their descriptions."""
