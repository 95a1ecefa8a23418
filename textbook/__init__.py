"""What tutorials and textbooks say about recurrent networks, as claims; one chapter per file."""

from rnnbench import RegisterClaim, hookimpl

from . import clipping, gates, gradients, gru, length, memory, modern, size, training, tuning

_CHAPTERS = (gradients, gates, memory, size, gru, length, training, clipping, modern, tuning)


@hookimpl
def register_claims(register: RegisterClaim) -> None:
    """Register the claims of every chapter."""
    for chapter in _CHAPTERS:
        for claim in chapter.CLAIMS:
            register(claim)
