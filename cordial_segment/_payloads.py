"""The whole translation: a Cordial record in, the payload of a Segment track call out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from math import isfinite
from typing import Any, Literal, NotRequired, TypedDict

from ._email import add_email_fields
from ._errors import InvalidFieldError, MissingFieldError, PayloadTooLargeError, shown
from ._events import Channel, channel_of, event_name
from ._flattening import MAX_DEPTH, dotted, entries, flatten_within
from ._records import as_record, detached, read_action, read_text
from ._timestamps import read_timestamp

__all__ = ["TrackPayload", "build_track_payload"]

_MAX_BYTES = 32 * 1024
_MAX_MESSAGE_ID = 100

_FIXED = frozenset({bool, type(None)})
_WORD = 1 << 64
_MAX_BITS = 4 * _MAX_BYTES
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

    Source: Segment, "HTTP Tracking API" and "Spec: Track".
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
    :param context: Merged over the default ``context``, key by key at the top.
    :param integrations: Segment's ``integrations``, such as ``{"Cordial (Actions)": False}``.
    :param separator: What stands between the parts of a property's name.
    :raises MissingFieldError: If the record has no action (``action`` or ``a``), or neither it has a ``cID`` nor the
        call a **user_id**.
    :raises InvalidFieldError: If a field holds another kind of value than it takes, or one that JSON has no form for.
    :raises KeyCollisionError: If two places of the record give one property.
    :raises NestingError: If the record nests deeper than 100 containers.
    :raises PayloadTooLargeError: If the payload is over 32,768 bytes in its most compact JSON form.
    :raises TypeError: If an argument is of the wrong kind. An empty string is the same as ``None``.
    :raises ValueError: If **channel** names none.

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
    channel = channel_of(given, action) if channel is None else Channel(channel)
    for argument, value in (("user_id", user_id), ("write_key", write_key), ("message_id", message_id)):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{argument} must be a string, not {shown(value)}")
    if not isinstance(separator, str):
        raise TypeError(f"separator must be a string, not {shown(separator)}")

    anonymous_id = read_text(given, "cID")
    if anonymous_id is None and not user_id:
        raise MissingFieldError("missing, and no user_id was given: whose event is it?", path="cID")
    record_id = read_text(given, "_id")
    timestamp = read_timestamp(given)

    record = given.copy()
    if timestamp is not None:
        del record[timestamp[0]]
    if channel is Channel.EMAIL:
        add_email_fields(record, message)
    elif message is not None:
        as_record(message, "message")

    name = event_name(action, channel)
    payload: TrackPayload = {
        "type": "track",
        "event": name,
        "context": {"library": {"name": "unknown", "version": "unknown"}, "source": "cordial"},
        "integrations": {},
        "properties": flatten_within(_MAX_BYTES, record, separator, MAX_DEPTH),
    }
    if anonymous_id is not None:
        payload["anonymousId"] = anonymous_id
    if user_id:
        payload["userId"] = user_id
    if write_key:
        payload["writeKey"] = write_key
    if record_id is not None:
        message_id = message_id or "api-" + record_id
    if message_id:
        payload["messageId"] = _message_id(message_id)
    if timestamp is not None:
        payload["timestamp"] = timestamp[1]
    if context is not None:
        payload["context"].update(detached(as_record(context, "context"), (None, "context")))
    if integrations is not None:
        payload["integrations"].update(detached(as_record(integrations, "integrations"), (None, "integrations")))

    # An upper bound is enough for nearly every payload; only one near the limit is written out to be measured.
    characters = len(name) + len(anonymous_id or "") + len(user_id or "") + len(write_key or "")
    bound = _longest(payload["properties"], record, separator) + characters * _LONGEST_CHARACTER + _LONGEST_FRAME
    if context is not None or integrations is not None:
        bound += _size([payload["context"], payload["integrations"]])
    if bound > _MAX_BYTES and (size := _size(payload)) > _MAX_BYTES:
        raise PayloadTooLargeError(f"the payload is {size} bytes, and Segment takes {_MAX_BYTES}: send less of it")
    return payload


def _message_id(wanted: str) -> str:
    if len(wanted) <= _MAX_MESSAGE_ID:
        return wanted
    return "api-" + sha256(wanted.encode("utf-8", "surrogatepass")).hexdigest()


def _longest(properties: dict[str, Any], record: dict[Any, Any], separator: str) -> int:
    """Check that each property has a JSON form; give what all of them take in bytes at the most."""
    characters = sum(map(len, properties))
    for key, value in properties.items():
        kind = type(value)
        if kind is str:
            characters += len(value)
        elif kind not in _FIXED and not (kind is int and -_WORD < value < _WORD):
            try:
                characters += _length(value)
            except ValueError as error:
                place = next(place for place, same, _ in entries(record, separator, MAX_DEPTH, None) if same == key)
                raise InvalidFieldError(f"{shown(value)} has no JSON form: {error}", path=dotted(place)) from None
    return characters * _LONGEST_CHARACTER + len(properties) * _LONGEST_REST


def _length(value: object) -> int:
    """Give the characters that an unusual **value** takes; ``ValueError`` says what would have a JSON form."""
    if isinstance(value, str):
        return str.__len__(value)
    if isinstance(value, int):
        if int.bit_length(value) > _MAX_BITS:
            raise ValueError("give a shorter integer, or a string")
        # Python refuses to print an integer of more digits than sys.set_int_max_str_digits allows.
        try:
            return len(int.__repr__(value))
        except ValueError:
            raise ValueError("give a shorter integer, or a string") from None
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError("give a finite number or null")
        return 0
    if type(value) in (dict, list):  # an empty one that flattening made
        return 0
    raise ValueError("give a string, number, bool, null, mapping or list")


def _size(value: object) -> int:
    """Give the bytes of **value** in its most compact JSON form; what in a caller's context has none counts as empty."""
    compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"), skipkeys=True, default=lambda _: "")
    return len(compact.encode("utf-8", "backslashreplace"))
