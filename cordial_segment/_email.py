"""Segment's semantic fields of an email event: where a Cordial record has each of them."""

from collections.abc import Mapping
from typing import Any

from ._arguments import as_record
from ._records import Record, sections_of

# Where to look for each field, in this order: in which mapping, and under which of its keys.
_SOURCES = {
    field: [tuple(place.split(".")) for place in places.split()]
    for field, places in {
        "campaign_id": "record.bmID",
        "email_id": "record.mcID",
        "campaign_name": "message.name record.name record.message_name",
        "email_subject": "message.subject record.subject",
        "link_url": "system_properties.rl sp.rl system_properties.link sp.link record.linkUrl",
        "link_id": "system_properties.lKey sp.lKey record.lKey",
    }.items()
}


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
    add_email_fields(enriched, record, sections_of(record), {} if message is None else as_record(message, "message"))
    return without_links(enriched, enriched)


def add_email_fields(target: Record, record: Record, sections: dict[str, Record], message: Record) -> None:
    """Add each field to **target** that has a value, and whose name is free in **target** and **record**."""
    holders = {"record": record, "message": message, **sections}
    for field, sources in _SOURCES.items():
        if field not in target and field not in record:
            for name, key in sources:
                value = holders[name].get(key)
                if value is not None and is_value(value):
                    target[field] = value
                    break


def is_value(value: object) -> bool:
    """Whether a field may have this **value**: a text that is not empty, or a number, which a bool is not."""
    return isinstance(value, (str, int, float)) and value != "" and value is not True and value is not False


def needless_links(sections: dict[str, Record], url: object) -> list[str]:
    """Return the names of the **sections** whose ``link`` is empty, or repeats **url**, the event's ``link_url``."""
    return [name for name, section in sections.items() if "link" in section and _is_needless(section["link"], url)]


def without_links(record: Record, enriched: Record) -> Record:
    """Return **record** without the links that are needless beside the ``link_url`` of **enriched**."""
    sections = sections_of(record)
    names = needless_links(sections, enriched.get("link_url"))
    return record | {name: {key: value for key, value in sections[name].items() if key != "link"} for name in names}


def _is_needless(link: object, url: object) -> bool:
    return link is None or (isinstance(link, str) and not link) or (is_value(link) and is_value(url) and link == url)
