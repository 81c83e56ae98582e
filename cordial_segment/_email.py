"""Segment's semantic fields of an email event, and where a Cordial record has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._errors import is_a
from ._records import as_record, detached, section

__all__ = ["add_email_fields", "enrich_email_fields"]

# Each place's sources and the fields that they give; the first place with a value decides.
_OF_MESSAGE = (("name", "campaign_name"), ("subject", "email_subject"))
_OF_SECTION = (("rl", "link_url"), ("lKey", "link_id"))
_OF_TEMPLATE = (("link", "link_url"),)
_IDENTIFIERS = (("bmID", "campaign_id"), ("mcID", "email_id"))
_OF_RECORD = (
    ("name", "campaign_name"),
    ("subject", "email_subject"),
    ("linkUrl", "link_url"),
    ("lKey", "link_id"),
)


def enrich_email_fields(event: Mapping[str, Any], message: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give a new record with Segment's email fields added at its top level.

    ============== ====================================================================
    field          source, the first that is a non-empty string or a number
    ============== ====================================================================
    campaign_id    ``bmID``
    email_id       ``mcID``
    campaign_name  ``message["name"]``, the record's ``name``
    email_subject  ``message["subject"]``, the record's ``subject``
    link_url       ``system_properties.rl``, its ``link``, the record's ``linkUrl``
    link_id        ``system_properties.lKey``, the record's ``lKey``
    ============== ====================================================================

    ``sp`` is ``system_properties`` spelt short, and looked at after it. A field without a source is left out; a field
    that the record has already, with whatever value, is left alone. ``link`` in either of the two is dropped where it
    is ``""``, ``None`` or equal to ``link_url``. The result shares no container with **event**.

    :param event: The record. Whether it is an email event is not asked.
    :param message: The metadata of the message that the event is about, from Cordial's message API.
    :raises TypeError: If **event** or **message** is no mapping.
    :raises InvalidFieldError: If a container raises while it is read.
    :raises NestingError: If containers nest deeper than 100, or one contains itself.

    >>> from cordial_segment import enrich_email_fields
    >>> enrich_email_fields({"action": "open", "bmID": "45:61"}, {"subject": "Fall Sale 10% Off"})
    {'action': 'open', 'bmID': '45:61', 'campaign_id': '45:61', 'email_subject': 'Fall Sale 10% Off'}

    Source: Segment, "Spec: Email Events"; the payload in Cordial's article "Send data from Cordial to Segment".
    """
    record: dict[str, Any] = detached(as_record(event), None)
    add_email_fields(record, message)
    return record


def add_email_fields(record: dict[Any, Any], message: Mapping[str, Any] | None) -> None:
    """Add the fields to **record** itself; a section that loses its ``link`` is replaced by a copy."""
    about = {} if message is None else as_record(message, "message")
    system = section(record, "system_properties")
    short = section(record, "sp")
    for holder, fields in (
        (record, _IDENTIFIERS),
        (about, _OF_MESSAGE),
        (system, _OF_SECTION),
        (short, _OF_SECTION),
        (system, _OF_TEMPLATE),
        (short, _OF_TEMPLATE),
        (record, _OF_RECORD),
    ):
        if not holder:
            continue
        for source, field in fields:
            value = holder.get(source)
            # Nearly every source is a string or missing; the look at its type saves a call for each.
            if value is not None and field not in record and (value if type(value) is str else _has_value(value)):
                record[field] = value
    for name, holder in (("system_properties", system), ("sp", short)):
        if "link" in holder and _is_absorbed(holder["link"], record.get("link_url")):
            record[name] = rest = holder.copy()
            del rest["link"]


def _has_value(source: object) -> bool:
    # Cordial writes false where it does not know; a container is no identifier, and keeps its own place in the record.
    if is_a(source, str):
        return bool(str.__str__(source))
    return _is_number(source)


def _is_number(value: object) -> bool:
    return type(value) is int or type(value) is float


def _is_absorbed(link: object, link_url: object) -> bool:
    if is_a(link, str):
        text = str.__str__(link)
        return not text or (is_a(link_url, str) and text == str.__str__(link_url))
    return link is None or (_is_number(link) and _is_number(link_url) and link == link_url)
