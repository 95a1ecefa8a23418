"""Suites: named grids of trials, in YAML, from a file or shipped with rnnbench."""

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

from rnnbench.errors import UsageError, did_you_mean, one_line
from rnnbench.plan.planning import DEFAULT_SEEDS, Request

SIZE_LIMIT = 1 << 18
"""Bytes of a suite file at most."""


class Suite(BaseModel):
    """What a suite file may say."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    description: str = ""
    tasks: list[str] = Field(min_length=1)
    models: list[str] = Field(default=["all"], min_length=1)
    seeds: int | list[int] = DEFAULT_SEEDS
    preset: str | None = None
    hidden_size: int | None = Field(default=None, gt=0)
    settings: dict[str, Any] = {}


def shipped() -> dict[str, Suite]:
    """Return the suites that come with rnnbench, by name."""
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
    """Read a suite by its path (anything that exists or ends in .yaml or .yml) or by the name of a
    shipped one.

    Raises:
        UsageError: no such suite, a file that cannot be read, or content that is not a suite; the
            text says where.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or os.path.isfile(name):  # noqa: PTH113 - unlike Path's, false for any impossible name
        return _parse(_text_of(path), name)
    suites = shipped()
    if name not in suites:
        raise UsageError(
            f"no suite called {one_line(name, 80)!r}.{did_you_mean(name, suites)} "
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
    """Return the suite's request, with what is given here in place of the suite's own."""
    return Request(
        tasks=tasks or suite.tasks,
        models=models or suite.models,
        seeds=suite.seeds if seeds is None else seeds,
        preset=suite.preset if preset is None else preset,
        hidden_size=suite.hidden_size if hidden_size is None else hidden_size,
        settings={**suite.settings, **settings},
    )


def _text_of(path: Path) -> str:
    shown = one_line(path, 200)
    try:
        if path.exists() and not path.is_file():  # reading a pipe or a device might never end
            raise UsageError(f"suite {shown} is no regular file.")
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise UsageError(f"suite {shown} cannot be read: {error.strerror}.") from None
    except ValueError:  # a null character in the name
        raise UsageError(f"suite {shown!r} is not a path.") from None
    if len(content) > SIZE_LIMIT:
        raise UsageError(
            f"suite {shown} is too large: a suite file has at most {SIZE_LIMIT} bytes."
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"suite {shown} is not UTF-8 text.") from None


def _parse(text: str, name: str) -> Suite:
    shown = one_line(name, 200)
    content = _loaded(text, shown)
    if not isinstance(content, dict):
        raise UsageError(
            f"suite {shown} names no tasks; begin it with a line such as: tasks: [copy-memory]"
        )
    try:
        return Suite.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = one_line(".".join(str(part) for part in first["loc"]), 80)
        near = did_you_mean(where, Suite.model_fields) if first["type"] == "extra_forbidden" else ""
        raise UsageError(f"suite {shown}: {where}: {one_line(first['msg'], 160)}.{near}") from None


def _loaded(text: str, shown: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", YAMLWarning)
            if "*" in text and any(isinstance(event, AliasEvent) for event in _yaml().parse(text)):
                # they can make a small file expand without bound, and a suite has no use for them
                raise UsageError(
                    f"suite {shown}: YAML aliases are not allowed; quote a pattern with a star: '*gru*'."
                )
            return _yaml().load(text)
    except UsageError:
        raise
    # besides YAMLError, whatever the parser's constructors run into: IndexError, RecursionError ...
    except Exception as error:
        hint = " Quote words with brackets: 'lstm[hidden_size=64]'." if "[" in text else ""
        raise UsageError(
            f"suite {shown} is not valid YAML: {one_line(error, 200)}.{hint}"
        ) from None


def _yaml() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = False
    return yaml
