"""What tutorials and textbooks say about recurrent networks, as claims; one chapter per file."""

from rnnbench import RegisterClaim, hookimpl

from . import gradients, memory, training

_CHAPTERS = (gradients, memory, training)


@hookimpl
def register_claims(register: RegisterClaim) -> None:
    """Register the claims of every chapter."""
    for chapter in _CHAPTERS:
        for claim in chapter.CLAIMS:
            register(claim)
