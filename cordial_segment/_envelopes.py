"""What a webhook body or an export holds: a record alone, or a record and the contact it is about."""

from collections.abc import Mapping
from typing import Any

from ._errors import InvalidFieldError, shown
from ._records import Record, plain, read_text


def open_envelope(item: Any) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
    """Return the record in one **item** of a webhook body or an export, and the contact it came with, if any.

    An item is a record alone, ``{"contact": …, "event": …}`` or ``{"event": …}``. A mapping is an envelope if its
    ``event`` is a mapping and it has no action itself.

    :raises InvalidFieldError: If **item** is not a mapping, the contact is neither a mapping nor null, or an action
        beside an ``event`` is an object.

    >>> from cordial_segment import open_envelope
    >>> open_envelope({"contact": {"_id": "c1"}, "event": {"a": "cart"}})
    ({'a': 'cart'}, {'_id': 'c1'})

    Source: RudderStack's page on its Cordial source, and that source's code.
    """
    if not isinstance(item, Mapping):
        raise InvalidFieldError(f"{shown(item)} is not a record: expected a mapping")
    outer: Record = plain(item, ())
    event = outer.get("event")
    # An action of its own makes it a record. One that is a number is refused when that is translated.
    is_action = (isinstance(outer.get(field), (int, float)) or read_text(outer, field) for field in ("action", "a"))
    if not isinstance(event, Mapping) or any(is_action):
        return item, None
    contact = outer.get("contact")
    if contact is not None and not isinstance(contact, Mapping):
        raise InvalidFieldError(f"{shown(contact)} is not a contact: expected a mapping or null", path="contact")
    return event, contact
