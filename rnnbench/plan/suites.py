"""Suites: named grids of trials in YAML, from a file or shipped with rnnbench."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLWarning
from ruamel.yaml.events import AliasEvent

from rnnbench.errors import UsageError, did_you_mean, one_line
from rnnbench.files import open_regular
from rnnbench.plan.foreign import replacement
from rnnbench.plan.planning import Request
from rnnbench.records.settings import Settings
from rnnbench.records.suite import STANDARD, Grid, Suite

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

SIZE_LIMIT = 1 << 18
"""Maximum size of a suite file in bytes."""


def suite_schema() -> dict[str, Any]:
    """Return the JSON schema of a suite file."""
    schema = Suite.model_json_schema()
    settings = Settings.model_json_schema()
    properties = {name: _schema_of(field) for name, field in settings["properties"].items()}
    for grid in (schema, *schema["$defs"].values()):
        grid["properties"]["settings"] |= {"properties": properties, "additionalProperties": False}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "anyOf": [{"required": [field]} for field in ("tasks", "parts", "claims")],
        "title": "A suite of rnnbench",
        "description": "Named grids of trials: every task with every model and every seed.",
    }


def _schema_of(field: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a setting, whose words may be numbers: ``precision: 32``."""
    numbers = [int(word) for word in field.get("enum", ()) if word.isdecimal()]
    # The default is that of the task's preset.
    field = {name: part for name, part in field.items() if name != "default"}
    if not numbers:
        return field
    return {**field, "enum": [*field["enum"], *numbers], "type": ["string", "integer"]}


def shipped() -> dict[str, Suite]:
    """Return the suites shipped with rnnbench, by name."""
    folder = resources.files("rnnbench.plan") / "shipped"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".yaml")),
        key=lambda file: file.name,
    )
    return {
        file.name.removesuffix(".yaml"): _parse(file.read_text("utf-8"), file.name)
        for file in files
    }


def load_suite(name: str) -> Suite:
    """Load a suite from a path (an existing file, or .yaml or .yml), or a shipped one by name.

    Raises:
        UsageError: no such suite, a file that cannot be read, or content that is not a suite; the
            message names the place.
    """
    path = Path(name)
    # Unlike Path.is_file, isfile is false for every impossible name.
    if path.suffix in (".yaml", ".yml") or os.path.isfile(name):  # noqa: PTH113
        return _parse(_text_of(path), name)
    suites = shipped()
    if name not in suites:
        raise UsageError(
            f"no suite called {name!r}.{did_you_mean(name, suites)} "
            f"Shipped: {', '.join(suites)}; or give the path of a .yaml file."
        )
    return suites[name]


def to_requests(suite: Suite, given: Mapping[str, Any]) -> list[Request]:
    """Return a request for each grid of a suite; fields of a :class:`Request` that are given win.

    ``given["preset"]`` is a preset of the suite, where it has any, else one of the tasks.

    Raises:
        UsageError: the suite has presets, and none of this name.
    """
    given = chosen(given)
    size = STANDARD
    if suite.sizes and "preset" in given:
        size = suite_size(suite, str(given.pop("preset")))
    return [
        Request(**{**_fields(grid), **given, "settings": {**grid.settings, **given_settings}})
        for grid in suite.grids(size)
        for given_settings in [given.get("settings", {})]
    ]


def suite_size(suite: Suite, asked: str) -> str:
    """Return the preset of a suite that has presets.

    Raises:
        UsageError: it has none of this name.
    """
    if asked not in suite.sizes:
        near = did_you_mean(asked, suite.sizes)
        raise UsageError(
            f"this suite has no preset {asked!r}.{near} It has: {', '.join(suite.sizes)}."
        )
    return asked


def _fields(grid: Grid) -> dict[str, Any]:
    return {name: getattr(grid, name) for name in Grid.model_fields}


