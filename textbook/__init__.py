"""What tutorials and textbooks say about recurrent networks, as claims; one chapter per file."""

from rnnbench import RegisterClaim, hookimpl

from . import gradients, modern, tuning

_CHAPTERS = (gradients, modern, tuning)


@hookimpl
def register_claims(register: RegisterClaim) -> None:
    """Register the claims of every chapter."""
    for chapter in _CHAPTERS:
        for claim in chapter.CLAIMS:
            register(claim)
