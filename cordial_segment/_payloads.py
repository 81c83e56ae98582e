"""The whole translation: a Cordial record in, the payload of a Segment track call out.

Flattening gives up where the keys alone are too long. The email fields are added to the flat dict. Two questions are
asked of the result: has every value a JSON form, and does the payload fit? Cheap bounds answer both for most payloads;
the others are written out and measured. The path of a leaf at fault is looked up when the error is raised.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Literal, NotRequired, TypedDict, cast

from ._channels import EMAIL, Channel, as_channel, channel_in
from ._email import add_email_fields
from ._errors import InvalidFieldError, MissingFieldError, PayloadTooLargeError, shown
from ._events import NAMES
from ._flattening import LEAST_ENTRY, MAX_DEPTH, NoRoomError, flat_dict, path_of
from ._records import Record, as_record, as_text, read_text, require_action, section
from ._timestamps import read_timestamp

_MAX_BYTES = 32 * 1024
_MAX_MESSAGE_ID = 99
_MAX_CONTEXT_DEPTH = 500  # json needs the stack for it
_TOO_LARGE = f"the payload takes over {_MAX_BYTES:,} bytes"
_TEXTS = ("anonymousId", "userId", "messageId", "timestamp", "writeKey")  # each only if it has a value

# Room is counted in characters. Each that is taken makes at most 6 bytes: a character up to 6 (\u0001), the 5 of
# LEAST_ENTRY up to 28 (a number below 1e18 has 24). All else is under 2,000. So a seventh of the room is sure to fit.
_ROOMY = _MAX_BYTES - _MAX_BYTES // 7
_FIXED_WIDTH = frozenset({bool, type(None), dict, list})  # the containers of a flat dict are empty


class TrackPayload(TypedDict):
    """A Segment track call, as ``POST /v1/track`` and each member of ``/v1/batch`` take it: a plain dict at run time.

    A field without a value is absent, never ``None``. Source: Segment, "HTTP API Source" and "Spec: Track".
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
    contact: Mapping[str, Any] | None = None,
    message: Mapping[str, Any] | None = None,
    user_id: str | None = None,
    write_key: str | None = None,
    message_id: str | None = None,
    context: Mapping[str, Any] | None = None,
    integrations: Mapping[str, Any] | None = None,
    separator: str = "_",
) -> TrackPayload:
    """Translate a Cordial event record into the payload of a Segment track call.

    ``properties`` are every leaf of the record, by its flat key, except the time, which becomes ``timestamp``. On the
    email channel, Segment's email fields are added if their names are free, and ``link`` in ``system_properties`` and
    ``sp`` is dropped if it is empty or repeats ``link_url``. The record is not changed, the payload shares no container
    with any argument, and ``json.dumps(payload, allow_nan=False)`` never fails.

    :param channel: The record's channel. The default is what ``channel_of`` returns.
    :param contact: The contact that the record came with, from ``open_envelope``. Its id is used if the record has no
        ``cID``. Its email and phone, if strings, go into ``context.traits``, and nothing else of it is sent.
    :param message: The metadata of the message that an email event is about; see ``enrich_email_fields``.
    :param user_id: Segment's ``userId``. For this and the next two, an empty string counts as ``None``.
    :param write_key: Segment's ``writeKey``, for a transport that authenticates in the body.
    :param message_id: Segment's ``messageId``; by default ``api-`` and the record's ``_id``, if any, so that Segment
        recognises a retry. At 100 characters or more, it is replaced by ``api-`` and its SHA-256.
    :param context: Merged over the default ``context``, key by key at the top.
    :param integrations: Segment's ``integrations``, such as ``{"Cordial (Actions)": False}``.
    :param separator: The text between the parts of a property's name.
    :raises MissingFieldError: If the record has no ``action`` or ``a``, or nothing says whose event it is.
    :raises InvalidFieldError: If a field holds the wrong type, or a value that JSON cannot express.
    :raises KeyCollisionError: If two places in the record give the same property, or two in a context the same key.
    :raises NestingError: If the record nests containers deeper than 100, or the payload, by **context**, 500.
    :raises PayloadTooLargeError: If the payload takes over 32,768 bytes in its most compact JSON form.

    >>> from cordial_segment import build_track_payload
    >>> payload = build_track_payload({"action": "open", "cID": "c1", "_id": "e1", "d": {"type": "phone"}})
    >>> payload["event"], payload["messageId"], payload["properties"]
    ('Email Opened', 'api-e1', {'action': 'open', 'cID': 'c1', '_id': 'e1', 'd_type': 'phone'})

    Source: the example of Cordial's article "Send data from Cordial to Segment"; Segment, "Spec: Track".
    """
    record = as_record(event, "event")
    separator = as_text(separator, "separator")
    for argument, own in (("user_id", user_id), ("write_key", write_key), ("message_id", message_id)):
        if own is not None:
            as_text(own, argument)
    action = require_action(record)
    channel = channel_in(record) if channel is None else as_channel(channel)
    name = NAMES[channel].get(action, action)
    person = {} if contact is None else as_record(contact, "contact")
    about = {} if message is None else as_record(message, "message")
    anonymous = read_text(record, "cID") or read_text(person, "cID", "contact.") or read_text(person, "_id", "contact.")
    if not anonymous and not user_id:
        raise MissingFieldError("missing: set it or the contact's _id, or pass user_id", path="cID")
    record_id = read_text(record, "_id")
    lifted, timestamp = read_timestamp(record)
    if lifted and len(record) <= _MAX_BYTES // LEAST_ENTRY:  # a larger one is refused below
        record = record.copy()
        del record[lifted]
    properties, room = _properties(record, separator, about if channel is EMAIL else None)
    message_id = message_id or (record_id and "api-" + record_id)
    if message_id and len(message_id) > _MAX_MESSAGE_ID:
        message_id = "api-" + sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest()
    merged: dict[str, Any] = {"library": {"name": "unknown", "version": "unknown"}, "source": "cordial"}
    if person and (traits := _traits(person)):
        merged["traits"] = traits
        if not context:  # it may replace them
            room -= sum(map(len, traits.values()))
    merged |= _detached(context, "context")
    chosen = _detached(integrations, "integrations")
    payload: Any = {"type": "track", "event": name, "context": merged, "integrations": chosen, "properties": properties}
    room -= len(name)
    for field, text in zip(_TEXTS, (anonymous, user_id, message_id, timestamp, write_key)):
        if text:
            payload[field] = text
            room -= len(text)
    size = _size(payload) if room >= 0 and (context or integrations or room < _ROOMY) else _MAX_BYTES - room
    if size > _MAX_BYTES:
        if 2 * _size(properties) < size:
            right = "shorten the action, ids, contact, write key, context or integrations"
            raise PayloadTooLargeError(f"{_TOO_LARGE}, most of them outside its properties: {right}")
        raise _too_large(record, separator, properties, {})
    return cast("TrackPayload", payload)


