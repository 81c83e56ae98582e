"""The whole translation: a Cordial record in, the payload of a Segment track call out."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Literal, NotRequired, TypedDict

from ._email import add_email_fields
from ._errors import MissingFieldError, PayloadTooLargeError, is_a, shown
from ._events import Channel, as_channel, channel_of, event_name
from ._flattening import LEAST_ENTRY
from ._properties import flatten_to_json
from ._records import as_record, detached, read_action, read_text
from ._timestamps import read_timestamp

__all__ = ["TrackPayload", "build_track_payload"]

_EMAIL = Channel.EMAIL  # a member's look-up on its class is slow before Python 3.12

_MAX_BYTES = 32 * 1024
_MAX_MESSAGE_ID = 100

# In the most compact JSON, a character takes 6 bytes at most (an escape such as \u0001). Beside its characters, a
# property takes 6 (quotes, colon, comma), and 24 more where its value is a number of a fixed width.
_LONGEST_CHARACTER = 6
_LONGEST_REST = 30
# What a payload takes around its properties, but for names and keys given by others: a messageId of 100 and the rest.
_LONGEST_FRAME = 1000


class TrackPayload(TypedDict):
    """A Segment track call, as ``POST /v1/track`` and each member of ``/v1/batch`` take it.

    A plain dict at run time. ``anonymousId`` or ``userId`` is always there; each field that is not required is absent
    where it has no value, never ``None``.

    Source: Segment, "HTTP API Source" and "Spec: Track".
    """

    type: Literal["track"]
    event: str
    context: dict[str, Any]
    integrations: dict[str, Any]
    properties: dict[str, Any]
    anonymousId: NotRequired[str]
    userId: NotRequired[str]
    messageId: NotRequired[str]
    timestamp: NotRequired[str]
    writeKey: NotRequired[str]


def build_track_payload(
    event: Mapping[str, Any],
    *,
    channel: Channel | str | None = None,
    message: Mapping[str, Any] | None = None,
    user_id: str | None = None,
    write_key: str | None = None,
    message_id: str | None = None,
    context: Mapping[str, Any] | None = None,
    integrations: Mapping[str, Any] | None = None,
    separator: str = "_",
) -> TrackPayload:
    """Translate a Cordial event record into the payload of a Segment track call.

    The payload's ``properties`` are the record, with Segment's email fields added where the channel is email, and
    flattened. Every leaf of the record is there but the time, which becomes ``timestamp``, and a link that
    ``link_url`` repeats. The record is not changed, the payload shares no container with any argument, and
    ``json.dumps(payload, allow_nan=False)`` never fails on what came from the record.

    :param event: The record.
    :param channel: Its channel; told from the record where left out: ``chnl-type``, ``chnl`` or ``channel``, else its
        action, else custom.
    :param message: The metadata of the message that an email event is about; see ``enrich_email_fields``.
    :param user_id: Segment's ``userId``.
    :param write_key: Segment's ``writeKey``, for a transport that authenticates in the body.
    :param message_id: Segment's ``messageId``. Left out, it is ``api-`` and the record's ``_id``, so that a retry is
        the same message to Segment; without an ``_id`` there is none. One of over 100 characters is replaced by
        ``api-`` and its SHA-256.
    :param context: Merged over the default ``context``, key by key at the top. What is in it is not checked.
    :param integrations: Segment's ``integrations``, such as ``{"Cordial (Actions)": False}``.
    :param separator: What stands between the parts of a property's name.
    :raises MissingFieldError: If the record has no action (``action`` or ``a``), or neither it has a ``cID`` nor the
        call a **user_id**.
    :raises InvalidFieldError: If a field holds another kind of value than it takes, or one that JSON has no form for.
    :raises KeyCollisionError: If two places of the record give one property.
    :raises NestingError: If the record nests deeper than 100 containers.
    :raises PayloadTooLargeError: If the payload is over 32,768 bytes in its most compact JSON form.
    :raises TypeError: If an argument is of the wrong kind. An empty string is the same as ``None``.
    :raises ValueError: If **channel** names none, or **context** or **integrations** hold an integer too long to print.

    >>> from cordial_segment import build_track_payload
    >>> payload = build_track_payload(
    ...     {"action": "open", "cID": "c1", "_id": "e1", "time": "2021-10-22T16:11:48+0000", "d": {"type": "phone"}}
    ... )
    >>> payload["event"], payload["timestamp"], payload["messageId"]
    ('Email Opened', '2021-10-22T16:11:48.000Z', 'api-e1')
    >>> payload["properties"]
    {'action': 'open', 'cID': 'c1', '_id': 'e1', 'd_type': 'phone'}

    Source: the example of Cordial's article "Send data from Cordial to Segment"; Segment, "Spec: Track".
    """
    given = as_record(event)
    action = read_action(given)
    channel = channel_of(given, action) if channel is None else as_channel(channel)
    if user_id is not None or write_key is not None or message_id is not None:
        _require_text(user_id=user_id, write_key=write_key, message_id=message_id)

    anonymous_id = read_text(given, "cID")
    if not (anonymous_id or user_id):
        raise MissingFieldError("missing, and no user_id was given: whose event is it?", path="cID")
    record_id = read_text(given, "_id")
    timestamp = read_timestamp(given)

    record = given.copy()
    if timestamp:
        del record[timestamp[0]]
    if channel is _EMAIL:
        add_email_fields(record, message)
    elif message is not None:
        as_record(message, "message")

    properties, characters = flatten_to_json(record, separator, _MAX_BYTES)
    name = event_name(action, channel)
    payload: TrackPayload = {
        "type": "track",
        "event": name,
        "context": {"library": {"name": "unknown", "version": "unknown"}, "source": "cordial"},
        "integrations": {},
        "properties": properties,
    }
    characters += len(name)
    if anonymous_id:
        payload["anonymousId"] = anonymous_id
        characters += len(anonymous_id)
    if user_id:
        payload["userId"] = user_id
        characters += len(user_id)
    if write_key:
        payload["writeKey"] = write_key
        characters += len(write_key)
    if record_id:
        message_id = message_id or "api-" + record_id
    if message_id:
        payload["messageId"] = _message_id(message_id)
    if timestamp:
        payload["timestamp"] = timestamp[1]
    if context is not None:
        payload["context"].update(detached(as_record(context, "context"), (None, "context")))
    if integrations is not None:
        payload["integrations"].update(detached(as_record(integrations, "integrations"), (None, "integrations")))

    # Bounds settle nearly every payload; only one near the limit is written out to be measured.
    most = characters * _LONGEST_CHARACTER + len(properties) * _LONGEST_REST + _LONGEST_FRAME
    if context is not None or integrations is not None:
        most += _size([payload["context"], payload["integrations"]])
    if most > _MAX_BYTES:
        least = characters + len(properties) * LEAST_ENTRY
        size = least if least > _MAX_BYTES else _size(payload)
        if size > _MAX_BYTES:
            raise PayloadTooLargeError(f"the payload takes {size} bytes or more, over {_MAX_BYTES}: send less of it")
    return payload


def _require_text(**arguments: object) -> None:
    for name, value in arguments.items():
        if value is not None and not is_a(value, str):
            raise TypeError(f"{name} must be a string, not {shown(value)}")


def _message_id(wanted: str) -> str:
    if len(wanted) <= _MAX_MESSAGE_ID:
        return wanted
    return "api-" + sha256(wanted.encode("utf-8", "surrogatepass")).hexdigest()


def _size(value: object) -> int:
    """Give the bytes of **value** in its most compact JSON form; what a caller's context has without one is empty."""
    compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"), skipkeys=True, default=lambda _: "")
    return len(compact.encode("utf-8", "backslashreplace"))
