"""Published results on formal languages."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rnnbench import Published

from ._base import DELETANG
from ._counting import LAN

_BEST = "best of 3 learning rates x 10 seeds, a statement on capability"
_READOUT = "the source has a ReLU between core and readout"
_LOSS = "the source draws one length per batch, so that each string has the same weight in the loss"
_ENCODER = (
    "the source's Transformer is an encoder that sees the whole string, of 5 layers, and the best "
    "of five position encodings; here it is causal"
)
_QUOTED = "table 2, as quoted by Xu et al. (DeltaFormer), table 5"
_SETTINGS = {"hidden_size": 256, "steps": 1_000_000, "batch_size": 128, "optimizer": "adam"}


def _deletang(
    values: Mapping[str, float], where: str, *, above: bool = False, written: bool = False
) -> tuple[Published, ...]:
    """Return results of Deletang et al.

    Args:
        values: accuracies in per cent, by model.
        where: place in the source.
        above: whether the source states that the accuracy is at least the value.
        written: whether the target is a string.
    """
    return tuple(
        Published(
            model=model,
            value=value / 100,
            bound=">" if above else "=",
            citation=DELETANG,
            where=where,
            rounding=0.0 if above else 0.0005,
            printed=f"{value} %",
            settings={} if model == "transformer" else _SETTINGS,
            runs=_BEST,
            chosen_on_test=True,
            differences=(
                _ENCODER if model == "transformer" else _READOUT,
                *((_LOSS,) if written else ()),
            ),
        )
        for model, value in values.items()
    )


def _in_nats(bits: float) -> float:
    return bits * math.log(2)


_REGULAR = _deletang(
    {"rnn": 90, "lstm": 90},
    "appendix B.1: all networks but Transformers solve all regular tasks, which is 90 % or more",
    above=True,
)
EVEN_PAIRS = (
    *_REGULAR,
    *_deletang({"transformer": 90}, "section 5.4: Transformers solve it", above=True),
)
CYCLE_NAVIGATION = (*_REGULAR, *_deletang({"transformer": 61.9}, "appendix B.3.2"))
PARITY = _deletang({"rnn": 100.0, "lstm": 100.0, "transformer": 52.0}, _QUOTED)
MODULAR_ARITHMETIC = _deletang({"rnn": 100.0, "lstm": 100.0, "transformer": 24.2}, _QUOTED)
REVERSE_STRING = _deletang({"rnn": 62.0, "lstm": 60.9, "transformer": 62.3}, _QUOTED, written=True)
DUPLICATE_STRING = _deletang(
    {"rnn": 50.3, "lstm": 57.6, "transformer": 52.8}, _QUOTED, written=True
)
BUCKET_SORT = _deletang(
    {"lstm": 90, "transformer": 90},
    "sections 5.3 and 5.4: both solve it, which is 90 % or more",
    above=True,
    written=True,
)

_BEGINS_ANEW = "the source's network starts anew at each string, of at most 200 symbols"
DYCK_1 = tuple(
    Published(
        model=model,
        value=_in_nats(bits),
        citation=LAN,
        where=where,
        # of its public code (taucompling/mdlrnn, simulations.py)
        options={"opening": 0.3},
        free=("length",),
        rounding=_in_nats(0.0005),
        printed=f"{bits:.3f} bits",
        runs=runs,
        chosen_on_test=chosen,
        differences=(_BEGINS_ANEW, *more),
    )
    for model, bits, where, runs, chosen, more in (
        ("optimum", 0.882, "table 1, optimal", "of its test strings", False, ()),
        *(
            (
                model,
                bits,
                f"table 1, best RNN, {size} training strings",
                "best of a grid of networks",
                None,
                (f"the source trains on {size} strings, a trial draws new ones at every step",),
            )
            for model, bits, size in (("rnn", 0.945, 100), ("lstm", 0.930, 500))
        ),
    )
)
