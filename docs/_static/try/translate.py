"""What the page asks of the library: its own functions, in the order in which a pipeline calls them."""

import json
import re
from typing import Any

from cordial_segment import (
    KeyCollisionError,
    Policy,
    build_track_payload,
    channel_of,
    is_blocked,
    open_envelope,
)


def translate(texts: str) -> str:
    """Translate the record in **texts**, a JSON object of the JSON texts in the page's fields; an empty one is absent.

    The answer is a JSON object with ``payload``, ``blocked`` or ``error``, and the ``channel`` if it is known.
    """
    answer: dict[str, Any] = {}
    try:
        given = {field: json.loads(text) if text.strip() else None for field, text in json.loads(texts).items()}
        policy = None if given["policy"] is None else read_policy(given["policy"])
        event, contact = open_envelope(given["record"])
        answer["envelope"] = event is not given["record"]
        answer["channel"] = channel_of(event)
        if is_blocked(event):
            answer["blocked"] = "origin"
        elif is_blocked(event, policy):
            answer["blocked"] = "policy"
        else:
            contact = contact if given["contact"] is None else given["contact"]
            payload = build_track_payload(event, contact=contact, message=given["message"])
            answer["event"] = payload["event"]
            answer["payload"] = shown(payload)
    except (TypeError, ValueError) as error:
        paths = error.paths if isinstance(error, KeyCollisionError) else (getattr(error, "path", None),)
        answer["error"] = {
            "type": type(error).__name__,
            "message": str(error),
            "paths": [path for path in paths if path is not None],
        }
    return json.dumps(answer)


def read_policy(settings: Any) -> Policy:
    """Read the settings in the field; their errors do not say which field it is."""
    try:
        return Policy.from_dict(settings)
    except (TypeError, ValueError) as error:
        raise type(error)(f"policy: {error}") from None


def shown(payload: Any) -> str:
    """Write **payload** for people: only what no text can hold, half of a surrogate pair, stays escaped."""
    text = json.dumps(payload, indent=2, ensure_ascii=False, allow_nan=False)
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)
