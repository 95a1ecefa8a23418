"""A third party's claim, which is wrong: its trials contradict it."""

import rnnbench
from rnnbench.claims import Above, Claim, GradientSlope, Group, Simulated, difference

FURTHER = Claim(
    name="rnn-gradient-reaches-further",
    statement="The gradient of a vanilla RNN reaches further back than that of an LSTM.",
    citations=(rnnbench.Citation("Acme 2026", "On plain recurrence"),),
    trials=rnnbench.Suite(
        tasks=["copy-memory[delay=80]"],
        models=["rnn[init=torch]", "lstm[forget_bias=2]"],
        hidden_size=16,
        seeds=3,
        settings={"steps": 1, "validate_every": 1, "validation_size": 8, "test_size": 8},
    ),
    groups={"rnn": Group("rnn"), "lstm": Group("lstm")},
    measure=GradientSlope("state", "init"),
    effect=difference("rnn", "lstm", "slope of the gradient of rnn minus that of lstm"),
    rule=Above(0.0),
    simulated=Simulated(
        supported={"rnn": (-0.1, 0.01), "lstm": (-0.5, 0.05)},
        contradicted={"rnn": (-0.5, 0.05), "lstm": (-0.1, 0.01)},
    ),
)


@rnnbench.hookimpl
def register_claims(register: rnnbench.RegisterClaim) -> None:
    """Register the claim."""
    register(FURTHER)
