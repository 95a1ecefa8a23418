"""The columns of the tables, with their types and units. The order is the order in the files."""

from __future__ import annotations

_TEXT, _WHOLE, _REAL, _FLAG = "string", "Int64", "Float64", "boolean"
"""pandas' nullable types: a column keeps its type when every value is missing."""

_TRIAL: tuple[tuple[str, str, str], ...] = (
    ("trial_id", _TEXT, "identity of the trial: a hash of all that defines it"),
    ("status", _TEXT, "how the last attempt ended; only `done` counts as done"),
    ("task", _TEXT, "name of the task"),
    ("model", _TEXT, "name of the model"),
    (
        "model_options",
        _TEXT,
        "the model's options that differ from their defaults, as `a=1,b=x`; hidden_size not among them",
    ),
    ("plugin", _TEXT, "distribution that the model came from"),
    ("plugin_version", _TEXT, "version of that distribution"),
    ("seed", _WHOLE, "seed of the trial"),
    ("hidden_size", _WHOLE, "units H of the core"),
    ("steps", _WHOLE, "optimizer steps of the budget"),
    ("score_name", _TEXT, "name of the score"),
    ("score", _REAL, "test score of the checkpoint with the best validation score"),
    ("skill", _REAL, "(score - baseline) / (perfect - baseline): 0 is the baseline, 1 is perfect"),
    ("solved", _FLAG, "whether the test score reached the task's threshold"),
    (
        "steps_to_solve",
        _WHOLE,
        "first validated step at which the validation score reached the threshold; missing: never",
    ),
    ("params_total", _WHOLE, "trainable parameters of encoder, core and decoder"),
    ("params_core", _WHOLE, "trainable parameters of the core"),
    ("state_size", _WHOLE, "numbers carried from one step to the next, per sequence"),
    (
        "flops_per_step",
        _REAL,
        "floating-point operations of the core per time step and sequence, forward; multiply-adds count 2",
    ),
    (
        "train_step_ms",
        _REAL,
        "milliseconds per training step, median of the speed pass at the task's own length",
    ),
    (
        "infer_step_ms",
        _REAL,
        "milliseconds per forward pass of one batch, median of the speed pass at the task's own length",
    ),
    (
        "stream_step_ms",
        _REAL,
        "milliseconds per time step when streaming at batch 1, median of the speed pass",
    ),
    (
        "train_speed_ratio",
        _REAL,
        "training step time over the reference's, median of pairs; above 1 is slower",
    ),
    (
        "grad_slope_init",
        _REAL,
        "slope of ln G(k) per step at initialisation, gradient at the input, towards the past",
    ),
    (
        "grad_half_life_init",
        _REAL,
        "ln 2 / -slope in steps at initialisation; infinite when the gradient does not decay",
    ),
    ("grad_slope_trained", _REAL, "the slope after training"),
    ("grad_half_life_trained", _REAL, "the half-life after training"),
    ("grad_category_trained", _TEXT, "vanishing, stable or exploding, after training"),
    ("device", _TEXT, "`cpu`, or the GPU's name, that the trial was trained on"),
    ("threads", _WHOLE, "threads that the trial was given"),
    ("torch_version", _TEXT, "version of torch"),
    ("error", _TEXT, "why the attempt did not end as done, in one line"),
    # Any change above breaks somebody's script; further columns go below.
    ("task_options", _TEXT, "the task's options that differ from their defaults, as `a=1,b=x`"),
    (
        "task_id",
        _TEXT,
        "what scores may be compared: a hash of the task, its version, options and data",
    ),
    (
        "config_id",
        _TEXT,
        "identity of the trial but for its seed: rows that share it are replicates",
    ),
    ("task_version", _WHOLE, "version of the task"),
    ("task_plugin", _TEXT, "distribution that the task came from"),
    ("task_plugin_version", _TEXT, "version of that distribution"),
    ("causal", _FLAG, "false for a model that looks ahead"),
    ("batch_size", _WHOLE, "sequences per optimizer step"),
    ("learning_rate", _REAL, "learning rate"),
    ("optimizer", _TEXT, "optimizer"),
    ("weight_decay", _REAL, "weight decay"),
    ("clip_norm", _REAL, "norm that the gradient was clipped to; missing: not clipped"),
    ("score_direction", _TEXT, "whether a `higher` or a `lower` score is better"),
    ("baseline", _REAL, "score of the best predictor without the memory that the task is about"),
    ("perfect", _REAL, "best score possible in expectation"),
    ("solved_threshold", _REAL, "score from which the task counts as solved"),
    ("test_loss", _REAL, "test loss of the same checkpoint"),
    ("best_step", _WHOLE, "step of that checkpoint"),
    (
        "train_seconds",
        _REAL,
        "seconds in optimizer steps, validation excluded; other trials may have run beside it",
    ),
    (
        "reference_scores",
        _TEXT,
        "scores of further analytic or fitted predictors, as a JSON object",
    ),
    ("extra_scores", _TEXT, "further scores of the trial, as a JSON object"),
    ("params_encoder", _WHOLE, "trainable parameters of the encoder"),
    ("params_decoder", _WHOLE, "trainable parameters of the decoder"),
    ("train_speed_ratio_low", _REAL, "lower quartile of train_speed_ratio"),
    ("train_speed_ratio_high", _REAL, "upper quartile of train_speed_ratio"),
    ("speed_reference", _TEXT, "the model that the ratio refers to"),
    ("speed_length", _WHOLE, "sequence length in time steps at which train_step_ms was taken"),
    ("speed_batch_size", _WHOLE, "batch size at which train_step_ms was taken"),
    ("speed_noisy", _FLAG, "true when the timings scattered too much for the ratio to be trusted"),
    ("speed_device", _TEXT, "device of the speed pass"),
    ("peak_memory_bytes", _WHOLE, "peak memory in the speed pass"),
    ("grad_reach_init", _WHOLE, "largest lag with G(k) >= 1e-3 max G, at initialisation"),
    ("grad_reach_trained", _WHOLE, "the same after training"),
    ("grad_category_init", _TEXT, "vanishing, stable or exploding, at initialisation"),
    ("grad_state_slope_init", _REAL, "slope per step of the full-state profile at initialisation"),
    ("grad_state_slope_trained", _REAL, "the same after training"),
    (
        "grad_state_half_life_init",
        _REAL,
        "half-life in steps of the full-state profile at initialisation",
    ),
    ("grad_state_half_life_trained", _REAL, "the same after training"),
    ("lyapunov_init", _REAL, "largest Lyapunov exponent per step at initialisation"),
    ("lyapunov_trained", _REAL, "the same after training"),
    ("attempts", _WHOLE, "number of the attempt that this row shows"),
    ("started_at", _TEXT, "when that attempt started, UTC"),
    ("seconds", _REAL, "seconds of the whole attempt, process start included"),
    ("command", _TEXT, "command line that asked for the trial"),
    ("processor", _TEXT, "processor of the machine"),
    ("platform", _TEXT, "operating system"),
    ("python_version", _TEXT, "version of Python"),
    ("lightning_version", _TEXT, "version of Lightning"),
    ("rnnbench_version", _TEXT, "version of rnnbench"),
    ("train_sequences", _WHOLE, "sequences for training; missing: drawn anew for every step"),
    ("validation_sequences", _WHOLE, "sequences for validation"),
    ("test_sequences", _WHOLE, "sequences for the test"),
    ("data_bytes", _WHOLE, "bytes of the inputs and targets of all these"),
    (
        "data_checksums",
        _TEXT,
        "SHA-256 of all data that were read, by file option or name, as a JSON object",
    ),
)

