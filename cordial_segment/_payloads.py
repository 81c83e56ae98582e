"""The whole translation: a Cordial record in, the payload of a Segment track call out."""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict, cast

from ._arguments import as_optional_text, as_record, as_text
from ._channels import EMAIL, Channel, as_channel, channel_in
from ._email import add_email_fields, needless_links, without_links
from ._errors import MissingFieldError
from ._events import NAMES
from ._flattening import MAX_DEPTH, NoRoomError, flat_dict
from ._identity import anonymous_id, content_id, fitting_id, traits
from ._records import Record, read_required_action, read_text, sections_of
from ._sizes import FAR_TOO_MANY, LONGEST_CHARACTER, MAX_BYTES, as_own_copy, fits, require_json, size, survey, too_large
from ._timestamps import read_timestamp

# As in the example of Cordial's article. This library sends nothing, so it does not sign as the sender.
_CONTEXT: dict[str, Any] = {"library": {"name": "unknown", "version": "unknown"}, "source": "cordial"}


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


_FRAME = size(dict.fromkeys(TrackPayload.__annotations__, _CONTEXT))  # over what all takes but properties and texts


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
        ``cID``. Its email and phone go into ``context.traits``, unless its ids say that it is somebody else. Nothing
        else of it is sent.
    :param message: The metadata of the message that an email event is about; see ``enrich_email_fields``.
    :param user_id: Segment's ``userId``. For this and the next two, a blank string counts as ``None``.
    :param write_key: Segment's ``writeKey``, for a transport that authenticates in the body.
    :param message_id: Segment's ``messageId``, by which it recognises a retry. By default, ``api-`` and the record's
        ``_id``; without an ``_id``, ``api-`` and a digest of what the payload says, if it has a time other than
        midnight. An id of 100 characters or more is replaced by ``api-`` and its digest, the first 32 hex digits of its
        SHA-256.
    :param context: Merged over the default ``context``, key by key at the top.
    :param integrations: Segment's ``integrations``, such as ``{"Cordial (Actions)": False}``.
    :param separator: The text between the parts of a property's name.
    :raises MissingFieldError: If the record has no ``action`` or ``a``, or nothing says whose event it is.
    :raises InvalidFieldError: If a field holds the wrong type, or a value that JSON cannot express.
    :raises KeyCollisionError: If two places in the record give the same property, or two in a context the same key.
    :raises NestingError: If the record, **context** or **integrations** nests containers deeper than 100.
    :raises PayloadTooLargeError: If the payload takes over 32,768 bytes in its most compact JSON form.

    >>> from cordial_segment import build_track_payload
    >>> payload = build_track_payload({"action": "open", "cID": "c1", "_id": "e1", "d": {"type": "phone"}})
    >>> payload["event"], payload["messageId"], payload["properties"]
    ('Email Opened', 'api-e1', {'action': 'open', 'cID': 'c1', '_id': 'e1', 'd_type': 'phone'})

    Source: the example of Cordial's article "Send data from Cordial to Segment"; Segment, "Spec: Track".
    """
    record = as_record(event, "event")
    contact = {} if contact is None else as_record(contact, "contact")
    message = {} if message is None else as_record(message, "message")
    own_context, chosen = as_own_copy(context, "context"), as_own_copy(integrations, "integrations")
    nested = {"context": own_context, "integrations": chosen}
    user_id = as_optional_text(user_id, "user_id")
    write_key = as_optional_text(write_key, "write_key")
    message_id = as_optional_text(message_id, "message_id")
    separator = as_text(separator, "separator")

    action = read_required_action(record)
    channel = channel_in(record, action) if channel is None else as_channel(channel)
    name = NAMES[channel].get(action, action)
    anonymous = anonymous_id(record, contact)
    if not anonymous and not user_id:
        raise MissingFieldError("missing: set it or the contact's _id, or pass user_id", path="cID")
    time_field, timestamp = read_timestamp(record)
    record_id = read_text(record, "_id")
    if time_field:
        record = record.copy()
        del record[time_field]

    properties = _properties(record, separator, message if channel is EMAIL else None, nested)
    characters, unusual = survey(properties)
    other_bytes = _FRAME + len(name) * LONGEST_CHARACTER
    if unusual:
        try:
            other_bytes += size(unusual)
        except (TypeError, ValueError):
            require_json(record)
            require_json({"message": _used(message, properties)})
    far_too_large = characters > FAR_TOO_MANY

    message_id = message_id or (record_id and "api-" + record_id)
    if not message_id and not far_too_large:
        message_id = content_id(timestamp, [user_id or None, anonymous or None, name, timestamp, properties])
    message_id = fitting_id(message_id)
    merged = {**_CONTEXT, "library": {**_CONTEXT["library"]}}
    if contact and (found := traits(record, contact)):
        merged["traits"] = found
    merged |= own_context
    if own_context or chosen or "traits" in merged:
        other_bytes += size(merged) + size(chosen)

    payload: Any = {"type": "track", "event": name, "context": merged, "integrations": chosen, "properties": properties}
    texts = (anonymous, user_id, message_id, timestamp, write_key)
    for field, text in zip(("anonymousId", "userId", "messageId", "timestamp", "writeKey"), texts):
        if text:
            payload[field] = text
            other_bytes += len(text) * LONGEST_CHARACTER
    if far_too_large or not fits(payload, other_bytes, characters):
        sent = without_links(record, properties) if channel is EMAIL else record
        used = {"message": _used(message, properties)}
        raise too_large({} if far_too_large else payload, (sent, separator), (used, ""), (nested, ""))
    return cast(TrackPayload, payload)


def _properties(record: Record, separator: str, message: Record | None, nested: Record) -> dict[str, Any]:
    """Return the flat record; with a **message**, even an empty one, with email fields. Beside it goes **nested**."""
    try:
        # Two links may be dropped later. But for their separators, they take less than what surrounds the properties.
        flat = flat_dict(record, separator, MAX_DEPTH, MAX_BYTES + 2 * len(separator))
    except NoRoomError:
        raise too_large({}, (record, separator), (nested, "")) from None
    if message is not None:
        sections = sections_of(record)
        add_email_fields(flat, record, sections, message)
        for name in needless_links(sections, flat.get("link_url")):
            del flat[f"{name}{separator}link"]
            if len(sections[name]) == 1:  # it had nothing else: it stays, empty
                flat.setdefault(name, {})
    return flat


def _used(message: Record, properties: Record) -> Record:
    """Return what of the **message** became a property."""
    fields = {"name": "campaign_name", "subject": "email_subject"}
    return {key: message[key] for key in fields if key in message and properties.get(fields[key]) is message[key]}
