"""Segment's semantic fields of an email event: where a Cordial record has each of them."""

from collections.abc import Mapping
from typing import Any

from ._records import SECTIONS, Record, as_record, section

EmailFields = tuple[tuple[str, Any], ...]


def enrich_email_fields(event: Mapping[str, Any], message: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a new dict: the record with Segment's email fields added at its top level.

    ============== =============================================================================================
    field          the first of these that has a value
    ============== =============================================================================================
    campaign_id    ``bmID``
    email_id       ``mcID``
    campaign_name  ``message["name"]``, the record's ``name``, ``message_name``
    email_subject  ``message["subject"]``, the record's ``subject``
    link_url       ``system_properties.rl``, ``sp.rl``, ``system_properties.link``, ``sp.link``, ``linkUrl``
    link_id        ``system_properties.lKey``, ``sp.lKey``, ``lKey``
    ============== =============================================================================================

    A value is a string that is not empty, or a number. A field without one is left out, and a field that the record
    has at its top level is left alone. ``link`` in either section is dropped if it is ``""``, ``None`` or equal to
    ``link_url``. The record is not changed; the result shares its deeper containers.

    :param event: The record. Its channel is not checked.
    :param message: The metadata of the message that the event is about, from Cordial's message API.

    >>> from cordial_segment import enrich_email_fields
    >>> enrich_email_fields({"action": "open", "bmID": "45:61"}, {"subject": "Fall Sale 10% Off"})
    {'action': 'open', 'bmID': '45:61', 'campaign_id': '45:61', 'email_subject': 'Fall Sale 10% Off'}

    Source: Segment, "Spec: Email Events"; the payload in Cordial's article "Send data from Cordial to Segment".
    """
    record = as_record(event, "event")
    enriched = dict(record)
    for field, value in email_fields(record, {} if message is None else as_record(message, "message")):
        if value is not None:
            enriched.setdefault(field, value)
    for name in SECTIONS:
        holder = section(record, name)
        if "link" in holder and is_needless(holder["link"], enriched.get("link_url")):
            enriched[name] = {key: value for key, value in holder.items() if key != "link"}
    return enriched


def email_fields(record: Record, message: Record) -> EmailFields:
    """Return each of Segment's fields and its value or ``None``, whether or not **record** has such a field itself."""
    system, short = section(record, "system_properties"), section(record, "sp")
    links = system.get("rl"), short.get("rl"), system.get("link"), short.get("link"), record.get("linkUrl")
    return (
        ("campaign_id", _first(record.get("bmID"))),
        ("email_id", _first(record.get("mcID"))),
        ("campaign_name", _first(message.get("name"), record.get("name"), record.get("message_name"))),
        ("email_subject", _first(message.get("subject"), record.get("subject"))),
        ("link_url", _first(*links)),
        ("link_id", _first(system.get("lKey"), short.get("lKey"), record.get("lKey"))),
    )


def is_needless(link: object, link_url: object) -> bool:
    """Whether a section's ``link`` is empty or repeats **link_url**."""
    if link is None or (isinstance(link, str) and not link):
        return True
    return _is_value(link) and _is_value(link_url) and link == link_url


def _first(*values: object) -> object:
    for value in values:
        if value is not None and _is_value(value):
            return value
    return None


def _is_value(source: object) -> bool:
    # Cordial writes false where it does not know; a container is no identifier.
    if isinstance(source, str):
        return source != ""
    return isinstance(source, (int, float)) and not isinstance(source, bool)
