"""Options of other training tools, and what rnnbench has in their place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Replacement:
    """An option of rnnbench that replaces one of another tool.

    Attributes:
        option: its name with hyphens, as in ``--batch-size``; empty where none is needed.
        value: the value that it gets; ``None``: the value that the other option had.
        values: translations of that value, by its lower-case beginning.
        switch: whether the other option has no value.
        why: how the two differ, a sentence without its full stop; may be empty.
    """

    option: str = ""
    value: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    switch: bool = False
    why: str = ""

    def translated(self, value: str | None) -> str | None:
        """Return the value for rnnbench's option; ``None``: it has none."""
        if self.value is not None or value is None:
            return self.value
        found = (ours for theirs, ours in self.values.items() if value.lower().startswith(theirs))
        return next(found, value)


_SYNONYMS: Mapping[str, str] = {
    "task": "tasks dataset data problem benchmark",
    "model": "models arch architecture cell cell-type rnn-type net network backbone",
    "suite": "config yaml experiment grid",
    "seed": "random-seed random-state manual-seed rng-seed",
    "seeds": "num-seeds n-seeds repeats n-repeats num-repeats repetitions replicates runs n-runs "
    "num-runs trials n-trials num-trials",
    "preset": "size scale",
    "hidden-size": "hidden hidden-dim hidden-units units num-units width rnn-size nhid n-hidden "
    "num-hidden d-model",
    "steps": "max-steps num-steps n-steps train-steps training-steps iterations num-iterations "
    "iters max-iters n-iter updates",
    "batch-size": "batch bs batchsize train-batch-size minibatch-size",
    "learning-rate": "lr learningrate lrate step-size",
    "optimizer": "optim opt optimiser",
    "schedule": "scheduler lr-scheduler lr-schedule",
    "weight-decay": "wd l2 decay",
    "clip-norm": "clip grad-clip clip-grad clip-grad-norm gradient-clip gradient-clip-val "
    "grad-norm max-grad-norm max-norm",
    "embedding-size": "embedding embedding-dim embed-dim emb-dim emb-size emsize",
    "validate-every": "eval-every val-every eval-interval val-interval eval-steps "
    "val-check-interval",
    "validation-size": "val-size eval-size",
    "logger": "log loggers",
    "jobs": "workers num-workers n-jobs parallel processes num-processes nproc cores",
    "threads": "num-threads n-threads cpu-threads",
    "timeout": "time-limit trial-timeout",
    "max-time": "time-budget max-duration wall-time",
    "fail-fast": "exitfirst stop-on-error",
    "dry-run": "plan simulate list-trials",
    "report": "output output-dir out out-dir outdir results-dir save-dir",
    "output": "out out-dir output-dir outdir folder dir report",
    "store": "db database results records",
    "markdown": "md",
    "prompt": "text start prefix primer",
    "length": "n num max-length max-new-tokens max-tokens chars",
    "temperature": "temp",
}
"""The words of other tools by our option; which of two options is meant depends on the command."""

_DEVICES = {"cuda": "gpu", "gpu": "gpu", "0": "gpu", "cpu": "cpu", "-1": "cpu", "mps": "auto"}
_DTYPES = {"float32": "32", "fp32": "32", "float64": "64", "double": "64", "bf": "bf16-mixed"}
_CONTINUES = "A run continues by itself: stored trials are not run again"
_BEST = "An early stop is --patience VALIDATIONS; the weights of the best validation are tested"
_STEPS = "A budget is a number of optimizer steps, not of epochs"
_STORED = "Stored trials are run again with --retry"

_OTHERS: Mapping[str, tuple[Replacement, ...]] = {
    **dict.fromkeys(
        ("gpu", "gpus", "cuda", "use-gpu", "use-cuda"),
        (Replacement("accelerator", "gpu", switch=True),),
    ),
    **dict.fromkeys(
        ("cpu", "use-cpu", "no-cuda", "no-gpu"), (Replacement("accelerator", "cpu", switch=True),)
    ),
    **dict.fromkeys(("device", "devices"), (Replacement("accelerator", values=_DEVICES),)),
    **dict.fromkeys(("dtype", "fp"), (Replacement("precision", values=_DTYPES),)),
    **dict.fromkeys(
        ("epochs", "epoch", "num-epochs", "n-epochs", "max-epochs", "num-train-epochs"),
        (Replacement("steps", "1000", why=_STEPS),),
    ),
    **dict.fromkeys(
        ("resume", "continue", "restart", "skip-existing"),
        (Replacement(switch=True, why=_CONTINUES),),
    ),
    **dict.fromkeys(
        ("force", "overwrite", "rerun", "re-run", "no-cache", "fresh"),
        (Replacement("retry", "done", switch=True, why=_STORED),),
    ),
    **dict.fromkeys(("early-stopping",), (Replacement(switch=True, why=_BEST),)),
    **dict.fromkeys(("verbose", "quiet"), (Replacement(switch=True),)),
}

INLINE = {
    "layers": "num_layers",
    "n_layers": "num_layers",
    "nlayers": "num_layers",
    "num_layer": "num_layers",
    "drop": "dropout",
    "file": "path",
    "data_path": "path",
    "target": "column",
}
"""Words of other tools for common options of models and tasks, which are given inline."""


def replacements(word: str) -> list[Replacement]:
    """Return what may replace an option of another tool, e.g. ``epochs``; empty if unknown."""
    key = normalised(word)
    found = [Replacement(ours) for ours, words in _SYNONYMS.items() if key in words.split()]
    return [*found, *_OTHERS.get(key, ())]


def replacement(word: str, options: Collection[str]) -> Replacement | None:
    """Return what replaces an option of another tool, among the options of a command."""
    return next((r for r in replacements(word) if not r.option or r.option in options), None)


def normalised(word: str) -> str:
    """Return an option as it is spelled here: ``--Batch_Size`` becomes ``batch-size``."""
    return word.lstrip("-").lower().replace("_", "-")
