"""A third party's claim, which is wrong: its trials contradict it."""

import rnnbench
from rnnbench.claims import Above, Claim, GradientHalfLife, Group, Simulated, ratio

FURTHER = Claim(
    name="rnn-gradient-reaches-further",
    statement="The gradient of a vanilla RNN reaches further back than that of an LSTM.",
    citations=(rnnbench.Citation("Acme 2026", "On plain recurrence"),),
    trials=rnnbench.Suite(
        tasks=["copy-memory[delay=80]"],
        models=["rnn[init=torch]", "lstm[forget_bias=5]"],
        hidden_size=16,
        seeds=3,
        settings={"steps": 1, "validate_every": 1, "validation_size": 8, "test_size": 8},
    ),
    groups={"rnn": Group("rnn"), "lstm": Group("lstm")},
    measure=GradientHalfLife("state", "init"),
    effect=ratio("rnn", "lstm", "half-life of the gradient of rnn over that of lstm"),
    rule=Above(1.0),
    simulated=Simulated(
        supported={"rnn": (20.0, 2.0), "lstm": (2.0, 0.2)},
        contradicted={"rnn": (2.0, 0.2), "lstm": (20.0, 2.0)},
    ),
)


@rnnbench.hookimpl
def register_claims(register: rnnbench.RegisterClaim) -> None:
    """Register the claim."""
    register(FURTHER)
