"""Segment's semantic fields of an email event: where a Cordial record has each of them."""

from collections.abc import Mapping
from typing import Any

from ._records import SECTIONS, Record, as_record, section


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


# Where each field comes from: the first place that has a value.
_SOURCES = {
    "campaign_id": ["record.bmID"],
    "email_id": ["record.mcID"],
    "campaign_name": ["message.name", "record.name", "record.message_name"],
    "email_subject": ["message.subject", "record.subject"],
    "link_url": ["system_properties.rl", "sp.rl", "system_properties.link", "sp.link", "record.linkUrl"],
    "link_id": ["system_properties.lKey", "sp.lKey", "record.lKey"],
}
_PLACES = [(field, [place.split(".") for place in places]) for field, places in _SOURCES.items()]


def add_email_fields(target: Record, record: Record, message: Record) -> list[tuple[str, Record]]:
    """Add the fields to **target** whose names are free; return each section whose ``link`` is needless, by name."""
    sections = {name: section(record, name) for name in SECTIONS}
    holders = {"record": record, "message": message, **sections}
    for field, places in _PLACES:
        if field not in record and field not in target:
            for holder, key in places:
                value = holders[holder].get(key)
                if value is not None and _is_value(value):
                    target[field] = value
                    break
    url = target.get("link_url")
    return [(name, held) for name, held in sections.items() if "link" in held and _is_needless(held["link"], url)]


def _is_needless(link: object, link_url: object) -> bool:
    is_empty = link is None or (isinstance(link, str) and not link)
    return is_empty or (_is_value(link) and _is_value(link_url) and link == link_url)


def _is_value(source: object) -> bool:
    # Cordial writes false where it does not know; a container is no identifier.
    return isinstance(source, (str, int, float)) and source != "" and not isinstance(source, bool)
