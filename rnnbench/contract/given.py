"""Models given in Python as a class, without a plugin: name, source code and transport."""

from __future__ import annotations

import ast
import base64
import hashlib
import inspect
import re
import sys
import textwrap
from collections.abc import Mapping
from types import FunctionType
from typing import Any

import cloudpickle

from rnnbench.errors import UsageError
from rnnbench.records.base import Data
from rnnbench.records.spec import Provider

GIVEN = Provider(distribution="given in Python", version="")
"""Stands for the distribution of a class that no plugin provides."""
_PLAIN = (bool, int, float, complex, str, bytes, type(None))


class GivenClass(Data):
    """A class on its way to another process."""

    name: str
    """The name that it is registered under."""
    module: str
    """The module that it is imported from; empty for a class that travels by value."""
    code: str
    """Its source code and that of everything of the same session that it uses."""
    pickled: str
    """The class itself, by cloudpickle, in base64."""

    def restored(self) -> type[Any]:
        """Return the class."""
        # Bytes of our own driver, sent through a pipe.
        found: type[Any] = cloudpickle.loads(base64.b64decode(self.pickled))
        return found


def take_class(given: object) -> GivenClass:
    """Return a class of a core, ready for another process.

    A class of a script or a notebook travels by value, with what it uses; a class of a module is
    imported from there.

    Raises:
        UsageError: it is no class of a core, or its source code or its content cannot be read.
    """
    _check(given)
    assert inspect.isclass(given)
    by_value = _is_by_value(given)
    try:
        pickled = _pickled(given, by_value=by_value)
    # Whatever the class refers to may raise anything.
    except Exception as error:
        raise UsageError(
            f"class {given.__name__} cannot be sent to the processes of its trials "
            f"({type(error).__name__}: {error}); define it in a module, or register it as a "
            f"plugin; type: rnnbench new model {name_of(given)}"
        ) from None
    return GivenClass(
        name=name_of(given),
        module="" if by_value else given.__module__,
        code=_code_with_uses(given) if by_value else _code_of(given),
        pickled=base64.b64encode(pickled).decode(),
    )


def _pickled(given: type[Any], *, by_value: bool) -> bytes:
    module = sys.modules.get(given.__module__)
    # Classes of __main__ always travel by value.
    if not by_value or module is None or module.__name__ == "__main__":
        return bytes(cloudpickle.dumps(given))
    cloudpickle.register_pickle_by_value(module)
    try:
        return bytes(cloudpickle.dumps(given))
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def name_of(given: type[Any]) -> str:
    """Return the name of a class as that of a model: ``MyGRU`` becomes ``my-gru``."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])", "-", given.__name__)
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def _check(given: object) -> None:
    from torch import nn

    hint = "give the class: rnnbench.run(task, MyCore)"
    if isinstance(given, nn.Module):
        kind = type(given).__name__
        raise UsageError(
            f"a model is built anew for every trial, and this {kind} is built already; "
            f"give its class: rnnbench.run(task, {kind})"
        )
    if not inspect.isclass(given):
        if callable(given):
            raise UsageError(
                f"{getattr(given, '__name__', given)!r} is a function; {hint}, or register the "
                "function as a plugin; type: rnnbench new model NAME"
            )
        raise UsageError(f"{given!r} is no model; give a name such as 'lstm', or {hint}")
    if not issubclass(given, nn.Module):
        raise UsageError(
            f"class {given.__name__} is not derived from torch.nn.Module, so it is no model; "
            "derive it from torch.nn.Module, or give a name such as 'lstm'."
        )
    if given.__module__.startswith("torch."):
        raise UsageError(
            f"{given.__module__}.{given.__name__} does not keep the contract of a core; rnnbench "
            "has torch's networks as 'rnn', 'lstm' and 'gru'; to list all, type: rnnbench list "
            "models"
        )


def _is_by_value(given: type[Any]) -> bool:
    """Return whether another process cannot import a class from its module."""
    module = sys.modules.get(given.__module__)
    return given.__module__ == "__main__" or getattr(module, "__file__", None) is None


def _code_with_uses(given: type[Any]) -> str:
    """Return the source of a class, and of what it uses of its own session, recursively."""
    names = vars(sys.modules[given.__module__]) if given.__module__ in sys.modules else {}
    found: dict[str, str] = {}
    waiting: list[tuple[str, Any]] = [(given.__name__, given)]
    while waiting:
        name, value = waiting.pop()
        if name in found or inspect.ismodule(value):
            continue
        if inspect.isclass(value) or isinstance(value, FunctionType):
            if value.__module__ == given.__module__:
                found[name] = _code_of(value)
                waiting += _uses(found[name], names)
        else:
            found[name] = f"{name} = {_shown(value)}"
    first = found.pop(given.__name__)
    return "\n\n".join([*(found[name].rstrip() for name in sorted(found)), first])


def _uses(code: str, names: Mapping[str, Any]) -> list[tuple[str, Any]]:
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    return [(name, names[name]) for name in sorted(used) if name in names]


def _shown(value: Any) -> str:
    """Return a constant as code; of other values the checksum of their pickle."""
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, tuple | list):
        inside = ", ".join(map(_shown, value))
        return f"({inside},)" if isinstance(value, tuple) else f"[{inside}]"
    try:
        content = hashlib.sha256(_content_of(value)).hexdigest()[:16]
    # The class could be sent, so this value was not part of it.
    except Exception:
        return f"...  # {type(value).__name__}"
    return f"...  # {type(value).__name__}, sha256:{content}"


def _content_of(value: Any) -> bytes:
    """Return bytes that are the same for equal values; the pickle of a tensor holds its address."""
    from torch import Tensor

    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if hasattr(value, "tobytes") and hasattr(value, "dtype"):
        return f"{value.dtype} {value.shape} ".encode() + bytes(value.tobytes())
    return bytes(cloudpickle.dumps(value))


def _code_of(value: type[Any] | FunctionType) -> str:
    code = _class_by_method(value) if inspect.isclass(value) else None
    try:
        return textwrap.dedent(code or inspect.getsource(value))
    except (OSError, TypeError):
        raise UsageError(
            f"the source code of {value.__name__} cannot be read, and its results could not be "
            "told from those of another version; define it in a file or a notebook cell."
        ) from None


def _class_by_method(value: type[Any]) -> str | None:
    """Return the source of a class, found by the lines of its methods.

    Before Python 3.13 ``inspect.getsource`` finds no class of a notebook.
    """
    for member in vars(value).values():
        if not isinstance(member, FunctionType) or member.__module__ != value.__module__:
            continue
        try:
            lines, _ = inspect.findsource(member)
            tree = ast.parse("".join(lines))
        # The file is gone, or holds the magic commands of a notebook.
        except (OSError, TypeError, SyntaxError):
            return None
        line = member.__code__.co_firstlineno
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.ClassDef)
                and node.name == value.__name__
                and node.lineno <= line <= (node.end_lineno or 0)
            ):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                return "".join(lines[first - 1 : node.end_lineno])
    return None
