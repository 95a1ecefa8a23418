"""What tutorials and textbooks say about recurrent networks, as claims; one chapter per file."""

from rnnbench import RegisterClaim, hookimpl

from . import clipping, gates, gradients, memory, modern, size, speed, training, tuning

_CHAPTERS = (gradients, gates, memory, size, speed, training, clipping, modern, tuning)


@hookimpl
def register_claims(register: RegisterClaim) -> None:
    """Register the claims of every chapter."""
    for chapter in _CHAPTERS:
        for claim in chapter.CLAIMS:
            register(claim)
