"""The base class of all recorded data, the type of one-line texts, and content hashes."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict

from rnnbench.errors import message_line

Line: TypeAlias = Annotated[str, AfterValidator(message_line)]
"""One printable line of bounded length: text of plugins, of libraries or of a foreign store."""


class Data(BaseModel):
    """Immutable data without unknown fields; NaN and infinities are written as JSON strings."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_inf_nan="strings", protected_namespaces=()
    )


def content_hash(content: Any) -> str:
    """Return 16 hexadecimal digits that identify JSON-serialisable content, in any key order."""
    canonical = json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
