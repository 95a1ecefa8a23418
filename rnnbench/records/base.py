"""The base of all recorded data, and content hashes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict


class Data(BaseModel):
    """Base of everything recorded: immutable, nothing unknown, NaN and infinities kept (as JSON
    strings).
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_inf_nan="strings", protected_namespaces=()
    )


def content_hash(content: Any) -> str:
    """Return 16 hexadecimal digits that identify ``content`` (JSON-serialisable), independent of
    key order.
    """
    canonical = json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
