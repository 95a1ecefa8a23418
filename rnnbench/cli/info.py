"""``rnnbench info``: one model or task in full."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from rnnbench.cli.advice import Command
from rnnbench.cli.output import echo
from rnnbench.contract.options import unwrapped

if TYPE_CHECKING:
    from rnnbench.contract.entries import RegisteredClaim, RegisteredModel, RegisteredTask
    from rnnbench.contract.task import Preset
    from rnnbench.records.citation import Citation
    from rnnbench.records.result import RecordedCitation

INFO_EXAMPLES = """\b
Examples:
  rnnbench info lstm
  rnnbench info copy-memory
  rnnbench info forget-bias-half-life
"""
_LINE_LIMIT = 160
_ROLES = re.compile(r":[a-z]+:`~?([^`]*)`")


@click.command(cls=Command, epilog=INFO_EXAMPLES)
@click.argument("name")
def info(name: str) -> None:
    """Show a model or a task: equations, options, presets and sources; or a claim: trials and rule.

    The text is that of its author, from the docstrings of its module and its class.
    """
    from rnnbench.contract import registry
    from rnnbench.contract.entries import RegisteredClaim

    member = registry.load().member(name)
    if isinstance(member, RegisteredClaim):
        for line in _claim(member):
            echo(line)
        return
    parts = (_heading, _texts, _options, _published, _sources)
    for line in (line for part in parts for line in part(member)):
        echo(line)


def _heading(member: RegisteredModel | RegisteredTask) -> Iterator[str]:
    from rnnbench.contract.entries import RegisteredModel

    words = [member.kind]
    if isinstance(member, RegisteredModel):
        words += [f"family {member.family}"] if member.family else []
        words += ["causal" if member.causal else "looks ahead"]
    provider = f"{member.provider.distribution} {member.provider.version}"
    yield f"{member.name}: {', '.join(words)} ({provider})"


def _texts(member: RegisteredModel | RegisteredTask) -> Iterator[str]:
    """Yield the docstrings of module and class, as text for a terminal."""
    target = unwrapped(member.factory)
    module = sys.modules.get(getattr(target, "__module__", ""))
    for source in (module, target):
        text = inspect.getdoc(source) if source is not None else None
        # a class without a docstring has that of its base
        if text and (not isinstance(source, type) or vars(source).get("__doc__")):
            yield ""
            yield from (_plain(line) for line in text.splitlines())


def _plain(line: str) -> str:
    """Return a line of a docstring without the marks of reStructuredText."""
    line = _ROLES.sub(r"\1", line).replace("``", "")
    line = re.sub(r"::\s*$", ":", line)
    shown = "".join(each if each.isprintable() else "?" for each in line)
    return shown if len(shown) <= _LINE_LIMIT else f"{shown[: _LINE_LIMIT - 3]}..."


def _options(member: RegisteredModel | RegisteredTask) -> Iterator[str]:
    from rnnbench.contract.entries import RegisteredTask
    from rnnbench.records.syntax import option_text

    if member.options:
        yield ""
        yield "options:"
        rows = [
            (f"{each.name}={option_text(each.default)}", each.accepts)
            for each in member.options.values()
        ]
        width = max(len(left) for left, _ in rows)
        yield from (f"  {left:{width}}  {right}" for left, right in rows)
    if isinstance(member, RegisteredTask) and member.factory.presets:
        yield ""
        yield "presets:"
        yield from (f"  {name}: {_preset(each)}" for name, each in member.factory.presets.items())


def _published(member: RegisteredModel | RegisteredTask) -> Iterator[str]:
    """Yield the published results of a task, with the options that each holds for."""
    from rnnbench.contract.entries import RegisteredTask
    from rnnbench.records.published import BOUNDS
    from rnnbench.records.syntax import option_text

    if not isinstance(member, RegisteredTask) or not member.factory.published:
        return
    yield ""
    yield "published values (a report shows those whose options and data files are the trial's):"
    for each in member.factory.published:
        value = f"{each.score} {BOUNDS[each.bound]}{each.value:.5g}".lstrip()
        printed = f" ({each.printed})" if each.printed else ""
        options = [f"{name}={option_text(given)}" for name, given in each.options.items()]
        held = ", ".join([*options, *(f"{name}=its data" for name in each.data)])
        place = f"{each.citation.key}, {each.where}"
        yield _plain(f"  {each.model}: {value}{printed}; {held or 'defaults'}; {place}")


def _preset(preset: Preset) -> str:
    from rnnbench.records.syntax import option_text

    given = {**preset.options, **preset.settings}
    return ", ".join(f"{name}={option_text(value)}" for name, value in given.items()) or "defaults"


def _claim(entry: RegisteredClaim) -> Iterator[str]:
    """Yield what is said, the trials, the effect and the rule."""
    claim = entry.claim
    yield f"{claim.name}: claim ({entry.provider.distribution} {entry.provider.version})"
    yield ""
    yield _plain(claim.statement)
    yield ""
    yield f"effect: {_plain(claim.effect.unit)}"
    yield f"supported if it is {claim.rule}"
    yield f"measured: {claim.measure.name}"
    if claim.caution:
        yield f"caution: {_plain(claim.caution)}"
    yield ""
    yield "groups:"
    for name, group in claim.groups.items():
        settings = ", ".join(f"{key}={value}" for key, value in group.settings.items())
        words = [group.model, group.task and f"on {group.task}", settings]
        words += ["tuned recipe"] if group.tuned else []
        yield f"  {name}: {', '.join(word for word in words if word) or 'every trial'}"
    for size in claim.trials.sizes or ["standard"]:
        yield ""
        yield f"trials ({size}):"
        for grid in claim.trials.grids(size):
            given = grid.model_dump(include=grid.model_fields_set)
            yield f"  {'; '.join(f'{name}: {_value(value)}' for name, value in given.items())}"
    yield from _cited(claim.citations)


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}={each}" for name, each in value.items())
    return str(value)


def _sources(member: RegisteredModel | RegisteredTask) -> Iterator[str]:
    return _cited(member.citations)


def _cited(citations: Sequence[Citation | RecordedCitation]) -> Iterator[str]:
    if citations:
        yield ""
        yield "sources:"
        for each in citations:
            venue = f" {each.venue}." if each.venue else ""
            end = "" if each.title.endswith("?") else "."
            yield f"  {each.key}. {each.title}{end}{venue} {each.url}".rstrip()
