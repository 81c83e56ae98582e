"""Who did it: the id of the person, and the traits by which Segment knows people."""

from ._channels import EMAIL, SMS, known_channel
from ._records import Record, is_blank, read_mapping, read_text


def anonymous_id(record: Record, contact: Record) -> str:
    """Return the record's ``cID``, or the contact's ``cID``, or its ``_id``, or ``""``."""
    return read_text(record, "cID") or read_text(contact, "cID", "contact") or read_text(contact, "_id", "contact")


def traits(record: Record, contact: Record) -> dict[str, str]:
    """Return the addresses of the **contact**, unless its ids say that it is not the record's."""
    person = read_text(record, "cID")
    ids = [text for text in (contact.get("cID"), contact.get("_id")) if isinstance(text, str) and not is_blank(text)]
    if person and ids and person not in ids:
        return {}
    channels = read_mapping(contact, "channels", "contact")
    found: dict[str, str] = {}
    for trait, channel in (("email", EMAIL), ("phone", SMS)):
        for key in (channel, *(key for key in channels if isinstance(key, str) and known_channel(key) is channel)):
            address = read_mapping(channels, key, "contact", "channels").get("address")
            if isinstance(address, str) and not is_blank(address):
                found[trait] = address
                break
    return found
