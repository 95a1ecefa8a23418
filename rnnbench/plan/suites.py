"""Suites: named grids of trials in YAML, from a file or shipped with rnnbench."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLWarning
from ruamel.yaml.events import AliasEvent

from rnnbench.errors import UsageError, did_you_mean, one_line
from rnnbench.files import open_regular
from rnnbench.plan.foreign import replacement
from rnnbench.plan.planning import DEFAULT_MODELS, Request
from rnnbench.records.settings import Settings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

SIZE_LIMIT = 1 << 18
"""Maximum size of a suite file in bytes."""


class Suite(BaseModel):
    """The content of a suite file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    description: str = Field(default="", description="what the suite is for, in one line")
    tasks: list[str] = Field(
        min_length=1,
        description="tasks by name or glob, options inline, several values as a grid: "
        "'copy-memory[delay=10,20]'; all for every task",
    )
    models: list[str] = Field(
        default=list(DEFAULT_MODELS),
        min_length=1,
        description="models by name or glob, options inline: 'lstm[hidden_size=32,64]'; "
        "family:gated for those of a family, all for every model; "
        "rnn, lstm, gru, bilstm and attention-lstm if unset",
    )
    seeds: int | list[int] | None = Field(
        default=None,
        description="how many seeds, counted from 0, or a list of the seeds themselves; "
        "5 for the preset quick, else 10 if unset",
    )
    preset: str | None = Field(
        default=None,
        description="the tasks' own sizes: quick, standard or paper; "
        "standard where a task has it if unset",
    )
    hidden_size: int | None = Field(
        default=None, gt=0, description="hidden size of every model that does not set it inline"
    )
    match: str | None = Field(
        default=None,
        description="quantity that the hidden sizes make equal: params=50k, core-params, state, "
        "flops or time, or that of a model: params=lstm[hidden_size=128]",
    )
    vary: list[str] = Field(
        default=[],
        description="sources of randomness that further trials vary alone: init, data, order",
    )
    tune: list[str] = Field(
        default=[],
        description="search space of the tuning: 'learning_rate=1e-4..1e-2'; "
        "choices are separated by bars",
    )
    tune_trials: int | None = Field(
        default=None, gt=0, description="tries of each model on each task; 10 if unset"
    )
    tune_sampler: str | None = Field(
        default=None, description="random, tpe or grid; random if unset"
    )
    tune_pruner: str | None = Field(
        default=None, description="none, median or halving; none if unset"
    )
    settings: dict[str, Any] = Field(
        default={}, description="training settings, which override those of the preset"
    )


def suite_schema() -> dict[str, Any]:
    """Return the JSON schema of a suite file."""
    schema = Suite.model_json_schema()
    settings = Settings.model_json_schema()
    properties = {name: _schema_of(field) for name, field in settings["properties"].items()}
    schema["properties"]["settings"] |= {
        "properties": properties,
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "A suite of rnnbench",
        "description": "A named grid of trials: every task with every model and every seed.",
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


def to_request(suite: Suite, given: Mapping[str, Any]) -> Request:
    """Return the suite's request; fields of a :class:`Request` that are given override it."""
    own = {name: getattr(suite, name) for name in Suite.model_fields if name != "description"}
    settings = {**suite.settings, **given.get("settings", {})}
    return Request(**{**own, **chosen(given), "settings": settings})


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
    for setting in suite.settings:
        if setting not in Settings.model_fields:
            raise UsageError(f"suite {name}: settings.{setting}: {_unknown_setting(setting)}")
    return suite


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
