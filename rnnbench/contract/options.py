"""Options of models and tasks: read from signatures, parsed from text, validated by pydantic."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from rnnbench.errors import OptionError, PluginError, did_you_mean
from rnnbench.records.syntax import OptionValue, option_text

_DESCRIPTIONS = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a text",
    Path: "a path",
    NoneType: "none",
}
_TYPES_IN_WORDS = "bool, int, float, str, Path or Literal"
PLACES = ("depth", "layer")
"""Parameters of a core, without a default, by which it is told its place in a block."""
_EXACT_INTEGERS = 2.0**53
"""Above it a float does not represent every integer."""
_LARGEST_INTEGER = 2**63 - 1


@dataclass(frozen=True)
class Option:
    """One keyword option: its name, its annotation (a type with constraints) and its default."""

    name: str
    annotation: Any
    default: OptionValue

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        try:
            return _adapter_of(self.annotation)
        # a constraint that cannot be hashed
        except TypeError:
            return _new_adapter(self.annotation)

    @cached_property
    def kinds(self) -> frozenset[Any]:
        """The plain types accepted, without those of the values of a ``Literal``."""
        return frozenset(part for part in _parts(self.annotation) if get_origin(part) != Literal)

    @cached_property
    def choices(self) -> tuple[OptionValue, ...]:
        """The values that a ``Literal`` allows; empty where there is none."""
        literals = (part for part in _parts(self.annotation) if get_origin(part) is Literal)
        return tuple(value for literal in literals for value in get_args(literal))

    @property
    def is_file(self) -> bool:
        """Whether the value is the path of a data file."""
        return Path in self.kinds

    @property
    def accepts(self) -> str:
        """The accepted values in words, e.g. ``an integer``, ``one of tanh, relu``."""
        choices = f"one of {', '.join(map(option_text, self.choices))}" if self.choices else ""
        kinds = [words for kind, words in _DESCRIPTIONS.items() if kind in self.kinds]
        return " or ".join(filter(None, [choices, *kinds]))

    def parse(self, text: str) -> OptionValue:
        """Parse a value typed on the command line.

        Of several types in the annotation, the first one that the text fits is taken.

        Raises:
            OptionError: the value is not accepted; the message does not name the owner.
        """
        if int in {*self.kinds, *map(type, self.choices)}:
            text = _plain_integer(text)
        # validate_strings knows no Literal but texts, and no text for None.
        for choice in self.choices:
            if text == option_text(choice):
                return choice
        if NoneType in self.kinds and text.lower() in ("none", "null"):
            return None
        return self._validated(text, self._adapter.validate_strings)

    def check(self, value: Any) -> OptionValue:
        """Return a value given in Python or YAML in the option's type.

        Raises:
            OptionError: the value is not accepted; the message does not name the owner.
        """
        if not isinstance(value, bool | int | float):
            return self._validated(value, self._adapter.validate_python)
        # Numbers are read as they are typed, so that 100.0 is 100 and true is not 1.
        read = self.parse(option_text(value))
        if isinstance(read, str) and read not in self.choices:
            raise self._refusal(value)
        return read

    def _validated(self, value: Any, validate: Callable[[Any], Any]) -> OptionValue:
        try:
            checked = validate(value)
        except ValidationError as error:
            raise self._refusal_by_pydantic(value, error) from None
        # A validator of the plugin may raise anything.
        except Exception as error:
            raise self._refusal(value, error) from None
        # Larger integers fit neither into a column of a table nor into most JSON readers.
        if isinstance(checked, int) and abs(checked) > _LARGEST_INTEGER:
            raise self._refusal(value, "it must fit into 64 bits")
        if isinstance(checked, Path):
            return self._path(value, checked)
        if checked is None or isinstance(checked, bool | int | float | str):
            return checked
        raise self._refusal(value, f"its validator returned a {type(checked).__name__}")

    def _path(self, value: Any, path: Path) -> str:
        try:
            text = str(path.expanduser())
        except RuntimeError as error:
            raise self._refusal(value, error) from None
        if not str(value) or "\0" in text or not _is_utf8(text):
            raise self._refusal(value, "it must name a file, in UTF-8")
        return text

    def _refusal_by_pydantic(self, value: Any, error: ValidationError) -> OptionError:
        for problem in error.errors(include_url=False, include_input=False):
            if not _is_of_type(problem["type"]):
                reason = problem["msg"].replace("Input should", "it should", 1)
                end = "" if reason.endswith((".", "?")) else "."
                return OptionError(f"{self.name}={_shown(value)}: {reason}{end}")
        return self._refusal(value)

    def _refusal(self, value: Any, detail: object = "") -> OptionError:
        why = f" ({detail})" if detail and not self.choices else ""
        near = did_you_mean(_shown(value), map(option_text, self.choices))
        return OptionError(f"{self.name}={_shown(value)} is not {self.accepts}{why}.{near}")


def _new_adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False))


_adapter_of = functools.cache(_new_adapter)
"""Most options have one of a few types, and an adapter takes a millisecond."""


def options_of(factory: Callable[..., Any], skip: tuple[str, ...] = ()) -> dict[str, Option]:
    """Return the options in the signature of a class, a function or a ``functools.partial``.

    Raises:
        PluginError: an option without a type or a default, of a type that cannot be typed on a
            command line, or with a default that its type refuses.
    """
    hints = _hints(factory)
    return {
        name: _option(_name_of(factory), parameter, hints)
        for name, parameter in inspect.signature(factory).parameters.items()
        if name not in skip
    }


def places_of(factory: Callable[..., Any]) -> tuple[str, ...]:
    """Return which of :data:`PLACES` a core takes: those in its signature without a default."""
    parameters = inspect.signature(factory).parameters
    return tuple(
        name
        for name in PLACES
        if name in parameters
        and parameters[name].default is inspect.Parameter.empty
        and parameters[name].kind is not inspect.Parameter.POSITIONAL_ONLY
    )


def resolve(
    owner: str, options: Mapping[str, Option], given: Mapping[str, Any]
) -> dict[str, OptionValue]:
    """Return the value of every option: the one given (texts are parsed), or the default.

    Raises:
        OptionError: an unknown option, or a value of the wrong type or range.
    """
    for name in given:
        if name not in options:
            known = (
                f"It takes: {', '.join(sorted(options))}." if options else "It takes no options."
            )
            near = did_you_mean(name, options)
            raise OptionError(f"{owner} has no option {name!r}.{near} {known}")
    resolved: dict[str, OptionValue] = {}
    for name, option in options.items():
        if name not in given:
            resolved[name] = option.default
            continue
        value = given[name]
        try:
            resolved[name] = option.parse(value) if isinstance(value, str) else option.check(value)
        except OptionError as error:
            raise OptionError(f"{owner}: {error}") from None
    return resolved


def unwrapped(factory: Callable[..., Any]) -> Callable[..., Any]:
    """Return the class or function inside any number of ``functools.partial``."""
    while isinstance(factory, functools.partial):
        factory = factory.func
    return factory


def _name_of(factory: Callable[..., Any]) -> str:
    return getattr(unwrapped(factory), "__qualname__", repr(factory))


def _hints(factory: Callable[..., Any]) -> dict[str, Any]:
    target: Any = unwrapped(factory)
    sources = [target]
    if inspect.isclass(target):
        sources = [target.__init__]
        if dataclasses.is_dataclass(target):
            # Only the class knows the modules of inherited fields.
            sources.append(target)
    reason: Exception | None = None
    for source in sources:
        try:
            return get_type_hints(source, include_extras=True)
        except Exception as error:
            reason = error
    raise PluginError(
        f"the type hints of {_name_of(factory)} cannot be read ({reason}); "
        "import the names in them at run time."
    )


def _option(owner: str, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Option:
    name, default = parameter.name, parameter.default
    if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
        raise PluginError(
            f"{owner} takes {parameter}; name every option so that a wrong one can be refused."
        )
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise PluginError(f"option {name!r} of {owner} is positional-only; remove the '/'.")
    if default is parameter.empty:
        raise PluginError(f"option {name!r} of {owner} has no default; give it one.")
    if name not in hints:
        raise PluginError(
            f"option {name!r} of {owner} has no type; annotate it with {_TYPES_IN_WORDS}."
        )
    option = Option(name, hints[name], default)
    if not option.kinds | set(map(type, option.choices)) <= set(_DESCRIPTIONS):
        raise PluginError(
            f"option {name!r} of {owner} has type {hints[name]}; use {_TYPES_IN_WORDS}."
        )
    try:
        # The default in its own type: the 0 of `dropout: float = 0` must have the identity of 0.0.
        return dataclasses.replace(option, default=option.check(default))
    except OptionError as error:
        raise PluginError(f"option {name!r} of {owner} refuses its own default: {error}") from None


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield the types and literals of an annotation, without unions and ``Annotated``."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _parts(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for part in get_args(annotation):
            yield from _parts(part)
    else:
        yield NoneType if annotation is None else annotation


def _plain_integer(text: str) -> str:
    """Return ``1000`` for ``1e3``, which pydantic refuses for an integer; other texts as they are.

    A float is only used where it represents the integer exactly.
    """
    try:
        number = float(text)
    except ValueError:
        return text
    exact = number.is_integer() and abs(number) <= _EXACT_INTEGERS
    return str(int(number)) if exact else text


def _is_of_type(error: str) -> bool:
    """Return whether a pydantic error means the wrong type, as opposed to the wrong range."""
    return error in ("literal_error", "int_from_float") or error.endswith(
        ("_type", "_parsing", "_parsing_size", "_of")
    )


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: Any) -> str:
    return option_text(value) or "an empty text"
