"""Suites: named grids of trials in YAML, from a file or shipped with rnnbench."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLWarning
from ruamel.yaml.events import AliasEvent

from rnnbench.errors import UsageError, did_you_mean
from rnnbench.files import open_regular
from rnnbench.plan.planning import Request

SIZE_LIMIT = 1 << 18
"""Maximum size of a suite file in bytes."""


class Suite(BaseModel):
    """The content of a suite file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    description: str = ""
    tasks: list[str] = Field(min_length=1)
    models: list[str] = Field(default=["all"], min_length=1)
    seeds: int | list[int] | None = None
    preset: str | None = None
    hidden_size: int | None = Field(default=None, gt=0)
    settings: dict[str, Any] = {}


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


def to_request(
    suite: Suite,
    *,
    tasks: Sequence[str] = (),
    models: Sequence[str] = (),
    seeds: int | Sequence[int] | None = None,
    preset: str | None = None,
    hidden_size: int | None = None,
    settings: Mapping[str, Any],
) -> Request:
    """Return the suite's request; the arguments override those of the suite."""
    return Request(
        tasks=tasks or suite.tasks,
        models=models or suite.models,
        seeds=suite.seeds if seeds is None else seeds,
        preset=suite.preset if preset is None else preset,
        hidden_size=suite.hidden_size if hidden_size is None else hidden_size,
        settings={**suite.settings, **settings},
    )


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
        return Suite.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        near = did_you_mean(where, Suite.model_fields) if first["type"] == "extra_forbidden" else ""
        raise UsageError(f"suite {name}: {where}: {first['msg']}.{near}") from None


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
