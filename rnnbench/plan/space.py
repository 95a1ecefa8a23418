"""The search space of a request, as typed: ``learning_rate=1e-4..1e-2``, ``optimizer=adam|sgd``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeGuard

from rnnbench.contract.options import Option
from rnnbench.errors import OptionError, UsageError, did_you_mean, one_line
from rnnbench.plan.foreign import INLINE, replacement
from rnnbench.plan.planning import SETTING_OPTIONS
from rnnbench.records.space import LINEAR, Axis
from rnnbench.records.syntax import OptionValue

BUDGET = ("steps", "batch_size", "validation_size", "test_size", "validate_every")
"""Settings of the budget and of the measurement, which a comparison holds equal."""


def parse_space(
    texts: Sequence[str], models: Mapping[str, Mapping[str, Option]]
) -> tuple[Axis, ...]:
    """Return the search space that texts such as ``learning_rate=1e-4..1e-2`` describe.

    ``a..b`` is a range of numbers, on a log scale where both are positive, unless it ends with
    ``:linear``; ``a|b|c`` are choices. The axes are in the order of their names.

    Args:
        texts: one for each setting or model option.
        models: the options of each model by name, its hidden size among them.

    Raises:
        UsageError: an unknown name, one that not every model has, one of the budget, a range that
            is empty or inverted, fewer than two values, or a value that is not accepted.
    """
    found: dict[str, Axis] = {}
    for text in texts:
        name, equals, values = (part.strip() for part in text.partition("="))
        if not equals or not name or not values:
            raise UsageError(
                f"--tune {one_line(text, 60)!r} is not NAME=RANGE; "
                "type e.g. --tune 'learning_rate=1e-4..1e-2'."
            )
        name = name if name in _known(models) else name.replace("-", "_")
        if name in found:
            raise UsageError(
                f"--tune {name} is given twice; give all its values at once: {name}=a|b|c."
            )
        found[name] = _axis(name, values, _owners(name, models))
    return tuple(found[name] for name in sorted(found))


def _known(models: Mapping[str, Mapping[str, Option]]) -> list[str]:
    options = [set(each) for each in models.values()]
    shared = sorted(set.intersection(*options)) if options else []
    return [*(name for name in SETTING_OPTIONS if name not in BUDGET), *shared]


def _owners(name: str, models: Mapping[str, Mapping[str, Option]]) -> dict[str, Option]:
    """Return the options of this name by their owners: the training, or every model."""
    if name in BUDGET:
        raise UsageError(
            f"--tune {name} would change the budget, which a comparison holds equal; "
            f"set it for all models: --{name.replace('_', '-')} VALUE."
        )
    if name in SETTING_OPTIONS:
        return {"training": SETTING_OPTIONS[name]}
    having = [model for model, options in models.items() if name in options]
    if not having:
        known = _known(models)
        near = did_you_mean(_meant(name, known), known)
        raise UsageError(
            f"--tune {one_line(name, 60)}: there is no such setting, nor an option of every "
            f"model.{near} There are: {', '.join(known)}."
        )
    for model, options in models.items():
        if name not in options:
            raise UsageError(
                f"--tune {name}: model {model!r} has no such option; it has: "
                f"{', '.join(sorted(options))}. Every model is tuned in the same space; "
                f"name the models that have it: --model {','.join(having)}."
            )
    return {f"model {model!r}": options[name] for model, options in models.items()}


def _meant(name: str, known: Sequence[str]) -> str:
    """Return the known name that a word of another tool means, such as ``lr``; else the word."""
    found = replacement(name, [each.replace("_", "-") for each in known])
    if found is not None and found.option:
        return found.option.replace("-", "_")
    return INLINE.get(name, name)


def _axis(name: str, values: str, owners: Mapping[str, Option]) -> Axis:
    if any(option.is_file for option in owners.values()):
        raise UsageError(f"--tune {name}: a data file is not tuned; set it in brackets.")
    parts = _split(values)
    if len(parts) > 1:
        choices = [_parsed(part, owners) for part in parts]
        for place, choice in enumerate(choices):
            if choice in choices[:place]:
                raise UsageError(f"--tune {name}: the value {parts[place]} is given twice.")
        return Axis(name=name, choices=tuple(choices))
    linear = values.endswith(LINEAR)
    low_text, dots, high_text = values.removesuffix(LINEAR).partition("..")
    if not dots:
        raise UsageError(
            f"--tune {name}={one_line(values, 60)} is a single value; give a range, "
            f"{name}=a..b, or choices, {name}=a|b, or set it for all models without --tune."
        )
    ends = (low_text.strip(), high_text.strip())
    if not all(ends) or ends[1].startswith("."):
        raise UsageError(
            f"--tune {name}={one_line(values, 60)} is not a range; "
            "type two numbers with two dots between: 0.1..0.5"
        )
    low, high = (_parsed(end, owners) for end in ends)
    if not _is_number(low) or not _is_number(high):
        raise UsageError(
            f"--tune {name}={one_line(values, 60)}: a range needs two numbers; "
            f"list the choices: {name}={ends[0]}|{ends[1]}."
        )
    if low == high:
        raise UsageError(f"--tune {name}: the range {values} holds one value; give two ends.")
    if low > high:
        raise UsageError(
            f"--tune {name}: the range {values} is inverted; type {name}={ends[1]}..{ends[0]}."
        )
    if not (isinstance(low, int) and isinstance(high, int)):
        low, high = float(low), float(high)
    return Axis(name=name, low=low, high=high, log=low > 0 and not linear)


def _is_number(value: OptionValue) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _parsed(text: str, owners: Mapping[str, Option]) -> OptionValue:
    """Return a value as every owner reads it.

    Raises:
        UsageError: an owner refuses it, or two owners read it differently.
    """
    found: list[OptionValue] = []
    for owner, option in owners.items():
        try:
            found.append(option.parse(text))
        except OptionError as error:
            raise UsageError(f"--tune: {owner}: {error}") from None
    if any(value != found[0] for value in found):
        raise UsageError(
            f"--tune: {text!r} is not the same value for {' and '.join(owners)}; "
            "name one of them with --model."
        )
    return found[0]


def _split(values: str) -> list[str]:
    """Split choices at ``|`` outside brackets."""
    parts, depth = [""], 0
    for character in values:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]
