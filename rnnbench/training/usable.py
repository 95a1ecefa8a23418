"""Settings of the network that cannot act on a task: an error before training, never ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnbench.contract.task import Tokens
from rnnbench.errors import UsageError

if TYPE_CHECKING:
    from rnnbench.contract.task import Task
    from rnnbench.records.settings import Settings

_OF_EMBEDDING = (
    "word_dropout",
    "embedding_dropout",
    "tied_embedding",
    "embedding_size",
    "embedding_init",
)


def refuse_unusable(settings: Settings, task: Task, name: str) -> None:
    """Refuse settings of the network that cannot act on a task.

    Raises:
        UsageError: a setting of the embedding, on a task without one; a tied embedding on a task
            that does not predict the symbols that it reads; initial weights of a tied decoder.
    """
    given = [each for each in _OF_EMBEDDING if _is_set(settings, each)]
    if given and not isinstance(task.inputs, Tokens):
        raise UsageError(
            f"task {name!r} reads vectors and has no embedding; leave out {_flags(given)}, "
            "or give tasks that read symbols."
        )
    if settings.tied_embedding:
        _refuse_untied(settings, task, name)


def _refuse_untied(settings: Settings, task: Task, name: str) -> None:
    assert isinstance(task.inputs, Tokens)
    if not isinstance(task.outputs, Tokens):
        raise UsageError(
            f"task {name!r} predicts no symbols, so no decoder can share the embedding's weights; "
            "leave out --tied-embedding."
        )
    if task.inputs.vocab != task.outputs.vocab:
        raise UsageError(
            f"task {name!r} reads {task.inputs.vocab} symbols and predicts {task.outputs.vocab}, "
            "so one matrix cannot be embedding and decoder; leave out --tied-embedding."
        )
    if settings.decoder_init != "torch":
        raise UsageError(
            "the weights of a tied decoder are those of the embedding; leave out --decoder-init, "
            "and give --embedding-init in its place."
        )


def _is_set(settings: Settings, name: str) -> bool:
    return bool(getattr(settings, name) != type(settings).model_fields[name].default)


def _flags(names: list[str]) -> str:
    return " and ".join(f"--{name.replace('_', '-')}" for name in names)