_POINT: tuple[tuple[str, str, str], ...] = (
    ("step", _WHOLE, "optimizer step of the validation"),
    ("seconds", _REAL, "training seconds so far, validation excluded"),
    ("train_loss", _REAL, "mean training loss over the steps since the point before"),
    ("validation_loss", _REAL, "validation loss"),
    ("validation_score", _REAL, "validation score"),
)

_LAG: tuple[tuple[str, str, str], ...] = (
    (
        "of",
        _TEXT,
        "`input`: with respect to the encoder's output; `state`: with respect to the full state",
    ),
    ("when", _TEXT, "`init` or `trained`"),
    ("direction", _TEXT, "`past`, or `future` for a model that looks ahead"),
    ("lag", _WHOLE, "lag k in time steps"),
    ("value", _REAL, "G(k), expected gradient norm at that lag"),
)

_IDENTITY = (
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

COLUMNS: dict[str, str] = {name: text for name, _, text in _TRIAL}
"""Columns of ``rnnbench.analysis.tables.tidy``, with what they hold."""
_IDENTITY_COLUMNS = {name: COLUMNS[name] for name in _IDENTITY}
CURVE_COLUMNS: dict[str, str] = _IDENTITY_COLUMNS | {name: text for name, _, text in _POINT}
"""Columns of ``rnnbench.analysis.tables.curves``."""
PROFILE_COLUMNS: dict[str, str] = _IDENTITY_COLUMNS | {name: text for name, _, text in _LAG}
"""Columns of ``rnnbench.analysis.tables.profiles``."""
DTYPES: dict[str, str] = {name: dtype for name, dtype, _ in (*_TRIAL, *_POINT, *_LAG)}
"""Type of each column, by name."""
