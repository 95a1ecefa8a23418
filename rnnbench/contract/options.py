"""Options of models and tasks: read from signatures, parsed from text, checked against their types."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import pathlib
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from rnnbench.errors import OptionError, PluginError, did_you_mean, one_line
from rnnbench.records.syntax import OptionValue, option_text

_WORDS = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a text",
    pathlib.Path: "a path",
    type(None): "none",
}
_BOOLEANS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_EXACT_INTEGERS = 2.0**53
"""Beyond it a float no longer tells which integer was meant."""
_LARGEST_INTEGER = 2**63 - 1


@dataclass(frozen=True)
class Option:
    """One keyword option: its name, its type (with constraints) and its default."""

    name: str
    annotation: Any
    default: OptionValue

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.annotation)

    @cached_property
    def types(self) -> frozenset[Any]:
        """The plain types accepted: of ``bool, int, float, str, Path, None``; literals count by
        their values' types.
        """
        return frozenset(_kinds(self.annotation)) | {type(choice) for choice in self.choices}

    @cached_property
    def choices(self) -> tuple[OptionValue, ...]:
        """The values that a ``Literal`` allows; empty where there is none."""
        return tuple(_literals(self.annotation))

    @property
    def is_file(self) -> bool:
        """Whether the value is the path of a data file."""
        return pathlib.Path in self.types

    @property
    def accepts(self) -> str:
        """The type in words, e.g. ``an integer``, ``one of tanh, relu``."""
        words = (
            [f"one of {', '.join(option_text(choice) for choice in self.choices)}"]
            if self.choices
            else []
        )
        kinds = set(_kinds(self.annotation))
        return " or ".join(words + [word for kind, word in _WORDS.items() if kind in kinds])

    def parse(self, text: str) -> OptionValue:
        """Read a value typed on a command line; raises :class:`OptionError` without naming the
        owner.

        Of several types the narrowest that fits is taken: a literal, ``none``, an integer, a
        number, true or false, a text.
        """
        for choice in self.choices:
            if text == option_text(choice):
                return choice
        for value in _readings(text, self.types):
            return self.check(value)
        raise self._refusal(text)

    def check(self, value: Any) -> OptionValue:
        """Return ``value`` in the option's type, or raise :class:`OptionError` saying what is
        accepted.
        """
        if isinstance(value, bool) and bool not in self.types:
            raise self._refusal(value)
        if (
            isinstance(value, float)
            and float not in self.types
            and value.is_integer()
            and abs(value) <= _EXACT_INTEGERS
        ):
            value = int(value)
        try:
            checked = self._adapter.validate_python(value)
        except ValidationError as error:
            reason = error.errors(include_url=False)[0]["msg"]
            raise (
                self._out_of_range(value, reason)
                if self._fits(value)
                else self._refusal(value, reason)
            ) from None
        except Exception as error:  # a validator of the plugin's own
            raise self._refusal(value, error) from None
        if isinstance(checked, float) and not math.isfinite(checked):
            raise self._refusal(value, "it must be finite")
        if isinstance(checked, int) and abs(checked) > _LARGEST_INTEGER:
            raise self._refusal(value, "it must fit in 64 bits")
        if isinstance(checked, pathlib.Path):
            return self._path(value, checked)
        if checked is None or isinstance(checked, bool | int | float | str):
            return checked
        raise self._refusal(value, f"its validator returned a {type(checked).__name__}")

    def _path(self, value: Any, path: pathlib.Path) -> str:
        text = str(path)
        if not str(value) or "\0" in text or not _is_utf8(text):
            raise self._refusal(value, "it must name a file, in UTF-8")
        return text

    def _fits(self, value: Any) -> bool:
        """Whether the value is of an accepted type, so that only its range can be wrong."""
        kinds = self.types | ({int} if float in self.types else set())
        return (
            type(value) in kinds and not self.choices and value == value
        )  # a NaN is no number to whoever typed it

    def _out_of_range(self, value: Any, reason: str) -> OptionError:
        shown = one_line(option_text(value), 80) or "an empty text"
        return OptionError(
            f"{self.name}={shown}: {one_line(reason, 160).replace('Input should', 'it should', 1)}."
        )

    def _refusal(self, value: Any, detail: object = "") -> OptionError:
        shown = one_line(option_text(value), 80) or "an empty text"
        why = f" ({one_line(detail, 160)})" if detail and not self.choices else ""
        return OptionError(f"{self.name}={shown} is not {self.accepts}{why}.")


def options_of(factory: Callable[..., Any], skip: tuple[str, ...] = ()) -> dict[str, Option]:
    """Return the options of a class, a function or a ``functools.partial`` of one, by name, read
    from its signature.

    Raises:
        PluginError: an option without a type or a default, of a type that cannot be typed on a
            command line, or whose default is not of its own type.
    """
    hints = _hints(factory)
    return {
        name: _option(_name_of(factory), parameter, hints)
        for name, parameter in inspect.signature(factory).parameters.items()
        if name not in skip
    }


def resolve(
    owner: str, options: Mapping[str, Option], given: Mapping[str, Any]
) -> dict[str, OptionValue]:
    """Return every option with its checked value: those ``given`` (texts are parsed), defaults for
    the rest.

    Raises:
        OptionError: an unknown option (the near one is suggested) or a value of the wrong type or
            range.
    """
    for name in given:
        if name not in options:
            known = (
                f"It takes: {', '.join(sorted(options))}." if options else "It takes no options."
            )
            raise OptionError(
                f"{owner} has no option {one_line(name, 80)!r}.{did_you_mean(name, options)} {known}"
            )
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
    """Return the class or function that one or more ``functools.partial`` wrap."""
    while isinstance(factory, functools.partial):
        factory = factory.func
    return factory


def _name_of(factory: Callable[..., Any]) -> str:
    return one_line(getattr(unwrapped(factory), "__qualname__", repr(factory)), 120)


def _hints(factory: Callable[..., Any]) -> dict[str, Any]:
    target: Any = unwrapped(factory)
    sources = [target]
    if inspect.isclass(target):
        # The class too: it knows the modules that a dataclass inherited its fields from, which its
        # __init__ does not.
        sources = (
            [target.__init__, target] if dataclasses.is_dataclass(target) else [target.__init__]
        )
    for source in sources:
        try:
            return get_type_hints(source, include_extras=True)
        except Exception as error:
            reason = one_line(error)
    raise PluginError(
        f"the type hints of {_name_of(factory)} cannot be read ({reason}); import at run time what they name."
    )


def _option(owner: str, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Option:
    name, default = parameter.name, parameter.default
    if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
        raise PluginError(
            f"{owner} takes {parameter}; name every option so that a wrong one can be refused."
        )
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise PluginError(
            f"option {name!r} of {owner} is positional-only; options are given by name."
        )
    if default is parameter.empty:
        raise PluginError(f"option {name!r} of {owner} has no default; give it one.")
    if name not in hints:
        raise PluginError(
            f"option {name!r} of {owner} has no type; annotate it (bool, int, float, str or Literal)."
        )
    option = Option(name, hints[name], default)
    if not option.types <= set(_WORDS):
        raise PluginError(
            f"option {name!r} of {owner} has type {hints[name]}; use bool, int, float, str, Path or Literal."
        )
    try:
        # The default in its own type: the 0 of `dropout: float = 0` must not differ in identity
        # from a typed 0.0.
        return dataclasses.replace(option, default=option.check(default))
    except OptionError as error:
        raise PluginError(
            f"option {name!r} of {owner}: its default breaks its own type: {error}"
        ) from None


def _readings(text: str, kinds: frozenset[Any]) -> Iterator[Any]:
    if type(None) in kinds and text.lower() in ("none", "null"):
        yield None
    if int in kinds and (whole := _integer(text)) is not None:
        yield whole
    if float in kinds and (number := _number(text)) is not None:
        yield number
    if bool in kinds and text.lower() in _BOOLEANS:
        yield _BOOLEANS[text.lower()]
    if str in kinds or pathlib.Path in kinds:
        yield text


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:  # also beyond Python's limit of digits
        number = _number(text)  # 1e3 is an integer to whoever types it
        return (
            int(number)
            if number is not None and number.is_integer() and abs(number) <= _EXACT_INTEGERS
            else None
        )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kinds(annotation: Any) -> Iterator[Any]:
    """Yield the types an annotation is made of, those of literal values left out."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _kinds(part)
    elif origin is not Literal:
        yield type(None) if annotation is None else annotation


def _literals(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _literals(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _literals(part)
    elif origin is Literal:
        yield from get_args(annotation)
