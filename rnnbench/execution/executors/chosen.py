"""The executor that ``--executor`` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnbench.contract.collector import LOCAL
from rnnbench.contract.options import resolve
from rnnbench.errors import RnnbenchError, UsageError, one_line
from rnnbench.records.syntax import parse_selectors

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry
    from rnnbench.execution.executors.executor import Executor


def make_executor(text: str, registry: Registry) -> Executor | None:
    """Return the executor that ``name[option=value]`` names; ``None`` for this machine.

    Raises:
        UsageError: no such executor, an option that it does not take, or one that cannot start.
    """
    selectors = parse_selectors([text])
    if len(selectors) != 1 or selectors[0].size != 1:
        raise UsageError(f"--executor {one_line(text, 60)}: give one executor and one value each.")
    (selector,) = selectors
    if selector.pattern == LOCAL:
        if selector.options:
            raise UsageError(f"--executor {LOCAL} takes no options; see --jobs and --threads.")
        return None
    entry = registry.executor(selector.pattern)
    given = {name: words[0] for name, words in selector.options}
    try:
        made: Executor = entry.factory(**resolve(f"executor {entry.name!r}", entry.options, given))
    except RnnbenchError:
        raise
    # a plugin may raise anything
    except Exception as error:
        raise UsageError(
            f"executor {entry.name!r} cannot start: {type(error).__name__}: {one_line(error, 300)}"
        ) from None
    return made