def _properties(record: Record, separator: str, message: Record | None) -> tuple[dict[str, Any], int]:
    """Return the properties, and what room they leave. **message** is ``None`` except on the email channel."""
    try:  # Two links may be dropped below: their separators may be long, the rest is shorter than the payload's frame.
        flat = flat_dict(record, separator, MAX_DEPTH, _MAX_BYTES + 2 * len(separator))
    except NoRoomError as error:
        raise _too_large(record, separator, *error.args) from None
    if message is not None:
        for name, holder in add_email_fields(flat, record, message):
            del flat[name + separator + "link"]
            if len(holder) == 1:  # the section had nothing else: it stays, empty
                flat.setdefault(name, {})
    room = _MAX_BYTES - len("".join(flat)) - len(flat) * LEAST_ENTRY
    unusual = False
    for value in flat.values():
        kind = type(value)
        if kind is str:
            room -= len(value)
        elif kind not in _FIXED_WIDTH and not (kind in (int, float) and abs(value) < 1e18):  # NaN is not below it
            room -= _least_size(value)
            unusual = True
    if room < 0:
        raise _too_large(record, separator, flat, {})
    if unusual:
        _require_json(flat, record, separator, MAX_DEPTH)
    return flat, room


def _too_large(record: Record, separator: str, flat: dict[str, Any], lacking: dict[str, int]) -> PayloadTooLargeError:
    """Make the error for the largest key or value of **flat**, or for the path in **lacking** if that is larger."""
    sizes = {key: max(_least_size(key), _least_size(value)) for key, value in flat.items()} | lacking
    largest = max(sizes, key=sizes.__getitem__)
    if largest in lacking:
        return PayloadTooLargeError(f"{_TOO_LARGE}: shorten it; this is the first value without room", path=largest)
    path = path_of(largest, record, separator, MAX_DEPTH)
    return PayloadTooLargeError(f"{_TOO_LARGE}: shorten it; this is the largest of {len(flat):,} properties", path=path)


def _least_size(value: object) -> int:
    """Return a lower bound for the bytes of a text or an integer; near for a text that may fit."""
    if isinstance(value, int):
        return value.bit_length() // 5
    text = value if isinstance(value, str) else ""
    return max(len(text), len(text[:_MAX_BYTES].encode("utf-8", "backslashreplace")))


def _require_json(flat: dict[str, Any], *place: Any) -> None:
    """Raise at the first leaf that JSON cannot express; **place** goes to ``path_of``."""
    for key, value in flat.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            right = "use a string, a finite number, a bool, null, a mapping or a list"
            raise InvalidFieldError(f"{shown(value)} has no JSON form: {right}", path=path_of(key, *place)) from None


def _traits(contact: Record) -> dict[str, str]:
    traits: dict[str, str] = {}
    channels = section(contact, "channels", "contact.")
    for trait, channel in (("email", "email"), ("phone", "sms")):
        address = section(channels, channel, "contact.channels.").get("address")
        if isinstance(address, str) and address:
            traits[trait] = address
    return traits


def _detached(argument: Mapping[str, Any] | None, name: str) -> Any:
    """Copy the argument **name** into plain dicts and lists, or raise at the place of what JSON cannot express."""
    if argument is None:
        return {}
    named = {name: as_record(argument, name)}
    place = named, "\0", _MAX_CONTEXT_DEPTH  # a separator that keys do not have
    _require_json(flat_dict(*place), *place)
    return json.loads(json.dumps(named, default=lambda value: as_record(value, name)))[name]


def _size(value: object) -> int:
    """Return the bytes of **value** in its most compact JSON form; a lone surrogate counts as its escape."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace"))
