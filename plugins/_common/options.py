"""Option types and checks that the recurrent models share."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

Rate: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
"""A probability of dropping; 1 would drop everything."""
Bias: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Implementation: TypeAlias = Literal["fused", "reference"]


def check_dropout(num_layers: int, dropout: float) -> None:
    """Refuse dropout that would act nowhere; raises ``ValueError``."""
    if dropout and num_layers == 1:
        raise ValueError(
            f"dropout={dropout} acts between layers and there is only one; add num_layers=2 or leave dropout out."
        )


def check_forget_bias(init: str, forget_bias: float) -> None:
    """Refuse a forget bias that torch's own initialisation would not apply; raises ``ValueError``."""
    if init == "torch" and forget_bias != 1.0:
        raise ValueError(
            f"forget_bias={forget_bias} is not applied by init=torch; use init=orthogonal or leave forget_bias out."
        )