def chosen(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request that are given: neither ``None`` nor an empty list of words.

    An empty list of seeds and an empty text are kept, so that they are refused.
    """
    return {
        name: value
        for name, value in given.items()
        if value is not None and (name == "seeds" or value or not isinstance(value, list | tuple))
    }


def _text_of(path: Path) -> str:
    with open_regular(path, "suite", UsageError) as file:
        content = file.read(SIZE_LIMIT + 1)
    if len(content) > SIZE_LIMIT:
        raise UsageError(f"suite {path} is too large: the limit is {SIZE_LIMIT} bytes.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"suite {path} is not UTF-8 text.") from None


def _parse(text: str, name: str) -> Suite:
    content = _loaded(text, name)
    if not isinstance(content, dict):
        raise UsageError(
            f"suite {name} names no tasks; begin it with a line like: tasks: [copy-memory]"
        )
    try:
        suite = Suite.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        reason = _unknown(where) if unknown else _in_words(first)
        raise UsageError(f"suite {name}: {where}: {reason}") from None
    _check(suite, name)
    return suite


def _check(suite: Suite, name: str) -> None:
    """Refuse what the fields do not show by themselves: no trials at all, and unknown settings."""
    named = suite.claims or suite.parts or suite.tasks
    if not named or not all(grid.tasks for grid in suite.grids()):
        raise UsageError(
            f"suite {name} names no tasks; begin it with a line like: tasks: [copy-memory]"
        )
    places = {"": suite, **{f"parts.{n}.": part for n, part in enumerate(suite.parts)}}
    grids: dict[str, Grid] = dict(places)
    for place, each in places.items():
        grids |= {f"{place}presets.{size}.": grid for size, grid in each.presets.items()}
    for place, grid in grids.items():
        for setting in grid.settings:
            if setting not in Settings.model_fields:
                reason = _unknown_setting(setting)
                raise UsageError(f"suite {name}: {place}settings.{setting}: {reason}")


def _in_words(error: ErrorDetails) -> str:
    reason = error["msg"].replace("Input should", "it should", 1).replace("Field", "field", 1)
    given = error["input"]
    typed = f", not {one_line(repr(given), 60)}" if isinstance(given, str | int | float) else ""
    # An example helps where a list was forgotten.
    lacks_list = error["type"] in ("list_type", "missing", "too_short")
    example = " Write a list, e.g. tasks: [copy-memory]." if lacks_list else ""
    return f"{reason}{typed}.{example}"


def _unknown(field: str) -> str:
    fields = ", ".join(Suite.model_fields)
    meant = _meant(field, [*Suite.model_fields, "model", "task", "seed"])
    if meant in Settings.model_fields and meant not in Suite.model_fields:
        return f"there is no such field. Write it under settings: settings: {{{meant}: ...}}"
    if meant == "seed":
        return "there is no such field. Write seeds: [42] for the seed 42, seeds: 3 for three."
    plural = meant if meant in Suite.model_fields else f"{meant}s"
    near = f" Did you mean {plural!r}?" if meant else did_you_mean(field, Suite.model_fields)
    return f"there is no such field.{near} The fields are: {fields}."


def _unknown_setting(setting: str) -> str:
    settings = ", ".join(Settings.model_fields)
    meant = _meant(setting, ())
    if meant in Suite.model_fields:
        return f"there is no such setting. Write {meant} without settings, at the left margin."
    near = f" Did you mean {meant!r}?" if meant else did_you_mean(setting, Settings.model_fields)
    return f"there is no such setting.{near} The settings are: {settings}."


def _meant(word: str, fields: Sequence[str]) -> str | None:
    """Return the field or setting that a word means, in our spelling or as in another tool."""
    known = [*fields, *Suite.model_fields, *Settings.model_fields]
    key = word.lower().replace("-", "_")
    if key in known:
        return key
    found = replacement(word, [each.replace("_", "-") for each in known])
    return found.option.replace("-", "_") if found and found.option else None


def _loaded(text: str, name: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", YAMLWarning)
            # A small file with aliases can expand without bound.
            if "*" in text and any(isinstance(event, AliasEvent) for event in _yaml().parse(text)):
                raise UsageError(
                    f"suite {name}: YAML aliases are not allowed; quote a pattern with a star: "
                    "'*gru*'."
                )
            return _yaml().load(text)
    except UsageError:
        raise
    # Besides YAMLError, the parser's constructors raise IndexError, RecursionError and others.
    except Exception as error:
        hint = " Quote words with brackets: 'lstm[hidden_size=64]'." if "[" in text else ""
        raise UsageError(f"suite {name} is not valid YAML: {error}.{hint}") from None


def _yaml() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = False
    return yaml
