"""Segment's semantic fields of an email event: where a Cordial record has each of them."""

from collections.abc import Mapping
from typing import Any

from ._records import Record, as_record, section


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
    for name, holder in add_email_fields(enriched, record, {} if message is None else as_record(message, "message")):
        enriched[name] = {key: value for key, value in holder.items() if key != "link"}
    return enriched


def add_email_fields(target: Record, record: Record, message: Record) -> list[tuple[str, Record]]:
    """Add each field whose name is free to **target**; return the sections to drop ``link`` from, with their names."""
    system, sp = section(record, "system_properties"), section(record, "sp")
    for field, value in (
        ("campaign_id", _first(record.get("bmID"))),
        ("email_id", _first(record.get("mcID"))),
        ("campaign_name", _first(message.get("name"), record.get("name"), record.get("message_name"))),
        ("email_subject", _first(message.get("subject"), record.get("subject"))),
        ("link_url", _first(system.get("rl"), sp.get("rl"), system.get("link"), sp.get("link"), record.get("linkUrl"))),
        ("link_id", _first(system.get("lKey"), sp.get("lKey"), record.get("lKey"))),
    ):
        if value is not None and field not in record and field not in target:
            target[field] = value
    url = target.get("link_url")
    sections = (("system_properties", system), ("sp", sp))
    return [(name, held) for name, held in sections if "link" in held and _is_needless(held["link"], url)]


def _first(*sources: object) -> object:
    """Return the first text that is not empty, or number; no bool, since Cordial writes ``false`` for "unknown"."""
    for source in sources:
        if source is not None and isinstance(source, (str, int, float)) and source != "" and type(source) is not bool:
            return source
    return None


def _is_needless(link: object, url: object) -> bool:
    is_empty = link is None or (isinstance(link, str) and not link)
    return is_empty or (_first(link) is not None and _first(url) is not None and link == url)
