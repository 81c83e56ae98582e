"""The identity of an event: its ``messageId``, by which Segment recognises a retry."""

import json
from hashlib import sha256
from typing import Any

_LONGEST = 99
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def content_id(user_id: str, anonymous_id: str, name: str, timestamp: str, properties: dict[str, Any]) -> str:
    """Return an id made of what the payload says, or ``""`` if it has no time.

    A time at midnight may be a mere date, on which equal events may happen several times.
    """
    if not timestamp or timestamp.endswith("T00:00:00.000Z"):
        return ""
    content = [user_id or None, anonymous_id or None, name, timestamp, properties]
    return _hashed(_canonical(content))


def fitting_id(message_id: str) -> str:
    """Return **message_id**, or its digest if it is longer than Segment accepts."""
    return message_id if len(message_id) <= _LONGEST else _hashed(message_id)


def _hashed(text: str) -> str:
    return "api-" + sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
