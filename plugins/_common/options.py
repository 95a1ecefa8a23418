"""Option types and checks that several models share."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

Rate: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
"""A dropout rate below 1."""
Bias: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Implementation: TypeAlias = Literal["fused", "reference"]
PLAIN_LOOP = {"impl": "reference"}
"""The options that turn a model into its plain loop."""


def check_dropout(num_layers: int, dropout: float) -> None:
    """Raise ``ValueError`` for dropout with a single layer, where it has no effect."""
    if dropout and num_layers == 1:
        raise ValueError(
            f"dropout={dropout} applies between layers and there is only one; set num_layers=2 "
            f"or omit dropout."
        )


def check_forget_bias(init: str, forget_bias: float) -> None:
    """Raise ``ValueError`` for a forget bias with ``init=torch``, which ignores it."""
    if init == "torch" and forget_bias != 1.0:
        raise ValueError(
            f"forget_bias={forget_bias} has no effect with init=torch; set init=orthogonal or omit "
            f"forget_bias."
        )


def check_update_bias(init: str, update_bias: float) -> None:
    """Raise ``ValueError`` for an update bias with ``init=torch``, which ignores it."""
    if init == "torch" and update_bias != 0.0:
        raise ValueError(
            f"update_bias={update_bias} has no effect with init=torch; set init=orthogonal or omit "
            f"update_bias."
        )
