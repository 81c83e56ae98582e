"""Who it was, and which event it is: the id of the person, the traits that Segment knows, and the ``messageId``."""

import json
from hashlib import sha256
from typing import Any

from ._channels import EMAIL, SMS, known_channel
from ._records import Record, is_blank, read_mapping, read_text

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def anonymous_id(record: Record, contact: Record) -> str:
    """Return the record's ``cID``, or the contact's ``cID``, or its ``_id``, or ``""``."""
    return read_text(record, "cID") or read_text(contact, "cID", "contact") or read_text(contact, "_id", "contact")


def traits(record: Record, contact: Record) -> dict[str, str]:
    """Return the addresses of the **contact**, unless its ids say that it is not the record's."""
    ids = [text for text in (contact.get("cID"), contact.get("_id")) if isinstance(text, str) and not is_blank(text)]
    if ids and (person := read_text(record, "cID")) and person not in ids:
        return {}
    channels = read_mapping(contact, "channels", "contact")
    found: dict[str, str] = {}
    for trait, channel in (("email", EMAIL), ("phone", SMS)):
        own_keys = [key for key in channels if isinstance(key, str) and known_channel(key) is channel]
        for key in (channel.value, *own_keys):
            address = read_mapping(channels, key, "contact", "channels").get("address")
            if isinstance(address, str) and not is_blank(address):
                found.setdefault(trait, address)
    return found


def content_id(timestamp: str, content: list[Any]) -> str:
    """Return an id made of the **content** of an event, or ``""`` without a time that tells it from equal ones.

    At midnight, the **timestamp** may be a mere date.

    :param content: ``userId``, ``anonymousId``, ``event``, ``timestamp``, ``properties``; ``None`` for none.
    """
    return _digest(_canonical(content)) if timestamp and not timestamp.endswith("T00:00:00.000Z") else ""


def fitting_id(message_id: str) -> str:
    """Return **message_id**, or its digest if it is longer than Segment accepts."""
    return message_id if len(message_id) < 100 else _digest(message_id)


def _digest(text: str) -> str:
    return "api-" + sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
