"""Write the table of models with the evidence that each follows its equations.

python -m tests.parity --write docs/models.md
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from rnnbench.contract import registry
from rnnbench.contract.core import state_size
from rnnbench.contract.entries import RegisteredModel
from rnnbench.contract.options import unwrapped
from tests.parity import Oracle, oracles

COMMAND = "python -m tests.parity --write docs/models.md"
HIDDEN, WIDTH = 64, 32
_INTRODUCTION = f"""# The built-in models

{{count}} architectures in {{families}} families. `rnnbench list models` lists them with their
options, `rnnbench info NAME` prints equations, initialisation and sources of one, and
`-m family:gated` selects a family.

This page is written by `{COMMAND}`.

- **Parameters, state**: numbers in the core and numbers carried from step to step, with the default
  options, for an input width of {WIDTH} and a hidden size of {HIDDEN}. A state that grows is given
  after the first step and after {{long}} steps. `--match params=20k` makes the numbers equal.
- **Training**: how the core maps a sequence: `kernel` of torch, `parallel` over the steps, or
  `step` by step, which the kit compiles for long trainings ([plugins.md](plugins.md)).
- **Parity**: the largest difference between the outputs of the core and those of a second
  implementation in numpy, relative to the largest output, in float64 and with random weights. It
  was written from the equations named, in a loop over time, without any code of the model
  (`tests/parity/`). Options that are compared too are in brackets.
"""
_LONG = 100


def main() -> None:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="the page; default: print it")
    given = parser.parse_args()
    page = "\n".join(lines()) + "\n"
    if given.write:
        given.write.write_text(page, encoding="utf-8")
    else:
        sys.stdout.write(page)


def lines() -> Iterator[str]:
    """Yield the lines of the page."""
    own = {
        name: model
        for name, model in sorted(registry.load().models.items())
        if model.provider.distribution == "rnnbench"
    }
    families = sorted({model.family for model in own.values()})
    yield _INTRODUCTION.format(count=len(own), families=len(families), long=_LONG)
    evidence: dict[str, list[Oracle]] = {}
    for each in oracles():
        evidence.setdefault(each.model, []).append(each)
    for family in families:
        yield f"## {family.capitalize()}\n"
        yield "| model | summary | parameters | state | training | parity | written from |"
        yield "|---|---|---|---|---|---|---|"
        for name, model in own.items():
            if model.family == family:
                yield _row(model, evidence[name])
        yield ""


def _row(model: RegisteredModel, evidence: list[Oracle]) -> str:
    torch.manual_seed(0)
    core = model.build(WIDTH, HIDDEN).eval()
    parameters = sum(each.numel() for each in core.parameters() if each.requires_grad)
    cells = (
        f"`{model.name}`",
        _summary(model),
        f"{parameters:,}",
        _state(model, core),
        _training(model),
        _parity(evidence),
        "; ".join(dict.fromkeys(each.source for each in evidence)),
    )
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _summary(model: RegisteredModel) -> str:
    return model.summary.rstrip(".")


def _state(model: RegisteredModel, core: torch.nn.Module) -> str:
    with torch.no_grad():
        one, many = (state_size(core(torch.zeros(1, steps, WIDTH))[1], 1) for steps in (1, _LONG))
    if not model.causal:
        return "looks ahead"
    return f"{one:,}" if one == many else f"{one:,} to {many:,}"


def _training(model: RegisteredModel) -> str:
    impl = model.options.get("impl")
    if impl is None:
        return "whole" if "kernel" in (inspect.getdoc(unwrapped(model.factory)) or "") else "module"
    return {"fused": "kernel", "auto": "step"}.get(str(impl.default), str(impl.default))


def _parity(evidence: list[Oracle]) -> str:
    worst = max(each.difference() for each in evidence)
    options = [each.label.partition("[")[2].rstrip("]") for each in evidence if each.options]
    shown = f" [{'; '.join(options)}]" if options else ""
    return f"{worst:.0e}{shown}"


if __name__ == "__main__":
    main()
