"""Regular languages in context: predict the strings of an automaton drawn anew."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from pydantic import Field, PositiveInt

import rnnbench
from rnnbench import Batch, Citation, Diagnosis, GeneratedTask, LinePlot, Preset, Tokens
from rnnbench.metrics import CROSS_ENTROPY

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import Predict, RegisterTask

_AKYUREK = Citation(
    "Akyürek et al. 2024",
    "In-Context Language Learning: Architectures and Algorithms",
    "ICML",
    "https://arxiv.org/abs/2401.12973",
)
_SEQUENCES = 500
_DIAGNOSIS_SEED = 0


@dataclass(frozen=True)
class RegularLanguage(GeneratedTask):
    """Regular languages in context: RegBench (Akyürek et al. 2024).

    Each sequence has an automaton of its own, which the network never sees. The sequence is
    ``strings`` strings that the automaton generates, each after a separator #, and the network
    predicts every symbol from those before::

        input:   #  d  a  c  #  d  b  #  d  a
        target:  d  a  c     d  b     d  a  c

    A state has ``edges`` outgoing transitions, all equally likely, with distinct symbols, drawn
    uniformly from all ``symbols``, to distinct other states, drawn uniformly. All strings start in
    the same state; their lengths are uniform from 1 to ``longest``. The separators are not
    predicted. In the paper the number of states, of symbols and of transitions of a state vary
    from automaton to automaton.

    The score is the cross-entropy in nats per symbol. Skill 1 is that of the true distribution,
    ln ``edges``, which takes the automaton: a network cannot reach it, since it has to learn the
    automaton from the sequence. Skill 0 is the best predictor from the last symbol alone,
    ln ``symbols``: two states in succession differ, and their symbols are independent. The
    diagnosis has the scores of the paper: how often the most likely symbol is one that the
    automaton can generate, and the total variation distance between predicted and true
    distribution; and for comparison those of the bigram counts of the sequence itself.

    Attributes:
        states: number of states of an automaton.
        edges: transitions out of a state; less than ``states``.
        symbols: size of the alphabet.
        strings: strings of a sequence.
        longest: symbols of the longest string.
    """

    states: Annotated[int, Field(ge=2)] = 8
    edges: PositiveInt = 2
    symbols: Annotated[int, Field(ge=2)] = 18
    strings: PositiveInt = 12
    longest: PositiveInt = 20

    steps = "every"
    metric = CROSS_ENTROPY
    causal_only = True  # the next input is the target

    citations = (_AKYUREK,)
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {"states": 3, "edges": 2, "symbols": 6, "strings": 12, "longest": 6},
            {"steps": 4000, "batch_size": 64, "learning_rate": 3e-3, "hidden_size": 64},
        ),
        "standard": Preset(
            {"states": 8, "edges": 2, "symbols": 18, "strings": 12, "longest": 20},
            {"steps": 40_000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 128},
        ),
    }

    def __post_init__(self) -> None:
        if self.edges >= self.states:
            raise ValueError(f"edges={self.edges} must be less than states={self.states}")
        if self.edges >= self.symbols:
            raise ValueError(f"edges={self.edges} must be less than symbols={self.symbols}")

    @property
    def inputs(self) -> Tokens:
        """The symbols and the separator."""
        return Tokens(self.symbols + 1)

    @property
    def outputs(self) -> Tokens:
        """The symbols."""
        return Tokens(self.symbols)

    @property
    def length(self) -> int:
        """Steps of the longest sequence."""
        return self.strings * (self.longest + 1) - 1

    @property
    def perfect(self) -> float:
        """The entropy of the next symbol if the automaton is known."""
        return math.log(self.edges)

    @property
    def baseline(self) -> float:
        """The cross-entropy of the uniform distribution over the symbols."""
        return math.log(self.symbols)

    @property
    def solved(self) -> float:
        """A skill of 0.5; 1 takes the automaton itself."""
        return self.perfect + 0.5 * (self.baseline - self.perfect)

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences: inputs, targets and mask (n, T), on ``generator.device``."""
        return self._draw(n, generator)[0]

    def _draw(self, n: int, generator: torch.Generator) -> tuple[Batch, Tensor]:
        """Draw sequences, and which symbols can be next at each step: (n, T, symbols) bool."""
        device, strings = generator.device, self.strings
        automata = n * self.states
        # edges lead to distinct other states: 1 to states - 1 further on, modulo their number
        jumps = 1 + _distinct(automata, self.states - 1, self.edges, generator)
        jumps = jumps.view(n, self.states, self.edges)
        labels = _distinct(automata, self.symbols, self.edges, generator)
        labels = labels.view(n, self.states, self.edges)
        size = (n, strings, self.longest)
        choices = torch.randint(self.edges, size, generator=generator, device=device)
        lengths = torch.randint(
            1, self.longest + 1, (n, strings), generator=generator, device=device
        )
        row = torch.arange(n, device=device)[:, None].expand(n, strings)
        state = torch.zeros_like(row)
        visited = []
        for choice in choices.unbind(2):
            visited.append(state)
            state = (state + jumps[row, state, choice]) % self.states
        states = torch.stack(visited, 2)  # before each symbol
        rows = row[:, :, None].expand_as(states)
        written = labels[rows, states, choices]
        # From (string, place) to steps. The separator of a string is read where its first symbol is
        # predicted, and its last symbol is read one step later than it is predicted.
        ends = (lengths + 1).cumsum(1)
        total = int(ends[:, -1].max()) - 1
        steps = torch.arange(total, device=device).expand(n, -1).contiguous()
        string = torch.searchsorted(ends, steps, right=True).clamp_max(strings - 1)
        place = steps - (ends - lengths - 1).gather(1, string)  # 0 at the separator
        counted = place < lengths.gather(1, string)
        place = place.clamp_max(self.longest)
        index = string * self.longest + place.clamp_max(self.longest - 1)
        targets = torch.where(counted, written.flatten(1).gather(1, index), 0)
        before = string * self.longest + (place - 1).clamp_min(0)
        inputs = torch.where(place == 0, self.symbols, written.flatten(1).gather(1, before))
        valid = torch.zeros(n, self.states, self.symbols, dtype=torch.bool, device=device)
        valid.scatter_(2, labels, True)
        row = torch.arange(n, device=device)[:, None]
        possible = valid[row, states.flatten(1).gather(1, index)]
        return Batch(inputs, targets, ends[:, -1] - 1, counted), possible

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Compare predicted with true distributions, on sequences whose automata are known."""
        generator = torch.Generator(test.inputs.device).manual_seed(_DIAGNOSIS_SEED)
        batch, possible = self._draw(_SEQUENCES, generator)
        assert batch.mask is not None
        assert batch.lengths is not None
        steps = torch.arange(batch.inputs.shape[1], device=batch.inputs.device)
        counted = batch.mask & (steps < batch.lengths[:, None])
        string = (batch.inputs == self.symbols).cumsum(1)[counted].cpu()
        truth = possible[counted].double().cpu() / self.edges
        outputs = predict(batch.inputs, batch.lengths)[counted].double().softmax(-1).cpu()
        counts = self._bigrams(batch.inputs)[counted].cpu()
        scores, lines = {}, {}
        for name, distribution in (("model", outputs), ("bigrams", counts)):
            likely = distribution.argmax(-1, keepdim=True)
            right = (truth.gather(1, likely)[:, 0] > 0).double()
            suffix = "" if name == "model" else f" of {name}"
            scores[f"valid predictions{suffix}"] = float(right.mean())
            scores[f"total variation{suffix}"] = float(
                (distribution - truth).abs().sum(-1).mean() / 2
            )
            lines[name] = tuple((string.bincount(weights=right) / string.bincount())[1:].tolist())
        plot = LinePlot(
            title="Valid predictions by string",
            x_label="number of the string in its sequence",
            y_label="most likely symbol is valid",
            x=tuple(range(1, self.strings + 1)),
            lines={**lines, "chance": (self.edges / self.symbols,) * self.strings},
        )
        return Diagnosis(scores, (plot,))

    def _bigrams(self, inputs: Tensor) -> Tensor:
        """Return the frequencies (n, T, symbols) float64 of what followed the last symbol so far.

        They are uniform where it was not read before.
        """
        n, length = inputs.shape
        row = torch.arange(n, device=inputs.device)
        counts = torch.zeros(n, self.symbols + 1, self.symbols + 1, dtype=torch.float64)
        counts = counts.to(inputs.device)
        found = []
        for step in range(length):
            if step:
                counts[row, inputs[:, step - 1], inputs[:, step]] += 1
            followed = counts[row, inputs[:, step], : self.symbols]
            total = followed.sum(-1, keepdim=True)
            found.append(torch.where(total > 0, followed / total.clamp_min(1), 1 / self.symbols))
        return torch.stack(found, 1)


def _distinct(n: int, size: int, count: int, generator: torch.Generator) -> Tensor:
    """Draw ``count`` of ``size`` numbers without replacement, in random order: (n, count)."""
    scores = torch.rand(n, size, generator=generator, device=generator.device)
    return scores.topk(count).indices


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``regular-language``."""
    register("regular-language", RegularLanguage)
